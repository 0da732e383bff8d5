package main

import (
	"encoding/json"
	"fmt"
	"math/rand"
	"strings"
)

// table lists the inputs of the frozen table. The same program makes the same inputs: the seed is fixed.
func table() []request {
	var requests []request
	read := func(text string) { requests = append(requests, request{Read: ptr(text)}) }
	write := func(value any) {
		text, err := json.Marshal(value)
		check(err)
		requests = append(requests, request{Write: text})
	}
	for _, scalar := range scalars {
		read("a: " + scalar + "\n")
		read(scalar + ": v\n")
		write(map[string]any{"a": scalar, scalar: []any{scalar}})
	}
	for _, document := range documents {
		read(document)
	}
	for _, text := range texts {
		write(text)
		write(map[string]any{"k": text, text: 1})
		write([]any{text, []any{text}, map[string]any{"k": map[string]any{"n": text}}})
	}
	random := rand.New(rand.NewSource(20261121))
	for range 1200 {
		scalar := randomScalar(random)
		read("a: " + scalar + "\n")
		write([]any{scalar, map[string]any{"k": scalar}})
	}
	for range 700 {
		read(randomDocument(random))
		write(randomValue(random, 4))
	}
	for range 300 {
		requests = append(requests, request{Strings: ptr("stringData:\n  a: " + randomNumber(random) + "\n  b: " + randomScalar(random) + "\n")})
	}
	return requests
}

var alphabets = []string{
	"0123456789", "0123456789+-._eExob:", "01", "0_", "0123456789abcdefx_", "yYnNoOeEsStTrRuUfFaAlL", "abc", "ab :#-?,[]{}&*!|>'\"%@`",
	"a \n", "a\t ", "ab\u00e9\u4e16\U0001f600", "a\u2028\u0085\u00a0\ufeff\r\x07\x7f", ".infNaA+-", "~null", "=<>", "2001-19T:Zz. +,",
}

func pick(random *rand.Rand, from string, most int) string {
	letters := []rune(from)
	var text strings.Builder
	for range random.Intn(most) + 1 {
		text.WriteRune(letters[random.Intn(len(letters))])
	}
	return text.String()
}

func randomScalar(random *rand.Rand) string {
	if random.Intn(4) == 0 {
		return randomNumber(random)
	}
	return pick(random, alphabets[random.Intn(len(alphabets))], 12)
}

func randomNumber(random *rand.Rand) string {
	sign := []string{"", "", "-", "+"}[random.Intn(4)]
	switch random.Intn(8) {
	case 0:
		return sign + "0" + pick(random, "01234567", 5)
	case 1:
		return sign + "0x" + pick(random, "0123456789abcdefABCDEF", 17)
	case 2:
		return sign + "0b" + pick(random, "01", 10)
	case 3:
		return sign + "0o" + pick(random, "01234567", 6)
	case 4:
		return sign + pick(random, "0123456789_", 22)
	case 5:
		return fmt.Sprint(random.NormFloat64() * float64(random.Intn(1000000)))
	case 6:
		return sign + pick(random, "0123456789", 4) + "." + pick(random, "0123456789", 6) + "e" + fmt.Sprint(random.Intn(80)-40)
	default:
		return sign + pick(random, "0123456789", 9) + "." + pick(random, "0123456789", 9)
	}
}

// randomDocument is mostly valid block YAML, with the constructs of manifests and some damage.
func randomDocument(random *rand.Rand) string {
	var text strings.Builder
	block(random, &text, 0, 3)
	document := text.String()
	if random.Intn(4) == 0 {
		document = strings.ReplaceAll(document, "\n", "\r\n")
	}
	if random.Intn(6) == 0 {
		at := random.Intn(len(document) + 1)
		document = document[:at] + pick(random, ":-#{}[]'\"&*!|>\n ", 2) + document[at:]
	}
	return document
}

func block(random *rand.Rand, text *strings.Builder, indent, depth int) {
	sequence := random.Intn(4) == 0
	for index := range random.Intn(4) + 1 {
		if random.Intn(8) == 0 {
			text.WriteString(strings.Repeat(" ", indent) + "# comment: 'x\n")
		}
		text.WriteString(strings.Repeat(" ", indent))
		if sequence {
			text.WriteString("-")
		} else {
			text.WriteString([]string{"k%d:", "\"k %d\":", "'k%d' :", "%d:", "key-%d.x/y:"}[random.Intn(5)])
			key := text.String()
			text.Reset()
			text.WriteString(strings.ReplaceAll(key, "%d", fmt.Sprint(index)))
		}
		switch choice := random.Intn(10); {
		case depth > 0 && choice < 3:
			text.WriteString([]string{"\n", " # c\n"}[random.Intn(2)])
			block(random, text, indent+1+random.Intn(3), depth-1)
		case choice == 3:
			text.WriteString([]string{" |", " >", " |-", " >-", " |+", " >+"}[random.Intn(6)] + "\n")
			for range random.Intn(4) + 1 {
				text.WriteString([]string{strings.Repeat(" ", indent+2) + pick(random, "ab c#:", 8), "", strings.Repeat(" ", indent+4) + "more"}[random.Intn(3)] + "\n")
			}
		case choice == 4:
			text.WriteString(" {a: " + pick(random, "abc123", 3) + ", \"b\": [1, x, 'y z', yes]" + []string{"}", ",}", " }"}[random.Intn(3)] + "\n")
		case choice == 5:
			text.WriteString(" \"" + []string{"a\\tb\\u00e9", "x\\\n             y", "\\x41\\e", "a  \n\n             b", "\\\"q\\\""}[random.Intn(5)] + "\"\n")
		case choice == 6:
			text.WriteString(" 'it''s " + pick(random, "abc #:\"", 5) + "'\n")
		case choice == 7:
			text.WriteString(" two words\n" + strings.Repeat(" ", indent+3) + "and more\n")
		default:
			text.WriteString(" " + pick(random, "abcdefgh0123456789.", 7) + []string{"", " # c", "  "}[random.Intn(3)] + "\n")
		}
	}
}

func randomValue(random *rand.Rand, depth int) any {
	choice := random.Intn(10)
	if depth == 0 {
		choice = random.Intn(6)
	}
	switch choice {
	case 0:
		return random.Int63() >> random.Intn(63)
	case 1:
		return random.NormFloat64() * float64(int64(1)<<random.Intn(62))
	case 2:
		return []any{nil, true, false}[random.Intn(3)]
	case 3:
		return strings.TrimSpace(strings.Repeat(pick(random, "abcdefgh", 9)+" ", random.Intn(40)))
	case 4, 5:
		return randomScalar(random)
	case 6, 7:
		list := []any{}
		for range random.Intn(4) {
			list = append(list, randomValue(random, depth-1))
		}
		return list
	default:
		object := map[string]any{}
		for range random.Intn(5) {
			// One digit at most: with more, go-yaml's order of keys has cycles and the output is a matter of luck.
			object[pick(random, "abcXYZ-./_", 5)+pick(random, "0123456789 ", 1)] = randomValue(random, depth-1)
		}
		return object
	}
}

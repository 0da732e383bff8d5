// Prints which of a list of patterns Go's regexp compiles, and which of a list of subjects each of them matches:
// tests/it/vectors/go-regexp.json is `go run tests/go/regexp/main.go`.
package main

import (
	"encoding/json"
	"os"
	"regexp"
)

func main() {
	pats := []string{`^(data|stringData)$`, `_unencrypted$`, `^\w+$`, `\d`, `\bkey\b`, `[[:alpha:]]`, `[a[b]`, `a{`, `a{2}`, `a{,2}`, `{{ x }}`, `a{2,1}`, `a**`, `a*?`, `a??`, `(?i)DATA`, `(?x)a b`, `(?!x)`, `(`, `)`, `[`, `a{1001}`, `a{1000}`, `\Qa.b\E`, `\Qa.b`, `\<`, `\u0041`, `\1`, `\101`, `\0`, `\x41`, `\x{41}`, `\pL`, `\p{Greek}`, `\p{Foo}`, `\C`, `\z`, `\Z`, `\s`, `[\w-]`, `[\d&&x]`, `[a--b]`, `[~~]`, `[]a]`, `[^]a]`, `(?P<n>a)`, `(?<n>a)`, `(?P=n)`, `$`, ``, `a|`, `|`, `*`, `^*`, `x{2}{3}`, `x{2}?`, `\é`, `é`, `[é-ü]`, `(?s).`, `.`, `(?m)^b`, `(?U)a+`, `\_`, `\ `, `[\]]`, `[a-\d]`, `[\b]`, `\a`, `(?i)ſ`, `(?i)k`, `[[:foo:]]`, `[[:^alpha:]]`, `a{01}`, `a{1,02}`, `x{0,0}`, `[z-a]`, `\pN`, `(?-i)a`, `(?i-)a`, `(?:a)`, `(?)a`, `\Q\E*`, `[\Q]`, `\E`, `a\`, `[#]`, `#`, `a b`, `~`, `&&`, `[a&&b]`, `[\-a]`, `[+--]`, `[a-]`, `[-a]`, `\B`, `\W`, `\S`, `[\W]`, `[^\S]`, `\v`, `\f`, `(?P<1>a)`, `(?P<n>a)(?P<n>b)`, `[[.a.]]`, `[[=a=]]`}
	subs := []string{"", "a", "b", "aa", "data", "Data", "stringData", "key", "mykey", "my key", "é", "ü", "1", "٣", "x{{ x }}", "a{", "a{,2}", "a.b", "axb", "<", "u0041", "A", "\x00", "Ω", "\n", "a\nb", " ", "_", "-", "[", "&", "~", "^", "]", "x", "xx", "xxxxxx", "ſ", "K", "\u212a", "#", "a b", "\x07", "5", "foo_unencrypted", "a{01}", "&&", "+", ",", "\\", "\v", "\f", "Z"}
	type row struct {
		Pattern string  `json:"pattern"`
		Matches *string `json:"matches"`
	}
	rows := []row{}
	for _, p := range pats {
		re, err := regexp.Compile(p)
		if err != nil {
			rows = append(rows, row{p, nil})
			continue
		}
		out := ""
		for _, s := range subs {
			if re.MatchString(s) {
				out += "1"
			} else {
				out += "0"
			}
		}
		rows = append(rows, row{p, &out})
	}
	e := json.NewEncoder(os.Stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	e.Encode(map[string]any{"subjects": subs, "patterns": rows})
}

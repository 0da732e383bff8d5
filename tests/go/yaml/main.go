// Command yaml answers what sigs.k8s.io/yaml v1.4.0, the YAML of kubeseal 0.27.1, makes of an input.
//
// Without arguments it reads JSON lines and writes one JSON line for each:
//
//	{"read": "text"}    the text as JSON:                           {"value": …} or {"error": "…"}
//	{"strings": "text"} `stringData` of the text as map[string]string: {"value": …} or {"error": "…"}
//	{"write": value}    the value as YAML:                          {"text": "…"} or {"error": "…"}
//
// With the argument `table` it writes the frozen table: hand-picked traps and pseudo-random inputs of a fixed seed, one line
// each, with the request's fields and the answer's.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"sigs.k8s.io/yaml"
)

type request struct {
	Read    *string         `json:"read,omitempty"`
	Strings *string         `json:"strings,omitempty"`
	Write   json.RawMessage `json:"write,omitempty"`
}

type answer struct {
	request
	Value json.RawMessage `json:"value,omitempty"`
	Text  *string         `json:"text,omitempty"`
	Error string          `json:"error,omitempty"`
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if len(os.Args) > 1 && os.Args[1] == "table" {
		for _, request := range table() {
			result := handle(request)
			result.request = request
			check(encoder.Encode(result))
		}
		return
	}
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			var asked request
			check(json.Unmarshal(line, &asked))
			check(encoder.Encode(handle(asked)))
		}
		if err != nil {
			return
		}
	}
}

func handle(asked request) (result answer) {
	// go-yaml panics on some inputs; that is an answer too.
	defer func() {
		if problem := recover(); problem != nil {
			result = answer{Error: fmt.Sprint("panic: ", problem)}
		}
	}()
	switch {
	case asked.Read != nil:
		value, err := yaml.YAMLToJSON([]byte(*asked.Read))
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{Value: value}
	case asked.Strings != nil:
		var object struct {
			StringData map[string]string `json:"stringData"`
		}
		if err := yaml.Unmarshal([]byte(*asked.Strings), &object); err != nil {
			return answer{Error: err.Error()}
		}
		value, err := json.Marshal(object.StringData)
		check(err)
		return answer{Value: value}
	default:
		decoder := json.NewDecoder(bytes.NewReader(asked.Write))
		decoder.UseNumber()
		var value any
		check(decoder.Decode(&value))
		text, err := yaml.Marshal(numbers(value))
		if err != nil {
			return answer{Error: err.Error()}
		}
		return answer{Text: ptr(string(text))}
	}
}

// numbers makes of every number what Kubernetes' own decoder makes of it: an int64 or uint64 if it is written as an integer
// and fits, else a float64.
func numbers(value any) any {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			value[key] = numbers(inner)
		}
	case []any:
		for index, inner := range value {
			value[index] = numbers(inner)
		}
	case json.Number:
		if !strings.ContainsAny(value.String(), ".eE") {
			var integer int64
			if json.Unmarshal([]byte(value), &integer) == nil {
				return integer
			}
			var unsigned uint64
			if json.Unmarshal([]byte(value), &unsigned) == nil {
				return unsigned
			}
		}
		float, err := value.Float64()
		check(err)
		return float
	}
	return value
}

func ptr(text string) *string { return &text }

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "yaml:", err)
		os.Exit(1)
	}
}

// Executes templates with Go's text/template and sprig, as the sealed-secrets controller does: the reference for the tests of
// src/template. Reads on standard input {"values": {…}, "cases": [{"template": …}, …]} and writes the same with "output" (text),
// "output64" (base64, where the output is not UTF-8) or "error" ("parse" or "execute") in every case. A case may have "values" of
// its own. Values that start with "base64:" are decoded.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/Masterminds/sprig/v3"
)

type testCase struct {
	Template string            `json:"template"`
	Values   map[string]string `json:"values,omitzero"`
	Output   *string           `json:"output,omitempty"`
	Output64 *string           `json:"output64,omitempty"`
	Error    string            `json:"error,omitempty"`
}

type table struct {
	Made   string            `json:"made,omitempty"`
	Values map[string]string `json:"values"`
	Cases  []testCase        `json:"cases"`
}

func decoded(values map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range values {
		if text, ok := strings.CutPrefix(value, "base64:"); ok {
			raw, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				panic(err)
			}
			value = string(raw)
		}
		out[key] = value
	}
	return out
}

func functions() template.FuncMap {
	all := sprig.TxtFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(all, name)
	}
	return all
}

func run(c *testCase, values map[string]string) {
	c.Output, c.Output64, c.Error = nil, nil, ""
	parsed, err := template.New("key").Funcs(functions()).Parse(c.Template)
	if err != nil {
		c.Error = "parse"
		fmt.Fprintln(os.Stderr, err)
		return
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, values); err != nil {
		c.Error = "execute"
		fmt.Fprintln(os.Stderr, err)
		return
	}
	text := out.String()
	if utf8.ValidString(text) {
		c.Output = &text
	} else {
		encoded := base64.StdEncoding.EncodeToString(out.Bytes())
		c.Output64 = &encoded
	}
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "names" {
		for name := range functions() {
			fmt.Println(name)
		}
		return
	}
	var t table
	if err := json.NewDecoder(os.Stdin).Decode(&t); err != nil {
		panic(err)
	}
	common := decoded(t.Values)
	for i := range t.Cases {
		values := common
		if t.Cases[i].Values != nil {
			values = decoded(t.Cases[i].Values)
		}
		run(&t.Cases[i], values)
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", " ")
	if err := out.Encode(t); err != nil {
		panic(err)
	}
}

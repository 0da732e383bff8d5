// Reads expressions of PromQL as a JSON list of texts; writes a JSON list: the error of each, or null.
package main

import (
	"encoding/json"
	"os"

	"github.com/prometheus/prometheus/promql/parser"
)

func main() {
	var expressions []string
	if err := json.NewDecoder(os.Stdin).Decode(&expressions); err != nil {
		panic(err)
	}
	answers := make([]*string, len(expressions))
	p := parser.NewParser(parser.Options{})
	for i, expression := range expressions {
		if _, err := p.ParseExpr(expression); err != nil {
			text := err.Error()
			answers[i] = &text
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(answers); err != nil {
		panic(err)
	}
}

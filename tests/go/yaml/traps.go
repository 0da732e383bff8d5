package main

import "strings"

// scalars are texts that YAML 1.1, 1.2 and Go read in different ways.
var scalars = []string{
	"y", "Y", "yes", "Yes", "YES", "yEs", "n", "N", "no", "No", "NO", "true", "True", "TRUE", "tRue", "false", "False", "FALSE",
	"on", "On", "ON", "off", "Off", "OFF", "~", "null", "Null", "NULL", "nULL", "",
	".nan", ".NaN", ".NAN", ".Nan", ".inf", ".Inf", ".INF", "+.inf", "-.inf", "-.INF", "inf", "nan", "Infinity", "+Inf",
	"0", "-0", "+0", "00", "007", "08", "09.5", "0644", "-0644", "0o17", "0O17", "0x1F", "0X1f", "0x", "-0x1f", "+0x1f", "0xg",
	"0b101", "0B101", "0b", "-0b101", "0b-101", "0b+1", "-0b-1", "-0b+1", "0b2", "1_000", "1__0", "_1", "1_", "0_7", "0x_f", "0b_1",
	"9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809", "18446744073709551615",
	"18446744073709551616", "123456789012345678901234567890", "0xffffffffffffffff", "0x10000000000000000", "-0xffffffffffffffff",
	"1.", ".5", "-.5", "+.5", ".5_0", "._5", ".5_", ".5e1_0", "1.10", "1.0", "1e3", "1E3", "1e+3", "1e-3", "1e", "e1", "1e400", "1e-400",
	".e5", ".5e", "1.5e3.2", "0x1.8p1", "1_0.5_0", "-1e3", "+1.5", "1.23456789", "1000000.0", "123456789.125", "0.1", "1e21", "1e20",
	"1:20", "190:20:30", "190:20:30.15", "1:60", "-1:20", "1:2a", "12:30:45", "1_0:20",
	"2001-01-01", "2001-1-1", "2001-02-30", "2000-02-29", "1900-02-29", "2001-13-01", "20010-1-1", "2001-01-01T00:00:00Z",
	"2001-01-01t00:00:00Z", "2001-01-01 00:00:00", "2001-01-01  00:00:00", "2001-01-01T00:00:00", "2001-01-01T0:0:0Z",
	"2001-01-01T00:00:00.5+01:00", "2001-01-01T00:00:00,5Z", "2001-01-01T24:00:00Z", "2001-01-01T00:00:00+24:60",
	"2001-01-01T00:00:00+25:00", "2001-01-01 00:00:00 Z", "2001-01-01T00:00:60Z", "2001-01-01 1:2:3.", "0000-01-01",
	"-", "--", "---", "--- a", "...", "... a", "-a", "- a", "?", "?a", "? a", ":", ":a", ": a", "a:", "a: b", "a:b", "a :b", "#", "#a",
	"a#b", "a #b", "&a", "&a b", "*a", "!", "! 12", "! \"12\"", "!a", "!a b", "|", ">", "|a", "%", "%a", "@a", "`a", "=", "<<", ",a",
	"a,b", "[", "]", "[]", "[a", "{", "}", "{}", "{a", "{a: b}", "'", "\"", "''", "\"\"", "'a", "\"a", "'a'b", "\"a\"b", "a'b", "a\"b",
	"'a''b'", "\"a\\\"b\"", "\"\\x41\\u00e9\\U0001f600\\e\\_\\N\\L\\P\\0\\a\"", "\"\\q\"", "\"\\ud83d\\ude00\"", "\"\\/\"",
	"\\", "a\\b", "a\tb", "\ta", "a\t", " a", "a ", "  ", "é", "世界", "\U0001f600", "a\u00a0b", "\u00a0", "a\u2028b", "\u2028", "a\u0085b",
	"a\ufeffb", "\ufeffa", "a\x07b", "a\x7fb", "a\u0081b", "a\ufffeb", "a\ufffdb", "a\rb", "a\r\nb",
	"!!str 12", "!!str yes", "!!str", "!!int 12", "!!int \"12\"", "!!int x", "!!int 1.5", "!!float 12", "!!float 1.5", "!!float x", "!!bool yes",
	"!!bool \"yes\"", "!!bool 1", "!!null ~", "!!null x", "!!null", "!!binary aGk=", "!!binary \"aGk=\"", "!!binary a", "!!binary \"aG\\nk=\"",
	"!!timestamp 2001-01-01", "!!timestamp x", "!!timestamp \"2001-01-01\"", "!!foo bar", "!!map x", "!!merge <<", "!local x", "!<tag:yaml.org,2002:str> 12",
	"!<tag:yaml.org,2002:int> 12", "!a!b c", "&x !!str 1", "!!str &x 1", "!!float 18446744073709551615", "!!int 0644", "!!float 0644",
}

// documents are whole texts.
var documents = []string{
	"", "\n", "# c\n", "---\n", "---\n...\n", "...\n", "--- # c\n", "--- a\n", "--- |\n a\n", "a: 1\n---\nb: 2\n", "a: 1\n...\n---\nb\n", "---\n---\na: 1\n",
	"\ufeffa: 1\n", "\ufeff# c\na: 1\n", "%YAML 1.1\n---\na: 1\n", "%YAML 1.2\n---\na: 1\n", "%TAG !e! tag:e,2000:\n---\na: !e!x 1\n", "%FOO bar\n---\na: 1\n",
	"a: 1\na: 2\n", "a: {x: 1}\na: {y: 2}\n", "{a: 1, a: 2}\n", "a: 1\n\"a\": 2\n", "yes: a\ntrue: b\n",
	"a: &x 1\nb: *x\n", "a: &x {p: 1}\nb: *x\nc: [*x, *x]\n", "a: *x\n", "a: &x [*x]\n", "&a a: 1\nb: *a\n", "*a : 1\n", "a: &x 1\nb: &x 2\nc: *x\n", "&k key: &v value\n*k : *v\n",
	"b: &b {p: 1, q: 2}\nc:\n  <<: *b\n  p: 9\n", "b: &b {p: 1, q: 2}\nc:\n  p: 9\n  <<: *b\n", "a: &a {p: 1}\nb: &b {p: 2, r: 3}\nc:\n  <<: [*a, *b]\n",
	"<<: {p: 1}\n", "<<: 1\n", "<<: [1]\n", "\"<<\": {p: 1}\n", "!!merge <<: {p: 1}\n", "a: &a [1]\nb: {<<: *a}\n", "a: &a {<<: *a}\n", "<<:\n", "a: &a {p: 1}\nb: {<<: [*a, {z: 2}], p: 3}\n",
	"b: &b {p: 1}\nc: &c {<<: *b, q: 2}\nd: {<<: *c}\n", "b: &b {p: &i {n: 1}}\nc: {<<: *b, s: *i}\n", "a: &a {p: 1}\n<<: *a\n<<: {q: 2}\n",
	"? a\n: b\n", "? a\n", "? |\n  x\n: y\n", "? [a]\n: b\n", "? {a: b}\n: c\n", "[a]: b\n", "{[a]: b}\n", "~: a\n", "null: a\n", "\"\": a\n", ": a\n", "- : a\n", "1.5: a\n", ".inf: a\n", ".nan: a\n", "0x10: a\n",
	"18446744073709551615: a\n", "1e3: a\n", "1000000.0: a\n", "2001-01-01: a\n", "!!binary aGk=: a\n", "!!str 1: a\n", "a: {b}\n", "a: [b: c]\n", "a: [b, c: d]\n", "a: {b: , c: d}\n", "a: {b, c}\n", "a: {\"b\":c}\n", "a: {b:c}\n", "{a: 1,}\n", "[a,]\n", "[a,,b]\n", "{,a: 1}\n", "[,]\n", "{a: [}\n",
	"a: |\n  x\n  y\n", "a: |-\n  x\n", "a: |+\n  x\n\n", "a: |2\n   x\n", "a: |1\n  x\n", "a: >\n  x\n  y\n\n  z\n", "a: >-\n  x\n    y\n  z\n", "a: |\n\n  x\n", "a: |\n   x\n  y\n", "a: |\n  x\n y: 1\n", "a: | # c\n  x\n", "a: |x\n  y\n", "a: |\n", "a: |", "a: |\nb: 1\n", "a: |\n  x", "a: |+\n  x", "a: |+\n  x\n\n  ", "a: |+\n  x\n  ", "a: >\n  x\n  y", "a: >+\n  x\n    ", "a: |\n  x\n  # c", "a: |\n  x\n# c", "a: |-\n  x", "a: |\n  x ", "a: |\r\n  x\r", "a: |\n    ", "a: |\n\tx\n", "a: |\n  x\n\ty\n", "a: |0\n  x\n", "a: |-2\n  x\n", "a: |2-\n  x\n", "- |\n x\n- >\n y\n", "- - |\n   x\n  - y\n", "|\n x\n", "a: |\n  x\n  # no comment\n# comment\n",
	"a: >\n\n  x\n\n\n  y\n", "a: >+\n  x\n\n\n", "a: |\n  x\n\n  \n   \nb: 1\n", "a: >\n  x\n\n    y\n\n  z\n", "a: >\n    x\n  y\n",
	"a: b\n  c\n", "a: b\n\n  c\n", "a: b\n c: d\n", "a: b # c\n", "a: b#c\n", "a:\n  b\n", "a:\nb\n", "a:\n- b\n- c\n", "a:\n  - b\n  - c\n", "a:\n - b\n- c\n", "- a\n-b\n", "-\n  a: b\n", "- a: b\n  c: d\n", "- a: b\n   c: d\n", "- - a\n  - b\n", "- a\n - b\n", "a: - b\n", "a: b: c\n", "a:\n\tb: c\n", "a:\tb\n", "a: b\t\n", "a: b\t# c\n", "\ta: b\n", "a: \"b\n  c\"\n", "a: \"b\nc\"\n", "a: 'b\n\n  c'\n", "a: \"b\\\n  c\"\n", "a: \"b\n", "a: 'b\n---\n'\n", "a: \"x\n...\n\"\n",
	"a: [1,\n2]\n", "a: [1,\n  2]\n", "a: {b: 1,\nc: 2}\n", "a: [\n]\n", "a: {\n}\n", "a: {\n  b: 1\n}\n", "{\"a\": 1}", "{\"a\": {\"b\": [1, 2.5, null, true, \"x\"]}}", "{\n\t\"a\": 1\n}\n", "{\n\t\"a\":\t[\n\t\t1\n\t]\n}\n", "[1, 2]\n", "{\"a\":1}{\"b\":2}", "{\"a\":1}\n{\"b\":2}\n", "{\"a\":\"\\u00e9\\/\"}", "{\"a\":\"x\\\n y\"}", "{a: b, c: \"d\"}", "{a: http://x/y}\n", "{a: x?y, b: x#y}\n", "[a?, ?b]\n", "[a, ? b : c]\n", "[-1, - 2]\n", "[a:, b]\n", "{a: 'b'c}\n", "{\"a\":b}\n", "{a :b}\n", "[http://x:80/]\n", "{a: *x}\n", "[&x a, *x]\n", "[*x ]\n", "{a: &x , b: *x}\n",
	"a: 1\nb\n", "a\nb\n", "a\n", "\"a\"\n", "- a\nb: c\n", "a: 1\n- b\n", "a: [1\n", "a: }\n", "a: ]\n", "a: @b\n", "a: `b\n", "a: %b\n", "a: !b\n", "a: !<b c\n", "a: &\n", "a: *\n", "a: &x &y z\n", "a: !x !y z\n", "a: &x *y\n", "a: b\r\nc: d\r\n", "a: b\rc: d\r", "a: |\r\n  x\r\n  y\r\n", "a: \"x\r\n  y\"\r\n", "a: b\n\n\n", "  a: b\n  c: d\n", "  a: b\nc: d\n", "a: b\n  # c\n c: d\n", "#a\n\n#b\na: 1 #c\n#d\n", "a: #c\n  b\n", "a: #c\n  b: 1\n", "- #c\n  b: 1\n", "a: [ #c\n 1 ]\n", "a:#c\n", "a:\n  b: 1\n c: 2\n",
	"a: x\u2028y\n", "a: x\u0085y\n", "a: \"x\u2028y\"\n", "a: x\x00y\n", "a: x\x07y\n", "a: \"\x7f\"\n", "a: \U0001f600\n", "a: \ufeffx\n", "a\u00a0b: c\n", "a: \u00a0\n",
	"a: !!binary |\n  aGVs\n  bG8=\n", "a: !!binary /w==\n", "a: !!set {x, y}\n", "a: !!omap [x: 1]\n", "a: !!seq [1]\n", "a: !!map {b: 1}\n", "a: !!str [1]\n", "a: !!int {b: 1}\n", "!!map\na: 1\n", "!foo\na: 1\n", "a: !foo\n  b: 1\n", "a: &x\n  b: 1\nc: *x\n", "a: &x\n  - 1\nc: *x\n", "a: &x\nc: *x\n", "&x a: b\nc: *x\n", "&x\na: b\n", "--- &x\na: b\n", "--- !!map\na: b\n", "--- {a: b}\n", "---\ta: b\n", "---a: b\n", "--- a: b\n", "---\n- a\n...\nx\n", "a: 1\n... # c\n", "a: 1\n...x\n",
	strings.Repeat("k", 1100) + ": v\n", "a: " + strings.Repeat("x", 5000) + "\n", "{" + strings.Repeat("k", 1100) + ": v}\n", "\"" + strings.Repeat("k", 1100) + "\": v\n", strings.Repeat("[", 100) + strings.Repeat("]", 100) + "\n",
	"apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  creationTimestamp: null\ndata:\n  a: aGVsbG8=\nstringData:\n  mode: 0644\n  flag: y\n  ver: 1.10\n",
}

// texts are strings to write.
var texts = []string{
	"a\nb", "a\nb\n", "a\nb\n\n", "\n", "\n\n", "\na", " a\nb", "a\n b", "a \nb", "a\nb ", "a\n\nb", "a\n\n\nb\n", "\ta\nb", "a\tb\nc", "a\n\tb", "a\r\nb", "a\r\nb\r\n", "a\nb\u2028", "é\nü\n", "a\n\U0001f600\n", "---\na", "# a\nb", "a: b\nc: d\n", "- a\n- b\n", "a\n \nb", "a\n  \n", " \n", " \na", "a\n ", "\n ",
	strings.Repeat("word ", 30), strings.Repeat("word ", 30) + "end", strings.Repeat("x", 200), strings.Repeat("x", 81) + " y z", strings.Repeat("x", 80) + "  y z", strings.Repeat("x", 85) + " y  z w", "yes " + strings.Repeat("word ", 20) + "end", "'" + strings.Repeat("it's ", 30) + "end", strings.Repeat("a: b ", 30) + "c", strings.Repeat("tab\tword ", 20) + "end", strings.Repeat("tab\t word  two   ", 12) + "end", strings.Repeat("é ", 90) + "end", strings.Repeat("\U0001f600 ", 30) + "end", strings.Repeat("\"q\" ", 40) + "end", strings.Repeat("long ", 30) + "\n" + strings.Repeat("long ", 30),
	strings.Repeat("k", 128), strings.Repeat("k", 129), strings.Repeat("é", 64), strings.Repeat("é", 65), strings.Repeat("k ", 70) + "x",
	"{\"json\": \"value\", \"list\": [1, 2]}", "{{ .value }}", "{{ index . \"a\" | b64enc }}", "key={{ .a }}\n{{ if .b }}x{{ end }}\n", "https://example.org/?a=b&c=<d>", "a & b < c > d", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "AgBy3i4OJSWK+PiTySYZZA==", "2024-01-01T00:00:00Z", "null ", "true\n", "0644\n", "a\\b", "\\", "$2a$10$abc", "%x", "*.example.org", "=", "==", "!important", "| a", "> a", "@handle", "`tick`", ", a", "[a]", "a]", "{a}", "a}", "a?b", "? a", "a ?", "?", "a:", "a :b", ":a", "::", "a #b", "a# b", "#", "' a", "\" a", "a'", "a\"", "'a'", "\"a\"", "--", "---", "----", "...", "....", "- ", "-", "-\ta", ":\ta", "?\ta", "a:\tb", "a\t#b",
}

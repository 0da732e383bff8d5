//! Templates against Go's text/template with sprig, run live: the frozen table again, and random combinations of functions.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::support::peers;
use crate::support::templates::{Case, Table, difference, frozen, values};

/// What Go makes of a table.
fn by_go(table: &Table) -> Option<Table> {
    let program = peers::go_program("template")?;
    let mut go = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let input = serde_json::to_vec(table).unwrap();
    let mut stdin = go.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = go.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_frozen_table_is_what_go_makes_today() {
    let table = frozen();
    let Some(live) = by_go(&table) else { return };
    for (frozen, live) in table.cases.iter().zip(&live.cases) {
        assert_eq!(frozen.output, live.output, "{}", frozen.template);
        assert_eq!(frozen.output64, live.output64, "{}", frozen.template);
        assert_eq!(frozen.error, live.error, "{}", frozen.template);
    }
    assert_eq!(table.cases.len(), live.cases.len());
}

#[test]
fn random_combinations_of_functions_come_out_as_go_makes_them() {
    let seed = std::env::var("HECATE_TEST_SEED").ok().and_then(|s| s.parse().ok()).unwrap_or_else(rand_seed);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&u64::to_le_bytes(seed));
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut table = frozen();
    table.cases = (0..3_000)
        .map(|_| {
            let template = template().new_tree(&mut runner).unwrap().current();
            Case { template, ..Case::default() }
        })
        .collect();
    let Some(live) = by_go(&table) else { return };
    let common = values(&live.values);
    let wrong: Vec<String> = live.cases.iter().filter_map(|case| difference(case, &common)).collect();
    assert!(wrong.is_empty(), "HECATE_TEST_SEED={seed}: {} of {} differ:\n{}", wrong.len(), live.cases.len(), wrong.join("\n"));
}

fn rand_seed() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

fn pick(texts: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    proptest::sample::select(texts).prop_map(str::to_owned)
}

/// A template of a few pipelines, most of which have the right types.
fn template() -> impl Strategy<Value = String> {
    use proptest::prelude::*;
    const STRINGS: &[&str] = &[
        ".user",
        ".password",
        ".uni",
        ".multi",
        ".empty",
        ".bad",
        "\"abc DEF-ghi_jkl\"",
        "\"a,b,,c\"",
        "\"42\"",
        "\"-3.70\"",
        "\"1.2.3-rc.1\"",
        "\"http://u:p@h:1/p?q#f\"",
        "\"\"",
        "\"é世 x\"",
        ".missing",
        "\"/a/../b.c\"",
        "\"{\\\"a\\\":[1]}\"",
        "\"aGk=\"",
        "\"HTTPServer2Go x9Y\"",
    ];
    const NUMBERS: &[&str] = &["0", "1", "2", "5", "-1", "-3", "7", "(len .user)", "(int \"4\")", "12"];
    const ONE: &[&str] = &[
        "upper",
        "lower",
        "title",
        "untitle",
        "trim",
        "nospace",
        "initials",
        "swapcase",
        "snakecase",
        "camelcase",
        "kebabcase",
        "quote",
        "squote",
        "toString",
        "b64enc",
        "b32enc",
        "sha1sum",
        "sha256sum",
        "sha512sum",
        "adler32sum",
        "base",
        "dir",
        "clean",
        "ext",
        "isAbs",
        "len",
        "html",
        "js",
        "urlquery",
        "toJson",
        "toRawJson",
        "toPrettyJson",
        "int",
        "int64",
        "float64",
        "toDecimal",
        "floor",
        "ceil",
        "atoi",
        "typeOf",
        "kindOf",
        "empty",
        "not",
        "list",
        "cat",
        "regexQuoteMeta",
        "splitList \",\"",
        "splitList \"\"",
        "split \"-\"",
        "trunc 3",
        "trunc -2",
        "abbrev 7",
        "substr 1 4",
        "repeat 2",
        "replace \"a\" \"bb\"",
        "indent 2",
        "nindent 1",
        "wrap 4",
        "wrapWith 3 \"~\"",
        "contains \"a\"",
        "hasPrefix \"a\"",
        "trimAll \"a \"",
        "trimSuffix \"c\"",
        "trimPrefix \"a\"",
        "default \"d\"",
        "regexFind \"[a-z]+\"",
        "regexMatch \"^[A-Z]\"",
        "print",
        "println",
        "printf \"%q\"",
        "printf \"%5.2s|\"",
        "printf \"%x\"",
        "printf \"%v %d\" 1",
        "duration",
        "durationRound",
        "fromJson",
        "add 1",
        "mul 3",
        "sub 10",
        "max 4",
        "addf 0.1",
        "mulf 1.1",
        "divf 3",
        "round 3.14159",
        "plural \"one\" \"many\"",
        "until",
        "seq",
        "add1",
        "abbrevboth 2 9",
        "eq \"abc\"",
        "coalesce \"\"",
        "ternary 1 2",
        "append (list 1)",
        "concat (list 1)",
        "dict \"k\"",
        "index . ",
        "hello",
        "squote 1",
        "quote nil",
    ];
    const LISTS: &[&str] = &[
        "(list 1 \"b\" nil 2.5 true)",
        "(splitList \",\" .list)",
        "(until 4)",
        "(list)",
        "(list (list 1 2) (dict \"a\" 1))",
        "(regexFindAll \"[a-z]\" .user -1)",
    ];
    const OF_LIST: &[&str] = &[
        "first",
        "last",
        "rest",
        "initial",
        "reverse",
        "uniq",
        "compact",
        "sortAlpha",
        "toStrings",
        "join \"-\"",
        "len",
        "toJson",
        "toPrettyJson",
        "toString",
        "append 1",
        "has 1",
        "slice",
        "chunk 2",
        "without 1",
        "quote",
        "squote",
        "print",
        "printf \"%v\"",
        "printf \"%d\"",
        "printf \"%q\"",
        "printf \"%#v\"",
        "typeOf",
        "kindOf",
        "empty",
        "deepCopy",
        "list",
        "cat",
        "concat",
        "not",
        "printf \"%T %[1]v\"",
        "printf \"%5v|\"",
    ];
    let strings = (pick(STRINGS), proptest::collection::vec(pick(ONE), 1..4))
        .prop_map(|(first, rest)| format!("{first} | {}", rest.join(" | ")));
    let lists = (pick(LISTS), proptest::collection::vec(pick(OF_LIST), 1..4))
        .prop_map(|(first, rest)| format!("{first} | {}", rest.join(" | ")));
    let numbers = (
        pick(NUMBERS),
        pick(NUMBERS),
        pick(&[
            "add",
            "sub",
            "mul",
            "div",
            "mod",
            "max",
            "min",
            "addf",
            "subf",
            "divf",
            "eq",
            "lt",
            "list",
            "seq",
            "untilStep 0",
        ]),
    )
        .prop_map(|(a, b, function)| format!("{function} {a} {b}"));
    let piped = prop_oneof![4 => strings, 2 => lists, 1 => numbers];
    let action = prop_oneof![
        6 => piped.clone().prop_map(|p| format!("{{{{ {p} }}}}")),
        1 => piped.clone().prop_map(|p| format!("{{{{ if {p} }}}}yes{{{{ else }}}}no{{{{ end }}}}")),
        1 => piped.clone().prop_map(|p| format!("{{{{ with $w := {p} }}}}[{{{{ . }}}}]{{{{- else -}}}} none {{{{ end }}}}")),
        1 => piped.clone().prop_map(|p| format!("{{{{ range $i, $e := {p} }}}}{{{{ $i }}}}={{{{ $e }}}};{{{{ else }}}}none{{{{ end }}}}")),
        1 => piped.prop_map(|p| format!("{{{{ $v := {p} }}}}{{{{ $v }}}}{{{{ $v | quote }}}}")),
        1 => pick(&["text ", "{{- .user -}} ", "{{/* c */}}", "\n"]),
    ];
    proptest::collection::vec(action, 1..3).prop_map(|actions| actions.concat())
}

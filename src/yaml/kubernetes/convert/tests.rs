//! Values, warnings, merges, keys and budgets.

use serde_json::json;

use super::super::super::parse_stream;
use super::*;

fn read(text: &str) -> Result<Value, Error> {
    to_json(&parse_stream(text)?[0]).map(|(value, _)| value)
}

#[test]
fn values_that_change_are_told_with_place_and_result() {
    let text = "stringData:\n  mode: 0644\n  flag: y\n  ver: 1.10\n  same: 12\n  quoted: \"y\"\n  none: ~\n";
    const SHAPE: Shape = Shape::Fields(&[("stringData", Shape::Map(&Shape::Text))]);
    let (value, warnings) = to_json_as(&parse_stream(text).unwrap()[0], &SHAPE).unwrap();
    assert_eq!(
        value,
        json!({"stringData": {"mode": "420", "flag": "true", "ver": "1.1", "same": "12", "quoted": "y", "none": null}})
    );
    let told: Vec<_> = warnings.iter().map(|w| format!("{w} -> {}", w.became.expose())).collect();
    assert_eq!(
        told,
        [
            "line 2, column 9: `stringData.mode` is read as an integer and written in another form; quote it to keep its text -> 420",
            "line 3, column 9: `stringData.flag` is read as a boolean; quote it to keep its text -> true",
            "line 4, column 8: `stringData.ver` is read as a floating-point number and written in another form; quote it to keep its text -> 1.1",
            "line 7, column 9: `stringData.none` is read as null; quote it to keep its text -> ",
        ]
    );
}

#[test]
fn field_names_fit_regardless_of_case_and_floats_in_text_keep_32_bits() {
    const SHAPE: Shape =
        Shape::Fields(&[("metadata", Shape::Fields(&[("name", Shape::Text)])), ("finalizers", Shape::List(&Shape::Text))]);
    let text = "Metadata: {NAME: 1.23456789}\nfinalizers: [.inf, 1e6]\nother: 1e6\n";
    let (value, _) = to_json_as(&parse_stream(text).unwrap()[0], &SHAPE).unwrap();
    assert_eq!(value, json!({"Metadata": {"NAME": "1.2345679"}, "finalizers": ["+Inf", "1e+06"], "other": 1e6}));
}

#[test]
fn merges_take_effect_where_they_stand_and_aliases_are_expanded() {
    let text =
        "base: &b {kx: 1, ky: 2}\nmore: &m {ky: 3, kz: 4}\none:\n  kx: 0\n  <<: *b\n  ky: 9\ntwo:\n  <<: [*b, *m]\nthree: [*b]\n";
    assert_eq!(
        read(text).unwrap(),
        json!({
            "base": {"kx": 1, "ky": 2}, "more": {"ky": 3, "kz": 4},
            "one": {"kx": 1, "ky": 9}, "two": {"kx": 1, "ky": 2, "kz": 4}, "three": [{"kx": 1, "ky": 2}],
        })
    );
}

#[test]
fn keys_become_strings_or_errors() {
    assert_eq!(
        read("{1: a, 1.5: b, yes: c, 0x10: d, .inf: e}").unwrap(),
        json!({"1": "a", "1.5": "b", "true": "c", "16": "d", ".inf": "e"})
    );
    let (_, warnings) = to_json(&parse_stream("stringData: {y: a}").unwrap()[0]).unwrap();
    assert_eq!(
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["line 1, column 14: `stringData.true` is the key that is read here, not the one that is written; quote it"]
    );
    for (text, message) in [
        ("~: a", "line 1, column 1: null cannot be a key"),
        ("a: {[b]: c}", "line 1, column 5: a mapping or a list cannot be a key"),
        ("18446744073709551615: a", "line 1, column 1: an integer above 9223372036854775807 cannot be a key"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn the_last_of_repeated_keys_counts_and_is_told() {
    let (value, warnings) = to_json(&parse_stream("a: {b: 1}\nc: 2\na: {d: 3}\n").unwrap()[0]).unwrap();
    assert_eq!(value, json!({"a": {"d": 3}, "c": 2}));
    assert_eq!(
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["line 3, column 1: `a` is set twice; the last one counts"]
    );
}

#[test]
fn what_json_cannot_hold_is_an_error() {
    for (text, message) in [
        ("a: .nan", "line 1, column 4: infinity and not-a-number have no JSON form"),
        ("a: !!binary /w==", "line 1, column 13: the !!binary scalar holds bytes that are not UTF-8, which JSON cannot carry"),
        ("a: !!binary '*'", "line 1, column 13: the !!binary scalar is not base64"),
        ("a: !!int x", "line 1, column 10: the scalar cannot be read as !!int"),
        ("<<: 1", "line 1, column 5: the value of a merge key must be a mapping or a list of mappings"),
        ("a: &a [*a]", "line 1, column 8: the alias refers to a node that contains it"),
    ] {
        assert_eq!(read(text).unwrap_err().to_string(), message);
    }
}

#[test]
fn alias_bombs_run_out_of_budget_in_number_depth_and_bytes() {
    let mut wide = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..8 {
        wide += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(", "));
    }
    assert!(matches!(read(&wide).unwrap_err(), Error::AliasExpansion { .. }));

    let mut deep = String::from("a0: &a0 [x]\n");
    for level in 1..1000 {
        deep += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    assert!(matches!(read(&deep).unwrap_err(), Error::TooDeep { .. } | Error::AliasExpansion { .. }));

    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 99].join(", "));
    assert!(matches!(read(&long).unwrap_err(), Error::AliasExpansion { .. }));
}

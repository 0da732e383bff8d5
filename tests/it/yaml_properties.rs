//! Hostile and random text: nothing panics, spans stay inside the text and inside each other, and what is written is read
//! back.

use std::ops::Range;

use hecate_seal::yaml::edit::{remove, set_scalar};
use hecate_seal::yaml::kubernetes::{to_json, write};
use hecate_seal::yaml::{Document, Kind, Node, parse_stream};
use proptest::prelude::*;

/// Text made of the pieces that YAML is made of, so that much of it is nearly YAML.
fn soup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "b: ",
        "key",
        ": ",
        ":",
        "- ",
        "-",
        "? ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        ",",
        "|",
        ">",
        "|+2",
        ">-",
        "\n",
        "\n  ",
        "\n    ",
        "\r\n",
        "\r",
        "\t",
        " ",
        "# c",
        "#",
        "&x ",
        "*x",
        "*x ",
        "!t ",
        "!!str ",
        "!!binary ",
        "!<tag:y> ",
        "'",
        "\"",
        "\\",
        "\\x41",
        "---",
        "--- ",
        "...",
        "\n---\n",
        "%YAML 1.2\n",
        "<<: *x",
        "<<",
        "yes",
        "0x1F",
        "1.10",
        "~",
        "\u{feff}",
        "é",
        "\u{1f600}",
        "\u{85}",
        "\u{2028}",
        "\0",
        "=",
        "@",
        "`",
        "spec:\n  encryptedData:\n    A: b",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => soup(), 1 => ".{0,80}", 1 => any::<Vec<u8>>().prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())]
}

/// Walks a tree; every node must lie in the text, at character boundaries, and in its parent.
fn check_spans(text: &str, node: Node<'_>, within: &Range<usize>) {
    let (span, full) = (node.span(), node.full_span());
    assert!(text.get(full.clone()).is_some() && full.start <= span.start, "{full:?} of {text:?}");
    assert!(within.start <= full.start && full.end <= within.end, "{full:?} is not in {within:?} of {text:?}");
    let at = node.position();
    assert_eq!(at.offset, span.start, "{text:?}");
    let source = &text[span.clone()];
    match node.kind() {
        Kind::Scalar(style) => {
            use hecate_seal::yaml::Style::{DoubleQuoted, Folded, Literal, Plain, SingleQuoted};
            let fits = match style {
                Plain => !source.starts_with(['"', '\'', '|', '>']),
                SingleQuoted => source.len() > 1 && source.starts_with('\'') && source.ends_with('\''),
                DoubleQuoted => source.len() > 1 && source.starts_with('"') && source.ends_with('"'),
                Literal => source.starts_with('|'),
                Folded => source.starts_with('>'),
            };
            assert!(fits, "{style:?} {source:?} of {text:?}");
        }
        Kind::Sequence { flow: true } => assert!(source.starts_with('[') && source.ends_with(']'), "{source:?} of {text:?}"),
        Kind::Mapping { flow: true } if source.starts_with('{') => assert!(source.ends_with('}'), "{source:?} of {text:?}"),
        Kind::Sequence { flow: false } => assert!(source.starts_with('-'), "{source:?} of {text:?}"),
        Kind::Alias => assert!(source.starts_with('*'), "{source:?} of {text:?}"),
        Kind::Mapping { .. } => {}
    }
    for (key, value) in node.entries() {
        check_spans(text, key, &span);
        check_spans(text, value, &span);
    }
    for item in node.items() {
        check_spans(text, item, &span);
    }
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        "\\PC{0,20}".prop_map(serde_json::Value::from),
        any::<String>().prop_map(serde_json::Value::from),
        "[ \n\t:#'\"a-c-]{0,30}".prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<f64>()
            .prop_filter("finite", |number| number.is_finite() && number.fract() != 0.0)
            .prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::vec(("\\PC{0,6}|[ \n:a-c<]{0,140}|yes|0x1|<<", inner), 0..6)
                .prop_map(|entries| serde_json::Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused_and_its_spans_are_exact(text in text()) {
        let Ok(documents) = parse_stream(&text) else { return Ok(()) };
        let mut end = 0;
        for document in &documents {
            prop_assert!(document.span().start >= end && document.span().end <= text.len());
            end = document.span().end;
            check_spans(&text, document.root(), &document.span());
            for comment in document.comments() {
                prop_assert!(text[comment.span.clone()].starts_with('#'));
            }
            let _ = to_json(document);
        }
    }

    #[test]
    fn edits_of_any_text_are_made_right_or_refused(text in text(), path in prop::collection::vec("[ab]|key|spec|encryptedData|0|true", 0..3), key in "a|b|key|A|yes|") {
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        // That what is given back is right is checked by the editor itself, and in `yaml_edit_properties`.
        if let Ok(after) = set_scalar(&text, 0, &path, &key, "AgB=") {
            let again = set_scalar(&after, 0, &path, &key, "AgB=");
            prop_assert_eq!(again, Ok(after));
        }
        let _ = remove(&text, 0, &path, &key);
    }

    #[test]
    fn what_is_written_is_read_back(value in json_value()) {
        let text = write(&value);
        let documents = parse_stream(&text).unwrap();
        prop_assert_eq!(documents.len(), 1, "{:?}", text);
        prop_assert_eq!(to_json(&documents[0]).unwrap().0, value, "{:?}", text);
    }
}

#[test]
fn ten_thousand_levels_and_alias_bombs_are_refused() {
    for open in ["[", "{a: ", "- ", "? ", "a:\n"] {
        assert!(parse_stream(&open.repeat(10_000)).is_err() || open == "a:\n");
    }
    let bomb: String = (1..10).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".into(), |text, level| {
        format!("{text}a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(","))
    });
    let documents: Vec<Document> = parse_stream(&bomb).unwrap();
    assert!(to_json(&documents[0]).is_err());
    assert!(set_scalar(&bomb, 0, &[], "k", "v").is_ok(), "an edit does not expand aliases that cannot be expanded");
}

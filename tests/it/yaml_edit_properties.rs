//! Edits of random documents: comments, tabs, CR LF, anchors, long lines, any indentation, block, flow and JSON. Whatever the
//! document, an edit changes the intended span and nothing else.

use std::ops::Range;

use hecate_seal::yaml::edit::{remove, set_scalar};
use hecate_seal::yaml::kubernetes::to_json;
use hecate_seal::yaml::parse_stream;
use proptest::prelude::*;

const PATH: &[&str] = &["spec", "encryptedData"];

/// One entry of the edited mapping: how its value is written.
#[derive(Clone, Debug)]
struct Entry {
    value: &'static str,
    long: usize,
    comment: Option<String>,
}

/// A document as text, with the bytes that belong to each of the entries `K0`, `K1`, …: from its key to the end of its value.
#[derive(Clone, Debug)]
struct Made {
    text: String,
    document: usize,
    entries: Vec<Range<usize>>,
}

fn comment() -> impl Strategy<Value = Option<String>> {
    prop::option::weighted(0.3, "# [ -~\t]{0,20}")
}

fn entry() -> impl Strategy<Value = Entry> {
    let value = prop::sample::select(vec![
        "AgB+/=",
        "'quoted it''s'",
        "\"dou\\tble\"",
        "|\n@a: b # no comment\n@\n@  c",
        ">-\n@fold\n@ed",
        "|+\n@kept\n\n\n",
        "plain\n@over lines",
        "\"quoted\n@over\n\n@lines\"",
        "",
        "null",
        "&anchor-@ AgB",
        "!!str 12",
        "\n@below",
        "AgB@long",
        "|-\n@# not a comment\n\n",
    ]);
    (value, 0_usize..3000, comment()).prop_map(|(value, long, comment)| Entry { value, long, comment })
}

/// Everything around the entries.
#[derive(Clone, Debug)]
struct Around {
    crlf: bool,
    step: usize,
    above: Vec<&'static str>,
    below: Vec<&'static str>,
    before: Vec<&'static str>,
    after: Vec<&'static str>,
    between: Vec<Option<String>>,
    final_break: bool,
    bom: bool,
}

fn around() -> impl Strategy<Value = Around> {
    let lines = vec![
        "# comment\twith tabs: [",
        "kind: SealedSecret",
        "kept: |+\n  a\n\n",
        "list:\n- 1\n-   x: y\n    z: [1,\n      2]",
        "anchored: &q {p: 1}",
        "\"quoted key\" : 'v' # c",
        "yes: no",
        "empty:",
        "? explicit\n: value",
        "long: xxxxxxxxxxxxxxxxxxxx xxxxxxxxxxxxxxxxxxxxxxxxxxxx xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "",
        "é世\u{1f600}: ü",
    ];
    let other = vec![
        "a: 1 # c",
        "# only a comment",
        "- &x 1\n- *x",
        "{\"json\": [1, \"x\"]}",
        "text",
        "b: |\n  x\n# c",
        "spec:\n  encryptedData:\n    K0: other",
    ];
    let lines = move |most| prop::sample::subsequence(lines.clone(), 0..most).prop_shuffle();
    let others = move || prop::sample::subsequence(other.clone(), 0..3).prop_shuffle();
    (
        (any::<bool>(), 1_usize..7, lines(6), lines(6), others(), others()),
        (prop::collection::vec(comment(), 8), any::<bool>(), prop::bool::weighted(0.1)),
    )
        .prop_map(|((crlf, step, above, below, before, after), (between, final_break, bom))| {
            let below: Vec<_> = below.into_iter().filter(|line| !above.contains(line)).collect();
            Around { crlf, step, above, below, before, after, between, final_break, bom }
        })
}

fn block_document() -> impl Strategy<Value = Made> {
    (around(), prop::collection::vec(entry(), 1..6), 1_usize..4).prop_map(|(around, entries, deeper)| {
        let line_break = if around.crlf { "\r\n" } else { "\n" };
        let mut text = String::from(if around.bom { "\u{feff}" } else { "" });
        let mut ranges = Vec::new();
        for other in &around.before {
            text += "---\n";
            text += other;
            text += "\n";
        }
        if !around.before.is_empty() {
            text += "---\n";
        }
        for line in &around.above {
            text += line;
            text += "\n";
        }
        let step = " ".repeat(around.step);
        text += &format!("spec: # spec\n{step}encryptedData:\n");
        for (index, (entry, between)) in entries.iter().zip(&around.between).enumerate() {
            if let Some(between) = between {
                text += &format!("{step}{step}{between}\n");
            }
            let body = format!("\n{}", " ".repeat(2 * around.step + deeper));
            let value =
                entry.value.replace("\n@", &body).replace("@long", &"x".repeat(entry.long)).replace('@', &index.to_string());
            let start = text.len() + 2 * step.len();
            text += &format!("{step}{step}K{index}: {value}");
            let with_comment = !entry.value.contains("\n@") && !entry.value.contains('|') && !entry.value.is_empty();
            ranges.push(start..text.trim_end_matches(['\n', ' ']).len());
            if let Some(comment) = entry.comment.as_ref().filter(|_| with_comment) {
                text += &format!(" {comment}");
            }
            text += "\n";
        }
        for line in &around.below {
            text += line;
            text += "\n";
        }
        for other in &around.after {
            text += "---\n";
            text += other;
            text += "\n";
        }
        if !around.final_break {
            text.truncate(text.trim_end_matches('\n').len());
        }
        if line_break != "\n" {
            let widened = |at: usize| at + text[..at].matches('\n').count();
            ranges = ranges.into_iter().map(|range| widened(range.start)..widened(range.end)).collect();
            text = text.replace('\n', line_break);
        }
        Made { text, document: around.before.len(), entries: ranges }
    })
}

fn flow_document() -> impl Strategy<Value = Made> {
    let entry = ("[a-zA-Z0-9+/=]{0,40}", 0..4, "[ \n]{0,3}", "[ \n]{1,3}");
    (prop::collection::vec(entry, 1..6), any::<bool>(), any::<bool>()).prop_map(|(entries, json, last_comma)| {
        let quote = if json { "\"" } else { "" };
        let mut text = format!("{{{quote}spec{quote}: {{ {quote}encryptedData{quote}: {{");
        let mut ranges = Vec::new();
        for (index, (value, style, before, after)) in entries.iter().enumerate() {
            let value = match style {
                _ if json => format!("\"{value}\""),
                0 => format!("'{value}'"),
                1 => format!("\"{value}\""),
                _ => format!("x{value}"),
            };
            text += before;
            let start = text.len();
            text += &format!("{quote}K{index}{quote}:{after}{value}");
            ranges.push(start..text.len());
            text += before;
            if index + 1 < entries.len() || (last_comma && !json) {
                text += ",";
            }
        }
        text += "}, \"z\": [1, {}]}}\n";
        Made { text, document: 0, entries: ranges }
    })
}

fn made() -> impl Strategy<Value = Made> {
    prop_oneof![4 => block_document(), 1 => flow_document()]
}

fn new_value() -> impl Strategy<Value = String> {
    prop_oneof![3 => "AgB[a-zA-Z0-9+/]{0,80}={0,2}", 1 => "\\PC{0,12}", 1 => "[ -~\n\t]{0,12}"]
}

/// What Kubernetes reads in the edited mapping.
fn data(made: &Made, text: &str) -> serde_json::Value {
    let documents = parse_stream(text).unwrap();
    let mut value = to_json(&documents[made.document]).unwrap().0;
    value["spec"]["encryptedData"].take()
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

fn common_suffix(a: &str, b: &str) -> usize {
    a.bytes().rev().zip(b.bytes().rev()).take_while(|(a, b)| a == b).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn replacing_changes_nothing_outside_of_the_entry(made in made(), pick in any::<prop::sample::Index>(), value in new_value()) {
        let index = pick.index(made.entries.len());
        let key = format!("K{index}");
        let after = set_scalar(&made.text, made.document, PATH, &key, &value).unwrap();
        let range = made.entries[index].clone();
        prop_assert!(common_prefix(&made.text, &after) >= range.start, "{:?}\nbecame {after:?}", made.text);
        prop_assert!(made.text.len() - common_suffix(&made.text, &after) <= range.end, "{:?}\nbecame {after:?}", made.text);
        let mut expected = data(&made, &made.text);
        expected[&key] = value.into();
        prop_assert_eq!(data(&made, &after), expected);
    }

    #[test]
    fn adding_puts_one_piece_in_and_takes_nothing_out(made in made(), value in new_value()) {
        let after = set_scalar(&made.text, made.document, PATH, "NEW_KEY", &value);
        // A block scalar cut off by the end of the text would get a line break: refused, and nothing else is.
        let cut_off = !made.text.ends_with('\n');
        let after = match after {
            Err(error) if cut_off && error.to_string().contains("would change more") => return Ok(()),
            after => after.unwrap(),
        };
        let mut rest = after.bytes();
        prop_assert!(made.text.bytes().all(|byte| rest.any(|other| other == byte)), "{:?}\nbecame {after:?}", made.text);
        let outside = common_prefix(&made.text, &after) + common_suffix(&made.text, &after);
        let is_flow = made.text.starts_with('{');
        // Flow layout may take two pieces: a comma behind the last entry and a line of its own.
        prop_assert!(outside >= made.text.len() || is_flow, "{:?}\nbecame {after:?}", made.text);
        prop_assert!(common_prefix(&made.text, &after) >= made.entries.last().unwrap().end, "{:?}\nbecame {after:?}", made.text);
        let mut expected = data(&made, &made.text);
        expected["NEW_KEY"] = value.into();
        prop_assert_eq!(data(&made, &after), expected);
        if made.text.contains('\r') {
            prop_assert_eq!(after.matches('\n').count(), after.matches("\r\n").count());
        }
    }

    #[test]
    fn setting_twice_is_setting_once(made in made(), one in new_value(), two in new_value()) {
        let Ok(first) = set_scalar(&made.text, made.document, PATH, "NEW_KEY", &one) else { return Ok(()) };
        let second = set_scalar(&first, made.document, PATH, "NEW_KEY", &two).unwrap();
        let mut expected = data(&made, &first);
        expected["NEW_KEY"] = two.clone().into();
        prop_assert_eq!(data(&made, &second), expected);
        prop_assert_eq!(set_scalar(&second, made.document, PATH, "NEW_KEY", &two).unwrap(), second);
    }

    #[test]
    fn removing_takes_out_one_entry(made in made(), pick in any::<prop::sample::Index>()) {
        let index = pick.index(made.entries.len());
        let key = format!("K{index}");
        // Blank lines left behind may belong to a `|+` above, and a text may end in the middle of one: refused then.
        let after = match remove(&made.text, made.document, PATH, &key) {
            Err(error) if error.to_string().contains("would change more") => return Ok(()),
            after => after.unwrap(),
        };
        let mut rest = made.text.bytes();
        let is_only = made.entries.len() == 1;
        prop_assert!(is_only || after.bytes().all(|byte| rest.any(|other| other == byte)), "{:?}\nbecame {after:?}", made.text);
        let mut expected = data(&made, &made.text);
        expected.as_object_mut().unwrap().remove(&key);
        prop_assert_eq!(data(&made, &after), expected);
    }
}

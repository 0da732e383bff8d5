//! Our YAML against sigs.k8s.io/yaml v1.4.0, on input that is new in every run.

use std::process::{Command, Stdio};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::peers;
use crate::support::yaml_answers::{Verdict, judge};

const INPUTS: usize = 4000;

/// A scalar as people and YAML's old rules would have it.
fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-+]?[0-9_]{1,20}",
        "[-+]?0[xob]?[0-9a-fA-F_]{0,17}",
        "[-+]?[0-9]{0,9}\\.[0-9_]{0,9}([eE][-+]?[0-9]{1,3})?",
        "[-+]?[0-9]{1,3}(:[0-9]{1,2}){1,3}(\\.[0-9]{0,3})?",
        "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\\.[0-9]{1,4})?(Z|[-+][0-9]{2}:[0-9]{2})?)?",
        "[yYnN]|[yY][eE][sS]|[nN][oO]|[oO][nN]|[oO][fF][fF]|[tT][rR][uU][eE]|[nN][uU][lL][lL]|~|[-+]?\\.(inf|Inf|nan|NaN)",
        "[ -~]{0,14}",
        "[a-z \\n\\t:#'\"-]{0,24}",
        "[a-zA-Z0-9+/]{60,140}={0,2}",
        "([a-z]{1,12} ){0,30}[a-z]{1,12}",
        "[\\PC]{0,8}",
    ]
}

/// An object of any shape. Its keys have few digits, because go-yaml's order of keys has cycles, and then its output is
/// chance; and no letters that Go's tables may not have yet.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        scalar().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e25..1e25).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    let inner = leaf.prop_recursive(5, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec(("[a-zA-Z./_ :-]{0,12}[0-9]?|[a-zÀ-ÿЖ世\u{1f600}'\"~-]{0,4}", inner), 0..6)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    });
    (inner.clone(), inner).prop_map(|(one, two)| json!({"a": one, "B": two}))
}

fn requests() -> Vec<Value> {
    let mut runner = TestRunner::default();
    let mut make = |index: usize| -> Value {
        let mut text = |strategy: BoxedStrategy<String>| strategy.new_tree(&mut runner).unwrap().current();
        match index % 4 {
            0 => json!({"read": format!("k: {}\n", text(scalar().boxed()))}),
            1 => json!({"strings": format!("stringData:\n  a: {}\n  b: {}\n", text(scalar().boxed()), text(scalar().boxed()))}),
            2 => json!({"write": value().new_tree(&mut runner).unwrap().current()}),
            // What the writer writes is YAML of every style; some of it is damaged here.
            _ => {
                let mut written = hecate_seal::yaml::kubernetes::write(&value().new_tree(&mut runner).unwrap().current());
                if index % 8 == 7 {
                    let (at, insert) =
                        (0..=written.len(), "[:#\"'{}\\[\\] \\n&*!|>-]{1,2}").new_tree(&mut runner).unwrap().current();
                    if written.is_char_boundary(at) {
                        written.insert_str(at, &insert);
                    }
                }
                json!({ "read": written })
            }
        }
    };
    (0..INPUTS).map(&mut make).collect()
}

#[test]
fn fresh_random_input_is_read_and_written_as_kubernetes_does() {
    let Some(program) = peers::go_program("yaml") else { return };
    let requests = requests();
    let input: String = requests.iter().map(|request| format!("{request}\n")).collect();
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || std::io::Write::write_all(&mut stdin, input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), requests.len());

    let mut known = 0;
    let mut different = Vec::new();
    for (request, answer) in requests.into_iter().zip(answers.lines()) {
        let mut line: Value = serde_json::from_str(answer).unwrap();
        line.as_object_mut().unwrap().extend(request.as_object().cloned().unwrap());
        match judge(&line) {
            Verdict::Same => {}
            // Random damage finds corners where one parser is stricter. An error is loud; a difference would not be.
            Verdict::Known(_) | Verdict::OneRefuses(_) => known += 1,
            Verdict::Different(what) => different.push(what),
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
    assert!(known < INPUTS / 20, "{known} inputs were refused by one side or fell into the known classes of difference");
}

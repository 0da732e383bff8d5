//! Our YAML against the frozen answers of sigs.k8s.io/yaml v1.4.0 (`tests/it/vectors/README.md`).

use std::collections::BTreeMap;

use crate::support::root;
use crate::support::yaml_answers::{Verdict, judge};

#[test]
fn the_frozen_table_of_kubernetes_answers_holds() {
    let table = std::fs::read_to_string(root().join("tests/it/vectors/yaml-kubernetes.jsonl")).unwrap();
    let mut classes: BTreeMap<&str, usize> = BTreeMap::new();
    let mut different = Vec::new();
    for line in table.lines() {
        match judge(&serde_json::from_str(line).unwrap()) {
            Verdict::Same => *classes.entry("same").or_default() += 1,
            Verdict::Known(class) => *classes.entry(class).or_default() += 1,
            Verdict::OneRefuses(what) | Verdict::Different(what) => different.push(what),
        }
    }
    assert!(different.is_empty(), "{} of {} differ:\n{}", different.len(), table.lines().count(), different.join("\n"));
    // The known classes are traps that were put there by hand, not where ordinary input goes.
    assert!(classes["same"] > 5300, "{classes:#?}");
}

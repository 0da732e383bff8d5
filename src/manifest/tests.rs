//! Reading and writing as a whole: what kubeseal 0.27.1 reads and writes, byte for byte, and what it gets wrong.

use super::*;

fn secrets(text: &str) -> Result<Vec<Located<Secret>>, String> {
    read_secrets(text.as_bytes(), "in").map_err(|error| error.to_string())
}

fn one(text: &str) -> Secret {
    secrets(text).unwrap().remove(0).object
}

fn error(text: &str) -> String {
    secrets(text).unwrap_err()
}

fn exposed(map: &std::collections::BTreeMap<String, crate::secret::SecretBytes>) -> Vec<(&str, &[u8])> {
    map.iter().map(|(key, value)| (key.as_str(), value.expose())).collect()
}

#[test]
fn json_objects_follow_one_another_with_their_lines() {
    let found = secrets("\n{\"kind\":\"Secret\",\n\"metadata\":{\"name\":\"a\"}}\n{\"metadata\":{\"name\":\"b\"}} null").unwrap();
    let places: Vec<_> = found.iter().map(|s| (s.object.metadata.name.as_str(), s.at.document, s.at.line)).collect();
    assert_eq!(places, [("a", 1, 2), ("b", 2, 4)]);
}

#[test]
fn field_names_are_found_in_any_case_and_unknown_ones_dropped() {
    let secret = one(
        r#"{"KIND":"Secret","Metadata":{"Name":"x","NameSpace":"a","foo":1},"STRINGDATA":{"a":"b"},"stringData":{"c":"d"},"x":[]}"#,
    );
    assert_eq!((secret.metadata.name.as_str(), secret.metadata.namespace.as_str()), ("x", "a"));
    assert!(secret.metadata.other.is_empty());
    assert_eq!(exposed(&secret.string_data), [("a", &b"b"[..]), ("c", b"d")]);
}

#[test]
fn yaml_makes_text_where_text_belongs_and_says_where_it_changed() {
    let text = "kind: Secret\nmetadata:\n  name: n\n  labels: {a: 1, b: yes, c: 1.23456789}\nstringData:\n  a: 0777\n  b: 1_000\n  c: '0777'\n";
    let found = secrets(text).unwrap().remove(0);
    assert_eq!(found.object.metadata.name, "false");
    assert_eq!(found.object.metadata.labels.values().collect::<Vec<_>>(), ["1", "true", "1.2345679"]);
    assert_eq!(exposed(&found.object.string_data), [("a", &b"511"[..]), ("b", b"1000"), ("c", b"0777")]);
    let warnings: Vec<_> = found.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 5, "{warnings:?}");
    assert!(warnings[0].starts_with("in: line 3, column 9: `metadata.name` ") && warnings[0].ends_with("(now it is \"false\")"));
    assert!(warnings[3].contains("`stringData.a`") && !warnings[3].contains("511"), "{}", warnings[3]);
}

#[test]
fn json_wants_the_right_types() {
    assert_eq!(
        error(r#"{"metadata":{"name":1}}"#),
        "in: document 1 (line 1): metadata.name: cannot unmarshal number into a field of type string"
    );
    assert_eq!(
        error(r#"{"metadata":{"name":"a"},"data":{"k":[1]}}"#),
        "in: document 1 (line 1): data.k: cannot unmarshal array into a field of type base64 text ([]uint8)"
    );
}

#[test]
fn null_values_are_empty_and_null_maps_absent() {
    let secret = one("metadata: {name: x, labels: , annotations: ~}\nstringData: {a: ~}\ndata: {b: }\nimmutable: null\n");
    assert_eq!(exposed(&secret.string_data), [("a", &b""[..])]);
    assert_eq!(exposed(&secret.data), [("b", &b""[..])]);
    assert_eq!(secret.immutable, None);
}

#[test]
fn a_value_that_is_no_base64_is_named_and_not_shown() {
    assert_eq!(
        error("metadata: {name: x}\n---\ndata: {pass: 'hunter 2'}\n"),
        "in: document 2 (line 3): data.pass: illegal base64 data at input byte 6"
    );
}

#[test]
fn another_kind_is_an_error_that_names_it() {
    assert_eq!(
        error("kind: Secret\n---\nkind: ConfigMap\n"),
        "in: document 2 (line 3): expected kind Secret, found kind ConfigMap"
    );
    assert_eq!(
        error("kind: Secret\napiVersion: v2\n"),
        "in: document 1 (line 1): expected apiVersion v1 for kind Secret, found v2"
    );
    assert_eq!(error("just text"), "in: document 1 (line 1): expected a Kubernetes object, found string");
    assert_eq!(error("- kind: Secret"), "in: document 1 (line 1): expected a Kubernetes object, found array");
    let sealed = read_sealed_secrets(b"metadata: {name: x}", "in").unwrap_err();
    assert_eq!(sealed.to_string(), "in: document 1 (line 1): expected kind SealedSecret, found no `kind`");
}

#[test]
fn a_broken_document_is_an_error_that_names_it() {
    let yaml = error("kind: Secret\n---\nkind: [\n---\nkind: Secret\n");
    assert!(yaml.starts_with("in: document 2 (line 2): ") || yaml.starts_with("in: document 3 (line 4): "), "{yaml}");
    let json = error("{\"kind\":\"Secret\"}\n{}\n garbage");
    assert!(json.starts_with("in: document 3 (line 3): not valid JSON: "), "{json}");
    assert!(error("{\"a\":1,\"a\":2}").contains("key `a` is there twice"));
}

#[test]
fn empty_documents_are_nothing() {
    assert!(secrets("").unwrap().is_empty());
    assert!(secrets("# nothing\n---\n---\n# here\n...\n").unwrap().is_empty());
    let found = secrets("---\n# first\n---\nkind: Secret\n---\n").unwrap();
    assert_eq!((found.len(), found[0].at.document, found[0].at.line), (1, 2, 4));
}

#[test]
fn lists_are_taken_apart() {
    let found = secrets(
        "kind: List\napiVersion: v1\nitems:\n- {kind: Secret, metadata: {name: a}}\n- metadata: {name: b, labels: {x: 1}}\n",
    )
    .unwrap();
    let names: Vec<_> = found.iter().map(|s| (s.object.metadata.name.as_str(), s.at.item)).collect();
    assert_eq!(names, [("a", Some(1)), ("b", Some(2))]);
    assert_eq!(found[1].object.metadata.labels["x"], "1");
    assert_eq!(
        error("kind: List\nitems: [{kind: Secret}, {kind: Pod}]"),
        "in: document 1 (line 1), item 2: expected kind Secret, found kind Pod"
    );
    assert!(secrets("kind: SecretList\nitems: []\n").unwrap().is_empty());
    assert_eq!(secrets("kind: SecretList\nitems: [{metadata: {name: a}}]\n").unwrap().len(), 1);
    assert_eq!(
        error("kind: SealedSecretList\nitems: [{spec: {}}]\n"),
        "in: document 1 (line 1), item 1: expected kind Secret, found kind SealedSecret"
    );
    assert_eq!(
        error("kind: ConfigMapList\nitems: [{data: {}}]\n"),
        "in: document 1 (line 1): expected kind Secret, found kind ConfigMapList"
    );
    assert_eq!(read_sealed_secrets(b"kind: SealedSecretList\nitems: [{spec: {}}]\n", "in").unwrap().len(), 1);
}

#[test]
fn bytes_that_are_no_utf8_are_refused_with_a_reason() {
    let said = |bytes: &[u8]| read_secrets(bytes, "in").unwrap_err().to_string();
    assert_eq!(said(b"\xff\xfek\0"), "in: not UTF-8 text: it begins with a UTF-16 mark; save it as UTF-8");
    assert_eq!(said(b"a: b\nc: \xff"), "in: not UTF-8 text: byte 8 (line 2) is not valid");
    assert_eq!(one("\u{feff}{\"metadata\":{\"name\":\"x\"}}").metadata.name, "x");
}

#[test]
fn json_mixed_with_yaml_documents_is_read() {
    let found = secrets("{\"kind\":\"Secret\",\"metadata\":{\"name\":\"a\"}}\n---\nkind: Secret\nmetadata: {name: b}\n").unwrap();
    assert_eq!(found.iter().map(|s| s.object.metadata.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
}

/// The JSON is kubeseal 0.27.1's output for this Secret, with the ciphertext replaced.
#[test]
fn a_sealed_secret_is_written_as_kubeseal_writes_it() {
    let json = include_str!("testdata/sealed.json");
    let sealed = read_sealed_secrets(json.as_bytes(), "in").unwrap().remove(0).object;
    let value = sealed_secret_to_value(&sealed, Style::NullTimestamps);
    assert_eq!(to_json(&value).expose(), json);
    assert_eq!(to_yaml(&value).expose(), include_str!("testdata/sealed.yaml"));
    let current = to_json(&sealed_secret_to_value(&sealed, Style::Current));
    assert!(!current.expose().contains("creationTimestamp"), "{}", current.expose());
}

/// Output of `kubeseal --recovery-unseal`, 0.27.1.
#[test]
fn a_secret_is_written_as_kubeseal_writes_it() {
    let json = include_str!("testdata/secret.json");
    let secret = read_secrets(json.as_bytes(), "in").unwrap().remove(0).object;
    let value = secret_to_value(&secret, Style::NullTimestamps);
    assert_eq!(to_json(&value).expose(), json);
    assert_eq!(to_yaml(&value).expose(), include_str!("testdata/secret.yaml"));
}

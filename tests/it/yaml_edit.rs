//! Edits of one entry: what is written, what is refused, and that every other byte stays.

use hecate_seal::yaml::edit::{insert_scalar, remove, set_scalar};

const PATH: &[&str] = &["spec", "encryptedData"];

/// `set_scalar` of `KEY` to `AgB/+=` in the first document's `spec.encryptedData`.
fn set(text: &str) -> String {
    set_scalar(text, 0, PATH, "KEY", "AgB/+=").unwrap_or_else(|error| format!("error: {error}"))
}

/// Each text with what becomes of it.
fn check(cases: &[(&str, &str)], edit: impl Fn(&str) -> String) {
    for (before, after) in cases {
        assert_eq!(edit(before), *after, "from {before:?}");
    }
}

#[test]
fn a_value_is_replaced_in_its_own_style_and_comments_stay() {
    check(
        &[
            ("spec:\n  encryptedData:\n    KEY: old # c\n    B: x\n", "spec:\n  encryptedData:\n    KEY: AgB/+= # c\n    B: x\n"),
            ("spec:\n  encryptedData:\n    KEY: \"old\"\n", "spec:\n  encryptedData:\n    KEY: \"AgB/+=\"\n"),
            ("spec:\n  encryptedData:\n    'KEY' : 'old'\n", "spec:\n  encryptedData:\n    'KEY' : 'AgB/+='\n"),
            ("spec:\n  encryptedData:\n    KEY:\n", "spec:\n  encryptedData:\n    KEY: AgB/+=\n"),
            ("spec:\n  encryptedData:\n    KEY: # c\n    B: x", "spec:\n  encryptedData:\n    KEY: AgB/+= # c\n    B: x"),
            ("spec:\n  encryptedData:\n    KEY: null\n", "spec:\n  encryptedData:\n    KEY: AgB/+=\n"),
            (
                "spec:\n  encryptedData:\n    KEY: one\n      two # c\n    B: x\n",
                "spec:\n  encryptedData:\n    KEY: AgB/+= # c\n    B: x\n",
            ),
            ("spec:\n  encryptedData:\n    KEY:\n      old\n", "spec:\n  encryptedData:\n    KEY:\n      AgB/+=\n"),
            (
                "spec:\n  encryptedData:\n    KEY: \"one\n      two\"\n    B: x\n",
                "spec:\n  encryptedData:\n    KEY: \"AgB/+=\"\n    B: x\n",
            ),
            (
                "spec:\r\n  encryptedData:\r\n    KEY: |- # | c\r\n      one\r\n\r\n      two\r\n\r\n    # d\r\n    B: x\r\n",
                "spec:\r\n  encryptedData:\r\n    KEY: AgB/+= # | c\r\n\r\n    # d\r\n    B: x\r\n",
            ),
            ("spec:\n  encryptedData:\n    KEY: >\n      one\n      two", "spec:\n  encryptedData:\n    KEY: AgB/+="),
            ("spec:\n  encryptedData:\n    KEY: |\n", "spec:\n  encryptedData:\n    KEY: AgB/+=\n"),
            ("spec:\n  encryptedData:\n    KEY: &k old\n", "spec:\n  encryptedData:\n    KEY: &k AgB/+=\n"),
            ("spec:\n  encryptedData:\n    KEY: !!str 12\n", "spec:\n  encryptedData:\n    KEY: !!str AgB/+=\n"),
            ("a: &a old\nspec:\n  encryptedData:\n    KEY: *a\n", "a: &a old\nspec:\n  encryptedData:\n    KEY: AgB/+=\n"),
            ("a: &k KEY\nspec:\n  encryptedData:\n    *k : old\n", "a: &k KEY\nspec:\n  encryptedData:\n    *k : AgB/+=\n"),
            ("spec:\n  encryptedData:\n    ? KEY\n    : old\n", "spec:\n  encryptedData:\n    ? KEY\n    : AgB/+=\n"),
            ("spec: {encryptedData: {KEY: old, B: x}} # c\n", "spec: {encryptedData: {KEY: AgB/+=, B: x}} # c\n"),
            ("spec: {encryptedData: {KEY, B: x}}\n", "spec: {encryptedData: {KEY: AgB/+=, B: x}}\n"),
            ("spec: {encryptedData: {KEY: , B: x}}\n", "spec: {encryptedData: {KEY: AgB/+= , B: x}}\n"),
            ("{\"spec\":{\"encryptedData\":{\"KEY\":\"old\"}}}", "{\"spec\":{\"encryptedData\":{\"KEY\":\"AgB/+=\"}}}"),
            ("{\"spec\":{\"encryptedData\":{\"KEY\":null}}}", "{\"spec\":{\"encryptedData\":{\"KEY\":\"AgB/+=\"}}}"),
        ],
        set,
    );
}

#[test]
fn a_new_entry_goes_behind_the_last_one_in_the_layout_that_is_there() {
    check(
        &[
            ("spec:\n  encryptedData:\n    A: x\n", "spec:\n  encryptedData:\n    A: x\n    KEY: AgB/+=\n"),
            ("spec:\n  encryptedData:\n    A: x", "spec:\n  encryptedData:\n    A: x\n    KEY: AgB/+="),
            (
                "spec:\n  encryptedData:\n    A: x # c\n    # about the template\n  template: {}\n",
                "spec:\n  encryptedData:\n    A: x # c\n    KEY: AgB/+=\n    # about the template\n  template: {}\n",
            ),
            (
                "spec:\r\n      encryptedData:\r\n            A: x\r\n\r\n---\r\nb\r\n",
                "spec:\r\n      encryptedData:\r\n            A: x\r\n            KEY: AgB/+=\r\n\r\n---\r\nb\r\n",
            ),
            ("spec:\n encryptedData:\n  A: |\n   x\n\n\n", "spec:\n encryptedData:\n  A: |\n   x\n  KEY: AgB/+=\n\n\n"),
            (
                "spec:\n encryptedData:\n  A: |+\n   x\n\n\n b: 1\n",
                "spec:\n encryptedData:\n  A: |+\n   x\n\n\n  KEY: AgB/+=\n b: 1\n",
            ),
            ("spec:\n encryptedData:\n  A: |+\n   x\n\n", "spec:\n encryptedData:\n  A: |+\n   x\n\n  KEY: AgB/+=\n"),
            (
                "spec:\n  encryptedData:\n    A:\n    - x\n    - y:\n        z\n",
                "spec:\n  encryptedData:\n    A:\n    - x\n    - y:\n        z\n    KEY: AgB/+=\n",
            ),
            ("spec:\n  encryptedData:\n    A:\n", "spec:\n  encryptedData:\n    A:\n    KEY: AgB/+=\n"),
            ("spec: {encryptedData: {A: x}}\n", "spec: {encryptedData: {A: x, KEY: AgB/+=}}\n"),
            ("spec: {encryptedData: {A: x, }}\n", "spec: {encryptedData: {A: x, KEY: AgB/+=, }}\n"),
            ("spec: {encryptedData: {A}}\n", "spec: {encryptedData: {A, KEY: AgB/+=}}\n"),
            (
                "spec:\n  encryptedData: {\n    A: x, # c\n    B: y # d\n  }\n",
                "spec:\n  encryptedData: {\n    A: x, # c\n    B: y, # d\n    KEY: AgB/+=\n  }\n",
            ),
            (
                "spec:\n  encryptedData: {\n    A: x,\n    B: y,\n  }\n",
                "spec:\n  encryptedData: {\n    A: x,\n    B: y,\n    KEY: AgB/+=,\n  }\n",
            ),
            (
                "{\n\t\"spec\": {\n\t\t\"encryptedData\": {\n\t\t\t\"A\": \"x\"\n\t\t}\n\t}\n}\n",
                "{\n\t\"spec\": {\n\t\t\"encryptedData\": {\n\t\t\t\"A\": \"x\",\n\t\t\t\"KEY\": \"AgB/+=\"\n\t\t}\n\t}\n}\n",
            ),
            ("{\"spec\":{\"encryptedData\":{\"A\":\"x\"}}}", "{\"spec\":{\"encryptedData\":{\"A\":\"x\",\"KEY\":\"AgB/+=\"}}}"),
            (
                "{\"spec\": {\"encryptedData\": {\"A\": \"x\"}}}",
                "{\"spec\": {\"encryptedData\": {\"A\": \"x\", \"KEY\": \"AgB/+=\"}}}",
            ),
        ],
        set,
    );
    let list = "items:\n- name: a\n  data: {}\n- name: b\n";
    assert_eq!(set_scalar(list, 0, &["items", "1"], "KEY", "v").unwrap(), "items:\n- name: a\n  data: {}\n- name: b\n  KEY: v\n");
}

#[test]
fn missing_empty_and_null_mappings_are_made() {
    check(
        &[
            ("spec:\n  encryptedData: {}\n", "spec:\n  encryptedData:\n    KEY: AgB/+=\n"),
            ("spec:\n  encryptedData: { } # none yet\n  b: 1\n", "spec:\n  encryptedData: # none yet\n    KEY: AgB/+=\n  b: 1\n"),
            ("spec:\n  encryptedData:\n", "spec:\n  encryptedData:\n    KEY: AgB/+=\n"),
            ("spec:\n  encryptedData: # c\n    # d\n  b: 1\n", "spec:\n  encryptedData: # c\n    KEY: AgB/+=\n    # d\n  b: 1\n"),
            ("spec:\n  encryptedData: null\n", "spec:\n  encryptedData:\n    KEY: AgB/+=\n"),
            ("spec:\n  encryptedData: ~", "spec:\n  encryptedData:\n    KEY: AgB/+="),
            ("spec:\n  encryptedData: &e {}\n", "spec:\n  encryptedData: &e\n    KEY: AgB/+=\n"),
            ("spec:\n    a: 1\n", "spec:\n    a: 1\n    encryptedData:\n        KEY: AgB/+=\n"),
            ("kind: SealedSecret\n", "kind: SealedSecret\nspec:\n  encryptedData:\n    KEY: AgB/+=\n"),
            ("metadata:\n   name: n\nspec:\n", "metadata:\n   name: n\nspec:\n   encryptedData:\n      KEY: AgB/+=\n"),
            ("spec: {encryptedData: {}}\n", "spec: {encryptedData: {KEY: AgB/+=}}\n"),
            ("spec: {encryptedData: }\n", "spec: {encryptedData: {KEY: AgB/+=} }\n"),
            ("spec: {encryptedData}\n", "spec: {encryptedData: {KEY: AgB/+=}}\n"),
            ("spec: {a: 1}\n", "spec: {a: 1, encryptedData: {KEY: AgB/+=}}\n"),
            ("{\"spec\":{\"encryptedData\":{}}}", "{\"spec\":{\"encryptedData\":{\"KEY\":\"AgB/+=\"}}}"),
            ("{\"spec\": null}\n", "{\"spec\": {\"encryptedData\": {\"KEY\": \"AgB/+=\"}}}\n"),
            ("{}\n", "{\"spec\": {\"encryptedData\": {\"KEY\": \"AgB/+=\"}}}\n"),
            ("{\"a\":1}\n", "{\"a\":1,\"spec\":{\"encryptedData\":{\"KEY\":\"AgB/+=\"}}}\n"),
        ],
        set,
    );
}

#[test]
fn texts_that_need_quotes_get_them() {
    let text = "a:\n  b: 1\n";
    for (key, value, after) in [
        ("yes", "no", "a:\n  b: 1\n  \"yes\": \"no\"\n"),
        ("1.0", "012", "a:\n  b: 1\n  \"1.0\": \"012\"\n"),
        ("x", "", "a:\n  b: 1\n  x: \"\"\n"),
        ("x", "two\nlines\t", "a:\n  b: 1\n  x: \"two\\nlines\\t\"\n"),
        ("x y", "a: b #c", "a:\n  b: 1\n  x y: \"a: b #c\"\n"),
        ("<<", "=", "a:\n  b: 1\n  \"<<\": \"=\"\n"),
        ("b", "null", "a:\n  b: \"null\"\n"),
        ("b", "\u{1f600}\u{7f}\u{2028}", "a:\n  b: \"\\U0001F600\\x7F\\L\"\n"),
    ] {
        assert_eq!(set_scalar(text, 0, &["a"], key, value).unwrap(), after);
    }
    assert_eq!(set_scalar("{a: {b: 1}}", 0, &["a"], "x", "p,q").unwrap(), "{a: {b: 1, x: \"p,q\"}}");
    assert_eq!(set_scalar("a: 'b'", 0, &[], "a", "it's").unwrap(), "a: 'it''s'");
    assert_eq!(set_scalar("a: 'b'", 0, &[], "a", "x\ny").unwrap(), "a: \"x\\ny\"");
    // A bare `y` is the key `true`: the key `y` is another one.
    assert_eq!(set_scalar("y: 1\n", 0, &[], "y", "v").unwrap(), "y: 1\n\"y\": v\n");
    assert_eq!(set_scalar("y: 1\n", 0, &[], "true", "v").unwrap(), "y: v\n");
}

#[test]
fn what_cannot_be_edited_safely_is_refused_with_its_place() {
    check(
        &[
            (
                "spec:\n  encryptedData:\n    KEY: 1\n    KEY: 2\n",
                "error: line 4, column 5: `spec.encryptedData.KEY` is set twice",
            ),
            ("spec:\n  encryptedData: {}\nspec: {}\n", "error: line 3, column 1: `spec` is set twice"),
            (
                "spec:\n  encryptedData:\n    KEY: &k old\n    B: *k\n",
                "error: line 3, column 13: `spec.encryptedData.KEY` has an anchor that is used elsewhere, where the change would appear too",
            ),
            (
                "spec:\n  encryptedData: &e\n    A: x\nother: *e\n",
                "error: line 3, column 5: `spec.encryptedData` has an anchor that is used elsewhere, where the change would appear too",
            ),
            (
                "e: &e {A: x}\nspec:\n  encryptedData: *e\n",
                "error: line 3, column 18: `spec.encryptedData` comes from an alias or a merge key; edit what it refers to",
            ),
            (
                "e: &e {encryptedData: {A: x}}\nspec:\n  <<: *e\n",
                "error: line 3, column 3: `spec.encryptedData` comes from an alias or a merge key; edit what it refers to",
            ),
            ("spec:\n  encryptedData: text\n", "error: line 2, column 18: `spec.encryptedData` is not a mapping"),
            ("spec:\n  encryptedData: [1]\n", "error: line 2, column 18: `spec.encryptedData` is not a mapping"),
            (
                "spec:\n  encryptedData:\n    KEY: [1]\n",
                "error: line 3, column 10: `spec.encryptedData.KEY` holds a mapping or a list, not a text",
            ),
            (
                "spec:\n  encryptedData:\n    KEY: !!binary aGk=\n",
                "error: line 3, column 19: `spec.encryptedData.KEY` has the tag tag:yaml.org,2002:binary",
            ),
            ("- a\n", "error: `spec` is not there"),
            ("text\n", "error: line 1, column 1: `` is not a mapping"),
            ("", "error: there is no document 1: the text has 0"),
            ("a: [\n", "error: line 1, column 4: not valid YAML: unclosed bracket '['"),
            (
                "e: &e {KEY: x}\nspec:\n  encryptedData:\n    KEY: y\n    <<: *e\n",
                "error: changing `spec.encryptedData.KEY` would change more than that: what Kubernetes reads from it, because of a merge key",
            ),
            (
                "spec:\n  encryptedData:\n    A: |\n      cut off",
                "error: changing `spec.encryptedData.KEY` would change more than that: another part of the document",
            ),
        ],
        set,
    );
}

#[test]
fn only_the_document_that_is_meant_changes() {
    let text = "# one\na: 1\n---\n# two\nspec:\n  encryptedData: {}\n...\n---\nspec: {encryptedData: {KEY: 3}} # three\n";
    assert_eq!(
        set_scalar(text, 1, PATH, "KEY", "v").unwrap(),
        "# one\na: 1\n---\n# two\nspec:\n  encryptedData:\n    KEY: v\n...\n---\nspec: {encryptedData: {KEY: 3}} # three\n"
    );
    assert_eq!(set_scalar(text, 2, PATH, "KEY", "v").unwrap(), text.replace("KEY: 3", "KEY: v"));
    assert_eq!(set_scalar(text, 3, PATH, "KEY", "v").unwrap_err().to_string(), "there is no document 4: the text has 3");
}

#[test]
fn inserting_a_key_that_is_there_is_refused() {
    let text = "a: {b: 1}\n";
    assert_eq!(insert_scalar(text, 0, &["a"], "b", "v").unwrap_err().to_string(), "line 1, column 5: `a.b` is there already");
    assert_eq!(insert_scalar(text, 0, &["a"], "c", "v").unwrap(), "a: {b: 1, c: v}\n");
}

#[test]
fn an_entry_is_removed_with_its_lines() {
    check(
        &[
            ("a:\n  KEY: |\n    x\n\n  # c\n  B: 1\n", "a:\n\n  # c\n  B: 1\n"),
            ("a:\n  B: 1\n  KEY: x # c\n", "a:\n  B: 1\n"),
            ("a:\r\n  B: 1\r\n  KEY: x", "a:\r\n  B: 1"),
            ("a:\n  KEY: x\nb: 1\n", "a: {}\nb: 1\n"),
            ("a: # c\n  KEY: x\n", "a: {} # c\n"),
            ("a: &a\n  KEY: x\n", "a: &a {}\n"),
            ("a: {KEY: x, B: 1}\n", "a: {B: 1}\n"),
            ("a: {B: 1, KEY: x}\n", "a: {B: 1}\n"),
            ("a: {B: 1, KEY: x, }\n", "a: {B: 1, }\n"),
            ("a: { KEY: x }\n", "a: {  }\n"),
            ("{\"a\":{\"KEY\":\"x\"}}", "{\"a\":{}}"),
            ("a: {\n  B: 1,\n  KEY: x\n}\n", "a: {\n  B: 1\n}\n"),
            ("a: {KEY: x, # c\n B: 1}\n", "error: line 1, column 5: cannot edit here: a comment stands between the entries"),
            ("a: {B: 1}\n", "error: `a.KEY` is not there"),
            (
                "a:\n  KEY: &k x\n  B: *k\n",
                "error: line 2, column 11: `a.KEY` has an anchor that is used elsewhere, where the change would appear too",
            ),
        ],
        |text| remove(text, 0, &["a"], "KEY").unwrap_or_else(|error| format!("error: {error}")),
    );
    assert_eq!(remove("l:\n- KEY: x\n  B: 1\n", 0, &["l", "0"], "KEY").unwrap(), "l:\n- B: 1\n");
}

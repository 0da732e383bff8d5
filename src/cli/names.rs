//! Names that Kubernetes would refuse, refused at once and with the rule.
//!
//! The reference checks none of them when it seals, so that a wrong one shows only when the cluster refuses the Secret.

use super::report::Failure;
use crate::manifest::Secret;
use crate::seal::{is_valid_key, is_valid_name, is_valid_namespace};
use crate::yaml::{self, Node};

/// A name that is wrong, as errors show it; `None` for what may be a value in the wrong place: of an item, of a field that a broken
/// indent or a missing blank (`password:hunter2`) ran together with it.
fn shown(name: &str) -> Option<String> {
    /// What is longer is no name.
    const LONGEST: usize = 64;
    let is_odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ':' | '=' | '"' | '\'' | '`');
    (name.len() <= LONGEST && !name.contains(is_odd)).then(|| format!("`{name}`"))
}

/// Checks the key of an item. Exit code 2.
///
/// # Errors
/// When a Secret cannot have such a key.
pub fn check_key(key: &str) -> Result<(), Failure> {
    if is_valid_key(key) {
        return Ok(());
    }
    let shown = shown(key).unwrap_or_else(|| "the first word (not shown: it may be secret)".to_owned());
    Err(Failure::usage(format_args!("{shown} is not a valid Secret key"))
        .with_hint("a key has 1 to 253 letters, digits, `-`, `_` and `.`, is not `.` and does not begin with `..`"))
}

/// Checks the name of a Secret. Exit code 2.
///
/// # Errors
/// When a Secret cannot have this name.
pub fn check_object(name: &str) -> Result<(), Failure> {
    if is_valid_name(name) {
        return Ok(());
    }
    let shown = shown(name).unwrap_or_else(|| "the name (not shown: it may hold a value)".to_owned());
    Err(Failure::usage(format_args!("{shown} is not a valid Secret name"))
        .with_hint("a name has up to 253 lower-case letters, digits, `-` and `.`, and begins and ends with a letter or digit"))
}

/// Checks a namespace. Exit code 2.
///
/// # Errors
/// When there cannot be such a namespace.
pub fn check_namespace(namespace: &str) -> Result<(), Failure> {
    if is_valid_namespace(namespace) {
        return Ok(());
    }
    let shown = shown(namespace).unwrap_or_else(|| "the namespace (not shown: it may hold a value)".to_owned());
    Err(Failure::usage(format_args!("{shown} is not a valid namespace"))
        .with_hint("a namespace has up to 63 lower-case letters, digits and `-`, and begins and ends with a letter or digit"))
}

/// What is said about a key of a manifest that no Secret can have. It is not shown: where a blank is missing behind the colon, or a
/// quote, the value is in it.
const BAD_KEY: &str = "is not a valid Secret key (not shown: it may hold a value; is a blank missing behind a colon?)";

/// The keys of `data` and `stringData` that no Secret can have: what to say about each, with its line where the text tells.
#[must_use]
pub fn bad_keys<'s>(secrets: impl IntoIterator<Item = &'s Secret>, text: &[u8], file: &str) -> Vec<String> {
    let bad = |secret: &Secret| secret.data.keys().chain(secret.string_data.keys()).any(|key| !is_valid_key(key));
    if !secrets.into_iter().any(bad) {
        return Vec::new();
    }
    let documents = std::str::from_utf8(text).ok().and_then(|text| yaml::parse_stream(text).ok()).unwrap_or_default();
    let mut found = Vec::new();
    for root in documents.iter().map(|document| document.root().resolved()) {
        let items = root.get("items").map(Node::resolved);
        for object in std::iter::once(root).chain(items.into_iter().flat_map(Node::items).map(Node::resolved)) {
            for field in ["data", "stringData"] {
                for (key, _) in object.get(field).map(Node::resolved).into_iter().flat_map(Node::entries) {
                    if key.resolved().text().is_some_and(|key| key != "<<" && !is_valid_key(key)) {
                        found.push(format!("{file}: line {}: a key of {field} {BAD_KEY}", key.position().line));
                    }
                }
            }
        }
    }
    if found.is_empty() {
        // By a way that the text does not show: a merge key, `Data` for `data`.
        found.push(format!("{file}: a key {BAD_KEY}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_is_shown_unless_it_may_hold_a_value() {
        let said = |result: Result<(), Failure>| result.unwrap_err().message().to_owned();
        assert_eq!(said(check_key("a/b")), "`a/b` is not a valid Secret key");
        assert_eq!(said(check_object("App")), "`App` is not a valid Secret name");
        for word in ["password:hunter2", "password=hunter2", "a hunter2", "\"hunter2", &"hunter2/".repeat(9), "web\nhunter2"] {
            for said in [said(check_key(word)), said(check_object(word)), said(check_namespace(word))] {
                assert!(!said.contains("hunter2") && said.contains("not shown"), "{said}");
            }
        }
    }

    #[test]
    fn bad_keys_are_found_by_their_lines() {
        let text = "kind: Secret\nmetadata: {name: a}\nstringData:\n  good: x\n  password:hunter2:\n---\nkind: SecretList\nitems:\n- data: {\n  a=b: eA==}\n";
        let secrets = crate::manifest::read_secrets(text.as_bytes(), "f").unwrap();
        let found = bad_keys(secrets.iter().map(|secret| &secret.object), text.as_bytes(), "f");
        assert_eq!(found, [format!("f: line 5: a key of stringData {BAD_KEY}"), format!("f: line 10: a key of data {BAD_KEY}")]);
        let merged = "x: &s {\"a b\": v}\nkind: Secret\nstringData: {<<: *s}\n";
        let secrets = crate::manifest::read_secrets(merged.as_bytes(), "f").unwrap();
        assert_eq!(
            bad_keys(secrets.iter().map(|secret| &secret.object), merged.as_bytes(), "f"),
            [format!("f: a key {BAD_KEY}")]
        );
    }
}

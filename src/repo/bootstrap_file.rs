//! Bootstrap files: their text read, and the lines on which findings stand.
//!
//! Reading and paths only; what a file means is in [`crate::bootstrap`].

use crate::bootstrap::Bootstrap;
use crate::yaml::{self, Node};

/// Why a bootstrap file cannot be read. The path is the caller's to say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct SyntaxError {
    /// Line in the file, from 1; 0 when unknown.
    pub line: u64,
    /// What is wrong there.
    pub reason: String,
}

/// Reads the text of a bootstrap file. Unknown and repeated fields are errors.
///
/// # Errors
/// [`SyntaxError`].
pub fn parse(text: &str) -> Result<Bootstrap, SyntaxError> {
    serde_saphyr::from_str(text).map_err(|error| {
        let (plain, line) = (error.without_snippet(), error.location().map_or(0, |at| at.line()));
        // The parser's text ends with the place, which stands in front here.
        let text = plain.to_string();
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        // Two of its texts speak to the programmer.
        let reason = match reason.split_once(", set DuplicateKeyPolicy") {
            Some((reason, _)) => reason,
            None if reason.starts_with("multiple YAML documents") => "a second document: a bootstrap file is one document",
            None => reason,
        };
        SyntaxError { line, reason: reason.to_owned() }
    })
}

/// The line of a path (keys and list indices) in a text that [`parse`] has read; the nearest one above it where the path ends
/// before.
#[must_use]
pub fn line_of(text: &str, path: &[String]) -> usize {
    let Ok(documents) = yaml::parse_stream(text) else { return 1 };
    let Some(document) = documents.iter().find(|document| !document.is_empty()) else { return 1 };
    let mut node = document.root().resolved();
    let mut line = node.position().line;
    for step in path {
        let next: Option<(Node<'_>, Node<'_>)> = match step.parse::<usize>() {
            Ok(index) if node.items().len() > 0 => node.items().nth(index).map(|item| (item, item)),
            _ => node.entry(step),
        };
        let Some((at, value)) = next else { break };
        line = at.position().line;
        node = value.resolved();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "apiVersion: hecate.social/v1alpha1\nkind: Bootstrap\nspec:\n  secrets:\n    - name: a\n      namespace: b\n      keys:\n        K: { password: {} }\n        L: { template: \"{{ K }}\" }\n";

    #[test]
    fn a_file_is_read_and_its_lines_are_found() {
        let file = parse(TEXT).unwrap();
        assert_eq!(file.spec.secrets[0].keys.len(), 2);
        let path = |steps: &[&str]| steps.iter().map(|step| (*step).to_owned()).collect::<Vec<_>>();
        assert_eq!(line_of(TEXT, &path(&["spec", "secrets", "0", "keys", "L"])), 9);
        assert_eq!(line_of(TEXT, &path(&["spec", "secrets", "0", "nothing"])), 5);
    }

    #[test]
    fn mistakes_have_their_line() {
        let wrong = |from: &str, to: &str| parse(&TEXT.replace(from, to)).unwrap_err();
        let error = wrong("password: {}", "password: { lenght: 3 }");
        assert_eq!(error.line, 8, "{error}");
        assert!(error.reason.contains("lenght"), "{error}");
        assert_eq!(wrong("password: {}", "passwrd: {}").line, 8);
        assert_eq!(wrong("password: {}", "password: {}, hex: {}").line, 8);
        // A field that is missing: a line of its object.
        assert!((5..=6).contains(&wrong("      namespace: b\n", "").line));
        assert_eq!(wrong("- name: a", "- name: a\n      name: b").line, 6);
    }
}

//! Plaintext that must not get into git: values of Secrets, private keys, files that `.sops.yaml` wants encrypted.
//!
//! Here is what one file holds ([`scan`]): bytes in, findings out, each with its line, object and key, never with a value. Which
//! files there are (a tree, or git's index) and how findings are told is the command line's affair. Tokens of other services
//! are not looked for: programs such as gitleaks know hundreds of them.
//!
//! - [`allow`]: what a person has declared harmless
//! - [`coverage`]: files that a creation rule covers, and SOPS files with plain values in them
//! - `secrets`: Secrets in manifests; `placeholder`: values that are none; `keys`: private keys in any text

pub mod allow;
pub mod coverage;
mod keys;
mod placeholder;
mod secrets;

use std::path::Path;

use super::walk;
use allow::Marks;
use coverage::SopsRules;

/// What kind of thing was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A value of a Secret in plain text (base64 is plain text).
    PlainSecret,
    /// A value written into a kustomization's `secretGenerator`.
    GeneratorLiteral,
    /// An annotation in which kubectl keeps a copy of a plain Secret.
    PlainCopy,
    /// The private key of a sealed-secrets controller, in its key Secret.
    SealingKey,
    /// A private key; what it is.
    PrivateKey(&'static str),
    /// A file that a creation rule of `.sops.yaml` covers and that is not encrypted; the rule's number, from 0.
    NotEncrypted(usize),
    /// A plain value in a SOPS file, where its rule wants an encrypted one.
    PartlyEncrypted,
    /// A file that seems to hold a Secret and cannot be read.
    Unreadable,
}

impl Kind {
    /// A word for programs.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::PlainSecret => "plaintext-secret",
            Self::GeneratorLiteral => "generator-literal",
            Self::PlainCopy => "plaintext-copy",
            Self::SealingKey => "sealing-key",
            Self::PrivateKey(_) => "private-key",
            Self::NotEncrypted(_) => "not-encrypted",
            Self::PartlyEncrypted => "partly-encrypted",
            Self::Unreadable => "unreadable",
        }
    }
}

/// One thing that was found. It never holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Line, from 1; 0 for the whole file.
    pub line: usize,
    /// `namespace/name` of the object, where there is one.
    pub object: Option<String>,
    /// The key, or its dotted path.
    pub key: Option<String>,
}

/// What one file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What was found, by line.
    pub findings: Vec<Finding>,
    /// Line of a document that is a template of something else, and so was not looked at; 0 when there is none.
    pub template: usize,
}

/// Looks through the content of a file. `path` is absolute; `rules` are those of the `.sops.yaml` nearest to it. The file need not
/// exist there: the content may come from git.
#[must_use]
pub fn scan(path: &Path, bytes: &[u8], rules: Option<&SopsRules>) -> Report {
    let mut report = Report::default();
    let is_manifest = walk::has_ending(path, walk::MANIFESTS);
    if is_manifest && (bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff])) {
        // What a shell of Windows makes of `kubectl … > secret.yaml`.
        report.findings.push(Finding { kind: Kind::Unreadable, line: 0, object: None, key: None });
        return report;
    }
    if is_binary(bytes) {
        return report;
    }
    let mut objects = Vec::new();
    if is_manifest && let Ok(text) = std::str::from_utf8(bytes) {
        report.template = secrets::look(text.strip_prefix('\u{feff}').unwrap_or(text), &mut objects);
    }
    let mut others = Vec::new();
    keys::look(bytes, &mut others);
    coverage::look(path, bytes, rules, &mut others);
    let is_known = |other: &Finding, object: &secrets::Found| {
        let line = object.finding.line;
        // The text of a block scalar begins a line below its key.
        other.line == line || (other.line == line + 1 && matches!(other.kind, Kind::PrivateKey(_)))
    };
    others.retain(|other| !objects.iter().any(|object| is_known(other, object)));
    let marks = Marks::read(bytes);
    objects.retain(|found| !marks.allow_item(found.finding.line) && !found.above.iter().any(|line| marks.allow_object(*line)));
    others.retain(|finding| !marks.allow_item(finding.line));
    report.findings = objects.into_iter().map(|found| found.finding).chain(others).collect();
    report.findings.sort_by_key(|finding| finding.line);
    report
}

/// Whether the content is no text: there is a zero byte near its start, by which git decides too.
#[must_use]
pub fn is_binary(bytes: &[u8]) -> bool {
    /// As git.
    const LOOKED_AT: usize = 8000;
    memchr::memchr(0, bytes.get(..LOOKED_AT).unwrap_or(bytes)).is_some()
}

#[cfg(test)]
mod tests;

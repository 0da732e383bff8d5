//! Plaintext that must not get into git: values of Secrets, private keys, files that `.sops.yaml` wants encrypted.
//!
//! Here is what one file holds ([`scan`]): bytes in, findings out, each with its line, object and key, never with a value. Which
//! files there are (a tree, or git's index) and how findings are told is the command line's affair. Tokens of other services
//! are not looked for: programs such as gitleaks know hundreds of them.
//!
//! - [`allow`]: what a person has declared harmless
//! - [`coverage`]: files that a creation rule covers, and SOPS files with plain values in them
//! - `secrets`: Secrets in manifests; `literals`: in templates and scripts; `placeholder`: values that are none
//! - `keys`: private keys in any text

pub mod allow;
pub mod coverage;
mod keys;
mod literals;
mod placeholder;
mod secrets;

use std::path::Path;

use zeroize::Zeroizing;

use super::walk;
use allow::Marks;
use coverage::SopsRules;

/// What kind of thing was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A value of a Secret in plain text (base64 is plain text).
    PlainSecret,
    /// The same in a template or a script.
    Literal,
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
            Self::Literal => "plaintext-literal",
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
    /// Line of a document that is a template of something else, so that only clear values were found; 0 when there is none.
    pub template: usize,
}

/// Looks through the content of a file. `path` is absolute; `rules` are those of the `.sops.yaml` nearest to it. The file need not
/// exist there: the content may come from git.
#[must_use]
pub fn scan(path: &Path, bytes: &[u8], rules: Option<&SopsRules>) -> Report {
    let mut report = Report::default();
    let nature = Nature::of(path);
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        // What a shell of Windows makes of `kubectl … > secret.yaml`.
        if nature == Nature::Manifest || nature == Nature::Text && holds_a_secret_in_utf16(bytes) {
            report.findings.push(Finding { kind: Kind::Unreadable, line: 0, object: None, key: None });
        }
        return report;
    }
    if is_binary(bytes) {
        return report;
    }
    let mut objects = Vec::new();
    if nature != Nature::Words
        && let Ok(text) = std::str::from_utf8(bytes)
    {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        report.template = secrets::look(text, nature == Nature::Manifest, &mut objects);
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

/// What a file is by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nature {
    /// It should be YAML or JSON: `a.yaml`, `a.yaml.bak`, `a.yml~`, `a.yaml.j2`.
    Manifest,
    /// Anything: a Secret may be in it.
    Text,
    /// Documentation and source code, which speak about Secrets and hold those of examples and tests.
    Words,
}

/// Endings of documentation and source code.
const WORDS: &[&str] = &[
    "md", "mdx", "markdown", "rst", "adoc", "asciidoc", "html", "htm", "svg", "tex", "rs", "go", "py", "ipynb", "js", "mjs",
    "cjs", "jsx", "ts", "tsx", "vue", "java", "kt", "kts", "scala", "groovy", "c", "h", "cc", "cpp", "hpp", "cs", "fs", "rb",
    "php", "pl", "swift", "dart", "ex", "exs", "erl", "hs", "ml", "clj", "lua", "zig", "nim", "snap", "patch", "diff",
];

impl Nature {
    fn of(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        let endings: Vec<&str> = name.trim_end_matches('~').split('.').skip(1).collect();
        match endings.last() {
            Some(last) if WORDS.contains(last) => Self::Words,
            _ if endings.iter().any(|ending| walk::MANIFESTS.contains(ending)) => Self::Manifest,
            _ => Self::Text,
        }
    }
}

/// UTF-16 is read as far as it is ASCII: that is enough for `kind: Secret`.
fn holds_a_secret_in_utf16(bytes: &[u8]) -> bool {
    let narrow: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0 && byte.is_ascii()).collect();
    let narrow = Zeroizing::new(narrow);
    std::str::from_utf8(&narrow).is_ok_and(secrets::says_its_kind)
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

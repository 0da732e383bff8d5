//! What `.sops.yaml` says should be encrypted, and what of it is not.
//!
//! A rule without `path_regex` is for files that a person hands to sops and says nothing about the others. A rule with one covers
//! a file when it would encrypt some of its values; Kubernetes manifests are left to the search for Secrets, since rules such as
//! `.*\.yaml` with `encrypted_regex: ^(data|stringData)$` are not meant for every ConfigMap. A file with a `sops` block must have
//! every value encrypted that its own rule selects.

use std::path::{Path, PathBuf};

use memchr::memmem;

use super::placeholder::{Form, is_harmless};
use super::{Finding, Kind};
use crate::sops::document::{Encrypted, Format, load_plain};
use crate::sops::pattern::Pattern;
use crate::sops::rules::{Error, Rules, subject};
use crate::sops::select::{Selector, Walk};
use crate::sops::store::display;
use crate::sops::tree::{Entry, Map, Node};
use crate::sops::value;
use crate::yaml;

/// Name of the file with the rules.
pub const FILE_NAME: &str = ".sops.yaml";

/// Files that are for people and programs, whatever a rule says.
const NEVER: [&str; 8] = [
    FILE_NAME,
    ".hecate-seal.yaml",
    "kustomization.yaml",
    "kustomization.yml",
    ".gitignore",
    ".gitattributes",
    ".gitkeep",
    ".pre-commit-config.yaml",
];

/// A `.sops.yaml` that was read, with its patterns compiled.
#[derive(Debug)]
pub struct SopsRules {
    folder: PathBuf,
    rules: Rules,
    /// For each rule its `path_regex`; `None` for one that takes every file.
    patterns: Vec<Option<Pattern>>,
}

impl SopsRules {
    /// Reads the text of a `.sops.yaml` that lies in `folder`, an absolute path.
    ///
    /// # Errors
    /// Not YAML, not of the form of rules, or a `path_regex` that does not compile.
    pub fn parse(folder: &Path, text: &[u8]) -> Result<Self, Error> {
        let rules = Rules::parse(text)?;
        let patterns = rules.path_patterns()?;
        Ok(Self { folder: folder.to_owned(), rules, patterns })
    }

    /// The rule for a file, and whether it names the file by a `path_regex`.
    fn rule_for(&self, path: &str) -> Option<(usize, bool)> {
        let applies = |pattern: &Option<Pattern>| pattern.as_ref().is_none_or(|pattern| pattern.is_match(path));
        let rule = self.patterns.iter().position(applies)?;
        Some((rule, self.patterns.get(rule).is_some_and(Option::is_some)))
    }

    /// Whether `sops encrypt` would find a rule for the file, given by its absolute path.
    #[must_use]
    pub fn has_rule_for(&self, path: &Path) -> bool {
        self.rule_for(&self.subject(path)).is_some()
    }

    fn subject(&self, path: &Path) -> String {
        subject(&self.folder.to_string_lossy(), &path.to_string_lossy())
    }
}

/// The format that sops takes a file for, by its name.
#[must_use]
pub fn format_of(path: &Path) -> Format {
    Format::of_name(&path.file_name().unwrap_or_default().to_string_lossy())
}

pub(super) fn look(path: &Path, bytes: &[u8], rules: Option<&SopsRules>, findings: &mut Vec<Finding>) {
    let format = format_of(path);
    let push = |kind: Kind, plain: Plain, findings: &mut Vec<Finding>| {
        let line = line_of(bytes, format, &plain);
        let key = plain.shown(format);
        findings.push(Finding { kind, line, object: None, key: (!key.is_empty()).then_some(key) });
    };
    if memmem::find(bytes, b"sops").is_some()
        && memmem::find(bytes, b"ENC[AES256_GCM,").is_some()
        && let Ok(file) = Encrypted::load(format, bytes)
    {
        let selector = file.metadata.selector.clone().unwrap_or_default();
        for plain in plain_values(&file.documents, &selector, |text| text.is_empty() || value::Encrypted::parse(text).is_ok()) {
            push(Kind::PartlyEncrypted, plain, findings);
        }
        return;
    }
    let Some(rules) = rules else { return };
    let name = path.file_name().unwrap_or_default();
    if bytes.trim_ascii().is_empty() || NEVER.iter().any(|never| name == *never) || name.to_string_lossy().ends_with(".md") {
        return;
    }
    let subject = rules.subject(path);
    let Some((rule, true)) = rules.rule_for(&subject) else { return };
    let Ok(Some(creation)) = rules.rules.creation_for(&subject) else { return };
    if format == Format::Binary {
        findings.push(Finding { kind: Kind::NotEncrypted(rule), line: 0, object: None, key: None });
        return;
    }
    let Ok(mut documents) = load_plain(format, bytes) else { return };
    let number_of_documents = documents.len();
    documents.retain(|document| !is_manifest(document));
    let harmless = |text: &str| is_harmless(text, Form::Text);
    let Some(mut first) = plain_values(&documents, &creation.selector.unwrap_or_default(), harmless).into_iter().next() else {
        return;
    };
    if documents.len() != number_of_documents {
        first.document = usize::MAX;
    }
    push(Kind::NotEncrypted(rule), first, findings);
}

/// A Kubernetes object.
fn is_manifest(document: &Map) -> bool {
    ["apiVersion", "kind"].iter().all(|key| document.get(key).and_then(Node::as_str).is_some())
}

/// Where a plain value is.
struct Plain {
    /// Number of the document, from 0; `usize::MAX` when it is not known.
    document: usize,
    path: Vec<Step>,
}

#[derive(Clone)]
enum Step {
    Key(String),
    Index(usize),
}

impl Plain {
    /// `a.b[0].c`; nothing when one of the keys may be a value in the wrong place.
    fn shown(&self, format: Format) -> String {
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if !is_surely_a_key(key, format) => return String::new(),
                Step::Key(key) if text.is_empty() => text.push_str(key),
                Step::Key(key) => text.extend([".", key]),
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text
    }
}

/// Whether a key can be shown. A broken file has values where keys should be: the second line of a key in PEM, put into a `.env`
/// without quotes, is `MIIB…=` and reads as a key with an empty value.
fn is_surely_a_key(key: &str, format: Format) -> bool {
    const LONGEST: usize = 80;
    let plain = key.len() <= LONGEST && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' '));
    let one_case = !key.contains(char::is_lowercase) || !key.contains(char::is_uppercase);
    plain && (one_case || format != Format::Dotenv)
}

/// The values that the rule selects and that are not `fine`.
fn plain_values(documents: &[Map], selector: &Selector, fine: impl Fn(&str) -> bool) -> Vec<Plain> {
    let mut walker = Walker { walk: Walk::new(selector), fine: &fine, path: Vec::new(), document: 0, found: Vec::new() };
    for (document, map) in documents.iter().enumerate() {
        walker.document = document;
        walker.map(map);
    }
    walker.found
}

struct Walker<'a> {
    walk: Walk<'a>,
    fine: &'a dyn Fn(&str) -> bool,
    path: Vec<Step>,
    document: usize,
    found: Vec<Plain>,
}

impl Walker<'_> {
    fn map(&mut self, map: &Map) {
        self.walk.enter();
        for entry in &map.0 {
            match entry {
                Entry::Comment(comment) => self.walk.comment(comment.text.expose()),
                Entry::Pair(key, node) => {
                    self.walk.key(key);
                    self.path.push(Step::Key(key.clone()));
                    self.node(node);
                    self.path.pop();
                    self.walk.key_done();
                    self.walk.item_done();
                }
            }
        }
        self.walk.leave();
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Null => {}
            Node::Comment(comment) => self.walk.comment(comment.text.expose()),
            Node::Map(map) => self.map(map),
            Node::List(items) => {
                self.walk.enter();
                let mut index = 0;
                for item in items {
                    let is_comment = matches!(item, Node::Comment(_));
                    self.path.push(Step::Index(index));
                    self.node(item);
                    self.path.pop();
                    if !is_comment {
                        self.walk.item_done();
                        index += 1;
                    }
                }
                self.walk.leave();
            }
            Node::Leaf(leaf) => {
                let text = display(leaf);
                let fine = std::str::from_utf8(text.expose()).is_ok_and(|text| (self.fine)(text));
                if self.walk.encrypts(false) && !fine {
                    self.found.push(Plain { document: self.document, path: self.path.clone() });
                }
            }
        }
    }
}

/// The line of a value; 0 when it cannot be told.
fn line_of(bytes: &[u8], format: Format, plain: &Plain) -> usize {
    let Ok(text) = std::str::from_utf8(bytes) else { return 0 };
    if matches!(format, Format::Yaml | Format::Json) {
        return line_in_tree(text, plain).unwrap_or(0);
    }
    let Some(Step::Key(last)) = plain.path.last() else { return 0 };
    let is_it = |line: &str| line.trim_start().strip_prefix(last.as_str()).is_some_and(|rest| rest.trim_start().starts_with('='));
    text.lines().position(is_it).map_or(0, |index| index + 1)
}

fn line_in_tree(text: &str, plain: &Plain) -> Option<usize> {
    let documents = yaml::parse_stream(text).ok()?;
    let wanted = documents.iter().enumerate().filter(|(number, _)| plain.document == usize::MAX || *number == plain.document);
    wanted.map(|(_, document)| document).find_map(|document| {
        let mut node = document.root().resolved();
        let mut line = None;
        for step in &plain.path {
            let (at, next) = match step {
                Step::Key(key) => node.entry(key)?,
                Step::Index(index) => node.items().nth(*index).map(|item| (item, item))?,
            };
            (line, node) = (Some(at.position().line), next.resolved());
        }
        line
    })
}

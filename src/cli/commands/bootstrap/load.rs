//! The bootstrap files of a run: read, put together, looked over.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::Common;
use crate::bootstrap::lint;
use crate::bootstrap::model::{Finding, Model, Severity};
use crate::bootstrap::{Bootstrap, SecretId};
use crate::cli::Io;
use crate::cli::io::read;
use crate::cli::report::{Context, Failure};
use crate::repo::{bootstrap_file, settings};

/// Largest bootstrap file.
const MAX_FILE: u64 = 4 << 20;
/// The file that is read when none is named.
const DEFAULT_FILE: &str = "bootstrap.yaml";

/// A bootstrap file that was read.
pub(super) struct File {
    /// As messages call it.
    pub(super) shown: String,
    /// Its folder: paths in it start there.
    pub(super) folder: PathBuf,
    text: String,
}

/// The files and what they say.
pub(super) struct Loaded {
    pub(super) files: Vec<File>,
    pub(super) model: Model,
    /// Everything that was found, worst first.
    pub(super) findings: Vec<Finding>,
}

impl Loaded {
    /// Reads the files.
    pub(super) fn read(common: &Common, io: &Io) -> Result<Self, Failure> {
        let default = [PathBuf::from(DEFAULT_FILE)];
        let paths = if common.file.is_empty() { &default[..] } else { &common.file };
        let mut files = Vec::new();
        let mut documents: Vec<Bootstrap> = Vec::new();
        for path in paths {
            let path = io.path(path);
            let shown = io.shown(&path);
            let mut text = read::text_file(&path, MAX_FILE).context(|| format!("cannot read the bootstrap file {shown}"));
            if common.file.is_empty() {
                text = text.hint(|| "name another one with -f FILE");
            }
            let text = text?;
            let document = bootstrap_file::parse(&text).map_err(|error| Failure::new(format_args!("{shown}: {error}")))?;
            documents.push(document);
            let folder = path.parent().unwrap_or(Path::new("/")).to_owned();
            files.push(File { shown, folder, text: (*text).clone() });
        }
        let (model, mut findings) = Model::build(documents);
        findings.extend(lint::lint(&model));
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
        Ok(Self { files, model, findings })
    }

    /// No file at all.
    pub(super) fn nothing() -> Self {
        Self { files: Vec::new(), model: Model::default(), findings: Vec::new() }
    }

    /// Stops at errors, and tells the warnings.
    pub(super) fn checked(self, io: &mut Io) -> Result<Self, Failure> {
        let mut failure: Option<Failure> = None;
        for finding in &self.findings {
            let line = self.line(finding);
            match finding.severity {
                Severity::Warning => io.warn(line),
                Severity::Error => {
                    failure = Some(match failure {
                        None => Failure::new(line),
                        Some(first) => first.and(Failure::new(line)),
                    });
                }
            }
        }
        match failure {
            None => Ok(self),
            Some(failure) => Err(failure),
        }
    }

    /// `file: line N: message`.
    pub(super) fn line(&self, finding: &Finding) -> String {
        match self.files.get(finding.file) {
            Some(file) => {
                let line = bootstrap_file::line_of(&file.text, &finding.path);
                format!("{}: line {line}: {}", file.shown, finding.message)
            }
            None => finding.message.clone(),
        }
    }

    /// A finding for programs.
    pub(super) fn json(&self, finding: &Finding) -> serde_json::Value {
        let file = self.files.get(finding.file);
        json!({
            "severity": if finding.severity == Severity::Error { "error" } else { "warning" },
            "file": file.map(|file| file.shown.clone()),
            "line": file.map(|file| bootstrap_file::line_of(&file.text, &finding.path)),
            "message": finding.message,
        })
    }

    /// The Secrets that names on the command line mean.
    pub(super) fn named(&self, names: &[String], option: &str) -> Result<BTreeSet<SecretId>, Failure> {
        let mut found = BTreeSet::new();
        for name in names {
            let meant: Vec<&SecretId> =
                self.model.secrets.iter().map(|entry| &entry.id).filter(|id| id.is_meant_by(name)).collect();
            match meant.as_slice() {
                [one] => _ = found.insert((*one).clone()),
                [] => return Err(Failure::usage(format_args!("{option} {name}: the bootstrap file has no such Secret"))),
                several => {
                    let names: Vec<String> = several.iter().map(ToString::to_string).collect();
                    return Err(Failure::usage(format_args!("{option} {name}: there are {}", names.join(" and ")))
                        .with_hint("say which with its namespace: NAMESPACE/NAME"));
                }
            }
        }
        Ok(found)
    }

    /// A path that a bootstrap file names, and as messages call it.
    pub(super) fn path(&self, file: usize, path: &str, io: &Io) -> (PathBuf, String) {
        let folder = self.files.get(file).map_or(io.cwd.as_path(), |file| file.folder.as_path());
        let path = folder.join(path);
        let shown = io.shown(&path);
        (path, shown)
    }

    /// As [`Self::path`] for a file that is written: it must lie in the repository of its bootstrap file, links followed.
    /// Whoever wrote that file may not choose what else of ours is written.
    pub(super) fn target(&self, file: usize, path: &str, io: &Io) -> Result<(PathBuf, String), Failure> {
        let (target, shown) = self.path(file, path, io);
        let folder = self.files.get(file).map_or(io.cwd.as_path(), |file| file.folder.as_path());
        let root = settings::repository_root(folder);
        if settings::stays_inside(&root, &target) {
            return Ok((target, shown));
        }
        Err(Failure::new(format_args!("{shown} lies outside of the repository {}", root.display()))
            .with_hint("a bootstrap file may only name files of its own repository"))
    }
}

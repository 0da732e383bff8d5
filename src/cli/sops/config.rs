//! `.sops.yaml`: found from the current folder upward, read once, asked for a file's rule (sops-age.md §2).

use std::path::{Path, PathBuf};

use super::session::Session;
use crate::cli::io::read;
use crate::cli::{Context, Failure, Io};
use crate::sops::rules::{self, Creation, Rules};

/// How far up the search goes.
const MAX_FOLDERS: usize = 100;
/// The largest file that is read.
const MAX_LEN: u64 = 1 << 20;

/// The rules and where they are.
#[derive(Debug)]
pub(super) struct Config {
    /// The file.
    pub(super) path: PathBuf,
    /// What it says.
    pub(super) rules: Rules,
}

impl Config {
    /// The nearest `.sops.yaml`, and a warning about a `.sops.yml` that is not read.
    pub(super) fn find(folder: &Path) -> (Option<PathBuf>, Option<String>) {
        let mut ignored = None;
        for folder in folder.ancestors().take(MAX_FOLDERS) {
            let path = folder.join(".sops.yaml");
            let warning = |used: &str| {
                let told = |ignored: &PathBuf| {
                    format!("ignoring {}: the file with the rules must be called .sops.yaml{used}", ignored.display())
                };
                ignored.as_ref().map(told)
            };
            if path.exists() {
                let warning = warning(&format!("; using {}", path.display()));
                return (Some(path), warning);
            }
            let other = folder.join(".sops.yml");
            if ignored.is_none() && other.exists() {
                ignored = Some(other);
            }
        }
        let told =
            |ignored: PathBuf| format!("ignoring {}: the file with the rules must be called .sops.yaml", ignored.display());
        (None, ignored.map(told))
    }

    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or is wrong.
    pub(super) fn read(path: &Path, io: &Io) -> Result<Self, Failure> {
        let text = read::file(path, MAX_LEN).context(|| format!("could not read config file {}", io.shown(path)))?;
        let rules = Rules::parse(&text).context(|| format!("error loading config: {}", io.shown(path)))?;
        Ok(Self { path: path.to_owned(), rules })
    }

    /// What the rules say about a file, given by its absolute path; `None` if there are no rules.
    ///
    /// # Errors
    /// When no rule is for it, or the rule is wrong.
    pub(super) fn creation_for(&self, file: &Path) -> Result<Option<Creation>, rules::Error> {
        let folder = self.path.parent().unwrap_or(Path::new("/")).to_string_lossy();
        // Below the root folder, the prefix to cut is the one slash.
        let subject = rules::subject(folder.trim_end_matches('/'), &file.to_string_lossy());
        self.rules.creation_for(&subject)
    }
}

impl Session<'_> {
    /// The rule for a file; none if there is no file with rules.
    ///
    /// # Errors
    /// When the rules cannot be read, or none of them is for the file.
    pub(super) fn creation_for(&mut self, file: &Path) -> Result<Option<Creation>, Failure> {
        let Some(config) = self.config()? else { return Ok(None) };
        let (found, path) = (config.creation_for(file), config.path.clone());
        found.map_err(|error| {
            let failure = Failure::new(format_args!("error loading config: {error}"));
            let hint = match error {
                rules::Error::NoMatch(_) => {
                    format!(
                        "add a rule whose path_regex matches it to {}, or one without path_regex at the end",
                        self.io.shown(&path)
                    )
                }
                _ => format!("correct {}", self.io.shown(&path)),
            };
            failure.with_hint(hint)
        })
    }
}

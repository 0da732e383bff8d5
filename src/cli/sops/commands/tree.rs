//! The files of a folder that matter to sops: those that are encrypted, and those that a creation rule is for.

use std::path::{Path, PathBuf};

use crate::cli::io::read::{self, MAX_DOCUMENT};
use crate::cli::sops::session::Session;
use crate::cli::{Context, Failure};
use crate::sops::document::Encrypted;
use crate::sops::rules::{self, Creation};

/// A file that was found.
pub(super) struct Found {
    /// Its absolute path.
    pub(super) path: PathBuf,
    /// Whether it has sops metadata that can be read.
    pub(super) encrypted: bool,
    /// The rule for it, if there is one.
    pub(super) rule: Option<Creation>,
}

/// Looks through folders, and takes files that are named themselves. What git ignores, and `.sops.yaml`, is left out.
///
/// # Errors
/// When a folder or file cannot be read, or a rule is wrong.
pub(super) fn find(session: &mut Session<'_>, folders: &[PathBuf]) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    for folder in folders {
        let walk = ignore::WalkBuilder::new(folder).hidden(false).require_git(false).sort_by_file_path(Path::cmp).build();
        for entry in walk {
            let entry = entry.context(|| format!("cannot look through {}", folder.display()))?;
            let path = entry.path();
            let in_git = path.components().any(|part| part.as_os_str() == ".git");
            if in_git
                || !entry.file_type().is_some_and(|kind| kind.is_file())
                || path.file_name().is_some_and(|name| name == ".sops.yaml")
            {
                continue;
            }
            // A file that no rule matches is simply not meant. A rule that is wrong is an error: what it is for would stay plain.
            let rule = match session.config()?.map(|config| config.creation_for(path)) {
                Some(Err(rules::Error::NoMatch(_))) | None => None,
                Some(Ok(rule)) => rule,
                Some(Err(_)) => session.creation_for(path)?,
            };
            let text = read::file(path, MAX_DOCUMENT).context(|| format!("cannot read {}", path.display()))?;
            let marked = memchr::memmem::find(&text, b"sops").is_some();
            let format = session.input_format(path);
            let encrypted = marked && Encrypted::load(format, &text).is_ok();
            if encrypted || rule.is_some() {
                found.push(Found { path: path.to_owned(), encrypted, rule });
            }
        }
    }
    Ok(found)
}

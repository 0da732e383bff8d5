//! The files that a command looks at: [`crate::repo::walk`], with its troubles told.
//!
//! A path that is not there stops the command; that git could not be asked which ignored files it has is a warning, since most
//! trees have none.

use std::path::{Path, PathBuf};

use super::Io;
use super::report::Failure;
use crate::repo::walk::{self, Found};

/// Files below a path, as the user gave it, that may hold manifests.
///
/// # Errors
/// The path, or a folder below it, cannot be read.
pub fn manifests(path: &Path, io: &mut Io) -> Result<Vec<PathBuf>, Failure> {
    checked(path, walk::files(&io.path(path), walk::MANIFESTS), io)
}

/// Every file below a path, as the user gave it.
///
/// # Errors
/// The path, or a folder below it, cannot be read.
pub fn all(path: &Path, io: &mut Io) -> Result<Vec<PathBuf>, Failure> {
    // Without `.` in it, so that it fits the folder of the settings.
    let start = io.path(path).components().collect::<PathBuf>();
    checked(path, walk::all(&start), io)
}

fn checked(path: &Path, found: Found, io: &mut Io) -> Result<Vec<PathBuf>, Failure> {
    if let Some(problem) = found.problems.first() {
        return Err(Failure::new(problem).wrap(format_args!("cannot look through {}", path.display())));
    }
    for reason in &found.unasked {
        io.warn(format!("files that git has although .gitignore excludes them were not looked for: {reason}"));
    }
    Ok(found.files)
}

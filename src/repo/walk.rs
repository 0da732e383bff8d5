//! The files of a tree that may matter: what git ignores stays out, and so does git's own folder.
//!
//! In a repository the rules are git's: a `.gitignore` above it says nothing, and a file that git has is not ignored, whatever a
//! `.gitignore` says; which ones these are, git is asked. Outside of one, `.gitignore` files in the tree itself count.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::git;

/// Endings of files that may hold manifests.
pub const MANIFESTS: &[&str] = &["yaml", "yml", "json"];
/// Endings of files that may hold certificates.
pub const CERTIFICATES: &[&str] = &["pem", "crt", "cert", "cer"];

/// Files and what could not be looked at.
#[derive(Debug, Default)]
pub struct Found {
    /// Paths, sorted within each folder, beginning as `root` was given.
    pub files: Vec<PathBuf>,
    /// What went wrong on the way, with its path.
    pub problems: Vec<String>,
    /// Why git could not be asked which ignored files it has.
    pub unasked: Vec<String>,
}

/// Every file under `root` with one of these endings (compared without case). Hidden files count, what `.gitignore` files
/// exclude does not unless git has it, and symbolic links are not followed. A `root` that is a file is found whatever its ending is.
#[must_use]
pub fn files(root: &Path, endings: &[&str]) -> Found {
    matching(root, |path| has_ending(path, endings))
}

/// As [`files`], whatever the endings.
#[must_use]
pub fn all(root: &Path) -> Found {
    matching(root, |_| true)
}

fn matching(root: &Path, wanted: impl Fn(&Path) -> bool) -> Found {
    let mut found = Found::default();
    // The real path: `a/../b` is not below `a`.
    let in_repository = root.canonicalize().is_ok_and(|real| real.ancestors().any(|above| above.join(".git").exists()));
    let repositories = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&repositories);
    let walk = ignore::WalkBuilder::new(root)
        .standard_filters(false)
        .parents(in_repository)
        .git_ignore(true)
        .git_exclude(true)
        .require_git(in_repository)
        .sort_by_file_name(OsStr::cmp)
        .filter_entry(move |entry| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            if is_folder && entry.path().join(".git").exists() {
                seen.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.path().to_owned());
            }
            entry.depth() == 0 || entry.file_name() != ".git"
        })
        .build();
    for entry in walk {
        match entry {
            Ok(entry) => {
                let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
                // A link that was named is meant.
                if entry.depth() == 0 && entry.path().is_file() || is_file && wanted(entry.path()) {
                    found.files.push(entry.into_path());
                }
            }
            Err(error) => found.problems.push(error.to_string()),
        }
    }
    let mut repositories = std::mem::take(&mut *repositories.lock().unwrap_or_else(PoisonError::into_inner));
    if in_repository && root.is_dir() {
        repositories.insert(root.to_owned());
    }
    for folder in &repositories {
        add_tracked(folder, &wanted, &mut found);
    }
    found
}

/// Adds the files that git has and that an ignore rule left out.
fn add_tracked(folder: &Path, wanted: &impl Fn(&Path) -> bool, found: &mut Found) {
    let tracked = match git::tracked_but_ignored(folder) {
        Ok(tracked) => tracked,
        // A `.git` that is none: there is nothing that git has.
        Err(git::Error::NoRepository(_)) => return,
        Err(error) => return found.unasked.push(error.to_string()),
    };
    let is_file = |path: &PathBuf| path.symlink_metadata().is_ok_and(|meta| meta.is_file());
    let more: Vec<PathBuf> = tracked.into_iter().filter(|path| wanted(path) && is_file(path)).collect();
    if !more.is_empty() {
        found.files.extend(more);
        found.files.sort();
        found.files.dedup();
    }
}

/// Whether the file's name ends so, compared without case.
pub(crate) fn has_ending(path: &Path, endings: &[&str]) -> bool {
    path.extension().and_then(OsStr::to_str).is_some_and(|ending| endings.iter().any(|known| known.eq_ignore_ascii_case(ending)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_files_and_git_stay_out_and_hidden_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write(".gitignore", "out/\n*.tmp.yaml\n");
        for name in ["b.yaml", "a/x.YML", ".hidden/y.json", ".git/z.yaml", "out/z.yaml", "a/z.tmp.yaml", "a/readme.md"] {
            write(name, "");
        }
        let names = |root: &Path| -> Vec<String> {
            let found = files(root, MANIFESTS);
            assert_eq!(found.problems, [] as [String; 0]);
            found.files.iter().map(|path| path.strip_prefix(folder.path()).unwrap().display().to_string()).collect()
        };
        assert_eq!(names(folder.path()), [".hidden/y.json", "a/x.YML", "b.yaml"]);
        assert_eq!(names(&folder.path().join("a/readme.md")), ["a/readme.md"]);
        assert_eq!(files(&folder.path().join("none"), MANIFESTS).problems.len(), 1);
    }
}

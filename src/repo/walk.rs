//! The files of a tree that may matter: what git ignores stays out, and so does git's own folder.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

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
}

/// Every file under `root` with one of these endings (compared without case). Hidden files count, what `.gitignore` files
/// exclude does not, and symbolic links are not followed. A `root` that is a file is found whatever its ending is.
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
    let walk = ignore::WalkBuilder::new(root)
        .standard_filters(false)
        .parents(true)
        .git_ignore(true)
        .git_exclude(true)
        .require_git(false)
        .sort_by_file_name(OsStr::cmp)
        .filter_entry(|entry| entry.depth() == 0 || entry.file_name() != ".git")
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
    found
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

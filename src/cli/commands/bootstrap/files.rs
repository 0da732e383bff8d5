//! Files that a run writes: drafted in memory, all of them, before the first is written.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::cli::io::read::{self, ReadError};
use crate::cli::io::replace::{self, ReplaceError};
use crate::cli::report::Failure;
use crate::repo::git;
use crate::repo::settings::repository_root;

/// A file as it is and as it shall be.
pub(super) struct Draft {
    pub(super) path: PathBuf,
    /// As messages call it.
    pub(super) shown: String,
    old: Option<Zeroizing<Vec<u8>>>,
    new: Option<Vec<u8>>,
}

impl Draft {
    /// The file as it is; it need not exist.
    pub(super) fn open(path: &Path, shown: &str) -> Result<Self, Failure> {
        let old = content(path).map_err(|error| Failure::from(error).wrap(format_args!("cannot read {shown}")))?;
        Ok(Self { path: path.to_owned(), shown: shown.to_owned(), old, new: None })
    }

    /// What is to be in it.
    pub(super) fn bytes(&self) -> &[u8] {
        match (&self.new, &self.old) {
            (Some(new), _) => new,
            (None, Some(old)) => old,
            (None, None) => &[],
        }
    }

    /// [`Self::bytes`] as text.
    pub(super) fn text(&self) -> Result<&str, Failure> {
        std::str::from_utf8(self.bytes()).map_err(|error| {
            Failure::new(format_args!("it is not UTF-8 text (byte {})", error.valid_up_to()))
                .wrap(format_args!("cannot read {}", self.shown))
        })
    }

    /// Whether the file exists.
    pub(super) fn exists(&self) -> bool {
        self.old.is_some()
    }

    /// Puts other content in.
    pub(super) fn set(&mut self, new: Vec<u8>) {
        self.new = Some(new);
    }

    /// Writes it, if it is still what was read.
    pub(super) fn write(&self) -> Result<(), Failure> {
        let Some(new) = &self.new else { return Ok(()) };
        let failed = |error: ReplaceError| error.at(self.shown.as_ref());
        let target = replace::Target::open(&self.path, read::MAX_DOCUMENT).map_err(failed)?;
        if target.content() != self.old.as_ref().map(|old| old.as_slice()) {
            return Err(failed(ReplaceError::Changed));
        }
        target.replace(new, replace::Privacy::Shared).map_err(failed)
    }

    /// Refuses a file that is in git with changes that are not committed: ours could not be told from them any more.
    pub(super) fn check_clean(&self) -> Result<(), Failure> {
        if self.new.is_none() || !is_dirty(&self.path)? {
            return Ok(());
        }
        Err(Failure::new(format_args!("{} has changes that are not committed", self.shown))
            .with_hint("commit or stash them, or use --allow-dirty"))
    }
}

/// The content of a file; `None` where there is none.
pub(super) fn content(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, ReadError> {
    match read::file(path, read::MAX_DOCUMENT) {
        Ok(content) => Ok(Some(content)),
        Err(ReadError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether git knows the file and it is not as it was committed. Without git, or outside of a repository, nothing is.
fn is_dirty(path: &Path) -> Result<bool, Failure> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    if !repository_root(folder).join(".git").exists() {
        return Ok(false);
    }
    match git::is_modified(path) {
        Ok(modified) => Ok(modified),
        Err(git::Error::NoGit | git::Error::NoRepository(_)) => Ok(false),
        Err(error) => Err(Failure::from(error).wrap(format_args!("cannot ask git about {}", path.display()))),
    }
}

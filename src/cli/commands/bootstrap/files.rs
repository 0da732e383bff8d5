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

    /// Writes it, if it is still what was read. `Ok(false)`: it is not, and nothing was written.
    pub(super) fn write(&self) -> Result<bool, Failure> {
        let Some(new) = &self.new else { return Ok(true) };
        let failed = |error: ReplaceError| error.at(self.shown.as_ref());
        let target = replace::Target::open(&self.path, read::MAX_DOCUMENT).map_err(failed)?;
        if target.content() != self.old.as_ref().map(|old| old.as_slice()) {
            return Ok(false);
        }
        match target.replace(new, replace::Privacy::Shared) {
            Ok(()) => Ok(true),
            Err(ReplaceError::Changed | ReplaceError::Exists) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Everything that can be known to stand in the way of writing, found before the first write of a run. Makes the folder of a
    /// new file.
    pub(super) fn prepare(&self) -> Result<(), Failure> {
        if self.new.is_none() {
            return Ok(());
        }
        let failed = |error: ReplaceError| error.at(self.shown.as_ref());
        drop(replace::Target::open(&self.path, read::MAX_DOCUMENT).map_err(failed)?);
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let could_not = |error| failed(ReplaceError::Folder(folder.to_owned(), error));
        if self.old.is_none() {
            std::fs::create_dir_all(folder).map_err(could_not)?;
        }
        // A file without a name: that one can be made here, and nothing is left of it.
        tempfile::tempfile_in(folder).map(drop).map_err(could_not)
    }

    /// [`Self::write`], where nobody could plan again.
    pub(super) fn write_or_fail(&self) -> Result<(), Failure> {
        match self.write()? {
            true => Ok(()),
            false => Err(ReplaceError::Changed.at(self.shown.as_ref())),
        }
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
    // Without its folder there is no file whose changes could be mixed up with ours.
    if !folder.is_dir() || !repository_root(folder).join(".git").exists() {
        return Ok(false);
    }
    match git::is_modified(path) {
        Ok(modified) => Ok(modified),
        Err(git::Error::NoGit | git::Error::NoRepository(_)) => Ok(false),
        Err(error) => Err(Failure::from(error).wrap(format_args!("cannot ask git about {}", path.display()))),
    }
}

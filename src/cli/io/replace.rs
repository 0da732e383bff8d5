//! Replacing a file so that nothing is ever lost: the old file is whole until the new one is, and no half file has its name.
//!
//! The new content is written to a temporary file in the target's own folder, synced, given the old file's mode and owner, and
//! renamed over the target; then the folder is synced. A target that is a symbolic link stays one: the file that it points to is
//! replaced. Before the rename the target is read again: if someone changed it since we read it, nothing is written. On any error
//! the temporary file is removed. Signals wait until all that is done.
//!
//! Not kept: extended attributes, ACLs and hard links of the old file, as with every editor that writes this way. Devices and
//! pipes (`/dev/stdout`, `/dev/fd/3`, a named pipe) cannot be replaced and are written to instead.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use super::read::{self, ReadError};
use super::signals::Held;
use crate::cli::report::Failure;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// A new file has 0644 under the umask, one that exists keeps its mode: sealed documents, certificates.
    Shared,
    /// A new file has 0600, one that exists keeps its mode: what kubeseal writes.
    Private,
    /// 0600, and a file that exists is closed to others: keys and opened secrets.
    Plaintext,
}

/// Whether a file that is there may be replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Replace it.
    Replace,
    /// Refuse: for keys, whose old content nothing could bring back.
    Keep,
}

/// Why a file could not be replaced. The old file is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplaceError {
    /// The target is a folder.
    #[error("it is a directory")]
    Directory,
    /// The target is a device, pipe or socket, and was to be edited.
    #[error("it is not a regular file")]
    NotAFile,
    /// The target has no write permission, or not for us, or the file system is mounted read-only.
    #[error("the file is read-only")]
    ReadOnly,
    /// The folder does not exist.
    #[error("there is no directory {}", .0.display())]
    NoFolder(PathBuf),
    /// The folder cannot be written.
    #[error("cannot create a file in directory {}", .0.display())]
    Folder(PathBuf, #[source] io::Error),
    /// Something wrote the target between our reading and our writing.
    #[error("the file was changed by another program meanwhile")]
    Changed,
    /// The target exists and must not be replaced.
    #[error("the file exists already")]
    Exists,
    /// Symbolic links that lead to each other.
    #[error("too many symbolic links")]
    LinkLoop,
    /// The old content could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// No space, quota or file size left.
    #[error("the new content does not fit on the disk")]
    Full(#[source] io::Error),
    /// Any other answer of the system.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl ReplaceError {
    /// The failure that names the file, with advice where there is some.
    #[must_use]
    pub fn at(self, path: &Path) -> Failure {
        let hint = match &self {
            Self::ReadOnly => Some("make it writable first, for example with `chmod u+w`".to_owned()),
            Self::NoFolder(folder) => Some(format!("create it first: mkdir -p {}", folder.display())),
            Self::Changed => Some("nothing was written; run the command again".to_owned()),
            Self::Exists => Some("nothing was written; move the old file away or choose another name".to_owned()),
            Self::Full(_) => Some("nothing was written; make room and run the command again".to_owned()),
            _ => None,
        };
        let failure = Failure::from(self).wrap(format_args!("cannot write {}", path.display()));
        match hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}

/// A file that is about to be changed: what it holds now, and the right to replace exactly that.
///
/// While it lives, other runs of this program that edit files in the same folder wait, so that two of them do not lose each
/// other's change.
pub struct Target {
    /// The file behind all symbolic links.
    real: PathBuf,
    /// Its content when it was read; `None`: there was no file.
    content: Option<Zeroizing<Vec<u8>>>,
    /// Held open for its advisory lock.
    _lock: Option<File>,
}

impl Target {
    /// Reads the file that is to be changed, at most `limit` bytes. It need not exist; its folder must.
    ///
    /// # Errors
    /// When the file cannot be read, or could not be replaced later: a folder, a device, a file without write permission.
    pub fn open(path: &Path, limit: u64) -> Result<Self, ReplaceError> {
        let real = follow(path)?;
        let lock = lock_folder(&real);
        let content = match fs::metadata(&real) {
            Ok(meta) if meta.is_dir() => return Err(ReplaceError::Directory),
            Ok(meta) if !meta.is_file() => return Err(ReplaceError::NotAFile),
            Ok(meta) => {
                refuse_read_only(&real, &meta)?;
                Some(read::file(&real, limit)?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self { real, content, _lock: lock })
    }

    /// The content when it was read; `None` when there was no file.
    #[must_use]
    pub fn content(&self) -> Option<&[u8]> {
        self.content.as_ref().map(|bytes| bytes.as_slice())
    }

    /// Puts the new content in the file's place, if the file is still what was read.
    ///
    /// # Errors
    /// Any [`ReplaceError`]; the old file is whole then, and no other file was left behind.
    pub fn replace(self, new: &[u8], privacy: Privacy) -> Result<(), ReplaceError> {
        let unchanged = || match (&self.content, read::file(&self.real, u64::MAX)) {
            (Some(old), Ok(now)) => **old == *now,
            (None, Err(ReadError::Io(error))) => error.kind() == io::ErrorKind::NotFound,
            _ => false,
        };
        write_beside(&self.real, new, privacy, self.content.is_some(), unchanged)
    }
}

/// Writes an output file (`-o FILE`): replaces what is there, or refuses when told to keep it.
///
/// # Errors
/// Any [`ReplaceError`]; an old file is whole then, and no other file was left behind.
pub fn write(path: &Path, new: &[u8], privacy: Privacy, existing: Existing) -> Result<(), ReplaceError> {
    // `/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/1`: a name for a stream, even where a regular file is behind it.
    let is_stream = path.starts_with("/dev") || path.starts_with("/proc");
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return Err(ReplaceError::Directory),
        Ok(meta) if is_stream || !meta.is_file() => {
            OpenOptions::new().write(true).open(path)?.write_all(new).map_err(full)?;
            return Ok(());
        }
        _ => {}
    }
    let real = follow(path)?;
    let there = match fs::metadata(&real) {
        Ok(_) if existing == Existing::Keep => return Err(ReplaceError::Exists),
        Ok(meta) => {
            refuse_read_only(&real, &meta)?;
            true
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(error.into()),
    };
    write_beside(&real, new, privacy, there, || true)
}

/// Puts a new file of exactly this mode in the place of whatever has the name, a read-only file too: for files that a program
/// makes anew each time, such as those of an init container. Nothing of the old file is kept.
///
/// # Errors
/// Any [`ReplaceError`]; an old file is whole then, and no other file was left behind.
pub fn write_fresh(path: &Path, new: &[u8], mode: u32) -> Result<(), ReplaceError> {
    let real = follow(path)?;
    if fs::metadata(&real).is_ok_and(|meta| meta.is_dir()) {
        return Err(ReplaceError::Directory);
    }
    let folder = folder_of(&real);
    let _held = Held::begin();
    let mut temporary =
        tempfile::Builder::new().prefix(".hecate-seal-").suffix(".tmp").tempfile_in(&folder).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                ReplaceError::NoFolder(folder.clone())
            } else {
                ReplaceError::Folder(folder.clone(), plain(error))
            }
        })?;
    temporary.as_file_mut().write_all(new).map_err(full)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        temporary.as_file().set_permissions(fs::Permissions::from_mode(mode))?;
    }
    #[cfg(not(unix))]
    let _ = mode;
    temporary.as_file().sync_all().map_err(full)?;
    temporary.persist(&real).map_err(|error| full(error.error))?;
    if let Ok(folder) = File::open(&folder) {
        _ = folder.sync_all();
    }
    Ok(())
}

/// The file behind all symbolic links, whether it exists or not.
fn follow(path: &Path) -> Result<PathBuf, ReplaceError> {
    /// What Linux allows.
    const MAX_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            Ok(to) => path = folder_of(&path).join(to),
            Err(_) => return Ok(path),
        }
    }
    Err(ReplaceError::LinkLoop)
}

/// The folder that holds a path.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => PathBuf::from("."),
        Some(folder) => folder.to_owned(),
        None => PathBuf::from("/"),
    }
}

/// Refuses a file that its owner protected, also when we are root and could write it anyway.
fn refuse_read_only(path: &Path, meta: &fs::Metadata) -> Result<(), ReplaceError> {
    if meta.permissions().readonly() {
        return Err(ReplaceError::ReadOnly);
    }
    match OpenOptions::new().write(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Err(ReplaceError::ReadOnly),
            _ => Err(error.into()),
        },
    }
}

/// Takes the advisory lock of the target's folder. File systems without locks, and a holder that hangs, cost only the queueing:
/// the comparison before the rename still protects the content.
fn lock_folder(real: &Path) -> Option<File> {
    const PATIENCE: Duration = Duration::from_secs(5);
    const STEP: Duration = Duration::from_millis(10);
    let folder = File::open(folder_of(real)).ok()?;
    let mut waited = Duration::ZERO;
    while waited < PATIENCE {
        match folder.try_lock() {
            Ok(()) => return Some(folder),
            Err(fs::TryLockError::WouldBlock) => std::thread::sleep(STEP),
            Err(fs::TryLockError::Error(_)) => return None,
        }
        waited += STEP;
    }
    None
}

/// Writes the temporary file and renames it over `real` if `unchanged` still says so.
fn write_beside(
    real: &Path,
    new: &[u8],
    privacy: Privacy,
    there: bool,
    unchanged: impl FnOnce() -> bool,
) -> Result<(), ReplaceError> {
    let folder = folder_of(real);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".hecate-seal-").suffix(".tmp");
    // A file that is made new gets its mode at once, under the umask. One that replaces another starts private and gets the
    // other's mode below.
    #[cfg(unix)]
    if privacy == Privacy::Shared && !there {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o644));
    }
    let _held = Held::begin();
    let mut temporary = builder.tempfile_in(&folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => ReplaceError::NoFolder(folder.clone()),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ReplaceError::Full(plain(error)),
        _ => ReplaceError::Folder(folder.clone(), plain(error)),
    })?;
    temporary.as_file_mut().write_all(new).map_err(full)?;
    if there {
        keep_owner_and_mode(real, temporary.as_file(), privacy).map_err(|error| match error.kind() {
            // Somebody took it away.
            io::ErrorKind::NotFound => ReplaceError::Changed,
            _ => ReplaceError::Io(error),
        })?;
    }
    temporary.as_file().sync_all().map_err(full)?;
    if !unchanged() {
        return Err(ReplaceError::Changed);
    }
    if there {
        temporary.persist(real).map_err(|error| full(error.error))?;
    } else {
        temporary.persist_noclobber(real).map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => ReplaceError::Exists,
            _ => full(error.error),
        })?;
    }
    // The rename is done and cannot be taken back: a file system that cannot sync a folder is no failure of ours.
    if let Ok(folder) = File::open(&folder) {
        _ = folder.sync_all();
    }
    Ok(())
}

/// Gives the new file the old one's owner, group and mode. Without the right to give files away the file becomes ours, as with
/// every editor; a group that cannot be kept loses its permissions rather than passing them to another group.
#[cfg(unix)]
fn keep_owner_and_mode(old: &Path, new: &File, privacy: Privacy) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    let (before, after) = (fs::metadata(old)?, new.metadata()?);
    let mut mode = before.mode() & 0o777;
    if (before.uid(), before.gid()) != (after.uid(), after.gid())
        && fchown(new, Some(before.uid()), Some(before.gid())).is_err()
        && before.gid() != after.gid()
        && fchown(new, None, Some(before.gid())).is_err()
    {
        mode &= !0o070;
    }
    if privacy == Privacy::Plaintext {
        mode &= 0o600;
    }
    new.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn keep_owner_and_mode(_old: &Path, _new: &File, _privacy: Privacy) -> io::Result<()> {
    Ok(())
}

/// Tells a full disk from other errors.
fn full(error: io::Error) -> ReplaceError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            ReplaceError::Full(plain(error))
        }
        _ => ReplaceError::Io(plain(error)),
    }
}

/// The system's words without the temporary file's path, which `tempfile` adds and nobody needs.
fn plain(error: io::Error) -> io::Error {
    if error.raw_os_error().is_some() { error } else { error.kind().into() }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn folder_with(name: &str, content: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        (folder, path)
    }

    #[test]
    fn new_files_are_private_or_shared_as_asked() {
        let folder = tempfile::tempdir().unwrap();
        let (key, cert) = (folder.path().join("k"), folder.path().join("c"));
        write(&key, b"1", Privacy::Plaintext, Existing::Keep).unwrap();
        write(&cert, b"2", Privacy::Shared, Existing::Replace).unwrap();
        assert_eq!(mode(&key), 0o600);
        assert_eq!(mode(&cert) & 0o600, 0o600);
        assert_eq!(mode(&cert) & !0o644, 0);
        assert_eq!(names(folder.path()), ["c", "k"]);
    }

    #[test]
    fn a_replaced_file_keeps_its_mode_and_a_link_stays_a_link() {
        let (folder, path) = folder_with("real", "old");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link");
        symlink("real", &link).unwrap();
        Target::open(&link, 100).unwrap().replace(b"new", Privacy::Private).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(mode(&path), 0o640);
        assert_eq!(fs::read_link(&link).unwrap(), Path::new("real"));
        assert_eq!(names(folder.path()), ["link", "real"]);
    }

    #[test]
    fn plaintext_closes_a_file_that_others_could_read() {
        let (_folder, path) = folder_with("out", "old");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        write(&path, b"new", Privacy::Plaintext, Existing::Replace).unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (b"new".as_slice(), 0o600));
    }

    #[test]
    fn a_link_to_nothing_makes_the_file_it_points_to_and_a_loop_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        symlink("later", folder.path().join("link")).unwrap();
        symlink("loop", folder.path().join("loop")).unwrap();
        write(&folder.path().join("link"), b"x", Privacy::Shared, Existing::Replace).unwrap();
        assert_eq!(fs::read(folder.path().join("later")).unwrap(), b"x");
        let error = write(&folder.path().join("loop"), b"x", Privacy::Shared, Existing::Replace).unwrap_err();
        // The system or we notice the loop, whoever comes first; nothing is written either way.
        assert!(matches!(error, ReplaceError::LinkLoop | ReplaceError::Io(_)), "{error}");
        assert_eq!(names(folder.path()), ["later", "link", "loop"]);
    }

    #[test]
    fn a_file_changed_since_it_was_read_is_left_alone() {
        let (folder, path) = folder_with("f", "old");
        let target = Target::open(&path, 100).unwrap();
        fs::write(&path, "theirs").unwrap();
        assert_eq!(
            target.replace(b"ours", Privacy::Shared).unwrap_err().to_string(),
            "the file was changed by another program meanwhile"
        );
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
        assert_eq!(names(folder.path()), ["f"]);
    }

    #[test]
    fn a_file_that_appeared_since_it_was_absent_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        let target = Target::open(&path, 100).unwrap();
        assert_eq!(target.content(), None);
        fs::write(&path, "theirs").unwrap();
        assert!(matches!(target.replace(b"ours", Privacy::Shared).unwrap_err(), ReplaceError::Changed));
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
    }

    #[test]
    fn read_only_files_folders_and_missing_folders_are_refused() {
        let (folder, path) = folder_with("f", "old");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        let text = |result: Result<(), ReplaceError>| result.unwrap_err().to_string();
        assert_eq!(text(Target::open(&path, 9).map(drop)), "the file is read-only");
        assert_eq!(text(write(&path, b"x", Privacy::Shared, Existing::Replace)), "the file is read-only");
        assert_eq!(text(write(&path, b"x", Privacy::Shared, Existing::Keep)), "the file exists already");
        assert_eq!(text(Target::open(folder.path(), 9).map(drop)), "it is a directory");
        assert_eq!(text(write(folder.path(), b"x", Privacy::Shared, Existing::Replace)), "it is a directory");
        let missing = folder.path().join("no/f");
        assert_eq!(
            text(write(&missing, b"x", Privacy::Shared, Existing::Replace)),
            format!("there is no directory {}", folder.path().join("no").display())
        );
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["f"]);
    }

    #[test]
    fn a_device_is_written_to_and_never_edited() {
        write(Path::new("/dev/null"), b"x", Privacy::Shared, Existing::Replace).unwrap();
        assert_eq!(Target::open(Path::new("/dev/null"), 9).map(drop).unwrap_err().to_string(), "it is not a regular file");
    }

    #[test]
    fn two_edits_of_one_file_at_once_lose_neither() {
        let (_folder, path) = folder_with("f", "");
        std::thread::scope(|scope| {
            for letter in ["a", "b", "c", "d"] {
                let path = &path;
                scope.spawn(move || {
                    let target = Target::open(path, 100).unwrap();
                    let new = [target.content().unwrap(), letter.as_bytes()].concat();
                    target.replace(&new, Privacy::Shared).unwrap();
                });
            }
        });
        let mut letters = fs::read(&path).unwrap();
        letters.sort_unstable();
        assert_eq!(letters, b"abcd");
    }
}

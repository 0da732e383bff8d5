//! Replacing a file so that nothing is ever lost: the old file is whole until the new one is, and no half file has its name.
//!
//! The new content is written to a temporary file in the target's own folder, synced, given the old file's mode and owner, and
//! renamed over the target; then the folder is synced. A target that is a symbolic link stays one: the file that it points to is
//! replaced. Before the rename the target is read again: if someone changed it since we read it, nothing is written. On any error
//! the temporary file is removed. Signals wait until all that is done.
//!
//! Not kept: extended attributes, ACLs and hard links of the old file, as with every editor that writes this way. Devices and
//! pipes (`/dev/stdout`, `/dev/fd/3`, a named pipe) cannot be replaced and are written to instead; a file behind such a name is
//! appended to. A file elsewhere below `/dev` (`/dev/shm`) is a file like any other.
//!
//! Folders that everyone may write (`/tmp`): the kernel's rules for links and pipes there hold here, too, since links are
//! followed by us and not by the kernel, and opened secrets never become the file of somebody else ([`Privacy`]).

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
    /// A new file has 0600, one that exists keeps its mode and owner, unless somebody else put it into a folder that everyone
    /// may write: what kubeseal writes.
    Private,
    /// 0600 and our own, also where a file exists: keys and opened secrets. One that is edited in place keeps its owner.
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
    /// Something of another user in a folder that everyone may write: the name may be a trap.
    #[error("another user put {} into a folder that everyone may write", .0.display())]
    Foreign(PathBuf),
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
            Self::Foreign(_) => Some("nothing was written; write to a folder of your own".to_owned()),
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
        write_beside(&self.real, new, privacy, self.content.is_some().then_some(Owner::Same), unchanged)
    }
}

/// Writes an output file (`-o FILE`): replaces what is there, or refuses when told to keep it.
///
/// # Errors
/// Any [`ReplaceError`]; an old file is whole then, and no other file was left behind.
pub fn write(path: &Path, new: &[u8], privacy: Privacy, existing: Existing) -> Result<(), ReplaceError> {
    let stream = stream_of(path);
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return Err(ReplaceError::Directory),
        Ok(meta) if stream.is_some() || !meta.is_file() => return write_to(path, stream, new),
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
    let owner = match privacy {
        Privacy::Plaintext => Owner::Us,
        Privacy::Private if there && is_foreign(&real)? => Owner::Us,
        Privacy::Private | Privacy::Shared => Owner::Same,
    };
    write_beside(&real, new, privacy, there.then_some(owner), || true)
}

/// An open stream of this process, by one of its names in the file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stream {
    Stdout,
    Stderr,
    /// Another descriptor.
    Other,
}

/// The stream that a path names: `/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/1`. Only the name says so: behind it may be a file.
fn stream_of(path: &Path) -> Option<Stream> {
    let path = path.to_str()?;
    let number = match path {
        "/dev/stdout" => "1",
        "/dev/stderr" => "2",
        _ => ["/dev/fd/", "/proc/self/fd/"].iter().find_map(|folder| path.strip_prefix(folder)).or_else(|| {
            let (_process, number) = path.strip_prefix("/proc/")?.split_once("/fd/")?;
            Some(number)
        })?,
    };
    let is_ours = !path.starts_with("/proc/") || path.starts_with("/proc/self/");
    match number {
        "1" if is_ours => Some(Stream::Stdout),
        "2" if is_ours => Some(Stream::Stderr),
        number => number.bytes().all(|byte| byte.is_ascii_digit()).then_some(Stream::Other),
    }
}

/// Writes to what cannot be replaced: a stream of ours, where whoever opened it stands; a device; a pipe.
fn write_to(path: &Path, stream: Option<Stream>, new: &[u8]) -> Result<(), ReplaceError> {
    let everything = |to: &mut dyn Write| to.write_all(new).and_then(|()| to.flush()).map_err(full);
    match stream {
        Some(Stream::Stdout) => everything(&mut io::stdout().lock()),
        Some(Stream::Stderr) => everything(&mut io::stderr().lock()),
        // The name opens the file anew, at its beginning: what is there already stays only if we append.
        Some(Stream::Other) => everything(&mut OpenOptions::new().append(true).open(path)?),
        None => {
            if is_foreign(path)? {
                return Err(ReplaceError::Foreign(path.to_owned()));
            }
            everything(&mut OpenOptions::new().write(true).open(path)?)
        }
    }
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
            Ok(_) if is_foreign(&path)? => return Err(ReplaceError::Foreign(path)),
            Ok(to) => path = folder_of(&path).join(to),
            Err(_) => return Ok(path),
        }
    }
    Err(ReplaceError::LinkLoop)
}

/// Whether a name stands in a folder that everyone may write (with the sticky bit, as `/tmp`) and belongs neither to us nor to
/// the folder's owner: the kernel's rule for following links and opening pipes there (`fs.protected_symlinks`).
#[cfg(unix)]
fn is_foreign(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    const STICKY_AND_WRITABLE: u32 = 0o1002;
    let (folder, meta) = (fs::metadata(folder_of(path))?, fs::symlink_metadata(path)?);
    let owner = meta.uid();
    Ok(folder.mode() & STICKY_AND_WRITABLE == STICKY_AND_WRITABLE
        && owner != folder.uid()
        && owner != rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn is_foreign(_path: &Path) -> io::Result<bool> {
    Ok(false)
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

/// Whose a file is that takes the place of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The old one's owner.
    Same,
    /// Ours.
    Us,
}

/// Writes the temporary file and renames it over `real` if `unchanged` still says so. With an `old` owner there is such a file,
/// without there must be none.
fn write_beside(
    real: &Path,
    new: &[u8],
    privacy: Privacy,
    old: Option<Owner>,
    unchanged: impl FnOnce() -> bool,
) -> Result<(), ReplaceError> {
    let folder = folder_of(real);
    let mut builder = tempfile::Builder::new();
    builder.prefix(".hecate-seal-").suffix(".tmp");
    // A file that is made new gets its mode at once, under the umask. One that replaces another starts private and gets the
    // other's mode below.
    #[cfg(unix)]
    if privacy == Privacy::Shared && old.is_none() {
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
    if old == Some(Owner::Same) {
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
    if old.is_some() {
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
mod tests;

//! What git knows: the staged content of files, and where its hooks lie.
//!
//! Runs the user's own `git`, which is the only program that reads every index format right, and gives it nothing secret: no
//! argument but paths and names of objects. Its output is bounded, and so is its time.

use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

/// How long one run of git may take. Reading an index of a hundred thousand files takes a second.
const PATIENCE: Duration = Duration::from_secs(120);
/// Most bytes of a list of files: half a million of them.
const MAX_LIST: u64 = 64 << 20;
/// Most bytes of an error that is shown.
const MAX_ERROR: u64 = 4 << 10;

/// Why git did not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no such program.
    #[error("there is no `git` on the PATH")]
    NoGit,
    /// The folder is in no repository.
    #[error("{} is not in a git repository", .0.display())]
    NoRepository(PathBuf),
    /// git said no.
    #[error("git {command} failed: {reason}")]
    Failed {
        /// The subcommand.
        command: &'static str,
        /// The first line of what it said.
        reason: String,
    },
    /// It took too long and was stopped.
    #[error("git {0} did not end within two minutes and was stopped")]
    TimedOut(&'static str),
    /// It said something else than expected.
    #[error("git {0} gave an answer that is not understood")]
    Answer(&'static str),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A running git that is stopped when it takes too long.
struct Running {
    command: &'static str,
    folder: PathBuf,
    child: Arc<Mutex<Child>>,
    errors: thread::JoinHandle<String>,
    /// Dropped when it has ended.
    guard: Sender<()>,
    stopped: Arc<AtomicBool>,
}

fn start(folder: &Path, command: &'static str, args: &[OsString], stdin: Stdio) -> Result<Running, Error> {
    let mut git = Command::new("git");
    // Nothing in the background, nothing from the network, nothing that writes.
    git.args(["--no-optional-locks", "-c", "core.fsmonitor=false", "--literal-pathspecs", command]).args(args);
    git.current_dir(folder).env("GIT_NO_LAZY_FETCH", "1").env("LC_ALL", "C");
    let spawned = git.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound if folder.is_dir() => Error::NoGit,
        _ => Error::Io(error),
    })?;
    let said = child.stderr.take();
    let errors = thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut said) = said {
            _ = said.by_ref().take(MAX_ERROR).read_to_string(&mut text);
            _ = io::copy(&mut said, &mut io::sink());
        }
        text
    });
    let (child, stopped) = (Arc::new(Mutex::new(child)), Arc::new(AtomicBool::new(false)));
    let (guard, ended) = mpsc::channel::<()>();
    let (watched, flag) = (Arc::clone(&child), Arc::clone(&stopped));
    thread::spawn(move || {
        if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
            flag.store(true, Ordering::Release);
            _ = watched.lock().unwrap_or_else(PoisonError::into_inner).kill();
        }
    });
    Ok(Running { command, folder: folder.to_owned(), child, errors, guard, stopped })
}

impl Running {
    fn with_child<T>(&self, act: impl FnOnce(&mut Child) -> T) -> T {
        act(&mut self.child.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits for its end, after its output was read.
    fn finish(self) -> Result<(), Error> {
        // A git whose output nobody reads any more must not be waited for.
        drop(self.with_child(|child| child.stdout.take()));
        let status = loop {
            // The lock is not held while waiting, so that the guard can stop it.
            match self.with_child(Child::try_wait)? {
                Some(status) => break status,
                None => thread::sleep(Duration::from_millis(2)),
            }
        };
        drop(self.guard);
        let said = self.errors.join().unwrap_or_default();
        if self.stopped.load(Ordering::Acquire) {
            return Err(Error::TimedOut(self.command));
        }
        if status.success() {
            return Ok(());
        }
        if said.contains("not a git repository") {
            return Err(Error::NoRepository(self.folder));
        }
        let reason = said.lines().find(|line| !line.is_empty()).unwrap_or("it said nothing");
        let reason = reason.trim_start_matches("fatal: ").trim_start_matches("error: ").to_owned();
        Err(Error::Failed { command: self.command, reason })
    }
}

/// Everything that git prints.
fn output(folder: &Path, command: &'static str, args: &[OsString]) -> Result<Vec<u8>, Error> {
    let running = start(folder, command, args, Stdio::null())?;
    let stdout = running.with_child(|child| child.stdout.take());
    let mut bytes = Vec::new();
    if let Some(stdout) = stdout {
        stdout.take(MAX_LIST + 1).read_to_end(&mut bytes)?;
    }
    running.finish()?;
    if bytes.len() as u64 > MAX_LIST { Err(Error::Answer(command)) } else { Ok(bytes) }
}

/// One path that git printed on a line.
fn path_line(folder: &Path, question: &str) -> Result<PathBuf, Error> {
    let mut words = question.split(' ').map(OsString::from);
    let mut bytes = output(folder, "rev-parse", &words.by_ref().collect::<Vec<_>>())?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    Ok(folder.join(path(bytes)))
}

#[cfg(unix)]
fn path(bytes: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    OsString::from_vec(bytes).into()
}

#[cfg(not(unix))]
fn path(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}

/// The top folder of the repository's work tree.
///
/// # Errors
/// [`Error`].
pub fn top(folder: &Path) -> Result<PathBuf, Error> {
    path_line(folder, "--show-toplevel")
}

/// The folder of the repository's hooks, which need not exist.
///
/// # Errors
/// [`Error`].
pub fn hooks(folder: &Path) -> Result<PathBuf, Error> {
    path_line(folder, "--git-path hooks")
}

/// Whether git knows a file and it is not as it was committed. A file that git does not know is not.
///
/// # Errors
/// [`Error`].
pub fn is_modified(file: &Path) -> Result<bool, Error> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Ok(false) };
    let mut args: Vec<OsString> =
        ["--porcelain=v1", "--untracked-files=no", "--ignore-submodules", "--"].map(OsString::from).into();
    args.push(name.to_owned());
    Ok(!output(folder, "status", &args)?.is_empty())
}

/// The files below a folder that git has although an ignore rule names them, as the folder was given.
///
/// # Errors
/// [`Error`].
pub fn tracked_but_ignored(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let bytes = output(folder, "ls-files", &["-z", "--cached", "--ignored", "--exclude-standard"].map(OsString::from))?;
    let names = bytes.split(|byte| *byte == 0).filter(|name| !name.is_empty());
    let mut files: Vec<PathBuf> = names.map(|name| folder.join(path(name.to_vec()))).collect();
    // In a conflict a file is there several times.
    files.dedup();
    Ok(files)
}

/// Whether git has a file or folder, seen from `folder`, in its index or in the last commit.
///
/// # Errors
/// [`Error`].
pub fn knows(folder: &Path, path: &Path) -> Result<bool, Error> {
    let path = || path.as_os_str().to_owned();
    if !output(folder, "ls-files", &["-z".into(), "--".into(), path()])?.is_empty() {
        return Ok(true);
    }
    let removed: [OsString; 6] =
        ["--cached".into(), "--name-only".into(), "-z".into(), "--no-ext-diff".into(), "--".into(), path()];
    Ok(!output(folder, "diff", &removed)?.is_empty())
}

/// A file of the index that differs from the last commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Staged {
    /// From the top of the work tree.
    pub path: PathBuf,
    /// Name of its content.
    object: Vec<u8>,
}

/// The regular files that are added or changed in the index, compared with the last commit. With `paths` only those, which may
/// be folders, as seen from `folder`. Symbolic links and submodules have no content of their own.
///
/// # Errors
/// [`Error`].
pub fn staged(folder: &Path, paths: &[PathBuf]) -> Result<Vec<Staged>, Error> {
    let flags = ["--cached", "--raw", "-z", "--no-renames", "--no-abbrev", "--no-ext-diff", "--diff-filter=ACMT", "--"];
    let args: Vec<OsString> =
        flags.iter().map(OsString::from).chain(paths.iter().map(|path| path.as_os_str().to_owned())).collect();
    let bytes = output(folder, "diff", &args)?;
    let mut fields = bytes.split(|byte| *byte == 0);
    let mut files = Vec::new();
    // `:OLDMODE NEWMODE OLDOBJECT NEWOBJECT STATUS`, then the path.
    while let (Some(about), Some(name)) = (fields.next().filter(|about| !about.is_empty()), fields.next()) {
        let mut words = about.split(|byte| *byte == b' ').skip(1);
        let (Some(mode), Some(object)) = (words.next(), words.nth(1)) else { return Err(Error::Answer("diff")) };
        if mode.starts_with(b"100") {
            files.push(Staged { path: path(name.to_vec()), object: object.to_vec() });
        }
    }
    Ok(files)
}

/// Hands the content of each file to `look`; `None` for one of more than `limit` bytes.
///
/// # Errors
/// [`Error`].
pub fn contents(folder: &Path, files: &[Staged], limit: u64, mut look: impl FnMut(&Staged, Option<&[u8]>)) -> Result<(), Error> {
    const COMMAND: &str = "cat-file";
    if files.is_empty() {
        return Ok(());
    }
    let running = start(folder, COMMAND, &["--batch".into()], Stdio::piped())?;
    let (stdin, stdout) = running.with_child(|child| (child.stdin.take(), child.stdout.take()));
    let (Some(mut stdin), Some(stdout)) = (stdin, stdout) else { return Err(Error::Answer(COMMAND)) };
    let names: Vec<u8> = files.iter().flat_map(|file| file.object.iter().copied().chain([b'\n'])).collect();
    // Asked for beside the reading: git would wait for us, and we for it.
    let asking = thread::spawn(move || _ = stdin.write_all(&names));
    let mut answers = BufReader::new(stdout);
    let mut read = || -> Result<(), Error> {
        for file in files {
            let mut head = Vec::new();
            answers.by_ref().take(MAX_ERROR).read_until(b'\n', &mut head)?;
            let head = String::from_utf8_lossy(&head).into_owned();
            // `OBJECT blob SIZE`
            let mut words = head.split_whitespace().skip(1);
            let (Some("blob"), Some(size)) = (words.next(), words.next().and_then(|size| size.parse::<u64>().ok())) else {
                return Err(Error::Answer(COMMAND));
            };
            if size > limit {
                io::copy(&mut answers.by_ref().take(size + 1), &mut io::sink())?;
                look(file, None);
                continue;
            }
            let mut content = Zeroizing::new(vec![0; usize::try_from(size).unwrap_or_default()]);
            answers.read_exact(&mut content)?;
            answers.read_exact(&mut [0])?;
            look(file, Some(&content));
        }
        Ok(())
    };
    let result = read();
    drop(answers);
    let finished = running.finish();
    _ = asking.join();
    // What git said explains why its answer was short.
    match (result, finished) {
        (Err(_), Err(error)) => Err(error),
        (result, _) => result,
    }
}

//! The outside world as a command sees it: streams, environment, folder, clock, prompt.
//!
//! A command never touches `std::io::stdin`, `std::env` or the clock itself; it gets an [`Io`]. [`Io::of_process`] is the real
//! one, [`Io::captured`] one for tests. Reading is bounded everywhere ([`read`]); files are written by [`replace`], which never
//! leaves half a file.

#[cfg(unix)]
mod prompt;
pub mod read;
pub mod replace;
pub(super) mod signals;

use std::io::{IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;

use super::env::Env;
use super::report::{self, Kind};
use crate::secret::SecretString;

/// How much a command says on stderr.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Errors and warnings.
    Quiet,
    /// Also what was done, and hints.
    #[default]
    Normal,
    /// Also where every setting came from.
    Verbose,
}

/// Everything a command may touch.
pub struct Io {
    /// Standard input.
    pub stdin: Box<dyn Read + Send>,
    /// Standard output: results only.
    pub stdout: Output,
    /// Standard error: everything else.
    pub stderr: Box<dyn Write + Send>,
    /// Environment variables.
    pub env: Env,
    /// The folder that relative paths start from.
    pub cwd: PathBuf,
    /// Whether standard input is a terminal.
    pub stdin_is_terminal: bool,
    /// Whether standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Whether standard error is a terminal.
    pub stderr_is_terminal: bool,
    /// The time at which the command started.
    pub now: OffsetDateTime,
    /// How much to say.
    pub level: Level,
    /// Asks for a line without echo; the argument is the prompt. It comes as it was typed, or not at all.
    pub ask: Ask,
}

/// Shows a prompt and reads a line without echo.
pub type Ask = Box<dyn FnMut(&str) -> std::io::Result<SecretString> + Send>;

impl Io {
    /// The streams, environment and clock of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            stdin: Box::new(std::io::stdin()),
            stdout: Output::new(Box::new(std::io::stdout())),
            stderr: Box::new(std::io::stderr()),
            env: Env::of_process(),
            // Without a current folder (it was deleted) relative paths fail with an error that names them.
            cwd: std::env::current_dir().unwrap_or_default(),
            stdin_is_terminal: std::io::stdin().is_terminal(),
            stdout_is_terminal: std::io::stdout().is_terminal(),
            stderr_is_terminal: std::io::stderr().is_terminal(),
            now: OffsetDateTime::now_utc(),
            level: Level::Normal,
            #[cfg(unix)]
            ask: Box::new(prompt::ask),
            #[cfg(not(unix))]
            ask: Box::new(|prompt| rpassword::prompt_password(prompt).map(SecretString::new)),
        }
    }

    /// Streams in memory, no variables, no terminal, the system's temporary folder as the current one, and a prompt that
    /// refuses: for tests that run a command in-process. The second part shows what was written.
    #[must_use]
    pub fn captured(stdin: &[u8]) -> (Self, Captured) {
        let captured = Captured::default();
        let io = Self {
            stdin: Box::new(std::io::Cursor::new(stdin.to_vec())),
            stdout: Output::new(Box::new(captured.stdout.clone())),
            stderr: Box::new(captured.stderr.clone()),
            env: Env::default(),
            cwd: std::env::temp_dir(),
            stdin_is_terminal: false,
            stdout_is_terminal: false,
            stderr_is_terminal: false,
            now: OffsetDateTime::now_utc(),
            level: Level::Normal,
            ask: Box::new(|_| Err(std::io::Error::other("no terminal to ask on"))),
        };
        (io, captured)
    }

    /// The path as seen from the current folder.
    #[must_use]
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.cwd.join(path)
    }

    /// A path as messages show it: from the current folder where it lies below.
    #[must_use]
    pub fn shown(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.cwd).ok().filter(|rest| !rest.as_os_str().is_empty());
        relative.unwrap_or(path).display().to_string()
    }

    /// Writes text to stderr as it is. A stderr that is gone is no reason to fail.
    pub fn complain(&mut self, text: &str) {
        _ = self.stderr.write_all(text.as_bytes());
        _ = self.stderr.flush();
    }

    fn say(&mut self, kind: Kind, message: &str) {
        let text = report::line(kind, message, report::colours(self));
        self.complain(&text);
    }

    /// A warning: it goes on, but someone should know. Always shown.
    pub fn warn(&mut self, message: impl AsRef<str>) {
        self.say(Kind::Warning, message.as_ref());
    }

    /// What was done. Not shown with `--quiet`.
    pub fn note(&mut self, message: impl AsRef<str>) {
        if self.level >= Level::Normal {
            self.say(Kind::Note, message.as_ref());
        }
    }

    /// Advice. Not shown with `--quiet`.
    pub fn hint(&mut self, message: impl AsRef<str>) {
        if self.level >= Level::Normal {
            self.say(Kind::Hint, message.as_ref());
        }
    }

    /// Where something came from. Shown with `--verbose` only.
    pub fn detail(&mut self, message: impl AsRef<str>) {
        if self.level >= Level::Verbose {
            self.say(Kind::Note, message.as_ref());
        }
    }
}

/// Standard output that remembers whether its reader has gone away.
pub struct Output {
    inner: Box<dyn Write + Send>,
    reader_is_gone: bool,
}

impl Output {
    /// Wraps a stream.
    #[must_use]
    pub fn new(inner: Box<dyn Write + Send>) -> Self {
        Self { inner, reader_is_gone: false }
    }

    /// Flushes; an error says that standard output is meant.
    ///
    /// # Errors
    /// When the stream cannot be written.
    pub fn flush_all(&mut self) -> Result<(), report::Failure> {
        use super::report::Context;
        self.flush().context(|| "cannot write to standard output")
    }

    /// Writes everything; an error says that standard output is meant.
    ///
    /// # Errors
    /// When the stream cannot be written.
    pub fn put(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), report::Failure> {
        use super::report::Context;
        self.write_all(bytes.as_ref()).context(|| "cannot write to standard output")
    }

    /// Writes one line, in which nothing can drive the terminal: for names and messages that come from files.
    ///
    /// # Errors
    /// When the stream cannot be written.
    pub fn line(&mut self, text: impl AsRef<str>) -> Result<(), report::Failure> {
        self.put(report::one_line(text.as_ref()) + "\n")
    }

    /// A reader that went away (`hecate-seal … | head`) got what it wanted: the command goes on to its end without one, because
    /// its exit code may be an answer too.
    fn noticed<T>(&mut self, result: std::io::Result<T>, unheard: T) -> std::io::Result<T> {
        match result {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.reader_is_gone = true;
                Ok(unheard)
            }
            other => other,
        }
    }
}

impl Write for Output {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        if self.reader_is_gone {
            return Ok(buf.len());
        }
        let result = self.inner.write(buf);
        self.noticed(result, buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.reader_is_gone {
            return Ok(());
        }
        let result = self.inner.flush();
        self.noticed(result, ())
    }
}

/// What a command wrote to the streams of [`Io::captured`].
#[derive(Clone, Default)]
pub struct Captured {
    stdout: Buffer,
    stderr: Buffer,
}

impl Captured {
    /// Everything on stdout so far.
    #[must_use]
    pub fn stdout_bytes(&self) -> Vec<u8> {
        self.stdout.bytes()
    }

    /// Everything on stdout so far, as text.
    #[must_use]
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout.bytes()).into_owned()
    }

    /// Everything on stderr so far, as text.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr.bytes()).into_owned()
    }
}

/// A stream into memory that can be read while others write to it.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Write for Buffer {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

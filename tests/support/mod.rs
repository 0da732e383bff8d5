//! What the test binaries and benches share: running programs, temporary folders, the keys of `keys/`, and the real peers.
//!
//! Include it with `#[path = "../support/mod.rs"] mod support;`. A program started by [`Run`] sees none of the developer's
//! environment (no `KUBECONFIG`, no `SEALED_SECRETS_*`, an empty home), so that a test gives the same result everywhere.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

pub mod console;
pub mod peers;
pub mod recording;
pub mod templates;
pub mod yaml_answers;

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// The repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of `keys/`, such as `test-only-4096.crt.pem`.
pub fn key(name: &str) -> PathBuf {
    let path = root().join("keys").join(name);
    assert!(path.is_file(), "{} is missing", path.display());
    path
}

/// A folder that goes away with the value.
pub fn temp_dir() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("hecate-").tempdir().unwrap()
}

/// Our program, as `hecate-seal`.
pub fn hecate() -> Run {
    Run::new(env!("CARGO_BIN_EXE_hecate-seal"))
}

/// Our program, called through a link named `kubeseal`.
pub fn as_kubeseal() -> Run {
    Run::new(kubeseal_link())
}

/// Our program, called through a link named `sops`.
pub fn as_sops() -> Run {
    Run::new(links().join("sops"))
}

/// A link named `kubeseal` to our program.
pub fn kubeseal_link() -> PathBuf {
    links().join("kubeseal")
}

/// A folder with links to our program, named after those that it can be.
pub fn links() -> &'static Path {
    static LINKS: OnceLock<PathBuf> = OnceLock::new();
    LINKS.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("links-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for name in ["kubeseal", "sops"] {
            let link = folder.join(name);
            let _ = std::fs::remove_file(&link);
            #[cfg(unix)]
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hecate-seal"), &link).unwrap();
            #[cfg(not(unix))]
            std::fs::copy(env!("CARGO_BIN_EXE_hecate-seal"), &link).unwrap();
        }
        folder
    })
}

/// Like `assert_eq!` for long texts: shows only the first line that differs, cut to a readable length.
#[track_caller]
pub fn assert_same(ours: &str, theirs: &str, about: &str) {
    if ours == theirs {
        return;
    }
    let cut = |line: Option<&str>| line.map(|line| line.chars().take(200).collect::<String>());
    let (mut a, mut b, mut n) = (ours.split_inclusive('\n'), theirs.split_inclusive('\n'), 0);
    loop {
        n += 1;
        let (ours, theirs) = (a.next(), b.next());
        assert!(ours == theirs, "{about}: line {n} differs\n  ours:   {:?}\n  theirs: {:?}", cut(ours), cut(theirs));
    }
}

/// A text with every sealed value replaced by its length: that follows from the value, the bytes are random.
pub fn without_ciphertext(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '+') {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c: char| !(c.is_ascii_alphanumeric() || c == '/' || c == '+' || c == '=')).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        masked.push_str(before);
        if word.len() > 340 && word.starts_with(['A', 'B']) {
            masked.push_str(&format!("<{} sealed>", word.len()));
        } else {
            masked.push_str(word);
        }
        rest = after;
    }
    masked.push_str(rest);
    masked
}

/// Copies a folder and all that is in it.
pub fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A program to be run: arguments, standard input, environment, folder, time limit.
pub struct Run {
    program: OsString,
    args: Vec<OsString>,
    stdin: Vec<u8>,
    env: Vec<(OsString, OsString)>,
    cwd: Option<PathBuf>,
    timeout: Duration,
}

impl Run {
    pub fn new(program: impl AsRef<OsStr>) -> Run {
        Run {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            stdin: Vec::new(),
            env: Vec::new(),
            cwd: None,
            timeout: Duration::from_secs(60),
        }
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Run {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Run {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Run {
        self.stdin = bytes.into();
        self
    }

    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Run {
        self.env.push((name.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    pub fn cwd(mut self, folder: impl Into<PathBuf>) -> Run {
        self.cwd = Some(folder.into());
        self
    }

    /// 60 seconds unless told otherwise; a program that takes longer is killed and the test fails.
    pub fn timeout(mut self, limit: Duration) -> Run {
        self.timeout = limit;
        self
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear();
        for kept in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command.env("HOME", empty_home());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        if let Some(folder) = &self.cwd {
            command.current_dir(folder);
        }
        command
    }

    /// Runs it to its end and gives what it wrote.
    pub fn output(self) -> Output {
        let shown = self.to_string();
        let mut child = self
            .command()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{shown}: {error}"));
        let mut to_child = child.stdin.take().unwrap();
        let input = self.stdin;
        // A program may end without reading all of its input: a broken pipe is its affair.
        let writer = std::thread::spawn(move || drop(to_child.write_all(&input)));
        let out = collect(child.stdout.take().unwrap());
        let err = collect(child.stderr.take().unwrap());
        let end = Instant::now() + self.timeout;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > end {
                child.kill().unwrap();
                child.wait().unwrap();
                panic!("{shown}: still running after {:?}", self.timeout);
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        writer.join().unwrap();
        Output { shown, code: status.code(), stdout: out.join().unwrap(), stderr: err.join().unwrap() }
    }

    /// Runs it and stops the test unless it exits with 0.
    pub fn ok(self) -> Output {
        self.output().code(0)
    }
}

impl std::fmt::Display for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.program.to_string_lossy())?;
        self.args.iter().try_for_each(|arg| write!(f, " {}", arg.to_string_lossy()))
    }
}

/// What a program wrote, and how it ended.
#[derive(Debug)]
pub struct Output {
    shown: String,
    /// The exit code; none when a signal ended it.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl Output {
    /// Stops the test, showing both streams, unless the exit code is this one.
    pub fn code(self, expected: i32) -> Output {
        assert!(
            self.code == Some(expected),
            "{} exited with {:?}, not {expected}\n--- stdout\n{}\n--- stderr\n{}",
            self.shown,
            self.code,
            String::from_utf8_lossy(&self.stdout),
            String::from_utf8_lossy(&self.stderr),
        );
        self
    }

    /// Standard output as text.
    pub fn out(&self) -> &str {
        std::str::from_utf8(&self.stdout).unwrap_or_else(|_| panic!("{}: stdout is not UTF-8", self.shown))
    }

    /// Standard error as text.
    pub fn err(&self) -> &str {
        std::str::from_utf8(&self.stderr).unwrap_or_else(|_| panic!("{}: stderr is not UTF-8", self.shown))
    }
}

fn collect(mut stream: impl Read + Send + 'static) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    })
}

/// A home folder with nothing in it.
fn empty_home() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("empty-home");
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

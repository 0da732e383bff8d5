//! The command line, run in-process: commands are functions of what was typed and an `Io`.
#![allow(unreachable_pub, reason = "the test modules share it")]

mod certificates;
mod convert;
mod doctor;
mod edit;
mod files;
mod hygiene;
mod man;
mod meant;
mod nats;
mod prompt;
mod reseal;
mod scan;
mod seal_unseal;
mod shown;
mod value;
mod verify;

use std::ffi::OsString;
use std::path::PathBuf;

use hecate_seal::cli::env::Env;
use hecate_seal::cli::{self, Io};
use hecate_seal::secret::SecretString;
use time::OffsetDateTime;
use time::macros::datetime;

use crate::support::{key, temp_dir};

/// A folder of its own, and what a command finds around it.
pub struct Session {
    folder: tempfile::TempDir,
    env: Vec<(String, OsString)>,
    /// A fixed day: dates in messages do not change with the calendar.
    pub now: OffsetDateTime,
    pub cwd: PathBuf,
    stdin: Vec<u8>,
    /// Streams that are terminals, by their first letter or number: `0`, `1`, `2`.
    terminals: &'static str,
    typed: Option<&'static str>,
}

/// What a command did.
pub struct Ran {
    pub code: u8,
    pub out: String,
    pub out_bytes: Vec<u8>,
    pub err: String,
    shown: String,
}

impl Session {
    pub fn new() -> Session {
        let folder = temp_dir();
        // The system's temporary folder may be a link itself.
        let cwd = folder.path().canonicalize().unwrap();
        Session {
            cwd,
            folder,
            env: Vec::new(),
            now: datetime!(2026-11-21 12:00 UTC),
            stdin: Vec::new(),
            terminals: "",
            typed: None,
        }
    }

    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Session {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Session {
        self.stdin = bytes.into();
        self
    }

    /// All three streams are terminals, and this is typed at the prompt.
    pub fn typing(mut self, line: &'static str) -> Session {
        (self.terminals, self.typed) = ("012", Some(line));
        self
    }

    pub fn terminals(mut self, which: &'static str) -> Session {
        self.terminals = which;
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// Names in the folder, hidden ones too: nothing temporary may be left.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<_> =
            std::fs::read_dir(self.path(".")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    pub fn run<A: AsRef<std::ffi::OsStr>>(&self, args: &[A]) -> Ran {
        let (mut io, captured) = Io::captured(&self.stdin);
        io.env = Env::fixed(self.env.iter().cloned());
        io.cwd.clone_from(&self.cwd);
        io.now = self.now;
        (io.stdin_is_terminal, io.stdout_is_terminal, io.stderr_is_terminal) =
            (self.terminals.contains('0'), self.terminals.contains('1'), self.terminals.contains('2'));
        if let Some(line) = self.typed {
            io.ask = Box::new(move |_| Ok(SecretString::new(line.to_owned())));
        }
        let words = std::iter::once(OsString::from("hecate-seal")).chain(args.iter().map(|arg| arg.as_ref().to_owned()));
        let words: Vec<OsString> = words.collect();
        let shown = words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        let code = cli::run(words, &mut io);
        Ran { code, out: captured.stdout(), out_bytes: captured.stdout_bytes(), err: captured.stderr(), shown }
    }
}

impl Ran {
    /// Stops the test unless the command ended like this.
    pub fn code(self, expected: u8) -> Ran {
        assert_eq!(self.code, expected, "{}\n--- stdout\n{}\n--- stderr\n{}", self.shown, self.out, self.err);
        self
    }

    pub fn ok(self) -> Ran {
        self.code(0)
    }

    /// Stops the test unless the command failed with exactly this on stderr and nothing on stdout.
    pub fn fails(self, code: u8, err: &str) {
        let ran = self.code(code);
        assert_eq!(ran.err, err, "{}", ran.shown);
        assert_eq!(ran.out, "", "{}", ran.shown);
    }
}

/// The path of a file in `keys/`, as text.
pub fn key_path(name: &str) -> String {
    key(name).to_str().unwrap().to_owned()
}

/// The example Secret, sealed under its name and namespace.
pub const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: app
  namespace: web
type: Opaque
stringData:
  PASSWORD: hunter2
  USER: admin
";

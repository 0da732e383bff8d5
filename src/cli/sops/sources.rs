//! Where identities come from: every source that sops has, all of them together, and a report when none of them opens a file.
//!
//! In sops' order (sops-age.md §4): SSH keys from `SOPS_AGE_SSH_PRIVATE_KEY_FILE`, `SOPS_AGE_SSH_PRIVATE_KEY_CMD` and `~/.ssh`, then
//! `SOPS_AGE_KEY`, `SOPS_AGE_KEY_FILE`, `SOPS_AGE_KEY_CMD` and `sops/age/keys.txt` in the folder of settings. A source that is broken
//! is told only when nothing else opens the file. Commands are run without a shell, once for each recipient, which they get in
//! `SOPS_AGE_RECIPIENT`. No text of a key is ever shown.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use super::shell_words;
use crate::age::{Identity, Layout, parse_identities};
use crate::cli::Io;
use crate::cli::env;
use crate::cli::io::read::{self, ReadError};

/// The most that is read of a source.
const MAX_SOURCE: u64 = 16 << 20;

/// One source, and what it gave.
#[derive(Debug)]
pub(super) struct Source {
    /// The variable or the file.
    pub(super) name: String,
    /// What came of it.
    pub(super) found: Found,
}

/// What a source gave.
#[derive(Debug)]
pub(super) enum Found {
    /// The variable is not set, the file not there.
    Nothing,
    /// What is wrong with it.
    Broken(String),
    /// Its identities, by their public sides.
    Identities(Vec<String>),
}

/// All identities at hand, and where they came from.
#[derive(Debug, Default)]
pub(in crate::cli) struct Identities {
    /// The identities.
    pub(in crate::cli) all: Vec<Identity>,
    /// The sources, in the order in which they were looked at.
    pub(super) sources: Vec<Source>,
}

impl Identities {
    /// Looks at every source but the commands.
    pub(in crate::cli) fn collect(io: &Io) -> Self {
        let mut identities = Self::default();
        let at = |path: &OsStr| io.path(path);
        let file = io.env.raw(env::SOPS_AGE_SSH_PRIVATE_KEY_FILE);
        identities.add(env::SOPS_AGE_SSH_PRIVATE_KEY_FILE, file.map(|path| ssh_file(&at(&path))));
        if let Some(home) = home(io) {
            for name in ["id_ed25519", "id_rsa"] {
                let path = home.join(".ssh").join(name);
                let there = path.exists();
                identities.add(&path.display().to_string(), there.then(|| ssh_file(&path)));
            }
        }
        let value = io.env.raw(env::SOPS_AGE_KEY).map(|value| Zeroizing::new(value.into_encoded_bytes()));
        identities.add(env::SOPS_AGE_KEY, value.map(|value| parse(&value, Layout::Words, env::SOPS_AGE_KEY)));
        let file = io.env.raw(env::SOPS_AGE_KEY_FILE);
        identities.add(env::SOPS_AGE_KEY_FILE, file.map(|path| key_file(&at(&path))));
        if let Some(folder) = settings_folder(io) {
            let path = folder.join("sops/age/keys.txt");
            if folder.is_relative() {
                let reason = format!("{} is no absolute path", env::XDG_CONFIG_HOME);
                identities.add(&path.display().to_string(), Some(Err(reason)));
                return identities;
            }
            let there = !matches!(path.try_exists(), Ok(false));
            identities.add(&path.display().to_string(), there.then(|| key_file(&path)));
        }
        identities
    }

    fn add(&mut self, name: &str, found: Option<Result<Vec<Identity>, String>>) {
        let found = match found {
            None => Found::Nothing,
            Some(Err(reason)) => Found::Broken(reason),
            Some(Ok(found)) => {
                let names = found.iter().map(Identity::describe).collect();
                self.all.extend(found);
                Found::Identities(names)
            }
        };
        self.sources.push(Source { name: name.to_owned(), found });
    }

    /// The identities that the commands give for a recipient.
    pub(super) fn of_commands(recipient: &str, io: &Io) -> Self {
        let mut identities = Self::default();
        for (variable, is_ssh) in [(env::SOPS_AGE_SSH_PRIVATE_KEY_CMD, true), (env::SOPS_AGE_KEY_CMD, false)] {
            let found = io.env.raw(variable).map(|command| {
                let printed = printed_by(&command, recipient, io)?;
                match is_ssh {
                    true => Identity::parse_ssh(&printed, variable).map(|key| vec![key]).map_err(|error| error.to_string()),
                    false => parse(&printed, Layout::Lines, variable),
                }
            });
            identities.add(variable, found);
        }
        identities
    }
}

/// The lines of a report about sources.
pub(super) fn report<'a>(sources: impl IntoIterator<Item = &'a Source>) -> String {
    let mut lines = String::new();
    let mut nothing = Vec::new();
    for source in sources {
        match &source.found {
            Found::Nothing => nothing.push(source.name.as_str()),
            Found::Broken(reason) => lines.push_str(&format!("\n  {}: {}", source.name, without(reason, &source.name))),
            Found::Identities(names) if names.is_empty() => lines.push_str(&format!("\n  {}: no identity in it", source.name)),
            Found::Identities(names) => lines.push_str(&format!("\n  {}: {}", source.name, names.join(", "))),
        }
    }
    if !nothing.is_empty() {
        lines.push_str(&format!("\n  not set or not there: {}", nothing.join(", ")));
    }
    lines
}

/// A reason that begins with the source's name, without it.
fn without<'a>(reason: &'a str, name: &str) -> &'a str {
    reason.strip_prefix(name).map_or(reason, |rest| rest.trim_start_matches([':', ',', ' ']))
}

fn parse(text: &[u8], layout: Layout, origin: &str) -> Result<Vec<Identity>, String> {
    parse_identities(text, layout, origin).map_err(|error| error.to_string())
}

fn bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    read::file(path, MAX_SOURCE).map_err(|error| match error {
        ReadError::Io(error) => format!("cannot read {}: {}", path.display(), words(&error)),
        other => format!("cannot read {}: {other}", path.display()),
    })
}

fn key_file(path: &Path) -> Result<Vec<Identity>, String> {
    parse(&bytes(path)?, Layout::Lines, &path.display().to_string())
}

fn ssh_file(path: &Path) -> Result<Vec<Identity>, String> {
    let key = Identity::parse_ssh(&bytes(path)?, &path.display().to_string());
    key.map(|key| vec![key]).map_err(|error| error.to_string())
}

/// What a command prints. It has no standard input; its standard error is ours.
fn printed_by(command: &OsStr, recipient: &str, io: &Io) -> Result<Zeroizing<Vec<u8>>, String> {
    let command = command.to_str().ok_or("the command is not UTF-8 text")?;
    let split = shell_words::split(command).map_err(|reason| format!("the command cannot be read: {reason}"))?;
    let (program, arguments) = split.split_first().ok_or("there is no command in it")?;
    let mut process = Command::new(program);
    io.env.give_to(&mut process);
    process.args(arguments).env(env::SOPS_AGE_RECIPIENT, recipient).current_dir(&io.cwd);
    process.stdin(Stdio::null()).stdout(Stdio::piped());
    let not_run = |error: io::Error| format!("cannot run `{program}`: {}", words(&error));
    let mut child = process.spawn().map_err(not_run)?;
    let printed = child.stdout.take().map(|out| read::stream(out, MAX_SOURCE));
    if !matches!(printed, Some(Ok(_))) {
        // It would wait for a reader for ever.
        _ = child.kill();
    }
    let status = child.wait().map_err(not_run)?;
    if !status.success() {
        return Err(format!("`{program}` failed: {status}"));
    }
    match printed {
        Some(Ok(bytes)) => Ok(bytes),
        Some(Err(error)) => Err(format!("the output of `{program}` cannot be read: {error}")),
        None => Err(format!("`{program}` has no output")),
    }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}

fn home(io: &Io) -> Option<PathBuf> {
    let variable = if cfg!(windows) { "USERPROFILE" } else { env::HOME };
    io.env.text(variable).map(PathBuf::from)
}

fn settings_folder(io: &Io) -> Option<PathBuf> {
    if cfg!(windows) {
        return io.env.text(env::APP_DATA).map(PathBuf::from);
    }
    let of_home = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".config" };
    io.env.text(env::XDG_CONFIG_HOME).map(PathBuf::from).or_else(|| Some(home(io)?.join(of_home)))
}

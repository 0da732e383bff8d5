//! `exec-env`: a command with a file's values in its environment, and nowhere else.

use std::ffi::OsString;
use std::process::Command;

use crate::cli::report::Context;
use crate::cli::sops::child::{self, Signals};
use crate::cli::sops::session::Session;
use crate::cli::sops::users::User;
use crate::cli::sops::{Style, codes};
use crate::cli::{Exit, Failure, Outcome};
use crate::secret::SecretBytes;
use crate::sops::store::display;
use crate::sops::tree::{Map, Node};

/// `exec-env FILE COMMAND`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    let [file, line] = two_arguments(session)?;
    let path = session.absolute(&file);
    session.config()?;
    let format = session.input_format(&path);
    let text = session.read(&crate::cli::sops::file::Input::File(path))?;
    let loaded = session.load(text, format, &file)?;
    let opened = session.open_to_read(loaded, &file)?;
    let first = opened.content.documents.first().ok_or_else(|| Failure::new("the file has no document"))?;
    let values = variables(first, session.style)?;
    drop(opened.content.memory);
    let mut command = child::shell(&line);
    if session.local.is_on("pristine") {
        command.env_clear();
    } else {
        session.io.env.give_to(&mut command);
    }
    for (key, value) in &values {
        command.env(key, os_string(value));
    }
    if let Some(user) = User::asked_for(session)? {
        user.runs(&mut command);
    }
    command.current_dir(&session.io.cwd);
    session.io.stdout.flush_all()?;
    if session.local.is_on("same-process") {
        return same_process(session, command);
    }
    let signals = Signals::catch();
    let mut running = command.spawn().context(|| "cannot start the command")?;
    if session.local.is_on("background") {
        session.warn("--background is deprecated: put the command into the background by itself");
        return Ok(Exit::DONE);
    }
    let ended = child::wait(&mut running, &signals, session.io.stdin_is_terminal).context(|| "cannot wait for the command")?;
    Ok(child::exit(ended.status))
}

/// The file and the command.
pub(super) fn two_arguments(session: &Session<'_>) -> Result<[String; 2], Failure> {
    let wrong = || {
        Failure::new("error: missing file to decrypt, or command to run: there must be precisely two arguments")
            .with_exit(codes::NO_FILE)
    };
    <[String; 2]>::try_from(session.local.args.clone()).map_err(|_| wrong())
}

/// The values of a map as variables.
fn variables(map: &Map, style: Style) -> Result<Vec<(String, SecretBytes)>, Failure> {
    let mut variables = Vec::new();
    for (key, node) in map.pairs() {
        let value = match node {
            Node::Leaf(leaf) => display(leaf),
            // sops writes `<nil>`, which no program understands; the variable stays as it is.
            Node::Null if style == Style::Ours => continue,
            Node::Null => SecretBytes::copy_of(b"<nil>"),
            Node::Map(_) | Node::List(_) | Node::Comment(_) => {
                return Err(Failure::new(format_args!("cannot use complex value in environment; offending key {key}"))
                    .with_hint("exec-file gives the command the whole file"));
            }
        };
        if key.is_empty() || key.contains(['=', '\0']) {
            return Err(Failure::new(format_args!("cannot use keys with '=' in environment: {key:?}")));
        }
        if value.expose().contains(&0) {
            return Err(Failure::new(format_args!("the value of {key} has a null byte, which no variable can have")));
        }
        variables.push((key.to_owned(), value));
    }
    Ok(variables)
}

#[cfg(unix)]
fn os_string(value: &SecretBytes) -> OsString {
    std::os::unix::ffi::OsStringExt::from_vec(value.expose().to_vec())
}

#[cfg(not(unix))]
fn os_string(value: &SecretBytes) -> OsString {
    String::from_utf8_lossy(value.expose()).into_owned().into()
}

#[cfg(unix)]
fn same_process(session: &Session<'_>, mut command: Command) -> Outcome {
    if session.local.is_on("background") {
        return Err(Failure::new("background is not supported for same-process"));
    }
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    Err(Failure::from(error).wrap("cannot become the command"))
}

#[cfg(not(unix))]
fn same_process(_session: &Session<'_>, _command: Command) -> Outcome {
    Err(Failure::new("The --same-process flag is not supported on Windows"))
}

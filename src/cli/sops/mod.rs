//! sops: the same commands, flags, variables, streams and exit codes as sops 3.13.3.
//!
//! Called through a link named `sops` it is that program: its layout of files, its shape of messages. As `hecate-seal sops …` the
//! commands are the same, files keep their own layout where the format allows it (`Style`), and messages are ours. Facts:
//! sops-age.md §2 to §4; where sops panics, leaves plaintext or loses data, this stops with an error and nothing written.
//!
//! ```text
//!   table     commands and their flags; flags: kinds of flags; parse: a command line read; usage: help made from the tables
//!   session   what a command works with: what was typed, the outside world, formats, messages in the right style
//!   config    .sops.yaml found and read
//!   sources   where identities come from; terminal: passphrases (also from gpg_agent) and plugins
//!   file      an encrypted file opened; write: a result put where it belongs
//!   whole     files opened and made for our own commands
//!   child     programs that are started; private: folders in memory for plaintext; users; keyservice: gRPC both ways
//!   commands  one file a command; legacy: flags in place of commands
//! ```

mod child;
mod codes;
mod commands;
mod config;
mod file;
mod flags;
#[cfg(unix)]
mod gpg_agent;
mod keyservice;
mod legacy;
mod parse;
mod private;
mod recipients;
mod session;
mod shell_words;
pub(in crate::cli) mod sources;
mod table;
mod terminal;
mod usage;
mod users;
pub(crate) mod whole;
mod write;

use std::ffi::OsString;

use super::{Exit, Failure, Io, Outcome};
use parse::{Parsed, Stop};
use session::Session;
use table::Command;

/// How the program was called, and so whose habits it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// Through a link named `sops`.
    Sops,
    /// As `hecate-seal sops`.
    Ours,
}

/// Runs `hecate-seal sops` with the words after `sops`.
///
/// # Errors
/// A failure with the exit code that sops has for it.
pub fn run(words: &[OsString], io: &mut Io) -> Outcome {
    start(words, io, Style::Ours)
}

/// Runs sops with the words after its name. Errors are printed in the shape of sops', so there is no failure but that of printing.
///
/// # Errors
/// When standard output cannot be written.
pub fn run_as_sops(words: &[OsString], io: &mut Io) -> Outcome {
    let failure = match start(words, io, Style::Sops) {
        Ok(exit) => return Ok(exit),
        Err(failure) => failure,
    };
    session::print_failure(&failure, io);
    Ok(failure.exit())
}

fn start(words: &[OsString], io: &mut Io, style: Style) -> Outcome {
    let text = |word: &OsString| word.to_str().map(str::to_owned);
    let words: Option<Vec<String>> = words.iter().map(text).collect();
    let words = words.ok_or_else(|| Failure::new("an argument is not UTF-8 text"))?;
    if let Some((last, before)) = words.split_last()
        && last == usage::COMPLETION_FLAG
    {
        return usage::suggest(before, io);
    }
    let (global, stopped) = parse::parse(&table::APP, &words, &io.env, style);
    if let Err(stop) = stopped {
        return stopped_at(&table::APP, &["sops"], stop, io);
    }
    if global.is_on("help") {
        io.stdout.put(usage::of(&table::APP, &["sops"]))?;
        return Ok(Exit::DONE);
    }
    if global.is_on("version") {
        io.stdout.put(concat!("sops 3.13.3 (hecate-seal ", env!("CARGO_PKG_VERSION"), ")\n"))?;
        return Ok(Exit::DONE);
    }
    let Some((name, rest)) = global.args.split_first() else { return legacy::run(&mut Session::legacy(io, global, style)) };
    match table::APP.command(name) {
        Some(command) => {
            let rest = rest.to_vec();
            descend(command, &["sops", command.name], &rest, global, io, style)
        }
        None => legacy::run(&mut Session::legacy(io, global, style)),
    }
}

/// Runs a command, or one below it.
fn descend(command: &'static Command, names: &[&str], words: &[String], global: Parsed, io: &mut Io, style: Style) -> Outcome {
    let reordered = if command.commands.is_empty() { parse::flags_first(command, words, style) } else { words.to_vec() };
    let (local, stopped) = parse::parse(command, &reordered, &io.env, style);
    if let Err(stop) = stopped {
        return stopped_at(command, names, stop, io);
    }
    if local.is_on("help") {
        io.stdout.put(usage::of(command, names))?;
        return Ok(Exit::DONE);
    }
    if let Some(run) = command.run {
        return run(&mut Session::new(io, local, global, style));
    }
    match local.args.split_first() {
        None => {
            io.stdout.put(usage::of(command, names))?;
            Ok(Exit::DONE)
        }
        Some((name, _)) if name == "help" || name == "h" => {
            io.stdout.put(usage::of(command, names))?;
            Ok(Exit::DONE)
        }
        Some((name, rest)) => match command.command(name) {
            Some(inner) => {
                let names: Vec<&str> = names.iter().copied().chain([inner.name]).collect();
                descend(inner, &names, rest, global, io, style)
            }
            None => Err(no_help(name)),
        },
    }
}

fn no_help(name: &str) -> Failure {
    Failure::new(format_args!("No help topic for '{name}'")).with_exit(codes::NO_TOPIC)
}

/// A command line that cannot be read: the reason and the usage on stdout, the reason once more on stderr.
fn stopped_at(command: &Command, names: &[&str], stop: Stop, io: &mut Io) -> Outcome {
    let Stop(message) = stop;
    io.stdout.put(format!("Incorrect Usage: {message}\n\n{}", usage::of(command, names)))?;
    Err(Failure::new(message))
}

//! kubeseal: the same flags, variables, streams, exit codes and files as the reference's program, version 0.27.1.
//!
//! One run is one mode, chosen in kubeseal's order: version, help, recovery, validation, re-encryption, printing the certificate,
//! merging into a file, one raw value, sealing manifests (`sealed-secrets.md` §2). Where the reference loses data, hangs, panics or
//! skips something in silence, this stops with an error and nothing written; `docs/compatibility.md` lists each such place.

mod certificate;
mod files;
mod flags;
mod merge;
pub(in crate::cli) mod namespace;
mod online;
mod output;
mod parse;
mod raw;
mod recover;
mod seal;
mod settings;
#[cfg(test)]
mod tests;
mod usage;

use std::ffi::OsString;

use super::report::Failure;
use super::{Exit, Io, Outcome};
use parse::{Stop, parse};
use settings::Settings;

/// Exit code of a command line that cannot be read.
const USAGE_ERROR: Exit = Exit::other(2);

/// Runs kubeseal with the words after its name.
///
/// # Errors
/// A failure with one message, as kubeseal prints it after `error: `, and exit code 1.
pub fn run(words: &[OsString], io: &mut Io) -> Outcome {
    // kubeseal's errors are one line; ours may add advice below it.
    command_line(words, io).map_err(|failure| {
        let one_line = failure.causes().iter().fold(failure.message().to_owned(), |line, cause| {
            // Wrapping errors often end with the inner text.
            if line.ends_with(cause.as_str()) { line } else { line + ": " + cause }
        });
        failure.hints().iter().fold(Failure::new(one_line), Failure::with_hint)
    })
}

fn command_line(words: &[OsString], io: &mut Io) -> Outcome {
    let text = |word: &OsString| word.to_str().map(str::to_owned);
    let words: Option<Vec<String>> = words.iter().map(text).collect();
    let words = words.ok_or_else(|| Failure::new("an argument is not UTF-8 text"))?;
    let (parsed, result) = parse(&words, &io.env);
    for notice in &parsed.notices {
        io.stdout.put(notice)?;
    }
    let list = usage::flag_list();
    let header = "Usage of kubeseal:\n";
    match result {
        Ok(()) => {}
        Err(Stop::Help) => {
            io.complain(header);
            io.stdout.put(list)?;
            return Ok(Exit::DONE);
        }
        Err(Stop::Wrong(message)) => {
            io.stdout.put(format!("{message}\n"))?;
            io.complain(header);
            io.stdout.put(format!("{list}{message}\n"))?;
            return Ok(USAGE_ERROR);
        }
    }
    if parsed.is_on("version") {
        io.stdout.put(concat!("kubeseal version: ", env!("CARGO_PKG_VERSION"), "\n"))?;
        return Ok(Exit::DONE);
    }
    if parsed.is_on("help") {
        io.stdout.put(format!("{header}{list}"))?;
        return Ok(Exit::DONE);
    }
    mode(&Settings::new(&parsed), io)
}

/// The mode that the flags ask for, in kubeseal's order.
fn mode(settings: &Settings, io: &mut Io) -> Outcome {
    if !settings.from_file.is_empty() && !settings.raw {
        return Err(Failure::new("--from-file requires --raw"));
    }
    files::check_input(settings, io)?;
    if settings.input.is_none() && !settings.raw && !settings.fetch_cert && io.stdin_is_terminal {
        io.complain("(tty detected: expecting json/yaml k8s resource in stdin)\n");
    }
    if settings.recovery_unseal {
        return recover::run(settings, io);
    }
    if !settings.recovery_private_keys.is_empty() && io.stderr_is_terminal {
        io.complain("warning: ignoring --recovery-private-key because unseal command not chosen with --recovery-unseal\n");
    }
    if settings.validate {
        return online::validate(settings, io);
    }
    if settings.re_encrypt {
        return online::re_encrypt(settings, io);
    }
    if settings.fetch_cert {
        return certificate::fetch_cert(settings, io);
    }
    let certificate = certificate::for_sealing(settings, io)?;
    let key = certificate.public_key();
    match &settings.merge_into {
        Some(file) => merge::run(settings, file, key, io),
        None if settings.raw => raw::run(settings, key, io),
        None => seal::run(settings, key, io),
    }
}

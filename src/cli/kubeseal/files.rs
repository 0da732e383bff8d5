//! Reading files and streams with the words that Go programs use for what the system says.

use std::io::{self, ErrorKind};
use std::path::Path;

use zeroize::Zeroizing;

use super::settings::Settings;
use crate::cli::Io;
use crate::cli::io::read::{self, MAX_DOCUMENT, ReadError};
use crate::cli::report::Failure;

/// What errors call standard input.
pub(super) const STDIN: &str = "standard input";

/// The system's reason in Go's words: scripts match them.
pub(super) fn system_says(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or directory".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::IsADirectory => "is a directory".to_owned(),
        ErrorKind::NotADirectory => "not a directory".to_owned(),
        _ => error.to_string(),
    }
}

/// Reads a file; errors say `open FILE: …` or `read FILE: …`, with the name as it was given.
pub(super) fn open(path: &Path, name: &str, limit: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    read::file(path, limit).map_err(|error| match error {
        ReadError::Io(error) => Failure::new(format_args!("open {name}: {}", system_says(&error))),
        ReadError::Directory => Failure::new(format_args!("read {name}: is a directory")),
        other => Failure::new(format_args!("read {name}: {other}")),
    })
}

/// The manifests to work on, and what errors call them: `--secret-file`, else standard input.
pub(super) fn manifests(settings: &Settings, io: &mut Io) -> Result<(Zeroizing<Vec<u8>>, String), Failure> {
    let Some(name) = &settings.input else { return Ok((stdin(io)?, STDIN.to_owned())) };
    Ok((open(&io.path(name), name, MAX_DOCUMENT).map_err(|error| unreadable(&error))?, name.clone()))
}

/// Everything on standard input.
pub(super) fn stdin(io: &mut Io) -> Result<Zeroizing<Vec<u8>>, Failure> {
    read::stream(&mut io.stdin, MAX_DOCUMENT).map_err(|error| match error {
        ReadError::Io(error) => Failure::new(format_args!("read {STDIN}: {}", system_says(&error))),
        ReadError::Directory => Failure::new(format_args!("read {STDIN}: is a directory")),
        other => Failure::new(format_args!("read {STDIN}: {other}")),
    })
}

/// Refuses an input file that cannot be opened, in every mode: the peer opens it even where it then ignores it.
pub(super) fn check_input(settings: &Settings, io: &Io) -> Result<(), Failure> {
    let Some(name) = &settings.input else { return Ok(()) };
    match std::fs::metadata(io.path(name)) {
        Ok(_) => Ok(()),
        Err(error) => Err(unreadable(&Failure::new(format_args!("open {name}: {}", system_says(&error))))),
    }
}

fn unreadable(cause: &Failure) -> Failure {
    Failure::new(format_args!("Could not read file specified with --secret-file: {}", cause.one_line()))
}

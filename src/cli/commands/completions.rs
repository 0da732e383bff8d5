//! `hecate-seal completions SHELL`: the completion script, made from the arguments themselves.

use clap::CommandFactory;

use crate::cli::Io;
use crate::cli::args::{Cli, CompletionsArgs};
use crate::cli::report::{Exit, Outcome};

/// Runs the command.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(args: &CompletionsArgs, io: &mut Io) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "hecate-seal", &mut script);
    io.stdout.put(script)?;
    Ok(Exit::DONE)
}

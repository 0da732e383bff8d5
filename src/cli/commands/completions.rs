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
    if args.shell == clap_complete::Shell::Bash {
        // Its names of functions split the program's own name at the dash in one place and not in the other.
        script = String::from_utf8_lossy(&script).replace("hecate__subcmd__seal", "hecate__seal").into_bytes();
    }
    io.stdout.put(script)?;
    Ok(Exit::DONE)
}

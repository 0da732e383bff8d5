//! `help`: the commands, or the help of one.

use crate::cli::sops::session::Session;
use crate::cli::sops::table::APP;
use crate::cli::sops::{no_help, usage};
use crate::cli::{Exit, Outcome};

/// `help [COMMAND]`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    let text = match session.local.args.first() {
        None => usage::of(&APP, &["sops"]),
        Some(name) => {
            let command = APP.command(name).ok_or_else(|| no_help(name))?;
            usage::of(command, &["sops", command.name])
        }
    };
    session.io.stdout.put(text)?;
    Ok(Exit::DONE)
}

//! `exec-file`.

use crate::cli::Outcome;
use crate::cli::sops::session::Session;

/// `exec-file`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    session.not_yet("exec-file")
}

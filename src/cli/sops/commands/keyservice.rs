//! `keyservice`.

use crate::cli::Outcome;
use crate::cli::sops::session::Session;

/// `keyservice`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    session.not_yet("keyservice")
}

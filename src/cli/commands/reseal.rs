//! `hecate-seal reseal`.

use clap::Args;

use crate::cli::{Failure, Io, Outcome};

/// Arguments of `reseal`.
#[derive(Args, Debug)]
pub struct ResealArgs {}

/// Runs the command.
///
/// # Errors
/// Always, so far.
pub fn run(_args: ResealArgs, _io: &mut Io) -> Outcome {
    Err(Failure::usage("reseal is not there yet"))
}

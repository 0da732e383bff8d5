//! `hecate-seal bootstrap`.

use clap::Args;

use crate::cli::{Failure, Io, Outcome};

/// Arguments of `bootstrap`.
#[derive(Args, Debug)]
pub struct BootstrapArgs {}

/// Runs the command.
///
/// # Errors
/// Always, so far.
pub fn run(_args: BootstrapArgs, _io: &mut Io) -> Outcome {
    Err(Failure::usage("bootstrap is not there yet"))
}

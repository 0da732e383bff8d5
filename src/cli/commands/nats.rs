//! `hecate-seal nats`.

use clap::Args;

use crate::cli::{Failure, Io, Outcome};

/// Arguments of `nats`.
#[derive(Args, Debug)]
pub struct NatsArgs {}

/// Runs the command.
///
/// # Errors
/// Always, so far.
pub fn run(_args: NatsArgs, _io: &mut Io) -> Outcome {
    Err(Failure::usage("nats is not there yet"))
}

//! The controller: opens SealedSecrets in a cluster and serves its certificate.

use std::process::ExitCode;

use hecate_seal::controller;

fn main() -> ExitCode {
    hecate_seal::process::forbid_core_dumps();
    ExitCode::from(controller::run(std::env::args_os()))
}

//! The `hecate-seal` command line; called as `kubeseal` it is that program.

use std::process::ExitCode;

use hecate_seal::cli;

fn main() -> ExitCode {
    hecate_seal::process::forbid_core_dumps();
    hecate_seal::process::report_files_too_large();
    ExitCode::from(cli::run(std::env::args_os(), &mut cli::Io::of_process()))
}

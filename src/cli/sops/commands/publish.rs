//! `publish`: would copy files to S3, GCS or Vault. There are no clients of these here, and none are planned.

use crate::cli::sops::session::{Session, no_file};
use crate::cli::{Failure, Outcome};

/// `publish FILE`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    if session.local.args.is_empty() {
        return Err(no_file());
    }
    Err(Failure::new("publish is not supported: this program does not write to S3, Google Cloud Storage or Vault")
        .with_hint("publish with sops itself, or write the output of `decrypt` or `rotate` there with the tool of that service"))
}

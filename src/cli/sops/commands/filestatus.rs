//! `filestatus`: whether a file is encrypted, as JSON. Nothing is opened.

use crate::cli::sops::file::Input;
use crate::cli::sops::session::{Session, no_file};
use crate::cli::{Context, Exit, Failure, Outcome};
use crate::sops::document::{Encrypted, Error};
use crate::sops::metadata;

/// `filestatus FILE`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    let Some(file) = session.local.args.first().map(|file| session.absolute(file)) else { return Err(no_file()) };
    session.config()?;
    let format = session.input_format(&file);
    let text = session.read(&Input::File(file.clone())).map_err(|failure| failure.with_exit(Exit::FAILED));
    let text = text.context(|| "cannot check file status")?;
    let encrypted = match Encrypted::load(format, &text) {
        Ok(file) => !file.metadata.version.is_empty() && !file.metadata.mac.is_empty(),
        Err(Error::Metadata(metadata::Error::NotFound)) => false,
        Err(error) => {
            let shown = session.io.shown(&file);
            return Err(Failure::new(format_args!("cannot check file status: {shown}: {error}")));
        }
    };
    session.io.stdout.put(format!("{{\"encrypted\":{encrypted}}}\n"))?;
    Ok(Exit::DONE)
}

//! `unset`: what lies at a path of an encrypted file removed, in the file itself. Other values keep their ciphertext.

use crate::cli::sops::codes;
use crate::cli::sops::session::Session;
use crate::cli::sops::write::{Content, Destination};
use crate::cli::{Exit, Failure, Outcome};
use crate::sops::path;

/// `unset FILE PATH`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    let [file, place] = session.local.args.as_slice() else {
        return Err(Failure::new("Error: no file specified, or path is missing").with_exit(codes::NO_FILE));
    };
    let file = session.absolute(file);
    let steps = path::parse(place)
        .map_err(|error| Failure::new(format_args!("Invalid unset index format: {error}")).with_exit(codes::SET_FORMAT))?;
    session.config()?;
    let (input, output) = (session.input_format(&file), session.output_format(&file));
    let (target, text) = session.target(&file)?;
    let shown = session.io.shown(&file);
    let loaded = session.load(text, input, &shown)?;
    let mut opened = session.open(loaded, &shown)?;
    let first = opened.content.documents.first_mut().ok_or_else(|| Failure::new("the file has no document"))?;
    match path::unset(first, &steps) {
        Ok(()) => {}
        Err(error) if error.is_not_found() && session.local.is_on("idempotent") => return Ok(Exit::DONE),
        Err(error) => return Err(Failure::new(format_args!("{shown}: {error}"))),
    }
    let text = session.sealed(opened, output)?;
    session.put(Destination::InPlace(target, file.clone()), &text, Content::Sealed)
}

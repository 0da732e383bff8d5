//! `set`: a JSON value put at a path of an encrypted file, always into the file itself. Other values keep their ciphertext.

use std::path::Path;

use zeroize::Zeroizing;

use crate::cli::io::read::{self, MAX_DOCUMENT};
use crate::cli::sops::codes;
use crate::cli::sops::session::Session;
use crate::cli::sops::write::{self, Content, Destination};
use crate::cli::{Context, Exit, Failure, Outcome};
use crate::sops::path::{self, Step};
use crate::sops::store::json;
use crate::sops::tree::Node;

/// `set FILE PATH VALUE`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    let (from_file, from_stdin) = (session.local.is_on("value-file"), session.local.is_on("value-stdin"));
    if from_file && from_stdin {
        return Err(Failure::new("Error: cannot use both --value-file and --value-stdin"));
    }
    let (needed, why) = if from_stdin { (2, " since --value-stdin is used") } else { (3, "") };
    let args = session.local.args.clone();
    if args.len() != needed {
        let what = if from_stdin { "file or path" } else { "file, path or value" };
        let message = format!("Error: no {what} specified, or too many arguments: there must be precisely {needed}{why}");
        return Err(Failure::new(message).with_exit(codes::NO_FILE));
    }
    let mut args = args.into_iter();
    let (Some(file), Some(place)) = (args.next(), args.next()) else { return Err(super::super::session::no_file()) };
    let file = session.absolute(&file);
    let steps = path::parse(&place)
        .map_err(|error| Failure::new(format_args!("Invalid set index format: {error}")).with_exit(codes::SET_FORMAT))?;
    let text = match args.next() {
        None => {
            let bytes =
                read::stream(&mut session.io.stdin, MAX_DOCUMENT).context(|| "cannot read the value from standard input")?;
            read::text(bytes).context(|| "cannot read the value from standard input")?
        }
        Some(path) if from_file => {
            let path = session.absolute(&path);
            read::text_file(&path, MAX_DOCUMENT).context(|| format!("cannot read the value from {}", path.display()))?
        }
        Some(text) => Zeroizing::new(text),
    };
    let idempotent = session.local.is_on("idempotent");
    set(session, &file, &steps, &text, idempotent)
}

/// `--set 'PATH VALUE' FILE`.
pub(in crate::cli::sops) fn run_legacy(session: &mut Session<'_>, file: &Path) -> Outcome {
    let wrong = |reason: &str| Failure::new(format_args!("Invalid --set format: {reason}")).with_exit(codes::SET_FORMAT);
    let argument = Zeroizing::new(session.local.text("set").to_owned());
    let (place, value) = argument.split_once("] ").ok_or_else(|| wrong("it must be a path, a space and a JSON value"))?;
    let steps = path::parse(&format!("{place}]")).map_err(|error| wrong(&error.to_string()))?;
    set(session, file, &steps, value, false)
}

fn set(session: &mut Session<'_>, file: &Path, steps: &[Step], text: &str, idempotent: bool) -> Outcome {
    // Before the file is opened, and without the text, which is secret.
    let value: Node = json::load_value(text)
        .map_err(|error| Failure::new(format_args!("Value for --set is not valid JSON: {error}")).with_exit(codes::SET_FORMAT))
        .hint(|| "text must be in double quotes, inside the quotes of the shell: '\"text\"'")?;
    let name = session.chosen_name(file);
    session.config()?;
    let (input, output) = (session.input_format(&name), session.output_format(&name));
    let (target, text) = session.target(file)?;
    let shown = session.io.shown(file);
    let loaded = session.load(text, input, &shown)?;
    let mut opened = session.open(loaded, &shown)?;
    let first = opened.content.documents.first_mut().ok_or_else(|| Failure::new("the file has no document"))?;
    let changed = path::set(first, steps, value).map_err(|error| Failure::new(format_args!("{shown}: {error}")))?;
    write::refuse_encrypted(&opened.content.documents, output)?;
    if !changed && idempotent {
        session.detail("File not written due to no change");
        return Ok(Exit::DONE);
    }
    let text = session.sealed(opened, output)?;
    session.put(Destination::InPlace(target, file.to_owned()), &text, Content::Sealed)
}

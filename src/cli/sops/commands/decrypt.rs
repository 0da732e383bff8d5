//! `decrypt`: a file, or standard input, opened and written out in any format; or one value of it.

use std::path::Path;

use crate::cli::sops::codes;
use crate::cli::sops::file::Opened;
use crate::cli::sops::session::{Session, conflict, non_existent};
use crate::cli::sops::write::Content;
use crate::cli::{Failure, Outcome};
use crate::secret::SecretBytes;
use crate::sops::document::Format;
use crate::sops::path::{self, Found, Step};
use crate::sops::rules::Layouts;
use crate::sops::store::{json, yaml};
use crate::sops::tree::{Map, Node};
use crate::sops::value::Scalar;

/// `decrypt [FILE]`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    if session.local.args.is_empty() {
        if session.local.is_on("in-place") {
            return Err(conflict("Error: cannot use --in-place when reading from stdin"));
        }
        return decrypt(session, None);
    }
    let file = session.one_file()?;
    if !file.exists() {
        return Err(non_existent(&file));
    }
    decrypt(session, Some(&file))
}

/// Decrypts a file, or standard input.
pub(in crate::cli::sops) fn decrypt(session: &mut Session<'_>, file: Option<&Path>) -> Outcome {
    let name = session.chosen_name(file.unwrap_or(Path::new("")));
    // Rules that cannot be read are an error before anything else, as in sops.
    session.config()?;
    let (input, output) = (session.input_format(&name), session.output_format(&name));
    let steps = path::parse(session.local.text("extract"))
        .map_err(|error| Failure::new(format_args!("error parsing --extract path: {error}")).with_exit(codes::PATH))?;
    let (destination, text, shown) = session.source_and_destination(file)?;
    let loaded = session.load(text, input, &shown)?;
    let opened = session.open_to_read(loaded, &shown)?;
    let plain = if steps.is_empty() {
        session.plain(&opened, &opened.content.documents, output)?
    } else {
        extract(session, &opened, &steps, output)?
    };
    session.put(destination, plain.expose(), Content::Plain)
}

/// What lies at a path of the first document: a map as a document, text as it is, other values as the format writes them.
fn extract(session: &mut Session<'_>, opened: &Opened, steps: &[Step], output: Format) -> Result<SecretBytes, Failure> {
    let first = opened.content.documents.first().ok_or_else(|| Failure::new("the file has no document"))?;
    let found = path::get(first, steps).map_err(|error| Failure::new(format_args!("error truncating tree: {error}")))?;
    match found {
        Found::Document(map) | Found::Node(Node::Map(map)) => {
            let mut documents: Vec<Map> = vec![map.clone()];
            // The other documents of the file stay, as in sops.
            documents.extend(opened.content.documents.iter().skip(1).cloned());
            session.plain(opened, &documents, output)
        }
        Found::Node(Node::Leaf(Scalar::Text(text))) => Ok(text.clone()),
        Found::Node(node) => {
            let layouts = session.layouts(output)?;
            value(node, output, &layouts)
        }
    }
}

/// A value that is neither a map nor text.
fn value(node: &Node, output: Format, layouts: &Layouts) -> Result<SecretBytes, Failure> {
    let dumping = |reason: &dyn std::fmt::Display| {
        Failure::new(format_args!("Error dumping tree: {reason}"))
            .with_exit(codes::DUMP)
            .with_hint("ask for --output-type yaml or json")
    };
    match output {
        Format::Yaml => Ok(yaml::emit_value(node, layouts.yaml_indent).into()),
        Format::Json => json::emit_value(node, layouts.json_indent).map(Into::into).map_err(|error| dumping(&error)),
        Format::Dotenv | Format::Ini | Format::Binary => {
            Err(dumping(&format_args!("a value that is no text has no form of its own in {}", output.name())))
        }
    }
}

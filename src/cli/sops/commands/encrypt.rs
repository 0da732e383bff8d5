//! `encrypt`: a plain file, or standard input, made an encrypted one for the recipients of the flags or the rules.

use std::path::Path;

use super::{explain, tree};
use crate::cli::sops::codes;
use crate::cli::sops::session::{Session, conflict, non_existent};
use crate::cli::sops::write::Content;
use crate::cli::{Exit, Failure, Outcome};
use crate::sops::document;
use crate::sops::keys;
use crate::sops::rules::Creation;

/// `encrypt [FILE]`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    if session.local.is_on("explain") {
        if session.local.is_on("recursive") {
            return Err(conflict("Error: cannot use --explain with --recursive: name the files"));
        }
        return explain::run(session);
    }
    if session.local.is_on("recursive") || session.local.is_on("dry-run") {
        return recursive(session);
    }
    if session.local.args.is_empty() {
        if session.local.is_on("in-place") {
            return Err(conflict("Error: cannot use --in-place when reading from stdin"));
        }
        if session.local.text("filename-override").is_empty() {
            return Err(conflict("Error: must specify --filename-override when reading from stdin"));
        }
        let name = session.chosen_name(Path::new(""));
        let rule = session.creation_for(&name)?;
        return encrypt(session, None, rule);
    }
    let file = session.one_file()?;
    if !file.exists() {
        return Err(non_existent(&file));
    }
    let name = session.chosen_name(&file);
    let rule = session.creation_for(&name)?;
    encrypt(session, Some(&file), rule)
}

/// Encrypts, in place, every plain file that a rule is for. Binary files are left out: a rule without `path_regex` would else take
/// whatever lies around.
fn recursive(session: &mut Session<'_>) -> Outcome {
    let dry = session.local.is_on("dry-run");
    if !dry && !session.local.is_on("in-place") {
        return Err(conflict("Error: --recursive needs --in-place, or --dry-run"));
    }
    if session.config()?.is_none() {
        return Err(Failure::new("config file not found")
            .with_hint("which files are encrypted is said by the creation rules of a .sops.yaml"));
    }
    let folders: Vec<_> = match session.local.args.as_slice() {
        [] => vec![session.io.cwd.clone()],
        named => named.iter().map(|name| session.absolute(name)).collect(),
    };
    let mut failed = 0_usize;
    for file in tree::find(session, &folders)? {
        let Some(rule) = file.rule.filter(|_| !file.encrypted) else { continue };
        if session.input_format(&file.path) == document::Format::Binary {
            continue;
        }
        let shown = session.io.shown(&file.path);
        if dry {
            session.io.stdout.put(format!("would encrypt {shown} by creation rule {}\n", rule.rule + 1))?;
            continue;
        }
        match encrypt(session, Some(&file.path), Some(rule)) {
            Ok(_) => session.progress(format!("File {shown} encrypted")),
            Err(failure) => {
                failed += 1;
                session.complain(format!("{shown}: {}", failure.one_line()));
            }
        }
    }
    match failed {
        0 => Ok(Exit::DONE),
        failed => Err(Failure::new(format_args!("{failed} file(s) could not be encrypted"))),
    }
}

/// Encrypts a file, or standard input, by its rule.
pub(in crate::cli::sops) fn encrypt(session: &mut Session<'_>, file: Option<&Path>, rule: Option<Creation>) -> Outcome {
    let name = session.chosen_name(file.unwrap_or(Path::new("")));
    let (input, output) = (session.input_format(&name), session.output_format(&name));
    let intention = session.intention(rule, input)?;
    let (destination, text, shown) = session.source_and_destination(file)?;
    if text.trim_ascii().is_empty() && input == document::Format::Yaml {
        let failure = Failure::new(format_args!("{shown}: the file is empty; there must be at least one document"));
        return Err(failure.with_exit(codes::NO_DOCUMENT));
    }
    let plain = session
        .read_plain(&text, input, output)
        .map_err(|error| Failure::new(format_args!("Error unmarshalling file: {shown}: {error}")).with_exit(codes::INPUT))?;
    plain.refuse_encrypted(output)?;
    let data_key = keys::generate()?;
    let plan = session.plan(intention, &data_key)?;
    let metadata = plan.metadata(input, session.io.now);
    let encrypted = session.new_file((&text, input), output, plain, metadata, &data_key)?;
    session.put(destination, &encrypted, Content::Sealed)
}

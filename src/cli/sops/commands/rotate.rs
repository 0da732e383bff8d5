//! `rotate`: a new data key and every value encrypted anew; recipients may come and go with it.

use std::path::Path;

use crate::cli::sops::codes;
use crate::cli::sops::file::Input;
use crate::cli::sops::session::Session;
use crate::cli::sops::write::{Content, Destination};
use crate::cli::{Failure, Outcome};
use crate::sops::crypt::Memory;
use crate::sops::{keys, rekey};

/// `rotate FILE`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    let file = session.one_file()?;
    if !file.exists() && changes_keys(session) {
        let name = file.display().to_string();
        let message =
            format!("Error: cannot add or remove keys on non-existent file {name:?}, use the `edit` subcommand instead.");
        return Err(Failure::new(message).with_exit(codes::KEYS_WITHOUT_FILE));
    }
    rotate(session, &file)
}

/// Whether keys are to be added or removed.
pub(in crate::cli::sops) fn changes_keys(session: &Session<'_>) -> bool {
    let kinds = ["kms", "pgp", "gcp-kms", "hckms", "hc-vault-transit", "azure-kv", "age"];
    let given = |prefix: &str, kind: &&str| !session.local.text(&format!("{prefix}{kind}")).is_empty();
    kinds.iter().any(|kind| given("add-", kind) || given("rm-", kind))
}

/// Rotates the data key of a file.
pub(in crate::cli::sops) fn rotate(session: &mut Session<'_>, file: &Path) -> Outcome {
    let name = session.chosen_name(file);
    session.config()?;
    let (input, output) = (session.input_format(&name), session.output_format(&name));
    let (add, remove) = (session.keys_of_flags("add-")?, session.keys_of_flags("rm-")?);
    let (destination, text) = if session.local.is_on("in-place") {
        let (target, text) = session.target(file)?;
        (Destination::InPlace(target, file.to_owned()), text)
    } else {
        (session.output_destination(), session.read(&Input::File(file.to_owned()))?)
    };
    let shown = session.io.shown(file);
    let loaded = session.load(text, input, &shown)?;
    let mut opened = session.open(loaded, &shown)?;
    let metadata = &opened.content.metadata;
    let groups = rekey::changed(rekey::specs(&metadata.groups), &add, &remove);
    for gone in &remove {
        let known = |group: &Vec<_>| group.iter().any(|key: &crate::sops::metadata::MasterKey| key.name() == gone.name);
        if !metadata.groups.iter().any(known) {
            session.warn(format!("{shown}: {} is not among its keys, so it was not removed", gone.name));
        }
    }
    let threshold = opened.content.metadata.shamir_threshold;
    opened.data_key = keys::generate()?;
    opened.content.memory = Memory::default();
    let (groups, threshold) = session.wrap(&groups, threshold, &opened.data_key)?;
    opened.content.metadata.groups = groups;
    opened.content.metadata.shamir_threshold = threshold;
    let text = session.sealed(opened, output)?;
    session.put(destination, &text, Content::Sealed)
}

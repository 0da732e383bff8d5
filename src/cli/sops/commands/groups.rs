//! `groups add` and `groups delete`: the key groups of a file. The data key stays and is shared out anew among the groups.

use std::path::Path;

use crate::cli::sops::file::Input;
use crate::cli::sops::session::Session;
use crate::cli::sops::write::{Content, Destination};
use crate::cli::{Failure, Outcome};
use crate::sops::rekey;
use crate::sops::rules::KeySpec;

/// `groups add -f FILE --age RECIPIENT…`.
pub(in crate::cli::sops) fn add(session: &mut Session<'_>) -> Outcome {
    if !session.local.args.is_empty() {
        return Err(Failure::new("error: no positional arguments allowed"));
    }
    let group = session.keys_of_lists()?;
    change(session, |groups, _| {
        groups.push(group);
        Ok(())
    })
}

/// `groups delete -f FILE INDEX`.
pub(in crate::cli::sops) fn delete(session: &mut Session<'_>) -> Outcome {
    let [index] = session.local.args.as_slice() else {
        return Err(Failure::new("error: exactly one positional argument (index) required"));
    };
    let index: usize = index
        .parse()
        .map_err(|_| Failure::new(format_args!("failed to parse [index] argument: {index:?} is not a number from 0")))?;
    change(session, |groups, threshold| {
        if index >= groups.len() {
            let (count, last) = (groups.len(), groups.len().saturating_sub(1));
            return Err(Failure::new(format_args!("there is no key group {index}: the file has {count}, 0 to {last}")));
        }
        groups.remove(index);
        if groups.len() < threshold {
            return Err(Failure::new(format_args!(
                "removing this key group will make the Shamir threshold impossible to satisfy: Shamir threshold is {threshold}, but we \
                 only have {} key groups",
                groups.len()
            ))
            .with_hint("give a lower threshold with --shamir-secret-sharing-threshold"));
        }
        Ok(())
    })
}

/// Changes the groups of the file that `--file` names.
fn change(session: &mut Session<'_>, change: impl FnOnce(&mut Vec<Vec<KeySpec>>, usize) -> Result<(), Failure>) -> Outcome {
    let file = match session.local.text("file") {
        "" => {
            return Err(Failure::new("Error: no file specified")
                .with_exit(crate::cli::sops::codes::INPUT)
                .with_hint("name it with --file"));
        }
        file => session.absolute(file),
    };
    session.config()?;
    let threshold = session.threshold()?;
    let (format, output) = (session.input_format(&file), session.output_format(&file));
    let (destination, text) = if session.local.is_on("in-place") {
        let (target, text) = session.target(&file)?;
        (Destination::InPlace(target, file.clone()), text)
    } else {
        (Destination::Stdout, session.read(&Input::File(file.clone()))?)
    };
    let shown = shown(session, &file);
    let mut loaded = session.load(text, format, &shown)?;
    let data_key = session.data_key(&loaded.file.metadata, &[], &shown)?;
    let mut groups = rekey::specs(&loaded.file.metadata.groups);
    let threshold = if threshold == 0 { loaded.file.metadata.shamir_threshold } else { threshold };
    change(&mut groups, threshold)?;
    let rewrapped =
        rekey::rewrap(&mut loaded.file.metadata, &groups, threshold, &data_key, &mut |key, part| session.wrap_one(key, part));
    rewrapped.map_err(|error| crate::cli::sops::recipients::wrap_failure(&error))?;
    let text = session.rewrapped(&mut loaded, output)?;
    session.put(destination, &text, Content::Sealed)
}

fn shown(session: &Session<'_>, file: &Path) -> String {
    session.io.shown(file)
}

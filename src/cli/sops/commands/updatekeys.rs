//! `updatekeys`: the data key of files wrapped for the recipients that the rules name now. The data key, the values, the MAC and
//! the time stay as they are: who loses access here can still open old versions of the file.

use std::io::Read;
use std::path::Path;

use super::tree;
use crate::cli::sops::codes;
use crate::cli::sops::recipients::wrap_failure;
use crate::cli::sops::session::{Session, no_file};
use crate::cli::sops::write::{Content, Destination};
use crate::cli::{Exit, Failure, Outcome};
use crate::sops::rekey::{self, Difference};

/// `updatekeys FILE…`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    if session.config()?.is_none() {
        return Err(
            Failure::new("config file not found").with_hint("the recipients come from a .sops.yaml in this directory or above")
        );
    }
    let mut files = session.local.args.clone();
    if session.local.is_on("recursive") {
        files = encrypted_files(session, &files)?;
        if files.is_empty() {
            session.progress("There are no encrypted files");
            return Ok(Exit::DONE);
        }
    }
    if let [file] = files.as_slice() {
        let file = session.absolute(file);
        return update(session, &file).map(|()| Exit::DONE);
    }
    if files.is_empty() {
        return Err(no_file());
    }
    let mut failed = 0_usize;
    for file in &files {
        let file = session.absolute(file);
        if let Err(failure) = update(session, &file) {
            failed += 1;
            session.complain(failure.one_line());
        }
    }
    if failed > 0 {
        return Err(Failure::new(format_args!("failed updating {failed} key(s)")));
    }
    Ok(Exit::DONE)
}

/// The encrypted files below what is named, or below the current folder.
fn encrypted_files(session: &mut Session<'_>, named: &[String]) -> Result<Vec<String>, Failure> {
    let folders: Vec<_> = match named {
        [] => vec![session.io.cwd.clone()],
        named => named.iter().map(|name| session.absolute(name)).collect(),
    };
    let found = tree::find(session, &folders)?;
    Ok(found.into_iter().filter(|file| file.encrypted).filter_map(|file| file.path.to_str().map(str::to_owned)).collect())
}

fn update(session: &mut Session<'_>, file: &Path) -> Result<(), Failure> {
    let shown = file.display().to_string();
    if file.is_dir() {
        return Err(Failure::new("can't operate on a directory").with_hint("name its files one by one, or add --recursive"));
    }
    if !file.exists() {
        return Err(Failure::new(format_args!("{shown}: no such file or directory")));
    }
    let format = session.input_format(file);
    session.progress(format!("Syncing keys for file {shown}"));
    let (target, text) = session.target(file)?;
    let mut loaded = session.load(text, format, &shown).map_err(|failure| failure.with_exit(Exit::FAILED))?;
    let Some(creation) = session.creation_for(file)? else {
        return Err(Failure::new("the config file does not contain any creation rule"));
    };
    let metadata = &loaded.file.metadata;
    let differences = rekey::difference(&rekey::specs(&metadata.groups), &creation.groups);
    let old = metadata.shamir_threshold;
    let asked = session.threshold()?;
    let threshold = if asked == 0 { old } else { asked }.min(creation.groups.len());
    if old == threshold && !differences.iter().any(Difference::is_change) {
        session.progress(format!("File {shown} already up to date"));
        return Ok(());
    }
    session.io.stdout.put(told(&differences, old, threshold))?;
    if session.local.is_on("dry-run") {
        session.progress(format!("File {shown} would be synced with new keys"));
        return Ok(());
    }
    if !session.local.is_on("yes") && !agreed(session)? {
        session.progress(format!("File {shown} left unchanged"));
        return Ok(());
    }
    let data_key = session.data_key(metadata, &[], &shown).map_err(|failure| failure.with_exit(codes::NO_KEY))?;
    let wrapped = rekey::rewrap(&mut loaded.file.metadata, &creation.groups, threshold, &data_key, &mut |key, part| {
        session.wrap_one(key, part)
    });
    wrapped.map_err(|error| wrap_failure(&error).wrap("error updating one or more master keys"))?;
    let text = session.rewrapped(&mut loaded, format)?;
    session.put(Destination::InPlace(target, file.to_owned()), &text, Content::Sealed)?;
    session.progress(format!("File {shown} synced with new keys"));
    Ok(())
}

/// The changes, group by group.
fn told(differences: &[Difference], old: usize, new: usize) -> String {
    let mut text = "The following changes will be made to the file's groups:\n".to_owned();
    if old > 0 && old == new {
        text += &format!("shamir_threshold: {new}\n");
    } else {
        if new > 0 {
            text += &format!("+++ shamir_threshold: {new}\n");
        }
        if old > 0 {
            text += &format!("--- shamir_threshold: {old}\n");
        }
    }
    for (difference, number) in differences.iter().zip(1..) {
        text += &format!("Group {number}\n");
        for (mark, names) in [("   ", &difference.common), ("+++", &difference.added), ("---", &difference.removed)] {
            names.iter().for_each(|name| text += &format!("{mark} {name}\n"));
        }
    }
    text
}

/// Asks until the answer is `y` or `n`.
fn agreed(session: &mut Session<'_>) -> Result<bool, Failure> {
    loop {
        session.io.stdout.put("Is this okay? (y/n):")?;
        session.io.stdout.flush_all()?;
        match line(&mut session.io.stdin)?.as_deref().map(str::trim) {
            Some("y") => return Ok(true),
            Some("n") => return Ok(false),
            Some(_) => {}
            None => return Err(Failure::new("there was no answer; nothing was changed").with_hint("agree in advance with --yes")),
        }
    }
}

/// One line of an answer, not longer than any answer is; `None` at the end of the input.
fn line(stdin: &mut dyn Read) -> Result<Option<String>, Failure> {
    const LONGEST: usize = 1024;
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < LONGEST {
        match stdin.read(&mut byte)? {
            0 if line.is_empty() => return Ok(None),
            0 => break,
            _ if byte == *b"\n" => break,
            _ => line.extend(byte),
        }
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

//! `git-textconv` and `git-merge`: encrypted files in git's diffs and merges.
//!
//! ```text
//! git config diff.sops.textconv "hecate-seal sops git-textconv"
//! git config merge.sops.driver  "hecate-seal sops git-merge %O %A %B %P"
//! printf '*.enc.yaml diff=sops merge=sops\n' >> .gitattributes
//! ```
//!
//! A merge is of the opened documents: entries that one side changed are taken from it, those that both changed alike are no conflict,
//! and neither are the MAC, the time and the ciphertexts. Only values that change are encrypted anew. Where both sides changed one
//! value differently, the file keeps our value, sealed, the conflicts are named on stderr by their paths, and the exit code is 1: git
//! then leaves the file as conflicted. No plaintext and no markers get into the file, so that it always opens; their value is in
//! `git show :3:PATH`. Recipients are ours.

use std::path::Path;

use crate::cli::sops::file::Opened;
use crate::cli::sops::session::{Session, no_file};
use crate::cli::sops::write::{Content, Destination};
use crate::cli::{Exit, Failure, Outcome};
use crate::sops::document::Format;
use crate::sops::merge::merge_documents;

/// `git-textconv FILE`: the plain content if the file is encrypted and can be opened, else the file as it is.
pub(in crate::cli::sops) fn textconv(session: &mut Session<'_>) -> Outcome {
    let file = session.one_file()?;
    let (_, text) = read(session, &file)?;
    // git gives the content under a name of its own, whose ending is that of the file.
    let format = format_of(session, &file, &text);
    let plain = session.load(text.clone(), format, "").ok().and_then(|loaded| {
        let opened = session.open(loaded, "").ok()?;
        session.plain(&opened, &opened.content.documents, format).ok()
    });
    match plain {
        Some(plain) => session.io.stdout.put(plain.expose())?,
        None => session.io.stdout.put(&*text)?,
    }
    Ok(Exit::DONE)
}

/// `git-merge ANCESTOR OURS THEIRS [PATH]`: the result goes into OURS, as git wants it.
pub(in crate::cli::sops) fn merge(session: &mut Session<'_>) -> Outcome {
    let arguments = session.local.args.clone();
    let (ancestor, ours, theirs, path) = match arguments.as_slice() {
        [ancestor, ours, theirs] => (ancestor, ours, theirs, ours),
        [ancestor, ours, theirs, path] => (ancestor, ours, theirs, path),
        _ => return Err(no_file().with_hint("git config merge.sops.driver \"hecate-seal sops git-merge %O %A %B %P\"")),
    };
    let name = session.absolute(path);
    let target = session.absolute(ours);
    let mut open = |file: &str, side: &str| -> Result<Opened, Failure> {
        let file = session.absolute(file);
        let (_, text) = read(session, &file)?;
        let shown = format!("{path} ({side})");
        let format = session.input_format(&name);
        let loaded = session.load(text, format, &shown)?;
        session.open(loaded, &shown)
    };
    let base = open(ancestor, "common ancestor")?;
    let (mut our_file, their_file) = (open(ours, "ours")?, open(theirs, "theirs")?);
    let merged = merge_documents(&base.content.documents, &our_file.content.documents, &their_file.content.documents);
    let conflicts = merged.conflicts;
    our_file.content.documents = merged.documents;
    // Values that come from their side keep their ciphertext if the data key is the same.
    if our_file.data_key == their_file.data_key {
        our_file.content.memory.add(their_file.content.memory);
    }
    let format = our_file.format;
    let text = session.sealed(our_file, format)?;
    let (file, _) = session.target(&target)?;
    session.put(Destination::InPlace(file, target), &text, Content::Sealed)?;
    if conflicts.is_empty() {
        return Ok(Exit::DONE);
    }
    let list = conflicts.iter().fold(String::new(), |list, place| list + "\n  " + place);
    Err(Failure::new(format_args!("{path}: both sides changed the same values; ours are kept:{list}"))
        .with_hint(format_args!("see theirs with: git show :3:{path} | hecate-seal sops decrypt --filename-override {path}")))
}

fn read(session: &mut Session<'_>, file: &Path) -> Result<(Format, zeroize::Zeroizing<Vec<u8>>), Failure> {
    let text = session.read(&crate::cli::sops::file::Input::File(file.to_owned()))?;
    Ok((session.input_format(file), text))
}

/// By the name; a name without a known ending by the content.
fn format_of(session: &Session<'_>, file: &Path, text: &[u8]) -> Format {
    match session.input_format(file) {
        Format::Binary if !text.trim_ascii_start().starts_with(b"{") => Format::Yaml,
        format => format,
    }
}

//! `hecate-seal reseal`: SealedSecrets of files and whole trees, sealed again for the newest key, in place.
//!
//! With private keys at hand this is done here, for the certificate of each file's folder, and items that are sealed for that key already
//! keep their bytes: a second run changes nothing. Without them the controller does it, which seals everything anew. Either way only
//! the sealed values of a file change, every other byte stays, and a file is replaced whole or not at all (`file`(mod@file)). One file that
//! fails does not keep the others from being resealed.

mod by;
mod file;

pub(in crate::cli::commands) use file::{UTF16, is_utf16};

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use super::super::args::{Format, PrivateKeyArgs};
use super::super::online::ControllerArgs;
use crate::cli::io::read::MAX_DOCUMENT;
use crate::cli::io::replace::{Privacy, Target};
use crate::cli::report::{Exit, Failure, Outcome};
use crate::cli::{Io, inputs, output, parallel, tree};
use by::By;
use file::{Changes, Parsed};

/// Arguments of `reseal`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ResealArgs {
    /// Files and directories; without any: this directory. What .gitignore excludes is passed over
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Open with these, here; without any the controller seals again.
    #[command(flatten)]
    pub keys: PrivateKeyArgs,
    /// With private keys: the newest certificate, instead of the one that .hecate-seal.yaml names for each directory [env: HECATE_SEAL_CERT]
    #[arg(long, value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
    pub cert: Option<String>,
    /// Say what would change, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How to print what was done
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Which controller, without private keys.
    #[command(flatten)]
    pub controller: ControllerArgs,
}

const EXAMPLES: &str = "\
Only sealed values change: comments, order and quoting stay. Each file is replaced whole or not at all; when one fails the others are still resealed, and the exit code is 1.

With private keys nothing leaves this machine, and items that the newest key opens already stay as they are. Without them the controller opens and seals (rotate): it seals everything anew, so every file changes, at the pace that the controller allows.

Examples:
  hecate-seal reseal --dry-run
  hecate-seal reseal clusters/ -p keys.yaml
  hecate-seal reseal apps/web/sealed-secret.yaml --context prod";

/// What happened to one file.
struct Report {
    name: String,
    result: Result<Changes, Failure>,
}

/// Runs the command.
///
/// # Errors
/// When keys, certificate or controller cannot be had, or a folder not be read. A file that fails is reported, with exit code 1.
pub fn run(args: &ResealArgs, io: &mut Io) -> Outcome {
    let keyring = inputs::private_keys(&args.keys, io)?;
    let mut by = By::new(args, keyring, io)?;
    let files = files(&args.paths, io)?;
    let mut failures = Vec::new();
    let mut reports = Vec::new();
    let mut parsed = Vec::new();
    for path in files {
        let name = shown(&path, io);
        match Parsed::read(&path, &name) {
            Ok(None) => {}
            Ok(Some(file)) => {
                file.notes.iter().for_each(|note| io.warn(note));
                parsed.push(file);
            }
            Err(failure) => reports.push(Report { name, result: Err(failure) }),
        }
    }
    by.prepare(&parsed, io)?;
    if parsed.is_empty() && reports.is_empty() {
        io.warn("there is no SealedSecret here");
    }
    // Opening is the work of private keys and runs on all cores; a controller is asked for one thing at a time.
    let changed = match &by {
        By::Keys(keys) => parallel::map(&parsed, |file| file.change(&mut |object| keys.reseal(object, &file.path))),
        By::Controller(controller) => {
            let one = |file: &Parsed| file.change(&mut |object| by::ask(controller, object));
            parsed.iter().map(one).collect()
        }
    };
    for (file, changes) in parsed.into_iter().zip(changed) {
        let result = changes.and_then(|changes| if args.dry_run { Ok(changes) } else { write(&file, changes) });
        reports.push(Report { name: file.name, result });
    }
    reports.sort_by(|one, other| one.name.cmp(&other.name));
    print(args, &reports, io)?;
    failures.extend(reports.into_iter().filter_map(|report| report.result.err()));
    let mut failures = failures.into_iter();
    match failures.next() {
        None => Ok(Exit::DONE),
        Some(first) => Err(failures.fold(first, Failure::and)),
    }
}

/// Puts the new text in the file's place, if the file still is what was read.
fn write(file: &Parsed, changes: Changes) -> Result<Changes, Failure> {
    if let Some(text) = &changes.text {
        let failed = |error: crate::cli::io::replace::ReplaceError| error.at(Path::new(&file.name));
        let target = Target::open(&file.path, MAX_DOCUMENT).map_err(failed)?;
        if target.content() != Some(file.text.as_bytes()) {
            return Err(failed(crate::cli::io::replace::ReplaceError::Changed));
        }
        target.replace(text.as_bytes(), Privacy::Shared).map_err(failed)?;
    }
    Ok(changes)
}

/// Every file that may hold manifests, each once.
fn files(paths: &[PathBuf], io: &mut Io) -> Result<Vec<PathBuf>, Failure> {
    let here = [PathBuf::from(".")];
    let mut files = Vec::new();
    for path in if paths.is_empty() { &here } else { paths } {
        let found = tree::manifests(path, io)?;
        files.extend(found);
    }
    files.sort();
    files.dedup();
    Ok(files)
}

/// The path as the user sees it.
fn shown(path: &Path, io: &Io) -> String {
    let path = path.strip_prefix(&io.cwd).unwrap_or(path);
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

fn print(args: &ResealArgs, reports: &[Report], io: &mut Io) -> Result<(), Failure> {
    let (mut changed, mut kept, mut failed) = (0, 0, 0);
    let mut list = Vec::new();
    for Report { name, result } in reports {
        let Ok(changes) = result else {
            failed += 1;
            list.push(json!({ "file": name, "failed": true }));
            continue;
        };
        if changes.objects.is_empty() {
            continue;
        }
        changed += usize::from(changes.text.is_some());
        kept += usize::from(changes.text.is_none());
        for object in &changes.objects {
            let will = if args.dry_run { "would be resealed" } else { "resealed" };
            let line = match (object.changed.len(), object.kept) {
                (0, kept) => format!("unchanged, {} under the newest key already", items(kept)),
                (changed, 0) => format!("{} {will}", items(changed)),
                (changed, kept) => format!("{} {will}, {kept} under the newest key already", items(changed)),
            };
            if args.format == Format::Text {
                io.stdout.line(format!("{name}: {}: {line}", object.name))?;
            }
            list.push(json!({ "file": name, "object": object.name, "resealed": object.changed, "kept": object.kept }));
        }
    }
    if args.format == Format::Json {
        output::json(&Value::Array(list), io)?;
    }
    let would = if args.dry_run { " would be" } else { "" };
    let failures = if failed == 0 { String::new() } else { format!(", {failed} failed") };
    io.note(format!(
        "{}{would} changed, {kept} unchanged{failures}",
        if changed == 1 { "1 file".to_owned() } else { format!("{changed} files") }
    ));
    Ok(())
}

fn items(count: usize) -> String {
    if count == 1 { "1 item".to_owned() } else { format!("{count} items") }
}

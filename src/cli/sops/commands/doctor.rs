//! `doctor`: is this repository in order? The rules, the identities at hand, every encrypted file, and plaintext where a rule wants
//! none. Problems end with exit code 1. No value is shown.

use std::path::{Path, PathBuf};

use super::tree::{Found, find};
use crate::cli::sops::session::Session;
use crate::cli::sops::sources::Identities;
use crate::cli::{Exit, Failure, Outcome};
use crate::sops::document::{Encrypted, Format};

/// `doctor [DIRECTORY…]`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    let mut problems = 0_usize;
    let mut out = String::new();
    let rules = match session.config()? {
        Some(config) => {
            out += &format!("rules: {}\n", config.path.display());
            config.rules.count()
        }
        None => {
            out += "rules: none, there is no .sops.yaml in this directory or above\n";
            0
        }
    };
    let identities = Identities::collect(session.io);
    out += "identities:\n";
    for line in crate::cli::sops::sources::report(identities.sources.iter()).lines().filter(|line| !line.trim().is_empty()) {
        out += &format!("  {}\n", line.trim());
    }
    if identities.all.is_empty() {
        out += "  none was found: no file can be opened\n";
    }
    let folders: Vec<PathBuf> = match session.local.args.as_slice() {
        [] => vec![session.io.cwd.clone()],
        named => named.iter().map(|name| session.absolute(name)).collect(),
    };
    let mut used = vec![false; rules];
    out += "files:\n";
    for file in find(session, &folders)? {
        let Found { path, encrypted, rule } = file;
        if let Some(rule) = rule.as_ref().and_then(|rule| used.get_mut(rule.rule)) {
            *rule = true;
        }
        let shown = session.io.shown(&path);
        if encrypted {
            match opens(session, &path, &shown) {
                Ok(()) => out += &format!("  ok         {shown}\n"),
                Err(failure) => {
                    problems += 1;
                    let first = failure.one_line().lines().next().unwrap_or_default().to_owned();
                    out += &format!("  cannot open {shown}: {first}\n");
                }
            }
        } else if let Some(rule) = rule {
            problems += 1;
            out += &format!("  plaintext  {shown}: creation rule {} wants it encrypted\n", rule.rule + 1);
        }
    }
    for (at, _) in used.iter().enumerate().filter(|(_, used)| !**used) {
        out += &format!("rule {} matches no file here\n", at + 1);
    }
    session.io.stdout.put(out)?;
    if problems > 0 {
        let what = if problems == 1 { "1 problem was".to_owned() } else { format!("{problems} problems were") };
        return Err(Failure::new(format_args!("{what} found")));
    }
    Ok(Exit::DONE)
}

fn opens(session: &mut Session<'_>, path: &Path, shown: &str) -> Result<(), Failure> {
    let format: Format = session.input_format(path);
    let text = session.read(&crate::cli::sops::file::Input::File(path.to_owned()))?;
    Encrypted::load(format, &text)?;
    let loaded = session.load(text, format, shown)?;
    session.open_to_read(loaded, shown).map(|_| ())
}

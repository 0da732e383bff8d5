//! The recordings in `docs/recordings`: what the programs print when they are used, played again by the tests.
//!
//! A recording holds lines of explanation (`# …`), commands (`$ …`, continued by `> …`) and what each printed, with `[exit N]`
//! where that is not 0. [`play`] runs the commands and compares; with `HECATE_UPDATE=1` it writes the file anew, so that only
//! explanations and commands are ever written by hand. What differs from run to run stands as a placeholder ([`masked`]).

use std::path::Path;

use super::console::Stage;
use super::{assert_same, root};

/// A part of a recording that is written by hand.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// A line of explanation.
    Said(String),
    /// A command, of one line or more.
    Typed(String),
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut continues = false;
    for line in text.lines() {
        if let Some(command) = line.strip_prefix("$ ") {
            parts.push(Part::Typed(command.to_owned()));
            continues = true;
        } else if let (true, Some(more), Some(Part::Typed(command))) = (continues, line.strip_prefix("> "), parts.last_mut()) {
            command.push('\n');
            command.push_str(more);
        } else {
            continues = false;
            if line == "#" || line.starts_with("# ") {
                parts.push(Part::Said(line.to_owned()));
            }
        }
    }
    parts
}

/// Plays `docs/recordings/NAME.txt`; after each command `after` is told of it. Gives the number of commands.
///
/// # Panics
/// When a command prints or ends otherwise than recorded.
pub fn play(name: &str, stage: &Stage, after: &mut dyn FnMut(&str)) -> usize {
    let path = root().join("docs/recordings").join(format!("{name}.txt"));
    let old = std::fs::read_to_string(&path).unwrap();
    let mut new = String::new();
    let mut commands = 0;
    for part in parts(&old) {
        match part {
            Part::Said(line) => {
                if !new.is_empty() && !new.lines().last().unwrap_or_default().starts_with('#') {
                    new.push('\n');
                }
                new.push_str(&line);
                new.push('\n');
            }
            Part::Typed(command) => {
                new.push_str(&format!("$ {}\n", command.replace('\n', "\n> ")));
                let (code, printed) = stage.run(&command);
                let printed = masked(&printed, stage.folder);
                for line in printed.lines() {
                    let taken = ["# ", "$ ", "> "].iter().any(|mark| line.starts_with(mark));
                    assert!(!taken, "{name}: $ {command}\nprinted a line that a recording cannot hold: {line}");
                    new.push_str(line.trim_end());
                    new.push('\n');
                }
                match code {
                    Some(0) => (),
                    Some(code) => new.push_str(&format!("[exit {code}]\n")),
                    None => panic!("{name}: $ {command}\nwas ended by a signal"),
                }
                after(&command);
                commands += 1;
            }
        }
    }
    if std::env::var_os("HECATE_UPDATE").is_some() {
        std::fs::write(&path, &new).unwrap();
    } else {
        assert_same(&old, &new, &format!("docs/recordings/{name}.txt (HECATE_UPDATE=1 writes it anew)"));
    }
    commands
}

/// A text with what differs from run to run replaced: the folder by `~`, sealed and encrypted values, fingerprints, hashes, dates and
/// times, random ends of names.
fn masked(text: &str, folder: &Path) -> String {
    let text = text.replace(&folder.display().to_string(), "~");
    let text = between(&text, "ENC[AES256_GCM,", "]", "ENC[<encrypted>]");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(start) = rest.find(word) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !word(c)).unwrap_or(from.len());
        let (run, after) = from.split_at(end);
        out.push_str(before);
        out.push_str(&placeholder(run));
        rest = after;
    }
    out + rest
}

fn word(c: char) -> bool {
    c.is_ascii_alphanumeric() || "+/=:-$.".contains(c)
}

/// What stands for a word.
fn placeholder(word: &str) -> String {
    let digits = |text: &str, form: &str| {
        text.len() >= form.len()
            && form.bytes().zip(text.bytes()).all(|(f, t)| if f == b'0' { t.is_ascii_digit() } else { f == t })
    };
    let fingerprint = word.find("SHA256:").filter(|at| word.len() - at == 50);
    if word.len() > 340 && word.starts_with(['A', 'B']) {
        "<sealed>".to_owned()
    } else if let Some(at) = fingerprint {
        format!("{}SHA256:<fingerprint>", &word[..at])
    } else if word.len() == 60 && word.starts_with("$2") {
        "<hash>".to_owned()
    } else if digits(word, "0000-00-00T00:00:00Z") {
        format!("<time>{}", &word[20..])
    } else if digits(word, "0000-00-00") && word.len() <= 11 {
        format!("<date>{}", &word[10..])
    } else if let Some((before, _)) = word.split_once("sealed-secrets-key").filter(|(_, end)| end.len() == 5) {
        format!("{before}sealed-secrets-key?????")
    } else {
        word.to_owned()
    }
}

/// Replaces everything from `start` to the next `end`.
fn between(text: &str, start: &str, end: &str, by: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once(start) {
        let Some((_, after)) = from.split_once(end) else { break };
        out.push_str(before);
        out.push_str(by);
        rest = after;
    }
    out + rest
}

#[cfg(test)]
#[allow(unused_imports, reason = "a bench without a harness drops the tests and keeps the module")]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_explanations_and_commands() {
        let text = "# one\n# two\n$ a <<END\n> b\nprinted\n> not a command\n[exit 1]\n\n# three\n$ c\n";
        let said = |line: &str| Part::Said(line.to_owned());
        let typed = |line: &str| Part::Typed(line.to_owned());
        assert_eq!(parts(text), [said("# one"), said("# two"), typed("a <<END\nb"), said("# three"), typed("c")]);
    }

    #[test]
    fn what_differs_is_replaced_and_nothing_else() {
        let sealed = format!("A{}", "x".repeat(400));
        let fingerprint = "A".repeat(43);
        let text = format!(
            "/t/x/a.yaml: {sealed} SHA256:{fingerprint}, 2026-11-21T10:00:00Z 2027-01-01, secret/sealed-secrets-keyab1cd k: ENC[AES256_GCM,data:x] 1.2"
        );
        let expected =
            "~/a.yaml: <sealed> SHA256:<fingerprint>, <time> <date>, secret/sealed-secrets-key????? k: ENC[<encrypted>] 1.2";
        assert_eq!(masked(&text, Path::new("/t/x")), expected);
    }
}

//! What was typed. Types for clap only: what it means is decided in [`super::settings`] and in each command.
//!
//! The doc comments here are the help texts. A first word that is no verb is a key: `hecate-seal KEY …` is
//! `hecate-seal value KEY …`.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};

/// Seal Kubernetes secrets for git: only your cluster can open them.
#[derive(Debug, Parser)]
#[command(
    name = "hecate-seal",
    bin_name = "hecate-seal",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true,
    override_usage = "hecate-seal [OPTIONS] KEY [VALUE]\n       hecate-seal [OPTIONS] <COMMAND> …",
    after_help = EXAMPLES
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub common: Common,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  hecate-seal init                          write a first .hecate-seal.yaml from what is here
  hecate-seal ANTHROPIC_API_KEY             ask for the value, seal it, put it into the file
  pass show api | hecate-seal API_KEY       the value from another program
  hecate-seal DB_USER=app DB_PASSWORD=…     several at once

Exit codes: 0 done; 1 it failed, or problems were found; 2 the command line or the settings are wrong.";

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// Run as if started in this directory
    #[arg(short = 'C', long, global = true, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Print errors and warnings only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Also print where every setting comes from
    #[arg(short, long, global = true)]
    pub verbose: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Seal one value, or several, into a SealedSecret file
    Value(ValueArgs),
}

/// Where sealed values go and whose key they are sealed for. Flags win over variables, variables over `.hecate-seal.yaml`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Target (flag, then environment, then .hecate-seal.yaml)")]
pub struct TargetArgs {
    /// Certificate to seal with: a PEM file or an https:// URL [env: HECATE_SEAL_CERT]
    #[arg(long, value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
    pub cert: Option<String>,
    /// SealedSecret file that the value goes into, made if absent [env: HECATE_SEAL_FILE]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Name of the Secret [env: HECATE_SEAL_NAME]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Namespace of the Secret [env: HECATE_SEAL_NAMESPACE]
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// What the value is bound to: strict (namespace and name), namespace-wide, cluster-wide [env: HECATE_SEAL_SCOPE]
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,
}

/// Arguments of `value`.
#[derive(Args, Debug)]
#[command(
    override_usage = "hecate-seal [value] [OPTIONS] KEY [VALUE]\n       hecate-seal [value] [OPTIONS] KEY=VALUE …\n       hecate-seal [value] --from-env [OPTIONS] KEY …",
    after_help = VALUE_EXAMPLES
)]
pub struct ValueArgs {
    /// Key and value. Without a value: asked for on a terminal (without echo), else read from standard input
    #[arg(required = true, value_name = "KEY [VALUE]", help_heading = None)]
    pub words: Vec<OsString>,
    /// Take the value from the environment variable named KEY, or from VARIABLE
    #[arg(long, value_name = "VARIABLE", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with = "from_file")]
    pub from_env: Option<String>,
    /// Take the value from a file, every byte of it; `-` is standard input
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub from_file: Option<PathBuf>,
    /// Leave keys alone that the file has already
    #[arg(long)]
    pub if_absent: bool,
    /// Print the sealed item, write no file
    #[arg(long, conflicts_with = "if_absent")]
    pub print: bool,
    /// Drop one line break from the end of the value
    #[arg(long)]
    pub trim_newline: bool,
    /// Accept an empty value
    #[arg(long)]
    pub allow_empty: bool,
    /// Seal a value that looks sealed already
    #[arg(long)]
    pub force: bool,
    /// Where it goes.
    #[command(flatten)]
    pub target: TargetArgs,
}

const VALUE_EXAMPLES: &str = "\
The value goes into one SealedSecret of the file; every other byte of the file stays as it is. Sealing is randomised: the
same value sealed again gives other bytes, and git shows a change. Use --if-absent where only missing keys matter.

Standard input and files are taken byte for byte. `echo v |` ends with a line break, and it becomes part of the value:
there is a warning then; use `printf %s v |` or --trim-newline. What is typed at the prompt has no line break.

A value on the command line stays in the shell's history; prefer the prompt, a pipe or --from-env. A value that begins
with `-` goes behind `--`. A key that is also a verb: hecate-seal value KEY.

Examples:
  hecate-seal ANTHROPIC_API_KEY
  hecate-seal ANTHROPIC_API_KEY --from-env
  hecate-seal GOOGLE_API_KEY --from-env=GEMINI_API_KEY
  hecate-seal tls.key --from-file key.pem --file apps/web/sealed-secret.yaml
  hecate-seal TOKEN --print --cert pub.pem --name app --namespace web < token";

/// The words with `value` put in front where a key stands in the place of a verb. `verbs` are those that exist.
#[must_use]
pub fn with_verb(words: &[OsString], verbs: &[&str]) -> Vec<OsString> {
    let mut rest = words.iter();
    let first = loop {
        match rest.next().map(OsString::as_os_str).and_then(OsStr::to_str) {
            Some("-q" | "--quiet" | "-v" | "--verbose") => {}
            Some("-C" | "--directory") => _ = rest.next(),
            Some(word) if word.starts_with("--directory=") || (word.starts_with("-C") && word.len() > 2) => {}
            other => break other,
        }
    };
    let is_verb = match first {
        None => rest.len() == 0 && words.iter().all(|word| word.to_str().is_some_and(|word| word.starts_with('-'))),
        Some("-h" | "--help" | "-V" | "--version" | "help") => true,
        Some(word) => verbs.contains(&word),
    };
    let verb = (!is_verb).then(|| OsString::from("value"));
    verb.into_iter().chain(words.iter().cloned()).collect()
}

/// The verb that a word was probably meant to be: one letter off, for words long enough that this is no coincidence.
#[must_use]
pub fn probably_meant<'v>(word: &str, verbs: &[&'v str]) -> Option<&'v str> {
    /// `key` and `keys` are both good names of a key.
    const LONG_ENOUGH: usize = 4;
    let close = |verb: &&&str| word.len() >= LONG_ENOUGH && **verb != word && one_edit_apart(word.as_bytes(), verb.as_bytes());
    verbs.iter().find(close).copied()
}

/// Whether one insertion, deletion, replacement or swap of neighbours turns `a` into `b`.
fn one_edit_apart(a: &[u8], b: &[u8]) -> bool {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(start..).unwrap_or_default(), b.get(start..).unwrap_or_default());
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(..a.len() - end).unwrap_or_default(), b.get(..b.len() - end).unwrap_or_default());
    match (a, b) {
        ([x, y], [z, w]) => x == w && y == z,
        _ => a.len() <= 1 && b.len() <= 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERBS: &[&str] = &["value", "seal", "unseal", "cert", "keys", "init", "verify"];

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn a_word_that_is_no_verb_is_a_key() {
        assert_eq!(with_verb(&words("KEY v"), VERBS), words("value KEY v"));
        assert_eq!(with_verb(&words("-q -C x KEY v"), VERBS), words("value -q -C x KEY v"));
        assert_eq!(with_verb(&words("--cert c KEY"), VERBS), words("value --cert c KEY"));
        assert_eq!(with_verb(&words("-- KEY"), VERBS), words("value -- KEY"));
        for ours in ["", "seal x", "-v seal", "--directory=a cert", "-Cx cert", "--help", "-V", "help", "value seal"] {
            assert_eq!(with_verb(&words(ours), VERBS), words(ours), "{ours}");
        }
    }

    #[test]
    fn a_slip_of_one_letter_is_noticed_and_common_keys_are_not() {
        for (word, verb) in [("unsael", "unseal"), ("veryfy", "verify"), ("seals", "seal"), ("ceert", "cert")] {
            assert_eq!(probably_meant(word, VERBS), Some(verb), "{word}");
        }
        for key in ["key", "token", "password", "SEAL", "unseal", "API_KEY", "user"] {
            assert_eq!(probably_meant(key, VERBS), None, "{key}");
        }
    }

    #[test]
    fn clap_finds_no_contradiction() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}

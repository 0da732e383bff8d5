//! Where a secret value comes from: the command line, the prompt, standard input, a file, the environment.
//!
//! Bytes are taken as they are, as `kubeseal --raw` and `kubectl --from-file` do: a value may be binary, and nobody but its
//! owner knows whether a last line break belongs to it. Since `echo value |` adds one by accident, a single line that ends with
//! one is warned about.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use super::io::read;
use super::report::{Context, Failure};
use super::{Io, names};
use crate::secret::SecretBytes;

/// How the value of one key is got.
#[derive(Debug)]
pub enum Source {
    /// Typed as an argument.
    Argument(SecretBytes),
    /// The prompt on a terminal, standard input otherwise.
    Ask,
    /// The environment variable of this name.
    Variable(String),
    /// A file, or standard input for `-`.
    File(std::path::PathBuf),
}

/// A key and where its value comes from.
#[derive(Debug)]
pub struct Request {
    /// Key of the item.
    pub key: String,
    /// Where its value comes from.
    pub source: Source,
}

/// Reads `KEY`, `KEY VALUE` or `KEY=VALUE …`.
///
/// # Errors
/// Words that fit none of these, a key that is none, a key twice. Exit code 2. No message holds a value.
pub fn requests(words: Vec<OsString>, from_env: Option<&str>, from_file: Option<&Path>) -> Result<Vec<Request>, Failure> {
    let from_elsewhere = from_env.is_some() || from_file.is_some();
    let mut requests = Vec::new();
    if from_elsewhere && words.iter().any(has_equals) {
        let option = if from_env.is_some() { "--from-env" } else { "--from-file" };
        return Err(Failure::usage(format_args!("KEY=VALUE and {option} exclude each other")));
    }
    if let Some(variable) = from_env {
        if !variable.is_empty() && words.len() > 1 {
            return Err(Failure::usage("--from-env=VARIABLE takes one key").with_hint("without `=VARIABLE` it takes several"));
        }
        for word in words {
            let key = key(word)?;
            let name = if variable.is_empty() { key.clone() } else { variable.to_owned() };
            requests.push(Request { key, source: Source::Variable(name) });
        }
    } else if words.first().is_some_and(has_equals) {
        for word in words {
            let (name, value) = split(word)?;
            requests.push(Request { key: key(name)?, source: Source::Argument(value) });
        }
    } else {
        let mut words = words.into_iter();
        let first = words.next().ok_or_else(|| Failure::usage("a key is missing"))?;
        let value = words.next();
        if words.next().is_some() || (value.is_some() && from_elsewhere) {
            return Err(Failure::usage("too many words after the key (not shown: they may be secret)").with_hint(
                "one value: hecate-seal KEY VALUE; several: hecate-seal KEY=VALUE KEY=VALUE; quote a value with blanks",
            ));
        }
        let source = match (value, from_file) {
            (Some(value), _) => Source::Argument(SecretBytes::new(value.into_encoded_bytes())),
            (None, Some(path)) => Source::File(path.to_owned()),
            (None, None) => Source::Ask,
        };
        requests.push(Request { key: key(first)?, source });
    }
    for (index, request) in requests.iter().enumerate() {
        if requests.iter().skip(index + 1).any(|other| other.key == request.key) {
            return Err(Failure::usage(format_args!("the key `{}` is given twice", request.key)));
        }
    }
    Ok(requests)
}

fn has_equals(word: impl AsRef<OsStr>) -> bool {
    word.as_ref().as_encoded_bytes().contains(&b'=')
}

/// `KEY=VALUE` at its first `=`. The value may be any bytes.
fn split(word: OsString) -> Result<(OsString, SecretBytes), Failure> {
    let bytes = SecretBytes::new(word.into_encoded_bytes());
    let mut parts = bytes.expose().splitn(2, |byte| *byte == b'=');
    let (name, value) = (parts.next().unwrap_or_default(), parts.next());
    let Some(value) = value else {
        return Err(Failure::usage("after KEY=VALUE every word must be KEY=VALUE; one has no `=` (not shown: it may be secret)"));
    };
    Ok((String::from_utf8_lossy(name).into_owned().into(), SecretBytes::copy_of(value)))
}

fn key(word: OsString) -> Result<String, Failure> {
    let key = word.to_string_lossy().into_owned();
    names::check_key(&key)?;
    Ok(key)
}

/// Gets the value of a request.
///
/// # Errors
/// When it cannot be read, or is larger than a Secret may be.
pub fn get(request: &Request, io: &mut Io) -> Result<SecretBytes, Failure> {
    let key = &request.key;
    let unreadable = || format!("cannot read the value of {key}");
    let value = match &request.source {
        Source::Argument(value) => value.clone(),
        Source::Variable(name) => {
            let value =
                io.env.raw(name).ok_or_else(|| Failure::new(format_args!("the environment variable {name} is not set")))?;
            SecretBytes::new(value.into_encoded_bytes())
        }
        Source::File(path) if path.as_os_str() != "-" => {
            let bytes = read::file(&io.path(path), read::MAX_VALUE);
            let mut bytes = bytes.context(|| path.display()).context(unreadable)?;
            SecretBytes::new(std::mem::take(&mut *bytes))
        }
        Source::Ask if io.stdin_is_terminal => (io.ask)(&format!("value of {key} (not shown): ")).context(unreadable)?.into(),
        Source::File(_) | Source::Ask => {
            let mut bytes = read::stream(&mut io.stdin, read::MAX_VALUE).context(|| "standard input").context(unreadable)?;
            SecretBytes::new(std::mem::take(&mut *bytes))
        }
    };
    if value.len() as u64 > read::MAX_VALUE {
        return Err(Failure::new("it is larger than 1 MiB")
            .wrap(unreadable())
            .with_hint("a Kubernetes Secret holds 1 MiB in all"));
    }
    Ok(value)
}

/// The value without its last line break (`\n` or `\r\n`), if it ends with one.
#[must_use]
pub fn without_last_newline(value: &SecretBytes) -> SecretBytes {
    let bytes = value.expose();
    let bytes = bytes.strip_suffix(b"\n").map_or(bytes, |rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    SecretBytes::copy_of(bytes)
}

/// Whether the value is one line of text with a line break after it: the mark of `echo`.
#[must_use]
pub fn looks_echoed(value: &SecretBytes) -> bool {
    value.expose().strip_suffix(b"\n").is_some_and(|line| !line.is_empty() && !line.contains(&b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = Vec<(String, Option<Vec<u8>>)>;

    fn parse(words: &[&str]) -> Result<Pairs, Failure> {
        let requests = requests(words.iter().map(Into::into).collect(), None, None)?;
        let shown = |request: Request| match request.source {
            Source::Argument(value) => (request.key, Some(value.expose().to_vec())),
            _ => (request.key, None),
        };
        Ok(requests.into_iter().map(shown).collect())
    }

    #[test]
    fn one_key_or_a_pair_or_many_with_equals() {
        assert_eq!(parse(&["K"]).unwrap(), [("K".into(), None)]);
        assert_eq!(parse(&["K", "a=b"]).unwrap(), [("K".into(), Some(b"a=b".to_vec()))]);
        assert_eq!(parse(&["K=a=b", "L="]).unwrap(), [("K".into(), Some(b"a=b".to_vec())), ("L".into(), Some(vec![]))]);
    }

    #[test]
    fn no_message_repeats_what_may_be_a_value() {
        let long = format!("sk-{}/{}", "x".repeat(40), "y".repeat(40));
        for words in [&["K", "canary", "canary"][..], &["K=1", "canary"], &["K=canary", "K=canary"], &[&long]] {
            let failure = parse(words).unwrap_err();
            assert_eq!(failure.exit(), super::super::Exit::USAGE);
            assert!(!failure.one_line().contains("canary") && !failure.one_line().contains("sk-"), "{}", failure.one_line());
        }
    }

    #[test]
    fn a_last_line_break_is_seen_and_can_be_dropped() {
        let bytes = |text: &str| SecretBytes::copy_of(text.as_bytes());
        assert!(looks_echoed(&bytes("v\n")) && looks_echoed(&bytes("v\r\n")));
        assert!(!looks_echoed(&bytes("v")) && !looks_echoed(&bytes("a\nb\n")) && !looks_echoed(&bytes("\n")));
        assert_eq!(without_last_newline(&bytes("v\r\n")), bytes("v"));
        assert_eq!(without_last_newline(&bytes("v\n\n")), bytes("v\n"));
        assert_eq!(without_last_newline(&bytes("v")), bytes("v"));
    }
}

//! A command line read as pflag reads it (`sealed-secrets.md` §2.1, §2.2).
//!
//! Flags and other words may be mixed and the other words are ignored; `--flag=value`, `--flag value`, `-fvalue`, `-f=value`,
//! `-f value`; the last of several wins, except that lists add up, first those of the environment. A variable with a value that
//! does not fit is ignored; an empty one sets the flag to empty.

use std::collections::{BTreeMap, BTreeSet};
use std::num::IntErrorKind;

use super::flags::{FLAGS, Flag, Kind};
use crate::cli::env::Env;
use crate::seal::Scope;

/// What was given, by the name of the flag.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    single: BTreeMap<&'static str, String>,
    lists: BTreeMap<&'static str, Vec<String>>,
    given: BTreeSet<&'static str>,
    /// Lines about deprecated flags, for stdout.
    pub(super) notices: Vec<String>,
}

/// Why the command line cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// `-h`: not an error, but nothing else happens.
    Help,
    /// A message for stdout, above and below the usage text.
    Wrong(String),
}

impl Parsed {
    /// The text of a flag; its default if nothing was given.
    pub(super) fn text(&self, name: &str) -> &str {
        self.single.get(name).map_or_else(|| find(name).map_or("", |flag| flag.default), String::as_str)
    }

    /// Whether a boolean flag is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// All values of a list flag.
    pub(super) fn list(&self, name: &str) -> &[String] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether the flag was given on the command line or by its variable.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.given.contains(name)
    }

    fn set(&mut self, flag: &Flag, value: &str) -> Result<(), String> {
        let name = flag.deprecated.map_or(flag.name, |(by, _)| by);
        match flag.kind {
            Kind::List => self.lists.entry(name).or_default().extend(read_csv(value)?),
            Kind::Array => self.lists.entry(name).or_default().push(value.to_owned()),
            kind => _ = self.single.insert(name, check(kind, value)?),
        }
        self.given.insert(name);
        Ok(())
    }
}

fn find(name: &str) -> Option<&'static Flag> {
    FLAGS.iter().find(|flag| flag.name == name)
}

/// Reads the environment, then the words after the program's name.
pub(super) fn parse(words: &[String], env: &Env) -> (Parsed, Result<(), Stop>) {
    let mut parsed = Parsed::default();
    for flag in FLAGS {
        let value = flag.variable().and_then(|name| env.raw(&name)).and_then(|value| value.into_string().ok());
        if let Some(value) = value {
            // A value that does not fit is no value, as in the peer.
            _ = parsed.set(flag, &value);
        }
    }
    let result = parse_words(&mut parsed, words);
    (parsed, result)
}

fn parse_words(parsed: &mut Parsed, words: &[String]) -> Result<(), Stop> {
    let mut words = words.iter().map(String::as_str);
    while let Some(word) = words.next() {
        if word == "--" {
            break;
        }
        if let Some(long) = word.strip_prefix("--") {
            parse_long(parsed, word, long, &mut words)?;
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            parse_short(parsed, letters, &mut words)?;
        }
    }
    Ok(())
}

fn parse_long<'a>(parsed: &mut Parsed, word: &str, long: &'a str, words: &mut impl Iterator<Item = &'a str>) -> Result<(), Stop> {
    if long.starts_with(['-', '=']) {
        return Err(Stop::Wrong(format!("bad flag syntax: {word}")));
    }
    let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
    let flag = find(name).ok_or_else(|| Stop::Wrong(format!("unknown flag: --{name}")))?;
    let value = match value {
        Some(value) => value,
        None if flag.kind == Kind::Bool => "true",
        None => words.next().ok_or_else(|| Stop::Wrong(format!("flag needs an argument: {word}")))?,
    };
    apply(parsed, flag, value)
}

fn parse_short<'a>(parsed: &mut Parsed, mut letters: &'a str, words: &mut impl Iterator<Item = &'a str>) -> Result<(), Stop> {
    while let Some(letter) = letters.chars().next() {
        let rest = letters.get(letter.len_utf8()..).unwrap_or_default();
        let flag = FLAGS.iter().find(|flag| flag.shorthand.map(char::from) == Some(letter));
        let Some(flag) = flag else {
            let unknown = || Stop::Wrong(format!("unknown shorthand flag: {letter:?} in -{letters}"));
            return Err(if letter == 'h' { Stop::Help } else { unknown() });
        };
        // No flag with a letter is a boolean, so whatever follows the letter is its value. pflag takes `-f=` for the value `=`.
        let value = match rest.strip_prefix('=').filter(|value| !value.is_empty()) {
            Some(value) => value,
            None if !rest.is_empty() => rest,
            None => {
                let missing = || Stop::Wrong(format!("flag needs an argument: {letter:?} in -{letters}"));
                words.next().ok_or_else(missing)?
            }
        };
        apply(parsed, flag, value)?;
        letters = "";
    }
    Ok(())
}

fn apply(parsed: &mut Parsed, flag: &Flag, value: &str) -> Result<(), Stop> {
    parsed.set(flag, value).map_err(|reason| {
        let short = flag.shorthand.map_or(String::new(), |letter| format!("-{}, ", char::from(letter)));
        Stop::Wrong(format!("invalid argument {value:?} for {:?} flag: {reason}", format!("{short}--{}", flag.name)))
    })?;
    if let Some((_, advice)) = flag.deprecated {
        parsed.notices.push(format!("Flag --{} has been deprecated, {advice}\n", flag.name));
    }
    Ok(())
}

/// The value in its canonical form.
fn check(kind: Kind, value: &str) -> Result<String, String> {
    let number = |function: &str| format!("strconv.{function}: parsing {value:?}: invalid syntax");
    match kind {
        Kind::Bool => match value {
            "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok("true".to_owned()),
            "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok("false".to_owned()),
            _ => Err(number("ParseBool")),
        },
        Kind::Text | Kind::List | Kind::Array => Ok(value.to_owned()),
        Kind::Scope => match value.parse::<Scope>() {
            Ok(scope) => Ok(scope.as_str().to_owned()),
            Err(_) => Err("must be one of: strict, namespace-wide, cluster-wide".to_owned()),
        },
        Kind::Namespace => {
            let prefixes = ["namespaces/", "namespace/", "ns/"];
            Ok(prefixes.iter().find_map(|prefix| value.strip_prefix(prefix)).unwrap_or(value).to_owned())
        }
        Kind::Severity if ["INFO", "WARNING", "ERROR", "FATAL"].iter().any(|name| value.eq_ignore_ascii_case(name)) => {
            Ok(value.to_owned())
        }
        Kind::Level | Kind::Severity => match value.parse::<i32>() {
            Ok(_) => Ok(value.to_owned()),
            Err(error) if matches!(error.kind(), IntErrorKind::PosOverflow | IntErrorKind::NegOverflow) => {
                Err(format!("strconv.ParseInt: parsing {value:?}: value out of range"))
            }
            Err(_) => Err(number("ParseInt")),
        },
        Kind::Uint => value.parse::<u64>().map(|_| value.to_owned()).map_err(|_| "parse error".to_owned()),
        Kind::TraceLocation => trace_location(value),
        Kind::ModuleSpec => module_spec(value),
    }
}

fn trace_location(value: &str) -> Result<String, String> {
    let syntax = || "syntax error: expect file.go:234".to_owned();
    if value.is_empty() {
        return Ok(String::new());
    }
    let (file, line) = value.split_once(':').filter(|(file, _)| file.contains('.')).ok_or_else(syntax)?;
    match line.parse::<i64>() {
        Ok(line) if line > 0 && !file.is_empty() => Ok(value.to_owned()),
        Ok(_) => Err("negative or zero value for level".to_owned()),
        Err(_) => Err(syntax()),
    }
}

fn module_spec(value: &str) -> Result<String, String> {
    let syntax = || "syntax error: expect comma-separated list of filename=N".to_owned();
    for part in value.split(',').filter(|part| !part.is_empty()) {
        let (pattern, level) = part.split_once('=').ok_or_else(syntax)?;
        match level.parse::<i64>() {
            Ok(level) if level < 0 => return Err("negative value for vmodule level".to_owned()),
            Ok(_) if !pattern.is_empty() => {}
            _ => return Err(syntax()),
        }
    }
    Ok(value.to_owned())
}

/// The first record of CSV text, as Go's `encoding/csv` reads it. Text without a record is an error there (`EOF`).
fn read_csv(value: &str) -> Result<Vec<String>, String> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    let line = value.trim_start_matches(['\n', '\r']);
    if line.is_empty() {
        return Err("EOF".to_owned());
    }
    let mut fields = Vec::new();
    let mut rest = line;
    loop {
        let column = line.len() - rest.len() + 1;
        let (field, after) = if let Some(quoted) = rest.strip_prefix('"') {
            quoted_field(quoted, column)?
        } else {
            let end = rest.find([',', '\n']).unwrap_or(rest.len());
            let (field, after) = rest.split_at(end);
            if let Some(at) = field.find('"') {
                return Err(format!("parse error on line 1, column {}: bare \" in non-quoted-field", column + at));
            }
            (field.trim_end_matches('\r').to_owned(), after)
        };
        fields.push(field);
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None => return Ok(fields),
        }
    }
}

/// A field after its opening quote, and what follows the closing one.
fn quoted_field(text: &str, column: usize) -> Result<(String, &str), String> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let Some(at) = rest.find('"') else {
            return Err(format!(
                "parse error on line 1, column {}: extraneous or missing \" in quoted-field",
                column + text.len() + 1
            ));
        };
        let (before, after) = rest.split_at(at);
        field.push_str(before);
        let after = after.get(1..).unwrap_or_default();
        match after.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None if after.is_empty() || after.starts_with([',', '\n']) => return Ok((field, after)),
            None => {
                let at = column + 1 + text.len() - after.len();
                return Err(format!("parse error on line 1, column {}: extraneous or missing \" in quoted-field", at - 1));
            }
        }
    }
}

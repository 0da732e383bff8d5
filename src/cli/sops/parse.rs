//! A command line read as sops reads it: Go's flags under urfave/cli (sops-age.md §3).
//!
//! `-x` and `--x` are the same; `--flag=value` and `--flag value`, `--switch` and `--switch=false`; the last of several wins, lists
//! add up, variables first; the first other word, or `--`, ends the flags. Behind a command, its flags may also stand after the other words
//! ([`flags_first`]); words that are no flag of it stay where they are.

use std::collections::BTreeMap;

use super::Style;
use super::flags::{Flag, Kind};
use super::table::Command;
use crate::cli::env::Env;
use crate::sops::go;

/// Why a command line cannot be read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stop(pub(super) String);

/// What was given, by the names of the flags, and the other words.
#[derive(Debug, Default, Clone)]
pub(super) struct Parsed {
    values: BTreeMap<&'static str, String>,
    lists: BTreeMap<&'static str, Vec<String>>,
    /// The words that are no flags.
    pub(super) args: Vec<String>,
}

impl Parsed {
    /// No words and no variables: what is on where nobody says otherwise is on.
    pub(super) fn unsaid() -> Self {
        Self { values: BTreeMap::from([("enable-local-keyservice", "true".to_owned())]), ..Self::default() }
    }

    /// The text of a flag; empty if nothing was given.
    pub(super) fn text(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// Whether a switch is on.
    pub(super) fn is_on(&self, name: &str) -> bool {
        self.text(name) == "true"
    }

    /// The number of a flag; 0 if nothing was given.
    pub(super) fn number(&self, name: &str) -> i64 {
        self.text(name).parse().unwrap_or(0)
    }

    /// All values of a list flag.
    pub(super) fn list(&self, name: &str) -> &[String] {
        self.lists.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether the flag or its variable was given.
    pub(super) fn is_given(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }
}

/// Reads the variables of the command's flags, then its words.
pub(super) fn parse(command: &Command, words: &[String], env: &Env, style: Style) -> (Parsed, Result<(), Stop>) {
    let mut parsed = Parsed::default();
    let result = variables(&mut parsed, command, env).and_then(|()| parse_words(&mut parsed, command, words, style));
    (parsed, result)
}

fn variables(parsed: &mut Parsed, command: &Command, env: &Env) -> Result<(), Stop> {
    for flag in command.all_flags() {
        if !flag.default.is_empty() {
            parsed.values.insert(flag.name, flag.default.to_owned());
        } else if flag.kind == Kind::On {
            parsed.values.insert(flag.name, "true".to_owned());
        }
        let value = (!flag.variable.is_empty()).then(|| env.raw(flag.variable)).flatten();
        let Some(value) = value.and_then(|value| value.into_string().ok()) else { continue };
        match flag.kind {
            Kind::Bool | Kind::On if value.is_empty() => {
                parsed.values.insert(flag.name, "false".to_owned());
            }
            Kind::Bool | Kind::On => {
                let on = go::parse_bool(&value);
                let wrong = || Stop(format!("could not parse {value} as bool value for flag {}: invalid syntax", flag.name));
                parsed.values.insert(flag.name, on.ok_or_else(wrong)?.to_string());
            }
            Kind::List => {
                parsed.lists.insert(flag.name, value.split(',').map(|item| item.trim().to_owned()).collect());
            }
            Kind::Text | Kind::Int => _ = parsed.values.insert(flag.name, value),
        }
    }
    Ok(())
}

fn parse_words(parsed: &mut Parsed, command: &Command, words: &[String], style: Style) -> Result<(), Stop> {
    let mut spelled: BTreeMap<&'static str, String> = BTreeMap::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let Some(dashed) = word.strip_prefix('-').filter(|dashed| !dashed.is_empty()) else {
            parsed.args.push(word.clone());
            break;
        };
        if dashed == "-" {
            break;
        }
        let text = dashed.strip_prefix('-').unwrap_or(dashed);
        if text.starts_with(['-', '=']) {
            return Err(Stop(format!("bad flag syntax: {word}")));
        }
        let (name, value) = text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value.to_owned())));
        let flag = find(command, name, style).ok_or_else(|| Stop(format!("flag provided but not defined: -{name}")))?;
        let value = match (flag.kind, value) {
            (Kind::Bool | Kind::On, value) => {
                let value = value.unwrap_or_else(|| "true".to_owned());
                let wrong = || Stop(format!("invalid boolean value {value:?} for -{name}: parse error"));
                go::parse_bool(&value).ok_or_else(wrong)?.to_string()
            }
            (kind, value) => {
                let missing = || Stop(format!("flag needs an argument: -{name}"));
                let value = value.or_else(|| rest.next().cloned()).ok_or_else(missing)?;
                if kind == Kind::Int {
                    let wrong = |reason| Stop(format!("invalid value {value:?} for flag -{name}: {reason}"));
                    integer(&value).map_err(wrong)?.to_string()
                } else {
                    value
                }
            }
        };
        if let Some(other) = spelled.insert(flag.name, name.to_owned()).filter(|other| other != name) {
            let (first, second) = if other == flag.name { (name, other.as_str()) } else { (other.as_str(), name) };
            return Err(Stop(format!("Cannot use two forms of the same flag: {first} {second}")));
        }
        if flag.kind == Kind::List {
            parsed.lists.entry(flag.name).or_default().push(value);
        } else {
            parsed.values.insert(flag.name, value);
        }
    }
    parsed.args.extend(rest.cloned());
    Ok(())
}

/// A number as Go writes them in source: decimal, `0x`, `0o`, `0b`, `0` for octal.
fn integer(text: &str) -> Result<i64, &'static str> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = [("0x", 16), ("0o", 8), ("0b", 2)]
        .into_iter()
        .find_map(|(prefix, radix)| Some((radix, lower.strip_prefix(prefix)?)))
        .unwrap_or(if lower.len() > 1 && lower.starts_with('0') { (8, &lower) } else { (10, &lower) });
    if digits.is_empty() || !digits.chars().all(|digit| digit.is_digit(radix)) {
        return Err("parse error");
    }
    let value = i64::from_str_radix(digits, radix).map_err(|_| "value out of range")?;
    Ok(if negative { -value } else { value })
}

fn find(command: &Command, name: &str, style: Style) -> Option<&'static Flag> {
    let known = |flag: &&Flag| style == Style::Ours || !flag.ours;
    command.all_flags().filter(known).find(|flag| flag.name == name || (flag.alias == name && !name.is_empty()))
}

/// The words behind a command with its flags in front, each with the word that follows it, as urfave/cli sorts them.
pub(super) fn flags_first(command: &Command, words: &[String], style: Style) -> Vec<String> {
    let is_flag = |word: &str| {
        let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-')).filter(|name| !name.is_empty());
        name.is_some_and(|name| find(command, name.split('=').next().unwrap_or_default(), style).is_some())
    };
    let (mut first, mut others) = (Vec::new(), Vec::new());
    let mut value_may_follow = false;
    for (at, word) in words.iter().enumerate() {
        if value_may_follow && !is_flag(word) {
            value_may_follow = false;
            first.push(word.clone());
        } else if word == "--" {
            others.insert(0, word.clone());
            others.extend(words.iter().skip(at + 1).cloned());
            break;
        } else if is_flag(word) {
            first.push(word.clone());
            value_may_follow = !word.contains('=');
        } else {
            others.push(word.clone());
        }
    }
    first.append(&mut others);
    first
}

#[cfg(test)]
mod tests {
    use super::super::table::APP;
    use super::*;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|word| (*word).to_owned()).collect()
    }

    fn app(text: &[&str]) -> (Parsed, Result<(), Stop>) {
        parse(&APP, &words(text), &Env::default(), Style::Sops)
    }

    #[test]
    fn flags_are_read_as_go_reads_them() {
        let (parsed, result) = app(&["-d", "--in-place=false", "--output", "x", "-indent=0x10", "--", "-f", "y"]);
        assert_eq!(result, Ok(()));
        assert!(parsed.is_on("decrypt") && !parsed.is_on("in-place") && parsed.is_given("in-place"));
        assert_eq!((parsed.text("output"), parsed.number("indent"), parsed.args.as_slice()), ("x", 16, &words(&["-f", "y"])[..]));
        let (parsed, _) = app(&["f", "-d"]);
        assert_eq!((parsed.args.as_slice(), parsed.is_on("decrypt")), (&words(&["f", "-d"])[..], false));
    }

    #[test]
    fn mistakes_have_gos_words() {
        for (text, message) in [
            (&["--nope"][..], "flag provided but not defined: -nope"),
            (&["-x=1"], "flag provided but not defined: -x"),
            (&["---x"], "bad flag syntax: ---x"),
            (&["--=x"], "bad flag syntax: --=x"),
            (&["--output"], "flag needs an argument: -output"),
            (&["--indent", "x"], "invalid value \"x\" for flag -indent: parse error"),
            (
                &["--indent", "99999999999999999999"],
                "invalid value \"99999999999999999999\" for flag -indent: value out of range",
            ),
            (&["-i=maybe"], "invalid boolean value \"maybe\" for -i: parse error"),
            (&["-i", "--in-place"], "Cannot use two forms of the same flag: i in-place"),
        ] {
            assert_eq!(app(text).1, Err(Stop(message.to_owned())), "{text:?}");
        }
    }

    #[test]
    fn variables_stand_for_flags_and_flags_win() {
        let env = Env::fixed([("SOPS_AGE_RECIPIENTS", "age1a"), ("SOPS_KEYSERVICE", "tcp://a, tcp://b"), ("SOPS_CONFIG", "c")]);
        let (parsed, _) = parse(&APP, &words(&["--keyservice", "tcp://c", "--config", "d"]), &env, Style::Sops);
        assert_eq!((parsed.text("age"), parsed.text("config")), ("age1a", "d"));
        assert_eq!(parsed.list("keyservice"), ["tcp://a", "tcp://b", "tcp://c"]);
        let (parsed, _) = parse(&APP, &[], &env, Style::Sops);
        assert_eq!(parsed.list("keyservice"), ["tcp://a", "tcp://b"]);
        assert!(parsed.is_on("enable-local-keyservice"));
        let (_, result) = parse(&APP, &[], &Env::fixed([("SOPS_ENABLE_LOCAL_KEYSERVICE", "maybe")]), Style::Sops);
        assert!(result.is_err());
    }

    #[test]
    fn behind_a_command_flags_may_follow_the_file() {
        let set = APP.command("set").unwrap();
        let sorted = flags_first(set, &words(&["f", "[\"a\"]", "--idempotent", "1", "--nope"]), Style::Sops);
        assert_eq!(sorted, words(&["--idempotent", "1", "f", "[\"a\"]", "--nope"]));
        let sorted = flags_first(set, &words(&["f", "--", "--idempotent"]), Style::Sops);
        assert_eq!(sorted, words(&["--", "f", "--idempotent"]));
    }

    #[test]
    fn a_flag_of_ours_is_unknown_to_sops() {
        let encrypt = APP.command("encrypt").unwrap();
        let given = |style| {
            let words = flags_first(encrypt, &words(&["f", "--explain"]), style);
            let (parsed, result) = parse(encrypt, &words, &Env::default(), style);
            (parsed.is_on("explain"), result)
        };
        assert_eq!(given(Style::Ours), (true, Ok(())));
        assert_eq!(given(Style::Sops), (false, Ok(())));
        let (_, result) = parse(encrypt, &words(&["--explain", "f"]), &Env::default(), Style::Sops);
        assert_eq!(result, Err(Stop("flag provided but not defined: -explain".to_owned())));
    }
}

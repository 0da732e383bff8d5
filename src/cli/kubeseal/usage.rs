//! The usage text, made from the table as pflag makes it.

use std::fmt::Write as _;

use super::flags::{FLAGS, Flag, Kind};

/// All flags with their help, aligned; deprecated ones are left out.
pub(super) fn flag_list() -> String {
    let shown = || FLAGS.iter().filter(|flag| flag.deprecated.is_none());
    let width = shown().map(|flag| head(flag).len()).max().unwrap_or(0);
    shown().fold(String::new(), |mut text, flag| {
        _ = writeln!(text, "{:width$}   {}{}", head(flag), flag.help, default(flag));
        text
    })
}

/// `  -o, --format string`
fn head(flag: &Flag) -> String {
    let mut head = match flag.shorthand {
        Some(letter) => format!("  -{}, --{}", char::from(letter), flag.name),
        None => format!("      --{}", flag.name),
    };
    let word = flag.kind.word();
    if !word.is_empty() {
        head += " ";
        head += word;
    }
    head
}

/// ` (default "json")`, or nothing where the default is what anyone expects.
fn default(flag: &Flag) -> String {
    match (flag.kind, flag.default) {
        (_, "") | (Kind::Bool, "false") => String::new(),
        (Kind::Text | Kind::Scope | Kind::Namespace, text) => format!(" (default {text:?})"),
        (_, text) => format!(" (default {text})"),
    }
}

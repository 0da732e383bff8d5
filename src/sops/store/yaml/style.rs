//! In which style go-yaml v3 writes a string, in block context and with lines of any length.
//!
//! Two differences, so that the text is always read back: text of several lines that begins with a tab is double-quoted, where
//! the reference loses it; so is text with U+0085, U+2028 or U+2029, which YAML 1.1 and 1.2 read differently.

use super::scalar::needs_quotes;
use crate::yaml::emitter::{Allowed, Tabs};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// The longest key in bytes that stands before its colon without `? `.
const MAX_SIMPLE_KEY: usize = 128;

/// Whether a key of this text stands on one line with its colon.
pub(super) fn is_simple_key(text: &str) -> bool {
    text.len() <= MAX_SIMPLE_KEY && !text.contains(['\n', '\u{2028}', '\u{2029}'])
}

/// How to write a text; `simple_key` where it stands before a colon on the same line.
pub(super) fn style_of(text: &str, simple_key: bool) -> Style {
    let allowed = Allowed::of(text, Tabs::InBlocks);
    if text.contains('\n') {
        let literal = allowed.block && !simple_key && !text.starts_with('\t');
        return if literal { Style::Literal } else { Style::DoubleQuoted };
    }
    if needs_quotes(text) {
        Style::DoubleQuoted
    } else if allowed.plain {
        Style::Plain
    } else if allowed.single_quoted {
        Style::SingleQuoted
    } else {
        Style::DoubleQuoted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_get_the_style_of_go_yaml_v3() {
        for (text, style) in [
            ("a b", Style::Plain),
            ("-a", Style::Plain),
            ("?a", Style::Plain),
            (":a", Style::Plain),
            ("a:b", Style::Plain),
            ("- a", Style::SingleQuoted),
            ("a: b", Style::SingleQuoted),
            ("a:", Style::SingleQuoted),
            ("a #b", Style::SingleQuoted),
            (" a", Style::SingleQuoted),
            ("a ", Style::SingleQuoted),
            ("---a", Style::SingleQuoted),
            ("'", Style::SingleQuoted),
            ("", Style::DoubleQuoted),
            ("yes", Style::DoubleQuoted),
            ("<<", Style::DoubleQuoted),
            ("a\tb", Style::DoubleQuoted),
            ("\u{1f600}", Style::DoubleQuoted),
            ("a\r", Style::DoubleQuoted),
            ("a\u{2028}b", Style::DoubleQuoted),
            ("a\nb", Style::Literal),
            ("a\tb\n", Style::Literal),
            (" a\nb", Style::Literal),
            ("\n", Style::Literal),
            ("a \nb", Style::DoubleQuoted),
            ("a\nb ", Style::DoubleQuoted),
            ("\ta\nb", Style::DoubleQuoted),
            ("é", Style::Plain),
        ] {
            assert_eq!(style_of(text, false), style, "{text:?}");
        }
        assert_eq!(style_of("a\nb", true), Style::DoubleQuoted);
    }
}

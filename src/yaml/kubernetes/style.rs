//! In which style a string is written: go-yaml v2's `stringv` and `yaml_emitter_select_scalar_style`, for block context.
//!
//! Two deliberate differences. A string with U+0085, U+2028 or U+2029 is written with escapes: the reference writes the last two
//! bare, where YAML 1.1 sees a line break and YAML 1.2 a character, and loses the first. The key `<<` is quoted: bare, as the
//! reference writes it, it is read back as a merge key.

use super::super::emitter::{Allowed, Tabs, is_base_60};
use super::super::tree::Style;
use super::scalar::{Scalar, resolve_plain};

/// How to write `text`; `simple_key` when it stands before a colon on the same line.
pub(in super::super) fn style_of(text: &str, simple_key: bool) -> Style {
    if simple_key && text == "<<" {
        return Style::DoubleQuoted;
    }
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if matches!(resolve_plain(text), Scalar::Text(_)) && !is_base_60(text) {
        Style::Plain
    } else {
        Style::DoubleQuoted
    };
    let allowed = Allowed::of(text, Tabs::Escaped);
    match wanted {
        Style::Plain if allowed.plain && !(text.is_empty() && simple_key) => Style::Plain,
        Style::Plain if allowed.single_quoted => Style::SingleQuoted,
        Style::Literal if allowed.block && !simple_key => Style::Literal,
        _ => Style::DoubleQuoted,
    }
}

/// Whether a key of this text stands before its colon on one line; else it needs `? `.
pub(super) fn is_simple_key(text: &str) -> bool {
    const MOST_BYTES: usize = 128;
    text.len() <= MOST_BYTES && !text.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_get_the_style_that_keeps_them_strings() {
        use Style::{DoubleQuoted, Literal, Plain, SingleQuoted};
        for (text, style) in [
            ("abc", Plain),
            ("yes", DoubleQuoted),
            ("y", DoubleQuoted),
            ("1_000", DoubleQuoted),
            ("1:20", DoubleQuoted),
            ("190:20:30.15", DoubleQuoted),
            ("1:60", Plain),
            ("2001-01-01", DoubleQuoted),
            ("", DoubleQuoted),
            ("null", DoubleQuoted),
            ("<<", Plain),
            ("a: b", SingleQuoted),
            ("a #b", SingleQuoted),
            ("a#b", Plain),
            ("-", SingleQuoted),
            ("-a", Plain),
            ("---a", SingleQuoted),
            (" a", SingleQuoted),
            ("a\tb", DoubleQuoted),
            ("a\nb", Literal),
            ("a\n b", Literal),
            ("a \nb", DoubleQuoted),
            ("a\nb ", DoubleQuoted),
            ("\n", Literal),
            ("\u{1f600}", DoubleQuoted),
            ("é", Plain),
            ("a\u{2028}b", DoubleQuoted),
        ] {
            assert_eq!(style_of(text, false), style, "{text:?}");
        }
        assert_eq!(style_of("a\nb", true), DoubleQuoted);
    }
}

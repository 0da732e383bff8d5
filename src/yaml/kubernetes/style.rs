//! In which style a string can be written: go-yaml v2's `stringv`, `yaml_emitter_analyze_scalar` and
//! `yaml_emitter_select_scalar_style`, for block context.
//!
//! Two deliberate differences. A string with U+0085, U+2028 or U+2029 is written with escapes: the reference writes the last two
//! bare, where YAML 1.1 sees a line break and YAML 1.2 a character, and loses the first. The key `<<` is quoted: bare, as the
//! reference writes it, it is read back as a merge key.

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
    let allowed = Allowed::of(text);
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

/// Characters that the reference writes as they are. The others, supplementary planes and tabs included, need escapes.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | '\x20'..='\x7e' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}')
}

struct Allowed {
    plain: bool,
    single_quoted: bool,
    block: bool,
}

impl Allowed {
    fn of(text: &str) -> Self {
        let mut allowed = Self { plain: true, single_quoted: true, block: !text.is_empty() };
        if text.starts_with("---") || text.starts_with("...") {
            allowed.plain = false;
        }
        let mut previous = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let blank_follows = chars.peek().is_none_or(|&next| matches!(next, ' ' | '\t'));
            let blank_before = previous.is_none_or(|c| matches!(c, ' ' | '\t' | '\r' | '\n' | '\0'));
            let indicator = match c {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => previous.is_none(),
                '?' | '-' => previous.is_none() && blank_follows,
                ':' => blank_follows,
                '#' => blank_before,
                _ => false,
            };
            if indicator || c == '\n' {
                allowed.plain = false;
            }
            if c == ' ' {
                let at_end = chars.peek().is_none();
                if previous.is_none() || at_end {
                    allowed.plain = false;
                }
                if at_end {
                    allowed.block = false;
                }
                if previous == Some('\n') {
                    allowed.plain = false;
                    allowed.single_quoted = false;
                }
            }
            if !is_printable(c) || (c == '\n' && previous == Some(' ')) {
                return Self { plain: false, single_quoted: false, block: false };
            }
            previous = Some(c);
        }
        allowed
    }
}

/// `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`: numbers of base 60, which YAML 1.1 has. Never read, but quoted for
/// other readers' sake.
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let Some((first, rest)) = text.split_once(':') else { return false };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !digits(first) {
        return false;
    }
    let rest = match rest.split_once('.') {
        Some((rest, fraction)) if digits(fraction) => rest,
        Some(_) => return false,
        None => rest,
    };
    rest.split(':').all(|group| match group.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [b'0'..=b'5', digit] => digit.is_ascii_digit(),
        _ => false,
    })
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

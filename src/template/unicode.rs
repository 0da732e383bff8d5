//! Go's `unicode` package where Rust's `char` methods differ: categories and one-to-one case mapping.
//!
//! Go maps one code point to one (`ß` has no upper case), Rust one to several (`SS`); Go's `IsUpper` is the category Lu, Rust's
//! the property Uppercase. The tables are those of the regex crate, so the Unicode version is its.

use std::sync::LazyLock;

use regex::Regex;

fn class(pattern: &'static str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

macro_rules! category {
    ($(#[$doc:meta])* $name:ident, $pattern:literal) => {
        $(#[$doc])*
        pub(super) fn $name(c: char) -> bool {
            static CLASS: LazyLock<Option<Regex>> = LazyLock::new(|| class($pattern));
            CLASS.as_ref().is_some_and(|class| class.is_match(c.encode_utf8(&mut [0; 4])))
        }
    };
}

category!(
    /// Categories L*.
    is_letter,
    r"\A\p{L}\z"
);
category!(
    /// Category Nd.
    is_digit,
    r"\A\p{Nd}\z"
);
category!(
    /// Categories N*.
    is_number,
    r"\A\p{N}\z"
);
category!(
    /// Category Lu.
    is_upper,
    r"\A\p{Lu}\z"
);
category!(
    /// Category Ll.
    is_lower,
    r"\A\p{Ll}\z"
);
category!(
    /// Category Lt.
    is_title,
    r"\A\p{Lt}\z"
);
category!(
    /// Categories P*.
    is_punct,
    r"\A\p{P}\z"
);
category!(
    /// Letters, marks, numbers, punctuation, symbols and the ASCII space: what `%q` leaves unescaped.
    is_print,
    r"\A[\p{L}\p{M}\p{N}\p{P}\p{S} ]\z"
);

/// `unicode.IsSpace`: the property White_Space.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace()
}

/// `unicode.ToUpper`.
pub(super) fn to_upper(c: char) -> char {
    match c {
        // One code point in Unicode's simple mapping, several in the full one that Rust uses.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => offset(c, 8),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => offset(c, 9),
        _ => single(c.to_uppercase(), c),
    }
}

/// `unicode.ToLower`.
pub(super) fn to_lower(c: char) -> char {
    if c == '\u{130}' { 'i' } else { single(c.to_lowercase(), c) }
}

/// `unicode.ToTitle`: as upper case, but for the digraphs that have a third form and Georgian, which has none.
pub(super) fn to_title(c: char) -> char {
    match c {
        '\u{1c4}'..='\u{1c6}' => '\u{1c5}',
        '\u{1c7}'..='\u{1c9}' => '\u{1c8}',
        '\u{1ca}'..='\u{1cc}' => '\u{1cb}',
        '\u{1f1}'..='\u{1f3}' => '\u{1f2}',
        '\u{10d0}'..='\u{10fa}' | '\u{10fd}'..='\u{10ff}' => c,
        _ => to_upper(c),
    }
}

fn offset(c: char, by: u32) -> char {
    char::from_u32(u32::from(c) + by).unwrap_or(c)
}

fn single(mut mapped: impl Iterator<Item = char>, c: char) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// The first rune as Go decodes it: an invalid byte is U+FFFD of width 1. `None` at the end.
pub(super) fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    if first < 0x80 {
        return Some((char::from(first), 1));
    }
    let window = bytes.get(..bytes.len().min(4)).unwrap_or(bytes);
    let valid = match std::str::from_utf8(window) {
        Ok(text) => text,
        Err(error) => window.get(..error.valid_up_to()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or(""),
    };
    Some(valid.chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8())))
}

/// All runes, invalid bytes as U+FFFD.
pub(super) fn runes(bytes: &[u8]) -> impl Iterator<Item = char> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (c, width) = decode(rest)?;
        rest = rest.get(width..).unwrap_or(&[]);
        Some(c)
    })
}

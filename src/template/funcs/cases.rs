//! sprig's functions of upper and lower case.
//!
//! Follows Go's `strings` and `unicode`, goutils 1.1.1 (`swapcase`, `untitle`) and xstrings 1.5.0 (`snakecase`, `camelcase`,
//! `kebabcase`).

use super::{Args, Function, function};
use crate::template::context::{Context, Outcome};
use crate::template::unicode::{decode, is_letter, is_lower, is_number, is_punct, is_space, is_title, is_upper, runes};
use crate::template::unicode::{to_lower, to_title, to_upper};

pub(super) const TABLE: &[Function] = &[
    function("upper", "s", |cx, args| mapped(cx, args.text(0), to_upper)),
    function("lower", "s", |cx, args| mapped(cx, args.text(0), to_lower)),
    function("title", "s", |cx, args| {
        let mut previous = ' ';
        mapped(cx, args.text(0), |c| {
            let start = is_separator(previous);
            previous = c;
            if start { to_title(c) } else { c }
        })
    }),
    function("untitle", "s", |cx, args| {
        let mut next = true;
        mapped(cx, args.text(0), |c| {
            if is_space(c) {
                next = true;
                c
            } else if std::mem::take(&mut next) {
                to_lower(c)
            } else {
                c
            }
        })
    }),
    function("swapcase", "s", |cx, args| {
        let mut space = true;
        mapped(cx, args.text(0), |c| {
            if is_upper(c) || is_title(c) {
                space = false;
                to_lower(c)
            } else if is_lower(c) {
                if std::mem::take(&mut space) { to_title(c) } else { to_upper(c) }
            } else {
                space = is_space(c);
                c
            }
        })
    }),
    function("camelcase", "s", camel),
    function("snakecase", "s", |cx, args| lower_words(cx, args.text(0), '_')),
    function("kebabcase", "s", |cx, args| lower_words(cx, args.text(0), '-')),
];

fn mapped(cx: &mut Context, text: &[u8], mut map: impl FnMut(char) -> char) -> Outcome {
    cx.step(text.len() / 2)?;
    let out: String = runes(text).map(&mut map).collect();
    cx.string(out.into_bytes())
}

/// What `strings.Title` takes for the end of a word.
fn is_separator(c: char) -> bool {
    if c.is_ascii() {
        return !(c.is_ascii_alphanumeric() || c == '_');
    }
    if is_letter(c) || crate::template::unicode::is_digit(c) { false } else { is_space(c) }
}

fn is_connector(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

/// xstrings' `ToPascalCase`.
fn camel(cx: &mut Context, args: Args) -> Outcome {
    cx.step(args.text(0).len())?;
    let mut source = runes(args.text(0));
    let mut out = String::new();
    let mut current = None;
    let mut upper_run = false;
    for c in source.by_ref() {
        if !is_connector(c) {
            upper_run = is_upper(c);
            current = Some(to_upper(c));
            break;
        }
        out.push(c);
    }
    let Some(mut current) = current else {
        // Only connectors: xstrings writes the last one twice.
        if let Some(last) = out.chars().last() {
            out.push(last);
        }
        return cx.string(out.into_bytes());
    };
    for next in source {
        let previous = current;
        current = next;
        if is_connector(current) && is_connector(previous) {
            out.push(previous);
            continue;
        }
        if is_connector(previous) {
            upper_run = is_upper(current);
            current = to_upper(current);
        } else {
            if upper_run {
                if is_upper(current) {
                    current = to_lower(current);
                } else {
                    upper_run = false;
                }
            }
            out.push(previous);
        }
    }
    out.push(current);
    cx.string(out.into_bytes())
}

/// What a word is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    None,
    Number,
    Upper,
    Letters,
    Connector,
    Punctuation,
    Other,
}

/// A letter of an alphabet: not a Chinese character.
fn is_alphabet(c: char) -> bool {
    is_letter(c) && !matches!(c, '\u{3400}'..='\u{4d85}' | '\u{4e00}'..='\u{9fcc}' | '\u{20000}'..='\u{2b81d}')
}

/// A character with the invalid bytes before it, which xstrings takes for a part of it.
#[derive(Clone, Copy)]
struct Unit<'t> {
    c: char,
    bytes: &'t [u8],
}

/// The text as units. Invalid bytes at the end count as the character before them.
fn units(text: &[u8]) -> Vec<Unit<'_>> {
    let mut units: Vec<Unit> = Vec::new();
    let (mut start, mut end) = (0, 0);
    while let Some((c, width)) = text.get(end..).and_then(decode) {
        end += width;
        if c != char::REPLACEMENT_CHARACTER {
            units.push(Unit { c, bytes: text.get(start..end).unwrap_or(&[]) });
            start = end;
        }
    }
    if start < end {
        let c = units.last().map_or(char::REPLACEMENT_CHARACTER, |last| last.c);
        units.push(Unit { c, bytes: text.get(start..end).unwrap_or(&[]) });
    }
    units
}

/// The next word of `text`, and the rest.
fn next_word<'u, 't>(text: &'u [Unit<'t>]) -> (Word, &'u [Unit<'t>], &'u [Unit<'t>]) {
    let Some(first) = text.first().map(|unit| unit.c) else { return (Word::None, &[], &[]) };
    let run = |from: usize, keep: &dyn Fn(char) -> bool| from + text.iter().skip(from).take_while(|unit| keep(unit.c)).count();
    let lower_letters = |c: char| is_alphabet(c) && !is_upper(c);
    let (word, end) = if first == char::REPLACEMENT_CHARACTER {
        (Word::None, text.len())
    } else if is_connector(first) {
        (Word::Connector, run(1, &is_connector))
    } else if is_punct(first) {
        (Word::Punctuation, run(1, &is_punct))
    } else if is_upper(first) {
        let uppers = run(1, &is_upper);
        let after = text.get(uppers).map(|unit| unit.c);
        let end = if uppers > 1 {
            // In `HTTPStatus` the S begins the next word.
            if after.is_some_and(is_alphabet) { uppers - 1 } else { uppers }
        } else {
            run(1, &lower_letters)
        };
        (Word::Upper, end)
    } else if is_alphabet(first) {
        (Word::Letters, run(1, &lower_letters))
    } else if is_number(first) {
        (Word::Number, run(1, &is_number))
    } else {
        (Word::Other, run(1, &|c| !(is_connector(c) || is_alphabet(c) || is_number(c) || is_punct(c))))
    };
    let (head, tail) = text.split_at_checked(end).unwrap_or((text, &[]));
    (word, head, tail)
}

fn write_word(out: &mut Vec<u8>, kind: Word, word: &[Unit], connector: char) {
    for unit in word {
        if !matches!(kind, Word::Upper | Word::Connector) {
            out.extend_from_slice(unit.bytes);
            continue;
        }
        for c in runes(unit.bytes) {
            push(
                out,
                if is_connector(c) {
                    connector
                } else if is_upper(c) {
                    to_lower(c)
                } else {
                    c
                },
            );
        }
    }
}

fn push(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// xstrings' `camelCaseToLowerCase`.
fn lower_words(cx: &mut Context, text: &[u8], connector: char) -> Outcome {
    cx.step(text.len())?;
    let units = units(text);
    let mut out = Vec::new();
    let (mut kind, mut word, mut rest) = next_word(&units);
    while !rest.is_empty() {
        if kind != Word::Connector {
            write_word(&mut out, kind, word, connector);
        }
        let (previous, last) = (kind, word);
        (kind, word, rest) = next_word(rest);
        match previous {
            Word::Number => {
                while matches!(kind, Word::Letters | Word::Number) {
                    write_word(&mut out, kind, word, connector);
                    (kind, word, rest) = next_word(rest);
                }
                if !matches!(kind, Word::None | Word::Punctuation | Word::Connector) {
                    push(&mut out, connector);
                }
            }
            Word::Connector => write_word(&mut out, previous, last, connector),
            Word::Punctuation => {}
            _ if kind != Word::Number => {
                if !matches!(kind, Word::Connector | Word::Punctuation) {
                    push(&mut out, connector);
                }
            }
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (kind, word, rest) = next_word(rest);
                if kind == Word::Letters {
                    // `http2xx`: the number begins a word.
                    push(&mut out, connector);
                    write_word(&mut out, Word::Number, number, connector);
                    while matches!(kind, Word::Letters | Word::Number) {
                        write_word(&mut out, kind, word, connector);
                        (kind, word, rest) = next_word(rest);
                    }
                    if !matches!(kind, Word::None | Word::Connector | Word::Punctuation) {
                        push(&mut out, connector);
                    }
                } else {
                    // `Bld4Floor`: the number ends one.
                    write_word(&mut out, Word::Number, number, connector);
                    if !matches!(kind, Word::Connector | Word::Punctuation) {
                        push(&mut out, connector);
                    }
                }
            }
        }
    }
    write_word(&mut out, kind, word, connector);
    cx.string(out)
}

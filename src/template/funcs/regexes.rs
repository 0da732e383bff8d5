//! sprig's regular expressions.
//!
//! Follows Go 1.26 `regexp` for what counts as the next match, how texts are split and what `${1}` in a replacement means. A text
//! that is not UTF-8 is refused: Go reads its stray bytes as U+FFFD, which no regular expression here can.

use std::rc::Rc;

use regex::bytes::Captures;

use super::{Args, Function, function};
use crate::template::context::{Context, Outcome, fail};
use crate::template::pattern::Pattern;
use crate::template::unicode;
use crate::template::value::{ListKind, Value};

pub(super) const TABLE: &[Function] = &[
    function("regexMatch", "ss", |cx, args| match matches(cx, args) {
        // sprig takes a pattern that does not parse for one that does not match.
        Err(fault) if !fault.message.starts_with("limit:") => Ok(Value::Bool(false)),
        found => found,
    }),
    function("mustRegexMatch", "ss", matches),
    function("regexFind", "ss", find),
    function("mustRegexFind", "ss", find),
    function("regexFindAll", "ssi", find_all),
    function("mustRegexFindAll", "ssi", find_all),
    function("regexReplaceAll", "sss", |cx, args| replace(cx, args, false)),
    function("mustRegexReplaceAll", "sss", |cx, args| replace(cx, args, false)),
    function("regexReplaceAllLiteral", "sss", |cx, args| replace(cx, args, true)),
    function("mustRegexReplaceAllLiteral", "sss", |cx, args| replace(cx, args, true)),
    function("regexSplit", "ssi", split),
    function("mustRegexSplit", "ssi", split),
    function("regexQuoteMeta", "s", |cx, args| {
        let mut out = Vec::new();
        for &byte in args.text(0) {
            if b"\\.+*?()|[]{}^$".contains(&byte) {
                out.push(b'\\');
            }
            out.push(byte);
        }
        cx.string(out)
    }),
];

/// The compiled pattern, once the work of using it on the text is paid for.
fn pattern(cx: &mut Context, args: Args) -> Outcome<Rc<Pattern>> {
    let text = args.text(1);
    if std::str::from_utf8(text).is_err() {
        return fail("a text that is not UTF-8");
    }
    let pattern = cx.pattern(args.text(0))?;
    if pattern.ascii_only && !text.is_ascii() {
        return fail("\\B works on ASCII text only");
    }
    cx.step((text.len() + 64).saturating_mul(pattern.states + 16) / 256)?;
    Ok(pattern)
}

fn matches(cx: &mut Context, args: Args) -> Outcome {
    let pattern = pattern(cx, args)?;
    Ok(Value::Bool(pattern.regex.is_match(args.text(1))))
}

fn find(cx: &mut Context, args: Args) -> Outcome {
    let pattern = pattern(cx, args)?;
    let found = pattern.regex.find(args.text(1)).map_or(&[][..], |m| m.as_bytes());
    cx.string(found.to_vec())
}

/// The spans of all matches, at most `most` of them if that is not negative.
fn spans(cx: &mut Context, pattern: &Pattern, text: &[u8], most: i64) -> Outcome<Vec<(usize, usize)>> {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    let (mut at, mut previous_end) = (0, None);
    while found.len() < most && at <= text.len() {
        cx.step(1)?;
        let Some(m) = pattern.regex.find_at(text, at) else { break };
        let accept = !(m.end() == at && Some(m.start()) == previous_end);
        at = if m.end() == at { at + width_at(text, at).unwrap_or(1) } else { m.end() };
        previous_end = Some(m.end());
        if accept {
            cx.take(16)?;
            found.push((m.start(), m.end()));
        }
    }
    Ok(found)
}

fn width_at(text: &[u8], at: usize) -> Option<usize> {
    text.get(at..).and_then(unicode::decode).map(|(_, width)| width)
}

fn find_all(cx: &mut Context, args: Args) -> Outcome {
    let pattern = pattern(cx, args)?;
    let text = args.text(1);
    let spans = spans(cx, &pattern, text, args.int(2))?;
    if spans.is_empty() {
        return cx.nil_list(ListKind::Strs);
    }
    cx.strings(spans.into_iter().filter_map(|(start, end)| text.get(start..end)))
}

fn split(cx: &mut Context, args: Args) -> Outcome {
    let pattern = pattern(cx, args)?;
    let (text, most) = (args.text(1), args.int(2));
    if most == 0 {
        return cx.nil_list(ListKind::Strs);
    }
    if !pattern.empty && text.is_empty() {
        return cx.strings([&[][..]]);
    }
    let mut pieces: Vec<&[u8]> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    for (start, stop) in spans(cx, &pattern, text, most)? {
        if most > 0 && i64::try_from(pieces.len()).is_ok_and(|count| count == most - 1) {
            break;
        }
        end = start;
        if stop != 0 {
            pieces.push(text.get(begin..end).unwrap_or(&[]));
        }
        begin = stop;
    }
    if end != text.len() {
        pieces.push(text.get(begin..).unwrap_or(&[]));
    }
    cx.strings(pieces)
}

fn replace(cx: &mut Context, args: Args, literal: bool) -> Outcome {
    let pattern = pattern(cx, args)?;
    let (text, replacement) = (args.text(1), args.text(2));
    let mut out = Vec::new();
    let (mut last_end, mut at) = (0, 0);
    while at <= text.len() {
        cx.step(1)?;
        let Some(found) = pattern.regex.captures_at(text, at) else { break };
        let Some(m) = found.get(0) else { break };
        cx.put(&mut out, text.get(last_end..m.start()).unwrap_or(&[]))?;
        if m.end() > last_end || m.start() == 0 {
            if literal {
                cx.put(&mut out, replacement)?;
            } else {
                expand(cx, &mut out, replacement, &pattern, &found)?;
            }
        }
        last_end = m.end();
        at = m.end().max(at + width_at(text, at).unwrap_or(1));
    }
    cx.put(&mut out, text.get(last_end..).unwrap_or(&[]))?;
    Ok(Value::str(out))
}

/// `Regexp.Expand`: `$1`, `${name}`, `$$`.
fn expand(cx: &mut Context, out: &mut Vec<u8>, template: &[u8], pattern: &Pattern, found: &Captures) -> Outcome<()> {
    let mut rest = template;
    while let Some(dollar) = rest.iter().position(|&b| b == b'$') {
        cx.put(out, rest.get(..dollar).unwrap_or(&[]))?;
        rest = rest.get(dollar + 1..).unwrap_or(&[]);
        if let Some(after) = rest.strip_prefix(b"$") {
            cx.put(out, b"$")?;
            rest = after;
            continue;
        }
        let Some((name, after)) = group_name(rest) else {
            cx.put(out, b"$")?;
            continue;
        };
        rest = after;
        let number = (name.len() <= 8 && name.bytes().all(|b| b.is_ascii_digit()) && (name.len() == 1 || !name.starts_with('0')))
            .then(|| name.parse::<usize>().ok())
            .flatten();
        let group = match number {
            Some(number) => found.get(number),
            None => {
                let same =
                    |(n, known): (usize, &Option<String>)| (known.as_deref() == Some(name)).then(|| found.get(n)).flatten();
                pattern.names.iter().enumerate().find_map(same)
            }
        };
        if let Some(group) = group {
            cx.put(out, group.as_bytes())?;
        }
    }
    cx.put(out, rest)
}

/// The name after a `$`, and what follows it.
fn group_name(text: &[u8]) -> Option<(&str, &[u8])> {
    let (braced, text) = text.strip_prefix(b"{").map_or((false, text), |text| (true, text));
    let mut end = 0;
    while let Some((c, width)) = text.get(end..).and_then(unicode::decode) {
        if !(c == '_' || unicode::is_letter(c) || unicode::is_digit(c)) {
            break;
        }
        end += width;
    }
    let name = text.get(..end).and_then(|name| std::str::from_utf8(name).ok()).filter(|name| !name.is_empty())?;
    let rest = text.get(end..)?;
    if braced { rest.strip_prefix(b"}").map(|rest| (name, rest)) } else { Some((name, rest)) }
}

//! sprig's plain string functions.
//!
//! Follows sprig v3.3.0 `strings.go`. Where sprig would panic (a negative repeat count, a slice out of range) the function fails.

use super::{Args, Function, function};
use crate::template::context::{Context, Outcome, fail};
use crate::template::format;
use crate::template::unicode;
use crate::template::value::{ListKind, Str, Value};

pub(super) const TABLE: &[Function] = &[
    function("hello", "", |cx, _| cx.string(b"Hello!".to_vec())),
    function("abbrev", "is", |cx, args| {
        let (width, text) = (args.int(0), args.text(1));
        if width < 4 { cx.string(text.to_vec()) } else { abbreviate(cx, text, 0, width) }
    }),
    function("abbrevboth", "iis", |cx, args| {
        let (left, right, text) = (args.int(0), args.int(1), args.text(2));
        if right < 4 || left > 0 && right < 7 { cx.string(text.to_vec()) } else { abbreviate(cx, text, left, right) }
    }),
    function("trunc", "is", |cx, args| {
        let text = args.text(1);
        let kept = match usize::try_from(args.int(0)) {
            Ok(keep) => text.get(..keep).unwrap_or(text),
            Err(_) => {
                let drop = text.len().checked_sub(usize::try_from(args.int(0).unsigned_abs()).unwrap_or(usize::MAX));
                drop.and_then(|from| text.get(from..)).unwrap_or(text)
            }
        };
        cx.string(kept.to_vec())
    }),
    function("trim", "s", |cx, args| cx.string(trim_space(args.text(0)).to_vec())),
    function("substr", "iis", substr),
    function("repeat", "is", repeat),
    function("trimall", "ss", trim_all),
    function("trimAll", "ss", trim_all),
    function("trimSuffix", "ss", |cx, args| {
        let text = args.text(1);
        cx.string(text.strip_suffix(args.text(0)).unwrap_or(text).to_vec())
    }),
    function("trimPrefix", "ss", |cx, args| {
        let text = args.text(1);
        cx.string(text.strip_prefix(args.text(0)).unwrap_or(text).to_vec())
    }),
    function("contains", "ss", |cx, args| {
        cx.step(args.text(1).len() / 64)?;
        Ok(Value::Bool(find(args.text(1), args.text(0)).is_some()))
    }),
    function("hasPrefix", "ss", |_, args| Ok(Value::Bool(args.text(1).starts_with(args.text(0))))),
    function("hasSuffix", "ss", |_, args| Ok(Value::Bool(args.text(1).ends_with(args.text(0))))),
    function("quote", "a*", |cx, args| {
        let mut out = Vec::new();
        for value in args.0.iter().filter(|v| !v.is_nil()) {
            let text = format::text_of(cx, value)?;
            let quoted = format::quote(&text);
            separated(cx, &mut out, &quoted)?;
        }
        Ok(Value::str(out))
    }),
    function("squote", "a*", |cx, args| {
        let mut out = Vec::new();
        for value in args.0.iter().filter(|v| !v.is_nil()) {
            let text = format::text_of(cx, value)?;
            separated(cx, &mut out, &[b"'", text.as_slice(), b"'"].concat())?;
        }
        Ok(Value::str(out))
    }),
    function("cat", "a*", |cx, args| {
        let mut out = Vec::new();
        for (n, value) in args.0.iter().filter(|v| !v.is_nil()).enumerate() {
            if n > 0 {
                cx.put(&mut out, b" ")?;
            }
            format::print_value(cx, &mut out, value)?;
        }
        Ok(Value::str(out))
    }),
    function("indent", "is", |cx, args| indent(cx, args, false)),
    function("nindent", "is", |cx, args| indent(cx, args, true)),
    function("replace", "sss", |cx, args| {
        let out = replace(cx, args.text(2), args.text(0), args.text(1))?;
        Ok(Value::str(out))
    }),
    function("plural", "ssi", |cx, args| {
        let word = if args.int(2) == 1 { args.text(0) } else { args.text(1) };
        cx.string(word.to_vec())
    }),
    function("toString", "a", |cx, args| format::text_of(cx, args.any(0)).map(Value::str)),
    function("split", "ss", |cx, args| {
        let pieces = split(cx, args.text(1), args.text(0), -1)?;
        numbered(cx, &pieces)
    }),
    function("splitn", "sis", |cx, args| {
        let pieces = split(cx, args.text(2), args.text(0), args.int(1))?;
        numbered(cx, &pieces)
    }),
    function("splitList", "ss", |cx, args| {
        let pieces = split(cx, args.text(1), args.text(0), -1)?;
        cx.strings(pieces)
    }),
    function("toStrings", "a", |cx, args| {
        if let Value::List(id) = args.any(0)
            && cx.heap.list(*id).kind == ListKind::Strs
        {
            return Ok(args.any(0).clone());
        }
        let texts = texts_of(cx, args.any(0))?;
        cx.list_of(ListKind::Strs, texts.into_iter().map(Value::Str).collect())
    }),
    function("join", "sa", |cx, args| {
        let texts = texts_of(cx, args.any(1))?;
        let mut out = Vec::new();
        for (n, text) in texts.iter().enumerate() {
            if n > 0 {
                cx.put(&mut out, args.text(0))?;
            }
            cx.put(&mut out, text)?;
        }
        Ok(Value::str(out))
    }),
    function("sortAlpha", "a", |cx, args| {
        let Value::List(id) = args.any(0) else {
            let text = format::text_of(cx, args.any(0))?;
            return cx.list_of(ListKind::Strs, vec![Value::str(text)]);
        };
        let mut texts = texts_of(cx, args.any(0))?;
        cx.step(texts.len() * 8)?;
        texts.sort();
        let sorted: Vec<Value> = texts.into_iter().map(Value::Str).collect();
        // sprig sorts a `[]string` in place, which whoever holds it sees.
        if cx.heap.list(*id).kind == ListKind::Strs {
            cx.heap.replace_items(*id, sorted);
            return Ok(args.any(0).clone());
        }
        cx.list_of(ListKind::Strs, sorted)
    }),
];

fn separated(cx: &mut Context, out: &mut Vec<u8>, piece: &[u8]) -> Outcome<()> {
    if !out.is_empty() {
        cx.put(out, b" ")?;
    }
    cx.put(out, piece)
}

/// `strings.Index`.
pub(super) fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, wanted)
}

/// `strings.TrimSpace`.
pub(super) fn trim_space(text: &[u8]) -> &[u8] {
    trim(text, unicode::is_space)
}

fn trim(text: &[u8], cut: impl Fn(char) -> bool) -> &[u8] {
    let mut rest = text;
    while let Some((c, width)) = unicode::decode(rest) {
        if !cut(c) {
            break;
        }
        rest = rest.get(width..).unwrap_or(&[]);
    }
    while let Some((c, width)) = last_rune(rest) {
        if !cut(c) {
            break;
        }
        rest = rest.get(..rest.len() - width).unwrap_or(&[]);
    }
    rest
}

/// `utf8.DecodeLastRune`.
fn last_rune(text: &[u8]) -> Option<(char, usize)> {
    text.last()?;
    for back in 1..=text.len().min(4) {
        if let Some((c, width)) = text.get(text.len() - back..).and_then(unicode::decode)
            && width == back
            && (back > 1 || c != char::REPLACEMENT_CHARACTER)
        {
            return Some((c, width));
        }
    }
    Some((char::REPLACEMENT_CHARACTER, 1))
}

fn trim_all(cx: &mut Context, args: Args) -> Outcome {
    let cut: Vec<char> = unicode::runes(args.text(0)).collect();
    cx.step(cut.len())?;
    cx.take(args.text(1).len())?;
    cx.step(args.text(1).len().saturating_mul(cut.len()) / 16)?;
    cx.string(trim(args.text(1), |c| cut.contains(&c)).to_vec())
}

fn substr(cx: &mut Context, args: Args) -> Outcome {
    let text = args.text(2);
    let start = usize::try_from(args.int(0)).ok();
    let end = usize::try_from(args.int(1)).ok().filter(|end| *end <= text.len());
    let piece = match (start, end) {
        (None, _) => usize::try_from(args.int(1)).ok().and_then(|end| text.get(..end)),
        (Some(start), None) => text.get(start..),
        (Some(start), Some(end)) => text.get(start..end),
    };
    match piece {
        Some(piece) => cx.string(piece.to_vec()),
        None => fail("slice bounds out of range"),
    }
}

fn repeat(cx: &mut Context, args: Args) -> Outcome {
    let Ok(count) = usize::try_from(args.int(0)) else { return fail("negative repeat count") };
    let total = count.saturating_mul(args.text(1).len());
    cx.take(total)?;
    Ok(Value::str(if total == 0 { Vec::new() } else { args.text(1).repeat(count) }))
}

fn indent(cx: &mut Context, args: Args, newline: bool) -> Outcome {
    let Ok(spaces) = usize::try_from(args.int(0)) else { return fail("negative repeat count") };
    let text = args.text(1);
    let mut out = Vec::new();
    if newline {
        cx.put(&mut out, b"\n")?;
    }
    for (n, line) in text.split(|&b| b == b'\n').enumerate() {
        if n > 0 {
            cx.put(&mut out, b"\n")?;
        }
        cx.put_repeated(&mut out, b' ', spaces)?;
        cx.put(&mut out, line)?;
    }
    Ok(Value::str(out))
}

/// `strings.Replace(text, old, new, -1)`; an empty `old` matches before every rune and at the end.
pub(super) fn replace(cx: &mut Context, text: &[u8], old: &[u8], new: &[u8]) -> Outcome<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = text;
    if old.is_empty() {
        cx.put(&mut out, new)?;
        while let Some((_, width)) = unicode::decode(rest) {
            let (head, tail) = rest.split_at_checked(width).unwrap_or((rest, &[]));
            cx.step(1)?;
            cx.put(&mut out, head)?;
            cx.put(&mut out, new)?;
            rest = tail;
        }
        return Ok(out);
    }
    while let Some(at) = find(rest, old) {
        cx.put(&mut out, rest.get(..at).unwrap_or(&[]))?;
        cx.put(&mut out, new)?;
        rest = rest.get(at + old.len()..).unwrap_or(&[]);
    }
    cx.put(&mut out, rest)?;
    Ok(out)
}

/// `strings.SplitN`: at most `most` pieces if that is not negative.
pub(super) fn split<'t>(cx: &mut Context, text: &'t [u8], separator: &[u8], most: i64) -> Outcome<Vec<&'t [u8]>> {
    let mut pieces = Vec::new();
    if most == 0 {
        return Ok(pieces);
    }
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut rest = text;
    while pieces.len() + 1 < most {
        let found = if separator.is_empty() {
            unicode::decode(rest).map(|(_, width)| (width, 0)).filter(|(width, _)| *width < rest.len())
        } else {
            find(rest, separator).map(|at| (at, separator.len()))
        };
        let Some((at, skip)) = found else { break };
        cx.take(size_of::<&[u8]>())?;
        pieces.push(rest.get(..at).unwrap_or(&[]));
        rest = rest.get(at + skip..).unwrap_or(&[]);
    }
    if !(separator.is_empty() && text.is_empty()) {
        pieces.push(rest);
    }
    Ok(pieces)
}

/// `_0`, `_1`, … as a `map[string]string`.
fn numbered(cx: &mut Context, pieces: &[&[u8]]) -> Outcome {
    let mut entries = std::collections::BTreeMap::new();
    for (n, piece) in pieces.iter().enumerate() {
        cx.take(piece.len() + 64)?;
        entries.insert(Str::new(format!("_{n}").into_bytes()), Value::Str(Str::copy_of(piece)));
    }
    cx.map_of(entries, true)
}

/// sprig's `strslice`: the texts of a list without its nils, or the one text of anything else.
pub(super) fn texts_of(cx: &mut Context, value: &Value) -> Outcome<Vec<Str>> {
    match value {
        Value::List(id) => {
            let mut texts = Vec::new();
            for item in cx.heap.items(*id).iter().filter(|item| !item.is_nil()) {
                cx.take(size_of::<Str>())?;
                texts.push(match item {
                    Value::Str(text) => text.clone(),
                    other => Str::new(format::text_of(cx, other)?),
                });
            }
            Ok(texts)
        }
        Value::Invalid | Value::Nil => Ok(Vec::new()),
        Value::Str(text) => Ok(vec![text.clone()]),
        other => Ok(vec![Str::new(format::text_of(cx, other)?)]),
    }
}

/// goutils' `AbbreviateFull`: bytes, not runes.
fn abbreviate(cx: &mut Context, text: &[u8], offset: i64, width: i64) -> Outcome {
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    if width < 4 || width >= length {
        return cx.string(text.to_vec());
    }
    let mut offset = offset.min(length);
    if length - offset < width - 3 {
        offset = length - (width - 3);
    }
    let part =
        |from: i64, to: i64| usize::try_from(from).ok().zip(usize::try_from(to).ok()).and_then(|(from, to)| text.get(from..to));
    let pieces = if offset <= 4 {
        part(0, width - 3).map(|head| [head, b"..."].concat())
    } else if width < 7 {
        // goutils refuses; sprig drops the error and with it the text.
        Some(Vec::new())
    } else if offset + width - 3 < length {
        let inner_width = width - 3;
        let inner = part(offset, length).unwrap_or(&[]);
        let keep = usize::try_from(inner_width - 3).unwrap_or(0);
        let inner = if inner.len() > keep + 3 { [inner.get(..keep).unwrap_or(inner), b"..."].concat() } else { inner.to_vec() };
        Some([b"...".as_slice(), &inner].concat())
    } else {
        part(length - (width - 3), length).map(|tail| [b"...".as_slice(), tail].concat())
    };
    match pieces {
        Some(out) => cx.string(out),
        None => fail("slice bounds out of range"),
    }
}

//! sprig's functions that see words: `wrap`, `wrapWith`, `initials`, `nospace`.
//!
//! Follows goutils 1.1.1, which goes by bytes: `nospace` and `initials` read each byte of a multi-byte character as a Latin-1
//! character of its own, and so do these.

use super::{Args, Function, function};
use crate::template::context::{Context, Outcome};
use crate::template::unicode;
use crate::template::value::Value;

pub(super) const TABLE: &[Function] = &[
    function("wrap", "is", |cx, args| wrap(cx, args.text(1), args.int(0), b"\n", false)),
    function("wrapWith", "iss", |cx, args| {
        let newline = if args.text(1).is_empty() { b"\n" } else { args.text(1) };
        wrap(cx, args.text(2), args.int(0), newline, true)
    }),
    function("initials", "s", initials),
    function("nospace", "s", nospace),
];

fn initials(cx: &mut Context, args: Args) -> Outcome {
    let mut out = Vec::new();
    let mut gap = true;
    for &byte in args.text(0) {
        let c = char::from(byte);
        if unicode::is_space(c) {
            gap = true;
        } else if gap {
            cx.put_char(&mut out, c)?;
            gap = false;
        }
    }
    Ok(Value::str(out))
}

fn nospace(cx: &mut Context, args: Args) -> Outcome {
    let text = args.text(0);
    if !text.iter().any(|&b| unicode::is_space(char::from(b))) {
        return cx.string(text.to_vec());
    }
    let mut out = Vec::new();
    cx.take(text.len() * 2)?;
    for c in text.iter().map(|&b| char::from(b)).filter(|&c| !unicode::is_space(c)) {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(Value::str(out))
}

fn wrap(cx: &mut Context, text: &[u8], width: i64, newline: &[u8], break_long: bool) -> Outcome {
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let mut out = Vec::new();
    let mut rest = text;
    while rest.len() > width {
        cx.step(1)?;
        if let Some(tail) = rest.strip_prefix(b" ") {
            rest = tail;
            continue;
        }
        let window = rest.get(..=width).unwrap_or(rest);
        let cut = match window.iter().rposition(|&b| b == b' ') {
            Some(space) => Some((space, space + 1)),
            None if break_long => Some((width, width)),
            None => rest.iter().skip(width).position(|&b| b == b' ').map(|at| (at + width, at + width + 1)),
        };
        let Some((end, next)) = cut else { break };
        cx.put(&mut out, rest.get(..end).unwrap_or(rest))?;
        cx.put(&mut out, newline)?;
        rest = rest.get(next..).unwrap_or(&[]);
    }
    cx.put(&mut out, rest)?;
    Ok(Value::str(out))
}

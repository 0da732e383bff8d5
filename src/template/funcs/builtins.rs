//! Go's own functions: `and or not eq ne lt le gt ge len index print printf println html js urlquery call`.
//!
//! Follows `text/template/funcs.go`. sprig replaces `slice`. `call` exists for its error: no value here is a function.

use super::{Args, Function, Run, function};
use crate::template::context::{Context, Outcome, fail};
use crate::template::exec::is_unsigned;
use crate::template::format;
use crate::template::unicode;
use crate::template::value::{IntKind, Value};

pub(super) const TABLE: &[Function] = &[
    Function { name: "and", params: "vv*", run: Run::And },
    Function { name: "or", params: "vv*", run: Run::Or },
    function("not", "v", |cx, args| Ok(Value::Bool(!cx.heap.truth(args.any(0))))),
    function("eq", "vv*", |cx, args| equal_any(cx, args.any(0), args.rest(1)).map(Value::Bool)),
    function("ne", "vv", |cx, args| equal_any(cx, args.any(0), args.rest(1)).map(|equal| Value::Bool(!equal))),
    function("lt", "vv", |cx, args| less(cx, args.any(0), args.any(1)).map(Value::Bool)),
    function("le", "vv", |cx, args| less_or_equal(cx, args).map(Value::Bool)),
    function("gt", "vv", |cx, args| less_or_equal(cx, args).map(|le| Value::Bool(!le))),
    function("ge", "vv", |cx, args| less(cx, args.any(0), args.any(1)).map(|lt| Value::Bool(!lt))),
    function("len", "v", length),
    function("index", "vv*", index),
    function("print", "a*", |cx, args| format::sprint(cx, args.0).map(Value::str)),
    function("println", "a*", |cx, args| format::sprintln(cx, args.0).map(Value::str)),
    function("printf", "sa*", |cx, args| format::sprintf(cx, args.text(0), args.rest(1)).map(Value::str)),
    function("html", "a*", html),
    function("js", "a*", js),
    function("urlquery", "a*", urlquery),
    function("call", "vv*", |_, _| fail("call of something that is not a function")),
];

/// What kinds can be compared with each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Basic {
    Bool,
    Complex,
    Int,
    Uint,
    Float,
    Str,
    None,
}

fn basic(value: &Value) -> Basic {
    match value {
        Value::Bool(_) => Basic::Bool,
        Value::Complex(..) => Basic::Complex,
        Value::Int(kind, _) if is_unsigned(*kind) => Basic::Uint,
        Value::Int(..) => Basic::Int,
        Value::Float(_) => Basic::Float,
        Value::Str(_) => Basic::Str,
        _ => Basic::None,
    }
}

fn incompatible<T>(cx: &Context, a: &Value, b: &Value) -> Outcome<T> {
    fail(format!("incompatible types for comparison: {} and {}", cx.heap.type_name(a), cx.heap.type_name(b)))
}

fn equal_any(cx: &mut Context, first: &Value, others: &[Value]) -> Outcome<bool> {
    if others.is_empty() {
        return fail("missing argument for comparison");
    }
    for other in others {
        cx.step(1)?;
        if equal(cx, first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

#[expect(clippy::float_cmp, reason = "Go's == on floats")]
fn equal(cx: &mut Context, a: &Value, b: &Value) -> Outcome<bool> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => return Ok(a == b),
        (Value::Int(_, a), Value::Int(_, b)) => return Ok(a == b),
        (Value::Float(a), Value::Float(b)) => return Ok(a == b),
        (Value::Complex(a, b), Value::Complex(c, d)) => return Ok(a == c && b == d),
        (Value::Str(a), Value::Str(b)) => {
            cx.step(a.len() / 64)?;
            return Ok(**a == **b);
        }
        _ => {}
    }
    if basic(a) != basic(b) {
        return if a.is_nil() || b.is_nil() { Ok(false) } else { incompatible(cx, a, b) };
    }
    if a.is_nil() || b.is_nil() {
        return Ok(is_nil(cx, a) && is_nil(cx, b));
    }
    if cx.heap.kind_name(a) != cx.heap.kind_name(b) {
        return fail(format!("non-comparable types {} and {}", cx.heap.type_name(a), cx.heap.type_name(b)));
    }
    if is_nil(cx, a) || is_nil(cx, b) {
        return Ok(is_nil(cx, a) && is_nil(cx, b));
    }
    match (a, b) {
        (Value::Version(a), Value::Version(b)) => Ok(std::rc::Rc::ptr_eq(a, b)),
        (Value::Certificate(a), Value::Certificate(b)) => Ok(a == b),
        (Value::Time(a), Value::Time(b)) => Ok(a.secs == b.secs && a.nanos == b.nanos && a.offset() == b.offset()),
        _ => fail(format!("non-comparable type {}", cx.heap.type_name(b))),
    }
}

fn is_nil(cx: &Context, value: &Value) -> bool {
    match value {
        Value::Invalid | Value::Nil => true,
        Value::List(id) => cx.heap.list(*id).nil,
        Value::Map(id) => cx.heap.map(*id).nil,
        _ => false,
    }
}

fn less(cx: &mut Context, a: &Value, b: &Value) -> Outcome<bool> {
    if basic(a) == Basic::None || basic(b) == Basic::None {
        return fail("invalid type for comparison");
    }
    match (a, b) {
        (Value::Int(_, a), Value::Int(_, b)) => Ok(a < b),
        (Value::Float(a), Value::Float(b)) => Ok(a < b),
        (Value::Str(a), Value::Str(b)) => Ok(**a < **b),
        (Value::Bool(_), Value::Bool(_)) | (Value::Complex(..), Value::Complex(..)) => fail("invalid type for comparison"),
        _ => incompatible(cx, a, b),
    }
}

fn less_or_equal(cx: &mut Context, args: Args) -> Outcome<bool> {
    Ok(less(cx, args.any(0), args.any(1))? || equal_any(cx, args.any(0), args.rest(1))?)
}

fn length(cx: &mut Context, args: Args) -> Outcome {
    let length = match args.any(0) {
        Value::Str(text) => text.len(),
        Value::List(id) => cx.heap.items(*id).len(),
        Value::Map(id) => cx.heap.map(*id).entries.len(),
        Value::Invalid | Value::Nil => return fail("len of nil"),
        other => return fail(format!("len of type {}", cx.heap.type_name(other))),
    };
    Ok(Value::int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn index(cx: &mut Context, args: Args) -> Outcome {
    let mut item = args.any(0).clone();
    if item.is_nil() {
        return fail("index of untyped nil");
    }
    for key in args.rest(1) {
        item = match &item {
            Value::Nil | Value::Invalid => return fail("index of nil pointer"),
            Value::Map(id) => {
                let Value::Str(key) = key else {
                    return fail(match key {
                        Value::Invalid | Value::Nil => "value is nil; should be of type string".to_owned(),
                        other => format!("value has type {}; should be string", cx.heap.type_name(other)),
                    });
                };
                let map = cx.heap.map(*id);
                let zero = if map.of_strings { Value::str(*b"") } else { Value::Nil };
                map.entries.get(key).cloned().unwrap_or(zero)
            }
            Value::List(id) => {
                let items = cx.heap.items(*id);
                match position(cx, key)?.and_then(|at| items.get(at)) {
                    Some(found) => found.clone(),
                    None => return fail("index out of range"),
                }
            }
            Value::Str(text) => match position(cx, key)?.and_then(|at| text.get(at)) {
                Some(byte) => Value::Int(IntKind::Uint8, i64::from(*byte)),
                None => return fail("index out of range"),
            },
            other => return fail(format!("can't index item of type {}", cx.heap.type_name(other))),
        };
    }
    Ok(item)
}

fn position(cx: &Context, key: &Value) -> Outcome<Option<usize>> {
    match key {
        Value::Int(_, n) => Ok(usize::try_from(*n).ok()),
        Value::Invalid | Value::Nil => fail("cannot index slice/array with nil"),
        other => fail(format!("cannot index slice/array with type {}", cx.heap.type_name(other))),
    }
}

/// One string as it is, anything else as `print` would have it.
fn joined(cx: &mut Context, args: Args) -> Outcome<Vec<u8>> {
    match args.0 {
        [Value::Str(text)] => Ok(text.to_vec()),
        [Value::Nil] => Ok(b"<no value>".to_vec()),
        values => {
            let shown: Vec<Value> =
                values.iter().map(|v| if v.is_nil() { Value::str(*b"<no value>") } else { v.clone() }).collect();
            format::sprint(cx, &shown)
        }
    }
}

fn html(cx: &mut Context, args: Args) -> Outcome {
    let text = joined(cx, args)?;
    let mut out = Vec::with_capacity(text.len());
    for &byte in &text {
        match byte {
            0 => out.extend_from_slice("\u{fffd}".as_bytes()),
            b'"' => out.extend_from_slice(b"&#34;"),
            b'\'' => out.extend_from_slice(b"&#39;"),
            b'&' => out.extend_from_slice(b"&amp;"),
            b'<' => out.extend_from_slice(b"&lt;"),
            b'>' => out.extend_from_slice(b"&gt;"),
            _ => out.push(byte),
        }
    }
    cx.string(out)
}

fn js(cx: &mut Context, args: Args) -> Outcome {
    let text = joined(cx, args)?;
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_slice();
    while let Some((c, width)) = unicode::decode(rest) {
        let (head, tail) = rest.split_at_checked(width).unwrap_or((rest, &[]));
        match c {
            '\\' => out.extend_from_slice(b"\\\\"),
            '\'' => out.extend_from_slice(b"\\'"),
            '"' => out.extend_from_slice(b"\\\""),
            '<' | '>' | '&' | '=' | '\0'..='\x1f' => out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes()),
            // An invalid byte counts as U+FFFD, which prints, and stays the byte it is.
            _ if c.is_ascii() || unicode::is_print(c) => out.extend_from_slice(head),
            _ => out.extend_from_slice(format!("\\u{:04X}", u32::from(c)).as_bytes()),
        }
        rest = tail;
    }
    cx.string(out)
}

fn urlquery(cx: &mut Context, args: Args) -> Outcome {
    let text = joined(cx, args)?;
    cx.take(text.len() * 3)?;
    let mut out = Vec::with_capacity(text.len());
    for &byte in &text {
        match byte {
            b' ' => out.push(b'+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte),
            _ => out.extend_from_slice(format!("%{byte:02X}").as_bytes()),
        }
    }
    Ok(Value::str(out))
}

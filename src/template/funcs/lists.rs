//! sprig's lists.
//!
//! Follows sprig v3.3.0 `list.go` and the number series of `numeric.go`. Lists are not changed but made anew.

use super::defaults::empty;
use super::reflect::deep_equal;
use super::{Args, Function, function, list_arg};
use crate::template::context::{Context, Outcome, fail};
use crate::template::funcs::math::to_int;
use crate::template::value::{List, ListKind, Value};

pub(super) const TABLE: &[Function] = &[
    function("list", "a*", list),
    function("tuple", "a*", list),
    function("append", "aa", push),
    function("push", "aa", push),
    function("mustAppend", "aa", push),
    function("mustPush", "aa", push),
    function("prepend", "aa", prepend),
    function("mustPrepend", "aa", prepend),
    function("first", "a", |cx, args| end(cx, args, true)),
    function("mustFirst", "a", |cx, args| end(cx, args, true)),
    function("last", "a", |cx, args| end(cx, args, false)),
    function("mustLast", "a", |cx, args| end(cx, args, false)),
    function("rest", "a", |cx, args| all_but(cx, args, true)),
    function("mustRest", "a", |cx, args| all_but(cx, args, true)),
    function("initial", "a", |cx, args| all_but(cx, args, false)),
    function("mustInitial", "a", |cx, args| all_but(cx, args, false)),
    function("reverse", "a", reverse),
    function("mustReverse", "a", reverse),
    function("compact", "a", compact),
    function("mustCompact", "a", compact),
    function("uniq", "a", uniq),
    function("mustUniq", "a", uniq),
    function("without", "aa*", without),
    function("mustWithout", "aa*", without),
    function("has", "aa", has),
    function("mustHas", "aa", has),
    function("slice", "aa*", slice),
    function("mustSlice", "aa*", slice),
    function("concat", "a*", concat),
    function("chunk", "ia", chunk),
    function("mustChunk", "ia", chunk),
    function("until", "i", |cx, args| {
        let count = args.int(0);
        let series = series(cx, 0, count, if count < 0 { -1 } else { 1 })?;
        cx.list_of(ListKind::Ints, series.into_iter().map(Value::int).collect())
    }),
    function("untilStep", "iii", |cx, args| {
        let series = series(cx, args.int(0), args.int(1), args.int(2))?;
        cx.list_of(ListKind::Ints, series.into_iter().map(Value::int).collect())
    }),
    function("seq", "i*", seq),
];

fn list(cx: &mut Context, args: Args) -> Outcome {
    cx.list(args.0.to_vec())
}

/// The items of a list as interfaces. A `[][]interface{}` gives its inner lists.
fn items(cx: &mut Context, value: &Value, what: &str) -> Outcome<Vec<Value>> {
    let id = list_arg(cx, value, what)?;
    let items = cx.heap.items(id);
    cx.take(items.len() * size_of::<Value>())?;
    Ok(items.to_vec())
}

fn push(cx: &mut Context, args: Args) -> Outcome {
    let mut items = items(cx, args.any(0), "push on")?;
    items.push(args.any(1).clone());
    cx.list(items)
}

fn prepend(cx: &mut Context, args: Args) -> Outcome {
    let mut items = items(cx, args.any(0), "prepend on")?;
    items.insert(0, args.any(1).clone());
    cx.list(items)
}

fn end(cx: &mut Context, args: Args, first: bool) -> Outcome {
    let id = list_arg(cx, args.any(0), if first { "find first on" } else { "find last on" })?;
    let items = cx.heap.items(id);
    Ok(if first { items.first() } else { items.last() }.cloned().unwrap_or(Value::Nil))
}

fn all_but(cx: &mut Context, args: Args, first: bool) -> Outcome {
    let mut items = items(cx, args.any(0), if first { "find rest on" } else { "find initial on" })?;
    if items.is_empty() {
        return cx.nil_list(ListKind::Any);
    }
    if first {
        items.remove(0);
    } else {
        items.pop();
    }
    cx.list(items)
}

fn reverse(cx: &mut Context, args: Args) -> Outcome {
    let mut items = items(cx, args.any(0), "find reverse on")?;
    items.reverse();
    cx.list(items)
}

fn compact(cx: &mut Context, args: Args) -> Outcome {
    let mut items = items(cx, args.any(0), "compact on")?;
    items.retain(|item| !empty(cx, item));
    cx.list(items)
}

fn contains(cx: &mut Context, items: &[Value], wanted: &Value) -> Outcome<bool> {
    for item in items {
        if deep_equal(cx, wanted, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn uniq(cx: &mut Context, args: Args) -> Outcome {
    let mut kept: Vec<Value> = Vec::new();
    for item in items(cx, args.any(0), "find uniq on")? {
        if !contains(cx, &kept, &item)? {
            kept.push(item);
        }
    }
    cx.list(kept)
}

fn without(cx: &mut Context, args: Args) -> Outcome {
    let mut kept = Vec::new();
    for item in items(cx, args.any(0), "find without on")? {
        if !contains(cx, args.rest(1), &item)? {
            kept.push(item);
        }
    }
    cx.list(kept)
}

fn has(cx: &mut Context, args: Args) -> Outcome {
    if args.any(1).is_nil() {
        return Ok(Value::Bool(false));
    }
    let id = list_arg(cx, args.any(1), "find has on")?;
    let items = cx.heap.items(id);
    contains(cx, &items, args.any(0)).map(Value::Bool)
}

fn slice(cx: &mut Context, args: Args) -> Outcome {
    let id = list_arg(cx, args.any(0), "slice")?;
    let list = cx.heap.list(id);
    let length = list.items.len();
    if length == 0 {
        return Ok(Value::Nil);
    }
    let start = args.0.get(1).map_or(0, to_int);
    let end = args.0.get(2).map_or(i64::try_from(length).unwrap_or(i64::MAX), to_int);
    let bounds = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let Some(part) = bounds.and_then(|(start, end)| list.items.get(start..end)) else {
        return fail("slice bounds out of range");
    };
    cx.take(32 + size_of_val(part))?;
    let items = std::rc::Rc::new(part.to_vec());
    Ok(Value::List(cx.heap.add_list(List { items, ..list })))
}

fn concat(cx: &mut Context, args: Args) -> Outcome {
    let mut all = Vec::new();
    for value in args.0 {
        all.append(&mut items(cx, value, "concat as list")?);
    }
    if all.is_empty() {
        return cx.nil_list(ListKind::Any);
    }
    cx.list(all)
}

fn chunk(cx: &mut Context, args: Args) -> Outcome {
    let items = items(cx, args.any(1), "chunk")?;
    let Some(size) = usize::try_from(args.int(0)).ok().filter(|size| *size > 0) else {
        return fail("chunk: the size must be positive");
    };
    let mut chunks = Vec::new();
    for part in items.chunks(size) {
        chunks.push(cx.list(part.to_vec())?);
    }
    cx.list_of(ListKind::Lists, chunks)
}

/// sprig's `untilStep`.
fn series(cx: &mut Context, start: i64, stop: i64, step: i64) -> Outcome<Vec<i64>> {
    let down = stop < start;
    if step == 0 || down != (step < 0) {
        return Ok(Vec::new());
    }
    let distance = i128::from(stop).abs_diff(i128::from(start));
    let count = distance.div_ceil(u128::from(step.unsigned_abs()));
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    cx.take(count.saturating_mul(8))?;
    cx.step(count)?;
    Ok((0..count)
        .scan(start, |at, _| {
            let now = *at;
            *at = at.wrapping_add(step);
            Some(now)
        })
        .collect())
}

fn seq(cx: &mut Context, args: Args) -> Outcome {
    let away = |start: i64, end: i64| if end < start { -1 } else { 1 };
    let (start, stop, step) = match args.0.len() {
        1 => {
            let by = away(1, args.int(0));
            (1, args.int(0).saturating_add(by), by)
        }
        2 => {
            let by = away(args.int(0), args.int(1));
            (args.int(0), args.int(1).saturating_add(by), by)
        }
        3 => {
            let by = away(args.int(0), args.int(2));
            if by < 0 && args.int(1) > 0 {
                return cx.string(Vec::new());
            }
            (args.int(0), args.int(2).saturating_add(by), args.int(1))
        }
        _ => return cx.string(Vec::new()),
    };
    let mut out = Vec::new();
    for (n, value) in series(cx, start, stop, step)?.into_iter().enumerate() {
        if n > 0 {
            cx.put(&mut out, b" ")?;
        }
        cx.put(&mut out, value.to_string().as_bytes())?;
    }
    Ok(Value::str(out))
}

//! sprig's dictionaries.
//!
//! Follows sprig v3.3.0 `dict.go`, mergo 1.0.1 (`merge*`) and copystructure 1.2.0 (`deepCopy`). Dictionaries are references, as in
//! Go: `set` changes the one that others hold. Where Go's order of keys is random, ours is sorted.

use std::collections::BTreeMap;

use super::{Args, Function, function};
use crate::template::context::{Context, Outcome, fail};
use crate::template::format;
use crate::template::value::{List, MapId, Str, Value};

pub(super) const TABLE: &[Function] = &[
    function("dict", "a*", |cx, args| {
        let mut entries = BTreeMap::new();
        for pair in args.0.chunks(2) {
            let key = match pair.first() {
                Some(Value::Str(text)) => text.clone(),
                Some(other) => Str::new(format::text_of(cx, other)?),
                None => break,
            };
            entries.insert(key, pair.get(1).cloned().unwrap_or(Value::str(*b"")));
        }
        cx.map(entries)
    }),
    function("get", "ms", |cx, args| {
        let found = args.map(0).and_then(|id| cx.heap.map(id).entries.get(args.text(1)).cloned());
        Ok(found.unwrap_or(Value::str(*b"")))
    }),
    function("set", "msa", |cx, args| {
        cx.take(64)?;
        let key = Str::copy_of(args.text(1));
        match args.map(0).and_then(|id| cx.heap.map_mut(id)) {
            Some(map) if !map.nil => map.entries.insert(key, args.any(2).clone()),
            _ => return fail("assignment to entry in nil map"),
        };
        Ok(args.any(0).clone())
    }),
    function("unset", "ms", |cx, args| {
        if let Some(map) = args.map(0).and_then(|id| cx.heap.map_mut(id)) {
            map.entries.remove(args.text(1));
        }
        Ok(args.any(0).clone())
    }),
    function("hasKey", "ms", |cx, args| {
        Ok(Value::Bool(args.map(0).is_some_and(|id| cx.heap.map(id).entries.contains_key(args.text(1)))))
    }),
    function("pluck", "sm*", |cx, args| {
        let maps = (1..args.0.len()).filter_map(|n| args.map(n));
        let found = maps.filter_map(|id| cx.heap.map(id).entries.get(args.text(0)).cloned()).collect();
        cx.list(found)
    }),
    function("keys", "m*", |cx, args| {
        let mut keys = Vec::new();
        for id in (0..args.0.len()).filter_map(|n| args.map(n)) {
            cx.step(cx.heap.map(id).entries.len())?;
            keys.extend(cx.heap.map(id).entries.keys().cloned().map(Value::Str));
        }
        cx.list_of(crate::template::value::ListKind::Strs, keys)
    }),
    function("values", "m", |cx, args| {
        let values = args.map(0).map(|id| cx.heap.map(id).entries.values().cloned().collect()).unwrap_or_default();
        cx.list(values)
    }),
    function("pick", "ms*", |cx, args| {
        let wanted = (1..args.0.len()).map(|n| args.text(n));
        let entries = args.map(0).map(|id| cx.heap.map(id).entries.clone()).unwrap_or_default();
        cx.step(entries.len())?;
        let picked = wanted.filter_map(|key| entries.get_key_value(key)).map(|(k, v)| (k.clone(), v.clone())).collect();
        cx.map(picked)
    }),
    function("omit", "ms*", |cx, args| {
        let mut entries = args.map(0).map(|id| cx.heap.map(id).entries.clone()).unwrap_or_default();
        cx.step(entries.len())?;
        for key in (1..args.0.len()).map(|n| args.text(n)) {
            entries.remove(key);
        }
        cx.map(entries)
    }),
    function("merge", "mm*", |cx, args| merge_all(cx, args, false)),
    function("mustMerge", "mm*", |cx, args| merge_all(cx, args, false)),
    function("mergeOverwrite", "mm*", |cx, args| merge_all(cx, args, true)),
    function("mustMergeOverwrite", "mm*", |cx, args| merge_all(cx, args, true)),
    function("deepCopy", "a", deep_copy),
    function("mustDeepCopy", "a", deep_copy),
    function("dig", "a*", dig),
];

fn merge_all(cx: &mut Context, args: Args, overwrite: bool) -> Outcome {
    let (target, sources) = args.0.split_first().unwrap_or((&Value::Nil, &[]));
    let target = match target {
        Value::Map(id) => *id,
        _ => match cx.map(BTreeMap::new())? {
            Value::Map(id) => id,
            _ => return fail("merge into nothing"),
        },
    };
    for source in sources {
        if let Value::Map(id) = source {
            merge(cx, target, *id, overwrite)?;
        }
    }
    Ok(Value::Map(target))
}

/// mergo's `deepMerge` of maps: what is missing or empty is filled in, maps in maps are merged, and with `overwrite` what the
/// source has (and is not nothing) wins.
fn merge(cx: &mut Context, target: MapId, source: MapId, overwrite: bool) -> Outcome<()> {
    cx.enter()?;
    if target == source {
        cx.leave();
        return Ok(());
    }
    let entries = cx.heap.map(source).entries.clone();
    cx.take(entries.len() * 64)?;
    for (key, value) in entries {
        cx.step(1)?;
        let old = cx.heap.map(target).entries.get(&key).cloned();
        let set = match (&value, &old) {
            (Value::Nil, _) => overwrite,
            (_, None) => true,
            (Value::Map(from), Some(Value::Map(to))) => {
                if cx.heap.map(*to).of_strings != cx.heap.map(*from).of_strings {
                    return fail("cannot merge maps of different types");
                }
                merge(cx, *to, *from, overwrite)?;
                cx.heap.map(*to).entries.is_empty()
            }
            (_, Some(old)) => overwrite || is_empty(cx, old),
        };
        if set && let Some(map) = cx.heap.map_mut(target) {
            map.entries.insert(key, value);
        }
    }
    cx.leave();
    Ok(())
}

/// mergo's emptiness: that of sprig, but for structs and pointers to them.
fn is_empty(cx: &Context, value: &Value) -> bool {
    !cx.heap.truth(value)
}

fn deep_copy(cx: &mut Context, args: Args) -> Outcome {
    if args.any(0).is_nil() {
        return fail("nothing to copy");
    }
    copy(cx, args.any(0))
}

fn copy(cx: &mut Context, value: &Value) -> Outcome {
    cx.enter()?;
    let copied = match value {
        Value::List(id) => {
            let list = cx.heap.list(*id);
            let mut items = Vec::with_capacity(list.items.len());
            for item in list.items.iter() {
                items.push(copy(cx, item)?);
            }
            cx.take(32 + items.len() * size_of::<Value>())?;
            Value::List(cx.heap.add_list(List { items: std::rc::Rc::new(items), ..list }))
        }
        Value::Map(id) => {
            let of_strings = cx.heap.map(*id).of_strings;
            let mut entries = cx.heap.map(*id).entries.clone();
            cx.take(entries.len() * 64)?;
            for value in entries.values_mut() {
                *value = copy(cx, value)?;
            }
            cx.map_of(entries, of_strings)?
        }
        plain => plain.clone(),
    };
    cx.leave();
    Ok(copied)
}

fn dig(cx: &mut Context, args: Args) -> Outcome {
    let [path @ .., default, from] = args.0 else { return fail("dig needs at least three arguments") };
    if path.is_empty() {
        return fail("dig needs at least three arguments");
    }
    let mut value = from.clone();
    for key in path {
        let Value::Str(key) = key else { return fail("dig: a key that is not a string") };
        let entries = match &value {
            Value::Map(id) if !cx.heap.map(*id).of_strings => &cx.heap.map(*id).entries,
            other => return fail(format!("dig: looking for a key in a {}", cx.heap.type_name(other))),
        };
        let Some(next) = entries.get(key).cloned() else { return Ok(default.clone()) };
        value = next;
    }
    Ok(value)
}

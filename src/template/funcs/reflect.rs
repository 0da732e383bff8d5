//! sprig's functions about types: `typeOf`, `kindOf`, `typeIs`, `kindIs`, `typeIsLike`, `deepEqual`; and `semver`.

use super::{Args, Function, function};
use crate::template::context::{Context, Outcome, fail};
use crate::template::semver::{Constraint, Version};
use crate::template::value::Value;

pub(super) const TABLE: &[Function] = &[
    function("typeOf", "a", |cx, args| cx.string(cx.heap.type_name(args.any(0)).into())),
    function("kindOf", "a", |cx, args| cx.string(cx.heap.kind_name(args.any(0)).into())),
    function("typeIs", "sa", |cx, args| Ok(Value::Bool(args.text(0) == cx.heap.type_name(args.any(1)).as_bytes()))),
    function("kindIs", "sa", |cx, args| Ok(Value::Bool(args.text(0) == cx.heap.kind_name(args.any(1)).as_bytes()))),
    function("typeIsLike", "sa", |cx, args| {
        let name = cx.heap.type_name(args.any(1));
        let like = name.strip_prefix('*').is_some_and(|name| args.text(0) == name.as_bytes());
        Ok(Value::Bool(like || args.text(0) == name.as_bytes()))
    }),
    function("deepEqual", "aa", |cx, args| deep_equal(cx, args.any(0), args.any(1)).map(Value::Bool)),
    function("semver", "s", |_, args| match Version::parse(args.text(0)) {
        Some(version) => Ok(Value::Version(version.into())),
        None => fail("Invalid Semantic Version"),
    }),
    function("semverCompare", "ss", semver_compare),
];

/// `reflect.DeepEqual`.
#[expect(clippy::float_cmp, reason = "Go's == on floats")]
pub(super) fn deep_equal(cx: &mut Context, a: &Value, b: &Value) -> Outcome<bool> {
    cx.enter()?;
    let equal = match (a, b) {
        (Value::Invalid | Value::Nil, Value::Invalid | Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(kind_a, a), Value::Int(kind_b, b)) => kind_a == kind_b && a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Complex(a, b), Value::Complex(c, d)) => a == c && b == d,
        (Value::Str(a), Value::Str(b)) => {
            cx.step(a.len() / 64)?;
            **a == **b
        }
        (Value::List(a), Value::List(b)) => {
            let (a, b) = (cx.heap.list(*a), cx.heap.list(*b));
            let mut same = a.kind == b.kind && a.nil == b.nil && a.items.len() == b.items.len();
            for (a, b) in a.items.iter().zip(b.items.iter()) {
                same = same && deep_equal(cx, a, b)?;
            }
            same
        }
        (Value::Map(a), Value::Map(b)) if a == b => true,
        (Value::Map(a), Value::Map(b)) => {
            let (a, b) = (cx.heap.map(*a).clone(), cx.heap.map(*b).clone());
            cx.take((a.entries.len() + b.entries.len()) * 64)?;
            let mut same = a.of_strings == b.of_strings && a.nil == b.nil && a.entries.len() == b.entries.len();
            for ((key_a, a), (key_b, b)) in a.entries.iter().zip(b.entries.iter()) {
                same = same && key_a == key_b && deep_equal(cx, a, b)?;
            }
            same
        }
        (Value::Time(a), Value::Time(b)) => a.secs == b.secs && a.nanos == b.nanos && a.offset() == b.offset(),
        (Value::Version(a), Value::Version(b)) => a == b,
        (Value::Certificate(a), Value::Certificate(b)) => a == b,
        _ => false,
    };
    cx.leave();
    Ok(equal)
}

fn semver_compare(cx: &mut Context, args: Args) -> Outcome {
    cx.step(args.text(0).len() + args.text(1).len())?;
    let Some(constraint) = Constraint::parse(args.text(0)) else { return fail("improper constraint") };
    let Some(version) = Version::parse(args.text(1)) else { return fail("Invalid Semantic Version") };
    Ok(Value::Bool(constraint.allows(&version)))
}

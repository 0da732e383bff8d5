//! sprig's functions about empty values: `default`, `empty`, `coalesce`, `all`, `any`, `ternary`; and `fail`.

use super::{Args, Function, function};
use crate::template::context::{Context, fail};
use crate::template::value::Value;

pub(super) const TABLE: &[Function] = &[
    function("default", "aa*", |cx, args| {
        let given = args.any(1);
        let value = if args.rest(1).is_empty() || empty(cx, given) { args.any(0) } else { given };
        Ok(value.clone())
    }),
    function("empty", "a", |cx, args| Ok(Value::Bool(empty(cx, args.any(0))))),
    function("coalesce", "a*", |cx, args| Ok(args.0.iter().find(|v| !empty(cx, v)).cloned().unwrap_or(Value::Nil))),
    function("all", "a*", |cx, args| Ok(Value::Bool(!args.0.iter().any(|v| empty(cx, v))))),
    function("any", "a*", |cx, args| Ok(Value::Bool(args.0.iter().any(|v| !empty(cx, v))))),
    function("ternary", "aab", |_, args: Args| Ok(if args.bool(2) { args.any(0) } else { args.any(1) }.clone())),
    // The message is computed and may hold a secret: only that the template gave up is told, and where.
    function("fail", "s", |_, _| fail("the template failed on purpose (its message is not shown)")),
];

/// sprig's `empty`: the zero value or nothing in it. A struct never is.
pub(super) fn empty(cx: &Context, value: &Value) -> bool {
    !cx.heap.truth(value)
}

//! The functions a template may call: Go's own and sprig's.
//!
//! All of sprig v3.3.0's generic functions but `env`, `expandenv` and `getHostByName`, which would show a template the machine it
//! is rendered on. Each has a signature, one letter a parameter, by which the interpreter checks operands as Go's reflection does:
//! `s` string, `i` int, `u` uint32, `f` float64, `b` bool, `t` time, `d` duration, `p` version, `c` certificate,
//! `m` map[string]interface{}, `l` []interface{}, `a` any interface, `v` any value, and `*` after the last one repeats it.

mod builtins;
mod cases;
mod certs;
mod decimal;
mod defaults;
mod dicts;
mod encoding;
mod lists;
mod math;
mod passwords;
mod paths;
mod random;
mod reflect;
mod regexes;
mod strings;
mod times;
mod urls;
mod words;

pub(super) use times::round_to as round_duration;

use std::collections::HashMap;
use std::sync::LazyLock;

use super::context::{Context, Outcome, fail};
use super::value::{ListId, MapId, Value};

/// A function's body.
pub(super) type Body = fn(&mut Context, Args) -> Outcome;

/// How a function runs; `and` and `or` decide operand by operand.
#[derive(Clone, Copy, Debug)]
pub(super) enum Run {
    And,
    Or,
    Plain(Body),
}

/// A function as templates see it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Function {
    pub(super) name: &'static str,
    params: &'static str,
    pub(super) run: Run,
}

/// An entry of a table.
pub(super) const fn function(name: &'static str, params: &'static str, body: Body) -> Function {
    Function { name, params, run: Run::Plain(body) }
}

impl Function {
    /// How many parameters must be there.
    pub(super) fn fixed(&self) -> usize {
        if self.variadic().is_some() { self.params.len() - 2 } else { self.params.len() }
    }

    /// The type of the parameter that repeats.
    pub(super) fn variadic(&self) -> Option<u8> {
        match self.params.as_bytes() {
            [.., last, b'*'] => Some(*last),
            _ => None,
        }
    }

    /// The type of the `n`th operand.
    pub(super) fn param(&self, n: usize) -> u8 {
        match self.params.as_bytes().get(n) {
            Some(b'*') | None => self.variadic().unwrap_or(b'a'),
            Some(param) => *param,
        }
    }
}

static ALL: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    let tables: [&'static [Function]; 17] = [
        builtins::TABLE,
        cases::TABLE,
        certs::TABLE,
        defaults::TABLE,
        dicts::TABLE,
        encoding::TABLE,
        lists::TABLE,
        math::TABLE,
        passwords::TABLE,
        paths::TABLE,
        random::TABLE,
        reflect::TABLE,
        regexes::TABLE,
        strings::TABLE,
        times::TABLE,
        urls::TABLE,
        words::TABLE,
    ];
    tables.into_iter().flatten().map(|function| (function.name, function)).collect()
});

/// The function of that name.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    ALL.get(name).copied()
}

/// All names, for tests and documentation.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = ALL.keys().copied().collect();
    names.sort_unstable();
    names
}

/// Checked operands. A position that the signature does not have reads as the type's zero.
#[derive(Clone, Copy)]
pub(super) struct Args<'v>(pub(super) &'v [Value]);

impl<'v> Args<'v> {
    pub(super) fn any(self, n: usize) -> &'v Value {
        self.0.get(n).unwrap_or(&Value::Nil)
    }

    pub(super) fn text(self, n: usize) -> &'v [u8] {
        match self.any(n) {
            Value::Str(text) => text,
            _ => &[],
        }
    }

    pub(super) fn int(self, n: usize) -> i64 {
        match self.any(n) {
            Value::Int(_, n) => *n,
            _ => 0,
        }
    }

    pub(super) fn float(self, n: usize) -> f64 {
        match self.any(n) {
            Value::Float(f) => *f,
            _ => 0.0,
        }
    }

    pub(super) fn bool(self, n: usize) -> bool {
        matches!(self.any(n), Value::Bool(true))
    }

    /// `None` for a nil map.
    pub(super) fn map(self, n: usize) -> Option<MapId> {
        match self.any(n) {
            Value::Map(id) => Some(*id),
            _ => None,
        }
    }

    pub(super) fn rest(self, from: usize) -> &'v [Value] {
        self.0.get(from..).unwrap_or(&[])
    }
}

/// The list an operand is, whatever its element type; anything else is a fault that names what was asked of it.
pub(super) fn list_arg(cx: &Context, value: &Value, what: &str) -> Outcome<ListId> {
    match value {
        Value::List(id) => Ok(*id),
        other => fail(format!("Cannot {what} type {}", cx.heap.kind_name(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_go_s_19_functions_and_sprig_s_generic_ones_without_the_three_that_see_the_machine() {
        let names = names();
        for gone in ["env", "expandenv", "getHostByName"] {
            assert!(!names.contains(&gone), "{gone}");
        }

        // sprig v3.3.0 has 211 generic functions; `slice` is both Go's and sprig's, and sprig's wins.
        assert_eq!(names.len(), 208 + 18, "{names:?}");
    }
}

//! Commands and calls: what an operand is worth where a parameter of some type stands.
//!
//! Go templates are typed where functions are called: `upper 1` is an error, `add "1"` is not, `index . "x"` takes anything. The
//! rules (`evalArg`, `validateType`, `idealConstant`) are those of `text/template/exec.go`.

use super::ast::{Arg, ArgKind, Command, Number};
use super::context::{Outcome, fail};
use super::exec::Exec;
use super::funcs::{Args, Function, Run};
use super::methods;
use super::value::{IntKind, ListKind, Value};

impl<'a> Exec<'a, '_, '_> {
    /// Runs one command; `piped` is the value of the command before it.
    pub(super) fn command(&mut self, dot: &Value, command: &'a Command, piped: Option<Value>) -> Outcome {
        let Some((first, args)) = command.args.split_first() else { return fail("empty command") };
        self.cx.step(1)?;
        self.first_word(dot, first, args, piped).map_err(|fault| fault.at(first.pos))
    }

    fn first_word(&mut self, dot: &Value, first: &'a Arg, args: &'a [Arg], piped: Option<Value>) -> Outcome {
        match &first.kind {
            ArgKind::Field(names) => return self.fields(dot, dot.clone(), names, args, piped),
            ArgKind::Chain(inner, names) => {
                let receiver = self.chain_start(dot, inner)?;
                return self.fields(dot, receiver, names, args, piped);
            }
            ArgKind::Call(function) => return self.call(dot, function, args, piped),
            ArgKind::Variable(name, names) if !names.is_empty() => {
                let receiver = self.var(name)?;
                return self.fields(dot, receiver, names, args, piped);
            }
            _ => {}
        }
        if !args.is_empty() || piped.is_some() {
            return fail("can't give argument to non-function");
        }
        match &first.kind {
            ArgKind::Pipe(pipe) => self.pipeline(dot, pipe),
            ArgKind::Variable(name, _) => self.var(name),
            ArgKind::Nil => fail("nil is not a command"),
            _ => self.plain(dot, first),
        }
    }

    /// An operand that stands for itself, where any type would do.
    fn plain(&mut self, dot: &Value, arg: &'a Arg) -> Outcome {
        match &arg.kind {
            ArgKind::Bool(b) => Ok(Value::Bool(*b)),
            ArgKind::Dot => Ok(dot.clone()),
            ArgKind::Str(text) => Ok(Value::Str(text.clone())),
            ArgKind::Number(number) => ideal(*number),
            _ => fail("can't evaluate operand"),
        }
    }

    fn chain_start(&mut self, dot: &Value, inner: &'a Arg) -> Outcome {
        match &inner.kind {
            ArgKind::Nil => fail("indirection through explicit nil"),
            _ => self.operand(dot, inner),
        }
    }

    /// An operand that is computed (not a literal).
    fn operand(&mut self, dot: &Value, arg: &'a Arg) -> Outcome {
        match &arg.kind {
            ArgKind::Field(names) => self.fields(dot, dot.clone(), names, &[], None),
            ArgKind::Variable(name, names) => {
                let value = self.var(name)?;
                if names.is_empty() { Ok(value) } else { self.fields(dot, value, names, &[], None) }
            }
            ArgKind::Pipe(pipe) => self.pipeline(dot, pipe),
            ArgKind::Call(function) => self.call(dot, function, &[], None),
            ArgKind::Chain(inner, names) => {
                self.cx.enter()?;
                let receiver = self.chain_start(dot, inner)?;
                let value = self.fields(dot, receiver, names, &[], None);
                self.cx.leave();
                value
            }
            _ => self.plain(dot, arg),
        }
    }

    fn fields(
        &mut self,
        dot: &Value,
        mut receiver: Value,
        names: &'a [Box<str>],
        args: &'a [Arg],
        piped: Option<Value>,
    ) -> Outcome {
        let Some((last, path)) = names.split_last() else { return Ok(receiver) };
        for name in path {
            self.cx.step(1)?;
            receiver = self.field(dot, &receiver, name, &[], None)?;
        }
        self.field(dot, &receiver, last, args, piped)
    }

    fn field(&mut self, dot: &Value, receiver: &Value, name: &str, args: &'a [Arg], piped: Option<Value>) -> Outcome {
        if let Some(method) = methods::find(receiver, name) {
            let mut values = vec![receiver.clone()];
            self.evaluate(dot, method, args, piped, &mut values)?;
            return self.invoke(method, &values);
        }
        let value = self.key_of(receiver, name)?;
        if (!args.is_empty() || piped.is_some()) && !matches!(receiver, Value::Invalid) {
            return fail(format!("{name} is not a method but has arguments"));
        }
        Ok(value)
    }

    fn call(&mut self, dot: &Value, function: &'static Function, args: &'a [Arg], piped: Option<Value>) -> Outcome {
        let decides = match function.run {
            Run::And => false,
            Run::Or => true,
            Run::Plain(_) => {
                let mut values = Vec::with_capacity(args.len() + 1);
                self.evaluate(dot, function, args, piped, &mut values)?;
                return self.invoke(function, &values);
            }
        };
        if args.is_empty() && piped.is_none() {
            return fail(format!("wrong number of args for {}: want at least 1 got 0", function.name));
        }
        let mut value = Value::Invalid;
        for arg in args {
            value = self.argument(dot, b'v', arg)?;
            if self.cx.heap.truth(&value) == decides {
                return Ok(value);
            }
        }
        Ok(piped.unwrap_or(value))
    }

    fn invoke(&mut self, function: &Function, values: &[Value]) -> Outcome {
        let Run::Plain(run) = function.run else { return fail("not a plain function") };
        self.cx.step(2)?;
        run(self.cx, Args(values)).map_err(|mut fault| {
            if fault.pos.is_none() && !fault.message.starts_with("limit:") {
                fault.message = format!("error calling {}: {}", function.name, fault.message).into();
            }
            fault
        })
    }

    /// Evaluates the operands as the function's parameters want them.
    fn evaluate(
        &mut self,
        dot: &Value,
        function: &Function,
        args: &'a [Arg],
        piped: Option<Value>,
        values: &mut Vec<Value>,
    ) -> Outcome<()> {
        let given = args.len() + usize::from(piped.is_some());
        let fixed = function.fixed();
        let variadic = function.variadic();
        if given < fixed || (variadic.is_none() && given > fixed) {
            let least = if variadic.is_some() { "at least " } else { "" };
            return fail(format!("wrong number of args for {}: want {least}{fixed} got {given}", function.name));
        }
        for (n, arg) in args.iter().enumerate() {
            let param = function.param(n);
            let value = self.argument(dot, param, arg).map_err(|fault| fault.at(arg.pos))?;
            values.push(value);
        }
        if let Some(value) = piped {
            let checked = self.check(value, function.param(args.len()))?;
            values.push(checked);
        }
        Ok(())
    }

    fn argument(&mut self, dot: &Value, param: u8, arg: &'a Arg) -> Outcome {
        match &arg.kind {
            ArgKind::Nil => match param {
                b'v' => Ok(Value::Invalid),
                b'a' | b'm' | b'l' => Ok(Value::Nil),
                _ => fail(format!("cannot assign nil to {}", type_of(param))),
            },
            ArgKind::Dot => self.check(dot.clone(), param),
            ArgKind::Bool(_) | ArgKind::Str(_) | ArgKind::Number(_) => literal(arg, param),
            _ => {
                let value = self.operand(dot, arg)?;
                self.check(value, param)
            }
        }
    }

    /// Whether a value may stand where the parameter is.
    fn check(&self, value: Value, param: u8) -> Outcome {
        let fits = match (param, &value) {
            (b'v', _) => true,
            (b'a', _) => return Ok(value.into_interface()),
            (b'm' | b'l', Value::Invalid) => return Ok(Value::Nil),
            (_, Value::Invalid) => return fail(format!("invalid value; expected {}", type_of(param))),
            (b's', Value::Str(_))
            | (b'i', Value::Int(IntKind::Int, _))
            | (b'd', Value::Int(IntKind::Duration, _))
            | (b'f', Value::Float(_))
            | (b'b', Value::Bool(_))
            | (b't', Value::Time(_))
            | (b'c', Value::Certificate(_))
            | (b'p', Value::Version(_)) => true,
            (b'm', Value::Map(id)) => !self.cx.heap.map(*id).of_strings,
            (b'l', Value::List(id)) => self.cx.heap.list(*id).kind == ListKind::Any,
            _ => false,
        };
        if fits {
            return Ok(value);
        }
        fail(format!("wrong type for value; expected {}; got {}", type_of(param), self.cx.heap.type_name(&value)))
    }
}

/// The type a bare number has where any would do.
fn ideal(number: Number) -> Outcome {
    if let Some((re, im)) = number.complex {
        return Ok(Value::Complex(re, im));
    }
    match (number.looks_float, number.float, number.int) {
        (true, Some(f), _) => Ok(Value::Float(f)),
        (_, _, Some(i)) => Ok(Value::int(i)),
        _ => fail("number overflows int"),
    }
}

/// A literal as a parameter of some type.
fn literal(arg: &Arg, param: u8) -> Outcome {
    match (param, &arg.kind) {
        (b'a' | b'v', ArgKind::Bool(b)) | (b'b', ArgKind::Bool(b)) => Ok(Value::Bool(*b)),
        (b'a' | b'v' | b's', ArgKind::Str(text)) => Ok(Value::Str(text.clone())),
        (b'a' | b'v', ArgKind::Number(number)) => ideal(*number),
        (b'i', ArgKind::Number(Number { int: Some(n), .. })) => Ok(Value::int(*n)),
        (b'd', ArgKind::Number(Number { int: Some(n), .. })) => Ok(Value::Int(IntKind::Duration, *n)),
        // Go takes the low 32 bits.
        (b'u', ArgKind::Number(Number { uint: Some(n), .. })) => Ok(Value::int64(i64::from(*n as u32))),
        (b'f', ArgKind::Number(Number { float: Some(f), .. })) => Ok(Value::Float(*f)),
        (b's', _) => fail("expected string"),
        (b'i' | b'd', _) => fail("expected integer"),
        (b'u', _) => fail("expected unsigned integer"),
        (b'f', _) => fail("expected float"),
        (b'b', _) => fail("expected bool"),
        _ => fail(format!("can't handle a literal for an argument of type {}", type_of(param))),
    }
}

/// Go's name of a parameter type.
fn type_of(param: u8) -> &'static str {
    match param {
        b's' => "string",
        b'i' => "int",
        b'u' => "uint32",
        b'f' => "float64",
        b'b' => "bool",
        b't' => "time.Time",
        b'd' => "time.Duration",
        b'm' => "map[string]interface {}",
        b'l' => "[]interface {}",
        b'c' => "sprig.certificate",
        b'p' => "*semver.Version",
        _ => "interface {}",
    }
}

//! Walks a parsed template: control structures, variables, pipelines.
//!
//! Follows `text/template/exec.go` of Go 1.26 with the default options (a missing key is no value). Every level of nesting, every
//! node and every round of a loop is counted by the [`Context`], so the walk ends whatever the template says.

use super::ast::{Branch, List, Node, NodeKind, Pipe};
use super::context::{Context, Outcome, fail, grow};
use super::parse::Set;
use super::value::{IntKind, Value};
use crate::secret::SecretBytes;

/// How a list of nodes ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// One template being executed.
pub(super) struct Exec<'a, 'c, 'l> {
    pub(super) cx: &'c mut Context<'l>,
    set: &'a Set,
    vars: Vec<(&'a str, Value)>,
    out: Vec<u8>,
}

impl<'a, 'c, 'l> Exec<'a, 'c, 'l> {
    /// Runs the template `name` of `set` over `data`.
    pub(super) fn run(cx: &'c mut Context<'l>, set: &'a Set, name: &[u8], data: Value) -> Outcome<SecretBytes> {
        let Some(root) = set.get(name) else { return fail("incomplete or empty template") };
        let mut exec = Self { cx, set, vars: vec![("$", data.clone())], out: Vec::new() };
        let done = exec.walk_list(&data, root);
        let out = SecretBytes::new(std::mem::take(&mut exec.out));
        done.map(|_| out)
    }

    fn write(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.cx.emit(bytes.len())?;
        self.cx.step(bytes.len() / 256)?;
        grow(&mut self.out, bytes.len());
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn walk_list(&mut self, dot: &Value, list: &'a List) -> Outcome<Flow> {
        self.cx.enter()?;
        for node in list {
            let flow = self.walk(dot, node).map_err(|fault| fault.at(node.pos))?;
            if flow != Flow::Next {
                self.cx.leave();
                return Ok(flow);
            }
        }
        self.cx.leave();
        Ok(Flow::Next)
    }

    fn walk(&mut self, dot: &Value, node: &'a Node) -> Outcome<Flow> {
        self.cx.step(1)?;
        match &node.kind {
            NodeKind::Text(text) => self.write(text.as_bytes())?,
            NodeKind::Action(pipe) => {
                let value = self.pipeline(dot, pipe)?;
                if pipe.decl.is_empty() {
                    self.print(&value)?;
                }
            }
            NodeKind::If(branch) => return self.choose(dot, branch, false),
            NodeKind::With(branch) => return self.choose(dot, branch, true),
            NodeKind::Range(branch) => return self.range(dot, branch),
            NodeKind::Template { name, pipe } => self.call_template(dot, name, pipe.as_ref())?,
            NodeKind::Break => return Ok(Flow::Break),
            NodeKind::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, value: &Value) -> Outcome<()> {
        match value {
            Value::Invalid => self.write(b"<no value>"),
            Value::Str(text) => self.write(text),
            other => {
                let mut text = Vec::new();
                super::format::print_value(self.cx, &mut text, other)?;
                self.write(&text)
            }
        }
    }

    fn choose(&mut self, dot: &Value, branch: &'a Branch, with: bool) -> Outcome<Flow> {
        let mark = self.vars.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let flow = if self.cx.heap.truth(&value) {
            self.walk_list(if with { &value } else { dot }, &branch.body)
        } else if let Some(otherwise) = &branch.otherwise {
            self.walk_list(dot, otherwise)
        } else {
            Ok(Flow::Next)
        };
        self.vars.truncate(mark);
        flow
    }

    fn range(&mut self, dot: &Value, branch: &'a Branch) -> Outcome<Flow> {
        let outer = self.vars.len();
        let over = self.pipeline(dot, &branch.pipe)?;
        let mark = self.vars.len();
        let mut rounds = 0_usize;
        match &over {
            Value::Int(kind, count) => {
                if branch.pipe.decl.len() > 1 {
                    return fail("can't iterate over a number with more than one variable");
                }
                for n in 0..(*count).max(0) {
                    rounds += 1;
                    if self.round(branch, mark, Value::Invalid, Value::Int(*kind, n))? == Flow::Break {
                        break;
                    }
                }
            }
            Value::List(id) => {
                let items = self.cx.heap.items(*id);
                for (n, item) in items.iter().enumerate() {
                    rounds += 1;
                    let index = Value::int(i64::try_from(n).unwrap_or(i64::MAX));
                    if self.round(branch, mark, index, item.clone())? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Map(id) => {
                self.cx.take(self.cx.heap.map(*id).entries.len() * 64)?;
                let entries: Vec<_> = self.cx.heap.map(*id).entries.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
                for (key, value) in entries {
                    rounds += 1;
                    if self.round(branch, mark, Value::Str(key), value)? == Flow::Break {
                        break;
                    }
                }
            }
            Value::Invalid | Value::Nil => {}
            other => return fail(format!("range can't iterate over a {}", self.cx.heap.type_name(other))),
        }
        let flow = match &branch.otherwise {
            Some(otherwise) if rounds == 0 => self.walk_list(dot, otherwise),
            _ => Ok(Flow::Next),
        };
        self.vars.truncate(outer);
        flow
    }

    fn round(&mut self, branch: &'a Branch, mark: usize, index: Value, item: Value) -> Outcome<Flow> {
        self.cx.step(1)?;
        let decl = &branch.pipe.decl;
        if branch.pipe.assign {
            match decl.as_slice() {
                [one] => self.set_var(one, item.clone())?,
                [first, second] => {
                    self.set_var(first, index)?;
                    self.set_var(second, item.clone())?;
                }
                _ => {}
            }
        } else {
            let top = self.vars.len();
            if let Some(slot) = (!decl.is_empty()).then(|| self.vars.get_mut(top - 1)).flatten() {
                slot.1 = item.clone();
            }
            if let Some(slot) = (decl.len() > 1).then(|| self.vars.get_mut(top.saturating_sub(2))).flatten() {
                slot.1 = index;
            }
        }
        let flow = self.walk_list(&item, &branch.body)?;
        self.vars.truncate(mark);
        Ok(if flow == Flow::Break { Flow::Break } else { Flow::Next })
    }

    fn call_template(&mut self, dot: &Value, name: &[u8], pipe: Option<&'a Pipe>) -> Outcome<()> {
        let Some(body) = self.set.get(name) else {
            return fail(format!("template {:?} not defined", String::from_utf8_lossy(name)));
        };
        let data = match pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Invalid,
        };
        let vars = std::mem::replace(&mut self.vars, vec![("$", data.clone())]);
        let flow = self.walk_list(&data, body);
        self.vars = vars;
        flow.map(|_| ())
    }

    /// The value of a pipeline, after declaring what it declares.
    pub(super) fn pipeline(&mut self, dot: &Value, pipe: &'a Pipe) -> Outcome {
        self.cx.enter()?;
        let mut value: Option<Value> = None;
        for command in &pipe.cmds {
            let piped = value.take();
            value = Some(self.command(dot, command, piped)?.out_of_interface());
        }
        self.cx.leave();
        let value = value.unwrap_or(Value::Invalid);
        for name in &pipe.decl {
            if pipe.assign {
                self.set_var(name, value.clone())?;
            } else {
                self.vars.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    fn set_var(&mut self, name: &str, value: Value) -> Outcome<()> {
        match self.vars.iter_mut().rev().find(|(known, _)| *known == name) {
            Some(slot) => {
                slot.1 = value;
                Ok(())
            }
            None => fail(format!("undefined variable: {name}")),
        }
    }

    pub(super) fn var(&self, name: &str) -> Outcome {
        match self.vars.iter().rev().find(|(known, _)| *known == name) {
            Some((_, value)) => Ok(value.clone()),
            None => fail(format!("undefined variable: {name}")),
        }
    }

    /// A field or method of `receiver`, called with `args` where it is a method.
    pub(super) fn key_of(&self, receiver: &Value, name: &str) -> Outcome {
        match receiver {
            Value::Invalid => Ok(Value::Invalid),
            Value::Nil => fail(format!("nil pointer evaluating interface {{}}.{name}")),
            Value::Map(id) => Ok(self.cx.heap.map(*id).entries.get(name.as_bytes()).cloned().unwrap_or(Value::Invalid)),
            Value::Certificate(pair) if name == "Cert" => Ok(Value::Str(pair.0.clone())),
            Value::Certificate(pair) if name == "Key" => Ok(Value::Str(pair.1.clone())),
            other => fail(format!("can't evaluate field {name} in type {}", self.cx.heap.type_name(other))),
        }
    }
}

/// Whether a number is one of Go's unsigned types.
pub(super) fn is_unsigned(kind: IntKind) -> bool {
    matches!(kind, IntKind::Uint8 | IntKind::Uint64)
}

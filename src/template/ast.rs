//! The parsed template. Every node keeps the byte offset where it starts, for error messages.

use super::funcs::Function;

/// A list of nodes between two delimiters.
pub(super) type List = Vec<Node>;

/// One piece of a template.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) pos: usize,
    pub(super) kind: NodeKind,
}

/// What a node does.
#[derive(Debug)]
pub(super) enum NodeKind {
    Text(Box<str>),
    Action(Pipe),
    If(Box<Branch>),
    With(Box<Branch>),
    Range(Box<Branch>),
    Template { name: Box<[u8]>, pipe: Option<Pipe> },
    Break,
    Continue,
}

/// `if`, `with` and `range`: a pipeline and two bodies.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) body: List,
    pub(super) otherwise: Option<List>,
}

/// `$a, $b := cmd | cmd`.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) pos: usize,
    pub(super) assign: bool,
    pub(super) decl: Vec<Box<str>>,
    pub(super) cmds: Vec<Command>,
}

/// Operands side by side; the first is what runs.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) args: Vec<Arg>,
}

/// One operand.
#[derive(Debug)]
pub(super) struct Arg {
    pub(super) pos: usize,
    pub(super) kind: ArgKind,
}

/// What an operand is.
#[derive(Debug)]
pub(super) enum ArgKind {
    Bool(bool),
    Dot,
    Nil,
    Number(Number),
    Str(super::value::Str),
    Field(Vec<Box<str>>),
    /// The variable's name with its `$`, then fields.
    Variable(Box<str>, Vec<Box<str>>),
    Call(&'static Function),
    Chain(Box<Arg>, Vec<Box<str>>),
    Pipe(Box<Pipe>),
}

/// A number literal, as all the types that it could be.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Number {
    pub(super) int: Option<i64>,
    pub(super) uint: Option<u64>,
    pub(super) float: Option<f64>,
    pub(super) complex: Option<(f64, f64)>,
    /// Written as a float (`1.0`, `1e3`), which decides the type where any would do.
    pub(super) looks_float: bool,
}

//! From tokens to a tree, with the rules and the errors of Go's `text/template/parse`.
//!
//! What parses here parses there, with one addition: nesting (parentheses and control structures together) is limited, where
//! Go allows 10,000 parentheses, so that neither parsing nor walking nor dropping a tree can exhaust the stack.

use std::collections::BTreeMap;

use super::ast::{Arg, ArgKind, Branch, Command, List, Node, NodeKind, Pipe};
use super::funcs;
use super::lex::{Kind, Token, tokens};
use super::literal;
use super::value::Str;

/// Deepest nesting of parentheses and control structures in one template.
pub(super) const MAX_NESTING: usize = 100;

/// Why a template does not parse, and the byte offset where it shows.
#[derive(Debug)]
pub(super) struct Bad {
    pub(super) pos: usize,
    pub(super) message: String,
}

/// All templates that one text defines, its own body under its own name.
pub(super) type Set = BTreeMap<Vec<u8>, List>;

type Parsed<T> = Result<T, Bad>;

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    vars: Vec<Box<str>>,
    range_depth: usize,
    nesting: usize,
    set: Set,
}

/// What ended a list of nodes.
enum End {
    End,
    Else,
}

/// Parses the template `name`.
///
/// # Errors
/// The first thing in the text that Go would refuse too, or nesting deeper than [`MAX_NESTING`].
pub(super) fn parse(name: &str, text: &str) -> Parsed<Set> {
    let mut parser =
        Parser { text, tokens: tokens(text), at: 0, vars: vec!["$".into()], range_depth: 0, nesting: 0, set: Set::new() };
    let root = parser.root()?;
    parser.add(name.as_bytes().to_vec(), root)?;
    Ok(parser.set)
}

/// Whether a body has nothing but white space: such a definition may be replaced.
fn is_empty(list: &List) -> bool {
    list.iter().all(|node| matches!(&node.kind, NodeKind::Text(text) if text.trim().is_empty()))
}

impl Parser<'_> {
    fn fail<T>(&self, pos: usize, message: impl Into<String>) -> Parsed<T> {
        Err(Bad { pos, message: message.into() })
    }

    fn peek(&self) -> Token {
        let end = self.text.len();
        self.tokens.get(self.at).or(self.tokens.last()).copied().unwrap_or(Token { kind: Kind::Eof, start: end, end })
    }

    fn next(&mut self) -> Token {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn peek_word(&mut self) -> Token {
        while self.peek().kind == Kind::Space {
            self.at += 1;
        }
        self.peek()
    }

    fn next_word(&mut self) -> Token {
        let token = self.peek_word();
        self.at += 1;
        token
    }

    fn source(&self, token: Token) -> &str {
        self.text.get(token.start..token.end).unwrap_or("")
    }

    fn unexpected<T>(&self, token: Token, context: &str) -> Parsed<T> {
        match token.kind {
            Kind::Error(message) => self.fail(token.start, message),
            Kind::Eof => self.fail(token.start, "unexpected EOF"),
            _ => {
                let mut shown: String = self.source(token).chars().take(20).collect();
                if shown.is_empty() {
                    shown = "end of action".to_owned();
                }
                self.fail(token.start, format!("unexpected {shown:?} in {context}"))
            }
        }
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token> {
        let token = self.next_word();
        if token.kind == kind { Ok(token) } else { self.unexpected(token, context) }
    }

    fn deeper(&mut self, pos: usize) -> Parsed<()> {
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return self.fail(pos, format!("nested more than {MAX_NESTING} deep"));
        }
        Ok(())
    }

    fn add(&mut self, name: Vec<u8>, list: List) -> Parsed<()> {
        match self.set.get(&name) {
            Some(old) if !is_empty(old) => {
                if !is_empty(&list) {
                    let shown = String::from_utf8_lossy(&name).into_owned();
                    return self.fail(self.peek().start, format!("multiple definition of template {shown:?}"));
                }
            }
            _ => {
                self.set.insert(name, list);
            }
        }
        Ok(())
    }

    fn root(&mut self) -> Parsed<List> {
        let mut list = List::new();
        loop {
            let token = self.peek();
            match token.kind {
                Kind::Eof => return Ok(list),
                Kind::LeftDelim => {
                    let before = self.at;
                    self.at += 1;
                    if self.next_word().kind == Kind::Define {
                        self.definition()?;
                        continue;
                    }
                    self.at = before;
                }
                _ => {}
            }
            match self.text_or_action()? {
                Ok(node) => list.push(node),
                Err((_, pos)) => return self.fail(pos, "unexpected {{end}} or {{else}}"),
            }
        }
    }

    fn definition(&mut self) -> Parsed<()> {
        let token = self.next_word();
        let name = self.template_name(token, "define clause")?;
        self.expect(Kind::RightDelim, "define clause")?;
        let body = self.separate_body("define clause")?;
        self.add(name, body)
    }

    /// The body of `define` or `block`: its own variables, outside any loop.
    fn separate_body(&mut self, context: &str) -> Parsed<List> {
        let vars = std::mem::replace(&mut self.vars, vec!["$".into()]);
        let range_depth = std::mem::take(&mut self.range_depth);
        let (list, end, pos) = self.item_list()?;
        if matches!(end, End::Else) {
            return self.fail(pos, format!("unexpected {{{{else}}}} in {context}"));
        }
        self.vars = vars;
        self.range_depth = range_depth;
        Ok(list)
    }

    fn item_list(&mut self) -> Parsed<(List, End, usize)> {
        let mut list = List::new();
        loop {
            let token = self.peek_word();
            if token.kind == Kind::Eof {
                return self.fail(token.start, "unexpected EOF");
            }
            match self.text_or_action()? {
                Ok(node) => list.push(node),
                Err((end, pos)) => return Ok((list, end, pos)),
            }
        }
    }

    /// A node, or the `end` or `else` that closes the list.
    fn text_or_action(&mut self) -> Parsed<Result<Node, (End, usize)>> {
        let token = self.next_word();
        match token.kind {
            Kind::Text => Ok(Ok(Node { pos: token.start, kind: NodeKind::Text(self.source(token).into()) })),
            Kind::LeftDelim => {
                self.deeper(token.start)?;
                let node = self.action();
                self.nesting -= 1;
                node
            }
            _ => self.unexpected(token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Result<Node, (End, usize)>> {
        let token = self.next_word();
        let pos = token.start;
        let kind = match token.kind {
            Kind::Block => self.block()?,
            Kind::Template => self.template()?,
            Kind::If => NodeKind::If(Box::new(self.control(Kind::If)?)),
            Kind::With => NodeKind::With(Box::new(self.control(Kind::With)?)),
            Kind::Range => NodeKind::Range(Box::new(self.control(Kind::Range)?)),
            Kind::Break | Kind::Continue => {
                self.expect(Kind::RightDelim, "{{break}} or {{continue}}")?;
                if self.range_depth == 0 {
                    return self.fail(pos, "{{break}} or {{continue}} outside {{range}}");
                }
                if token.kind == Kind::Break { NodeKind::Break } else { NodeKind::Continue }
            }
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Err((End::End, pos)));
            }
            Kind::Else => {
                if !matches!(self.peek_word().kind, Kind::If | Kind::With) {
                    self.expect(Kind::RightDelim, "else")?;
                }
                return Ok(Err((End::Else, pos)));
            }
            _ => {
                self.at -= 1;
                NodeKind::Action(self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Ok(Node { pos, kind }))
    }

    fn control(&mut self, which: Kind) -> Parsed<Branch> {
        let context = match which {
            Kind::If => "if",
            Kind::With => "with",
            _ => "range",
        };
        let scope = self.vars.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let looping = usize::from(which == Kind::Range);
        self.range_depth += looping;
        let (body, end, pos) = self.item_list()?;
        self.range_depth -= looping;
        let otherwise = match end {
            End::End => None,
            End::Else => {
                let chained = self.peek().kind;
                if chained == which && which != Kind::Range {
                    self.at += 1;
                    self.deeper(pos)?;
                    let branch = Box::new(self.control(which)?);
                    self.nesting -= 1;
                    let kind = if which == Kind::If { NodeKind::If(branch) } else { NodeKind::With(branch) };
                    Some(vec![Node { pos, kind }])
                } else {
                    let (list, end, pos) = self.item_list()?;
                    if matches!(end, End::Else) {
                        return self.fail(pos, "expected end; found {{else}}");
                    }
                    Some(list)
                }
            }
        };
        self.vars.truncate(scope);
        Ok(Branch { pipe, body, otherwise })
    }

    fn block(&mut self) -> Parsed<NodeKind> {
        let token = self.next_word();
        let name = self.template_name(token, "block clause")?;
        let pipe = self.pipeline("block clause", Kind::RightDelim)?;
        let body = self.separate_body("block clause")?;
        self.add(name.clone(), body)?;
        Ok(NodeKind::Template { name: name.into(), pipe: Some(pipe) })
    }

    fn template(&mut self) -> Parsed<NodeKind> {
        let token = self.next_word();
        let name = self.template_name(token, "template clause")?;
        let pipe = if self.peek_word().kind == Kind::RightDelim {
            self.at += 1;
            None
        } else {
            Some(self.pipeline("template clause", Kind::RightDelim)?)
        };
        Ok(NodeKind::Template { name: name.into(), pipe })
    }

    fn template_name(&mut self, token: Token, context: &str) -> Parsed<Vec<u8>> {
        if !matches!(token.kind, Kind::Str | Kind::RawStr) {
            return self.unexpected(token, context);
        }
        literal::unquote(self.source(token)).or_else(|message| self.fail(token.start, message))
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let mut pipe = Pipe { pos: self.peek_word().start, assign: false, decl: Vec::new(), cmds: Vec::new() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.next_word();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawStr
                | Kind::Str
                | Kind::Variable
                | Kind::LeftParen => {
                    self.at -= 1;
                    let command = self.command()?;
                    pipe.cmds.push(command);
                }
                _ => return self.unexpected(token, context),
            }
        }
        if pipe.cmds.is_empty() {
            return self.fail(pipe.pos, format!("missing value for {context}"));
        }
        for command in pipe.cmds.iter().skip(1) {
            if let Some(Arg {
                pos,
                kind: ArgKind::Bool(_) | ArgKind::Dot | ArgKind::Nil | ArgKind::Number(_) | ArgKind::Str(_),
            }) = command.args.first()
            {
                return self.fail(*pos, "non executable command in pipeline");
            }
        }
        Ok(pipe)
    }

    /// `$x :=`, `$x =`, and in `range` also `$i, $x :=`.
    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parsed<()> {
        loop {
            let variable = self.peek_word();
            if variable.kind != Kind::Variable {
                return Ok(());
            }
            let before = self.at;
            self.at += 1;
            let next = self.peek_word();
            let comma = next.kind == Kind::Char && self.source(next) == ",";
            if !comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
                self.at = before;
                return Ok(());
            }
            self.at += 1;
            let name: Box<str> = self.source(variable).into();
            self.vars.push(name.clone());
            pipe.decl.push(name);
            if !comma {
                pipe.assign = next.kind == Kind::Assign;
                return Ok(());
            }
            if context != "range" || pipe.decl.len() >= 2 {
                return self.fail(next.start, format!("too many declarations in {context}"));
            }
            if !matches!(self.peek_word().kind, Kind::Variable | Kind::RightDelim | Kind::RightParen) {
                return self.fail(next.start, "range can only initialize variables");
            }
        }
    }

    fn command(&mut self) -> Parsed<Command> {
        let start = self.peek_word().start;
        let mut args = Vec::new();
        loop {
            self.peek_word();
            if let Some(arg) = self.operand()? {
                args.push(arg);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => {}
                Kind::RightDelim | Kind::RightParen => {
                    self.at -= 1;
                    break;
                }
                Kind::Pipe => break,
                _ => return self.unexpected(token, "operand"),
            }
        }
        if args.is_empty() {
            return self.fail(start, "empty command");
        }
        Ok(Command { args })
    }

    fn operand(&mut self) -> Parsed<Option<Arg>> {
        let Some(mut arg) = self.term()? else { return Ok(None) };
        let mut fields: Vec<Box<str>> = Vec::new();
        while self.peek().kind == Kind::Field {
            let token = self.next();
            fields.push(self.source(token).trim_start_matches('.').into());
        }
        if fields.is_empty() {
            return Ok(Some(arg));
        }
        match &mut arg.kind {
            ArgKind::Field(names) | ArgKind::Variable(_, names) => names.append(&mut fields),
            ArgKind::Bool(_) | ArgKind::Str(_) | ArgKind::Number(_) | ArgKind::Nil | ArgKind::Dot => {
                return self.fail(arg.pos, "unexpected . after a constant or dot");
            }
            _ => arg = Arg { pos: arg.pos, kind: ArgKind::Chain(Box::new(arg), fields) },
        }
        Ok(Some(arg))
    }

    fn term(&mut self) -> Parsed<Option<Arg>> {
        let token = self.next_word();
        let source = self.source(token);
        let kind = match token.kind {
            Kind::Identifier => match funcs::find(source) {
                Some(function) => ArgKind::Call(function),
                None => {
                    let message = format!("function {source:?} not defined");
                    return self.fail(token.start, message);
                }
            },
            Kind::Dot => ArgKind::Dot,
            Kind::Nil => ArgKind::Nil,
            Kind::Variable => {
                if !self.vars.iter().any(|name| **name == *source) {
                    let message = format!("undefined variable {source:?}");
                    return self.fail(token.start, message);
                }
                ArgKind::Variable(source.into(), Vec::new())
            }
            Kind::Field => ArgKind::Field(vec![source.trim_start_matches('.').into()]),
            Kind::Bool => ArgKind::Bool(source == "true"),
            Kind::CharConstant => match literal::char_constant(source) {
                Ok(number) => ArgKind::Number(number),
                Err(message) => return self.fail(token.start, message),
            },
            Kind::Number | Kind::Complex => match literal::number(source, token.kind == Kind::Complex) {
                Ok(number) => ArgKind::Number(number),
                Err(message) => return self.fail(token.start, message),
            },
            Kind::Str | Kind::RawStr => match literal::unquote(source) {
                Ok(bytes) => ArgKind::Str(Str::new(bytes)),
                Err(message) => return self.fail(token.start, message),
            },
            Kind::LeftParen => {
                self.deeper(token.start)?;
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.nesting -= 1;
                ArgKind::Pipe(Box::new(pipe))
            }
            _ => {
                self.at -= 1;
                return Ok(None);
            }
        };
        Ok(Some(Arg { pos: token.start, kind }))
    }
}

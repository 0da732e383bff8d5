//! Keys, maps, lists, variables and includes.

use std::path::{Component, Path, PathBuf};

use super::lex::{Cursor, Wrong, is_blank, is_newline};
use super::{At, Config, Entry, FileId, Form, Include, Node, Value};
use crate::secret::SecretString;

/// Largest file that is read, in bytes.
pub const MAX_BYTES: u64 = 4 << 20;
/// Maps and lists in each other; the server has no bound.
const MAX_DEPTH: usize = 100;
/// Includes in all; the server would follow a file that includes itself for ever.
const MAX_INCLUDES: usize = 64;

/// What the reader needs of the world.
pub trait Sources {
    /// The text of a file.
    ///
    /// # Errors
    /// Why it cannot be read, in one line.
    fn file(&mut self, path: &Path) -> Result<SecretString, String>;
    /// An environment variable of the server.
    fn variable(&self, name: &str) -> Option<SecretString>;
}

/// Where the server would stop reading.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}: {what}", file.display())]
pub struct ReadError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 for the file as a whole.
    pub line: u32,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

/// Reads a configuration and everything that it includes.
///
/// # Errors
/// [`ReadError`]: the server would not start with it either.
pub fn read(path: &Path, sources: &mut impl Sources) -> Result<Config, ReadError> {
    let mut reader = Reader { sources, files: Vec::new(), includes: Vec::new(), names: Vec::new() };
    let (_, root) = reader.load(path, None)?;
    Ok(Config { root, files: reader.files, includes: reader.includes })
}

struct Reader<'s, S> {
    sources: &'s mut S,
    files: Vec<PathBuf>,
    includes: Vec<Include>,
    /// Variables that are being looked up in the environment: one that refers to itself has no end.
    names: Vec<String>,
}

/// The maps around the cursor, innermost last: what variables are looked up in.
type Scopes = Vec<Vec<Entry>>;

impl<S: Sources> Reader<'_, S> {
    fn load(&mut self, path: &Path, from: Option<(&Include, At)>) -> Result<(FileId, Vec<Entry>), ReadError> {
        let fail = |files: &[PathBuf], what: String, fix: String| match from {
            None => ReadError { file: path.to_owned(), line: 0, what, fix },
            Some((_, at)) => {
                let file = files.get(at.file).cloned().unwrap_or_default();
                ReadError { file, line: at.line, what, fix }
            }
        };
        if self.files.len() >= MAX_INCLUDES {
            let what = format!("more than {MAX_INCLUDES} includes: does a file include itself?");
            return Err(fail(&self.files, what, "take the circle out".to_owned()));
        }
        let text = self.sources.file(path).map_err(|why| match from {
            Some((include, _)) if Path::new(&include.written).is_absolute() => fail(
                &self.files,
                format!(
                    "the include cannot be read: the server joins every include path to this file's folder and opens {}",
                    path.display()
                ),
                "write the path from this file's folder, for example `include ../nats-auth/auth.conf`".to_owned(),
            ),
            _ => fail(&self.files, format!("{} cannot be read: {why}", path.display()), "the server would not start".to_owned()),
        })?;
        let file = self.files.len();
        self.files.push(path.to_owned());
        if text.expose().starts_with('\u{feff}') {
            let (what, fix) =
                ("the file begins with a byte order mark, which the server takes for part of a key", "save it without");
            return Err(ReadError { file: path.to_owned(), line: 1, what: what.to_owned(), fix: fix.to_owned() });
        }
        let mut cursor = Cursor::new(text.expose());
        let mut scopes = vec![Vec::new()];
        let root = self.top(&mut cursor, file, &mut scopes);
        let root = root.map_err(|wrong| self.at(file, wrong))?;
        Ok((file, root))
    }

    fn at(&self, file: FileId, stop: Stop) -> ReadError {
        match stop {
            Stop::Here(Wrong { line, what, fix }) => {
                let file = self.files.get(file).cloned().unwrap_or_default();
                ReadError { file, line, what: what.to_owned(), fix: fix.to_owned() }
            }
            Stop::Said(error) => *error,
        }
    }

    /// The entries of a file: `key value` after `key value`, or one pair of braces around them as in JSON.
    fn top(&mut self, cursor: &mut Cursor<'_>, file: FileId, scopes: &mut Scopes) -> Result<Vec<Entry>, Stop> {
        let mut braces = 0_usize;
        loop {
            cursor.spaces();
            match cursor.peek() {
                None if cursor.rest().starts_with('\0') => cursor.wrong("a NUL character", "remove it")?,
                None => break,
                Some('{') => {
                    cursor.next();
                    braces += 1;
                }
                Some('}') if braces > 0 => {
                    cursor.next();
                    braces -= 1;
                }
                _ if cursor.comment() => {}
                Some('/') => cursor.wrong("a `/` where a key belongs", "comments begin with `#` or `//`")?,
                Some(_) => {
                    self.entry(cursor, file, scopes, 0)?;
                    // Behind a value: blanks, a comment, and then the line or the file ends.
                    cursor.blanks();
                    match cursor.peek() {
                        None => {}
                        Some(c) if is_newline(c) || matches!(c, ';' | ',') => {
                            cursor.next();
                        }
                        Some('}') => {
                            // The server takes a stray one for the end of a value.
                            cursor.next();
                            braces = braces.saturating_sub(1);
                        }
                        _ if cursor.comment() => {}
                        _ => behind(cursor, scopes)?,
                    }
                }
            }
        }
        if braces > 0 {
            cursor.wrong("a `{` that does not end", "add the closing `}`")?;
        }
        Ok(scopes.pop().unwrap_or_default())
    }

    /// One `key value` or `include path`, put into the innermost scope.
    fn entry(&mut self, cursor: &mut Cursor<'_>, file: FileId, scopes: &mut Scopes, depth: usize) -> Result<(), Stop> {
        let place = At { file, line: cursor.line() };
        let (key, is_include) = cursor.key()?;
        if depth == 0 && key == "}" && cursor.peek().is_none() {
            // What is left of a JSON document; the server passes over it.
            return Ok(());
        }
        if is_include {
            let written = cursor.include_path()?;
            return self.include(written, place, scopes);
        }
        cursor.spaces();
        let separated = cursor.eat(':') || cursor.eat('=');
        if depth > 0 && separated {
            cursor.spaces();
        } else {
            cursor.blanks();
        }
        if depth > 0 && matches!(cursor.peek(), Some(',' | '}')) {
            cursor.wrong("a key without a value", "give it a value")?;
        }
        if cursor.peek().is_none() {
            cursor.wrong("a key without a value at the end of the file", "give it a value")?;
        }
        let node = self.value(cursor, file, scopes, depth)?;
        if let Some(scope) = scopes.last_mut() {
            scope.push(Entry { key, place, node, is_variable: false });
        }
        Ok(())
    }

    fn include(&mut self, written: String, place: At, scopes: &mut Scopes) -> Result<(), Stop> {
        let folder = self.files.get(place.file).and_then(|path| path.parent()).unwrap_or(Path::new("")).to_owned();
        let path = joined(&folder, &written);
        let mut include = Include { file: place.file, line: place.line, written, target: 0, entries: 0 };
        let (target, entries) = self.load(&path, Some((&include, place))).map_err(|error| Stop::Said(Box::new(error)))?;
        (include.target, include.entries) = (target, entries.len());
        self.includes.push(include);
        if let Some(scope) = scopes.last_mut() {
            scope.extend(entries);
        }
        Ok(())
    }

    fn value(&mut self, cursor: &mut Cursor<'_>, file: FileId, scopes: &mut Scopes, depth: usize) -> Result<Node, Stop> {
        if depth > MAX_DEPTH {
            cursor.wrong("more than 100 maps and lists in each other", "take some out")?;
        }
        let place = At { file, line: cursor.line() };
        let (value, form) = match cursor.peek() {
            Some('{') => {
                cursor.next();
                scopes.push(Vec::new());
                self.map(cursor, file, scopes, depth + 1)?;
                (Value::Map(scopes.pop().unwrap_or_default()), Form::Bare)
            }
            Some('[') => {
                cursor.next();
                (Value::List(self.list(cursor, file, scopes, depth + 1)?), Form::Bare)
            }
            _ => cursor.scalar()?,
        };
        match form {
            Form::Variable(name) => self.variable(name, place, scopes),
            form => Ok(Node { value, place, form }),
        }
    }

    /// The inside of `{ … }`, behind the opening brace.
    fn map(&mut self, cursor: &mut Cursor<'_>, file: FileId, scopes: &mut Scopes, depth: usize) -> Result<(), Stop> {
        loop {
            cursor.spaces();
            match cursor.peek() {
                None => cursor.wrong("a `{` that does not end", "add the closing `}`")?,
                Some('}') => {
                    cursor.next();
                    return Ok(());
                }
                Some(']') => cursor.wrong("a `]` within `{`", "close the map first")?,
                _ if cursor.comment() => continue,
                Some(_) => self.entry(cursor, file, scopes, depth)?,
            }
            cursor.blanks();
            while cursor.comment() {
                cursor.blanks();
            }
            match cursor.peek() {
                Some(c) if is_newline(c) || matches!(c, ';' | ',') => {
                    cursor.next();
                }
                Some('}') => {}
                None => cursor.wrong("a `{` that does not end", "add the closing `}`")?,
                Some(_) => behind(cursor, scopes)?,
            }
        }
    }

    /// The inside of `[ … ]`, behind the opening bracket.
    fn list(&mut self, cursor: &mut Cursor<'_>, file: FileId, scopes: &mut Scopes, depth: usize) -> Result<Vec<Node>, Stop> {
        let mut items = Vec::new();
        loop {
            cursor.spaces();
            match cursor.peek() {
                None => cursor.wrong("a `[` that does not end", "add the closing `]`")?,
                Some(']') => {
                    cursor.next();
                    return Ok(items);
                }
                Some(',') => cursor.wrong("a `,` without a value in front of it", "remove it")?,
                _ if cursor.comment() => continue,
                Some('/') => cursor.wrong("a `/` where a value of a list belongs", "put text between double quotes")?,
                Some(_) => items.push(self.value(cursor, file, scopes, depth)?),
            }
            cursor.until(|c| !is_blank(c));
            while cursor.comment() {
                cursor.blanks();
            }
            match cursor.peek() {
                Some(c) if is_newline(c) || c == ',' => {
                    cursor.next();
                }
                Some(']') => {}
                None => cursor.wrong("a `[` that does not end", "add the closing `]`")?,
                Some(_) => cursor.wrong("something stands behind a value of a list", "put `,` or a line break between values")?,
            }
        }
    }

    /// What `$NAME` stands for: the entry of that name in a map around it, else the environment.
    fn variable(&mut self, name: String, place: At, scopes: &mut Scopes) -> Result<Node, Stop> {
        for scope in scopes.iter_mut().rev() {
            if let Some(entry) = scope.iter_mut().rev().find(|entry| entry.key == name) {
                entry.is_variable = true;
                return Ok(Node { value: entry.node.value.clone(), place, form: Form::Variable(name) });
            }
        }
        let said = |what: String, fix: &str| {
            let file = self.files.get(place.file).cloned().unwrap_or_default();
            Err(Stop::Said(Box::new(ReadError { file, line: place.line, what, fix: fix.to_owned() })))
        };
        if name.starts_with('2') && name.chars().nth(2) == Some('$') {
            let what = "a bcrypt hash without quotes: the server takes `$…` for a variable and does not start".to_owned();
            return said(what, "put the hash between double quotes");
        }
        if name.contains('.') || name.ends_with('>') || name.ends_with('*') {
            let what = "a subject that begins with `$` without quotes: the server takes it for a variable".to_owned();
            return said(what, "put it between double quotes");
        }
        // A name may be a password that begins with `$`, so only what looks like a name is shown.
        let shown = if name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_') {
            format!("the variable ${name}")
        } else {
            "a variable (`$…` without quotes)".to_owned()
        };
        if self.names.contains(&name) {
            return said(format!("{shown} refers to itself"), "give it a value");
        }
        let Some(text) = self.sources.variable(&name) else {
            return said(
                format!("{shown} is neither in the blocks around it nor in the environment"),
                "set it for the server, and for this check; text that begins with `$` belongs between double quotes",
            );
        };
        // The environment's value is configuration again: one value behind a key.
        self.names.push(name.clone());
        let mut cursor = Cursor::new(text.expose());
        let mut inner = vec![Vec::new()];
        cursor.blanks();
        let parsed = if cursor.peek().is_none() {
            Ok(Node { value: Value::Text(SecretString::default()), place, form: Form::Bare })
        } else {
            self.value(&mut cursor, place.file, &mut inner, 0).and_then(|node| {
                cursor.spaces();
                if cursor.peek().is_none() { Ok(node) } else { cursor.wrong("", "").map_err(Stop::Here) }
            })
        };
        self.names.pop();
        match parsed {
            Ok(node) => Ok(Node { value: node.value, place, form: Form::Environment(name) }),
            Err(_) => {
                let file = self.files.get(place.file).cloned().unwrap_or_default();
                Err(Stop::Said(Box::new(ReadError {
                    file,
                    line: place.line,
                    what: format!("the value of {shown} cannot be read: the server parses it as configuration"),
                    fix: "give the value quotes of its own, or put it into an included file".to_owned(),
                })))
            }
        }
    }
}

/// What stands behind a value and does not belong there.
fn behind(cursor: &Cursor<'_>, scopes: &Scopes) -> Result<(), Wrong> {
    let key = scopes.last().and_then(|scope| scope.last()).map(|entry| entry.key.as_str()).unwrap_or_default();
    if key.ends_with('{') {
        return cursor.wrong("a `{` without a blank in front of it is taken for part of the key", "put a blank before `{`");
    }
    cursor.wrong(
        "something stands behind a value",
        "put a line break or `,` between entries, and a value with blanks between double quotes",
    )
}

/// Why reading stopped: at the cursor, or with everything said.
enum Stop {
    Here(Wrong),
    Said(Box<ReadError>),
}

impl From<Wrong> for Stop {
    fn from(wrong: Wrong) -> Self {
        Self::Here(wrong)
    }
}

/// Go's `filepath.Join`: an absolute path behind a folder lies below that folder, and `..` is taken out by its text.
fn joined(folder: &Path, written: &str) -> PathBuf {
    let mut path = PathBuf::new();
    let below = Path::new(written).components().filter(|part| !matches!(part, Component::RootDir | Component::Prefix(_)));
    for part in folder.components().chain(below) {
        match part {
            Component::CurDir => {}
            Component::ParentDir => match path.components().next_back() {
                Some(Component::Normal(_)) => {
                    path.pop();
                }
                Some(Component::RootDir) => {}
                _ => path.push(part),
            },
            part => path.push(part),
        }
    }
    path
}

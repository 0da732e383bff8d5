//! Configuration of nats-server, read as the server reads it: with the place of every value, how it was written, and what its
//! variables and includes stand for.
//!
//! The grammar is the server's own lexer's (nats-server 2.15.2, `conf/lex.go` and `conf/parse.go`), its surprises too: an
//! include path is always joined to the folder of the file that it stands in, absolute ones as well; a bare `2m` is two million;
//! a variable is looked up in the blocks around it and then in the environment, whose value is parsed again; of two entries of
//! one name the last counts. [`digest`] is the `config_digest` that the server shows, so that what it runs can be compared with
//! what lies on the disk. Files are fetched by the caller.

mod digest;
mod lex;
mod read;

use std::path::PathBuf;

pub use digest::digest;
pub use read::{MAX_BYTES, ReadError, Sources, read};

use crate::secret::SecretString;

/// Which file of [`Config::files`].
pub type FileId = usize;

/// A configuration, its includes filled in.
#[derive(Debug)]
pub struct Config {
    /// Entries of the top, in the order of the text, those of includes in the include's place.
    pub root: Vec<Entry>,
    /// The files that were read, the first one first.
    pub files: Vec<PathBuf>,
    /// Every `include`.
    pub includes: Vec<Include>,
}

/// An `include` line.
#[derive(Clone, Debug)]
pub struct Include {
    /// The file that it stands in.
    pub file: FileId,
    /// Its line, from 1.
    pub line: u32,
    /// The path as it is written.
    pub written: String,
    /// The file that it means.
    pub target: FileId,
    /// Entries that came from it.
    pub entries: usize,
}

/// A key with its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key as it is written.
    pub key: String,
    /// Where the key stands.
    pub place: At,
    /// The value.
    pub node: Node,
    /// Whether a variable referred to it: the server takes such an entry, whatever its name is.
    pub is_variable: bool,
}

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// The file.
    pub file: FileId,
    /// The line, from 1.
    pub line: u32,
}

/// A value and where it came from.
#[derive(Clone, Debug)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it begins.
    pub place: At,
    /// How it was written.
    pub form: Form,
}

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// Entries, in order; of two with one key the last counts.
    Map(Vec<Entry>),
    /// Values.
    List(Vec<Node>),
    /// Text, which may be a secret.
    Text(SecretString),
    /// A whole number, its suffix applied.
    Integer(i64),
    /// A number with a point.
    Float(f64),
    /// `true`, `yes`, `on` and their opposites.
    Switch(bool),
    /// A date.
    Date(String),
}

/// How a value was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// Between quotes, or a block.
    Quoted,
    /// Without quotes.
    Bare,
    /// `$NAME`, found in the configuration.
    Variable(String),
    /// `$NAME`, found in the environment.
    Environment(String),
    /// A bare `$2a$…`, the one hash that needs no quotes.
    BareHash,
}

impl Node {
    /// The text, if it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text.expose()),
            _ => None,
        }
    }

    /// The entries, if it is a map.
    #[must_use]
    pub fn map(&self) -> Option<&[Entry]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The values, if it is a list.
    #[must_use]
    pub fn list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// What it is, for messages.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::Map(_) => "a map",
            Value::List(_) => "a list",
            Value::Text(_) => "text",
            Value::Integer(_) => "a number",
            Value::Float(_) => "a number with a point",
            Value::Switch(_) => "true or false",
            Value::Date(_) => "a date",
        }
    }
}

/// The last entry of any of these names; the server ignores case.
#[must_use]
pub fn find<'a>(entries: &'a [Entry], names: &[&str]) -> Option<&'a Entry> {
    entries.iter().rev().find(|entry| names.iter().any(|name| entry.key.eq_ignore_ascii_case(name)))
}

#[cfg(test)]
mod tests;

//! A document as JSON: aliases and merge keys expanded, keys turned into strings, and a list of what changed on the way.
//!
//! Follows `decode.go` of go-yaml v2 and `convertToJSONableObject` of sigs.k8s.io/yaml, with their order of events: a merge
//! key takes effect where it stands, so an entry before it is overwritten and one after it is not. The budget for aliases is
//! go-yaml's, with a bound on bytes beside it.

use std::collections::HashSet;
use std::fmt;

use serde_json::{Map, Number, Value};

use super::super::limits::{MAX_ALIAS_BYTES, MAX_DEPTH};
use super::super::tree::{Document, Kind, Node, Style};
use super::super::{Error, Position};
use super::number::{float_text_32, text_of};
use super::scalar::{Scalar, resolve_node};
use crate::secret::SecretString;

/// What the reader of a value expects there. Numbers and booleans become text only where a string is expected.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// Anything: nothing is converted.
    Any,
    /// A string.
    Text,
    /// A list of such values.
    List(&'static Shape),
    /// A mapping from any key to such values.
    Map(&'static Shape),
    /// An object with these fields, found by name, or regardless of ASCII case where no name fits exactly.
    Fields(&'static [(&'static str, Shape)]),
}

/// How a value differs from what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// `y`, `No`, `on`, …: became `true` or `false`.
    Boolean,
    /// `0644`, `1_000`, `0x1f`, …: became a decimal integer.
    Integer,
    /// `1.10`, `1e3`, `08`, …: became a float in its shortest form.
    Float,
    /// `null`, `~`, `Null`: became nothing.
    Null,
    /// A key such as `y`, `012` or `1.0`: became another key.
    Key,
    /// The same key stood before: this value replaces the former.
    RepeatedKey,
}

/// A place where the text says one thing and Kubernetes reads another.
#[derive(Clone, Debug)]
pub struct Warning {
    /// The scalar, or the key that is repeated.
    pub position: Position,
    /// The keys (and list indices) from the root to the value.
    pub path: Vec<String>,
    /// What kind of change.
    pub change: Change,
    /// The text that the value became, as a string field would hold it. In a Secret this is a secret.
    pub became: SecretString,
}

impl fmt::Display for Warning {
    /// Says where and what kind, not the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.change {
            Change::Boolean => "is read as a boolean; quote it to keep its text",
            Change::Integer => "is read as an integer and written in another form; quote it to keep its text",
            Change::Float => "is read as a floating-point number and written in another form; quote it to keep its text",
            Change::Null => "is read as null; quote it to keep its text",
            Change::Key => "is the key that is read here, not the one that is written; quote it",
            Change::RepeatedKey => "is set twice; the last one counts",
        };
        write!(f, "{}: `{}` {what}", self.position, self.path.join("."))
    }
}

/// A document as JSON, with no field known to be a string. Floats stay floats (`1e3` is 1000.0) so that [`text_of`] can tell
/// them from integers. An empty document is null.
///
/// # Errors
/// See [`Error`]: alias cycles and excess, merges of what is no mapping, scalars that do not fit their tag, keys that are null
/// or collections, numbers that JSON does not have.
pub fn to_json(document: &Document) -> Result<(Value, Vec<Warning>), Error> {
    to_json_as(document, &Shape::Any)
}

/// A document as JSON, read as the given shape: where it has [`Shape::Text`], numbers and booleans become strings by
/// [`text_of`], and warnings are given for these places only (and for repeated keys anywhere). With [`Shape::Any`] for the
/// whole document, warnings are given for every plain scalar that would change if a string were expected.
///
/// # Errors
/// As [`to_json`]; `.nan` and `.inf` are fine where a string is expected.
pub fn to_json_as(document: &Document, shape: &Shape) -> Result<(Value, Vec<Warning>), Error> {
    let mut reader = Reader {
        everywhere: matches!(shape, Shape::Any),
        warnings: Vec::new(),
        path: Vec::new(),
        open_aliases: HashSet::new(),
        depth: 0,
        decoded: 0,
        aliased: 0,
        aliased_bytes: 0,
    };
    let value = reader.value(document.root(), shape)?;
    Ok((value, reader.warnings))
}

struct Reader {
    everywhere: bool,
    warnings: Vec<Warning>,
    path: Vec<String>,
    /// Aliases that are being expanded, to find one inside itself.
    open_aliases: HashSet<usize>,
    depth: usize,
    decoded: u64,
    aliased: u64,
    aliased_bytes: usize,
}

impl Reader {
    /// The parser bounds the depth of the tree; aliases of aliases add up, so the depth is bounded here again.
    fn value(&mut self, node: Node<'_>, shape: &Shape) -> Result<Value, Error> {
        self.count(node)?;
        match node.kind() {
            Kind::Alias => {
                self.enter(node)?;
                let value = self.value(node.resolved(), shape)?;
                self.open_aliases.remove(&node.id());
                Ok(value)
            }
            Kind::Scalar(_) => self.scalar(node, shape),
            Kind::Sequence { .. } => {
                let shape = if let Shape::List(item) = shape { item } else { &Shape::Any };
                let mut items = Vec::with_capacity(node.items().len());
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return Err(Error::TooDeep { position: node.position(), limit: MAX_DEPTH });
                }
                for (index, item) in node.items().enumerate() {
                    self.path.push(index.to_string());
                    items.push(self.value(item, shape)?);
                    self.path.pop();
                }
                self.depth -= 1;
                Ok(Value::Array(items))
            }
            Kind::Mapping { .. } => {
                let mut map = Map::with_capacity(node.entries().len());
                self.mapping(node, shape, &mut map)?;
                Ok(Value::Object(map))
            }
        }
    }

    fn mapping(&mut self, node: Node<'_>, shape: &Shape, map: &mut Map<String, Value>) -> Result<(), Error> {
        let mut own = HashSet::new();
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Error::TooDeep { position: node.position(), limit: MAX_DEPTH });
        }
        for (key, value) in node.entries() {
            if is_merge(key) {
                self.merge(value, shape, map)?;
                continue;
            }
            let name = self.key(key)?;
            let inner = match shape {
                Shape::Map(inner) => inner,
                Shape::Fields(fields) => fields
                    .iter()
                    .find(|(field, _)| *field == name)
                    .or_else(|| fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(&name)))
                    .map_or(&Shape::Any, |(_, inner)| inner),
                _ => &Shape::Any,
            };
            self.path.push(name.clone());
            if key.resolved().text().is_some_and(|text| text != name) && key.resolved().tag().is_none() {
                self.warn(key.position(), Change::Key, name.clone());
            }
            if !own.insert(name.clone()) {
                self.warn(key.position(), Change::RepeatedKey, String::new());
            }
            let value = self.value(value, inner)?;
            self.path.pop();
            map.insert(name, value);
        }
        self.depth -= 1;
        Ok(())
    }

    fn merge(&mut self, node: Node<'_>, shape: &Shape, map: &mut Map<String, Value>) -> Result<(), Error> {
        let wrong = || Error::Merge { position: node.position() };
        match node.resolved().kind() {
            Kind::Mapping { .. } => self.merge_one(node, shape, map),
            Kind::Sequence { .. } if node.kind() != Kind::Alias => {
                // Backwards: what stands earlier in the list takes precedence.
                for item in node.items().rev() {
                    if !matches!(item.resolved().kind(), Kind::Mapping { .. }) {
                        return Err(wrong());
                    }
                    self.merge_one(item, shape, map)?;
                }
                Ok(())
            }
            _ => Err(wrong()),
        }
    }

    fn merge_one(&mut self, node: Node<'_>, shape: &Shape, map: &mut Map<String, Value>) -> Result<(), Error> {
        self.count(node)?;
        if node.kind() != Kind::Alias {
            return self.mapping(node, shape, map);
        }
        self.enter(node)?;
        self.count(node.resolved())?;
        self.mapping(node.resolved(), shape, map)?;
        self.open_aliases.remove(&node.id());
        Ok(())
    }

    fn key(&mut self, key: Node<'_>) -> Result<String, Error> {
        self.count(key)?;
        let key = if key.kind() == Kind::Alias {
            self.enter(key)?;
            self.open_aliases.remove(&key.id());
            self.count(key.resolved())?;
            key.resolved()
        } else {
            key
        };
        key_text(key)
    }

    fn scalar(&mut self, node: Node<'_>, shape: &Shape) -> Result<Value, Error> {
        let text = node.text().unwrap_or_default();
        if !self.open_aliases.is_empty() {
            self.aliased_bytes += text.len();
            if self.aliased_bytes > MAX_ALIAS_BYTES {
                return Err(Error::AliasExpansion { position: node.position() });
            }
        }
        let wants_text = matches!(shape, Shape::Text);
        let (value, change) = match resolve_node(node)? {
            Scalar::Text(text) => return Ok(Value::String(text.into_owned())),
            Scalar::Timestamp => return Ok(Value::String(text.into())),
            Scalar::Null => {
                if wants_text && !text.is_empty() {
                    self.warn(node.position(), Change::Null, String::new());
                }
                return Ok(Value::Null);
            }
            Scalar::Bool(value) => (Value::Bool(value), Change::Boolean),
            Scalar::Int(value) => (Value::Number(value.into()), Change::Integer),
            Scalar::Uint(value) => (Value::Number(value.into()), Change::Integer),
            Scalar::Float(value) => match Number::from_f64(value) {
                Some(number) => (Value::Number(number), Change::Float),
                None if wants_text => (Value::String(float_text_32(value)), Change::Float),
                None => return Err(Error::NotFinite { position: node.position() }),
            },
        };
        let became = match &value {
            Value::String(text) => text.clone(),
            value => text_of(value).unwrap_or_default(),
        };
        let implicit = node.tag().is_none() && matches!(node.kind(), Kind::Scalar(Style::Plain));
        if implicit && became != text && (wants_text || self.everywhere) {
            self.warn(node.position(), change, became.clone());
        }
        Ok(if wants_text { Value::String(became) } else { value })
    }

    fn warn(&mut self, position: Position, change: Change, became: String) {
        self.warnings.push(Warning { position, path: self.path.clone(), change, became: SecretString::new(became) });
    }

    fn enter(&mut self, alias: Node<'_>) -> Result<(), Error> {
        if !self.open_aliases.insert(alias.id()) {
            return Err(Error::AliasCycle { position: alias.position() });
        }
        Ok(())
    }

    /// go-yaml's rule: after 1,000 nodes, at most 99 of 100 may come from aliases, and from 400,000 nodes on ever fewer, down
    /// to 10 of 100.
    fn count(&mut self, node: Node<'_>) -> Result<(), Error> {
        const LOW: f64 = 400_000.0;
        const RANGE: f64 = 3_600_000.0;
        self.decoded += 1;
        if self.open_aliases.is_empty() {
            return Ok(());
        }
        self.aliased += 1;
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let (decoded, aliased) = (self.decoded as f64, self.aliased as f64);
        let allowed = 0.99 - 0.89 * ((decoded - LOW) / RANGE).clamp(0.0, 1.0);
        if self.aliased > 100 && self.decoded > 1000 && aliased / decoded > allowed {
            return Err(Error::AliasExpansion { position: node.position() });
        }
        Ok(())
    }
}

/// The string that a key becomes. The node is no alias.
pub(in super::super) fn key_text(key: Node<'_>) -> Result<String, Error> {
    let wrong = |what| Err(Error::Key { position: key.position(), what });
    if !matches!(key.kind(), Kind::Scalar(_)) {
        return wrong("a mapping or a list");
    }
    match resolve_node(key)? {
        Scalar::Text(text) => Ok(text.into_owned()),
        Scalar::Int(value) => Ok(value.to_string()),
        Scalar::Bool(value) => Ok(value.to_string()),
        Scalar::Float(value) => Ok(match float_text_32(value).as_str() {
            "+Inf" => ".inf".into(),
            "-Inf" => "-.inf".into(),
            "NaN" => ".nan".into(),
            text => text.into(),
        }),
        Scalar::Null => wrong("null"),
        Scalar::Uint(_) => wrong("an integer above 9223372036854775807"),
        Scalar::Timestamp => Ok(key.text().unwrap_or_default().into()),
    }
}

/// Whether a scalar is read as a string.
pub(in super::super) fn is_string(node: Node<'_>) -> bool {
    matches!(node.kind(), Kind::Scalar(_)) && matches!(resolve_node(node), Ok(Scalar::Text(_) | Scalar::Timestamp))
}

/// Whether a key is the merge key: `<<`, bare or tagged `!!merge`.
pub(in super::super) fn is_merge(key: Node<'_>) -> bool {
    let plain = matches!(key.kind(), Kind::Scalar(Style::Plain));
    let implicit = match key.tag() {
        None => plain,
        Some(tag) => tag == "tag:yaml.org,2002:merge",
    };
    key.text() == Some("<<") && implicit
}

#[cfg(test)]
mod tests;

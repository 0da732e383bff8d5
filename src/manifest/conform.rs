//! A tree made to fit what Kubernetes expects: names in any case, unknown fields dropped, nothing empty kept.
//!
//! This is what Go's `encoding/json` does when it decodes into a struct (`sealed-secrets.md` §2.4, §4.1), with errors that name
//! the field. What YAML does before that, such as making text of an unquoted number, has happened in [`crate::yaml`].

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use zeroize::Zeroizing;

use super::base64::decode_base64;
use super::error::{Error, Position};
use super::schema::{Field, Kind};
use super::tree::Tree;
use crate::secret::SecretBytes;

/// Decoding of one object, which errors name.
#[derive(Clone, Copy)]
pub(super) struct Context<'a> {
    pub(super) at: &'a Position,
}

impl Context<'_> {
    fn mismatch(&self, path: &str, found: &Tree, expected: &'static str) -> Error {
        Error::Type { at: self.at.clone(), path: path.to_owned(), found: found.what(), expected }
    }

    /// The entries of a map; none for null.
    pub(super) fn entries(&self, tree: Tree, path: &str, expected: &'static str) -> Result<Vec<(String, Tree)>, Error> {
        match tree {
            Tree::Null => Ok(Vec::new()),
            Tree::Map(entries) => Ok(entries),
            other => Err(self.mismatch(path, &other, expected)),
        }
    }

    /// Text; null is empty.
    pub(super) fn text(&self, tree: Tree, path: &str) -> Result<Zeroizing<String>, Error> {
        match tree {
            Tree::Text(text) => Ok(text),
            Tree::Null => Ok(Zeroizing::default()),
            other => Err(self.mismatch(path, &other, "string")),
        }
    }

    /// Text by key.
    pub(super) fn text_map(&self, tree: Tree, path: &str) -> Result<BTreeMap<String, Zeroizing<String>>, Error> {
        let entries = self.entries(tree, path, "map[string]string")?;
        entries.into_iter().map(|(key, value)| Ok((key.clone(), self.text(value, &join(path, &key))?))).collect()
    }

    /// Base64 by key, decoded; null is empty.
    pub(super) fn bytes_map(&self, tree: Tree, path: &str) -> Result<BTreeMap<String, SecretBytes>, Error> {
        let mut map = BTreeMap::new();
        for (key, value) in self.entries(tree, path, "map[string][]uint8")? {
            let path = join(path, &key);
            let bytes = match value {
                Tree::Null => Zeroizing::default(),
                Tree::Text(text) => {
                    decode_base64(text.as_bytes()).map_err(|error| Error::Base64 { at: self.at.clone(), path, error })?
                }
                other => return Err(self.mismatch(&path, &other, "base64 text ([]uint8)")),
            };
            map.insert(key, SecretBytes::from_zeroizing(bytes));
        }
        Ok(map)
    }

    /// A boolean that may be absent.
    pub(super) fn boolean(&self, tree: &Tree, path: &str) -> Result<Option<bool>, Error> {
        match tree {
            Tree::Null => Ok(None),
            Tree::Bool(value) => Ok(Some(*value)),
            other => Err(self.mismatch(path, other, "bool")),
        }
    }

    /// A struct described by fields: canonical names, their order, nothing unknown, nothing empty that Go would omit.
    pub(super) fn object(&self, tree: Tree, fields: &'static [Field], path: &str) -> Result<Map<String, Value>, Error> {
        let mut found = Map::new();
        for (key, value) in self.entries(tree, path, "object")? {
            if let Some(field) = field_named(fields, &key) {
                let value = self.value(value, field.kind, &join(path, field.name))?;
                merge(&mut found, field.name, value);
            }
        }
        let mut object = Map::new();
        for field in fields {
            let value = found.remove(field.name).filter(|value| !is_empty(value, field.kind));
            if let Some(value) = value {
                object.insert(field.name.to_owned(), value);
            } else if field.keep_empty {
                object.insert(field.name.to_owned(), Value::String(String::new()));
            }
        }
        Ok(object)
    }

    fn value(&self, tree: Tree, kind: Kind, path: &str) -> Result<Value, Error> {
        if matches!(tree, Tree::Null) {
            return Ok(Value::Null);
        }
        Ok(match kind {
            Kind::Text => Value::String((*self.text(tree, path)?).clone()),
            Kind::Bool => self.boolean(&tree, path)?.into(),
            Kind::Int | Kind::OptionalInt => match tree {
                Tree::Number(number) if number.is_i64() => Value::Number(number),
                other => return Err(self.mismatch(path, &other, "int64")),
            },
            Kind::Time => match tree {
                Tree::Text(text) => {
                    Value::String(utc(&text).ok_or_else(|| Error::Time { at: self.at.clone(), path: path.to_owned() })?)
                }
                other => return Err(self.mismatch(path, &other, "string")),
            },
            Kind::TextMap => {
                Value::Object(self.text_map(tree, path)?.into_iter().map(|(k, v)| (k, Value::String((*v).clone()))).collect())
            }
            Kind::Texts => {
                let list = self.list(tree, path)?;
                let texts = list.into_iter().enumerate();
                Value::Array(
                    texts
                        .map(|(i, item)| Ok(Value::String((*self.text(item, &format!("{path}[{i}]"))?).clone())))
                        .collect::<Result<_, Error>>()?,
                )
            }
            Kind::Raw => tree.into(),
            Kind::Objects(fields) => {
                let list = self.list(tree, path)?;
                let objects = list.into_iter().enumerate();
                Value::Array(
                    objects
                        .map(|(i, item)| Ok(Value::Object(self.object(item, fields, &format!("{path}[{i}]"))?)))
                        .collect::<Result<_, Error>>()?,
                )
            }
        })
    }

    fn list(&self, tree: Tree, path: &str) -> Result<Vec<Tree>, Error> {
        match tree {
            Tree::List(list) => Ok(list),
            other => Err(self.mismatch(path, &other, "array")),
        }
    }
}

/// The name in a list of names, as Go's JSON finds it: exact first, then in any case.
pub(super) fn name_in(names: &[&'static str], key: &str) -> Option<&'static str> {
    names.iter().find(|name| **name == key).or_else(|| names.iter().find(|name| name.eq_ignore_ascii_case(key))).copied()
}

fn field_named(fields: &'static [Field], key: &str) -> Option<&'static Field> {
    fields.iter().find(|field| field.name == key).or_else(|| fields.iter().find(|field| field.name.eq_ignore_ascii_case(key)))
}

/// `a.b`, or `b` at the top.
fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A field that is there twice in two spellings: maps grow together, everything else is replaced, null changes nothing.
fn merge(found: &mut Map<String, Value>, name: &str, value: Value) {
    match (found.get_mut(name), value) {
        (_, Value::Null) => {}
        (Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
        (_, value) => {
            found.insert(name.to_owned(), value);
        }
    }
}

/// What `omitempty` leaves out.
fn is_empty(value: &Value, kind: Kind) -> bool {
    match (value, kind) {
        (Value::Null, _) => true,
        (Value::String(text), _) => text.is_empty(),
        (Value::Number(number), Kind::Int) => number.as_i64() == Some(0),
        (Value::Array(list), Kind::Texts | Kind::Objects(_)) => list.is_empty(),
        (Value::Object(map), Kind::TextMap) => map.is_empty(),
        _ => false,
    }
}

/// A time as meta/v1 writes it: UTC, whole seconds.
fn utc(text: &str) -> Option<String> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?.to_offset(time::UtcOffset::UTC);
    time.replace_nanosecond(0).ok()?.format(&Rfc3339).ok()
}

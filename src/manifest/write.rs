//! Typed objects as values in kubeseal's field order, and values as the bytes that kubeseal writes.
//!
//! JSON: two spaces, Go's escaping of `<`, `>`, `&`, U+2028 and U+2029, a line break at the end. YAML: `---` before every
//! document, keys sorted, by [`crate::yaml::kubernetes::write`]. Empty fields are left out as Go's `omitempty` does, except
//! `creationTimestamp: null`, which [`Style`] decides (`sealed-secrets.md` §2.6).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::SEALED_SECRET_API_VERSION;
use super::base64::encode_base64;
use super::schema::OBJECT_META;
use super::types::{ObjectMeta, SealedSecret, SealedSecretSpec, Secret, SecretTemplate};
use crate::secret::{SecretBytes, SecretString};

/// Which kubeseal's output is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// kubeseal 0.32 and later: a timestamp that is not set is left out.
    #[default]
    Current,
    /// kubeseal up to 0.31, so also 0.27.1: `creationTimestamp: null` in every metadata, null times in conditions, and null
    /// for an empty value in a Secret's `data` (Go decrypts it to a nil slice; Kubernetes reads null as empty).
    NullTimestamps,
}

/// A SealedSecret as a value in field order.
#[must_use]
pub fn sealed_secret_to_value(sealed: &SealedSecret, style: Style) -> Value {
    let mut object = typed("SealedSecret", SEALED_SECRET_API_VERSION);
    object.insert("metadata".into(), metadata(&sealed.metadata, style));
    object.insert("spec".into(), spec(&sealed.spec, style));
    if let Some(status) = &sealed.status {
        object.insert("status".into(), with_times(status.clone(), style));
    }
    Value::Object(object)
}

/// A value with the plaintext of a Secret in it: the text of its items is wiped when it goes. No `Debug`.
pub struct PlainValue(Value);

impl std::ops::Deref for PlainValue {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl Drop for PlainValue {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        for map in ["data", "stringData"] {
            let entries = self.0.get_mut(map).and_then(Value::as_object_mut);
            for value in entries.into_iter().flat_map(|entries| entries.values_mut()) {
                if let Value::String(text) = value {
                    text.zeroize();
                }
            }
        }
    }
}

/// A Secret as a value in field order. **It holds the values in plain base64**; hand it to [`to_json`] or [`to_yaml`] only.
#[must_use]
pub fn secret_to_value(secret: &Secret, style: Style) -> PlainValue {
    let mut object = typed("Secret", "v1");
    object.insert("metadata".into(), metadata(&secret.metadata, style));
    if let Some(immutable) = secret.immutable {
        object.insert("immutable".into(), immutable.into());
    }
    let base64 = |bytes: &SecretBytes| match (bytes.is_empty(), style) {
        (true, Style::NullTimestamps) => Value::Null,
        _ => Value::String(encode_base64(bytes.expose())),
    };
    // What is not UTF-8 cannot be `stringData`; it does not come from one either.
    let text = |bytes: &SecretBytes| String::from_utf8_lossy(bytes.expose()).into_owned();
    insert_map(&mut object, "data", secret.data.iter().map(|(key, value)| (key, base64(value))));
    insert_map(&mut object, "stringData", secret.string_data.iter().map(|(key, value)| (key, text(value))));
    insert_text(&mut object, "type", secret.type_.as_deref());
    PlainValue(Value::Object(object))
}

/// Values as JSON documents, each with a line break after it.
#[must_use]
pub fn to_json(value: &Value) -> SecretString {
    let mut out = String::new();
    write_json(&mut out, value, 0);
    out.push('\n');
    SecretString::new(out)
}

/// A value as one YAML document with `---` before it.
#[must_use]
pub fn to_yaml(value: &Value) -> SecretString {
    let body = Zeroizing::new(crate::yaml::kubernetes::write(value));
    let mut out = String::with_capacity(body.len() + 4);
    out.push_str("---\n");
    out.push_str(&body);
    SecretString::new(out)
}

fn typed(kind: &str, version: &str) -> Map<String, Value> {
    let mut object = Map::new();
    object.insert("kind".into(), kind.into());
    object.insert("apiVersion".into(), version.into());
    object
}

fn spec(spec: &SealedSecretSpec, style: Style) -> Value {
    let mut object = Map::new();
    object.insert("template".into(), template(&spec.template, style));
    insert_text(&mut object, "data", spec.data.as_deref());
    let items = spec.encrypted_data.iter().map(|(key, value)| (key.clone(), Value::from(value.as_str()))).collect();
    object.insert("encryptedData".into(), Value::Object(items));
    Value::Object(object)
}

fn template(template: &SecretTemplate, style: Style) -> Value {
    let mut object = Map::new();
    object.insert("metadata".into(), metadata(&template.metadata, style));
    insert_text(&mut object, "type", template.type_.as_deref());
    if let Some(immutable) = template.immutable {
        object.insert("immutable".into(), immutable.into());
    }
    if let Some(data) = template.data.as_ref().filter(|data| !data.is_empty()) {
        let data = data.iter().map(|(key, text)| (key.clone(), text.clone().map_or(Value::Null, Value::String))).collect();
        object.insert("data".into(), Value::Object(data));
    }
    Value::Object(object)
}

/// Metadata in the order of Go's ObjectMeta; fields it does not know come last.
fn metadata(meta: &ObjectMeta, style: Style) -> Value {
    let mut object = Map::new();
    let texts = |map: &BTreeMap<String, String>| map.iter().map(|(k, v)| (k.clone(), Value::from(v.as_str()))).collect();
    for field in OBJECT_META {
        let value = match field.name {
            "name" => Some(Value::from(meta.name.as_str())).filter(|_| !meta.name.is_empty()),
            "namespace" => Some(Value::from(meta.namespace.as_str())).filter(|_| !meta.namespace.is_empty()),
            "labels" => Some(Value::Object(texts(&meta.labels))).filter(|_| !meta.labels.is_empty()),
            "annotations" => Some(Value::Object(texts(&meta.annotations))).filter(|_| !meta.annotations.is_empty()),
            name => meta.other.get(name).cloned(),
        };
        match value {
            Some(value) => _ = object.insert(field.name.into(), value),
            None if field.name == "creationTimestamp" && style == Style::NullTimestamps => {
                object.insert(field.name.into(), Value::Null);
            }
            None => {}
        }
    }
    for (name, value) in &meta.other {
        if !object.contains_key(name) {
            object.insert(name.clone(), value.clone());
        }
    }
    Value::Object(object)
}

/// Status with the times of its conditions, which Go writes as null when they are not set.
fn with_times(mut status: Value, style: Style) -> Value {
    let conditions = status.get_mut("conditions").and_then(Value::as_array_mut);
    if style == Style::NullTimestamps {
        for condition in conditions.into_iter().flatten().filter_map(Value::as_object_mut) {
            let mut ordered = Map::new();
            for name in ["type", "status", "lastUpdateTime", "lastTransitionTime"] {
                ordered.insert(name.into(), condition.shift_remove(name).unwrap_or(Value::Null));
            }
            ordered.append(condition);
            *condition = ordered;
        }
    }
    status
}

fn insert_text(object: &mut Map<String, Value>, key: &str, text: Option<&str>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        object.insert(key.into(), text.into());
    }
}

fn insert_map<'a>(object: &mut Map<String, Value>, key: &str, entries: impl Iterator<Item = (&'a String, impl Into<Value>)>) {
    let map: Map<String, Value> = entries.map(|(key, value)| (key.clone(), value.into())).collect();
    if !map.is_empty() {
        object.insert(key.into(), Value::Object(map));
    }
}

/// JSON as Go's `MarshalIndent` with two spaces writes it. Depth is that of the value, which its reader has bounded.
fn write_json(out: &mut String, value: &Value, depth: usize) {
    let indent = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(number) => _ = write!(out, "{number}"),
        Value::String(text) => write_json_text(out, text),
        Value::Array(list) if list.is_empty() => out.push_str("[]"),
        Value::Object(map) if map.is_empty() => out.push_str("{}"),
        Value::Array(list) => {
            for (i, item) in list.iter().enumerate() {
                out.push(if i == 0 { '[' } else { ',' });
                indent(out, depth + 1);
                write_json(out, item, depth + 1);
            }
            indent(out, depth);
            out.push(']');
        }
        Value::Object(map) => {
            for (i, (key, item)) in map.iter().enumerate() {
                out.push(if i == 0 { '{' } else { ',' });
                indent(out, depth + 1);
                write_json_text(out, key);
                out.push_str(": ");
                write_json(out, item, depth + 1);
            }
            indent(out, depth);
            out.push('}');
        }
    }
}

/// A JSON string with Go's escapes, which are safe inside HTML.
pub fn write_json_text(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\u{0}'..='\u{1f}' => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => out.push(c),
        }
    }
    out.push('"');
}

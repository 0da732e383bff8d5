//! The digest that nats-server shows of its configuration: SHA-256 of the parsed values as Go writes JSON.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use zeroize::Zeroizing;

use super::{Config, Entry, Value};
use crate::crypto::digest::sha256_hex;

/// `sha256:` and 64 digits, as `nats-server -t` and `config_digest` of `/varz` have it. Comments, order and quoting do not count;
/// what is included does.
#[must_use]
pub fn digest(config: &Config) -> String {
    let mut text = Zeroizing::new(String::new());
    map(&config.root, &mut text);
    text.push('\n');
    format!("sha256:{}", sha256_hex(text.as_bytes()))
}

fn map(entries: &[Entry], into: &mut String) {
    // The last of one key counts, and Go sorts keys by their bytes.
    let sorted: BTreeMap<&str, &Value> = entries.iter().map(|entry| (entry.key.as_str(), &entry.node.value)).collect();
    into.push('{');
    for (index, (key, inner)) in sorted.into_iter().enumerate() {
        if index > 0 {
            into.push(',');
        }
        text(key, into);
        into.push(':');
        value(inner, into);
    }
    into.push('}');
}

fn value(value_of: &Value, into: &mut String) {
    match value_of {
        Value::Map(entries) => map(entries, into),
        Value::List(items) => {
            into.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    into.push(',');
                }
                value(&item.value, into);
            }
            into.push(']');
        }
        Value::Text(secret) => text(secret.expose(), into),
        Value::Integer(number) => _ = write!(into, "{number}"),
        Value::Float(number) => float(*number, into),
        Value::Switch(on) => _ = write!(into, "{on}"),
        Value::Date(date) => text(date, into),
    }
}

/// Go's JSON: shortest digits, an exponent below 1e-6 and from 1e21 on.
fn float(number: f64, into: &mut String) {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let sign = if exponent.starts_with('-') { "" } else { "+" };
        _ = write!(into, "{digits}e{sign}{exponent}");
    } else {
        _ = write!(into, "{number}");
    }
}

/// Go's JSON string, with HTML's characters escaped.
fn text(text: &str, into: &mut String) {
    into.push('"');
    for c in text.chars() {
        match c {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            '\u{8}' => into.push_str("\\b"),
            '\u{c}' => into.push_str("\\f"),
            '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => _ = write!(into, "\\u{:04x}", u32::from(c)),
            _ => into.push(c),
        }
    }
    into.push('"');
}

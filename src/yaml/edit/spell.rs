//! How a new key or value is written in the place where it goes.

use super::super::kubernetes::{double_quoted, style_of};
use super::super::tree::{Kind, Node, Style};

/// Where a text is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Context {
    /// In a block mapping.
    Block,
    /// In braces.
    Flow,
    /// In braces whose texts are all in double quotes: it may have to stay JSON.
    Json,
}

impl Context {
    /// The context of entries of a flow mapping, judged by its own entries, or if it has none by those around it.
    pub(super) fn of(mapping: Node<'_>, around: &[(Node<'_>, Node<'_>)]) -> Self {
        let around = around.iter().rev().map(|&(outer, _)| outer);
        match [mapping].into_iter().chain(around).find(|mapping| mapping.entries().len() > 0) {
            Some(mapping) if is_json(mapping) => Self::Json,
            Some(_) => Self::Flow,
            // An empty `{}` that is the whole document.
            None => Self::Json,
        }
    }
}

/// Whether the scalars in braces are written as JSON has them.
fn is_json(mapping: Node<'_>) -> bool {
    let is_flow = mapping.kind() == (Kind::Mapping { flow: true });
    is_flow
        && mapping.entries().all(|(key, value)| {
            let value_fits = match value.kind() {
                Kind::Scalar(Style::Plain) => {
                    value.text().is_some_and(|text| serde_json::from_str::<serde_json::Value>(text).is_ok())
                }
                Kind::Scalar(style) => style == Style::DoubleQuoted,
                Kind::Alias => false,
                Kind::Sequence { .. } | Kind::Mapping { .. } => true,
            };
            key.kind() == Kind::Scalar(Style::DoubleQuoted) && value_fits
        })
}

/// A text, bare if it is safe there and stays a string under YAML 1.1 and 1.2, otherwise in double quotes.
pub(super) fn scalar(text: &str, context: Context) -> String {
    match context {
        Context::Json => json(text),
        Context::Block | Context::Flow if is_safe_bare(text, context) => text.to_owned(),
        Context::Block | Context::Flow => double_quoted(text),
    }
}

/// A text in the quotes of the scalar it takes the place of, if they can hold it.
pub(super) fn scalar_like(text: &str, old: Style, context: Context) -> String {
    match old {
        Style::DoubleQuoted if context == Context::Json => json(text),
        Style::DoubleQuoted => double_quoted(text),
        Style::SingleQuoted if text.chars().all(|c| (' '..='~').contains(&c)) => format!("'{}'", text.replace('\'', "''")),
        _ => scalar(text, context),
    }
}

fn is_safe_bare(text: &str, context: Context) -> bool {
    let indicators: &[char] = if context == Context::Flow { &[',', '[', ']', '{', '}', '?', ':'] } else { &[] };
    // `<<` is a merge key, and `=` is a type of YAML 1.1's own.
    style_of(text, true) == Style::Plain && !text.contains(indicators) && text != "="
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

//! New entries in braces, JSON included.

use super::super::tree::{Kind, Node, Style};
use super::find::Place;
use super::lines::{Splice, break_at, line_end, line_start, rest_is_free};
use super::spell::{Context, scalar};
use super::{Edit, Error};

/// Adds an entry behind the last one of a flow mapping that has some.
pub(super) fn append(edit: &Edit<'_>, place: &Place<'_, '_>, value: &str) -> Result<Vec<Splice>, Error> {
    let text = edit.text;
    let mapping = place.node;
    let context = Context::of(mapping, &place.passed);
    let Some((key, last)) = mapping.entries().next_back() else {
        return Ok(instead_of_nothing(edit, place, value));
    };
    let colon = if is_tight(text, mapping) { ":" } else { ": " };
    let entry = entry(edit, place, value, context, colon);
    let end = last.span().end.max(key.span().end);
    let comma = trailing_comma(text, end);
    // With a comma behind the last entry, the new one gets one too, and goes behind it.
    let (at, before, after) = match comma {
        Some(comma) => (comma + 1, "", ","),
        None => (end, ",", ""),
    };

    let start = key.full_span().start;
    let own_line = text[line_start(text, start)..start].trim_matches([' ', '\t']).is_empty();
    let below = mapping.span().start < line_start(text, start);
    if own_line && below {
        let indent = &text[line_start(text, start)..start];
        let end_of_line = line_end(text, at);
        let line_break = break_at(text, line_end(text, mapping.span().start));
        if rest_is_free(text, at) {
            // A comment behind the last entry stays with it.
            return Ok(vec![
                Splice::insert(at, before),
                Splice::insert(end_of_line, format!("{line_break}{indent}{entry}{after}")),
            ]);
        }
        return Ok(vec![Splice::insert(at, format!("{before}{line_break}{indent}{entry}{after}"))]);
    }
    let gap = if colon == ":" { "" } else { " " };
    Ok(vec![Splice::insert(at, format!("{before}{gap}{entry}{after}"))])
}

/// Puts the entry into an empty `{}`, or a flow mapping into the place of nothing.
pub(super) fn instead_of_nothing(edit: &Edit<'_>, place: &Place<'_, '_>, value: &str) -> Vec<Splice> {
    let text = edit.text;
    let node = place.node;
    let span = node.span();
    let context = Context::of(node, &place.passed);
    let tight = place.passed.last().is_some_and(|&(parent, _)| is_tight(text, parent));
    let entry = entry(edit, place, value, context, if tight { ":" } else { ": " });
    if text[span.clone()].starts_with('{') {
        return vec![Splice::insert(span.start + 1, entry)];
    }
    if !span.is_empty() {
        return vec![Splice::new(span, format!("{{{entry}}}"))];
    }
    // `{key}` has not even a colon.
    let key_end = place.passed.last().map_or(span.start, |(_, key)| key.span().end);
    let colon = if text[key_end.min(span.start)..span.start].contains(':') { "" } else { ":" };
    vec![Splice::insert(span.start, format!("{colon} {{{entry}}}"))]
}

/// `key: value` within the mappings that are missing around it.
fn entry(edit: &Edit<'_>, place: &Place<'_, '_>, value: &str, context: Context, colon: &str) -> String {
    let inner = format!("{}{colon}{}", scalar(edit.key, context), scalar(value, context));
    place.missing.iter().rev().fold(inner, |inner, key| format!("{}{colon}{{{inner}}}", scalar(key, context)))
}

/// Whether a flow mapping is written without blanks, `{"a":1}`, as machines write JSON. Only a quoted key may have its value
/// directly behind the colon.
fn is_tight(text: &str, mapping: Node<'_>) -> bool {
    let tight = |key: Node<'_>, value: Node<'_>| {
        let between = text.get(key.span().end..value.full_span().start);
        key.kind() == Kind::Scalar(Style::DoubleQuoted) && !value.is_absent() && between == Some(":")
    };
    mapping.entries().len() > 0 && mapping.entries().all(|(key, value)| tight(key, value))
}

/// The comma behind the last entry, if there is one before the closing brace.
pub(super) fn trailing_comma(text: &str, from: usize) -> Option<usize> {
    let mut rest = text[from..].char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            ',' => return Some(from + at),
            '#' => while rest.next().is_some_and(|(_, c)| c != '\n' && c != '\r') {},
            ' ' | '\t' | '\n' | '\r' => {}
            _ => return None,
        }
    }
    None
}

//! New entries in block layout: one key a line.

use super::super::tree::{Kind, Node, Style};
use super::find::Place;
use super::lines::{Splice, blanks_before, break_at, break_near, column, line_end, line_start, rest_is_free};
use super::spell::{Context, scalar};
use super::{Edit, Error};

/// Columns between levels where the text has none to learn from.
const STEP: usize = 2;

/// Adds an entry behind the last one of a block mapping.
pub(super) fn append(edit: &Edit<'_>, place: &Place<'_, '_>, value: &str) -> Result<Vec<Splice>, Error> {
    let text = edit.text;
    let mapping = place.node;
    let position = mapping.position();
    let indent =
        key_column(text, mapping).ok_or(Error::Layout { position, reason: "all keys of the mapping are explicit (`? key`)" })?;
    let end = mapping.span().end;
    if !rest_is_free(text, end) {
        return Err(Error::Layout { position, reason: "something else follows the mapping on its last line" });
    }
    let lines = entry_lines(edit, place, value, indent, step(text, place));
    let line_end = line_end(text, end);
    let line_break = break_near(text, line_end);
    if keeps_blank_lines(text, mapping) {
        // `|+` owns the blank lines behind it: the entry goes behind them.
        let at = after_blank_lines(text, line_end);
        let before = if text[..at].ends_with(['\n', '\r']) { "" } else { line_break };
        return Ok(vec![Splice::insert(at, format!("{before}{}{line_break}", lines.join(line_break)))]);
    }
    Ok(vec![Splice::insert(line_end, format!("{line_break}{}", lines.join(line_break)))])
}

/// Makes a block mapping in the place of `{}`, `null` or nothing behind a key of a block mapping. `None` where that is not
/// possible.
pub(super) fn instead_of_nothing(edit: &Edit<'_>, place: &Place<'_, '_>, value: &str) -> Option<Vec<Splice>> {
    let text = edit.text;
    let &(parent, key) = place.passed.last().filter(|_| place.in_mapping)?;
    let node = place.node.span();
    let before = key.span().end..node.start;
    let is_block = parent.kind() == (Kind::Mapping { flow: false });
    let one_line = !text.get(before.clone())?.contains(['\n', '\r']) && !text.get(node.clone())?.contains(['\n', '\r']);
    // An explicit key without a colon has nothing to hang a value on.
    if !is_block || !one_line || is_explicit(text, key) || !text[before].contains(':') || !rest_is_free(text, node.end) {
        return None;
    }
    let indent = column(text, key.full_span().start);
    let step = step(text, place);
    let lines = entry_lines(edit, place, value, indent + step, step);
    let line_end = line_end(text, node.end);
    let line_break = break_near(text, line_end);
    let mut splices = vec![Splice::insert(line_end, format!("{line_break}{}", lines.join(line_break)))];
    if !node.is_empty() {
        splices.push(Splice::cut(blanks_before(text, node.start)..node.end));
    }
    Some(splices)
}

/// The lines of the entry, within the mappings that are missing around it.
fn entry_lines(edit: &Edit<'_>, place: &Place<'_, '_>, value: &str, indent: usize, step: usize) -> Vec<String> {
    let mut lines = Vec::with_capacity(place.missing.len() + 1);
    let mut indent = indent;
    for key in place.missing {
        lines.push(format!("{:indent$}{}:", "", scalar(key, Context::Block)));
        indent += step;
    }
    lines.push(format!("{:indent$}{}: {}", "", scalar(edit.key, Context::Block), scalar(value, Context::Block)));
    lines
}

/// The column, from 0, at which the keys of a block mapping begin.
pub(super) fn key_column(text: &str, mapping: Node<'_>) -> Option<usize> {
    let (key, _) = mapping.entries().find(|(key, _)| !is_explicit(text, *key))?;
    Some(column(text, key.full_span().start))
}

/// Whether a key is written `? key`.
pub(super) fn is_explicit(text: &str, key: Node<'_>) -> bool {
    let start = key.full_span().start;
    let before = text[line_start(text, start)..start].trim_end_matches([' ', '\t']);
    // A `?` that ends a word before the key would belong to the key.
    before.ends_with('?') && before.len() < start - line_start(text, start)
}

/// By how many columns this text indents a mapping inside a mapping: as beside the place, as above it, or as anywhere.
fn step(text: &str, place: &Place<'_, '_>) -> usize {
    let inside = |mapping: Node<'_>| {
        let outer = key_column(text, mapping)?;
        let inner = mapping.entries().filter(|(_, value)| value.kind() == (Kind::Mapping { flow: false }));
        inner.filter_map(|(_, value)| key_column(text, value)?.checked_sub(outer)).find(|&step| step > 0)
    };
    let is_block = |mapping: &Node<'_>| mapping.kind() == (Kind::Mapping { flow: false });
    let near = [place.node].into_iter().chain(place.passed.iter().rev().map(|&(mapping, _)| mapping));
    near.filter(is_block).find_map(inside).or_else(|| place.document.nodes().filter(is_block).find_map(inside)).unwrap_or(STEP)
}

/// Whether the last scalar of a mapping is a block scalar that keeps the blank lines behind it.
fn keeps_blank_lines(text: &str, mapping: Node<'_>) -> bool {
    let mut node = mapping;
    loop {
        node = match node.kind() {
            Kind::Mapping { .. } => match node.entries().next_back() {
                Some((_, value)) => value,
                None => return false,
            },
            Kind::Sequence { .. } => match node.items().next_back() {
                Some(item) => item,
                None => return false,
            },
            Kind::Scalar(Style::Literal | Style::Folded) => {
                return node.block_header().is_some_and(|header| text[header].contains('+'));
            }
            _ => return false,
        };
    }
}

/// From the end of a line, the begin of the first line behind it that is not blank.
fn after_blank_lines(text: &str, line_end_at: usize) -> usize {
    let mut at = line_end_at + break_at(text, line_end_at).len();
    loop {
        let end = line_end(text, at);
        let line_break = break_at(text, end);
        if line_break.is_empty() || !text[at..end].trim_matches([' ', '\t']).is_empty() {
            return at;
        }
        at = end + line_break.len();
    }
}

//! How a new scalar is written in the place and style of an old one.

use super::super::emit;
use super::super::style::{Style as Written, style_of};
use super::place::{blank_lines_after, line_end};
use crate::sops::tree::Node;
use crate::sops::value::Scalar;
use crate::yaml::emitter::is_printable;
use crate::yaml::{self, Style};

/// A piece of text for the place of some bytes.
pub(super) struct Splice {
    /// The bytes.
    pub(super) range: std::ops::Range<usize>,
    /// What comes there.
    pub(super) with: String,
}

/// Where a value stands.
#[derive(Clone, Copy)]
pub(super) struct Context {
    /// In braces or brackets.
    pub(super) in_flow: bool,
    /// Column of the key or dash, from 0.
    pub(super) column: usize,
    /// Spaces that a block under it is indented by.
    pub(super) step: usize,
}

/// Writes `new` in the place of the scalar `old`; `None` if that cannot be done there.
pub(super) fn scalar(text: &str, old: yaml::Node<'_>, new: &Node, context: Context) -> Option<Vec<Splice>> {
    if old.is_absent() {
        return None;
    }
    let style = match old.kind() {
        yaml::Kind::Scalar(style) => style,
        yaml::Kind::Alias => Style::Plain,
        _ => return None,
    };
    let new_text = new.as_str();
    let properties = properties(text, old, new_text.is_some());
    let start = old.full_span().start;
    let span = old.span();
    let Some(new_text) = new_text else {
        if matches!(new, Node::Map(_) | Node::List(_) | Node::Comment(_)) {
            return None;
        }
        // Numbers, booleans, times, null, and bytes that are no text.
        let word = String::from_utf8(super::super::emit_value(new, context.step)).ok()?;
        let word = word.trim_end_matches('\n');
        let binary = matches!(new, Node::Leaf(Scalar::Text(_)));
        if word.contains('\n') || (binary && context.in_flow) {
            return None;
        }
        return Some(one_line(text, old, start, format!("{properties}{word}")));
    };
    if let (Style::Literal | Style::Folded, Some(header)) = (style, old.block_header())
        && let Some((indicators, body)) = block(text, old, new_text, style, context)
    {
        let end_of_header = line_end(text, header.end);
        return Some(vec![
            Splice { range: start..header.end, with: format!("{properties}{indicators}") },
            Splice { range: end_of_header..span.end.max(end_of_header), with: body },
        ]);
    }
    let written = match (style, context.in_flow) {
        (Style::DoubleQuoted, _) => emit::double_quoted(new_text),
        (Style::SingleQuoted, true) if is_plain_in_flow(new_text) => new_text.to_owned(),
        (Style::SingleQuoted, _) if can_be_single_quoted(new_text) => single_quoted(new_text),
        (Style::Plain, true) if is_plain_in_flow(new_text) => new_text.to_owned(),
        (_, true) if can_be_single_quoted(new_text) => single_quoted(new_text),
        (_, true) | (Style::SingleQuoted | Style::Literal | Style::Folded, false) => emit::double_quoted(new_text),
        (Style::Plain, false) => match style_of(new_text, false) {
            Written::Plain => new_text.to_owned(),
            Written::SingleQuoted => single_quoted(new_text),
            Written::DoubleQuoted => emit::double_quoted(new_text),
            Written::Literal => {
                let indent = context.column + context.step;
                let Some((header, body)) = literal(text, old, new_text, indent, context.column, false) else {
                    return Some(one_line(text, old, start, format!("{properties}{}", emit::double_quoted(new_text))));
                };
                // The lines come behind a comment on the header's line.
                let mut splices = one_line(text, old, start, format!("{properties}{header}"));
                let end = line_end(text, span.end);
                splices.push(Splice { range: end..end, with: body });
                return Some(splices);
            }
        },
    };
    let written = if properties.is_empty() { written } else { properties + &written };
    Some(one_line(text, old, start, written))
}

/// The old scalar gone, with the lines of a block, and this in its place.
fn one_line(text: &str, old: yaml::Node<'_>, start: usize, with: String) -> Vec<Splice> {
    let span = old.span();
    match old.block_header() {
        None => vec![Splice { range: start..span.end, with }],
        Some(header) => {
            let end_of_header = line_end(text, header.end);
            let mut splices = vec![Splice { range: start..header.end, with }];
            if span.end > end_of_header {
                splices.push(Splice { range: end_of_header..span.end, with: String::new() });
            }
            splices
        }
    }
}

/// The anchor, and a tag that says no more than text; others go, since what they say is in the value's type.
fn properties(text: &str, old: yaml::Node<'_>, is_text: bool) -> String {
    let before = text.get(old.full_span().start..old.span().start).unwrap_or_default();
    if before.is_empty() {
        return String::new();
    }
    let core = old.tag().is_some_and(|tag| tag.starts_with("tag:yaml.org,2002:") && tag != "tag:yaml.org,2002:str");
    let keeps_tag = is_text && !core;
    let words = before.split_whitespace().filter(|word| word.starts_with('&') || (keeps_tag && word.starts_with('!')));
    words.fold(String::new(), |text, word| text + word + " ")
}

/// A block for the place of an old block: indicators, and the lines with a line break before each.
fn block(text: &str, old: yaml::Node<'_>, new: &str, style: Style, context: Context) -> Option<(String, String)> {
    let header = old.block_header()?;
    let body = text.get(line_end(text, header.end)..old.span().end)?;
    let leading = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let written = body.lines().find(|line| !line.trim().is_empty()).map_or(0, leading);
    let meant = old.text()?.lines().find(|line| !line.trim().is_empty()).map_or(0, leading);
    let indent = written.checked_sub(meant).filter(|indent| *indent > 0).unwrap_or(context.column + context.step);
    literal(text, old, new, indent, context.column, style == Style::Folded)
}

fn literal(text: &str, old: yaml::Node<'_>, new: &str, indent: usize, column: usize, folded: bool) -> Option<(String, String)> {
    let fits = !new.trim_end_matches('\n').is_empty()
        && new.chars().all(|char| is_printable(char) || matches!(char, '\n' | '\t'))
        && !new.starts_with('\t')
        && new.split('\n').all(|line| !line.ends_with(' ') && (!line.trim().is_empty() || line.is_empty()));
    if !fits {
        return None;
    }
    let hint = if new.starts_with([' ', '\n']) {
        let hint = indent.checked_sub(column).filter(|hint| (1..=9).contains(hint))?;
        hint.to_string()
    } else {
        String::new()
    };
    let content = new.trim_end_matches('\n');
    let chomp = match new.len() - content.len() {
        0 => "-",
        1 => "",
        // The blank lines that follow are then part of the text.
        many if many - 1 == blank_lines_after(text, old.span().end.saturating_sub(1).max(old.span().start)) => "+",
        _ => return None,
    };
    let can_fold = folded && !new.starts_with('\n') && content.split('\n').all(|line| !line.starts_with([' ', '\t']));
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut body = String::new();
    let mut previous_was_text = false;
    for line in content.split('\n') {
        if line.is_empty() {
            body.push_str(line_break);
            continue;
        }
        if can_fold && previous_was_text {
            // A single line break would be read as a blank.
            body.push_str(line_break);
        }
        body.extend([line_break, &" ".repeat(indent), line]);
        previous_was_text = true;
    }
    Some((format!("{}{hint}{chomp}", if can_fold { '>' } else { '|' }), body))
}

fn can_be_single_quoted(text: &str) -> bool {
    !text.contains('\n') && text.chars().all(is_printable)
}

fn single_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn is_plain_in_flow(text: &str) -> bool {
    style_of(text, false) == Written::Plain && !text.contains([',', '[', ']', '{', '}', '?', ':'])
}

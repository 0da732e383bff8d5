//! Places in a text: lines, columns, blanks.

use crate::yaml;

/// Where the line of `at` begins, behind a byte order mark.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let start = text.get(..at).unwrap_or_default().rfind('\n').map_or(0, |at| at + 1);
    if start == 0 && text.starts_with('\u{feff}') { 3.min(at) } else { start }
}

/// Where the line of `at` ends: its line break, or the end of the text.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    let end = text.get(at..).unwrap_or_default().find('\n').map_or(text.len(), |offset| at + offset);
    if end > at && text.as_bytes().get(end.saturating_sub(1)) == Some(&b'\r') { end - 1 } else { end }
}

/// Behind the line break of the line of `at`.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    text.get(at..).unwrap_or_default().find('\n').map_or(text.len(), |offset| at + offset + 1)
}

/// Characters from the line's begin to `at`.
pub(super) fn column(text: &str, at: usize) -> usize {
    text.get(line_start(text, at)..at).unwrap_or_default().chars().count()
}

/// Whether nothing but blanks stands before `at` on its line.
pub(super) fn begins_line(text: &str, at: usize) -> bool {
    text.get(line_start(text, at)..at).unwrap_or_default().trim_matches([' ', '\t']).is_empty()
}

/// How many blank lines follow the line of `at`.
pub(super) fn blank_lines_after(text: &str, at: usize) -> usize {
    let rest = text.get(next_line(text, at)..).unwrap_or_default();
    rest.split_inclusive('\n')
        .take_while(|line| line.ends_with('\n') && line.trim_matches([' ', '\t', '\r', '\n']).is_empty())
        .count()
}

/// Whether a line outside of all documents is a directive.
pub(super) fn has_directive(text: &str, documents: &[yaml::Document]) -> bool {
    let in_text = memchr::memmem::find_iter(text.as_bytes(), b"\n%").map(|at| at + 1);
    let mut starts = in_text.chain(text.starts_with('%').then_some(0));
    starts.any(|at| !documents.iter().any(|document| document.span().contains(&at)))
}

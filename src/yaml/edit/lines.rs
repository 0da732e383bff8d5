//! Lines, line breaks and splices of a text.

use std::ops::Range;

/// A piece of text to put in the place of some bytes.
pub(super) struct Splice {
    pub(super) range: Range<usize>,
    pub(super) with: String,
}

impl Splice {
    pub(super) fn new(range: Range<usize>, with: impl Into<String>) -> Self {
        Self { range, with: with.into() }
    }

    pub(super) fn insert(at: usize, with: impl Into<String>) -> Self {
        Self::new(at..at, with)
    }

    pub(super) fn cut(range: Range<usize>) -> Self {
        Self::new(range, "")
    }
}

/// The text with the splices, which do not overlap, made.
pub(super) fn apply(text: &str, mut splices: Vec<Splice>) -> String {
    splices.sort_by_key(|splice| splice.range.start);
    let mut out = String::with_capacity(text.len() + splices.iter().map(|splice| splice.with.len()).sum::<usize>());
    let mut done = 0;
    for splice in splices {
        out.push_str(text.get(done..splice.range.start).unwrap_or_default());
        out.push_str(&splice.with);
        done = done.max(splice.range.end);
    }
    out.push_str(text.get(done..).unwrap_or_default());
    out
}

/// Where the line of `at` begins. A byte order mark belongs to no line.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    let start = text[..at].rfind(['\n', '\r']).map_or(0, |at| at + 1);
    if start == 0 && text.starts_with('\u{feff}') { '\u{feff}'.len_utf8().min(at) } else { start }
}

/// Where the line of `at` ends: its line break, or the end of the text.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    text[at..].find(['\n', '\r']).map_or(text.len(), |offset| at + offset)
}

/// The line break at `at`; empty at the end of the text.
pub(super) fn break_at(text: &str, at: usize) -> &str {
    let rest = &text[at..];
    ["\r\n", "\n", "\r"].into_iter().find(|line_break| rest.starts_with(line_break)).unwrap_or("")
}

/// The line break that a new line near `at` gets: that of its line, else the one before it, else the first of the text.
pub(super) fn break_near(text: &str, at: usize) -> &str {
    let own = break_at(text, line_end(text, at));
    if !own.is_empty() {
        return own;
    }
    match text[..at].rfind(['\n', '\r']) {
        Some(last) if text[..last].ends_with('\r') && text[last..].starts_with('\n') => "\r\n",
        Some(last) => break_at(text, last),
        None => "\n",
    }
}

/// Blanks and tabs from `at` backwards: where they begin.
pub(super) fn blanks_before(text: &str, at: usize) -> usize {
    text[..at].trim_end_matches([' ', '\t']).len()
}

/// Whether nothing but blanks, or a comment, follows on the line.
pub(super) fn rest_is_free(text: &str, at: usize) -> bool {
    let rest = &text[at..line_end(text, at)];
    let content = rest.trim_start_matches([' ', '\t']);
    content.is_empty() || (content.starts_with('#') && content.len() < rest.len())
}

/// Characters from the line's begin to `at`.
pub(super) fn column(text: &str, at: usize) -> usize {
    text[line_start(text, at)..at].chars().count()
}

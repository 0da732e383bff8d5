//! Text that we read by YAML 1.2 and that go-yaml, and so sops and Flux, does not read, or reads otherwise.
//!
//! A layout that is kept is the user's own, so it may hold what sops would never write. What is looked for here is what came out
//! of comparing the two on random texts (`tests/interop/sops_yaml/keep.rs`); such a layout is given up rather than written into an
//! encrypted file that only we open. Now and then it is given up without need, where that is simpler and rare.

use std::ops::Range;

use crate::yaml::{self, Kind, Node, Style};

const SEPARATOR: &str = "a line separator of Unicode (U+0085, U+2028 or U+2029)";
const TAB: &str = "a tab where YAML 1.1 has none";
const ESCAPE: &str = "the escape `\\/`, or one of half a surrogate pair";
const ANCHOR: &str = "an anchor whose name is not made of letters, digits, `-` and `_`";
const NO_VALUE: &str = "a key without a value right before a comma or bracket";
const INDICATOR: &str = "a bare `?` or `:` in a word in braces or brackets";
const LONG_KEY: &str = "a key in braces or brackets that does not end on its line";
const MERGE: &str = "a merge key (`<<`) that has no map";
const MARKER: &str = "a document end marker (`...`) without a document before it and `---` behind it";
const BOM: &str = "a byte order mark that is not at its beginning";

/// What is strange about a text, if anything is. Words that follow "it has".
pub(super) fn find(text: &str) -> Option<&'static str> {
    if !is_suspicious(text.as_bytes()) {
        return None;
    }
    if text.contains(['\u{85}', '\u{2028}', '\u{2029}']) {
        return Some(SEPARATOR);
    }
    let documents = yaml::parse_stream(text).ok()?;
    if documents.iter().skip(1).any(|document| !document.has_marker()) {
        return Some(MARKER);
    }
    let mut covered = Vec::new();
    for document in &documents {
        if let Some(what) = in_node(text, document.root(), false, &mut covered) {
            return Some(what);
        }
        covered.extend(document.comments().iter().map(|comment| comment.span.clone()));
    }
    covered.sort_by_key(|range| range.start);
    let mut done = text.len() - text.trim_start_matches('\u{feff}').len();
    for range in covered.into_iter().chain(std::iter::once(text.len()..text.len())) {
        let gap = text.get(done..range.start).unwrap_or_default();
        if gap.contains('\u{feff}') {
            return Some(BOM);
        }
        if has_tab(gap, ends_line(text, done)) {
            return Some(TAB);
        }
        let is_first = documents.first().is_some_and(|document| done <= document.span().start);
        let ends = gap.match_indices("...").filter(|(at, _)| ends_line(text, done + at)).count();
        if ends > usize::from(!is_first) {
            return Some(MARKER);
        }
        done = done.max(range.end);
    }
    None
}

/// Whether there is anything that has to be looked at closely. Ciphertexts have none of it, so that most files end here.
fn is_suspicious(text: &[u8]) -> bool {
    let mut before = b'\n';
    text.iter().zip(text.iter().skip(1).chain(std::iter::once(&b'\n'))).any(|(byte, next)| {
        let before = std::mem::replace(&mut before, *byte);
        match byte {
            // The last three begin the characters that matter.
            b'\t' | b'&' | b'{' | b'?' | 0xc2 | 0xe2 | 0xef => true,
            b'[' => before != b'C',
            b'\\' => matches!(next, b'/' | b'u'),
            b'<' | b'.' => next == byte,
            _ => false,
        }
    })
}

/// Looks at a node and those in it; notes where scalars are.
fn in_node(text: &str, node: Node<'_>, in_flow: bool, covered: &mut Vec<Range<usize>>) -> Option<&'static str> {
    let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if node.anchor().is_some_and(|name| !is_name(name)) {
        return Some(ANCHOR);
    }
    match node.kind() {
        Kind::Scalar(style) => {
            let written = text.get(node.span()).unwrap_or_default();
            covered.push(node.span());
            match style {
                Style::Plain if in_flow => {
                    let next = text.get(node.span().end..).and_then(|behind| behind.strip_prefix(':')).unwrap_or_default();
                    if !written.is_empty() && next.starts_with([',', '[', ']', '{', '}']) {
                        return Some(NO_VALUE);
                    }
                    (written.contains('?') || written.starts_with(':')).then_some(INDICATOR)
                }
                Style::DoubleQuoted => has_escape(written).then_some(ESCAPE),
                Style::Literal | Style::Folded => block_has_tab(written).then_some(TAB),
                Style::Plain | Style::SingleQuoted => None,
            }
        }
        Kind::Alias => None,
        Kind::Sequence { flow } => node.items().find_map(|item| in_node(text, item, in_flow || flow, covered)),
        Kind::Mapping { flow } => {
            let in_flow = in_flow || flow;
            node.entries().find_map(|(key, value)| {
                if in_flow && !ends_on_its_line(text, key) {
                    return Some(LONG_KEY);
                }
                if key.text() == Some("<<") && key.kind() == Kind::Scalar(Style::Plain) && !can_be_merged(value) {
                    return Some(MERGE);
                }
                let of_key = in_node(text, key, in_flow, covered);
                of_key.or_else(|| in_node(text, value, in_flow, covered))
            })
        }
    }
}

/// Whether a key and its `:` are on one line.
fn ends_on_its_line(text: &str, key: Node<'_>) -> bool {
    let behind = text.get(key.span().end..).unwrap_or_default();
    let up_to_colon = behind.len() - behind.trim_start_matches([' ', '\t', '\r', '\n']).len();
    let has_colon = behind.get(up_to_colon..).is_some_and(|rest| rest.starts_with(':'));
    let end = if has_colon { key.span().end + up_to_colon } else { key.span().end };
    !text.get(key.span().start..end).is_some_and(|key| key.contains(['\n', '\r']))
}

/// Whether go-yaml can merge a value into the map around it.
fn can_be_merged(value: Node<'_>) -> bool {
    let is_map = |node: Node<'_>| matches!(node.resolved().kind(), Kind::Mapping { .. });
    is_map(value) || (matches!(value.resolved().kind(), Kind::Sequence { .. }) && value.resolved().items().all(is_map))
}

fn ends_line(text: &str, at: usize) -> bool {
    text.get(..at).is_some_and(|before| before.is_empty() || before.ends_with(['\n', '\r', '\u{feff}']))
}

/// Whether blanks that set a column have a tab among them, in text between scalars and comments.
fn has_tab(gap: &str, begins_line: bool) -> bool {
    let blanks =
        |text: &str| text.get(..text.len() - text.trim_start_matches([' ', '\t']).len()).is_some_and(|b| b.contains('\t'));
    let mut fresh = begins_line;
    gap.split_inclusive(['\n', '\r']).any(|line| {
        let from_start = std::mem::replace(&mut fresh, true);
        let first = line.trim_start_matches([' ', '\t']);
        (from_start && (blanks(line) || first.strip_prefix(':').is_some_and(blanks)))
            || line.match_indices(['-', '?']).any(|(at, _)| line.get(at + 1..).is_some_and(blanks))
    })
}

/// Whether a block scalar has a tab left of its own column, or right where go-yaml looks for that column.
fn block_has_tab(written: &str) -> bool {
    let spaces = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let is_blank = |line: &str| line.trim_matches([' ', '\t', '\r']).is_empty();
    let begins_with_tab = |line: &str| line.trim_start_matches(' ').starts_with('\t');
    let lines = || written.lines().skip(1);
    let header = written.lines().next().unwrap_or_default().split('#').next().unwrap_or_default();
    let leading = lines().take_while(|line| is_blank(line)).count() + 1;
    if !header.contains(|char: char| char.is_ascii_digit()) && lines().take(leading).any(begins_with_tab) {
        return true;
    }
    let indent = lines().filter(|line| !is_blank(line)).map(spaces).min().unwrap_or(usize::MAX);
    lines().any(|line| spaces(line) < indent && begins_with_tab(line))
}

/// Whether a double-quoted scalar has an escape that go-yaml does not know.
fn has_escape(written: &str) -> bool {
    let mut chars = written.chars();
    while let Some(char) = chars.next() {
        if char != '\\' {
            continue;
        }
        match chars.next() {
            Some('/') => return true,
            Some('u') => {
                let mut digits = chars.as_str().chars().map(|digit| digit.to_digit(16).unwrap_or_default());
                if digits.next() == Some(0xd) && digits.next() >= Some(8) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_yaml_reads_otherwise_is_found_and_the_rest_is_not() {
        for (text, expected) in [
            ("a: one\n\t\nb: two\n", Some(TAB)),
            ("\t\na: one\n", Some(TAB)),
            ("l:\n  -\tone\n", Some(TAB)),
            ("?\ta\n:\tb\n", Some(TAB)),
            ("a: |\n  text\n\t\nb: two\n", Some(TAB)),
            ("a: \"x\\/y\"\n", Some(ESCAPE)),
            ("a: \"\\ud83d\\ude00\"\n", Some(ESCAPE)),
            ("a: &a.b x\n", Some(ANCHOR)),
            ("a: [x:, y]\n", Some(NO_VALUE)),
            ("# c\u{2028}d: e\nb: z\n", Some(SEPARATOR)),
            ("a: |\n  \tone\n  two\n", Some(TAB)),
            ("a: {b? : c}\n", Some(INDICATOR)),
            ("a: [?x]\n", Some(INDICATOR)),
            ("a: {b\n  c: d}\n", Some(LONG_KEY)),
            ("a: {b\n  : d}\n", Some(LONG_KEY)),
            ("<<: [1]\n", Some(MERGE)),
            ("a: 1\n...\nb: 1\n", Some(MARKER)),
            ("...\n---\na: 1\n", Some(MARKER)),
            ("# c\n\u{feff}\na: 1\n", Some(BOM)),
            ("a:\tone\t# c\td\nb: \"two\"\t\n", None),
            ("a: |\n  all:\n  \tcc x\n  \n\nb: 'x\ty'\n", None),
            ("# -\tx\na: &ok-1_b \"\\\\/\\u00e9\"\n", None),
            ("a: {\"b\":1, c: d, e: [f,\n  g]}\nh: |2\n  \ti\nj?: ?k\n", None),
            ("\u{feff}--- # c\na: 1...\n...\n---\nb: &x {c: d}\ne: {<<: *x, \"<<\": 1}\n", None),
        ] {
            assert_eq!(find(text), expected, "{text:?}");
        }
    }
}

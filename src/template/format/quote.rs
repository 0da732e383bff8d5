//! `strconv.Quote`: Go string literals.

use crate::template::unicode;

/// `%q` without flags.
pub(crate) fn quote(text: &[u8]) -> Vec<u8> {
    quoted(text, b'"', false)
}

/// Whether the text can stand between backquotes unchanged.
pub(super) fn can_backquote(text: &[u8]) -> bool {
    std::str::from_utf8(text)
        .is_ok_and(|text| text.chars().all(|c| (c == '\t' || c >= ' ') && c != '\u{7f}' && c != '`' && c != '\u{feff}'))
}

/// The text as a Go literal; with `ascii` everything else is escaped.
pub(super) fn quoted(text: &[u8], mark: u8, ascii: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    out.push(mark);
    let mut rest = text;
    while let Some((c, width)) = unicode::decode(rest) {
        let (head, tail) = rest.split_at_checked(width).unwrap_or((rest, &[]));
        if width == 1 && c == char::REPLACEMENT_CHARACTER {
            out.extend_from_slice(format!("\\x{:02x}", head.first().copied().unwrap_or(0)).as_bytes());
        } else {
            escaped(&mut out, c, mark, ascii);
        }
        rest = tail;
    }
    out.push(mark);
    out
}

fn escaped(out: &mut Vec<u8>, c: char, mark: u8, ascii: bool) {
    let code = u32::from(c);
    let simple: Option<&[u8]> = match c {
        '\\' => Some(b"\\\\"),
        '\x07' => Some(b"\\a"),
        '\x08' => Some(b"\\b"),
        '\x0c' => Some(b"\\f"),
        '\n' => Some(b"\\n"),
        '\r' => Some(b"\\r"),
        '\t' => Some(b"\\t"),
        '\x0b' => Some(b"\\v"),
        _ => None,
    };
    if let Some(simple) = simple {
        out.extend_from_slice(simple);
    } else if code == u32::from(mark) {
        out.push(b'\\');
        out.push(mark);
    } else if (' '..='~').contains(&c) || (!ascii && !c.is_ascii() && unicode::is_print(c)) {
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    } else if code < 0x80 {
        out.extend_from_slice(format!("\\x{code:02x}").as_bytes());
    } else if code < 0x10000 {
        out.extend_from_slice(format!("\\u{code:04x}").as_bytes());
    } else {
        out.extend_from_slice(format!("\\U{code:08x}").as_bytes());
    }
}

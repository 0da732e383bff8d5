//! dotenv files as SOPS reads and writes them: `KEY=value` lines, no quoting.
//!
//! The key is everything before the first `=`, spaces and `export ` included; the value is everything after it, with `\n` for a
//! newline and nothing else escaped (sops-age.md §3.5). Lines that start with `#` are comments, empty lines are dropped. A value
//! may be any bytes, a carriage return at its end included. The format has no types: other leaves are written as text.

use super::{Error, display};
use crate::sops::tree::{Comment, Entry, Map, Node};
use crate::sops::value::Scalar;

const FORMAT: &str = "dotenv";

/// Reads the file's one document.
///
/// # Errors
/// [`Error::Syntax`] for a line without `=`, [`Error::NotUtf8`] for a key that is not text.
pub fn load(text: &[u8]) -> Result<Map, Error> {
    let mut map = Map::default();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        match line {
            [] => {}
            [b'#', comment @ ..] => map.0.push(Entry::Comment(Comment::new(comment))),
            _ => {
                let message = "a line must be a comment or KEY=value";
                let equals = line.iter().position(|byte| *byte == b'=');
                let equals = equals.ok_or(Error::Syntax { format: FORMAT, line: at + 1, column: 1, message })?;
                let (key, value) = line.split_at_checked(equals).unwrap_or((line, &[]));
                let key = std::str::from_utf8(key).map_err(|_| Error::NotUtf8)?;
                map.push(key, Node::text(unescape(value.get(1..).unwrap_or_default())));
            }
        }
    }
    Ok(map)
}

/// Writes one document.
///
/// # Errors
/// [`Error::Unrepresentable`] for maps and lists, and for keys that would not be read as keys.
pub fn emit(document: &Map) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    for entry in &document.0 {
        match entry {
            Entry::Comment(comment) => {
                out.push(b'#');
                out.extend_from_slice(comment.text.expose());
            }
            Entry::Pair(key, node) => {
                let problem = |what| Error::Unrepresentable { format: FORMAT, key: key.clone(), what };
                if key.contains(['=', '\n']) || key.starts_with('#') {
                    return Err(problem("this key"));
                }
                out.extend_from_slice(key.as_bytes());
                out.push(b'=');
                match node {
                    Node::Null => out.extend_from_slice(b"<nil>"),
                    Node::Leaf(Scalar::Text(text)) => escape(text.expose(), &mut out),
                    Node::Leaf(leaf) => out.extend_from_slice(display(leaf).expose()),
                    Node::List(_) | Node::Map(_) | Node::Comment(_) => return Err(problem("a list or a map")),
                }
            }
        }
        out.push(b'\n');
    }
    Ok(out)
}

fn unescape(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, tail @ ..] = rest {
        if let [b'\\', b'n', after @ ..] = rest {
            out.push(b'\n');
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    out
}

fn escape(value: &[u8], out: &mut Vec<u8>) {
    for byte in value {
        match byte {
            b'\n' => out.extend_from_slice(b"\\n"),
            other => out.push(*other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sops::go;

    #[test]
    fn files_are_read_and_written_as_in_sops() {
        let text = b"# note\nA=1\n\nexport B = x y \nC=a\\nb=\\\\n\r\nD=\n=e\nA=2\nF=\xff\n";
        let map = load(text).unwrap();
        let values: Vec<_> = map.pairs().collect();
        assert_eq!(values[1], ("export B ", &Node::text(" x y ")));
        assert_eq!(values[2], ("C", &Node::text("a\nb=\\\n\r")));
        assert_eq!((values[4], values[5]), (("", &Node::text("e")), ("A", &Node::text("2"))));
        let written = b"# note\nA=1\nexport B = x y \nC=a\\nb=\\\\n\r\nD=\n=e\nA=2\nF=\xff\n";
        assert_eq!(emit(&map).unwrap(), written);
    }

    #[test]
    fn other_types_become_text() {
        let map = Map::from_iter([
            ("n", Node::Null),
            ("i", Node::Leaf(Scalar::Int(-3))),
            ("f", Node::Leaf(Scalar::Float(1e6))),
            ("b", Node::Leaf(Scalar::Bool(true))),
            ("t", Node::Leaf(Scalar::Time(go::parse_time("2024-01-01T00:00:00.5Z").unwrap()))),
        ]);
        assert_eq!(emit(&map).unwrap(), b"n=<nil>\ni=-3\nf=1E+06\nb=true\nt=2024-01-01T00:00:00Z\n");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(
            load(b"A=1\nnonsense").unwrap_err().to_string(),
            "line 2, column 1: not valid dotenv: a line must be a comment or KEY=value"
        );
        let error = |key: &str, node| emit(&Map::from_iter([(key, node)])).unwrap_err().to_string();
        assert_eq!(error("a", Node::List(vec![])), "`a`: dotenv cannot hold a list or a map");
        assert_eq!(error("a=b", Node::text("")), "`a=b`: dotenv cannot hold this key");
        assert_eq!(error("#a", Node::text("")), "`#a`: dotenv cannot hold this key");
    }
}

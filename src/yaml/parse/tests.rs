//! Spans, documents, comments, limits.

use super::super::tree::{Kind, Node};
use super::*;

/// Every node as `kind@line:column source`, in the order of the text.
fn shape(text: &str) -> Vec<String> {
    fn walk(text: &str, node: Node<'_>, out: &mut Vec<String>) {
        let kind = match node.kind() {
            Kind::Scalar(style) => format!("{style:?}"),
            Kind::Sequence { .. } => "Sequence".into(),
            Kind::Mapping { .. } => "Mapping".into(),
            Kind::Alias => "Alias".into(),
        };
        let at = node.position();
        out.push(format!("{kind}@{}:{} {:?}", at.line, at.column, &text[node.span()]));
        for (key, value) in node.entries() {
            walk(text, key, out);
            walk(text, value, out);
        }
        for item in node.items() {
            walk(text, item, out);
        }
    }
    let mut out = Vec::new();
    for document in parse_stream(text).unwrap() {
        walk(text, document.root(), &mut out);
    }
    out
}

#[test]
fn spans_of_block_scalars_begin_at_the_header_and_end_with_the_last_line_that_is_not_blank() {
    let text = "é: | # not | here\n  x\n\n  y \n\n\nb: &n !!str >-\n  z\n # less\nc: |+\n\n";
    assert_eq!(
        shape(text),
        [
            r#"Mapping@1:1 "é: | # not | here\n  x\n\n  y \n\n\nb: &n !!str >-\n  z\n # less\nc: |+""#,
            r#"Plain@1:1 "é""#,
            r#"Literal@1:4 "| # not | here\n  x\n\n  y ""#,
            r#"Plain@7:1 "b""#,
            r#"Folded@7:13 ">-\n  z""#,
            r#"Plain@10:1 "c""#,
            r#"Literal@10:4 "|+""#,
        ]
    );
    let documents = parse_stream(text).unwrap();
    let b = documents[0].root().get("b").unwrap();
    assert_eq!(&text[b.full_span()], "&n !!str >-\n  z");
    assert_eq!(b.block_header().map(|range| &text[range]), Some(">-"));
    assert_eq!((b.anchor(), b.tag(), b.text()), (Some("n"), Some("tag:yaml.org,2002:str"), Some("z")));
}

#[test]
fn spans_of_collections_cover_their_first_and_last_nodes() {
    assert_eq!(
        shape("a:\r\n- -1\r\n- - |\r\n    q\r\n  - {x: [1, *y], \"z\" : }\r\nb:\r\n".replace("*y", "2").as_str()),
        [
            r#"Mapping@1:1 "a:\r\n- -1\r\n- - |\r\n    q\r\n  - {x: [1, 2], \"z\" : }\r\nb:""#,
            r#"Plain@1:1 "a""#,
            r#"Sequence@2:1 "- -1\r\n- - |\r\n    q\r\n  - {x: [1, 2], \"z\" : }""#,
            r#"Plain@2:3 "-1""#,
            r#"Sequence@3:3 "- |\r\n    q\r\n  - {x: [1, 2], \"z\" : }""#,
            r#"Literal@3:5 "|\r\n    q""#,
            r#"Mapping@5:5 "{x: [1, 2], \"z\" : }""#,
            r#"Plain@5:6 "x""#,
            r#"Sequence@5:9 "[1, 2]""#,
            r#"Plain@5:10 "1""#,
            r#"Plain@5:13 "2""#,
            r#"DoubleQuoted@5:17 "\"z\"""#,
            r#"Plain@5:22 """#,
            r#"Plain@6:1 "b""#,
            r#"Plain@6:3 """#,
        ]
    );
}

#[test]
fn a_stream_holds_every_document_with_its_comments() {
    let text = "\u{feff}# head\na: 1 # tail\n# foot\n---\n# only\n--- # c\nb\n...\n# next\nc: 3\n";
    let documents = parse_stream(text).unwrap();
    let comments: Vec<Vec<_>> =
        documents.iter().map(|d| d.comments().iter().map(|c| (&text[c.span.clone()], c.trailing)).collect()).collect();
    assert_eq!(
        comments,
        [
            vec![("# head", false), ("# tail", true), ("# foot", false)],
            vec![("# only", false)],
            vec![("# c", true)],
            vec![("# next", false)],
        ]
    );
    assert_eq!(documents.iter().map(Document::is_empty).collect::<Vec<_>>(), [false, true, false, false]);
    assert_eq!(documents.iter().map(|d| &text[d.span()]).collect::<Vec<_>>(), ["a: 1", "---", "--- # c\nb", "c: 3"]);
}

#[test]
fn blank_and_comment_only_texts_have_no_documents() {
    for text in ["", "\n", "# c", "# c\n", "\u{feff}", "\r\n \r\n"] {
        assert_eq!(parse_stream(text).unwrap().len(), 0, "{text:?}");
    }
    assert_eq!(parse_stream("---").unwrap().len(), 1);
    assert_eq!(parse_stream("---\n---\n").unwrap().len(), 2);
}

#[test]
fn errors_name_line_and_column() {
    let error = parse_stream("a: 1\nb: [1, 2\nc: 3\n").unwrap_err();
    assert!(error.to_string().starts_with("line "), "{error}");
    assert_eq!(
        parse_stream("a: *b\n").unwrap_err().to_string(),
        "line 1, column 4: not valid YAML: while parsing node, found unknown anchor"
    );
}

#[test]
fn nesting_is_bounded_in_block_and_flow() {
    let deepest = "[".repeat(MAX_DEPTH) + &"]".repeat(MAX_DEPTH);
    assert!(parse_stream(&deepest).is_ok());
    for text in ["[".repeat(10_000), "{a: ".repeat(10_000), "- ".repeat(10_000), "? ".repeat(10_000)] {
        let error = parse_stream(&text).unwrap_err();
        assert!(matches!(error, Error::TooDeep { limit: MAX_DEPTH, .. }), "{error}");
    }
    let block: String = (0..10_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect();
    assert!(matches!(parse_stream(&block).unwrap_err(), Error::TooDeep { .. }));
}

#[test]
fn many_comment_lines_and_long_lines_are_fine() {
    let text = format!("a:\n{}  b: {}\n", "  # c\n".repeat(500), "x".repeat(1 << 20));
    let documents = parse_stream(&text).unwrap();
    assert_eq!(documents[0].comments().len(), 500);
    assert_eq!(documents[0].root().get("a").and_then(|a| a.get("b")).and_then(Node::text).map(str::len), Some(1 << 20));
}

#[test]
fn debug_shows_no_text() {
    let documents = parse_stream("password: hunter2\n").unwrap();
    assert_eq!(format!("{:?}", documents[0]), "Document(3 nodes, 0 comments, bytes 0..17)");
    assert_eq!(format!("{:?}", documents[0].root()), "Node(Mapping { flow: false } at line 1, column 1)");
}

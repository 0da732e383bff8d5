use super::*;
use crate::sops::tree::{Comment, Entry};
use crate::sops::value::Scalar;

fn rewritten(text: &str) -> String {
    String::from_utf8(emit(&load(text.as_bytes()).unwrap(), 4)).unwrap()
}

#[test]
fn documents_are_written_as_in_sops() {
    let text = "# head\na: {x: 1, z: [b, 'c']}\nlist:\n- k: v # side\n  m:\n  - 1\n- - x\n# next\ne: {}\nl: []\n---\nb: |\n  two\n  lines\n";
    let expected = "# head\na:\n    x: 1\n    z:\n        - b\n        - c\nlist:\n    - k: v # side\n      m:\n        - 1\n    - - x\n# next\ne: {}\nl: []\n---\nb: |\n    two\n    lines\n";
    assert_eq!(rewritten(text), expected);
    assert_eq!(rewritten(expected), expected);
}

#[test]
fn scalars_keep_their_meaning() {
    let text = "a: 0644\nb: \"0644\"\nc: yes\nd: 1e6\ne: 2024-1-5\nf: ~\ng: !!binary aGk=\nh: !!str 7\ni: !mine x\nj: 1_000\nk: .inf\nl: \"\"\n";
    let expected = "a: 420\nb: \"0644\"\nc: \"yes\"\nd: 1e+06\ne: 2024-01-05T00:00:00Z\nf: null\ng: hi\nh: \"7\"\ni: x\nj: 1000\nk: .inf\nl: \"\"\n";
    assert_eq!(rewritten(text), expected);
}

#[test]
fn any_text_is_read_back() {
    let pieces = [
        "a",
        " ",
        "\n",
        "\t",
        ":",
        "#",
        "- ",
        "'",
        "\"",
        "\\",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "é",
        "\u{1f600}",
        "\r",
        "<<",
        "0",
    ];
    let mut texts: Vec<String> = pieces.iter().map(|piece| (*piece).to_owned()).collect();
    for first in pieces {
        for second in pieces {
            texts.push(format!("{first}{second}"));
            texts.push(format!("{first}y{second}"));
            texts.push(format!("x{first}{second}z"));
        }
    }
    let list: Vec<Node> = texts.iter().map(|text| Node::text(text.as_str())).collect();
    let mut map = Map::from_iter([(
        "list",
        Node::List(vec![Node::List(list.clone()), Node::Map(Map::from_iter([("in", Node::List(list))]))]),
    )]);
    for text in &texts {
        map.push(format!("key {text}"), Node::text(text.as_str()));
    }
    for (at, text) in texts.iter().enumerate() {
        map.push(text.as_str(), Node::Leaf(Scalar::Int(i64::try_from(at).unwrap())));
    }
    let mut seen = std::collections::HashSet::new();
    map.0.retain(|entry| matches!(entry, Entry::Pair(key, _) if seen.insert(key.clone())));
    for indent in [2, 3, 4, 9] {
        let documents = [map.clone()];
        let text = emit(&documents, indent);
        let back = load(&text).unwrap();
        for ((key, old), (read, new)) in documents[0].pairs().zip(back[0].pairs()) {
            assert_eq!((key, old), (read, new), "indent {indent}, {key:?}");
        }
        assert_eq!(back[0].0.len(), map.0.len());
    }
}

#[test]
fn comments_stand_where_they_stood() {
    let text = "# top\na: 1 # beside\n# before b\nb: # behind the key\n    # inside\n    c: 2\n    # last inside\n# before d\nd:\n    # first item\n    - x\n    # last item\n# end\n";
    let documents = load(text.as_bytes()).unwrap();
    let Some(Node::Map(b)) = documents[0].get("b") else { panic!("a map") };
    assert_eq!(b.0.len(), 3);
    let Some(Node::List(d)) = documents[0].get("d") else { panic!("a list") };
    assert_eq!(d, &[Node::Comment(Comment::new(" first item")), Node::text("x"), Node::Comment(Comment::new(" last item"))]);
    assert!(matches!(&documents[0].0[1], Entry::Comment(comment) if comment.inline && comment.text.expose() == b" beside"));
    assert!(matches!(documents[0].0.last(), Some(Entry::Comment(comment)) if comment.text.expose() == b" end"));
}

#[test]
fn what_sops_cannot_hold_is_refused_with_its_place() {
    let error = |text: &str| load(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(error("1: a"), "line 1, column 1: not valid YAML: a key must be text; quote it");
    assert_eq!(
        error("a: 1\nb: 18446744073709551615"),
        "line 2, column 4: not valid YAML: integers above 9223372036854775807 are not supported"
    );
    assert_eq!(error("a: 1\na: 2"), "line 2, column 1: not valid YAML: the key is there twice");
    assert_eq!(error("- a"), "the top level of a YAML file must be a map");
    assert_eq!(error("# only"), "there is no document in the file");
    assert_eq!(error("a: !!int x"), "line 1, column 10: not valid YAML: the value does not fit its tag");
    let bomb = format!(
        "a0: &a0 [x]\n{}",
        (1..40).map(|at| format!("a{at}: &a{at} [{}]\n", vec![format!("*a{}", at - 1); 9].join(", "))).collect::<String>()
    );
    assert!(error(&bomb).ends_with("aliases repeat too much of the document"));
    assert!(error(&"[".repeat(10_000)).contains("nested deeper"));
    assert!(load(b"a: &x [*x]").is_err());
}

#[test]
fn aliases_are_expanded_and_merges_are_not() {
    assert_eq!(rewritten("a: &x {k: 1}\nb: *x\nc: {<<: *x}\n"), "a:\n    k: 1\nb:\n    k: 1\nc:\n    \"<<\":\n        k: 1\n");
}

//! The quick reader beside the full parser: the same documents or none, over every combination of lines.

use super::super::super::tree::Node;
use super::super::parse_in_full;
use super::*;

/// Whole lines from which texts are put together: what the quick reader takes, and what is near it and must go to the full parser.
const LINES: &[&str] = &[
    "a: 1",
    "b: x y ",
    "c:",
    "d:  # note",
    "  e: ENC[AES256_GCM,data:a+/=,iv:b,tag:c,type:str] # ENC",
    "  f:",
    "    g: \"q # : r\"  # s",
    "- h",
    "- i: 'j'",
    "  k: -1",
    "- - l",
    "  - m:",
    "  -",
    "-",
    "",
    "   ",
    "# n",
    "  # o",
    "      #p",
    "q: |",
    "  r: |-",
    "- |",
    "  s # t",
    "",
    "    u",
    "---",
    "---  # v",
    "...",
    "w: []",
    "x: {}",
    "y: [z]",
    "\"a b\": é # ü",
    "'c': \"d\\n\"",
    "é: ö # u",
    "e : f",
    "g: h: i",
    "j",
    "  k",
    "? l",
    "m: &n o",
    "p: *n",
    "q: !!str r",
    "s: >-",
    "t:#u",
    "'v'w: x",
    "y: 'z''z'",
    "<<: a",
    "a: b#c #d",
    "-e: -f",
    "\tg: h",
    "i:\tj",
    "k: \u{1f600}",
    "#",
    "%l",
    "m: -",
    "n: - o",
    "  - p # q",
    "r: \"\" ",
    "s: ''#t",
    "...u: v",
    "w: |+",
];

/// Compares, and says whether the quick reader read it.
fn same(text: &str) -> bool {
    let Some(quick) = parse(text) else { return false };
    let full = parse_in_full(text);
    let Ok(full) = full else { panic!("an error to the full parser: {text:?}") };
    let (quick, full) = (shown(&quick), shown(&full));
    assert!(quick == full, "{text:?}\nquick {quick}\nfull  {full}");
    true
}

fn shown(documents: &[Document]) -> String {
    let node = |(node, of): (&NodeData, Node<'_>)| {
        let content = match &node.content {
            Content::Scalar { style, header, .. } => format!("{:?} {style:?} {header:?}", of.text()),
            Content::Sequence { items, flow } => format!("{items:?} {flow}"),
            Content::Mapping { entries, flow } => format!("{entries:?} {flow}"),
            Content::Alias(id) => format!("*{id}"),
        };
        format!(
            "\n  {content} {} {} {:?} {} {:?} {:?}",
            node.position, node.position.offset, node.span, node.outer_start, node.tag, node.anchor
        )
    };
    let document = |document: &Document| {
        let nodes: String = document.nodes.iter().zip(document.nodes()).map(node).collect();
        format!("{:?} {} {:?} {}{nodes}\n", document.span, document.root, document.comments, document.explicit_start)
    };
    documents.iter().map(document).collect()
}

#[test]
fn every_combination_of_three_lines_is_read_as_by_the_full_parser() {
    let mut read = 0_usize;
    for first in LINES {
        read += usize::from(same(first));
        for second in LINES {
            read += usize::from(same(&format!("{first}\n{second}\n")));
            read += usize::from(same(&format!("{first}\n{second}")));
            for third in LINES {
                read += usize::from(same(&format!("{first}\n{second}\n{third}\n")));
            }
        }
    }
    assert!(read > 9_000, "{read}");
}

#[test]
fn random_texts_of_many_lines_are_read_as_by_the_full_parser() {
    // A fixed sequence: the same texts in every run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    let mut read = 0_usize;
    for _ in 0..30_000 {
        // Lines of the plain kind at likely indentations, or almost every text would be an error.
        let (mut text, mut indent) = (String::new(), 0_usize);
        for _ in 0..4 + next(10) {
            let line = if next(40) == 0 { LINES[next(LINES.len())] } else { LINES[next(25)].trim_start() };
            match next(8) {
                0 => indent = indent.saturating_sub(2),
                1 => indent = next(6),
                2 | 3 if !text.is_empty() => indent += 2,
                _ => {}
            }
            text.extend([&" ".repeat(indent), line, "\n"]);
        }
        if next(8) == 0 {
            text.pop();
        }
        read += usize::from(same(&text));
    }
    assert!(read > 400, "{read}");
}

#[test]
fn files_as_sops_writes_them_are_of_the_plain_kind() {
    let text = "#ENC[AES256_GCM,data:a,iv:b,tag:c,type:comment]\napp:\n    key: ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]\n    \
                list:\n        - ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]\n        #ENC[AES256_GCM,data:a,iv:b,tag:c,type:comment]\n\
                sops:\n    age:\n        - enc: |\n            -----BEGIN AGE ENCRYPTED FILE-----\n            YWdl\n            \
                -----END AGE ENCRYPTED FILE-----\n          recipient: age1\n    lastmodified: \"2026-11-21T02:55:28Z\"\n    \
                mac: ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]\n    unencrypted_suffix: _unencrypted\n    version: 3.13.3\n---\n\
                b: 1\n";
    assert!(same(text));
    // Deep texts, and those with CR, are read by the full parser.
    assert!(!same(&"- ".repeat(MAX_DEPTH + 1)) && !same(&text.replace('\n', "\r\n")));
}

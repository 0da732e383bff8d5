//! Comments land where sops puts them.

use hecate_seal::sops::document::{Format, load_plain};
use hecate_seal::sops::tree::{Comment, Entry, Map, Node};

use super::random::{Random, Shape, Stream};
use crate::sops_library::Library;

/// The tree as the Go program shows it, without the comments that are not in `theirs`: sops drops some, and we never do.
fn shown(documents: &[Map], theirs: &str) -> String {
    let mut shown = Shown { out: String::new(), theirs };
    for document in documents {
        shown.map(document);
        shown.out.push('\n');
    }
    shown.out
}

struct Shown<'a> {
    out: String,
    theirs: &'a str,
}

impl Shown<'_> {
    fn comment(&mut self, comment: &Comment) {
        let text = format!("{:?}", String::from_utf8_lossy(comment.text.expose()));
        if self.theirs.contains(&text) {
            self.out.push_str(&format!("{}{text} ", if comment.inline { '~' } else { '#' }));
        }
    }

    fn map(&mut self, entries: &Map) {
        self.out.push('{');
        for entry in &entries.0 {
            match entry {
                Entry::Comment(text) => self.comment(text),
                Entry::Pair(key, node) => {
                    self.out.push_str(&format!("{key:?}:"));
                    self.value(node);
                }
            }
        }
        self.out.push('}');
    }

    fn value(&mut self, node: &Node) {
        match node {
            Node::Map(entries) => self.map(entries),
            Node::List(items) => {
                self.out.push('[');
                items.iter().for_each(|item| self.value(item));
                self.out.push(']');
            }
            Node::Comment(text) => self.comment(text),
            Node::Leaf(_) | Node::Null => self.out.push_str(". "),
        }
    }
}

#[test]
fn random_comments_land_where_sops_puts_them() {
    let Some(mut library) = Library::start() else { return };
    let files = std::env::var("HECATE_SOPS_FILES").ok().and_then(|text| text.parse().ok()).unwrap_or(400);
    let (mut differ, mut read) = (Vec::new(), 0);
    for seed in 1..=files {
        let shape = Shape { odd_comments: seed % 2 == 0, references: false, exact: false };
        let text = Stream::make(&mut Random::new(seed), shape);
        let Ok(theirs) = library.load("yaml", text.as_bytes()) else { continue };
        let documents = load_plain(Format::Yaml, text.as_bytes()).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        read += 1;
        let tree = shown(&documents, &theirs.tree);
        if tree != theirs.tree {
            differ.push((text.len(), seed, text, tree, theirs.tree));
            continue;
        }
        // What the reference moves or drops is wherever a comment stands behind a whole map or list in brackets.
    }
    differ.sort();
    if let Some((_, seed, text, ours, theirs)) = differ.first() {
        panic!("{} of {read} differ, the shortest with seed {seed}:\n{text}\nours:   {ours}\ntheirs: {theirs}", differ.len());
    }
    assert!(read * 2 > files, "only {read} of {files} could be read by sops");
}

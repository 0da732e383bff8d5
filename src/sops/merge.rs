//! Three versions of opened documents made one: a change of one side is taken, a change of both must be the same.
//!
//! By place: maps by key, lists as a whole unless all three have the same length, then item by item. The order is ours; what the
//! other side adds comes behind the entry that it follows there. Comments are ours unless only the other side changed the text around
//! them. Values are compared in memory only, and conflicts are told by their paths.

use super::tree::{Entry, Map, Node};

/// The result of a merge.
#[derive(Debug)]
pub struct Merged {
    /// The documents; at a conflict ours.
    pub documents: Vec<Map>,
    /// Paths of values that both sides changed differently, keys with dots and list indices in brackets.
    pub conflicts: Vec<String>,
}

/// Merges the documents of files. Files with different numbers of documents conflict as a whole, unless a side changed nothing.
#[must_use]
pub fn merge_documents(base: &[Map], ours: &[Map], theirs: &[Map]) -> Merged {
    let mut merge = Merge { path: Vec::new(), conflicts: Vec::new() };
    let documents = if base.len() == ours.len() && base.len() == theirs.len() {
        base.iter().zip(ours).zip(theirs).map(|((base, ours), theirs)| merge.map(Some(base), ours, theirs)).collect()
    } else if base == ours {
        theirs.to_vec()
    } else {
        if base != theirs && ours != theirs {
            merge.conflicts.push("the number of documents".to_owned());
        }
        ours.to_vec()
    };
    Merged { documents, conflicts: merge.conflicts }
}

struct Merge {
    path: Vec<String>,
    conflicts: Vec<String>,
}

impl Merge {
    fn conflict(&mut self) {
        let place = self.path.iter().fold(String::new(), |text, step| match (text.is_empty(), step.starts_with('[')) {
            (true, _) => step.clone(),
            (false, true) => text + step,
            (false, false) => text + "." + step,
        });
        self.conflicts.push(place);
    }

    fn map(&mut self, base: Option<&Map>, ours: &Map, theirs: &Map) -> Map {
        if base == Some(ours) || ours == theirs {
            return theirs.clone();
        }
        if base == Some(theirs) {
            return ours.clone();
        }
        let of_base = |key: &str| base.and_then(|base| base.get(key));
        let mut merged = Map::default();
        for entry in &ours.0 {
            let Entry::Pair(key, value) = entry else {
                merged.0.push(entry.clone());
                continue;
            };
            self.path.push(key.clone());
            match (of_base(key), theirs.get(key)) {
                (base, Some(theirs)) => {
                    let value = self.node(base, value, theirs);
                    merged.push(key.as_str(), value);
                }
                // They removed it, and we did not change it.
                (Some(base), None) if base == value => {}
                (Some(_), None) => {
                    self.conflict();
                    merged.push(key.as_str(), value.clone());
                }
                (None, None) => merged.push(key.as_str(), value.clone()),
            }
            self.path.pop();
        }
        // What they added, behind its neighbour; the comments right above it come along.
        let mut behind: Option<&str> = None;
        let mut comments: Vec<Entry> = Vec::new();
        for entry in &theirs.0 {
            match entry {
                Entry::Comment(comment) => {
                    let known = ours
                        .0
                        .iter()
                        .chain(base.into_iter().flat_map(|base| &base.0))
                        .any(|other| matches!(other, Entry::Comment(other) if other.text == comment.text));
                    if !known {
                        comments.push(entry.clone());
                    }
                }
                Entry::Pair(key, value) => {
                    let above = std::mem::take(&mut comments);
                    if ours.get(key).is_none() {
                        match of_base(key) {
                            // We removed it, and they did not change it.
                            Some(base) if base == value => {}
                            Some(_) => {
                                self.path.push(key.clone());
                                self.conflict();
                                self.path.pop();
                            }
                            None => {
                                let is_behind =
                                    |entry: &Entry| matches!(entry, Entry::Pair(name, _) if Some(name.as_str()) == behind);
                                let at = merged.0.iter().position(is_behind).map_or(merged.0.len(), |at| at + 1);
                                let new = above.into_iter().chain([Entry::Pair(key.clone(), value.clone())]);
                                merged.0.splice(at..at, new);
                            }
                        }
                    }
                    behind = Some(key);
                }
            }
        }
        merged
    }

    fn node(&mut self, base: Option<&Node>, ours: &Node, theirs: &Node) -> Node {
        if base == Some(ours) || ours == theirs {
            return theirs.clone();
        }
        if base == Some(theirs) {
            return ours.clone();
        }
        match (base, ours, theirs) {
            (base, Node::Map(ours), Node::Map(theirs)) => {
                let base = match base {
                    Some(Node::Map(base)) => Some(base),
                    _ => None,
                };
                Node::Map(self.map(base, ours, theirs))
            }
            (Some(Node::List(base)), Node::List(ours), Node::List(theirs))
                if base.len() == ours.len() && base.len() == theirs.len() =>
            {
                let items = base.iter().zip(ours).zip(theirs).enumerate().map(|(at, ((base, ours), theirs))| {
                    self.path.push(format!("[{at}]"));
                    let item = self.node(Some(base), ours, theirs);
                    self.path.pop();
                    item
                });
                Node::List(items.collect())
            }
            _ => {
                self.conflict();
                ours.clone()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sops::store::yaml;

    fn merged(base: &str, ours: &str, theirs: &str) -> (String, Vec<String>) {
        let load = |text: &str| yaml::load(text.as_bytes()).unwrap();
        let merged = merge_documents(&load(base), &load(ours), &load(theirs));
        (String::from_utf8(yaml::emit(&merged.documents, 2)).unwrap(), merged.conflicts)
    }

    #[test]
    fn changes_of_both_sides_come_together() {
        let base = "a: 1\nb: {c: 1, d: 1}\ne: 1\nl: [1, 2]\n";
        let (text, conflicts) =
            merged(base, "a: 2\nb: {c: 1, d: 1}\nl: [1, 3]\n", "a: 1\nb: {c: 5, d: 1, n: 1}\n# new\nm: 1\ne: 1\nl: [9, 2]\n");
        assert_eq!(text, "a: 2\nb:\n  c: 5\n  d: 1\n  \"n\": 1\n# new\nm: 1\nl:\n  - 9\n  - 3\n");
        assert!(conflicts.is_empty());
    }

    #[test]
    fn a_value_that_both_changed_is_a_conflict_and_ours() {
        let (text, conflicts) = merged("a: {b: [x]}\nk: 1\n", "a: {b: [y]}\n", "a: {b: [z]}\nk: 2\n");
        assert_eq!((text.as_str(), conflicts), ("a:\n  b:\n    - \"y\"\n", vec!["a.b[0]".to_owned(), "k".to_owned()]));
    }

    #[test]
    fn the_same_change_on_both_sides_is_none() {
        assert_eq!(merged("a: 1\n", "a: 2\nb: 1\n", "a: 2\nb: 1\n"), ("a: 2\nb: 1\n".into(), vec![]));
    }
}

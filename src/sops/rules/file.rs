//! The text of `.sops.yaml` as sops decodes it: merge keys are merged, and what is meant as text is taken as it is written.
//!
//! sops reads this file by go-yaml into typed fields, not as a document that is to be encrypted. A fingerprint of digits alone is
//! a number in YAML; where sops has a field of text it takes the scalar's spelling, so `0123` stays `0123`. Keys that are named
//! directly in a rule (`pgp: [0123]`) have no type there: a number is an error, in sops as here.

use super::Error;
use crate::sops::select::NAMES;
use crate::sops::store::yaml;
use crate::sops::tree::{Entry, Map, Node};
use crate::yaml as text;

/// The key of a map that is to be merged into the one around it.
const MERGE: &str = "<<";

/// What sops expects at a place.
#[derive(Clone, Copy)]
enum Place {
    /// The file.
    Top,
    /// `creation_rules`.
    Rules,
    /// One of them.
    Rule,
    /// Text, or anything made of texts.
    Texts,
    /// Something else.
    Other,
}

impl Place {
    /// What is expected under a key of a map at this place.
    fn under(self, key: &str) -> Self {
        match (self, key) {
            (place, MERGE) => place,
            (Self::Top, "creation_rules") => Self::Rules,
            (Self::Rule, "path_regex" | "hckms" | "key_groups") => Self::Texts,
            (Self::Rule, key) if NAMES.contains(&key) => Self::Texts,
            (Self::Texts, _) => Self::Texts,
            _ => Self::Other,
        }
    }
}

/// The first document of the file; an empty map if there is none.
///
/// # Errors
/// [`Error::Yaml`], and [`Error::Field`] for a merge key that holds no map.
pub(super) fn load(bytes: &[u8]) -> Result<Map, Error> {
    let documents = yaml::load(bytes).map_err(|error| Error::Yaml(error.to_string()))?;
    let Some(mut document) = documents.into_iter().next() else { return Ok(Map::default()) };
    let source = std::str::from_utf8(bytes).ok().and_then(|source| text::parse_stream(source).ok());
    if let Some(source) = source.as_ref().and_then(|parsed| parsed.first()) {
        spell_map(&mut document, source.root(), Place::Top);
    }
    merged(document)
}

/// Takes scalars as they are written where text is expected. The map is what was read from the node.
fn spell_map(map: &mut Map, source: text::Node<'_>, place: Place) {
    let pairs = map.0.iter_mut().filter_map(|entry| match entry {
        Entry::Pair(key, node) => Some((key, node)),
        Entry::Comment(_) => None,
    });
    for ((key, node), (_, source)) in pairs.zip(source.resolved().entries()) {
        spell(node, source.resolved(), place.under(key));
    }
}

fn spell(node: &mut Node, source: text::Node<'_>, place: Place) {
    match node {
        Node::Map(map) => spell_map(map, source, place),
        Node::List(items) => {
            let place = if matches!(place, Place::Rules) { Place::Rule } else { place };
            let items = items.iter_mut().filter(|item| !matches!(item, Node::Comment(_)));
            for (item, source) in items.zip(source.items()) {
                spell(item, source.resolved(), place);
            }
        }
        Node::Leaf(_) if matches!(place, Place::Texts) && node.as_str().is_none() => {
            if let Some(spelling) = source.text() {
                *node = Node::text(spelling);
            }
        }
        Node::Leaf(_) | Node::Null | Node::Comment(_) => {}
    }
}

/// The map with its merge keys resolved: its own entries win, then the maps in their order.
fn merged(map: Map) -> Result<Map, Error> {
    let (mut own, mut others) = (Map::default(), Vec::new());
    for entry in map.0 {
        match entry {
            Entry::Pair(key, node) if key == MERGE => match merged_node(node)? {
                Node::Map(map) => others.push(map),
                Node::List(items) => {
                    for item in items {
                        match item {
                            Node::Map(map) => others.push(map),
                            Node::Comment(_) => {}
                            _ => return Err(no_map()),
                        }
                    }
                }
                _ => return Err(no_map()),
            },
            Entry::Pair(key, node) => own.push(key, merged_node(node)?),
            comment @ Entry::Comment(_) => own.0.push(comment),
        }
    }
    for (key, node) in others.iter().flat_map(Map::pairs) {
        if own.get(key).is_none() {
            own.push(key, node.clone());
        }
    }
    Ok(own)
}

fn merged_node(node: Node) -> Result<Node, Error> {
    Ok(match node {
        Node::Map(map) => Node::Map(merged(map)?),
        Node::List(items) => Node::List(items.into_iter().map(merged_node).collect::<Result<_, _>>()?),
        other => other,
    })
}

fn no_map() -> Error {
    Error::Field { field: MERGE.to_owned(), expected: "a map or a list of maps" }
}

#[cfg(test)]
mod tests {
    use super::super::Rules;

    fn names(text: &str, file: &str) -> Result<Vec<Vec<String>>, String> {
        let rules = Rules::parse(text.as_bytes()).map_err(|error| error.to_string())?;
        let creation = rules.creation_for(file).map_err(|error| error.to_string())?.unwrap();
        Ok(creation.groups.iter().map(|group| group.iter().map(|key| key.name.clone()).collect()).collect())
    }

    #[test]
    fn numbers_are_text_as_they_are_written_where_text_is_meant() {
        let digits = "1234567890123456789012345678901234567890";
        let text = format!(
            "creation_rules:\n  - path_regex: 0123\n    key_groups:\n      - pgp: [{digits}, 0x1f, 1e3, 2020-01-01, true, ~]\n        age: [x]\n"
        );
        assert_eq!(names(&text, "a0123").unwrap(), [["x", digits, "0x1f", "1e3", "2020-01-01", "true"]]);
        assert!(names(&text, "a83").unwrap_err().contains("no matching creation rules"));
        let flat = names("creation_rules:\n  - pgp: [0123]\n", "a").unwrap_err();
        assert_eq!(flat, "`creation_rules[0].pgp` is not text or a list of texts");
    }

    #[test]
    fn merge_keys_are_merged_and_own_entries_win() {
        let text = "base: &base\n  age: b\n  encrypted_regex: 1\nmore: &more {age: m, pgp: p}\ncreation_rules:\n  - path_regex: ^a\n    <<: *base\n  - <<: [*more, *base]\n    age: own\n";
        assert_eq!(names(text, "a").unwrap(), [["b"]]);
        assert_eq!(names(text, "z").unwrap(), [["own", "p"]]);
        let rules = Rules::parse(text.as_bytes()).unwrap();
        assert_eq!(rules.creation_for("a").unwrap().unwrap().selector.unwrap().field(), ("encrypted_regex", "1"));
        assert!(names("creation_rules:\n  - <<: 1\n", "a").unwrap_err().contains("is not a map or a list of maps"));
    }
}

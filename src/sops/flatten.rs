//! Nested metadata as flat keys, for the formats without nesting: `age__list_0__map_enc`.
//!
//! dotenv and INI keep the `sops` block as one level of keys. A map's key is appended after `__map_`, a list's index after
//! `__list_`; the first key stands bare (sops-age.md §1.7). Reading back sorts the keys of each map, wants lists without gaps, and
//! refuses keys that contradict each other.

use std::collections::BTreeMap;

use super::tree::{Entry, MAX_DEPTH, Map, Node};

const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// Why flat keys do not make a tree, or a tree no flat keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The same path twice, or one that is both a value and a parent.
    #[error("`{0}` contradicts another metadata key")]
    Conflict(String),
    /// A list whose indices are not exactly 0, 1, 2 and so on.
    #[error("incomplete list in the metadata key `{0}`")]
    Incomplete(String),
    /// An index that is no number.
    #[error("`{0}` has a list index that is no number")]
    Index(String),
    /// More separators than any metadata has.
    #[error("metadata keys are nested too deeply")]
    TooDeep,
}

/// The leaves of a map under their flat keys, in document order. Comments are dropped.
///
/// # Errors
/// [`Error::Conflict`] if two leaves get the same key.
pub fn flatten(map: &Map) -> Result<Vec<(String, Node)>, Error> {
    let mut flat = BTreeMap::new();
    let mut order = Vec::new();
    let mut stack: Vec<(String, &Node)> = map.pairs().map(|(key, node)| (key.to_owned(), node)).collect();
    stack.reverse();
    while let Some((key, node)) = stack.pop() {
        let first = stack.len();
        match node {
            Node::Map(map) => stack.extend(map.pairs().map(|(name, node)| (format!("{key}{MAP}{name}"), node))),
            Node::List(items) => {
                let items = items.iter().filter(|item| !matches!(item, Node::Comment(_)));
                stack.extend(items.enumerate().map(|(at, node)| (format!("{key}{LIST}{at}"), node)));
            }
            leaf => {
                if flat.insert(key.clone(), leaf.clone()).is_some() {
                    return Err(Error::Conflict(key));
                }
                order.push(key);
            }
        }
        if let Some(children) = stack.get_mut(first..) {
            children.reverse();
        }
    }
    Ok(order.into_iter().filter_map(|key| flat.remove(&key).map(|node| (key, node))).collect())
}

/// The tree that flat keys stand for.
///
/// # Errors
/// All of [`Error`].
pub fn unflatten(entries: impl IntoIterator<Item = (String, Node)>) -> Result<Map, Error> {
    let mut root = Branch::default();
    for (key, node) in entries {
        let mut at = &mut root;
        let path = tokens(&key)?;
        for token in path {
            at = match token {
                Token::Key(name) => at.keys.entry(name.to_owned()).or_default(),
                Token::Index(index) => at.items.entry(index).or_default(),
            };
        }
        if at.value.replace(node).is_some() {
            return Err(Error::Conflict(key));
        }
    }
    match root.into_node("")? {
        Node::Map(map) => Ok(map),
        _ => Ok(Map::default()),
    }
}

enum Token<'a> {
    Key(&'a str),
    Index(usize),
}

fn tokens(key: &str) -> Result<Vec<Token<'_>>, Error> {
    let mut tokens = Vec::new();
    let (mut rest, mut is_list) = (key, false);
    loop {
        let next = [rest.find(MAP).map(|at| (at, false)), rest.find(LIST).map(|at| (at, true))].into_iter().flatten().min();
        let (token, after) = match next {
            Some((at, _)) => rest.split_at_checked(at).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        tokens.push(match is_list {
            true => Token::Index(token.parse().map_err(|_| Error::Index(key.to_owned()))?),
            false => Token::Key(token),
        });
        if tokens.len() > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        let Some((_, list)) = next else { return Ok(tokens) };
        is_list = list;
        rest = after.strip_prefix(if list { LIST } else { MAP }).unwrap_or(after);
    }
}

#[derive(Default)]
struct Branch {
    value: Option<Node>,
    keys: BTreeMap<String, Branch>,
    items: BTreeMap<usize, Branch>,
}

impl Branch {
    fn into_node(self, key: &str) -> Result<Node, Error> {
        let kinds = [self.value.is_some(), !self.keys.is_empty(), !self.items.is_empty()];
        if kinds.into_iter().filter(|is| *is).count() > 1 {
            return Err(Error::Conflict(key.to_owned()));
        }
        if let Some(value) = self.value {
            return Ok(value);
        }
        if self.items.is_empty() {
            let pairs = self.keys.into_iter().map(|(name, branch)| Ok(Entry::Pair(name.clone(), branch.into_node(&name)?)));
            return Ok(Node::Map(Map(pairs.collect::<Result<_, _>>()?)));
        }
        if !self.items.keys().enumerate().all(|(expected, index)| expected == *index) {
            return Err(Error::Incomplete(key.to_owned()));
        }
        Ok(Node::List(self.items.into_values().map(|branch| branch.into_node(key)).collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flat(pairs: &[(&str, &str)]) -> Vec<(String, Node)> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), Node::text(*value))).collect()
    }

    #[test]
    fn nested_metadata_becomes_flat_keys_and_back() {
        let entry = |enc: &str| Node::Map(Map::from_iter([("enc", Node::text(enc)), ("recipient", Node::text("r"))]));
        let map = Map::from_iter([("age", Node::List(vec![entry("a"), entry("b")])), ("mac", Node::text("m"))]);
        let keys = flat(&[
            ("age__list_0__map_enc", "a"),
            ("age__list_0__map_recipient", "r"),
            ("age__list_1__map_enc", "b"),
            ("age__list_1__map_recipient", "r"),
            ("mac", "m"),
        ]);
        assert_eq!(flatten(&map).unwrap(), keys);
        assert_eq!(unflatten(keys).unwrap(), map);
    }

    #[test]
    fn reading_sorts_keys_whatever_their_order_in_the_file() {
        let map = unflatten(flat(&[("b", "2"), ("a__list_1", "y"), ("a__list_0", "x")])).unwrap();
        assert_eq!(map.pairs().map(|(key, _)| key).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(map.get("a"), Some(&Node::List(vec![Node::text("x"), Node::text("y")])));
    }

    #[test]
    fn contradictions_are_errors() {
        assert_eq!(unflatten(flat(&[("a", "1"), ("a", "2")])), Err(Error::Conflict("a".into())));
        assert_eq!(unflatten(flat(&[("a", "1"), ("a__map_b", "2")])), Err(Error::Conflict("a".into())));
        assert_eq!(unflatten(flat(&[("a__list_0", "1"), ("a__map_b", "2")])), Err(Error::Conflict("a".into())));
        assert_eq!(unflatten(flat(&[("a__list_1", "1")])), Err(Error::Incomplete("a".into())));
        assert_eq!(unflatten(flat(&[("a__list_x", "1")])), Err(Error::Index("a__list_x".into())));
        assert_eq!(unflatten(flat(&[(&"a__map_".repeat(1000), "1")])), Err(Error::TooDeep));
    }
}

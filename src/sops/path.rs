//! Places in a document: the paths of `--extract`, `set` and `unset`, and what is done there.
//!
//! A path is written like indexing in Python, `["spec"]["list"][0]` (sops-age.md §3.3): quotes of either kind around keys,
//! numbers from 0 for items of lists, nothing escaped. Comments in a list count as items, as they do in sops, but are never
//! replaced or removed. Where sops panics or does nothing (a key into a list, an index into a map) there is an error here.

use super::tree::{Entry, Map, Node};

/// Why a path cannot be read, or leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a path.
    #[error("`{text}` is not a path like [\"key\"][0]: {reason}")]
    Syntax {
        /// The text.
        text: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// No path, where one is needed.
    #[error("the path is empty; it must name a key, as in [\"key\"]")]
    Empty,
    /// No such key.
    #[error("component [\"{0}\"] not found")]
    NoKey(String),
    /// No such item.
    #[error("component [{0}] is out of bounds")]
    NoItem(usize),
    /// A key where the document has no map.
    #[error("component [\"{0}\"] is a key, but there is no map")]
    NotAMap(String),
    /// An index where the document has no list.
    #[error("component [{0}] is an index, but there is no list")]
    NotAList(usize),
    /// The item is a comment.
    #[error("component [{0}] is a comment, not a value")]
    Comment(usize),
}

impl Error {
    /// Whether the path leads to nothing that is there: what `--idempotent` takes for done.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NoKey(_) | Self::NoItem(_))
    }
}

/// One component of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A key of a map.
    Key(String),
    /// An item of a list, from 0.
    Index(usize),
}

/// Reads a path; the empty text is the empty path, the whole document.
///
/// # Errors
/// [`Error::Syntax`].
pub fn parse(text: &str) -> Result<Vec<Step>, Error> {
    let wrong = |reason| Error::Syntax { text: text.to_owned(), reason };
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        rest = rest.strip_prefix('[').ok_or_else(|| wrong("a component begins with `[`"))?;
        let (step, after) = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                let inner = rest.get(1..).unwrap_or_default();
                let end = [quote, ']'].iter().collect::<String>();
                let (key, after) = inner.split_once(&end).ok_or_else(|| wrong("a key ends with its quote and `]`"))?;
                (Step::Key(key.to_owned()), after)
            }
            _ => {
                let (number, after) = rest.split_once(']').ok_or_else(|| wrong("a component ends with `]`"))?;
                let index = number.parse().map_err(|_| wrong("a component is a key in quotes or a number from 0"))?;
                (Step::Index(index), after)
            }
        };
        steps.push(step);
        rest = after;
    }
    Ok(steps)
}

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub enum Found<'a> {
    /// The whole document.
    Document(&'a Map),
    /// Something in it.
    Node(&'a Node),
}

/// Follows a path.
///
/// # Errors
/// All of [`Error`] but the first two.
pub fn get<'a>(document: &'a Map, path: &[Step]) -> Result<Found<'a>, Error> {
    let mut found = Found::Document(document);
    for step in path {
        found = Found::Node(match (step, found) {
            (Step::Key(key), Found::Document(map) | Found::Node(Node::Map(map))) => {
                map.get(key).ok_or_else(|| Error::NoKey(key.clone()))?
            }
            (Step::Key(key), Found::Node(_)) => return Err(Error::NotAMap(key.clone())),
            (Step::Index(at), Found::Node(Node::List(items))) => match items.get(*at) {
                Some(Node::Comment(_)) => return Err(Error::Comment(*at)),
                item => item.ok_or(Error::NoItem(*at))?,
            },
            (Step::Index(at), _) => return Err(Error::NotAList(*at)),
        });
    }
    Ok(found)
}

/// Puts a value at a path. Maps and lists on the way are made, a scalar in the way makes room for them, an index behind the end of
/// a list appends. Gives whether the document changed.
///
/// # Errors
/// [`Error::Empty`], [`Error::NotAMap`], [`Error::NotAList`], [`Error::Comment`]; the document is unchanged then.
pub fn set(document: &mut Map, path: &[Step], value: Node) -> Result<bool, Error> {
    match path {
        [] => Err(Error::Empty),
        [Step::Index(at), ..] => Err(Error::NotAList(*at)),
        [Step::Key(key), rest @ ..] => set_in_map(document, key, rest, value),
    }
}

fn set_in_map(map: &mut Map, key: &str, rest: &[Step], value: Node) -> Result<bool, Error> {
    for entry in &mut map.0 {
        if let Entry::Pair(name, node) = entry
            && name == key
        {
            return set_node(node, rest, value);
        }
    }
    map.push(key, made(rest, value));
    Ok(true)
}

fn set_node(node: &mut Node, path: &[Step], value: Node) -> Result<bool, Error> {
    match (path, &mut *node) {
        ([], old) => {
            let changed = *old != value;
            *old = value;
            Ok(changed)
        }
        ([Step::Key(key), rest @ ..], Node::Map(map)) => set_in_map(map, key, rest, value),
        ([Step::Index(at), rest @ ..], Node::List(items)) => match items.get_mut(*at) {
            Some(Node::Comment(_)) => Err(Error::Comment(*at)),
            Some(item) => set_node(item, rest, value),
            None => {
                items.push(made(rest, value));
                Ok(true)
            }
        },
        ([Step::Key(key), ..], Node::List(_)) => Err(Error::NotAMap(key.clone())),
        ([Step::Index(at), ..], Node::Map(_)) => Err(Error::NotAList(*at)),
        (path, old) => {
            *old = made(path, value);
            Ok(true)
        }
    }
}

/// The value under maps and lists that the path names.
fn made(path: &[Step], value: Node) -> Node {
    path.iter().rev().fold(value, |inner, step| match step {
        Step::Key(key) => Node::Map([(key.clone(), inner)].into_iter().collect()),
        Step::Index(_) => Node::List(vec![inner]),
    })
}

/// Removes what a path leads to.
///
/// # Errors
/// All of [`Error`] but the first; the document is unchanged then.
pub fn unset(document: &mut Map, path: &[Step]) -> Result<(), Error> {
    match path {
        [] => Err(Error::Empty),
        [Step::Index(at), ..] => Err(Error::NotAList(*at)),
        [Step::Key(key), rest @ ..] => unset_in_map(document, key, rest),
    }
}

fn unset_in_map(map: &mut Map, key: &str, rest: &[Step]) -> Result<(), Error> {
    let is_it = |entry: &Entry| matches!(entry, Entry::Pair(name, _) if name == key);
    let at = map.0.iter().position(is_it).ok_or_else(|| Error::NoKey(key.to_owned()))?;
    if rest.is_empty() {
        map.0.remove(at);
        return Ok(());
    }
    match map.0.get_mut(at) {
        Some(Entry::Pair(_, node)) => unset_in(node, rest),
        _ => Err(Error::NoKey(key.to_owned())),
    }
}

fn unset_in(node: &mut Node, path: &[Step]) -> Result<(), Error> {
    match (path, node) {
        ([Step::Key(key), rest @ ..], Node::Map(map)) => unset_in_map(map, key, rest),
        ([Step::Index(at), rest @ ..], Node::List(items)) => match items.get_mut(*at) {
            None => Err(Error::NoItem(*at)),
            Some(Node::Comment(_)) => Err(Error::Comment(*at)),
            Some(item) if !rest.is_empty() => unset_in(item, rest),
            Some(_) => {
                items.remove(*at);
                Ok(())
            }
        },
        ([Step::Key(key), ..], _) => Err(Error::NotAMap(key.clone())),
        ([Step::Index(at), ..], _) => Err(Error::NotAList(*at)),
        ([], _) => Err(Error::Empty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sops::store::{json, yaml};

    fn document(text: &str) -> Map {
        yaml::load(text.as_bytes()).unwrap().remove(0)
    }

    fn text(map: &Map) -> String {
        String::from_utf8(json::emit(map, Some(0)).unwrap()).unwrap().replace('\n', "")
    }

    #[test]
    fn paths_are_read_as_sops_reads_them() {
        let key = |text: &str| Step::Key(text.into());
        assert_eq!(parse(""), Ok(vec![]));
        assert_eq!(parse("[\"a\"][0]['b c']"), Ok(vec![key("a"), Step::Index(0), key("b c")]));
        assert_eq!(parse("[\"\"]"), Ok(vec![key("")]));
        assert_eq!(parse("[\"a\"b[c\"]"), Ok(vec![key("a\"b[c")]));
        for wrong in
            ["a", "[", "[]", "[\"]", "[\"a", "[\"a']", "[-1]", "[1x]", "[\"a\"]x", "[\"a\"] [0]", "[99999999999999999999]"]
        {
            assert!(matches!(parse(wrong), Err(Error::Syntax { .. })), "{wrong}");
        }
    }

    #[test]
    fn values_are_set_in_place_appended_and_made() {
        for (path, expected) in [
            ("[\"a\"]", "{\"a\": 9,\"l\": [1,2],\"m\": {\"k\": \"v\"}}"),
            ("[\"b\"]", "{\"a\": 1,\"l\": [1,2],\"m\": {\"k\": \"v\"},\"b\": 9}"),
            ("[\"l\"][0]", "{\"a\": 1,\"l\": [9,2],\"m\": {\"k\": \"v\"}}"),
            ("[\"l\"][7]", "{\"a\": 1,\"l\": [1,2,9],\"m\": {\"k\": \"v\"}}"),
            ("[\"l\"][7][\"x\"]", "{\"a\": 1,\"l\": [1,2,{\"x\": 9}],\"m\": {\"k\": \"v\"}}"),
            ("[\"a\"][\"x\"][3]", "{\"a\": {\"x\": [9]},\"l\": [1,2],\"m\": {\"k\": \"v\"}}"),
        ] {
            let mut map = document("a: 1\nl: [1, 2]\nm: {k: v}\n");
            let value = json::load_value("9").unwrap();
            assert_eq!(set(&mut map, &parse(path).unwrap(), value.clone()), Ok(true), "{path}");
            assert_eq!(text(&map), expected, "{path}");
            // A second time it is there already, but for an index behind the end, which appends once more.
            let appends = path.contains("[7]") || path.ends_with("[3]");
            assert_eq!(set(&mut map, &parse(path).unwrap(), value).ok(), Some(appends), "{path}");
        }
    }

    #[test]
    fn values_are_removed() {
        let mut map = document("a: 1\nl: [1, 2]\nm: {k: v}\n");
        for path in ["[\"l\"][0]", "[\"a\"]", "[\"m\"][\"k\"]"] {
            unset(&mut map, &parse(path).unwrap()).unwrap();
        }
        assert_eq!(text(&map), "{\"l\": [2],\"m\": {}}");
    }

    #[test]
    fn paths_that_do_not_fit_the_document_are_errors_and_change_nothing() {
        let original = document("a: 1\nl:\n    # note\n    - 1\nm: {k: v}\n");
        for (path, got, set_error, unset_error) in [
            ("[0]", "[0] is an index, but there is no list", true, true),
            ("[\"m\"][0]", "[0] is an index, but there is no list", true, true),
            ("[\"l\"][\"x\"]", "[\"x\"] is a key, but there is no map", true, true),
            ("[\"a\"][\"x\"]", "[\"x\"] is a key, but there is no map", false, true),
            ("[\"l\"][0]", "[0] is a comment, not a value", true, true),
            ("[\"l\"][2]", "[2] is out of bounds", false, true),
            ("[\"z\"]", "[\"z\"] not found", false, true),
        ] {
            let steps = parse(path).unwrap();
            assert_eq!(get(&original, &steps).unwrap_err().to_string(), format!("component {got}"));
            let mut map = original.clone();
            assert_eq!(unset(&mut map, &steps).is_err(), unset_error, "{path}");
            assert_eq!(map, original);
            assert_eq!(set(&mut map, &steps, Node::Null).is_err(), set_error, "{path}");
            assert_eq!(map == original, set_error);
        }
        assert_eq!(set(&mut document("a: 1\n"), &[], Node::Null), Err(Error::Empty));
        assert!(matches!(get(&original, &[]), Ok(Found::Document(_))));
    }
}

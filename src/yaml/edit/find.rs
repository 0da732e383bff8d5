//! Follows a path of keys to the mapping that is to be edited.

use super::super::kubernetes::{is_merge, key_text};
use super::super::tree::{Document, Kind, Node};
use super::{Error, is_shared};

/// Where an entry goes.
pub(super) struct Place<'d, 'p> {
    pub(super) document: &'d Document,
    /// The deepest node of the path that is there: a mapping, or an absent or null value where a mapping should be.
    pub(super) node: Node<'d>,
    /// The mappings passed on the way, each with the key that was followed out of it.
    pub(super) passed: Vec<(Node<'d>, Node<'d>)>,
    /// Whether the last step was from a mapping (the last of `passed`), not from a list.
    pub(super) in_mapping: bool,
    /// Keys for which no mapping is there yet.
    pub(super) missing: &'p [&'p str],
}

/// Follows the path as far as there are mappings.
pub(super) fn find<'d, 'p>(document: &'d Document, path: &'p [&'p str]) -> Result<Place<'d, 'p>, Error> {
    let mut place = Place { document, node: document.root(), passed: Vec::new(), in_mapping: false, missing: &[] };
    for (depth, &step) in path.iter().enumerate() {
        let node = place.node;
        let here = || join(&path[..depth]);
        guard(document, node, here)?;
        match node.kind() {
            Kind::Sequence { .. } => {
                let item = step.parse().ok().and_then(|index| node.items().nth(index));
                place.node = item.ok_or_else(|| Error::Absent { path: join(&path[..=depth]) })?;
                place.in_mapping = false;
            }
            Kind::Mapping { .. } => match entry(node, step, || join(&path[..=depth]))? {
                Some((key, value)) => {
                    place.passed.push((node, key));
                    place.node = value;
                    place.in_mapping = true;
                }
                None => {
                    if let Some((merge, _)) = node.entries().find(|(key, _)| is_merge(*key)) {
                        return Err(Error::Aliased { position: merge.position(), path: join(&path[..=depth]) });
                    }
                    place.missing = &path[depth..];
                    return Ok(place);
                }
            },
            _ if is_nothing(node) && depth > 0 => {
                place.missing = &path[depth..];
                return Ok(place);
            }
            _ => return Err(Error::NotMapping { position: node.position(), path: here() }),
        }
    }
    guard(document, place.node, || join(path))?;
    match place.node.kind() {
        Kind::Mapping { .. } => Ok(place),
        _ if is_nothing(place.node) && !path.is_empty() => Ok(place),
        _ => Err(Error::NotMapping { position: place.node.position(), path: join(path) }),
    }
}

/// Refuses what is written elsewhere or shows elsewhere.
fn guard(document: &Document, node: Node<'_>, path: impl Fn() -> String) -> Result<(), Error> {
    if node.kind() == Kind::Alias {
        return Err(Error::Aliased { position: node.position(), path: path() });
    }
    if is_shared(document, node) {
        return Err(Error::Shared { position: node.position(), path: path() });
    }
    Ok(())
}

/// The entry whose key Kubernetes reads as `name`.
pub(super) fn entry<'d>(mapping: Node<'d>, name: &str, path: impl Fn() -> String) -> Result<Option<(Node<'d>, Node<'d>)>, Error> {
    // A key that is an error for Kubernetes (null, a collection) is no key that anyone can ask for.
    let mut found =
        mapping.entries().filter(|(key, _)| !is_merge(*key) && key_text(key.resolved()).is_ok_and(|text| text == name));
    let first = found.next();
    match found.next() {
        Some((again, _)) => Err(Error::Repeated { position: again.position(), path: path() }),
        None => Ok(first),
    }
}

/// Whether a value is absent or `null`, so that a mapping may take its place.
fn is_nothing(node: Node<'_>) -> bool {
    let plain = matches!(node.kind(), Kind::Scalar(super::super::Style::Plain));
    plain && node.tag().is_none() && matches!(node.text(), Some("" | "~" | "null" | "Null" | "NULL"))
}

/// A path for people: keys joined by dots.
pub(super) fn join<'a>(path: impl IntoIterator<Item = &'a &'a str>) -> String {
    path.into_iter().copied().collect::<Vec<_>>().join(".")
}

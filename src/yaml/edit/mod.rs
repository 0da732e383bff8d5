//! Changes one entry of one mapping in a text, and no other byte of it.
//!
//! [`set_scalar`], [`insert_scalar`] and [`remove()`] take a text and give a text. Comments, order, quoting, line ends,
//! indentation, anchors and other documents stay as they are, in block and flow mappings and in JSON. Mappings on the path
//! that are missing or null are created. Keys are compared by what Kubernetes reads (`y: 1` has the key `true`).
//!
//! Every edit is checked before it is given back: the new text is parsed, and its trees, comments and Kubernetes meaning must
//! be those of the old text with exactly the change that was asked for (the module `check`). Where a layout cannot be edited safely
//! (aliases, merges, shared anchors, repeated keys) the answer is an [`Error`].

mod block;
mod check;
mod error;
mod find;
mod flow;
mod lines;
mod remove;
mod replace;
mod spell;

use super::parse_stream;
use super::tree::{Document, Kind, Node};
use find::{Place, entry, find, join};
use lines::{Splice, apply};

pub use error::Error;

/// Sets the key in the mapping at `path` to a text: replaces the value if the key is there, adds the key behind the last one
/// if not. `document` counts from 0; a path element on a list is an index.
///
/// A value keeps its quotes if it has some; otherwise it is written bare where that is safe, and in double quotes where not. A
/// trailing comment stays. A block scalar or a value over several lines becomes a value on one line.
///
/// # Errors
/// See [`Error`].
pub fn set_scalar(text: &str, document: usize, path: &[&str], key: &str, value: &str) -> Result<String, Error> {
    let edit = Edit { text, path, key };
    edit.run(document, check::Change::Set(value), |place| match existing(&edit, place)? {
        Some((name, old)) => replace::splices(&edit, place, name, old, value),
        None => edit.insert(place, value),
    })
}

/// As [`set_scalar`] for a key that must not be there yet.
///
/// # Errors
/// [`Error::Present`] if it is, and as [`set_scalar`].
pub fn insert_scalar(text: &str, document: usize, path: &[&str], key: &str, value: &str) -> Result<String, Error> {
    let edit = Edit { text, path, key };
    edit.run(document, check::Change::Set(value), |place| match existing(&edit, place)? {
        Some((name, _)) => Err(Error::Present { position: name.position(), path: edit.full_path() }),
        None => edit.insert(place, value),
    })
}

/// Removes the key and its value from the mapping at `path`. A comment on the value's line goes with it; comments above stay.
/// A mapping that becomes empty is written `{}`.
///
/// # Errors
/// [`Error::Absent`] if the key is not there, otherwise see [`Error`].
pub fn remove(text: &str, document: usize, path: &[&str], key: &str) -> Result<String, Error> {
    let edit = Edit { text, path, key };
    edit.run(document, check::Change::Remove, |place| match existing(&edit, place)? {
        Some((name, old)) => remove::splices(&edit, place, name, old),
        None => Err(Error::Absent { path: edit.full_path() }),
    })
}

/// What was asked for.
#[derive(Clone, Copy)]
struct Edit<'a> {
    text: &'a str,
    path: &'a [&'a str],
    key: &'a str,
}

impl Edit<'_> {
    fn full_path(&self) -> String {
        join(self.path.iter().chain([&self.key]))
    }

    fn run(
        &self,
        document: usize,
        change: check::Change<'_>,
        plan: impl FnOnce(&Place<'_, '_>) -> Result<Vec<Splice>, Error>,
    ) -> Result<String, Error> {
        let before = parse_stream(self.text)?;
        let target = before.get(document).ok_or(Error::NoDocument { wanted: document + 1, count: before.len() })?;
        let place = find(target, self.path)?;
        let after = apply(self.text, plan(&place)?);
        let documents = parse_stream(&after)?;
        check::only_this_changed(self, &before, &documents, document, change)?;
        Ok(after)
    }

    /// Adds the entry, and the missing mappings around it.
    fn insert(&self, place: &Place<'_, '_>, value: &str) -> Result<Vec<Splice>, Error> {
        match place.node.kind() {
            Kind::Mapping { flow: false } => block::append(self, place, value),
            Kind::Mapping { flow: true } if place.node.entries().len() > 0 => flow::append(self, place, value),
            _ => match block::instead_of_nothing(self, place, value) {
                Some(splices) => Ok(splices),
                None => Ok(flow::instead_of_nothing(self, place, value)),
            },
        }
    }
}

/// The entry of the place's mapping that has the edited key.
fn existing<'d>(edit: &Edit<'_>, place: &Place<'d, '_>) -> Result<Option<(Node<'d>, Node<'d>)>, Error> {
    if place.missing.is_empty() { entry(place.node, edit.key, || edit.full_path()) } else { Ok(None) }
}

/// Whether an alias of the document refers to this node.
fn is_shared(document: &Document, node: Node<'_>) -> bool {
    node.anchor().is_some() && document.nodes().any(|other| other.kind() == Kind::Alias && other.resolved().is(node))
}

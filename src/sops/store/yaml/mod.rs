//! YAML as SOPS reads and writes it: several documents, comments, go-yaml v3's scalars and layout.
//!
//! Lost in reading, as in sops: anchors (aliases are expanded), tags of applications, quoting, flow style, blank lines and
//! document markers (sops-age.md §1.9, §8). Written text is always read back as it was.

mod comments;
mod emit;
mod keep;
mod load;
mod room;
mod scalar;
mod style;
#[cfg(test)]
mod tests;
mod tokens;

pub use keep::{Lost, Roomy, Source, keep, keep_for_sops, make_room};

use super::Error;
use crate::sops::tree::{Map, Node};
use crate::yaml;

/// Reads the documents of a file. A byte order mark is dropped; a file without any document is an error.
///
/// # Errors
/// [`Error::Yaml`], [`Error::Syntax`] with the place, [`Error::TopLevel`], [`Error::TooDeep`].
pub fn load(text: &[u8]) -> Result<Vec<Map>, Error> {
    let text = std::str::from_utf8(text).map_err(|_| Error::NotUtf8)?;
    let documents = yaml::parse_stream(text).map_err(|error| Error::Yaml(error.to_string()))?;
    if documents.is_empty() {
        return Err(Error::Yaml("there is no document in the file".to_owned()));
    }
    Ok(load::documents(text, &documents)?.into_iter().map(load::into_map).collect())
}

/// Writes documents. `indent` is the number of spaces for each level, 2 to 9.
#[must_use]
pub fn emit(documents: &[Map], indent: usize) -> Vec<u8> {
    emit::documents(documents, indent.clamp(2, 9)).into_bytes()
}

/// Writes one value alone, with a line break at its end.
#[must_use]
pub fn emit_value(node: &Node, indent: usize) -> Vec<u8> {
    emit::value(node, indent.clamp(2, 9)).into_bytes()
}

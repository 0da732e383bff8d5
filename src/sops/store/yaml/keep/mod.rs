//! New values in an old text: only what changed is written, everything else stays byte for byte.
//!
//! The text is read with the place of every entry and compared with the documents that it is to hold. A value that differs is
//! written in its place and, where it can, in its style; an entry that is new gets lines of its own; one that is gone loses them.
//! Where a piece cannot be changed in place (an alias that is to be a value of its own, entries in another order, new entries in
//! braces) the smallest entry around it is written anew in sops' layout. The result is read again: unless it holds exactly the
//! documents asked for, comments included, it is [`Lost`], and the caller writes the file in sops' layout.
//!
//! A comment in a list stays a comment when it is encrypted (`#ENC[…]`), where sops makes an item of it; sops reads both. An
//! encrypted scalar keeps its quotes, and a block stays a block (`|-`), so that decrypting brings the old text back. In braces and
//! brackets a bare value gets single quotes while it is encrypted.

mod align;
mod check;
mod place;
mod spell;
mod strange;

use std::borrow::Cow;

use super::load::{self, Entries};
use crate::secret::SecretString;
use crate::sops::tree::{Entry, Map, Node};
use crate::yaml;
use align::Rewrite;

/// Why a text could not take the new values in its layout.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lost {
    /// The old text cannot be read.
    #[error("the file's text cannot be read again")]
    Unreadable,
    /// Text that sops does not read.
    #[error("it has directives (`%…`), which sops does not read")]
    Directive,
    /// The root of a document is written in braces, or holds nothing.
    #[error("document {document} has no block mapping at its top")]
    Root {
        /// Which, from 1.
        document: usize,
    },
    /// There are more or fewer documents.
    #[error("the number of documents changes")]
    Documents,
    /// The top of a document changes too much.
    #[error("the order of the entries in document {document} changes")]
    Order {
        /// Which, from 1.
        document: usize,
    },
    /// Text that sops reads otherwise than we do.
    #[error("it has {what}, which sops does not read, or reads otherwise")]
    Strange {
        /// What it is.
        what: &'static str,
    },
    /// The result would be read differently.
    #[error("its layout would be read differently with the new values")]
    Differs,
}

/// A text whose layout is kept, read.
#[derive(Debug, Clone)]
pub struct Source<'t> {
    text: &'t str,
    parsed: Cow<'t, [yaml::Document]>,
}

impl<'t> Source<'t> {
    /// Reads a text.
    ///
    /// # Errors
    /// [`Lost::Unreadable`].
    pub fn read(text: &'t [u8]) -> Result<Self, Lost> {
        let text = std::str::from_utf8(text).map_err(|_| Lost::Unreadable)?;
        Ok(Self { text, parsed: Cow::Owned(yaml::parse_stream(text).map_err(|_| Lost::Unreadable)?) })
    }
}

/// Writes documents into the layout of an old text, and gives the result with what was read in it. `indent` is for what is written
/// anew.
///
/// # Errors
/// [`Lost`], and nothing is lost: the documents can be written in sops' layout.
pub fn keep(source: &Source<'_>, documents: &[Map], indent: usize) -> Result<(Vec<u8>, Vec<Map>), Lost> {
    let Source { text, parsed } = source;
    let sourced = load::documents(text, parsed).map_err(|_| Lost::Unreadable)?;
    if sourced.len() != documents.len() {
        return Err(Lost::Documents);
    }
    let mut rewrite = Rewrite::new(text, indent.clamp(2, 9));
    each_document(source, &sourced, |at, document, source, limit| {
        documents.get(at).map_or(Ok(()), |target| rewrite.document(document, source, target, limit))
    })?;
    let out = rewrite.finish().into_bytes();
    drop(sourced);
    let again = super::load(&out).map_err(|_| Lost::Differs)?;
    if check::same_documents(&again, documents) { Ok((out, again)) } else { Err(Lost::Differs) }
}

/// As [`keep`], for a text that sops must be able to open.
///
/// # Errors
/// [`Lost`], also where sops would read the text otherwise.
pub fn keep_for_sops(source: &Source<'_>, documents: &[Map], indent: usize) -> Result<(Vec<u8>, Vec<Map>), Lost> {
    let (out, again) = keep(source, documents, indent)?;
    let text = std::str::from_utf8(&out).map_err(|_| Lost::Differs)?;
    match strange::find(text) {
        Some(what) => Err(Lost::Strange { what }),
        None => Ok((out, again)),
    }
}

/// A plain text with room for one more entry.
#[derive(Debug)]
pub struct Roomy {
    /// The documents in it, without that entry.
    pub documents: Vec<Map>,
    /// The text with the entry, which is null, at the end of every document.
    text: SecretString,
    parsed: Vec<yaml::Document>,
}

impl Roomy {
    /// The text, to be kept.
    #[must_use]
    pub fn source(&self) -> Source<'_> {
        Source { text: self.text.expose(), parsed: Cow::Borrowed(&self.parsed) }
    }
}

/// Makes room for the key `last` at the end of every document of a plain text. A comment at the end of a document may then belong
/// to another level, and its ciphertext is bound to that: so the text is read with the key in it.
///
/// # Errors
/// [`Lost`], where the text cannot take that key.
pub fn make_room(text: &[u8], last: &str) -> Result<Roomy, Lost> {
    let source = Source::read(text)?;
    let sourced = load::documents(source.text, &source.parsed).map_err(|_| Lost::Unreadable)?;
    let mut rewrite = Rewrite::new(source.text, 2);
    each_document(&source, &sourced, |_, document, source, limit| rewrite.append(document, source, last, limit))?;
    let text = SecretString::new(rewrite.finish());
    let parsed = yaml::parse_stream(text.expose()).map_err(|_| Lost::Differs)?;
    let mut documents = into_maps(load::documents(text.expose(), &parsed).map_err(|_| Lost::Differs)?);
    let mut before = into_maps(sourced);
    before.iter_mut().for_each(|document| document.push(last, Node::Null));
    if !check::same_documents(&documents, &before) {
        return Err(Lost::Differs);
    }
    for document in &mut documents {
        document.0.retain(|entry| !matches!(entry, Entry::Pair(key, _) if key == last));
    }
    Ok(Roomy { documents, text, parsed })
}

fn into_maps(documents: Vec<Entries<'_>>) -> Vec<Map> {
    documents.into_iter().map(load::into_map).collect()
}

/// Does the same with every document of a text: its number from 0, itself, its entries, and where the next one begins.
fn each_document<'d>(
    source: &'d Source<'_>,
    sourced: &[Entries<'d>],
    mut run: impl FnMut(usize, &'d yaml::Document, &Entries<'d>, usize) -> Result<(), align::Problem>,
) -> Result<(), Lost> {
    if place::has_directive(source.text, &source.parsed) {
        return Err(Lost::Directive);
    }
    for (at, (document, entries)) in source.parsed.iter().zip(sourced).enumerate() {
        let limit = source.parsed.get(at + 1).map_or(source.text.len(), |next| next.span().start);
        run(at, document, entries, limit).map_err(|problem| match problem {
            align::Problem::Root => Lost::Root { document: at + 1 },
            align::Problem::Restructure => Lost::Order { document: at + 1 },
        })?;
    }
    Ok(())
}

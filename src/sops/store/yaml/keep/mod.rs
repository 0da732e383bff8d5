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

use super::load;
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

/// Writes documents into the layout of an old text. `indent` is for what is written anew.
///
/// # Errors
/// [`Lost`], and nothing is lost: the documents can be written in sops' layout.
pub fn keep(text: &[u8], documents: &[Map], indent: usize) -> Result<Vec<u8>, Lost> {
    rewritten(text, documents, indent).map(String::into_bytes)
}

/// As [`keep`], for a text that sops must be able to open.
///
/// # Errors
/// [`Lost`], also where sops would read the text otherwise.
pub fn keep_for_sops(text: &[u8], documents: &[Map], indent: usize) -> Result<Vec<u8>, Lost> {
    let text = rewritten(text, documents, indent)?;
    match strange::find(&text) {
        Some(what) => Err(Lost::Strange { what }),
        None => Ok(text.into_bytes()),
    }
}

/// A plain text with room for one more entry.
#[derive(Debug)]
pub struct Roomy {
    /// The text with the entry, which is null, at the end of every document.
    pub text: SecretString,
    /// The documents in it, without that entry.
    pub documents: Vec<Map>,
}

/// Makes room for the key `last` at the end of every document of a plain text. A comment at the end of a document may then belong
/// to another level, and its ciphertext is bound to that: so the text is read with the key in it.
///
/// # Errors
/// [`Lost`], where the text cannot take that key.
pub fn make_room(text: &[u8], last: &str) -> Result<Roomy, Lost> {
    let mut documents = load(text).map_err(|_| Lost::Unreadable)?;
    documents.iter_mut().for_each(|document| document.push(last, Node::Null));
    let text = SecretString::new(rewritten(text, &documents, 2)?);
    let mut documents = load(text.expose().as_bytes()).map_err(|_| Lost::Differs)?;
    for document in &mut documents {
        document.0.retain(|entry| !matches!(entry, Entry::Pair(key, _) if key == last));
    }
    Ok(Roomy { text, documents })
}

fn rewritten(text: &[u8], documents: &[Map], indent: usize) -> Result<String, Lost> {
    let text = std::str::from_utf8(text).map_err(|_| Lost::Unreadable)?;
    let parsed = yaml::parse_stream(text).map_err(|_| Lost::Unreadable)?;
    let sourced = load::documents(text, &parsed).map_err(|_| Lost::Unreadable)?;
    if sourced.len() != documents.len() {
        return Err(Lost::Documents);
    }
    if place::has_directive(text, &parsed) {
        return Err(Lost::Directive);
    }
    let mut rewrite = Rewrite::new(text, indent.clamp(2, 9));
    for (at, ((document, source), target)) in parsed.iter().zip(&sourced).zip(documents).enumerate() {
        let limit = parsed.get(at + 1).map_or(text.len(), |next| next.span().start);
        rewrite.document(document, source, target, limit).map_err(|problem| match problem {
            align::Problem::Root => Lost::Root { document: at + 1 },
            align::Problem::Restructure => Lost::Order { document: at + 1 },
        })?;
    }
    let out = rewrite.finish();
    let again = load(out.as_bytes()).map_err(|_| Lost::Differs)?;
    if !check::same_documents(&again, documents) {
        return Err(Lost::Differs);
    }
    Ok(out)
}

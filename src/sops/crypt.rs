//! Encrypting and decrypting the leaves of whole documents, in document order, with the MAC computed on the way.
//!
//! Three steps serve both directions. `walk` lists the leaves: at each the rule says whether it is encrypted, and the path gives the
//! data it is bound to. `work` seals or opens them, each by itself and so on all cores. `settle` puts the results in, in document
//! order, and feeds the plain forms to the MAC (sops-age.md §1.3 to §1.6). All documents of a file share one MAC and one name space.
//!
//! Differences from sops, each so that nothing is lost: an empty comment in a list is dropped when encrypted, where sops turns it
//! into an empty string; under `encrypted_comment_regex` an encrypted comment in a list stays a comment, since sops cannot read
//! back the string that it makes of it (getsops/sops#2281); files that it wrote so are read.

mod settle;
mod walk;
mod work;

use std::collections::HashMap;

use super::mac::{Digest, Mac, Scope};
use super::select::Selector;
use super::tree::{MAX_DEPTH, Map};
use super::value::{self, Cipher, Encrypted, Kind, Scalar};

/// Why a document could not be encrypted or decrypted. `path` is the place, keys with dots and list indices in brackets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value that could not be opened or sealed.
    #[error("`{path}`: {source}")]
    Value {
        /// Where.
        path: String,
        /// Why.
        source: value::Error,
    },
    /// A leaf that should be encrypted is not text.
    #[error("`{path}`: an encrypted value was expected, and this is a plain {kind}")]
    NotEncrypted {
        /// Where.
        path: String,
        /// What is there.
        kind: Kind,
    },
    /// A comment's ciphertext stands as the value of a key.
    #[error("`{path}`: an encrypted comment stands where a value belongs")]
    CommentAsValue {
        /// Where.
        path: String,
    },
    /// An encrypted comment that the rule would take for one that switches encryption off.
    #[error("`{path}`: the encrypted form of a comment matches unencrypted_comment_regex, so the file could not be read again")]
    CommentMatches {
        /// Where.
        path: String,
    },
    /// More than [`MAX_DEPTH`] levels.
    #[error("nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// What a walk did.
#[derive(Debug)]
pub struct Outcome {
    /// The MAC of the plain document.
    pub mac: Digest,
    /// Leaves, comments not counted, that the rule encrypts.
    pub encrypted: usize,
    /// Leaves, comments not counted, that it leaves plain.
    pub plain: usize,
    /// Paths of comments that should be encrypted and are not: kept as they are.
    pub plain_comments: Vec<String>,
}

/// The ciphertexts of an opened file, so that values written back unchanged keep theirs and diffs stay small.
///
/// Only for writing under the same data key. Each ciphertext is used once, so equal items of a list keep their own.
#[derive(Debug, Default, Clone)]
pub struct Memory {
    kept: HashMap<String, Vec<Option<(Scalar, Encrypted)>>>,
    forgets: bool,
}

impl Memory {
    /// One that keeps nothing: for opening a file only to see that it opens.
    #[must_use]
    pub fn that_forgets() -> Self {
        Self { forgets: true, ..Self::default() }
    }

    fn keep(&mut self, associated: String, scalar: &Scalar, encrypted: Encrypted) {
        self.kept.entry(associated).or_default().push(Some((scalar.clone(), encrypted)));
    }

    /// Adds the ciphertexts of another file under the same data key.
    pub fn add(&mut self, other: Self) {
        for (associated, values) in other.kept {
            self.kept.entry(associated).or_default().extend(values);
        }
    }

    fn take(&mut self, associated: &str, scalar: &Scalar) -> Option<Encrypted> {
        let slot = self.kept.get_mut(associated)?.iter_mut().find(|slot| matches!(slot, Some((old, _)) if old == scalar))?;
        slot.take().map(|(_, encrypted)| encrypted)
    }
}

/// Encrypts the documents in place. `memory` comes from the [`decrypt`] of the file that is being written again, if any.
///
/// # Errors
/// [`Error`]; the documents are then half encrypted and of no use.
pub fn encrypt(
    documents: &mut [Map],
    selector: &Selector,
    scope: Scope,
    cipher: &Cipher,
    memory: &mut Memory,
) -> Result<Outcome, Error> {
    run(documents, selector, scope, cipher, memory, Direction::Encrypt)
}

/// Decrypts the documents in place and remembers the ciphertexts. The MAC is computed, not compared.
///
/// # Errors
/// [`Error`]; the documents are then half decrypted and of no use.
pub fn decrypt(
    documents: &mut [Map],
    selector: &Selector,
    scope: Scope,
    cipher: &Cipher,
    memory: &mut Memory,
) -> Result<Outcome, Error> {
    run(documents, selector, scope, cipher, memory, Direction::Decrypt)
}

fn run(
    documents: &mut [Map],
    selector: &Selector,
    scope: Scope,
    cipher: &Cipher,
    memory: &mut Memory,
    direction: Direction,
) -> Result<Outcome, Error> {
    let (mut leaves, places) = walk::leaves(documents, selector, direction)?;
    if direction == Direction::Encrypt && !memory.kept.is_empty() {
        for leaf in leaves.iter_mut().filter(|leaf| leaf.encrypts) {
            leaf.known = leaf.plain().and_then(|plain| memory.take(&places.associated_data(leaf.place), &plain)).map(Box::new);
        }
    }
    let task = work::Task { places: &places, cipher, direction, remembers: !memory.forgets };
    task.on_all(&mut leaves);
    let mut settle = settle::Settle {
        selector,
        memory,
        places: &places,
        mac: Mac::new(scope),
        encrypted: 0,
        plain: 0,
        plain_comments: Vec::new(),
    };
    leaves.into_iter().try_for_each(|leaf| settle.leaf(leaf))?;
    let settle::Settle { mac, encrypted, plain, plain_comments, .. } = settle;
    Ok(Outcome { mac: mac.finish(), encrypted, plain, plain_comments })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Encrypt,
    Decrypt,
}

#[cfg(test)]
mod tests;

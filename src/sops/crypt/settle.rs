//! Results put into the documents, in document order, and the MAC over the plain form of every leaf.

use super::walk::{Leaf, PlaceId, Places, Target, Work};
use super::{Error, Memory};
use crate::secret::SecretBytes;
use crate::sops::mac::Mac;
use crate::sops::select::Selector;
use crate::sops::tree::{Comment, Node};
use crate::sops::value::{self, Encrypted, Scalar};

pub(super) struct Settle<'a> {
    pub(super) selector: &'a Selector,
    pub(super) memory: &'a mut Memory,
    pub(super) places: &'a Places<'a>,
    pub(super) mac: Mac,
    pub(super) encrypted: usize,
    pub(super) plain: usize,
    pub(super) plain_comments: Vec<String>,
}

impl Settle<'_> {
    /// The next leaf.
    pub(super) fn leaf(&mut self, leaf: Leaf<'_>) -> Result<(), Error> {
        let Leaf { target, place, encrypts, result, .. } = leaf;
        match target {
            Target::Value { node, under_key } => self.value(node, under_key, place, encrypts, result),
            Target::Comment(comment) => self.comment(comment, place, result),
            Target::CommentItem(node) => {
                if let Work::Sealed(sealed) = result {
                    let text = self.sealed_comment(sealed, place)?;
                    *node = Node::Leaf(Scalar::Text(text));
                }
                Ok(())
            }
        }
    }

    fn value(&mut self, node: &mut Node, under_key: bool, place: PlaceId, encrypts: bool, result: Work) -> Result<(), Error> {
        let Node::Leaf(leaf) = node else { return Ok(()) };
        // The MAC is over the plain form, whichever way it goes.
        match result {
            Work::Sealed(sealed) => {
                self.mac.leaf(leaf, encrypts);
                *leaf = Scalar::text(sealed.map_err(|source| self.of_value(place, source))?);
            }
            Work::Opened(opened) => {
                let (plain, encrypted) = opened.map_err(|source| self.of_value(place, source))?;
                self.keep(place, &plain, encrypted);
                self.mac.leaf(&plain, encrypts);
                if let Scalar::Comment(text) = plain {
                    if under_key {
                        return Err(Error::CommentAsValue { path: self.places.shown(place) });
                    }
                    *node = Node::Comment(Comment { text, inline: false });
                    return Ok(());
                }
                *leaf = plain;
            }
            Work::None if encrypts => return Err(Error::NotEncrypted { path: self.places.shown(place), kind: leaf.kind() }),
            Work::None => self.mac.leaf(leaf, encrypts),
        }
        *if encrypts { &mut self.encrypted } else { &mut self.plain } += 1;
        Ok(())
    }

    /// A comment that stays one.
    fn comment(&mut self, comment: &mut Comment, place: PlaceId, result: Work) -> Result<(), Error> {
        match result {
            Work::None => {}
            Work::Sealed(sealed) => comment.text = self.sealed_comment(sealed, place)?,
            Work::Opened(Ok((plain, encrypted))) => {
                self.keep(place, &plain, encrypted);
                match plain {
                    Scalar::Comment(text) | Scalar::Text(text) => comment.text = text,
                    _ => self.plain_comments.push(self.places.shown(place)),
                }
            }
            // Never encrypted, or by a version that did not: sops keeps it and warns.
            Work::Opened(Err(_)) => self.plain_comments.push(self.places.shown(place)),
        }
        Ok(())
    }

    fn sealed_comment(&self, sealed: Result<String, value::Error>, place: PlaceId) -> Result<SecretBytes, Error> {
        let text = sealed.map_err(|source| self.of_value(place, source))?;
        if matches!(self.selector, Selector::UnencryptedCommentRegex(_)) && self.selector.matches_comment(text.as_bytes()) {
            return Err(Error::CommentMatches { path: self.places.shown(place) });
        }
        Ok(text.into_bytes().into())
    }

    fn keep(&mut self, place: PlaceId, plain: &Scalar, encrypted: Option<Box<Encrypted>>) {
        if let Some(encrypted) = encrypted {
            self.memory.keep(self.places.associated_data(place), plain, *encrypted);
        }
    }

    fn of_value(&self, place: PlaceId, source: value::Error) -> Error {
        Error::Value { path: self.places.shown(place), source }
    }
}

//! The leaves of documents in document order, each with its place and whether the rule encrypts it.
//!
//! Nothing is sealed or opened here. The walk sees every comment as it stands in the file, which is what the two comment rules go by.

use super::{Direction, Error};
use crate::sops::select::{Selector, Walk};
use crate::sops::tree::{Comment, Entry, MAX_DEPTH, Map, Node};
use crate::sops::value::{self, Encrypted, Scalar};

/// A leaf or comment, and what became of it.
pub(super) struct Leaf<'a> {
    pub(super) target: Target<'a>,
    pub(super) place: PlaceId,
    /// Whether the rule encrypts it.
    pub(super) encrypts: bool,
    /// The ciphertext that it had when it was opened, if it has not changed since.
    pub(super) known: Option<Box<Encrypted>>,
    pub(super) result: Work,
}

/// What is to be replaced.
pub(super) enum Target<'a> {
    /// A value; `under_key` if it stands under a key.
    Value { node: &'a mut Node, under_key: bool },
    /// A comment in a map, or one in a list that stays a comment.
    Comment(&'a mut Comment),
    /// A comment in a list, of which sops makes a text item.
    CommentItem(&'a mut Node),
}

/// What `work` has done.
pub(super) enum Work {
    /// Nothing: the leaf stays.
    None,
    /// Its ciphertext as text.
    Sealed(Result<String, value::Error>),
    /// Its plain form, and the ciphertext that it came from if that is to be remembered.
    Opened(Result<(Scalar, Option<Box<Encrypted>>), value::Error>),
}

impl Leaf<'_> {
    /// Its plain form, when it is to be encrypted; `None` for an empty comment, which stays.
    pub(super) fn plain(&self) -> Option<Scalar> {
        let comment = match &self.target {
            Target::Value { node: Node::Leaf(scalar), .. } => return Some(scalar.clone()),
            Target::Comment(comment) => comment,
            Target::CommentItem(Node::Comment(comment)) => comment,
            _ => return None,
        };
        (!comment.text.is_empty()).then(|| Scalar::Comment(comment.text.clone()))
    }
}

/// A place in the documents.
#[derive(Clone, Copy)]
pub(super) struct PlaceId(usize);

/// All places, each below another.
pub(super) struct Places<'a>(Vec<(PlaceId, Step<'a>)>);

#[derive(Clone, Copy)]
enum Step<'a> {
    Top,
    Key(&'a str),
    Index(usize),
}

impl<'a> Places<'a> {
    fn below(&mut self, parent: PlaceId, step: Step<'a>) -> PlaceId {
        self.0.push((parent, step));
        PlaceId(self.0.len() - 1)
    }

    /// The steps from a place up to the top.
    fn up(&self, place: PlaceId) -> impl Iterator<Item = Step<'a>> {
        let mut at = place;
        std::iter::from_fn(move || {
            let (parent, step) = *self.0.get(at.0)?;
            at = parent;
            (!matches!(step, Step::Top)).then_some(step)
        })
    }

    /// The place for people: keys with dots, indices in brackets.
    pub(super) fn shown(&self, place: PlaceId) -> String {
        let mut steps: Vec<_> = self.up(place).collect();
        steps.reverse();
        let mut text = String::new();
        for step in steps {
            match step {
                Step::Key(key) if text.is_empty() => text.push_str(key),
                Step::Key(key) => text.extend([".", key]),
                Step::Index(index) => text.push_str(&format!("[{index}]")),
                Step::Top => {}
            }
        }
        text
    }

    /// The data that a value in this place is bound to.
    pub(super) fn associated_data(&self, place: PlaceId) -> String {
        let mut text = String::new();
        self.write_associated_data(place, &mut Vec::new(), &mut text);
        text
    }

    /// As [`Places::associated_data`], in buffers that serve again.
    pub(super) fn write_associated_data(&self, place: PlaceId, keys: &mut Vec<&'a str>, text: &mut String) {
        keys.clear();
        keys.extend(self.up(place).filter_map(|step| if let Step::Key(key) = step { Some(key) } else { None }));
        keys.reverse();
        text.clear();
        value::write_associated_data(keys, text);
    }
}

/// Lists all leaves and comments of the documents. Empty comments in lists that would be encrypted are dropped.
///
/// # Errors
/// [`Error::TooDeep`], and [`Error::CommentAsValue`] for a comment that stands under a key already.
pub(super) fn leaves<'a>(
    documents: &'a mut [Map],
    selector: &'a Selector,
    direction: Direction,
) -> Result<(Vec<Leaf<'a>>, Places<'a>), Error> {
    let top = PlaceId(0);
    let mut walker = Walker {
        selector,
        direction,
        walk: Walk::new(selector),
        places: Places(vec![(top, Step::Top)]),
        leaves: Vec::new(),
        depth: 0,
    };
    for document in documents {
        walker.map(document, top)?;
    }
    Ok((walker.leaves, walker.places))
}

struct Walker<'a> {
    selector: &'a Selector,
    direction: Direction,
    walk: Walk<'a>,
    places: Places<'a>,
    leaves: Vec<Leaf<'a>>,
    depth: usize,
}

impl<'a> Walker<'a> {
    fn enter(&mut self) -> Result<(), Error> {
        if self.depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        self.depth += 1;
        self.walk.enter();
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
        self.walk.leave();
    }

    fn map(&mut self, map: &'a mut Map, place: PlaceId) -> Result<(), Error> {
        self.enter()?;
        for entry in &mut map.0 {
            match entry {
                Entry::Comment(comment) => {
                    self.walk.comment(comment.text.expose());
                    let encrypts = self.walk.encrypts(true);
                    self.list(Target::Comment(comment), place, encrypts);
                }
                Entry::Pair(key, node) => {
                    let place = self.places.below(place, Step::Key(key));
                    self.walk.key(key);
                    if matches!(node, Node::Comment(_)) {
                        return Err(Error::CommentAsValue { path: self.places.shown(place) });
                    }
                    self.node(node, place, true)?;
                    self.walk.key_done();
                    self.walk.item_done();
                }
            }
        }
        self.leave();
        Ok(())
    }

    fn items(&mut self, items: &'a mut Vec<Node>, place: PlaceId) -> Result<(), Error> {
        self.enter()?;
        self.drop_empty_comments(items);
        for (index, item) in items.iter_mut().enumerate() {
            let place = self.places.below(place, Step::Index(index));
            if let Node::Comment(comment) = item {
                self.walk.comment(comment.text.expose());
                let encrypts = self.walk.encrypts(true);
                let stays = self.direction == Direction::Decrypt || matches!(self.selector, Selector::EncryptedCommentRegex(_));
                if !stays {
                    self.list(Target::CommentItem(item), place, encrypts);
                } else if let Node::Comment(comment) = item {
                    self.list(Target::Comment(comment), place, encrypts);
                }
                continue;
            }
            if let Some(text) = item.as_str().filter(|text| self.is_comment(text)) {
                // The walk must see a comment here, or what follows it would no longer count as below the comments above.
                self.walk.comment(text.as_bytes());
                self.node(item, place, false)?;
            } else {
                self.node(item, place, false)?;
                self.walk.item_done();
            }
        }
        self.leave();
        Ok(())
    }

    /// Takes out the empty comments that would be encrypted: sops makes items of them.
    fn drop_empty_comments(&self, items: &mut Vec<Node>) {
        let is_empty = |item: &Node| matches!(item, Node::Comment(comment) if comment.text.is_empty());
        let stay = self.direction == Direction::Decrypt || matches!(self.selector, Selector::EncryptedCommentRegex(_));
        if stay || !items.iter().any(is_empty) {
            return;
        }
        let mut ahead = self.walk.clone();
        items.retain(|item| {
            let Node::Comment(comment) = item else {
                ahead.item_done();
                return true;
            };
            ahead.comment(comment.text.expose());
            !(comment.text.is_empty() && ahead.encrypts(true))
        });
    }

    /// Whether the text of a list item is an encrypted comment.
    fn is_comment(&self, text: &str) -> bool {
        self.direction == Direction::Decrypt && Encrypted::is_comment(text)
    }

    fn node(&mut self, node: &'a mut Node, place: PlaceId, under_key: bool) -> Result<(), Error> {
        match node {
            Node::Null | Node::Comment(_) => Ok(()),
            Node::Map(map) => self.map(map, place),
            Node::List(items) => self.items(items, place),
            node @ Node::Leaf(_) => {
                let encrypts = self.walk.encrypts(false);
                self.list(Target::Value { node, under_key }, place, encrypts);
                Ok(())
            }
        }
    }

    fn list(&mut self, target: Target<'a>, place: PlaceId, encrypts: bool) {
        self.leaves.push(Leaf { target, place, encrypts, known: None, result: Work::None });
    }
}

//! Encrypting and decrypting the leaves of whole documents, in document order, with the MAC computed on the way.
//!
//! One walk serves both directions: at each leaf the rule says whether it is encrypted, the path gives the data it is bound to,
//! and its plain form feeds the MAC (sops-age.md §1.3 to §1.6). All documents of a file share one MAC and one name space.
//!
//! Differences from sops, each so that nothing is lost: an empty comment in a list is dropped when encrypted, where sops turns it
//! into an empty string; under `encrypted_comment_regex` an encrypted comment in a list stays a comment, since sops cannot read
//! back the string that it makes of it (getsops/sops#2281); files that it wrote so are read.

use std::collections::HashMap;
use std::mem;

use super::mac::{Digest, Mac, Scope};
use super::select::{Selector, Walk};
use super::tree::{Comment, Entry, MAX_DEPTH, Map, Node};
use super::value::{self, Cipher, Encrypted, Kind, Scalar, associated_data};

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

    fn keep(&mut self, associated: &str, scalar: &Scalar, encrypted: Encrypted) {
        if !self.forgets {
            self.kept.entry(associated.to_owned()).or_default().push(Some((scalar.clone(), encrypted)));
        }
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
    let mut walker = Walker {
        selector,
        cipher,
        memory,
        direction,
        walk: Walk::new(selector),
        mac: Mac::new(scope),
        keys: Vec::new(),
        path: Vec::new(),
        encrypted: 0,
        plain: 0,
        plain_comments: Vec::new(),
    };
    for document in documents {
        walker.map(document)?;
    }
    let Walker { mac, encrypted, plain, plain_comments, .. } = walker;
    Ok(Outcome { mac: mac.finish(), encrypted, plain, plain_comments })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Encrypt,
    Decrypt,
}

enum Step {
    Key(String),
    Index(usize),
}

struct Walker<'a> {
    selector: &'a Selector,
    cipher: &'a Cipher,
    memory: &'a mut Memory,
    direction: Direction,
    walk: Walk<'a>,
    mac: Mac,
    /// The keys on the path: what values are bound to.
    keys: Vec<String>,
    /// The path with list indices: for people.
    path: Vec<Step>,
    encrypted: usize,
    plain: usize,
    plain_comments: Vec<String>,
}

impl Walker<'_> {
    fn place(&self) -> String {
        let mut text = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) if text.is_empty() => text.push_str(key),
                Step::Key(key) => text.extend([".", key]),
                Step::Index(index) => text.push_str(&format!("[{index}]")),
            }
        }
        text
    }

    fn enter(&mut self) -> Result<(), Error> {
        if self.path.len() > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        self.walk.enter();
        Ok(())
    }

    fn map(&mut self, map: &mut Map) -> Result<(), Error> {
        self.enter()?;
        for entry in &mut map.0 {
            match entry {
                Entry::Comment(comment) => self.comment(comment)?,
                Entry::Pair(key, node) => {
                    self.keys.push(key.clone());
                    self.path.push(Step::Key(key.clone()));
                    self.walk.key(key);
                    self.node(node)?;
                    if matches!(node, Node::Comment(_)) {
                        return Err(Error::CommentAsValue { path: self.place() });
                    }
                    self.walk.key_done();
                    self.path.pop();
                    self.keys.pop();
                    self.walk.item_done();
                }
            }
        }
        self.walk.leave();
        Ok(())
    }

    fn list(&mut self, items: &mut Vec<Node>) -> Result<(), Error> {
        self.enter()?;
        let mut done = Vec::with_capacity(items.len());
        for (index, mut item) in mem::take(items).into_iter().enumerate() {
            self.path.push(Step::Index(index));
            match item {
                Node::Comment(comment) => done.extend(self.list_comment(comment)?),
                _ => {
                    if let Some(text) = self.comment_in_disguise(&item) {
                        // The walk must see a comment here, or what follows it would no longer count as below the comments above.
                        self.walk.comment(text.as_bytes());
                        self.node(&mut item)?;
                    } else {
                        self.node(&mut item)?;
                        self.walk.item_done();
                    }
                    done.push(item);
                }
            }
            self.path.pop();
        }
        *items = done;
        self.walk.leave();
        Ok(())
    }

    /// The text of a list item that is an encrypted comment.
    fn comment_in_disguise(&self, item: &Node) -> Option<String> {
        let text = item.as_str().filter(|_| self.direction == Direction::Decrypt)?;
        Encrypted::parse(text).is_ok_and(|value| value.kind == Kind::Comment).then(|| text.to_owned())
    }

    fn node(&mut self, node: &mut Node) -> Result<(), Error> {
        match node {
            Node::Null | Node::Comment(_) => Ok(()),
            Node::Map(map) => self.map(map),
            Node::List(items) => self.list(items),
            Node::Leaf(leaf) => {
                let encrypts = self.walk.encrypts(false);
                let new = match (encrypts, self.direction) {
                    (false, _) => None,
                    (true, Direction::Encrypt) => Some(Scalar::text(self.seal(leaf)?)),
                    (true, Direction::Decrypt) => Some(self.open_leaf(leaf)?),
                };
                let is_comment = matches!(new, Some(Scalar::Comment(_)));
                *if encrypts { &mut self.encrypted } else { &mut self.plain } += usize::from(!is_comment);
                // The MAC is over the plain form, whichever way it goes.
                let plain = if self.direction == Direction::Encrypt { leaf } else { new.as_ref().unwrap_or(leaf) };
                self.mac.leaf(plain, encrypts);
                match new {
                    Some(Scalar::Comment(text)) => *node = Node::Comment(Comment { text, inline: false }),
                    Some(scalar) => *node = Node::Leaf(scalar),
                    None => {}
                }
                Ok(())
            }
        }
    }

    fn seal(&mut self, scalar: &Scalar) -> Result<String, Error> {
        let associated = associated_data(&self.keys);
        let known = self.memory.take(&associated, scalar);
        let sealed = match known {
            Some(encrypted) => Some(encrypted),
            None => self.cipher.seal(scalar, &associated).map_err(|source| Error::Value { path: self.place(), source })?,
        };
        Ok(sealed.map(|value| value.to_string()).unwrap_or_default())
    }

    fn open(&mut self, text: &str) -> Result<Scalar, value::Error> {
        if text.is_empty() {
            return Ok(Scalar::text(""));
        }
        let associated = associated_data(&self.keys);
        let encrypted = Encrypted::parse(text)?;
        let scalar = self.cipher.open(&encrypted, &associated)?;
        self.memory.keep(&associated, &scalar, encrypted);
        Ok(scalar)
    }

    fn open_leaf(&mut self, leaf: &Scalar) -> Result<Scalar, Error> {
        let Scalar::Text(text) = leaf else { return Err(Error::NotEncrypted { path: self.place(), kind: leaf.kind() }) };
        let text = std::str::from_utf8(text.expose()).map_err(|_| value::Error::Form);
        text.and_then(|text| self.open(text)).map_err(|source| Error::Value { path: self.place(), source })
    }

    /// A comment in a map: stays a comment either way.
    fn comment(&mut self, comment: &mut Comment) -> Result<(), Error> {
        self.walk.comment(comment.text.expose());
        if !self.walk.encrypts(true) || comment.text.is_empty() {
            return Ok(());
        }
        match self.direction {
            Direction::Encrypt => {
                let text = self.seal(&Scalar::Comment(comment.text.clone()))?;
                if matches!(self.selector, Selector::UnencryptedCommentRegex(_)) && self.selector.matches_comment(text.as_bytes())
                {
                    return Err(Error::CommentMatches { path: self.place() });
                }
                comment.text = text.into_bytes().into();
            }
            Direction::Decrypt => {
                let text = std::str::from_utf8(comment.text.expose()).unwrap_or_default().to_owned();
                match self.open(&text) {
                    Ok(Scalar::Comment(text) | Scalar::Text(text)) => comment.text = text,
                    // Never encrypted, or by a version that did not: sops keeps it and warns.
                    _ => self.plain_comments.push(self.place()),
                }
            }
        }
        Ok(())
    }

    /// A comment in a list: sops makes a text item of it when it encrypts it.
    fn list_comment(&mut self, mut comment: Comment) -> Result<Option<Node>, Error> {
        let empty = comment.text.is_empty();
        self.comment(&mut comment)?;
        let encrypts = self.walk.encrypts(true);
        if !encrypts || self.direction == Direction::Decrypt || matches!(self.selector, Selector::EncryptedCommentRegex(_)) {
            return Ok(Some(Node::Comment(comment)));
        }
        Ok((!empty).then(|| Node::Leaf(Scalar::Text(comment.text))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::value::tests::{VECTOR, vector_cipher};
    use super::*;
    use crate::sops::select::NAMES;

    fn selector(name: &str, text: &'static str) -> Selector {
        let mut fields = [None; 6];
        fields[NAMES.iter().position(|other| *other == name).unwrap()] = Some(text);
        Selector::from_fields(fields).unwrap().unwrap()
    }

    fn comment(text: &str) -> Node {
        Node::Comment(Comment::new(text))
    }

    fn is_sealed(node: &Node) -> bool {
        node.as_str().is_some_and(Encrypted::looks_like)
    }

    fn round_trip(document: &Map, selector: &Selector, scope: Scope) -> Map {
        let cipher = vector_cipher();
        let mut documents = vec![document.clone()];
        let sealed = encrypt(&mut documents, selector, scope, &cipher, &mut Memory::default()).unwrap();
        let written = documents[0].clone();
        let now = crate::sops::go::parse_time("2026-01-01T00:00:00Z").unwrap();
        let opened = decrypt(&mut documents, selector, scope, &cipher, &mut Memory::default()).unwrap();
        assert_eq!(&documents[0], document);
        let mac = sealed.mac.seal(&cipher, now).unwrap();
        assert_eq!(opened.mac.verify(&cipher, &mac, now), Ok(true));
        assert_eq!((opened.encrypted, opened.plain), (sealed.encrypted, sealed.plain));
        written
    }

    fn sample() -> Map {
        let mut inner = Map::default();
        inner.0.push(Entry::Comment(Comment::new(" inner")));
        inner.push("k", Node::Leaf(Scalar::Bool(true)));
        let mut map = Map::default();
        map.0.push(Entry::Comment(Comment::new(" top")));
        map.push("data", Node::List(vec![comment(" c"), Node::text("x"), Node::text("x"), Node::Map(inner), Node::Null]));
        map.push("n_unencrypted", Node::Leaf(Scalar::Int(7)));
        map.push("f", Node::Leaf(Scalar::Float(2.5)));
        map.push("empty", Node::text(""));
        map
    }

    #[test]
    fn the_document_of_sops_opens_with_its_mac() {
        // §9.1: the vector's leaves at their places.
        let mut map = Map::default();
        let leaf = |at: usize| Node::text(VECTOR[at].1);
        for (at, key) in ["n", "s", "t", "b", "f"].into_iter().enumerate() {
            map.push(key, leaf(at));
        }
        map.push("l", Node::List(vec![leaf(5), leaf(6)]));
        map.push("m", Node::Map(Map::from_iter([("k", leaf(7))])));
        map.push("e", Node::text(""));
        let mut documents = [map.clone()];
        let mut memory = Memory::default();
        decrypt(&mut documents, &Selector::default(), Scope::All, &vector_cipher(), &mut memory).unwrap();
        assert_eq!(documents[0].get("l"), Some(&Node::List(vec![comment(" c"), Node::text("x")])));
        assert_eq!(documents[0].get("n"), Some(&Node::Leaf(Scalar::Int(7))));
        // Written again unchanged, every ciphertext is the same.
        encrypt(&mut documents, &Selector::default(), Scope::All, &vector_cipher(), &mut memory).unwrap();
        assert_eq!(documents[0], map);
    }

    #[test]
    fn every_rule_reads_back_what_it_wrote() {
        for (name, text) in [
            ("unencrypted_suffix", "_unencrypted"),
            ("encrypted_suffix", "ata"),
            ("encrypted_regex", "^(data|k)$"),
            ("unencrypted_regex", "^f$"),
            ("encrypted_comment_regex", "top|c"),
            ("unencrypted_comment_regex", "inner"),
        ] {
            for scope in [Scope::All, Scope::Encrypted] {
                round_trip(&sample(), &selector(name, text), scope);
            }
        }
    }

    #[test]
    fn only_selected_leaves_are_sealed() {
        let written = round_trip(&sample(), &selector("encrypted_regex", "^data$"), Scope::All);
        let Some(Node::List(items)) = written.get("data") else { panic!("a list") };
        assert!(items[..3].iter().all(is_sealed), "the comment too, as a text item");
        assert!(matches!(&items[3], Node::Map(map) if is_sealed(map.get("k").unwrap())));
        assert_eq!(items[4], Node::Null);
        assert_eq!(written.get("f"), Some(&Node::Leaf(Scalar::Float(2.5))));
        assert_eq!(written.0[0], Entry::Comment(Comment::new(" top")), "comments follow their map");
    }

    #[test]
    fn swapped_list_items_open_and_only_the_mac_notices() {
        let cipher = vector_cipher();
        let mut documents = [Map::from_iter([("l", Node::List(vec![Node::text("a"), Node::text("b")]))])];
        let before = encrypt(&mut documents, &Selector::default(), Scope::All, &cipher, &mut Memory::default()).unwrap();
        if let Entry::Pair(_, Node::List(items)) = &mut documents[0].0[0] {
            items.swap(0, 1);
        }
        let now = crate::sops::go::parse_time("2026-01-01T00:00:00Z").unwrap();
        let mac = before.mac.seal(&cipher, now).unwrap();
        let after = decrypt(&mut documents, &Selector::default(), Scope::All, &cipher, &mut Memory::default()).unwrap();
        assert_eq!(after.mac.verify(&cipher, &mac, now), Ok(false));
    }

    #[test]
    fn a_renamed_key_or_a_plain_value_does_not_open() {
        let cipher = vector_cipher();
        let open = |document: Map| {
            decrypt(&mut [document], &Selector::default(), Scope::All, &cipher, &mut Memory::default()).unwrap_err().to_string()
        };
        let list = Node::List(vec![Node::Null, Node::text(VECTOR[6].1)]);
        let moved = Map::from_iter([("m", Node::Map(Map::from_iter([("x", list)])))]);
        assert_eq!(open(moved), "`m.x[1]`: authentication failed: wrong key, or the value was moved or changed");
        let plain = Map::from_iter([("a", Node::Leaf(Scalar::Int(1)))]);
        assert_eq!(open(plain), "`a`: an encrypted value was expected, and this is a plain int");
        let text = Map::from_iter([("a", Node::text("hello"))]);
        assert!(open(text).starts_with("`a`: not an encrypted value"));
    }

    #[test]
    fn comments_in_lists_under_a_comment_rule_can_be_read_again() {
        let list = Node::List(vec![comment(" enc"), comment(" second"), Node::text("x"), comment(" third"), Node::text("plain")]);
        let document = Map::from_iter([("l", list)]);
        let rule = selector("encrypted_comment_regex", "enc");
        let written = round_trip(&document, &rule, Scope::All);
        let Some(Node::List(items)) = written.get("l") else { panic!("a list") };
        assert!(matches!(&items[1], Node::Comment(comment) if comment.text.expose().starts_with(b"ENC[")));
        assert!(is_sealed(&items[2]) && items[3..] == [comment(" third"), Node::text("plain")]);
        // What sops makes of it: the comment as a text item.
        let Node::Comment(second) = &items[1] else { panic!("a comment") };
        let as_sops = vec![items[0].clone(), Node::text(second.text.expose()), items[2].clone()];
        let mut documents = [Map::from_iter([("l", Node::List(as_sops))])];
        decrypt(&mut documents, &rule, Scope::All, &vector_cipher(), &mut Memory::default()).unwrap();
        assert_eq!(documents[0].get("l"), Some(&Node::List(vec![comment(" enc"), comment(" second"), Node::text("x")])));
    }

    #[test]
    fn an_empty_comment_in_a_list_does_not_become_an_item() {
        let cipher = vector_cipher();
        let mut documents = [Map::from_iter([("l", Node::List(vec![comment(""), Node::text("x")]))])];
        encrypt(&mut documents, &Selector::default(), Scope::All, &cipher, &mut Memory::default()).unwrap();
        let Some(Node::List(items)) = documents[0].get("l") else { panic!("a list") };
        assert!(items.len() == 1 && is_sealed(&items[0]));
    }

    #[test]
    fn a_comment_that_was_never_encrypted_is_kept_and_reported() {
        let mut map = Map::default();
        map.0.push(Entry::Comment(Comment::new(" plain")));
        let mut documents = [map.clone()];
        let outcome =
            decrypt(&mut documents, &Selector::default(), Scope::All, &vector_cipher(), &mut Memory::default()).unwrap();
        assert_eq!((&documents[0], outcome.plain_comments.len()), (&map, 1));
    }

    #[test]
    fn equal_items_keep_their_own_ciphertexts() {
        let cipher = vector_cipher();
        let document = Map::from_iter([("l", Node::List(vec![Node::text("x"), Node::text("x"), Node::text("y")]))]);
        let mut documents = [document];
        encrypt(&mut documents, &Selector::default(), Scope::All, &cipher, &mut Memory::default()).unwrap();
        let written = documents[0].clone();
        let mut memory = Memory::default();
        decrypt(&mut documents, &Selector::default(), Scope::All, &cipher, &mut memory).unwrap();
        if let Entry::Pair(_, Node::List(items)) = &mut documents[0].0[0] {
            items.insert(1, Node::text("new"));
        }
        encrypt(&mut documents, &Selector::default(), Scope::All, &cipher, &mut memory).unwrap();
        let (Some(Node::List(old)), Some(Node::List(new))) = (written.get("l"), documents[0].get("l")) else { panic!("lists") };
        assert_eq!((&new[0], &new[2], &new[3]), (&old[0], &old[1], &old[2]));
        assert!(is_sealed(&new[1]) && !old.contains(&new[1]));
    }

    #[test]
    fn deep_documents_are_refused() {
        let mut node = Node::Null;
        for _ in 0..=MAX_DEPTH {
            node = Node::List(vec![node]);
        }
        let mut documents = [Map::from_iter([("a", node)])];
        let result = encrypt(&mut documents, &Selector::default(), Scope::All, &vector_cipher(), &mut Memory::default());
        assert_eq!(result.map(|_| ()), Err(Error::TooDeep));
    }
}

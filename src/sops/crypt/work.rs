//! Leaves sealed and opened, each by itself: on all cores where there are many.
//!
//! Which leaf is done when does not matter: nonces are random, and what a leaf becomes depends on nothing but itself, its place and
//! the data key. Errors stay with their leaf, so that the first one of the document is reported whoever met it first.

use std::thread;

use super::Direction;
use super::walk::{Leaf, Places, Target, Work};
use crate::sops::tree::{Comment, Node};
use crate::sops::value::{self, Cipher, Encrypted, Nonces, Scalar};

/// Leaves that are worth a thread: starting one costs about as much as sealing thirty.
const LEAVES_PER_THREAD: usize = 256;
/// Most threads; what comes before and after is done by one.
const MAX_THREADS: usize = 8;

/// What is to be done with every leaf that is encrypted.
pub(super) struct Task<'a> {
    pub(super) places: &'a Places<'a>,
    pub(super) cipher: &'a Cipher,
    pub(super) direction: Direction,
    /// Whether ciphertexts are kept beside what they open to.
    pub(super) remembers: bool,
}

impl Task<'_> {
    /// Does it.
    pub(super) fn on_all(&self, leaves: &mut [Leaf<'_>]) {
        let most = (leaves.len() / LEAVES_PER_THREAD).min(MAX_THREADS);
        // Counting the cores reads files of the kernel: not for a small file.
        let threads = if most < 2 { 1 } else { thread::available_parallelism().map_or(1, usize::from).min(most) };
        let share = leaves.len().div_ceil(threads).max(1);
        thread::scope(|scope| {
            let mut shares = leaves.chunks_mut(share);
            let own = shares.next();
            let others: Vec<_> = shares.map(|leaves| scope.spawn(|| self.on_share(leaves))).collect();
            if let Some(leaves) = own {
                self.on_share(leaves);
            }
            for other in others {
                if let Err(panic) = other.join() {
                    std::panic::resume_unwind(panic);
                }
            }
        });
    }

    fn on_share(&self, leaves: &mut [Leaf<'_>]) {
        let (mut keys, mut associated) = (Vec::new(), String::new());
        let mut nonces = Nonces::default();
        for leaf in leaves.iter_mut().filter(|leaf| leaf.encrypts) {
            if let Some(known) = leaf.known.take() {
                leaf.result = Work::Sealed(Ok(known.to_text()));
                continue;
            }
            self.places.write_associated_data(leaf.place, &mut keys, &mut associated);
            leaf.result = match self.direction {
                Direction::Encrypt => seal(&leaf.target, self.cipher, &mut nonces, &associated),
                Direction::Decrypt => self.open(&leaf.target, &associated),
            };
        }
    }

    fn open(&self, target: &Target<'_>, associated: &str) -> Work {
        let text = match target {
            Target::Value { node: Node::Leaf(Scalar::Text(text)), .. } => {
                std::str::from_utf8(text.expose()).map_err(|_| value::Error::Form)
            }
            Target::Comment(comment) if !comment.text.is_empty() => {
                Ok(std::str::from_utf8(comment.text.expose()).unwrap_or_default())
            }
            _ => return Work::None,
        };
        Work::Opened(text.and_then(|text| {
            if text.is_empty() {
                return Ok((Scalar::text(""), None));
            }
            let encrypted = Encrypted::parse(text)?;
            let plain = self.cipher.open(&encrypted, associated)?;
            Ok((plain, self.remembers.then(|| Box::new(encrypted))))
        }))
    }
}

fn seal(target: &Target<'_>, cipher: &Cipher, nonces: &mut Nonces, associated: &str) -> Work {
    let sealed = match target {
        Target::Value { node: Node::Leaf(scalar), .. } => cipher.seal_with(nonces, scalar, associated),
        Target::Comment(Comment { text, .. }) | Target::CommentItem(Node::Comment(Comment { text, .. })) if !text.is_empty() => {
            cipher.seal_with(nonces, &Scalar::Comment(text.clone()), associated)
        }
        _ => return Work::None,
    };
    Work::Sealed(sealed.map(|value| value.map(|value| value.to_text()).unwrap_or_default()))
}

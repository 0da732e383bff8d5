//! What a rendering may use up, and the faults that end it.
//!
//! Everything is counted, nothing is timed: the same template under the same limits ends the same way on any machine. A watch
//! stands behind the counters for the case that one of them is too generous on a slow machine; it can end a rendering, never
//! change a result. Faults carry no value from the template's data, only its own words, types and function names.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};

use time::OffsetDateTime;
use zeroize::Zeroize;

use super::pattern::Pattern;
use super::value::{Heap, List, ListKind, Map, Str, Value};

/// How much one rendering of all templates of a Secret may use. The defaults let through everything that makes a Secret
/// (at most 1 MiB of data) and end a hostile template in well under a second or, with costly cryptography, about two.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Largest template text in bytes. Default 1 MiB.
    pub template_bytes: usize,
    /// Evaluation steps: one for every node, call, loop round and 256 bytes made. Default 1,000,000.
    pub steps: u64,
    /// Bytes of all strings, lists and maps made on the way, freed or not. Default 64 MiB.
    pub memory: usize,
    /// Bytes of output of all templates together. Default 1 MiB, the most that Kubernetes stores in a Secret.
    pub output: usize,
    /// Depth of evaluation: templates in templates, control structures and parentheses together. Default 300.
    pub depth: usize,
    /// Costly cryptography (keys, certificates, password hashes), in milliseconds of an ordinary core. Default 1,500:
    /// two RSA-4096 keys, or 15 certificates with RSA-2048 keys, or 25 bcrypt hashes.
    pub crypto_millis: u64,
    /// The watch behind the counters. Default 10 seconds.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            template_bytes: 1 << 20,
            steps: 1_000_000,
            memory: 64 << 20,
            output: 1 << 20,
            depth: 300,
            crypto_millis: 1_500,
            time: Duration::from_secs(10),
        }
    }
}

/// Why evaluation stopped. The position is added where the node is known.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) pos: Option<usize>,
    pub(super) message: Cow<'static, str>,
}

/// What every function gives back.
pub(super) type Outcome<T = Value> = Result<T, Fault>;

impl Fault {
    pub(super) fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self { pos: None, message: message.into() }
    }

    /// Remembers where it happened, unless something closer has.
    pub(super) fn at(mut self, pos: usize) -> Self {
        self.pos.get_or_insert(pos);
        self
    }
}

/// A fault as a result.
pub(super) fn fail<T>(message: impl Into<Cow<'static, str>>) -> Outcome<T> {
    Err(Fault::new(message))
}

/// The state of one rendering.
pub(super) struct Context<'l> {
    pub(super) heap: Heap,
    pub(super) now: OffsetDateTime,
    limits: &'l Limits,
    started: Instant,
    steps: u64,
    memory: usize,
    output: usize,
    depth: usize,
    crypto_millis: u64,
    patterns: HashMap<Vec<u8>, Rc<Pattern>>,
}

/// How many compiled patterns are kept for loops.
const KEPT_PATTERNS: usize = 64;

impl<'l> Context<'l> {
    pub(super) fn new(limits: &'l Limits, now: OffsetDateTime) -> Self {
        Self {
            heap: Heap::default(),
            now,
            limits,
            started: Instant::now(),
            steps: 0,
            memory: 0,
            output: 0,
            depth: 0,
            crypto_millis: 0,
            patterns: HashMap::new(),
        }
    }

    /// Counts work.
    pub(super) fn step(&mut self, count: usize) -> Outcome<()> {
        let before = self.steps;
        self.steps = self.steps.saturating_add(count as u64);
        if self.steps > self.limits.steps {
            return fail("limit: too many steps");
        }
        if before >> 12 != self.steps >> 12 {
            self.watch()?;
        }
        Ok(())
    }

    fn watch(&self) -> Outcome<()> {
        if self.started.elapsed() > self.limits.time { fail("limit: took too long") } else { Ok(()) }
    }

    /// Counts bytes that are about to be made, and the work of making them.
    pub(super) fn take(&mut self, bytes: usize) -> Outcome<()> {
        self.memory = self.memory.saturating_add(bytes);
        if self.memory > self.limits.memory {
            return fail("limit: too much memory");
        }
        self.step(bytes / 256)
    }

    /// Counts costly cryptography before it is done.
    pub(super) fn crypto(&mut self, millis: u64) -> Outcome<()> {
        self.crypto_millis = self.crypto_millis.saturating_add(millis);
        if self.crypto_millis > self.limits.crypto_millis {
            return fail("limit: too much costly cryptography (keys, certificates, password hashes)");
        }
        self.watch()
    }

    /// Counts bytes of output.
    pub(super) fn emit(&mut self, bytes: usize) -> Outcome<()> {
        self.output = self.output.saturating_add(bytes);
        if self.output > self.limits.output { fail("limit: too much output") } else { Ok(()) }
    }

    /// Goes one level deeper; [`Context::leave`] comes back.
    pub(super) fn enter(&mut self) -> Outcome<()> {
        self.depth += 1;
        if self.depth > self.limits.depth { fail("limit: nested too deep") } else { self.step(1) }
    }

    pub(super) fn leave(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// A compiled regular expression.
    pub(super) fn pattern(&mut self, text: &[u8]) -> Outcome<Rc<Pattern>> {
        if let Some(known) = self.patterns.get(text) {
            return Ok(Rc::clone(known));
        }
        let Ok(source) = std::str::from_utf8(text) else { return fail("error parsing regexp: invalid UTF-8") };
        self.step(2_000 + source.len())?;
        let pattern = match Pattern::new(source) {
            Ok(pattern) => Rc::new(pattern),
            Err(reason) => return fail(reason),
        };
        self.step(pattern.states * 20)?;
        if self.patterns.len() >= KEPT_PATTERNS {
            self.patterns.clear();
        }
        self.patterns.insert(text.to_vec(), Rc::clone(&pattern));
        Ok(pattern)
    }

    /// Forgets what one template made before the next starts; the counters go on.
    pub(super) fn clear(&mut self) {
        self.heap = Heap::default();
        self.patterns.clear();
        self.depth = 0;
    }

    /// Appends to a buffer that becomes a value; the old buffer is wiped when it grows.
    pub(super) fn put(&mut self, out: &mut Vec<u8>, bytes: &[u8]) -> Outcome<()> {
        self.take(bytes.len())?;
        grow(out, bytes.len());
        out.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn put_char(&mut self, out: &mut Vec<u8>, c: char) -> Outcome<()> {
        self.put(out, c.encode_utf8(&mut [0; 4]).as_bytes())
    }

    pub(super) fn put_repeated(&mut self, out: &mut Vec<u8>, byte: u8, count: usize) -> Outcome<()> {
        self.take(count)?;
        grow(out, count);
        out.resize(out.len() + count, byte);
        Ok(())
    }

    /// A string value of bytes that are not paid for yet.
    pub(super) fn string(&mut self, bytes: Vec<u8>) -> Outcome {
        self.take(bytes.len())?;
        Ok(Value::Str(Str::new(bytes)))
    }

    pub(super) fn list_of(&mut self, kind: ListKind, items: Vec<Value>) -> Outcome {
        self.take(32 + items.len() * size_of::<Value>())?;
        Ok(Value::List(self.heap.add_list(List { kind, nil: false, items: Rc::new(items) })))
    }

    pub(super) fn list(&mut self, items: Vec<Value>) -> Outcome {
        self.list_of(ListKind::Any, items)
    }

    /// `[]string` of pieces that are not paid for yet.
    pub(super) fn strings<'s>(&mut self, pieces: impl IntoIterator<Item = &'s [u8]>) -> Outcome {
        let mut items = Vec::new();
        for piece in pieces {
            self.take(piece.len() + size_of::<Value>())?;
            items.push(Value::Str(Str::copy_of(piece)));
        }
        self.list_of(ListKind::Strs, items)
    }

    pub(super) fn nil_list(&mut self, kind: ListKind) -> Outcome {
        self.take(32)?;
        Ok(Value::List(self.heap.add_list(List { kind, nil: true, items: Rc::default() })))
    }

    pub(super) fn map(&mut self, entries: BTreeMap<Str, Value>) -> Outcome {
        self.map_of(entries, false)
    }

    pub(super) fn map_of(&mut self, entries: BTreeMap<Str, Value>, of_strings: bool) -> Outcome {
        self.take(48 + entries.len() * 64)?;
        Ok(Value::Map(self.heap.add_map(Map { of_strings, nil: false, entries })))
    }
}

/// Makes room without leaving a copy of a secret behind.
pub(super) fn grow(out: &mut Vec<u8>, more: usize) {
    if out.capacity() - out.len() < more {
        let mut bigger = Vec::with_capacity((out.len() + more).max(out.capacity() * 2).max(64));
        bigger.extend_from_slice(out);
        out.zeroize();
        *out = bigger;
    }
}

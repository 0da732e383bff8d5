//! Layer 0: YAML as text with spans, read and written the way Kubernetes does.
//!
//! - [`parse_stream`] turns text into [`Document`]s: nodes with style, tag, anchor, byte span and line, and the comments. It
//!   decides nothing about meaning: `yes` is the text `yes` here.
//! - [`kubernetes`] gives nodes the meaning that sigs.k8s.io/yaml gives them, and writes values as it does.
//! - [`edit`] changes one entry of one mapping and leaves every other byte of the text alone.
//!
//! No crate reads YAML the way Kubernetes does (reference `crates.md` §4), so the tree, the rules and the writer are ours, on
//! the events of `granit-parser`. Input may be hostile: [`limits`] bounds size, depth and alias expansion, nothing recurses
//! without a bound, and no error repeats a value.

pub mod edit;
pub mod emitter;
mod error;
pub mod kubernetes;

pub mod limits;
mod parse;
mod tree;

pub use error::{Error, Position};
pub use parse::parse_stream;
pub use tree::{Comment, Document, Entries, Items, Kind, Node, Style};

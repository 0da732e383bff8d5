//! The SOPS file format: values sealed one by one inside a document that stays readable.
//!
//! A SOPS file keeps its keys and structure in the clear and replaces leaves by `ENC[AES256_GCM,…]`. One random data key seals
//! them all; the file's `sops` block holds that key wrapped for each recipient, the rule that chose the leaves, and a MAC over
//! the plaintext of the document. Each value is bound to its path, so it cannot be moved elsewhere.
//!
//! Here is the format, pure: text in, values out, no files and no environment. What is here follows sops 3.13.3 as measured in
//! `reference/sops-age.md`, whose section numbers the modules quote; where sops loses data or leaves plaintext behind, we refuse.
//!
//! ```text
//!   document  whole files, encrypted and decrypted; keys: the data key and who can open it
//!   tree      a document: ordered maps, lists, typed leaves, comments
//!   value     one ENC[…] string, its types and the data it is bound to
//!   path      places in a document: read, set, removed; rekey: who can open a file, changed
//!   select    which leaves are encrypted; pattern: Go's regular expressions
//!   rules     .sops.yaml: for whom and by which rule a new file is encrypted
//!   metadata  the sops block: recipients, rule, MAC; flatten: its flat form
//!   store     the file formats
//!   crypt     whole documents, leaf by leaf, with their MAC
//!   merge     three versions of a file made one
//!   mac       the hash over a document's values
//!   shamir    the data key split over groups of recipients
//!   go        numbers, booleans and times in the text form that Go gives them
//! ```

pub mod crypt;
pub mod document;
pub mod flatten;
pub mod go;
pub mod keys;
pub mod mac;
pub mod merge;
pub mod metadata;
pub mod path;
pub mod pattern;
pub mod rekey;
pub mod rules;
pub mod select;
pub mod shamir;
pub mod store;
pub mod tree;
pub mod value;

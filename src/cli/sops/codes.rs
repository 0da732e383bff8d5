//! The exit codes of sops (sops-age.md §3.1). What has none of its own is 1.

use crate::cli::Exit;

/// The input cannot be read or parsed.
pub(super) const INPUT: Exit = Exit::other(2);
/// The output cannot be written.
pub(super) const OUTPUT: Exit = Exit::other(3);
/// No help for that word.
pub(super) const NO_TOPIC: Exit = Exit::other(3);
/// The document has no form in the output's format.
pub(super) const DUMP: Exit = Exit::other(4);
/// The value or path of `set` is malformed.
pub(super) const SET_FORMAT: Exit = Exit::other(7);
/// Flags that exclude each other, or one is missing that another needs.
pub(super) const CONFLICT: Exit = Exit::other(8);
/// The MAC cannot be made.
pub(super) const ENCRYPT_MAC: Exit = Exit::other(21);
/// A value cannot be encrypted.
pub(super) const ENCRYPT: Exit = Exit::other(23);
/// A value cannot be decrypted.
pub(super) const DECRYPT: Exit = Exit::other(25);
/// Keys to add or remove, and no file.
pub(super) const KEYS_WITHOUT_FILE: Exit = Exit::other(49);
/// The MAC is missing, does not open, or is of another document.
pub(super) const MAC: Exit = Exit::other(51);
/// The path of `--extract` is malformed.
pub(super) const PATH: Exit = Exit::other(91);
/// The file holds no document.
pub(super) const NO_DOCUMENT: Exit = Exit::other(92);
/// No file was named, or it does not exist.
pub(super) const NO_FILE: Exit = Exit::other(100);
/// A service twice in `--decryption-order`.
pub(super) const ORDER: Exit = Exit::other(112);
/// Nothing opens the data key.
pub(super) const NO_KEY: Exit = Exit::other(128);
/// An edit changed nothing.
pub(super) const NOT_MODIFIED: Exit = Exit::other(200);
/// There is no editor, or it failed.
pub(super) const NO_EDITOR: Exit = Exit::other(201);
/// The file is encrypted already.
pub(super) const ALREADY: Exit = Exit::other(203);

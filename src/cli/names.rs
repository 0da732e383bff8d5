//! Names that Kubernetes would refuse, refused at once and with the rule.
//!
//! The reference checks none of them when it seals, so that a wrong one shows only when the cluster refuses the Secret.

use super::report::Failure;
use crate::seal::{is_valid_key, is_valid_name, is_valid_namespace};

/// Checks the key of an item. Exit code 2.
///
/// # Errors
/// When a Secret cannot have such a key.
pub fn check_key(key: &str) -> Result<(), Failure> {
    /// A longer word is a value in the wrong place rather than a key.
    const LONGEST_SHOWN: usize = 64;
    if is_valid_key(key) {
        return Ok(());
    }
    let shown =
        if key.len() <= LONGEST_SHOWN { format!("`{key}`") } else { "the first word (not shown: it may be secret)".to_owned() };
    Err(Failure::usage(format_args!("{shown} is not a valid Secret key"))
        .with_hint("a key has 1 to 253 letters, digits, `-`, `_` and `.`, is not `.` and does not begin with `..`"))
}

/// Checks the name of a Secret. Exit code 2.
///
/// # Errors
/// When a Secret cannot have this name.
pub fn check_object(name: &str) -> Result<(), Failure> {
    if is_valid_name(name) {
        return Ok(());
    }
    Err(Failure::usage(format_args!("`{name}` is not a valid Secret name"))
        .with_hint("a name has up to 253 lower-case letters, digits, `-` and `.`, and begins and ends with a letter or digit"))
}

/// Checks a namespace. Exit code 2.
///
/// # Errors
/// When there cannot be such a namespace.
pub fn check_namespace(namespace: &str) -> Result<(), Failure> {
    if is_valid_namespace(namespace) {
        return Ok(());
    }
    Err(Failure::usage(format_args!("`{namespace}` is not a valid namespace"))
        .with_hint("a namespace has up to 63 lower-case letters, digits and `-`, and begins and ends with a letter or digit"))
}

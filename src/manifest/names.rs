//! The names that Kubernetes accepts: keys of a Secret, names of objects, namespaces.
//!
//! The reference checks none of them when it seals, so that a wrong one shows only when the API server refuses the Secret. Our
//! own verbs refuse it at once. Follows `k8s.io/apimachinery/pkg/util/validation`.

/// Why a name is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not a key of a Secret.
    #[error("`{0}` is not a valid Secret key: it must consist of letters, digits, `-`, `_` and `.`")]
    Key(String),
    /// A key that a volume cannot have as a file name.
    #[error("`{0}` is not a valid Secret key: it must not be `.` or begin with `..`")]
    DotKey(String),
    /// More than 253 bytes, or none.
    #[error("a Secret key must have 1 to 253 characters, this one has {0}")]
    KeyLength(usize),
    /// Not the name of a Secret.
    #[error(
        "`{0}` is not a valid Secret name: it must consist of lower-case letters, digits, `-` and `.`, begin and end with a letter or digit, and have at most 253 characters"
    )]
    Object(String),
    /// Not the name of a namespace.
    #[error(
        "`{0}` is not a valid namespace: it must consist of lower-case letters, digits and `-`, begin and end with a letter or digit, and have at most 63 characters"
    )]
    Namespace(String),
}

/// Longest key of a Secret, and longest name of an object.
const MAX_SUBDOMAIN: usize = 253;
/// Longest name of a namespace.
const MAX_LABEL: usize = 63;

/// Whether the text may be a key of a Secret.
///
/// # Errors
/// [`NameError`] with the reason.
pub fn check_key(key: &str) -> Result<(), NameError> {
    if key.is_empty() || key.len() > MAX_SUBDOMAIN {
        return Err(NameError::KeyLength(key.chars().count()));
    }
    if !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')) {
        return Err(NameError::Key(key.to_owned()));
    }
    if key == "." || key.starts_with("..") {
        return Err(NameError::DotKey(key.to_owned()));
    }
    Ok(())
}

/// Whether the text may name a Secret.
///
/// # Errors
/// [`NameError::Object`].
pub fn check_object_name(name: &str) -> Result<(), NameError> {
    if name.len() <= MAX_SUBDOMAIN && name.split('.').all(is_label) { Ok(()) } else { Err(NameError::Object(name.to_owned())) }
}

/// Whether the text may name a namespace.
///
/// # Errors
/// [`NameError::Namespace`].
pub fn check_namespace(name: &str) -> Result<(), NameError> {
    if name.len() <= MAX_LABEL && is_label(name) { Ok(()) } else { Err(NameError::Namespace(name.to_owned())) }
}

/// A DNS label, of any length.
fn is_label(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.bytes().all(|byte| alphanumeric(byte) || byte == b'-')
        && text.bytes().next().is_some_and(alphanumeric)
        && text.bytes().next_back().is_some_and(alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_kubernetes_takes() {
        for good in ["ANTHROPIC_API_KEY", "tls.key", "a", ".hidden", "-", "_.-", &"k".repeat(253)] {
            assert_eq!(check_key(good), Ok(()), "{good}");
        }
        for bad in ["", "a b", "a/b", "ä", ".", "..", "..a", "a=b", "a\n", &"k".repeat(254)] {
            assert!(check_key(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_are_dns_names() {
        assert_eq!(check_object_name("a.b-c.0"), Ok(()));
        assert_eq!(check_namespace("kube-system"), Ok(()));
        for bad in ["", "A", "-a", "a-", "a..b", "a_b", "ns/a"] {
            assert!(check_object_name(bad).is_err(), "{bad}");
            assert!(check_namespace(bad).is_err(), "{bad}");
        }
        assert!(check_namespace("a.b").is_err());
        assert!(check_namespace(&"a".repeat(64)).is_err());
    }
}

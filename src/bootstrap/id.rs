//! Names of Secrets and of keys in them, as bootstrap files and the command line write them.

use std::fmt;

/// A Secret: namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretId {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl SecretId {
    /// A Secret of that name.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// A key of it.
    #[must_use]
    pub fn key(&self, key: &str) -> KeyId {
        KeyId { secret: self.clone(), key: key.to_owned() }
    }

    /// Whether `NAME` or `NAMESPACE/NAME`, as typed, means this Secret.
    #[must_use]
    pub fn is_meant_by(&self, typed: &str) -> bool {
        match typed.split_once('/') {
            Some((namespace, name)) => self.namespace == namespace && self.name == name,
            None => self.name == typed,
        }
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// A key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId {
    /// The Secret.
    pub secret: SecretId,
    /// The key of its data.
    pub key: String,
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.secret, self.key)
    }
}

/// Reads a reference as it stands in a Secret of the file: `KEY` of the same Secret, `secret/KEY` of the same namespace,
/// `namespace/secret/KEY`, or `secret.NAMESPACE.NAME.KEY`, where everything behind the name is the key. `None` for anything else.
#[must_use]
pub fn resolve(reference: &str, within: &SecretId) -> Option<KeyId> {
    let reference = reference.trim();
    if let Some(dotted) = reference.strip_prefix("secret.") {
        let mut parts = dotted.splitn(3, '.');
        let (namespace, name, key) = (parts.next()?, parts.next()?, parts.next()?);
        return whole(namespace, name, key);
    }
    let parts: Vec<&str> = reference.split('/').collect();
    match parts.as_slice() {
        [key] => whole(&within.namespace, &within.name, key),
        [name, key] => whole(&within.namespace, name, key),
        [namespace, name, key] => whole(namespace, name, key),
        _ => None,
    }
}

fn whole(namespace: &str, name: &str, key: &str) -> Option<KeyId> {
    let blank = |part: &str| part.is_empty() || part.contains(char::is_whitespace);
    if blank(namespace) || blank(name) || blank(key) {
        return None;
    }
    Some(SecretId::new(namespace, name).key(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_in_every_form() {
        let here = SecretId::new("web", "app");
        let text = |reference: &str| resolve(reference, &here).map(|id| id.to_string());
        assert_eq!(text("K").as_deref(), Some("web/app/K"));
        assert_eq!(text(" db/K ").as_deref(), Some("web/db/K"));
        assert_eq!(text("data/db/tls.crt").as_deref(), Some("data/db/tls.crt"));
        assert_eq!(text("secret.data.db.tls.crt").as_deref(), Some("data/db/tls.crt"));
        for wrong in ["", "a//b", "a/b/c/d", "secret.a.b", "a b"] {
            assert_eq!(text(wrong), None, "{wrong}");
        }
    }
}

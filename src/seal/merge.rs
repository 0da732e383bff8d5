//! Merging newly sealed items into a SealedSecret that is there already.
//!
//! Semantics of `kubeseal --merge-into` (`sealed-secrets.md` §2.7): items, template annotations, template labels and templates
//! of the update are added or replace those of the same key; nothing is removed; type, immutable and top-level metadata stay.
//! Where the reference seals under a label that the file does not have, or panics on absent maps, this refuses or works.

use super::Scope;
use crate::manifest::SealedSecret;

/// Why two objects cannot be merged: the result would not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MergeError {
    /// The update was sealed for another object.
    #[error("sealed for {update}, but the file holds {target}: its items would never open there")]
    OtherObject {
        /// `namespace/name` of the object merged into.
        target: String,
        /// `namespace/name` of the update.
        update: String,
    },
    /// The update has another scope.
    #[error("sealed with scope {update}, but the file has scope {target}: its items would never open there")]
    OtherScope {
        /// Scope of the object merged into.
        target: Scope,
        /// Scope of the update.
        update: Scope,
    },
    /// One of them is of the deprecated form.
    #[error("the deprecated field `spec.data` cannot be merged with `spec.encryptedData`")]
    DeprecatedData,
}

/// Puts the items and template parts of `update` into `target`.
///
/// # Errors
/// [`MergeError`]; `target` is unchanged then.
pub fn merge(target: &mut SealedSecret, update: &SealedSecret) -> Result<(), MergeError> {
    let id = |object: &SealedSecret| format!("{}/{}", object.metadata.namespace, object.metadata.name);
    let scope = |object: &SealedSecret| Scope::from_annotations(&object.metadata.annotations);
    if target.spec.data.is_some() || update.spec.data.is_some() {
        return Err(MergeError::DeprecatedData);
    }
    if scope(target) != scope(update) {
        return Err(MergeError::OtherScope { target: scope(target), update: scope(update) });
    }
    let (theirs, ours) = (&target.metadata, &update.metadata);
    let same_object = match scope(target) {
        Scope::Strict => theirs.namespace == ours.namespace && theirs.name == ours.name,
        Scope::NamespaceWide => theirs.namespace == ours.namespace,
        Scope::ClusterWide => true,
    };
    if !same_object {
        return Err(MergeError::OtherObject { target: id(target), update: id(update) });
    }
    let (into, from) = (&mut target.spec, &update.spec);
    into.encrypted_data.extend(from.encrypted_data.clone());
    into.template.metadata.annotations.extend(from.template.metadata.annotations.clone());
    into.template.metadata.labels.extend(from.template.metadata.labels.clone());
    if let Some(templates) = &from.template.data {
        into.template.data.get_or_insert_default().extend(templates.clone());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::NAMESPACE_WIDE_ANNOTATION;

    fn object(items: &[(&str, &str)]) -> SealedSecret {
        let mut object = SealedSecret::default();
        object.metadata.namespace = "ns".into();
        object.metadata.name = "n".into();
        object.spec.encrypted_data = items.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
        object
    }

    #[test]
    fn adds_and_replaces_and_removes_nothing() {
        let mut target = object(&[("a", "1"), ("b", "1")]);
        target.spec.template.type_ = Some("Opaque".into());
        let mut update = object(&[("b", "2"), ("c", "2")]);
        update.spec.template.type_ = Some("other".into());
        update.spec.template.metadata.labels.insert("l".into(), "v".into());
        update.spec.template.metadata.annotations.insert("x".into(), "v".into());
        merge(&mut target, &update).unwrap();
        let mut expected = object(&[("a", "1"), ("b", "2"), ("c", "2")]);
        expected.spec.template.type_ = Some("Opaque".into());
        expected.spec.template.metadata = update.spec.template.metadata;
        assert_eq!(target, expected);
    }

    #[test]
    fn what_could_never_open_is_refused_and_nothing_changes() {
        let mut target = object(&[("a", "1")]);
        let before = target.clone();
        let mut renamed = object(&[("b", "2")]);
        renamed.metadata.name = "m".into();
        assert_eq!(
            merge(&mut target, &renamed).unwrap_err().to_string(),
            "sealed for ns/m, but the file holds ns/n: its items would never open there"
        );
        let mut wide = object(&[("b", "2")]);
        wide.metadata.annotations.insert(NAMESPACE_WIDE_ANNOTATION.into(), "true".into());
        assert_eq!(
            merge(&mut target, &wide),
            Err(MergeError::OtherScope { target: Scope::Strict, update: Scope::NamespaceWide })
        );
        let mut old = object(&[]);
        old.spec.data = Some(String::new());
        assert_eq!(merge(&mut target, &old), Err(MergeError::DeprecatedData));
        assert_eq!(target, before);
        wide.metadata.name = "m".into();
        target.metadata.annotations = wide.metadata.annotations.clone();
        merge(&mut target, &wide).unwrap();
        assert_eq!(target.spec.encrypted_data.len(), 2);
    }
}

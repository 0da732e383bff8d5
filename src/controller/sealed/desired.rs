//! What the Secret shall be, from what it is and what was opened. Values to values: nothing is read or written here.
//!
//! Follows `sealed-secrets.md` §1.5 and §3.5, steps 5 to 7. Better than there: a template without a type means `Opaque`, so an
//! unchanged Secret is not written at each pass; a Secret made without owner (`skip-set-owner-references`) is known again; the
//! Secret of a SealedSecret of the same name that was deleted is taken over, not left to the garbage collector; what only a
//! server may set is taken out of the template.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::core::ObjectMeta;

use crate::cluster::secrets::{ClusterSecret, OPAQUE};
use crate::seal::SKIP_OWNER_ANNOTATION;

/// On the existing Secret: it may be overwritten, and gets the SealedSecret as its owner.
pub(super) const MANAGED_ANNOTATION: &str = "sealedsecrets.bitnami.com/managed";
/// On the existing Secret: values, labels and annotations are added to it.
pub(super) const PATCH_ANNOTATION: &str = "sealedsecrets.bitnami.com/patch";

/// Whether metadata carries an annotation with exactly the value `true`.
pub(super) fn is_annotated(metadata: &ObjectMeta, annotation: &str) -> bool {
    metadata.annotations.as_ref().and_then(|all| all.get(annotation)).is_some_and(|value| value == "true")
}

/// The owner that controls an object.
pub(super) fn controller_of(metadata: &ObjectMeta) -> Option<&OwnerReference> {
    metadata.owner_references.as_ref()?.iter().find(|owner| owner.controller == Some(true))
}

/// Takes out of a template's metadata what only the API server sets: objects that were fetched from a cluster and sealed again
/// carry it, and a `resourceVersion` would make the API server refuse the Secret.
pub(super) fn clean(metadata: &mut ObjectMeta) {
    metadata.creation_timestamp = None;
    metadata.deletion_grace_period_seconds = None;
    metadata.deletion_timestamp = None;
    metadata.generate_name = None;
    metadata.generation = None;
    metadata.managed_fields = None;
    metadata.resource_version = None;
    metadata.self_link = None;
    metadata.uid = None;
}

/// What is to be done with the Secret that is there.
#[derive(Debug)]
pub(super) enum Change {
    /// It is as it shall be.
    None,
    /// It shall be this.
    Write {
        /// The Secret to put in its place.
        secret: Box<ClusterSecret>,
        /// Whether values change, not only what is said about them.
        values: bool,
    },
    /// It belongs to someone else.
    Unmanaged,
}

/// What becomes of an existing Secret. `opened` is what was opened, as it would be created; `uid` that of the SealedSecret;
/// `adopt` whether the Secret of a deleted SealedSecret of this name may be taken over.
pub(super) fn change(existing: &ClusterSecret, opened: ClusterSecret, uid: &str, adopt: bool) -> Change {
    let managed = is_annotated(&existing.metadata, MANAGED_ANNOTATION);
    let patch = is_annotated(&existing.metadata, PATCH_ANNOTATION);
    let owner = controller_of(&existing.metadata);
    let own = owner.is_some_and(|owner| owner.uid == uid);
    let unowned = owner.is_none()
        && is_annotated(&existing.metadata, SKIP_OWNER_ANNOTATION)
        && is_annotated(&opened.metadata, SKIP_OWNER_ANNOTATION);
    let orphan = adopt && owner.is_some_and(|owner| is_same_object(owner, &existing.metadata));
    if !(own || managed || patch || unowned || orphan) {
        return Change::Unmanaged;
    }

    let mut new = existing.clone();
    if patch {
        new.data.extend(opened.data);
        let (labels, annotations) = (opened.metadata.labels, opened.metadata.annotations);
        new.metadata.labels.get_or_insert_default().extend(labels.into_iter().flatten());
        new.metadata.annotations.get_or_insert_default().extend(annotations.into_iter().flatten());
        // The annotation that the template brings counts too, as in the reference.
        if is_annotated(&new.metadata, MANAGED_ANNOTATION) {
            new.metadata.owner_references = opened.metadata.owner_references;
        }
    } else {
        new.data = opened.data;
        new.metadata.labels = opened.metadata.labels;
        new.metadata.annotations = opened.metadata.annotations;
        new.metadata.owner_references = opened.metadata.owner_references;
    }
    // A template without a type says nothing about the type of what is only added to.
    if !(patch && opened.type_ == OPAQUE) {
        new.type_ = opened.type_;
    }
    if same(existing, &new) {
        return Change::None;
    }
    Change::Write { values: existing.data != new.data || existing.type_ != new.type_, secret: Box::new(new) }
}

/// Whether an owner is a SealedSecret of the name that the Secret itself has: there is only one of that name, so one with
/// another uid is gone.
fn is_same_object(owner: &OwnerReference, secret: &ObjectMeta) -> bool {
    owner.kind == "SealedSecret" && owner.api_version.starts_with("bitnami.com/") && Some(&owner.name) == secret.name.as_ref()
}

/// Equal where empty and absent are the same.
fn same(one: &ClusterSecret, other: &ClusterSecret) -> bool {
    fn entries(map: Option<&std::collections::BTreeMap<String, String>>) -> impl Iterator<Item = (&String, &String)> {
        map.into_iter().flatten()
    }
    let (one_meta, other_meta) = (&one.metadata, &other.metadata);
    one.type_ == other.type_
        && one.data == other.data
        && entries(one_meta.labels.as_ref()).eq(entries(other_meta.labels.as_ref()))
        && entries(one_meta.annotations.as_ref()).eq(entries(other_meta.annotations.as_ref()))
        && owners(one_meta) == owners(other_meta)
}

fn owners(metadata: &ObjectMeta) -> &[OwnerReference] {
    metadata.owner_references.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::secret::SecretBytes;

    fn map(entries: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
        Some(entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    fn data(entries: &[(&str, &str)]) -> BTreeMap<String, SecretBytes> {
        entries.iter().map(|(key, value)| ((*key).to_owned(), SecretBytes::copy_of(value.as_bytes()))).collect()
    }

    fn owner(uid: &str) -> Vec<OwnerReference> {
        let (api_version, kind, name) = ("bitnami.com/v1alpha1".to_owned(), "SealedSecret".to_owned(), "app".to_owned());
        vec![OwnerReference { api_version, kind, name, uid: uid.to_owned(), controller: Some(true), ..OwnerReference::default() }]
    }

    fn secret(owners: Option<Vec<OwnerReference>>, annotations: &[(&str, &str)], values: &[(&str, &str)]) -> ClusterSecret {
        let metadata = ObjectMeta {
            name: Some("app".to_owned()),
            annotations: map(annotations),
            labels: map(&[("l", "old")]),
            owner_references: owners,
            ..ObjectMeta::default()
        };
        ClusterSecret { metadata, type_: "Opaque".to_owned(), immutable: None, data: data(values) }
    }

    /// What is opened, by the SealedSecret `u-1`.
    fn opened(annotations: &[(&str, &str)]) -> ClusterSecret {
        let mut secret = secret(Some(owner("u-1")), annotations, &[("a", "1")]);
        secret.metadata.labels = map(&[("l", "new")]);
        secret
    }

    fn written(change: Change) -> (ClusterSecret, bool) {
        match change {
            Change::Write { secret, values } => (*secret, values),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_owned_secret_is_replaced_whole_and_left_alone_when_equal() {
        let existing = secret(Some(owner("u-1")), &[("x", "y")], &[("a", "0"), ("b", "2")]);
        let (new, values) = written(change(&existing, opened(&[]), "u-1", true));
        assert!(values);
        assert_eq!((new.data, new.metadata.labels), (data(&[("a", "1")]), map(&[("l", "new")])));
        assert!(new.metadata.annotations.unwrap().is_empty());
        let mut equal = opened(&[]);
        equal.metadata.annotations = None;
        equal.metadata.resource_version = Some("7".to_owned());
        assert!(matches!(change(&equal, opened(&[]), "u-1", true), Change::None));
        equal.metadata.labels = None;
        assert!(!written(change(&equal, opened(&[]), "u-1", true)).1, "only a label changes");
    }

    #[test]
    fn a_foreign_secret_is_left_alone() {
        for foreign in
            [None, Some(vec![]), Some(owner("u-2").into_iter().map(|o| OwnerReference { kind: "X".into(), ..o }).collect())]
        {
            let existing = secret(foreign, &[], &[("a", "0")]);
            assert!(matches!(change(&existing, opened(&[]), "u-1", true), Change::Unmanaged));
        }
        for value in ["True", "TRUE", "1", "false", ""] {
            let existing = secret(None, &[(MANAGED_ANNOTATION, value), (PATCH_ANNOTATION, value)], &[]);
            assert!(matches!(change(&existing, opened(&[]), "u-1", true), Change::Unmanaged), "{value}");
        }
    }

    #[test]
    fn a_managed_one_is_taken_over_and_loses_its_annotations() {
        let existing = secret(None, &[(MANAGED_ANNOTATION, "true"), ("x", "y")], &[("b", "2")]);
        let (new, _) = written(change(&existing, opened(&[("t", "v")]), "u-1", true));
        assert_eq!(new.metadata.annotations, map(&[("t", "v")]));
        assert_eq!(new.metadata.owner_references, Some(owner("u-1")));
        assert_eq!(new.data, data(&[("a", "1")]));
    }

    #[test]
    fn a_patched_one_keeps_what_it_has_and_gets_no_owner_unless_managed_too() {
        let existing = secret(None, &[(PATCH_ANNOTATION, "true")], &[("b", "2")]);
        let (new, _) = written(change(&existing, opened(&[("t", "v")]), "u-1", true));
        assert_eq!(new.data, data(&[("a", "1"), ("b", "2")]));
        assert_eq!(new.metadata.annotations, map(&[(PATCH_ANNOTATION, "true"), ("t", "v")]));
        assert_eq!((new.metadata.labels, new.metadata.owner_references), (map(&[("l", "new")]), None));
        let both = secret(None, &[(PATCH_ANNOTATION, "true"), (MANAGED_ANNOTATION, "true")], &[]);
        assert_eq!(written(change(&both, opened(&[]), "u-1", true)).0.metadata.owner_references, Some(owner("u-1")));
        let mut empty = ClusterSecret { type_: "Opaque".into(), ..ClusterSecret::default() };
        empty.metadata.annotations = map(&[(PATCH_ANNOTATION, "true")]);
        assert_eq!(written(change(&empty, opened(&[]), "u-1", true)).0.data, data(&[("a", "1")]));
    }

    #[test]
    fn one_made_without_owner_is_known_again() {
        let mut made = opened(&[(SKIP_OWNER_ANNOTATION, "true")]);
        made.metadata.owner_references = None;
        assert!(matches!(change(&made, made.clone(), "u-1", true), Change::None));
        assert!(matches!(change(&made, opened(&[]), "u-1", true), Change::Unmanaged));
    }

    #[test]
    fn that_of_a_deleted_object_of_the_same_name_is_taken_over() {
        let existing = secret(Some(owner("old")), &[], &[("a", "1")]);
        let (new, values) = written(change(&existing, opened(&[]), "u-1", true));
        assert_eq!((new.metadata.owner_references, values), (Some(owner("u-1")), false));
        assert!(matches!(change(&existing, opened(&[]), "u-1", false), Change::Unmanaged));
    }

    #[test]
    fn what_only_a_server_sets_is_taken_out() {
        let mut metadata: ObjectMeta = serde_json::from_value(serde_json::json!({
            "name": "n", "uid": "u", "resourceVersion": "1", "generateName": "g", "creationTimestamp": "2026-01-01T00:00:00Z",
            "finalizers": ["kept"], "managedFields": [{ "manager": "m" }], "labels": { "a": "b" } }))
        .unwrap();
        clean(&mut metadata);
        assert_eq!(
            serde_json::to_value(&metadata).unwrap(),
            serde_json::json!({ "name": "n", "finalizers": ["kept"], "labels": { "a": "b" } })
        );
    }
}

//! The fields that Kubernetes knows in metadata and status, as data.
//!
//! Order is that of the Go structs, because kubeseal's JSON has it; `keep_empty` marks the fields without `omitempty`. The tables
//! follow core/v1, meta/v1 and bitnami.com/v1alpha1 as kubeseal 0.27.1 has them (`sealed-secrets.md` §1.4, §2.6).

use crate::yaml::kubernetes::Shape;

/// What belongs into a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Text.
    Text,
    /// A boolean; absent and false differ.
    Bool,
    /// A whole number; zero is the same as absent.
    Int,
    /// A whole number that a Go pointer holds: zero is kept.
    OptionalInt,
    /// An RFC 3339 time.
    Time,
    /// Text by key.
    TextMap,
    /// A list of text.
    Texts,
    /// Any JSON.
    Raw,
    /// A list of structs.
    Objects(&'static [Field]),
}

/// One field of a struct.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// Name in JSON.
    pub(super) name: &'static str,
    /// What belongs there.
    pub(super) kind: Kind,
    /// Written even if empty (no `omitempty` in Go).
    pub(super) keep_empty: bool,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, keep_empty: false }
}

const fn kept(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, keep_empty: true }
}

/// meta/v1 OwnerReference.
const OWNER_REFERENCE: &[Field] = &[
    kept("apiVersion", Kind::Text),
    kept("kind", Kind::Text),
    kept("name", Kind::Text),
    kept("uid", Kind::Text),
    field("controller", Kind::Bool),
    field("blockOwnerDeletion", Kind::Bool),
];

/// meta/v1 ManagedFieldsEntry.
const MANAGED_FIELDS: &[Field] = &[
    field("manager", Kind::Text),
    field("operation", Kind::Text),
    field("apiVersion", Kind::Text),
    field("time", Kind::Time),
    field("fieldsType", Kind::Text),
    field("fieldsV1", Kind::Raw),
    field("subresource", Kind::Text),
];

/// meta/v1 ObjectMeta.
pub(super) const OBJECT_META: &[Field] = &[
    field("name", Kind::Text),
    field("generateName", Kind::Text),
    field("namespace", Kind::Text),
    field("selfLink", Kind::Text),
    field("uid", Kind::Text),
    field("resourceVersion", Kind::Text),
    field("generation", Kind::Int),
    field("creationTimestamp", Kind::Time),
    field("deletionTimestamp", Kind::Time),
    field("deletionGracePeriodSeconds", Kind::OptionalInt),
    field("labels", Kind::TextMap),
    field("annotations", Kind::TextMap),
    field("ownerReferences", Kind::Objects(OWNER_REFERENCE)),
    field("finalizers", Kind::Texts),
    field("managedFields", Kind::Objects(MANAGED_FIELDS)),
];

/// bitnami.com/v1alpha1 SealedSecretCondition.
const CONDITION: &[Field] = &[
    kept("type", Kind::Text),
    kept("status", Kind::Text),
    field("lastUpdateTime", Kind::Time),
    field("lastTransitionTime", Kind::Time),
    field("reason", Kind::Text),
    field("message", Kind::Text),
];

/// bitnami.com/v1alpha1 SealedSecretStatus.
pub(super) const STATUS: &[Field] = &[field("observedGeneration", Kind::Int), field("conditions", Kind::Objects(CONDITION))];

/// Where text belongs in the documents that are read, so that YAML's unquoted numbers and booleans become text there as in
/// sigs.k8s.io/yaml. One shape for all kinds: a Secret, a SealedSecret, and lists of them.
pub(super) const SHAPE: Shape = Shape::Fields(&[
    ("kind", Shape::Any),
    ("apiVersion", Shape::Any),
    ("metadata", META_SHAPE),
    ("type", Shape::Text),
    ("stringData", TEXTS),
    ("spec", SPEC_SHAPE),
    ("items", Shape::List(&ITEM_SHAPE)),
]);

/// An item of a list: a list in a list is not read.
const ITEM_SHAPE: Shape = Shape::Fields(&[
    ("kind", Shape::Any),
    ("apiVersion", Shape::Any),
    ("metadata", META_SHAPE),
    ("type", Shape::Text),
    ("stringData", TEXTS),
    ("spec", SPEC_SHAPE),
]);

const TEXTS: Shape = Shape::Map(&Shape::Text);

const META_SHAPE: Shape = Shape::Fields(&[
    ("name", Shape::Text),
    ("generateName", Shape::Text),
    ("namespace", Shape::Text),
    ("selfLink", Shape::Text),
    ("uid", Shape::Text),
    ("resourceVersion", Shape::Text),
    ("labels", TEXTS),
    ("annotations", TEXTS),
    ("finalizers", Shape::List(&Shape::Text)),
    ("ownerReferences", Shape::List(&OWNER_SHAPE)),
    ("managedFields", Shape::List(&MANAGED_SHAPE)),
]);

const OWNER_SHAPE: Shape =
    Shape::Fields(&[("apiVersion", Shape::Text), ("kind", Shape::Text), ("name", Shape::Text), ("uid", Shape::Text)]);

const MANAGED_SHAPE: Shape = Shape::Fields(&[
    ("manager", Shape::Text),
    ("operation", Shape::Text),
    ("apiVersion", Shape::Text),
    ("fieldsType", Shape::Text),
    ("subresource", Shape::Text),
]);

const SPEC_SHAPE: Shape = Shape::Fields(&[
    ("template", Shape::Fields(&[("metadata", META_SHAPE), ("type", Shape::Text), ("data", TEXTS)])),
    ("encryptedData", TEXTS),
]);

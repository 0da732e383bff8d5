//! A bootstrap file as it is written. The doc comments here are the descriptions of the published schema.
//!
//! Unknown fields are errors. What can be said about a file without looking at a target is in [`super::lint`].

use std::collections::BTreeMap;

use serde::Deserialize;

use super::kinds::Kind;

/// A cluster's first secrets: which there are, how each value is made, and where it goes.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Bootstrap {
    /// `hecate.social/v1alpha1`
    pub api_version: String,
    /// `Bootstrap`
    pub kind: String,
    /// Name of this file, for people.
    #[serde(default)]
    pub metadata: Metadata,
    /// The secrets.
    pub spec: Spec,
}

/// Name of a bootstrap file.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Metadata {
    /// The name; it has no meaning to the program.
    #[serde(default)]
    pub name: String,
}

/// The secrets of a cluster.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Spec {
    /// What holds for every Secret that does not say otherwise.
    #[serde(default)]
    pub defaults: Defaults,
    /// Namespaces that Secrets in the cluster go into. One that is not listed must exist.
    #[serde(default)]
    pub namespaces: Vec<Namespace>,
    /// The Secrets, in the order in which they are written.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// Secrets that the 1Password operator makes: only its OnePasswordItem is written, no value passes through here.
    #[serde(default)]
    pub onepassword: Vec<OnePassword>,
}

/// What holds for every Secret that does not say otherwise.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Defaults {
    /// Where Secrets go; without it, into the cluster.
    pub target: Option<Target>,
    /// What to do with a Secret that exists.
    pub on_existing: Option<OnExisting>,
}

/// What to do with a Secret that exists.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum OnExisting {
    /// Add the keys that it lacks.
    #[default]
    Fill,
    /// Leave it as it is.
    Skip,
}

/// A namespace of the cluster.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Namespace {
    /// Its name.
    pub name: String,
    /// Whether to make it if it is missing; otherwise a missing namespace is an error.
    #[serde(default)]
    pub create: bool,
}

/// One Secret.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Secret {
    /// `metadata.name`
    pub name: String,
    /// `metadata.namespace`
    pub namespace: String,
    /// Type of the Secret; `Opaque` if not said, `kubernetes.io/tls` for a sealing key.
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// Whether the new Secret cannot be changed any more.
    pub immutable: Option<bool>,
    /// Labels of the new Secret.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the new Secret.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Where it goes.
    pub target: Option<Target>,
    /// What to do if it exists.
    pub on_existing: Option<OnExisting>,
    /// Data that would be lost if this Secret were made anew.
    pub guard: Option<Guard>,
    /// Who may change the values.
    #[serde(default)]
    pub rotation: Rotation,
    /// Whether rotating a value keeps the old one beside it, as KEY_PREVIOUS.
    #[serde(default)]
    pub keep_previous: bool,
    /// Workloads that hold the values, as `Deployment/name`, `StatefulSet/name`, `DaemonSet/name`, servers before clients; with
    /// `namespace/Kind/name` in another namespace.
    #[serde(default)]
    pub restart: Vec<String>,
    /// A request that makes a running program read the values again.
    pub reload: Option<Reload>,
    /// The keys, each with how its value is made.
    pub keys: BTreeMap<String, Kind>,
}

/// Data that would be lost if a Secret were made anew.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Guard {
    /// A PersistentVolumeClaim of the same namespace. If it exists and the Secret does not, the password of its data is lost and
    /// a new one would not open it.
    pub pvc: String,
}

/// Who may change the values of a Secret.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Rotation {
    /// `rotate` may.
    #[default]
    Internal,
    /// The value is also stored in a program (a database), where it must be changed first.
    External,
}

/// A request that makes a running program read its values again.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Reload {
    /// Where to POST to.
    pub post: String,
    /// Whether it must be sent on every node.
    #[serde(default)]
    pub per_node: bool,
    /// When it is sent.
    #[serde(default)]
    pub when: ReloadWhen,
}

/// When a reload request is sent.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum ReloadWhen {
    /// By a person: the command is only shown.
    #[default]
    Manual,
}

/// Where a Secret goes.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Target {
    /// Into the cluster.
    Cluster(Cluster),
    /// Into a SealedSecret in a file.
    SealedSecret(SealedSecretFile),
    /// Into a Secret in a file that SOPS encrypts.
    Sops(SopsFile),
}

/// The cluster as a target. It has no parameters.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Cluster {}

/// A SealedSecret in a file.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SealedSecretFile {
    /// The file, from the bootstrap file's folder. Made if absent.
    pub path: String,
    /// Certificate to seal with: a file, from the bootstrap file's folder, or an https:// URL. Without it, the one of
    /// .hecate-seal.yaml.
    pub cert: Option<String>,
    /// What values are bound to: strict, namespace-wide or cluster-wide.
    pub scope: Option<Scope>,
}

/// What sealed values are bound to.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Namespace and name.
    Strict,
    /// Namespace.
    NamespaceWide,
    /// Nothing.
    ClusterWide,
}

impl From<Scope> for crate::seal::Scope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Strict => Self::Strict,
            Scope::NamespaceWide => Self::NamespaceWide,
            Scope::ClusterWide => Self::ClusterWide,
        }
    }
}

/// A Secret in a file that SOPS encrypts.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SopsFile {
    /// The file, from the bootstrap file's folder. Made if absent, for the recipients of .sops.yaml.
    pub path: String,
}

/// A Secret that the 1Password operator makes.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OnePassword {
    /// Name of the OnePasswordItem, and of the Secret that the operator makes.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The vault, by title or id.
    pub vault: String,
    /// The item, by title or id.
    pub item: String,
    /// Type of the Secret that the operator makes.
    #[serde(rename = "type")]
    pub type_: Option<String>,
    /// Keys that the Secret must have in the end; `status` says which are missing.
    #[serde(default)]
    pub expect_keys: Vec<String>,
    /// The file that the OnePasswordItem goes into, from the bootstrap file's folder. Without it, into the cluster.
    pub path: Option<String>,
}

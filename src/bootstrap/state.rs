//! What the caller found out, and what it was asked to do: the arguments of a plan.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::id::{KeyId, SecretId};
use crate::secret::SecretBytes;

/// A value in a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// It can be read.
    Known(SecretBytes),
    /// It is there, and sealed.
    Opaque,
}

impl Value {
    /// The bytes, where they can be read.
    #[must_use]
    pub fn known(&self) -> Option<&SecretBytes> {
        match self {
            Self::Known(bytes) => Some(bytes),
            Self::Opaque => None,
        }
    }
}

/// A Secret as it is in its target.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Whether it is there at all.
    pub exists: bool,
    /// Its keys.
    pub values: BTreeMap<String, Value>,
    /// Values of the Secret in the cluster under keys that the target lacks: taken instead of making new ones.
    pub live: BTreeMap<String, SecretBytes>,
    /// Its type, where the target says one.
    pub type_: Option<String>,
    /// Whether Kubernetes lets nobody change it.
    pub immutable: bool,
    /// Who else writes it: `SealedSecret/app`, `OnePasswordItem/api-key`.
    pub owner: Option<String>,
    /// Why nothing can be written into it, where that is so: an encrypted file without its identity.
    pub locked: Option<String>,
    /// Which state of the target this is.
    pub version: String,
}

/// A namespace as the cluster has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespaceState {
    /// There is none.
    Absent,
    /// It can be used.
    Active,
    /// It is being deleted: nothing can be made in it.
    Terminating,
}

/// Everything that was read before planning.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Every Secret of the model, by its names.
    pub secrets: BTreeMap<SecretId, Observed>,
    /// The namespaces of Secrets that go into the cluster.
    pub namespaces: BTreeMap<String, NamespaceState>,
    /// The PersistentVolumeClaims of guards that exist, as `namespace/name`.
    pub claims: BTreeSet<String>,
}

/// Where inputs come from. A value is asked for only when the plan needs it.
pub trait Inputs {
    /// A variable of the environment; `None` when it is not set.
    fn variable(&mut self, name: &str) -> Option<SecretBytes>;

    /// The content of a file that a bootstrap file (its number) names; `None` when it does not exist.
    ///
    /// # Errors
    /// Why it cannot be read.
    fn file(&mut self, bootstrap_file: usize, path: &str) -> Result<Option<SecretBytes>, String>;

    /// Standard input, for this key.
    ///
    /// # Errors
    /// Why it cannot be read, or that another key had it.
    fn stdin(&mut self, key: &KeyId) -> Result<SecretBytes, String>;
}

/// What was asked for beyond filling what is missing.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only these Secrets are changed; empty: all.
    pub only: BTreeSet<SecretId>,
    /// Secrets whose inputs replace what is there.
    pub from_inputs: BTreeSet<SecretId>,
    /// Derived values that do not fit their source are made again.
    pub fix_derived: bool,
    /// Secrets are made although data from an older one exist.
    pub force_new: bool,
    /// What is rotated.
    pub rotate: Option<Rotation>,
}

impl Options {
    /// Whether a Secret may be changed.
    #[must_use]
    pub fn selects(&self, id: &SecretId) -> bool {
        self.only.is_empty() || self.only.contains(id)
    }
}

/// What is rotated.
#[derive(Clone, Debug, Default)]
pub struct Rotation {
    /// The keys (main outputs of items), already resolved.
    pub keys: BTreeSet<KeyId>,
    /// Keys that have been rotated by an earlier attempt of the same run: they are kept, and what is made from them is made again.
    pub done: BTreeSet<KeyId>,
    /// Keep the old values as `KEY_PREVIOUS`, also where the file does not say so.
    pub keep_previous: bool,
    /// The values that are there come from a rotation that broke off: `KEY_PREVIOUS` is older than they, and stays.
    pub resume: bool,
    /// The program that also stores the values has the new ones already, or will get them.
    pub upstream_changed: bool,
}

/// The arguments of a plan.
pub struct Context<'a> {
    /// What was read.
    pub world: &'a World,
    /// Where inputs come from.
    pub inputs: &'a mut dyn Inputs,
    /// What was asked for.
    pub options: &'a Options,
    /// The time, for certificates.
    pub now: OffsetDateTime,
}

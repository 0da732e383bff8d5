//! Everything that is read before planning: the Secrets in their targets, namespaces, guards, OnePasswordItems.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::args::Common;
use super::cluster::Cluster;
use super::drafts::Drafts;
use super::load::Loaded;
use super::{sealed, sops};
use crate::age::Identity;
use crate::bootstrap::SecretId;
use crate::bootstrap::model::{Entry, ItemFile};
use crate::bootstrap::onepassword;
use crate::bootstrap::spec::Target;
use crate::bootstrap::state::{NamespaceState, Observed, Value, World};
use crate::cli::report::{Context, Failure};
use crate::cli::sops::sources::Identities;
use crate::cli::{Io, settings};
use crate::cluster::objects::Phase;
use crate::cluster::secrets::ClusterSecret;
use crate::manifest;
use crate::secret::SecretBytes;

/// Annotation that tells the sealed-secrets controller to take a Secret over.
pub(super) const SEALED_MANAGED: &str = "sealedsecrets.bitnami.com/managed";

/// What a run needs to look at and to write its targets.
pub(super) struct Targets {
    pub(super) loaded: Loaded,
    pub(super) identities: Vec<Identity>,
    cluster: Option<Cluster>,
    common: Common,
    pub(super) read_from_cluster: bool,
    /// The files as they were read for the plan: what is written must have been made from exactly them.
    pub(super) drafts: Drafts,
    /// The certificate of `.hecate-seal.yaml`, `HECATE_SEAL_CERT`.
    pub(super) certificate: Option<String>,
}

/// A OnePasswordItem as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ItemState {
    /// It is to be made.
    Absent,
    /// It is as it should be.
    Same,
    /// It says something else: field, there, wanted.
    Different(Vec<(&'static str, String, String)>),
    /// The cluster does not know the kind.
    NoKind,
}

impl Targets {
    pub(super) fn new(loaded: Loaded, common: &Common, read_from_cluster: bool, io: &mut Io) -> Result<Self, Failure> {
        let uses_sops = loaded.model.secrets.iter().any(|entry| matches!(entry.target, Target::Sops(_)));
        let identities = if uses_sops { Identities::collect(io).all } else { Vec::new() };
        let uses_seal = loaded.model.secrets.iter().any(|entry| matches!(entry.target, Target::SealedSecret(_)));
        let certificate = match uses_seal {
            true => settings::Settings::certificate(None, io)?.map(|set| set.value),
            false => None,
        };
        Ok(Self {
            loaded,
            identities,
            cluster: None,
            common: common.clone(),
            read_from_cluster,
            drafts: Drafts::default(),
            certificate,
        })
    }

    /// The cluster, connected now if it was not.
    pub(super) fn cluster(&mut self, io: &Io) -> Result<&Cluster, Failure> {
        if self.cluster.is_none() {
            self.cluster = Some(Cluster::connect(&self.common, io)?);
        }
        self.cluster.as_ref().ok_or_else(|| Failure::new("there is no cluster"))
    }

    /// Reads what the selected Secrets need: themselves, what they are made from, and what is made from them.
    pub(super) fn world(&mut self, only: &BTreeSet<SecretId>, io: &mut Io) -> Result<World, Failure> {
        let mut world = World::default();
        self.drafts = Drafts::default();
        let needed = self.needed(only);
        for at in 0..self.loaded.model.secrets.len() {
            let Some(entry) = self.loaded.model.secrets.get(at).cloned() else { continue };
            if !needed.contains(&entry.id) {
                continue;
            }
            let observed = match &entry.target {
                Target::Cluster(_) => {
                    let id = &entry.id;
                    let cluster = self.cluster(io)?;
                    if !world.namespaces.contains_key(&id.namespace) {
                        let phase = cluster.ask(async |objects| objects.namespace(&id.namespace).await)?;
                        let state = match phase {
                            None => NamespaceState::Absent,
                            Some(Phase::Active) => NamespaceState::Active,
                            Some(Phase::Terminating) => NamespaceState::Terminating,
                        };
                        world.namespaces.insert(id.namespace.clone(), state);
                    }
                    let found = cluster.ask(async |objects| objects.secret(&id.namespace, &id.name).await)?;
                    if let (None, Some(guard)) = (&found, &entry.spec.guard)
                        && cluster.ask(async |objects| objects.has_claim(&id.namespace, &guard.pvc).await)?
                    {
                        world.claims.insert(format!("{}/{}", id.namespace, guard.pvc));
                    }
                    found.map(from_cluster).unwrap_or_default()
                }
                Target::SealedSecret(spec) => self.sealed(&entry, &spec.path, io)?,
                Target::Sops(spec) => {
                    let (path, shown) = self.loaded.target(entry.file, &spec.path, io)?;
                    sops::observe(self.drafts.open(&path, &shown)?, &entry, &self.identities)?
                }
            };
            world.secrets.insert(entry.id.clone(), observed);
        }
        Ok(world)
    }

    fn sealed(&mut self, entry: &Entry, path: &str, io: &Io) -> Result<Observed, Failure> {
        let (path, shown) = self.loaded.target(entry.file, path, io)?;
        let draft = self.drafts.open(&path, &shown)?;
        let mut observed = Observed::default();
        if let Some(found) = sealed::find(draft.text()?, &entry.id, &shown)? {
            observed.exists = true;
            observed.values = found.keys.into_iter().map(|key| (key, Value::Opaque)).collect();
        }
        if self.read_from_cluster {
            let id = &entry.id;
            let live = self.cluster(io)?.ask(async |objects| objects.secret(&id.namespace, &id.name).await)?;
            for (key, bytes) in live.map(|secret| secret.data).unwrap_or_default() {
                match observed.values.get_mut(&key) {
                    Some(value) => *value = Value::Known(bytes),
                    None => _ = observed.live.insert(key, bytes),
                }
            }
        }
        Ok(observed)
    }

    /// The selected Secrets and all that hang together with them.
    fn needed(&self, only: &BTreeSet<SecretId>) -> BTreeSet<SecretId> {
        let model = &self.loaded.model;
        if only.is_empty() {
            return model.secrets.iter().map(|entry| entry.id.clone()).collect();
        }
        let mut needed = only.clone();
        loop {
            let sources = model.secrets.iter().filter(|entry| needed.contains(&entry.id)).flat_map(|entry| &entry.items);
            let more: BTreeSet<SecretId> = sources.flat_map(|item| &item.sources).map(|key| key.secret.clone()).collect();
            let dependents = model
                .secrets
                .iter()
                .filter(|entry| entry.items.iter().flat_map(|item| &item.sources).any(|source| only.contains(&source.secret)));
            let more: BTreeSet<SecretId> = more.into_iter().chain(dependents.map(|entry| entry.id.clone())).collect();
            let before = needed.len();
            needed.extend(more);
            if needed.len() == before {
                return needed;
            }
        }
    }

    /// The OnePasswordItems as they are.
    pub(super) fn items(&mut self, only: &BTreeSet<SecretId>, io: &Io) -> Result<BTreeMap<SecretId, ItemState>, Failure> {
        let mut states = BTreeMap::new();
        for item in self.loaded.model.onepassword.clone() {
            if !only.is_empty() && !only.contains(&item.id) {
                continue;
            }
            let state = match &item.spec.path {
                Some(path) => self.item_in_file(&item, path, io)?,
                None => self.item_in_cluster(&item, io)?,
            };
            states.insert(item.id.clone(), state);
        }
        Ok(states)
    }

    fn item_in_file(&mut self, item: &ItemFile, path: &str, io: &Io) -> Result<ItemState, Failure> {
        let (path, shown) = self.loaded.target(item.file, path, io)?;
        let draft = self.drafts.open(&path, &shown)?;
        if draft.bytes().trim_ascii().is_empty() {
            return Ok(ItemState::Absent);
        }
        let documents = manifest::read_documents(draft.bytes(), &shown).context(|| format!("cannot use {shown}"))?;
        if documents.iter().any(|document| document.kind() == Some("Secret")) {
            return Err(Failure::new(format_args!("{shown} holds a plain Secret"))
                .with_hint("a OnePasswordItem has a file of its own; change the values of that Secret, if it was ever in git"));
        }
        let text = draft.text()?;
        for document in crate::yaml::parse_stream(text).context(|| format!("cannot use {shown}"))? {
            let (value, _) = crate::yaml::kubernetes::to_json(&document).context(|| format!("cannot use {shown}"))?;
            let text = |path: &str| value.pointer(path).and_then(Json::as_str).unwrap_or_default().to_owned();
            let namespace = text("/metadata/namespace");
            let is_here = namespace.is_empty() || namespace == item.id.namespace;
            if text("/kind") == onepassword::KIND && text("/metadata/name") == item.id.name && is_here {
                let differences = onepassword::differences(&value, &item.spec);
                return Ok(if differences.is_empty() { ItemState::Same } else { ItemState::Different(differences) });
            }
        }
        Ok(ItemState::Absent)
    }

    fn item_in_cluster(&mut self, item: &ItemFile, io: &Io) -> Result<ItemState, Failure> {
        let cluster = self.cluster(io)?;
        if !cluster.ask(async |objects| objects.knows(onepassword::API_VERSION, onepassword::KIND).await)? {
            return Ok(ItemState::NoKind);
        }
        let (namespace, name) = (&item.id.namespace, &item.id.name);
        let found =
            cluster.ask(async |objects| objects.object(onepassword::API_VERSION, onepassword::KIND, namespace, name).await)?;
        Ok(match found {
            None => ItemState::Absent,
            Some(found) => match onepassword::differences(&found, &item.spec) {
                differences if differences.is_empty() => ItemState::Same,
                differences => ItemState::Different(differences),
            },
        })
    }
}

/// A Secret of the cluster as a plan sees it.
pub(super) fn from_cluster(secret: ClusterSecret) -> Observed {
    let owner = owner(&secret);
    Observed {
        exists: true,
        values: secret.data.into_iter().map(|(key, value): (String, SecretBytes)| (key, Value::Known(value))).collect(),
        type_: Some(secret.type_),
        immutable: secret.immutable.unwrap_or(false),
        owner,
        version: secret.metadata.resource_version.unwrap_or_default(),
        ..Observed::default()
    }
}

/// Who else writes a Secret.
pub(super) fn owner(secret: &ClusterSecret) -> Option<String> {
    let owners = secret.metadata.owner_references.iter().flatten();
    let known = ["SealedSecret", "SopsSecret", "OnePasswordItem", "ExternalSecret"];
    let mut owners = owners.filter(|owner| owner.controller == Some(true) || known.contains(&owner.kind.as_str()));
    if let Some(owner) = owners.next() {
        return Some(format!("{}/{}", owner.kind, owner.name));
    }
    let annotation = |name: &str| secret.metadata.annotations.as_ref().and_then(|map| map.get(name));
    if annotation(onepassword::ITEM_ANNOTATION).is_some() {
        return Some("the 1Password operator".to_owned());
    }
    if annotation("reconcile.external-secrets.io/data-hash").is_some() {
        return Some("the External Secrets operator".to_owned());
    }
    if annotation(SEALED_MANAGED).is_some_and(|value| value == "true") {
        return Some("the sealed-secrets controller (annotation sealedsecrets.bitnami.com/managed)".to_owned());
    }
    None
}

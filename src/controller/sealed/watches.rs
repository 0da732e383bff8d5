//! The watches: SealedSecrets, and the metadata of Secrets; in all namespaces or in each that was named (`sealed-secrets.md` §3.3,
//! §3.4).
//!
//! A watch that is refused or broken is tried again for ever, with a pause; what is missing is said in the log once a minute and
//! by the health. A namespace that does not exist yet is watched too, and comes to life with its first object.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures::StreamExt;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::api::{DeleteParams, PartialObjectMeta, Preconditions};
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, Resource};

use super::object::{GROUP, Object, ObjectKey, PLURAL};
use super::queue::Urgency;
use super::state::{Gone, SecretFacts};
use super::{Reconciler, Watched};
use crate::cluster::bounded;
use crate::controller::failure::{self, Asked};

/// Objects of a page when listing: a page of large objects must not be large, and it is there as text and as objects at once.
const PAGE: u32 = 50;
/// How often a deletion is decided anew because the Secret changed in between.
const CONFLICTS: usize = 5;

/// Metadata of a Secret.
type SecretMeta = PartialObjectMeta<Secret>;

fn api<K>(client: Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
{
    match namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    }
}

/// Objects that a list told of, so that what is missing from it is known to be gone.
#[derive(Default)]
struct Listed(HashSet<ObjectKey>);

impl Reconciler {
    /// Follows the SealedSecrets.
    pub(super) async fn watch_objects(self: Arc<Self>, namespace: Option<String>) {
        let config = watcher::Config::default().page_size(PAGE).labels(&self.config.label_selector);
        let stream = watcher::watcher(api::<Object>(self.client.clone(), namespace.as_deref()), config).default_backoff();
        let mut stream = pin!(stream);
        let part = part(PLURAL, namespace.as_deref());
        let mut listed = Listed::default();
        while let Some(event) = stream.next().await {
            match event {
                Ok(event) => {
                    // The begin of a list is no answer yet.
                    let answered = !matches!(event, Event::Init);
                    self.object_event(event, &mut listed, namespace.as_deref());
                    if answered {
                        self.health.ready(&part);
                    }
                }
                Err(error) => self.watch_failed(&part, PLURAL, GROUP, namespace.as_deref(), &error),
            }
        }
    }

    fn object_event(&self, event: Event<Object>, listed: &mut Listed, namespace: Option<&str>) {
        match event {
            Event::Init => listed.0.clear(),
            Event::InitApply(object) => {
                listed.0.insert(object.key());
                self.object_applied(object, Urgency::Backlog);
            }
            Event::Apply(object) => self.object_applied(object, Urgency::Fresh),
            Event::Delete(object) => self.object_deleted(&object.key()),
            Event::InitDone => {
                let gone = self.state.keys(false, namespace);
                gone.iter().filter(|key| !listed.0.contains(key)).for_each(|key| self.object_deleted(key));
                listed.0 = HashSet::new();
            }
        }
    }

    fn object_applied(&self, object: Object, urgency: Urgency) {
        let key = object.key();
        if self.state.object_applied(object) {
            self.queue.push(key, urgency);
        } else {
            tracing::debug!(key = %key, "update suppressed, no changes in spec");
        }
        self.metrics.queue_depth(self.queue.waiting());
    }

    pub(super) fn object_deleted(&self, key: &ObjectKey) {
        let Some(gone) = self.state.object_deleted(key) else { return };
        self.queue.forget(key);
        self.metrics.forget(&key.namespace, &key.name);
        if self.config.old_gc {
            tokio::spawn(collect(self.client.clone(), key.clone(), gone));
        }
    }

    /// Follows the metadata of the Secrets.
    pub(super) async fn watch_secrets(self: Arc<Self>, namespace: Option<String>, watched: Arc<Watched>) {
        let config = watcher::Config::default().page_size(PAGE);
        let stream = watcher::watcher(api::<SecretMeta>(self.client.clone(), namespace.as_deref()), config).default_backoff();
        let mut stream = pin!(stream);
        let part = part("secrets", namespace.as_deref());
        let mut listed = Listed::default();
        while let Some(event) = stream.next().await {
            match event {
                Ok(event) => {
                    // A change comes only after the list that it follows.
                    let follows = matches!(event, Event::InitDone | Event::Apply(_) | Event::Delete(_));
                    let answered = !matches!(event, Event::Init);
                    self.secret_event(event, &mut listed, namespace.as_deref());
                    if follows {
                        watched.synced.store(true, Ordering::Release);
                        watched.tried.send_replace(true);
                    }
                    if answered {
                        self.health.ready(&part);
                    }
                }
                Err(error) => {
                    // While it cannot list or go on, what it knew grows old. When it goes on, its next event tells.
                    if matches!(error, watcher::Error::InitialListFailed(_) | watcher::Error::WatchStartFailed(_)) {
                        watched.synced.store(false, Ordering::Release);
                    }
                    watched.tried.send_replace(true);
                    self.watch_failed(&part, "secrets", "", namespace.as_deref(), &error);
                }
            }
        }
    }

    fn secret_event(&self, event: Event<SecretMeta>, listed: &mut Listed, namespace: Option<&str>) {
        match event {
            Event::Init => listed.0.clear(),
            Event::InitApply(secret) => {
                listed.0.insert(ObjectKey::of(&secret.metadata));
                self.secret_applied(&secret);
            }
            Event::Apply(secret) => self.secret_applied(&secret),
            Event::Delete(secret) => {
                self.secret_deleted(ObjectKey::of(&secret.metadata), Some(SecretFacts::of(&secret.metadata)));
            }
            Event::InitDone => {
                let gone = self.state.keys(true, namespace).into_iter().filter(|key| !listed.0.contains(key));
                gone.for_each(|key| self.secret_deleted(key, None));
                listed.0 = HashSet::new();
            }
        }
    }

    fn secret_applied(&self, secret: &SecretMeta) {
        let key = ObjectKey::of(&secret.metadata);
        if self.state.secret_applied(key.clone(), SecretFacts::of(&secret.metadata)) {
            tracing::info!(key = %key, "The Secret in the way has changed");
            self.queue.push(key, Urgency::Fresh);
        }
    }

    fn secret_deleted(&self, key: ObjectKey, last: Option<SecretFacts>) {
        if self.state.secret_deleted(&key, last) {
            tracing::info!(key = %key, "The Secret was deleted; looking at its SealedSecret");
            self.queue.push(key, Urgency::Fresh);
        }
    }

    fn watch_failed(&self, part: &str, resource: &str, group: &str, namespace: Option<&str>, error: &watcher::Error) {
        let text = match error {
            watcher::Error::InitialListFailed(error) => {
                failure::explain(&Asked { verb: "list", resource, group, namespace }, error)
            }
            watcher::Error::WatchStartFailed(error) => {
                failure::explain(&Asked { verb: "watch", resource, group, namespace }, error)
            }
            // The connection ended, or the version that was seen last is too old: the next attempt goes on.
            other => {
                tracing::debug!(part, error = %other, "A watch was interrupted");
                return;
            }
        };
        let hint = match (namespace, failure_code(error)) {
            (None, Some(403)) => "; to look after some namespaces only, say --all-namespaces=false or --additional-namespaces",
            _ => "",
        };
        let text = format!("{text}{hint}");
        if self.health.trouble(part, &text) {
            tracing::error!(error = text, "Will retry");
        }
    }
}

fn failure_code(error: &watcher::Error) -> Option<u16> {
    match error {
        watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error) => failure::code(error),
        _ => None,
    }
}

/// Says so if a namespace that was named does not exist: perhaps it is misspelt.
pub(super) async fn look_for(client: Client, namespace: String) {
    let namespaces: Api<Namespace> = Api::all(client);
    // Who may not ask learns nothing; the watches work without it.
    if let Ok(None) = bounded(namespaces.get_metadata_opt(&namespace)).await {
        tracing::warn!(namespace, "The namespace does not exist; what comes into being in it will be looked after");
    }
}

/// The name of a watch in the health.
pub(super) fn part(resource: &str, namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("{resource} in {namespace}"),
        None => resource.to_owned(),
    }
}

/// `--old-gc-behavior`: the Secret of a deleted SealedSecret is deleted by us, not by the garbage collector. Unlike the reference
/// it is only if the SealedSecret is really gone, not just out of the label selector, and the Secret is its own
/// ([`SecretFacts::is_only_of`]): one that it was never given, or that holds what others put in, stays.
async fn collect(client: Client, key: ObjectKey, gone: Gone) {
    match delete_its_own(&client, &key, &gone).await {
        Ok(true) => tracing::info!("sealed-secret" = %key, "SealedSecret has gone, deleted its Secret"),
        Ok(false) => tracing::debug!("sealed-secret" = %key, "SealedSecret has gone, and no Secret was its own"),
        Err(error) => {
            let asked = Asked { verb: "delete", resource: "secrets", group: "", namespace: Some(&key.namespace) };
            tracing::error!("sealed-secret" = %key, error = failure::explain(&asked, &error), "The Secret stays");
        }
    }
}

/// Tells whether there was something to delete.
async fn delete_its_own(client: &Client, key: &ObjectKey, gone: &Gone) -> kube::Result<bool> {
    let objects: Api<Object> = Api::namespaced(client.clone(), &key.namespace);
    let secrets: Api<Secret> = Api::namespaced(client.clone(), &key.namespace);
    if bounded(objects.get_metadata_opt(&key.name)).await?.is_some() {
        return Ok(false);
    }
    let mut attempt = 0;
    loop {
        attempt += 1;
        let Some(secret) = bounded(secrets.get_metadata_opt(&key.name)).await? else { return Ok(false) };
        let facts = SecretFacts::of(&secret.metadata);
        if !facts.is_only_of(gone) {
            tracing::info!("sealed-secret" = %key, "SealedSecret has gone; the Secret of its name is not its own and stays");
            return Ok(false);
        }
        // Owner and annotations decide: whoever changes them in between is listened to.
        let only_this = Preconditions { uid: Some(facts.uid), resource_version: Some(facts.version) };
        match bounded(secrets.delete(&key.name, &DeleteParams::default().preconditions(only_this))).await {
            Ok(_) => return Ok(true),
            Err(error) if failure::code(&error) == Some(404) => return Ok(false),
            Err(error) if failure::code(&error) == Some(409) && attempt < CONFLICTS => {}
            Err(error) => return Err(error),
        }
    }
}

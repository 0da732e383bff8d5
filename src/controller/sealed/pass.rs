//! One pass over one SealedSecret: open it, and make the Secret what it shall be (`sealed-secrets.md` §3.5, steps 3 to 7).
//!
//! Opening is private-key work and templates: it runs on a thread for blocking work, on as many cores as are free. Writing goes
//! by resource version: who wrote in between is not overwritten, the Secret is read again. Status and events are not here.

use time::OffsetDateTime;

use super::Reconciler;
use super::desired::{self, Change};
use super::object::{Object, ObjectKey};
use super::state::{Failing, Known, SecretFacts};
use super::status::{Made, Opened};
use crate::cluster::secrets::{ClusterSecret, Secrets};
use crate::controller::FIELD_MANAGER;
use crate::controller::failure;
use crate::controller::metrics::Reason;
use crate::controller::restart::RESTART_ANNOTATION;
use crate::crypto::rsa::Fingerprint;
use crate::manifest::SealedSecret;
use crate::seal::{UnsealOptions, Unsealed, unseal_and_tell};

/// How often a write is tried again at once because somebody else wrote in between.
const CONFLICTS: usize = 5;

/// How the API server's refusal to change an immutable Secret ends.
const IMMUTABLE: &str = "field is immutable when `immutable` is set";

/// What was done to the Secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// It was as it shall be.
    Nothing,
    /// It was written, and no value changed.
    Described,
    /// It is new, or has other values.
    Values,
}

/// A pass that went well.
#[derive(Debug)]
pub(super) struct Success {
    /// What the status records.
    pub(super) opened: Opened,
    /// What was done.
    pub(super) done: Done,
    /// The annotation that names the workloads to restart.
    pub(super) restart: Option<String>,
}

/// A pass that did not.
#[derive(Debug)]
pub(super) struct Failure {
    /// What wakes it.
    pub(super) failing: Failing,
    /// For the metrics.
    pub(super) reason: Reason,
    /// For the status.
    pub(super) message: String,
    /// For the event: its reason and its text.
    pub(super) event: (&'static str, String),
    /// Whether the same may go well soon by itself.
    pub(super) passing: bool,
}

impl Failure {
    fn unseal(message: String) -> Self {
        let event = ("ErrUnsealFailed", format!("Failed to unseal: {message}"));
        Self { failing: Failing::Unseal, reason: Reason::Unseal, message, event, passing: false }
    }

    fn unmanaged(name: &str) -> Self {
        let text = format!("Resource {name:?} already exists and is not managed by SealedSecret");
        let message = format!("failed update: {text}");
        Self { failing: Failing::Blocked, reason: Reason::Unmanaged, message, event: ("ErrUpdateFailed", text), passing: false }
    }

    fn update(key: &ObjectKey, error: &kube::Error) -> Self {
        let message = failure::message(error);
        let text = if message.ends_with(IMMUTABLE) {
            format!(
                "Error updating {key}: the target Secret is immutable. Once a Secret is marked as immutable, it is not possible to \
                 revert this change nor to mutate the contents of the data field. You can only delete and recreate the Secret."
            )
        } else {
            message.clone()
        };
        let passing = failure::may_pass(error);
        Self { failing: Failing::Refused, reason: Reason::Update, message, event: ("ErrUpdateFailed", text), passing }
    }
}

impl Reconciler {
    /// Opens the object and makes its Secret what it shall be. The object's spec is used up.
    pub(super) async fn pass(&self, key: &ObjectKey, object: &mut Object) -> Result<Success, Failure> {
        let (generation, scope, uid) = (object.generation(), object.scope(), object.uid().to_owned());
        let restart = object.annotation(RESTART_ANNOTATION).map(str::to_owned);
        let sealed = object.sealed_secret().map_err(Failure::unseal)?;
        let unsealed = self.open(sealed, Opened::of(&object.status)).await.map_err(Failure::unseal)?;
        let restart = restart.or_else(|| unsealed.secret.metadata.annotations.get(RESTART_ANNOTATION).cloned());
        let wrong = |error: serde_json::Error| Failure::unseal(format!("spec.template.metadata: {error}"));
        let mut secret = ClusterSecret::try_from(unsealed.secret).map_err(wrong)?;
        desired::clean(&mut secret.metadata);
        let (made, mut done) = self.write(key, secret, &uid).await?;
        if self.state.take_doubt(key) {
            // What it finds in place is its own earlier work, of which nobody was told.
            done = Done::Values;
        }
        Ok(Success { opened: Opened::new(generation, scope, &unsealed.opened_by, made), done, restart })
    }

    /// Opens every item and renders the templates. `before` tells which key is likely.
    async fn open(&self, sealed: SealedSecret, before: Option<Opened>) -> Result<Unsealed, String> {
        let keys = self.keys.now();
        let likely = before.and_then(|before| {
            let fingerprint = before.keys.into_iter().max_by_key(|key| key.count)?.fingerprint;
            keys.infos.iter().map(|info| info.fingerprint).find(|known| known.to_string() == fingerprint)
        });
        // One core is this object's; what is free besides helps with its items.
        let own = self.cores.clone().acquire_owned().await.map_err(|_| "the controller is stopping".to_owned())?;
        let further = sealed.spec.encrypted_data.len().saturating_sub(1).min(self.cores.available_permits());
        let helping = u32::try_from(further).ok().and_then(|further| self.cores.clone().try_acquire_many_owned(further).ok());
        let threads = 1 + helping.as_ref().map_or(0, |permits| permits.num_permits());
        let options = options(self.config.accept_v1_data, threads, likely);
        let began = std::time::Instant::now();
        let values = sealed.spec.encrypted_data.len();
        let work = tokio::task::spawn_blocking(move || {
            let _cores = (own, helping);
            unseal_and_tell(&sealed, &keys.keyring, &options).map_err(|error| error.to_string())
        });
        let result = work.await.map_err(|_| "an internal error; the controller's log has more".to_owned())?;
        if result.is_ok() {
            self.metrics.opened(values, began.elapsed());
        }
        result
    }

    /// Creates the Secret, or changes what is there.
    async fn write(&self, key: &ObjectKey, secret: ClusterSecret, uid: &str) -> Result<(Made, Done), Failure> {
        let api = Secrets::new(self.client.clone(), &key.namespace, FIELD_MANAGER);
        let mut known_absent = self.secrets_are_known(&key.namespace) && self.state.secret(key) == Known::Absent;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let existing =
                if known_absent { None } else { api.get(&key.name).await.map_err(|error| Failure::update(key, &error))? };
            known_absent = false;
            let (written, done) = match existing {
                None => (api.create(&secret).await, Done::Values),
                Some(existing) => match desired::change(&existing, secret.clone(), uid, !self.config.skip_recreate) {
                    Change::None => return Ok((made(&existing.metadata), Done::Nothing)),
                    Change::Unmanaged => return Err(Failure::unmanaged(&key.name)),
                    Change::Write { secret, values } => {
                        (api.replace(&secret).await, if values { Done::Values } else { Done::Described })
                    }
                },
            };
            match written {
                Ok(metadata) => return Ok((made(&metadata), done)),
                // Somebody made, changed or deleted it in between.
                Err(error) if attempt <= CONFLICTS && matches!(failure::code(&error), Some(404 | 409)) && !is_gone(&error) => {}
                Err(error) => {
                    if done == Done::Values && may_have_happened(&error) {
                        self.state.doubt(key);
                    }
                    return Err(Failure::update(key, &error));
                }
            }
        }
    }

    /// Whether nothing about an object has changed since its last success, so that there is nothing to open.
    pub(super) fn is_as_recorded(&self, key: &ObjectKey, object: &Object) -> bool {
        let Some(opened) = Opened::of(&object.status) else { return false };
        let Known::Present(facts) = self.state.secret(key) else { return false };
        let SecretFacts { uid, version, owner, .. } = facts;
        let infos = self.keys.now().infos;
        super::status::tells_success(&object.status, object.generation())
            && opened.generation == object.generation()
            && opened.scope == object.scope().as_str()
            && opened.secret == Made { uid, resource_version: version }
            && owner.is_none_or(|owner| owner == object.uid())
            && opened.keys.iter().all(|key| infos.iter().any(|info| info.fingerprint.to_string() == key.fingerprint))
    }
}

fn options(accept_v1_data: bool, threads: usize, likely: Option<Fingerprint>) -> UnsealOptions {
    let options = UnsealOptions::new(OffsetDateTime::now_utc()).on_threads(threads).likely_key(likely);
    if accept_v1_data { options.accepting_deprecated_data() } else { options }
}

fn made(metadata: &kube::core::ObjectMeta) -> Made {
    Made {
        uid: metadata.uid.clone().unwrap_or_default(),
        resource_version: metadata.resource_version.clone().unwrap_or_default(),
    }
}

/// Whether the API server may have done what it was asked although it did not say so.
fn may_have_happened(error: &kube::Error) -> bool {
    failure::code(error).is_none_or(|code| code == 408 || code >= 500)
}

/// The namespace is not there: asking again does not help.
fn is_gone(error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    status.code == 404 && status.details.as_ref().is_some_and(|details| details.kind == "namespaces")
}

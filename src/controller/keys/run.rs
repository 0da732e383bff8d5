//! The life of the keys: found at start, made when there is none or the newest is too old, renewed in time or on demand, and,
//! with `--watch-for-secrets`, followed as people add, relabel and delete them (`sealed-secrets.md` §3.2).
//!
//! The reference panics on a key Secret that it cannot read; here it is reported and passed over. It takes its first tick after
//! `period − age` and then one each period; here the newest key's age decides each time, so a key made by hand puts the next
//! one off, and one made by another replica too. Making keys stands behind one function, so that a Lease can decide who does it.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use k8s_openapi::api::core::v1::{ObjectReference, Secret};
use kube::api::ListParams;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use time::OffsetDateTime;
use tokio::sync::{mpsc, watch};

use super::SharedKeys;
use super::generate::{self, generate};
use super::read::read;
use super::store::Store;
use crate::cluster::bounded;
use crate::cluster::secrets::{ClusterSecret, Secrets};
use crate::controller::config::Config;
use crate::controller::events::{Events, Kind};
use crate::controller::failure::{self, Asked, backoff};
use crate::controller::health::Health;
use crate::controller::metrics::Metrics;
use crate::controller::{FIELD_MANAGER, stopped};
use crate::seal::keys::KEY_LABEL;

/// Name of this part in [`Health`].
const PART: &str = "keys";
/// Longest sleep before the clock is looked at again: it may have been set, or the machine asleep.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);
/// Pause after a renewal that failed, and before a key is made where the last one was deleted.
const PAUSE: Duration = Duration::from_secs(60);
/// Between attempts at start.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(30);

/// What the task works with.
#[derive(Clone)]
pub struct KeyTask {
    /// Configuration.
    pub config: Arc<Config>,
    /// The API server.
    pub client: Client,
    /// What everyone sees of the keys.
    pub keys: SharedKeys,
    /// Metrics.
    pub metrics: Metrics,
    /// Whether the controller is of use.
    pub health: Health,
    /// Events about key Secrets.
    pub events: Events,
}

/// Looks after the keys until `stop` says so. Each message of `trigger` makes a new key at once. `keys` is filled, and the part
/// `keys` of the health ready, once the first key is there.
pub async fn run(task: KeyTask, trigger: mpsc::Receiver<()>, mut stop: watch::Receiver<bool>) {
    task.health.expect(PART);
    let mut work = Work {
        secrets: Secrets::new(task.client.clone(), &task.config.own_namespace, FIELD_MANAGER),
        api: Api::namespaced(task.client.clone(), &task.config.own_namespace),
        store: Store::new(task.config.keys.order),
        listing: Listing::default(),
        task,
    };
    tokio::select! {
        () = stopped(&mut stop) => {}
        () = work.live(trigger) => {}
    }
}

struct Work {
    task: KeyTask,
    secrets: Secrets,
    api: Api<Secret>,
    store: Store,
    listing: Listing,
}

/// A list of the key Secrets that the watch is about to give.
#[derive(Default)]
struct Listing {
    /// Names that were in it so far.
    listed: Vec<String>,
    /// Keys that were made since it was asked for. It may be of the time before them; the changes that follow it have them.
    made: Vec<String>,
}

impl Listing {
    /// Whether it tells, at its end, that there is no key Secret of this name.
    fn lacks(&self, name: &String) -> bool {
        !self.listed.contains(name) && !self.made.contains(name)
    }
}

type Changes = Pin<Box<dyn Stream<Item = watcher::Result<watcher::Event<Secret>>> + Send>>;

impl Work {
    async fn live(&mut self, mut trigger: mpsc::Receiver<()>) {
        self.start().await;
        let mut changes: Changes = if self.task.config.keys.watch {
            let active = watcher::Config::default().labels(&format!("{KEY_LABEL}=active"));
            Box::pin(watcher(self.api.clone(), active).default_backoff())
        } else {
            Box::pin(futures::stream::pending())
        };
        let mut not_before = None;
        loop {
            if self.store.newest_since().is_none() {
                // All keys were deleted: perhaps they are about to be restored.
                not_before = not_before.or(Some(OffsetDateTime::now_utc() + PAUSE));
            }
            let sleep = self.until_renewal(not_before).min(LONGEST_SLEEP);
            tokio::select! {
                () = tokio::time::sleep(sleep) => {
                    if self.until_renewal(not_before).is_zero() {
                        not_before = self.generate_or_report().await;
                    }
                }
                Some(()) = trigger.recv() => {
                    tracing::info!("Generating a new key on demand");
                    _ = self.generate_or_report().await;
                }
                Some(change) = changes.next() => self.change(change),
            }
        }
    }

    /// Reads the key Secrets, and makes the first key if it must. Goes on trying.
    async fn start(&mut self) {
        let mut attempt = 0;
        loop {
            let done = match self.find().await {
                Err(text) => Err(text),
                Ok(()) if self.needs_first() => self.generate().await,
                Ok(()) => Ok(()),
            };
            match done {
                Ok(()) => break,
                Err(text) => {
                    if self.task.health.trouble(PART, &text) {
                        tracing::error!(error = text, "The keys cannot be made ready; will retry");
                    }
                    tokio::time::sleep(backoff(attempt, FIRST_PAUSE, LAST_PAUSE)).await;
                    attempt += 1;
                }
            }
        }
        self.publish();
        self.task.health.ready(PART);
    }

    /// A first key is made when there is none that can be sealed for, or the newest is from before the cutoff.
    fn needs_first(&self) -> bool {
        let since = self.store.newest_since();
        since.is_none_or(|since| self.task.config.keys.cutoff.is_some_and(|cutoff| since < cutoff))
    }

    async fn find(&mut self) -> Result<(), String> {
        tracing::info!("Searching for existing private keys");
        let namespace = &self.task.config.own_namespace;
        let asked = |verb| Asked { verb, resource: "secrets", group: "", namespace: Some(namespace) };
        let active = ListParams::default().labels(&format!("{KEY_LABEL}=active"));
        let listed = bounded(self.api.list(&active)).await.map_err(|error| failure::explain(&asked("list"), &error))?;
        let mut found: Vec<ClusterSecret> = listed.items.into_iter().map(ClusterSecret::from).collect();
        // The one key of very old versions has the prefix as its name, and no label.
        let legacy = &self.task.config.keys.prefix;
        match self.secrets.get(legacy).await {
            Ok(secret) => found.extend(secret),
            // The reference's role gives `get` in its chart only; where it is not given there is no such Secret to keep.
            Err(error) if failure::code(&error) == Some(403) => {
                tracing::warn!(
                    secretname = legacy,
                    error = failure::explain(&asked("get"), &error),
                    "Cannot look for a key Secret of old versions"
                );
            }
            Err(error) => return Err(failure::explain(&asked("get"), &error)),
        }
        found.sort_by(|one, other| {
            let age = |secret: &ClusterSecret| (secret.metadata.creation_timestamp.clone(), secret.metadata.name.clone());
            age(one).cmp(&age(other))
        });
        for secret in &found {
            self.take(secret);
        }
        Ok(())
    }

    /// Puts a key Secret into the store and says what it is good for. Tells whether that is new.
    fn take(&mut self, secret: &ClusterSecret) -> bool {
        let name = secret.metadata.name.clone().unwrap_or_default();
        let entry = read(secret, OffsetDateTime::now_utc());
        let problem = entry.as_ref().map_or_else(|reason| Some(reason.clone()), |entry| entry.warning.clone());
        let usable = entry.is_ok();
        if !self.store.put(&name, entry) {
            return false;
        }
        if usable {
            tracing::info!(secretname = name, "registered private key");
        }
        if let Some(reason) = problem {
            tracing::error!(secretname = name, reason, "A key Secret cannot be used as it is");
            let about = ObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Secret".to_owned()),
                name: Some(name),
                namespace: Some(self.task.config.own_namespace.clone()),
                uid: secret.metadata.uid.clone(),
                resource_version: secret.metadata.resource_version.clone(),
                field_path: None,
            };
            self.task.events.tell(about, Kind::Warning, "ErrKeyUnusable", &reason);
        }
        true
    }

    fn publish(&self) {
        let keys = self.store.keys();
        self.task.metrics.keys(&keys);
        self.task.keys.replace(keys);
    }

    /// How long until a key is to be made; [`Duration::MAX`] for never.
    fn until_renewal(&self, not_before: Option<OffsetDateTime>) -> Duration {
        until_renewal(self.store.newest_since(), self.task.config.keys.renew_period, not_before, OffsetDateTime::now_utc())
    }

    /// Makes a key and puts it in place. A failure is logged, and the keys stay as they are; gives the time of the next attempt.
    async fn generate_or_report(&mut self) -> Option<OffsetDateTime> {
        match self.generate().await {
            Ok(()) => {
                self.publish();
                None
            }
            Err(error) => {
                tracing::error!(error, "Failed to generate a new key; the old ones stay");
                Some(OffsetDateTime::now_utc() + PAUSE)
            }
        }
    }

    async fn generate(&mut self) -> Result<(), String> {
        let namespace = self.task.config.own_namespace.clone();
        let made = generate(&self.task.config.keys, &namespace, &self.secrets).await;
        let (secret, certificate) = made.map_err(|error| match error {
            generate::Error::Write(error) => {
                let asked = Asked { verb: "create", resource: "secrets", group: "", namespace: Some(&namespace) };
                failure::explain(&asked, &error)
            }
            other => other.to_string(),
        })?;
        let name = secret.metadata.name.clone().unwrap_or_default();
        tracing::info!(namespace, name, "New key written");
        tracing::info!(certificate, "Certificate generated");
        self.listing.made.push(name);
        self.take(&secret);
        Ok(())
    }

    /// What the watch tells.
    fn change(&mut self, change: watcher::Result<watcher::Event<Secret>>) {
        let changed = match change {
            Ok(watcher::Event::Init) => {
                self.listing = Listing::default();
                false
            }
            Ok(watcher::Event::InitApply(secret)) => {
                self.listing.listed.extend(secret.metadata.name.clone());
                self.take(&secret.into())
            }
            Ok(watcher::Event::Apply(secret)) => self.take(&secret.into()),
            Ok(watcher::Event::Delete(secret)) => self.forget(secret.metadata.name.as_deref().unwrap_or_default()),
            Ok(watcher::Event::InitDone) => {
                let legacy = self.task.config.keys.prefix.clone();
                let listing = std::mem::take(&mut self.listing);
                let gone: Vec<String> =
                    self.store.names().into_iter().filter(|name| *name != legacy && listing.lacks(name)).collect();
                gone.iter().filter(|name| self.forget(name)).count() > 0
            }
            Err(error) => {
                let text = format!("cannot follow the key Secrets in the namespace {}: {error}", self.task.config.own_namespace);
                if self.task.health.trouble("key watch", &text) {
                    tracing::error!(error = text, "The keys stay as they are; will retry");
                }
                return;
            }
        };
        self.task.health.ready("key watch");
        if changed {
            self.publish();
        }
    }

    fn forget(&mut self, name: &str) -> bool {
        let known = self.store.remove(name);
        if known {
            tracing::info!(secretname = name, "private key is no longer used: its Secret was deleted or is not labelled active");
        }
        known
    }
}

fn until_renewal(
    since: Option<OffsetDateTime>,
    period: Duration,
    not_before: Option<OffsetDateTime>,
    now: OffsetDateTime,
) -> Duration {
    if period.is_zero() {
        return Duration::MAX;
    }
    let wait = |until: OffsetDateTime| Duration::try_from(until - now).unwrap_or_default();
    let pause = not_before.map(wait).unwrap_or_default();
    match since {
        None => pause,
        Some(since) => {
            let due = time::Duration::try_from(period).ok().and_then(|period| since.checked_add(period));
            due.map_or(Duration::MAX, wait).max(pause)
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_list_that_was_asked_for_before_a_key_was_made_does_not_take_it_away() {
        let names = ["old", "made", "gone"].map(str::to_owned);
        let listing = Listing { listed: vec!["old".to_owned()], made: vec!["made".to_owned()] };
        let gone: Vec<&String> = names.iter().filter(|name| listing.lacks(name)).collect();
        assert_eq!(gone, ["gone"]);
        // The next one was asked for after that.
        let listing = Listing { listed: vec!["old".to_owned()], ..Listing::default() };
        assert!(listing.lacks(&names[1]));
    }

    #[test]
    fn the_age_of_the_newest_key_decides_when_the_next_is_made() {
        let now = datetime!(2026-11-21 00:00:00 UTC);
        let days = |days: u64| Duration::from_secs(days * 86_400);
        let wait =
            |age: Option<i64>, period, pause| until_renewal(age.map(|d| now - time::Duration::days(d)), period, pause, now);
        assert_eq!(wait(Some(10), days(30), None), days(20));
        assert_eq!(wait(Some(31), days(30), None), Duration::ZERO);
        assert_eq!(wait(Some(31), Duration::ZERO, None), Duration::MAX);
        assert_eq!(wait(Some(31), days(30), Some(now + PAUSE)), PAUSE);
        assert_eq!(wait(None, days(30), Some(now + PAUSE)), PAUSE);
        assert_eq!(wait(None, days(30), Some(now)), Duration::ZERO);
        assert_eq!(wait(Some(1), Duration::MAX, None), Duration::MAX);
    }
}

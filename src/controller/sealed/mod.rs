//! The reconciler of SealedSecrets: watches → queue → a pass over each object → Secret, restarts → report: status, events.
//!
//! - `object`: a SealedSecret as the API server tells of it
//! - `watches`: SealedSecrets, and the metadata of Secrets
//! - `state`: what is remembered between two events; little
//! - `queue`: which object is looked at when
//! - `reconcile`: what happens to one object, and when it is looked at again
//! - `rollout`: workloads that are restarted, until that goes well
//! - `report`: what is told about it afterwards, when no Secret waits to be made
//! - `pass`: opening it, and making the Secret what it shall be
//! - `desired`: what the Secret shall be; `status`: what the status says. Both are values to values.
//!
//! Follows `sealed-secrets.md` §3.3 to §3.5; what is better is in `docs/compatibility.md`. Any number of controllers may run over
//! the same objects: each write is bound to the version that was read.

mod desired;
mod object;
mod pass;
mod queue;
mod reconcile;
mod report;
mod rollout;
mod state;
mod status;
#[cfg(test)]
mod tests;
mod watches;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kube::Client;
use serde_json::Value;
use tokio::sync::{OnceCell, Semaphore, watch};
use tokio::task::JoinSet;

use super::config::{Config, Namespaces};
use super::events::Events;
use super::health::Health;
use super::keys::SharedKeys;
use super::metrics::Metrics;
use super::stopped;
use crate::cluster::bounded;
use queue::{Queue, Urgency, Work};
use report::Reports;
use rollout::Rollouts;
use state::State;

/// Objects at work at once, for each core, and their bounds. Most of the time they wait for the API server; private-key work has
/// its own, smaller limit. Each has a connection, whose buffers take 50 KiB.
const WORKERS_OF_A_CORE: usize = 4;
const WORKERS: std::ops::RangeInclusive<usize> = 8..=16;
/// How long the first objects wait for the list of Secrets. Without it each Secret is asked for.
const WAIT_FOR_SECRETS: Duration = Duration::from_secs(30);
/// Pause of an object on which we failed ourselves.
const AFTER_PANIC: Duration = Duration::from_secs(300);

/// What the reconciler works with.
#[derive(Clone)]
pub struct SealedSecretsTask {
    /// Configuration.
    pub config: Arc<Config>,
    /// The API server.
    pub client: Client,
    /// The keys; it waits until they have been read for the first time.
    pub keys: SharedKeys,
    /// Metrics.
    pub metrics: Metrics,
    /// Whether the controller is of use. The watches are parts of it.
    pub health: Health,
    /// Events about SealedSecrets.
    pub events: Events,
}

/// How far the watch of the Secrets of one namespace, or of all, is.
struct Watched {
    namespace: Option<String>,
    /// It has listed, and follows.
    synced: AtomicBool,
    /// It has listed, or failed to.
    tried: watch::Sender<bool>,
}

struct Reconciler {
    config: Arc<Config>,
    client: Client,
    keys: SharedKeys,
    metrics: Metrics,
    health: Health,
    events: Events,
    queue: Queue,
    state: State,
    reports: Reports,
    rollouts: Rollouts,
    /// Cores for private-key work.
    cores: Arc<Semaphore>,
    /// Watches of Secrets; none with `--skip-recreate`.
    watched: Vec<Arc<Watched>>,
    /// Whether the API server keeps `status.opened`.
    keeps_opened: AtomicBool,
    /// Its description was asked for that, once.
    described: OnceCell<()>,
}

/// Reconciles until `stop` says so; then what is at work is finished, and what was done is reported.
///
/// Ends before that when one of its parts does, which none should: a watch or worker that a fault of ours ended would leave a
/// controller that answers and is deaf. Whoever called starts it anew, and its first lists make up for what was missed.
pub async fn run(task: SealedSecretsTask, mut stop: watch::Receiver<bool>) {
    let namespaces: Vec<Option<String>> = match &task.config.namespaces {
        Namespaces::All => vec![None],
        Namespaces::These(names) => {
            let mut names = names.clone();
            names.sort();
            names.dedup();
            names.into_iter().map(Some).collect()
        }
    };
    let parts: Vec<String> = namespaces.iter().flat_map(|namespace| parts(&task.config, namespace.as_deref())).collect();
    parts.iter().for_each(|part| task.health.expect(part));
    let health = task.health.clone();
    let reconciler = Arc::new(Reconciler::new(task, &namespaces));

    let (mut workers, mut watches, mut looking) = (JoinSet::new(), JoinSet::new(), JoinSet::new());
    for watched in &reconciler.watched {
        watches.spawn(reconciler.clone().watch_secrets(watched.namespace.clone(), watched.clone()));
    }
    for namespace in namespaces {
        if let Some(namespace) = namespace.clone() {
            looking.spawn(watches::look_for(reconciler.client.clone(), namespace));
        }
        watches.spawn(reconciler.clone().watch_objects(namespace));
    }
    watches.spawn(reconciler.clone().follow_keys());
    watches.spawn(reconciler.clone().follow_restarts());
    for _ in 0..(cores() * WORKERS_OF_A_CORE).clamp(*WORKERS.start(), *WORKERS.end()) {
        workers.spawn(reconciler.clone().work(stop.clone()));
    }
    let told = told_to_stop(&mut stop, &mut watches, &mut workers).await;
    watches.abort_all();
    if told {
        while workers.join_next().await.is_some() {}
    } else {
        parts.iter().for_each(|part| health.expect(part));
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Waits until `stop` says so. Gives `false` if a watch or a worker ends before.
async fn told_to_stop(stop: &mut watch::Receiver<bool>, watches: &mut JoinSet<()>, workers: &mut JoinSet<()>) -> bool {
    tokio::select! {
        biased;
        () = stopped(stop) => true,
        Some(_) = watches.join_next() => false,
        Some(_) = workers.join_next() => false,
    }
}

/// The names in the health of what a namespace, or all of them, needs.
fn parts(config: &Config, namespace: Option<&str>) -> impl Iterator<Item = String> {
    let secrets = (!config.skip_recreate).then(|| watches::part("secrets", namespace));
    [watches::part(object::PLURAL, namespace)].into_iter().chain(secrets)
}

impl Reconciler {
    fn new(task: SealedSecretsTask, namespaces: &[Option<String>]) -> Self {
        let watched = namespaces.iter().filter(|_| !task.config.skip_recreate).map(|namespace| {
            let (synced, tried) = (AtomicBool::new(false), watch::Sender::new(false));
            Arc::new(Watched { namespace: namespace.clone(), synced, tried })
        });
        Self {
            watched: watched.collect(),
            config: task.config,
            client: task.client,
            keys: task.keys,
            metrics: task.metrics,
            health: task.health,
            events: task.events,
            queue: Queue::default(),
            state: State::default(),
            reports: Reports::default(),
            rollouts: Rollouts::default(),
            cores: Arc::new(Semaphore::new(cores())),
            keeps_opened: AtomicBool::new(false),
            described: OnceCell::new(),
        }
    }

    async fn work(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let stopped_before = tokio::select! {
            () = stopped(&mut stop) => true,
            () = self.begin() => false,
        };
        if stopped_before {
            return;
        }
        loop {
            let work = tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                work = self.queue.pop() => work,
            };
            self.clone().perform(work).await;
        }
        // What is not opened yet the next start opens; what was done is told by this one.
        while let Some(work) = self.queue.pop_report() {
            self.clone().perform(work).await;
        }
    }

    async fn perform(self: Arc<Self>, work: Work) {
        self.metrics.queue_depth(self.queue.waiting());
        // In a task of its own, so that a fault of ours stays with one object.
        let (this, what) = (self.clone(), work.clone());
        let ended = tokio::spawn(async move {
            match &what {
                Work::Pass(key) => this.reconcile(key).await,
                Work::Report(key) => this.report(key).await,
            }
        });
        let pause = match ended.await {
            Ok(pause) => pause,
            Err(_) => {
                tracing::error!(key = %work.key(), "An internal error; this object is left alone for a while");
                Some(AFTER_PANIC)
            }
        };
        if let Some(pause) = pause {
            self.queue.later(work.key().clone(), pause);
        }
        self.queue.done(&work);
    }

    /// Waits until there are keys, and until the lists of Secrets were tried.
    async fn begin(&self) {
        _ = self.keys.subscribe().wait_for(|changes| *changes > 0).await;
        let listed = async {
            for watched in &self.watched {
                _ = watched.tried.subscribe().wait_for(|tried| *tried).await;
            }
        };
        _ = tokio::time::timeout(WAIT_FOR_SECRETS, listed).await;
    }

    /// Wakes what does not open when the keys change.
    async fn follow_keys(self: Arc<Self>) {
        let mut changes = self.keys.subscribe();
        while changes.changed().await.is_ok() {
            for key in self.state.waiting_for_keys() {
                self.queue.push(key, Urgency::Backlog);
            }
        }
    }

    /// Whether the watch knows every Secret of a namespace.
    fn secrets_are_known(&self, namespace: &str) -> bool {
        let covers = |watched: &&Arc<Watched>| watched.namespace.as_deref().is_none_or(|watched| watched == namespace);
        self.watched.iter().find(covers).is_some_and(|watched| watched.synced.load(Ordering::Acquire))
    }

    /// Asked for when the first status is written: no Secret waits for it.
    async fn keeps_opened(&self) -> bool {
        self.described.get_or_init(|| self.learn_schema()).await;
        self.keeps_opened.load(Ordering::Relaxed)
    }

    fn learn_keeps_opened(&self, keeps: bool) {
        self.keeps_opened.store(keeps, Ordering::Relaxed);
    }

    /// Asks the API server's description whether `status.opened` is kept. Anybody who is authenticated may read it; where it is
    /// not to be had, the answer to the first status write tells.
    async fn learn_schema(&self) {
        let request = kube::core::Request::new("/openapi/v3/apis/bitnami.com").get("v1alpha1", &kube::api::GetParams::default());
        let Ok(request) = request else { return };
        if let Ok(description) = bounded(self.client.request::<Value>(request)).await {
            let keeps =
                description.pointer("/components/schemas/com.bitnami.v1alpha1.SealedSecret/properties/status/properties/opened");
            self.learn_keeps_opened(keeps.is_some());
        }
    }
}

impl std::fmt::Debug for SealedSecretsTask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealedSecretsTask").field("config", &self.config).finish_non_exhaustive()
    }
}

//! From a configuration to a controller at work, and to its end: start-up order, signals, tasks that are kept alive.
//!
//! Order: signals, addresses, client, servers, then keys and the reconciler, which go on trying until the API server lets them.
//! So the controller answers `/healthz` at once, `/readyz` when it is of use, and says in its log what is missing meanwhile.
//! A task that fails is started anew and takes no other along; a server that ends, which it never should, ends the program with
//! the reason, for the addresses are bound once and whoever supervises it starts it anew. SIGTERM and SIGINT end it when what is under way is finished,
//! within [`GRACE`]; SIGUSR1 makes a new key.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::config::Config;
use super::events::Events;
use super::failure::{backoff, message};
use super::health::Health;
use super::keys::{self, KeyTask, SharedKeys};
use super::metrics::Metrics;
use super::sealed::{self, SealedSecretsTask};
use super::server::{self, Parts};
use super::throttle::Throttle;
use crate::cluster::Connection;
use crate::cluster::trouble::chain;

/// Exit code of a controller that was told to stop.
const STOPPED: u8 = 0;
/// Exit code of a controller that cannot start, or cannot go on.
const CANNOT_GO_ON: u8 = 1;
/// Longest time for what is under way, once it was told to stop. Kubernetes kills after 30 s.
const GRACE: Duration = Duration::from_secs(10);
/// Threads that wait for events; the work itself is little.
const THREADS: usize = 2;
/// Most threads for private-key work and files. How many of them may use a key at once is limited elsewhere, by the cores.
const BLOCKING_THREADS: usize = 16;
/// How long such a thread waits for more work before it ends and gives its memory back.
const KEEP_THREADS: Duration = Duration::from_secs(5);

/// Pauses of a task that ends again and again.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LAST_PAUSE: Duration = Duration::from_secs(60);

/// Why there is no start, or no going on, and what to do about it.
#[derive(Debug)]
struct Trouble {
    about: &'static str,
    error: String,
    hint: &'static str,
}

/// Runs until it is told to stop; gives the exit code.
pub(super) fn run(config: Config) -> u8 {
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "Starting sealed-secrets controller");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_keep_alive(KEEP_THREADS)
        .enable_all()
        .build();
    let started = runtime.map_err(|error| Trouble {
        about: "Cannot start threads",
        error: error.to_string(),
        hint: "raise the limit of processes of the container",
    });
    let ended = started.and_then(|runtime| {
        let ended = runtime.block_on(Box::pin(live(Arc::new(config))));
        // Whatever still runs on a blocking thread has had its time.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => STOPPED,
        Err(Trouble { about, error, hint }) => {
            tracing::error!(error, hint, "{about}");
            CANNOT_GO_ON
        }
    }
}

/// The signals that mean something.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    new_key: Signal,
}

impl Signals {
    fn new() -> Result<Self, Trouble> {
        let listen = |kind| {
            let about = "Cannot listen for signals";
            signal(kind).map_err(|error| Trouble { about, error: error.to_string(), hint: "the system is out of resources" })
        };
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            new_key: listen(SignalKind::user_defined1())?,
        })
    }

    /// Waits for one that ends the program. Each SIGUSR1 until then asks for a key.
    async fn stopping(&mut self, new_key: impl Fn()) -> &'static str {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.new_key.recv() => new_key(),
            }
        }
    }
}

async fn live(config: Arc<Config>) -> Result<(), Trouble> {
    let mut signals = Signals::new()?;
    let http = bind(&config.listen, "Cannot listen on --listen-addr").await?;
    let http_metrics = bind(&config.listen_metrics, "Cannot listen on --listen-metrics-addr").await?;
    let client = connect(&config).await?;

    let (stop, stopping) = watch::channel(false);
    let (keys, health) = (SharedKeys::default(), Health::default());
    let metrics = Metrics::new(env!("CARGO_PKG_VERSION"), config.omit_secret_labels);
    let (events, writing) = Events::start(client.clone());
    let mut tasks = JoinSet::new();

    let parts = Parts { keys: keys.clone(), metrics: metrics.clone(), health: health.clone() };
    let (of_server, its_stop) = (Arc::clone(&config), stopping.clone());
    tasks.spawn(lasting("HTTP server", async move { server::serve(http, &of_server, parts, its_stop).await }));
    tracing::info!(addr = config.listen, "HTTP server serving");
    let (of_server, shown, its_stop) = (Arc::clone(&config), metrics.clone(), stopping.clone());
    let serving = async move { server::serve_metrics(http_metrics, &of_server, shown, its_stop).await };
    tasks.spawn(lasting("HTTP metrics server", serving));
    tracing::info!(addr = config.listen_metrics, "HTTP metrics server serving");

    let of_keys = KeyTask {
        config: Arc::clone(&config),
        client: client.clone(),
        keys: keys.clone(),
        metrics: metrics.clone(),
        health: health.clone(),
        events: events.clone(),
    };
    let trigger: Arc<Mutex<Option<mpsc::Sender<()>>>> = Arc::default();
    let (triggered, its_stop) = (Arc::clone(&trigger), stopping.clone());
    let looking_after_keys = keep_alive("keys", FIRST_PAUSE, stopping.clone(), move || {
        let (sender, receiver) = mpsc::channel(1);
        *triggered.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        keys::run(of_keys.clone(), receiver, its_stop.clone())
    });
    tasks.spawn(lasting("keys", looking_after_keys));
    let of_objects = SealedSecretsTask { config, client, keys, metrics, health, events };
    let its_stop = stopping.clone();
    let reconciling =
        keep_alive("sealedsecrets", FIRST_PAUSE, stopping, move || sealed::run(of_objects.clone(), its_stop.clone()));
    tasks.spawn(lasting("sealedsecrets", reconciling));

    let new_key = || {
        let trigger = trigger.lock().unwrap_or_else(PoisonError::into_inner);
        // One that waits already is enough.
        _ = trigger.as_ref().map(|trigger| trigger.try_send(()));
    };
    let (reason, outcome) = tokio::select! {
        signal = signals.stopping(new_key) => (signal, Ok(())),
        trouble = one_has_ended(&mut tasks) => ("none", Err(trouble)),
    };
    tracing::info!(signal = reason, "Shutting down; what is under way is finished first");
    _ = stop.send(true);
    let finish = async {
        while tasks.join_next().await.is_some() {}
        // With the tasks the last ends of the events are gone; those that wait are written.
        _ = writing.await;
    };
    tokio::select! {
        () = finish => tracing::info!("Shut down"),
        () = tokio::time::sleep(GRACE) => tracing::warn!("Shut down; not everything that was under way could be finished in time"),
        _ = signals.stopping(|| {}) => tracing::warn!("Shut down at once, because of a second signal"),
    }
    outcome
}

/// A task that lasts as long as the program: its name and how it ended, should it end.
async fn lasting<F>(name: &'static str, task: F) -> (&'static str, Result<(), String>)
where
    F: Future<Output = io::Result<()>> + Send + 'static,
{
    let ended = match tokio::spawn(task).await {
        Ok(ended) => ended.map_err(|error| error.to_string()),
        Err(_) => Err("an internal error".to_owned()),
    };
    (name, ended)
}

/// Waits until one of the tasks ends that nobody has told to.
async fn one_has_ended(tasks: &mut JoinSet<(&'static str, Result<(), String>)>) -> Trouble {
    let (name, ended) = match tasks.join_next().await {
        Some(Ok(ended)) => ended,
        Some(Err(_)) | None => ("a task", Ok(())),
    };
    let why = ended.err().unwrap_or_else(|| "it has ended by itself".to_owned());
    Trouble {
        about: "A part of the controller has ended that should not",
        error: format!("{name}: {why}"),
        hint: "it cannot be started again without the others; whoever supervises this program, such as the kubelet, does so",
    }
}

/// Runs a task again and again, with longer and longer pauses, until it ends because it was told to.
async fn keep_alive<F>(
    name: &'static str,
    first_pause: Duration,
    stopping: watch::Receiver<bool>,
    start: impl Fn() -> F,
) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut attempt = 0;
    loop {
        let ended = tokio::spawn(start()).await;
        if *stopping.borrow() {
            return Ok(());
        }
        let pause = backoff(attempt, first_pause, LAST_PAUSE);
        let failed = ended.is_err();
        tracing::error!(task = name, failed, pause = ?pause, "A task has ended that should not; it is started again");
        let mut told = stopping.clone();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = super::stopped(&mut told) => return Ok(()),
        }
        attempt += 1;
    }
}

async fn bind(address: &str, about: &'static str) -> Result<TcpListener, Trouble> {
    server::listen(address).await.map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => "another program, or another controller, has this port; choose another",
            io::ErrorKind::PermissionDenied => "ports below 1024 need more rights; choose another",
            _ => "the address must be one of this machine or Pod; :8080 is all of them",
        };
        Trouble { about, error: format!("{address}: {error}"), hint }
    })
}

/// A client by the kubeconfig that was named, else by the Pod's service account. `KUBECONFIG` does not count: who is in the
/// wrong context would let the controller loose on the wrong cluster.
async fn connect(config: &Config) -> Result<kube::Client, Trouble> {
    // Another crate may have installed the same provider: then there is one.
    _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let settings = match &config.kubeconfig {
        Some(path) => Connection::current_context_of(path).await.map_err(|error| Trouble {
            about: "Cannot use the kubeconfig",
            error: chain(&error),
            hint: "--kubeconfig names a file with a current context whose cluster and user are in it too",
        })?,
        None => Connection::service_account().map_err(|error| Trouble {
            about: "There is no service account to connect to the cluster with",
            error: chain(&error),
            hint: "in a Pod: set serviceAccountName, and do not switch automountServiceAccountToken off; elsewhere: --kubeconfig FILE",
        })?,
    };
    let throttle = Throttle::new(config.qps, config.burst);
    let builder = kube::client::ClientBuilder::try_from(settings).map_err(|error| Trouble {
        about: "Cannot connect to the cluster",
        error: message(&error),
        hint: "the certificate authority, certificate or key of the connection cannot be used",
    })?;
    Ok(builder.with_layer(&throttle).build())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_or_fails_is_started_again_until_it_is_told_to_stop() {
        let (stop, stopping) = watch::channel(false);
        let (starts, third) = (Arc::new(AtomicUsize::new(0)), stopping.clone());
        let counted = starts.clone();
        let kept = tokio::spawn(keep_alive("test", Duration::from_millis(1), stopping, move || {
            let (number, mut told) = (counted.fetch_add(1, Ordering::SeqCst), third.clone());
            async move {
                match number {
                    0 => panic!("as a fault of ours would"),
                    1 => {}
                    _ => super::super::stopped(&mut told).await,
                }
            }
        }));
        while starts.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(!kept.is_finished());
        stop.send(true).unwrap();
        kept.await.unwrap().unwrap();
        assert_eq!(starts.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn a_server_that_ends_is_named_with_the_reason() {
        let failed = || async { Err(io::Error::other("no more files")) };
        let mut tasks = JoinSet::new();
        tasks.spawn(lasting("HTTP server", std::future::pending()));
        tasks.spawn(lasting("HTTP metrics server", failed()));
        assert_eq!(one_has_ended(&mut tasks).await.error, "HTTP metrics server: no more files");
        tasks.spawn(lasting("keys", async { panic!("as a fault of ours would") }));
        assert_eq!(one_has_ended(&mut tasks).await.error, "keys: an internal error");
        tasks.spawn(lasting("sealedsecrets", async { Ok(()) }));
        assert_eq!(one_has_ended(&mut tasks).await.error, "sealedsecrets: it has ended by itself");
    }
}

//! From a configuration to a controller at work, and to its end: start-up order, signals, tasks that are kept alive.
//!
//! Order: signals, addresses, client, servers, then keys and the reconciler, which go on trying until the API server lets them.
//! So the controller answers `/healthz` at once, `/readyz` when it is of use, and says in its log what is missing meanwhile.
//! A task that fails is started anew and takes no other along. SIGTERM and SIGINT end it when what is under way is finished,
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
use crate::cluster::trouble::chain;

/// Exit code of a controller that was told to stop.
const STOPPED: u8 = 0;
/// Exit code of a controller that cannot start.
const CANNOT_START: u8 = 1;
/// Longest time for what is under way, once it was told to stop. Kubernetes kills after 30 s.
const GRACE: Duration = Duration::from_secs(10);
/// Threads that wait for events; the work itself is little.
const THREADS: usize = 2;
/// Most threads for private-key work and files. How many of them may use a key at once is limited elsewhere, by the cores.
const BLOCKING_THREADS: usize = 16;
/// How long such a thread waits for more work before it ends and gives its memory back.
const KEEP_THREADS: Duration = Duration::from_secs(5);

/// Why there is no start, and what to do about it.
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
            CANNOT_START
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
    tasks.spawn(async move { server::serve(http, &of_server, parts, its_stop).await });
    tracing::info!(addr = config.listen, "HTTP server serving");
    let (of_server, shown, its_stop) = (Arc::clone(&config), metrics.clone(), stopping.clone());
    tasks.spawn(async move { server::serve_metrics(http_metrics, &of_server, shown, its_stop).await });
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
    tasks.spawn(keep_alive("keys", stopping.clone(), move || {
        let (sender, receiver) = mpsc::channel(1);
        *triggered.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        keys::run(of_keys.clone(), receiver, its_stop.clone())
    }));
    let of_objects = SealedSecretsTask { config, client, keys, metrics, health, events };
    let its_stop = stopping.clone();
    tasks.spawn(keep_alive("sealedsecrets", stopping, move || sealed::run(of_objects.clone(), its_stop.clone())));

    let reason = signals
        .stopping(|| {
            let trigger = trigger.lock().unwrap_or_else(PoisonError::into_inner);
            // One that waits already is enough.
            _ = trigger.as_ref().map(|trigger| trigger.try_send(()));
        })
        .await;
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
    Ok(())
}

/// Runs a task again and again, with longer and longer pauses, until it ends because it was told to.
async fn keep_alive<F>(name: &'static str, stopping: watch::Receiver<bool>, start: impl Fn() -> F) -> io::Result<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut attempt = 0;
    loop {
        let ended = tokio::spawn(start()).await;
        if *stopping.borrow() {
            return Ok(());
        }
        let pause = backoff(attempt, Duration::from_secs(1), Duration::from_secs(60));
        let failed = ended.is_err();
        tracing::error!(task = name, failed, pause = ?pause, "A task has ended that should not; it is started again");
        tokio::time::sleep(pause).await;
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
        Some(path) => {
            let trouble = |error: kube::config::KubeconfigError| Trouble {
                about: "Cannot use the kubeconfig",
                error: chain(&error),
                hint: "--kubeconfig names a file with a current context whose cluster and user are in it too",
            };
            let file = kube::config::Kubeconfig::read_from(path).map_err(trouble)?;
            kube::Config::from_custom_kubeconfig(file, &kube::config::KubeConfigOptions::default()).await.map_err(trouble)?
        }
        None => kube::Config::incluster().map_err(|error| Trouble {
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

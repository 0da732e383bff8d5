//! What the controller serves: its certificate, verification, re-encryption, health (`--listen-addr`), and metrics
//! (`--listen-metrics-addr`). Paths, statuses and bodies are the reference's (`sealed-secrets.md` §3.6), which kubeseal expects.
//!
//! - `connection`: time limits and the number of connections
//! - `limit`: how often one client may ask
//! - `answer`: what verification and re-encryption decide, from items alone
//!
//! To the network one uniform answer: whoever may ask learns that an object opens or does not, never why. Private-key work runs
//! on blocking threads, one request after the other, so that a flood of requests cannot keep the controller from its objects.

mod answer;
mod connection;
mod limit;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use tokio::net::{TcpListener, lookup_host};
use tokio::sync::{Semaphore, watch};

use self::answer::{Answer, Question};
use self::connection::{Door, Peer};
use self::limit::Limits;
use super::config::Config;
use super::health::Health;
use super::keys::SharedKeys;
use super::metrics::{Format, Metrics};
use super::stopped;

/// Largest request that is read: what the API server takes for an object.
pub const MAX_BODY: usize = 3 << 20;
/// Requests that may wait for private-key work; more are sent away.
const MAX_WAITING: usize = 64;
/// Longest private-key work for one request. A thousand values and ten keys take fifteen seconds.
const MAX_WORK: Duration = Duration::from_secs(30);

/// What the server works with.
pub struct Parts {
    /// The keys.
    pub keys: SharedKeys,
    /// Metrics.
    pub metrics: Metrics,
    /// For `/readyz`.
    pub health: Health,
}

struct App {
    keys: SharedKeys,
    metrics: Metrics,
    health: Health,
    limits: Limits,
    accept_deprecated_data: bool,
    read_timeout: Duration,
    work_timeout: Duration,
    /// Requests that wait or are worked on.
    waiting: Semaphore,
    /// Requests that are worked on.
    working: Arc<Semaphore>,
}

/// Listens on an address as Go writes it: `:8080` is every address of the machine.
///
/// # Errors
/// The address is not to be had.
pub async fn listen(address: &str) -> io::Result<TcpListener> {
    let Some(port) = address.strip_prefix(':').and_then(|port| port.parse::<u16>().ok()) else {
        let addresses: Vec<SocketAddr> = lookup_host(address).await?.collect();
        return TcpListener::bind(&*addresses).await;
    };
    // Where IPv6 is there, its socket takes IPv4 too.
    match TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await,
        result => result,
    }
}

/// Serves everything but metrics until `stop` says so, then ends when the requests that are under way are answered.
///
/// # Errors
/// None at present; serving goes on whatever becomes of single connections.
pub async fn serve(listener: TcpListener, config: &Config, parts: Parts, stop: watch::Receiver<bool>) -> io::Result<()> {
    let app = Arc::new(App {
        keys: parts.keys,
        metrics: parts.metrics,
        health: parts.health,
        limits: Limits::new(config.rate_limit, config.trusted_proxies.clone()),
        accept_deprecated_data: config.accept_v1_data,
        read_timeout: config.timeouts.0,
        work_timeout: config.timeouts.1.min(MAX_WORK),
        waiting: Semaphore::new(MAX_WAITING),
        working: Arc::new(Semaphore::new(workers())),
    });
    let routes = Router::new()
        .route("/healthz", any(async || plain(StatusCode::OK, "ok\n")))
        .route("/readyz", any(ready))
        .route("/v1/cert.pem", any(certificate))
        .route("/v1/verify", any(verify))
        .route("/v1/rotate", any(rotate))
        .with_state(app);
    run(listener, config, routes, stop).await
}

/// Serves `/metrics` until `stop` says so.
///
/// # Errors
/// As [`serve`].
pub async fn serve_metrics(
    listener: TcpListener,
    config: &Config,
    metrics: Metrics,
    stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let show = async |State(metrics): State<Metrics>, headers: HeaderMap| {
        let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
        let (kind, text) = metrics.exposition(Format::accepted_by(accept));
        ([(header::CONTENT_TYPE, kind)], text)
    };
    run(listener, config, Router::new().route("/metrics", any(show)).with_state(metrics), stop).await
}

async fn run(listener: TcpListener, config: &Config, routes: Router, mut stop: watch::Receiver<bool>) -> io::Result<()> {
    let routes =
        routes.fallback(async || refuse(StatusCode::NOT_FOUND, "404 page not found")).layer(middleware::from_fn(time_out));
    let stopping = async move { stopped(&mut stop).await };
    axum::serve(Door::new(listener, config.timeouts), routes.into_make_service_with_connect_info::<Peer>())
        .with_graceful_shutdown(stopping)
        .await
}

/// One core of four for requests from the network; the others are for objects of the cluster.
fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 4).max(1))
}

/// Stops the clock of the connection while a request is worked on.
async fn time_out(ConnectInfo(peer): ConnectInfo<Peer>, request: Request, next: Next) -> Response {
    let _work = peer.work();
    next.run(request).await
}

async fn ready(State(app): State<Arc<App>>, request: Request) -> Response {
    let ready = app.health.is_ready();
    let (status, mut text) =
        if ready { (StatusCode::OK, "ok\n".to_owned()) } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n".to_owned()) };
    if request.uri().query().is_some_and(|query| query.split('&').any(|word| word == "verbose" || word.starts_with("verbose="))) {
        for problem in app.health.problems() {
            text += &problem;
            text.push('\n');
        }
    }
    plain(status, text)
}

async fn certificate(State(app): State<Arc<App>>, method: Method) -> Response {
    app.measured("/v1/cert.pem", &method, async {
        match app.keys.now().newest {
            Some((_, pem)) => {
                let kind = HeaderValue::from_static("application/x-pem-file");
                ([(header::CONTENT_TYPE, kind)], Bytes::copy_from_slice(pem.as_bytes())).into_response()
            }
            None => later(refuse(StatusCode::INTERNAL_SERVER_ERROR, "cannot get certificate")),
        }
    })
    .await
}

async fn verify(State(app): State<Arc<App>>, ConnectInfo(peer): ConnectInfo<Peer>, request: Request) -> Response {
    app.private("/v1/verify", Question::Verify, peer, request).await
}

async fn rotate(State(app): State<Arc<App>>, ConnectInfo(peer): ConnectInfo<Peer>, request: Request) -> Response {
    app.private("/v1/rotate", Question::Rotate, peer, request).await
}

impl App {
    /// Counts and times what answers a request.
    async fn measured(&self, path: &'static str, method: &Method, answer: impl Future<Output = Response>) -> Response {
        let start = Instant::now();
        let response = answer.await;
        self.metrics.request(path, method.as_str(), response.status().as_u16(), start.elapsed());
        response
    }

    /// A request that asks for private-key work.
    async fn private(&self, path: &'static str, question: Question, peer: Peer, request: Request) -> Response {
        let (head, body) = request.into_parts();
        self.measured(path, &head.method, async {
            let decision = self.limits.check(path, peer.party, &head.headers);
            let mut response = if decision.allowed {
                self.answer(path, question, &head.headers, body).await
            } else {
                refuse(StatusCode::TOO_MANY_REQUESTS, "limit exceeded")
            };
            decision.tell(response.headers_mut());
            response
        })
        .await
    }

    async fn answer(&self, path: &'static str, question: Question, headers: &HeaderMap, body: Body) -> Response {
        let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > MAX_BODY) {
            return too_large();
        }
        let body = match tokio::time::timeout(self.read_timeout, to_bytes(body, MAX_BODY)).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) if error.to_string().contains("length limit") => return too_large(),
            Ok(Err(error)) => return unread(path, &error.to_string()),
            Err(_) => return unread(path, "the client took too long to send it"),
        };
        let Ok(_waiting) = self.waiting.try_acquire() else { return busy() };
        let Ok(working) = Arc::clone(&self.working).acquire_owned().await else { return busy() };
        let keys = self.keys.now();
        let accept_deprecated_data = self.accept_deprecated_data;
        let cancelled = Cancelled::default();
        let (seen, end) = (Arc::clone(&cancelled.0), Instant::now() + self.work_timeout);
        let work = tokio::task::spawn_blocking(move || {
            let _working = working;
            let go_on = || !seen.load(Ordering::Relaxed) && Instant::now() < end;
            answer::answer(question, &body, &keys, accept_deprecated_data, &go_on)
        });
        match work.await {
            Ok(answer) => respond(question, answer),
            // It failed unexpectedly, and has been logged.
            Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR, ""),
        }
    }
}

/// Tells the work for a request that nobody waits for it any more, when the client is gone.
#[derive(Default)]
struct Cancelled(Arc<AtomicBool>);

impl Drop for Cancelled {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn respond(question: Question, answer: Answer) -> Response {
    let about = match question {
        Question::Verify => "Error validating secret",
        Question::Rotate => "Error rotating secret",
    };
    match answer {
        Answer::Opens => StatusCode::OK.into_response(),
        Answer::DoesNotOpen => StatusCode::CONFLICT.into_response(),
        Answer::Rotated(json) => ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], json).into_response(),
        Answer::Unreadable(reason) => {
            tracing::error!(error = reason, "{about}");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, &reason)
        }
        Answer::CannotRotate => {
            tracing::error!(error = "the SealedSecret cannot be decrypted", "{about}");
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "the SealedSecret cannot be decrypted with the controller's keys")
        }
        Answer::NotReady => later(refuse(StatusCode::SERVICE_UNAVAILABLE, "the controller has no keys yet")),
        Answer::TooLong => {
            tracing::error!(error = "it takes too long", "{about}");
            refuse(StatusCode::SERVICE_UNAVAILABLE, "this SealedSecret takes too long; it has too many items")
        }
    }
}

/// Any text as the reference writes its own: plain, and nothing else.
fn plain(status: StatusCode, text: impl Into<Body>) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"))], text.into()).into_response()
}

/// An error as Go's `http.Error` writes it.
fn refuse(status: StatusCode, text: &str) -> Response {
    let mut response = plain(status, format!("{text}\n"));
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The client may try again in a second; kubeseal does so by itself.
fn later(mut response: Response) -> Response {
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn busy() -> Response {
    later(refuse(StatusCode::SERVICE_UNAVAILABLE, "too many requests wait"))
}

fn too_large() -> Response {
    refuse(StatusCode::PAYLOAD_TOO_LARGE, "the request is larger than any object of Kubernetes")
}

fn unread(path: &str, reason: &str) -> Response {
    tracing::error!(error = reason, "Error handling {path} request");
    refuse(StatusCode::BAD_REQUEST, "the request cannot be read")
}

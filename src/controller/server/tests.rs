use std::io::{Read, Write};
use std::net::TcpStream;

use super::*;
use crate::controller::args::{self, Command, Surroundings};
use crate::controller::keys::Keys;
use crate::crypto::test_keys;
use crate::crypto::x509::Certificate;
use crate::manifest::{Style, sealed_secret_to_value};
use crate::seal::Scope;
use crate::seal::test_objects::sealed;

/// A server on a port of its own, on threads of its own; stopped when it is dropped.
struct Served {
    address: SocketAddr,
    keys: SharedKeys,
    health: Health,
    metrics: Metrics,
    stop: watch::Sender<bool>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Served {
    fn new(flags: &[&str]) -> Self {
        let words: Vec<_> = flags.iter().map(Into::into).collect();
        let around = Surroundings { variable: &|_| None, account_namespace: None };
        let Ok(Command::Run(config, _)) = args::parse(&words, &around) else { panic!("{flags:?}") };
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (keys, health, metrics) = (SharedKeys::default(), Health::default(), Metrics::default());
        let (stop, stopping) = watch::channel(false);
        let listener = runtime.block_on(listen("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let parts = Parts { keys: keys.clone(), metrics: metrics.clone(), health: health.clone() };
        runtime.spawn(async move { serve(listener, &config, parts, stopping).await });
        let served = Self { address, keys, health, metrics, stop, runtime: Some(runtime) };
        let key = test_keys::first();
        let certificate = Certificate::self_signed(key, "", time::OffsetDateTime::now_utc(), time::Duration::HOUR).unwrap();
        let pem = certificate.pem().into();
        served.keys.replace(Keys {
            keyring: Arc::new([key.clone()].into_iter().collect()),
            newest: Some((certificate, pem)),
            ..Keys::default()
        });
        served
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    }

    /// Sends bytes and gives all that comes back until the server closes.
    fn raw(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // The server may close before it has read everything.
        _ = stream.write_all(request);
        let mut answer = Vec::new();
        _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Status, head and body.
    fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> (u16, String, String) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        let answer = self.raw(&[head.as_bytes(), body].concat());
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        (status, head.to_lowercase(), body.to_owned())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn good() -> Vec<u8> {
    let object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1")]);
    serde_json::to_vec(&sealed_secret_to_value(&object, Style::Current)).unwrap()
}

#[test]
fn paths_statuses_types_and_bodies_are_the_references() {
    let served = Served::new(&["--rate-limit-burst=100"]);
    let short = |method: &str, path: &str, body: &[u8]| {
        let (status, head, body) = served.ask(method, path, "", body);
        let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or("").to_owned();
        (status, kind, body)
    };
    let text = "text/plain; charset=utf-8".to_owned();
    assert_eq!(short("GET", "/healthz", b""), (200, text.clone(), "ok\n".into()));
    assert_eq!(short("GET", "/readyz", b""), (503, text.clone(), "not ready\n".into()));
    served.health.ready("keys");
    assert_eq!(short("GET", "/readyz", b""), (200, text.clone(), "ok\n".into()));
    let (status, kind, body) = short("GET", "/v1/cert.pem", b"");
    assert_eq!((status, kind.as_str()), (200, "application/x-pem-file"));
    assert!(Certificate::parse_pem_first(body.as_bytes()).is_ok());
    assert_eq!(short("POST", "/v1/verify", &good()), (200, String::new(), String::new()));
    let other = String::from_utf8(good()).unwrap().replace("\"name\":\"app\"", "\"name\":\"other\"");
    assert_eq!(short("POST", "/v1/verify", other.as_bytes()), (409, String::new(), String::new()));
    assert_eq!(short("POST", "/v1/verify", b"garbage").0, 500);
    let (status, kind, body) = short("POST", "/v1/rotate", &good());
    assert_eq!((status, kind.as_str()), (200, "application/json"));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&body).unwrap()["kind"], "SealedSecret");
    assert_eq!(short("POST", "/v1/rotate", other.as_bytes()).0, 500);
    assert_eq!(short("GET", "/v1/other", b""), (404, text, "404 page not found\n".into()));
    // Any method, as there.
    assert_eq!(short("PUT", "/v1/verify", &good()).0, 200);
    assert_eq!(short("BREW", "/healthz", b"").0, 200);
    served.keys.replace(Keys::default());
    let (status, head, body) = served.ask("GET", "/v1/cert.pem", "", b"");
    assert_eq!((status, body.as_str(), head.contains("retry-after: 1")), (500, "cannot get certificate\n", true));
    assert_eq!(short("POST", "/v1/verify", &good()).0, 503);
    let (_, metrics) = served.metrics.exposition(Format::Text);
    for line in [
        "http_requests_total{path=\"/v1/verify\",code=\"409\",method=\"post\"} 1",
        "http_requests_total{path=\"/v1/verify\",code=\"200\",method=\"put\"} 1",
        "http_request_duration_seconds_count{path=\"/v1/cert.pem\",method=\"get\"} 2",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(!metrics.contains("healthz"));
}

#[test]
fn the_limit_counts_by_address_whatever_the_header_says() {
    let served = Served::new(&["--rate-limit=1"]);
    let mut statuses = Vec::new();
    for n in 0..5 {
        let (status, head, body) = served.ask("POST", "/v1/verify", &format!("X-Forwarded-For: 10.0.0.{n}\r\n"), &good());
        assert!(head.contains("x-ratelimit-limit: 3"), "{head}");
        if status == 429 {
            assert_eq!(body, "limit exceeded\n");
            assert!(head.contains("retry-after: 1") && head.contains("x-ratelimit-remaining: 0"), "{head}");
        }
        statuses.push(status);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429]);
    assert_eq!(served.ask("POST", "/v1/rotate", "", &good()).0, 200, "each path has its own");
    assert_eq!(served.ask("GET", "/v1/cert.pem", "", b"").0, 200);
}

#[test]
fn bodies_are_bounded_with_and_without_an_announced_length() {
    let served = Served::new(&["--rate-limit-burst=100"]);
    let head = format!("POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", MAX_BODY + 1);
    assert!(served.raw(head.as_bytes()).starts_with("HTTP/1.1 413"));
    let chunk = format!("{:x}\r\n{}\r\n", 1 << 20, " ".repeat(1 << 20));
    let chunked =
        format!("POST /v1/verify HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk.repeat(4));
    assert!(served.raw(chunked.as_bytes()).starts_with("HTTP/1.1 413"));
    // A hundred values or a thousand braces are no trouble.
    let deep = [b"{\"a\":".repeat(5000), b"1".to_vec(), b"}".repeat(5000)].concat();
    assert_eq!(served.ask("POST", "/v1/verify", "", &deep).0, 500);
}

#[test]
fn a_client_that_dawdles_is_shown_the_door_and_others_are_served() {
    let served = Served::new(&["--read-timeout=300ms"]);
    // Neither a head in drops nor a body that never comes nor silence holds a connection.
    let mut drops = served.connect();
    drops.write_all(b"GET /healthz HTTP/1.1\r\n").unwrap();
    let body = served.connect();
    (&body).write_all(b"POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{").unwrap();
    let silent = served.connect();
    let mut answer = Vec::new();
    loop {
        // One byte every now and then.
        std::thread::sleep(Duration::from_millis(50));
        if drops.write_all(b"X").is_err() {
            break;
        }
        drops.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let mut byte = [0; 64];
        match drops.read(&mut byte) {
            Ok(0) => break,
            Ok(n) => answer.extend_from_slice(&byte[..n]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let mut answer = String::new();
    (&body).read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    let mut nothing = Vec::new();
    (&silent).read_to_end(&mut nothing).unwrap();
    assert_eq!(nothing, b"");
    assert_eq!(served.ask("GET", "/healthz", "", b"").0, 200);
}

#[test]
fn a_connection_is_used_for_many_requests_and_the_clock_starts_anew() {
    let served = Served::new(&["--read-timeout=2s"]);
    let mut stream = served.connect();
    for _ in 0..4 {
        std::thread::sleep(Duration::from_millis(700));
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = [0; 512];
        let n = stream.read(&mut answer).unwrap();
        assert!(answer[..n].ends_with(b"ok\n"), "{}", String::from_utf8_lossy(&answer[..n]));
    }
}

#[test]
fn stopping_ends_idle_connections_and_takes_no_new_ones() {
    let mut served = Served::new(&[]);
    let mut idle = served.connect();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = [0; 512];
    assert!(idle.read(&mut answer).unwrap() > 0);
    served.stop.send(true).unwrap();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
    // The listener is closed by another task than the connection: sooner or later.
    let end = Instant::now() + Duration::from_secs(60);
    while TcpStream::connect(served.address).is_ok() {
        assert!(Instant::now() < end, "it still takes connections");
        std::thread::sleep(Duration::from_millis(5));
    }
    served.runtime.take().unwrap().shutdown_timeout(Duration::from_secs(5));
}

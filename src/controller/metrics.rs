//! Counters and gauges, by the reference's names and labels (`sealed-secrets.md` §3.7), and ours.
//!
//! Kept in prometheus-client's registry and written as OpenMetrics or, for who does not ask for that, in the older text format.
//! Labels hold names of objects and keys, never a value. Whoever scrapes sees which namespaces and Secrets there are, unless
//! `--metrics-omit-secret-labels` is set. Serving is not here ([`super::server`]).

mod exposition;
mod process;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::keys::Keys;
pub use exposition::Format;

/// What the reference's names begin with, and ours.
const PREFIX: &str = "sealed_secrets_controller";
/// The only condition there is.
const CONDITION: &str = "Synced";
/// Upper bounds of the request histogram, seconds: those of Prometheus' client for Go.
const REQUEST_BUCKETS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Of the time to open one object: 1.5 ms a value at 4096 bits.
const UNSEAL_BUCKETS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

/// Why an unsealing failed, as `unseal_errors_total` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The object could not be read.
    Fetch,
    /// The status could not be written.
    Status,
    /// The Secret belongs to someone else.
    Unmanaged,
    /// It does not open.
    Unseal,
    /// The Secret could not be written.
    Update,
}

impl Reason {
    fn label(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Status => "status",
            Self::Unmanaged => "unmanaged",
            Self::Unseal => "unseal",
            Self::Update => "update",
        }
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct BuildLabels {
    revision: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ErrorLabels {
    reason: &'static str,
    namespace: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ConditionLabels {
    namespace: String,
    name: String,
    condition: &'static str,
    ss_app_kubernetes_io_instance: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    path: &'static str,
    code: u16,
    method: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DurationLabels {
    path: &'static str,
    method: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ObjectLabels {
    synced: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KeyLabels {
    secretname: String,
}

/// An object as it was last told of.
struct Known {
    instance: String,
    value: i64,
}

struct Inner {
    registry: Registry,
    omit_secret_labels: bool,
    unseal_requests: Counter,
    unseal_errors: Family<ErrorLabels, Counter>,
    conditions: Family<ConditionLabels, Gauge>,
    requests: Family<RequestLabels, Counter>,
    durations: Family<DurationLabels, Histogram, fn() -> Histogram>,
    objects: Family<ObjectLabels, Gauge>,
    values_opened: Counter,
    unseal_durations: Histogram,
    queue_depth: Gauge,
    keys_created: Family<KeyLabels, Gauge>,
    keys_not_after: Family<KeyLabels, Gauge>,
    keys_unreadable: Gauge,
    known: Mutex<HashMap<(String, String), Known>>,
}

/// Every metric. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(env!("CARGO_PKG_VERSION"), false)
    }
}

impl Metrics {
    /// All at zero. With `omit_secret_labels` no series names a single object.
    #[must_use]
    pub fn new(version: &'static str, omit_secret_labels: bool) -> Self {
        let mut registry = Registry::default();
        process::register(&mut registry);
        let ours = registry.sub_registry_with_prefix(PREFIX);

        let build: Family<BuildLabels, Gauge> = Family::default();
        // Zero, as the reference has it: who multiplies by it or counts it finds the same.
        build.get_or_create(&BuildLabels { revision: version }).set(0);
        ours.register("build_info", "Build information", build);
        let unseal_requests = Counter::default();
        ours.register("unseal_requests", "Times that a SealedSecret was looked at", unseal_requests.clone());
        let unseal_errors = Family::default();
        ours.register("unseal_errors", "Failures by reason and namespace", unseal_errors.clone());
        let conditions = Family::default();
        ours.register("condition_info", "Condition of each SealedSecret: -1 false, 0 unknown, 1 true", conditions.clone());
        let requests = Family::default();
        ours.register("http_requests", "HTTP requests by path, status and method", requests.clone());
        let durations: Family<DurationLabels, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(REQUEST_BUCKETS));
        ours.register("http_request_duration_seconds", "Time to answer HTTP requests", durations.clone());

        let objects: Family<ObjectLabels, Gauge> = Family::default();
        for value in [-1, 0, 1] {
            objects.get_or_create(&ObjectLabels { synced: synced(value) }).set(0);
        }
        ours.register("objects", "SealedSecrets by their condition Synced", objects.clone());
        let values_opened = Counter::default();
        ours.register("values_opened", "Values that were opened", values_opened.clone());
        let unseal_durations = Histogram::new(UNSEAL_BUCKETS);
        ours.register("unseal_duration_seconds", "Time to open all values of one SealedSecret", unseal_durations.clone());
        let queue_depth = Gauge::default();
        ours.register("queue_depth", "SealedSecrets that wait to be looked at", queue_depth.clone());
        let (keys_created, keys_not_after) = (Family::default(), Family::default());
        ours.register(
            "key_created_timestamp_seconds",
            "When each sealing key was made, by --key-order-priority",
            keys_created.clone(),
        );
        ours.register(
            "key_not_after_timestamp_seconds",
            "When the certificate of each sealing key expires",
            keys_not_after.clone(),
        );
        let keys_unreadable = Gauge::default();
        ours.register("unreadable_keys", "Key Secrets that cannot be used", keys_unreadable.clone());

        Self(Arc::new(Inner {
            registry,
            omit_secret_labels,
            unseal_requests,
            unseal_errors,
            conditions,
            requests,
            durations,
            objects,
            values_opened,
            unseal_durations,
            queue_depth,
            keys_created,
            keys_not_after,
            keys_unreadable,
            known: Mutex::default(),
        }))
    }

    /// Everything as text, and its content type.
    #[must_use]
    pub fn exposition(&self, format: Format) -> (&'static str, String) {
        exposition::write(&self.0.registry, format)
    }

    /// `unseal_requests_total`: an object is looked at.
    pub fn unseal_request(&self) {
        self.0.unseal_requests.inc();
    }

    /// `unseal_errors_total`. The namespace of [`Reason::Fetch`] is empty in the reference.
    pub fn unseal_error(&self, reason: Reason, namespace: &str) {
        let namespace = if reason == Reason::Fetch { String::new() } else { namespace.to_owned() };
        self.0.unseal_errors.get_or_create(&ErrorLabels { reason: reason.label(), namespace }).inc();
    }

    /// `condition_info`: −1, 0 or 1 for the condition `Synced`; `instance` is the label `app.kubernetes.io/instance` or empty.
    pub fn condition(&self, namespace: &str, name: &str, instance: &str, value: i64) {
        self.forget(namespace, name);
        let mut known = self.known();
        known.insert((namespace.to_owned(), name.to_owned()), Known { instance: instance.to_owned(), value });
        self.0.objects.get_or_create(&ObjectLabels { synced: synced(value) }).inc();
        if !self.0.omit_secret_labels {
            self.0.conditions.get_or_create(&condition_labels(namespace, name, instance)).set(value);
        }
    }

    /// The object is gone: so is its `condition_info`.
    pub fn forget(&self, namespace: &str, name: &str) {
        if let Some(known) = self.known().remove(&(namespace.to_owned(), name.to_owned())) {
            self.0.objects.get_or_create(&ObjectLabels { synced: synced(known.value) }).dec();
            self.0.conditions.remove(&condition_labels(namespace, name, &known.instance));
        }
    }

    /// `values_opened_total` and `unseal_duration_seconds`: an object was opened.
    pub fn opened(&self, values: usize, took: Duration) {
        self.0.values_opened.inc_by(values as u64);
        self.0.unseal_durations.observe(took.as_secs_f64());
    }

    /// `queue_depth`: so many objects wait.
    pub fn queue_depth(&self, waiting: usize) {
        self.0.queue_depth.set(i64::try_from(waiting).unwrap_or(i64::MAX));
    }

    /// The keys are others: `key_created_timestamp_seconds`, `key_not_after_timestamp_seconds` and `unreadable_keys`.
    pub fn keys(&self, keys: &Keys) {
        self.0.keys_created.clear();
        self.0.keys_not_after.clear();
        for info in keys.infos.iter() {
            let labels = KeyLabels { secretname: info.secret.clone() };
            self.0.keys_created.get_or_create(&labels).set(info.since.unix_timestamp());
            if let Some(not_after) = info.not_after {
                self.0.keys_not_after.get_or_create(&labels).set(not_after.unix_timestamp());
            }
        }
        self.0.keys_unreadable.set(i64::try_from(keys.problems.len()).unwrap_or(i64::MAX));
    }

    /// `http_requests_total` and `http_request_duration_seconds`: a request to one of the /v1 paths was answered.
    pub fn request(&self, path: &'static str, method: &str, code: u16, took: Duration) {
        let method = method_label(method);
        self.0.requests.get_or_create(&RequestLabels { path, code, method }).inc();
        self.0.durations.get_or_create(&DurationLabels { path, method }).observe(took.as_secs_f64());
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(String, String), Known>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn condition_labels(namespace: &str, name: &str, instance: &str) -> ConditionLabels {
    ConditionLabels {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        condition: CONDITION,
        ss_app_kubernetes_io_instance: instance.to_owned(),
    }
}

fn synced(value: i64) -> &'static str {
    match value {
        1 => "True",
        -1 => "False",
        _ => "Unknown",
    }
}

/// A method in small letters; one that nobody registered is `unknown`, so that callers cannot make labels.
fn method_label(method: &str) -> &'static str {
    const METHODS: [&str; 10] = ["get", "put", "head", "post", "delete", "connect", "options", "notify", "trace", "patch"];
    METHODS.iter().find(|known| known.eq_ignore_ascii_case(method)).copied().unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::keys::KeyInfo;

    /// The samples whose line contains `part`, sorted, without our prefix.
    fn lines(metrics: &Metrics, part: &str) -> Vec<String> {
        let (_, text) = metrics.exposition(Format::Text);
        let found = text.lines().filter(|line| line.contains(part) && !line.starts_with('#'));
        let mut lines: Vec<_> =
            found.map(|line| line.strip_prefix("sealed_secrets_controller_").unwrap_or(line).to_owned()).collect();
        lines.sort();
        lines
    }

    #[test]
    fn conditions_follow_their_objects() {
        let metrics = Metrics::default();
        metrics.condition("ns", "a", "old", 1);
        metrics.condition("ns", "a", "app", -1);
        metrics.condition("ns", "b", "", 1);
        assert_eq!(
            lines(&metrics, "condition_info"),
            [
                "condition_info{namespace=\"ns\",name=\"a\",condition=\"Synced\",ss_app_kubernetes_io_instance=\"app\"} -1",
                "condition_info{namespace=\"ns\",name=\"b\",condition=\"Synced\",ss_app_kubernetes_io_instance=\"\"} 1",
            ]
        );
        let objects = |metrics: &Metrics| lines(metrics, "objects");
        assert_eq!(
            objects(&metrics),
            ["objects{synced=\"False\"} 1", "objects{synced=\"True\"} 1", "objects{synced=\"Unknown\"} 0"]
        );
        metrics.forget("ns", "a");
        metrics.forget("ns", "a");
        assert_eq!(lines(&metrics, "condition_info").len(), 1);
        assert_eq!(
            objects(&metrics),
            ["objects{synced=\"False\"} 0", "objects{synced=\"True\"} 1", "objects{synced=\"Unknown\"} 0"]
        );
    }

    #[test]
    fn names_can_be_left_out() {
        let metrics = Metrics::new("1", true);
        metrics.condition("ns", "a", "app", 1);
        assert_eq!(lines(&metrics, "condition_info"), [""; 0]);
        assert_eq!(lines(&metrics, "objects{synced=\"True\"}"), ["objects{synced=\"True\"} 1"]);
    }

    #[test]
    fn counters_have_the_references_names_labels_and_values() {
        let metrics = Metrics::new("0.1", false);
        metrics.unseal_request();
        metrics.unseal_error(Reason::Unmanaged, "ns");
        metrics.unseal_error(Reason::Fetch, "ns");
        metrics.request("/v1/verify", "POST", 409, Duration::from_millis(7));
        metrics.request("/v1/verify", "BREW", 200, Duration::from_secs(60));
        assert_eq!(lines(&metrics, "build_info"), ["build_info{revision=\"0.1\"} 0"]);
        assert_eq!(
            lines(&metrics, "unseal_errors"),
            [
                "unseal_errors_total{reason=\"fetch\",namespace=\"\"} 1",
                "unseal_errors_total{reason=\"unmanaged\",namespace=\"ns\"} 1",
            ]
        );
        assert_eq!(lines(&metrics, "unseal_requests"), ["unseal_requests_total 1"]);
        assert_eq!(
            lines(&metrics, "http_requests_total"),
            [
                "http_requests_total{path=\"/v1/verify\",code=\"200\",method=\"unknown\"} 1",
                "http_requests_total{path=\"/v1/verify\",code=\"409\",method=\"post\"} 1",
            ]
        );
        let buckets = lines(&metrics, "http_request_duration_seconds_bucket");
        assert_eq!(buckets.len(), 2 * 12);
        let post: Vec<_> = buckets.iter().filter(|line| line.contains("post")).collect();
        assert!(post.iter().any(|line| line.contains("le=\"0.005\"") && line.ends_with(" 0")), "{post:?}");
        assert!(post.iter().any(|line| line.contains("le=\"0.01\"") && line.ends_with(" 1")), "{post:?}");
    }

    #[test]
    fn keys_that_are_gone_are_gone() {
        let metrics = Metrics::default();
        let keys = |names: &[&str], problems: usize| Keys {
            infos: names
                .iter()
                .map(|name| KeyInfo {
                    secret: (*name).to_owned(),
                    fingerprint: crate::crypto::test_keys::first().public_key().fingerprint(),
                    since: time::macros::datetime!(2026-01-01 0:00 UTC),
                    not_after: Some(time::macros::datetime!(2036-01-01 0:00 UTC)),
                })
                .collect(),
            problems: (0..problems).map(|_| (String::new(), String::new())).collect(),
            ..Keys::default()
        };
        metrics.keys(&keys(&["a", "b"], 1));
        metrics.keys(&keys(&["b"], 0));
        assert_eq!(lines(&metrics, "key_created"), ["key_created_timestamp_seconds{secretname=\"b\"} 1767225600"]);
        assert_eq!(lines(&metrics, "key_not_after").len(), 1);
        assert_eq!(lines(&metrics, "unreadable_keys"), ["unreadable_keys 0"]);
    }
}

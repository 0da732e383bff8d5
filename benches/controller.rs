//! Ours against the reference's controller on the same objects, on a real API server: `cargo bench --bench controller`.
//!
//! 300 SealedSecrets of 5 values, RSA-4096, are there when a controller starts. How long until all Secrets are there (by the API
//! server's audit log), and until all statuses and events are, what processor time that took of whom, how much
//! memory the controller took at most, and then the same controller started again over objects that have not changed: how long until it has
//! looked at all of them, and what it wrote, by the API server's audit log. Each has objects and rights of its own, and they run one
//! after the other on the same API server. The reference at its defaults (5 requests a second) takes four minutes for each of the
//! two, so it comes only with `-- --full`; without it the reference runs with its limits lifted, as fast as it can.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a benchmark stops at the first surprise")]
#![allow(clippy::print_stdout, reason = "printing is its purpose")]

#[path = "../tests/cluster/harness/mod.rs"]
mod harness;
#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use harness::Cluster;
use harness::api::{sealed_secrets, secrets};
use harness::audit::Mark;
use harness::controller::{Controller, Setup, Which};
use harness::users::User;

const SECRETS: usize = 300;
const VALUES: usize = 5;
/// Longer than the reference needs at its defaults.
const PATIENCE: Duration = Duration::from_secs(600);
/// The API server's share of the work differs from machine to machine; these are the promises on two cores.
const TARGET: Duration = Duration::from_secs(4);
const TARGET_MEMORY: u64 = 20_000_000;

struct Contestant {
    title: &'static str,
    id: &'static str,
    which: Which,
    flags: &'static [&'static str],
    /// With our definition of SealedSecrets, which lets the status remember what was opened by which key. Those that come after keep it.
    our_definition: bool,
}

const LIFTED: &[&str] = &["--kubeclient-qps=-1"];

const CONTESTANTS: [Contestant; 4] = [
    Contestant { title: "hecate-seal-controller, defaults", id: "ours", which: Which::Ours, flags: &[], our_definition: false },
    Contestant {
        title: "reference 0.36.6, limits lifted",
        id: "lifted",
        which: Which::Current,
        flags: LIFTED,
        our_definition: false,
    },
    Contestant { title: "reference 0.36.6, defaults", id: "defaults", which: Which::Current, flags: &[], our_definition: false },
    Contestant {
        title: "hecate-seal-controller, defaults, with its own CustomResourceDefinition",
        id: "ours-all",
        which: Which::Ours,
        flags: &[],
        our_definition: true,
    },
];

fn main() {
    harness::bridge::run_if_asked();
    let full = std::env::args().any(|arg| arg == "--full");
    let cluster = Cluster::own().expect("Go is needed, to build the API server");
    println!("{} cores; {SECRETS} SealedSecrets of {VALUES} values, RSA-4096", std::thread::available_parallelism().unwrap());
    let objects = sealed();
    for contestant in CONTESTANTS.iter().filter(|contestant| full || contestant.id != "defaults") {
        run(&cluster, contestant, &objects);
    }
}

fn run(cluster: &Cluster, contestant: &Contestant, objects: &[Value]) {
    if contestant.our_definition {
        let definition = support::root().join("deploy/crd/sealedsecrets.bitnami.com.yaml");
        cluster.apply(&std::fs::read_to_string(definition).unwrap());
    }
    let (keys, work) = (format!("keys-{}", contestant.id), format!("work-{}", contestant.id));
    cluster.namespace(&keys);
    cluster.namespace(&work);
    cluster.key_secret(&keys, "key", "test-only-4096");
    for object in objects {
        let mut object = object.clone();
        object["metadata"]["namespace"] = work.as_str().into();
        cluster.created(&sealed_secrets(&work), &object);
    }
    let user = cluster.user();
    cluster.cluster_role(&user, &harness::controller::unsealer_rules());
    cluster.role(&user, &keys, &harness::controller::key_admin_rules());
    let setup = || -> Setup<'_> {
        let scope = ["--all-namespaces=false".to_owned(), format!("--additional-namespaces={work}")];
        let flags = contestant.flags.iter().map(|flag| (*flag).to_owned());
        cluster.controller(contestant.which, &keys).user(&user).flags(scope.into_iter().chain(flags))
    };

    println!("\n{}", contestant.title);
    quiet(cluster);
    let mark = cluster.mark();
    let answered = |what: &str| Answered::of(cluster, mark, &user, what);
    let (servers, begin, start) = (cluster.cpu(), OffsetDateTime::now_utc(), Instant::now());
    let mut controller = setup().launch().expect("it is there");
    until("all Secrets", start, || answered("create secrets").count == SECRETS);
    let (cpu, servers_then) = (controller.process().cpu(), cluster.cpu());
    assert_eq!(count(cluster, &work), SECRETS);
    let first = answered("create secrets").after(begin);
    println!("  from start to {SECRETS} Secrets   {:8.2} s   (processor {:.2} s)", first.as_secs_f64(), cpu.as_secs_f64());
    println!("  processor of the others     {}", used(&servers, &servers_then));
    until("all statuses", start, || answered("update sealedsecrets/status").count >= SECRETS);
    println!("  from start to all statuses  {:8.2} s", answered("update sealedsecrets/status").after(begin).as_secs_f64());
    until("rest", start, || settled(&controller));
    let events = answered("create events");
    println!("  from start to the last event{:8.2} s   ({} events)", events.after(begin).as_secs_f64(), events.count);
    let peak = controller.process().peak_kib();
    println!(
        "  processor of all to the end {:8.2} s   (others {})",
        controller.process().cpu().as_secs_f64(),
        used(&servers, &cluster.cpu())
    );
    println!("  largest resident memory     {:8.1} MiB", peak as f64 / 1024.0);
    assert!(controller.stop().success());

    quiet(cluster);
    let mark = cluster.mark();
    let start = Instant::now();
    let mut controller = setup().launch().expect("it is there");
    until("the second look", start, || requests(&controller) >= SECRETS as f64);
    let again = start.elapsed();
    until("rest", start, || settled(&controller));
    let cpu = controller.process().cpu();
    println!("  start over unchanged objects{:8.2} s   (processor {:.2} s)", again.as_secs_f64(), cpu.as_secs_f64());
    let mut writes: BTreeMap<String, usize> = BTreeMap::new();
    for write in cluster.writes(mark, &user) {
        let what = write.rsplit_once(' ').map_or(write.as_str(), |(what, _)| what);
        *writes.entry(what.to_owned()).or_default() += 1;
    }
    println!("  writes of that              {writes:?}");
    controller.stop();
    if contestant.which == Which::Ours {
        let met = |met: bool| if met { "met" } else { "MISSED" };
        println!("  target at most {} s: {}", TARGET.as_secs(), met(first <= TARGET));
        println!("  target below {} MB: {}", TARGET_MEMORY / 1_000_000, met(peak * 1024 < TARGET_MEMORY));
        println!("  target nothing written again: {}", met(writes.is_empty()));
    }
}

/// What the audit log has of one kind of request that succeeded. Reading a file costs the API server nothing, which asking it would.
struct Answered {
    count: usize,
    last: Option<OffsetDateTime>,
}

impl Answered {
    fn of(cluster: &Cluster, mark: Mark, user: &User, what: &str) -> Self {
        let (verb, resource) = what.split_once(' ').unwrap();
        let events = cluster.audit_so_far(mark, |event| {
            let object = &event["objectRef"];
            let sub = object["subresource"].as_str().map(|name| format!("/{name}")).unwrap_or_default();
            event["user"]["username"] == user.name.as_str()
                && event["verb"] == verb
                && format!("{}{sub}", object["resource"].as_str().unwrap_or_default()) == resource
                && event["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300)
        });
        let time = |event: &Value| OffsetDateTime::parse(event["stageTimestamp"].as_str()?, &Rfc3339).ok();
        Self { count: events.len(), last: events.iter().filter_map(time).max() }
    }

    /// From then to the last answer.
    fn after(&self, begin: OffsetDateTime) -> Duration {
        self.last.map_or(Duration::ZERO, |last| (last - begin).unsigned_abs())
    }
}

/// What each server has used in between.
fn used(before: &[(String, Duration)], after: &[(String, Duration)]) -> String {
    let pairs = before.iter().zip(after).filter(|(_, (name, _))| name != "bridge");
    let each: Vec<String> = pairs
        .map(|((_, before), (name, after))| format!("{name} {:.2} s", after.saturating_sub(*before).as_secs_f64()))
        .collect();
    each.join(", ")
}

/// Waits until the servers have done what they do of their own accord after a start or a burst of writes.
fn quiet(cluster: &Cluster) {
    let all = || cluster.cpu().iter().map(|(_, cpu)| *cpu).sum::<Duration>();
    until("quiet", Instant::now(), || {
        let before = all();
        std::thread::sleep(Duration::from_secs(2));
        all().saturating_sub(before) < Duration::from_millis(200)
    });
}

/// The objects, sealed once for every namespace.
fn sealed() -> Vec<Value> {
    let input = (0..SECRETS).fold(String::new(), |text, n| {
        let values: serde_json::Map<String, Value> =
            (0..VALUES).map(|v| (format!("KEY_{v}"), json!(format!("value-{n}-{v}-9f86d081884c7d659a2feaa0c55ad015")))).collect();
        let metadata = json!({ "name": format!("app-{n}"), "namespace": "any" });
        text + &json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "stringData": values })
            .to_string()
    });
    let certificate = support::key("test-only-4096.crt.pem");
    let output = support::as_kubeseal().args(["--scope", "cluster-wide", "--cert"]).arg(certificate).stdin(input).ok();
    let objects: Vec<Value> = serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(objects.len(), SECRETS);
    objects
}

/// How many Secrets there are, without reading them.
fn count(cluster: &Cluster, namespace: &str) -> usize {
    let list = cluster.read(&format!("{}?limit=1", secrets(namespace)));
    let first = list["items"].as_array().map_or(0, Vec::len);
    first + list["metadata"]["remainingItemCount"].as_u64().and_then(|rest| usize::try_from(rest).ok()).unwrap_or(0)
}

fn sample(controller: &Controller<'_>, name: &str) -> Option<f64> {
    let text = controller.try_scrape()?;
    text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

/// `unseal_requests_total`: objects that were looked at.
fn requests(controller: &Controller<'_>) -> f64 {
    sample(controller, "sealed_secrets_controller_unseal_requests_total ").unwrap_or(0.0)
}

/// Whether its processor time stands still.
fn settled(controller: &Controller<'_>) -> bool {
    let cpu = || sample(controller, "process_cpu_seconds_total ");
    let before = cpu();
    std::thread::sleep(Duration::from_millis(700));
    before.zip(cpu()).is_some_and(|(before, after)| after - before < 0.025)
}

fn until(what: &str, start: Instant, mut ready: impl FnMut() -> bool) {
    while !ready() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(100));
    }
}

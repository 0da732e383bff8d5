//! In a burst Secrets come first; status and events follow and are not lost, whether the controller is told to stop or killed.

use std::collections::BTreeMap;
use std::time::Duration;

use hecate_seal::seal::Scope;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::seal;
use crate::harness::Cluster;
use crate::harness::api::{core, sealed_secrets, secrets};
use crate::harness::audit::Mark;
use crate::harness::controller::{Controller, Which, key_admin_rules, unsealer_rules};
use crate::harness::users::User;

/// Enough to be stopped in between: values under 4096 bits.
const OBJECTS: usize = 90;
const VALUES: usize = 3;
/// As the queue has it.
const REPORT_WITHIN: Duration = Duration::from_secs(5);

struct Burst {
    cluster: &'static Cluster,
    keys: String,
    work: String,
    user: User,
}

impl Burst {
    /// Objects that wait for a controller.
    fn new(name: &str) -> Option<Self> {
        let cluster = Cluster::shared()?;
        let (keys, work) = (format!("burst-{name}-keys"), format!("burst-{name}"));
        cluster.namespace(&keys);
        cluster.namespace(&work);
        cluster.key_secret(&keys, "key", "test-only-4096");
        let names: Vec<String> = (0..VALUES).map(|number| format!("k{number}")).collect();
        let items: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"value".as_slice())).collect();
        for number in 0..OBJECTS {
            let object = seal("test-only-4096", Scope::Strict, &work, &format!("app{number}"), &items);
            cluster.created(&sealed_secrets(&work), &object);
        }
        let user = cluster.user();
        cluster.role(&user, &work, &unsealer_rules());
        Some(Self { cluster, keys, work, user })
    }

    fn launch(&self) -> Option<Controller<'static>> {
        let flags = ["--all-namespaces=false".to_owned(), format!("--additional-namespaces={}", self.work)];
        self.cluster.controller(Which::Ours, &self.keys).user(&self.user).flags(flags).start()
    }

    /// What was written, by object, and when it was asked for and answered.
    fn writes(&self, mark: Mark, verb: &str, resource: &str) -> BTreeMap<String, (OffsetDateTime, OffsetDateTime)> {
        let events = self.cluster.audit_so_far(mark, |event| {
            let object = &event["objectRef"];
            let sub = object["subresource"].as_str().map(|name| format!("/{name}")).unwrap_or_default();
            event["user"]["username"] == self.user.name.as_str()
                && event["verb"] == verb
                && format!("{}{sub}", object["resource"].as_str().unwrap_or_default()) == resource
                && event["responseStatus"]["code"].as_u64().is_some_and(|code| code < 300)
        });
        let time = |text: &Value| OffsetDateTime::parse(text.as_str().unwrap(), &Rfc3339).unwrap();
        let name = |event: &Value| event["objectRef"]["name"].as_str().unwrap().to_owned();
        let times = |event: &Value| (time(&event["requestReceivedTimestamp"]), time(&event["stageTimestamp"]));
        events.iter().map(|event| (name(event), times(event))).collect()
    }

    /// Names of the objects that have a Secret; of those whose status tells of success; of those with the event of it.
    fn told(&self) -> [Vec<String>; 3] {
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap().to_owned();
        let made = self.cluster.list(&secrets(&self.work), "").iter().map(name).collect();
        let objects = self.cluster.list(&sealed_secrets(&self.work), "");
        let good = objects.iter().filter(|object| object["status"]["conditions"][0]["status"] == "True").map(name).collect();
        let events = self.cluster.list(&core(&self.work, "events"), "");
        let events = events.iter().filter(|event| event["reason"] == "Unsealed");
        let about = events.map(|event| event["involvedObject"]["name"].as_str().unwrap().to_owned()).collect();
        [made, good, about].map(|mut names: Vec<String>| {
            names.sort();
            names.dedup();
            names
        })
    }
}

#[test]
fn statuses_are_written_when_all_secrets_are_there_or_after_a_while() {
    let Some(burst) = Burst::new("order") else { return };
    let mark = burst.cluster.mark();
    let Some(controller) = burst.launch() else { return };
    // Everything waits for the first key, so all objects are in the queue when it comes.
    let depth = format!("sealed_secrets_controller_queue_depth {OBJECTS}");
    burst.cluster.wait("the queue", || controller.scrape().contains(&depth));
    burst.cluster.role(&burst.user, &burst.keys, &key_admin_rules());
    burst.cluster.wait("all that is to be told", || burst.told().iter().all(|names| names.len() == OBJECTS));
    controller.stop();
    let made = burst.writes(mark, "create", "secrets");
    let statuses = burst.writes(mark, "update", "sealedsecrets/status");
    assert_eq!((made.len(), statuses.len()), (OBJECTS, OBJECTS));
    let (_, last) = *made.values().max().unwrap();
    for (name, (asked, _)) in &statuses {
        let (_, since) = made[name];
        // On a machine that is slow enough some have waited long enough.
        assert!(*asked >= last || *asked >= since + REPORT_WITHIN, "{name}: {since} {asked}, the last Secret at {last}");
    }
}

#[test]
fn nothing_is_lost_when_it_is_killed_or_told_to_stop_in_between() {
    let Some(burst) = Burst::new("end") else { return };
    burst.cluster.role(&burst.user, &burst.keys, &key_admin_rules());
    let some = |mark: Mark, count: usize| {
        burst.cluster.wait("some Secrets", || burst.writes(mark, "create", "secrets").len() >= count);
    };
    let mark = burst.cluster.mark();
    let Some(controller) = burst.launch() else { return };
    some(mark, 5);
    controller.kill();

    // Told to stop, it tells of all that it has made.
    let mark = burst.cluster.mark();
    let Some(controller) = burst.launch() else { return };
    some(mark, 15);
    assert!(controller.stop().success());
    let [_, good, about] = burst.told();
    let made: Vec<String> = burst.writes(mark, "create", "secrets").into_keys().collect();
    assert!(made.len() >= 15);
    for name in &made {
        assert!(good.contains(name) && about.contains(name), "{name} was made and not told of: {good:?} {about:?}");
    }
    let statuses = burst.writes(mark, "update", "sealedsecrets/status");
    assert!(made.iter().all(|name| statuses.contains_key(name)));

    // What the killed one has not told of, the next start tells.
    let Some(controller) = burst.launch() else { return };
    burst.cluster.wait("all that is to be told", || burst.told().iter().all(|names| names.len() == OBJECTS));
    assert!(controller.stop().success());
}

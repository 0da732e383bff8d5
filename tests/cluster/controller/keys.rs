//! Key Secrets in a cluster: found, made, refused, followed (`sealed-secrets.md` §3.2).

use hecate_seal::seal::Scope;
use serde_json::{Value, json};

use super::seal;
use crate::harness::Cluster;
use crate::harness::api::{sealed_secrets, secrets};
use crate::harness::controller::{Controller, Which};
use crate::support;

const LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

/// Namespaces of a test: one with the keys, one to work in. A controller looks after these alone.
struct Place {
    cluster: &'static Cluster,
    keys: String,
    work: String,
}

impl Place {
    fn new(name: &str) -> Option<Self> {
        let cluster = Cluster::shared()?;
        let (keys, work) = (format!("k-{name}"), format!("k-{name}-work"));
        cluster.namespace(&keys);
        cluster.namespace(&work);
        Some(Self { cluster, keys, work })
    }

    fn start(&self, which: Which, flags: &[&str]) -> Option<Controller<'static>> {
        let own = ["--all-namespaces=false".to_owned(), format!("--additional-namespaces={}", self.work)];
        self.cluster.controller(which, &self.keys).flags(own).flags(flags.iter().copied()).start()
    }

    fn key_secrets(&self) -> Vec<Value> {
        self.cluster.list(&secrets(&self.keys), &format!("labelSelector={LABEL}"))
    }

    /// A key Secret of any content.
    fn key(&self, name: &str, data: Value) {
        let metadata = json!({ "name": name, "labels": { LABEL: "active" } });
        self.cluster.created(&secrets(&self.keys), &json!({ "metadata": metadata, "stringData": data }));
    }

    fn create(&self, key: &str, name: &str) {
        self.cluster.created(&sealed_secrets(&self.work), &seal(key, Scope::Strict, &self.work, name, &[("foo", b"bar")]));
    }

    fn opens(&self, name: &str) -> bool {
        self.cluster.secret_value(&self.work, name, "foo").as_deref() == Some(b"bar")
    }

    fn status(&self, name: &str) -> Value {
        self.cluster.read(&format!("{}/{name}", sealed_secrets(&self.work)))["status"]["conditions"][0]["status"].clone()
    }
}

fn pem(name: &str) -> String {
    std::fs::read_to_string(support::key(&format!("{name}.pem"))).unwrap()
}

#[test]
fn without_a_key_one_is_made_as_the_reference_makes_it_and_found_again() {
    let mut made = Vec::new();
    for (which, name) in [(Which::Ours, "made-ours"), (Which::Reference, "made-reference")] {
        let Some(place) = Place::new(name) else { return };
        let flags = ["--my-cn=cluster.example", "--privatekey-labels=team=a", "--privatekey-annotations=note=b", "--key-ttl=48h"];
        let Some(controller) = place.start(which, &flags) else { return };
        let mut served = String::new();
        place.cluster.wait("the certificate", || {
            served = controller.certificate();
            served.starts_with("-----BEGIN CERTIFICATE")
        });
        controller.stop();
        let found = place.key_secrets();
        assert_eq!(found.len(), 1);
        let secret = found[0].clone();
        let data = |key: &str| {
            String::from_utf8(place.cluster.secret_value(&place.keys, secret["metadata"]["name"].as_str().unwrap(), key).unwrap())
                .unwrap()
        };
        assert_eq!(data("tls.crt").trim(), served.trim());
        assert!(data("tls.key").starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        // The next start finds it and makes none.
        let Some(controller) = place.start(which, &[]) else { return };
        place.cluster.wait("the same certificate", || controller.certificate() == served);
        controller.stop();
        assert_eq!(place.key_secrets().len(), 1);
        let certificate = hecate_seal::crypto::x509::Certificate::parse_pem_first(served.as_bytes()).unwrap();
        let metadata = &secret["metadata"];
        assert!(metadata["name"].as_str().unwrap().starts_with("sealed-secrets-key"));
        made.push(json!({
            "generateName": metadata["generateName"], "labels": metadata["labels"], "annotations": metadata["annotations"],
            "type": secret["type"], "keys": secret["data"].as_object().unwrap().keys().collect::<Vec<_>>(),
            "subject": certificate.subject(), "bits": certificate.public_key().bits(),
            "hours": (certificate.not_after() - certificate.not_before()).whole_hours(),
        }));
    }
    assert_eq!(made[0], made[1]);
    assert_eq!(made[0]["labels"], json!({ LABEL: "active", "team": "a" }));
    assert_eq!(made[0]["hours"], 48);
}

#[test]
fn key_secrets_of_old_versions_and_a_cutoff_are_honoured() {
    for (which, name) in [(Which::Ours, "old-ours"), (Which::Reference, "old-reference")] {
        let Some(place) = Place::new(name) else { return };
        // The one key of very old versions: the prefix is its name, and it has no label.
        let data = json!({ "tls.crt": pem("test-only-2048.crt"), "tls.key": pem("test-only-2048.key") });
        let object = json!({ "metadata": { "name": "sealed-secrets-key" }, "type": "kubernetes.io/tls", "stringData": data });
        place.cluster.created(&secrets(&place.keys), &object);
        let Some(controller) = place.start(which, &[]) else { return };
        place.create("test-only-2048", "app");
        place.cluster.wait("the Secret", || place.opens("app"));
        assert_eq!(controller.certificate().trim(), pem("test-only-2048.crt").trim());
        controller.stop();
        assert!(place.key_secrets().is_empty());
        // A cutoff after that key's time makes a new one; the old one still opens.
        let Some(controller) = place.start(which, &["--key-cutoff-time=Fri, 20 Nov 2026 00:00:00 +0000"]) else { return };
        place.cluster.wait("the new key", || place.key_secrets().len() == 1);
        place.cluster.wait("its certificate", || controller.certificate().trim() != pem("test-only-2048.crt").trim());
        place.create("test-only-2048", "app2");
        place.cluster.wait("the Secret", || place.opens("app2"));
        controller.stop();
    }
}

/// A difference: the reference panics at its start when a key Secret cannot be read.
#[test]
fn broken_key_secrets_are_reported_and_passed_over() {
    let Some(place) = Place::new("broken") else { return };
    place.key("a-ec", json!({ "tls.crt": pem("test-only-ec.crt"), "tls.key": pem("test-only-ec.key") }));
    place.key("b-nokey", json!({ "tls.crt": pem("test-only-2048.crt") }));
    place.key(
        "c-garbage",
        json!({ "tls.crt": "x", "tls.key": "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n" }),
    );
    place.key("d-mismatch", json!({ "tls.crt": pem("test-only-3072.crt"), "tls.key": pem("test-only-2048-other.key") }));
    place.key("e-empty", json!({}));
    place.key("f-good", json!({ "tls.crt": pem("test-only-2048.crt"), "tls.key": pem("test-only-2048.key") }));
    place.key("g-nocert", json!({ "tls.key": pem("test-only-4096.key") }));
    let Some(controller) = place.start(Which::Ours, &[]) else { return };
    // The good one is served; those without a certificate of their own still open.
    place.create("test-only-2048", "good");
    place.create("test-only-2048-other", "mismatch");
    place.create("test-only-4096", "nocert");
    for name in ["good", "mismatch", "nocert"] {
        place.cluster.wait(name, || place.opens(name));
    }
    assert_eq!(controller.certificate().trim(), pem("test-only-2048.crt").trim());
    let log = controller.log();
    let reasons = [
        ("a-ec", "elliptic-curve key"),
        ("b-nokey", "it has no tls.key"),
        ("c-garbage", "malformed RSA private key"),
        ("d-mismatch", "tls.crt is the certificate of another key"),
        ("e-empty", "it has no tls.key"),
        ("g-nocert", "it has no tls.crt"),
    ];
    for (name, reason) in reasons {
        assert!(log.lines().any(|line| line.contains(name) && line.contains(reason)), "{name}\n{log}");
        place.cluster.wait(name, || {
            let events = place.cluster.events(&place.keys, name);
            events.iter().any(|event| event["reason"] == "ErrKeyUnusable" && event["message"].as_str().unwrap().contains(reason))
        });
    }
    assert!(!log.contains("PRIVATE KEY"), "{log}");
    assert!(controller.scrape().contains("unreadable_keys 6"), "{}", controller.scrape());
    assert_eq!(place.key_secrets().len(), 7, "none was made");
}

/// A difference: the reference sees key Secrets that are added, and what did not open before stays so.
#[test]
fn with_watch_for_secrets_keys_come_change_and_go_and_wake_what_waited() {
    let Some(place) = Place::new("watch") else { return };
    place.cluster.key_secret(&place.keys, "one", "test-only-2048");
    let Some(controller) = place.start(Which::Ours, &["--watch-for-secrets"]) else { return };
    place.create("test-only-2048-other", "app");
    place.cluster.wait("the failure", || place.status("app") == "False");
    place.cluster.key_secret(&place.keys, "two", "test-only-2048-other");
    place.cluster.wait("the Secret", || place.opens("app") && place.status("app") == "True");

    // One that is not labelled active any more opens nothing new; labelled again it does.
    let two = format!("{}/two", secrets(&place.keys));
    place.cluster.patched(&two, &json!({ "metadata": { "labels": { LABEL: "compromised" } } }));
    place.cluster.wait("the key's end", || controller.log().contains("private key is no longer used"));
    place.create("test-only-2048-other", "later");
    place.cluster.wait("the failure", || place.status("later") == "False");
    place.cluster.patched(&two, &json!({ "metadata": { "labels": { LABEL: "active" } } }));
    place.cluster.wait("the Secret", || place.opens("later"));

    // The one that is left serves, whichever goes.
    place.cluster.delete(&format!("{}/one", secrets(&place.keys)));
    place.cluster.wait("the other certificate", || controller.certificate().trim() == pem("test-only-2048-other.crt").trim());
    controller.stop();
}

/// Without the flag nothing changes until a restart, as in the reference.
#[test]
fn without_watch_for_secrets_a_restart_finds_new_keys() {
    for (which, name) in [(Which::Ours, "nowatch-ours"), (Which::Reference, "nowatch-reference")] {
        let Some(place) = Place::new(name) else { return };
        place.cluster.key_secret(&place.keys, "one", "test-only-2048");
        let Some(controller) = place.start(which, &[]) else { return };
        place.create("test-only-2048-other", "app");
        place.cluster.wait("the failure", || place.status("app") == "False");
        place.cluster.key_secret(&place.keys, "two", "test-only-2048-other");
        std::thread::sleep(std::time::Duration::from_millis(700));
        assert!(!place.opens("app"));
        controller.stop();
        let Some(controller) = place.start(which, &[]) else { return };
        place.cluster.wait("the Secret", || place.opens("app") && place.status("app") == "True");
        controller.stop();
    }
}

#[test]
fn a_key_that_is_too_old_is_renewed_at_once_and_the_old_one_still_opens() {
    for (which, name) in [(Which::Ours, "renew-ours"), (Which::Reference, "renew-reference")] {
        let Some(place) = Place::new(name) else { return };
        place.cluster.key_secret(&place.keys, "one", "test-only-2048");
        // The key in the repository is older than an hour; the period ends long after this test.
        let Some(controller) = place.start(which, &["--key-renew-period=1h"]) else { return };
        place.cluster.wait("the new key", || place.key_secrets().len() == 2);
        place.cluster.wait("its certificate", || controller.certificate().trim() != pem("test-only-2048.crt").trim());
        place.create("test-only-2048", "app");
        place.cluster.wait("the Secret", || place.opens("app"));
        controller.stop();
        assert_eq!(place.key_secrets().len(), 2);
    }
}

/// The list of the watch is under way while the key is made, and does not have it: it is no reason to drop it and make another.
#[test]
fn a_renewal_at_start_makes_one_key_though_keys_are_watched() {
    let Some(place) = Place::new("renew-watch") else { return };
    place.cluster.key_secret(&place.keys, "one", "test-only-2048");
    let Some(controller) = place.start(Which::Ours, &["--watch-for-secrets", "--key-renew-period=1h"]) else { return };
    place.cluster.wait("the new key", || place.key_secrets().len() == 2);
    place.cluster.wait("its certificate", || controller.certificate().trim() != pem("test-only-2048.crt").trim());
    // Once this is seen, the list has been and gone.
    place.cluster.delete(&format!("{}/one", secrets(&place.keys)));
    let ended = |line: &str| line.contains("private key is no longer used");
    place.cluster.wait("the old key's end", || controller.log().lines().any(|line| ended(line) && line.contains("=one")));
    let log = controller.log();
    assert_eq!(log.lines().filter(|line| ended(line)).count(), 1, "{log}");
    assert_eq!(log.lines().filter(|line| line.contains("New key written")).count(), 1, "{log}");
    assert_eq!(place.key_secrets().len(), 1);
    controller.stop();
}

//! The controllers against a real API server: each test runs over ours and over the reference, which proves the test itself; what
//! is meant to differ says so where it is tested.
//!
//! Ours runs once for all tests and takes the objects with a label. The reference runs once for each test, in the test's namespaces:
//! it makes five requests a second, and 0.27.1 has no flag for that. Tests that need another configuration start their own.

mod bad;
mod burst;
mod crd;
mod keys;
mod legacy;
mod modes;
mod objects;
mod ownership;
mod restarts;
mod swap;

use std::sync::OnceLock;

use hecate_seal::crypto::x509::Certificate;
use hecate_seal::manifest::Secret;
use hecate_seal::seal::{Label, Scope, SealOptions, seal_secret, seal_value};
use hecate_seal::secret::SecretBytes;
use serde_json::{Value, json};

use crate::harness::Cluster;
use crate::harness::api::{sealed_secrets, secrets};
use crate::harness::controller::{Controller, Which};
use crate::support;

/// Label that tells whose an object is.
const LABEL: &str = "test-controller";
/// The key of the controllers of [`World`].
pub(crate) const KEY: &str = "test-only-2048";

/// The certificate of a key in `keys/`.
pub(crate) fn certificate(key: &str) -> Certificate {
    Certificate::parse_pem_first(&std::fs::read(support::key(&format!("{key}.crt.pem"))).unwrap()).unwrap()
}

/// A SealedSecret sealed for a key of `keys/`: its scope, its items.
pub(crate) fn seal(key: &str, scope: Scope, namespace: &str, name: &str, items: &[(&str, &[u8])]) -> Value {
    let mut secret = Secret::default();
    secret.metadata.name = name.to_owned();
    secret.metadata.namespace = namespace.to_owned();
    secret.data = items.iter().map(|(key, value)| ((*key).to_owned(), SecretBytes::copy_of(value))).collect();
    let options = SealOptions { scope: Some(scope), allow_empty_data: true, ..SealOptions::default() };
    let sealed = seal_secret(&secret, certificate(key).public_key(), &options).unwrap();
    hecate_seal::manifest::sealed_secret_to_value(&sealed, hecate_seal::manifest::Style::Current)
}

/// One value, sealed for a key of `keys/`.
pub(crate) fn item(key: &str, scope: Scope, namespace: &str, name: &str, value: &[u8]) -> String {
    seal_value(certificate(key).public_key(), &Label::new(scope, namespace, name), value).unwrap().to_text()
}

/// Which controller of those that run for all tests, and a namespace of the test's own.
pub(crate) struct World {
    pub(crate) cluster: &'static Cluster,
    pub(crate) which: Which,
    pub(crate) namespace: String,
    /// The test's own controller, if it has one.
    own: Option<Controller<'static>>,
}

/// Runs a test over ours, then over the reference, each in a namespace of its own.
#[track_caller]
pub(crate) fn each(name: &str, test: impl Fn(&World)) {
    for which in [Which::Ours, Which::Reference] {
        if let Some(world) = World::new(which, name) {
            test(&world);
        }
    }
}

/// Runs a test over ours alone: what it asks for the reference does not do.
#[track_caller]
pub(crate) fn ours(name: &str, test: impl Fn(&World)) {
    if let Some(world) = World::new(Which::Ours, name) {
        test(&world);
    }
}

fn word(which: Which) -> &'static str {
    if which == Which::Ours { "ours" } else { "reference" }
}

impl World {
    fn new(which: Which, name: &str) -> Option<Self> {
        let cluster = Cluster::shared()?;
        let namespace = format!("c-{name}-{}", word(which));
        let (keys, another) = (format!("{namespace}-keys"), format!("{namespace}-2"));
        cluster.namespace(&namespace);
        cluster.namespace(&another);
        let own = if which == Which::Ours {
            shared_ours(cluster)?;
            None
        } else {
            cluster.namespace(&keys);
            cluster.key_secret(&keys, "sealed-secrets-key1", KEY);
            let flags = ["--all-namespaces=false".to_owned(), format!("--additional-namespaces={namespace},{another}")];
            Some(cluster.controller(which, &keys).flags(flags).start()?)
        };
        Some(Self { cluster, which, namespace, own })
    }

    /// The controller that looks after this world.
    pub(crate) fn controller(&self) -> &Controller<'static> {
        self.own.as_ref().or_else(|| shared_ours(self.cluster)).unwrap()
    }

    /// Another namespace of this test.
    pub(crate) fn another(&self) -> String {
        format!("{}-2", self.namespace)
    }

    /// A SealedSecret of this world, strictly sealed.
    pub(crate) fn seal(&self, name: &str, items: &[(&str, &str)]) -> Value {
        self.seal_as(Scope::Strict, name, items)
    }

    /// As [`Self::seal`], of another scope.
    pub(crate) fn seal_as(&self, scope: Scope, name: &str, items: &[(&str, &str)]) -> Value {
        let items: Vec<(&str, &[u8])> = items.iter().map(|(key, value)| (*key, value.as_bytes())).collect();
        self.label(seal(KEY, scope, &self.namespace, name, &items))
    }

    /// Makes an object this controller's.
    pub(crate) fn label(&self, mut object: Value) -> Value {
        object["metadata"]["labels"][LABEL] = word(self.which).into();
        object
    }

    /// The label of this controller's objects.
    pub(crate) fn labels(&self) -> Value {
        json!({ LABEL: word(self.which) })
    }

    fn path(&self, name: &str) -> String {
        format!("{}/{name}", sealed_secrets(&self.namespace))
    }

    pub(crate) fn secret_path(&self, name: &str) -> String {
        format!("{}/{name}", secrets(&self.namespace))
    }

    /// Creates the object.
    #[track_caller]
    pub(crate) fn create(&self, object: &Value) -> Value {
        let namespace = object["metadata"]["namespace"].as_str().unwrap_or(&self.namespace);
        self.cluster.created(&sealed_secrets(namespace), object)
    }

    /// Puts the object's spec in place of the present one.
    #[track_caller]
    pub(crate) fn update(&self, object: &Value) -> Value {
        let name = object["metadata"]["name"].as_str().unwrap();
        // The controller may write the status between reading and writing here.
        for _ in 0..20 {
            let mut present = self.cluster.read(&self.path(name));
            present["spec"] = object["spec"].clone();
            let (status, value) = self.cluster.put(&self.path(name), &present);
            if status != 409 {
                assert_eq!(status, 200, "{value}");
                return value;
            }
        }
        panic!("{name}: nothing but conflicts");
    }

    /// Merge patch of the SealedSecret.
    #[track_caller]
    pub(crate) fn patch(&self, name: &str, patch: &Value) -> Value {
        self.cluster.patched(&self.path(name), patch)
    }

    /// Deletes the SealedSecret.
    pub(crate) fn delete(&self, name: &str) {
        assert_eq!(self.cluster.delete(&self.path(name)).0, 200);
    }

    /// Deletes the Secret.
    pub(crate) fn delete_secret(&self, name: &str) {
        assert_eq!(self.cluster.delete(&self.secret_path(name)).0, 200);
    }

    /// Creates a Secret that is not ours.
    pub(crate) fn foreign(&self, name: &str, annotations: Value, data: &[(&str, &str)]) -> Value {
        let data: Value =
            data.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect::<serde_json::Map<_, _>>().into();
        let labels = json!({ "anotherlabel": "anothervalue" });
        let metadata = json!({ "name": name, "annotations": annotations, "labels": labels });
        self.cluster.created(&secrets(&self.namespace), &json!({ "metadata": metadata, "stringData": data }))
    }

    /// The Secret; `None` while there is none.
    pub(crate) fn secret(&self, name: &str) -> Option<Value> {
        let (status, secret) = self.cluster.get(&self.secret_path(name));
        (status == 200).then_some(secret)
    }

    /// A value of the Secret.
    pub(crate) fn value(&self, name: &str, key: &str) -> Option<Vec<u8>> {
        self.cluster.secret_value(&self.namespace, name, key)
    }

    /// Waits until the Secret is as it should be.
    #[track_caller]
    pub(crate) fn wait_secret(&self, name: &str, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut found = None;
        self.cluster.wait(&format!("{:?}: {what}", self.which), || {
            found = self.secret(name).filter(|secret| wanted(secret));
            found.is_some()
        });
        found.unwrap()
    }

    /// Waits for a value.
    #[track_caller]
    pub(crate) fn wait_value(&self, name: &str, key: &str, value: &str) -> Value {
        let text = data_encoding::BASE64.encode(value.as_bytes());
        self.wait_secret(name, &format!("{key} of {name}"), |secret| secret["data"][key] == text.as_str())
    }

    /// The SealedSecret.
    pub(crate) fn object(&self, name: &str) -> Value {
        self.cluster.read(&self.path(name))
    }

    /// Waits until the status of the present generation says this, and gives the condition.
    #[track_caller]
    pub(crate) fn wait_synced(&self, name: &str, synced: bool) -> Value {
        let wanted = if synced { "True" } else { "False" };
        let mut found = Value::Null;
        self.cluster.wait(&format!("{:?}: Synced={wanted} of {name}", self.which), || {
            let object = self.object(name);
            found = object["status"]["conditions"][0].clone();
            object["status"]["observedGeneration"] == object["metadata"]["generation"] && found["status"] == wanted
        });
        assert_eq!(found["type"], "Synced");
        found
    }

    /// Waits for an event with this reason and a text that contains this.
    #[track_caller]
    pub(crate) fn wait_event(&self, name: &str, reason: &str, text: &str) -> Value {
        let mut found = None;
        self.cluster.wait(&format!("{:?}: event {reason} of {name}", self.which), || {
            let events = self.cluster.events(&self.namespace, name);
            found = events
                .into_iter()
                .find(|event| event["reason"] == reason && event["message"].as_str().unwrap_or_default().contains(text));
            found.is_some()
        });
        found.unwrap()
    }

    /// Waits until this controller has handled another object that is created now: what came before it is handled too.
    #[track_caller]
    pub(crate) fn settle(&self) {
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let name = format!("settle-{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        self.create(&self.seal(&name, &[("a", "1")]));
        self.wait_synced(&name, true);
        std::thread::sleep(std::time::Duration::from_millis(150));
    }
}

/// Our controller that runs for all tests. It ends with the cluster.
fn shared_ours(cluster: &'static Cluster) -> Option<&'static Controller<'static>> {
    static OURS: OnceLock<Option<Controller<'static>>> = OnceLock::new();
    let start = || {
        cluster.namespace("c-keys");
        cluster.key_secret("c-keys", "sealed-secrets-key1", KEY);
        let selector = format!("--label-selector={LABEL}={}", word(Which::Ours));
        cluster.controller(Which::Ours, "c-keys").flags([selector]).start()
    };
    OURS.get_or_init(start).as_ref()
}

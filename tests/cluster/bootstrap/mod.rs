//! `bootstrap` against a real API server. The names `case_NN` are those of the list of failure cases that the command is specified
//! by; those that need no cluster are in `tests/it/bootstrap`.

mod adopt;
mod failures;
mod lab;
mod restart;
mod runs;

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::harness::users::User;
use crate::harness::{Cluster, api};
use crate::support::{self, Run};

/// A namespace, a user who may do there what a bootstrap does, and a folder with a bootstrap file.
pub(crate) struct Place {
    pub(crate) cluster: &'static Cluster,
    pub(crate) namespace: String,
    pub(crate) user: User,
    pub(crate) folder: tempfile::TempDir,
    kubeconfig: PathBuf,
}

/// What a bootstrap needs in the namespaces that it writes to.
pub(crate) fn rights() -> Value {
    json!([
        { "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create", "patch"] },
        { "apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get"] },
        { "apiGroups": ["apps"], "resources": ["deployments", "statefulsets", "daemonsets"], "verbs": ["get", "patch"] },
    ])
}

impl Place {
    /// `spec` is what stands under `spec:`; `NS` in it is the namespace.
    pub(crate) fn new(spec: &str) -> Option<Place> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let cluster = Cluster::shared()?;
        let namespace = format!("bootstrap-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster.namespace(&namespace);
        let user = cluster.user();
        cluster.role(&user, &namespace, &rights());
        cluster.cluster_role(&user, &json!([{ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] }]));
        let kubeconfig = cluster.kubeconfig(&user, None);
        let place = Place { cluster, namespace, user, folder: support::temp_dir(), kubeconfig };
        place.file(spec);
        Some(place)
    }

    /// Writes the bootstrap file anew.
    pub(crate) fn file(&self, spec: &str) {
        let text = format!("apiVersion: hecate.social/v1alpha1\nkind: Bootstrap\nspec:\n{}", spec.replace("NS", &self.namespace));
        std::fs::write(self.folder.path().join("bootstrap.yaml"), text).unwrap();
    }

    /// A run of `hecate-seal bootstrap` inside the cluster's network.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        let program = self.cluster.run(env!("CARGO_BIN_EXE_hecate-seal")).arg("bootstrap").args(args);
        program.arg("--kubeconfig").arg(&self.kubeconfig).cwd(self.folder.path())
    }

    pub(crate) fn secret(&self, name: &str) -> (u16, Value) {
        self.cluster.get(&format!("{}/{name}", api::secrets(&self.namespace)))
    }

    pub(crate) fn value(&self, name: &str, key: &str) -> String {
        let value = self.cluster.secret_value(&self.namespace, name, key);
        String::from_utf8(value.unwrap_or_else(|| panic!("{name} has no {key}"))).unwrap()
    }

    /// Makes a Secret by hand, with values as text.
    pub(crate) fn make(&self, name: &str, change: impl FnOnce(&mut Value), values: &[(&str, &str)]) {
        let data: serde_json::Map<String, Value> =
            values.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect();
        let mut secret = json!({ "metadata": { "name": name }, "stringData": data });
        change(&mut secret);
        self.cluster.created(&api::secrets(&self.namespace), &secret);
    }
}

/// Whether a bcrypt hash is a password's.
pub(crate) fn fits(password: &str, hash: &str) -> bool {
    hecate_seal::crypto::password::verify_bcrypt(password.as_bytes(), hash) == Some(true)
}

/// The lab's Secrets, at a cost of bcrypt that tests can afford.
pub(crate) const LAB: &str = "  secrets:
    - name: postgres-credentials
      namespace: NS
      guard: { pvc: pgdata-postgres-0 }
      rotation: external
      restart: [StatefulSet/postgres, Deployment/litellm]
      keys:
        POSTGRES_PASSWORD: { password: {} }
        DSN: { template: 'postgresql://postgres:{{ POSTGRES_PASSWORD | urlencode }}@postgres:5432/litellm' }
    - name: nats-credentials
      namespace: NS
      restart: [Deployment/client]
      keys:
        NATS_DEFAULT_PASSWORD: { password: {} }
        NATS_DYNAMO_PASSWORD: { password: {} }
        NATS_DEFAULT_PASSWORD_HASH: { bcrypt: { from: NATS_DEFAULT_PASSWORD, cost: 4 } }
        NATS_DYNAMO_PASSWORD_HASH: { bcrypt: { from: NATS_DYNAMO_PASSWORD, cost: 4 } }
        NATS_URL: { template: 'nats://default:{{ NATS_DEFAULT_PASSWORD }}@nats-service:4222' }
    - name: nats-auth
      namespace: NS
      restart: [Deployment/nats, Deployment/client]
      keys:
        auth.conf:
          natsAuth:
            timeout: 5s
            users:
              - { user: default, hash: nats-credentials/NATS_DEFAULT_PASSWORD_HASH }
              - user: dynamo
                hash: nats-credentials/NATS_DYNAMO_PASSWORD_HASH
                permissions: { publish: { allow: ['dyn.>', '$JS.API.>'] }, subscribe: ['dyn.>', '_INBOX.>'], allowResponses: true }
    - name: openwebui-secret-key
      namespace: NS
      keys: { OPENWEBUI_SECRET_KEY: { base64: { bytes: 32 } } }
";

//! Either controller, ours or the reference's, as a process in the cluster's network.
//!
//! Each has a user of its own with the rights of the reference's manifest, so the audit log tells them apart, and ports of its own.
//! Controllers that run side by side must not look after the same objects: give each `--all-namespaces=false` with
//! `--additional-namespaces`, or a `--label-selector`.

use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use super::http::Answer;
use super::net::Process;
use super::{ADDRESS, Cluster, PORT, api, users::User};
use crate::support::{self, peers};

/// Which controller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// `hecate-seal-controller`.
    Ours,
    /// The reference's, 0.27.1.
    Reference,
    /// The reference's, 0.36.6, for what 0.27.1 cannot do yet: without a limit on its requests. Benchmarks only; built at first use.
    Current,
}

/// A controller to be started. Defaults: its keys in a namespace that must be there, a new user with the reference's rights, no renewal of
/// keys, keys of 2048 bits where it makes one.
#[derive(Clone)]
pub(crate) struct Setup<'a> {
    cluster: &'a Cluster,
    which: Which,
    namespace: String,
    flags: Vec<String>,
    env: Vec<(String, String)>,
    user: Option<User>,
    kubeconfig: Option<PathBuf>,
    service: Option<String>,
    in_pod: bool,
}

/// A running controller. It is killed when dropped; in a test that fails its log is then shown.
pub(crate) struct Controller<'a> {
    cluster: &'a Cluster,
    process: Process,
    pub(crate) which: Which,
    /// As whom it runs.
    pub(crate) user: User,
    /// Where it serves `/v1/cert.pem` and the like: `10.99.0.1:PORT`.
    pub(crate) http: String,
    /// Where it serves `/metrics`.
    pub(crate) metrics: String,
    /// Port of `http`.
    pub(crate) port: u16,
}

/// The rights of the reference's ClusterRole `secrets-unsealer`.
pub(crate) fn unsealer_rules() -> Value {
    json!([
        { "apiGroups": ["bitnami.com"], "resources": ["sealedsecrets"], "verbs": ["get", "list", "watch"] },
        { "apiGroups": ["bitnami.com"], "resources": ["sealedsecrets/status"], "verbs": ["update"] },
        { "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "create", "update", "delete", "watch"] },
        { "apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"] },
        { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] },
    ])
}

/// The rights of the reference's Role `sealed-secrets-key-admin` in its own namespace.
pub(crate) fn key_admin_rules() -> Value {
    json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "list"] }])
}

impl Cluster {
    /// A controller whose own namespace, where its keys are, is `namespace`.
    pub(crate) fn controller<'a>(&'a self, which: Which, namespace: &str) -> Setup<'a> {
        let namespace = namespace.to_owned();
        Setup {
            cluster: self,
            which,
            namespace,
            flags: Vec::new(),
            env: Vec::new(),
            user: None,
            kubeconfig: None,
            service: None,
            in_pod: false,
        }
    }

    /// A key Secret made of `keys/NAME.crt.pem` and `NAME.key.pem`, such as `test-only-2048`, for a controller to find at its start.
    pub(crate) fn key_secret(&self, namespace: &str, secret: &str, key: &str) {
        let data = |kind: &str| data_encoding::BASE64.encode(&std::fs::read(support::key(&format!("{key}.{kind}.pem"))).unwrap());
        let label = json!({ "sealedsecrets.bitnami.com/sealed-secrets-key": "active" });
        let object = json!({
            "metadata": { "name": secret, "labels": label },
            "type": "kubernetes.io/tls",
            "data": { "tls.crt": data("crt"), "tls.key": data("key") },
        });
        self.created(&api::secrets(namespace), &object);
    }
}

impl<'a> Setup<'a> {
    /// More flags. They win over the defaults.
    pub(crate) fn flags(mut self, flags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.flags.extend(flags.into_iter().map(Into::into));
        self
    }

    /// An environment variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs as this user, whose rights stay what they are.
    pub(crate) fn user(mut self, user: &User) -> Self {
        self.user = Some(user.clone());
        self
    }

    /// Ours gets this kubeconfig instead of one with the user's token.
    pub(crate) fn kubeconfig(mut self, path: &Path) -> Self {
        self.kubeconfig = Some(path.to_owned());
        self
    }

    /// Also makes a Service of this name that leads to it, in its own namespace.
    pub(crate) fn service(mut self, name: &str) -> Self {
        self.service = Some(name.to_owned());
        self
    }

    /// Ours, too, gets what a Pod has, a service account's files and two variables, instead of a kubeconfig and `POD_NAMESPACE`.
    pub(crate) fn in_pod(mut self) -> Self {
        self.in_pod = true;
        self
    }

    /// Starts it and waits until it answers `/healthz`. `None` where its program cannot be had, which has been reported as skipped.
    ///
    /// # Panics
    /// When it ends instead; with its log.
    pub(crate) fn start(self) -> Option<Controller<'a>> {
        let cluster = self.cluster;
        let mut controller = self.launch()?;
        let mut ended = None;
        super::wait_for(
            "the controller's /healthz",
            || cluster.logs(),
            || {
                ended = controller.process.ended();
                ended.is_some() || controller.get("/healthz").is_ok_and(|answer| answer.status == 200)
            },
        );
        assert!(ended.is_none(), "the controller ended with {ended:?}\n{}", controller.log());
        Some(controller)
    }

    /// Starts it without waiting, to see how it fails.
    pub(crate) fn launch(self) -> Option<Controller<'a>> {
        static PORTS: AtomicU16 = AtomicU16::new(20000);
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let cluster = self.cluster;
        let program = match self.which {
            Which::Ours => PathBuf::from(env!("CARGO_BIN_EXE_hecate-seal-controller")),
            Which::Reference => peers::get(&peers::CONTROLLER)?,
            Which::Current => peers::get(&peers::CONTROLLER_CURRENT)?,
        };
        let user = self.user.clone().unwrap_or_else(|| {
            let user = cluster.user();
            cluster.cluster_role(&user, &unsealer_rules());
            cluster.role(&user, &self.namespace, &key_admin_rules());
            user
        });
        let port = PORTS.fetch_add(2, Ordering::Relaxed);
        let (http, metrics) = (format!("{ADDRESS}:{port}"), format!("{ADDRESS}:{}", port + 1));
        if let Some(service) = &self.service {
            cluster.service(&self.namespace, service, port);
        }
        let flags = [
            format!("--listen-addr={http}"),
            format!("--listen-metrics-addr={metrics}"),
            "--key-renew-period=0".to_owned(),
            "--key-size=2048".to_owned(),
        ];
        let mut command = match self.which {
            Which::Ours if !self.in_pod => {
                let mut command = cluster.network.command(program);
                command.arg("--kubeconfig").arg(self.kubeconfig.clone().unwrap_or_else(|| cluster.kubeconfig(&user, None)));
                command
            }
            // The reference has no flag for a kubeconfig, so it gets a service account's files in a mount namespace of its own; and its
            // own /proc, for its metrics look there for themselves.
            Which::Ours | Which::Reference | Which::Current => {
                let account = "/run/secrets/kubernetes.io/serviceaccount";
                let script = format!(
                    "cp {ca} .ca-{port} && mount -t tmpfs tmpfs /run && mkdir -p {account} && printf %s {token} > {account}/token \
                     && mv .ca-{port} {account}/ca.crt && printf %s {namespace} > {account}/namespace \
                     && mount -t tmpfs tmpfs /var && mkdir -p /var/run/secrets && mount --bind /run/secrets /var/run/secrets \
                     && mount -t proc proc /proc \
                     && exec \"$0\" \"$@\"",
                    ca = "apiserver-certs/apiserver.crt",
                    token = user.token,
                    namespace = self.namespace,
                );
                let mut command = cluster.network.command("unshare");
                command.args(["--mount", "sh", "-c", &script]).arg(program);
                command.envs([("KUBERNETES_SERVICE_HOST", ADDRESS), ("KUBERNETES_SERVICE_PORT", PORT)]);
                command
            }
        };
        command.args(flags).args(&self.flags).current_dir(&cluster.folder);
        if !self.in_pod {
            command.env("POD_NAMESPACE", &self.namespace);
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        let name = format!("controller-{}-{}", self.namespace, NUMBER.fetch_add(1, Ordering::Relaxed));
        let process = Process::start(&name, command, &cluster.folder.join(format!("{name}.log")));
        Some(Controller { cluster, process, which: self.which, user, http, metrics, port })
    }
}

impl Controller<'_> {
    /// Everything that it has logged, both streams.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// GET from its HTTP server, without the API server between.
    ///
    /// # Errors
    /// No answer.
    pub(crate) fn get(&self, path: &str) -> Result<Answer, String> {
        self.cluster.direct(&self.http, "GET", path, &[], b"")
    }

    /// POST to its HTTP server.
    ///
    /// # Errors
    /// No answer.
    pub(crate) fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer, String> {
        self.cluster.direct(&self.http, "POST", path, headers, body)
    }

    /// The text of its `/metrics`.
    pub(crate) fn scrape(&self) -> String {
        self.cluster.direct(&self.metrics, "GET", "/metrics", &[], b"").unwrap().text().to_owned()
    }

    /// The same, if it answers.
    pub(crate) fn try_scrape(&self) -> Option<String> {
        Some(self.cluster.direct(&self.metrics, "GET", "/metrics", &[], b"").ok()?.text().to_owned())
    }

    /// The certificate that it serves now, PEM.
    pub(crate) fn certificate(&self) -> String {
        self.get("/v1/cert.pem").unwrap().text().to_owned()
    }

    /// The process: signals, memory, processor time.
    pub(crate) fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// SIGTERM, and how it ended.
    ///
    /// # Panics
    /// When it still runs after 30 seconds.
    pub(crate) fn stop(mut self) -> ExitStatus {
        self.process.signal("TERM");
        self.process.wait(Duration::from_secs(30))
    }

    /// SIGKILL.
    pub(crate) fn kill(mut self) {
        self.process.signal("KILL");
        self.process.wait(Duration::from_secs(30));
    }
}

impl Drop for Controller<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            #[expect(clippy::print_stderr, reason = "libtest shows it with the test that fails")]
            {
                eprintln!("--- log of the controller ({:?})\n{}", self.which, self.log());
            }
        }
    }
}

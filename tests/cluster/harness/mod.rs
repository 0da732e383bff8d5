//! A Kubernetes API server of the tests' own: etcd, kube-apiserver and kube-controller-manager in a private network.
//!
//! Everything runs inside new network and process namespaces (`net`; without root inside a user namespace too) that end with this
//! process, however it ends. The API server listens on 10.99.0.1, an address of the private loopback, because its service proxy refuses
//! 127.0.0.1. A program reaches it by running inside ([`Cluster::run`]); a test itself asks through sockets in the file system:
//!
//! - [`api`]: get, create, patch, delete … as administrator
//! - [`bridge`]: to any address inside, such as a controller's HTTP server
//! - [`users`]: users with the rights that a test gives them, and their kubeconfig files; [`certificates`]: their client certificates
//! - [`proxy`]: an HTTP proxy
//! - [`service`]: a Service that leads to a controller
//! - [`controller`]: either controller as a process
//! - [`audit`]: who asked the API server for what
//!
//! One cluster serves all tests of the binary ([`Cluster::shared`]): give each test its own namespaces and users. A test that pauses or
//! restarts the API server starts one for itself ([`Cluster::own`], 4 seconds of processor time). The CustomResourceDefinition of the
//! reference's chart is there from the start.
//!
//! `KUBEBUILDER_ASSETS` names a folder whose `etcd` and `kube-apiserver` (and `kube-controller-manager`, if it is there) are used instead of
//! building ours: other versions of Kubernetes can be tried so; without the manager nothing collects garbage and tests of that skip.
//! `HECATE_TEST_KUBECONFIG` names the kubeconfig of a running cluster: the tests that need no more than its API ([`existing`]) then run
//! against it too. Its network cannot be entered, its users and API server are not ours: everything else runs on our own as ever.
#![allow(dead_code, reason = "tests come to use each part in their turn")]

pub(crate) mod api;
pub(crate) mod audit;
pub(crate) mod bridge;
pub(crate) mod certificates;
pub(crate) mod controller;
pub(crate) mod existing;
pub(crate) mod http;
pub(crate) mod net;
pub(crate) mod proxy;
pub(crate) mod service;
pub(crate) mod users;

use std::ffi::OsStr;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::support::{self, Output, Run, peers};
use net::{Network, Process};

/// Where everything inside listens.
pub(crate) const ADDRESS: &str = "10.99.0.1";
/// The API server's port.
pub(crate) const PORT: &str = "6443";
/// The API server.
pub(crate) const SERVER: &str = "https://10.99.0.1:6443";

/// A running API server. Objects of one test are visible to the others: give each test its own namespace.
pub(crate) struct Cluster {
    folder: PathBuf,
    /// Sockets lie in a folder with a short path: its length is bounded.
    _sockets: tempfile::TempDir,
    api_socket: PathBuf,
    bridge_socket: PathBuf,
    kubectl: PathBuf,
    programs: PathBuf,
    authority: certificates::Authority,
    api_server: Mutex<Option<Process>>,
    /// They end with the network, which is dropped last.
    others: Vec<Process>,
    network: Network,
}

impl Cluster {
    /// The cluster of this test binary, started by the first test that asks. `None` where it cannot be had, which has been
    /// reported as skipped (with `CI=true` it is a failure).
    pub(crate) fn shared() -> Option<&'static Self> {
        static CLUSTER: OnceLock<Result<Option<Cluster>, ()>> = OnceLock::new();
        let started = CLUSTER.get_or_init(|| catch_unwind(AssertUnwindSafe(|| Self::start("shared"))).map_err(|_| ()));
        started.as_ref().expect("the cluster did not start; the first test that asked says why").as_ref()
    }

    /// A cluster for one test alone, which may pause and restart its API server. It ends with the value.
    pub(crate) fn own() -> Option<Self> {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        Self::start(&format!("own{}", NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed)))
    }

    fn start(name: &str) -> Option<Self> {
        let kubectl = peers::go_program("kubectl")?;
        let folder = folder(name);
        let programs = programs(&folder)?;
        fs::write(folder.join("tokens.csv"), users::tokens()).unwrap();
        fs::write(folder.join("audit-policy.yaml"), audit::policy()).unwrap();
        let sockets = tempfile::Builder::new().prefix("hecate-").tempdir().unwrap();
        let mut cluster = Self {
            api_socket: sockets.path().join("api"),
            bridge_socket: sockets.path().join("bridge"),
            _sockets: sockets,
            authority: certificates::Authority::new(&folder),
            folder,
            kubectl,
            programs,
            api_server: Mutex::new(None),
            others: Vec::new(),
            network: Network::new(),
        };
        let etcd = [
            "--data-dir=etcd-data",
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
            "--listen-peer-urls=http://127.0.0.1:2380",
            "--unsafe-no-fsync",
        ];
        let etcd = cluster.spawn("etcd", |command| {
            command.args(etcd);
        });
        cluster.others.push(etcd);
        cluster.start_api_server();

        let bridge = cluster.bridge_socket.clone();
        let mut command = cluster.network.command(std::env::current_exe().unwrap());
        bridge::arguments(&mut command, &bridge);
        cluster.others.push(Process::start("bridge", command, &cluster.folder.join("bridge.log")));
        let mut command = cluster.network.command(&cluster.kubectl);
        command.args(["proxy", "--reject-paths=^$"]).arg(format!("--unix-socket={}", cluster.api_socket.display()));
        command.arg("--kubeconfig").arg(cluster.kubeconfig(&users::admin(), None));
        cluster.others.push(Process::start("proxy", command, &cluster.folder.join("proxy.log")));
        cluster.wait("kubectl proxy and the bridge", || cluster.api_socket.exists() && cluster.bridge_socket.exists());

        // The manager comes after it: what it finds at its start it watches at once.
        cluster.apply(&reference_crd());
        cluster.kubectl(["wait", "--for=condition=Established", "crd/sealedsecrets.bitnami.com", "--timeout=60s"]).ok();
        if cluster.collects_garbage() {
            let kubeconfig = cluster.kubeconfig(&users::admin(), None);
            let manager = cluster.spawn("kube-controller-manager", |command| {
                command.arg("--kubeconfig").arg(kubeconfig).args([
                    "--controllers=garbage-collector-controller,namespace-controller,serviceaccount-controller",
                    "--leader-elect=false",
                    "--secure-port=0",
                ]);
            });
            cluster.others.push(manager);
        }
        Some(cluster)
    }

    fn start_api_server(&self) {
        let signing_key = support::key("test-only-2048.key.pem").display().to_string();
        let process = self.spawn("kube-apiserver", |command| {
            command.args([
                "--etcd-servers=http://127.0.0.1:2379",
                "--bind-address=0.0.0.0",
                "--advertise-address=10.99.0.1",
                "--cert-dir=apiserver-certs",
                "--authorization-mode=RBAC",
                "--token-auth-file=tokens.csv",
                &format!("--client-ca-file={}", certificates::FILE),
                "--disable-admission-plugins=ServiceAccount",
                "--service-cluster-ip-range=10.98.0.0/16",
                "--service-account-issuer=https://kubernetes.default.svc",
                "--audit-policy-file=audit-policy.yaml",
                "--audit-log-path=audit.log",
                &format!("--service-account-key-file={signing_key}"),
                &format!("--service-account-signing-key-file={signing_key}"),
            ]);
        });
        *self.api_server() = Some(process);
        self.wait("the API server", || {
            let ended = self.api_server().as_mut().and_then(Process::ended);
            assert!(ended.is_none(), "the API server ended with {ended:?}\n{}", self.logs());
            self.kubectl(["get", "--raw=/readyz"]).output().code == Some(0)
        });
    }

    fn api_server(&self) -> MutexGuard<'_, Option<Process>> {
        self.api_server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the API server from answering; connections stay open. Only on a cluster of the test's own.
    pub(crate) fn pause(&self) {
        self.api_server().as_mut().unwrap().signal("STOP");
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) {
        self.api_server().as_mut().unwrap().signal("CONT");
    }

    /// Ends the API server: connections to it are refused.
    pub(crate) fn stop_api_server(&self) {
        if let Some(mut server) = self.api_server().take() {
            server.signal("KILL");
            server.wait(Duration::from_secs(30));
        }
    }

    /// Ends the API server if it runs, and starts it again over the same objects.
    pub(crate) fn restart_api_server(&self) {
        self.stop_api_server();
        self.start_api_server();
    }

    /// Processor time that each program of the cluster has used: etcd, the API server, and what is around them.
    pub(crate) fn cpu(&self) -> Vec<(String, Duration)> {
        let of = |process: &Process| (process.name().to_owned(), process.cpu());
        self.others.iter().map(of).chain(self.api_server().iter().map(of)).collect()
    }

    /// Whether objects whose owner is gone are deleted: only where there is a kube-controller-manager.
    pub(crate) fn collects_garbage(&self) -> bool {
        self.programs.join("kube-controller-manager").exists()
    }

    /// A program that runs inside the cluster's network.
    pub(crate) fn run(&self, program: impl AsRef<OsStr>) -> Run {
        self.network.run(program)
    }

    /// The command that starts a program inside, for one that is not run to its end at once.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.network.command(program)
    }

    /// kubectl as administrator.
    pub(crate) fn kubectl<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Run {
        let token = format!("--token={}", users::admin().token);
        let connection = [&format!("--server={SERVER}"), &token, "--insecure-skip-tls-verify"];
        self.run(&self.kubectl).args(connection).args(args)
    }

    /// Applies manifests.
    pub(crate) fn apply(&self, manifests: &str) -> Output {
        self.kubectl(["apply", "-f", "-"]).stdin(manifests).ok()
    }

    /// Waits up to 60 seconds.
    ///
    /// # Panics
    /// When it does not come about; with what every process has logged last.
    pub(crate) fn wait(&self, what: &str, ready: impl FnMut() -> bool) {
        wait_for(what, || self.logs(), ready);
    }

    /// The last lines of every process's log, for a failure's text.
    pub(crate) fn logs(&self) -> String {
        let mut logs: Vec<PathBuf> = fs::read_dir(&self.folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension() == Some("log".as_ref()))
            .collect();
        logs.sort();
        logs.iter().filter(|path| !path.ends_with("audit.log")).fold(String::new(), |text, path| {
            let log = String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines.get(lines.len().saturating_sub(25)..).unwrap_or_default();
            let cut: Vec<String> = last.iter().map(|line| line.chars().take(400).collect()).collect();
            text + &format!("--- {}\n{}\n", path.display(), cut.join("\n"))
        })
    }

    fn spawn(&self, name: &str, with: impl FnOnce(&mut Command)) -> Process {
        let mut command = self.network.command(self.programs.join(name));
        command.current_dir(&self.folder);
        with(&mut command);
        Process::start(name, command, &self.folder.join(format!("{name}.log")))
    }
}

/// An empty folder of this process; those of processes that are gone are removed.
fn folder(name: &str) -> PathBuf {
    let parent = peers::target().join("tmp").join("cluster");
    fs::create_dir_all(&parent).unwrap();
    for entry in fs::read_dir(&parent).unwrap().filter_map(Result::ok) {
        let owner = entry.file_name().to_string_lossy().rsplit('-').next().and_then(|pid| pid.parse::<u32>().ok());
        if owner.is_none_or(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            _ = fs::remove_dir_all(entry.path());
        }
    }
    let folder = parent.join(format!("{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// The folder with the servers' programs.
fn programs(folder: &Path) -> Option<PathBuf> {
    if let Some(assets) = std::env::var_os("KUBEBUILDER_ASSETS") {
        return Some(assets.into());
    }
    let kubernetes = peers::go_module("cluster/go", "kubernetes 1.36.3 and etcd 3.6.8")?;
    let programs = folder.join("programs");
    fs::create_dir_all(&programs).unwrap();
    for name in ["etcd", "kube-apiserver", "kube-controller-manager"] {
        std::os::unix::fs::symlink(&kubernetes, programs.join(name)).unwrap();
    }
    Some(programs)
}

/// The CustomResourceDefinition that the reference's chart installs.
pub(crate) fn reference_crd() -> String {
    fs::read_to_string(reference_module().join("helm/sealed-secrets/crds/bitnami.com_sealedsecrets.yaml")).unwrap()
}

/// The folder of the reference's sources; its chart is in `helm/sealed-secrets`.
pub(crate) fn reference_module() -> PathBuf {
    go_module_folder("github.com/bitnami-labs/sealed-secrets", peers::CONTROLLER.version)
}

/// The folder of a Go module's sources, from the module proxy if it is not here yet.
pub(crate) fn go_module_folder(module: &str, version: &str) -> PathBuf {
    let module = format!("{module}@v{version}");
    let output = Command::new("go").args(["mod", "download", "-json", &module]).current_dir("/").output().expect("go runs");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    PathBuf::from(answer["Dir"].as_str().unwrap_or_else(|| panic!("{module}: {answer}")))
}

/// Waits up to 60 seconds.
///
/// # Panics
/// When it does not come about; with `detail`, which is asked only then.
pub(crate) fn wait_for(what: &str, detail: impl Fn() -> String, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < end, "{what} did not come about within 60 s\n{}", detail());
        std::thread::sleep(Duration::from_millis(50));
    }
}

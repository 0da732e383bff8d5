//! A Kubernetes API server of the test's own: etcd and kube-apiserver in a private network, for as long as the test runs.
//!
//! Everything runs inside new network and process namespaces (`unshare`; without root inside a user namespace too), whose first
//! process waits on a pipe that this process holds: when the tests end, however they end, the kernel ends the cluster with them.
//! The API server listens on 10.99.0.1, an address of the private loopback, because its service proxy refuses 127.0.0.1. Programs
//! reach it by running inside through [`Cluster::run`].

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::support::{self, Output, Run, peers};

const SERVER: &str = "https://10.99.0.1:6443";
const ADMIN_TOKEN: &str = "test-admin";

/// A running API server. Objects of one test are visible to the others: give each test its own namespace.
pub(crate) struct Cluster {
    folder: PathBuf,
    /// First process of the namespaces, as seen from outside.
    init: u32,
    /// Held so that its standard input stays open.
    _unshare: Child,
    kubectl: PathBuf,
}

impl Cluster {
    /// The cluster of this test binary, started by the first test that asks. `None` where it cannot be had, which has been
    /// reported as skipped (with `CI=true` it is a failure).
    pub(crate) fn get() -> Option<&'static Self> {
        static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
        CLUSTER.get_or_init(Self::start).as_ref()
    }

    fn start() -> Option<Self> {
        let kubernetes = peers::go_module("cluster/go", "kubernetes 1.36.3 and etcd 3.6.8")?;
        let kubectl = peers::go_program("kubectl")?;
        let folder = peers::target().join("tmp").join("cluster");
        _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        for name in ["etcd", "kube-apiserver"] {
            std::os::unix::fs::symlink(&kubernetes, folder.join(name)).unwrap();
        }
        fs::write(folder.join("tokens.csv"), format!("{ADMIN_TOKEN},admin,admin,system:masters\n")).unwrap();

        let mut unshare = Command::new("unshare");
        if !is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        let mut unshare = unshare
            .args(["--net", "--pid", "--fork", "--kill-child", "sh", "-c"])
            .arg("ip link set lo up && ip addr add 10.99.0.1/32 dev lo && exec cat")
            .stdin(Stdio::piped())
            .spawn()
            .expect("unshare starts (util-linux)");
        let init = first_child(&mut unshare);
        let cluster = Self { folder, init, _unshare: unshare, kubectl };
        wait_for("the private network", String::new, || {
            cluster.run("ip").args(["addr", "show", "to", "10.99.0.1"]).ok().out().contains("10.99.0.1")
        });

        cluster.spawn(
            "etcd",
            &[
                "--data-dir=etcd-data",
                "--listen-client-urls=http://127.0.0.1:2379",
                "--advertise-client-urls=http://127.0.0.1:2379",
                "--listen-peer-urls=http://127.0.0.1:2380",
                "--unsafe-no-fsync",
            ],
        );
        let signing_key = support::key("test-only-2048.key.pem").display().to_string();
        cluster.spawn(
            "kube-apiserver",
            &[
                "--etcd-servers=http://127.0.0.1:2379",
                "--bind-address=0.0.0.0",
                "--advertise-address=10.99.0.1",
                "--cert-dir=apiserver-certs",
                "--authorization-mode=RBAC",
                "--token-auth-file=tokens.csv",
                "--disable-admission-plugins=ServiceAccount",
                "--service-cluster-ip-range=10.98.0.0/24",
                "--service-account-issuer=https://kubernetes.default.svc",
                &format!("--service-account-key-file={signing_key}"),
                &format!("--service-account-signing-key-file={signing_key}"),
            ],
        );
        wait_for(
            "the API server",
            || cluster.log("kube-apiserver"),
            || cluster.kubectl(["get", "--raw=/readyz"]).output().code == Some(0),
        );
        Some(cluster)
    }

    /// A program that runs inside the cluster's network.
    pub(crate) fn run(&self, program: impl AsRef<OsStr>) -> Run {
        Run::new("nsenter").args(self.enter()).arg("--").arg(program)
    }

    /// kubectl as administrator.
    pub(crate) fn kubectl<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Run {
        let connection =
            [format!("--server={SERVER}"), format!("--token={ADMIN_TOKEN}"), "--insecure-skip-tls-verify".to_owned()];
        self.run(&self.kubectl).args(connection).args(args)
    }

    /// Creates a namespace.
    pub(crate) fn namespace(&self, name: &str) {
        self.kubectl(["create", "namespace", name]).ok();
    }

    /// Applies manifests.
    pub(crate) fn apply(&self, manifests: &str) -> Output {
        self.kubectl(["apply", "-f", "-"]).stdin(manifests).ok()
    }

    /// A value of a Secret, decoded by kubectl; `None` while there is none.
    pub(crate) fn secret_value(&self, namespace: &str, name: &str, key: &str) -> Option<Vec<u8>> {
        let template = format!("--template={{{{index .data {key:?} | base64decode}}}}");
        let output = self.kubectl(["get", "secret", name, "-n", namespace, "-o", "go-template", &template]).output();
        (output.code == Some(0)).then_some(output.stdout)
    }

    /// Starts the reference controller on the key Secrets in `kube-system`; its log is in the cluster's folder.
    ///
    /// It has no flag for a kubeconfig, so it gets a service account's files in a mount namespace of its own.
    #[expect(clippy::zombie_processes, reason = "it lives as long as the namespaces do, which end with this process")]
    pub(crate) fn start_reference_controller(&self, program: &Path) {
        let account = "/run/secrets/kubernetes.io/serviceaccount";
        let script = format!(
            "mount -t tmpfs tmpfs /run && mkdir -p {account} && printf %s {ADMIN_TOKEN} > {account}/token \
             && cp apiserver-certs/apiserver.crt {account}/ca.crt && printf kube-system > {account}/namespace \
             && mount -t tmpfs tmpfs /var && mkdir -p /var/run/secrets && mount --bind /run/secrets /var/run/secrets \
             && exec \"$0\" --key-renew-period=0"
        );
        let log = fs::File::create(self.folder.join("controller.log")).unwrap();
        Command::new("nsenter")
            .args(self.enter())
            .args(["--", "unshare", "--mount", "sh", "-c", &script])
            .arg(program)
            .envs([
                ("KUBERNETES_SERVICE_HOST", "10.99.0.1"),
                ("KUBERNETES_SERVICE_PORT", "6443"),
                ("POD_NAMESPACE", "kube-system"),
            ])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("nsenter starts");
    }

    /// What a program of the cluster has logged, for a failure's text.
    pub(crate) fn log(&self, program: &str) -> String {
        let text = fs::read_to_string(self.folder.join(format!("{program}.log"))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(40).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    fn enter(&self) -> Vec<String> {
        let mut args = vec!["--target".to_owned(), self.init.to_string(), "--net".to_owned(), "--pid".to_owned()];
        if !is_root() {
            args.extend(["--user".to_owned(), "--preserve-credentials".to_owned()]);
        }
        args
    }

    #[expect(clippy::zombie_processes, reason = "it lives as long as the namespaces do, which end with this process")]
    fn spawn(&self, name: &str, args: &[&str]) {
        let log = fs::File::create(self.folder.join(format!("{name}.log"))).unwrap();
        Command::new("nsenter")
            .args(self.enter())
            .arg("--")
            .arg(self.folder.join(name))
            .args(args)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("nsenter starts (util-linux)");
    }
}

/// Waits up to 60 seconds.
///
/// # Panics
/// When it does not come about; with `detail`, which is asked only then.
pub(crate) fn wait_for(what: &str, detail: impl Fn() -> String, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !ready() {
        assert!(Instant::now() < end, "{what} did not come about within 60 s\n{}", detail());
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn is_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n"))
}

/// The process that `unshare --fork` made.
fn first_child(unshare: &mut Child) -> u32 {
    let path = format!("/proc/{0}/task/{0}/children", unshare.id());
    let mut child = None;
    wait_for("the private namespaces", String::new, || {
        if let Some(status) = unshare.try_wait().unwrap() {
            panic!("unshare ended with {status}: namespaces are not to be had here");
        }
        child = fs::read_to_string(&path).unwrap().split_whitespace().next().and_then(|pid| pid.parse().ok());
        child.is_some()
    });
    child.unwrap_or_default()
}

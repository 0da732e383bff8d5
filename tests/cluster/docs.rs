//! The pages and recordings of `docs/` whose commands need a cluster, run as they are typed there.
//!
//! The programs run inside the cluster's network ([`Workshop`]). There is no kubelet: [`Kubelet`] looks at the controller's Deployment
//! after each command and runs the controller that its image names, ours or the reference's, with the Deployment's arguments and as its
//! service account, so that `hecate-seal install`, `helm upgrade` and `helm rollback` do what they do on nodes, and the rights in the
//! manifests are shown to suffice.
//!
//! `HECATE_UPDATE=1` writes the recordings anew (`support::recording`).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::Cluster;
use crate::harness::controller::{Controller, Which};
use crate::harness::service::Service;
use crate::harness::users::User;
use crate::support::console::{self, Stage};
use crate::support::{self, peers, recording};

/// Name of the controller's Deployment and Service in `kube-system`.
const CONTROLLER: &str = "sealed-secrets-controller";
const NAMESPACE: &str = "kube-system";

/// A folder with a tree to work in and programs that reach a cluster.
pub(crate) struct Workshop {
    folder: tempfile::TempDir,
    kubeconfig: String,
}

impl Workshop {
    /// With an empty tree. `None` without kubectl.
    pub(crate) fn new(cluster: &Cluster) -> Option<Self> {
        let folder = support::temp_dir();
        fs::create_dir(folder.path().join("bin")).unwrap();
        fs::create_dir(folder.path().join("repository")).unwrap();
        std::os::unix::fs::symlink(support::root().join("deploy"), folder.path().join("deploy")).unwrap();
        let kubeconfig = folder.path().join("kubeconfig").display().to_string();
        let workshop = Self { folder, kubeconfig };
        workshop.enter(cluster)?;
        Some(workshop)
    }

    /// From now on the programs reach this cluster.
    pub(crate) fn enter(&self, cluster: &Cluster) -> Option<()> {
        fs::copy(cluster.kubeconfig(&cluster.admin(), None), &self.kubeconfig).unwrap();
        self.program(cluster, "hecate-seal", Path::new(env!("CARGO_BIN_EXE_hecate-seal")));
        self.program(cluster, "kubeseal", &support::kubeseal_link());
        self.program(cluster, "kubectl", &peers::go_program("kubectl")?);
        Some(())
    }

    /// A program that runs inside the cluster's network.
    fn program(&self, cluster: &Cluster, name: &str, program: &Path) {
        let command = cluster.command(program);
        let words: Vec<String> = std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect();
        let shim = self.bin().join(name);
        fs::write(&shim, format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "))).unwrap();
        fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn bin(&self) -> PathBuf {
        self.folder.path().join("bin")
    }

    /// Plays a recording in the tree.
    pub(crate) fn play(&self, name: &str, after: &mut dyn FnMut(&str)) -> usize {
        let env = [("KUBECONFIG", self.kubeconfig.as_str())];
        let tree = self.folder.path().join("repository");
        recording::play(name, &Stage { folder: &tree, path: &self.bin(), env: &env }, after)
    }

    /// Runs the commands of a page in a tree.
    fn page(&self, page: &str, tree: &Path, after: &mut dyn FnMut(&str)) -> usize {
        let env = [("KUBECONFIG", self.kubeconfig.as_str())];
        let stage = Stage { folder: tree, path: &self.bin(), env: &env };
        console::run_document_with(&support::root().join("docs").join(page), &stage, after)
    }
}

fn quoted(word: &OsStr) -> String {
    format!("'{}'", word.to_str().unwrap().replace('\'', "'\\''"))
}

/// Runs the controller that the Deployment in the cluster names.
pub(crate) struct Kubelet<'a> {
    cluster: &'a Cluster,
    image: String,
    controller: Option<Controller<'a>>,
}

impl<'a> Kubelet<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> Self {
        Self { cluster, image: String::new(), controller: None }
    }

    /// Does what the Deployment says now.
    pub(crate) fn look(&mut self) {
        let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{CONTROLLER}");
        let (status, deployment) = self.cluster.get(&path);
        let image = deployment.pointer("/spec/template/spec/containers/0/image").and_then(Value::as_str);
        let image = image.filter(|_| status == 200).unwrap_or_default().to_owned();
        if image == self.image {
            return;
        }
        if let Some(old) = self.controller.take() {
            old.stop();
        }
        self.image = image;
        let which = match self.image.as_str() {
            "" => return,
            ours if ours.contains("hecate-seal-controller") => Which::Ours,
            _ => Which::Reference,
        };
        let pod = &deployment["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().expect("the Deployment has a service account");
        let token = self.cluster.kubectl(["create", "token", account, "-n", NAMESPACE]).ok().out().trim().to_owned();
        let user = User { name: format!("system:serviceaccount:{NAMESPACE}:{account}"), token };
        let setup = self.cluster.controller(which, NAMESPACE).user(&user).flags(flags(&pod["containers"][0]["args"]));
        let controller = setup.start().expect("the controller is there");
        let port = controller.port;
        let labels = json!({});
        self.cluster.endpoints(&Service { namespace: NAMESPACE, name: CONTROLLER, port, port_name: Some("http"), labels });
        crate::harness::wait_for(
            "the certificate",
            || controller.log(),
            || controller.get("/v1/cert.pem").is_ok_and(|answer| answer.status == 200),
        );
        let generation = &deployment["metadata"]["generation"];
        let all_up = json!({ "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1 });
        self.cluster.patched(&format!("{path}/status"), &json!({ "status": all_up }));
        self.controller = Some(controller);
    }
}

/// The arguments of a container, but for where to listen: that is the test's to say.
fn flags(args: &Value) -> Vec<String> {
    let mut kept = Vec::new();
    let mut skipping = false;
    for arg in args.as_array().into_iter().flatten().filter_map(Value::as_str) {
        skipping = arg.starts_with("--listen") || skipping && !arg.starts_with('-');
        if !skipping {
            kept.push(arg.to_owned());
        }
    }
    kept
}

/// A cluster on which nobody has installed anything yet.
pub(crate) fn bare_cluster() -> Option<Cluster> {
    let cluster = Cluster::own()?;
    cluster.kubectl(["delete", "crd", "sealedsecrets.bitnami.com"]).ok();
    Some(cluster)
}

/// Both on one cluster, for starting it is half of the work.
#[test]
fn getting_started_works_as_it_says_and_so_does_the_swap() {
    let (Some(helm), Some(_), Some(cluster)) = (peers::get(&peers::HELM), peers::get(&peers::CONTROLLER), bare_cluster()) else {
        return;
    };
    let Some(workshop) = Workshop::new(&cluster) else { return };
    let mut kubelet = Kubelet::new(&cluster);
    let tree = workshop.folder.path().join("getting-started");
    fs::create_dir(&tree).unwrap();
    let ran = workshop.page("getting-started.md", &tree, &mut |_| kubelet.look());
    assert!(ran >= 25, "only {ran} commands");

    // As it was before, but for the CustomResourceDefinition, and the reference's release on it.
    for what in [
        &["sealedsecret,secret", "--all", "-n", "web"][..],
        &["deployment,service,sa,role,rolebinding,secret", "--all", "-n", NAMESPACE],
    ] {
        cluster.kubectl(["delete"]).args(what).ok();
    }
    cluster.kubectl(["delete", "clusterrole,clusterrolebinding", "-l", "app.kubernetes.io/name=sealed-secrets"]).ok();
    kubelet.look();
    workshop.program(&cluster, "helm", &helm);
    let chart = crate::harness::reference_module().join("helm/sealed-secrets");
    let install = cluster.run(&helm).args(["install", "sealed-secrets", "--skip-crds", "--namespace", NAMESPACE, "--kubeconfig"]);
    install.arg(&workshop.kubeconfig).arg("--set").arg(format!("fullnameOverride={CONTROLLER}")).arg(chart).ok();
    kubelet.look();
    let ran = workshop.play("swap", &mut |_| kubelet.look());
    assert!(ran >= 15, "only {ran} commands");
}

#[test]
fn the_recording_of_bootstrap_is_what_it_prints() {
    let Some(cluster) = Cluster::shared() else { return };
    let Some(workshop) = Workshop::new(cluster) else { return };
    let ran = workshop.play("bootstrap", &mut |_| ());
    assert!(ran >= 8, "only {ran} commands");
}

/// A server is started and told to reload: in the cluster's network its ports are free, and it ends with it.
#[test]
fn the_page_on_nats_works_as_it_says() {
    let Some(cluster) = Cluster::shared() else { return };
    let (Some(server), Some(workshop)) = (peers::get(&peers::NATS_SERVER), Workshop::new(cluster)) else { return };
    workshop.program(cluster, "nats-server", &server);
    for part in ["examples/lab", "keys"] {
        support::copy_tree(&support::root().join(part), &workshop.folder.path().join(part));
    }
    let ran = workshop.page("nats.md", &workshop.folder.path().join("examples/lab"), &mut |_| ());
    assert!(ran >= 15, "only {ran} commands");
}

//! Our verbs with a cluster: `cert fetch`, `verify --online`, `reseal` by the controller; against either controller.

use std::path::Path;
use std::process::Command;

use crate::harness::Cluster;
use crate::harness::api::sealed_secrets;
use crate::harness::controller::{Controller, Which};
use crate::support::{self, Output};

/// A controller with a Service, and the folder of a repository with a kubeconfig for it.
struct Place {
    cluster: &'static Cluster,
    controller: Controller<'static>,
    namespace: String,
    folder: tempfile::TempDir,
    config: std::path::PathBuf,
}

impl Place {
    /// `None` where a program cannot be had.
    fn new(which: Which, namespace: &str) -> Option<Self> {
        let cluster = Cluster::shared()?;
        cluster.namespace(namespace);
        cluster.key_secret(namespace, "key-one", "test-only-2048-other");
        let controller = start(cluster, which, namespace)?;
        let config = cluster.kubeconfig(&cluster.admin(), None);
        Some(Self { cluster, controller, namespace: namespace.to_owned(), folder: support::temp_dir(), config })
    }

    fn run(&self, words: &[&str]) -> Output {
        let run = self.cluster.run(env!("CARGO_BIN_EXE_hecate-seal")).cwd(self.folder.path()).args(words);
        run.env("KUBECONFIG", &self.config).timeout(std::time::Duration::from_secs(120)).output()
    }

    /// The same with the flags that say which controller.
    fn ask(&self, words: &[&str]) -> Output {
        self.run(&[words, &["--controller-namespace", &self.namespace]].concat())
    }

    /// The controller again, with a newer key.
    fn with_newer_key(self) -> Option<Self> {
        let Self { cluster, controller, namespace, folder, config } = self;
        let which = controller.which;
        controller.stop();
        cluster.delete(&format!("/api/v1/namespaces/{namespace}/services/sealed-secrets-controller"));
        cluster.delete(&format!("/api/v1/namespaces/{namespace}/endpoints/sealed-secrets-controller"));
        cluster.kubectl(["delete", "pod", "sealed-secrets-controller-0", "-n", &namespace, "--force", "--grace-period=0"]).ok();
        let key =
            support::hecate().args(["keys", "generate", "--secret", "--bits", "2048", "--namespace", &namespace, "-o", "-"]).ok();
        cluster.kubectl(["create", "-f", "-"]).stdin(key.out()).ok();
        let controller = start(cluster, which, &namespace)?;
        Some(Self { cluster, controller, namespace, folder, config })
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }
}

fn start(cluster: &'static Cluster, which: Which, namespace: &str) -> Option<Controller<'static>> {
    let controller = cluster.controller(which, namespace).service("sealed-secrets-controller");
    controller.flags(["--all-namespaces=false", "--rate-limit=100", "--rate-limit-burst=100"]).start()
}

fn git(folder: &Path, words: &[&str]) -> String {
    let output =
        Command::new("git").args(["-c", "user.name=t", "-c", "user.email=t@example"]).args(words).current_dir(folder).output();
    String::from_utf8(output.unwrap().stdout).unwrap()
}

/// The whole life of a repository: certificate fetched, values sealed and applied, checked, the key renewed, everything resealed.
fn journey(which: Which, namespace: &str) {
    let Some(place) = Place::new(which, namespace) else { return };
    std::fs::write(place.path(".hecate-seal.yaml"), "certificate: certs/pub.pem\n").unwrap();
    std::fs::create_dir_all(place.path("certs")).unwrap();
    git(place.folder.path(), &["init", "-q"]);

    // The certificate: missing, fetched, checked.
    let missing = place.ask(&["cert", "fetch", "--check"]).code(1);
    assert!(missing.out().contains("certs/pub.pem is not there"), "{}", missing.out());
    let fetched = place.ask(&["cert", "fetch"]).code(0);
    assert!(fetched.err().contains("note: wrote certs/pub.pem: "), "{}", fetched.err());
    assert_eq!(place.read("certs/pub.pem"), place.controller.certificate());
    place.ask(&["cert", "fetch", "--check"]).code(0);
    assert_eq!(place.ask(&["cert", "fetch", "-o", "-"]).code(0).out(), place.controller.certificate());
    let again = place.ask(&["cert", "fetch"]).code(0);
    assert!(again.err().contains("certs/pub.pem is the controller's certificate"), "{}", again.err());
    std::fs::write(place.path("private.key"), "precious").unwrap();
    let refused = place.ask(&["cert", "fetch", "-o", "private.key"]).code(1);
    assert!(refused.err().contains("private.key is there and is no certificate"), "{}", refused.err());
    assert_eq!(place.read("private.key"), "precious");

    // Sealed with it, with a template that rotation by the controller would lose.
    for n in 0..4 {
        let (file, name) = (format!("apps/{n}.yaml"), format!("app-{n}"));
        std::fs::create_dir_all(place.path("apps")).unwrap();
        let value = format!("value-{n}");
        place.run(&["A", &value, "--file", &file, "--name", &name, "--namespace", namespace]).code(0);
        let text = format!("# kept {n}\n{}", place.read(&file));
        let text = text.replacen("  template:\n", "  template:\n    data:\n      A2: \"{{ .A }}!\" # kept too\n", 1);
        std::fs::write(place.path(&file), text).unwrap();
    }
    let verified = place.ask(&["verify", "--online", "apps"]).code(0);
    assert!(verified.err().contains("4 SealedSecrets in 4 files: 0 errors"), "{}", verified.err());
    let moved = place.read("apps/0.yaml").replace("name: app-0", "name: app-9");
    std::fs::write(place.path("moved.yaml"), &moved).unwrap();
    let found = place.ask(&["verify", "--online"]).code(1);
    assert!(found.out().contains(&format!("error: {namespace}/app-9: the controller cannot open it")), "{}", found.out());
    // One that does not open does not keep the others from being resealed, and is whole.
    git(place.folder.path(), &["add", "."]);
    git(place.folder.path(), &["commit", "-qm", "one"]);
    let Some(place) = place.with_newer_key() else { return };
    let old = place.ask(&["cert", "fetch", "--check"]).code(1);
    assert!(old.out().contains("certs/pub.pem holds another certificate"), "{}", old.out());
    place.ask(&["cert", "fetch"]).code(0);

    let dry = place.ask(&["reseal", "--dry-run", "apps"]).code(0);
    assert!(dry.err().contains("4 files would be changed"), "{}", dry.err());
    assert_eq!(git(place.folder.path(), &["status", "--short", "apps"]), "");
    let resealed = place.ask(&["reseal"]).code(1);
    assert!(resealed.err().contains("moved.yaml: document 1"), "{}", resealed.err());
    assert!(resealed.err().contains("note: 4 files changed, 0 unchanged, 1 failed"), "{}", resealed.err());
    assert_eq!(place.read("moved.yaml"), moved);
    // One line a file has changed: the sealed value.
    let changed = git(place.folder.path(), &["diff", "--numstat", "apps"]);
    let lines: Vec<&str> = changed.lines().collect();
    assert!(lines.len() == 4 && lines.iter().all(|line| line.starts_with("1\t1\t")), "{changed}");
    place.ask(&["verify", "--online", "apps"]).code(0);

    // And it is sealed for the newest key, under the same name: the controller makes the same Secret of it.
    place.cluster.apply(&place.read("apps/1.yaml"));
    place.cluster.wait("the Secret", || place.cluster.secret_value(namespace, "app-1", "A").as_deref() == Some(b"value-1"));
    assert_eq!(place.cluster.secret_value(namespace, "app-1", "A2").as_deref(), Some(b"value-1!".as_slice()));
    place.cluster.delete(&format!("{}/app-1", sealed_secrets(namespace)));
    let keys = place
        .cluster
        .kubectl(["get", "secret", "-n", namespace, "-l", "sealedsecrets.bitnami.com/sealed-secrets-key", "-o", "json"])
        .ok();
    std::fs::write(place.path("keys.json"), keys.out()).unwrap();
    let local = place.run(&["reseal", "-p", "keys.json", "apps"]).code(0);
    assert!(local.err().contains("note: 0 files changed, 4 unchanged"), "{}{}", local.out(), local.err());
}

#[test]
fn a_repository_and_the_reference_controller() {
    journey(Which::Reference, "verbs-reference");
}

#[test]
fn a_repository_and_our_controller() {
    journey(Which::Ours, "verbs-ours");
}

#[test]
fn no_cluster_and_no_rights_are_said() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = support::temp_dir();
    let user = cluster.user();
    let config = cluster.kubeconfig(&user, None);
    for verb in [&["cert", "fetch"][..], &["reseal"], &["verify", "--online"]] {
        let run = || cluster.run(env!("CARGO_BIN_EXE_hecate-seal")).cwd(folder.path()).args(verb);
        let output = run().arg("--kubeconfig").arg(&config).output().code(1);
        let text = format!("services \"sealed-secrets-controller\" is forbidden: User \"{}\" cannot get resource", user.name);
        assert!(output.err().contains(&text), "{}", output.err());
        let output = run().output().code(1);
        assert!(output.err().contains("no configuration has been provided"), "{}", output.err());
        let output = run().args(["--kubeconfig", "/none"]).output().code(1);
        assert!(output.err().contains("cannot read the kubeconfig /none"), "{}", output.err());
        run().args(["--request-timeout", "soon"]).output().code(2);
    }
}

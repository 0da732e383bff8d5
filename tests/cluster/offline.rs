//! Sealed without a cluster, opened by one: our key Secret is the reference controller's key, and what we seal becomes Secrets.

use std::path::Path;
use std::process::Command;

use crate::harness::{Cluster, wait_for};
use crate::support::{self, peers};

/// The CustomResourceDefinition that the reference's chart installs.
fn reference_crd() -> String {
    let module = format!("github.com/bitnami-labs/sealed-secrets@v{}", peers::CONTROLLER.version);
    let output = Command::new("go").args(["mod", "download", "-json", &module]).current_dir("/").output().expect("go runs");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let folder = Path::new(answer["Dir"].as_str().expect("the module is there"));
    std::fs::read_to_string(folder.join("helm/sealed-secrets/crds/bitnami.com_sealedsecrets.yaml")).unwrap()
}

#[test]
fn what_we_seal_offline_becomes_a_secret_in_the_cluster() {
    let (Some(controller), Some(cluster)) = (peers::get(&peers::CONTROLLER), Cluster::get()) else { return };
    let folder = support::temp_dir();
    cluster.apply(&reference_crd());
    cluster.kubectl(["wait", "--for=condition=Established", "crd/sealedsecrets.bitnami.com", "--timeout=60s"]).ok();

    // The controller starts with a key that `keys generate` made, and makes none of its own.
    let key_secret = support::hecate().args(["keys", "generate", "--secret", "--bits", "2048", "-o", "-"]).ok();
    let created = cluster.kubectl(["create", "-f", "-", "-o", "name"]).stdin(key_secret.out()).ok();
    let key_name = created.out().trim().strip_prefix("secret/").unwrap().to_owned();
    assert!(key_name.starts_with("sealed-secrets-key"), "{key_name}");
    let certificate = cluster.secret_value("kube-system", &key_name, "tls.crt").unwrap();
    std::fs::write(folder.path().join("cluster.crt"), certificate).unwrap();
    cluster.start_reference_controller(&controller);

    cluster.namespace("offline");
    let run = |args: &[&str]| support::hecate().args(args).cwd(folder.path()).ok();
    let opened = |name: &str, key: &str| {
        let mut value = None;
        wait_for(
            &format!("the Secret {name}"),
            || cluster.log("controller"),
            || {
                value = cluster.secret_value("offline", name, key);
                value.is_some()
            },
        );
        value.unwrap()
    };

    // Value by value, into one file.
    run(&["API_KEY", "first", "--cert", "cluster.crt", "--file", "sealed.yaml", "--name", "app", "--namespace", "offline"]);
    run(&["TOKEN", "second", "--cert", "cluster.crt", "--file", "sealed.yaml"]);
    cluster.apply(&std::fs::read_to_string(folder.path().join("sealed.yaml")).unwrap());
    assert_eq!(opened("app", "API_KEY"), b"first");
    assert_eq!(opened("app", "TOKEN"), b"second");

    // Whole manifests, by our verb and as kubeseal; other scopes, a type, labels, and bytes that are no text.
    let manifest = "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/basic-auth\nmetadata:\n  name: NAME\n  namespace: offline\n\
        \x20 labels: {say: \"no\"}\nstringData: {username: u, password: \"p \"}\ndata: {raw: /wAK}\n";
    let sealers = [
        ("by-verb", support::hecate().args(["seal", "--cert", "cluster.crt", "--scope", "cluster-wide"])),
        ("by-kubeseal", support::as_kubeseal().args(["--cert", "cluster.crt", "--scope", "namespace-wide", "-o", "yaml"])),
    ];
    for (name, sealer) in sealers {
        let sealed = sealer.cwd(folder.path()).stdin(manifest.replace("NAME", name)).ok();
        cluster.apply(sealed.out());
        assert_eq!(opened(name, "raw"), [0xff, 0, 0x0a]);
        assert_eq!(opened(name, "password"), b"p ");
        let shown = cluster
            .kubectl([
                "get",
                "secret",
                name,
                "-n",
                "offline",
                "-o",
                "go-template",
                "--template={{.type}} {{.metadata.labels.say}}",
            ])
            .ok();
        assert_eq!(shown.out(), "kubernetes.io/basic-auth no");
    }
}

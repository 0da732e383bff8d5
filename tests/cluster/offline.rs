//! Sealed without a cluster, opened by one: our key Secret is the reference controller's key, and what we seal becomes Secrets.

use crate::harness::Cluster;
use crate::harness::api::{core, secrets};
use crate::harness::controller::Which;
use crate::support;

#[test]
fn what_we_seal_offline_becomes_a_secret_in_the_cluster() {
    let Some(cluster) = Cluster::shared() else { return };
    let folder = support::temp_dir();
    cluster.namespace("offline");
    cluster.namespace("offline-keys");

    // The controller starts with a key that `keys generate` made, and makes none of its own.
    let key_secret =
        support::hecate().args(["keys", "generate", "--secret", "--bits", "2048", "--namespace", "offline-keys", "-o", "-"]).ok();
    let created = cluster.kubectl(["create", "-f", "-", "-n", "offline-keys", "-o", "name"]).stdin(key_secret.out()).ok();
    let key_name = created.out().trim().strip_prefix("secret/").unwrap().to_owned();
    assert!(key_name.starts_with("sealed-secrets-key"), "{key_name}");
    let certificate = cluster.secret_value("offline-keys", &key_name, "tls.crt").unwrap();
    std::fs::write(folder.path().join("cluster.crt"), certificate).unwrap();
    let controller = cluster.controller(Which::Reference, "offline-keys");
    let controller = controller.flags(["--all-namespaces=false", "--additional-namespaces=offline"]);
    let Some(_controller) = controller.start() else { return };

    let run = |args: &[&str]| support::hecate().args(args).cwd(folder.path()).ok();
    let opened = |name: &str, key: &str| {
        let mut value = None;
        cluster.wait(&format!("the Secret {name}"), || {
            value = cluster.secret_value("offline", name, key);
            value.is_some()
        });
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
        let secret = cluster.read(&format!("{}/{name}", secrets("offline")));
        assert_eq!(secret["type"], "kubernetes.io/basic-auth");
        assert_eq!(secret["metadata"]["labels"]["say"], "no");
    }
    // The key that was there is the only one.
    assert_eq!(cluster.list(&core("offline-keys", "secrets"), "").len(), 1);
}

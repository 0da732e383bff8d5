//! The day the cluster is lost (`docs/key-management.md`): keys restored into a new cluster, git applied, every Secret is back.

use crate::harness::Cluster;
use crate::harness::api::sealed_secrets;
use crate::harness::controller::Which;
use crate::support;

const NAMESPACE: &str = "recovery-app";

#[test]
fn a_lost_cluster_comes_back_from_git_and_the_copy_of_its_keys() {
    let git = support::temp_dir();
    let values = [("first", "one"), ("second", "two, with\nlines\n"), ("third", "ünïcode")];

    let copy_of_the_keys = {
        let Some(cluster) = Cluster::own() else { return };
        cluster.namespace("recovery-keys");
        cluster.namespace(NAMESPACE);
        let Some(controller) = cluster.controller(Which::Ours, "recovery-keys").start() else { return };
        std::fs::write(git.path().join("cluster.crt"), served(&controller)).unwrap();
        for (key, value) in values {
            let name = format!("app-{key}");
            let args = ["value", key, "--cert", "cluster.crt", "--namespace", NAMESPACE, "--name", &name, "--file"];
            support::hecate().args(args).arg(format!("{name}.yaml")).cwd(git.path()).stdin(value).ok();
        }
        apply_git(&cluster, git.path());
        all_open(&cluster, &values);
        let selector = ["-l", "sealedsecrets.bitnami.com/sealed-secrets-key"];
        cluster.kubectl(["get", "secret", "-n", "recovery-keys", "-o", "yaml"]).args(selector).ok().out().to_owned()
        // Here the cluster goes, with everything in it.
    };

    let Some(cluster) = Cluster::own() else { return };
    cluster.namespace("recovery-keys");
    cluster.namespace(NAMESPACE);
    cluster.apply(&copy_of_the_keys);
    let Some(controller) = cluster.controller(Which::Ours, "recovery-keys").start() else { return };
    let certificate = std::fs::read_to_string(git.path().join("cluster.crt")).unwrap();
    assert_eq!(served(&controller), certificate, "the same key serves; none was made anew");
    apply_git(&cluster, git.path());
    all_open(&cluster, &values);
    assert_eq!(cluster.list(&sealed_secrets(NAMESPACE), "").len(), values.len());

    // And without any cluster, from the same copy.
    std::fs::write(git.path().join("keys.yaml"), copy_of_the_keys).unwrap();
    for (key, value) in values {
        let args = ["unseal", "--private-key", "keys.yaml", "--key", key];
        let opened = support::hecate().args(args).arg(format!("app-{key}.yaml")).cwd(git.path()).ok();
        assert_eq!(opened.out(), value);
    }
}

/// The certificate, once there is one.
fn served(controller: &crate::harness::controller::Controller<'_>) -> String {
    let mut certificate = String::new();
    crate::harness::wait_for(
        "the certificate",
        || controller.log(),
        || {
            certificate = controller.certificate();
            certificate.starts_with("-----BEGIN CERTIFICATE-----")
        },
    );
    certificate
}

fn apply_git(cluster: &Cluster, git: &std::path::Path) {
    for entry in std::fs::read_dir(git).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("app-") {
            cluster.apply(&std::fs::read_to_string(entry.path()).unwrap());
        }
    }
}

fn all_open(cluster: &Cluster, values: &[(&str, &str)]) {
    for (key, value) in values {
        let mut opened = None;
        cluster.wait(&format!("the Secret app-{key}"), || {
            opened = cluster.secret_value(NAMESPACE, &format!("app-{key}"), key);
            opened.is_some()
        });
        assert_eq!(opened.unwrap(), value.as_bytes());
    }
}

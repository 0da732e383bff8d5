//! The commands of examples/lab/README.md, as they are typed there, against the API server.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::harness::Cluster;
use crate::support::{self, console};

#[test]
fn the_lab_works_as_its_readme_says() {
    let Some(cluster) = Cluster::own() else { return };
    let folder = support::temp_dir();
    let tree = folder.path().join("lab");
    support::copy_tree(&support::root().join("examples/lab"), &tree);
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    // A program of that name which runs ours inside the cluster's network.
    let command = cluster.command(env!("CARGO_BIN_EXE_hecate-seal"));
    let words: Vec<String> = std::iter::once(command.get_program()).chain(command.get_args()).map(quoted).collect();
    let shim = bin.join("hecate-seal");
    fs::write(&shim, format!("#!/bin/sh\nexec {} \"$@\"\n", words.join(" "))).unwrap();
    fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).unwrap();
    let kubeconfig = cluster.kubeconfig(&cluster.admin(), None);
    cluster.namespace("flux-system");
    let ran = console::run_document(&tree.join("README.md"), &tree, &bin, &[("KUBECONFIG", kubeconfig.to_str().unwrap())]);
    assert!(ran >= 7, "only {ran} commands in the README");
    // What it made is what the manifests use.
    let value = |name: &str, key: &str| String::from_utf8(cluster.secret_value("default", name, key).unwrap()).unwrap();
    assert!(super::fits(
        &value("nats-credentials", "NATS_DYNAMO_PASSWORD"),
        &value("nats-credentials", "NATS_DYNAMO_PASSWORD_HASH")
    ));
    assert!(value("litellm-master-key", "LITELLM_MASTER_KEY").starts_with("sk-"));
    assert_eq!(
        value("postgres-credentials", "LITELLM_DSN"),
        format!("postgresql://postgres:{}@postgres-service:5432/litellm", value("postgres-credentials", "POSTGRES_PASSWORD"))
    );
}

fn quoted(word: &std::ffi::OsStr) -> String {
    format!("'{}'", word.to_str().unwrap().replace('\'', "'\\''"))
}

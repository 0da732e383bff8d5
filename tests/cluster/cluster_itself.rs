//! The test cluster can what the other tests rely on.

use std::time::Duration;

use serde_json::json;

use crate::harness::Cluster;
use crate::harness::api::{core, sealed_secrets, secrets};
use crate::harness::controller::Which;
use crate::support;

#[test]
fn users_have_the_rights_that_a_test_gives_them_and_the_log_says_what_they_wrote() {
    let Some(cluster) = Cluster::shared() else { return };
    cluster.namespace("itself-users");
    let user = cluster.user();
    let kubectl = support::peers::go_program("kubectl").unwrap();
    let config = cluster.kubeconfig(&user, Some("itself-users"));
    let run = |args: &[&str]| cluster.run(&kubectl).arg("--kubeconfig").arg(&config).args(args).output();
    let refused = run(&["create", "configmap", "one"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err().contains("forbidden"), "{}", refused.err());

    cluster.role(&user, "itself-users", &json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "get"] }]));
    let mark = cluster.mark();
    cluster.wait("the role", || run(&["create", "configmap", "one"]).code == Some(0));
    assert_eq!(cluster.writes(mark, &user).last().unwrap(), "create configmaps itself-users/one");
    let mark = cluster.mark();
    assert_eq!(run(&["get", "configmap", "one"]).code, Some(0));
    assert!(cluster.writes(mark, &user).is_empty());
    let reads =
        cluster.audit(mark, |event| event["user"]["username"] == user.name.as_str() && event["objectRef"]["name"] == "one");
    assert_eq!(reads.len(), 1, "{reads:?}");

    let object = format!("{}/one", core("itself-users", "configmaps"));
    assert_eq!(cluster.patched(&object, &json!({ "data": { "a": "b" } }))["data"]["a"], "b");
    assert_eq!(cluster.delete(&object).0, 200);
    assert_eq!(cluster.get(&object).0, 404);
}

#[test]
fn the_reference_controller_runs_behind_a_service_and_garbage_is_collected() {
    let Some(cluster) = Cluster::shared() else { return };
    cluster.namespace("itself-keys");
    cluster.namespace("itself-work");
    cluster.key_secret("itself-keys", "key-one", "test-only-2048");
    let controller = cluster.controller(Which::Reference, "itself-keys").service("sealed");
    let controller = controller.flags(["--all-namespaces=false", "--additional-namespaces=itself-work"]);
    let Some(mut controller) = controller.start() else { return };
    let certificate = std::fs::read_to_string(support::key("test-only-2048.crt.pem")).unwrap();
    assert_eq!(controller.certificate().trim(), certificate.trim());
    let path = format!("{}/http:sealed:/proxy/v1/cert.pem", core("itself-keys", "services"));
    assert_eq!(cluster.request("GET", &path, &[], b"").text(), controller.certificate());
    assert!(controller.scrape().contains("sealed_secrets_controller_build_info"));
    assert!(controller.process().resident_kib() > 1000);
    assert!(controller.process().cpu() > Duration::ZERO);

    let folder = support::temp_dir();
    let sealed = support::hecate()
        .args(["A", "first", "--file", "s.yaml", "--name", "app", "--namespace", "itself-work", "--cert"])
        .arg(support::key("test-only-2048.crt.pem"))
        .cwd(folder.path());
    sealed.ok();
    let mark = cluster.mark();
    cluster.apply(&std::fs::read_to_string(folder.path().join("s.yaml")).unwrap());
    cluster.wait("the Secret", || cluster.secret_value("itself-work", "app", "A").as_deref() == Some(b"first"));
    cluster.wait("the event", || cluster.events("itself-work", "app").iter().any(|event| event["reason"] == "Unsealed"));
    cluster.wait("the status", || {
        cluster.read(&format!("{}/app", sealed_secrets("itself-work")))["status"]["conditions"][0]["status"] == "True"
    });
    let writes = cluster.writes(mark, &controller.user);
    assert!(writes.contains(&"create secrets itself-work/app".to_owned()), "{writes:?}");
    assert!(writes.contains(&"update sealedsecrets/status itself-work/app".to_owned()), "{writes:?}");

    if cluster.collects_garbage() {
        assert_eq!(cluster.delete(&format!("{}/app", sealed_secrets("itself-work"))).0, 200);
        cluster.wait("the Secret's end", || cluster.get(&format!("{}/app", secrets("itself-work"))).0 == 404);
    }
    controller.stop();
}

#[test]
fn an_api_server_of_ones_own_can_be_paused_and_restarted() {
    let Some(cluster) = Cluster::own() else { return };
    cluster.namespace("itself-own");
    cluster.pause();
    assert!(cluster.try_request("GET", "/version", &[], b"", Duration::from_millis(300)).is_err());
    cluster.resume();
    assert_eq!(cluster.get("/api/v1/namespaces/itself-own").0, 200);
    cluster.restart_api_server();
    assert_eq!(cluster.get("/api/v1/namespaces/itself-own").0, 200);
}

/// This binary once more, with one test of those above, over programs in a folder of somebody else's: scripts that tell they were called.
#[test]
fn other_programs_are_used_where_kubebuilder_assets_names_them() {
    let Some(ours) = support::peers::go_module("cluster/go", "kubernetes 1.36.3 and etcd 3.6.8") else { return };
    let folder = support::temp_dir();
    let real = folder.path().join("real");
    std::fs::create_dir(&real).unwrap();
    for name in ["etcd", "kube-apiserver"] {
        std::os::unix::fs::symlink(&ours, real.join(name)).unwrap();
        let script =
            format!("#!/bin/sh\necho \"$@\" >> {0}/{name}.called\nexec {0}/real/{name} \"$@\"\n", folder.path().display());
        std::fs::write(folder.path().join(name), script).unwrap();
        std::fs::set_permissions(folder.path().join(name), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let test = "cluster_itself::an_api_server_of_ones_own_can_be_paused_and_restarted";
    let mut run = std::process::Command::new(std::env::current_exe().unwrap());
    let output = run.args(["--exact", test, "--nocapture"]).env("KUBEBUILDER_ASSETS", folder.path()).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && String::from_utf8_lossy(&text).contains("1 passed"), "{}", String::from_utf8_lossy(&text));
    let called = |name: &str| std::fs::read_to_string(folder.path().join(format!("{name}.called"))).unwrap();
    assert!(called("etcd").contains("--data-dir"));
    // The test restarts it.
    assert_eq!(called("kube-apiserver").lines().count(), 2);
    assert!(!folder.path().join("kube-controller-manager").exists(), "it does without");
}

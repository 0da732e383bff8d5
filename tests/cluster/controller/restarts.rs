//! Workloads that restart when their Secret changes; and what is said where rights or the definition are missing.

use hecate_seal::seal::Scope;
use serde_json::{Value, json};

use super::{KEY, seal};
use crate::harness::Cluster;
use crate::harness::api::{resources, sealed_secrets};
use crate::harness::controller::{Which, key_admin_rules, unsealer_rules};

const RESTART: &str = "secrets.hecate.dev/restart";

fn workload(kind: &str, name: &str) -> Value {
    let mut spec = json!({
        "selector": { "matchLabels": { "app": name } },
        "template": { "metadata": { "labels": { "app": name } }, "spec": { "containers": [{ "name": "c", "image": "i" }] } },
    });
    if kind == "StatefulSet" {
        spec["serviceName"] = name.into();
    }
    json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

#[test]
fn workloads_restart_when_the_values_change_and_only_then() {
    let Some(cluster) = Cluster::shared() else { return };
    let (keys, work) = ("restart-keys", "restart-work");
    cluster.namespace(keys);
    cluster.namespace(work);
    cluster.key_secret(keys, "sealed-secrets-key1", KEY);
    let user = cluster.user();
    cluster.cluster_role(&user, &unsealer_rules());
    cluster.role(&user, keys, &key_admin_rules());
    let rules = json!([{ "apiGroups": ["apps"], "resources": ["daemonsets", "deployments"], "verbs": ["patch"] }]);
    cluster.role(&user, work, &rules);
    for (kind, plural, name) in [
        ("DaemonSet", "daemonsets", "hecate-daemon"),
        ("Deployment", "deployments", "web"),
        ("StatefulSet", "statefulsets", "db"),
    ] {
        cluster.created(&resources("apps/v1", work, plural), &workload(kind, name));
    }
    let flags = ["--all-namespaces=false".to_owned(), format!("--additional-namespaces={work}")];
    let Some(controller) = cluster.controller(Which::Ours, keys).user(&user).flags(flags).start() else { return };
    let at = |plural: &str, name: &str| {
        let object = cluster.read(&format!("{}/{name}", resources("apps/v1", work, plural)));
        let annotations = &object["spec"]["template"]["metadata"]["annotations"];
        (object["metadata"]["generation"].as_i64().unwrap(), annotations["kubectl.kubernetes.io/restartedAt"].is_string())
    };
    let event = |reason: &str, text: &str| {
        let events = cluster.events(work, "hecate-secrets");
        events.iter().any(|event| event["reason"] == reason && event["message"].as_str().unwrap().contains(text))
    };

    let mut object = seal(KEY, Scope::Strict, work, "hecate-secrets", &[("KEY", b"one")]);
    object["metadata"]["annotations"][RESTART] = "DaemonSet/hecate-daemon, deploy/web, sts/db, ds/missing, Pod/x".into();
    cluster.created(&sealed_secrets(work), &object);
    cluster.wait("the first restart", || at("daemonsets", "hecate-daemon") == (2, true) && at("deployments", "web") == (2, true));
    cluster.wait("the events", || {
        event("Restarted", "Restarted DaemonSet/hecate-daemon")
            && event(
                "ErrRestartFailed",
                "cannot patch statefulsets.apps in the namespace restart-work: not allowed; grant the verb \"patch\"",
            )
            && event("ErrRestartFailed", "there is no DaemonSet/missing")
            && event("ErrRestartFailed", "\"Pod/x\" is no workload")
    });
    assert_eq!(at("statefulsets", "db"), (1, false));
    let status = || cluster.read(&format!("{}/hecate-secrets", sealed_secrets(work)))["status"].clone();
    cluster.wait("the status", || status()["conditions"][0]["status"] == "True");

    // Sealed anew with the same value, or another label: nothing that the workload reads is different.
    let path = format!("{}/hecate-secrets", sealed_secrets(work));
    let mut same = seal(KEY, Scope::Strict, work, "hecate-secrets", &[("KEY", b"one")]);
    same["spec"]["template"]["metadata"]["labels"] = json!({ "new": "label" });
    cluster.patched(&path, &json!({ "spec": same["spec"] }));
    cluster.wait("the second generation", || status()["observedGeneration"] == 2);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert_eq!(at("daemonsets", "hecate-daemon"), (2, true));

    let other = seal(KEY, Scope::Strict, work, "hecate-secrets", &[("KEY", b"two")]);
    cluster.patched(&path, &json!({ "spec": other["spec"] }));
    cluster.wait("the second restart", || at("daemonsets", "hecate-daemon").0 == 3 && at("deployments", "web").0 == 3);
    controller.stop();
}

/// Rights and definition are missing at first: each is named, and it goes on when they come. The reference does not say which.
#[test]
fn what_is_missing_is_named_and_when_it_comes_the_controller_goes_on() {
    let Some(cluster) = Cluster::own() else { return };
    let keys = "missing-keys";
    cluster.namespace(keys);
    let user = cluster.user();
    let Some(controller) = cluster.controller(Which::Ours, keys).user(&user).launch() else { return };
    let says = |text: &str| {
        cluster.wait(text, || controller.log().contains(text));
    };
    let ready = || controller.get("/readyz").is_ok_and(|answer| answer.status == 200);
    says(r#"cannot list secrets in the namespace missing-keys: not allowed; grant the verb"#);
    assert!(!ready());
    cluster.role(&user, keys, &key_admin_rules());
    says("New key written");
    says("cannot list sealedsecrets.bitnami.com in all namespaces: not allowed");
    says("--all-namespaces=false");
    assert!(!ready());
    assert_eq!(cluster.delete("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sealedsecrets.bitnami.com").0, 200);
    cluster.cluster_role(&user, &unsealer_rules());
    says("the CustomResourceDefinition sealedsecrets.bitnami.com is not installed");
    assert!(!ready());
    cluster.apply(&super::crd::our_crd());
    cluster.wait("readiness", ready);
    let lines = controller.log().lines().filter(|line| line.contains("is not installed")).count();
    assert!(lines <= 2, "the same is said once a minute, not {lines} times");
    controller.stop();
}

/// A webhook that is down refuses the restart: it is made up for when the webhook has gone, though the Secret is long in place.
#[test]
fn a_restart_that_failed_for_a_while_is_made_up_for() {
    let Some(cluster) = Cluster::shared() else { return };
    let (keys, work) = ("retry-keys", "retry-work");
    cluster.namespace(keys);
    cluster.namespace(work);
    cluster.key_secret(keys, "sealed-secrets-key1", KEY);
    let user = cluster.user();
    cluster.cluster_role(&user, &unsealer_rules());
    cluster.role(&user, keys, &key_admin_rules());
    cluster.role(&user, work, &json!([{ "apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"] }]));
    let deployments = resources("apps/v1", work, "deployments");
    cluster.created(&deployments, &workload("Deployment", "web"));
    let webhooks = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let webhook = json!({
        "metadata": { "name": "retry-down" },
        "webhooks": [{
            "name": "down.example.com",
            "clientConfig": { "url": "https://127.0.0.1:9/" },
            "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": work } },
            "rules": [{ "apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["UPDATE"], "resources": ["deployments"] }],
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "timeoutSeconds": 1,
        }],
    });
    cluster.created(webhooks, &webhook);
    let note =
        |text: &str| cluster.patch(&format!("{deployments}/web"), &json!({ "metadata": { "annotations": { "note": text } } })).0;
    let mut number = 0;
    cluster.wait("the webhook", || {
        number += 1;
        note(&number.to_string()) == 500
    });
    let flags = ["--all-namespaces=false".to_owned(), format!("--additional-namespaces={work}")];
    let Some(controller) = cluster.controller(Which::Ours, keys).user(&user).flags(flags).start() else { return };
    let mut object = seal(KEY, Scope::Strict, work, "app", &[("KEY", b"one")]);
    object["metadata"]["annotations"][RESTART] = "Deployment/web".into();
    cluster.created(&sealed_secrets(work), &object);
    let events = |reason: &str| cluster.events(work, "app").iter().filter(|event| event["reason"] == reason).count();
    cluster.wait("the failure", || events("ErrRestartFailed") == 1);
    let status = || cluster.read(&format!("{}/app", sealed_secrets(work)))["status"]["conditions"][0]["status"].clone();
    cluster.wait("the status", || status() == "True");
    let attempts = || controller.log().lines().filter(|line| line.contains("A workload was not restarted")).count();
    cluster.wait("further attempts", || attempts() >= 2);
    let restarted = || {
        let object = cluster.read(&format!("{deployments}/web"));
        object["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].is_string()
    };
    assert!(!restarted());
    assert_eq!(cluster.delete(&format!("{webhooks}/retry-down")).0, 200);
    cluster.wait("the restart", restarted);
    cluster.wait("its event", || events("Restarted") == 1);
    assert_eq!(events("ErrRestartFailed"), 1, "that it is tried again is said once");
    controller.stop();
}

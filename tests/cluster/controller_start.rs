//! Starting: what the controllers log, and what ours says and does where rights or the definition of SealedSecrets are missing.

use serde_json::json;

use crate::harness::controller::{Which, key_admin_rules, unsealer_rules};
use crate::harness::{Cluster, reference_crd};
use crate::support;

/// A SealedSecret for `test-only-2048` with one value, as a manifest.
fn sealed(name: &str, namespace: &str) -> String {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace },
        "stringData": { "A": "a-value-that-no-log-shows" },
    });
    let certificate = support::key("test-only-2048.crt.pem");
    support::as_kubeseal().arg("--cert").arg(certificate).stdin(secret.to_string()).ok().out().to_owned()
}

#[test]
fn both_log_the_same_words_and_no_value() {
    let Some(cluster) = Cluster::shared() else { return };
    for (which, own) in [(Which::Reference, "log-reference"), (Which::Ours, "log-ours")] {
        cluster.namespace(own);
        cluster.key_secret(own, "key", "test-only-2048");
        let Some(controller) = cluster.controller(which, own).flags(["--all-namespaces=false"]).start() else { return };
        cluster.apply(&sealed("app", own));
        cluster.wait("the Secret", || cluster.secret_value(own, "app", "A").is_some());
        let wanted = [
            "level=INFO msg=\"Starting sealed-secrets controller\" version=".to_owned(),
            "level=INFO msg=\"Searching for existing private keys\"".to_owned(),
            "level=INFO msg=\"registered private key\" secretname=key".to_owned(),
            format!("level=INFO msg=\"HTTP server serving\" addr={}", controller.http),
            format!("level=INFO msg=\"HTTP metrics server serving\" addr={}", controller.metrics),
            format!("level=INFO msg=Updating key={own}/app"),
        ];
        for words in &wanted {
            cluster.wait("the words in the log", || controller.log().contains(words));
        }
        let log = controller.log();
        assert!(log.lines().all(|line| line.starts_with("time=") && line.contains(" level=") && line.contains(" msg=")), "{log}");
        assert!(!log.contains("a-value-that-no-log-shows") && !log.contains("PRIVATE KEY"), "{log}");
    }
}

#[test]
fn without_rights_it_says_which_waits_and_goes_on_when_they_are_given() {
    let Some(cluster) = Cluster::shared() else { return };
    cluster.namespace("rights");
    cluster.key_secret("rights", "key", "test-only-2048");
    let user = cluster.user();
    let controller = cluster.controller(Which::Ours, "rights").user(&user).flags(["--all-namespaces=false"]);
    let Some(mut controller) = controller.start() else { return };
    let says = |words: &str| controller.log().contains(words);
    cluster.wait("the text about rights", || says("cannot list secrets in the namespace rights: not allowed; grant the verb"));
    let ready = controller.get("/readyz?verbose").unwrap();
    assert_eq!(ready.status, 503);
    assert!(ready.text().starts_with("not ready\n") && ready.text().contains("secrets"), "{}", ready.text());
    assert_eq!(controller.get("/healthz").unwrap().status, 200, "it is not killed for it");
    assert_eq!(controller.get("/v1/cert.pem").unwrap().status, 500);
    assert_eq!(controller.post("/v1/verify", &[], b"{}").unwrap().status, 503);
    assert!(controller.process().ended().is_none());

    cluster.role(&user, "rights", &key_admin_rules());
    cluster.role(&user, "rights", &unsealer_rules());
    cluster.wait("readiness", || controller.get("/readyz").unwrap().status == 200);
    cluster.apply(&sealed("app", "rights"));
    cluster.wait("the Secret", || cluster.secret_value("rights", "app", "A").is_some());
    assert!(controller.stop().success());
}

#[test]
fn without_the_definition_or_the_api_server_it_waits_and_still_serves() {
    let Some(cluster) = Cluster::own() else { return };
    cluster.namespace("crd");
    cluster.key_secret("crd", "key", "test-only-2048");
    let definition = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/sealedsecrets.bitnami.com";
    assert_eq!(cluster.delete(definition).0, 200);
    cluster.wait("the end of the definition", || cluster.get(definition).0 == 404);
    {
        let Some(mut controller) = cluster.controller(Which::Ours, "crd").start() else { return };
        cluster.wait("the text about the definition", || {
            controller.log().contains("the CustomResourceDefinition sealedsecrets.bitnami.com is not installed; apply it")
        });
        assert_eq!(controller.get("/readyz").unwrap().status, 503);
        cluster.wait("the certificate", || controller.certificate().starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(controller.process().ended().is_none());
        cluster.apply(&reference_crd());
        cluster.wait("readiness", || controller.get("/readyz").unwrap().status == 200);
        cluster.apply(&sealed("app", "crd"));
        cluster.wait("the Secret", || cluster.secret_value("crd", "app", "A").is_some());
        assert!(controller.stop().success());
    }
    // An API server that does not answer: the port is open, the reason is in the log, SIGTERM ends it in time.
    let user = cluster.user();
    cluster.cluster_role(&user, &unsealer_rules());
    cluster.role(&user, "crd", &key_admin_rules());
    cluster.stop_api_server();
    let Some(controller) = cluster.controller(Which::Ours, "crd").user(&user).start() else { return };
    cluster.wait("the text about the connection", || controller.log().contains("cannot list secrets in the namespace crd: "));
    assert_eq!(controller.get("/readyz").unwrap().status, 503);
    assert!(controller.stop().success());
}

#[test]
fn in_a_pod_both_take_the_service_account_and_its_namespace() {
    let Some(cluster) = Cluster::shared() else { return };
    for (which, own) in [(Which::Reference, "pod-reference"), (Which::Ours, "pod-ours")] {
        cluster.namespace(own);
        cluster.key_secret(own, "key", "test-only-2048");
        // No kubeconfig, no POD_NAMESPACE: everything is in the account's files.
        let controller = cluster.controller(which, own).in_pod().flags(["--all-namespaces=false"]);
        let Some(controller) = controller.start() else { return };
        cluster.apply(&sealed("app", own));
        cluster.wait("the Secret", || cluster.secret_value(own, "app", "A").is_some());
        assert!(!controller.log().contains(&controller.user.token), "{}", controller.log());
    }
}

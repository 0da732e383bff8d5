//! Our CustomResourceDefinition takes everything that the reference's takes, and keeps what that drops.

use hecate_seal::seal::Scope;
use serde_json::{Value, json};

use super::seal;
use crate::harness::api::{sealed_secrets, secrets};
use crate::harness::controller::Which;
use crate::harness::{Cluster, reference_crd};

/// `deploy/crd/`.
pub(super) fn our_crd() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/crd/sealedsecrets.bitnami.com.yaml");
    std::fs::read_to_string(path).unwrap()
}

/// Puts a definition in place of the present one, and waits until the API server keeps, or drops, `status.opened`.
pub(super) fn install(cluster: &Cluster, crd: &str, keeps_opened: bool) {
    cluster.apply(crd);
    cluster.wait("the definition", || {
        // For a moment there may be none.
        let (_, description) = cluster.get("/openapi/v3/apis/bitnami.com/v1alpha1");
        let opened = "/components/schemas/com.bitnami.v1alpha1.SealedSecret/properties/status/properties/opened";
        description.pointer(opened).is_some() == keeps_opened
    });
}

/// Objects of all sorts, good and bad.
fn objects() -> Vec<Value> {
    let base = seal("test-only-2048", Scope::Strict, "crd", "app", &[("a", b"1")]);
    let with = |pointer: &str, value: Value| {
        let mut object = base.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let mut at = &mut object;
        for name in parent.split('/').filter(|name| !name.is_empty()) {
            at = &mut at[name];
        }
        at[field] = value;
        object
    };
    vec![
        base.clone(),
        with("/spec/encryptedData", json!({})),
        with("/spec/encryptedData", json!({ "a": 1 })),
        with("/spec/encryptedData", json!({ "a": null })),
        with("/spec/encryptedData", json!([])),
        with("/spec/encryptedData", Value::Null),
        with("/spec/data", "YWJj".into()),
        with("/spec/data", "no base64!".into()),
        with("/spec/unknown", "x".into()),
        with("/spec/template", json!({})),
        with("/spec/template", Value::Null),
        with("/spec/template/metadata", Value::Null),
        with(
            "/spec/template/metadata",
            json!({ "uid": "u", "ownerReferences": [{ "kind": "X" }], "finalizers": ["a/b"], "creationTimestamp": null }),
        ),
        with("/spec/template/metadata/labels", json!({ "a": 1 })),
        with("/spec/template/metadata/finalizers", json!("x")),
        with("/spec/template/type", 7.into()),
        with("/spec/template/type", "kubernetes.io/tls".into()),
        with("/spec/template/immutable", true.into()),
        with("/spec/template/immutable", "true".into()),
        with("/spec/template/data", Value::Null),
        with("/spec/template/data", json!({ "a": "{{ .a }}" })),
        with("/spec/template/data", json!({ "a": null, "b": "x" })),
        with("/spec/template/data", json!({ "a": 1 })),
        with("/spec/template/other", "x".into()),
        with("/status", json!({ "conditions": [{ "type": "Synced", "status": "True" }], "observedGeneration": 1 })),
        with("/spec", Value::Null),
        json!({ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": { "name": "app" } }),
    ]
}

/// What the API server makes of each object: its code, and the spec that it would keep.
fn answers(cluster: &Cluster, objects: &[Value]) -> Vec<(u16, Value)> {
    let path = format!("{}?dryRun=All", sealed_secrets("crd"));
    let answer = |object: &Value| {
        let (status, answer) = cluster.json("POST", &path, "application/json", object);
        (status, answer["spec"].clone())
    };
    objects.iter().map(answer).collect()
}

#[test]
fn whatever_is_valid_under_the_references_definition_is_under_ours_and_null_templates_work() {
    let Some(cluster) = Cluster::own() else { return };
    cluster.namespace("crd");
    cluster.namespace("crd-keys");
    install(&cluster, &reference_crd(), false);
    let objects = objects();
    let theirs = answers(&cluster, &objects);
    install(&cluster, &our_crd(), true);
    let ours = answers(&cluster, &objects);
    let mut accepted = 0;
    for ((object, theirs), ours) in objects.iter().zip(&theirs).zip(&ours) {
        let has_null = object.pointer("/spec/template/data/a").is_some_and(Value::is_null);
        assert_eq!(theirs.0, ours.0, "{object}");
        if theirs.0 == 201 {
            accepted += 1;
            assert!(has_null || theirs.1 == ours.1, "{object}");
            assert_eq!(has_null, ours.1.pointer("/template/data/a").is_some_and(Value::is_null));
        }
    }
    assert!((8..objects.len()).contains(&accepted), "{accepted} of {}", objects.len());

    // A template key that is null: the item serves the templates, and is not in the Secret.
    cluster.key_secret("crd-keys", "sealed-secrets-key1", "test-only-2048");
    let Some(controller) = cluster.controller(Which::Ours, "crd-keys").start() else { return };
    let mut object = seal("test-only-2048", Scope::Strict, "crd", "nulled", &[("password", b"p"), ("user", b"u")]);
    object["spec"]["template"]["data"] = json!({ "password": null, "url": "{{ .user }}:{{ .password }}" });
    cluster.created(&sealed_secrets("crd"), &object);
    cluster.wait("the Secret", || cluster.secret_value("crd", "nulled", "url").as_deref() == Some(b"u:p"));
    let secret = cluster.read(&format!("{}/nulled", secrets("crd")));
    assert_eq!(secret["data"].as_object().unwrap().keys().collect::<Vec<_>>(), ["url", "user"]);
    // And the record of how it was opened is kept.
    let path = format!("{}/nulled", sealed_secrets("crd"));
    cluster.wait("the status", || cluster.read(&path)["status"]["opened"].is_object());
    let opened = cluster.read(&path)["status"]["opened"].clone();
    assert_eq!(
        opened["secret"],
        json!({ "uid": secret["metadata"]["uid"], "resourceVersion": secret["metadata"]["resourceVersion"] })
    );
    let fingerprint = super::certificate("test-only-2048").public_key().fingerprint().to_string();
    assert_eq!(opened["keys"], json!([{ "fingerprint": fingerprint, "count": 2, "items": ["password", "user"] }]));
    assert_eq!((&opened["generation"], &opened["scope"]), (&json!(1), &json!("strict")));
    controller.stop();
}

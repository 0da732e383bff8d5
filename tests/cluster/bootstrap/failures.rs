//! What stops a run, before it has written anything or in its middle.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::json;

use super::{LAB, Place, rights};
use crate::harness::api;
use crate::support;

const ONE: &str = "  secrets: [{ name: app, namespace: NS, keys: { P: { password: {} }, Q: { uuid: {} } } }]\n";

#[test]
fn case_07_a_read_that_is_forbidden_or_fails_is_never_an_absent_secret() {
    let Some(place) = Place::new(ONE) else { return };
    // A user who may create Secrets, and not read them.
    let blind = place.cluster.user();
    place.cluster.cluster_role(
        &blind,
        &json!([
            { "apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"] },
            { "apiGroups": [""], "resources": ["secrets"], "verbs": ["create", "patch"] },
        ]),
    );
    let kubeconfig = place.cluster.kubeconfig(&blind, None);
    let mark = place.cluster.mark();
    for verb in ["plan", "apply", "status"] {
        let program = place.cluster.run(env!("CARGO_BIN_EXE_hecate-seal")).args(["bootstrap", verb, "--kubeconfig"]);
        let ran = program.arg(&kubeconfig).cwd(place.folder.path()).output().code(1);
        let err = ran.err();
        assert!(err.contains("cannot read Secret") && err.contains(&blind.name) && err.contains("forbidden"), "{err}");
    }
    assert_eq!(place.cluster.writes(mark, &blind), [""; 0]);

    // A server that answers nonsense, errors, and nothing.
    for answer in [
        "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        "",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut requests = Vec::new();
            while let Ok((mut stream, _)) = listener.accept() {
                let mut buffer = [0; 4096];
                let read = stream.read(&mut buffer).unwrap_or(0);
                let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
                if request.starts_with("END") {
                    break;
                }
                requests.push(request);
                _ = stream.write_all(answer.as_bytes());
            }
            requests
        });
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{ "name": "c", "cluster": { "server": format!("http://{address}") } }],
            "users": [{ "name": "u", "user": { "token": "t" } }],
            "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "u" } }],
        });
        let kubeconfig = place.folder.path().join("config");
        std::fs::write(&kubeconfig, config.to_string()).unwrap();
        support::hecate().args(["bootstrap", "apply", "--kubeconfig"]).arg(&kubeconfig).cwd(place.folder.path()).output().code(1);
        std::net::TcpStream::connect(address).unwrap().write_all(b"END").unwrap();
        let requests = server.join().unwrap();
        assert!(requests.iter().all(|request| request.starts_with("GET ")), "{requests:?}");
    }
}

#[test]
fn case_08_a_namespace_that_is_missing_or_being_deleted_is_said_before_any_write() {
    let Some(place) = Place::new(
        "  secrets:\n    - { name: a, namespace: NS, keys: { P: { password: {} } } }\n    - { name: b, namespace: NS-none, keys: { P: { password: {} } } }\n",
    ) else {
        return;
    };
    let none = format!("{}-none", place.namespace);
    place.cluster.role(&place.user, "default", &rights());
    place.cluster.cluster_role(&place.user, &rights());
    let mark = place.cluster.mark();
    let ran = place.run(&["apply"]).output().code(1);
    assert!(ran.err().contains(&format!("there is no namespace {none}")), "{}", ran.err());
    // Held by a finalizer, a namespace stays in deletion.
    place.cluster.namespace(&none);
    let held = json!({ "metadata": { "name": "held", "finalizers": ["test.example/held"] } });
    place.cluster.created(&api::core(&none, "configmaps"), &held);
    place.cluster.delete(&format!("/api/v1/namespaces/{none}"));
    let ran = place.run(&["apply"]).output().code(1);
    assert!(ran.err().contains(&format!("namespace {none} is being deleted")), "{}", ran.err());
    assert_eq!(place.cluster.writes(mark, &place.user), [""; 0]);
    place.cluster.patched(&format!("{}/held", api::core(&none, "configmaps")), &json!({ "metadata": { "finalizers": null } }));
}

#[test]
fn case_10_an_immutable_secret_that_lacks_keys_is_left_to_its_owner() {
    let Some(place) = Place::new(ONE) else { return };
    place.make("app", |secret| secret["immutable"] = true.into(), &[("P", "p")]);
    let ran = place.run(&["apply"]).output().code(1);
    assert!(ran.err().contains("[immutable]") && ran.err().contains("for you to decide"), "{}", ran.err());
}

#[test]
fn case_11_a_secret_of_another_type_is_an_error() {
    let Some(place) = Place::new(ONE) else { return };
    place.make("app", |secret| secret["type"] = "example.org/other".into(), &[("P", "p"), ("Q", "q")]);
    let ran = place.run(&["apply"]).output().code(1);
    assert!(ran.err().contains("example.org/other") && ran.err().contains("[type]"), "{}", ran.err());
}

#[test]
fn case_12_a_secret_that_another_controller_owns_is_not_written() {
    let Some(place) = Place::new(ONE) else { return };
    // A real owner: what has none is collected as garbage.
    let sealed = json!({ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": { "name": "app" }, "spec": { "encryptedData": {} } });
    let uid = place.cluster.created(&api::sealed_secrets(&place.namespace), &sealed)["metadata"]["uid"].clone();
    let owner =
        json!([{ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "app", "uid": uid, "controller": true }]);
    let owners = [
        ("SealedSecret/app", "ownerReferences", owner),
        ("1Password", "annotations", json!({ "operator.1password.io/item-path": "vaults/a/items/b" })),
        ("External Secrets", "annotations", json!({ "reconcile.external-secrets.io/data-hash": "x" })),
        ("sealed-secrets controller", "annotations", json!({ "sealedsecrets.bitnami.com/managed": "true" })),
    ];
    for (owner, field, value) in owners {
        place.make("app", |secret| secret["metadata"][field] = value, &[("P", "p")]);
        let mark = place.cluster.mark();
        let ran = place.run(&["apply"]).output().code(1);
        assert!(ran.err().contains("[owned]") && ran.err().contains(owner), "{}", ran.err());
        assert_eq!(place.cluster.writes(mark, &place.user), [""; 0]);
        place.cluster.delete(&format!("{}/app", api::secrets(&place.namespace)));
        place.cluster.wait("the Secret to go", || place.secret("app").0 == 404);
    }
}

#[test]
fn case_14_a_claim_with_data_stops_a_new_password() {
    let Some(place) = Place::new(LAB) else { return };
    let claim = json!({ "metadata": { "name": "pgdata-postgres-0" },
        "spec": { "accessModes": ["ReadWriteOnce"], "resources": { "requests": { "storage": "1Gi" } } } });
    place.cluster.created(&api::core(&place.namespace, "persistentvolumeclaims"), &claim);
    let ran = place.run(&["apply"]).output().code(1);
    assert!(ran.err().contains("[guarded]") && ran.err().contains("pgdata-postgres-0"), "{}", ran.err());
    assert_eq!(place.secret("nats-credentials").0, 404, "nothing else was written either");
    place.run(&["apply", "--force-new"]).ok();
    place.run(&["apply"]).ok();
}

#[test]
fn case_26_a_write_that_fails_half_way_says_what_is_done_and_left() {
    let Some(place) = Place::new(
        "  secrets:\n    - { name: a, namespace: NS, keys: { P: { password: {} } } }\n    - { name: b, namespace: NS-b, keys: { P: { password: {} } } }\n    - { name: c, namespace: NS, keys: { P: { password: {} } } }\n",
    ) else {
        return;
    };
    let other = format!("{}-b", place.namespace);
    place.cluster.namespace(&other);
    // There it may read and not write.
    place.cluster.role(&place.user, &other, &json!([{ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] }]));
    let ran = place.run(&["apply"]).output().code(1);
    let err = ran.err();
    assert!(err.contains(&format!("created {}/a", place.namespace)) && err.contains("1 written, left: "), "{err}");
    assert!(err.contains(&format!("{other}/b, {}/c", place.namespace)), "{err}");
    let kept = place.value("a", "P");
    place.cluster.role(&place.user, &other, &rights());
    place.run(&["apply"]).ok();
    assert_eq!(place.value("a", "P"), kept);
    assert_eq!(place.secret("c").0, 200);
}

#[test]
fn case_29_a_onepassword_item_needs_its_kind_in_the_cluster_and_status_tells_its_state() {
    let spec = "  onepassword: [{ name: api-keys, namespace: NS, vault: Development, item: Google AI Studio, expectKeys: [credential] }]\n";
    let Some(place) = Place::new(spec) else { return };
    let item_rights =
        json!([{ "apiGroups": ["onepassword.com"], "resources": ["onepassworditems"], "verbs": ["get", "create"] }]);
    place.cluster.role(&place.user, &place.namespace, &item_rights);
    let known = place.cluster.get("/apis/onepassword.com/v1").0 == 200;
    assert!(!known, "no other test brings this kind");
    let ran = place.run(&["apply"]).output().code(1);
    assert!(ran.err().contains("[no-kind]") && ran.err().contains("`path`"), "{}", ran.err());

    place.cluster.apply(
        "apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: onepassworditems.onepassword.com }
spec:
  group: onepassword.com
  names: { kind: OnePasswordItem, listKind: OnePasswordItemList, plural: onepassworditems, singular: onepassworditem }
  scope: Namespaced
  versions:
    - name: v1
      served: true
      storage: true
      subresources: { status: {} }
      schema: { openAPIV3Schema: { type: object, x-kubernetes-preserve-unknown-fields: true } }
",
    );
    place.cluster.kubectl(["wait", "--for=condition=Established", "crd/onepassworditems.onepassword.com", "--timeout=60s"]).ok();
    place.run(&["apply"]).ok();
    let path = format!("{}/api-keys", api::resources("onepassword.com/v1", &place.namespace, "onepassworditems"));
    assert_eq!(place.cluster.read(&path)["spec"]["itemPath"], "vaults/Development/items/Google AI Studio");
    place.run(&["plan"]).ok();

    let status = |ready: &str| {
        let condition = json!({ "type": "Ready", "status": ready, "message": "no vault named Development" });
        place.cluster.patched(&format!("{path}/status"), &json!({ "status": { "conditions": [condition] } }));
    };
    status("False");
    let ran = place.run(&["status"]).output().code(1);
    assert!(ran.out().contains("Ready=False: no vault named Development; its Secret lacks credential"), "{}", ran.out());
    status("True");
    place.make("api-keys", |_| {}, &[("credential", "x")]);
    assert!(place.run(&["status"]).ok().out().contains("ready"));
}

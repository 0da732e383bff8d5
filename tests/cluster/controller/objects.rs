//! What is made of a SealedSecret: `sealed-secrets.md` §1.7, §3.5 and the integration list of §4.2.

use hecate_seal::seal::Scope;
use serde_json::json;

use super::{KEY, each, item, ours};
use crate::harness::api::{sealed_secrets, secrets};
use crate::harness::controller::Which;

#[test]
fn a_new_one_becomes_a_secret_with_status_and_event() {
    each("create", |world| {
        let mut object = world.seal("app", &[("foo", "bar\n"), ("empty", "")]);
        object["metadata"]["annotations"]["own"] = "not copied".into();
        object["spec"]["template"]["metadata"]["labels"]["mylabel"] = "myvalue".into();
        object["spec"]["template"]["metadata"]["annotations"]["note"] = "kept".into();
        let object = world.create(&object);
        let secret = world.wait_value("app", "foo", "bar\n");
        assert_eq!(secret["data"]["empty"].as_str().unwrap_or_default(), "");
        assert_eq!(secret["metadata"]["labels"]["mylabel"], "myvalue");
        assert_eq!(secret["metadata"]["annotations"], json!({ "note": "kept" }));
        assert_eq!(secret["type"], "Opaque");
        let owner = json!([{ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "app",
            "uid": object["metadata"]["uid"], "controller": true }]);
        assert_eq!(secret["metadata"]["ownerReferences"], owner);
        let condition = world.wait_synced("app", true);
        assert_eq!(condition["lastUpdateTime"], condition["lastTransitionTime"]);
        assert!(condition.get("message").is_none() && condition.get("reason").is_none(), "{condition}");
        let event = world.wait_event("app", "Unsealed", "SealedSecret unsealed successfully");
        assert_eq!((&event["type"], &event["source"]["component"]), (&json!("Normal"), &json!("sealed-secrets")));
        assert_eq!(event["involvedObject"]["kind"], "SealedSecret");
        assert_eq!(event["involvedObject"]["uid"], object["metadata"]["uid"]);
    });
}

#[test]
fn another_spec_is_another_generation_with_another_update_time() {
    each("update", |world| {
        world.create(&world.seal("app", &[("foo", "bar")]));
        world.wait_synced("app", true);
        // Times are in whole seconds.
        std::thread::sleep(std::time::Duration::from_millis(1100));
        world.update(&world.seal("app", &[("foo", "baz")]));
        world.wait_value("app", "foo", "baz");
        let condition = world.wait_synced("app", true);
        assert_eq!(world.object("app")["status"]["observedGeneration"], 2);
        assert_ne!(condition["lastUpdateTime"], condition["lastTransitionTime"]);
    });
}

#[test]
fn items_are_renamed_and_added_without_sealing_the_others_again() {
    each("items", |world| {
        let mut object = world.create(&world.seal("app", &[("foo", "bar")]));
        world.wait_value("app", "foo", "bar");
        let items = object["spec"]["encryptedData"].as_object_mut().unwrap();
        let sealed = items.remove("foo").unwrap();
        items.insert("foo2".to_owned(), sealed);
        world.update(&object);
        let secret = world.wait_value("app", "foo2", "bar");
        assert_eq!(secret["data"].as_object().unwrap().len(), 1);
        object["spec"]["encryptedData"]["foo3"] = item(KEY, Scope::Strict, &world.namespace, "app", b"more").into();
        world.update(&object);
        world.wait_value("app", "foo3", "more");
        assert_eq!(world.value("app", "foo2").unwrap(), b"bar");
    });
}

#[test]
fn types_bytes_and_templates_arrive_as_they_are() {
    each("types", |world| {
        let config = r#"{"auths":{"https://example.com":{"username":"u","password":"p"}}}"#;
        let mut object = world.seal("docker", &[(".dockerconfigjson", config)]);
        object["spec"]["template"]["type"] = "kubernetes.io/dockerconfigjson".into();
        world.create(&object);
        assert_eq!(world.wait_value("docker", ".dockerconfigjson", config)["type"], "kubernetes.io/dockerconfigjson");

        let bytes = super::seal(KEY, Scope::Strict, &world.namespace, "bytes", &[("raw", &[0xff, 0x00, 0x0a, 0xfe])]);
        world.create(&world.label(bytes));
        world.wait_synced("bytes", true);
        assert_eq!(world.value("bytes", "raw").unwrap(), [0xff, 0x00, 0x0a, 0xfe]);

        let mut object = world.seal("templated", &[("user", "admin"), ("password", "p&w\"")]);
        object["spec"]["template"]["data"] =
            json!({ "config.json": r#"{"u":{{ .user | toJson }},"p":{{ index . "password" | quote }}}"# });
        world.create(&object);
        world.wait_value("templated", "config.json", r#"{"u":"admin","p":"p&w\""}"#);

        let mut object = world.seal("bare", &[]);
        object["spec"]["template"]["data"] = json!({ "only": "{{ upper \"text\" }}" });
        world.create(&object);
        world.wait_value("bare", "only", "TEXT");
    });
}

#[test]
fn an_immutable_one_is_made_and_then_refuses_to_change() {
    each("immutable", |world| {
        let mut object = world.seal("app", &[("foo", "bar")]);
        object["spec"]["template"]["immutable"] = true.into();
        world.create(&object);
        assert_eq!(world.wait_value("app", "foo", "bar")["immutable"], true);
        world.wait_synced("app", true);
        let mut object = world.seal("app", &[("foo", "baz")]);
        object["spec"]["template"]["immutable"] = true.into();
        world.update(&object);
        let explained = format!("Error updating {}/app: the target Secret is immutable.", world.namespace);
        let event = world.wait_event("app", "ErrUpdateFailed", &explained);
        assert!(event["message"].as_str().unwrap().ends_with("You can only delete and recreate the Secret."), "{event}");
        let condition = world.wait_synced("app", false);
        assert!(condition["message"].as_str().unwrap().ends_with("field is immutable when `immutable` is set"), "{condition}");
        assert_eq!(world.value("app", "foo").unwrap(), b"bar");
        let mut object = world.seal("explicit", &[("foo", "bar")]);
        object["spec"]["template"]["immutable"] = false.into();
        world.create(&object);
        assert_eq!(world.wait_value("explicit", "foo", "bar")["immutable"], false);
    });
}

#[test]
fn one_sealed_for_another_key_gives_no_secret_and_says_so() {
    each("wrongkey", |world| {
        let mut object =
            world.label(super::seal("test-only-2048-other", Scope::Strict, &world.namespace, "app", &[("foo", b"s3cret-value")]));
        object["spec"]["encryptedData"]["good"] = item(KEY, Scope::Strict, &world.namespace, "app", b"s3cret-value").into();
        world.create(&object);
        let condition = world.wait_synced("app", false);
        assert_eq!(condition["message"], "no key could decrypt secret (foo)");
        let event = world.wait_event("app", "ErrUnsealFailed", "Failed to unseal: no key could decrypt secret (foo)");
        assert_eq!(event["type"], "Warning");
        assert!(world.secret("app").is_none(), "nothing is half opened");
        assert_eq!(world.object("app")["status"]["observedGeneration"], 1);
        // What is repaired becomes a Secret, and the message goes.
        world.update(&world.seal("app", &[("foo", "bar")]));
        world.wait_value("app", "foo", "bar");
        assert!(world.wait_synced("app", true).get("message").is_none());
    });
}

#[test]
fn scopes_hold_and_let_go_as_they_say() {
    each("scopes", |world| {
        let elsewhere = world.another();
        let renamed = |scope: Scope, name: &str, namespace: &str| {
            let mut object = world.seal_as(scope, "sealed-as", &[("foo", "bar")]);
            object["metadata"]["name"] = name.into();
            object["metadata"]["namespace"] = namespace.into();
            world.create(&object);
        };
        renamed(Scope::Strict, "strict-renamed", &world.namespace);
        renamed(Scope::NamespaceWide, "wide-renamed", &world.namespace);
        renamed(Scope::NamespaceWide, "wide-moved", &elsewhere);
        renamed(Scope::ClusterWide, "cluster-renamed", &world.namespace);
        renamed(Scope::ClusterWide, "cluster-moved", &elsewhere);
        renamed(Scope::Strict, "sealed-as", &elsewhere);
        world.wait_value("wide-renamed", "foo", "bar");
        world.wait_value("cluster-renamed", "foo", "bar");
        world.wait_synced("strict-renamed", false);
        assert!(world.secret("strict-renamed").is_none());
        let there = |name: &str| world.cluster.read(&format!("{}/{name}", sealed_secrets(&elsewhere)));
        for (name, opens) in [("wide-moved", "False"), ("cluster-moved", "True"), ("sealed-as", "False")] {
            world.cluster.wait(name, || there(name)["status"]["conditions"][0]["status"] == opens);
            assert_eq!(world.cluster.get(&format!("{}/{name}", secrets(&elsewhere))).0 == 200, opens == "True", "{name}");
        }
        // "false" is as if it were not there: what was sealed strictly opens, what was sealed wider does not.
        let mut object = world.seal("negated", &[("foo", "bar")]);
        object["metadata"]["annotations"] = json!({ "sealedsecrets.bitnami.com/cluster-wide": "false" });
        world.create(&object);
        world.wait_value("negated", "foo", "bar");
        let mut object = world.seal_as(Scope::ClusterWide, "flipped", &[("foo", "bar")]);
        object["metadata"]["annotations"] = json!({ "sealedsecrets.bitnami.com/cluster-wide": "TRUE" });
        world.create(&object);
        world.wait_synced("flipped", false);
    });
}

#[test]
fn every_failing_item_is_named_in_one_message() {
    each("grouped", |world| {
        let mut object = world.seal("app", &[("good", "1")]);
        let elsewhere = item(KEY, Scope::Strict, "other", "app", b"2");
        object["spec"]["encryptedData"]["b"] = elsewhere.into();
        object["spec"]["encryptedData"]["bad64"] = "AgB*".into();
        world.create(&object);
        let message = world.wait_synced("app", false)["message"].as_str().unwrap().to_owned();
        // 0.27.1 still writes each group on a line of its own.
        let mut parts: Vec<&str> = message.split(if world.which == Which::Ours { "; " } else { "\n" }).collect();
        parts.sort_unstable();
        assert_eq!(parts, ["illegal base64 data at input byte 3 (bad64)", "no key could decrypt secret (b)"]);
        assert!(world.secret("app").is_none());
    });
}

/// A difference: the reference publishes a message only when the status flips, and looks at the scope only with a new spec.
#[test]
fn another_message_is_published_and_another_scope_is_seen() {
    ours("messages", |world| {
        let mut object = world.seal_as(Scope::NamespaceWide, "app", &[("a", "1")]);
        object["metadata"]["annotations"] = json!({});
        world.create(&object);
        assert_eq!(world.wait_synced("app", false)["message"], "no key could decrypt secret (a)");
        let mut object = world.object("app");
        object["spec"]["encryptedData"] = json!({ "b": "!" });
        world.update(&object);
        assert_eq!(world.wait_synced("app", false)["message"], "illegal base64 data at input byte 0 (b)");
        world.update(&world.seal_as(Scope::NamespaceWide, "app", &[("c", "3")]));
        assert_eq!(world.wait_synced("app", false)["message"], "no key could decrypt secret (c)");
        world.patch("app", &json!({ "metadata": { "annotations": { "sealedsecrets.bitnami.com/namespace-wide": "true" } } }));
        world.wait_value("app", "c", "3");
        world.wait_synced("app", true);
    });
}

/// Another: since 0.37 the sealed value wins over the template of the same key, and templates see each other's text; 0.27.1 is
/// older. And the template of an object that was fetched from a cluster may carry what only a server sets.
#[test]
fn templates_have_the_precedence_of_later_versions() {
    ours("precedence", |world| {
        let mut object = world.seal("app", &[("both", "sealed"), ("user", "admin")]);
        object["spec"]["template"]["data"] = json!({ "both": "templated", "see": "{{ .plain }}-{{ .user }}", "plain": "text" });
        object["spec"]["template"]["metadata"]["resourceVersion"] = "12345".into();
        object["spec"]["template"]["metadata"]["uid"] = "not-ours".into();
        object["spec"]["template"]["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z".into();
        world.create(&object);
        world.wait_value("app", "both", "sealed");
        world.wait_value("app", "see", "text-admin");
    });
}

#[test]
fn an_unchanged_secret_is_not_written_again() {
    each("unchanged", |world| {
        world.create(&world.seal("app", &[("a", "1")]));
        world.wait_synced("app", true);
        let before = world.secret("app").unwrap()["metadata"]["resourceVersion"].clone();
        // The same values, sealed anew: another spec.
        world.update(&world.seal("app", &[("a", "1")]));
        world.wait_synced("app", true);
        let after = world.secret("app").unwrap()["metadata"]["resourceVersion"].clone();
        // The reference sends an update for the missing type each time, which the API server finds to change nothing.
        assert_eq!(before, after);
        if world.which == Which::Ours {
            assert_eq!(world.object("app")["status"]["observedGeneration"], 2);
        }
    });
}

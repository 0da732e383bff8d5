//! Whose the Secret is: `sealed-secrets.md` §1.5, §3.4 and §4.1. Taking over, adding to, leaving alone, making again.

use serde_json::json;

use super::{World, each, ours};

const MANAGED: &str = "sealedsecrets.bitnami.com/managed";
const PATCH: &str = "sealedsecrets.bitnami.com/patch";

fn data(world: &World, name: &str) -> Vec<String> {
    let secret = world.secret(name).unwrap();
    secret["data"].as_object().map(|data| data.keys().cloned().collect()).unwrap_or_default()
}

#[test]
fn a_managed_secret_is_taken_over() {
    each("managed", |world| {
        world.foreign("app", json!({ MANAGED: "true", "another": "x" }), &[("old", "1")]);
        let mut object = world.seal("app", &[("foo", "bar")]);
        object["spec"]["template"]["metadata"]["labels"]["mylabel"] = "myvalue".into();
        let object = world.create(&object);
        let secret = world.wait_value("app", "foo", "bar");
        assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], object["metadata"]["uid"]);
        assert!(secret["metadata"].get("annotations").is_none(), "{secret}");
        assert_eq!(secret["metadata"]["labels"], json!({ "mylabel": "myvalue" }));
        assert_eq!(data(world, "app"), ["foo"]);
        world.wait_synced("app", true);
    });
}

#[test]
fn a_patched_secret_keeps_what_it_has() {
    each("patch", |world| {
        world.foreign("app", json!({ PATCH: "true", "another": "x" }), &[("old", "1")]);
        let mut object = world.seal("app", &[("foo", "bar")]);
        object["spec"]["template"]["metadata"]["annotations"]["note"] = "new".into();
        world.create(&object);
        let secret = world.wait_value("app", "foo", "bar");
        assert!(secret["metadata"].get("ownerReferences").is_none(), "{secret}");
        assert_eq!(secret["metadata"]["annotations"], json!({ PATCH: "true", "another": "x", "note": "new" }));
        assert_eq!(secret["metadata"]["labels"]["anotherlabel"], "anothervalue");
        assert_eq!(data(world, "app"), ["foo", "old"]);
        world.wait_synced("app", true);
        // Deleting it does not bring it back, and deleting the SealedSecret leaves a patched one as it is.
        world.delete("app");
        world.settle();
        assert_eq!(data(world, "app"), ["foo", "old"]);
    });
}

#[test]
fn a_managed_and_patched_secret_keeps_what_it_has_and_gets_an_owner() {
    each("both", |world| {
        world.foreign("app", json!({ PATCH: "true", MANAGED: "true" }), &[("old", "1")]);
        world.create(&world.seal("app", &[("foo", "bar")]));
        let secret = world.wait_value("app", "foo", "bar");
        assert_eq!(secret["metadata"]["ownerReferences"].as_array().unwrap().len(), 1);
        assert_eq!(data(world, "app"), ["foo", "old"]);
        world.wait_synced("app", true);
    });
}

#[test]
fn an_empty_secret_can_be_patched() {
    each("patch-empty", |world| {
        let metadata = json!({ "name": "app", "annotations": { PATCH: "true" } });
        world.cluster.created(&crate::harness::api::secrets(&world.namespace), &json!({ "metadata": metadata }));
        world.create(&world.seal("app", &[("foo", "bar")]));
        world.wait_value("app", "foo", "bar");
        world.wait_synced("app", true);
    });
}

#[test]
fn an_owned_secret_comes_back_when_it_is_deleted() {
    each("recreate", |world| {
        world.create(&world.seal("app", &[("foo", "bar")]));
        let first = world.wait_value("app", "foo", "bar");
        world.wait_synced("app", true);
        world.delete_secret("app");
        let uid = first["metadata"]["uid"].clone();
        world.wait_secret("app", "another Secret", |secret| secret["metadata"]["uid"] != uid);
        world.wait_value("app", "foo", "bar");
    });
}

#[test]
fn a_managed_secret_without_owner_comes_back_when_it_is_deleted() {
    each("recreate-managed", |world| {
        let mut object = world.seal("app", &[("foo", "bar")]);
        let annotations = &mut object["spec"]["template"]["metadata"]["annotations"];
        annotations[MANAGED] = "true".into();
        annotations["sealedsecrets.bitnami.com/skip-set-owner-references"] = "true".into();
        world.create(&object);
        let first = world.wait_value("app", "foo", "bar");
        assert!(first["metadata"].get("ownerReferences").is_none());
        world.wait_synced("app", true);
        world.delete_secret("app");
        let uid = first["metadata"]["uid"].clone();
        world.wait_secret("app", "another Secret", |secret| secret["metadata"]["uid"] != uid);
    });
}

#[test]
fn a_patched_secret_does_not_come_back() {
    each("no-recreate-patch", |world| {
        world.foreign("app", json!({ PATCH: "true" }), &[("old", "1")]);
        world.create(&world.seal("app", &[("foo", "bar")]));
        world.wait_value("app", "foo", "bar");
        world.wait_synced("app", true);
        world.delete_secret("app");
        world.settle();
        assert!(world.secret("app").is_none());
    });
}

#[test]
fn a_foreign_secret_is_left_alone_and_the_reason_is_said() {
    each("foreign", |world| {
        let foreign = world.foreign("app", json!({ MANAGED: "True", PATCH: "1" }), &[("old", "1")]);
        world.create(&world.seal("app", &[("foo", "bar")]));
        let text = "Resource \"app\" already exists and is not managed by SealedSecret";
        assert_eq!(world.wait_synced("app", false)["message"], format!("failed update: {text}"));
        world.wait_event("app", "ErrUpdateFailed", text);
        let now = world.secret("app").unwrap();
        assert_eq!(now["metadata"]["resourceVersion"], foreign["metadata"]["resourceVersion"]);
    });
}

/// A difference (#1090): the reference has given up by then.
#[test]
fn when_what_is_in_the_way_goes_or_lets_it_happen_the_secret_is_made() {
    ours("blocker", |world| {
        for name in ["goes", "lets"] {
            world.foreign(name, json!({}), &[("old", "1")]);
            world.create(&world.seal(name, &[("foo", "bar")]));
            world.wait_synced(name, false);
        }
        world.delete_secret("goes");
        world.wait_value("goes", "foo", "bar");
        world.wait_synced("goes", true);
        world.cluster.patched(&world.secret_path("lets"), &json!({ "metadata": { "annotations": { MANAGED: "true" } } }));
        world.wait_value("lets", "foo", "bar");
        assert!(world.wait_synced("lets", true).get("message").is_none());
    });
}

/// A difference (#1599): the reference finds the old object's Secret, gives up, and the garbage collector then deletes it.
#[test]
fn an_object_that_is_deleted_and_made_again_at_once_has_its_secret() {
    ours("again", |world| {
        for _ in 0..3 {
            let object = world.create(&world.seal("app", &[("foo", "bar")]));
            let uid = object["metadata"]["uid"].clone();
            world.wait_secret("app", "the Secret of the new object", |secret| {
                secret["metadata"]["ownerReferences"][0]["uid"] == uid && secret["metadata"].get("deletionTimestamp").is_none()
            });
            world.wait_synced("app", true);
            world.delete("app");
        }
        let object = world.create(&world.seal("app", &[("foo", "last")]));
        // The collector has its say about the old ones.
        std::thread::sleep(std::time::Duration::from_millis(1500));
        let secret = world.wait_value("app", "foo", "last");
        assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], object["metadata"]["uid"]);
    });
}

/// A difference: the reference makes the Secret and then takes it for somebody else's.
#[test]
fn a_secret_without_owner_is_known_again() {
    ours("unowned", |world| {
        let seal = |value: &str| {
            let mut object = world.seal("app", &[("foo", value)]);
            object["spec"]["template"]["metadata"]["annotations"]["sealedsecrets.bitnami.com/skip-set-owner-references"] =
                "true".into();
            object
        };
        world.create(&seal("bar"));
        assert!(world.wait_value("app", "foo", "bar")["metadata"].get("ownerReferences").is_none());
        world.wait_synced("app", true);
        world.update(&seal("baz"));
        world.wait_value("app", "foo", "baz");
        world.wait_synced("app", true);
        world.delete("app");
        world.settle();
        assert!(world.secret("app").is_some());
    });
}

#[test]
fn the_garbage_collector_takes_the_secret_of_a_deleted_object() {
    each("collected", |world| {
        if !world.cluster.collects_garbage() {
            return;
        }
        world.create(&world.seal("app", &[("foo", "bar")]));
        world.wait_synced("app", true);
        world.delete("app");
        world.cluster.wait("the end of the Secret", || world.secret("app").is_none());
    });
}

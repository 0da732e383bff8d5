//! The deprecated form, `spec.data` (`sealed-secrets.md` §1.4): one value that is a whole Secret in JSON.

use hecate_seal::seal::Scope;
use serde_json::{Value, json};

use super::{KEY, World, each, item};

fn blob(world: &World, name: &str) -> Value {
    let secret = json!({ "kind": "Secret", "apiVersion": "v1", "metadata": { "name": name, "namespace": world.namespace,
        "labels": { "from": "blob" } }, "type": "Opaque", "data": { "foo": "YmFy" } });
    let sealed = item(KEY, Scope::Strict, &world.namespace, name, secret.to_string().as_bytes());
    json!({ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
        "metadata": { "name": name, "namespace": world.namespace, "labels": world.labels() },
        "spec": { "data": sealed, "encryptedData": {} } })
}

#[test]
fn the_old_form_opens_and_both_together_do_not() {
    each("legacy", |world| {
        world.create(&blob(world, "app"));
        let secret = world.wait_value("app", "foo", "bar");
        assert_eq!(secret["metadata"]["labels"]["from"], "blob");
        assert_eq!(secret["metadata"]["ownerReferences"][0]["name"], "app");
        world.wait_synced("app", true);

        let mut both = blob(world, "both");
        both["spec"]["encryptedData"]["a"] = item(KEY, Scope::Strict, &world.namespace, "both", b"1").into();
        world.create(&both);
        let message = world.wait_synced("both", false)["message"].as_str().unwrap().to_owned();
        assert!(message.contains("at the same time"), "{message}");
    });
}

//! One controller in the place of the other, both at once, and a restart over objects that did not change.

use std::collections::BTreeMap;

use hecate_seal::seal::Scope;
use serde_json::{Value, json};

use super::crd::{install, our_crd};
use super::{KEY, item, seal};
use crate::harness::Cluster;
use crate::harness::api::{sealed_secrets, secrets};
use crate::harness::controller::{Controller, Which, key_admin_rules, unsealer_rules};
use crate::harness::users::User;

/// Name and resource version of every Secret of a namespace.
fn versions(cluster: &Cluster, namespace: &str) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let secrets = cluster.list(&secrets(namespace), "");
    secrets.iter().map(|s| (text(&s["metadata"]["name"]), text(&s["metadata"]["resourceVersion"]))).collect()
}

/// Whether every SealedSecret of the namespace has a status of its generation.
fn settled(cluster: &Cluster, namespace: &str) -> bool {
    cluster.list(&sealed_secrets(namespace), "").iter().all(|object| {
        object["status"]["observedGeneration"] == object["metadata"]["generation"] && !object["status"]["conditions"][0].is_null()
    })
}

fn statuses(cluster: &Cluster, namespace: &str) -> BTreeMap<String, Value> {
    let objects = cluster.list(&sealed_secrets(namespace), "");
    objects.iter().map(|o| (o["metadata"]["name"].as_str().unwrap().to_owned(), o["status"]["conditions"].clone())).collect()
}

/// Objects of every kind in a namespace, and the Secrets that they meet there.
fn objects_of_every_kind(cluster: &Cluster, namespace: &str) {
    let foreign = |name: &str, annotations: Value| {
        let object = json!({ "metadata": { "name": name, "annotations": annotations }, "stringData": { "old": "1" } });
        cluster.created(&secrets(namespace), &object);
    };
    foreign("patched", json!({ "sealedsecrets.bitnami.com/patch": "true" }));
    foreign("managed", json!({ "sealedsecrets.bitnami.com/managed": "true" }));
    foreign("foreign", json!({}));
    let create = |scope: Scope, name: &str, change: &dyn Fn(&mut Value)| {
        let mut object = seal(KEY, scope, namespace, name, &[("foo", b"bar"), ("raw", &[0xff, 0x00])]);
        change(&mut object);
        cluster.created(&sealed_secrets(namespace), &object);
    };
    create(Scope::Strict, "strict", &|_| ());
    create(Scope::NamespaceWide, "wide", &|_| ());
    create(Scope::ClusterWide, "cluster", &|_| ());
    create(Scope::Strict, "patched", &|_| ());
    create(Scope::Strict, "managed", &|_| ());
    create(Scope::Strict, "foreign", &|_| ());
    create(Scope::Strict, "immutable", &|object| object["spec"]["template"]["immutable"] = true.into());
    create(Scope::Strict, "labelled", &|object| {
        object["spec"]["template"]["metadata"]["labels"] = json!({ "a": "b" });
        object["spec"]["template"]["metadata"]["annotations"] = json!({ "c": "d" });
        object["spec"]["template"]["type"] = "Opaque".into();
    });
    create(Scope::Strict, "templated", &|object| {
        object["spec"]["template"]["data"] = json!({ "config": "{{ .foo }} and {{ upper .foo }}" });
    });
    create(Scope::Strict, "typed", &|object| {
        object["spec"]["template"]["type"] = "kubernetes.io/basic-auth".into();
        object["spec"]["encryptedData"]["username"] = item(KEY, Scope::Strict, namespace, "typed", b"u").into();
    });
    create(Scope::Strict, "wrong", &|object| {
        object["spec"]["encryptedData"]["foo"] = item(KEY, Scope::Strict, "x", "y", b"z").into()
    });
    let blob = json!({ "kind": "Secret", "apiVersion": "v1", "metadata": { "name": "legacy", "namespace": namespace }, "data": { "foo": "YmFy" } });
    let blob = item(KEY, Scope::Strict, namespace, "legacy", blob.to_string().as_bytes());
    create(Scope::Strict, "legacy", &|object| object["spec"] = json!({ "data": blob, "encryptedData": {} }));
}

fn start<'a>(cluster: &'a Cluster, which: Which, keys: &str, work: &str) -> Option<Controller<'a>> {
    let flags = ["--all-namespaces=false".to_owned(), format!("--additional-namespaces={work}")];
    cluster.controller(which, keys).flags(flags).start()
}

/// Waits until a controller has looked at everything that it found: it opens what is created now.
fn caught_up(cluster: &Cluster, work: &str, name: &str) {
    cluster.created(&sealed_secrets(work), &seal(KEY, Scope::Strict, work, name, &[("foo", b"new")]));
    cluster.wait(name, || cluster.secret_value(work, name, "foo").as_deref() == Some(b"new"));
    // What was found before may still be at work.
    std::thread::sleep(std::time::Duration::from_millis(700));
    cluster.wait("the statuses", || settled(cluster, work));
}

#[test]
fn each_takes_the_others_place_and_no_secret_is_written() {
    let Some(cluster) = Cluster::shared() else { return };
    let (keys, work) = ("swap-keys", "swap-work");
    cluster.namespace(keys);
    cluster.namespace(work);
    cluster.key_secret(keys, "sealed-secrets-key1", KEY);
    let Some(reference) = start(cluster, Which::Reference, keys, work) else { return };
    objects_of_every_kind(cluster, work);
    caught_up(cluster, work, "first");
    reference.stop();
    let (secrets_before, statuses_before) = (versions(cluster, work), statuses(cluster, work));
    assert_eq!(secrets_before.len(), 12, "{secrets_before:?}");

    let turns = [(Which::Ours, "second"), (Which::Reference, "third"), (Which::Ours, "fourth")];
    for (which, name) in turns {
        let mark = cluster.mark();
        let Some(controller) = start(cluster, which, keys, work) else { return };
        caught_up(cluster, work, name);
        let user = controller.user.clone();
        controller.stop();
        let (mut secrets_now, mut statuses_now) = (versions(cluster, work), statuses(cluster, work));
        for new in turns.map(|(_, name)| name) {
            secrets_now.remove(new);
            statuses_now.remove(new);
        }
        assert_eq!(secrets_now, secrets_before, "{which:?} wrote a Secret");
        assert_eq!(statuses_now, statuses_before, "{which:?} wrote a status");
        if which == Which::Ours {
            let writes = cluster.writes(mark, &user);
            let others: Vec<_> =
                writes.iter().filter(|write| !write.ends_with(&format!("/{name}")) && !write.contains(" events ")).collect();
            assert!(others.is_empty(), "{others:?}");
        }
    }
}

#[test]
fn both_at_once_do_no_harm() {
    let Some(cluster) = Cluster::shared() else { return };
    let (keys, work) = ("two-keys", "two-work");
    cluster.namespace(keys);
    cluster.namespace(work);
    cluster.key_secret(keys, "sealed-secrets-key1", KEY);
    let whiches = [Which::Ours, Which::Reference, Which::Ours];
    let controllers: Vec<_> = whiches.iter().filter_map(|which| start(cluster, *which, keys, work)).collect();
    if controllers.len() < whiches.len() {
        return;
    }
    for round in 0..3 {
        for number in 0..10 {
            let name = format!("app{number}");
            let value = format!("value{round}");
            let object = seal(KEY, Scope::Strict, work, &name, &[("foo", value.as_bytes())]);
            if round == 0 {
                cluster.created(&sealed_secrets(work), &object);
            } else {
                let path = format!("{}/{name}", sealed_secrets(work));
                cluster.patched(&path, &json!({ "spec": object["spec"] }));
            }
        }
        for number in 0..10 {
            let name = format!("app{number}");
            cluster.wait(&name, || cluster.secret_value(work, &name, "foo") == Some(format!("value{round}").into_bytes()));
        }
    }
    let good = || {
        statuses(cluster, work)
            .values()
            .all(|conditions| conditions[0]["status"] == "True" && conditions.as_array().unwrap().len() == 1)
    };
    cluster.wait("the statuses", || settled(cluster, work) && good());
    // They do not write against each other for ever.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let before = (versions(cluster, work), statuses(cluster, work));
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!((versions(cluster, work), statuses(cluster, work)), before);
}

/// A metric of a controller, if it has it.
fn metric(controller: &Controller<'_>, name: &str) -> Option<f64> {
    let text = controller.scrape();
    let line = text.lines().find(|line| line.starts_with(name) && line.as_bytes().get(name.len()) == Some(&b' '))?;
    line.rsplit(' ').next()?.parse().ok()
}

fn requests(controller: &Controller<'_>) -> f64 {
    metric(controller, "sealed_secrets_controller_unseal_requests_total").unwrap_or_default()
}

/// The reads of Secrets one by one, and the writes, of a user since a mark.
fn restarted(cluster: &Cluster, user: &User, keys: &str) -> (Vec<String>, Vec<Value>, f64) {
    let mark = cluster.mark();
    let controller = cluster.controller(Which::Ours, keys).user(user).start().unwrap();
    cluster.wait("all objects", || {
        requests(&controller) >= 300.0 && metric(&controller, "sealed_secrets_controller_queue_depth") == Some(0.0)
    });
    std::thread::sleep(std::time::Duration::from_millis(700));
    assert_eq!(requests(&controller), 300.0);
    let opened = metric(&controller, "sealed_secrets_controller_values_opened_total").unwrap();
    controller.stop();
    let reads = cluster.audit(mark, |event| {
        event["user"]["username"] == user.name.as_str()
            && event["verb"] == "get"
            && event["objectRef"]["resource"] == "secrets"
            && event["objectRef"]["name"] != "sealed-secrets-key"
    });
    (cluster.writes(mark, user), reads, opened)
}

#[test]
fn a_restart_over_300_unchanged_objects_writes_nothing() {
    let Some(cluster) = Cluster::own() else { return };
    let (keys, work) = ("many-keys", "many-work");
    cluster.namespace(keys);
    cluster.namespace(work);
    cluster.key_secret(keys, "sealed-secrets-key1", KEY);
    let user = cluster.user();
    cluster.cluster_role(&user, &unsealer_rules());
    cluster.role(&user, keys, &key_admin_rules());
    for number in 0..300 {
        let name = format!("app{number}");
        cluster
            .created(&sealed_secrets(work), &seal(KEY, Scope::Strict, work, &name, &[("foo", name.as_bytes()), ("bar", b"1")]));
    }
    let run = || {
        let controller = cluster.controller(Which::Ours, keys).user(&user).start().unwrap();
        cluster.wait("all Secrets", || versions(&cluster, work).len() == 300 && settled(&cluster, work));
        std::thread::sleep(std::time::Duration::from_millis(700));
        controller.stop();
    };
    run();
    let before = versions(&cluster, work);

    // Under the reference's definition everything is opened and compared, and nothing is written.
    let (writes, _, opened) = restarted(&cluster, &user, keys);
    assert!(writes.is_empty(), "{} writes: {:?}", writes.len(), &writes[..writes.len().min(5)]);
    assert_eq!(opened, 600.0);
    assert_eq!(versions(&cluster, work), before);

    // Under ours each status is completed once …
    install(&cluster, &our_crd(), true);
    let (writes, _, _) = restarted(&cluster, &user, keys);
    assert!(
        writes.len() == 300 && writes.iter().all(|write| write.starts_with("update sealedsecrets/status ")),
        "{}",
        writes.len()
    );
    // … and then nothing is written, opened or even read.
    let (writes, reads, opened) = restarted(&cluster, &user, keys);
    assert!(writes.is_empty(), "{} writes: {:?}", writes.len(), &writes[..writes.len().min(5)]);
    assert!(reads.is_empty(), "{} Secrets were read", reads.len());
    assert_eq!(opened, 0.0);
    assert_eq!(versions(&cluster, work), before);

    // A Secret that somebody changed while no controller ran is made right again, and only that one.
    let path = format!("{}/app7", secrets(work));
    cluster.patched(&path, &json!({ "stringData": { "foo": "tampered" } }));
    let (writes, reads, opened) = restarted(&cluster, &user, keys);
    assert_eq!(cluster.secret_value(work, "app7", "foo").unwrap(), b"app7");
    let kinds: Vec<&str> = writes.iter().map(|write| write.split(' ').nth(1).unwrap()).collect();
    assert!(kinds.contains(&"secrets") && kinds.contains(&"sealedsecrets/status") && writes.len() <= 3, "{writes:?}");
    assert_eq!((reads.len(), opened), (1, 2.0));
}

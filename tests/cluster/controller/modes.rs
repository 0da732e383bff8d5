//! What the flags change (`sealed-secrets.md` §3.1, §3.3, §3.4), and an API server that is away for a while.

use std::time::Duration;

use hecate_seal::seal::Scope;
use serde_json::{Value, json};

use super::{KEY, seal};
use crate::harness::Cluster;
use crate::harness::api::{sealed_secrets, secrets};
use crate::harness::controller::{Controller, Which};

/// A controller with flags, in two namespaces of its own: one with its keys, one besides.
struct Mode {
    cluster: &'static Cluster,
    own: String,
    other: String,
    controller: Controller<'static>,
}

/// Runs a test over both controllers. `{other}` in a flag is the other namespace.
fn each(name: &str, flags: &[&str], test: impl Fn(&Mode)) {
    for which in [Which::Ours, Which::Reference] {
        let Some(cluster) = Cluster::shared() else { return };
        let own = format!("m-{name}-{}", if which == Which::Ours { "ours" } else { "reference" });
        let other = format!("{own}-2");
        cluster.namespace(&own);
        cluster.namespace(&other);
        cluster.key_secret(&own, "sealed-secrets-key1", KEY);
        let flags = flags.iter().map(|flag| flag.replace("{other}", &other));
        let Some(controller) = cluster.controller(which, &own).flags(flags).start() else { return };
        test(&Mode { cluster, own, other, controller });
    }
}

impl Mode {
    fn create(&self, namespace: &str, name: &str, change: impl Fn(&mut Value)) {
        let mut object = seal(KEY, Scope::Strict, namespace, name, &[("foo", b"bar")]);
        change(&mut object);
        self.cluster.created(&sealed_secrets(namespace), &object);
    }

    fn opened(&self, namespace: &str, name: &str) -> bool {
        self.cluster.secret_value(namespace, name, "foo").as_deref() == Some(b"bar")
    }

    #[track_caller]
    fn wait(&self, namespace: &str, name: &str) {
        self.cluster.wait(&format!("{:?}: {namespace}/{name}", self.controller.which), || self.opened(namespace, name));
    }

    fn status(&self, namespace: &str, name: &str) -> Value {
        self.cluster.read(&format!("{}/{name}", sealed_secrets(namespace)))["status"].clone()
    }
}

#[test]
fn without_all_namespaces_only_its_own_is_looked_after() {
    each("own", &["--all-namespaces=false"], |mode| {
        mode.create(&mode.other, "app", |_| ());
        mode.create(&mode.own, "app", |_| ());
        mode.wait(&mode.own, "app");
        std::thread::sleep(Duration::from_millis(300));
        assert!(!mode.opened(&mode.other, "app"));
        assert!(mode.status(&mode.other, "app").is_null());
    });
}

/// The reference leaves out a namespace that does not exist at its start; ours looks after it when it comes.
#[test]
fn additional_namespaces_are_looked_after_and_a_missing_one_is_said() {
    each("additional", &["--additional-namespaces={other},{other}-missing"], |mode| {
        for namespace in [&mode.own, &mode.other] {
            mode.create(namespace, "app", |_| ());
            mode.wait(namespace, "app");
        }
        let missing = format!("{}-missing", mode.other);
        mode.cluster.wait("the missing namespace's name", || mode.controller.log().contains(&missing));
        if mode.controller.which == Which::Ours {
            mode.cluster.namespace(&missing);
            mode.create(&missing, "app", |_| ());
            mode.wait(&missing, "app");
        }
    });
}

#[test]
fn the_label_selector_chooses_the_objects() {
    each("selector", &["--all-namespaces=false", "--label-selector=team=a"], |mode| {
        mode.create(&mode.own, "unlabelled", |_| ());
        mode.create(&mode.own, "labelled", |object| object["metadata"]["labels"] = json!({ "team": "a" }));
        mode.wait(&mode.own, "labelled");
        std::thread::sleep(Duration::from_millis(300));
        assert!(!mode.opened(&mode.own, "unlabelled"));
        let path = format!("{}/unlabelled", sealed_secrets(&mode.own));
        mode.cluster.patched(&path, &json!({ "metadata": { "labels": { "team": "a" } } }));
        mode.wait(&mode.own, "unlabelled");
    });
}

#[test]
fn with_skip_recreate_a_deleted_secret_stays_deleted() {
    each("skip", &["--all-namespaces=false", "--skip-recreate"], |mode| {
        mode.create(&mode.own, "app", |_| ());
        mode.wait(&mode.own, "app");
        mode.cluster.wait("the status", || mode.status(&mode.own, "app")["conditions"][0]["status"] == "True");
        mode.cluster.delete(&format!("{}/app", secrets(&mode.own)));
        mode.create(&mode.own, "later", |_| ());
        mode.wait(&mode.own, "later");
        std::thread::sleep(Duration::from_millis(300));
        assert!(!mode.opened(&mode.own, "app"));
    });
}

#[test]
fn without_update_status_there_is_none() {
    each("nostatus", &["--all-namespaces=false", "--update-status=false"], |mode| {
        mode.create(&mode.own, "app", |_| ());
        mode.create(&mode.own, "bad", |object| object["spec"]["encryptedData"]["foo"] = "AgA=".into());
        mode.wait(&mode.own, "app");
        mode.cluster
            .wait("the event", || mode.cluster.events(&mode.own, "bad").iter().any(|event| event["reason"] == "ErrUnsealFailed"));
        std::thread::sleep(Duration::from_millis(300));
        assert!(mode.status(&mode.own, "app").is_null() && mode.status(&mode.own, "bad").is_null());
        assert!(!mode.controller.scrape().contains("condition_info{"));
    });
}

#[test]
fn with_the_old_garbage_collection_the_controller_deletes_the_secret() {
    each("oldgc", &["--all-namespaces=false", "--old-gc-behavior"], |mode| {
        // It has no owner, so that nobody else would.
        mode.create(&mode.own, "app", |object| {
            let annotations = &mut object["spec"]["template"]["metadata"]["annotations"];
            annotations["sealedsecrets.bitnami.com/managed"] = "true".into();
            annotations["sealedsecrets.bitnami.com/skip-set-owner-references"] = "true".into();
        });
        mode.wait(&mode.own, "app");
        mode.cluster.wait("the status", || mode.status(&mode.own, "app")["conditions"][0]["status"] == "True");
        assert_eq!(mode.cluster.delete(&format!("{}/app", sealed_secrets(&mode.own))).0, 200);
        mode.cluster.wait("the end of the Secret", || mode.cluster.get(&format!("{}/app", secrets(&mode.own))).0 == 404);
    });
}

/// A difference: the reference deletes whatever has the name.
#[test]
fn the_old_garbage_collection_leaves_what_is_not_its_own() {
    let Some(cluster) = Cluster::shared() else { return };
    let own = "m-oldgc-foreign";
    cluster.namespace(own);
    cluster.key_secret(own, "sealed-secrets-key1", KEY);
    let flags = ["--all-namespaces=false", "--old-gc-behavior"];
    let Some(controller) = cluster.controller(Which::Ours, own).flags(flags).start() else { return };
    let mode = Mode { cluster, own: own.to_owned(), other: own.to_owned(), controller };
    let status = |name: &str| mode.status(own, name)["conditions"][0]["status"].clone();
    let path = |name: &str| format!("{}/{name}", sealed_secrets(own));
    // One that it refused to touch; one that it only added to; one that was cut loose from its owner.
    let foreign = json!({ "metadata": { "name": "foreign" }, "stringData": { "PASSWORD": "precious" } });
    cluster.created(&secrets(own), &foreign);
    let metadata = json!({ "name": "patched", "annotations": { "sealedsecrets.bitnami.com/patch": "true" } });
    cluster.created(&secrets(own), &json!({ "metadata": metadata, "stringData": { "PASSWORD": "precious" } }));
    let mut names = vec![("foreign", "Background", "PASSWORD"), ("patched", "Background", "PASSWORD")];
    if cluster.collects_garbage() {
        names.push(("orphan", "Orphan", "foo"));
    }
    for (name, how, key) in names {
        mode.create(own, name, |_| ());
        let wanted = if name == "foreign" { "False" } else { "True" };
        cluster.wait(name, || status(name) == wanted);
        assert_eq!(cluster.delete_as(&path(name), how).0, 200);
        let told = |line: &str| line.contains(&format!("{own}/{name}")) && line.contains("SealedSecret has gone");
        cluster.wait("the decision", || mode.controller.log().lines().any(told));
        assert!(cluster.secret_value(own, name, key).is_some(), "{name}");
    }
}

/// A difference: the reference does not watch what is in the way.
#[test]
fn without_the_right_to_watch_secrets_one_in_the_way_makes_no_hot_loop() {
    let Some(cluster) = Cluster::shared() else { return };
    let (keys, work) = ("m-nowatch-keys", "m-nowatch");
    cluster.namespace(keys);
    cluster.namespace(work);
    cluster.key_secret(keys, "sealed-secrets-key1", KEY);
    let user = cluster.user();
    let mut rules = crate::harness::controller::unsealer_rules();
    for rule in rules.as_array_mut().unwrap() {
        if rule["resources"][0] == "secrets" {
            rule["verbs"].as_array_mut().unwrap().retain(|verb| verb != "watch");
        }
    }
    cluster.cluster_role(&user, &rules);
    cluster.role(&user, keys, &crate::harness::controller::key_admin_rules());
    let flags = ["--all-namespaces=false".to_owned(), format!("--additional-namespaces={work}")];
    let Some(controller) = cluster.controller(Which::Ours, keys).user(&user).flags(flags).start() else { return };
    let said = format!("cannot watch secrets in the namespace {work}: not allowed");
    cluster.wait("the reason", || controller.log().contains(&said));
    // What its list told is old now: it does not know of this one.
    cluster.created(&secrets(work), &json!({ "metadata": { "name": "app" }, "stringData": { "PASSWORD": "precious" } }));
    cluster.created(&sealed_secrets(work), &seal(KEY, Scope::Strict, work, "app", &[("foo", b"bar")]));
    let status = || cluster.read(&format!("{}/app", sealed_secrets(work)))["status"]["conditions"][0]["status"].clone();
    cluster.wait("the failure", || status() == "False");
    let passes = || {
        let text = controller.scrape();
        let line = text.lines().find(|line| line.starts_with("sealed_secrets_controller_unseal_requests_total ")).unwrap();
        line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()
    };
    let before = passes();
    std::thread::sleep(Duration::from_secs(2));
    let more = passes() - before;
    assert!(more < 2.0, "{more} passes in two seconds\n{}", controller.log());
    controller.stop();
}

#[test]
fn an_api_server_that_is_away_for_a_while_is_waited_for() {
    let Some(cluster) = Cluster::own() else { return };
    cluster.namespace("away-keys");
    cluster.namespace("away");
    cluster.key_secret("away-keys", "sealed-secrets-key1", KEY);
    let user = cluster.user();
    cluster.cluster_role(&user, &crate::harness::controller::unsealer_rules());
    cluster.role(&user, "away-keys", &crate::harness::controller::key_admin_rules());
    // Started while the API server does not answer, it waits, and says why.
    cluster.stop_api_server();
    let mut controller = cluster.controller(Which::Ours, "away-keys").user(&user).launch().unwrap();
    cluster.wait("the reason", || controller.log().contains("cannot list secrets in the namespace away-keys"));
    assert!(controller.process().ended().is_none());
    cluster.restart_api_server();
    let opens = |cluster: &Cluster, name: &str| {
        let object = seal(KEY, Scope::Strict, "away", name, &[("foo", b"bar")]);
        cluster.created(&sealed_secrets("away"), &object);
        cluster.wait(name, || cluster.secret_value("away", name, "foo").as_deref() == Some(b"bar"));
    };
    opens(&cluster, "first");
    // It hangs for a while in the middle of the work, and is then restarted.
    cluster.pause();
    std::thread::sleep(Duration::from_secs(2));
    cluster.resume();
    opens(&cluster, "second");
    cluster.restart_api_server();
    opens(&cluster, "third");
    // What was deleted while nobody watched comes back.
    cluster.delete(&format!("{}/first", secrets("away")));
    cluster.wait("the deleted one", || cluster.secret_value("away", "first", "foo").is_some());
    assert!(controller.process().ended().is_none());
    assert!(controller.stop().success());
}

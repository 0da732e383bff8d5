//! A Secret of the cluster becomes a SealedSecret, and a controller takes it over without a moment's loss.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Place;
use crate::harness::api;
use crate::harness::controller::Which;
use crate::support;

fn taken_over_by(which: Which, keys: &str) {
    let spec = "  secrets: [{ name: app, namespace: NS, keys: { P: { password: {} }, H: { bcrypt: { from: P, cost: 4 } } } }]\n";
    let Some(place) = Place::new(spec) else { return };
    place.cluster.namespace(keys);
    place.cluster.key_secret(keys, "sealed-secrets-key-test", "test-only-2048");
    let flags = ["--all-namespaces=false".to_owned(), format!("--additional-namespaces={}", place.namespace)];
    let setup = place.cluster.controller(which, keys).flags(flags);
    let Some(controller) = setup.start() else { return };
    place.run(&["apply"]).ok();
    let (password, hash) = (place.value("app", "P"), place.value("app", "H"));

    let certificate = support::key("test-only-2048.crt.pem");
    let name = format!("{}/app", place.namespace);
    let adopt =
        |more: &[&str]| place.run(&["adopt", &name, "--to", "sealed.yaml"]).arg("--cert").arg(&certificate).args(more).output();
    let dry = adopt(&["--dry-run"]).code(0);
    assert!(dry.out().contains("would mark"), "{}", dry.out());
    assert!(!place.folder.path().join("sealed.yaml").exists());
    adopt(&[]).code(0);
    let (_, marked) = place.secret("app");
    assert_eq!(marked["metadata"]["annotations"]["sealedsecrets.bitnami.com/managed"], "true");
    let sealed = std::fs::read_to_string(place.folder.path().join("sealed.yaml")).unwrap();
    assert!(!sealed.contains(&password));
    // Once more: it is there already. Without the file it is made again: the mark alone is no owner.
    adopt(&[]).code(1);
    std::fs::remove_file(place.folder.path().join("sealed.yaml")).unwrap();
    adopt(&[]).code(0);
    let sealed = std::fs::read_to_string(place.folder.path().join("sealed.yaml")).unwrap();

    let done = AtomicBool::new(false);
    let path = format!("{}/app", api::secrets(&place.namespace));
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut looks = 0;
            while !done.load(Ordering::Relaxed) {
                let (status, secret) = place.cluster.get(&path);
                assert_eq!(status, 200, "the Secret was gone for a moment");
                assert_eq!(secret["data"], marked["data"], "its values changed for a moment");
                looks += 1;
            }
            looks
        });
        place.cluster.apply(&sealed);
        let taken = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            place
                .cluster
                .wait("the takeover", || place.secret("app").1["metadata"]["ownerReferences"][0]["kind"] == "SealedSecret");
        }));
        done.store(true, Ordering::Relaxed);
        assert!(watcher.join().unwrap() > 1);
        assert!(taken.is_ok(), "not taken over\n{}", controller.log());
    });
    assert_eq!((place.value("app", "P"), place.value("app", "H")), (password, hash));
    // Now it is the SealedSecret's: a bootstrap that would write it refuses.
    place.run(&["plan"]).ok();
    let refused = place.run(&["rotate", "app"]).output().code(1);
    assert!(refused.err().contains("owned by SealedSecret/app"), "{}", refused.err());
}

#[test]
fn the_reference_controller_takes_an_adopted_secret_over() {
    taken_over_by(Which::Reference, "bootstrap-keys-reference");
}

#[test]
fn our_controller_takes_an_adopted_secret_over() {
    taken_over_by(Which::Ours, "bootstrap-keys-ours");
}

#[test]
fn a_sealing_key_that_a_bootstrap_made_is_the_controllers_key() {
    let spec =
        "  secrets: [{ name: key, namespace: NS, keys: { key: { x509: { sealingKey: true, bits: 2048, days: 365 } } } }]\n";
    let Some(place) = Place::new(spec) else { return };
    place.run(&["apply"]).ok();
    place.run(&["plan"]).ok();
    let Some(controller) = place.cluster.controller(Which::Reference, &place.namespace).flags(["--all-namespaces=false"]).start()
    else {
        return;
    };
    assert_eq!(controller.certificate().trim(), place.value("key", "tls.crt").trim());
    let keys =
        place.cluster.list(&api::secrets(&place.namespace), "labelSelector=sealedsecrets.bitnami.com%2Fsealed-secrets-key");
    assert_eq!(keys.len(), 1, "it made none of its own");
}

//! Runs that go well: once, again, side by side, broken off, and over what an older tool left.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{LAB, Place, fits};
use crate::harness::api;

#[test]
fn case_01_02_a_first_apply_makes_everything_and_a_second_writes_nothing_at_all() {
    let Some(place) = Place::new(LAB) else { return };
    let plan = place.run(&["plan"]).output().code(2);
    assert!(plan.out().contains("4 to create"), "{}", plan.out());
    let done = place.run(&["apply"]).ok();
    assert_eq!(done.out().lines().count(), 4, "{}", done.out());
    let password = place.value("nats-credentials", "NATS_DEFAULT_PASSWORD");
    let hash = place.value("nats-credentials", "NATS_DEFAULT_PASSWORD_HASH");
    assert!(password.len() == 32 && fits(&password, &hash));
    assert!(place.value("nats-auth", "auth.conf").contains(&format!("\"{hash}\"")));
    let (_, secret) = place.secret("nats-credentials");
    assert_eq!(secret["metadata"]["labels"]["app.kubernetes.io/managed-by"], "hecate-seal");
    assert!(!secret["metadata"].to_string().contains(&password[..8]));

    let versions = || {
        ["postgres-credentials", "nats-credentials", "nats-auth", "openwebui-secret-key"]
            .map(|name| place.secret(name).1["metadata"]["resourceVersion"].clone())
    };
    let (before, mark) = (versions(), place.cluster.mark());
    place.run(&["plan"]).ok();
    place.run(&["apply"]).ok();
    place.run(&["status"]).ok();
    assert_eq!(place.cluster.writes(mark, &place.user), [""; 0]);
    assert_eq!(versions(), before);
    for output in [
        place.run(&["plan", "-v", "-o", "json"]).ok(),
        place.run(&["apply", "-v"]).ok(),
        place.run(&["status", "-o", "json"]).ok(),
    ] {
        for shown in [output.out(), output.err()] {
            assert!(!shown.contains(&password) && !shown.contains(&hash) && !shown.contains(&password[..12]), "{shown}");
        }
    }
}

#[test]
fn case_03_an_older_secret_without_hashes_gains_them_and_loses_nothing() {
    let Some(place) = Place::new(LAB) else { return };
    let old = [("NATS_DEFAULT_PASSWORD", "old/pass+word=1"), ("NATS_DYNAMO_PASSWORD", "old2"), ("NATS_DYNAMO_TOKEN", "foreign")];
    place.make("nats-credentials", |_| {}, &old);
    let mark = place.cluster.mark();
    let done = place.run(&["apply"]).ok();
    assert!(done.err().contains("a slash"), "the URL of the old password is warned about: {}", done.err());
    for (key, value) in old {
        assert_eq!(place.value("nats-credentials", key), value);
    }
    assert!(fits("old/pass+word=1", &place.value("nats-credentials", "NATS_DEFAULT_PASSWORD_HASH")));
    assert!(fits("old2", &place.value("nats-credentials", "NATS_DYNAMO_PASSWORD_HASH")));
    let writes = place.cluster.writes(mark, &place.user);
    assert_eq!(writes.iter().filter(|write| write.contains("nats-credentials")).count(), 1, "{writes:?}");
    assert!(writes.iter().any(|write| write.starts_with("patch secrets") && write.ends_with("/nats-credentials")), "{writes:?}");
    place.run(&["plan"]).ok();
}

#[test]
fn case_09_applies_side_by_side_agree_on_one_set_of_values() {
    let Some(place) = Place::new(LAB) else { return };
    let mark = place.cluster.mark();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4).map(|_| scope.spawn(|| place.run(&["apply"]).output())).collect();
        for run in runs {
            run.join().unwrap().code(0);
        }
    });
    let hash = place.value("nats-credentials", "NATS_DYNAMO_PASSWORD_HASH");
    assert!(fits(&place.value("nats-credentials", "NATS_DYNAMO_PASSWORD"), &hash));
    assert!(place.value("nats-auth", "auth.conf").contains(&hash));
    // Every Secret was made once; who came too late read it again and changed nothing.
    let succeeded = place.cluster.audit(mark, |event| {
        event["user"]["username"] == place.user.name.as_str()
            && matches!(event["verb"].as_str(), Some("create" | "patch"))
            && event["responseStatus"]["code"].as_u64() < Some(300)
    });
    assert_eq!(succeeded.len(), 4, "{succeeded:#?}");
    place.run(&["plan"]).ok();
}

#[test]
fn a_run_that_is_killed_between_secrets_is_finished_by_the_next() {
    const MANY: usize = 80;
    let secrets: String = (0..MANY)
        .map(|n| format!("    - {{ name: s{n}, namespace: NS, keys: {{ P: {{ password: {{}} }}, H: {{ bcrypt: {{ from: P, cost: 4 }} }} }} }}\n"))
        .collect();
    let Some(place) = Place::new(&format!("  secrets:\n{secrets}")) else { return };
    let count = || place.cluster.list(&api::secrets(&place.namespace), "").len();
    let pid_file = place.folder.path().join("pid");
    let script = format!("echo $$ > {}; exec \"$@\"", pid_file.display());
    let kubeconfig = place.cluster.kubeconfig(&place.user, None);
    let mut child = place
        .cluster
        .command("sh")
        .args(["-c", &script, "sh", env!("CARGO_BIN_EXE_hecate-seal"), "bootstrap", "apply", "--kubeconfig"])
        .arg(kubeconfig)
        .current_dir(place.folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while count() == 0 {
        assert!(Instant::now() < end, "nothing was written");
    }
    // Its number inside the process namespace.
    let pid = std::fs::read_to_string(&pid_file).unwrap();
    place.cluster.run("sh").args(["-c", &format!("kill -9 {}", pid.trim())]).ok();
    child.wait().unwrap();
    let there = count();
    assert!((1..MANY).contains(&there), "{there} of {MANY}: it was not killed in the middle");
    let before: Vec<_> = place.cluster.list(&api::secrets(&place.namespace), "");
    for secret in &before {
        assert_eq!(secret["data"].as_object().unwrap().len(), 2, "each is whole");
    }
    place.run(&["apply"]).ok();
    assert_eq!(count(), MANY);
    for secret in &before {
        let now = place.secret(secret["metadata"]["name"].as_str().unwrap()).1;
        assert_eq!(now["data"], secret["data"]);
    }
    place.run(&["plan"]).ok();
}

#[test]
fn case_27_a_rotation_renews_password_hash_configuration_and_url_in_one_plan() {
    let Some(place) = Place::new(LAB) else { return };
    place.run(&["apply"]).ok();
    let old = place.value("nats-credentials", "NATS_DEFAULT_PASSWORD");
    let other = place.value("nats-credentials", "NATS_DYNAMO_PASSWORD");
    let mark = place.cluster.mark();
    let ran = place.run(&["rotate", "nats-credentials/NATS_DEFAULT_PASSWORD", "--keep-previous"]).ok();
    let order = "restart in this order (--restart does it): kubectl rollout restart deployment/nats -n";
    assert!(ran.err().contains(order), "the server first: {}", ran.err());
    let writes = place.cluster.writes(mark, &place.user);
    assert_eq!(writes.len(), 2, "{writes:?}");
    let new = place.value("nats-credentials", "NATS_DEFAULT_PASSWORD");
    assert_ne!(new, old);
    assert_eq!(place.value("nats-credentials", "NATS_DEFAULT_PASSWORD_PREVIOUS"), old);
    assert_eq!(place.value("nats-credentials", "NATS_DYNAMO_PASSWORD"), other);
    let hash = place.value("nats-credentials", "NATS_DEFAULT_PASSWORD_HASH");
    assert!(fits(&new, &hash) && place.value("nats-auth", "auth.conf").contains(&hash));
    assert!(place.value("nats-credentials", "NATS_URL").contains(&new));
    place.run(&["plan"]).ok();

    // Stored in the database too: only when it is said that it is changed there.
    let refused = place.run(&["rotate", "postgres-credentials"]).output().code(1);
    assert!(refused.err().contains("--upstream-changed"), "{}", refused.err());
    place.run(&["rotate", "postgres-credentials", "--upstream-changed"]).ok();
    place.run(&["plan"]).ok();
}

#[test]
fn namespaces_are_made_when_the_file_says_so() {
    let Some(place) = Place::new(
        "  namespaces: [{ name: NS-made, create: true }]\n  secrets: [{ name: token, namespace: NS-made, keys: { token: { env: { names: [OP_TOKEN] } } } }]\n",
    ) else {
        return;
    };
    let made = format!("{}-made", place.namespace);
    place.cluster.cluster_role(&place.user, &json!([{ "apiGroups": [""], "resources": ["namespaces"], "verbs": ["create"] }]));
    place.cluster.cluster_role(&place.user, &super::rights());
    place.run(&["apply"]).output().code(1);
    assert_eq!(place.cluster.get(&format!("/api/v1/namespaces/{made}")).0, 404, "nothing is written while an input is missing");
    place.run(&["apply"]).env("OP_TOKEN", "ops_x").ok();
    assert_eq!(place.cluster.secret_value(&made, "token", "token").unwrap(), b"ops_x");
    place.run(&["apply"]).ok();
}

#[test]
fn values_in_files_are_sealed_from_the_cluster_when_asked() {
    let certificate = crate::support::key("test-only-2048.crt.pem").display().to_string();
    let spec = format!(
        "  secrets:\n    - name: app\n      namespace: NS\n      target: {{ sealedSecret: {{ path: sealed.yaml, cert: {certificate} }} }}\n      keys:\n        P: {{ password: {{}} }}\n        H: {{ bcrypt: {{ from: P, cost: 4 }} }}\n"
    );
    let Some(place) = Place::new(&spec) else { return };
    place.make("app", |_| {}, &[("P", "from-the-cluster")]);
    place.run(&["apply", "--read-from-cluster"]).ok();
    let opened = |key: &str| {
        let private = crate::support::key("test-only-2048.key.pem");
        let run = crate::support::hecate().args(["unseal", "-k", key, "-p"]).arg(private).arg("sealed.yaml");
        run.cwd(place.folder.path()).ok().out().to_owned()
    };
    assert_eq!(opened("P"), "from-the-cluster");
    assert!(fits("from-the-cluster", &opened("H")));
    place.run(&["plan"]).ok();
}

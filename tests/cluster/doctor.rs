//! `doctor` with a cluster: what it says about each object, behind the reference controller and behind ours.

use serde_json::{Value, json};

use crate::harness::Cluster;
use crate::harness::api::{sealed_secrets, secrets};
use crate::harness::controller::Which;
use crate::support::{hecate, key, temp_dir};

const SERVICE: &str = "sealed-secrets-controller";

fn sealed(name: &str, namespace: &str, cert: &str) -> String {
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: {namespace}\nstringData:\n  one: hunter2\n  two: b\n"
    );
    hecate().args(["seal", "--cert"]).arg(key(&format!("{cert}.crt.pem"))).stdin(secret).ok().out().to_owned()
}

/// What a person without rights on all namespaces needs to look.
fn rules() -> (Value, Value) {
    let work = json!([
        { "apiGroups": ["bitnami.com"], "resources": ["sealedsecrets"], "verbs": ["get", "list"] },
        { "apiGroups": [""], "resources": ["secrets"], "verbs": ["get"] },
    ]);
    let keys = json!([
        { "apiGroups": [""], "resources": ["services"], "verbs": ["get"] },
        { "apiGroups": [""], "resources": ["services/proxy"], "verbs": ["create", "get"] },
    ]);
    (work, keys)
}

fn doctor_behind(which: Which, prefix: &str) {
    let Some(cluster) = Cluster::shared() else { return };
    let (keys, work) = (format!("{prefix}-keys"), format!("{prefix}-work"));
    cluster.namespace(&keys);
    cluster.namespace(&work);
    cluster.key_secret(&keys, "key-2048", "test-only-2048");
    let setup = cluster.controller(which, &keys).service(SERVICE);
    let flags =
        ["--all-namespaces=false".to_owned(), format!("--additional-namespaces={work}"), "--key-renew-period=0".to_owned()];
    let Some(_controller) = setup.flags(flags).start() else { return };
    let user = cluster.user();
    let (of_work, of_keys) = rules();
    cluster.role(&user, &work, &of_work);
    cluster.role(&user, &keys, &of_keys);
    let config = cluster.kubeconfig(&user, Some(&work));

    let folder = temp_dir();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let good = sealed("good", &work, "test-only-2048");
    let wrong = sealed("wrong", &work, "test-only-2048-other");
    write("good.yaml", &good);
    write("wrong.yaml", &wrong);
    write("later.yaml", &sealed("later", &work, "test-only-2048"));
    write("lost.yaml", &sealed("lost", &work, "test-only-2048-other"));
    write("stale.pem", &std::fs::read_to_string(key("test-only-2048-other.crt.pem")).unwrap());
    write("new.pem", &std::fs::read_to_string(key("test-only-2048.crt.pem")).unwrap());
    write(".hecate-seal.yaml", "certificate: new.pem\ntargets:\n  - directory: old\n    certificate: stale.pem\n");
    cluster.apply(&good);
    cluster.apply(&wrong);
    let synced = |name: &str| {
        let object = cluster.read(&format!("{}/{name}", sealed_secrets(&work)));
        object.pointer("/status/conditions/0/status").and_then(Value::as_str).map(str::to_owned)
    };
    cluster.wait("the conditions", || synced("good").as_deref() == Some("True") && synced("wrong").as_deref() == Some("False"));

    let run = |kubeconfig: &std::path::Path| {
        let run =
            cluster.run(env!("CARGO_BIN_EXE_hecate-seal")).cwd(folder.path()).args(["doctor", "-o", "json", "--kubeconfig"]);
        run.arg(kubeconfig).args(["--controller-namespace", &keys]).output()
    };
    let output = run(&config);
    assert_eq!(output.code, Some(1), "{}{}", output.out(), output.err());
    let report: Value = serde_json::from_str(output.out()).unwrap();
    let findings: Vec<String> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            let text = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
            let words = [text("level"), text("check"), text("subject"), text("object"), text("key"), text("message")];
            words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" | ")
        })
        .collect();
    let all = findings.join("\n");
    let has = |start: &str, rest: &str| {
        assert!(findings.iter().any(|line| line.starts_with(start) && line.contains(rest)), "no «{start} … {rest}» in\n{all}");
    };
    has("ok | certificate | new.pem | ", "is the controller's newest");
    has("warning | certificate | stale.pem | ", "is not the controller's newest");
    has(&format!("ok | controller | Service {keys}/{SERVICE} | "), "its newest key is SHA256:");
    has(&format!("ok | cluster | SealedSecret | {work}/good | synced"), "");
    has(
        &format!("error | cluster | SealedSecret | {work}/wrong | the controller cannot make its Secret: "),
        "no key could decrypt",
    );
    has(&format!("warning | cluster | later.yaml:2 | {work}/later | it is not in the cluster"), "");
    has(&format!("ok | opens | later.yaml:2 | {work}/later | the controller can open it"), "");
    for item in ["one", "two"] {
        has(&format!("error | opens | lost.yaml:2 | {work}/lost | {item} | the controller has no key that opens it"), "");
    }
    assert!(!all.contains("hunter2"));

    // The Secret goes: the controller's word alone is not enough.
    cluster.kubectl(["-n", &work, "delete", "sealedsecret", "wrong"]).ok();
    std::fs::remove_file(folder.path().join("wrong.yaml")).unwrap();
    let secret = format!("{}/good", secrets(&work));
    cluster.patched(&secret, &json!({ "metadata": { "ownerReferences": null } }));
    let output = run(&config);
    assert!(output.out().contains("its Secret is not owned by it"), "{}", output.out());

    // Nobody to ask, and no right to ask.
    let stranger = cluster.user();
    let output = run(&cluster.kubeconfig(&stranger, Some(&work)));
    assert_eq!(output.code, Some(1));
    assert!(output.out().contains("is forbidden") && output.out().contains("sealedsecrets"), "{}", output.out());
}

#[test]
fn doctor_explains_what_happened_behind_the_reference_controller() {
    doctor_behind(Which::Reference, "doctor-theirs");
}

#[test]
fn doctor_explains_what_happened_behind_our_controller() {
    doctor_behind(Which::Ours, "doctor-ours");
}

//! Opening with several keys in every container that keys are kept in, templates, and merging: ours beside kubeseal and the
//! controller's library.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Run, as_kubeseal, assert_same, key, peers, temp_dir};
use crate::values::opened_by_the_controller;

/// The key Secret that the controller keeps, for a pair of `keys/`.
fn key_secret(name: &str) -> Value {
    let data = |kind: &str| STANDARD.encode(std::fs::read(key(&format!("{name}.{kind}.pem"))).unwrap());
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
           "metadata": {"name": "sealed-secrets-keyabcde", "namespace": "kube-system",
                        "labels": {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}},
           "data": {"tls.crt": data("crt"), "tls.key": data("key")}})
}

/// A value sealed by kubeseal with one of the certificates, cluster-wide.
fn raw(kubeseal: &Path, name: &str, value: &str) -> String {
    let cert = key(&format!("{name}.crt.pem"));
    Run::new(kubeseal).args(["--raw", "--scope", "cluster-wide", "--cert"]).arg(cert).stdin(value).ok().out().to_owned()
}

/// A SealedSecret whose items were sealed with different keys, as after a rotation.
fn sealed_with_three_keys(kubeseal: &Path) -> String {
    json!({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
           "metadata": {"name": "app", "namespace": "team-a", "annotations": {"sealedsecrets.bitnami.com/cluster-wide": "true"}},
           "spec": {"encryptedData": {
               "first": raw(kubeseal, "test-only-2048", "one"),
               "second": raw(kubeseal, "test-only-2048-other", "two"),
               "third": raw(kubeseal, "test-only-4096", "three")},
               "template": {"type": "Opaque", "metadata": {"labels": {"a": "b"}}}}})
    .to_string()
}

/// JSON as YAML that Go's and our reader take: YAML is a superset.
fn documents(objects: &[Value]) -> String {
    objects.iter().map(|object| format!("---\n{object}\n")).collect()
}

fn block_yaml(secret: &Value) -> String {
    let data = &secret["data"];
    format!(
        "apiVersion: v1\ndata:\n  tls.crt: {}\n  tls.key: {}\nkind: Secret\nmetadata:\n  name: k\n  namespace: kube-system\ntype: kubernetes.io/tls\n",
        data["tls.crt"].as_str().unwrap(),
        data["tls.key"].as_str().unwrap()
    )
}

#[test]
fn several_keys_in_every_container_open_what_kubeseal_opens() {
    let Some(kubeseal) = peers::kubeseal() else { return };
    let names = ["test-only-2048", "test-only-2048-other", "test-only-4096"];
    let secrets: Vec<Value> = names.iter().map(|name| key_secret(name)).collect();
    let folder = temp_dir();
    let file = |name: &str, content: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    };
    let pem: Vec<PathBuf> = names.iter().map(|name| key(&format!("{name}.key.pem"))).collect();
    let bare: Vec<Value> = secrets.iter().map(|secret| json!({"metadata": secret["metadata"], "data": secret["data"]})).collect();
    let indented = |object: &Value| serde_json::to_string_pretty(object).unwrap();
    let yaml_list = {
        let items: String =
            secrets.iter().map(|secret| format!("- {}\n", block_yaml(secret).trim_end().replace('\n', "\n  "))).collect();
        format!("apiVersion: v1\nitems:\n{items}kind: List\nmetadata:\n  resourceVersion: \"\"\n")
    };
    let containers: Vec<(&str, Vec<PathBuf>)> = vec![
        ("three PEM files", pem.clone()),
        ("the same key twice", [pem.clone(), vec![pem[0].clone()]].concat()),
        ("PKCS#8", vec![key("test-only-2048.pkcs8.key.pem"), pem[1].clone(), pem[2].clone()]),
        ("key Secrets in JSON", (0..3).map(|n| file(&format!("{n}.json"), indented(&secrets[n]))).collect()),
        ("key Secrets in YAML", (0..3).map(|n| file(&format!("{n}.yaml"), block_yaml(&secrets[n]))).collect()),
        ("a List in JSON", vec![file("list.json", indented(&json!({"apiVersion": "v1", "kind": "List", "items": secrets})))]),
        (
            "a List of items without kind",
            vec![file("bare.json", indented(&json!({"apiVersion": "v1", "kind": "List", "items": bare})))],
        ),
        ("a List in YAML", vec![file("list.yaml", yaml_list)]),
        ("a backup of several documents", vec![file("backup.yaml", documents(&secrets))]),
        ("block YAML documents", vec![file("blocks.yaml", secrets.iter().map(block_yaml).collect::<Vec<_>>().join("---\n"))]),
        (
            "JSON objects one after another",
            vec![file("stream.json", secrets.iter().map(indented).collect::<Vec<_>>().join("\n"))],
        ),
        (
            "PEM and List together",
            vec![
                pem[2].clone(),
                file("two.json", json!({"apiVersion": "v1", "kind": "List", "items": &secrets[..2]}).to_string()),
            ],
        ),
    ];
    let sealed = sealed_with_three_keys(&kubeseal);
    for (about, files) in containers {
        for comma in [false, true] {
            for format in ["json", "yaml"] {
                let run = |program: Run| {
                    let joined = files.iter().map(|path| path.to_str().unwrap()).collect::<Vec<_>>();
                    let flags: Vec<String> = if comma {
                        vec![format!("--recovery-private-key={}", joined.join(","))]
                    } else {
                        joined.iter().map(|path| format!("--recovery-private-key={path}")).collect()
                    };
                    program.args(["--recovery-unseal", "-o", format]).args(flags).stdin(sealed.clone()).output()
                };
                let theirs = run(Run::new(&kubeseal)).code(0);
                let ours = run(as_kubeseal()).code(0);
                assert_same(ours.out(), theirs.out(), about);
            }
        }
    }
}

#[test]
fn a_backup_of_a_list_and_then_a_secret_gives_all_its_keys() {
    // The reference's own README makes such a file; kubeseal reads only the List.
    let Some(kubeseal) = peers::kubeseal() else { return };
    let folder = temp_dir();
    let backup = folder.path().join("main.key");
    let list =
        json!({"apiVersion": "v1", "kind": "List", "items": [key_secret("test-only-2048"), key_secret("test-only-2048-other")]});
    std::fs::write(&backup, documents(&[list, key_secret("test-only-4096")])).unwrap();
    let sealed = sealed_with_three_keys(&kubeseal);
    let run =
        |program: Run| program.args(["--recovery-unseal", "--recovery-private-key"]).arg(&backup).stdin(sealed.clone()).output();
    run(Run::new(&kubeseal)).code(1);
    let opened: Value = serde_json::from_str(run(as_kubeseal()).code(0).out()).unwrap();
    assert_eq!(opened["data"], json!({"first": "b25l", "second": "dHdv", "third": "dGhyZWU="}));
}

#[test]
fn a_missing_key_fails_and_names_the_items_that_stay_shut() {
    let (Some(kubeseal), Some(unseal)) = (peers::kubeseal(), peers::go_program("unseal")) else { return };
    let sealed = sealed_with_three_keys(&kubeseal);
    let run = |program: Run| {
        let program = program.args(["--recovery-unseal", "--recovery-private-key"]).arg(key("test-only-4096.key.pem"));
        program.stdin(sealed.clone()).output().code(1)
    };
    let theirs = opened_by_the_controller(&unseal, &["test-only-4096"], &sealed).remove(0).unwrap_err();
    // The reference's order is that of a Go map.
    assert!(
        ["no key could decrypt secret (first, second)", "no key could decrypt secret (second, first)"].contains(&theirs.as_str()),
        "{theirs}"
    );
    run(Run::new(&kubeseal));
    let ours = run(as_kubeseal());
    assert!(ours.err().contains("no key could decrypt secret (first, second)"), "{}", ours.err());
    assert_eq!(ours.out(), "");
}

#[test]
fn templates_render_as_in_the_cluster() {
    // Not among the cases: what changed in 0.37, a template with an item's name and the texts of other templates in `.`.
    let (Some(kubeseal), Some(unseal)) = (peers::kubeseal(), peers::go_program("unseal")) else { return };
    let item = |value: &str| raw(&kubeseal, "test-only-2048", value);
    let object = |template: Value, metadata: Value| {
        json!({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
               "metadata": {"name": "app", "namespace": "team-a", "uid": "some-uid",
                            "annotations": {"sealedsecrets.bitnami.com/cluster-wide": "true"}},
               "spec": {"encryptedData": {"user": item("admin"), "pass": item("p@ss\n"), "json": item("{\"a\":[1,2]}")},
                        "template": {"metadata": metadata, "type": "Opaque", "immutable": false, "data": template}}})
        .to_string()
    };
    let cases = [
        object(json!({"url": "https://{{ .user }}:{{ .pass | trim | urlquery }}@h"}), json!({})),
        object(json!({"name": "{{ .user | upper }}"}), json!({"labels": {"a": "b"}, "annotations": {"c": "d"}})),
        object(
            json!({"x": "{{ index . \"user\" }}{{ .missing }}{{ index . \"missing\" }}"}),
            json!({"name": "ignored", "namespace": "ignored"}),
        ),
        object(
            json!({"x": "{{ range $i, $v := list .user .pass }}{{ $i }}={{ $v | b64enc }};{{ end }}"}),
            json!({"finalizers": ["a/b"], "generateName": "g-"}),
        ),
        object(
            json!({"x": "{{ toJson (dict \"u\" .user \"p\" .pass) }}", "y": "{{ (fromJson .json).a | join \",\" }}"}),
            json!({}),
        ),
        object(
            json!({"x": "{{- if eq .user \"admin\" -}} yes {{- else -}} no {{- end -}}"}),
            json!({"annotations": {"sealedsecrets.bitnami.com/skip-set-owner-references": "true"}, "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}]}),
        ),
        object(
            json!({"x": "plain text, no template\n"}),
            json!({"annotations": {"sealedsecrets.bitnami.com/skip-set-owner-references": "TRUE"}}),
        ),
    ];
    for case in cases {
        for format in ["json", "yaml"] {
            let run = |program: Run| {
                let program = program.args(["--recovery-unseal", "-o", format, "--recovery-private-key"]);
                program.arg(key("test-only-2048.key.pem")).stdin(case.clone()).ok()
            };
            let (theirs, ours) = (run(Run::new(&kubeseal)), run(as_kubeseal()));
            assert_same(ours.out(), theirs.out(), &case);
            if format == "json" {
                let mut ours: Value = serde_json::from_str(ours.out()).unwrap();
                ours.as_object_mut().unwrap().retain(|name, _| name != "kind" && name != "apiVersion");
                assert_eq!(ours, opened_by_the_controller(&unseal, &["test-only-2048"], &case).remove(0).unwrap(), "{case}");
            }
        }
    }
}

#[test]
fn merging_gives_what_kubeseal_merges() {
    let (Some(kubeseal), Some(unseal)) = (peers::kubeseal(), peers::go_program("unseal")) else { return };
    let cert = key("test-only-2048.crt.pem");
    let folder = temp_dir();
    let input = |labels: Value, annotations: Value, data: Value| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app", "namespace": "team-a", "labels": labels, "annotations": annotations},
               "stringData": data})
        .to_string()
    };
    let wide = json!({"sealedsecrets.bitnami.com/namespace-wide": "true"});
    // First object, the object merged in, flags.
    let cases = [
        (
            input(json!({}), json!({}), json!({"a": "1", "b": "2"})),
            input(json!({}), json!({}), json!({"b": "3", "c": "4\n"})),
            vec![],
        ),
        (
            input(json!({"l": "1"}), json!({"n": "1"}), json!({"a": "1"})),
            input(json!({"l": "2", "m": "3"}), json!({"n": "2", "o": "p"}), json!({"z": "\u{e9}"})),
            vec![],
        ),
        (input(json!({}), wide.clone(), json!({"a": "1"})), input(json!({}), wide.clone(), json!({"b": "2"})), vec![]),
        (
            input(json!({}), wide.clone(), json!({"a": "1"})),
            input(json!({}), wide, json!({"b": "2"})),
            vec!["--scope", "namespace-wide"],
        ),
    ];
    for (n, (first, second, flags)) in cases.iter().enumerate() {
        for format in ["json", "yaml"] {
            let sealed = Run::new(&kubeseal).arg("--cert").arg(&cert).args(["-o", format]).stdin(first.clone()).ok();
            let run = |program: Run, name: &str| {
                let file = folder.path().join(format!("{n}-{name}.{format}"));
                std::fs::write(&file, &sealed.stdout).unwrap();
                let output = program.arg("--cert").arg(&cert).args(["-o", format]).args(flags).arg("--merge-into").arg(&file);
                let output = output.stdin(second.clone()).ok();
                assert_eq!(output.out(), "", "{n} {name}");
                std::fs::read_to_string(&file).unwrap()
            };
            let (theirs, ours) = (run(Run::new(&kubeseal), "theirs"), run(as_kubeseal(), "ours"));
            let opened = |text: &str| opened_by_the_controller(&unseal, &["test-only-2048"], text).remove(0).unwrap();
            assert_eq!(opened(&ours), opened(&theirs), "case {n}, {format}");
            // Kubeseal itself goes on with our file.
            let again = folder.path().join(format!("{n}-again.{format}"));
            std::fs::write(&again, &ours).unwrap();
            let more = input(json!({}), json!({}), json!({"more": "x"}));
            Run::new(&kubeseal)
                .arg("--cert")
                .arg(&cert)
                .args(["-o", format])
                .args(flags)
                .arg("--merge-into")
                .arg(&again)
                .stdin(more)
                .ok();
        }
    }
}

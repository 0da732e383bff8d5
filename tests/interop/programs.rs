//! Whole programs, both ways: what ours seals, real kubeseal and the controller's library open; what kubeseal seals, ours opens;
//! and apart from the ciphertext both write the same bytes.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::{Output, Run, as_kubeseal, assert_same, hecate, key, peers, temp_dir, without_ciphertext};
use crate::values::{opened_by_the_controller, values};

const NAMESPACE_WIDE: &str = "sealedsecrets.bitnami.com/namespace-wide";
const CLUSTER_WIDE: &str = "sealedsecrets.bitnami.com/cluster-wide";

/// One input and the flags it is sealed with.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) secret: Value,
    flags: Vec<&'static str>,
}

/// A Secret named `app` in `team-a` with these values in `data`.
fn secret(values: &[(&str, Vec<u8>)]) -> Value {
    let data: serde_json::Map<String, Value> =
        values.iter().map(|(name, bytes)| ((*name).to_owned(), STANDARD.encode(bytes).into())).collect();
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "app", "namespace": "team-a"}, "data": data})
}

/// Every way to choose a scope, on every shape of value but the largest.
fn scope_cases() -> Vec<Case> {
    let small: Vec<_> = values().into_iter().filter(|(_, bytes)| bytes.len() < 1000).collect();
    let annotations: [(&str, Value); 7] = [
        ("no annotation", json!({})),
        ("namespace-wide", json!({NAMESPACE_WIDE: "true"})),
        ("cluster-wide", json!({CLUSTER_WIDE: "true"})),
        ("both", json!({NAMESPACE_WIDE: "true", CLUSTER_WIDE: "true"})),
        ("false", json!({NAMESPACE_WIDE: "false", CLUSTER_WIDE: "false"})),
        ("TRUE", json!({CLUSTER_WIDE: "TRUE"})),
        ("another", json!({"note": "a <b> & c", NAMESPACE_WIDE: "true"})),
    ];
    let flags: [&[&str]; 5] =
        [&[], &["--scope", "strict"], &["--scope", "namespace-wide"], &["--scope", "cluster-wide"], &["--scope="]];
    let mut cases = Vec::new();
    for (name, annotations) in annotations {
        for flags in flags {
            let mut secret = secret(&small);
            secret["metadata"]["annotations"] = annotations.clone();
            cases.push(Case { name: format!("{name} {flags:?}"), secret, flags: flags.to_vec() });
        }
    }
    cases
}

/// Types, immutability, metadata and `stringData`.
pub(crate) fn object_cases() -> Vec<Case> {
    let base = || secret(&[("token", b"abc".to_vec())]);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut secret = base();
        change(&mut secret);
        secret
    };
    let mut cases = vec![
        ("type opaque", with(&|s| s["type"] = "Opaque".into())),
        ("type tls", {
            let mut tls = secret(&[("tls.crt", b"c".to_vec()), ("tls.key", b"k\n".to_vec())]);
            tls["type"] = "kubernetes.io/tls".into();
            tls
        }),
        ("immutable", with(&|s| s["immutable"] = true.into())),
        ("not immutable", with(&|s| s["immutable"] = false.into())),
        ("stringData wins", with(&|s| s["stringData"] = json!({"token": "from stringData", "more": "pässwörd\n"}))),
        ("stringData only", {
            let mut only = with(&|s| s["stringData"] = json!({"a": "", "b": "x\n\n"}));
            only.as_object_mut().unwrap().remove("data");
            only
        }),
        (
            "metadata",
            with(&|s| {
                s["metadata"] = json!({
                    "name": "app", "namespace": "team-a", "generateName": "app-", "uid": "1", "resourceVersion": "2", "generation": 3,
                    "creationTimestamp": "2024-05-01T10:00:00Z", "labels": {"yes": "on", "n": "1"}, "finalizers": ["a/b"],
                    "ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}],
                    "managedFields": [{"manager": "kubectl", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                        "fieldsV1": {"f:data": {}}}],
                    "annotations": {
                        "kubectl.kubernetes.io/last-applied-configuration": "{\"data\":{\"token\":\"YWJj\"}}",
                        "kubecfg.ksonnet.io/last-applied-configuration": "x", "multi": "a\nb\n", "empty": "",
                        "long": "words and words and words and words and words and words and words and words and words",
                        "html": "<&> \u{1f511}", "number": "0644", "yes": "yes"
                    }
                });
            }),
        ),
    ];
    cases.push(("no namespace, cluster-wide", {
        let mut free = base();
        free["metadata"].as_object_mut().unwrap().remove("namespace");
        free["metadata"]["annotations"] = json!({CLUSTER_WIDE: "true"});
        free
    }));
    cases.into_iter().map(|(name, secret)| Case { name: name.to_owned(), secret, flags: Vec::new() }).collect()
}

/// Our program under either of its kubeseal names.
fn ours(through_link: bool) -> Run {
    if through_link { as_kubeseal() } else { hecate().arg("kubeseal") }
}

fn seal(program: Run, cert: &Path, case: &Case, format: &str) -> Output {
    program.arg("--cert").arg(cert).args(["-o", format]).args(&case.flags).stdin(case.secret.to_string()).ok()
}

fn open(program: Run, keys: &[&str], format: &str, sealed: &str) -> Output {
    let keys: Vec<_> = keys.iter().map(|name| key(&format!("{name}.key.pem"))).collect();
    let flags = keys.iter().flat_map(|file| ["--recovery-private-key".as_ref(), file.as_os_str()]);
    program.args(["--recovery-unseal", "-o", format]).args(flags).stdin(sealed).ok()
}

/// Seals with both programs, compares what they wrote, opens each with the other and with the controller's library.
fn both_ways(kubeseal: &Path, unseal: &Path, size: &str, cases: &[Case]) {
    let cert = key(&format!("{size}.crt.pem"));
    for (n, case) in cases.iter().enumerate() {
        let format = if n % 2 == 0 { "yaml" } else { "json" };
        let about = format!("{size}, {}, {format}", case.name);
        let theirs = seal(Run::new(kubeseal), &cert, case, format);
        let ours_ = seal(ours(n % 3 == 0), &cert, case, format);
        assert_same(&without_ciphertext(ours_.out()), &without_ciphertext(theirs.out()), &about);
        assert!(ours_.out() != theirs.out(), "{about}: a session key was used twice");

        // Both programs, on both objects, write the same Secret.
        let expected = open(Run::new(kubeseal), &[size], format, theirs.out());
        for (what, output) in [
            ("ours opens theirs", open(ours(n % 3 == 1), &[size], format, theirs.out())),
            ("theirs opens ours", open(Run::new(kubeseal), &[size], format, ours_.out())),
            ("ours opens ours", open(ours(n % 3 == 2), &[size], format, ours_.out())),
        ] {
            assert_same(output.out(), expected.out(), &format!("{about}: {what}"));
        }

        // And that Secret holds the values that went in.
        let opened = open(Run::new(kubeseal), &[size], "json", ours_.out());
        let opened: Value = serde_json::from_str(opened.out()).unwrap();
        let cluster = opened_by_the_controller(unseal, &[size], ours_.out()).remove(0).unwrap();
        assert!(cluster["data"] == opened["data"], "{about}: other data");
        assert_eq!(cluster["metadata"], opened["metadata"], "{about}");
        let mut input = case.secret["data"].as_object().cloned().unwrap_or_default();
        for (name, value) in case.secret["stringData"].as_object().into_iter().flatten() {
            input.insert(name.clone(), STANDARD.encode(value.as_str().unwrap()).into());
        }
        assert_eq!(cluster["data"].as_object().unwrap().len(), input.len(), "{about}");
        for (name, value) in &input {
            let got = cluster["data"][name].as_str().unwrap_or_default();
            assert!(got == value, "{about}: {name} changed");
        }
    }
}

#[test]
fn every_scope_by_annotation_and_flag() {
    let (Some(kubeseal), Some(unseal)) = (peers::kubeseal(), peers::go_program("unseal")) else { return };
    both_ways(&kubeseal, &unseal, "test-only-2048", &scope_cases());
}

#[test]
fn typed_and_immutable_secrets_with_all_their_metadata() {
    let (Some(kubeseal), Some(unseal)) = (peers::kubeseal(), peers::go_program("unseal")) else { return };
    both_ways(&kubeseal, &unseal, "test-only-2048", &object_cases());
}

#[test]
fn every_key_size_and_every_shape_of_value() {
    let (Some(kubeseal), Some(unseal)) = (peers::kubeseal(), peers::go_program("unseal")) else { return };
    for size in ["test-only-2048", "test-only-3072", "test-only-4096", "test-only-8192"] {
        let case =
            |flags: &[&'static str]| Case { name: "all values".to_owned(), secret: secret(&values()), flags: flags.to_vec() };
        both_ways(&kubeseal, &unseal, size, &[case(&[]), case(&["--scope", "cluster-wide"])]);
    }
}

#[test]
fn many_documents_in_one_stream() {
    let (Some(kubeseal), Some(unseal)) = (peers::kubeseal(), peers::go_program("unseal")) else { return };
    let mut cases = scope_cases();
    cases.truncate(12);
    let cert = key("test-only-2048.crt.pem");
    let yaml: String = cases.iter().map(|case| format!("---\n{}\n", case.secret)).collect();
    let json: String = cases.iter().map(|case| case.secret.to_string()).collect();
    for stream in [yaml, json] {
        for format in ["yaml", "json"] {
            let run = |program: Run| program.arg("--cert").arg(&cert).args(["-o", format]).stdin(stream.clone()).ok();
            let (theirs, ours_) = (run(Run::new(&kubeseal)), run(ours(true)));
            assert_same(&without_ciphertext(ours_.out()), &without_ciphertext(theirs.out()), format);
            let secrets = opened_by_the_controller(&unseal, &["test-only-2048"], ours_.out());
            assert_eq!(secrets.len(), cases.len());
            for (secret, case) in secrets.iter().zip(&cases) {
                let data = &secret.as_ref().unwrap()["data"];
                assert_eq!(data["utf8"], case.secret["data"]["utf8"], "{}: the order changed", case.name);
            }
        }
    }
}

#[test]
fn raw_values() {
    let Some(kubeseal) = peers::kubeseal() else { return };
    let folder = temp_dir();
    for (n, (shape, value)) in values().into_iter().enumerate() {
        let file = folder.path().join(shape);
        std::fs::write(&file, &value).unwrap();
        for scope in ["strict", "namespace-wide", "cluster-wide"] {
            let raw = |program: Run| {
                let program = program.args(["--raw", "--namespace", "team-a", "--name", "app", "--scope", scope, "--cert"]);
                let program = program.arg(key("test-only-2048.crt.pem"));
                if n % 2 == 0 { program.stdin(value.clone()).ok() } else { program.arg("--from-file").arg(&file).ok() }
            };
            let annotation = match scope {
                "strict" => json!({}),
                other => json!({format!("sealedsecrets.bitnami.com/{other}"): "true"}),
            };
            let object = |sealed: &Output| {
                json!({"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret",
                       "metadata": {"name": "app", "namespace": "team-a", "annotations": annotation},
                       "spec": {"encryptedData": {"item": sealed.out()}}})
                .to_string()
            };
            let (theirs, ours_) = (raw(Run::new(&kubeseal)), raw(ours(n % 2 == 0)));
            assert_eq!(ours_.out().len(), theirs.out().len(), "{shape} {scope}");
            assert!(!ours_.out().ends_with('\n'), "{shape} {scope}");
            let expected = open(Run::new(&kubeseal), &["test-only-2048"], "yaml", &object(&theirs));
            assert_same(open(Run::new(&kubeseal), &["test-only-2048"], "yaml", &object(&ours_)).out(), expected.out(), shape);
            assert_same(open(ours(n % 2 == 1), &["test-only-2048"], "yaml", &object(&theirs)).out(), expected.out(), shape);
        }
    }
}

//! What the controllers serve: ours and the reference's, asked the same, directly and through the API server's service proxy.
//!
//! Each case says what the reference 0.27.1 answers, and what ours answers where that differs: because later versions of the
//! reference do (templates do not count since 0.39), or on purpose (`docs/compatibility.md`).

use std::collections::BTreeSet;
use std::io::{Read, Write};

use serde_json::{Value, json};

use crate::harness::Cluster;
use crate::harness::api::{core, sealed_secrets, secrets};
use crate::harness::controller::{Controller, Which};
use crate::harness::http::Answer;
use crate::support;

const BOTH: [Which; 2] = [Which::Reference, Which::Ours];

/// A namespace of its own for a test and a controller.
fn namespace(cluster: &Cluster, test: &str, which: Which) -> String {
    let name = format!("{test}-{}", if which == Which::Ours { "ours" } else { "reference" });
    cluster.namespace(&name);
    name
}

/// A SealedSecret in JSON, sealed by our kubeseal for a key of `keys/`.
fn sealed(key: &str, name: &str, namespace: &str) -> Value {
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name, "namespace": namespace, "labels": { "l": "v" } },
        "stringData": { "A": "first", "B": "second" },
    });
    let certificate = support::key(&format!("{key}.crt.pem"));
    let output = support::as_kubeseal().arg("--cert").arg(certificate).stdin(secret.to_string()).ok();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What an answer must be: status, content type, beginning of the body.
type Expected = (u16, &'static str, &'static str);

const TEXT: &str = "text/plain; charset=utf-8";
const NOTHING: Expected = (200, "", "");
const CONFLICT: Expected = (409, "", "");
/// The reference says nothing with its failures.
const FAILURE: Expected = (500, "", "");

struct Case {
    name: &'static str,
    method: &'static str,
    path: &'static str,
    body: Vec<u8>,
    reference: Expected,
    ours: Expected,
}

fn cases(namespace: &str) -> Vec<Case> {
    let good = sealed("test-only-2048", "app", namespace);
    let changed = |pointer: &str, value: Value| {
        let mut object = good.clone();
        *object.pointer_mut(pointer).unwrap() = value;
        object.to_string().into_bytes()
    };
    let templated = |template: &str| {
        let mut object = good.clone();
        object["spec"]["template"]["data"] = json!({ "T": template });
        object.to_string().into_bytes()
    };
    let json = good.to_string().into_bytes();
    let twice = |between: &str| [json.clone(), between.into(), json.clone()].concat();
    let yaml_twice = [yaml(&good), b"---\n".to_vec(), yaml(&good)].concat();
    let case = |name, path, body, reference, ours| Case { name, method: "POST", path, body, reference, ours };
    let get = |name, method, path, reference, ours| Case { name, method, path, body: Vec::new(), reference, ours };
    let (verify, rotate) = ("/v1/verify", "/v1/rotate");
    let certificate = (200, "application/x-pem-file", "-----BEGIN CERTIFICATE-----\n");
    let missing = (404, TEXT, "404 page not found\n");
    let unreadable = (500, TEXT, "request");
    // Its handler panics, and the connection is closed.
    let gone = (0, "", "");
    let mut cases = vec![
        get("health", "GET", "/healthz", (200, TEXT, "ok\n"), (200, TEXT, "ok\n")),
        get("health by another method", "PUT", "/healthz", (200, TEXT, "ok\n"), (200, TEXT, "ok\n")),
        // Since 0.39.
        get("readiness", "GET", "/readyz", missing, (200, TEXT, "ok\n")),
        get("certificate", "GET", "/v1/cert.pem", certificate, certificate),
        get("certificate by another method", "DELETE", "/v1/cert.pem", certificate, certificate),
        get("no such path", "GET", "/v1/nothing", missing, missing),
        get("a folder", "GET", "/v1/verify/", missing, missing),
        case("good", verify, json.clone(), NOTHING, NOTHING),
        Case { method: "PUT", ..case("good by another method", verify, json.clone(), NOTHING, NOTHING) },
        case("good in YAML", verify, yaml(&good), NOTHING, NOTHING),
        case("no items", verify, changed("/spec/encryptedData", json!({})), NOTHING, NOTHING),
        case("renamed", verify, changed("/metadata/name", json!("other")), CONFLICT, CONFLICT),
        case("moved", verify, changed("/metadata/namespace", json!("other")), CONFLICT, CONFLICT),
        case("wrong key", verify, sealed("test-only-2048-other", "app", namespace).to_string().into(), CONFLICT, CONFLICT),
        case("no base64", verify, changed("/spec/encryptedData/A", json!("AA AA")), CONFLICT, CONFLICT),
        case("empty item", verify, changed("/spec/encryptedData/A", json!("")), CONFLICT, CONFLICT),
        // The reference reads a wrong type as nothing.
        case("one item is a number", verify, changed("/spec/encryptedData/A", json!(5)), CONFLICT, unreadable),
        case("items are a list", verify, changed("/spec/encryptedData", json!([])), NOTHING, unreadable),
        // Since 0.39 templates are not looked at.
        case("template fails", verify, templated("{{ fail \"x\" }}"), CONFLICT, NOTHING),
        case("template is broken", verify, templated("{{"), CONFLICT, NOTHING),
        case("nothing", verify, Vec::new(), FAILURE, unreadable),
        case("garbage", verify, b"}{".to_vec(), gone, unreadable),
        case("bytes", verify, vec![0xff, 0xfe, 0, 1], FAILURE, unreadable),
        case("another kind", verify, changed("/kind", json!("Secret")), FAILURE, unreadable),
        case("another version", verify, changed("/apiVersion", json!("bitnami.com/v9")), FAILURE, unreadable),
        case("no kind", verify, changed("/kind", json!("")), FAILURE, unreadable),
        case(
            "a list",
            verify,
            json!({ "kind": "List", "apiVersion": "v1", "items": [good] }).to_string().into(),
            FAILURE,
            unreadable,
        ),
        case("two in JSON", verify, twice("\n"), FAILURE, unreadable),
        case("two in YAML", verify, yaml_twice.clone(), FAILURE, unreadable),
        // One document is one document.
        case("a separator at the end", verify, [yaml(&good), b"---\n".to_vec()].concat(), FAILURE, NOTHING),
        case("far too large", verify, vec![b' '; 4 << 20], FAILURE, (413, TEXT, "the request is larger")),
        case(
            "good",
            rotate,
            json.clone(),
            (200, TEXT, "{\"metadata\":"),
            (200, "application/json", "{\"kind\":\"SealedSecret\""),
        ),
        case(
            "renamed",
            rotate,
            changed("/metadata/name", json!("other")),
            FAILURE,
            (500, TEXT, "the SealedSecret cannot be decrypted"),
        ),
        case("garbage", rotate, b"}{".to_vec(), FAILURE, unreadable),
        // Since 0.40 templates are not looked at.
        case(
            "template fails",
            rotate,
            templated("{{ fail \"x\" }}"),
            FAILURE,
            (200, "application/json", "{\"kind\":\"SealedSecret\""),
        ),
        // It would lose the second.
        case("two in YAML", rotate, yaml_twice, (200, TEXT, "{\"metadata\":"), unreadable),
    ];
    cases.push(case("two in JSON", rotate, twice("\n"), FAILURE, unreadable));
    cases
}

/// JSON is YAML; a comment in front makes it so for every reader.
fn yaml(object: &Value) -> Vec<u8> {
    format!("# in YAML\n{object}\n").into_bytes()
}

fn short(answer: &Answer) -> (u16, String, String) {
    (answer.status, answer.header("content-type").unwrap_or_default().to_owned(), answer.text().to_owned())
}

#[test]
fn both_answer_the_same_but_for_the_differences_that_are_listed() {
    let Some(cluster) = Cluster::shared() else { return };
    for which in BOTH {
        let own = namespace(cluster, "http", which);
        cluster.key_secret(&own, "key", "test-only-2048");
        let controller = cluster.controller(which, &own).service("sealed");
        let controller = controller.flags(["--all-namespaces=false", "--rate-limit=1000", "--rate-limit-burst=1000"]);
        let Some(controller) = controller.start() else { return };
        if which == Which::Ours {
            cluster.wait("readiness", || controller.get("/readyz").unwrap().status == 200);
        }
        let proxy = format!("{}/http:sealed:/proxy", core(&own, "services"));
        let mut wrong = Vec::new();
        for case in cases(&own) {
            let (status, kind, body) = if which == Which::Ours { case.ours } else { case.reference };
            let direct = cluster.direct(&controller.http, case.method, case.path, &[], &case.body);
            let got = direct.map_or((0, String::new(), String::new()), |answer| short(&answer));
            if (got.0, got.1.as_str()) != (status, kind) || !got.2.starts_with(body) || (body.is_empty() && !got.2.is_empty()) {
                wrong.push(format!("{which:?} {} {}: {:?} instead of {:?}", case.path, case.name, got, (status, kind, body)));
            }
            // The API server lets no more through than fits into an object.
            if case.body.len() < 1 << 20 && status != 0 {
                let through = cluster.request(case.method, &format!("{proxy}{}", case.path), &[], &case.body);
                let same = through.status == status && (case.path == "/v1/rotate" || short(&through).2 == got.2);
                if !same {
                    wrong.push(format!("{which:?} {} {} through the proxy: {:?}", case.path, case.name, short(&through)));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn the_limit_has_the_references_headers_and_counts_by_address() {
    let Some(cluster) = Cluster::shared() else { return };
    for which in BOTH {
        let own = namespace(cluster, "limit", which);
        cluster.key_secret(&own, "key", "test-only-2048");
        let Some(controller) = cluster.controller(which, &own).flags(["--all-namespaces=false", "--rate-limit=1"]).start() else {
            return;
        };
        if which == Which::Ours {
            cluster.wait("readiness", || controller.get("/readyz").unwrap().status == 200);
        }
        let body = sealed("test-only-2048", "app", &own).to_string();
        let ask = |headers: &[(&str, &str)]| controller.post("/v1/verify", headers, body.as_bytes()).unwrap();
        let first = ask(&[]);
        let header = |answer: &Answer, name: &str| answer.header(name).map(str::to_owned);
        assert_eq!(first.status, 200);
        assert_eq!(header(&first, "x-ratelimit-limit").as_deref(), Some("3"), "{which:?}");
        assert_eq!(header(&first, "x-ratelimit-remaining").as_deref(), Some("2"), "{which:?}");
        assert_eq!(header(&first, "x-ratelimit-reset").as_deref(), Some("1"), "{which:?}");
        assert_eq!(header(&first, "retry-after"), None);
        // How many come before the refusal depends on the time that they take; that it comes does not.
        let refused = (0..200).map(|_| ask(&[])).find(|answer| answer.status != 200).expect("a limit");
        assert_eq!((refused.status, refused.text()), (429, "limit exceeded\n"), "{which:?}");
        assert_eq!(header(&refused, "content-type").as_deref(), Some(TEXT));
        assert_eq!(header(&refused, "x-ratelimit-remaining").as_deref(), Some("0"));
        let number = |name: &str| header(&refused, name).and_then(|text| text.parse::<u32>().ok()).unwrap();
        assert!(
            (1..=1).contains(&number("retry-after")) && (2..=3).contains(&number("x-ratelimit-reset")),
            "{which:?} {refused:?}"
        );
        // Another name in a header that anybody can write: another client for the reference, not for us.
        let spoofed = (0..20).map(|n| ask(&[("X-Forwarded-For", &format!("10.0.0.{n}"))]).status).collect::<Vec<_>>();
        assert_eq!(spoofed.contains(&429), which == Which::Ours, "{which:?} {spoofed:?}");
    }
}

/// What opens with a private key of `keys/`, offline.
fn opened(key: &str, object: &Value) -> Option<Value> {
    let output = support::as_kubeseal()
        .args(["--recovery-unseal", "--recovery-private-key"])
        .arg(support::key(&format!("{key}.key.pem")))
        .stdin(object.to_string())
        .output();
    (output.code == Some(0)).then(|| serde_json::from_slice(&output.stdout).unwrap())
}

fn typed(object: &mut Value) {
    object["kind"] = "SealedSecret".into();
    object["apiVersion"] = "bitnami.com/v1alpha1".into();
}

#[test]
fn rotated_objects_open_with_the_newest_key_and_keep_their_scope() {
    let Some(cluster) = Cluster::shared() else { return };
    let keys = ["test-only-2048", "test-only-2048-other"];
    for which in BOTH {
        let own = namespace(cluster, "rotate", which);
        for (n, key) in keys.iter().enumerate() {
            cluster.key_secret(&own, &format!("key-{n}"), key);
        }
        let flags = ["--all-namespaces=false", "--rate-limit=1000", "--rate-limit-burst=1000"];
        let Some(controller) = cluster.controller(which, &own).flags(flags).start() else { return };
        if which == Which::Ours {
            cluster.wait("readiness", || controller.get("/readyz").unwrap().status == 200);
        }
        let served = controller.certificate();
        let is_served =
            |key: &&str| std::fs::read_to_string(support::key(&format!("{key}.crt.pem"))).unwrap().trim() == served.trim();
        let newest = *keys.iter().find(|key| is_served(key)).unwrap();
        let older = *keys.iter().find(|key| !is_served(key)).unwrap();

        let mut object = sealed(older, "app", &own);
        assert!(opened(newest, &object).is_none());
        object["metadata"]["labels"] = json!({ "own": "label" });
        object["metadata"]["annotations"] = json!({ "argocd.argoproj.io/sync-wave": "3" });
        object["spec"]["template"]["data"] = json!({ "CONFIG": "a={{ .A }}" });
        let answer = controller.post("/v1/rotate", &[], object.to_string().as_bytes()).unwrap();
        assert_eq!(answer.status, 200, "{which:?}");
        let mut rotated = answer.json();
        // The reference leaves both out; nothing else reads it but kubeseal.
        assert_eq!(rotated["kind"] == "SealedSecret", which == Which::Ours);
        typed(&mut rotated);
        let secret = opened(newest, &rotated).expect("it opens with the newest key");
        let value = |text: &str| data_encoding::BASE64.encode(text.as_bytes());
        assert_eq!((&secret["data"]["A"], &secret["data"]["B"]), (&json!(value("first")), &json!(value("second"))));
        assert_eq!(secret["data"]["CONFIG"], value("a=first"), "{which:?}");
        // The reference renders templates into items; ours keeps them as they were, and all other metadata.
        assert_eq!(rotated["spec"]["template"]["data"] == object["spec"]["template"]["data"], which == Which::Ours);
        assert_eq!(rotated["spec"]["encryptedData"]["CONFIG"].is_null(), which == Which::Ours);
        assert_eq!(rotated["metadata"]["labels"] == object["metadata"]["labels"], which == Which::Ours);
        assert_eq!(rotated["metadata"]["annotations"] == object["metadata"]["annotations"], which == Which::Ours);
        // A second rotation leaves our objects as they are; the reference seals everything anew.
        let mut again = controller.post("/v1/rotate", &[], rotated.to_string().as_bytes()).unwrap().json();
        typed(&mut again);
        assert_eq!(again == rotated, which == Which::Ours);

        // CVE-2026-22728: 0.27.1 took the scope of the result from the template, which anybody can write.
        let mut object = sealed(older, "app", &own);
        object["spec"]["template"]["metadata"]["annotations"] = json!({ "sealedsecrets.bitnami.com/cluster-wide": "true" });
        let mut rotated = controller.post("/v1/rotate", &[], object.to_string().as_bytes()).unwrap().json();
        typed(&mut rotated);
        let mut moved = rotated.clone();
        moved["metadata"]["name"] = "elsewhere".into();
        assert_eq!(opened(newest, &moved).is_some(), which == Which::Reference, "{which:?} {rotated}");
        if which == Which::Ours {
            assert!(opened(newest, &rotated).is_some());
            assert!(!rotated.to_string().contains("cluster-wide"), "{rotated}");
        }
    }
}

#[test]
fn a_signal_makes_a_key_and_the_certificate_is_the_new_one() {
    let Some(cluster) = Cluster::shared() else { return };
    for which in BOTH {
        let own = namespace(cluster, "usr1", which);
        cluster.key_secret(&own, "key", "test-only-2048");
        let Some(mut controller) = cluster.controller(which, &own).flags(["--all-namespaces=false"]).start() else { return };
        cluster.wait("the first certificate", || controller.get("/v1/cert.pem").unwrap().status == 200);
        let first = controller.certificate();
        controller.process().signal("USR1");
        cluster.wait("another certificate", || controller.certificate() != first);
        let found = cluster.list(&secrets(&own), "labelSelector=sealedsecrets.bitnami.com%2Fsealed-secrets-key%3Dactive");
        assert_eq!(found.len(), 2, "{which:?}");
        let made = found.iter().find(|secret| secret["metadata"]["name"] != "key").unwrap();
        assert!(made["metadata"]["name"].as_str().unwrap().starts_with("sealed-secrets-key"));
        let served = data_encoding::BASE64.encode(controller.certificate().as_bytes());
        assert_eq!(made["data"]["tls.crt"], served, "{which:?}");
        assert!(controller.stop().success(), "{which:?}");
    }
}

#[test]
fn sigterm_lets_a_request_finish_and_ends_with_zero() {
    let Some(cluster) = Cluster::shared() else { return };
    for which in BOTH {
        let own = namespace(cluster, "term", which);
        cluster.key_secret(&own, "key", "test-only-2048");
        let Some(mut controller) = cluster.controller(which, &own).flags(["--all-namespaces=false"]).start() else { return };
        cluster.wait("the certificate", || controller.get("/v1/cert.pem").unwrap().status == 200);
        let body = sealed("test-only-2048", "app", &own).to_string();
        let (begin, end) = body.split_at(body.len() / 2);
        let mut stream = cluster.connect(&controller.http).unwrap();
        let head = format!("POST /v1/verify HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{begin}", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        // Its handler is at work when an answer on another connection has come back after it.
        cluster.wait("the request to be under way", || controller.get("/healthz").unwrap().status == 200);
        controller.process().signal("TERM");
        cluster.wait("the door to be closed", || controller.get("/healthz").is_err());
        stream.write_all(end.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK"), "{which:?} {answer}");
        assert!(controller.stop().success(), "{which:?}");
    }
}

/// Names of samples with the names of their labels, of everything but Go's own.
fn series(text: &str) -> BTreeSet<String> {
    let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let names = samples.map(|line| {
        let (name, rest) = line.split_at(line.find(['{', ' ']).unwrap());
        let labels = rest.strip_prefix('{').and_then(|rest| rest.split_once('}')).map_or("", |(labels, _)| labels);
        let mut labels: Vec<&str> = labels.split(',').filter_map(|label| label.split_once('=')).map(|(name, _)| name).collect();
        labels.sort_unstable();
        format!("{name}{{{}}}", labels.join(","))
    });
    names.filter(|name| !name.starts_with("go_") && !name.starts_with("promhttp_")).collect()
}

/// The types that the text says, by name of the family.
fn types(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    lines.filter(|line| !line.starts_with("go_") && !line.starts_with("promhttp_")).map(str::to_owned).collect()
}

/// One object that opens and one that does not, one request to each path; then the metrics.
fn active_metrics(cluster: &Cluster, controller: &Controller<'_>, own: &str) -> String {
    let bad = sealed("test-only-2048-other", "bad", own);
    for object in [&sealed("test-only-2048", "good", own), &bad] {
        cluster.created(&sealed_secrets(own), object);
    }
    cluster.wait("the Secret", || cluster.secret_value(own, "good", "A").is_some());
    for path in ["/v1/cert.pem", "/v1/verify", "/v1/rotate"] {
        controller.post(path, &[], bad.to_string().as_bytes()).unwrap();
    }
    let mut text = String::new();
    cluster.wait("both conditions", || {
        text = controller.scrape();
        let conditions = text.lines().filter(|line| line.starts_with("sealed_secrets_controller_condition_info{"));
        conditions.count() == 2 && text.contains("unseal_errors_total{")
    });
    text
}

#[test]
fn metrics_have_the_references_names_labels_and_types() {
    let Some(cluster) = Cluster::shared() else { return };
    let mut found = Vec::new();
    for which in BOTH {
        let own = namespace(cluster, "metrics", which);
        cluster.key_secret(&own, "key", "test-only-2048");
        let Some(controller) = cluster.controller(which, &own).flags(["--all-namespaces=false"]).start() else { return };
        cluster.wait("the certificate", || controller.get("/v1/cert.pem").unwrap().status == 200);
        let text = active_metrics(cluster, &controller, &own);
        let sample =
            |start: &str| text.lines().find(|line| line.contains(start)).map(|line| line.rsplit(' ').next().unwrap().to_owned());
        assert_eq!(sample("name=\"good\"").as_deref(), Some("1"), "{which:?} {text}");
        assert_eq!(sample("name=\"bad\"").as_deref(), Some("-1"), "{which:?}");
        assert_eq!(sample("build_info{revision").as_deref(), Some("0"), "{which:?}");
        assert!(text.contains(&format!("namespace=\"{own}\"")));
        for wanted in ["path=\"/v1/verify\"", "code=\"409\"", "method=\"post\"", "reason=\"unseal\"", "condition=\"Synced\""] {
            assert!(text.contains(wanted), "{which:?} {wanted}");
        }
        found.push((series(&text), types(&text)));
        // OpenMetrics, as Prometheus asks for it.
        if which == Which::Ours {
            let accept = [("Accept", "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")];
            let answer = cluster.direct(&controller.metrics, "GET", "/metrics", &accept, b"").unwrap();
            assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text; version=1.0.0"));
            assert!(answer.text().ends_with("# EOF\n"));
            assert!(answer.text().contains("\nsealed_secrets_controller_unseal_requests_total "));
        }
    }
    let (reference, ours) = (&found[0], &found[1]);
    let only = |one: &BTreeSet<String>, other: &BTreeSet<String>| one.difference(other).cloned().collect::<Vec<_>>();
    let ours_adds = |name: &String| OURS.iter().any(|ours| name.contains(ours));
    // The instance label came after 0.27.1, so condition_info differs from it.
    assert_eq!(only(&reference.0, &ours.0), REFERENCE_SERIES, "missing in ours");
    let extra: Vec<String> = only(&ours.0, &reference.0).into_iter().filter(|name| !ours_adds(name)).collect();
    assert_eq!(extra, ["sealed_secrets_controller_condition_info{condition,name,namespace,ss_app_kubernetes_io_instance}"]);
    let missing_types: Vec<String> = only(&reference.1, &ours.1);
    assert_eq!(missing_types, REFERENCE_TYPES, "types");
}

/// What we add.
const OURS: [&str; 7] = [
    "controller_objects",
    "controller_values_opened",
    "controller_unseal_duration_seconds",
    "controller_queue_depth",
    "controller_key_",
    "controller_unreadable_keys",
    "controller_events",
];
/// What the reference 0.27.1 has and we have not.
const REFERENCE_SERIES: [&str; 1] = ["sealed_secrets_controller_condition_info{condition,name,namespace}"];
const REFERENCE_TYPES: [&str; 0] = [];

//! `doctor` without a cluster: what it says about settings, certificates and files, and where it sends its reader next.

use super::{SECRET, Session, key_path};

/// A session with settings, a certificate and a sealed file.
fn session() -> Session {
    let session = Session::new();
    session.write("certs/pub.pem", std::fs::read(key_path("test-only-2048.crt.pem")).unwrap());
    session.write(".hecate-seal.yaml", "certificate: certs/pub.pem\n");
    session.write("plain.yaml", SECRET);
    let sealed = session.run(&["seal", "plain.yaml"]).ok().out;
    std::fs::remove_file(session.path("plain.yaml")).unwrap();
    session.write("apps/sealed.yaml", format!("# app\n{sealed}"));
    session
}

#[test]
fn a_good_tree_is_told_as_good_with_the_key_that_opens_it() {
    let session = session();
    let ran = session.run(&["doctor"]).ok();
    let lines: Vec<&str> = ran.out.lines().collect();
    assert_eq!(lines[0], "ok: settings: .hecate-seal.yaml: can be read");
    assert!(lines[1].starts_with("ok: certificate: certs/pub.pem: RSA 2048 bits, key SHA256:"), "{}", ran.out);
    assert_eq!(lines[2], "ok: tree: apps/sealed.yaml:3: web/app: is well-formed");
    assert_eq!(lines[3], "skipped: cluster: kubeconfig: there is none, so only files were looked at");
    assert_eq!(ran.err, "note: 1 SealedSecret: 0 errors, 0 warnings\n");
    let with_key = session.run(&["status", "--offline", "-p", &key_path("test-only-2048.key.pem")]).ok();
    assert!(with_key.out.contains("web/app: opens with the private key SHA256:"), "{}", with_key.out);
    assert!(!with_key.out.contains("cluster"));
}

#[test]
fn what_does_not_open_is_told_with_object_key_reason_and_next_step() {
    let session = session();
    let other = key_path("test-only-2048-other.key.pem");
    let ran = session.run(&["doctor", "--offline", "-p", &other, "-o", "json"]).code(1);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!((json["objects"].as_i64(), json["errors"].as_i64()), (Some(1), Some(2)));
    let errors: Vec<&serde_json::Value> =
        json["findings"].as_array().unwrap().iter().filter(|finding| finding["level"] == "error").collect();
    assert_eq!(errors[0]["object"], "web/app");
    assert_eq!(errors[0]["key"], "PASSWORD");
    assert_eq!(errors[0]["message"], "no key could decrypt secret");
    assert_eq!(errors[0]["next"], "seal the value again: hecate-seal PASSWORD --file apps/sealed.yaml");
    // Renamed: strict values do not open under another name, and that is said.
    session.write("apps/sealed.yaml", session.read("apps/sealed.yaml").replace("name: app", "name: renamed"));
    let ran = session.run(&["doctor", "--offline", "-p", &key_path("test-only-2048.key.pem")]).code(1);
    assert!(
        ran.out.contains("error: tree: ") && ran.out.contains("web/renamed: PASSWORD: no key could decrypt secret"),
        "{}",
        ran.out
    );
    assert!(!ran.out.contains("hunter2"));
}

#[test]
fn settings_and_certificates_are_looked_at() {
    let session = session();
    let said = |settings: &str, code: u8| {
        session.write(".hecate-seal.yaml", settings);
        session.run(&["doctor", "--offline"]).code(code).out
    };
    assert!(said("name: app\n", 0).contains("warning: certificate: .hecate-seal.yaml: it names no certificate"));
    assert!(said("certficate: x\n", 1).contains("error: settings: .hecate-seal.yaml: "));
    assert!(said("certificate: none.pem\n", 1).contains("error: certificate: none.pem: cannot read the certificate"));
    let expired = format!("targets:\n  - directory: a\n    certificate: {}\n", key_path("test-only-expired.crt.pem"));
    let out = said(&expired, 1);
    assert!(out.contains(": expired on 2024-") && out.contains("  next: get the current one"), "{out}");
    std::fs::remove_file(session.path(".hecate-seal.yaml")).unwrap();
    let out = session.run(&["doctor", "--offline"]).ok().out;
    assert!(
        out.starts_with("skipped: settings: .hecate-seal.yaml: there is none here or above\n  next: hecate-seal init\n"),
        "{out}"
    );
    let ran = session.run(&["doctor", "none"]).code(1);
    assert!(ran.err.starts_with("error: cannot look through none\n"), "{}", ran.err);
}

#[test]
fn a_cluster_that_does_not_answer_is_an_error_only_when_it_was_named() {
    let session = session();
    let kubeconfig = "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- {name: c, context: {cluster: c, user: u}}\nclusters:\n- {name: c, cluster: {server: 'https://127.0.0.1:1'}}\nusers:\n- {name: u, user: {token: s3cr3t}}\n";
    let path = session.write("kube.config", kubeconfig);
    let path = path.to_str().unwrap();
    let named = session.run(&["doctor", "--kubeconfig", path]).code(1);
    assert!(named.out.contains("error: cluster: API server: "), "{}", named.out);
    let found = self::session().env("KUBECONFIG", path).run(&["doctor"]).ok();
    assert!(found.out.contains("warning: cluster: API server: ") && !found.out.contains("s3cr3t"), "{}", found.out);
    session.run(&["doctor", "--offline", "--kubeconfig", path]).code(2);
}

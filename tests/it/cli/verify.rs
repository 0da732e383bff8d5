//! `verify` over files and trees, and `init`.

use super::{SECRET, Session, key_path};

/// A sealed document of `SECRET`.
fn sealed(session: &Session) -> String {
    session.write("plain.yaml", SECRET);
    let sealed = session.run(&["seal", "--cert", &key_path("test-only-2048.crt.pem"), "plain.yaml"]).ok().out;
    std::fs::remove_file(session.path("plain.yaml")).unwrap();
    sealed
}

#[test]
fn a_good_tree_is_silent_and_other_files_are_passed_over() {
    let session = Session::new();
    let good = sealed(&session);
    session.write("clusters/a/sealed.yaml", &good);
    session.write("chart/templates/secret.yaml", "kind: Secret\nmetadata: {{ .Values.x }}\n");
    session.write("deploy.yaml", "kind: Deployment\n---\nkind: Service\n");
    session.write("notes.txt", "SealedSecret");
    session.write(".gitignore", "out/\n");
    session.write("out/broken.yaml", "kind: SealedSecret\n a: [\n");
    let ran = session.run(&["verify"]).ok();
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("", "note: 1 SealedSecret in 3 files: 0 errors, 0 warnings\n"));
    session.run(&["verify", "-p", &key_path("test-only-2048.key.pem"), "clusters"]).ok();
    session.run(&["verify", "--cert", &key_path("test-only-2048-other.crt.pem"), "clusters"]).ok();
    let ran = session.run(&["verify", "deploy.yaml"]).ok();
    assert!(ran.err.ends_with("warning: there is no SealedSecret here\n"), "{}", ran.err);
}

#[test]
fn findings_name_file_line_object_and_key() {
    let session = Session::new();
    let good = sealed(&session);
    // PASSWORD stands on line 9, USER on line 10.
    let bad = good
        .replacen("    PASSWORD: AQ", "    PASSWORD: '*AQ", 1)
        .replacen("\n    USER: ", "'\n    USER: AQ\n    USER: ", 1)
        .replacen("  template:", "    bad key: QUJD\n  template:", 1);
    session.write("a/bad.yaml", format!("kind: Namespace\n{bad}"));
    let ran = session.run(&["verify", "a"]).code(1);
    let expected = "a/bad.yaml:12: error: web/app: spec.encryptedData.USER: the key is there more than once; only the last one counts\n\
         a/bad.yaml:10: error: web/app: PASSWORD: illegal base64 data at input byte 0\n\
         a/bad.yaml:13: error: web/app: bad key: not a valid key of a Secret: 1 to 253 letters, digits, `-`, `_` and `.`\n\
         a/bad.yaml:13: error: web/app: bad key: the value was never sealed, or is damaged\n";
    assert!(ran.out.starts_with(expected) && ran.out.lines().count() == 4, "{}", ran.out);
    assert_eq!(ran.err, "note: 1 SealedSecret in 1 file: 4 errors, 0 warnings\n");
    let json: serde_json::Value = serde_json::from_str(&session.run(&["verify", "--format", "json", "a"]).code(1).out).unwrap();
    assert_eq!((json["files"].as_i64(), json["objects"].as_i64()), (Some(1), Some(1)));
    assert_eq!(
        json["findings"][1],
        serde_json::json!({
            "severity": "error", "file": "a/bad.yaml", "line": 10, "object": "web/app", "key": "PASSWORD",
            "message": "illegal base64 data at input byte 0"
        })
    );
}

#[test]
fn keys_sizes_and_broken_documents_are_told() {
    let session = Session::new();
    let good = sealed(&session);
    session.write("moved.yaml", good.replace("namespace: web", "namespace: elsewhere"));
    let key = key_path("test-only-2048.key.pem");
    let ran = session.run(&["verify", "-p", &key, "moved.yaml"]).code(1);
    assert!(ran.out.contains("moved.yaml:9: error: elsewhere/app: PASSWORD: no key could decrypt secret\n"), "{}", ran.out);
    session.run(&["verify", "moved.yaml"]).ok();
    let ran = session.run(&["verify", "--cert", &key_path("test-only-4096.crt.pem"), "moved.yaml"]).code(1);
    assert!(
        ran.out.contains("moved.yaml:9: error: elsewhere/app: PASSWORD: not for this certificate: sealed for an RSA key of 2048 bits, not of 4096 bits\n"),
        "{}",
        ran.out
    );
    std::fs::remove_file(session.path("moved.yaml")).unwrap();
    session.write("broken.yaml", format!("{good}---\nkind: SealedSecret\n a: [\n"));
    let ran = session.run(&["verify"]).code(1);
    assert!(ran.out.starts_with("broken.yaml: error: document 2 (line "), "{}", ran.out);
    session.write("broken.yaml", "kind: SealedSecret\nname: {{ x }}\n");
    assert!(session.run(&["verify"]).ok().out.starts_with("broken.yaml: warning: "));
    session.run(&["verify", "--strict"]).code(1);
    session.run(&["verify", "none"]).code(1);
    let piped = Session::new().stdin(good);
    assert_eq!(piped.run(&["verify", "-"]).ok().err, "note: 1 SealedSecret in 1 file: 0 errors, 0 warnings\n");
}

#[test]
fn init_proposes_what_it_finds_and_never_overwrites() {
    let session = Session::new();
    let good = sealed(&session);
    session.write("etc/certs/pub.pem", std::fs::read(key_path("test-only-2048.crt.pem")).unwrap());
    session.write("etc/certs/old.pem", std::fs::read(key_path("test-only-expired.crt.pem")).unwrap());
    session.write("infra/sealed.yaml", &good);
    let ran = session.run(&["init"]).ok();
    assert_eq!(
        ran.err,
        "note: wrote .hecate-seal.yaml (1 certificate and 1 SealedSecret found)\nhint: look it over, then: hecate-seal KEY\n"
    );
    let text = session.read(".hecate-seal.yaml");
    assert!(
        text.ends_with(
            ", valid until 2064-01-01\ncertificate: etc/certs/pub.pem\nfile: infra/sealed.yaml\nname: app\nnamespace: web\nscope: strict\n"
        ),
        "{text}"
    );
    session.run(&["NEW", "v"]).ok();
    assert!(session.read("infra/sealed.yaml").contains("    NEW: AQ"));
    session.run(&["init"]).fails(
        1,
        "error: .hecate-seal.yaml exists already\nhint: it is never overwritten; `hecate-seal init --print` shows what would be written\n",
    );
    assert_eq!(session.read(".hecate-seal.yaml"), text);
}

#[test]
fn init_makes_a_target_of_each_directory() {
    let mut session = Session::new();
    let good = sealed(&session);
    for cluster in ["beam-cluster", "edge-cluster"] {
        session.write(&format!("{cluster}/certs/pub.pem"), std::fs::read(key_path("test-only-2048.crt.pem")).unwrap());
        session.write(&format!("{cluster}/infra/yes: no.yaml"), &good);
    }
    session.run(&["init"]).ok();
    session.cwd = session.path("edge-cluster/infra");
    session.run(&["NEW", "v"]).ok();
    assert!(session.read("edge-cluster/infra/yes: no.yaml").contains("NEW: AQ"));
    assert!(!session.read("beam-cluster/infra/yes: no.yaml").contains("NEW: AQ"));
}

#[test]
fn init_of_an_empty_folder_takes_the_namespace_of_the_kubeconfig() {
    let session = Session::new().env("KUBECONFIG", "kube");
    session.write(
        "kube",
        "current-context: k3s\ncontexts:\n- name: k3s\n  context: {cluster: c, namespace: hecate}\nclusters: []\nusers: []\n",
    );
    let ran = session.run(&["init", "--print"]).ok();
    assert!(ran.out.contains("# From the current context of the kubeconfig, k3s:\nnamespace: hecate\n"), "{}", ran.out);
    assert!(!session.path(".hecate-seal.yaml").exists());
    session.run(&["init"]).ok();
    let ran = Session::new().run(&["init", "--print"]).ok();
    assert!(ran.out.contains("# namespace: default\n"), "{}", ran.out);
}

//! `seal` and `unseal`: manifests both ways, and what cannot be sealed or opened.

use super::{SECRET, Session, key_path};

fn cert() -> String {
    key_path("test-only-2048.crt.pem")
}

fn seal(session: &Session, more: &[&str]) -> super::Ran {
    let cert = cert();
    session.run(&[&["seal", "--cert", &cert], more].concat())
}

#[test]
fn what_is_sealed_opens_again_with_type_labels_and_binary_values() {
    let session = Session::new().stdin(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\n  namespace: web\n  labels: {a: b}\ntype: kubernetes.io/basic-auth\nimmutable: true\ndata:\n  bin: /wD+\nstringData:\n  password: \"line\\n\"\n",
    );
    let sealed = seal(&session, &[]).ok().out;
    assert!(sealed.starts_with("---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: app\n  namespace: web\nspec:\n  encryptedData:\n    bin: AQ"), "{sealed}");
    assert!(!sealed.contains("creationTimestamp"));
    session.write("sealed.yaml", &sealed);
    let key = key_path("test-only-2048.key.pem");
    let opened = session.run(&["unseal", "-p", &key, "sealed.yaml"]).ok().out;
    assert_eq!(
        opened,
        "---\napiVersion: v1\ndata:\n  bin: /wD+\n  password: bGluZQo=\nimmutable: true\nkind: Secret\nmetadata:\n  labels:\n    a: b\n  name: app\n  namespace: web\ntype: kubernetes.io/basic-auth\n"
    );
    let raw = session.run(&["unseal", "-p", &key, "--key", "bin", "sealed.yaml"]).ok();
    assert_eq!(raw.out_bytes, b"\xff\x00\xfe");
}

#[test]
fn many_documents_and_lists_keep_their_order() {
    let mut text = String::new();
    for n in 0..40 {
        text += &format!("---\nkind: Secret\nmetadata: {{name: s{n}, namespace: web}}\nstringData: {{k: v{n}}}\n");
    }
    text += "---\nkind: List\napiVersion: v1\nitems:\n- {kind: Secret, metadata: {name: l0, namespace: web}, stringData: {k: x}}\n- {kind: Secret, metadata: {name: l1, namespace: web}, stringData: {k: z}}\n";
    let session = Session::new();
    session.write("in.yaml", text);
    let ran = seal(&session, &["in.yaml", "-o", "out.yaml"]).ok();
    assert_eq!(ran.err, "note: sealed 42 Secrets of 42 values into out.yaml\n");
    let names: Vec<String> =
        session.read("out.yaml").lines().filter_map(|line| line.strip_prefix("  name: ").map(str::to_owned)).collect();
    let expected: Vec<String> = (0..40).map(|n| format!("s{n}")).chain(["l0".into(), "l1".into()]).collect();
    assert_eq!(names, expected);
    let opened = session.run(&["unseal", "-p", &key_path("test-only-2048.key.pem"), "--format", "json", "out.yaml"]).ok().out;
    assert_eq!(opened.matches("\"kind\": \"Secret\"").count(), 42);
}

#[test]
fn a_file_can_be_sealed_in_its_place_and_keeps_its_mode_and_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let session = Session::new();
    let real = session.write("real.json", r#"{"kind":"Secret","metadata":{"name":"a","namespace":"b"},"stringData":{"k":"v"}}"#);
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real.json", session.path("link.json")).unwrap();
    seal(&session, &["link.json", "-o", "link.json"]).ok();
    assert!(session.read("real.json").starts_with("{\n  \"kind\": \"SealedSecret\","));
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(std::fs::read_link(session.path("link.json")).unwrap().to_str(), Some("real.json"));
    assert_eq!(session.names(), ["link.json", "real.json"]);
}

#[test]
fn nothing_is_written_when_any_document_is_wrong() {
    let session = Session::new();
    session.write("out.yaml", "old\n");
    let check = |text: &str, args: &[&str], code: u8, err: &str| {
        session.write("in.yaml", text);
        seal(&session, &[&["in.yaml", "-o", "out.yaml"], args].concat()).fails(code, err);
        assert_eq!(session.read("out.yaml"), "old\n");
        assert_eq!(session.names(), ["in.yaml", "out.yaml"]);
    };
    let with = |more: &str| format!("{SECRET}---\n{more}");
    check(
        &with("kind: Secret\nmetadata: {name: b, namespace: web\nstringData: {k: v}\n"),
        &[],
        1,
        "error: in.yaml: document 2 (line 10): line 13, column 11: not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'\n",
    );
    check(
        &with("kind: Secret\nmetadata: {namespace: web}\nstringData: {k: v}\n"),
        &[],
        1,
        "error: cannot seal in.yaml: document 2 (line 11)\n  cause: missing metadata.name in input Secret\nhint: give it a metadata.name, or use --name\n",
    );
    check(
        &with("kind: Secret\nmetadata: {name: b}\nstringData: {k: v}\n"),
        &[],
        1,
        "error: cannot seal in.yaml: document 2 (line 11)\n  cause: secret must declare a namespace\nhint: give it a metadata.namespace, or use --namespace\n",
    );
    check(
        SECRET,
        &["--namespace", "other"],
        1,
        "error: cannot seal in.yaml: document 1 (line 1)\n  cause: namespace mismatch: input secret is in namespace \"web\" but \"other\" was specified\n",
    );
    check(
        "kind: Secret\nmetadata: {name: b, namespace: web}\ndata: {good: aGk=, bad: 'a GVsbG8='}\n",
        &[],
        1,
        "error: in.yaml: document 1 (line 1): data.bad: illegal base64 data at input byte 1\n",
    );
    check(
        &with("kind: Secret\nmetadata: {name: b, namespace: web}\n"),
        &[],
        1,
        "error: cannot seal in.yaml: document 2 (line 11)\n  cause: it has neither data nor stringData\nhint: use --allow-empty if it is meant to be\n",
    );
    check(
        &with("kind: ConfigMap\nmetadata: {name: b, namespace: web}\n"),
        &[],
        1,
        "error: in.yaml: document 2 (line 11): expected kind Secret, found kind ConfigMap\nhint: only Secrets are sealed; give the other documents in another file\n",
    );
    check(
        &with("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: b, namespace: web}\n"),
        &[],
        1,
        "error: in.yaml: document 2 (line 11): expected kind Secret, found kind SealedSecret\nhint: it is sealed already; to change one of its values: hecate-seal KEY --file FILE\n",
    );
    check("# nothing\n", &[], 1, "error: in.yaml: there is no Secret in it\n");
    check(
        "kind: Secret\nmetadata: {name: b, namespace: web}\nstringData: {a b: v}\n",
        &[],
        1,
        "error: in.yaml: line 3: a key of stringData is not a valid Secret key (not shown: it may hold a value; is a blank missing behind a colon?)\n",
    );
    check(
        "kind: Secret\nmetadata: {name: b, namespace: web}\nstringData: {mode: 0644}\n",
        &["--strict"],
        1,
        "error: in.yaml: line 3, column 20: `stringData.mode` is read as an integer and written in another form; quote it to keep its text\n",
    );
}

#[test]
fn a_value_that_is_sealed_already_is_not_sealed_again() {
    let session = Session::new();
    session.write("in.yaml", SECRET);
    let sealed = seal(&session, &["in.yaml"]).ok().out;
    let value = sealed.lines().find_map(|line| line.strip_prefix("    PASSWORD: ")).unwrap();
    session.write("twice.yaml", format!("kind: Secret\nmetadata: {{name: b, namespace: web}}\nstringData: {{k: {value}}}\n"));
    seal(&session, &["twice.yaml"]).fails(
        1,
        "error: twice.yaml: document 1 (line 1): the value of k looks sealed already\nhint: give the plain value; use --force to seal it once more\n",
    );
    seal(&session, &["--force", "twice.yaml"]).ok();
}

#[test]
fn inputs_that_are_no_files_are_named() {
    let session = Session::new();
    seal(&session, &["."]).fails(1, "error: cannot read .\n  cause: it is a directory, not a file\n");
    seal(&session, &["none.yaml"]).fails(1, "error: cannot read none.yaml\n  cause: No such file or directory (os error 2)\n");
    session.write("latin1.yaml", b"kind: Secret\nx: \xe4\n");
    let ran = seal(&session, &["latin1.yaml"]).code(1);
    assert!(ran.err.starts_with("error: latin1.yaml: not UTF-8 text: "), "{}", ran.err);
}

#[test]
fn keys_open_from_pem_secrets_lists_and_the_environment() {
    let session = Session::new();
    session.write("in.yaml", SECRET);
    seal(&session, &["in.yaml", "-o", "sealed.yaml"]).ok();
    let pem = std::fs::read_to_string(key_path("test-only-2048.key.pem")).unwrap();
    let indented: String = pem.lines().map(|line| format!("    {line}\n")).collect();
    let secret = format!("kind: Secret\nmetadata: {{name: k, namespace: kube-system}}\nstringData:\n  tls.key: |\n{indented}");
    session.write("secret.yaml", &secret);
    let other = key_path("test-only-2048-other.key.pem");
    session.run(&["unseal", "-p", "secret.yaml", "sealed.yaml"]).ok();
    session.run(&["unseal", "-p", &other, "-p", "secret.yaml", "sealed.yaml"]).ok();
    let session = session.env("HECATE_SEAL_PRIVATE_KEYS", format!("{other}:secret.yaml"));
    assert_eq!(session.run(&["unseal", "-k", "USER", "sealed.yaml"]).ok().out, "admin");
}

#[test]
fn what_does_not_open_is_told_whole_and_nothing_is_printed() {
    let session = Session::new();
    session.write("in.yaml", SECRET);
    let sealed = seal(&session, &["in.yaml"]).ok().out;
    session.write("sealed.yaml", &sealed);
    let (key, other) = (key_path("test-only-2048.key.pem"), key_path("test-only-2048-other.key.pem"));
    session.run(&["unseal", "sealed.yaml"]).code(2);
    session.run(&["unseal", "-p", &other, "sealed.yaml"]).fails(
        1,
        "error: cannot open web/app (sealed.yaml: document 1 (line 2))\n  cause: no key could decrypt secret (PASSWORD, USER)\n",
    );
    // Renamed by hand: the key knows better.
    session.write("renamed.yaml", sealed.replacen("  name: app\n", "  name: b\n", 1));
    let ran = session.run(&["unseal", "-p", &key, "renamed.yaml"]).code(1);
    assert!(
        ran.err.contains("hint: item \"PASSWORD\" opens as web/app: it was sealed for that namespace and name\n"),
        "{}",
        ran.err
    );
    session.write("base64.yaml", sealed.replacen("PASSWORD: ", "PASSWORD: '*", 1).replacen("\n    USER", "'\n    USER", 1));
    let ran = session.run(&["unseal", "-p", &key, "base64.yaml", "-o", "plain.yaml"]).code(1);
    assert!(ran.err.contains("illegal base64 data at input byte 0 (PASSWORD)"), "{}", ran.err);
    assert!(!session.path("plain.yaml").exists());
    session
        .run(&["unseal", "-p", &key, "-k", "NONE", "sealed.yaml"])
        .fails(1, "error: there is no item `NONE`\nhint: there is PASSWORD, USER\n");
    session.run(&["unseal", "-p", &key_path("test-only-ec.key.pem"), "sealed.yaml"]).code(1);
}

#[test]
fn plain_files_are_private_and_binary_stays_off_the_terminal() {
    use std::os::unix::fs::PermissionsExt;
    let session = Session::new();
    session.write("in.yaml", "kind: Secret\nmetadata: {name: a, namespace: b}\ndata: {bin: /wD+}\nstringData: {text: hi}\n");
    seal(&session, &["in.yaml", "-o", "sealed.yaml"]).ok();
    let session = session.terminals("1");
    let key = key_path("test-only-2048.key.pem");
    session.run(&["unseal", "-p", &key, "sealed.yaml", "-o", "plain.yaml"]).ok();
    assert_eq!(std::fs::metadata(session.path("plain.yaml")).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(session.run(&["unseal", "-p", &key, "-k", "text", "sealed.yaml"]).ok().out, "hi");
    session
        .run(&["unseal", "-p", &key, "-k", "bin", "sealed.yaml"])
        .fails(1, "error: the value is binary and would disturb the terminal\nhint: use -o FILE, or a pipe\n");
}

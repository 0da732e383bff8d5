//! `reseal` with private keys: in place, only sealed values change, whole trees, nothing lost.

use super::{SECRET, Session, key_path};
use crate::support::without_ciphertext;

const OLD: &str = "test-only-2048";
const NEW: &str = "test-only-2048-other";

fn key(name: &str) -> String {
    key_path(&format!("{name}.key.pem"))
}

fn cert(name: &str) -> String {
    key_path(&format!("{name}.crt.pem"))
}

/// `SECRET`, sealed for a key.
fn sealed(session: &Session, name: &str, format: &str) -> String {
    session.write("plain.yaml", SECRET);
    let sealed = session.run(&["seal", "--format", format, "--cert", &cert(name), "plain.yaml"]).ok().out;
    std::fs::remove_file(session.path("plain.yaml")).unwrap();
    sealed
}

/// Every value of a text that is sealed, in order.
fn values(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')));
    words.filter(|word| word.len() > 340).map(str::to_owned).collect()
}

fn reseal(session: &Session, more: &[&str]) -> super::Ran {
    let (old, new, cert) = (key(OLD), key(NEW), cert(NEW));
    let words = ["reseal", "-p", &old, "-p", &new, "--cert", &cert];
    session.run(&[&words[..], more].concat())
}

#[test]
fn only_sealed_values_change_whatever_the_file_looks_like() {
    let session = Session::new();
    let yaml = sealed(&session, OLD, "yaml");
    let json = sealed(&session, OLD, "json");
    let commented = format!(
        "# head\nkind: Namespace\nmetadata: {{name: web}}   # kept\n---\n{}\n# tail, no newline",
        yaml.trim_start_matches("---\n").replacen("    PASSWORD: ", "    # why\n    'PASSWORD':   ", 1).replacen(
            "    USER: AQ",
            "    USER: \"AQ",
            1
        )
    );
    let commented = commented.replacen("\n  template:", "\"\n  template:", 1);
    let crlf = yaml.replace('\n', "\r\n");
    let list = format!("{{\"kind\": \"List\", \"apiVersion\": \"v1\", \"items\": [ {} ]}}\n", json.trim());
    let flow = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: app, namespace: web}\nspec: {encryptedData: {A: VALUE}, template: {data: {conf: \"{{ .A }}\"}}}\n";
    let flow = flow.replace("VALUE", &values(&sealed(&session, OLD, "yaml"))[0]);
    // Folded over lines: kubeseal never writes it so, but formatters do.
    let value = &values(&yaml)[0];
    let folded = yaml.replacen(value.as_str(), &format!(">-\n      {}\n", value), 1);
    let half = value.len() / 2;
    let broken_lines = yaml.replacen(value.as_str(), &format!("\"{}\\\n      {}\"", &value[..half], &value[half..]), 1);
    let files = [
        ("a.yaml", yaml.clone()),
        ("b.json", json),
        ("c.yml", commented),
        ("d.yaml", crlf),
        ("e.json", list),
        ("f.yaml", flow),
        ("g.yaml", folded),
    ];
    for (name, text) in &files {
        session.write(name, text);
    }
    session.write("h.yaml", &broken_lines);
    session.write("other.yaml", "kind: ConfigMap\ndata: {a: SealedSecret}\n");
    let ran = reseal(&session, &[]).ok();
    assert!(ran.out.contains("a.yaml: web/app: 2 items resealed\n"), "{}", ran.out);
    assert!(ran.err.contains("note: 8 files changed, 0 unchanged"), "{}", ran.err);
    for (name, text) in &files {
        let now = session.read(name);
        assert_eq!(without_ciphertext(&now), without_ciphertext(text), "{name}");
        let (before, after) = (values(text), values(&now));
        assert!(before.len() == after.len() && before.iter().zip(&after).all(|(old, new)| old != new), "{name}");
    }
    assert_eq!(session.read("other.yaml"), "kind: ConfigMap\ndata: {a: SealedSecret}\n");
    // The new key alone opens all of them, to the same values.
    for name in ["a.yaml", "b.json", "c.yml", "d.yaml", "e.json", "g.yaml", "h.yaml"] {
        let open = |item: &str| {
            let new = key(NEW);
            let text = session.read(name);
            let part = text.split("---\n").last().unwrap_or_default().to_owned();
            let part = if name == "c.yml" { part } else { text };
            session.write("one.yaml", part);
            session.run(&["unseal", "-p", &new, "--key", item, "one.yaml"]).ok().out
        };
        assert_eq!((open("PASSWORD").as_str(), open("USER").as_str()), ("hunter2", "admin"), "{name}");
    }
    std::fs::remove_file(session.path("one.yaml")).unwrap();
    // Again: nothing to do, no byte changes.
    let before: Vec<String> = session.names().iter().map(|name| session.read(name)).collect();
    let ran = reseal(&session, &[]).ok();
    assert!(ran.out.contains("a.yaml: web/app: unchanged, 2 items under the newest key already\n"), "{}", ran.out);
    assert!(ran.err.contains("note: 0 files changed, 8 unchanged"), "{}", ran.err);
    assert_eq!(before, session.names().iter().map(|name| session.read(name)).collect::<Vec<_>>());
}

#[test]
fn a_dry_run_says_it_and_writes_nothing() {
    let session = Session::new();
    let text = sealed(&session, OLD, "yaml");
    session.write("a.yaml", &text);
    let ran = reseal(&session, &["--dry-run"]).ok();
    assert_eq!(ran.out, "a.yaml: web/app: 2 items would be resealed\n");
    assert_eq!(ran.err, "note: 1 file would be changed, 0 unchanged\n");
    assert_eq!(session.read("a.yaml"), text);
    let json = reseal(&session, &["--dry-run", "--format", "json"]).ok().out;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json, serde_json::json!([{ "file": "a.yaml", "object": "web/app", "resealed": ["PASSWORD", "USER"], "kept": 0 }]));
}

#[test]
fn one_file_that_fails_stays_whole_and_the_others_are_resealed() {
    let session = Session::new();
    let good = sealed(&session, OLD, "yaml");
    let moved = good.replacen("name: app", "name: other", 1);
    let broken = "kind: SealedSecret\n a: [\n";
    // The second document is the one that does not open: the first must not change either.
    let half = format!("{good}{moved}");
    let chart = "kind: SealedSecret\nmetadata: {{ .Values.x }\n";
    for (name, text) in [("a.yaml", good.as_str()), ("b.yaml", &moved), ("c.yaml", broken), ("d.yaml", &half), ("e.yaml", chart)]
    {
        session.write(name, text);
    }
    let ran = reseal(&session, &[]).code(1);
    assert_ne!(session.read("a.yaml"), good);
    assert_eq!((session.read("b.yaml").as_str(), session.read("c.yaml").as_str()), (moved.as_str(), broken));
    assert_eq!((session.read("d.yaml").as_str(), session.read("e.yaml").as_str()), (half.as_str(), chart));
    assert!(ran.err.contains("error: b.yaml: document 1"), "{}", ran.err);
    assert!(ran.err.contains("cannot reseal web/other"), "{}", ran.err);
    assert!(ran.err.contains("error: c.yaml"), "{}", ran.err);
    assert!(ran.err.contains("error: d.yaml: document 2"), "{}", ran.err);
    assert!(ran.err.contains("warning: e.yaml is passed over"), "{}", ran.err);
    assert_eq!(session.names(), ["a.yaml", "b.yaml", "c.yaml", "d.yaml", "e.yaml"]);
}

#[test]
fn a_tree_of_a_hundred_files_takes_each_folders_certificate() {
    let session = Session::new();
    let text = sealed(&session, OLD, "yaml");
    session.write("pub.pem", std::fs::read(cert(NEW)).unwrap());
    session.write("edge/pub.pem", std::fs::read(cert("test-only-4096")).unwrap());
    session.write(".hecate-seal.yaml", "certificate: pub.pem\ntargets:\n- {directory: edge, certificate: edge/pub.pem}\n");
    session.write(".gitignore", "ignored/\n");
    session.write("ignored/x.yaml", &text);
    for n in 0..100 {
        let folder = if n % 10 == 0 { "edge/apps" } else { "apps" };
        session.write(&format!("{folder}/{n:03}/sealed.yaml"), format!("# file {n}\n{text}"));
    }
    let ran = session.run(&["reseal", "-p", &key(OLD)]).ok();
    assert!(ran.err.contains("note: 100 files changed, 0 unchanged"), "{}", ran.err);
    assert_eq!(session.read("ignored/x.yaml"), text);
    for n in 0..100 {
        let (folder, opens) = if n % 10 == 0 { ("edge/apps", "test-only-4096") } else { ("apps", NEW) };
        let name = format!("{folder}/{n:03}/sealed.yaml");
        assert!(session.read(&name).starts_with(&format!("# file {n}\n")));
        if n < 11 {
            session.run(&["verify", "-p", &key(opens), &name]).ok();
        }
    }
}

#[test]
fn what_is_missing_is_said_before_anything_is_opened() {
    let session = Session::new();
    let text = sealed(&session, OLD, "yaml");
    session.write("a.yaml", &text);
    let ran = session.run(&["reseal", "--cert", &cert(NEW)]).code(2);
    assert!(ran.err.contains("error: --cert needs private keys"), "{}", ran.err);
    let ran = session.run(&["reseal", "-p", &key(OLD)]).code(2);
    assert!(ran.err.contains("error: no certificate is named for a.yaml"), "{}", ran.err);
    let ran = session.run(&["reseal"]).code(1);
    assert!(ran.err.contains("error: invalid configuration: no configuration has been provided"), "{}", ran.err);
    let ran = session.run(&["reseal", "-p", &key(OLD), "--cert", &cert(NEW), "none"]).code(1);
    assert!(ran.err.contains("cannot look through none"), "{}", ran.err);
    assert_eq!(session.read("a.yaml"), text);
    // The newest key's private half is needed to recognise what it sealed.
    session.write("a.yaml", sealed(&session, NEW, "yaml"));
    let ran = session.run(&["reseal", "-p", &key(OLD), "--cert", &cert(NEW)]).code(1);
    assert!(ran.err.contains("hint: items that are sealed for the newest key already need its private key too"), "{}", ran.err);
}

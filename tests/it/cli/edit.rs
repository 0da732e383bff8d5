//! `hecate-seal KEY VALUE` into files that are there: one item changes, every other byte stays, and nothing happens to a file
//! that is not what it should be.

use super::{Session, key_path};

/// A file as people write them: comments, several documents, odd layout.
const FILE: &str = "\
# Secrets of the daemon. Rotate yearly!
apiVersion: v1
kind: Namespace
metadata:
    name: hecate   # four blanks here
---
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
    name: 'hecate-secrets'
    namespace: hecate
spec:
    encryptedData:
        # from the console
        OPENAI_API_KEY: AgOLD   # keep
        Z: \"AgZ\"
    template:
        type: Opaque
# the end
";

fn with(file: &str) -> Session {
    let session = Session::new().env("HECATE_SEAL_CERT", key_path("test-only-2048.crt.pem")).env("HECATE_SEAL_FILE", "s.yaml");
    session.write("s.yaml", file);
    session
}

/// The text with the sealed value of `key` cut out.
fn without_value(text: &str, key: &str) -> String {
    let start = text.find(&format!("{key}: ")).unwrap() + key.len() + 2;
    let end = start + text[start..].find(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))).unwrap();
    assert!(end - start > 300, "{key} has no sealed value in\n{text}");
    format!("{}…{}", &text[..start], &text[end..])
}

fn opened(session: &Session, key: &str) -> String {
    // Only the new item is real: the others of these files are not sealed values.
    let text = session.read("s.yaml");
    let line = text.lines().find(|line| line.trim_start().starts_with(&format!("{key}: "))).unwrap();
    let item = line.split(" #").next().unwrap().trim();
    let metadata = "{name: hecate-secrets, namespace: hecate}";
    session.write(
        "one.yaml",
        format!(
            "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {metadata}\nspec:\n  encryptedData:\n    {item}\n"
        ),
    );
    session.run(&["unseal", "-p", &key_path("test-only-2048.key.pem"), "-k", key, "one.yaml"]).ok().out
}

#[test]
fn one_key_is_replaced_and_every_other_byte_stays() {
    let session = with(FILE);
    let ran = session.run(&["OPENAI_API_KEY", "new"]).ok();
    assert_eq!(ran.err, "note: replaced OPENAI_API_KEY in s.yaml (hecate/hecate-secrets, strict)\n");
    assert_eq!(without_value(&session.read("s.yaml"), "OPENAI_API_KEY"), FILE.replace("AgOLD", "…"));
    assert_eq!(opened(&session, "OPENAI_API_KEY"), "new");
    assert_eq!(session.names(), ["one.yaml", "s.yaml"]);
}

#[test]
fn a_new_key_is_added_in_the_layout_of_the_file() {
    let session = with(FILE);
    session.run(&["NEW", "v"]).ok();
    assert_eq!(without_value(&session.read("s.yaml"), "NEW"), FILE.replace("\"AgZ\"\n", "\"AgZ\"\n        NEW: …\n"));
    assert_eq!(opened(&session, "NEW"), "v");
}

#[test]
fn line_ends_and_a_missing_last_one_stay() {
    let dos = FILE.replace('\n', "\r\n");
    let session = with(dos.trim_end());
    session.run(&["OPENAI_API_KEY=a", "NEW=b"]).ok();
    let text = session.read("s.yaml");
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
    assert!(text.ends_with("# the end"));
    let expected = dos.trim_end().replace("AgOLD", "…").replace("\"AgZ\"\r\n", "\"AgZ\"\r\n        NEW: …\r\n");
    assert_eq!(without_value(&without_value(&text, "NEW"), "OPENAI_API_KEY"), expected);
}

#[test]
fn a_file_without_encrypted_data_and_one_in_json_get_their_item() {
    let session =
        with("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: hecate-secrets\n  namespace: hecate\n");
    session.run(&["K", "v"]).ok();
    assert_eq!(opened(&session, "K"), "v");
    let session = with("").env("HECATE_SEAL_FILE", "s.json");
    session.write(
        "s.json",
        "{\"kind\": \"SealedSecret\", \"apiVersion\": \"bitnami.com/v1alpha1\",\n \"metadata\": {\"name\": \"hecate-secrets\", \"namespace\": \"hecate\"},\n \"spec\": {\"encryptedData\": {\"A\": \"AgA\"}}}\n",
    );
    session.run(&["K", "v"]).ok();
    let json: serde_json::Value = serde_json::from_str(&session.read("s.json")).unwrap();
    assert_eq!(json["spec"]["encryptedData"]["A"], "AgA");
    assert!(json["spec"]["encryptedData"]["K"].as_str().unwrap().len() > 300);
}

#[test]
fn if_absent_leaves_what_is_there_and_does_not_even_ask() {
    // The prompt of a captured terminal refuses, so a question would be an error.
    let session = with(FILE).terminals("0");
    let ran = session.run(&["OPENAI_API_KEY", "--if-absent"]).ok();
    assert_eq!(ran.err, "note: OPENAI_API_KEY is there already and stays as it is\n");
    assert_eq!(session.read("s.yaml"), FILE);
    session.run(&["--if-absent", "OPENAI_API_KEY=a", "NEW=b"]).ok();
    assert_eq!(without_value(&session.read("s.yaml"), "NEW"), FILE.replace("\"AgZ\"\n", "\"AgZ\"\n        NEW: …\n"));
}

#[test]
fn the_object_in_the_file_says_what_values_are_sealed_for() {
    let wide = FILE.replace("    namespace: hecate\n", "    annotations: {sealedsecrets.bitnami.com/cluster-wide: \"true\"}\n");
    let session = with(&wide);
    let ran = session.run(&["NEW", "v"]).ok();
    assert_eq!(ran.err, "note: added NEW in s.yaml (hecate-secrets, cluster-wide)\n");
    // Kustomize adds the namespace later: then the settings say it.
    let session = with(&FILE.replace("    namespace: hecate\n", ""));
    let message = |path: &str| {
        format!(
            "error: {path}: line 7: the SealedSecret has no metadata.namespace, and a strict value needs one\nhint: say it with --namespace, HECATE_SEAL_NAMESPACE or `namespace:` in .hecate-seal.yaml\n"
        )
    };
    session.run(&["NEW", "v"]).fails(1, &message("s.yaml"));
    session.run(&["NEW", "v", "-n", "hecate"]).ok();
    assert_eq!(opened(&session, "NEW"), "v");
}

#[test]
fn of_several_objects_the_named_one_gets_the_value() {
    let one = |name: &str| {
        format!(
            "---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {{name: {name}, namespace: hecate}}\nspec:\n  encryptedData:\n    K: Ag{name}\n"
        )
    };
    let text = one("a") + &one("b");
    let session = with(&text);
    session.run(&["K", "v"]).fails(
        1,
        "error: cannot put a value into s.yaml\n  cause: it holds several SealedSecrets: `hecate/a` (line 2), `hecate/b` (line 9)\nhint: say which with --name and --namespace\n",
    );
    assert_eq!(session.read("s.yaml"), text);
    session.run(&["K", "v", "--name", "b"]).ok();
    assert!(session.read("s.yaml").contains("K: Aga\n"));
    assert!(!session.read("s.yaml").contains("K: Agb\n"));
}

#[test]
fn a_file_that_is_not_what_it_should_be_stays_as_it_is() {
    let refused = |text: &str, args: &[&str], code: u8, cause: &str| {
        let session = with(text);
        session.run(&[&["K", "v"], args].concat()).fails(code, &cause.replace("FILE", "s.yaml"));
        assert_eq!(session.read("s.yaml"), text);
        assert_eq!(session.names(), ["s.yaml"]);
    };
    refused(
        FILE,
        &["--name", "other"],
        1,
        "error: cannot put a value into FILE\n  cause: line 7: the SealedSecret is `hecate/hecate-secrets`, not `other`\nhint: the value would never open there; it was asked for by --name\n",
    );
    refused(
        FILE,
        &["-n", "other"],
        1,
        "error: cannot put a value into FILE\n  cause: line 7: the SealedSecret is `hecate/hecate-secrets`, not `other/*`\nhint: the value would never open there; it was asked for by --namespace\n",
    );
    refused(
        FILE,
        &["--scope", "cluster-wide"],
        1,
        "error: FILE: line 7: the SealedSecret is strict, but --scope says cluster-wide\nhint: all values of a SealedSecret have one scope; to change it, seal all of them again\n",
    );
    refused(
        super::SECRET,
        &[],
        1,
        "error: cannot put a value into FILE\n  cause: line 1: this is a plain Secret, not a SealedSecret\nhint: seal the whole file first: hecate-seal seal FILE -o FILE; and change its values, if it was ever in git\n",
    );
    refused(
        "kind: ConfigMap\n",
        &[],
        1,
        "error: cannot put a value into FILE\n  cause: line 1: expected a SealedSecret, found kind `ConfigMap`\nhint: choose another file with --file; it is made if absent\n",
    );
    refused(
        &FILE.replace("    Z: \"AgZ\"", "    Z: \"AgZ"),
        &[],
        1,
        "error: cannot put a value into s.yaml\n  cause: line 17, column 5: not valid YAML: invalid indentation in multiline quoted scalar\n",
    );
    refused(
        &format!("{FILE}---\n a: [\n"),
        &[],
        1,
        "error: cannot put a value into s.yaml\n  cause: line 21, column 5: not valid YAML: unclosed bracket '['\n",
    );
    refused(
        &FILE.replace("        Z:", "        K: 1\n        K:"),
        &[],
        1,
        "error: cannot put K into s.yaml\n  cause: line 17, column 9: `spec.encryptedData.K` is set twice\n",
    );
}

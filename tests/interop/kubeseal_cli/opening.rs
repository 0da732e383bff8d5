//! `--recovery-unseal`.

use super::{Case, SECRET, case, check, sealed};
use crate::support::key;

fn open(rest: &str) -> Case {
    case(&format!("--recovery-unseal --recovery-private-key key.pem {rest}"))
}

fn text(format: &str, scope: &str) -> String {
    String::from_utf8(sealed(format, scope)).unwrap()
}

/// Key Secrets as the controller writes them.
fn key_secret(name: &str, pem: &str) -> String {
    let data = hecate_seal::manifest::encode_base64(&std::fs::read(key(pem)).unwrap());
    format!(
        "{{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{{\"name\":\"{name}\"}},\"type\":\"kubernetes.io/tls\",\"data\":{{\"tls.key\":\"{data}\"}}}}"
    )
}

#[test]
fn every_scope_and_format() {
    let mut cases = Vec::new();
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        for format in ["json", "yaml"] {
            for out in ["", "-o yaml", "-o json", "-w out.yaml", "-w out"] {
                cases.push(open(out).stdin(sealed(format, scope)));
            }
        }
    }
    cases.push(open("-f sealed").file("sealed", sealed("json", "strict")));
    cases.push(open("--kubeconfig /nope/nope --cert nope --merge-into nope --raw").stdin(sealed("json", "strict")));
    cases.push(open("-o xml").stdin(sealed("json", "strict")));
    cases
        .push(open("").stdin(text("json", "cluster-wide").replace("\"web\"", "\"elsewhere\"").replace("\"app\"", "\"renamed\"")));
    cases.push(
        open("-o yaml")
            .stdin(text("yaml", "strict").replace("    type: Opaque", "    immutable: true\n    type: kubernetes.io/tls")),
    );
    let skip = "metadata:\n      annotations: {sealedsecrets.bitnami.com/skip-set-owner-references: 'true'}\n      ownerReferences: [{apiVersion: v1, kind: K, name: own, uid: u}]";
    cases.push(open("").stdin(text("yaml", "strict").replacen("template:\n    metadata:", &format!("template:\n    {skip}"), 1)));
    cases.push(open("").stdin(text("yaml", "strict").replacen("metadata:", "metadata:\n  uid: u-1\n  labels: {not: copied}", 1)));
    check(cases);
}

#[test]
fn private_keys() {
    let list = |items: &str| format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{items}]}}");
    let with = |keys: &str| case(&format!("--recovery-unseal {keys}")).stdin(sealed("json", "strict"));
    let backup = format!(
        "{}\n",
        list(&format!("{},{}", key_secret("a", "test-only-2048-other.key.pem"), key_secret("b", "test-only-2048.key.pem")))
    );
    check(vec![
        with("--recovery-private-key pkcs8.key.pem"),
        with("--recovery-private-key other.key.pem,key.pem"),
        with("--recovery-private-key other.key.pem --recovery-private-key key.pem"),
        with("--recovery-private-key key.pem,key.pem"),
        with("").env("SEALED_SECRETS_RECOVERY_PRIVATE_KEY", "key.pem"),
        with("--recovery-private-key other.key.pem").env("SEALED_SECRETS_RECOVERY_PRIVATE_KEY", "key.pem"),
        with("--recovery-private-key k").file("k", key_secret("a", "test-only-2048.key.pem")),
        with("--recovery-private-key k").file("k", &backup),
        with("--recovery-private-key k").file(
            "k",
            format!("{}\n{}", key_secret("a", "test-only-2048-other.key.pem"), key_secret("b", "test-only-2048.key.pem")),
        ),
        with("--recovery-private-key k").file(
            "k",
            format!(
                "---\n{}\n---\n{}",
                key_secret("a", "test-only-2048-other.key.pem").replace(':', ": "),
                key_secret("b", "test-only-2048.key.pem").replace(':', ": ")
            ),
        ),
        with("--recovery-private-key other.key.pem"),
        with(""),
        with("--recovery-private-key nope"),
        with("--recovery-private-key ec.key.pem").wording(
            "there an EC key is passed over in silence",
            "error: ec.key.pem: not an RSA key: this is an elliptic-curve key\n",
        ),
        with("--recovery-private-key cert.pem").wording(
            "there a file without a key is passed over in silence",
            "error: cert.pem: no private key found: the input holds CERTIFICATE\n",
        ),
        with("--recovery-private-key folder"),
        with("--recovery-private-key k")
            .file(
                "k",
                format!(
                    "---\n{}\n---\n{}",
                    list(&key_secret("a", "test-only-2048-other.key.pem")),
                    key_secret("b", "test-only-2048.key.pem")
                )
                .replace(':', ": "),
            )
            .differs("there only the List of a backup is read", 0, ""),
    ]);
}

#[test]
fn what_does_not_open_is_said() {
    check(vec![
        open("").stdin(SECRET).wording("ours names file and document", "error: standard input: document 1 (line 1): expected kind SealedSecret, found kind Secret\n"),
        open("").stdin("").differs("there a Secret without anything comes out", 1, "error: standard input: expected one SealedSecret, found no document\n"),
        open("").stdin(text("json", "strict").replace("\"web\"", "\"other\"")),
        open("").stdin(text("json", "strict").replace("\"web\"", "\"other\"")).file("out", "old"),
        open("").stdin("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a, namespace: x}\nspec: {encryptedData: {k: 'a b'}}\n"),
        open("").stdin("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a, namespace: x}\nspec: {encryptedData: {k: 'AAA='}}\n"),
        open("").stdin("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a, namespace: x}\nspec: {encryptedData: {k: 'AAA='}, data: 'AAA='}\n").wording("newer kubeseal's words", "error: cannot use the field 'encryptedData' and the deprecated field 'data' at the same time\n"),
        open("").stdin("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a, namespace: x}\nspec: {data: 'AAA='}\n"),
        open("").stdin("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a, namespace: x}\nspec: {encryptedData: {}}\n"),
        open("-o yaml").stdin(format!("{}{}", text("yaml", "strict"), text("yaml", "cluster-wide"))).differs("there every document but the first is dropped", 0, ""),
    ]);
}

#[test]
fn templates_are_rendered() {
    let with = |data: &str| text("yaml", "strict").replacen("template:\n", &format!("template:\n    data: {{{data}}}\n"), 1);
    check(vec![
        open("").stdin(with("url: 'https://{{ .user }}:{{ .pass | b64enc }}@h'")),
        open("-o yaml").stdin(with("a: b, c: '{{ index . \"user\" | upper }}', d: ''")),
        open("").stdin(with("a: '{{ .missing }}', b: '{{ toJson .user }}'")),
        open("").stdin(with("a: x, b: '{{ toJson . }}'")).differs("since 0.37 the texts of plain templates are values too", 0, ""),
        open("").stdin(with("user: '{{ .user }}'")),
        open("").stdin(with("user: other")).differs("newer kubeseal keeps the decrypted value, 0.27.1 the template's", 0, ""),
        open("").stdin(with("a: '{{ .user'")).wording("the template engine's own words", "error: template: a:1:8: unclosed action (a)\n"),
        open("").stdin(with("a: '{{ fail \"no\" }}'")).wording("a message may hold a value", "error: template: a:1:3: executing: error calling fail: the template failed on purpose (its message is not shown) (a)\n"),
    ]);
}

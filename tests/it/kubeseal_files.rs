//! The kubeseal front end on files: settings, merging, many documents, what stays as it was.

use std::collections::BTreeMap;
use std::path::Path;

use crate::kubeseal_cases::{Seen, folder, run, run_with};

const SECRET: &str = "metadata: {name: app, namespace: web}\nstringData: {user: admin, pass: hunter2}\n";

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).unwrap()
}

fn ok(seen: Seen) -> String {
    assert_eq!((seen.code, seen.stderr.as_str()), (0, ""), "{}", seen.stdout);
    seen.stdout
}

/// The values of everything in a file, opened: `name/key` and value.
fn opened(folder: &Path, name: &str) -> BTreeMap<String, String> {
    let secrets = ok(run(folder, &["--recovery-unseal", "--recovery-private-key", "key.pem", "-f", name], ""));
    let secrets = hecate_seal::manifest::read_secrets(secrets.as_bytes(), "opened").unwrap();
    let values = secrets.iter().flat_map(|secret| {
        let of = secret.object.metadata.name.clone();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        secret.object.data.iter().map(move |(key, value)| (format!("{of}/{key}"), text(value.expose())))
    });
    values.collect()
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_certificate_may_come_from_the_settings_file() {
    let folder = folder();
    std::fs::create_dir_all(folder.path().join("clusters/edge")).unwrap();
    write(folder.path(), ".hecate-seal.yaml", "certificate: cert.pem\n");
    let terminal = |args: &[&str], below: &str| {
        run_with(&folder.path().join(below), args, SECRET.as_bytes(), |io| {
            io.stderr_is_terminal = true;
            io.env = hecate_seal::cli::env::Env::fixed([("NO_COLOR", "1")]);
        })
    };
    let root = folder.path().canonicalize().unwrap();
    let note = format!("note: sealing with the certificate {0}/cert.pem ({0}/.hecate-seal.yaml)\n", root.display());
    for below in ["", "clusters/edge"] {
        let seen = terminal(&[], below);
        assert_eq!((seen.code, seen.stderr.as_str()), (0, note.as_str()));
    }
    assert_eq!(ok(run(folder.path(), &["-o", "yaml"], SECRET)).matches("kind: SealedSecret").count(), 1);
    // A flag wins; a flag that names a cluster means that cluster's certificate; so does --fetch-cert, which renews the file.
    assert_eq!(run(folder.path(), &["--cert", "nope"], SECRET).stderr, "error: open nope: no such file or directory\n");
    for (args, error) in [
        (["--context", "prod"].as_slice(), "error: context \"prod\" does not exist\n"),
        (&["--controller-name", "x"], "error: invalid configuration: no configuration has been provided"),
        (&["--fetch-cert"], "error: invalid configuration: no configuration has been provided"),
    ] {
        let seen = run(folder.path(), args, SECRET);
        assert_eq!(seen.code, 1);
        assert!(seen.stderr.starts_with(error), "{args:?}: {}", seen.stderr);
    }
    write(folder.path(), ".hecate-seal.yaml", "certificate: [\n");
    let broken = run(folder.path(), &[], SECRET);
    assert_eq!(broken.code, 1);
    assert!(broken.stderr.starts_with("error: cannot use the settings in "), "{}", broken.stderr);
}

#[test]
fn many_documents_keep_their_order_and_all_open() {
    let folder = folder();
    let input: String =
        (0..120).map(|n| format!("---\nmetadata: {{name: s{n:03}, namespace: web}}\nstringData: {{k: value-{n}}}\n")).collect();
    let sealed = ok(run(folder.path(), &["--cert", "cert.pem", "-o", "yaml"], &input));
    let names: Vec<&str> = sealed.lines().filter(|line| line.starts_with("  name: ")).collect();
    assert_eq!(names, (0..120).map(|n| format!("  name: s{n:03}")).collect::<Vec<_>>());
    write(folder.path(), "sealed", &sealed);
    let values = opened(folder.path(), "sealed");
    assert_eq!(values.len(), 120);
    assert!((0..120).all(|n| values[&format!("s{n:03}/k")] == format!("value-{n}")));
}

#[test]
fn a_list_is_sealed_item_by_item() {
    let folder = folder();
    let list = "kind: List\napiVersion: v1\nitems:\n- {kind: Secret, metadata: {name: a, namespace: web}, stringData: {k: 1}}\n- {kind: Secret, metadata: {name: b, namespace: web}, stringData: {k: v}}\n";
    let sealed = ok(run(folder.path(), &["--cert", "cert.pem", "-o", "yaml"], list));
    write(folder.path(), "sealed", &sealed);
    assert_eq!(opened(folder.path(), "sealed"), map(&[("a/k", "1"), ("b/k", "v")]));
    let wrong = run(
        folder.path(),
        &["--cert", "cert.pem"],
        "kind: List\nitems: [{kind: Secret, metadata: {name: a, namespace: x}, stringData: {k: v}}, {kind: Pod}]",
    );
    assert_eq!((wrong.code, wrong.stdout.as_str()), (1, ""));
    assert_eq!(wrong.stderr, "error: standard input: document 1 (line 1), item 2: expected kind Secret, found kind Pod\n");
}

#[test]
fn merging_into_yaml_touches_nothing_else() {
    let folder = folder();
    let sealed = ok(run(folder.path(), &["--cert", "cert.pem", "-o", "yaml"], SECRET));
    let user = sealed.lines().find(|line| line.starts_with("    user: ")).unwrap().to_owned();
    let pass = sealed.lines().find(|line| line.starts_with("    pass: ")).unwrap().to_owned();
    let file = format!(
        "# before\nkind: ConfigMap\ndata: {{a:  b}}\n---\n# mine\nkind: SealedSecret\napiVersion: bitnami.com/v1alpha1\nmetadata: {{name: app, namespace: web}}   # odd\nspec:\n  encryptedData:\n{user} # first\n{pass}\n  # template\n  template:\n    type: Opaque\n---\n# after\n"
    );
    for (text, what) in [(file.clone(), "LF"), (file.replace('\n', "\r\n"), "CRLF")] {
        write(folder.path(), "target", &text);
        let input = "metadata: {labels: {tier: db}}\nstringData: {pass: changed, more: added}\n";
        assert_eq!(ok(run(folder.path(), &["--cert", "cert.pem", "--merge-into", "target"], input)), "");
        let now = read(folder.path(), "target");
        let kept: Vec<&str> = text.lines().filter(|line| !line.starts_with("    pass: ")).collect();
        let mut lines = now.lines();
        assert!(kept.iter().all(|line| lines.any(|now| now == *line)), "{what}: a line is gone\n{now}");
        assert_eq!(now.contains("\r\n"), what == "CRLF");
        assert!(now.contains("tier: db") && !now.contains(&pass), "{what}: {now}");
        let only: String = now.split("---").nth(1).unwrap().to_owned();
        write(folder.path(), "only", &only);
        assert_eq!(opened(folder.path(), "only"), map(&[("app/user", "admin"), ("app/pass", "changed"), ("app/more", "added")]));
    }
}

#[test]
fn merged_items_get_the_scope_of_the_file_and_open_there() {
    let folder = folder();
    for scope in ["strict", "namespace-wide", "cluster-wide"] {
        for format in ["json", "yaml"] {
            let sealed = ok(run(folder.path(), &["--cert", "cert.pem", "-o", format, "--scope", scope], SECRET));
            write(folder.path(), "target", &sealed);
            let input = "metadata: {name: other, namespace: other}\nstringData: {more: added}\n";
            ok(run(folder.path(), &["--cert", "cert.pem", "--merge-into", "target"], input));
            let expected = map(&[("app/user", "admin"), ("app/pass", "hunter2"), ("app/more", "added")]);
            assert_eq!(opened(folder.path(), "target"), expected, "{scope} {format}");
            assert_eq!(read(folder.path(), "target").starts_with('{'), format == "json");
        }
    }
    let refused = run(folder.path(), &["--cert", "cert.pem", "--merge-into", "target", "--scope", "namespace-wide"], SECRET);
    assert_eq!(
        (refused.code, refused.stderr.as_str()),
        (
            1,
            "error: target: sealed with scope namespace-wide, but the file has scope cluster-wide: its items would never open there\n"
        )
    );
}

#[test]
fn merging_into_json_keeps_unknown_fields_and_order() {
    let folder = folder();
    let sealed = ok(run(folder.path(), &["--cert", "cert.pem"], SECRET));
    let odd = sealed.replacen("\"kind\"", "\"x-note\": [1.50, null],\n  \"kind\"", 1);
    write(folder.path(), "target", &odd);
    ok(run(folder.path(), &["--cert", "cert.pem", "--merge-into", "target"], "stringData: {aaa: first}\n"));
    let now = read(folder.path(), "target");
    assert!(now.starts_with("{\n  \"x-note\": [\n    1.5,\n    null\n  ],\n  \"kind\": \"SealedSecret\","), "{now}");
    assert!(now.find("\"aaa\"").unwrap() < now.find("\"pass\"").unwrap());
    assert_eq!(opened(folder.path(), "target"), map(&[("app/user", "admin"), ("app/pass", "hunter2"), ("app/aaa", "first")]));
}

#[cfg(unix)]
#[test]
fn links_and_modes_of_files_survive() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    let mode = |name: &str| std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    ok(run(folder.path(), &["--cert", "cert.pem", "-w", "real.yaml"], SECRET));
    assert_eq!(mode("real.yaml"), 0o600);
    std::fs::set_permissions(folder.path().join("real.yaml"), std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("real.yaml", folder.path().join("link.yaml")).unwrap();
    ok(run(folder.path(), &["--cert", "cert.pem", "--merge-into", "link.yaml"], "stringData: {more: added}\n"));
    ok(run(folder.path(), &["--cert", "cert.pem", "-w", "link.yaml"], SECRET));
    assert!(std::fs::symlink_metadata(folder.path().join("link.yaml")).unwrap().is_symlink());
    assert_eq!(mode("real.yaml"), 0o640);
    assert_eq!(opened(folder.path(), "real.yaml"), map(&[("app/user", "admin"), ("app/pass", "hunter2")]));
}

#[test]
fn namespaces_come_from_the_kubeconfig() {
    let folder = folder();
    let config =
        |context: &str| format!("current-context: a\nclusters: [{{name: c}}]\ncontexts: [{{name: a, context: {{{context}}}}}]\n");
    write(folder.path(), "config", &config("namespace: from-context"));
    write(folder.path(), "bare", &config("cluster: c"));
    std::fs::create_dir_all(folder.path().join("home/.kube")).unwrap();
    write(folder.path(), "home/.kube/config", &config("namespace: from-home"));
    let home = folder.path().join("home").to_str().unwrap().to_owned();
    let namespace = |args: &[&str], env: &[(&str, &str)]| {
        let args = [&["--cert", "cert.pem", "-o", "yaml"], args].concat();
        let secret = b"metadata: {name: a}\nstringData: {k: v}\n";
        let seen = run_with(folder.path(), &args, secret, |io| {
            io.env = hecate_seal::cli::env::Env::fixed(env.iter().copied());
        });
        let line = seen.stdout.lines().find_map(|line| line.strip_prefix("  namespace: ").map(str::to_owned));
        line.unwrap_or(seen.stderr)
    };
    assert_eq!(namespace(&["--kubeconfig", "config"], &[]), "from-context");
    assert_eq!(namespace(&[], &[("KUBECONFIG", "nope:config:bare")]), "from-context");
    assert_eq!(namespace(&[], &[("KUBECONFIG", "bare:config")]), "default");
    assert_eq!(namespace(&[], &[("HOME", &home)]), "from-home");
    assert_eq!(namespace(&[], &[("HOME", &home), ("KUBECONFIG", "bare")]), "default");
    assert_eq!(namespace(&["-n", "typed"], &[("KUBECONFIG", "cert.pem")]), "typed");
    assert_eq!(namespace(&[], &[("SEALED_SECRETS_NAMESPACE", "ns/by-variable"), ("KUBECONFIG", "config")]), "by-variable");
    assert!(namespace(&[], &[("KUBECONFIG", "cert.pem")]).starts_with("error: secret must declare a namespace\n"));
}

//! What was meant: words that are no keys, folders that have certificates of their own, objects as Kubernetes reads them.

use super::{Session, key_path};

/// What a person from kubeseal, sops or kubectl types first is no key, and neither is a front end behind an option.
#[test]
fn words_of_other_programs_are_not_taken_for_keys() {
    let session = Session::new();
    session.write("f.yaml", "");
    let settings = format!("certificate: {}\nfile: f.yaml\nname: a\nnamespace: ns\n", key_path("test-only-2048.crt.pem"));
    session.write(".hecate-seal.yaml", settings);
    for (word, ours) in [("validate", "verify"), ("decrypt", "unseal"), ("re-encrypt", "reseal"), ("fetch-cert", "cert fetch")] {
        let ran = session.run(&[word, "f.yaml"]).code(2);
        assert!(ran.err.contains(&format!("did you mean `{ours}`?")) && ran.err.contains("hecate-seal value"), "{}", ran.err);
    }
    for args in [&["-C", ".", "kubeseal"][..], &["-q", "sops", "-d"], &["-v", "kubeseal", "--version"]] {
        assert!(session.run(args).code(2).err.contains("comes first"), "{args:?}");
    }
    assert_eq!(session.read("f.yaml"), "");
    session.run(&["value", "validate", "v"]).ok();
    let ran = session.run(&["KEY", "f.yaml"]).ok();
    assert!(ran.err.contains("the name of a file") && ran.err.contains("--from-file"), "{}", ran.err);
    // Where no value can stand, the word is named.
    assert!(session.run(&["verify", "--nope"]).code(2).err.contains("--nope"));
}

/// The certificate of another cluster's folder is never used for a file of this one, nor this one's for a file of the other.
#[test]
fn each_folder_has_its_certificate_however_its_path_is_typed() {
    let session = Session::new();
    for folder in ["clusters/beam", "clusters/edge"] {
        std::fs::create_dir_all(session.path(folder)).unwrap();
    }
    let (beam, edge) = (key_path("test-only-2048.crt.pem"), key_path("test-only-2048-other.crt.pem"));
    session.write(
        ".hecate-seal.yaml",
        format!(
            "targets:\n  - {{directory: clusters/beam, certificate: {beam}}}\n  - {{directory: clusters/edge, certificate: {edge}}}\n"
        ),
    );
    session.write("s.yaml", "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: ns}\nstringData: {K: v1}\n");
    session.run(&["seal", "s.yaml", "--cert", &edge, "-o", "clusters/edge/ss.yaml"]).ok();
    let before = session.read("clusters/edge/ss.yaml");
    std::os::unix::fs::symlink("../edge", session.path("clusters/beam/link")).unwrap();
    let mut inside = session;
    inside.cwd = inside.path("clusters/beam");
    let other_key = key_path("test-only-2048-other.key.pem");
    for path in ["../edge", "link/ss.yaml"] {
        let ran = inside.run(&["reseal", "-p", &other_key, path]).ok();
        assert!(ran.err.contains("-other.crt.pem"), "the certificate is told: {}", ran.err);
    }
    for args in [&["K2", "v", "--file", "../edge/ss.yaml"][..], &["seal", "../../s.yaml", "-o", "link/new.yaml"]] {
        let ran = inside.run(args).code(2);
        assert!(ran.err.contains("--cert") && ran.err.contains("-other.crt.pem"), "{}", ran.err);
    }
    inside.cwd = inside.path("");
    assert_eq!(inside.read("clusters/edge/ss.yaml"), before);
    assert!(!inside.path("clusters/edge/new.yaml").exists());
    inside.run(&["K2", "v", "--file", "clusters/edge/ss.yaml", "--cert", &edge]).ok();
    inside.run(&["verify", "-p", &other_key, "clusters/edge/ss.yaml"]).ok();
}

/// What a SealedSecret is called and bound to is read as Kubernetes reads it.
#[test]
fn values_are_sealed_for_what_kubernetes_sees() {
    let (cert, key) = (key_path("test-only-2048.crt.pem"), key_path("test-only-2048.key.pem"));
    let head = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n";
    for rest in [
        "x: &s {sealedsecrets.bitnami.com/cluster-wide: \"true\"}\nmetadata:\n  name: a\n  namespace: ns\n  annotations:\n    <<: *s\nspec: {}\n",
        "x: &s {name: a, namespace: ns}\nmetadata:\n  <<: *s\nspec: {}\n",
        "metadata: {name: a, namespace: ns, annotations: {sealedsecrets.bitnami.com/namespace-wide: True}}\nspec: {}\n",
    ] {
        let session = Session::new();
        session.write("f.yaml", format!("{head}{rest}"));
        session.run(&["K", "v1", "--file", "f.yaml", "--cert", &cert]).ok();
        session.run(&["verify", "-p", &key, "f.yaml"]).ok();
    }
    // No namespace is no namespace, however it is written.
    for null in ["null", "~", "''"] {
        let session = Session::new();
        session.write("f.yaml", format!("{head}metadata: {{name: a, namespace: {null}}}\nspec: {{}}\n"));
        assert!(session.run(&["K", "v1", "--file", "f.yaml", "--cert", &cert]).code(1).err.contains("no metadata.namespace"));
        session.run(&["K", "v1", "--file", "f.yaml", "--cert", &cert, "--namespace", "ns"]).ok();
    }
}

#[test]
fn utf_16_is_an_error_where_a_sealed_secret_would_be_passed_over() {
    let session = Session::new();
    let text = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\n";
    let utf16: Vec<u8> = [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    session.write("u16.yaml", utf16);
    assert!(session.run(&["verify"]).code(1).out.contains("UTF-16"));
    let (cert, key) = (key_path("test-only-2048.crt.pem"), key_path("test-only-2048.key.pem"));
    assert!(session.run(&["reseal", "-p", &key, "--cert", &cert]).code(1).err.contains("UTF-16"));
}

fn bash(script: &str, program: &str, folder: &std::path::Path) -> String {
    let output = std::process::Command::new("bash").args(["-c", script, program]).current_dir(folder).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn bash_completes_behind_a_verb() {
    let session = Session::new();
    let script = session.run(&["completions", "bash"]).ok().out;
    session.write("script", script);
    let words = bash(
        "source ./script; COMP_WORDS=(hecate-seal cert ''); COMP_CWORD=2; f=$(complete -p hecate-seal); f=${f##*-F }; \
         ${f%% *} hecate-seal '' cert; echo ${COMPREPLY[@]}",
        "",
        &session.path(""),
    );
    assert!(words.contains("show") && words.contains("fetch"), "{words}");
}

/// The exit code is the answer of the whole command, also when its reader has seen enough.
#[test]
fn a_reader_that_leaves_does_not_turn_findings_into_success() {
    let session = Session::new();
    let document =
        "---\nkind: SealedSecret\napiVersion: bitnami.com/v1alpha1\nmetadata: {name: a}\nspec: {encryptedData: {K: AgBx}}\n";
    session.write("many.yaml", document.repeat(2000));
    let script =
        "set -o pipefail; \"$0\" verify many.yaml | head -1 >/dev/null; echo $?; \"$0\" verify many.yaml | true; echo $?";
    assert_eq!(bash(script, env!("CARGO_BIN_EXE_hecate-seal"), &session.path("")), "1\n1\n");
}

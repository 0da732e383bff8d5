//! Our own verbs beside kubeseal and the controller's library: each goes on with what the other made.

use serde_json::Value;

use crate::programs::object_cases;
use crate::support::{Run, hecate, key, peers, temp_dir};
use crate::values::{bytes, opened_by_the_controller, values};

#[test]
fn what_seal_writes_the_cluster_opens_and_what_kubeseal_writes_unseal_opens() {
    let (Some(kubeseal), Some(unseal)) = (peers::kubeseal(), peers::go_program("unseal")) else { return };
    let (cert, private) = (key("test-only-2048.crt.pem"), key("test-only-2048.key.pem"));
    for case in object_cases() {
        let input = case.secret.to_string();
        let theirs = Run::new(&kubeseal).arg("--cert").arg(&cert).stdin(input.clone()).ok();
        let ours = hecate().args(["seal", "--cert"]).arg(&cert).stdin(input).ok();
        let in_cluster = |sealed: &str| opened_by_the_controller(&unseal, &["test-only-2048"], sealed).remove(0).unwrap();
        let expected = in_cluster(theirs.out());
        assert_eq!(in_cluster(ours.out()), expected, "{}", case.name);

        let opened = hecate().args(["unseal", "--format", "json", "-p"]).arg(&private).stdin(theirs.stdout).ok();
        let opened: Value = serde_json::from_str(opened.out()).unwrap();
        assert_eq!(opened["type"], expected["type"], "{}", case.name);
        assert_eq!(opened["immutable"], expected["immutable"], "{}", case.name);
        for field in ["name", "namespace", "labels", "annotations", "finalizers"] {
            assert_eq!(opened["metadata"][field], expected["metadata"][field], "{}: {field}", case.name);
        }
        let (ours, theirs) = (opened["data"].as_object().unwrap(), expected["data"].as_object().unwrap());
        assert!(ours.keys().eq(theirs.keys()), "{}", case.name);
        assert!(ours.iter().all(|(name, value)| bytes(value) == bytes(&theirs[name])), "{}", case.name);
    }
}

#[test]
fn one_key_put_into_a_file_of_kubeseals_opens_beside_those_that_were_there() {
    let (Some(kubeseal), Some(unseal)) = (peers::kubeseal(), peers::go_program("unseal")) else { return };
    let cert = key("test-only-4096.crt.pem");
    let folder = temp_dir();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: app, namespace: team-a}\nstringData: {A: one, B: two}\n";
    for (format, scope) in [("yaml", "strict"), ("json", "strict"), ("yaml", "namespace-wide"), ("json", "cluster-wide")] {
        let file = folder.path().join(format!("{scope}.{format}"));
        let sealed = Run::new(&kubeseal).args(["-o", format, "--scope", scope, "--cert"]).arg(&cert).stdin(secret).ok();
        std::fs::write(&file, sealed.stdout).unwrap();
        for (n, (_, value)) in values().into_iter().enumerate().filter(|(_, (_, value))| value.len() < 1000) {
            let put = hecate().arg(format!("NEW_{n}")).args(["--allow-empty", "--from-file", "-", "--file"]).arg(&file);
            put.arg("--cert").arg(&cert).stdin(value).ok();
        }
        hecate().args(["B", "changed", "--file"]).arg(&file).arg("--cert").arg(&cert).ok();
        let text = std::fs::read_to_string(&file).unwrap();
        let opened = opened_by_the_controller(&unseal, &["test-only-4096"], &text).remove(0).unwrap();
        assert_eq!((bytes(&opened["data"]["A"]), bytes(&opened["data"]["B"])), (b"one".to_vec(), b"changed".to_vec()));
        for (n, (shape, value)) in values().into_iter().enumerate().filter(|(_, (_, value))| value.len() < 1000) {
            assert_eq!(bytes(&opened["data"][format!("NEW_{n}")]), value, "{format} {scope} {shape}");
        }
        hecate().args(["verify", "-p"]).arg(key("test-only-4096.key.pem")).arg("--cert").arg(&cert).arg(&file).ok();
    }
}

#[test]
fn generated_keys_serve_kubeseal() {
    let Some(kubeseal) = peers::kubeseal() else { return };
    let folder = temp_dir();
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: app, namespace: team-a}\nstringData: {a: b}\n";
    hecate().args(["keys", "generate", "--bits", "2048", "-o", "pair"]).cwd(folder.path()).ok();
    let files: Vec<String> =
        std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    let named = |end: &[&str]| files.iter().find(|file| end.iter().any(|end| file.ends_with(end))).unwrap().clone();
    let sealed = Run::new(&kubeseal).args(["--cert", &named(&[".crt", ".crt.pem"])]).cwd(folder.path()).stdin(secret).ok();
    let open = |private: &str, sealed: &[u8]| {
        let program = Run::new(&kubeseal).args(["--recovery-unseal", "--recovery-private-key", private]);
        program.cwd(folder.path()).stdin(sealed).ok();
    };
    open(&named(&[".key", ".key.pem"]), &sealed.stdout);

    // As a key Secret: its own certificate seals, itself opens.
    let made = hecate().args(["keys", "generate", "--bits", "2048", "--secret", "-o", "key.yaml"]).cwd(folder.path()).ok();
    assert_eq!(made.out(), "");
    let text = std::fs::read_to_string(folder.path().join("key.yaml")).unwrap();
    let certificate = text.lines().find_map(|line| line.trim().strip_prefix("tls.crt: ")).unwrap();
    std::fs::write(folder.path().join("from-secret.crt"), bytes(&certificate.into())).unwrap();
    let sealed = Run::new(&kubeseal).args(["--cert", "from-secret.crt"]).cwd(folder.path()).stdin(secret).ok();
    open("key.yaml", &sealed.stdout);
}

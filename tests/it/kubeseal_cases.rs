//! The kubeseal front end in-process, without the real one: errors with their exact text and exit code, and the target unchanged.

use std::path::Path;

use hecate_seal::cli::env::Env;
use hecate_seal::cli::{self, Io};

use crate::support::{key, temp_dir};

/// Never may any of this appear in what is written.
const CANARY: &str = "canary-7f3a9";
const CANARY_BASE64: &str = "Y2FuYXJ5LTdmM2E5";

/// What a run in-process did.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) code: u8,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A folder with certificates and keys.
pub(crate) fn folder() -> tempfile::TempDir {
    let folder = temp_dir();
    for (name, source) in [
        ("cert.pem", "test-only-2048.crt.pem"),
        ("key.pem", "test-only-2048.key.pem"),
        ("expired.pem", "test-only-expired.crt.pem"),
        ("future.pem", "test-only-not-yet-valid.crt.pem"),
        ("ec.pem", "test-only-ec.crt.pem"),
        ("bundle.pem", "test-only-bundle.crt.pem"),
        ("other.key.pem", "test-only-2048-other.key.pem"),
    ] {
        std::fs::copy(key(source), folder.path().join(name)).unwrap();
    }
    folder
}

/// Runs kubeseal in-process; `change` may set variables and terminals.
pub(crate) fn run_with(folder: &Path, args: &[&str], stdin: &[u8], change: impl FnOnce(&mut Io)) -> Seen {
    let (mut io, captured) = Io::captured(stdin);
    io.cwd = folder.canonicalize().unwrap();
    change(&mut io);
    let code = cli::run(std::iter::once("kubeseal").chain(args.iter().copied()).map(Into::into), &mut io);
    Seen { code, stdout: captured.stdout(), stderr: captured.stderr() }
}

pub(crate) fn run(folder: &Path, args: &[&str], stdin: &str) -> Seen {
    run_with(folder, args, stdin.as_bytes(), |_| {})
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_mistake_is_one_line_with_exit_code_1_and_writes_nothing() {
    let secret = format!("metadata: {{name: a, namespace: x}}\nstringData: {{k: {CANARY}}}\n");
    let broken = |rest: &str| format!("{secret}---\n{rest}\n");
    let no_name = format!("metadata: {{namespace: x}}\nstringData: {{k: {CANARY}}}\n");
    let no_namespace = format!("metadata: {{name: a}}\nstringData: {{k: {CANARY}}}\n");
    let base64 = format!("metadata: {{name: a, namespace: x}}\ndata: {{good: {CANARY_BASE64}, bad: '{CANARY_BASE64}!'}}\n");
    const NO_CLUSTER: &str =
        "invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable";
    let cases: &[(&[&str], &str, &str)] = &[
        (&["--cert", "nope"], &secret, "open nope: no such file or directory"),
        (
            &["--cert", "key.pem"],
            &secret,
            "data does not contain any valid RSA or ECDSA certificates: no certificate found: the input holds RSA PRIVATE KEY (key.pem)",
        ),
        (
            &["--cert", "garbage"],
            &secret,
            "data does not contain any valid RSA or ECDSA certificates: no certificate found: there is no PEM block (-----BEGIN …-----) in the input (garbage)",
        ),
        (&["--cert", "."], &secret, "read .: is a directory"),
        (&["--cert", "ec.pem"], &secret, "expected RSA public key but found an elliptic-curve key (ec.pem)"),
        (&["--cert", "expired.pem"], &secret, "failed to encrypt using an expired certificate on January 1, 2024"),
        (&["--cert", "gopher://x"], &secret, "Get \"gopher://x\": unsupported protocol scheme \"gopher\""),
        (&["--cert", "file:///nope"], &secret, "cannot fetch \"file:///nope\": no such file or directory"),
        (&[], &secret, NO_CLUSTER),
        (&["--fetch-cert"], "", NO_CLUSTER),
        (&["--validate"], "", NO_CLUSTER),
        (&["--re-encrypt", "-f", "target"], "", NO_CLUSTER),
        (&["--cert", "cert.pem"], "", "no secrets found. Ensure the input is valid and UTF-8 encoded"),
        (
            &["--cert", "cert.pem"],
            "metadata: {name: a, namespace: x}",
            "secret.data is empty in input Secret, assuming this is an error and aborting. To work with empty data, --allow-empty-data can be used",
        ),
        (&["--cert", "cert.pem"], &no_name, "missing metadata.name in input Secret"),
        (&["--cert", "cert.pem"], &no_namespace, "secret must declare a namespace"),
        (
            &["--cert", "cert.pem", "-n", "b"],
            &secret,
            "namespace mismatch: input secret is in namespace \"x\" but \"b\" was specified",
        ),
        (&["--cert", "cert.pem"], &base64, "standard input: document 1 (line 1): data.bad: illegal base64 data at input byte 16"),
        (
            &["--cert", "cert.pem"],
            &broken("kind: ["),
            "standard input: document 2 (line 3): line 4, column 7: not valid YAML: unclosed bracket '['",
        ),
        (
            &["--cert", "cert.pem"],
            &broken("kind: Pod"),
            "standard input: document 2 (line 4): expected kind Secret, found kind Pod",
        ),
        (
            &["--cert", "cert.pem"],
            &broken(CANARY),
            "standard input: document 2 (line 4): expected a Kubernetes object, found string",
        ),
        (
            &["--cert", "cert.pem"],
            &broken("metadata: {name: b}\nstringData: {k: [v]}"),
            "standard input: document 2 (line 4): stringData.k: cannot unmarshal array into a field of type string",
        ),
        (
            &["--cert", "cert.pem"],
            &broken("metadata: {name: b, namespace: x}"),
            "standard input: document 2 (line 4): secret.data is empty in input Secret, assuming this is an error and aborting. To work with empty data, --allow-empty-data can be used",
        ),
        (
            &["--cert", "cert.pem"],
            "{\"kind\":\"Secret\"}\n{}\ngarbage",
            "standard input: document 3 (line 3): not valid JSON: expected value at line 3 column 1",
        ),
        (
            &["--cert", "cert.pem"],
            "kind: SealedSecret\nspec: {}\n",
            "standard input: document 1 (line 1): expected kind Secret, found kind SealedSecret",
        ),
        (
            &["--cert", "cert.pem", "-f", "nope"],
            "",
            "Could not read file specified with --secret-file: open nope: no such file or directory",
        ),
        (&["--cert", "cert.pem", "-f", "."], "", "Could not read file specified with --secret-file: read .: is a directory"),
        (&["--cert", "cert.pem", "-o", "xml"], &secret, "unsupported output format: xml"),
        (&["--cert", "cert.pem", "-w", "nope/out"], &secret, "cannot write nope/out: there is no directory FOLDER/nope"),
        (&["--cert", "cert.pem", "-w", "."], &secret, "cannot write .: it is a directory"),
        (&["--cert", "cert.pem", "-w", "read-only"], &secret, "cannot write read-only: the file is read-only"),
        (
            &["--cert", "cert.pem", "-w", "/dev/full"],
            &secret,
            "cannot write /dev/full: the new content does not fit on the disk: No space left on device (os error 28)",
        ),
        (&["--from-file", "x"], "", "--from-file requires --raw"),
        (
            &["--cert", "cert.pem", "--raw", "--from-file", "a,b", "-n", "x", "--name", "y"],
            "",
            "must provide only one --from-file when encrypting a single item with --raw",
        ),
        (
            &["--cert", "cert.pem", "--raw", "--from-file", "nope", "-n", "x", "--name", "y"],
            "",
            "open nope: no such file or directory",
        ),
        (&["--cert", "cert.pem", "--raw"], CANARY, "must provide the --namespace flag with --raw and --scope strict"),
        (
            &["--cert", "cert.pem", "--raw", "--scope", "namespace-wide"],
            CANARY,
            "must provide the --namespace flag with --raw and --scope namespace-wide",
        ),
        (&["--cert", "cert.pem", "--raw", "-n", "x"], CANARY, "must provide the --name flag with --raw and --scope strict"),
        (&["--cert", "cert.pem", "--merge-into", "nope"], &secret, "open nope: no such file or directory"),
        (&["--cert", "cert.pem", "--merge-into", "target"], &secret, "target: expected kind SealedSecret, found no kind"),
        (
            &["--cert", "cert.pem", "--merge-into", "target", "-w", "out"],
            &secret,
            "--sealed-secret-file cannot be used with --merge-into, which writes into its own file",
        ),
        (
            &["--recovery-unseal"],
            "kind: Secret",
            "standard input: document 1 (line 1): expected kind SealedSecret, found kind Secret",
        ),
        (&["--recovery-unseal"], "", "standard input: expected one SealedSecret, found no document"),
        (
            &["--recovery-unseal"],
            "kind: SealedSecret\nspec: {encryptedData: {k: 'a b', l: AAA=}}\n",
            "illegal base64 data at input byte 1 (k); no key could decrypt secret (l)",
        ),
        (&["--recovery-unseal", "--recovery-private-key", "nope"], "", "open nope: no such file or directory"),
        (
            &["--recovery-unseal", "--recovery-private-key", "cert.pem"],
            "",
            "cert.pem: no private key found: the input holds CERTIFICATE",
        ),
    ];
    let folder = folder();
    let target = "old: {content: 1} # stays\n";
    std::fs::write(folder.path().join("target"), target).unwrap();
    std::fs::write(folder.path().join("garbage"), "nothing of use").unwrap();
    let read_only = folder.path().join("read-only");
    std::fs::write(&read_only, "old").unwrap();
    let mut permissions = std::fs::metadata(&read_only).unwrap().permissions();
    permissions.set_readonly(true);
    std::fs::set_permissions(&read_only, permissions).unwrap();
    let before = names(folder.path());
    for (args, stdin, message) in cases {
        // The output of a mistake goes nowhere, also when a file is there already.
        let seen = run(folder.path(), args, stdin);
        let first = seen
            .stderr
            .lines()
            .next()
            .unwrap_or_default()
            .replace(&*folder.path().canonicalize().unwrap().to_string_lossy(), "FOLDER");
        assert_eq!((seen.code, first.as_str()), (1, format!("error: {message}").as_str()), "{args:?}");
        assert!(seen.stderr.lines().skip(1).all(|line| line.starts_with("hint: ")), "{args:?}: {}", seen.stderr);
        assert_eq!(seen.stdout, "", "{args:?}");
        for secret in [CANARY, CANARY_BASE64] {
            assert!(!seen.stderr.contains(secret), "{args:?} shows a value: {}", seen.stderr);
        }
        assert_eq!(names(folder.path()), before, "{args:?}");
        assert_eq!(std::fs::read_to_string(folder.path().join("target")).unwrap(), target, "{args:?}");
    }
}

#[test]
fn the_usage_text_is_the_peers() {
    let folder = folder();
    let list = include_str!("vectors/kubeseal-0.27.1-flags.txt");
    let help = run(folder.path(), &["--help", "--cert", "nope"], "");
    assert_eq!((help.code, help.stdout.as_str(), help.stderr.as_str()), (0, &*format!("Usage of kubeseal:\n{list}"), ""));
    let short = run(folder.path(), &["-h"], "");
    assert_eq!((short.code, short.stdout.as_str(), short.stderr.as_str()), (0, list, "Usage of kubeseal:\n"));
    let wrong = run(folder.path(), &["--nope"], "");
    let stdout = format!("unknown flag: --nope\n{list}unknown flag: --nope\n");
    assert_eq!((wrong.code, wrong.stdout.as_str(), wrong.stderr.as_str()), (2, &*stdout, "Usage of kubeseal:\n"));
}

#[test]
fn the_version_has_kubeseals_shape() {
    let seen = run(folder().path(), &["--version"], "");
    assert_eq!((seen.code, seen.stdout), (0, format!("kubeseal version: {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn our_first_word_means_kubeseal_too() {
    let (mut io, captured) = Io::captured(b"");
    let code = cli::run(["hecate-seal", "kubeseal", "--version"].map(Into::into), &mut io);
    assert_eq!((code, captured.stdout()), (0, format!("kubeseal version: {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn notes_for_people_appear_on_terminals_only() {
    let folder = folder();
    let secret = "metadata: {name: a, namespace: x}\nstringData: {k: v}\n";
    let on_terminal = |args: &[&str], stdin: &str| {
        run_with(folder.path(), args, stdin.as_bytes(), |io| {
            io.stdin_is_terminal = true;
            io.stderr_is_terminal = true;
            io.env = Env::fixed([("NO_COLOR", "1")]);
        })
        .stderr
    };
    assert_eq!(on_terminal(&["--cert", "cert.pem"], secret), "(tty detected: expecting json/yaml k8s resource in stdin)\n");
    let raw = ["--cert", "cert.pem", "--raw", "--scope", "cluster-wide"];
    assert_eq!(on_terminal(&raw, "v"), "(tty detected: expecting a secret to encrypt in stdin)\n");
    assert_eq!(on_terminal(&["--cert", "cert.pem", "--fetch-cert"], ""), "");
    assert_eq!(
        on_terminal(
            &[
                "--cert",
                "bundle.pem",
                "--recovery-private-key",
                "x",
                "--raw",
                "--scope",
                "cluster-wide",
                "--from-file",
                "cert.pem"
            ],
            ""
        ),
        "warning: ignoring --recovery-private-key because unseal command not chosen with --recovery-unseal\nnote: bundle.pem holds 1 more certificates; the first one is used, as kubeseal does\n"
    );
    assert_eq!(run(folder.path(), &["--cert", "bundle.pem"], secret).stderr, "");
}

#[test]
fn a_certificate_comes_over_http() {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/v1/cert.pem", listener.local_addr().unwrap());
    let pem = std::fs::read(key("test-only-2048.crt.pem")).unwrap();
    let served = pem.clone();
    std::thread::spawn(move || {
        for status in ["200 OK", "200 OK", "404 Not Found"] {
            let (mut stream, _) = listener.accept().unwrap();
            _ = stream.read(&mut [0; 4096]);
            _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", served.len());
            _ = stream.write_all(&served);
        }
    });
    let folder = folder();
    let fetched = run(folder.path(), &["--fetch-cert", "--cert", &url], "");
    assert_eq!((fetched.code, fetched.stdout.as_bytes()), (0, pem.as_slice()), "{}", fetched.stderr);
    let sealed = run(folder.path(), &["--cert", &url, "--raw", "--scope", "cluster-wide"], "v");
    assert_eq!(sealed.code, 0, "{}", sealed.stderr);
    let missing = run(folder.path(), &["--cert", &url], "");
    assert_eq!(
        (missing.code, missing.stderr),
        (1, format!("error: cannot fetch \"{url}\": the server answered 404 Not Found\n"))
    );
}

//! Certificates, `--raw`, and where results go.

use super::{SECRET, case, check, seal};

const NO_CLUSTER: &str = "error: invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable\nhint: name a kubeconfig with --kubeconfig or KUBECONFIG\n";
const NO_CERTIFICATE: &str = "error: invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable\nhint: name a kubeconfig with --kubeconfig or KUBECONFIG\nhint: to seal without the cluster: --cert FILE or --cert URL, SEALED_SECRETS_CERT, or .hecate-seal.yaml\n";

#[test]
fn certificates() {
    check(vec![
        case("--cert nope").stdin(SECRET),
        case("--cert nope --raw --name n").stdin("x"),
        case("--cert cert.pem?x=y").stdin(SECRET),
        case("--cert a?b.pem").file("a?b.pem", std::fs::read(crate::support::key("test-only-2048.crt.pem")).unwrap()).stdin(SECRET),
        case("--cert 'a b.pem'").file("a b.pem", std::fs::read(crate::support::key("test-only-2048.crt.pem")).unwrap()).stdin(SECRET),
        case("--cert c:cert.pem").stdin(SECRET),
        case("--cert folder").stdin(SECRET),
        case("--cert key.pem").stdin(SECRET).wording("ours names what is in the file", "error: data does not contain any valid RSA or ECDSA certificates: no certificate found: the input holds RSA PRIVATE KEY (key.pem)\n"),
        case("--cert secret.yaml").stdin(SECRET).wording("ours names the file", "error: data does not contain any valid RSA or ECDSA certificates: no certificate found: there is no PEM block (-----BEGIN …-----) in the input (secret.yaml)\n"),
        case("--cert ec.pem").stdin(SECRET).wording("there the numbers of the key are printed", "error: expected RSA public key but found an elliptic-curve key (ec.pem)\n"),
        case("--cert expired.pem").stdin(SECRET),
        case("--cert expired.pem --fetch-cert"),
        case("--cert future.pem").stdin(SECRET).wording("ours warns", "warning: future.pem: the certificate is not valid yet; is the clock right?\n"),
        case("--cert bundle.pem").stdin(SECRET),
        case("--cert big.pem").stdin(SECRET),
        case("--cert small.pem").stdin(SECRET).differs("keys below 2048 bits are too weak", 1, "error: small.pem: an RSA key of 1024 bits is not supported: it must have 2048 to 8192 bits (shorter ones are too weak to keep a secret)\n"),
        case("--cert cert.pem --fetch-cert"),
        case("--cert secret.yaml --fetch-cert"),
        case("--cert nope --fetch-cert"),
        case("--cert cert.pem --fetch-cert -o yaml -f secret.yaml"),
        case("--cert file:///nope/cert.pem").stdin(SECRET).wording("the system's reason instead of an HTTP status", "error: cannot fetch \"file:///nope/cert.pem\": no such file or directory\n"),
        case("--cert foo:bar").stdin(SECRET),
        case("--cert ftp://localhost/x").stdin(SECRET),
        case("--cert a%zz").stdin(SECRET).wording("ours takes it for a file name", "error: open a%zz: no such file or directory\n"),
        case("--cert 1a:b").stdin(SECRET).wording("ours takes it for a file name", "error: open 1a:b: no such file or directory\n"),
        case("").stdin(SECRET).wording("ours has hints", NO_CERTIFICATE),
        case("--fetch-cert").wording("ours has hints", NO_CLUSTER),
        case("--validate").stdin(SECRET).wording("ours has hints", NO_CLUSTER),
        case("--re-encrypt").stdin(SECRET).wording("ours has hints", NO_CLUSTER),
        case("--rotate").stdin(SECRET).wording("ours has hints", NO_CLUSTER),
        case("--re-encrypt -f secret.yaml").wording("ours has hints", NO_CLUSTER),
        case("--validate -f secret.yaml -w out").wording("ours has hints", NO_CLUSTER),
    ]);
}

#[test]
fn one_raw_value() {
    check(vec![
        seal("--raw --name n -n x").stdin("value"),
        seal("--raw --name n -n x").stdin("value\n"),
        seal("--raw --name n -n x").stdin(""),
        seal("--raw --name n -n x").stdin(b"\xff\x00\xfe"),
        seal("--raw --name n -n ns/x").stdin("value"),
        seal("--raw --name n -n x -o yaml").stdin("value"),
        seal("--raw --name n -n x -o nonsense").stdin("value"),
        seal("--raw --scope namespace-wide -n x").stdin("value"),
        seal("--raw --scope cluster-wide").stdin("value"),
        seal("--raw --scope cluster-wide -w out").stdin("value"),
        seal("--raw --scope cluster-wide -w out.yaml").stdin("value"),
        seal("--raw -n x").stdin("value"),
        seal("--raw --name n -n x --from-file value").file("value", "from a file\n"),
        seal("--raw --name n -n x --from-file key=value").file("value", "from a file\n"),
        seal("--raw --name n -n x --from-file key=a=b").file("a=b", "from a file\n"),
        seal("--raw --name n -n x --from-file /dev/stdin").stdin("value"),
        seal("--raw --name n -n x --from-file key=/dev/stdin").stdin("value"),
        seal("--raw --name n -n x --from-file a,b"),
        seal("--raw --name n -n x --from-file a --from-file b"),
        seal("--raw --name n -n x --from-file nope"),
        seal("--raw --name n -n x --from-file k=folder"),
        seal("--raw --name n -n x -f secret.yaml").stdin("value"),
        seal("--from-file a"),
        case("--from-file a --cert nope"),
        seal("--raw --name n --kubeconfig kubeconfig").stdin("value"),
        seal("--raw --name n").env("KUBECONFIG", "kubeconfig").stdin("value"),
        seal("--raw --name n").env("KUBECONFIG", "nope:kubeconfig").stdin("value"),
        seal("--raw --name n --server http://x").stdin("value"),
        seal("--raw").env("KUBECONFIG", "kubeconfig").stdin("value"),
        case("--cert expired.pem --raw --name n -n x").stdin("value"),
        case("--cert big.pem --raw --name n -n x").stdin("value"),
        case("--cert bundle.pem --raw --name n -n x").stdin("value"),
    ]);
}

#[test]
fn output_files() {
    check(vec![
        seal("-w out.json").stdin(SECRET),
        seal("-w out.yaml").stdin(SECRET),
        seal("-w out.yml -o json").stdin(SECRET),
        seal("-w out.YAML").stdin(SECRET),
        seal("-w out.json -o yaml").stdin(SECRET),
        seal("-w out").stdin(SECRET),
        case("--cert cert.pem --fetch-cert -w out").stdin(""),
        seal("-o xml").stdin(SECRET),
        seal("-o xml -w out.yaml").stdin(SECRET),
        seal("-w folder").stdin(SECRET).differs(
            "there the result is lost in silence",
            1,
            "error: cannot write folder: it is a directory\n",
        ),
        seal("-w nope/out").stdin(SECRET).wording(
            "there the name of a temporary file is shown",
            "error: cannot write nope/out: there is no directory FOLDER/nope\nhint: create it first: mkdir -p FOLDER/nope\n",
        ),
        seal("-w out.json").stdin(SECRET).file("out.json", "old").differs("a file that is there keeps its mode", 0, ""),
        seal("-w out.json").stdin("kind: Secret").file("out.json", "old"),
        case("--cert nope -w out.json").stdin(SECRET).file("out.json", "old"),
    ]);
}

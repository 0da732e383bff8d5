//! The command line itself: flags, shorthands, variables, precedence, usage.

use super::{NO_NAMESPACE, SECRET, case, check, seal};

#[test]
fn flags_are_read_as_pflag_reads_them() {
    check(vec![
        seal("").stdin(SECRET),
        case("--cert=cert.pem").stdin(SECRET),
        seal("-oyaml").stdin(SECRET),
        seal("-o yaml").stdin(SECRET),
        seal("-o=yaml").stdin(SECRET),
        seal("--format=YAML").stdin(SECRET),
        seal("--format Json").stdin(SECRET),
        seal("--format ''").stdin(SECRET),
        seal("-o json -o yaml").stdin(SECRET),
        seal("-f secret.yaml"),
        seal("-fsecret.yaml -oyaml"),
        seal("--secret-file secret.yaml"),
        seal("some thing else").stdin(SECRET),
        seal("-o yaml -- -o json").stdin(SECRET),
        seal("- -o yaml").stdin(SECRET),
        seal("-v=4").stdin(SECRET),
        seal("-v 4 --logtostderr=false --stderrthreshold=WARNING --vmodule a=1,b=2 --log_backtrace_at a.go:1").stdin(SECRET),
        seal("--add_dir_header --alsologtostderr --skip_headers --skip_log_headers --one_output --log_file_max_size 5").stdin(SECRET),
        seal("--raw=false").stdin(SECRET),
        seal("--allow-empty-data=T").stdin(SECRET),
        seal("--validate=0 --re-encrypt=f --recovery-unseal=FALSE").stdin(SECRET),
        seal("--as me --as-group a --as-group b --as-uid 1 --token t --user u --username n --password p --server http://x --cluster c --tls-server-name x --proxy-url http://p --request-timeout 5s --insecure-skip-tls-verify --disable-compression --certificate-authority a --client-certificate b --client-key c").stdin(SECRET),
        seal("--controller-name x --controller-namespace y").stdin(SECRET),
        seal("--rotate=false").stdin(SECRET),
        seal("--rotate=0 --re-encrypt=0 --rotate=false").stdin(SECRET),
    ]);
}

#[test]
fn a_wrong_command_line_shows_the_usage_and_ends_with_2() {
    let lines = [
        "--nope",
        "--nope=1",
        "-z",
        "-zz",
        "---x",
        "--=x",
        "-o",
        "--cert",
        "-n",
        "--scope=x",
        "--scope ' strict'",
        "--raw=maybe",
        "--v",
        "--v=x",
        "-v=99999999999",
        "--v=-1x",
        "--stderrthreshold=x",
        "--vmodule=a",
        "--vmodule=a=-1",
        "--log_backtrace_at=:0",
        "--log_backtrace_at=a.go:0",
        "--log_backtrace_at=a.go:x",
        "--from-file '\"a'",
        "--from-file 'a\"b'",
        "--from-file '\"a\"b'",
        "--recovery-private-key '\"'",
        "--version=x",
        "--help=",
        "--allow-empty-data=yes",
    ];
    let mut cases: Vec<_> = lines.iter().map(|line| case(line)).collect();
    for line in ["--log_file_max_size=-1", "--log_file_max_size=x"] {
        cases.push(case(line).differs("there the usage text forgets the default of that flag", 2, "Usage of PROGRAM:\n"));
    }
    check(cases);
}

#[test]
fn help_and_version() {
    check(vec![
        case("--help"),
        case("--help --cert nope --from-file x"),
        case("--help=false --cert nope"),
        case("").env("SEALED_SECRETS_HELP", "true"),
        case("-h").differs("newer kubeseal ends -h with 0, 0.27.1 with 2", 0, "Usage of PROGRAM:\n"),
        case("--version").differs("our own version", 0, ""),
        case("--version --help").differs("our own version", 0, ""),
        case("").env("SEALED_SECRETS_VERSION", "1").differs("our own version", 0, ""),
    ]);
}

#[test]
fn variables_set_flags_and_the_command_line_wins() {
    let bare = || case("").stdin(SECRET);
    check(vec![
        bare().env("SEALED_SECRETS_CERT", "cert.pem"),
        seal("").stdin(SECRET).env("SEALED_SECRETS_CERT", "nope"),
        seal("").stdin(SECRET).env("SEALED_SECRETS_FORMAT", "yaml"),
        seal("-o json").stdin(SECRET).env("SEALED_SECRETS_FORMAT", "yaml"),
        seal("").stdin(SECRET).env("SEALED_SECRETS_FORMAT", ""),
        seal("").env("SEALED_SECRETS_SECRET_FILE", "secret.yaml"),
        seal("").stdin(SECRET).env("SEALED_SECRETS_SCOPE", "cluster-wide"),
        seal("").stdin(SECRET).env("SEALED_SECRETS_SCOPE", "wrong"),
        seal("--scope strict").stdin(SECRET).env("SEALED_SECRETS_SCOPE", "cluster-wide"),
        seal("").stdin(SECRET).env("SEALED_SECRETS_RAW", "wrong"),
        seal("").stdin(NO_NAMESPACE).env("SEALED_SECRETS_NAMESPACE", "ns/from-env"),
        seal("-n typed").stdin(NO_NAMESPACE).env("SEALED_SECRETS_NAMESPACE", "from-env"),
        seal("").stdin(SECRET).env("SEALED_SECRETS_NAME", "renamed"),
        seal("").stdin(SECRET).env("SEALED_SECRETS_SEALED_SECRET_FILE", "out.yaml"),
        seal("").stdin(SECRET).env("SEALED_SECRETS_V", "wrong"),
        seal("").stdin(SECRET).env("SEALED_SECRETS_ROTATE", "false"),
        seal("--raw --name n -n x --from-file b").env("SEALED_SECRETS_FROM_FILE", "a").file("a", "1").file("b", "2"),
        seal("--raw --name n -n x").env("SEALED_SECRETS_FROM_FILE", "a").file("a", "1"),
        seal("--raw --name n -n x").env("SEALED_SECRETS_FROM_FILE", "\"a\"").file("a", "1"),
        seal("").stdin(SECRET).env("SEALED_SECRETS_ALLOW_EMPTY_DATA", "true"),
        case("").env("SEALED_SECRETS_CERT", "cert.pem").env("SEALED_SECRETS_FETCH_CERT", "true"),
    ]);
}

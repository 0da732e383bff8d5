//! `hecate-seal KEY [VALUE]`: where the value comes from, whose key it is sealed for, and what is refused.

use super::{Ran, Session, key_path};

/// A repository with a certificate and settings that name everything.
fn repository() -> Session {
    let session = Session::new();
    session.write("pub.pem", std::fs::read(key_path("test-only-2048.crt.pem")).unwrap());
    session.write(".hecate-seal.yaml", "certificate: pub.pem\nfile: sealed.yaml\nname: hecate-secrets\nnamespace: hecate\n");
    session
}

/// A place with nothing but a certificate in the environment.
fn nowhere() -> Session {
    Session::new().env("HECATE_SEAL_CERT", key_path("test-only-2048.crt.pem"))
}

/// The value of a key in a SealedSecret file.
fn opened(session: &Session, file: &str, key: &str) -> Vec<u8> {
    session.run(&["unseal", "-p", &key_path("test-only-2048.key.pem"), "-k", key, file]).ok().out_bytes
}

/// The value of a printed item, as it opens in `hecate/hecate-secrets`.
fn opened_item(session: &Session, printed: &str, metadata: &str) -> Vec<u8> {
    let (key, _) = printed.split_once(": ").unwrap();
    let items: String = printed.lines().map(|line| format!("    {line}\n")).collect();
    let text =
        format!("apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {metadata}\nspec:\n  encryptedData:\n{items}");
    session.write("printed.yaml", text);
    opened(session, "printed.yaml", key)
}

const STRICT: &str = "{name: app, namespace: web}";
const TARGET: [&str; 4] = ["--name", "app", "--namespace", "web"];

fn print(session: &Session, args: &[&str]) -> Ran {
    session.run(&[args, &TARGET].concat())
}

#[test]
fn the_journey_a_new_file_is_made_in_the_place_the_settings_name() {
    let session = repository();
    let ran = session.run(&["ANTHROPIC_API_KEY", "sk-ant-1"]).ok();
    assert_eq!(
        ran.err,
        "note: added ANTHROPIC_API_KEY in sealed.yaml (hecate/hecate-secrets, strict)\nhint: sealed.yaml is new: list it in your kustomization, if you use one, and commit it\n"
    );
    assert_eq!(ran.out, "");
    let text = session.read("sealed.yaml");
    let (head, rest) = text.split_once("    ANTHROPIC_API_KEY: AQ").unwrap();
    assert_eq!(
        head,
        "---\napiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: hecate-secrets\n  namespace: hecate\nspec:\n  encryptedData:\n"
    );
    let (_, tail) = rest.split_once('\n').unwrap();
    assert_eq!(tail, "  template:\n    metadata:\n      name: hecate-secrets\n      namespace: hecate\n");
    assert_eq!(opened(&session, "sealed.yaml", "ANTHROPIC_API_KEY"), b"sk-ant-1");
    assert_eq!(session.names(), [".hecate-seal.yaml", "pub.pem", "sealed.yaml"]);
}

#[test]
fn values_come_from_argument_prompt_input_file_and_environment() {
    let ran = print(&nowhere(), &["K", "a=b c"]).ok();
    assert_eq!(opened_item(&nowhere(), &ran.out, STRICT), b"a=b c");
    let ran = print(&nowhere().typing("typed"), &["K"]).ok();
    assert_eq!(opened_item(&nowhere(), &ran.out, STRICT), b"typed");
    assert!(!ran.err.contains("history"), "{}", ran.err);
    let ran = print(&nowhere().stdin(b"\xff\x00\n\n"), &["K"]).ok();
    assert_eq!(opened_item(&nowhere(), &ran.out, STRICT), b"\xff\x00\n\n");
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    let session = nowhere();
    session.write("v.bin", b"\x00\x01");
    let ran = print(&session, &["K", "--from-file", "v.bin"]).ok();
    assert_eq!(opened_item(&session, &ran.out, STRICT), b"\x00\x01");
    let ran = print(&nowhere().stdin("in"), &["K", "--from-file", "-"]).ok();
    assert_eq!(opened_item(&nowhere(), &ran.out, STRICT), b"in");
    let ran = print(&nowhere().env("K", "from env"), &["K", "--from-env"]).ok();
    assert_eq!(opened_item(&nowhere(), &ran.out, STRICT), b"from env");
    let ran = print(&nowhere().env("OTHER", "other"), &["K", "--from-env=OTHER"]).ok();
    assert_eq!(opened_item(&nowhere(), &ran.out, STRICT), b"other");
    let ran = nowhere().run(&[&TARGET[..], &["K", "--", "-dash"]].concat()).ok();
    assert_eq!(opened_item(&nowhere(), &ran.out, STRICT), b"-dash");
    let ran = print(&nowhere(), &["value", "seal", "v"]).ok();
    assert!(ran.out.starts_with("seal: AQ"), "{}", ran.out);
    let ran = print(&nowhere(), &["A=1", "B=2=3"]).ok();
    let (a, b) = ran.out.split_once('\n').unwrap();
    assert_eq!(opened_item(&nowhere(), a, STRICT), b"1");
    assert_eq!(opened_item(&nowhere(), b.trim_end(), STRICT), b"2=3");
}

#[test]
fn what_echo_adds_is_sealed_with_a_warning_or_trimmed() {
    let ran = print(&nowhere().stdin("v\n"), &["K"]).ok();
    assert!(
        ran.err.starts_with(
            "warning: the value of K ends with a line break, which is sealed with it (`echo` adds one); use `printf %s` or --trim-newline\n"
        ),
        "{}",
        ran.err
    );
    assert_eq!(opened_item(&nowhere(), &ran.out, STRICT), b"v\n");
    let ran = print(&nowhere().stdin("v\r\n"), &["K", "--trim-newline"]).ok();
    assert_eq!(opened_item(&nowhere(), &ran.out, STRICT), b"v");
    assert!(!ran.err.contains("warning"), "{}", ran.err);
}

#[test]
fn without_a_target_the_item_is_printed_with_a_way_on() {
    let ran = print(&nowhere(), &["K", "v"]).ok();
    assert!(ran.out.starts_with("K: AQ") && ran.out.ends_with("=\n") || ran.out.ends_with('\n'), "{}", ran.out);
    assert_eq!(
        ran.err,
        "note: sealed for web/app, strict; it belongs under spec.encryptedData\nhint: to have it put into a file, use --file FILE, or write a .hecate-seal.yaml with `hecate-seal init`\n"
    );
    let ran = repository().run(&["K", "v", "--print"]).ok();
    assert_eq!(ran.err, "");
    assert!(ran.out.starts_with("K: AQ"));
}

#[test]
fn a_value_on_the_command_line_is_hinted_at_once_on_a_terminal_only() {
    let hint = "hint: the value is in your shell's history now; leave it out of the command to be asked for it\n";
    let ran = print(&nowhere().terminals("2"), &["A=1", "B=2"]).ok();
    assert_eq!(ran.err.matches("history").count(), 1);
    let plain = nowhere().terminals("2").env("NO_COLOR", "1");
    assert!(print(&plain, &["K", "v"]).ok().err.ends_with(hint));
    assert!(!print(&plain, &["K", "v", "-q"]).ok().err.contains("history"));
    assert!(!print(&nowhere(), &["K", "v"]).ok().err.contains("history"));
}

#[test]
fn scope_decides_what_must_be_known_and_what_the_item_opens_under() {
    let session = nowhere();
    let missing = |what: &str, why: &str, upper: &str| {
        format!(
            "error: the {what} of the Secret is missing: {why}\nhint: say it with --{what}, HECATE_SEAL_{upper} or `{what}:` in .hecate-seal.yaml\n"
        )
    };
    session.run(&["K", "v", "--name", "app"]).fails(2, &missing("namespace", "a strict value opens only there", "NAMESPACE"));
    session.run(&["K", "v", "-n", "web"]).fails(2, &missing("name", "a strict value opens only under it", "NAME"));
    session
        .run(&["K", "v", "--scope", "namespace-wide"])
        .fails(2, &missing("namespace", "a namespace-wide value opens only there", "NAMESPACE"));
    session
        .run(&["K", "v", "--scope", "cluster-wide", "--file", "f.yaml"])
        .fails(2, &missing("name", "the new file needs one", "NAME"));
    let ran = session.run(&["K", "v", "--scope", "namespace-wide", "-n", "web"]).ok();
    let annotated = |scope: &str, rest: &str| format!("{{annotations: {{sealedsecrets.bitnami.com/{scope}: \"true\"}}, {rest}}}");
    assert_eq!(opened_item(&session, &ran.out, &annotated("namespace-wide", "name: any, namespace: web")), b"v");
    let ran = session.run(&["K", "v", "--scope", "cluster-wide"]).ok();
    assert_eq!(opened_item(&session, &ran.out, &annotated("cluster-wide", "name: any, namespace: other")), b"v");
    session
        .run(&["K", "v", "--scope", "wide"])
        .fails(2, "error: --scope is wrong\n  cause: unknown scope `wide`: use strict, namespace-wide or cluster-wide\n");
    print(&session, &["K", "v", "--scope="]).ok();
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let session = repository().env("HECATE_SEAL_NAME", "from-env").env("HECATE_SEAL_FILE", "env.yaml");
    session.run(&["K", "v", "--name", "from-flag"]).ok();
    assert!(session.read("env.yaml").contains("name: from-flag\n  namespace: hecate\n"));
    session.run(&["K", "v", "--file", "flag.yaml"]).ok();
    assert!(session.read("flag.yaml").contains("name: from-env\n"));
    let session = repository().env("HECATE_SEAL_SCOPE", "cluster-wide").env("HECATE_SEAL_NAME", "");
    session.run(&["K", "v"]).ok();
    assert!(session.read("sealed.yaml").contains("sealedsecrets.bitnami.com/cluster-wide: \"true\"\n"));
}

#[test]
fn the_directory_decides_and_paths_start_from_the_settings_file() {
    let mut session = repository();
    session.write("edge/pub.pem", std::fs::read(key_path("test-only-4096.crt.pem")).unwrap());
    let settings = session.read(".hecate-seal.yaml")
        + "targets:\n  - directory: edge\n    certificate: edge/pub.pem\n    file: edge/s.yaml\n    name: edge\n";
    session.write(".hecate-seal.yaml", settings);
    session.write("edge/deep/x", "");
    session.cwd = session.path("edge/deep");
    let ran = session.run(&["K", "v", "-v"]).ok();
    assert!(session.read("edge/s.yaml").contains("  name: edge\n  namespace: hecate\n"));
    // 4096 bits.
    assert!(session.read("edge/s.yaml").contains("K: Ag"));
    assert!(ran.err.contains(&format!("note: settings from {}\n", session.path(".hecate-seal.yaml").display())), "{}", ran.err);
    session.cwd = session.path("");
    session.run(&["-C", "edge", "L", "v", "--file", "here.yaml"]).ok();
    assert!(session.path("edge/here.yaml").exists());
    session
        .run(&["-C", "none", "L", "v"])
        .fails(2, "error: cannot use the directory none\n  cause: No such file or directory (os error 2)\n");
}

#[test]
fn wrong_settings_are_told_with_file_and_line() {
    let session = repository();
    let path = session.path(".hecate-seal.yaml");
    session.write(".hecate-seal.yaml", "certificate: pub.pem\nnamspace: hecate\n");
    session.run(&["K", "v"]).fails(
        2,
        &format!(
            "error: cannot use the settings in {}\n  cause: line 2: unknown field `namspace`, expected one of certificate, file, name, namespace, scope, targets, scan\n",
            path.display()
        ),
    );
    session.write(".hecate-seal.yaml", "certificate: pub.pem\nfile: ../outside.yaml\nname: a\nnamespace: b\n");
    session.run(&["K", "v"]).fails(
        2,
        &format!(
            "error: cannot use the settings in {}\n  cause: the file {} lies outside of the repository\nhint: a settings file may only name files of its own repository; to write elsewhere use --file\n",
            path.display(),
            session.path("../outside.yaml").display()
        ),
    );
}

#[test]
fn a_target_behind_a_link_out_of_the_repository_is_refused() {
    let mut session = repository();
    let outside = session.write("outside/sealed.yaml", "");
    for name in [".hecate-seal.yaml", "pub.pem"] {
        session.write(&format!("repo/{name}"), session.read(name));
    }
    std::os::unix::fs::symlink("../outside/sealed.yaml", session.path("repo/sealed.yaml")).unwrap();
    session.cwd = session.path("repo");
    let ran = session.run(&["K", "v"]).code(2);
    assert!(ran.err.contains("lies outside of the repository"), "{}", ran.err);
    assert_eq!(std::fs::read(&outside).unwrap(), b"");
    // Named by hand it is meant.
    session.run(&["K", "v", "--file", "sealed.yaml"]).ok();
    assert!(std::fs::read_to_string(&outside).unwrap().contains("kind: SealedSecret"));
}

#[test]
fn keys_and_values_that_must_be_a_mistake_are_refused_before_anything_is_written() {
    let session = repository();
    let fails = |args: &[&str], code: u8, err: &str| {
        session.run(args).fails(code, err);
        assert_eq!(session.names(), [".hecate-seal.yaml", "pub.pem"]);
    };
    let rule = "hint: a key has 1 to 253 letters, digits, `-`, `_` and `.`, is not `.` and does not begin with `..`\n";
    fails(&["a b", "v"], 2, &format!("error: the first word (not shown: it may be secret) is not a valid Secret key\n{rule}"));
    fails(&["a/b", "v"], 2, &format!("error: `a/b` is not a valid Secret key\n{rule}"));
    fails(&["..", "v"], 2, &format!("error: `..` is not a valid Secret key\n{rule}"));
    fails(&["", "v"], 2, &format!("error: `` is not a valid Secret key\n{rule}"));
    fails(&["K", ""], 1, "error: the value of K is empty\nhint: use --allow-empty if it is meant to be\n");
    fails(&["K"], 1, "error: the value of K is empty\nhint: use --allow-empty if it is meant to be\n");
    fails(&["K", "--from-env"], 1, "error: the environment variable K is not set\n");
    fails(
        &["K", "--from-file", "none"],
        1,
        "error: cannot read the value of K\n  cause: none\n  cause: No such file or directory (os error 2)\n",
    );
    fails(
        &["K", "--from-file", "."],
        1,
        "error: cannot read the value of K\n  cause: .\n  cause: it is a directory, not a file\n",
    );
    fails(
        &["K", "v", "--name", "Bad_Name"],
        2,
        "error: `Bad_Name` is not a valid Secret name\nhint: a name has up to 253 lower-case letters, digits, `-` and `.`, and begins and ends with a letter or digit\n",
    );
    fails(
        &["K", "v", "-n", "a.b"],
        2,
        "error: `a.b` is not a valid namespace\nhint: a namespace has up to 63 lower-case letters, digits and `-`, and begins and ends with a letter or digit\n",
    );
    fails(&["A=1", "A=2"], 2, "error: the key `A` is given twice\n");
    fails(
        &["unsael", "file.yaml"],
        2,
        "error: there is no command `unsael`; did you mean `unseal`?\nhint: for a key of that name: hecate-seal value unsael\n",
    );
    let big = vec![b'x'; (1 << 20) + 1];
    repository()
        .stdin(big)
        .run(&["K"])
        .fails(1, "error: cannot read the value of K\n  cause: standard input\n  cause: it is larger than 1 MiB\n");
    session.run(&["K", "--allow-empty"]).ok();
    assert_eq!(opened(&session, "sealed.yaml", "K"), b"");
}

#[test]
fn a_value_that_looks_sealed_is_refused_unless_forced() {
    let session = repository();
    let sealed = session.run(&["K", "v", "--print"]).ok().out;
    let value = sealed.trim_end().strip_prefix("K: ").unwrap();
    let refused = "error: the value of L looks sealed already\nhint: give the plain value; use --force to seal it once more\n";
    session.run(&["L", value]).fails(1, refused);
    repository().stdin(format!("{value}\n")).run(&["L"]).fails(1, refused);
    session.run(&["L", value, "--force"]).ok();
    assert_eq!(opened(&session, "sealed.yaml", "L"), value.as_bytes());
}

#[test]
fn a_new_file_can_be_json_and_comments_of_an_empty_one_stay() {
    let session = repository();
    session.run(&["K", "v", "--file", "s.json"]).ok();
    assert!(session.read("s.json").starts_with("{\n  \"kind\": \"SealedSecret\",\n"));
    assert_eq!(opened(&session, "s.json", "K"), b"v");
    session.write("sealed.yaml", "# our secrets, no newline at the end");
    session.run(&["K", "v"]).ok();
    assert!(session.read("sealed.yaml").starts_with("# our secrets, no newline at the end\n---\napiVersion: "));
}

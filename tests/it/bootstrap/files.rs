//! Targets in git: SealedSecret files and OnePasswordItems, through the command line.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;

use serde_json::Value;

use crate::cli::{Ran, Session, key_path};

/// hecate-secrets sealed into git, with provider keys from the environment.
fn hecate() -> String {
    format!(
        "apiVersion: hecate.social/v1alpha1
kind: Bootstrap
spec:
  secrets:
    - name: hecate-secrets
      namespace: hecate
      target: {{ sealedSecret: {{ path: sealed.yaml, cert: {}, scope: strict }} }}
      restart: [DaemonSet/hecate-daemon]
      reload: {{ post: 'http://localhost:4444/api/llm/providers/reload', perNode: true }}
      keys:
        ANTHROPIC_API_KEY: {{ env: {{ names: [ANTHROPIC_API_KEY], required: never }} }}
        OPENAI_API_KEY: {{ env: {{ names: [OPENAI_API_KEY], required: never }} }}
        GOOGLE_API_KEY: {{ env: {{ names: [GOOGLE_API_KEY, GEMINI_API_KEY], required: never }} }}
",
        key_path("test-only-2048.crt.pem")
    )
}

fn session(text: &str) -> Session {
    let session = Session::new();
    session.write("bootstrap.yaml", text);
    session
}

fn opened(session: &Session, file: &str, key: &str) -> Ran {
    session.run(&["unseal", "-p", &key_path("test-only-2048.key.pem"), "-k", key, file])
}

fn bootstrap(session: &Session, args: &[&str]) -> Ran {
    let words: Vec<&str> = std::iter::once("bootstrap").chain(args.iter().copied()).collect();
    session.run(&words)
}

#[test]
fn provider_keys_are_sealed_into_git_and_never_taken_away() {
    let session = session(&hecate());
    // None is set: nothing to do, and no file.
    let plan = bootstrap(&session, &["plan"]).ok();
    assert!(plan.out.contains("hecate/hecate-secrets (sealed.yaml): skip"), "{}", plan.out);
    bootstrap(&session, &["apply"]).ok();
    assert_eq!(session.names(), ["bootstrap.yaml"]);

    // Google's key by its other name.
    let session = session.env("GEMINI_API_KEY", "g-1").env("ANTHROPIC_API_KEY", "a-1");
    let plan = bootstrap(&session, &["plan"]).code(2);
    assert!(plan.out.contains("+ GOOGLE_API_KEY  from GEMINI_API_KEY"), "{}", plan.out);
    let json: Value = serde_json::from_str(&bootstrap(&session, &["plan", "-o", "json"]).code(2).out).unwrap();
    assert_eq!(json["secrets"][0]["action"], "create");
    bootstrap(&session, &["apply"]).ok();
    assert_eq!(opened(&session, "sealed.yaml", "GOOGLE_API_KEY").ok().out, "g-1");
    assert_eq!(opened(&session, "sealed.yaml", "ANTHROPIC_API_KEY").ok().out, "a-1");

    // A second run writes nothing at all.
    let meta = || std::fs::metadata(session.path("sealed.yaml")).unwrap();
    let before = (meta().ino(), session.read("sealed.yaml"));
    let again = bootstrap(&session, &["apply"]).ok();
    assert!(again.err.contains("nothing was written"), "{}", again.err);
    assert_eq!((meta().ino(), session.read("sealed.yaml")), before);
    bootstrap(&session, &["plan"]).ok();
}

#[test]
fn only_the_new_key_is_sealed_and_every_other_byte_stays() {
    let session = session(&hecate()).env("ANTHROPIC_API_KEY", "a-1");
    bootstrap(&session, &["apply"]).ok();
    let commented =
        format!("# kept\n{}", session.read("sealed.yaml").replace("kind: SealedSecret", "kind: SealedSecret # this too"));
    session.write("sealed.yaml", &commented);
    let session = session.env("OPENAI_API_KEY", "o-1");
    let ran = bootstrap(&session, &["apply"]).ok();
    assert!(ran.out.contains("changed hecate/hecate-secrets (sealed.yaml): OPENAI_API_KEY"), "{}", ran.out);
    assert!(ran.err.contains("kubectl rollout restart daemonset/hecate-daemon -n hecate"), "{}", ran.err);
    assert!(ran.err.contains("providers/reload"), "{}", ran.err);
    let after = session.read("sealed.yaml");
    let kept: Vec<&str> = after.lines().filter(|line| !line.contains("OPENAI_API_KEY")).collect();
    assert_eq!(kept, commented.lines().collect::<Vec<_>>());
    assert_eq!(opened(&session, "sealed.yaml", "OPENAI_API_KEY").ok().out, "o-1");
    // Asked for by name, inputs replace what is there; --only another one is not touched.
    let session = session.env("ANTHROPIC_API_KEY", "a-2");
    bootstrap(&session, &["apply", "--from-inputs", "hecate-secrets"]).ok();
    assert_eq!(opened(&session, "sealed.yaml", "ANTHROPIC_API_KEY").ok().out, "a-2");
}

#[test]
fn several_secrets_share_a_file_and_rotation_keeps_the_sealed_old_value() {
    let text = hecate()
        + &format!(
            "    - name: app\n      namespace: web\n      keepPrevious: true\n      target: {{ sealedSecret: {{ path: sealed.yaml, cert: {} }} }}\n      keys:\n        PW: {{ password: {{}} }}\n        H: {{ bcrypt: {{ from: PW, cost: 4 }} }}\n",
            key_path("test-only-2048.crt.pem")
        );
    let session = session(&text).env("OPENAI_API_KEY", "o");
    bootstrap(&session, &["apply"]).ok();
    session.run(&["verify", "-p", &key_path("test-only-2048.key.pem"), "sealed.yaml"]).ok();
    let value = |key: &str| {
        let text = session.read("sealed.yaml");
        session.write("one.yaml", text.split("\n---\n").find(|part| part.contains("name: app")).unwrap());
        opened(&session, "one.yaml", key).ok().out
    };
    let old = value("PW");
    bootstrap(&session, &["rotate", "web/app"]).ok();
    assert_ne!(value("PW"), old);
    assert_eq!(value("PW_PREVIOUS"), old);
    assert_eq!(hecate_seal::crypto::password::verify_bcrypt(value("PW").as_bytes(), &value("H")), Some(true));
    bootstrap(&session, &["plan"]).ok();
    // The hash alone cannot be made from a sealed password.
    let without = session.read("sealed.yaml").lines().filter(|line| !line.starts_with("    H: ")).collect::<Vec<_>>().join("\n");
    session.write("sealed.yaml", without + "\n");
    let plan = bootstrap(&session, &["plan"]).code(1);
    assert!(plan.err.contains("[source-opaque]") && plan.err.contains("--read-from-cluster"), "{}", plan.err);
}

#[test]
fn case_23_files_that_must_not_be_written_are_refused() {
    // A plain Secret in the file.
    let plain = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\nstringData: {P: Canary}\n";
    let with = session(&hecate()).env("OPENAI_API_KEY", "o");
    with.write("sealed.yaml", plain);
    let ran = bootstrap(&with, &["apply"]).code(1);
    assert!(ran.err.contains("this is a plain Secret") && !ran.err.contains("Canary"), "{}", ran.err);
    assert_eq!(with.read("sealed.yaml"), plain);

    // Outside of the repository, directly and through a link.
    let outside = Session::new();
    let session = session(&hecate().replace("path: sealed.yaml", &format!("path: {}", outside.path("s.yaml").display())))
        .env("OPENAI_API_KEY", "o");
    assert!(bootstrap(&session, &["apply"]).code(1).err.contains("outside of the repository"));
    session.write("bootstrap.yaml", hecate().replace("path: sealed.yaml", "path: link/s.yaml"));
    symlink(outside.path("."), session.path("link")).unwrap();
    assert!(bootstrap(&session, &["apply"]).code(1).err.contains("outside of the repository"));
    assert!(outside.names().is_empty());

    // Changes that are not committed.
    session.write("bootstrap.yaml", hecate());
    bootstrap(&session, &["apply"]).ok();
    let git = |args: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=main"]).args(args);
        assert!(git.current_dir(session.path("")).output().unwrap().status.success(), "{args:?}");
    };
    git(&["init", "-q"]);
    git(&["add", "sealed.yaml"]);
    git(&["commit", "-qm", "one"]);
    let session = session.env("ANTHROPIC_API_KEY", "a");
    session.write("sealed.yaml", session.read("sealed.yaml") + "# mine\n");
    let before = session.read("sealed.yaml");
    assert!(bootstrap(&session, &["apply"]).code(1).err.contains("not committed"));
    assert_eq!(session.read("sealed.yaml"), before);
    bootstrap(&session, &["apply", "--allow-dirty"]).ok();
    assert!(session.read("sealed.yaml").contains("# mine") && session.read("sealed.yaml").contains("ANTHROPIC_API_KEY"));
}

#[test]
fn case_24_a_certificate_that_cannot_be_used_stops_before_any_file() {
    for bad in ["test-only-expired.crt.pem", "test-only-not-yet-valid.crt.pem", "test-only-ec.crt.pem", "test-only-2048.key.pem"]
    {
        let text = hecate().replace("test-only-2048.crt.pem", bad);
        let other = text.clone() + "  onepassword:\n    - { name: o, namespace: web, vault: V, item: I, path: item.yaml }\n";
        let session = session(&other).env("OPENAI_API_KEY", "o");
        bootstrap(&session, &["apply"]).code(1);
        assert_eq!(session.names(), ["bootstrap.yaml"], "{bad}");
    }
    let session =
        session(&hecate().replace(&format!(", cert: {}", key_path("test-only-2048.crt.pem")), "")).env("OPENAI_API_KEY", "o");
    assert!(bootstrap(&session, &["apply"]).code(1).err.contains("no certificate"));
    let fetched = hecate().replace(&key_path("test-only-2048.crt.pem"), "https://127.0.0.1:1/cert.pem");
    session.write("bootstrap.yaml", fetched);
    bootstrap(&session, &["apply"]).code(1);
    assert_eq!(session.names(), ["bootstrap.yaml"]);
}

#[test]
fn onepassword_items_are_written_once_and_differences_reported() {
    let text = "apiVersion: hecate.social/v1alpha1\nkind: Bootstrap\nspec:\n  onepassword:\n    - { name: litellm-api-keys, namespace: default, vault: Development, item: Google AI Studio, expectKeys: [credential], path: item.yaml }\n";
    let session = session(text);
    bootstrap(&session, &["plan"]).code(2);
    bootstrap(&session, &["apply"]).ok();
    assert_eq!(
        session.read("item.yaml"),
        "---\napiVersion: onepassword.com/v1\nkind: OnePasswordItem\nmetadata:\n  name: litellm-api-keys\n  namespace: default\n\
         spec:\n  itemPath: vaults/Development/items/Google AI Studio\n"
    );
    bootstrap(&session, &["plan"]).ok();
    session.write("bootstrap.yaml", text.replace("Google AI Studio", "OpenRouter"));
    let plan = bootstrap(&session, &["plan"]).ok();
    assert!(plan.out.contains("differs, not written") && plan.out.contains("items/OpenRouter"), "{}", plan.out);
    bootstrap(&session, &["status"]).code(1);
}

#[test]
fn what_is_wrong_with_a_file_has_its_line() {
    let broken = session(&hecate().replace("names: [OPENAI_API_KEY]", "name: OPENAI_API_KEY"));
    bootstrap(&broken, &["plan"]).code(1);
    let ran = bootstrap(&broken, &["apply"]).code(1);
    assert!(ran.err.contains("bootstrap.yaml: line 12: "), "{}", ran.err);
    let unknown = session(&hecate().replace("[ANTHROPIC_API_KEY]", "[]"));
    let ran = bootstrap(&unknown, &["lint"]).code(1);
    assert!(ran.out.contains("error: bootstrap.yaml: line 11: hecate/hecate-secrets/ANTHROPIC_API_KEY"), "{}", ran.out);
    let none = Session::new();
    assert!(bootstrap(&none, &["plan"]).code(1).err.contains("-f FILE"));
    let good = session(&hecate());
    bootstrap(&good, &["apply", "--only", "other"]).code(2);
    bootstrap(&good, &["rotate", "hecate-secrets"]).code(2);
    bootstrap(&good, &["lint"]).ok();
}

#[test]
fn no_value_shows_in_any_output_and_files_of_inputs_are_closed_to_others() {
    const CANARY: &str = "Canary-7f3a/Zq9+value";
    let text = hecate()
        + "        T: { template: 'x://u:{{ OPENAI_API_KEY }}@h' }\n        F: { file: { path: input } }\n        S: { stdin: { trim: true } }\n        P: { env: { names: [P], pattern: '[a-z]+' } }\n";
    let session = session(&text).env("OPENAI_API_KEY", CANARY).env("P", CANARY).stdin(CANARY);
    session.write("input", CANARY);
    std::fs::set_permissions(session.path("input"), PermissionsExt::from_mode(0o644)).unwrap();
    let mut shown = String::new();
    for args in [
        &["plan", "-v"][..],
        &["apply", "-v"],
        &["plan", "-v", "-o", "json"],
        &["status", "-v"],
        &["status", "-o", "json"],
        &["lint", "--live", "-v"],
        &["apply", "--dry-run", "-v"],
    ] {
        let ran = bootstrap(&session, args);
        shown += &format!("{args:?}\n{}{}", ran.out, ran.err);
    }
    assert!(shown.contains("does not match"), "the pattern is checked:\n{shown}");
    assert!(shown.contains("input can be read by others"), "{shown}");
    let session = session.env("P", "abc");
    let ran = bootstrap(&session, &["apply", "-v"]).ok();
    shown += &format!("{}{}", ran.out, ran.err);
    for key in ["OPENAI_API_KEY", "F", "S"] {
        assert_eq!(opened(&session, "sealed.yaml", key).ok().out, CANARY);
    }
    for trace in [CANARY, "Canary", "7f3a", "Zq9", "Q2FuYXJ5"] {
        assert!(!shown.contains(trace), "{shown}");
    }
    assert_eq!(session.names(), ["bootstrap.yaml", "input", "sealed.yaml"], "nothing temporary is left");
}

/// Two Secrets in files of their own, the second made from the first; the first keeps its old value when it is rotated.
fn chained(second: &str) -> String {
    let cert = key_path("test-only-2048.crt.pem");
    format!(
        "apiVersion: hecate.social/v1alpha1
kind: Bootstrap
spec:
  secrets:
    - name: a
      namespace: web
      target: {{ sealedSecret: {{ path: a.yaml, cert: {cert} }} }}
      keys: {{ PW: {{ password: {{}} }} }}
    - name: b
      namespace: web
      target: {{ sealedSecret: {{ path: {second}, cert: {cert} }} }}
      keys: {{ URL: {{ template: 'x://{{{{ a/PW }}}}@h' }} }}
"
    )
}

#[test]
fn folders_of_new_files_are_made_also_in_a_repository() {
    let session = session(&chained("clusters/one/b.yaml"));
    let git = Command::new("git").args(["init", "-q"]).current_dir(session.path("")).status().unwrap();
    assert!(git.success());
    bootstrap(&session, &["apply"]).ok();
    let password = opened(&session, "a.yaml", "PW").ok().out;
    assert_eq!(opened(&session, "clusters/one/b.yaml", "URL").ok().out, format!("x://{password}@h"));
}

#[test]
fn a_file_that_cannot_be_written_is_found_before_the_first_write() {
    let session = session(&chained("b.yaml"));
    bootstrap(&session, &["apply"]).ok();
    let before = (session.read("a.yaml"), session.read("b.yaml"));
    std::fs::set_permissions(session.path("b.yaml"), PermissionsExt::from_mode(0o444)).unwrap();
    let ran = bootstrap(&session, &["rotate", "a", "--keep-previous"]).code(1);
    assert!(ran.err.contains("cannot write b.yaml") && ran.err.contains("read-only"), "{}", ran.err);
    assert_eq!((session.read("a.yaml"), session.read("b.yaml")), before);
    // The same where the folder of a new file cannot be made.
    session.write("bootstrap.yaml", chained("a.yaml/b.yaml"));
    std::fs::remove_file(session.path("a.yaml")).unwrap();
    session.write("a.yaml", "");
    bootstrap(&session, &["apply"]).code(1);
    assert_eq!(session.read("a.yaml"), "");
}

#[test]
fn a_rotation_that_is_gone_on_with_keeps_the_value_from_before_it() {
    let session = session(&chained("b.yaml"));
    bootstrap(&session, &["apply"]).ok();
    let first = opened(&session, "a.yaml", "PW").ok().out;
    bootstrap(&session, &["rotate", "a", "--keep-previous"]).ok();
    let second = opened(&session, "a.yaml", "PW").ok().out;
    assert_eq!(opened(&session, "a.yaml", "PW_PREVIOUS").ok().out, first);
    bootstrap(&session, &["rotate", "--resume", "a/PW"]).ok();
    let third = opened(&session, "a.yaml", "PW").ok().out;
    assert!(third != first && third != second);
    assert_eq!(opened(&session, "a.yaml", "PW_PREVIOUS").ok().out, first);
    assert_eq!(opened(&session, "b.yaml", "URL").ok().out, format!("x://{third}@h"));
    bootstrap(&session, &["rotate", "--resume", "--keep-previous", "a/PW"]).code(2);
    // What follows from a value cannot be left out.
    let before = (session.read("a.yaml"), session.read("b.yaml"));
    let ran = bootstrap(&session, &["rotate", "a/PW", "--only", "a"]).code(2);
    assert!(ran.err.contains("changes web/b too"), "{}", ran.err);
    assert_eq!((session.read("a.yaml"), session.read("b.yaml")), before);
}

/// What somebody else puts into the file after it was read for the plan stays, also when it is a key of the plan itself.
#[test]
fn a_value_that_comes_into_the_file_while_the_run_plans_is_kept() {
    let cert = key_path("test-only-2048.crt.pem");
    let text = chained("b.yaml")
        .replace("keys: { PW: { password: {} } }", "keys: { PW: { password: {} }, F: { file: { path: pipe } } }");
    let session = session(&text[..text.find("    - name: b").unwrap()]);
    let pipe = session.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Opening waits for the reader: the run has read its targets by then.
            let mut write = std::fs::File::options().write(true).open(&pipe).unwrap();
            let file = session.path("a.yaml").display().to_string();
            let args = ["PW", "--file", &file, "--name", "a", "--namespace", "web", "--cert", &cert];
            Session::new().stdin("mine").run(&args).ok();
            // The plan that is made again reads the file itself.
            std::fs::rename(&pipe, session.path("pipe.old")).unwrap();
            session.write("pipe", "input");
            std::io::Write::write_all(&mut write, b"input").unwrap();
        });
        bootstrap(&session, &["apply"]).ok();
    });
    assert_eq!(opened(&session, "a.yaml", "PW").ok().out, "mine");
    assert_eq!(opened(&session, "a.yaml", "F").ok().out, "input");
}

#[test]
fn items_of_one_name_in_two_namespaces_are_two() {
    let item = |namespace: &str, id: &str| {
        format!("    - {{ name: a, namespace: {namespace}, vault: V, item: {id}, path: item.yaml }}\n")
    };
    let text = format!(
        "apiVersion: hecate.social/v1alpha1\nkind: Bootstrap\nspec:\n  onepassword:\n{}{}",
        item("one", "I1"),
        item("two", "I2")
    );
    let session = session(&text);
    bootstrap(&session, &["apply"]).ok();
    let written = session.read("item.yaml");
    assert_eq!(written.matches("kind: OnePasswordItem").count(), 2, "{written}");
    let plan = bootstrap(&session, &["plan"]).ok();
    assert!(!plan.out.contains("differs"), "{}", plan.out);
    bootstrap(&session, &["apply"]).ok();
    assert_eq!(session.read("item.yaml"), written);
}

//! `scan`: what it finds in trees and in git's index, what it says, and that it never says a value.

use std::process::Command;

use proptest::prelude::*;

use super::{SECRET, Session};
use crate::support::root;

/// Runs git in the session's folder, without the configuration of whoever runs the tests.
fn git(session: &Session, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"])
        .args(args)
        .current_dir(session.path("."))
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", session.path("."))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "git {args:?}: {said}");
    said
}

const RULES: &str = "creation_rules:\n  - path_regex: secrets/.*\\.yaml$\n    age: age1x\n";

#[test]
fn findings_name_file_line_object_and_key_and_the_next_step() {
    let session = Session::new();
    session.write("clusters/a b/secret.yaml", SECRET);
    session.write("clusters/plain.yaml", "kind: ConfigMap\ndata: {a: b}\n");
    session.write(".sops.yaml", RULES);
    session.write("secrets/values.yaml", "db:\n  password: hunter2\n");
    session.write("chart/secret.yaml", "kind: Secret\nname: {{ .x }}\n{{- if .y }}\ndata: {}\n{{- end }}\n");
    session.write("id_key", format!("-----BEGIN PRIVATE KEY-----\n{}\n", "MIIB".repeat(16)));
    session.write(".gitignore", "out/\n");
    session.write("out/secret.yaml", SECRET);
    session.write("logo.png", b"\x89PNG\0-----BEGIN PRIVATE KEY-----");
    let ran = session.run(&["scan"]).code(1);
    let expected = "\
clusters/a b/secret.yaml:8: error: web/app: PASSWORD: a value of a Secret in plain text
clusters/a b/secret.yaml:9: error: web/app: USER: a value of a Secret in plain text
  next: hecate-seal seal 'clusters/a b/secret.yaml' -o 'clusters/a b/sealed-secret.yaml' && rm 'clusters/a b/secret.yaml'
id_key:1: error: a PEM private key
  next: keep it outside of the repository; if it was ever pushed, replace the key
secrets/values.yaml:2: error: db.password: creation rule 1 of .sops.yaml covers it, and it is not encrypted
  next: sops encrypt --in-place secrets/values.yaml
";
    assert_eq!(ran.out, expected);
    let err = "note: chart/secret.yaml: line 1: it is a template: only clear values of its Secret are found\n\
               note: 8 files: 4 findings\n\
               hint: a value that was ever pushed counts as known: change it where it is used, then seal the new one\n";
    assert_eq!(ran.err, err);
    let json: serde_json::Value =
        serde_json::from_str(&session.run(&["-q", "scan", "-o", "json", "clusters"]).code(1).out).unwrap();
    assert_eq!(json["files"], 2);
    assert_eq!(
        json["findings"][0],
        serde_json::json!({
            "kind": "plaintext-secret", "file": "clusters/a b/secret.yaml", "line": 8, "object": "web/app", "key": "PASSWORD",
            "message": "a value of a Secret in plain text",
            "next": "hecate-seal seal 'clusters/a b/secret.yaml' -o 'clusters/a b/sealed-secret.yaml' && rm 'clusters/a b/secret.yaml'",
        })
    );
    session.run(&["scan", "clusters/plain.yaml", "chart"]).ok();
    let ran = session.run(&["scan", "none"]).code(1);
    assert!(ran.err.starts_with("error: cannot look through none\n"), "{}", ran.err);
}

#[test]
fn no_file_name_drives_the_terminal_or_becomes_an_option() {
    let session = Session::new();
    session.write("x\u{1b}]0;pwn\u{7}.yaml", SECRET);
    session.write("y\n::error::z.yaml", SECRET);
    session.write("-rf.yaml", SECRET);
    session.write("broken\u{202e}.yaml", "kind: Secret\ndata: [\n");
    session.write("big\u{1b}[2J.yaml", "kind: Secret\ndata:\n{{- if }}\n  a: {{ b }}\n{{- end }}\n");
    let ran = session.run(&["scan"]).code(1);
    for text in [&ran.out, &ran.err] {
        assert!(!text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{text:?}");
        let forged = |line: &str| line.trim_start().starts_with("::") || line.starts_with("pwn");
        assert!(!text.lines().any(forged), "{text}");
    }
    assert!(ran.out.contains("  next: hecate-seal seal ./-rf.yaml -o sealed--rf.yaml && rm ./-rf.yaml\n"), "{}", ran.out);
    assert_eq!(ran.out.matches("  next: rename the file: ").count(), 3, "{}", ran.out);
}

#[test]
fn every_text_file_is_looked_at_for_secrets() {
    let session = Session::new();
    let names = ["noext", "s.txt", "secret.yaml.bak", "secret.yaml.j2", "s.tpl"];
    names.iter().for_each(|name| _ = session.write(name, SECRET));
    session.write("README.md", SECRET);
    for paths in [&[][..], &names[..]] {
        let ran = session.run(&[&["scan"], paths].concat()).code(1);
        for name in names {
            assert!(ran.out.contains(&format!("{name}:8: error: web/app: PASSWORD: ")), "{name}: {}", ran.out);
        }
        assert!(!ran.out.contains("README"), "{}", ran.out);
    }
    let chart = "{{- if .x }}\nkind: Secret\ndata:\n  A: {{ \"Zq9vCANARY\" | b64enc }}\n  B: {{ .b }}\n{{- end }}\n";
    session.write("chart/s.yaml", chart);
    let ran = session.run(&["scan", "chart"]).code(1);
    let expected = "chart/s.yaml:4: error: A: a value of a Secret in plain text, in a template or a script\n  \
                    next: seal it instead (`hecate-seal KEY`) and take the literal out\n";
    assert_eq!(ran.out, expected);
    session.write("chart/s.yaml", chart.replace("data:", "data: # hecate-seal: allow (a demo)"));
    session.run(&["scan", "chart"]).ok();
}

#[test]
fn what_git_has_is_looked_at_whatever_gitignore_says() {
    let session = Session::new();
    session.write(".gitignore", "*\n");
    session.write("proj/a.yaml", "kind: ConfigMap\n");
    session.write("proj/plain.yaml", SECRET);
    let mut inside = Session::new();
    inside.cwd = session.path("proj");
    session.run(&["scan"]).ok();
    assert!(inside.run(&["scan"]).code(1).out.starts_with("plain.yaml:8: "), "what lies above says nothing");
    git(&session, &["-C", "proj", "init", "-q"]);
    assert!(inside.run(&["scan"]).code(1).out.starts_with("plain.yaml:8: "));
    std::fs::write(inside.cwd.join(".gitignore"), "*plain*\n").unwrap();
    inside.run(&["scan"]).ok();
    git(&session, &["-C", "proj", "add", "-f", "plain.yaml"]);
    assert!(inside.run(&["scan"]).code(1).out.starts_with("plain.yaml:8: "));
    // The other commands that look through a tree do the same.
    let sealed = "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a, namespace: n}\nspec: {encryptedData: {K: AgB}}\n";
    std::fs::write(inside.cwd.join("plain.yaml"), sealed).unwrap();
    assert!(inside.run(&["verify"]).code(1).out.starts_with("plain.yaml:"));
}

#[test]
fn a_walk_follows_the_rules_of_git() {
    use hecate_seal::repo::walk;
    let session = Session::new();
    for name in ["a.yaml", "my-secret.yaml", "new-secret.yaml", "gone-secret.yaml", "out/deep/b.yaml", "out/c.yaml"] {
        session.write(&format!("repo/{name}"), "");
    }
    session.write("repo/.gitignore", "*secret*.yaml\nout/\n");
    git(&session, &["-C", "repo", "init", "-q"]);
    git(&session, &["-C", "repo", "add", "-f", "my-secret.yaml", "gone-secret.yaml", "out/deep/b.yaml"]);
    std::fs::remove_file(session.path("repo/gone-secret.yaml")).unwrap();
    let names = |root: &str| -> Vec<String> {
        let found = walk::files(&session.path(root), walk::MANIFESTS);
        assert_eq!((found.problems, found.unasked), (vec![], vec![]));
        let below = session.path("repo");
        found.files.iter().map(|path| path.strip_prefix(&below).unwrap().display().to_string()).collect()
    };
    let expected = ["a.yaml", "my-secret.yaml", "out/deep/b.yaml"];
    assert_eq!(names("repo"), expected);
    assert_eq!(names("repo/out"), ["out/c.yaml", "out/deep/b.yaml"], "what is named is meant");
    assert_eq!(names("."), expected, "a repository below a folder that is none");
    // A `.git` that is none is no reason to fail.
    std::fs::remove_dir_all(session.path("repo/.git")).unwrap();
    std::fs::create_dir(session.path("repo/.git")).unwrap();
    assert_eq!(names("repo"), ["a.yaml"]);
}

#[test]
fn settings_and_comments_allow() {
    let session = Session::new();
    session.write("tests/fixtures/secret.yaml", SECRET);
    session.write("apps/secret.yaml", format!("# hecate-seal: allow (public demo)\n{SECRET}"));
    session.run(&["scan"]).code(1);
    session.write(".hecate-seal.yaml", "scan:\n  allow: ['tests/**']\n");
    let ran = session.run(&["scan"]).ok();
    assert_eq!(ran.err, "note: 2 files: no plaintext found\n");
    // From a folder further down the patterns mean the same.
    let mut below = Session::new();
    below.cwd = session.path("tests");
    below.run(&["scan"]).ok();
    session.write(".hecate-seal.yaml", "scan:\n  allow: ['{a']\n");
    let ran = session.run(&["scan"]).code(2);
    assert!(ran.err.contains("scan.allow") && ran.err.contains("`{a`"), "{}", ran.err);
    session.write(".hecate-seal.yaml", "scan: {alow: []}\n");
    assert!(session.run(&["scan"]).code(2).err.contains("unknown field `alow`"));
}

#[test]
fn rules_that_cannot_be_read_are_a_finding() {
    let session = Session::new();
    session.write(".sops.yaml", "creation_rules:\n  - path_regex: '('\n");
    session.write("a.yaml", "a: 1\n");
    let ran = session.run(&["scan"]).code(1);
    assert!(ran.out.starts_with(".sops.yaml: error: `creation_rules[0].path_regex`"), "{}", ran.out);
}

#[test]
fn a_sops_file_is_fine_until_a_plain_value_is_put_into_it() {
    let session = Session::new();
    session.write(".sops.yaml", RULES);
    let enc = "ENC[AES256_GCM,data:AAAA,iv:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]";
    let file = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\nstringData:\n  K: {enc}\nsops:\n  age:\n    - recipient: age1x\n      enc: x\n  lastmodified: '2026-01-01T00:00:00Z'\n  mac: {enc}\n  encrypted_regex: ^(data|stringData)$\n  version: 3.13.3\n"
    );
    session.write("secrets/s.yaml", &file);
    session.run(&["scan"]).ok();
    session.write("secrets/s.yaml", file.replacen("  K:", "  NEW: hunter2\n  K:", 1));
    let ran = session.run(&["scan"]).code(1);
    assert!(ran.out.starts_with("secrets/s.yaml:6: error: a: NEW: a value of a Secret in plain text\n"), "{}", ran.out);
    assert_eq!(ran.out.lines().count(), 2, "one finding: {}", ran.out);
}

#[test]
fn the_index_counts_and_not_the_files() {
    let session = Session::new();
    let outside = session.run(&["scan", "--staged"]).code(1);
    assert!(outside.err.contains("is not in a git repository"), "{}", outside.err);
    git(&session, &["init", "-q"]);
    let ran = session.run(&["scan", "--staged"]).ok();
    assert_eq!(ran.err, "note: 0 files: no plaintext found\n");
    let ran = session.run(&["scan", "--staged", "nosuch"]).code(1);
    assert!(ran.err.starts_with("error: cannot look through nosuch\n"), "{}", ran.err);
    session.write("apps/ü secret.yaml", SECRET);
    session.write("apps/later.yaml", SECRET);
    session.write("apps/bin", b"\0\n\0");
    std::os::unix::fs::symlink("/etc/passwd", session.path("apps/link.yaml")).unwrap();
    git(&session, &["add", "apps/ü secret.yaml", "apps/bin", "apps/link.yaml"]);
    // What lies in the tree meanwhile does not matter.
    session.write("apps/ü secret.yaml", "kind: Nothing\n");
    let ran = session.run(&["scan", "--staged"]).code(1);
    assert!(ran.out.starts_with("apps/ü secret.yaml:8: error: web/app: PASSWORD: "), "{}", ran.out);
    assert!(ran.err.starts_with("note: 2 files: 2 findings\n"), "{}", ran.err);
    session.run(&["scan", "--staged", "apps/bin"]).ok();
    git(&session, &["commit", "-q", "-m", "x"]);
    session.run(&["scan", "--staged"]).ok();
    git(&session, &["rm", "-q", "-f", "apps/ü secret.yaml"]);
    session.run(&["scan", "--staged"]).ok();
    session.run(&["scan", "--staged", "apps/ü secret.yaml"]).ok();
    git(&session, &["add", "apps/later.yaml"]);
    let mut below = Session::new();
    below.cwd = session.path("apps");
    let ran = below.run(&["scan", "--staged"]).code(1);
    assert!(ran.out.starts_with("later.yaml:8: "), "{}", ran.out);
}

#[test]
fn the_hook_stops_a_commit_and_never_replaces_another_one() {
    let session = Session::new();
    git(&session, &["init", "-q"]);
    let ran = session.run(&["scan", "--install-hook"]).ok();
    assert!(ran.err.starts_with("note: wrote .git/hooks/pre-commit: "), "{}", ran.err);
    session.run(&["scan", "--install-hook"]).ok();
    session.write("secret.yaml", SECRET);
    git(&session, &["add", "secret.yaml"]);
    let bin = session.path("bin");
    std::fs::create_dir(&bin).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_hecate-seal"), bin.join("hecate-seal")).unwrap();
    let commit = |which: &[&str]| {
        let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
        let args = ["-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-m", "x"];
        let command = Command::new("git")
            .args(args)
            .args(which)
            .current_dir(session.path("."))
            .env_clear()
            .env("PATH", path)
            .output()
            .unwrap();
        (
            command.status.success(),
            format!("{}{}", String::from_utf8_lossy(&command.stdout), String::from_utf8_lossy(&command.stderr)),
        )
    };
    let (ok, said) = commit(&[]);
    assert!(!ok && said.contains("secret.yaml:8: error: web/app: PASSWORD: "), "{said}");
    git(&session, &["rm", "-q", "--cached", "secret.yaml"]);
    session.write("fine.yaml", "kind: ConfigMap\n");
    git(&session, &["add", "fine.yaml"]);
    let (ok, said) = commit(&[]);
    assert!(ok, "{said}");
    // Commits of files that were never added, by way of an index of their own.
    session.write("fine.yaml", SECRET);
    session.write("other.yaml", "kind: ConfigMap\n");
    git(&session, &["add", "other.yaml"]);
    for which in [&["-a"][..], &["--", "fine.yaml"]] {
        let (ok, said) = commit(which);
        assert!(!ok && said.contains("fine.yaml:8: error: web/app: PASSWORD: "), "{which:?}: {said}");
    }
    let (ok, said) = commit(&["--", "other.yaml"]);
    assert!(ok, "{said}");
    let hook = session.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 0\n");
    session.run(&["scan", "--install-hook"]).fails(
        1,
        "error: cannot install the hook\n  cause: .git/hooks/pre-commit is another hook, and was left as it is\n\
         hint: put this line into it: hecate-seal scan --staged || exit 1\n",
    );
    assert_eq!(std::fs::read_to_string(hook).unwrap(), "#!/bin/sh\nexit 0\n");
}

#[test]
fn the_hooks_for_the_pre_commit_program_run_a_command_that_exists() {
    let text = std::fs::read_to_string(root().join(".pre-commit-hooks.yaml")).unwrap();
    let entries: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("entry: ")).collect();
    assert!(!entries.is_empty());
    for entry in entries {
        let words: Vec<&str> = entry.split(' ').skip(1).collect();
        let session = Session::new();
        git(&session, &["init", "-q"]);
        session.run(&words).ok();
        session.write("secret.yaml", SECRET);
        git(&session, &["add", "."]);
        session.run(&words).code(1);
    }
}

/// A value that no message may show, nor a part of it.
fn value() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9+/@$!#<>,&*%|\"' -]{0,12}Zq9vCANARYvalue[a-zA-Z0-9+/@$!#<>,&*%|\"'\\\\ -]{0,12}"
}

/// One that would read as a key when it is not quoted: keys are shown.
fn any_value() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9=:{}\\[\\] -]{0,12}Zq9vCANARYvalue[a-zA-Z0-9=:{}\\[\\] \\\\-]{0,12}"
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_value_is_ever_shown_however_broken_the_file_is(
        value in value(),
        any in any_value(),
        form in 0_usize..12,
        cut in proptest::option::of(0_usize..200),
        name in 0_usize..4,
    ) {
        let quoted = serde_json::Value::from(any.as_str()).to_string();
        let literal = serde_json::Value::from(format!("K={any}")).to_string();
        let text = match form {
            0 => format!("kind: Secret\nmetadata: {{name: a}}\nstringData:\n  K: {quoted}\n"),
            1 => format!("kind: Secret\nstringData:\n  K: {value}\n"),
            2 => format!("kind: Secret\ndata:\n  K: {value}\n"),
            3 => format!("{{\"kind\":\"Secret\",\"data\":{{\"K\":{quoted}}}}}"),
            4 => format!("secretGenerator:\n- name: g\n  literals:\n  - {literal}\n  - {value}\n"),
            5 => format!("kind: Secret\nstringData:\n  K: |\n    {value}\n   {value}\n"),
            6 => format!("A={value}\nB: {value}\nsops_mac=ENC[AES256_GCM,{value}\n"),
            7 => format!("-----BEGIN PRIVATE KEY-----\n{}{value}\n", "MIIB".repeat(20)),
            8 => format!("kind: Secret\nstringData: [{value}]\n---\n{value}\n"),
            9 => format!("kind: SecretList\nitems: [{{stringData: {{K: {quoted}}}}}, {value}]\n"),
            10 => format!("kind: Secret\nstringData: &a\n  K: {value}\n  <<: *a\n"),
            _ => format!("a: {value}\nsops:\n  mac: ENC[AES256_GCM,{value}]\n  version: {value}\n"),
        };
        let text: String = text.chars().take(cut.unwrap_or(usize::MAX)).collect();
        let session = Session::new();
        session.write(".sops.yaml", "creation_rules:\n  - path_regex: '.*'\n    age: age1x\n");
        let file = ["a.yaml", "a.json", ".env", "a.txt"][name];
        session.write(file, &text);
        for words in [&["-v", "scan"][..], &["-v", "scan", "-o", "json"]] {
            let ran = session.run(words);
            prop_assert!(ran.code <= 1, "{}", ran.err);
            for shown in [&ran.out, &ran.err] {
                prop_assert!(!shown.contains("CANARY"), "{text}\n--- shows\n{shown}");
            }
        }
    }
}

#[test]
fn the_examples_pass() {
    let mut session = Session::new();
    session.cwd = root().to_owned();
    session.run(&["scan", "examples"]).ok();
}

//! What is found in a bootstrap file without looking at anything else.

use hecate_seal::bootstrap::lint::lint;
use hecate_seal::bootstrap::model::Severity;
use hecate_seal::cli::commands::bootstrap::schema_text;

use super::{app, file, model_of};
use crate::support;

/// `severity message` of everything that is found.
fn found(texts: &[&str]) -> Vec<String> {
    let (model, mut findings) = model_of(texts);
    findings.extend(lint(&model));
    let word = |severity| if severity == Severity::Error { "error" } else { "warning" };
    findings.into_iter().map(|finding| format!("{} {}", word(finding.severity), finding.message)).collect()
}

#[track_caller]
fn one(texts: &[&str], says: &[&str]) {
    let found = found(texts);
    assert_eq!(found.len(), 1, "{found:#?}");
    for part in says {
        assert!(found[0].contains(part), "{part}: {found:#?}");
    }
}

#[test]
fn the_schema_that_is_published_is_the_one_of_the_program() {
    let path = support::root().join("docs/bootstrap.schema.json");
    if std::env::var_os("HECATE_UPDATE").is_some() {
        std::fs::write(&path, schema_text()).unwrap();
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    support::assert_same(&schema_text(), &published, "docs/bootstrap.schema.json (HECATE_UPDATE=1 writes it)");
}

#[test]
fn case_13_a_secret_that_is_made_twice_is_an_error() {
    let twice = file(
        "    - { name: a, namespace: b, keys: { K: { uuid: {} } } }\n    - { name: a, namespace: b, keys: { L: { uuid: {} } } }\n",
    );
    one(&[&twice], &["error", "b/a is declared twice"]);
    let both = file("    - { name: a, namespace: b, keys: { K: { uuid: {} } } }\n")
        + "  onepassword:\n    - { name: a, namespace: b, vault: V, item: I }\n";
    one(&[&both], &["error", "1Password operator"]);
}

#[test]
fn case_19_a_nats_configuration_that_would_be_open_or_refused_is_an_error() {
    let nats = |auth: &str| {
        app(&[
            "PW: { password: {} }",
            "H: { bcrypt: { from: PW } }",
            "N: { nkey: { role: user } }",
            &format!("auth.conf: {{ natsAuth: {auth} }}"),
        ])
    };
    assert_eq!(found(&[&nats("{ users: [{ user: a, hash: H }] }")]), [""; 0]);
    for (auth, says) in [
        ("{ users: [] }", ""),
        ("{ users: [{ user: a }] }", "a"),
        ("{ users: [{ user: a, hash: H }, { user: a, hash: H }] }", "a"),
        ("{ users: [{ user: a, nkey: N, hash: H }] }", ""),
        ("{ users: [{ user: a, hash: H, account: NONE }] }", "NONE"),
        ("{ users: [{ user: a, hash: H, permissions: { publish: 'a..b' } }] }", "a..b"),
    ] {
        let found = found(&[&nats(auth)]);
        assert!(!found.is_empty() && found.iter().all(|line| line.starts_with("error")), "{auth}: {found:?}");
        assert!(found.iter().any(|line| line.contains(says)), "{auth}: {found:?}");
    }
}

#[test]
fn case_22_unknown_keys_and_circles_are_errors_that_show_the_way() {
    one(&[&app(&["T: { template: '{{ NONE }}' }"])], &["error", "web/app/T: there is no key web/app/NONE"]);
    one(&[&app(&["T: { template: '{{ other/K }}' }"])], &["there is no key web/other/K"]);
    one(
        &[&app(&["A: { template: '{{ B }}' }", "B: { template: '{{ C }}' }", "C: { template: '{{ A }}' }"])],
        &["made from itself: ", "web/app/A → web/app/B → web/app/C → web/app/A"],
    );
    one(&[&app(&["T: { template: '{{ T }}' }"])], &["web/app/T → web/app/T"]);
    one(&[&app(&["T: { template: '{{ A' }"])], &["never closed"]);
}

#[test]
fn case_30_two_files_that_claim_one_key_are_an_error_and_two_that_share_a_secret_are_not() {
    let one_file = app(&["A: { password: {} }"]);
    assert_eq!(found(&[&one_file, &app(&["B: { template: '{{ A }}' }"])]), [""; 0]);
    one(&[&one_file, &one_file], &["error", "web/app/A is made by two files"]);
}

#[test]
fn weak_values_and_secrets_in_the_file_are_found() {
    one(&[&app(&["A: { password: { length: 8 } }"])], &["error", "48 bits"]);
    assert_eq!(found(&[&app(&["A: { password: { length: 10, allowWeak: true } }"])]).len(), 1);
    one(&[&app(&["A: { password: { length: 16 } }"])], &["warning", "95 bits"]);
    one(&[&app(&["A: { hex: { bytes: 4 } }"])], &["error", "32 bits"]);
    one(&[&app(&["A: { password: { alphabet: aa } }"])], &["error", "twice"]);
    one(&[&app(&["DB_PASSWORD: { literal: hunter2 }"])], &["error", "notSecret"]);
    assert_eq!(
        found(&[&app(&["TOKEN_URL: { literal: { value: 'https://x', notSecret: true } }", "USER: { literal: u }"])]),
        [""; 0]
    );
    one(&[&app(&["A: { password: {} }", "H: { bcrypt: { from: A, cost: 13 } }"])], &["warning", "cost 13"]);
    one(&[&app(&["A: { password: {} }", "H: { bcrypt: { from: A, cost: 17 } }"])], &["error", "cost 17"]);
    one(
        &[&app(&["A: { base64: {} }", "U: { template: 'x://u:{{ A }}@h' }"])],
        &["warning", "web/app/A (base64) may hold characters that a URL cannot"],
    );
    one(&[&app(&["A: { env: { names: [A], pattern: '[' } }"])], &["error", "regular expression"]);
    one(&[&app(&["'bad key': { uuid: {} }"])], &["error", "`bad key` is not a valid key"]);
    one(&[&app(&["K: { keypair: { algorithm: ed25519, bits: 2048 } }"])], &["error", "`bits` is for RSA"]);
    let sealing = file(
        "    - name: k\n      namespace: kube-system\n      type: Opaque\n      keys: { k: { x509: { sealingKey: true } } }\n",
    );
    one(&[&sealing], &["error", "sealing key"]);
    let restart = app(&["A: { uuid: {} }"]).replace("      keys:", "      restart: [Job/x]\n      keys:");
    one(&[&restart], &["error", "Job/x"]);
    let slash = file("    - { name: a, namespace: b, keys: { K: { uuid: {} } } }\n")
        + "  onepassword:\n    - { name: x, namespace: b, vault: V, item: a/b }\n";
    one(&[&slash], &["error", "takes for a part of the path"]);
}

/// Cut anywhere, with any line gone or any character replaced, a file is understood or refused; nothing else happens.
#[test]
fn damaged_files_are_refused_with_a_line_and_never_more() {
    let lab = std::fs::read_to_string(support::root().join("examples/lab/bootstrap.yaml")).unwrap();
    let mut damaged: Vec<String> = (0..lab.len()).step_by(41).filter_map(|end| lab.get(..end)).map(str::to_owned).collect();
    let lines: Vec<&str> = lab.lines().collect();
    for gone in 0..lines.len() {
        damaged.push(lines.iter().enumerate().filter(|(at, _)| *at != gone).map(|(_, line)| format!("{line}\n")).collect());
    }
    for (at, with) in (0..lab.len())
        .step_by(97)
        .zip(["{{", "}}", "*a", "&a", "\u{0}", "\u{fffd}", "|", "- ", "!!binary ", "9e999"].iter().cycle())
    {
        if let (Some(before), Some(after)) = (lab.get(..at), lab.get(at + 1..)) {
            damaged.push(format!("{before}{with}{after}"));
        }
    }
    damaged.extend(["[".repeat(10_000), "a: &a [*a, *a]\n".to_owned(), "{}".to_owned(), "null".to_owned(), "- 1\n".to_owned()]);
    let (mut refused, mut understood) = (0, 0);
    for text in damaged {
        match hecate_seal::repo::bootstrap_file::parse(&text) {
            Err(error) => {
                refused += 1;
                assert!(!error.reason.is_empty() && error.reason.lines().count() < 10, "{error}");
            }
            Ok(document) => {
                understood += 1;
                let (model, mut findings) = hecate_seal::bootstrap::Model::build(vec![document]);
                findings.extend(lint(&model));
                for finding in findings {
                    assert!(hecate_seal::repo::bootstrap_file::line_of(&text, &finding.path) >= 1);
                }
            }
        }
    }
    assert!(refused > 50 && understood > 10, "{refused} refused, {understood} understood");
}

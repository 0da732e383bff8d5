//! `docs/reference.md`: every command, flag, variable, exit code, annotation and metric, made from the programs themselves.
//!
//! `UPDATE=1 cargo test --test it reference` writes it; without that the test fails when it is stale.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use clap::CommandFactory;
use hecate_seal::cli::args::Cli;
use hecate_seal::controller::keys::{KeyInfo, Keys};
use hecate_seal::controller::metrics::{Format, Metrics, Reason};
use hecate_seal::crypto::x509::Certificate;

use crate::support::root;

/// Columns of the help texts.
const WIDTH: usize = 110;

/// The help of a command and of those below it.
fn commands(command: &clap::Command, path: &str, out: &mut String) {
    for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help" && !inner.is_hide_set()) {
        let path = format!("{path} {}", inner.get_name());
        let help = inner.clone().term_width(WIDTH).render_long_help().to_string();
        block(&path, &help, out);
        commands(inner, &path, out);
    }
}

fn block(title: &str, text: &str, out: &mut String) {
    _ = writeln!(out, "### {title}\n\n```text");
    for line in text.trim_end().lines() {
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.push_str("```\n\n");
}

/// What a program prints, without anything of the environment.
fn printed(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).env_clear().output().unwrap();
    let text = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    String::from_utf8(text).unwrap()
}

/// The commands that sops' help lists.
fn sops_commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| !line.starts_with("COMMANDS:")).skip(1);
    let names = lines.take_while(|line| line.starts_with(' ')).filter_map(|line| line.split_whitespace().next());
    names.map(|name| name.trim_end_matches(',').to_owned()).filter(|name| name != "help").collect()
}

/// Constants of a source file with the doc comments above them: `(name, value, doc)`.
fn constants(text: &str) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut doc: Vec<&str> = Vec::new();
    for line in text.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("///") {
            doc.push(comment.trim());
        } else if let Some((before, value)) = line.split_once(" = ")
            && let Some((_, name)) = before.split_once("const ")
            && let Some((name, _)) = name.split_once(':')
        {
            found.push((name.to_owned(), value.trim_end_matches(';').to_owned(), doc.join(" ")));
            doc.clear();
        } else if !line.starts_with("#[") {
            doc.clear();
        }
    }
    found
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Every source file.
fn sources(folder: &Path, out: &mut Vec<String>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, out);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            out.push(std::fs::read_to_string(path).unwrap());
        }
    }
}

/// Metrics of which each has a series: one without any is not written.
fn every_metric() -> Metrics {
    let metrics = Metrics::default();
    metrics.unseal_error(Reason::Unseal, "n");
    metrics.condition("n", "s", "", 1);
    metrics.request("/v1/verify", "post", 200, std::time::Duration::from_millis(1));
    let now = time::OffsetDateTime::UNIX_EPOCH;
    let certificate = std::fs::read(crate::support::key("test-only-2048.crt.pem")).unwrap();
    let fingerprint = Certificate::parse_pem_first(&certificate).unwrap().public_key().fingerprint();
    let info = KeyInfo { secret: "k".to_owned(), fingerprint, since: now, not_after: Some(now) };
    metrics.keys(&Keys { infos: [info].into(), ..Keys::default() });
    metrics
}

/// A Markdown cell: links of rustdoc are for rustdoc, and a bar would end it.
fn cell(text: &str) -> String {
    text.replace("[`", "`").replace("`]", "`").replace('|', "\\|")
}

fn reference() -> String {
    let ours = env!("CARGO_BIN_EXE_hecate-seal");
    let controller = env!("CARGO_BIN_EXE_hecate-seal-controller");
    let mut out = String::from(
        "# Reference\n\nEvery command, flag, variable, exit code, annotation and metric. Made from the programs by\n\
         `UPDATE=1 cargo test --test it reference`; do not edit it.\n\n## hecate-seal\n\n",
    );
    let mut cli = Cli::command().bin_name("hecate-seal");
    cli.build();
    block("hecate-seal", &cli.clone().term_width(WIDTH).render_long_help().to_string(), &mut out);
    commands(&cli, "hecate-seal", &mut out);

    out.push_str("## kubeseal\n\nThrough a link named `kubeseal`, or as `hecate-seal kubeseal`. Every flag is also read from the variable\n`SEALED_SECRETS_` and its name in capitals.\n\n");
    block("kubeseal", &printed(ours, &["kubeseal", "--help"]), &mut out);

    out.push_str("## sops\n\nThrough a link named `sops`, or as `hecate-seal sops`.\n\n");
    let help = printed(ours, &["sops", "--help"]);
    block("sops", &help, &mut out);
    let names = sops_commands(&help);
    assert!(names.len() > 5, "the commands of sops: {names:?}\n{help}");
    for name in names {
        let help = printed(ours, &["sops", &name, "--help"]);
        block(&format!("sops {name}"), &help, &mut out);
        for inner in sops_commands(&help) {
            block(&format!("sops {name} {inner}"), &printed(ours, &["sops", &name, &inner, "--help"]), &mut out);
        }
    }

    out.push_str(
        "## hecate-seal-controller\n\nEvery flag is also read from the variable `SEALED_SECRETS_` and its name in capitals.\n\n",
    );
    block("hecate-seal-controller", &printed(controller, &["--help"]), &mut out);

    out.push_str("## Environment variables of the command line\n\n| variable | what it is for |\n|---|---|\n");
    let variables = constants(&read("src/cli/env.rs"));
    assert!(variables.len() > 10);
    for (_, value, doc) in variables.iter().filter(|(_, value, _)| value.starts_with('"')) {
        _ = writeln!(out, "| `{}` | {} |", value.trim_matches('"'), cell(doc));
    }

    out.push_str("\n## Exit codes\n\n| program | code | meaning |\n|---|---|---|\n");
    let code = |value: &str| value.chars().filter(char::is_ascii_digit).collect::<String>();
    for (_, value, doc) in constants(&read("src/cli/report.rs")).iter().filter(|(_, value, _)| value.starts_with("Self(")) {
        _ = writeln!(
            out,
            "| hecate-seal, kubeseal | {} | {} |",
            code(value),
            cell(doc.split_once(": ").map_or(doc, |(_, what)| what))
        );
    }
    for (_, value, doc) in constants(&read("src/cli/sops/codes.rs")).iter().filter(|(_, value, _)| value.contains("other(")) {
        _ = writeln!(out, "| sops | {} | {} |", code(value), cell(doc));
    }
    out.push_str("| hecate-seal-controller | 0, 1, 2 | told to stop; cannot start; wrong command line or variable |\n");

    out.push_str("\n## Annotations and labels\n\n| name | what it does |\n|---|---|\n");
    let mut texts = Vec::new();
    sources(&root().join("src"), &mut texts);
    let mut names: Vec<(String, String)> = texts
        .iter()
        .flat_map(|text| constants(text))
        .filter_map(|(_, value, doc)| {
            let name = value.strip_prefix('"')?.strip_suffix('"')?.to_owned();
            let (domain, key) = name.split_once('/')?;
            let is_name = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
            (domain.contains('.') && is_name(domain) && is_name(key) && !doc.is_empty() && !key.starts_with('v'))
                .then_some((name, doc))
        })
        .collect();
    names.sort();
    names.dedup_by(|later, first| later.0 == first.0);
    assert!(names.len() > 3, "{names:?}");
    for (name, doc) in names {
        _ = writeln!(out, "| `{name}` | {} |", cell(&doc));
    }

    out.push_str("\n## Metrics of the controller\n\n| metric | type | what it counts |\n|---|---|---|\n");
    let (_, text) = every_metric().exposition(Format::Text);
    let mut metrics: Vec<(String, String, String)> = Vec::new();
    for line in text.lines() {
        let mut words = line.splitn(4, ' ').skip(1);
        let (Some(what), Some(name), Some(rest)) = (words.next(), words.next(), words.next()) else { continue };
        match what {
            "HELP" if line.starts_with('#') => {
                metrics.push((name.to_owned(), String::new(), rest.trim_end_matches('.').to_owned()))
            }
            "TYPE" if line.starts_with('#') => match metrics.iter_mut().find(|(known, ..)| known == name) {
                Some(metric) => metric.1 = rest.to_owned(),
                None => metrics.push((name.to_owned(), rest.to_owned(), String::new())),
            },
            _ => {}
        }
    }
    assert!(metrics.len() > 10, "{text}");
    metrics.sort();
    for (name, kind, help) in metrics {
        _ = writeln!(out, "| `{name}` | {kind} | {} |", cell(&help));
    }
    out
}

#[test]
fn the_reference_is_what_the_programs_say() {
    let path = root().join("docs/reference.md");
    let now = reference();
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        std::fs::write(&path, &now).unwrap();
        return;
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    crate::support::assert_same(&written, &now, "docs/reference.md is stale; run: UPDATE=1 cargo test --test it reference");
}

//! Manual pages: all of them are written, and roff reads them.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::Session;

/// What groff says about a page, and the page as a terminal shows it; `None` where there is no groff.
fn through_groff(page: &str) -> Option<(String, String)> {
    let groff = Command::new("groff")
        .args(["-k", "-man", "-Tutf8", "-ww", "-P-cbou"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut groff = groff.ok()?;
    groff.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = groff.wait_with_output().unwrap();
    assert!(output.status.success());
    Some((String::from_utf8(output.stderr).unwrap(), String::from_utf8(output.stdout).unwrap()))
}

#[test]
#[allow(clippy::print_stderr, reason = "what was not tested is said")]
fn pages_are_written_for_all_commands_and_roff_reads_them() {
    let session = Session::new();
    session.run(&["man", "--dir", "."]).ok();
    let names = session.names();
    for name in ["hecate-seal.1", "hecate-seal-seal.1", "hecate-seal-bootstrap-apply.1", "hecate-seal-man.1"] {
        assert!(names.iter().any(|there| there == name), "{name} is missing: {names:?}");
    }
    let together: String = names.iter().map(|name| session.read(name)).collect();
    let Some((complaints, shown)) = through_groff(&together) else {
        eprintln!("groff is not on this machine: the pages were not read by it");
        return;
    };
    assert_eq!(complaints, "");
    // Flags and examples come out as they are typed, a line each.
    assert!(shown.contains("\n         hecate-seal seal secret.yaml -o sealed-secret.yaml\n"), "{shown}");
    assert!(shown.contains("--from-file"), "{shown}");
}

#[test]
fn one_page_is_printed_and_it_is_that_of_the_folder() {
    let session = Session::new();
    session.run(&["man", "--dir", "."]).ok();
    assert_eq!(session.run(&["man"]).ok().out, session.read("hecate-seal.1"));
    assert_eq!(session.run(&["man", "bootstrap", "apply"]).ok().out, session.read("hecate-seal-bootstrap-apply.1"));
}

#[test]
fn what_is_no_command_has_no_page() {
    let session = Session::new();
    session.run(&["man", "nats", "fly"]).fails(2, "error: there is no command `fly` of hecate-seal nats\n");
    session.run(&["man", "--dir", "absent"]).code(1);
    assert!(session.names().is_empty());
}

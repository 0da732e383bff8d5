//! Where secret values must not show: on the terminal while they are typed, in messages at the highest verbosity, in temporary
//! files, in core dumps.

use std::io::{Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::termios::{LocalModes, tcgetattr};

use super::{SECRET, Session, key_path};
use crate::support::{hecate, root, temp_dir};

/// Long and odd enough to be found wherever it is, also in part.
const CANARY: &str = "Canary-7f3a/Zq9+value";

/// An identity of C2SP's vectors for age.
const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";

/// Parts of the canary, plain and in base64, that nothing may show.
fn traces() -> [String; 4] {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(CANARY);
    [CANARY.to_owned(), CANARY[7..16].to_owned(), CANARY.to_lowercase(), base64[..20].to_owned()]
}

fn assert_clean(what: &str, text: &str) {
    for trace in traces() {
        assert!(!text.contains(&trace), "{what} shows the secret:\n{text}");
    }
}

/// Every file under a folder.
fn assert_clean_tree(folder: &Path, allowed: &[&str]) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            assert_clean_tree(&path, allowed);
        } else if !allowed.iter().any(|name| path.ends_with(name)) {
            assert_clean(&path.display().to_string(), &String::from_utf8_lossy(&std::fs::read(&path).unwrap()));
        }
    }
}

#[test]
fn a_value_typed_at_the_prompt_is_not_echoed_and_comes_without_its_line_break() {
    let folder = temp_dir();
    let (mut pty, pts) = pty_process::blocking::open().unwrap();
    let mut child = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_hecate-seal"))
        .args(["K", "--name", "app", "-n", "web", "--file", "s.yaml", "--cert", &key_path("test-only-2048.crt.pem")])
        .env_clear()
        .current_dir(folder.path())
        .spawn(pts)
        .unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while tcgetattr(&pty).unwrap().local_modes.contains(LocalModes::ECHO) {
        assert!(Instant::now() < end, "the terminal still echoes");
        std::thread::sleep(Duration::from_millis(5));
    }
    writeln!(pty, "{CANARY}").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
    // A terminal whose last user is gone answers with an error after what was written.
    let (mut shown, mut buffer) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = pty.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..count]);
    }
    let shown = String::from_utf8_lossy(&shown).into_owned();
    assert!(shown.contains("value of K (not shown): "), "{shown}");
    assert!(shown.contains("added K in s.yaml"), "{shown}");
    assert_clean("the terminal", &shown);
    let session = Session::new();
    session.write("s.yaml", std::fs::read(folder.path().join("s.yaml")).unwrap());
    let opened = session.run(&["unseal", "-p", &key_path("test-only-2048.key.pem"), "-k", "K", "s.yaml"]).ok();
    assert_eq!(opened.out, CANARY);
}

#[test]
fn no_message_file_or_temporary_folder_shows_a_value_whatever_the_command() {
    let session = Session::new();
    let (cert, key, other) =
        (key_path("test-only-2048.crt.pem"), key_path("test-only-2048.key.pem"), key_path("test-only-2048-other.key.pem"));
    let tmp = temp_dir();
    session.write("in.yaml", SECRET.replace("hunter2", CANARY));
    session.write("broken.yaml", SECRET.replace("hunter2", &format!("[{CANARY}")));
    session.write("wrong.yaml", SECRET.replace("stringData:", "data:").replace("hunter2", CANARY));
    session.write("twice.yaml", format!("{SECRET}  USER: {CANARY}\n"));
    session.write("number.yaml", SECRET.replace("stringData:", &format!("stringData:\n  N: {{a: {CANARY}}}")));
    session.write("value", format!("{CANARY}\n"));
    let target = ["--name", "app", "-n", "web", "--cert", &cert, "--file", "s.yaml"];
    let with = |args: &[&str]| -> Vec<String> { args.iter().chain(&target).map(|word| (*word).to_owned()).collect() };
    let plain = |args: &[&str]| -> Vec<String> { args.iter().map(|word| (*word).to_owned()).collect() };
    let pair = format!("K={CANARY}");
    let recipient = hecate_seal::age::Identity::parse(IDENTITY, "test").unwrap().recipient().unwrap();
    let commands = [
        with(&["-v", "K", CANARY]),
        with(&["-v", &pair, "L=2"]),
        with(&["-v", "K"]),
        with(&["-v", "K", "--from-env"]),
        with(&["-v", "K", "--from-file", "value"]),
        // Mistakes: every one of these fails.
        with(&["-v", "K", CANARY, CANARY]),
        with(&["-v", &pair, CANARY]),
        with(&["-v", &pair, &pair]),
        with(&["-v", "K", "--scope", "wrong", CANARY]),
        with(&["-v", "K", CANARY, "--name", "other"]),
        with(&["-v", "K", &format!("--{CANARY}")]),
        with(&["-v", "K", &format!("-{CANARY}")]),
        with(&["-v", "K", &format!("--quiet={CANARY}")]),
        with(&["-v", CANARY, &format!("{CANARY}{CANARY}{CANARY}")]),
        plain(&["-v", "K", CANARY]),
        plain(&["-v", "K", CANARY, "--cert", "none.pem"]),
        plain(&["-v", "seal", "--cert", &cert, "in.yaml", "-o", "sealed.yaml"]),
        plain(&["-v", "seal", "--cert", &cert, "in.yaml"]),
        plain(&["-v", "seal", "--cert", &cert, "broken.yaml"]),
        plain(&["-v", "seal", "--cert", &cert, "wrong.yaml"]),
        plain(&["-v", "seal", "--cert", &cert, "twice.yaml"]),
        plain(&["-v", "seal", "--cert", &cert, "number.yaml"]),
        plain(&["-v", "seal", "--cert", &cert, "--strict", "in.yaml", "twice.yaml"]),
        plain(&["-v", "unseal", "-p", &key, "sealed.yaml", "-k", "NONE"]),
        plain(&["-v", "unseal", "-p", &other, "sealed.yaml"]),
        plain(&["-v", "unseal", "-p", "in.yaml", "sealed.yaml"]),
        plain(&["-v", "unseal", "-p", "value", "sealed.yaml"]),
        plain(&["-v", "verify", "-p", &key, "."]),
        plain(&["-v", "verify", "-p", &other, "."]),
        plain(&["-v", "cert", "show", "in.yaml"]),
        plain(&["-v", "init", "--print"]),
        plain(&["-v", "scan"]),
        plain(&["-v", "scan", "-o", "json", "."]),
        plain(&["-v", "doctor", "--offline", "-p", &key]),
        plain(&["-v", "doctor", "--offline", "-p", &other]),
        plain(&["-v", "convert", "--to", "sops", "-p", &key, "--age", &recipient, "sealed.yaml", "-o", "sops.yaml"]),
        plain(&["-v", "convert", "--to", "sealed-secret", "--cert", &cert, "sops.yaml", "-o", "again.yaml"]),
        plain(&["-v", "convert", "--to", "sealed-secret", "--cert", &cert, "in.yaml"]),
        plain(&["-v", "convert", "--to", "sealed-secret", "--cert", &cert, "broken.yaml"]),
        plain(&["-v", "convert", "--to", "sops", "-p", &other, "--age", &recipient, "sealed.yaml"]),
        plain(&["-v", "convert", "--to", "sops", "-p", &key, "--age", &recipient, "in.yaml"]),
    ];
    for words in commands {
        let shown = words.join(" ").replace(CANARY, "…");
        let ran = hecate()
            .args(&words)
            .env("K", CANARY)
            .env("TMPDIR", tmp.path())
            .env("SOPS_AGE_KEY", IDENTITY)
            .env("RUST_BACKTRACE", "full")
            .env("RUST_LOG", "trace")
            .stdin(format!("{CANARY}\n"))
            .cwd(session.path(""))
            .output();
        assert!(matches!(ran.code, Some(0..=2)), "{shown}: {:?}", ran.code);
        // A key that is the canary is shown: a key is no secret. Its value is not.
        let err =
            if shown.contains("-v … …") { ran.err().replacen(&format!("`{CANARY}`"), "", 1) } else { ran.err().to_owned() };
        assert_clean(&format!("standard error of {shown}"), &err);
        assert_clean(&format!("standard output of {shown}"), ran.out());
        assert_eq!(std::fs::read_dir(tmp.path()).unwrap().count(), 0, "{shown} left a temporary file");
    }
    let inputs = ["in.yaml", "broken.yaml", "wrong.yaml", "twice.yaml", "number.yaml", "value"];
    assert_clean_tree(&session.path(""), &inputs);
    assert!(session.names().iter().all(|name| !name.ends_with(".tmp")), "{:?}", session.names());
}

#[test]
fn the_process_dumps_no_core_and_shows_no_value_that_came_by_a_pipe_or_the_environment_in_its_arguments() {
    // Waits for its input, so that it can be looked at.
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_hecate-seal"))
        .args(["K", "--print", "--name", "a", "-n", "b", "--cert", &key_path("test-only-2048.crt.pem")])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.as_mut().unwrap().write_all(CANARY.as_bytes()).unwrap();
    let proc = Path::new("/proc").join(child.id().to_string());
    let end = Instant::now() + Duration::from_secs(10);
    let limits = loop {
        let limits = std::fs::read_to_string(proc.join("limits")).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap().to_owned();
        if core.split_whitespace().skip(4).take(2).all(|limit| limit == "0") || Instant::now() > end {
            break core;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    assert_eq!(limits.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{limits}");
    assert_clean("the arguments", &String::from_utf8_lossy(&std::fs::read(proc.join("cmdline")).unwrap()));
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

/// The places that may start a program, and what they hand to it: arguments are for everyone to see.
const STARTERS: [&str; 9] = [
    // git, for staged content: paths and names of objects.
    "repo/git.rs",
    // The user's own command that prints an identity, and age's plugins: a recipient, in a variable or on a pipe.
    "cli/sops/sources.rs",
    "cli/sops/terminal.rs",
    "cli/env.rs",
    // What sops edits and runs with: the user's editor and command, which get a file or variables.
    "cli/sops/child.rs",
    "cli/sops/commands/edit.rs",
    "cli/sops/commands/exec",
    // Gives a command to another user (`--user`); its words are the user's own.
    "cli/sops/users.rs",
    // nats-server's own check: the path of the file.
    "cli/commands/nats/check.rs",
];

#[test]
fn only_known_places_start_a_program() {
    fn look(folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                look(&path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let starts = text.contains("process::Command") || text.contains("Command::new(");
                let known = STARTERS.iter().any(|known| path.to_string_lossy().contains(&format!("/src/{known}")));
                assert!(!starts || known, "{} starts a program: its arguments are for everyone to see", path.display());
            }
        }
    }
    for layer in ["cli", "repo", "seal", "manifest", "template", "crypto", "yaml"] {
        look(&root().join("src").join(layer));
    }
}

//! No secret leaves by a side door.
//!
//! Every command is run, in success and in failure and as talkative as it can be, with a canary as the secret. The canary, and
//! its base64, hex and byte-list forms, must not be in standard error, in any file but those meant to hold it, in a temporary
//! folder, or in the arguments or environment of a child; and in standard output only where the command is there to show it.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use crate::support::{key, kubeseal_link, temp_dir};

/// No part of any word that the programs know.
pub(crate) const CANARY: &str = "hxq7-Canary-Zr4vWk9-pLm2";

/// An age identity whose 32 secret bytes begin with the canary.
pub(crate) const IDENTITY: &str = "AGE-SECRET-KEY-1DPU8ZDEDGDSKUCTJ0YK45U35WETKKWFDWPXX6V3DD9JZ6VPSXQCSMMFKZY";

/// The forms in which bytes get into texts.
fn disguises() -> Vec<Vec<u8>> {
    let mut forms = vec![CANARY.as_bytes().to_vec(), CANARY.bytes().rev().collect()];
    // Base64 of a text around the canary: three alignments; the characters at the ends depend on the neighbours.
    for before in 0..3 {
        let padded = [vec![0; before], CANARY.as_bytes().to_vec()].concat();
        let text = STANDARD_NO_PAD.encode(padded);
        let end = if text.len() * 6 % 8 == 0 { text.len() } else { text.len() - 1 };
        forms.push(text.as_bytes()[if before == 0 { 0 } else { before + 1 }..end].to_vec());
    }
    forms.push(CANARY.bytes().map(|b| format!("{b:02x}")).collect::<String>().into_bytes());
    forms.push(CANARY.bytes().map(|b| format!("{b:02X}")).collect::<String>().into_bytes());
    // `{:?}` of bytes.
    forms.push(CANARY.bytes().map(|b| b.to_string()).collect::<Vec<_>>().join(", ").into_bytes());
    // Half of it would be too much, too.
    forms.push(CANARY.as_bytes()[..14].to_vec());
    forms.push(CANARY.as_bytes()[12..].to_vec());
    // An identity is a secret in its own spelling, too.
    forms.push(IDENTITY[17..47].into());
    forms.push(IDENTITY[17..47].to_lowercase().into());
    forms
}

pub(crate) fn shows_canary(bytes: &[u8]) -> bool {
    disguises().iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
}

/// One command line and what it works on.
pub(crate) struct Scene {
    program: PathBuf,
    args: Vec<String>,
    stdin: Vec<u8>,
    env: Vec<(&'static str, String)>,
    /// The exit code that it must have, so that a scene does what its author thought.
    code: i32,
    /// Standard output is there to show the secret.
    shows: bool,
    /// A file that is there to hold the secret afterwards.
    holds: Option<&'static str>,
    /// A child is there to be given the secret.
    gives: bool,
}

pub(crate) fn scene(code: i32, args: &[&str]) -> Scene {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    let program = env!("CARGO_BIN_EXE_hecate-seal").into();
    Scene { program, args, stdin: Vec::new(), env: Vec::new(), code, shows: false, holds: None, gives: false }
}

impl Scene {
    fn kubeseal(mut self) -> Scene {
        self.program = kubeseal_link();
        self
    }
    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Scene {
        self.stdin = bytes.into();
        self
    }
    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Scene {
        self.env.push((name, value.to_owned()));
        self
    }
    pub(crate) fn shows(mut self) -> Scene {
        self.shows = true;
        self
    }
    pub(crate) fn holds(mut self, file: &'static str) -> Scene {
        self.holds = Some(file);
        self
    }
    pub(crate) fn gives(mut self) -> Scene {
        self.gives = true;
        self
    }
}

/// Files of a folder that show the canary, without those named.
fn leaks(folder: &Path, allowed: &[PathBuf]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(leaks(&path, allowed));
        } else if !allowed.contains(&path) && std::fs::read(&path).is_ok_and(|bytes| shows_canary(&bytes)) {
            found.push(path);
        }
    }
    found
}

/// Arguments and environment of every process below this one, at this moment.
fn children(pid: u32) -> Vec<u8> {
    let mut seen = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        for child in std::fs::read_to_string(task.path().join("children")).unwrap_or_default().split_whitespace() {
            for part in ["cmdline", "environ"] {
                seen.extend(std::fs::read(format!("/proc/{child}/{part}")).unwrap_or_default());
            }
            seen.extend(child.parse().map(children).unwrap_or_default());
        }
    }
    seen
}

/// Plays a scene in a folder and gives what leaked.
fn play(scene: &Scene, folder: &Path) -> Vec<String> {
    let about = format!("{} {:?}", scene.program.file_name().unwrap().display(), scene.args);
    let tmp = folder.join("tmp");
    std::fs::create_dir_all(&tmp).unwrap();
    let mut allowed: Vec<PathBuf> = leaks(folder, &[]);
    allowed.extend(scene.holds.map(|file| folder.join(file)));
    let mut child = Command::new(&scene.program)
        .args(&scene.args)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("HOME", folder)
        .env("TMPDIR", &tmp)
        // As talkative as Rust programs and their libraries can be made.
        .envs([("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full"), ("SSLKEYLOGFILE", "keys.log")])
        .envs(scene.env.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = child.id();
    let mut found = Vec::new();
    let over = AtomicBool::new(false);
    let (code, stdout, stderr) = std::thread::scope(|threads| {
        // While it runs: temporary files that it would remove, and children.
        let watcher = threads.spawn(|| {
            let mut found = Vec::new();
            while !over.load(Ordering::Relaxed) && found.is_empty() {
                found.extend(leaks(&tmp, &[]).into_iter().map(|path| format!("temporary file {}", path.display())));
                if !scene.gives && shows_canary(&children(pid)) {
                    found.push("a child process".to_owned());
                }
                std::thread::sleep(std::time::Duration::from_micros(500));
            }
            found
        });
        let mut to_child = child.stdin.take().unwrap();
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let writer = threads.spawn(move || drop(to_child.write_all(&scene.stdin)));
        let stderr = threads.spawn(move || {
            let mut bytes = Vec::new();
            err.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let mut stdout = Vec::new();
        out.read_to_end(&mut stdout).unwrap();
        let (stderr, code) = (stderr.join().unwrap(), child.wait().unwrap().code());
        over.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        found.extend(watcher.join().unwrap());
        (code, stdout, stderr)
    });
    let text = String::from_utf8_lossy(&stderr);
    if code != Some(scene.code) {
        found.push(format!("another end than expected: {code:?}, not {}; stderr:\n{text}", scene.code));
    }
    if text.contains("panicked at") {
        found.push("a panic".to_owned());
    }
    if shows_canary(&stderr) {
        found.push("standard error".to_owned());
    }
    if scene.shows {
        if !shows_canary(&stdout) {
            found.push("no place at all, though it should show it".to_owned());
        }
    } else if shows_canary(&stdout) {
        found.push("standard output".to_owned());
    }
    found.extend(leaks(folder, &allowed).into_iter().map(|path| format!("file {}", path.display())));
    found.into_iter().map(|where_| format!("{about}: in {where_}")).collect()
}

/// Plays each scene in a folder of its own, made ready by `prepare`.
pub(crate) fn play_all(scenes: Vec<Scene>, prepare: impl Fn(&Path)) {
    let mut found = Vec::new();
    for scene in scenes {
        let folder = temp_dir();
        prepare(folder.path());
        found.extend(play(&scene, folder.path()));
    }
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

fn cert() -> String {
    key("test-only-2048.crt.pem").to_str().unwrap().to_owned()
}

/// A Secret whose values are the canary, in every place where a value can be.
fn secret() -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\n  namespace: team-a\n  annotations:\n    \
         kubectl.kubernetes.io/last-applied-configuration: '{{\"stringData\":{{\"a\":\"{CANARY}\"}}}}'\n\
         data:\n  b: {}\nstringData:\n  c: {CANARY}\n  d: |\n    x{CANARY}\n",
        STANDARD.encode(CANARY)
    )
}

#[test]
fn the_search_finds_the_canary_in_every_disguise() {
    for n in 0..6 {
        let around = [&vec![b'~'; n], CANARY.as_bytes(), b"!!"].concat();
        assert!(shows_canary(&around) && shows_canary(STANDARD.encode(&around).as_bytes()), "{n}");
    }
    assert!(shows_canary(format!("{:?}", CANARY.as_bytes()).as_bytes()));
    assert!(shows_canary(format!("…{}…", &CANARY[..15]).as_bytes()));
    assert!(!shows_canary(b"hecate-seal: nothing here"));
}

#[test]
fn the_search_finds_a_file_and_a_child_that_show_it() {
    let folder = temp_dir();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    std::fs::write(folder.path().join("sub/file"), STANDARD.encode(CANARY)).unwrap();
    assert_eq!(leaks(folder.path(), &[]), [folder.path().join("sub/file")]);
    assert!(leaks(folder.path(), &[folder.path().join("sub/file")]).is_empty());
    let mut child = Command::new("sh").args(["-c", "sleep 60; true", CANARY]).spawn().unwrap();
    // The kernel's list of children may skip one while others end.
    let seen = (0..1000).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(1));
        shows_canary(&children(std::process::id()))
    });
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(seen);
}

#[test]
fn a_program_that_leaks_is_caught_at_every_door() {
    let leaky = |script: &str| Scene { program: "/bin/sh".into(), ..scene(0, &["-c", script]).env("S", CANARY) };
    for (script, door) in [
        ("echo \"$S\" >&2", "standard error"),
        ("echo \"$S\"", "standard output"),
        ("echo \"$S\" > kept", "kept"),
        ("echo \"$S\" > $TMPDIR/x; sleep 1; rm $TMPDIR/x", "temporary file"),
        ("env -u S sh -c 'sleep 1; true' \"$S\"", "a child process"),
        ("printf %s \"$S\" | base64 >&2", "standard error"),
        ("echo \"thread 'main' panicked at x\" >&2", "a panic"),
    ] {
        let folder = temp_dir();
        let found = play(&leaky(script), folder.path());
        assert!(found.iter().any(|leak| leak.contains(door)), "{script}: {found:?}");
    }
    let folder = temp_dir();
    assert_eq!(play(&leaky("true"), folder.path()), [""; 0]);
}

#[test]
fn kubeseal_keeps_secrets_to_itself() {
    let cert = cert();
    let private = key("test-only-2048.key.pem").to_str().unwrap().to_owned();
    let other = key("test-only-2048-other.key.pem").to_str().unwrap().to_owned();
    let c = ["--cert", cert.as_str()];
    let with = |more: &[&str]| c.iter().copied().chain(more.iter().copied()).map(str::to_owned).collect::<Vec<_>>();
    let ks = |code: i32, more: &[&str]| {
        let args = with(more);
        scene(code, &args.iter().map(String::as_str).collect::<Vec<_>>()).kubeseal()
    };
    let broken = |from: &str, to: &str| secret().replace(from, to);
    let scenes = vec![
        ks(0, &["-o", "yaml"]).stdin(secret()),
        ks(0, &["--v=10", "--logtostderr"]).stdin(secret()),
        ks(0, &["-f", "secret.yaml", "-w", "sealed.yaml"]),
        ks(0, &["--raw", "--name", "a", "--namespace", "b"]).stdin(CANARY),
        ks(0, &["--raw", "--scope", "cluster-wide", "--from-file", "value"]),
        // Failures: each has the secret in hand when it happens.
        ks(1, &["--raw"]).stdin(CANARY),
        ks(1, &["--namespace", "other"]).stdin(secret()),
        ks(1, &[]).stdin(broken("  name: app\n", "")),
        ks(1, &[]).stdin(broken("  namespace: team-a", &format!("  namespace: [{CANARY}]"))),
        ks(1, &[]).stdin(broken("data:\n  b: ", &format!("data:\n  e: '{CANARY}'\n  b: "))),
        ks(1, &[]).stdin(broken("  c: ", "  c: [")),
        ks(1, &[]).stdin(format!("{}---\n\t{CANARY}: x", secret())),
        ks(1, &[]).stdin(format!("{{\"kind\":\"Secret\",\"stringData\":{{\"a\":\"{CANARY}\"")),
        ks(1, &["-w", "no/such/folder/x.yaml"]).stdin(secret()),
        ks(1, &["--merge-into", "secret.yaml"]).stdin(secret()),
        ks(1, &["--merge-into", "absent.yaml"]).stdin(secret()),
        scene(1, &["--cert", "absent.pem"]).kubeseal().stdin(secret()),
        // Opening shows the secret on standard output, and nowhere else.
        scene(0, &["--recovery-unseal", "--recovery-private-key", &private, "-f", "sealed.json"]).kubeseal().shows(),
        scene(0, &["--recovery-unseal", "--recovery-private-key", &private, "-f", "sealed.json", "-w", "out.yaml"])
            .kubeseal()
            .holds("out.yaml"),
        scene(1, &["--recovery-unseal", "--recovery-private-key", &other, "-f", "sealed.json"]).kubeseal(),
    ];
    play_all(scenes, |folder| {
        std::fs::write(folder.join("secret.yaml"), secret()).unwrap();
        std::fs::write(folder.join("value"), CANARY).unwrap();
        crate::support::as_kubeseal().args(["--cert", &cert, "-w"]).arg(folder.join("sealed.json")).stdin(secret()).ok();
    });
}

//! The prompt on a real terminal: every byte is kept or refused, and the terminal is left as it was found however it ends.

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, Pty};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, Termios, tcgetattr};

use super::key_path;
use crate::support::{hecate, temp_dir};

const PATIENCE: Duration = Duration::from_secs(60);
const PROMPT: &str = "value of K (not shown): ";

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A command that asks for the value of K on a terminal of its own.
struct Asked {
    folder: tempfile::TempDir,
    pty: Pty,
    child: Child,
    before: Termios,
}

impl Asked {
    /// Runs the script with our program as `$0` and its words as `$@`; comes back when it asks.
    fn in_script(script: &str) -> Asked {
        let folder = temp_dir();
        let (pty, pts) = pty_process::blocking::open().unwrap();
        let before = tcgetattr(&pty).unwrap();
        let mut command = Command::new("bash");
        command = command.args(["-c", script, env!("CARGO_BIN_EXE_hecate-seal"), "K", "--name", "app", "-n", "web"]);
        command = command.args(["--file", "s.yaml", "--cert", &key_path("test-only-2048.crt.pem")]);
        let child = command.env_clear().env("NO_COLOR", "1").current_dir(folder.path()).spawn(pts).unwrap();
        let mut asked = Asked { folder, pty, child, before };
        asked.wait_for_prompt();
        asked
    }

    fn new() -> Asked {
        Asked::in_script("exec \"$0\" \"$@\"")
    }

    fn local(&self) -> LocalModes {
        tcgetattr(&self.pty).unwrap().local_modes
    }

    /// Reads until the prompt was shown; the terminal is silent then.
    fn wait_for_prompt(&mut self) {
        let (mut seen, mut buffer) = (Vec::new(), [0; 1024]);
        while !String::from_utf8_lossy(&seen).contains(PROMPT) {
            let count = self.pty.read(&mut buffer).unwrap();
            seen.extend_from_slice(&buffer[..count]);
        }
        assert!(!self.local().contains(LocalModes::ECHO), "it asks on a terminal that echoes");
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end: how it ended, and what was shown meanwhile. The terminal is as it was.
    fn end(mut self) -> (ExitStatus, String, tempfile::TempDir) {
        let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = self.pty.read(&mut buffer) {
            seen.extend_from_slice(&buffer[..count]);
        }
        let status = self.child.wait().unwrap();
        let after = tcgetattr(&self.pty).unwrap();
        assert_eq!(after.local_modes, self.before.local_modes);
        assert_eq!(after.input_modes, self.before.input_modes);
        (status, String::from_utf8_lossy(&seen).into_owned(), self.folder)
    }

    /// What comes of typing these bytes: the value that was sealed, or what was said.
    fn typed(mut self, bytes: &[u8]) -> Result<Vec<u8>, String> {
        // A long paste has to be read while it is written.
        self.pty.write_all(bytes).unwrap();
        let (status, shown, folder) = self.end();
        let file = folder.path().join("s.yaml");
        if !status.success() {
            assert_eq!(status.code(), Some(1), "{shown}");
            assert!(!file.exists());
            return Err(shown);
        }
        let opened = hecate().args(["unseal", "-k", "K", "-p", &key_path("test-only-2048.key.pem")]).arg(&file).ok();
        Ok(opened.stdout)
    }
}

#[test]
fn every_byte_that_is_typed_is_sealed() {
    let long = "0123456789abcdef ".repeat(1000);
    for value in ["plain", " tabs\tinside and behind \t", "päß 密碼 \u{1f511}", "\"$'\\x1b`", &long] {
        assert_eq!(Asked::new().typed(format!("{value}\n").as_bytes()).unwrap(), value.as_bytes());
    }
    assert_eq!(Asked::new().typed("wrong\x15abä\x7fc\r".as_bytes()).unwrap(), b"abc");
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let refused = |bytes: &[u8], why: &str| {
        let shown = Asked::new().typed(bytes).unwrap_err();
        assert!(shown.contains("error: cannot read the value of K\r\n  cause: ") && shown.contains(why), "{shown}");
    };
    refused(b"\xff\xfe\n", "what was typed is not UTF-8 text");
    refused(b"a\x1b[Ab\n", "a control character was typed");
    refused(b"\x04", "nothing was typed");
}

#[test]
fn further_lines_of_a_paste_never_reach_the_shell() {
    let mut asked = Asked::in_script("\"$0\" \"$@\"; code=$?; read -r -t 0 && echo LEFT; echo \"code $code\"; exit $code");
    asked.pty.write_all(b"-----BEGIN KEY-----\ntouch stolen\n-----END KEY-----\n").unwrap();
    let (status, shown, _folder) = asked.end();
    assert_eq!(status.code(), Some(1), "{shown}");
    assert!(shown.contains("more than one line was pasted") && shown.contains("code 1"), "{shown}");
    assert!(!shown.contains("LEFT") && !shown.contains("stolen") && !shown.contains("BEGIN"), "{shown}");
}

#[test]
fn a_signal_leaves_the_terminal_as_it_was() {
    let keys: [(&[u8], Signal); 2] = [(b"\x03", Signal::INT), (b"\x1c", Signal::QUIT)];
    for (key, signal) in keys {
        let mut asked = Asked::new();
        asked.pty.write_all(b"half a val").unwrap();
        asked.pty.write_all(key).unwrap();
        let (status, shown, folder) = asked.end();
        assert_eq!(status.signal(), Some(signal.as_raw()), "{shown}");
        assert!(!shown.contains("half") && !folder.path().join("s.yaml").exists(), "{shown}");
    }
    for signal in [Signal::TERM, Signal::HUP, Signal::USR1, Signal::ALARM] {
        let asked = Asked::new();
        asked.signal(signal);
        assert_eq!(asked.end().0.signal(), Some(signal.as_raw()));
    }
}

#[test]
fn a_stopped_prompt_gives_the_terminal_back_and_asks_again() {
    let mut asked = Asked::new();
    let stat = format!("/proc/{}/stat", asked.child.id());
    for _ in 0..2 {
        asked.pty.write_all(b"half\x1a").unwrap();
        wait_until("it stops", || std::fs::read_to_string(&stat).unwrap().contains(") T "));
        assert_eq!(asked.local(), asked.before.local_modes);
        asked.signal(Signal::CONT);
        asked.wait_for_prompt();
    }
    assert_eq!(asked.typed(b"whole\n").unwrap(), b"whole");
}

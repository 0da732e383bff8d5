//! Passphrases of identity files from a running gpg-agent, which keeps them between runs, as sops has it (sops-age.md §4).
//!
//! Two requests of its Assuan protocol: `GET_PASSPHRASE`, which may ask the person through the agent's own dialogue, and
//! `CLEAR_PASSPHRASE` after a wrong one. Without an agent, or with one that cannot ask, the caller asks on the terminal.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::cli::Io;
use crate::cli::env;
use crate::secret::SecretString;

/// What the agent may take to greet and to take options; a person may take as long as they like.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest line of the protocol, with room to spare.
const MAX_LINE: u64 = 4096;
/// The agent's code for a person who does not want to answer.
const CANCELLED: &str = "83886179";

/// What asking the agent gives.
pub(super) enum Answer {
    /// The passphrase.
    Passphrase(SecretString),
    /// The person declined.
    Cancelled,
    /// No agent, or one that cannot help.
    Nobody,
}

/// Asks the agent for the passphrase that it keeps under `cache_id`.
pub(super) fn ask(cache_id: &str, description: &str, io: &Io) -> Answer {
    let Some(mut agent) = Agent::connect(io) else { return Answer::Nobody };
    agent.options(io);
    _ = agent.stream.get_ref().set_read_timeout(None);
    let request = format!("GET_PASSPHRASE {} X Passphrase {}", escape(cache_id), escape(description));
    let Some(line) = agent.request(&request) else { return Answer::Nobody };
    if let Some(hex) = line.strip_prefix("OK ") {
        return passphrase(hex).map_or(Answer::Nobody, Answer::Passphrase);
    }
    match line.strip_prefix("ERR ").and_then(|rest| rest.split(' ').next()) {
        Some(CANCELLED) => Answer::Cancelled,
        _ => Answer::Nobody,
    }
}

/// Tells the agent to forget a passphrase.
pub(super) fn forget(cache_id: &str, io: &Io) {
    if let Some(mut agent) = Agent::connect(io) {
        _ = agent.request(&format!("CLEAR_PASSPHRASE {}", escape(cache_id)));
    }
}

struct Agent {
    stream: BufReader<UnixStream>,
}

impl Agent {
    fn connect(io: &Io) -> Option<Self> {
        let stream = UnixStream::connect(socket(io)?).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.set_write_timeout(Some(PATIENCE)).ok()?;
        let mut agent = Self { stream: BufReader::new(stream) };
        agent.line()?.starts_with("OK").then_some(agent)
    }

    /// Where the agent's dialogue is to appear. What it refuses is no matter.
    fn options(&mut self, io: &Io) {
        let tty = std::fs::read_link("/proc/self/fd/0").ok().map(|path| path.display().to_string());
        let options = [("display", io.env.text(env::DISPLAY)), ("ttyname", tty), ("ttytype", io.env.text(env::TERM))];
        for (name, value) in options {
            if let Some(value) = value.filter(|value| !value.contains(char::is_control)) {
                _ = self.request(&format!("OPTION {name}={value}"));
            }
        }
    }

    fn request(&mut self, request: &str) -> Option<Zeroizing<String>> {
        self.stream.get_mut().write_all(format!("{request}\n").as_bytes()).ok()?;
        loop {
            let line = self.line()?;
            // Comments and status lines come before the answer.
            if !line.starts_with('#') && !line.starts_with("S ") {
                return Some(line);
            }
        }
    }

    fn line(&mut self) -> Option<Zeroizing<String>> {
        let mut line = Zeroizing::new(Vec::with_capacity(usize::try_from(MAX_LINE).unwrap_or_default()));
        self.stream.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).ok()?;
        (line.pop() == Some(b'\n')).then_some(())?;
        std::str::from_utf8(&line).ok().map(|text| Zeroizing::new(text.to_owned()))
    }
}

fn socket(io: &Io) -> Option<PathBuf> {
    if let Some(named) = io.env.raw(env::GPG_AGENT_INFO) {
        let path = named.to_str()?.split(':').next()?.to_owned();
        return (!path.is_empty()).then(|| PathBuf::from(path));
    }
    let at_home = PathBuf::from(io.env.text(env::HOME)?).join(".gnupg/S.gpg-agent");
    if std::fs::metadata(&at_home).is_ok_and(|meta| meta.file_type().is_socket()) {
        return Some(at_home);
    }
    io.env.text(env::XDG_RUNTIME_DIR).map(|folder| PathBuf::from(folder).join("gnupg/S.gpg-agent"))
}

/// The text with blanks as `+` and all but letters, digits and `-_.~` as hexadecimal.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => escaped.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => escaped.push(char::from(byte)),
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

fn passphrase(hex: &str) -> Option<SecretString> {
    let digits = hex.trim_end().as_bytes();
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
    for pair in digits.chunks(2) {
        let [high, low] = pair else { return None };
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(digit(*high)? << 4 | digit(*low)?);
    }
    String::from_utf8(std::mem::take(&mut *bytes)).ok().map(SecretString::new)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::cli::env::Env;

    /// An agent that answers each line it gets with what `answer` says, and gives back what it heard.
    fn with_agent(answer: fn(&str) -> &'static str, talk: impl FnOnce(&Io)) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("S.gpg-agent");
        let listener = UnixListener::bind(&path).unwrap();
        let agent = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"OK Pleased to meet you\n").unwrap();
            let mut heard = Vec::new();
            for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
                stream.write_all(answer(&line).as_bytes()).unwrap();
                heard.push(line);
            }
            heard
        });
        let (mut io, _) = Io::captured(b"");
        io.env = Env::fixed([(env::GPG_AGENT_INFO, format!("{}:1:1", path.display())), (env::TERM, "xterm".to_owned())]);
        talk(&io);
        agent.join().unwrap()
    }

    #[test]
    fn a_kept_passphrase_comes_back() {
        let answer = |line: &str| if line.starts_with("GET") { "S INQUIRE x\n# note\nOK 636f7272656374\n" } else { "OK\n" };
        let heard = with_agent(answer, |io| {
            let Answer::Passphrase(given) = ask("SopsAgeX", "Enter passphrase for 'a b':", io) else { panic!("no passphrase") };
            assert_eq!(given.expose(), "correct");
        });
        assert!(heard.contains(&"OPTION ttytype=xterm".to_owned()));
        assert_eq!(heard.last().unwrap(), "GET_PASSPHRASE SopsAgeX X Passphrase Enter+passphrase+for+%27a+b%27%3A");
    }

    #[test]
    fn a_wrong_one_is_forgotten_and_a_declined_one_is_not_asked_for_again() {
        assert_eq!(with_agent(|_| "OK\n", |io| forget("SopsAgeX", io)), ["CLEAR_PASSPHRASE SopsAgeX"]);
        let declined = |line: &str| if line.starts_with("GET") { "ERR 83886179 Operation cancelled\n" } else { "OK\n" };
        with_agent(declined, |io| assert!(matches!(ask("X", "d", io), Answer::Cancelled)));
    }

    #[test]
    fn an_agent_that_cannot_help_is_nobody() {
        for answer in [
            (|_: &str| "ERR 67108949 No pinentry\n") as fn(&str) -> &'static str,
            |_| "OK 6\n",
            |_| "OK zz\n",
            |_| "OK ff\n",
            |_| "what\n",
        ] {
            with_agent(answer, |io| assert!(matches!(ask("X", "d", io), Answer::Nobody)));
        }
        let (io, _) = Io::captured(b"");
        assert!(matches!(ask("X", "d", &io), Answer::Nobody));
    }
}

//! The library inside sops 3.13.3, by our Go program `tests/go/sops`: thousands of documents in one process.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::peers;

/// The data key that both sides use, in hexadecimal.
pub(crate) const KEY: &str = "78564bda45a3f4480917f597317ad56a97039bfe63496311e4d40284ec8cd674";

/// The running program.
pub(crate) struct Library {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The text that it made.
    pub(crate) text: String,
    /// The tree that it read: keys and comments, values as dots.
    pub(crate) tree: String,
}

impl Library {
    /// Starts it; `None` without Go.
    pub(crate) fn start() -> Option<Self> {
        let program = peers::go_program("sops")?;
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Some(Self { child, to, from })
    }

    fn ask(&mut self, mut request: Value, text: &[u8]) -> Result<Answer, String> {
        request["Text"] = STANDARD.encode(text).into();
        request["Key"] = KEY.into();
        writeln!(self.to, "{request}").unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        match answer["Error"].as_str() {
            Some(error) if !error.is_empty() => Err(error.to_owned()),
            _ => {
                let text = STANDARD.decode(answer["Text"].as_str().unwrap_or_default()).unwrap();
                let text = String::from_utf8_lossy(&text).into_owned();
                Ok(Answer { text, tree: answer["Tree"].as_str().unwrap_or_default().to_owned() })
            }
        }
    }

    /// Reads a plain file and writes it again.
    pub(crate) fn load(&mut self, format: &str, text: &[u8]) -> Result<Answer, String> {
        self.ask(json!({"Op": "load", "Format": format}), text)
    }

    /// Encrypts a plain file under [`KEY`] with a selector's name and text.
    pub(crate) fn encrypt(
        &mut self,
        format: &str,
        text: &[u8],
        selector: (&str, &str),
        only_mac: bool,
    ) -> Result<String, String> {
        let (name, regex) = selector;
        let request =
            json!({"Op": "encrypt", "Format": format, "Selector": name, "Regex": regex, "OnlyMac": only_mac, "Enc": "E\n"});
        self.ask(request, text).map(|answer| answer.text)
    }

    /// Opens a file under [`KEY`]; its MAC must hold.
    pub(crate) fn decrypt(&mut self, format: &str, text: &[u8]) -> Result<Answer, String> {
        self.ask(json!({"Op": "decrypt", "Format": format}), text)
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

//! What age needs from outside, answered by gpg-agent, by the person at the terminal and by processes: passphrases, and
//! plugins on `PATH`.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

#[cfg(unix)]
use super::gpg_agent::{self, Answer};
use crate::age::{Callbacks, PassphraseRequest, PluginPipe, PluginProtocol};
use crate::cli::Io;
use crate::secret::SecretString;

/// [`Callbacks`] over the outside world of a command.
pub(super) struct Terminal<'a>(RefCell<&'a mut Io>);

impl<'a> Terminal<'a> {
    /// Borrows the world while keys are tried.
    pub(super) fn new(io: &'a mut Io) -> Self {
        Self(RefCell::new(io))
    }

    fn ask(&self, prompt: &str) -> std::io::Result<SecretString> {
        (self.0.borrow_mut().ask)(prompt)
    }
}

impl Callbacks for Terminal<'_> {
    fn passphrase(&self, request: &PassphraseRequest<'_>) -> Result<SecretString, String> {
        #[cfg(unix)]
        if !request.cache_id.is_empty() {
            let description = format!("Enter passphrase for identity '{}':", request.origin);
            match gpg_agent::ask(request.cache_id, &description, &self.0.borrow()) {
                Answer::Passphrase(passphrase) => return Ok(passphrase),
                Answer::Cancelled => return Err("it needs a passphrase, and asking for it was cancelled".to_owned()),
                Answer::Nobody => {}
            }
        }
        let prompt = format!("Enter passphrase for {}: ", request.origin);
        self.ask(&prompt).map_err(|error| match error.kind() {
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => format!("it needs a passphrase: {error}"),
            _ => format!("it needs a passphrase, and there is no terminal to ask on ({error})"),
        })
    }

    #[cfg(unix)]
    fn passphrase_was_wrong(&self, request: &PassphraseRequest<'_>) {
        if !request.cache_id.is_empty() {
            gpg_agent::forget(request.cache_id, &self.0.borrow());
        }
    }

    fn plugin(&self, name: &str, protocol: PluginProtocol) -> Result<Box<dyn PluginPipe>, String> {
        let program = format!("age-plugin-{name}");
        let mut command = Command::new(&program);
        {
            let io = self.0.borrow();
            io.env.give_to(&mut command);
            command.current_dir(&io.cwd);
        }
        command.arg(format!("--age-plugin={}", protocol.as_str())).stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("there is no program {program} on the PATH"),
            _ => format!("cannot run {program}: {error}"),
        });
        let mut child = child?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(to), Some(from)) => Ok(Box::new(Plugin { child, to: Some(to), from: BufReader::new(from) })),
            _ => Err(format!("cannot talk to {program}")),
        }
    }

    fn plugin_message(&self, plugin: &str, message: &str) -> bool {
        let shown: String = message.chars().filter(|c| !c.is_control() || *c == '\n').collect();
        self.0.borrow_mut().complain(&format!("age-plugin-{plugin}: {shown}\n"));
        true
    }

    fn plugin_question(&self, plugin: &str, question: &str, _secret: bool) -> Option<SecretString> {
        let shown: String = question.chars().filter(|c| !c.is_control()).collect();
        self.ask(&format!("age-plugin-{plugin}: {shown}: ")).ok()
    }

    fn plugin_confirm(&self, plugin: &str, question: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let shown: String = question.chars().filter(|c| !c.is_control()).collect();
        let choices = no.map_or_else(|| format!("1: {yes}"), |no| format!("1: {yes}, 2: {no}"));
        let answer = self.ask(&format!("age-plugin-{plugin}: {shown} ({choices}): ")).ok()?;
        match answer.expose().trim() {
            "1" => Some(true),
            "2" if no.is_some() => Some(false),
            _ => None,
        }
    }
}

struct Plugin {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl PluginPipe for Plugin {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let to = self.to.as_mut().ok_or("it ended")?;
        to.write_all(bytes).and_then(|()| to.flush()).map_err(|error| error.to_string())
    }

    fn receive_line(&mut self, max_len: usize) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        let limit = u64::try_from(max_len).unwrap_or(u64::MAX).saturating_add(1);
        self.from.by_ref().take(limit).read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
        match line.pop() {
            Some(b'\n') => Ok(line),
            None => Err("it ended".to_owned()),
            Some(_) if line.len() >= max_len => Err("it sends a line that is too long".to_owned()),
            Some(_) => Err("it ended".to_owned()),
        }
    }
}

impl Drop for Plugin {
    /// The conversation is over: the plugin gets a moment to end by itself.
    fn drop(&mut self) {
        const STEP: Duration = Duration::from_millis(10);
        const STEPS: u32 = 200;
        drop(self.to.take());
        for _ in 0..STEPS {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(STEP),
                _ => return,
            }
        }
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

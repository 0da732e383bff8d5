//! The conversation with plugins (C2SP `age-plugin.md`, protocols `recipient-v1` and `identity-v1`), over a [`PluginPipe`].
//!
//! The callbacks start the process; here is only what is said. A plugin is trusted with the file key but not with us: what
//! it sends is bounded, checked before it goes into a file, and shown without control characters. Labels need no check,
//! since every file here has one recipient.

use zeroize::Zeroizing;

use super::file::Unwrapped;
use super::format::{FileKey, Stanza, decode_base64};
use super::{Callbacks, Error, PluginPipe, PluginProtocol};
use crate::secret::{SecretBytes, SecretString};

/// Stanzas that a plugin may send in one conversation.
const MAX_STANZAS: usize = 4096;
/// Bytes of a line that a plugin sends.
const MAX_LINE: usize = 64 << 10;
/// Lines of a stanza's body; 48 bytes each.
const MAX_BODY_LINES: usize = 1 << 14;
/// Characters of a plugin's error that are shown.
const MAX_SHOWN: usize = 500;

/// Letters, digits and `+-._`: nothing that leads out of a folder.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
}

pub(super) fn wrap(name: &str, recipient: &str, file_key: &FileKey, callbacks: &dyn Callbacks) -> Result<Vec<Stanza>, Error> {
    let failed = |reason: String| Error::Plugin { name: name.to_owned(), reason };
    let mut plugin = Conversation::start(name, PluginProtocol::RecipientV1, callbacks).map_err(failed)?;
    plugin.ask_to_wrap(recipient, file_key).map_err(failed)
}

pub(super) fn unwrap(name: &str, identity: &SecretString, stanzas: &[Stanza], callbacks: &dyn Callbacks) -> Unwrapped {
    let found = Conversation::start(name, PluginProtocol::IdentityV1, callbacks)
        .and_then(|mut plugin| plugin.ask_to_unwrap(identity, stanzas));
    match found {
        Ok(Some(key)) => Unwrapped::Key(key),
        Ok(None) => Unwrapped::NoMatch,
        Err(reason) => Unwrapped::Failed(format!("age-plugin-{name}: {reason}")),
    }
}

struct Conversation<'a> {
    name: &'a str,
    pipe: Box<dyn PluginPipe>,
    callbacks: &'a dyn Callbacks,
}

impl<'a> Conversation<'a> {
    fn start(name: &'a str, protocol: PluginProtocol, callbacks: &'a dyn Callbacks) -> Result<Self, String> {
        Ok(Self { name, pipe: callbacks.plugin(name, protocol)?, callbacks })
    }

    fn ask_to_wrap(&mut self, recipient: &str, file_key: &FileKey) -> Result<Vec<Stanza>, String> {
        self.say("add-recipient", &[recipient], b"")?;
        self.say("wrap-file-key", &[], file_key.bytes().expose())?;
        self.say("extension-labels", &[], b"")?;
        self.say("done", &[], b"")?;
        let mut stanzas = Vec::new();
        for _ in 0..MAX_STANZAS {
            let said = self.listen()?;
            match (said.kind.as_str(), said.args.as_slice()) {
                ("recipient-stanza", [index, kind, args @ ..]) if index == "0" => {
                    let stanza = Stanza { kind: kind.clone(), args: args.to_vec(), body: said.body };
                    if !stanza.is_well_formed() {
                        return Err("it gave a stanza that cannot be written".to_owned());
                    }
                    stanzas.push(stanza);
                    self.say("ok", &[], b"")?;
                }
                ("recipient-stanza", _) => return Err("it gave a malformed stanza".to_owned()),
                ("labels", _) => self.say("ok", &[], b"")?,
                ("done", _) if stanzas.is_empty() => return Err("it gave no stanza".to_owned()),
                ("done", _) => return Ok(stanzas),
                _ => self.answer(&said)?,
            }
        }
        Err("it sends without end".to_owned())
    }

    fn ask_to_unwrap(&mut self, identity: &SecretString, stanzas: &[Stanza]) -> Result<Option<FileKey>, String> {
        self.say("add-identity", &[identity.expose()], b"")?;
        for stanza in stanzas {
            let args: Vec<&str> = ["0", &stanza.kind].into_iter().chain(stanza.args.iter().map(String::as_str)).collect();
            self.say("recipient-stanza", &args, &stanza.body)?;
        }
        self.say("done", &[], b"")?;
        let mut file_key = None;
        for _ in 0..MAX_STANZAS {
            let said = self.listen()?;
            match (said.kind.as_str(), said.args.as_slice()) {
                ("file-key", [index]) if index == "0" && file_key.is_none() => {
                    let key = FileKey::new(SecretBytes::new(said.body)).ok_or("it gave a file key of the wrong length")?;
                    file_key = Some(key);
                    self.say("ok", &[], b"")?;
                }
                ("file-key", _) => return Err("it gave a malformed or a second file key".to_owned()),
                ("done", _) => return Ok(file_key),
                _ => self.answer(&said)?,
            }
        }
        Err("it sends without end".to_owned())
    }

    /// What both protocols may say: errors, and questions to a person.
    fn answer(&mut self, said: &Stanza) -> Result<(), String> {
        let text = String::from_utf8_lossy(&said.body);
        match said.kind.as_str() {
            "error" => {
                self.say("ok", &[], b"")?;
                let shown: String = text.chars().filter(|c| !c.is_control()).take(MAX_SHOWN).collect();
                Err(shown)
            }
            "msg" if self.callbacks.plugin_message(self.name, &text) => self.say("ok", &[], b""),
            "request-secret" | "request-public" => {
                match self.callbacks.plugin_question(self.name, &text, said.kind == "request-secret") {
                    Some(answer) => self.say("ok", &[], answer.expose().as_bytes()),
                    None => self.say("fail", &[], b""),
                }
            }
            "confirm" => {
                let label = |arg: &String| decode_base64(arg.as_bytes()).and_then(|bytes| String::from_utf8(bytes).ok());
                let chosen = match said.args.as_slice() {
                    [yes] => label(yes).map(|yes| self.callbacks.plugin_confirm(self.name, &text, &yes, None)),
                    [yes, no] => label(yes)
                        .zip(label(no))
                        .map(|(yes, no)| self.callbacks.plugin_confirm(self.name, &text, &yes, Some(&no))),
                    _ => None,
                };
                match chosen.ok_or("it asked a malformed question")? {
                    Some(true) => self.say("ok", &["yes"], b""),
                    Some(false) => self.say("ok", &["no"], b""),
                    None => self.say("fail", &[], b""),
                }
            }
            "msg" => self.say("fail", &[], b""),
            _ => self.say("unsupported", &[], b""),
        }
    }

    fn say(&mut self, kind: &str, args: &[&str], body: &[u8]) -> Result<(), String> {
        // Identities, answers and file keys go through here.
        let stanza = SecretStanza(Stanza::new(kind, args, body.to_vec()));
        let size = args.iter().map(|arg| arg.len() + 1).sum::<usize>() + body.len() * 2 + kind.len() + 64;
        let mut bytes = Zeroizing::new(Vec::with_capacity(size));
        stanza.0.write(&mut bytes);
        self.pipe.send(&bytes)
    }

    fn listen(&mut self) -> Result<Stanza, String> {
        let mut broken = None;
        let pipe = &mut self.pipe;
        let read = Stanza::read(
            || {
                pipe.receive_line(MAX_LINE).map_err(|reason| {
                    broken = Some(reason);
                    Error::Header(String::new())
                })
            },
            MAX_BODY_LINES,
        );
        read.map_err(|_| broken.unwrap_or_else(|| "it does not speak the protocol of age plugins".to_owned()))
    }
}

/// A stanza that is wiped after it was sent.
struct SecretStanza(Stanza);

impl Drop for SecretStanza {
    fn drop(&mut self) {
        use zeroize::Zeroize as _;
        self.0.args.zeroize();
        self.0.body.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;
    use crate::age::PassphraseRequest;

    /// A plugin that says prepared lines, the last one for ever, whatever it is told.
    struct Script {
        lines: Vec<String>,
        heard: Rc<RefCell<Vec<u8>>>,
    }

    impl PluginPipe for Script {
        fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
            self.heard.borrow_mut().extend_from_slice(bytes);
            Ok(())
        }

        fn receive_line(&mut self, _max_len: usize) -> Result<Vec<u8>, String> {
            match self.lines.as_slice() {
                [] => Err("it ended".to_owned()),
                [last] if !last.is_empty() => Ok(last.clone().into_bytes()),
                _ => Ok(self.lines.remove(0).into_bytes()),
            }
        }
    }

    #[derive(Default)]
    struct Host {
        script: String,
        heard: Rc<RefCell<Vec<u8>>>,
    }

    impl Callbacks for Host {
        fn passphrase(&self, _request: &PassphraseRequest<'_>) -> Result<SecretString, String> {
            Err(String::new())
        }

        fn plugin(&self, _name: &str, _protocol: PluginProtocol) -> Result<Box<dyn PluginPipe>, String> {
            let lines = self.script.split_terminator('\n').map(str::to_owned).collect();
            Ok(Box::new(Script { lines, heard: Rc::clone(&self.heard) }))
        }
    }

    fn key() -> FileKey {
        FileKey::new(SecretBytes::copy_of(b"0123456789abcdef")).unwrap()
    }

    fn wrapped(script: &str) -> Result<Vec<Stanza>, String> {
        let host = Host { script: script.to_owned(), ..Host::default() };
        wrap("x", "age1x1qqq", &key(), &host).map_err(|error| error.to_string())
    }

    fn unwrapped(script: &str) -> String {
        let host = Host { script: script.to_owned(), ..Host::default() };
        match unwrap("x", &SecretString::new("AGE-PLUGIN-X-1QQQ".to_owned()), &[], &host) {
            Unwrapped::Key(found) => format!("key {}", found == key()),
            Unwrapped::NoMatch => "no match".to_owned(),
            Unwrapped::Failed(reason) => reason,
        }
    }

    #[test]
    fn says_what_the_protocols_prescribe() {
        let host = Host { script: "-> recipient-stanza 0 kind arg\nAAAA\n-> done\n\n".to_owned(), ..Host::default() };
        let stanzas = wrap("x", "age1x1qqq", &key(), &host).unwrap();
        assert_eq!(stanzas, [Stanza::new("kind", &["arg"], vec![0; 3])]);
        let said = String::from_utf8(host.heard.borrow().clone()).unwrap();
        assert_eq!(
            said,
            "-> add-recipient age1x1qqq\n\n-> wrap-file-key\nMDEyMzQ1Njc4OWFiY2RlZg\n-> extension-labels\n\n-> done\n\n-> ok\n\n"
        );
        let host = Host { script: "-> file-key 0\nMDEyMzQ1Njc4OWFiY2RlZg\n-> done\n\n".to_owned(), ..Host::default() };
        let Unwrapped::Key(found) = unwrap("x", &SecretString::new("AGE-PLUGIN-X-1QQQ".into()), &stanzas, &host) else {
            panic!("the file key is there")
        };
        assert_eq!(found, key());
        let said = String::from_utf8(host.heard.borrow().clone()).unwrap();
        assert_eq!(said, "-> add-identity AGE-PLUGIN-X-1QQQ\n\n-> recipient-stanza 0 kind arg\nAAAA\n-> done\n\n-> ok\n\n");
    }

    #[test]
    fn unknown_and_unanswerable_messages_are_declined() {
        for (said, answer) in [
            ("-> grease-1 2 3\nAAAA", "-> unsupported\n"),
            ("-> msg\nAAAA", "-> fail\n"),
            ("-> request-secret\nAAAA", "-> fail\n"),
            ("-> request-public\nAAAA", "-> fail\n"),
            ("-> confirm eWVz bm8\nAAAA", "-> fail\n"),
            ("-> labels postquantum\n", "-> ok\n"),
        ] {
            let script = format!("{said}\n-> recipient-stanza 0 kind\n\n-> done\n\n");
            let host = Host { script, ..Host::default() };
            assert_eq!(wrap("x", "age1x1qqq", &key(), &host).unwrap().len(), 1, "{said}");
            let heard = String::from_utf8(host.heard.borrow().clone()).unwrap();
            assert!(heard.contains(&format!("-> done\n\n{answer}")), "{said}: {heard}");
        }
    }

    #[test]
    fn a_plugin_that_breaks_the_protocol_is_an_error() {
        let wrong = |script: &str| wrapped(script).unwrap_err();
        assert_eq!(wrong("-> done\n\n"), "age-plugin-x: it gave no stanza");
        assert_eq!(wrong(""), "age-plugin-x: it ended");
        assert_eq!(wrong("hello\n"), "age-plugin-x: it does not speak the protocol of age plugins");
        assert_eq!(wrong("-> recipient-stanza 1 kind\n\n"), "age-plugin-x: it gave a malformed stanza");
        assert_eq!(wrong("-> recipient-stanza 0\n\n"), "age-plugin-x: it gave a malformed stanza");
        assert_eq!(wrong("-> confirm !!!\n\n"), "age-plugin-x: it asked a malformed question");
        assert_eq!(wrong("-> error internal\nbm8\n"), "age-plugin-x: no");
        let endless = format!("-> grease\n{}\n", "A".repeat(64));
        assert_eq!(wrong(&endless), "age-plugin-x: it does not speak the protocol of age plugins");
        let chatter = "-> grease\n\n".repeat(MAX_STANZAS + 1);
        assert_eq!(wrong(&chatter), "age-plugin-x: it sends without end");
        assert_eq!(unwrapped("-> file-key 0\nAAAA\n"), "age-plugin-x: it gave a file key of the wrong length");
        let twice = "-> file-key 0\nMDEyMzQ1Njc4OWFiY2RlZg\n".repeat(2);
        assert_eq!(unwrapped(&twice), "age-plugin-x: it gave a malformed or a second file key");
        assert_eq!(
            unwrapped("-> file-key 1\nMDEyMzQ1Njc4OWFiY2RlZg\n"),
            "age-plugin-x: it gave a malformed or a second file key"
        );
        assert_eq!(unwrapped("-> done\n\n"), "no match");
    }

    #[test]
    fn names_stay_within_a_folder() {
        for name in ["yubikey", "tag", "se+x-1._a"] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "../x", "a/b", "a\\b", "a b", "ä"] {
            assert!(!is_name(name), "{name}");
        }
    }
}

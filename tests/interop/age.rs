//! age files both ways against age 1.3.2, data keys against sops 3.13.3, and a plugin made with age's own framework.

use std::cell::RefCell;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use hecate_seal::age::{
    Callbacks, Error, Identity, Layout, Outcome, PassphraseRequest, PluginPipe, PluginProtocol, Recipient, Unattended, decrypt,
    encrypt, parse_identities, unwrap_data_key, wrap_data_key,
};
use hecate_seal::secret::{SecretBytes, SecretString};
use serde_json::Value;

use crate::support::{Run, peers, root, temp_dir};

/// Frozen SSH keys, so that the tests need no ssh-keygen.
const SSH: [&str; 5] = ["ssh-ed25519", "ssh-rsa", "ssh-rsa-3072", "ssh-rsa-pkcs1", "ssh-rsa-pkcs8"];

fn frozen(name: &str) -> PathBuf {
    root().join("tests/it/vectors/age/keys").join(name)
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A recipient, the file with its identity, and the identity.
struct Pair {
    recipient: String,
    file: PathBuf,
    identity: Identity,
}

/// Fresh keys of age's own kinds, and the frozen SSH keys.
fn pairs(keygen: &Path, folder: &Path) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (name, flags) in [("x25519", [].as_slice()), ("hybrid", ["-pq"].as_slice())] {
        let file = folder.join(name);
        Run::new(keygen).args(flags).arg("-o").arg(&file).ok();
        let recipient = Run::new(keygen).arg("-y").arg(&file).ok().out().trim().to_owned();
        let identity = parse_identities(text(&file).as_bytes(), Layout::Lines, name).unwrap().remove(0);
        assert_eq!(identity.recipient().unwrap(), recipient);
        pairs.push(Pair { recipient, file, identity });
    }
    // Without a public half in a file: what ours computes from the private one.
    let file = frozen("ssh-ed25519-pkcs8");
    let identity = Identity::parse_ssh(text(&file).as_bytes(), "ssh-ed25519-pkcs8").unwrap();
    pairs.push(Pair { recipient: identity.recipient().unwrap(), file, identity });
    for name in SSH {
        let recipient = text(&frozen(&format!("{name}.pub"))).trim().to_owned();
        let identity = Identity::parse_ssh(text(&frozen(name)).as_bytes(), name).unwrap();
        pairs.push(Pair { recipient, file: frozen(name), identity });
    }
    pairs
}

#[test]
fn what_ours_encrypts_age_decrypts_and_the_other_way_round() {
    let (Some(age), Some(keygen)) = (peers::get(&peers::AGE), peers::get(&peers::AGE_KEYGEN)) else { return };
    let folder = temp_dir();
    for pair in pairs(&keygen, folder.path()) {
        let recipient = Recipient::parse(&pair.recipient).unwrap();
        for len in [0, 1, 32, 33, 65_535, 65_536, 65_537, 200_000] {
            let content: Vec<u8> = (0..len).map(|index: u32| (index * 7 % 251) as u8).collect();
            let secret = SecretBytes::copy_of(&content);
            let ours = if len == 32 {
                wrap_data_key(&recipient, &secret, &Unattended).unwrap().into_bytes()
            } else {
                encrypt(&recipient, &secret, &Unattended).unwrap()
            };
            let theirs = Run::new(&age).args(["-d", "-i"]).arg(&pair.file).stdin(ours).ok();
            assert!(theirs.stdout == content, "{} {len}", pair.recipient);
            let theirs = Run::new(&age).args(["-r", &pair.recipient]).stdin(content.clone()).ok().stdout;
            let ours = decrypt(&theirs, std::slice::from_ref(&pair.identity), &Unattended).unwrap();
            assert!(ours.content.expose() == content, "{} {len}", pair.recipient);
        }
    }
}

#[test]
fn a_file_for_many_recipients_opens_with_each() {
    let (Some(age), Some(keygen)) = (peers::get(&peers::AGE), peers::get(&peers::AGE_KEYGEN)) else { return };
    let folder = temp_dir();
    let pairs: Vec<Pair> =
        pairs(&keygen, folder.path()).into_iter().filter(|pair| !pair.recipient.starts_with("age1pq")).collect();
    let run = pairs.iter().fold(Run::new(&age).arg("-a"), |run, pair| run.args(["-r", &pair.recipient]));
    let file = run.stdin("a data key").ok();
    for pair in &pairs {
        let opened = unwrap_data_key(file.out(), std::slice::from_ref(&pair.identity), &Unattended).unwrap();
        assert_eq!(opened.content.expose(), b"a data key", "{}", pair.recipient);
    }
}

/// Changes of an armored or plain file that a hand or a bad disk could make.
fn mutations(file: &[u8], seed: u64) -> Vec<Vec<u8>> {
    // A small generator with a fixed seed: the same mutations on every machine.
    let mut state = seed;
    let mut random = move |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    };
    let replacements = [b"\n".as_slice(), b"\r", b"\r\n", b" ", b"=", b"-> ", b"--- ", b"A", b"\t", b"", b"\x00", b"-> x y\n\n"];
    let mut changed = Vec::new();
    for _ in 0..120 {
        let mut copy = file.to_vec();
        let at = random(copy.len());
        match random(4) {
            0 => copy[at] ^= 1 << random(8),
            1 => {
                copy.truncate(at);
            }
            2 => {
                let with = replacements[random(replacements.len())];
                copy.splice(at..(at + random(3)).min(file.len()), with.iter().copied());
            }
            _ => {
                // A line doubled or gone.
                let mut lines: Vec<&[u8]> = file.split_inclusive(|&byte| byte == b'\n').collect();
                let line = random(lines.len());
                if random(2) == 0 {
                    lines.remove(line);
                } else {
                    lines.insert(line, lines[line]);
                }
                copy = lines.concat();
            }
        }
        changed.push(copy);
    }
    changed
}

#[test]
fn ours_and_age_agree_on_what_is_malformed() {
    let (Some(age), Some(keygen)) = (peers::get(&peers::AGE), peers::get(&peers::AGE_KEYGEN)) else { return };
    let folder = temp_dir();
    let mut opened = 0;
    for (pair, seed) in pairs(&keygen, folder.path()).iter().take(3).zip(1..) {
        let recipient = Recipient::parse(&pair.recipient).unwrap();
        let secret = SecretBytes::copy_of(b"thirty-two bytes for a data key.");
        let armored = wrap_data_key(&recipient, &secret, &Unattended).unwrap();
        let identities = std::slice::from_ref(&pair.identity);
        for file in mutations(armored.as_bytes(), seed) {
            // age would take a file that does not begin as armor for a plain one; sops would not, and always expects armor.
            if !file.trim_ascii_start().starts_with(b"-----BEGIN AGE") {
                continue;
            }
            let theirs = Run::new(&age).args(["-d", "-i"]).arg(&pair.file).stdin(file.clone()).output();
            let ours = unwrap_data_key(&String::from_utf8_lossy(&file), identities, &Unattended);
            assert_eq!(ours.is_ok(), theirs.code == Some(0), "{}\n{ours:?}\n{}", String::from_utf8_lossy(&file), theirs.err());
            opened += u32::from(ours.is_ok());
        }
        for file in mutations(&encrypt(&recipient, &secret, &Unattended).unwrap(), seed + 100) {
            let theirs = Run::new(&age).args(["-d", "-i"]).arg(&pair.file).stdin(file.clone()).output();
            let ours = decrypt(&file, identities, &Unattended);
            assert_eq!(ours.is_ok(), theirs.code == Some(0), "{}\n{ours:?}\n{}", file.escape_ascii(), theirs.err());
        }
    }
    assert!(opened > 0, "no mutation was harmless: they are too coarse to show a difference in tolerance");
}

#[test]
fn data_keys_go_both_ways_with_sops() {
    let (Some(sops), Some(keygen)) = (peers::get(&peers::SOPS), peers::get(&peers::AGE_KEYGEN)) else { return };
    let folder = temp_dir();
    let pairs = pairs(&keygen, folder.path());
    let plain = folder.path().join("plain.json");
    std::fs::write(&plain, "{\n\t\"password\": \"hunter2\"\n}\n").unwrap();
    let recipients: Vec<&str> = pairs.iter().map(|pair| pair.recipient.as_str()).collect();
    let sealed = Run::new(&sops).args(["encrypt", "--age", &recipients.join(",")]).arg(&plain).ok();
    let document: Value = serde_json::from_str(sealed.out()).unwrap();
    let entries = document["sops"]["age"].as_array().unwrap();
    assert_eq!(entries.len(), pairs.len());
    let mut data_key = None;
    for (entry, pair) in entries.iter().zip(&pairs) {
        assert_eq!(entry["recipient"].as_str(), Some(pair.recipient.as_str()));
        let opened = unwrap_data_key(entry["enc"].as_str().unwrap(), std::slice::from_ref(&pair.identity), &Unattended).unwrap();
        assert_eq!(opened.content.len(), 32);
        assert!(data_key.get_or_insert(opened.content.clone()) == &opened.content, "{}", pair.recipient);
    }
    let data_key = data_key.unwrap();
    for pair in &pairs {
        let mut ours = document.clone();
        let enc = wrap_data_key(&Recipient::parse(&pair.recipient).unwrap(), &data_key, &Unattended).unwrap();
        ours["sops"]["age"] = serde_json::json!([{ "recipient": pair.recipient, "enc": enc }]);
        let file = folder.path().join("ours.json");
        std::fs::write(&file, serde_json::to_string_pretty(&ours).unwrap()).unwrap();
        let variable = if pair.recipient.starts_with("ssh-") { "SOPS_AGE_SSH_PRIVATE_KEY_FILE" } else { "SOPS_AGE_KEY_FILE" };
        let opened = Run::new(&sops).args(["decrypt"]).arg(&file).env(variable, &pair.file).ok();
        assert_eq!(opened.out(), "{\n\t\"password\": \"hunter2\"\n}\n", "{}", pair.recipient);
    }
}

/// Runs the plugin, and answers what it asks with what it is told to.
#[derive(Default)]
struct Person {
    program: PathBuf,
    pin: Option<&'static str>,
    choice: Option<bool>,
    heard: RefCell<Vec<String>>,
}

struct Process {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

impl PluginPipe for Process {
    fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.to.as_mut().unwrap().write_all(bytes).map_err(|error| error.to_string())
    }

    fn receive_line(&mut self, max_len: usize) -> Result<Vec<u8>, String> {
        let mut line = Vec::new();
        self.from.read_until(b'\n', &mut line).map_err(|error| error.to_string())?;
        match line.pop() {
            Some(b'\n') if line.len() <= max_len => Ok(line),
            _ => Err("it ended".into()),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.child.wait();
    }
}

impl Callbacks for Person {
    fn passphrase(&self, _request: &PassphraseRequest<'_>) -> Result<SecretString, String> {
        Err("nobody".into())
    }

    fn plugin(&self, name: &str, protocol: PluginProtocol) -> Result<Box<dyn PluginPipe>, String> {
        assert_eq!(name, "peer");
        let mut command = Command::new(&self.program);
        command.arg(format!("--age-plugin={}", protocol.as_str())).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let (to, from) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Ok(Box::new(Process { child, to, from }))
    }

    fn plugin_message(&self, plugin: &str, message: &str) -> bool {
        self.heard.borrow_mut().push(format!("{plugin}: {message}"));
        true
    }

    fn plugin_question(&self, plugin: &str, question: &str, secret: bool) -> Option<SecretString> {
        self.heard.borrow_mut().push(format!("{plugin}: {question} {secret}"));
        self.pin.map(|pin| SecretString::new(pin.to_owned()))
    }

    fn plugin_confirm(&self, plugin: &str, question: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        self.heard.borrow_mut().push(format!("{plugin}: {question} {yes}/{no:?}"));
        self.choice
    }
}

#[test]
fn plugins_wrap_unwrap_and_ask_as_they_do_under_age() {
    let (Some(age), Some(program)) = (peers::get(&peers::AGE), peers::go_program("age-plugin-peer")) else { return };
    // age finds a plugin by its name on the PATH.
    let folder = temp_dir();
    std::fs::copy(&program, folder.path().join("age-plugin-peer")).unwrap();
    let content = SecretBytes::copy_of(b"a data key");
    let keys = |wants: &str| {
        let printed = Run::new(&program).args(["-keys", wants]).ok().out().to_owned();
        let (recipient, identity) = printed.trim().split_once('\n').unwrap();
        (recipient.to_owned(), identity.to_owned())
    };
    let open = |enc: &str, identity: &str, person: &Person| {
        unwrap_data_key(enc, &[Identity::parse(identity, "keys.txt").unwrap()], person)
    };
    let failure = |opened: Result<_, Error>| match opened.err().unwrap() {
        Error::NoMatch { attempts, .. } => attempts[0].outcome.clone(),
        error => panic!("{error}"),
    };

    let (recipient, identity) = keys("0");
    let silent = Person { program: program.clone(), ..Person::default() };
    let enc = wrap_data_key(&Recipient::parse(&recipient).unwrap(), &content, &silent).unwrap();
    assert_eq!(open(&enc, &identity, &silent).unwrap().content, content);
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, &identity).unwrap();
    let path = folder.path();
    assert_eq!(Run::new(&age).args(["-d", "-i"]).arg(&key_file).env("PATH", path).stdin(enc.clone()).ok().out(), "a data key");
    let theirs = Run::new(&age).args(["-a", "-r", &recipient]).env("PATH", path).stdin("a data key").ok();
    assert_eq!(open(theirs.out(), &identity, &silent).unwrap().content, content);

    // Questions, with an answer, a wrong one and none.
    let person = |pin, choice| Person { program: program.clone(), pin, choice, heard: RefCell::default() };
    let (_, pin) = keys("1");
    let knowing = person(Some("1234"), None);
    assert_eq!(open(&enc, &pin, &knowing).unwrap().content, content);
    assert_eq!(knowing.heard.into_inner(), ["peer: PIN? true"]);
    assert_eq!(failure(open(&enc, &pin, &person(Some("0"), None))), Outcome::Failed("age-plugin-peer: wrong PIN".into()));
    assert!(matches!(failure(open(&enc, &pin, &person(None, None))), Outcome::Failed(_)));
    let (_, confirm) = keys("2");
    let willing = person(None, Some(true));
    assert_eq!(open(&enc, &confirm, &willing).unwrap().content, content);
    assert_eq!(willing.heard.into_inner(), ["peer: really? yes/Some(\"no\")"]);
    assert_eq!(failure(open(&enc, &confirm, &person(None, Some(false)))), Outcome::Failed("age-plugin-peer: declined".into()));
    let (_, message) = keys("4");
    let listening = person(None, None);
    assert_eq!(open(&enc, &message, &listening).unwrap().content, content);
    assert_eq!(listening.heard.into_inner(), ["peer: touch the token"]);

    // Failures: its own words without control characters, a file for somebody else, and no plugin at all.
    let (broken_recipient, broken) = keys("3");
    assert_eq!(failure(open(&enc, &broken, &silent)), Outcome::Failed("age-plugin-peer: no token[31m plugged in".into()));
    let error = wrap_data_key(&Recipient::parse(&broken_recipient).unwrap(), &content, &silent).unwrap_err();
    assert!(error.to_string().contains("no token"), "{error}");
    let other = Recipient::parse(&text(&frozen("x25519.pub"))).unwrap();
    let other = wrap_data_key(&other, &content, &silent).unwrap();
    assert_eq!(failure(open(&other, &identity, &silent)), Outcome::NoMatch);
    let missing = Person { program: "/nonexistent".into(), ..Person::default() };
    assert!(matches!(failure(open(&enc, &identity, &missing)), Outcome::Failed(_)));
}

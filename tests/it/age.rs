//! age files against C2SP's vectors, and against what age 1.3.2 and ssh-keygen made.

use std::cell::Cell;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hecate_seal::age::{
    Callbacks, Error, Identity, Layout, Outcome, PassphraseFor, PassphraseRequest, PluginPipe, PluginProtocol, Recipient,
    Unattended, decrypt, encrypt, parse_identities, unwrap_data_key, wrap_data_key,
};
use hecate_seal::crypto::kdf::sha256;
use hecate_seal::secret::{SecretBytes, SecretString};
use hecate_seal::sops::value::Cipher;
use proptest::prelude::*;

use crate::support::root;

fn vectors() -> PathBuf {
    root().join("tests/it/vectors/age")
}

fn read(path: &str) -> Vec<u8> {
    let path = vectors().join(path);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn text(path: &str) -> String {
    String::from_utf8(read(path)).unwrap()
}

/// Gives one passphrase, and counts how often it was asked and told that it was wrong.
struct Person {
    passphrase: &'static str,
    asked: Cell<u32>,
    wrong: Cell<u32>,
}

impl Person {
    fn with(passphrase: &'static str) -> Self {
        Self { passphrase, asked: Cell::new(0), wrong: Cell::new(0) }
    }
}

impl Callbacks for Person {
    fn passphrase(&self, _request: &PassphraseRequest<'_>) -> Result<SecretString, String> {
        self.asked.set(self.asked.get() + 1);
        Ok(SecretString::new(self.passphrase.to_owned()))
    }

    fn plugin(&self, name: &str, protocol: PluginProtocol) -> Result<Box<dyn PluginPipe>, String> {
        Unattended.plugin(name, protocol)
    }

    fn passphrase_was_wrong(&self, _request: &PassphraseRequest<'_>) {
        self.wrong.set(self.wrong.get() + 1);
    }
}

/// A vector of C2SP: keys and values, an empty line, an age file.
struct Vector {
    fields: Vec<(String, String)>,
    file: Vec<u8>,
}

impl Vector {
    fn read(name: &str) -> Self {
        let bytes = read(&format!("cctv/{name}"));
        let mut fields = Vec::new();
        let mut rest = bytes.as_slice();
        loop {
            let end = rest.iter().position(|&byte| byte == b'\n').unwrap();
            let line = std::str::from_utf8(&rest[..end]).unwrap();
            rest = &rest[end + 1..];
            let Some((key, value)) = line.split_once(": ") else { break };
            fields.push((key.to_owned(), value.to_owned()));
        }
        let mut vector = Self { fields, file: rest.to_vec() };
        if vector.get("compressed") == Some("zlib") {
            vector.file = miniz_oxide::inflate::decompress_to_vec_zlib(&vector.file).unwrap();
        }
        vector
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    fn identities(&self) -> Vec<Identity> {
        let identities = self.fields.iter().filter_map(|(key, value)| match key.as_str() {
            "identity" => Some(Identity::parse(value, "the vector").unwrap()),
            "passphrase" => Some(Identity::from_passphrase(SecretString::new(value.clone()), "the vector")),
            _ => None,
        });
        identities.collect()
    }

    fn outcome(&self) -> String {
        let identities = self.identities();
        let opened = match self.get("armored") {
            // Bytes that are no UTF-8 are no base64 either way.
            Some("yes") => unwrap_data_key(&String::from_utf8_lossy(&self.file), &identities, &Unattended),
            _ => decrypt(&self.file, &identities, &Unattended),
        };
        match opened {
            Ok(opened) => {
                let hash: String = sha256(opened.content.expose()).iter().map(|byte| format!("{byte:02x}")).collect();
                format!("success {hash}")
            }
            Err(Error::Armor(_)) => "armor failure".to_owned(),
            Err(Error::Header(_)) => "header failure".to_owned(),
            Err(Error::Mac) => "HMAC failure".to_owned(),
            Err(Error::Payload(_)) => "payload failure".to_owned(),
            Err(Error::NoMatch { .. }) => "no match".to_owned(),
            Err(error) => error.to_string(),
        }
    }
}

#[test]
fn every_vector_of_c2sp_opens_or_fails_as_it_must() {
    const KNOWN: [&str; 8] = ["expect", "payload", "identity", "passphrase", "armored", "file key", "comment", "compressed"];
    let mut names: Vec<String> = std::fs::read_dir(vectors().join("cctv"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 147);
    let mut wrong = Vec::new();
    for name in names {
        let vector = Vector::read(&name);
        assert!(vector.fields.iter().all(|(key, _)| KNOWN.contains(&key.as_str())), "{name} has an unknown field");
        let mut expected = vector.get("expect").unwrap().to_owned();
        if expected == "success" {
            expected = format!("success {}", vector.get("payload").unwrap());
        }
        let outcome = vector.outcome();
        if outcome != expected {
            wrong.push(format!("{name}: {outcome}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

const NATIVE: [&str; 2] = ["x25519", "hybrid"];
const SSH: [&str; 5] = ["ssh-ed25519", "ssh-rsa", "ssh-rsa-3072", "ssh-rsa-pkcs1", "ssh-rsa-pkcs8"];
const LOCKED_SSH: [&str; 3] = ["ssh-ed25519-ctr", "ssh-ed25519-cbc", "ssh-rsa-ctr"];

fn identity(name: &str) -> Identity {
    if NATIVE.contains(&name) {
        parse_identities(&read(&format!("keys/{name}")), Layout::Lines, name).unwrap().remove(0)
    } else {
        Identity::parse_ssh(&read(&format!("keys/{name}")), name).unwrap()
    }
}

#[test]
fn what_age_sealed_opens_with_each_kind_of_identity() {
    for name in NATIVE.iter().chain(&SSH).chain(&LOCKED_SSH) {
        let opened =
            unwrap_data_key(&text(&format!("sealed/{name}.age")), &[identity(name)], &Person::with("correct horse")).unwrap();
        assert_eq!(opened.content.expose(), read("data-key"), "{name}");
    }
    for name in ["x25519", "ssh-rsa", "ssh-ed25519"] {
        let opened = unwrap_data_key(&text("sealed/several.age"), &[identity(name)], &Unattended).unwrap();
        assert_eq!(opened.content.expose(), read("data-key"), "{name}");
    }
}

#[test]
fn what_sops_sealed_opens_with_each_kind_of_identity() {
    let document: serde_json::Value = serde_json::from_str(&text("sealed/sops.json")).unwrap();
    let entries = document["sops"]["age"].as_array().unwrap();
    let names = ["x25519", "hybrid", "ssh-ed25519", "ssh-ed25519-ctr", "ssh-rsa", "ssh-rsa-3072"];
    assert_eq!(entries.len(), names.len());
    for (entry, name) in entries.iter().zip(names) {
        assert_eq!(entry["recipient"].as_str().unwrap(), text(&format!("keys/{name}.pub")).trim());
        let enc = entry["enc"].as_str().unwrap();
        let opened = unwrap_data_key(enc, &[identity(name)], &Person::with("correct horse")).unwrap();
        assert_eq!(opened.content.expose(), read("sops-data-key"), "{name}");
        let value = document["password"].as_str().unwrap();
        let value = Cipher::new(&opened.content).unwrap().open_text(value, "password:").unwrap();
        assert_eq!(value.to_plain().expose(), b"hunter2");
    }
}

#[test]
fn what_is_wrapped_opens_with_the_matching_identity_and_no_other() {
    let data_key = SecretBytes::new(read("data-key"));
    let names: Vec<&str> = NATIVE.iter().chain(&SSH).copied().collect();
    let identities: Vec<Identity> = names.iter().map(|name| identity(name)).collect();
    for (index, name) in names.iter().enumerate() {
        let recipient = Recipient::parse(&text(&format!("keys/{name}.pub"))).unwrap();
        let enc = wrap_data_key(&recipient, &data_key, &Unattended).unwrap();
        assert!(enc.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n") && enc.ends_with("-----END AGE ENCRYPTED FILE-----\n"));
        for (other, identity) in identities.iter().enumerate() {
            match unwrap_data_key(&enc, std::slice::from_ref(identity), &Unattended) {
                Ok(opened) => assert!(opened.content == data_key && other == index, "{name} {other}"),
                Err(error) => {
                    assert!(matches!(&error, Error::NoMatch { .. }) && other != index, "{name} {other}: {error}");
                }
            }
        }
    }
}

#[test]
fn an_ed25519_key_in_pkcs8_serves_in_both_versions() {
    let first = identity("ssh-ed25519-pkcs8");
    // Version 2, as other programs write it: the same seed, and the public key after it.
    let pem = text("keys/ssh-ed25519-pkcs8");
    let der = STANDARD.decode(pem.lines().nth(1).unwrap()).unwrap();
    let seed = &der[16..];
    let public = hecate_seal::crypto::x25519::ed25519_public(&SecretBytes::copy_of(seed)).unwrap();
    let head = [0x30, 0x51, 2, 1, 1].as_slice();
    let second = [head, &der[5..], &[0x81, 0x21, 0], &public].concat();
    let second = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(second));
    let second = Identity::parse_ssh(second.as_bytes(), "S").unwrap();
    assert_eq!(first.recipient(), second.recipient());
    let recipient = Recipient::parse(&first.recipient().unwrap()).unwrap();
    let enc = wrap_data_key(&recipient, &SecretBytes::copy_of(b"x"), &Unattended).unwrap();
    for identity in [first, second] {
        assert_eq!(unwrap_data_key(&enc, &[identity], &Unattended).unwrap().content.expose(), b"x");
    }
}

#[test]
fn identities_may_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Identity>();
    shared::<Recipient>();
}

#[test]
fn identities_know_their_recipients() {
    for name in NATIVE.iter().chain(&SSH).chain(&LOCKED_SSH) {
        let public = text(&format!("keys/{name}.pub"));
        // Without the comment.
        let expected: Vec<&str> = public.split_whitespace().take(2).filter(|field| *field != "test").collect();
        assert_eq!(identity(name).recipient().unwrap(), expected.join(" "), "{name}");
    }
}

#[test]
fn an_identity_file_under_a_passphrase_is_asked_for_once_and_only_when_it_may_help() {
    for file in ["keys/locked.age", "keys/locked-binary.age"] {
        let identities = parse_identities(&read(file), Layout::Lines, file).unwrap();
        let person = Person::with("correct horse");
        assert!(unwrap_data_key(&text("sealed/ssh-rsa.age"), &identities, &person).is_err());
        assert_eq!(person.asked.get(), 0);
        for sealed in ["x25519", "hybrid", "x25519"] {
            let opened = unwrap_data_key(&text(&format!("sealed/{sealed}.age")), &identities, &person).unwrap();
            assert_eq!(opened.content.expose(), read("data-key"));
        }
        assert_eq!((person.asked.get(), person.wrong.get()), (1, 0));
    }
}

#[test]
fn a_wrong_passphrase_is_reported_and_not_asked_for_again() {
    let files = parse_identities(&read("keys/locked.age"), Layout::Lines, "SOPS_AGE_KEY_FILE").unwrap();
    let ssh = vec![identity("ssh-ed25519-ctr")];
    for (identities, sealed) in [(files, "sealed/x25519.age"), (ssh, "sealed/ssh-ed25519-ctr.age")] {
        let person = Person::with("wrong donkey");
        for _ in 0..2 {
            let error = unwrap_data_key(&text(sealed), &identities, &person).unwrap_err();
            let Error::NoMatch { attempts, .. } = error else { panic!("{error}") };
            assert_eq!(attempts[0].outcome, Outcome::Failed("the passphrase is wrong".into()));
        }
        assert_eq!((person.asked.get(), person.wrong.get()), (1, 1));
    }
}

#[test]
fn a_passphrase_is_asked_for_with_its_purpose_and_the_cache_id_of_sops() {
    struct Asked(std::cell::RefCell<Vec<(PassphraseFor, String, String)>>);
    impl Callbacks for Asked {
        fn passphrase(&self, request: &PassphraseRequest<'_>) -> Result<SecretString, String> {
            self.0.borrow_mut().push((request.purpose, request.origin.to_owned(), request.cache_id.to_owned()));
            Err("nobody is here".into())
        }
        fn plugin(&self, name: &str, protocol: PluginProtocol) -> Result<Box<dyn PluginPipe>, String> {
            Unattended.plugin(name, protocol)
        }
    }
    let asked = Asked(std::cell::RefCell::default());
    let mut identities = parse_identities(&read("keys/locked-binary.age"), Layout::Lines, "keys.txt").unwrap();
    identities.push(identity("ssh-ed25519-ctr"));
    assert!(unwrap_data_key(&text("sealed/x25519.age"), &identities, &asked).is_err());
    assert!(unwrap_data_key(&text("sealed/ssh-ed25519-ctr.age"), &identities, &asked).is_err());
    let asked = asked.0.into_inner();
    // SopsAge, and base32 of the first 25 bytes of the file's SHA-256.
    assert_eq!(
        asked[0],
        (PassphraseFor::IdentityFile, "keys.txt".into(), "SopsAgeN2EMARTYUIKCGWDVQ3WSBUTBVFXZDQMFNDUXWVIX".into())
    );
    assert_eq!(asked[1], (PassphraseFor::SshKey, "ssh-ed25519-ctr".into(), String::new()));
    assert_eq!(asked.len(), 2);
}

#[test]
fn broken_identity_files_say_why() {
    let reason = |file: &str| {
        let identities = parse_identities(&read(file), Layout::Lines, file).unwrap();
        match unwrap_data_key(&text("sealed/x25519.age"), &identities, &Person::with("correct horse")).unwrap_err() {
            Error::NoMatch { attempts, .. } => attempts[0].outcome.to_string(),
            error => panic!("{error}"),
        }
    };
    assert_eq!(reason("keys/locked-empty.age"), "it holds no identities");
    assert_eq!(
        reason("keys/locked-bad.age"),
        "keys/locked-bad.age, line 1: this is a recipient, which opens nothing; an identity begins with AGE-"
    );
    assert_eq!(reason("keys/not-locked.age"), "it is an age file, but not under a passphrase");
}

#[test]
fn ssh_keys_that_cannot_serve_say_why() {
    let reason = |name: &str| Identity::parse_ssh(&read(&format!("keys/{name}")), "id_x").unwrap_err().to_string();
    assert_eq!(reason("ssh-ecdsa"), "id_x: keys of type ecdsa-sha2-nistp256 cannot encrypt; ssh-ed25519 and ssh-rsa can");
    assert_eq!(
        reason("ssh-ed25519-gcm"),
        "id_x: its encryption is not supported; aes256-ctr is: change it with `ssh-keygen -p -f FILE`"
    );
    assert_eq!(
        reason("ssh-rsa-pkcs1-locked"),
        "id_x: its passphrase is in PEM's old format; convert it with `ssh-keygen -p -f FILE`"
    );
    assert_eq!(reason("x25519"), "id_x: there is no whole PEM block (-----BEGIN …-----) in it");
    assert_eq!(reason("locked.age"), "id_x: it is not an SSH private key");
}

#[test]
fn the_report_names_what_was_tried_in_the_order_of_trying() {
    let key_file = "# a comment\r\n\r\nAGE-PLUGIN-YUBIKEY-1QQPSQQCJ3HZF0\r\n".to_owned() + &text("keys/x25519");
    let mut identities = vec![identity("ssh-rsa")];
    let parsed = parse_identities(key_file.as_bytes(), Layout::Lines, "keys.txt");
    // The checksum of the plugin's line is made up.
    assert_eq!(parsed.unwrap_err().to_string(), "keys.txt, line 3: its checksum is wrong: a character is missing or mistyped");
    identities.extend(parse_identities(text("keys/x25519").as_bytes(), Layout::Lines, "keys.txt").unwrap());
    let error = unwrap_data_key(&text("sealed/hybrid.age"), &identities, &Unattended).unwrap_err();
    assert_eq!(error.to_string(), "none of the 2 identities opens it; its recipients are of type mlkem768x25519");
    let Error::NoMatch { attempts, .. } = error else { panic!("{error}") };
    let lines: Vec<String> = attempts.iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0],
        format!("identity of {} from keys.txt, line 3: is not among the recipients", text("keys/x25519.pub").trim())
    );
    assert!(lines[1].starts_with("ssh-rsa SHA256:") && lines[1].ends_with(" from ssh-rsa: is not among the recipients"));
    let none = unwrap_data_key(&text("sealed/hybrid.age"), &[], &Unattended).unwrap_err();
    assert_eq!(none.to_string(), "there is no identity to open it with; its recipients are of type mlkem768x25519");
}

#[test]
fn sources_follow_the_rules_of_sops() {
    let key = text("keys/x25519").lines().last().unwrap().to_owned();
    let hybrid = text("keys/hybrid").lines().last().unwrap().to_owned();
    let count = |source: &str, layout| parse_identities(source.as_bytes(), layout, "S").map(|found| found.len());
    assert_eq!(count("", Layout::Lines), Ok(0));
    assert_eq!(count("# only\n\n", Layout::Words), Ok(0));
    assert_eq!(count(&format!("{key}\r\n# x\r\n{hybrid}"), Layout::Lines), Ok(2));
    assert_eq!(count(&format!("  {key}\t{hybrid} \n{key}"), Layout::Words), Ok(3));
    let reason = |source: &str, layout| parse_identities(source.as_bytes(), layout, "S").unwrap_err().to_string();
    let unknown = "its type is unknown; an identity begins with AGE-SECRET-KEY-1, AGE-SECRET-KEY-PQ-1 or AGE-PLUGIN-";
    assert_eq!(
        reason(&format!("{key}\n {key}"), Layout::Lines),
        "S, line 2: the line begins or ends with a blank; a key stands alone on its line"
    );
    assert_eq!(
        reason(&format!("{key},{key}"), Layout::Words),
        "S, line 1: there is a comma in it; keys are separated by white space"
    );
    assert_eq!(reason(&format!("{key} # x"), Layout::Words), format!("S, line 1: {unknown}"));
    assert_eq!(reason(&format!("{key}\nhunter2"), Layout::Lines), format!("S, line 2: {unknown}"));
    assert_eq!(
        reason("-----BEGIN AGE\n", Layout::Lines),
        "S: invalid armor: its first line is not the BEGIN line of an age file"
    );
    let not_text = parse_identities(&[b'#', 0xff], Layout::Lines, "S").unwrap_err();
    assert_eq!(not_text.to_string(), "S: it is not UTF-8 text");
    let long = parse_identities(&vec![b'\n'; (16 << 20) + 1], Layout::Lines, "S").unwrap_err();
    assert_eq!(long.to_string(), "S: it is longer than 16 MiB");
}

#[test]
fn malformed_recipients_say_why_and_never_show_what_may_be_a_key() {
    let reason = |text: &str| Recipient::parse(text).unwrap_err().to_string();
    let key = text("keys/x25519").lines().last().unwrap().to_owned();
    assert_eq!(reason(&key), "malformed recipient: this is an identity, which is secret; a recipient begins with age1 or ssh-");
    assert_eq!(reason(""), "malformed recipient: it is empty");
    assert_eq!(reason("hunter2"), "malformed recipient: its type is unknown; a recipient begins with age1 or ssh-");
    let good = text("keys/x25519.pub");
    let typo = good.trim().replace("age1l", "age1q");
    assert_eq!(
        reason(&typo),
        format!("malformed recipient `{}…`: its checksum is wrong: a character is missing or mistyped", &typo[..24])
    );
    assert_eq!(reason("ssh-ed25519"), "malformed recipient `ssh-ed25519`: there is no key after its type");
    let ssh = text("keys/ssh-ed25519.pub");
    assert_eq!(
        reason(&ssh.replace("ssh-ed25519", "ssh-rsa")),
        "malformed recipient `ssh-rsa AAAAC3NzaC1lZDI1…`: its type does not match the key, which is ssh-ed25519"
    );
    assert_eq!(
        reason("ecdsa-sha2-nistp256 AAAAE2VjZHNh"),
        "malformed recipient: its type is unknown; a recipient begins with age1 or ssh-"
    );
    // Trimmed, and kept with its comment.
    assert_eq!(Recipient::parse(&format!(" {ssh}")).unwrap().as_str(), ssh.trim());
    assert_eq!(Recipient::parse_list("").unwrap(), []);
    let two = Recipient::parse_list(&format!("{}, {}", good.trim(), ssh.trim())).unwrap();
    assert_eq!(two.iter().map(Recipient::as_str).collect::<Vec<_>>(), [good.trim(), ssh.trim()]);
    assert!(Recipient::parse_list(&format!("{},", good.trim())).is_err());
}

#[test]
fn every_flipped_bit_and_every_cut_of_a_file_is_an_error() {
    for name in NATIVE.iter().chain(&["ssh-ed25519", "ssh-rsa"]) {
        let recipient = Recipient::parse(&text(&format!("keys/{name}.pub"))).unwrap();
        let file = encrypt(&recipient, &SecretBytes::new(read("data-key")), &Unattended).unwrap();
        let identities = [identity(name)];
        assert!(decrypt(&file, &identities, &Unattended).is_ok());
        // Each byte of the short files; of the long ones, some.
        let step = if file.len() > 400 { 29 } else { 1 };
        for index in (0..file.len()).step_by(step) {
            let mut changed = file.clone();
            changed[index] ^= 1;
            assert!(decrypt(&changed, &identities, &Unattended).is_err(), "{name} {index}");
            assert!(decrypt(&file[..index], &identities, &Unattended).is_err(), "{name} {index}");
        }
    }
}

#[test]
fn no_message_holds_a_secret() {
    let key = text("keys/x25519").lines().last().unwrap().to_owned();
    for broken in [key[..40].to_owned(), key.to_lowercase(), format!("{key}X"), key.replace('1', " 1"), key[1..].to_owned()] {
        let message = format!("{:?}", parse_identities(broken.as_bytes(), Layout::Lines, "S").unwrap_err());
        let tail = &key[24..34];
        assert!(!message.to_uppercase().contains(tail), "{message}");
        let message = format!("{:?}", Recipient::parse(&broken).unwrap_err());
        assert!(!message.to_uppercase().contains(tail), "{message}");
    }
    let shown = format!("{:?}", identity("x25519"));
    assert!(shown.starts_with("Identity(identity of age1") && !shown.contains("SECRET"), "{shown}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), cut in 0_usize..400) {
        let identities = [identity("x25519"), identity("hybrid")];
        let _ = decrypt(&bytes, &identities, &Unattended);
        // Bytes after a real beginning go deeper.
        let file = read("sealed/several.age");
        let armored = [&file[..cut.min(file.len())], &bytes].concat();
        let _ = unwrap_data_key(&String::from_utf8_lossy(&armored), &identities, &Unattended);
        let real = Vector::read("hybrid_and_x25519").file;
        let _ = decrypt(&[&real[..(cut * 7).min(real.len())], &bytes].concat(), &identities, &Unattended);
        let _ = parse_identities(&bytes, Layout::Words, "S");
        let ssh = read("keys/ssh-rsa");
        let _ = Identity::parse_ssh(&[&ssh[..(cut * 4).min(ssh.len())], &bytes].concat(), "S");
    }

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,80}", kind in 0..6_usize) {
        let start = ["age1", "age1pq1", "ssh-rsa ", "ssh-ed25519 AAAA", "AGE-SECRET-KEY-1", "AGE-PLUGIN-"][kind];
        let _ = Recipient::parse(&format!("{start}{text}"));
        let _ = Identity::parse(&format!("{start}{text}"), "S");
    }

    #[test]
    fn any_content_comes_back(content in proptest::collection::vec(any::<u8>(), 0..300)) {
        let recipient = Recipient::parse(&text("keys/x25519.pub")).unwrap();
        let content = SecretBytes::new(content);
        let file = encrypt(&recipient, &content, &Unattended).unwrap();
        prop_assert_eq!(decrypt(&file, &[identity("x25519")], &Unattended).unwrap().content, content);
    }
}

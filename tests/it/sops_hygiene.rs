//! sops' commands keep secrets to themselves: values, data keys and age identities, all of which are the canary here.

use std::path::Path;

use hecate_seal::age::{Identity, Unattended};
use hecate_seal::secret::SecretBytes;
use hecate_seal::sops::crypt::Memory;
use hecate_seal::sops::document::{Encrypted, Format, MacCheck, Plan, encrypt, load_plain, load_to_keep};
use hecate_seal::sops::mac::Scope;
use hecate_seal::sops::rules::{KeySpec, Layouts};
use hecate_seal::sops::{go, keys, merge, metadata};

use crate::hygiene::{CANARY, IDENTITY, Scene, play_all, scene, shows_canary};

/// A recipient that nobody here has an identity for.
const OTHER: &str = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";

fn recipient() -> String {
    Identity::parse(IDENTITY, "test").unwrap().recipient().unwrap()
}

fn data_key() -> SecretBytes {
    format!("{CANARY}-dek-001").into_bytes().into()
}

fn plain(format: Format) -> String {
    match format {
        Format::Yaml => format!("# {CANARY}\na: {CANARY}\nl:\n    - {CANARY}\n    - x\nm:\n    deep: '{CANARY}'\nport: 80\n"),
        Format::Json => format!("{{\n\t\"a\": \"{CANARY}\"\n}}\n"),
        Format::Dotenv => format!("# {CANARY}\nA={CANARY}\nPORT=80\n"),
        Format::Ini => format!("; {CANARY}\n[s]\na = {CANARY}\n"),
        Format::Binary => CANARY.to_owned(),
    }
}

/// A file whose data key is the canary, too.
fn sealed(format: Format, text: &str, recipient: &str) -> Vec<u8> {
    let groups = [vec![KeySpec { provider: metadata::Provider::Age, name: recipient.to_owned() }]];
    let (groups, shamir_threshold) = keys::wrap(&groups, 0, &data_key(), &Unattended).unwrap();
    let now = go::parse_time("2026-01-02T03:04:05Z").unwrap();
    let metadata = Plan { groups, shamir_threshold, selector: None, mac_scope: Scope::All }.metadata(format, now);
    let documents = load_plain(format, text.as_bytes()).unwrap();
    encrypt(format, documents, metadata, &data_key(), &mut Memory::default(), now, &Layouts::default()).unwrap()
}

fn prepare(folder: &Path) {
    let put = |name: &str, text: &[u8]| std::fs::write(folder.join(name), text).unwrap();
    let all = [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini, Format::Binary];
    for (format, ending) in all.into_iter().zip(["yaml", "json", "env", "ini", "bin"]) {
        put(&format!("plain.{ending}"), plain(format).as_bytes());
        put(&format!("enc.{ending}"), &sealed(format, &plain(format), &recipient()));
    }
    put("other.yaml", &sealed(Format::Yaml, &plain(Format::Yaml), OTHER));
    let ours = plain(Format::Yaml).replace("x\n", &format!("ours {CANARY}\n"));
    put("ours.yaml", &sealed(Format::Yaml, &ours, &recipient()));
    put("flat.yaml", &sealed(Format::Yaml, &format!("A: {CANARY}\n"), &recipient()));
    put("null.json", &sealed(Format::Json, &format!("{{\"A\": \"{CANARY}\\u0000\"}}"), &recipient()));
    let text = String::from_utf8(sealed(Format::Yaml, &plain(Format::Yaml), &recipient())).unwrap();
    put("renamed.yaml", text.replacen("\na: ENC", "\nb: ENC", 1).as_bytes());
    let without: Vec<_> = text.lines().filter(|line| !line.contains("    mac: ")).collect();
    put("no-mac.yaml", without.join("\n").as_bytes());
    let mut lines: Vec<&str> = text.lines().collect();
    let at = lines.iter().position(|line| line.starts_with("    - ENC[")).unwrap();
    lines.swap(at, at + 1);
    put("swapped.yaml", lines.join("\n").as_bytes());
    let list = text.replacen("    - ENC[", "    - EMC[", 1);
    put("unsealed.yaml", list.as_bytes());
    put("identity.txt", format!("{IDENTITY}\n").as_bytes());
    put("broken.txt", format!("{IDENTITY}\n{}\n", IDENTITY.replace("1DPU", "1DPP")).as_bytes());
    put("value", format!("\"{CANARY}\"").as_bytes());
    put("junk", CANARY.as_bytes());
    for (name, text) in [
        ("open.yaml", format!("a: [{CANARY}\n")),
        ("quote.yaml", format!("a: \"{CANARY}\n")),
        ("tab.yaml", format!("a:\n\t{CANARY}: {CANARY}\n")),
        ("twice.yaml", format!("a: 1\na: {CANARY}\n")),
        ("list.yaml", format!("- {CANARY}\n")),
        ("tagged.yaml", format!("a: !!int {CANARY}\n")),
        ("binary.yaml", format!("a: !!binary '{CANARY}'\n")),
        ("large.yaml", format!("a: {CANARY}\nb: 9223372036854775809\n")),
        ("open.json", format!("{{\"a\": \"{CANARY}")),
        ("word.json", format!("{{\"a\": {CANARY}}}")),
        ("escape.json", format!("{{\"a\": \"\\q{CANARY}\"}}")),
        ("line.env", format!("A=1\n{CANARY}\n")),
        ("line.ini", format!("[s]\n{CANARY}\n")),
        ("open.ini", format!("[s]\na = \"\"\"{CANARY}\n")),
        ("editor", format!("case \"$1\" in *.yaml) echo 'a: [{CANARY}' > \"$1\";; esac\n")),
        ("change", "sed -i s/80/81/ \"$1\"\n".to_owned()),
    ] {
        put(name, text.as_bytes());
    }
}

/// As talkative as it can be. The identity comes from a file: children inherit the user's variables, so one there would prove
/// nothing.
fn sops(code: i32, args: &[&str]) -> Scene {
    let words: Vec<&str> = ["sops", "--verbose"].into_iter().chain(args.iter().copied()).collect();
    scene(code, &words).env("SOPS_AGE_KEY_FILE", "identity.txt")
}

#[test]
fn commands_keep_secrets_to_themselves() {
    let to = recipient();
    let quoted = format!("\"{CANARY}\"");
    let scenes = vec![
        sops(0, &["encrypt", "--age", &to, "plain.yaml"]),
        sops(0, &["encrypt", "--age", &to, "--output", "new.env", "plain.env"]),
        sops(0, &["encrypt", "--age", &to, "--filename-override", "x.json"]).stdin(plain(Format::Json)),
        sops(0, &["encrypt", "--explain", "plain.yaml"]),
        sops(0, &["explain", "plain.yaml", "enc.yaml", "plain.ini"]),
        sops(0, &["-e", "-a", &to, "plain.bin"]),
        sops(0, &["filestatus", "enc.json"]),
        sops(0, &["rotate", "enc.yaml"]),
        sops(0, &["rotate", "-i", "--add-age", OTHER, "enc.ini"]),
        sops(0, &["groups", "add", "-i", "-f", "enc.yaml", "--age", &to]),
        sops(0, &["set", "--value-file", "enc.yaml", "[\"a\"]", "value"]),
        sops(0, &["set", "--value-stdin", "enc.json", "[\"n\"]"]).stdin(quoted.as_str()),
        sops(0, &["unset", "enc.yaml", "[\"l\"][0]"]),
        sops(0, &["git-merge", "enc.yaml", "enc.yaml", "ours.yaml"]),
        sops(1, &["doctor"]),
        // Results that are there to show or hold them.
        sops(0, &["decrypt", "enc.yaml"]).shows(),
        sops(0, &["decrypt", "enc.json"]).env("SOPS_AGE_KEY_FILE", "").env("SOPS_AGE_KEY", IDENTITY).shows(),
        sops(0, &["-d", "--extract", "[\"m\"][\"deep\"]", "enc.yaml"]).shows(),
        sops(0, &["decrypt", "--output-type", "json", "enc.env"]).shows(),
        sops(0, &["decrypt", "--output", "out.ini", "enc.ini"]).holds("out.ini"),
        sops(0, &["decrypt", "-i", "enc.bin"]).holds("enc.bin"),
        sops(0, &["git-textconv", "enc.yaml"]).shows(),
        sops(0, &["exec-env", "flat.yaml", "test -n \"$A\""]).gives(),
        sops(0, &["exec-file", "enc.yaml", "cat {}"]).shows(),
        sops(3, &["exec-file", "--no-fifo", "enc.yaml", "exit 3"]),
        sops(0, &["edit", "enc.yaml"]).env("EDITOR", "sh change"),
        // Failures: each has a secret in hand when it happens.
        sops(200, &["edit", "enc.yaml"]).env("EDITOR", "true"),
        sops(201, &["edit", "enc.yaml"]).env("EDITOR", "false"),
        sops(201, &["edit", "enc.yaml"]).env("EDITOR", "/nonexistent/editor"),
        sops(1, &["edit", "enc.yaml"]).env("EDITOR", "sh editor"),
        sops(1, &["git-merge", "enc.yaml", "ours.yaml", "flat.yaml"]),
        sops(1, &["exec-env", "enc.yaml", "true"]),
        sops(1, &["exec-env", "null.json", "true"]),
        sops(7, &["set", "--value-file", "enc.yaml", "[\"a\"]", "junk"]),
        sops(7, &["set", "--value-stdin", "enc.yaml", "[\"a\"]"]).stdin(format!("{{\"{CANARY}\": {CANARY}}}")),
        sops(1, &["set", "--value-stdin", "enc.yaml", "[\"l\"][\"k\"]"]).stdin(quoted.as_str()),
        sops(1, &["unset", "enc.yaml", "[\"none\"]"]),
        sops(51, &["decrypt", "swapped.yaml"]),
        sops(51, &["decrypt", "no-mac.yaml"]),
        sops(25, &["decrypt", "--ignore-mac", "renamed.yaml"]),
        sops(25, &["set", "unsealed.yaml", "[\"a\"]", "1"]),
        sops(1, &["decrypt", "plain.yaml"]),
        sops(1, &["decrypt", "--input-type", "json", "enc.yaml"]),
        sops(4, &["decrypt", "--output-type", "dotenv", "enc.yaml"]),
        sops(4, &["decrypt", "--output-type", "ini", "enc.json"]),
        sops(4, &["decrypt", "--output-type", "binary", "enc.yaml"]),
        sops(4, &["decrypt", "--output-type", "dotenv", "--extract", "[\"l\"]", "enc.yaml"]),
        sops(3, &["decrypt", "--output", "no/such/file", "enc.yaml"]),
        sops(1, &["decrypt", "--extract", "[\"a\"][\"b\"]", "enc.yaml"]),
        sops(203, &["encrypt", "--age", &to, "enc.yaml"]),
        sops(23, &["encrypt", "--age", &to, "--encrypted-regex", "^none$", "plain.yaml"]),
        sops(8, &["encrypt", "--age", &to, "--encrypted-regex", "(", "plain.yaml"]),
        sops(4, &["encrypt", "--age", &to, "--output-type", "dotenv", "plain.yaml"]),
        sops(1, &["encrypt", "plain.yaml"]),
        sops(3, &["encrypt", "--age", &to, "--output", "no/such/file", "plain.yaml"]),
        sops(1, &["encrypt", "--age", IDENTITY, "plain.yaml"]),
        sops(1, &["rotate", "--add-age", IDENTITY, "enc.yaml"]),
        sops(1, &["rotate", "--rm-age", &to, "enc.yaml"]),
        sops(1, &["updatekeys", "-y", "enc.yaml"]),
        // Identities that cannot be read, or do not open.
        sops(128, &["decrypt", "other.yaml"]),
        sops(128, &["edit", "other.yaml"]).env("EDITOR", "cat"),
        sops(128, &["decrypt", "enc.yaml"]).env("SOPS_AGE_KEY_FILE", "").env("SOPS_AGE_KEY", &IDENTITY.replace("1DPU", "1DPP")),
        sops(128, &["decrypt", "other.yaml"]).env("SOPS_AGE_KEY_FILE", "broken.txt"),
        sops(128, &["decrypt", "other.yaml"]).env("SOPS_AGE_KEY_FILE", "plain.yaml"),
        sops(128, &["decrypt", "other.yaml"]).env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "identity.txt"),
        sops(128, &["decrypt", "other.yaml"]).env("SOPS_AGE_KEY_CMD", "cat broken.txt"),
        sops(128, &["decrypt", "other.yaml"]).env("SOPS_AGE_KEY_CMD", "cat value"),
        sops(128, &["decrypt", "--keyservice", "unix:///nonexistent", "other.yaml"]),
    ];
    play_all(scenes, prepare);
}

#[test]
fn files_that_cannot_be_read_are_told_without_what_is_in_them() {
    let to = recipient();
    let names = [
        "open.yaml",
        "quote.yaml",
        "tab.yaml",
        "twice.yaml",
        "list.yaml",
        "tagged.yaml",
        "binary.yaml",
        "large.yaml",
        "open.json",
        "word.json",
        "escape.json",
        "line.env",
        "line.ini",
        "open.ini",
    ];
    let scenes = names.into_iter().flat_map(|name| {
        let failing = |code: i32, args: &[&str]| sops(code, &[args, &[name]].concat());
        [
            failing(2, &["encrypt", "-i", "--age", &to]),
            failing(1, &["decrypt"]),
            failing(1, &["explain"]),
            failing(0, &["git-textconv"]).shows(),
        ]
    });
    play_all(scenes.collect(), prepare);
}

#[test]
fn types_in_memory_show_nothing_by_debug() {
    let identity = Identity::parse(IDENTITY, "test").unwrap();
    let text = plain(Format::Yaml);
    let documents = load_plain(Format::Yaml, text.as_bytes()).unwrap();
    let file = Encrypted::load(Format::Yaml, &sealed(Format::Yaml, &text, &recipient())).unwrap();
    let recovered = keys::recover(&file.metadata, std::slice::from_ref(&identity), &Unattended).unwrap();
    assert!(recovered == data_key());
    let opened = file.clone().decrypt(&recovered, MacCheck::Required).unwrap();
    let merged = merge::merge_documents(&documents, &documents, &documents);
    let shown = [
        format!("{identity:?} {identity:#?}"),
        format!("{documents:?} {documents:#?}"),
        format!("{recovered:?}"),
        format!("{file:?}"),
        format!("{opened:?} {opened:#?}"),
        format!("{merged:?}"),
        format!("{:?}", load_to_keep(text.as_bytes()).unwrap()),
        format!("{:?}", load_plain(Format::Yaml, format!("a: [{CANARY}").as_bytes()).unwrap_err()),
        format!("{:?}", load_plain(Format::Json, format!("{{\"a\": {CANARY}").as_bytes()).unwrap_err()),
        format!("{:?}", file.decrypt(&SecretBytes::copy_of(&[7; 32]), MacCheck::Required).unwrap_err()),
        format!("{:?}", Identity::parse(&IDENTITY.replace("1DPU", "1DPP"), "test").unwrap_err()),
    ];
    for text in shown {
        assert!(!shows_canary(text.as_bytes()), "{text}");
        assert!(!text.is_empty());
    }
}

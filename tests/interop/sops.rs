//! The SOPS library against sops 3.13.3: random files of each format both ways, rules, key groups, recipients, corruptions.
//!
//! `HECATE_SOPS_FILES` sets how many random files of each format are made in each direction (each of some 30 values; 200 without
//! it, so 2,000 in all). They go through the library inside sops, many to a process. A failure prints the seed, and the file.

use hecate_seal::age::{Identity, Unattended};
use hecate_seal::secret::SecretBytes;
use hecate_seal::sops::crypt::Memory;
use hecate_seal::sops::document::{self, Encrypted, Format, MacCheck, Plan, encrypt, load_plain};
use hecate_seal::sops::go;
use hecate_seal::sops::keys::{self, recover, wrap};
use hecate_seal::sops::mac::Scope;
use hecate_seal::sops::metadata::{MasterKey, Provider};
use hecate_seal::sops::rules::{KeySpec, Layouts};
use hecate_seal::sops::select::{NAMES, Selector};

use crate::sops_library::{KEY, Library};
use crate::support::{Run, assert_same, peers, temp_dir};

/// X25519 and post-quantum identities of C2SP's vectors, and their recipients.
const X25519: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";
const HYBRID: &str = "AGE-SECRET-KEY-PQ-1HZLGZUPT4ETPKDEV8HSGFDCYZ4E522W0A7PU2LHT8EH9W6YLNC3SW78XKG";

fn identity(text: &str) -> Identity {
    Identity::parse(text, "test").unwrap()
}

fn recipient(text: &str) -> KeySpec {
    KeySpec { provider: Provider::Age, name: identity(text).recipient().unwrap() }
}

fn sops() -> Option<Run> {
    let home = std::env::temp_dir();
    let run = Run::new(peers::get(&peers::SOPS)?);
    // No configuration, ssh keys or identities of whoever runs the tests.
    Some(run.env("HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent").env("SOPS_AGE_KEY", X25519).cwd(home))
}

fn file_name(format: Format) -> &'static str {
    match format {
        Format::Yaml => "f.yaml",
        Format::Json => "f.json",
        Format::Dotenv => "f.env",
        Format::Ini => "f.ini",
        Format::Binary => "f.bin",
    }
}

fn selector(name: &str, text: &str) -> Option<Selector> {
    let fields = NAMES.map(|other| (other == name).then_some(text));
    Selector::from_fields(fields).unwrap()
}

fn ours(
    format: Format,
    plain: &[u8],
    groups: &[Vec<KeySpec>],
    threshold: usize,
    rule: Option<Selector>,
    scope: Scope,
) -> Vec<u8> {
    let data_key = keys::generate().unwrap();
    let (groups, shamir_threshold) = wrap(groups, threshold, &data_key, &Unattended).unwrap();
    let now = go::parse_time("2026-01-02T03:04:05Z").unwrap();
    let metadata = Plan { groups, shamir_threshold, selector: rule, mac_scope: scope }.metadata(format, now);
    let documents = load_plain(format, plain).unwrap();
    encrypt(format, documents, metadata, &data_key, &mut Memory::default(), now, &Layouts::default()).unwrap()
}

fn open(format: Format, text: &[u8], identities: &[&str]) -> Result<SecretBytes, String> {
    let identities: Vec<Identity> = identities.iter().map(|text| identity(text)).collect();
    let file = Encrypted::load(format, text).map_err(|error| error.to_string())?;
    let data_key = recover(&file.metadata, &identities, &Unattended).map_err(|error| error.to_string())?;
    let opened = file.decrypt(&data_key, MacCheck::Required).map_err(|error| error.to_string())?;
    document::emit_plain(format, &opened.documents, &Layouts::default()).map_err(|error| error.to_string())
}

fn theirs(format: Format, plain: &[u8], flags: &[&str]) -> Vec<u8> {
    // This one is a global flag only; the others belong to the subcommand.
    let (global, flags): (Vec<&str>, Vec<&str>) = flags.iter().partition(|flag| **flag == "--mac-only-encrypted");
    let run = sops().unwrap().args(global).args(["encrypt", "--filename-override", file_name(format)]).args(flags);
    run.args(["--age", &recipient(X25519).name]).stdin(plain).ok().stdout
}

fn decrypted_by_sops(format: Format, text: &[u8]) -> Vec<u8> {
    let run = sops().unwrap().args(["decrypt", "--input-type", format.name(), "--output-type", format.name()]);
    run.stdin(text).ok().stdout
}

/// The text with everything that differs from one encryption to the next masked.
fn skeleton(text: &[u8]) -> String {
    let text = String::from_utf8(text.to_vec()).unwrap();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("ENC[AES256_GCM,") {
        let (before, value) = rest.split_at(at);
        let (value, after) = value.split_once(']').unwrap();
        out.push_str(before);
        out.push_str(&format!("<{}>", value.rsplit_once("type:").unwrap().1));
        rest = after;
    }
    out.push_str(rest);
    // In YAML the armored keys are blocks of lines.
    let mut armored = false;
    let out: Vec<&str> = out
        .lines()
        .filter(|line| {
            let begins = line.trim_start().starts_with("-----BEGIN AGE");
            armored = (armored || begins) && !line.contains("-----END AGE");
            !armored && !line.trim_start().starts_with("-----END AGE")
        })
        .collect();
    let mask = |line: &str| {
        let secret = line.contains("BEGIN AGE") || line.contains("lastmodified");
        line.split_once(['=', ':']).filter(|_| secret).map_or(line.to_owned(), |(key, _)| format!("{key}<masked>"))
    };
    out.into_iter().map(mask).collect::<Vec<_>>().join("\n")
}

/// A small generator: the tests must be the same everywhere for a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit
    }

    fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn text(&mut self, pieces: &[&str]) -> String {
        (0..self.below(5)).map(|_| self.pick(pieces)).collect()
    }

    fn json(&mut self, depth: usize) -> String {
        const NUMBERS: [&str; 15] = [
            "0",
            "-0",
            "7",
            "-42",
            "9223372036854775807",
            "9223372036854775808",
            "-9223372036854775809",
            "1.5",
            "1.50",
            "1e3",
            "1E-7",
            "123456789.125",
            "1e21",
            "5e-324",
            "0.1",
        ];
        const PIECES: [&str; 14] =
            ["a", "key", " ", "\\n", "\\\"", "\\\\", "é", "\u{1f600}", "<&>", "\\u2028", "\\ud83d", "\\t", "ENC[", "/"];
        match self.below(if depth > 3 { 5 } else { 7 }) {
            0 => self.pick(&NUMBERS).to_owned(),
            1 => self.pick(&["true", "false", "null"]).to_owned(),
            2..=4 => format!("\"{}\"", self.text(&PIECES)),
            5 => {
                let items: Vec<_> = (0..self.below(4)).map(|_| self.json(depth + 1)).collect();
                format!("[{}]", items.join(self.pick(&[",", " ,\n", ", "])))
            }
            _ => self.json_object(depth, 4),
        }
    }

    fn json_object(&mut self, depth: usize, most: usize) -> String {
        const KEYS: [&str; 10] = ["a", "b", "data", "x_unencrypted", "", "key:with", "é", "a b", "<", "stringData"];
        let pairs: Vec<_> = (0..=self.below(most))
            .map(|_| format!("\"{}\"{}{}", self.pick(&KEYS), self.pick(&[":", " : "]), self.json(depth + 1)))
            .collect();
        format!("{{{}}}", pairs.join(","))
    }

    fn dotenv(&mut self) -> String {
        const PIECES: [&str; 12] = ["a", "=", " ", "\\n", "\\", "#", "é", "\"", "'", "$x", "\t", "ENC["];
        let mut lines = String::new();
        for _ in 0..30 {
            match self.below(8) {
                0 => lines.push_str(&format!("#{}\n", self.text(&PIECES))),
                1 => lines.push('\n'),
                _ => lines.push_str(&format!(
                    "{}={}\n",
                    self.pick(&["A", "B_unencrypted", "export C", "d.e", "A"]),
                    self.text(&PIECES)
                )),
            }
        }
        lines
    }

    fn ini(&mut self) -> String {
        const PIECES: [&str; 10] = ["a", "=", " ", ":", "é", "\"", "'", "$x", ".", "x y"];
        let mut lines = String::new();
        for _ in 0..30 {
            match self.below(10) {
                0 => lines.push_str(&format!("{} note {}\n", self.pick(&["#", ";", "  ;"]), self.pick(&["", "x", "# y"]))),
                1 => lines.push('\n'),
                2 => lines.push_str(&format!(
                    "[{}]{}\n",
                    self.pick(&["s", "t u", "s", "x_unencrypted"]),
                    self.pick(&["", " ; side"])
                )),
                3 => lines.push_str("long = \"\"\"one\n two\"\"\"\n"),
                4 => lines.push_str("quoted = `a;b` \nsplit = a \\\n  b\n"),
                _ => {
                    let key = format!("{}{}", self.pick(&["k", "key two", "z"]), self.below(9));
                    lines.push_str(&format!(
                        "{key}{}v{}{}\n",
                        self.pick(&["=", " : ", " = "]),
                        self.text(&PIECES),
                        self.pick(&["", "w ; why"])
                    ));
                }
            }
        }
        lines
    }

    fn yaml(&mut self, depth: usize, lines: &mut String) {
        const SCALARS: [&str; 25] = [
            "x",
            "\"q: 1\"",
            "'s'",
            "1",
            "0644",
            "1e6",
            "1.50",
            "true",
            "yes",
            "~",
            "2024-1-5",
            "\"\"",
            "é",
            "\"\\t\"",
            "\"a\\nb\"",
            "\" lead\"",
            "!!binary aGk=",
            "12:30",
            "\"\\U0001F600\"",
            "a b  c",
            "'#'",
            "\"- x\"",
            "-9223372036854775808",
            "{}",
            "[1, {z: t}]",
        ];
        let indent = "  ".repeat(depth);
        for at in 0..=self.below(4) {
            let key =
                self.pick(&["k", "data", "\"a b\"", "y_unencrypted", "é", "\"12\""]).replace("\"12\"", &format!("\"12{at}\""));
            let key = if key.ends_with('"') || key.ends_with("encrypted") { key } else { format!("{key}{at}") };
            if lines.lines().any(|line| line.starts_with(&format!("{indent}{key}:"))) {
                continue;
            }
            match self.below(if depth > 2 { 3 } else { 6 }) {
                0..=2 => lines.push_str(&format!("{indent}{key}: {}\n", self.pick(&SCALARS))),
                3 => {
                    lines.push_str(&format!("{indent}{key}:\n{indent}  sub: 1\n"));
                    let mut inner = String::new();
                    self.yaml(depth + 1, &mut inner);
                    lines.push_str(&inner);
                }
                4 => lines.push_str(&format!("{indent}{key}: |\n{indent}  two\n{indent}   lines\n")),
                _ => {
                    lines.push_str(&format!("{indent}{key}:\n"));
                    for _ in 0..=self.below(3) {
                        lines.push_str(&format!("{indent}- {}\n", self.pick(&SCALARS)));
                    }
                    lines.push_str(&format!("{indent}- in: {}\n{indent}  list: [a, 1]\n", self.pick(&SCALARS)));
                }
            }
        }
    }

    fn file(&mut self, format: Format) -> Vec<u8> {
        match format {
            Format::Yaml => {
                // One value that is encrypted: a file without any is refused.
                let mut lines = "always: 1\n".to_owned();
                self.yaml(0, &mut lines);
                if self.below(3) == 0 {
                    let mut second = String::new();
                    self.yaml(0, &mut second);
                    lines.push_str(&format!("---\n{second}"));
                }
                lines.into_bytes()
            }
            Format::Json => self.json_object(0, 12).replacen('{', "{\"always\": 1, ", 1).into_bytes(),
            Format::Dotenv => self.dotenv().into_bytes(),
            Format::Ini => self.ini().into_bytes(),
            _ => (0..self.below(200)).map(|_| u8::try_from(self.below(256)).unwrap()).collect(),
        }
    }
}

fn random_files(format: Format) {
    let Some(mut library) = Library::start() else { return };
    let data_key: SecretBytes =
        (0..64).step_by(2).map(|at| u8::from_str_radix(&KEY[at..at + 2], 16).unwrap()).collect::<Vec<_>>().into();
    let now = go::parse_time("2026-01-02T03:04:05Z").unwrap();
    let files = std::env::var("HECATE_SOPS_FILES").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    for seed in 1..=files {
        let plain = Random(u64::wrapping_mul(seed, 0x9e37_79b9_7f4a_7c15)).file(format);
        let about = |what: &str| format!("{what}, seed {seed}, {}:\n{}", format.name(), String::from_utf8_lossy(&plain));
        let documents = load_plain(format, &plain).unwrap_or_else(|error| panic!("{}: {error}", about("reading")));
        let expected = document::emit_plain(format, &documents, &Layouts::default()).unwrap();
        let expected = String::from_utf8_lossy(expected.expose());
        let groups = vec![vec![MasterKey::age("age1x", "E\n")]];
        let metadata = Plan { groups, shamir_threshold: 0, selector: None, mac_scope: Scope::All }.metadata(format, now);
        let text = encrypt(format, documents, metadata, &data_key, &mut Memory::default(), now, &Layouts::default());
        // A random INI file may have nothing in it that the default rule encrypts.
        let Ok(text) = text else { continue };
        // Ours opens with theirs, to the same bytes.
        let back = library.decrypt(format.name(), &text).unwrap_or_else(|error| panic!("{}: {error}", about("ours, by sops")));
        assert_same(&expected, &back.text, &about("ours, decrypted by sops"));
        // Theirs has our shape, and opens with ours.
        let rule = if format == Format::Binary { ("", "") } else { ("unencrypted_suffix", "_unencrypted") };
        let by_sops =
            library.encrypt(format.name(), &plain, rule, false).unwrap_or_else(|error| panic!("{}: {error}", about("sops")));
        assert_same(&skeleton(&text), &skeleton(by_sops.as_bytes()), &about("the encrypted files, without ciphertexts"));
        let opened = Encrypted::load(format, by_sops.as_bytes()).and_then(|file| file.decrypt(&data_key, MacCheck::Required));
        let opened = opened.unwrap_or_else(|error| panic!("{}: {error}", about("theirs, opened by us")));
        let back = document::emit_plain(format, &opened.documents, &Layouts::default()).unwrap();
        assert_same(&expected, &String::from_utf8_lossy(back.expose()), &about("theirs, by us"));
    }
}

#[test]
fn random_yaml_files_open_both_ways() {
    random_files(Format::Yaml);
}

#[test]
fn yaml_comments_are_encrypted_and_come_back() {
    if sops().is_none() {
        return;
    }
    let plain = "# top\na: 1 # beside\n# two\n# lines\nb:\n    # inside\n    c: x\nl:\n    # item\n    - y\n    - z # side\n";
    let by_us = ours(Format::Yaml, plain.as_bytes(), &[vec![recipient(X25519)]], 0, None, Scope::All);
    let by_sops = theirs(Format::Yaml, plain.as_bytes(), &[]);
    assert_same(&skeleton(&by_us), &skeleton(&by_sops), "the encrypted files");
    // A comment beside a value stays there with us; sops puts it above when it decrypts. In lists both put it above.
    let back = open(Format::Yaml, &by_sops, &[X25519]).unwrap();
    let text = String::from_utf8(back.expose().to_vec()).unwrap();
    assert_eq!(
        text.replace("a: 1 # beside\n", "# beside\na: 1\n"),
        String::from_utf8(decrypted_by_sops(Format::Yaml, &by_us)).unwrap()
    );
    assert!(text.contains("\na: 1 # beside\n# two\n# lines\nb:\n"));
}

#[test]
fn random_json_files_open_both_ways() {
    random_files(Format::Json);
}

#[test]
fn random_dotenv_files_open_both_ways() {
    random_files(Format::Dotenv);
}

#[test]
fn random_ini_files_open_both_ways() {
    random_files(Format::Ini);
}

#[test]
fn random_binary_files_open_both_ways() {
    random_files(Format::Binary);
}

#[test]
fn every_rule_selects_the_same_leaves() {
    if sops().is_none() {
        return;
    }
    let plain =
        br#"{"data":{"a":"1","b_plain":"2"},"list":["x",{"data":"y","z":1.5}],"stringData":true,"B":"c","n":null,"e":""}"#;
    for (name, flag, text) in [
        ("unencrypted_suffix", "--unencrypted-suffix", "_plain"),
        ("encrypted_suffix", "--encrypted-suffix", "ata"),
        ("encrypted_regex", "--encrypted-regex", "^(data|stringData)$"),
        ("encrypted_regex", "--encrypted-regex", r"(?i)^\w$"),
        ("unencrypted_regex", "--unencrypted-regex", "[l-n]"),
    ] {
        for (scope, only) in [(Scope::All, None), (Scope::Encrypted, Some("--mac-only-encrypted"))] {
            let about = format!("{flag} {text} {only:?}");
            let by_us = ours(Format::Json, plain, &[vec![recipient(X25519)]], 0, selector(name, text), scope);
            let flags: Vec<&str> = only.into_iter().chain([flag, text]).collect();
            let by_sops = theirs(Format::Json, plain, &flags);
            assert_same(&skeleton(&by_us), &skeleton(&by_sops), &about);
            let expected = decrypted_by_sops(Format::Json, &by_us);
            assert_eq!(open(Format::Json, &by_sops, &[X25519]).unwrap().expose(), expected, "{about}");
        }
    }
}

#[test]
fn key_groups_and_post_quantum_recipients_open_both_ways() {
    let Some(run) = sops() else { return };
    let plain = br#"{"a":"secret"}"#;
    let groups = [vec![recipient(X25519)], vec![recipient(HYBRID)], vec![recipient(HYBRID), recipient(X25519)]];
    let text = ours(Format::Json, plain, &groups[..2], 2, None, Scope::All);
    let decrypt = ["decrypt", "--input-type", "json", "--output-type", "json"];
    let both = format!("{X25519} {HYBRID}");
    let output = run.args(decrypt).env("SOPS_AGE_KEY", &both).stdin(text.clone()).ok();
    assert_eq!(output.out(), "{\n\t\"a\": \"secret\"\n}\n");
    sops().unwrap().args(decrypt).stdin(text.clone()).output().code(128);
    assert!(open(Format::Json, &text, &[X25519]).unwrap_err().contains("1 of 2 key groups opened and 2 are needed"));
    // The same by sops, from a configuration with three groups.
    let folder = temp_dir();
    let group = |keys: &[KeySpec]| keys.iter().map(|key| format!("\"{}\"", key.name)).collect::<Vec<_>>().join(", ");
    let groups: Vec<_> = groups.iter().map(|keys| format!("{{age: [{}]}}", group(keys))).collect();
    let rules = format!("creation_rules: [{{shamir_threshold: 2, key_groups: [{}]}}]\n", groups.join(", "));
    std::fs::write(folder.path().join(".sops.yaml"), rules).unwrap();
    let run = sops().unwrap().args(["encrypt", "--filename-override", "f.json"]).cwd(folder.path()).stdin(&plain[..]);
    let by_sops = run.ok().stdout;
    for identities in [&[X25519][..], &[HYBRID], &[X25519, HYBRID]] {
        assert_eq!(open(Format::Json, &by_sops, identities).unwrap().expose(), b"{\n\t\"a\": \"secret\"\n}\n");
    }
}

#[test]
fn damaged_files_are_refused_by_both() {
    if sops().is_none() {
        return;
    }
    let text = ours(Format::Json, br#"{"l":["one","two"],"p_unencrypted":"x"}"#, &[vec![recipient(X25519)]], 0, None, Scope::All);
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("ENC[")).collect();
    let (one, two, mac) = (lines[0].trim().trim_end_matches(','), lines[1].trim(), lines[2].trim());
    let flipped = one.replacen("data:", "data:A", 1);
    for (what, changed, code) in [
        ("list items swapped", text.replace(one, "@").replace(two, one).replace('@', two), 51),
        ("a plain value changed", text.replace("\"x\"", "\"y\""), 51),
        ("no MAC", text.replace(mac, "\"mac\": \"\","), 51),
        ("another time", text.replace("03:04:05Z", "03:04:06Z"), 51),
        ("a longer ciphertext", text.replace(one, &flipped), 25),
        ("a key renamed", text.replace("\"l\"", "\"m\""), 25),
        ("a value in plaintext", text.replace(one, "\"plain\""), 25),
        ("cut off", text[..text.len() - 4].to_owned(), 1),
        ("sops is no map", "{\"sops\": 1}".to_owned(), 1),
        ("not encrypted", "{\"a\": 1}".to_owned(), 1),
    ] {
        assert_ne!(changed, text, "{what}");
        let run = sops().unwrap().args(["decrypt", "--input-type", "json", "--output-type", "json"]);
        let output = run.stdin(changed.clone()).output().code(code);
        assert_eq!(output.out(), "", "{what}");
        assert!(open(Format::Json, changed.as_bytes(), &[X25519]).is_err(), "{what}");
    }
}

#[test]
fn negative_zero_stays_where_sops_loses_it() {
    if sops().is_none() {
        return;
    }
    let plain = br#"{"int": -0, "float": -0.0, "float_unencrypted": -0.0}"#;
    // Its own file: the plain `-0` is an integer when it is read again, and the MAC was made of a float.
    let by_sops = theirs(Format::Json, plain, &[]);
    assert!(String::from_utf8_lossy(&by_sops).contains("\"float_unencrypted\": -0,"));
    sops().unwrap().args(["decrypt", "--input-type", "json"]).stdin(by_sops).output().code(51);
    // Ours: it opens with both, and decrypted by us it says what it said.
    let text = ours(Format::Json, plain, &[vec![recipient(X25519)]], 0, None, Scope::All);
    assert!(String::from_utf8_lossy(&text).contains("\"float_unencrypted\": -0.0,"));
    assert!(decrypted_by_sops(Format::Json, &text).starts_with(b"{\n\t\"int\": 0,\n\t\"float\": -0,"));
    let opened = open(Format::Json, &text, &[X25519]).unwrap();
    assert_eq!(opened.expose(), b"{\n\t\"int\": 0,\n\t\"float\": -0.0,\n\t\"float_unencrypted\": -0.0\n}\n");
}

#[test]
fn a_rule_that_sops_ignores_is_an_error_and_its_file_is_plaintext() {
    if sops().is_none() {
        return;
    }
    let by_sops = theirs(Format::Json, br#"{"data":"secret"}"#, &["--encrypted-regex", "^(?!x)"]);
    assert!(String::from_utf8(by_sops.clone()).unwrap().contains("\"data\": \"secret\""), "sops writes plaintext");
    let error = open(Format::Json, &by_sops, &[X25519]).unwrap_err();
    assert_eq!(error, "`encrypted_regex`: invalid regular expression `^(?!x)`: invalid group flag `!`");
}

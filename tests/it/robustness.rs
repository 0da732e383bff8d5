//! Every reader on input that nobody meant: mutilated manifests, keys and certificates, and monsters. A reader may refuse;
//! it may not panic, hang or take memory without bound, and what it says may not show a value.

use std::time::{Duration, Instant};

use hecate_seal::crypto::rsa::PrivateKey;
use hecate_seal::crypto::x509::Certificate;
use hecate_seal::manifest::{read_documents, read_sealed_secrets, read_secrets};
use hecate_seal::seal::keys::read_private_keys;
use hecate_seal::seal::{SealedValue, VerifyOptions, verify};
use hecate_seal::yaml;
use proptest::prelude::*;

use crate::support::{key, root};

/// Texts that are right, to be made wrong.
fn corpus() -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let mut files: Vec<_> =
        std::fs::read_dir(root().join("tests/it/vectors/manifests")).unwrap().map(|e| e.unwrap().path()).collect();
    files.extend(
        ["test-only-2048.key.pem", "test-only-2048.pkcs8.key.pem", "test-only-bundle.crt.pem", "test-only-ec.key.pem"].map(key),
    );
    files.sort();
    for file in files {
        texts.push(std::fs::read(file).unwrap());
    }
    texts.push(b"{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"kind\":\"Secret\",\"data\":{\"a\":\"YQ==\"}}]}{\"kind\":\"Secret\"}".to_vec());
    texts.push(
        b"a: &x {b: [1, *y]}\nc: !!binary aGk=\n<<: *x\n? |\n  k\n: >-\n  v\n...\n--- # c\r\n\"\\u00e9\": 'q'\r\n".to_vec(),
    );
    texts
}

/// Gives the bytes to every reader and everything they say.
fn read_all(bytes: &[u8]) -> Vec<String> {
    let mut said = Vec::new();
    let mut say = |error: &dyn std::fmt::Debug, shown: String| said.extend([format!("{error:?}"), shown]);
    if let Ok(text) = std::str::from_utf8(bytes) {
        match yaml::parse_stream(text) {
            Ok(documents) => {
                for document in &documents {
                    if let Err(error) = yaml::kubernetes::to_json(document) {
                        say(&error, error.to_string());
                    }
                }
            }
            Err(error) => say(&error, error.to_string()),
        }
        if let Err(error) = SealedValue::parse(text) {
            say(&error, error.to_string());
        }
    }
    if let Err(error) = read_documents(bytes, "f") {
        say(&error, error.to_string());
    }
    if let Err(error) = read_secrets(bytes, "f") {
        say(&error, error.to_string());
    }
    match read_sealed_secrets(bytes, "f") {
        Ok(sealed) => {
            for sealed in sealed {
                let findings = verify(&sealed.object, &VerifyOptions::default());
                say(&findings, String::new());
            }
        }
        Err(error) => say(&error, error.to_string()),
    }
    if let Err(error) = Certificate::parse_pem_first(bytes) {
        say(&error, error.to_string());
    }
    if let Err(error) = PrivateKey::from_pem(bytes) {
        say(&error, error.to_string());
    }
    if let Err(error) = read_private_keys(bytes, "f") {
        say(&error, error.to_string());
    }
    said
}

/// One wound.
#[derive(Clone, Debug)]
enum Wound {
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
    Replace(prop::sample::Index, u8),
    Repeat(prop::sample::Index, usize),
    Cut(prop::sample::Index),
}

fn wound() -> impl Strategy<Value = Wound> {
    let at = any::<prop::sample::Index>;
    let piece = prop_oneof![
        "[-:?,\\[\\]{}&*!|>'\"%@` \t#\n\r\\\\]{1,4}".prop_map(String::into_bytes),
        prop::sample::select(vec![
            "---\n",
            "...\n",
            "<<: *x\n",
            "&x ",
            "*x",
            "!!binary ",
            "\u{feff}",
            "\0",
            "\u{2028}",
            "\\ud800",
            "\r",
            "-----BEGIN "
        ])
        .prop_map(|s| s.as_bytes().to_vec()),
        proptest::collection::vec(any::<u8>(), 1..6),
    ];
    prop_oneof![
        (at(), 1..40usize).prop_map(|(i, n)| Wound::Remove(i, n)),
        (at(), piece).prop_map(|(i, p)| Wound::Insert(i, p)),
        (at(), any::<u8>()).prop_map(|(i, b)| Wound::Replace(i, b)),
        (at(), 1..200usize).prop_map(|(i, n)| Wound::Repeat(i, n)),
        at().prop_map(Wound::Cut),
    ]
}

fn hurt(mut text: Vec<u8>, wounds: &[Wound]) -> Vec<u8> {
    for wound in wounds {
        if text.is_empty() {
            break;
        }
        match wound {
            Wound::Remove(i, n) => {
                let i = i.index(text.len());
                text.drain(i..(i + n).min(text.len()));
            }
            Wound::Insert(i, piece) => {
                let i = i.index(text.len());
                text.splice(i..i, piece.iter().copied());
            }
            Wound::Replace(i, byte) => {
                let i = i.index(text.len());
                text[i] = *byte;
            }
            Wound::Repeat(i, n) => {
                let i = i.index(text.len());
                let piece = text[i..(i + n).min(text.len())].to_vec();
                text.splice(i..i, piece);
            }
            Wound::Cut(i) => text.truncate(i.index(text.len())),
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_mutilated_text_is_read_or_refused(text in prop::sample::select(corpus()), wounds in proptest::collection::vec(wound(), 1..6)) {
        read_all(&hurt(text, &wounds));
    }

    #[test]
    fn random_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_all(&bytes);
    }
}

#[test]
fn what_readers_say_shows_no_value() {
    const CANARY: &str = "canary4711zZ";
    // The canary is where values are; each wound is put at every place.
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\n  namespace: n\ndata:\n  a: Y2FuYXJ5NDcxMXpa\nstringData:\n  b: {CANARY}\n  c: \"{CANARY}\"\n  d: |\n    {CANARY}\n"
    );
    for piece in ["[", "]", "{", "\"", "'", ": ", "*", "&", "!x ", "\t", "%", "\0", "- ", "\n", "\\"] {
        for at in 0..secret.len() {
            let inside = secret.match_indices(CANARY).any(|(start, _)| (start + 1..start + CANARY.len()).contains(&at));
            if inside {
                continue;
            }
            let mut hurt = secret.clone();
            hurt.insert_str(at, piece);
            for said in read_all(hurt.as_bytes()) {
                assert!(!said.contains(CANARY) && !said.contains("Y2FuYXJ5NDcxMXpa"), "{piece:?} at {at}: {said}");
            }
        }
    }
}

#[test]
fn monsters_are_refused_soon() {
    let bomb: String = std::iter::once("a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned())
        .chain((1..12).map(|n| format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 9].join(", "))))
        .collect();
    let monsters: Vec<(&str, Vec<u8>)> = vec![
        ("aliases of aliases", bomb.into_bytes()),
        ("deep flow list", b"[".repeat(50_000)),
        ("deep flow map", b"{a: ".repeat(50_000)),
        ("deep block map", (0..3000).flat_map(|n| [vec![b' '; n], b"a:\n".to_vec()].concat()).collect()),
        ("deep JSON", [b"{\"a\":".repeat(100_000), b"1".to_vec(), b"}".repeat(100_000)].concat()),
        ("a long line", [b"a: ".to_vec(), vec![b'x'; 4 << 20]].concat()),
        ("many documents", b"---\n".repeat(20_000)),
        ("many keys", (0..15_000).flat_map(|n| format!("k{n}: v\n").into_bytes()).collect()),
        ("many anchors", (0..15_000).flat_map(|n| format!("k{n}: &a{n} v\n").into_bytes()).collect()),
        ("many comments", b"# c\n".repeat(50_000)),
        ("a large number", [b"a: 1e".to_vec(), vec![b'9'; 100_000]].concat()),
        ("many PEM blocks", b"-----BEGIN X-----\nAAAA\n-----END X-----\n".repeat(20_000)),
        ("PEM beginnings", b"-----BEGIN X-----\n".repeat(50_000)),
        (
            "merge keys",
            [b"x: &x {a: 1}\n".to_vec(), (0..8_000).flat_map(|n| format!("k{n}: {{<<: *x}}\n").into_bytes()).collect()].concat(),
        ),
    ];
    for (what, bytes) in monsters {
        let start = Instant::now();
        read_all(&bytes);
        let took = start.elapsed();
        // Several readers, without optimisation, beside other tests: a limit that only a runaway breaks.
        assert!(took < Duration::from_secs(60), "{what}: {took:?}");
        if took > Duration::from_secs(5) {
            crate::support::peers::say(&format!("slow: {what} took {took:?}"));
        }
    }
}

//! Generated passwords where they go: into URLs as Go reads them, and through configuration and login of a real server.

use std::fs;

use hecate_seal::crypto::generate::{self, Alphabet, Encoding, Require};
use hecate_seal::crypto::password::{self, BcryptIdent};
use hecate_seal::crypto::random;
use hecate_seal::nats::model::{Auth, User};
use hecate_seal::nats::write::{Part, Syntax, render};
use hecate_seal::secret::SecretString;
use serde_json::json;

use super::client::Login;
use super::go;
use super::server::{self, start};
use crate::support::temp_dir;

const MANY: usize = 10_000;

fn alphabets() -> [(&'static str, Alphabet); 4] {
    let all: String = (b'!'..=b'~').map(char::from).collect();
    [
        ("alnum", Alphabet::alnum()),
        ("url", Alphabet::url()),
        ("hex", Alphabet::hex()),
        ("printable", Alphabet::literal(&all).unwrap()),
    ]
}

fn passwords(alphabet: &Alphabet) -> Vec<SecretString> {
    (0..MANY).map(|_| generate::password(alphabet, 32, Require::default()).unwrap()).collect()
}

/// How many of them stand in a URL as they are.
fn in_urls(go: &std::path::Path, passwords: &[SecretString]) -> usize {
    let questions: Vec<_> = passwords.iter().map(|p| json!({"op": "url", "user": "default", "password": p.expose()})).collect();
    go::ask_all(go, &questions).iter().filter(|answer| answer["same"] == json!(true)).count()
}

#[test]
fn ten_thousand_passwords_of_each_alphabet_stand_in_urls_or_are_known_not_to() {
    let Some(go) = go::program() else { return };
    for (name, alphabet) in alphabets() {
        let good = in_urls(&go, &passwords(&alphabet));
        assert_eq!(good == MANY, alphabet.is_url_safe(), "{name}: {good} of {MANY}");
    }
    // What `openssl rand -base64 24` gives: with a slash in two of five.
    let base64: Vec<SecretString> =
        (0..MANY).map(|_| generate::encode(&random::secret(24).unwrap(), Encoding::Base64 { pad: true })).collect();
    let good = in_urls(&go, &base64);
    assert!((5_500..6_600).contains(&good), "{good}: the share without a slash is (63/64)^32 = 0.604");
}

#[test]
fn ten_thousand_passwords_of_each_alphabet_log_in_to_a_server() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let conf = folder.path().join("n.conf");
    for (name, alphabet) in alphabets() {
        let passwords = passwords(&alphabet);
        let user = |(index, password): (usize, &SecretString)| User {
            user: Some(format!("u{index}")),
            password: Some(password.clone()),
            ..User::default()
        };
        let auth = Auth { users: passwords.iter().enumerate().map(user).collect(), ..Auth::default() };
        let text = match render(&auth, Part::All, Syntax::Native) {
            Ok(text) => text,
            Err(problems) => panic!("{name}: {:?}", problems.iter().find(|p| p.severity == hecate_seal::nats::Severity::Error)),
        };
        fs::write(&conf, text.expose()).unwrap();
        let server = start(&program, &conf, &[]).unwrap();
        let refused: usize = std::thread::scope(|scope| {
            let part = |quarter: usize| {
                let (server, passwords) = (&server, &passwords);
                scope.spawn(move || {
                    let mine = (0..MANY).filter(|index| index % 4 == quarter);
                    mine.filter(|index| {
                        server.connect(&Login::password(&format!("u{index}"), passwords[*index].expose())).is_err()
                    })
                    .count()
                })
            };
            let workers: Vec<_> = (0..4).map(part).collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        assert_eq!(refused, 0, "{name}");
        assert!(!server.lets_in("u0", passwords[1].expose()));
    }
}

#[test]
fn gos_bcrypt_and_ours_verify_each_others_hashes() {
    let Some(go) = go::program() else { return };
    let texts = ["a", "correct horse", "ümlaut \u{1f600}", &"x".repeat(72), "with \"quotes\" and $"];
    for text in texts {
        for ident in [BcryptIdent::A, BcryptIdent::B, BcryptIdent::Y] {
            let hash = password::bcrypt(text.as_bytes(), 4, ident).unwrap();
            for (candidate, same) in [(text.to_owned(), true), (format!("!{}", text.chars().next().unwrap()), false)] {
                let answer = go::ask(&go, json!({"op": "bcrypt", "text": hash, "password": candidate}));
                assert_eq!(answer["same"], json!(same), "{text} {hash}");
            }
        }
        let theirs = go::ask(&go, json!({"op": "hash", "password": text, "cost": 4}));
        assert_eq!(password::verify_bcrypt(text.as_bytes(), theirs["hash"].as_str().unwrap()), Some(true));
    }
}

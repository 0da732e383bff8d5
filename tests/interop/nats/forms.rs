//! Every prefix of a hash, between every kind of quotes, in every form of include: what the reference says of them, measured.

use std::fs;
use std::path::Path;

use hecate_seal::crypto::password::{self, BcryptIdent};

use super::client::Login;
use super::server::{self, start};
use crate::support::temp_dir;

const PASSWORD: &str = "correct horse battery staple";

fn hash() -> String {
    password::bcrypt(PASSWORD.as_bytes(), 4, BcryptIdent::B).unwrap()
}

fn with_prefix(prefix: &str) -> String {
    hash().replace("$2b$", prefix)
}

/// Whether the password logs in, and whether the text of the hash itself does.
fn logins(program: &Path, conf: &Path, hash: &str) -> Result<(bool, bool), String> {
    let server = start(program, conf, &[])?;
    assert!(!server.is_open());
    Ok((server.lets_in("u", PASSWORD), server.lets_in("u", hash)))
}

#[test]
fn every_prefix_in_every_quoting_and_form_of_include_does_what_the_table_says() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let root = folder.path();
    for sub in ["nats", "nats/auth", "nats-auth"] {
        fs::create_dir(root.join(sub)).unwrap();
    }
    let conf = root.join("nats/nats-server.conf");
    for ident in ["a", "b", "x", "y"] {
        let hash = with_prefix(&format!("$2{ident}$"));
        for (quoting, written, good) in
            [("double", format!("\"{hash}\""), true), ("single", format!("'{hash}'"), true), ("bare", hash.clone(), ident == "a")]
        {
            let block = format!("authorization {{ users: [ {{ user: u, password: {written} }} ] }}\n");
            let inside = format!("users: [ {{ user: u, password: {written} }} ]\n");
            let forms: &[(&str, &str, &str)] = &[
                ("nats/auth.conf", "include auth.conf\n", &block),
                ("nats/auth.conf", "include \"auth.conf\"", &block),
                ("nats-auth/auth.conf", "include ../nats-auth/auth.conf\n", &block),
                ("nats/auth/auth.conf", "include 'auth/auth.conf';\n", &block),
                ("nats/auth.conf", "authorization {\n  include auth.conf\n}\n", &inside),
                ("nats/nats-server.conf", "", &block),
            ];
            for (file, including, included) in forms {
                fs::write(&conf, including).unwrap();
                fs::write(root.join(file), included).unwrap();
                let about = format!("$2{ident}$ {quoting} {including:?}");
                match logins(&program, &conf, &hash) {
                    Ok(got) => assert!(good && got == (true, false), "{about}: {got:?}"),
                    Err(why) => assert!(!good && why.contains("variable reference"), "{about}: {why}"),
                }
                assert_eq!(server::test(&program, &conf, &[]).is_ok(), good, "{about}");
            }
        }
        // JSON is configuration too, as a file and as an include.
        let json = format!("{{\"authorization\": {{\"users\": [{{\"user\": \"u\", \"password\": \"{hash}\"}}]}}}}\n");
        fs::write(&conf, &json).unwrap();
        assert_eq!(logins(&program, &conf, &hash), Ok((true, false)));
        fs::write(&conf, "include auth.conf").unwrap();
        fs::write(root.join("nats/auth.conf"), &json).unwrap();
        assert_eq!(logins(&program, &conf, &hash), Ok((true, false)));
    }
}

#[test]
fn an_absolute_include_is_joined_to_the_folder_and_one_that_is_missing_stops_the_server() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let (conf, auth) = (folder.path().join("n.conf"), folder.path().join("auth.conf"));
    fs::write(&auth, "authorization { user: u, password: p }\n").unwrap();
    fs::write(&conf, format!("include {}\n", auth.display())).unwrap();
    let why = start(&program, &conf, &[]).map(|_| ()).unwrap_err();
    assert!(why.contains("error parsing include file"), "{why}");
    assert!(server::test(&program, &conf, &[]).is_err());
}

/// `bootstrap-nats.md` §2.1: what passes the server's check, and what then logs in.
#[test]
fn what_the_servers_check_lets_through_does_what_the_table_says() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let conf = folder.path().join("n.conf");
    let hash = hash();
    let cases = [
        // The text between the quotes; does the password log in; does the text itself log in.
        (hash.replace("$2b$", "$2$"), false, true),
        (hash.replace("$2b$", "$2z$"), false, true),
        (hash.replace("$2b$", "$2A$"), false, true),
        (format!(":{hash}"), false, true),
        (format!("u:{hash}"), false, true),
        (hash[..59].to_owned(), false, false),
        (hash.replace("$04$", "$03$"), false, false),
        (hash.replace("$04$", "$32$"), false, false),
        (format!("{hash}x"), true, false),
        (format!("{hash} "), true, false),
        (format!("{hash}\\n"), true, false),
    ];
    for (text, by_password, by_text) in cases {
        fs::write(&conf, format!("authorization {{ user: u, password: \"{text}\" }}\n")).unwrap();
        assert!(server::test(&program, &conf, &[]).is_ok(), "{text}");
        assert_eq!(logins(&program, &conf, &text), Ok((by_password, by_text)), "{text}");
    }
}

#[test]
fn hashes_log_in_as_single_user_token_and_in_accounts() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let conf = folder.path().join("n.conf");
    let hash = hash();
    fs::write(&conf, format!("authorization {{ token: \"{hash}\" }}\n")).unwrap();
    let server = start(&program, &conf, &[]).unwrap();
    assert!(server.connect(&Login::Token(PASSWORD.to_owned())).is_ok());
    assert!(server.connect(&Login::Token(hash.clone())).is_err() && !server.is_open());
    drop(server);
    fs::write(&conf, format!("accounts {{ A {{ users: [ {{ user: u, password: \"{hash}\" }} ] }} }}\n")).unwrap();
    assert_eq!(logins(&program, &conf, &hash), Ok((true, false)));
    // Not with `no_auth_user`: the server cannot log in with a hash.
    fs::write(&conf, format!("authorization {{ users: [ {{ user: u, password: \"{hash}\" }} ] }}\nno_auth_user: u\n")).unwrap();
    assert!(!start(&program, &conf, &[]).unwrap().is_open());
}

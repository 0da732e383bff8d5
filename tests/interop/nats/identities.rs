//! nkeys and JWTs: what ours makes the Go libraries and the server take, and the other way round.

use std::fs;
use std::path::Path;

use hecate_seal::nats::nkey::{KeyPair, Role};
use hecate_seal::nats::{creds, jwt};
use serde_json::json;

use super::client::Login;
use super::commands::nats;
use super::go;
use super::server::{self, start};
use crate::support::temp_dir;

fn login(path: &Path) -> Login {
    let text = fs::read_to_string(path).unwrap();
    let (_, pair) = creds::read(&text).unwrap();
    let token = text.lines().nth(1).unwrap().to_owned();
    Login::Key(pair.seed().expose().to_owned(), Some(token))
}

#[test]
fn seeds_have_the_public_keys_that_gos_library_computes() {
    let Some(go) = go::program() else { return };
    let pairs: Vec<KeyPair> = [Role::Operator, Role::Account, Role::User, Role::Server, Role::Cluster]
        .iter()
        .flat_map(|role| (0..20).map(|_| KeyPair::generate(*role).unwrap()))
        .collect();
    let questions: Vec<_> = pairs.iter().map(|pair| json!({"op": "nkey", "text": pair.seed().expose()})).collect();
    for (pair, answer) in pairs.iter().zip(go::ask_all(&go, &questions)) {
        assert_eq!(answer["public"], json!(pair.public().to_string()));
    }
}

#[test]
fn jwts_and_credentials_are_read_both_ways() {
    let Some(go) = go::program() else { return };
    let theirs = go::ask(&go, json!({"op": "mint"}));
    let text = |field: &str| theirs[field].as_str().unwrap();
    let (operator, account, user) = (
        jwt::read_as(text("operator"), Role::Operator).unwrap(),
        jwt::read_as(text("account"), Role::Account).unwrap(),
        jwt::read(text("user")).unwrap(),
    );
    assert!(operator.signed(&account) && account.signed(&user));
    assert_eq!((operator.name.as_str(), operator.text("system_account")), ("theirs <&>", text("accountKey")));
    let (claims, pair) = creds::read(text("creds")).unwrap();
    assert_eq!((claims.subject.to_string().as_str(), pair.public().to_string().as_str()), (text("userKey"), text("userKey")));

    let folder = temp_dir();
    let root = folder.path();
    nats(
        root,
        &["jwt", "init", "--operator", "lanai <&> ü", "--user", "APP/api", "--user", "APP/worker", "--jetstream", "-o", "id"],
    )
    .ok();
    let api = fs::read_to_string(root.join("id/APP-api.creds")).unwrap();
    let answer = go::ask(&go, json!({"op": "creds", "text": api}));
    assert_eq!(answer["public"], answer["subject"], "{answer}");
    let conf = fs::read_to_string(root.join("id/operator.conf")).unwrap();
    let tokens: Vec<&str> =
        conf.split('"').filter(|part| part.starts_with("eyJ")).chain([answer["jwt"].as_str().unwrap()]).collect();
    assert_eq!(tokens.len(), 4);
    for token in tokens {
        let answer = go::ask(&go, json!({"op": "jwt", "text": token}));
        assert_eq!(answer["issues"], json!([]), "{answer}");
        assert_eq!(answer["claims"]["name"], json!(jwt::read(token).unwrap().name));
    }
}

#[test]
fn a_server_in_operator_mode_takes_our_credentials_and_no_others() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let root = folder.path();
    for (operator, out) in [("one", "id"), ("two", "other")] {
        nats(root, &["jwt", "init", "--operator", operator, "--user", "APP/api", "--user", "WEB/api", "-o", out]).ok();
    }
    let limited = [
        "jwt",
        "user",
        "--name",
        "limited",
        "--account-seed",
        "id/APP.nk",
        "--pub",
        "jobs.>",
        "--sub",
        "_INBOX.>",
        "--allow-responses",
    ];
    nats(root, &[&limited[..], &["-o", "limited.creds"]].concat()).ok();
    nats(root, &["jwt", "user", "--name", "brief", "--account-seed", "id/APP.nk", "--expires", "1m", "-o", "brief.creds"]).ok();
    fs::write(root.join("n.conf"), "include id/operator.conf\n").unwrap();
    assert!(server::test(&program, &root.join("n.conf"), &[]).is_ok());
    nats(root, &["check", "n.conf"]).ok();
    let server = start(&program, &root.join("n.conf"), &[]).unwrap();
    assert!(!server.is_open() && !server.lets_in("api", ""));
    for good in ["id/APP-api.creds", "id/WEB-api.creds", "id/SYS-sys.creds", "limited.creds", "brief.creds"] {
        assert!(server.connect(&login(&root.join(good))).is_ok(), "{good}");
    }
    // Of another operator; and the JWT of one user with the key of another.
    assert!(server.connect(&login(&root.join("other/APP-api.creds"))).is_err());
    let (Login::Key(_, token), Login::Key(seed, _)) =
        (login(&root.join("id/APP-api.creds")), login(&root.join("id/WEB-api.creds")))
    else {
        unreachable!()
    };
    assert!(server.connect(&Login::Key(seed, token)).is_err());
    // Accounts are apart, permissions hold.
    let mut limited = server.connect(&login(&root.join("limited.creds"))).unwrap();
    assert_eq!(limited.publish("jobs.a", "1"), [""; 0]);
    assert!(limited.publish("other", "1")[0].contains("Permissions Violation"));
    let mut web = server.connect(&login(&root.join("id/WEB-api.creds"))).unwrap();
    assert_eq!(web.subscribe(">"), [""; 0]);
    let mut app = server.connect(&login(&root.join("id/APP-api.creds"))).unwrap();
    assert_eq!(app.publish("jobs.a", "1"), [""; 0]);
    web.flush().unwrap();
    assert_eq!(web.messages, [""; 0]);
}

#[test]
fn accounts_and_operators_signed_one_by_one_work_too() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let root = folder.path();
    let generate =
        |role: &str, file: &str| nats(root, &["nkey", "generate", "--role", role, "-o", file]).ok().out().trim().to_owned();
    let (_, system, app) = (generate("operator", "op.nk"), generate("account", "sys.nk"), generate("account", "app.nk"));
    let signing = generate("account", "signing.nk");
    let operator = nats(root, &["jwt", "operator", "--name", "op", "--seed", "op.nk", "--system-account", &system]).ok();
    let account = |name: &str, subject: &str, more: &[&str]| {
        let args = [&["jwt", "account", "--name", name, "--subject", subject, "--operator-seed", "op.nk"], more].concat();
        nats(root, &args).ok().out().trim().to_owned()
    };
    let (system, app_token) = (account("SYS", &system, &[]), account("APP", &app, &["--signing-key", &signing]));
    fs::write(
        root.join("m.yaml"),
        format!("timeout: 3s\noperator:\n  jwt: {}\n  accounts: [{system}, {app_token}]\n", operator.out().trim()),
    )
    .unwrap();
    nats(root, &["auth", "m.yaml", "-o", "n.conf"]).ok();
    nats(root, &["jwt", "user", "--name", "u", "--account-seed", "signing.nk", "--account", &app, "-o", "u.creds"]).ok();
    let shown = nats(root, &["jwt", "show", "u.creds"]).ok();
    let creds_text = fs::read_to_string(root.join("u.creds")).unwrap();
    let user_seed = creds::read(&creds_text).unwrap().1.seed();
    assert!(shown.out().contains(&app) && !shown.out().contains(user_seed.expose()), "{}", shown.out());
    let server = start(&program, &root.join("n.conf"), &[]).unwrap();
    assert!(server.connect(&login(&root.join("u.creds"))).is_ok());
    // Seeds are for their owner only, and never overwritten.
    use std::os::unix::fs::PermissionsExt;
    for file in ["op.nk", "u.creds"] {
        assert_eq!(fs::metadata(root.join(file)).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(nats(root, &["nkey", "generate", "-o", "op.nk"]).output().code(1).err().contains("exists already"));
    // A seed where a public key belongs is refused, and not repeated.
    let seed = fs::read_to_string(root.join("app.nk")).unwrap();
    let wrong =
        nats(root, &["jwt", "account", "--name", "x", "--operator-seed", "op.nk", "--subject", seed.trim()]).output().code(2);
    assert!(!wrong.err().contains(&seed.trim()[5..]), "{}", wrong.err());
}

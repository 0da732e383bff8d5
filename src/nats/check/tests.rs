//! Findings on small configurations; `tests/interop/nats` compares with the server.

use std::path::Path;

use super::check;
use crate::nats::conf::{Sources, read};
use crate::nats::rules::Severity;
use crate::secret::SecretString;

const HASH: &str = "$2b$11$WXJ0Qp0vQJ9pLRfBGZQ3TeuH7FQ7b1l5S8RrmS5uH0rX5pWQ0y2nK";

struct One(String);

impl Sources for One {
    fn file(&mut self, path: &Path) -> Result<SecretString, String> {
        match path.to_str() {
            Some("n.conf") => Ok(SecretString::new(self.0.clone())),
            Some("empty.conf") => Ok(SecretString::default()),
            _ => Err("no such file".into()),
        }
    }

    fn variable(&self, name: &str) -> Option<SecretString> {
        (name == "EMPTY").then(SecretString::default)
    }
}

fn errors(text: &str) -> Vec<(u32, String)> {
    let text = text.replace("HASH", HASH);
    let config = read(Path::new("n.conf"), &mut One(text.clone())).unwrap_or_else(|error| panic!("{text}: {error}"));
    let found = check(&config);
    assert!(!format!("{found:?}").contains("canary") && !format!("{found:?}").contains(&HASH[8..]), "{found:?}");
    assert!(found.iter().all(|finding| !finding.fix.is_empty()));
    found.into_iter().filter(|finding| finding.severity == Severity::Error).map(|finding| (finding.line, finding.what)).collect()
}

#[test]
fn good_configurations_have_no_errors() {
    for text in [
        "authorization { user: a, password: \"HASH\" }",
        "authorization { token: \"HASH\", timeout: 1 }",
        "port: 4222\nP: \"HASH\"\nauthorization {\n timeout: \"5s\"\n users: [\n {user: a, password: $P, permissions: {publish: [\"$JS.API.>\"], \
         subscribe: {allow: \"a.> q\", deny: b}, allow_responses: {max: 5, expires: \"1m\"}}, allowed_connection_types: [standard]}\n ]\n}",
        "accounts { A: {users: [{user: a, password: \"HASH\"}], exports: [{stream: x, accounts: [B]}]}, B: {imports: [{stream: {account: A, \
         subject: x}}]} }\nsystem_account: A",
        "authorization {user: a, password: \"HASH\"}\ncluster {listen: \"0:6222\", authorization {user: r, password: \"HASH\"}, \
         routes: [\"nats-route://r:p%2Fq@host:6222\"]}",
        "tls {verify_and_map: true}\nauthorization {users: [{user: \"CN=a\"}]}",
        "trusted: [OX]",
    ] {
        assert_eq!(errors(text), [], "{text}");
    }
}

#[test]
fn what_the_servers_check_lets_through_is_found_with_its_line() {
    let cut = &HASH[..59];
    for (text, line, part) in [
        ("\nport: 4222".to_owned(), 1, "lets everybody in"),
        ("authorization {\n password: canary }".to_owned(), 2, "a password without a user"),
        ("authorization { users: [] }".to_owned(), 1, "`users` is empty"),
        ("authorization { user: a, password: \"\" }".to_owned(), 1, "anybody is let in"),
        ("authorization { user: a, password: $EMPTY }".to_owned(), 1, "($EMPTY is empty)"),
        ("authorization { users: [\n {user: a} ] }".to_owned(), 2, "an empty one logs in"),
        (format!("authorization {{ user: a\n password: \"{cut}\" }}"), 2, "59 characters"),
        (format!("authorization {{ user: a\n password: \"{}\" }}", HASH.replace("$11$", "$03$")), 2, "cost of the hash is 3"),
        (format!("authorization {{ user: a\n password: \"{}\" }}", HASH.replace("$11$", "$32$")), 2, "cost of the hash is 32"),
        (format!("authorization {{ user: a\n password: \"{}\" }}", HASH.replace("$11$", "$17$")), 2, "longer than the server waits"),
        (format!("authorization {{ user: a\n password: \":{HASH}\" }}"), 2, "left over from a line of htpasswd"),
        ("authorization { user: a, password: \"$2a$10$canary\" }".to_owned(), 1, "nothing matches it"),
        ("authorization { user: a, password: \"$PASSWORD\" }".to_owned(), 1, "a variable between quotes"),
        ("authorization { user: a, password: 1234 }".to_owned(), 1, "is a number and not text"),
        ("authorization { user: yes, password: \"HASH\" }".to_owned(), 1, "is true or false and not text"),
        ("authorization { user: a, password: \"HASH\" }\nno_auth_user: b".to_owned(), 2, "names nobody"),
        ("authorization { users: [{user: a, password: \"HASH\"}] }\nno_auth_user: a".to_owned(), 2, "turns away whom it should let in"),
        ("authorization { user: a, password: \"HASH\" }\nauthorization { user: b, password: \"HASH\" }".to_owned(), 2, "n.conf:1) without a word"),
        ("authorization { user: a, password: \"HASH\", timeout: 2m }".to_owned(), 1, "2000000 seconds"),
        ("authorization { user: a, password: \"HASH\", token: \"HASH\" }".to_owned(), 1, "a token and a user"),
        ("authorization { token: \"HASH\", users: [{user: a, password: \"HASH\"}] }".to_owned(), 1, "a token and `users`"),
        ("authorization { users: [{user: a, token: canary, password: \"HASH\"}] }".to_owned(), 1, "a user has no `token`"),
        ("authorization { users: [{user: a, password: \"HASH\"}, {user: a, password: \"HASH\"}] }".to_owned(), 1, "there twice"),
        ("authorization { users: [{nkey: UABC}] }".to_owned(), 1, "the nkey is not good"),
        ("authorization { users: [{user: a, password: \"HASH\", permissions: {publish: a..b}}] }".to_owned(), 1, "is no subject"),
        ("authorization { users: [{user: a, password: \"HASH\", clients: [TELNET]}] }".to_owned(), 1, "unknown connection type"),
        ("authorization{: a".to_owned(), 1, "brace and all"),
        ("authorization { user: a, password: \"HASH\", sub: x }".to_owned(), 1, "knows no `sub`"),
        ("authorization { user: a, password: \"HASH\" }\ninclude empty.conf".to_owned(), 2, "says nothing"),
        ("authorization { user: a, password: \"HASH\" }\nsystem_account: X".to_owned(), 2, "no account `X`"),
        ("authorization { user: a, password: \"HASH\" }\naccounts {\n A {users: [{user: b, password: \"HASH\"}]}}".to_owned(), 3, "beside a single user"),
        ("operator: eyJ\nauthorization {users: [{user: a, password: \"HASH\"}]}".to_owned(), 1, "users beside an operator"),
        (
            "authorization {user: a, password: \"HASH\"}\ncluster {authorization {user: r, password: \"HASH\"}\n routes: [\"nats://r:HASH@h:1\"]}".to_owned(),
            3,
            "a hash in a URL",
        ),
        (
            "authorization {user: a, password: \"HASH\"}\ncluster {authorization {users: []}\n routes: [\"nats://r:a/canary@h:1\"]}".to_owned(),
            3,
            "holds `/`",
        ),
        ("authorization {user: a, password: \"HASH\"}\nleafnodes {authorization {users: [{user: l, password: \"HASH\", account: X}]}}".to_owned(), 2, "no account `X`"),
    ] {
        let found = errors(&text);
        assert!(found.iter().any(|(at, what)| *at == line && what.contains(part)), "{text}\n{found:?}");
    }
}

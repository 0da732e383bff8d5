//! Models in, configuration or problems out.

use std::convert::Infallible;

use super::model::Auth;
use super::nkey::{KeyPair, Role};
use super::rules::{self, Severity};
use super::write::{Part, Syntax, render};
use crate::secret::SecretString;

const HASH: &str = "$2b$11$WXJ0Qp0vQJ9pLRfBGZQ3TeuH7FQ7b1l5S8RrmS5uH0rX5pWQ0y2nK";

/// A model whose references are the values themselves; `HASH` stands for a hash.
fn model(json: &str) -> Auth<SecretString> {
    let auth: Auth<String> = serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"));
    let value = |_: super::model::Place<'_>, text: String| {
        Ok::<_, Infallible>(SecretString::new(if text == "HASH" { HASH.to_owned() } else { text }))
    };
    auth.resolve(value).unwrap()
}

fn errors(json: &str, part: Part) -> Vec<String> {
    let problems = rules::problems(&model(json), part);
    problems.iter().filter(|problem| problem.severity == Severity::Error).map(ToString::to_string).collect()
}

#[test]
fn a_model_becomes_configuration_with_everything_between_quotes() {
    let auth = model(
        r#"{"timeout": "5s", "systemAccount": "SYS", "users": [
            {"user": "default", "hash": "HASH"},
            {"user": "yes", "hash": "HASH", "connectionTypes": ["STANDARD", "LEAFNODE_WS"], "permissions":
                {"publish": {"allow": ["dyn.>", "$JS.API.>"]}, "subscribe": ["dyn.>", "_INBOX.> q"], "allowResponses": true}},
            {"user": "a", "hash": "HASH", "account": "APP", "permissions": {"publish": [], "allowResponses": {"max": 5, "expires": "1m"}}},
            {"user": "sys", "hash": "HASH", "account": "SYS"}],
          "accounts": {"SYS": {}, "APP": {"jetstream": true, "exports": [{"stream": "news.>"}],
            "defaultPermissions": {"subscribe": {"deny": "secret.>"}}, "limits": {"maxConnections": 5}},
            "OTHER": {"users": [{"user": "b", "password": "q\"\\ \u0001"}], "jetstream": {"maxFile": 1024},
             "imports": [{"stream": {"account": "APP", "subject": "news.*"}, "prefix": "app"}]}}}"#,
    );
    let text = render(&auth, Part::All, Syntax::Native).unwrap();
    let expected = format!(
        r#"authorization {{
  timeout: "5s"
  users: [
    {{ user: "default", password: "{HASH}" }}
    {{ user: "yes", password: "{HASH}", permissions: {{ publish: {{ allow: ["dyn.>", "$JS.API.>"] }}, subscribe: {{ allow: ["dyn.>", "_INBOX.> q"] }}, allow_responses: true }}, allowed_connection_types: ["STANDARD", "LEAFNODE_WS"] }}
  ]
}}
accounts {{
  "APP" {{
    default_permissions {{
      subscribe {{
        deny: ["secret.>"]
      }}
    }}
    users: [
      {{ user: "a", password: "{HASH}", permissions: {{ publish: {{ deny: [">"] }}, allow_responses: {{ max: 5, expires: "1m" }} }} }}
    ]
    jetstream: true
    exports: [
      {{ stream: "news.>" }}
    ]
    limits {{
      max_connections: 5
    }}
  }}
  "OTHER" {{
    users: [
      {{ user: "b", password: "q\"\\ \x01" }}
    ]
    jetstream {{
      max_file: 1024
    }}
    imports: [
      {{ stream: {{ account: "APP", subject: "news.*" }}, prefix: "app" }}
    ]
  }}
  "SYS" {{
    users: [
      {{ user: "sys", password: "{HASH}" }}
    ]
  }}
}}
system_account: "SYS"
"#
    );
    assert_eq!(text.expose(), expected);
}

#[test]
fn json_is_json_and_says_the_same() {
    let auth = model(
        r#"{"users": [{"user": "a", "hash": "HASH", "permissions": {"publish": "$JS.API.>"}}], "noAuthUser": "x",
        "accounts": {"X": {"users": [{"user": "x", "password": "p", "permissions": {"subscribe": "a"}}]}}}"#,
    );
    let text = render(&auth, Part::All, Syntax::Json).unwrap();
    let value: serde_json::Value = serde_json::from_str(text.expose()).unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "authorization": {"users": [{"user": "a", "password": HASH, "permissions": {"publish": {"allow": ["$JS.API.>"]}}}]},
            "accounts": {"X": {"users": [{"user": "x", "password": "p", "permissions": {"subscribe": {"allow": ["a"]}}}]}},
            "no_auth_user": "x",
        })
    );
}

#[test]
fn blocks_of_other_servers_come_whole_or_as_their_inside() {
    let json = r#"{"users": [{"user": "a", "hash": "HASH"}],
        "cluster": {"name": "c", "listen": "0.0.0.0:6222", "user": "route", "password": "a/b c", "routes": ["n-1:6222"]},
        "leafnodes": {"listen": "0.0.0.0:7422", "users": [{"user": "leaf", "hash": "HASH", "account": "$G"}],
          "remotes": [{"url": "hub:7422", "user": "l", "password": "p@w", "account": "$SYS"}]}}"#;
    let auth = model(json);
    let cluster = render(&auth, Part::Cluster, Syntax::Native).unwrap();
    assert_eq!(
        cluster.expose(),
        "name: \"c\"\nlisten: \"0.0.0.0:6222\"\nauthorization {\n  user: \"route\"\n  password: \"a/b c\"\n}\n\
         routes: [\"nats-route://route:a%2Fb%20c@n-1:6222\"]\n"
    );
    let all = render(&auth, Part::All, Syntax::Native).unwrap();
    assert!(all.expose().contains("\ncluster {\n  name: \"c\"\n") && all.expose().contains("nats-leaf://l:p%40w@hub:7422"));
    let clients = render(&auth, Part::Clients, Syntax::Native).unwrap();
    assert!(!clients.expose().contains("cluster"));
    assert_eq!(errors(json, Part::Gateway), ["gateway: the file says nothing about it"]);
}

#[test]
fn what_would_leave_the_server_open_or_locked_is_refused() {
    let user = |fields: &str| format!(r#"{{"users": [{{"user": "u", {fields}}}]}}"#);
    let cut = &HASH[..59];
    for (json, error) in [
        ("{}".to_owned(), "users: there is nobody who could log in, and such a server lets everybody in"),
        (r#"{"users": []}"#.to_owned(), "users: there is nobody who could log in, and such a server lets everybody in"),
        (r#"{"users": [{"user": "u"}]}"#.to_owned(), "users: u: the user has no credential, and an empty password would log in"),
        (r#"{"users": [{"user": "", "hash": "HASH"}]}"#.to_owned(), "users: number 1: the name is empty"),
        (user(r#""hash": """#), "users: u: the hash is empty, and an empty password would log in"),
        (user(r#""password": """#), "users: u: the password is empty, and anybody would be let in"),
        (user(r#""hash": "hunter2""#), "users: u: this is no bcrypt hash, and the server would take it for the password itself"),
        (user(r#""password": "HASH""#), "users: u: the password is a bcrypt hash"),
        (user(r#""password": "p", "hash": "HASH""#), "users: u: the user has a password and a hash"),
        (
            user(&format!(r#""hash": "{cut}""#)),
            "users: u: the hash has 59 characters instead of 60: it was cut short, so that no password matches it",
        ),
        (
            user(&format!(r#""hash": "{HASH}\n""#)),
            "users: u: something follows the hash: a line break, or text that does not belong there",
        ),
        (
            user(&format!(r#""hash": ":{HASH}""#)),
            "users: u: a `:` stands in front of the hash, left over from a line of htpasswd, so that the server would take the hash \
             for the password itself",
        ),
        (user(r#""hash": "HASH", "nkey": "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4""#), "users: u: an nkey user has no name and no password"),
        (user(r#""hash": "HASH", "account": "X""#), "users: u: there is no account `X`"),
        (user(r#""hash": "HASH", "permissions": {"publish": "a..b"}"#), "users: u: `a..b` is no subject to publish to"),
        (user(r#""password": "$PASSWORD""#), "users: u: the password looks like a variable that was not filled in, and would be the password as it is"),
        (r#"{"users": [{"nkey": "UABC"}]}"#.to_owned(), "users: number 1: it is no nkey: not base32 of the right length"),
        (
            r#"{"users": [{"user": "u", "hash": "HASH"}, {"user": "u", "hash": "HASH"}]}"#.to_owned(),
            "users: u: `u` is there twice",
        ),
        (
            r#"{"users": [{"user": "u", "hash": "HASH"}], "accounts": {"A": {"users": [{"user": "u", "hash": "HASH"}]}}}"#.to_owned(),
            "accounts.A.users: u: `u` is there twice",
        ),
        (r#"{"token": "t", "users": [{"user": "u", "hash": "HASH"}]}"#.to_owned(), "token: a server has a token or users, not both"),
        (
            r#"{"noAuthUser": "u", "users": [{"user": "u", "hash": "HASH"}]}"#.to_owned(),
            "noAuthUser: `u` has a bcrypt hash, and the server cannot log in with a hash: clients without credentials would be turned away",
        ),
        (r#"{"noAuthUser": "x", "users": [{"user": "u", "hash": "HASH"}]}"#.to_owned(), "noAuthUser: there is no user `x`"),
        (
            r#"{"users": [{"user": "u", "hash": "HASH", "account": "$SYS"}]}"#.to_owned(),
            "users: only the system account has users: the server would let everybody else in, without a password",
        ),
        (r#"{"timeout": 120, "users": [{"user": "u", "hash": "HASH"}]}"#.to_owned(), "timeout: the server takes at most 60 s"),
        (
            r#"{"users": [{"user": "u", "hash": "HASH"}], "accounts": {"$G": {}}}"#.to_owned(),
            "accounts.$G: this name is the server's own",
        ),
        (
            r#"{"users": [{"user": "u", "hash": "HASH"}], "accounts": {"A": {"imports": [{"stream": {"account": "B", "subject": "x"}}]}, "B": {"exports": [{"service": "x"}]}}}"#
                .to_owned(),
            "accounts.A.imports: number 1: `B` exports no stream `x` to `A`",
        ),
        (
            r#"{"users": [{"user": "u", "hash": "HASH"}], "cluster": {"user": "r", "hash": "HASH", "routes": ["x:1"]}}"#.to_owned(),
            "cluster: the URLs of other servers need the password itself, not its hash",
        ),
        (
            r#"{"users": [{"user": "u", "hash": "HASH"}], "cluster": {"user": "r", "password": "no", "hash": "HASH", "routes": []}}"#
                .to_owned(),
            "cluster: the hash is not that of the password",
        ),
    ] {
        assert_eq!(errors(&json, Part::All), [error], "{json}");
        assert!(render(&model(&json), Part::All, Syntax::Native).is_err());
    }
}

#[test]
fn no_problem_repeats_a_value() {
    let json = r#"{"users": [{"user": "u", "hash": "canary-canary"}, {"user": "v", "password": "$2a$10$canary"},
        {"nkey": "SUcanary"}], "cluster": {"user": "r", "password": "canary", "routes": ["r:canary@host:1"]}}"#;
    let problems = rules::problems(&model(json), Part::All);
    assert!(problems.len() >= 4);
    assert!(!format!("{problems:?}").contains("canary"), "{problems:?}");
}

#[test]
fn a_seed_gives_its_public_key_and_is_not_written() {
    let pair = KeyPair::generate(Role::User).unwrap();
    let auth = model(&format!(r#"{{"users": [{{"nkey": "{}"}}]}}"#, pair.seed().expose()));
    let text = render(&auth, Part::All, Syntax::Native).unwrap();
    assert!(text.expose().contains(&pair.public().to_string()) && !text.expose().contains(pair.seed().expose()));
}

#[test]
fn unknown_fields_and_wrong_forms_are_errors_that_say_what_is_expected() {
    for (json, part) in [
        (r#"{"users": [{"user": "u", "token": "t"}]}"#, "unknown field `token`"),
        (r#"{"user": "u"}"#, "unknown field `user`"),
        (r#"{"timeout": "5"}"#, "a duration such as `5s`"),
        (r#"{"users": [{"connectionTypes": ["TELNET"]}]}"#, "unknown variant `TELNET`"),
        (r#"{"defaultPermissions": {"publish": 5}}"#, "expected a subject, a list of subjects"),
    ] {
        let error = serde_json::from_str::<Auth<String>>(json).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }
}

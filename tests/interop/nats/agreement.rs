//! Our reader beside the server's: the same texts are read, with the same digest; and what `nats check` says beside what the
//! server does with a configuration.

use std::fs;
use std::path::Path;

use hecate_seal::crypto::password::{self, BcryptIdent};
use hecate_seal::nats::conf::{Sources, digest, read};
use hecate_seal::nats::nkey::{KeyPair, Role};
use hecate_seal::nats::{Severity, check};
use hecate_seal::secret::SecretString;
use serde_json::json;

use super::go;
use super::server::{self, start};
use crate::support::temp_dir;

const VARIABLES: &[(&str, &str)] =
    &[("WORD", "abc+/def=="), ("EMPTY", ""), ("NUMBER", "1234"), ("QUOTED", "\"a b\""), ("BAD", "a b")];

struct Here;

impl Sources for Here {
    fn file(&mut self, path: &Path) -> Result<SecretString, String> {
        fs::read_to_string(path).map(SecretString::new).map_err(|error| error.to_string())
    }

    fn variable(&self, name: &str) -> Option<SecretString> {
        VARIABLES.iter().find(|(known, _)| *known == name).map(|(_, value)| SecretString::new((*value).to_owned()))
    }
}

/// Texts that show every construct of the grammar.
const TEXTS: &[&str] = &[
    "",
    "# only a comment",
    "a: 1\nb = two; c three\nd: \"four\" // five\n",
    "a { b: 1, c { d: [1, 2 , \"x\" ] } }\n",
    "{\"a\": {\"b\": [true, false, null], \"c\": \"<&>\\u0041\"}}",
    "{\"a\": {\"b\": [true, \"x\"], \"c\": \"<&>\\t\\x41\"}, \"d\": \"e\"}\n",
    "a: 1k\nb: 1kb\nc: 2MiB\nd: -5\ne: 1.50\nf: 1e3\ng: 12gi\nh: 3e\n",
    "a: 1.2.3.4\nb: 127.0.0.1:4222\nc: 10-a\nd: 2026-11-21T07:00:00Z\n",
    "a: 0.0000001\nb: 123456789012345678901234.5\nc: 1.0\nd: -1.25\n",
    "a: yes\nb: OFF\nc: True\nd: truely\n",
    "a: (\n  raw \" text\n  ) not yet\n)\nb: 1\n",
    "a: 'single \\n'\nb: \"double \\n \\\" \\\\ \\x7e\"\nc: bare\\x41b\n",
    "P: \"x y\"\na: $P\nb { c: $P }\nd: [$P]\n",
    "a: $WORD\nb: $NUMBER\nc: $QUOTED\nd: $EMPTY\n",
    "a: $2a$11$WXJ0Qp0vQJ9pLRfBGZQ3TeuH7FQ7b1l5S8RrmS5uH0rX5pWQ0y2nK\n",
    "a: 1\na: 2\nb {x: 1}\nb {y: 2}\n",
    "a: [\n  1\n  2 # c\n  // d\n  {x: 1}, {y: 2}\n  [a, b]\n]\n",
    "a {\n  # c\n  b: 1; c: 2\n  'd e': f\n  \"g:h\" = i\n}\n",
    "include inc.conf\nb: 2\n",
    "a { include 'inc.conf' }\ninclude: 5\n",
    "a{ b: 1 }\nc: 2\n",
    "a\nb\n",
    "a:b\nc:d}\n",
    "a: b # c\r\nd: e\r\n",
    "a: ü\n\"ключ\": \"значение \u{2028}\"\n",
    "a: http://x:y@host/p?q#r\nb: a/b//c\n",
    "a: [1, 2]\nb: [a,b]\nc: []\nd: {}\n",
    "a: abc'def\nb: x'\n",
    "authorization {\n  users = [\n    {user: a, password: \"p\"}\n    {user: b, password: 'q', permissions: {publish: [\"$JS.API.>\", foo.*]}}\n  ]\n}\n",
];

/// What we refuse and the server does not, by the beginning of our words.
const STRICTER: &[&str] =
    &["a key without a value", "a `{` that does not end", "a `/` where a key", "a quoted key", "something stands behind"];

/// A small generator: the same seed gives the same texts.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides as u64).unwrap()
    }
}

#[test]
fn the_reader_takes_and_refuses_the_same_texts_as_the_servers_and_computes_its_digest() {
    let Some(go) = go::program() else { return };
    let folder = temp_dir();
    let conf = folder.path().join("n.conf");
    fs::write(folder.path().join("inc.conf"), "i: \"included\"\nj { k: 1 }\n").unwrap();
    let seed = std::env::var("HECATE_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0x5eed_u64);
    let mut dice = Dice(seed | 1);
    let mut texts: Vec<String> = TEXTS.iter().map(|text| (*text).to_owned()).collect();
    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        ",",
        ";",
        ":",
        "=",
        "\n",
        " ",
        "\"",
        "'",
        "#",
        "//",
        "$",
        "$WORD",
        "1",
        "-",
        ".",
        "k",
        "a",
        "\\",
        "\\n",
        "(",
        ")",
        "\n)\n",
        "include ",
        "true",
        "\t",
        "\r\n",
        "2a$",
        "é",
        "include inc.conf\n",
    ];
    for _ in 0..4_000 {
        let mut text: Vec<char> = TEXTS[dice.roll(TEXTS.len())].chars().collect();
        for _ in 0..=dice.roll(3) {
            let at = dice.roll(text.len() + 1);
            match dice.roll(3) {
                0 => drop(text.splice(at..(at + dice.roll(4)).min(text.len()), [])),
                1 => drop(text.splice(at..at, PIECES[dice.roll(PIECES.len())].chars())),
                _ => {
                    let other: Vec<char> = TEXTS[dice.roll(TEXTS.len())].chars().collect();
                    let from = dice.roll(other.len() + 1);
                    drop(text.splice(at..at, other[from..(from + dice.roll(12)).min(other.len())].iter().copied()));
                }
            }
        }
        texts.push(text.into_iter().collect());
    }
    let questions: Vec<_> = texts.iter().map(|text| json!({"op": "conf", "text": text, "user": conf})).collect();
    let answers = ask_with_variables(&go, &questions);
    let (mut same, mut stricter, mut differ) = (0, 0, Vec::new());
    for (text, answer) in texts.iter().zip(&answers) {
        fs::write(&conf, text).unwrap();
        let ours = read(&conf, &mut Here).map(|config| digest(&config));
        match (&ours, answer["digest"].as_str()) {
            (Ok(ours), Some(theirs)) if ours == theirs => same += 1,
            (Err(_), None) => same += 1,
            // A file that was cut off, or a key whose value was forgotten, is no configuration for us; the server takes it, and
            // may give the value to another key.
            (Err(error), Some(_)) if STRICTER.iter().any(|what| error.what.starts_with(what)) => stricter += 1,
            _ => differ.push((text, ours, answer)),
        }
    }
    let shown = differ.iter().take(20).map(|(text, ours, theirs)| format!("{text:?}\nours   {ours:?}\ntheirs {theirs}\n"));
    assert!(differ.is_empty(), "{} of {} differ\n{}", differ.len(), texts.len(), shown.collect::<String>());
    assert!(same > 3_900 && stricter < 130, "{same} alike, {stricter} refused by us alone");
}

/// As [`go::ask_all`], with the variables in the environment.
fn ask_with_variables(go: &Path, questions: &[serde_json::Value]) -> Vec<serde_json::Value> {
    let text: String = questions.iter().map(|question| format!("{question}\n")).collect();
    let mut run = crate::support::Run::new(go).stdin(text);
    for (name, value) in VARIABLES {
        run = run.env(name, value);
    }
    run.ok().out().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What becomes of a configuration.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Fate {
    /// `-t` refuses it.
    Refused,
    /// `-t` accepts it, and the server does not start.
    Dead,
    /// It starts, and lets in who says nothing, or an empty password, or the text of the configuration.
    Open,
    /// It starts, and the password does not log in.
    Deaf,
    /// It starts and does what it should: `u` logs in with `pw` and nobody else.
    Good,
}

fn fate(program: &Path, conf: &Path, hash: &str) -> Fate {
    if server::test(program, conf, VARIABLES).is_err() {
        return Fate::Refused;
    }
    let Ok(server) = start(program, conf, VARIABLES) else { return Fate::Dead };
    if server.is_open()
        || server.lets_in("u", "")
        || server.lets_in("u", hash)
        || server.lets_in("u", "$PASSWORD")
        || server.lets_in("u", &format!(":{hash}"))
    {
        Fate::Open
    } else if server.lets_in("u", "pw") {
        Fate::Good
    } else {
        Fate::Deaf
    }
}

#[test]
fn check_finds_an_error_wherever_the_server_is_refused_dead_open_or_deaf() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let conf = folder.path().join("n.conf");
    fs::write(folder.path().join("empty.conf"), "# nothing\n").unwrap();
    let hash = password::bcrypt(b"pw", 4, BcryptIdent::B).unwrap();
    fs::write(folder.path().join("auth.conf"), format!("authorization {{ user: u, password: \"{hash}\" }}\n")).unwrap();
    let user_key = KeyPair::generate(Role::User).unwrap();
    let (cut, public, seed) = (&hash[..59], user_key.public().to_string(), user_key.seed());
    let auth = format!("authorization {{ user: u, password: \"{hash}\" }}\n");
    let users = |fields: &str| format!("authorization {{ users: [ {{ user: u, password: \"{hash}\"{fields} }} ] }}\n");
    let with = |password: &str| format!("authorization {{ user: u, password: {password} }}\n");
    let cases: Vec<(String, Fate)> = [
        (auth.clone(), Fate::Good),
        (users(""), Fate::Good),
        ("include auth.conf\n".into(), Fate::Good),
        (format!("P: \"{hash}\"\nauthorization {{ user: u, password: $P }}\n"), Fate::Good),
        (users(", permissions: { publish: [\"a.>\", \"$JS.API.>\"], subscribe: { allow: \"a.> q\", deny: b }, allow_responses: { max: 2, expires: \"1m\" } }"), Fate::Good),
        (users(", allowed_connection_types: [standard, \"WEBSOCKET\"]"), Fate::Good),
        (format!("accounts {{ A {{ users: [ {{ user: u, password: \"{hash}\" }}, {{ nkey: {public} }} ] }}, B {{ }} }}\nsystem_account: B\n"), Fate::Good),
        (format!("accounts {{ A {{ users: [ {{ user: u, password: \"{hash}\" }} ] }} }}\nsystem_account: A\n"), Fate::Open),
        (format!("accounts {{ $SYS {{ users: [ {{ user: u, password: \"{hash}\" }} ] }} }}\n"), Fate::Open),
        (format!("{auth}cluster {{ name: c, listen: \"127.0.0.1:-1\", authorization {{ user: r, password: \"{hash}\", timeout: 2 }}, routes: [\"nats-route://r:a%2Fb@127.0.0.1:1\"] }}\n"), Fate::Good),
        (format!("{auth}leafnodes {{ listen: \"127.0.0.1:-1\", authorization {{ users: [ {{ user: l, password: \"{hash}\" }} ] }} }}\n"), Fate::Good),
        (with("$WORD"), Fate::Deaf),
        (with("\"$PASSWORD\""), Fate::Open),
        (with("\"\""), Fate::Open),
        (with("$EMPTY"), Fate::Open),
        (with("$NUMBER"), Fate::Refused),
        (with("$BAD"), Fate::Refused),
        (with("$MISSING"), Fate::Refused),
        (with("1234"), Fate::Refused),
        (with(&hash), Fate::Refused),
        (with(&format!("\"{cut}\"")), Fate::Deaf),
        (with(&format!("\":{hash}\"")), Fate::Open),
        (with(&format!("\"{}\"", hash.replace("$04$", "$03$"))), Fate::Deaf),
        (with(&format!("\"{}\"", hash.replace("$04$", "$32$"))), Fate::Deaf),
        (with(&format!("\"{}\"", hash.replace("$2b$", "$2z$"))), Fate::Deaf),
        (String::new(), Fate::Refused),
        ("server_name: x\n".into(), Fate::Open),
        ("include empty.conf\n".into(), Fate::Refused),
        ("server_name: x\ninclude empty.conf\n".into(), Fate::Open),
        ("authorization { users: [] }\n".into(), Fate::Open),
        ("authorization { users: [ { user: u } ] }\n".into(), Fate::Open),
        ("authorization { user: u }\n".into(), Fate::Open),
        ("authorization { password: pw }\n".into(), Fate::Open),
        ("authorization { timeout: 2 }\n".into(), Fate::Open),
        (format!("{auth}authorization {{ timeout: 2 }}\n"), Fate::Open),
        (format!("{auth}include empty.conf\nno_auth_user: u\n"), Fate::Dead),
        (format!("{}no_auth_user: x\n", users("")), Fate::Dead),
        (format!("{}no_auth_user: u\n", users("")), Fate::Good),
        (format!("{auth}system_account: X\n"), Fate::Dead),
        (users(", token: x"), Fate::Refused),
        (users(", permissions: { publish: a..b }"), Fate::Refused),
        (users(", permissions: { publish: [\"a b\"] }"), Fate::Refused),
        (users(", permissions: { sub: x, pubish: y }"), Fate::Refused),
        (users(", permissions: { publish: $JS.API.> }"), Fate::Refused),
        (users(", allowed_connection_types: [TELNET]"), Fate::Refused),
        (users(&format!(", nkey: {public}")), Fate::Refused),
        (format!("authorization {{ users: [ {{ nkey: {} }} ] }}\n", seed.expose()), Fate::Refused),
        (format!("authorization {{ users: [ {{ user: u, password: \"{hash}\" }}, {{ user: u, password: \"{hash}\" }} ] }}\n"), Fate::Refused),
        (format!("authorization {{ user: u, password: \"{hash}\", token: t }}\n"), Fate::Refused),
        (format!("authorization {{ token: t, users: [ {{ user: u, password: \"{hash}\" }} ] }}\n"), Fate::Refused),
        (format!("authorization {{ user: x, password: y, users: [ {{ user: u, password: \"{hash}\" }} ] }}\n"), Fate::Refused),
        (format!("authorization {{ user: u, password: \"{hash}\", timeout: 2m }}\n"), Fate::Refused),
        (format!("authorization {{ user: u, password: \"{hash}\", sub: x }}\n"), Fate::Refused),
        (format!("{auth}accounts {{ A {{ users: [ {{ user: v, password: \"{hash}\" }} ] }} }}\n"), Fate::Refused),
        (format!("{}accounts {{ $G {{ }} }}\n", users("")), Fate::Refused),
        (format!("{}accounts {{ A {{ imports: [ {{ stream: {{ account: B, subject: x }} }} ] }} }}\n", users("")), Fate::Refused),
        (format!("{auth}cluster {{ authorization {{ users: [ {{ user: r, password: x }} ] }} }}\n"), Fate::Refused),
        (format!("{auth}cluster {{ authorization {{ token: x }} }}\n"), Fate::Refused),
        (format!("{auth}cluster {{ name: c, listen: \"127.0.0.1:-1\", routes: [\"nats-route://r:a/b@127.0.0.1:1\"] }}\n"), Fate::Refused),
        (format!("{auth}leafnodes {{ authorization {{ token: x }} }}\n"), Fate::Refused),
        (format!("{auth}leafnodes {{ listen: \"127.0.0.1:-1\", authorization {{ users: [ {{ user: l, password: x, account: NONE }} ] }} }}\n"), Fate::Dead),
        (format!("{auth}nonsense: 1\n"), Fate::Refused),
        (format!("\u{feff}{auth}"), Fate::Refused),
        (format!("include {}\n", folder.path().join("auth.conf").display()), Fate::Refused),
        (auth.replace(" {", "{"), Fate::Refused),
    ]
    .into();
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        fs::write(&conf, &text).unwrap();
        let fate = fate(&program, &conf, &hash);
        let found = read(&conf, &mut Here).map(|config| (digest(&config), check::check(&config)));
        let errors: Vec<String> = match &found {
            Ok((_, found)) => found.iter().filter(|f| f.severity == Severity::Error).map(|f| f.what.clone()).collect(),
            Err(error) => vec![error.what.clone()],
        };
        // `$WORD` is a good password, only not the one that is tried.
        // With a hash, the user of `no_auth_user` logs in, and those whom the line is for do not.
        let fine = (fate == Fate::Good && !text.contains("no_auth_user")) || text.contains("$WORD");
        if fate != expected || errors.is_empty() != fine {
            wrong.push(format!("{text}{fate:?}, not {expected:?}; check says {errors:?}"));
        }
        if let (Ok((ours, _)), Ok(theirs)) = (&found, server::test(&program, &conf, VARIABLES)) {
            assert_eq!(*ours, theirs, "{text}");
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n\n"));
}

//! The grammar on small texts; `tests/interop/nats` holds it against the server.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Config, Form, ReadError, Sources, Value, find, read};
use crate::secret::SecretString;

#[derive(Default)]
struct Memory {
    files: BTreeMap<&'static str, &'static str>,
    variables: BTreeMap<&'static str, &'static str>,
}

impl Sources for Memory {
    fn file(&mut self, path: &Path) -> Result<SecretString, String> {
        let text = path.to_str().and_then(|path| self.files.get(path)).ok_or("no such file")?;
        Ok(SecretString::new((*text).to_owned()))
    }

    fn variable(&self, name: &str) -> Option<SecretString> {
        self.variables.get(name).map(|text| SecretString::new((*text).to_owned()))
    }
}

fn parse(text: &'static str) -> Result<Config, ReadError> {
    let variables =
        BTreeMap::from([("EMPTY", ""), ("WORD", "abc+/def=="), ("NUMBER", "1234"), ("BAD", "a b"), ("SELF", "$SELF")]);
    read(Path::new("/etc/nats/n.conf"), &mut Memory { files: BTreeMap::from([("/etc/nats/n.conf", text)]), variables })
}

/// The value of the key `v`, as text.
fn value(text: &'static str) -> String {
    let config = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let node = &find(&config.root, &["v"]).unwrap().node;
    match &node.value {
        Value::Text(text) => format!("text {}", text.expose()),
        Value::Integer(number) => format!("integer {number}"),
        Value::Float(number) => format!("float {number}"),
        Value::Switch(on) => format!("switch {on}"),
        Value::Date(date) => format!("date {date}"),
        Value::Map(entries) => format!("map {}", entries.iter().map(|e| e.key.as_str()).collect::<Vec<_>>().join(" ")),
        Value::List(items) => format!("list {}", items.len()),
    }
}

#[test]
fn scalars_are_what_the_server_takes_them_for() {
    for (text, expected) in [
        ("v: abc", "text abc"),
        ("v = abc;", "text abc"),
        ("v abc # c", "text abc"),
        ("v: 'a\\b'", "text a\\b"),
        ("v: \"a\\\"\\x41\\n\"", "text a\"A\n"),
        ("v: 12", "integer 12"),
        ("v: 2m", "integer 2000000"),
        ("v: 1k", "integer 1000"),
        ("v: 1kb", "integer 1024"),
        ("v: 1MiB", "integer 1048576"),
        ("v: -3", "integer -3"),
        ("v: 1.5", "float 1.5"),
        ("v: 1.2.3.4", "text 1.2.3.4"),
        ("v: 127.0.0.1:4222", "text 127.0.0.1:4222"),
        ("v: 12ab", "text 12ab"),
        ("v: 1kx", "text 1kx"),
        ("v: yes", "switch true"),
        ("v: OFF", "switch false"),
        ("v: 2026-11-21T07:00:00Z", "date 2026-11-21T07:00:00Z"),
        ("v: abc+/def==", "text abc+/def=="),
        ("v: a#b//c", "text a#b//c"),
        ("v: $2a$11$abc", "text $2a$11$abc"),
        ("v: \"$HASH\"", "text $HASH"),
        ("v: (\na\n b)\n)\n", "text \na\n b)\n"),
        ("v {a: 1, b 2; c\n3}", "map a b c"),
        ("v: {\n  # c\n  a: 1 // d\n  \"b c\": [1, 2\n 3 ]\n}", "map a b c"),
        ("v: [a, b\nc]", "list 3"),
        ("{\"v\": {\"a\": \"b\"}, \"w\": true}", "map a"),
        ("a: 1\nv: $a", "integer 1"),
        ("v: $WORD", "text abc+/def=="),
        ("v: $NUMBER", "integer 1234"),
        ("v: $EMPTY", "text "),
        ("v: 1\r\nv: 2\r\n", "integer 2"),
    ] {
        assert_eq!(value(text), expected.to_owned(), "{text}");
    }
}

#[test]
fn what_the_server_refuses_is_refused_with_its_line() {
    for (text, line, part) in [
        ("a: 1\nv: $2b$11$abc", 2, "bcrypt hash without quotes"),
        ("v: $JS.API.>", 1, "subject that begins with `$`"),
        ("v: $MISSING", 1, "the variable $MISSING is neither"),
        ("v: $canary-x", 1, "a variable (`$…` without quotes) is neither"),
        ("v: $BAD", 1, "the value of the variable $BAD cannot be read"),
        ("v: $SELF", 1, "the value of the variable $SELF cannot be read"),
        ("v: \"abc", 1, "does not end"),
        ("v: \"\\u0041\"", 1, "an escape"),
        ("v: .5", 1, "begins with `.`"),
        ("v: -a", 1, "begins with `-`"),
        ("\nv:\n1", 2, "a key without a value"),
        ("v: {a: 1", 1, "does not end"),
        ("v: [1, 2", 1, "does not end"),
        ("v: a b", 1, "something stands behind"),
        ("v: {a: {b: 1} c: 2}", 1, "something stands behind"),
        (": 1", 1, "a separator"),
        ("v{ a: 1 }", 1, "taken for part of the key"),
        ("v: [1, 2]", 1, "does not end"),
        ("include missing.conf", 1, "/etc/nats/missing.conf cannot be read"),
        ("include /etc/nats-auth/auth.conf", 1, "opens /etc/nats/etc/nats-auth/auth.conf"),
        ("include n.conf", 1, "more than 64 includes"),
        ("\u{feff}v: 1", 1, "byte order mark"),
    ] {
        let error = parse(text).map(|_| ()).expect_err(text);
        assert!(error.what.contains(part), "{text}: {error}");
        assert_eq!(error.line, line, "{text}: {error}");
        assert!(!error.fix.is_empty() && !error.to_string().contains("canary"), "{error}");
    }
    let deep: &'static str = Box::leak(format!("v: {}", "[".repeat(5000)).into_boxed_str());
    assert!(parse(deep).unwrap_err().what.contains("more than 100"));
}

#[test]
fn includes_stand_in_their_place_and_know_nothing_of_the_variables_around() {
    let files = BTreeMap::from([
        ("/etc/nats/n.conf", "P: outer\na { include ../auth/a.conf }\ninclude 'b.conf'; include: 5\n"),
        ("/etc/auth/a.conf", "user: u\npassword: p"),
        ("/etc/nats/b.conf", "# nothing\n"),
    ]);
    let config = read(Path::new("/etc/nats/n.conf"), &mut Memory { files, ..Memory::default() }).unwrap();
    let inner = find(&config.root, &["a"]).unwrap().node.map().unwrap();
    assert_eq!(
        inner.iter().map(|e| (e.key.as_str(), e.place.file, e.place.line)).collect::<Vec<_>>(),
        [("user", 1, 1), ("password", 1, 2)]
    );
    assert_eq!(config.includes.iter().map(|i| i.entries).collect::<Vec<_>>(), [2, 0]);
    // `include:` with a separator is a key like any other.
    assert!(find(&config.root, &["include"]).is_some());

    let files = BTreeMap::from([("/etc/nats/n.conf", "P: outer\ninclude b.conf"), ("/etc/nats/b.conf", "v: $P")]);
    assert!(read(Path::new("/etc/nats/n.conf"), &mut Memory { files, ..Memory::default() }).is_err());
}

#[test]
fn how_a_value_was_written_is_kept() {
    let config = parse("P: x\na: $P\nb: \"$P\"\nc: $2a$04$x\nd: $WORD\n").unwrap();
    let form = |key: &str| find(&config.root, &[key]).unwrap().node.form.clone();
    assert_eq!(form("a"), Form::Variable("P".into()));
    assert_eq!((form("b"), form("c")), (Form::Quoted, Form::BareHash));
    assert_eq!(form("d"), Form::Environment("WORD".into()));
    assert!(find(&config.root, &["P"]).unwrap().is_variable);
}

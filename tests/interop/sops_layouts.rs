//! `hecate-seal sops …` keeps the layout of files: what that means for files of every odd kind, beside what sops does with them.
//!
//! Each file is encrypted by both; sops must open ours to the same as its own; opened in place again, ours is what the table says.
//! What cannot be encrypted is told, in no time, and nothing is written.

use std::time::Duration;

use crate::sops_cli::{IDENTITY, RECIPIENT};
use crate::support::{Run, hecate, peers, temp_dir};

/// What becomes of a file that is encrypted and opened in place.
enum Then {
    /// The same bytes.
    Same,
    /// This text.
    Is(Vec<u8>),
    /// sops' own layout, with a warning that says this.
    Rewritten(&'static str),
    /// Nothing: this exit code and message.
    Refused(i32, &'static str),
}

use Then::{Is, Refused, Rewritten, Same};

fn is(text: &str) -> Then {
    Is(text.as_bytes().to_vec())
}

/// One file: the exit code that sops has for it, and what ours does.
fn check(name: &str, text: &[u8], theirs: i32, then: &Then) {
    let Some(sops) = peers::get(&peers::SOPS) else { return };
    let folder = temp_dir();
    let path = folder.path().join("f.yaml");
    let world = |run: Run| run.env("SOPS_AGE_KEY", IDENTITY).cwd(folder.path()).timeout(Duration::from_secs(120));
    let ours = || world(hecate()).arg("sops");
    let sops = || world(Run::new(&sops)).env("HOME", "/nonexistent");
    let put = |text: &[u8]| std::fs::write(&path, text).unwrap();
    let as_json = |text: &[u8]| {
        put(text);
        sops().args(["decrypt", "--output-type", "json", "f.yaml"]).output()
    };
    put(text);
    let by_sops = sops().args(["encrypt", "--age", RECIPIENT, "f.yaml"]).output();
    assert_eq!(by_sops.code, Some(theirs), "{name}: sops says {}", by_sops.err());
    let encrypted = ours().args(["encrypt", "-i", "--age", RECIPIENT, "f.yaml"]).output();
    if let Refused(code, message) = then {
        assert_eq!(encrypted.code, Some(*code), "{name}: {}", encrypted.err());
        assert!(encrypted.err().contains(message), "{name}: {}", encrypted.err());
        assert!(std::fs::read(&path).unwrap() == text, "{name}: the file was changed");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{name}: something lies beside it");
        return;
    }
    assert_eq!(encrypted.code, Some(0), "{name}: {}", encrypted.err());
    let warning = if let Rewritten(why) = then { why } else { "" };
    assert!(encrypted.err().contains(warning) && encrypted.err().is_empty() == warning.is_empty(), "{name}: {}", encrypted.err());
    let sealed = std::fs::read(&path).unwrap();
    let opened = as_json(&sealed);
    assert_eq!(opened.code, Some(0), "{name}: sops does not open ours: {}", opened.err());
    if theirs == 0 {
        assert!(opened.stdout == as_json(&by_sops.stdout).stdout, "{name}: sops opens ours to something else");
    }
    put(&sealed);
    ours().args(["decrypt", "-i", "f.yaml"]).ok();
    let back = std::fs::read(&path).unwrap();
    let expected = match then {
        Is(text) => text.clone(),
        Same | Refused(..) => text.to_vec(),
        Rewritten(_) => {
            // It means the same to sops.
            let again = sops().args(["encrypt", "--age", RECIPIENT, "f.yaml"]).ok();
            assert!(as_json(&again.stdout).stdout == opened.stdout, "{name}: sops reads something else in it");
            return;
        }
    };
    let shown = |text: &[u8]| String::from_utf8_lossy(text).chars().take(400).collect::<String>();
    assert!(back == expected, "{name}:\n{:?}\nis not\n{:?}", shown(&back), shown(&expected));
}

#[test]
fn line_ends_and_marks_of_the_beginning() {
    let crlf = "# note\r\na: one\r\nm:\r\n  k: \"v\" # side\r\n  b: |\r\n    two\r\n    lines\r\nl:\r\n  - x\r\n\r\n";
    for (name, text, theirs, then) in [
        ("CRLF", crlf.as_bytes(), 0, Same),
        ("CRLF, no last one", b"a: one\r\nb: two", 0, is("a: one\r\nb: two\r\n")),
        ("mixed", b"a: one\r\nb: two\nc: three\r\n", 0, Same),
        ("BOM", b"\xef\xbb\xbfa: one\nb: two\n", 0, Same),
        ("BOM and CRLF", b"\xef\xbb\xbf# c\r\na: one\r\n", 0, Same),
        (
            "BOM before a later document",
            b"a: one\n---\n\xef\xbb\xbfb: two\n",
            0,
            Refused(2, "a BOM must not appear inside a document"),
        ),
        ("UTF-16", b"\xff\xfea\0:\0 \x001\0\n\0", 0, Refused(2, "the file is not UTF-8 text")),
        ("Latin-1", b"a: caf\xe9\n", 2, Refused(2, "the file is not UTF-8 text")),
        ("NUL", b"a: x\0y\n", 2, Refused(2, "unexpected character")),
        ("no last line break", b"a: one\nb: two", 0, is("a: one\nb: two\n")),
        ("no last line break behind a comment", b"a: one\n# end", 0, is("a: one\n# end\n")),
    ] {
        check(name, text, theirs, &then);
    }
    // What is written anew has the line ends of the file.
    if peers::get(&peers::SOPS).is_some() {
        let folder = temp_dir();
        std::fs::write(folder.path().join("f.yaml"), crlf).unwrap();
        let ours = |args: &[&str]| hecate().arg("sops").args(args).env("SOPS_AGE_KEY", IDENTITY).cwd(folder.path()).ok();
        ours(&["encrypt", "-i", "--age", RECIPIENT, "f.yaml"]);
        ours(&["set", "f.yaml", "[\"new\"]", "{\"x\": [1, \"two\\nlines\"]}"]);
        ours(&["rotate", "-i", "f.yaml"]);
        let text = std::fs::read_to_string(folder.path().join("f.yaml")).unwrap();
        assert!(text.split_inclusive('\n').all(|line| line.ends_with("\r\n")), "{text:?}");
        ours(&["decrypt", "-i", "f.yaml"]);
        let text = std::fs::read_to_string(folder.path().join("f.yaml")).unwrap();
        assert!(text.starts_with(crlf.trim_end()) && text.split_inclusive('\n').all(|line| line.ends_with("\r\n")), "{text:?}");
    }
}

#[test]
fn markers_directives_and_empty_documents() {
    const NO_MAP: &str = "document 1 has no block mapping at its top";
    for (text, theirs, then) in [
        ("---\na: one\n...\n", 0, Same),
        ("--- # c\na: one\n", 0, Same),
        ("a: one\n...\n# after\n", 0, Same),
        ("---\na: one\n---\nb: two\n...\n---\nc: three\n", 0, Same),
        ("--- {a: one}\n", 0, Rewritten(NO_MAP)),
        ("{}\n", 0, Rewritten(NO_MAP)),
        ("---\n", 0, Rewritten(NO_MAP)),
        ("~\n", 0, Rewritten(NO_MAP)),
        ("a: one\n---\n---\nb: two\n", 0, Rewritten("document 2 has no block mapping at its top")),
        ("a: one\n---\n# c\n", 0, Rewritten("document 2 has no block mapping at its top")),
        ("%YAML 1.1\n---\na: one\n", 0, Rewritten("it has directives")),
        ("%YAML 1.2\n---\na: one\n", 2, Rewritten("it has directives")),
        ("%TAG !e! tag:e,2000:\n---\na: !e!x one\n", 0, Rewritten("it has directives")),
        ("", 92, Refused(92, "the file is empty")),
        ("\n\n", 2, Refused(92, "the file is empty")),
        ("# c\n", 2, Refused(2, "there is no document in the file")),
        ("- a\n", 2, Refused(2, "the top level of a YAML file must be a map")),
        ("hello\n", 2, Refused(2, "the top level of a YAML file must be a map")),
        ("a: 1\na: 2\n", 2, Refused(2, "line 2, column 1: not valid YAML: the key is there twice")),
        ("m:\n  a: 1\n  a: 2\n", 2, Refused(2, "line 3, column 3: not valid YAML: the key is there twice")),
        ("a: 1\n---\nb: 1\nb: 2\n", 0, Same),
        ("1: a\n", 23, Refused(2, "a key must be text; quote it")),
        ("? [a, b]\n: 1\n", 2, Refused(2, "a key must be text; quote it")),
    ] {
        check(&format!("{text:?}"), text.as_bytes(), theirs, &then);
    }
}

#[test]
fn tabs_comments_and_spellings() {
    const TAB: &str = "it has a tab where YAML 1.1 has none";
    for (text, theirs, then) in [
        ("a:\tone\nb:\t\"two\"\t# c\nm:\t\n  k: v \n", 0, Same),
        ("a: |\n  all:\n  \tcc x\n", 0, Same),
        ("a:\n\tb: 1\n", 2, Refused(2, "line 2, column 2: not valid YAML")),
        // These are YAML 1.2, and nothing that sops reads; what is written is.
        ("a: one\n\t\nb: two\n", 2, Rewritten(TAB)),
        ("\t\na: one\n", 2, Rewritten(TAB)),
        ("m:\n  -\tone\n", 2, Rewritten(TAB)),
        ("a: \"x\\/y\"\nb_unencrypted: \"x\\/y\"\n", 2, Rewritten("it has the escape")),
        ("a_unencrypted: &a.b x\nb: *a.b\n", 2, Rewritten("it has an anchor whose name")),
        ("l_unencrypted:\n  - a\n  #\n  - b\nm:\n  #\n  k: v\n  l:\n    - k: v\n      #\n      m: v\n", 0, Same),
        ("a_unencrypted: x\u{2028}y\nb: z\n", 2, Rewritten("it has a line separator of Unicode")),
        (
            "# top\n\n# second\na: # behind key\n  # before b\n  b: one # beside\n  # after b\n # odd level\nc: [ # in flow\n  x, # after x\n  z # last\n] # behind\n# before end\nd: >- # fold\n  text\n# end\n",
            0,
            Same,
        ),
        ("a:\n# zero column\n  - x\n# again\n  - z\n    # deep\n  -\n    # lone\n    w\n", 0, Same),
        ("\"a b\": 1\n'c': 2\n? d\n: 3\n", 0, Same),
        ("m:\n        a: 1\n        l:\n        - x\n", 0, Same),
        // Values come back as they are; what folding, and bare words that are old booleans, were written as does not.
        (
            "a: >\n  one\n  two\nb: 'multi\n  line'\nc: plain\n  multi\nd: y\n",
            0,
            is("a: >\n  one two\nb: 'multi line'\nc: plain multi\nd: \"y\"\n"),
        ),
        ("a: &a {x: 1}\nb:\n  <<: *a\n  k: 2\n", 0, is("a: &a {x: 1}\nb:\n  \"<<\":\n      x: 1\n  k: 2\n")),
    ] {
        check(&format!("{text:?}"), text.as_bytes(), theirs, &then);
    }
}

#[test]
fn what_is_deep_long_or_large() {
    let nested = |open: &str, depth: usize, close: &str| format!("a: {}1{}\n", open.repeat(depth), close.repeat(depth));
    let bomb = (0..12).fold("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        text + &format!("a{}: &a{} [{}]\n", level + 1, level + 1, vec![format!("*a{level}"); 10].join(", "))
    });
    let ladder = |depth: usize| (0..depth).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>();
    let value = "0123456789abcdef".repeat(160);
    for (name, text, theirs, then) in [
        ("200 levels", nested("[", 200, "]"), 0, Same),
        ("10,000 levels", nested("[", 10_000, "]"), 0, Refused(2, "nested deeper than 256 levels")),
        ("10,000 maps", nested("{a: ", 10_000, "}"), 0, Refused(2, "nested deeper than 256 levels")),
        ("2,000 levels of block", ladder(2000) + &" ".repeat(2000) + "b: 1\n", 0, Refused(2, "nested deeper than 256 levels")),
        ("aliases of aliases", bomb, 2, Refused(2, "aliases repeat too much of the document")),
        ("an alias of itself", "a: &a [*a]\n".to_owned(), 2, Refused(2, "nested deeper than")),
        ("a line of a megabyte", format!("a: {}\nb: z\n", "x".repeat(1 << 20)), 0, Same),
        ("a long comment", format!("# {}\na: 1\n", "c".repeat(300_000)), 0, Same),
        ("a long key", format!("{}: v\n", "k".repeat(2000)), 2, Refused(2, "not valid YAML")),
        ("a long list in brackets", format!("a: [{}]\n", vec!["v"; 2000].join(", ")), 0, Same),
        ("5 MiB", (0..2050).map(|number| format!("key{number}: {value}{number}\n")).collect(), 0, Same),
    ] {
        check(name, text.as_bytes(), theirs, &then);
    }
}

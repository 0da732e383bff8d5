//! Holds the rule of layers, and the size of files.
//!
//! Reads every file under `src/` as a sequence of words, without comments, strings and test modules, and fails on a module
//! that names one of its own layer or above, on effects below layer 3, on a cryptography crate outside `crypto`, and on a
//! file of more than 600 lines. The checks are functions from text to findings, tested below on text that breaks each rule.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

use std::path::{Path, PathBuf};

/// The top-level modules of `src/` and their layers. Every module uses only lower ones, and `secret`.
const LAYERS: &[(&str, u8)] = &[
    ("crypto", 0),
    ("yaml", 0),
    ("manifest", 1),
    ("template", 1),
    ("age", 2),
    ("bootstrap", 2),
    ("nats", 2),
    ("seal", 2),
    ("sops", 2),
    ("cluster", 3),
    ("process", 3),
    ("repo", 3),
    ("cli", 4),
    ("controller", 4),
];

/// Uses within one layer that are meant: SOPS files keep their data key in age stanzas. Bootstrap makes age identities, NATS
/// configuration and nkeys, and shares the rules of names and scopes with sealing.
const SIDEWAYS: &[(&str, &str)] = &[("bootstrap", "age"), ("bootstrap", "nats"), ("bootstrap", "seal"), ("sops", "age")];

/// Modules of `std` that reach outside the process; only layer 3 and above may.
const EFFECTS: &[&str] = &["fs", "net", "env", "process"];

/// The clock comes in as an argument below layer 3.
const CLOCKS: &[&str] = &["SystemTime", "now_utc", "now_local"];

/// Named in `crypto` and nowhere else.
const CRYPTO_CRATES: &[&str] =
    &["argon2", "aws_lc_rs", "aes_gcm", "bcrypt", "bcrypt_pbkdf", "curve25519_dalek", "rcgen", "x509_parser", "x_wing"];

const MAX_LINES: usize = 600;

/// A Rust source file as words and single punctuation marks (`::` is one), without comments, literals and `#[cfg(test)] mod`.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut i = 0;
    while i < chars.len() {
        let c = at(i);
        if c == '/' && at(i + 1) == '/' {
            while i < chars.len() && at(i) != '\n' {
                i += 1;
            }
        } else if c == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if c == '"' {
            i += 1;
            while i < chars.len() && at(i) != '"' {
                i += if at(i) == '\\' { 2 } else { 1 };
            }
            i += 1;
        } else if c == '\'' {
            // A character literal, or the quote of a lifetime.
            if at(i + 1) == '\\' {
                i += 3;
                while i < chars.len() && at(i) != '\'' {
                    i += 1;
                }
                i += 1;
            } else {
                i += if at(i + 2) == '\'' { 3 } else { 1 };
            }
        } else if c.is_alphanumeric() || c == '_' {
            let start = i;
            while at(i).is_alphanumeric() || at(i) == '_' {
                i += 1;
            }
            let word: String = chars[start..i].iter().collect();
            let hashes = (i..).take_while(|&j| at(j) == '#').count();
            if ["r", "br", "cr"].contains(&word.as_str()) && at(i + hashes) == '"' {
                i += hashes + 1;
                while i < chars.len() && !(at(i) == '"' && (1..=hashes).all(|n| at(i + n) == '#')) {
                    i += 1;
                }
                i += 1 + hashes;
            } else if word == "r" && hashes == 1 {
                i += 1; // r#ident: the word follows
            } else {
                words.push(word);
            }
        } else if c == ':' && at(i + 1) == ':' {
            words.push("::".to_owned());
            i += 2;
        } else {
            if !c.is_whitespace() {
                words.push(c.to_string());
            }
            i += 1;
        }
    }
    without_test_modules(words)
}

fn without_test_modules(words: Vec<String>) -> Vec<String> {
    let starts = |i: usize, pattern: &[&str]| pattern.iter().enumerate().all(|(n, p)| words.get(i + n).is_some_and(|w| w == p));
    let mut kept = Vec::new();
    let mut i = 0;
    while i < words.len() {
        if !starts(i, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            kept.push(words[i].clone());
            i += 1;
            continue;
        }
        // The item goes on to its `;`, or to the brace that closes it.
        i += 7;
        let mut depth = 0;
        while i < words.len() {
            match words[i].as_str() {
                "{" => depth += 1,
                "}" => depth -= 1,
                _ => {}
            }
            let ends = depth == 0 && (words[i] == ";" || words[i] == "}");
            i += 1;
            if ends {
                break;
            }
        }
    }
    kept
}

/// The names that follow `prefix ::` directly, or first in a group: `std::{fs, io::Read}` gives `fs` and `io`.
fn after(words: &[String], i: usize) -> Vec<&str> {
    if words.get(i).is_none_or(|w| w != "::") {
        return Vec::new();
    }
    match words.get(i + 1).map(String::as_str) {
        Some("{") => {
            let (mut names, mut depth, mut first) = (Vec::new(), 1, true);
            for word in &words[i + 2..] {
                match word.as_str() {
                    "{" => depth += 1,
                    "}" => depth -= 1,
                    "," if depth == 1 => {
                        first = true;
                        continue;
                    }
                    name if depth == 1 && first => names.push(name),
                    _ => {}
                }
                first = false;
                if depth == 0 {
                    break;
                }
            }
            names
        }
        Some(name) => vec![name],
        None => Vec::new(),
    }
}

/// The top-level modules that the file names: `crate::X`, and `super::…::X` where that leaves the module.
/// `depth` is how many modules the file is below the crate: 1 for `seal/mod.rs`, 2 for `seal/scope.rs`.
fn modules_used(words: &[String], depth: usize) -> Vec<&str> {
    let mut used = Vec::new();
    let mut i = 0;
    while i < words.len() {
        if words[i] == "crate" {
            used.extend(after(words, i + 1));
        } else if words[i] == "super" {
            let mut supers = 1;
            while words.get(i + 1).is_some_and(|w| w == "::") && words.get(i + 2).is_some_and(|w| w == "super") {
                supers += 1;
                i += 2;
            }
            if supers >= depth {
                used.extend(after(words, i + 1));
            }
        }
        i += 1;
    }
    used
}

fn layer(module: &str) -> Option<u8> {
    LAYERS.iter().find(|(name, _)| *name == module).map(|(_, layer)| *layer)
}

/// What is wrong with a file of the given top-level module.
fn findings(module: &str, depth: usize, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let lines = text.lines().count();
    if lines > MAX_LINES {
        found.push(format!("{lines} lines, more than {MAX_LINES}"));
    }
    let words = words(text);
    if module != "crypto" {
        // `rustls::crypto::aws_lc_rs` is a module of rustls: which library does TLS is the connection's business. And
        // `password::bcrypt` is a function of our own.
        let provider = |at: usize| at >= 2 && words[at - 1] == "::" && matches!(words[at - 2].as_str(), "crypto" | "password");
        let names = |name: &str| words.iter().enumerate().any(|(at, word)| word == name && !provider(at));
        let named = CRYPTO_CRATES.iter().filter(|name| names(name));
        found.extend(named.map(|name| format!("names {name}, which belongs to crypto")));
    }
    let Some(own) = layer(module).or((module == "secret").then_some(0)) else {
        found.push(format!("module {module} has no layer in LAYERS"));
        return found;
    };
    for used in modules_used(&words, depth) {
        if used == module || used == "secret" {
            continue;
        }
        match layer(used) {
            Some(theirs) if theirs < own || SIDEWAYS.contains(&(module, used)) => {}
            Some(theirs) => found.push(format!("layer {own} uses {used} of layer {theirs}")),
            // `crate::Thing` is a re-export of lib.rs: the module that it comes from must be named.
            None => found.push(format!("uses crate::{used}, which is no module of LAYERS")),
        }
    }
    if own < 3 {
        for (i, _) in words.iter().enumerate().filter(|(_, w)| *w == "std") {
            let effects = after(&words, i + 1).into_iter().filter(|name| EFFECTS.contains(name));
            found.extend(effects.map(|name| format!("uses std::{name} below layer 3")));
        }
        let clocks = CLOCKS.iter().filter(|name| words.iter().any(|w| w == *name));
        found.extend(clocks.map(|name| format!("reads the clock ({name}) below layer 3")));
    }
    found
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

#[test]
fn every_module_keeps_to_its_layer() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    assert!(files.len() > 8, "only {} files found", files.len());
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let path = file.strip_prefix(&src).unwrap();
        let parts: Vec<&str> = path.iter().map(|p| p.to_str().unwrap().trim_end_matches(".rs")).collect();
        let text = std::fs::read_to_string(&file).unwrap();
        let about = match parts.as_slice() {
            // The library's list of modules, and the programs, may name everything.
            ["lib"] | ["bin", _] => (text.lines().count() > MAX_LINES).then(|| "too long".to_owned()).into_iter().collect(),
            // A module's tests in a file of their own: only the size counts.
            [.., last] if *last == "tests" || last.ends_with("_tests") => {
                (text.lines().count() > MAX_LINES).then(|| "too long".to_owned()).into_iter().collect()
            }
            [module, ..] => findings(module, parts.len() - usize::from(parts.last() == Some(&"mod")), &text),
            [] => Vec::new(),
        };
        found.extend(about.into_iter().map(|finding| format!("src/{}: {finding}", path.display())));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn an_upward_use_is_found_in_every_spelling() {
    let upward = vec!["layer 1 uses seal of layer 2".to_owned()];
    for text in [
        "use crate::seal::Scope;",
        "use crate::{\n    secret::SecretBytes,\n    seal::{Label, Scope},\n};",
        "fn f() { crate :: seal::open() }",
        "use super::super::seal;",
        "use super::super::{seal::Scope};",
        "pub(in crate::seal) fn f() {}",
    ] {
        assert_eq!(findings("manifest", 2, text), upward, "{text}");
    }
    assert_eq!(findings("manifest", 1, "use super::seal;"), upward);
    assert_eq!(findings("crypto", 1, "use crate::yaml;"), ["layer 0 uses yaml of layer 0"]);
}

#[test]
fn a_downward_or_own_use_is_fine() {
    for text in [
        "use crate::manifest::Secret;\nuse crate::{crypto::{rsa, gcm}, yaml, secret};",
        "use crate::seal::Label;",
        "use super::Label;",
        "// use crate::cli;\n/* use crate::cli; /* std::fs */ std::fs */\nconst X: &str = \"use crate::cli;\";",
        "const X: &str = r#\"use crate::cli; \"std::fs\" \"#; const Q: char = '\"'; const S: &str = \"\\\"\"; fn f<'a>(_: &'a str) {}",
        "#[cfg(test)]\nmod tests {\n    use crate::cli;\n    fn f() { std::fs::read(\"x\"); }\n}",
        "#[cfg(test)]\nuse std::fs;",
    ] {
        assert_eq!(findings("seal", 2, text), [""; 0], "{text}");
    }
    assert_eq!(findings("sops", 1, "use crate::age;"), [""; 0]);
}

#[test]
fn what_follows_a_test_module_still_counts() {
    let text = "#[cfg(test)]\nmod tests { fn f() {} }\nuse std::fs;";
    assert_eq!(findings("seal", 1, text), ["uses std::fs below layer 3"]);
}

#[test]
fn effects_are_found_below_layer_3_only() {
    for text in
        ["use std::{collections::BTreeMap, fs};", "use std::fs::File;", "fn f() { ::std::fs::read(x) }", "use std::fs as files;"]
    {
        assert_eq!(findings("seal", 1, text), ["uses std::fs below layer 3"], "{text}");
        assert_eq!(findings("repo", 1, text), [""; 0], "{text}");
    }
    for name in EFFECTS {
        assert_eq!(findings("yaml", 1, &format!("use std::{name};")).len(), 1);
    }
    assert_eq!(findings("seal", 1, "use std::io::Read; use std::collections::HashMap;"), [""; 0]);
    assert_eq!(findings("seal", 1, "let t = std::time::SystemTime::now();"), ["reads the clock (SystemTime) below layer 3"]);
}

#[test]
fn cryptography_crates_are_found_outside_crypto() {
    for name in CRYPTO_CRATES {
        let text = format!("use {name}::Thing;");
        assert_eq!(findings("cli", 1, &text), [format!("names {name}, which belongs to crypto")]);
        assert_eq!(findings("crypto", 1, &text), [""; 0]);
    }
    let provider = "fn f() { rustls::crypto::aws_lc_rs::default_provider(); }";
    assert_eq!(findings("cluster", 1, provider), [""; 0]);
}

#[test]
fn a_file_of_601_lines_and_an_unknown_module_are_found() {
    assert_eq!(findings("cli", 1, &"\n".repeat(600)), [""; 0]);
    assert_eq!(findings("cli", 1, &"\n".repeat(601)), ["601 lines, more than 600"]);
    assert_eq!(findings("surprise", 1, ""), ["module surprise has no layer in LAYERS"]);
    assert_eq!(findings("cli", 1, "use crate::Thing;"), ["uses crate::Thing, which is no module of LAYERS"]);
}

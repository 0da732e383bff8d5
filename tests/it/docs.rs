//! The documents themselves: links lead somewhere, and the messages that `docs/troubleshooting.md` explains are those of the programs.
//!
//! That the commands in them work is shown by `tests/interop/journeys.rs` and `tests/cluster/docs.rs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support;

/// Every Markdown file of the repository.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![support::root().to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !name.starts_with('.') && name != "target" {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found
}

/// The lines of a document outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The names by which a document's headings can be linked to.
fn anchors(text: &str) -> BTreeSet<String> {
    let heading = |line: &str| line.starts_with('#').then(|| line.trim_start_matches('#').trim().to_lowercase());
    let kept = |c: char| c.is_alphanumeric() || " -_".contains(c);
    let slug = |title: String| title.chars().filter(|c| kept(*c)).collect::<String>().replace(' ', "-");
    prose(text).filter_map(|(_, line)| heading(line)).map(slug).collect()
}

/// The targets of a line's links.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    let mut seen = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for (number, line) in prose(&text) {
            for target in links(line).filter(|target| !target.contains("://")) {
                seen += 1;
                let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
                let file = if path.is_empty() { document.clone() } else { document.parent().unwrap().join(path) };
                let good = match anchor {
                    "" => file.exists(),
                    anchor => fs::read_to_string(&file).is_ok_and(|text| anchors(&text).contains(anchor)),
                };
                if !good {
                    broken.push(format!("{}:{}: {target}", document.display(), number + 1));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(seen > 50, "only {seen} links were found");
}

/// The pages in `docs/` are found from the README.
#[test]
fn the_readme_names_every_page() {
    let readme = fs::read_to_string(support::root().join("README.md")).unwrap();
    for entry in fs::read_dir(support::root().join("docs")).unwrap().map(Result::unwrap) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".md") {
            assert!(readme.contains(&format!("(docs/{name})")), "{name}");
        }
    }
}

/// The texts between backticks of a line, one or two of them.
fn spans(line: &str) -> Vec<String> {
    let mut spans = Vec::new();
    let mut rest = line;
    while let Some(start) = rest.find('`') {
        let fence = if rest[start..].starts_with("``") { "``" } else { "`" };
        let Some((span, after)) = rest[start + fence.len()..].split_once(fence) else { break };
        spans.push(span.to_owned());
        rest = after;
    }
    spans
}

/// Whether the parts of a message, between the `…`, stand in a text, in their order.
fn holds(text: &str, message: &str) -> bool {
    let mut rest = text;
    message.split('…').map(|part| part.trim_matches([' ', ':'])).filter(|part| !part.is_empty()).all(|part| {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
        true
    })
}

/// The string literals of a Rust source, continued lines joined.
fn literals(source: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut chars = source.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '/' if chars.peek() == Some(&'/') => while chars.next().is_some_and(|c| c != '\n') {},
            // A quote as a character.
            '\'' if chars.peek() == Some(&'"') => drop(chars.next()),
            '"' => {
                let mut literal = String::new();
                while let Some(c) = chars.next().filter(|c| *c != '"') {
                    match (c, chars.peek()) {
                        ('\\', Some('\n')) => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                        ('\\', Some(_)) => literal.extend(chars.next()),
                        _ => literal.push(c),
                    }
                }
                literals.push(literal);
            }
            _ => (),
        }
    }
    literals
}

fn all_literals(folder: &Path, into: &mut Vec<String>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            all_literals(&path, into);
        } else if path.extension() == Some("rs".as_ref()) {
            let source = fs::read_to_string(path).unwrap();
            // The tests in a file stand at its end, and may quote what nobody says any more.
            into.extend(literals(source.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()));
        }
    }
}

#[test]
fn the_messages_that_are_explained_are_those_of_the_programs() {
    let text = fs::read_to_string(support::root().join("docs/troubleshooting.md")).unwrap();
    let mut said = Vec::new();
    all_literals(&support::root().join("src"), &mut said);
    // What commands of the page print is compared with what it says when they are run.
    let shown: Vec<&str> = text.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    said.extend(shown.iter().flat_map(|block| block.lines()).filter(|line| !line.starts_with("$ ")).map(str::to_owned));
    let messages: Vec<String> =
        prose(&text).filter(|(_, line)| line.starts_with("### ")).flat_map(|(_, line)| spans(line)).collect();
    assert!(messages.len() > 25, "only {} messages were found", messages.len());
    for message in &messages {
        assert!(message.len() > 15, "too short to be sure of: {message}");
        assert!(said.iter().any(|text| holds(text, message)), "nothing says: {message}");
    }
    assert!(!said.iter().any(|text| holds(text, "no key could … encrypt the secret")));
}

#[test]
fn literals_and_spans_are_read_as_they_are_meant() {
    let source = "// \"no\"\nlet c = '\"'; f(\"one \\\n        two \\\"x\\\"\", \"three\")";
    assert_eq!(literals(source), ["one two \"x\"", "three"]);
    assert_eq!(spans("### `a …`, ``b `c` d``"), ["a …", "b `c` d"]);
    assert!(holds("cannot read {} in {}: why", "cannot read … in …:") && !holds("in cannot read", "cannot read … in"));
    assert!(anchors("# Git: readable `diffs`, merges\n").contains("git-readable-diffs-merges"));
}

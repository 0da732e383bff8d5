//! `explain`, and `encrypt --explain`: which values of a file are, or would be, encrypted, and by which rule. No value is shown.

use crate::cli::sops::session::Session;
use crate::cli::{Context, Exit, Failure, Outcome};
use crate::sops::document::{Encrypted, Format, load_plain};
use crate::sops::select::Walk;
use crate::sops::tree::{Entry, Map, Node};

/// `explain FILE…`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    let files = session.local.args.clone();
    if files.is_empty() {
        return Err(crate::cli::sops::session::no_file());
    }
    for file in files {
        let text = explanation(session, &file)?;
        session.io.stdout.put(text)?;
    }
    Ok(Exit::DONE)
}

fn explanation(session: &mut Session<'_>, file: &str) -> Result<String, Failure> {
    let path = session.absolute(file);
    let name = session.chosen_name(&path);
    let format = session.input_format(&name);
    let text = session.read(&crate::cli::sops::file::Input::File(path.clone()))?;
    let encrypted = Encrypted::load(format, &text).ok();
    let (documents, selector, source) = match encrypted {
        Some(encrypted) => {
            let selector = encrypted.metadata.selector.unwrap_or_default();
            (encrypted.documents, selector, "its metadata".to_owned())
        }
        None => {
            let documents = load_plain(format, &text).context(|| format!("cannot read {file}"))?;
            let rule = session.creation_for(&name)?;
            let (chosen, _) = session.selection(rule.as_ref())?;
            let source = match &rule {
                _ if chosen != rule.as_ref().and_then(|rule| rule.selector.clone()) => "the command line".to_owned(),
                Some(rule) => format!("creation rule {} of .sops.yaml", rule.rule + 1),
                None => "the default, for want of rules".to_owned(),
            };
            (documents, chosen.unwrap_or_default(), source)
        }
    };
    if format == Format::Binary {
        return Ok(format!("{file}: one value, encrypted\n"));
    }
    let (field, pattern) = selector.field();
    let mut out = format!("{file}: {field}: {pattern} ({source})\n");
    let mut walk = Explain { walk: Walk::new(&selector), out: &mut out, path: String::new() };
    documents.iter().for_each(|document| walk.map(document));
    Ok(out)
}

struct Explain<'a> {
    walk: Walk<'a>,
    out: &'a mut String,
    path: String,
}

impl Explain<'_> {
    fn within(&mut self, step: &str, run: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if !step.starts_with('[') && length > 0 {
            self.path.push('.');
        }
        self.path.push_str(step);
        run(self);
        self.path.truncate(length);
    }

    fn map(&mut self, map: &Map) {
        self.walk.enter();
        for entry in &map.0 {
            match entry {
                Entry::Comment(comment) => self.walk.comment(comment.text.expose()),
                Entry::Pair(key, node) => {
                    self.walk.key(key);
                    self.within(key, |this| this.node(node));
                    self.walk.key_done();
                    self.walk.item_done();
                }
            }
        }
        self.walk.leave();
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Map(map) => self.map(map),
            Node::List(items) => {
                self.walk.enter();
                for (at, item) in items.iter().enumerate() {
                    if let Node::Comment(comment) = item {
                        self.walk.comment(comment.text.expose());
                        continue;
                    }
                    self.within(&format!("[{at}]"), |this| this.node(item));
                    self.walk.item_done();
                }
                self.walk.leave();
            }
            Node::Null => self.line("null, never encrypted"),
            Node::Leaf(leaf) if leaf.is_empty() => self.line("empty, never encrypted"),
            Node::Leaf(_) => {
                let what = if self.walk.encrypts(false) { "encrypted" } else { "plain" };
                self.line(what);
            }
            Node::Comment(_) => {}
        }
    }

    fn line(&mut self, what: &str) {
        self.out.push_str(&format!("  {:<10} {}\n", what, self.path));
    }
}

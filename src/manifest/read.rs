//! A stream of documents taken apart: YAML documents, or JSON objects one after the other.
//!
//! As apimachinery's decoder: JSON when the first character that is no blank is `{`, else YAML (`sealed-secrets.md` §2.4). What
//! it drops in silence or loops on — a broken second document, garbage after the last one, a scalar — is an error here that names
//! file, document and line. Documents with nothing in them are skipped. A stream that mixes JSON with `---` is read as YAML.

use super::error::{Error, Position};
use super::object::{Document, Located, Warning};
use super::schema::SHAPE;
use super::tree::Tree;
use super::types::{SealedSecret, Secret};
use crate::yaml::{self, kubernetes};

/// Most bytes of one stream: 64 MiB. The largest object Kubernetes stores is about 1.5 MiB.
pub const MAX_INPUT_BYTES: usize = 64 << 20;
/// Most documents, and list items, of one stream.
pub const MAX_DOCUMENTS: usize = 100_000;

/// Takes a stream apart. `file` is what errors call it.
///
/// # Errors
/// Not UTF-8, too large, or not well-formed.
pub fn read_documents(bytes: &[u8], file: &str) -> Result<Vec<Document>, Error> {
    if bytes.len() > MAX_INPUT_BYTES {
        let what = format!("{} bytes", bytes.len());
        return Err(Error::TooMuch { file: file.to_owned(), what, limit: MAX_INPUT_BYTES });
    }
    let text = text_of(bytes, file)?;
    let documents = if text.trim_start().starts_with('{') {
        match json_documents(text, file) {
            Err(error) if !text.lines().any(|line| line.starts_with("---")) => return Err(error),
            Err(_) => yaml_documents(text, file)?,
            Ok(documents) => documents,
        }
    } else {
        yaml_documents(text, file)?
    };
    if documents.len() > MAX_DOCUMENTS {
        let what = format!("{} documents", documents.len());
        return Err(Error::TooMuch { file: file.to_owned(), what, limit: MAX_DOCUMENTS });
    }
    Ok(documents)
}

/// Every Secret of a stream, lists taken apart. Nothing is read if anything is wrong.
///
/// # Errors
/// As [`read_documents`] and [`Document::secret`].
pub fn read_secrets(bytes: &[u8], file: &str) -> Result<Vec<Located<Secret>>, Error> {
    read_documents(bytes, file)?.into_iter().flat_map(Document::items).map(Document::secret).collect()
}

/// Every SealedSecret of a stream, lists taken apart.
///
/// # Errors
/// As [`read_documents`] and [`Document::sealed_secret`].
pub fn read_sealed_secrets(bytes: &[u8], file: &str) -> Result<Vec<Located<SealedSecret>>, Error> {
    read_documents(bytes, file)?.into_iter().flat_map(Document::items).map(Document::sealed_secret).collect()
}

/// The text of a stream without its byte order mark.
fn text_of<'a>(bytes: &'a [u8], file: &str) -> Result<&'a str, Error> {
    let not_text = |reason: String| Error::NotText { file: file.to_owned(), reason };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(not_text("it begins with a UTF-16 mark; save it as UTF-8".to_owned()));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = line_of(bytes, error.valid_up_to());
        not_text(format!("byte {} (line {line}) is not valid", error.valid_up_to()))
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Line of an offset, from 1.
fn line_of(bytes: &[u8], offset: usize) -> usize {
    bytes.iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

fn json_documents(text: &str, file: &str) -> Result<Vec<Document>, Error> {
    let mut documents = Vec::new();
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Tree>();
    // Lines are counted from one document to the next, not from the start each time.
    let (mut line, mut counted) = (1, 0);
    let mut number = 0;
    loop {
        let rest = text.get(stream.byte_offset()..).unwrap_or_default();
        let start = text.len() - rest.trim_start().len();
        line += line_of(text.get(counted..start).unwrap_or_default().as_bytes(), usize::MAX) - 1;
        counted = start;
        let Some(document) = stream.next() else { return Ok(documents) };
        number += 1;
        let at = Position { file: file.to_owned(), document: number, line, item: None };
        match document {
            Ok(Tree::Null) => {}
            Ok(tree) => documents.push(Document { at, tree, warnings: Vec::new() }),
            Err(error) => return Err(Error::Syntax { at, reason: format!("not valid JSON: {error}") }),
        }
    }
}

fn yaml_documents(text: &str, file: &str) -> Result<Vec<Document>, Error> {
    let place = |document: usize, line: usize| Position { file: file.to_owned(), document, line, item: None };
    let parsed = yaml::parse_stream(text).map_err(|error| {
        // Which document the parser was in, by the markers before the place where it stopped.
        let stopped = match &error {
            yaml::Error::Syntax { position, .. } | yaml::Error::TooDeep { position, .. } => position.line,
            _ => 1,
        };
        let markers =
            text.lines().zip(1..).filter(|(line, number)| *number <= stopped && is_marker(line)).map(|(_, number)| number);
        let begun: Vec<usize> = markers.collect();
        let first = text.lines().take_while(|line| !is_marker(line)).any(|line| !is_blank(line));
        let document = begun.len() + usize::from(first || begun.is_empty());
        Error::Syntax { at: place(document, begun.last().copied().unwrap_or(1)), reason: error.to_string() }
    })?;
    let mut documents = Vec::new();
    for (document, number) in parsed.iter().zip(1..) {
        if document.is_empty() {
            continue;
        }
        let at = place(number, document.root().position().line);
        let (mut value, changes) = kubernetes::to_json_as(document, &SHAPE)
            .map_err(|error| Error::Syntax { at: at.clone(), reason: error.to_string() })?;
        // A YAML map has no order in Go, and comes out sorted.
        value.sort_all_objects();
        let warnings = changes.into_iter().map(|change| Warning { file: file.to_owned(), change }).collect();
        match Tree::from(value) {
            Tree::Null => {}
            tree => documents.push(Document { at, tree, warnings }),
        }
    }
    Ok(documents)
}

/// `---`, alone or with something after a blank.
fn is_marker(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r']))
}

/// Nothing but blanks and a comment, or a directive.
fn is_blank(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with(['#', '%'])
}

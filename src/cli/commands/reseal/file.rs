//! The SealedSecrets of one file, and its text with other sealed values in it.
//!
//! A sealed value is long and random: where its text stands once in the file, it is replaced there, whatever is around it (YAML, JSON,
//! a List). Where it is folded over lines, the YAML editor sets it. What came out is read again and must mean exactly the objects that
//! were wanted, or the file is left alone.

use std::path::{Path, PathBuf};

use crate::cli::io::read::{self, MAX_DOCUMENT};
use crate::cli::report::{Context, Failure};
use crate::manifest::{self, Document, Located, SealedSecret};
use crate::seal::Resealed;
use crate::yaml::edit;

/// Text that every file with a SealedSecret has.
const MARK: &str = "SealedSecret";

/// A file and its SealedSecrets.
pub(super) struct Parsed {
    pub(super) path: PathBuf,
    /// The path as messages show it.
    pub(super) name: String,
    pub(super) text: String,
    objects: Vec<Located<SealedSecret>>,
    /// What someone should know.
    pub(super) notes: Vec<String>,
}

/// What resealing makes of a file.
pub(super) struct Changes {
    /// The new text; `None` when nothing changes.
    pub(super) text: Option<String>,
    pub(super) objects: Vec<Object>,
}

/// Whether a text begins with the mark of UTF-16, which Windows writes and Kubernetes' tools read.
pub(in crate::cli::commands) fn is_utf16(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")
}

/// Why such a file is an error: what is in it would be passed over.
pub(in crate::cli::commands) const UTF16: &str = "it is UTF-16 text, which is not looked into; save it as UTF-8";

/// What happens to one object.
pub(super) struct Object {
    /// `namespace/name`.
    pub(super) name: String,
    /// Keys of the items that are sealed again.
    pub(super) changed: Vec<String>,
    /// How many items stay.
    pub(super) kept: usize,
}

impl Parsed {
    /// Reads a file; `None` when there is no SealedSecret in it.
    pub(super) fn read(path: &Path, name: &str) -> Result<Option<Self>, Failure> {
        let bytes = read::file(path, MAX_DOCUMENT).context(|| format!("cannot read {name}"))?;
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return if is_utf16(&bytes) { Err(Failure::new(UTF16).wrap(format_args!("cannot read {name}"))) } else { Ok(None) };
        };
        if !text.contains(MARK) {
            return Ok(None);
        }
        let mut file =
            Self { path: path.to_owned(), name: name.to_owned(), text: text.to_owned(), objects: Vec::new(), notes: Vec::new() };
        file.objects = match objects(text, name) {
            Ok(objects) => objects,
            // A Helm chart's template is no YAML yet.
            Err(failure) if text.contains("{{") => {
                file.notes.push(format!("{name} is passed over: {}", failure.one_line()));
                return Ok(Some(file));
            }
            Err(failure) => return Err(failure),
        };
        Ok((!file.objects.is_empty()).then_some(file))
    }

    /// Reseals every object and puts the new values into the text.
    pub(super) fn change(&self, reseal: &mut dyn FnMut(&SealedSecret) -> Result<Resealed, Failure>) -> Result<Changes, Failure> {
        let mut text = self.text.clone();
        let mut done = Vec::new();
        let mut wanted = Vec::new();
        for object in &self.objects {
            let sealed = &object.object;
            let name = format!("{}/{}", sealed.metadata.namespace, sealed.metadata.name);
            let result = reseal(sealed).map_err(|failure| failure.wrap(format_args!("{}: cannot reseal {name}", object.at)))?;
            for key in &result.changed {
                let of = |sealed: &SealedSecret| match key.as_str() {
                    "" => sealed.spec.data.clone(),
                    key => sealed.spec.encrypted_data.get(key).cloned(),
                };
                let (old, new) = (of(sealed).unwrap_or_default(), of(&result.sealed).unwrap_or_default());
                text = put(&text, object, key, &old, &new)?;
            }
            done.push(Object { name, changed: result.changed, kept: result.kept.len() });
            wanted.push(result.sealed);
        }
        if text == self.text {
            return Ok(Changes { text: None, objects: done });
        }
        let now = objects(&text, &self.name)?;
        if !now.iter().map(|object| &object.object).eq(&wanted) {
            return Err(Failure::new(format_args!("{} is written in a way that cannot be edited", self.name))
                .with_hint("nothing was written; does a value stand in it more than once, or in a comment too?"));
        }
        Ok(Changes { text: Some(text), objects: done })
    }
}

/// Every SealedSecret of a text, also those of Lists.
fn objects(text: &str, name: &str) -> Result<Vec<Located<SealedSecret>>, Failure> {
    let mut objects = Vec::new();
    for document in manifest::read_documents(text.as_bytes(), name)? {
        let of_list = document.kind() == Some("SealedSecretList");
        for item in document.items() {
            if item.kind() == Some(MARK) || (of_list && item.kind().is_none()) {
                objects.push(Document::sealed_secret(item)?);
            }
        }
    }
    Ok(objects)
}

/// The text with another value for an item; the empty key is the deprecated `spec.data`.
fn put(text: &str, object: &Located<SealedSecret>, key: &str, old: &str, new: &str) -> Result<String, Failure> {
    if let Some((before, after)) = text.split_once(old)
        && !old.is_empty()
        && !after.contains(old)
    {
        return Ok([before, new, after].concat());
    }
    if object.at.item.is_some() {
        return Err(Failure::new(format_args!(
            "{}: {key}: values of a List that are folded, or there twice, cannot be replaced",
            object.at
        )));
    }
    let (path, key): (&[&str], &str) = if key.is_empty() { (&["spec"], "data") } else { (&["spec", "encryptedData"], key) };
    edit::set_scalar(text, object.at.document - 1, path, key, new)
        .map_err(|error| Failure::new(format_args!("{}: {key}: {error}", object.at)))
}

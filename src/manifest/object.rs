//! One document of a stream with its place, and the typed objects in it.
//!
//! Stricter than kubeseal on purpose: it decodes a ConfigMap or an already sealed SealedSecret into an empty Secret and goes on
//! (`sealed-secrets.md` §2.4); here a document of another kind is an error that names it. A missing `kind` is accepted for a
//! Secret, as there. A `List` (or `SecretList`) is taken apart item by item.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::SEALED_SECRET_API_VERSION;
use super::conform::{Context, name_in};
use super::error::{Error, Position};
use super::schema::{OBJECT_META, STATUS};
use super::tree::Tree;
use super::types::{ObjectMeta, SealedSecret, SealedSecretSpec, Secret, SecretTemplate};
use crate::secret::SecretBytes;
use crate::yaml::kubernetes;

/// Something that whoever wrote a document should know: YAML made another text of a value than is written, or of two values
/// with the same key the last one counts.
#[derive(Clone, Debug)]
pub struct Warning {
    /// The file.
    pub file: String,
    /// What YAML did, and where.
    pub change: kubernetes::Warning,
}

impl fmt::Display for Warning {
    /// The text that a value became is shown unless it may be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.change)?;
        let secret =
            self.change.path.iter().any(|name| name.eq_ignore_ascii_case("stringData") || name.eq_ignore_ascii_case("data"));
        match self.change.became.expose() {
            text if secret || text.is_empty() => Ok(()),
            text => write!(f, " (now it is {text:?})"),
        }
    }
}

/// An object with its place and what was noticed while reading it.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// Where it was.
    pub at: Position,
    /// The object.
    pub object: T,
    /// Values that YAML changed.
    pub warnings: Vec<Warning>,
}

/// One document of a stream, not yet typed.
#[derive(Clone)]
pub struct Document {
    pub(super) at: Position,
    pub(super) tree: Tree,
    pub(super) warnings: Vec<Warning>,
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Document({}, kind {:?})", self.at, self.kind().unwrap_or(""))
    }
}

impl Document {
    /// Where it is.
    #[must_use]
    pub fn position(&self) -> &Position {
        &self.at
    }

    /// What was noticed while it was read.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// `kind`, if there is one that is text and not empty.
    #[must_use]
    pub fn kind(&self) -> Option<&str> {
        self.tree.get("kind").and_then(Tree::as_text).filter(|kind| !kind.is_empty())
    }

    /// `apiVersion`, if there is one that is text and not empty.
    #[must_use]
    pub fn api_version(&self) -> Option<&str> {
        self.tree.get("apiVersion").and_then(Tree::as_text).filter(|version| !version.is_empty())
    }

    /// Whether it is a `List`, a `SecretList` or a `SealedSecretList`.
    #[must_use]
    pub fn is_list(&self) -> bool {
        self.kind().is_some_and(|kind| matches!(kind, "List" | "SecretList" | "SealedSecretList"))
            && matches!(self.tree.get("items"), None | Some(Tree::List(_) | Tree::Null))
    }

    /// The objects in it: the items of a list, each with its number, or the document itself. Items of a `SecretList` or
    /// `SealedSecretList` are of that kind if they do not say so. Lists are not looked for inside lists.
    #[must_use]
    pub fn items(self) -> Vec<Self> {
        if !self.is_list() {
            return vec![self];
        }
        let kind = self.kind().and_then(|kind| kind.strip_suffix("List")).filter(|kind| !kind.is_empty()).map(str::to_owned);
        let Self { at, tree, mut warnings } = self;
        let Tree::Map(entries) = tree else { return Vec::new() };
        let items = entries.into_iter().find_map(|(key, value)| match value {
            Tree::List(items) if key.eq_ignore_ascii_case("items") => Some(items),
            _ => None,
        });
        let numbered = items.unwrap_or_default().into_iter().zip(1..).map(|(mut tree, number)| {
            if let (Tree::Map(fields), Some(kind)) = (&mut tree, &kind)
                && !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("kind"))
            {
                fields.push(("kind".to_owned(), Tree::Text(Zeroizing::new(kind.clone()))));
            }
            // The warnings are about the whole document; the first item carries them.
            Self { at: Position { item: Some(number), ..at.clone() }, tree, warnings: std::mem::take(&mut warnings) }
        });
        numbered.collect()
    }

    /// The Secret that this document is. A missing `kind` or `apiVersion` is taken for a Secret's.
    ///
    /// # Errors
    /// When it is of another kind, or a field is of a wrong type or no base64.
    pub fn secret(self) -> Result<Located<Secret>, Error> {
        self.expect_kind("Secret", "v1", true)?;
        let Self { at, tree, warnings } = self;
        let context = Context { at: &at };
        let mut secret = Secret::default();
        for (name, value) in fields(context, tree, &["metadata", "immutable", "data", "stringData", "type"], "")? {
            match name {
                "metadata" => secret.metadata = metadata(context, value, name)?,
                "immutable" => secret.immutable = context.boolean(&value, name)?.or(secret.immutable),
                "data" => secret.data.extend(context.bytes_map(value, name)?),
                "stringData" => {
                    let texts = context.text_map(value, name)?;
                    secret.string_data.extend(texts.into_iter().map(|(key, text)| (key, secret_bytes(text))));
                }
                _ => secret.type_ = some_text(&context.text(value, name)?).or(secret.type_),
            }
        }
        Ok(Located { at, object: secret, warnings })
    }

    /// The SealedSecret that this document is; `kind` must say so.
    ///
    /// # Errors
    /// When it is of another kind, or a field is of a wrong type.
    pub fn sealed_secret(self) -> Result<Located<SealedSecret>, Error> {
        self.expect_kind("SealedSecret", SEALED_SECRET_API_VERSION, false)?;
        let Self { at, tree, warnings } = self;
        let context = Context { at: &at };
        let mut sealed = SealedSecret::default();
        for (name, value) in fields(context, tree, &["metadata", "spec", "status"], "")? {
            match name {
                "metadata" => sealed.metadata = metadata(context, value, name)?,
                "spec" => sealed.spec = spec(context, value)?,
                _ if matches!(value, Tree::Null) => {}
                _ => sealed.status = Some(Value::Object(context.object(value, STATUS, name)?)),
            }
        }
        Ok(Located { at, object: sealed, warnings })
    }

    /// An object that is no part of a file: `name` is what errors call it.
    #[must_use]
    pub fn from_value(value: Value, name: &str) -> Self {
        let at = Position { file: name.to_owned(), document: 1, line: 1, item: None };
        Self { at, tree: Tree::from(value), warnings: Vec::new() }
    }

    fn expect_kind(&self, kind: &'static str, version: &'static str, optional: bool) -> Result<(), Error> {
        let at = || self.at.clone();
        if !matches!(self.tree, Tree::Map(_)) {
            return Err(Error::NotAnObject { at: at(), found: self.tree.what() });
        }
        match self.kind() {
            Some(found) if found != kind => return Err(Error::Kind { at: at(), expected: kind, found: found.to_owned() }),
            None if !optional => return Err(Error::NoKind { at: at(), expected: kind }),
            _ => {}
        }
        match self.api_version() {
            Some(found) if found != version => {
                Err(Error::ApiVersion { at: at(), expected: version, kind, found: found.to_owned() })
            }
            _ => Ok(()),
        }
    }
}

/// The known fields of a struct, in the order of the file.
fn fields(context: Context<'_>, tree: Tree, names: &[&'static str], path: &str) -> Result<Vec<(&'static str, Tree)>, Error> {
    let entries = context.entries(tree, path, "object")?;
    Ok(entries.into_iter().filter_map(|(key, value)| Some((name_in(names, &key)?, value))).collect())
}

fn metadata(context: Context<'_>, tree: Tree, path: &str) -> Result<ObjectMeta, Error> {
    let mut other = context.object(tree, OBJECT_META, path)?;
    Ok(ObjectMeta {
        name: take_text(&mut other, "name"),
        namespace: take_text(&mut other, "namespace"),
        labels: take_map(&mut other, "labels"),
        annotations: take_map(&mut other, "annotations"),
        other,
    })
}

fn spec(context: Context<'_>, tree: Tree) -> Result<SealedSecretSpec, Error> {
    let mut spec = SealedSecretSpec::default();
    for (name, value) in fields(context, tree, &["template", "data", "encryptedData"], "spec")? {
        match name {
            "template" => spec.template = template(context, value)?,
            "data" if matches!(value, Tree::Null) => {}
            "data" => spec.data = Some((*context.text(value, "spec.data")?).clone()),
            _ => spec.encrypted_data.extend(plain(context.text_map(value, "spec.encryptedData")?)),
        }
    }
    Ok(spec)
}

fn template(context: Context<'_>, tree: Tree) -> Result<SecretTemplate, Error> {
    let mut template = SecretTemplate::default();
    for (name, value) in fields(context, tree, &["metadata", "type", "immutable", "data"], "spec.template")? {
        match name {
            "metadata" => template.metadata = metadata(context, value, "spec.template.metadata")?,
            "type" => template.type_ = some_text(&context.text(value, "spec.template.type")?),
            "immutable" => template.immutable = context.boolean(&value, "spec.template.immutable")?,
            _ if matches!(value, Tree::Null) => {}
            _ => {
                let path = "spec.template.data";
                let mut data = BTreeMap::new();
                for (key, value) in context.entries(value, path, "map[string]string")? {
                    let text = match value {
                        Tree::Null => None,
                        value => Some((*context.text(value, &format!("{path}.{key}"))?).clone()),
                    };
                    data.insert(key, text);
                }
                template.data = Some(data);
            }
        }
    }
    Ok(template)
}

fn plain(map: BTreeMap<String, Zeroizing<String>>) -> impl Iterator<Item = (String, String)> {
    map.into_iter().map(|(key, mut text)| (key, std::mem::take(&mut *text)))
}

fn secret_bytes(mut text: Zeroizing<String>) -> SecretBytes {
    SecretBytes::new(std::mem::take(&mut *text).into_bytes())
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn take_text(map: &mut Map<String, Value>, key: &str) -> String {
    match map.shift_remove(key) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    }
}

fn take_map(map: &mut Map<String, Value>, key: &str) -> BTreeMap<String, String> {
    let Some(Value::Object(entries)) = map.shift_remove(key) else { return BTreeMap::new() };
    entries
        .into_iter()
        .filter_map(|(key, value)| if let Value::String(text) = value { Some((key, text)) } else { None })
        .collect()
}

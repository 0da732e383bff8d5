//! Secrets in files that SOPS encrypts: what is there, as far as the identities at hand open it, and new keys put in.
//!
//! A new file is encrypted for the recipients of the nearest `.sops.yaml`. Where its rule selects nothing in particular, only
//! `data` and `stringData` are encrypted, so that Flux and people still see which Secret it is.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use super::files::Draft;
use super::sealed::labels;
use crate::age::{Identity, Unattended};
use crate::bootstrap::model::Entry;
use crate::bootstrap::plan::{SecretPlan, Write};
use crate::bootstrap::state::{Observed, Value};
use crate::cli::report::{Context, Failure};
use crate::manifest::{decode_base64, encode_base64};
use crate::secret::SecretBytes;
use crate::sops::crypt::Memory;
use crate::sops::document::{self, Encrypted, Format, MacCheck, Plan};
use crate::sops::keys;
use crate::sops::rules::{self, Rules};
use crate::sops::select::{NAMES, Selector};
use crate::sops::tree::{Entry as Line, Map, Node};
use crate::sops::value::Scalar;

const DATA: &str = "data";
const STRING_DATA: &str = "stringData";
/// What is encrypted where the rule does not say.
const DEFAULT_REGEX: &str = "^(data|stringData)$";

fn format(path: &Path) -> Result<Format, Failure> {
    match path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase).as_deref() {
        Some("yaml" | "yml") => Ok(Format::Yaml),
        Some("json") => Ok(Format::Json),
        _ => Err(Failure::new(format_args!("{} is neither .yaml nor .json: a Secret cannot be in it", path.display()))),
    }
}

fn text<'n>(map: &'n Map, path: &[&str]) -> Option<&'n str> {
    let (last, folders) = path.split_last()?;
    let mut map = map;
    for name in folders {
        match map.get(name)? {
            Node::Map(inner) => map = inner,
            _ => return None,
        }
    }
    map.get(last)?.as_str()
}

/// Whether a document is this Secret.
fn is_secret(document: &Map, entry: &Entry) -> bool {
    text(document, &["kind"]) == Some("Secret")
        && text(document, &["metadata", "name"]) == Some(&entry.id.name)
        && text(document, &["metadata", "namespace"]).is_none_or(|namespace| namespace == entry.id.namespace)
}

fn pairs<'m>(document: &'m Map, section: &str) -> Vec<(&'m str, &'m Node)> {
    match document.get(section) {
        Some(Node::Map(map)) => map.pairs().collect(),
        _ => Vec::new(),
    }
}

fn bytes(node: &Node, section: &str) -> SecretBytes {
    let Node::Leaf(leaf) = node else { return SecretBytes::default() };
    let shown = match leaf {
        Scalar::Text(text) => text.clone(),
        other => crate::sops::store::display(other),
    };
    if section == STRING_DATA {
        return shown;
    }
    decode_base64(shown.expose()).map(SecretBytes::from_zeroizing).unwrap_or_default()
}

/// The Secret in the file as it is.
pub(super) fn observe(draft: &Draft, entry: &Entry, identities: &[Identity]) -> Result<Observed, Failure> {
    let place = || format!("cannot use {}", draft.shown);
    if !draft.exists() || draft.bytes().trim_ascii().is_empty() {
        return Ok(Observed::default());
    }
    let format = format(&draft.path)?;
    let file = Encrypted::load(format, draft.bytes())
        .context(place)
        .hint(|| "a file of this target is one that SOPS has encrypted; a plain one is never written to")?;
    let mut observed = Observed::default();
    let (documents, open) = match keys::recover(&file.metadata, identities, &Unattended) {
        Ok(key) => (file.decrypt(&key, MacCheck::Required).context(place)?.documents, true),
        Err(_) => {
            observed.locked = Some(format!("no identity at hand opens {}", draft.shown));
            (file.documents, false)
        }
    };
    let Some(document) = documents.iter().find(|document| is_secret(document, entry)) else { return Ok(observed) };
    observed.exists = true;
    observed.type_ = Some(text(document, &["type"]).unwrap_or("Opaque").to_owned()).filter(|_| open);
    for section in [DATA, STRING_DATA] {
        for (key, node) in pairs(document, section) {
            let value = if open { Value::Known(bytes(node, section)) } else { Value::Opaque };
            observed.values.insert(key.to_owned(), value);
        }
    }
    Ok(observed)
}

/// Puts what a plan writes into the file.
pub(super) fn fill(
    draft: &mut Draft,
    entry: &Entry,
    plan: &SecretPlan,
    identities: &[Identity],
    now: time::OffsetDateTime,
) -> Result<(), Failure> {
    let place = || format!("cannot encrypt {}", draft.shown);
    let format = format(&draft.path)?;
    let is_new = draft.bytes().trim_ascii().is_empty();
    let (rules, folder) = rules(&draft.path)?;
    let layouts = rules.as_ref().map(Rules::layouts).unwrap_or_default();
    let (mut documents, metadata, key, mut memory) = if is_new {
        let rules = rules.ok_or_else(|| {
            Failure::new(format_args!("there is no .sops.yaml in the folder of {} or above it", draft.shown))
                .with_hint("it names the recipients that a new file is encrypted for")
        })?;
        let subject = rules::subject(&folder.to_string_lossy(), &draft.path.to_string_lossy());
        let creation = rules.creation_for(&subject).context(place)?;
        let creation = creation.ok_or_else(|| Failure::new(".sops.yaml has no creation rules").wrap(place()))?;
        let selector = match creation.selector {
            Some(selector) => selector,
            None => {
                let fields = NAMES.map(|name| (name == "encrypted_regex").then_some(DEFAULT_REGEX));
                Selector::from_fields(fields).context(place)?.unwrap_or_default()
            }
        };
        let key = keys::generate().context(place)?;
        let (groups, shamir_threshold) =
            keys::wrap(&creation.groups, creation.shamir_threshold, &key, &Unattended).context(place)?;
        let plan = Plan { groups, shamir_threshold, selector: Some(selector), mac_scope: creation.mac_scope };
        (Vec::new(), plan.metadata(format, now), key, Memory::default())
    } else {
        let file = Encrypted::load(format, draft.bytes()).context(place)?;
        let key = keys::recover(&file.metadata, identities, &Unattended).context(place)?;
        let opened = file.decrypt(&key, MacCheck::Required).context(place)?;
        (opened.documents, opened.metadata, key, opened.memory)
    };
    let at = match documents.iter().position(|document| is_secret(document, entry)) {
        Some(at) => at,
        None => {
            documents.push(new_document(entry));
            documents.len() - 1
        }
    };
    if let Some(document) = documents.get_mut(at) {
        for (key, write) in plan.writes() {
            match write {
                Write::Value(value) => set(document, &key.key, value),
                // A file that is open has no sealed values.
                Write::SameAs(_) => {}
            }
        }
    }
    let text = document::encrypt(format, documents, metadata, &key, &mut memory, now, &layouts).context(place)?;
    draft.set(text);
    Ok(())
}

/// The nearest `.sops.yaml` and its folder.
fn rules(path: &Path) -> Result<(Option<Rules>, std::path::PathBuf), Failure> {
    for folder in path.ancestors().skip(1) {
        let file = folder.join(".sops.yaml");
        if let Some(text) = super::files::content(&file).context(|| format!("cannot read {}", file.display()))? {
            let rules = Rules::parse(&text).context(|| format!("cannot use {}", file.display()))?;
            return Ok((Some(rules), folder.to_owned()));
        }
    }
    Ok((None, std::path::PathBuf::new()))
}

fn new_document(entry: &Entry) -> Map {
    let texts = |map: &BTreeMap<String, String>| -> Node {
        Node::Map(map.iter().map(|(key, value)| (key.clone(), Node::text(value.as_bytes()))).collect())
    };
    let mut metadata = Map::default();
    metadata.push("name", Node::text(entry.id.name.as_bytes()));
    metadata.push("namespace", Node::text(entry.id.namespace.as_bytes()));
    metadata.push("labels", texts(&labels(entry)));
    if !entry.spec.annotations.is_empty() {
        metadata.push("annotations", texts(&entry.spec.annotations));
    }
    let mut document = Map::default();
    document.push("apiVersion", Node::text("v1"));
    document.push("kind", Node::text("Secret"));
    document.push("metadata", Node::Map(metadata));
    document.push("type", Node::text(entry.type_().as_bytes()));
    if let Some(immutable) = entry.spec.immutable {
        document.push("immutable", Node::Leaf(Scalar::Bool(immutable)));
    }
    document
}

/// Sets a key where it is, or adds it: text under `stringData`, other bytes under `data`.
fn set(document: &mut Map, key: &str, value: &SecretBytes) {
    let is_text = std::str::from_utf8(value.expose()).is_ok();
    let there = [DATA, STRING_DATA].into_iter().find(|section| pairs(document, section).iter().any(|(name, _)| *name == key));
    let section = match there {
        Some(STRING_DATA) if !is_text => {
            remove(document, STRING_DATA, key);
            DATA
        }
        Some(section) => section,
        None if is_text => STRING_DATA,
        None => DATA,
    };
    let node = if section == DATA {
        Node::Leaf(Scalar::Text(crate::secret::SecretString::new(encode_base64(value.expose())).into()))
    } else {
        Node::Leaf(Scalar::Text(value.clone()))
    };
    for line in &mut document.0 {
        if let Line::Pair(name, content) = line
            && name == section
        {
            if !matches!(content, Node::Map(_)) {
                *content = Node::Map(Map::default());
            }
            if let Node::Map(map) = content {
                let place = map.0.iter_mut().find_map(|line| match line {
                    Line::Pair(name, node) if name == key => Some(node),
                    _ => None,
                });
                match place {
                    Some(place) => *place = node,
                    None => map.push(key, node),
                }
            }
            return;
        }
    }
    document.push(section, Node::Map([(key, node)].into_iter().collect()));
}

fn remove(document: &mut Map, section: &str, key: &str) {
    for line in &mut document.0 {
        if let Line::Pair(name, Node::Map(map)) = line
            && name == section
        {
            map.0.retain(|line| !matches!(line, Line::Pair(name, _) if name == key));
        }
    }
}

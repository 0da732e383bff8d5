//! `--merge-into FILE`: newly sealed items go into a SealedSecret that is there (`sealed-secrets.md` §2.7).
//!
//! The file keeps its own format unless `--format` names another one; then it is rewritten in that, as kubeseal does. In YAML only
//! what changes is touched: comments, order, quoting and other documents stay. The file is replaced whole or not at all, and
//! keeps its mode. Items get the scope of the file where neither flag nor input names one, so that they open there.

use serde_json::{Map, Value};

use super::files::system_says;
use super::output::{documents, format_or_error};
use super::settings::{Format, Settings};
use super::{namespace, seal};
use crate::cli::io::read::MAX_DOCUMENT;
use crate::cli::io::replace::{Privacy, Target};
use crate::cli::report::Failure;
use crate::cli::{Exit, Io, Outcome};
use crate::crypto::rsa::PublicKey;
use crate::manifest::{Error, Located, SealedSecret, Secret, Style, read_documents, sealed_secret_to_value, to_json};
use crate::seal::{Scope, merge};
use crate::yaml::edit;

/// Seals the one Secret of the input for the object in the file, and puts its items there.
pub(super) fn run(settings: &Settings, file: &str, key: &PublicKey, io: &mut Io) -> Outcome {
    if settings.output.is_some() {
        return Err(Failure::new("--sealed-secret-file cannot be used with --merge-into, which writes into its own file"));
    }
    let path = io.path(file);
    // Said before the input is waited for.
    if let Err(error) = std::fs::metadata(&path) {
        return Err(Failure::new(format_args!("open {file}: {}", system_says(&error))));
    }
    let secrets = seal::read(settings, io)?;
    let [secret] = secrets.as_slice() else {
        return Err(Failure::new(format_args!("--merge-into takes one Secret, but the input holds {}", secrets.len())));
    };
    let target = Target::open(&path, MAX_DOCUMENT).map_err(|error| error.at(file.as_ref()))?;
    let text = std::str::from_utf8(target.content().unwrap_or_default())
        .map_err(|_| Failure::new(format_args!("{file} is not UTF-8 text")))?;
    let there = read_target(text, file)?;

    let mut merged = there.object.object.clone();
    let update = update(settings, secret, &merged, key, io)?;
    merge(&mut merged, &update).map_err(|error| Failure::new(format_args!("{file}: {error}")))?;

    let own = if text.trim_start().starts_with('{') { Format::Json } else { Format::Yaml };
    let wanted = match &settings.format {
        Some(_) => format_or_error(settings.flag_format())?,
        None => own,
    };
    let new = match (wanted == own, own) {
        (true, Format::Json) => json_with(text, file, &update)?,
        (true, Format::Yaml) => yaml_with(text, file, &there, &merged, &update)?,
        (false, _) if there.documents > 1 => {
            return Err(Failure::new(format_args!(
                "{file} holds {} documents and cannot be turned into another format",
                there.documents
            )));
        }
        (false, _) => documents(&[sealed_secret_to_value(&merged, Style::NullTimestamps)], wanted).to_vec(),
    };
    target.replace(&new, Privacy::Private).map_err(|error| error.at(file.as_ref()))?;
    Ok(Exit::DONE)
}

/// The object that is merged into.
struct There {
    object: Located<SealedSecret>,
    documents: usize,
}

/// The only SealedSecret of the file; other documents may stand beside it.
fn read_target(text: &str, file: &str) -> Result<There, Failure> {
    let all = read_documents(text.as_bytes(), file)?;
    let documents = all.len();
    let kinds: Vec<String> = all.iter().map(|document| document.kind().unwrap_or("no kind").to_owned()).collect();
    let mut sealed = all.into_iter().filter(|document| document.kind() == Some("SealedSecret"));
    match (sealed.next(), sealed.count()) {
        (Some(only), 0) => Ok(There { object: only.sealed_secret()?, documents }),
        (Some(_), more) => Err(Error::Several { file: file.to_owned(), expected: "SealedSecret", count: more + 1 }.into()),
        (None, _) if documents == 0 => Err(Error::Nothing { file: file.to_owned(), expected: "SealedSecret" }.into()),
        (None, _) => Err(Failure::new(format_args!("{file}: expected kind SealedSecret, found {}", kinds.join(", ")))),
    }
}

/// The input sealed for the object in the file: its name, its namespace, and, where nothing else is said, its scope.
fn update(
    settings: &Settings,
    secret: &Located<Secret>,
    there: &SealedSecret,
    key: &PublicKey,
    io: &Io,
) -> Result<SealedSecret, Failure> {
    let mut options = seal::options(settings);
    let filled = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    options.name = filled(&there.metadata.name);
    options.namespace = filled(&there.metadata.namespace);
    let silent = Scope::from_annotations(&secret.object.metadata.annotations) == Scope::Strict;
    let scope = Scope::from_annotations(&there.metadata.annotations);
    if options.scope.is_none() && silent && scope != Scope::Strict {
        options.scope = Some(scope);
    }
    namespace::add_to(&mut options, settings, io);
    let mut sealed = seal::seal_all(std::slice::from_ref(secret), key, &options)?;
    sealed.pop().ok_or_else(|| Failure::new("nothing was sealed"))
}

/// YAML with the update's parts in it. A file that is byte for byte as kubeseal writes it stays so, with sorted keys; in any other
/// only the changed entries are touched.
fn yaml_with(text: &str, file: &str, there: &There, merged: &SealedSecret, update: &SealedSecret) -> Result<Vec<u8>, Failure> {
    for style in [Style::NullTimestamps, Style::Current] {
        let written = |object| documents(&[sealed_secret_to_value(object, style)], Format::Yaml);
        if written(&there.object.object).as_slice() == text.as_bytes() {
            return Ok(written(merged).to_vec());
        }
    }
    let document = there.object.at.document - 1;
    let old: Vec<_> = changes(&there.object.object).collect();
    let mut new = text.to_owned();
    for (path, key, value) in changes(update).filter(|change| !old.contains(change)) {
        new =
            edit::set_scalar(&new, document, path, key, value).map_err(|error| Failure::new(format_args!("{file}: {error}")))?;
    }
    // An edit that means anything else than the merge must not reach the file.
    let reads_back = read_target(&new, file).is_ok_and(|now| now.object.object == *merged);
    if reads_back {
        Ok(new.into_bytes())
    } else {
        Err(Failure::new(format_args!("{file} is written in a way that cannot be edited")))
    }
}

/// JSON with the update's parts in it; fields that nobody knows and the order stay.
fn json_with(text: &str, file: &str, update: &SealedSecret) -> Result<Vec<u8>, Failure> {
    let mut value: Value =
        serde_json::from_str(text).map_err(|error| Failure::new(format_args!("{file}: not one JSON document: {error}")))?;
    for (path, key, text) in changes(update) {
        let mut map = value.as_object_mut();
        for name in path {
            map = map.and_then(|map| child(map, name));
        }
        let map = map.ok_or_else(|| Failure::new(format_args!("{file}: {} is not a map", path.join("."))))?;
        insert(map, key, text);
    }
    Ok(to_json(&value).expose().as_bytes().to_vec())
}

/// The map under a name, in any case as Go finds it; made when it is absent or null.
fn child<'a>(map: &'a mut Map<String, Value>, name: &str) -> Option<&'a mut Map<String, Value>> {
    let known = map.keys().find(|key| *key == name).or_else(|| map.keys().find(|key| key.eq_ignore_ascii_case(name)));
    let key = known.cloned().unwrap_or_else(|| name.to_owned());
    let value = map.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut()
}

/// Replaces the entry, or puts a new one where it belongs if the keys are sorted, else at the end.
fn insert(map: &mut Map<String, Value>, key: &str, text: &str) {
    let new = !map.contains_key(key);
    let sorted = map.keys().is_sorted();
    map.insert(key.to_owned(), text.into());
    if new && sorted {
        map.sort_keys();
    }
}

/// Every entry that an update sets: the map's path, the key, the text.
fn changes(update: &SealedSecret) -> impl Iterator<Item = (&'static [&'static str], &str, &str)> {
    const ITEMS: &[&str] = &["spec", "encryptedData"];
    const ANNOTATIONS: &[&str] = &["spec", "template", "metadata", "annotations"];
    const LABELS: &[&str] = &["spec", "template", "metadata", "labels"];
    let spec = &update.spec;
    [(ITEMS, &spec.encrypted_data), (ANNOTATIONS, &spec.template.metadata.annotations), (LABELS, &spec.template.metadata.labels)]
        .into_iter()
        .flat_map(|(path, map)| map.iter().map(move |(key, text)| (path, key.as_str(), text.as_str())))
}

//! SealedSecrets to SOPS files.

use std::collections::BTreeMap;

use super::{ConvertArgs, Converted, Source, about, counted};
use crate::cli::commands::unseal;
use crate::cli::report::Failure;
use crate::cli::sops::whole::{self, NewFile};
use crate::cli::{Io, inputs};
use crate::manifest::{self, Document, Located, SealedSecret, Secret, read_documents, secret_to_value, to_json};
use crate::seal::{CLUSTER_WIDE_ANNOTATION, Keyring, LAST_APPLIED_ANNOTATIONS, NAMESPACE_WIDE_ANNOTATION, Scope, UnsealOptions};
use crate::sops::document::{Encrypted, Format, load_plain};
use crate::sops::select::Selector;
use crate::sops::tree::{Map, Node};
use crate::sops::value;

/// What Flux needs: the object stays readable, its values do not.
const DEFAULT_REGEX: &str = "^(data|stringData)$";

pub(super) fn convert(sources: &[Source], args: &ConvertArgs, io: &mut Io) -> Result<Vec<Converted>, Failure> {
    let keyring = inputs::private_keys(&args.keys, io)?;
    if keyring.is_empty() {
        return Err(Failure::usage("no private key to open SealedSecrets with")
            .with_hint("give one with --private-key FILE or HECATE_SEAL_PRIVATE_KEYS"));
    }
    sources.iter().map(|source| about(source, convert_one(source, args, &keyring, io))).collect()
}

fn convert_one(source: &Source, args: &ConvertArgs, keyring: &Keyring, io: &mut Io) -> Result<Converted, Failure> {
    let format = source.output_format()?;
    let secrets = open(source, args, keyring, io)?;
    let path = source.destination.as_deref().or(source.path.as_deref()).map_or_else(|| io.path("secret.yaml"), ToOwned::to_owned);
    let selector = Selector::from_fields([None, None, None, Some(DEFAULT_REGEX), None, None])?.unwrap_or_default();
    let rule = whole::rule(&path, format, args.age.as_deref().unwrap_or_default(), &selector, io)?;
    let text = encrypt(&secrets, &rule, format, io)?;
    let values = secrets.iter().map(|secret| secret.data.len()).sum();
    let what = format!("{} of {} encrypted", counted(secrets.len(), "Secret"), counted(values, "value"));
    Ok(Converted { text, what })
}

/// Every SealedSecret of the file, opened; its values in `data`.
fn open(source: &Source, args: &ConvertArgs, keyring: &Keyring, io: &Io) -> Result<Vec<Secret>, Failure> {
    let options = UnsealOptions::new(io.now).accepting_deprecated_data();
    let mut secrets = Vec::new();
    for document in read_documents(&source.text, &source.name)?.into_iter().flat_map(Document::items) {
        let sealed = document.sealed_secret().map_err(|error| match error {
            manifest::Error::Kind { ref found, .. } if found == "Secret" => {
                Failure::from(error).with_hint("a plain Secret is encrypted with `sops encrypt --in-place`")
            }
            manifest::Error::Kind { .. } => {
                Failure::from(error).with_hint("put the other objects into a file of their own first")
            }
            _ => Failure::from(error),
        })?;
        refuse_loss(&sealed, args)?;
        let mut secret =
            unseal::open(&sealed.object, keyring, &options).map_err(|error| unseal::failure(&error, &sealed, keyring))?;
        keep_scope(&sealed.object, &mut secret);
        secrets.push(secret);
    }
    if secrets.is_empty() {
        return Err(Failure::new("there is no SealedSecret in it"));
    }
    Ok(secrets)
}

/// Refuses what a Secret has no place for.
fn refuse_loss(sealed: &Located<SealedSecret>, args: &ConvertArgs) -> Result<(), Failure> {
    if args.allow_loss {
        return Ok(());
    }
    let refused = |what: String, hint: &str| Err(Failure::new(format_args!("{}: {what}", sealed.at)).with_hint(hint));
    let (metadata, template) = (&sealed.object.metadata, &sealed.object.spec.template);
    if template.data.as_ref().is_some_and(|data| !data.is_empty()) {
        return refused(
            "it has a template, which SOPS does not".to_owned(),
            "with --allow-loss the values that the template gives now are encrypted, and the template goes",
        );
    }
    let is_scope = |name: &str| {
        [CLUSTER_WIDE_ANNOTATION, NAMESPACE_WIDE_ANNOTATION].contains(&name) || LAST_APPLIED_ANNOTATIONS.contains(&name)
    };
    let lost = |own: &BTreeMap<String, String>, kept: &BTreeMap<String, String>| {
        own.iter().find(|(name, value)| !is_scope(name) && kept.get(*name) != Some(value)).map(|(name, _)| name.clone())
    };
    let annotation = lost(&metadata.annotations, &template.metadata.annotations).map(|name| format!("annotation {name}"));
    let label = lost(&metadata.labels, &template.metadata.labels).map(|name| format!("label {name}"));
    match annotation.or(label) {
        Some(what) => refused(
            format!("the SealedSecret has the {what}, and its Secret does not"),
            "put it under spec.template.metadata to keep it, or use --allow-loss",
        ),
        None => Ok(()),
    }
}

/// The scope is an annotation of the SealedSecret; on the Secret it is kept for the way back.
fn keep_scope(sealed: &SealedSecret, secret: &mut Secret) {
    let scope = Scope::from_annotations(&sealed.metadata.annotations);
    if scope != Scope::Strict {
        scope.annotate(&mut secret.metadata.annotations);
    }
}

/// Encrypts the Secrets with their values readable after opening, in `stringData`, or all in `data` where the rule wants that.
fn encrypt(secrets: &[Secret], rule: &NewFile, format: Format, io: &mut Io) -> Result<Vec<u8>, Failure> {
    let mut plain_field = String::new();
    for readable in [true, false] {
        let documents = secrets.iter().map(|secret| document(secret, readable)).collect::<Result<Vec<Map>, Failure>>()?;
        let is_json_stream = format == Format::Json && documents.len() > 1;
        if is_json_stream {
            return Err(Failure::new("a SOPS file in JSON holds one Secret, and there are several")
                .with_hint("convert to a .yaml file, or take them apart"));
        }
        let text = match rule.encrypt(documents, format, io) {
            Ok(text) => text,
            // Nothing is selected in this form; perhaps in the other one.
            Err(_) if readable => continue,
            Err(failure) => return Err(failure),
        };
        match plain_value(&text, format)? {
            None => return Ok(text),
            Some(field) => plain_field = field,
        }
    }
    let (field, text) = rule.selector.field();
    Err(Failure::new(format_args!("the rule `{field}: {text}` would leave {plain_field} in plain text"))
        .with_hint(format_args!("for Secrets use `encrypted_regex: {DEFAULT_REGEX}` in .sops.yaml")))
}

/// A Secret as a document, by way of JSON, in which nothing can be read as something else.
fn document(secret: &Secret, readable: bool) -> Result<Map, Failure> {
    let mut secret = secret.clone();
    if readable {
        let is_text = |bytes: &[u8]| {
            std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')))
        };
        let (text, binary) = std::mem::take(&mut secret.data).into_iter().partition(|(_, value)| is_text(value.expose()));
        (secret.string_data, secret.data) = (text, binary);
    }
    let json = to_json(&secret_to_value(&secret, manifest::Style::Current));
    let map = load_plain(Format::Json, json.expose().as_bytes())?.into_iter().next().unwrap_or_default();
    // As people write it.
    let order = ["apiVersion", "kind", "metadata", "immutable", "type", "stringData", "data"];
    let mut sorted = Map::default();
    for key in order {
        if let Some(node) = map.get(key) {
            sorted.push(key, node.clone());
        }
    }
    Ok(sorted)
}

/// The first value of a Secret that is not encrypted in the written file.
fn plain_value(text: &[u8], format: Format) -> Result<Option<String>, Failure> {
    let file = Encrypted::load(format, text)?;
    for field in ["data", "stringData"] {
        let values = file.documents.iter().filter_map(|document| match document.get(field) {
            Some(Node::Map(values)) => Some(values),
            _ => None,
        });
        for (key, node) in values.flat_map(Map::pairs) {
            let sealed = node.as_str().is_some_and(|text| text.is_empty() || value::Encrypted::parse(text).is_ok());
            if !sealed {
                return Ok(Some(format!("{field}.{key}")));
            }
        }
    }
    Ok(None)
}

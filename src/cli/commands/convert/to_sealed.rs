//! SOPS files to SealedSecrets.

use super::{ConvertArgs, Converted, Source, about, counted};
use crate::cli::args::{ManifestFormat, TargetArgs};
use crate::cli::report::{Context, Failure};
use crate::cli::settings::{Origin, Settings};
use crate::cli::sops::whole;
use crate::cli::{Io, certificate, names};
use crate::crypto::rsa::PublicKey;
use crate::manifest::{self, Document, Located, Secret, read_documents, sealed_secret_to_value};
use crate::seal::{Scope, SealOptions, seal_secret};
use crate::sops::document::{Encrypted, Format, emit_plain};
use crate::sops::rules::Layouts;
use crate::sops::tree::{Entry, Map, Node};

pub(super) fn convert(sources: &[Source], args: &ConvertArgs, io: &mut Io) -> Result<Vec<Converted>, Failure> {
    let target = TargetArgs {
        cert: args.cert.clone(),
        namespace: args.namespace.clone(),
        scope: args.scope.clone(),
        ..TargetArgs::default()
    };
    let settings = Settings::resolve(&target, io)?;
    let certificate = certificate::required(&settings, io)?;
    sources.iter().map(|source| about(source, convert_one(source, &settings, certificate.public_key(), io))).collect()
}

fn convert_one(source: &Source, settings: &Settings, key: &PublicKey, io: &mut Io) -> Result<Converted, Failure> {
    let (input, output) = (source.input_format()?, source.output_format()?);
    refuse_plain(source, input)?;
    let documents = whole::open(source.text.clone(), input, &source.name, io)?;
    if documents.iter().any(has_comment) {
        io.warn(format!("{}: its comments are not in the SealedSecret", source.name));
    }
    let plain = emit_plain(input, &documents, &Layouts::default())?;
    let mut text = String::new();
    let (mut secrets, mut values) = (0, 0);
    for document in read_documents(plain.expose(), &source.name)?.into_iter().flat_map(Document::items) {
        let secret = document.secret().map_err(not_a_secret)?;
        let sealed = seal(&secret, settings, key)?;
        (secrets, values) = (secrets + 1, values + sealed.spec.encrypted_data.len());
        let format = if output == Format::Json { ManifestFormat::Json } else { ManifestFormat::Yaml };
        text += format.write(&sealed_secret_to_value(&sealed, manifest::Style::Current)).expose();
    }
    if secrets == 0 {
        return Err(Failure::new("there is no Secret in it"));
    }
    let what = format!("{} of {} sealed", counted(secrets, "Secret"), counted(values, "value"));
    Ok(Converted { text: text.into_bytes(), what })
}

/// What is no SOPS file gets the command that fits it.
fn refuse_plain(source: &Source, format: Format) -> Result<(), Failure> {
    if Encrypted::load(format, &source.text).is_ok() {
        return Ok(());
    }
    let kinds: Vec<String> = read_documents(&source.text, &source.name)
        .unwrap_or_default()
        .into_iter()
        .flat_map(Document::items)
        .filter_map(|document| document.kind().map(str::to_owned))
        .collect();
    let hint = if kinds.iter().any(|kind| kind == "SealedSecret") {
        "it holds a SealedSecret already; the other way round is --to sops"
    } else if kinds.iter().any(|kind| kind == "Secret") {
        "its Secret is plain: `hecate-seal seal` makes a SealedSecret of it"
    } else {
        return Ok(());
    };
    Err(Failure::new("it is not encrypted with SOPS").with_hint(hint))
}

fn not_a_secret(error: manifest::Error) -> Failure {
    let is_other = matches!(error, manifest::Error::Kind { .. });
    let failure = Failure::from(error);
    if is_other {
        failure.with_hint("only Secrets can be sealed; put the other objects into a file of their own first")
    } else {
        failure
    }
}

fn has_comment(map: &Map) -> bool {
    map.0.iter().any(|entry| match entry {
        Entry::Comment(_) => true,
        Entry::Pair(_, node) => node_has_comment(node),
    })
}

fn node_has_comment(node: &Node) -> bool {
    match node {
        Node::Comment(_) => true,
        Node::Map(map) => has_comment(map),
        Node::List(items) => items.iter().any(node_has_comment),
        _ => false,
    }
}

fn seal(secret: &Located<Secret>, settings: &Settings, key: &PublicKey) -> Result<manifest::SealedSecret, Failure> {
    let object = &secret.object;
    let named = |failure: Failure| failure.wrap(&secret.at).with_exit(crate::cli::Exit::FAILED);
    for key in object.data.keys().chain(object.string_data.keys()) {
        names::check_key(key).map_err(named)?;
    }
    let explicit = |origin: &Origin| !matches!(origin, Origin::File(_));
    let own = Scope::from_annotations(&object.metadata.annotations);
    let options = SealOptions {
        allow_empty_data: true,
        name: None,
        namespace: None,
        default_namespace: settings.namespace.as_ref().map(|set| set.value.clone()),
        default_namespace_is_explicit: settings.namespace.as_ref().is_some_and(|set| explicit(&set.origin)),
        scope: settings.scope.as_ref().filter(|set| explicit(&set.origin) || own == Scope::Strict).map(|set| set.value),
    };
    let sealed = seal_secret(object, key, &options).context(|| format!("cannot seal {}", secret.at))?;
    names::check_object(&sealed.metadata.name).map_err(named)?;
    if !sealed.metadata.namespace.is_empty() {
        names::check_namespace(&sealed.metadata.namespace).map_err(named)?;
    }
    Ok(sealed)
}

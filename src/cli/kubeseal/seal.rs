//! Sealing manifests: the default mode (`sealed-secrets.md` §2.4, §2.5).
//!
//! Every document is read and checked, all are sealed side by side on the cores of the machine, and only when all of them are
//! good is anything written, in the order of the input. kubeseal writes as it goes, and drops a broken document in silence.

use super::files::manifests;
use super::namespace;
use super::output::{documents, format_or_error, write};
use super::settings::Settings;
use crate::cli::report::Failure;
use crate::cli::{Io, Outcome, names, parallel};
use crate::crypto::rsa::PublicKey;
use crate::manifest::{Error, Located, SealedSecret, Secret, Style, read_secrets, sealed_secret_to_value};
use crate::seal::{Scope, SealError, SealOptions, seal_secret};

/// Seals every Secret of the input.
pub(super) fn run(settings: &Settings, key: &PublicKey, io: &mut Io) -> Outcome {
    let secrets = read(settings, io)?;
    let mut options = options(settings);
    if secrets.iter().any(|secret| needs_namespace(&secret.object, settings.scope)) {
        namespace::add_to(&mut options, settings, io);
    }
    let sealed = seal_all(&secrets, key, &options)?;
    let format = format_or_error(settings.output_format())?;
    let values: Vec<_> = sealed.iter().map(|object| sealed_secret_to_value(object, Style::NullTimestamps)).collect();
    write(settings, io, &documents(&values, format))
}

/// The Secrets of the input; what YAML changed in them is said on stderr.
pub(super) fn read(settings: &Settings, io: &mut Io) -> Result<Vec<Located<Secret>>, Failure> {
    let (bytes, name) = manifests(settings, io)?;
    let secrets = read_secrets(&bytes, &name).map_err(|error| match &error {
        Error::Kind { found, .. } if found == "SealedSecret" => {
            Failure::from(error).with_hint("it is sealed already; to put more values into it, seal them with --merge-into FILE")
        }
        _ => error.into(),
    })?;
    if secrets.is_empty() {
        return Err(Failure::new("no secrets found. Ensure the input is valid and UTF-8 encoded"));
    }
    for warning in secrets.iter().flat_map(|secret| &secret.warnings) {
        io.warn(warning.to_string());
    }
    // As the peer, but not without a word: the cluster refuses the Secret, and what is sealed shows the key.
    for bad in names::bad_keys(secrets.iter().map(|secret| &secret.object), &bytes, &name) {
        io.warn(bad);
    }
    Ok(secrets)
}

/// What the flags say about every document.
pub(super) fn options(settings: &Settings) -> SealOptions {
    SealOptions {
        allow_empty_data: settings.allow_empty_data,
        name: Some(settings.name.clone()).filter(|name| !name.is_empty()),
        // `--scope strict` leaves the scope to the annotations.
        scope: Some(settings.scope).filter(|scope| *scope != Scope::Strict),
        ..SealOptions::default()
    }
}

/// Whether the namespace of the command line or the kubeconfig plays a part.
fn needs_namespace(secret: &Secret, flag: Scope) -> bool {
    let scope = if flag == Scope::Strict { Scope::from_annotations(&secret.metadata.annotations) } else { flag };
    scope != Scope::ClusterWide
}

/// Seals all, side by side, in order. The first document that fails decides the error.
pub(super) fn seal_all(
    secrets: &[Located<Secret>],
    key: &PublicKey,
    options: &SealOptions,
) -> Result<Vec<SealedSecret>, Failure> {
    let results = parallel::map(secrets, |secret| seal_secret(&secret.object, key, options));
    let located = results.into_iter().zip(secrets);
    located.map(|(result, secret)| result.map_err(|error| failure(&error, secret, secrets.len()))).collect()
}

/// The peer's text; where there are several documents, it begins with the place.
fn failure(error: &SealError, secret: &Located<Secret>, count: usize) -> Failure {
    let failure = if count > 1 { Failure::new(format_args!("{}: {error}", secret.at)) } else { Failure::new(error) };
    match error {
        SealError::MissingNamespace => {
            failure.with_hint("set metadata.namespace, or use --namespace, or a kubeconfig whose context names one")
        }
        _ => failure,
    }
}

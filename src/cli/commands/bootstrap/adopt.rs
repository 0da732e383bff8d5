//! `bootstrap adopt`: a Secret of the cluster becomes a SealedSecret in a file, and the controller takes it over.
//!
//! The controller refuses a Secret that is there and not marked for it, so the mark comes first; the file second. Until the
//! SealedSecret reaches the cluster nothing has changed for anybody, and then the same values are written over themselves.

use super::args::AdoptArgs;
use super::files::Draft;
use super::load::Loaded;
use super::world::{SEALED_MANAGED, Targets, owner};
use super::{apply, sealed};
use crate::bootstrap::SecretId;
use crate::bootstrap::spec::{SealedSecretFile, Target};
use crate::cli::args::ManifestFormat;
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::cli::{Io, certificate, settings};
use crate::manifest;
use crate::seal::{Scope, SealOptions, seal_secret};

/// Runs the verb.
pub(super) fn run(args: &AdoptArgs, io: &mut Io) -> Outcome {
    let loaded = load(args, io)?;
    let (id, spec, file) = target(args, loaded.as_ref())?;
    let (path, shown) = match (&args.to, &loaded) {
        (Some(path), _) => {
            let path = io.path(path);
            let shown = io.shown(&path);
            (path, shown)
        }
        (None, Some(loaded)) => loaded.target(file, &spec.path, io)?,
        (None, None) => return Err(no_file()),
    };
    let source = match (&args.cert, &spec.cert, &loaded) {
        (Some(cert), ..) => cert.clone(),
        (None, Some(cert), _) if certificate::is_url(cert) => cert.clone(),
        (None, Some(cert), Some(loaded)) => loaded.path(file, cert, io).0.to_string_lossy().into_owned(),
        _ => match settings::Settings::certificate(None, io)? {
            Some(set) => set.value,
            None => return Err(Failure::usage("no certificate to seal with").with_hint("give one with --cert FILE")),
        },
    };
    let certificate = certificate::for_sealing(&source, io)?;
    let scope = match &args.scope {
        Some(text) => text.parse::<Scope>().context(|| "--scope is wrong").or_usage()?,
        None => spec.scope.map(Scope::from).unwrap_or_default(),
    };
    let mut draft = Draft::open(&path, &shown)?;
    if sealed::find(draft.text()?, &id, &shown)?.is_some() {
        return Err(Failure::new(format_args!("{shown} holds a SealedSecret {id} already"))
            .with_hint("`bootstrap apply --read-from-cluster` adds what it lacks"));
    }
    let mut targets = Targets::new(loaded.unwrap_or_else(Loaded::nothing), &args.common, false, io)?;
    let cluster = targets.cluster(io)?;
    let live = cluster.ask(async |objects| objects.secret(&id.namespace, &id.name).await)?;
    let live = live.ok_or_else(|| Failure::new(format_args!("there is no Secret {id} in the cluster")))?;
    // The mark of an earlier run that did not come to its end is no owner.
    let mut unmarked = live.clone();
    if let Some(annotations) = &mut unmarked.metadata.annotations {
        annotations.remove(SEALED_MANAGED);
    }
    if let Some(owner) = owner(&unmarked) {
        return Err(Failure::new(format_args!("Secret {id} is owned by {owner}: it is not ours to take over")));
    }
    if live.immutable == Some(true) {
        return Err(Failure::new(format_args!("Secret {id} is immutable: no controller could write it"))
            .with_hint("seal its values by hand, and delete the Secret when the SealedSecret is in the cluster"));
    }
    let mut secret = manifest::Secret { type_: Some(live.type_.clone()), data: live.data.clone(), ..manifest::Secret::default() };
    secret.metadata.name.clone_from(&id.name);
    secret.metadata.namespace.clone_from(&id.namespace);
    secret.metadata.labels = live.metadata.labels.clone().unwrap_or_default();
    secret.metadata.annotations = live.metadata.annotations.clone().unwrap_or_default();
    secret.metadata.annotations.remove(SEALED_MANAGED);
    let options = SealOptions { scope: Some(scope), ..SealOptions::default() };
    let object = seal_secret(&secret, certificate.public_key(), &options).context(|| format!("cannot seal Secret {id}"))?;
    let format = ManifestFormat::of_path(Some(&path));
    let text = draft.text()?.to_owned();
    if format == ManifestFormat::Json && !text.trim().is_empty() {
        return Err(Failure::new(format_args!("{shown} holds another object, and a JSON file holds one")));
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let value = manifest::sealed_secret_to_value(&object, manifest::Style::Current);
    draft.set(format!("{text}{gap}{}", format.write(&value).expose()).into_bytes());
    if !args.allow_dirty {
        draft.check_clean()?;
    }
    if !args.dry_run {
        // The mark in the cluster comes before the file.
        draft.prepare()?;
    }
    let keys: Vec<&str> = live.data.keys().map(String::as_str).collect();
    let keys = keys.join(", ");
    if args.dry_run {
        io.stdout.line(format!("would mark Secret {id} for the controller and seal {keys} into {shown}"))?;
        return Ok(Exit::DONE);
    }
    let version = live.metadata.resource_version.clone().unwrap_or_default();
    let mark = apply::mark_for_takeover();
    let nothing = std::collections::BTreeMap::new();
    // Only the version that was sealed is marked: a value that changes meanwhile would be overwritten with the old one.
    cluster.ask(async |objects| objects.set_keys(&id.namespace, &id.name, &version, &nothing, &mark).await)?;
    draft.write_or_fail()?;
    io.stdout.line(format!("sealed {keys} of Secret {id} into {shown}"))?;
    io.hint(format!(
        "commit {shown}: the controller takes the Secret over when it comes into the cluster, with the values it has"
    ));
    io.hint("from then on the file is where its values are changed; give the bootstrap file's entry the target sealedSecret");
    Ok(Exit::DONE)
}

fn no_file() -> Failure {
    Failure::usage("no file to seal into")
        .with_hint("name it with --to FILE, or as the target `sealedSecret` in the bootstrap file")
}

/// The bootstrap file, which is not needed when everything is said on the command line.
fn load(args: &AdoptArgs, io: &mut Io) -> Result<Option<Loaded>, Failure> {
    let said = args.to.is_some() && args.name.contains('/');
    if said && args.common.file.is_empty() {
        return Ok(None);
    }
    Loaded::read(&args.common, io)?.checked(io).map(Some)
}

/// Which Secret, and what the bootstrap file says of its SealedSecret.
fn target(args: &AdoptArgs, loaded: Option<&Loaded>) -> Result<(SecretId, SealedSecretFile, usize), Failure> {
    let nothing = SealedSecretFile { path: String::new(), cert: None, scope: None };
    let Some(loaded) = loaded else {
        let (namespace, name) = args.name.split_once('/').unwrap_or_default();
        crate::cli::names::check_namespace(namespace)?;
        crate::cli::names::check_object(name)?;
        return Ok((SecretId::new(namespace, name), nothing, 0));
    };
    let named = loaded.named(std::slice::from_ref(&args.name), "adopt")?;
    let entry = loaded.model.secrets.iter().find(|entry| named.contains(&entry.id));
    let entry = entry.ok_or_else(|| Failure::usage("the bootstrap file has no such Secret"))?;
    match &entry.target {
        Target::SealedSecret(spec) => Ok((entry.id.clone(), spec.clone(), entry.file)),
        _ if args.to.is_some() => Ok((entry.id.clone(), nothing, entry.file)),
        _ => Err(no_file()),
    }
}

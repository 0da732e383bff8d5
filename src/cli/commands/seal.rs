//! `hecate-seal seal`: whole Secrets to SealedSecrets.
//!
//! All documents of all inputs are read and checked before anything is sealed, and sealed before anything is written. Stricter
//! than kubeseal: names and keys that the cluster would refuse are refused here, and so is a value that is sealed already.

use crate::cli::args::{ManifestFormat, SealArgs, TargetArgs};
use crate::cli::io::replace::{self, Existing, Privacy};
use crate::cli::report::{Exit, Failure, Outcome};
use crate::cli::settings::{Origin, Settings};
use crate::cli::{Io, certificate, inputs, names, parallel};
use crate::manifest::{self, Document, Located, Secret, read_documents, sealed_secret_to_value};
use crate::seal::{Scope, SealError, SealOptions, looks_sealed, seal_secret};

/// Runs the command.
///
/// # Errors
/// The first thing that is wrong; nothing is written then.
pub fn run(args: &SealArgs, io: &mut Io) -> Outcome {
    let target = TargetArgs {
        cert: args.cert.clone(),
        namespace: args.namespace.clone(),
        scope: args.scope.clone(),
        ..TargetArgs::default()
    };
    let settings = Settings::resolve(&target, io)?;
    let certificate = certificate::required(&settings, io)?;
    if let Some(path) = args.output.as_deref().filter(|path| path.as_os_str() != "-") {
        settings.check_certificate_for(path, io)?;
    }
    let secrets = read(args, io)?;
    if args.name.is_some() && secrets.len() > 1 {
        return Err(Failure::usage(format_args!("--name gives one name, and there are {} Secrets", secrets.len())));
    }
    for secret in &secrets {
        check(secret, args)?;
    }
    let results = parallel::map(&secrets, |secret| {
        seal_secret(&secret.object, certificate.public_key(), &options(&secret.object, args, &settings))
    });
    let mut text = String::new();
    let format = args.format.unwrap_or_else(|| ManifestFormat::of_path(args.output.as_deref()));
    for (secret, result) in secrets.iter().zip(results) {
        let sealed = result.map_err(|error| failure(error, secret))?;
        names::check_object(&sealed.metadata.name).map_err(|failure| failure.wrap(&secret.at))?;
        if !sealed.metadata.namespace.is_empty() {
            names::check_namespace(&sealed.metadata.namespace).map_err(|failure| failure.wrap(&secret.at))?;
        }
        text += format.write(&sealed_secret_to_value(&sealed, manifest::Style::Current)).expose();
    }
    match &args.output {
        Some(path) if path.as_os_str() != "-" => {
            replace::write(&io.path(path), text.as_bytes(), Privacy::Shared, Existing::Replace)
                .map_err(|error| error.at(path))?;
            io.note(format!("sealed {} of {} values into {}", count(secrets.len()), values(&secrets), path.display()));
        }
        _ => io.stdout.put(text)?,
    }
    Ok(Exit::DONE)
}

fn count(secrets: usize) -> String {
    if secrets == 1 { "1 Secret".to_owned() } else { format!("{secrets} Secrets") }
}

fn values(secrets: &[Located<Secret>]) -> usize {
    secrets.iter().map(|secret| secret.object.data.len() + secret.object.string_data.len()).sum()
}

/// Every Secret of every input, with a warning for each value that YAML changes.
fn read(args: &SealArgs, io: &mut Io) -> Result<Vec<Located<Secret>>, Failure> {
    let mut secrets = Vec::new();
    for input in inputs::read_all(&args.files, io)? {
        let before = secrets.len();
        for document in read_documents(&input.bytes, &input.name)?.into_iter().flat_map(Document::items) {
            secrets.push(document.secret().map_err(not_a_secret)?);
        }
        let new = secrets.iter().skip(before).map(|secret| &secret.object);
        if let Some(bad) = names::bad_keys(new, &input.bytes, &input.name).first() {
            return Err(Failure::new(bad));
        }
        if secrets.len() == before {
            return Err(Failure::new(format_args!("{}: there is no Secret in it", input.name)));
        }
    }
    for warning in secrets.iter().flat_map(|secret| &secret.warnings) {
        if args.strict {
            return Err(Failure::new(warning));
        }
        io.warn(warning.to_string());
    }
    Ok(secrets)
}

fn not_a_secret(error: manifest::Error) -> Failure {
    let hint = match &error {
        manifest::Error::Kind { found, .. } if found == "SealedSecret" => {
            Some("it is sealed already; to change one of its values: hecate-seal KEY --file FILE")
        }
        manifest::Error::Kind { .. } => Some("only Secrets are sealed; give the other documents in another file"),
        _ => None,
    };
    let failure = Failure::from(error);
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

/// Refuses what the cluster would refuse, and what is most likely a mistake.
fn check(secret: &Located<Secret>, args: &SealArgs) -> Result<(), Failure> {
    for (key, value) in secret.object.data.iter().chain(&secret.object.string_data) {
        if looks_sealed(value.expose()) && !args.force {
            return Err(Failure::new(format_args!("{}: the value of {key} looks sealed already", secret.at))
                .with_hint("give the plain value; use --force to seal it once more"));
        }
    }
    Ok(())
}

/// How one Secret is sealed. What the settings file says fills gaps; flags and variables decide.
fn options(secret: &Secret, args: &SealArgs, settings: &Settings) -> SealOptions {
    let explicit = |origin: &Origin| !matches!(origin, Origin::File(_));
    let own = Scope::from_annotations(&secret.metadata.annotations);
    SealOptions {
        allow_empty_data: args.allow_empty,
        name: args.name.clone(),
        namespace: None,
        default_namespace: settings.namespace.as_ref().map(|set| set.value.clone()),
        default_namespace_is_explicit: settings.namespace.as_ref().is_some_and(|set| explicit(&set.origin)),
        scope: settings.scope.as_ref().filter(|set| explicit(&set.origin) || own == Scope::Strict).map(|set| set.value),
    }
}

fn failure(error: SealError, secret: &Located<Secret>) -> Failure {
    let hint = match &error {
        SealError::EmptyData => Some("use --allow-empty if it is meant to be"),
        SealError::MissingName => Some("give it a metadata.name, or use --name"),
        SealError::MissingNamespace => Some("give it a metadata.namespace, or use --namespace"),
        _ => None,
    };
    let failure = match error {
        // Its text names kubeseal's flag.
        SealError::EmptyData => Failure::new("it has neither data nor stringData"),
        error => Failure::from(error),
    };
    let failure = failure.wrap(format_args!("cannot seal {}", secret.at));
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

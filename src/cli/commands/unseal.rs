//! `hecate-seal unseal`: SealedSecrets back to Secrets, with private keys at hand and no cluster.
//!
//! All or nothing: if one item of one document does not open, every such item is reported with what can be said about it, and
//! no plaintext leaves the program. Files that are written are readable for their owner only.

use crate::cli::args::{ManifestFormat, UnsealArgs};
use crate::cli::io::replace::{self, Existing, Privacy};
use crate::cli::report::{Exit, Failure, Outcome};
use crate::cli::{Io, inputs, parallel};
use crate::manifest::{self, Document, Located, SealedSecret, Secret, read_documents, secret_to_value};
use crate::seal::{Keyring, UnsealError, UnsealOptions, explain, unseal_secret};
use crate::secret::SecretBytes;

/// Runs the command.
///
/// # Errors
/// When anything cannot be read or opened; nothing is written then.
pub fn run(args: &UnsealArgs, io: &mut Io) -> Outcome {
    let keyring = inputs::private_keys(&args.keys, io)?;
    if keyring.is_empty() {
        return Err(Failure::usage("no private key to open with").with_hint(
            "give one with --private-key FILE or HECATE_SEAL_PRIVATE_KEYS; from a cluster: kubectl get secret -n kube-system -l sealedsecrets.bitnami.com/sealed-secrets-key -o yaml > keys.yaml",
        ));
    }
    let sealed = read(args, io)?;
    let options = UnsealOptions::new(io.now).accepting_deprecated_data();
    let results = parallel::map(&sealed, |sealed| open(&sealed.object, &keyring, &options));
    let mut secrets = Vec::with_capacity(sealed.len());
    let mut failures = Vec::new();
    for (sealed, result) in sealed.iter().zip(results) {
        match result {
            Ok(secret) => secrets.push(secret),
            Err(error) => failures.push(failure(&error, sealed, &keyring)),
        }
    }
    if let Some(failure) = joined(failures) {
        return Err(failure);
    }
    let output = match &args.key {
        Some(key) => one_value(secrets, key)?,
        None => {
            let format = args.format.unwrap_or_else(|| ManifestFormat::of_path(args.output.as_deref()));
            let write = |secret| format.write(&secret_to_value(secret, manifest::Style::Current));
            let documents: Vec<_> = secrets.iter().map(write).collect();
            // Allocated once: a buffer that grows leaves copies behind.
            let mut all = Vec::with_capacity(documents.iter().map(|document| document.len()).sum());
            documents.iter().for_each(|document| all.extend_from_slice(document.expose().as_bytes()));
            SecretBytes::new(all)
        }
    };
    match &args.output {
        Some(path) if path.as_os_str() != "-" => {
            replace::write(&io.path(path), output.expose(), Privacy::Plaintext, Existing::Replace)
                .map_err(|error| error.at(path))?;
            io.note(format!("wrote {} in plain text: keep it out of git", path.display()));
        }
        _ => {
            if io.stdout_is_terminal && is_binary(output.expose()) {
                return Err(
                    Failure::new("the value is binary and would disturb the terminal").with_hint("use -o FILE, or a pipe")
                );
            }
            io.stdout.put(output.expose())?;
        }
    }
    Ok(Exit::DONE)
}

/// Every SealedSecret of every input.
fn read(args: &UnsealArgs, io: &mut Io) -> Result<Vec<Located<SealedSecret>>, Failure> {
    let mut sealed = Vec::new();
    for input in inputs::read_all(&args.files, io)? {
        let before = sealed.len();
        for document in read_documents(&input.bytes, &input.name)?.into_iter().flat_map(Document::items) {
            sealed.push(document.sealed_secret()?);
        }
        if sealed.len() == before {
            return Err(Failure::new(format_args!("{}: there is no SealedSecret in it", input.name)));
        }
    }
    Ok(sealed)
}

/// Opens one object. The owner reference that the controller would add is left out: outside of the cluster it has no uid, and
/// the API server refuses an owner without one.
pub(in crate::cli::commands) fn open(
    sealed: &SealedSecret,
    keyring: &Keyring,
    options: &UnsealOptions,
) -> Result<Secret, UnsealError> {
    let mut secret = unseal_secret(sealed, keyring, options)?;
    if let Some(own) = sealed.spec.template.metadata.other.get("ownerReferences") {
        secret.metadata.other.insert("ownerReferences".to_owned(), own.clone());
    } else {
        secret.metadata.other.shift_remove("ownerReferences");
    }
    Ok(secret)
}

/// A failure that names the object and says what can be said about it.
pub(in crate::cli::commands) fn failure(error: &UnsealError, sealed: &Located<SealedSecret>, keyring: &Keyring) -> Failure {
    let metadata = &sealed.object.metadata;
    let failure = Failure::new(error).wrap(format_args!("cannot open {}/{} ({})", metadata.namespace, metadata.name, sealed.at));
    explain(&sealed.object, keyring, error).into_iter().fold(failure, Failure::with_hint)
}

/// One failure that tells all of them.
fn joined(failures: Vec<Failure>) -> Option<Failure> {
    let mut failures = failures.into_iter();
    let first = failures.next()?;
    Some(failures.fold(first, Failure::and))
}

/// The bytes of one item; there must be one Secret that has it.
fn one_value(secrets: Vec<Secret>, key: &str) -> Result<SecretBytes, Failure> {
    let keys: Vec<String> = secrets.iter().flat_map(|secret| secret.data.keys().cloned()).collect();
    let mut values = secrets.into_iter().filter_map(|mut secret| secret.data.remove(key));
    let value = values.next().ok_or_else(|| {
        Failure::new(format_args!("there is no item `{key}`")).with_hint(format_args!("there is {}", keys.join(", ")))
    })?;
    match values.next() {
        None => Ok(value),
        Some(_) => Err(Failure::new(format_args!("several Secrets have an item `{key}`")).with_hint("give one document")),
    }
}

/// Whether bytes would do something to a terminal other than show text.
fn is_binary(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).map_or(true, |text| text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t' | '\r')))
}

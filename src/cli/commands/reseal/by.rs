//! Who seals again: private keys at hand, or the controller.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ResealArgs;
use super::file::Parsed;
use crate::cli::online::{self, Controller};
use crate::cli::report::Failure;
use crate::cli::settings::Settings;
use crate::cli::{Io, certificate, env};
use crate::crypto::rsa::PublicKey;
use crate::manifest::{ObjectMeta, SealedSecret, SecretTemplate, Style, sealed_secret_to_value, to_json};
use crate::seal::{Keyring, Resealed, Scope, explain, reseal};

/// Who seals again.
pub(super) enum By {
    /// Private keys, here.
    Keys(Keys),
    /// The controller of a cluster.
    Controller(Box<Controller>),
}

/// Private keys, and the certificate of every folder.
pub(super) struct Keys {
    keyring: Keyring,
    /// What a flag or variable says, for all folders.
    named: Option<String>,
    /// By folder.
    certificates: BTreeMap<PathBuf, PublicKey>,
}

impl By {
    /// By what the command line says.
    pub(super) fn new(args: &ResealArgs, keyring: Keyring, io: &mut Io) -> Result<Self, Failure> {
        if keyring.is_empty() {
            if args.cert.is_some() {
                return Err(Failure::usage("--cert needs private keys: the controller always seals with its own newest key")
                    .with_hint("give the keys with --private-key FILE or HECATE_SEAL_PRIVATE_KEYS"));
            }
            return Ok(Self::Controller(Box::new(args.controller.find(io)?)));
        }
        let named = args.cert.clone().or_else(|| io.env.text(env::CERT));
        Ok(Self::Keys(Keys { keyring, named, certificates: BTreeMap::new() }))
    }

    /// Finds the certificate of every folder, before anything is opened.
    pub(super) fn prepare(&mut self, files: &[Parsed], io: &mut Io) -> Result<(), Failure> {
        let Self::Keys(keys) = self else { return Ok(()) };
        let mut by_source: BTreeMap<String, PublicKey> = BTreeMap::new();
        for file in files {
            let folder = folder(&file.path);
            if keys.certificates.contains_key(&folder) {
                continue;
            }
            let source = match &keys.named {
                Some(named) => named.clone(),
                None => Settings::certificate_of(&folder, io)?.map(|set| set.value).ok_or_else(|| {
                    Failure::usage(format_args!("no certificate is named for {}", file.name)).with_hint(
                        "give the newest one with --cert FILE, or name it in .hecate-seal.yaml; `hecate-seal cert fetch` gets it",
                    )
                })?,
            };
            let key = match by_source.get(&source) {
                Some(key) => key.clone(),
                None => {
                    let certificate = certificate::for_sealing(&source, io)?;
                    if keys.named.is_none() {
                        let key = certificate.public_key().fingerprint();
                        io.note(format!("{} is sealed for {source} ({key})", file.name));
                    }
                    certificate.public_key().clone()
                }
            };
            by_source.insert(source, key.clone());
            keys.certificates.insert(folder, key);
        }
        Ok(())
    }
}

impl Keys {
    /// Seals an object again for its folder's certificate.
    pub(super) fn reseal(&self, sealed: &SealedSecret, path: &Path) -> Result<Resealed, Failure> {
        let key = self.certificates.get(&folder(path)).ok_or_else(|| Failure::new("no certificate"))?;
        reseal(sealed, &self.keyring, key).map_err(|error| {
            let failure = Failure::new(&error);
            let crate::seal::ResealError::Unseal(error) = &error else { return failure };
            let failure = explain(sealed, &self.keyring, error).into_iter().fold(failure, Failure::with_hint);
            failure.with_hint("items that are sealed for the newest key already need its private key too, to be recognised")
        })
    }
}

/// The folder that a file really lies in.
fn folder(path: &Path) -> PathBuf {
    let real = path.canonicalize();
    real.as_deref().unwrap_or(path).parent().unwrap_or(Path::new("/")).to_owned()
}

/// Has the controller seal an object again. It gets the items, with name, namespace and scope, and nothing of the template: some
/// versions would render it into the items, others lose it.
pub(super) fn ask(controller: &Controller, sealed: &SealedSecret) -> Result<Resealed, Failure> {
    let mut annotations = BTreeMap::new();
    Scope::from_annotations(&sealed.metadata.annotations).annotate(&mut annotations);
    let metadata = ObjectMeta {
        name: sealed.metadata.name.clone(),
        namespace: sealed.metadata.namespace.clone(),
        annotations,
        ..ObjectMeta::default()
    };
    let mut bare = sealed.clone();
    bare.spec.template = SecretTemplate { metadata: metadata.clone(), ..SecretTemplate::default() };
    bare.metadata = metadata;
    if bare.spec.data.is_some() {
        return Err(Failure::new("it has the deprecated spec.data, which the controller would turn into encryptedData")
            .with_hint("reseal it with private keys (--private-key)"));
    }
    let body = to_json(&sealed_secret_to_value(&bare, Style::Current)).expose().as_bytes().to_vec();
    let answer = controller.rotate(&body).map_err(|trouble| {
        let failure = online::failure("the controller cannot seal it again", &trouble);
        if trouble.code() == Some(500) {
            failure.with_hint("most often it was sealed for another name, namespace, scope or cluster; `hecate-seal verify --online` shows which files")
        } else {
            failure
        }
    })?;
    let wrong = |what: &str| Failure::new(format_args!("the controller's answer cannot be used: {what}"));
    let answer = online::rotated(&answer).ok_or_else(|| wrong("it is no SealedSecret"))?;
    let same_place = (&answer.metadata.name, &answer.metadata.namespace) == (&bare.metadata.name, &bare.metadata.namespace);
    let same_scope = Scope::from_annotations(&answer.metadata.annotations) == Scope::from_annotations(&bare.metadata.annotations);
    if !same_place || !same_scope {
        return Err(wrong("it is for another name, namespace or scope"));
    }
    if !answer.spec.encrypted_data.keys().eq(sealed.spec.encrypted_data.keys()) {
        return Err(wrong("it has other items"));
    }
    let mut result = Resealed { sealed: sealed.clone(), changed: Vec::new(), kept: Vec::new() };
    for (key, value) in answer.spec.encrypted_data {
        let same = sealed.spec.encrypted_data.get(&key) == Some(&value);
        if same { &mut result.kept } else { &mut result.changed }.push(key.clone());
        result.sealed.spec.encrypted_data.insert(key, value);
    }
    Ok(result)
}

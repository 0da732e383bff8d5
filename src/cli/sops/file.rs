//! An encrypted file on its way in: read, its data key recovered, its values opened, its MAC checked.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::codes;
use super::keyservice::Address;
use super::keyservice::client::{self, Method};
use super::session::Session;
use super::sources::{self, Identities, Source};
use super::terminal::Terminal;
use crate::age::unwrap_data_key;
use crate::cli::io::read::{self, MAX_DOCUMENT, ReadError};
use crate::cli::io::replace::Target;
use crate::cli::{Context, Exit, Failure};
use crate::secret::SecretBytes;
use crate::sops::document::{self, Decrypted, Encrypted, Format, MacCheck};
use crate::sops::keys;
use crate::sops::metadata::{MasterKey, Metadata, Provider};

/// Where the text of a document comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Input {
    /// A file, by its absolute path.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

/// How the values of a file are opened.
type Open = fn(Encrypted, &SecretBytes, MacCheck) -> Result<Decrypted, document::Error>;

/// An encrypted file, read and not opened.
pub(super) struct Loaded {
    /// Its text.
    pub(super) text: Zeroizing<Vec<u8>>,
    /// Its format.
    pub(super) format: Format,
    /// Its parts.
    pub(super) file: Encrypted,
}

/// An encrypted file, opened.
pub(super) struct Opened {
    /// The text that it was read from.
    pub(super) text: Zeroizing<Vec<u8>>,
    /// Its format.
    pub(super) format: Format,
    /// The data key.
    pub(super) data_key: SecretBytes,
    /// Plain documents, metadata, ciphertexts.
    pub(super) content: Decrypted,
}

impl Session<'_> {
    /// Reads a text whole.
    ///
    /// # Errors
    /// When it cannot be read: exit code 2.
    pub(super) fn read(&mut self, input: &Input) -> Result<Zeroizing<Vec<u8>>, Failure> {
        match input {
            Input::File(path) => read::file(path, MAX_DOCUMENT).map_err(|error| reading(path, error)),
            Input::Stdin => {
                let read = read::stream(&mut self.io.stdin, MAX_DOCUMENT).context(|| "Error reading from stdin");
                read.map_err(|failure| failure.with_exit(codes::INPUT))
            }
        }
    }

    /// Opens a file that is to be replaced, with the right to replace exactly what was read.
    ///
    /// # Errors
    /// When it cannot be read: exit code 2. When it could not be replaced later: 3.
    pub(super) fn target(&self, path: &Path) -> Result<(Target, Zeroizing<Vec<u8>>), Failure> {
        // Reading comes first, so that what is not there or not readable is told as such.
        drop(std::fs::File::open(path).map_err(|error| reading(path, error.into()))?);
        if path.is_dir() {
            return Err(reading(path, ReadError::Directory));
        }
        let target = Target::open(path, MAX_DOCUMENT).map_err(|error| error.at(path).with_exit(codes::OUTPUT))?;
        let text = Zeroizing::new(target.content().unwrap_or_default().to_vec());
        Ok((target, text))
    }

    /// Reads an encrypted document.
    ///
    /// # Errors
    /// For text that is not of its format, or has no usable metadata.
    pub(super) fn load(&self, text: Zeroizing<Vec<u8>>, format: Format, name: &str) -> Result<Loaded, Failure> {
        match Encrypted::load(format, &text) {
            Ok(file) => Ok(Loaded { text, format, file }),
            Err(document::Error::Store(error)) if format == Format::Binary => {
                let message = format!("{name}: no sops metadata found: it is no encrypted binary file ({error})");
                Err(Failure::new(message).with_hint("if it has another format, give that with --input-type"))
            }
            Err(error) => Err(Failure::new(format_args!("{name}: {error}"))),
        }
    }

    /// Recovers the data key and opens every value; nothing comes out unless the MAC holds or is to be ignored.
    ///
    /// # Errors
    /// With the exit codes 128, 25 and 51.
    pub(super) fn open(&mut self, loaded: Loaded, name: &str) -> Result<Opened, Failure> {
        self.open_by(loaded, name, Encrypted::decrypt)
    }

    /// As [`Session::open`], for a file that is only read.
    ///
    /// # Errors
    /// As there.
    pub(super) fn open_to_read(&mut self, loaded: Loaded, name: &str) -> Result<Opened, Failure> {
        self.open_by(loaded, name, Encrypted::decrypt_to_read)
    }

    fn open_by(&mut self, loaded: Loaded, name: &str, open: Open) -> Result<Opened, Failure> {
        let order = self.decryption_order()?;
        let data_key = self.data_key(&loaded.file.metadata, &order, name).map_err(|failure| failure.with_exit(codes::NO_KEY))?;
        let check = if self.local.is_on("ignore-mac") { MacCheck::Ignored } else { MacCheck::Required };
        let Loaded { text, format, file } = loaded;
        let content = open(file, &data_key, check).map_err(|error| decrypting(&error, name))?;
        for place in &content.plain_comments {
            let place = if place.is_empty() { "the top" } else { place };
            self.warn(format!("{name}: a comment at {place} is not encrypted and was kept as it is"));
        }
        Ok(Opened { text, format, data_key, content })
    }

    /// Recovers the data key of a file with every identity at hand.
    ///
    /// # Errors
    /// A report of what was tried and where identities were looked for.
    pub(super) fn data_key(&mut self, metadata: &Metadata, order: &[String], name: &str) -> Result<SecretBytes, Failure> {
        let identities = Identities::collect(self.io);
        let mut commands: Vec<(String, Identities)> = Vec::new();
        let order: Vec<&str> = order.iter().map(String::as_str).collect();
        let found = keys::recover_with(metadata, &order, &mut |key| self.unwrap_one(key, &identities, &mut commands));
        found.map_err(|unopened| {
            let of_commands = commands.iter().flat_map(|(_, found)| &found.sources).filter(first_of_its_name());
            let report = sources::report(identities.sources.iter().chain(of_commands));
            let reason = unopened.to_string();
            let reason = reason.strip_prefix("cannot recover the data key: ").unwrap_or(&reason);
            let message = format!(
                "Failed to get the data key required to decrypt {name}: {reason}\nIdentities were looked for in:{report}"
            );
            let mut failure = Failure::new(message);
            if !metadata.groups.iter().flatten().any(|key| key.provider == Provider::Age) {
                failure = failure.with_hint(
                    "the file has no age recipient, and only age identities open files here; add one with sops where its keys are at hand",
                );
            }
            failure
        })
    }

    /// Unwraps one key of a file, here and by the key services that were named.
    fn unwrap_one(
        &mut self,
        key: &MasterKey,
        identities: &Identities,
        commands: &mut Vec<(String, Identities)>,
    ) -> Result<SecretBytes, String> {
        let mut reasons = Vec::new();
        if self.local.is_on("enable-local-keyservice") {
            match self.unwrap_by(key, identities, commands) {
                Ok(part) => return Ok(part),
                Err(reason) => reasons.push(reason),
            }
        }
        for service in self.local.list("keyservice") {
            let asked = Address::parse(service).and_then(|at| client::ask(&at, Method::Decrypt, key, key.enc().as_bytes()));
            match asked {
                Ok(part) => return Ok(part),
                Err(reason) => reasons.push(format!("key service {service}: {reason}")),
            }
        }
        if reasons.is_empty() {
            return Err(
                "there is no key service to ask: --enable-local-keyservice is off, and --keyservice names none".to_owned()
            );
        }
        Err(reasons.join("; "))
    }

    /// Unwraps one key with the identities at hand.
    ///
    /// # Errors
    /// Why it does not open.
    pub(super) fn unwrap_here(&mut self, key: &MasterKey) -> Result<SecretBytes, String> {
        let identities = Identities::collect(self.io);
        self.unwrap_by(key, &identities, &mut Vec::new())
    }

    fn unwrap_by(
        &mut self,
        key: &MasterKey,
        identities: &Identities,
        commands: &mut Vec<(String, Identities)>,
    ) -> Result<SecretBytes, String> {
        if key.provider != Provider::Age {
            return Err(format!("keys of {} are not supported and were not tried", key.provider.name()));
        }
        let terminal_words = |error: crate::age::Error| error.to_string();
        let opened = unwrap_data_key(key.enc(), &identities.all, &Terminal::new(self.io));
        let failed = match opened {
            Ok(opened) => return Ok(opened.content),
            Err(error) => terminal_words(error),
        };
        // Commands may cost a person's time, so they are run only when nothing else opens the key.
        let recipient = key.name();
        if !commands.iter().any(|(known, _)| *known == recipient) {
            commands.push((recipient.clone(), Identities::of_commands(&recipient, self.io)));
        }
        let found = commands.iter().find(|(known, _)| *known == recipient).map(|(_, found)| found);
        match found {
            Some(found) if !found.all.is_empty() => unwrap_data_key(key.enc(), &found.all, &Terminal::new(self.io))
                .map(|opened| opened.content)
                .map_err(terminal_words),
            _ => Err(failed),
        }
    }
}

/// A filter that lets each source through once.
fn first_of_its_name<'a>() -> impl FnMut(&&'a Source) -> bool {
    let mut seen: Vec<&'a str> = Vec::new();
    move |source| {
        let new = !seen.contains(&source.name.as_str());
        if new {
            seen.push(&source.name);
        }
        new
    }
}

/// A file that cannot be read.
fn reading(path: &Path, error: ReadError) -> Failure {
    let reason = match &error {
        ReadError::Io(io) if io.kind() == std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        ReadError::Io(io) if io.kind() == std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        other => other.to_string(),
    };
    Failure::new(format_args!("Error reading file: {}: {reason}", path.display())).with_exit(codes::INPUT)
}

/// An encrypted file that does not open with its data key.
fn decrypting(error: &document::Error, name: &str) -> Failure {
    let (exit, hint) = match error {
        document::Error::NoMac | document::Error::MacUnreadable(_) | document::Error::MacMismatch => (
            codes::MAC,
            Some(
                "someone changed the file without the data key; look at what changed, and use --ignore-mac only if that is harmless",
            ),
        ),
        document::Error::Crypt(_) | document::Error::Cipher(_) => (codes::DECRYPT, None),
        _ => (Exit::FAILED, None),
    };
    let what = if exit == codes::DECRYPT { "Error decrypting tree: " } else { "" };
    with_hint(Failure::new(format_args!("{name}: {what}{error}")).with_exit(exit), hint)
}

fn with_hint(failure: Failure, hint: Option<&str>) -> Failure {
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}

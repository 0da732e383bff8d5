//! A result on its way out: documents written as text in the style of the run, and the text put where it belongs.
//!
//! All text of files comes from here ([`Session::sealed`], [`Session::plain`], [`Session::rewrapped`]), so that this is the one
//! place that decides how a file is laid out.

use std::path::{Path, PathBuf};

use super::codes;
use super::file::{Loaded, Opened};
use super::session::Session;
use crate::cli::io::replace::{self, Existing, Privacy, Target};
use crate::cli::{Exit, Failure, Outcome};
use crate::secret::SecretBytes;
use crate::sops::crypt::Memory;
use crate::sops::document::{self, Format};
use crate::sops::metadata::{self, Metadata};
use crate::sops::tree::Map;

/// Where a result goes.
pub(super) enum Destination {
    /// Into the file that it was read from.
    InPlace(Target, PathBuf),
    /// `--output`.
    File(PathBuf),
    /// Standard output.
    Stdout,
}

/// What a result is, for who may read the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// An encrypted file.
    Sealed,
    /// A decrypted one.
    Plain,
}

impl Session<'_> {
    /// A new encrypted file from plain documents, which were read from `source`.
    ///
    /// # Errors
    /// With the exit codes 203, 23 and 4.
    pub(super) fn new_file(
        &mut self,
        source: (&[u8], Format),
        output: Format,
        documents: Vec<Map>,
        metadata: Metadata,
        data_key: &SecretBytes,
    ) -> Result<Vec<u8>, Failure> {
        let layouts = self.layouts(output)?;
        let (_source, now) = (source, self.io.now);
        let text = document::encrypt(output, documents, metadata, data_key, &mut Memory::default(), now, &layouts);
        text.map_err(|error| encrypting(&error))
    }

    /// The text of an opened file whose documents or metadata were changed. With a new data key `opened.content.memory` must be
    /// empty.
    ///
    /// # Errors
    /// With the exit codes 203, 23 and 4.
    pub(super) fn sealed(&mut self, opened: Opened, output: Format) -> Result<Vec<u8>, Failure> {
        let layouts = self.layouts(output)?;
        let Opened { data_key, content, .. } = opened;
        let mut memory = content.memory;
        let sealed = document::seal(content.documents, content.metadata, &data_key, &mut memory, self.io.now, output.layout());
        let sealed = sealed.map_err(|error| encrypting(&error))?;
        if sealed.selected == 0 && sealed.plain > 0 {
            self.warn("nothing in the file is encrypted: its rule selects no value");
        }
        sealed.file.write(output, &data_key, &layouts).map_err(|error| encrypting(&error))
    }

    /// The text of an encrypted file of which only the metadata were changed: no ciphertext, not the MAC, not the time.
    ///
    /// # Errors
    /// With the exit code 4.
    pub(super) fn rewrapped(&mut self, loaded: &Loaded, output: Format) -> Result<Vec<u8>, Failure> {
        let layouts = self.layouts(output)?;
        loaded.file.emit(output, &layouts).map_err(|error| encrypting(&error))
    }

    /// The text of plain documents.
    ///
    /// # Errors
    /// With the exit code 4.
    pub(super) fn plain(&mut self, opened: &Opened, documents: &[Map], output: Format) -> Result<SecretBytes, Failure> {
        let layouts = self.layouts(output)?;
        document::emit_plain(output, documents, &layouts).map_err(|error| {
            let failure = Failure::new(format_args!("Error dumping file: {error}")).with_exit(codes::DUMP);
            if output == Format::Binary && opened.format != Format::Binary {
                return failure
                    .with_hint("the output is written as binary because of its name; give a format with --output-type");
            }
            failure
        })
    }

    /// Puts a text where it belongs.
    ///
    /// # Errors
    /// Exit code 3 for a file that cannot be written; it is as it was then.
    pub(super) fn put(&mut self, destination: Destination, text: &[u8], content: Content) -> Outcome {
        let at = |error: replace::ReplaceError, path: &Path| error.at(path).with_exit(codes::OUTPUT);
        match destination {
            Destination::InPlace(target, path) => {
                let privacy = if content == Content::Plain { Privacy::Plaintext } else { Privacy::Shared };
                target.replace(text, privacy).map_err(|error| at(error, &path))?;
                self.detail("File written successfully");
            }
            Destination::File(path) => {
                // A file that somebody made with a mode of its own keeps it; a new one with plaintext is for its owner alone.
                let privacy = if content == Content::Plain { Privacy::Private } else { Privacy::Shared };
                replace::write(&path, text, privacy, Existing::Replace).map_err(|error| at(error, &path))?;
            }
            Destination::Stdout => self.io.stdout.put(text)?,
        }
        Ok(Exit::DONE)
    }

    /// Where `--output` says, or standard output.
    pub(super) fn output_destination(&self) -> Destination {
        match self.local.text("output") {
            "" => Destination::Stdout,
            path => Destination::File(self.absolute(path)),
        }
    }
}

/// A plain document that uses a name of the metadata: most likely the file is encrypted already.
pub(super) fn refuse_encrypted(documents: &[Map], output: Format) -> Result<(), Failure> {
    let key = documents.first().and_then(|document| metadata::reserved_key(document, output.layout()));
    let Some(key) = key else { return Ok(()) };
    Err(Failure::new(format_args!(
        "the file has an entry `{key}` at its top, which is where the metadata of encrypted files are: it is encrypted already"
    ))
    .with_exit(codes::ALREADY)
    .with_hint("to change an encrypted file use `edit` or `set`; in a plain file, rename the entry"))
}

/// Documents that cannot be encrypted or written.
fn encrypting(error: &document::Error) -> Failure {
    match error {
        document::Error::NothingSelected { .. } => Failure::new(format_args!("Error encrypting tree: {error}"))
            .with_exit(codes::ENCRYPT)
            .with_hint("correct the rule, or leave the file out of the rules if it holds no secrets"),
        document::Error::Crypt(_) => Failure::new(format_args!("Error encrypting tree: {error}")).with_exit(codes::ENCRYPT),
        document::Error::Cipher(_) => Failure::new(format_args!("Could not encrypt MAC: {error}")).with_exit(codes::ENCRYPT_MAC),
        _ => Failure::new(format_args!("Could not marshal tree: {error}")).with_exit(codes::DUMP),
    }
}

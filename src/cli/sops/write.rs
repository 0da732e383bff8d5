//! A result on its way out: documents written as text in the style of the run, and the text put where it belongs.
//!
//! All text of files comes from here ([`Session::sealed`], [`Session::plain`], [`Session::rewrapped`]), so that this is the one
//! place that decides how a file is laid out.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::file::{Input, Loaded, Opened};
use super::session::Session;
use super::{Style, codes};
use crate::cli::io::replace::{self, Existing, Privacy, Target};
use crate::cli::{Exit, Failure, Outcome};
use crate::secret::SecretBytes;
use crate::sops::crypt::Memory;
use crate::sops::document::{self, Encrypted, Format, Sealed};
use crate::sops::metadata::{self, Metadata};
use crate::sops::rules::Layouts;
use crate::sops::store::yaml::{self, Roomy};
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

/// A plain file, read.
pub(super) enum Plain {
    /// As its documents.
    Read(Vec<Map>),
    /// With room for the metadata in its own layout.
    Roomy(Roomy),
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
        plain: Plain,
        metadata: Metadata,
        data_key: &SecretBytes,
    ) -> Result<Vec<u8>, Failure> {
        self.sealed_anew(source, output, plain, metadata, data_key, &mut Memory::default())
    }

    /// As [`Session::new_file`], for a file that was open: `memory` has its ciphertexts.
    ///
    /// # Errors
    /// As there.
    pub(super) fn sealed_anew(
        &mut self,
        (source, format): (&[u8], Format),
        output: Format,
        plain: Plain,
        metadata: Metadata,
        data_key: &SecretBytes,
        memory: &mut Memory,
    ) -> Result<Vec<u8>, Failure> {
        let layouts = self.layouts(output)?;
        let now = self.io.now;
        let seal = |documents, memory: &mut Memory| {
            let sealed = document::seal(documents, metadata.clone(), data_key, memory, now, output.layout());
            sealed.and_then(Sealed::not_plain).map_err(|error| encrypting(&error))
        };
        let (room, documents) = match plain {
            Plain::Roomy(room) => (Some(Ok(room)), None),
            Plain::Read(documents) => (self.keeps(format, output).then(|| document::load_to_keep(source)), Some(documents)),
        };
        let uses_key = |document: &Map| metadata::reserved_key(document, output.layout()).is_some();
        match room {
            Some(Ok(mut room)) => {
                let mut sealed = seal(std::mem::take(&mut room.documents), &mut memory.clone())?;
                match sealed.file.keep(&room.source(), Some(data_key), &layouts) {
                    Ok(text) => return Ok(text),
                    Err(lost) => self.layout_lost(&lost),
                }
            }
            // A text that uses the metadata's key cannot take it once more; what is wrong with it is said below.
            Some(Err(lost)) if !documents.iter().flatten().any(uses_key) => self.layout_lost(&lost),
            Some(Err(_)) | None => {}
        }
        let documents = match documents {
            Some(documents) => documents,
            None => document::load_plain(format, source).map_err(|error| encrypting(&error))?,
        };
        seal(documents, memory)?.file.write(output, data_key, &layouts).map_err(|error| encrypting(&error))
    }

    /// Reads a plain file that is to be encrypted.
    ///
    /// # Errors
    /// For text that is not of its format.
    pub(super) fn read_plain(&self, text: &[u8], input: Format, output: Format) -> Result<Plain, document::Error> {
        // Whatever is wrong with a text that has no room is found in reading it as any other.
        let room = if self.keeps(input, output) { document::load_to_keep(text).ok() } else { None };
        // A document of comments alone may be none.
        let has_pairs = |document: &Map| document.pairs().next().is_some();
        let room = room.filter(|room| !room.documents.is_empty() && room.documents.iter().all(has_pairs));
        room.map_or_else(|| document::load_plain(input, text).map(Plain::Read), |room| Ok(Plain::Roomy(room)))
    }

    /// The text of an encrypted file: in the layout of the text that it was made from where that can be, and is wanted. With a
    /// data key it is read again and opened.
    fn written(
        &mut self,
        file: &mut Encrypted,
        (source, format): (&[u8], Format),
        output: Format,
        data_key: Option<&SecretBytes>,
        layouts: &Layouts,
    ) -> Result<Vec<u8>, Failure> {
        if self.keeps(format, output) {
            match yaml::Source::read(source).and_then(|source| file.keep(&source, data_key, layouts)) {
                Ok(text) => return Ok(text),
                Err(lost) => self.layout_lost(&lost),
            }
        }
        match data_key {
            Some(data_key) => file.write(output, data_key, layouts),
            None => file.emit(output, layouts),
        }
        .map_err(|error| encrypting(&error))
    }

    /// Whether files keep their own layout: not where we are sops, and only within YAML.
    fn keeps(&self, from: Format, to: Format) -> bool {
        self.style == Style::Ours && from == Format::Yaml && to == Format::Yaml
    }

    fn layout_lost(&mut self, lost: &yaml::Lost) {
        self.warn(format!("the layout of the file is not kept, it is written as sops writes it: {lost}"));
    }

    /// The text of an opened file whose documents or metadata were changed. With a new data key `opened.content.memory` must be
    /// empty.
    ///
    /// # Errors
    /// With the exit codes 203, 23 and 4.
    pub(super) fn sealed(&mut self, opened: Opened, output: Format) -> Result<Vec<u8>, Failure> {
        let layouts = self.layouts(output)?;
        let Opened { data_key, content, text, format } = opened;
        let mut memory = content.memory;
        let sealed = document::seal(content.documents, content.metadata, &data_key, &mut memory, self.io.now, output.layout());
        let mut sealed = sealed.map_err(|error| encrypting(&error))?;
        if sealed.selected == 0 && sealed.plain > 0 {
            self.warn("nothing in the file is encrypted: its rule selects no value");
        }
        self.written(&mut sealed.file, (&text, format), output, Some(&data_key), &layouts)
    }

    /// The text of an encrypted file of which only the metadata were changed: no ciphertext, not the MAC, not the time.
    ///
    /// # Errors
    /// With the exit code 4.
    pub(super) fn rewrapped(&mut self, loaded: &mut Loaded, output: Format) -> Result<Vec<u8>, Failure> {
        let layouts = self.layouts(output)?;
        self.written(&mut loaded.file, (&loaded.text, loaded.format), output, None, &layouts)
    }

    /// The text of plain documents.
    ///
    /// # Errors
    /// With the exit code 4.
    pub(super) fn plain(&mut self, opened: &Opened, documents: &[Map], output: Format) -> Result<SecretBytes, Failure> {
        let layouts = self.layouts(output)?;
        if self.keeps(opened.format, output) {
            let kept = yaml::Source::read(&opened.text).and_then(|source| yaml::keep(&source, documents, layouts.yaml_indent));
            match kept {
                Ok((text, _)) => return Ok(text.into()),
                Err(lost) => self.layout_lost(&lost),
            }
        }
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

    /// What is to be worked on, a file or standard input: where its result goes, its text, and its name for messages.
    ///
    /// # Errors
    /// When it cannot be read, or with `--in-place` not be written.
    pub(super) fn source_and_destination(
        &mut self,
        file: Option<&Path>,
    ) -> Result<(Destination, Zeroizing<Vec<u8>>, String), Failure> {
        let (destination, text) = match file {
            Some(file) if self.local.is_on("in-place") => {
                let (target, text) = self.target(file)?;
                (Destination::InPlace(target, file.to_owned()), text)
            }
            file => {
                let source = file.map_or(Input::Stdin, |file| Input::File(file.to_owned()));
                (self.output_destination(), self.read(&source)?)
            }
        };
        let shown = file.map_or_else(|| "standard input".to_owned(), |file| self.io.shown(file));
        Ok((destination, text, shown))
    }

    /// Where `--output` says, or standard output.
    pub(super) fn output_destination(&self) -> Destination {
        match self.local.text("output") {
            "" => Destination::Stdout,
            path => Destination::File(self.absolute(path)),
        }
    }
}

impl Plain {
    /// Refuses documents that use a name of the metadata; in a text with room there is none.
    ///
    /// # Errors
    /// As [`refuse_encrypted`].
    pub(super) fn refuse_encrypted(&self, output: Format) -> Result<(), Failure> {
        match self {
            Self::Read(documents) => refuse_encrypted(documents, output),
            Self::Roomy(_) => Ok(()),
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

//! Whole files: plain text in, encrypted file out, and back.
//!
//! The journey of a file: a store reads it, `keys` recovers the data key from its `sops` block, `crypt` opens the leaves, and only
//! when the MAC holds does anything come out. Writing goes the other way and ends by reading the result again: a file that could
//! not be opened later is an error now. A rule that selects nothing is an error too, where sops would write plaintext.

use time::OffsetDateTime;

use super::crypt::{self, Memory};
use super::mac::Scope;
use super::metadata::{self, KeyGroup, Layout, Metadata};
use super::rules::Layouts;
use super::select::Selector;
use super::store::{self, binary, dotenv, ini, json, yaml};
use super::tree::Map;
use super::value::{self, Cipher};
use crate::secret::SecretBytes;

/// The version of sops whose files these are, written as `version`.
pub const VERSION: &str = "3.13.3";

/// Why a file could not be opened or made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not of its format, or a value has no form in it.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The `sops` block is missing, damaged, or already there.
    #[error(transparent)]
    Metadata(#[from] metadata::Error),
    /// A leaf could not be opened or sealed.
    #[error(transparent)]
    Crypt(#[from] crypt::Error),
    /// The data key is of no use.
    #[error(transparent)]
    Cipher(value::Error),
    /// The file has no MAC.
    #[error("the file has no MAC")]
    NoMac,
    /// The stored MAC does not open.
    #[error("the MAC cannot be decrypted: {0}")]
    MacUnreadable(value::Error),
    /// The document is not what was encrypted.
    #[error("MAC mismatch: the file was changed after it was encrypted")]
    MacMismatch,
    /// Nothing would be encrypted.
    #[error("`{field}: {text}` selects nothing, so the file would stay in plaintext")]
    NothingSelected {
        /// The selector's name.
        field: &'static str,
        /// Its text.
        text: String,
    },
    /// A format with one document for a file with several.
    #[error("{format} files hold one document, and there are {count}")]
    SeveralDocuments {
        /// The format's name.
        format: &'static str,
        /// How many there are.
        count: usize,
    },
    /// What was written could not be read back. Nothing is lost, but nothing is written either.
    #[error("the file could not be read again once written as {format}: {reason}")]
    NotReadable {
        /// The format's name.
        format: &'static str,
        /// What was found in reading it.
        reason: String,
    },
}

/// The formats of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.yaml`, `.yml`
    Yaml,
    /// `.json`
    Json,
    /// `.env`
    Dotenv,
    /// `.ini`
    Ini,
    /// Everything else.
    Binary,
}

impl Format {
    /// The format that sops takes a file of this name for.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let endings =
            [(".yaml", Self::Yaml), (".yml", Self::Yaml), (".json", Self::Json), (".env", Self::Dotenv), (".ini", Self::Ini)];
        endings.into_iter().find(|(ending, _)| name.ends_with(ending)).map_or(Self::Binary, |(_, format)| format)
    }

    /// The format's name, as in `--input-type`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Binary => "binary",
        }
    }

    /// Where it keeps the `sops` block.
    #[must_use]
    pub fn layout(self) -> Layout {
        match self {
            Self::Yaml | Self::Json | Self::Binary => Layout::Nested,
            Self::Dotenv => Layout::Flat,
            Self::Ini => Layout::Section,
        }
    }
}

/// Reads a plain file. A file with a `sops` block in it is refused when it is encrypted, not here.
///
/// # Errors
/// [`Error::Store`].
pub fn load_plain(format: Format, text: &[u8]) -> Result<Vec<Map>, Error> {
    Ok(vec![match format {
        Format::Yaml => return Ok(yaml::load(text)?),
        Format::Json => json::load(text)?,
        Format::Dotenv => dotenv::load(text)?,
        Format::Ini => ini::load(text)?,
        Format::Binary => binary::load_plain(text),
    }])
}

/// Reads a plain YAML text that is to be encrypted in its own layout ([`Encrypted::keep`]).
///
/// # Errors
/// [`yaml::Lost`] where the layout cannot be kept.
pub fn load_to_keep(text: &[u8]) -> Result<yaml::Roomy, yaml::Lost> {
    yaml::make_room(text, metadata::KEY)
}

/// Writes plain documents.
///
/// # Errors
/// [`Error::Store`] and [`Error::SeveralDocuments`].
pub fn emit_plain(format: Format, documents: &[Map], layouts: &Layouts) -> Result<SecretBytes, Error> {
    if format == Format::Yaml {
        return Ok(yaml::emit(documents, layouts.yaml_indent).into());
    }
    let [document] = documents else { return Err(Error::SeveralDocuments { format: format.name(), count: documents.len() }) };
    Ok(match format {
        Format::Yaml => yaml::emit(documents, layouts.yaml_indent).into(),
        Format::Json => json::emit(document, layouts.json_indent)?.into(),
        Format::Dotenv => dotenv::emit(document)?.into(),
        Format::Ini => ini::emit(document)?.into(),
        Format::Binary => binary::emit_plain(document)?,
    })
}

/// An encrypted file, read and not opened.
#[derive(Debug, Clone)]
pub struct Encrypted {
    /// The documents, without the `sops` block.
    pub documents: Vec<Map>,
    /// The block.
    pub metadata: Metadata,
}

/// An opened file.
#[derive(Debug)]
pub struct Decrypted {
    /// The plain documents.
    pub documents: Vec<Map>,
    /// The `sops` block as it was.
    pub metadata: Metadata,
    /// The ciphertexts, for writing the file again under the same data key.
    pub memory: Memory,
    /// Places of comments that the rule would have encrypted and that are plain in the file.
    pub plain_comments: Vec<String>,
}

/// Whether a file's MAC must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MacCheck {
    /// As it should be.
    Required,
    /// `--ignore-mac`. Every value is still authenticated by itself.
    Ignored,
}

impl Encrypted {
    /// Reads a file and its `sops` block.
    ///
    /// # Errors
    /// [`Error::Store`] and [`Error::Metadata`].
    pub fn load(format: Format, text: &[u8]) -> Result<Self, Error> {
        let documents = match format {
            Format::Binary => vec![binary::load_encrypted(text)?],
            other => load_plain(other, text)?,
        };
        Self::of_documents(documents, format.layout())
    }

    fn of_documents(mut documents: Vec<Map>, layout: Layout) -> Result<Self, Error> {
        let metadata = Metadata::extract(&mut documents, layout)?;
        Ok(Self { documents, metadata })
    }

    /// Opens every value, and gives them out if the MAC holds.
    ///
    /// # Errors
    /// [`Error::Crypt`], [`Error::Cipher`], and of the MAC [`Error::NoMac`], [`Error::MacUnreadable`] and [`Error::MacMismatch`].
    pub fn decrypt(self, data_key: &SecretBytes, check: MacCheck) -> Result<Decrypted, Error> {
        self.decrypt_into(data_key, check, Memory::default())
    }

    /// As [`Encrypted::decrypt`], for a file that is only read: the ciphertexts are not remembered.
    ///
    /// # Errors
    /// As there.
    pub fn decrypt_to_read(self, data_key: &SecretBytes, check: MacCheck) -> Result<Decrypted, Error> {
        self.decrypt_into(data_key, check, Memory::that_forgets())
    }

    fn decrypt_into(self, data_key: &SecretBytes, check: MacCheck, mut memory: Memory) -> Result<Decrypted, Error> {
        let Self { mut documents, metadata } = self;
        let cipher = Cipher::new(data_key).map_err(Error::Cipher)?;
        let selector = metadata.selector.clone().unwrap_or_default();
        let outcome = crypt::decrypt(&mut documents, &selector, metadata.mac_scope, &cipher, &mut memory)?;
        if check == MacCheck::Required {
            if metadata.mac.is_empty() {
                return Err(Error::NoMac);
            }
            let holds = outcome.mac.verify(&cipher, &metadata.mac, metadata.last_modified).map_err(Error::MacUnreadable)?;
            if !holds {
                return Err(Error::MacMismatch);
            }
        }
        Ok(Decrypted { documents, metadata, memory, plain_comments: outcome.plain_comments })
    }

    /// The file's text, after reading it again and opening it with the data key: what could not be opened later is an error now.
    ///
    /// # Errors
    /// Those of [`Encrypted::emit`], and [`Error::NotReadable`].
    pub fn write(&mut self, format: Format, data_key: &SecretBytes, layouts: &Layouts) -> Result<Vec<u8>, Error> {
        let text = self.emit(format, layouts)?;
        let again = Self::load(format, &text).and_then(|again| again.decrypt_to_read(data_key, MacCheck::Required));
        let not_readable = |error: Error| Error::NotReadable { format: format.name(), reason: error.to_string() };
        again.map_err(not_readable).map(|_| text)
    }

    /// The text of a YAML file in the layout of the text that it is made from, encrypted or of [`load_to_keep`]. It is read again and
    /// compared, and what was read is opened as by [`Encrypted::write`] if the data key is given.
    ///
    /// # Errors
    /// [`yaml::Lost`] where the layout cannot be kept.
    pub fn keep(
        &mut self,
        source: &yaml::Source<'_>,
        data_key: Option<&SecretBytes>,
        layouts: &Layouts,
    ) -> Result<Vec<u8>, yaml::Lost> {
        let kept = self.with_block(Layout::Nested, |documents| yaml::keep_for_sops(source, documents, layouts.yaml_indent));
        let (text, again) = kept.map_err(|_| yaml::Lost::Differs)??;
        if let Some(data_key) = data_key {
            let again =
                Self::of_documents(again, Layout::Nested).and_then(|again| again.decrypt_to_read(data_key, MacCheck::Required));
            if !again.is_ok_and(|again| again.plain_comments.is_empty()) {
                return Err(yaml::Lost::Differs);
            }
        }
        Ok(text)
    }

    /// The file's text, as it is: for changes of the `sops` block alone.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Metadata`] and [`Error::SeveralDocuments`].
    pub fn emit(&mut self, format: Format, layouts: &Layouts) -> Result<Vec<u8>, Error> {
        self.with_block(format.layout(), |documents| {
            if format == Format::Yaml {
                return Ok(yaml::emit(documents, layouts.yaml_indent));
            }
            let [document] = documents else {
                return Err(Error::SeveralDocuments { format: format.name(), count: documents.len() });
            };
            Ok(match format {
                Format::Yaml => yaml::emit(documents, layouts.yaml_indent),
                Format::Json => json::emit(document, layouts.json_indent)?,
                Format::Dotenv => dotenv::emit(document)?,
                Format::Ini => ini::emit(document)?,
                Format::Binary => binary::emit_encrypted(document, layouts.binary_indent)?,
            })
        })?
    }

    /// Lends the documents with the block in each, and takes it out again: a copy of all would cost as much as writing them.
    fn with_block<R>(&mut self, layout: Layout, run: impl FnOnce(&[Map]) -> R) -> Result<R, metadata::Error> {
        let added = self.metadata.embed(&mut self.documents, layout)?;
        let result = run(&self.documents);
        self.documents.iter_mut().for_each(|document| document.0.truncate(document.0.len() - added));
        Ok(result)
    }
}

/// What a new file is to be, beside its content.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The wrapped data key.
    pub groups: Vec<KeyGroup>,
    /// As [`keys::wrap`](super::keys::wrap) gave it.
    pub shamir_threshold: usize,
    /// What to encrypt; `None` for the default rule, which binary files do not record.
    pub selector: Option<Selector>,
    /// What the MAC covers.
    pub mac_scope: Scope,
}

impl Plan {
    /// The metadata of a new file, without its MAC.
    #[must_use]
    pub fn metadata(self, format: Format, now: OffsetDateTime) -> Metadata {
        let selector = if format == Format::Binary { None } else { Some(self.selector.unwrap_or_default()) };
        Metadata {
            groups: self.groups,
            shamir_threshold: self.shamir_threshold,
            last_modified: now,
            mac: String::new(),
            selector,
            mac_scope: self.mac_scope,
            version: VERSION.to_owned(),
        }
    }
}

/// Encrypts documents into the text of a file. The metadata's time becomes `now`, cut to the second, and its MAC is made anew.
/// `memory` keeps the ciphertexts of unchanged values; give a fresh one with a fresh data key.
///
/// # Errors
/// All of [`Error`] but those of the stored MAC. Nothing is half done: there is the whole text or none.
pub fn encrypt(
    format: Format,
    documents: Vec<Map>,
    metadata: Metadata,
    data_key: &SecretBytes,
    memory: &mut Memory,
    now: OffsetDateTime,
    layouts: &Layouts,
) -> Result<Vec<u8>, Error> {
    seal(documents, metadata, data_key, memory, now, format.layout())?.not_plain()?.file.write(format, data_key, layouts)
}

/// Encrypted documents, not written yet.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The file.
    pub file: Encrypted,
    /// Leaves that the rule selects.
    pub selected: usize,
    /// Leaves that it leaves plain.
    pub plain: usize,
}

impl Sealed {
    /// Itself, unless its rule selected nothing of what there is.
    ///
    /// # Errors
    /// [`Error::NothingSelected`].
    pub fn not_plain(self) -> Result<Self, Error> {
        if self.selected > 0 || self.plain == 0 {
            return Ok(self);
        }
        let selector = self.file.metadata.selector.unwrap_or_default();
        let (field, text) = selector.field();
        Err(Error::NothingSelected { field, text: text.to_owned() })
    }
}

/// Encrypts documents and their MAC, as [`encrypt`] does, but for the writing; a rule that selects nothing is no error here.
///
/// # Errors
/// [`Error::Metadata`] for a document with a reserved key, [`Error::Crypt`], [`Error::Cipher`].
pub fn seal(
    mut documents: Vec<Map>,
    mut metadata: Metadata,
    data_key: &SecretBytes,
    memory: &mut Memory,
    now: OffsetDateTime,
    layout: Layout,
) -> Result<Sealed, Error> {
    if let Some(key) = documents.iter().find_map(|document| metadata::reserved_key(document, layout)) {
        return Err(metadata::Error::Reserved(key.to_owned()).into());
    }
    let cipher = Cipher::new(data_key).map_err(Error::Cipher)?;
    let selector = metadata.selector.clone().unwrap_or_default();
    let outcome = crypt::encrypt(&mut documents, &selector, metadata.mac_scope, &cipher, memory)?;
    metadata.last_modified = now.replace_nanosecond(0).unwrap_or(now);
    metadata.mac = outcome.mac.seal(&cipher, metadata.last_modified).map_err(Error::Cipher)?;
    Ok(Sealed { file: Encrypted { documents, metadata }, selected: outcome.encrypted, plain: outcome.plain })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sops::go;
    use crate::sops::metadata::MasterKey;

    const FORMATS: [(Format, &str); 5] = [
        (Format::Yaml, "# note\na: 1 # side\nl:\n    # item\n    - x\n    - b_unencrypted: true\n---\nc: 2024-01-01T00:00:00Z\n"),
        (
            Format::Json,
            "{\n\t\"a\": {\n\t\t\"b\": 1.5,\n\t\t\"c_unencrypted\": \"x\"\n\t},\n\t\"l\": [\n\t\ttrue,\n\t\tnull\n\t]\n}\n",
        ),
        (Format::Dotenv, "# note\nA=1\nB_unencrypted=two words\nC=\n"),
        (Format::Ini, "; note\n[s]\na  = 1\nbb = `x#y`\n"),
        (Format::Binary, "any \u{0} bytes\n"),
    ];

    fn key(byte: u8) -> SecretBytes {
        SecretBytes::new(vec![byte; 32])
    }

    fn now() -> OffsetDateTime {
        go::parse_time("2026-01-02T03:04:05.6Z").unwrap()
    }

    fn plan(selector: Option<Selector>) -> Plan {
        Plan { groups: vec![vec![MasterKey::age("age1x", "E\n")]], shamir_threshold: 0, selector, mac_scope: Scope::All }
    }

    fn sealed(format: Format, plain: &str) -> Result<Vec<u8>, Error> {
        let documents = load_plain(format, plain.as_bytes())?;
        let metadata = plan(None).metadata(format, now());
        encrypt(format, documents, metadata, &key(1), &mut Memory::default(), now(), &Layouts::default())
    }

    #[test]
    fn every_format_opens_to_what_it_was() {
        for (format, plain) in FORMATS {
            let text = sealed(format, plain).unwrap();
            let file = Encrypted::load(format, &text).unwrap();
            assert_eq!(go::time_nano(file.metadata.last_modified), "2026-01-02T03:04:05Z");
            let opened = file.decrypt(&key(1), MacCheck::Required).unwrap();
            let back = emit_plain(format, &opened.documents, &Layouts::default()).unwrap();
            assert_eq!(String::from_utf8_lossy(back.expose()), plain);
        }
    }

    #[test]
    fn written_again_unchanged_only_the_mac_and_the_time_differ() {
        let (format, plain) = FORMATS[1];
        let text = sealed(format, plain).unwrap();
        let mut opened = Encrypted::load(format, &text).unwrap().decrypt(&key(1), MacCheck::Required).unwrap();
        let later = go::parse_time("2026-01-02T03:04:06Z").unwrap();
        let again = encrypt(format, opened.documents, opened.metadata, &key(1), &mut opened.memory, later, &Layouts::default());
        let (text, again) = (String::from_utf8(text).unwrap(), String::from_utf8(again.unwrap()).unwrap());
        let changed: Vec<_> =
            text.lines().zip(again.lines()).filter(|(old, new)| old != new).map(|(old, _)| old.trim()).collect();
        assert_eq!(changed.len(), 2);
        assert!(changed[0].starts_with("\"lastmodified\"") && changed[1].starts_with("\"mac\""));
    }

    #[test]
    fn a_wrong_key_a_missing_mac_and_a_changed_plain_value_are_told_apart() {
        let (format, plain) = FORMATS[1];
        let text = String::from_utf8(sealed(format, plain).unwrap()).unwrap();
        let open = |text: &str, key: &SecretBytes, check| {
            Encrypted::load(format, text.as_bytes())
                .and_then(|file| file.decrypt(key, check))
                .map(|_| ())
                .map_err(|error| error.to_string())
        };
        let changed = text.replace("\"x\"", "\"y\"");
        assert_eq!(
            open(&changed, &key(1), MacCheck::Required),
            Err("MAC mismatch: the file was changed after it was encrypted".into())
        );
        assert_eq!(open(&changed, &key(1), MacCheck::Ignored), Ok(()));
        assert!(open(&text, &key(2), MacCheck::Ignored).unwrap_err().starts_with("`a.b`: authentication failed"));
        let mac = text.lines().find(|line| line.trim().starts_with("\"mac\"")).unwrap();
        assert_eq!(open(&text.replace(mac, "\"mac\": \"\","), &key(1), MacCheck::Required), Err("the file has no MAC".into()));
        let other_time = text.replace("03:04:05Z", "03:04:07Z");
        assert!(open(&other_time, &key(1), MacCheck::Required).unwrap_err().starts_with("the MAC cannot be decrypted"));
    }

    #[test]
    fn a_rule_that_selects_nothing_never_leaves_plaintext() {
        let fields = [None, None, None, Some("^nothing$"), None, None];
        let metadata = plan(Selector::from_fields(fields).unwrap()).metadata(Format::Json, now());
        let documents = load_plain(Format::Json, br#"{"a":"secret"}"#).unwrap();
        let result = encrypt(Format::Json, documents, metadata, &key(1), &mut Memory::default(), now(), &Layouts::default());
        let text = "`encrypted_regex: ^nothing$` selects nothing, so the file would stay in plaintext";
        assert_eq!(result.unwrap_err().to_string(), text);
    }

    #[test]
    fn encrypted_files_are_not_encrypted_again() {
        for (format, plain) in &FORMATS[..4] {
            let text = sealed(*format, plain).unwrap();
            let error = sealed(*format, std::str::from_utf8(&text).unwrap()).unwrap_err();
            assert!(matches!(error, Error::Metadata(metadata::Error::Reserved(_))), "{error}");
        }
    }

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        // INI strips the quotes of a plain value that has them.
        let section = Map::from_iter([
            ("a_unencrypted", crate::sops::tree::Node::text("\"x\"")),
            ("b", crate::sops::tree::Node::text("y")),
        ]);
        let documents = vec![Map::from_iter([("s", crate::sops::tree::Node::Map(section))])];
        let metadata = plan(None).metadata(Format::Ini, now());
        let result = encrypt(Format::Ini, documents, metadata, &key(1), &mut Memory::default(), now(), &Layouts::default());
        let text =
            "the file could not be read again once written as ini: MAC mismatch: the file was changed after it was encrypted";
        assert_eq!(result.unwrap_err().to_string(), text);
    }
}

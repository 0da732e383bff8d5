//! One sealed value: `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`, its types, and the path it is bound to.
//!
//! Reading takes what sops 3.13 takes (sops-age.md §1.2): standard base64 with padding, anything after the closing bracket
//! ignored, nonces of any writer. Writing always uses a fresh 32-byte nonce. The empty string and the empty comment are never
//! sealed: both sides store `""`. Which values of a document are sealed is not decided here (`sops::select`), nor in which
//! order they are hashed (`sops::mac`).

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use time::OffsetDateTime;

use super::go;
pub use crate::crypto::gcm32::Nonces;
use crate::crypto::gcm32::{self, Gcm32, TAG_LEN};
use crate::secret::SecretBytes;

/// Standard alphabet with padding. Go's decoder takes set bits after the last byte, so ours does.
const BASE64: GeneralPurpose = GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true));

/// Why a value could not be read or opened. Never holds plaintext.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not of the form `ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]`.
    #[error("not an encrypted value: it does not have the form ENC[AES256_GCM,data:…,iv:…,tag:…,type:…]")]
    Form,
    /// One part is not base64, or not of its fixed length.
    #[error("damaged encrypted value: `{part}` is not valid")]
    Part {
        /// `data`, `iv` or `tag`.
        part: &'static str,
    },
    /// A type that no version of SOPS writes.
    #[error("unknown type `{0}` in an encrypted value")]
    Type(String),
    /// The plaintext opened but is not of the type that the value says, such as a number that is none.
    #[error("the decrypted value is not a valid `{0}`")]
    Plain(Kind),
    /// Wrong data key, a value moved from elsewhere, or changed bytes.
    #[error(transparent)]
    Cipher(#[from] gcm32::Error),
}

/// The type tag of a sealed value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Text, or any bytes.
    Str,
    /// A 64-bit integer in decimal.
    Int,
    /// A float in Go's `f` form.
    Float,
    /// `True` or `False`.
    Bool,
    /// RFC 3339 with nanoseconds.
    Time,
    /// The text of a comment after its `#`.
    Comment,
    /// Raw bytes; read for old files, never written.
    Bytes,
}

impl Kind {
    /// The tag as it stands in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Str => "str",
            Self::Int => "int",
            Self::Float => "float",
            Self::Bool => "bool",
            Self::Time => "time",
            Self::Comment => "comment",
            Self::Bytes => "bytes",
        }
    }

    fn parse(text: &str) -> Result<Self, Error> {
        [Self::Str, Self::Int, Self::Float, Self::Bool, Self::Time, Self::Comment, Self::Bytes]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Error::Type(text.chars().take(32).collect()))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A leaf in the clear. `Debug` shows its type only.
#[derive(Clone, PartialEq)]
pub enum Scalar {
    /// Text; also any bytes, since SOPS keeps binary data in strings.
    Text(SecretBytes),
    /// A 64-bit integer.
    Int(i64),
    /// A float, infinities and NaN included.
    Float(f64),
    /// A boolean.
    Bool(bool),
    /// A point in time with its zone's offset.
    Time(OffsetDateTime),
    /// The text of a comment, without the `#`.
    Comment(SecretBytes),
}

impl Scalar {
    /// Text from anything that is bytes.
    #[must_use]
    pub fn text(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Text(SecretBytes::new(bytes.into()))
    }

    /// A comment from its text after the `#`.
    #[must_use]
    pub fn comment(bytes: impl Into<Vec<u8>>) -> Self {
        Self::Comment(SecretBytes::new(bytes.into()))
    }

    /// The type tag it gets when sealed.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Text(_) => Kind::Str,
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Bool(_) => Kind::Bool,
            Self::Time(_) => Kind::Time,
            Self::Comment(_) => Kind::Comment,
        }
    }

    /// The bytes that are sealed and hashed for this value.
    #[must_use]
    pub fn to_plain(&self) -> SecretBytes {
        self.with_plain(SecretBytes::copy_of)
    }

    /// Shows the bytes that are sealed and hashed for this value, without a copy of those that are there already.
    pub fn with_plain<R>(&self, look: impl FnOnce(&[u8]) -> R) -> R {
        let text = match self {
            Self::Text(bytes) | Self::Comment(bytes) => return look(bytes.expose()),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => go::float_f(*value),
            Self::Bool(value) => go::bool_title(*value).to_owned(),
            Self::Time(value) => go::time_nano(*value),
        };
        look(SecretBytes::new(text.into_bytes()).expose())
    }

    /// The value of type `kind` that these decrypted bytes mean.
    fn from_plain(kind: Kind, plain: SecretBytes) -> Result<Self, Error> {
        let text = match kind {
            Kind::Str | Kind::Bytes => return Ok(Self::Text(plain)),
            Kind::Comment => return Ok(Self::Comment(plain)),
            _ => std::str::from_utf8(plain.expose()).map_err(|_| Error::Plain(kind))?,
        };
        let typed = match kind {
            Kind::Float => go::parse_float(text).map(Self::Float),
            Kind::Bool => go::parse_bool(text).map(Self::Bool),
            Kind::Time => go::parse_time(text).map(Self::Time),
            _ => text.parse().ok().map(Self::Int),
        };
        typed.ok_or(Error::Plain(kind))
    }

    /// Whether this is a value that is stored as `""` instead of being sealed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Text(bytes) | Self::Comment(bytes) if bytes.is_empty())
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scalar({})", self.kind())
    }
}

/// The parts of one `ENC[…]` string, not opened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encrypted {
    /// Ciphertext, as long as the plaintext; never empty.
    pub data: Vec<u8>,
    /// Nonce, 32 bytes from every known writer.
    pub iv: Vec<u8>,
    /// GCM tag.
    pub tag: [u8; TAG_LEN],
    /// What the plaintext is.
    pub kind: Kind,
}

const HEAD: &str = "ENC[AES256_GCM,data:";

impl Encrypted {
    /// Whether the text starts as an encrypted value does. It may still be damaged.
    #[must_use]
    pub fn looks_like(text: &str) -> bool {
        text.starts_with(HEAD)
    }

    /// Whether the text is an encrypted comment, which sops makes an item of where the comment stands in a list.
    #[must_use]
    pub fn is_comment(text: &str) -> bool {
        Self::looks_like(text)
            && text.contains(",type:comment]")
            && Self::parse(text).is_ok_and(|value| value.kind == Kind::Comment)
    }

    /// Reads one encrypted value. What follows the last closing bracket of its line is ignored, as sops ignores it.
    ///
    /// # Errors
    /// [`Error::Form`], [`Error::Part`] or [`Error::Type`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let line = text.split('\n').next().unwrap_or_default();
        let inner = line.strip_prefix(HEAD).and_then(|rest| rest.rsplit_once(']')).ok_or(Error::Form)?.0;
        let (inner, kind) = last_part(inner, ",type:").ok_or(Error::Form)?;
        let (inner, tag) = last_part(inner, ",tag:").ok_or(Error::Form)?;
        let (data, iv) = last_part(inner, ",iv:").ok_or(Error::Form)?;
        if [data, iv, tag, kind].iter().any(|part| part.is_empty()) {
            return Err(Error::Form);
        }
        let decode = |part, text: &str| BASE64.decode(text).map_err(|_| Error::Part { part });
        let mut buffer = [0; 3 * (TAG_LEN / 3 + 1)];
        let length = BASE64.decode_slice(tag, &mut buffer).map_err(|_| Error::Part { part: "tag" })?;
        let tag = buffer.get(..length).and_then(|bytes| bytes.try_into().ok()).ok_or(Error::Part { part: "tag" })?;
        Ok(Self { data: decode("data", data)?, iv: decode("iv", iv)?, tag, kind: Kind::parse(kind)? })
    }

    /// The text of the value, as it stands in a file.
    #[must_use]
    pub fn to_text(&self) -> String {
        let parts = [(HEAD, &self.data[..]), (",iv:", &self.iv[..]), (",tag:", &self.tag[..])];
        let kind = self.kind.as_str();
        let length = parts.iter().map(|(name, bytes)| name.len() + bytes.len().div_ceil(3) * 4).sum::<usize>();
        let mut text = Vec::with_capacity(length + ",type:]".len() + kind.len());
        for (name, bytes) in parts {
            text.extend_from_slice(name.as_bytes());
            let start = text.len();
            text.resize(start + bytes.len().div_ceil(3) * 4, 0);
            // There is exactly as much room as it takes.
            _ = BASE64.encode_slice(bytes, text.get_mut(start..).unwrap_or_default());
        }
        [",type:", kind, "]"].iter().for_each(|part| text.extend_from_slice(part.as_bytes()));
        String::from_utf8(text).unwrap_or_default()
    }
}

/// A text cut at the last occurrence of `name`, which begins with a comma and has no other.
fn last_part<'t>(text: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let mut until = text.len();
    loop {
        until = memchr::memrchr(b',', text.as_bytes().get(..until)?)?;
        if let Some(part) = text.get(until..)?.strip_prefix(name) {
            return Some((text.get(..until)?, part));
        }
    }
}

impl fmt::Display for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

/// The data a value is bound to: its path's keys, each followed by a colon.
///
/// Elements of a list add nothing, so a list's items share their list's path. For a comment it is the path of the map or list
/// that holds it; at the top of a document that is a lone colon. Keys are not escaped: `a:b` and `a` then `b` are the same.
#[must_use]
pub fn associated_data<S: AsRef<str>>(path: &[S]) -> String {
    let mut text = String::new();
    write_associated_data(path, &mut text);
    text
}

/// As [`associated_data`], behind what is in `text`.
pub(super) fn write_associated_data<S: AsRef<str>>(path: &[S], text: &mut String) {
    for key in path {
        text.extend([key.as_ref(), ":"]);
    }
    if path.is_empty() {
        text.push(':');
    }
}

/// Seals and opens the values of one document under its data key.
#[derive(Debug)]
pub struct Cipher(Gcm32);

impl Cipher {
    /// # Errors
    /// [`Error::Cipher`] unless the data key has 32 bytes.
    pub fn new(data_key: &SecretBytes) -> Result<Self, Error> {
        Ok(Self(Gcm32::new(data_key)?))
    }

    /// Seals a value under the associated data of its place; `None` for an empty string or comment, which stays `""`.
    ///
    /// # Errors
    /// [`Error::Cipher`] without randomness, or for a value over 64 GiB.
    pub fn seal(&self, value: &Scalar, associated: &str) -> Result<Option<Encrypted>, Error> {
        self.seal_with(&mut Nonces::default(), value, associated)
    }

    /// As [`Cipher::seal`], for many values in a row.
    ///
    /// # Errors
    /// As there.
    pub fn seal_with(&self, nonces: &mut Nonces, value: &Scalar, associated: &str) -> Result<Option<Encrypted>, Error> {
        if value.is_empty() {
            return Ok(None);
        }
        let sealed = value.with_plain(|plain| self.0.seal_with(nonces, associated.as_bytes(), plain))?;
        Ok(Some(Encrypted { data: sealed.ciphertext, iv: sealed.nonce.to_vec(), tag: sealed.tag, kind: value.kind() }))
    }

    /// Opens a value at its place.
    ///
    /// # Errors
    /// [`Error::Cipher`] if it does not authenticate, [`Error::Plain`] if the plaintext is not of its type.
    pub fn open(&self, value: &Encrypted, associated: &str) -> Result<Scalar, Error> {
        let plain = self.0.open(&value.iv, associated.as_bytes(), &value.data, &value.tag)?;
        Scalar::from_plain(value.kind, plain)
    }

    /// Reads and opens the text of a leaf; the empty text is the empty string.
    ///
    /// # Errors
    /// Those of [`Encrypted::parse`] and [`Cipher::open`].
    pub fn open_text(&self, text: &str, associated: &str) -> Result<Scalar, Error> {
        if text.is_empty() {
            return Ok(Scalar::text(""));
        }
        self.open(&Encrypted::parse(text)?, associated)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The known-answer document of sops-age.md §9.1, written by sops 3.13.3 under a throw-away key: path, value, plaintext.
    pub(in crate::sops) const DATA_KEY: &str = "78564bda45a3f4480917f597317ad56a97039bfe63496311e4d40284ec8cd674";
    pub(in crate::sops) const VECTOR: &[(&str, &str, &str)] = &[
        (
            "n:",
            "ENC[AES256_GCM,data:SQ==,iv:sJxgg+w+dQ4LIHCqElZvvkjsvVeORA1gcSFMuS3lTO4=,tag:EdT6uhhC/SnbY8gg18SG1g==,type:int]",
            "7",
        ),
        (
            "s:",
            "ENC[AES256_GCM,data:TycQ,iv:t4JS34xDhr9NYF3cju/ph6wSz86ihR8p8D5582t6bC0=,tag:19EqGEj1t8MwL0CablAGOA==,type:str]",
            "hé",
        ),
        (
            "t:",
            "ENC[AES256_GCM,data:OPnqS0MI0vRdebi1ABEtJMwx1e8=,iv:P/n4T/CVMZLcLJW5JgOjsHKYPF8+ghIROppd2L/lNLg=,tag:2ybe+Lx9kVPH/zgWNyH+/g==,type:time]",
            "2024-01-01T00:00:00Z",
        ),
        (
            "b:",
            "ENC[AES256_GCM,data:kC0gLA==,iv:ndb76xa0L8rTvzRwTPb2AEKLXvACs+v89l4dwa66pbc=,tag:IzJ9brcjRAJPIpIH+U/XRQ==,type:bool]",
            "True",
        ),
        (
            "f:",
            "ENC[AES256_GCM,data:oasj,iv:0XhGj2Jg92E+UrH/cMBWLyxIWmKadPO4daW8jkF6hME=,tag:Fihil1TJN/mvBld3WMX6fA==,type:float]",
            "2.5",
        ),
        (
            "l:",
            "ENC[AES256_GCM,data:SuE=,iv:b8o5kvztpBZaKpM7qLIwnd2wdcAE1hp5WgvyZXQ+UrA=,tag:VVp5DQdPP1q0v7tdchTKbA==,type:comment]",
            " c",
        ),
        (
            "l:",
            "ENC[AES256_GCM,data:xg==,iv:pV8eDniaSMxOOpyq46AUB6rUqQIQMEjo+H8Cgq0BD3E=,tag:k3ejRBvZgijB5uzNMjvrcA==,type:str]",
            "x",
        ),
        (
            "m:k:",
            "ENC[AES256_GCM,data:2A==,iv:UPegrWYDQP2fGontU9YRlxwO88TuQ0sIoPLF7bCYXgg=,tag:1qB7BI6LxtC61mH80ToqUw==,type:str]",
            "v",
        ),
    ];

    pub(in crate::sops) fn vector_cipher() -> Cipher {
        let bytes = (0..64).step_by(2).map(|at| u8::from_str_radix(&DATA_KEY[at..at + 2], 16).unwrap()).collect();
        Cipher::new(&SecretBytes::new(bytes)).unwrap()
    }

    #[test]
    fn values_written_by_sops_open_at_their_path_and_nowhere_else() {
        let cipher = vector_cipher();
        for (path, text, plain) in VECTOR {
            let value = cipher.open_text(text, path).unwrap();
            assert_eq!(value.to_plain().expose(), plain.as_bytes());
            assert!(text.ends_with(&format!("type:{}]", value.kind())));
            let elsewhere = cipher.open_text(text, &format!("{path}x:"));
            assert_eq!(elsewhere, Err(Error::Cipher(gcm32::Error::Authentication)));
        }
    }

    #[test]
    fn values_written_by_sops_are_written_the_same_from_their_nonce() {
        let gcm = vector_cipher().0;
        for (path, text, plain) in VECTOR {
            let parsed = Encrypted::parse(text).unwrap();
            assert_eq!(&parsed.to_string(), text);
            let nonce = parsed.iv.clone().try_into().unwrap();
            let sealed = gcm.seal_with_nonce(nonce, path.as_bytes(), plain.as_bytes()).unwrap();
            assert_eq!((sealed.ciphertext, sealed.tag), (parsed.data, parsed.tag));
        }
    }

    #[test]
    fn every_type_comes_back_as_it_went_in() {
        let cipher = vector_cipher();
        let time = go::parse_time("2024-05-06T07:08:09.1+01:00").unwrap();
        for value in [
            Scalar::text("ENC[AES256_GCM,data:"),
            Scalar::text(vec![0, 255, 10]),
            Scalar::Int(i64::MIN),
            Scalar::Float(-1e-7),
            Scalar::Float(f64::INFINITY),
            Scalar::Bool(false),
            Scalar::Time(time),
            Scalar::comment(" note"),
        ] {
            let sealed = cipher.seal(&value, "a:b:").unwrap().unwrap();
            assert_eq!(sealed.iv.len(), 32);
            assert_eq!(cipher.open_text(&sealed.to_string(), "a:b:").unwrap(), value);
        }
        assert_eq!(cipher.seal(&Scalar::text(""), "a:").unwrap(), None);
        assert_eq!(cipher.seal(&Scalar::comment(""), "a:").unwrap(), None);
        assert_eq!(cipher.open_text("", "a:").unwrap(), Scalar::text(""));
    }

    #[test]
    fn old_raw_bytes_are_read_as_text() {
        let cipher = vector_cipher();
        let mut sealed = cipher.seal(&Scalar::text(vec![0xff, 0]), "a:").unwrap().unwrap();
        sealed.kind = Kind::Bytes;
        assert_eq!(cipher.open_text(&sealed.to_string(), "a:").unwrap(), Scalar::text(vec![0xff, 0]));
    }

    #[test]
    fn a_plaintext_that_is_not_of_its_type_is_an_error() {
        let cipher = vector_cipher();
        for (kind, text) in [(Kind::Int, "1_0"), (Kind::Bool, "yes"), (Kind::Time, "today"), (Kind::Float, "1e999")] {
            let mut sealed = cipher.seal(&Scalar::text(text), "a:").unwrap().unwrap();
            sealed.kind = kind;
            assert_eq!(cipher.open(&sealed, "a:"), Err(Error::Plain(kind)));
        }
    }

    #[test]
    fn the_form_is_read_as_sops_reads_it() {
        let good = VECTOR[1].1;
        assert_eq!(Encrypted::parse(&format!("{good} and junk\nmore")), Encrypted::parse(good));
        for bad in
            ["", "ENC[", " ENC[AES256_GCM,data:YQ==", "ENC[AES256_GCM,data:,iv:YQ==,tag:YQ==,type:str]", &good[..good.len() - 1]]
        {
            assert_eq!(Encrypted::parse(bad), Err(Error::Form), "{bad}");
        }
        assert_eq!(Encrypted::parse(&good.replace("TycQ", "Ty-Q")), Err(Error::Part { part: "data" }));
        assert_eq!(Encrypted::parse(&good.replace("19EqGEj1t8MwL0CablAGOA==", "YQ==")), Err(Error::Part { part: "tag" }));
        assert_eq!(Encrypted::parse(&good.replace(":str]", ":str]]")), Err(Error::Type("str]".into())));
    }

    #[test]
    fn the_associated_data_is_the_path_with_colons() {
        assert_eq!(associated_data::<&str>(&[]), ":");
        assert_eq!(associated_data(&["a", "b"]), "a:b:");
        assert_eq!(associated_data(&["a:b"]), associated_data(&["a", "b"]));
    }

    #[test]
    fn debug_shows_the_type_only() {
        assert_eq!(format!("{:?}", [Scalar::Int(42), Scalar::text("hunter2")]), "[Scalar(int), Scalar(str)]");
    }
}

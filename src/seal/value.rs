//! One sealed value: the hybrid ciphertext of one item of a SealedSecret.
//!
//! `u16` big-endian length ‖ RSA-OAEP ciphertext of a 32-byte session key ‖ AES-256-GCM ciphertext and tag, written in base64
//! with padding (`sealed-secrets.md` §1.1). There is no version, no key id and no hint of the scope in the bytes, so parsing
//! checks structure only; whether a value opens is [`super::Keyring`]'s business.

use super::Label;
use crate::crypto::rsa::{MAX_BITS, MIN_BITS, PrivateKey, PublicKey};
use crate::crypto::{self, gcm, random};
use crate::manifest::{self, CorruptBase64};
use crate::secret::SecretBytes;

/// Bytes of a session key that is written. AES keys of 16 and 24 bytes are read as well.
pub const SESSION_KEY_LEN: usize = 32;

/// Bytes of the length before the wrapped session key.
const PREFIX_LEN: usize = 2;

/// Why a text or bytes cannot be a sealed value, whatever the key.
///
/// Where a plaintext stands by mistake, its first two bytes are what would be a length. So lengths are never shown, unless
/// they are those of an RSA key in use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Not base64; `at` counts bytes from 0, as Go does.
    #[error("illegal base64 data at input byte {at}")]
    Base64 {
        /// Offset of the first byte that cannot be.
        at: usize,
    },
    /// No bytes at all.
    #[error("the value is empty")]
    Empty,
    /// It does not begin with the length of a wrapped session key, for keys of 2048 to 8192 bits.
    #[error("the value was never sealed, or is damaged")]
    NotSealed,
    /// It begins like a sealed value and ends too early.
    #[error("the value is cut short, or was never sealed")]
    Truncated,
    /// Sealed for an RSA key of another size.
    #[error("sealed for an RSA key of {}, not of {expected} bits", bits_or_other(*.bits))]
    OtherKeySize {
        /// Bits of the key that it was sealed for; `None` where its length is not one that keys have.
        bits: Option<usize>,
        /// Bits of the key at hand.
        expected: usize,
    },
}

fn bits_or_other(bits: Option<usize>) -> String {
    bits.map_or_else(|| "another size".to_owned(), |bits| format!("{bits} bits"))
}

/// A sealed value whose structure holds.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedValue {
    bytes: Vec<u8>,
    wrapped_len: usize,
}

impl SealedValue {
    /// Reads base64 as Go's decoder does: `\r` and `\n` anywhere are ignored, everything else must be standard base64 with its
    /// padding.
    ///
    /// # Errors
    /// [`ValueError`], always for a structural reason.
    pub fn parse(text: &str) -> Result<Self, ValueError> {
        Self::from_bytes(decode_base64(text)?)
    }

    /// Takes the decoded bytes.
    ///
    /// # Errors
    /// [`ValueError`] other than [`ValueError::Base64`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, ValueError> {
        if bytes.is_empty() {
            return Err(ValueError::Empty);
        }
        let &[high, low, ref rest @ ..] = bytes.as_slice() else { return Err(ValueError::NotSealed) };
        let announced = usize::from(u16::from_be_bytes([high, low]));
        if !(MIN_BITS / 8..=MAX_BITS / 8).contains(&announced) {
            return Err(ValueError::NotSealed);
        }
        if rest.len() < announced + gcm::TAG_LEN {
            return Err(ValueError::Truncated);
        }
        Ok(Self { bytes, wrapped_len: announced })
    }

    /// Base64 with padding, on one line: what stands in `spec.encryptedData`.
    #[must_use]
    pub fn to_text(&self) -> String {
        manifest::encode_base64(&self.bytes)
    }

    /// All bytes, in wire order.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The RSA ciphertext of the session key.
    #[must_use]
    pub fn wrapped_key(&self) -> &[u8] {
        self.bytes.get(PREFIX_LEN..PREFIX_LEN + self.wrapped_len).unwrap_or_default()
    }

    /// The AES-GCM ciphertext with its tag.
    #[must_use]
    pub fn ciphertext(&self) -> &[u8] {
        self.bytes.get(PREFIX_LEN + self.wrapped_len..).unwrap_or_default()
    }

    /// Bytes of the plaintext; the format does not hide it.
    #[must_use]
    pub fn plaintext_len(&self) -> usize {
        self.ciphertext().len().saturating_sub(gcm::TAG_LEN)
    }

    /// Bits of the RSA key it was sealed for, where its length is one that RSA keys have (a multiple of 64 bits); `None`
    /// for odd sizes, because the two bytes may be a plaintext's.
    #[must_use]
    pub fn key_bits(&self) -> Option<usize> {
        Some(self.wrapped_len * 8).filter(|bits| bits.is_multiple_of(64))
    }

    /// Whether its length fits a public key. It may still be sealed for another key of the same size.
    ///
    /// # Errors
    /// [`ValueError::OtherKeySize`].
    pub fn check_size_for(&self, key: &PublicKey) -> Result<(), ValueError> {
        if self.wrapped_len == key.modulus_bytes() {
            Ok(())
        } else {
            Err(ValueError::OtherKeySize { bits: self.key_bits(), expected: key.bits() })
        }
    }

    /// Opens with one key.
    ///
    /// # Errors
    /// [`crypto::Error::Decrypt`] for any reason: wrong key, label or bytes.
    pub fn open_with(&self, key: &PrivateKey, label: &Label) -> Result<SecretBytes, crypto::Error> {
        if self.wrapped_len != key.public_key().modulus_bytes() {
            return Err(crypto::Error::Decrypt);
        }
        let session_key = key.unwrap(label.as_bytes(), self.wrapped_key())?;
        gcm::open(&session_key, self.ciphertext())
    }
}

impl std::fmt::Debug for SealedValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedValue({} bytes)", self.bytes.len())
    }
}

/// Seals one value under a fresh session key. Any bytes, also none.
///
/// # Errors
/// [`crypto::Error`] when the random generator or the library fails; not for any plaintext.
pub fn seal_value(key: &PublicKey, label: &Label, plaintext: &[u8]) -> Result<SealedValue, crypto::Error> {
    let session_key = random::secret(SESSION_KEY_LEN)?;
    let wrapped = key.wrap(label.as_bytes(), &session_key)?;
    let prefix = u16::try_from(wrapped.len()).map_err(|_| crypto::Error::Wrap)?;
    let mut bytes = Vec::with_capacity(PREFIX_LEN + wrapped.len() + plaintext.len() + gcm::TAG_LEN);
    bytes.extend_from_slice(&prefix.to_be_bytes());
    bytes.extend_from_slice(&wrapped);
    gcm::seal_append(&session_key, plaintext, &mut bytes)?;
    Ok(SealedValue { bytes, wrapped_len: wrapped.len() })
}

/// Whether bytes that are to be sealed are a sealed value already: its text, for an RSA key of a size in use. Four leading
/// bytes of base64 must fit, so a password is not taken for one.
#[must_use]
pub fn looks_sealed(plaintext: &[u8]) -> bool {
    let text = std::str::from_utf8(plaintext).ok().map(str::trim_ascii);
    text.and_then(|text| SealedValue::parse(text).ok()).is_some_and(|value| value.key_bits().is_some())
}

fn decode_base64(text: &str) -> Result<Vec<u8>, ValueError> {
    let decoded = manifest::decode_base64(text.as_bytes());
    decoded.map(|mut bytes| std::mem::take(&mut *bytes)).map_err(|CorruptBase64(at)| ValueError::Base64 { at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::test_keys;
    use crate::seal::Scope;

    fn sealed(plaintext: &[u8]) -> (SealedValue, Label) {
        let label = Label::new(Scope::Strict, "ns", "name");
        (seal_value(test_keys::first().public_key(), &label, plaintext).unwrap(), label)
    }

    #[test]
    fn a_sealed_value_has_the_wire_form_and_opens() {
        let (value, label) = sealed(b"\xff\x00 binary\n");
        assert_eq!(value.as_bytes().len(), 2 + 256 + 10 + 16);
        assert_eq!(&value.as_bytes()[..2], [1, 0]);
        assert_eq!((value.key_bits(), value.plaintext_len()), (Some(2048), 10));
        let back = SealedValue::parse(&value.to_text()).unwrap();
        assert!(back == value);
        assert_eq!(back.open_with(test_keys::first(), &label).unwrap().expose(), b"\xff\x00 binary\n");
        assert_eq!(back.open_with(test_keys::second(), &label), Err(crypto::Error::Decrypt));
    }

    #[test]
    fn the_same_value_never_seals_to_the_same_bytes() {
        assert!(sealed(b"x").0 != sealed(b"x").0);
    }

    #[test]
    fn line_ends_are_ignored_and_other_blanks_are_not() {
        let (value, _) = sealed(b"v");
        let text = value.to_text();
        let (head, tail) = text.split_at(70);
        assert!(SealedValue::parse(&format!("{head}\r\n{tail}\n")).unwrap() == value);
        assert_eq!(SealedValue::parse(&format!("{head} {tail}")), Err(ValueError::Base64 { at: 70 }));
        assert_eq!(SealedValue::parse(&format!("\n{head}\t{tail}")), Err(ValueError::Base64 { at: 71 }));
    }

    #[test]
    fn padding_is_required_and_the_alphabet_is_the_standard_one() {
        assert_eq!(SealedValue::parse("AAA"), Err(ValueError::Base64 { at: 0 }));
        assert_eq!(SealedValue::parse("AA-_"), Err(ValueError::Base64 { at: 2 }));
    }

    #[test]
    fn structure_is_checked_with_the_reason() {
        assert_eq!(SealedValue::parse(""), Err(ValueError::Empty));
        for never in [vec![1], vec![0, 0, 1], [0, 255].repeat(400), [4, 1].repeat(600), vec![b'x'; 30_000]] {
            assert_eq!(SealedValue::from_bytes(never), Err(ValueError::NotSealed));
        }
        let (value, _) = sealed(b"v");
        let cut = |len: usize| SealedValue::from_bytes(value.as_bytes()[..len].to_vec());
        assert_eq!(cut(2), Err(ValueError::Truncated));
        assert_eq!(cut(258 + 15), Err(ValueError::Truncated));
        assert!(cut(258 + 16).is_ok());
    }

    #[test]
    fn a_value_for_another_key_size_is_told_from_the_length() {
        let mut bytes = vec![2, 0];
        bytes.resize(2 + 512 + 16, 0);
        let value = SealedValue::from_bytes(bytes).unwrap();
        assert_eq!(
            value.check_size_for(test_keys::first().public_key()).unwrap_err().to_string(),
            "sealed for an RSA key of 4096 bits, not of 2048 bits"
        );
    }

    #[test]
    fn sealed_text_is_recognised_and_passwords_are_not() {
        let (value, _) = sealed(b"v");
        assert!(looks_sealed(value.to_text().as_bytes()));
        assert!(looks_sealed(format!("  {}\n", value.to_text()).as_bytes()));
        let long_password = "correct horse battery staple ".repeat(40);
        for other in ["", "hunter2", "aHVudGVyMg==", value.to_text().split_at(300).0, &long_password, "AgA"] {
            assert!(!looks_sealed(other.as_bytes()), "{other}");
        }
        assert!(!looks_sealed(value.as_bytes()));
    }
}

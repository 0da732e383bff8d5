//! Bytes and text that nobody may see: wiped when dropped, hidden in `Debug`, compared in constant time.
//!
//! Every plaintext value, session key and private key in the program lives in one of these two types. They have no `Display`
//! and no `Serialize`; the only way to the content is [`SecretBytes::expose`] or [`SecretString::expose`], which makes every
//! place that looks at a value easy to find.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Secret bytes of any length, wiped on drop.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes the buffer over; it is wiped when this value is dropped.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Copies the bytes. The caller's buffer stays the caller's to wipe.
    #[must_use]
    pub fn copy_of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The bytes themselves. What is done with them must not reach a log, an error, an argument of a process or a file that is
    /// not meant to hold them.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Length in bytes. Not treated as secret: ciphertexts show it too.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same bytes as text, if they are UTF-8; the bytes back if not.
    ///
    /// # Errors
    /// Gives `self` back unchanged when the bytes are not UTF-8.
    pub fn into_text(mut self) -> Result<SecretString, Self> {
        match String::from_utf8(std::mem::take(&mut self.0)) {
            Ok(text) => Ok(SecretString(text)),
            Err(error) => Err(Self(error.into_bytes())),
        }
    }

    /// Takes over a buffer that other code would have wiped.
    #[must_use]
    pub fn from_zeroizing(mut bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(std::mem::take(&mut *bytes))
    }

    /// Hands the buffer to code that wipes it itself.
    #[must_use]
    pub fn into_zeroizing(mut self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(std::mem::take(&mut self.0))
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<SecretString> for SecretBytes {
    fn from(mut text: SecretString) -> Self {
        Self(std::mem::take(&mut text.0).into_bytes())
    }
}

impl PartialEq for SecretBytes {
    /// Constant time in the content; the lengths are compared first and are not secret.
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretBytes {}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

/// Secret UTF-8 text, wiped on drop.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct SecretString(String);

impl SecretString {
    /// Takes the text over; it is wiped when this value is dropped.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, under the same rule as [`SecretBytes::expose`].
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for SecretString {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl PartialEq for SecretString {
    /// Constant time in the content; the lengths are compared first and are not secret.
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretString {}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretString({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_a_length_and_nothing_else() {
        assert_eq!(format!("{:?}", SecretBytes::copy_of(b"hunter2")), "SecretBytes(7 bytes)");
        assert_eq!(format!("{:?}", SecretString::new("hunter2".into())), "SecretString(7 bytes)");
    }

    #[test]
    fn equality_is_of_content() {
        assert_eq!(SecretBytes::copy_of(b"a"), SecretBytes::new(vec![b'a']));
        assert_ne!(SecretBytes::copy_of(b"a"), SecretBytes::copy_of(b"b"));
        assert_ne!(SecretBytes::copy_of(b"a"), SecretBytes::copy_of(b"ab"));
    }

    #[test]
    fn bytes_that_are_not_text_come_back_whole() {
        let Err(back) = SecretBytes::copy_of(&[0xff, 0x00]).into_text() else { unreachable!("0xff is not UTF-8") };
        assert_eq!(back.expose(), [0xff, 0x00]);
    }
}

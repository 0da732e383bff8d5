//! RSA keys: wrapping and unwrapping of session keys by OAEP with SHA-256 and a label.
//!
//! Keys of 2048 to 8192 bits (`sealed-secrets.md` §1.1, §1.3). Private keys are read as PKCS#1, as the controller writes
//! them, and as PKCS#8; they are written as PKCS#1. The fingerprint is OpenSSH's, the one the controller uses.
//! Private keys have no `Debug` of their content, and every buffer of their DER is wiped.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::{
    KeyPair, KeySize, OAEP_SHA256_MGF1SHA256, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
    PublicEncryptingKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use x509_parser::asn1_rs::{Any, FromDer, Tag};
use zeroize::Zeroizing;

use super::{Error, pem};
use crate::secret::{SecretBytes, SecretString};

/// Smallest modulus that is accepted, in bits.
pub const MIN_BITS: usize = 2048;
/// Largest modulus that is accepted, in bits.
pub const MAX_BITS: usize = 8192;

/// `rsaEncryption` as the content bytes of its object identifier.
const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// SHA-256 over the OpenSSH form of a public key; shown as `SHA256:` and base64 without padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The 32 bytes of the hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", STANDARD_NO_PAD.encode(self.0))
    }
}

/// An RSA public key that seals. Cheap to clone.
#[derive(Clone)]
pub struct PublicKey {
    key: Arc<OaepPublicEncryptingKey>,
    pkcs1: Arc<[u8]>,
    fingerprint: Fingerprint,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER, as it lies in a certificate.
    ///
    /// # Errors
    /// [`Error::NotRsa`], [`Error::KeySize`] or [`Error::MalformedKey`].
    pub fn from_spki_der(spki: &[u8]) -> Result<Self, Error> {
        const MALFORMED: Error = Error::MalformedKey("public");
        let [algorithm, bits] = children(spki).ok_or(MALFORMED)?;
        require_rsa(algorithm.data, "public")?;
        // A BIT STRING begins with its number of unused bits.
        let pkcs1 = bits.data.strip_prefix(&[0]).ok_or(MALFORMED)?;
        let [modulus, exponent] = children(pkcs1).ok_or(MALFORMED)?;
        require_size(modulus.data)?;
        let fingerprint = fingerprint(modulus.data, exponent.data);
        let key = PublicEncryptingKey::from_der(spki).and_then(|key| Ok(OaepPublicEncryptingKey::new(key)?));
        Ok(Self { key: Arc::new(key.map_err(|_| MALFORMED)?), pkcs1: pkcs1.into(), fingerprint })
    }

    /// Bytes of the modulus, which is also the length of every wrapped session key.
    #[must_use]
    pub fn modulus_bytes(&self) -> usize {
        self.key.key_size_bytes()
    }

    /// Bits of the modulus.
    #[must_use]
    pub fn bits(&self) -> usize {
        self.key.key_size_bits()
    }

    /// The OpenSSH fingerprint.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The key as PKCS#1 DER: the content of a certificate's subjectPublicKey.
    #[must_use]
    pub fn pkcs1_der(&self) -> &[u8] {
        &self.pkcs1
    }

    /// Encrypts a session key to [`Self::modulus_bytes`] bytes. The label is authenticated, not hidden; it may be empty.
    ///
    /// # Errors
    /// [`Error::Wrap`] when the session key is longer than OAEP allows (190 bytes at 2048 bits).
    pub fn wrap(&self, label: &[u8], session_key: &SecretBytes) -> Result<Vec<u8>, Error> {
        let mut wrapped = vec![0; self.key.ciphertext_size()];
        let len = self
            .key
            .encrypt(&OAEP_SHA256_MGF1SHA256, session_key.expose(), &mut wrapped, Some(label))
            .map_err(|_| Error::Wrap)?
            .len();
        wrapped.truncate(len);
        Ok(wrapped)
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} bits, {})", self.bits(), self.fingerprint)
    }
}

/// An RSA private key that opens. Cheap to clone; AWS-LC wipes it when the last clone goes.
#[derive(Clone)]
pub struct PrivateKey {
    key: Arc<OaepPrivateDecryptingKey>,
    exportable: PrivateDecryptingKey,
    public: PublicKey,
}

impl PrivateKey {
    /// The first RSA private key among the PEM blocks of a text: PKCS#1 (`RSA PRIVATE KEY`) or PKCS#8 (`PRIVATE KEY`).
    /// Text before the block and CRLF do not matter; other blocks are passed over.
    ///
    /// # Errors
    /// What was wrong with the first block that looked like a private key; [`Error::NoPrivateKey`] when none did.
    pub fn from_pem(text: &[u8]) -> Result<Self, Error> {
        if pem::is_utf16(text) {
            return Err(Error::Utf16);
        }
        let blocks = pem::blocks(text);
        let mut first_error = None;
        for result in Self::all_from_blocks(&blocks) {
            match result {
                Ok(key) => return Ok(key),
                Err(error) => _ = first_error.get_or_insert(error),
            }
        }
        Err(first_error.unwrap_or_else(|| Error::NoPrivateKey(blocks.into_iter().map(|block| block.label).collect())))
    }

    /// Every PEM block that is some private key, read or refused, in order.
    pub fn all_from_blocks(blocks: &[pem::Block]) -> impl Iterator<Item = Result<Self, Error>> {
        blocks.iter().filter_map(|block| match block.label.as_str() {
            "ENCRYPTED PRIVATE KEY" => Some(Err(Error::EncryptedKey)),
            "RSA PRIVATE KEY" if block.headers.iter().any(|name| name == "DEK-Info") => Some(Err(Error::EncryptedKey)),
            "RSA PRIVATE KEY" => Some(Self::from_pkcs1_der(block.der.expose())),
            "PRIVATE KEY" => Some(Self::from_pkcs8_der(block.der.expose())),
            "EC PRIVATE KEY" => Some(Err(Error::NotRsa("an elliptic-curve key".to_owned()))),
            "DSA PRIVATE KEY" => Some(Err(Error::NotRsa("a DSA key".to_owned()))),
            "OPENSSH PRIVATE KEY" => {
                let name = "a key in OpenSSH's own format (ssh-keygen -p -m PEM converts it)";
                Some(Err(Error::NotRsa(name.to_owned())))
            }
            _ => None,
        })
    }

    /// Reads PKCS#1 (`RSAPrivateKey`) in DER.
    ///
    /// # Errors
    /// [`Error::KeySize`], [`Error::MultiPrime`] or [`Error::MalformedKey`].
    pub fn from_pkcs1_der(der: &[u8]) -> Result<Self, Error> {
        require_two_primes_and_size(der)?;
        let pair = KeyPair::from_der(der).map_err(|_| Error::MalformedKey("private"))?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| Error::MalformedKey("private"))?;
        Self::from_checked_pkcs8(pkcs8.as_ref())
    }

    /// Reads unencrypted PKCS#8 in DER.
    ///
    /// # Errors
    /// [`Error::NotRsa`], [`Error::KeySize`], [`Error::MultiPrime`] or [`Error::MalformedKey`].
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, Error> {
        let [_version, algorithm, key] = children(der).ok_or(Error::MalformedKey("private"))?;
        require_rsa(algorithm.data, "private")?;
        require_two_primes_and_size(key.data)?;
        Self::from_checked_pkcs8(der)
    }

    /// A new key pair. Takes a tenth of a second at 2048 bits, half a second or more at 4096, very long at 8192.
    ///
    /// # Errors
    /// [`Error::GenerateSize`] for a size other than 2048, 3072, 4096 and 8192; [`Error::Random`].
    pub fn generate(bits: usize) -> Result<Self, Error> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => return Err(Error::GenerateSize { bits }),
        };
        Self::new(PrivateDecryptingKey::generate(size).map_err(|_| Error::Random)?)
    }

    /// The public half.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// Decrypts a session key. The label must be the one it was wrapped under.
    ///
    /// # Errors
    /// [`Error::Decrypt`] for a wrong key, label, length or changed bytes; never says which.
    pub fn unwrap(&self, label: &[u8], wrapped: &[u8]) -> Result<SecretBytes, Error> {
        let mut output = Zeroizing::new(vec![0; self.key.min_output_size()]);
        let session_key =
            self.key.decrypt(&OAEP_SHA256_MGF1SHA256, wrapped, &mut output, Some(label)).map_err(|_| Error::Decrypt)?;
        Ok(SecretBytes::copy_of(session_key))
    }

    /// The key as PKCS#1 PEM (`RSA PRIVATE KEY`), as the controller stores it in `tls.key`.
    ///
    /// # Errors
    /// [`Error::MalformedKey`] if the library cannot export the key.
    pub fn to_pkcs1_pem(&self) -> Result<SecretString, Error> {
        let pkcs8 = self.pkcs8_der()?;
        let [_version, _algorithm, key] = children(pkcs8.as_ref()).ok_or(Error::MalformedKey("private"))?;
        Ok(pem::encode("RSA PRIVATE KEY", key.data))
    }

    /// Signs as `sha256WithRSAEncryption`, for self-signed certificates.
    pub(super) fn sign_pkcs1_sha256(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |_| Error::MakeCertificate("signing failed".to_owned());
        let pair = KeyPair::from_pkcs8(self.pkcs8_der()?.as_ref())
            .map_err(|error| Error::MakeCertificate(format!("the key cannot sign: {error}")))?;
        let mut signature = vec![0; pair.public_modulus_len()];
        let random = aws_lc_rs::rand::SystemRandom::new();
        pair.sign(&aws_lc_rs::signature::RSA_PKCS1_SHA256, &random, message, &mut signature).map_err(failed)?;
        Ok(signature)
    }

    fn pkcs8_der(&self) -> Result<Pkcs8V1Der<'static>, Error> {
        self.exportable.as_der().map_err(|_| Error::MalformedKey("private"))
    }

    fn from_checked_pkcs8(der: &[u8]) -> Result<Self, Error> {
        Self::new(PrivateDecryptingKey::from_pkcs8(der).map_err(|_| Error::MalformedKey("private"))?)
    }

    fn new(key: PrivateDecryptingKey) -> Result<Self, Error> {
        const MALFORMED: Error = Error::MalformedKey("private");
        let spki: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| MALFORMED)?;
        let public = PublicKey::from_spki_der(spki.as_ref())?;
        let exportable = key.clone();
        let key = Arc::new(OaepPrivateDecryptingKey::new(key).map_err(|_| MALFORMED)?);
        Ok(Self { key, exportable, public })
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} bits, {})", self.public.bits(), self.public.fingerprint)
    }
}

/// The first `N` elements of a DER SEQUENCE; `None` when it is not one or has fewer.
fn children<const N: usize>(sequence: &[u8]) -> Option<[Any<'_>; N]> {
    let (_, outer) = Any::from_der(sequence).ok()?;
    if outer.tag() != Tag::Sequence {
        return None;
    }
    let mut rest = outer.data;
    let mut elements = Vec::with_capacity(N);
    for _ in 0..N {
        let (after, element) = Any::from_der(rest).ok()?;
        elements.push(element);
        rest = after;
    }
    elements.try_into().ok()
}

/// Takes the content of an AlgorithmIdentifier, and which half of a key it is about.
fn require_rsa(algorithm: &[u8], half: &'static str) -> Result<(), Error> {
    let (_, oid) = Any::from_der(algorithm).map_err(|_| Error::MalformedKey(half))?;
    let name = match oid.data {
        RSA_ENCRYPTION => return Ok(()),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => "an elliptic-curve key",
        [0x2b, 0x65, 0x70] => "an Ed25519 key",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a] => "an RSA-PSS key, which signs only",
        _ => "a key of another algorithm",
    };
    Err(Error::NotRsa(name.to_owned()))
}

/// Takes the content of the modulus INTEGER.
fn require_size(modulus: &[u8]) -> Result<(), Error> {
    let significant = modulus.iter().position(|&byte| byte != 0).and_then(|start| modulus.get(start..)).unwrap_or_default();
    let bits = significant.len() * 8 - significant.first().map_or(0, |first| first.leading_zeros() as usize);
    if (MIN_BITS..=MAX_BITS).contains(&bits) { Ok(()) } else { Err(Error::KeySize { bits }) }
}

/// Takes a PKCS#1 private key.
fn require_two_primes_and_size(pkcs1: &[u8]) -> Result<(), Error> {
    let [version, modulus] = children(pkcs1).ok_or(Error::MalformedKey("private"))?;
    if version.data == [1] {
        return Err(Error::MultiPrime);
    }
    require_size(modulus.data)
}

/// The contents of DER INTEGERs are already SSH's `mpint`s.
fn fingerprint(modulus: &[u8], exponent: &[u8]) -> Fingerprint {
    let mut hash = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in [b"ssh-rsa".as_slice(), exponent, modulus] {
        // Lengths are those of a key of at most 8192 bits.
        hash.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
        hash.update(part);
    }
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hash.finish().as_ref());
    Fingerprint(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::test_keys;

    const EC: &str = "-----BEGIN EC PRIVATE KEY-----\n\
        MHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY/PuoAoGCCqGSM49\n\
        AwEHoUQDQgAEPR3tU2Fta9ktY+6P9G0cWO+0kETA6SFs38GecTyudlHz6xvCdz8q\n\
        EKTcWGekdmdDPsHloRNtsiCa697B2O9IFA==\n-----END EC PRIVATE KEY-----\n";
    const ED25519: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n";

    fn message(text: &str) -> String {
        PrivateKey::from_pem(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_session_key_comes_back_under_its_own_label_only() {
        let key = test_keys::first();
        let session_key = SecretBytes::copy_of(&[7; 32]);
        let wrapped = key.public_key().wrap(b"ns/name", &session_key).unwrap();
        assert_eq!(wrapped.len(), 256);
        assert_eq!(key.unwrap(b"ns/name", &wrapped).unwrap(), session_key);
        for label in [b"ns/other".as_slice(), b"ns", b""] {
            assert_eq!(key.unwrap(label, &wrapped), Err(Error::Decrypt));
        }
        assert_eq!(test_keys::second().unwrap(b"ns/name", &wrapped), Err(Error::Decrypt));
        assert_eq!(key.unwrap(b"ns/name", &wrapped[1..]), Err(Error::Decrypt));
    }

    #[test]
    fn an_empty_label_is_a_label_too() {
        let key = test_keys::first();
        let wrapped = key.public_key().wrap(b"", &SecretBytes::copy_of(&[1; 32])).unwrap();
        assert_eq!(key.unwrap(b"", &wrapped).unwrap().expose(), [1; 32]);
    }

    #[test]
    fn pkcs1_pem_reads_back_after_text_and_with_crlf() {
        let key = test_keys::first();
        let pem = key.to_pkcs1_pem().unwrap();
        assert!(pem.expose().starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
        let noisy = format!("a note\n{}", pem.expose()).replace('\n', "\r\n");
        let back = PrivateKey::from_pem(noisy.as_bytes()).unwrap();
        assert_eq!(back.public_key(), key.public_key());
        assert_eq!(back.to_pkcs1_pem().unwrap(), pem);
    }

    #[test]
    fn keys_of_other_algorithms_are_named() {
        assert_eq!(message(EC), "not an RSA key: this is an elliptic-curve key");
        assert_eq!(message(ED25519), "not an RSA key: this is an Ed25519 key");
        assert_eq!(
            message("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"),
            "the private key is encrypted with a passphrase: decrypt it first (openssl pkey -in FILE)"
        );
        assert_eq!(
            message("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "no private key found: the input holds CERTIFICATE"
        );
        assert_eq!(message("hello"), "no private key found: there is no PEM block (-----BEGIN …-----) in the input");
        assert_eq!(
            message("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"),
            "malformed RSA private key"
        );
    }

    #[test]
    fn an_rsa_key_after_another_one_is_found() {
        let key = test_keys::first();
        let both = format!("{EC}{}", key.to_pkcs1_pem().unwrap().expose());
        assert_eq!(PrivateKey::from_pem(both.as_bytes()).unwrap().public_key(), key.public_key());
    }

    #[test]
    fn sizes_outside_of_2048_to_8192_are_refused_with_a_reason() {
        assert_eq!(PrivateKey::generate(1024).unwrap_err(), Error::GenerateSize { bits: 1024 });
        // SEQUENCE { INTEGER 0, INTEGER of 128 bytes }
        let mut short = vec![0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x02, 0x81, 0x81, 0x00];
        short.extend([0xc1; 128]);
        assert_eq!(
            PrivateKey::from_pkcs1_der(&short).unwrap_err().to_string(),
            "an RSA key of 1024 bits is not supported: it must have 2048 to 8192 bits (shorter ones are too weak to keep a secret)"
        );
    }

    #[test]
    fn a_key_of_three_primes_is_refused_by_name() {
        assert_eq!(PrivateKey::from_pkcs1_der(&[0x30, 6, 2, 1, 1, 2, 1, 3]).unwrap_err(), Error::MultiPrime);
    }

    #[test]
    fn debug_shows_no_key_material() {
        let key = test_keys::first();
        assert_eq!(format!("{key:?}"), format!("PrivateKey(2048 bits, {})", key.public_key().fingerprint()));
    }
}

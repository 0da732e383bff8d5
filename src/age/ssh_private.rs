//! Files with an SSH private key: OpenSSH's own format, PKCS#8 and PKCS#1.
//!
//! As Go's `ssh.ParseRawPrivateKey`, which sops uses, less what cannot decrypt age files. Under a passphrase only OpenSSH's
//! own format opens (bcrypt-pbkdf with AES-256 in CTR or CBC mode); its public half is in the clear, so the passphrase is
//! asked for only when a file is for that key. PEM's old encryption (`Proc-Type: 4,ENCRYPTED`) hashes the passphrase once
//! with MD5; we say how to convert such a key instead.

use zeroize::Zeroizing;

use super::ssh::{ED25519, PrivateKey, PublicKey, RSA, Reader};
use crate::crypto::openssh::{self, Cipher, RsaNumbers};
use crate::crypto::x25519::{self, LEN};
use crate::crypto::{self, pem, rsa};
use crate::secret::{SecretBytes, SecretString};

const MAGIC: &[u8] = b"openssh-key-v1\0";
/// The largest work factor that is computed: about 40 seconds. ssh-keygen writes 16 or 24.
const MAX_ROUNDS: u32 = 4096;
/// PKCS#8 of an Ed25519 key up to its seed: SEQUENCE { 0, { 1.3.101.112 }, OCTET STRING { OCTET STRING.
const ED25519_PKCS8: &[u8] = &[0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
/// The same in version 2 (RFC 8410 §7), with the public key after the seed.
const ED25519_PKCS8_V2: &[u8] = &[0x30, 0x51, 2, 1, 1, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

/// A private key, open or under a passphrase.
#[derive(Debug)]
pub(super) enum SshKey {
    Open(Box<PrivateKey>),
    Locked(Box<Locked>),
}

/// A key in OpenSSH's format under a passphrase.
#[derive(Debug)]
pub(super) struct Locked {
    public: PublicKey,
    cipher: Cipher,
    salt: Vec<u8>,
    rounds: u32,
    sealed: Vec<u8>,
}

impl Locked {
    pub(super) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// `Ok(None)` when the passphrase is wrong.
    pub(super) fn open(&self, passphrase: &SecretString) -> Result<Option<PrivateKey>, String> {
        let mut data = Zeroizing::new(self.sealed.clone());
        let passphrase = passphrase.expose().as_bytes();
        if openssh::decrypt(self.cipher, passphrase, &self.salt, self.rounds, &mut data).is_err() {
            return Ok(None);
        }
        let mut reader = Reader(&data);
        // Two equal random numbers tell whether the passphrase was right.
        if reader.u32().zip(reader.u32()).is_none_or(|(one, two)| one != two) {
            return Ok(None);
        }
        private_section(&data).and_then(|key| same_key(key, &self.public)).map(Some)
    }
}

/// Reads the first private key of a file.
///
/// # Errors
/// What is wrong, without anything from the file but names of formats.
pub(super) fn parse(text: &[u8]) -> Result<SshKey, String> {
    let Some(block) = pem::blocks(text).into_iter().next() else {
        return Err("there is no whole PEM block (-----BEGIN …-----) in it".to_owned());
    };
    if block.headers.iter().any(|name| name == "DEK-Info") {
        return Err("its passphrase is in PEM's old format; convert it with `ssh-keygen -p -f FILE`".to_owned());
    }
    let der = block.der.expose();
    match block.label.as_str() {
        "OPENSSH PRIVATE KEY" => parse_openssh(der),
        "RSA PRIVATE KEY" => from_pkcs1(rsa::PrivateKey::from_pkcs1_der(der)),
        "PRIVATE KEY" => match (der.strip_prefix(ED25519_PKCS8), der.strip_prefix(ED25519_PKCS8_V2)) {
            (Some(seed), _) => from_seed(seed),
            (None, Some(rest)) => from_seed(rest.get(..LEN).unwrap_or_default()),
            (None, None) => from_pkcs1(rsa::PrivateKey::from_pkcs8_der(der)),
        },
        "ENCRYPTED PRIVATE KEY" => {
            Err("its passphrase is in PKCS#8's format; convert it with `ssh-keygen -p -f FILE`".to_owned())
        }
        "EC PRIVATE KEY" | "DSA PRIVATE KEY" => Err("keys of this type cannot decrypt; ssh-ed25519 and ssh-rsa can".to_owned()),
        _ => Err("it is not an SSH private key".to_owned()),
    }
}

fn from_seed(seed: &[u8]) -> Result<SshKey, String> {
    let public = x25519::ed25519_public(&SecretBytes::copy_of(seed)).map_err(|_| malformed())?;
    let seed: &[u8; LEN] = seed.try_into().map_err(|_| malformed())?;
    Ok(SshKey::Open(Box::new(PrivateKey::ed25519(seed, &public)?)))
}

fn from_pkcs1(key: Result<rsa::PrivateKey, crypto::Error>) -> Result<SshKey, String> {
    let key = key.map_err(|error| error.to_string())?;
    let (modulus, exponent) = openssh::rsa_numbers(key.public_key()).ok_or_else(malformed)?;
    Ok(SshKey::Open(Box::new(PrivateKey::rsa(key, &modulus, &exponent)?)))
}

fn parse_openssh(der: &[u8]) -> Result<SshKey, String> {
    let mut reader = Reader(der.strip_prefix(MAGIC).ok_or_else(malformed)?);
    let cipher = reader.string().ok_or_else(malformed)?;
    let kdf = reader.string().ok_or_else(malformed)?;
    let options = reader.string().ok_or_else(malformed)?;
    if reader.u32() != Some(1) {
        return Err("it does not hold exactly one key".to_owned());
    }
    let public = PublicKey::from_blob(reader.string().ok_or_else(malformed)?)?;
    let section = reader.string().ok_or_else(malformed)?;
    let cipher = match (cipher, kdf) {
        (b"none", b"none") => {
            let key = private_section(section).and_then(|key| same_key(key, &public))?;
            return Ok(SshKey::Open(Box::new(key)));
        }
        (b"aes256-ctr", b"bcrypt") => Cipher::Aes256Ctr,
        (b"aes256-cbc", b"bcrypt") => Cipher::Aes256Cbc,
        _ => return Err("its encryption is not supported; aes256-ctr is: change it with `ssh-keygen -p -f FILE`".to_owned()),
    };
    let mut options = Reader(options);
    let salt = options.string().ok_or_else(malformed)?.to_vec();
    let rounds = options.u32().filter(|rounds| *rounds > 0).ok_or_else(malformed)?;
    if rounds > MAX_ROUNDS {
        return Err(format!("its passphrase takes {rounds} rounds of bcrypt, more than {MAX_ROUNDS}"));
    }
    Ok(SshKey::Locked(Box::new(Locked { public, cipher, salt, rounds, sealed: section.to_vec() })))
}

/// The decrypted part: two equal numbers, the key, a comment, and the bytes 1, 2, 3, … to fill the last block.
fn private_section(section: &[u8]) -> Result<PrivateKey, String> {
    let mut reader = Reader(section);
    if reader.u32().zip(reader.u32()).is_none_or(|(one, two)| one != two) {
        return Err(malformed());
    }
    let key = private_key(&mut reader)?;
    reader.string().ok_or_else(malformed)?;
    if reader.0.len() >= 256 || !reader.0.iter().zip(1_u8..).all(|(byte, expected)| *byte == expected) {
        return Err(malformed());
    }
    Ok(key)
}

fn private_key(reader: &mut Reader<'_>) -> Result<PrivateKey, String> {
    match reader.string() {
        Some(kind) if kind == ED25519.as_bytes() => {
            let public = reader.string().and_then(|bytes| <&[u8; LEN]>::try_from(bytes).ok()).ok_or_else(malformed)?;
            // The seed, and the public key again.
            let private = reader.string().ok_or_else(malformed)?;
            let (seed, rest) = private.split_first_chunk::<LEN>().ok_or_else(malformed)?;
            let computed = x25519::ed25519_public(&SecretBytes::copy_of(seed)).map_err(|_| malformed())?;
            if rest != public || computed != *public {
                return Err("its public and private halves do not belong together".to_owned());
            }
            PrivateKey::ed25519(seed, public)
        }
        Some(kind) if kind == RSA.as_bytes() => {
            let mut number = || reader.number().ok_or_else(malformed);
            let [n, e, d, iqmp, p, q] = [number()?, number()?, number()?, number()?, number()?, number()?];
            let key = openssh::rsa_private_key(&RsaNumbers { n, e, d, iqmp, p, q }).map_err(|error| error.to_string())?;
            PrivateKey::rsa(key, n, e)
        }
        _ => Err("keys of this type cannot decrypt; ssh-ed25519 and ssh-rsa can".to_owned()),
    }
}

fn same_key(key: PrivateKey, public: &PublicKey) -> Result<PrivateKey, String> {
    if key.public().to_text() == public.to_text() {
        Ok(key)
    } else {
        Err("its public and private halves do not belong together".to_owned())
    }
}

fn malformed() -> String {
    "the SSH private key is malformed".to_owned()
}

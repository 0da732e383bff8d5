//! nkeys: Ed25519 keys as NATS writes them.
//!
//! A public key is a role byte and 32 bytes, a seed two role bytes and 32 bytes; a CRC-16 follows, and all of it is base32
//! without padding. So a public key has 56 characters and begins with `O`, `A` or `U`, a seed has 58 and begins with `SO`, `SA`
//! or `SU`. Roles of servers, clusters and curve keys are read but not made. Source: nkeys 0.4.16, `strkey.go` and `crc16.go`.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use crate::crypto::ed25519::{self, SigningKey};
use crate::secret::{SecretBytes, SecretString};

/// Whose key it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Signs accounts; its seed belongs offline.
    Operator,
    /// Signs users.
    Account,
    /// Connects.
    User,
    /// A server's identity.
    Server,
    /// A cluster's identity.
    Cluster,
    /// An X25519 key, for encryption instead of signatures.
    Curve,
}

const ROLES: [(Role, u8, &str, char); 6] = [
    (Role::Operator, 14 << 3, "operator", 'O'),
    (Role::Account, 0, "account", 'A'),
    (Role::User, 20 << 3, "user", 'U'),
    (Role::Server, 13 << 3, "server", 'N'),
    (Role::Cluster, 2 << 3, "cluster", 'C'),
    (Role::Curve, 23 << 3, "curve", 'X'),
];
/// First byte of a seed, under the role's upper bits.
const SEED: u8 = 18 << 3;

impl Role {
    fn byte(self) -> u8 {
        ROLES.iter().find(|(role, ..)| *role == self).map_or(0, |(_, byte, ..)| *byte)
    }

    fn of_byte(byte: u8) -> Option<Self> {
        ROLES.iter().find(|(_, known, ..)| *known == byte).map(|(role, ..)| *role)
    }

    /// `operator`, `account`, `user` …
    #[must_use]
    pub fn name(self) -> &'static str {
        ROLES.iter().find(|(role, ..)| *role == self).map_or("", |(_, _, name, _)| name)
    }

    /// What its public keys begin with.
    #[must_use]
    pub fn letter(self) -> char {
        ROLES.iter().find(|(role, ..)| *role == self).map_or('?', |(.., letter)| *letter)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a text is no nkey. Never holds the text: it may be a seed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NkeyError {
    /// Not base32, or not whole.
    #[error("it is no nkey: not base32 of the right length")]
    Malformed,
    /// A letter was changed or lost.
    #[error("it is no nkey: the checksum is wrong, so a character was changed or lost")]
    Checksum,
    /// A seed where a public key belongs.
    #[error("it is a seed, which is secret; a public key is needed here")]
    IsSeed,
    /// A public key where a seed belongs.
    #[error("it is a public key; the seed (S…) is needed here")]
    IsPublic,
    /// A key of another role.
    #[error("the key's role is {found}, and {wanted} is needed")]
    Role {
        /// Whose key it is.
        found: Role,
        /// Whose key is needed.
        wanted: Role,
    },
    /// A first byte that means nothing.
    #[error("it is no nkey: an unknown role")]
    UnknownRole,
    /// No randomness, or the seed is not 32 bytes.
    #[error(transparent)]
    Crypto(#[from] crate::crypto::Error),
}

/// CRC-16 as XMODEM computes it: polynomial 0x1021, no reflection, from 0.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 })
    })
}

fn encode(head: &[u8], body: &[u8; ed25519::LEN]) -> Zeroizing<String> {
    let mut raw = Zeroizing::new(Vec::with_capacity(head.len() + body.len() + 2));
    raw.extend_from_slice(head);
    raw.extend_from_slice(body);
    let crc = crc16(&raw);
    raw.extend_from_slice(&crc.to_le_bytes());
    Zeroizing::new(BASE32_NOPAD.encode(&raw))
}

fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, NkeyError> {
    /// Longer than any nkey; not worth decoding.
    const LONGEST: usize = 128;
    if text.len() > LONGEST {
        return Err(NkeyError::Malformed);
    }
    let mut raw = Zeroizing::new(BASE32_NOPAD.decode(text.as_bytes()).map_err(|_| NkeyError::Malformed)?);
    let (body, crc) = raw.split_last_chunk::<2>().ok_or(NkeyError::Malformed)?;
    if crc16(body) != u16::from_le_bytes(*crc) {
        return Err(NkeyError::Checksum);
    }
    let length = body.len();
    raw.truncate(length);
    Ok(raw)
}

/// A public key and its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    role: Role,
    bytes: [u8; ed25519::LEN],
}

impl PublicKey {
    /// Reads a public key of any role.
    ///
    /// # Errors
    /// [`NkeyError`]; a seed is told apart.
    pub fn parse(text: &str) -> Result<Self, NkeyError> {
        let raw = decode(text)?;
        let (first, rest) = raw.split_first().ok_or(NkeyError::Malformed)?;
        if first & 0xf8 == SEED {
            return Err(NkeyError::IsSeed);
        }
        let role = Role::of_byte(*first).ok_or(NkeyError::UnknownRole)?;
        Ok(Self { role, bytes: rest.try_into().map_err(|_| NkeyError::Malformed)? })
    }

    /// Reads a public key of one role.
    ///
    /// # Errors
    /// [`NkeyError`], [`NkeyError::Role`] for another.
    pub fn parse_as(text: &str, wanted: Role) -> Result<Self, NkeyError> {
        let key = Self::parse(text)?;
        if key.role == wanted { Ok(key) } else { Err(NkeyError::Role { found: key.role, wanted }) }
    }

    /// Whose key it is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether the holder of this key signed the message.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        ed25519::verify(&self.bytes, message, signature)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&[self.role.byte()], &self.bytes))
    }
}

/// A key pair.
#[derive(Debug)]
pub struct KeyPair {
    role: Role,
    key: SigningKey,
}

impl KeyPair {
    /// A new random one.
    ///
    /// # Errors
    /// [`NkeyError::Crypto`] without randomness.
    pub fn generate(role: Role) -> Result<Self, NkeyError> {
        Ok(Self { role, key: SigningKey::generate()? })
    }

    /// Reads a seed of any role. White space around it is no part of it.
    ///
    /// # Errors
    /// [`NkeyError`]; a public key is told apart.
    pub fn from_seed(text: &str) -> Result<Self, NkeyError> {
        let raw = decode(text.trim())?;
        let (head, seed) = raw.split_first_chunk::<2>().ok_or(NkeyError::Malformed)?;
        let [first, second] = *head;
        if first & 0xf8 != SEED {
            return Err(if Role::of_byte(first).is_some() { NkeyError::IsPublic } else { NkeyError::UnknownRole });
        }
        let role = Role::of_byte((first & 7) << 5 | (second & 0xf8) >> 3).ok_or(NkeyError::UnknownRole)?;
        if seed.len() != ed25519::LEN {
            return Err(NkeyError::Malformed);
        }
        Ok(Self { role, key: SigningKey::from_seed(SecretBytes::copy_of(seed))? })
    }

    /// Reads a seed of one role.
    ///
    /// # Errors
    /// [`NkeyError`], [`NkeyError::Role`] for another.
    pub fn from_seed_as(text: &str, wanted: Role) -> Result<Self, NkeyError> {
        let pair = Self::from_seed(text)?;
        if pair.role == wanted { Ok(pair) } else { Err(NkeyError::Role { found: pair.role, wanted }) }
    }

    /// Whose key it is.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey { role: self.role, bytes: *self.key.public() }
    }

    /// The seed as NATS writes it: 58 characters that begin with `S`.
    #[must_use]
    pub fn seed(&self) -> SecretString {
        let role = self.role.byte();
        let mut bytes = Zeroizing::new([0; ed25519::LEN]);
        for (slot, byte) in bytes.iter_mut().zip(self.key.seed().expose()) {
            *slot = *byte;
        }
        SecretString::new(encode(&[SEED | role >> 5, (role & 31) << 3], &bytes).to_string())
    }

    /// The signature of a message, 64 bytes.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_published_check_value() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }

    #[test]
    fn what_is_written_is_read_again_for_every_role() {
        for (role, _, _, letter) in ROLES {
            let pair = KeyPair::generate(role).unwrap();
            let (seed, public) = (pair.seed(), pair.public().to_string());
            assert_eq!((seed.len(), public.len()), (58, 56));
            assert!(public.starts_with(letter) && seed.expose().starts_with(&format!("S{letter}")), "{public}");
            let again = KeyPair::from_seed_as(seed.expose(), role).unwrap();
            assert_eq!(again.public(), PublicKey::parse_as(&public, role).unwrap());
            assert!(again.public().verify(b"nonce", &pair.sign(b"nonce")));
            assert_eq!(PublicKey::parse(seed.expose()), Err(NkeyError::IsSeed));
            assert_eq!(KeyPair::from_seed(&public).unwrap_err(), NkeyError::IsPublic);
        }
    }

    /// The seed that the documentation of NATS shows, and what nkeys 0.4.16 gives as its public key.
    #[test]
    fn a_known_seed_has_its_known_public_key() {
        let pair = KeyPair::from_seed("SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY").unwrap();
        assert_eq!(pair.role(), Role::User);
        assert_eq!(pair.public().to_string(), "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4");
    }

    #[test]
    fn a_changed_character_is_noticed_and_nothing_of_the_text_is_shown() {
        let seed = KeyPair::generate(Role::User).unwrap().seed();
        let mut changed = seed.expose().to_owned();
        let last = if changed.ends_with('A') { 'B' } else { 'A' };
        changed.pop();
        changed.push(last);
        let error = KeyPair::from_seed(&changed).unwrap_err();
        assert!(matches!(error, NkeyError::Checksum | NkeyError::Malformed));
        assert!(!error.to_string().contains(&changed[4..20]));
        for text in ["", "S", "not base32!", "UAAAA", &"A".repeat(1000)] {
            assert!(PublicKey::parse(text).is_err() && KeyPair::from_seed(text).is_err(), "{text}");
        }
    }
}

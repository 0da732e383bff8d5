//! Keys in OpenSSH's own format, without a passphrase: `openssh-key-v1` and the one line of a public key.
//!
//! Follows OpenSSH's PROTOCOL.key. Reading them back is `age`'s.

use zeroize::Zeroizing;

use crate::crypto::{self, openssh, pem, random, rsa, x25519};
use crate::manifest::encode_base64;
use crate::secret::{SecretBytes, SecretString};

const MAGIC: &[u8] = b"openssh-key-v1\0";
/// Without a cipher the private part is padded to a multiple of this.
const BLOCK: usize = 8;

/// A private key file.
///
/// # Errors
/// [`crypto::Error::Random`].
fn file(public: &[u8], private: &[&[u8]], comment: &str) -> Result<SecretString, crypto::Error> {
    let mut check = [0; 4];
    random::fill(&mut check)?;
    let size = private.iter().map(|part| part.len()).sum::<usize>() + comment.len() + 4 + 2 * check.len() + BLOCK;
    let mut section = Zeroizing::new(Vec::with_capacity(size));
    section.extend_from_slice(&check);
    section.extend_from_slice(&check);
    for part in private {
        section.extend_from_slice(part);
    }
    string(&mut section, comment.as_bytes());
    let mut padding = 0;
    while section.len() % BLOCK != 0 {
        padding += 1;
        section.push(padding);
    }
    let mut whole = Zeroizing::new(Vec::with_capacity(size + public.len() + 100));
    whole.extend_from_slice(MAGIC);
    for none in ["none", "none", ""] {
        string(&mut whole, none.as_bytes());
    }
    whole.extend_from_slice(&1_u32.to_be_bytes());
    string(&mut whole, public);
    string(&mut whole, &section);
    Ok(pem::encode("OPENSSH PRIVATE KEY", &whole))
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// A number as SSH writes it: big-endian, with a zero byte in front where the first bit is set.
fn number(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let bytes = bytes.get(start..).unwrap_or_default();
    let zero = usize::from(bytes.first().is_some_and(|byte| byte & 0x80 != 0));
    out.extend_from_slice(&u32::try_from(bytes.len() + zero).unwrap_or(u32::MAX).to_be_bytes());
    out.extend(std::iter::repeat_n(0, zero));
    out.extend_from_slice(bytes);
}

/// The line of an `authorized_keys` file.
fn line(kind: &str, blob: &[u8], comment: &str) -> String {
    let blank = if comment.is_empty() { "" } else { " " };
    format!("{kind} {}{blank}{comment}\n", encode_base64(blob))
}

/// A new Ed25519 key: the private file and the public line.
///
/// # Errors
/// [`crypto::Error`].
pub fn ed25519(comment: &str) -> Result<(SecretString, String), crypto::Error> {
    const KIND: &str = "ssh-ed25519";
    let seed = random::secret(x25519::LEN)?;
    let public = x25519::ed25519_public(&seed)?;
    let mut blob = Vec::new();
    string(&mut blob, KIND.as_bytes());
    string(&mut blob, &public);
    let mut both = Zeroizing::new(Vec::with_capacity(2 * x25519::LEN));
    both.extend_from_slice(seed.expose());
    both.extend_from_slice(&public);
    let mut private = Zeroizing::new(Vec::with_capacity(2 * x25519::LEN + 4));
    string(&mut private, &both);
    Ok((file(&blob, &[&blob, &private], comment)?, line(KIND, &blob, comment)))
}

/// A new RSA key: the private file and the public line.
///
/// # Errors
/// [`crypto::Error`].
pub fn rsa(bits: usize, comment: &str) -> Result<(SecretString, String), crypto::Error> {
    const KIND: &str = "ssh-rsa";
    const MALFORMED: crypto::Error = crypto::Error::MalformedKey("private");
    let key = rsa::PrivateKey::generate(bits)?;
    let numbers = openssh::rsa_private_numbers(&key)?;
    let (modulus, exponent) = openssh::rsa_numbers(key.public_key()).ok_or(MALFORMED)?;
    let mut blob = Vec::new();
    string(&mut blob, KIND.as_bytes());
    number(&mut blob, &exponent);
    number(&mut blob, &modulus);
    let mut private = Zeroizing::new(Vec::with_capacity(bits));
    string(&mut private, KIND.as_bytes());
    for part in [&modulus, &exponent, numbers.d.expose(), numbers.iqmp.expose(), numbers.p.expose(), numbers.q.expose()] {
        number(&mut private, part);
    }
    Ok((file(&blob, &[&private], comment)?, line(KIND, &blob, comment)))
}

/// The public line of a private file, with a comment.
#[must_use]
pub fn public_line(private: &SecretBytes, comment: &str) -> Option<String> {
    let identity = crate::age::Identity::parse_ssh(private.expose(), "").ok()?;
    let blank = if comment.is_empty() { "" } else { " " };
    Some(format!("{}{blank}{comment}\n", identity.recipient()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_with_the_same_public_key() {
        for comment in ["", "flux@cluster"] {
            for (private, public) in [ed25519(comment).unwrap(), rsa(2048, comment).unwrap()] {
                assert!(private.expose().starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
                assert_eq!(public_line(&private.into(), comment).unwrap(), public);
            }
        }
    }
}

//! What private keys in OpenSSH's own format need: their passphrase's key derivation, their ciphers, and RSA keys from bare
//! numbers.
//!
//! OpenSSH stores an RSA key as n, e, d, 1/q mod p, p and q, without the two exponents of the CRT; they are computed here
//! without branches or memory accesses that depend on them. The file format itself is in the `age` module.

use aws_lc_rs::cipher::{AES_256, AES_CBC_IV_LEN, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use x509_parser::asn1_rs::{Any, FromDer};
use zeroize::Zeroizing;

use super::Error;
use super::rsa::{MAX_BITS, PrivateKey, PublicKey};
use crate::secret::SecretBytes;

/// Bytes of an AES-256 key.
const KEY_LEN: usize = 32;
/// SubjectPublicKeyInfo's AlgorithmIdentifier for RSA.
const RSA_ALGORITHM: &[u8] = &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// How the private part is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cipher {
    /// `aes256-ctr`, what ssh-keygen writes.
    Aes256Ctr,
    /// `aes256-cbc`, what it wrote before 2018.
    Aes256Cbc,
}

/// Decrypts in place with a key derived from the passphrase by bcrypt-pbkdf. There is no authentication: whether the
/// passphrase was right shows in the content.
///
/// # Errors
/// [`Error::Decrypt`] for an empty passphrase or salt, no rounds, or CBC data that is no multiple of 16 bytes.
pub fn decrypt(cipher: Cipher, passphrase: &[u8], salt: &[u8], rounds: u32, data: &mut [u8]) -> Result<(), Error> {
    let mut derived = Zeroizing::new([0; KEY_LEN + AES_CBC_IV_LEN]);
    bcrypt_pbkdf::bcrypt_pbkdf(passphrase, salt, rounds, derived.as_mut_slice()).map_err(|_| Error::Decrypt)?;
    let (key, iv) = derived.split_at(KEY_LEN);
    let iv = DecryptionContext::Iv128(FixedLength::try_from(iv).map_err(|_| Error::Decrypt)?);
    let key = UnboundCipherKey::new(&AES_256, key).map_err(|_| Error::Decrypt)?;
    let key = match cipher {
        Cipher::Aes256Ctr => DecryptingKey::ctr(key),
        Cipher::Aes256Cbc => DecryptingKey::cbc(key),
    };
    key.and_then(|key| key.decrypt(data, iv).map(drop)).map_err(|_| Error::Decrypt)
}

/// An RSA public key from its numbers, big-endian.
///
/// # Errors
/// [`Error::KeySize`] or [`Error::MalformedKey`].
pub fn rsa_public_key(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, Error> {
    let key = der(SEQUENCE, &[&integer(modulus), &integer(exponent)]);
    let bits = der(BIT_STRING, &[&[0], &key]);
    PublicKey::from_spki_der(&der(SEQUENCE, &[RSA_ALGORITHM, &bits]))
}

/// The numbers of an RSA private key, big-endian, in the order of OpenSSH's files.
#[derive(Clone, Copy)]
pub struct RsaNumbers<'a> {
    /// The modulus.
    pub n: &'a [u8],
    /// The public exponent.
    pub e: &'a [u8],
    /// The private exponent.
    pub d: &'a [u8],
    /// 1/q mod p.
    pub iqmp: &'a [u8],
    /// One prime.
    pub p: &'a [u8],
    /// The other prime.
    pub q: &'a [u8],
}

/// An RSA private key from its numbers.
///
/// # Errors
/// [`Error::KeySize`], or [`Error::MalformedKey`] for numbers that do not belong together.
pub fn rsa_private_key(numbers: &RsaNumbers<'_>) -> Result<PrivateKey, Error> {
    let RsaNumbers { n, e, d, iqmp, p, q } = *numbers;
    let [p_less_one, q_less_one] = [p, q].map(|prime| {
        let mut less = Zeroizing::new(prime.to_vec());
        // A prime is odd; an even number is refused with the key.
        if let Some(last) = less.last_mut() {
            *last &= 0xfe;
        }
        less
    });
    let dp = remainder(d, &p_less_one).ok_or(Error::MalformedKey("private"))?;
    let dq = remainder(d, &q_less_one).ok_or(Error::MalformedKey("private"))?;
    let fields = [&[0], n, e, d, p, q, &dp, &dq, iqmp].map(integer);
    let parts: Vec<&[u8]> = fields.iter().map(|field| field.as_slice()).collect();
    PrivateKey::from_pkcs1_der(&der(SEQUENCE, &parts))
}

/// Modulus and exponent of a public key, big-endian, without leading zeros.
#[must_use]
pub fn rsa_numbers(key: &PublicKey) -> Option<(Vec<u8>, Vec<u8>)> {
    let (_, sequence) = Any::from_der(key.pkcs1_der()).ok()?;
    let (rest, modulus) = Any::from_der(sequence.data).ok()?;
    let (_, exponent) = Any::from_der(rest).ok()?;
    let plain = |number: &[u8]| number.iter().copied().skip_while(|byte| *byte == 0).collect();
    Some((plain(modulus.data), plain(exponent.data)))
}

/// The secret numbers of an RSA key, big-endian, as OpenSSH's files hold them.
pub struct RsaSecrets {
    /// The private exponent.
    pub d: SecretBytes,
    /// One prime.
    pub p: SecretBytes,
    /// The other prime.
    pub q: SecretBytes,
    /// 1/q mod p.
    pub iqmp: SecretBytes,
}

/// The secret numbers of a private key.
///
/// # Errors
/// [`Error::MalformedKey`] if the library cannot export the key.
pub fn rsa_private_numbers(key: &PrivateKey) -> Result<RsaSecrets, Error> {
    const MALFORMED: Error = Error::MalformedKey("private");
    let text = key.to_pkcs1_pem()?;
    let blocks = super::pem::blocks(text.expose().as_bytes());
    let der = &blocks.first().ok_or(MALFORMED)?.der;
    let (_, sequence) = Any::from_der(der.expose()).map_err(|_| MALFORMED)?;
    // version, n, e, d, p, q, d mod p-1, d mod q-1, 1/q mod p
    let mut rest = sequence.data;
    let mut numbers = Vec::with_capacity(9);
    while !rest.is_empty() {
        let (behind, number) = Any::from_der(rest).map_err(|_| MALFORMED)?;
        numbers.push(number.data);
        rest = behind;
    }
    let [_, _, _, d, p, q, _, _, iqmp] = numbers.as_slice() else { return Err(MALFORMED) };
    let [d, p, q, iqmp] = [d, p, q, iqmp].map(|number| SecretBytes::copy_of(number));
    Ok(RsaSecrets { d, p, q, iqmp })
}

/// `a mod m` of big-endian numbers in time that depends on their lengths only; `None` when they are longer than any RSA key's.
fn remainder(a: &[u8], m: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if a.len() > MAX_BITS / 8 + 1 || m.len() > MAX_BITS / 8 + 1 {
        return None;
    }
    // Little-endian limbs of 32 bits in 64, one more than needed so that doubling does not overflow.
    let limbs = m.len().div_ceil(4) + 1;
    let mut modulus = Zeroizing::new(vec![0_u64; limbs]);
    for (index, byte) in m.iter().rev().enumerate() {
        *modulus.get_mut(index / 4)? |= u64::from(*byte) << (index % 4 * 8);
    }
    let mut rest = Zeroizing::new(vec![0_u64; limbs]);
    let mut reduced = Zeroizing::new(vec![0_u64; limbs]);
    for byte in a {
        for bit in (0..8).rev() {
            let mut carry = u64::from(byte >> bit & 1);
            for limb in rest.iter_mut() {
                let doubled = *limb << 1 | carry;
                *limb = doubled & 0xffff_ffff;
                carry = doubled >> 32;
            }
            let mut borrow = 0;
            for ((to, from), less) in reduced.iter_mut().zip(rest.iter()).zip(modulus.iter()) {
                let difference = from.wrapping_sub(*less).wrapping_sub(borrow);
                *to = difference & 0xffff_ffff;
                borrow = difference >> 63;
            }
            // All ones where the subtraction held, all zeros where it did not.
            let take = borrow.wrapping_sub(1);
            for (limb, lower) in rest.iter_mut().zip(reduced.iter()) {
                *limb = *limb & !take | *lower & take;
            }
        }
    }
    let mut bytes = Zeroizing::new(vec![0; m.len()]);
    for (index, byte) in bytes.iter_mut().rev().enumerate() {
        *byte = (*rest.get(index / 4)? >> (index % 4 * 8) & 0xff) as u8;
    }
    Some(bytes)
}

fn integer(number: &[u8]) -> Zeroizing<Vec<u8>> {
    let start = number.iter().position(|&byte| byte != 0).unwrap_or(number.len());
    let digits = number.get(start..).unwrap_or_default();
    let sign: &[u8] = if digits.first().is_none_or(|first| *first >= 0x80) { &[0] } else { &[] };
    der(INTEGER, &[sign, digits])
}

fn der(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let digits = len.to_be_bytes();
    let digits = digits.get((len.leading_zeros() / 8) as usize..).unwrap_or_default();
    // The full size from the start: growing would leave copies behind.
    let mut out = Zeroizing::new(Vec::with_capacity(len + 2 + digits.len()));
    out.push(tag);
    match u8::try_from(len) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            out.push(0x80 | digits.len() as u8);
            out.extend_from_slice(digits);
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remainders_are_those_of_arithmetic() {
        for (a, m) in [(0_u64, 1_u64), (5, 3), (u64::MAX, 0xffff_fffe), (0x1234_5678_9abc_def0, 0xfedc_ba98), (7, u64::MAX)] {
            let expected = (a % m).to_be_bytes();
            assert_eq!(remainder(&a.to_be_bytes(), &m.to_be_bytes()).unwrap().as_slice(), expected, "{a} mod {m}");
            // Leading zeros and other lengths change nothing.
            let mut longer = vec![0; 3];
            longer.extend(a.to_be_bytes());
            assert_eq!(remainder(&longer, &m.to_be_bytes()).unwrap().as_slice(), expected);
        }
        assert!(remainder(&[1; 2000], &[1]).is_none());
    }

    #[test]
    fn der_lengths_take_the_short_and_the_long_form() {
        assert_eq!(der(4, &[b"ab"]).as_slice(), b"\x04\x02ab");
        assert_eq!(der(4, &[&[0; 127]]).get(..2), Some([4, 127].as_slice()));
        assert_eq!(der(4, &[&[0; 128]]).get(..3), Some([4, 0x81, 128].as_slice()));
        assert_eq!(der(4, &[&[0; 256]]).get(..4), Some([4, 0x82, 1, 0].as_slice()));
        assert_eq!(integer(&[0, 0, 0x80]).as_slice(), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0, 0x7f]).as_slice(), [2, 1, 0x7f]);
        assert_eq!(integer(&[]).as_slice(), [2, 1, 0]);
    }

    #[test]
    fn numbers_that_do_not_belong_together_are_refused() {
        let n = [0xc1; 256];
        let numbers = RsaNumbers { n: &n, e: &[1, 0, 1], d: &[3; 256], iqmp: &[5; 128], p: &[7; 128], q: &[9; 128] };
        assert_eq!(rsa_private_key(&numbers).unwrap_err(), Error::MalformedKey("private"));
        assert_eq!(rsa_public_key(&[0xc1; 128], &[1, 0, 1]).unwrap_err(), Error::KeySize { bits: 1024 });
    }

    #[test]
    fn decryption_refuses_what_has_no_key_or_no_whole_blocks() {
        assert_eq!(decrypt(Cipher::Aes256Ctr, b"", b"salt", 1, &mut [0; 16]), Err(Error::Decrypt));
        assert_eq!(decrypt(Cipher::Aes256Ctr, b"x", b"salt", 0, &mut [0; 16]), Err(Error::Decrypt));
        assert_eq!(decrypt(Cipher::Aes256Cbc, b"x", b"salt", 1, &mut [0; 15]), Err(Error::Decrypt));
    }
}

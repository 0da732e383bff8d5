//! Private keys in any text: PEM, age identities, seeds of nkeys.
//!
//! Only what is whole enough to be a key counts, so that documents and programs that speak about keys are left alone: a PEM
//! header needs a body, an identity its length, a seed its checksum.

use memchr::memmem;

use super::{Finding, Kind};

/// Base64 characters that make a body: an Ed25519 key, the smallest, has 64.
const SMALLEST_BODY: usize = 40;
/// Characters of an age identity behind its prefix: 58 for X25519, as many for a post-quantum seed.
const SMALLEST_IDENTITY: usize = 50;
/// Length of a seed in base32.
const SEED: usize = 58;

pub(super) fn look(bytes: &[u8], findings: &mut Vec<Finding>) {
    let mut found: Vec<(usize, &'static str)> = Vec::new();
    found.extend(memmem::find_iter(bytes, b"PRIVATE KEY").filter(|at| is_pem(bytes, *at)).map(|at| (at, "a PEM private key")));
    let identities = memmem::find_iter(bytes, b"AGE-SECRET-KEY-").filter(|at| is_identity(bytes, *at));
    found.extend(identities.map(|at| (at, "an age identity")));
    let putty = memmem::find_iter(bytes, b"PuTTY-User-Key-File-").filter(|_| memmem::find(bytes, b"Private-Lines:").is_some());
    found.extend(putty.map(|at| (at, "a PuTTY private key")));
    seeds(bytes, &mut found);
    found.sort_unstable();
    let (mut line, mut counted) = (1, 0);
    for (at, what) in found {
        line += memchr::memchr_iter(b'\n', bytes.get(counted..at).unwrap_or_default()).count();
        counted = at;
        findings.push(Finding { kind: Kind::PrivateKey(what), line, object: None, key: None });
    }
}

/// Whether `PRIVATE KEY` at this offset is part of a PEM header with a body below, or behind it after `\n` in a string.
fn is_pem(bytes: &[u8], at: usize) -> bool {
    let before = bytes.get(..at).unwrap_or_default();
    let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    if memmem::rfind(line, b"-----BEGIN ").is_none() {
        return false;
    }
    let after = bytes.get(at + b"PRIVATE KEY".len()..).unwrap_or_default();
    let Some(mut rest) = after.strip_prefix(b"-----").or_else(|| after.strip_prefix(b" BLOCK-----")) else { return false };
    let mut body = 0;
    // An armor's or an encrypted key's headers stand before the body.
    for _ in 0..64 {
        rest = trim(rest);
        let word = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')).count();
        let next = rest.get(word..).unwrap_or_default();
        let is_header = word > 0 && memchr::memchr(b'\n', next).is_some_and(|end| memchr::memchr(b':', &next[..end]).is_some());
        if is_header && body == 0 {
            rest = memchr::memchr(b'\n', next).and_then(|end| next.get(end..)).unwrap_or_default();
            continue;
        }
        body += word;
        if body >= SMALLEST_BODY {
            return true;
        }
        if word == 0 {
            return false;
        }
        rest = next;
    }
    false
}

/// Without blanks and line breaks, also those that a string writes as `\n`.
fn trim(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes.trim_ascii_start();
    while let Some(after) = rest.strip_prefix(b"\\n").or_else(|| rest.strip_prefix(b"\\r")) {
        rest = after.trim_ascii_start();
    }
    rest
}

fn is_identity(bytes: &[u8], at: usize) -> bool {
    let after = bytes.get(at + b"AGE-SECRET-KEY-".len()..).unwrap_or_default();
    let Some(key) = after.strip_prefix(b"PQ-1").or_else(|| after.strip_prefix(b"1")) else { return false };
    key.iter().take_while(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()).count() >= SMALLEST_IDENTITY
}

fn seeds(bytes: &[u8], found: &mut Vec<(usize, &'static str)>) {
    let is_base32 = |byte: &u8| matches!(byte, b'A'..=b'Z' | b'2'..=b'7');
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let Some(next) = memchr::memchr(b'S', rest) else { return };
        let start = at + next;
        let word = bytes.get(start..).unwrap_or_default();
        let length = word.iter().take_while(|byte| is_base32(byte)).count();
        let begins = start.checked_sub(1).and_then(|before| bytes.get(before)).is_none_or(|byte| !byte.is_ascii_alphanumeric());
        if begins && length == SEED && word.get(..SEED).is_some_and(is_seed) {
            found.push((start, "an nkey seed"));
        }
        at = start + length.max(1);
    }
}

/// Whether the checksum of an nkey holds and its prefix is a seed's (nkeys: 18 << 3, CRC-16/XMODEM, little-endian).
fn is_seed(text: &[u8]) -> bool {
    const SEED_PREFIX: u8 = 18 << 3;
    let Ok(raw) = data_encoding::BASE32_NOPAD.decode(text).map(zeroize::Zeroizing::new) else { return false };
    let Some((content, [low, high])) = raw.split_last_chunk::<2>() else { return false };
    content.first().is_some_and(|prefix| prefix & 0xf8 == SEED_PREFIX) && crc16(content) == u16::from_le_bytes([*low, *high])
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 })
    })
}

//! Bech32 (BIP 173) without its limit of 90 characters, as age writes recipients and identities.
//!
//! Strict as Go's `internal/bech32`: no mixed case, no leftover bits. Decoded data are wiped, since they may be a key.

use zeroize::Zeroizing;

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
const CHECKSUM_LEN: usize = 6;

/// The human-readable part, in its own case, and the data.
///
/// # Errors
/// What is wrong with the text, without any of it.
pub(super) fn decode(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), &'static str> {
    if text.bytes().any(|byte| byte.is_ascii_lowercase()) && text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("upper and lower case are mixed");
    }
    let (prefix, data) = text.rsplit_once('1').ok_or("it has no separator 1")?;
    if prefix.is_empty() || !prefix.bytes().all(|byte| (33..=126).contains(&byte)) {
        return Err("its prefix is empty or has invalid characters");
    }
    let mut values = Zeroizing::new(Vec::with_capacity(data.len()));
    for byte in data.bytes() {
        let value = CHARSET.iter().position(|&c| c == byte.to_ascii_lowercase()).ok_or("it has a character outside of Bech32")?;
        values.push(value as u8);
    }
    let data_len = values.len().checked_sub(CHECKSUM_LEN).ok_or("it is too short")?;
    if polymod(expand(prefix).chain(values.iter().copied())) != 1 {
        return Err("its checksum is wrong: a character is missing or mistyped");
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(data_len * 5 / 8));
    let (mut bits, mut held) = (0_u32, 0);
    for value in values.iter().take(data_len) {
        bits = bits << 5 & 0xfff | u32::from(*value);
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    if held >= 5 || bits & ((1 << held) - 1) != 0 {
        return Err("it has leftover bits");
    }
    Ok((prefix, bytes))
}

/// In lower case.
pub(super) fn encode(prefix: &str, data: &[u8]) -> String {
    let mut values = Vec::with_capacity(data.len() * 8 / 5 + 1 + CHECKSUM_LEN);
    let (mut bits, mut held) = (0_u32, 0);
    for byte in data {
        bits = bits << 8 & 0xffff | u32::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            values.push((bits >> held & 31) as u8);
        }
    }
    if held > 0 {
        values.push((bits << (5 - held) & 31) as u8);
    }
    let checksum = polymod(expand(prefix).chain(values.iter().copied()).chain([0; CHECKSUM_LEN])) ^ 1;
    values.extend((0..CHECKSUM_LEN).map(|index| (checksum >> (5 * (CHECKSUM_LEN - 1 - index)) & 31) as u8));
    let characters = values.iter().filter_map(|value| CHARSET.get(usize::from(*value))).map(|&byte| char::from(byte));
    prefix.chars().chain(['1']).chain(characters).collect()
}

fn expand(prefix: &str) -> impl Iterator<Item = u8> {
    let lower = |byte: u8| byte.to_ascii_lowercase();
    prefix.bytes().map(move |byte| lower(byte) >> 5).chain([0]).chain(prefix.bytes().map(move |byte| lower(byte) & 31))
}

fn polymod(values: impl Iterator<Item = u8>) -> u32 {
    values.fold(1_u32, |checksum, value| {
        let top = checksum >> 25;
        let mixed = (checksum & 0x01ff_ffff) << 5 ^ u32::from(value);
        GENERATOR.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1).fold(mixed, |sum, (_, generator)| sum ^ generator)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// BIP 173's valid strings, as far as their data are whole bytes, and the longest of age's own.
    #[test]
    fn reads_and_writes_the_published_strings() {
        for text in [
            "a12uel5l",
            "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs",
            "split1checkupstagehandshakeupstreamerranterredcaperred2y9e3w",
            "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj",
        ] {
            let (prefix, data) = decode(text).unwrap();
            assert_eq!(encode(prefix, &data), text);
            let upper = text.to_ascii_uppercase();
            let (upper_prefix, same) = decode(&upper).unwrap();
            assert_eq!((upper_prefix.to_ascii_lowercase().as_str(), same), (prefix, data));
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let reason = |text: &str| decode(text).unwrap_err();
        assert_eq!(reason("Age1zvkyg2"), "upper and lower case are mixed");
        assert_eq!(reason("pzry9x0s0muk"), "it has no separator 1");
        assert_eq!(reason("1pzry9x0s0muk"), "its prefix is empty or has invalid characters");
        assert_eq!(reason("a\u{7f}1axkwrx"), "its prefix is empty or has invalid characters");
        assert_eq!(reason("x1b4n0q5v"), "it has a character outside of Bech32");
        assert_eq!(reason("li1dgmt3"), "it is too short");
        assert_eq!(reason("a1\u{212a}"), "it has a character outside of Bech32");
        assert_eq!(
            reason("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwk"),
            "its checksum is wrong: a character is missing or mistyped"
        );
        // A data part of one value, 0 and then 1: five bits are no byte.
        let one_value = |value: u8| {
            let sum = polymod(expand("a").chain([value]).chain([0; 6])) ^ 1;
            let values = [value].into_iter().chain((0..6).map(|index| (sum >> (5 * (5 - index)) & 31) as u8));
            let text: String = values.map(|value| char::from(CHARSET[usize::from(value)])).collect();
            format!("a1{text}")
        };
        assert_eq!(reason(&one_value(0)), "it has leftover bits");
        assert_eq!(reason(&one_value(1)), "it has leftover bits");
    }

    #[test]
    fn any_bytes_come_back() {
        for len in 0..70_u8 {
            let data: Vec<u8> = (0..len).map(|byte| byte.wrapping_mul(37)).collect();
            let text = encode("age1pq", &data);
            assert_eq!(decode(&text).unwrap(), ("age1pq", Zeroizing::new(data)));
        }
    }
}

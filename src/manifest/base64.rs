//! Standard base64 exactly as Go's `encoding/base64` reads it.
//!
//! Line breaks are ignored anywhere, padding is required, spaces are refused, and leftover bits need not be zero. The position in
//! the error is the one Go reports, so that a message says the same byte as kubeseal's (`sealed-secrets.md` §1.1).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Text that is not base64; the position is what Go's decoder reports, in bytes from the start of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("illegal base64 data at input byte {0}")]
pub struct CorruptBase64(pub usize);

/// Six bits of one character of the standard alphabet.
fn sextet(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

/// Decodes standard base64 with padding; `\r` and `\n` are ignored wherever they are.
///
/// # Errors
/// [`CorruptBase64`] with the position that Go would name.
pub fn decode_base64(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, CorruptBase64> {
    let mut out = Zeroizing::new(Vec::with_capacity(text.len() / 4 * 3 + 3));
    // Four sextets at a time; `filled` of them are there.
    let (mut bits, mut filled) = (0u32, 0usize);
    let mut rest = text.iter().copied().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n'));
    while let Some((at, byte)) = rest.next() {
        if let Some(value) = sextet(byte) {
            bits = bits << 6 | u32::from(value);
            filled += 1;
            if filled == 4 {
                out.extend_from_slice(&bits.to_be_bytes()[1..]);
                (bits, filled) = (0, 0);
            }
            continue;
        }
        if byte != b'=' || filled < 2 {
            return Err(CorruptBase64(at));
        }
        if filled == 2 {
            match rest.next() {
                None => return Err(CorruptBase64(text.len())),
                // Go counts one back from the byte after the line breaks it skipped.
                Some((second, other)) if other != b'=' => return Err(CorruptBase64(second - 1)),
                Some(_) => {}
            }
        }
        if let Some((after, _)) = rest.next() {
            return Err(CorruptBase64(after));
        }
        let bytes = (bits << (6 * (4 - filled))).to_be_bytes();
        out.extend_from_slice(if filled == 2 { &bytes[1..2] } else { &bytes[1..3] });
        return Ok(out);
    }
    // Go steps back over as many input bytes as it has sextets, whatever those bytes were.
    if filled > 0 { Err(CorruptBase64(text.len() - filled)) } else { Ok(out) }
}

/// Standard base64 with padding, on one line.
#[must_use]
pub fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(text: &str) -> Result<Vec<u8>, usize> {
        decode_base64(text.as_bytes()).map(|bytes| bytes.to_vec()).map_err(|CorruptBase64(at)| at)
    }

    #[test]
    fn line_breaks_are_ignored_anywhere() {
        assert_eq!(decode("aGV\nsbG\r\n8=\n"), Ok(b"hello".to_vec()));
        assert_eq!(decode("YQ=\n=\n"), Ok(b"a".to_vec()));
        assert_eq!(decode(""), Ok(Vec::new()));
        assert_eq!(decode("\n\n"), Ok(Vec::new()));
    }

    #[test]
    fn leftover_bits_need_not_be_zero() {
        assert_eq!(decode("YR=="), Ok(b"a".to_vec()));
        assert_eq!(decode("YWJ="), Ok(b"ab".to_vec()));
    }

    /// Positions made by Go 1.26: `base64.StdEncoding.DecodeString`.
    #[test]
    fn errors_carry_the_position_that_go_reports() {
        for (text, at) in [
            ("YQ", 0),
            ("YWJj YQ==", 4),
            ("YWJjY", 4),
            ("!", 0),
            ("YQ=", 3),
            ("YQ=x", 2),
            ("YQ==x", 4),
            ("YQ==\nx", 5),
            ("Y=Q=", 1),
            ("====", 0),
            ("YWJjYW\n", 5),
            ("YW_j", 2),
            ("YQ=\nx", 3),
        ] {
            assert_eq!(decode(text), Err(at), "{text:?}");
        }
    }

    #[test]
    fn encoding_and_decoding_are_inverse() {
        for length in 0..50u8 {
            let bytes: Vec<u8> = (0..length).map(|i| i.wrapping_mul(37)).collect();
            assert_eq!(decode_base64(encode_base64(&bytes).as_bytes()).map(|b| b.to_vec()), Ok(bytes));
        }
    }
}

//! sprig's encodings and digests: base64, base32, JSON, SHA and Adler-32.

use super::{Args, Function, function};
use crate::crypto::digest;
use crate::template::context::{Context, Outcome, fail};
use crate::template::json;
use crate::template::value::Value;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Standard base64, whose unused last bits may be anything on reading, as in Go.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireCanonical),
);

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

pub(super) const TABLE: &[Function] = &[
    function("b64enc", "s", |cx, args| cx.string(BASE64.encode(args.text(0)).into_bytes())),
    function("b64dec", "s", |cx, args| match base64_decode(args.text(0)) {
        Some(bytes) => cx.string(bytes),
        None => fail("the text is not base64"),
    }),
    function("b32enc", "s", |cx, args| cx.string(base32_encode(args.text(0)))),
    function("b32dec", "s", |cx, args| match base32_decode(args.text(0)) {
        Some(bytes) => cx.string(bytes),
        None => fail("the text is not base32"),
    }),
    function("toJson", "a", |cx, args| tolerant(marshal(cx, args, true))),
    function("mustToJson", "a", |cx, args| marshal(cx, args, true).map(Value::str)),
    function("toRawJson", "a", |cx, args| marshal(cx, args, false).map(Value::str)),
    function("mustToRawJson", "a", |cx, args| marshal(cx, args, false).map(Value::str)),
    function("toPrettyJson", "a", |cx, args| tolerant(pretty(cx, args))),
    function("mustToPrettyJson", "a", |cx, args| pretty(cx, args).map(Value::str)),
    function("fromJson", "s", |cx, args| match json::read(cx, args.text(0)) {
        Err(fault) if fault.message.starts_with("limit:") => Err(fault),
        other => Ok(other.unwrap_or(Value::Nil)),
    }),
    function("mustFromJson", "s", |cx, args| json::read(cx, args.text(0))),
    function("sha1sum", "s", |cx, args| hashed(cx, args, digest::sha1_hex)),
    function("sha256sum", "s", |cx, args| hashed(cx, args, digest::sha256_hex)),
    function("sha512sum", "s", |cx, args| hashed(cx, args, digest::sha512_hex)),
    function("adler32sum", "s", |cx, args| hashed(cx, args, |bytes| adler32(bytes).to_string())),
];

fn hashed(cx: &mut Context, args: Args, hash: fn(&[u8]) -> String) -> Outcome {
    cx.step(args.text(0).len() / 16)?;
    cx.string(hash(args.text(0)).into_bytes())
}

fn adler32(bytes: &[u8]) -> u32 {
    let (mut a, mut b) = (1_u32, 0_u32);
    for &byte in bytes {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    b << 16 | a
}

/// Go's decoder passes over line ends.
fn without_newlines(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|b| !matches!(b, b'\r' | b'\n')).collect()
}

pub(super) fn base64_decode(text: &[u8]) -> Option<Vec<u8>> {
    BASE64.decode(without_newlines(text)).ok()
}

pub(super) fn base64_encode(bytes: &[u8]) -> Vec<u8> {
    BASE64.encode(bytes).into_bytes()
}

fn base32_encode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(5) * 8);
    for group in bytes.chunks(5) {
        let bits = (0..5).fold(0_u64, |bits, n| bits << 8 | u64::from(group.get(n).copied().unwrap_or(0)));
        let used = (group.len() * 8).div_ceil(5);
        for n in 0..8 {
            let digit = usize::try_from(bits >> (35 - 5 * n) & 31).unwrap_or(0);
            out.push(if n < used { BASE32.get(digit).copied().unwrap_or(b'=') } else { b'=' });
        }
    }
    out
}

fn base32_decode(text: &[u8]) -> Option<Vec<u8>> {
    let text = without_newlines(text);
    let digits: &[u8] = text.get(..text.iter().position(|&b| b == b'=').unwrap_or(text.len()))?;
    let padding = text.len() - digits.len();
    let full = text.len().is_multiple_of(8) && text.iter().skip(digits.len()).all(|&b| b == b'=');
    if !full || !matches!(padding, 0 | 1 | 3 | 4 | 6) {
        return None;
    }
    let mut out = Vec::with_capacity(digits.len() * 5 / 8);
    for group in digits.chunks(8) {
        let mut bits = 0_u64;
        for n in 0..8 {
            let digit = match group.get(n) {
                Some(c) => BASE32.iter().position(|d| d == c)?,
                None => 0,
            };
            bits = bits << 5 | u64::try_from(digit).ok()?;
        }
        let bytes = bits.to_be_bytes();
        out.extend_from_slice(bytes.get(3..3 + group.len() * 5 / 8)?);
    }
    Some(out)
}

fn marshal(cx: &mut Context, args: Args, html: bool) -> Outcome<Vec<u8>> {
    let mut out = Vec::new();
    json::write(cx, &mut out, args.any(0), html)?;
    Ok(out)
}

fn pretty(cx: &mut Context, args: Args) -> Outcome<Vec<u8>> {
    let compact = marshal(cx, args, true)?;
    json::indent(cx, &compact)
}

/// sprig drops the error of what cannot be marshalled, and gives an empty text.
fn tolerant(made: Outcome<Vec<u8>>) -> Outcome {
    match made {
        Err(fault) if fault.message.starts_with("json:") => Ok(Value::str(*b"")),
        other => other.map(Value::str),
    }
}

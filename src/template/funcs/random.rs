//! sprig's random texts and numbers, from the cryptographic generator.

use super::encoding::base64_encode;
use super::{Args, Function, function};
use crate::crypto::random;
use crate::template::context::{Context, Outcome, fail};
use crate::template::unicode;
use crate::template::value::Value;

const DIGITS: &[u8] = b"0123456789";
const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BOTH: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ASCII: &[u8] = b" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";

pub(super) const TABLE: &[Function] = &[
    function("randAlphaNum", "i", |cx, args| text(cx, args, BOTH)),
    function("randAlpha", "i", |cx, args| text(cx, args, LETTERS)),
    function("randNumeric", "i", |cx, args| text(cx, args, DIGITS)),
    function("randAscii", "i", |cx, args| text(cx, args, ASCII)),
    function("randBytes", "i", |cx, args| {
        let Ok(count) = usize::try_from(args.int(0)) else { return fail("a negative number of bytes") };
        cx.take(count)?;
        let bytes = draw(count)?;
        cx.string(base64_encode(&bytes))
    }),
    function("randInt", "ii", |_, args| {
        let (least, end) = (args.int(0), args.int(1));
        let span = end.checked_sub(least).and_then(|span| u64::try_from(span).ok()).filter(|span| *span > 0);
        let Some(span) = span else { return fail("randInt: the maximum must be greater than the minimum") };
        Ok(Value::int(least.wrapping_add(i64::try_from(below(span)?).unwrap_or(0))))
    }),
    function("shuffle", "s", |cx, args| {
        let mut runes: Vec<char> = unicode::runes(args.text(0)).collect();
        cx.step(runes.len())?;
        for n in (1..runes.len()).rev() {
            let other = usize::try_from(below(n as u64 + 1)?).unwrap_or(0);
            runes.swap(n, other);
        }
        cx.string(runes.into_iter().collect::<String>().into_bytes())
    }),
    function("uuidv4", "", |cx, _| {
        let mut bytes = [0; 16];
        fill(&mut bytes)?;
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let part = |from: usize, to: usize| hex.get(from..to).unwrap_or(&[]).concat();
        let text = [part(0, 4), part(4, 6), part(6, 8), part(8, 10), part(10, 16)].join("-");
        cx.string(text.into_bytes())
    }),
];

fn fill(bytes: &mut [u8]) -> Outcome<()> {
    random::fill(bytes).or_else(|_| fail("no random bytes from the operating system"))
}

fn draw(count: usize) -> Outcome<Vec<u8>> {
    let mut bytes = vec![0; count];
    fill(&mut bytes)?;
    Ok(bytes)
}

/// An even number below `end`.
fn below(end: u64) -> Outcome<u64> {
    let most = u64::MAX - u64::MAX % end;
    loop {
        let mut bytes = [0; 8];
        fill(&mut bytes)?;
        let number = u64::from_le_bytes(bytes);
        if number < most {
            return Ok(number % end);
        }
    }
}

fn text(cx: &mut Context, args: Args, alphabet: &[u8]) -> Outcome {
    // sprig gives an empty text for a negative count.
    let count = usize::try_from(args.int(0)).unwrap_or(0);
    cx.take(count)?;
    cx.step(count / 8)?;
    let even = 256 - 256 % alphabet.len();
    let mut out = Vec::with_capacity(count);
    while out.len() < count {
        for byte in draw((count - out.len()) * 2 + 8)? {
            let byte = usize::from(byte);
            if byte < even && out.len() < count {
                out.extend(alphabet.get(byte % alphabet.len()));
            }
        }
    }
    Ok(Value::str(out))
}

//! PEM text, read as Go's `encoding/pem` reads it and wiped afterwards.
//!
//! A reader of our own, because the PEM crates leave the base64 text and the DER of a private key behind in freed memory. It
//! takes text before, between and after the blocks, CRLF, trailing blanks and headers, and passes over a block that is not
//! whole. It does not know what is in a block: [`super::rsa`] and [`super::x509`] do.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::secret::{SecretBytes, SecretString};

/// One `-----BEGIN label-----` block.
pub struct Block {
    /// What stands after `BEGIN`, such as `CERTIFICATE`.
    pub label: String,
    /// Names of the headers (`Proc-Type`, `DEK-Info`), in order.
    pub headers: Vec<String>,
    /// The decoded bytes; secret, since they may be a key.
    pub der: SecretBytes,
}

/// All whole blocks of a text, in order. Broken blocks are passed over, as Go does.
#[must_use]
pub fn blocks(text: &[u8]) -> Vec<Block> {
    let mut found = Vec::new();
    // Some editors begin a file with a byte order mark; Go would miss the first block.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut lines = text.split(|&byte| byte == b'\n').map(trim_end);
    let mut current = lines.next();
    while let Some(line) = current {
        let Some(label) = marker(line, b"-----BEGIN ") else {
            current = lines.next();
            continue;
        };
        let mut body: Vec<&[u8]> = Vec::new();
        let mut headers = Vec::new();
        loop {
            current = lines.next();
            match current {
                Some(line) if line.starts_with(b"-----") => break,
                Some(line) => match line.iter().position(|&byte| byte == b':') {
                    Some(colon) if body.iter().all(|line| line.is_empty()) => {
                        headers.push(String::from_utf8_lossy(line.get(..colon).unwrap_or_default()).into_owned());
                    }
                    _ => body.push(line),
                },
                None => return found,
            }
        }
        // The line that ended the body stays current: it may begin the next block.
        if current.and_then(|line| marker(line, b"-----END ")) == Some(label)
            && let Some(der) = decode(&body)
        {
            found.push(Block { label: label.to_owned(), headers, der });
        }
    }
    found
}

/// Whether a text begins as UTF-16, as Windows PowerShell's `>` writes it. No block is found in such a text.
#[must_use]
pub fn is_utf16(text: &[u8]) -> bool {
    text.starts_with(&[0xff, 0xfe]) || text.starts_with(&[0xfe, 0xff])
}

/// A block as Go's `pem.Encode` writes it: lines of 64 characters, LF.
#[must_use]
pub fn encode(label: &str, der: &[u8]) -> SecretString {
    let mut base64 = Zeroizing::new(vec![0; der.len().div_ceil(3) * 4]);
    let len = STANDARD.encode_slice(der, &mut base64).unwrap_or(0);
    let mut text = String::with_capacity(len + len / 64 + 2 * label.len() + 40);
    text.extend(["-----BEGIN ", label, "-----\n"]);
    for line in base64.get(..len).unwrap_or_default().chunks(64) {
        text.extend(line.iter().map(|&byte| char::from(byte)));
        text.push('\n');
    }
    text.extend(["-----END ", label, "-----\n"]);
    SecretString::new(text)
}

fn marker<'line>(line: &'line [u8], start: &[u8]) -> Option<&'line str> {
    std::str::from_utf8(line.strip_prefix(start)?.strip_suffix(b"-----")?).ok()
}

fn trim_end(line: &[u8]) -> &[u8] {
    line.trim_ascii_end()
}

fn decode(lines: &[&[u8]]) -> Option<SecretBytes> {
    // Both buffers have their final size from the start: growing would leave copies behind.
    let mut text = Zeroizing::new(Vec::with_capacity(lines.iter().map(|line| line.len()).sum()));
    for line in lines {
        text.extend(line.iter().filter(|byte| !matches!(byte, b' ' | b'\t' | b'\r')));
    }
    let mut der = Zeroizing::new(vec![0; text.len() / 4 * 3 + 3]);
    let len = STANDARD.decode_slice(text.as_slice(), der.as_mut_slice()).ok()?;
    der.truncate(len);
    Some(SecretBytes::new(std::mem::take(&mut *der)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Vec<(String, Vec<u8>)> {
        blocks(text.as_bytes()).into_iter().map(|block| (block.label, block.der.expose().to_vec())).collect()
    }

    #[test]
    fn reads_blocks_among_other_text_with_crlf_and_trailing_blanks() {
        let text =
            "notes\r\n-----BEGIN A B----- \r\naGVs\r\nbG8=\t\r\n-----END A B-----\r\nmore\n-----BEGIN C-----\n-----END C-----";
        assert_eq!(labels(text), [("A B".into(), b"hello".to_vec()), ("C".into(), Vec::new())]);
    }

    #[test]
    fn a_byte_order_mark_does_not_hide_the_first_block() {
        assert_eq!(labels("\u{feff}-----BEGIN A-----\naGVs\n-----END A-----\n"), [("A".into(), b"hel".to_vec())]);
    }

    #[test]
    fn passes_over_blocks_that_are_not_whole() {
        assert_eq!(labels("-----BEGIN A-----\naGVsbG8=\n"), []);
        assert_eq!(labels("-----BEGIN A-----\n!!!!\n-----END A-----\n"), []);
        assert_eq!(labels("-----BEGIN A-----\naGVsbG8=\n-----END B-----\n"), []);
        let nested = "-----BEGIN A-----\naGVs\n-----BEGIN B-----\naGVs\n-----END B-----\n";
        assert_eq!(labels(nested), [("B".into(), b"hel".to_vec())]);
    }

    #[test]
    fn headers_are_named_and_kept_out_of_the_bytes() {
        let text = "-----BEGIN A-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\naGVs\n-----END A-----\n";
        let found = blocks(text.as_bytes());
        let [block] = found.as_slice() else { panic!("one block") };
        assert_eq!(block.headers, ["Proc-Type", "DEK-Info"]);
        assert_eq!(block.der.expose(), b"hel");
    }

    #[test]
    fn writes_what_it_reads_in_lines_of_64() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = encode("RSA PRIVATE KEY", &bytes);
        assert!(text.expose().starts_with("-----BEGIN RSA PRIVATE KEY-----\nAAECAwQF"));
        assert!(text.expose().lines().all(|line| line.len() <= 64));
        assert_eq!(labels(text.expose()), [("RSA PRIVATE KEY".into(), bytes)]);
    }
}

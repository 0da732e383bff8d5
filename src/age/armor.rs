//! ASCII armor: strict PEM of type `AGE ENCRYPTED FILE`, in lines of 64 characters.
//!
//! Accepts and refuses exactly what Go's `age/armor` does: LF or CRLF, up to 1,024 bytes of white space before and after,
//! canonical base64, and no empty or overlong line within.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Error;

/// The first line.
pub(super) const HEADER: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const FOOTER: &str = "-----END AGE ENCRYPTED FILE-----";
const COLUMNS: usize = 64;
/// Bytes in a full line.
const BYTES_PER_LINE: usize = COLUMNS / 4 * 3;
/// Bytes of white space that may surround the armor, on each side.
const MAX_WHITESPACE: usize = 1024;

pub(super) fn decode(text: &[u8]) -> Result<Vec<u8>, Error> {
    let mut rest = text;
    let mut leading = 0;
    loop {
        let line = next_line(&mut rest)?;
        if line == HEADER.as_bytes() {
            break;
        }
        if !line.trim_ascii().is_empty() {
            return Err(Error::Armor("its first line is not the BEGIN line of an age file"));
        }
        leading += line.len() + 1;
        if leading > MAX_WHITESPACE {
            return Err(Error::Armor("there is too much white space before it"));
        }
    }
    let mut bytes = Vec::with_capacity(rest.len() / 4 * 3);
    loop {
        let line = next_line(&mut rest)?;
        if line == FOOTER.as_bytes() {
            break;
        }
        if line.is_empty() {
            return Err(Error::Armor("there is an empty line in it"));
        }
        if line.len() > COLUMNS {
            return Err(Error::Armor("a line is longer than 64 characters"));
        }
        let decoded = STANDARD.decode(line).map_err(|_| Error::Armor("a line is not canonical base64"))?;
        bytes.extend_from_slice(&decoded);
        if decoded.len() < BYTES_PER_LINE {
            if next_line(&mut rest)? != FOOTER.as_bytes() {
                return Err(Error::Armor("a short line is not followed by the END line"));
            }
            break;
        }
    }
    if !rest.trim_ascii().is_empty() {
        return Err(Error::Armor("there are data after its end"));
    }
    if rest.len() >= MAX_WHITESPACE {
        return Err(Error::Armor("there is too much white space after it"));
    }
    Ok(bytes)
}

pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = format!("{HEADER}\n");
    for line in bytes.chunks(BYTES_PER_LINE) {
        STANDARD.encode_string(line, &mut text);
        text.push('\n');
    }
    text.push_str(FOOTER);
    text.push('\n');
    text
}

fn next_line<'text>(rest: &mut &'text [u8]) -> Result<&'text [u8], Error> {
    if rest.is_empty() {
        return Err(Error::Armor("it ends before its END line"));
    }
    let end = rest.iter().position(|&byte| byte == b'\n');
    let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = after.get(1..).unwrap_or_default();
    Ok(line.strip_suffix(b"\r").unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_at_every_length() {
        for len in 0..200_u8 {
            let bytes: Vec<u8> = (0..len).collect();
            let text = encode(&bytes);
            assert!(text.lines().all(|line| (1..=64).contains(&line.len())));
            assert_eq!(decode(text.as_bytes()).unwrap(), bytes);
            assert_eq!(decode(text.replace('\n', "\r\n").as_bytes()).unwrap(), bytes);
            assert_eq!(decode(text.trim_end().as_bytes()).unwrap(), bytes);
        }
    }

    #[test]
    fn white_space_around_it_has_its_limit() {
        let text = encode(b"hello");
        for (before, after, fine) in [(1023, 0, true), (1024, 0, true), (1025, 0, false), (0, 1022, true), (0, 1024, false)] {
            let padded = format!("{}{text}{}", "\n".repeat(before), "\n".repeat(after));
            assert_eq!(decode(padded.as_bytes()).is_ok(), fine, "{before} {after}");
        }
    }

    #[test]
    fn every_way_of_cutting_it_short_is_an_error() {
        let text = encode(&[7; 100]);
        for len in 0..text.len() - 1 {
            assert!(matches!(decode(&text.as_bytes()[..len]), Err(Error::Armor(_))), "{len}");
        }
    }
}

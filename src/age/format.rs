//! The header of an age file: version line, recipient stanzas, MAC (C2SP `age.md`, «age file format»).
//!
//! Strict: one spelling for every header, so the MAC is taken over the bytes as they stand. The limits are those of age 1.3:
//! 2 MiB, 1,024 stanzas, 128 arguments. Plugins speak the same stanzas over their pipe.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::Error;
use crate::crypto::{kdf, random};
use crate::secret::SecretBytes;

/// What every age file begins with.
pub(super) const INTRO: &str = "age-encryption.org/v1\n";
/// Bytes of a file key.
pub(super) const FILE_KEY_LEN: usize = 16;
const MAX_HEADER: usize = 2 << 20;
const MAX_STANZAS: usize = 1024;
const MAX_ARGS: usize = 128;
const COLUMNS: usize = 64;
const BYTES_PER_LINE: usize = COLUMNS / 4 * 3;
const STANZA_PREFIX: &[u8] = b"->";
const FOOTER_PREFIX: &[u8] = b"---";
const MAC_LEN: usize = 32;

/// The 16 bytes that everything in an age file derives from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileKey(SecretBytes);

impl FileKey {
    pub(super) fn generate() -> Result<Self, Error> {
        Ok(Self(random::secret(FILE_KEY_LEN)?))
    }

    /// `None` for another length.
    pub(super) fn new(bytes: SecretBytes) -> Option<Self> {
        (bytes.len() == FILE_KEY_LEN).then_some(Self(bytes))
    }

    pub(super) fn bytes(&self) -> &SecretBytes {
        &self.0
    }

    fn header_mac(&self, header: &[u8]) -> Zeroizing<[u8; MAC_LEN]> {
        kdf::hmac_sha256(kdf::hkdf(b"", self.0.expose(), b"header").as_slice(), &[header])
    }
}

/// A recipient stanza: the file key, wrapped for one recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stanza {
    /// Its type, such as `X25519`.
    pub kind: String,
    /// Its arguments: printable ASCII, not empty.
    pub args: Vec<String>,
    /// Its body, decoded.
    pub body: Vec<u8>,
}

impl Stanza {
    pub(super) fn new(kind: &str, args: &[&str], body: Vec<u8>) -> Self {
        Self { kind: kind.to_owned(), args: args.iter().map(|&arg| arg.to_owned()).collect(), body }
    }

    /// Whether type and arguments can be written; what a plugin gave may not be.
    pub(super) fn is_well_formed(&self) -> bool {
        self.args.len() <= MAX_ARGS && std::iter::once(&self.kind).chain(&self.args).all(|arg| is_arg(arg.as_bytes()))
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(STANZA_PREFIX);
        for arg in std::iter::once(&self.kind).chain(&self.args) {
            out.push(b' ');
            out.extend_from_slice(arg.as_bytes());
        }
        out.push(b'\n');
        let mut lines = self.body.chunks(BYTES_PER_LINE);
        // A body ends with a short line, if need be an empty one.
        loop {
            let line = lines.next().unwrap_or_default();
            // Encoded in place: to a plugin this may be a file key.
            let start = out.len();
            out.resize(start + (line.len() * 4).div_ceil(3), 0);
            // The length is exact, so this does not fail.
            let _ = STANDARD_NO_PAD.encode_slice(line, out.get_mut(start..).unwrap_or_default());
            out.push(b'\n');
            if line.len() < BYTES_PER_LINE {
                break;
            }
        }
    }

    /// Reads one stanza, line by line without their LF, with at most `max_body_lines` lines of body.
    pub(super) fn read(mut next_line: impl FnMut() -> Result<Vec<u8>, Error>, max_body_lines: usize) -> Result<Self, Error> {
        let opening = next_line()?;
        let args = split_args(&opening, STANZA_PREFIX).ok_or_else(|| malformed("a stanza's first line"))?;
        let mut args = args.into_iter();
        let kind = args.next().unwrap_or_default();
        let mut body = Vec::new();
        for _ in 0..max_body_lines {
            // From a plugin this may be a file key.
            let line = Zeroizing::new(next_line()?);
            let bytes =
                decode_base64(&line).map(Zeroizing::new).filter(|bytes| bytes.len() <= BYTES_PER_LINE).ok_or_else(|| {
                    if line.starts_with(FOOTER_PREFIX) || line.starts_with(STANZA_PREFIX) {
                        malformed("a stanza that does not end with a short line")
                    } else {
                        malformed("a stanza's body: a line is too long or not canonical base64")
                    }
                })?;
            body.extend_from_slice(&bytes);
            if bytes.len() < BYTES_PER_LINE {
                return Ok(Self { kind, args: args.collect(), body });
            }
        }
        Err(malformed("a stanza's body: it has too many lines"))
    }
}

/// A parsed header, and what follows it.
pub(super) struct Parsed<'file> {
    pub(super) stanzas: Vec<Stanza>,
    mac_input: &'file [u8],
    mac: Vec<u8>,
    /// The nonce and the encrypted content.
    pub(super) payload: &'file [u8],
}

impl<'file> Parsed<'file> {
    pub(super) fn parse(file: &'file [u8]) -> Result<Self, Error> {
        let Some(mut rest) = file.strip_prefix(INTRO.as_bytes()) else {
            return Err(Error::Header(not_an_age_file(file)));
        };
        let mut stanzas = Vec::new();
        while !rest.starts_with(FOOTER_PREFIX) {
            if stanzas.len() == MAX_STANZAS {
                return Err(Error::Header(format!("it has more than {MAX_STANZAS} stanzas")));
            }
            // Bounded by the bytes of the header, not by lines.
            let line_within_limit = || {
                let read_so_far = file.len() - rest.len();
                next_line(&mut rest, MAX_HEADER.saturating_sub(read_so_far))
            };
            stanzas.push(Stanza::read(line_within_limit, MAX_HEADER)?);
        }
        let mac_input = file.get(..file.len() - rest.len() + FOOTER_PREFIX.len()).unwrap_or_default();
        let footer = next_line(&mut rest, MAX_HEADER)?;
        let mac = match split_args(&footer, FOOTER_PREFIX).as_deref() {
            Some([mac]) => decode_base64(mac.as_bytes()),
            _ => None,
        };
        let mac = mac.filter(|mac| mac.len() == MAC_LEN).ok_or_else(|| malformed("its last line, the MAC"))?;
        if stanzas.is_empty() {
            return Err(Error::Header("it has no recipients".to_owned()));
        }
        Ok(Self { stanzas, mac_input, mac, payload: rest })
    }

    pub(super) fn verify(&self, file_key: &FileKey) -> Result<(), Error> {
        let expected = file_key.header_mac(self.mac_input);
        if bool::from(expected.as_slice().ct_eq(&self.mac)) { Ok(()) } else { Err(Error::Mac) }
    }
}

/// A header with its MAC.
pub(super) fn write_header(stanzas: &[Stanza], file_key: &FileKey) -> Vec<u8> {
    let mut out = INTRO.as_bytes().to_vec();
    stanzas.iter().for_each(|stanza| stanza.write(&mut out));
    out.extend_from_slice(FOOTER_PREFIX);
    let mac = file_key.header_mac(&out);
    out.push(b' ');
    out.extend_from_slice(STANDARD_NO_PAD.encode(mac.as_slice()).as_bytes());
    out.push(b'\n');
    out
}

/// Canonical base64 without padding; `None` for anything else.
pub(super) fn decode_base64(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}

pub(super) fn encode_base64(bytes: &[u8]) -> String {
    STANDARD_NO_PAD.encode(bytes)
}

pub(super) fn malformed(what: &str) -> Error {
    Error::Header(format!("cannot read {what}"))
}

fn too_long() -> Error {
    Error::Header(format!("it is longer than {} MiB", MAX_HEADER >> 20))
}

fn next_line(rest: &mut &[u8], limit: usize) -> Result<Vec<u8>, Error> {
    let within = rest.get(..limit.saturating_add(1)).unwrap_or(rest);
    let Some(end) = within.iter().position(|&byte| byte == b'\n') else {
        return Err(if within.len() < rest.len() { too_long() } else { Error::Header("it ends early".to_owned()) });
    };
    let (line, after) = rest.split_at(end);
    *rest = after.get(1..).unwrap_or_default();
    Ok(line.to_vec())
}

/// The arguments after the prefix, at least one; `None` when the line is not the prefix and arguments separated by one space.
fn split_args(line: &[u8], prefix: &[u8]) -> Option<Vec<String>> {
    let rest = line.strip_prefix(prefix)?.strip_prefix(b" ")?;
    let mut args = Vec::new();
    for arg in rest.split(|&byte| byte == b' ') {
        // The first one is the type.
        if !is_arg(arg) || args.len() > MAX_ARGS {
            return None;
        }
        args.push(String::from_utf8(arg.to_vec()).ok()?);
    }
    Some(args)
}

fn is_arg(arg: &[u8]) -> bool {
    !arg.is_empty() && arg.iter().all(|byte| (33..=126).contains(byte))
}

/// Says what it looks like instead, without any of it: it may be a private key.
fn not_an_age_file(file: &[u8]) -> String {
    if file.is_empty() {
        "the file is empty".to_owned()
    } else if file.starts_with(b"AGE-SECRET-KEY-") || file.starts_with(b"AGE-PLUGIN-") {
        "this is an identity, not an encrypted file".to_owned()
    } else if file.starts_with(b"age-encryption.org/") {
        "this version of the format is not known; age-encryption.org/v1 is".to_owned()
    } else {
        "it does not begin with age-encryption.org/v1".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> FileKey {
        FileKey::new(SecretBytes::copy_of(&[9; 16])).unwrap()
    }

    fn file(stanzas: &[Stanza]) -> Vec<u8> {
        let mut file = write_header(stanzas, &key());
        file.extend_from_slice(b"payload");
        file
    }

    #[test]
    fn a_header_reads_back_at_every_length_of_body() {
        for len in 0..200 {
            let stanzas = [Stanza::new("one", &["a", "b"], vec![len; len.into()]), Stanza::new("two", &[], Vec::new())];
            let file = file(&stanzas);
            let parsed = Parsed::parse(&file).unwrap();
            assert_eq!((parsed.stanzas.as_slice(), parsed.payload), (stanzas.as_slice(), b"payload".as_slice()));
            parsed.verify(&key()).unwrap();
        }
    }

    #[test]
    fn a_changed_header_does_not_verify() {
        let file = file(&[Stanza::new("one", &["a"], vec![1; 48])]);
        let changed = String::from_utf8(file).unwrap().replace("-> one a", "-> one b");
        assert_eq!(Parsed::parse(changed.as_bytes()).unwrap().verify(&key()), Err(Error::Mac));
    }

    #[test]
    fn limits_are_those_of_age() {
        let stanza = Stanza::new("x", &[], Vec::new());
        assert_eq!(Parsed::parse(&file(&vec![stanza.clone(); 1024])).map(|parsed| parsed.stanzas.len()), Ok(1024));
        assert!(Parsed::parse(&file(&vec![stanza; 1025])).is_err());
        let with_args = |count| file(&[Stanza::new("x", &vec!["a"; count], Vec::new())]);
        assert!(Parsed::parse(&with_args(128)).is_ok());
        assert!(Parsed::parse(&with_args(129)).is_err());
        let with_body = |len| file(&[Stanza::new("x", &[], vec![0; len])]);
        assert!(Parsed::parse(&with_body(1_400_000)).is_ok());
        assert_eq!(Parsed::parse(&with_body(1_600_000)).err(), Some(too_long()));
        let mut endless = INTRO.as_bytes().to_vec();
        endless.resize(3 << 20, b'-');
        endless[22..25].copy_from_slice(b"-> ");
        assert_eq!(Parsed::parse(&endless).err(), Some(too_long()));
    }

    #[test]
    fn what_is_no_age_file_is_named_without_being_shown() {
        let reason = |text: &str| Parsed::parse(text.as_bytes()).err().unwrap().to_string();
        assert_eq!(reason(""), "malformed age header: the file is empty");
        assert_eq!(reason("AGE-SECRET-KEY-1SECRET"), "malformed age header: this is an identity, not an encrypted file");
        assert_eq!(
            reason("age-encryption.org/v2\n"),
            "malformed age header: this version of the format is not known; age-encryption.org/v1 is"
        );
        assert_eq!(reason("hunter2"), "malformed age header: it does not begin with age-encryption.org/v1");
        assert_eq!(reason(INTRO), "malformed age header: it ends early");
    }
}

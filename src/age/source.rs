//! Sources of identities: the text of `SOPS_AGE_KEY`, of key files, and of commands' output.
//!
//! sops's rules (`sops-age.md` §4): empty lines and lines that begin with `#` are passed over; a key to a line without blanks
//! around it, or, in `SOPS_AGE_KEY`, several between white space; one bad line rejects the whole source. A text that begins
//! like an age file is one, with identities under a passphrase.

use super::encrypted::EncryptedFile;
use super::{Error, Identity, armor};

/// The most that is read of a source, in bytes.
const MAX_SOURCE: usize = 16 << 20;

/// How identities lie in a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// One to a line: files, and the output of commands.
    Lines,
    /// Several to a line, between white space: `SOPS_AGE_KEY`.
    Words,
}

/// All identities of a source. None in an empty source is no error. `origin` names it in messages; the line is added.
///
/// # Errors
/// [`Error::Identity`] for the first bad line, for what is not UTF-8, and for more than 16 MiB; never with any of the text.
pub fn parse_identities(source: &[u8], layout: Layout, origin: &str) -> Result<Vec<Identity>, Error> {
    let refused = |reason: &str| Error::Identity { origin: origin.to_owned(), reason: reason.to_owned() };
    if source.len() > MAX_SOURCE {
        return Err(refused("it is longer than 16 MiB"));
    }
    let armored = source.starts_with(b"-----BEGIN AGE");
    if armored || source.starts_with(b"age-encryption") {
        let contents =
            if armored { armor::decode(source).map_err(|error| refused(&error.to_string()))? } else { source.to_vec() };
        return Ok(vec![Identity::from_encrypted_file(EncryptedFile::new(contents), origin)]);
    }
    parse_lines(source, layout, origin)
}

pub(super) fn parse_lines(source: &[u8], layout: Layout, origin: &str) -> Result<Vec<Identity>, Error> {
    let text = std::str::from_utf8(source)
        .map_err(|_| Error::Identity { origin: origin.to_owned(), reason: "it is not UTF-8 text".to_owned() })?;
    let mut identities = Vec::new();
    for (line, number) in text.split('\n').zip(1..) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let origin = format!("{origin}, line {number}");
        match layout {
            Layout::Words => {
                for word in line.split_whitespace() {
                    if word.contains(',') {
                        let reason = "there is a comma in it; keys are separated by white space".to_owned();
                        return Err(Error::Identity { origin, reason });
                    }
                    identities.push(Identity::parse(word, &origin)?);
                }
            }
            Layout::Lines if line.trim() != line => {
                let reason = "the line begins or ends with a blank; a key stands alone on its line".to_owned();
                return Err(Error::Identity { origin, reason });
            }
            Layout::Lines => identities.push(Identity::parse(line, &origin)?),
        }
    }
    Ok(identities)
}

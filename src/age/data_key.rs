//! Whole age files: making one for a recipient, opening one with the identities at hand.

use super::file::Unwrapped;
use super::format::{FileKey, Parsed, write_header};
use super::{Attempt, Callbacks, Error, Identity, Outcome, Recipient, armor, stream};
use crate::secret::SecretBytes;

/// The longest armored data key that is read, in bytes. One recipient's takes at most a few thousand.
pub const MAX_ENC: usize = 4 << 20;

/// An opened file.
#[derive(Debug)]
pub struct Opened {
    /// The content.
    pub content: SecretBytes,
    /// What was tried; the last one opened it.
    pub attempts: Vec<Attempt>,
}

/// Wraps a SOPS data key for one recipient: an armored age file, ending in LF, as SOPS keeps it in `enc`.
///
/// # Errors
/// [`Error::Plugin`] when a plugin fails; [`Error::Crypto`] for a recipient that no secret can be agreed on with.
pub fn wrap_data_key(recipient: &Recipient, data_key: &SecretBytes, callbacks: &dyn Callbacks) -> Result<String, Error> {
    Ok(armor::encode(&encrypt(recipient, data_key, callbacks)?))
}

/// Opens what [`wrap_data_key`] or sops made.
///
/// # Errors
/// [`Error::Armor`], [`Error::Header`], [`Error::Mac`], [`Error::Payload`] and [`Error::TooLong`] for what is wrong with the file;
/// [`Error::NoMatch`], with all that was tried, when no identity opens it.
pub fn unwrap_data_key(enc: &str, identities: &[Identity], callbacks: &dyn Callbacks) -> Result<Opened, Error> {
    if enc.len() > MAX_ENC {
        return Err(Error::TooLong { len: enc.len(), limit: MAX_ENC });
    }
    decrypt(&armor::decode(enc.as_bytes())?, identities, callbacks)
}

/// Encrypts any content for one recipient, to an age file without armor.
///
/// # Errors
/// As [`wrap_data_key`].
pub fn encrypt(recipient: &Recipient, content: &SecretBytes, callbacks: &dyn Callbacks) -> Result<Vec<u8>, Error> {
    let file_key = FileKey::generate()?;
    let stanzas = recipient.wrap(&file_key, callbacks)?;
    let mut file = write_header(&stanzas, &file_key);
    stream::seal(&file_key, content.expose(), &mut file)?;
    Ok(file)
}

/// Opens an age file without armor, of any length. All of its content is checked before any is given out.
///
/// # Errors
/// As [`unwrap_data_key`], less armor and length.
pub fn decrypt(file: &[u8], identities: &[Identity], callbacks: &dyn Callbacks) -> Result<Opened, Error> {
    let header = Parsed::parse(file)?;
    let mut ordered: Vec<&Identity> = identities.iter().collect();
    ordered.sort_by_key(|identity| identity.rank());
    let mut attempts = Vec::new();
    for identity in ordered {
        let found = identity.unwrap(&header.stanzas, callbacks)?;
        let mut note = |outcome| {
            attempts.push(Attempt { identity: identity.describe(), origin: identity.origin().to_owned(), outcome });
        };
        match found {
            Unwrapped::NoMatch => note(Outcome::NoMatch),
            Unwrapped::Failed(reason) => note(Outcome::Failed(reason)),
            Unwrapped::Key(file_key) => {
                note(Outcome::Opened);
                header.verify(&file_key)?;
                let content = stream::open(&file_key, header.payload)?;
                return Ok(Opened { content, attempts });
            }
        }
    }
    Err(Error::NoMatch { attempts, recipients: header.stanzas.into_iter().map(|stanza| stanza.kind).collect() })
}

//! What can go wrong, and the record of what was tried. Nothing here holds key text or plaintext.

use std::fmt;

use crate::crypto;

/// An error of age files, recipients or identities.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A text that is no recipient.
    #[error("malformed recipient{}: {reason}", shown(.start))]
    Recipient {
        /// The beginning of the text, where that is surely no private key; may be empty.
        start: String,
        /// What is wrong.
        reason: String,
    },
    /// A text or a file that is no identity. Never holds the text.
    #[error("{origin}: {reason}")]
    Identity {
        /// Where it came from, as the caller named it, and the line.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// The ASCII armor.
    #[error("invalid armor: {0}")]
    Armor(&'static str),
    /// The header of the file, or a recipient stanza in it.
    #[error("malformed age header: {0}")]
    Header(String),
    /// An identity opened the file key, but the header is not the one that was written.
    #[error("the header's MAC does not match: the file was changed after it was encrypted")]
    Mac,
    /// The encrypted content.
    #[error("the encrypted content does not open: {0}")]
    Payload(&'static str),
    /// More than [`super::MAX_ENC`].
    #[error("an encrypted data key of {len} bytes is longer than the {limit} bytes that are read")]
    TooLong {
        /// Its bytes.
        len: usize,
        /// The limit.
        limit: usize,
    },
    /// No identity fits. What was tried is in the list, in the order of trying; empty when there was nothing to try.
    #[error("{}", no_match(.attempts, .recipients))]
    NoMatch {
        /// Each identity and what came of it.
        attempts: Vec<Attempt>,
        /// The kinds of recipients in the file's header, such as `X25519`.
        recipients: Vec<String>,
    },
    /// A plugin could not be asked, or refused.
    #[error("age-plugin-{name}: {reason}")]
    Plugin {
        /// The plugin's name.
        name: String,
        /// What happened.
        reason: String,
    },
    /// The cryptography below refused.
    #[error(transparent)]
    Crypto(#[from] crypto::Error),
}

/// One identity that was tried on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What it is, by its public side: `age1…`, `ssh-ed25519 SHA256:…`, `passphrase-protected identity file`.
    pub identity: String,
    /// Where it came from, as the caller named it.
    pub origin: String,
    /// What came of it.
    pub outcome: Outcome,
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}: {}", self.identity, self.origin, self.outcome)
    }
}

/// What came of trying an identity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// It opened the file.
    Opened,
    /// The file is not for it.
    NoMatch,
    /// It could not be used: the reason.
    Failed(String),
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened => f.write_str("opened it"),
            Self::NoMatch => f.write_str("is not among the recipients"),
            Self::Failed(reason) => f.write_str(reason),
        }
    }
}

fn shown(start: &str) -> String {
    if start.is_empty() { String::new() } else { format!(" `{start}`") }
}

fn no_match(attempts: &[Attempt], recipients: &[String]) -> String {
    let kinds = recipients.join(", ");
    match attempts {
        [] => format!("there is no identity to open it with; its recipients are of type {kinds}"),
        [only] => format!("the identity does not open it: {only}; its recipients are of type {kinds}"),
        several => format!("none of the {} identities opens it; its recipients are of type {kinds}", several.len()),
    }
}

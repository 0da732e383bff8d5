//! Layer 2: age files, and the recipients and identities that sops knows.
//!
//! A SOPS file keeps its data key once for each recipient, each time in an armored age file of its own. This module makes
//! such a file ([`wrap_data_key`]) and opens one with whatever identities are at hand ([`unwrap_data_key`]): X25519
//! (`age1…`), post-quantum (`age1pq1…`), SSH keys (`ssh-ed25519`, `ssh-rsa`), plugins (`age1NAME1…`), and identity files
//! under a passphrase. Text and bytes come in and go out; what needs a person or another process is asked through
//! [`Callbacks`]. Where identities lie (environment, files, commands) is the command line's affair.
//!
//! Follows C2SP's `age.md` and age 1.3.2, and `sops-age.md` §4 for what sops 3.13 takes from where. The file format is
//! written out here over `crypto` instead of using the `age` crate: the crate has neither post-quantum recipients nor an
//! ssh-rsa without the `rsa` crate, reads less armor than Go's, and brings a hundred crates.

mod armor;
mod bech32;
mod callbacks;
mod data_key;
mod encrypted;
mod error;
mod file;
mod format;
mod hybrid;
mod identity;
mod plugin;
mod recipient;
mod scrypt;
mod source;
mod ssh;
mod ssh_private;
mod stream;
mod x25519;

pub use callbacks::{Callbacks, PassphraseFor, PassphraseRequest, PluginPipe, PluginProtocol, Unattended};
pub use data_key::{MAX_ENC, Opened, decrypt, encrypt, unwrap_data_key, wrap_data_key};
pub use error::{Attempt, Error, Outcome};
pub use format::Stanza;
pub use identity::{Identity, IdentityKind, generate};
pub use recipient::{Recipient, RecipientKind};
pub use source::{Layout, parse_identities};

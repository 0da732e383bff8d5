//! What age needs from outside: a person's passphrase, and the processes of plugins.
//!
//! The command line implements [`Callbacks`] over terminal, gpg-agent and child processes; [`Unattended`] refuses
//! everything, for the controller and for tests. A callback's error is its reason in words, without anything secret.

use crate::secret::SecretString;

/// What a passphrase is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassphraseFor {
    /// An age file that holds identities.
    IdentityFile,
    /// A private key of OpenSSH.
    SshKey,
}

/// A question for a passphrase.
#[derive(Clone, Copy, Debug)]
pub struct PassphraseRequest<'a> {
    /// What it is for.
    pub purpose: PassphraseFor,
    /// Where the file came from, as the caller named it.
    pub origin: &'a str,
    /// The name under which sops keeps this passphrase in gpg-agent's cache; empty for SSH keys, which it does not keep there.
    pub cache_id: &'a str,
}

/// What a plugin is started for; the value of its `--age-plugin` flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginProtocol {
    /// Wrapping a file key.
    RecipientV1,
    /// Unwrapping one.
    IdentityV1,
}

impl PluginProtocol {
    /// `recipient-v1` or `identity-v1`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RecipientV1 => "recipient-v1",
            Self::IdentityV1 => "identity-v1",
        }
    }
}

/// Standard input and output of a running plugin. Dropping it ends the conversation.
pub trait PluginPipe {
    /// Writes bytes to the plugin and flushes.
    ///
    /// # Errors
    /// The reason.
    fn send(&mut self, bytes: &[u8]) -> Result<(), String>;

    /// Reads up to and without the next LF.
    ///
    /// # Errors
    /// The reason: the plugin ended, or its line is longer than `max_len` bytes.
    fn receive_line(&mut self, max_len: usize) -> Result<Vec<u8>, String>;
}

/// Questions to the outside. Every method but the first two may be left as it is: then plugins that want to talk are told that
/// nobody listens.
pub trait Callbacks {
    /// Asks for a passphrase.
    ///
    /// # Errors
    /// Why there is none.
    fn passphrase(&self, request: &PassphraseRequest<'_>) -> Result<SecretString, String>;

    /// Starts `age-plugin-NAME --age-plugin=PROTOCOL`. The name holds only letters, digits and `+-._`.
    ///
    /// # Errors
    /// Why it does not run.
    fn plugin(&self, name: &str, protocol: PluginProtocol) -> Result<Box<dyn PluginPipe>, String>;

    /// The passphrase that was given is wrong: a cache should forget it.
    fn passphrase_was_wrong(&self, _request: &PassphraseRequest<'_>) {}

    /// Shows a plugin's message; `false` when that is impossible.
    fn plugin_message(&self, _plugin: &str, _message: &str) -> bool {
        false
    }

    /// Asks a plugin's question; `secret` means without echo. `None` when that is impossible.
    fn plugin_question(&self, _plugin: &str, _question: &str, _secret: bool) -> Option<SecretString> {
        None
    }

    /// Asks a person to choose `yes` or, if there is one, `no`; true for `yes`, `None` when that is impossible.
    fn plugin_confirm(&self, _plugin: &str, _question: &str, _yes: &str, _no: Option<&str>) -> Option<bool> {
        None
    }
}

/// Nobody to ask, and no plugins.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unattended;

impl Callbacks for Unattended {
    fn passphrase(&self, _request: &PassphraseRequest<'_>) -> Result<SecretString, String> {
        Err("it needs a passphrase, and there is nobody to ask".to_owned())
    }

    fn plugin(&self, _name: &str, _protocol: PluginProtocol) -> Result<Box<dyn PluginPipe>, String> {
        Err("plugins are not run here".to_owned())
    }
}

//! The messages of the key service, after sops' `keyservice.proto`.

use std::collections::HashMap;

use prost::{Message, Oneof};

use crate::secret::SecretBytes;
use crate::sops::metadata::{MasterKey, Provider};
use crate::sops::tree::Node;

/// Which key is to be used.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Key {
    /// The kind of key, with what names it.
    #[prost(oneof = "KeyType", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub(super) key_type: Option<KeyType>,
}

/// The kinds of keys.
#[derive(Clone, PartialEq, Oneof)]
pub(super) enum KeyType {
    #[prost(message, tag = "1")]
    Kms(KmsKey),
    #[prost(message, tag = "2")]
    Pgp(Named),
    #[prost(message, tag = "3")]
    GcpKms(Named),
    #[prost(message, tag = "4")]
    AzureKeyVault(ThreeParts),
    #[prost(message, tag = "5")]
    Vault(ThreeParts),
    #[prost(message, tag = "6")]
    Age(Named),
    #[prost(message, tag = "7")]
    Hckms(Named),
}

/// A key with one name: recipient, fingerprint, resource.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Named {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

/// A key of AWS.
#[derive(Clone, PartialEq, Message)]
pub(super) struct KmsKey {
    #[prost(string, tag = "1")]
    pub(super) arn: String,
    #[prost(string, tag = "2")]
    pub(super) role: String,
    #[prost(map = "string, string", tag = "3")]
    pub(super) context: HashMap<String, String>,
    #[prost(string, tag = "4")]
    pub(super) aws_profile: String,
}

/// A key with three names: of Azure (vault, name, version) or of Vault (address, engine, key).
#[derive(Clone, PartialEq, Message)]
pub(super) struct ThreeParts {
    #[prost(string, tag = "1")]
    pub(super) place: String,
    #[prost(string, tag = "2")]
    pub(super) second: String,
    #[prost(string, tag = "3")]
    pub(super) third: String,
}

/// A request of either method: a key, and a data key to be wrapped or a wrapped one.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Request {
    #[prost(message, optional, tag = "1")]
    pub(super) key: Option<Key>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) content: Vec<u8>,
}

/// The answer: what was asked for.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Response {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) content: Vec<u8>,
}

impl Request {
    /// A request about one key of a file.
    pub(super) fn new(key: &MasterKey, content: &[u8]) -> Self {
        let field = |name: &str| key.fields.get(name).and_then(Node::as_str).unwrap_or_default().to_owned();
        let named = |name: &str| Named { name: field(name) };
        let three = |place: &str, second: &str, third: &str| ThreeParts {
            place: field(place),
            second: field(second),
            third: field(third),
        };
        let key_type = match key.provider {
            Provider::Kms => {
                let context = match key.fields.get("context") {
                    Some(Node::Map(map)) => map
                        .pairs()
                        .map(|(name, value)| (name.to_owned(), value.as_str().unwrap_or_default().to_owned()))
                        .collect(),
                    _ => HashMap::new(),
                };
                KeyType::Kms(KmsKey { arn: field("arn"), role: field("role"), context, aws_profile: field("aws_profile") })
            }
            Provider::Pgp => KeyType::Pgp(named("fp")),
            Provider::GcpKms => KeyType::GcpKms(named("resource_id")),
            Provider::HcKms => KeyType::Hckms(named("key_id")),
            Provider::AzureKv => KeyType::AzureKeyVault(three("vault_url", "name", "version")),
            Provider::HcVault => KeyType::Vault(three("vault_address", "engine_path", "key_name")),
            Provider::Age => KeyType::Age(named("recipient")),
        };
        Self { key: Some(Key { key_type: Some(key_type) }), content: content.to_vec() }
    }

    /// The content, to be wiped.
    pub(super) fn take(&mut self) -> SecretBytes {
        SecretBytes::new(std::mem::take(&mut self.content))
    }
}

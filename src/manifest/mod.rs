//! Layer 1: the Kubernetes documents that sealing reads and writes.
//!
//! [`read_documents`] takes a stream apart (YAML documents or concatenated JSON, as apimachinery's decoder sniffs them), each
//! with its place; [`Document::secret`] and [`Document::sealed_secret`] make typed objects of them with Kubernetes' habits:
//! field names in any case, unknown fields dropped, unquoted YAML scalars turned into text. The `*_to_value` functions go the
//! other way, in kubeseal's field order, and [`to_json`] and [`to_yaml`] make the bytes kubeseal would have written.
//!
//! No file is opened here, nothing is encrypted, and no key is known. Follows `sealed-secrets.md` §1.4, §2.4 and §2.6.

mod base64;
mod conform;
mod error;
mod object;
mod read;
mod schema;
mod tree;
mod types;
mod write;

pub use base64::{CorruptBase64, decode_base64, encode_base64};
pub use error::{Error, Position};
pub use object::{Document, Located, Warning};
pub use read::{MAX_DOCUMENTS, MAX_INPUT_BYTES, read_documents, read_sealed_secrets, read_secrets};
pub use types::{ObjectMeta, SealedSecret, SealedSecretSpec, Secret, SecretTemplate};
pub use write::{PlainValue, Style, sealed_secret_to_value, secret_to_value, to_json, to_yaml, write_json_text};

/// `apiVersion` of a SealedSecret.
pub const SEALED_SECRET_API_VERSION: &str = "bitnami.com/v1alpha1";

#[cfg(test)]
mod tests;

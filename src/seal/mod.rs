//! Layer 2: what a sealed value is, how it is made and how it opens.
//!
//! From small to large: [`Scope`] and [`Label`] say where a value may be opened; [`SealedValue`] is one value's wire form;
//! [`Keyring`] opens values; [`seal_secret`] and [`merge`] work on whole objects. No input or output, no clock: documents come
//! from and go to `manifest`. Follows `sealed-secrets.md` §1 and §2.

mod explain;
mod keyring;
pub mod keys;
mod merge;
mod object;
mod opens;
mod reseal;
mod rules;
mod scope;
mod unseal;
mod value;
mod verify;

pub use explain::explain;
pub use keyring::{Keyring, NoKeyOpens};
pub use merge::{MergeError, merge};
pub use object::{LAST_APPLIED_ANNOTATIONS, SealError, SealOptions, seal_secret};
pub use opens::{Opens, opens};
pub use reseal::{ResealError, Resealed, reseal, reseal_while};
pub use rules::{is_valid_key, is_valid_name, is_valid_namespace};
pub use scope::{CLUSTER_WIDE_ANNOTATION, Label, NAMESPACE_WIDE_ANNOTATION, Scope, UnknownScope};
pub use unseal::{
    ItemErrors, ItemProblem, SKIP_OWNER_ANNOTATION, UnsealError, UnsealOptions, Unsealed, label_of, unseal_and_tell,
    unseal_secret,
};
pub use value::{SESSION_KEY_LEN, SealedValue, ValueError, looks_sealed, seal_value};
pub use verify::{Finding, Severity, VerifyOptions, verify};

/// A sealed object for unit tests.
#[cfg(test)]
pub(crate) mod test_objects {
    use super::{Scope, SealOptions, seal_secret};
    use crate::crypto::rsa::PrivateKey;
    use crate::manifest::{SealedSecret, Secret};
    use crate::secret::SecretBytes;

    /// `web/app` with the given items, sealed strictly or wider for a key.
    pub(crate) fn sealed(key: &PrivateKey, scope: Scope, items: &[(&str, &[u8])]) -> SealedSecret {
        let mut secret = Secret { type_: Some("Opaque".into()), ..Secret::default() };
        secret.metadata.name = "app".into();
        secret.metadata.namespace = "web".into();
        secret.data = items.iter().map(|(key, value)| ((*key).to_owned(), SecretBytes::copy_of(value))).collect();
        let options = SealOptions { scope: Some(scope), allow_empty_data: true, ..SealOptions::default() };
        seal_secret(&secret, key.public_key(), &options).unwrap()
    }
}

//! Layer 1: the Kubernetes documents that sealing reads and writes.

mod types;

pub use types::{ObjectMeta, SealedSecret, SealedSecretSpec, Secret, SecretTemplate};

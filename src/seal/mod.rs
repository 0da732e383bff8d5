//! Layer 2: what a sealed value is, how it is made and how it opens.

mod keyring;
mod scope;
mod value;

pub use keyring::{Keyring, NoKeyOpens};
pub use scope::{CLUSTER_WIDE_ANNOTATION, Label, NAMESPACE_WIDE_ANNOTATION, Scope, UnknownScope};
pub use value::{SESSION_KEY_LEN, SealedValue, ValueError, seal_value};

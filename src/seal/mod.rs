//! Layer 2: what a sealed value is, how it is made and how it opens.
//!
//! From small to large: [`Scope`] and [`Label`] say where a value may be opened; [`SealedValue`] is one value's wire form;
//! [`Keyring`] opens values; [`seal_secret`] and [`merge`] work on whole objects. No input or output, no clock: documents come
//! from and go to `manifest`. Follows `sealed-secrets.md` §1 and §2.

mod keyring;
mod merge;
mod object;
mod scope;
mod value;

pub use keyring::{Keyring, NoKeyOpens};
pub use merge::{MergeError, merge};
pub use object::{LAST_APPLIED_ANNOTATIONS, SealError, SealOptions, seal_secret};
pub use scope::{CLUSTER_WIDE_ANNOTATION, Label, NAMESPACE_WIDE_ANNOTATION, Scope, UnknownScope};
pub use value::{SESSION_KEY_LEN, SealedValue, ValueError, seal_value};

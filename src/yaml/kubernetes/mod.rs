//! YAML with the meaning that Kubernetes gives it: sigs.k8s.io/yaml v1.4.0 over its go-yaml v2, which kubeseal 0.27.1 uses.
//!
//! - [`to_json`] and [`to_json_as`] resolve plain scalars by YAML 1.1 (`yes` is true, `0644` is 420), expand aliases and merge
//!   keys, turn keys into strings, and tell where a text was changed on the way ([`Warning`]). Of repeated keys the last wins,
//!   as in the reference, and a warning says so.
//! - [`text_of`] is how a number or a boolean becomes the text of a string field.
//! - [`write()`] is its `Marshal`.
//!
//! Which field wants a string is the caller's knowledge ([`Shape`]). The same rules decide which strings need quotes when
//! values are written. Reference: `crates.md` §4, `sealed-secrets.md` §2.4 and §2.6.

mod convert;
mod number;
mod order;
mod scalar;
mod style;
mod timestamp;
mod write;

pub use convert::{Change, Shape, Warning, to_json, to_json_as};
pub use number::text_of;
pub use write::write;

pub(super) use convert::{is_merge, is_string, key_text};
pub(super) use style::style_of;
pub(super) use write::double_quoted;

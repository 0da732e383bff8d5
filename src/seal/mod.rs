//! Layer 2: what a sealed value is, how it is made and how it opens.

mod scope;

pub use scope::{CLUSTER_WIDE_ANNOTATION, Label, NAMESPACE_WIDE_ANNOTATION, Scope};

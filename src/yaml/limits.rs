//! The bounds on what is read. Each is far above any Kubernetes object and far below what would hurt a process.

/// Longest text that is parsed, in bytes. An object in etcd is at most 1.5 MiB; a backup of many is still well below this.
pub const MAX_TEXT_BYTES: usize = 64 << 20;

/// Deepest nesting of collections. Real objects stay below 20.
pub const MAX_DEPTH: usize = 256;

/// Most bytes of scalar text that aliases may add when a document is expanded. The number of nodes they may add is bounded by
/// go-yaml's own rule ([`crate::yaml::kubernetes`]).
pub const MAX_ALIAS_BYTES: usize = 16 << 20;

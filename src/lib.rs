//! Secrets sealed for git, opened only by the cluster's key.
//!
//! The library behind the `hecate-seal` command line. It speaks the formats of Sealed Secrets (RSA-OAEP and AES-GCM hybrid
//! encryption of Kubernetes Secrets) byte for byte.
//!
//! ```text
//!   layer 4   cli                 what a person types and reads
//!             controller          opens SealedSecrets in the cluster, serves its certificate
//!   layer 3   repo                files, trees, the environment
//!             cluster             the Kubernetes API
//!   layer 2   seal                what a sealed value is, and how it opens
//!             bootstrap, nats     a cluster's first secrets; NATS users, accounts, permissions
//!             age                 age files, and the recipients and identities that sops knows
//!             sops                the SOPS file format, where each value of a document is sealed by itself
//!   layer 1   manifest, template  Kubernetes documents, Go templates
//!   layer 0   crypto, yaml        RSA, AES-GCM, X.509; text with spans
//!             secret              bytes that wipe themselves; any layer may use it
//! ```
//!
//! A module uses only layers below its own. Layers 0 to 2 do no input or output: the clock and everything read are
//! arguments, so they build without the `cli` feature and run the same in a test, a fuzzer or a controller.
//! `tests/architecture.rs` holds both rules.

pub mod age;
pub mod bootstrap;
pub mod crypto;
pub mod manifest;
pub mod nats;
pub mod seal;
pub mod secret;
pub mod sops;
pub mod template;
pub mod yaml;

#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "cluster")]
pub mod cluster;
#[cfg(feature = "controller")]
pub mod controller;
#[cfg(any(feature = "cli", feature = "controller"))]
pub mod process;
#[cfg(feature = "cli")]
pub mod repo;

//! Library and command line without peers: one binary, so that it links once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod age;
mod bootstrap;
mod cli;
mod docs;
mod harness;
mod hygiene;
mod known_answers;
mod kubeseal_cases;
mod kubeseal_files;
mod properties;
mod reference;
mod robustness;
mod seal_properties;
mod seal_vectors;
mod sops_cli;
mod sops_faults;
mod sops_hygiene;
mod sops_watch;
mod template;
mod yaml;
mod yaml_edit;
mod yaml_edit_properties;
mod yaml_properties;

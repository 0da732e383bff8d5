//! Against the real programs: kubeseal and the Go references.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod age;
mod bootstrap;
mod controller;
mod convert;
mod journeys;
mod kubeseal_cli;
mod nats;
mod peer;
mod programs;
mod recovery;
mod sops;
mod sops_cli;
mod sops_commands;
mod sops_keyservice;
mod sops_layouts;
mod sops_library;
mod sops_yaml;
mod template;
mod values;
mod verbs;
mod yaml;

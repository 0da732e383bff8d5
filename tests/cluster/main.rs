//! Against a real API server (`harness`): what we write is what a cluster takes, and the controller that runs there opens it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test stops at the first surprise")]

#[path = "../support/mod.rs"]
mod support;

mod bootstrap;
mod cluster_itself;
mod connections;
mod controller;
mod controller_http;
mod controller_start;
mod deploy;
mod docs;
mod doctor;
mod harness;
mod kubeseal_online;
mod offline;
mod recovery;
mod verbs_online;

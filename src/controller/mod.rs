//! Layer 4: `hecate-seal-controller`, in the place of the sealed-secrets controller.
//!
//! - [`args`], [`config`]: every flag and variable, with the reference's names and defaults
//! - [`events`]: Kubernetes events about objects
//! - [`failure`]: what the API server's refusals mean
//! - [`health`]: what works and what does not
//! - [`keys`]: the key Secrets, and the keyring that they make
//! - [`logs`]: what is told, as text or JSON
//! - [`metrics`]: the counters and gauges, by the reference's names and ours
//! - [`restart`]: rollout restarts of the workloads that read a Secret at their start
//! - [`sealed`]: the reconciler of SealedSecrets
//! - [`server`]: the certificate, verification, re-encryption, health and metrics over HTTP

pub mod args;
pub mod config;
pub mod events;
pub mod failure;
pub mod health;
pub mod keys;
pub mod logs;
pub mod metrics;
pub mod restart;
pub mod sealed;
pub mod server;
mod values;

use std::ffi::OsString;

use tokio::sync::watch;

/// `fieldManager` of everything that is written.
pub const FIELD_MANAGER: &str = "hecate-seal-controller";

/// Waits until the controller is told to stop, or nobody is left who could tell it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    _ = stop.wait_for(|stop| *stop).await;
}

/// Runs the controller until it is told to stop; gives the exit code.
pub fn run(_args: impl IntoIterator<Item = OsString>) -> u8 {
    2
}

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
mod start;
mod throttle;
mod values;

use std::ffi::OsString;
use std::io::Write as _;

use tokio::sync::watch;

use args::{Command, Surroundings, Wrong};

/// `fieldManager` of everything that is written.
pub const FIELD_MANAGER: &str = "hecate-seal-controller";

/// Exit code of a wrong command line or variable.
const WRONG_USE: u8 = 2;
/// Where a Pod finds the namespace of its service account.
const ACCOUNT_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Waits until the controller is told to stop, or nobody is left who could tell it.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    _ = stop.wait_for(|stop| *stop).await;
}

/// Runs the controller until it is told to stop; gives the exit code. `args` are those of the process, its name first.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    let words: Vec<OsString> = args.into_iter().skip(1).collect();
    let account = std::fs::read_to_string(ACCOUNT_NAMESPACE).ok().map(|text| text.trim().to_owned());
    let around = Surroundings {
        variable: &|name| std::env::var(name).ok(),
        account_namespace: account.filter(|namespace| !namespace.is_empty()),
    };
    // Whoever reads may be gone: that is no reason to fail.
    match args::parse(&words, &around) {
        Err(Wrong(text)) => {
            _ = std::io::stderr().write_all(text.as_bytes());
            WRONG_USE
        }
        Ok(Command::Print(text)) => {
            _ = std::io::stdout().write_all(text.as_bytes());
            0
        }
        Ok(Command::Run(config, notices)) => {
            for notice in notices {
                _ = writeln!(std::io::stderr(), "{notice}");
            }
            logs::install(config.log);
            start::run(*config)
        }
    }
}

//! Layer 4: `hecate-seal-controller`, in the place of the sealed-secrets controller.
//!
//! - [`config`]: every flag and variable, with the reference's names and defaults
//! - [`keys`]: the key Secrets, and the keyring that they make
//! - [`metrics`]: the counters and gauges, by the reference's names and ours

pub mod config;
pub mod keys;
pub mod metrics;

use std::ffi::OsString;

/// Runs the controller until it is told to stop; gives the exit code.
pub fn run(_args: impl IntoIterator<Item = OsString>) -> u8 {
    2
}

//! Layer 3: the client of the Kubernetes API, for the command line and for the controller.
//!
//! - [`connect`]: from a kubeconfig, kubectl's connection flags or a Pod's service account to a client
//! - [`secrets`]: Secrets whose values wipe themselves

pub mod connect;
pub mod secrets;

pub use connect::{Cluster, Connection, Error};

//! Layer 3: the client of the Kubernetes API, for the command line and for the controller.
//!
//! - [`connect`]: from a kubeconfig, kubectl's connection flags or a Pod's service account to a client

pub mod connect;

pub use connect::{Cluster, Connection, Error};

//! Layer 3: the client of the Kubernetes API, for the command line and for the controller.
//!
//! - [`connect`]: from a kubeconfig, kubectl's connection flags or a Pod's service account to a client
//! - [`objects`]: what a bootstrap looks at and makes: namespaces, Secrets, workloads to restart
//! - [`secrets`]: Secrets whose values wipe themselves
//! - [`trouble`]: why a request failed, in words for people
//! - [`controller_service`]: certificate, verification and re-encryption of a controller, through the API server's service proxy

pub mod connect;
pub mod controller_service;
pub mod objects;
mod proxy;
pub mod secrets;
pub mod trouble;

pub use connect::{Cluster, Connection, Error};
pub use trouble::Trouble;

/// How long one request may take before it counts as failed. A server that hangs must not hold up whoever waits for it.
const REQUEST: std::time::Duration = std::time::Duration::from_secs(60);

/// Waits for the answer to a request that is no watch, but not for ever.
///
/// # Errors
/// Those of the request, or that it took too long.
pub async fn bounded<T>(request: impl Future<Output = kube::Result<T>>) -> kube::Result<T> {
    let answer = tokio::time::timeout(REQUEST, request).await;
    answer.unwrap_or_else(|_| Err(kube::Error::Service("the API server did not answer within a minute".into())))
}

/// Runs a future to its end on this thread: for a command line, which waits for one thing at a time.
///
/// # Errors
/// When the system has no file descriptors left for it.
pub fn block_on<F: Future>(future: F) -> std::io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}

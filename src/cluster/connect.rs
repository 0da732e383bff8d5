//! Which API server, as whom: kubeconfig, kubectl's connection flags, or the service account of the Pod that we run in.

use std::path::PathBuf;

use kube::config::{KubeConfigOptions, Kubeconfig};

/// What a user said about the connection. Nothing said: `KUBECONFIG`, `~/.kube/config`, then the Pod's service account.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Connection {
    /// Path of a kubeconfig, instead of `KUBECONFIG` and `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig, instead of its current one.
    pub context: Option<String>,
}

/// A connected client and the namespace that is meant when none is said.
#[derive(Clone)]
pub struct Cluster {
    /// The client.
    pub client: kube::Client,
    /// Namespace of the kubeconfig's context or of the service account; `default` if neither says one.
    pub namespace: String,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}

/// Why there is no connection. The text never holds a token or a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kubeconfig cannot be used.
    #[error("cannot use the kubeconfig")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// Neither a kubeconfig nor a service account.
    #[error("no cluster is configured: no kubeconfig and no service account of a Pod")]
    NotConfigured(#[from] kube::config::InferConfigError),
    /// No client can be made of it.
    #[error("cannot connect to the cluster")]
    Client(#[source] kube::Error),
}

impl Connection {
    /// Makes the client; no request is sent yet.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn connect(&self) -> Result<Cluster, Error> {
        // Another crate may have installed the same provider: then there is one.
        _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let options = KubeConfigOptions { context: self.context.clone(), ..KubeConfigOptions::default() };
        let config = match &self.kubeconfig {
            Some(path) => kube::Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await?,
            None if self.context.is_some() => kube::Config::from_kubeconfig(&options).await?,
            None => kube::Config::infer().await?,
        };
        let namespace = config.default_namespace.clone();
        let client = kube::Client::try_from(config).map_err(Error::Client)?;
        Ok(Cluster { client, namespace })
    }
}

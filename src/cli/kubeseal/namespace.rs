//! The namespace when a Secret has none: `--namespace`, else the kubeconfig's context, else that of the pod (§2.5).

use std::path::Path;

use super::settings::Settings;
use crate::cli::Io;
use crate::cli::online::kubeconfig_files;
use crate::repo::kubeconfig::{self, Kubeconfig};
use crate::seal::SealOptions;

/// Namespace of a kubeconfig's context that names none.
const DEFAULT: &str = "default";
/// Where a pod finds its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Why there is no namespace.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoNamespace {
    /// Neither flag nor kubeconfig nor cluster.
    #[error("there is no kubeconfig to take the namespace from")]
    NoConfig,
    /// The kubeconfig has no such context.
    #[error("context {0:?} does not exist in the kubeconfig")]
    NoContext(String),
    /// The kubeconfig cannot be read.
    #[error("the kubeconfig cannot be used: {0}")]
    Kubeconfig(#[from] kubeconfig::Error),
}

/// Gives sealing the namespace, if there is one. Without one a Secret must bring its own; a kubeconfig that cannot be read is no
/// reason to fail before that.
pub(super) fn add_to(options: &mut SealOptions, settings: &Settings, io: &Io) {
    options.default_namespace = resolve(settings, io).ok();
    options.default_namespace_is_explicit = settings.namespace.is_some();
}

/// The namespace by flag or variable, kubeconfig, pod, in this order. The flag alone needs no kubeconfig.
pub(super) fn resolve(settings: &Settings, io: &Io) -> Result<String, NoNamespace> {
    if let Some(namespace) = &settings.namespace {
        return Ok(namespace.clone());
    }
    match from_kubeconfig(settings, io) {
        Ok(Some(namespace)) => Ok(namespace),
        Ok(None) if in_cluster(io) => Ok(of_pod(io)),
        Ok(None) => Ok(DEFAULT.to_owned()),
        Err(NoNamespace::NoConfig) if in_cluster(io) => Ok(of_pod(io)),
        Err(error) => Err(error),
    }
}

/// The context's namespace; `None` when the context does not name one.
fn from_kubeconfig(settings: &Settings, io: &Io) -> Result<Option<String>, NoNamespace> {
    let config = match &settings.kubeconfig {
        Some(path) => Kubeconfig::read(&io.path(path))?,
        None => Kubeconfig::read_all(&kubeconfig_files(io))?,
    };
    let context = settings.context.as_deref().or(config.current_context.as_deref()).filter(|name| !name.is_empty());
    match context {
        Some(name) => match config.contexts.get(name) {
            Some(context) => Ok(context.namespace.clone()),
            None => Err(NoNamespace::NoContext(name.to_owned())),
        },
        // Without a context the configuration is only usable when something says where the server is.
        None if settings.server.is_some() || config.has_clusters => Ok(None),
        None => Err(NoNamespace::NoConfig),
    }
}

/// Whether this runs in a pod with a service account.
fn in_cluster(io: &Io) -> bool {
    let set = |name| io.env.text(name).is_some();
    set("KUBERNETES_SERVICE_HOST") && set("KUBERNETES_SERVICE_PORT") && Path::new(SERVICE_ACCOUNT).join("token").is_file()
}

/// The pod's namespace.
fn of_pod(io: &Io) -> String {
    let from_file = || {
        let text = std::fs::read_to_string(Path::new(SERVICE_ACCOUNT).join("namespace")).ok()?;
        Some(text.trim().to_owned()).filter(|text| !text.is_empty())
    };
    io.env.text("POD_NAMESPACE").or_else(from_file).unwrap_or_else(|| DEFAULT.to_owned())
}

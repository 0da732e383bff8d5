//! A controller in a cluster, as commands ask it: connection, Service, certificate, verification, re-encryption.
//!
//! Everything waits for one answer at a time and for a bounded time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueHint};
use serde_json::Value;

use super::report::{Context, Failure};
use super::{Io, env};
use crate::cluster::controller_service::{ControllerService, ServiceError};
use crate::cluster::{Cluster, Connection, Trouble, connect};
use crate::manifest::{SealedSecret, read_sealed_secrets};
use crate::nats::duration;

/// Longest wait for an answer where nobody says another one. kubectl and kubeseal wait for ever.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The Service that the reference's manifest makes.
const NAME: &str = "sealed-secrets-controller";
/// The namespace that the reference's manifest installs into.
const NAMESPACE: &str = "kube-system";

/// Which cluster, and which controller in it.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Cluster")]
pub struct ControllerArgs {
    /// Kubeconfig, instead of KUBECONFIG and ~/.kube/config
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig, instead of its current one
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
    /// Service of the controller [default: sealed-secrets-controller, or what the labels show to be one]
    #[arg(long, value_name = "NAME")]
    pub controller_name: Option<String>,
    /// Namespace of the controller [default: kube-system]
    #[arg(long, value_name = "NAMESPACE")]
    pub controller_namespace: Option<String>,
    /// Longest wait for an answer: seconds, or 1m30s
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub request_timeout: String,
}

impl ControllerArgs {
    /// The controller that is meant.
    ///
    /// # Errors
    /// As [`Controller::find`].
    pub fn find(&self, io: &mut Io) -> Result<Controller, Failure> {
        let timeout = parse_timeout(&self.request_timeout).ok_or_else(|| {
            Failure::usage(format_args!("--request-timeout {:?} is no time", self.request_timeout))
                .with_hint("write 30s, 2m or 1m30s")
        })?;
        let connection = Connection {
            kubeconfig: self.kubeconfig.as_ref().map(|path| io.path(path)),
            context: self.context.clone(),
            files: Some(kubeconfig_files(io)),
            timeout: Some(timeout.unwrap_or(DEFAULT_TIMEOUT)),
            ..Connection::default()
        };
        let namespace = self.controller_namespace.as_deref().unwrap_or(NAMESPACE);
        let name = self.controller_name.as_deref().unwrap_or(NAME);
        Controller::find(&connection, namespace, name, self.controller_name.is_none(), io)
    }
}

/// The files of `KUBECONFIG`, or `~/.kube/config`. They need not exist.
#[must_use]
pub fn kubeconfig_files(io: &Io) -> Vec<PathBuf> {
    match io.env.raw(env::KUBECONFIG).filter(|list| !list.is_empty()) {
        Some(list) => {
            std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).map(|path| io.path(path)).collect()
        }
        None => io.env.raw(env::HOME).map(|home| Path::new(&home).join(".kube/config")).into_iter().collect(),
    }
}

/// The SealedSecret in an answer of `/v1/rotate`. The reference's has neither kind nor version.
#[must_use]
pub fn rotated(answer: &[u8]) -> Option<SealedSecret> {
    let mut value: Value = serde_json::from_slice(answer).ok()?;
    let object = value.as_object_mut()?;
    for (name, text) in [("apiVersion", "bitnami.com/v1alpha1"), ("kind", "SealedSecret")] {
        object.entry(name).or_insert_with(|| text.into());
    }
    let mut sealed = read_sealed_secrets(value.to_string().as_bytes(), "the controller's answer").ok()?;
    sealed.pop().filter(|_| sealed.is_empty()).map(|only| only.object)
}

/// A controller that can be asked.
pub struct Controller {
    runtime: tokio::runtime::Runtime,
    service: ControllerService,
}

impl Controller {
    /// Connects and looks for the Service. If it is not there and `may_differ`, one with another name in the same namespace is taken
    /// that the labels show to be a controller's, and a note says so.
    ///
    /// # Errors
    /// No connection, no such Service, no right to see it.
    pub fn find(connection: &Connection, namespace: &str, name: &str, may_differ: bool, io: &mut Io) -> Result<Self, Failure> {
        let runtime = runtime()?;
        let cluster = runtime.block_on(connection.connect()).map_err(|error| no_connection(&error))?;
        let service = runtime.block_on(ControllerService::find(&cluster, namespace, name));
        let service = service.map_err(|error| no_service(error, namespace))?;
        if service.instead_of.is_some() {
            let found = service.name();
            if !may_differ {
                return Err(Failure::new(format_args!("there is no service {name:?} in the namespace {namespace:?}")).with_hint(
                    format_args!("a sealed-secrets controller is behind the service {found:?}: use --controller-name {found}"),
                ));
            }
            io.note(format!("the controller's service is named {found}, not {name}; --controller-name {found} says so"));
        }
        Ok(Self { runtime, service })
    }

    /// Its certificate, unparsed.
    ///
    /// # Errors
    /// As [`ControllerService::certificate`].
    pub fn certificate(&self) -> Result<Vec<u8>, Trouble> {
        self.runtime.block_on(self.service.certificate())
    }

    /// Whether it can open a SealedSecret, given as JSON.
    ///
    /// # Errors
    /// As [`ControllerService::verify`].
    pub fn verify(&self, object: &[u8]) -> Result<bool, Trouble> {
        self.runtime.block_on(self.service.verify(object.to_vec()))
    }

    /// A SealedSecret, given as JSON, sealed again with the newest key.
    ///
    /// # Errors
    /// As [`ControllerService::rotate`].
    pub fn rotate(&self, object: &[u8]) -> Result<Vec<u8>, Trouble> {
        self.runtime.block_on(self.service.rotate(object.to_vec()))
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context(|| "cannot prepare for the network")
}

/// A failure that says what could not be done, why, and what to do.
#[must_use]
pub fn failure(what: &str, trouble: &Trouble) -> Failure {
    let failure = Failure::new(format_args!("{what}: {trouble}"));
    trouble.hint().into_iter().fold(failure, Failure::with_hint)
}

/// A failure for a connection that cannot be made.
#[must_use]
pub fn no_connection(error: &connect::Error) -> Failure {
    let failure = Failure::from(ByRef(error));
    error.hint().into_iter().fold(failure, Failure::with_hint)
}

fn no_service(error: ServiceError, namespace: &str) -> Failure {
    let failure = Failure::new(&error);
    let ServiceError::Get { trouble, candidates } = error else { return failure };
    let failure = trouble.hint().into_iter().fold(failure, Failure::with_hint);
    candidates.iter().fold(failure, |failure, (found_in, name)| {
        let elsewhere = if found_in == namespace { String::new() } else { format!(" --controller-namespace {found_in}") };
        failure.with_hint(format_args!("a service that looks like it: --controller-name {name}{elsewhere}"))
    })
}

/// An error by reference is an error.
#[derive(Debug)]
struct ByRef<'e>(&'e connect::Error);

impl std::fmt::Display for ByRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for ByRef<'_> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// Reads `--request-timeout` as kubectl does: `0`, whole seconds, or Go durations such as `1m30s`. Inside: `None` for no limit said.
#[must_use]
pub fn parse_timeout(text: &str) -> Option<Option<Duration>> {
    if text.is_empty() {
        return Some(None);
    }
    let seconds = match text.parse::<u32>() {
        Ok(seconds) => Duration::from_secs(seconds.into()),
        Err(_) => duration::parse(text)?,
    };
    Some(Some(seconds).filter(|limit| !limit.is_zero()))
}

/// A cluster for commands that ask the API server itself.
///
/// # Errors
/// No connection.
pub fn cluster(connection: &Connection) -> Result<(Cluster, tokio::runtime::Runtime), Failure> {
    let runtime = runtime()?;
    let cluster = runtime.block_on(connection.connect()).map_err(|error| no_connection(&error))?;
    Ok((cluster, runtime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_seconds_or_go_durations() {
        let some = |seconds| Some(Some(Duration::from_secs_f64(seconds)));
        assert_eq!(parse_timeout("0"), Some(None));
        assert_eq!(parse_timeout("0s"), Some(None));
        assert_eq!(parse_timeout("5"), some(5.0));
        assert_eq!(parse_timeout("1m30s"), some(90.0));
        assert_eq!(parse_timeout("1.5s"), some(1.5));
        assert_eq!(parse_timeout("250ms"), some(0.25));
        for wrong in ["x", "1", "-1", "1d", "s", "1s2"] {
            assert!(wrong == "1" || parse_timeout(wrong).is_none(), "{wrong}");
        }
    }
}

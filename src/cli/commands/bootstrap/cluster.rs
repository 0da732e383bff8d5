//! The cluster of a run: connected when it is first needed, and every failed request in words.

use super::args::Common;
use crate::bootstrap::MANAGER;
use crate::cli::report::{Context as _, Failure};
use crate::cli::{Io, online};
use crate::cluster::Connection;
use crate::cluster::objects::{Objects, Reason, RequestError};

/// A connection on one thread.
pub(super) struct Cluster {
    runtime: tokio::runtime::Runtime,
    objects: Objects,
}

impl Cluster {
    /// Connects; the first request comes later.
    pub(super) fn connect(common: &Common, io: &Io) -> Result<Self, Failure> {
        let connection = Connection {
            kubeconfig: common.kubeconfig.as_ref().map(|path| io.path(path)),
            files: Some(online::kubeconfig_files(io)),
            context: common.context.clone(),
            timeout: Some(online::DEFAULT_TIMEOUT),
            ..Connection::default()
        };
        let (cluster, runtime) = online::cluster(&connection)
            .context(|| "the bootstrap file has Secrets for the cluster, and there is no connection to one")?;
        Ok(Self { objects: Objects::new(&cluster, MANAGER), runtime })
    }

    /// Sends requests and waits.
    pub(super) fn run<T>(&self, request: impl AsyncFnOnce(&Objects) -> T) -> T {
        self.runtime.block_on(request(&self.objects))
    }

    /// As [`Self::run`], with a failure in words.
    pub(super) fn ask<T>(&self, request: impl AsyncFnOnce(&Objects) -> Result<T, RequestError>) -> Result<T, Failure> {
        self.run(request).map_err(|error| failure(&error))
    }
}

/// A failed request, with what to do about it.
pub(super) fn failure(error: &RequestError) -> Failure {
    let failure = Failure::new(&error.reason).wrap(format_args!("cannot {}", error.what));
    match &error.reason {
        Reason::Trouble(trouble) => trouble.hint().into_iter().fold(failure, Failure::with_hint),
        _ => failure,
    }
}

//! A cluster that somebody else runs: `HECATE_TEST_KUBECONFIG`.

use std::path::{Path, PathBuf};

use super::Cluster;
use crate::support::Run;

/// Where a test runs that needs only an API and a controller behind a Service of the usual name.
pub(crate) struct Place<'a> {
    /// Ours; otherwise the network of this machine.
    cluster: Option<&'a Cluster>,
    /// The administrator's, or whoever's it is that the variable names.
    pub(crate) kubeconfig: PathBuf,
}

impl<'a> Place<'a> {
    /// Our own cluster.
    pub(crate) fn ours(cluster: &'a Cluster) -> Self {
        Self { cluster: Some(cluster), kubeconfig: cluster.kubeconfig(&cluster.admin(), None) }
    }

    /// The cluster of `HECATE_TEST_KUBECONFIG`, if it is set.
    pub(crate) fn existing() -> Option<Self> {
        let kubeconfig = PathBuf::from(std::env::var_os("HECATE_TEST_KUBECONFIG")?);
        Some(Self { cluster: None, kubeconfig })
    }

    /// A program that reaches the API server and is told the kubeconfig.
    pub(crate) fn run(&self, program: impl AsRef<Path>) -> Run {
        let run = match self.cluster {
            Some(cluster) => cluster.run(program.as_ref()),
            None => Run::new(program.as_ref()),
        };
        run.arg("--kubeconfig").arg(&self.kubeconfig)
    }
}

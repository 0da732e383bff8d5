//! The little of a kubeconfig that sealing needs: contexts, their namespaces, and which context is current.
//!
//! Several files are merged as client-go does: the first file that sets a value wins. A file that does not exist is skipped, one
//! that cannot be read or parsed is an error. Users, tokens and certificates are not looked at.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Largest kubeconfig: 4 MiB. Real ones with hundreds of clusters are below 1 MiB.
const MAX_BYTES: u64 = 4 << 20;

/// Why a kubeconfig cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system said no.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// More than is read.
    #[error("{}: larger than {MAX_BYTES} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// It is no kubeconfig. The parser's words are left out: they could repeat a token.
    #[error("{}: not a kubeconfig", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
    },
}

/// A context of a kubeconfig.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubeContext {
    /// `namespace`; `None` when absent or empty.
    pub namespace: Option<String>,
}

/// What one or several kubeconfig files say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kubeconfig {
    /// `current-context`; `None` when absent or empty.
    pub current_context: Option<String>,
    /// The contexts by name.
    pub contexts: BTreeMap<String, KubeContext>,
    /// Whether any cluster is defined.
    pub has_clusters: bool,
}

#[derive(Default, Deserialize)]
struct File {
    #[serde(rename = "current-context", default)]
    current_context: Option<String>,
    #[serde(default)]
    contexts: Option<Vec<NamedContext>>,
    #[serde(default)]
    clusters: Option<Vec<serde::de::IgnoredAny>>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    #[serde(default)]
    context: Option<ContextFields>,
}

#[derive(Default, Deserialize)]
struct ContextFields {
    #[serde(default)]
    namespace: Option<String>,
}

impl Kubeconfig {
    /// Reads one file, which must exist.
    ///
    /// # Errors
    /// [`Error`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        use io::Read as _;
        let failed = |source| Error::Read { path: path.to_owned(), source };
        let mut text = String::new();
        std::fs::File::open(path).map_err(failed)?.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
        if text.len() as u64 > MAX_BYTES {
            return Err(Error::TooLarge { path: path.to_owned() });
        }
        Self::parse(&text).ok_or_else(|| Error::Parse { path: path.to_owned() })
    }

    /// Reads several files, skipping those that do not exist; the first that sets a value wins.
    ///
    /// # Errors
    /// [`Error`] for the first file that is there and cannot be used.
    pub fn read_all(paths: &[PathBuf]) -> Result<Self, Error> {
        let mut merged = Self::default();
        for path in paths {
            match Self::read(path) {
                Ok(config) => merged.add(config),
                Err(Error::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(merged)
    }

    /// The namespace of the current context.
    #[must_use]
    pub fn current_namespace(&self) -> Option<&str> {
        self.contexts.get(self.current_context.as_ref()?)?.namespace.as_deref()
    }

    fn add(&mut self, later: Self) {
        if self.current_context.is_none() {
            self.current_context = later.current_context;
        }
        for (name, context) in later.contexts {
            self.contexts.entry(name).or_insert(context);
        }
        self.has_clusters |= later.has_clusters;
    }

    fn parse(text: &str) -> Option<Self> {
        // An empty file is an empty configuration.
        if text.lines().all(|line| matches!(line.trim(), "" | "---") || line.trim_start().starts_with('#')) {
            return Some(Self::default());
        }
        let file: File = serde_saphyr::from_str(text).ok()?;
        let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
        let contexts = file
            .contexts
            .unwrap_or_default()
            .into_iter()
            .map(|named| (named.name, KubeContext { namespace: filled(named.context.unwrap_or_default().namespace) }));
        Some(Self {
            current_context: filled(file.current_context),
            contexts: contexts.collect(),
            has_clusters: file.clusters.is_some_and(|clusters| !clusters.is_empty()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context: {cluster: c, namespace: one}\n- name: b\n  context: {cluster: c}\nclusters:\n- {name: c, cluster: {server: 'https://x'}}\nusers:\n- name: u\n  user: {token: hunter2}\n";

    #[test]
    fn the_current_context_has_a_namespace_or_not() {
        let config = Kubeconfig::parse(ONE).unwrap();
        assert_eq!(config.current_namespace(), Some("one"));
        assert_eq!(config.contexts["b"], KubeContext::default());
        assert!(config.has_clusters);
        assert_eq!(Kubeconfig::parse("# nothing\n"), Some(Kubeconfig::default()));
        assert_eq!(Kubeconfig::parse("contexts: null\ncurrent-context: ''\n"), Some(Kubeconfig::default()));
    }

    #[test]
    fn the_first_file_wins_and_missing_ones_are_skipped() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("1"), folder.path().join("2"));
        std::fs::write(&one, "contexts:\n- {name: a, context: {namespace: first}}\n").unwrap();
        std::fs::write(&two, ONE).unwrap();
        let merged = Kubeconfig::read_all(&[folder.path().join("none"), one, two]).unwrap();
        assert_eq!(merged.current_context.as_deref(), Some("a"));
        assert_eq!(merged.current_namespace(), Some("first"));
        assert!(merged.contexts.contains_key("b"));
    }

    #[test]
    fn what_is_no_kubeconfig_is_an_error_that_repeats_nothing_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        std::fs::write(&path, "contexts: {token: hunter2}\n").unwrap();
        let error = Kubeconfig::read(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("{}: not a kubeconfig", path.display()));
        assert!(matches!(Kubeconfig::read(folder.path()), Err(Error::Read { .. })));
    }
}

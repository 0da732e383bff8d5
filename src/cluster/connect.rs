//! Which API server, as whom: kubeconfig, kubectl's connection flags, or the service account of the Pod that we run in.
//!
//! What each says wins over the next, as in client-go: a flag, the kubeconfig's context with its cluster and user, the Pod
//! (`sealed-secrets.md` §2.1, §2.5). Several kubeconfig files are merged, the first that sets a value wins.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{AuthInfo, Context, KubeConfigOptions, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext};

use super::proxy;
use super::trouble::chain;
use crate::secret::SecretString;

/// Longest time for making a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Where a Pod finds its service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// Largest kubeconfig: 4 MiB. Real ones with hundreds of clusters are below 1 MiB.
const MAX_KUBECONFIG: u64 = 4 << 20;

/// What a user said about the connection: the flags that kubectl has. Nothing said: `KUBECONFIG`, `~/.kube/config`, then the Pod's
/// service account.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Connection {
    /// `--kubeconfig`: path of a kubeconfig, instead of `KUBECONFIG` and `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// The files of `KUBECONFIG`, or `~/.kube/config`, where the caller has its own view of the environment. Those that do not exist
    /// are skipped.
    pub files: Option<Vec<PathBuf>>,
    /// `--context`: context of the kubeconfig, instead of its current one.
    pub context: Option<String>,
    /// `--cluster`: cluster of the kubeconfig, instead of the context's.
    pub cluster: Option<String>,
    /// `--user`: user of the kubeconfig, instead of the context's.
    pub user: Option<String>,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// `--server`: address of the API server; `https://` where no scheme is said.
    pub server: Option<String>,
    /// `--tls-server-name`: name that the server's certificate must have.
    pub tls_server_name: Option<String>,
    /// `--certificate-authority`: PEM file of those who may have issued the server's certificate.
    pub certificate_authority: Option<PathBuf>,
    /// `--insecure-skip-tls-verify`.
    pub insecure_skip_tls_verify: Option<bool>,
    /// `--proxy-url`: `http`, `https` or `socks5`.
    pub proxy_url: Option<String>,
    /// `--client-certificate`: PEM file.
    pub client_certificate: Option<PathBuf>,
    /// `--client-key`: PEM file.
    pub client_key: Option<PathBuf>,
    /// `--token`.
    pub token: Option<SecretString>,
    /// `--username`.
    pub username: Option<String>,
    /// `--password`.
    pub password: Option<SecretString>,
    /// `--as`: whom to act as.
    pub impersonate: Option<String>,
    /// `--as-uid`.
    pub impersonate_uid: Option<String>,
    /// `--as-group`.
    pub impersonate_groups: Vec<String>,
    /// Longest wait for the answer to a request; `None`: for ever, which a watch needs. With a limit requests are not repeated in silence.
    pub timeout: Option<Duration>,
}

/// A connected client and the namespace that is meant when none is said.
#[derive(Clone)]
pub struct Cluster {
    /// The client.
    pub client: kube::Client,
    /// Namespace of `--namespace`, the kubeconfig's context or the service account; `default` if none says one.
    pub namespace: String,
    /// Address of the API server, for messages.
    pub server: String,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("namespace", &self.namespace).field("server", &self.server).finish_non_exhaustive()
    }
}

/// Why there is no connection. The text never holds a token or a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A kubeconfig cannot be read.
    #[error("cannot read the kubeconfig {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is no kubeconfig. The parser's words are left out: they could repeat a token.
    #[error("{} is no kubeconfig", .0.display())]
    Parse(PathBuf),
    /// The context that was named, or that is the current one, is not there.
    #[error("context {0:?} does not exist")]
    NoContext(String),
    /// The cluster that is meant is not there.
    #[error("cluster {0:?} does not exist")]
    NoCluster(String),
    /// The user that is meant is not there.
    #[error("auth info {0:?} does not exist")]
    NoUser(String),
    /// Neither a kubeconfig nor a service account. The words are client-go's.
    #[error("invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable")]
    NotConfigured,
    /// The Pod's service account cannot be used.
    #[error("cannot use the service account of the Pod: {0}")]
    Pod(String),
    /// What the kubeconfig or the flags say cannot be used: an address, a certificate.
    #[error("the connection to the cluster is configured wrongly: {0}")]
    Wrong(String),
}

impl Error {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotConfigured => Some("name a kubeconfig with --kubeconfig or KUBECONFIG"),
            Self::NoContext(_) => Some("`kubectl config get-contexts` shows what there is"),
            _ => None,
        }
    }
}

impl Connection {
    /// Makes the client; no request is sent yet.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn connect(&self) -> Result<Cluster, Error> {
        // Another crate may have installed the same provider: then there is one.
        _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let merged = self.files()?;
        let current = merged.current_context.clone().filter(|name| !name.is_empty());
        let context = self.context.clone().or(current);
        let mut config = if context.is_none() && self.server.is_none() && self.cluster.is_none() {
            self.of_pod()?
        } else {
            self.of_kubeconfig(&merged, context.as_deref()).await?
        };
        if let Some(namespace) = &self.namespace {
            config.default_namespace.clone_from(namespace);
        }
        config.connect_timeout = Some(self.timeout.map_or(CONNECT_TIMEOUT, |limit| limit.min(CONNECT_TIMEOUT)));
        if let Some(limit) = self.timeout {
            config.read_timeout = Some(limit);
            config.write_timeout = Some(limit);
            config.reset_reader_on_write = true;
            config.default_retry = false;
        }
        let namespace = config.default_namespace.clone();
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = kube::Client::try_from(config).map_err(|error| wrong(&error))?;
        Ok(Cluster { client, namespace, server })
    }

    /// What the current context of one kubeconfig says, and nothing besides: no other file, no service account.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn current_context_of(path: &Path) -> Result<kube::Config, Error> {
        let file = read(path)?;
        let name =
            file.current_context.clone().ok_or_else(|| Error::Wrong("the kubeconfig has no current context".to_owned()))?;
        Self::default().of_kubeconfig(&file, Some(&name)).await
    }

    /// What the service account of the Pod that we run in says, through the proxy that the environment names.
    ///
    /// # Errors
    /// There is no service account.
    pub fn service_account() -> Result<kube::Config, Error> {
        let mut config = kube::Config::incluster().map_err(|error| Error::Pod(chain(&error)))?;
        let server = config.cluster_url.to_string();
        set_proxy(&mut config, None, &server)?;
        Ok(config)
    }

    /// All kubeconfig files in one.
    fn files(&self) -> Result<Kubeconfig, Error> {
        if let Some(path) = &self.kubeconfig {
            return read(path);
        }
        let from_environment = || match std::env::var_os("KUBECONFIG").filter(|list| !list.is_empty()) {
            Some(list) => std::env::split_paths(&list).collect(),
            None => std::env::home_dir().map(|home| home.join(".kube/config")).into_iter().collect(),
        };
        let files: Vec<PathBuf> = self.files.clone().unwrap_or_else(from_environment);
        let mut merged = Kubeconfig::default();
        for path in files.iter().filter(|path| !path.as_os_str().is_empty()) {
            match read(path) {
                Ok(config) => merged = merged.merge(config).map_err(|_| Error::Parse(path.clone()))?,
                Err(Error::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(merged)
    }

    /// The service account of the Pod that we run in.
    fn of_pod(&self) -> Result<kube::Config, Error> {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let in_pod = set("KUBERNETES_SERVICE_HOST") && set("KUBERNETES_SERVICE_PORT");
        if !in_pod || !Path::new(SERVICE_ACCOUNT).join("token").is_file() {
            return Err(Error::NotConfigured);
        }
        let mut config = Self::service_account()?;
        if let Some(namespace) = std::env::var("POD_NAMESPACE").ok().filter(|text| !text.is_empty()) {
            config.default_namespace = namespace;
        }
        if let Some(token) = &self.token {
            config.auth_info = AuthInfo { token: Some(token.expose().to_owned().into()), ..AuthInfo::default() };
        }
        Ok(config)
    }

    /// What a context means, with the flags over it.
    async fn of_kubeconfig(&self, merged: &Kubeconfig, name: Option<&str>) -> Result<kube::Config, Error> {
        let context = match name {
            None => Context::default(),
            Some(name) => {
                let found = merged.contexts.iter().find(|named| named.name == name).and_then(|named| named.context.clone());
                found.ok_or_else(|| Error::NoContext(name.to_owned()))?
            }
        };
        let mut cluster = match self.cluster.clone().or_else(|| Some(context.cluster).filter(|name| !name.is_empty())) {
            None => kube::config::Cluster::default(),
            Some(name) => {
                let found = merged.clusters.iter().find(|named| named.name == name).and_then(|named| named.cluster.clone());
                found.ok_or(Error::NoCluster(name))?
            }
        };
        if let Some(server) = &self.server {
            cluster.server = Some(server.clone());
        }
        match cluster.server.as_deref().filter(|server| !server.is_empty()) {
            None => return Err(Error::NotConfigured),
            // As kubectl: a host alone is asked with TLS where credentials would be sent.
            Some(server) if !server.contains("://") => cluster.server = Some(format!("https://{server}")),
            Some(_) => {}
        }
        if let Some(name) = &self.tls_server_name {
            cluster.tls_server_name = Some(name.clone());
        }
        if let Some(path) = &self.certificate_authority {
            cluster.certificate_authority = Some(path.display().to_string());
            cluster.certificate_authority_data = None;
        }
        if let Some(insecure) = self.insecure_skip_tls_verify {
            cluster.insecure_skip_tls_verify = Some(insecure);
        }
        if let Some(proxy) = &self.proxy_url {
            cluster.proxy_url = Some(proxy.clone());
        }
        let proxy = cluster.proxy_url.clone().filter(|url| !url.is_empty());
        let server = cluster.server.clone().unwrap_or_default();

        let mut user = match self.user.clone().or(context.user).filter(|name| !name.is_empty()) {
            None => AuthInfo::default(),
            Some(name) => {
                let found = merged.auth_infos.iter().find(|named| named.name == name).and_then(|named| named.auth_info.clone());
                // client-go takes a context's user that is not there for one without credentials; a flag must name one.
                match found {
                    None if self.user.is_some() => return Err(Error::NoUser(name)),
                    found => found.unwrap_or_default(),
                }
            }
        };
        self.credentials(&mut user);

        let whole = Kubeconfig {
            clusters: vec![NamedCluster { name: String::new(), cluster: Some(cluster), ..NamedCluster::default() }],
            auth_infos: vec![NamedAuthInfo { name: String::new(), auth_info: Some(user), ..NamedAuthInfo::default() }],
            contexts: vec![NamedContext {
                name: String::new(),
                context: Some(Context {
                    user: Some(String::new()),
                    namespace: context.namespace.filter(|namespace| !namespace.is_empty()),
                    ..Context::default()
                }),
                ..NamedContext::default()
            }],
            current_context: Some(String::new()),
            ..Kubeconfig::default()
        };
        let options = KubeConfigOptions::default();
        let mut config = kube::Config::from_custom_kubeconfig(whole, &options).await.map_err(|error| wrong(&error))?;
        // The library would compare NO_PROXY with the proxy's own address.
        set_proxy(&mut config, proxy, &server)?;
        Ok(config)
    }

    /// The flags that say who one is. A flag replaces what the kubeconfig says in another way.
    fn credentials(&self, user: &mut AuthInfo) {
        if let Some(token) = &self.token {
            user.token = Some(token.expose().to_owned().into());
            user.token_file = None;
            (user.exec, user.auth_provider) = (None, None);
        }
        if self.username.is_some() || self.password.is_some() {
            user.username = self.username.clone().or_else(|| user.username.take());
            user.password = self.password.as_ref().map(|text| text.expose().to_owned().into()).or_else(|| user.password.take());
            if self.token.is_none() {
                (user.token, user.token_file) = (None, None);
            }
            (user.exec, user.auth_provider) = (None, None);
        }
        if let Some(path) = &self.client_certificate {
            user.client_certificate = Some(path.display().to_string());
            user.client_certificate_data = None;
        }
        if let Some(path) = &self.client_key {
            user.client_key = Some(path.display().to_string());
            user.client_key_data = None;
        }
        if let Some(name) = &self.impersonate {
            user.impersonate = Some(name.clone());
        }
        if let Some(uid) = &self.impersonate_uid {
            user.impersonate_uid = Some(uid.clone());
        }
        if !self.impersonate_groups.is_empty() {
            user.impersonate_groups = Some(self.impersonate_groups.clone());
        }
    }
}

/// One file, its relative paths made absolute.
fn read(path: &Path) -> Result<Kubeconfig, Error> {
    let failed = |source| Error::Read { path: path.to_owned(), source };
    let about = std::fs::metadata(path).map_err(failed)?;
    if about.is_dir() {
        return Err(failed(std::io::Error::from(std::io::ErrorKind::IsADirectory)));
    }
    if about.len() > MAX_KUBECONFIG {
        return Err(failed(std::io::Error::other(format!("larger than {MAX_KUBECONFIG} bytes"))));
    }
    let mut config = Kubeconfig::read_from(path).map_err(|error| match error {
        kube::config::KubeconfigError::ReadConfig(source, _) => failed(source),
        _ => Error::Parse(path.to_owned()),
    })?;
    // client-go merges files whatever these say.
    (config.kind, config.api_version) = (None, None);
    config.current_context = config.current_context.filter(|name| !name.is_empty());
    Ok(config)
}

/// Sets the proxy to reach the server through: the one that is named, or the environment's.
fn set_proxy(config: &mut kube::Config, named: Option<String>, server: &str) -> Result<(), Error> {
    let chosen = named.or_else(|| proxy::of_environment(server));
    let parsed = chosen.map(|url| url.parse()).transpose();
    config.proxy_url = parsed.map_err(|_| Error::Wrong("the proxy's address is no URL".to_owned()))?;
    Ok(())
}

/// None of those that come here repeats what a file holds.
fn wrong(error: &(dyn std::error::Error + 'static)) -> Error {
    Error::Wrong(chain(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::block_on;

    const ONE: &str = "current-context: a\ncontexts:\n- {name: a, context: {cluster: c, user: u, namespace: one}}\n- {name: b, context: {cluster: gone}}\nclusters:\n- {name: c, cluster: {server: 'https://one:6443'}}\nusers:\n- {name: u, user: {token: hunter2}}\n";

    fn with(files: &[&str], change: impl FnOnce(&mut Connection)) -> Result<Cluster, Error> {
        let folder = tempfile::tempdir().unwrap();
        let paths = files.iter().enumerate().map(|(number, text)| {
            let path = folder.path().join(number.to_string());
            std::fs::write(&path, text).unwrap();
            path
        });
        let mut connection = Connection { files: Some(paths.collect()), ..Connection::default() };
        change(&mut connection);
        block_on(connection.connect()).unwrap()
    }

    #[test]
    fn contexts_name_server_and_namespace_and_flags_win() {
        let cluster = with(&[ONE], |_| {}).unwrap();
        assert_eq!((cluster.server.as_str(), cluster.namespace.as_str()), ("https://one:6443", "one"));
        let cluster = with(&[ONE], |connection| {
            connection.server = Some("two:1".into());
            connection.namespace = Some("other".into());
        });
        let cluster = cluster.unwrap();
        assert_eq!((cluster.server.as_str(), cluster.namespace.as_str()), ("https://two:1", "other"));
        // The first file that sets a value wins.
        let first = "contexts:\n- {name: a, context: {cluster: c}}\n";
        assert_eq!(with(&[first, ONE], |_| {}).unwrap().namespace, "default");
        assert_eq!(with(&[], |connection| connection.server = Some("http://x:1".into())).unwrap().server, "http://x:1");
    }

    #[test]
    fn what_is_missing_is_named_and_no_token_is_repeated() {
        let text = |result: Result<Cluster, Error>| result.unwrap_err().to_string();
        assert_eq!(text(with(&[ONE], |c| c.context = Some("zz".into()))), "context \"zz\" does not exist");
        assert_eq!(text(with(&[ONE], |c| c.context = Some("b".into()))), "cluster \"gone\" does not exist");
        assert_eq!(text(with(&[ONE], |c| c.user = Some("v".into()))), "auth info \"v\" does not exist");
        assert!(text(with(&[], |_| {})).starts_with("invalid configuration: no configuration has been provided"));
        let broken = text(with(&["users: {token: hunter2"], |_| {}));
        assert!(broken.ends_with(" is no kubeconfig") && !broken.contains("hunter2"), "{broken}");
        let missing = with(&[], |c| c.kubeconfig = Some("/none/such".into())).unwrap_err();
        assert_eq!(missing.to_string(), "cannot read the kubeconfig /none/such");
        let ca = text(with(&[ONE], |c| c.certificate_authority = Some("/none/ca".into())));
        assert!(ca.contains("/none/ca"), "{ca}");
    }
}

//! What a command line means: the parsed flags as fields with their types.

use super::parse::Parsed;
use crate::cluster::Connection;
use crate::seal::Scope;
use crate::secret::SecretString;

/// Flags that say which cluster, and which controller in it, is meant.
const CLUSTER_FLAGS: [&str; 6] = ["controller-name", "controller-namespace", "kubeconfig", "context", "cluster", "server"];

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Yaml,
}

impl Format {
    /// `json`, `yaml` in any case; empty is JSON.
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.to_lowercase().as_str() {
            "" | "json" => Some(Self::Json),
            "yaml" => Some(Self::Yaml),
            _ => None,
        }
    }
}

/// One run of kubeseal.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings {
    pub(super) cert: String,
    /// A flag or variable says which cluster is meant.
    pub(super) names_cluster: bool,
    /// `--format` as given; `None` if nobody gave it.
    pub(super) format: Option<String>,
    pub(super) output: Option<String>,
    pub(super) input: Option<String>,
    pub(super) fetch_cert: bool,
    pub(super) allow_empty_data: bool,
    pub(super) validate: bool,
    pub(super) merge_into: Option<String>,
    pub(super) raw: bool,
    pub(super) name: String,
    pub(super) from_file: Vec<String>,
    pub(super) scope: Scope,
    pub(super) re_encrypt: bool,
    pub(super) recovery_unseal: bool,
    pub(super) recovery_private_keys: Vec<String>,
    pub(super) kubeconfig: Option<String>,
    pub(super) context: Option<String>,
    pub(super) namespace: Option<String>,
    /// A server is named by a flag, so that kubectl's configuration is usable without a file.
    pub(super) server: Option<String>,
    /// Name of the controller's Service.
    pub(super) controller_name: String,
    /// Its namespace.
    pub(super) controller_namespace: String,
    /// The Service was named by flag or variable.
    pub(super) names_controller: bool,
    /// kubectl's connection flags.
    pub(super) connection: Connection,
    /// `--request-timeout` as given.
    pub(super) request_timeout: String,
}

impl Settings {
    pub(super) fn new(parsed: &Parsed) -> Self {
        let optional = |name: &str| Some(parsed.text(name)).filter(|text| !text.is_empty()).map(str::to_owned);
        let mut settings = Self {
            cert: parsed.text("cert").to_owned(),
            names_cluster: CLUSTER_FLAGS.iter().any(|name| parsed.is_given(name)),
            format: parsed.is_given("format").then(|| parsed.text("format").to_owned()),
            output: optional("sealed-secret-file"),
            input: optional("secret-file"),
            fetch_cert: parsed.is_on("fetch-cert"),
            allow_empty_data: parsed.is_on("allow-empty-data"),
            validate: parsed.is_on("validate"),
            merge_into: optional("merge-into"),
            raw: parsed.is_on("raw"),
            name: parsed.text("name").to_owned(),
            from_file: parsed.list("from-file").to_vec(),
            // The parser lets only scopes through.
            scope: parsed.text("scope").parse().unwrap_or_default(),
            re_encrypt: parsed.is_on("re-encrypt"),
            recovery_unseal: parsed.is_on("recovery-unseal"),
            recovery_private_keys: parsed.list("recovery-private-key").to_vec(),
            kubeconfig: optional("kubeconfig"),
            context: optional("context"),
            namespace: optional("namespace"),
            server: optional("server"),
            controller_name: parsed.text("controller-name").to_owned(),
            controller_namespace: parsed.text("controller-namespace").to_owned(),
            names_controller: parsed.is_given("controller-name"),
            connection: connection(parsed),
            request_timeout: parsed.text("request-timeout").to_owned(),
        };
        // Re-encryption is the only mode that works in place: one file is input and output.
        if settings.re_encrypt && settings.output.is_none() {
            settings.output.clone_from(&settings.input);
        }
        settings
    }

    /// The format of what is written: an output file named `.yaml` or `.yml` decides, then the flag.
    ///
    /// # Errors
    /// The flag's text, when it names no format.
    pub(super) fn output_format(&self) -> Result<Format, &str> {
        let named = self.output.as_deref().is_some_and(|file| file.ends_with(".yaml") || file.ends_with(".yml"));
        if named { Ok(Format::Yaml) } else { self.flag_format() }
    }

    /// The format that the flag names.
    ///
    /// # Errors
    /// The flag's text, when it names no format.
    pub(super) fn flag_format(&self) -> Result<Format, &str> {
        let text = self.format.as_deref().unwrap_or_default();
        Format::parse(text).ok_or(text)
    }
}

/// kubectl's connection flags. Paths are as they were given.
fn connection(parsed: &Parsed) -> Connection {
    let text = |name: &str| Some(parsed.text(name)).filter(|text| !text.is_empty()).map(str::to_owned);
    Connection {
        kubeconfig: text("kubeconfig").map(Into::into),
        context: text("context"),
        cluster: text("cluster"),
        user: text("user"),
        namespace: text("namespace"),
        server: text("server"),
        tls_server_name: text("tls-server-name"),
        certificate_authority: text("certificate-authority").map(Into::into),
        insecure_skip_tls_verify: parsed.is_on("insecure-skip-tls-verify").then_some(true),
        proxy_url: text("proxy-url"),
        client_certificate: text("client-certificate").map(Into::into),
        client_key: text("client-key").map(Into::into),
        token: text("token").map(SecretString::new),
        username: text("username"),
        password: text("password").map(SecretString::new),
        impersonate: text("as"),
        impersonate_uid: text("as-uid"),
        impersonate_groups: parsed.list("as-group").to_vec(),
        ..Connection::default()
    }
}

//! Every flag of kubeseal, as data: name, shorthand, kind, default, help.
//!
//! Parser, usage text, environment and settings are all made from this table, which follows kubeseal 0.27.1 (`sealed-secrets.md`
//! §2.1): its own flags, kubectl's connection flags, and klog's, which parse and do nothing here. Sorted by name, as printed.

/// What a flag takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `--flag`, `--flag=false`.
    Bool,
    /// Any text.
    Text,
    /// Comma-separated text in CSV quoting; values add up.
    List,
    /// Text; values add up.
    Array,
    /// A sealing scope; empty is strict.
    Scope,
    /// A namespace, whose prefix `ns/`, `namespace/` or `namespaces/` is dropped.
    Namespace,
    /// klog: a whole number.
    Level,
    /// klog: a whole number that is not negative.
    Uint,
    /// klog: a whole number or the name of a severity.
    Severity,
    /// klog: `file.go:234`.
    TraceLocation,
    /// klog: `pattern=N,…`.
    ModuleSpec,
}

impl Kind {
    /// The word after the flag in the usage text.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Bool => "",
            Self::Text | Self::Scope | Self::Namespace => "string",
            Self::List => "strings",
            Self::Array => "stringArray",
            Self::Level => "Level",
            Self::Uint => "uint",
            Self::Severity => "severity",
            Self::TraceLocation => "traceLocation",
            Self::ModuleSpec => "moduleSpec",
        }
    }
}

/// One flag.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flag {
    /// Long name without dashes.
    pub(super) name: &'static str,
    /// Letter after one dash.
    pub(super) shorthand: Option<u8>,
    /// What it takes.
    pub(super) kind: Kind,
    /// Its value when nobody gives one, as text.
    pub(super) default: &'static str,
    /// Whether `SEALED_SECRETS_NAME` sets it.
    pub(super) env: bool,
    /// What it is for.
    pub(super) help: &'static str,
    /// It is another name of this flag: which one, and what is printed when it is used. Not in the usage text.
    pub(super) deprecated: Option<(&'static str, &'static str)>,
}

impl Flag {
    /// The environment variable that sets it, if one does.
    pub(super) fn variable(&self) -> Option<String> {
        self.env.then(|| format!("SEALED_SECRETS_{}", self.name.to_ascii_uppercase().replace('-', "_")))
    }

    const fn short(mut self, letter: u8) -> Self {
        self.shorthand = Some(letter);
        self
    }

    const fn deprecated(mut self, by: &'static str, advice: &'static str) -> Self {
        self.deprecated = Some((by, advice));
        self
    }
}

/// A flag of kubeseal or kubectl.
const fn flag(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, shorthand: None, kind, default, env: true, help, deprecated: None }
}

/// A flag of klog: no variable sets it.
const fn klog(name: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Flag {
    Flag { name, shorthand: None, kind, default, env: false, help, deprecated: None }
}

/// The table.
pub(super) const FLAGS: &[Flag] = &[
    klog("add_dir_header", Kind::Bool, "false", "If true, adds the file directory to the header of the log messages"),
    flag("allow-empty-data", Kind::Bool, "false", "Allow empty data in the secret object"),
    klog("alsologtostderr", Kind::Bool, "false", "log to standard error as well as files (no effect when -logtostderr=true)"),
    flag("as", Kind::Text, "", "Username to impersonate for the operation"),
    flag(
        "as-group",
        Kind::Array,
        "",
        "Group to impersonate for the operation, this flag can be repeated to specify multiple groups.",
    ),
    flag("as-uid", Kind::Text, "", "UID to impersonate for the operation"),
    flag("cert", Kind::Text, "", "Certificate / public key file/URL to use for encryption. Overrides --controller-*"),
    flag("certificate-authority", Kind::Text, "", "Path to a cert file for the certificate authority"),
    flag("client-certificate", Kind::Text, "", "Path to a client certificate file for TLS"),
    flag("client-key", Kind::Text, "", "Path to a client key file for TLS"),
    flag("cluster", Kind::Text, "", "The name of the kubeconfig cluster to use"),
    flag("context", Kind::Text, "", "The name of the kubeconfig context to use"),
    flag("controller-name", Kind::Text, "sealed-secrets-controller", "Name of sealed-secrets controller."),
    flag("controller-namespace", Kind::Text, "kube-system", "Namespace of sealed-secrets controller."),
    flag("disable-compression", Kind::Bool, "false", "If true, opt-out of response compression for all requests to the server"),
    flag("fetch-cert", Kind::Bool, "false", "Write certificate to stdout. Useful for later use with --cert"),
    flag("format", Kind::Text, "json", "Output format for sealed secret. Either json or yaml").short(b'o'),
    flag(
        "from-file",
        Kind::List,
        "",
        "(only with --raw) Secret items can be sourced from files. Pro-tip: you can use /dev/stdin to read pipe \
         input. This flag tries to follow the same syntax as in kubectl",
    ),
    flag("help", Kind::Bool, "false", "Print this help message"),
    flag(
        "insecure-skip-tls-verify",
        Kind::Bool,
        "false",
        "If true, the server's certificate will not be checked for validity. This will make your HTTPS connections \
         insecure",
    ),
    flag("kubeconfig", Kind::Text, "", "Path to a kube config. Only required if out-of-cluster"),
    klog("log_backtrace_at", Kind::TraceLocation, ":0", "when logging hits line file:N, emit a stack trace"),
    klog("log_dir", Kind::Text, "", "If non-empty, write log files in this directory (no effect when -logtostderr=true)"),
    klog("log_file", Kind::Text, "", "If non-empty, use this log file (no effect when -logtostderr=true)"),
    klog(
        "log_file_max_size",
        Kind::Uint,
        "1800",
        "Defines the maximum size a log file can grow to (no effect when -logtostderr=true). Unit is megabytes. If \
         the value is 0, the maximum file size is unlimited.",
    ),
    klog("logtostderr", Kind::Bool, "true", "log to standard error instead of files"),
    flag(
        "merge-into",
        Kind::Text,
        "",
        "Merge items from secret into an existing sealed secret file, updating the file in-place instead of \
         writing to stdout.",
    ),
    flag("name", Kind::Text, "", "Name of the sealed secret (required with --raw and default (strict) scope)"),
    flag("namespace", Kind::Namespace, "", "If present, the namespace scope for this CLI request").short(b'n'),
    klog(
        "one_output",
        Kind::Bool,
        "false",
        "If true, only write logs to their native severity level (vs also writing to each lower severity level; no \
         effect when -logtostderr=true)",
    ),
    flag("password", Kind::Text, "", "Password for basic authentication to the API server"),
    flag("proxy-url", Kind::Text, "", "If provided, this URL will be used to connect via proxy"),
    flag("raw", Kind::Bool, "false", "Encrypt a raw value passed via the --from-* flags instead of the whole secret object"),
    flag("re-encrypt", Kind::Bool, "false", "Re-encrypt the given sealed secret to use the latest cluster key."),
    flag(
        "recovery-private-key",
        Kind::List,
        "",
        "Private key filename used by the --recovery-unseal command. Multiple files accepted either via comma \
         separated list or by repetition of the flag. Either PEM encoded private keys or a backup of a json/yaml \
         encoded k8s sealed-secret controller secret (and v1.List) are accepted. ",
    ),
    flag(
        "recovery-unseal",
        Kind::Bool,
        "false",
        "Decrypt a sealed secrets file obtained from stdin, using the private key passed with \
         --recovery-private-key. Intended to be used in disaster recovery mode.",
    ),
    flag(
        "request-timeout",
        Kind::Text,
        "0",
        "The length of time to wait before giving up on a single server request. Non-zero values should contain a \
         corresponding time unit (e.g. 1s, 2m, 3h). A value of zero means don't timeout requests.",
    ),
    flag("rotate", Kind::Bool, "false", "").deprecated("re-encrypt", "please use --re-encrypt instead"),
    flag(
        "scope",
        Kind::Scope,
        "strict",
        "Set the scope of the sealed secret: strict, namespace-wide, cluster-wide (defaults to strict). Mandatory \
         for --raw, otherwise the 'sealedsecrets.bitnami.com/cluster-wide' and \
         'sealedsecrets.bitnami.com/namespace-wide' annotations on the input secret can be used to select the \
         scope.",
    ),
    flag("sealed-secret-file", Kind::Text, "", "Sealed-secret (output) file").short(b'w'),
    flag("secret-file", Kind::Text, "", "Secret (input) file").short(b'f'),
    flag("server", Kind::Text, "", "The address and port of the Kubernetes API server"),
    klog("skip_headers", Kind::Bool, "false", "If true, avoid header prefixes in the log messages"),
    klog(
        "skip_log_headers",
        Kind::Bool,
        "false",
        "If true, avoid headers when opening log files (no effect when -logtostderr=true)",
    ),
    klog(
        "stderrthreshold",
        Kind::Severity,
        "2",
        "logs at or above this threshold go to stderr when writing to files and stderr (no effect when \
         -logtostderr=true or -alsologtostderr=true)",
    ),
    flag(
        "tls-server-name",
        Kind::Text,
        "",
        "If provided, this name will be used to validate server certificate. If this is not provided, hostname \
         used to contact the server is used.",
    ),
    flag("token", Kind::Text, "", "Bearer token for authentication to the API server"),
    flag("user", Kind::Text, "", "The name of the kubeconfig user to use"),
    flag("username", Kind::Text, "", "Username for basic authentication to the API server"),
    klog("v", Kind::Level, "", "number for the log level verbosity").short(b'v'),
    flag("validate", Kind::Bool, "false", "Validate that the sealed secret can be decrypted"),
    flag("version", Kind::Bool, "false", "Print version information and exit"),
    klog("vmodule", Kind::ModuleSpec, "", "comma-separated list of pattern=N settings for file-filtered logging"),
];

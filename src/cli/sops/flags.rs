//! What a flag is, and the flags that several commands share.

/// What a flag takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing, or `=true` and the like; off unless given.
    Bool,
    /// The same, and on unless switched off.
    On,
    /// Any text.
    Text,
    /// A whole number.
    Int,
    /// Any text, again and again.
    List,
}

/// One flag of the command line.
#[derive(Debug)]
pub(super) struct Flag {
    /// Its name without dashes.
    pub(super) name: &'static str,
    /// A second name, often a letter; empty if there is none.
    pub(super) alias: &'static str,
    /// What it takes.
    pub(super) kind: Kind,
    /// The environment variable that stands for it; empty if there is none.
    pub(super) variable: &'static str,
    /// Its value if nothing is given; for text only.
    pub(super) default: &'static str,
    /// One line for the help.
    pub(super) help: &'static str,
    /// Whether it is there only as `hecate-seal sops`: called as `sops` it is unknown, as in sops.
    pub(super) ours: bool,
}

impl Flag {
    /// A flag with one name.
    pub(super) const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self { name, alias: "", kind, variable: "", default: "", help, ours: false }
    }

    /// With a second name.
    pub(super) const fn or(mut self, alias: &'static str) -> Self {
        self.alias = alias;
        self
    }

    /// Only as `hecate-seal sops`.
    pub(super) const fn ours(mut self) -> Self {
        self.ours = true;
        self
    }

    /// With a variable.
    pub(super) const fn env(mut self, variable: &'static str) -> Self {
        self.variable = variable;
        self
    }

    /// With a default.
    pub(super) const fn default(mut self, default: &'static str) -> Self {
        self.default = default;
        self
    }
}

use Kind::{Bool, Int, List, On, Text};

pub(super) const HELP: &[Flag] = &[Flag::new("help", Bool, "show help").or("h")];

pub(super) const KEY_SERVICE: &[Flag] = &[
    Flag::new("enable-local-keyservice", On, "open and wrap keys in this process (on unless `=false`)")
        .env("SOPS_ENABLE_LOCAL_KEYSERVICE"),
    Flag::new("keyservice", List, "also use the key service at PROTOCOL://ADDRESS; may be given several times")
        .env("SOPS_KEYSERVICE"),
];

pub(super) const IN_PLACE: &[Flag] = &[Flag::new("in-place", Bool, "write the result into the file itself").or("i")];

pub(super) const OUTPUT: &[Flag] = &[Flag::new("output", Text, "write the result into this file")];

pub(super) const INPUT_TYPE: &[Flag] =
    &[Flag::new("input-type", Text, "format of the input: json, yaml, dotenv, ini or binary; else by the file's name")];

pub(super) const OUTPUT_TYPE: &[Flag] =
    &[Flag::new("output-type", Text, "format of the output: json, yaml, dotenv, ini or binary; else by the file's name")];

pub(super) const IGNORE_MAC: &[Flag] =
    &[Flag::new("ignore-mac", Bool, "do not check the MAC; every value is still authenticated by itself")];

pub(super) const EXTRACT: &[Flag] = &[Flag::new("extract", Text, "only what lies at this path, such as '[\"key\"][0]'")];

pub(super) const FILENAME_OVERRIDE: &[Flag] =
    &[Flag::new("filename-override", Text, "take this name for the rules and the formats; needed to encrypt standard input")];

pub(super) const DECRYPTION_ORDER: &[Flag] =
    &[Flag::new("decryption-order", Text, "services whose keys are tried first, with commas between")
        .env("SOPS_DECRYPTION_ORDER")];

pub(super) const THRESHOLD: &[Flag] =
    &[Flag::new("shamir-secret-sharing-threshold", Int, "how many key groups must agree to open the file")];

pub(super) const ENCRYPTION_CONTEXT: &[Flag] =
    &[Flag::new("encryption-context", Text, "context of KMS keys, KEY:VALUE with commas")];

pub(super) const KEYS: &[Flag] = &[
    Flag::new("kms", Text, "AWS KMS keys, with commas (needs a key service)").or("k").env("SOPS_KMS_ARN"),
    Flag::new("aws-profile", Text, "profile for requests to AWS"),
    Flag::new("gcp-kms", Text, "Google Cloud KMS keys, with commas (needs a key service)").env("SOPS_GCP_KMS_IDS"),
    Flag::new("hckms", Text, "Huawei Cloud KMS keys, with commas (needs a key service)").env("SOPS_HUAWEICLOUD_KMS_IDS"),
    Flag::new("azure-kv", Text, "Azure Key Vault keys, with commas (needs a key service)").env("SOPS_AZURE_KEYVAULT_URLS"),
    Flag::new("hc-vault-transit", Text, "Vault transit keys, with commas (needs a key service)").env("SOPS_VAULT_URIS"),
    Flag::new("pgp", Text, "PGP fingerprints, with commas (needs a key service)").or("p").env("SOPS_PGP_FP"),
    Flag::new("age", Text, "age recipients, with commas").or("a").env("SOPS_AGE_RECIPIENTS"),
];

pub(super) const GROUP_KEYS: &[Flag] = &[
    Flag::new("pgp", List, "a PGP fingerprint of the new group (needs a key service)"),
    Flag::new("kms", List, "an AWS KMS key of the new group (needs a key service)"),
    Flag::new("aws-profile", Text, "profile for requests to AWS"),
    Flag::new("gcp-kms", List, "a Google Cloud KMS key of the new group (needs a key service)"),
    Flag::new("hckms", List, "a Huawei Cloud KMS key of the new group (needs a key service)"),
    Flag::new("azure-kv", List, "an Azure Key Vault key of the new group (needs a key service)"),
    Flag::new("hc-vault-transit", List, "a Vault transit key of the new group (needs a key service)"),
    Flag::new("age", List, "an age recipient of the new group; may be given several times"),
];

pub(super) const ADD_REMOVE: &[Flag] = &[
    Flag::new("add-gcp-kms", Text, "Google Cloud KMS keys to add, with commas (needs a key service)"),
    Flag::new("rm-gcp-kms", Text, "Google Cloud KMS keys to remove, with commas"),
    Flag::new("add-hckms", Text, "Huawei Cloud KMS keys to add, with commas (needs a key service)"),
    Flag::new("rm-hckms", Text, "Huawei Cloud KMS keys to remove, with commas"),
    Flag::new("add-azure-kv", Text, "Azure Key Vault keys to add, with commas (needs a key service)"),
    Flag::new("rm-azure-kv", Text, "Azure Key Vault keys to remove, with commas"),
    Flag::new("add-kms", Text, "AWS KMS keys to add, with commas (needs a key service)"),
    Flag::new("rm-kms", Text, "AWS KMS keys to remove, with commas"),
    Flag::new("add-hc-vault-transit", Text, "Vault transit keys to add, with commas (needs a key service)"),
    Flag::new("rm-hc-vault-transit", Text, "Vault transit keys to remove, with commas"),
    Flag::new("add-age", Text, "age recipients to add, with commas"),
    Flag::new("rm-age", Text, "age recipients to remove, with commas"),
    Flag::new("add-pgp", Text, "PGP fingerprints to add, with commas (needs a key service)"),
    Flag::new("rm-pgp", Text, "PGP fingerprints to remove, with commas"),
];

pub(super) const SELECTORS: &[Flag] = &[
    Flag::new("unencrypted-suffix", Text, "leave plain what lies under keys with this suffix"),
    Flag::new("encrypted-suffix", Text, "encrypt only what lies under keys with this suffix"),
    Flag::new("unencrypted-regex", Text, "leave plain what lies under keys that match"),
    Flag::new("encrypted-regex", Text, "encrypt only what lies under keys that match"),
];

pub(super) const COMMENT_SELECTORS: &[Flag] = &[
    Flag::new("unencrypted-comment-regex", Text, "leave plain what follows a comment that matches"),
    Flag::new("encrypted-comment-regex", Text, "encrypt only what follows a comment that matches"),
];

pub(super) const SHOW_KEYS: &[Flag] = &[Flag::new("show-master-keys", Bool, "show the keys of the file while editing").or("s")];

pub(super) const VERBOSE: &[Flag] = &[Flag::new("verbose", Bool, "say more on standard error")];

pub(super) const YES: &[Flag] = &[Flag::new("yes", Bool, "do not ask").or("y")];

pub(super) const TREE: &[Flag] = &[
    Flag::new("recursive", Bool, "all files of directories that the rules are for (not in sops)"),
    Flag::new("dry-run", Bool, "say what would be done, and do nothing (not in sops)"),
];

pub(super) const EXPLAIN: &[Flag] = &[Flag::new(
    "explain",
    Bool,
    "say which values would be encrypted, and by which rule, and write nothing (not called as sops)",
)
.ours()];

pub(super) const FILE: &[Flag] = &[Flag::new("file", Text, "the file to change").or("f")];

pub(super) const MODES: &[Flag] = &[
    Flag::new("decrypt", Bool, "decrypt the file to standard output").or("d"),
    Flag::new("encrypt", Bool, "encrypt the file to standard output").or("e"),
    Flag::new("rotate", Bool, "give the file a new data key and encrypt every value anew").or("r"),
    Flag::new("disable-version-check", Bool, "has no effect: there is no check for new versions")
        .env("SOPS_DISABLE_VERSION_CHECK"),
    Flag::new("check-for-updates", Bool, "has no effect: there is no check for new versions"),
];

pub(super) const GLOBAL: &[Flag] = &[
    Flag::new("mac-only-encrypted", Bool, "cover only encrypted values by the MAC"),
    Flag::new("config", Text, "path of the rules, in place of the nearest .sops.yaml").env("SOPS_CONFIG"),
    Flag::new("set", Text, "put a JSON value at a path: '[\"key\"][0] {\"a\": true}'"),
    Flag::new("indent", Int, "spaces for each level of YAML or JSON output"),
];

pub(super) const VERSION: &[Flag] = &[Flag::new("version", Bool, "print the version").or("v")];

pub(super) const EXEC: &[Flag] = &[
    Flag::new("background", Bool, "do not wait for the command (deprecated)"),
    Flag::new("user", Text, "run the command as this user"),
];

pub(super) const EXEC_ENV: &[Flag] = &[
    Flag::new("pristine", Bool, "give the command only the file's values, not the environment"),
    Flag::new("same-process", Bool, "become the command in place of starting it"),
];

pub(super) const EXEC_FILE: &[Flag] = &[
    Flag::new("no-fifo", Bool, "a regular file in place of a named pipe"),
    Flag::new("filename", Text, "name of the temporary file"),
];

pub(super) const PUBLISH: &[Flag] = &[
    Flag::new("omit-extensions", Bool, "leave the file's extension out at the destination"),
    Flag::new("recursive", Bool, "all files of a directory"),
];

pub(super) const KEY_SERVER: &[Flag] = &[
    Flag::new("network", Text, "network to listen on: tcp or unix").or("net").default("tcp"),
    Flag::new("address", Text, "address to listen on: HOST:PORT or a path").or("addr").default("127.0.0.1:5000"),
    Flag::new("prompt", Bool, "ask before every request"),
];

pub(super) const SET: &[Flag] = &[
    Flag::new("value-file", Bool, "the value is in a file, whose path is given in its place"),
    Flag::new("value-stdin", Bool, "the value comes on standard input"),
    Flag::new("idempotent", Bool, "write nothing if the value is there already"),
];

pub(super) const UNSET: &[Flag] = &[Flag::new("idempotent", Bool, "do nothing if there is nothing at the path")];

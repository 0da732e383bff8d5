//! What was typed. Types for clap only: what it means is decided in [`super::settings`] and in each command.
//!
//! The doc comments here are the help texts. A first word that is no verb is a key: `hecate-seal KEY …` is
//! `hecate-seal value KEY …`.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

pub use super::commands::bootstrap::BootstrapArgs;
pub use super::commands::cert_fetch::FetchArgs;
pub use super::commands::convert::ConvertArgs;
pub use super::commands::doctor::DoctorArgs;
pub use super::commands::install::InstallArgs;
pub use super::commands::man::ManArgs;
pub use super::commands::nats::NatsArgs;
pub use super::commands::reseal::ResealArgs;
pub use super::commands::scan::ScanArgs;
use super::online::ControllerArgs;
use crate::manifest;
use crate::secret::SecretString;

/// Seal Kubernetes secrets for git: only your cluster can open them.
#[derive(Debug, Parser)]
#[command(
    name = "hecate-seal",
    bin_name = "hecate-seal",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true,
    override_usage = "hecate-seal [OPTIONS] KEY [VALUE]\n       hecate-seal [OPTIONS] <COMMAND> …",
    after_help = EXAMPLES
)]
pub struct Cli {
    /// What holds for every command.
    #[command(flatten)]
    pub common: Common,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  hecate-seal init                          write a first .hecate-seal.yaml from what is here
  hecate-seal ANTHROPIC_API_KEY             ask for the value, seal it, put it into the file
  pass show api | hecate-seal API_KEY       the value from another program
  hecate-seal DB_USER=app DB_PASSWORD=…     several at once
  hecate-seal kubeseal --format yaml <s     be kubeseal, as through a link of that name

Environment:
  HECATE_SEAL_CERT, HECATE_SEAL_FILE, HECATE_SEAL_NAME, HECATE_SEAL_NAMESPACE, HECATE_SEAL_SCOPE
                                            stand between the flags of the same name and .hecate-seal.yaml
  HECATE_SEAL_PRIVATE_KEYS                  files with private keys, `:` between them
  NO_COLOR                                  not empty: no colour

Exit codes: 0 done; 1 it failed, or problems were found; 2 the command line or the settings are wrong.";

const GLOBAL: &str = "Options of every command";

/// Options of every command.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// Run as if started in this directory
    #[arg(short = 'C', long, global = true, help_heading = GLOBAL, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
    /// Print errors and warnings only
    #[arg(short, long, global = true, help_heading = GLOBAL, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Also print where every setting comes from
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub verbose: bool,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Seal one value, or several, into a SealedSecret file
    Value(ValueArgs),
    /// Write a first .hecate-seal.yaml from what is here
    Init(InitArgs),
    /// Seal whole Secrets: manifests in, SealedSecrets out
    Seal(SealArgs),
    /// Open SealedSecrets with private keys, without a cluster
    Unseal(UnsealArgs),
    /// Look SealedSecrets over: files and whole trees, without a cluster or with it
    Verify(VerifyArgs),
    /// Make SealedSecrets of SOPS files, and the other way round
    Convert(ConvertArgs),
    /// Say why a SealedSecret does not open: settings, certificates, files, cluster
    #[command(visible_alias = "status")]
    Doctor(DoctorArgs),
    /// Refuse plaintext: Secrets, private keys, files that should be encrypted
    Scan(ScanArgs),
    /// Look at a certificate (whose key, until when), or fetch it from a cluster
    Cert(CertArgs),
    /// Make a sealing key and its certificate
    Keys(KeysArgs),
    /// Seal again with the newest key, in place
    Reseal(ResealArgs),
    /// Make a cluster's first secrets, once
    Bootstrap(BootstrapArgs),
    /// Password hashes, auth.conf and credentials for NATS
    Nats(NatsArgs),
    /// Print or apply the controller's manifests
    Install(InstallArgs),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Print the manual page of a command, or write all of them
    Man(ManArgs),
}

/// How a result is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// For programs
    Json,
}

/// The language of manifests that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ManifestFormat {
    /// YAML, `---` before every document
    Yaml,
    /// JSON, one object after the other
    Json,
}

impl ManifestFormat {
    /// JSON for a file that ends in `.json`, else YAML.
    #[must_use]
    pub fn of_path(path: Option<&Path>) -> Self {
        let is_json = path.and_then(Path::extension).is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if is_json { Self::Json } else { Self::Yaml }
    }

    /// The object as a document.
    #[must_use]
    pub fn write(self, object: &serde_json::Value) -> SecretString {
        match self {
            Self::Yaml => manifest::to_yaml(object),
            Self::Json => manifest::to_json(object),
        }
    }
}

/// Private keys to open with.
#[derive(Args, Clone, Debug, Default)]
pub struct PrivateKeyArgs {
    /// File with private keys, repeatable: PEM, key Secrets, Lists, whole backups [env: HECATE_SEAL_PRIVATE_KEYS, `:` between files]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub private_key: Vec<PathBuf>,
}

/// Where sealed values go and whose key they are sealed for. Flags win over variables, variables over `.hecate-seal.yaml`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Target (flag, then environment, then .hecate-seal.yaml)")]
pub struct TargetArgs {
    /// Certificate to seal with: a PEM file or an https:// URL [env: HECATE_SEAL_CERT]
    #[arg(long, value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
    pub cert: Option<String>,
    /// SealedSecret file that the value goes into, made if absent [env: HECATE_SEAL_FILE]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Option<PathBuf>,
    /// Name of the Secret [env: HECATE_SEAL_NAME]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Namespace of the Secret [env: HECATE_SEAL_NAMESPACE]
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// What the value is bound to: strict (namespace and name), namespace-wide, cluster-wide [env: HECATE_SEAL_SCOPE]
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,
}

/// Arguments of `value`.
#[derive(Args, Debug)]
#[command(
    override_usage = "hecate-seal [value] [OPTIONS] KEY [VALUE]\n       hecate-seal [value] [OPTIONS] KEY=VALUE …\n       hecate-seal [value] --from-env [OPTIONS] KEY …",
    after_help = VALUE_EXAMPLES
)]
pub struct ValueArgs {
    /// Key and value. Without a value: asked for on a terminal (without echo), else read from standard input
    #[arg(required = true, value_name = "KEY [VALUE]", help_heading = None)]
    pub words: Vec<OsString>,
    /// Take the value from the environment variable named KEY, or from VARIABLE
    #[arg(long, value_name = "VARIABLE", num_args = 0..=1, require_equals = true, default_missing_value = "", conflicts_with = "from_file")]
    pub from_env: Option<String>,
    /// Take the value from a file, every byte of it; `-` is standard input
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    pub from_file: Option<PathBuf>,
    /// Leave keys alone that the file has already
    #[arg(long)]
    pub if_absent: bool,
    /// Print the sealed item, write no file
    #[arg(long, conflicts_with = "if_absent")]
    pub print: bool,
    /// Drop one line break from the end of the value
    #[arg(long)]
    pub trim_newline: bool,
    /// Accept an empty value
    #[arg(long)]
    pub allow_empty: bool,
    /// Seal a value that looks sealed already
    #[arg(long)]
    pub force: bool,
    /// Where it goes.
    #[command(flatten)]
    pub target: TargetArgs,
}

const VALUE_EXAMPLES: &str = "\
The value goes into one SealedSecret of the file; every other byte of the file stays as it is. Sealing is randomised: the same value sealed again gives other bytes, and git shows a change. Use --if-absent where only missing keys matter.

Standard input and files are taken byte for byte. `echo v |` ends with a line break, and it becomes part of the value: there is a warning then; use `printf %s v |` or --trim-newline. What is typed at the prompt has no line break.

A value on the command line stays in the shell's history; prefer the prompt, a pipe or --from-env. A value that begins with `-` goes behind `--`. A key that is also a verb: hecate-seal value KEY.

Examples:
  hecate-seal ANTHROPIC_API_KEY
  hecate-seal ANTHROPIC_API_KEY --from-env
  hecate-seal GOOGLE_API_KEY --from-env=GEMINI_API_KEY
  hecate-seal tls.key --from-file key.pem --file apps/web/sealed-secret.yaml
  hecate-seal TOKEN --print --cert pub.pem --name app --namespace web < token";

/// Arguments of `init`.
#[derive(Args, Debug)]
#[command(after_help = INIT_EXAMPLES)]
pub struct InitArgs {
    /// Print it instead of writing it
    #[arg(long)]
    pub print: bool,
}

const INIT_EXAMPLES: &str = "\
Looks for certificates and SealedSecrets in this directory and below, and for a namespace in the kubeconfig. An existing file is never overwritten.

What .hecate-seal.yaml may say (all of it optional, unknown keys are errors):
  certificate: etc/certs/pub.pem    a file, or an https:// URL
  file: apps/web/sealed.yaml        the SealedSecret that values go into
  name: web                         name of the Secret
  namespace: web                    its namespace
  scope: strict                     or namespace-wide, cluster-wide
  targets:                          replaces the above in a directory and below; the deepest counts, key by key
    - directory: edge-cluster
      certificate: edge-cluster/pub.pem
  scan:
    allow: [\"tests/**\"]            files that `hecate-seal scan` passes over, in the patterns of .gitignore

Paths start from the file's folder. The nearest file from the current directory upwards counts.";

/// Arguments of `seal`.
#[derive(Args, Debug)]
#[command(after_help = SEAL_EXAMPLES)]
pub struct SealArgs {
    /// Manifests with Secrets, YAML or JSON, any number of documents and Lists; `-` or none: standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Write here instead of standard output; may be the input file itself
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Language of the output; by default JSON for a FILE.json, else YAML
    #[arg(long, value_enum)]
    pub format: Option<ManifestFormat>,
    /// Certificate to seal with: a PEM file or an https:// URL [env: HECATE_SEAL_CERT]
    #[arg(long, value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
    pub cert: Option<String>,
    /// Name for the one Secret, instead of its own
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Namespace for Secrets without one; another one in a Secret is an error [env: HECATE_SEAL_NAMESPACE]
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// Scope, instead of what the annotations say: strict, namespace-wide, cluster-wide [env: HECATE_SEAL_SCOPE]
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,
    /// Fail where YAML changes an unquoted value (0644, yes, 1.10), instead of warning
    #[arg(long)]
    pub strict: bool,
    /// Accept Secrets without data
    #[arg(long)]
    pub allow_empty: bool,
    /// Seal values that look sealed already
    #[arg(long)]
    pub force: bool,
}

const SEAL_EXAMPLES: &str = "\
Nothing is written unless every document is good. Sealing is randomised: the same Secret sealed again gives other bytes.

Examples:
  hecate-seal seal secret.yaml -o sealed-secret.yaml
  kubectl create secret generic app -n web --from-env-file=.env --dry-run=client -o yaml | hecate-seal seal > app.yaml";

/// Arguments of `unseal`.
#[derive(Args, Debug)]
#[command(after_help = UNSEAL_EXAMPLES)]
pub struct UnsealArgs {
    /// Manifests with SealedSecrets, YAML or JSON; `-` or none: standard input
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// Private keys.
    #[command(flatten)]
    pub keys: PrivateKeyArgs,
    /// Print the bytes of this one item instead of the Secret
    #[arg(short, long, value_name = "KEY", conflicts_with = "format")]
    pub key: Option<String>,
    /// Write here instead of standard output; only you can read the file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Language of the output; by default JSON for a FILE.json, else YAML
    #[arg(long, value_enum)]
    pub format: Option<ManifestFormat>,
}

const UNSEAL_EXAMPLES: &str = "\
All or nothing: if one item does not open, nothing is printed, and what can be said about it is (another name, scope or key).

Examples:
  hecate-seal unseal -p keys.yaml sealed-secret.yaml
  hecate-seal unseal -p old.key -p new.key --key DB_PASSWORD sealed-secret.yaml";

/// Arguments of `verify`.
#[derive(Args, Debug)]
#[command(after_help = VERIFY_EXAMPLES)]
pub struct VerifyArgs {
    /// Files and directories; without any: this directory. What .gitignore excludes is passed over; `-` is standard input
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Open every item with these.
    #[command(flatten)]
    pub keys: PrivateKeyArgs,
    /// Certificate that everything should be sealed for; sizes are compared [env: HECATE_SEAL_CERT]
    #[arg(long, value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
    pub cert: Option<String>,
    /// Also ask the controller of a cluster whether it can open them
    #[arg(long)]
    pub online: bool,
    /// With --online: which one.
    #[command(flatten)]
    pub controller: ControllerArgs,
    /// Exit with 1 on warnings too
    #[arg(long)]
    pub strict: bool,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

const VERIFY_EXAMPLES: &str = "\
Looked at are structure, base64, sizes, scope, names and repeated keys; with private keys every item is opened too. With --online the controller is asked for each SealedSecret that is sound, at the pace that it allows; it answers yes or no. Exit code 1 when there are errors.

Examples:
  hecate-seal verify
  hecate-seal verify clusters/ -p keys.yaml --format json
  hecate-seal verify --online --context prod apps/";

/// Arguments of `cert`.
#[derive(Args, Debug)]
pub struct CertArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: CertCommand,
}

/// Verbs of `cert`.
#[derive(Debug, Subcommand)]
pub enum CertCommand {
    /// Get the certificate that the controller of a cluster seals with now
    Fetch(FetchArgs),
    /// Print subject, serial number, dates, key size and fingerprints
    Show {
        /// PEM files or https:// URLs; without any: the certificate of .hecate-seal.yaml
        #[arg(value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
        certificates: Vec<String>,
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Check that it can be sealed with, now and for some time: exit code 1 if not
    #[command(after_help = "Example, in CI:\n  hecate-seal cert check etc/certs/pub-sealed-secrets.pem --within 60d")]
    Check {
        /// PEM files or https:// URLs; without any: the certificate of .hecate-seal.yaml
        #[arg(value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
        certificates: Vec<String>,
        /// Fail when it expires within this time: 30d, 4w, 12h
        #[arg(long, value_name = "TIME", default_value = "30d")]
        within: String,
        /// How to print it
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

/// Arguments of `keys`.
#[derive(Args, Debug)]
pub struct KeysArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: KeysCommand,
}

/// Verbs of `keys`.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Make an RSA key and a certificate as the controller makes them; existing files are never replaced
    Generate(KeysGenerateArgs),
}

/// Arguments of `keys generate`.
#[derive(Args, Debug)]
#[command(after_help = KEYS_EXAMPLES)]
pub struct KeysGenerateArgs {
    /// Where to write: NAME.key (only you can read it) and NAME.crt; with --secret the file itself, `-` for standard output
    #[arg(short, long, value_name = "NAME", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Make the Secret that the controller reads its keys from, instead of two files
    #[arg(long)]
    pub secret: bool,
    /// Bits of the RSA key: 2048, 3072, 4096 or 8192
    #[arg(long, default_value_t = 4096, value_name = "BITS")]
    pub bits: usize,
    /// Days until the certificate expires
    #[arg(long, default_value_t = 3650, value_name = "DAYS")]
    pub days: u32,
    /// Common name in the certificate; the controller leaves it empty
    #[arg(long, default_value = "", value_name = "NAME", hide_default_value = true)]
    pub cn: String,
    /// With --secret: its namespace, which is the controller's
    #[arg(short, long, default_value = "kube-system", value_name = "NAMESPACE", requires = "secret")]
    pub namespace: String,
    /// With --secret: its name; without it the API server makes one (sealed-secrets-key…)
    #[arg(long, value_name = "NAME", requires = "secret")]
    pub name: Option<String>,
}

const KEYS_EXAMPLES: &str = "\
Examples:
  hecate-seal keys generate -o backup/cluster           backup/cluster.key and backup/cluster.crt
  hecate-seal keys generate --secret | kubectl create -f -
                                                        bring your own key; the controller loads it when it starts";

/// Arguments of `completions`.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  hecate-seal completions bash > ~/.local/share/bash-completion/completions/hecate-seal")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// The first word that is no option of every command.
#[must_use]
pub fn first_word(words: &[OsString]) -> Option<&OsStr> {
    let mut rest = words.iter().map(OsString::as_os_str);
    loop {
        let word = rest.next()?;
        match word.to_str() {
            Some("-q" | "--quiet" | "-v" | "--verbose") => {}
            Some("-C" | "--directory") => _ = rest.next(),
            Some(text) if text.starts_with("--directory=") || (text.starts_with("-C") && text.len() > 2) => {}
            _ => return Some(word),
        }
    }
}

/// The words with `value` put in front where a key stands in the place of a verb. `verbs` are those that exist.
#[must_use]
pub fn with_verb(words: &[OsString], verbs: &[&str]) -> Vec<OsString> {
    let is_verb = match first_word(words).map(OsStr::to_str) {
        None => words.iter().all(|word| word.to_str().is_some_and(|word| word.starts_with('-'))),
        Some(None) => false,
        Some(first) => is_verb(first.unwrap_or_default(), verbs),
    };
    let verb = (!is_verb).then(|| OsString::from("value"));
    verb.into_iter().chain(words.iter().cloned()).collect()
}

fn is_verb(word: &str, verbs: &[&str]) -> bool {
    matches!(word, "-h" | "--help" | "-V" | "--version" | "help") || verbs.contains(&word)
}

/// What the programs that people come from call it, and what it is called here.
const ELSEWHERE: &[(&str, &str)] = &[
    ("apply", "bootstrap apply"),
    ("check", "verify"),
    ("decrypt", "unseal"),
    ("edit", "sops edit"),
    ("encrypt", "seal"),
    ("fetch-cert", "cert fetch"),
    ("get", "unseal"),
    ("lint", "verify"),
    ("list", "status"),
    ("merge", "value"),
    ("merge-into", "value"),
    ("open", "unseal"),
    ("re-encrypt", "reseal"),
    ("reencrypt", "reseal"),
    ("rotate", "reseal"),
    ("set", "value"),
    ("show", "cert show"),
    ("updatekeys", "sops updatekeys"),
    ("validate", "verify"),
    ("version", "--version"),
];

/// Whether one of the words of `value` begins with a single `-` and is no flag. Such a word is rather a password than an option
/// with its argument attached (`-nweb`), and taking it for one would show it in a message.
#[must_use]
pub fn may_be_a_value(words: &[OsString]) -> bool {
    let mut options = words.iter().take_while(|word| *word != "--").filter_map(|word| word.to_str()?.strip_prefix('-'));
    options.any(|rest| rest.len() > 1 && !rest.starts_with('-') && !rest.chars().all(|flag| "qvhV".contains(flag)))
}

/// The verb that a word was probably meant to be: another program's word for it, or one letter off, for words long enough that
/// this is no coincidence.
#[must_use]
pub fn probably_meant<'v>(word: &str, verbs: &[&'v str]) -> Option<&'v str> {
    if let Some((_, ours)) = ELSEWHERE.iter().find(|(theirs, _)| *theirs == word) {
        return Some(ours);
    }
    /// `key` and `keys` are both good names of a key.
    const LONG_ENOUGH: usize = 4;
    let close = |verb: &&&str| word.len() >= LONG_ENOUGH && **verb != word && one_edit_apart(word.as_bytes(), verb.as_bytes());
    verbs.iter().find(close).copied()
}

/// Whether one insertion, deletion, replacement or swap of neighbours turns `a` into `b`.
fn one_edit_apart(a: &[u8], b: &[u8]) -> bool {
    let start = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(start..).unwrap_or_default(), b.get(start..).unwrap_or_default());
    let end = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    let (a, b) = (a.get(..a.len() - end).unwrap_or_default(), b.get(..b.len() - end).unwrap_or_default());
    match (a, b) {
        ([x, y], [z, w]) => x == w && y == z,
        _ => a.len() <= 1 && b.len() <= 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERBS: &[&str] = &["value", "seal", "unseal", "cert", "keys", "init", "verify"];

    fn words(text: &str) -> Vec<OsString> {
        text.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn a_word_that_is_no_verb_is_a_key() {
        assert_eq!(with_verb(&words("KEY v"), VERBS), words("value KEY v"));
        assert_eq!(with_verb(&words("-q -C x KEY v"), VERBS), words("value -q -C x KEY v"));
        assert_eq!(with_verb(&words("--cert c KEY"), VERBS), words("value --cert c KEY"));
        assert_eq!(with_verb(&words("-- KEY"), VERBS), words("value -- KEY"));
        for ours in ["", "seal x", "-v seal", "--directory=a cert", "-Cx cert", "--help", "-V", "help", "value seal"] {
            assert_eq!(with_verb(&words(ours), VERBS), words(ours), "{ours}");
        }
    }

    #[test]
    fn a_password_with_a_dash_is_not_taken_for_an_option() {
        for line in ["value K -Canary", "value K -nweb", "value -x1 K"] {
            assert!(may_be_a_value(&words(line)), "{line}");
        }
        for line in ["value K -n web -q", "value -qv K", "value K -- -Canary", "value K v --name=x", "value K -"] {
            assert!(!may_be_a_value(&words(line)), "{line}");
        }
    }

    #[test]
    fn a_slip_of_one_letter_is_noticed_and_common_keys_are_not() {
        for (word, verb) in [("unsael", "unseal"), ("veryfy", "verify"), ("seals", "seal"), ("ceert", "cert")] {
            assert_eq!(probably_meant(word, VERBS), Some(verb), "{word}");
        }
        for key in ["key", "token", "password", "SEAL", "unseal", "API_KEY", "user"] {
            assert_eq!(probably_meant(key, VERBS), None, "{key}");
        }
    }

    #[test]
    fn clap_finds_no_contradiction() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }
}

//! What was typed behind `bootstrap`. The doc comments are the help texts.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use crate::cli::args::Format;

/// Arguments of `bootstrap`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct BootstrapArgs {
    /// The verb.
    #[command(subcommand)]
    pub verb: Verb,
}

const EXAMPLES: &str = "\
The file says which Secrets there are, how each value is made (at random, from others, from the environment), and where it goes: into the cluster, into a SealedSecret or a SOPS file in git, or into a OnePasswordItem. What exists stays as it is; only what is missing is made. Nothing is written if anything is wrong.

Examples:
  hecate-seal bootstrap plan                    what would be done, without a value
  hecate-seal bootstrap apply                   do it; once more does nothing
  hecate-seal bootstrap rotate nats-credentials --restart --wait
  hecate-seal bootstrap adopt hecate/hecate-secrets --to infrastructure/hecate/sealed-secrets.yaml

Exit codes: 0 done (plan: nothing to do); 1 it failed, or problems were found; 2 plan: there is something to do, else the command line is wrong; 3 a restart did not come up in time.";

/// Verbs of `bootstrap`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show what `apply` would do: exit code 0 nothing, 2 something, 1 it could not
    Plan(PlanArgs),
    /// Make what is missing
    Apply(ApplyArgs),
    /// Show what is there and what is not; needs no inputs
    Status(StatusArgs),
    /// Replace generated values, and everything that follows from them
    Rotate(RotateArgs),
    /// Put a Secret of the cluster into a SealedSecret file, so that the controller takes it over
    Adopt(AdoptArgs),
    /// Look the file over, without a cluster
    Lint(LintArgs),
    /// Print the JSON Schema of the file
    Schema,
}

/// Which files, and which cluster.
#[derive(Args, Clone, Debug, Default)]
pub struct Common {
    /// Bootstrap file, repeatable; by default bootstrap.yaml
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: Vec<PathBuf>,
    /// Only these Secrets: NAME or NAMESPACE/NAME, repeatable
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// How to print the result
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Format,
    /// Kubeconfig, instead of KUBECONFIG and ~/.kube/config
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    pub context: Option<String>,
}

/// What may be changed beyond filling what is missing.
#[derive(Args, Clone, Debug, Default)]
pub struct Changes {
    /// Take inputs (env, file, stdin) of this Secret also where it has another value, repeatable
    #[arg(long, value_name = "NAME")]
    pub from_inputs: Vec<String>,
    /// Make derived values again that do not fit what they are made from
    #[arg(long)]
    pub fix_derived: bool,
    /// Make a Secret although data exist that belong to an older one (`guard`)
    #[arg(long)]
    pub force_new: bool,
    /// Take values that are sealed in a file from the Secret of the cluster
    #[arg(long)]
    pub read_from_cluster: bool,
}

/// What happens after writing.
#[derive(Args, Clone, Debug, Default)]
pub struct Writing {
    /// Show what would be done, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Restart the workloads of changed Secrets, servers before clients
    #[arg(long)]
    pub restart: bool,
    /// Wait for each restarted workload before the next: seconds, 300 if not said
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true, default_missing_value = "300", requires = "restart")]
    pub wait: Option<u64>,
    /// Write files that have changes which are not committed
    #[arg(long)]
    pub allow_dirty: bool,
}

/// Arguments of `plan`.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// Which files and cluster.
    #[command(flatten)]
    pub common: Common,
    /// What may change.
    #[command(flatten)]
    pub changes: Changes,
}

/// Arguments of `apply`.
#[derive(Args, Debug)]
pub struct ApplyArgs {
    /// Which files and cluster.
    #[command(flatten)]
    pub common: Common,
    /// What may change.
    #[command(flatten)]
    pub changes: Changes,
    /// What happens then.
    #[command(flatten)]
    pub writing: Writing,
}

/// Arguments of `status`.
#[derive(Args, Debug)]
pub struct StatusArgs {
    /// Which files and cluster.
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `rotate`.
#[derive(Args, Debug)]
pub struct RotateArgs {
    /// What to rotate: NAME, NAMESPACE/NAME, NAME/KEY or NAMESPACE/NAME/KEY; a whole Secret means its generated values
    #[arg(required = true, value_name = "NAME[/KEY]")]
    pub names: Vec<String>,
    /// Keep the old values as KEY_PREVIOUS
    #[arg(long)]
    pub keep_previous: bool,
    /// Go on after a rotation that broke off: the named keys get new values once more, and KEY_PREVIOUS stays as it is
    #[arg(long, conflicts_with = "keep_previous")]
    pub resume: bool,
    /// The program that also stores the value (`rotation: external`) gets the new one
    #[arg(long)]
    pub upstream_changed: bool,
    /// Take values that are sealed in a file from the Secret of the cluster
    #[arg(long)]
    pub read_from_cluster: bool,
    /// Which files and cluster.
    #[command(flatten)]
    pub common: Common,
    /// What happens then.
    #[command(flatten)]
    pub writing: Writing,
}

/// Arguments of `adopt`.
#[derive(Args, Debug)]
pub struct AdoptArgs {
    /// The Secret: NAMESPACE/NAME, or NAME of one in the bootstrap file
    #[arg(value_name = "NAME")]
    pub name: String,
    /// SealedSecret file to write; by default the one that the bootstrap file names
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub to: Option<PathBuf>,
    /// Certificate to seal with: a PEM file or an https:// URL [env: HECATE_SEAL_CERT]
    #[arg(long, value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
    pub cert: Option<String>,
    /// Scope: strict, namespace-wide, cluster-wide
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,
    /// Show what would be done, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Write a file that has changes which are not committed
    #[arg(long)]
    pub allow_dirty: bool,
    /// Which files and cluster.
    #[command(flatten)]
    pub common: Common,
}

/// Arguments of `lint`.
#[derive(Args, Debug)]
pub struct LintArgs {
    /// Which files and cluster.
    #[command(flatten)]
    pub common: Common,
    /// Also look at the values in the targets
    #[arg(long)]
    pub live: bool,
    /// Exit with 1 on warnings too
    #[arg(long)]
    pub strict: bool,
}

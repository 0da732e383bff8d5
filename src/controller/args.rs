//! The command line and the environment of the controller, read as the reference reads them (`sealed-secrets.md` §3.1).
//!
//! Every flag has a variable, `SEALED_SECRETS_` and its name in capitals with `_` for `-`; the command line wins. Durations are
//! Go's, booleans are switched off with `--flag=false`. What the reference ignores or panics on (an unknown flag, a stray word,
//! a value that does not fit) is an error here that names the flag or the variable. Nothing is read but the arguments given in.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, CommandFactory as _, FromArgMatches as _};
use time::OffsetDateTime;

use super::config::{Config, KeyOrder, KeySettings, LogFormat, LogSettings, Namespaces, Network};
use super::values;

/// What the environment variables of the flags begin with.
const VARIABLE_PREFIX: &str = "SEALED_SECRETS_";
/// The reference's `--kubeclient-qps` and `--kubeclient-burst` for a value of zero, from client-go.
const CLIENT_GO_LIMITS: (f32, u32) = (5.0, 10);

/// What is to be done.
#[derive(Debug)]
pub enum Command {
    /// Run with this configuration, after telling these notices on stderr.
    Run(Box<Config>, Vec<String>),
    /// Print this on stdout and end: help or version.
    Print(String),
}

/// The command line or a variable is wrong; the text is for stderr, complete with hints.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong(pub String);

/// Where the configuration looks outside the command line.
pub struct Surroundings<'a> {
    /// An environment variable, if it is set and text.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// Namespace of the Pod's service account, if there is one.
    pub account_namespace: Option<String>,
}

/// Takes the place of the sealed-secrets controller: opens SealedSecrets in a cluster and serves its certificate.
///
/// Runs as a Pod with a service account; with --kubeconfig it runs anywhere, for development. Every flag may also be given as
/// a variable, SEALED_SECRETS_ and its name: SEALED_SECRETS_KEY_RENEW_PERIOD=720h. The command line wins. Durations are
/// written 90s, 5m or 720h (there is no unit for days).
#[derive(Debug, clap::Parser)]
#[command(
    name = "hecate-seal-controller",
    args_override_self = true,
    disable_version_flag = true,
    max_term_width = 120,
    after_help = "Exit codes: 0 told to stop by SIGTERM or SIGINT; 1 cannot start; 2 wrong command line or variable.\n\
        SIGUSR1 makes a new sealing key at once."
)]
struct Typed {
    /// Prefix of the names of key Secrets; a name is this and five random characters
    #[arg(long, default_value = "sealed-secrets-key", value_parser = values::key_prefix, help_heading = "Keys")]
    key_prefix: String,
    /// Size of new keys in bits: 2048, 3072, 4096 or 8192
    #[arg(long, default_value = "4096", value_parser = PossibleValuesParser::new(["2048", "3072", "4096", "8192"]).map(|bits| bits.parse::<usize>().unwrap_or(4096)), hide_possible_values = true, help_heading = "Keys")]
    key_size: usize,
    /// How long new certificates are valid. Keys open values for ever
    #[arg(long, default_value = "87600h", value_parser = values::duration, help_heading = "Keys")]
    key_ttl: Duration,
    /// How often a new key is made; 0 turns it off. Old keys stay and open
    #[arg(long, default_value = "720h", alias = "rotate-period", value_parser = values::duration, help_heading = "Keys")]
    key_renew_period: Duration,
    /// What makes a key the newest: CertNotBefore or SecretCreationTimestamp
    #[arg(long, default_value = "CertNotBefore", value_parser = values::key_order, help_heading = "Keys")]
    key_order_priority: KeyOrder,
    /// Make a new key at start if the newest is older than this time, written as by `date -R`
    #[arg(long, default_value = "", value_parser = values::cutoff, hide_default_value = true, help_heading = "Keys")]
    key_cutoff_time: Cutoff,
    /// Common name in new certificates
    #[arg(long, default_value = "", hide_default_value = true, help_heading = "Keys")]
    my_cn: String,
    /// More annotations of new key Secrets: name=value,name=value
    #[arg(long, default_value = "", value_parser = values::annotations, hide_default_value = true, help_heading = "Keys")]
    privatekey_annotations: Pairs,
    /// More labels of new key Secrets: name=value,name=value
    #[arg(long, default_value = "", value_parser = values::labels, hide_default_value = true, help_heading = "Keys")]
    privatekey_labels: Pairs,
    /// Notice key Secrets that others make, change or remove
    #[arg(long, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = values::boolean, help_heading = "Keys")]
    watch_for_secrets: bool,

    /// Look after every namespace; with =false only after the controller's own
    #[arg(long, default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = values::boolean, help_heading = "What is looked after")]
    all_namespaces: bool,
    /// Only these namespaces, and the controller's own: a,b,c
    #[arg(long, default_value = "", value_parser = values::namespaces, hide_default_value = true, help_heading = "What is looked after")]
    additional_namespaces: List,
    /// Only SealedSecrets with these labels
    #[arg(long, default_value = "", hide_default_value = true, help_heading = "What is looked after")]
    label_selector: String,

    /// Open the deprecated form of SealedSecrets, with spec.data
    #[arg(long, default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = values::boolean, help_heading = "How it is looked after")]
    accept_deprecated_v1_data: bool,
    /// Write the status of SealedSecrets
    #[arg(long, default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = values::boolean, help_heading = "How it is looked after")]
    update_status: bool,
    /// Do not watch Secrets: a deleted one is not made again
    #[arg(long, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = values::boolean, help_heading = "How it is looked after")]
    skip_recreate: bool,
    /// Delete the Secret that a deleted SealedSecret had made, instead of leaving it to the cluster's garbage collector
    #[arg(long, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = values::boolean, help_heading = "How it is looked after")]
    old_gc_behavior: bool,
    /// Quick attempts at an object that fails, before it waits longer and longer
    #[arg(long, default_value = "5", help_heading = "How it is looked after")]
    max_unseal_retries: u32,

    /// Requests a second to the API server; negative: no limit. Not given: no limit
    #[arg(long, allow_negative_numbers = true, value_parser = values::rate, help_heading = "API server")]
    kubeclient_qps: Option<f32>,
    /// Requests at once above that rate
    #[arg(long, default_value = "10", help_heading = "API server")]
    kubeclient_burst: u32,
    /// Kubeconfig of the cluster, for development: without it the service account of the Pod is used
    #[arg(long, value_name = "FILE", help_heading = "API server")]
    kubeconfig: Option<PathBuf>,

    /// Address for the certificate, verification and re-encryption
    #[arg(long, default_value = ":8080", value_parser = values::address, help_heading = "Server")]
    listen_addr: String,
    /// Address for metrics
    #[arg(long, default_value = ":8081", value_parser = values::address, help_heading = "Server")]
    listen_metrics_addr: String,
    /// Longest time for a client to send its request, and to stay idle
    #[arg(long, default_value = "2m", value_parser = values::positive_duration, help_heading = "Server")]
    read_timeout: Duration,
    /// Longest time for a request to be answered, and the answer to be taken
    #[arg(long, default_value = "2m", value_parser = values::positive_duration, help_heading = "Server")]
    write_timeout: Duration,
    /// Requests a second of one address for verification, and as many for re-encryption
    #[arg(long, default_value = "2", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Server")]
    rate_limit: u32,
    /// Requests at once above that rate
    #[arg(long, default_value = "2", value_parser = clap::value_parser!(u32).range(..=1_000_000), help_heading = "Server")]
    rate_limit_burst: u32,
    /// Proxies whose X-Forwarded-For is believed: addresses and networks, 10.0.0.0/8,fd00::/8. The limit counts by the other
    /// end of the connection otherwise, which for clients of the service proxy is the API server
    #[arg(long, default_value = "", value_parser = values::networks, hide_default_value = true, help_heading = "Server")]
    trusted_proxies: Networks,
    /// Metrics without the names of namespaces and Secrets
    #[arg(long, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = values::boolean, help_heading = "Server")]
    metrics_omit_secret_labels: bool,

    /// Information to stdout, warnings and errors to stderr; with =false everything to stderr
    #[arg(long, default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = values::boolean, help_heading = "Logs")]
    log_info_stdout: bool,
    /// Least level that is logged: DEBUG, INFO, WARN or ERROR
    #[arg(long, default_value = "INFO", value_parser = values::log_level, help_heading = "Logs")]
    log_level: i32,
    /// text or json
    #[arg(long, default_value = "text", value_parser = values::log_format, help_heading = "Logs")]
    log_format: LogFormat,

    /// Print the version
    #[arg(long, default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, value_parser = values::boolean)]
    version: bool,

    #[command(flatten)]
    klog: Klog,
}

/// Flags of the reference's logging library, which some manifests pass. They are accepted and do nothing.
#[derive(Debug, clap::Args)]
struct Klog {
    #[arg(short = 'v', long = "v", hide = true, allow_hyphen_values = true)]
    verbosity: Option<String>,
    #[arg(long, hide = true)]
    vmodule: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    logtostderr: Option<Option<String>>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    alsologtostderr: Option<Option<String>>,
    #[arg(long, hide = true)]
    alsologtostderrthreshold: Option<String>,
    #[arg(long, hide = true)]
    stderrthreshold: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    legacy_stderr_threshold_behavior: Option<Option<String>>,
    #[arg(long = "log_dir", hide = true)]
    log_dir: Option<String>,
    #[arg(long = "log_file", hide = true)]
    log_file: Option<String>,
    #[arg(long = "log_file_max_size", hide = true)]
    log_file_max_size: Option<String>,
    #[arg(long = "log_backtrace_at", hide = true)]
    log_backtrace_at: Option<String>,
    #[arg(long = "add_dir_header", hide = true, num_args = 0..=1, require_equals = true)]
    add_dir_header: Option<Option<String>>,
    #[arg(long = "skip_headers", hide = true, num_args = 0..=1, require_equals = true)]
    skip_headers: Option<Option<String>>,
    #[arg(long = "skip_log_headers", hide = true, num_args = 0..=1, require_equals = true)]
    skip_log_headers: Option<Option<String>>,
    #[arg(long = "one_output", hide = true, num_args = 0..=1, require_equals = true)]
    one_output: Option<Option<String>>,
}

/// `name=value` pairs, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pairs(pub(super) Vec<(String, String)>);

/// Words of a comma-separated list, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct List(pub(super) Vec<String>);

/// `--trusted-proxies`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Networks(pub(super) Vec<Network>);

/// `--key-cutoff-time`, which may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cutoff(pub(super) Option<OffsetDateTime>);

/// Reads the words after the program's name, and the variables.
///
/// # Errors
/// [`Wrong`], with exit code 2.
pub fn parse(words: &[OsString], around: &Surroundings<'_>) -> Result<Command, Wrong> {
    let mut command = Typed::command();
    let mut notices = Vec::new();
    // Variables go in front as if they were typed there: of two the last one counts.
    let (mut all, variables) = from_variables(&command, around)?;
    let deprecated = |word: &OsString| {
        word.to_str()
            .is_some_and(|word| word.strip_prefix("--rotate-period").is_some_and(|rest| rest.is_empty() || rest.starts_with('=')))
    };
    if words.iter().any(deprecated) || variables.iter().any(|name| name == "SEALED_SECRETS_ROTATE_PERIOD") {
        notices.push("Flag --rotate-period has been deprecated, please use key-renew-period instead".to_owned());
    }
    all.extend(words.iter().cloned());
    let program = OsString::from("hecate-seal-controller");
    let typed = command
        .try_get_matches_from_mut(std::iter::once(program).chain(all))
        .and_then(|mut matches| Typed::from_arg_matches_mut(&mut matches));
    let typed = match typed {
        Ok(typed) => typed,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => return Ok(Command::Print(error.render().to_string())),
        Err(error) => return Err(Wrong(complain(&error))),
    };
    if typed.version {
        return Ok(Command::Print(format!("controller version: {}\n", env!("CARGO_PKG_VERSION"))));
    }
    Ok(Command::Run(Box::new(settle(typed, around)), notices))
}

/// The words that the variables stand for, and the names of those that are set.
fn from_variables(command: &clap::Command, around: &Surroundings<'_>) -> Result<(Vec<OsString>, Vec<String>), Wrong> {
    let (mut words, mut names) = (Vec::new(), Vec::new());
    let flags: Vec<(&str, bool)> = command
        .get_arguments()
        // A variable SEALED_SECRETS_VERSION says which version is deployed, as a rule.
        .filter(|argument| !argument.is_hide_set() && argument.get_id() != "version")
        .flat_map(|argument| {
            let text = argument.get_default_values().first().is_some_and(|value| value.is_empty());
            let aliases = argument.get_all_aliases().unwrap_or_default();
            argument.get_long().into_iter().chain(aliases).map(move |name| (name, text)).collect::<Vec<_>>()
        })
        .collect();
    for (flag, may_be_empty) in flags {
        let name = format!("{VARIABLE_PREFIX}{}", flag.to_ascii_uppercase().replace('-', "_"));
        let Some(value) = (around.variable)(&name) else { continue };
        // Empty: text becomes empty, anything else stays at its default, as in the reference.
        if value.is_empty() && !may_be_empty {
            continue;
        }
        let word = OsString::from(format!("--{flag}={value}"));
        let alone = [OsString::from("hecate-seal-controller"), word.clone()];
        if let Err(error) = command.clone().try_get_matches_from(alone)
            && error.kind() != ErrorKind::DisplayHelp
        {
            let reason = std::error::Error::source(&error).map_or_else(|| "it does not fit".to_owned(), ToString::to_string);
            return Err(Wrong(format!("error: the variable {name} is {value:?}: {reason}\n\n{FOR_MORE}")));
        }
        names.push(name);
        words.push(word);
    }
    Ok((words, names))
}

const FOR_MORE: &str = "For every flag and its meaning, try '--help'.\n";

/// What clap says, and advice where the habits of other programs mislead.
fn complain(error: &clap::Error) -> String {
    let mut text = error.render().to_string();
    if let (ErrorKind::UnknownArgument, Some(ContextValue::String(word))) = (error.kind(), error.get(ContextKind::InvalidArg)) {
        if matches!(word.as_str(), "true" | "false" | "0" | "1") {
            text += "\nhint: a switch takes its value after `=`, as in --update-status=false\n";
        } else if !word.starts_with('-') {
            text +=
                "\nhint: the controller takes no words besides flags; a value that belongs to a flag stands right behind it\n";
        }
    }
    text
}

fn settle(typed: Typed, around: &Surroundings<'_>) -> Config {
    let own_namespace = (around.variable)("POD_NAMESPACE")
        .filter(|namespace| !namespace.is_empty())
        .or_else(|| around.account_namespace.clone())
        .unwrap_or_else(|| "default".to_owned());
    let additional = typed.additional_namespaces.0;
    let namespaces = if typed.all_namespaces && additional.is_empty() {
        Namespaces::All
    } else {
        let mut these = vec![own_namespace.clone()];
        these.extend(additional.into_iter().filter(|namespace| *namespace != own_namespace));
        Namespaces::These(these)
    };
    let (qps, burst) = match typed.kubeclient_qps {
        Some(rate) if rate > 0.0 => (Some(rate), typed.kubeclient_burst),
        Some(0.0) => (Some(CLIENT_GO_LIMITS.0), typed.kubeclient_burst),
        _ => (None, typed.kubeclient_burst),
    };
    let mut labels = typed.privatekey_labels.0;
    labels.retain(|(name, _)| name != crate::seal::keys::KEY_LABEL);
    Config {
        kubeconfig: typed.kubeconfig,
        own_namespace,
        keys: KeySettings {
            prefix: typed.key_prefix,
            bits: typed.key_size,
            ttl: typed.key_ttl,
            renew_period: typed.key_renew_period,
            order: typed.key_order_priority,
            cutoff: typed.key_cutoff_time.0,
            common_name: typed.my_cn,
            annotations: typed.privatekey_annotations.0,
            labels,
            watch: typed.watch_for_secrets,
        },
        namespaces,
        label_selector: typed.label_selector,
        accept_v1_data: typed.accept_deprecated_v1_data,
        old_gc: typed.old_gc_behavior,
        update_status: typed.update_status,
        skip_recreate: typed.skip_recreate,
        max_retries: typed.max_unseal_retries,
        qps,
        burst: if burst == 0 { CLIENT_GO_LIMITS.1 } else { burst },
        rate_limit: (typed.rate_limit, typed.rate_limit_burst),
        trusted_proxies: typed.trusted_proxies.0,
        listen: typed.listen_addr,
        listen_metrics: typed.listen_metrics_addr,
        timeouts: (typed.read_timeout, typed.write_timeout),
        omit_secret_labels: typed.metrics_omit_secret_labels,
        log: LogSettings { info_to_stdout: typed.log_info_stdout, level: typed.log_level, format: typed.log_format },
    }
}

#[cfg(test)]
mod tests;

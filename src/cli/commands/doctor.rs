//! `hecate-seal doctor`: why a SealedSecret does not open, from the settings to the Secret in the cluster.
//!
//! Checks what sealing and opening stand on, in that order: the settings, their certificates, every SealedSecret of the tree,
//! and, where a cluster is configured, the controller, whether it opens what is in the tree, and what became of each object
//! there. Every finding says which file, object and key, why, and what to do next. Nothing is changed anywhere.

mod cluster;
mod controller;

use std::path::PathBuf;

use clap::{Args, ValueHint};
use serde_json::{Value, json};
use time::Duration;

use crate::cli::args::{Format, PrivateKeyArgs};
use crate::cli::certificate::{self, date};
use crate::cli::commands::verify::{self, Checks};
use crate::cli::io::read;
use crate::cli::report::{Exit, Failure, Outcome};
use crate::cli::{Io, inputs, output, parallel, report, settings, tree};
use crate::crypto::x509::{Certificate, Validity};
use crate::manifest::{Document, Located, SealedSecret, read_documents};
use crate::repo::settings::Choice;
use crate::seal::{Severity, UnsealOptions, unseal_and_tell};

/// A certificate that ends sooner is worth a word.
const SOON: Duration = Duration::days(30);

/// Arguments of `doctor`.
#[derive(Args, Debug)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub struct DoctorArgs {
    /// Files and directories with SealedSecrets; without any: this directory
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Open every item with these, too.
    #[command(flatten)]
    pub keys: PrivateKeyArgs,
    /// Look at files only
    #[arg(long)]
    pub offline: bool,
    /// The cluster's kubeconfig [env: KUBECONFIG]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "offline")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME", conflicts_with = "offline")]
    pub context: Option<String>,
    /// Namespace of the controller
    #[arg(long, value_name = "NAMESPACE", default_value = "kube-system", conflicts_with = "offline")]
    pub controller_namespace: String,
    /// Name of the controller's Service
    #[arg(long, value_name = "NAME", default_value = "sealed-secrets-controller", conflicts_with = "offline")]
    pub controller_name: String,
    /// How to print the findings
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", alias = "format")]
    pub output: Format,
}

const DOCTOR_EXAMPLES: &str = "\
The cluster is asked when a kubeconfig is there (KUBECONFIG, ~/.kube/config, or the options): for the controller's certificate, whether it can open each SealedSecret of the tree, and for the state of each one in the cluster. Nothing is changed.

Exit code 1 when there are errors.

Examples:
  hecate-seal doctor
  hecate-seal doctor clusters/ --context kyrion
  hecate-seal doctor --offline -p backup/keys.yaml -o json";

/// How a finding is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Ok,
    /// It could not be looked at, and that is no fault.
    Skipped,
    Warning,
    Error,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Skipped => "skipped",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
struct Finding {
    level: Level,
    /// What kind of check it was.
    check: &'static str,
    /// File and line, or object in the cluster.
    subject: String,
    object: Option<String>,
    key: Option<String>,
    message: String,
    next: Option<String>,
}

impl Finding {
    fn new(level: Level, check: &'static str, subject: impl Into<String>, message: impl Into<String>) -> Self {
        Self { level, check, subject: subject.into(), object: None, key: None, message: message.into(), next: None }
    }

    fn next(mut self, step: impl Into<String>) -> Self {
        self.next = Some(step.into());
        self
    }

    fn of_failure(level: Level, check: &'static str, subject: impl Into<String>, failure: &Failure) -> Self {
        let finding = Self::new(level, check, subject, failure.one_line());
        match failure.hints().first() {
            Some(hint) => finding.next(hint),
            None => finding,
        }
    }

    fn object(mut self, object: Option<String>, key: Option<String>) -> Self {
        (self.object, self.key) = (object, key);
        self
    }
}

/// A certificate that the settings name.
struct Configured {
    source: String,
    certificate: Certificate,
}

/// A SealedSecret of the tree.
struct InTree {
    file: String,
    sealed: Located<SealedSecret>,
}

/// Runs the command.
///
/// # Errors
/// When the paths or private keys cannot be read. Everything else is a finding.
pub fn run(args: &DoctorArgs, io: &mut Io) -> Outcome {
    let keyring = inputs::private_keys(&args.keys, io)?;
    let checks = Checks { certificate: None, keyring: (!keyring.is_empty()).then_some(keyring) };
    let mut findings = Vec::new();
    let certificates = look_at_settings(&mut findings, io);
    let tree = look_at_tree(args, &checks, &mut findings, io)?;
    cluster::look(args, &certificates, &tree, &mut findings, io);
    print(args, &findings, tree.len(), io)
}

/// The settings file, and every certificate that it names.
fn look_at_settings(findings: &mut Vec<Finding>, io: &mut Io) -> Vec<Configured> {
    let (path, written) = match settings::written(io) {
        Ok(Some(found)) => found,
        Ok(None) => {
            let finding = Finding::new(Level::Skipped, "settings", ".hecate-seal.yaml", "there is none here or above");
            findings.push(finding.next("hecate-seal init"));
            return Vec::new();
        }
        Err(failure) => {
            findings.push(Finding::of_failure(Level::Error, "settings", ".hecate-seal.yaml", &failure));
            return Vec::new();
        }
    };
    let shown = io.shown(&path);
    findings.push(Finding::new(Level::Ok, "settings", shown.clone(), "can be read"));
    let folder = path.parent().map(ToOwned::to_owned).unwrap_or_default();
    let mut sources: Vec<String> = Vec::new();
    for choice in written.choices() {
        let Choice { certificate: Some(source), .. } = choice else { continue };
        let source =
            if certificate::is_url(source) { source.clone() } else { folder.join(source).to_string_lossy().into_owned() };
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    if sources.is_empty() {
        let finding = Finding::new(Level::Warning, "certificate", shown, "it names no certificate, so sealing needs --cert");
        findings.push(
            finding.next("kubeseal --fetch-cert > sealed-secrets.pem, and `certificate: sealed-secrets.pem` in the settings"),
        );
    }
    let mut configured = Vec::new();
    for source in sources {
        let shown = if certificate::is_url(&source) { certificate::shown(&source) } else { io.shown(source.as_ref()) };
        match certificate::load(&source, io) {
            Ok(certificate) => {
                findings.push(certificate_finding(&shown, &certificate, io));
                configured.push(Configured { source: shown, certificate });
            }
            Err(failure) => findings.push(Finding::of_failure(Level::Error, "certificate", shown, &failure)),
        }
    }
    configured
}

fn certificate_finding(source: &str, certificate: &Certificate, io: &Io) -> Finding {
    let fetch = "get the current one from the cluster: kubeseal --fetch-cert";
    let key = certificate.public_key();
    let until = date(certificate.not_after());
    match certificate.validity(io.now) {
        Validity::Expired => {
            Finding::new(Level::Error, "certificate", source, format!("expired on {until}; nothing can be sealed with it"))
                .next(fetch)
        }
        Validity::NotYetValid => {
            let message = format!("is not valid before {}", date(certificate.not_before()));
            Finding::new(Level::Error, "certificate", source, message).next("check the clock of this machine")
        }
        Validity::Valid if certificate.not_after() - io.now < SOON => {
            Finding::new(Level::Warning, "certificate", source, format!("expires on {until}")).next(fetch)
        }
        Validity::Valid => {
            let message = format!("RSA {} bits, key {}, valid until {until}", key.bits(), key.fingerprint());
            Finding::new(Level::Ok, "certificate", source, message)
        }
    }
}

/// Every SealedSecret of the paths, looked over as `verify` does.
fn look_at_tree(args: &DoctorArgs, checks: &Checks, findings: &mut Vec<Finding>, io: &mut Io) -> Result<Vec<InTree>, Failure> {
    let paths = if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() };
    let mut tree = Vec::new();
    for path in &paths {
        let found = tree::manifests(path, io)?;
        let names: Vec<_> = found.iter().map(|file| (file, verify::shown(file, io))).collect();
        let looked = parallel::map(&names, |(file, name)| {
            let report = verify::check_file(file, name, checks);
            let sealed = if report.objects == 0 { Vec::new() } else { sealed_in(file, name) };
            (report.problems, sealed)
        });
        for ((_, name), (problems, sealed)) in names.iter().zip(looked) {
            findings.extend(problems.into_iter().map(of_problem));
            tree.extend(sealed.into_iter().map(|sealed| InTree { file: name.clone(), sealed }));
        }
    }
    let options = UnsealOptions::new(io.now).accepting_deprecated_data();
    for found in &tree {
        let subject = format!("{}:{}", found.file, found.sealed.at.line);
        let object = name_of(&found.sealed.object);
        let keyring = checks.keyring.as_ref();
        let opened = keyring.and_then(|keyring| unseal_and_tell(&found.sealed.object, keyring, &options).ok());
        let message = match opened {
            Some(unsealed) => {
                let mut keys: Vec<String> = unsealed.opened_by.values().map(ToString::to_string).collect();
                keys.sort();
                keys.dedup();
                format!("opens with the private key {}", keys.join(", "))
            }
            // A failure is told by `verify`'s findings.
            None if keyring.is_some() => continue,
            None if findings.iter().any(|finding| finding.object.as_deref() == Some(object.as_str())) => continue,
            None => "is well-formed".to_owned(),
        };
        findings.push(Finding::new(Level::Ok, "tree", subject, message).object(Some(object), None));
    }
    if tree.is_empty() {
        findings.push(Finding::new(Level::Skipped, "tree", ".", "there is no SealedSecret here"));
    }
    Ok(tree)
}

fn sealed_in(file: &std::path::Path, name: &str) -> Vec<Located<SealedSecret>> {
    let Ok(bytes) = read::file(file, read::MAX_DOCUMENT) else { return Vec::new() };
    let documents = read_documents(&bytes, name).unwrap_or_default();
    documents.into_iter().flat_map(Document::items).filter_map(|document| document.sealed_secret().ok()).collect()
}

fn name_of(sealed: &SealedSecret) -> String {
    match sealed.metadata.namespace.as_str() {
        "" => sealed.metadata.name.clone(),
        namespace => format!("{namespace}/{}", sealed.metadata.name),
    }
}

fn of_problem(problem: verify::Problem) -> Finding {
    let level = if problem.severity == Severity::Error { Level::Error } else { Level::Warning };
    let subject = if problem.line == 0 { problem.file.clone() } else { format!("{}:{}", problem.file, problem.line) };
    let is_item = problem.key.as_deref().is_some_and(|key| !key.contains('/'));
    let finding = Finding::new(level, "tree", subject, problem.message);
    let finding = match &problem.key {
        Some(key) if is_item && level == Level::Error => {
            finding.next(format!("seal the value again: hecate-seal {key} --file {}", problem.file))
        }
        _ => finding,
    };
    finding.object(problem.object, problem.key)
}

fn print(args: &DoctorArgs, findings: &[Finding], objects: usize, io: &mut Io) -> Outcome {
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (errors, warnings) = (count(Level::Error), count(Level::Warning));
    match args.output {
        Format::Text => {
            for finding in findings {
                io.stdout.put(as_text(finding))?;
            }
        }
        Format::Json => {
            let list: Vec<Value> = findings.iter().map(as_json).collect();
            output::json(&json!({ "objects": objects, "errors": errors, "warnings": warnings, "findings": list }), io)?;
        }
    }
    let plural = |count: usize, what: &str| if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") };
    io.note(format!("{}: {}, {}", plural(objects, "SealedSecret"), plural(errors, "error"), plural(warnings, "warning")));
    Ok(if errors > 0 { Exit::FAILED } else { Exit::DONE })
}

/// `error: tree: apps/a.yaml:9: web/app: KEY: message`, and the next step below.
fn as_text(finding: &Finding) -> String {
    let names: String = finding.object.iter().chain(&finding.key).map(|name| format!("{name}: ")).collect();
    let line = format!("{}: {}: {}: {names}{}", finding.level.word(), finding.check, finding.subject, finding.message);
    let line = report::one_line(&line);
    match &finding.next {
        Some(step) => format!("{line}\n  next: {}\n", report::one_line(step)),
        None => line + "\n",
    }
}

fn as_json(finding: &Finding) -> Value {
    json!({
        "level": finding.level.word(),
        "check": finding.check,
        "subject": finding.subject,
        "object": finding.object,
        "key": finding.key,
        "message": finding.message,
        "next": finding.next,
    })
}

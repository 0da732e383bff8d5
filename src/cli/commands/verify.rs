//! `hecate-seal verify`: SealedSecrets of files and whole trees, looked over without a cluster; with `--online` its controller is asked too.
//!
//! What can be seen from outside: structure, base64, sizes, scope and names, repeated keys ([`crate::seal::verify`]). With
//! private keys every item is opened as well. Files that are not Kubernetes manifests, and documents of other kinds, are passed
//! over. Every finding names file and line; no finding holds a value.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::reseal::{UTF16, is_utf16};
use crate::cli::args::{Format, VerifyArgs};
use crate::cli::io::read;
use crate::cli::report::{Exit, Failure, Outcome};
use crate::cli::{Io, certificate, env, inputs, online, output, parallel, tree};
use crate::crypto::x509::Certificate;
use crate::manifest::{self, Document, SealedSecret};
use crate::seal::{Keyring, Severity, VerifyOptions, verify};
use crate::yaml::{self, Node};

/// Text that every file with a SealedSecret has.
const MARK: &[u8] = b"SealedSecret";

/// What was found in one file.
#[derive(Default)]
pub(in crate::cli::commands) struct Report {
    pub(in crate::cli::commands) objects: usize,
    pub(in crate::cli::commands) problems: Vec<Problem>,
    /// Objects without an error, for the controller.
    sound: Vec<Sound>,
}

/// An object that is worth asking the controller about.
struct Sound {
    file: String,
    line: usize,
    sealed: SealedSecret,
}

/// One finding with its place.
pub(in crate::cli::commands) struct Problem {
    pub(in crate::cli::commands) severity: Severity,
    pub(in crate::cli::commands) file: String,
    /// From 1; 0 for the whole file.
    pub(in crate::cli::commands) line: usize,
    pub(in crate::cli::commands) object: Option<String>,
    pub(in crate::cli::commands) key: Option<String>,
    pub(in crate::cli::commands) message: String,
}

/// What files are compared with.
pub(in crate::cli::commands) struct Checks {
    pub(in crate::cli::commands) certificate: Option<Certificate>,
    pub(in crate::cli::commands) keyring: Option<Keyring>,
}

/// Runs the command.
///
/// # Errors
/// When keys or certificate cannot be read. Findings are no failure of the command, but exit code 1.
pub fn run(args: &VerifyArgs, io: &mut Io) -> Outcome {
    let keyring = inputs::private_keys(&args.keys, io)?;
    let certificate = match args.cert.clone().or_else(|| io.env.text(env::CERT)) {
        Some(source) => Some(certificate::load(&source, io)?),
        None => None,
    };
    let checks = Checks { certificate, keyring: (!keyring.is_empty()).then_some(keyring) };

    let mut reports = Vec::new();
    let mut count = 0;
    let paths = if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() };
    for path in &paths {
        if path.as_os_str() == "-" {
            for input in inputs::read_all(&[], io)? {
                reports.push(check(&input.bytes, &input.name, &checks));
            }
            count += 1;
            continue;
        }
        let found = tree::manifests(path, io)?;
        count += found.len();
        let names: Vec<_> = found.iter().map(|file| (file, shown(file, io))).collect();
        reports.extend(parallel::map(&names, |(file, name)| check_file(file, name, &checks)));
    }
    let objects = reports.iter().map(|report| report.objects).sum();
    if args.online {
        ask(args, &mut reports, io)?;
    }
    let problems: Vec<Problem> = reports.into_iter().flat_map(|report| report.problems).collect();
    print(args, count, objects, &problems, io)
}

/// Asks the controller about every sound object; what it cannot open becomes an error of its file.
fn ask(args: &VerifyArgs, reports: &mut [Report], io: &mut Io) -> Result<(), Failure> {
    let controller = args.controller.find(io)?;
    for report in reports {
        for Sound { file, line, sealed } in std::mem::take(&mut report.sound) {
            let object = format!("{}/{}", sealed.metadata.namespace, sealed.metadata.name);
            let json = manifest::to_json(&manifest::sealed_secret_to_value(&sealed, manifest::Style::Current));
            let opens = controller
                .verify(json.expose().as_bytes())
                .map_err(|trouble| online::failure(&format!("cannot ask the controller about {object} ({file})"), &trouble))?;
            if !opens {
                report.problems.push(Problem {
                    line,
                    object: Some(object),
                    ..Problem::of_file(&file, "the controller cannot open it".to_owned(), Severity::Error)
                });
            }
        }
    }
    Ok(())
}

fn print(args: &VerifyArgs, files: usize, objects: usize, problems: &[Problem], io: &mut Io) -> Outcome {
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error).count();
    let warnings = problems.len() - errors;
    match args.format {
        Format::Text => {
            for problem in problems {
                io.stdout.line(as_text(problem))?;
            }
        }
        Format::Json => {
            let findings: Vec<Value> = problems.iter().map(as_json).collect();
            output::json(&json!({ "files": files, "objects": objects, "findings": findings }), io)?;
        }
    }
    io.note(format!(
        "{} in {}: {}, {}",
        plural(objects, "SealedSecret"),
        plural(files, "file"),
        plural(errors, "error"),
        plural(warnings, "warning")
    ));
    if objects == 0 && problems.is_empty() {
        io.warn("there is no SealedSecret here");
    }
    let failed = errors > 0 || (args.strict && warnings > 0);
    Ok(if failed { Exit::FAILED } else { Exit::DONE })
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The path as the user sees it.
pub(in crate::cli::commands) fn shown(path: &Path, io: &Io) -> String {
    let path = path.strip_prefix(&io.cwd).unwrap_or(path);
    path.strip_prefix(".").unwrap_or(path).display().to_string()
}

pub(in crate::cli::commands) fn check_file(path: &Path, name: &str, checks: &Checks) -> Report {
    match read::file(path, read::MAX_DOCUMENT) {
        Ok(bytes) => check(&bytes, name, checks),
        Err(error) => {
            Report { objects: 0, sound: Vec::new(), problems: vec![Problem::of_file(name, error.to_string(), Severity::Error)] }
        }
    }
}

fn check(bytes: &[u8], name: &str, checks: &Checks) -> Report {
    let mut report = Report::default();
    if is_utf16(bytes) {
        report.problems.push(Problem::of_file(name, UTF16.to_owned(), Severity::Error));
        return report;
    }
    if !bytes.windows(MARK.len()).any(|window| window == MARK) {
        return report;
    }
    let documents = match manifest::read_documents(bytes, name) {
        Ok(documents) => documents,
        Err(error) => {
            // A Helm chart's template is no YAML yet; anything else that names a SealedSecret should be.
            let is_template = bytes.windows(2).any(|window| window == b"{{");
            let severity = if is_template { Severity::Warning } else { Severity::Error };
            report.problems.push(Problem::of_file(name, without_file(&error, name), severity));
            return report;
        }
    };
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let trees = yaml::parse_stream(text).unwrap_or_default();
    for document in documents {
        let of_list = document.kind() == Some("SealedSecretList");
        for item in document.items() {
            if item.kind() == Some("SealedSecret") || (of_list && item.kind().is_none()) {
                report.objects += 1;
                check_object(item, &trees, name, checks, &mut report);
            }
        }
    }
    report
}

fn check_object(document: Document, trees: &[yaml::Document], name: &str, checks: &Checks, report: &mut Report) {
    let problems = &mut report.problems;
    let before = problems.len();
    let at = document.position().clone();
    let root = trees.get(at.document.saturating_sub(1)).map(yaml::Document::root).map(Node::resolved);
    let root = match at.item {
        None => root,
        Some(item) => root.and_then(|list| list.get("items")?.resolved().items().nth(item.saturating_sub(1))).map(Node::resolved),
    };
    let own_line = root.map_or(at.line, |root| root.position().line);
    let sealed = match document.sealed_secret() {
        Ok(sealed) => sealed,
        Err(error) => {
            let message = without_file(&error, name);
            problems.push(Problem { line: own_line, ..Problem::of_file(name, message, Severity::Error) });
            return;
        }
    };
    let repeated = root.map(repeated_keys).unwrap_or_default();
    let paths: Vec<String> = repeated.iter().map(|(path, _)| path.clone()).collect();
    let options = VerifyOptions {
        certificate: checks.certificate.as_ref().map(Certificate::public_key),
        keyring: checks.keyring.as_ref(),
        repeated_keys: &paths,
    };
    for finding in verify(&sealed.object, &options) {
        let key = finding.key.as_deref();
        let repeated_at = key.and_then(|key| repeated.iter().find(|(path, _)| path == key)).map(|(_, line)| *line);
        let line = repeated_at.or_else(|| line_of(root?, key?)).unwrap_or(own_line);
        problems.push(Problem {
            severity: finding.severity,
            file: name.to_owned(),
            line,
            object: Some(finding.object),
            key: finding.key,
            message: finding.message,
        });
    }
    if problems.iter().skip(before).all(|problem| problem.severity != Severity::Error) {
        report.sound.push(Sound { file: name.to_owned(), line: own_line, sealed: sealed.object });
    }
}

/// The mappings of a SealedSecret whose keys are looked at, items first.
const MAPPINGS: [&[&str]; 7] = [
    &["spec", "encryptedData"],
    &["metadata", "annotations"],
    &["spec", "template", "metadata", "annotations"],
    &["spec", "template", "data"],
    &["metadata"],
    &["spec"],
    &[],
];

fn at_path<'d>(root: Node<'d>, path: &[&str]) -> Option<Node<'d>> {
    path.iter().try_fold(root, |node, key| node.get(key).map(Node::resolved))
}

/// Keys that stand more than once in a mapping: dotted path, and the line of the repetition.
fn repeated_keys(root: Node<'_>) -> Vec<(String, usize)> {
    let mut repeated = Vec::new();
    for path in MAPPINGS {
        for key in at_path(root, path).map(Node::repeated_keys).unwrap_or_default() {
            let names = path.iter().copied().chain(key.text());
            repeated.push((names.collect::<Vec<_>>().join("."), key.position().line));
        }
    }
    repeated
}

/// The line of an item, annotation or dotted field.
fn line_of(root: Node<'_>, key: &str) -> Option<usize> {
    let in_mapping = |path: &&[&str]| at_path(root, path)?.entry(key).map(|(name, _)| name.position().line);
    MAPPINGS.iter().find_map(in_mapping).or_else(|| {
        let path: Vec<&str> = key.split('.').collect();
        at_path(root, &path).map(|node| node.position().line)
    })
}

/// The error's text without the file that the line begins with anyway.
fn without_file(error: &manifest::Error, name: &str) -> String {
    let text = error.to_string();
    text.strip_prefix(name).and_then(|rest| rest.strip_prefix(": ")).map_or_else(|| text.clone(), str::to_owned)
}

impl Problem {
    fn of_file(file: &str, message: String, severity: Severity) -> Self {
        Self { severity, file: file.to_owned(), line: 0, object: None, key: None, message }
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// `file:line: error: namespace/name: KEY: message`
fn as_text(problem: &Problem) -> String {
    let line = if problem.line == 0 { String::new() } else { format!(":{}", problem.line) };
    let names: String = problem.object.iter().chain(&problem.key).map(|name| format!("{name}: ")).collect();
    format!("{}{line}: {}: {names}{}", problem.file, word(problem.severity), problem.message)
}

fn as_json(problem: &Problem) -> Value {
    json!({
        "severity": word(problem.severity),
        "file": problem.file,
        "line": (problem.line > 0).then_some(problem.line),
        "object": problem.object,
        "key": problem.key,
        "message": problem.message,
    })
}

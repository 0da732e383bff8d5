//! `hecate-seal init`: a first `.hecate-seal.yaml` from what is there.
//!
//! Looks for certificates and SealedSecrets in this directory and below, and for a namespace in the kubeconfig. One certificate
//! or SealedSecret becomes the default of the whole tree; several become targets of their directories. What is found is only
//! proposed: the file says where everything came from and is meant to be edited. It is never overwritten.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::cli::args::InitArgs;
use crate::cli::certificate::date;
use crate::cli::io::read;
use crate::cli::io::replace::{self, Existing, Privacy};
use crate::cli::report::{Exit, Failure, Outcome};
use crate::cli::{Io, env};
use crate::crypto::x509::{Certificate, Validity};
use crate::manifest::{self, Document};
use crate::repo::kubeconfig::Kubeconfig;
use crate::repo::{settings, walk};
use crate::seal::Scope;

/// Most files that are looked into; a larger tree is no repository of manifests.
const MAX_FILES: usize = 20_000;
/// Largest file that is looked into: 1 MiB.
const MAX_BYTES: u64 = 1 << 20;
/// Folders that hold certificates of the folder above them.
const CERTIFICATE_FOLDERS: &[&str] = &["cert", "certs", "certificates", "keys", "pki", "tls"];

/// A SealedSecret that is there.
struct Sealed {
    file: PathBuf,
    name: String,
    namespace: String,
    scope: Scope,
}

/// What was found.
#[derive(Default)]
struct Found {
    /// Usable certificates, relative to here.
    certificates: Vec<(PathBuf, Certificate)>,
    sealed: Vec<Sealed>,
    namespace: Option<(String, String)>,
}

/// What the file says for one directory.
#[derive(Default)]
struct Target<'a> {
    certificate: Option<&'a (PathBuf, Certificate)>,
    sealed: Vec<&'a Sealed>,
}

/// Runs the command.
///
/// # Errors
/// When there is a settings file already, or it cannot be written.
pub fn run(args: &InitArgs, io: &mut Io) -> Outcome {
    let path = io.cwd.join(settings::FILE_NAME);
    if !args.print && path.symlink_metadata().is_ok() {
        return Err(Failure::new(format_args!("{} exists already", settings::FILE_NAME))
            .with_hint("it is never overwritten; `hecate-seal init --print` shows what would be written"));
    }
    let found = look(io)?;
    let text = write(&found, io);
    // What is proposed must be what the reader understands.
    settings::Settings::parse(&text)?;
    if args.print {
        io.stdout.put(text)?;
        return Ok(Exit::DONE);
    }
    replace::write(&path, text.as_bytes(), Privacy::Shared, Existing::Keep)
        .map_err(|error| error.at(settings::FILE_NAME.as_ref()))?;
    io.note(format!(
        "wrote {} ({} and {} found)",
        settings::FILE_NAME,
        plural(found.certificates.len(), "certificate"),
        plural(found.sealed.len(), "SealedSecret")
    ));
    if found.certificates.is_empty() {
        io.hint("put the cluster's certificate here and name it in the file: kubeseal --fetch-cert > sealed-secrets.pem");
    } else {
        io.hint("look it over, then: hecate-seal KEY");
    }
    Ok(Exit::DONE)
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Looks through the tree and the kubeconfig. What cannot be read or is something else is passed over.
fn look(io: &mut Io) -> Result<Found, Failure> {
    let mut found = Found::default();
    let relative = |path: &Path| path.strip_prefix(&io.cwd).unwrap_or(path).to_owned();
    let endings = [walk::MANIFESTS, walk::CERTIFICATES].concat();
    let files = walk::files(&io.cwd, &endings).files;
    if files.len() > MAX_FILES {
        return Err(Failure::new(format_args!("there are more than {MAX_FILES} files below {}", io.cwd.display()))
            .with_hint("start it in the root of your repository"));
    }
    for path in &files {
        let Ok(bytes) = read::file(path, MAX_BYTES) else { continue };
        if let Ok(certificate) = Certificate::parse_pem_first(&bytes) {
            if certificate.validity(io.now) != Validity::Expired {
                found.certificates.push((relative(path), certificate));
            }
        } else if bytes.windows(12).any(|window| window == b"SealedSecret") {
            let documents = manifest::read_documents(&bytes, "").unwrap_or_default();
            for document in documents.into_iter().flat_map(Document::items) {
                let Ok(sealed) = document.sealed_secret() else { continue };
                let metadata = sealed.object.metadata;
                found.sealed.push(Sealed {
                    file: relative(path),
                    scope: Scope::from_annotations(&metadata.annotations),
                    name: metadata.name,
                    namespace: metadata.namespace,
                });
            }
        }
    }
    found.namespace = namespace(io);
    Ok(found)
}

/// The namespace of the current context, and the context's name.
fn namespace(io: &Io) -> Option<(String, String)> {
    let paths: Vec<PathBuf> = match (io.env.raw(env::KUBECONFIG), io.env.raw(env::HOME)) {
        (Some(list), _) if !list.is_empty() => std::env::split_paths(&list).map(|path| io.path(path)).collect(),
        (_, Some(home)) => vec![Path::new(&home).join(".kube/config")],
        _ => Vec::new(),
    };
    let config = Kubeconfig::read_all(&paths).ok()?;
    let namespace = config.current_namespace()?.to_owned();
    Some((config.current_context?, namespace))
}

/// The directory that a certificate is for.
fn directory_of_certificate(path: &Path) -> PathBuf {
    let folder = path.parent().unwrap_or(Path::new(""));
    let is_store = folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| CERTIFICATE_FOLDERS.contains(&name));
    if is_store { folder.parent().unwrap_or(Path::new("")).to_owned() } else { folder.to_owned() }
}

/// The text of the settings file.
fn write(found: &Found, io: &Io) -> String {
    let mut targets: BTreeMap<PathBuf, Target<'_>> = BTreeMap::new();
    let mut others = Vec::new();
    for certificate in &found.certificates {
        let directory = match found.certificates.as_slice() {
            [_] => PathBuf::new(),
            _ => directory_of_certificate(&certificate.0),
        };
        let target = targets.entry(directory).or_default();
        if target.certificate.is_none() {
            target.certificate = Some(certificate);
        } else {
            others.push(certificate);
        }
    }
    for sealed in &found.sealed {
        let directory = match found.sealed.as_slice() {
            [_] => Path::new(""),
            _ => sealed.file.parent().unwrap_or(Path::new("")),
        };
        targets.entry(directory.to_owned()).or_default().sealed.push(sealed);
    }

    let mut text = String::from(
        "# Where hecate-seal puts values, and whose key it seals them for. Paths start from this folder.\n# `hecate-seal value --help` explains; flags and HECATE_SEAL_* variables win over this file.\n",
    );
    let root = targets.remove(Path::new("")).unwrap_or_default();
    match root.certificate {
        Some(certificate) => _ = write!(text, "\n{}", certificate_lines(certificate, "", io)),
        None if targets.values().all(|target| target.certificate.is_none()) => {
            text +=
                "\n# The cluster's certificate: kubeseal --fetch-cert > sealed-secrets.pem\n# certificate: sealed-secrets.pem\n";
        }
        None => {}
    }
    for (path, _) in others {
        _ = writeln!(text, "# also found: certificate: {}", quoted(&path.to_string_lossy()));
    }
    if root.sealed.is_empty() && targets.values().all(|target| target.sealed.is_empty()) {
        text += "\n# The file that values go into; it is made if absent.\n# file: sealed-secret.yaml\n# name: my-secrets\n";
        match &found.namespace {
            Some((context, namespace)) => {
                _ = writeln!(
                    text,
                    "# From the current context of the kubeconfig, {}:\nnamespace: {}",
                    one_line(context),
                    quoted(namespace)
                );
            }
            None => text += "# namespace: default\n",
        }
        text += "# scope: strict\n";
    }
    text += &sealed_lines(&root.sealed, "");
    if !targets.is_empty() {
        text += "\n# For these directories and below; the deepest one counts.\ntargets:\n";
        for (directory, target) in &targets {
            _ = writeln!(text, "  - directory: {}", quoted(&directory.to_string_lossy()));
            if let Some(certificate) = target.certificate {
                text += &certificate_lines(certificate, "    ", io);
            }
            text += &sealed_lines(&target.sealed, "    ");
        }
    }
    text
}

fn certificate_lines((path, certificate): &(PathBuf, Certificate), indent: &str, io: &Io) -> String {
    let when = match certificate.validity(io.now) {
        Validity::NotYetValid => format!("valid from {}", date(certificate.not_before())),
        _ => format!("valid until {}", date(certificate.not_after())),
    };
    format!(
        "{indent}# {}, {when}\n{indent}certificate: {}\n",
        certificate.public_key().fingerprint(),
        quoted(&path.to_string_lossy())
    )
}

/// The first SealedSecret as settings, the others as comments.
fn sealed_lines(sealed: &[&Sealed], indent: &str) -> String {
    let mut text = String::new();
    for (index, sealed) in sealed.iter().enumerate() {
        if index == 0 {
            _ = writeln!(text, "{indent}file: {}", quoted(&sealed.file.to_string_lossy()));
            for (field, value) in [("name", &sealed.name), ("namespace", &sealed.namespace)] {
                if !value.is_empty() {
                    _ = writeln!(text, "{indent}{field}: {}", quoted(value));
                }
            }
            _ = writeln!(text, "{indent}scope: {}", sealed.scope);
        } else {
            let (file, name, namespace) = (sealed.file.to_string_lossy(), &sealed.name, &sealed.namespace);
            _ = writeln!(text, "{indent}# also found: {} ({}/{})", one_line(&file), one_line(namespace), one_line(name));
        }
    }
    text
}

/// The text, in double quotes where YAML could read it as something else.
fn quoted(text: &str) -> String {
    const OTHER_MEANING: &[&str] = &["true", "false", "yes", "no", "on", "off", "y", "n", "null"];
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(plain);
    let means_other = OTHER_MEANING.iter().any(|word| word.eq_ignore_ascii_case(text));
    if is_word && !means_other { text.to_owned() } else { serde_json::Value::from(text).to_string() }
}

/// For comments: a name cannot end one.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

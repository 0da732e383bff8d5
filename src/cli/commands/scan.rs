//! `hecate-seal scan`: plaintext is refused before git has it.
//!
//! Looks at the files of a tree, or at what is staged ([`crate::repo::git`]), with [`crate::repo::scan`]. A finding names file,
//! line, object and key and says what to do next; no value is ever shown. Exit code 1 when there are findings, so that it stops
//! a commit as a hook (`hook`) or a pipeline.

mod hook;
mod next;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use crate::cli::args::Format;
use crate::cli::io::read;
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::cli::{Io, output, parallel, settings, tree};
use crate::repo::git;
use crate::repo::scan::allow::AllowedPaths;
use crate::repo::scan::coverage::{self, SopsRules};
use crate::repo::scan::{Finding, Kind, Report, scan};
use crate::repo::settings::repository_root;

/// Largest file that is looked at, in bytes: 16 MiB.
const MAX_FILE: u64 = 16 << 20;
/// How many files with the same note are named.
const MAX_NOTES: usize = 5;

/// Arguments of `scan`.
#[derive(Args, Debug)]
#[command(after_help = SCAN_EXAMPLES)]
pub struct ScanArgs {
    /// Files and directories; without any: this directory. What .gitignore excludes is passed over, unless git has it or it is named
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    /// Look at what is staged for the next commit, instead of at files
    #[arg(long)]
    pub staged: bool,
    /// How to print the findings
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT", alias = "format")]
    pub output: Format,
    /// Write a git hook that runs `hecate-seal scan --staged` before every commit; a hook that is there is never replaced
    #[arg(long, conflicts_with_all = ["paths", "staged", "output"])]
    pub install_hook: bool,
}

const SCAN_EXAMPLES: &str = "\
Found are: values of Secrets that are neither sealed nor encrypted, in any text file that says `kind: Secret` (Lists, templates in other objects, kubectl's copies in annotations and literals of secretGenerator too), private keys (PEM, age, nkeys, a controller's key Secrets), files that a path_regex of .sops.yaml covers and that are not encrypted, and plain values in SOPS files. No value is ever shown.

Of a template or a script that is no YAML, only values that are surely literal are found; a note names the template. Documentation and source code (.md, .rs, .go, …) are looked through for private keys and for what .sops.yaml covers, not for Secrets. Not looked at are files with a zero byte near their start and files of more than 16 MiB; a note names the latter.

Harmless are empty values, substitutions (${VAR}, {{ … }}) with nothing around them and no literal in them, references (op://…), words such as CHANGEME, certificates. What else is harmless is declared: by a comment `# hecate-seal: allow` above an object or on or above a key, or in .hecate-seal.yaml:
  scan:
    allow: [\"tests/fixtures/**\"]

Exit code 1 when something was found.

Examples:
  hecate-seal scan clusters/
  hecate-seal scan --install-hook
  hecate-seal scan --staged -o json";

/// A finding with its file.
struct Located {
    file: String,
    finding: Finding,
    message: String,
    next: String,
}

/// What the whole run saw.
#[derive(Default)]
struct Seen {
    files: usize,
    findings: Vec<Located>,
    /// Files that were not looked at, and why.
    skipped: Vec<(String, String)>,
}

/// Runs the command.
///
/// # Errors
/// When a path, git or the settings cannot be read. Findings are no failure of the command, but exit code 1.
pub fn run(args: &ScanArgs, io: &mut Io) -> Outcome {
    if args.install_hook {
        return hook::install(io);
    }
    let written = settings::written(io).or_usage()?;
    let allowed = match &written {
        Some((path, written)) => {
            let folder = path.parent().unwrap_or(Path::new("/"));
            let wrong = || format!("cannot use the settings in {}", path.display());
            let allowed = AllowedPaths::new(folder, &written.scan_allow).map_err(Failure::usage);
            Some(allowed.map_err(|failure| failure.wrap("scan.allow has a pattern that is none")).context(wrong)?)
        }
        None => None,
    };
    let is_allowed = |path: &Path| allowed.as_ref().is_some_and(|allowed| allowed.contains(path));
    let mut seen = Seen::default();
    if args.staged {
        of_index(args, &is_allowed, &mut seen, io)?;
    } else {
        of_tree(args, &is_allowed, &mut seen, io)?;
    }
    print(args, &seen, io)
}

/// The `.sops.yaml` of each folder: the nearest one upwards, within the repository.
#[derive(Default)]
struct RulesByFolder(BTreeMap<PathBuf, Option<Arc<SopsRules>>>);

impl RulesByFolder {
    fn nearest(&mut self, folder: &Path, root: &Path, seen: &mut Seen, io: &Io) -> Option<Arc<SopsRules>> {
        if let Some(known) = self.0.get(folder) {
            return known.clone();
        }
        let path = folder.join(coverage::FILE_NAME);
        let rules = match read::file(&path, read::MAX_VALUE) {
            Ok(text) => match SopsRules::parse(folder, &text) {
                Ok(rules) => Some(Arc::new(rules)),
                Err(error) => {
                    let finding = Finding { kind: Kind::Unreadable, line: 0, object: None, key: None };
                    let next = "mend the rules: without them nobody knows what should be encrypted".to_owned();
                    seen.findings.push(Located { file: io.shown(&path), finding, message: error.to_string(), next });
                    None
                }
            },
            // No such file, or one that nobody may read: sops would look further up.
            Err(_) => folder.parent().filter(|_| folder != root).and_then(|above| self.nearest(above, root, seen, io)),
        };
        self.0.insert(folder.to_owned(), rules.clone());
        rules
    }
}

fn of_tree(args: &ScanArgs, is_allowed: &dyn Fn(&Path) -> bool, seen: &mut Seen, io: &mut Io) -> Result<(), Failure> {
    let mut rules = RulesByFolder::default();
    let paths = if args.paths.is_empty() { vec![PathBuf::from(".")] } else { args.paths.clone() };
    for path in &paths {
        let found = tree::all(path, io)?;
        let start = io.path(path).components().collect::<PathBuf>();
        let root = repository_root(if start.is_dir() { &start } else { start.parent().unwrap_or(&start) });
        let mut files = Vec::new();
        for file in found.into_iter().filter(|file| !is_allowed(file)) {
            let rules = rules.nearest(file.parent().unwrap_or(&root), &root, seen, io);
            files.push((file, rules));
        }
        seen.files += files.len();
        let reports = parallel::map(&files, |(file, rules)| {
            let content = read_text(file)?;
            Ok(content.map_or_else(Report::default, |bytes| scan(file, &bytes, rules.as_deref())))
        });
        for ((file, rules), report) in files.iter().zip(reports) {
            match report {
                Ok(report) => seen.add(file, report, rules.as_deref(), io),
                Err(read::ReadError::TooLarge(_)) => seen.skipped.push((io.shown(file), too_large())),
                Err(error) => {
                    return Err(Failure::from(error).wrap(format_args!("cannot read {}", printable(&io.shown(file)))));
                }
            }
        }
    }
    Ok(())
}

/// The content of a file; `None` when its beginning shows that it is no text, so that images and archives are not read whole.
fn read_text(path: &Path) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, read::ReadError> {
    use std::io::Read as _;
    let mut file = std::fs::File::open(path)?;
    let mut start = zeroize::Zeroizing::new(Vec::with_capacity(8000));
    file.by_ref().take(8000).read_to_end(&mut start)?;
    // UTF-16 is text, and a finding.
    let is_utf16 = start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]);
    if crate::repo::scan::is_binary(&start) && !is_utf16 {
        return Ok(None);
    }
    if start.len() < 8000 {
        return Ok(Some(start));
    }
    read::stream(start.chain(file), MAX_FILE).map(Some)
}

fn too_large() -> String {
    format!("it is larger than {} MiB", MAX_FILE >> 20)
}

fn of_index(args: &ScanArgs, is_allowed: &dyn Fn(&Path) -> bool, seen: &mut Seen, io: &Io) -> Result<(), Failure> {
    let failed = || "cannot read what is staged";
    let top = git::top(&io.cwd).context(failed)?;
    for path in &args.paths {
        if io.path(path).symlink_metadata().is_err() && !git::knows(&io.cwd, path).context(failed)? {
            let missing = Failure::new("there is no such file, and git has none");
            return Err(missing.wrap(format_args!("cannot look through {}", path.display())));
        }
    }
    let staged: Vec<git::Staged> = git::staged(&io.cwd, &args.paths).context(failed)?;
    let staged: Vec<git::Staged> = staged.into_iter().filter(|file| !is_allowed(&top.join(&file.path))).collect();
    let mut rules = RulesByFolder::default();
    seen.files = staged.len();
    git::contents(&io.cwd, &staged, MAX_FILE, |file, content| {
        let path = top.join(&file.path);
        match content {
            Some(bytes) => {
                let rules = rules.nearest(path.parent().unwrap_or(&top), &top, seen, io);
                seen.add(&path, scan(&path, bytes, rules.as_deref()), rules.as_deref(), io);
            }
            None => seen.skipped.push((io.shown(&path), too_large())),
        }
    })
    .context(failed)
}

impl Seen {
    fn add(&mut self, path: &Path, report: Report, rules: Option<&SopsRules>, io: &Io) {
        let file = io.shown(path);
        if report.template > 0 {
            let reason = format!("line {}: it is a template: only clear values of its Secret are found", report.template);
            self.skipped.push((file.clone(), reason));
        }
        let has_rule = rules.is_some_and(|rules| rules.has_rule_for(path));
        self.findings.extend(report.findings.into_iter().map(|finding| Located {
            file: file.clone(),
            message: message(&finding.kind),
            next: next::step(&finding.kind, &file, has_rule),
            finding,
        }));
    }
}

fn message(kind: &Kind) -> String {
    match kind {
        Kind::PlainSecret => "a value of a Secret in plain text".to_owned(),
        Kind::Literal => "a value of a Secret in plain text, in a template or a script".to_owned(),
        Kind::GeneratorLiteral => "a value of secretGenerator in plain text".to_owned(),
        Kind::PlainCopy => "the annotation holds a copy of a plain Secret".to_owned(),
        Kind::SealingKey => "the private key of a sealed-secrets controller: it opens everything that is sealed".to_owned(),
        Kind::PrivateKey(what) => what.to_string(),
        Kind::NotEncrypted(rule) => format!("creation rule {} of .sops.yaml covers it, and it is not encrypted", rule + 1),
        Kind::PartlyEncrypted => "a plain value in a SOPS file".to_owned(),
        _ => "it seems to hold a Secret and cannot be read as YAML in UTF-8".to_owned(),
    }
}

fn print(args: &ScanArgs, seen: &Seen, io: &mut Io) -> Outcome {
    match args.output {
        Format::Text => {
            for (index, found) in seen.findings.iter().enumerate() {
                io.stdout.put(as_text(found))?;
                // Once for several findings that end with the same step.
                let following = seen.findings.get(index + 1);
                if following.is_none_or(|next| next.file != found.file || next.next != found.next) {
                    io.stdout.line(format!("  next: {}", found.next))?;
                }
            }
        }
        Format::Json => {
            let findings: Vec<Value> = seen.findings.iter().map(as_json).collect();
            let skipped: Vec<Value> =
                seen.skipped.iter().map(|(file, reason)| json!({ "file": file, "reason": reason })).collect();
            output::json(&json!({ "files": seen.files, "findings": findings, "skipped": skipped }), io)?;
        }
    }
    for (file, reason) in seen.skipped.iter().take(MAX_NOTES) {
        io.note(format!("{}: {reason}", printable(file)));
    }
    if seen.skipped.len() > MAX_NOTES {
        io.note(format!("{} more files were not looked at; -o json names them", seen.skipped.len() - MAX_NOTES));
    }
    let files = if seen.files == 1 { "1 file".to_owned() } else { format!("{} files", seen.files) };
    if seen.findings.is_empty() {
        io.note(format!("{files}: no plaintext found"));
        return Ok(Exit::DONE);
    }
    let things = if seen.findings.len() == 1 { "1 finding".to_owned() } else { format!("{} findings", seen.findings.len()) };
    io.note(format!("{files}: {things}"));
    if args.staged {
        io.hint("nothing of this should be committed; what is meant to be plain: a comment `# hecate-seal: allow` above it");
    } else {
        io.hint("a value that was ever pushed counts as known: change it where it is used, then seal the new one");
    }
    Ok(Exit::FAILED)
}

/// `file:line: error: namespace/name: KEY: message`, as `verify` prints its findings.
fn as_text(found: &Located) -> String {
    let line = if found.finding.line == 0 { String::new() } else { format!(":{}", found.finding.line) };
    let key = found.finding.key.iter().filter(|key| !key.is_empty());
    let names: String = found.finding.object.iter().chain(key).map(|name| format!("{}: ", printable(name))).collect();
    // What is wrong with a pattern of `.sops.yaml` is told with the pattern, on several lines.
    let message = printable(&found.message.replace('\n', " "));
    format!("{}{line}: error: {names}{message}\n", printable(&found.file))
}

/// Names come from files, and may not drive the terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if crate::cli::report::is_unsafe(c) { '\u{fffd}' } else { c }).collect()
}

fn as_json(found: &Located) -> Value {
    json!({
        "kind": found.finding.kind.word(),
        "file": found.file,
        "line": (found.finding.line > 0).then_some(found.finding.line),
        "object": found.finding.object,
        "key": found.finding.key,
        "message": found.message,
        "next": found.next,
    })
}

//! `nats check`: a server's configuration, looked over for what its own check lets through.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::{Args, ValueHint};
use serde_json::json;

use super::sources;
use crate::cli::args::Format;
use crate::cli::report::{Exit, Failure, Outcome};
use crate::cli::{Io, output};
use crate::nats::Severity;
use crate::nats::check::Finding;
use crate::nats::conf::{Config, digest};

/// The server's program.
const SERVER: &str = "nats-server";
/// Longer than any check of the server takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Arguments of `nats check`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct CheckArgs {
    /// Configurations, each as a server is started with; what they include is read with them
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    files: Vec<PathBuf>,
    /// Exit with 1 on warnings too
    #[arg(long)]
    strict: bool,
    /// Do not ask nats-server, even if there is one
    #[arg(long)]
    no_server: bool,
    /// How to print the findings
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const EXAMPLES: &str = "\
`nats-server -t` looks at syntax only: an empty password, an empty list of users, an include without content, half a hash, `$HASH` between quotes, a second `authorization` block all pass it. They are found here, with file and line. If nats-server is on the PATH, it is asked as well; what it says is not repeated, for it may hold passwords.

Looked at are authorization, accounts, cluster, gateway, leafnodes and operators; other blocks are the server's to check. Variables are looked up in this environment. Exit code 1 when there are errors.

Example:
  hecate-seal nats check /etc/nats/nats-server.conf";

/// Runs the command.
///
/// # Errors
/// When standard output cannot be written. Findings are no errors, but an exit code.
pub(super) fn run(args: &CheckArgs, io: &mut Io) -> Outcome {
    let mut results = Vec::new();
    let (mut errors, mut warnings) = (0, 0);
    for file in &args.files {
        let path = io.path(file);
        let (config, mut findings) = sources::checked(&path, io);
        let digest = config.as_ref().map(digest);
        if !args.no_server
            && let Some(program) = on_path(SERVER, io)
        {
            ask_server(&program, &path, config.as_ref(), digest.as_deref(), &mut findings, io)?;
        }
        errors += findings.iter().filter(|finding| finding.severity == Severity::Error).count();
        warnings += findings.iter().filter(|finding| finding.severity == Severity::Warning).count();
        if args.format == Format::Text {
            let text = sources::printed(&findings, io);
            io.stdout.put(text)?;
            if findings.is_empty() {
                io.note(format!("{}: nothing found", io.shown(&path)));
            }
        }
        let list = findings.iter().map(|finding| {
            json!({
                "severity": if finding.severity == Severity::Error { "error" } else { "warning" },
                "file": io.shown(&finding.file), "line": finding.line, "what": finding.what, "fix": finding.fix,
            })
        });
        results.push(json!({"file": io.shown(&path), "digest": digest, "findings": list.collect::<Vec<_>>()}));
    }
    if args.format == Format::Json {
        output::json(&results.into(), io)?;
    }
    Ok(if errors > 0 || (args.strict && warnings > 0) { Exit::FAILED } else { Exit::DONE })
}

/// The program on the PATH.
fn on_path(name: &str, io: &Io) -> Option<PathBuf> {
    let path = io.env.raw("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// `nats-server -t`, and what its answer means beside ours.
fn ask_server(
    program: &Path,
    file: &Path,
    config: Option<&Config>,
    digest: Option<&str>,
    findings: &mut Vec<Finding>,
    io: &mut Io,
) -> Result<(), Failure> {
    let Some((good, text)) = answer(program, file) else {
        io.warn(format!("{} could not be run, or took too long", program.display()));
        return Ok(());
    };
    let ours = findings.iter().any(|finding| finding.severity == Severity::Error);
    if !good && !ours {
        let (place, line) = config.map(|config| place(&text, config)).unwrap_or_default();
        let place = if place.as_os_str().is_empty() { file.to_owned() } else { place };
        findings.push(Finding {
            severity: Severity::Error,
            file: place,
            line,
            what: "nats-server -t refuses it (its words are not repeated: they may hold passwords)".to_owned(),
            fix: format!("see what it says: {SERVER} -t -c {}", file.display()),
        });
    } else if good && let Some(digest) = digest.filter(|digest| !text.contains(*digest)) {
        io.detail(format!("nats-server computes another digest than {digest}: it reads the file differently"));
    } else if good && ours {
        io.note("nats-server -t accepts it all the same");
    }
    Ok(())
}

/// Whether the server's check passed, and what it wrote.
fn answer(program: &Path, file: &Path) -> Option<(bool, String)> {
    let mut child = Command::new(program)
        .arg("-t")
        .arg("-c")
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut stream = child.stderr.take()?;
    let reader = std::thread::spawn(move || {
        let mut text = Vec::new();
        _ = (&mut stream).take(1 << 20).read_to_end(&mut text);
        String::from_utf8_lossy(&text).into_owned()
    });
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().ok()? {
            return Some((status.success(), reader.join().ok()?));
        }
        if Instant::now() > end {
            _ = child.kill();
            _ = child.wait();
            return None;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// `FILE:LINE:COLUMN:` of one of the configuration's files in the server's words.
fn place(text: &str, config: &Config) -> (PathBuf, u32) {
    for file in &config.files {
        let shown = file.display().to_string();
        let Some(rest) = text.split_once(&format!("{shown}:")).map(|(_, rest)| rest) else { continue };
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        return (file.clone(), digits.parse().unwrap_or_default());
    }
    (PathBuf::new(), 0)
}

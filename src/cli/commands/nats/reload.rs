//! `nats reload`: SIGHUP, and proof that the server took the new configuration.
//!
//! The signal says nothing back, and a server that cannot use the new files keeps the old configuration and goes on. So the
//! digest of the files is computed here and compared with the one that the server's monitoring port shows. And what would open
//! the server (an include without content is reloaded to no authentication at all) is found before anything is sent.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::{Args, ValueHint};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::sources;
use crate::cli::io::read;
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::cli::{Io, fetch};
use crate::nats::conf::digest;
use crate::nats::{Severity, duration};

/// Between two looks at the server.
const STEP: Duration = Duration::from_millis(50);
/// Larger than any answer of `/varz`.
const MAX_ANSWER: u64 = 8 << 20;

/// Arguments of `nats reload`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct ReloadArgs {
    /// The configuration that the server was started with
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    config: PathBuf,
    /// The server's process
    #[arg(long, value_name = "PID", required_unless_present = "pid_file", conflicts_with = "pid_file")]
    pid: Option<i32>,
    /// File with the number of the server's process (`pid_file` of its configuration)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pid_file: Option<PathBuf>,
    /// The server's monitoring port (`http_port` of its configuration)
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8222")]
    monitor: String,
    /// How long to wait for the server
    #[arg(long, value_name = "TIME", default_value = "10s")]
    timeout: String,
}

const EXAMPLES: &str = "\
Order of a rotation: the server first, then the clients. Clients of a changed password or a removed user are dropped; the others stay, also when the same password has a new hash. A server never sees new values of environment variables: put them into an included file.

Example:
  hecate-seal nats auth model.yaml -o /etc/nats/auth.conf && hecate-seal nats reload -c /etc/nats/nats-server.conf --pid-file /run/nats.pid";

/// What the server says of itself.
struct Shown {
    digest: String,
    loaded: String,
    auth_required: bool,
}

/// Runs the command.
///
/// # Errors
/// When the files are not good (nothing is sent then), the server cannot be reached, keeps its old configuration, or lets
/// everybody in.
pub(super) fn run(args: &ReloadArgs, io: &mut Io) -> Outcome {
    let patience = duration::parse(&args.timeout)
        .ok_or_else(|| Failure::usage(format_args!("`{}` is no time: write 10s or 1m", args.timeout)))?;
    let path = io.path(&args.config);
    let (config, findings) = sources::checked(&path, io);
    let bad = findings.iter().any(|finding| finding.severity == Severity::Error);
    let Some(config) = config.filter(|_| !bad) else {
        let text = sources::printed(&findings, io);
        io.complain(&text);
        return Err(Failure::new("the configuration is not good: nothing was sent, the server goes on with the old one"));
    };
    let wanted = digest(&config);
    let pid = process(args, io)?;
    let url = format!("{}/varz", args.monitor.trim_end_matches('/'));
    let before = varz(&url).hint(|| "the server needs `http_port` in its configuration; its address goes to --monitor")?;
    kill_process(pid, Signal::HUP).context(|| format!("cannot signal the process {}", pid.as_raw_nonzero()))?;
    let end = Instant::now() + patience;
    let mut now = varz(&url);
    while !now.as_ref().is_ok_and(|now| now.digest == wanted && now.loaded != before.loaded) {
        if Instant::now() > end {
            let after = now?;
            let what = if after.digest == wanted {
                "the server did not load its configuration again"
            } else {
                "the server runs another configuration than the files say"
            };
            return Err(Failure::new(what)
                .with_hint("its log says why it refused the new one; it goes on with the old one")
                .with_hint("variables of its environment, or another file than --config, also make a difference"));
        }
        std::thread::sleep(STEP);
        now = varz(&url);
    }
    if !now?.auth_required {
        return Err(
            Failure::new("the server has reloaded, and lets everybody in").with_hint("stop it, or correct its configuration now")
        );
    }
    io.note(format!("the server runs {wanted}"));
    Ok(Exit::DONE)
}

fn process(args: &ReloadArgs, io: &Io) -> Result<Pid, Failure> {
    let number = match (&args.pid, &args.pid_file) {
        (Some(pid), _) => *pid,
        (None, Some(path)) => {
            let text = read::text_file(&io.path(path), 64).context(|| format!("cannot read {}", path.display()))?;
            text.trim().parse().map_err(|_| Failure::new(format_args!("{} holds no process number", path.display())))?
        }
        (None, None) => return Err(Failure::usage("--pid or --pid-file is missing")),
    };
    // 1 is the server itself in its own container; below that, a signal goes to whole groups.
    Pid::from_raw(number).filter(|_| number > 0).ok_or_else(|| Failure::usage(format_args!("{number} is no process")))
}

fn varz(url: &str) -> Result<Shown, Failure> {
    let about = || format!("cannot ask the server ({url})");
    let body = fetch::get(url, MAX_ANSWER).context(about)?;
    let answer: Value = serde_json::from_slice(&body).map_err(|_| Failure::new("the answer is no JSON").wrap(about()))?;
    let text = |field: &str| answer.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (digest, loaded) = (text("config_digest"), text("config_load_time"));
    if digest.is_empty() {
        return Err(Failure::new("it shows no `config_digest`: nats-server 2.11 and later do").wrap(about()));
    }
    let auth_required = answer.get("auth_required").and_then(Value::as_bool).unwrap_or_default();
    Ok(Shown { digest, loaded, auth_required })
}

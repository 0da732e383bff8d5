//! The private network, process and (without root) user namespaces, and the programs that run in them.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use super::wait_for;
use crate::support::Run;

/// Namespaces that last as long as this value does, and no longer than this process: their first process waits on a pipe that this
/// process holds, and when it ends the kernel ends everything else in them.
pub(super) struct Network {
    /// First process of the namespaces, as seen from outside.
    init: u32,
    unshare: Child,
}

impl Network {
    /// With 10.99.0.1 as an address of the loopback.
    pub(super) fn new() -> Self {
        let mut unshare = Command::new("unshare");
        if !is_root() {
            unshare.args(["--user", "--map-root-user"]);
        }
        let mut unshare = unshare
            .args(["--net", "--pid", "--fork", "--kill-child", "sh", "-c"])
            .arg("ip link set lo up && ip addr add 10.99.0.1/32 dev lo && exec cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("unshare starts (util-linux)");
        let init = first_child(&mut unshare);
        let network = Self { init, unshare };
        wait_for("the private network", String::new, || {
            network.run("ip").args(["addr", "show", "to", "10.99.0.1"]).ok().out().contains("10.99.0.1")
        });
        network
    }

    /// A program that runs inside and is waited for.
    pub(super) fn run(&self, program: impl AsRef<OsStr>) -> Run {
        Run::new("nsenter").args(self.enter()).arg("--").arg(program)
    }

    /// The command that starts a program inside.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(self.enter()).arg("--").arg(program);
        command
    }

    fn enter(&self) -> Vec<String> {
        let mut args = vec!["--target".to_owned(), self.init.to_string(), "--net".to_owned(), "--pid".to_owned()];
        if !is_root() {
            args.extend(["--user".to_owned(), "--preserve-credentials".to_owned()]);
        }
        args
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        drop(self.unshare.stdin.take());
        _ = self.unshare.wait();
    }
}

/// A program that runs beside the test. It is killed when dropped.
pub(crate) struct Process {
    child: Child,
    /// Its id as seen from outside: `nsenter` waits for it as its child.
    pid: Option<u32>,
    name: String,
    log: PathBuf,
}

impl Process {
    /// Starts it with both streams going to a file.
    pub(super) fn start(name: &str, mut command: Command, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        Self { child, pid: None, name: name.to_owned(), log: log.to_owned() }
    }

    /// Everything that it has written.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Sends a signal such as `TERM`, `STOP`, `USR1`.
    pub(crate) fn signal(&mut self, signal: &str) {
        let pid = self.inner();
        assert!(kill(pid, signal) || self.ended().is_some(), "{} cannot be sent SIG{signal}", self.name);
        // nsenter stops itself when its child stops, and must go on to see its end.
        if matches!(signal, "CONT" | "KILL") {
            kill(self.child.id(), "CONT");
        }
        if signal == "STOP" {
            wait_for("the process to stop", String::new, || is_stopped(pid));
        }
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it has not ended within the time; with its log.
    pub(crate) fn wait(&mut self, limit: Duration) -> ExitStatus {
        let end = Instant::now() + limit;
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(Instant::now() < end, "{} still runs after {limit:?}\n{}", self.name, self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Memory that it holds now, in KiB.
    pub(crate) fn resident_kib(&mut self) -> u64 {
        self.status_kib("VmRSS:")
    }

    /// Most memory that it has ever held, in KiB.
    pub(crate) fn peak_kib(&mut self) -> u64 {
        self.status_kib("VmHWM:")
    }

    fn status_kib(&mut self, field: &str) -> u64 {
        let pid = self.inner();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    /// Processor time that it has used, user and system; none once it has ended.
    pub(crate) fn cpu(&self) -> Duration {
        let Some(pid) = self.pid.or_else(|| child_of(self.child.id())) else { return Duration::ZERO };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        // Hundredths of a second on every Linux that these tests run on.
        Duration::from_millis((ticks(11) + ticks(12)) * 10)
    }

    /// What it is, as the log's name has it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn inner(&mut self) -> u32 {
        if let Some(pid) = self.pid {
            return pid;
        }
        let pid = first_child(&mut self.child);
        self.pid = Some(pid);
        pid
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ended().is_none() {
            if let Some(pid) = self.pid.or_else(|| child_of(self.child.id())) {
                kill(pid, "KILL");
            }
            _ = self.child.kill();
            _ = self.child.wait();
        }
    }
}

pub(super) fn is_root() -> bool {
    static ROOT: OnceLock<bool> = OnceLock::new();
    *ROOT.get_or_init(|| Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n"))
}

/// Whether every thread of a process is stopped, or none is left.
fn is_stopped(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    threads.flatten().all(|thread| {
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        // `PID (NAME) STATE …`
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['T', 't', 'Z', 'X']))
    })
}

fn kill(pid: u32, signal: &str) -> bool {
    let mut command = Command::new("kill");
    command.arg(format!("-{signal}")).arg(pid.to_string()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn child_of(pid: u32) -> Option<u32> {
    fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?.split_whitespace().next()?.parse().ok()
}

/// The process that `unshare --fork` or `nsenter --pid` made.
fn first_child(parent: &mut Child) -> u32 {
    let mut child = None;
    wait_for("the process in the private namespaces", String::new, || {
        if let Some(status) = parent.try_wait().unwrap() {
            panic!("unshare or nsenter ended with {status}: are namespaces not to be had here?");
        }
        child = child_of(parent.id());
        child.is_some()
    });
    child.unwrap_or_default()
}

//! Programs that a command starts and waits for: they get our signals, and what they were given is cleaned up before we end.

use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::cli::Exit;

/// The exit code for a program that a signal ended, as sops has it.
const KILLED: u8 = 255;
const STEP: Duration = Duration::from_millis(5);
/// How long a program may take to end after a signal was passed on.
const PATIENCE: Duration = Duration::from_secs(5);

/// The signals that would end us, caught from now on for the rest of the process.
pub(super) struct Signals(Arc<AtomicUsize>);

impl Signals {
    /// Catches what would end us. A system that refuses leaves the defaults.
    pub(super) fn catch() -> Self {
        let caught = Arc::new(AtomicUsize::new(0));
        #[cfg(unix)]
        {
            crate::cli::io::signals::leave_to_caller();
            for signal in crate::cli::io::signals::ending() {
                let number = usize::try_from(signal).unwrap_or_default();
                _ = signal_hook::flag::register_usize(signal, Arc::clone(&caught), number);
            }
        }
        Self(caught)
    }

    /// The signal that came since the last call, if any.
    pub(super) fn take(&self) -> Option<usize> {
        match self.0.swap(0, Ordering::SeqCst) {
            0 => None,
            signal => Some(signal),
        }
    }
}

/// How a program ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ended {
    /// Its status.
    pub(super) status: ExitStatus,
    /// The signal that we were sent meanwhile.
    pub(super) signal: Option<usize>,
}

/// Waits for a program. Signals to us are passed on to it; INT and QUIT are not where a terminal gives them to it anyway, so that an
/// editor can make of Ctrl-C what it likes.
///
/// # Errors
/// When it cannot be waited for.
pub(super) fn wait(child: &mut Child, signals: &Signals, terminal: bool) -> std::io::Result<Ended> {
    let mut sent: Option<(usize, Instant)> = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ended { status, signal: sent.map(|(signal, _)| signal) });
        }
        if let Some(signal) = signals.take() {
            let of_terminal = terminal && is_of_terminal(signal);
            if !of_terminal {
                pass_on(child, signal);
                sent.get_or_insert((signal, Instant::now()));
            }
        }
        if sent.is_some_and(|(_, since)| since.elapsed() > PATIENCE) {
            child.kill()?;
        }
        std::thread::sleep(STEP);
    }
}

/// The exit code of a program, as a shell script sees it through sops.
pub(super) fn exit(status: ExitStatus) -> Exit {
    Exit::other(status.code().and_then(|code| u8::try_from(code & 0xff).ok()).unwrap_or(KILLED))
}

/// A command line for the system's shell.
pub(super) fn shell(line: &str) -> Command {
    #[cfg(unix)]
    let (shell, flag) = ("/bin/sh", "-c");
    #[cfg(not(unix))]
    let (shell, flag) = ("cmd.exe", "/C");
    let mut command = Command::new(shell);
    command.arg(flag).arg(line);
    command
}

#[cfg(unix)]
fn is_of_terminal(signal: usize) -> bool {
    use signal_hook::consts::{SIGINT, SIGQUIT};
    [SIGINT, SIGQUIT].iter().any(|other| usize::try_from(*other) == Ok(signal))
}

#[cfg(not(unix))]
fn is_of_terminal(_signal: usize) -> bool {
    false
}

#[cfg(unix)]
fn pass_on(child: &Child, signal: usize) {
    use rustix::process::{Pid, Signal, kill_process};
    let number = i32::try_from(signal).unwrap_or_default();
    let signal = [Signal::INT, Signal::HUP, Signal::QUIT].into_iter().find(|known| known.as_raw() == number);
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        _ = kill_process(pid, signal.unwrap_or(Signal::TERM));
    }
}

#[cfg(not(unix))]
fn pass_on(_child: &Child, _signal: usize) {}

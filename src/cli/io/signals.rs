//! Signals that would end the process: which there are, and stretches of work that none of them cuts short.
//!
//! Replacing a file makes a temporary one, which holds plaintext where that is what was asked for. A signal that ends the process
//! in the middle would leave it behind; so while a file is written signals wait ([`Held`]), and end the process right after, when
//! the file is whole and the temporary one is gone. The prompt holds them in the same way, until the terminal is as it was. What nobody can catch (KILL) leaves it, with mode 0600.

#[cfg(unix)]
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The signals that would end us and may be caught, but for those that a fault of our own raises. One that whoever started us
/// had ignored (`nohup`, a job in the background) is not among them: it stays ignored.
#[cfg(unix)]
pub(in crate::cli) fn ending() -> Vec<i32> {
    use signal_hook::consts::{
        SIGABRT, SIGALRM, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGXCPU,
    };
    let ignored = ignored();
    [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGABRT]
        .into_iter()
        .filter(|signal| ignored >> (signal - 1) & 1 == 0)
        .collect()
}

/// The signals that are ignored, a bit each; only Linux says so.
#[cfg(unix)]
fn ignored() -> u64 {
    /// The file is some two kilobytes long.
    const MAX_LEN: u64 = 1 << 20;
    let status = super::read::text_file(std::path::Path::new("/proc/self/status"), MAX_LEN);
    let mask = status.ok().and_then(|status| {
        let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:").map(str::trim).map(str::to_owned));
        u64::from_str_radix(&line?, 16).ok()
    });
    mask.unwrap_or(0)
}

/// Whether whoever started us had this signal ignored.
#[cfg(unix)]
pub(super) fn is_ignored(signal: i32) -> bool {
    ignored() >> (signal - 1) & 1 == 1
}

/// While one of these lives, the signals of [`ending`] wait. When the last one is dropped, one that came ends the process.
pub(super) struct Held(());

#[cfg(unix)]
struct Handlers {
    /// How many [`Held`] there are.
    held: Mutex<usize>,
    /// Whether a signal ends the process at once.
    at_once: Arc<std::sync::atomic::AtomicBool>,
    /// The signal that came, or 0.
    came: Arc<std::sync::atomic::AtomicUsize>,
}

#[cfg(unix)]
impl Handlers {
    /// The handlers of the process, made at the first call. A system that refuses leaves the defaults.
    fn get() -> &'static Self {
        static HANDLERS: OnceLock<Handlers> = OnceLock::new();
        HANDLERS.get_or_init(|| {
            use signal_hook::flag::{register, register_conditional_default, register_usize};
            let handlers = Self { held: Mutex::new(0), at_once: Arc::default(), came: Arc::default() };
            for signal in ending() {
                _ = register_conditional_default(signal, Arc::clone(&handlers.at_once));
                _ = register_usize(signal, Arc::clone(&handlers.came), usize::try_from(signal).unwrap_or_default());
            }
            // A file that grows over the limit of the process (`ulimit -f`) is an error of the write, as a full disk is.
            _ = register(signal_hook::consts::SIGXFSZ, Arc::default());
            handlers
        })
    }
}

/// Signals end the process no more by themselves, for the rest of its life: the caller looks for them, and has to clean up first.
#[cfg(unix)]
pub(in crate::cli) fn leave_to_caller() {
    std::mem::forget(Held::begin());
}

impl Held {
    /// From now on signals wait.
    pub(super) fn begin() -> Self {
        #[cfg(unix)]
        {
            let handlers = Handlers::get();
            let mut held = handlers.held.lock().unwrap_or_else(PoisonError::into_inner);
            *held += 1;
            handlers.at_once.store(false, std::sync::atomic::Ordering::SeqCst);
        }
        Self(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        #[cfg(unix)]
        {
            let handlers = Handlers::get();
            let mut held = handlers.held.lock().unwrap_or_else(PoisonError::into_inner);
            *held -= 1;
            if *held > 0 {
                return;
            }
            handlers.at_once.store(true, std::sync::atomic::Ordering::SeqCst);
            let came = handlers.came.swap(0, std::sync::atomic::Ordering::SeqCst);
            if let Some(signal) = i32::try_from(came).ok().filter(|signal| *signal != 0) {
                _ = signal_hook::low_level::emulate_default_handler(signal);
            }
        }
    }
}

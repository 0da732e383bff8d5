//! What every program of ours does to its own process first. Above the layers; only `src/bin/` calls it.

/// Keeps plaintext out of core dumps and away from debuggers of the same user. Best effort: a kernel that refuses costs
/// nothing but this protection.
pub fn forbid_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Makes a file that grows over the limit of the process (`ulimit -f`) an error of the write, as a full disk is. The signal that
/// comes with it would end us in the middle and leave a temporary file behind. Programs that we start get the default back.
#[cfg(feature = "cli")]
pub fn report_files_too_large() {
    #[cfg(unix)]
    {
        _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, std::sync::Arc::default());
    }
}

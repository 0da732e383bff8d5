//! Layer 4: the command line.
//!
//! A command is a function from what was typed and an [`Io`] (streams, environment, folder, clock) to an [`Exit`] or a
//! [`Failure`]. Nothing here touches the process directly, so tests run commands in-process with streams of their own. Which
//! program runs is decided by the name it was called with: through a link named `kubeseal` it is kubeseal.
//!
//! - [`io`]: streams, the prompt, bounded reading, safe replacement of files
//! - [`env`]: every environment variable that is read, with its meaning
//! - [`report`]: errors with causes and hints, printed one way

pub mod env;
pub mod io;
pub mod report;

use std::ffi::OsString;
use std::path::Path;

pub use io::Io;
pub use report::{Context, Exit, Failure, Outcome};

/// Programs whose command line we speak, by the name of the link that calls us.
const FRONT_ENDS: [&str; 0] = [];

/// Runs the program that the first argument names, prints its error if it has one, and gives the exit code.
///
/// A reader that went away (`hecate-seal … | head`) is success: it got what it wanted.
pub fn run(args: impl IntoIterator<Item = OsString>, io: &mut Io) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let outcome = dispatch(&args, io).and_then(|exit| {
        io.stdout.flush_all()?;
        Ok(exit)
    });
    if io.stdout.reader_is_gone() {
        return Exit::DONE.code();
    }
    match outcome {
        Ok(exit) => exit.code(),
        Err(failure) => {
            report::print(&failure, io);
            failure.exit().code()
        }
    }
}

/// The program by its name (the file name of the first argument), or by its first word.
fn dispatch(args: &[OsString], io: &mut Io) -> Outcome {
    let called_as = args.first().map(Path::new).and_then(Path::file_stem).unwrap_or_default();
    let words = args.get(1..).unwrap_or_default();
    // A link named like another program runs that front end; the same word after our own name does too.
    let program = called_as.to_str().filter(|name| FRONT_ENDS.contains(name));
    match program.or_else(|| words.first().and_then(|word| word.to_str())) {
        Some("--version" | "-V") => {
            io.stdout.put(concat!("hecate-seal ", env!("CARGO_PKG_VERSION"), "\n"))?;
            Ok(Exit::DONE)
        }
        Some(word) => Err(Failure::usage(format_args!("unknown command `{word}`"))),
        None => Err(Failure::usage("a command is missing")),
    }
}

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

//! Layer 4: the command line.
//!
//! A command is a function from what was typed and an [`Io`] (streams, environment, folder, clock) to an [`Exit`] or a
//! [`Failure`]. Nothing here touches the process directly, so tests run commands in-process with streams of their own. Which
//! program runs is decided by the name it was called with: through a link named `kubeseal` it is kubeseal.
//!
//! - [`io`]: streams, the prompt, bounded reading, safe replacement of files
//! - [`mod@env`]: every environment variable that is read, with its meaning
//! - [`kubeseal`], [`sops`]: the front ends that are those programs
//! - [`report`]: errors with causes and hints, printed one way

pub mod args;
pub mod certificate;
pub mod commands;
pub mod env;
pub mod fetch;
pub mod inputs;
pub mod io;
pub mod kubeseal;
pub mod names;
pub mod online;
pub mod output;
pub mod parallel;
pub mod report;
pub mod settings;
pub mod sops;
pub mod tree;
pub mod value_input;

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::Parser as _;
use clap::error::{ContextKind, ErrorKind};

use args::{Cli, Command};
pub use io::Io;
pub use report::{Context, Exit, Failure, Outcome};

/// Our verbs.
const VERBS: &[&str] = &[
    "value",
    "init",
    "seal",
    "unseal",
    "reseal",
    "convert",
    "verify",
    "scan",
    "doctor",
    "status",
    "cert",
    "keys",
    "bootstrap",
    "nats",
    "install",
    "completions",
    "man",
];

/// A program whose command line we speak: gets the words after its name.
type FrontEnd = fn(&[OsString], &mut Io) -> Outcome;

/// The front ends, by the name of the link that calls us, or as our first word; each may behave differently for the two.
const FRONT_ENDS: &[(&str, FrontEnd, FrontEnd)] =
    &[("kubeseal", kubeseal::run, kubeseal::run), ("sops", sops::run_as_sops, sops::run)];

/// Runs the program that the first argument names, prints its error if it has one, and gives the exit code.
///
/// A reader that went away (`hecate-seal … | head`) is no error, and the exit code is that of the whole command.
pub fn run(args: impl IntoIterator<Item = OsString>, io: &mut Io) -> u8 {
    let args: Vec<OsString> = args.into_iter().collect();
    let outcome = dispatch(&args, io).and_then(|exit| {
        io.stdout.flush_all()?;
        Ok(exit)
    });
    match outcome {
        Ok(exit) => exit.code(),
        Err(failure) => {
            report::print(&failure, io);
            failure.exit().code()
        }
    }
}

/// The front end that the program's name or its first word means, or our own verbs.
fn dispatch(args: &[OsString], io: &mut Io) -> Outcome {
    let called_as = args.first().map(Path::new).and_then(Path::file_stem);
    let words = args.get(1..).unwrap_or_default();
    let front_end = |name: &OsStr| FRONT_ENDS.iter().find(|(known, ..)| name == *known);
    if let Some((_, run, _)) = called_as.and_then(front_end) {
        return run(words, io);
    }
    if let Some((first, rest)) = words.split_first()
        && let Some((_, _, run)) = front_end(first)
    {
        return run(rest, io);
    }
    ours(words, io)
}

/// Our own verbs.
fn ours(words: &[OsString], io: &mut Io) -> Outcome {
    let with_verb = args::with_verb(words, VERBS);
    let first = args::first_word(words);
    if let Some((name, ..)) = first.and_then(|word| FRONT_ENDS.iter().find(|(name, ..)| word == *name)) {
        return Err(Failure::usage(format_args!("`{name}` is a program of its own, and comes first"))
            .with_hint(format_args!("hecate-seal {name} …; change the directory before")));
    }
    if with_verb.len() > words.len()
        && let Some(word) = first.and_then(OsStr::to_str)
        && let Some(verb) = args::probably_meant(word, VERBS)
    {
        return Err(Failure::usage(format_args!("there is no command `{word}`; did you mean `{verb}`?"))
            .with_hint(format_args!("for a key of that name: hecate-seal value {word}")));
    }
    let is_value = with_verb.first().is_some_and(|verb| verb == "value");
    if is_value && args::may_be_a_value(&with_verb) {
        return Err(unknown_option(""));
    }
    let cli = match Cli::try_parse_from(std::iter::once(OsString::from("hecate-seal")).chain(with_verb)) {
        Ok(cli) => cli,
        Err(error) => return not_parsed(&error, is_value, io),
    };
    if let Some(directory) = &cli.common.directory {
        let there = io.path(directory);
        io.cwd = there.canonicalize().context(|| format!("cannot use the directory {}", directory.display())).or_usage()?;
    }
    io.level = match (cli.common.quiet, cli.common.verbose) {
        (true, _) => io::Level::Quiet,
        (_, true) => io::Level::Verbose,
        _ => io::Level::Normal,
    };
    if let Some(name) = io.env.not_text(env::OURS) {
        return Err(Failure::usage(format_args!("the environment variable {name} is not UTF-8 text")));
    }
    match cli.command {
        Command::Value(args) => commands::value::run(args, io),
        Command::Init(args) => commands::init::run(&args, io),
        Command::Seal(args) => commands::seal::run(&args, io),
        Command::Unseal(args) => commands::unseal::run(&args, io),
        Command::Verify(args) => commands::verify::run(&args, io),
        Command::Convert(args) => commands::convert::run(&args, io),
        Command::Doctor(args) => commands::doctor::run(&args, io),
        Command::Scan(args) => commands::scan::run(&args, io),
        Command::Cert(args) => commands::cert::run(args, io),
        Command::Keys(args) => commands::keys::run(args, io),
        Command::Reseal(args) => commands::reseal::run(&args, io),
        Command::Bootstrap(args) => commands::bootstrap::run(args, io),
        Command::Install(args) => commands::install::run(&args, io),
        Command::Nats(args) => commands::nats::run(args, io),
        Command::Completions(args) => commands::completions::run(&args, io),
        Command::Man(args) => commands::man::run(&args, io),
    }
}

fn unknown_option(suggested: &str) -> Failure {
    Failure::usage(format_args!("there is an unknown option (not shown: it may be a value){suggested}"))
        .with_hint("a value that begins with `-` goes behind `--`: hecate-seal KEY -- -value; see hecate-seal --help")
}

/// Help and version go to stdout; a mistake to stderr, without the word that was not understood where it may be a value.
fn not_parsed(error: &clap::Error, is_value: bool, io: &mut Io) -> Outcome {
    let text = error.render();
    let coloured = |terminal: bool, text: &clap::builder::StyledStr| {
        if terminal && report::may_colour(&io.env) { text.ansi().to_string() } else { text.to_string() }
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let text = coloured(io.stdout_is_terminal, &text);
            io.stdout.put(text)?;
            Ok(Exit::DONE)
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let text = coloured(io.stderr_is_terminal, &text);
            io.complain(&text);
            Ok(Exit::USAGE)
        }
        ErrorKind::UnknownArgument if is_value => {
            let suggested =
                error.get(ContextKind::SuggestedArg).map(|flag| format!("; did you mean {flag}?")).unwrap_or_default();
            Err(unknown_option(&suggested))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation | ErrorKind::TooManyValues if is_value => {
            let option = error.get(ContextKind::InvalidArg).map(|option| format!(" to {option}")).unwrap_or_default();
            Err(Failure::usage(format_args!("what is given{option} is not accepted (not shown: it may be a value)")))
        }
        _ => {
            let text = coloured(io.stderr_is_terminal, &text);
            io.complain(&text);
            Ok(Exit::USAGE)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    /// A verb that is missing from the list would be taken for a key.
    #[test]
    fn the_list_of_verbs_is_that_of_the_commands() {
        let of_clap: Vec<String> = Cli::command()
            .get_subcommands()
            .flat_map(|c| std::iter::once(c.get_name()).chain(c.get_all_aliases()).map(str::to_owned).collect::<Vec<_>>())
            .collect();
        let (mut ours, mut theirs): (Vec<&str>, Vec<&str>) = (VERBS.to_vec(), of_clap.iter().map(String::as_str).collect());
        ours.sort_unstable();
        theirs.sort_unstable();
        assert_eq!(ours, theirs);
    }
}

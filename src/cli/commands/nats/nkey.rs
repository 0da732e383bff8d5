//! `nats nkey`: key pairs. A seed goes to a file of its owner's or into a pipe, its public key anywhere.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::input::{self, From};
use crate::cli::Io;
use crate::cli::io::replace::{self, Existing, Privacy};
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::nats::nkey::{KeyPair, Role};

/// Arguments of `nats nkey`.
#[derive(Args, Debug)]
pub(super) struct NkeyArgs {
    /// What to do.
    #[command(subcommand)]
    command: NkeyCommand,
}

/// Whose key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum KeyRole {
    /// Connects
    #[default]
    User,
    /// Signs users
    Account,
    /// Signs accounts; keep its seed offline
    Operator,
}

impl std::convert::From<KeyRole> for Role {
    fn from(role: KeyRole) -> Self {
        match role {
            KeyRole::User => Self::User,
            KeyRole::Account => Self::Account,
            KeyRole::Operator => Self::Operator,
        }
    }
}

#[derive(Debug, Subcommand)]
enum NkeyCommand {
    /// Make a key pair: the seed into a file that only you can read, the public key on standard output
    #[command(
        after_help = "Example:\n  hecate-seal nats nkey generate -o app.nk\n\nAn nkey user needs no secret on the server: its public key stands in auth.conf."
    )]
    Generate {
        /// Whose key it is
        #[arg(long, value_enum, default_value_t)]
        role: KeyRole,
        /// File for the seed; without it the seed goes to standard output, which must be no terminal
        #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        output: Option<PathBuf>,
    },
    /// Print the public key of a seed
    Public {
        /// File with the seed; without it standard input or a prompt
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
}

/// Runs the command.
///
/// # Errors
/// For a file that exists, and for what is no seed.
pub(super) fn run(args: &NkeyArgs, io: &mut Io) -> Outcome {
    match &args.command {
        NkeyCommand::Generate { role, output } => {
            let pair = KeyPair::generate((*role).into())?;
            match output {
                Some(path) => {
                    write_seed(&io.path(path), &pair)?;
                    io.note(format!("wrote {} (secret: keep it out of git)", path.display()));
                    io.stdout.put(format!("{}\n", pair.public()))?;
                }
                None if io.stdout_is_terminal => {
                    return Err(
                        Failure::usage("this would print a seed on the terminal").with_hint("write it to a file: -o FILE")
                    );
                }
                None => {
                    io.stdout.put(pair.seed().expose())?;
                    io.stdout.put("\n")?;
                    io.note(format!("public key {}", pair.public()));
                }
            }
        }
        NkeyCommand::Public { file } => {
            let seed = input::secret("the seed", From { env: None, file: file.as_deref() }, false, io)?;
            let pair = KeyPair::from_seed(seed.expose()).context(|| "this is no seed")?;
            io.stdout.put(format!("{}\n", pair.public()))?;
        }
    }
    Ok(Exit::DONE)
}

/// A seed with a line break, in a new file that only its owner can read.
pub(super) fn write_seed(path: &Path, pair: &KeyPair) -> Result<(), Failure> {
    let seed = pair.seed();
    let mut text = zeroize::Zeroizing::new(Vec::with_capacity(seed.len() + 1));
    text.extend_from_slice(seed.expose().as_bytes());
    text.push(b'\n');
    replace::write(path, &text, Privacy::Plaintext, Existing::Keep).map_err(|error| error.at(path))
}

/// The key pair of a role whose seed lies in a file.
pub(super) fn read_seed(path: &Path, role: Role, io: &mut Io) -> Result<KeyPair, Failure> {
    let seed = input::secret("the seed", From { env: None, file: Some(path) }, false, io)?;
    KeyPair::from_seed_as(seed.expose(), role).context(|| format!("cannot use the seed in {}", path.display()))
}

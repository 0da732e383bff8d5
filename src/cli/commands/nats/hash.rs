//! `nats hash`: bcrypt, with the costs and marks that NATS knows.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::input::{self, From};
use crate::cli::Io;
use crate::cli::io::read;
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::crypto::password::{self, BCRYPT_MOST, BcryptIdent};
use crate::nats::hash::{HIGH_COST, HIGHEST_COST, Look, look};

/// The cost of natscli and of most guides.
pub(super) const DEFAULT_COST: u32 = 11;
/// Characters below which a password may be guessed, so that the cost matters.
const SHORT: usize = 16;

/// The letter after the 2 of a hash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Ident {
    /// As Go writes
    #[value(name = "2a")]
    A,
    /// As most programs write
    #[default]
    #[value(name = "2b")]
    B,
    /// As htpasswd writes
    #[value(name = "2y")]
    Y,
}

impl std::convert::From<Ident> for BcryptIdent {
    fn from(ident: Ident) -> Self {
        match ident {
            Ident::A => Self::A,
            Ident::B => Self::B,
            Ident::Y => Self::Y,
        }
    }
}

/// Arguments of `nats hash`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct HashArgs {
    /// Cost, 4 to 31: each step doubles the time of every login
    #[arg(long, value_name = "COST", default_value_t = DEFAULT_COST)]
    cost: u32,
    /// Mark of the hash; the server knows all three
    #[arg(long, value_enum, default_value_t)]
    ident: Ident,
    /// Verify the password against the hash in this file: exit code 1 if it is another's
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    verify: Option<PathBuf>,
    /// Take the password from this environment variable
    #[arg(long, value_name = "VARIABLE", conflicts_with = "from_file")]
    from_env: Option<String>,
    /// Take the password from this file; `-` is standard input
    #[arg(long, value_name = "PATH", value_hint = ValueHint::FilePath)]
    from_file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
The password is asked for on a terminal, and read from standard input otherwise; one line break at its end is no part of it. bcrypt looks at 72 bytes, so that longer passwords are refused.

At cost 11 a login takes about 0.1 s of the server's time, and a hundred clients that reconnect at once do not all get in before their timeout. A password with 128 random bits needs no high cost: 4 to 8 will do for many clients. One that a person chose needs 11.

Examples:
  hecate-seal nats hash
  kubectl get secret nats -o jsonpath={.data.PASSWORD} | base64 -d | hecate-seal nats hash --cost 8
  hecate-seal nats hash --from-env NATS_PASSWORD --verify password.hash";

/// Runs the command.
///
/// # Errors
/// For a password that is empty, too long or of several lines, and for a cost that there is none of.
pub(super) fn run(args: &HashArgs, io: &mut Io) -> Outcome {
    if !password::BCRYPT_COSTS.contains(&args.cost) {
        return Err(Failure::usage(crate::crypto::Error::BcryptCost(args.cost)));
    }
    let from = From { env: args.from_env.as_deref(), file: args.from_file.as_deref() };
    if let Some(path) = &args.verify {
        let text = read::file(&io.path(path), read::MAX_VALUE).context(|| format!("cannot read {}", path.display()))?;
        let hash = input::one_line(&crate::secret::SecretBytes::copy_of(&text))
            .map_err(|why| Failure::new(format_args!("{} {why}", path.display())))?;
        return verify(&hash, path, from, io);
    }
    let password = input::secret("password", from, true, io)?;
    let bytes = password.expose().as_bytes();
    if bytes.len() > BCRYPT_MOST {
        return Err(Failure::new(crate::crypto::Error::BcryptLength(bytes.len())).with_hint("choose a shorter one"));
    }
    if args.cost > HIGHEST_COST {
        io.warn(format!("with cost {} a login takes longer than a NATS server waits by default", args.cost));
    } else if args.cost > HIGH_COST {
        io.warn(format!("with cost {} logins time out when many clients reconnect at once", args.cost));
    }
    if args.cost < DEFAULT_COST && password.expose().chars().count() < SHORT {
        io.warn(format!("cost {} is for passwords that nobody can guess; this one is short", args.cost));
    }
    if !matches!(look(password.expose()), Look::Plain) {
        return Err(Failure::new("this is a bcrypt hash already, or looks like one").with_hint("hash the password itself"));
    }
    let hash = password::bcrypt(bytes, args.cost, args.ident.into())?;
    io.stdout.put(hash + "\n")?;
    Ok(Exit::DONE)
}

fn verify(hash: &crate::secret::SecretString, path: &std::path::Path, from: From<'_>, io: &mut Io) -> Outcome {
    match look(hash.expose()) {
        Look::Hash { cost, .. } if cost <= HIGHEST_COST => {}
        Look::Hash { cost, .. } => {
            return Err(Failure::new(format_args!("the hash has cost {cost}, which would take minutes and more")));
        }
        Look::Broken(why) => return Err(Failure::new(why).wrap(format_args!("{} holds no whole hash", path.display()))),
        Look::PlainHash(why) => return Err(Failure::new(why).wrap(format_args!("{} holds no bare hash", path.display()))),
        Look::Empty | Look::Plain => return Err(Failure::new(format_args!("{} holds no bcrypt hash", path.display()))),
    }
    let password = input::secret("password", from, false, io)?;
    if password.len() > BCRYPT_MOST {
        io.warn(format!("only the first {BCRYPT_MOST} bytes of the password count"));
    }
    match password::verify_bcrypt(password.expose().as_bytes(), hash.expose()) {
        Some(true) => {
            io.note("the hash is that of this password");
            Ok(Exit::DONE)
        }
        Some(false) => Err(Failure::new("the hash is not that of this password")),
        None => Err(Failure::new(format_args!("{} holds no bcrypt hash of 60 characters", path.display()))),
    }
}

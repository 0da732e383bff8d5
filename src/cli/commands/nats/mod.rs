//! `hecate-seal nats …`: password hashes, `auth.conf`, and credentials for NATS, without a password on any command line.

mod auth;
mod check;
mod hash;
mod helm;
mod init;
mod input;
mod jwt;
mod jwt_init;
mod model;
mod nkey;
mod reload;
mod sources;

use clap::{Args, Subcommand};

use crate::cli::{Io, Outcome};

/// Arguments of `nats`.
#[derive(Args, Debug)]
pub struct NatsArgs {
    /// What to do.
    #[command(subcommand)]
    command: NatsCommand,
}

/// Verbs of `nats`.
#[derive(Debug, Subcommand)]
enum NatsCommand {
    /// Hash a password with bcrypt, or verify one against a hash
    Hash(hash::HashArgs),
    /// Write auth.conf from a model of users, accounts and permissions
    Auth(auth::AuthArgs),
    /// Find in a server's configuration what its own check lets through
    Check(check::CheckArgs),
    /// Write auth.conf in an init container: mounted keys in, a file that only the server reads out
    Init(init::InitArgs),
    /// Make an nkey, or show the public key of a seed
    Nkey(nkey::NkeyArgs),
    /// Make and read JWTs of operators, accounts and users
    Jwt(jwt::JwtArgs),
    /// Print values for NATS's Helm chart that include auth.conf from a Secret
    HelmValues(helm::HelmArgs),
    /// Make a running server read its configuration again, and see that it did
    Reload(reload::ReloadArgs),
}

/// Runs the command.
///
/// # Errors
/// Those of the verb.
pub fn run(args: NatsArgs, io: &mut Io) -> Outcome {
    match args.command {
        NatsCommand::Hash(args) => hash::run(&args, io),
        NatsCommand::Auth(args) => auth::run(&args, io),
        NatsCommand::Check(args) => check::run(&args, io),
        NatsCommand::Init(args) => init::run(&args, io),
        NatsCommand::Nkey(args) => nkey::run(&args, io),
        NatsCommand::Jwt(args) => jwt::run(&args, io),
        NatsCommand::HelmValues(args) => helm::run(&args, io),
        NatsCommand::Reload(args) => reload::run(&args, io),
    }
}

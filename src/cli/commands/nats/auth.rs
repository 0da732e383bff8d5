//! `nats auth`: a model of users, accounts and permissions becomes configuration.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::{hash, model, sources};
use crate::cli::Io;
use crate::cli::io::replace::{self, Existing, Privacy};
use crate::cli::report::{Exit, Failure, Outcome};
use crate::crypto::password::BCRYPT_COSTS;
use crate::nats::rules;
use crate::nats::write::{self, Syntax};

/// Which part of the model is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Part {
    /// All of it
    #[default]
    All,
    /// authorization and accounts
    Clients,
    /// The inside of cluster { … }
    Cluster,
    /// The inside of gateway { … }
    Gateway,
    /// The inside of leafnodes { … }
    Leafnodes,
}

/// How it is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum AuthFormat {
    /// NATS's own form
    #[default]
    Conf,
    /// JSON, which the server reads as well
    Json,
}

impl From<Part> for write::Part {
    fn from(part: Part) -> Self {
        match part {
            Part::All => Self::All,
            Part::Clients => Self::Clients,
            Part::Cluster => Self::Cluster,
            Part::Gateway => Self::Gateway,
            Part::Leafnodes => Self::Leafnodes,
        }
    }
}

/// Arguments of `nats auth`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct AuthArgs {
    /// The model, a YAML file; `-` is standard input
    #[arg(value_name = "MODEL", value_hint = ValueHint::FilePath)]
    model: PathBuf,
    /// Write here instead of standard output; only you can read the file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Look names of values up in this folder (a file for each key, as Kubernetes mounts a Secret), not in the environment
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    keys: Option<PathBuf>,
    /// What of the model to write
    #[arg(long, value_enum, default_value_t)]
    part: Part,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: AuthFormat,
    /// Cost of the hashes that are made of passwords
    #[arg(long, value_name = "COST", default_value_t = hash::DEFAULT_COST)]
    cost: u32,
    /// Write passwords as they are, unhashed
    #[arg(long)]
    plaintext: bool,
}

const EXAMPLES: &str = "\
The model, all of it optional but somebody who may log in:
  timeout: 5s
  users:
    - { user: default, hash: NATS_DEFAULT_PASSWORD_HASH }
    - user: worker
      password: { file: /run/secrets/worker }
      permissions:
        publish: { allow: [\"jobs.>\"], deny: [jobs.admin] }
        subscribe: [\"jobs.>\", \"_INBOX.>\"]
        allowResponses: true
      connectionTypes: [STANDARD]
    - { nkey: UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4, account: APP }
  accounts: { APP: { jetstream: true, exports: [{ stream: \"news.>\" }] } }
  cluster: { listen: \"0.0.0.0:6222\", user: route, password: ROUTE_PASSWORD, routes: [nats-1:6222] }
also token, defaultPermissions, noAuthUser, systemAccount, gateway, leafnodes, operator.

A value is the name of a key: a file of --keys, without it an environment variable. Or { env: NAME }, { file: PATH }, { stdin: true }. A hash and a public nkey may stand there themselves, a password may not. Passwords become hashes; one that the file of -o holds already is kept, so that nothing changes when nothing changed.

The server joins every include path to the folder of the including file, absolute ones too:
  include auth.conf                 beside nats-server.conf
  include ../nats-auth/auth.conf    for /etc/nats/nats-server.conf and /etc/nats-auth/auth.conf";

/// Runs the command.
///
/// # Errors
/// Everything that would leave the server open or turn clients away; nothing is written then.
pub(super) fn run(args: &AuthArgs, io: &mut Io) -> Outcome {
    if !BCRYPT_COSTS.contains(&args.cost) {
        return Err(Failure::usage(crate::crypto::Error::BcryptCost(args.cost)));
    }
    let auth = model::read(&args.model, io)?;
    let keys = model::Keys::new(args.keys.as_deref(), io)?;
    let mut auth = model::resolve(auth, &keys, io)?;
    let output = args.output.as_deref().map(|path| io.path(path));
    let (old, config) = output.as_deref().map(|path| model::before(path, io)).unwrap_or_default();
    if !args.plaintext {
        model::hash_passwords(&mut auth, args.cost, config.as_ref())?;
    }
    let what = args.model.display().to_string();
    let part = args.part.into();
    model::refuse(&rules::problems(&auth, part), &what, io)?;
    let syntax = if args.format == AuthFormat::Json { Syntax::Json } else { Syntax::Native };
    let text = match write::render(&auth, part, syntax) {
        Ok(text) => text,
        Err(problems) => {
            model::refuse(&problems, &what, io)?;
            return Err(Failure::new(format_args!("{what}: nothing was written")));
        }
    };
    if matches!(args.part, Part::All | Part::Clients) {
        sources::look_over(&text)?;
    }
    let Some(path) = output else {
        io.stdout.put(text.expose())?;
        return Ok(Exit::DONE);
    };
    if old.is_some_and(|old| *old == text.expose().as_bytes()) {
        io.note(format!("{} is as it should be", io.shown(&path)));
        return Ok(Exit::DONE);
    }
    replace::write(&path, text.expose().as_bytes(), Privacy::Plaintext, Existing::Replace).map_err(|error| error.at(&path))?;
    io.note(format!("wrote {}", io.shown(&path)));
    Ok(Exit::DONE)
}

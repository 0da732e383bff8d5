//! `nats init`: what an init container does before the server starts: keys that Kubernetes mounted become `auth.conf`.
//!
//! In the place of a `printf` into a file. That one writes whatever the variables hold: nothing, half a hash, a password with a
//! quote in it; and the server starts with all of them.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{hash, model, sources};
use crate::cli::Io;
use crate::cli::io::replace;
use crate::cli::report::{Exit, Failure, Outcome};
use crate::nats::model::{Auth, User};
use crate::nats::rules;
use crate::nats::write::{self, Part, Syntax};

/// Arguments of `nats init`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct InitArgs {
    /// A user and the key that holds the bcrypt hash of its password, repeatable
    #[arg(long, value_name = "NAME=KEY", required_unless_present = "model")]
    user: Vec<String>,
    /// The model, as of `nats auth`, instead of --user
    #[arg(long, value_name = "FILE", conflicts_with = "user", value_hint = ValueHint::FilePath)]
    model: Option<PathBuf>,
    /// Folder of the mounted Secret; without it keys are environment variables
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    keys: Option<PathBuf>,
    /// The file to write, mode 0400: the server must run as the same user
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
    /// Mode 0440: for a server of another user in the same group (fsGroup)
    #[arg(long)]
    group: bool,
}

const EXAMPLES: &str = "\
Written beside the old file and renamed over it. Nothing is written for a key that is absent, empty or no whole hash, and the exit code is 1: the Pod waits, and an open server never starts.

Example, for /etc/nats/nats-server.conf with `include ../nats-auth/auth.conf`:
  initContainers:
    - name: auth
      args: [nats, init, --keys, /keys, --user, default=NATS_DEFAULT_PASSWORD_HASH, -o, /etc/nats-auth/auth.conf]
      volumeMounts: [{ name: keys, mountPath: /keys }, { name: nats-auth, mountPath: /etc/nats-auth }]";

/// Runs the command.
///
/// # Errors
/// As of `nats auth`.
pub(super) fn run(args: &InitArgs, io: &mut Io) -> Outcome {
    let keys = model::Keys::new(args.keys.as_deref(), io)?;
    let (mut auth, what) = match &args.model {
        Some(path) => {
            let auth = model::read(path, io)?;
            (model::resolve(auth, &keys, io)?, path.display().to_string())
        }
        None => (users(&args.user, &keys, io)?, "keys".to_owned()),
    };
    model::hash_passwords(&mut auth, hash::DEFAULT_COST, None)?;
    model::refuse(&rules::problems(&auth, Part::All), &what, io)?;
    let text = write::render(&auth, Part::All, Syntax::Native).map_err(|_| Failure::new("nothing was written"))?;
    sources::look_over(&text)?;
    let path = io.path(&args.output);
    let mode = if args.group { 0o440 } else { 0o400 };
    replace::write_fresh(&path, text.expose().as_bytes(), mode).map_err(|error| error.at(&path))?;
    io.note(format!("wrote {}", io.shown(&path)));
    Ok(Exit::DONE)
}

fn users(words: &[String], keys: &model::Keys, io: &Io) -> Result<Auth<crate::secret::SecretString>, Failure> {
    let mut auth = Auth::default();
    for word in words {
        let Some((name, key)) = word.split_once('=') else {
            return Err(Failure::usage("--user takes NAME=KEY (not shown: it may be secret)")
                .with_hint("NAME is the user's name, KEY the key that holds the hash"));
        };
        let hash = keys.get(key, io).map_err(|failure| failure.wrap(format_args!("cannot get the hash of {name}")))?;
        auth.users.push(User { user: Some(name.to_owned()), hash: Some(hash), ..User::default() });
    }
    Ok(auth)
}

//! `nats jwt init`: an operator, a system account, accounts and users, with what the server needs of them, in one new folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use super::nkey::write_seed;
use crate::cli::Io;
use crate::cli::io::replace::{self, Existing, Privacy};
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::nats::model::{Auth, Operator};
use crate::nats::nkey::{KeyPair, Role};
use crate::nats::write::{Part, Syntax, render};
use crate::nats::{creds, jwt};

/// Arguments of `nats jwt init`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct JwtInitArgs {
    /// Name of the operator
    #[arg(long, value_name = "NAME")]
    operator: String,
    /// Account and user, ACCOUNT/USER, repeatable; the system account SYS with the user `sys` is always made
    #[arg(long, value_name = "ACCOUNT/USER", required = true)]
    user: Vec<String>,
    /// Give the accounts JetStream, without limits
    #[arg(long)]
    jetstream: bool,
    /// New folder for everything
    #[arg(short, long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    output: PathBuf,
}

const EXAMPLES: &str = "\
Makes: operator.nk (take it offline), ACCOUNT.nk for each account (to make more users), ACCOUNT-USER.creds for each user (for clients), and operator.conf for the server, which holds public data only: include operator.conf. Seeds and credentials are readable for you alone.

Example:
  hecate-seal nats jwt init --operator lanai --user APP/api --user APP/worker -o nats-identity";

/// Runs the command.
///
/// # Errors
/// When the folder exists, or for names that are none.
pub(super) fn run(args: &JwtInitArgs, io: &mut Io) -> Outcome {
    let mut accounts: Vec<(&str, Vec<&str>)> = vec![("SYS", vec!["sys"])];
    for word in &args.user {
        let (account, user) =
            word.split_once('/').filter(|(account, user)| is_name(account) && is_name(user)).ok_or_else(|| {
                Failure::usage(format_args!("`{word}` is no ACCOUNT/USER")).with_hint("letters, digits, `-` and `_`")
            })?;
        match accounts.iter_mut().find(|(name, _)| *name == account) {
            Some((_, users)) if users.contains(&user) => {
                return Err(Failure::usage(format_args!("{word} is given twice")));
            }
            Some((_, users)) => users.push(user),
            None => accounts.push((account, vec![user])),
        }
    }
    no_clash(&accounts)?;
    let target = io.path(&args.output);
    if target.symlink_metadata().is_ok() {
        return Err(Failure::new(format_args!("{} exists already", args.output.display()))
            .with_hint("choose a folder that does not exist yet"));
    }
    // All of it or nothing: the folder gets its name when everything is in it.
    let cannot = || format!("cannot make {}", args.output.display());
    let above = target.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let staged = tempfile::Builder::new().prefix(".hecate-seal-").tempdir_in(above).context(cannot)?;
    let folder = staged.path().join("new");
    std::fs::create_dir(&folder).context(cannot)?;
    let now = io.now.unix_timestamp();
    let operator = KeyPair::generate(Role::Operator)?;
    write_seed(&folder.join("operator.nk"), &operator)?;
    let (mut tokens, mut system) = (Vec::new(), None);
    for (name, users) in &accounts {
        let account = KeyPair::generate(Role::Account)?;
        write_seed(&folder.join(format!("{name}.nk")), &account)?;
        // The system account may have no JetStream.
        let nats = jwt::account(args.jetstream && *name != "SYS", &[], None);
        tokens.push(jwt::sign(&operator, &account.public(), name, nats, now, None));
        system = system.or_else(|| Some(account.public()));
        for user in users {
            let pair = KeyPair::generate(Role::User)?;
            let token = jwt::sign(&account, &pair.public(), user, jwt::user(None, &[], None), now, None);
            let path = folder.join(format!("{name}-{user}.creds"));
            let text = creds::write(&token, &pair)?;
            replace::write(&path, text.expose().as_bytes(), Privacy::Plaintext, Existing::Keep)
                .map_err(|error| error.at(&path))?;
        }
    }
    let jwt = jwt::sign(&operator, &operator.public(), &args.operator, jwt::operator(system.as_ref(), &[]), now, None);
    let auth = Auth { operator: Some(Operator { jwt, system_account: None, accounts: tokens }), ..Auth::default() };
    let text = render(&auth, Part::All, Syntax::Native).map_err(|problems| {
        Failure::new(problems.first().map(ToString::to_string).unwrap_or_default()).wrap("cannot write operator.conf")
    })?;
    let path = folder.join("operator.conf");
    replace::write(&path, text.expose().as_bytes(), Privacy::Shared, Existing::Keep).map_err(|error| error.at(&path))?;
    std::fs::rename(&folder, &target).context(cannot)?;
    io.note(format!("wrote {} (operator.nk belongs offline; *.nk and *.creds are secret)", io.shown(&target)));
    io.hint("in nats-server.conf: include operator.conf");
    Ok(Exit::DONE)
}

/// Refuses names whose files would be the same one, before anything is written.
fn no_clash(accounts: &[(&str, Vec<&str>)]) -> Result<(), Failure> {
    let mut taken: BTreeMap<String, String> = BTreeMap::from([("operator.nk".to_owned(), "the operator".to_owned())]);
    for (account, users) in accounts {
        let files = std::iter::once((format!("{account}.nk"), format!("account {account}")));
        for (file, whose) in
            files.chain(users.iter().map(|user| (format!("{account}-{user}.creds"), format!("{account}/{user}"))))
        {
            if let Some(other) = taken.insert(file.clone(), whose.clone()) {
                return Err(Failure::usage(format_args!("{other} and {whose} would both be in the file {file}"))
                    .with_hint("give one of them another name"));
            }
        }
    }
    Ok(())
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

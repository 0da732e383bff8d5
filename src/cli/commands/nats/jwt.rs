//! `nats jwt`: operators, accounts and users of decentralised authentication, one by one; `jwt init` makes all at once.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueHint};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::nkey::read_seed;
use crate::cli::io::read;
use crate::cli::io::replace::{self, Existing, Privacy};
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::cli::{Io, output};
use crate::nats::model::{AllowResponses, Permissions, Subjects};
use crate::nats::nkey::{KeyPair, PublicKey, Role};
use crate::nats::{creds, jwt, subject};

/// Arguments of `nats jwt`.
#[derive(Args, Debug)]
pub(super) struct JwtArgs {
    /// What to do.
    #[command(subcommand)]
    command: JwtCommand,
}

#[derive(Debug, Subcommand)]
enum JwtCommand {
    /// Make an operator, accounts and users at once, with the server's configuration for them
    Init(super::jwt_init::JwtInitArgs),
    /// Sign an operator's JWT with its own seed
    Operator {
        /// Name, for people
        #[arg(long, value_name = "NAME")]
        name: String,
        /// File with the operator's seed
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        seed: PathBuf,
        /// Public key of the system account (A…)
        #[arg(long, value_name = "KEY")]
        system_account: Option<String>,
        /// Public key of another operator key that may sign, repeatable
        #[arg(long, value_name = "KEY")]
        signing_key: Vec<String>,
    },
    /// Sign an account's JWT with the operator's seed
    Account {
        /// Name, for people
        #[arg(long, value_name = "NAME")]
        name: String,
        /// Public key of the account (A…)
        #[arg(long, value_name = "KEY")]
        subject: String,
        /// File with the operator's seed
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        operator_seed: PathBuf,
        /// Give the account JetStream, without limits
        #[arg(long)]
        jetstream: bool,
        /// Public key of another account key that may sign users, repeatable
        #[arg(long, value_name = "KEY")]
        signing_key: Vec<String>,
    },
    /// Make a user: a new key, a JWT signed with the account's seed, and both as a credentials file
    User(UserArgs),
    /// Print what a JWT or a credentials file says; the signature is checked, seeds are not shown
    Show {
        /// The file; `-` or none: standard input
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
    },
}

/// Arguments of `nats jwt user`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  hecate-seal nats jwt user --name app --account-seed app-account.nk --pub 'jobs.>' --sub 'jobs.>' --sub '_INBOX.>' -o app.creds"
)]
struct UserArgs {
    /// Name, for people
    #[arg(long, value_name = "NAME")]
    name: String,
    /// File with the account's seed, or with that of one of its signing keys
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    account_seed: PathBuf,
    /// Public key of the account, where the seed is a signing key's
    #[arg(long, value_name = "KEY")]
    account: Option<String>,
    /// Subject that the user may publish to, repeatable; without any, all
    #[arg(long = "pub", value_name = "SUBJECT")]
    publish: Vec<String>,
    /// Subject that the user may subscribe to, repeatable; without any, all
    #[arg(long = "sub", value_name = "SUBJECT")]
    subscribe: Vec<String>,
    /// The user may answer requests, whatever it may publish to
    #[arg(long)]
    allow_responses: bool,
    /// Until when it holds: 30d, 12h; for ever without
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// Write the credentials here; only you can read the file
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// For seeds and keys that are none, or of another role.
pub(super) fn run(args: &JwtArgs, io: &mut Io) -> Outcome {
    let now = io.now.unix_timestamp();
    let token = match &args.command {
        JwtCommand::Init(args) => return super::jwt_init::run(args, io),
        JwtCommand::User(args) => return user(args, now, io),
        JwtCommand::Show { file } => return show(file.as_deref(), now, io),
        JwtCommand::Operator { name, seed, system_account, signing_key } => {
            let pair = read_seed(seed, Role::Operator, io)?;
            let system = system_account.as_deref().map(|text| key(text, Role::Account, "--system-account")).transpose()?;
            let nats = jwt::operator(system.as_ref(), &keys(signing_key, Role::Operator)?);
            jwt::sign(&pair, &pair.public(), name, nats, now, None)
        }
        JwtCommand::Account { name, subject, operator_seed, jetstream, signing_key } => {
            let operator = read_seed(operator_seed, Role::Operator, io)?;
            let nats = jwt::account(*jetstream, &keys(signing_key, Role::Account)?, None);
            jwt::sign(&operator, &key(subject, Role::Account, "--subject")?, name, nats, now, None)
        }
    };
    io.stdout.put(token + "\n")?;
    Ok(Exit::DONE)
}

fn key(text: &str, role: Role, flag: &str) -> Result<PublicKey, Failure> {
    PublicKey::parse_as(text, role).context(|| format!("{flag} takes a public key")).or_usage()
}

fn keys(texts: &[String], role: Role) -> Result<Vec<PublicKey>, Failure> {
    texts.iter().map(|text| key(text, role, "--signing-key")).collect()
}

fn user(args: &UserArgs, now: i64, io: &mut Io) -> Outcome {
    let published = args.publish.iter().filter(|text| !subject::is_valid(text));
    let mut bad = published.chain(args.subscribe.iter().filter(|text| !subject::is_valid_with_queue(text)));
    if let Some(bad) = bad.next() {
        return Err(
            Failure::usage(format_args!("`{bad}` is no subject")).with_hint("words with `.` between them; `>` only at the end")
        );
    }
    let expires = args.expires.as_deref().map(lifetime).transpose()?.map(|seconds| now.saturating_add(seconds));
    let account = read_seed(&args.account_seed, Role::Account, io)?;
    let issuer = args.account.as_deref().map(|text| key(text, Role::Account, "--account")).transpose()?;
    let issuer = issuer.filter(|issuer| *issuer != account.public());
    let some = |list: &[String]| (!list.is_empty()).then(|| Subjects { allow: list.to_vec(), deny: Vec::new() });
    let granted = Permissions {
        publish: some(&args.publish),
        subscribe: some(&args.subscribe),
        allow_responses: args.allow_responses.then_some(AllowResponses::Switch(true)),
    };
    let pair = KeyPair::generate(Role::User)?;
    let token = jwt::sign(&account, &pair.public(), &args.name, jwt::user(Some(&granted), &[], issuer.as_ref()), now, expires);
    let text = creds::write(&token, &pair)?;
    let path = io.path(&args.output);
    replace::write(&path, text.expose().as_bytes(), Privacy::Plaintext, Existing::Keep).map_err(|error| error.at(&path))?;
    io.note(format!("wrote {} (secret: keep it out of git)", io.shown(&path)));
    io.stdout.put(format!("{}\n", pair.public()))?;
    Ok(Exit::DONE)
}

/// Seconds of `30d`, `12h`, `90m`.
fn lifetime(text: &str) -> Result<i64, Failure> {
    let wrong = || Failure::usage(format_args!("`{text}` is no time: write 30d, 12h or 90m"));
    let (number, seconds) = match text.char_indices().next_back() {
        Some((at, 'd')) => (text.get(..at), 86_400),
        Some((at, 'h')) => (text.get(..at), 3_600),
        Some((at, 'm')) => (text.get(..at), 60),
        _ => (None, 0),
    };
    let number: i64 = number.and_then(|number| number.parse().ok()).filter(|number| *number > 0).ok_or_else(wrong)?;
    number.checked_mul(seconds).ok_or_else(wrong)
}

fn show(file: Option<&Path>, now: i64, io: &mut Io) -> Outcome {
    let bytes = match file {
        Some(path) if path.as_os_str() != "-" => {
            read::file(&io.path(path), read::MAX_VALUE).context(|| format!("cannot read {}", path.display()))?
        }
        _ => read::stream(&mut io.stdin, read::MAX_VALUE).context(|| "cannot read standard input")?,
    };
    let text: Zeroizing<String> = read::text(bytes)?;
    let claims = if text.contains("BEGIN NATS") { creds::read(&text)?.0 } else { jwt::read(&text)? };
    let mut shown = Map::new();
    for (field, value) in [
        ("type", json!(claims.role.name())),
        ("name", json!(claims.name)),
        ("subject", json!(claims.subject.to_string())),
        ("issuer", json!(claims.issuer.to_string())),
        ("issuedAt", json!(claims.issued_at)),
        ("expires", json!(claims.expires)),
        ("expired", json!(claims.is_expired(now))),
        ("nats", Value::Object(claims.nats.clone())),
    ] {
        shown.insert(field.to_owned(), value);
    }
    output::json(&Value::Object(shown), io)?;
    if claims.is_expired(now) {
        return Err(Failure::new("it has expired"));
    }
    Ok(Exit::DONE)
}

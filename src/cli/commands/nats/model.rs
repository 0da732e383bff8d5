//! The model as a YAML file, with its values from where they are: mounted keys, files, variables, standard input.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use zeroize::Zeroizing;

use super::input;
use crate::cli::Io;
use crate::cli::io::read;
use crate::cli::report::{Context, Failure};
use crate::crypto::password::{self, BcryptIdent};
use crate::nats::conf::{self, Config, Entry, find};
use crate::nats::hash::{Look, look};
use crate::nats::model::{Auth, Kind, Place, User};
use crate::nats::rules::{Problem, Severity};
use crate::secret::{SecretBytes, SecretString};

/// A value of the model: a name, or where it is.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected the name of a key, or a mapping with one of `env`, `file`, `stdin`")]
pub(super) enum Source {
    /// The name of a key or variable; a hash or a public nkey may stand here itself.
    Name(String),
    /// Elsewhere.
    From(Elsewhere),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Elsewhere {
    env: Option<String>,
    file: Option<PathBuf>,
    stdin: Option<bool>,
}

/// Reads the model. Errors name the line.
pub(super) fn read(path: &Path, io: &mut Io) -> Result<Auth<Source>, Failure> {
    let cannot = || format!("cannot use {}", path.display());
    let bytes = if path.as_os_str() == "-" {
        read::stream(&mut io.stdin, read::MAX_VALUE)
    } else {
        read::file(&io.path(path), read::MAX_VALUE)
    };
    let text = read::text(bytes.context(cannot)?).context(cannot)?;
    let parsed: Result<Option<Auth<Source>>, _> = serde_saphyr::from_str(&text);
    parsed.map(Option::unwrap_or_default).map_err(|error| {
        let (plain, line) = (error.without_snippet(), error.location().map_or(0, |at| at.line()));
        let text = plain.to_string();
        let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
        Failure::new(format_args!("line {line}: {reason}")).wrap(cannot())
    })
}

/// Where names are looked up.
pub(super) struct Keys {
    /// A folder with a file for each key: a mounted Secret.
    folder: Option<PathBuf>,
}

impl Keys {
    /// The folder of `--keys`. A mounted Secret changes as a whole, by a link: all keys are read behind it as it is now.
    pub(super) fn new(folder: Option<&Path>, io: &Io) -> Result<Self, Failure> {
        let Some(folder) = folder else { return Ok(Self { folder: None }) };
        let folder = io.path(folder);
        let current = folder.join("..data");
        let folder = if current.is_dir() { current.canonicalize().context(|| "cannot use the keys")? } else { folder };
        if !folder.is_dir() {
            return Err(Failure::new(format_args!("there is no folder {}", folder.display())).wrap("cannot use the keys"));
        }
        Ok(Self { folder: Some(folder) })
    }

    /// The value of a name: a file of the folder, or without a folder a variable.
    pub(super) fn get(&self, name: &str, io: &Io) -> Result<SecretString, Failure> {
        let named = |why: &str| Failure::new(format_args!("the key {name} {why}"));
        let is_key = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !is_key || name.starts_with("..") {
            // Not shown: it may be a password in the wrong place.
            return Err(Failure::new("a value is neither a hash nor the name of a key (not shown: it may be secret)")
                .with_hint("write the name of a key, or where the value is: { env: NAME }, { file: PATH }, { stdin: true }"));
        }
        let bytes = match &self.folder {
            Some(folder) => {
                let mut bytes = read::file(&folder.join(name), read::MAX_VALUE)
                    .context(|| format!("cannot read the key {name} in {}", folder.display()))?;
                SecretBytes::new(std::mem::take(&mut *bytes))
            }
            None => {
                let value = io.env.raw(name).ok_or_else(|| {
                    Failure::new(format_args!("the environment variable {name} is not set"))
                        .with_hint("for keys of a mounted Secret: --keys FOLDER")
                })?;
                SecretBytes::new(value.into_encoded_bytes())
            }
        };
        input::one_line(&bytes).map_err(named)
    }
}

/// Fills the values in.
pub(super) fn resolve(auth: Auth<Source>, keys: &Keys, io: &mut Io) -> Result<Auth<SecretString>, Failure> {
    let mut stdin_is_read = false;
    auth.resolve(|place, source| {
        let about = || describe(place);
        let value = match source {
            Source::Name(text) if place.kind == Kind::Hash && text.starts_with("$2") => Ok(SecretString::new(text)),
            Source::Name(text) if place.kind == Kind::Nkey && text.starts_with('U') && text.len() == 56 => {
                Ok(SecretString::new(text))
            }
            Source::Name(name) => keys.get(&name, io),
            Source::From(Elsewhere { env: Some(name), file: None, stdin: None }) => {
                input::secret("the value", input::From { env: Some(&name), file: None }, false, io)
            }
            Source::From(Elsewhere { env: None, file: Some(path), stdin: None }) => {
                input::secret("the value", input::From { env: None, file: Some(&path) }, false, io)
            }
            Source::From(Elsewhere { env: None, file: None, stdin: Some(true) }) if !stdin_is_read => {
                stdin_is_read = true;
                input::secret("the value", input::From::default(), false, io)
            }
            Source::From(Elsewhere { stdin: Some(true), .. }) if stdin_is_read => {
                Err(Failure::new("standard input gives one value, and it is used already"))
            }
            Source::From(_) => Err(Failure::new("give exactly one of `env`, `file` and `stdin: true`")),
        };
        value.context(about)
    })
}

fn describe(place: Place<'_>) -> String {
    let kind = match place.kind {
        Kind::Password => "password",
        Kind::Hash => "hash",
        Kind::Nkey => "nkey",
        Kind::Token => return "cannot get the token".to_owned(),
    };
    format!("cannot get the {kind} of {} ({})", place.user, place.block)
}

/// Hashes every password that only has to be compared, and the token. A hash that `before` holds for the same password is
/// kept, so that what is rendered again is the same.
pub(super) fn hash_passwords(auth: &mut Auth<SecretString>, cost: u32, before: Option<&Config>) -> Result<(), Failure> {
    let mut known = BTreeMap::new();
    if let Some(config) = before {
        collect(&config.root, &mut known);
    }
    // Clients without credentials become this user, and the server cannot log in with a hash.
    let open = auth.no_auth_user.clone();
    let hash = |user: &str, password: &SecretString| -> Result<SecretString, Failure> {
        let bytes = password.expose().as_bytes();
        if let Some(kept) = known.get(user)
            && matches!(look(kept.expose()), Look::Hash { cost: theirs, .. } if theirs == cost)
            && password::verify_bcrypt(bytes, kept.expose()) == Some(true)
        {
            return Ok(kept.clone());
        }
        let made = password::bcrypt(bytes, cost, BcryptIdent::B).context(|| format!("cannot hash the password of {user}"))?;
        Ok(SecretString::new(made))
    };
    let users = auth.users.iter_mut().chain(auth.accounts.values_mut().flat_map(|account| &mut account.users));
    let users = users.chain(auth.leafnodes.iter_mut().flat_map(|leafnodes| &mut leafnodes.users));
    for User { user, password, hash: hashed, .. } in users.filter(|user| user.user != open || open.is_none()) {
        if hashed.is_none()
            && let Some(plain) = password.as_ref().filter(|plain| matches!(look(plain.expose()), Look::Plain))
        {
            *hashed = Some(hash(user.as_deref().unwrap_or_default(), plain)?);
            *password = None;
        }
    }
    if let Some(token) = &mut auth.token
        && matches!(look(token.expose()), Look::Plain)
    {
        *token = hash("", token)?;
    }
    Ok(())
}

/// Passwords of users by name; the token has no name.
fn collect(entries: &[Entry], into: &mut BTreeMap<String, SecretString>) {
    if let Some(password) = find(entries, &["password", "token"]).and_then(|entry| entry.node.text()) {
        let name = find(entries, &["user"]).and_then(|entry| entry.node.text()).unwrap_or_default();
        into.insert(name.to_owned(), SecretString::new(password.to_owned()));
    }
    for entry in entries {
        if let Some(inner) = entry.node.map() {
            collect(inner, into);
        }
        for item in entry.node.list().unwrap_or_default() {
            item.map().into_iter().for_each(|inner| collect(inner, into));
        }
    }
}

/// Warnings on stderr; errors as one failure.
pub(super) fn refuse(problems: &[Problem], what: &str, io: &mut Io) -> Result<(), Failure> {
    let mut failures: Option<Failure> = None;
    for problem in problems {
        if problem.severity == Severity::Warning {
            io.warn(format!("{problem}"));
            continue;
        }
        let failure = Failure::new(problem).with_hint(&problem.fix);
        failures = Some(match failures {
            None => failure.wrap(format_args!("{what}: nothing was written")),
            Some(before) => before.and(failure),
        });
    }
    failures.map_or(Ok(()), Err)
}

/// The file as configuration, if it is one: for what it holds already.
pub(super) fn before(path: &Path, io: &Io) -> (Option<Zeroizing<Vec<u8>>>, Option<Config>) {
    let bytes = read::file(path, conf::MAX_BYTES).ok();
    let config = bytes.as_ref().and_then(|_| conf::read(path, &mut super::sources::Here::new(io)).ok());
    (bytes, config)
}

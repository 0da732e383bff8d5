//! Values that follow from others: hashes, templates, copies, NATS configuration. And whether one that is there still fits.

use time::OffsetDateTime;

use super::generate::Error;
use super::id::{self, KeyId, SecretId};
use super::kinds::{Argon2id, Bcrypt, BcryptIdent, Kind};
use super::model::Item;
use super::nats_auth;
use crate::crypto::{argon, password};
use crate::nats::hash::{self, Look};
use crate::secret::{SecretBytes, SecretString};

/// Above this cost a login takes seconds: no server works with such a hash.
pub const MAX_COST: u32 = 16;

/// Gives the value of a key, where there is one that can be read.
pub type Lookup<'a> = dyn Fn(&KeyId) -> Option<&'a SecretBytes> + 'a;

/// How a derived value that does not fit its source is treated when nothing else is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It is written again: it is text that follows from its sources, and nobody can have meant anything else.
    Rewrite,
    /// It is reported: it may be the source that is wrong.
    Report,
}

/// How a kind is treated.
#[must_use]
pub fn misfit(kind: &Kind) -> Misfit {
    match kind {
        Kind::Template(_) | Kind::NatsAuth(_) | Kind::NatsCreds(_) => Misfit::Rewrite,
        _ => Misfit::Report,
    }
}

fn other(message: impl Into<String>) -> Error {
    Error::Other(message.into())
}

fn bytes(text: String) -> SecretBytes {
    SecretString::new(text).into()
}

/// The value of a reference in an item of this Secret.
fn source<'a>(reference: &str, within: &SecretId, lookup: &Lookup<'a>) -> Result<&'a SecretBytes, Error> {
    let key = id::resolve(reference, within).ok_or_else(|| other(format!("`{reference}` names no key")))?;
    lookup(&key).ok_or_else(|| other(format!("{key} has no value")))
}

/// Makes the value of a derived kind. `old` is what is there: hashes in it that still fit are used again.
///
/// # Errors
/// What about the sources cannot be used. Names, never values.
pub fn make<'a>(
    item: &Item,
    within: &SecretId,
    old: Option<&SecretBytes>,
    lookup: &Lookup<'a>,
    now: OffsetDateTime,
) -> Result<SecretBytes, Error> {
    match &item.kind {
        Kind::Bcrypt(spec) => {
            let password = source(&spec.from, within, lookup)?;
            check_bcrypt_source(&spec.from, password)?;
            let ident = match spec.ident {
                BcryptIdent::TwoA => password::BcryptIdent::A,
                BcryptIdent::TwoB => password::BcryptIdent::B,
                BcryptIdent::TwoY => password::BcryptIdent::Y,
            };
            let hash = password::bcrypt(password.expose(), spec.cost, ident)?;
            Ok(bytes(line(spec.user.as_deref(), &hash)))
        }
        Kind::Argon2id(spec) => {
            let password = source(&spec.from, within, lookup)?;
            if password.is_empty() {
                return Err(other(format!("{} is empty", spec.from)));
            }
            Ok(bytes(line(spec.user.as_deref(), &argon::hash(password.expose(), work(spec))?)))
        }
        Kind::Copy(spec) => source(&spec.from, within, lookup).cloned(),
        Kind::Template(_) => {
            let template = item.template.as_ref().ok_or_else(|| other("the template could not be read"))?;
            template.render(lookup).map_err(|error| other(error.to_string()))
        }
        Kind::NatsAuth(auth) => nats_auth::render(auth, old, |reference| source(reference, within, lookup).cloned()),
        Kind::NatsCreds(creds) => {
            let (account, seed) = (source(&creds.account, within, lookup)?, source(&creds.seed, within, lookup)?);
            nats_auth::creds(creds, account, seed, now)
        }
        _ => Err(other("this kind is not derived")),
    }
}

/// Whether a derived value that is there fits its sources.
///
/// # Errors
/// As [`make`].
pub fn fits<'a>(
    item: &Item,
    within: &SecretId,
    there: &SecretBytes,
    lookup: &Lookup<'a>,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    match &item.kind {
        Kind::Bcrypt(spec) => {
            let password = source(&spec.from, within, lookup)?;
            check_bcrypt_source(&spec.from, password)?;
            let Some(hash) = hash_of(spec.user.as_deref(), there) else { return Ok(false) };
            Ok(password::verify_bcrypt(password.expose(), hash).unwrap_or(false))
        }
        Kind::Argon2id(spec) => {
            let password = source(&spec.from, within, lookup)?;
            let Some(hash) = hash_of(spec.user.as_deref(), there) else { return Ok(false) };
            Ok(argon::verify(password.expose(), hash).unwrap_or(false))
        }
        Kind::NatsCreds(creds) => {
            let (account, seed) = (source(&creds.account, within, lookup)?, source(&creds.seed, within, lookup)?);
            nats_auth::creds_fit(creds, account, seed, there)
        }
        _ => Ok(make(item, within, Some(there), lookup, now)? == *there),
    }
}

fn work(spec: &Argon2id) -> argon::Work {
    argon::Work { memory: spec.memory, time: spec.time, lanes: spec.lanes }
}

fn line(user: Option<&str>, hash: &str) -> String {
    user.map_or_else(|| hash.to_owned(), |user| format!("{user}:{hash}"))
}

/// The hash in a value, without the user in front of it.
fn hash_of<'v>(user: Option<&str>, value: &'v SecretBytes) -> Option<&'v str> {
    let text = std::str::from_utf8(value.expose()).ok()?.trim_end_matches(['\n', '\r']);
    match user {
        None => Some(text),
        Some(user) => text.strip_prefix(user)?.strip_prefix(':'),
    }
}

/// Whether a value may be hashed with bcrypt.
fn check_bcrypt_source(name: &str, password: &SecretBytes) -> Result<(), Error> {
    let bytes = password.expose();
    if bytes.is_empty() {
        return Err(other(format!("{name} is empty: its hash would let everybody in")));
    }
    if bytes.len() > password::BCRYPT_MOST {
        return Err(other(format!("{name} has {} bytes, and bcrypt looks at the first 72 only", bytes.len())));
    }
    if bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
        return Err(other(format!("{name} holds a line break or a zero byte, which no one can type")));
    }
    Ok(())
}

/// What is to be said about a bcrypt hash that is there, whatever its source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashState {
    /// It is one that servers accept.
    Good,
    /// It works, but `$2x$` marks the hashes of a faulty implementation.
    Old,
    /// No password can match it, or nobody should use it: why.
    Bad(String),
}

/// Looks at a bcrypt hash that is there.
#[must_use]
pub fn look_at_hash(spec: &Bcrypt, there: &SecretBytes) -> HashState {
    let text = std::str::from_utf8(there.expose()).unwrap_or_default();
    let Some(hash) = hash_of(spec.user.as_deref(), there) else {
        return HashState::Bad("it does not begin with its user name".to_owned());
    };
    // A prefix of four characters shows no part of salt or hash.
    let prefix: String = text.chars().take(4).filter(|c| c.is_ascii_graphic()).collect();
    let shown = if prefix.starts_with("$2") { format!("prefix `{prefix}`, ") } else { String::new() };
    let bad = |why: String| HashState::Bad(format!("{why} ({shown}{} characters)", text.chars().count()));
    match hash::look(hash) {
        Look::Hash { ident: 'x', .. } => HashState::Old,
        Look::Hash { cost, .. } if cost > MAX_COST => bad(format!("its cost is {cost}, and a login would take many seconds")),
        Look::Hash { .. } if hash.len() != hash::LENGTH => bad("something stands behind the hash".to_owned()),
        Look::Hash { .. } => HashState::Good,
        Look::Empty => bad("it is empty".to_owned()),
        Look::Broken(why) => bad(why.to_string()),
        Look::PlainHash(why) => bad(why.to_string()),
        Look::Plain => bad("it is no bcrypt hash".to_owned()),
    }
}

//! The kinds that are for NATS: `natsAuth`, a configuration that nats-server includes, and `natsCreds`, a user's JWT with its seed.
//!
//! The model, its rules and its writing are [`crate::nats`]'s. Here references become values, and a `password` becomes a hash:
//! the file never holds a password of a client. A hash that is in the old text and still fits is used again, so that the text
//! stays the same as long as nothing changes.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::generate::Error;
use super::kinds::NatsCreds;
use crate::crypto::password;
use crate::nats::model::{Kind, User};
use crate::nats::write::{Part, Syntax, render as write};
use crate::nats::{Auth, jwt, nkey};
use crate::secret::{SecretBytes, SecretString};

/// Cost of the hashes that are made here.
const COST: u32 = 11;

fn other(error: impl std::fmt::Display) -> Error {
    Error::Other(error.to_string())
}

/// The references in a configuration, in its order.
pub(super) fn references(auth: &Auth<String>) -> Vec<String> {
    let mut found = Vec::new();
    let _: Result<_, std::convert::Infallible> = auth.clone().resolve(|_, reference| {
        found.push(reference);
        Ok(SecretString::default())
    });
    found
}

/// What is wrong with a configuration whatever its values are: users twice, unknown accounts, bad subjects.
pub(super) fn structure(auth: &Auth<String>) -> Vec<String> {
    /// Fits every place: a hash of nothing that anybody knows, and a public key.
    const HASH: &str = "$2b$11$WXJ0Qp0vQJ9pLRfBGZQ3TeuH7FQ7b1l5S8RrmS5uH0rX5pWQ0y2nK";
    let Ok(pair) = nkey::KeyPair::generate(nkey::Role::User) else { return Vec::new() };
    let mut number = 0;
    let stand_in = auth.clone().resolve(|place, _| {
        number += 1;
        Ok::<_, std::convert::Infallible>(SecretString::new(match place.kind {
            Kind::Hash => HASH.to_owned(),
            // Each another one: the same key twice is a finding of its own.
            Kind::Nkey => nkey::KeyPair::generate(nkey::Role::User).as_ref().unwrap_or(&pair).public().to_string(),
            Kind::Password | Kind::Token => format!("stand-in-for-a-value-{number}-0123456789"),
        }))
    });
    let Ok(mut filled) = stand_in;
    for user in users(&mut filled) {
        if user.password.take().is_some() {
            user.hash.get_or_insert_with(|| SecretString::new(HASH.to_owned()));
        }
    }
    let problems = crate::nats::rules::problems(&filled, Part::All);
    let errors = problems.iter().filter(|problem| problem.severity == crate::nats::Severity::Error);
    errors.map(|problem| format!("{problem}: {}", problem.fix)).collect()
}

fn users(auth: &mut Auth<SecretString>) -> impl Iterator<Item = &mut User<SecretString>> {
    auth.users.iter_mut().chain(auth.accounts.values_mut().flat_map(|account| account.users.iter_mut()))
}

/// Writes the configuration with its values.
///
/// # Errors
/// What a source cannot be used for, and everything that [`crate::nats::rules`] finds.
pub(super) fn render(
    auth: &Auth<String>,
    old: Option<&SecretBytes>,
    mut value: impl FnMut(&str) -> Result<SecretBytes, Error>,
) -> Result<SecretBytes, Error> {
    let mut filled = auth.clone().resolve(|place, reference| {
        let text = value(&reference)?.into_text().map_err(|_| other(format!("{reference} is not text ({})", place.block)))?;
        if text.is_empty() {
            return Err(other(format!("{reference} is empty: the server would let everybody in")));
        }
        Ok(text)
    })?;
    let old = old.and_then(|old| std::str::from_utf8(old.expose()).ok()).unwrap_or_default();
    let mut hashes = hashes(old);
    for user in users(&mut filled) {
        let Some(password) = user.password.take() else { continue };
        if user.hash.is_some() {
            user.password = Some(password);
            continue;
        }
        let name = user.user.clone().unwrap_or_default();
        let known = hashes.remove(&name).unwrap_or_default();
        let fits = |hash: &&str| password::verify_bcrypt(password.expose().as_bytes(), hash) == Some(true);
        let hash = match known.into_iter().find(fits) {
            Some(hash) => hash.to_owned(),
            None => password::bcrypt(password.expose().as_bytes(), COST, password::BcryptIdent::B)?,
        };
        user.hash = Some(SecretString::new(hash));
    }
    match write(&filled, Part::All, Syntax::default()) {
        Ok(text) => Ok(text.into()),
        Err(problems) => {
            let errors = problems.iter().filter(|problem| problem.severity == crate::nats::Severity::Error);
            Err(other(errors.map(|problem| format!("{problem}: {}", problem.fix)).collect::<Vec<_>>().join("; ")))
        }
    }
}

/// The hashes in a text that was written here, by the user that stands before each.
fn hashes(text: &str) -> BTreeMap<String, Vec<&str>> {
    let mut found: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let mut user = String::new();
    // Every text stands in double quotes, and no name or hash needs an escape.
    for part in text.split('"') {
        if part.len() == crate::nats::hash::LENGTH && part.starts_with("$2") {
            found.entry(user.clone()).or_default().push(part);
        } else if !part.trim().is_empty() && !part.contains([':', '{', '}', '[', ']', '\n']) {
            part.clone_into(&mut user);
        }
    }
    found
}

fn pairs(creds: &NatsCreds, account: &SecretBytes, seed: &SecretBytes) -> Result<(nkey::KeyPair, nkey::KeyPair), Error> {
    let read = |name: &str, bytes: &SecretBytes, role| {
        let text = bytes.clone().into_text().map_err(|_| other(format!("{name} is not text")))?;
        nkey::KeyPair::from_seed_as(text.expose().trim(), role).map_err(|error| other(format!("{name}: {error}")))
    };
    Ok((read(&creds.account, account, nkey::Role::Account)?, read(&creds.seed, seed, nkey::Role::User)?))
}

/// Makes a creds file.
///
/// # Errors
/// Seeds that are none of an account and a user.
pub(super) fn creds(
    creds: &NatsCreds,
    account: &SecretBytes,
    seed: &SecretBytes,
    now: OffsetDateTime,
) -> Result<SecretBytes, Error> {
    let (account, user) = pairs(creds, account, seed)?;
    let claims = jwt::user(creds.permissions.as_ref(), &[], None);
    let token = jwt::sign(&account, &user.public(), &creds.user, claims, now.unix_timestamp(), None);
    let file = crate::nats::creds::write(&token, &user).map_err(|error| other(error.to_string()))?;
    Ok(file.into())
}

/// Whether a creds file is this user's, signed by this account, with these permissions.
///
/// # Errors
/// As [`creds`].
pub(super) fn creds_fit(spec: &NatsCreds, account: &SecretBytes, seed: &SecretBytes, there: &SecretBytes) -> Result<bool, Error> {
    let (account, user) = pairs(spec, account, seed)?;
    let text = std::str::from_utf8(there.expose()).unwrap_or_default();
    let Ok((claims, key)) = crate::nats::creds::read(text) else { return Ok(false) };
    let wanted = jwt::user(spec.permissions.as_ref(), &[], None);
    Ok(key.public() == user.public()
        && claims.subject == user.public()
        && claims.issuer == account.public()
        && claims.name == spec.user
        && wanted.iter().all(|(field, value)| claims.nats.get(field) == Some(value)))
}

//! The part of a model that makes a server trust an operator: checked, and in the server's words.

use std::collections::BTreeMap;
use std::fmt::Display;

use super::jwt::{self, Claims};
use super::model::Operator;
use super::nkey::{PublicKey, Role};

/// What is wrong with it, told to `error(place, what, fix)`. Times are not looked at here: no clock.
pub(super) fn check(operator: &Operator, error: &mut dyn FnMut(&str, &dyn Display, &str)) {
    let trusted = match jwt::read_as(&operator.jwt, Role::Operator) {
        Ok(claims) => Some(claims),
        Err(why) => {
            error("operator.jwt", &chain(&why), "make one: hecate-seal nats jwt operator");
            None
        }
    };
    let mut accounts: BTreeMap<String, Claims> = BTreeMap::new();
    for (index, token) in operator.accounts.iter().enumerate() {
        let place = format!("operator.accounts: number {}", index + 1);
        let claims = match jwt::read_as(token, Role::Account) {
            Ok(claims) => claims,
            Err(why) => {
                error(&place, &chain(&why), "make one: hecate-seal nats jwt account");
                continue;
            }
        };
        if trusted.as_ref().is_some_and(|trusted| !trusted.signed(&claims)) {
            error(
                &place,
                &"it is not signed by the operator: the server would turn its users away",
                "sign it with the operator's seed",
            );
        }
        if accounts.insert(claims.subject.to_string(), claims).is_some() {
            error(&place, &"this account is there twice", "remove one of the JWTs");
        }
    }
    let by_operator = trusted.as_ref().map(|claims| claims.text("system_account")).unwrap_or_default();
    let named = operator.system_account.as_deref().unwrap_or(by_operator);
    if let Some(named) = &operator.system_account {
        if let Err(why) = PublicKey::parse_as(named, Role::Account) {
            error("operator.systemAccount", &why, "give the account's public key, A…");
        } else if !by_operator.is_empty() && by_operator != named {
            error("operator.systemAccount", &"it is not the one that the operator's JWT names", "leave it out");
        }
    }
    if !named.is_empty() && !accounts.contains_key(named) {
        error("operator.accounts", &"the system account is not among them", "add its JWT");
    }
    if operator.accounts.is_empty() {
        error("operator.accounts", &"there is no account, so that nobody could log in", "add the JWTs of the accounts");
    }
}

/// An error and its cause on one line.
fn chain(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

/// What the server needs of it: the operator, the system account, and account by account its JWT.
pub(super) fn preload(operator: &Operator) -> (&str, Option<String>, Vec<(String, String)>) {
    let read =
        |token: &String| jwt::read_as(token, Role::Account).ok().map(|claims| (claims.subject.to_string(), token.trim().into()));
    (operator.jwt.trim(), operator.system_account.clone(), operator.accounts.iter().filter_map(read).collect())
}

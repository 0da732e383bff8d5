//! JWTs of decentralised authentication: an operator vouches for accounts, an account for its users.
//!
//! Signed with nkeys (`"alg": "ed25519-nkey"`, version 2 of the claims). Who signs what: an operator itself and its accounts,
//! an account its users; each may name further keys that sign for it. All of a JWT is public; the seeds are not. Source:
//! nats-io/jwt 2.8.2.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use serde_json::{Map, Value, json};

use super::model::{AllowResponses, ConnectionType, Permissions};
use super::nkey::{KeyPair, NkeyError, PublicKey, Role};
use crate::crypto::digest;

/// `resp.ttl` and `resp.max` where the file says `true`: the server's own (nats-server 2.15.2, `const.go`).
const RESPONSE_TTL_NANOS: i64 = 120_000_000_000;
/// Larger than any JWT with a thousand permissions.
const MAX_LENGTH: usize = 1 << 20;

/// Why a text is no JWT that NATS takes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// Not three parts of base64 with JSON in them.
    #[error("it is no JWT: {0}")]
    Malformed(&'static str),
    /// Another algorithm than `ed25519-nkey`.
    #[error("it is signed with `{0}`, and NATS wants ed25519-nkey")]
    Algorithm(String),
    /// The signature is not the issuer's.
    #[error("its signature is not that of its issuer: it was changed")]
    Signature,
    /// A key in it is none, or of the wrong role.
    #[error("its {field} is wrong")]
    Key {
        /// `sub`, `iss` …
        field: &'static str,
        /// Why.
        #[source]
        source: NkeyError,
    },
    /// Another type than the one needed.
    #[error("it is of type `{found}`, and `{wanted}` is needed")]
    Type {
        /// What it is.
        found: String,
        /// What it should be.
        wanted: Role,
    },
}

/// What a JWT says of an operator, account or user.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims {
    /// Operator, account or user.
    pub role: Role,
    /// Name, for people.
    pub name: String,
    /// Whom it is about.
    pub subject: PublicKey,
    /// Who signed it.
    pub issuer: PublicKey,
    /// When, in seconds since 1970.
    pub issued_at: i64,
    /// Until when it holds, in seconds since 1970; for ever without.
    pub expires: Option<i64>,
    /// Everything else: the object `nats`.
    pub nats: Map<String, Value>,
}

impl Claims {
    /// Whether it has expired at this time, in seconds since 1970.
    #[must_use]
    pub fn is_expired(&self, now: i64) -> bool {
        self.expires.is_some_and(|end| now > end)
    }

    /// A field of `nats` as text; empty where there is none.
    #[must_use]
    pub fn text(&self, field: &str) -> &str {
        self.nats.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// Further keys that sign for the subject: `nats.signing_keys`, as text or as objects with `key`.
    #[must_use]
    pub fn signing_keys(&self) -> Vec<&str> {
        let list = self.nats.get("signing_keys").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|key| key.as_str().or_else(|| key.get("key")?.as_str())).collect()
    }

    /// Whether the subject of these claims, or a key that signs for it, signed the others.
    #[must_use]
    pub fn signed(&self, other: &Self) -> bool {
        let issuer = other.issuer.to_string();
        let strict = self.nats.get("strict_signing_key_usage").and_then(Value::as_bool).unwrap_or_default();
        (issuer == self.subject.to_string() && !strict) || self.signing_keys().contains(&issuer.as_str())
    }
}

/// Claims of an operator.
#[must_use]
pub fn operator(system_account: Option<&PublicKey>, signing_keys: &[PublicKey]) -> Map<String, Value> {
    let mut nats = Map::new();
    put_list(&mut nats, "signing_keys", signing_keys.iter().map(ToString::to_string));
    if let Some(account) = system_account {
        nats.insert("system_account".to_owned(), account.to_string().into());
    }
    nats
}

/// Claims of an account without limits.
#[must_use]
pub fn account(jetstream: bool, signing_keys: &[PublicKey], default_permissions: Option<&Permissions>) -> Map<String, Value> {
    let mut limits = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
    });
    if jetstream && let Some(limits) = limits.as_object_mut() {
        for field in ["mem_storage", "disk_storage", "streams", "consumer"] {
            limits.insert(field.to_owned(), (-1).into());
        }
    }
    let mut nats = Map::new();
    nats.insert("limits".to_owned(), limits);
    put_list(&mut nats, "signing_keys", signing_keys.iter().map(ToString::to_string));
    let default = default_permissions.map(permissions).unwrap_or_else(|| permissions(&Permissions::default()));
    nats.insert("default_permissions".to_owned(), Value::Object(default));
    nats.insert("authorization".to_owned(), json!({}));
    nats
}

/// Claims of a user. `issuer_account` is the account's own key, where another key signs for it.
#[must_use]
pub fn user(
    granted: Option<&Permissions>,
    connections: &[ConnectionType],
    issuer_account: Option<&PublicKey>,
) -> Map<String, Value> {
    let mut nats = permissions(granted.unwrap_or(&Permissions::default()));
    for field in ["subs", "data", "payload"] {
        nats.insert(field.to_owned(), (-1).into());
    }
    put_list(&mut nats, "allowed_connection_types", connections.iter().map(|kind| kind.name().to_owned()));
    if let Some(account) = issuer_account {
        nats.insert("issuer_account".to_owned(), account.to_string().into());
    }
    nats
}

fn put_list(nats: &mut Map<String, Value>, field: &str, texts: impl Iterator<Item = String>) {
    let texts: Vec<Value> = texts.map(Value::from).collect();
    if !texts.is_empty() {
        nats.insert(field.to_owned(), texts.into());
    }
}

fn permissions(granted: &Permissions) -> Map<String, Value> {
    let mut fields = Map::new();
    for (field, subjects) in [("pub", &granted.publish), ("sub", &granted.subscribe)] {
        let mut inner = Map::new();
        if let Some(subjects) = subjects {
            put_list(&mut inner, "allow", subjects.allow.iter().cloned());
            put_list(&mut inner, "deny", subjects.deny.iter().cloned());
            if inner.is_empty() {
                // Nothing listed is nothing allowed, as in the configuration.
                inner.insert("deny".to_owned(), json!([">"]));
            }
        }
        fields.insert(field.to_owned(), inner.into());
    }
    let response = match &granted.allow_responses {
        None | Some(AllowResponses::Switch(false)) => return fields,
        Some(AllowResponses::Switch(true)) => json!({"max": 1, "ttl": RESPONSE_TTL_NANOS}),
        Some(AllowResponses::Limits(limits)) => {
            let ttl = limits.expires.and_then(|span| i64::try_from(span.0.as_nanos()).ok()).unwrap_or(RESPONSE_TTL_NANOS);
            json!({"max": limits.max.unwrap_or(1), "ttl": ttl})
        }
    };
    fields.insert("resp".to_owned(), response);
    fields
}

/// Signs claims about `subject`. Times are seconds since 1970.
#[must_use]
pub fn sign(
    signer: &KeyPair,
    subject: &PublicKey,
    name: &str,
    mut nats: Map<String, Value>,
    issued_at: i64,
    expires: Option<i64>,
) -> String {
    nats.insert("type".to_owned(), subject.role().name().into());
    nats.insert("version".to_owned(), 2.into());
    let mut data = Map::new();
    if let Some(expires) = expires {
        data.insert("exp".to_owned(), expires.into());
    }
    data.insert("iat".to_owned(), issued_at.into());
    data.insert("iss".to_owned(), signer.public().to_string().into());
    data.insert("name".to_owned(), name.into());
    data.insert("sub".to_owned(), subject.to_string().into());
    // The identifier is a digest of the claims without it; nobody checks it.
    let id = BASE32_NOPAD.encode(&digest::sha512_256(Value::Object(data.clone()).to_string().as_bytes()));
    data.insert("jti".to_owned(), id.into());
    data.insert("nats".to_owned(), nats.into());
    let encode = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let text = format!("{}.{}", encode(&json!({"typ": "JWT", "alg": "ed25519-nkey"})), encode(&Value::Object(data)));
    let signature = BASE64URL_NOPAD.encode(&signer.sign(text.as_bytes()));
    format!("{text}.{signature}")
}

/// Reads a JWT and checks that its issuer signed it, and may sign such a one.
///
/// # Errors
/// [`JwtError`].
pub fn read(token: &str) -> Result<Claims, JwtError> {
    let token = token.trim();
    if token.len() > MAX_LENGTH {
        return Err(JwtError::Malformed("too long"));
    }
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(JwtError::Malformed("not three parts with `.` between them"));
    };
    let object = |part: &str| -> Result<Map<String, Value>, JwtError> {
        let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| JwtError::Malformed("a part is not base64url"))?;
        serde_json::from_slice(&bytes).map_err(|_| JwtError::Malformed("a part is no JSON object"))
    };
    let header = object(header)?;
    let algorithm = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    if !algorithm.eq_ignore_ascii_case("ed25519-nkey") {
        return Err(JwtError::Algorithm(algorithm.chars().take(32).collect()));
    }
    let mut data = object(payload)?;
    let key = |field: &'static str| {
        let text = data.get(field).and_then(Value::as_str).unwrap_or_default();
        PublicKey::parse(text).map_err(|source| JwtError::Key { field, source })
    };
    let (subject, issuer) = (key("sub")?, key("iss")?);
    let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
    let signature =
        BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| JwtError::Malformed("the signature is not base64url"))?;
    if !issuer.verify(signed.as_bytes(), &signature) {
        return Err(JwtError::Signature);
    }
    let number = |field: &str| data.get(field).and_then(Value::as_i64);
    let (issued_at, expires) = (number("iat").unwrap_or_default(), number("exp").filter(|end| *end > 0));
    let name = data.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(Value::Object(nats)) = data.remove("nats") else { return Err(JwtError::Malformed("it has no object `nats`")) };
    let kind = nats.get("type").and_then(Value::as_str).unwrap_or_default();
    let role = [Role::Operator, Role::Account, Role::User].into_iter().find(|role| role.name() == kind);
    let role = role.ok_or(JwtError::Malformed("it is of no type that a server knows"))?;
    if subject.role() != role {
        let source = NkeyError::Role { found: subject.role(), wanted: role };
        return Err(JwtError::Key { field: "subject", source });
    }
    let may_sign: &[Role] = match role {
        Role::Operator => &[Role::Operator],
        Role::Account => &[Role::Operator, Role::Account],
        _ => &[Role::Account],
    };
    if !may_sign.contains(&issuer.role()) {
        let wanted = if role == Role::User { Role::Account } else { Role::Operator };
        return Err(JwtError::Key { field: "issuer", source: NkeyError::Role { found: issuer.role(), wanted } });
    }
    Ok(Claims { role, name, subject, issuer, issued_at, expires, nats })
}

/// Reads a JWT of one type.
///
/// # Errors
/// [`JwtError`], [`JwtError::Type`] for another type.
pub fn read_as(token: &str, wanted: Role) -> Result<Claims, JwtError> {
    let claims = read(token)?;
    if claims.role == wanted { Ok(claims) } else { Err(JwtError::Type { found: claims.role.name().to_owned(), wanted }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_248_153;

    #[test]
    fn what_is_signed_is_read_and_a_changed_byte_is_noticed() {
        let (operator_key, account_key, user_key) = (
            KeyPair::generate(Role::Operator).unwrap(),
            KeyPair::generate(Role::Account).unwrap(),
            KeyPair::generate(Role::User).unwrap(),
        );
        let system = account_key.public();
        let operator_token = sign(&operator_key, &operator_key.public(), "op", operator(Some(&system), &[]), NOW, None);
        let account_token = sign(&operator_key, &system, "APP", account(true, &[], None), NOW, None);
        let user_token = sign(&account_key, &user_key.public(), "me", user(None, &[], None), NOW, Some(NOW + 60));
        let (top, middle) = (read(&operator_token).unwrap(), read_as(&account_token, Role::Account).unwrap());
        let bottom = read_as(&user_token, Role::User).unwrap();
        assert!(top.signed(&middle) && middle.signed(&bottom) && !middle.signed(&top));
        assert_eq!((top.text("system_account"), top.name.as_str()), (system.to_string().as_str(), "op"));
        assert!(!bottom.is_expired(NOW + 60) && bottom.is_expired(NOW + 61) && !top.is_expired(i64::MAX));
        assert!(matches!(read_as(&user_token, Role::Account), Err(JwtError::Type { .. })));

        let (body, signature) = user_token.rsplit_once('.').unwrap();
        let (_, other) = account_token.rsplit_once('.').unwrap();
        assert_eq!(read(&format!("{body}.{other}")), Err(JwtError::Signature));
        assert!(read(&format!("{body}x.{signature}")).is_err());
        for text in ["", "a.b", "a.b.c", "a.b.c.d", &user_token[..40]] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_user_is_not_signed_by_an_operator_and_an_operator_not_by_an_account() {
        let (operator_key, account_key) = (KeyPair::generate(Role::Operator).unwrap(), KeyPair::generate(Role::Account).unwrap());
        let user_key = KeyPair::generate(Role::User).unwrap().public();
        let token = sign(&operator_key, &user_key, "", user(None, &[], None), NOW, None);
        assert!(matches!(read(&token), Err(JwtError::Key { field: "issuer", .. })));
        let token = sign(&account_key, &operator_key.public(), "", operator(None, &[]), NOW, None);
        assert!(matches!(read(&token), Err(JwtError::Key { field: "issuer", .. })));
    }

    #[test]
    fn further_keys_sign_and_may_be_the_only_ones() {
        let (main, further) = (KeyPair::generate(Role::Operator).unwrap(), KeyPair::generate(Role::Operator).unwrap());
        let account_key = KeyPair::generate(Role::Account).unwrap().public();
        let mut nats = operator(None, &[further.public()]);
        let token = |signer: &KeyPair| sign(signer, &account_key, "A", account(false, &[], None), NOW, None);
        let (by_main, by_further) = (read(&token(&main)).unwrap(), read(&token(&further)).unwrap());
        let claims = read(&sign(&main, &main.public(), "", nats.clone(), NOW, None)).unwrap();
        assert!(claims.signed(&by_main) && claims.signed(&by_further));
        nats.insert("strict_signing_key_usage".to_owned(), true.into());
        let claims = read(&sign(&main, &main.public(), "", nats, NOW, None)).unwrap();
        assert!(!claims.signed(&by_main) && claims.signed(&by_further));
    }
}

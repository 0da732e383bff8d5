//! Values that come in more than one part: a private half and what follows from it.
//!
//! The private half decides. What is missing of the rest is made from it again; what is there and does not belong to it is drift.

use core::net::IpAddr;

use time::{Duration, OffsetDateTime};

use super::generate::Error;
use super::kinds::{CertificateKey, KeyAlgorithm, Keypair, Kind, NkeyRole, X509};
use super::model::Role;
use super::ssh;
use crate::age;
use crate::crypto::issue::{self, Key};
use crate::crypto::rsa::PrivateKey;
use crate::crypto::x509::Certificate;
use crate::nats::nkey;
use crate::secret::{SecretBytes, SecretString};

/// Bits of an RSA key if none are said.
const RSA_BITS: usize = 2048;
/// Bits of a sealing key if none are said.
const SEALING_BITS: usize = 4096;

/// The authority that signs a certificate: its certificate and its key, in PEM.
#[derive(Clone, Copy)]
pub struct Authority<'a> {
    /// The certificate.
    pub certificate: &'a SecretBytes,
    /// The key.
    pub key: &'a SecretBytes,
}

fn other(error: impl std::fmt::Display) -> Error {
    Error::Other(error.to_string())
}

fn bytes(text: String) -> SecretBytes {
    SecretString::new(text).into()
}

/// Makes a new private half. `None` for kinds that have none.
///
/// # Errors
/// [`Error`].
pub fn main(kind: &Kind, now: OffsetDateTime) -> Result<Option<SecretBytes>, Error> {
    Ok(Some(match kind {
        Kind::Keypair(keypair) => keypair_private(keypair)?,
        Kind::Age(_) => {
            let (identity, recipient) = age::generate().map_err(other)?;
            let created = now.replace_nanosecond(0).unwrap_or(now);
            let created = created.format(&time::format_description::well_known::Rfc3339).map_err(other)?;
            bytes(format!("# created: {created}\n# public key: {recipient}\n{}\n", identity.expose()))
        }
        Kind::X509(x509) if x509.sealing_key => PrivateKey::generate(x509.bits.unwrap_or(SEALING_BITS))?.to_pkcs1_pem()?.into(),
        Kind::X509(x509) => {
            let kind = match x509.algorithm {
                CertificateKey::EcdsaP256 => issue::Kind::EcdsaP256,
                CertificateKey::Ed25519 => issue::Kind::Ed25519,
                CertificateKey::Rsa => issue::Kind::Rsa(x509.bits.unwrap_or(RSA_BITS)),
            };
            Key::generate(kind)?.pem().clone().into()
        }
        Kind::Nkey(spec) => nkey::KeyPair::generate(role(spec.role)).map_err(other)?.seed().into(),
        _ => return Ok(None),
    }))
}

fn role(role: NkeyRole) -> nkey::Role {
    match role {
        NkeyRole::User => nkey::Role::User,
        NkeyRole::Account => nkey::Role::Account,
        NkeyRole::Operator => nkey::Role::Operator,
    }
}

fn keypair_private(keypair: &Keypair) -> Result<SecretBytes, Error> {
    let bits = keypair.bits.unwrap_or(RSA_BITS);
    Ok(match keypair.algorithm {
        KeyAlgorithm::Rsa => Key::generate(issue::Kind::Rsa(bits))?.pem().clone().into(),
        KeyAlgorithm::Ed25519 => Key::generate(issue::Kind::Ed25519)?.pem().clone().into(),
        KeyAlgorithm::SshEd25519 => ssh::ed25519(&keypair.comment)?.0.into(),
        KeyAlgorithm::SshRsa => ssh::rsa(bits, &keypair.comment)?.0.into(),
    })
}

/// Makes another part from the private half. A certificate comes out different each time.
///
/// # Errors
/// [`Error`], when the private half is not what it should be.
pub fn part(
    kind: &Kind,
    wanted: Role,
    main: &SecretBytes,
    authority: Option<Authority<'_>>,
    now: OffsetDateTime,
) -> Result<SecretBytes, Error> {
    let text = || main.clone().into_text().map_err(|_| other("the private half is not text"));
    match (kind, wanted) {
        (Kind::Keypair(keypair), _) => match keypair.algorithm {
            KeyAlgorithm::Rsa | KeyAlgorithm::Ed25519 => Ok(bytes(Key::from_pem(main.expose())?.public_pem())),
            KeyAlgorithm::SshEd25519 | KeyAlgorithm::SshRsa => {
                let line = ssh::public_line(main, &keypair.comment);
                line.map(bytes).ok_or_else(|| other("the private half is no OpenSSH key without a passphrase"))
            }
        },
        (Kind::Age(_), _) => {
            let identities = age::parse_identities(main.expose(), age::Layout::Lines, "the identity").map_err(other)?;
            let recipient = identities.first().and_then(age::Identity::recipient);
            recipient.map(bytes).ok_or_else(|| other("there is no age identity in the private half"))
        }
        (Kind::Nkey(spec), _) => {
            let pair = nkey::KeyPair::from_seed_as(text()?.expose().trim(), role(spec.role)).map_err(other)?;
            Ok(bytes(pair.public().to_string()))
        }
        (Kind::X509(x509), Role::Certificate) => certificate(x509, main, authority, now),
        (Kind::X509(_), Role::Authority) => match authority {
            Some(authority) => Ok(authority.certificate.clone()),
            None => Err(other("a certificate that signs itself has no authority: leave `outputs.ca` out")),
        },
        _ => Err(other("there is no such part")),
    }
}

fn certificate(
    x509: &X509,
    key: &SecretBytes,
    authority: Option<Authority<'_>>,
    now: OffsetDateTime,
) -> Result<SecretBytes, Error> {
    if x509.sealing_key {
        let key = PrivateKey::from_pem(key.expose())?;
        return Ok(bytes(Certificate::self_signed(&key, &x509.cn, now, Duration::days(x509.days.into()))?.pem()));
    }
    let (addresses, names) = x509.sans.iter().partition::<Vec<_>, _>(|san| san.parse::<IpAddr>().is_ok());
    let request = issue::Request {
        common_name: x509.cn.clone(),
        addresses: addresses.iter().filter_map(|san| san.parse().ok()).collect(),
        names: names.into_iter().cloned().collect(),
        not_before: now,
        not_after: now + Duration::days(x509.days.into()),
        authority: x509.is_ca,
    };
    let key = Key::from_pem(key.expose())?;
    let made = match authority {
        None => issue::issue(&request, &key, None)?,
        Some(authority) => {
            let signer = Key::from_pem(authority.key.expose())?;
            if !issue::belongs_to(authority.certificate.expose(), &signer) {
                return Err(other("the certificate and the key of its authority do not belong together"));
            }
            issue::issue(&request, &key, Some((authority.certificate.expose(), &signer)))?
        }
    };
    Ok(bytes(made))
}

/// Whether a part that is there belongs to the private half.
///
/// # Errors
/// [`Error`], when the private half is not what it should be.
pub fn fits(
    kind: &Kind,
    role: Role,
    main: &SecretBytes,
    there: &SecretBytes,
    authority: Option<Authority<'_>>,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    match (kind, role) {
        (Kind::X509(_), Role::Certificate) => Ok(issue::belongs_to(there.expose(), &Key::from_pem(main.expose())?)),
        _ => {
            let expected = part(kind, role, main, authority, now)?;
            Ok(expected.expose().trim_ascii() == there.expose().trim_ascii())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: OffsetDateTime = time::macros::datetime!(2026-01-02 03:04:05.6 UTC);

    fn kind(value: serde_json::Value) -> Kind {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn every_public_half_follows_from_its_private_half() {
        for (value, role, start) in [
            (json!({ "keypair": { "algorithm": "rsa" } }), Role::Public, "-----BEGIN PUBLIC KEY-----"),
            (json!({ "keypair": { "algorithm": "ed25519" } }), Role::Public, "-----BEGIN PUBLIC KEY-----"),
            (json!({ "keypair": { "algorithm": "ssh-ed25519", "comment": "c" } }), Role::Public, "ssh-ed25519 AAAA"),
            (json!({ "keypair": { "algorithm": "ssh-rsa" } }), Role::Public, "ssh-rsa AAAA"),
            (json!({ "age": {} }), Role::Public, "age1"),
            (json!({ "nkey": { "role": "account" } }), Role::Public, "A"),
            (json!({ "x509": { "cn": "a" } }), Role::Certificate, "-----BEGIN CERTIFICATE-----"),
        ] {
            let kind = kind(value);
            let (one, two) = (main(&kind, NOW).unwrap().unwrap(), main(&kind, NOW).unwrap().unwrap());
            let public = part(&kind, role, &one, None, NOW).unwrap();
            assert!(std::str::from_utf8(public.expose()).unwrap().starts_with(start), "{kind:?}");
            assert!(fits(&kind, role, &one, &public, None, NOW).unwrap(), "{kind:?}");
            assert!(!fits(&kind, role, &two, &public, None, NOW).unwrap(), "{kind:?}");
        }
    }

    #[test]
    fn a_certificate_is_signed_by_its_authority_and_carries_its_names() {
        let ca = kind(json!({ "x509": { "cn": "Root", "isCA": true } }));
        let ca_key = main(&ca, NOW).unwrap().unwrap();
        let ca_cert = part(&ca, Role::Certificate, &ca_key, None, NOW).unwrap();
        let authority = Authority { certificate: &ca_cert, key: &ca_key };
        let leaf = kind(json!({ "x509": { "ca": "ca", "sans": ["a.example", "10.0.0.1"], "outputs": { "ca": "ca.crt" } } }));
        let key = main(&leaf, NOW).unwrap().unwrap();
        let made = part(&leaf, Role::Certificate, &key, Some(authority), NOW).unwrap();
        assert!(fits(&leaf, Role::Certificate, &key, &made, Some(authority), NOW).unwrap());
        assert_eq!(part(&leaf, Role::Authority, &key, Some(authority), NOW).unwrap(), ca_cert);
        assert!(part(&leaf, Role::Authority, &key, None, NOW).is_err());
        let other_key = main(&ca, NOW).unwrap().unwrap();
        let wrong = Authority { certificate: &ca_cert, key: &other_key };
        assert!(part(&leaf, Role::Certificate, &key, Some(wrong), NOW).is_err());
    }
}

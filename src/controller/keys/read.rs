//! One key Secret: the key in it, its certificate, and what is wrong with it (`sealed-secrets.md` §1.3).
//!
//! A key that is whole opens values whatever its certificate is: the reference asks no more, and a key that is dropped is data
//! lost. A certificate that is missing, broken or of another key only keeps the key from being the newest, since what would be
//! sealed with it could not be opened.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::cluster::secrets::ClusterSecret;
use crate::crypto::rsa::PrivateKey;
use crate::crypto::x509::{Certificate, Validity};

/// A key Secret that can be used.
#[derive(Clone)]
pub(super) struct KeyEntry {
    /// Name of the Secret.
    pub(super) name: String,
    /// The key.
    pub(super) key: PrivateKey,
    /// The certificate of this key and the PEM text that is served for it, with the further certificates of the Secret.
    pub(super) certificate: Option<(Certificate, Arc<str>)>,
    /// When the Secret was made.
    pub(super) created: OffsetDateTime,
    /// What the people who look after it should know.
    pub(super) warning: Option<String>,
}

impl std::fmt::Debug for KeyEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyEntry").field("name", &self.name).field("created", &self.created).finish_non_exhaustive()
    }
}

/// Reads a key Secret.
///
/// # Errors
/// What is wrong with it, when there is no usable key in it.
pub(super) fn read(secret: &ClusterSecret, now: OffsetDateTime) -> Result<KeyEntry, String> {
    let name = secret.metadata.name.clone().unwrap_or_default();
    let created = secret.metadata.creation_timestamp.as_ref().map_or(now, |time| instant(time.0.as_second()));
    let pem = secret.data.get("tls.key").ok_or("it has no tls.key")?;
    let key = PrivateKey::from_pem(pem.expose()).map_err(|error| format!("tls.key: {error}"))?;
    let (certificate, warning) = match certificate(secret, &key) {
        Err(reason) => (None, Some(format!("{reason}; its key opens what was sealed for it, and nothing new is sealed for it"))),
        Ok((certificate, text)) => {
            let warning = match certificate.validity(now) {
                Validity::Expired => Some("its certificate has expired: kubeseal refuses it".to_owned()),
                Validity::Valid | Validity::NotYetValid => None,
            };
            (Some((certificate, text)), warning)
        }
    };
    Ok(KeyEntry { name, key, certificate, created, warning })
}

fn certificate(secret: &ClusterSecret, key: &PrivateKey) -> Result<(Certificate, Arc<str>), String> {
    let pem = secret.data.get("tls.crt").ok_or("it has no tls.crt")?;
    let first = Certificate::parse_pem_first(pem.expose()).map_err(|error| format!("tls.crt: {error}"))?;
    if first.public_key() != key.public_key() {
        return Err("tls.crt is the certificate of another key than tls.key".to_owned());
    }
    // The first one counts; one behind it that does not parse is left out.
    let all = Certificate::parse_pem_all(pem.expose()).unwrap_or_else(|_| vec![first.clone()]);
    let text: String = all.iter().map(Certificate::pem).collect();
    Ok((first, text.into()))
}

fn instant(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::crypto::test_keys;
    use crate::secret::SecretBytes;

    /// A key Secret made at a time, with a certificate valid for a day from then.
    pub(in crate::controller::keys) fn key_secret(name: &str, key: &PrivateKey, start: OffsetDateTime) -> ClusterSecret {
        let certificate = Certificate::self_signed(key, "", start, time::Duration::days(1)).unwrap();
        let mut secret = ClusterSecret::default();
        secret.metadata.name = Some(name.to_owned());
        secret.data.insert("tls.key".to_owned(), key.to_pkcs1_pem().unwrap().into());
        secret.data.insert("tls.crt".to_owned(), SecretBytes::new(certificate.pem().into_bytes()));
        secret
    }

    const START: OffsetDateTime = time::macros::datetime!(2026-11-01 00:00:00 UTC);

    fn changed(change: impl FnOnce(&mut ClusterSecret)) -> Result<KeyEntry, String> {
        let mut secret = key_secret("k", test_keys::first(), START);
        change(&mut secret);
        read(&secret, START)
    }

    #[test]
    fn a_whole_one_has_key_certificate_and_text() {
        let entry = changed(|_| ()).unwrap();
        let (certificate, text) = entry.certificate.unwrap();
        assert_eq!(certificate.public_key(), entry.key.public_key());
        assert_eq!(&*text, certificate.pem());
        assert_eq!(entry.warning, None);
    }

    #[test]
    fn without_a_usable_key_the_reason_is_said() {
        assert_eq!(changed(|s| _ = s.data.remove("tls.key")).unwrap_err(), "it has no tls.key");
        let bad = |text: &'static str| changed(|s| _ = s.data.insert("tls.key".into(), SecretBytes::copy_of(text.as_bytes())));
        assert!(bad("junk").unwrap_err().starts_with("tls.key: no private key found"));
        let ec = include_str!("../../../keys/test-only-ec.key.pem");
        assert_eq!(bad(ec).unwrap_err(), "tls.key: not an RSA key: this is an elliptic-curve key");
    }

    #[test]
    fn a_certificate_that_cannot_be_used_keeps_the_key_for_opening_only() {
        let entry = changed(|s| _ = s.data.remove("tls.crt")).unwrap();
        assert!(entry.certificate.is_none() && entry.warning.unwrap().starts_with("it has no tls.crt; its key opens"));
        let other = key_secret("o", test_keys::second(), START).data["tls.crt"].clone();
        let entry = changed(|s| _ = s.data.insert("tls.crt".into(), other)).unwrap();
        assert!(entry.certificate.is_none() && entry.warning.unwrap().starts_with("tls.crt is the certificate of another key"));
        let entry = changed(|s| _ = s.data.insert("tls.crt".into(), SecretBytes::copy_of(b"junk"))).unwrap();
        assert!(entry.certificate.is_none());
    }

    #[test]
    fn an_expired_certificate_is_reported_and_still_served() {
        let secret = key_secret("k", test_keys::first(), START);
        let entry = read(&secret, START + time::Duration::days(2)).unwrap();
        assert!(entry.certificate.is_some());
        assert_eq!(entry.warning.as_deref(), Some("its certificate has expired: kubeseal refuses it"));
    }
}

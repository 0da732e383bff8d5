//! A new key: the pair, its certificate and its key Secret as the reference writes it.

use std::time::Duration;

use time::OffsetDateTime;

use crate::cluster::secrets::{ClusterSecret, Secrets};
use crate::controller::config::KeySettings;
use crate::crypto::rsa::PrivateKey;
use crate::crypto::x509::Certificate;
use crate::seal::keys::{KEY_LABEL, KeyName, key_secret};

/// Why there is no new key.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The pair or its certificate could not be made.
    #[error("{0}")]
    Make(String),
    /// The key Secret could not be written.
    #[error("cannot write the key Secret")]
    Write(#[source] Box<kube::Error>),
}

/// Makes a key, on a thread where it does not hold up others, and writes its Secret. Gives the Secret as written and the PEM of
/// the certificate.
pub(super) async fn generate(
    settings: &KeySettings,
    namespace: &str,
    secrets: &Secrets,
) -> Result<(ClusterSecret, String), Error> {
    let (bits, common_name, ttl) = (settings.bits, settings.common_name.clone(), settings.ttl);
    let made = tokio::task::spawn_blocking(move || make(bits, &common_name, ttl, OffsetDateTime::now_utc())).await;
    let (key, certificate) = made.map_err(|_| Error::Make("making a key failed".to_owned()))??;
    let name = KeyName::Generate(&settings.prefix);
    let mut secret = key_secret(&key, &certificate, namespace, name).map_err(|error| Error::Make(error.to_string()))?;
    secret.metadata.annotations.extend(settings.annotations.iter().cloned());
    let labels = settings.labels.iter().filter(|(label, _)| label != KEY_LABEL);
    secret.metadata.labels.extend(labels.cloned());
    let mut secret = ClusterSecret::try_from(secret).map_err(|error| Error::Make(error.to_string()))?;
    secret.metadata = secrets.create(&secret).await.map_err(|error| Error::Write(Box::new(error)))?;
    Ok((secret, certificate.pem()))
}

fn make(bits: usize, common_name: &str, ttl: Duration, now: OffsetDateTime) -> Result<(PrivateKey, Certificate), Error> {
    let failed = |error: crate::crypto::Error| Error::Make(error.to_string());
    let key = PrivateKey::generate(bits).map_err(failed)?;
    let ttl = time::Duration::try_from(ttl).map_err(|_| Error::Make("--key-ttl is too long".to_owned()))?;
    let certificate = Certificate::self_signed(&key, common_name, now, ttl).map_err(failed)?;
    Ok((key, certificate))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_cannot_be_made_says_why() {
        let now = OffsetDateTime::UNIX_EPOCH;
        assert!(make(1234, "", Duration::from_secs(1), now).unwrap_err().to_string().contains("1234 bits"));
        assert!(make(2048, "", Duration::from_secs(u64::MAX), now).unwrap_err().to_string().contains("--key-ttl"));
    }
}

//! Why a request to the API server failed, in words for people.
//!
//! What the API server itself says is passed on as it says it: `services "x" is forbidden: User "u" cannot get resource "services" in
//! API group "" in the namespace "n"` cannot be said better. What happened on the way to it is told in our own words, with the address.

use std::error::Error as StdError;
use std::io;

/// A request that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// Nobody answers at the address.
    #[error("cannot reach the API server {server}: {cause}")]
    Unreachable {
        /// Its address.
        server: String,
        /// What the system said.
        cause: String,
    },
    /// Somebody answers who cannot show that it is the API server.
    #[error("the certificate of the API server {server} is not trusted: {cause}")]
    Untrusted {
        /// Its address.
        server: String,
        /// What is wrong with the certificate.
        cause: String,
    },
    /// The connection is there and no answer comes.
    #[error("the API server {server} did not answer in time")]
    TimedOut {
        /// Its address.
        server: String,
    },
    /// There are no credentials to send: a plugin failed, a file is missing.
    #[error("cannot log in to the cluster: {0}")]
    Credentials(String),
    /// The API server, or a service behind it, refused.
    #[error("{message}")]
    Refused {
        /// HTTP status.
        code: u16,
        /// What it said.
        message: String,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Trouble {
    /// Why a request to this server failed.
    #[must_use]
    pub fn of(error: &kube::Error, server: &str) -> Self {
        if let kube::Error::Api(status) = error {
            let message = Some(status.message.clone()).filter(|text| !text.is_empty()).unwrap_or_else(|| status.reason.clone());
            return Self::Refused { code: status.code, message };
        }
        if let kube::Error::Auth(error) = error {
            return Self::Credentials(chain(error));
        }
        let server = server.to_owned();
        let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(tls) = find_tls(error) {
                return match tls {
                    rustls::Error::InvalidCertificate(problem) => Self::Untrusted { server, cause: certificate(problem) },
                    other => Self::Unreachable { server, cause: format!("TLS: {other}") },
                };
            }
            if let Some(system) = error.downcast_ref::<io::Error>() {
                match system.kind() {
                    io::ErrorKind::TimedOut => return Self::TimedOut { server },
                    // A wrapper; what matters is inside.
                    io::ErrorKind::Other if system.get_ref().is_some() => {}
                    _ => return Self::Unreachable { server, cause: system.to_string() },
                }
            }
            cause = error.source();
        }
        let text = chain(error);
        match text.contains("dns error") || text.contains("connect") {
            true => Self::Unreachable { server, cause: text },
            false => Self::Other(format!("the request to the API server {server} failed: {text}")),
        }
    }

    /// HTTP status of a refusal.
    #[must_use]
    pub fn code(&self) -> Option<u16> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unreachable { .. } | Self::TimedOut { .. } => Some(
                "is the cluster up, and is this the right context? `kubectl config current-context` shows which one is meant",
            ),
            Self::Untrusted { .. } => Some(
                "the kubeconfig's certificate-authority-data, or --certificate-authority, must hold the authority that issued it",
            ),
            Self::Refused { code: 401, .. } => {
                Some("the token or certificate of this user has expired or is wrong: log in again")
            }
            Self::Refused { code: 403, .. } => {
                Some("the user lacks this right; `kubectl auth can-i --list` shows which ones there are")
            }
            _ => None,
        }
    }
}

/// Most characters of what a credential plugin said.
const MAX_SAID: usize = 500;

/// The TLS error that an error wraps, however often.
fn find_tls<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls);
    }
    find_tls(error.downcast_ref::<io::Error>()?.get_ref()?)
}

fn certificate(problem: &rustls::CertificateError) -> String {
    match problem {
        rustls::CertificateError::UnknownIssuer => "nobody whom the kubeconfig trusts has issued it".to_owned(),
        rustls::CertificateError::Expired | rustls::CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        rustls::CertificateError::NotValidForName | rustls::CertificateError::NotValidForNameContext { .. } => {
            "it is for another name".to_owned()
        }
        other => other.to_string(),
    }
}

/// An error and its sources on one line, each text once. What a credential plugin was given and what it answered is left out.
#[must_use]
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = String::new();
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(plugin) = find_auth(error) {
            return plugin;
        }
        cause = error.source();
    }
    cause = Some(error);
    while let Some(error) = cause {
        let cause_text = error.to_string();
        if text.is_empty() {
            text = cause_text;
        } else if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        cause = error.source();
    }
    text
}

/// What is to be said about a credential plugin that failed. The library's own words repeat its variables and its standard output,
/// where a token may stand; what it wrote to standard error is meant for people.
fn find_auth(error: &(dyn StdError + 'static)) -> Option<String> {
    use kube::client::AuthError;
    match error.downcast_ref::<AuthError>()? {
        AuthError::AuthExecRun { out, .. } => {
            let said: String = String::from_utf8_lossy(&out.stderr).trim().chars().take(MAX_SAID).collect();
            let colon = if said.is_empty() { "" } else { ": " };
            Some(format!("the credential plugin of the kubeconfig failed ({}){colon}{said}", out.status))
        }
        AuthError::AuthExecParse(_) => Some("the answer of the kubeconfig's credential plugin is no ExecCredential".to_owned()),
        _ => None,
    }
}

//! The certificate to seal with: from a file or a URL, and fit for use today.
//!
//! A certificate that expired, is not valid yet, is no certificate or has no RSA key stops the command before it asks for a
//! value. Of a bundle the first certificate counts, as in kubeseal, and a warning names how many others there are.

use std::path::Path;

use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::io::read;
use super::report::{Context, Failure};
use super::settings::{Set, Settings};
use super::{Io, fetch};
use crate::crypto::x509::{Certificate, Validity};

/// Whether `--cert` means a URL: a scheme of more than one letter (one letter is a Windows drive) and `:`. As kubeseal decides.
#[must_use]
pub fn is_url(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
    })
}

/// The path or URL as messages show it: without a password.
#[must_use]
pub fn shown(source: &str) -> String {
    if is_url(source) { fetch::shown(source) } else { source.to_owned() }
}

/// Reads the bytes behind a path or URL.
///
/// # Errors
/// When the file or URL cannot be read, or comes without TLS from another machine; the failure names it.
pub fn read(source: &str, io: &Io) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if let Some(path) = source.strip_prefix("file://") {
        return read::file(Path::new(path), read::MAX_DOCUMENT).context(|| format!("cannot read the certificate {source}"));
    }
    if is_url(source) {
        if fetch::is_open_to_others(source) {
            return Err(Failure::new("over http:// anybody on the way can put a certificate of theirs in its place")
                .wrap(format_args!("cannot fetch the certificate {}", shown(source)))
                .with_hint("use https://, or fetch it once, compare its fingerprint and keep it in git"));
        }
        return fetch::get(source, read::MAX_DOCUMENT).context(|| format!("cannot fetch the certificate {}", shown(source)));
    }
    read::file(&io.path(source), read::MAX_DOCUMENT).context(|| format!("cannot read the certificate {source}"))
}

/// The certificate that the settings name, fit for sealing now.
///
/// # Errors
/// When they name none (exit code 2), and as [`for_sealing`].
pub fn required(settings: &Settings, io: &mut Io) -> Result<Certificate, Failure> {
    let Some(Set { value, origin }) = &settings.certificate else {
        return Err(Failure::usage("no certificate to seal with")
            .with_hint(
                "give one with --cert FILE or HECATE_SEAL_CERT, or name it in .hecate-seal.yaml (`hecate-seal init` writes a first one)",
            )
            .with_hint("`kubeseal --fetch-cert > pub.pem` gets it from a cluster"));
    };
    io.detail(format!("certificate {} (from {origin})", shown(value)));
    for_sealing(value, io)
}

/// Reads a certificate and checks that values may be sealed with it now.
///
/// # Errors
/// Unreadable, no certificate, no RSA key, outside of its dates.
pub fn for_sealing(source: &str, io: &mut Io) -> Result<Certificate, Failure> {
    let certificate = load(source, io)?;
    match certificate.validity(io.now) {
        Validity::Valid => {}
        Validity::Expired => {
            let (source, day) = (shown(source), date(certificate.not_after()));
            return Err(Failure::new(format_args!("the certificate {source} expired on {day}")).with_hint(
                "the controller makes a new key every 30 days: fetch its current certificate with `kubeseal --fetch-cert`",
            ));
        }
        Validity::NotYetValid => {
            return Err(Failure::new(format_args!(
                "the certificate {} is not valid before {}",
                shown(source),
                date(certificate.not_before())
            ))
            .with_hint("check the clock of this machine, and of the one that made the certificate"));
        }
    }
    Ok(certificate)
}

/// Reads a certificate whatever its dates are.
///
/// # Errors
/// Unreadable, no certificate, no RSA key.
pub fn load(source: &str, io: &mut Io) -> Result<Certificate, Failure> {
    let bytes = read(source, io)?;
    let certificate = Certificate::parse_pem_first(&bytes).context(|| format!("cannot use the certificate {}", shown(source)))?;
    if certificate.others_in_file() > 0 {
        io.warn(format!(
            "{} holds {} certificates: the first one is used, {}",
            shown(source),
            certificate.others_in_file() + 1,
            certificate.public_key().fingerprint()
        ));
    }
    Ok(certificate)
}

/// A day as people read it everywhere: `2034-05-01`.
#[must_use]
pub fn date(at: OffsetDateTime) -> String {
    at.to_offset(time::UtcOffset::UTC).date().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_of_more_than_one_letter_makes_a_url() {
        assert!(is_url("https://x/y.pem") && is_url("file:///a") && is_url("HTTP://x"));
        assert!(!is_url("c:\\cert.pem") && !is_url("etc/certs/a.pem") && !is_url("./a:b") && !is_url(":x") && !is_url("1a:b"));
    }

    #[test]
    fn dates_are_days() {
        assert_eq!(date(time::macros::datetime!(2034-05-01 23:59:59 -3)), "2034-05-02");
    }
}

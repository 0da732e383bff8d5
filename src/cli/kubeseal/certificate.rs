//! The certificate of `--cert`: a file or URL, the first certificate of it, not expired (`sealed-secrets.md` §2.3).

use std::path::Path;

use time::macros::format_description;
use zeroize::Zeroizing;

use super::files::{open, system_says};
use super::online;
use super::settings::Settings;
use crate::cli::io::read::{self, ReadError};
use crate::cli::report::{Context, Failure};
use crate::cli::{Io, Outcome, certificate, fetch};
use crate::crypto::Error;
use crate::crypto::x509::{Certificate, Validity};

/// Largest certificate file: bundles of thousands fit.
const MAX_CERTIFICATE: u64 = 4 << 20;

/// Path or URL of the certificate: `--cert`, else what `.hecate-seal.yaml` names for the current folder. The settings file is not
/// asked when a flag says which cluster is meant, nor by `--fetch-cert`, which is how its certificate is renewed.
fn source(settings: &Settings, io: &mut Io) -> Result<Source, Failure> {
    if !settings.cert.is_empty() {
        return Ok(Source::Named(settings.cert.clone()));
    }
    if !settings.fetch_cert
        && !settings.names_cluster
        && let Some(found) = crate::cli::settings::Settings::certificate(None, io)?
    {
        if io.stderr_is_terminal {
            io.note(format!("sealing with the certificate {} ({})", certificate::shown(&found.value), found.origin));
        }
        return Ok(Source::Named(found.value));
    }
    Ok(Source::Controller)
}

/// Where the certificate comes from.
enum Source {
    /// Path or URL.
    Named(String),
    /// The controller, through the API server.
    Controller,
}

/// The bytes of the certificate, and what errors call it.
fn fetched(settings: &Settings, io: &mut Io) -> Result<(Zeroizing<Vec<u8>>, String), Failure> {
    match source(settings, io)? {
        Source::Named(name) => Ok((read(&name, io)?, certificate::shown(&name))),
        Source::Controller => {
            let bytes = online::certificate(settings, io).map_err(|failure| {
                let hint = "to seal without the cluster: --cert FILE or --cert URL, SEALED_SECRETS_CERT, or .hecate-seal.yaml";
                if settings.fetch_cert { failure } else { failure.with_hint(hint) }
            })?;
            Ok((Zeroizing::new(bytes), "the controller's certificate".to_owned()))
        }
    }
}

/// The bytes behind a path or URL.
fn read(source: &str, io: &mut Io) -> Result<Zeroizing<Vec<u8>>, Failure> {
    if !certificate::is_url(source) {
        return open(&io.path(source), source, MAX_CERTIFICATE);
    }
    let shown = certificate::shown(source);
    let cannot = |reason: &str| Failure::new(format_args!("cannot fetch {shown:?}: {reason}"));
    let (scheme, rest) = source.split_once(':').unwrap_or_default();
    match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => {
            if fetch::is_open_to_others(source) {
                io.warn(format!("{shown}: over http:// anybody on the way can put a certificate of theirs in its place"));
            }
            fetch::get(source, MAX_CERTIFICATE).context(|| format!("cannot fetch {shown:?}"))
        }
        "file" => {
            let path = file_path(rest).ok_or_else(|| cannot("it is no path"))?;
            read::file(Path::new(&path), MAX_CERTIFICATE).map_err(|error| match error {
                ReadError::Io(error) => cannot(&system_says(&error)),
                other => cannot(&other.to_string()),
            })
        }
        _ => Err(Failure::new(format_args!("Get {shown:?}: unsupported protocol scheme {scheme:?}"))),
    }
}

/// The path of a `file:` URL: a host is ignored, as are query and fragment; `%41` is `A`.
fn file_path(rest: &str) -> Option<String> {
    let path = match rest.strip_prefix("//") {
        Some(rest) => rest.find('/').map_or("/", |at| rest.get(at..).unwrap_or_default()),
        None => rest,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        if byte == b'%' {
            let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok())?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(byte);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok().filter(|path| path.starts_with('/'))
}

/// The certificate to seal with.
pub(super) fn for_sealing(settings: &Settings, io: &mut Io) -> Result<Certificate, Failure> {
    let (bytes, source) = fetched(settings, io)?;
    let certificate = Certificate::parse_pem_first(&bytes).map_err(|error| match error {
        Error::NoCertificate(_) => {
            Failure::new(format_args!("data does not contain any valid RSA or ECDSA certificates: {error} ({source})"))
        }
        Error::NotRsa(found) => Failure::new(format_args!("expected RSA public key but found {found} ({source})")),
        other => Failure::new(format_args!("{source}: {other}")),
    })?;
    match certificate.validity(io.now) {
        Validity::Expired => {
            let day = format_description!("[month repr:long] [day padding:none], [year]");
            let date = certificate.not_after().format(day).unwrap_or_default();
            return Err(Failure::new(format_args!("failed to encrypt using an expired certificate on {date}")).with_hint(
                "the controller still opens what it sealed before; fetch its current certificate and seal with that",
            ));
        }
        // The peer does not look; the cluster opens what is sealed, whatever its clock says.
        Validity::NotYetValid => io.warn(format!("{source}: the certificate is not valid yet; is the clock right?")),
        Validity::Valid => {}
    }
    let others = certificate.others_in_file();
    if others > 0 && io.stderr_is_terminal {
        io.note(format!("{source} holds {others} more certificates; the first one is used, as kubeseal does"));
    }
    Ok(certificate)
}

/// `--fetch-cert`: the bytes as they are, unparsed and whatever their dates.
pub(super) fn fetch_cert(settings: &Settings, io: &mut Io) -> Outcome {
    let (bytes, _) = fetched(settings, io)?;
    super::output::write(settings, io, &bytes)
}

#[cfg(test)]
mod tests {
    use super::file_path;

    #[test]
    fn file_urls_name_absolute_paths() {
        assert_eq!(file_path("///etc/a%20b.pem?x#y").as_deref(), Some("/etc/a b.pem"));
        assert_eq!(file_path("//host/a.pem").as_deref(), Some("/a.pem"));
        assert_eq!(file_path("/a.pem").as_deref(), Some("/a.pem"));
        assert_eq!(file_path("//host").as_deref(), Some("/"));
        assert_eq!(file_path("a.pem"), None);
        assert_eq!(file_path("///a%zz"), None);
        assert_eq!(file_path("///a%f"), None);
    }
}

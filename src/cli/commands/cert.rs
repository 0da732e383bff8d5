//! `hecate-seal cert show|check`: what a certificate is, and whether it can still be sealed with. `cert fetch` is in
//! [`super::cert_fetch`].

use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

use crate::cli::args::{CertArgs, CertCommand, Format};
use crate::cli::certificate::{self, date};
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::cli::settings::Settings;
use crate::cli::{Io, output, report};
use crate::crypto::x509::{Certificate, Validity};

/// Runs the command.
///
/// # Errors
/// When a certificate cannot be read. `check` gives exit code 1 for one that is expired, will be soon, or is not valid yet.
pub fn run(args: CertArgs, io: &mut Io) -> Outcome {
    match args.command {
        CertCommand::Fetch(args) => super::cert_fetch::run(&args, io),
        CertCommand::Show { certificates, format } => show(&certificates, format, io),
        CertCommand::Check { certificates, within, format } => {
            let within = duration(&within).or_usage()?;
            check(&certificates, within, format, io)
        }
    }
}

/// The certificates that are named, or the one that the settings name.
fn sources(named: &[String], io: &mut Io) -> Result<Vec<String>, Failure> {
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    match Settings::certificate(None, io)? {
        Some(set) => Ok(vec![set.value]),
        None => Err(Failure::usage("no certificate is named").with_hint("give a file or URL, or name one in .hecate-seal.yaml")),
    }
}

/// Every certificate of a file or URL, in order.
fn all(source: &str, io: &Io) -> Result<Vec<Certificate>, Failure> {
    let bytes = certificate::read(source, io)?;
    Certificate::parse_pem_all(&bytes).context(|| format!("cannot use the certificate {}", certificate::shown(source)))
}

fn show(named: &[String], format: Format, io: &mut Io) -> Outcome {
    let mut text = String::new();
    let mut list = Vec::new();
    for source in sources(named, io)? {
        let certificates = all(&source, io)?;
        let several = certificates.len() > 1;
        for (index, certificate) in certificates.iter().enumerate() {
            list.push(as_json(&source, certificate, io.now));
            if !text.is_empty() {
                text.push('\n');
            }
            let source = certificate::shown(&source);
            let which = match (several, index) {
                (false, _) => source,
                (true, 0) => format!("{source} (number 1 of {}; this one is used)", certificates.len()),
                (true, _) => format!("{source} (number {} of {})", index + 1, certificates.len()),
            };
            text += &as_text(&which, certificate, io.now);
        }
    }
    match format {
        Format::Text => io.stdout.put(text)?,
        Format::Json => output::json(&Value::Array(list), io)?,
    }
    Ok(Exit::DONE)
}

fn check(named: &[String], within: Duration, format: Format, io: &mut Io) -> Outcome {
    let mut exit = Exit::DONE;
    let mut list = Vec::new();
    for source in sources(named, io)? {
        // Only the first of a bundle is ever sealed with.
        let certificate = certificate::load(&source, io)?;
        let left = certificate.not_after() - io.now;
        let problem = match certificate.validity(io.now) {
            Validity::Expired => Some(format!("expired on {}", date(certificate.not_after()))),
            Validity::NotYetValid => Some(format!("is not valid before {}", date(certificate.not_before()))),
            Validity::Valid if left < within => Some(format!("expires on {}, in {}", date(certificate.not_after()), days(left))),
            Validity::Valid => None,
        };
        if problem.is_some() {
            exit = Exit::FAILED;
        }
        match format {
            Format::Text => {
                let good = || format!("is valid until {}, {} left", date(certificate.not_after()), days(left));
                io.stdout.line(format!("{}: {}", certificate::shown(&source), problem.unwrap_or_else(good)))?;
            }
            Format::Json => {
                let mut entry = as_json(&source, &certificate, io.now);
                if let Some(entry) = entry.as_object_mut() {
                    entry.insert("problem".to_owned(), problem.map_or(Value::Null, Value::String));
                }
                list.push(entry);
            }
        }
    }
    if format == Format::Json {
        output::json(&Value::Array(list), io)?;
    }
    if exit == Exit::FAILED {
        io.hint("get the current certificate from the cluster with `hecate-seal cert fetch`");
    }
    Ok(exit)
}

fn as_text(which: &str, certificate: &Certificate, now: OffsetDateTime) -> String {
    let subject = Some(certificate.subject()).filter(|subject| !subject.is_empty()).unwrap_or("(empty)");
    let left = match certificate.validity(now) {
        Validity::Valid => format!("{} left", days(certificate.not_after() - now)),
        Validity::Expired => format!("expired {} ago", days(now - certificate.not_after())),
        Validity::NotYetValid => format!("not yet, in {}", days(certificate.not_before() - now)),
    };
    let key = certificate.public_key();
    [
        ("certificate", which.to_owned()),
        ("subject", subject.to_owned()),
        ("serial", certificate.serial_hex()),
        ("valid", format!("{} to {} ({left})", date(certificate.not_before()), date(certificate.not_after()))),
        ("key", format!("RSA, {} bits", key.bits())),
        ("fingerprint", format!("{} (of the key, as the controller logs it)", key.fingerprint())),
        ("sha256", format!("{} (of the certificate)", certificate.sha256_fingerprint())),
    ]
    .into_iter()
    .map(|(name, value)| format!("{name:<12} {}\n", report::one_line(&value)))
    .collect()
}

fn as_json(source: &str, certificate: &Certificate, now: OffsetDateTime) -> Value {
    let time = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
    json!({
        "source": certificate::shown(source),
        "subject": certificate.subject(),
        "serial": certificate.serial_hex(),
        "notBefore": time(certificate.not_before()),
        "notAfter": time(certificate.not_after()),
        "validity": match certificate.validity(now) {
            Validity::Valid => "valid",
            Validity::Expired => "expired",
            Validity::NotYetValid => "not-yet-valid",
        },
        "daysLeft": (certificate.not_after() - now).whole_days(),
        "keyBits": certificate.public_key().bits(),
        "keyFingerprint": certificate.public_key().fingerprint().to_string(),
        "sha256": certificate.sha256_fingerprint(),
    })
}

/// Whole days; hours below two days.
fn days(duration: Duration) -> String {
    const HOURS_BELOW: i64 = 2;
    match duration.whole_days() {
        few if few < HOURS_BELOW => format!("{} hours", duration.whole_hours()),
        days => format!("{days} days"),
    }
}

/// Reads `30d`, `4w`, `12h`; a number alone counts days.
fn duration(text: &str) -> Result<Duration, Failure> {
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let count: u32 = digits.parse().map_err(|_| wrong_duration(text))?;
    match unit {
        "" | "d" => Ok(Duration::days(count.into())),
        "w" => Ok(Duration::weeks(count.into())),
        "h" => Ok(Duration::hours(count.into())),
        _ => Err(wrong_duration(text)),
    }
}

fn wrong_duration(text: &str) -> Failure {
    Failure::new(format_args!("`{text}` is no duration")).with_hint("write 30d, 4w or 12h")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_days_weeks_or_hours() {
        assert_eq!(duration("30d").unwrap(), Duration::days(30));
        assert_eq!(duration("30").unwrap(), Duration::days(30));
        assert_eq!(duration("2w").unwrap(), Duration::days(14));
        assert_eq!(duration("12h").unwrap(), Duration::hours(12));
        for wrong in ["", "d", "-1d", "1y", "1.5d", "99999999999d", "30 d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn little_time_is_told_in_hours() {
        assert_eq!(days(Duration::days(2)), "2 days");
        assert_eq!(days(Duration::hours(47)), "47 hours");
    }
}

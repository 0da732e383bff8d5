//! Certificates: the public half of a sealing key, as the controller makes and serves it.
//!
//! Reading takes the first `CERTIFICATE` block without PEM headers, as kubeseal does, and asks nothing of name, usage or
//! chain: trust comes from where the certificate was got. Whether it is within its dates is the caller's question, since the
//! clock is the caller's. Writing follows `sealed-secrets.md` §1.3 to the byte: the same key, serial number and dates give the
//! certificate that Go 1.26 gives.

use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, IsCa, KeyUsagePurpose, PKCS_RSA_SHA256,
    PublicKeyData, SerialNumber, SignatureAlgorithm, SigningKey,
};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::rsa::{PrivateKey, PublicKey};
use super::{Error, pem, random};

/// `subjectKeyIdentifier`.
const OID_SUBJECT_KEY_ID: &[u64] = &[2, 5, 29, 14];
/// `basicConstraints`.
const OID_BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
/// `SEQUENCE { BOOLEAN TRUE }`: a CA without a limit of path length.
const CA_WITHOUT_PATH_LEN: [u8; 5] = [0x30, 0x03, 0x01, 0x01, 0xff];
/// Bytes of a key identifier (RFC 7093, method 1: the leftmost 160 bits of SHA-256).
const KEY_ID_LEN: u8 = 20;

/// Where a moment lies against a certificate's dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// Within both dates.
    Valid,
    /// Before `notBefore`.
    NotYetValid,
    /// After `notAfter`.
    Expired,
}

/// A parsed certificate with an RSA key.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    public_key: PublicKey,
    subject: String,
    serial: Vec<u8>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
    others: usize,
}

impl Certificate {
    /// The first certificate of a PEM text. [`Self::others_in_file`] says how many more there were; they are not parsed.
    ///
    /// # Errors
    /// [`Error::NoCertificate`] (a bare `PUBLIC KEY` too), [`Error::MalformedCertificate`], [`Error::NotRsa`],
    /// [`Error::KeySize`].
    pub fn parse_pem_first(text: &[u8]) -> Result<Self, Error> {
        let blocks = certificate_blocks(text)?;
        let first = blocks.first().map(|block| Self::parse(1, block.der.expose()));
        let mut first = first.unwrap_or_else(|| Err(Error::NoCertificate(Vec::new())))?;
        first.others = blocks.len().saturating_sub(1);
        Ok(first)
    }

    /// Every certificate of a PEM text, in order; at least one.
    ///
    /// # Errors
    /// As [`Self::parse_pem_first`], for any of them.
    pub fn parse_pem_all(text: &[u8]) -> Result<Vec<Self>, Error> {
        let blocks = certificate_blocks(text)?;
        blocks.iter().enumerate().map(|(index, block)| Self::parse(index + 1, block.der.expose())).collect()
    }

    /// Reads one certificate in DER.
    ///
    /// # Errors
    /// As [`Self::parse_pem_first`].
    pub fn from_der(der: &[u8]) -> Result<Self, Error> {
        Self::parse(1, der)
    }

    fn parse(index: usize, der: &[u8]) -> Result<Self, Error> {
        let malformed = |reason: String| Error::MalformedCertificate { index, reason };
        let (rest, parsed) = X509Certificate::from_der(der).map_err(|error| malformed(error.to_string()))?;
        if !rest.is_empty() {
            return Err(malformed(format!("{} bytes after its end", rest.len())));
        }
        Ok(Self {
            der: der.to_vec(),
            public_key: PublicKey::from_spki_der(parsed.public_key().raw)?,
            subject: parsed.subject().to_string(),
            serial: parsed.raw_serial().to_vec(),
            not_before: parsed.validity().not_before.to_datetime(),
            not_after: parsed.validity().not_after.to_datetime(),
            others: 0,
        })
    }

    /// A certificate for a key as the controller makes it: random serial number, CN (none when empty) as issuer and subject,
    /// critical `keyUsage` encipherOnly, critical `basicConstraints` CA:TRUE, signed with SHA256-RSA by itself.
    ///
    /// # Errors
    /// [`Error::Random`] or [`Error::MakeCertificate`].
    pub fn self_signed(key: &PrivateKey, common_name: &str, not_before: OffsetDateTime, ttl: Duration) -> Result<Self, Error> {
        let mut serial = [0; 16];
        random::fill(&mut serial)?;
        Self::self_signed_with_serial(key, common_name, not_before, ttl, &serial)
    }

    fn self_signed_with_serial(
        key: &PrivateKey,
        common_name: &str,
        not_before: OffsetDateTime,
        ttl: Duration,
        serial: &[u8],
    ) -> Result<Self, Error> {
        let failed = |error: rcgen::Error| Error::MakeCertificate(error.to_string());
        let not_after = not_before
            .checked_add(ttl)
            .filter(|end| *end >= not_before && (1950..10000).contains(&end.year()))
            .ok_or_else(|| Error::MakeCertificate("the end of its time cannot be written".to_owned()))?;
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from(minimal(serial).to_vec()));
        params.not_before = not_before.to_offset(time::UtcOffset::UTC);
        params.not_after = not_after.to_offset(time::UtcOffset::UTC);
        params.distinguished_name = DistinguishedName::new();
        if !common_name.is_empty() {
            // Go writes a PrintableString where it can. So does this, but for `?`, on which the DER writer under rcgen panics.
            let value = Some(common_name)
                .filter(|name| !name.contains('?'))
                .and_then(|name| rcgen::string::PrintableString::try_from(name).ok())
                .map_or_else(|| DnValue::Utf8String(common_name.to_owned()), DnValue::PrintableString);
            params.distinguished_name.push(DnType::CommonName, value);
        }
        params.key_usages = vec![KeyUsagePurpose::EncipherOnly];
        // rcgen's own CA extensions come in another order, and its key identifier hashes the whole SubjectPublicKeyInfo; Go
        // hashes the key bits only.
        params.is_ca = IsCa::NoCa;
        let mut constraints = CustomExtension::from_oid_content(OID_BASIC_CONSTRAINTS, CA_WITHOUT_PATH_LEN.to_vec());
        constraints.set_criticality(true);
        params.custom_extensions = vec![constraints, key_identifier(key.public_key())];
        let made = params.self_signed(&Signer(key)).map_err(failed)?;
        Self::parse(1, made.der())
    }

    /// The RSA key.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Start of its time.
    #[must_use]
    pub fn not_before(&self) -> OffsetDateTime {
        self.not_before
    }

    /// End of its time, still within.
    #[must_use]
    pub fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// Where `now` lies against its dates.
    #[must_use]
    pub fn validity(&self, now: OffsetDateTime) -> Validity {
        if now > self.not_after {
            Validity::Expired
        } else if now < self.not_before {
            Validity::NotYetValid
        } else {
            Validity::Valid
        }
    }

    /// The subject as text (`CN=…`); empty for an empty name.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The serial number in lower-case hexadecimal, without leading zeros.
    #[must_use]
    pub fn serial_hex(&self) -> String {
        let digits = hex(minimal(&self.serial));
        match digits.strip_prefix('0') {
            Some(rest) if !rest.is_empty() => rest.to_owned(),
            _ => digits,
        }
    }

    /// SHA-256 over the DER, lower-case hexadecimal.
    #[must_use]
    pub fn sha256_fingerprint(&self) -> String {
        hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.der).as_ref())
    }

    /// How many further certificates stood in the text that [`Self::parse_pem_first`] read.
    #[must_use]
    pub fn others_in_file(&self) -> usize {
        self.others
    }

    /// The certificate in DER.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate in PEM, as Go writes it.
    #[must_use]
    pub fn pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.der).expose().to_owned()
    }
}

/// Signs for rcgen without handing it a copy of the key.
struct Signer<'key>(&'key PrivateKey);

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().pkcs1_der()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_RSA_SHA256
    }
}

impl SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign_pkcs1_sha256(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

fn certificate_blocks(text: &[u8]) -> Result<Vec<pem::Block>, Error> {
    if pem::is_utf16(text) {
        return Err(Error::Utf16);
    }
    let (certificates, others): (Vec<_>, Vec<_>) =
        pem::blocks(text).into_iter().partition(|block| block.label == "CERTIFICATE" && block.headers.is_empty());
    if certificates.is_empty() {
        return Err(Error::NoCertificate(others.into_iter().map(|block| block.label).collect()));
    }
    Ok(certificates)
}

fn key_identifier(key: &PublicKey) -> CustomExtension {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.pkcs1_der());
    // OCTET STRING of 20 bytes.
    let content = [0x04, KEY_ID_LEN].into_iter().chain(digest.as_ref().iter().copied().take(KEY_ID_LEN.into()));
    CustomExtension::from_oid_content(OID_SUBJECT_KEY_ID, content.collect())
}

/// Big-endian bytes without leading zeros; one zero byte for zero.
fn minimal(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
    bytes.get(start..).filter(|rest| !rest.is_empty()).unwrap_or(&[0])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;
    use crate::crypto::test_keys;

    fn certificate(cn: &str) -> Certificate {
        let start = datetime!(2026-11-21 04:00:00 UTC);
        Certificate::self_signed(test_keys::first(), cn, start, Duration::hours(87600)).unwrap()
    }

    #[test]
    fn a_made_certificate_reads_back() {
        let made = certificate("sealed-secret/default");
        let read = Certificate::parse_pem_first(made.pem().as_bytes()).unwrap();
        assert_eq!(read.public_key(), test_keys::first().public_key());
        assert_eq!(read.not_before(), datetime!(2026-11-21 04:00:00 UTC));
        assert_eq!(read.not_after(), datetime!(2036-11-18 04:00:00 UTC));
        assert_eq!(read.subject(), "CN=sealed-secret/default");
        assert_eq!(read.der(), made.der());
        assert_eq!(certificate("").subject(), "");
        assert_eq!(certificate("why?").subject(), "CN=why?");
    }

    #[test]
    fn serial_numbers_are_random_and_under_2_to_the_128() {
        let (one, two) = (certificate("").serial_hex(), certificate("").serial_hex());
        assert_ne!(one, two);
        assert!(one.len() <= 32 && !one.starts_with('0'), "{one}");
    }

    #[test]
    fn dates_include_both_ends() {
        let certificate = certificate("");
        assert_eq!(certificate.validity(datetime!(2026-11-21 03:59:59 UTC)), Validity::NotYetValid);
        assert_eq!(certificate.validity(datetime!(2026-11-21 04:00:00 UTC)), Validity::Valid);
        assert_eq!(certificate.validity(datetime!(2036-11-18 04:00:00 UTC)), Validity::Valid);
        assert_eq!(certificate.validity(datetime!(2036-11-18 04:00:01 UTC)), Validity::Expired);
    }

    #[test]
    fn a_bundle_gives_its_first_and_counts_the_others() {
        let (one, two) = (certificate("one"), certificate("two"));
        let bundle = format!("{}# and\n{}", one.pem(), two.pem());
        let first = Certificate::parse_pem_first(bundle.as_bytes()).unwrap();
        assert_eq!((first.subject(), first.others_in_file()), ("CN=one", 1));
        let all = Certificate::parse_pem_all(bundle.as_bytes()).unwrap();
        assert_eq!(all.iter().map(Certificate::subject).collect::<Vec<_>>(), ["CN=one", "CN=two"]);
    }

    #[test]
    fn what_is_no_rsa_certificate_is_named() {
        let message = |text: &str| Certificate::parse_pem_first(text.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            message("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"),
            "no certificate found: the input holds PUBLIC KEY"
        );
        assert_eq!(message(""), "no certificate found: there is no PEM block (-----BEGIN …-----) in the input");
        assert!(
            message("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n")
                .starts_with("certificate 1 is malformed: ")
        );
        let utf16: Vec<u8> = "\u{feff}-----BEGIN".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(Certificate::parse_pem_first(&utf16).unwrap_err(), Error::Utf16);
        let mut cut = certificate("").der().to_vec();
        cut.push(0);
        assert_eq!(
            Certificate::from_der(&cut).unwrap_err(),
            Error::MalformedCertificate { index: 1, reason: "1 bytes after its end".into() }
        );
    }

    #[test]
    fn a_time_that_cannot_be_written_is_an_error() {
        let start = datetime!(2026-11-21 04:00:00 UTC);
        assert!(Certificate::self_signed(test_keys::first(), "", start, Duration::hours(-1)).is_err());
        assert!(Certificate::self_signed(test_keys::first(), "", start, Duration::MAX).is_err());
    }

    /// `tests/it/vectors/seal-certificates.json`, made by the controller's own function: `tests/go/seal-vectors`.
    #[test]
    fn certificates_are_the_controllers_byte_for_byte() {
        let vectors: Vec<serde_json::Value> =
            serde_json::from_str(include_str!("../../tests/it/vectors/seal-certificates.json")).unwrap();
        for vector in &vectors {
            let text = |field: &str| vector[field].as_str().unwrap();
            let number = |field: &str| vector[field].as_i64().unwrap();
            let file = format!("{}/keys/{}.key.pem", env!("CARGO_MANIFEST_DIR"), text("key"));
            let key = PrivateKey::from_pem(&std::fs::read(file).unwrap()).unwrap();
            let serial: Vec<u8> =
                (0..32).step_by(2).map(|at| u8::from_str_radix(&text("serial")[at..at + 2], 16).unwrap()).collect();
            let not_before = OffsetDateTime::from_unix_timestamp(number("notBefore")).unwrap();
            let made = Certificate::self_signed_with_serial(
                &key,
                text("commonName"),
                not_before,
                Duration::hours(number("hours")),
                &serial,
            )
            .unwrap();
            assert_eq!(made.pem(), text("pem"), "{} {}", text("key"), text("commonName"));
            assert_eq!(made.public_key().fingerprint().to_string(), text("fingerprint"));
            assert_eq!(Certificate::parse_pem_first(text("pem").as_bytes()).unwrap().subject(), made.subject());
        }
        assert_eq!(vectors.len(), 7);
    }
}

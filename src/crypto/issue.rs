//! Keys and certificates that templates make: `genPrivateKey`, `genCA`, `genSignedCert` and their relatives.
//!
//! Certificates are built as sprig builds them (v3.3.0 `crypto.go` over Go's `x509.CreateCertificate`): random serial number of
//! 128 bits, `keyUsage` digitalSignature and keyEncipherment (and keyCertSign of a CA), server and client authentication,
//! critical `basicConstraints`, alternative names; keys leave as PKCS#1, SEC 1 or, Ed25519, PKCS#8. DSA keys cannot be made: no
//! maintained library does, and FIPS 186-5 has withdrawn them. The controller's own certificate is in `x509`, not here.

use core::net::IpAddr;

use aws_lc_rs::encoding::{AsDer, EcPrivateKeyRfc5915Der};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType, SerialNumber,
};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::rsa::PrivateKey;
use super::{Error, pem, random};
use crate::secret::SecretString;

const OID_BASIC_CONSTRAINTS: &[u64] = &[2, 5, 29, 19];
const OID_SUBJECT_KEY_ID: &[u64] = &[2, 5, 29, 14];

/// What kind of key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RSA of so many bits.
    Rsa(usize),
    /// ECDSA on P-256.
    EcdsaP256,
    /// Ed25519.
    Ed25519,
}

/// A private key that can sign certificates, and its PEM form.
pub struct Key {
    pair: KeyPair,
    pem: SecretString,
}

/// What a certificate says.
#[derive(Clone, Debug)]
pub struct Request {
    /// Common name of the subject.
    pub common_name: String,
    /// Alternative names: addresses.
    pub addresses: Vec<IpAddr>,
    /// Alternative names: DNS.
    pub names: Vec<String>,
    /// Start of validity.
    pub not_before: OffsetDateTime,
    /// End of validity.
    pub not_after: OffsetDateTime,
    /// Whether it may sign others.
    pub authority: bool,
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::MakeCertificate(error.to_string())
}

impl Key {
    /// A new key. RSA takes a tenth of a second at 2048 bits and half a second or more at 4096.
    ///
    /// # Errors
    /// [`Error::GenerateSize`] or [`Error::Random`].
    pub fn generate(kind: Kind) -> Result<Self, Error> {
        match kind {
            Kind::Rsa(bits) => {
                let pem = PrivateKey::generate(bits)?.to_pkcs1_pem()?;
                Self::from_pem(pem.expose().as_bytes())
            }
            Kind::EcdsaP256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| Error::Random)?;
                Self::from_ecdsa(&pair)
            }
            Kind::Ed25519 => {
                let pair = Ed25519KeyPair::generate().map_err(|_| Error::Random)?;
                let der = pair.to_pkcs8v1().map_err(|_| Error::Random)?;
                let pem = pem::encode("PRIVATE KEY", der.as_ref());
                Ok(Self { pair: KeyPair::try_from(der.as_ref()).map_err(failed)?, pem })
            }
        }
    }

    /// The private key of the first PEM block: PKCS#1, SEC 1 or PKCS#8.
    ///
    /// # Errors
    /// [`Error::NoPrivateKey`], [`Error::NotRsa`] for DSA, [`Error::MalformedKey`].
    pub fn from_pem(text: &[u8]) -> Result<Self, Error> {
        let blocks = pem::blocks(text);
        let Some(block) = blocks.first() else { return Err(Error::NoPrivateKey(Vec::new())) };
        let der = block.der.expose();
        match block.label.as_str() {
            "RSA PRIVATE KEY" | "EC PRIVATE KEY" | "PRIVATE KEY" => {}
            "DSA PRIVATE KEY" => return Err(Error::NotRsa("a DSA key".to_owned())),
            other => return Err(Error::NoPrivateKey(vec![other.to_owned()])),
        }
        const MALFORMED: Error = Error::MalformedKey("private");
        let pair = KeyPair::try_from(der).map_err(|_| MALFORMED)?;
        for curve in [&ECDSA_P256_SHA256_ASN1_SIGNING, &ECDSA_P384_SHA384_ASN1_SIGNING, &ECDSA_P521_SHA512_ASN1_SIGNING] {
            if let Ok(pair) = EcdsaKeyPair::from_private_key_der(curve, der) {
                return Self::from_ecdsa(&pair);
            }
        }
        let pem = if pair.algorithm() == &rcgen::PKCS_ED25519 {
            let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| MALFORMED)?;
            pem::encode("PRIVATE KEY", key.to_pkcs8v1().map_err(|_| MALFORMED)?.as_ref())
        } else {
            PrivateKey::from_pem(text)?.to_pkcs1_pem()?
        };
        Ok(Self { pair, pem })
    }

    fn from_ecdsa(pair: &EcdsaKeyPair) -> Result<Self, Error> {
        let der: EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().map_err(|_| Error::MalformedKey("private"))?;
        let pem = pem::encode("EC PRIVATE KEY", der.as_ref());
        Ok(Self { pair: KeyPair::try_from(der.as_ref()).map_err(failed)?, pem })
    }

    /// The key as PEM.
    #[must_use]
    pub fn pem(&self) -> &SecretString {
        &self.pem
    }

    /// The public half as PEM: a SubjectPublicKeyInfo.
    #[must_use]
    pub fn public_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.pair.subject_public_key_info()).expose().to_owned()
    }
}

/// Makes a certificate for `key`, signed by the issuer's certificate (PEM) and key, or by itself.
///
/// # Errors
/// [`Error::Random`], or [`Error::MakeCertificate`] when the request or the issuer cannot be used.
pub fn issue(request: &Request, key: &Key, issuer: Option<(&[u8], &Key)>) -> Result<String, Error> {
    let mut params = params(request, key)?;
    let made = match issuer {
        None => params.self_signed(&key.pair),
        Some((certificate, issuer_key)) => {
            let blocks = pem::blocks(certificate);
            let der = blocks.first().ok_or_else(|| Error::NoCertificate(Vec::new()))?.der.expose();
            let (_, parsed) = X509Certificate::from_der(der)
                .map_err(|_| Error::MalformedCertificate { index: 1, reason: "not X.509".to_owned() })?;
            params.use_authority_key_identifier_extension =
                parsed.extensions().iter().any(|e| e.oid.to_id_string() == "2.5.29.14");
            let issuer = Issuer::from_ca_cert_der(&der.into(), &issuer_key.pair).map_err(failed)?;
            params.signed_by(&key.pair, &issuer)
        }
    };
    Ok(pem::encode("CERTIFICATE", made.map_err(failed)?.der()).expose().to_owned())
}

fn params(request: &Request, key: &Key) -> Result<CertificateParams, Error> {
    let mut params = CertificateParams::default();
    let mut serial = [0; 16];
    random::fill(&mut serial)?;
    // A leading zero bit keeps the number positive without another byte, which some readers count.
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    params.not_before = request.not_before;
    params.not_after = request.not_after;
    params.distinguished_name = DistinguishedName::new();
    if !request.common_name.is_empty() {
        // Go writes a PrintableString where it can.
        let name = rcgen::string::PrintableString::try_from(request.common_name.as_str())
            .map_or_else(|_| DnValue::Utf8String(request.common_name.clone()), DnValue::PrintableString);
        params.distinguished_name.push(DnType::CommonName, name);
    }
    for name in &request.names {
        params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into().map_err(failed)?));
    }
    params.subject_alt_names.extend(request.addresses.iter().copied().map(SanType::IpAddress));
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.is_ca = IsCa::NoCa;
    // `SEQUENCE { BOOLEAN TRUE }` of a CA, an empty one of all others.
    let content = if request.authority { vec![0x30, 0x03, 0x01, 0x01, 0xff] } else { vec![0x30, 0x00] };
    let mut constraints = CustomExtension::from_oid_content(OID_BASIC_CONSTRAINTS, content);
    constraints.set_criticality(true);
    params.custom_extensions = vec![constraints];
    if request.authority {
        params.key_usages.push(KeyUsagePurpose::KeyCertSign);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, key.pair.der_bytes());
        let content = [0x04, 20].into_iter().chain(digest.as_ref().iter().copied().take(20)).collect();
        params.custom_extensions.push(CustomExtension::from_oid_content(OID_SUBJECT_KEY_ID, content));
    }
    Ok(params)
}

/// Whether a certificate (PEM) is this key's.
#[must_use]
pub fn belongs_to(certificate: &[u8], key: &Key) -> bool {
    let blocks = pem::blocks(certificate);
    let der = blocks.first().map(|block| block.der.expose()).unwrap_or_default();
    X509Certificate::from_der(der).is_ok_and(|(_, parsed)| parsed.public_key().raw == key.pair.subject_public_key_info())
}

/// Whether a PEM text holds a certificate that parses.
#[must_use]
pub fn is_certificate(text: &[u8]) -> bool {
    pem::blocks(text).first().is_some_and(|block| X509Certificate::from_der(block.der.expose()).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(name: &str, authority: bool) -> Request {
        let start = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        Request {
            common_name: name.to_owned(),
            addresses: vec![],
            names: vec!["a.example".to_owned()],
            not_before: start,
            not_after: start + time::Duration::days(30),
            authority,
        }
    }

    #[test]
    fn a_certificate_signed_by_an_authority_names_it_and_its_key() {
        let ca_key = Key::generate(Kind::EcdsaP256).unwrap();
        let ca = issue(&request("Root", true), &ca_key, None).unwrap();
        let key = Key::generate(Kind::Ed25519).unwrap();
        let leaf = issue(&request("leaf", false), &key, Some((ca.as_bytes(), &ca_key))).unwrap();
        let blocks = pem::blocks(leaf.as_bytes());
        let (_, parsed) = X509Certificate::from_der(blocks[0].der.expose()).unwrap();
        assert_eq!(parsed.issuer().to_string(), "CN=Root");
        assert_eq!(parsed.subject().to_string(), "CN=leaf");
        assert!(!parsed.is_ca());
        let authority = parsed.extensions().iter().find(|e| e.oid.to_id_string() == "2.5.29.35").unwrap();
        let ca_blocks = pem::blocks(ca.as_bytes());
        let (_, ca) = X509Certificate::from_der(ca_blocks[0].der.expose()).unwrap();
        let own = ca.extensions().iter().find(|e| e.oid.to_id_string() == "2.5.29.14").unwrap();
        assert!(ca.is_ca());
        assert!(authority.value.ends_with(&own.value[2..]));
    }

    #[test]
    fn keys_are_read_back_from_their_own_text_and_dsa_is_refused_by_name() {
        for kind in [Kind::EcdsaP256, Kind::Ed25519] {
            let key = Key::generate(kind).unwrap();
            let again = Key::from_pem(key.pem().expose().as_bytes()).unwrap();
            assert_eq!(again.pem(), key.pem());
        }
        let dsa = b"-----BEGIN DSA PRIVATE KEY-----\nMAA=\n-----END DSA PRIVATE KEY-----\n";
        assert!(matches!(Key::from_pem(dsa), Err(Error::NotRsa(_))));
    }
}

//! Client certificates of the numbered users, from an authority that the API server trusts (`--client-ca-file`).

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};

use super::Cluster;
use super::users::{GROUP, User};

/// File of the authority's certificate in the cluster's folder.
pub(super) const FILE: &str = "client-ca.crt";

/// Who issues client certificates.
pub(super) struct Authority(Issuer<'static, KeyPair>);

impl Authority {
    /// A new one; its certificate is written into the folder.
    pub(super) fn new(folder: &Path) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "client authority of the tests");
        let key = KeyPair::generate().unwrap();
        std::fs::write(folder.join(FILE), pem("CERTIFICATE", params.self_signed(&key).unwrap().der())).unwrap();
        Self(Issuer::new(params, key))
    }
}

impl Cluster {
    /// Certificate and private key, PEM, with which somebody is this user.
    pub(crate) fn client_certificate(&self, user: &User) -> (String, String) {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, user.name.as_str());
        params.distinguished_name.push(DnType::OrganizationName, GROUP);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.authority.0).unwrap();
        (pem("CERTIFICATE", certificate.der()), pem("PRIVATE KEY", &key.serialize_der()))
    }
}

fn pem(kind: &str, der: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(der);
    let lines = text.as_bytes().chunks(64).map(|line| String::from_utf8_lossy(line) + "\n");
    format!("-----BEGIN {kind}-----\n{}-----END {kind}-----\n", lines.collect::<String>())
}

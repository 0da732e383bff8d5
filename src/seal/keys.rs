//! Private keys from whatever people keep them in, and key Secrets as the controller writes them.
//!
//! Read are: PEM (every RSA key in it); Secrets with `tls.key`, in YAML or JSON, one or many documents; `List` and `SecretList`;
//! all of these mixed, which is what the reference's own backup recipe gives and what its reader loses (`sealed-secrets.md`
//! §2.10); whole backups of a cluster, whose other objects are passed over. A damaged entry is reported and the others load. A
//! file without any usable key is an error that says why. No error holds a byte of a key. Files are read by the caller.

use crate::crypto::rsa::PrivateKey;
use crate::crypto::x509::Certificate;
use crate::crypto::{self, pem};
use crate::manifest::{self, Document, Located, Secret};
use crate::secret::SecretBytes;

/// Label of key Secrets. Only the value `active` makes the controller load one.
pub const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";
/// The prefix of key Secrets' names that the controller uses if not told otherwise; no dash is added.
pub const DEFAULT_KEY_PREFIX: &str = "sealed-secrets-key";

const TLS_KEY: &str = "tls.key";
const TLS_CERT: &str = "tls.crt";
/// How many reasons an error about a whole file repeats.
const MAX_REASONS: usize = 3;

/// A key and where it was.
#[derive(Clone, Debug)]
pub struct FoundKey {
    /// The key.
    pub key: PrivateKey,
    /// The certificate beside it in a key Secret, if there is one that parses and belongs to the key.
    pub certificate: Option<Certificate>,
    /// File, document and Secret, for people.
    pub place: String,
    /// Whether its Secret carries [`KEY_LABEL`] with the value `active`; `None` for PEM.
    pub active: Option<bool>,
}

/// An entry that could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyProblem {
    /// File, document and Secret.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
}

impl std::fmt::Display for KeyProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

/// What a file held.
#[derive(Clone, Debug, Default)]
pub struct PrivateKeys {
    /// The keys, each once, in the order of the file; at least one.
    pub keys: Vec<FoundKey>,
    /// Entries that look like keys and could not be used.
    pub problems: Vec<KeyProblem>,
}

/// Why a file gave no key at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// PEM text without a usable RSA key.
    #[error("{file}: {source}")]
    Pem {
        /// The file.
        file: String,
        /// Why.
        source: crypto::Error,
    },
    /// `-----BEGIN` without a whole block.
    #[error("{file}: a PEM block is cut short or damaged")]
    BrokenPem {
        /// The file.
        file: String,
    },
    /// Neither PEM nor documents.
    #[error("{0}")]
    Unreadable(#[from] manifest::Error),
    /// Documents, but no key in them.
    #[error("{file}: no private key found: {}", reasons(.problems, .holds))]
    NoKey {
        /// The file.
        file: String,
        /// Entries that look like keys, with what is wrong.
        problems: Vec<KeyProblem>,
        /// What else it holds.
        holds: String,
    },
}

fn reasons(problems: &[KeyProblem], holds: &str) -> String {
    if problems.is_empty() {
        return format!("it holds {holds}");
    }
    let shown: Vec<_> = problems.iter().take(MAX_REASONS).map(ToString::to_string).collect();
    let more = problems.len() - shown.len();
    if more == 0 { shown.join("; ") } else { format!("{}; and {more} more", shown.join("; ")) }
}

/// Reads every private key of a file. `file` is what errors call it.
///
/// # Errors
/// [`KeysError`] when not one key can be used.
pub fn read_private_keys(bytes: &[u8], file: &str) -> Result<PrivateKeys, KeysError> {
    let blocks = pem::blocks(bytes);
    if !blocks.is_empty() {
        return from_pem(&blocks, file);
    }
    if bytes.split(|&byte| byte == b'\n').any(|line| line.starts_with(b"-----BEGIN ")) {
        return Err(KeysError::BrokenPem { file: file.to_owned() });
    }
    let mut reader = Reader::default();
    match manifest::read_documents(bytes, file) {
        Ok(documents) => reader.read(documents),
        Err(error) => reader.read_pieces(bytes, file, error)?,
    }
    reader.finish(file)
}

fn from_pem(blocks: &[pem::Block], file: &str) -> Result<PrivateKeys, KeysError> {
    let mut found = PrivateKeys::default();
    let mut first_error = None;
    for result in PrivateKey::all_from_blocks(blocks) {
        match result {
            Ok(key) => found.add(FoundKey { key, certificate: None, place: file.to_owned(), active: None }),
            Err(error) => {
                found.problems.push(KeyProblem { place: file.to_owned(), reason: error.to_string() });
                first_error.get_or_insert(error);
            }
        }
    }
    if found.keys.is_empty() {
        let labels = || crypto::Error::NoPrivateKey(blocks.iter().map(|block| block.label.clone()).collect());
        return Err(KeysError::Pem { file: file.to_owned(), source: first_error.unwrap_or_else(labels) });
    }
    Ok(found)
}

impl PrivateKeys {
    fn add(&mut self, found: FoundKey) {
        let same = |known: &FoundKey| known.key.public_key() == found.key.public_key();
        if !self.keys.iter().any(same) {
            self.keys.push(found);
        }
    }
}

/// Collects keys from documents.
#[derive(Default)]
struct Reader {
    found: PrivateKeys,
    /// Problems of Secrets that may be no sealing keys: told only when nothing better is found.
    doubtful: Vec<KeyProblem>,
    /// Secrets without a `tls.key`.
    plain_secrets: usize,
    /// Kinds of other objects, in the order they came.
    other_kinds: Vec<String>,
}

impl Reader {
    fn read(&mut self, documents: Vec<Document>) {
        for document in documents.into_iter().flat_map(Document::items) {
            match document.kind().map(str::to_owned) {
                Some(kind) if kind != "Secret" => {
                    if !self.other_kinds.contains(&kind) {
                        self.other_kinds.push(kind);
                    }
                }
                _ => {
                    let place = document.position().to_string();
                    match document.secret() {
                        Ok(secret) => self.secret(secret, place),
                        // The error names the place itself.
                        Err(error) => {
                            let message = error.to_string();
                            let reason = message.strip_prefix(&format!("{place}: ")).unwrap_or(&message).to_owned();
                            self.found.problems.push(KeyProblem { place, reason });
                        }
                    }
                }
            }
        }
    }

    /// A stream that does not parse as a whole: its documents one by one, so that one damaged entry of a backup does not take
    /// the others along.
    fn read_pieces(&mut self, bytes: &[u8], file: &str, error: manifest::Error) -> Result<(), KeysError> {
        let pieces = split_documents(bytes);
        if pieces.len() < 2 {
            return Err(error.into());
        }
        for (index, piece) in pieces.into_iter().enumerate() {
            let place = format!("{file}, part {}", index + 1);
            match manifest::read_documents(piece, &place) {
                Ok(documents) => self.read(documents),
                Err(error) => self.found.problems.push(KeyProblem { place, reason: error.to_string() }),
            }
        }
        Ok(())
    }

    fn secret(&mut self, secret: Located<Secret>, place: String) {
        let mut secret = secret.object;
        let label = secret.metadata.labels.get(KEY_LABEL);
        let (labelled, active) = (label.is_some(), label.is_some_and(|value| value == "active"));
        let place = format!("{place}, secret {}/{}", secret.metadata.namespace, secret.metadata.name);
        let mut take = |key: &str| secret.string_data.remove(key).or_else(|| secret.data.remove(key));
        let (key, certificate) = (take(TLS_KEY), take(TLS_CERT));
        let problem = |reason: String| KeyProblem { place: place.clone(), reason };
        match key.map(|pem| PrivateKey::from_pem(pem.expose())) {
            Some(Ok(key)) => {
                let certificate = certificate
                    .and_then(|pem| Certificate::parse_pem_first(pem.expose()).ok())
                    .filter(|certificate| certificate.public_key() == key.public_key());
                self.found.add(FoundKey { key, certificate, place, active: Some(active) });
            }
            Some(Err(error)) if labelled => self.found.problems.push(problem(format!("{TLS_KEY}: {error}"))),
            // The certificate of some web server, in a backup of everything.
            Some(Err(error)) => self.doubtful.push(problem(format!("{TLS_KEY}: {error}"))),
            None if labelled => self.found.problems.push(problem(format!("there is no {TLS_KEY}"))),
            None => self.plain_secrets += 1,
        }
    }

    fn finish(mut self, file: &str) -> Result<PrivateKeys, KeysError> {
        if !self.found.keys.is_empty() {
            return Ok(self.found);
        }
        self.found.problems.append(&mut self.doubtful);
        let mut holds = Vec::new();
        match self.plain_secrets {
            0 => {}
            1 => holds.push(format!("a Secret without {TLS_KEY}")),
            several => holds.push(format!("{several} Secrets without {TLS_KEY}")),
        }
        if !self.other_kinds.is_empty() {
            holds.push(format!("objects of kind {}", self.other_kinds.join(", ")));
        }
        let holds = if holds.is_empty() { "nothing".to_owned() } else { holds.join(" and ") };
        Err(KeysError::NoKey { file: file.to_owned(), problems: self.found.problems, holds })
    }
}

/// Splits at lines that begin with `---`.
fn split_documents(bytes: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        if line.starts_with(b"---") && at > start {
            pieces.extend(bytes.get(start..at));
            start = at;
        }
        at += line.len();
    }
    pieces.extend(bytes.get(start..));
    pieces
}

/// What a key Secret is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyName<'a> {
    /// `generateName`: the API server adds five characters, as the controller has it done.
    Generate(&'a str),
    /// A fixed name.
    Fixed(&'a str),
}

/// A key Secret as the controller writes it: `kubernetes.io/tls`, PKCS#1 in `tls.key`, PEM in `tls.crt`, labelled `active`.
///
/// # Errors
/// [`crypto::Error`] if the key cannot be exported.
pub fn key_secret(
    key: &PrivateKey,
    certificate: &Certificate,
    namespace: &str,
    name: KeyName<'_>,
) -> Result<Secret, crypto::Error> {
    let mut secret = Secret { type_: Some("kubernetes.io/tls".to_owned()), ..Secret::default() };
    match name {
        KeyName::Generate(prefix) => _ = secret.metadata.other.insert("generateName".to_owned(), prefix.into()),
        KeyName::Fixed(name) => name.clone_into(&mut secret.metadata.name),
    }
    namespace.clone_into(&mut secret.metadata.namespace);
    secret.metadata.labels.insert(KEY_LABEL.to_owned(), "active".to_owned());
    secret.data.insert(TLS_KEY.to_owned(), SecretBytes::from(key.to_pkcs1_pem()?));
    secret.data.insert(TLS_CERT.to_owned(), SecretBytes::new(certificate.pem().into_bytes()));
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::test_keys;
    use crate::manifest::encode_base64;

    fn pem(key: &PrivateKey) -> String {
        key.to_pkcs1_pem().unwrap().expose().to_owned()
    }

    fn item(name: &str, key: &PrivateKey, labels: &str) -> String {
        format!(
            r#"{{"metadata":{{"name":"{name}","namespace":"kube-system","labels":{{{labels}}}}},"data":{{"tls.key":"{}"}}}}"#,
            encode_base64(pem(key).as_bytes())
        )
    }

    fn read(text: &str) -> Result<PrivateKeys, KeysError> {
        read_private_keys(text.as_bytes(), "keys.yaml")
    }

    fn places(text: &str) -> Vec<String> {
        read(text).unwrap().keys.into_iter().map(|found| found.place).collect()
    }

    const ACTIVE: &str = r#""sealedsecrets.bitnami.com/sealed-secrets-key":"active""#;

    #[test]
    fn pem_gives_every_key_once_and_reports_the_others() {
        let (one, two) = (test_keys::first(), test_keys::second());
        let ec = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
        let found = read(&format!("{}{ec}{}{}", pem(one), pem(two), pem(one))).unwrap();
        let keys: Vec<_> = found.keys.iter().map(|found| found.key.public_key().clone()).collect();
        assert_eq!(keys, [one.public_key().clone(), two.public_key().clone()]);
        assert_eq!(found.problems.len(), 1);
        assert_eq!(found.problems[0].to_string(), "keys.yaml: not an RSA key: this is an elliptic-curve key");
    }

    #[test]
    fn a_list_then_a_secret_in_one_file_gives_all_their_keys() {
        let (one, two) = (test_keys::first(), test_keys::second());
        let list = format!(r#"{{"apiVersion":"v1","kind":"List","items":[{}]}}"#, item("one", one, ACTIVE));
        let found = read(&format!("{list}\n---\n{}\n", item("two", two, ""))).unwrap();
        assert_eq!(found.keys.iter().map(|found| found.active).collect::<Vec<_>>(), [Some(true), Some(false)]);
        assert_eq!(found.keys[1].key.public_key(), two.public_key());
        let concatenated = places(&format!("{list}{}", item("two", two, "")));
        assert_eq!(
            concatenated,
            [
                "keys.yaml: document 1 (line 1), item 1, secret kube-system/one",
                "keys.yaml: document 2 (line 1), secret kube-system/two"
            ]
        );
        assert_eq!(places(&list.replace("\"List\"", "\"SecretList\"")).len(), 1);
    }

    #[test]
    fn yaml_with_string_data_and_a_certificate_is_read() {
        let key = test_keys::first();
        let start = time::macros::datetime!(2026-11-21 04:00:00 UTC);
        let certificate = Certificate::self_signed(key, "", start, time::Duration::days(1)).unwrap();
        let indented = pem(key).replace('\n', "\n    ");
        let cert = certificate.pem().replace('\n', "\n    ");
        let text = format!("kind: Secret\nstringData:\n  tls.key: |\n    {indented}\n  tls.crt: |\n    {cert}\n");
        let found = read(&text).unwrap();
        assert_eq!(found.keys[0].key.public_key(), key.public_key());
        assert_eq!(found.keys[0].certificate.as_ref().unwrap().der(), certificate.der());
    }

    #[test]
    fn damaged_entries_are_reported_and_the_others_load() {
        let key = test_keys::first();
        let text = format!(
            "kind: Secret\nmetadata: {{name: bad, labels: {{{}: active}}}}\ndata: {{tls.key: AAAA}}\n---\n\
             kind: Secret\nmetadata: {{name: worse}}\ndata: {{tls.key: '!'}}\n---\n\
             kind: ConfigMap\ndata: {{a: b}}\n---\n{}\n---\n: : broken [\n",
            KEY_LABEL,
            item("good", key, ACTIVE)
        );
        let found = read(&text).unwrap();
        assert_eq!(found.keys.len(), 1);
        let problems: Vec<_> = found.problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(
            problems[0]
                .ends_with("secret /bad: tls.key: no private key found: there is no PEM block (-----BEGIN …-----) in the input")
        );
        assert!(problems[1].contains("illegal base64"), "{problems:?}");
    }

    #[test]
    fn a_file_without_a_key_says_why() {
        let message = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(
            message("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "keys.yaml: no private key found: the input holds CERTIFICATE"
        );
        assert_eq!(message("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n"), "keys.yaml: a PEM block is cut short or damaged");
        assert_eq!(
            message("kind: Secret\ndata: {a: AAAA}\n---\nkind: SealedSecret\n"),
            "keys.yaml: no private key found: it holds a Secret without tls.key and objects of kind SealedSecret"
        );
        assert_eq!(message(""), "keys.yaml: no private key found: it holds nothing");
        assert_eq!(
            message("kind: Secret\nmetadata: {name: web}\ndata: {tls.key: AAAA}\n"),
            "keys.yaml: no private key found: keys.yaml: document 1 (line 1), secret /web: tls.key: no private key found: \
             there is no PEM block (-----BEGIN …-----) in the input"
        );
        assert!(matches!(read("{\"kind\": "), Err(KeysError::Unreadable(_))));
        assert!(matches!(read_private_keys(&[0xff, 0xfe, 0], "f"), Err(KeysError::Unreadable(_))));
    }

    #[test]
    fn a_key_secret_is_as_the_controller_writes_it_and_reads_back() {
        let key = test_keys::first();
        let start = time::macros::datetime!(2026-11-21 04:00:00 UTC);
        let certificate = Certificate::self_signed(key, "", start, time::Duration::days(1)).unwrap();
        let secret = key_secret(key, &certificate, "kube-system", KeyName::Generate(DEFAULT_KEY_PREFIX)).unwrap();
        assert_eq!(secret.metadata.other["generateName"], "sealed-secrets-key");
        assert_eq!(secret.metadata.labels[KEY_LABEL], "active");
        assert_eq!(secret.type_.as_deref(), Some("kubernetes.io/tls"));
        let value = manifest::secret_to_value(&secret, manifest::Style::default());
        let found = read_private_keys(manifest::to_json(&value).expose().as_bytes(), "f").unwrap();
        assert_eq!(found.keys[0].active, Some(true));
        assert_eq!(found.keys[0].key.public_key(), key.public_key());
        assert!(found.keys[0].certificate.is_some());
    }
}

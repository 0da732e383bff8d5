//! Looking a SealedSecret over without a cluster: what will not open, will be refused, or is not what it seems.
//!
//! Structure only needs the object; with a certificate the sizes are compared; with private keys every item is opened. Nothing
//! of a value is in a finding. The rules are those of `sealed-secrets.md` §1.1 to §1.6 and of Kubernetes' own checks on names
//! and Secrets. Reading the file, and finding repeated keys in its text, is the caller's work; repeated keys are handed in.

use super::rules::{check_items, check_metadata, check_scope, check_template, check_total};
use super::unseal::{label_of, open_all, open_item};
use super::{ItemErrors, Keyring, UnsealError, explain};
use crate::crypto::rsa::PublicKey;
use crate::manifest::SealedSecret;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Probably not what was meant; the object may work.
    Warning,
    /// The object will not open, or the cluster will refuse it, or it leaks.
    Error,
}

/// One thing that was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// `namespace/name` of the object, as far as it has them.
    pub object: String,
    /// Key of the item or template, or the field, that it is about; `None` for the whole object.
    pub key: Option<String>,
    /// What is wrong: lower case, no full stop, no value.
    pub message: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.key {
            Some(key) => write!(f, "{}: {key}: {}", self.object, self.message),
            None => write!(f, "{}: {}", self.object, self.message),
        }
    }
}

/// What the object is compared with.
#[derive(Clone, Copy, Debug, Default)]
pub struct VerifyOptions<'a> {
    /// Key of the certificate that everything should be sealed for.
    pub certificate: Option<&'a PublicKey>,
    /// Private keys: every item must open with one of them.
    pub keyring: Option<&'a Keyring>,
    /// Keys that the text of the document has more than once, as paths such as `spec.encryptedData.TOKEN`.
    pub repeated_keys: &'a [String],
}

/// Collects findings about one object.
pub(super) struct Findings {
    object: String,
    list: Vec<Finding>,
}

impl Findings {
    pub(super) fn error(&mut self, key: impl Into<Option<String>>, message: impl Into<String>) {
        self.add(Severity::Error, key.into(), message.into());
    }

    pub(super) fn warn(&mut self, key: impl Into<Option<String>>, message: impl Into<String>) {
        self.add(Severity::Warning, key.into(), message.into());
    }

    fn add(&mut self, severity: Severity, key: Option<String>, message: String) {
        self.list.push(Finding { severity, object: self.object.clone(), key, message });
    }
}

/// Everything that is wrong or odd about an object; empty when nothing is. In a fixed order: metadata, scope, items,
/// template, opening.
#[must_use]
pub fn verify(sealed: &SealedSecret, options: &VerifyOptions<'_>) -> Vec<Finding> {
    let mut findings = Findings { object: object_name(sealed), list: Vec::new() };
    for path in options.repeated_keys {
        findings.error(path.clone(), "the key is there more than once; only the last one counts");
    }
    check_metadata(sealed, &mut findings);
    check_scope(sealed, &mut findings);
    check_items(sealed, options.certificate, &mut findings);
    check_total(sealed, &mut findings);
    check_template(sealed, &mut findings);
    if let Some(keyring) = options.keyring {
        check_opens(sealed, keyring, &mut findings);
    }
    findings.list
}

fn object_name(sealed: &SealedSecret) -> String {
    let metadata = &sealed.metadata;
    match (metadata.namespace.as_str(), metadata.name.as_str()) {
        ("", "") => "(no name)".to_owned(),
        ("", name) => name.to_owned(),
        (namespace, "") => format!("{namespace}/(no name)"),
        (namespace, name) => format!("{namespace}/{name}"),
    }
}

/// Opens the items. Those whose structure is broken are reported already.
fn check_opens(sealed: &SealedSecret, keyring: &Keyring, findings: &mut Findings) {
    if let Some(blob) = &sealed.spec.data
        && let Err(problem) = open_item(blob, keyring, &label_of(sealed), None)
        && problem.is_whole()
    {
        findings.error("spec.data".to_owned(), problem.to_string());
    }
    let problems = open_all(sealed, keyring).problems;
    let unopened: Vec<_> = problems.into_iter().filter(|(_, problem)| problem.is_whole()).collect();
    for (key, problem) in &unopened {
        findings.error(key.clone(), problem.to_string());
    }
    if !unopened.is_empty() {
        for hint in explain(sealed, keyring, &UnsealError::Items(ItemErrors::new(unopened))) {
            findings.warn(None, hint);
        }
    }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::*;
    use crate::crypto::test_keys;
    use crate::seal::test_objects::sealed;
    use crate::seal::{CLUSTER_WIDE_ANNOTATION, NAMESPACE_WIDE_ANNOTATION, Scope, SealedValue, UnsealOptions, unseal_secret};

    fn object() -> SealedSecret {
        sealed(test_keys::first(), Scope::Strict, &[("a", b"1")])
    }

    fn lines(object: &SealedSecret, options: &VerifyOptions<'_>) -> Vec<String> {
        verify(object, options).into_iter().map(|finding| format!("{:?} {finding}", finding.severity)).collect()
    }

    fn structure(object: &SealedSecret) -> Vec<String> {
        lines(object, &VerifyOptions::default())
    }

    #[test]
    fn a_sound_object_has_no_findings_even_with_keys() {
        let keyring: Keyring = [test_keys::first().clone()].into_iter().collect();
        let options = VerifyOptions {
            certificate: Some(test_keys::first().public_key()),
            keyring: Some(&keyring),
            ..VerifyOptions::default()
        };
        for scope in [Scope::Strict, Scope::NamespaceWide, Scope::ClusterWide] {
            assert_eq!(lines(&sealed(test_keys::first(), scope, &[("a", b"1")]), &options), [""; 0]);
        }
    }

    #[test]
    fn broken_values_and_keys_are_errors_with_the_reason() {
        let mut object = object();
        let items = &mut object.spec.encrypted_data;
        items.insert("b64".into(), "AA AA".into());
        items.insert("empty".into(), String::new());
        items.insert("plain".into(), "aHVudGVyMi1odW50ZXIy".into());
        items.insert("bad key".into(), items["a"].clone());
        let mut odd = vec![1, 1];
        odd.resize(300, 1);
        items.insert("odd".into(), SealedValueText::of(odd));
        assert_eq!(
            structure(&object),
            [
                "Error web/app: b64: illegal base64 data at input byte 2",
                "Error web/app: bad key: not a valid key of a Secret: 1 to 253 letters, digits, `-`, `_` and `.`",
                "Error web/app: empty: the value is empty",
                "Error web/app: odd: never was sealed, or is damaged: no RSA key has this size",
                "Error web/app: plain: the value was never sealed, or is damaged",
            ]
        );
    }

    struct SealedValueText;
    impl SealedValueText {
        fn of(bytes: Vec<u8>) -> String {
            SealedValue::from_bytes(bytes).unwrap().to_text()
        }
    }

    #[test]
    fn a_value_for_another_size_than_the_certificates_is_an_error() {
        let mut object = object();
        let mut bytes = vec![2, 0];
        bytes.resize(2 + 512 + 16, 1);
        object.spec.encrypted_data.insert("big".into(), SealedValueText::of(bytes));
        let options = VerifyOptions { certificate: Some(test_keys::first().public_key()), ..VerifyOptions::default() };
        assert_eq!(
            lines(&object, &options),
            ["Error web/app: big: not for this certificate: sealed for an RSA key of 4096 bits, not of 2048 bits"]
        );
    }

    #[test]
    fn scope_annotations_that_mislead_are_warnings() {
        let mut object = object();
        object.metadata.annotations.insert(CLUSTER_WIDE_ANNOTATION.into(), "True".into());
        object.metadata.annotations.insert(NAMESPACE_WIDE_ANNOTATION.into(), "false".into());
        object.metadata.annotations.insert("sealedsecrets.bitnami.com/scope".into(), "cluster".into());
        object.metadata.annotations.insert("sealedsecrets.bitnami.com/managed".into(), "true".into());
        Scope::ClusterWide.annotate(&mut object.spec.template.metadata.annotations);
        assert_eq!(
            structure(&object),
            [
                "Warning web/app: sealedsecrets.bitnami.com/cluster-wide: only the exact value \"true\" sets this scope; this one \
                 counts as absent",
                "Warning web/app: sealedsecrets.bitnami.com/scope: this annotation has no effect; use the namespace-wide or \
                 cluster-wide one",
                "Warning web/app: sealedsecrets.bitnami.com/managed: this annotation has no effect here; it belongs in \
                 spec.template.metadata.annotations",
                "Warning web/app: the template says scope cluster-wide, the object itself strict; the object counts",
            ]
        );
        let mut both = sealed(test_keys::first(), Scope::ClusterWide, &[("a", b"1")]);
        both.metadata.annotations.insert(NAMESPACE_WIDE_ANNOTATION.into(), "true".into());
        assert_eq!(structure(&both), ["Warning web/app: both scope annotations are set; cluster-wide counts"]);
    }

    #[test]
    fn names_and_template_are_checked() {
        let mut object = object();
        object.metadata.name = "App".into();
        object.metadata.namespace = "a.b".into();
        object.spec.template.type_ = Some("kubernetes.io/tls".into());
        object.spec.template.data = Some([("a".into(), Some("x".into())), ("tls.key".into(), None)].into());
        object.spec.template.metadata.annotations.insert("kubectl.kubernetes.io/last-applied-configuration".into(), "{}".into());
        assert_eq!(
            structure(&object),
            [
                "Error a.b/App: metadata.name is not a valid name: lower-case letters, digits, `-` and `.`",
                "Error a.b/App: metadata.namespace is not a valid namespace: lower-case letters, digits and `-`",
                "Warning a.b/App: spec.template.metadata.name: differs from metadata.name, which counts: was the object renamed \
                 after sealing?",
                "Warning a.b/App: spec.template.metadata.namespace: differs from metadata.namespace, which counts: was the object \
                 renamed after sealing?",
                "Error a.b/App: kubectl.kubernetes.io/last-applied-configuration: this annotation in the template holds a copy of an \
                 object, probably in plaintext",
                "Warning a.b/App: a: both sealed and templated: since 0.37 the sealed value counts, before it was the template",
                "Error a.b/App: tls.crt: the type of the Secret requires this key",
                "Error a.b/App: tls.key: the type of the Secret requires this key",
            ]
        );
        assert_eq!(
            structure(&SealedSecret::default()),
            [
                "Error (no name): metadata.name is missing",
                "Warning (no name): metadata.namespace is missing: it opens only in the namespace that it was sealed for",
                "Warning (no name): spec.encryptedData is empty: the Secret will have no data",
            ]
        );
    }

    #[test]
    fn repeated_keys_and_both_forms_are_errors() {
        let mut object = object();
        object.spec.data = Some(object.spec.encrypted_data["a"].clone());
        let options = VerifyOptions { repeated_keys: &["spec.encryptedData.a".to_owned()], ..VerifyOptions::default() };
        assert_eq!(
            lines(&object, &options),
            [
                "Error web/app: spec.encryptedData.a: the key is there more than once; only the last one counts",
                "Error web/app: spec.data: spec.data and spec.encryptedData together: it will not open",
            ]
        );
    }

    #[test]
    fn with_keys_everything_is_opened_and_the_reason_is_told() {
        let mut object = object();
        object.metadata.name = "renamed".into();
        object.spec.template.metadata.name.clear();
        object.spec.encrypted_data.insert("b".into(), "AA AA".into());
        let keyring: Keyring = [test_keys::first().clone()].into_iter().collect();
        let options = VerifyOptions { keyring: Some(&keyring), ..VerifyOptions::default() };
        assert_eq!(
            lines(&object, &options),
            ["Error web/renamed: b: illegal base64 data at input byte 2", "Error web/renamed: a: no key could decrypt secret",]
        );
        object.spec.template.metadata.name = "app".into();
        assert_eq!(
            lines(&object, &options).last().unwrap(),
            "Warning web/renamed: item \"a\" opens as web/app: it was sealed for that namespace and name"
        );
    }

    /// A plaintext that somebody pasted as base64: no text about it may give away its first bytes, in any form.
    #[test]
    fn a_plaintext_in_place_of_a_sealed_value_shows_in_no_message() {
        let keyring: Keyring = [test_keys::first().clone()].into_iter().collect();
        let certificate = test_keys::first().public_key();
        let options = VerifyOptions { certificate: Some(certificate), keyring: Some(&keyring), ..VerifyOptions::default() };
        for start in [*b"hu", [1, 1], [1, 0x91], [3, 0xe7], [0, 77]] {
            for len in [2, 14, 400, 1400] {
                let mut plaintext = start.to_vec();
                plaintext.resize(len, b'7');
                let length = u16::from_be_bytes(start);
                let mut object = object();
                object.spec.encrypted_data = [("item".to_owned(), crate::manifest::encode_base64(&plaintext))].into();
                let mut texts = lines(&object, &options);
                let error = unseal_secret(&object, &keyring, &UnsealOptions::new(OffsetDateTime::UNIX_EPOCH)).unwrap_err();
                texts.extend([error.to_string(), format!("{error:?}")]);
                texts.extend(explain(&object, &keyring, &error));
                let parsed = SealedValue::from_bytes(plaintext.clone());
                texts.push(format!("{parsed:?}"));
                if let Ok(value) = parsed {
                    texts.push(format!(
                        "{:?} {}",
                        value.check_size_for(certificate),
                        value.check_size_for(certificate).unwrap_err()
                    ));
                }
                for text in texts {
                    // In the bytes themselves, as a length, as bits, as what would be left.
                    let forms = [usize::from(length), usize::from(length) * 8].map(|number| number.to_string());
                    let left = len.checked_sub(2 + usize::from(length)).map(|left| left.to_string());
                    assert!(!text.contains("777"), "{text}");
                    for form in forms.iter().chain(&left).filter(|form| form.len() > 1) {
                        assert!(!text.contains(form.as_str()), "{text} shows {form}");
                    }
                }
            }
        }
    }
}

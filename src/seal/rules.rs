//! The single rules behind [`super::verify`], by part of the object. Data in, findings out.

use super::verify::Findings;
use super::{CLUSTER_WIDE_ANNOTATION, LAST_APPLIED_ANNOTATIONS, NAMESPACE_WIDE_ANNOTATION, Scope, SealedValue};
use crate::crypto::rsa::PublicKey;
use crate::manifest::{ObjectMeta, SealedSecret};

/// Longest key of a Secret, in bytes.
const MAX_KEY_LEN: usize = 253;
/// Longest object name and longest namespace.
const MAX_NAME_LEN: usize = 253;
const MAX_NAMESPACE_LEN: usize = 63;
/// Most bytes that Kubernetes stores in one Secret.
const MAX_SECRET_BYTES: usize = 1 << 20;
/// Annotations that work on the produced Secret, so they belong in the template.
const TEMPLATE_ANNOTATIONS: [&str; 3] = [
    "sealedsecrets.bitnami.com/managed",
    "sealedsecrets.bitnami.com/patch",
    "sealedsecrets.bitnami.com/skip-set-owner-references",
];
/// Promised by the reference's README, never implemented.
const SCOPE_ANNOTATION: &str = "sealedsecrets.bitnami.com/scope";
/// Keys without which Kubernetes refuses a Secret of a type.
const REQUIRED_KEYS: [(&str, &[&str]); 4] = [
    ("kubernetes.io/tls", &["tls.crt", "tls.key"]),
    ("kubernetes.io/dockerconfigjson", &[".dockerconfigjson"]),
    ("kubernetes.io/dockercfg", &[".dockercfg"]),
    ("kubernetes.io/ssh-auth", &["ssh-privatekey"]),
];

/// Whether Kubernetes takes this as a key of a Secret: `[-._a-zA-Z0-9]`, 1 to 253 bytes, not `.` and not beginning with `..`.
#[must_use]
pub fn is_valid_key(key: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    (1..=MAX_KEY_LEN).contains(&key.len()) && key.bytes().all(allowed) && key != "." && !key.starts_with("..")
}

/// Whether Kubernetes takes this as the name of a Secret: DNS labels joined by dots, at most 253 bytes.
#[must_use]
pub fn is_valid_name(name: &str) -> bool {
    name.len() <= MAX_NAME_LEN && name.split('.').all(is_dns_label)
}

/// Whether Kubernetes takes this as a namespace: one DNS label, at most 63 bytes.
#[must_use]
pub fn is_valid_namespace(namespace: &str) -> bool {
    namespace.len() <= MAX_NAMESPACE_LEN && is_dns_label(namespace)
}

fn is_dns_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

pub(super) fn check_metadata(sealed: &SealedSecret, findings: &mut Findings) {
    let ObjectMeta { name, namespace, .. } = &sealed.metadata;
    let scope = Scope::from_annotations(&sealed.metadata.annotations);
    if name.is_empty() {
        findings.error(None, "metadata.name is missing");
    } else if !is_valid_name(name) {
        findings.error(None, "metadata.name is not a valid name: lower-case letters, digits, `-` and `.`");
    }
    if namespace.is_empty() {
        if scope != Scope::ClusterWide {
            findings.warn(None, "metadata.namespace is missing: it opens only in the namespace that it was sealed for");
        }
    } else if !is_valid_namespace(namespace) {
        findings.error(None, "metadata.namespace is not a valid namespace: lower-case letters, digits and `-`");
    }
}

pub(super) fn check_scope(sealed: &SealedSecret, findings: &mut Findings) {
    let own = &sealed.metadata.annotations;
    let template = &sealed.spec.template.metadata.annotations;
    let is_true = |key: &str| own.get(key).is_some_and(|value| value == "true");
    if is_true(CLUSTER_WIDE_ANNOTATION) && is_true(NAMESPACE_WIDE_ANNOTATION) {
        findings.warn(None, "both scope annotations are set; cluster-wide counts");
    }
    for key in [CLUSTER_WIDE_ANNOTATION, NAMESPACE_WIDE_ANNOTATION] {
        if own.get(key).is_some_and(|value| value != "true" && value != "false") {
            findings.warn(key.to_owned(), "only the exact value \"true\" sets this scope; this one counts as absent");
        }
    }
    if own.contains_key(SCOPE_ANNOTATION) {
        findings.warn(SCOPE_ANNOTATION.to_owned(), "this annotation has no effect; use the namespace-wide or cluster-wide one");
    }
    for key in TEMPLATE_ANNOTATIONS.into_iter().filter(|key| own.contains_key(*key)) {
        findings.warn(key.to_owned(), "this annotation has no effect here; it belongs in spec.template.metadata.annotations");
    }
    let (scope, in_template) = (Scope::from_annotations(own), Scope::from_annotations(template));
    // A template without metadata says nothing; one with some other scope misleads whoever reads it.
    if in_template != Scope::Strict && in_template != scope {
        findings.warn(None, format!("the template says scope {in_template}, the object itself {scope}; the object counts"));
    }
}

pub(super) fn check_items(sealed: &SealedSecret, certificate: Option<&PublicKey>, findings: &mut Findings) {
    let spec = &sealed.spec;
    if let Some(blob) = &spec.data {
        if spec.encrypted_data.is_empty() {
            findings.warn("spec.data".to_owned(), "the deprecated form, which kubeseal no longer opens: seal it again");
        } else {
            findings.error("spec.data".to_owned(), "spec.data and spec.encryptedData together: it will not open");
        }
        check_value("spec.data", blob, certificate, findings);
    } else if spec.encrypted_data.is_empty() && spec.template.data.as_ref().is_none_or(|templates| templates.is_empty()) {
        findings.warn(None, "spec.encryptedData is empty: the Secret will have no data");
    }
    for (key, text) in &spec.encrypted_data {
        check_key(key, findings);
        check_value(key, text, certificate, findings);
    }
}

fn check_key(key: &str, findings: &mut Findings) {
    if !is_valid_key(key) {
        findings.error(key.to_owned(), "not a valid key of a Secret: 1 to 253 letters, digits, `-`, `_` and `.`");
    }
}

fn check_value(key: &str, text: &str, certificate: Option<&PublicKey>, findings: &mut Findings) {
    let value = match SealedValue::parse(text) {
        Ok(value) => value,
        Err(error) => return findings.error(key.to_owned(), error.to_string()),
    };
    match certificate.map(|certificate| value.check_size_for(certificate)) {
        Some(Ok(())) => {}
        _ if value.key_bits().is_none() => {
            findings.error(key.to_owned(), "never was sealed, or is damaged: no RSA key has this size");
        }
        Some(Err(error)) => findings.error(key.to_owned(), format!("not for this certificate: {error}")),
        None => {}
    }
}

/// The plaintext's size shows in the ciphertext, so a Secret that is too large is known before it is opened.
pub(super) fn check_total(sealed: &SealedSecret, findings: &mut Findings) {
    let lengths = sealed.spec.encrypted_data.iter();
    let total: usize = lengths.filter_map(|(_, text)| SealedValue::parse(text).ok()).map(|value| value.plaintext_len()).sum();
    if total > MAX_SECRET_BYTES {
        findings.error(None, format!("the Secret would hold {total} bytes; Kubernetes takes at most {MAX_SECRET_BYTES}"));
    }
}

pub(super) fn check_template(sealed: &SealedSecret, findings: &mut Findings) {
    let (object, template) = (&sealed.metadata, &sealed.spec.template);
    let metadata = &template.metadata;
    for (field, theirs, ours) in [("name", &metadata.name, &object.name), ("namespace", &metadata.namespace, &object.namespace)] {
        if !theirs.is_empty() && theirs != ours {
            let message = format!("differs from metadata.{field}, which counts: was the object renamed after sealing?");
            findings.warn(format!("spec.template.metadata.{field}"), message);
        }
    }
    for key in LAST_APPLIED_ANNOTATIONS.into_iter().filter(|key| metadata.annotations.contains_key(*key)) {
        findings.error(key.to_owned(), "this annotation in the template holds a copy of an object, probably in plaintext");
    }
    let templates = template.data.iter().flatten();
    for (key, text) in templates {
        check_key(key, findings);
        if text.is_some() && sealed.spec.encrypted_data.contains_key(key) {
            let message = "both sealed and templated: since 0.37 the sealed value counts, before it was the template";
            findings.warn(key.clone(), message);
        }
    }
    let produced = |key: &str| {
        let templated = template.data.as_ref().and_then(|templates| templates.get(key));
        match templated {
            Some(None) => false,
            Some(Some(_)) => true,
            None => sealed.spec.encrypted_data.contains_key(key),
        }
    };
    let required = REQUIRED_KEYS.iter().find(|(type_, _)| template.type_.as_deref() == Some(*type_)).map(|(_, keys)| *keys);
    if sealed.spec.data.is_none() {
        for key in required.unwrap_or_default().iter().filter(|key| !produced(key)) {
            findings.error((*key).to_owned(), "the type of the Secret requires this key");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_names_are_those_that_kubernetes_takes() {
        for key in ["a", "A_b-c.d", ".dockerconfigjson", "..."].map(|key| (key, key != "...")) {
            assert_eq!(is_valid_key(key.0), key.1, "{}", key.0);
        }
        for key in ["", ".", "..", "..x", "a b", "a/b", "é", "a=b", &"k".repeat(254)] {
            assert!(!is_valid_key(key), "{key}");
        }
        assert!(is_valid_key(&"k".repeat(253)));
        for name in ["app", "a.b-c.9", &"n".repeat(253)] {
            assert!(is_valid_name(name), "{name}");
        }
        for name in ["", "App", "-a", "a-", "a..b", "a_b", &"n".repeat(254)] {
            assert!(!is_valid_name(name), "{name}");
        }
        assert!(is_valid_namespace("kube-system") && !is_valid_namespace("a.b") && !is_valid_namespace(&"n".repeat(64)));
    }
}

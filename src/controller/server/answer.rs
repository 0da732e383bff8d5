//! What verification and re-encryption decide about an object that somebody sent: bytes and keys in, an answer out.
//!
//! Both decide from items only; templates are never executed. Re-encryption keeps the object as it is (its templates too, which
//! the reference loses) but for its items and what only an API server sets, and puts the object's own name, namespace and scope
//! into the template, so that nobody who sealed a Secret for one place gets it back for more (CVE-2026-22728).

use crate::controller::keys::Keys;
use crate::manifest::{Error, ObjectMeta, SealedSecret, Style, read_documents, sealed_secret_to_value};
use crate::seal::{CLUSTER_WIDE_ANNOTATION, NAMESPACE_WIDE_ANNOTATION, Opens, ResealError, UnsealError, opens, reseal_while};

/// What the sent bytes are called in errors.
const NAME: &str = "request";
/// What only an API server sets, and nobody keeps in a file.
const SERVER_FIELDS: [&str; 9] = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Does it open?
    Verify,
    /// Seal it for the newest key.
    Rotate,
}

/// What is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Opens,
    DoesNotOpen,
    /// The object as JSON.
    Rotated(Vec<u8>),
    /// It is no SealedSecret, with the reason.
    Unreadable(String),
    /// It does not open; why is not said.
    CannotRotate,
    /// There are no keys yet.
    NotReady,
    /// `go_on` said no.
    TooLong,
}

/// Answers. `go_on` is asked before each private-key operation or two.
pub(super) fn answer(
    question: Question,
    body: &[u8],
    keys: &Keys,
    accept_deprecated_data: bool,
    go_on: &dyn Fn() -> bool,
) -> Answer {
    let Some((newest, _)) = &keys.newest else { return Answer::NotReady };
    let sealed = match read(body) {
        Ok(sealed) => sealed,
        Err(error) => return Answer::Unreadable(error.to_string()),
    };
    if question == Question::Verify {
        return match opens(&sealed, &keys.keyring, accept_deprecated_data, go_on) {
            Opens::Yes => Answer::Opens,
            Opens::No => Answer::DoesNotOpen,
            Opens::Stopped => Answer::TooLong,
        };
    }
    if sealed.spec.data.is_some() && !accept_deprecated_data {
        return Answer::Unreadable(UnsealError::DeprecatedData.to_string());
    }
    match reseal_while(&sealed, &keys.keyring, newest.public_key(), go_on) {
        Ok(resealed) => Answer::Rotated(written(resealed.sealed)),
        Err(ResealError::Stopped) => Answer::TooLong,
        Err(_) => Answer::CannotRotate,
    }
}

/// The one SealedSecret that the body must be.
fn read(body: &[u8]) -> Result<SealedSecret, Error> {
    let mut documents = read_documents(body, NAME)?;
    let expected = "SealedSecret";
    match (documents.len(), documents.pop()) {
        (1, Some(document)) => document.sealed_secret().map(|located| located.object),
        (0, _) => Err(Error::Nothing { file: NAME.to_owned(), expected }),
        (count, _) => Err(Error::Several { file: NAME.to_owned(), expected, count }),
    }
}

fn written(mut sealed: SealedSecret) -> Vec<u8> {
    let SealedSecret { metadata, spec, status } = &mut sealed;
    *status = None;
    for fields in [&mut metadata.other, &mut spec.template.metadata.other] {
        fields.retain(|field, _| !SERVER_FIELDS.contains(&field.as_str()));
    }
    if align(&mut spec.template.metadata, metadata) {
        tracing::warn!("Sealed Secret metadata doesn't match. Please align your Sealed Secret metadata");
    }
    // A value of texts and maps can always be written.
    serde_json::to_vec(&sealed_secret_to_value(&sealed, Style::Current)).unwrap_or_default()
}

/// Gives the template the object's name, namespace and scope. Tells whether it had others.
fn align(template: &mut ObjectMeta, own: &ObjectMeta) -> bool {
    let before = template.clone();
    template.name.clone_from(&own.name);
    template.namespace.clone_from(&own.namespace);
    for scope in [CLUSTER_WIDE_ANNOTATION, NAMESPACE_WIDE_ANNOTATION] {
        match own.annotations.get(scope) {
            Some(value) => _ = template.annotations.insert(scope.to_owned(), value.clone()),
            None => _ = template.annotations.remove(scope),
        }
    }
    let named = !before.name.is_empty() || !before.namespace.is_empty();
    before.annotations != template.annotations || (named && (before.name != own.name || before.namespace != own.namespace))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};
    use time::OffsetDateTime;

    use super::*;
    use crate::controller::keys::Keys;
    use crate::crypto::rsa::PrivateKey;
    use crate::crypto::test_keys;
    use crate::crypto::x509::Certificate;
    use crate::seal::test_objects::sealed;
    use crate::seal::{Keyring, Scope, UnsealOptions, unseal_secret};

    fn keys(newest: &PrivateKey, all: &[&PrivateKey]) -> Keys {
        let ttl = time::Duration::HOUR;
        let certificate = Certificate::self_signed(newest, "", OffsetDateTime::now_utc(), ttl).unwrap();
        let pem = certificate.pem();
        Keys {
            keyring: Arc::new(all.iter().map(|key| (*key).clone()).collect()),
            newest: Some((certificate, pem.into())),
            ..Keys::default()
        }
    }

    fn both() -> Keys {
        keys(test_keys::second(), &[test_keys::first(), test_keys::second()])
    }

    fn ask(question: Question, object: &SealedSecret, keys: &Keys) -> Answer {
        let body = serde_json::to_vec(&sealed_secret_to_value(object, Style::Current)).unwrap();
        answer(question, &body, keys, true, &|| true)
    }

    fn rotated(object: &SealedSecret) -> Value {
        match ask(Question::Rotate, object, &both()) {
            Answer::Rotated(json) => serde_json::from_slice(&json).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn opens_with_the_new_key_only(value: &Value) -> bool {
        let keyring: Keyring = [test_keys::second().clone()].into_iter().collect();
        let object = read(value.to_string().as_bytes()).unwrap();
        unseal_secret(&object, &keyring, &UnsealOptions::new(OffsetDateTime::UNIX_EPOCH)).is_ok()
    }

    #[test]
    fn verification_answers_yes_or_no_whatever_the_template_says() {
        for template in [None, Some("{{ fail \"x\" }}"), Some("{{")] {
            let mut object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1")]);
            object.spec.template.data = template.map(|text| [("t".to_owned(), Some(text.to_owned()))].into());
            assert_eq!(ask(Question::Verify, &object, &both()), Answer::Opens);
            assert!(matches!(ask(Question::Rotate, &object, &both()), Answer::Rotated(_)));
            let other = keys(test_keys::second(), &[test_keys::second()]);
            assert_eq!(ask(Question::Verify, &object, &other), Answer::DoesNotOpen);
            assert_eq!(ask(Question::Rotate, &object, &other), Answer::CannotRotate);
            object.metadata.name = "moved".into();
            assert_eq!(ask(Question::Verify, &object, &both()), Answer::DoesNotOpen);
        }
    }

    #[test]
    fn rotation_changes_items_and_server_fields_and_nothing_else() {
        let mut object = sealed(test_keys::first(), Scope::NamespaceWide, &[("a", b"1")]);
        object.metadata.labels.insert("own".into(), "kept".into());
        object.metadata.annotations.insert("argocd.argoproj.io/sync-wave".into(), "3".into());
        object.metadata.other.insert("uid".into(), json!("u"));
        object.metadata.other.insert("managedFields".into(), json!([{ "manager": "x" }]));
        object.spec.template.data = Some([("t".to_owned(), Some("{{ .a }}".to_owned())), ("n".to_owned(), None)].into());
        object.spec.template.metadata.labels.insert("l".into(), "kept".into());
        object.status = Some(json!({ "observedGeneration": 1 }));
        let value = rotated(&object);
        assert!(opens_with_the_new_key_only(&value));
        assert_eq!(value["metadata"]["labels"]["own"], "kept");
        assert_eq!(value["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"], "3");
        assert_eq!(value["spec"]["template"]["metadata"]["labels"]["l"], "kept");
        assert_eq!(value["spec"]["template"]["data"], json!({ "t": "{{ .a }}", "n": null }));
        assert_eq!(value["status"], Value::Null);
        assert_eq!(value["metadata"]["uid"], Value::Null);
        assert_eq!(value["metadata"]["managedFields"], Value::Null);
    }

    #[test]
    fn rotation_never_widens_the_scope() {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1")]);
        object.spec.template.metadata.annotations.insert(CLUSTER_WIDE_ANNOTATION.into(), "true".into());
        object.spec.template.metadata.name = "elsewhere".into();
        let value = rotated(&object);
        assert!(opens_with_the_new_key_only(&value));
        assert_eq!(value["metadata"]["annotations"], Value::Null);
        assert_eq!(value["spec"]["template"]["metadata"]["annotations"], Value::Null);
        assert_eq!(value["spec"]["template"]["metadata"]["name"], "app");
        let mut moved = value;
        moved["metadata"]["name"] = "elsewhere".into();
        assert!(!opens_with_the_new_key_only(&moved));
    }

    #[test]
    fn what_is_no_single_sealed_secret_is_unreadable_and_says_why() {
        let good = serde_json::to_string(&sealed_secret_to_value(
            &sealed(test_keys::first(), Scope::Strict, &[("a", b"1")]),
            Style::Current,
        ))
        .unwrap();
        let bodies = [
            String::new(),
            "garbage: [".to_owned(),
            "42".to_owned(),
            "{\"kind\":\"Secret\",\"apiVersion\":\"v1\"}".to_owned(),
            "{\"kind\":\"SealedSecret\"".to_owned(),
            format!("{good}{good}"),
            format!("---\n{good}\n---\n{good}\n"),
            format!("{{\"kind\":\"List\",\"apiVersion\":\"v1\",\"items\":[{good}]}}"),
        ];
        for body in bodies {
            for question in [Question::Verify, Question::Rotate] {
                let got = answer(question, body.as_bytes(), &both(), true, &|| true);
                assert!(matches!(&got, Answer::Unreadable(reason) if reason.starts_with("request")), "{body}: {got:?}");
            }
        }
        assert_eq!(answer(Question::Verify, format!("---\n{good}\n").as_bytes(), &both(), true, &|| true), Answer::Opens);
    }

    #[test]
    fn it_can_be_stopped_and_waits_for_keys() {
        let object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1")]);
        let body = serde_json::to_vec(&sealed_secret_to_value(&object, Style::Current)).unwrap();
        for question in [Question::Verify, Question::Rotate] {
            assert_eq!(answer(question, &body, &both(), true, &|| false), Answer::TooLong);
            assert_eq!(answer(question, &body, &Keys::default(), true, &|| true), Answer::NotReady);
        }
    }
}

//! Opening a whole SealedSecret: the Secret that the controller would make of it.
//!
//! Follows `sealed-secrets.md` §1.1, §1.4, §1.6 and §1.7. The label comes from the object's own name, namespace and
//! annotations, never from its template. Every item is tried and every failure is reported, in one error whose text groups
//! equal reasons as the reference does; nothing is half opened. Templates run once all items are open. Of an item that is both decrypted and templated, the decrypted
//! value counts (0.37 and later). Why an item does not open is asked separately, of [`super::explain`].

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Keyring, Label, NoKeyOpens, Scope, SealedValue, ValueError};
use crate::crypto::rsa::Fingerprint;
use crate::manifest::{SealedSecret, Secret, read_secrets};
use crate::secret::SecretBytes;
use crate::template;

/// Annotation in the template that keeps the produced Secret without an owner. Only the exact value `"true"` counts.
pub const SKIP_OWNER_ANNOTATION: &str = "sealedsecrets.bitnami.com/skip-set-owner-references";

/// `apiVersion` and `kind` of the owner that the produced Secret names.
const OWNER: (&str, &str) = ("bitnami.com/v1alpha1", "SealedSecret");

/// How an object is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UnsealOptions {
    /// Accept the deprecated form, `spec.data` with one blob. The controller does by default, kubeseal never.
    pub accept_deprecated_data: bool,
    /// What the clock says to templates.
    pub now: OffsetDateTime,
    /// How much templates may take.
    pub template_limits: template::Limits,
    /// On how many threads the items are opened, this one included.
    pub threads: usize,
    /// The key that is tried first: the one that opened this object's items before. Changes nothing but the time it takes.
    pub likely_key: Option<Fingerprint>,
}

impl UnsealOptions {
    /// Everything as kubeseal does it, at this time.
    #[must_use]
    pub fn new(now: OffsetDateTime) -> Self {
        Self { accept_deprecated_data: false, now, template_limits: template::Limits::default(), threads: 1, likely_key: None }
    }

    /// Opens the items on so many threads, this one included.
    #[must_use]
    pub fn on_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Tries this key first.
    #[must_use]
    pub fn likely_key(self, likely_key: Option<Fingerprint>) -> Self {
        Self { likely_key, ..self }
    }

    /// Accepts the deprecated form too.
    #[must_use]
    pub fn accepting_deprecated_data(self) -> Self {
        Self { accept_deprecated_data: true, ..self }
    }
}

/// An opened object.
#[derive(Clone, Debug, Default)]
pub struct Unsealed {
    /// The Secret, its values in `data`.
    pub secret: Secret,
    /// Which key opened which item. The deprecated blob is under the empty key.
    pub opened_by: BTreeMap<String, Fingerprint>,
}

/// Why one item failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ItemProblem {
    /// Not base64, with the offset.
    Base64(ValueError),
    /// No key opens it. The structural reason, where there is one, is for the owner only.
    Sealed(Option<ValueError>),
    /// The template of this key failed.
    Template(String),
}

impl ItemProblem {
    /// Whether the value has the structure of a sealed one, so that its key or label must be wrong.
    pub(super) fn is_whole(&self) -> bool {
        matches!(self, Self::Sealed(None))
    }
}

impl std::fmt::Display for ItemProblem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Base64(error) => error.fmt(f),
            Self::Sealed(_) => NoKeyOpens.fmt(f),
            Self::Template(message) => f.write_str(message),
        }
    }
}

/// All items of one object that failed, sorted by key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ItemErrors(Vec<(String, ItemProblem)>);

impl ItemErrors {
    /// Sorts by key; each problem keeps its key.
    pub(super) fn new(mut problems: Vec<(String, ItemProblem)>) -> Self {
        problems.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self(problems)
    }

    /// Key and problem of each, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ItemProblem)> {
        self.0.iter().map(|(key, problem)| (key.as_str(), problem))
    }
}

impl std::fmt::Display for ItemErrors {
    /// `message (a, b); other message (c)`: the reference's text, in a fixed order.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
        for (key, problem) in &self.0 {
            let message = problem.to_string();
            match groups.iter_mut().find(|(known, _)| *known == message) {
                Some((_, keys)) => keys.push(key),
                None => groups.push((message, vec![key])),
            }
        }
        for (index, (message, keys)) in groups.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{message} ({})", keys.join(", "))?;
        }
        Ok(())
    }
}

/// Why an object does not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsealError {
    /// Some items failed; no item is given out then.
    #[error("{0}")]
    Items(ItemErrors),
    /// `spec.data` and `spec.encryptedData` together.
    #[error("cannot use the field 'encryptedData' and the deprecated field 'data' at the same time")]
    BothForms,
    /// `spec.data`, which the caller does not accept.
    #[error("using deprecated 'data' field, use 'encryptedData' or flip the feature flag")]
    DeprecatedData,
    /// The blob of `spec.data` does not open.
    #[error("{0}")]
    Blob(ItemProblem),
    /// The blob opened, but holds no Secret.
    #[error("the deprecated field 'data' opens, but does not hold a Secret")]
    BlobContent,
}

/// Opens every item and makes the Secret.
///
/// # Errors
/// [`UnsealError`]; with all failing items in one.
pub fn unseal_secret(sealed: &SealedSecret, keyring: &Keyring, options: &UnsealOptions) -> Result<Secret, UnsealError> {
    unseal_and_tell(sealed, keyring, options).map(|unsealed| unsealed.secret)
}

/// As [`unseal_secret`], and tells which key opened which item.
///
/// # Errors
/// As [`unseal_secret`].
pub fn unseal_and_tell(sealed: &SealedSecret, keyring: &Keyring, options: &UnsealOptions) -> Result<Unsealed, UnsealError> {
    let mut unsealed = match &sealed.spec.data {
        None => open_items(sealed, keyring, options)?,
        Some(_) if !sealed.spec.encrypted_data.is_empty() => return Err(UnsealError::BothForms),
        Some(_) if !options.accept_deprecated_data => return Err(UnsealError::DeprecatedData),
        Some(blob) => open_blob(sealed, blob, keyring, options.likely_key)?,
    };
    let metadata = &mut unsealed.secret.metadata;
    metadata.name.clone_from(&sealed.metadata.name);
    metadata.namespace.clone_from(&sealed.metadata.namespace);
    if sealed.spec.template.metadata.annotations.get(SKIP_OWNER_ANNOTATION).is_none_or(|value| value != "true") {
        metadata.other.insert("ownerReferences".to_owned(), json!([owner(sealed)]));
    }
    Ok(unsealed)
}

/// The label of an object's items: from its own metadata, whatever its template says.
#[must_use]
pub fn label_of(sealed: &SealedSecret) -> Label {
    let metadata = &sealed.metadata;
    Label::new(Scope::from_annotations(&metadata.annotations), &metadata.namespace, &metadata.name)
}

/// Opens one item as it stands in the file; with the likely key first, if one is given.
pub(super) fn open_item(
    text: &str,
    keyring: &Keyring,
    label: &Label,
    likely: Option<Fingerprint>,
) -> Result<(SecretBytes, Fingerprint), ItemProblem> {
    let value = SealedValue::parse(text).map_err(|error| match error {
        ValueError::Base64 { .. } => ItemProblem::Base64(error),
        structural => ItemProblem::Sealed(Some(structural)),
    })?;
    keyring.open_with_likely(&value, label, likely).map_err(|NoKeyOpens| ItemProblem::Sealed(None))
}

/// What became of the items of one object, each in one of the two.
#[derive(Default)]
pub(super) struct Attempt {
    /// The plaintext of those that opened, and the key that did it.
    pub(super) opened: BTreeMap<String, (SecretBytes, Fingerprint)>,
    /// Those that did not, sorted by key.
    pub(super) problems: Vec<(String, ItemProblem)>,
    /// Whether items were left out.
    pub(super) stopped: bool,
}

/// Tries every item.
pub(super) fn open_all(sealed: &SealedSecret, keyring: &Keyring) -> Attempt {
    open_while(sealed, keyring, &|_| true)
}

/// Tries items as long as `go_on` says so, which gets what there is so far.
pub(super) fn open_while(sealed: &SealedSecret, keyring: &Keyring, go_on: &dyn Fn(&Attempt) -> bool) -> Attempt {
    let label = label_of(sealed);
    let mut attempt = Attempt::default();
    for (key, text) in &sealed.spec.encrypted_data {
        if !go_on(&attempt) {
            attempt.stopped = true;
            break;
        }
        match open_item(text, keyring, &label, None) {
            Ok(item) => _ = attempt.opened.insert(key.clone(), item),
            Err(problem) => attempt.problems.push((key.clone(), problem)),
        }
    }
    attempt
}

/// Tries every item on so many threads: each takes the next item that nobody has begun.
fn open_all_on(sealed: &SealedSecret, keyring: &Keyring, threads: usize, likely: Option<Fingerprint>) -> Attempt {
    let label = label_of(sealed);
    let items: Vec<(&String, &String)> = sealed.spec.encrypted_data.iter().collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut attempt = Attempt::default();
        while let Some((key, text)) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            match open_item(text, keyring, &label, likely) {
                Ok(item) => _ = attempt.opened.insert((*key).clone(), item),
                Err(problem) => attempt.problems.push(((*key).clone(), problem)),
            }
        }
        attempt
    };
    let further = threads.min(items.len()).saturating_sub(1);
    if further == 0 {
        return work();
    }
    std::thread::scope(|scope| {
        // Where no thread is to be had, this one does the work.
        let spawn = |_| std::thread::Builder::new().name("unseal".to_owned()).spawn_scoped(scope, work).ok();
        let others: Vec<_> = (0..further).filter_map(spawn).collect();
        let mut attempt = work();
        for other in others {
            match other.join() {
                Ok(mut part) => {
                    attempt.opened.append(&mut part.opened);
                    attempt.problems.append(&mut part.problems);
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        attempt
    })
}

fn open_items(sealed: &SealedSecret, keyring: &Keyring, options: &UnsealOptions) -> Result<Unsealed, UnsealError> {
    let template = &sealed.spec.template;
    let Attempt { opened, problems, .. } = open_all_on(sealed, keyring, options.threads, options.likely_key);
    let mut unsealed = Unsealed::default();
    for (key, (plaintext, by)) in opened {
        unsealed.opened_by.insert(key.clone(), by);
        unsealed.secret.data.insert(key, plaintext);
    }
    if !problems.is_empty() {
        return Err(UnsealError::Items(ItemErrors::new(problems)));
    }
    render(sealed, &mut unsealed.secret.data, options)?;
    unsealed.secret.metadata = template.metadata.clone();
    unsealed.secret.type_.clone_from(&template.type_);
    unsealed.secret.immutable = template.immutable;
    Ok(unsealed)
}

/// Adds what the templates give to the opened items. They see the items and, unrendered, each other's text; an opened item
/// of the same key stays, though its template must execute; `null` takes an opened item out of the result, not out of sight.
fn render(sealed: &SealedSecret, data: &mut BTreeMap<String, SecretBytes>, options: &UnsealOptions) -> Result<(), UnsealError> {
    let Some(templates) = sealed.spec.template.data.as_ref().filter(|templates| !templates.is_empty()) else { return Ok(()) };
    let texts: BTreeMap<String, String> = templates.iter().filter_map(|(key, text)| Some((key.clone(), text.clone()?))).collect();
    let mut visible = data.clone();
    for (key, text) in &texts {
        visible.entry(key.clone()).or_insert_with(|| SecretBytes::copy_of(text.as_bytes()));
    }
    let rendered = template::render(&texts, &visible, &options.template_limits, options.now).map_err(|errors| {
        let problems = errors.into_iter().map(|(key, error)| (key, ItemProblem::Template(error.to_string())));
        UnsealError::Items(ItemErrors::new(problems.collect()))
    })?;
    for (key, value) in rendered {
        data.entry(key).or_insert(value);
    }
    data.retain(|key, _| templates.get(key).is_none_or(Option::is_some));
    Ok(())
}

/// Opens the deprecated form: one blob that is a whole Secret in JSON. Of the template only the owner annotation counts.
pub(super) fn open_blob(
    sealed: &SealedSecret,
    blob: &str,
    keyring: &Keyring,
    likely: Option<Fingerprint>,
) -> Result<Unsealed, UnsealError> {
    let (json, by) = open_item(blob, keyring, &label_of(sealed), likely).map_err(UnsealError::Blob)?;
    // The reader's error could repeat a part of the plaintext, so it is not passed on.
    let mut secrets = read_secrets(json.expose(), "spec.data").map_err(|_| UnsealError::BlobContent)?;
    let (Some(secret), true) = (secrets.pop(), secrets.is_empty()) else { return Err(UnsealError::BlobContent) };
    let mut secret = secret.object;
    secret.data.append(&mut secret.string_data);
    Ok(Unsealed { secret, opened_by: [(String::new(), by)].into() })
}

/// The only owner of the produced Secret; without `blockOwnerDeletion`, as in the reference.
fn owner(sealed: &SealedSecret) -> Value {
    let uid = sealed.metadata.other.get("uid").and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = OWNER;
    json!({ "apiVersion": api_version, "kind": kind, "name": sealed.metadata.name, "uid": uid, "controller": true })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rsa::PrivateKey;
    use crate::crypto::test_keys;
    use crate::seal::test_objects::sealed;
    use crate::seal::{CLUSTER_WIDE_ANNOTATION, NAMESPACE_WIDE_ANNOTATION, seal_value};

    fn keyring(keys: &[&PrivateKey]) -> Keyring {
        keys.iter().map(|key| (*key).clone()).collect()
    }

    fn unseal(object: &SealedSecret) -> Result<Secret, UnsealError> {
        unseal_secret(object, &keyring(&[test_keys::first()]), &UnsealOptions::new(OffsetDateTime::UNIX_EPOCH))
    }

    #[test]
    fn many_threads_give_what_one_gives() {
        let items: Vec<(String, Vec<u8>)> = (0..9).map(|n| (format!("k{n}"), vec![n])).collect();
        let items: Vec<(&str, &[u8])> = items.iter().map(|(key, value)| (key.as_str(), value.as_slice())).collect();
        let mut object = sealed(test_keys::second(), Scope::Strict, &items);
        let keyring = keyring(&[test_keys::first(), test_keys::second()]);
        let likely = Some(test_keys::second().public_key().fingerprint());
        let open = |object: &SealedSecret, threads| {
            let options = UnsealOptions::new(OffsetDateTime::UNIX_EPOCH).on_threads(threads).likely_key(likely);
            unseal_and_tell(object, &keyring, &options)
        };
        let one = open(&object, 1).unwrap();
        for threads in [0, 2, 4, 64] {
            let several = open(&object, threads).unwrap();
            assert_eq!((several.secret, several.opened_by), (one.secret.clone(), one.opened_by.clone()));
        }
        object.spec.encrypted_data.insert("k3".into(), "!".into());
        object.spec.encrypted_data.insert("k7".into(), String::new());
        assert_eq!(open(&object, 4).unwrap_err(), open(&object, 1).unwrap_err());
    }

    #[test]
    fn the_secret_has_the_items_the_template_and_one_owner() {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[("A", b"1\n"), ("B", b"\xff")]);
        object.metadata.other.insert("uid".into(), json!("u-1"));
        object.metadata.labels.insert("own".into(), "not copied".into());
        object.spec.template.immutable = Some(false);
        object.spec.template.metadata.name = "another".into();
        object.spec.template.metadata.labels.insert("l".into(), "v".into());
        object.spec.template.metadata.other.insert("ownerReferences".into(), json!([{ "kind": "X" }]));
        let secret = unseal(&object).unwrap();
        assert_eq!(secret.data["A"].expose(), b"1\n");
        assert_eq!(secret.data["B"].expose(), b"\xff");
        assert_eq!((secret.type_.as_deref(), secret.immutable), (Some("Opaque"), Some(false)));
        assert_eq!((secret.metadata.name.as_str(), secret.metadata.namespace.as_str()), ("app", "web"));
        assert_eq!(secret.metadata.labels.keys().collect::<Vec<_>>(), ["l"]);
        assert_eq!(
            secret.metadata.other["ownerReferences"].to_string(),
            r#"[{"apiVersion":"bitnami.com/v1alpha1","kind":"SealedSecret","name":"app","uid":"u-1","controller":true}]"#
        );
    }

    #[test]
    fn with_the_skip_annotation_the_templates_owners_stay() {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[("A", b"1")]);
        object.spec.template.metadata.annotations.insert(SKIP_OWNER_ANNOTATION.into(), "TRUE".into());
        assert!(unseal(&object).unwrap().metadata.other.contains_key("ownerReferences"));
        object.spec.template.metadata.annotations.insert(SKIP_OWNER_ANNOTATION.into(), "true".into());
        assert!(!unseal(&object).unwrap().metadata.other.contains_key("ownerReferences"));
        object.spec.template.metadata.other.insert("ownerReferences".into(), json!([{ "kind": "X" }]));
        assert_eq!(unseal(&object).unwrap().metadata.other["ownerReferences"], json!([{ "kind": "X" }]));
    }

    #[test]
    fn the_scope_is_the_objects_own_and_never_the_templates() {
        let mut object = sealed(test_keys::first(), Scope::ClusterWide, &[("A", b"1")]);
        object.metadata.name = "moved".into();
        object.metadata.namespace = "elsewhere".into();
        assert!(unseal(&object).is_ok());
        object.metadata.annotations.insert(CLUSTER_WIDE_ANNOTATION.into(), "false".into());
        assert_eq!(object.spec.template.metadata.annotations[CLUSTER_WIDE_ANNOTATION], "true");
        assert_eq!(unseal(&object).unwrap_err().to_string(), "no key could decrypt secret (A)");

        let mut object = sealed(test_keys::first(), Scope::NamespaceWide, &[("A", b"1")]);
        object.metadata.name = "renamed".into();
        assert!(unseal(&object).is_ok());
        object.metadata.annotations.remove(NAMESPACE_WIDE_ANNOTATION);
        assert!(unseal(&object).is_err());
    }

    #[test]
    fn every_failing_item_is_reported_once_grouped_and_sorted() {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1"), ("d", b"1"), ("e", b"1")]);
        let other = sealed(test_keys::second(), Scope::Strict, &[("z", b"1")]);
        let items = &mut object.spec.encrypted_data;
        items.insert("c".into(), other.spec.encrypted_data["z"].clone());
        items.insert("b".into(), "AA AA".into());
        items.insert("d".into(), "AAAA".into());
        let error = unseal(&object).unwrap_err();
        assert_eq!(error.to_string(), "illegal base64 data at input byte 2 (b); no key could decrypt secret (c, d)");
    }

    #[test]
    fn items_of_one_object_may_have_different_keys() {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[("a", b"1")]);
        let other = sealed(test_keys::second(), Scope::Strict, &[("b", b"2")]);
        object.spec.encrypted_data.extend(other.spec.encrypted_data);
        let both = keyring(&[test_keys::first(), test_keys::second()]);
        let unsealed = unseal_and_tell(&object, &both, &UnsealOptions::new(OffsetDateTime::UNIX_EPOCH)).unwrap();
        assert_eq!(unsealed.opened_by["a"], test_keys::first().public_key().fingerprint());
        assert_eq!(unsealed.opened_by["b"], test_keys::second().public_key().fingerprint());
    }

    fn templated(templates: &[(&str, Option<&str>)]) -> SealedSecret {
        let mut object = sealed(test_keys::first(), Scope::Strict, &[("user", b"admin"), ("bin", b"\xff\x00")]);
        let templates = templates.iter().map(|(key, text)| ((*key).to_owned(), text.map(str::to_owned)));
        object.spec.template.data = Some(templates.collect());
        object
    }

    #[test]
    fn templates_see_the_items_and_each_others_raw_text() {
        let object = templated(&[
            ("config", Some("user={{ .user }} bin={{ .bin | b64enc }} see={{ .plain }}\n")),
            ("plain", Some("{{ 1 }}")),
        ]);
        let data = unseal(&object).unwrap().data;
        assert_eq!(data["config"].expose(), b"user=admin bin=/wA= see={{ 1 }}\n");
        assert_eq!(data["plain"].expose(), b"1");
        assert_eq!(data["bin"].expose(), b"\xff\x00");
    }

    #[test]
    fn an_opened_item_wins_over_its_template_and_null_takes_it_out() {
        let object =
            templated(&[("user", Some("other")), ("bin", None), ("nothing", None), ("who", Some("{{ .bin | b64enc }}"))]);
        let data = unseal(&object).unwrap().data;
        assert_eq!(data.keys().collect::<Vec<_>>(), ["user", "who"]);
        assert_eq!((data["user"].expose(), data["who"].expose()), (b"admin".as_slice(), b"/wA=".as_slice()));
    }

    #[test]
    fn templates_work_without_items_and_with_the_clock_of_the_caller() {
        let mut object = templated(&[("year", Some("{{ now | date \"2006\" }}"))]);
        object.spec.encrypted_data.clear();
        let now = time::macros::datetime!(2031-05-05 12:00:00 UTC);
        let secret = unseal_secret(&object, &Keyring::new(), &UnsealOptions::new(now)).unwrap();
        assert_eq!(secret.data["year"].expose(), b"2031");
    }

    #[test]
    fn every_failing_template_is_reported_also_one_that_an_item_hides() {
        let object = templated(&[("user", Some("{{ nosuch }}")), ("a", Some("{{")), ("fine", Some("x"))]);
        let message = unseal(&object).unwrap_err().to_string();
        assert!(message.contains("(a); template: user:1") && message.ends_with("(user)"), "{message}");
        assert!(!message.contains("admin"), "{message}");
    }

    #[test]
    fn the_deprecated_form_is_refused_or_opened_by_option() {
        let blob = br#"{"kind":"Secret","apiVersion":"v1","metadata":{"name":"x"},"data":{"foo":"c2VjcmV0"},"type":"Opaque"}"#;
        let mut object = sealed(test_keys::first(), Scope::Strict, &[]);
        object.spec.data = Some(seal_value(test_keys::first().public_key(), &label_of(&object), blob).unwrap().to_text());
        let accept = UnsealOptions::new(OffsetDateTime::UNIX_EPOCH).accepting_deprecated_data();
        let keys = keyring(&[test_keys::first()]);
        assert_eq!(unseal(&object), Err(UnsealError::DeprecatedData));
        let secret = unseal_secret(&object, &keys, &accept).unwrap();
        assert_eq!(secret.data["foo"].expose(), b"secret");
        assert_eq!((secret.metadata.name.as_str(), secret.metadata.namespace.as_str()), ("app", "web"));
        object.spec.encrypted_data.insert("a".into(), String::new());
        assert_eq!(unseal_secret(&object, &keys, &accept), Err(UnsealError::BothForms));
        object.spec.encrypted_data.clear();
        object.spec.data = Some(String::new());
        assert_eq!(unseal_secret(&object, &keys, &accept).unwrap_err().to_string(), "no key could decrypt secret");
        object.spec.data = Some(seal_value(test_keys::first().public_key(), &label_of(&object), b"plain").unwrap().to_text());
        assert_eq!(unseal_secret(&object, &keys, &accept), Err(UnsealError::BlobContent));
    }
}

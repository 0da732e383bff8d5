//! SealedSecrets in files: what is there, and new items put in, every other byte as it was.

use super::files::Draft;
use crate::bootstrap::model::Entry;
use crate::bootstrap::plan::{SecretPlan, Write};
use crate::bootstrap::spec::SealedSecretFile;
use crate::bootstrap::{MANAGED_BY_LABEL, MANAGER, SecretId};
use crate::cli::args::ManifestFormat;
use crate::cli::report::{Context, Failure};
use crate::crypto::x509::Certificate;
use crate::manifest::{self, SealedSecret};
use crate::repo::sealed_file::{self, FindError, Found, Wanted};
use crate::seal::keys::KEY_LABEL;
use crate::seal::{Label, Scope, seal_value};
use crate::yaml::{self, Node};

/// The SealedSecret of a Secret in a text; `None` where there is none yet.
pub(super) fn find(text: &str, id: &SecretId, shown: &str) -> Result<Option<Found>, Failure> {
    let place = || format!("cannot use {shown}");
    let documents = yaml::parse_stream(text).context(place)?;
    for document in &documents {
        let root = document.root().resolved();
        let field = |name: &str| root.get(name).map(Node::resolved).and_then(Node::text);
        if field("kind") == Some("Secret") && field("apiVersion").is_none_or(|version| version == "v1") {
            let line = root.position().line;
            return Err(Failure::new(format_args!("line {line}: this is a plain Secret, not a SealedSecret"))
                .wrap(place())
                .with_hint(format_args!(
                    "seal it first: hecate-seal seal {shown} -o {shown}; and change its values, if it was ever in git"
                )));
        }
    }
    let wanted = Wanted { name: Some(id.name.clone()), namespace: Some(id.namespace.clone()) };
    match sealed_file::find(text, &wanted) {
        Ok(found) => Ok(found),
        Err(FindError::Other { .. } | FindError::None { .. }) => Ok(None),
        Err(error) => Err(Failure::from(error).wrap(place())),
    }
}

/// The scope that values are sealed with: the existing object decides.
pub(super) fn scope(found: Option<&Found>, spec: &SealedSecretFile, shown: &str) -> Result<Scope, Failure> {
    let asked = spec.scope.map(Scope::from);
    match (found, asked) {
        (Some(found), Some(asked)) if found.scope != asked => Err(Failure::new(format_args!(
            "{shown}: line {}: the SealedSecret is {}, but the bootstrap file says {asked}",
            found.line, found.scope
        ))
        .with_hint("all values of a SealedSecret have one scope; to change it, seal all of them again")),
        (Some(found), _) => Ok(found.scope),
        (None, asked) => Ok(asked.unwrap_or_default()),
    }
}

/// The sealed text of an item that is in the file.
fn sealed_text(text: &str, document: usize, key: &str) -> Option<String> {
    let documents = yaml::parse_stream(text).ok()?;
    let root = documents.get(document)?.root().resolved();
    let items = root.get("spec")?.resolved().get("encryptedData")?.resolved();
    items.get(key)?.resolved().text().map(str::to_owned)
}

/// Puts what a plan writes into the text of the file.
pub(super) fn fill(
    draft: &mut Draft,
    entry: &Entry,
    plan: &SecretPlan,
    spec: &SealedSecretFile,
    certificate: &Certificate,
) -> Result<(), Failure> {
    let shown = draft.shown.clone();
    let text = draft.text()?.to_owned();
    let found = find(&text, &entry.id, &shown)?;
    let scope = scope(found.as_ref(), spec, &shown)?;
    let label = Label::new(scope, &entry.id.namespace, &entry.id.name);
    let mut items = Vec::new();
    for (key, write) in plan.writes() {
        let sealed = match (write, &found) {
            (Write::Value(value), _) => {
                let sealed = seal_value(certificate.public_key(), &label, value.expose());
                sealed.context(|| format!("cannot seal {}/{}", entry.id, key.key))?.to_text()
            }
            // The label binds a value to its Secret, not to its key: the sealed text opens under another key too.
            (Write::SameAs(other), Some(found)) => sealed_text(&text, found.document, other)
                .ok_or_else(|| Failure::new(format_args!("{shown}: {} has no item {other}", entry.id)))?,
            (Write::SameAs(_), None) => continue,
        };
        items.push((key.key.clone(), sealed));
    }
    let new = match &found {
        Some(found) => {
            let mut new = text;
            for (key, sealed) in &items {
                new = yaml::edit::set_scalar(&new, found.document, &["spec", "encryptedData"], key, sealed)
                    .context(|| format!("cannot put {key} into {shown}"))?;
            }
            new
        }
        None => append(&text, draft, entry, scope, items)?,
    };
    draft.set(new.into_bytes());
    Ok(())
}

/// The text with a new SealedSecret behind what it holds.
fn append(text: &str, draft: &Draft, entry: &Entry, scope: Scope, items: Vec<(String, String)>) -> Result<String, Failure> {
    let format = ManifestFormat::of_path(Some(&draft.path));
    if format == ManifestFormat::Json && !text.trim().is_empty() {
        return Err(Failure::new(format_args!("{} holds another object, and a JSON file holds one", draft.shown)));
    }
    let mut sealed = SealedSecret::default();
    sealed.metadata.name.clone_from(&entry.id.name);
    sealed.metadata.namespace.clone_from(&entry.id.namespace);
    scope.annotate(&mut sealed.metadata.annotations);
    let template = &mut sealed.spec.template;
    template.metadata = sealed.metadata.clone();
    template.metadata.labels = labels(entry);
    template.metadata.annotations.extend(entry.spec.annotations.clone());
    template.type_ = Some(entry.type_().to_owned()).filter(|type_| type_ != "Opaque");
    template.immutable = entry.spec.immutable;
    sealed.spec.encrypted_data = items.into_iter().collect();
    let value = manifest::sealed_secret_to_value(&sealed, manifest::Style::Current);
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    Ok(format!("{text}{gap}{}", format.write(&value).expose()))
}

/// The labels of a Secret that is made here.
pub(super) fn labels(entry: &Entry) -> std::collections::BTreeMap<String, String> {
    let mut labels = entry.spec.labels.clone();
    labels.insert(MANAGED_BY_LABEL.to_owned(), MANAGER.to_owned());
    if entry.is_sealing_key() {
        labels.insert(KEY_LABEL.to_owned(), "active".to_owned());
    }
    labels
}

//! The files of a run: read once for its plan, drafted whole, checked, and only then written.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as Place;
use std::path::{Path, PathBuf};

use super::apply::Planned;
use super::files::Draft;
use super::world::{ItemState, Targets};
use super::{sealed, sops};
use crate::bootstrap::model::Entry;
use crate::bootstrap::spec::Target;
use crate::bootstrap::{SecretId, onepassword};
use crate::cli::args::ManifestFormat;
use crate::cli::report::Failure;
use crate::cli::{Io, certificate};
use crate::crypto::x509::Certificate;

/// Files by their path, each read once: a plan is made from one state of them.
#[derive(Default)]
pub(super) struct Drafts(BTreeMap<PathBuf, Draft>);

impl Drafts {
    /// The file, read now if it was not.
    pub(super) fn open(&mut self, path: &Path, shown: &str) -> Result<&Draft, Failure> {
        match self.0.entry(path.to_owned()) {
            Place::Occupied(there) => Ok(there.into_mut()),
            Place::Vacant(free) => Ok(free.insert(Draft::open(path, shown)?)),
        }
    }

    fn take(&mut self, path: &Path, shown: &str) -> Result<Draft, Failure> {
        self.0.remove(path).map_or_else(|| Draft::open(path, shown), Ok)
    }
}

/// A file that is to be written, and the Secrets and items that are in it.
struct FileDraft {
    draft: Draft,
    holds: Vec<SecretId>,
}

/// All files that a plan writes.
#[derive(Default)]
pub(super) struct FileDrafts(BTreeMap<PathBuf, FileDraft>);

impl FileDrafts {
    fn of(&mut self, id: &SecretId, place: (PathBuf, String), read: &mut Drafts) -> Result<&mut Draft, Failure> {
        let (path, shown) = place;
        let file = match self.0.entry(path) {
            Place::Occupied(there) => there.into_mut(),
            Place::Vacant(free) => {
                let draft = read.take(free.key(), &shown)?;
                free.insert(FileDraft { draft, holds: Vec::new() })
            }
        };
        file.holds.push(id.clone());
        Ok(&mut file.draft)
    }

    /// Finds what would keep a file from being written, before any is.
    pub(super) fn prepare(&self, allow_dirty: bool) -> Result<(), Failure> {
        if !allow_dirty {
            self.0.values().try_for_each(|file| file.draft.check_clean())?;
        }
        self.0.values().try_for_each(|file| file.draft.prepare())
    }

    /// Writes the file of a Secret or item, with all others that are in it. `Ok(false)`: it had changed meanwhile.
    pub(super) fn write(&mut self, id: &SecretId) -> Result<bool, Failure> {
        let path = self.0.iter().find(|(_, file)| file.holds.contains(id)).map(|(path, _)| path.clone());
        match path.and_then(|path| self.0.remove(&path)) {
            Some(file) => file.draft.write(),
            // Written with another one of the same file.
            None => Ok(true),
        }
    }
}

/// Drafts every file that is to be written, from what was read for the plan.
pub(super) fn draft(targets: &mut Targets, planned: &Planned, io: &mut Io) -> Result<FileDrafts, Failure> {
    let mut files = FileDrafts::default();
    let mut read = std::mem::take(&mut targets.drafts);
    let mut certificates: BTreeMap<String, Certificate> = BTreeMap::new();
    for secret in planned.plan.secrets.iter().filter(|secret| secret.writes().next().is_some()) {
        let Some(entry) = targets.loaded.model.secrets.get(secret.at) else { continue };
        match &entry.target {
            Target::Cluster(_) => {}
            Target::SealedSecret(spec) => {
                let draft = files.of(&entry.id, targets.loaded.target(entry.file, &spec.path, io)?, &mut read)?;
                let source = certificate_of(targets, entry, spec.cert.as_deref(), io)?;
                let certificate = match certificates.entry(source) {
                    Place::Occupied(there) => there.into_mut(),
                    Place::Vacant(free) => {
                        let certificate = certificate::for_sealing(free.key(), io)?;
                        free.insert(certificate)
                    }
                };
                sealed::fill(draft, entry, secret, spec, certificate)?;
            }
            Target::Sops(spec) => {
                let draft = files.of(&entry.id, targets.loaded.target(entry.file, &spec.path, io)?, &mut read)?;
                sops::fill(draft, entry, secret, &targets.identities, io.now)?;
            }
        }
    }
    for (id, _) in planned.items.iter().filter(|(_, state)| **state == ItemState::Absent) {
        let item = targets.loaded.model.onepassword.iter().find(|item| item.id == *id);
        let Some((item, path)) = item.and_then(|item| Some((item, item.spec.path.as_ref()?))) else { continue };
        let draft = files.of(id, targets.loaded.target(item.file, path, io)?, &mut read)?;
        let text = draft.text()?;
        let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let object = ManifestFormat::of_path(Some(&draft.path)).write(&onepassword::object(&item.spec));
        let new = format!("{text}{gap}{}", object.expose());
        draft.set(new.into_bytes());
    }
    Ok(files)
}

fn certificate_of(targets: &Targets, entry: &Entry, cert: Option<&str>, io: &Io) -> Result<String, Failure> {
    match cert {
        Some(cert) if certificate::is_url(cert) => Ok(cert.to_owned()),
        Some(cert) => Ok(targets.loaded.path(entry.file, cert, io).0.to_string_lossy().into_owned()),
        None => targets.certificate.clone().ok_or_else(|| {
            Failure::new(format_args!("{}: no certificate to seal with", entry.id))
                .with_hint("name one as `cert:` of the target, in .hecate-seal.yaml or HECATE_SEAL_CERT")
        }),
    }
}

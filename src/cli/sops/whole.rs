//! Whole files for our own commands: a SOPS file opened with every identity that sops would try, and plain documents encrypted
//! for the recipients of `.sops.yaml`.

use std::path::Path;

use zeroize::Zeroizing;

use super::Style;
use super::parse::Parsed;
use super::session::Session;
use crate::cli::{Exit, Failure, Io};
use crate::sops::crypt::Memory;
use crate::sops::document::{self, Format, Plan};
use crate::sops::keys;
use crate::sops::mac::Scope;
use crate::sops::metadata::Provider;
use crate::sops::rules::{KeySpec, Layouts, key_specs};
use crate::sops::select::Selector;
use crate::sops::tree::Map;

fn session(io: &mut Io) -> Session<'_> {
    Session::new(io, Parsed::unsaid(), Parsed::unsaid(), Style::Ours)
}

/// Opens an encrypted file; its documents come out when the MAC holds.
///
/// # Errors
/// When it is no SOPS file, no identity opens it, or it was changed.
pub(crate) fn open(text: Zeroizing<Vec<u8>>, format: Format, name: &str, io: &mut Io) -> Result<Vec<Map>, Failure> {
    let mut session = session(io);
    let loaded = session.load(text, format, name)?;
    let opened = session.open_to_read(loaded, name).map_err(|failure| failure.with_exit(Exit::FAILED))?;
    Ok(opened.content.documents)
}

/// For whom a file is encrypted, and which of its values.
#[derive(Debug, Clone)]
pub(crate) struct NewFile {
    groups: Vec<Vec<KeySpec>>,
    threshold: usize,
    /// The rule's selector, or the default that was given.
    pub(crate) selector: Selector,
    mac_scope: Scope,
    layouts: Layouts,
}

/// What `.sops.yaml` says about a file, given by its absolute path; `age`, when it is not empty, names the recipients instead.
///
/// # Errors
/// Without recipients, without a rule for the file where there are rules, with rules that are wrong.
pub(crate) fn rule(path: &Path, format: Format, age: &str, default: &Selector, io: &mut Io) -> Result<NewFile, Failure> {
    let mut session = session(io);
    let rule = session.creation_for(path)?;
    let groups = match (&rule, age) {
        (Some(rule), "") => rule.groups.clone(),
        (None, "") => {
            return Err(Failure::new("nobody to encrypt for: there is no .sops.yaml with creation rules")
                .with_hint("name the recipients with --age, or in a .sops.yaml in this directory or above"));
        }
        (_, list) => vec![key_specs(Provider::Age, list).collect()],
    };
    let layouts = session.layouts(format)?;
    Ok(NewFile {
        groups,
        threshold: rule.as_ref().map_or(0, |rule| rule.shamir_threshold),
        mac_scope: rule.as_ref().map_or(Scope::All, |rule| rule.mac_scope),
        selector: rule.and_then(|rule| rule.selector).unwrap_or_else(|| default.clone()),
        layouts,
    })
}

impl NewFile {
    /// Encrypts documents into the text of a file.
    ///
    /// # Errors
    /// For a recipient that is none or not ours to wrap for, and for documents that cannot be encrypted.
    pub(crate) fn encrypt(&self, documents: Vec<Map>, format: Format, io: &mut Io) -> Result<Vec<u8>, Failure> {
        let mut session = session(io);
        let data_key = keys::generate()?;
        let threshold = if self.groups.len() > 1 { self.threshold } else { 0 };
        let (groups, shamir_threshold) = session.wrap(&self.groups, threshold, &data_key)?;
        let plan = Plan { groups, shamir_threshold, selector: Some(self.selector.clone()), mac_scope: self.mac_scope };
        let now = session.io.now;
        let metadata = plan.metadata(format, now);
        Ok(document::encrypt(format, documents, metadata, &data_key, &mut Memory::default(), now, &self.layouts)?)
    }
}

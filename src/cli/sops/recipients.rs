//! Whom a file is to be encrypted for, from flags and rules; and the data key wrapped for them.

use super::codes;
use super::keyservice::Address;
use super::keyservice::client::{self, Method};
use super::session::{Session, conflict};
use super::terminal::Terminal;
use crate::age::Recipient;
use crate::cli::Failure;
use crate::secret::SecretBytes;
use crate::sops::document::{Format, Plan};
use crate::sops::keys;
use crate::sops::mac::Scope;
use crate::sops::metadata::{KeyGroup, MasterKey, Provider};
use crate::sops::rules::{Creation, KeySpec, key_specs};
use crate::sops::select::{self, NAMES, Selector};

/// The flags that name keys, in the order in which their keys are written.
const KEY_FLAGS: [(&str, Provider); 7] = [
    ("kms", Provider::Kms),
    ("gcp-kms", Provider::GcpKms),
    ("hckms", Provider::HcKms),
    ("azure-kv", Provider::AzureKv),
    ("pgp", Provider::Pgp),
    ("hc-vault-transit", Provider::HcVault),
    ("age", Provider::Age),
];

/// What a new file is to be: for whom, by which rule.
#[derive(Debug)]
pub(super) struct Intention {
    groups: Vec<Vec<KeySpec>>,
    threshold: usize,
    selector: Option<Selector>,
    mac_scope: Scope,
}

impl Session<'_> {
    /// What the flags and the rules say about a new file. `rule` is the file's rule, if there are rules.
    ///
    /// # Errors
    /// Without keys, with two selectors, with a malformed recipient or threshold.
    pub(super) fn intention(&mut self, rule: Option<Creation>, input: Format) -> Result<Intention, Failure> {
        let flagged = self.keys_of_flags("")?;
        let groups = match (&rule, flagged.is_empty()) {
            (_, false) => vec![flagged],
            (Some(rule), true) => rule.groups.clone(),
            (None, true) => {
                return Err(Failure::new(
                    "config file not found, or has no creation rules, and no keys provided through command line options",
                )
                .with_hint("name the recipients with --age, or in a .sops.yaml in this directory or above"));
            }
        };
        let threshold = match self.threshold()? {
            0 => rule.as_ref().map_or(0, |rule| rule.shamir_threshold),
            threshold => threshold,
        };
        let (mut selector, mut mac_scope) = self.selection(rule.as_ref())?;
        if input == Format::Binary {
            if let Some((field, _)) = selector.as_ref().map(Selector::field) {
                self.warn(format!("{field} is ignored: a binary file is one value, which is always encrypted"));
            }
            (selector, mac_scope) = (None, Scope::All);
        }
        Ok(Intention { groups, threshold, selector, mac_scope })
    }

    /// The number of groups that must agree, from the flag; 0 if it was not given.
    pub(super) fn threshold(&self) -> Result<usize, Failure> {
        let number = self.local.number("shamir-secret-sharing-threshold");
        usize::try_from(number).map_err(|_| Failure::new(format_args!("the Shamir threshold cannot be {number}")))
    }

    /// The selector and the scope of the MAC: a flag replaces the rule's field of the same name.
    ///
    /// # Errors
    /// For two selectors, and for one that is invalid.
    pub(super) fn selection(&self, rule: Option<&Creation>) -> Result<(Option<Selector>, Scope), Failure> {
        let of_rule = rule.and_then(|rule| rule.selector.as_ref()).map(Selector::field);
        let flags = NAMES.map(|name| self.local.text(&name.replace('_', "-")).to_owned());
        let mut fields = [None; 6];
        for ((field, name), flag) in fields.iter_mut().zip(NAMES).zip(&flags) {
            *field = match (flag.as_str(), of_rule) {
                ("", Some((of_rule, text))) if of_rule == name => Some(text),
                (flag, _) => Some(flag),
            };
        }
        let selector = Selector::from_fields(fields).map_err(|error| match error {
            select::Error::Several(_) => conflict(&format!("Error: {error}")),
            // sops takes it for one that never matches, and writes plaintext.
            select::Error::Regex { .. } => Failure::from(error)
                .with_exit(codes::CONFLICT)
                .with_hint("regular expressions are those of Go (RE2): without look-around and back-references"),
        })?;
        let only_encrypted =
            self.global.is_on("mac-only-encrypted") || rule.is_some_and(|rule| rule.mac_scope == Scope::Encrypted);
        Ok((selector, if only_encrypted { Scope::Encrypted } else { Scope::All }))
    }

    /// The keys that the flags name, `prefix` before each flag's name (`add-`, `rm-`).
    ///
    /// # Errors
    /// For a malformed recipient.
    pub(super) fn keys_of_flags(&self, prefix: &str) -> Result<Vec<KeySpec>, Failure> {
        let mut keys = Vec::new();
        for (flag, provider) in KEY_FLAGS {
            keys.extend(keys_of(provider, self.local.text(&format!("{prefix}{flag}")))?);
        }
        Ok(keys)
    }

    /// The keys of a new group, from flags that may be given several times.
    ///
    /// # Errors
    /// For a malformed recipient.
    pub(super) fn keys_of_lists(&self) -> Result<Vec<KeySpec>, Failure> {
        let mut keys = Vec::new();
        for (flag, provider) in KEY_FLAGS {
            for list in self.local.list(flag) {
                keys.extend(keys_of(provider, list)?);
            }
        }
        Ok(keys)
    }

    /// Wraps the data key, or a group's share of it, for one key.
    ///
    /// # Errors
    /// Those of [`keys::wrap_one`].
    pub(super) fn wrap_one(&mut self, key: &KeySpec, part: &SecretBytes) -> Result<MasterKey, keys::Error> {
        let mut failed = None;
        if self.local.is_on("enable-local-keyservice") {
            match self.wrap_here(key, part) {
                Ok(wrapped) => return Ok(wrapped),
                Err(error) => failed = Some(error),
            }
        }
        let services = if key.provider == Provider::Age { self.local.list("keyservice") } else { &[] };
        for service in services {
            let master = MasterKey::age(&key.name, "");
            let asked = Address::parse(service).and_then(|at| client::ask(&at, Method::Encrypt, &master, part.expose()));
            let text =
                asked.and_then(|enc| String::from_utf8(enc.expose().to_vec()).map_err(|_| "it answers no text".to_owned()));
            match text {
                Ok(enc) => return Ok(MasterKey::age(key.name.trim(), &enc)),
                Err(reason) => failed = Some(keys::Error::Service { service: service.clone(), reason }),
            }
        }
        Err(failed.unwrap_or_else(|| keys::Error::Service {
            service: "none".to_owned(),
            reason: "--enable-local-keyservice is off, and --keyservice names none".to_owned(),
        }))
    }

    /// Wraps by this process.
    ///
    /// # Errors
    /// Those of [`keys::wrap_one`].
    pub(super) fn wrap_here(&mut self, key: &KeySpec, part: &SecretBytes) -> Result<MasterKey, keys::Error> {
        keys::wrap_one(key, part, &Terminal::new(self.io))
    }

    /// Wraps a data key for groups.
    ///
    /// # Errors
    /// Those of [`keys::wrap_with`], with the words that sops has for it.
    pub(super) fn wrap(
        &mut self,
        groups: &[Vec<KeySpec>],
        threshold: usize,
        data_key: &SecretBytes,
    ) -> Result<(Vec<KeyGroup>, usize), Failure> {
        let wrapped = keys::wrap_with(groups, threshold, data_key, &mut |key, part| self.wrap_one(key, part));
        wrapped.map_err(|error| wrap_failure(&error))
    }

    /// What a new file's metadata are made from, with the data key wrapped.
    ///
    /// # Errors
    /// Those of [`Self::wrap`].
    pub(super) fn plan(&mut self, intention: Intention, data_key: &SecretBytes) -> Result<Plan, Failure> {
        let (groups, shamir_threshold) = self.wrap(&intention.groups, intention.threshold, data_key)?;
        Ok(Plan { groups, shamir_threshold, selector: intention.selector, mac_scope: intention.mac_scope })
    }
}

/// A data key that cannot be wrapped.
pub(super) fn wrap_failure(error: &keys::Error) -> Failure {
    let failure = Failure::new(format_args!("Could not generate data key: [{error}]"));
    match error {
        keys::Error::Unsupported { .. } => {
            failure.with_hint("this program wraps keys for age recipients; leave the others out, or use a key service that can")
        }
        _ => failure,
    }
}

fn keys_of(provider: Provider, list: &str) -> Result<Vec<KeySpec>, Failure> {
    let keys: Vec<KeySpec> = key_specs(provider, list).collect();
    if provider == Provider::Age {
        for key in &keys {
            Recipient::parse(&key.name)?;
        }
    }
    Ok(keys)
}

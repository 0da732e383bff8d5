//! The data key: made for the recipients of a new file, recovered from the `sops` block of an existing one.
//!
//! One group of keys: each key wraps the data key itself. Several groups: each gets a share, and a threshold of groups must open
//! (sops-age.md §1.8). Only age keys are wrapped and opened here; of the other services' keys the report says that they were not
//! tried. A recipient's name in the block is information only: every identity is tried on every age entry.

use std::fmt;

use super::metadata::{KeyGroup, MasterKey, Metadata, Provider};
use super::rules::KeySpec;
use super::shamir;
use crate::age::{self, Callbacks, Identity, Recipient, unwrap_data_key, wrap_data_key};
use crate::crypto::{self, random};
use crate::secret::SecretBytes;

/// Length of a data key in bytes.
pub const DATA_KEY_LEN: usize = 32;

/// Why the data key could not be wrapped for the recipients.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody to encrypt for.
    #[error("no key groups provided")]
    NoGroups,
    /// A group without keys could never open.
    #[error("empty key group provided")]
    EmptyGroup,
    /// A key of a service that is not ours.
    #[error("cannot encrypt for the {} key `{name}`: only age recipients are supported", provider.name())]
    Unsupported {
        /// The service.
        provider: Provider,
        /// The key's name.
        name: String,
    },
    /// An age recipient that is damaged, or a plugin that failed.
    #[error(transparent)]
    Age(#[from] age::Error),
    /// A threshold that does not fit the groups.
    #[error(transparent)]
    Shamir(#[from] shamir::Error),
    /// A key service that did not wrap it.
    #[error("key service {service}: {reason}")]
    Service {
        /// Its address.
        service: String,
        /// Its words.
        reason: String,
    },
    /// No randomness.
    #[error(transparent)]
    Crypto(#[from] crypto::Error),
}

/// A new random data key.
///
/// # Errors
/// [`Error::Crypto`] without randomness.
pub fn generate() -> Result<SecretBytes, Error> {
    Ok(random::secret(DATA_KEY_LEN)?)
}

/// Wraps a data key for groups of keys. A threshold of 0 means all groups. Gives the groups for the metadata and the threshold to
/// record, which is 0 with a single group unless one was given.
///
/// # Errors
/// All of [`Error`].
pub fn wrap(
    groups: &[Vec<KeySpec>],
    threshold: usize,
    data_key: &SecretBytes,
    callbacks: &dyn Callbacks,
) -> Result<(Vec<KeyGroup>, usize), Error> {
    wrap_with(groups, threshold, data_key, &mut |key, part| wrap_one(key, part, callbacks))
}

/// As [`wrap`], with a function that wraps the data key, or a group's share of it, for one key.
///
/// # Errors
/// All of [`Error`], and those of `wrap_one`.
pub fn wrap_with<K>(
    groups: &[Vec<K>],
    threshold: usize,
    data_key: &SecretBytes,
    wrap_one: &mut dyn FnMut(&K, &SecretBytes) -> Result<MasterKey, Error>,
) -> Result<(Vec<KeyGroup>, usize), Error> {
    if groups.is_empty() {
        return Err(Error::NoGroups);
    }
    if groups.iter().any(Vec::is_empty) {
        return Err(Error::EmptyGroup);
    }
    let (parts, threshold) = match groups.len() {
        1 => (vec![data_key.clone()], threshold),
        count => {
            let threshold = if threshold == 0 { count } else { threshold };
            let randomness = random::secret(shamir::randomness_needed(data_key.len(), threshold.min(count)))?;
            (shamir::split(data_key, count, threshold, &randomness)?, threshold)
        }
    };
    let mut wrapped = Vec::with_capacity(groups.len());
    for (group, part) in groups.iter().zip(&parts) {
        wrapped.push(group.iter().map(|key| wrap_one(key, part)).collect::<Result<KeyGroup, Error>>()?);
    }
    Ok((wrapped, threshold))
}

/// Wraps the data key, or a group's share of it, for one age recipient.
///
/// # Errors
/// [`Error::Unsupported`] for a key of another service; [`Error::Age`].
pub fn wrap_one(key: &KeySpec, part: &SecretBytes, callbacks: &dyn Callbacks) -> Result<MasterKey, Error> {
    if key.provider != Provider::Age {
        return Err(Error::Unsupported { provider: key.provider, name: key.name.clone() });
    }
    let enc = wrap_data_key(&Recipient::parse(&key.name)?, part, callbacks)?;
    Ok(MasterKey::age(key.name.trim(), &enc))
}

/// Recovers the data key of a file with the identities at hand.
///
/// # Errors
/// [`Unopened`], with what was tried for each key.
pub fn recover(metadata: &Metadata, identities: &[Identity], callbacks: &dyn Callbacks) -> Result<SecretBytes, Unopened> {
    recover_with(metadata, &[], &mut |key| match key.provider {
        Provider::Age => {
            unwrap_data_key(key.enc(), identities, callbacks).map(|opened| opened.content).map_err(|error| error.to_string())
        }
        other => Err(format!("keys of {} are not supported and were not tried", other.name())),
    })
}

/// As [`recover`], with a function that unwraps one key of the file or says why it cannot. `order` names the services to try
/// first within a group; those that it does not name follow as in the file. Empty, it means sops' default: age, then PGP.
///
/// # Errors
/// [`Unopened`], with what was tried for each key.
pub fn recover_with(
    metadata: &Metadata,
    order: &[&str],
    unwrap_one: &mut dyn FnMut(&MasterKey) -> Result<SecretBytes, String>,
) -> Result<SecretBytes, Unopened> {
    const DEFAULT_ORDER: [&str; 2] = ["age", "pgp"];
    let order = if order.is_empty() { &DEFAULT_ORDER[..] } else { order };
    let rank = |key: &MasterKey| order.iter().position(|name| *name == key.provider.name()).unwrap_or(order.len());
    let mut parts = Vec::new();
    let mut groups = Vec::new();
    for group in &metadata.groups {
        let mut keys: Vec<&MasterKey> = group.iter().collect();
        keys.sort_by_key(|key| rank(key));
        let mut failures = Vec::new();
        for key in keys {
            match unwrap_one(key) {
                Ok(part) => {
                    parts.push(part);
                    failures.clear();
                    break;
                }
                Err(reason) => failures.push(Failure { provider: key.provider, name: key.name(), reason }),
            }
        }
        groups.push(failures);
    }
    let opened = parts.len();
    let needed = match metadata.groups.len() {
        1 => 1,
        _ => metadata.shamir_threshold.max(2),
    };
    let unopened = |problem| Unopened { needed, opened, groups, problem };
    if opened < needed {
        return Err(unopened(None));
    }
    let key = match parts.as_slice() {
        [key] => Ok(key.clone()),
        shares => shamir::combine(shares),
    };
    match key {
        Ok(key) if key.len() == DATA_KEY_LEN => Ok(key),
        Ok(key) => Err(unopened(Some(format!("the data key has {} bytes instead of {DATA_KEY_LEN}", key.len())))),
        Err(error) => Err(unopened(Some(error.to_string()))),
    }
}

/// Why one key of a file did not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The service.
    pub provider: Provider,
    /// The key's name.
    pub name: String,
    /// What went wrong.
    pub reason: String,
}

/// A data key that could not be recovered, and everything that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unopened {
    /// How many groups must open.
    pub needed: usize,
    /// How many did.
    pub opened: usize,
    /// For each group in the file's order, the keys that did not open.
    pub groups: Vec<Vec<Failure>>,
    /// What was wrong although enough groups opened.
    pub problem: Option<String>,
}

impl fmt::Display for Unopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot recover the data key: ")?;
        match &self.problem {
            Some(problem) => return f.write_str(problem),
            None if self.groups.len() == 1 => f.write_str("no key of the file could be opened")?,
            None => write!(f, "{} of {} key groups opened and {} are needed", self.opened, self.groups.len(), self.needed)?,
        }
        for (at, failures) in self.groups.iter().enumerate() {
            for failure in failures {
                let group = if self.groups.len() > 1 { format!("group {at}, ") } else { String::new() };
                write!(f, "\n  {group}{} `{}`: {}", failure.provider.name(), failure.name, failure.reason)?;
            }
        }
        Ok(())
    }
}

impl std::error::Error for Unopened {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::age::Unattended;
    use crate::sops::mac::Scope;

    /// Identities of C2SP's vectors for age.
    const KEYS: [&str; 2] = [
        "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0",
        "AGE-SECRET-KEY-PQ-1HZLGZUPT4ETPKDEV8HSGFDCYZ4E522W0A7PU2LHT8EH9W6YLNC3SW78XKG",
    ];

    fn identity(at: usize) -> Identity {
        Identity::parse(KEYS[at], "test").unwrap()
    }

    fn spec(at: usize) -> KeySpec {
        KeySpec { provider: Provider::Age, name: identity(at).recipient().unwrap() }
    }

    fn metadata(groups: Vec<KeyGroup>, shamir_threshold: usize) -> Metadata {
        let last_modified = crate::sops::go::parse_time("2026-01-01T00:00:00Z").unwrap();
        let (mac, version) = (String::new(), String::new());
        Metadata { groups, shamir_threshold, last_modified, mac, selector: None, mac_scope: Scope::All, version }
    }

    #[test]
    fn any_key_of_a_group_recovers_the_data_key() {
        let key = generate().unwrap();
        let (groups, threshold) = wrap(&[vec![spec(0), spec(1)]], 0, &key, &Unattended).unwrap();
        assert_eq!((threshold, groups[0][1].name()), (0, spec(1).name));
        let file = metadata(groups, threshold);
        for at in 0..2 {
            assert_eq!(recover(&file, &[identity(at)], &Unattended).unwrap(), key);
        }
        let text = recover(&file, &[], &Unattended).unwrap_err().to_string();
        assert!(text.starts_with("cannot recover the data key: no key of the file could be opened\n  age `age1"), "{text}");
    }

    #[test]
    fn a_threshold_of_groups_must_open() {
        let key = generate().unwrap();
        let groups = [vec![spec(0)], vec![spec(1)], vec![spec(1)]];
        let (groups, threshold) = wrap(&groups, 2, &key, &Unattended).unwrap();
        let file = metadata(groups, threshold);
        assert_eq!(recover(&file, &[identity(1)], &Unattended).unwrap(), key, "two groups of three");
        assert_eq!(recover(&file, &[identity(0), identity(1)], &Unattended).unwrap(), key, "all three");
        let unopened = recover(&file, &[identity(0)], &Unattended).unwrap_err();
        assert_eq!((unopened.opened, unopened.needed, unopened.groups[1].len()), (1, 2, 1));
        assert!(unopened.to_string().contains("1 of 3 key groups opened and 2 are needed\n  group 1, age `age1"));
    }

    #[test]
    fn keys_of_other_services_are_named() {
        let kms = KeySpec { provider: Provider::Kms, name: "arn:aws:kms:x".into() };
        let error = wrap(&[vec![kms]], 0, &generate().unwrap(), &Unattended).unwrap_err();
        assert_eq!(error.to_string(), "cannot encrypt for the kms key `arn:aws:kms:x`: only age recipients are supported");
        let key =
            MasterKey { provider: Provider::Pgp, fields: [("fp", crate::sops::tree::Node::text("F"))].into_iter().collect() };
        let text = recover(&metadata(vec![vec![key]], 0), &[identity(0)], &Unattended).unwrap_err().to_string();
        assert!(text.ends_with("\n  pgp `F`: keys of pgp are not supported and were not tried"), "{text}");
    }

    #[test]
    fn groups_that_cannot_work_are_refused() {
        let key = generate().unwrap();
        let error = |groups: &[Vec<KeySpec>], threshold| wrap(groups, threshold, &key, &Unattended).unwrap_err().to_string();
        assert_eq!(error(&[], 0), "no key groups provided");
        assert_eq!(error(&[vec![]], 0), "empty key group provided");
        let two = [vec![spec(0)], vec![spec(1)]];
        assert_eq!(error(&two, 3), "the threshold must be at least 2 and at most the number of key groups (2), not 3");
        assert_eq!(error(&two, 1), "the threshold must be at least 2 and at most the number of key groups (2), not 1");
    }
}

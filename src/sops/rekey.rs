//! Changing who can open an encrypted file: recipients added and removed, groups, thresholds, what changes compared to the rules.
//!
//! Rotation makes a new data key, and so new ciphertexts; everything else keeps the data key and its ciphertexts and only wraps
//! it again (sops-age.md §3.3). Keys of services that cannot be wrapped for here keep their copy of the data key where that is
//! possible: in a file of one group that stays one.

use super::keys::{self, Error};
use super::metadata::{KeyGroup, MasterKey, Metadata};
use super::rules::KeySpec;
use crate::secret::SecretBytes;

/// The groups of a file by the names of their keys.
#[must_use]
pub fn specs(groups: &[KeyGroup]) -> Vec<Vec<KeySpec>> {
    let spec = |key: &MasterKey| KeySpec { provider: key.provider, name: key.name() };
    groups.iter().map(|group| group.iter().map(spec).collect()).collect()
}

/// The groups with keys added to the first one, and others removed from all.
#[must_use]
pub fn changed(mut groups: Vec<Vec<KeySpec>>, add: &[KeySpec], remove: &[KeySpec]) -> Vec<Vec<KeySpec>> {
    if let Some(first) = groups.first_mut() {
        first.extend_from_slice(add);
    }
    for group in &mut groups {
        group.retain(|key| !remove.iter().any(|gone| gone.name == key.name));
    }
    groups
}

/// What becomes of one group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Keys that stay, in the new order.
    pub common: Vec<String>,
    /// Keys that come.
    pub added: Vec<String>,
    /// Keys that go.
    pub removed: Vec<String>,
}

impl Difference {
    /// Whether keys come or go.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !self.added.is_empty() || !self.removed.is_empty()
    }
}

/// Compares groups, the first with the first and so on.
#[must_use]
pub fn difference(old: &[Vec<KeySpec>], new: &[Vec<KeySpec>]) -> Vec<Difference> {
    let at = |groups: &[Vec<KeySpec>], index: usize| groups.get(index).cloned().unwrap_or_default();
    let compare = |index| {
        let (old, new) = (at(old, index), at(new, index));
        let has = |group: &[KeySpec], name: &str| group.iter().any(|key| key.name == name);
        let mut difference = Difference::default();
        for key in &new {
            let list = if has(&old, &key.name) { &mut difference.common } else { &mut difference.added };
            list.push(key.name.clone());
        }
        difference.removed = old.iter().filter(|key| !has(&new, &key.name)).map(|key| key.name.clone()).collect();
        difference
    };
    (0..old.len().max(new.len())).map(compare).collect()
}

/// Wraps the file's data key for these groups, and writes them into the metadata with the threshold; 0 means all groups. With one
/// group before and after, an entry that `wrap_one` cannot make because of its service is kept as it was.
///
/// # Errors
/// Those of [`keys::wrap_with`]; the metadata is unchanged then.
pub fn rewrap(
    metadata: &mut Metadata,
    groups: &[Vec<KeySpec>],
    threshold: usize,
    data_key: &SecretBytes,
    wrap_one: &mut dyn FnMut(&KeySpec, &SecretBytes) -> Result<MasterKey, Error>,
) -> Result<(), Error> {
    let kept: &[MasterKey] = match (metadata.groups.as_slice(), groups) {
        ([old], [_]) => old,
        _ => &[],
    };
    let (groups, threshold) = keys::wrap_with(groups, threshold, data_key, &mut |key, part| match wrap_one(key, part) {
        Err(error @ Error::Unsupported { .. }) => {
            let same = |old: &&MasterKey| old.provider == key.provider && old.name() == key.name;
            kept.iter().find(same).cloned().ok_or(error)
        }
        result => result,
    })?;
    metadata.groups = groups;
    metadata.shamir_threshold = threshold;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sops::mac::Scope;
    use crate::sops::metadata::Provider;

    fn age(name: &str) -> KeySpec {
        KeySpec { provider: Provider::Age, name: name.into() }
    }

    fn kms(name: &str) -> MasterKey {
        let fields = [("arn", name), ("enc", "E")].map(|(key, text)| (key, crate::sops::tree::Node::text(text)));
        MasterKey { provider: Provider::Kms, fields: fields.into_iter().collect() }
    }

    fn wrap(key: &KeySpec, _: &SecretBytes) -> Result<MasterKey, Error> {
        match key.provider {
            Provider::Age => Ok(MasterKey::age(&key.name, "new\n")),
            provider => Err(Error::Unsupported { provider, name: key.name.clone() }),
        }
    }

    #[test]
    fn keys_come_to_the_first_group_and_go_from_all() {
        let groups = vec![vec![age("a"), age("b")], vec![age("b"), age("c")]];
        assert_eq!(changed(groups, &[age("d")], &[age("b")]), [vec![age("a"), age("d")], vec![age("c")]]);
    }

    #[test]
    fn groups_are_compared_one_by_one() {
        let found = difference(&[vec![age("a"), age("b")]], &[vec![age("c"), age("a")], vec![age("b")]]);
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(found[0], Difference { common: list(&["a"]), added: list(&["c"]), removed: list(&["b"]) });
        assert_eq!(found[1], Difference { common: list(&[]), added: list(&["b"]), removed: list(&[]) });
        assert!(!difference(&[vec![age("a")]], &[vec![age("a")]])[0].is_change());
    }

    #[test]
    fn a_key_of_another_service_keeps_its_copy_in_a_single_group_only() {
        let last_modified = crate::sops::go::parse_time("2026-01-01T00:00:00Z").unwrap();
        let mut metadata = Metadata {
            groups: vec![vec![kms("arn:x"), MasterKey::age("a", "old\n")]],
            shamir_threshold: 0,
            last_modified,
            mac: String::new(),
            selector: None,
            mac_scope: Scope::All,
            version: String::new(),
        };
        let key = SecretBytes::new(vec![1; 32]);
        let mut groups = specs(&metadata.groups);
        groups[0].push(age("b"));
        rewrap(&mut metadata, &groups, 0, &key, &mut wrap).unwrap();
        assert_eq!(metadata.groups[0].iter().map(MasterKey::enc).collect::<Vec<_>>(), ["E", "new\n", "new\n"]);
        groups.push(vec![age("c")]);
        let before = metadata.clone();
        assert!(matches!(rewrap(&mut metadata, &groups, 0, &key, &mut wrap), Err(Error::Unsupported { .. })));
        assert_eq!(metadata, before);
    }
}

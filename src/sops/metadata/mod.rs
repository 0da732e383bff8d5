//! The `sops` block of a file: who can open it, what is encrypted, when it was written, and the MAC.
//!
//! Reads the block in every shape that a version of SOPS has written (sops-age.md §1.7, §9.2): any order of fields, empty lists
//! or nulls for absent key types, numbers and booleans as text, an unquoted `lastmodified`. Writes it as sops 3.13 does, sorted by
//! name at every level. Keys of other kinds than age (KMS, PGP, Vault …) are kept with all their fields and written back; opening
//! them is not our business. Where the block sits in each format is [`Layout`].

mod read;
#[cfg(test)]
mod tests;

use time::OffsetDateTime;

use super::flatten::{self, flatten, unflatten};
use super::go;
use super::mac::Scope;
use super::select::{self, Selector};
use super::tree::{Entry, Map, Node};
use super::value::Scalar;

/// The key of the block, and with `_` the prefix of its flat form. No document may use them itself.
pub const KEY: &str = "sops";
/// The prefix of metadata keys in dotenv files.
pub const FLAT_PREFIX: &str = "sops_";

/// Why a file's metadata could not be read or placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file is not encrypted.
    #[error("no sops metadata found: the file is not encrypted")]
    NotFound,
    /// Two `sops` keys in the first document.
    #[error("the `sops` key is there twice")]
    Duplicate,
    /// `sops` holds something else than a map.
    #[error("the `sops` key is not a map")]
    NotAMap,
    /// A field of the wrong shape.
    #[error("`sops.{field}` is not {expected}")]
    Field {
        /// Path of the field inside the block.
        field: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Nobody could open the file.
    #[error("no keys found in the sops metadata")]
    NoKeys,
    /// More than one selector, or an invalid one.
    #[error(transparent)]
    Selector(#[from] select::Error),
    /// Flat keys that do not make a block.
    #[error(transparent)]
    Flat(#[from] flatten::Error),
    /// The document itself uses a name that belongs to the metadata.
    #[error("the key `{0}` is reserved for sops metadata")]
    Reserved(String),
}

/// Where a format keeps the block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A map under `sops` at the top of every document: YAML, JSON, binary.
    Nested,
    /// Flat keys in a section `sops`, newlines written as `\n`: INI.
    Section,
    /// Flat keys with the prefix `sops_`: dotenv.
    Flat,
}

/// The services that can hold a key; all but age are only carried along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// AWS KMS.
    Kms,
    /// Google Cloud KMS.
    GcpKms,
    /// Huawei Cloud KMS.
    HcKms,
    /// Azure Key Vault.
    AzureKv,
    /// HashiCorp Vault's transit engine.
    HcVault,
    /// OpenPGP.
    Pgp,
    /// age, with native, ssh and plugin recipients.
    Age,
}

impl Provider {
    /// All of them, in the order in which sops lines up the keys of a group.
    pub const ALL: [Self; 7] = [Self::Kms, Self::GcpKms, Self::HcKms, Self::AzureKv, Self::HcVault, Self::Pgp, Self::Age];

    /// The field's name in the block and in `--decryption-order`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Kms => "kms",
            Self::GcpKms => "gcp_kms",
            Self::HcKms => "hckms",
            Self::AzureKv => "azure_kv",
            Self::HcVault => "hc_vault",
            Self::Pgp => "pgp",
            Self::Age => "age",
        }
    }

    /// Its fields in written order, and whether an empty one is left out.
    fn fields(self) -> &'static [(&'static str, bool)] {
        const KEEP: bool = false;
        const OMIT: bool = true;
        match self {
            Self::Kms => {
                &[("arn", KEEP), ("aws_profile", KEEP), ("context", OMIT), ("created_at", KEEP), ("enc", KEEP), ("role", OMIT)]
            }
            Self::GcpKms => &[("created_at", KEEP), ("enc", KEEP), ("resource_id", KEEP)],
            Self::HcKms => &[("created_at", KEEP), ("enc", KEEP), ("key_id", KEEP)],
            Self::AzureKv => &[("created_at", KEEP), ("enc", KEEP), ("name", KEEP), ("vault_url", KEEP), ("version", KEEP)],
            Self::HcVault => {
                &[("created_at", KEEP), ("enc", KEEP), ("engine_path", KEEP), ("key_name", KEEP), ("vault_address", KEEP)]
            }
            Self::Pgp => &[("created_at", KEEP), ("enc", KEEP), ("fp", KEEP)],
            Self::Age => &[("enc", KEEP), ("recipient", KEEP)],
        }
    }
}

/// One recipient's copy of the data key, or of its group's share.
#[derive(Debug, Clone, PartialEq)]
pub struct MasterKey {
    /// Which service it is for.
    pub provider: Provider,
    /// Its fields in written order: `enc` is the wrapped key, the others say whose it is.
    pub fields: Map,
}

impl MasterKey {
    /// An age recipient with the data key wrapped for it: an armored age file.
    #[must_use]
    pub fn age(recipient: &str, enc: &str) -> Self {
        Self { provider: Provider::Age, fields: Map::from_iter([("enc", Node::text(enc)), ("recipient", Node::text(recipient))]) }
    }

    /// The wrapped key.
    #[must_use]
    pub fn enc(&self) -> &str {
        self.field("enc")
    }

    /// The text that names this key to people and in comparisons: a recipient, an ARN, a fingerprint, a URL.
    #[must_use]
    pub fn name(&self) -> String {
        match self.provider {
            Provider::Age => self.field("recipient").to_owned(),
            Provider::Pgp => self.field("fp").to_owned(),
            Provider::Kms => self.field("arn").to_owned(),
            Provider::GcpKms => self.field("resource_id").to_owned(),
            Provider::HcKms => self.field("key_id").to_owned(),
            Provider::AzureKv => format!("{}/keys/{}/{}", self.field("vault_url"), self.field("name"), self.field("version")),
            Provider::HcVault => {
                format!("{}/v1/{}/keys/{}", self.field("vault_address"), self.field("engine_path"), self.field("key_name"))
            }
        }
    }

    fn field(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Node::as_str).unwrap_or_default()
    }
}

/// A group of keys, each of which alone opens the group's part.
pub type KeyGroup = Vec<MasterKey>;

/// The whole block.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// One group whose keys each hold the data key; or several, each with a share of it.
    pub groups: Vec<KeyGroup>,
    /// How many groups must agree; 0 where the file says nothing.
    pub shamir_threshold: usize,
    /// When the file was last written; binds the MAC.
    pub last_modified: OffsetDateTime,
    /// The sealed MAC, empty if the file has none.
    pub mac: String,
    /// What is encrypted. `None` writes no field, as sops does for new binary files; it is never `None` after reading.
    pub selector: Option<Selector>,
    /// What the MAC covers.
    pub mac_scope: Scope,
    /// The version of sops that wrote the file.
    pub version: String,
}

impl Metadata {
    /// Takes the block out of the documents of a file and reads it. Only the first document's counts; YAML repeats it in all.
    ///
    /// # Errors
    /// All of [`Error`] but [`Error::Reserved`].
    pub fn extract(documents: &mut [Map], layout: Layout) -> Result<Self, Error> {
        let block = match layout {
            Layout::Nested => take_block(documents)?,
            Layout::Section => {
                let block = take_block(documents)?;
                let unescape = |(key, node): (&str, &Node)| {
                    let node = node.as_str().map_or_else(|| node.clone(), |text| Node::text(text.replace("\\n", "\n")));
                    (key.to_owned(), node)
                };
                unflatten(block.pairs().map(unescape).collect::<Vec<_>>())?
            }
            Layout::Flat => unflatten(take_flat(documents)?)?,
        };
        read::block(&block)
    }

    /// Puts the block at the end of each document, ready to be written, and says how many entries that are.
    ///
    /// # Errors
    /// [`Error::Reserved`] if a document uses the block's name itself; [`Error::Flat`] never happens with a block read by us.
    pub fn embed(&self, documents: &mut [Map], layout: Layout) -> Result<usize, Error> {
        if let Some(key) = documents.iter().find_map(|document| reserved_key(document, layout)) {
            return Err(Error::Reserved(key.to_owned()));
        }
        let block = self.to_map();
        let entries: Vec<Entry> = match layout {
            Layout::Nested => vec![Entry::Pair(KEY.to_owned(), Node::Map(block))],
            Layout::Section => {
                let escape = |(key, node): (String, Node)| {
                    let node = node.as_str().map(|text| Node::text(text.replace('\n', "\\n"))).unwrap_or(node);
                    Entry::Pair(key, node)
                };
                let flat = Map(flatten(&block)?.into_iter().map(escape).collect());
                vec![Entry::Pair(KEY.to_owned(), Node::Map(flat))]
            }
            Layout::Flat => {
                let prefixed = |(key, node)| Entry::Pair(format!("{FLAT_PREFIX}{key}"), node);
                flatten(&block)?.into_iter().map(prefixed).collect()
            }
        };
        documents.iter_mut().for_each(|document| document.0.extend_from_slice(&entries));
        Ok(entries.len())
    }

    /// The nested block as sops 3.13 writes it: sorted by name, empty fields left out.
    #[must_use]
    pub fn to_map(&self) -> Map {
        let mut fields: Vec<(&str, Node)> = vec![
            ("lastmodified", Node::text(go::time_seconds(self.last_modified))),
            ("mac", Node::text(self.mac.as_str())),
            ("version", Node::text(self.version.as_str())),
        ];
        match self.groups.as_slice() {
            [group] => fields.extend(provider_lists(group, false)),
            groups => {
                let group = |group: &KeyGroup| Node::Map(provider_lists(group, true).into_iter().collect());
                fields.push(("key_groups", Node::List(groups.iter().map(group).collect())));
            }
        }
        if self.shamir_threshold != 0 {
            let threshold = i64::try_from(self.shamir_threshold).unwrap_or(i64::MAX);
            fields.push(("shamir_threshold", Node::Leaf(Scalar::Int(threshold))));
        }
        if let Some((name, text)) = self.selector.as_ref().map(Selector::field) {
            fields.push((name, Node::text(text)));
        }
        if self.mac_scope == Scope::Encrypted {
            fields.push(("mac_only_encrypted", Node::Leaf(Scalar::Bool(true))));
        }
        fields.sort_by_key(|(name, _)| *name);
        fields.into_iter().collect()
    }
}

/// The name in this document that belongs to the metadata, if it uses one: a plain document with it cannot be encrypted, and
/// an encrypted one is known by it.
#[must_use]
pub fn reserved_key(document: &Map, layout: Layout) -> Option<&str> {
    document.pairs().map(|(key, _)| key).find(|key| match layout {
        Layout::Flat => key.starts_with(FLAT_PREFIX),
        _ => *key == KEY,
    })
}

/// Removes `sops` from all documents and gives the first one's.
fn take_block(documents: &mut [Map]) -> Result<Map, Error> {
    let mut found = None;
    for (at, document) in documents.iter_mut().enumerate() {
        let (blocks, rest) =
            std::mem::take(&mut document.0).into_iter().partition(|entry| matches!(entry, Entry::Pair(key, _) if key == KEY));
        document.0 = rest;
        let blocks: Vec<Entry> = blocks;
        if at == 0 {
            if blocks.len() > 1 {
                return Err(Error::Duplicate);
            }
            found = blocks.into_iter().next();
        }
    }
    match found {
        Some(Entry::Pair(_, Node::Map(map))) => Ok(map),
        Some(_) => Err(Error::NotAMap),
        None => Err(Error::NotFound),
    }
}

fn take_flat(documents: &mut [Map]) -> Result<Vec<(String, Node)>, Error> {
    let mut flat = Vec::new();
    if let Some(document) = documents.first_mut() {
        let mut rest = Vec::new();
        for entry in std::mem::take(&mut document.0) {
            match entry {
                Entry::Pair(key, node) if key.starts_with(FLAT_PREFIX) => {
                    flat.push((key.strip_prefix(FLAT_PREFIX).unwrap_or_default().to_owned(), node));
                }
                other => rest.push(other),
            }
        }
        document.0 = rest;
    }
    if flat.is_empty() { Err(Error::NotFound) } else { Ok(flat) }
}

fn provider_lists(group: &[MasterKey], in_groups: bool) -> Vec<(&'static str, Node)> {
    let mut lists = Vec::new();
    for provider in Provider::ALL {
        let keys: Vec<Node> =
            group.iter().filter(|key| key.provider == provider).map(|key| Node::Map(key.fields.clone())).collect();
        // In key_groups, sops writes these two even when they are empty.
        let always = in_groups && matches!(provider, Provider::Age | Provider::HcVault);
        if always || !keys.is_empty() {
            lists.push((provider.name(), Node::List(keys)));
        }
    }
    lists.sort_by_key(|(name, _)| *name);
    lists
}

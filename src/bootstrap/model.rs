//! What the bootstrap files say together: which key is made from which, and in which order.
//!
//! Several files may describe one cluster; each key belongs to exactly one of them. Everything that is wrong is a [`Finding`]
//! with a path into its file; nothing stops at the first.

use std::collections::{BTreeMap, BTreeSet, btree_map};

use super::id::{self, KeyId, SecretId};
use super::kinds::Kind;
use super::spec::{self, Bootstrap, OnExisting, OnePassword, Target};
use super::template::Template;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works, but someone should know.
    Warning,
    /// Nothing is done while this stands.
    Error,
}

/// Something about a bootstrap file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Which file, from 0.
    pub file: usize,
    /// Where in it: keys and list indices.
    pub path: Vec<String>,
    /// What it is. Names, never values.
    pub message: String,
}

/// One output of an item: a key of the Secret's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// What goes there.
    pub role: Role,
    /// The key.
    pub key: String,
}

/// What an output of an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The value, the private half, the seed: what everything else of the item follows from.
    Main,
    /// The public half, the recipient, the public nkey.
    Public,
    /// The certificate.
    Certificate,
    /// The certificate of the authority that signed.
    Authority,
}

/// An entry under `keys`.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its name in the file.
    pub name: String,
    /// How it is made.
    pub kind: Kind,
    /// Which file it stands in, from 0.
    pub file: usize,
    /// Its outputs; the first is [`Role::Main`].
    pub outputs: Vec<Output>,
    /// The keys that it is made from.
    pub sources: Vec<KeyId>,
    /// The parsed text of a template.
    pub template: Option<Template>,
}

impl Item {
    /// The key that everything else of the item follows from.
    #[must_use]
    pub fn main_key(&self) -> &str {
        self.outputs.first().map_or(self.name.as_str(), |output| output.key.as_str())
    }

    /// The key of an output.
    #[must_use]
    pub fn output(&self, role: Role) -> Option<&str> {
        self.outputs.iter().find(|output| output.role == role).map(|output| output.key.as_str())
    }
}

/// A Secret that is to be there.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its names.
    pub id: SecretId,
    /// What the file says, without the keys of other files.
    pub spec: spec::Secret,
    /// Where it goes.
    pub target: Target,
    /// What happens if it exists.
    pub on_existing: OnExisting,
    /// Which file it stands in, from 0: paths start from that file's folder.
    pub file: usize,
    /// Its position under `spec.secrets`.
    pub index: usize,
    /// Its keys.
    pub items: Vec<Item>,
}

impl Entry {
    /// The Secret's type.
    #[must_use]
    pub fn type_(&self) -> &str {
        self.spec.type_.as_deref().unwrap_or(if self.is_sealing_key() { "kubernetes.io/tls" } else { "Opaque" })
    }

    /// Whether it holds a key of the sealed-secrets controller.
    #[must_use]
    pub fn is_sealing_key(&self) -> bool {
        self.items.iter().any(|item| matches!(&item.kind, Kind::X509(x509) if x509.sealing_key))
    }

    /// A number that changes with what the file says of this Secret, and not with any value of it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let mut said = format!("{} {}", self.id, self.type_());
        for item in &self.items {
            said.push_str(&format!("\n{} {}", item.name, item.kind.name()));
            said.extend(item.outputs.iter().map(|output| format!(" {}", output.key)));
            said.extend(item.sources.iter().map(|source| format!(" {source}")));
        }
        crate::crypto::digest::sha256_hex(said.as_bytes()).chars().take(16).collect()
    }
}

/// A Secret that the 1Password operator makes.
#[derive(Clone, Debug)]
pub struct ItemFile {
    /// Its names.
    pub id: SecretId,
    /// What the file says.
    pub spec: OnePassword,
    /// Which file it stands in, from 0.
    pub file: usize,
}

/// Where an item stands: the Secret's position, and the item's in it.
pub type ItemAt = (usize, usize);

/// Everything that the files say.
#[derive(Clone, Debug, Default)]
pub struct Model {
    /// Namespaces, by name: whether to make them.
    pub namespaces: BTreeMap<String, bool>,
    /// The Secrets, in the order of the files.
    pub secrets: Vec<Entry>,
    /// The 1Password tier.
    pub onepassword: Vec<ItemFile>,
    /// All items, each behind those that it is made from.
    pub order: Vec<ItemAt>,
    /// Which item makes a key.
    pub makers: BTreeMap<KeyId, ItemAt>,
}

impl Model {
    /// Puts files together. The findings are of structure: what is named twice, refers to nothing, or goes in circles.
    #[must_use]
    pub fn build(files: Vec<Bootstrap>) -> (Self, Vec<Finding>) {
        let mut builder = Builder::default();
        for (file, document) in files.into_iter().enumerate() {
            builder.add(file, document);
        }
        builder.finish()
    }

    /// An item.
    #[must_use]
    pub fn item(&self, (secret, item): ItemAt) -> Option<(&Entry, &Item)> {
        let entry = self.secrets.get(secret)?;
        Some((entry, entry.items.get(item)?))
    }

    /// A Secret by its names.
    #[must_use]
    pub fn secret(&self, id: &SecretId) -> Option<&Entry> {
        self.secrets.iter().find(|entry| entry.id == *id)
    }

    /// The Secrets in the order in which they are written: the file's, but sources before what is made from them.
    #[must_use]
    pub fn write_order(&self) -> Vec<usize> {
        let needs: Vec<BTreeSet<usize>> = self
            .secrets
            .iter()
            .enumerate()
            .map(|(at, entry)| {
                let sources = entry.items.iter().flat_map(|item| &item.sources);
                sources.filter_map(|key| self.makers.get(key)).map(|(secret, _)| *secret).filter(|other| *other != at).collect()
            })
            .collect();
        let mut placed = Vec::new();
        let mut rest: Vec<usize> = (0..self.secrets.len()).collect();
        while !rest.is_empty() {
            let ready = |at: &usize| needs.get(*at).is_none_or(|needs| needs.iter().all(|need| placed.contains(need)));
            // Two Secrets may each hold something of the other; then the file's order decides.
            let next = rest.iter().position(ready).unwrap_or(0);
            placed.push(rest.remove(next));
        }
        placed
    }

    /// The items that are made from a key, directly or not.
    #[must_use]
    pub fn dependents(&self, key: &KeyId) -> Vec<ItemAt> {
        let mut keys: BTreeSet<&KeyId> = BTreeSet::from([key]);
        let mut found = Vec::new();
        // In this order every dependent comes behind what it is made from.
        for &at in &self.order {
            let Some((entry, item)) = self.item(at) else { continue };
            if item.sources.iter().any(|source| keys.contains(source)) {
                found.push(at);
                let made = item.outputs.iter().map(|output| entry.id.key(&output.key));
                keys.extend(made.filter_map(|key| self.makers.get_key_value(&key)).map(|(key, _)| key));
            }
        }
        found
    }
}

#[derive(Default)]
struct Builder {
    model: Model,
    findings: Vec<Finding>,
}

impl Builder {
    fn error(&mut self, file: usize, path: &[&str], message: impl Into<String>) {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        self.findings.push(Finding { severity: Severity::Error, file, path, message: message.into() });
    }

    fn add(&mut self, file: usize, document: Bootstrap) {
        if document.api_version != super::API_VERSION {
            self.error(file, &["apiVersion"], format!("apiVersion is `{}`, not {}", document.api_version, super::API_VERSION));
        }
        if document.kind != super::KIND {
            self.error(file, &["kind"], format!("kind is `{}`, not {}", document.kind, super::KIND));
        }
        let spec = document.spec;
        for namespace in &spec.namespaces {
            let create = self.model.namespaces.entry(namespace.name.clone()).or_default();
            *create |= namespace.create;
        }
        let mut here = BTreeSet::new();
        for (index, secret) in spec.secrets.into_iter().enumerate() {
            let id = SecretId::new(&secret.namespace, &secret.name);
            if !here.insert(id.clone()) {
                self.error(file, &["spec", "secrets", &index.to_string(), "name"], format!("{id} is declared twice"));
                continue;
            }
            self.add_secret(file, index, id, secret, &spec.defaults);
        }
        for (index, item) in spec.onepassword.into_iter().enumerate() {
            let id = SecretId::new(&item.namespace, &item.name);
            if self.model.onepassword.iter().any(|other| other.id == id) {
                self.error(file, &["spec", "onepassword", &index.to_string(), "name"], format!("{id} is declared twice"));
                continue;
            }
            self.model.onepassword.push(ItemFile { id, spec: item, file });
        }
    }

    fn add_secret(&mut self, file: usize, index: usize, id: SecretId, mut secret: spec::Secret, defaults: &spec::Defaults) {
        let keys = std::mem::take(&mut secret.keys);
        let items: Vec<Item> = keys.into_iter().map(|(name, kind)| self.item(file, index, &id, name, kind)).collect();
        if items.is_empty() {
            self.error(file, &["spec", "secrets", &index.to_string(), "keys"], format!("{id} has no keys"));
        }
        let default = || defaults.target.clone().unwrap_or(Target::Cluster(spec::Cluster {}));
        let target = secret.target.clone().unwrap_or_else(default);
        let on_existing = secret.on_existing.or(defaults.on_existing).unwrap_or_default();
        let known = self.model.secrets.iter().position(|entry| entry.id == id);
        match known.and_then(|at| self.model.secrets.get_mut(at)) {
            // Another file has it too: that is fine for other keys of the same Secret.
            Some(entry) => {
                let same = entry.target == target
                    && entry.type_() == secret.type_.as_deref().unwrap_or(entry.type_())
                    && (entry.file == file || entry.on_existing == on_existing);
                entry.items.extend(items);
                entry.spec.restart.extend(secret.restart);
                if !same {
                    let path = ["spec", "secrets", &index.to_string(), "name"];
                    self.error(file, &path, format!("another file declares {id} with another target, type or onExisting"));
                }
            }
            None => self.model.secrets.push(Entry { id, spec: secret, target, on_existing, file, index, items }),
        }
    }

    fn item(&mut self, file: usize, index: usize, id: &SecretId, name: String, kind: Kind) -> Item {
        let index = index.to_string();
        let path = ["spec", "secrets", &index, "keys", &name];
        let mut sources = Vec::new();
        let mut template = None;
        for reference in references(&kind) {
            match id::resolve(&reference, id) {
                Some(key) => sources.push(key),
                None => self.error(file, &path, format!("{id}/{name}: `{reference}` names no key")),
            }
        }
        match &kind {
            Kind::Template(text) => match Template::parse(text, id) {
                Ok(parsed) => {
                    sources.extend(parsed.references().cloned());
                    template = Some(parsed);
                }
                Err(error) => self.error(file, &path, format!("{id}/{name}: {error}")),
            },
            Kind::X509(x509) => {
                if let Some(ca) = &x509.ca {
                    // `secret` or `namespace/secret`: the keys are found when all Secrets are known.
                    let (namespace, secret) = ca.split_once('/').unwrap_or((&id.namespace, ca));
                    sources.push(SecretId::new(namespace, secret).key(AUTHORITY));
                }
            }
            _ => {}
        }
        sources.sort();
        sources.dedup();
        Item { outputs: outputs(&name, &kind), name, kind, file, sources, template }
    }

    fn finish(mut self) -> (Model, Vec<Finding>) {
        self.find_authorities();
        self.claim_keys();
        self.check_sources();
        for item in &self.model.onepassword {
            if let Some(entry) = self.model.secrets.iter().find(|entry| entry.id == item.id) {
                let path = vec!["spec".to_owned(), "secrets".to_owned(), entry.index.to_string(), "name".to_owned()];
                let message = format!(
                    "{} is made here and also by the 1Password operator, which overwrites a Secret of the same name as a whole",
                    item.id
                );
                self.findings.push(Finding { severity: Severity::Error, file: entry.file, path, message });
            }
        }
        self.sort();
        (self.model, self.findings)
    }

    /// Replaces the place-holder of a certificate's authority by the keys of the Secret that was named.
    fn find_authorities(&mut self) {
        let mut authorities: BTreeMap<SecretId, Vec<KeyId>> = BTreeMap::new();
        for entry in &self.model.secrets {
            let main = entry.items.iter().find(|item| matches!(&item.kind, Kind::X509(x509) if x509.is_ca));
            if let Some(item) = main {
                let keys = item.outputs.iter().filter(|output| matches!(output.role, Role::Main | Role::Certificate));
                authorities.insert(entry.id.clone(), keys.map(|output| entry.id.key(&output.key)).collect());
            }
        }
        for entry in &mut self.model.secrets {
            for item in &mut entry.items {
                let keys = |source: &KeyId| match (source.key.as_str(), authorities.get(&source.secret)) {
                    (AUTHORITY, Some(keys)) => keys.clone(),
                    _ => vec![source.clone()],
                };
                item.sources = item.sources.iter().flat_map(keys).collect();
            }
        }
    }

    fn claim_keys(&mut self) {
        let mut findings = Vec::new();
        for (secret, entry) in self.model.secrets.iter().enumerate() {
            for (at, item) in entry.items.iter().enumerate() {
                for output in &item.outputs {
                    let key = entry.id.key(&output.key);
                    let Some(other) = self.model.makers.insert(key.clone(), (secret, at)) else { continue };
                    let claimed = entry.items.get(other.1).map_or(0, |item| item.file);
                    let message = if claimed == item.file {
                        format!("{key} is made twice")
                    } else {
                        format!("{key} is made by two files: each key belongs to one")
                    };
                    findings.push(at_item(entry, item, message));
                }
            }
        }
        self.findings.extend(findings);
    }

    fn check_sources(&mut self) {
        let mut findings = Vec::new();
        for entry in &self.model.secrets {
            for item in &entry.items {
                for source in item.sources.iter().filter(|source| !self.model.makers.contains_key(*source)) {
                    let message = if source.key == AUTHORITY {
                        format!("{}/{}: no x509 with `isCA: true` in {}", entry.id, item.name, source.secret)
                    } else {
                        format!("{}/{}: there is no key {source}", entry.id, item.name)
                    };
                    findings.push(at_item(entry, item, message));
                }
            }
        }
        self.findings.extend(findings);
    }

    /// Depth first, so that each item comes behind its sources; a circle is an error that shows the way round.
    fn sort(&mut self) {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            Open,
            Done,
        }
        let mut marks: BTreeMap<ItemAt, Mark> = BTreeMap::new();
        let mut order = Vec::new();
        let mut circles = Vec::new();
        let all: Vec<ItemAt> =
            self.model.secrets.iter().enumerate().flat_map(|(s, entry)| (0..entry.items.len()).map(move |i| (s, i))).collect();
        for start in all {
            // A path of items with the sources still to be looked at; no recursion, a file may hold a long chain.
            let mut path: Vec<(ItemAt, Vec<ItemAt>)> = Vec::new();
            let sources = |at: ItemAt| -> Vec<ItemAt> {
                let item = self.model.item(at).map(|(_, item)| item);
                item.into_iter().flat_map(|item| &item.sources).filter_map(|key| self.model.makers.get(key).copied()).collect()
            };
            if let btree_map::Entry::Vacant(free) = marks.entry(start) {
                free.insert(Mark::Open);
                path.push((start, sources(start)));
            }
            while let Some((at, rest)) = path.last_mut() {
                let at = *at;
                let Some(next) = rest.pop() else {
                    marks.insert(at, Mark::Done);
                    order.push(at);
                    path.pop();
                    continue;
                };
                match marks.get(&next) {
                    Some(Mark::Done) => {}
                    Some(Mark::Open) => {
                        let from = path.iter().position(|(at, _)| *at == next).unwrap_or(0);
                        let round: Vec<ItemAt> = path.iter().skip(from).map(|(at, _)| *at).chain([next]).collect();
                        circles.push(round);
                    }
                    None => {
                        marks.insert(next, Mark::Open);
                        path.push((next, sources(next)));
                    }
                }
            }
        }
        self.model.order = order;
        for round in circles {
            let names: Vec<String> = round
                .iter()
                .filter_map(|at| self.model.item(*at))
                .map(|(entry, item)| format!("{}/{}", entry.id, item.name))
                .collect();
            let Some((entry, item)) = round.first().and_then(|at| self.model.item(*at)) else { continue };
            let finding = at_item(entry, item, format!("made from itself: {}", names.join(" → ")));
            self.findings.push(finding);
        }
    }
}

/// The key that stands for a certificate's authority until its Secret is known. No Secret can have such a key.
const AUTHORITY: &str = "(authority)";

/// An error about an item.
fn at_item(entry: &Entry, item: &Item, message: String) -> Finding {
    Finding { severity: Severity::Error, file: item.file, path: item_path(entry, item), message }
}

/// Where an item stands in its file. Of a Secret that stands in several files only the first one's place is known.
pub(super) fn item_path(entry: &Entry, item: &Item) -> Vec<String> {
    let mut path = vec!["spec".to_owned(), "secrets".to_owned()];
    if item.file == entry.file {
        path.extend([entry.index.to_string(), "keys".to_owned(), item.name.clone()]);
    }
    path
}

/// The references of a kind, as they are written. Those of templates and authorities are found apart.
fn references(kind: &Kind) -> Vec<String> {
    match kind {
        Kind::Bcrypt(spec) => vec![spec.from.clone()],
        Kind::Argon2id(argon) => vec![argon.from.clone()],
        Kind::Copy(copy) => vec![copy.from.clone()],
        Kind::NatsCreds(creds) => vec![creds.account.clone(), creds.seed.clone()],
        Kind::NatsAuth(auth) => super::nats_auth::references(auth),
        _ => Vec::new(),
    }
}

/// Which keys of the Secret a kind fills.
fn outputs(name: &str, kind: &Kind) -> Vec<Output> {
    let pair = |main: &Option<String>, public: &Option<String>| {
        let main = Output { role: Role::Main, key: main.clone().unwrap_or_else(|| name.to_owned()) };
        let public = public.clone().map(|key| Output { role: Role::Public, key });
        std::iter::once(main).chain(public).collect()
    };
    match kind {
        Kind::Keypair(keypair) => pair(&keypair.outputs.private, &keypair.outputs.public),
        Kind::Age(age) => pair(&age.outputs.identity, &age.outputs.recipient),
        Kind::Nkey(nkey) => pair(&nkey.outputs.seed, &nkey.outputs.public),
        Kind::X509(x509) => {
            let mut outputs = vec![
                Output { role: Role::Main, key: x509.outputs.key.clone() },
                Output { role: Role::Certificate, key: x509.outputs.cert.clone() },
            ];
            outputs.extend(x509.outputs.ca.clone().map(|key| Output { role: Role::Authority, key }));
            outputs
        }
        _ => vec![Output { role: Role::Main, key: name.to_owned() }],
    }
}

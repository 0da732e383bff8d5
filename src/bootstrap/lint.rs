//! What is wrong or doubtful about bootstrap files, without a look at any target.

use super::derive::MAX_COST;
use super::generate::{self, GOOD_BITS, LEAST_BITS, MOST_BYTES};
use super::kinds::{KeyAlgorithm, Kind};
use super::model::{Entry, Finding, Item, Model, Severity, item_path};
use super::spec::Target;
use super::{nats_auth, onepassword};
use crate::crypto::argon;
use crate::seal::{is_valid_key, is_valid_name, is_valid_namespace};

/// Above this cost of bcrypt, clients that all come back at once run into their timeouts.
const HIGH_COST: u32 = 12;

/// Looks the files over. What [`Model::build`] found is not repeated.
#[must_use]
pub fn lint(model: &Model) -> Vec<Finding> {
    let mut lint = Lint { model, findings: Vec::new() };
    for entry in &model.secrets {
        lint.secret(entry);
        for item in &entry.items {
            lint.item(entry, item);
        }
    }
    for item in &model.onepassword {
        let valid = is_valid_name(&item.id.name) && is_valid_namespace(&item.id.namespace);
        let name = (!valid).then(|| format!("{} is no valid namespace and name", item.id));
        for message in name.into_iter().chain(onepassword::problem(&item.spec).map(|what| format!("{}: {what}", item.id))) {
            let path = vec!["spec".to_owned(), "onepassword".to_owned()];
            lint.findings.push(Finding { severity: Severity::Error, file: item.file, path, message });
        }
    }
    lint.findings
}

struct Lint<'a> {
    model: &'a Model,
    findings: Vec<Finding>,
}

impl Lint<'_> {
    fn at_secret(&mut self, severity: Severity, entry: &Entry, field: &str, message: String) {
        let path = vec!["spec".to_owned(), "secrets".to_owned(), entry.index.to_string(), field.to_owned()];
        self.findings.push(Finding { severity, file: entry.file, path, message });
    }

    fn at_item(&mut self, severity: Severity, entry: &Entry, item: &Item, message: impl AsRef<str>) {
        let message = format!("{}/{}: {}", entry.id, item.name, message.as_ref());
        self.findings.push(Finding { severity, file: item.file, path: item_path(entry, item), message });
    }

    fn secret(&mut self, entry: &Entry) {
        let id = &entry.id;
        if !is_valid_name(&id.name) {
            self.at_secret(Severity::Error, entry, "name", format!("`{}` is not a valid Secret name", id.name));
        }
        if !is_valid_namespace(&id.namespace) {
            self.at_secret(Severity::Error, entry, "namespace", format!("`{}` is not a valid namespace", id.namespace));
        }
        for target in &entry.spec.restart {
            if Workload::parse(target, &id.namespace).is_none() {
                let message = format!("`{target}` is no workload: write Deployment/name, StatefulSet/name or DaemonSet/name");
                self.at_secret(Severity::Error, entry, "restart", message);
            }
        }
        let paths = match &entry.target {
            Target::Cluster(_) => None,
            Target::SealedSecret(file) => Some(&file.path),
            Target::Sops(file) => Some(&file.path),
        };
        if let Some(path) = paths.filter(|path| path.trim().is_empty()) {
            self.at_secret(Severity::Error, entry, "target", format!("{id}: the path `{path}` is empty"));
        }
        if entry.spec.guard.is_some() && !matches!(entry.target, Target::Cluster(_)) {
            self.at_secret(Severity::Error, entry, "guard", format!("{id}: a guard is for Secrets that go into the cluster"));
        }
        if matches!(&entry.spec.type_, Some(type_) if type_.is_empty()) {
            self.at_secret(Severity::Error, entry, "type", format!("{id}: the type is empty"));
        }
    }

    fn item(&mut self, entry: &Entry, item: &Item) {
        for output in &item.outputs {
            if !is_valid_key(&output.key) {
                self.at_item(Severity::Error, entry, item, format!("`{}` is not a valid key of a Secret", output.key));
            }
        }
        self.strength(entry, item);
        match &item.kind {
            Kind::Keypair(keypair) => {
                let rsa = matches!(keypair.algorithm, KeyAlgorithm::Rsa | KeyAlgorithm::SshRsa);
                self.bits(entry, item, keypair.bits, rsa);
            }
            Kind::X509(x509) => {
                let rsa = x509.sealing_key || x509.algorithm == super::kinds::CertificateKey::Rsa;
                self.bits(entry, item, x509.bits, rsa);
                if x509.days == 0 || x509.days > 36_500 {
                    self.at_item(Severity::Error, entry, item, format!("`days: {}` is not between 1 and 36500", x509.days));
                }
                if x509.sealing_key && (x509.ca.is_some() || entry.type_() != "kubernetes.io/tls") {
                    let message = "a sealing key signs its own certificate, and its Secret is of type kubernetes.io/tls";
                    self.at_item(Severity::Error, entry, item, message);
                }
                if x509.outputs.ca.is_some() && x509.ca.is_none() {
                    self.at_item(Severity::Error, entry, item, "`outputs.ca` needs `ca`");
                }
            }
            Kind::Age(_) => {
                let identity = item.main_key();
                if entry.id.namespace == "flux-system" && !identity.ends_with(".agekey") {
                    let message = format!("Flux reads an age identity only under a key that ends in .agekey, not `{identity}`");
                    self.at_item(Severity::Warning, entry, item, message);
                }
            }
            Kind::Bcrypt(spec) => {
                if !(4..=MAX_COST).contains(&spec.cost) {
                    self.at_item(Severity::Error, entry, item, format!("cost {} is not between 4 and {MAX_COST}", spec.cost));
                } else if spec.cost > HIGH_COST {
                    let message = format!(
                        "at cost {} a login takes a quarter of a second and more, and a generated password gains nothing by it",
                        spec.cost
                    );
                    self.at_item(Severity::Warning, entry, item, message);
                }
            }
            Kind::Argon2id(spec) => {
                let work = argon::Work { memory: spec.memory, time: spec.time, lanes: spec.lanes };
                if !work.is_possible() {
                    self.at_item(Severity::Error, entry, item, "there are no argon2id hashes of such memory, time and lanes");
                }
            }
            Kind::NatsAuth(auth) => {
                for message in nats_auth::structure(auth) {
                    self.at_item(Severity::Error, entry, item, message);
                }
            }
            Kind::Env(env) => {
                let bad = env.names.iter().find(|name| name.is_empty() || name.contains(['=', '\0']));
                if env.names.is_empty() {
                    self.at_item(Severity::Error, entry, item, "no variable is named");
                } else if let Some(name) = bad {
                    self.at_item(Severity::Error, entry, item, format!("`{name}` is no name of a variable"));
                }
                if env.pattern.as_ref().is_some_and(|pattern| regex::Regex::new(&format!("^(?:{pattern})$")).is_err()) {
                    self.at_item(Severity::Error, entry, item, "`pattern` is no regular expression");
                }
            }
            Kind::Literal(literal) if !literal.not_secret && sounds_secret(&item.name) => {
                let message = "a value in the bootstrap file is for everybody who reads it, and this name sounds like a secret: \
                               use another kind, or say `notSecret: true`";
                self.at_item(Severity::Error, entry, item, message);
            }
            Kind::Template(_) => self.url(entry, item),
            _ => {}
        }
    }

    fn bits(&mut self, entry: &Entry, item: &Item, bits: Option<usize>, rsa: bool) {
        match bits {
            Some(_) if !rsa => self.at_item(Severity::Error, entry, item, "`bits` is for RSA keys"),
            Some(bits) if ![2048, 3072, 4096].contains(&bits) => {
                self.at_item(Severity::Error, entry, item, format!("an RSA key has 2048, 3072 or 4096 bits, not {bits}"));
            }
            _ => {}
        }
    }

    fn strength(&mut self, entry: &Entry, item: &Item) {
        let mut allow_weak = false;
        if let Kind::Password(password) = &item.kind {
            allow_weak = password.allow_weak;
            if let Err(error) = generate::alphabet(password) {
                return self.at_item(Severity::Error, entry, item, error.to_string());
            }
            let most = crate::crypto::generate::MAX_LENGTH;
            if password.length == 0 || password.length > most {
                return self.at_item(Severity::Error, entry, item, format!("`length` is not between 1 and {most}"));
            }
        }
        let Some(bits) = generate::bits(&item.kind) else { return };
        #[expect(clippy::cast_precision_loss, reason = "a bound")]
        if bits > MOST_BYTES as f64 * 8.0 {
            self.at_item(Severity::Error, entry, item, format!("more than {MOST_BYTES} random bytes"));
        } else if bits < LEAST_BITS && !allow_weak {
            let message =
                format!("{bits:.0} bits of randomness can be guessed: make it longer ({GOOD_BITS:.0} bits and more are good)");
            self.at_item(Severity::Error, entry, item, message);
        } else if bits < GOOD_BITS {
            self.at_item(
                Severity::Warning,
                entry,
                item,
                format!("{bits:.0} bits of randomness are few: {GOOD_BITS:.0} are good"),
            );
        }
    }

    /// Values that are known not to survive in a URL before they are made.
    fn url(&mut self, entry: &Entry, item: &Item) {
        let Some(template) = &item.template else { return };
        for key in template.bare_in_url() {
            let maker = self.model.makers.get(key).and_then(|at| self.model.item(*at));
            let Some((_, source)) = maker else { continue };
            if generate::is_url_safe(&source.kind) == Some(false) {
                let message = format!(
                    "{key} ({}) may hold characters that a URL cannot: use `| urlencode`, or a password of letters and digits",
                    source.kind.name()
                );
                self.at_item(Severity::Warning, entry, item, message);
            }
        }
    }
}

fn sounds_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["pass", "token", "secret", "key"].iter().any(|word| name.contains(word))
}

/// A workload whose Pods hold values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Workload {
    /// Its namespace.
    pub namespace: String,
    /// `Deployment`, `StatefulSet` or `DaemonSet`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

impl Workload {
    /// Reads `Kind/name` or `namespace/Kind/name`.
    #[must_use]
    pub fn parse(text: &str, namespace: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let (namespace, kind, name) = match parts.as_slice() {
            [kind, name] => (namespace, *kind, *name),
            [namespace, kind, name] => (*namespace, *kind, *name),
            _ => return None,
        };
        let kind = ["Deployment", "StatefulSet", "DaemonSet"].into_iter().find(|known| known.eq_ignore_ascii_case(kind))?;
        let valid = is_valid_name(name) && is_valid_namespace(namespace);
        valid.then(|| Self { namespace: namespace.to_owned(), kind, name: name.to_owned() })
    }
}

impl std::fmt::Display for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{} in {}", self.kind, self.name, self.namespace)
    }
}

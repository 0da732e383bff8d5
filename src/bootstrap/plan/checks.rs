//! The rules that hold for a Secret as a whole, once all its keys are known; and what is said about values in URLs.

use super::super::kinds::Kind;
use super::super::model::Entry;
use super::super::spec::{Rotation, Target};
use super::super::state::{NamespaceState, Value};
use super::super::template::is_unreserved;
use super::{Planner, SecretPlan, Write};

/// Most bytes that Kubernetes stores in one Secret.
const MOST: usize = 1 << 20;

impl Planner<'_> {
    /// Puts the keys together to Secrets, and looks at each.
    pub(super) fn collect(&mut self) {
        let model = self.model;
        for at in model.write_order() {
            let Some(entry) = model.secrets.get(at).filter(|entry| self.context.options.selects(&entry.id)) else { continue };
            let mut keys = self.keys.remove(&entry.id).unwrap_or_default();
            let place = |key: &super::KeyPlan| {
                entry.items.iter().position(|item| item.outputs.iter().any(|output| key.key == output.key)).unwrap_or(usize::MAX)
            };
            keys.sort_by_key(place);
            let exists = self.context.world.secrets.get(&entry.id).is_some_and(|observed| observed.exists);
            let plan = SecretPlan { at, id: entry.id.clone(), exists, keys };
            self.check(entry, &plan);
            self.plan.secrets.push(plan);
        }
        self.urls();
    }

    fn check(&mut self, entry: &Entry, plan: &SecretPlan) {
        let id = &entry.id;
        let observed = self.context.world.secrets.get(id).cloned().unwrap_or_default();
        let writes: Vec<&str> = plan.writes().map(|(key, _)| key.key.as_str()).collect();
        if let Some(found) = observed.type_.as_deref().filter(|found| observed.exists && *found != entry.type_()) {
            let message =
                format!("it is of type {found}, and the file says {}: the type of a Secret cannot change", entry.type_());
            self.problem("type", id, message, Some("say `type:` in the file, or delete the Secret if it may be made anew"));
        }
        let rotated = self.context.options.rotate.as_ref();
        let asked = rotated.is_some_and(|rotation| rotation.keys.iter().any(|key| key.secret == *id));
        if asked && observed.exists && entry.spec.rotation == Rotation::External && !rotated.is_some_and(|r| r.upstream_changed) {
            self.problem(
                "external",
                id,
                "its values are also stored in the program that they are for (rotation: external)",
                Some("change the password there first (or right after), and use --upstream-changed"),
            );
        }
        if writes.is_empty() {
            return;
        }
        if let Some(guard) = entry.spec.guard.as_ref().filter(|_| !observed.exists && !self.context.options.force_new) {
            let claim = format!("{}/{}", id.namespace, guard.pvc);
            if self.context.world.claims.contains(&claim) {
                let message = format!("data exist in PersistentVolumeClaim {claim}, but their password is lost with this Secret");
                let hint = "bring the Secret back from a backup; --force-new makes new values all the same";
                self.problem("guarded", id, message, Some(hint));
            }
        }
        if observed.exists && observed.immutable {
            let message = format!("it is immutable and lacks {}", writes.join(", "));
            self.problem("immutable", id, message, Some("deleting it, so that it is made anew, is for you to decide"));
        }
        if let Some(owner) = &observed.owner {
            let message = format!("it is owned by {owner}, and would be overwritten: not written ({})", writes.join(", "));
            self.problem("owned", id, message, Some("give the file's entry that target, or take the entry out"));
        }
        if let Some(why) = &observed.locked {
            let message = format!("{why}, so that {} cannot be added", writes.join(", "));
            self.problem("sops-locked", id, message, Some("give the identity in SOPS_AGE_KEY_FILE or SOPS_AGE_KEY"));
        }
        if matches!(entry.target, Target::Cluster(_)) {
            self.namespace(entry);
        }
        let kept = observed.values.iter().filter(|(key, _)| !writes.contains(&key.as_str()));
        let kept: usize = kept.filter_map(|(_, value)| value.known()).map(crate::secret::SecretBytes::len).sum();
        let new: usize = plan.writes().map(|(_, write)| if let Write::Value(value) = write { value.len() } else { 0 }).sum();
        if kept + new > MOST {
            self.problem("too-large", id, format!("it would hold {} bytes, and Kubernetes stores 1 MiB", kept + new), None);
        }
    }

    fn namespace(&mut self, entry: &Entry) {
        let name = &entry.id.namespace;
        match self.context.world.namespaces.get(name) {
            Some(NamespaceState::Terminating) => {
                self.problem("namespace", &entry.id, format!("namespace {name} is being deleted"), Some("wait until it is gone"));
            }
            Some(NamespaceState::Absent) if self.model.namespaces.get(name).copied().unwrap_or(false) => {
                if !self.plan.namespaces.contains(name) {
                    self.plan.namespaces.push(name.clone());
                }
            }
            Some(NamespaceState::Absent) => {
                let hint = format!("create it, or list it: `namespaces: [{{ name: {name}, create: true }}]`");
                self.problem("namespace", &entry.id, format!("there is no namespace {name}"), Some(&hint));
            }
            Some(NamespaceState::Active) | None => {}
        }
    }

    /// Values that go into a URL without being encoded and do not survive that.
    fn urls(&mut self) {
        let mut warnings = Vec::new();
        for &at in &self.model.order {
            let Some((entry, item)) = self.model.item(at) else { continue };
            for key in item.template.iter().flat_map(|template| template.bare_in_url()) {
                let maker = self.model.makers.get(key).and_then(|at| self.model.item(*at)).map(|(_, item)| &item.kind);
                // What is no secret is a host with its port as often as not.
                if matches!(maker, None | Some(Kind::Literal(_) | Kind::Template(_))) {
                    continue;
                }
                let there = || match self.there(key) {
                    Some(Value::Known(bytes)) => Some(bytes),
                    _ => None,
                };
                let Some(value) = self.known(key).cloned().or_else(there) else { continue };
                if let Some(byte) = value.expose().iter().find(|byte| !is_unreserved(**byte)) {
                    warnings.push(format!(
                        "{key} holds {}, and stands in the URL {} as it is, where clients misread it: use `| urlencode` where \
                         all clients decode it (NATS clients do not), or rotate it with an alphabet of letters and digits",
                        class(*byte),
                        entry.id.key(item.main_key())
                    ));
                }
            }
        }
        for warning in warnings {
            self.warn(warning);
        }
    }
}

fn class(byte: u8) -> &'static str {
    match byte {
        b'/' => "a slash",
        b'+' => "a plus sign",
        b'=' => "an equals sign",
        b'@' | b':' | b'?' | b'#' | b'%' => "a character with a meaning in URLs",
        _ if byte.is_ascii() => "punctuation or a blank",
        _ => "a byte outside of ASCII",
    }
}

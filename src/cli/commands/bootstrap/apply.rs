//! Plans carried out: everything drafted first, then written Secret by Secret, each of them atomic.
//!
//! A Secret or a file that somebody else changes meanwhile is read again and planned again. A run that breaks off leaves whole
//! Secrets behind, and the next run goes on from there (`rotate --resume`, where values were rotated).

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use super::drafts::{self, FileDrafts};
use super::world::{ItemState, SEALED_MANAGED, Targets};
use super::{cluster, restart, sealed, show};
use crate::bootstrap::model::Entry;
use crate::bootstrap::plan::{Problem, SecretPlan, State, Write};
use crate::bootstrap::spec::Target;
use crate::bootstrap::state::{Context as PlanContext, Inputs, Options, World};
use crate::bootstrap::{KeyId, Plan, SPEC_ANNOTATION, SecretId, onepassword, plan};
use crate::cli::Io;
use crate::cli::args::Format;
use crate::cli::report::{Exit, Failure, Outcome};
use crate::cluster::objects::Reason;
use crate::cluster::secrets::ClusterSecret;

/// How often a Secret that keeps changing is read again.
const ATTEMPTS: usize = 5;

/// A run of `apply` or `rotate`.
pub(super) struct Run<'a> {
    pub(super) targets: &'a mut Targets,
    pub(super) inputs: &'a mut dyn Inputs,
    pub(super) options: Options,
    pub(super) allow_dirty: bool,
    pub(super) format: Format,
}

/// What a run did.
#[derive(Default)]
pub(super) struct Done {
    /// Lines, in the order of writing.
    lines: Vec<String>,
    /// Secrets that were there before and have other values now.
    pub(super) changed: Vec<SecretId>,
    /// Everything written, for programs.
    written: Vec<serde_json::Value>,
}

/// A plan with all that it was made from.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) world: World,
    pub(super) items: BTreeMap<SecretId, ItemState>,
}

impl Planned {
    /// Whether anything is to be written.
    pub(super) fn has_changes(&self) -> bool {
        self.plan.has_changes() || self.items.values().any(|state| *state == ItemState::Absent)
    }
}

/// Reads everything and plans.
pub(super) fn look(targets: &mut Targets, inputs: &mut dyn Inputs, options: &Options, io: &mut Io) -> Result<Planned, Failure> {
    let world = targets.world(&options.only, io)?;
    let items = if options.rotate.is_none() { targets.items(&options.only, io)? } else { BTreeMap::new() };
    let context = PlanContext { world: &world, inputs, options, now: io.now };
    let mut plan = plan(&targets.loaded.model, context);
    for (id, _) in items.iter().filter(|(_, state)| **state == ItemState::NoKind) {
        plan.problems.push(Problem {
            code: "no-kind",
            about: id.to_string(),
            message: format!("the cluster does not know {} ({})", onepassword::KIND, onepassword::API_VERSION),
            hint: Some("install the 1Password operator first, or give the entry a `path` and let git bring it".to_owned()),
        });
    }
    for warning in &plan.warnings {
        io.warn(warning);
    }
    Ok(Planned { plan, world, items })
}

impl Run<'_> {
    /// Plans and writes until everything is as it shall be.
    pub(super) fn run(mut self, wait: &restart::Wish, io: &mut Io) -> Outcome {
        let mut done = Done::default();
        for attempt in 1.. {
            let planned = look(self.targets, self.inputs, &self.options, io)?;
            if let Some(failure) = show::failure(&planned.plan.problems) {
                return Err(failure.with_hint("nothing was written"));
            }
            for (secret, key) in planned.plan.secrets.iter().flat_map(|secret| secret.keys.iter().map(move |key| (secret, key))) {
                if key.state == State::Drift && attempt == 1 {
                    io.warn(format!("{}/{}: {}", secret.id, key.key, key.how));
                }
            }
            if !planned.has_changes() {
                break;
            }
            let again = self.write(&planned, &mut done, io)?;
            if !again {
                break;
            }
            if attempt == ATTEMPTS {
                return Err(Failure::new("the Secrets or files are changed by somebody else all the time: given up")
                    .with_hint("what was written is whole; run the command again"));
            }
        }
        self.tell(&done, io)?;
        restart::after(self.targets, &done.changed, wait, io)
    }

    fn tell(&self, done: &Done, io: &mut Io) -> Result<(), Failure> {
        match self.format {
            Format::Text => {
                for line in &done.lines {
                    io.stdout.line(line)?;
                }
                if done.lines.is_empty() {
                    io.note("everything is there already: nothing was written");
                }
            }
            Format::Json => {
                let restart = restart::list(self.targets, &done.changed);
                let restart: Vec<String> = restart.iter().map(ToString::to_string).collect();
                let value = serde_json::json!({ "written": done.written, "restart": restart });
                io.stdout.put(format!("{value:#}\n"))?;
            }
        }
        Ok(())
    }

    /// Writes a plan. `Ok(true)`: something had changed meanwhile, plan again.
    fn write(&mut self, planned: &Planned, done: &mut Done, io: &mut Io) -> Result<bool, Failure> {
        let mut files = drafts::draft(self.targets, planned, io)?;
        // Everything that is known to go wrong does so before anything is written.
        files.prepare(self.allow_dirty)?;
        for name in &planned.plan.namespaces {
            let cluster = self.targets.cluster(io)?;
            cluster.ask(async |objects| objects.create_namespace(name).await)?;
            done.lines.push(format!("created Namespace {name}"));
        }
        let all: Vec<&SecretPlan> = planned.plan.secrets.iter().filter(|secret| secret.writes().next().is_some()).collect();
        for (number, secret) in all.iter().enumerate() {
            let Some(entry) = self.targets.loaded.model.secrets.get(secret.at).cloned() else { continue };
            let outcome = match &entry.target {
                Target::Cluster(_) => self.write_cluster(&entry, secret, &planned.world, io),
                Target::SealedSecret(_) | Target::Sops(_) => files.write(&entry.id),
            };
            match outcome {
                Ok(true) => self.written(secret, done),
                Ok(false) => return Ok(true),
                Err(failure) => {
                    let left: Vec<String> = all.iter().skip(number).map(|secret| secret.id.to_string()).collect();
                    for line in &done.lines {
                        io.note(line);
                    }
                    let hint = self.go_on(number, &left.join(", "));
                    return Err(failure.wrap(format_args!("stopped at {}", secret.id)).with_hint(hint));
                }
            }
        }
        for (id, _) in planned.items.iter().filter(|(_, state)| **state == ItemState::Absent) {
            if !self.write_item(id, &mut files, done, io)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Notes what was written, so that another attempt of this run keeps it.
    fn written(&mut self, secret: &SecretPlan, done: &mut Done) {
        if let Some(rotation) = &mut self.options.rotate {
            let keys = secret.writes().map(|(key, _)| secret.id.key(&key.key));
            rotation.done.extend(keys.filter(|key| rotation.keys.contains(key)));
        }
        self.options.from_inputs.remove(&secret.id);
        let keys: Vec<&str> = secret.writes().map(|(key, _)| key.key.as_str()).collect();
        let verb = if secret.exists { "changed" } else { "created" };
        let place = show::place(&self.targets.loaded, secret.at);
        done.lines.push(format!("{verb} {} ({place}): {}", secret.id, keys.join(", ")));
        done.written.push(serde_json::json!({
            "namespace": secret.id.namespace, "name": secret.id.name, "action": verb, "target": place, "keys": keys,
        }));
        if secret.exists && !done.changed.contains(&secret.id) {
            done.changed.push(secret.id.clone());
        }
    }

    /// Writes a Secret of the cluster. `Ok(false)`: it had changed meanwhile.
    fn write_cluster(&mut self, entry: &Entry, secret: &SecretPlan, world: &World, io: &Io) -> Result<bool, Failure> {
        let data: BTreeMap<_, _> = secret
            .writes()
            .filter_map(|(key, write)| match write {
                Write::Value(value) => Some((key.key.clone(), value.clone())),
                Write::SameAs(_) => None,
            })
            .collect();
        let mark = BTreeMap::from([(SPEC_ANNOTATION.to_owned(), entry.fingerprint())]);
        let version = world.secrets.get(&entry.id).map(|observed| observed.version.clone()).unwrap_or_default();
        let cluster = self.targets.cluster(io)?;
        let answer = if secret.exists {
            cluster.run(async |objects| objects.set_keys(&entry.id.namespace, &entry.id.name, &version, &data, &mark).await)
        } else {
            let object = new_secret(entry, data, mark);
            cluster.run(async |objects| objects.create_secret(&object).await)
        };
        match answer {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.reason, Reason::Conflict) => Ok(false),
            // Deleted between reading and writing.
            Err(error) if secret.exists && error.reason == Reason::NotFound => Ok(false),
            Err(error) => Err(cluster::failure(&error)),
        }
    }

    /// Makes a OnePasswordItem. `Ok(false)`: its file had changed meanwhile.
    fn write_item(&mut self, id: &SecretId, files: &mut FileDrafts, done: &mut Done, io: &Io) -> Result<bool, Failure> {
        let Some(item) = self.targets.loaded.model.onepassword.iter().find(|item| item.id == *id).cloned() else {
            return Ok(true);
        };
        let place = match &item.spec.path {
            Some(path) => {
                if !files.write(id)? {
                    return Ok(false);
                }
                self.targets.loaded.target(item.file, path, io)?.1
            }
            None => {
                let object = onepassword::object(&item.spec);
                self.targets.cluster(io)?.ask(async |objects| objects.create_object(&object).await)?;
                "cluster".to_owned()
            }
        };
        done.lines.push(format!("created OnePasswordItem {id} ({place})"));
        done.written.push(serde_json::json!({
            "namespace": id.namespace, "name": id.name, "action": "created", "target": place, "kind": onepassword::KIND,
        }));
        Ok(true)
    }

    /// What to do after a run that broke off.
    fn go_on(&self, number: usize, left: &str) -> String {
        let listed = |keys: Vec<&KeyId>| keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        match &self.options.rotate {
            Some(rotation) if !rotation.done.is_empty() => {
                let rest: Vec<&KeyId> = rotation.keys.difference(&rotation.done).collect();
                let then =
                    if rest.is_empty() { String::new() } else { format!(", then `bootstrap rotate {}` as before", listed(rest)) };
                format!(
                    "{number} written, left: {left}, which may hold what was made from the old values; go on with `hecate-seal \
                     bootstrap rotate --resume {}`{then}",
                    listed(rotation.done.iter().collect())
                )
            }
            _ => format!("{number} written, left: {left}; run the command again to go on"),
        }
    }
}

/// A Secret as it is made in the cluster.
fn new_secret(
    entry: &Entry,
    data: BTreeMap<String, crate::secret::SecretBytes>,
    mark: BTreeMap<String, String>,
) -> ClusterSecret {
    let mut secret =
        ClusterSecret { type_: entry.type_().to_owned(), immutable: entry.spec.immutable, data, ..ClusterSecret::default() };
    secret.metadata.name = Some(entry.id.name.clone());
    secret.metadata.namespace = Some(entry.id.namespace.clone());
    secret.metadata.labels = Some(sealed::labels(entry));
    let mut annotations = entry.spec.annotations.clone();
    annotations.extend(mark);
    secret.metadata.annotations = Some(annotations);
    secret
}

/// Marks a Secret of the cluster as one that the sealed-secrets controller may take over.
pub(super) fn mark_for_takeover() -> BTreeMap<String, String> {
    BTreeMap::from([(SEALED_MANAGED.to_owned(), "true".to_owned())])
}

/// The names that a rotation touches: the Secrets themselves and those that hold something made from them.
pub(super) fn touched(targets: &Targets, keys: &BTreeSet<KeyId>) -> BTreeSet<SecretId> {
    let model = &targets.loaded.model;
    let mut touched: BTreeSet<SecretId> = keys.iter().map(|key| key.secret.clone()).collect();
    for key in keys {
        // A part of the same item may be what others are made from.
        let parts = model.makers.get(key).and_then(|at| model.item(*at));
        let parts = parts.into_iter().flat_map(|(entry, item)| item.outputs.iter().map(|output| entry.id.key(&output.key)));
        for part in parts.collect::<Vec<_>>() {
            let dependents = model.dependents(&part);
            touched.extend(dependents.into_iter().filter_map(|at| model.item(at)).map(|(entry, _)| entry.id.clone()));
        }
    }
    touched
}

/// The time as an annotation has it.
pub(super) fn timestamp(now: OffsetDateTime) -> String {
    let now = now.replace_nanosecond(0).unwrap_or(now);
    now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}

/// Exit code of a rollout that did not come up in time.
pub(super) const NOT_IN_TIME: Exit = Exit::other(3);

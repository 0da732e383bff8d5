//! One key after the other, sources first.

use super::super::derive::{self, HashState, Misfit};
use super::super::generate;
use super::super::id::KeyId;
use super::super::kinds::{Env, Kind, Required};
use super::super::model::{Entry, Item, ItemAt, Role};
use super::super::pairs::{self, Authority};
use super::super::spec::OnExisting;
use super::super::state::Value;
use super::{Changed, Held, Planner, State, Write};
use crate::secret::SecretBytes;

impl<'a> Planner<'a> {
    pub(super) fn item(&mut self, at: ItemAt) {
        let model = self.model;
        let Some((entry, item)) = model.item(at) else { return };
        let exists = self.context.world.secrets.get(&entry.id).is_some_and(|observed| observed.exists);
        let key = entry.id.key(item.main_key());
        let rotation = self.context.options.rotate.as_ref();
        let rotated = rotation.is_some_and(|rotation| rotation.keys.contains(&key) && !rotation.done.contains(&key));
        let left_alone = exists && entry.on_existing == OnExisting::Skip && !rotated;
        if !self.context.options.selects(&entry.id) || left_alone {
            return self.pass(entry, item, left_alone);
        }
        if !rotated && self.take_live(entry, item) {
            return;
        }
        match &item.kind {
            Kind::Literal(literal) => self.literal(&key, &literal.value),
            kind if kind.is_generated() => self.generated(entry, item, rotated),
            kind if kind.is_input() => self.input(entry, item, rotated),
            _ => self.derived(entry, item, rotated),
        }
    }

    /// What is not to be changed: its values are there for others.
    fn pass(&mut self, entry: &Entry, item: &Item, show: bool) {
        for output in &item.outputs {
            let key = entry.id.key(&output.key);
            let held = match self.there(&key) {
                Some(value) => Held::Value { value, changed: Changed::No },
                None => Held::Nothing,
            };
            if show {
                let state = if matches!(held, Held::Nothing) { State::Unset } else { State::Kept };
                self.note(&key, state, "the Secret exists (onExisting: skip)", None, held);
            } else {
                self.held.insert(key, held);
            }
        }
    }

    /// Takes the values of the Secret in the cluster for keys that the target lacks. Says whether that settles the item.
    fn take_live(&mut self, entry: &Entry, item: &Item) -> bool {
        let live = self.context.world.secrets.get(&entry.id).map(|observed| observed.live.clone()).unwrap_or_default();
        let main = entry.id.key(item.main_key());
        let Some(value) = live.get(&main.key).filter(|value| !value.is_empty() && self.there(&main).is_none()) else {
            return false;
        };
        self.write(&main, State::Added, "from the Secret in the cluster", value.clone());
        self.parts(entry, item, Some(&Value::Known(value.clone())));
        true
    }

    fn changed_earlier(&self, key: &KeyId) -> Changed {
        let done = self.context.options.rotate.as_ref().is_some_and(|rotation| rotation.done.contains(key));
        if done { Changed::Earlier } else { Changed::No }
    }

    fn literal(&mut self, key: &KeyId, text: &str) {
        let value = SecretBytes::copy_of(text.as_bytes());
        match self.there(key) {
            None => self.write(key, State::Added, "as the file says", value),
            Some(Value::Known(there)) if there != value => {
                if self.context.options.fix_derived {
                    self.write(key, State::Derived, "as the file says", value);
                } else {
                    let held = Held::Value { value: Value::Known(there), changed: Changed::No };
                    self.note(key, State::Drift, "it is not what the file says; --fix-derived writes that", None, held);
                }
            }
            Some(there) => self.keep(key, there, ""),
        }
    }

    fn keep(&mut self, key: &KeyId, value: Value, how: &str) {
        let changed = self.changed_earlier(key);
        self.note(key, State::Kept, how, None, Held::Value { value, changed });
    }

    fn generated(&mut self, entry: &Entry, item: &Item, rotated: bool) {
        let key = entry.id.key(item.main_key());
        let there = self.there(&key);
        match there {
            _ if rotated => self.fresh(entry, item, there),
            Some(Value::Known(value)) if value.is_empty() => {
                let hint = format!("make a new one: hecate-seal bootstrap rotate {}", key);
                self.problem(
                    "empty-value",
                    &key,
                    "it is there and empty: programs take that for no password at all",
                    Some(&hint),
                );
                self.fail_all(entry, item);
            }
            Some(value) => {
                self.keep(&key, value.clone(), "");
                self.parts(entry, item, Some(&value));
            }
            None => match self.lost(entry, item, &key) {
                Some(left) => {
                    let hint =
                        format!("`hecate-seal bootstrap rotate {key}` makes a new value and everything that follows from it");
                    let message = format!("it is gone, but {left}, which was made from it, is still there");
                    self.problem("source-lost", &key, message, Some(&hint));
                    self.fail_all(entry, item);
                }
                None => self.fresh(entry, item, None),
            },
        }
    }

    fn fail_all(&mut self, entry: &Entry, item: &Item) {
        for output in &item.outputs {
            self.fail(&entry.id.key(&output.key));
        }
    }

    /// Something that can only have been made from a key that is gone.
    fn lost(&self, entry: &Entry, item: &Item, key: &KeyId) -> Option<KeyId> {
        let parts = item.outputs.iter().skip(1).map(|output| entry.id.key(&output.key));
        if let Some(part) = parts.into_iter().find(|part| part.key != key.key && self.there(part).is_some()) {
            return Some(part);
        }
        self.model.dependents(key).into_iter().filter_map(|at| self.model.item(at)).find_map(|(other, dependent)| {
            // What has other sources too may be older than this key.
            let only_from_it = dependent.sources.iter().all(|source| source == key);
            let left = other.id.key(dependent.main_key());
            (only_from_it && self.there(&left).is_some()).then_some(left)
        })
    }

    /// A new value, and everything of the item with it.
    fn fresh(&mut self, entry: &Entry, item: &Item, old: Option<Value>) {
        let key = entry.id.key(item.main_key());
        let now = self.context.now;
        let made = match generate::value(&item.kind, now) {
            Ok(None) => pairs::main(&item.kind, now),
            other => other,
        };
        let value = match made {
            Ok(Some(value)) => value,
            Ok(None) => return self.fail_all(entry, item),
            Err(error) => {
                self.problem("cannot-make", &key, error.to_string(), None);
                return self.fail_all(entry, item);
            }
        };
        let state = if old.is_some() { State::Replaced } else { State::Added };
        let how = if old.is_some() { format!("new {}", item.kind.name()) } else { item.kind.name().to_owned() };
        self.write(&key, state, how, value);
        let rotation = self.context.options.rotate.as_ref();
        let keep = entry.spec.keep_previous || rotation.is_some_and(|rotation| rotation.keep_previous);
        let keep = keep && !rotation.is_some_and(|rotation| rotation.resume);
        if let Some(old) = old.filter(|_| keep) {
            let previous = entry.id.key(&format!("{}_PREVIOUS", key.key));
            let write = match &old {
                Value::Known(bytes) => Write::Value(bytes.clone()),
                Value::Opaque => Write::SameAs(key.key.clone()),
            };
            let held = Held::Value { value: old, changed: Changed::Now };
            self.note(&previous, State::Added, format!("the old value of {}", key.key), Some(write), held);
        }
        self.parts(entry, item, None);
    }

    /// The other halves of an item. `kept`: the private half that stays; otherwise it is new, and all is made anew.
    fn parts(&mut self, entry: &Entry, item: &Item, kept: Option<&Value>) {
        let main_key = entry.id.key(item.main_key());
        for output in item.outputs.iter().skip(1) {
            let key = entry.id.key(&output.key);
            let there = self.there(&key);
            let Some(main) = self.known(&main_key).cloned() else {
                match there {
                    Some(value) => self.keep(&key, value, "not compared: its private half is sealed"),
                    None => self.opaque(&key, &main_key),
                }
                continue;
            };
            let (authority, signer) = match self.authority(item) {
                Ok(found) => found,
                Err(()) => {
                    self.fail(&key);
                    continue;
                }
            };
            let pair = authority.as_ref().map(|(certificate, key)| Authority { certificate, key });
            let now = self.context.now;
            let fits = match &there {
                Some(Value::Known(there)) if kept.is_some() && signer != Changed::Now => {
                    pairs::fits(&item.kind, output.role, &main, there, pair, now)
                }
                Some(Value::Opaque) if kept.is_some() && signer == Changed::No => Ok(true),
                _ => Ok(false),
            };
            let report = kept.is_some() && there.is_some() && signer == Changed::No && !self.context.options.fix_derived;
            let outcome = match (fits, there) {
                (Ok(true), Some(there)) => {
                    self.keep(&key, there, "");
                    Ok(())
                }
                (Ok(false), Some(there)) if report => {
                    let how = format!("it does not belong to {}; --fix-derived makes it again", main_key.key);
                    self.note(&key, State::Drift, how, None, Held::Value { value: there, changed: Changed::No });
                    Ok(())
                }
                (Ok(_), _) => pairs::part(&item.kind, output.role, &main, pair, now)
                    .map(|made| self.write(&key, State::Derived, format!("from {}", main_key.key), made)),
                (Err(error), _) => Err(error),
            };
            if let Err(error) = outcome {
                self.problem("cannot-derive", &key, error.to_string(), None);
                self.fail(&key);
            }
        }
    }

    /// Certificate and key of the authority that signs an item, and whether they are new.
    fn authority(&mut self, item: &Item) -> Result<(Option<(SecretBytes, SecretBytes)>, Changed), ()> {
        let Kind::X509(x509) = &item.kind else { return Ok((None, Changed::No)) };
        if x509.ca.is_none() {
            return Ok((None, Changed::No));
        }
        let (mut certificate, mut key, mut changed) = (None, None, Changed::No);
        for source in &item.sources {
            let Some(&at) = self.model.makers.get(source) else { continue };
            let role = self.model.item(at).and_then(|(_, maker)| maker.outputs.iter().find(|output| output.key == source.key));
            match (self.held.get(source), role.map(|output| output.role)) {
                (Some(Held::Value { value: Value::Known(bytes), changed: when }), Some(role)) => {
                    changed = changed.max(*when);
                    match role {
                        Role::Certificate => certificate = Some(bytes.clone()),
                        _ => key = Some(bytes.clone()),
                    }
                }
                (Some(Held::Value { value: Value::Opaque, .. }), _) => {
                    let name = item.name.clone();
                    let message = format!("{source} is sealed, and without it nothing can be signed");
                    self.problem("source-opaque", name, message, Some(READ_HINT));
                    return Err(());
                }
                _ => {}
            }
        }
        certificate.zip(key).map(|pair| (Some(pair), changed)).ok_or(())
    }

    fn opaque(&mut self, key: &KeyId, source: &KeyId) {
        let message = format!("it is made from {source}, which is sealed and cannot be read");
        self.problem("source-opaque", key, message, Some(READ_HINT));
        self.fail(key);
    }

    fn input(&mut self, entry: &Entry, item: &Item, asked: bool) {
        let key = entry.id.key(item.main_key());
        let replace = asked || self.context.options.from_inputs.contains(&entry.id);
        let there = self.there(&key);
        let is_stdin = matches!(item.kind, Kind::Stdin(_));
        // Standard input is for a value that is needed, never for comparing.
        let given = if is_stdin && there.is_some() && !replace { Ok(None) } else { self.read_input(entry, item, &key) };
        let given = match given {
            Ok(given) => given,
            Err(message) => {
                // A value that is there needs no input, so that a bad one is no reason to stop.
                if there.is_none() || replace {
                    self.problem("bad-input", &key, message, None);
                    return self.fail(&key);
                }
                None
            }
        };
        let (required, wanted) = match &item.kind {
            Kind::Env(env) => (env.required, format!("none of {} is set (a blank one counts as not set)", variables(env))),
            Kind::File(file) => (file.required, format!("the file {} is not there or empty", file.path)),
            _ => (Required::WhenAbsent, "standard input is empty".to_owned()),
        };
        let missing = |planner: &mut Self, hint: &str| {
            planner.problem("missing-input", &key, wanted.clone(), Some(hint));
            planner.fail(&key);
        };
        match (there, given) {
            (None, Some((value, how))) => self.write(&key, State::Added, how, value),
            (None, None) if required == Required::Never => {
                self.note(&key, State::Unset, wanted, None, Held::Nothing);
            }
            (None, None) => missing(self, &format!("the Secret {} needs it the first time", entry.id)),
            (Some(_), None) if asked => missing(self, "it was asked to be taken from there"),
            (Some(_), None) if required == Required::Always => missing(self, "the file says `required: always`"),
            (Some(Value::Known(old)), None) if old.is_empty() && required != Required::Never => {
                let hint = format!("give the value and use: hecate-seal bootstrap apply --from-inputs {}", entry.id);
                self.problem("empty-value", &key, "it is there and empty", Some(&hint));
                self.fail(&key);
            }
            (Some(Value::Known(old)), Some((value, how))) if old != value => {
                if replace {
                    self.write(&key, State::Replaced, how, value);
                } else if old.is_empty() {
                    let hint = format!("use: hecate-seal bootstrap apply --from-inputs {}", entry.id);
                    self.problem("empty-value", &key, "it is there and empty", Some(&hint));
                    self.fail(&key);
                } else {
                    let how = format!("another value is given {how}; --from-inputs {} takes it", entry.id.name);
                    let held = Held::Value { value: Value::Known(old), changed: Changed::No };
                    self.note(&key, State::Drift, how, None, held);
                }
            }
            (Some(Value::Opaque), Some((value, how))) if replace => self.write(&key, State::Replaced, how, value),
            (Some(there), _) => self.keep(&key, there, ""),
        }
    }

    /// An input and where it came from, in words. `Ok(None)`: there is none.
    fn read_input(&mut self, entry: &Entry, item: &Item, key: &KeyId) -> Result<Option<(SecretBytes, String)>, String> {
        /// What Kubernetes stores in one Secret.
        const MOST: usize = 1 << 20;
        let inputs = &mut *self.context.inputs;
        let found = match &item.kind {
            Kind::Env(env) => env.names.iter().find_map(|name| {
                let value = inputs.variable(name).filter(|value| !value.expose().trim_ascii().is_empty())?;
                let value = if env.trim { trimmed(&value) } else { value };
                Some((value, format!("from {name}")))
            }),
            Kind::File(file) => {
                let content = inputs.file(item.file, &file.path)?.filter(|content| !content.is_empty());
                content.map(|content| {
                    let content = if file.trim { trimmed(&content) } else { content };
                    (content, format!("from the file {}", file.path))
                })
            }
            Kind::Stdin(stdin) => {
                let content = inputs.stdin(key)?;
                let content = if stdin.trim { trimmed(&content) } else { content };
                Some((content, "from standard input".to_owned())).filter(|(content, _)| !content.is_empty())
            }
            _ => None,
        };
        let Some((value, how)) = found else { return Ok(None) };
        if value.len() > MOST {
            return Err(format!("what is given {how} is larger than 1 MiB, more than the Secret {} may hold", entry.id));
        }
        if let Kind::Env(Env { pattern: Some(pattern), .. }) = &item.kind {
            let whole = regex::Regex::new(&format!("^(?:{pattern})$")).map_err(|_| "its pattern is no regular expression")?;
            if !std::str::from_utf8(value.expose()).is_ok_and(|text| whole.is_match(text)) {
                return Err(format!("what is given {how} does not match `{pattern}` (not shown: it may be secret)"));
            }
        }
        Ok(Some((value, how)))
    }

    fn derived(&mut self, entry: &Entry, item: &Item, asked: bool) {
        let key = entry.id.key(item.main_key());
        let there = self.there(&key);
        let (mut changed, mut opaque, mut nothing) = (Changed::No, None, None);
        for source in &item.sources {
            match self.held.get(source) {
                Some(Held::Value { value, changed: when }) => {
                    changed = changed.max(*when);
                    if *value == Value::Opaque {
                        opaque = Some(source.clone());
                    }
                }
                Some(Held::Nothing) | None => nothing = Some(source.clone()),
                Some(Held::Failed) => return self.fail(&key),
            }
        }
        if let Some(source) = nothing {
            return match there {
                Some(there) => self.keep(&key, there, &format!("not compared: {source} is not set")),
                None if self.is_left_out(&source) => {
                    self.note(&key, State::Unset, format!("{source} is not set"), None, Held::Nothing);
                }
                None => {
                    let hint = format!("select its Secret too: --only {}", source.secret);
                    self.problem("source-missing", &key, format!("it is made from {source}, which is not there"), Some(&hint));
                    self.fail(&key);
                }
            };
        }
        let spec = match &item.kind {
            Kind::Bcrypt(spec) => Some(spec),
            _ => None,
        };
        let again = asked || changed == Changed::Now || self.context.options.fix_derived;
        if let (Some(spec), Some(Value::Known(hash))) = (spec, &there) {
            match derive::look_at_hash(spec, hash) {
                HashState::Good => {}
                HashState::Old => self.warn(format!("{key}: `$2x$` marks the hashes of a faulty implementation; rotate it")),
                HashState::Bad(why) if !again => {
                    self.problem("bad-hash", &key, why, Some("--fix-derived makes it again from its password"));
                    return self.fail(&key);
                }
                HashState::Bad(_) => {}
            }
        }
        if let Some(source) = opaque {
            return match there {
                Some(there) if changed == Changed::No && !asked => {
                    self.keep(&key, there, &format!("not compared: {} is sealed", source.key));
                }
                _ => self.opaque(&key, &source),
            };
        }
        let remake = asked || changed == Changed::Now;
        let outcome = match &there {
            Some(Value::Known(old)) if !remake => {
                let fits = derive::fits(item, &entry.id, old, &|key| self.known(key), self.context.now);
                fits.map(|fits| {
                    if fits {
                        self.keep(&key, Value::Known(old.clone()), "");
                        return true;
                    }
                    let report = derive::misfit(&item.kind) == Misfit::Report && changed == Changed::No;
                    if report && !self.context.options.fix_derived {
                        let sources: Vec<&str> = item.sources.iter().map(|source| source.key.as_str()).collect();
                        let how = format!("it does not fit {}; --fix-derived makes it again", sources.join(", "));
                        let held = Held::Value { value: Value::Known(old.clone()), changed: Changed::No };
                        self.note(&key, State::Drift, how, None, held);
                        return true;
                    }
                    false
                })
            }
            Some(Value::Opaque) if !remake && changed == Changed::No => {
                self.keep(&key, Value::Opaque, "");
                Ok(true)
            }
            _ => Ok(false),
        };
        let old = there.as_ref().and_then(Value::known);
        let outcome = match outcome {
            Ok(true) => return,
            Ok(false) => derive::make(item, &entry.id, old, &|key| self.known(key), self.context.now),
            Err(error) => Err(error),
        };
        match outcome {
            Ok(value) => {
                let what = if there.is_some() { "again " } else { "" };
                let how = format!("{} {what}from {}", item.kind.name(), listed(&entry.id, &item.sources));
                self.write(&key, State::Derived, how, value);
            }
            Err(error) => {
                self.problem("cannot-derive", &key, error.to_string(), None);
                self.fail(&key);
            }
        }
    }

    /// Whether a key without a value is one that may be left out.
    fn is_left_out(&self, key: &KeyId) -> bool {
        let item = self.model.makers.get(key).and_then(|at| self.model.item(*at));
        item.is_some_and(|(entry, item)| {
            let optional = match &item.kind {
                Kind::Env(env) => env.required == Required::Never,
                Kind::File(file) => file.required == Required::Never,
                _ => !item.sources.is_empty(),
            };
            optional && self.context.options.selects(&entry.id)
        })
    }
}

const READ_HINT: &str = "--read-from-cluster takes the values from the Secret in the cluster, if it is there";

fn variables(env: &Env) -> String {
    env.names.join(", ")
}

/// Sources by key, with their Secret where it is another one.
fn listed(within: &super::SecretId, sources: &[KeyId]) -> String {
    let name = |key: &KeyId| if key.secret == *within { key.key.clone() } else { key.to_string() };
    sources.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// Without one line break at the end.
fn trimmed(value: &SecretBytes) -> SecretBytes {
    let bytes = value.expose();
    let bytes = bytes.strip_suffix(b"\n").map_or(bytes, |rest| rest.strip_suffix(b"\r").unwrap_or(rest));
    SecretBytes::copy_of(bytes)
}

//! What has to be done: the files' wish compared with what is there, and every missing value made, in memory.
//!
//! Pure but for randomness: what was read comes in as [`World`](super::state::World), and nothing is written. A plan with
//! problems is for reading only. What is there stays, byte for byte, unless it is derived text that follows from something else,
//! or was asked for by name (`rotate`, `--from-inputs`, `--fix-derived`).
//!
//! One difference to the reference's matrix (§6.4): a derived value that is there beside a sealed source is kept, and said to be
//! not compared. An error there would make every second `apply` over a SealedSecret fail.

mod checks;
mod items;

use std::collections::BTreeMap;

use super::id::{KeyId, SecretId};
use super::model::Model;
use super::state::{Context, Value};
use crate::secret::SecretBytes;

/// What is to be done.
#[derive(Debug, Default)]
pub struct Plan {
    /// Every selected Secret, in the order in which they are written.
    pub secrets: Vec<SecretPlan>,
    /// Namespaces that are to be made.
    pub namespaces: Vec<String>,
    /// Why nothing may be written. Empty: it may.
    pub problems: Vec<Problem>,
    /// What someone should know.
    pub warnings: Vec<String>,
}

impl Plan {
    /// Whether anything is to be written.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.namespaces.is_empty() || self.secrets.iter().any(|secret| secret.writes().next().is_some())
    }
}

/// What is to be done about one Secret.
#[derive(Debug)]
pub struct SecretPlan {
    /// Its position in the model.
    pub at: usize,
    /// Its names.
    pub id: SecretId,
    /// Whether it is there.
    pub exists: bool,
    /// Its keys, by the names of their entries in the file.
    pub keys: Vec<KeyPlan>,
}

impl SecretPlan {
    /// The keys that are to be written.
    pub fn writes(&self) -> impl Iterator<Item = (&KeyPlan, &Write)> {
        self.keys.iter().filter_map(|key| key.write.as_ref().map(|write| (key, write)))
    }
}

/// What is to be done about one key.
#[derive(Debug)]
pub struct KeyPlan {
    /// The key.
    pub key: String,
    /// What becomes of it.
    pub state: State,
    /// How or why, in words. Never a value.
    pub how: String,
    /// What is to be written.
    pub write: Option<Write>,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is new.
    Added,
    /// It follows from others and is made, or made again.
    Derived,
    /// Its value is replaced, because that was asked for.
    Replaced,
    /// It stays.
    Kept,
    /// It stays, and is not what it should be.
    Drift,
    /// It is not there, and need not be.
    Unset,
}

impl State {
    /// The sign in front of a key.
    #[must_use]
    pub fn sign(self) -> char {
        match self {
            Self::Added | Self::Replaced => '+',
            Self::Derived => '~',
            Self::Kept => '=',
            Self::Drift => '!',
            Self::Unset => '-',
        }
    }

    /// The word in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Derived => "derived",
            Self::Replaced => "replaced",
            Self::Kept => "kept",
            Self::Drift => "drift",
            Self::Unset => "unset",
        }
    }
}

/// What is written under a key.
#[derive(Debug)]
pub enum Write {
    /// A value.
    Value(SecretBytes),
    /// What stands under another key of the same Secret, sealed as it is: the old value of a sealed key that is rotated.
    SameAs(String),
}

/// Why nothing may be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A word that does not change: `source-lost`, `forbidden`, ….
    pub code: &'static str,
    /// What it is about: a Secret, or a key of one.
    pub about: String,
    /// What is wrong. Names, never values.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// Compares, and makes what is missing.
#[must_use]
pub fn plan<'a>(model: &'a Model, context: Context<'a>) -> Plan {
    let mut planner = Planner { model, context, held: BTreeMap::new(), keys: BTreeMap::new(), plan: Plan::default() };
    for &at in &model.order {
        planner.item(at);
    }
    planner.collect();
    planner.plan
}

/// What is known of a key's value while the plan is made.
#[derive(Clone, Debug)]
enum Held {
    /// There is one, or will be.
    Value {
        value: Value,
        /// Whether it is another one than before this run.
        changed: Changed,
    },
    /// There is none, and need not be.
    Nothing,
    /// There should be one; what is wrong has been said.
    Failed,
}

/// Whether a value is another one than before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Changed {
    /// It is as it was.
    No,
    /// An earlier attempt of the same run changed it: what follows from it may have been made already.
    Earlier,
    /// This plan changes it.
    Now,
}

struct Planner<'a> {
    model: &'a Model,
    context: Context<'a>,
    held: BTreeMap<KeyId, Held>,
    keys: BTreeMap<SecretId, Vec<KeyPlan>>,
    plan: Plan,
}

impl Planner<'_> {
    fn problem(&mut self, code: &'static str, about: impl ToString, message: impl Into<String>, hint: Option<&str>) {
        let hint = hint.map(str::to_owned);
        self.plan.problems.push(Problem { code, about: about.to_string(), message: message.into(), hint });
    }

    fn warn(&mut self, message: String) {
        if !self.plan.warnings.contains(&message) {
            self.plan.warnings.push(message);
        }
    }

    /// Notes what becomes of a key and what its value is from now on.
    fn note(&mut self, key: &KeyId, state: State, how: impl Into<String>, write: Option<Write>, held: Held) {
        self.held.insert(key.clone(), held);
        let plan = KeyPlan { key: key.key.clone(), state, how: how.into(), write };
        self.keys.entry(key.secret.clone()).or_default().push(plan);
    }

    /// A new value: written, and known to what follows from it.
    fn write(&mut self, key: &KeyId, state: State, how: impl Into<String>, value: SecretBytes) {
        let held = Held::Value { value: Value::Known(value.clone()), changed: Changed::Now };
        self.note(key, state, how, Some(Write::Value(value)), held);
    }

    fn fail(&mut self, key: &KeyId) {
        self.held.insert(key.clone(), Held::Failed);
    }

    /// The value of a key in its target.
    fn there(&self, key: &KeyId) -> Option<Value> {
        self.context.world.secrets.get(&key.secret).and_then(|observed| observed.values.get(&key.key)).cloned()
    }

    /// A value that can be read, as the plan knows it so far.
    fn known(&self, key: &KeyId) -> Option<&SecretBytes> {
        match self.held.get(key) {
            Some(Held::Value { value: Value::Known(bytes), .. }) => Some(bytes),
            _ => None,
        }
    }
}

//! `bootstrap` without a cluster: planning, lint, and the targets that are files. The names `case_NN` are those of the list of
//! failure cases that the command is specified by; those that need an API server are in `tests/cluster/bootstrap*.rs`.
#![allow(unreachable_pub, reason = "the test modules share it")]

mod files;
mod lint;
mod plan;
mod sops;

use std::collections::BTreeMap;

use hecate_seal::bootstrap::model::{Finding, Model};
use hecate_seal::bootstrap::plan::{Plan, State, Write};
use hecate_seal::bootstrap::state::{Context, Inputs, Observed, Options, Value, World};
use hecate_seal::bootstrap::{KeyId, SecretId, plan as make_plan};
use hecate_seal::repo::bootstrap_file;
use hecate_seal::secret::SecretBytes;
use time::macros::datetime;

/// The text of a bootstrap file with these Secrets, each indented by four spaces.
pub fn file(secrets: &str) -> String {
    format!("apiVersion: hecate.social/v1alpha1\nkind: Bootstrap\nspec:\n  secrets:\n{secrets}")
}

/// One Secret `web/app` with these keys, a line each.
pub fn app(keys: &[&str]) -> String {
    let keys: String = keys.iter().map(|key| format!("        {key}\n")).collect();
    file(&format!("    - name: app\n      namespace: web\n      keys:\n{keys}"))
}

pub fn model_of(texts: &[&str]) -> (Model, Vec<Finding>) {
    let files = texts.iter().map(|text| bootstrap_file::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"))).collect();
    Model::build(files)
}

/// Variables, files and standard input of a test.
#[derive(Default)]
pub struct Given {
    pub variables: BTreeMap<&'static str, &'static str>,
    /// What was asked for.
    pub asked: Vec<String>,
}

impl Inputs for Given {
    fn variable(&mut self, name: &str) -> Option<SecretBytes> {
        self.asked.push(name.to_owned());
        self.variables.get(name).map(|value| SecretBytes::copy_of(value.as_bytes()))
    }

    fn file(&mut self, _file: usize, path: &str) -> Result<Option<SecretBytes>, String> {
        self.asked.push(path.to_owned());
        Ok(None)
    }

    fn stdin(&mut self, _key: &KeyId) -> Result<SecretBytes, String> {
        self.asked.push("stdin".to_owned());
        Ok(SecretBytes::copy_of(b"from stdin"))
    }
}

/// A bootstrap file, the Secrets that are there, and what was asked for.
pub struct Case {
    pub model: Model,
    pub world: World,
    pub given: Given,
    pub options: Options,
}

impl Case {
    pub fn new(text: &str) -> Case {
        let (model, findings) = model_of(&[text]);
        assert_eq!(findings, [], "{text}");
        Case { model, world: World::default(), given: Given::default(), options: Options::default() }
    }

    /// A Secret of the cluster with these values; a value `*` is sealed.
    pub fn there(mut self, id: &str, values: &[(&str, &str)]) -> Case {
        let observed = self.world.secrets.entry(secret(id)).or_insert_with(|| Observed {
            exists: true,
            type_: Some("Opaque".to_owned()),
            version: "1".to_owned(),
            ..Observed::default()
        });
        for (key, value) in values {
            let value = if *value == "*" { Value::Opaque } else { Value::Known(SecretBytes::copy_of(value.as_bytes())) };
            observed.values.insert((*key).to_owned(), value);
        }
        self
    }

    pub fn variable(mut self, name: &'static str, value: &'static str) -> Case {
        self.given.variables.insert(name, value);
        self
    }

    pub fn options(mut self, change: impl FnOnce(&mut Options)) -> Case {
        change(&mut self.options);
        self
    }

    pub fn plan(&mut self) -> Plan {
        let context =
            Context { world: &self.world, inputs: &mut self.given, options: &self.options, now: datetime!(2026-11-21 12:00 UTC) };
        make_plan(&self.model, context)
    }

    /// Carries a plan out on the world, as a target would.
    pub fn apply(&mut self) -> Plan {
        let plan = self.plan();
        assert_eq!(plan.problems, [], "nothing is written with problems");
        for secret in &plan.secrets {
            let writes: Vec<(String, Value)> = secret
                .writes()
                .map(|(key, write)| match write {
                    Write::Value(value) => (key.key.clone(), Value::Known(value.clone())),
                    Write::SameAs(_) => (key.key.clone(), Value::Opaque),
                })
                .collect();
            if writes.is_empty() {
                continue;
            }
            let observed = self.world.secrets.entry(secret.id.clone()).or_default();
            observed.exists = true;
            observed.values.extend(writes);
        }
        plan
    }

    pub fn value(&self, id: &str, key: &str) -> String {
        let value = self.world.secrets[&secret(id)].values[key].known().expect("it is readable").expose().to_vec();
        String::from_utf8(value).unwrap()
    }
}

pub fn secret(id: &str) -> SecretId {
    let (namespace, name) = id.split_once('/').unwrap();
    SecretId::new(namespace, name)
}

/// `sign key` of every key of a plan, in order.
pub fn signs(plan: &Plan) -> Vec<String> {
    let keys = plan.secrets.iter().flat_map(|secret| secret.keys.iter().map(move |key| (secret, key)));
    keys.map(|(secret, key)| format!("{} {}/{}", key.state.sign(), secret.id.name, key.key)).collect()
}

/// `code about` of every problem.
pub fn codes(plan: &Plan) -> Vec<String> {
    plan.problems.iter().map(|problem| format!("{} {}", problem.code, problem.about)).collect()
}

pub fn state(plan: &Plan, key: &str) -> State {
    let keys = plan.secrets.iter().flat_map(|secret| &secret.keys);
    keys.into_iter().find(|plan| plan.key == key).unwrap_or_else(|| panic!("no {key} in {plan:?}")).state
}

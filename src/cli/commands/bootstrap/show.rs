//! Plans and results in words and in JSON. Never a value: a plan has words for that.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::load::Loaded;
use super::world::ItemState;
use crate::bootstrap::plan::{Plan, Problem, SecretPlan, State};
use crate::bootstrap::spec::Target;
use crate::bootstrap::{SecretId, onepassword};
use crate::cli::report::Failure;

/// What a Secret's plan is called.
fn action(plan: &Plan, secret: &SecretPlan) -> &'static str {
    let id = secret.id.to_string();
    let about = |problem: &Problem| problem.about.strip_prefix(&id).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if plan.problems.iter().any(about) {
        return "blocked";
    }
    match (secret.writes().next().is_some(), secret.exists) {
        (true, false) => "create",
        (true, true) => "change",
        (false, true) => "keep",
        (false, false) => "skip",
    }
}

/// Where a Secret goes, for people.
pub(super) fn place(loaded: &Loaded, at: usize) -> String {
    match loaded.model.secrets.get(at).map(|entry| &entry.target) {
        Some(Target::SealedSecret(file)) => file.path.clone(),
        Some(Target::Sops(file)) => file.path.clone(),
        _ => "cluster".to_owned(),
    }
}

/// The plan, a Secret to a line and its keys below.
pub(super) fn text(loaded: &Loaded, plan: &Plan, items: &BTreeMap<SecretId, ItemState>) -> String {
    let mut text = String::new();
    for namespace in &plan.namespaces {
        _ = writeln!(text, "Namespace {namespace}: create");
    }
    for secret in &plan.secrets {
        _ = writeln!(text, "{} ({}): {}", secret.id, place(loaded, secret.at), action(plan, secret));
        for key in &secret.keys {
            let how = if key.how.is_empty() { String::new() } else { format!("  {}", key.how) };
            _ = writeln!(text, "  {} {}{how}", key.state.sign(), key.key);
        }
    }
    for (id, state) in items {
        match state {
            ItemState::Absent => _ = writeln!(text, "{id} (OnePasswordItem): create"),
            ItemState::Same => _ = writeln!(text, "{id} (OnePasswordItem): keep"),
            ItemState::NoKind => _ = writeln!(text, "{id} (OnePasswordItem): the cluster does not know this kind"),
            ItemState::Different(differences) => {
                _ = writeln!(text, "{id} (OnePasswordItem): differs, not written");
                for (field, there, wanted) in differences {
                    _ = writeln!(text, "  ! {field}: `{there}`, and the bootstrap file says `{wanted}`");
                }
            }
        }
    }
    let count = |wanted: &str| plan.secrets.iter().filter(|secret| action(plan, secret) == wanted).count();
    let drift = plan.secrets.iter().flat_map(|secret| &secret.keys).filter(|key| key.state == State::Drift).count();
    let new_items = items.values().filter(|state| **state == ItemState::Absent).count();
    let create = count("create") + new_items;
    _ = writeln!(text, "{create} to create, {} to change, {} to keep; {drift} drifted keys", count("change"), count("keep"));
    text
}

/// The plan for programs.
pub(super) fn json(loaded: &Loaded, plan: &Plan, items: &BTreeMap<SecretId, ItemState>, changes: bool) -> Json {
    let secrets = plan.secrets.iter().map(|secret| {
        let entry = loaded.model.secrets.get(secret.at);
        let (target, path) = match entry.map(|entry| &entry.target) {
            Some(Target::SealedSecret(file)) => ("sealedSecret", Some(file.path.as_str())),
            Some(Target::Sops(file)) => ("sops", Some(file.path.as_str())),
            _ => ("cluster", None),
        };
        let keys = secret
            .keys
            .iter()
            .map(|key| json!({ "key": key.key, "state": key.state.word(), "write": key.write.is_some(), "how": key.how }));
        json!({
            "namespace": secret.id.namespace, "name": secret.id.name, "target": target, "path": path,
            "action": action(plan, secret), "keys": keys.collect::<Vec<_>>(),
        })
    });
    let items = items.iter().map(|(id, state)| {
        let word = match state {
            ItemState::Absent => "create",
            ItemState::Same => "keep",
            ItemState::Different(_) => "differs",
            ItemState::NoKind => "unknown-kind",
        };
        json!({ "namespace": id.namespace, "name": id.name, "kind": onepassword::KIND, "action": word })
    });
    json!({
        "changes": changes,
        "namespaces": plan.namespaces,
        "secrets": secrets.collect::<Vec<_>>(),
        "onepassword": items.collect::<Vec<_>>(),
        "warnings": plan.warnings,
        "problems": plan.problems.iter().map(problem_json).collect::<Vec<_>>(),
    })
}

fn problem_json(problem: &Problem) -> Json {
    json!({ "code": problem.code, "about": problem.about, "message": problem.message, "hint": problem.hint })
}

/// The problems as one failure.
pub(super) fn failure(problems: &[Problem]) -> Option<Failure> {
    let one = |problem: &Problem| {
        let failure = Failure::new(format_args!("{}: {} [{}]", problem.about, problem.message, problem.code));
        match &problem.hint {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    };
    let mut all = problems.iter().map(one);
    let first = all.next()?;
    Some(all.fold(first, Failure::and))
}

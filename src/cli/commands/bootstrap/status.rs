//! `bootstrap status`: what is there and what is not, without asking for any input.

use std::fmt::Write as _;

use serde_json::{Value as Json, json};

use super::apply;
use super::args::StatusArgs;
use super::inputs::NoInputs;
use super::load::Loaded;
use super::show::place;
use super::world::{ItemState, Targets};
use crate::bootstrap::SecretId;
use crate::bootstrap::onepassword;
use crate::bootstrap::plan::{Problem, State};
use crate::bootstrap::state::{NamespaceState, Options};
use crate::cli::Io;
use crate::cli::args::Format;
use crate::cli::report::{Exit, Failure, Outcome};

/// What `status` says of one Secret.
struct Line {
    id: SecretId,
    place: String,
    exists: bool,
    present: Vec<String>,
    missing: Vec<String>,
    unset: Vec<String>,
    drift: Vec<String>,
    problems: Vec<String>,
}

impl Line {
    fn is_good(&self) -> bool {
        self.missing.is_empty() && self.drift.is_empty() && self.problems.is_empty()
    }
}

/// Warnings and problems of the values that are there. Missing inputs are none.
pub(super) fn look(targets: &mut Targets, options: &Options, io: &mut Io) -> Result<(Vec<String>, Vec<Problem>), Failure> {
    let planned = apply::look(targets, &mut NoInputs, options, io)?;
    let problems = planned.plan.problems.into_iter().filter(|problem| !is_of_inputs(problem));
    Ok((planned.plan.warnings, problems.collect()))
}

fn is_of_inputs(problem: &Problem) -> bool {
    matches!(problem.code, "missing-input" | "bad-input" | "source-missing")
}

/// Runs the verb. Exit code 1 when something is missing or wrong.
pub(super) fn run(args: &StatusArgs, io: &mut Io) -> Outcome {
    let loaded = Loaded::read(&args.common, io)?.checked(io)?;
    let options = Options { only: super::only(&loaded, &args.common)?, ..Options::default() };
    let mut targets = Targets::new(loaded, &args.common, false, io)?;
    let planned = apply::look(&mut targets, &mut NoInputs, &options, io)?;
    let mut lines = Vec::new();
    for entry in targets.loaded.model.secrets.iter().filter(|entry| options.selects(&entry.id)) {
        let observed = planned.world.secrets.get(&entry.id).cloned().unwrap_or_default();
        let plan = planned.plan.secrets.iter().find(|plan| plan.id == entry.id);
        let at = plan.map_or(0, |plan| plan.at);
        let keys = plan.map(|plan| plan.keys.as_slice()).unwrap_or_default();
        let mut line = Line {
            id: entry.id.clone(),
            place: place(&targets.loaded, at),
            exists: observed.exists,
            present: Vec::new(),
            missing: Vec::new(),
            unset: Vec::new(),
            drift: Vec::new(),
            problems: Vec::new(),
        };
        for key in entry.items.iter().flat_map(|item| &item.outputs).map(|output| &output.key) {
            let state = keys.iter().find(|plan| plan.key == *key).map(|plan| plan.state);
            match (observed.values.contains_key(key), state) {
                (_, Some(State::Drift)) => line.drift.push(key.clone()),
                (true, _) => line.present.push(key.clone()),
                (false, Some(State::Unset)) => line.unset.push(key.clone()),
                (false, _) => line.missing.push(key.clone()),
            }
        }
        let about = entry.id.to_string();
        let own = |problem: &&Problem| problem.about == about || problem.about.starts_with(&format!("{about}/"));
        let told = planned.plan.problems.iter().filter(own).filter(|problem| !is_of_inputs(problem));
        line.problems = told.map(|problem| format!("{} [{}]", problem.message, problem.code)).collect();
        lines.push(line);
    }
    let missing_namespaces: Vec<&String> =
        planned.world.namespaces.iter().filter(|(_, state)| **state == NamespaceState::Absent).map(|(name, _)| name).collect();
    let mut items = Vec::new();
    for (id, state) in &planned.items {
        items.push(item(&mut targets, id, state, io)?);
    }
    let good = lines.iter().all(Line::is_good) && items.iter().all(|item| item.good);
    match args.common.output {
        Format::Text => {
            let mut text = String::new();
            for namespace in missing_namespaces {
                _ = writeln!(text, "Namespace {namespace}: missing");
            }
            for line in &lines {
                let state = if !line.exists {
                    "absent"
                } else if line.is_good() {
                    "complete"
                } else {
                    "incomplete"
                };
                _ = writeln!(text, "{} ({}): {state}", line.id, line.place);
                for (sign, keys) in [('=', &line.present), ('+', &line.missing), ('-', &line.unset), ('!', &line.drift)] {
                    if !keys.is_empty() {
                        let what = match sign {
                            '=' => "there",
                            '+' => "missing",
                            '-' => "not set, need not be",
                            _ => "drifted",
                        };
                        _ = writeln!(text, "  {sign} {what}: {}", keys.join(", "));
                    }
                }
                for problem in &line.problems {
                    _ = writeln!(text, "  ! {problem}");
                }
            }
            for item in &items {
                _ = writeln!(text, "{} (OnePasswordItem): {}", item.id, item.words);
            }
            io.stdout.put(text)?;
        }
        Format::Json => {
            let secrets: Vec<Json> = lines
                .iter()
                .map(|line| {
                    json!({
                        "namespace": line.id.namespace, "name": line.id.name, "target": line.place, "exists": line.exists,
                        "complete": line.exists && line.is_good(), "present": line.present, "missing": line.missing,
                        "unset": line.unset, "drift": line.drift, "problems": line.problems,
                    })
                })
                .collect();
            let items: Vec<Json> = items
                .iter()
                .map(|item| json!({ "namespace": item.id.namespace, "name": item.id.name, "good": item.good, "state": item.words }))
                .collect();
            io.stdout.put(format!("{:#}\n", json!({ "good": good, "secrets": secrets, "onepassword": items })))?;
        }
    }
    Ok(if good { Exit::DONE } else { Exit::FAILED })
}

/// What `status` says of a OnePasswordItem.
struct ItemLine {
    id: SecretId,
    good: bool,
    words: String,
}

/// The item's own state, what the operator says of it in the cluster, and which keys its Secret lacks.
fn item(targets: &mut Targets, id: &SecretId, state: &ItemState, io: &mut Io) -> Result<ItemLine, Failure> {
    let line = |good: bool, words: String| Ok(ItemLine { id: id.clone(), good, words });
    match state {
        ItemState::NoKind => return line(false, "the cluster does not know this kind".to_owned()),
        ItemState::Absent => return line(false, "absent".to_owned()),
        ItemState::Different(differences) => {
            let fields: Vec<&str> = differences.iter().map(|(field, ..)| *field).collect();
            return line(false, format!("differs in {}", fields.join(", ")));
        }
        ItemState::Same => {}
    }
    let spec = targets.loaded.model.onepassword.iter().find(|item| item.id == *id).map(|item| item.spec.clone());
    let Some(spec) = spec else { return line(true, "there".to_owned()) };
    let in_file = spec.path.is_some();
    let cluster = match targets.cluster(io) {
        Ok(cluster) => cluster,
        // A file in git is all there is to look at.
        Err(_) if in_file => return line(true, "in its file (no cluster to ask)".to_owned()),
        Err(failure) => return Err(failure),
    };
    let (namespace, name) = (&id.namespace, &id.name);
    let object =
        cluster.ask(async |objects| objects.object(onepassword::API_VERSION, onepassword::KIND, namespace, name).await)?;
    let Some(object) = object else { return line(!in_file, "in its file, not in the cluster yet".to_owned()) };
    let conditions = object.pointer("/status/conditions").and_then(Json::as_array).cloned().unwrap_or_default();
    let ready = conditions.iter().find(|condition| condition.get("type").and_then(Json::as_str) == Some("Ready"));
    let text = |field: &str| ready.and_then(|ready| ready.get(field)).and_then(Json::as_str).unwrap_or_default().to_owned();
    let secret = cluster.ask(async |objects| objects.secret(namespace, name).await)?;
    let there = secret.map(|secret| secret.data).unwrap_or_default();
    let lacks: Vec<&str> = spec.expect_keys.iter().filter(|key| !there.contains_key(*key)).map(String::as_str).collect();
    let mut words = match text("status").as_str() {
        "True" => "ready".to_owned(),
        "" => "not looked at by the operator yet".to_owned(),
        other => format!("Ready={other}: {}", text("message")),
    };
    if !lacks.is_empty() {
        words = format!("{words}; its Secret lacks {}", lacks.join(", "));
    }
    line(text("status") == "True" && lacks.is_empty(), words)
}

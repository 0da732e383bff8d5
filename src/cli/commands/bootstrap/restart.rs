//! Workloads that hold changed values: told, or restarted, servers before clients.
//!
//! A running process keeps the environment that it was started with, so that a restart is what is right everywhere. A request
//! that makes a program read its files again is only shown: who sends it, and on which node, is for a person to decide.

use std::time::{Duration, Instant};

use super::apply::{NOT_IN_TIME, timestamp};
use super::args::Writing;
use super::world::Targets;
use crate::bootstrap::SecretId;
use crate::bootstrap::kinds::Kind;
use crate::bootstrap::lint::Workload;
use crate::bootstrap::model::Entry;
use crate::bootstrap::spec::Target;
use crate::cli::Io;
use crate::cli::report::{Exit, Failure, Outcome};
use crate::cluster::objects::has_rolled_out;

/// What was asked for.
pub(super) struct Wish {
    restart: bool,
    wait: Option<Duration>,
}

impl Wish {
    pub(super) fn new(writing: &Writing) -> Self {
        Self { restart: writing.restart, wait: writing.wait.map(Duration::from_secs) }
    }
}

fn entries<'t>(targets: &'t Targets, changed: &[SecretId]) -> Vec<&'t Entry> {
    let mut entries: Vec<&Entry> =
        changed.iter().filter_map(|id| targets.loaded.model.secrets.iter().find(|e| e.id == *id)).collect();
    // What configures a server comes first: a client with the new password must find it there.
    entries.sort_by_key(|entry| !entry.items.iter().any(|item| matches!(item.kind, Kind::NatsAuth(_))));
    entries
}

/// The workloads of changed Secrets, each once, in the order in which they are to be restarted.
pub(super) fn list(targets: &Targets, changed: &[SecretId]) -> Vec<Workload> {
    let mut list = Vec::new();
    for entry in entries(targets, changed) {
        for workload in entry.spec.restart.iter().filter_map(|text| Workload::parse(text, &entry.id.namespace)) {
            if !list.contains(&workload) {
                list.push(workload);
            }
        }
    }
    list
}

/// Restarts what holds the changed Secrets, or says what is to be restarted.
pub(super) fn after(targets: &mut Targets, changed: &[SecretId], wish: &Wish, io: &mut Io) -> Outcome {
    let in_files: Vec<SecretId> = entries(targets, changed)
        .into_iter()
        .filter(|entry| !matches!(entry.target, Target::Cluster(_)))
        .map(|entry| entry.id.clone())
        .collect();
    let reloads: Vec<String> = entries(targets, changed)
        .into_iter()
        .filter_map(|entry| entry.spec.reload.as_ref())
        .map(|reload| format!("curl -X POST {}{}", reload.post, if reload.per_node { ", on every node" } else { "" }))
        .collect();
    let now_in_cluster: Vec<SecretId> = changed.iter().filter(|id| !in_files.contains(id)).cloned().collect();
    let later = list(targets, &in_files);
    let workloads = list(targets, &now_in_cluster);
    if !later.is_empty() {
        let commands: Vec<String> = later.iter().map(command).collect();
        io.hint(format!("once the change is committed and in the cluster, restart in this order: {}", commands.join("; ")));
    }
    for reload in reloads {
        io.hint(format!("what is not held in the environment can be read again with: {reload}"));
    }
    if workloads.is_empty() {
        return Ok(Exit::DONE);
    }
    if !wish.restart {
        let commands: Vec<String> = workloads.iter().map(command).collect();
        io.hint(format!("restart in this order (--restart does it): {}", commands.join("; ")));
        return Ok(Exit::DONE);
    }
    for workload in &workloads {
        if !restart(targets, workload, wish, io)? {
            return Ok(NOT_IN_TIME);
        }
    }
    Ok(Exit::DONE)
}

fn command(workload: &Workload) -> String {
    format!("kubectl rollout restart {}/{} -n {}", workload.kind.to_lowercase(), workload.name, workload.namespace)
}

/// Restarts one, and waits for it if that was asked for. `false`: it did not come up in time.
fn restart(targets: &mut Targets, workload: &Workload, wish: &Wish, io: &mut Io) -> Result<bool, Failure> {
    const STEP: Duration = Duration::from_millis(500);
    let at = timestamp(io.now);
    let Workload { namespace, kind, name } = workload;
    let cluster = targets.cluster(io)?;
    let Some(generation) = cluster.ask(async |objects| objects.restart(kind, namespace, name, &at).await)? else {
        io.warn(format!("there is no {workload}: not restarted"));
        return Ok(true);
    };
    io.note(format!("restarted {workload}"));
    let Some(patience) = wish.wait else { return Ok(true) };
    let end = Instant::now() + patience;
    loop {
        let found = targets.cluster(io)?.ask(async |objects| objects.workload(kind, namespace, name).await)?;
        if found.is_some_and(|found| has_rolled_out(kind, &found, generation)) {
            io.note(format!("{workload} is up"));
            return Ok(true);
        }
        if Instant::now() >= end {
            io.warn(format!("{workload} did not come up within {} s; what comes after it was not restarted", patience.as_secs()));
            return Ok(false);
        }
        std::thread::sleep(STEP);
    }
}

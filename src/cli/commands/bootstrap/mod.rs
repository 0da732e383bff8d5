//! `hecate-seal bootstrap`: a cluster's first secrets, made once.
//!
//! [`crate::bootstrap`] decides; here is what it decides about: the bootstrap files (`load`), the targets as they are (`world`),
//! inputs, and the writing (`apply`, `restart`, `adopt`). Every file is drafted and every certificate checked before the first
//! write, and each Secret is written whole.

mod adopt;
mod apply;
pub mod args;
mod cluster;
mod drafts;
mod files;
mod inputs;
mod load;
mod restart;
mod sealed;
mod show;
mod sops;
mod status;
mod world;

use std::collections::BTreeSet;

pub use args::BootstrapArgs;
use args::{ApplyArgs, Changes, Common, LintArgs, PlanArgs, RotateArgs, Verb, Writing};
use inputs::RunInputs;
use load::Loaded;
use world::Targets;

use crate::bootstrap::kinds::Kind;
use crate::bootstrap::model::{Entry, Severity};
use crate::bootstrap::state::{Options, Rotation};
use crate::bootstrap::{Bootstrap, KeyId};
use crate::cli::Io;
use crate::cli::args::Format;
use crate::cli::report::{Exit, Failure, Outcome};

/// Exit code of `plan` when there is something to do.
const CHANGES: Exit = Exit::other(2);

/// Runs the command.
///
/// # Errors
/// When something is wrong; nothing is written then, unless the message says what.
pub fn run(args: BootstrapArgs, io: &mut Io) -> Outcome {
    match args.verb {
        // 2 means changes here, so that no failure may have it.
        Verb::Plan(args) => plan(&args, io).map_err(|failure| failure.with_exit(Exit::FAILED)),
        Verb::Apply(args) => apply(&args, io),
        Verb::Status(args) => status::run(&args, io),
        Verb::Rotate(args) => rotate(&args, io),
        Verb::Adopt(args) => adopt::run(&args, io),
        Verb::Lint(args) => lint(&args, io),
        Verb::Schema => schema(io),
    }
}

/// The published schema of bootstrap files, from the types that read them.
#[must_use]
pub fn schema_text() -> String {
    let schema = schemars::schema_for!(Bootstrap);
    format!("{:#}\n", schema.to_value())
}

fn schema(io: &mut Io) -> Outcome {
    io.stdout.put(schema_text())?;
    Ok(Exit::DONE)
}

fn options(loaded: &Loaded, common: &Common, changes: &Changes) -> Result<Options, Failure> {
    Ok(Options {
        only: only(loaded, common)?,
        from_inputs: loaded.named(&changes.from_inputs, "--from-inputs")?,
        fix_derived: changes.fix_derived,
        force_new: changes.force_new,
        rotate: None,
    })
}

/// The Secrets of `--only`, which may also name one of the 1Password tier.
fn only(loaded: &Loaded, common: &Common) -> Result<BTreeSet<crate::bootstrap::SecretId>, Failure> {
    let items =
        |name: &String| loaded.model.onepassword.iter().find(|item| item.id.is_meant_by(name)).map(|item| item.id.clone());
    let (tier, rest): (Vec<&String>, Vec<&String>) = common.only.iter().partition(|name| items(name).is_some());
    let mut only = loaded.named(&rest.into_iter().cloned().collect::<Vec<_>>(), "--only")?;
    only.extend(tier.into_iter().filter_map(items));
    Ok(only)
}

fn folders(loaded: &Loaded) -> Vec<std::path::PathBuf> {
    loaded.files.iter().map(|file| file.folder.clone()).collect()
}

fn warn_of_open_files(inputs: &RunInputs, io: &mut Io) {
    for file in &inputs.open_files {
        io.warn(format!("{file} can be read by others: close it with `chmod 600`"));
    }
}

fn plan(args: &PlanArgs, io: &mut Io) -> Outcome {
    let loaded = Loaded::read(&args.common, io)?.checked(io)?;
    let options = options(&loaded, &args.common, &args.changes)?;
    show_plan(loaded, &args.common, options, args.changes.read_from_cluster, io)
}

/// Shows what would be done: exit code 0 nothing, 2 something, 1 it could not.
fn show_plan(loaded: Loaded, common: &Common, options: Options, read_from_cluster: bool, io: &mut Io) -> Outcome {
    let mut inputs = RunInputs::new(folders(&loaded), io);
    let mut targets = Targets::new(loaded, common, read_from_cluster, io)?;
    let planned = apply::look(&mut targets, &mut inputs, &options, io)?;
    warn_of_open_files(&inputs, io);
    let changes = planned.has_changes();
    let text = match common.output {
        Format::Text => show::text(&targets.loaded, &planned.plan, &planned.items),
        Format::Json => format!("{:#}\n", show::json(&targets.loaded, &planned.plan, &planned.items, changes)),
    };
    io.stdout.put(text)?;
    match show::failure(&planned.plan.problems) {
        Some(failure) => Err(failure),
        None => Ok(if changes { CHANGES } else { Exit::DONE }),
    }
}

fn apply(args: &ApplyArgs, io: &mut Io) -> Outcome {
    let loaded = Loaded::read(&args.common, io)?.checked(io)?;
    let options = options(&loaded, &args.common, &args.changes)?;
    write(loaded, &args.common, options, &args.writing, args.changes.read_from_cluster, io)
}

fn write(loaded: Loaded, common: &Common, options: Options, writing: &Writing, read_from_cluster: bool, io: &mut Io) -> Outcome {
    if writing.dry_run {
        return show_plan(loaded, common, options, read_from_cluster, io)
            .map(|_| Exit::DONE)
            .map_err(|failure| failure.with_exit(Exit::FAILED));
    }
    let mut inputs = RunInputs::new(folders(&loaded), io);
    let mut targets = Targets::new(loaded, common, read_from_cluster, io)?;
    let run = apply::Run {
        targets: &mut targets,
        inputs: &mut inputs,
        options,
        allow_dirty: writing.allow_dirty,
        format: common.output,
    };
    let outcome = run.run(&restart::Wish::new(writing), io);
    warn_of_open_files(&inputs, io);
    outcome
}

fn rotate(args: &RotateArgs, io: &mut Io) -> Outcome {
    let loaded = Loaded::read(&args.common, io)?.checked(io)?;
    let mut keys = BTreeSet::new();
    for name in &args.names {
        keys.extend(rotated(&loaded, name)?);
    }
    let allowed = only(&loaded, &args.common)?;
    let targets = Targets::new(loaded, &args.common, args.read_from_cluster, io)?;
    let only = apply::touched(&targets, &keys);
    if let Some(other) = only.iter().find(|id| !allowed.is_empty() && !allowed.contains(id)) {
        return Err(Failure::usage(format_args!("this rotation changes {other} too, which --only leaves out"))
            .with_hint("what is made from a rotated value has to follow it"));
    }
    let rotation = Rotation {
        keys,
        done: BTreeSet::new(),
        keep_previous: args.keep_previous,
        resume: args.resume,
        upstream_changed: args.upstream_changed,
    };
    let options = Options { only, rotate: Some(rotation), ..Options::default() };
    write(targets.loaded, &args.common, options, &args.writing, args.read_from_cluster, io)
}

/// The keys that a name on the command line means: of a whole Secret, everything that is made at random.
fn rotated(loaded: &Loaded, typed: &str) -> Result<BTreeSet<KeyId>, Failure> {
    let entries = &loaded.model.secrets;
    let whole: Vec<&Entry> = entries.iter().filter(|entry| entry.id.is_meant_by(typed)).collect();
    if let [entry] = whole.as_slice() {
        let generated = entry.items.iter().filter(|item| item.kind.is_generated());
        let keys: BTreeSet<KeyId> = generated.map(|item| entry.id.key(item.main_key())).collect();
        if keys.is_empty() {
            return Err(Failure::usage(format_args!("nothing in {} is made at random", entry.id))
                .with_hint("name a key to make it again: NAME/KEY; inputs are taken anew with apply --from-inputs"));
        }
        return Ok(keys);
    }
    if whole.len() > 1 {
        return Err(Failure::usage(format_args!("there are several Secrets `{typed}`")).with_hint("say which: NAMESPACE/NAME"));
    }
    let Some((secret, key)) = typed.rsplit_once('/') else {
        return Err(Failure::usage(format_args!("the bootstrap file has no Secret `{typed}`")));
    };
    let found: Vec<KeyId> = entries
        .iter()
        .filter(|entry| entry.id.is_meant_by(secret))
        .flat_map(|entry| entry.items.iter().map(move |item| (entry, item)))
        .filter(|(_, item)| item.name == key || item.outputs.iter().any(|output| output.key == key))
        .filter(|(_, item)| !matches!(item.kind, Kind::Literal(_)))
        .map(|(entry, item)| entry.id.key(item.main_key()))
        .collect();
    match found.len() {
        1 => Ok(found.into_iter().collect()),
        0 => Err(Failure::usage(format_args!("the bootstrap file has no Secret and no key `{typed}` that can be made anew"))),
        _ => Err(Failure::usage(format_args!("there are several keys `{typed}`")).with_hint("say which: NAMESPACE/NAME/KEY")),
    }
}

fn lint(args: &LintArgs, io: &mut Io) -> Outcome {
    let loaded = Loaded::read(&args.common, io)?;
    let errors = loaded.findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let mut warnings = loaded.findings.len() - errors;
    let mut live = (Vec::new(), Vec::new());
    let mut lines: Vec<String> = Vec::new();
    for finding in &loaded.findings {
        let word = if finding.severity == Severity::Error { "error" } else { "warning" };
        lines.push(format!("{word}: {}", loaded.line(finding)));
    }
    let findings: Vec<serde_json::Value> = loaded.findings.iter().map(|finding| loaded.json(finding)).collect();
    if args.live && errors == 0 {
        let options = Options { only: only(&loaded, &args.common)?, ..Options::default() };
        let mut targets = Targets::new(loaded, &args.common, false, io)?;
        let level = std::mem::replace(&mut io.level, crate::cli::io::Level::Quiet);
        let planned = status::look(&mut targets, &options, io);
        io.level = level;
        live = planned?;
        warnings += live.0.len();
        lines.extend(live.0.iter().map(|warning| format!("warning: {warning}")));
        lines.extend(live.1.iter().map(|problem| format!("error: {}: {} [{}]", problem.about, problem.message, problem.code)));
    }
    let errors = errors + live.1.len();
    match args.common.output {
        Format::Text => {
            for line in &lines {
                io.stdout.line(line)?;
            }
            io.note(format!("{errors} errors, {warnings} warnings"));
        }
        Format::Json => {
            let problems: Vec<serde_json::Value> = live
                .1
                .iter()
                .map(|p| serde_json::json!({ "code": p.code, "about": p.about, "message": p.message, "hint": p.hint }))
                .collect();
            let value = serde_json::json!({ "findings": findings, "warnings": live.0, "problems": problems });
            io.stdout.put(format!("{value:#}\n"))?;
        }
    }
    let bad = errors > 0 || (args.strict && warnings > 0);
    Ok(if bad { Exit::FAILED } else { Exit::DONE })
}

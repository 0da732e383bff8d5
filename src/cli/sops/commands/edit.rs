//! `edit`.

use std::path::Path;

use crate::cli::Outcome;
use crate::cli::sops::session::Session;
use crate::sops::rules::Creation;

/// `edit FILE`.
pub(in crate::cli::sops) fn run(session: &mut Session<'_>) -> Outcome {
    let file = session.one_file()?;
    let rule = if file.exists() { None } else { session.rule_for(&file)? };
    edit(session, &file, rule)
}

/// Edits a file; `rule` is for one that is made new.
pub(in crate::cli::sops) fn edit(session: &mut Session<'_>, _file: &Path, _rule: Option<Creation>) -> Outcome {
    session.not_yet("edit")
}

//! The pre-commit hook of a repository.

use std::path::Path;

use crate::cli::Io;
use crate::cli::io::read;
use crate::cli::io::replace::{self, Existing, Privacy};
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::repo::git;

/// What the hook runs.
const COMMAND: &str = "hecate-seal scan --staged";

/// Writes the hook, unless there is one.
///
/// # Errors
/// Outside of a repository, and when there is another hook: it is left as it is, and the line to put into it is shown.
pub(super) fn install(io: &mut Io) -> Outcome {
    let failed = || "cannot install the hook";
    let folder = git::hooks(&io.cwd).context(failed)?;
    let path = folder.join("pre-commit");
    let shown = io.shown(&path);
    if path.symlink_metadata().is_ok() {
        let is_ours = read::text_file(&path, read::MAX_VALUE).is_ok_and(|text| text.contains(COMMAND));
        if is_ours {
            io.note(format!("{shown} runs `{COMMAND}` already"));
            return Ok(Exit::DONE);
        }
        return Err(Failure::new(format_args!("{shown} is another hook, and was left as it is"))
            .wrap(failed())
            .with_hint(format_args!("put this line into it: {COMMAND} || exit 1")));
    }
    std::fs::create_dir_all(&folder).context(|| format!("cannot create {}", io.shown(&folder))).context(failed)?;
    let text = format!(
        "#!/bin/sh\n# Refuses a commit that holds plaintext secrets. To commit one all the same: git commit --no-verify\nexec {COMMAND}\n"
    );
    replace::write(&path, text.as_bytes(), Privacy::Shared, Existing::Keep).map_err(|error| error.at(Path::new(&shown)))?;
    make_executable(&path).context(|| format!("cannot make {shown} executable"))?;
    io.note(format!("wrote {shown}: every commit is looked at with `{COMMAND}`"));
    io.hint("the hook stays on this machine; in CI run `hecate-seal scan`");
    Ok(Exit::DONE)
}

#[cfg(unix)]
fn make_executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path)?.permissions().mode();
    // Whoever may read it may run it.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode | ((mode & 0o444) >> 2)))
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

//! `--user`: another user for the command that is run.

use std::path::Path;
use std::process::Command;

use super::session::Session;
use crate::cli::Failure;
use crate::cli::io::read;
use crate::cli::report::Context;

/// The users of the system.
const PASSWD: &str = "/etc/passwd";
/// The largest such file that is read.
const MAX_LEN: u64 = 16 << 20;

/// A user of the system.
pub(super) struct User {
    name: String,
    id: u32,
    group: u32,
    home: String,
}

impl User {
    /// The user that `--user` names, if it does.
    ///
    /// # Errors
    /// When there is no such user.
    pub(super) fn asked_for(session: &Session<'_>) -> Result<Option<Self>, Failure> {
        let name = session.local.text("user");
        if name.is_empty() {
            return Ok(None);
        }
        let text = read::text_file(Path::new(PASSWD), MAX_LEN).context(|| format!("cannot read {PASSWD}"))?;
        let found = text.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            match fields.as_slice() {
                [user, _, id, group, _, home, ..] if *user == name => Some(Self {
                    name: name.to_owned(),
                    id: id.parse().ok()?,
                    group: group.parse().ok()?,
                    home: (*home).to_owned(),
                }),
                _ => None,
            }
        });
        found.map(Some).ok_or_else(|| Failure::new(format_args!("there is no user {name} on this system")))
    }

    /// Lets a command run as this user, in its own groups alone.
    pub(super) fn runs(&self, command: &mut Command) {
        #[cfg(unix)]
        {
            use std::os::unix::process::CommandExt;
            command.uid(self.id).gid(self.group);
        }
        command.env("HOME", &self.home).env("USER", &self.name).env("LOGNAME", &self.name);
    }

    /// Gives a file or folder to this user.
    ///
    /// # Errors
    /// Without the right to do so.
    pub(super) fn owns(&self, path: &Path) -> Result<(), Failure> {
        #[cfg(unix)]
        let given = std::os::unix::fs::chown(path, Some(self.id), Some(self.group));
        #[cfg(not(unix))]
        let given = Err(std::io::Error::other(format!("{} cannot be given away on this system", path.display())));
        given.context(|| format!("cannot give the temporary file to {}", self.name))
    }
}

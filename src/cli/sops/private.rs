//! A folder for plaintext that another program must read: in memory where the system has such a place, for our user alone, and gone
//! when the value is dropped.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::session::Session;
use crate::cli::{Context, Failure};

/// Where Linux keeps files in memory.
const IN_MEMORY: &str = "/dev/shm";
/// The variable with the folder for temporary files.
pub(super) const TMPDIR: &str = "TMPDIR";

/// A folder of mode 0700.
pub(super) struct PrivateFolder(TempDir);

impl PrivateFolder {
    /// Makes it; warns if it lies on a disk, unless only named pipes will be in it.
    ///
    /// # Errors
    /// When no folder can be made.
    pub(super) fn make(session: &mut Session<'_>, pipes_only: bool) -> Result<Self, Failure> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(".hecate-seal-");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(fs::Permissions::from_mode(0o700));
        }
        if let Ok(folder) = builder.tempdir_in(IN_MEMORY) {
            return Ok(Self(folder));
        }
        let place = session.io.env.text(TMPDIR).map_or_else(std::env::temp_dir, PathBuf::from);
        let folder = builder.tempdir_in(&place).context(|| format!("cannot make a folder in {}", place.display()))?;
        if !pipes_only {
            session.warn(format!("there is no memory for files at {IN_MEMORY}: the plaintext is in {}", place.display()));
        }
        Ok(Self(folder))
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file of mode 0600 into it; folders that `name` has in it are made.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn write(&self, name: &Path, content: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.0.path().join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context(|| "cannot make a temporary folder")?;
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(&path).and_then(|mut file| file.write_all(content));
        written.context(|| "cannot write a temporary file")?;
        Ok(path)
    }
}

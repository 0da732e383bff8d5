//! Inputs of a run: variables, files, and standard input for one key.

use std::io::ErrorKind;
use std::path::PathBuf;

use crate::bootstrap::KeyId;
use crate::bootstrap::state::Inputs;
use crate::cli::Io;
use crate::cli::env::Env;
use crate::cli::io::read::{self, ReadError};
use crate::secret::SecretBytes;

/// Where inputs come from.
pub(super) struct RunInputs {
    env: Env,
    /// Folders of the bootstrap files.
    folders: Vec<PathBuf>,
    stdin: Option<Box<dyn std::io::Read + Send>>,
    /// What standard input held, and for whom: a plan may be made again.
    taken: Option<(KeyId, SecretBytes)>,
    /// Files that others can read, to be told once.
    pub(super) open_files: Vec<String>,
}

impl RunInputs {
    /// Takes standard input over.
    pub(super) fn new(folders: Vec<PathBuf>, io: &mut Io) -> Self {
        let stdin = std::mem::replace(&mut io.stdin, Box::new(std::io::empty()));
        let stdin = (!io.stdin_is_terminal).then_some(stdin);
        Self { env: io.env.clone(), folders, stdin, taken: None, open_files: Vec::new() }
    }
}

impl Inputs for RunInputs {
    fn variable(&mut self, name: &str) -> Option<SecretBytes> {
        self.env.raw(name).map(|value| SecretBytes::new(value.into_encoded_bytes()))
    }

    fn file(&mut self, bootstrap_file: usize, path: &str) -> Result<Option<SecretBytes>, String> {
        let path = self.folders.get(bootstrap_file).map_or_else(|| PathBuf::from(path), |folder| folder.join(path));
        match read::file(&path, read::MAX_VALUE) {
            Ok(mut bytes) => {
                let shown = path.display().to_string();
                if others_can_read(&path) && !self.open_files.contains(&shown) {
                    self.open_files.push(shown);
                }
                Ok(Some(SecretBytes::new(std::mem::take(&mut *bytes))))
            }
            Err(ReadError::Io(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(format!("cannot read {}: {error}", path.display())),
        }
    }

    fn stdin(&mut self, key: &KeyId) -> Result<SecretBytes, String> {
        if let Some((owner, value)) = &self.taken {
            if owner == key {
                return Ok(value.clone());
            }
            return Err(format!("standard input was read for {owner} already: one run takes one value from it"));
        }
        let Some(mut stdin) = self.stdin.take() else {
            return Err("standard input is a terminal: pipe the value in".to_owned());
        };
        let mut bytes = read::stream(&mut stdin, read::MAX_VALUE).map_err(|error| format!("standard input: {error}"))?;
        let value = SecretBytes::new(std::mem::take(&mut *bytes));
        self.taken = Some((key.clone(), value.clone()));
        Ok(value)
    }
}

#[cfg(unix)]
fn others_can_read(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    // What is no file of its own (`/dev/fd/3`) has no mode that means anything.
    std::fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_can_read(_path: &std::path::Path) -> bool {
    false
}

/// Inputs that are never there: for `status`, which asks for none.
pub(super) struct NoInputs;

impl Inputs for NoInputs {
    fn variable(&mut self, _name: &str) -> Option<SecretBytes> {
        None
    }

    fn file(&mut self, _bootstrap_file: usize, _path: &str) -> Result<Option<SecretBytes>, String> {
        Ok(None)
    }

    fn stdin(&mut self, _key: &KeyId) -> Result<SecretBytes, String> {
        Ok(SecretBytes::default())
    }
}

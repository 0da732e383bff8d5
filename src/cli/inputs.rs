//! The manifests and private keys that a command reads: files by name, or standard input.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::args::PrivateKeyArgs;
use super::io::read;
use super::report::{Context, Failure};
use super::{Io, env};
use crate::seal::Keyring;
use crate::seal::keys::read_private_keys;

/// What errors call standard input.
pub const STDIN: &str = "standard input";

/// The bytes of one input and what errors call it.
pub struct Input {
    /// The file as it was named, or a phrase.
    pub name: String,
    /// Everything in it.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// Reads every file, `-` being standard input; without files, standard input.
///
/// # Errors
/// When one cannot be read; the failure names it.
pub fn read_all(files: &[PathBuf], io: &mut Io) -> Result<Vec<Input>, Failure> {
    if files.is_empty() {
        if io.stdin_is_terminal {
            io.note("reading a manifest from the terminal; end it with Ctrl-D");
        }
        return Ok(vec![read_one(Path::new("-"), io)?]);
    }
    files.iter().map(|path| read_one(path, io)).collect()
}

fn read_one(path: &Path, io: &mut Io) -> Result<Input, Failure> {
    let (name, bytes) = if path.as_os_str() == "-" {
        (STDIN.to_owned(), read::stream(&mut io.stdin, read::MAX_DOCUMENT))
    } else {
        (path.display().to_string(), read::file(&io.path(path), read::MAX_DOCUMENT))
    };
    let bytes = bytes.context(|| format!("cannot read {name}"))?;
    Ok(Input { name, bytes })
}

/// The private keys of `--private-key` and [`env::PRIVATE_KEYS`]. An entry of a file that cannot be used is a warning as long as
/// the file gives some key.
///
/// # Errors
/// When a file cannot be read or gives no key.
pub fn private_keys(args: &PrivateKeyArgs, io: &mut Io) -> Result<Keyring, Failure> {
    let mut files = args.private_key.clone();
    if files.is_empty()
        && let Some(value) = io.env.raw(env::PRIVATE_KEYS)
    {
        files = std::env::split_paths(&value).filter(|path| !path.as_os_str().is_empty()).collect();
    }
    let mut keyring = Keyring::new();
    for path in &files {
        let input = read_one(path, io).context(|| "cannot use the private key")?;
        let found = read_private_keys(&input.bytes, &input.name).context(|| "cannot use the private key")?;
        for problem in &found.problems {
            io.warn(format!("{problem}; it is not used"));
        }
        for key in found.keys {
            io.detail(format!("private key {} from {}", key.key.public_key().fingerprint(), key.place));
            keyring.add(key.key);
        }
    }
    Ok(keyring)
}

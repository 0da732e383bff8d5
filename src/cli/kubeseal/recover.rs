//! `--recovery-unseal`: opening SealedSecrets with private keys from files, without a cluster (`sealed-secrets.md` §2.10).

use zeroize::Zeroizing;

use super::files::{manifests, open};
use super::output::{documents, format_or_error, write_plaintext};
use super::settings::Settings;
use crate::cli::io::read::MAX_DOCUMENT;
use crate::cli::report::Failure;
use crate::cli::{Io, Outcome};
use crate::manifest::{Error, Style, read_sealed_secrets, secret_to_value};
use crate::seal::keys::read_private_keys;
use crate::seal::{Keyring, UnsealOptions, unseal_secret};

/// Opens every SealedSecret of the input; one that does not open stops the run, with nothing written.
pub(super) fn run(settings: &Settings, io: &mut Io) -> Outcome {
    let keyring = keyring(settings, io)?;
    let (bytes, name) = manifests(settings, io)?;
    let sealed = read_sealed_secrets(&bytes, &name)?;
    if sealed.is_empty() {
        return Err(Error::Nothing { file: name, expected: "SealedSecret" }.into());
    }
    let several = sealed.len() > 1;
    let mut values = Vec::with_capacity(sealed.len());
    for object in &sealed {
        for warning in &object.warnings {
            io.warn(warning.to_string());
        }
        let opened = unseal_secret(&object.object, &keyring, &UnsealOptions::new(io.now)).map_err(|error| {
            let failure = if several { Failure::new(format_args!("{}: {error}", object.at)) } else { Failure::new(&error) };
            hint(failure, keyring.len())
        })?;
        values.push(secret_to_value(&opened, Style::NullTimestamps));
    }
    let format = format_or_error(settings.output_format())?;
    let mut out = Zeroizing::new(Vec::new());
    for value in &values {
        out.extend_from_slice(&documents(std::slice::from_ref(&**value), format));
    }
    write_plaintext(settings, io, &out)
}

/// All keys of all files, each once. Entries of a backup that are no usable keys are said, not fatal.
fn keyring(settings: &Settings, io: &mut Io) -> Result<Keyring, Failure> {
    let mut keyring = Keyring::new();
    for name in &settings.recovery_private_keys {
        let bytes = open(&io.path(name), name, MAX_DOCUMENT)?;
        let found = read_private_keys(&bytes, name)?;
        for problem in &found.problems {
            io.warn(problem.to_string());
        }
        for key in found.keys {
            keyring.add(key.key);
        }
    }
    Ok(keyring)
}

fn hint(failure: Failure, keys: usize) -> Failure {
    match keys {
        0 => failure.with_hint("no private key was given: name the key files with --recovery-private-key"),
        _ => failure,
    }
}

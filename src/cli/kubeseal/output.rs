//! Results: to standard output, or into the file of `--sealed-secret-file`, whole or not at all.

use serde_json::Value;
use zeroize::Zeroizing;

use super::settings::{Format, Settings};
use crate::cli::io::replace::{self, Existing, Privacy};
use crate::cli::report::Failure;
use crate::cli::{Exit, Io, Outcome};
use crate::manifest::{to_json, to_yaml};

/// Writes the result where the flags say. A new file is for its owner only (0600), as kubeseal makes it; one that is there keeps
/// its mode and is replaced behind a symbolic link.
pub(super) fn write(settings: &Settings, io: &mut Io, bytes: &[u8]) -> Outcome {
    put(settings, io, bytes, Privacy::Private)
}

/// As [`write`], for opened secrets: a file that is there is closed to others.
pub(super) fn write_plaintext(settings: &Settings, io: &mut Io, bytes: &[u8]) -> Outcome {
    put(settings, io, bytes, Privacy::Plaintext)
}

fn put(settings: &Settings, io: &mut Io, bytes: &[u8], privacy: Privacy) -> Outcome {
    match &settings.output {
        None => io.stdout.put(bytes)?,
        Some(name) => {
            let path = io.path(name);
            replace::write(&path, bytes, privacy, Existing::Replace).map_err(|error| error.at(name.as_ref()))?;
        }
    }
    Ok(Exit::DONE)
}

/// Objects one after the other in a format.
pub(super) fn documents(values: &[Value], format: Format) -> Zeroizing<Vec<u8>> {
    let texts: Vec<_> = values
        .iter()
        .map(|value| match format {
            Format::Json => to_json(value),
            Format::Yaml => to_yaml(value),
        })
        .collect();
    let mut bytes = Zeroizing::new(Vec::with_capacity(texts.iter().map(|text| text.len()).sum()));
    for text in &texts {
        bytes.extend_from_slice(text.expose().as_bytes());
    }
    bytes
}

/// The format, or the error that the peer gives.
pub(super) fn format_or_error(format: Result<Format, &str>) -> Result<Format, Failure> {
    format.map_err(|name| Failure::new(format_args!("unsupported output format: {name}")))
}

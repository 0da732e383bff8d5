//! `--raw`: one value, its bytes as they are, in; base64 without a line break out (`sealed-secrets.md` §2.8).

use super::files::{open, stdin};
use super::namespace;
use super::output::write;
use super::settings::Settings;
use crate::cli::io::read::MAX_DOCUMENT;
use crate::cli::report::Failure;
use crate::cli::{Io, Outcome};
use crate::crypto::rsa::PublicKey;
use crate::seal::{Label, Scope, seal_value};

/// Seals one value.
pub(super) fn run(settings: &Settings, key: &PublicKey, io: &mut Io) -> Outcome {
    let scope = settings.scope;
    let mut in_namespace = String::new();
    if scope != Scope::ClusterWide {
        in_namespace = namespace::resolve(settings, io).map_err(|error| missing(scope, &error))?;
        if settings.name.is_empty() && scope == Scope::Strict {
            return Err(Failure::new(format_args!("must provide the --name flag with --raw and --scope {scope}")));
        }
    }
    let value = match settings.from_file.as_slice() {
        [] => {
            if io.stdin_is_terminal {
                io.complain("(tty detected: expecting a secret to encrypt in stdin)\n");
            }
            stdin(io)?
        }
        [only] => {
            // kubectl's syntax: a key before the first equals sign, which sealing does not use.
            let name = only.split_once('=').map_or(only.as_str(), |(_, name)| name);
            if name == "/dev/stdin" { stdin(io)? } else { open(&io.path(name), name, MAX_DOCUMENT)? }
        }
        _ => return Err(Failure::new("must provide only one --from-file when encrypting a single item with --raw")),
    };
    let label = Label::new(scope, &in_namespace, &settings.name);
    let sealed = seal_value(key, &label, &value)?;
    write(settings, io, sealed.to_text().as_bytes())
}

fn missing(scope: Scope, error: &namespace::NoNamespace) -> Failure {
    Failure::new(format_args!("must provide the --namespace flag with --raw and --scope {scope}")).with_hint(error)
}

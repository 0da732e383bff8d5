//! `hecate-seal keys generate`: a sealing key and its certificate, exactly as the controller makes them.
//!
//! As two files, or as the Secret that the controller keeps its keys in (`sealed-secrets.md` §1.3). A private key is never
//! written over anything, and its file is readable for its owner only.

use std::path::{Path, PathBuf};

use time::Duration;

use crate::cli::args::{KeysArgs, KeysCommand, KeysGenerateArgs, ManifestFormat};
use crate::cli::io::replace::{self, Existing, Privacy, ReplaceError};
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::cli::{Io, names};
use crate::crypto::rsa::PrivateKey;
use crate::crypto::x509::Certificate;
use crate::manifest;
use crate::seal::keys::{self, DEFAULT_KEY_PREFIX, KeyName};
use crate::secret::SecretBytes;

/// Runs the command.
///
/// # Errors
/// When a file exists or cannot be written; nothing is left behind then.
pub fn run(args: KeysArgs, io: &mut Io) -> Outcome {
    match args.command {
        KeysCommand::Generate(args) => generate(&args, io),
    }
}

fn generate(args: &KeysGenerateArgs, io: &mut Io) -> Outcome {
    if args.secret {
        names::check_namespace(&args.namespace)?;
        if let Some(name) = &args.name {
            names::check_object(name)?;
        }
    }
    let files = files(args, io)?;
    for path in &files {
        // Before the work, for a quick answer; writing checks again.
        if path.symlink_metadata().is_ok() {
            return Err(ReplaceError::Exists.at(io.shown(path).as_ref()));
        }
    }
    let key = PrivateKey::generate(args.bits)?;
    let ttl = Duration::days(args.days.into());
    let certificate = Certificate::self_signed(&key, &args.cn, io.now, ttl)?;
    let written =
        |path: &Path, bytes: &[u8], privacy| replace::write(path, bytes, privacy, Existing::Keep).map_err(|error| error.at(path));
    match files.as_slice() {
        [key_file, certificate_file] => {
            written(key_file, key.to_pkcs1_pem()?.expose().as_bytes(), Privacy::Plaintext)?;
            if let Err(failure) = written(certificate_file, certificate.pem().as_bytes(), Privacy::Shared) {
                // Ours, made a moment ago, and nothing was sealed for it.
                _ = std::fs::remove_file(key_file);
                return Err(failure);
            }
            io.note(format!(
                "wrote {} (private: keep it out of git) and {} (public)",
                io.shown(key_file),
                io.shown(certificate_file)
            ));
        }
        [secret_file] => {
            written(secret_file, key_secret(args, &key, &certificate)?.expose(), Privacy::Plaintext)?;
            io.note(format!("wrote {} (it holds the private key: keep it out of git)", io.shown(secret_file)));
        }
        _ => io.stdout.put(key_secret(args, &key, &certificate)?.expose())?,
    }
    io.note(format!("RSA {} bits, {}", key.public_key().bits(), key.public_key().fingerprint()));
    Ok(Exit::DONE)
}

/// The files that are to be made: key and certificate, the Secret, or none for standard output.
fn files(args: &KeysGenerateArgs, io: &Io) -> Result<Vec<PathBuf>, Failure> {
    let output = args.output.as_deref();
    if !args.secret {
        let base = io.path(output.unwrap_or(Path::new("sealed-secrets")));
        let with = |suffix: &str| {
            let mut name = base.clone().into_os_string();
            name.push(suffix);
            PathBuf::from(name)
        };
        return Ok(vec![with(".key"), with(".crt")]);
    }
    match output {
        Some(path) if path.as_os_str() != "-" => Ok(vec![io.path(path)]),
        None if io.stdout_is_terminal => Err(Failure::usage("this would print a private key on the terminal").with_hint(
            "write it to a file with -o FILE, or send it on: hecate-seal keys generate --secret | kubectl create -f -",
        )),
        _ => Ok(Vec::new()),
    }
}

/// The Secret as the controller would create it, in YAML.
fn key_secret(args: &KeysGenerateArgs, key: &PrivateKey, certificate: &Certificate) -> Result<SecretBytes, Failure> {
    let name = args.name.as_deref().map_or(KeyName::Generate(DEFAULT_KEY_PREFIX), KeyName::Fixed);
    let secret = keys::key_secret(key, certificate, &args.namespace, name).context(|| "cannot write the private key")?;
    Ok(ManifestFormat::Yaml.write(&manifest::secret_to_value(&secret, manifest::Style::Current)).into())
}

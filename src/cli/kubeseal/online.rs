//! What kubeseal asks the controller for: its certificate, `--validate`, `--re-encrypt` (`sealed-secrets.md` §2.3, §2.9).
//!
//! Input is read and checked as a whole before the controller gets any of it, and nothing is written unless every object was answered: the reference
//! passes over what it cannot read, and then empties the file that it should re-encrypt.

use serde_json::Value;

use super::files::manifests;
use super::output::{documents, format_or_error, write};
use super::settings::Settings;
use crate::cli::online::{Controller, DEFAULT_TIMEOUT, kubeconfig_files, parse_timeout};
use crate::cli::report::Failure;
use crate::cli::{Exit, Io, Outcome, online};
use crate::manifest::{Error, Located, SealedSecret, Style, read_documents, read_sealed_secrets, sealed_secret_to_value};

/// The controller that the flags mean.
fn controller(settings: &Settings, io: &mut Io) -> Result<Controller, Failure> {
    let mut connection = settings.connection.clone();
    for path in [
        &mut connection.kubeconfig,
        &mut connection.certificate_authority,
        &mut connection.client_certificate,
        &mut connection.client_key,
    ] {
        *path = path.take().map(|path| io.path(path));
    }
    connection.files = Some(kubeconfig_files(io));
    connection.timeout = Some(match parse_timeout(&settings.request_timeout) {
        Some(limit) => limit.unwrap_or(DEFAULT_TIMEOUT),
        None => {
            return Err(Failure::new(format_args!(
                "invalid timeout value {:?}: must be an integer, or an integer followed by a corresponding time unit (e.g. 1s, 2m, 3h)",
                settings.request_timeout
            )));
        }
    });
    Controller::find(&connection, &settings.controller_namespace, &settings.controller_name, !settings.names_controller, io)
}

/// The certificate, as the controller gives it.
pub(super) fn certificate(settings: &Settings, io: &mut Io) -> Result<Vec<u8>, Failure> {
    let controller = controller(settings, io)?;
    controller.certificate().map_err(|trouble| online::failure("cannot fetch certificate", &trouble))
}

/// `--validate`: nothing is printed when every object can be opened.
pub(super) fn validate(settings: &Settings, io: &mut Io) -> Outcome {
    let controller = controller(settings, io)?;
    let objects = read(settings, io)?;
    for object in &objects {
        let name = &object.object.metadata.name;
        match controller.verify(&to_json(object)) {
            Ok(true) => {}
            Ok(false) => {
                let failure = Failure::new(format_args!("unable to decrypt sealed secret: {name}"));
                return Err(failure.with_hint(why_not(&object.object)));
            }
            Err(trouble) => return Err(online::failure("cannot validate sealed secret", &trouble)),
        }
    }
    Ok(Exit::DONE)
}

/// `--re-encrypt`: every object as the controller sealed it again.
pub(super) fn re_encrypt(settings: &Settings, io: &mut Io) -> Outcome {
    let format = format_or_error(settings.output_format())?;
    let controller = controller(settings, io)?;
    let objects = read(settings, io)?;
    let mut values: Vec<Value> = Vec::with_capacity(objects.len());
    for object in &objects {
        let name = &object.object.metadata.name;
        let answer = controller.rotate(&to_json(object)).map_err(|trouble| {
            let failure = online::failure("cannot re-encrypt secret", &trouble);
            if trouble.code() == Some(500) {
                failure.with_hint(format_args!("{}: {}", object.at, why_not(&object.object)))
            } else {
                failure
            }
        })?;
        let mut only = online::rotated(&answer).ok_or_else(|| {
            Failure::new(format_args!("cannot re-encrypt secret: the controller's answer for {name} is no SealedSecret"))
        })?;
        for gone in ["creationTimestamp", "deletionTimestamp", "generation"] {
            only.metadata.other.shift_remove(gone);
        }
        values.push(sealed_secret_to_value(&only, Style::NullTimestamps));
    }
    write(settings, io, &documents(&values, format))
}

/// Every SealedSecret of the input.
fn read(settings: &Settings, io: &mut Io) -> Result<Vec<Located<SealedSecret>>, Failure> {
    let (bytes, name) = manifests(settings, io)?;
    let objects = read_sealed_secrets(&bytes, &name)?;
    if objects.is_empty() && !read_documents(&bytes, &name)?.is_empty() {
        return Err(Error::Nothing { file: name, expected: "SealedSecret" }.into());
    }
    Ok(objects)
}

fn to_json(object: &Located<SealedSecret>) -> Vec<u8> {
    crate::manifest::to_json(&sealed_secret_to_value(&object.object, Style::NullTimestamps)).expose().as_bytes().to_vec()
}

/// What is most often the reason that the controller cannot open an object.
fn why_not(sealed: &SealedSecret) -> String {
    if sealed.metadata.namespace.is_empty() {
        return "it has no metadata.namespace, and the namespace is part of what it is sealed for".to_owned();
    }
    "it was sealed for another name, namespace, scope or cluster, or its key is gone; `hecate-seal verify` looks at it closer"
        .to_owned()
}

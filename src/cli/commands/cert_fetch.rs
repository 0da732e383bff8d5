//! `hecate-seal cert fetch`: the certificate file of a repository, brought up to date from the cluster.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};

use crate::cli::Io;
use crate::cli::certificate::{date, is_url};
use crate::cli::io::read::MAX_DOCUMENT;
use crate::cli::io::replace::{Privacy, Target};
use crate::cli::online::{self, ControllerArgs};
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::cli::settings::{Origin, Settings};
use crate::crypto::x509::{Certificate, Validity};
use crate::repo::settings as file;

/// Arguments of `cert fetch`.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct FetchArgs {
    /// Write here, `-` being standard output; without it the file that .hecate-seal.yaml names, else standard output
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Write nothing: exit code 1 unless the file holds the key that the controller seals with now
    #[arg(long)]
    pub check: bool,
    /// Where the controller is.
    #[command(flatten)]
    pub controller: ControllerArgs,
}

const EXAMPLES: &str = "\
A file that is there is replaced only if it is a certificate. One that holds the controller's certificate already is not touched.

Examples:
  hecate-seal cert fetch
  hecate-seal cert fetch -o etc/certs/pub-sealed-secrets.pem --context prod
  hecate-seal cert fetch --check                        in CI: is the file in git the newest?";

/// Runs the command.
///
/// # Errors
/// When there is no controller, its answer is no certificate, or the file cannot be written.
pub fn run(args: &FetchArgs, io: &mut Io) -> Outcome {
    let target = target(args, io)?;
    if args.check && target.is_none() {
        return Err(Failure::usage("--check needs a file to look at").with_hint("name it with --output, or in .hecate-seal.yaml"));
    }
    let controller = args.controller.find(io)?;
    let bytes = controller.certificate().map_err(|trouble| online::failure("cannot fetch the certificate", &trouble))?;
    let served = Certificate::parse_pem_first(&bytes).context(|| "the controller's answer is no certificate")?;
    if served.validity(io.now) != Validity::Valid {
        let dates = format!("{} to {}", date(served.not_before()), date(served.not_after()));
        io.warn(format!("the controller's certificate is valid from {dates}, not today: nothing can be sealed with it"));
    }
    let Some(path) = target else {
        io.stdout.put(&bytes)?;
        return Ok(Exit::DONE);
    };
    let name = io.shown(&path);
    let file = Target::open(&path, MAX_DOCUMENT).map_err(|error| error.at(Path::new(&name)))?;
    let old = match file.content() {
        None => None,
        Some(old) => Some(
            Certificate::parse_pem_first(old)
                .context(|| format!("{name} is there and is no certificate"))
                .hint(|| "nothing was written; name another file with --output")?,
        ),
    };
    let new = format!("{}, valid until {}", served.public_key().fingerprint(), date(served.not_after()));
    let same = old.as_ref().is_some_and(|old| old.sha256_fingerprint() == served.sha256_fingerprint());
    if same {
        io.note(format!("{name} is the controller's certificate: {new}"));
        return Ok(Exit::DONE);
    }
    let was = match &old {
        None => "is not there".to_owned(),
        Some(old) => {
            format!("holds another certificate: {}, valid until {}", old.public_key().fingerprint(), date(old.not_after()))
        }
    };
    if args.check {
        io.stdout.line(format!("{name} {was}; the controller's is {new}"))?;
        io.hint("`hecate-seal cert fetch` without --check brings it up to date, `hecate-seal reseal` the files that are sealed for an older key");
        return Ok(Exit::FAILED);
    }
    file.replace(&bytes, Privacy::Shared).map_err(|error| error.at(Path::new(&name)))?;
    io.note(format!("wrote {name}: {new}"));
    Ok(Exit::DONE)
}

/// The file to write; `None` for standard output.
fn target(args: &FetchArgs, io: &mut Io) -> Result<Option<PathBuf>, Failure> {
    if let Some(path) = &args.output {
        return Ok((path.as_os_str() != "-").then(|| io.path(path)));
    }
    let Some(set) = Settings::certificate(None, io)? else { return Ok(None) };
    if is_url(&set.value) {
        return Err(Failure::usage(format_args!("{} names the address {}, which cannot be written", set.origin, set.value))
            .with_hint("name a file with --output, or `-` for standard output"));
    }
    let path = io.path(&set.value);
    // Whoever wrote the settings may not choose what else of ours is written.
    if let Origin::File(settings) = &set.origin
        && !file::stays_inside(&file::repository_root(settings.parent().unwrap_or(Path::new("/"))), &path)
    {
        return Err(Failure::usage(format_args!("the certificate {} lies outside of the repository", set.value))
            .wrap(format_args!("cannot use the settings in {}", settings.display()))
            .with_hint("a settings file may only name files of its own repository; to write elsewhere use --output"));
    }
    Ok(Some(path))
}

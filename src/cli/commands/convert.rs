//! `hecate-seal convert`: Secrets of SOPS files become SealedSecrets, and the other way round, without a cluster.
//!
//! The plain Secret exists in memory only. Name, namespace, labels, annotations, type and `immutable` stay. What the other form
//! has no place for (a template, metadata of the SealedSecret itself) is an error unless `--allow-loss` is given. Files are
//! replaced whole, and none before all of them are converted.

mod to_sealed;
mod to_sops;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, ValueHint};
use zeroize::Zeroizing;

use crate::cli::args::PrivateKeyArgs;
use crate::cli::io::read;
use crate::cli::io::replace::{self, Existing, Privacy, ReplaceError, Target};
use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::cli::{Io, inputs};
use crate::sops::document::Format;

/// What is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// SealedSecrets, of SOPS files
    SealedSecret,
    /// SOPS files, of SealedSecrets
    Sops,
}

/// Arguments of `convert`.
#[derive(Args, Debug)]
#[command(after_help = CONVERT_EXAMPLES)]
pub struct ConvertArgs {
    /// Files with Secrets, YAML or JSON; `-`: standard input
    #[arg(required = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub files: Vec<PathBuf>,
    /// What to make of them
    #[arg(long, value_enum, value_name = "KIND")]
    pub to: Kind,
    /// Replace the files; without it, and without --output, the one result is printed
    #[arg(short, long, conflicts_with = "output")]
    pub in_place: bool,
    /// Write the one result here
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Convert although something is lost: a template becomes the values that it gives now, metadata of the SealedSecret go
    #[arg(long)]
    pub allow_loss: bool,
    /// To SealedSecrets: certificate to seal with [env: HECATE_SEAL_CERT]
    #[arg(long, value_name = "FILE|URL", value_hint = ValueHint::FilePath)]
    pub cert: Option<String>,
    /// To SealedSecrets: namespace for Secrets without one [env: HECATE_SEAL_NAMESPACE]
    #[arg(short, long, value_name = "NAMESPACE")]
    pub namespace: Option<String>,
    /// To SealedSecrets: scope, instead of what the annotations say [env: HECATE_SEAL_SCOPE]
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,
    /// To SOPS: recipients, with `,` between them, instead of those of .sops.yaml
    #[arg(long, value_name = "RECIPIENT")]
    pub age: Option<String>,
    /// To SOPS: private keys to open with.
    #[command(flatten)]
    pub keys: PrivateKeyArgs,
}

const CONVERT_EXAMPLES: &str = "\
SOPS files are opened with the identities that sops uses (SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, keys.txt, SSH keys). New ones are encrypted for the recipients of the rule in .sops.yaml, and by its selector; a rule without one gets encrypted_regex ^(data|stringData)$, which Flux needs. No plain value touches the disk.

Examples:
  hecate-seal convert --to sealed-secret --in-place apps/db/secret.yaml
  hecate-seal convert --to sops -p keys.yaml apps/db/sealed-secret.yaml -o apps/db/secret.yaml";

/// One file to convert.
struct Source {
    /// As messages call it.
    name: String,
    /// Absolute; `None` for standard input.
    path: Option<PathBuf>,
    text: Zeroizing<Vec<u8>>,
    /// Where the result goes, by its absolute path: it decides format and rule.
    destination: Option<PathBuf>,
}

/// What came of one file.
struct Converted {
    text: Vec<u8>,
    /// For the note about it.
    what: String,
}

impl Source {
    /// The format that the result has, by the name of where it goes, else by that of where it came from.
    fn output_format(&self) -> Result<Format, Failure> {
        format_of(self.destination.as_deref().or(self.path.as_deref()), &self.name)
    }

    fn input_format(&self) -> Result<Format, Failure> {
        format_of(self.path.as_deref(), &self.name)
    }
}

/// YAML or JSON; standard streams are YAML.
fn format_of(path: Option<&Path>, name: &str) -> Result<Format, Failure> {
    let Some(path) = path else { return Ok(Format::Yaml) };
    match crate::repo::scan::coverage::format_of(path) {
        format @ (Format::Yaml | Format::Json) => Ok(format),
        _ => Err(Failure::usage(format_args!("{name}: the file's name must end in .yaml, .yml or .json"))),
    }
}

/// Runs the command.
///
/// # Errors
/// When any file cannot be converted; then none is written.
pub fn run(args: &ConvertArgs, io: &mut Io) -> Outcome {
    if !args.in_place && args.files.len() > 1 {
        return Err(Failure::usage("several files need --in-place: a result is one file"));
    }
    let sources = args.files.iter().map(|file| read_one(file, args, io)).collect::<Result<Vec<_>, _>>()?;
    let converted = match args.to {
        Kind::SealedSecret => to_sealed::convert(&sources, args, io)?,
        Kind::Sops => to_sops::convert(&sources, args, io)?,
    };
    for (source, result) in sources.iter().zip(&converted) {
        write(source, result, args, io)?;
    }
    Ok(Exit::DONE)
}

fn read_one(file: &Path, args: &ConvertArgs, io: &mut Io) -> Result<Source, Failure> {
    let input = inputs::read_all(&[file.to_owned()], io)?.into_iter().next();
    let input = input.ok_or_else(|| Failure::new("there is no input"))?;
    let path = (file.as_os_str() != "-").then(|| io.path(file));
    if args.in_place && path.is_none() {
        return Err(Failure::usage("standard input cannot be replaced; leave --in-place away"));
    }
    let output = args.output.as_ref().filter(|output| output.as_os_str() != "-").map(|output| io.path(output));
    let destination = if args.in_place { path.clone() } else { output };
    Ok(Source { name: input.name, path, text: input.bytes, destination })
}

fn write(source: &Source, result: &Converted, args: &ConvertArgs, io: &mut Io) -> Result<(), Failure> {
    let Some(destination) = &source.destination else {
        return io.stdout.put(&result.text);
    };
    let shown = io.shown(destination);
    if args.in_place {
        let target = Target::open(destination, read::MAX_DOCUMENT).map_err(|error| error.at(shown.as_ref()))?;
        if target.content() != Some(source.text.as_slice()) {
            return Err(ReplaceError::Changed.at(shown.as_ref()));
        }
        target.replace(&result.text, Privacy::Shared).map_err(|error| error.at(shown.as_ref()))?;
    } else {
        replace::write(destination, &result.text, Privacy::Shared, Existing::Replace)
            .map_err(|error| error.at(shown.as_ref()))?;
    }
    io.note(format!("wrote {shown}: {}", result.what));
    Ok(())
}

/// `1 Secret`, `2 Secrets`.
fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Says which file it is about.
fn about<T>(source: &Source, result: Result<T, Failure>) -> Result<T, Failure> {
    result.context(|| format!("cannot convert {}", source.name))
}

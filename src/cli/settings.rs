//! What is meant: flags over environment over `.hecate-seal.yaml`, each value with where it came from.
//!
//! Commands get the merged [`Settings`] and never look at a flag or variable themselves. The origin of a value is for messages:
//! a conflict between a file and a setting names both.

use std::fmt;
use std::path::{Path, PathBuf};

use super::args::TargetArgs;
use super::io::read;
use super::report::{Context, Failure};
use super::{Io, env};
use crate::repo::settings as file;
use crate::seal::Scope;

/// Largest settings file that is read: 1 MiB.
const MAX_SETTINGS: u64 = 1 << 20;

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A flag, with its dashes.
    Flag(&'static str),
    /// An environment variable.
    Variable(&'static str),
    /// The settings file.
    File(PathBuf),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set<T> {
    /// The value.
    pub value: T,
    /// Where it came from.
    pub origin: Origin,
}

/// The merged settings. Paths are absolute, or as seen from the current folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Path or URL of the certificate.
    pub certificate: Option<Set<String>>,
    /// File of the SealedSecret.
    pub file: Option<Set<PathBuf>>,
    /// Name of the Secret.
    pub name: Option<Set<String>>,
    /// Namespace of the Secret.
    pub namespace: Option<Set<String>>,
    /// Scope of its values.
    pub scope: Option<Set<Scope>>,
    /// The settings file that was read, if there is one.
    pub settings_file: Option<PathBuf>,
}

impl Settings {
    /// Merges flags, environment and the nearest settings file.
    ///
    /// # Errors
    /// A settings file that cannot be read or understood, or that names a target outside of its repository; an unknown scope.
    /// Exit code 2.
    pub fn resolve(flags: &TargetArgs, io: &mut Io) -> Result<Self, Failure> {
        let mut merged = from_file(&io.cwd.clone(), io).or_usage()?;
        let flag = |value: &Option<String>, name| value.clone().map(|value| Set { value, origin: Origin::Flag(name) });
        let variable = |name| io.env.text(name).map(|value| Set { value, origin: Origin::Variable(name) });
        let over = |typed: Option<Set<String>>, name, below| typed.or_else(|| variable(name)).or(below);

        merged.certificate = over(flag(&flags.cert, "--cert"), env::CERT, merged.certificate);
        merged.name = over(flag(&flags.name, "--name"), env::NAME, merged.name);
        merged.namespace = over(flag(&flags.namespace, "--namespace"), env::NAMESPACE, merged.namespace);
        let file = flags.file.clone().map(|path| Set { value: path, origin: Origin::Flag("--file") });
        let file = file.or_else(|| variable(env::FILE).map(|set| Set { value: set.value.into(), origin: set.origin }));
        merged.file = file.or(merged.file);
        merged.check_target().or_usage()?;
        if let Some(text) = flag(&flags.scope, "--scope").or_else(|| variable(env::SCOPE)) {
            let value = text.value.parse().context(|| format!("{} is wrong", text.origin)).or_usage()?;
            merged.scope = Some(Set { value, origin: text.origin });
        }
        for (what, set) in [("name", &merged.name), ("namespace", &merged.namespace)] {
            if let Some(Set { value, origin }) = set
                && value.trim().is_empty()
            {
                return Err(Failure::usage(format_args!("the {what} from {origin} is empty")));
            }
        }
        Ok(merged)
    }

    /// Refuses a target that a settings file names outside of its repository, symbolic links followed: whoever wrote that file
    /// may not choose what else of ours is written. A flag or variable may.
    fn check_target(&self) -> Result<(), Failure> {
        let Some(Set { value, origin: Origin::File(settings) }) = &self.file else { return Ok(()) };
        let root = file::repository_root(settings.parent().unwrap_or(Path::new("/")));
        if file::stays_inside(&root, value) {
            return Ok(());
        }
        Err(Failure::new(format_args!("the file {} lies outside of the repository", value.display()))
            .wrap(format_args!("cannot use the settings in {}", settings.display()))
            .with_hint("a settings file may only name files of its own repository; to write elsewhere use --file"))
    }

    /// The certificate alone: what `--cert`, the environment or the settings file say for the current folder.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn certificate(cert: Option<&str>, io: &mut Io) -> Result<Option<Set<String>>, Failure> {
        if let Some(value) = cert {
            return Ok(Some(Set { value: value.to_owned(), origin: Origin::Flag("--cert") }));
        }
        Ok(Self::resolve(&TargetArgs::default(), io)?.certificate)
    }

    /// The certificate that the nearest settings file names for a folder.
    ///
    /// # Errors
    /// As [`Self::resolve`].
    pub fn certificate_of(folder: &Path, io: &mut Io) -> Result<Option<Set<String>>, Failure> {
        // `..` and links are followed first: the settings of the folder count, not those on the way that was typed.
        let folder = folder.canonicalize().context(|| folder.display().to_string()).or_usage()?;
        Ok(from_file(&folder, io).or_usage()?.certificate)
    }

    /// Refuses a certificate of the current folder's settings for a file that was named and for whose own folder settings name
    /// another: most likely it is another cluster's.
    ///
    /// # Errors
    /// Exit code 2, with both certificates.
    pub fn check_certificate_for(&self, file: &Path, io: &mut Io) -> Result<(), Failure> {
        let Some(Set { value: used, origin: Origin::File(_) }) = &self.certificate else { return Ok(()) };
        let path = io.path(file);
        let real = path.canonicalize().unwrap_or(path);
        let Some(folder) = real.parent().filter(|folder| folder.is_dir()) else { return Ok(()) };
        match Self::certificate_of(folder, io)? {
            Some(other) if !same_certificate(&other.value, used) => Err(Failure::usage(format_args!(
                "{} lies where the certificate is {}, and this directory's is {used}",
                io.shown(&real),
                other.value
            ))
            .with_hint("say which one is meant with --cert FILE, or run the command in the directory of the file")),
            _ => Ok(()),
        }
    }
}

/// Whether two names of certificates mean one: the same name, or files of the same content.
fn same_certificate(one: &str, other: &str) -> bool {
    let content = |name: &str| read::file(Path::new(name), read::MAX_DOCUMENT).ok();
    one == other || content(one).is_some_and(|one| content(other).is_some_and(|other| *one == *other))
}

/// The nearest settings file as it is written, and its path.
///
/// # Errors
/// As [`Settings::resolve`], where the file is the cause.
pub fn written(io: &mut Io) -> Result<Option<(PathBuf, file::Settings)>, Failure> {
    nearest(&io.cwd.clone(), io)
}

/// The nearest settings file from a folder upwards.
fn nearest(start: &Path, io: &mut Io) -> Result<Option<(PathBuf, file::Settings)>, Failure> {
    let Some(path) = file::find(start) else { return Ok(None) };
    let wrong = || format!("cannot use the settings in {}", path.display());
    file::check_owner(&path, &io.cwd)
        .context(wrong)
        .hint(|| "it decides whose key your secrets are sealed for: if you trust it, make it yours with `chown`")?;
    let text = read::text_file(&path, MAX_SETTINGS).context(wrong)?;
    let written = file::Settings::parse(&text).context(wrong)?;
    io.detail(format!("settings from {}", path.display()));
    Ok(Some((path, written)))
}

/// What the nearest settings file says for a folder.
fn from_file(start: &Path, io: &mut Io) -> Result<Settings, Failure> {
    let Some((path, written)) = nearest(start, io)? else { return Ok(Settings::default()) };
    let folder = path.parent().unwrap_or(Path::new("/"));
    let choice = written.for_directory(start.strip_prefix(folder).unwrap_or(Path::new("")));

    let origin = || Origin::File(path.clone());
    let set = |value: Option<String>| value.map(|value| Set { value, origin: origin() });
    let target = choice.file.map(|name| Set { value: folder.join(name), origin: origin() });
    Ok(Settings {
        certificate: choice.certificate.map(|text| Set { value: from_folder(folder, text), origin: origin() }),
        file: target,
        name: set(choice.name),
        namespace: set(choice.namespace),
        scope: choice.scope.map(|value| Set { value, origin: origin() }),
        settings_file: Some(path.clone()),
    })
}

/// A certificate as the settings file names it: a URL as it is, a path from the file's folder.
fn from_folder(folder: &Path, text: String) -> String {
    if super::certificate::is_url(&text) { text } else { folder.join(text).to_string_lossy().into_owned() }
}

//! `.hecate-seal.yaml`: which file, Secret and certificate a value goes to, by directory.
//!
//! ```yaml
//! # Holds for the whole repository:
//! certificate: etc/certs/pub-sealed-secrets.pem
//! file: infrastructure/hecate/sealed-secrets.yaml
//! name: hecate-secrets
//! namespace: hecate
//! scope: strict
//! # Replaces what it names, in that directory and below; the deepest directory wins, key by key:
//! targets:
//!   - directory: edge-cluster
//!     certificate: edge-cluster/sealed-secrets.pem
//!     file: edge-cluster/infrastructure/hecate/sealed-secret.yaml
//! # What `scan` passes over, in the patterns of .gitignore:
//! scan:
//!   allow: ["tests/fixtures/**"]
//! ```
//!
//! All paths start from the folder of the settings file. The file is found by looking upwards from the current folder; the
//! nearest one counts and no other is read. Unknown and repeated keys are errors with their line. A settings file decides whose
//! key secrets are sealed for, so one that belongs to another user is refused (as git refuses such a repository).

use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_saphyr::Spanned;

use crate::seal::Scope;

/// Name of the settings file.
pub const FILE_NAME: &str = ".hecate-seal.yaml";

/// What a settings file may say for one directory. All optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// Path (from the settings file's folder) or URL of the certificate.
    pub certificate: Option<String>,
    /// File of the SealedSecret, from the settings file's folder.
    pub file: Option<String>,
    /// Name of the Secret.
    pub name: Option<String>,
    /// Namespace of the Secret.
    pub namespace: Option<String>,
    /// Scope of its values.
    pub scope: Option<Scope>,
}

impl Choice {
    /// `self` where it says something, `outer` elsewhere.
    fn over(self, outer: Self) -> Self {
        Self {
            certificate: self.certificate.or(outer.certificate),
            file: self.file.or(outer.file),
            name: self.name.or(outer.name),
            namespace: self.namespace.or(outer.namespace),
            scope: self.scope.or(outer.scope),
        }
    }
}

/// Why a settings file cannot be used. The path is the caller's to say.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Not YAML, an unknown key, a value of the wrong type.
    #[error("line {line}: {reason}")]
    Line {
        /// Line in the file, from 1; 0 when unknown.
        line: u64,
        /// What is wrong there.
        reason: String,
    },
    /// The file belongs to somebody else.
    #[error("it belongs to another user (uid {0})")]
    Foreign(u32),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// A settings file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    certificate: Option<String>,
    file: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
    scope: Option<ScopeText>,
    #[serde(default)]
    targets: Vec<WrittenTarget>,
    #[serde(default)]
    scan: WrittenScan,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenScan {
    #[serde(default)]
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTarget {
    directory: Spanned<String>,
    certificate: Option<String>,
    file: Option<String>,
    name: Option<String>,
    namespace: Option<String>,
    scope: Option<ScopeText>,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct ScopeText(Scope);

impl TryFrom<String> for ScopeText {
    type Error = crate::seal::UnknownScope;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

/// A settings file that was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    everywhere: Choice,
    /// Directory relative to the settings file, and what holds there.
    targets: Vec<(PathBuf, Choice)>,
    /// Patterns of files that `scan` passes over, from the settings file's folder.
    pub scan_allow: Vec<String>,
}

impl Settings {
    /// Reads the text of a settings file. An empty one says nothing.
    ///
    /// # Errors
    /// [`SettingsError::Line`].
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let written: Option<Written> = serde_saphyr::from_str(text).map_err(|error| {
            let (plain, line) = (error.without_snippet(), error.location().map_or(0, |at| at.line()));
            // The parser's text ends with the place, which stands in front here.
            let text = plain.to_string();
            let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
            // Two of its texts speak to the programmer.
            let reason = match reason.split_once(", set DuplicateKeyPolicy") {
                Some((reason, _)) => reason,
                None if reason.starts_with("multiple YAML documents") => "a second document: settings are one document",
                None => reason,
            };
            SettingsError::Line { line, reason: reason.to_owned() }
        })?;
        let Some(written) = written else { return Ok(Self::default()) };
        let mut targets = Vec::new();
        for target in written.targets {
            let line = target.directory.referenced.line();
            let directory = plain_directory(&target.directory.value).map_err(|reason| SettingsError::Line {
                line,
                reason: format!("directory `{}` {reason}", target.directory.value),
            })?;
            if targets.iter().any(|(known, _)| *known == directory) {
                let reason = format!("directory `{}` has a target already", target.directory.value);
                return Err(SettingsError::Line { line, reason });
            }
            targets.push((
                directory,
                Choice {
                    certificate: target.certificate,
                    file: target.file,
                    name: target.name,
                    namespace: target.namespace,
                    scope: target.scope.map(|scope| scope.0),
                },
            ));
        }
        // Outer directories first, so that inner ones are laid over them.
        targets.sort_by_key(|(directory, _)| directory.components().count());
        let everywhere = Choice {
            certificate: written.certificate,
            file: written.file,
            name: written.name,
            namespace: written.namespace,
            scope: written.scope.map(|scope| scope.0),
        };
        Ok(Self { everywhere, targets, scan_allow: written.scan.allow })
    }

    /// All that the file says: for everywhere first, then for each directory.
    pub fn choices(&self) -> impl Iterator<Item = &Choice> {
        std::iter::once(&self.everywhere).chain(self.targets.iter().map(|(_, choice)| choice))
    }

    /// What holds in a directory, given relative to the settings file's folder.
    #[must_use]
    pub fn for_directory(&self, directory: &Path) -> Choice {
        self.targets
            .iter()
            .filter(|(target, _)| directory.starts_with(target))
            .fold(self.everywhere.clone(), |outer, (_, inner)| inner.clone().over(outer))
    }
}

/// The directory without `.` components; an error for one that could lie outside.
fn plain_directory(text: &str) -> Result<PathBuf, &'static str> {
    let mut plain = PathBuf::new();
    for component in Path::new(text).components() {
        match component {
            Component::Normal(name) => plain.push(name),
            Component::CurDir => {}
            Component::ParentDir => return Err("leaves the folder of the settings file"),
            Component::RootDir | Component::Prefix(_) => return Err("is not relative to the settings file"),
        }
    }
    Ok(plain)
}

/// The nearest settings file, from `start` (an absolute path) upwards.
#[must_use]
pub fn find(start: &Path) -> Option<PathBuf> {
    start.ancestors().map(|folder| folder.join(FILE_NAME)).find(|path| path.symlink_metadata().is_ok())
}

/// Checks that the file belongs to us, to root, or to the owner of the folder that we stand in.
///
/// # Errors
/// [`SettingsError::Foreign`], [`SettingsError::Io`].
#[cfg(unix)]
pub fn check_owner(file: &Path, start: &Path) -> Result<(), SettingsError> {
    use std::os::unix::fs::MetadataExt;
    let trusted = [rustix::process::geteuid().as_raw(), 0, fs::metadata(start)?.uid()];
    // Of a link both count: who made it, for its paths start from its folder, and whose file it shows.
    let owners = [fs::symlink_metadata(file)?.uid(), fs::metadata(file)?.uid()];
    match owners.into_iter().find(|owner| !trusted.contains(owner)) {
        Some(owner) => Err(SettingsError::Foreign(owner)),
        None => Ok(()),
    }
}

/// Owners mean nothing here.
///
/// # Errors
/// Never.
#[cfg(not(unix))]
pub fn check_owner(_file: &Path, _start: &Path) -> Result<(), SettingsError> {
    Ok(())
}

/// Where a repository ends: the folder that holds `.git`, from `folder` upwards; `folder` itself outside of git.
#[must_use]
pub fn repository_root(folder: &Path) -> PathBuf {
    folder.ancestors().find(|above| above.join(".git").exists()).unwrap_or(folder).to_owned()
}

/// Whether a path that a settings file names stays inside `root`, symbolic links followed as far as the path exists.
#[must_use]
pub fn stays_inside(root: &Path, path: &Path) -> bool {
    let Ok(root) = fs::canonicalize(root) else { return false };
    let mut rest = Vec::new();
    for above in path.ancestors() {
        // A link to nothing is no path that ends here: writing would follow it.
        if let Ok(real) = fs::canonicalize(above) {
            let whole = rest.iter().rev().fold(real, |real: PathBuf, name| real.join(name));
            let leaves = whole.components().any(|component| component == Component::ParentDir);
            return !leaves && whole.starts_with(&root);
        }
        if above.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) {
            return fs::read_link(above).is_ok_and(|to| {
                let to = above.parent().unwrap_or(above).join(to);
                to != path && !to.symlink_metadata().is_ok_and(|meta| meta.is_symlink()) && stays_inside(&root, &to)
            });
        }
        match above.components().next_back() {
            Some(Component::Normal(name)) => rest.push(name.to_owned()),
            Some(Component::ParentDir) => rest.push("..".into()),
            _ => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO_CLUSTERS: &str = "\
certificate: pub.pem
name: hecate-secrets
namespace: hecate
targets:
  - directory: edge/deep
    scope: cluster-wide
  - directory: ./edge/
    certificate: edge/pub.pem
    file: edge/s.yaml
";

    #[test]
    fn the_deepest_directory_wins_key_by_key() {
        let settings = Settings::parse(TWO_CLUSTERS).unwrap();
        let at = |directory: &str| settings.for_directory(Path::new(directory));
        assert_eq!(at("").certificate.as_deref(), Some("pub.pem"));
        assert_eq!(at("edges").certificate.as_deref(), Some("pub.pem"));
        assert_eq!(at("edge").certificate.as_deref(), Some("edge/pub.pem"));
        let deep = at("edge/deep/er");
        assert_eq!((deep.scope, deep.name.as_deref()), (Some(Scope::ClusterWide), Some("hecate-secrets")));
        assert_eq!(deep.file.as_deref(), Some("edge/s.yaml"));
    }

    #[test]
    fn an_empty_file_says_nothing() {
        assert_eq!(Settings::parse("").unwrap(), Settings::default());
        assert_eq!(Settings::parse("# later\n").unwrap(), Settings::default());
    }

    #[test]
    fn mistakes_are_named_with_their_line() {
        let error = |text: &str| Settings::parse(text).unwrap_err().to_string();
        let keys = "expected one of certificate, file, name, namespace, scope, targets, scan";
        assert_eq!(error("name: a\ncertifcate: b\n"), format!("line 2: unknown field `certifcate`, {keys}"));
        assert_eq!(error("name: a\nname: b\n"), "line 2: duplicate mapping key: name");
        assert_eq!(error("name: [a]\n"), "line 1: expected string scalar");
        assert_eq!(error("scope: wide\n"), "line 1: unknown scope `wide`: use strict, namespace-wide or cluster-wide");
        assert_eq!(error("targets:\n  - name: a\n"), "line 2: missing field `directory`");
        assert_eq!(error("name: a\n---\nname: b\n"), "line 3: a second document: settings are one document");
        assert_eq!(error("targets:\n  - directory: ../x\n"), "line 2: directory `../x` leaves the folder of the settings file");
        assert_eq!(error("targets:\n  - directory: a\n  - directory: ./a\n"), "line 3: directory `./a` has a target already");
    }

    #[test]
    #[cfg(unix)]
    fn a_path_that_leaves_through_a_link_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("repo"), folder.path().join("outside"));
        fs::create_dir_all(root.join("in")).unwrap();
        fs::create_dir(&outside).unwrap();
        for (to, name) in
            [("../outside", "out"), ("in", "kept"), ("../outside/new", "dangling"), ("new", "fine"), ("loop", "loop")]
        {
            std::os::unix::fs::symlink(to, root.join(name)).unwrap();
        }
        let inside = |path: &str| stays_inside(&root, &root.join(path));
        assert!(inside("in/a/b.yaml"));
        assert!(inside("kept/b.yaml"));
        assert!(inside("fine"));
        assert!(!inside("out/b.yaml"));
        assert!(!inside("dangling"));
        assert!(!inside("loop"));
        assert!(!inside("../outside/b.yaml"));
        assert!(!inside("nowhere/../../outside/b.yaml"));
    }
}

//! Every environment variable that the program reads, and the only way it reads them.
//!
//! Variables of other programs keep their meaning there; ours begin with `HECATE_SEAL_` and stand between flags and the
//! settings file: a flag wins over the variable, the variable over `.hecate-seal.yaml`. The kubeseal front end adds
//! `SEALED_SECRETS_*`, one for each flag of kubeseal. An empty variable of ours counts as not set.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// Path or `https://` URL of the certificate to seal with, as `--cert`.
pub const CERT: &str = "HECATE_SEAL_CERT";
/// File of the SealedSecret that a value goes into, as `--file`.
pub const FILE: &str = "HECATE_SEAL_FILE";
/// Name of the Secret, as `--name`.
pub const NAME: &str = "HECATE_SEAL_NAME";
/// Namespace of the Secret, as `--namespace`.
pub const NAMESPACE: &str = "HECATE_SEAL_NAMESPACE";
/// Scope of sealed values, as `--scope`.
pub const SCOPE: &str = "HECATE_SEAL_SCOPE";
/// Files with private keys to open with, as `--private-key`; several with the system's path separator (`:`) between them.
pub const PRIVATE_KEYS: &str = "HECATE_SEAL_PRIVATE_KEYS";
/// Those of ours that are text.
pub const OURS: [&str; 5] = [CERT, FILE, NAME, NAMESPACE, SCOPE];
/// Files with kubeconfigs: for the cluster, and for the namespace that `init` proposes; several with `:` between them. As in kubectl.
pub const KUBECONFIG: &str = "KUBECONFIG";
/// The home folder, for `~/.kube/config`.
pub const HOME: &str = "HOME";
/// Identities of age for sops' files, between white space. Secret.
pub const SOPS_AGE_KEY: &str = "SOPS_AGE_KEY";
/// A file with identities of age, for sops' files.
pub const SOPS_AGE_KEY_FILE: &str = "SOPS_AGE_KEY_FILE";
/// A command that prints identities of age, for sops' files.
pub const SOPS_AGE_KEY_CMD: &str = "SOPS_AGE_KEY_CMD";
/// Set for such a command: the recipient whose identity is wanted.
pub const SOPS_AGE_RECIPIENT: &str = "SOPS_AGE_RECIPIENT";
/// An SSH private key, for sops' files.
pub const SOPS_AGE_SSH_PRIVATE_KEY_FILE: &str = "SOPS_AGE_SSH_PRIVATE_KEY_FILE";
/// A command that prints an SSH private key, for sops' files.
pub const SOPS_AGE_SSH_PRIVATE_KEY_CMD: &str = "SOPS_AGE_SSH_PRIVATE_KEY_CMD";
/// Where gpg-agent listens, before a colon; else its usual places.
pub const GPG_AGENT_INFO: &str = "GPG_AGENT_INFO";
/// The folder of this login, for gpg-agent.
pub const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";
/// The graphical display, told to gpg-agent.
pub const DISPLAY: &str = "DISPLAY";
/// The folder of settings, for `sops/age/keys.txt`.
pub const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// The same on Windows.
pub const APP_DATA: &str = "AppData";
/// Not empty: no colour. See <https://no-color.org>.
pub const NO_COLOR: &str = "NO_COLOR";
/// `dumb`: no colour.
pub const TERM: &str = "TERM";

/// Where variables come from: the process, or a map that a test made.
///
/// Values are read when they are asked for and never kept, since a variable may be a secret (`--from-env`).
#[derive(Clone, Default)]
pub struct Env(Source);

#[derive(Clone)]
enum Source {
    Process,
    Fixed(BTreeMap<String, OsString>),
}

impl Default for Source {
    fn default() -> Self {
        Self::Fixed(BTreeMap::new())
    }
}

impl Env {
    /// The environment of this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self(Source::Process)
    }

    /// Exactly these variables.
    pub fn fixed<K: Into<String>, V: Into<OsString>>(pairs: impl IntoIterator<Item = (K, V)>) -> Self {
        Self(Source::Fixed(pairs.into_iter().map(|(key, value)| (key.into(), value.into())).collect()))
    }

    /// The variable as the system has it; `None` when it is not set. A name that no variable can have is never set.
    #[must_use]
    pub fn raw(&self, name: &str) -> Option<OsString> {
        if name.is_empty() || name.contains(['=', '\0']) {
            return None;
        }
        match &self.0 {
            Source::Process => std::env::var_os(name),
            Source::Fixed(map) => map.get(name).cloned(),
        }
    }

    /// The variable as text; `None` when it is not set, empty, or not UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<String> {
        self.raw(name).and_then(|value| value.into_string().ok()).filter(|text| !text.is_empty())
    }

    /// The first of these variables that is set to something that is no text, by name.
    pub fn not_text<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
        names.into_iter().find(|name| self.raw(name).is_some_and(|value| value.to_str().is_none()))
    }

    /// Gives a program that is about to be started these variables, and no others.
    pub fn give_to(&self, command: &mut std::process::Command) {
        if let Source::Fixed(map) = &self.0 {
            command.env_clear().envs(map);
        }
    }

    /// All variables whose name starts with `prefix`, sorted, names and values as text where they are UTF-8.
    #[must_use]
    pub fn with_prefix(&self, prefix: &str) -> BTreeMap<String, String> {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let wanted = |(name, _): &(String, String)| name.starts_with(prefix);
        match &self.0 {
            // Names are looked at first, so that values of other variables are not even decoded.
            Source::Process => std::env::vars_os()
                .filter(|(name, _)| name.to_str().is_some_and(|name| name.starts_with(prefix)))
                .filter_map(text)
                .collect(),
            Source::Fixed(map) => {
                map.iter().filter_map(|(name, value)| Some((name.clone(), value.to_str()?.to_owned()))).filter(wanted).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_text_is_not_set_but_raw_shows_it() {
        let env = Env::fixed([("A", ""), ("B", "x")]);
        assert_eq!(env.text("A"), None);
        assert_eq!(env.raw("A"), Some(OsString::new()));
        assert_eq!(env.text("B").as_deref(), Some("x"));
        assert_eq!(env.raw("C"), None);
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_text_is_not_taken_for_unset() {
        use std::os::unix::ffi::OsStringExt as _;
        let env = Env::fixed([(NAME, OsString::from("x")), (FILE, OsString::from_vec(b"bad\xff.yaml".to_vec()))]);
        assert_eq!(env.not_text(OURS), Some(FILE));
        assert_eq!(env.not_text([NAME, SCOPE]), None);
    }

    #[test]
    fn a_name_no_variable_can_have_is_not_set() {
        assert_eq!(Env::of_process().raw("A=B"), None);
        assert_eq!(Env::of_process().raw(""), None);
    }
}

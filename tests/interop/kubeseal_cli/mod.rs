//! The same command lines through kubeseal 0.27.1 and through ours: exit code, streams and files must be the same.
//!
//! Lines of advice (`hint: …`) on stderr are ours and not compared. Ciphertexts differ on every run, so each is masked by its length, which gives the length of the plaintext away. Where ours
//! differs on purpose the case says why and what ours does instead; such a case also fails when there is no difference any
//! more, so that the list in `docs/compatibility.md` stays true. A few cases cannot be given to the peer, because it never ends.

mod flags;
mod inputs;
mod merging;
mod opening;
mod outputs;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::support::{Output, Run, as_kubeseal, key, peers, temp_dir};

/// A plain Secret in YAML.
pub(crate) const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\n  namespace: web\ntype: Opaque\nstringData:\n  user: admin\ndata:\n  pass: aHVudGVyMg==\n";
/// The same without a namespace.
pub(crate) const NO_NAMESPACE: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: app\nstringData:\n  user: admin\n";
/// A kubeconfig whose context names a namespace.
pub(crate) const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\ncurrent-context: a\nclusters:\n- {name: c, cluster: {server: 'http://127.0.0.1:1'}}\ncontexts:\n- {name: a, context: {cluster: c, namespace: from-context, user: u}}\n- {name: b, context: {cluster: c, user: u}}\nusers:\n- {name: u, user: {}}\n";

/// What is expected of one command line.
enum Expect {
    /// Everything is the same.
    Same,
    /// Exit code, stdout and files are the same; stderr is this, for a reason.
    Wording(&'static str, &'static str),
    /// Another result, for a reason: exit code, and stderr exactly. On an error nothing may be written.
    Differs(&'static str, i32, &'static str),
    /// As [`Expect::Differs`], where the peer never ends and is not run.
    PeerHangs(i32, &'static str),
}

/// One command line.
pub(crate) struct Case {
    args: Vec<String>,
    stdin: Vec<u8>,
    env: Vec<(&'static str, String)>,
    files: Vec<(&'static str, Vec<u8>)>,
    expect: Expect,
}

/// A command line as a shell would split it at blanks; an argument in single quotes may have blanks.
pub(crate) fn case(line: &str) -> Case {
    let mut args = Vec::new();
    for (part, quoted) in line.split('\'').zip([false, true].into_iter().cycle()) {
        if quoted {
            args.push(part.to_owned());
        } else {
            args.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    Case { args, stdin: Vec::new(), env: Vec::new(), files: Vec::new(), expect: Expect::Same }
}

/// Sealing with the usual certificate.
pub(crate) fn seal(rest: &str) -> Case {
    case(&format!("--cert cert.pem {rest}"))
}

impl Case {
    pub(crate) fn stdin(mut self, text: impl AsRef<[u8]>) -> Self {
        self.stdin = text.as_ref().to_vec();
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: &str) -> Self {
        self.env.push((name, value.to_owned()));
        self
    }

    pub(crate) fn file(mut self, name: &'static str, text: impl AsRef<[u8]>) -> Self {
        self.files.push((name, text.as_ref().to_vec()));
        self
    }

    pub(crate) fn wording(mut self, why: &'static str, stderr: &'static str) -> Self {
        self.expect = Expect::Wording(why, stderr);
        self
    }

    pub(crate) fn differs(mut self, why: &'static str, code: i32, stderr: &'static str) -> Self {
        self.expect = Expect::Differs(why, code, stderr);
        self
    }

    pub(crate) fn peer_hangs(mut self, _why: &'static str, code: i32, stderr: &'static str) -> Self {
        self.expect = Expect::PeerHangs(code, stderr);
        self
    }

    /// The folder both start from: keys, certificates, and the files of the case.
    fn folder(&self) -> tempfile::TempDir {
        let folder = temp_dir();
        let put = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        for (name, source) in [
            ("cert.pem", "test-only-2048.crt.pem"),
            ("key.pem", "test-only-2048.key.pem"),
            ("other.key.pem", "test-only-2048-other.key.pem"),
            ("pkcs8.key.pem", "test-only-2048.pkcs8.key.pem"),
            ("small.pem", "test-only-1024.crt.pem"),
            ("big.pem", "test-only-4096.crt.pem"),
            ("expired.pem", "test-only-expired.crt.pem"),
            ("future.pem", "test-only-not-yet-valid.crt.pem"),
            ("ec.pem", "test-only-ec.crt.pem"),
            ("ec.key.pem", "test-only-ec.key.pem"),
            ("bundle.pem", "test-only-bundle.crt.pem"),
        ] {
            put(name, &std::fs::read(key(source)).unwrap());
        }
        put("secret.yaml", SECRET.as_bytes());
        put("kubeconfig", KUBECONFIG.as_bytes());
        std::fs::create_dir(folder.path().join("folder")).unwrap();
        for (name, bytes) in &self.files {
            put(name, bytes);
        }
        folder
    }

    fn run(&self, program: Run) -> Seen {
        let folder = self.folder();
        let mut run = program.args(&self.args).stdin(self.stdin.clone()).cwd(folder.path());
        for (name, value) in &self.env {
            run = run.env(name, value);
        }
        let before = files(folder.path());
        Seen::new(&run.output(), folder.path(), &before)
    }

    fn check(&self, kubeseal: &Path) -> Result<(), String> {
        let ours = self.run(as_kubeseal());
        let peer = || self.run(Run::new(kubeseal));
        let show = |seen: &Seen| format!("{seen:?}").chars().take(3000).collect::<String>();
        let different = |peer: &Seen| {
            let mut text = format!("exit {:?} and {:?}", peer.code, ours.code);
            for (what, theirs, mine) in [("stdout", &peer.stdout, &ours.stdout), ("stderr", &peer.stderr, &ours.stderr)] {
                if theirs != mine {
                    let end = |text: &str| text.chars().take(1500).collect::<String>();
                    text += &format!("\n{what} of kubeseal: {:?}\n{what} of ours: {:?}", end(theirs), end(mine));
                }
            }
            if peer.changed != ours.changed {
                text += &format!("\nfiles of kubeseal: {:?}\nfiles of ours: {:?}", peer.changed, ours.changed);
            }
            text
        };
        let said = |code: i32, stderr: &str| {
            let same = ours.code == Some(code) && ours.stderr == stderr;
            if same { Ok(()) } else { Err(format!("ours: {}\nexpected exit {code} and stderr {stderr:?}", show(&ours))) }
        };
        let expected = |code: i32, stderr: &str| {
            said(code, stderr)?;
            if code != 0 && (!ours.changed.is_empty() || !(ours.stdout.is_empty() || code == 2)) {
                return Err(format!("an error that wrote something: {}", show(&ours)));
            }
            Ok(())
        };
        match &self.expect {
            Expect::Same => {
                let peer = peer();
                // Advice is ours.
                let advice = |line: &str| line.starts_with("hint: ");
                let plain: String = ours.stderr.split_inclusive('\n').filter(|line| !advice(line)).collect();
                let same =
                    (ours.code, &ours.stdout, &plain, &ours.changed) == (peer.code, &peer.stdout, &peer.stderr, &peer.changed);
                if same { Ok(()) } else { Err(different(&peer)) }
            }
            Expect::Wording(why, stderr) => {
                let peer = peer();
                if peer.stderr == ours.stderr {
                    return Err(format!("listed as other wording ({why}), but it is the same: {}", show(&ours)));
                }
                said(peer.code.unwrap_or(-1), stderr)?;
                let same = (ours.stdout == peer.stdout) && (ours.changed == peer.changed);
                if same { Ok(()) } else { Err(different(&peer)) }
            }
            Expect::Differs(why, code, stderr) => {
                let peer = peer();
                let same = (peer.code, &peer.stdout, &peer.changed) == (ours.code, &ours.stdout, &ours.changed);
                if same {
                    return Err(format!("listed as a difference ({why}), but the result is the same: {}", show(&ours)));
                }
                expected(*code, stderr).map_err(|error| format!("{error}\nkubeseal: {}", show(&peer)))
            }
            Expect::PeerHangs(code, stderr) => expected(*code, stderr),
        }
    }
}

/// What a run did, with ciphertexts and folders masked.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// Files that are new or not what they were; `None`: gone.
    changed: BTreeMap<String, Option<String>>,
}

impl Seen {
    fn new(output: &Output, folder: &Path, before: &BTreeMap<String, String>) -> Self {
        let mut changed: BTreeMap<String, Option<String>> = files(folder)
            .into_iter()
            .filter(|(name, text)| before.get(name) != Some(text))
            .map(|(name, text)| (name, Some(mask(&text))))
            .collect();
        for name in before.keys().filter(|name| !folder.join(name).exists()) {
            changed.insert(name.clone(), None);
        }
        let stream = |bytes: &[u8]| mask(&String::from_utf8_lossy(bytes)).replace(&*folder.to_string_lossy(), "FOLDER");
        let usage = |text: String| match text.strip_prefix("Usage of ").and_then(|rest| rest.split_once(":\n")) {
            Some((_, rest)) => format!("Usage of PROGRAM:\n{rest}"),
            None => text,
        };
        let stderr = in_order(usage(stream(&output.stderr)));
        Self { code: output.code, stdout: usage(stream(&output.stdout)), stderr, changed }
    }
}

/// The names of items that did not open, sorted: the peer names them in the random order of a Go map.
fn in_order(text: String) -> String {
    let list = text.strip_prefix("error: no key could decrypt secret (").and_then(|rest| rest.split_once(')'));
    let Some((names, rest)) = list else { return text };
    let mut names: Vec<&str> = names.split(", ").collect();
    names.sort_unstable();
    format!("error: no key could decrypt secret ({}){rest}", names.join(", "))
}

/// All files of a folder, with their modes.
fn files(folder: &Path) -> BTreeMap<String, String> {
    use std::os::unix::fs::PermissionsExt as _;
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let file = |entry: std::fs::DirEntry| {
        let (name, path) = (entry.file_name().into_string().unwrap(), entry.path());
        let mode = std::fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o7777;
        let text = std::fs::read(&path).map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned());
        (name, format!("{mode:o}\n{text}"))
    };
    entries.map(file).collect()
}

/// Runs of 300 and more base64 characters as their length.
fn mask(text: &str) -> String {
    let is_base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_base64) {
        let (before, from) = rest.split_at(start);
        let (run, after) = from.split_at(from.find(|c| !is_base64(c)).unwrap_or(from.len()));
        out.push_str(before);
        if run.len() >= 300 && run.starts_with('A') {
            out.push_str(&format!("<{} sealed>", run.len()));
        } else {
            out.push_str(run);
        }
        rest = after;
    }
    out + rest
}

/// Runs all cases and fails with every one that is not as it should be.
pub(crate) fn check(cases: Vec<Case>) {
    let Some(kubeseal) = peers::kubeseal() else { return };
    let count = cases.len();
    let failures: Vec<String> = cases
        .iter()
        .filter_map(|case| case.check(&kubeseal).err().map(|error| format!("kubeseal {}\n{error}", case.args.join(" "))))
        .collect();
    assert!(failures.is_empty(), "{} of {count} command lines:\n\n{}", failures.len(), failures.join("\n\n"));
}

/// [`SECRET`] sealed by the real kubeseal, in a format; the same bytes for all tests of a run.
pub(crate) fn sealed(format: &str, scope: &str) -> Vec<u8> {
    static MADE: OnceLock<BTreeMap<(String, String), Vec<u8>>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let Some(kubeseal) = peers::kubeseal() else { return BTreeMap::new() };
        let all = ["json", "yaml"].into_iter().flat_map(|f| ["strict", "namespace-wide", "cluster-wide"].map(|s| (f, s)));
        let seal = |(format, scope): (&str, &str)| {
            let cert: PathBuf = key("test-only-2048.crt.pem");
            let run = Run::new(&kubeseal).args(["-o", format, "--scope", scope, "--cert"]).arg(cert).stdin(SECRET);
            ((format.to_owned(), scope.to_owned()), run.ok().stdout)
        };
        all.map(seal).collect()
    });
    made.get(&(format.to_owned(), scope.to_owned())).cloned().unwrap_or_default()
}

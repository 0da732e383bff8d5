//! The real programs that ours is tested against, in pinned versions.
//!
//! A peer that is missing is built once, from the Go module proxy, into `target/peers/`, under a lock that holds across
//! processes; a line on the terminal says what is being built. Small Go programs of our own (`tests/go/NAME`) are built there
//! too, again whenever their sources change. Without Go a test that asks for a peer gets `None`, and the terminal says
//! loudly which test was skipped; with `CI=true` that is a failure. What was asked for is noted, and `cargo test` ends with
//! the list (`tests/zz_report.rs`).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::time::Instant;

/// A Go program from the module proxy.
#[derive(Debug)]
pub struct Peer {
    /// The program's file name.
    pub name: &'static str,
    package: &'static str,
    pub version: &'static str,
    ldflags: &'static str,
}

pub const KUBESEAL: Peer = Peer {
    name: "kubeseal",
    package: "github.com/bitnami-labs/sealed-secrets/cmd/kubeseal",
    version: "0.27.1",
    // As the release build does; otherwise `--version` says UNKNOWN.
    ldflags: "-X main.VERSION=0.27.1",
};

pub const CONTROLLER: Peer = Peer {
    name: "controller",
    package: "github.com/bitnami-labs/sealed-secrets/cmd/controller",
    version: "0.27.1",
    ldflags: "-X main.VERSION=0.27.1",
};

/// The last release that its module can be installed of.
pub const CONTROLLER_CURRENT: Peer = Peer {
    name: "controller",
    package: "github.com/bitnami-labs/sealed-secrets/cmd/controller",
    version: "0.36.6",
    ldflags: "-X main.VERSION=0.36.6",
};

pub const SOPS: Peer = Peer { name: "sops", package: "github.com/getsops/sops/v3/cmd/sops", version: "3.13.3", ldflags: "" };

pub const AGE: Peer = Peer { name: "age", package: "filippo.io/age/cmd/age", version: "1.3.2", ldflags: "" };

pub const AGE_KEYGEN: Peer = Peer { name: "age-keygen", package: "filippo.io/age/cmd/age-keygen", version: "1.3.2", ldflags: "" };

pub const NATS_SERVER: Peer =
    Peer { name: "nats-server", package: "github.com/nats-io/nats-server/v2", version: "2.15.2", ldflags: "" };

pub const HELM: Peer = Peer {
    name: "helm",
    package: "helm.sh/helm/v3/cmd/helm",
    version: "3.22.0",
    // The version of Kubernetes that `helm template` takes a cluster to have.
    ldflags: "-X helm.sh/helm/v3/pkg/chartutil.k8sVersionMajor=1 -X helm.sh/helm/v3/pkg/chartutil.k8sVersionMinor=36",
};

/// kubeseal 0.27.1, or `None` where it cannot be had (see [`get`]).
pub fn kubeseal() -> Option<PathBuf> {
    get(&KUBESEAL)
}

/// The peer's program, built if it is missing. `None` without Go: return from the test, which has been reported as skipped.
pub fn get(peer: &Peer) -> Option<PathBuf> {
    let title = format!("{} {}", peer.name, peer.version);
    once(&title, || {
        let folder = target().join("peers").join(format!("{}-{}", peer.name, peer.version));
        let program = folder.join(peer.name);
        if program.is_file() {
            return program;
        }
        let building = folder.with_extension("building");
        let _ = fs::remove_dir_all(&building);
        fs::create_dir_all(&building).expect("target/peers can be written");
        let mut go = Command::new("go");
        go.arg("install").args(["-trimpath", "-buildvcs=false", "-ldflags", &format!("-s -w {}", peer.ldflags)]);
        go.arg(format!("{}@v{}", peer.package, peer.version)).env("GOBIN", &building).env("CGO_ENABLED", "0");
        build(&title, go);
        fs::rename(&building, &folder).expect("target/peers can be written");
        program
    })
}

/// Our own Go program `tests/go/NAME`, built if it is missing or older than its sources. `None` as in [`get`].
pub fn go_program(name: &str) -> Option<PathBuf> {
    go_module(&format!("go/{name}"), &format!("tests/go/{name}"))
}

/// A Go program of ours in `tests/FOLDER`, under the title that messages and the closing report give it. `None` as in [`get`].
pub fn go_module(folder: &str, title: &str) -> Option<PathBuf> {
    once(title, || {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
        let program = target().join("peers").join(folder.replace('/', "-"));
        let stamp = program.with_extension("sources");
        let current = fingerprint(&source);
        if program.is_file() && fs::read_to_string(&stamp).is_ok_and(|built| built == current) {
            return program;
        }
        let mut go = Command::new("go");
        // Servers of Kubernetes say their version only when it is linked in.
        let flags = "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3";
        go.args(["build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o"]).arg(&program).arg(".");
        go.current_dir(&source).env("CGO_ENABLED", "0");
        build(title, go);
        fs::write(&stamp, current).expect("target/peers can be written");
        program
    })
}

/// Writes a line to the terminal even where the harness captures the output of tests.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Makes a program ready once per process and once per machine at a time; notes who asked for it.
fn once(title: &str, make: impl FnOnce() -> PathBuf) -> Option<PathBuf> {
    static READY: OnceLock<Mutex<BTreeMap<String, PathBuf>>> = OnceLock::new();
    let test = std::thread::current().name().unwrap_or("main").to_owned();
    if !go_is_here() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{title} is needed and there is no Go to build it with");
        say(&format!("SKIPPED: {test} needs {title}, and there is no Go on this machine to build it with"));
        note(&format!("skipped for want of Go: {title}"), &test);
        return None;
    }
    // A test that failed while holding the lock has said why; the others may try for themselves.
    let mut ready = READY.get_or_init(Mutex::default).lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    note(title, &test);
    if let Some(program) = ready.get(title) {
        return Some(program.clone());
    }
    let folder = target().join("peers");
    fs::create_dir_all(&folder).expect("target/peers can be made");
    let lock = File::create(folder.join(".lock")).expect("target/peers can be written");
    lock.lock().expect("target/peers/.lock can be locked");
    let program = make();
    ready.insert(title.to_owned(), program.clone());
    Some(program)
}

fn go_is_here() -> bool {
    static HERE: OnceLock<bool> = OnceLock::new();
    *HERE.get_or_init(|| Command::new("go").arg("version").output().is_ok_and(|output| output.status.success()))
}

fn build(title: &str, mut go: Command) {
    say(&format!("building {title} (once, into target/peers)"));
    let start = Instant::now();
    let output = go.output().expect("go runs");
    assert!(output.status.success(), "building {title} failed:\n{}", String::from_utf8_lossy(&output.stderr));
    say(&format!("built {title} in {:.0} s", start.elapsed().as_secs_f32()));
}

/// The build folder: `CARGO_TARGET_TMPDIR` lies in it.
pub fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("target/tmp is in target")
}

/// Where each test binary notes which peers its tests asked for.
pub fn report_folder() -> PathBuf {
    target().join("peers").join("report")
}

/// Appends `PEER <tab> TEST` to this process's part of the report, which begins anew with each process.
fn note(title: &str, test: &str) {
    static REPORT: OnceLock<Mutex<Option<File>>> = OnceLock::new();
    let report = REPORT.get_or_init(|| {
        let binary = std::env::current_exe().ok();
        let stem = binary.as_deref().and_then(Path::file_stem).map_or_else(String::new, |s| s.to_string_lossy().into_owned());
        // Cargo's file names are NAME-HASH.
        let name = stem.rsplit_once('-').map_or(stem.as_str(), |(name, _)| name).to_owned();
        let folder = report_folder();
        Mutex::new(fs::create_dir_all(&folder).and_then(|()| File::create(folder.join(name))).ok())
    });
    if let Ok(mut file) = report.lock()
        && let Some(file) = file.as_mut()
    {
        let _ = writeln!(file, "{title}\t{test}");
    }
}

/// Names and contents of a folder's files, as a number that changes with them.
fn fingerprint(folder: &Path) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    fn walk(top: &Path, folder: &Path, hasher: &mut DefaultHasher) {
        let mut entries: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
            .map(|e| e.expect("entry").path())
            .collect();
        entries.sort();
        for path in entries {
            path.strip_prefix(top).expect("it lies below").hash(hasher);
            if path.is_dir() {
                walk(top, &path, hasher);
            } else {
                fs::read(&path).expect("a source file can be read").hash(hasher);
            }
        }
    }
    let mut hasher = DefaultHasher::new();
    walk(folder, folder, &mut hasher);
    format!("{:016x}", hasher.finish())
}

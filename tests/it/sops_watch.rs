//! Where the plaintext of sops' commands goes: watched by the system itself (inotify), and by strace where it is installed.
//!
//! The kernel lists every file that is made, written or renamed in the watched folders, in order and without gaps, so nothing
//! depends on being quick. Folders that are not expected to change are watched too.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::inotify::{CreateFlags, ReadFlags, Reader, WatchFlags, add_watch, init};

use crate::support::{Run, hecate, peers, temp_dir};

/// An identity of C2SP's vectors, and its recipient.
pub(crate) const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";
pub(crate) const RECIPIENT: &str = "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef";
pub(crate) const CANARY: &str = "Canary-7f3a/Zq9+value";
/// Where plaintext may lie while another program must read it.
const MEMORY: &str = "/dev/shm";

pub(crate) struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// An encrypted file, a plain one, and empty folders for everything else.
    pub(crate) fn new() -> Self {
        let world = Self { folder: temp_dir() };
        for name in ["work", "tmp", "home"] {
            std::fs::create_dir(world.folder.path().join(name)).unwrap();
        }
        world.write("plain.yaml", &format!("# note\na: {CANARY}\nport: 8080\n"));
        world.write("f.yaml", &world.read("plain.yaml"));
        world.sops(&["encrypt", "-i", "--age", RECIPIENT, "f.yaml"]).ok();
        world
    }

    /// A path beside the folders of the command: scripts and marks of the tests.
    pub(crate) fn outside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn around(&self) -> Vec<(&'static str, PathBuf)> {
        vec![
            ("SOPS_AGE_KEY", IDENTITY.into()),
            ("TMPDIR", self.outside("tmp")),
            ("HOME", self.outside("home")),
            ("EDITOR", format!("sh {}", self.outside("editor").display()).into()),
        ]
    }

    pub(crate) fn with(&self, run: Run) -> Run {
        self.around().into_iter().fold(run, |run, (name, value)| run.env(name, value)).cwd(self.path(""))
    }

    pub(crate) fn sops(&self, args: &[&str]) -> Run {
        self.with(hecate()).arg("sops").args(args)
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hecate-seal"));
        command.arg("sops").args(args).envs(self.around()).current_dir(self.path(""));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    pub(crate) fn script(&self, name: &str, text: &str) {
        std::fs::write(self.outside(name), text).unwrap();
    }

    pub(crate) fn names(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(self.path("")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    pub(crate) fn assert_nothing_else(&self) {
        for folder in ["tmp", "home"] {
            assert_eq!(std::fs::read_dir(self.outside(folder)).unwrap().count(), 0, "something is left in {folder}");
        }
    }
}

/// What happens in some folders from now on.
struct Watch {
    fd: OwnedFd,
    folders: Vec<(i32, PathBuf)>,
}

impl Watch {
    fn on(folders: &[PathBuf]) -> Self {
        let fd = init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC).unwrap();
        let what = WatchFlags::CREATE | WatchFlags::MODIFY | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR;
        let folders = folders.iter().map(|folder| (add_watch(&fd, folder, what).unwrap(), folder.clone())).collect();
        Self { fd, folders }
    }

    /// Everything so far: what, and where.
    fn events(&self) -> Vec<(&'static str, PathBuf)> {
        let mut buffer = [MaybeUninit::uninit(); 16384];
        let mut reader = Reader::new(&self.fd, &mut buffer);
        let mut events = Vec::new();
        while let Ok(event) = reader.next() {
            assert!(!event.events().contains(ReadFlags::QUEUE_OVERFLOW));
            let kinds = [(ReadFlags::CREATE, "made"), (ReadFlags::MODIFY, "written"), (ReadFlags::MOVED_TO, "renamed")];
            let what = kinds.into_iter().find(|(kind, _)| event.events().contains(*kind)).map_or("?", |(_, what)| what);
            let folder = self.folders.iter().find(|(number, _)| *number == event.wd()).map(|(_, folder)| folder).unwrap();
            let name = event.file_name().map(|name| name.to_str().unwrap().to_owned()).unwrap_or_default();
            events.push((what, folder.join(name)));
        }
        events
    }
}

/// Only these files came to be, each by one temporary file that was renamed: so what was written is what is there now.
#[track_caller]
fn assert_replaced(world: &World, watch: &Watch, replaced: &[&str], about: &str) {
    let events = watch.events();
    let is_temporary = |path: &Path| {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        path.parent() == Some(&world.path("").join("")) && name.starts_with(".hecate-seal-") && name.ends_with(".tmp")
    };
    let of = |what: &str| events.iter().filter(|(kind, _)| *kind == what).map(|(_, path)| path.clone()).collect::<Vec<_>>();
    assert!(of("made").iter().chain(&of("written")).all(|path| is_temporary(path)), "{about}: {events:?}");
    assert_eq!(of("made").len(), replaced.len(), "{about}: {events:?}");
    assert_eq!(of("renamed"), replaced.iter().map(|name| world.path(name)).collect::<Vec<_>>(), "{about}");
    world.assert_nothing_else();
}

#[test]
fn no_command_writes_plaintext_but_where_that_is_what_it_is_for() {
    let world = World::new();
    world.script("editor", "sed -i s/8080/9090/ \"$1\"");
    let watch = Watch::on(&[world.path(""), world.outside("tmp"), world.outside("home")]);
    let canary = format!("\"{CANARY}\"");
    let commands: &[(&[&str], &[&str])] = &[
        (&["edit", "f.yaml"], &["f.yaml"]),
        (&["set", "f.yaml", "[\"b\"]", &canary], &["f.yaml"]),
        (&["unset", "f.yaml", "[\"b\"]"], &["f.yaml"]),
        (&["rotate", "-i", "f.yaml"], &["f.yaml"]),
        (&["encrypt", "--age", RECIPIENT, "--output", "g.yaml", "plain.yaml"], &["g.yaml"]),
        (&["encrypt", "--age", RECIPIENT, "plain.yaml"], &[]),
        (&["decrypt", "f.yaml"], &[]),
        (&["exec-env", "g.yaml", "test -n \"$a\""], &[]),
        (&["exec-file", "f.yaml", "cat {}"], &[]),
        (&["exec-file", "--no-fifo", "f.yaml", "cat {}"], &[]),
        (&["git-textconv", "f.yaml"], &[]),
        (&["git-merge", "f.yaml", "f.yaml", "f.yaml"], &["f.yaml"]),
        (&["explain", "plain.yaml"], &[]),
        (&["encrypt", "--explain", "plain.yaml"], &[]),
        (&["doctor"], &[]),
    ];
    for (args, replaced) in commands {
        world.sops(args).ok();
        assert_replaced(&world, &watch, replaced, args[0]);
        for name in *replaced {
            assert!(!world.read(name).contains(CANARY) && world.read(name).contains("ENC["), "{args:?}: {name}");
        }
    }
    // What it is for: through a file of mode 0600, and for its owner alone afterwards.
    world.sops(&["decrypt", "-i", "f.yaml"]).ok();
    assert_replaced(&world, &watch, &["f.yaml"], "decrypt -i");
    assert!(world.read("f.yaml").contains(CANARY));
    assert_eq!(std::fs::metadata(world.path("f.yaml")).unwrap().permissions().mode() & 0o777, 0o600);
    // Errors on the way: nothing is made at all.
    world.script("editor", "exit 3");
    for args in [&["edit", "g.yaml"][..], &["set", "g.yaml", "[\"a\"][\"b\"][0", "1"], &["encrypt", "-i", "f.yaml"]] {
        assert_ne!(world.sops(args).output().code, Some(0), "{args:?}");
        assert_replaced(&world, &watch, &[], args[0]);
    }
}

/// Every piece of data that any process of a command writes anywhere, as strace shows it.
#[test]
fn no_system_call_writes_plaintext_to_a_disk() {
    if !works(Command::new("strace").args(["-o", "/dev/null", "true"])) {
        peers::say("skipped: strace is not installed, or may not be used: system calls were not looked at");
        return;
    }
    let world = World::new();
    world.script("editor", "sed s/8080/9090/ \"$1\" > \"$1.new\"; cat \"$1.new\" > \"$1\"");
    for (args, seen) in [
        (&["edit", "f.yaml"][..], true),
        (&["exec-file", "f.yaml", "cat {} > /dev/null"], true),
        (&["exec-file", "--no-fifo", "f.yaml", "cat {} > /dev/null"], true),
        (&["set", "f.yaml", "[\"b\"]", "1"], false),
        (&["rotate", "-i", "f.yaml"], false),
        (&["encrypt", "--age", RECIPIENT, "--output", "g.yaml", "plain.yaml"], false),
        (&["git-merge", "f.yaml", "f.yaml", "f.yaml"], false),
        (&["git-textconv", "f.yaml"], true),
    ] {
        let log = world.outside("strace");
        let calls = "trace=write,pwrite64,writev,pwritev,pwritev2,mmap,sendfile,copy_file_range,splice";
        let run = Run::new("strace").args(["-f", "-qq", "-y", "-s", "1000000", "-e", calls, "-e", "signal=none", "-o"]).arg(&log);
        world.with(run).arg(env!("CARGO_BIN_EXE_hecate-seal")).arg("sops").args(args).ok();
        let log = std::fs::read_to_string(&log).unwrap();
        let mut found = false;
        for line in log.lines() {
            let file = line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or("", |(file, _)| file);
            let in_memory = file.starts_with(MEMORY) || file.starts_with("pipe:") || file == "/dev/null";
            assert!(!line.contains("mmap(") || !line.contains("MAP_SHARED") || !line.contains("PROT_WRITE"), "{args:?}: {line}");
            if line.contains(CANARY) {
                assert!(in_memory, "{args:?}: {line}");
                found = true;
            }
        }
        assert!(log.contains("write("), "{args:?}: nothing was traced");
        assert_eq!(found, seen, "{args:?}");
    }
}

pub(crate) fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

#[track_caller]
fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !ready() {
        assert!(Instant::now() < end, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn signal(name: &str, child: &Child) {
    let killed = Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

/// Those that end a process unless it does something about them, with their numbers.
const SIGNALS: [(&str, u32); 11] = [
    ("TERM", 15),
    ("HUP", 1),
    ("INT", 2),
    ("QUIT", 3),
    ("USR1", 10),
    ("USR2", 12),
    ("ALRM", 14),
    ("VTALRM", 26),
    ("PROF", 27),
    ("XCPU", 24),
    ("ABRT", 6),
];

/// Whether whoever started the tests had a signal ignored (a job in the background): then it stays ignored.
fn is_ignored(number: u32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap().trim();
    u64::from_str_radix(mask, 16).unwrap() >> (number - 1) & 1 == 1
}

#[test]
fn no_signal_leaves_plaintext_behind() {
    let world = World::new();
    let before = world.read("f.yaml");
    world.script(
        "editor",
        "stat -c '%a %n' \"$1\" \"$(dirname \"$1\")\" > \"$MARK.new\"; mv \"$MARK.new\" \"$MARK\"; exec sleep 60",
    );
    let line = format!("exec sh {} {{}}", world.outside("editor").display());
    let commands: [(&[&str], &str); 3] = [
        (&["edit", "f.yaml"], "600"),
        (&["exec-file", "f.yaml", &line], "600"),
        (&["exec-file", "--no-fifo", "f.yaml", &line], "600"),
    ];
    let in_memory = std::fs::metadata(MEMORY).is_ok_and(|meta| meta.is_dir());
    let watch = Watch::on(&[world.path(""), world.outside("home")]);
    for (number, (name, _)) in SIGNALS.into_iter().filter(|(_, number)| !is_ignored(*number)).enumerate() {
        // Every command with every kind of end that differs, and each signal at least once.
        for (args, mode) in commands.into_iter().enumerate().filter(|(at, _)| number < 4 || number % 3 == *at).map(|(_, one)| one)
        {
            let mark = world.outside("where");
            _ = std::fs::remove_file(&mark);
            let mut child = world.command(args).env("MARK", &mark).spawn().unwrap();
            until("the editor's start", || mark.exists());
            let told = std::fs::read_to_string(&mark).unwrap();
            let told: Vec<_> = told.lines().filter_map(|line| line.split_once(' ')).collect();
            let [(file_mode, place), (folder_mode, folder)] = told.as_slice() else { panic!("{told:?}") };
            assert_eq!((*file_mode, *folder_mode), (mode, "700"), "{args:?}");
            assert!(Path::new(place).exists() && (!in_memory || place.starts_with(MEMORY)), "{args:?}: {place}");
            signal(name, &child);
            let status = child.wait().unwrap();
            assert!(!status.success() && !Path::new(place).exists() && !Path::new(folder).exists(), "{args:?} {name}: {status}");
        }
    }
    assert_eq!(watch.events(), []);
    assert_eq!(world.read("f.yaml"), before);
    world.assert_nothing_else();
}

/// Text that cannot be encrypted, and a person who has enough of it.
#[test]
fn an_interrupt_at_the_question_ends_the_edit_and_leaves_nothing() {
    if is_ignored(2) {
        return;
    }
    let world = World::new();
    let (mark, before) = (world.outside("where"), world.read("f.yaml"));
    world.script("editor", &format!("echo \"$1\" > {}; echo '[broken' > \"$1\"", mark.display()));
    let (mut pty, pts) = pty_process::blocking::open().unwrap();
    let mut child = pty_process::blocking::Command::new(env!("CARGO_BIN_EXE_hecate-seal"))
        .args(["sops", "edit", "f.yaml"])
        .envs(world.around())
        .current_dir(world.path(""))
        .spawn(pts)
        .unwrap();
    let (mut seen, mut buffer) = (String::new(), [0; 4096]);
    while !seen.contains("Press enter to return to the editor") {
        let read = pty.read(&mut buffer).unwrap();
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    let place = PathBuf::from(std::fs::read_to_string(&mark).unwrap().trim());
    assert!(place.exists());
    // What Ctrl-C sends.
    pty.write_all(&[3]).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1), "{seen}");
    assert!(!place.exists() && !place.parent().unwrap().exists());
    assert_eq!(world.read("f.yaml"), before);
    world.assert_nothing_else();
}

/// A signal at any moment of writing: the file is the old one or the new one, and nothing lies beside it.
#[test]
fn a_signal_while_a_file_is_written_leaves_no_half_and_no_temporary_file() {
    let world = World::new();
    let value = "0123456789abcdef".repeat(64);
    let large: String = (0..600).map(|number| format!("key{number}: {value}\n")).collect();
    world.write("large.yaml", &large);
    world.sops(&["encrypt", "-i", "--age", RECIPIENT, "large.yaml"]).ok();
    let encrypted = world.read("large.yaml");
    let names = world.names();
    let watch = Watch::on(&[world.path("")]);
    for name in ["TERM", "INT", "HUP", "QUIT"] {
        world.write("large.yaml", &encrypted);
        watch.events();
        let mut child = world.command(&["decrypt", "-i", "large.yaml"]).spawn().unwrap();
        until("writing", || !watch.events().is_empty());
        signal(name, &child);
        let status = child.wait().unwrap();
        let after = world.read("large.yaml");
        // It came in time, or the process had ended.
        assert!(status.success() || std::os::unix::process::ExitStatusExt::signal(&status).is_some(), "{status}");
        assert!(after == large || after == encrypted, "{name}: {} bytes", after.len());
        assert_eq!(world.names(), names, "{name}");
    }
    // A signal that is ignored stays ignored.
    let line = "trap '' HUP; exec \"$0\" sops exec-env f.yaml 'kill -HUP $PPID; echo went on'";
    world.write("f.yaml", "a: 1\n");
    world.sops(&["encrypt", "-i", "--age", RECIPIENT, "f.yaml"]).ok();
    let went_on = world.with(Run::new("sh")).args(["-c", line, env!("CARGO_BIN_EXE_hecate-seal")]).ok();
    assert_eq!(went_on.out(), "went on\n");
}

/// Runs a command line in name spaces of its own, where file systems can be mounted; `None` where the system does not allow it.
pub(crate) fn in_own_mounts(world: &World, mounts: &str, line: &str) -> Option<crate::support::Output> {
    let script = format!("{mounts}\nexec sh -c '{line}' \"$0\"");
    let words = ["--user", "--map-root-user", "--mount", "sh", "-ec"];
    if !works(Command::new("unshare").args(words).arg("mount -t tmpfs none /dev/shm")) {
        peers::say("skipped: no name spaces with mounts of their own are allowed here");
        return None;
    }
    Some(world.with(Run::new("unshare")).args(words).arg(&script).arg(env!("CARGO_BIN_EXE_hecate-seal")).output())
}

const NO_MEMORY: &str = "mount -t tmpfs -o ro none /dev/shm";

#[test]
fn without_memory_for_files_the_temporary_folder_is_used_with_a_warning() {
    let world = World::new();
    world.script("editor", "echo \"$1\" >&2; stat -c %a \"$1\" >&2; sed -i s/8080/9090/ \"$1\"");
    let Some(edited) = in_own_mounts(&world, NO_MEMORY, "exec \"$0\" sops edit f.yaml") else { return };
    let edited = edited.code(0);
    let tmp = world.outside("tmp");
    let warned = format!("there is no memory for files at /dev/shm: the plaintext is in {}", tmp.display());
    assert!(edited.err().contains(&warned) && edited.err().contains("/f.yaml\n600\n"), "{}", edited.err());
    world.assert_nothing_else();
    assert!(world.sops(&["decrypt", "f.yaml"]).ok().out().contains("9090"));
    // A named pipe holds nothing, so it needs no warning.
    let piped = in_own_mounts(&world, NO_MEMORY, "exec \"$0\" sops exec-file f.yaml \"cat {}\"").unwrap().code(0);
    assert!(piped.err().is_empty() && piped.out().contains(CANARY), "{}", piped.err());
    let line = "exec \"$0\" sops exec-file --no-fifo f.yaml \"kill -TERM \\$PPID; exec sleep 60\"";
    let killed = in_own_mounts(&world, NO_MEMORY, line).unwrap();
    assert_ne!(killed.code, Some(0));
    world.assert_nothing_else();
}

#[test]
fn memory_that_is_full_is_an_error_that_leaves_nothing() {
    let world = World::new();
    let long = "x".repeat(40_000);
    world.sops(&["set", "f.yaml", "[\"long\"]", &format!("\"{long}\"")]).ok();
    let before = world.read("f.yaml");
    world.script("editor", "exit 0");
    let small = "mount -t tmpfs -o size=8k none /dev/shm";
    for line in ["\"$0\" sops edit f.yaml", "\"$0\" sops exec-file --no-fifo f.yaml \"cat {}\""] {
        let Some(failed) = in_own_mounts(&world, small, &format!("{line}; code=$?; ls -A /dev/shm; exit $code")) else { return };
        let failed = failed.code(1);
        assert_eq!(failed.out(), "", "{line}");
        assert!(failed.err().contains("cannot write a temporary file") && !failed.err().contains("xxxx"), "{}", failed.err());
        assert_eq!(world.read("f.yaml"), before);
        world.assert_nothing_else();
    }
}

//! What runs beside a file: editors, commands with secrets, key services, git; with sops on the other side where it has one.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Run, hecate, peers, temp_dir};

/// An identity of C2SP's vectors, and its recipient.
const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";
const RECIPIENT: &str = "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef";
/// One that nobody has an identity for.
const OTHER: &str = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";

const PLAIN: &str = "# settings\nuser: app   \n\npassword: \"hunter2\"\nport: 8080\nkeep: [a, \"b\"] # as it is\n";

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self { folder: temp_dir() };
        std::fs::create_dir(world.path("tmp")).unwrap();
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// A program as an editor: a shell script that gets the file as `$1`.
    fn editor(&self, script: &str) -> String {
        let path = self.write("editor", script);
        format!("sh {}", path.display())
    }

    fn with(&self, run: Run) -> Run {
        run.env("SOPS_AGE_KEY", IDENTITY).env("TMPDIR", self.path("tmp")).cwd(self.folder.path())
    }

    fn ours(&self) -> Run {
        self.with(hecate()).arg("sops")
    }

    fn theirs(&self) -> Option<Run> {
        Some(self.with(Run::new(peers::get(&peers::SOPS)?)))
    }

    fn encrypted(&self, name: &str, text: &str) -> PathBuf {
        let path = self.write(name, text);
        self.ours().args(["encrypt", "-i", "--age", RECIPIENT]).arg(&path).ok();
        path
    }

    fn decrypted(&self, name: &str) -> String {
        self.ours().args(["decrypt", name]).ok().out().to_owned()
    }

    /// Nothing of ours is left in memory files that mention this world, nor in the temporary folder.
    fn assert_clean(&self) {
        assert_eq!(std::fs::read_dir(self.path("tmp")).unwrap().count(), 0, "something is left in TMPDIR");
    }
}

#[test]
fn a_file_keeps_its_layout_and_sops_opens_it() {
    let world = World::new();
    world.encrypted("f.yaml", PLAIN);
    let sealed = world.read("f.yaml");
    assert!(
        !sealed.contains("hunter2") && sealed.contains("\n\npassword: \"ENC[") && sealed.contains("keep: ['ENC["),
        "{sealed}"
    );
    assert_eq!(world.decrypted("f.yaml"), PLAIN);
    if let Some(sops) = world.theirs() {
        let back = sops.args(["decrypt", "--output-type", "json", "f.yaml"]).ok();
        assert!(back.out().contains("\"password\": \"hunter2\""), "{}", back.out());
    }
    // One value changes one line, beside the MAC and the time.
    world.ours().args(["set", "f.yaml", "[\"port\"]", "9090"]).ok();
    let changed = world.read("f.yaml");
    let differ: Vec<_> = sealed.lines().zip(changed.lines()).filter(|(old, new)| old != new).map(|(_, new)| new.trim()).collect();
    // The time may be that of the same second.
    assert!((2..=3).contains(&differ.len()), "{differ:#?}");
    assert_eq!(sealed.lines().count(), changed.lines().count());
    world.ours().args(["set", "f.yaml", "[\"new\"][\"deep\"]", "\"x\""]).ok();
    world.ours().args(["unset", "f.yaml", "[\"port\"]"]).ok();
    let expected = PLAIN.replace("port: 8080\n", "") + "new:\n    deep: x\n";
    assert_eq!(world.decrypted("f.yaml"), expected);
    world.ours().args(["rotate", "-i", "f.yaml"]).ok();
    assert_eq!(world.decrypted("f.yaml"), expected);
    world.ours().args(["decrypt", "-i", "f.yaml"]).ok();
    assert_eq!(world.read("f.yaml"), expected);
}

#[test]
fn aliases_that_are_encrypted_are_written_out_and_the_rest_stays() {
    let world = World::new();
    let text = "base: &base {a: 1}\n\nother: *base # again\nplain_unencrypted: &p x\nsame_unencrypted: *p\n";
    world.encrypted("f.yaml", text);
    let sealed = world.read("f.yaml");
    assert!(sealed.contains("same_unencrypted: *p") && sealed.contains("base: &base {a: 'ENC["), "{sealed}");
    assert!(world.decrypted("f.yaml").contains("\n\nother:"));
    if let Some(sops) = world.theirs() {
        let back = sops.args(["decrypt", "--output-type", "json", "--extract", "[\"other\"][\"a\"]", "f.yaml"]).ok();
        assert_eq!(back.out(), "1");
    }
}

#[test]
fn an_edit_changes_what_was_edited_and_nothing_else() {
    let world = World::new();
    world.encrypted("f.yaml", PLAIN);
    let before = world.read("f.yaml");
    let editor =
        world.editor("stat -c %a \"$1\" > mode; echo \"$1\" > where; sed -i s/8080/9090/ \"$1\"; echo '# end' >> \"$1\"");
    world.ours().args(["edit", "f.yaml"]).env("EDITOR", editor).ok();
    assert_eq!(world.read("mode"), "600\n");
    let place = PathBuf::from(world.read("where").trim());
    assert!(!place.exists() && place.file_name().unwrap() == "f.yaml");
    if Path::new("/dev/shm").is_dir() {
        assert!(place.starts_with("/dev/shm"), "{}", place.display());
    }
    assert_eq!(world.decrypted("f.yaml"), PLAIN.replace("8080", "9090") + "# end\n");
    let after = world.read("f.yaml");
    let line = |text: &str, key: &str| text.lines().find(|line| line.starts_with(key)).unwrap().to_owned();
    assert_eq!(line(&before, "password"), line(&after, "password"));
    assert_ne!(line(&before, "port"), line(&after, "port"));
    if let Some(sops) = world.theirs() {
        sops.args(["decrypt", "f.yaml"]).ok();
    }
    world.assert_clean();
}

#[test]
fn editors_that_change_nothing_or_fail_leave_the_file_alone() {
    let world = World::new();
    world.encrypted("f.yaml", PLAIN);
    let before = world.read("f.yaml");
    for (script, code) in [("true", 200), ("exit 3", 201), ("kill -9 $$", 201)] {
        let ours = world.ours().args(["edit", "f.yaml"]).env("EDITOR", world.editor(script)).output().code(code);
        assert!(!ours.err().contains("hunter2"));
        assert_eq!(world.read("f.yaml"), before, "{script}");
        if let Some(sops) = world.theirs() {
            sops.args(["edit", "f.yaml"]).env("EDITOR", world.editor(script)).output().code(code);
        }
    }
    world.ours().args(["edit", "f.yaml"]).env("EDITOR", "/nonexistent/editor").output().code(201);
    // Broken text comes back to the editor; without anybody to say so the edit ends.
    let twice = "if [ -e once ]; then echo 'a: 2' > \"$1\"; else touch once; echo '[broken' > \"$1\"; fi";
    world.ours().args(["edit", "f.yaml"]).env("EDITOR", world.editor(twice)).output().code(1);
    assert_eq!(world.read("f.yaml"), before);
    std::fs::remove_file(world.path("once")).unwrap();
    world.ours().args(["edit", "f.yaml"]).env("EDITOR", world.editor(twice)).stdin("\n").ok();
    assert_eq!(world.decrypted("f.yaml"), "a: 2\n");
    world.assert_clean();
}

#[test]
fn a_new_file_begins_with_an_example() {
    let world = World::new();
    world.ours().args(["edit", "--age", RECIPIENT, "new.yaml"]).env("EDITOR", world.editor("true")).output().code(200);
    assert!(!world.path("new.yaml").exists());
    let editor = world.editor("sed -i s/example_value$/mine/ \"$1\"");
    world.ours().args(["edit", "--age", RECIPIENT, "new.yaml"]).env("EDITOR", editor).ok();
    assert!(world.decrypted("new.yaml").contains("example_key: mine\n"));
    world.assert_clean();
}

fn start(run: &mut Command) -> Child {
    run.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !ready() {
        assert!(Instant::now() < end, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn commands_get_the_values_as_from_sops() {
    let world = World::new();
    world.encrypted("f.json", "{\"A\": \"one\\ntwo\", \"B\": 1, \"C\": 1.0, \"D\": true, \"E\": 1e30}");
    for (args, line) in [
        (&[][..], "printf '%s|%s|%s|%s|%s|%s' \"$A\" $B $C $D $E $SOPS_AGE_KEY"),
        (&["--pristine"][..], "printf '%s|%s' \"$A\" $SOPS_AGE_KEY"),
        (&["--same-process"][..], "printf '%s' \"$A\"; exit 7"),
        (&[][..], "exit 3"),
        (&[][..], "kill -9 $$"),
    ] {
        let run = |run: Run| run.arg("exec-env").args(args).args(["f.json", line]).output();
        let ours = run(world.ours());
        if let Some(sops) = world.theirs() {
            let theirs = run(sops);
            assert_eq!((ours.out(), ours.code), (theirs.out(), theirs.code), "{args:?} {line}");
        }
    }
    world.encrypted("deep.json", "{\"A\": {\"b\": 1}}");
    let failed = world.ours().args(["exec-env", "deep.json", "true"]).output().code(1);
    assert!(failed.err().contains("offending key A"), "{}", failed.err());
    world.assert_clean();
}

#[test]
fn commands_get_the_file_as_from_sops() {
    let world = World::new();
    world.encrypted("f.yaml", PLAIN);
    for (args, line) in [
        (&[][..], "test -p {} && cat {}"),
        (&["--no-fifo"][..], "test -f {} && cat {} && stat -c %a {}"),
        (&["--no-fifo", "--filename", "named.yaml"][..], "cat {} && basename {}"),
        (&["--filename", "named.yaml"][..], "cat {} && basename {}"),
        (&["--output-type", "json"][..], "cat {}"),
        // A command that leaves the FIFO unread: sops may find it gone, and then says 1 itself.
        (&[][..], "cat {} > /dev/null; exit 4"),
        (&["--filename", "../x"][..], "cat {}"),
    ] {
        let run = |run: Run| run.arg("exec-file").args(args).args(["f.yaml", line]).output();
        let ours = run(world.ours());
        assert!(!ours.err().contains("hunter2"));
        if let Some(sops) = world.theirs() {
            let theirs = run(sops);
            assert_eq!(ours.code, theirs.code, "{args:?} {line}");
            // sops writes its own layout.
            let words = |text: &str| text.split_whitespace().filter(|word| !word.starts_with('#')).count() > 0;
            assert_eq!(words(ours.out()), words(theirs.out()), "{args:?} {line}: {} {}", ours.out(), theirs.out());
        }
    }
    assert_eq!(world.ours().args(["exec-file", "f.yaml", "exit 4"]).output().code, Some(4));
    world.assert_clean();
}

/// A key service with the identity, until the value is dropped.
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

fn service(program: &Path, words: &[&str], world: &World, socket: &Path) -> Service {
    let mut command = Command::new(program);
    command.args(words).args(["keyservice", "--network", "unix", "--address"]).arg(socket);
    command.env("SOPS_AGE_KEY", IDENTITY).current_dir(world.folder.path());
    let service = Service(start(&mut command));
    until("the key service's start", || socket.exists());
    service
}

#[cfg(unix)]
#[test]
fn key_services_work_both_ways() {
    let world = World::new();
    let Some(sops) = peers::get(&peers::SOPS) else { return };
    let ours = PathBuf::from(env!("CARGO_BIN_EXE_hecate-seal"));
    for (server, words, client, client_words) in [
        (&ours, &["sops"][..], &sops, &[][..]),
        (&sops, &[][..], &ours, &["sops"][..]),
        (&ours, &["sops"][..], &ours, &["sops"][..]),
    ] {
        let socket = world.path("keys.sock");
        let running = service(server, words, &world, &socket);
        let address = format!("unix://{}", socket.display());
        let remote = ["--enable-local-keyservice=false", "--keyservice", &address];
        let run = || Run::new(client).args(client_words).cwd(world.folder.path());
        world.write("f.yaml", PLAIN);
        run().arg("encrypt").args(remote).args(["--age", RECIPIENT, "-i", "f.yaml"]).ok();
        let back = run().arg("decrypt").args(remote).args(["--extract", "[\"password\"]", "f.yaml"]).ok();
        assert_eq!(back.out(), "hunter2");
        // Without the service there is no key.
        run().args(["decrypt", "f.yaml"]).output().code(128);
        drop(running);
        let gone = run().arg("decrypt").args(remote).arg("f.yaml").output().code(128);
        assert!(!gone.err().contains("hunter2"));
        _ = std::fs::remove_file(&socket);
    }
}

#[cfg(unix)]
#[test]
fn a_key_service_on_tcp_ends_on_a_signal() {
    let world = World::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_hecate-seal"));
    command.args(["sops", "keyservice", "--address", "127.0.0.1:0"]).env("SOPS_AGE_KEY", IDENTITY).stderr(Stdio::piped());
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let mut from = child.stderr.take().unwrap();
    let mut said = String::new();
    let mut byte = [0];
    while !said.ends_with('\n') {
        assert_eq!(from.read(&mut byte).unwrap(), 1, "{said}");
        said.push(char::from(byte[0]));
    }
    let address = said.split("tcp://").nth(1).unwrap().split(": ").next().unwrap().to_owned();
    let service = format!("tcp://{address}");
    let remote = ["--enable-local-keyservice=false", "--keyservice", &service];
    world.write("f.yaml", PLAIN);
    if let Some(sops) = peers::get(&peers::SOPS) {
        let run = || Run::new(&sops).cwd(world.folder.path());
        run().arg("encrypt").args(remote).args(["--age", RECIPIENT, "-i", "f.yaml"]).ok();
        run().arg("decrypt").args(remote).arg("f.yaml").ok();
    }
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert!(child.wait().unwrap().success());
}

fn git(world: &World, args: &[&str]) -> Run {
    let run = Run::new("git").args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]);
    world.with(run).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").args(args)
}

#[test]
fn git_merges_and_shows_encrypted_files() {
    let world = World::new();
    let program = env!("CARGO_BIN_EXE_hecate-seal");
    git(&world, &["init", "-q"]).ok();
    git(&world, &["config", "merge.sops.driver", &format!("{program} sops git-merge %O %A %B %P")]).ok();
    git(&world, &["config", "diff.sops.textconv", &format!("{program} sops git-textconv")]).ok();
    world.write(".gitattributes", "*.yaml diff=sops merge=sops\n");
    world.encrypted("f.yaml", PLAIN);
    let commit = |message: &str| git(&world, &["commit", "-qam", message]).ok();
    git(&world, &["add", ".gitattributes", "f.yaml"]).ok();
    commit("base");
    git(&world, &["checkout", "-qb", "side"]).ok();
    world.ours().args(["set", "f.yaml", "[\"port\"]", "9090"]).ok();
    world.ours().args(["set", "f.yaml", "[\"added\"]", "\"by side\""]).ok();
    commit("side");
    git(&world, &["checkout", "-q", "main"]).ok();
    world.ours().args(["set", "f.yaml", "[\"user\"]", "\"root\""]).ok();
    commit("main");
    let shown = git(&world, &["log", "-p", "-1", "--format="]).ok();
    assert!(shown.out().contains("+user: root") && !shown.out().contains("ENC["), "{}", shown.out());
    // Different values are merged, and with them MAC and time.
    git(&world, &["merge", "-q", "--no-edit", "side"]).ok();
    let merged = world.decrypted("f.yaml");
    assert_eq!(merged, PLAIN.replace("8080", "9090").replace("user: app", "user: root") + "added: by side\n");
    if let Some(sops) = world.theirs() {
        sops.args(["decrypt", "f.yaml"]).ok();
    }
    // The same value changed twice is a conflict that leaks nothing.
    git(&world, &["checkout", "-qb", "other"]).ok();
    world.ours().args(["set", "f.yaml", "[\"password\"]", "\"their-secret\""]).ok();
    commit("other");
    git(&world, &["checkout", "-q", "main"]).ok();
    world.ours().args(["set", "f.yaml", "[\"password\"]", "\"our-secret\""]).ok();
    commit("ours");
    let failed = git(&world, &["merge", "-q", "--no-edit", "other"]).output().code(1);
    assert!(failed.err().contains("\n  password"), "{}", failed.err());
    let text = format!("{}{}{}", failed.out(), failed.err(), world.read("f.yaml"));
    assert!(!text.contains("-secret") && !text.contains("<<<<"), "{text}");
    assert!(world.decrypted("f.yaml").contains("our-secret"));
    world.assert_clean();
}

#[test]
fn a_tree_is_explained_checked_and_encrypted() {
    let world = World::new();
    let rules = format!(
        "creation_rules:\n  - path_regex: \\.enc\\.yaml$\n    encrypted_regex: ^pass\n    age: {RECIPIENT}\n  - path_regex: never\n    age: {RECIPIENT}\n"
    );
    world.write(".sops.yaml", &rules);
    world.write("a.enc.yaml", PLAIN);
    std::fs::create_dir(world.path("sub")).unwrap();
    world.write("sub/b.enc.yaml", "password: x\n");
    world.write("other.yaml", "password: y\n");
    let told = world.ours().args(["explain", "a.enc.yaml"]).ok();
    assert!(told.out().contains("encrypted_regex: ^pass (creation rule 1 of .sops.yaml)"), "{}", told.out());
    assert!(
        told.out().contains("encrypted  password") && told.out().contains("plain      user") && !told.out().contains("hunter2")
    );
    // The same as a flag of `encrypt`, which then writes nothing, and with the selectors of the command line.
    let flagged = world.ours().args(["encrypt", "-i", "--explain", "a.enc.yaml"]).ok();
    assert_eq!(flagged.out(), told.out());
    let other = world.ours().args(["encrypt", "other.yaml", "--explain", "--filename-override", "x.enc.yaml"]).ok();
    assert_eq!(other.out(), "other.yaml: encrypted_regex: ^pass (creation rule 1 of .sops.yaml)\n  encrypted  password\n");
    world.write("plain.toml.yaml", "a_secret: 1\nb: 2\n");
    std::fs::rename(world.path(".sops.yaml"), world.path("rules")).unwrap();
    let chosen = world.ours().args(["encrypt", "--explain", "--encrypted-suffix", "_secret", "plain.toml.yaml"]).ok();
    let lines = "  encrypted  a_secret\n  plain      b\n";
    assert_eq!(chosen.out(), format!("plain.toml.yaml: encrypted_suffix: _secret (the command line)\n{lines}"));
    world.ours().args(["encrypt", "--explain", "--recursive", "."]).output().code(8);
    world.ours().args(["encrypt", "--explain"]).output().code(100);
    std::fs::remove_file(world.path("plain.toml.yaml")).unwrap();
    std::fs::rename(world.path("rules"), world.path(".sops.yaml")).unwrap();
    assert_eq!(world.read("a.enc.yaml"), PLAIN);
    // A rule that is wrong stops everything: the files that it is for would else stay plain in silence.
    world.write("broken", &format!("creation_rules:\n  - path_regex: a\n    age: {RECIPIENT}\n    encrypted_regex: (\n"));
    for args in [&["encrypt", "-i", "--recursive"][..], &["updatekeys", "--recursive", "-y"], &["doctor"]] {
        let failed = world.ours().args(["--config", "broken"]).args(args).output();
        assert!(failed.code == Some(1) && failed.err().contains("encrypted_regex"), "{args:?}: {}{}", failed.out(), failed.err());
    }
    std::fs::remove_file(world.path("broken")).unwrap();
    let doctor = world.ours().arg("doctor").output().code(1);
    assert!(
        doctor.out().contains("plaintext  a.enc.yaml") && doctor.out().contains("rule 2 matches no file"),
        "{}",
        doctor.out()
    );
    let dry = world.ours().args(["encrypt", "--dry-run"]).ok();
    assert_eq!(dry.out(), "would encrypt a.enc.yaml by creation rule 1\nwould encrypt sub/b.enc.yaml by creation rule 1\n");
    world.ours().args(["encrypt", "--recursive", "-i"]).ok();
    assert_eq!(world.read("other.yaml"), "password: y\n");
    assert_eq!(world.decrypted("a.enc.yaml"), PLAIN);
    let doctor = world.ours().arg("doctor").ok();
    assert!(doctor.out().contains("ok         sub/b.enc.yaml"), "{}", doctor.out());
    // New recipients for the whole tree.
    world.write(".sops.yaml", &rules.replace(RECIPIENT, &format!("{RECIPIENT},{OTHER}")));
    let before = world.read("a.enc.yaml");
    let dry = world.ours().args(["updatekeys", "--recursive", "--dry-run"]).ok();
    assert!(dry.out().contains(&format!("+++ {OTHER}")), "{}", dry.out());
    assert_eq!(world.read("a.enc.yaml"), before);
    world.ours().args(["updatekeys", "--recursive", "-y"]).ok();
    for file in ["a.enc.yaml", "sub/b.enc.yaml"] {
        assert!(world.read(file).contains(OTHER), "{file}");
    }
    let values = |text: &str| text.lines().filter(|line| line.contains("ENC[")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(values(&before), values(&world.read("a.enc.yaml")));
}

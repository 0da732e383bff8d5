//! What sops' commands do when a file cannot be written: it is as it was, the exit code says so, nothing lies beside it, and what a
//! person has typed is not lost.
#![cfg(target_os = "linux")]

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use crate::sops_watch::{IDENTITY, RECIPIENT, World, in_own_mounts, works};
use crate::support::Run;

/// The commands that write into a file that is there; `plain.yaml` is plain, the others are encrypted.
const WRITERS: [&str; 8] = [
    "set f.yaml [\"a\"] 1",
    "unset f.yaml [\"a\"]",
    "rotate -i f.yaml",
    "decrypt -i f.yaml",
    "decrypt --output f.yaml f.yaml",
    "encrypt -i --age @R plain.yaml",
    "groups add -i -f f.yaml --age @R",
    "git-merge f.yaml f.yaml f.yaml",
];

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(|word| word.replace("@R", RECIPIENT)).collect()
}

/// A line for a shell within single quotes.
fn quoted(line: &str) -> String {
    words(line).iter().map(|word| format!(" \"{}\"", word.replace('"', "\\\""))).collect()
}

#[test]
fn a_file_changed_by_somebody_else_during_an_edit_is_theirs_and_the_edit_is_saved_beside_it() {
    let world = World::new();
    let before = world.read("f.yaml");
    world.sops(&["set", "f.yaml", "[\"port\"]", "1"]).ok();
    let theirs = world.read("f.yaml");
    world.write("theirs", &theirs);
    for (number, change) in ["cat theirs > f.yaml", "cp theirs new; mv new f.yaml", "rm f.yaml"].into_iter().enumerate() {
        world.write("f.yaml", &before);
        world.script("editor", &format!("sed -i s/8080/9090/ \"$1\"; {change}"));
        let failed = world.sops(&["edit", "f.yaml"]).output().code(3);
        let saved = if number == 0 { "f.yaml.edited".to_owned() } else { format!("f.yaml.edited.{}", number + 1) };
        let message = format!("what you have written is in {}, encrypted", world.path(&saved).display());
        assert!(failed.err().contains("the file was changed by another program meanwhile"), "{}", failed.err());
        assert!(failed.err().contains(&message), "{}", failed.err());
        assert_eq!(world.path("f.yaml").exists(), number < 2);
        assert!(number == 2 || world.read("f.yaml") == theirs);
        assert!(!world.read(&saved).contains("9090"));
        let opened = world.sops(&["decrypt", "--input-type", "yaml", "--output-type", "yaml", &saved]).ok();
        assert!(opened.out().contains("port: 9090"), "{}", opened.out());
    }
    // A file that was not there, and is now.
    world.script("editor", "sed -i s/example_value$/mine/ \"$1\"; echo theirs > new.yaml");
    let failed = world.sops(&["edit", "--age", RECIPIENT, "new.yaml"]).output().code(3);
    assert!(failed.err().contains("what you have written is in"), "{}", failed.err());
    assert_eq!(world.read("new.yaml"), "theirs\n");
    let names = ["f.yaml.edited", "f.yaml.edited.2", "f.yaml.edited.3", "new.yaml", "new.yaml.edited", "plain.yaml", "theirs"];
    assert!(world.names().iter().eq(names), "{:?}", world.names());
    world.assert_nothing_else();
}

#[test]
fn a_full_disk_leaves_everything_as_it_was() {
    let world = World::new();
    world.script("editor", "sed -i s/8080/9090/ \"$1\"");
    let (work, saved) = (world.path(""), world.outside("saved"));
    std::fs::create_dir(&saved).unwrap();
    for name in ["f.yaml", "plain.yaml"] {
        std::fs::copy(world.path(name), saved.join(name)).unwrap();
    }
    let full = format!(
        "mount -t tmpfs -o size=64k none {0}\ncp {1}/* {0}\ncd {0}\ncat /dev/zero > zeros 2> /dev/null || true",
        work.display(),
        saved.display()
    );
    for line in WRITERS.into_iter().chain(["edit f.yaml", "encrypt --age @R --output new.yaml plain.yaml"]) {
        let after = format!("for file in *.yaml; do cmp $file {}/$file; done; ls -A", saved.display());
        let line_of_shell = format!("\"$0\" sops{}; code=$?; {after}; exit $code", quoted(line));
        let Some(failed) = in_own_mounts(&world, &full, &line_of_shell) else { return };
        let failed = failed.code(3);
        assert!(failed.err().contains("the new content does not fit on the disk"), "{line}: {}", failed.err());
        assert_eq!(failed.out(), "f.yaml\nplain.yaml\nzeros\n", "{line}");
        if line.starts_with("edit") {
            let path = world.outside("tmp").join("f.yaml.edited");
            assert!(failed.err().contains(&format!("what you have written is in {}, encrypted", path.display())));
            assert!(std::fs::read_to_string(&path).unwrap().contains("ENC["));
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            std::fs::remove_file(path).unwrap();
        }
        world.assert_nothing_else();
    }
}

/// The limit of the process, without anybody who ignores its signal.
#[test]
fn a_limit_of_file_sizes_is_an_error_and_no_death() {
    let world = World::new();
    let long: String = (0..40).map(|number| format!("key{number}: {}\n", "x".repeat(100))).collect();
    world.write("plain.yaml", &long);
    world.write("f.yaml", &long);
    world.sops(&["encrypt", "-i", "--age", RECIPIENT, "f.yaml"]).ok();
    let (names, before) = (world.names(), world.read("f.yaml"));
    for line in WRITERS.iter().filter(|line| !line.contains("[\"a\"]")) {
        let run =
            world.with(Run::new("sh")).args(["-c", "ulimit -f 2; exec \"$0\" sops \"$@\"", env!("CARGO_BIN_EXE_hecate-seal")]);
        let failed = run.args(words(line)).output().code(3);
        assert!(failed.err().contains("the new content does not fit on the disk"), "{line}: {}", failed.err());
        assert!(world.read("f.yaml") == before && world.read("plain.yaml") == long, "{line}");
        assert_eq!(world.names(), names, "{line}");
    }
}

#[test]
fn a_file_system_or_folder_that_is_read_only_is_told_before_anything_is_done() {
    let world = World::new();
    world.script("editor", "echo \"the editor was started\"; sed -i s/8080/9090/ \"$1\"");
    let (names, before, plain) = (world.names(), world.read("f.yaml"), world.read("plain.yaml"));
    let unchanged = |about: &str| {
        assert!(world.read("f.yaml") == before && world.read("plain.yaml") == plain, "{about}");
        assert_eq!(world.names(), names, "{about}");
    };
    let locked = format!("mount --bind {0} {0}\nmount -o remount,ro,bind {0}\ncd {0}", world.path("").display());
    for line in WRITERS.into_iter().chain(["edit f.yaml"]) {
        let Some(failed) = in_own_mounts(&world, &locked, &format!("\"$0\" sops{}", quoted(line))) else { break };
        let failed = failed.code(3);
        assert!(failed.err().contains("the file is read-only") && failed.out().is_empty(), "{line}: {}", failed.err());
        unchanged(line);
    }
    // The file may be written, the folder may not.
    let is_root = Run::new("id").arg("-u").ok().out() == "0\n";
    let chmod = |name: &str, mode| std::fs::set_permissions(world.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    std::fs::set_permissions(world.outside(""), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::set_permissions(world.outside("tmp"), std::fs::Permissions::from_mode(0o777)).unwrap();
    chmod("f.yaml", 0o666);
    chmod("plain.yaml", 0o666);
    chmod("", 0o555);
    let program = env!("CARGO_BIN_EXE_hecate-seal");
    let as_nobody = ["--reuid=65534", "--regid=65534", "--clear-groups", program];
    if !is_root || works(std::process::Command::new("setpriv").args(as_nobody).arg("--version")) {
        for line in WRITERS.into_iter().chain(["edit f.yaml"]) {
            let run = if is_root { Run::new("setpriv").args(as_nobody) } else { Run::new(program) };
            let failed = world.with(run).arg("sops").args(words(line)).output().code(3);
            assert!(failed.err().contains("cannot create a file in directory"), "{line}: {}", failed.err());
            unchanged(line);
            if line.starts_with("edit") {
                let path = world.outside("tmp").join("f.yaml.edited");
                assert!(failed.err().contains(&path.display().to_string()), "{}", failed.err());
                let opened =
                    world.with(Run::new(program)).args(["sops", "decrypt", "--input-type", "yaml", "--output-type", "yaml"]);
                assert!(opened.arg(&path).env("SOPS_AGE_KEY", IDENTITY).ok().out().contains("9090"));
                std::fs::remove_file(path).unwrap();
            }
            world.assert_nothing_else();
        }
    }
    chmod("", 0o755);
}

#[test]
fn a_link_stays_a_link_and_what_it_leads_to_is_written() {
    let world = World::new();
    let far = world.outside("far");
    std::fs::create_dir(&far).unwrap();
    std::fs::rename(world.path("f.yaml"), far.join("real.yaml")).unwrap();
    symlink("../far/real.yaml", world.path("f.yaml")).unwrap();
    symlink("nowhere.yaml", world.path("dangling.yaml")).unwrap();
    symlink("loop.yaml", world.path("loop.yaml")).unwrap();
    let names = world.names();
    world.script("editor", "sed -i s/8080/9090/ \"$1\"");
    let mut inode = std::fs::metadata(far.join("real.yaml")).unwrap().ino();
    for args in
        [&["edit", "f.yaml"][..], &["set", "f.yaml", "[\"b\"]", "2"], &["rotate", "-i", "f.yaml"], &["decrypt", "-i", "f.yaml"]]
    {
        world.sops(args).ok();
        let now = std::fs::metadata(far.join("real.yaml")).unwrap().ino();
        assert_ne!(std::mem::replace(&mut inode, now), now, "{args:?}: written in place, which is not atomic");
        assert_eq!(std::fs::read_link(world.path("f.yaml")).unwrap().to_str(), Some("../far/real.yaml"), "{args:?}");
        assert_eq!(std::fs::read_dir(&far).unwrap().count(), 1, "{args:?}");
    }
    assert!(std::fs::read_to_string(far.join("real.yaml")).unwrap().contains("port: 9090\nb: 2\n"));
    // Links to nothing, and in a circle.
    assert_eq!(world.sops(&["set", "dangling.yaml", "[\"a\"]", "1"]).output().code(2).out(), "");
    assert_ne!(world.sops(&["set", "loop.yaml", "[\"a\"]", "1"]).output().code, Some(0));
    assert_eq!(world.names(), names);
    // A new file may come to be through a link.
    world.script("editor", "sed -i s/example_value$/mine/ \"$1\"");
    world.sops(&["edit", "--age", RECIPIENT, "dangling.yaml"]).ok();
    assert!(std::fs::symlink_metadata(world.path("dangling.yaml")).unwrap().is_symlink());
    assert!(world.sops(&["decrypt", "nowhere.yaml"]).ok().out().contains("example_key: mine"));
}

//! Files that cannot be read or written: the old one stays whole and no temporary one is left.

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::{Session, key_path};

const SEALED: &str =
    "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: app, namespace: web}\nspec:\n  encryptedData: {}\n";

fn with_target() -> Session {
    let session = Session::new().env("HECATE_SEAL_CERT", key_path("test-only-2048.crt.pem")).env("HECATE_SEAL_FILE", "s.yaml");
    session.write("s.yaml", SEALED);
    session
}

#[test]
fn a_read_only_file_is_refused_with_advice() {
    let session = with_target();
    let path = session.path("s.yaml");
    std::fs::set_permissions(&path, Permissions::from_mode(0o444)).unwrap();
    let refused = |shown: &str| {
        format!(
            "error: cannot write {shown}\n  cause: the file is read-only\nhint: make it writable first, for example with `chmod u+w`\n"
        )
    };
    session.run(&["K", "v"]).fails(1, &refused("s.yaml"));
    session.write("in.yaml", super::SECRET);
    session.run(&["seal", "in.yaml", "-o", "s.yaml"]).fails(1, &refused("s.yaml"));
    assert_eq!(session.read("s.yaml"), SEALED);
    assert_eq!(session.names(), ["in.yaml", "s.yaml"]);
}

#[test]
fn a_folder_a_missing_folder_and_a_device_are_no_targets() {
    let session = with_target();
    std::fs::create_dir(session.path("folder")).unwrap();
    session.run(&["K", "v", "--file", "folder"]).fails(1, "error: cannot write folder\n  cause: it is a directory\n");
    session.run(&["K", "v", "--file", "no/s.yaml", "-n", "web", "--name", "app"]).fails(
        1,
        &format!(
            "error: cannot write no/s.yaml\n  cause: there is no directory {0}\nhint: create it first: mkdir -p {0}\n",
            session.path("no").display()
        ),
    );
    session
        .run(&["K", "v", "--file", "/dev/null"])
        .fails(1, "error: cannot write /dev/null\n  cause: it is not a regular file\n");
}

#[test]
fn a_link_stays_a_link_and_its_file_keeps_its_mode() {
    let session = with_target();
    std::fs::set_permissions(session.path("s.yaml"), Permissions::from_mode(0o660)).unwrap();
    symlink("s.yaml", session.path("link.yaml")).unwrap();
    session.run(&["K", "v", "--file", "link.yaml"]).ok();
    assert_eq!(std::fs::read_link(session.path("link.yaml")).unwrap().to_str(), Some("s.yaml"));
    assert!(session.read("s.yaml").contains("K: AQ"));
    assert_eq!(std::fs::metadata(session.path("s.yaml")).unwrap().permissions().mode() & 0o777, 0o660);
    assert_eq!(session.names(), ["link.yaml", "s.yaml"]);
}

#[test]
fn a_full_disk_leaves_the_old_file_and_nothing_else() {
    // Every write to it fails with «no space left»: the kernel's own full disk, which a limit on file size stands in for below.
    let session = with_target();
    session.write("in.yaml", super::SECRET);
    session.run(&["seal", "in.yaml", "-o", "/dev/full"]).fails(
        1,
        "error: cannot write /dev/full\n  cause: the new content does not fit on the disk\n  cause: No space left on device (os error 28)\nhint: nothing was written; make room and run the command again\n",
    );
    // 1 block of 1024 bytes is enough for the old file and not for the new one. The signal that comes with it does not end us.
    let script = "ulimit -f 1; exec \"$0\" \"$@\"";
    let value = "x".repeat(2000);
    let ran = crate::support::Run::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_hecate-seal"), "K", &value, "--file", "s.yaml"])
        .env("HECATE_SEAL_CERT", key_path("test-only-2048.crt.pem"))
        .cwd(session.path(""))
        .output()
        .code(1);
    assert_eq!(
        ran.err(),
        "error: cannot write s.yaml\n  cause: the new content does not fit on the disk\n  cause: File too large (os error 27)\nhint: nothing was written; make room and run the command again\n"
    );
    assert_eq!(session.read("s.yaml"), SEALED);
    assert_eq!(session.names(), ["in.yaml", "s.yaml"]);
}

/// Runs a script of the shell in which `seal` seals a Secret to standard output.
fn in_a_shell(session: &Session, script: &str) {
    session.write("in.yaml", super::SECRET);
    let seal = format!(
        "seal() {{ {} seal in.yaml --cert {} \"$@\"; }}",
        env!("CARGO_BIN_EXE_hecate-seal"),
        key_path("test-only-2048.crt.pem")
    );
    crate::support::Run::new("bash").args(["-euc", &format!("{seal}\n{script}")]).cwd(session.path("")).ok();
}

#[test]
fn output_to_a_stream_goes_where_the_stream_stands() {
    let session = Session::new();
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        in_a_shell(&session, &format!("echo old >out; seal -o {name} >>out; (echo HEADER; seal -o {name}; echo END) >whole"));
        let (appended, whole) = (session.read("out"), session.read("whole"));
        assert!(appended.starts_with("old\n") && appended.contains("kind: SealedSecret"), "{appended}");
        assert!(whole.starts_with("HEADER\n") && whole.contains("kind: SealedSecret") && whole.ends_with("\nEND\n"), "{whole}");
        assert_eq!(whole.len() - "HEADER\nEND\n".len(), appended.len() - "old\n".len());
    }
    in_a_shell(&session, "echo old >out; seal -o /dev/fd/7 7>>out; echo END >>out");
    let whole = session.read("out");
    assert!(whole.starts_with("old\n") && whole.contains("kind: SealedSecret") && whole.ends_with("\nEND\n"), "{whole}");
}

#[test]
fn a_reader_that_goes_away_is_success() {
    let session = with_target();
    let script = "\"$0\" \"$@\" | head -c 1 >/dev/null; exit ${PIPESTATUS[0]}";
    crate::support::Run::new("bash")
        .args(["-c", script, env!("CARGO_BIN_EXE_hecate-seal"), "completions", "bash"])
        .cwd(session.path(""))
        .output()
        .code(0);
}

/// Runs our program as somebody who may not do everything: as it is, or as `nobody` when the tests run as root.
fn as_a_user(folder: &std::path::Path, args: &[&str]) -> (Option<i32>, String) {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    std::fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    // The build's own folder may be closed to others.
    let bin = folder.join("hecate-seal");
    std::fs::copy(env!("CARGO_BIN_EXE_hecate-seal"), &bin).unwrap();
    let mut command = std::process::Command::new(&bin);
    command.args(args).env_clear().current_dir(folder);
    if rustix::process::geteuid().is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    // Another test that starts a program at this moment may still hold the copy open for writing.
    let output = loop {
        match command.output() {
            Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            output => break output.unwrap(),
        }
    };
    std::fs::remove_file(bin).unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn what_we_may_not_read_or_write_is_named() {
    let session = with_target();
    let cert = session.write("pub.pem", std::fs::read(key_path("test-only-2048.crt.pem")).unwrap());
    let closed = session.write("closed.yaml", super::SECRET);
    let mode = |path: &std::path::Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    for path in [&cert, &session.path("s.yaml")] {
        mode(path, 0o444);
    }
    mode(&closed, 0o000);
    let run = |args: &[&str]| as_a_user(&session.path(""), &[args, &["--cert", "pub.pem"]].concat());
    assert_eq!(
        run(&["seal", "closed.yaml"]),
        (Some(1), "error: cannot read closed.yaml\n  cause: Permission denied (os error 13)\n".to_owned())
    );
    let read_only = "error: cannot write s.yaml\n  cause: the file is read-only\nhint: make it writable first, for example with `chmod u+w`\n";
    assert_eq!(run(&["K", "v", "--file", "s.yaml"]), (Some(1), read_only.to_owned()));
    if rustix::process::geteuid().is_root() {
        // The folder is root's, so nobody may not make a file in it; the file itself may be written.
        mode(&session.path("s.yaml"), 0o666);
        let no_room = format!(
            "error: cannot write s.yaml\n  cause: cannot create a file in directory {}\n  cause: permission denied\n",
            session.path("").to_str().unwrap().trim_end_matches('/')
        );
        assert_eq!(run(&["K", "v", "--file", "s.yaml"]), (Some(1), no_room));
    }
    assert_eq!(session.read("s.yaml"), SEALED);
    assert_eq!(session.names(), ["closed.yaml", "pub.pem", "s.yaml"]);
}

#[test]
fn a_small_file_system_that_is_full_keeps_the_old_file() {
    let session = with_target();
    std::fs::create_dir(session.path("small")).unwrap();
    // A mount of its own, gone with the shell. Four pages: one for the folder's file, not enough for the new one.
    let script = "mount -t tmpfs -o size=16k tmpfs small 2>/dev/null || exit 99; cp s.yaml small/s.yaml; head -c 8k /dev/zero >small/other; \
                  \"$0\" K \"$1\" --file small/s.yaml; code=$?; ls -A small; cmp s.yaml small/s.yaml && exit $code";
    let ran = crate::support::Run::new("unshare")
        .args(["-m", "bash", "-c", script, env!("CARGO_BIN_EXE_hecate-seal"), &"x".repeat(9000)])
        .env("HECATE_SEAL_CERT", key_path("test-only-2048.crt.pem"))
        .cwd(session.path(""))
        .output();
    if ran.code != Some(1) && (ran.code == Some(99) || ran.err().contains("unshare")) {
        crate::support::peers::say("skipped: a full file system cannot be mounted without root");
        return;
    }
    let ran = ran.code(1);
    assert_eq!(
        ran.err(),
        "error: cannot write small/s.yaml\n  cause: the new content does not fit on the disk\n  cause: No space left on device (os error 28)\nhint: nothing was written; make room and run the command again\n"
    );
    assert_eq!(ran.out(), "other\ns.yaml\n");
}

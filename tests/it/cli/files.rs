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
    // 1 block of 1024 bytes is enough for the old file and not for the new one. SIGXFSZ is ignored, so that the write fails.
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
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

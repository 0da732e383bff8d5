//! The test support itself: if it could not fail, nothing here could.

use crate::support::{Run, hecate, key, temp_dir};
use std::time::Duration;

#[test]
fn a_program_gets_its_input_and_gives_its_output_and_code() {
    let output = Run::new("sh").args(["-c", "cat; echo \"$1\" >&2; exit 3", "sh", "note"]).stdin("in\n").output().code(3);
    assert_eq!((output.out(), output.err()), ("in\n", "note\n"));
}

#[test]
fn a_large_input_does_not_block_against_a_large_output() {
    let input = vec![b'x'; 4 << 20];
    assert_eq!(Run::new("cat").stdin(input.clone()).ok().stdout, input);
}

#[test]
#[should_panic(expected = "exited with Some(1), not 0")]
fn an_unexpected_exit_code_stops_the_test() {
    Run::new("false").ok();
}

#[test]
#[should_panic(expected = "still running after 50ms")]
fn a_program_that_hangs_is_killed() {
    Run::new("sleep").arg("60").timeout(Duration::from_millis(50)).output();
}

#[test]
fn a_program_sees_none_of_the_developers_environment() {
    let env = Run::new("env").env("GIVEN", "1").ok();
    let names: Vec<&str> = env.out().lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    for name in names {
        assert!(["PATH", "TMPDIR", "LLVM_PROFILE_FILE", "HOME", "GIVEN"].contains(&name), "{name} leaks in");
    }
}

#[test]
fn the_keys_and_a_temporary_folder_are_there() {
    assert!(std::fs::read_to_string(key("test-only-4096.key.pem")).unwrap().starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    let folder = temp_dir();
    let path = folder.path().to_owned();
    drop(folder);
    assert!(!path.exists());
}

#[test]
fn our_program_runs() {
    hecate().arg("--version").output();
}

//! The first users' journeys: the commands of each example's README and of the project's README, run as they are written, with
//! the real kubectl and with our program as `hecate-seal` and as `kubeseal`.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::{self, console, peers};

/// A copy of the examples and keys, and a folder of programs for PATH.
fn workshop(with_kubectl: bool) -> Option<tempfile::TempDir> {
    let folder = support::temp_dir();
    for part in ["examples", "keys"] {
        copy(&support::root().join(part), &folder.path().join(part));
    }
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for name in ["hecate-seal", "kubeseal", "sops"] {
        symlink(env!("CARGO_BIN_EXE_hecate-seal"), bin.join(name)).unwrap();
    }
    if with_kubectl {
        symlink(peers::go_program("kubectl")?, bin.join("kubectl")).unwrap();
    }
    Some(folder)
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn journey(example: &str, with_kubectl: bool) {
    let Some(folder) = workshop(with_kubectl) else { return };
    let tree = folder.path().join("examples").join(example);
    let ran = console::run_document(
        &tree.join("README.md"),
        &tree,
        &folder.path().join("bin"),
        &[("ANTHROPIC_API_KEY", "sk-ant-from-env")],
    );
    assert!(ran >= 3, "only {ran} commands in the README of {example}");
}

#[test]
fn hecate_gitops_works_as_its_readme_says() {
    journey("hecate-gitops", false);
}

#[test]
fn multi_cluster_works_as_its_readme_says() {
    journey("multi-cluster", true);
}

#[test]
fn elysium_works_as_its_readme_says() {
    journey("elysium", true);
}

/// Every command once with our `sops` and once with the SOPS project's: what the document says is true of both.
#[test]
fn superbloom_works_as_its_readme_says_with_either_sops() {
    journey("superbloom", false);
    let (Some(theirs), Some(folder)) = (peers::get(&peers::SOPS), workshop(false)) else { return };
    let link = folder.path().join("bin/sops");
    fs::remove_file(&link).unwrap();
    symlink(theirs, &link).unwrap();
    let tree = folder.path().join("examples/superbloom");
    assert!(console::run_document(&tree.join("README.md"), &tree, &folder.path().join("bin"), &[]) >= 3);
}

/// The command for a fresh machine. In the copy there is no package to build, so `cargo run -q --` is the program itself.
#[test]
fn the_main_job_works_as_the_projects_readme_says() {
    let Some(folder) = workshop(false) else { return };
    let bin = folder.path().join("bin");
    let shim = bin.join("cargo");
    fs::write(&shim, "#!/bin/sh\n[ \"$1 $2 $3\" = 'run -q --' ] || exit 2\nshift 3\nexec hecate-seal \"$@\"\n").unwrap();
    fs::set_permissions(&shim, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(console::run_document(&support::root().join("README.md"), folder.path(), &bin, &[]), 1);
}

/// The pages of `docs/` that have commands; each says which example it runs in.
#[test]
fn the_documentation_works_as_it_says() {
    for page in ["kubeseal-users.md", "key-management.md"] {
        let Some(folder) = workshop(true) else { return };
        let document = support::root().join("docs").join(page);
        let ran = console::run_document(&document, &folder.path().join("examples/elysium"), &folder.path().join("bin"), &[]);
        assert!(ran >= 2, "only {ran} commands in {page}");
    }
}

//! The first users' journeys: the commands of each example's README and of the project's README, run as they are written, with
//! the real kubectl and with our program as `hecate-seal` and as `kubeseal`.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::console::{self, Stage};
use crate::support::{self, peers, recording};

/// A copy of the examples and keys, and a folder of programs for PATH.
fn workshop(with_kubectl: bool) -> Option<tempfile::TempDir> {
    let folder = support::temp_dir();
    for part in ["examples", "keys"] {
        support::copy_tree(&support::root().join(part), &folder.path().join(part));
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

/// The pages of `docs/` with commands that need no cluster, and the example that each runs in. Those of `getting-started.md`, `nats.md`
/// and `troubleshooting.md` that do are run by `tests/cluster/docs.rs`.
#[test]
fn the_documentation_works_as_it_says() {
    let pages = [
        ("kubeseal-users.md", "elysium"),
        ("key-management.md", "elysium"),
        ("gitops.md", "elysium"),
        ("sops-users.md", "superbloom"),
        ("troubleshooting.md", "elysium"),
    ];
    for (page, example) in pages {
        let Some(folder) = workshop(true) else { return };
        let Some(keygen) = peers::get(&peers::AGE_KEYGEN) else { return };
        symlink(keygen, folder.path().join("bin/age-keygen")).unwrap();
        let document = support::root().join("docs").join(page);
        let ran =
            console::run_document(&document, &folder.path().join("examples").join(example), &folder.path().join("bin"), &[]);
        assert!(ran >= 2, "only {ran} commands in {page}");
    }
}

/// `docs/recordings`, those that need no cluster: NAME.txt is played in an example, with the real programs beside ours.
#[test]
fn the_recordings_are_what_the_programs_print() {
    for (name, example) in [("seal-one-value", "hecate-gitops"), ("kubeseal", "elysium"), ("sops", "superbloom")] {
        let Some(folder) = workshop(true) else { return };
        let bin = folder.path().join("bin");
        for (peer, link) in [(&peers::KUBESEAL, "kubeseal-0.27.1"), (&peers::SOPS, "sops-3.13.3")] {
            let Some(program) = peers::get(peer) else { return };
            symlink(program, bin.join(link)).unwrap();
        }
        // At the same depth as an example, so that the paths of the keys are the same.
        let tree = folder.path().join("examples").join(example);
        let ran = recording::play(name, &Stage { folder: &tree, path: &bin, env: &[] }, &mut |_| ());
        assert!(ran >= 5, "only {ran} commands in {name}");
    }
}

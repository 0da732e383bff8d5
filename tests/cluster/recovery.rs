//! The day the cluster is lost (`docs/key-management.md`): keys restored into a new cluster, git applied, every Secret is back. What is
//! typed, and what it prints, is in `docs/recordings/recovery.txt`.

use crate::docs::{Kubelet, Workshop, bare_cluster};

/// The command that stands for the end of the first cluster.
const LOST: &str = ": here the cluster is lost, with everything in it";

#[test]
fn a_lost_cluster_comes_back_from_git_and_the_copy_of_its_keys() {
    let (Some(first), Some(second)) = (bare_cluster(), bare_cluster()) else { return };
    let Some(workshop) = Workshop::new(&first) else { return };
    let (mut before, mut after) = (Kubelet::new(&first), Kubelet::new(&second));
    let mut lost = false;
    let ran = workshop.play("recovery", &mut |command| {
        if command == LOST {
            lost = true;
            first.stop_api_server();
            workshop.enter(&second).unwrap();
        }
        if lost { after.look() } else { before.look() }
    });
    assert!(lost && ran >= 15, "only {ran} commands");
}

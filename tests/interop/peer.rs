//! The peers are the ones that we pinned.

use crate::support::{Run, peers};

#[test]
fn kubeseal_is_the_pinned_version() {
    let Some(kubeseal) = peers::kubeseal() else { return };
    assert_eq!(Run::new(kubeseal).arg("--version").ok().out(), "kubeseal version: 0.27.1\n");
}

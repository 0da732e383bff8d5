//! The last test target, without the harness: says which tests ran against which peer, from the notes that
//! `tests/support/peers.rs` kept. It proves nothing and fails never; its name puts it at the end of `cargo test`.
#![allow(clippy::print_stdout, reason = "printing is its purpose")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

fn main() {
    // Listings (`--list`) and filtered runs ask for tests; there are none here.
    if std::env::args().len() > 1 {
        return;
    }
    let Some(target) = Path::new(env!("CARGO_TARGET_TMPDIR")).parent() else { return };
    let folder = target.join("peers/report");
    let mut peers: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        let binary = file.file_name().to_string_lossy().into_owned();
        for line in std::fs::read_to_string(file.path()).unwrap_or_default().lines() {
            if let Some((peer, test)) = line.split_once('\t') {
                peers.entry(peer.to_owned()).or_default().insert(format!("{binary} {test}"));
            }
        }
    }
    // The next run starts its own notes.
    let _ = std::fs::remove_dir_all(&folder);
    if peers.is_empty() {
        return println!("\nno test ran against a real peer");
    }
    println!("\nran against real peers:");
    for (peer, tests) in peers {
        println!("  {:4} tests  {peer}", tests.len());
    }
}

//! The `hecate-seal` command line.

fn main() {}

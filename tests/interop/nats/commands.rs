//! Our own verbs, called as people call them.

use std::fs;
use std::path::Path;

use crate::support::{Output, Run, hecate};

/// Our program in a folder.
pub fn nats(folder: &Path, args: &[&str]) -> Run {
    hecate().arg("nats").args(args).cwd(folder)
}

/// Writes a model and renders it into `auth.conf`.
pub fn render(folder: &Path, model: &str, env: &[(&str, &str)]) -> Output {
    fs::write(folder.join("model.yaml"), model).unwrap();
    let mut run = nats(folder, &["auth", "model.yaml", "-o", "auth.conf", "--cost", "4"]);
    for (name, value) in env {
        run = run.env(name, value);
    }
    run.output()
}

/// A hash made by `nats hash`.
pub fn hash(folder: &Path, password: &str) -> String {
    nats(folder, &["hash", "--cost", "4"]).stdin(password).ok().out().trim().to_owned()
}

//! Questions to NATS's own Go libraries.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Run, peers};

pub fn program() -> Option<PathBuf> {
    peers::go_program("nats")
}

/// The answers to questions, in one run.
pub fn ask_all(program: &Path, questions: &[Value]) -> Vec<Value> {
    let text: String = questions.iter().map(|question| format!("{question}\n")).collect();
    let output = Run::new(program).stdin(text).ok();
    let answers: Vec<Value> = output.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(answers.len(), questions.len());
    answers
}

pub fn ask(program: &Path, question: Value) -> Value {
    ask_all(program, &[question]).remove(0)
}

//! Runs the `console` blocks of a Markdown document as they stand and compares what they print.
//!
//! In a block, a line that begins with `$ ` is a command for `sh`, lines that begin with `> ` continue it, and the lines up to the
//! next command are its output (both streams). `[..]` stands for any text in a line, a line `...` for any number of lines. A command
//! whose output ends in a line `[exit N]` must end with that code; all others with 0.

use std::path::Path;
use std::process::{Command, Stdio};

/// Where the commands of a document run.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// The folder they start in, which is also their home.
    pub folder: &'a Path,
    /// The folder of programs in front of PATH.
    pub path: &'a Path,
    /// Variables. Of the developer's own environment they see no other.
    pub env: &'a [(&'a str, &'a str)],
}

impl Stage<'_> {
    /// Runs one command to its end: exit code, and both streams in one.
    pub fn run(&self, command: &str) -> (Option<i32>, String) {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec 2>&1\n{command}")]).current_dir(self.folder).stdin(Stdio::null()).env_clear();
        for kept in ["TMPDIR", "LLVM_PROFILE_FILE"] {
            if let Some(value) = std::env::var_os(kept) {
                shell.env(kept, value);
            }
        }
        for who in ["AUTHOR", "COMMITTER"] {
            shell.env(format!("GIT_{who}_NAME"), "example").env(format!("GIT_{who}_EMAIL"), "example@example.org");
        }
        shell.env("PATH", format!("{}:{path}", self.path.display())).env("HOME", self.folder).env("GIT_CONFIG_NOSYSTEM", "1");
        let output = shell.envs(self.env.iter().copied()).output().expect("sh starts");
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// One command of a document and what it should print.
#[derive(Debug)]
struct Step {
    line: usize,
    command: String,
    expected: Vec<String>,
    exit: i32,
}

fn steps(document: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut inside = false;
    for (number, line) in document.lines().enumerate() {
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            inside = !inside && fence.trim() == "console";
            continue;
        }
        if !inside {
            continue;
        }
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step { line: number + 1, command: command.to_owned(), expected: Vec::new(), exit: 0 });
        } else if let Some(step) = steps.last_mut() {
            if let Some(more) = line.strip_prefix("> ").filter(|_| step.expected.is_empty()) {
                step.command.push('\n');
                step.command.push_str(more);
            } else if let Some(code) = line.strip_prefix("[exit ").and_then(|rest| rest.strip_suffix(']')) {
                step.exit = code.parse().expect("`[exit N]` holds a number");
            } else {
                step.expected.push(line.to_owned());
            }
        }
    }
    steps
}

/// Whether a line fits a pattern in which `[..]` stands for any text.
fn line_matches(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

fn output_matches(pattern: &[String], output: &[&str]) -> bool {
    match pattern.split_first() {
        None => output.is_empty(),
        Some((first, rest)) if first == "..." => (0..=output.len()).any(|skip| output_matches(rest, &output[skip..])),
        Some((first, rest)) => {
            output.split_first().is_some_and(|(line, more)| line_matches(first, line) && output_matches(rest, more))
        }
    }
}

/// Runs every command of the document in `folder`, with `path` in front of PATH. Gives the number of commands run.
///
/// # Panics
/// At the first command that ends or prints otherwise than the document says.
pub fn run_document(document: &Path, folder: &Path, path: &Path, env: &[(&str, &str)]) -> usize {
    run_document_with(document, &Stage { folder, path, env }, &mut |_| ())
}

/// The same, with something to do after each command, which it is told.
///
/// # Panics
/// As [`run_document`].
pub fn run_document_with(document: &Path, stage: &Stage, after: &mut dyn FnMut(&str)) -> usize {
    let text = std::fs::read_to_string(document).expect("the document is readable");
    let all = steps(&text);
    assert!(!all.is_empty(), "{} has no console block", document.display());
    for step in &all {
        let (code, printed) = stage.run(&step.command);
        let lines: Vec<&str> = printed.lines().collect();
        let place = format!("{}:{}: $ {}", document.display(), step.line, step.command);
        assert_eq!(code, Some(step.exit), "{place}\nended otherwise; it printed:\n{printed}");
        assert!(
            output_matches(&step.expected, &lines),
            "{place}\nprinted:\n{printed}\nthe document says:\n{}",
            step.expected.join("\n")
        );
        after(&step.command);
    }
    all.len()
}

#[cfg(test)]
#[allow(unused_imports, reason = "a bench without a harness drops the tests and keeps the module")]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_what_they_say_and_nothing_else() {
        assert!(line_matches("a [..] c", "a b c"));
        assert!(!line_matches("a [..] c", "a b d"));
        assert!(line_matches("exact", "exact"));
        assert!(!line_matches("exact", "exactly"));
        assert!(line_matches("[..]x[..]", "axb"));
        let pattern = ["one".to_owned(), "...".to_owned(), "last".to_owned()];
        assert!(output_matches(&pattern, &["one", "2", "3", "last"]));
        assert!(!output_matches(&pattern, &["one", "2", "3"]));
    }

    #[test]
    fn a_block_becomes_commands_with_output_and_exit_code() {
        let all = steps("text\n```console\n$ echo a \\\n> b\na b\n$ false\n[exit 1]\n```\n```sh\n$ not this\n```\n");
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].command, "echo a \\\nb");
        assert_eq!(all[0].expected, ["a b"]);
        assert_eq!(all[1].exit, 1);
    }
}

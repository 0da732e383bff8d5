//! What a person has declared harmless: comments in the file, and patterns of paths in `.hecate-seal.yaml`.
//!
//! A comment `# hecate-seal: allow`, with or without a reason behind it, holds for the key on its line or below it, or for the
//! whole object when it stands above the object's first line or behind its `kind:` or `data:`. In files that are no YAML it holds
//! for its own line and the next. Patterns are those of `.gitignore`, from the settings file's folder.

use std::path::{Path, PathBuf};

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use memchr::memmem;

/// What the comment says.
const MARK: &[u8] = b"hecate-seal: allow";

/// The lines of a file on which something is allowed.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// What each line is; empty when the file has no mark at all.
    lines: Vec<Line>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Nothing but a comment with the mark.
    Allows,
    /// Something else with the mark behind it.
    AllowsItself,
    Comment,
    /// A blank line, or `---`.
    Between,
    Other,
}

impl Marks {
    pub(super) fn read(bytes: &[u8]) -> Self {
        if memmem::find(bytes, MARK).is_none() {
            return Self::default();
        }
        Self { lines: bytes.split(|byte| *byte == b'\n').map(classify).collect() }
    }

    fn line(&self, number: usize) -> Option<Line> {
        self.lines.get(number.checked_sub(1)?).copied()
    }

    /// Whether the line, or the comments right above it, allow what is on it.
    pub(super) fn allow_item(&self, number: usize) -> bool {
        let mut above = (1..number).rev().filter_map(|number| self.line(number));
        self.line(number) == Some(Line::AllowsItself)
            || above.by_ref().take_while(|line| matches!(line, Line::Allows | Line::Comment)).any(|line| line == Line::Allows)
    }

    /// As [`Self::allow_item`], with blank lines and document markers in between.
    pub(super) fn allow_object(&self, number: usize) -> bool {
        let mut above = (1..number).rev().filter_map(|number| self.line(number));
        self.line(number) == Some(Line::AllowsItself)
            || above
                .by_ref()
                .take_while(|line| !matches!(line, Line::Other | Line::AllowsItself))
                .any(|line| line == Line::Allows)
    }
}

fn classify(line: &[u8]) -> Line {
    let line = line.trim_ascii();
    let is_comment = [&b"#"[..], b"//", b"--", b";"].iter().any(|leader| line.starts_with(leader)) && !line.starts_with(b"---");
    let marked = memmem::find(line, MARK).is_some_and(|at| {
        let before = line.get(..at).unwrap_or_default().trim_ascii_end();
        [&b"#"[..], b"//", b"--", b";"].iter().any(|leader| before.ends_with(leader))
    });
    match (marked, is_comment) {
        (true, true) => Line::Allows,
        (true, false) => Line::AllowsItself,
        (false, true) => Line::Comment,
        (false, false) if line.is_empty() || line == b"---" => Line::Between,
        (false, false) => Line::Other,
    }
}

/// Patterns of paths that are passed over.
#[derive(Clone, Debug)]
pub struct AllowedPaths {
    root: PathBuf,
    patterns: Gitignore,
}

impl AllowedPaths {
    /// Reads patterns that start from `root`, an absolute path.
    ///
    /// # Errors
    /// The first pattern that is none, and why.
    pub fn new(root: &Path, patterns: &[String]) -> Result<Self, String> {
        let mut builder = GitignoreBuilder::new(root);
        for pattern in patterns {
            builder.add_line(None, pattern).map_err(|error| format!("`{pattern}`: {error}"))?;
        }
        let patterns = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { root: root.to_owned(), patterns })
    }

    /// Whether a file, given by its absolute path, is passed over.
    #[must_use]
    pub fn contains(&self, path: &Path) -> bool {
        !self.patterns.is_empty()
            && path.strip_prefix(&self.root).is_ok_and(|path| self.patterns.matched_path_or_any_parents(path, false).is_ignore())
    }
}

//! Errors as a person reads them: what failed, why, and what to do about it.
//!
//! ```text
//! error: cannot write infrastructure/hecate/sealed-secrets.yaml
//!   cause: permission denied (os error 13)
//! hint: the file is read-only; make it writable with `chmod u+w` …
//! ```
//!
//! Everything goes to stderr, lower case, without a full stop, coloured only on a terminal and never with `NO_COLOR`. Control
//! characters and those that turn the direction of text, which a file name or a document may carry, are shown as escapes; lines of
//! findings on stdout go through the same hands ([`one_line`]). A message never holds a secret value: it names
//! the file, the document, the object and the key.

use std::fmt::{self, Display, Write as _};

use super::env;
use super::io::Io;

/// How a command ended, as the process reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(u8);

impl Exit {
    /// 0: done.
    pub const DONE: Self = Self(0);
    /// 1: it failed, or problems were found.
    pub const FAILED: Self = Self(1);
    /// 2: the command line or the settings file is wrong.
    pub const USAGE: Self = Self(2);

    /// Any other code, for front ends that must behave as another program.
    #[must_use]
    pub const fn other(code: u8) -> Self {
        Self(code)
    }

    /// The code for the operating system.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.0
    }
}

/// What every command gives back.
pub type Outcome = Result<Exit, Failure>;

/// Why a command failed: message, causes from the outermost in, hints, exit code.
///
/// Made from any error by `?` (its chain of sources becomes the causes); it is no `std::error::Error` itself.
#[derive(Debug)]
pub struct Failure {
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
    also: Vec<Failure>,
    exit: Exit,
}

impl Failure {
    /// A failure with exit code 1.
    pub fn new(message: impl Display) -> Self {
        Self { message: message.to_string(), causes: Vec::new(), hints: Vec::new(), also: Vec::new(), exit: Exit::FAILED }
    }

    /// A wrong command line or settings file: exit code 2.
    pub fn usage(message: impl Display) -> Self {
        Self::new(message).with_exit(Exit::USAGE)
    }

    /// Adds a line of advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Display) -> Self {
        self.hints.push(hint.to_string());
        self
    }

    /// Sets the exit code.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Puts `message` in front; what was the message becomes the first cause.
    #[must_use]
    pub fn wrap(mut self, message: impl Display) -> Self {
        let inner = std::mem::replace(&mut self.message, message.to_string());
        self.causes.insert(0, inner);
        self
    }

    /// Another failure of the same command: told below this one, with its own causes and hints.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.also.push(other);
        self
    }

    /// The outermost message.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The causes, outermost first.
    #[must_use]
    pub fn causes(&self) -> &[String] {
        &self.causes
    }

    /// The hints, in order.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The exit code.
    #[must_use]
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// Message and causes on one line, `: ` between them, as Go programs print them.
    #[must_use]
    pub fn one_line(&self) -> String {
        self.causes.iter().fold(self.message.clone(), |line, cause| line + ": " + cause)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut failure = Self::new(&error);
        let mut source = error.source();
        while let Some(cause) = source {
            failure.causes.push(cause.to_string());
            source = cause.source();
        }
        failure
    }
}

/// Says more about a failure on its way up.
pub trait Context<T> {
    /// Puts a message in front; the error becomes its cause.
    ///
    /// # Errors
    /// Whenever `self` is an error.
    fn context<M: Display>(self, message: impl FnOnce() -> M) -> Result<T, Failure>;

    /// Adds a line of advice.
    ///
    /// # Errors
    /// Whenever `self` is an error.
    fn hint<M: Display>(self, hint: impl FnOnce() -> M) -> Result<T, Failure>;

    /// Makes it a usage error (exit code 2).
    ///
    /// # Errors
    /// Whenever `self` is an error.
    fn or_usage(self) -> Result<T, Failure>;
}

impl<T, E: Into<Failure>> Context<T> for Result<T, E> {
    fn context<M: Display>(self, message: impl FnOnce() -> M) -> Result<T, Failure> {
        self.map_err(|error| error.into().wrap(message()))
    }

    fn hint<M: Display>(self, hint: impl FnOnce() -> M) -> Result<T, Failure> {
        self.map_err(|error| error.into().with_hint(hint()))
    }

    fn or_usage(self) -> Result<T, Failure> {
        self.map_err(|error| error.into().with_exit(Exit::USAGE))
    }
}

/// The word in front of a line on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command failed.
    Error,
    /// It goes on, but someone should know.
    Warning,
    /// What was done, or where something came from.
    Note,
    /// What to do next.
    Hint,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
            Self::Hint => "hint",
        }
    }

    fn colour(self) -> &'static str {
        match self {
            Self::Error => "\x1b[1;31m",
            Self::Warning => "\x1b[1;33m",
            Self::Note => "\x1b[1;34m",
            Self::Hint => "\x1b[1;32m",
        }
    }
}

/// Prints a failure: the message, its causes, its hints.
pub fn print(failure: &Failure, io: &mut Io) {
    let mut text = line(Kind::Error, &failure.message, colours(io));
    let mut last = &failure.message;
    for cause in &failure.causes {
        // Wrapping errors often repeat the inner text; saying it twice helps nobody.
        if !last.ends_with(cause.as_str()) {
            _ = writeln!(text, "  cause: {}", printable(cause));
        }
        last = cause;
    }
    for hint in &failure.hints {
        text += &line(Kind::Hint, hint, colours(io));
    }
    io.complain(&text);
    for other in &failure.also {
        print(other, io);
    }
}

/// One line with its word in front, as it goes to stderr.
#[must_use]
pub fn line(kind: Kind, message: &str, colours: bool) -> String {
    let word = kind.word();
    let message = printable(message);
    if colours { format!("{}{word}:\x1b[0m {message}\n", kind.colour()) } else { format!("{word}: {message}\n") }
}

/// Whether stderr may be coloured.
#[must_use]
pub fn colours(io: &Io) -> bool {
    io.stderr_is_terminal && may_colour(&io.env)
}

/// Whether the environment lets a terminal be coloured.
#[must_use]
pub fn may_colour(env: &env::Env) -> bool {
    env.text(env::NO_COLOR).is_none() && env.text(env::TERM).is_none_or(|term| term != "dumb")
}

/// Whether a character drives the terminal or turns the direction of what follows, so that a line reads as another.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What names and messages of a document are on a line of output: nothing in them ends the line, drives the terminal or turns the
/// text around.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut line, c| {
        if is_unsafe(c) && c != '\t' {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
        line
    })
}

/// The text with unsafe characters as escapes, so that no file name or document can drive the terminal. Line ends and tabs stay.
fn printable(text: &str) -> impl Display + '_ {
    struct Printable<'a>(&'a str);
    impl Display for Printable<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for c in self.0.trim_end_matches('\n').chars() {
                if is_unsafe(c) && c != '\n' && c != '\t' {
                    write!(f, "{}", c.escape_default())?;
                } else {
                    f.write_char(c)?;
                }
            }
            Ok(())
        }
    }
    Printable(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read the certificate")]
    struct Outer(#[source] std::io::Error);

    fn outer() -> Outer {
        Outer(std::io::Error::other("no route"))
    }

    fn printed(failure: &Failure, terminal: bool, env: env::Env) -> String {
        let (mut io, captured) = Io::captured(b"");
        io.stderr_is_terminal = terminal;
        io.env = env;
        print(failure, &mut io);
        captured.stderr()
    }

    #[test]
    fn message_causes_and_hint_come_in_this_order() {
        let failure = Err::<(), _>(outer()).context(|| "cannot seal a.yaml").hint(|| "use --cert").unwrap_err();
        assert_eq!(
            printed(&failure, false, env::Env::default()),
            "error: cannot seal a.yaml\n  cause: cannot read the certificate\n  cause: no route\nhint: use --cert\n"
        );
        assert_eq!(failure.one_line(), "cannot seal a.yaml: cannot read the certificate: no route");
        assert_eq!(failure.exit(), Exit::FAILED);
    }

    #[test]
    fn colour_needs_a_terminal_and_no_color_wins() {
        let failure = Failure::usage("no");
        assert_eq!(failure.exit(), Exit::USAGE);
        assert_eq!(printed(&failure, true, env::Env::default()), "\x1b[1;31merror:\x1b[0m no\n");
        assert_eq!(printed(&failure, true, env::Env::fixed([("NO_COLOR", "1")])), "error: no\n");
        assert_eq!(printed(&failure, true, env::Env::fixed([("TERM", "dumb")])), "error: no\n");
        assert_eq!(printed(&failure, false, env::Env::default()), "error: no\n");
    }

    #[test]
    fn control_characters_in_a_name_are_shown_not_sent() {
        let failure = Failure::new("no file named \x1b]0;pwned\x07.yaml");
        assert_eq!(
            printed(&failure, true, env::Env::fixed([("NO_COLOR", "1")])),
            "error: no file named \\u{1b}]0;pwned\\u{7}.yaml\n"
        );
        assert_eq!(printed(&Failure::new("\u{202e}lmay.a"), false, env::Env::default()), "error: \\u{202e}lmay.a\n");
    }

    #[test]
    fn nothing_in_a_line_of_findings_ends_it_or_turns_it_around() {
        assert_eq!(one_line("päß\ta.yaml:1: error"), "päß\ta.yaml:1: error");
        assert_eq!(one_line("a\nhint: all good\r\u{1b}[2J\u{2066}b\u{85}"), "a\\nhint: all good\\r\\u{1b}[2J\\u{2066}b\\u{85}");
    }
}

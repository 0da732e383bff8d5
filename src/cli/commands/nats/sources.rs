//! Files and variables for the reader of configurations, and findings as they are printed.

use std::fmt::Write as _;
use std::path::Path;

use crate::cli::Io;
use crate::cli::env::Env;
use crate::cli::io::read;
use crate::cli::report::Failure;
use crate::nats::Severity;
use crate::nats::check::{self, Finding};
use crate::nats::conf::{self, Config, ReadError, Sources};
use crate::secret::SecretString;

/// The files of this machine and the variables of this process.
pub(super) struct Here {
    env: Env,
}

impl Here {
    pub(super) fn new(io: &Io) -> Self {
        Self { env: io.env.clone() }
    }
}

impl Sources for Here {
    fn file(&mut self, path: &Path) -> Result<SecretString, String> {
        let mut text = read::text_file(path, conf::MAX_BYTES).map_err(|error| error.to_string())?;
        Ok(SecretString::new(std::mem::take(&mut *text)))
    }

    fn variable(&self, name: &str) -> Option<SecretString> {
        self.env.raw(name)?.into_string().ok().map(SecretString::new)
    }
}

/// One text, for what was just rendered.
struct Only<'a>(&'a SecretString);

impl Sources for Only<'_> {
    fn file(&mut self, path: &Path) -> Result<SecretString, String> {
        if path == Path::new("auth.conf") { Ok(self.0.clone()) } else { Err("not now".into()) }
    }

    fn variable(&self, _: &str) -> Option<SecretString> {
        None
    }
}

/// Reads a rendered text again and looks it over, as if it were a server's whole configuration.
pub(super) fn look_over(text: &SecretString) -> Result<(), Failure> {
    let config = conf::read(Path::new("auth.conf"), &mut Only(text)).map_err(Failure::from)?;
    match check::check(&config).into_iter().find(|finding| finding.severity == Severity::Error) {
        Some(finding) => Err(Failure::new(finding.what).wrap("what was rendered does not protect a server")),
        None => Ok(()),
    }
}

/// A configuration with its findings; or one finding, where it cannot be read.
pub(super) fn checked(path: &Path, io: &Io) -> (Option<Config>, Vec<Finding>) {
    match conf::read(path, &mut Here::new(io)) {
        Ok(config) => {
            let findings = check::check(&config);
            (Some(config), findings)
        }
        Err(ReadError { file, line, what, fix }) => (None, vec![Finding { severity: Severity::Error, file, line, what, fix }]),
    }
}

/// `FILE:LINE: error: WHAT` and the fix below it.
pub(super) fn printed(findings: &[Finding], io: &Io) -> String {
    let mut text = String::new();
    for finding in findings {
        let word = if finding.severity == Severity::Error { "error" } else { "warning" };
        let file = io.shown(&finding.file);
        let place = if finding.line == 0 { file } else { format!("{file}:{}", finding.line) };
        // A subject or a key of the file may hold anything; the terminal gets no control characters.
        let plain = |text: &str| text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect::<String>();
        _ = writeln!(text, "{place}: {word}: {}\n  fix: {}", plain(&finding.what), plain(&finding.fix));
    }
    text
}

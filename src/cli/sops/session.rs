//! What a command works with: what was typed, the outside world, and messages in the shape that fits how we were called.

use std::path::{Component, Path, PathBuf};

use super::Style;
use super::codes;
use super::config::Config;
use super::parse::Parsed;
use crate::cli::io::Level;
use crate::cli::report::{self, Kind};
use crate::cli::{Failure, Io};
use crate::sops::document::Format;
use crate::sops::go;
use crate::sops::rules::{Layouts, Rules};
use crate::sops::tree::{Map, Node};
use crate::sops::value::Scalar;

/// One run of a command.
pub(super) struct Session<'a> {
    /// The outside world.
    pub(super) io: &'a mut Io,
    /// What was typed behind the command; with [`Self::global`] the same where there is no command.
    pub(super) local: Parsed,
    /// What was typed before the command.
    pub(super) global: Parsed,
    /// How we were called.
    pub(super) style: Style,
    /// The rules, once they were looked for.
    config: Option<Option<Config>>,
}

impl<'a> Session<'a> {
    /// A command's.
    pub(super) fn new(io: &'a mut Io, local: Parsed, global: Parsed, style: Style) -> Self {
        if global.is_on("verbose") || local.is_on("verbose") {
            io.level = Level::Verbose;
        }
        Self { io, local, global, style, config: None }
    }

    /// That of a command line without a command.
    pub(super) fn legacy(io: &'a mut Io, global: Parsed, style: Style) -> Self {
        Self::new(io, global.clone(), global, style)
    }

    /// A warning.
    pub(super) fn warn(&mut self, message: impl AsRef<str>) {
        self.log("warning", message.as_ref());
    }

    /// An error that does not end the run.
    pub(super) fn complain(&mut self, message: impl AsRef<str>) {
        self.log("error", message.as_ref());
    }

    /// What was done; shown with `--verbose`.
    pub(super) fn detail(&mut self, message: impl AsRef<str>) {
        if self.io.level >= Level::Verbose {
            self.log("info", message.as_ref());
        }
    }

    fn log(&mut self, level: &str, message: &str) {
        let text = match (self.style, level) {
            // What logrus makes of it when nobody watches, which is what scripts know.
            (Style::Sops, _) => {
                let message: String = message.chars().flat_map(char::escape_debug).collect();
                let message = message.replace("\\'", "'");
                format!("[CMD]\t time=\"{}\" level={level} msg=\"{message}\"\n", go::time_seconds(self.io.now))
            }
            (Style::Ours, "warning") => report::line(Kind::Warning, message, report::colours(self.io)),
            (Style::Ours, "error") => report::line(Kind::Error, message, report::colours(self.io)),
            (Style::Ours, _) => report::line(Kind::Note, message, report::colours(self.io)),
        };
        self.io.complain(&text);
    }

    /// A line about progress, as Go's standard logger writes it.
    pub(super) fn progress(&mut self, message: impl AsRef<str>) {
        match self.style {
            Style::Ours => self.io.note(message),
            Style::Sops => {
                let now = go::time_seconds(self.io.now);
                let (date, clock) = now.split_once('T').unwrap_or_default();
                let line = format!("{} {} {}\n", date.replace('-', "/"), clock.trim_end_matches('Z'), message.as_ref());
                self.io.complain(&line);
            }
        }
    }

    /// The absolute path, without `.` and `..`, links not followed.
    pub(super) fn absolute(&self, path: &str) -> PathBuf {
        clean(&self.io.path(path))
    }

    /// Warns of words behind the first one, which are ignored.
    pub(super) fn warn_of_more_arguments(&mut self) {
        let more: Vec<String> = self.local.args.iter().skip(1).cloned().collect();
        if more.is_empty() {
            return;
        }
        self.warn("More than one positional argument provided. Only the first one will be used!");
        if let Some(flag) = more.iter().rev().find(|word| word.starts_with('-')) {
            self.warn(format!(
                "{flag:?} is one of the arguments that are ignored and looks like a flag; flags belong before the file"
            ));
        }
    }

    /// The name by which rules and formats are chosen: `--filename-override`, else the file's own.
    pub(super) fn chosen_name(&self, file: &Path) -> PathBuf {
        match self.local.text("filename-override") {
            "" => file.to_owned(),
            name => self.absolute(name),
        }
    }

    /// The format of the input: `--input-type`, else by the name.
    pub(super) fn input_format(&self, name: &Path) -> Format {
        format(self.local.text("input-type"), name)
    }

    /// The format of the output: `--output-type`, else by the name.
    pub(super) fn output_format(&self, name: &Path) -> Format {
        format(self.local.text("output-type"), name)
    }

    /// The rules for this run: `--config`, else the nearest `.sops.yaml` above the current folder. None if there is none.
    pub(super) fn config(&mut self) -> Result<Option<&Config>, Failure> {
        if self.config.is_none() {
            let found = match self.global.text("config") {
                "" => {
                    let (path, warning) = Config::find(&self.io.cwd);
                    if let Some(warning) = warning {
                        self.warn(warning);
                    }
                    path
                }
                path => Some(self.absolute(path)),
            };
            self.config = Some(found.map(|path| Config::read(&path, self.io)).transpose()?);
        }
        Ok(self.config.as_ref().and_then(Option::as_ref))
    }

    /// How files are laid out: as the rules say, and `--indent` over it.
    pub(super) fn layouts(&mut self, output: Format) -> Result<Layouts, Failure> {
        let mut layouts = self.config()?.map_or_else(Layouts::default, |config| config.rules.layouts());
        if self.global.is_given("indent") {
            let store = match output {
                Format::Yaml => "yaml",
                Format::Json => "json",
                Format::Binary => "json_binary",
                Format::Dotenv | Format::Ini => return Ok(layouts),
            };
            let number = Node::Leaf(Scalar::Int(self.global.number("indent")));
            let nested = |key: &str, node| Node::Map([(key.to_owned(), node)].into_iter().collect());
            let document: Map = [("stores", nested(store, nested("indent", number)))].into_iter().collect();
            let rules = Rules::read(&document);
            layouts = rules.map_err(|error| Failure::new(format_args!("--indent: {error}")).with_exit(codes::DUMP))?.layouts();
        }
        Ok(layouts)
    }

    /// The services to try first, from `--decryption-order`.
    pub(super) fn decryption_order(&self) -> Result<Vec<String>, Failure> {
        let text = self.local.text("decryption-order");
        let mut order: Vec<String> = Vec::new();
        for name in text.split(',').filter(|_| !text.is_empty()) {
            if order.iter().any(|known| known == name) {
                return Err(Failure::new(format_args!("Duplicate decryption key type: {name}")).with_exit(codes::ORDER));
            }
            order.push(name.to_owned());
        }
        Ok(order)
    }

    /// The one file that a command works on.
    pub(super) fn one_file(&mut self) -> Result<PathBuf, Failure> {
        let Some(name) = self.local.args.first().cloned() else { return Err(no_file()) };
        self.warn_of_more_arguments();
        self.no_two_outputs()?;
        Ok(self.absolute(&name))
    }

    /// Refuses `--in-place` together with `--output`.
    pub(super) fn no_two_outputs(&self) -> Result<(), Failure> {
        if self.local.is_on("in-place") && !self.local.text("output").is_empty() {
            return Err(conflict("Error: cannot operate on both --output and --in-place"));
        }
        Ok(())
    }
}

/// No file was named.
pub(super) fn no_file() -> Failure {
    Failure::new("Error: no file specified").with_exit(codes::NO_FILE)
}

/// Flags that exclude each other.
pub(super) fn conflict(message: &str) -> Failure {
    Failure::new(message).with_exit(codes::CONFLICT)
}

/// A file that is not there.
pub(super) fn non_existent(file: &Path) -> Failure {
    Failure::new(format_args!("Error: cannot operate on non-existent file {:?}", file.display().to_string()))
        .with_exit(codes::NO_FILE)
}

/// The message on one line and the hints below it, as sops prints errors.
pub(super) fn print_failure(failure: &Failure, io: &mut Io) {
    let mut line = failure.message().to_owned();
    for cause in failure.causes() {
        // Wrapping errors often end with the inner text.
        if !line.ends_with(cause.as_str()) {
            line = line + ": " + cause;
        }
    }
    let mut text = String::new();
    for c in line.chars() {
        if c.is_control() && c != '\n' && c != '\t' {
            text.extend(c.escape_default());
        } else {
            text.push(c);
        }
    }
    text.push('\n');
    for hint in failure.hints() {
        text += &report::line(Kind::Hint, hint, report::colours(io));
    }
    io.complain(&text);
}

/// The format that is asked for; an unknown name means that of the path, as in sops.
fn format(asked: &str, path: &Path) -> Format {
    const ALL: [Format; 5] = [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini, Format::Binary];
    if let Some(format) = ALL.into_iter().find(|format| format.name() == asked) {
        return format;
    }
    Format::of_name(&path.to_string_lossy())
}

/// A path without `.` and `..`, by its text alone.
fn clean(path: &Path) -> PathBuf {
    let mut cleaned = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => _ = cleaned.pop(),
            other => cleaned.push(other),
        }
    }
    cleaned
}

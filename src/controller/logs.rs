//! Logs in the shapes of Go's slog, which the reference writes and tools match: `time=… level=… msg=… key=value`, or JSON.
//!
//! What the program itself says is logged, and nothing of its libraries: a client that cannot read an answer of the API server
//! would log the answer, and that may be a Secret. Control characters are escaped in both shapes. Messages are words of ours or
//! the reference's, fields are names, never values of Secrets.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt as _};
use tracing_subscriber::{Layer, Registry};

use super::config::{LogFormat, LogSettings};

/// What every module of this crate has in front of its events.
const OWN_TARGET: &str = env!("CARGO_CRATE_NAME");
/// slog's number of INFO: this and below goes to stdout.
const INFO: i32 = 0;

/// Where lines go: `true` for stdout.
type Sink = dyn Fn(bool, &str) + Send + Sync;

/// Writes every event as one line.
struct Lines {
    settings: LogSettings,
    sink: Arc<Sink>,
    now: fn() -> OffsetDateTime,
}

/// Logs to the process's streams from now on. A second call does nothing.
pub fn install(settings: LogSettings) {
    // A reader that went away must not stop the controller.
    let sink = |to_stdout: bool, line: &str| {
        _ = if to_stdout {
            io::stdout().lock().write_all(line.as_bytes())
        } else {
            io::stderr().lock().write_all(line.as_bytes())
        };
    };
    let lines = Lines { settings, sink: Arc::new(sink), now: OffsetDateTime::now_utc };
    _ = tracing::subscriber::set_global_default(Registry::default().with(lines));
    std::panic::set_hook(Box::new(|panic| {
        // The message of a panic may hold anything; the place is enough to find it.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "A task failed unexpectedly; this is a defect of the program");
    }));
}

/// slog's number of a level.
fn number(level: Level) -> i32 {
    match level {
        Level::ERROR => 8,
        Level::WARN => 4,
        Level::INFO => INFO,
        _ => -4,
    }
}

fn name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "ERROR",
        Level::WARN => "WARN",
        Level::INFO => "INFO",
        _ => "DEBUG",
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let own = metadata.target().strip_prefix(OWN_TARGET).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
        own && metadata.is_event() && number(*metadata.level()) >= self.settings.level
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = *event.metadata().level();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let line = match self.settings.format {
            LogFormat::Text => text_line((self.now)(), level, &fields),
            LogFormat::Json => json_line((self.now)(), level, &fields),
        };
        (self.sink)(self.settings.info_to_stdout && number(level) <= INFO, &line);
    }
}

/// The value of a field as it was given.
enum Shown {
    Text(String),
    /// A number or a boolean: bare in both shapes.
    Bare(String),
}

/// Message and fields of an event, in order.
#[derive(Default)]
struct Fields {
    message: String,
    others: Vec<(&'static str, Shown)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Shown) {
        match (field.name(), value) {
            ("message", Shown::Text(text) | Shown::Bare(text)) => self.message = text,
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, Shown::Text(value.to_owned()));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, Shown::Bare(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, Shown::Bare(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, Shown::Bare(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, Shown::Bare(value.to_string()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.ends_with(&cause_text) {
                text = text + ": " + &cause_text;
            }
            source = cause.source();
        }
        self.put(field, Shown::Text(text));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, Shown::Text(format!("{value:?}")));
    }
}

/// `time=2026-01-02T03:04:05.678Z level=INFO msg="two words" key=value`.
fn text_line(now: OffsetDateTime, level: Level, fields: &Fields) -> String {
    let shape = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");
    let mut line = format!("time={} level={} msg=", now.format(shape).unwrap_or_default(), name(level));
    push_text(&mut line, &fields.message);
    for (key, value) in &fields.others {
        line.push(' ');
        line += key;
        line.push('=');
        match value {
            Shown::Bare(text) => line += text,
            Shown::Text(text) => push_text(&mut line, text),
        }
    }
    line.push('\n');
    line
}

/// A text bare if nothing in it can mislead, else in quotes with Go's escapes.
fn push_text(line: &mut String, text: &str) {
    let bare = |c: char| match c {
        '"' | '=' => false,
        c if c.is_ascii() => c.is_ascii_graphic(),
        c => is_shown(c),
    };
    if !text.is_empty() && text.chars().all(bare) {
        *line += text;
        return;
    }
    line.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                line.push('\\');
                line.push(c);
            }
            '\x07' => *line += "\\a",
            '\x08' => *line += "\\b",
            '\x0c' => *line += "\\f",
            '\n' => *line += "\\n",
            '\r' => *line += "\\r",
            '\t' => *line += "\\t",
            '\x0b' => *line += "\\v",
            ' ' => line.push(c),
            c if c.is_ascii_control() => *line += &format!("\\x{:02x}", u32::from(c)),
            c if is_shown(c) => line.push(c),
            c if u32::from(c) < 0x1_0000 => *line += &format!("\\u{:04x}", u32::from(c)),
            c => *line += &format!("\\U{:08x}", u32::from(c)),
        }
    }
    line.push('"');
}

/// Whether a character shows as itself: no control, no blank other than ` `, nothing that turns the direction of text.
fn is_shown(c: char) -> bool {
    let hidden = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}' | '\u{e000}'..='\u{f8ff}');
    !c.is_control() && !c.is_whitespace() && !hidden
}

/// `{"time":"…","level":"INFO","msg":"…","key":"value"}`.
fn json_line(now: OffsetDateTime, level: Level, fields: &Fields) -> String {
    let mut line = format!("{{\"time\":\"{}\",\"level\":\"{}\",\"msg\":", now.format(&Rfc3339).unwrap_or_default(), name(level));
    push_json(&mut line, &fields.message);
    for (key, value) in &fields.others {
        line.push(',');
        push_json(&mut line, key);
        line.push(':');
        match value {
            Shown::Bare(text) => line += text,
            Shown::Text(text) => push_json(&mut line, text),
        }
    }
    line += "}\n";
    line
}

fn push_json(line: &mut String, text: &str) {
    line.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                line.push('\\');
                line.push(c);
            }
            '\n' => *line += "\\n",
            '\r' => *line += "\\r",
            '\t' => *line += "\\t",
            ' ' => line.push(c),
            // A terminal that shows the log must not obey it.
            c if c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') => {
                *line += &format!("\\u{:04x}", u32::from(c))
            }
            c => line.push(c),
        }
    }
    line.push('"');
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn logged(settings: LogSettings, events: impl FnOnce()) -> Vec<(bool, String)> {
        let lines: Arc<Mutex<Vec<(bool, String)>>> = Arc::default();
        let to = Arc::clone(&lines);
        let sink: Arc<Sink> = Arc::new(move |stdout, line: &str| to.lock().unwrap().push((stdout, line.to_owned())));
        let now = || time::macros::datetime!(2026-01-02 03:04:05.678900 UTC);
        tracing::subscriber::with_default(Registry::default().with(Lines { settings, sink, now }), events);
        let lines = lines.lock().unwrap();
        lines.clone()
    }

    fn one(format: LogFormat, event: impl FnOnce()) -> String {
        let lines = logged(LogSettings { format, ..LogSettings::default() }, event);
        assert_eq!(lines.len(), 1);
        lines[0].1.clone()
    }

    #[test]
    fn text_lines_are_slogs() {
        assert_eq!(
            one(LogFormat::Text, || tracing::info!(version = "0.27.1", n = 3, on = true, "Starting sealed-secrets controller")),
            "time=2026-01-02T03:04:05.678Z level=INFO msg=\"Starting sealed-secrets controller\" version=0.27.1 n=3 on=true\n"
        );
        assert_eq!(
            one(LogFormat::Text, || tracing::warn!(key = "ns/name", empty = "", "Updating")),
            "time=2026-01-02T03:04:05.678Z level=WARN msg=Updating key=ns/name empty=\"\"\n"
        );
    }

    #[test]
    fn nothing_in_a_field_can_start_a_line_or_drive_a_terminal() {
        let hostile = "a\nlevel=INFO \x1b[2J\"\\=\u{7f}\u{85}\u{202e}é";
        assert!(
            one(LogFormat::Text, || tracing::info!(key = hostile, "m"))
                .ends_with("key=\"a\\nlevel=INFO \\x1b[2J\\\"\\\\=\\x7f\\u0085\\u202eé\"\n")
        );
        let line = one(LogFormat::Json, || tracing::info!(key = hostile, "m"));
        assert!(line.ends_with(",\"key\":\"a\\nlevel=INFO \\u001b[2J\\\"\\\\=\\u007f\\u0085\\u202eé\"}\n"), "{line}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["key"], hostile);
    }

    #[test]
    fn json_lines_are_slogs() {
        assert_eq!(
            one(LogFormat::Json, || tracing::info!(version = "0.27.1", n = 3, on = true, "Starting")),
            "{\"time\":\"2026-01-02T03:04:05.6789Z\",\"level\":\"INFO\",\"msg\":\"Starting\",\"version\":\"0.27.1\",\"n\":3,\"on\":true}\n"
        );
    }

    #[test]
    fn levels_choose_the_stream_and_what_is_logged() {
        let all = || {
            tracing::debug!("d");
            tracing::info!("i");
            tracing::warn!("w");
            tracing::error!("e");
        };
        let streams = |settings| logged(settings, all).iter().map(|(stdout, _)| *stdout).collect::<Vec<_>>();
        assert_eq!(streams(LogSettings::default()), [true, false, false]);
        assert_eq!(streams(LogSettings { level: -4, ..LogSettings::default() }), [true, true, false, false]);
        assert_eq!(streams(LogSettings { info_to_stdout: false, ..LogSettings::default() }), [false, false, false]);
        assert_eq!(streams(LogSettings { level: 8, ..LogSettings::default() }), [false]);
    }

    #[test]
    fn libraries_are_not_heard() {
        assert_eq!(
            logged(LogSettings { level: -4, ..LogSettings::default() }, || tracing::error!(target: "kube_client", "x")),
            []
        );
        assert_eq!(logged(LogSettings::default(), || tracing::error!(target: "hecate_seal_x", "x")), []);
    }
}

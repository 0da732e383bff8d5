//! Layer 1: `spec.template.data`, Go templates with sprig's functions, under limits.
//!
//! When a SealedSecret opens, each entry of `spec.template.data` is executed as a Go template over the opened items, and the
//! results become data of the Secret. The language is that of Go's `text/template`, the functions Go's own and those of sprig
//! v3.3.0 but for `env`, `expandenv` and `getHostByName`: nothing here sees the machine. The interpreter is ours, because values
//! must be bytes (a keystore is a value too), must wipe themselves, and because a template from git must not be able to
//! stop a controller: steps, memory, output, depth and costly cryptography are limited ([`Limits`]).
//!
//! Errors name the template, line and column, function and types, never a value.
//!
//! Follows `sealed-secrets.md` §1.6; what differs from the reference is in `docs/compatibility.md`.

mod ast;
mod call;
mod context;
mod dates;
mod exec;
mod format;
mod funcs;
mod json;
mod layout;
mod lex;
mod literal;
mod methods;
mod parse;
mod pattern;
mod semver;
mod unicode;
mod value;

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::secret::SecretBytes;
use context::Context;
use value::{Str, Value};

pub use context::Limits;
pub use dates::parse_duration;
pub use funcs::names as function_names;

/// Why a template gave nothing. Lines count from 1, columns in bytes from 0, both as in Go's messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not a template.
    #[error("template: {name}:{line}:{column}: {reason}")]
    Parse {
        /// The key of the template.
        name: String,
        /// The line where it shows.
        line: usize,
        /// The column where it shows.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// A function or field failed, or a limit was reached (the reason then starts with `limit:`).
    #[error("template: {name}:{line}:{column}: executing: {reason}")]
    Execute {
        /// The key of the template.
        name: String,
        /// The line of the operand that failed.
        line: usize,
        /// The column of the operand that failed.
        column: usize,
        /// What happened, without any value.
        reason: String,
    },
    /// The text is larger than [`Limits::template_bytes`].
    #[error("template: {name}: larger than {limit} bytes")]
    TooLarge {
        /// The key of the template.
        name: String,
        /// The limit.
        limit: usize,
    },
}

/// Executes every template over `values` (a `map[string]string` to the templates), each under its own key. What the clock says
/// is `now`. The limits are for all templates together.
///
/// # Errors
/// Every template that does not parse or execute, with its key; then nothing is rendered.
pub fn render(
    templates: &BTreeMap<String, String>,
    values: &BTreeMap<String, SecretBytes>,
    limits: &Limits,
    now: OffsetDateTime,
) -> Result<BTreeMap<String, SecretBytes>, Vec<(String, Error)>> {
    let mut cx = Context::new(limits, now);
    let mut rendered = BTreeMap::new();
    let mut errors = Vec::new();
    for (name, text) in templates {
        cx.clear();
        match render_one(&mut cx, name, text, values, limits) {
            Ok(output) => {
                rendered.insert(name.clone(), output);
            }
            Err(error) => errors.push((name.clone(), error)),
        }
    }
    if errors.is_empty() { Ok(rendered) } else { Err(errors) }
}

fn render_one(
    cx: &mut Context,
    name: &str,
    text: &str,
    values: &BTreeMap<String, SecretBytes>,
    limits: &Limits,
) -> Result<SecretBytes, Error> {
    if text.len() > limits.template_bytes {
        return Err(Error::TooLarge { name: name.to_owned(), limit: limits.template_bytes });
    }
    let set = parse::parse(name, text).map_err(|bad| {
        let (line, column) = position(text, bad.pos);
        Error::Parse { name: name.to_owned(), line, column, reason: bad.message }
    })?;
    let entries =
        values.iter().map(|(key, value)| (Str::copy_of(key.as_bytes()), Value::Str(Str::copy_of(value.expose())))).collect();
    let data = cx.map_of(entries, true);
    data.and_then(|data| exec::Exec::run(cx, &set, name.as_bytes(), data)).map_err(|fault| {
        let (line, column) = position(text, fault.pos.unwrap_or(0));
        Error::Execute { name: name.to_owned(), line, column, reason: fault.message.into_owned() }
    })
}

/// Line and column of a byte.
fn position(text: &str, pos: usize) -> (usize, usize) {
    let before = text.as_bytes().get(..pos).unwrap_or(text.as_bytes());
    let line_start = before.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
    (before.iter().filter(|&&b| b == b'\n').count() + 1, before.len() - line_start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Vec<u8>, Error> {
        let templates = BTreeMap::from([("key".to_owned(), text.to_owned())]);
        let values = BTreeMap::from([
            ("user".to_owned(), SecretBytes::copy_of(b"admin")),
            ("bin".to_owned(), SecretBytes::copy_of(&[0xff, 0x00, 0xfe])),
        ]);
        let now = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap();
        let mut rendered = render(&templates, &values, &Limits::default(), now).map_err(|mut errors| errors.remove(0).1)?;
        Ok(rendered.remove("key").unwrap().expose().to_vec())
    }

    #[test]
    fn values_are_bytes_and_pass_through_unchanged() {
        assert_eq!(one("{{ .bin }}").unwrap(), [0xff, 0x00, 0xfe]);
        assert_eq!(one("{{ .bin | b64enc }} {{ len .bin }}").unwrap(), b"/wD+ 3");
    }

    #[test]
    fn a_missing_key_is_no_value_and_its_index_is_empty() {
        assert_eq!(one(r#"[{{ .missing }}][{{ index . "missing" }}]"#).unwrap(), b"[<no value>][]");
    }

    #[test]
    fn errors_say_where_and_never_what_the_value_is() {
        let error = one("line\n  {{ .user | atoi | upper }}").unwrap_err();
        assert_eq!(error.to_string(), "template: key:2:20: executing: wrong type for value; expected string; got int");
        let error = one("{{ fail (printf \"%s\" .user) }}").unwrap_err();
        assert!(!error.to_string().contains("admin"), "{error}");
        let error = one("{{ nosuch }}").unwrap_err();
        assert_eq!(error.to_string(), "template: key:1:3: function \"nosuch\" not defined");
    }

    #[test]
    fn every_template_that_fails_is_reported_with_its_key() {
        let templates = ["{{", "fine", "{{ upper 1 }}"].iter().enumerate();
        let templates = templates.map(|(n, text)| (format!("k{n}"), (*text).to_owned())).collect();
        let errors = render(&templates, &BTreeMap::new(), &Limits::default(), OffsetDateTime::UNIX_EPOCH).unwrap_err();
        assert_eq!(errors.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["k0", "k2"]);
    }
}

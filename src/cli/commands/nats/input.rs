//! One line that is secret, from where it may come: a prompt, standard input, a file, a variable. Never an argument.

use std::path::Path;

use crate::cli::Io;
use crate::cli::io::read;
use crate::cli::report::{Context, Failure};
use crate::cli::value_input::without_last_newline;
use crate::secret::{SecretBytes, SecretString};

/// Where it comes from. Without both: the prompt on a terminal, else standard input.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct From<'a> {
    pub(super) env: Option<&'a str>,
    pub(super) file: Option<&'a Path>,
}

/// Reads it. A last line break is no part of it; any other is an error, as is an empty value.
pub(super) fn secret(what: &str, from: From<'_>, confirm: bool, io: &mut Io) -> Result<SecretString, Failure> {
    let unreadable = || format!("cannot read {what}");
    let bytes = match from {
        From { env: Some(name), .. } => {
            let value =
                io.env.raw(name).ok_or_else(|| Failure::new(format_args!("the environment variable {name} is not set")))?;
            SecretBytes::new(value.into_encoded_bytes())
        }
        From { file: Some(path), .. } if path.as_os_str() != "-" => {
            let mut bytes = read::file(&io.path(path), read::MAX_VALUE).context(|| path.display()).context(unreadable)?;
            SecretBytes::new(std::mem::take(&mut *bytes))
        }
        From { file: None, .. } if io.stdin_is_terminal => {
            let typed = (io.ask)(&format!("{what} (not shown): ")).context(unreadable)?;
            if confirm && (io.ask)(&format!("{what} again: ")).context(unreadable)? != typed {
                return Err(Failure::new("the two are not the same").with_hint("nothing was done; try again"));
            }
            typed.into()
        }
        From { .. } => {
            let mut bytes = read::stream(&mut io.stdin, read::MAX_VALUE).context(|| "standard input").context(unreadable)?;
            SecretBytes::new(std::mem::take(&mut *bytes))
        }
    };
    one_line(&bytes).map_err(|why| Failure::new(format_args!("{what} {why}")))
}

/// The bytes as one line of text, without a line break at the end.
pub(super) fn one_line(bytes: &SecretBytes) -> Result<SecretString, &'static str> {
    let text = without_last_newline(bytes).into_text().map_err(|_| "is not UTF-8 text")?;
    if text.is_empty() {
        return Err("is empty");
    }
    if text.expose().contains(['\n', '\r', '\0']) {
        return Err("has more than one line, or a NUL");
    }
    Ok(text)
}

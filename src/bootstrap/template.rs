//! The templates of bootstrap files: text with references in it, and nothing more.
//!
//! `{{ KEY }}` stands for the value of a key (see [`super::id::resolve`]), `{{ KEY | urlencode }}` for its encoded form. There is
//! no logic. Whatever it needs beyond that (a user name, a host) stands in the text.

use zeroize::Zeroizing;

use super::id::{self, KeyId, SecretId};
use crate::secret::{SecretBytes, SecretString};

/// A parsed template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value { key: KeyId, filters: Vec<Filter> },
}

/// What is done to a value before it is put into the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Everything but RFC 3986's unreserved characters as `%XX`.
    Urlencode,
    /// Base64 with padding.
    B64,
    /// A JSON string with its quotes.
    Json,
    /// ASCII letters in lower case.
    Lower,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `{{` without `}}`.
    #[error("`{{{{` is never closed by `}}}}`")]
    Open,
    /// What stands between the braces names no key.
    #[error("`{{{{ {0} }}}}` names no key: write KEY, secret/KEY or namespace/secret/KEY")]
    Reference(String),
    /// A filter that there is none of.
    #[error("there is no filter `{0}`: use urlencode, b64, json or lower")]
    Filter(String),
    /// A value that is no text, where text is needed.
    #[error("the value of {0} is not UTF-8 text; use `| b64`")]
    NotText(KeyId),
    /// A value that is not there.
    #[error("{0} has no value")]
    Missing(KeyId),
}

impl Template {
    /// Reads a template that stands in a Secret.
    ///
    /// # Errors
    /// [`Error`] other than those of values.
    pub fn parse(text: &str, within: &SecretId) -> Result<Self, Error> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            let (inside, behind) = after.split_once("}}").ok_or(Error::Open)?;
            let mut words = inside.split('|').map(str::trim);
            let reference = words.next().unwrap_or_default();
            let key = id::resolve(reference, within).ok_or_else(|| Error::Reference(reference.to_owned()))?;
            let filters = words.map(filter).collect::<Result<_, _>>()?;
            parts.push(Part::Value { key, filters });
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The keys that it refers to.
    pub fn references(&self) -> impl Iterator<Item = &KeyId> {
        self.parts.iter().filter_map(|part| match part {
            Part::Value { key, .. } => Some(key),
            Part::Text(_) => None,
        })
    }

    /// The keys whose value goes into a URL as it is. A template is a URL when `://` stands in its text.
    pub fn bare_in_url(&self) -> impl Iterator<Item = &KeyId> {
        let is_url = self.parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains("://")));
        self.parts.iter().filter_map(move |part| match part {
            Part::Value { key, filters } if is_url && !filters.contains(&Filter::Urlencode) => Some(key),
            _ => None,
        })
    }

    /// The text with every value in its place.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::NotText`].
    pub fn render<'v>(&self, value_of: impl Fn(&KeyId) -> Option<&'v SecretBytes>) -> Result<SecretBytes, Error> {
        let mut pieces = Vec::with_capacity(self.parts.len());
        for part in &self.parts {
            pieces.push(match part {
                Part::Text(text) => SecretBytes::copy_of(text.as_bytes()),
                Part::Value { key, filters } => {
                    let value = value_of(key).ok_or_else(|| Error::Missing(key.clone()))?;
                    filters.iter().try_fold(value.clone(), |value, filter| filter.apply(value, key))?
                }
            });
        }
        // Sized at once: growing would leave copies of values behind.
        let mut whole = Vec::with_capacity(pieces.iter().map(SecretBytes::len).sum());
        for piece in &pieces {
            whole.extend_from_slice(piece.expose());
        }
        Ok(SecretBytes::new(whole))
    }
}

fn filter(name: &str) -> Result<Filter, Error> {
    match name {
        "urlencode" => Ok(Filter::Urlencode),
        "b64" => Ok(Filter::B64),
        "json" => Ok(Filter::Json),
        "lower" => Ok(Filter::Lower),
        other => Err(Error::Filter(other.to_owned())),
    }
}

/// Whether a URL carries this byte as it is, wherever it stands.
#[must_use]
pub fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

impl Filter {
    fn apply(self, value: SecretBytes, key: &KeyId) -> Result<SecretBytes, Error> {
        let text = |bytes: &SecretBytes| match bytes.clone().into_text() {
            Ok(text) => Ok(text),
            Err(_) => Err(Error::NotText(key.clone())),
        };
        Ok(match self {
            Self::Urlencode => {
                const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
                let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
                let mut encoded = Vec::with_capacity(value.len() * 3);
                for &byte in value.expose() {
                    if is_unreserved(byte) {
                        encoded.push(byte);
                    } else {
                        encoded.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
                    }
                }
                SecretBytes::new(encoded)
            }
            Self::B64 => SecretString::new(crate::manifest::encode_base64(value.expose())).into(),
            Self::Json => {
                let text = text(&value)?;
                let mut encoded = Zeroizing::new(Vec::with_capacity(text.len() * 6 + 2));
                serde_json::to_writer(&mut *encoded, text.expose()).map_err(|_| Error::NotText(key.clone()))?;
                SecretBytes::new(std::mem::take(&mut *encoded))
            }
            Self::Lower => SecretBytes::new(text(&value)?.expose().to_ascii_lowercase().into_bytes()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> SecretId {
        SecretId::new("web", "app")
    }

    fn render(template: &str, value: &[u8]) -> Result<String, Error> {
        let value = SecretBytes::copy_of(value);
        let rendered = Template::parse(template, &here())?.render(|_| Some(&value))?;
        Ok(String::from_utf8(rendered.expose().to_vec()).unwrap())
    }

    #[test]
    fn values_stand_where_they_are_referred_to_and_in_the_form_asked_for() {
        assert_eq!(render("a://u:{{K}}@h", b"pw").unwrap(), "a://u:pw@h");
        assert_eq!(render("{{ K | urlencode }}", b"a/b+c d~\xff").unwrap(), "a%2Fb%2Bc%20d~%FF");
        assert_eq!(render("{{K|b64}}", b"\xff\x00").unwrap(), "/wA=");
        assert_eq!(render("{\"k\":{{ K | json }}}", "a\"\\\u{e9}\n".as_bytes()).unwrap(), "{\"k\":\"a\\\"\\\\\u{e9}\\n\"}");
        assert_eq!(render("{{K|lower|b64}}", b"AB").unwrap(), "YWI=");
        assert_eq!(render("no value, } { alone", b"").unwrap(), "no value, } { alone");
    }

    #[test]
    fn mistakes_are_named() {
        assert_eq!(render("{{ K", b""), Err(Error::Open));
        assert_eq!(render("{{ }}", b""), Err(Error::Reference(String::new())));
        assert_eq!(render("{{ K | upper }}", b""), Err(Error::Filter("upper".into())));
        assert_eq!(render("{{ K | json }}", b"\xff"), Err(Error::NotText(here().key("K"))));
        let none = Template::parse("{{ K }}", &here()).unwrap().render(|_| None);
        assert_eq!(none, Err(Error::Missing(here().key("K"))));
    }

    #[test]
    fn a_value_that_is_bare_in_a_url_is_found() {
        let bare = |text: &str| Template::parse(text, &here()).unwrap().bare_in_url().cloned().collect::<Vec<_>>();
        assert_eq!(bare("nats://u:{{ A }}@{{ B | urlencode }}"), [here().key("A")]);
        assert_eq!(bare("user={{ A }}"), []);
    }
}

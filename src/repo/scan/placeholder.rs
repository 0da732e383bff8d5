//! Values that are no secrets although a Secret holds them: nothing, what is sealed already, placeholders, public keys.
//!
//! A placeholder is what another program replaces later (`${VAR}`, `$(VAR)`, `{{ … }}`), a reference into a vault, or a word
//! that everybody writes where a value is missing. Text around a substitution makes a value of it again: in
//! `postgres://app:hunter2@${HOST}` there is a password. So does a default, as in `${PASSWORD:=hunter2}`.

use crate::manifest::decode_base64;
use crate::sops::value::Encrypted;

/// Whole values that stand for a missing one, compared without case and with `-` and `_` taken away.
const WORDS: [&str; 14] = [
    "changeme",
    "changethis",
    "replaceme",
    "replacethis",
    "placeholder",
    "redacted",
    "todo",
    "tbd",
    "none",
    "null",
    "example",
    "dummy",
    "fillme",
    "fillmein",
];

/// How references into other stores of secrets begin: 1Password, vals, bank-vaults.
const REFERENCES: [&str; 4] = ["op://", "ref+", "secretref+", "vault:"];

/// How the text is to be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `stringData`: as it is.
    Text,
    /// `data`: base64.
    Base64,
}

/// Whether the value may be in git.
pub(super) fn is_harmless(text: &str, form: Form) -> bool {
    let text = text.trim();
    if is_placeholder(text) || Encrypted::parse(text).is_ok() {
        return true;
    }
    match form {
        Form::Text => is_public_pem(text),
        Form::Base64 => decode_base64(text.as_bytes())
            .is_ok_and(|bytes| std::str::from_utf8(&bytes).is_ok_and(|text| is_placeholder(text.trim()) || is_public_pem(text))),
    }
}

fn is_placeholder(text: &str) -> bool {
    if text.is_empty() || REFERENCES.iter().any(|start| text.starts_with(start)) {
        return true;
    }
    if text.starts_with('<') && text.ends_with('>') && !text.contains('\n') {
        return true;
    }
    let (rest, substitutions) = without_substitutions(text);
    if substitutions > 0 {
        return !rest.contains(char::is_alphanumeric);
    }
    let mut chars = text.chars();
    let first = chars.next().unwrap_or_default();
    if text.len() > 2 && matches!(first, '*' | 'x' | 'X' | '.' | '-' | '_' | '?') && chars.all(|c| c == first) {
        return true;
    }
    let word: String = text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect();
    WORDS.iter().any(|known| known.eq_ignore_ascii_case(&word))
}

/// The text without its substitutions, and how many there were. What a substitution has as its default stays.
fn without_substitutions(text: &str) -> (String, usize) {
    let (mut rest, mut count, mut left) = (String::new(), 0, text);
    'text: while let Some(c) = left.chars().next() {
        for (open, close) in [("${", "}"), ("$(", ")"), ("{{", "}}")] {
            if let Some(inside) = left.strip_prefix(open)
                && let Some(end) = inside.find(close)
            {
                let (inner, after) = inside.split_at(end);
                let name_ends = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
                let is_name = inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                if open == "{{" || is_name {
                    count += 1;
                    if open == "${" {
                        rest.push_str(inner.get(name_ends..).unwrap_or_default());
                    }
                    left = after.get(close.len()..).unwrap_or_default();
                    continue 'text;
                }
            }
        }
        rest.push(c);
        left = left.get(c.len_utf8()..).unwrap_or_default();
    }
    (rest, count)
}

/// Nothing but certificates and public keys.
fn is_public_pem(text: &str) -> bool {
    const PUBLIC: [&str; 6] =
        ["CERTIFICATE", "TRUSTED CERTIFICATE", "CERTIFICATE REQUEST", "X509 CRL", "PUBLIC KEY", "RSA PUBLIC KEY"];
    let (mut inside, mut blocks) = (false, 0);
    for line in text.lines().map(str::trim) {
        let marker = |start: &str| line.strip_prefix(start).and_then(|rest| rest.strip_suffix("-----"));
        match (marker("-----BEGIN "), marker("-----END ")) {
            (Some(label), _) if !inside && PUBLIC.contains(&label) => (inside, blocks) = (true, blocks + 1),
            (_, Some(_)) if inside => inside = false,
            (None, None) if inside || line.is_empty() => {}
            _ => return false,
        }
    }
    blocks > 0 && !inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_values() {
        for text in [
            "",
            "${PASSWORD}",
            "${A}:${B}",
            "${A:-}",
            "$(VAR)",
            "{{ .Values.password | b64enc }}",
            "<password>",
            "<path:secret/data/app#key>",
            "op://vault/item/field",
            "CHANGE_ME",
            "change-me",
            "xxxxxxxx",
            "****",
        ] {
            assert!(is_harmless(text, Form::Text), "{text}");
        }
        for text in [
            "hunter2",
            "postgres://app:hunter2@${HOST}",
            "${PASSWORD:=hunter2}",
            "!@#$%",
            "xxy",
            "${",
            "$1$abc",
            "<a>\n<b>",
            "ENC[AES256_GCM,data:x]",
        ] {
            assert!(!is_harmless(text, Form::Text), "{text}");
        }
        assert!(is_harmless("JHtQQVNTV09SRH0=", Form::Base64), "base64 of a substitution");
        assert!(is_harmless("${BASE64}", Form::Base64));
        assert!(!is_harmless("aHVudGVyMg==", Form::Base64));
        assert!(!is_harmless("no base64", Form::Base64));
    }

    #[test]
    fn only_public_halves_are_public() {
        let certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
        assert!(is_public_pem(certificate) && is_public_pem(&certificate.repeat(2)));
        let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----\n";
        assert!(!is_public_pem(key) && !is_public_pem(&format!("{certificate}{key}")));
        assert!(!is_public_pem(&format!("{certificate}hunter2")));
        assert!(!is_public_pem("-----BEGIN CERTIFICATE-----\nhunter2"));
    }
}

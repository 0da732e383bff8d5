//! Values that are no secrets although a Secret holds them: nothing, what is sealed already, placeholders, public keys.
//!
//! A placeholder is what another program replaces later (`${VAR}`, `$(VAR)`, `{{ … }}`), a reference into a vault, or a word
//! that everybody writes where a value is missing. Text around a substitution makes a value of it again: in
//! `postgres://app:hunter2@${HOST}` there is a password. So does a default, as in `${PASSWORD:=hunter2}`, and a literal that an
//! action of a template gives, as in `{{ "hunter2" | b64enc }}` and `{{ .Values.x | default "hunter2" }}`.

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
    let parts = Parts::of(text);
    if parts.substitutions > 0 {
        return !parts.around.contains(char::is_alphanumeric) && !parts.inside.contains(char::is_alphanumeric);
    }
    let mut chars = text.chars();
    let first = chars.next().unwrap_or_default();
    if text.len() > 2 && matches!(first, '*' | 'x' | 'X' | '.' | '-' | '_' | '?') && chars.all(|c| c == first) {
        return true;
    }
    let word: String = text.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).collect();
    WORDS.iter().any(|known| known.eq_ignore_ascii_case(&word))
}

/// Whether a value in text that cannot be parsed is surely there. Text around a substitution may be harmless (a host, a port),
/// and is only sure when it is the password of an address.
pub(super) fn is_clear(text: &str, form: Form) -> bool {
    let text = text.trim();
    let is_variable = |at: usize| {
        let after = text.get(at + 1..).and_then(|rest| rest.chars().next());
        after.is_some_and(|c| c.is_ascii_alphabetic() || matches!(c, '_' | '{' | '('))
    };
    let parts = Parts::of(text);
    if parts.inside.contains(char::is_alphanumeric) || has_password(&parts.around) {
        return true;
    }
    let of_others =
        ["{%", "<%", "`"].iter().any(|mark| text.contains(mark)) || text.match_indices('$').any(|(at, _)| is_variable(at));
    parts.substitutions == 0 && !of_others && !is_harmless(text, form)
}

/// `scheme://user:password@`
fn has_password(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let authority = rest.split(|c: char| c == '/' || c.is_whitespace()).next().unwrap_or_default();
        let user = authority.rsplit_once('@').map(|(user, _)| user);
        user.and_then(|user| user.split_once(':')).is_some_and(|(_, password)| password.contains(char::is_alphanumeric))
    })
}

/// A text taken apart at its substitutions.
#[derive(Default)]
struct Parts {
    /// What stands around them.
    around: String,
    /// Values that they hold themselves: defaults and literals.
    inside: String,
    substitutions: usize,
}

impl Parts {
    fn of(text: &str) -> Self {
        let (mut parts, mut left) = (Self::default(), text);
        'text: while let Some(c) = left.chars().next() {
            for (open, close) in [("${", "}"), ("$(", ")"), ("{{", "}}")] {
                if let Some(inside) = left.strip_prefix(open)
                    && let Some(end) = inside.find(close)
                {
                    let (inner, after) = inside.split_at(end);
                    let name_ends = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(inner.len());
                    let is_name = inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
                    if open == "{{" || is_name {
                        parts.substitutions += 1;
                        match open {
                            "${" => parts.inside.push_str(inner.get(name_ends..).unwrap_or_default()),
                            "{{" => literals(inner, &mut parts.inside),
                            _ => {}
                        }
                        left = after.get(close.len()..).unwrap_or_default();
                        continue 'text;
                    }
                }
            }
            parts.around.push(c);
            left = left.get(c.len_utf8()..).unwrap_or_default();
        }
        parts
    }
}

/// Functions of templates whose argument becomes the value, of Helm and Jinja. Of other functions it is rather a name or a format.
const GIVING: [&str; 8] = ["default", "d", "b64enc", "b64encode", "quote", "squote", "toString", "ternary"];

/// Appends what an action of a template gives by itself: the text that it begins with, and arguments of [`GIVING`].
fn literals(action: &str, into: &mut String) {
    let action = action.trim_start_matches(['-', '~']).trim_start();
    let mut from = 0;
    while let Some(start) = action.get(from..).and_then(|rest| rest.find(['"', '\'', '`'])).map(|at| from + at) {
        let mut chars = action.get(start..).unwrap_or_default().char_indices();
        let quote = chars.next().map_or('"', |(_, quote)| quote);
        let mut escaped = false;
        let end = chars.find_map(|(at, c)| {
            let ends = c == quote && !escaped;
            escaped = c == '\\' && quote != '`' && !escaped;
            ends.then_some(start + at)
        });
        // Without its end it is no action that anybody could run.
        let Some(end) = end else { return };
        let text = action.get(start + 1..end).unwrap_or_default();
        let before = action.get(..start).unwrap_or_default().trim_end_matches([' ', '(']);
        let word = before.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next().unwrap_or_default();
        if (before.is_empty() || GIVING.contains(&word)) && !is_placeholder(text) {
            into.push_str(text);
        }
        from = end + 1;
    }
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
            "{{ required \"a password\" .Values.password | default \"\" | quote }}",
            "{{ lookup('env', 'PASSWORD') | default('CHANGEME') }}",
            "{{ \"x }}",
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
            "{{ \"hunter2\" | b64enc }}",
            "{{- ('hunter2') | b64encode -}}",
            "{{ .Values.password | default \"hunter2\" | b64enc }}",
            "{{ x | default('hunter2') }}",
        ] {
            assert!(!is_harmless(text, Form::Text), "{text}");
        }
        assert!(is_harmless("JHtQQVNTV09SRH0=", Form::Base64), "base64 of a substitution");
        assert!(is_harmless("${BASE64}", Form::Base64));
        assert!(!is_harmless("aHVudGVyMg==", Form::Base64));
        assert!(!is_harmless("no base64", Form::Base64));
    }

    #[test]
    fn in_a_template_only_what_is_sure_is_a_value() {
        for text in ["hunter2", "pa$$", "https://a:hunter2@{{ .host }}", "${A:-hunter2}", "{{ b64enc \"hunter2\" }}", "$ 5x"] {
            assert!(is_clear(text, Form::Text), "{text}");
        }
        for text in ["", "{{ .a }}", "{{ .a }}.example.org:5432", "$PASSWORD", "$(openssl rand 8)", "`pass x`", "<%= x %>-y"] {
            assert!(!is_clear(text, Form::Text), "{text}");
        }
        assert!(!is_clear("https://{{ .user }}:{{ .password }}@db.example.org", Form::Text));
        assert!(is_clear("aHVudGVyMg==", Form::Base64) && !is_clear("Q0hBTkdFTUU=", Form::Base64));
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

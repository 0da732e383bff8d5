//! What a person does about a finding, as a command where there is one.
//!
//! The command is meant to be copied into a shell. File names come from whoever wrote the tree: they are quoted, begin with no
//! dash, and a name that a terminal would not show as it is gets no command at all.

use crate::repo::scan::Kind;

/// The next step for a finding in a file, given as it is shown; `has_rule`: sops would find a rule for it.
pub(super) fn step(kind: &Kind, file: &str, has_rule: bool) -> String {
    let Some(word) = shell_word(file) else {
        return "rename the file: its name holds characters that are not shown; then run this again".to_owned();
    };
    match kind {
        Kind::PlainSecret | Kind::NotEncrypted(_) if has_rule => format!("sops encrypt --in-place {word}"),
        Kind::PlainSecret => {
            let (folder, name) =
                file.rsplit_once('/').map_or((String::new(), file), |(folder, name)| (format!("{folder}/"), name));
            let sealed = shell_word(&format!("{folder}sealed-{name}")).unwrap_or_default();
            format!("hecate-seal seal {word} -o {sealed} && rm {word}")
        }
        Kind::GeneratorLiteral | Kind::Literal => "seal it instead (`hecate-seal KEY`) and take the literal out".to_owned(),
        Kind::PlainCopy => "take the annotation out".to_owned(),
        Kind::SealingKey => {
            "keep it outside of the repository; if it was ever pushed, make a new key and seal every value anew".to_owned()
        }
        Kind::PrivateKey(_) => "keep it outside of the repository; if it was ever pushed, replace the key".to_owned(),
        Kind::PartlyEncrypted => format!("take the value out, then put it in with `sops edit {word}`"),
        _ => format!("mend it, or declare it harmless in .hecate-seal.yaml: scan: {{ allow: [{}] }}", pattern(file)),
    }
}

/// Whether a terminal would act on the character, or hide it: controls, line breaks, marks that turn the direction of writing.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '+' | ':' | '@' | '%' | ',' | '=')
}

/// The path as a word for a shell; `None` when its name cannot be shown as it is (or is not UTF-8, so that it would be another).
fn shell_word(path: &str) -> Option<String> {
    if path.chars().any(|c| is_hidden(c) || c == char::REPLACEMENT_CHARACTER) {
        return None;
    }
    // A name that begins with a dash is an option, whatever quotes stand around it.
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    Some(if path.chars().all(is_plain) { path } else { format!("'{}'", path.replace('\'', "'\\''")) })
}

/// The path as a pattern of `.gitignore`, in a list of YAML.
fn pattern(path: &str) -> String {
    let escaped: String = path.chars().flat_map(|c| ['\\', c].into_iter().skip(usize::from(!"\\*?[]{}!#".contains(c)))).collect();
    let is_word = escaped.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-'));
    if is_word && !escaped.starts_with('-') { escaped } else { serde_json::Value::from(escaped).to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_holds_the_name_and_nothing_else() {
        let next = |file: &str| step(&Kind::PlainSecret, file, false);
        assert_eq!(next("a/b.yaml"), "hecate-seal seal a/b.yaml -o a/sealed-b.yaml && rm a/b.yaml");
        assert_eq!(next("it's;x.yaml"), "hecate-seal seal 'it'\\''s;x.yaml' -o 'sealed-it'\\''s;x.yaml' && rm 'it'\\''s;x.yaml'");
        assert_eq!(next("-rf.yaml"), "hecate-seal seal ./-rf.yaml -o sealed--rf.yaml && rm ./-rf.yaml");
        for name in ["x\u{1b}]0;pwn\u{7}.yaml", "x\n::error::y.yaml", "x\u{202e}lmay.exe", "x\u{fffd}.yaml"] {
            for kind in [Kind::PlainSecret, Kind::NotEncrypted(0), Kind::PartlyEncrypted, Kind::Unreadable] {
                for has_rule in [false, true] {
                    let step = step(&kind, name, has_rule);
                    assert!(step.starts_with("rename the file") && !step.contains(is_hidden), "{step:?}");
                }
            }
        }
    }

    #[test]
    fn a_pattern_means_the_file_alone() {
        assert_eq!(pattern("a/b.yaml"), "a/b.yaml");
        assert_eq!(pattern("a b*.yaml"), r#""a b\\*.yaml""#);
        assert_eq!(pattern("[x], y"), r#""\\[x\\], y""#);
    }
}

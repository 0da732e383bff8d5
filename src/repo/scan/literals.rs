//! Values of Secrets in text that is no YAML: templates of Helm, Jinja and others, manifests inside of scripts.
//!
//! Reads lines and columns, not syntax: from `kind: Secret` up and down over what stands as deep or deeper, then the entries
//! right below `data` and `stringData`. Only what is surely a value counts ([`is_clear`]): what a template makes of its values
//! nobody knows without them.

use super::placeholder::{Form, is_clear, is_harmless};
use super::secrets::Found;
use super::{Finding, Kind};
use crate::seal::is_valid_key;
use crate::yaml;

/// How many lines of an object are looked at, in each direction.
const MAX_LINES: usize = 10_000;

/// A line without its indentation, and without the dash of an item.
#[derive(Clone, Copy)]
struct Line<'t> {
    column: usize,
    text: &'t str,
    /// A dash stood before it.
    is_item: bool,
}

impl<'t> Line<'t> {
    fn of(raw: &'t str) -> Self {
        let mut text = raw.trim_start();
        let mut is_item = false;
        while let Some(rest) = text.strip_prefix("- ") {
            (text, is_item) = (rest.trim_start(), true);
        }
        Self { column: raw.len() - text.len(), text: text.trim_end(), is_item }
    }

    /// Nothing, a comment, or an action of a template alone: stands at any depth.
    fn is_passing(self) -> bool {
        self.text.is_empty() || ["#", "//", "{{", "{%", "<%"].iter().any(|start| self.text.starts_with(start))
    }

    /// Nothing but brackets of JSON.
    fn is_bracket(self) -> bool {
        self.text.chars().all(|c| matches!(c, '{' | '}' | '[' | ']' | ','))
    }

    /// `key: rest` or `"key": rest`.
    fn field(self) -> Option<(&'t str, &'t str)> {
        let quote = self.text.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (key, rest) = match quote {
            Some(quote) => self.text.get(1..)?.split_once(quote)?,
            None => self.text.split_at(self.text.find(|c: char| c == ':' || c.is_whitespace())?),
        };
        let rest = rest.trim_start().strip_prefix(':')?;
        let ends = quote.is_some() || rest.is_empty() || rest.starts_with([' ', '\t']);
        ends.then_some((key, rest.trim()))
    }
}

/// Looks through one document.
pub(super) fn look(text: &str, lines_before: usize, found: &mut Vec<Found>) {
    let lines: Vec<Line<'_>> = text.lines().map(Line::of).collect();
    let mut next = 0;
    for (at, line) in lines.iter().enumerate() {
        let is_secret = line.field().is_some_and(|(key, kind)| key == "kind" && unquoted(kind) == "Secret");
        if !is_secret || at < next {
            continue;
        }
        let object = Object::around(&lines, at);
        next = object.end;
        if object.is_core {
            object.values(lines_before, found);
        }
    }
}

/// The lines of an object.
struct Object<'l, 't> {
    lines: &'l [Line<'t>],
    start: usize,
    kind: usize,
    end: usize,
    column: usize,
    is_core: bool,
}

impl<'l, 't> Object<'l, 't> {
    fn around(lines: &'l [Line<'t>], kind: usize) -> Self {
        let column = lines.get(kind).map_or(0, |line| line.column);
        let (mut start, mut end, mut version) = (kind, kind + 1, None);
        let own = |line: Line<'t>| (line.column == column && !line.is_bracket()).then(|| line.field());
        let begins = |at: usize| lines.get(at).is_some_and(|line| line.is_item && line.column == column);
        while start > 0 && kind - start < MAX_LINES && !begins(start) {
            let Some(line) = lines.get(start - 1).copied() else { break };
            if !line.is_passing() {
                match own(line) {
                    _ if line.column < column => break,
                    Some(None | Some(("kind", _))) => break,
                    Some(Some(("apiVersion", text))) => version = Some(text),
                    _ => {}
                }
            }
            start -= 1;
        }
        while let Some(line) = lines.get(end).copied().filter(|_| end - kind < MAX_LINES) {
            if !line.is_passing() {
                match own(line) {
                    _ if line.column < column || begins(end) => break,
                    Some(None | Some(("kind", _))) => break,
                    Some(Some(("apiVersion", _))) if version.is_some() => break,
                    Some(Some(("apiVersion", text))) => version = Some(text),
                    _ => {}
                }
            }
            end += 1;
        }
        let is_core = version.is_none_or(|version| version.contains("{{") || !version.contains('/'));
        Self { lines, start, kind, end, column, is_core }
    }

    fn values(&self, lines_before: usize, found: &mut Vec<Found>) {
        for at in self.start..self.end {
            let Some((name, rest)) = self.lines.get(at).filter(|line| line.column == self.column).and_then(|line| line.field())
            else {
                continue;
            };
            let form = match name {
                name if name.eq_ignore_ascii_case("data") => Form::Base64,
                name if name.eq_ignore_ascii_case("stringData") => Form::Text,
                _ => continue,
            };
            let mut push = |line: usize, key: &str| {
                let key = is_valid_key(key).then(|| key.to_owned());
                let finding = Finding { kind: Kind::Literal, line: lines_before + line + 1, object: None, key };
                let above = [self.start, self.kind, at].map(|line| lines_before + line + 1).into();
                found.push(Found { finding, above });
            };
            if rest.starts_with('{') && rest.len() > 1 {
                for key in clear_in_flow(rest, form) {
                    push(at, &key);
                }
            } else {
                self.entries(at, form, &mut push);
            }
        }
    }

    /// The entries below a line, as deep as the first of them.
    fn entries(&self, below: usize, form: Form, push: &mut dyn FnMut(usize, &str)) {
        let mut depth = None;
        for at in below + 1..self.end {
            let Some(line) = self.lines.get(at).copied() else { return };
            if line.is_passing() || line.column > self.column && line.is_bracket() {
                continue;
            }
            if line.column <= self.column {
                return;
            }
            if *depth.get_or_insert(line.column) != line.column {
                continue;
            }
            let Some((key, rest)) = line.field() else { continue };
            let is_value = match rest.chars().next() {
                Some('|' | '>') => self.block_is_clear(at, line.column, form),
                // An alias, an anchor, a tag, a collection: nothing that is clear.
                None | Some('*' | '&' | '!' | '[') => false,
                Some('{') if !rest.starts_with("{{") => false,
                _ => is_clear(unquoted(rest), form) && !matches!(unquoted(rest), "~" | "null"),
            };
            if is_value {
                push(at, key);
            }
        }
    }

    /// A block scalar without anything that a template or a shell puts into it.
    fn block_is_clear(&self, header: usize, column: usize, form: Form) -> bool {
        let lines = self.lines.get(header + 1..self.end).unwrap_or_default().iter();
        let text: Vec<&str> =
            lines.take_while(|line| line.text.is_empty() || line.column > column).map(|line| line.text).collect();
        let text = zeroize::Zeroizing::new(text.join("\n"));
        let is_filled_in = ["{{", "{%", "<%", "${", "$(", "`"].iter().any(|mark| text.contains(mark));
        !is_filled_in && !is_harmless(&text, form)
    }
}

/// Without quotes, a comma or a comment behind it.
fn unquoted(text: &str) -> &str {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\''))
        && let Some(end) = text.rfind(quote).filter(|end| *end > 0)
    {
        return text.get(1..end).unwrap_or_default();
    }
    let text = text.split_once(" #").map_or(text, |(text, _)| text);
    text.trim_end_matches(',').trim_end()
}

/// Keys of a mapping on one line whose values are clear.
fn clear_in_flow(text: &str, form: Form) -> Vec<String> {
    let documents = yaml::parse_stream(text.trim_end_matches(',')).unwrap_or_default();
    let entries = documents.iter().flat_map(|document| document.root().entries());
    let clear =
        entries.filter(|(_, value)| value.text().is_some_and(|text| !matches!(text, "~" | "null") && is_clear(text, form)));
    clear.map(|(key, _)| key.text().unwrap_or_default().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        look(text, 0, &mut found);
        let shown = |found: &Found| format!("{} {}", found.finding.line, found.finding.key.as_deref().unwrap_or("?"));
        found.iter().map(shown).collect()
    }

    #[test]
    fn literals_of_a_template_are_found_and_what_it_fills_in_is_not() {
        let chart = "\
{{- if .Values.enabled }}
apiVersion: v1
data:
  FROM_VALUES: {{ .Values.password | b64enc }}
  LITERAL: {{ \"hunter2\" | b64enc }}
  {{- range $key, $value := .Values.more }}
  {{ $key }}: {{ $value | b64enc }}
  {{- end }}
  BASE64: aHVudGVyMg==  # old
kind: Secret
metadata:
  name: {{ include \"x\" . }}
stringData:
  PLAIN: 'hunter2'
  ADDRESS: postgres://app:hunter2@{{ .Values.host }}/db
  HOST: db.{{ .Values.domain }}
  FILE: |
    user: {{ .Values.user }}
    port: 1
  TEXT: |-
    nothing is filled in
      here
  EMPTY: \"\"
  NULL: ~
{{- end }}
";
        assert_eq!(found_in(chart), ["5 LITERAL", "9 BASE64", "14 PLAIN", "15 ADDRESS", "20 TEXT"]);
        assert_eq!(found_in(&chart.replace("\nkind: Secret", "\nkind: ConfigMap")), [""; 0]);
        assert_eq!(found_in(&chart.replace("v1", "x.io/v1")), [""; 0], "another group's");
    }

    #[test]
    fn scripts_lists_and_json_are_read_by_their_columns() {
        let script = "\
#!/bin/sh
cat <<EOF
data:
  NOT: ours
EOF
kubectl apply -f - <<EOF
apiVersion: v1
kind: Secret
stringData:
  A: hunter2
  B: $B
  C: $(openssl rand -hex 8)
EOF
data: {x: y}
";
        assert_eq!(found_in(script), ["10 A"]);
        let list = "items:\n- kind: Secret\n  stringData: {A: hunter2, B: '{{ .b }}'}\n- kind: ConfigMap\n  stringData:\n    C: x\n{{ x }}\n";
        assert_eq!(found_in(list), ["3 A"]);
        let json =
            "{\n  \"kind\": \"Secret\",\n  \"data\": {\n    \"A\": \"aHVudGVyMg==\",\n    \"B\": \"{{ b }}\"\n  }\n}\n{{ end }}";
        assert_eq!(found_in(json), ["4 A"]);
    }
}

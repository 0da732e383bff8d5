//! Compares what our YAML makes of an input with what the Go program `tests/go/yaml` answered.
//!
//! A line of the program is a request (`read`, `strings` or `write`) with its answer (`value`, `text` or `error`). Where both
//! sides have an answer, it must be the same. Where one side refuses and the other does not, the input must belong to one of
//! the classes listed here, each with its reason; anything else is a difference.

use hecate_seal::yaml::kubernetes::{Shape, to_json, to_json_as, write};
use hecate_seal::yaml::{self, parse_stream};
use serde_json::{Map, Number, Value, json};

const STRING_DATA: Shape = Shape::Fields(&[("stringData", Shape::Map(&Shape::Text))]);

/// How an input went.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Both gave the same, or both refused.
    Same,
    /// A known class of difference.
    Known(&'static str),
    /// One side refuses, and the input is of no known class.
    OneRefuses(String),
    /// Both sides give an answer, and not the same: the only thing that loses data in silence.
    Different(String),
}

/// Judges one line: a request and the peer's answer in one object.
pub fn judge(line: &Value) -> Verdict {
    if let Some(value) = line.get("write") {
        return judge_write(value, line);
    }
    let strings = line.get("strings").and_then(Value::as_str);
    let text = strings.or_else(|| line.get("read").and_then(Value::as_str)).expect("a request has a text");
    let ours = read(text, strings.is_some());
    let theirs = match line.get("error").and_then(Value::as_str) {
        Some(error) => Err(error),
        None => Ok(normalized(line.get("value").unwrap_or(&Value::Null))),
    };
    match (ours, theirs) {
        (Err(_), Err(_)) => Verdict::Same,
        (Ok(ours), Ok(theirs)) if ours == theirs => Verdict::Same,
        (Ok(ours), Ok(theirs)) => match read_differs_knowingly(text) {
            Some(class) => Verdict::Known(class),
            None => Verdict::Different(format!("{text:?}\n  ours:   {ours}\n  theirs: {theirs}")),
        },
        (Ok(ours), Err(error)) => match only_we_read(text, error) {
            Some(class) => Verdict::Known(class),
            None => Verdict::OneRefuses(format!("{text:?}\n  ours:   {ours}\n  theirs: {error}")),
        },
        (Err(error), Ok(theirs)) => match only_they_read(text, &error) {
            Some(class) => Verdict::Known(class),
            None => Verdict::OneRefuses(format!("{text:?}\n  ours:   {error}\n  theirs: {theirs}")),
        },
    }
}

/// The first document of a text as the peer's program shows it: numbers in one form, `stringData` alone for `strings`.
fn read(text: &str, strings: bool) -> Result<Value, yaml::Error> {
    let documents = parse_stream(text)?;
    let Some(first) = documents.first() else { return Ok(Value::Null) };
    if !strings {
        return to_json(first).map(|(value, _)| normalized(&value));
    }
    let (value, _) = to_json_as(first, &STRING_DATA)?;
    let mut data = value.get("stringData").cloned().unwrap_or_default();
    for value in data.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if value.is_null() {
            *value = json!("");
        }
    }
    Ok(data)
}

fn judge_write(value: &Value, line: &Value) -> Verdict {
    let ours = write(value);
    // Whatever the peer does, what we write must be read back as what was written.
    match parse_stream(&ours).and_then(|documents| to_json(&documents[0])) {
        Ok((back, _)) if normalized(&back) == normalized(value) => {}
        Ok((back, _)) => return Verdict::Different(format!("{value}\n  written: {ours:?}\n  read back: {back}")),
        Err(error) => return Verdict::Different(format!("{value}\n  written: {ours:?}\n  read back: {error}")),
    }
    match line.get("text").and_then(Value::as_str) {
        Some(theirs) if theirs == ours => Verdict::Same,
        theirs => match write_differs_knowingly(value) {
            Some(class) => Verdict::Known(class),
            None => Verdict::Different(format!("{value}\n  ours:   {ours:?}\n  theirs: {theirs:?} {:?}", line.get("error"))),
        },
    }
}

fn read_differs_knowingly(text: &str) -> Option<&'static str> {
    Some(match text {
        _ if has_break_of_1_1(text) => "U+0085, U+2028 and U+2029 are characters to us and line breaks to the peer",
        _ if text.contains(":,") || text.contains(":]") || text.contains(":}") => {
            "in brackets a colon before `,`, `]` or `}` ends a key in YAML 1.2 and is text in 1.1"
        }
        _ if text.contains('&') => "names of anchors with other than letters and digits",
        _ => return None,
    })
}

fn has_break_of_1_1(text: &str) -> bool {
    text.contains(['\u{85}', '\u{2028}', '\u{2029}'])
}

fn only_we_read(text: &str, error: &str) -> Option<&'static str> {
    let says = |what: &str| error.contains(what);
    Some(match error {
        _ if has_break_of_1_1(text) => "U+0085, U+2028 and U+2029 are characters to us and line breaks to the peer",
        _ if says("found invalid Unicode character escape code") => "JSON's surrogate pairs",
        _ if says("found unknown escape character") && text.contains("\\/") => "JSON's escaped slash",
        _ if says("alphabetic or numeric character") => "names of anchors with other than letters and digits",
        _ if text.contains('&') => "names of anchors with other than letters and digits",
        _ if text.contains('\t') && (says("cannot start any token") || says("found a tab character")) => {
            "tabs on blank lines, before comments and before the first key"
        }
        _ if text.contains('?') && says("did not find expected ',' or") => "a question mark inside plain text in brackets",
        _ if text.contains('!') && says("did not find expected whitespace or line break") => "a bracket directly behind a tag",
        _ if text.contains("[:") && says("did not find expected node content") => {
            "plain text in brackets that begins with a colon"
        }
        _ if text.starts_with("...") && says("did not find expected node content") => "an end marker without a document",
        _ if says("found incompatible YAML document") || says("found unknown directive name") => "directives of YAML 1.2",
        _ => return None,
    })
}

fn only_they_read(text: &str, error: &yaml::Error) -> Option<&'static str> {
    let error = error.to_string();
    let says = |what: &str| error.contains(what);
    Some(match text {
        _ if says("did not find expected <document start>") => "the peer ignores what follows the first document, YAML or not",
        _ if says("invalid indentation in multiline quoted scalar") => {
            "quoted text that continues left of its parent's indentation"
        }
        _ if says("comments must be separated from other tokens") => "`#` directly behind a block scalar's header",
        _ if says("a mapping or a list cannot be a key") => "the peer stops reading at an empty collection used as a key",
        _ if says("the !!binary scalar holds bytes") => "the peer replaces bytes that are not UTF-8",
        _ if says("a BOM must not appear inside a document") => "a bare byte order mark inside the text",
        _ if says("unknown escape character") && text.contains("\\'") => "`\\'` in double quotes, which YAML does not have",
        _ if says("while scanning a tag") => "a bracket directly behind a tag",
        _ if text.contains('\t') && says("tab") => "tabs on blank lines, before comments and before the first key",
        _ if says("plain scalar cannot start with '-'") => "a lone dash in brackets",
        _ if has_break_of_1_1(text) => "U+0085, U+2028 and U+2029 are characters to us and line breaks to the peer",
        _ => return None,
    })
}

fn write_differs_knowingly(value: &Value) -> Option<&'static str> {
    let text = value.to_string();
    if text.contains("\"<<\":") {
        return Some("a key `<<` is quoted by us; the peer writes a merge key");
    }
    if has_break_of_1_1(&text) {
        return Some("U+0085, U+2028 and U+2029 are escaped by us; the peer loses the first and writes the others bare");
    }
    let control = |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    text.contains(control).then_some("control characters are escaped by us; the peer fails")
}

/// Floats without a fraction as integers: Go's JSON text does not tell them apart. It has the fewest digits that name the float,
/// then zeros, which above 2^53 is another integer than the float's exact value.
fn normalized(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64().filter(|float| number.is_f64() && float.fract() == 0.0) {
            Some(float) => {
                let text = float.to_string();
                let integer = text.parse::<i64>().map(Number::from).or_else(|_| text.parse::<u64>().map(Number::from));
                integer.map_or_else(|_| value.clone(), Value::Number)
            }
            None => value.clone(),
        },
        Value::Array(items) => items.iter().map(normalized).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), normalized(value))).collect(),
        _ => value.clone(),
    }
}

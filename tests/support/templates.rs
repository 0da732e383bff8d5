//! The table of templates with what Go made of them, as `tests/go/template` reads and writes it.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hecate_seal::secret::SecretBytes;
use hecate_seal::template::{Error, Limits, render};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

/// A template, perhaps with values of its own, and what came out: text, bytes in base64, or how it failed.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Case {
    pub template: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output64: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Cases, and the values of all that have none of their own.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Table {
    #[serde(default)]
    pub made: String,
    pub values: BTreeMap<String, String>,
    pub cases: Vec<Case>,
}

/// The frozen table.
pub fn frozen() -> Table {
    serde_json::from_str(include_str!("../it/vectors/template-cases.json")).expect("the table is JSON")
}

/// 2026-09-21 14:13:20 UTC.
pub fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_790_000_000).expect("a moment")
}

/// Values that start with `base64:` are bytes.
pub fn values(texts: &BTreeMap<String, String>) -> BTreeMap<String, SecretBytes> {
    let decode = |text: &String| match text.strip_prefix("base64:") {
        Some(encoded) => STANDARD.decode(encoded).expect("base64"),
        None => text.clone().into_bytes(),
    };
    texts.iter().map(|(key, text)| (key.clone(), SecretBytes::new(decode(text)))).collect()
}

/// One template under the default limits.
pub fn one(text: &str, values: &BTreeMap<String, SecretBytes>) -> Result<Vec<u8>, Error> {
    let templates = BTreeMap::from([("key".to_owned(), text.to_owned())]);
    let mut rendered = render(&templates, values, &Limits::default(), now()).map_err(|mut errors| errors.remove(0).1)?;
    Ok(rendered.remove("key").expect("what was asked for").expose().to_vec())
}

/// Where ours fails on purpose while Go gives something: a text that is an error's, or what nobody can use.
const REFUSED: &[&str] = &[
    "base64",
    "base32",
    "bcrypt: the password is longer",
    "invalid username",
    "unknown type of key",
    "DSA keys are not supported",
    "cannot find password template",
    "a text that is not UTF-8",
    "%p prints an address",
    "wrong password, or not a text",
    "of a float is not supported",
    "cannot print a",
];

/// How ours differs from Go's result, if it does and should not.
pub fn difference(case: &Case, common: &BTreeMap<String, SecretBytes>) -> Option<String> {
    let own = case.values.as_ref().map(values);
    let ours = one(&case.template, own.as_ref().unwrap_or(common));
    let theirs = match (&case.output, &case.output64) {
        (Some(text), _) => Ok(text.clone().into_bytes()),
        (_, Some(encoded)) => Ok(STANDARD.decode(encoded).expect("base64")),
        _ => Err(case.error.clone().unwrap_or_default()),
    };
    let same = match (&ours, &theirs) {
        (Ok(ours), Ok(theirs)) => ours == theirs,
        (Err(Error::Parse { .. }), Err(kind)) => kind == "parse",
        (Err(Error::Execute { .. }), Err(kind)) => kind == "execute",
        (Err(error), Ok(_)) => REFUSED.iter().any(|text| error.to_string().contains(text)),
        _ => false,
    };
    let show = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
    (!same).then(|| {
        let (ours, theirs) = (ours.map(|b| show(&b)).map_err(|e| e.to_string()), theirs.map(|b| show(&b)));
        format!("{}\n   ours   {ours:?}\n   theirs {theirs:?}", case.template)
    })
}

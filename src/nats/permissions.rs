//! What a user may publish and subscribe to, as a declarative file says it: a subject, a list, or `allow` and `deny`.

use serde::{Deserialize, Serialize};

use super::duration::Span;
#[cfg(feature = "cli")]
use super::duration::SpanSchema;

/// What a user may publish and subscribe to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Permissions {
    /// Subjects to publish to
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publish: Option<Subjects>,
    /// Subjects to subscribe to, each with a queue group behind it if only that may be joined
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subscribe: Option<Subjects>,
    /// Whether replies may be sent to requests that came in
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_responses: Option<AllowResponses>,
}

/// Subjects that are allowed, and exceptions from them. Nothing allowed and something denied: all but that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(from = "SubjectsWritten")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema), schemars(with = "SubjectsWritten"))]
pub struct Subjects {
    /// What may be done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<String>,
    /// What may not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a subject, a list of subjects, or a mapping with `allow` and `deny`")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
enum SubjectsWritten {
    One(String),
    Many(Vec<String>),
    Split(SubjectsSplit),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
struct SubjectsSplit {
    #[serde(default)]
    allow: OneOrMany,
    #[serde(default)]
    deny: OneOrMany,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a subject or a list of subjects")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl From<OneOrMany> for Vec<String> {
    fn from(written: OneOrMany) -> Self {
        match written {
            OneOrMany::One(one) => vec![one],
            OneOrMany::Many(many) => many,
        }
    }
}

impl From<SubjectsWritten> for Subjects {
    fn from(written: SubjectsWritten) -> Self {
        match written {
            SubjectsWritten::One(one) => Self { allow: vec![one], deny: Vec::new() },
            SubjectsWritten::Many(allow) => Self { allow, deny: Vec::new() },
            SubjectsWritten::Split(split) => Self { allow: split.allow.into(), deny: split.deny.into() },
        }
    }
}

/// Whether a service may answer requests on subjects that it may not publish to otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged, expecting = "expected true, false, or a mapping with `max` and `expires`")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum AllowResponses {
    /// One answer within two minutes, or none.
    Switch(bool),
    /// So many, for so long.
    Limits(ResponseLimits),
}

/// Limits of answers to one request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct ResponseLimits {
    /// Answers to one request; negative: any number
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<i64>,
    /// Time in which they may be sent
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", schemars(with = "Option<SpanSchema>"))]
    pub expires: Option<Span>,
}

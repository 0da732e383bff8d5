//! Types that are written in more than one form. (An untagged enum would lose the line and the reason of a mistake.)

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Literal;

#[derive(Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LiteralFields {
    value: String,
    #[serde(default)]
    not_secret: bool,
}

struct LiteralVisitor;

impl<'de> Visitor<'de> for LiteralVisitor {
    type Value = Literal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text, or a mapping with `value`")
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Literal, E> {
        Ok(Literal { value: value.to_owned(), not_secret: false })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Literal, A::Error> {
        let LiteralFields { value, not_secret } = LiteralFields::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Literal { value, not_secret })
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LiteralVisitor)
    }
}

#[cfg(feature = "cli")]
mod schemas {
    use std::borrow::Cow;

    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

    use super::*;

    impl JsonSchema for Literal {
        fn schema_name() -> Cow<'static, str> {
            "Literal".into()
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let fields = generator.subschema_for::<LiteralFields>();
            json_schema!({ "description": "Something that is no secret: the text, or `{value, notSecret}`.",
                "anyOf": [{ "type": "string" }, fields] })
        }
    }
}

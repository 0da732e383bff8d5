//! Reading the `sops` block, liberally: every writer since 3.0 had its own idea of empty fields and of types.

use super::{Error, KeyGroup, MasterKey, Metadata, Provider};
use crate::sops::go;
use crate::sops::mac::Scope;
use crate::sops::select::{NAMES, Selector};
use crate::sops::tree::{Map, Node};
use crate::sops::value::Scalar;

/// Reads a nested block.
pub(super) fn block(map: &Map) -> Result<Metadata, Error> {
    let at = |name: &'static str| move || name.to_owned();
    let string = |name: &'static str| text(last(map, name), at(name));
    let groups = read_groups(map)?;
    let selectors = NAMES.map(string).into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut fields = [None; 6];
    for (field, text) in fields.iter_mut().zip(&selectors) {
        *field = Some(text.as_str());
    }
    let mac_only_encrypted = boolean(last(map, "mac_only_encrypted"), "mac_only_encrypted")?;
    let wrong_time = Error::Field { field: "lastmodified".to_owned(), expected: "a time in RFC 3339" };
    Ok(Metadata {
        groups,
        shamir_threshold: integer(last(map, "shamir_threshold"), "shamir_threshold")?,
        last_modified: go::parse_time(&string("lastmodified")?).ok_or(wrong_time)?,
        mac: string("mac")?,
        selector: Some(Selector::from_fields(fields)?.unwrap_or_default()),
        mac_scope: if mac_only_encrypted { Scope::Encrypted } else { Scope::All },
        version: string("version")?,
    })
}

fn master_key(provider: Provider, map: &Map, path: &str) -> Result<MasterKey, Error> {
    let mut fields = Map::default();
    for &(name, omit_empty) in provider.fields() {
        let at = || format!("{path}.{name}");
        let value = if name == "context" { context(last(map, name), at)? } else { Node::text(text(last(map, name), at)?) };
        let empty = matches!(&value, Node::Map(map) if map.0.is_empty()) || value.as_str() == Some("");
        if !(empty && omit_empty) {
            fields.push(name, value);
        }
    }
    Ok(MasterKey { provider, fields })
}

fn read_groups(map: &Map) -> Result<Vec<KeyGroup>, Error> {
    // Keys at the top of the block win over groups, as in sops.
    let top = read_group(map, "")?;
    if !top.is_empty() {
        return Ok(vec![top]);
    }
    let groups = maps(last(map, "key_groups"), || "key_groups".to_owned())?;
    let groups = groups.into_iter().enumerate().map(|(at, group)| read_group(group, &format!("key_groups[{at}].")));
    let groups: Vec<KeyGroup> = groups.collect::<Result<_, _>>()?;
    if groups.is_empty() { Err(Error::NoKeys) } else { Ok(groups) }
}

fn read_group(map: &Map, path: &str) -> Result<KeyGroup, Error> {
    let mut keys = Vec::new();
    for provider in Provider::ALL {
        let list = format!("{path}{}", provider.name());
        for (at, key) in maps(last(map, provider.name()), || list.clone())?.into_iter().enumerate() {
            keys.push(master_key(provider, key, &format!("{list}[{at}]"))?);
        }
    }
    Ok(keys)
}

/// The last value under a name, in any case if not exactly: what Go's decoder takes.
fn last<'a>(map: &'a Map, name: &str) -> &'a Node {
    let pairs: Vec<_> = map.pairs().collect();
    let find = |same: &dyn Fn(&str) -> bool| pairs.iter().rev().find(|(key, _)| same(key)).map(|(_, node)| *node);
    find(&|key| key == name).or_else(|| find(&|key| key.eq_ignore_ascii_case(name))).unwrap_or(&Node::Null)
}

/// A field of text; numbers and booleans in files of other writers become text as in Go's weak decoding.
fn text(node: &Node, at: impl Fn() -> String) -> Result<String, Error> {
    let wrong = || Error::Field { field: at(), expected: "text" };
    match node {
        Node::Null => Ok(String::new()),
        Node::Leaf(Scalar::Text(text)) => std::str::from_utf8(text.expose()).map(str::to_owned).map_err(|_| wrong()),
        Node::Leaf(Scalar::Int(value)) => Ok(value.to_string()),
        Node::Leaf(Scalar::Float(value)) => Ok(go::float_f(*value)),
        Node::Leaf(Scalar::Bool(value)) => Ok(if *value { "1" } else { "0" }.to_owned()),
        // Up to 3.12, and by other programs, times were written without quotes.
        Node::Leaf(Scalar::Time(value)) => Ok(go::time_nano(*value)),
        _ => Err(wrong()),
    }
}

fn boolean(node: &Node, name: &str) -> Result<bool, Error> {
    let value = match node {
        Node::Null => Some(false),
        Node::Leaf(Scalar::Bool(value)) => Some(*value),
        Node::Leaf(Scalar::Int(value)) => Some(*value != 0),
        other => match other.as_str() {
            Some("") => Some(false),
            text => text.and_then(go::parse_bool),
        },
    };
    value.ok_or_else(|| Error::Field { field: name.to_owned(), expected: "true or false" })
}

fn integer(node: &Node, name: &str) -> Result<usize, Error> {
    let value = match node {
        Node::Null => Some(0),
        Node::Leaf(Scalar::Int(value)) => usize::try_from(*value).ok(),
        // JSON numbers were floats until 3.13.2.
        Node::Leaf(Scalar::Float(value)) => go::float_f(*value).parse().ok(),
        other => match other.as_str() {
            Some("") => Some(0),
            text => text.and_then(|text| text.parse().ok()),
        },
    };
    value.ok_or_else(|| Error::Field { field: name.to_owned(), expected: "a number" })
}

/// The maps of a list; nothing for null and the empty shapes, one for a map that stands without its list.
fn maps(node: &Node, at: impl Fn() -> String) -> Result<Vec<&Map>, Error> {
    let wrong = || Error::Field { field: at(), expected: "a list of maps" };
    match node {
        Node::Null => Ok(Vec::new()),
        Node::Map(map) if map.0.is_empty() => Ok(Vec::new()),
        Node::Map(map) => Ok(vec![map]),
        Node::List(items) => {
            let items = items.iter().filter(|item| !matches!(item, Node::Comment(_)));
            items.map(|item| if let Node::Map(map) = item { Ok(map) } else { Err(wrong()) }).collect()
        }
        other if other.as_str() == Some("") => Ok(Vec::new()),
        _ => Err(wrong()),
    }
}

/// The encryption context of a KMS key: text or null by name, sorted.
fn context(node: &Node, at: impl Fn() -> String) -> Result<Node, Error> {
    let map = match node {
        Node::Null => return Ok(Node::Map(Map::default())),
        Node::Map(map) => map,
        _ => return Err(Error::Field { field: at(), expected: "a map" }),
    };
    let mut pairs = Vec::new();
    for (key, node) in map.pairs() {
        let value = if matches!(node, Node::Null) { Node::Null } else { Node::text(text(node, &at)?) };
        pairs.push((key.to_owned(), value));
    }
    pairs.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(Node::Map(pairs.into_iter().collect()))
}

//! The status of a SealedSecret: what it says, and when it has to be written (`sealed-secrets.md` §1.4, §3.5).
//!
//! The condition `Synced` and `observedGeneration` are the reference's; unlike it, a message that has changed is published. Beyond
//! it stands `opened`: of which generation and scope the Secret was made, by which keys, and which Secret that is. A controller
//! that starts anew and finds all of that unchanged has nothing to open. Content is never in it, not even a hash: a short
//! password could be guessed from one. Where the CustomResourceDefinition does not know the field, it is not written for its sake.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::controller::events::shortened;
use crate::crypto::rsa::Fingerprint;
use crate::seal::Scope;

/// The only condition.
const SYNCED: &str = "Synced";
/// Longest message, in bytes: an object may have ten thousand items that do not open.
const MAX_MESSAGE: usize = 4096;
/// Most items that are named with their keys; of more only the number is told.
const MAX_ITEMS: usize = 100;

/// A key and what it opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OpenedBy {
    /// `SHA256:…`.
    pub(super) fingerprint: String,
    /// How many items.
    #[serde(default)]
    pub(super) count: usize,
    /// Their names, sorted; none where an object has too many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) items: Vec<String>,
}

/// Which Secret was made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Made {
    /// Its uid.
    pub(super) uid: String,
    /// Its resource version: whoever changes it changes this.
    pub(super) resource_version: String,
}

/// `status.opened`: what the last success was made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Opened {
    /// `metadata.generation` of the SealedSecret.
    pub(super) generation: i64,
    /// Its scope, which does not count in the generation.
    pub(super) scope: String,
    /// The keys that opened it, sorted.
    #[serde(default)]
    pub(super) keys: Vec<OpenedBy>,
    /// The Secret.
    pub(super) secret: Made,
}

impl Opened {
    /// What was opened by which key.
    pub(super) fn new(generation: i64, scope: Scope, opened_by: &BTreeMap<String, Fingerprint>, secret: Made) -> Self {
        let mut keys: BTreeMap<Fingerprint, OpenedBy> = BTreeMap::new();
        for (item, by) in opened_by {
            let key = keys.entry(*by).or_default();
            key.count += 1;
            if opened_by.len() <= MAX_ITEMS {
                key.items.push(item.clone());
            }
        }
        let keys = keys.into_iter().map(|(by, key)| OpenedBy { fingerprint: by.to_string(), ..key }).collect();
        Self { generation, scope: scope.as_str().to_owned(), keys, secret }
    }

    /// Reads it from a status; `None` where it is not, or is of another form.
    pub(super) fn of(status: &Value) -> Option<Self> {
        serde_json::from_value(status.get("opened")?.clone()).ok()
    }
}

/// The condition of a status: −1, 0 or 1 as the metrics have it; `None` where there is none.
pub(super) fn synced(status: &Value) -> Option<i64> {
    match condition(status)?.get("status")?.as_str()? {
        "True" => Some(1),
        "False" => Some(-1),
        _ => Some(0),
    }
}

/// Whether a status tells of success, of this generation.
pub(super) fn tells_success(status: &Value, generation: i64) -> bool {
    let message = condition(status).and_then(|condition| condition.get("message")).and_then(Value::as_str);
    synced(status) == Some(1) && message.unwrap_or_default().is_empty() && observed(status) == Some(generation)
}

fn observed(status: &Value) -> Option<i64> {
    status.get("observedGeneration")?.as_i64()
}

fn condition(status: &Value) -> Option<&Value> {
    let conditions = status.get("conditions")?.as_array()?;
    conditions.iter().find(|condition| condition.get("type").and_then(Value::as_str) == Some(SYNCED))
}

/// The new status, or `None` where the old one says the same. `opened` is the record of a success; it counts only where the
/// API server keeps it.
pub(super) fn update(
    old: &Value,
    generation: i64,
    outcome: Result<&Opened, &str>,
    keeps_opened: bool,
    now: OffsetDateTime,
) -> Option<Value> {
    let (status, message) = match outcome {
        Ok(_) => ("True", String::new()),
        Err(message) => ("False", shortened(message, MAX_MESSAGE)),
    };
    let old_condition = condition(old);
    let said = |field: &str| old_condition.and_then(|condition| condition.get(field)).and_then(Value::as_str).unwrap_or_default();
    let flipped = said("status") != status;
    // The record of an older success stays beside a failure: the Secret of then is still there.
    let recorded = match outcome {
        Ok(opened) => keeps_opened && Opened::of(old).as_ref() != Some(opened),
        Err(_) => false,
    };
    if !flipped && said("message") == message && observed(old) == Some(generation) && !recorded {
        return None;
    }
    let now = now.replace_nanosecond(0).unwrap_or(now).to_offset(time::UtcOffset::UTC).format(&Rfc3339).unwrap_or_default();
    let mut new = old.as_object().cloned().unwrap_or_default();
    new.insert("observedGeneration".to_owned(), generation.into());
    let mut changed = old_condition.and_then(Value::as_object).cloned().unwrap_or_default();
    if flipped {
        changed.insert("lastTransitionTime".to_owned(), now.clone().into());
    }
    changed.insert("type".to_owned(), SYNCED.into());
    changed.insert("status".to_owned(), status.into());
    changed.insert("lastUpdateTime".to_owned(), now.into());
    if message.is_empty() {
        changed.shift_remove("message");
    } else {
        changed.insert("message".to_owned(), message.into());
    }
    put_condition(&mut new, changed);
    if let Ok(opened) = outcome
        && let Ok(opened) = serde_json::to_value(opened)
    {
        new.insert("opened".to_owned(), opened);
    }
    Some(Value::Object(new))
}

/// Puts the condition where it was, or first: the columns of `kubectl get` show the first one.
fn put_condition(status: &mut Map<String, Value>, condition: Map<String, Value>) {
    let conditions = status.entry("conditions").or_insert_with(|| json!([]));
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Some(list) = conditions.as_array_mut() else { return };
    let known = list.iter_mut().find(|known| known.get("type").and_then(Value::as_str) == Some(SYNCED));
    match known {
        Some(known) => *known = Value::Object(condition),
        None => list.insert(0, Value::Object(condition)),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const T1: OffsetDateTime = datetime!(2026-11-21 08:00:00.5 UTC);
    const T2: OffsetDateTime = datetime!(2026-11-21 09:00:00 UTC);

    fn opened(version: &str) -> Opened {
        let secret = Made { uid: "s-1".into(), resource_version: version.into() };
        Opened { generation: 1, scope: "strict".into(), keys: Vec::new(), secret }
    }

    #[test]
    fn the_first_success_has_equal_times_and_the_next_generation_another_update() {
        let first = update(&Value::Null, 1, Ok(&opened("7")), false, T1).unwrap();
        let condition = &first["conditions"][0];
        assert_eq!(condition["lastUpdateTime"], "2026-11-21T08:00:00Z");
        assert_eq!(condition["lastUpdateTime"], condition["lastTransitionTime"]);
        assert_eq!((condition["type"].as_str(), condition["status"].as_str()), (Some("Synced"), Some("True")));
        assert!(condition.get("message").is_none() && condition.get("reason").is_none());
        assert!(tells_success(&first, 1) && !tells_success(&first, 2));
        let second = update(&first, 2, Ok(&opened("7")), false, T2).unwrap();
        assert_eq!(second["conditions"][0]["lastUpdateTime"], "2026-11-21T09:00:00Z");
        assert_eq!(second["conditions"][0]["lastTransitionTime"], "2026-11-21T08:00:00Z");
        assert_eq!(second["observedGeneration"], 2);
    }

    #[test]
    fn what_says_the_same_is_not_written_and_another_message_is() {
        let first = update(&Value::Null, 1, Err("no key"), true, T1).unwrap();
        assert_eq!(update(&first, 1, Err("no key"), true, T2), None);
        let second = update(&first, 1, Err("other"), true, T2).unwrap();
        assert_eq!(second["conditions"][0]["message"], "other");
        assert_eq!(second["conditions"][0]["lastTransitionTime"], first["conditions"][0]["lastTransitionTime"]);
        let third = update(&second, 1, Ok(&opened("7")), true, T2).unwrap();
        assert_eq!(third["conditions"][0]["lastTransitionTime"], "2026-11-21T09:00:00Z");
        assert_eq!(update(&third, 1, Ok(&opened("7")), true, T2), None);
        assert_eq!(synced(&third), Some(1));
    }

    #[test]
    fn the_record_is_written_for_its_own_sake_only_where_it_is_kept() {
        let mut pruned = update(&Value::Null, 1, Ok(&opened("7")), true, T1).unwrap();
        assert_eq!(Opened::of(&pruned), Some(opened("7")));
        assert!(update(&pruned, 1, Ok(&opened("8")), true, T2).is_some());
        pruned.as_object_mut().unwrap().shift_remove("opened");
        assert_eq!(update(&pruned, 1, Ok(&opened("7")), false, T2), None);
        assert!(update(&pruned, 1, Ok(&opened("7")), true, T2).is_some());
    }

    #[test]
    fn what_others_wrote_stays_and_what_is_malformed_is_replaced() {
        let others = json!({ "conditions": [{ "type": "Other", "status": "True" }], "extra": 1 });
        let new = update(&others, 1, Err("x"), true, T1).unwrap();
        assert_eq!(
            (new["conditions"][0]["type"].as_str(), new["conditions"][1]["type"].as_str()),
            (Some("Synced"), Some("Other"))
        );
        assert_eq!(new["extra"], 1);
        for malformed in [json!("x"), json!({ "conditions": 1 }), json!({ "conditions": [1] })] {
            assert_eq!(synced(&update(&malformed, 1, Err("x"), true, T1).unwrap()), Some(-1));
        }
    }

    #[test]
    fn the_record_names_the_keys_and_their_items_but_not_ten_thousand() {
        let fingerprint = crate::crypto::test_keys::first().public_key().fingerprint();
        let items = |count: usize| (0..count).map(|n| (format!("k{n}"), fingerprint)).collect();
        let few = Opened::new(1, Scope::Strict, &items(2), Made::default());
        assert_eq!(few.keys[0].fingerprint, fingerprint.to_string());
        assert_eq!((few.keys[0].count, &few.keys[0].items[..]), (2, &["k0".to_owned(), "k1".to_owned()][..]));
        let many = Opened::new(1, Scope::Strict, &items(101), Made::default());
        assert_eq!((many.keys[0].count, many.keys[0].items.len()), (101, 0));
        let long = update(&Value::Null, 1, Err(&"é".repeat(9000)), true, T1).unwrap();
        assert!(long["conditions"][0]["message"].as_str().unwrap().len() <= MAX_MESSAGE);
    }
}

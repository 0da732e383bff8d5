//! Kubernetes events about objects: core/v1, from component `sealed-secrets`, as the reference writes them.
//!
//! The rights that its ClusterRole gives are used: `create` and `patch` of core events. As client-go does it, the same event
//! again only counts up, and no object has more than a burst of them (`sealed-secrets.md` §3.5). Events are written behind the
//! reconciler's back; where the API server does not keep up they are dropped, because status and log say the same.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Event, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::sync::mpsc;

use super::failure;
use crate::cluster::bounded;

/// `source.component`, by which people and tools find them.
const COMPONENT: &str = "sealed-secrets";
/// Events that wait to be written.
const WAITING: usize = 1000;
/// Events that are remembered so that they only count up.
const REMEMBERED: usize = 4096;
/// Longest message, in bytes.
const MAX_MESSAGE: usize = 1024;
/// So many events of one object at once, and one more each [`REFILL`].
const BURST: u32 = 25;
const REFILL: Duration = Duration::from_secs(300);

/// Whether something went as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It did.
    Normal,
    /// It did not.
    Warning,
}

/// One event.
#[derive(Clone, Debug)]
struct Told {
    about: ObjectReference,
    kind: Kind,
    reason: &'static str,
    message: String,
}

/// Where events are handed in. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Events(mpsc::Sender<Told>);

impl Events {
    /// Starts the task that writes them; it ends when all clones are gone and everything is written.
    #[must_use]
    pub fn start(client: Client) -> (Self, tokio::task::JoinHandle<()>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), tokio::spawn(write_all(client, receiver)))
    }

    /// Hands in an event about an object. No value of a Secret may be in `message`.
    pub fn tell(&self, about: ObjectReference, kind: Kind, reason: &'static str, message: &str) {
        let told = Told { about, kind, reason, message: shortened(message, MAX_MESSAGE) };
        if self.0.try_send(told).is_err() {
            tracing::debug!(reason, "an event was dropped: too many at once");
        }
    }
}

/// At most so many bytes, with `…` where something is missing.
#[must_use]
pub fn shortened(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let end = (0..=limit.saturating_sub('…'.len_utf8())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", text.get(..end).unwrap_or_default())
}

/// What makes an event the same as another.
type Same = (String, Kind, &'static str, String);

#[derive(Debug)]
struct Written {
    name: String,
    count: i32,
}

/// What was written, so that the same only counts up; the oldest is forgotten first.
#[derive(Debug, Default)]
struct Memory {
    written: HashMap<Same, Written>,
    order: VecDeque<Same>,
    allowed: HashMap<String, (f64, Instant)>,
}

impl Memory {
    fn remember(&mut self, same: Same, name: String) {
        while self.order.len() >= REMEMBERED {
            if let Some(oldest) = self.order.pop_front() {
                self.written.remove(&oldest);
            }
        }
        if self.written.insert(same.clone(), Written { name, count: 1 }).is_none() {
            self.order.push_back(same);
        }
    }

    /// Whether an object may have one more event now.
    fn allows(&mut self, object: &str, now: Instant) -> bool {
        if self.allowed.len() >= REMEMBERED {
            self.allowed.retain(|_, (_, at)| now.duration_since(*at) < REFILL * BURST);
        }
        let (left, at) = self.allowed.entry(object.to_owned()).or_insert((f64::from(BURST), now));
        *left = (*left + now.duration_since(*at).as_secs_f64() / REFILL.as_secs_f64()).min(f64::from(BURST));
        *at = now;
        if *left < 1.0 {
            return false;
        }
        *left -= 1.0;
        true
    }
}

async fn write_all(client: Client, mut receiver: mpsc::Receiver<Told>) {
    let mut memory = Memory::default();
    while let Some(told) = receiver.recv().await {
        let object = told.about.uid.clone().or_else(|| told.about.name.clone()).unwrap_or_default();
        if !memory.allows(&object, Instant::now()) {
            continue;
        }
        let (reason, namespace) = (told.reason, told.about.namespace.clone().unwrap_or_default());
        if let Err(error) = write(&client, &mut memory, object, told).await {
            // An object in a namespace that is going away cannot have events.
            tracing::debug!(reason, namespace, error = failure::message(&error), "an event could not be written");
        }
    }
}

async fn write(client: &Client, memory: &mut Memory, object: String, told: Told) -> kube::Result<()> {
    let namespace = told.about.namespace.clone().unwrap_or_default();
    let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
    let now = Timestamp::now();
    let same: Same = (object, told.kind, told.reason, told.message.clone());
    if let Some(written) = memory.written.get_mut(&same) {
        written.count = written.count.saturating_add(1);
        let patch = json!({ "count": written.count, "lastTimestamp": Time(now) });
        match bounded(api.patch(&written.name, &PatchParams::default(), &Patch::Merge(&patch))).await {
            // Events expire.
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            other => return other.map(|_| ()),
        }
    }
    let name = format!("{}.{:x}", told.about.name.as_deref().unwrap_or_default(), now.as_nanosecond());
    let event = Event {
        metadata: ObjectMeta { name: Some(name.clone()), namespace: Some(namespace), ..ObjectMeta::default() },
        involved_object: told.about,
        reason: Some(told.reason.to_owned()),
        message: Some(told.message),
        source: Some(EventSource { component: Some(COMPONENT.to_owned()), host: None }),
        reporting_component: Some(COMPONENT.to_owned()),
        first_timestamp: Some(Time(now)),
        last_timestamp: Some(Time(now)),
        count: Some(1),
        type_: Some(if told.kind == Kind::Normal { "Normal" } else { "Warning" }.to_owned()),
        ..Event::default()
    };
    bounded(api.create(&PostParams::default(), &event)).await?;
    memory.remember(same, name);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_has_a_burst_of_events_and_then_few() {
        let (mut memory, now) = (Memory::default(), Instant::now());
        let allowed = (0..100).filter(|_| memory.allows("a", now)).count();
        assert_eq!(allowed, BURST as usize);
        assert!(memory.allows("b", now));
        assert!(memory.allows("a", now + REFILL));
        assert!(!memory.allows("a", now + REFILL));
    }

    #[test]
    fn memory_is_bounded() {
        let mut memory = Memory::default();
        for number in 0..REMEMBERED + 10 {
            memory.remember((number.to_string(), Kind::Normal, "R", String::new()), "n".into());
        }
        assert_eq!((memory.written.len(), memory.order.len()), (REMEMBERED, REMEMBERED));
        assert!(!memory.written.contains_key(&("0".to_owned(), Kind::Normal, "R", String::new())));
    }

    #[test]
    fn long_messages_are_cut_between_characters() {
        assert_eq!(shortened("abc", 3), "abc");
        assert_eq!(shortened("abcdefg", 6), "abc…");
        assert_eq!(shortened("ééé", 5), "é…");
    }
}

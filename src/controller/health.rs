//! What works and what does not, part by part: `/readyz` asks it, and the log repeats what stays wrong.
//!
//! A part is a piece of work that must be under way before the controller is of use: the keys, each watch. It is named when it
//! starts, becomes ready once, and may be in trouble later. Trouble that is not reported again for a while is over: a watch
//! that goes on says nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long trouble counts without being reported again; longer than the longest pause between two attempts.
const TROUBLE_LASTS: Duration = Duration::from_secs(90);
/// How often the same trouble is said in the log.
const REPEAT: Duration = Duration::from_secs(60);

#[derive(Clone, Debug, Default)]
struct Part {
    ready: bool,
    trouble: Option<(Instant, String)>,
    said: Option<(Instant, String)>,
}

impl Part {
    fn trouble(&self, now: Instant) -> Option<&str> {
        let (since, text) = self.trouble.as_ref()?;
        (now.duration_since(*since) < TROUBLE_LASTS).then_some(text)
    }
}

/// The state of every part. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Health(Arc<Mutex<BTreeMap<String, Part>>>);

impl Health {
    fn parts(&self) -> MutexGuard<'_, BTreeMap<String, Part>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Names a part that must become ready; again, if it starts anew.
    pub fn expect(&self, part: &str) {
        self.parts().insert(part.to_owned(), Part::default());
    }

    /// The part is at work, and any trouble is over.
    pub fn ready(&self, part: &str) {
        let mut parts = self.parts();
        let part = parts.entry(part.to_owned()).or_default();
        part.ready = true;
        part.trouble = None;
        part.said = None;
    }

    /// The part cannot do its work now. Tells whether to log it: a text is logged when it is new, and again every minute.
    #[must_use = "the text is to be logged if so"]
    pub fn trouble(&self, part: &str, text: &str) -> bool {
        self.trouble_at(part, text, Instant::now())
    }

    fn trouble_at(&self, part: &str, text: &str, now: Instant) -> bool {
        let mut parts = self.parts();
        let part = parts.entry(part.to_owned()).or_default();
        part.trouble = Some((now, text.to_owned()));
        let known = part.said.as_ref().is_some_and(|(at, said)| said == text && now.duration_since(*at) < REPEAT);
        if !known {
            part.said = Some((now, text.to_owned()));
        }
        !known
    }

    /// Whether there are parts, all of them have become ready, and none is in trouble.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        let (parts, now) = (self.parts(), Instant::now());
        !parts.is_empty() && parts.values().all(|part| part.ready && part.trouble(now).is_none())
    }

    /// What is not as it should be, one line each; empty when all is well.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let (parts, now) = (self.parts(), Instant::now());
        let problem = |(name, part): (&String, &Part)| match part.trouble(now) {
            Some(text) => Some(format!("{name}: {text}")),
            None if !part.ready => Some(format!("{name}: not ready yet")),
            None => None,
        };
        parts.iter().filter_map(problem).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_every_part_is_and_again_when_trouble_is_not_repeated() {
        let health = Health::default();
        assert!(!health.is_ready(), "nothing has started");
        health.expect("keys");
        health.expect("watch");
        health.ready("keys");
        assert_eq!(health.problems(), ["watch: not ready yet"]);
        health.ready("watch");
        assert!(health.is_ready());
        let now = Instant::now();
        assert!(health.trouble_at("watch", "forbidden", now));
        assert!(!health.is_ready());
        assert_eq!(health.problems(), ["watch: forbidden"]);
        let long_ago = now.checked_sub(TROUBLE_LASTS).unwrap();
        health.parts().get_mut("watch").unwrap().trouble = Some((long_ago, "forbidden".to_owned()));
        assert!(health.is_ready());
        health.expect("keys");
        assert_eq!(health.problems(), ["keys: not ready yet"], "it starts anew");
    }

    #[test]
    fn the_same_text_is_said_once_a_minute_and_another_at_once() {
        let health = Health::default();
        let now = Instant::now();
        assert!(health.trouble_at("keys", "a", now));
        assert!(!health.trouble_at("keys", "a", now + Duration::from_secs(59)));
        assert!(health.trouble_at("keys", "b", now + Duration::from_secs(59)));
        assert!(health.trouble_at("keys", "b", now + Duration::from_secs(120)));
    }
}

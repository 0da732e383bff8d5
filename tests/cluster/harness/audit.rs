//! What the API server was asked: its audit log, every write of anybody and every read of the numbered users.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{Cluster, users};

/// The policy: no bodies, one event per request.
pub(super) fn policy() -> String {
    json!({
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            { "level": "Metadata", "userGroups": [users::GROUP] },
            { "level": "Metadata", "verbs": ["create", "update", "patch", "delete", "deletecollection"] },
            { "level": "None" },
        ],
    })
    .to_string()
}

/// A place in the audit log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark(usize);

impl Cluster {
    /// The present end of the audit log.
    pub(crate) fn mark(&self) -> Mark {
        self.audit_barrier();
        Mark(self.audit_log().len())
    }

    /// The requests since a mark that the filter wants, each once: fields as `event["user"]["username"]`, `event["verb"]`,
    /// `event["objectRef"]["resource"]`, `["subresource"]`, `["namespace"]`, `["name"]`, `event["responseStatus"]["code"]`.
    /// Everything that was answered before this call is among them.
    pub(crate) fn audit(&self, since: Mark, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.audit_barrier();
        self.audit_so_far(since, wanted)
    }

    /// As [`Self::audit`] without waiting for the last of them, and without a request.
    pub(crate) fn audit_so_far(&self, since: Mark, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let text = self.audit_log();
        let lines = text.get(since.0..).unwrap_or_default().split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines
            .map(|line| serde_json::from_str::<Value>(line).unwrap())
            // A watch has two: its begin and its end.
            .filter(|event| event["stage"] == if event["verb"] == "watch" { "ResponseStarted" } else { "ResponseComplete" })
            .filter(|event| event["objectRef"]["name"].as_str().is_none_or(|name| !name.starts_with(BARRIER)))
            .filter(wanted)
            .collect()
    }

    /// The writes of a user since a mark, each as `verb resource[/subresource] namespace/name`, in the order they were answered.
    pub(crate) fn writes(&self, since: Mark, user: &users::User) -> Vec<String> {
        let events = self.audit(since, |event| {
            event["user"]["username"] == user.name.as_str()
                && matches!(event["verb"].as_str(), Some("create" | "update" | "patch" | "delete" | "deletecollection"))
        });
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        events
            .iter()
            .map(|event| {
                let object = &event["objectRef"];
                let sub = object["subresource"].as_str().map(|name| format!("/{name}")).unwrap_or_default();
                let (resource, namespace, name) = (text(&object["resource"]), text(&object["namespace"]), text(&object["name"]));
                format!("{} {resource}{sub} {namespace}/{name}", text(&event["verb"]))
            })
            .collect()
    }

    /// Waits until a write of our own is in the log: events are written after the answer.
    fn audit_barrier(&self) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{BARRIER}{}", NEXT.fetch_add(1, Ordering::Relaxed));
        self.created("/api/v1/namespaces/default/configmaps", &json!({ "metadata": { "name": name } }));
        self.wait("the audit log", || self.audit_log().contains(&name));
    }

    fn audit_log(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.folder.join("audit.log")).unwrap_or_default()).into_owned()
    }
}

const BARRIER: &str = "audit-barrier-";

//! What the API server's refusals mean, in words that say what to do. Never a part of an object.

use std::time::Duration;

use crate::cluster::trouble::chain;

/// What was asked of the API server, for the text about its refusal.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The verb of RBAC: `list`, `watch`, `create`, …
    pub verb: &'a str,
    /// The resource, as RBAC names it: `secrets`, `sealedsecrets/status`, …
    pub resource: &'a str,
    /// Its API group; empty for the core group.
    pub group: &'a str,
    /// The namespace; `None` for all.
    pub namespace: Option<&'a str>,
}

impl std::fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let dot = if self.group.is_empty() { "" } else { "." };
        write!(f, "{} {}{dot}{} ", self.verb, self.resource, self.group)?;
        match self.namespace {
            Some(namespace) => write!(f, "in the namespace {namespace}"),
            None => f.write_str("in all namespaces"),
        }
    }
}

/// The HTTP status of an answer, if there was one.
#[must_use]
pub fn code(error: &kube::Error) -> Option<u16> {
    if let kube::Error::Api(status) = error { Some(status.code) } else { None }
}

/// The text of an error as the API server or the connection says it.
#[must_use]
pub fn message(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if !status.message.is_empty() => status.message.clone(),
        kube::Error::Api(status) => format!("the API server answered {} {}", status.code, status.reason),
        // A decoder's text may repeat a part of what it read.
        kube::Error::SerdeError(_) => "the API server's answer is not what was asked for".to_owned(),
        other => chain(other),
    }
}

/// Why something was not to be had, and what to do about it.
#[must_use]
pub fn explain(asked: &Asked<'_>, error: &kube::Error) -> String {
    let said = message(error);
    match code(error) {
        Some(401) => format!("cannot {asked}: the API server does not accept the service account's token ({said})"),
        Some(403) => format!(
            "cannot {asked}: not allowed; grant the verb \"{}\" on resource \"{}\" of API group \"{}\" ({said})",
            asked.verb, asked.resource, asked.group
        ),
        Some(404) if asked.group == "bitnami.com" => format!(
            "cannot {asked}: the CustomResourceDefinition sealedsecrets.bitnami.com is not installed; apply it, and this goes on by itself"
        ),
        _ => format!("cannot {asked}: {said}"),
    }
}

/// Whether the same request may well succeed soon without anybody doing anything.
#[must_use]
pub fn may_pass(error: &kube::Error) -> bool {
    match code(error) {
        Some(code) => matches!(code, 408 | 409 | 429 | 500..),
        None => true,
    }
}

/// Pauses that double from one to the other.
#[must_use]
pub fn backoff(attempt: u32, from: Duration, to: Duration) -> Duration {
    from.saturating_mul(2u32.saturating_pow(attempt.min(20))).min(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16, text: &str) -> kube::Error {
        kube::Error::Api(kube::core::Status::failure(text, "Reason").with_code(code).boxed())
    }

    #[test]
    fn refusals_name_verb_resource_and_place_and_what_to_do() {
        let asked = Asked { verb: "list", resource: "sealedsecrets", group: "bitnami.com", namespace: None };
        assert_eq!(
            explain(&asked, &refused(403, "no")),
            "cannot list sealedsecrets.bitnami.com in all namespaces: not allowed; grant the verb \"list\" on resource \
             \"sealedsecrets\" of API group \"bitnami.com\" (no)"
        );
        assert!(explain(&asked, &refused(404, "x")).contains("sealedsecrets.bitnami.com is not installed"));
        let asked = Asked { verb: "create", resource: "secrets", group: "", namespace: Some("web") };
        assert_eq!(explain(&asked, &refused(500, "boom")), "cannot create secrets in the namespace web: boom");
    }

    #[test]
    fn pauses_double_and_end() {
        let pause = |attempt| backoff(attempt, Duration::from_millis(5), Duration::from_secs(1));
        assert_eq!([pause(0), pause(3), pause(30)], [5, 40, 1000].map(Duration::from_millis));
    }
}

//! Rollout restarts of the workloads that read a Secret at their start, when its values really changed.
//!
//! Asked for by an annotation on the SealedSecret, or on the Secret through the template:
//! `secrets.hecate.dev/restart: DaemonSet/hecate-daemon, Deployment/web`. A restart is what `kubectl rollout restart` does: another
//! `kubectl.kubernetes.io/restartedAt` on the Pod template. Only workloads of the Secret's own namespace can be named. That the
//! controller may not, or that there is no such workload, is said in an event; the Secret is in place anyway. When a restart that
//! failed is tried again is decided in `sealed/rollout`.

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::failure::{self, Asked};
use crate::cluster::bounded;

/// The annotation that names the workloads.
pub const RESTART_ANNOTATION: &str = "secrets.hecate.dev/restart";
/// `fieldManager` of the restarts.
const MANAGER: &str = "hecate-seal-restart";
/// Most workloads of one annotation.
const MAX_WORKLOADS: usize = 20;

/// What can be restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Deployment,
    DaemonSet,
    StatefulSet,
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "deployment" | "deployments" | "deploy" => Some(Self::Deployment),
            "daemonset" | "daemonsets" | "ds" => Some(Self::DaemonSet),
            "statefulset" | "statefulsets" | "sts" => Some(Self::StatefulSet),
            _ => None,
        }
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Deployment => ("Deployment", "deployments"),
            Self::DaemonSet => ("DaemonSet", "daemonsets"),
            Self::StatefulSet => ("StatefulSet", "statefulsets"),
        }
    }
}

/// One workload of the annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    kind: Kind,
    name: String,
}

impl std::fmt::Display for Workload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind.names().0, self.name)
    }
}

/// Reads the annotation: `KIND/NAME`, separated by commas or blanks. Gives the workloads, each once, and what is wrong with the rest.
#[must_use]
pub fn parse(annotation: &str) -> (Vec<Workload>, Vec<String>) {
    let (mut workloads, mut wrong) = (Vec::new(), Vec::new());
    for text in annotation.split([',', ' ', '\t', '\n']).map(str::trim).filter(|text| !text.is_empty()) {
        let parts = text.split_once('/').and_then(|(kind, name)| Some((Kind::parse(kind)?, name)));
        match parts {
            Some((kind, name)) if crate::seal::is_valid_name(name) => {
                let workload = Workload { kind, name: name.to_owned() };
                if !workloads.contains(&workload) {
                    workloads.push(workload);
                }
            }
            _ => wrong.push(format!("{text:?} is no workload: write Deployment/NAME, DaemonSet/NAME or StatefulSet/NAME")),
        }
    }
    if workloads.len() > MAX_WORKLOADS {
        wrong.push(format!("{} workloads are named; only the first {MAX_WORKLOADS} are restarted", workloads.len()));
        workloads.truncate(MAX_WORKLOADS);
    }
    (workloads, wrong)
}

/// Why a workload was not restarted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// For people.
    pub text: String,
    /// Whether to try again: not if there is no such workload, or it must not be restarted.
    pub passing: bool,
}

/// Restarts a workload.
///
/// # Errors
/// Why it was not restarted.
pub async fn restart(client: &Client, namespace: &str, workload: &Workload, now: OffsetDateTime) -> Result<(), Refusal> {
    let (kind, plural) = workload.kind.names();
    let resource = ApiResource {
        group: "apps".to_owned(),
        version: "v1".to_owned(),
        api_version: "apps/v1".to_owned(),
        kind: kind.to_owned(),
        plural: plural.to_owned(),
    };
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let at = now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default();
    let annotations = json!({ "kubectl.kubernetes.io/restartedAt": at });
    let patch = json!({ "spec": { "template": { "metadata": { "annotations": annotations } } } });
    let params = PatchParams { field_manager: Some(MANAGER.to_owned()), ..PatchParams::default() };
    bounded(api.patch_metadata(&workload.name, &params, &Patch::Merge(&patch))).await.map(|_| ()).map_err(|error| {
        let asked = Asked { verb: "patch", resource: plural, group: "apps", namespace: Some(namespace) };
        let code = failure::code(&error);
        let text = match code {
            Some(404) => format!("there is no {workload} in the namespace {namespace}"),
            _ => failure::explain(&asked, &error),
        };
        Refusal { text, passing: !matches!(code, Some(403 | 404)) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_annotation_names_workloads_in_the_words_of_kubectl() {
        let (workloads, wrong) = parse("DaemonSet/hecate-daemon, deploy/web  sts/db,\nDeployment/web");
        let names: Vec<String> = workloads.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["DaemonSet/hecate-daemon", "Deployment/web", "StatefulSet/db"]);
        assert!(wrong.is_empty());
    }

    #[test]
    fn what_is_no_workload_is_said() {
        for text in ["web", "Pod/web", "Deployment/", "Deployment/../x", "Deployment/a/b", "Deployment/A"] {
            let (workloads, wrong) = parse(text);
            assert!(workloads.is_empty() && wrong.len() == 1, "{text}");
        }
        let many: Vec<String> = (0..30).map(|n| format!("ds/d{n}")).collect();
        let (workloads, wrong) = parse(&many.join(","));
        assert_eq!((workloads.len(), wrong.len()), (MAX_WORKLOADS, 1));
        assert_eq!(parse(""), (vec![], vec![]));
    }
}

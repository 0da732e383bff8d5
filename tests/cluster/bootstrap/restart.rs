//! Restarts after a rotation: servers first, one at a time, and what is not there is no error.

use serde_json::{Value, json};

use super::{LAB, Place};
use crate::harness::api;

fn deployment(place: &Place, name: &str) {
    let labels = json!({ "app": name });
    let object = json!({
        "metadata": { "name": name },
        "spec": { "replicas": 1, "selector": { "matchLabels": labels },
            "template": { "metadata": { "labels": labels }, "spec": { "containers": [{ "name": "c", "image": "none" }] } } },
    });
    place.cluster.created(&api::resources("apps/v1", &place.namespace, "deployments"), &object);
}

fn restarted(place: &Place, name: &str) -> Value {
    let path = format!("{}/{name}", api::resources("apps/v1", &place.namespace, "deployments"));
    place.cluster.read(&path)["spec"]["template"]["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"].clone()
}

#[test]
fn case_28_missing_workloads_are_warned_about_and_those_that_do_not_come_up_are_exit_code_3() {
    let Some(place) = Place::new(LAB) else { return };
    place.run(&["apply"]).ok();
    // None of them is there.
    let ran = place.run(&["rotate", "nats-credentials", "--restart", "--wait=1"]).ok();
    assert!(ran.err().contains("there is no Deployment/nats in"), "{}", ran.err());

    // No controller runs Pods here: the server never comes up, and the client is not restarted.
    deployment(&place, "nats");
    deployment(&place, "client");
    let ran = place.run(&["rotate", "nats-credentials", "--restart", "--wait=1"]).output().code(3);
    assert!(ran.err().contains("did not come up within 1 s"), "{}", ran.err());
    assert!(restarted(&place, "nats").is_string());
    assert_eq!(restarted(&place, "client"), Value::Null);

    // Both come up: said by their status, as the deployment controller would.
    let up = json!({ "status": { "observedGeneration": 100, "replicas": 1, "updatedReplicas": 1, "readyReplicas": 1, "availableReplicas": 1 } });
    for name in ["nats", "client"] {
        place.cluster.patched(&format!("{}/{name}/status", api::resources("apps/v1", &place.namespace, "deployments")), &up);
    }
    let mark = place.cluster.mark();
    place.run(&["rotate", "nats-credentials", "--restart", "--wait=20"]).ok();
    let patched: Vec<String> =
        place.cluster.writes(mark, &place.user).into_iter().filter(|write| write.contains("deployments")).collect();
    assert!(patched[0].ends_with("/nats") && patched[1].ends_with("/client"), "{patched:?}");
    assert_eq!(patched.len(), 2, "each once: {patched:?}");
}

//! The reconciler over an API server that answers as a test says: what a real one does too rarely, or only by chance of timing.

use std::ffi::OsString;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{Request, Response};
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::object::Object;
use super::pass::Done;
use super::{Reconciler, SealedSecretsTask, told_to_stop};
use crate::controller::args::{self, Command, Surroundings};
use crate::controller::events::Events;
use crate::controller::health::Health;
use crate::controller::keys::SharedKeys;
use crate::controller::metrics::{Format, Metrics};

/// A reconciler with these flags. `answer` gets method and path, and gives code and body; `None`: the connection breaks.
fn reconciler(words: &[&str], answer: impl Fn(&str, &str) -> Option<(u16, Value)> + Send + Sync + 'static) -> Arc<Reconciler> {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let around = Surroundings { variable: &|_| None, account_namespace: None };
    let Ok(Command::Run(config, _)) = args::parse(&words, &around) else { panic!("{words:?}") };
    let answer = Arc::new(answer);
    let service = tower::service_fn(move |request: Request<Body>| {
        let answered = answer(request.method().as_str(), request.uri().path());
        async move {
            let (code, body) = answered.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::ConnectionReset))?;
            let response = Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
            Ok::<_, std::io::Error>(response.unwrap())
        }
    });
    let client = Client::new(service, "default");
    let (events, _) = Events::start(client.clone());
    let task = SealedSecretsTask {
        config: Arc::new(*config),
        client,
        keys: SharedKeys::default(),
        metrics: Metrics::new("test", false),
        health: Health::default(),
        events,
    };
    Arc::new(Reconciler::new(task, &[None]))
}

fn object(spec: &Value) -> Object {
    let metadata = json!({ "name": "app", "namespace": "web", "uid": "u-1", "resourceVersion": "1", "generation": 1 });
    serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
}

#[tokio::test]
async fn a_part_that_ends_or_fails_ends_the_whole() {
    let (stop, mut stopping) = watch::channel(false);
    for fails in [false, true] {
        for of_workers in [false, true] {
            let (mut watches, mut workers) = (JoinSet::new(), JoinSet::new());
            watches.spawn(std::future::pending());
            workers.spawn(std::future::pending());
            let broken = if of_workers { &mut workers } else { &mut watches };
            broken.spawn(async move { assert!(!fails, "as a fault of ours would") });
            assert!(!told_to_stop(&mut stopping, &mut watches, &mut workers).await);
        }
    }
    let (mut watches, mut workers) = (JoinSet::new(), JoinSet::new());
    watches.spawn(std::future::pending());
    workers.spawn(std::future::pending());
    let waiting = tokio::time::timeout(Duration::from_millis(20), told_to_stop(&mut stopping, &mut watches, &mut workers));
    assert!(waiting.await.is_err(), "all is well");
    stop.send(true).unwrap();
    workers.spawn(async {});
    assert!(told_to_stop(&mut stopping, &mut watches, &mut workers).await);
}

#[tokio::test]
async fn an_object_that_is_deleted_during_its_pass_leaves_no_metric() {
    let reconciler = reconciler(&[], |_, _| None);
    let object = object(&json!({}));
    let failed = json!({ "conditions": [{ "type": "Synced", "status": "False" }] });
    let conditions = || {
        let (_, text) = reconciler.metrics.exposition(Format::Text);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines.filter(|line| line.contains("condition_info{") || line.contains("objects{")).map(str::to_owned).collect::<Vec<_>>()
    };
    reconciler.state.object_applied(object.clone());
    reconciler.observe(&object, &failed);
    let there = conditions();
    assert!(there.iter().any(|line| line.contains("app") && line.ends_with(" -1")), "{there:?}");
    assert!(there.iter().any(|line| line.contains("synced=\"False\"") && line.ends_with(" 1")), "{there:?}");
    // The watch tells of its end while the pass still is at work, which then looks at what it found.
    reconciler.object_deleted(&object.key());
    reconciler.observe(&object, &failed);
    let left = conditions();
    assert!(left.iter().all(|line| !line.contains("app") && line.ends_with(" 0")), "{left:?}");
}

/// The Secret is written, and the answer lost: the next pass finds it as it shall be, and must not take that for "nothing happened".
#[tokio::test]
async fn values_whose_write_was_not_answered_count_as_changed() {
    let stored = Arc::new(Mutex::new(None));
    let there = stored.clone();
    let reconciler = reconciler(&["--skip-recreate"], move |method, _| {
        let mut stored = there.lock().unwrap();
        let secret = json!({ "metadata": { "name": "app", "namespace": "web", "uid": "s-1", "resourceVersion": "7",
            "ownerReferences": [{ "apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "name": "app", "uid": "u-1",
                "controller": true }] }, "type": "Opaque" });
        match method {
            "POST" => {
                *stored = Some(secret);
                None
            }
            _ => match stored.clone() {
                Some(secret) => Some((200, secret)),
                None => Some((404, json!({ "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404 }))),
            },
        }
    });
    let spec = json!({ "encryptedData": {} });
    reconciler.state.object_applied(object(&spec));
    let key = object(&spec).key();
    assert!(reconciler.pass(&key, &mut object(&spec)).await.unwrap_err().passing);
    assert!(stored.lock().unwrap().is_some());
    assert_eq!(reconciler.pass(&key, &mut object(&spec)).await.unwrap().done, Done::Values);
    assert_eq!(reconciler.pass(&key, &mut object(&spec)).await.unwrap().done, Done::Nothing, "and that once");
}

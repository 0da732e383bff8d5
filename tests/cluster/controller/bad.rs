//! Bad input: each object is reported where its owner looks, nothing of it is written, and everything else goes on.

use std::time::{Duration, Instant};

use hecate_seal::seal::Scope;
use serde_json::{Value, json};

use super::{KEY, World, each, item, ours};
use crate::harness::api::sealed_secrets;
use crate::harness::controller::Which;

/// An object that is as it should be opens while others are not.
fn goes_on(world: &World, name: &str) {
    let began = Instant::now();
    world.create(&world.seal(name, &[("foo", "bar")]));
    world.wait_value(name, "foo", "bar");
    assert!(began.elapsed() < Duration::from_secs(30), "it waited behind the others");
}

#[test]
fn what_the_api_server_does_not_take_is_said_and_nothing_else_stops() {
    each("refused", |world| {
        let items: Vec<(String, String)> = (0..3).map(|n| (format!("k{n}"), "x".repeat(400_000))).collect();
        let items: Vec<(&str, &str)> = items.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        // 1.2 MB of values are 1.6 MB of text, more than the API server takes at once; so are half of them, twice.
        let mut large = world.seal("large", &items[..2]);
        large["spec"]["template"]["data"] = json!({ "twice": "{{ .k0 }}{{ .k1 }}" });
        world.create(&large);
        let message = world.wait_synced("large", false)["message"].as_str().unwrap().to_owned();
        assert!(message.contains("Too long") || message.contains("too large"), "{message}");
        world.wait_event("large", "ErrUpdateFailed", "");

        world.create(&world.seal("keys", &[("not a key", "hidden-value")]));
        let message = world.wait_synced("keys", false)["message"].as_str().unwrap().to_owned();
        assert!(message.contains("not a key") && !message.contains("hidden-value"), "{message}");

        let mut object = world.seal("labels", &[("foo", "bar")]);
        object["spec"]["template"]["metadata"]["labels"]["a/b/c"] = "x".into();
        world.create(&object);
        assert!(world.wait_synced("labels", false)["message"].as_str().unwrap().contains("a/b/c"));

        let mut object = world.seal("typed", &[("foo", "bar")]);
        object["spec"]["template"]["type"] = "kubernetes.io/tls".into();
        world.create(&object);
        assert!(world.wait_synced("typed", false)["message"].as_str().unwrap().contains("tls.crt"));
        for name in ["large", "keys", "labels", "typed"] {
            assert!(world.secret(name).is_none(), "{name}");
        }
        goes_on(world, "good");
    });
}

#[test]
fn items_that_are_no_text_never_reach_a_controller() {
    each("notext", |world| {
        for bad in [json!({ "a": 1 }), json!({ "a": { "b": "c" } }), json!(["a"]), json!("a")] {
            let mut object = world.seal("app", &[]);
            object["spec"]["encryptedData"] = bad;
            let path = sealed_secrets(&world.namespace);
            let (status, answer) = world.cluster.json("POST", &path, "application/json", &object);
            assert_eq!(status, 422, "{answer}");
        }
        goes_on(world, "good");
    });
}

#[test]
fn values_that_never_were_sealed_are_named() {
    each("garbage", |world| {
        let sealed = item(KEY, Scope::Strict, &world.namespace, "app", b"value");
        let mut flipped = data_encoding::BASE64.decode(sealed.as_bytes()).unwrap();
        *flipped.last_mut().unwrap() ^= 1;
        let cut = data_encoding::BASE64.encode(&flipped[..200]);
        let flipped = data_encoding::BASE64.encode(&flipped);
        let mut object = world.seal("app", &[]);
        object["spec"]["encryptedData"] =
            json!({ "cut": cut, "empty": "", "flipped": flipped, "plain": "aHVudGVyMg==", "short": "AA==" });
        world.create(&object);
        let message = world.wait_synced("app", false)["message"].as_str().unwrap().to_owned();
        for key in ["cut", "empty", "flipped", "plain", "short"] {
            assert!(message.contains(key), "{key}: {message}");
        }
        assert!(message.starts_with("no key could decrypt secret ("), "{message}");
        assert!(world.secret("app").is_none());
    });
}

/// A difference: the reference sets templates no limits, and one of these takes all its memory or time.
#[test]
fn hostile_templates_end_at_their_limits() {
    ours("hostile", |world| {
        let hostile = [
            ("loop", "{{ range $i := until 1000000 }}{{ range $j := until 1000000 }}x{{ end }}{{ end }}"),
            ("grow", "{{ $x := \"aaaaaaaaaaaaaaaa\" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}{{ len $x }}"),
            ("recursion", "{{ define \"t\" }}{{ template \"t\" . }}{{ end }}{{ template \"t\" . }}"),
            ("repeat", "{{ repeat 2000000000 \"x\" }}"),
            ("keys", "{{ range until 1000 }}{{ genPrivateKey \"rsa\" }}{{ end }}"),
            ("env", "{{ env \"POD_NAMESPACE\" }}"),
            ("fail", "{{ fail (printf \"%s\" .secret) }}"),
            ("syntax", "{{ if }}"),
        ];
        for (name, template) in hostile {
            let mut object = world.seal(name, &[("secret", "hunter2-value")]);
            object["spec"]["template"]["data"] = json!({ "out": template });
            world.create(&object);
        }
        goes_on(world, "good");
        for (name, _) in hostile {
            let message = world.wait_synced(name, false)["message"].as_str().unwrap().to_owned();
            assert!(message.contains("(out)") && !message.contains("hunter2"), "{name}: {message}");
            assert!(world.secret(name).is_none());
        }
        let log = world.controller().log();
        assert!(!log.contains("hunter2"), "a value is in the log");
    });
}

#[test]
fn ten_thousand_items_do_not_stop_the_others() {
    ours("many", |world| {
        // Too short to be tried with a key, so that this takes no minutes; all are named up to a limit.
        let items: serde_json::Map<String, Value> = (0..10_000).map(|n| (format!("item-{n:05}"), Value::from("AgA="))).collect();
        let mut object = world.seal("app", &[]);
        object["spec"]["encryptedData"] = items.into();
        world.create(&object);
        let condition = world.wait_synced("app", false);
        let message = condition["message"].as_str().unwrap();
        assert!(message.contains("item-00000, item-00001") && message.len() <= 4096, "{}", message.len());
        let event = world.wait_event("app", "ErrUnsealFailed", "item-00000");
        assert!(event["message"].as_str().unwrap().len() <= 1024);
        goes_on(world, "good");
    });
}

/// Each failure counts in the metrics, by its reason and namespace, and the gauge says which object it is.
#[test]
fn failures_show_in_the_metrics() {
    each("metrics", |world| {
        let mut object = world.seal("app", &[("foo", "bar")]);
        object["metadata"]["labels"]["app.kubernetes.io/instance"] = "inst".into();
        object["spec"]["encryptedData"]["foo"] = "AgA=".into();
        world.create(&object);
        world.wait_synced("app", false);
        world.foreign("blocked", json!({}), &[]);
        world.create(&world.seal("blocked", &[("foo", "bar")]));
        world.wait_synced("blocked", false);
        goes_on(world, "good");
        world.wait_synced("good", true);
        let controller = world.controller();
        let line = |start: &str, with: &[&str]| {
            let text = controller.scrape();
            let found = text.lines().find(|line| line.starts_with(start) && with.iter().all(|part| line.contains(part)));
            found.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        };
        let namespace = format!("namespace=\"{}\"", world.namespace);
        for reason in ["reason=\"unseal\"", "reason=\"unmanaged\""] {
            assert!(line("sealed_secrets_controller_unseal_errors_total{", &[&namespace, reason]).is_some_and(|n| n >= 1.0));
        }
        let condition = |name: &str, with: &str| {
            let name = format!("name=\"{name}\"");
            line("sealed_secrets_controller_condition_info{", &[&namespace, &name, "condition=\"Synced\"", with])
        };
        // The gauge comes after the status. 0.27.1 does not have the instance in it yet.
        let ours = world.which == Which::Ours;
        world.cluster.wait("the gauges", || {
            condition("app", if ours { "ss_app_kubernetes_io_instance=\"inst\"" } else { "" }) == Some(-1.0)
                && condition("good", if ours { "ss_app_kubernetes_io_instance=\"\"" } else { "" }) == Some(1.0)
        });
        assert!(line("sealed_secrets_controller_unseal_requests_total", &[]).is_some_and(|n| n >= 3.0));
        world.delete("app");
        world.cluster.wait("the end of the gauge", || condition("app", "").is_none());
        assert!(world.which == Which::Reference || controller.get("/readyz").unwrap().status == 200);
    });
}

//! Every way to an API server that a kubeconfig or the environment can name: client certificates, credential plugins, proxies. kubeseal of
//! the reference goes the same way beside ours, which proves the test itself; the controller goes it too.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::harness::Cluster;
use crate::harness::controller::{Controller, Which, key_admin_rules, unsealer_rules};
use crate::harness::users::User;
use crate::support::{self, Run, peers};

const SERVICE: &str = "sealed-secrets-controller";

/// A controller behind a Service, and a user who may run another one and ask this one.
struct Place {
    cluster: &'static Cluster,
    namespace: &'static str,
    /// Keeps serving.
    _controller: Controller<'static>,
    kubeseal: PathBuf,
    user: User,
}

impl Place {
    fn new(namespace: &'static str) -> Option<Self> {
        let cluster = Cluster::shared()?;
        let kubeseal = peers::kubeseal()?;
        cluster.namespace(namespace);
        cluster.key_secret(namespace, "key", "test-only-2048");
        let controller = cluster.controller(Which::Ours, namespace).service(SERVICE).flags(["--all-namespaces=false"]).start()?;
        let user = cluster.user();
        cluster.role(&user, namespace, &unsealer_rules());
        cluster.role(&user, namespace, &key_admin_rules());
        let proxy = json!([{ "apiGroups": [""], "resources": ["services", "services/proxy"], "verbs": ["get"] }]);
        cluster.role(&user, namespace, &proxy);
        Some(Self { cluster, namespace, _controller: controller, kubeseal, user })
    }

    /// A kubeconfig with these credentials instead of a token.
    fn kubeconfig(&self, credentials: Value) -> PathBuf {
        let mut config = self.cluster.kubeconfig_value(&self.user, None);
        config["users"][0]["user"] = credentials;
        self.cluster.write_kubeconfig(&config)
    }

    /// `kubeseal --fetch-cert`, the reference's and ours.
    fn fetches(&self, kubeconfig: &Path) -> [Run; 2] {
        [self.kubeseal.clone(), support::kubeseal_link()].map(|program| {
            let run = self.cluster.run(program).arg("--kubeconfig").arg(kubeconfig);
            run.args(["--fetch-cert", "--controller-namespace", self.namespace])
        })
    }

    /// Both fetch the certificate.
    #[track_caller]
    fn both_fetch(&self, kubeconfig: &Path, change: impl Fn(Run) -> Run) {
        let certificate = std::fs::read_to_string(support::key("test-only-2048.crt.pem")).unwrap();
        for run in self.fetches(kubeconfig) {
            assert_eq!(change(run).ok().out().trim(), certificate.trim());
        }
    }

    /// Our controller becomes ready, which takes its keys and its watches.
    #[track_caller]
    fn controller_works(&self, kubeconfig: &Path, env: &[(&str, &str)]) {
        let setup = self.cluster.controller(Which::Ours, self.namespace).user(&self.user).kubeconfig(kubeconfig);
        let setup = env.iter().fold(setup.flags(["--all-namespaces=false"]), |setup, (name, value)| setup.env(name, value));
        let controller = setup.start().unwrap();
        self.cluster.wait("readiness", || controller.get("/readyz").is_ok_and(|answer| answer.status == 200));
        assert!(!controller.log().contains(&self.user.token), "{}", controller.log());
        controller.stop();
    }

    /// A credential plugin: a script.
    fn plugin(&self, folder: &Path, script: &str) -> Value {
        let path = folder.join("plugin");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        json!({ "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": path,
            "args": ["get-token"],
            "env": [{ "name": "TOKEN", "value": self.user.token }],
            "interactiveMode": "Never",
        } })
    }
}

#[test]
fn a_client_certificate_says_who_one_is() {
    let Some(place) = Place::new("conn-cert") else { return };
    let (certificate, key) = place.cluster.client_certificate(&place.user);
    let base64 = |text: &str| data_encoding::BASE64.encode(text.as_bytes());
    let inline = json!({ "client-certificate-data": base64(&certificate), "client-key-data": base64(&key) });
    let mark = place.cluster.mark();
    place.both_fetch(&place.kubeconfig(inline.clone()), |run| run);
    // The certificate's user, not somebody anonymous who may read it too.
    let asked = place.cluster.audit(mark, |event| {
        event["user"]["username"] == place.user.name.as_str() && event["objectRef"]["subresource"] == "proxy"
    });
    assert_eq!(asked.len(), 2, "{asked:?}");
    place.controller_works(&place.kubeconfig(inline), &[]);

    let folder = support::temp_dir();
    let (certificate_file, key_file) = (folder.path().join("user.crt"), folder.path().join("user.key"));
    std::fs::write(&certificate_file, certificate).unwrap();
    std::fs::write(&key_file, key).unwrap();
    let files = place.kubeconfig(json!({ "client-certificate": certificate_file, "client-key": key_file }));
    place.both_fetch(&files, |run| run);
    let nobody = place.kubeconfig(json!({}));
    let flags = ["--client-certificate", certificate_file.to_str().unwrap(), "--client-key", key_file.to_str().unwrap()];
    place.both_fetch(&nobody, |run| run.args(flags));
    for run in place.fetches(&nobody) {
        run.output().code(1);
    }
}

#[test]
fn a_credential_plugin_is_asked_and_nothing_that_it_says_is_repeated() {
    let Some(place) = Place::new("conn-exec") else { return };
    let folder = support::temp_dir();
    let answer = r#"[ "$1" = get-token ] && [ -n "$KUBERNETES_EXEC_INFO" ] && printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$TOKEN""#;
    let good = place.kubeconfig(place.plugin(folder.path(), answer));
    place.both_fetch(&good, |run| run);
    place.controller_works(&good, &[]);

    // It prints the token and fails; it prints something else that holds the token.
    for (script, says) in [
        (format!("{answer}; echo log in again >&2; exit 3"), "log in again"),
        ("printf '{\"kind\": \"ExecCredential\", \"status\": \"%s\"}' \"$TOKEN\"".to_owned(), "ExecCredential"),
        ("printf %s \"$TOKEN\"".to_owned(), "ExecCredential"),
    ] {
        let bad = place.kubeconfig(place.plugin(folder.path(), &script));
        let [theirs, ours] = place.fetches(&bad).map(|run| run.output().code(1));
        assert!(ours.err().contains(says), "{}", ours.err());
        let all = [ours.out(), ours.err()].concat();
        assert!(!all.contains(&place.user.token), "{all}\n(theirs: {})", theirs.err());
        let setup = place.cluster.controller(Which::Ours, place.namespace).user(&place.user).kubeconfig(&bad);
        let mut controller = setup.launch().unwrap();
        let ended = controller.process().wait(std::time::Duration::from_secs(60));
        assert_eq!(ended.code(), Some(1));
        assert!(controller.log().contains(says) && !controller.log().contains(&place.user.token), "{}", controller.log());
    }
}

#[test]
fn a_proxy_is_used_where_kubeconfig_flag_or_environment_name_it() {
    let Some(place) = Place::new("conn-proxy") else { return };
    let proxy = place.cluster.proxy();
    let url = proxy.url.as_str();
    let direct = place.cluster.kubeconfig(&place.user, None);
    let mut config = place.cluster.kubeconfig_value(&place.user, None);
    config["clusters"][0]["cluster"]["proxy-url"] = url.into();
    let through = place.cluster.write_kubeconfig(&config);
    // How many connections it was asked for meanwhile; all go to the API server.
    let asked = |work: &dyn Fn()| {
        let before = proxy.asked().len();
        work();
        let after = proxy.asked();
        assert!(after.iter().all(|address| address == "10.99.0.1:6443"), "{after:?}");
        after.len() - before
    };

    assert_eq!(asked(&|| place.both_fetch(&direct, |run| run)), 0);
    assert!(asked(&|| place.both_fetch(&through, |run| run)) >= 2);
    assert!(asked(&|| place.both_fetch(&direct, |run| run.args(["--proxy-url", url]))) >= 2);
    for name in ["HTTPS_PROXY", "https_proxy"] {
        assert!(asked(&|| place.both_fetch(&direct, |run| run.env(name, url))) >= 2, "{name}");
    }
    let exempt = [("HTTPS_PROXY", url), ("NO_PROXY", "example.org,10.99.0.0/16")];
    assert_eq!(asked(&|| place.both_fetch(&direct, |run| run.env("HTTPS_PROXY", url).env("NO_PROXY", exempt[1].1))), 0);

    assert!(asked(&|| place.controller_works(&through, &[])) >= 1);
    assert!(asked(&|| place.controller_works(&direct, &exempt[..1])) >= 1);
    assert_eq!(asked(&|| place.controller_works(&direct, &exempt)), 0);
    // What the kubeconfig names is used whatever the environment exempts.
    assert!(asked(&|| place.controller_works(&through, &exempt[1..])) >= 1);
    // In a Pod both heed the environment.
    for which in [Which::Reference, Which::Ours] {
        let work = || {
            let setup = place.cluster.controller(which, place.namespace).in_pod().env("HTTPS_PROXY", url);
            let controller = setup.flags(["--all-namespaces=false"]).start().unwrap();
            place.cluster.wait("the key", || controller.certificate().contains("BEGIN"));
            controller.stop();
        };
        assert!(asked(&work) >= 1, "{which:?}");
    }
}

/// By the API server's clock. A burst goes at once, then each request waits for its turn.
#[test]
fn requests_to_the_api_server_are_as_many_as_kubeclient_qps_says() {
    let Some(cluster) = Cluster::shared() else { return };
    let namespace = "conn-qps";
    cluster.namespace(namespace);
    cluster.key_secret(namespace, "key", "test-only-2048");
    for number in 0..10 {
        let name = format!("app{number}");
        let scope = hecate_seal::seal::Scope::Strict;
        let object = crate::controller::seal("test-only-2048", scope, namespace, &name, &[("a", b"1")]);
        cluster.created(&crate::harness::api::sealed_secrets(namespace), &object);
    }
    let mark = cluster.mark();
    let flags = ["--all-namespaces=false", "--kubeclient-qps=10", "--kubeclient-burst=3"];
    let Some(controller) = cluster.controller(Which::Ours, namespace).flags(flags).start() else { return };
    let user = controller.user.clone();
    cluster.wait("all events", || {
        let events = cluster.list(&crate::harness::api::core(namespace, "events"), "");
        events.iter().filter(|event| event["reason"] == "Unsealed").count() == 10
    });
    controller.stop();
    let requests = cluster.audit(mark, |event| event["user"]["username"] == user.name.as_str());
    let parse = |event: &Value| {
        let text = event["requestReceivedTimestamp"].as_str().unwrap().to_owned();
        time::OffsetDateTime::parse(&text, &time::format_description::well_known::Rfc3339).unwrap()
    };
    let mut times: Vec<_> = requests.iter().map(parse).collect();
    times.sort();
    // Lists, watches, and three writes for each object.
    assert!(times.len() >= 34, "{}", times.len());
    let took = *times.last().unwrap() - times[0];
    let least = (times.len() - 3) as f64 / 10.0;
    // The first may have come late; without the limit all come within a second.
    assert!(took.as_seconds_f64() >= least * 0.8, "{} requests in {took}, at least {least} s expected", times.len());
}

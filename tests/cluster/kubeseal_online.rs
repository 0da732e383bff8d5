//! kubeseal with a cluster: the reference's program and ours do the same against the same controller, through a real service proxy.
//!
//! Each test runs both programs and compares exit code, standard output and error text; the reference's integration list has these cases.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::json;

use crate::harness::Cluster;
use crate::harness::api::{core, sealed_secrets};
use crate::harness::controller::{Controller, Which};
use crate::harness::users::User;
use crate::support::{self, Output, peers};

const KEYS: &str = "online-keys";
const WORK: &str = "online-work";
const CONTROLLER: &str = "sealed-secrets-controller";

/// A controller with a Service of the usual name: the reference's, and in a cluster of its own ours. Their key is `test-only-2048`.
fn places() -> impl Iterator<Item = &'static Place> {
    static REFERENCE: OnceLock<Option<Place>> = OnceLock::new();
    static OURS: OnceLock<Option<Place>> = OnceLock::new();
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    let reference = REFERENCE.get_or_init(|| Place::start(Cluster::shared()?, Which::Reference));
    let ours = OURS.get_or_init(|| Place::start(CLUSTER.get_or_init(Cluster::own).as_ref()?, Which::Ours));
    [reference, ours].into_iter().flatten()
}

struct Place {
    cluster: &'static Cluster,
    controller: Controller<'static>,
    kubeseal: PathBuf,
    /// May ask the controller, and nothing else.
    user: User,
}

impl Place {
    fn start(cluster: &'static Cluster, which: Which) -> Option<Self> {
        let kubeseal = peers::kubeseal()?;
        cluster.namespace(KEYS);
        cluster.namespace(WORK);
        cluster.key_secret(KEYS, "key-2048", "test-only-2048");
        let controller = cluster.controller(which, KEYS).service(CONTROLLER);
        let controller = controller.flags(["--all-namespaces=false", &format!("--additional-namespaces={WORK}")]).start()?;
        let user = cluster.user();
        cluster.role(&user, KEYS, &proxy_rules());
        Some(Self { cluster, controller, kubeseal, user })
    }

    /// Both programs with the same words; the reference's answer first.
    fn both(&self, config: &Path, words: &[&str], stdin: &str) -> [Output; 2] {
        [self.kubeseal.clone(), support::kubeseal_link()].map(|program| {
            let run = self.cluster.run(program).arg("--kubeconfig").arg(config).args(["--controller-namespace", KEYS]);
            run.args(words).stdin(stdin).output()
        })
    }

    fn config(&self) -> PathBuf {
        self.cluster.kubeconfig(&self.user, Some(WORK))
    }
}

/// The rights of the reference's Role `sealed-secrets-service-proxier`.
fn proxy_rules() -> serde_json::Value {
    let names = [format!("http:{CONTROLLER}:"), format!("http:{CONTROLLER}:http"), CONTROLLER.to_owned()];
    json!([
        { "apiGroups": [""], "resources": ["services"], "resourceNames": [CONTROLLER], "verbs": ["get"] },
        { "apiGroups": [""], "resources": ["services/proxy"], "resourceNames": names, "verbs": ["create", "get"] },
    ])
}

fn secret(name: &str, namespace: Option<&str>) -> String {
    let namespace = namespace.map(|name| format!("  namespace: {name}\n")).unwrap_or_default();
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n{namespace}stringData:\n  foo: bar\n")
}

/// Same exit code, same standard output but for sealed bytes, and the same errors; ours may add hints.
#[track_caller]
fn assert_alike([theirs, ours]: &[Output; 2]) {
    assert_eq!(ours.code, theirs.code, "ours: {}{}\ntheirs: {}{}", ours.out(), ours.err(), theirs.out(), theirs.err());
    support::assert_same(&support::without_ciphertext(ours.out()), &support::without_ciphertext(theirs.out()), "standard output");
    let own: String = ours.err().split_inclusive('\n').filter(|line| !line.starts_with("hint: ")).collect();
    support::assert_same(&own, theirs.err(), "standard error");
}

#[test]
fn both_seal_for_the_cluster_and_its_controller_opens_both() {
    for place in places() {
        let config = place.config();
        // Namespace of the manifest, of the flag, of the kubeconfig's context.
        let cases: [(&str, Option<&str>, &[&str]); 4] = [
            ("by-manifest", Some(WORK), &[]),
            ("by-flag", None, &["-n", WORK]),
            ("by-context", None, &[]),
            ("as-yaml", Some(WORK), &["--format", "yaml", "--scope", "namespace-wide"]),
        ];
        for (name, namespace, words) in cases {
            for (who, answer) in ["theirs", "ours"].iter().zip({
                let answers = place.both(&config, words, &secret(name, namespace));
                assert_alike(&answers);
                answers
            }) {
                assert_eq!(answer.code, Some(0), "{name}: {}", answer.err());
                _ = place.cluster.delete(&format!("{}/{name}", sealed_secrets(WORK)));
                place.cluster.wait("the last one's end", || place.cluster.secret_value(WORK, name, "foo").is_none());
                place.cluster.apply(answer.out());
                place.cluster.wait(&format!("the Secret {name} by {who}"), || {
                    place.cluster.secret_value(WORK, name, "foo").as_deref() == Some(b"bar")
                });
            }
        }
    }
}

#[test]
fn a_namespace_in_no_place_is_the_default_one() {
    for place in places() {
        let config = place.cluster.kubeconfig(&place.user, None);
        let answers = place.both(&config, &[], &secret("app", None));
        assert_alike(&answers);
        for answer in &answers {
            let object: serde_json::Value = serde_json::from_str(answer.out()).unwrap();
            assert_eq!(object["metadata"]["namespace"], "default");
        }
    }
}

#[test]
fn the_certificate_is_the_clusters() {
    for place in places() {
        let answers = place.both(&place.config(), &["--fetch-cert"], "");
        assert_alike(&answers);
        let certificate = std::fs::read_to_string(support::key("test-only-2048.crt.pem")).unwrap();
        assert_eq!(answers[1].out().trim(), certificate.trim());
        // Into a file, and through variables.
        let folder = support::temp_dir();
        let path = folder.path().join("cert.pem");
        let ours = place.cluster.run(support::kubeseal_link()).arg("--fetch-cert").arg("-w").arg(&path);
        let ours = ours.env("SEALED_SECRETS_KUBECONFIG", place.config()).env("SEALED_SECRETS_CONTROLLER_NAMESPACE", KEYS);
        assert_eq!(ours.ok().out(), "");
        assert_eq!(std::fs::read_to_string(path).unwrap(), answers[0].out());
    }
}

#[test]
fn a_certificate_at_hand_needs_no_cluster() {
    for place in places() {
        let nowhere = place.cluster.write_kubeconfig(&{
            let mut config = place.cluster.kubeconfig_value(&place.user, Some(WORK));
            config["clusters"][0]["cluster"]["server"] = "https://10.99.0.1:1".into();
            config
        });
        let cert = support::key("test-only-2048.crt.pem");
        let answers = place.both(&nowhere, &["--cert", cert.to_str().unwrap()], &secret("app", None));
        assert_alike(&answers);
        assert_eq!(answers[1].code, Some(0));
        // Without it both fail, each in its own words.
        let [theirs, ours] = place.both(&nowhere, &[], &secret("app", None));
        assert_eq!((theirs.code, ours.code), (Some(1), Some(1)));
        assert!(ours.err().contains("cannot reach the API server https://10.99.0.1:1: Connection refused"), "{}", ours.err());
        assert!(ours.err().contains("hint: to seal without the cluster: --cert FILE"), "{}", ours.err());
    }
}

#[test]
fn what_cannot_be_sealed_fails_alike() {
    for place in places() {
        let config = place.config();
        let missing = place.both(&config, &["--cert", "/none/cert.pem"], &secret("app", None));
        assert_alike(&missing);
        assert_eq!(missing[1].code, Some(1));
        // Nothing on standard input: 0.27.1 says nothing and is content, later versions fail.
        let [theirs, ours] = place.both(&config, &[], "");
        assert_eq!((theirs.code, theirs.out(), ours.code), (Some(0), "", Some(1)));
        assert!(ours.err().starts_with("error: no secrets found"), "{}", ours.err());
        // No such Service: the text names the two flags.
        let unknown = place.both(
            &place.cluster.kubeconfig(&place.cluster.admin(), None),
            &["--controller-name", "none", "--controller-namespace", WORK],
            &secret("app", None),
        );
        assert_alike(&unknown);
        assert!(unknown[1].err().contains("services \"none\" not found"), "{}", unknown[1].err());
    }
}

#[test]
fn validation_says_yes_and_no_alike() {
    for place in places() {
        let config = place.config();
        let [theirs, ours] = place.both(&config, &[], &secret("valid", Some(WORK)));
        for sealed in [theirs.out(), ours.out()] {
            let yes = place.both(&config, &["--validate"], sealed);
            assert_alike(&yes);
            assert_eq!((yes[1].code, yes[1].out()), (Some(0), ""));
            let renamed = sealed.replace("\"name\": \"valid\"", "\"name\": \"renamed\"");
            let no = place.both(&config, &["--validate"], &renamed);
            assert_alike(&no);
            assert_eq!(no[1].code, Some(1));
            assert!(no[1].err().starts_with("error: unable to decrypt sealed secret: renamed\n"), "{}", no[1].err());
        }
        // Several documents, the last one wrong; from a file; nothing at all.
        let folder = support::temp_dir();
        let path = folder.path().join("s.json");
        std::fs::write(&path, format!("{}{}", ours.out(), ours.out().replace("\"valid\"", "\"other\""))).unwrap();
        let several = place.both(&config, &["--validate", "-f", path.to_str().unwrap()], "");
        assert_alike(&several);
        assert_eq!(several[1].code, Some(1));
        assert_alike(&place.both(&config, &["--validate"], ""));
    }
}

#[test]
fn re_encryption_gives_what_opens_in_the_format_and_place_that_flags_say() {
    for place in places() {
        let config = place.config();
        let [_, sealed] = place.both(&config, &["-o", "yaml", "--scope", "namespace-wide"], &secret("again", Some(WORK)));
        for words in [&["--re-encrypt"][..], &["--re-encrypt", "-o", "yaml"], &["--rotate"]] {
            let answers = place.both(&config, words, sealed.out());
            assert_alike(&answers);
            assert_eq!(answers[1].code, Some(0));
            let item = |text: &str| text.lines().find(|line| line.contains("foo")).unwrap().to_owned();
            // What the newest key opens already, our controller leaves as it is.
            let same = item(answers[1].out()) == item(answers[0].out());
            assert_eq!(same, place.controller.which == Which::Ours);
            let json = words[0] == "--rotate";
            let body = if json { answers[1].out().split_once('\n').unwrap().1 } else { answers[1].out() };
            assert_eq!(place.both(&config, &["--validate"], body)[0].code, Some(0));
        }
        // In place, and into another file.
        let folder = support::temp_dir();
        for (program, file) in [(place.kubeseal.clone(), "theirs.yaml"), (support::kubeseal_link(), "ours.yaml")] {
            let path = folder.path().join(file);
            std::fs::write(&path, sealed.out()).unwrap();
            let run = || {
                place
                    .cluster
                    .run(&program)
                    .arg("--kubeconfig")
                    .arg(&config)
                    .args(["--controller-namespace", KEYS, "--re-encrypt", "-f"])
                    .arg(&path)
            };
            run().arg("-w").arg(folder.path().join("other.yaml")).ok();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), sealed.out());
            run().ok();
            let same = std::fs::read_to_string(&path).unwrap() == sealed.out();
            assert_eq!(same, place.controller.which == Which::Ours);
        }
        let read = |name: &str| support::without_ciphertext(&std::fs::read_to_string(folder.path().join(name)).unwrap());
        assert_eq!(read("ours.yaml"), read("theirs.yaml"));

        // What does not open: the same text, and our file is whole (the reference's too).
        let wrong = sealed.out().replace("online-work", "online-none");
        let answers = place.both(&config, &["--re-encrypt"], &wrong);
        assert_alike(&answers);
        assert_eq!(answers[1].code, Some(1));
        assert!(answers[1].err().starts_with("error: cannot re-encrypt secret: "), "{}", answers[1].err());
    }
}

#[test]
fn an_unreadable_file_is_not_emptied_by_re_encryption() {
    for place in places() {
        let folder = support::temp_dir();
        let path = folder.path().join("broken.yaml");
        for text in ["kind: SealedSecret\n  metadata: {broken", "\u{0}\u{1}", "# only a comment\nkind: ConfigMap\n"] {
            std::fs::write(&path, text).unwrap();
            let run = place.cluster.run(support::kubeseal_link()).arg("--kubeconfig").arg(place.config());
            let output = run.args(["--controller-namespace", KEYS, "--re-encrypt", "-f"]).arg(&path).output();
            assert_eq!(output.code, Some(1), "{}", output.err());
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
    }
}

#[test]
fn rights_that_are_missing_are_named() {
    for place in places() {
        let nobody = place.cluster.user();
        let config = place.cluster.kubeconfig(&nobody, Some(WORK));
        let answers = place.both(&config, &["--fetch-cert"], "");
        assert_alike(&answers);
        let who = &nobody.name;
        let text = format!("services \"{CONTROLLER}\" is forbidden: User \"{who}\" cannot get resource \"services\"");
        assert!(answers[1].err().contains(&text), "{}", answers[1].err());

        place.cluster.role(&nobody, KEYS, &json!([{ "apiGroups": [""], "resources": ["services"], "verbs": ["get"] }]));
        let mut answers = place.both(&config, &["--fetch-cert"], "");
        place.cluster.wait("the role", || {
            answers = place.both(&config, &["--fetch-cert"], "");
            answers[1].err().contains("services/proxy")
        });
        assert_alike(&answers);
        let text = format!("User \"{who}\" cannot get resource \"services/proxy\" in API group \"\" in the namespace \"{KEYS}\"");
        assert!(answers[1].err().contains(&text), "{}", answers[1].err());
        let sealed = place.both(&place.config(), &[], &secret("app", Some(WORK)));
        let answers = place.both(&config, &["--validate"], sealed[1].out());
        assert_alike(&answers);
        assert!(answers[1].err().contains("cannot create resource \"services/proxy\""), "{}", answers[1].err());
    }
}

#[test]
fn wrong_token_wrong_authority_and_wrong_name_are_told_apart() {
    for place in places() {
        let config = place.config();
        let answers = place.both(&config, &["--fetch-cert", "--token", "nobodys"], "");
        assert_alike(&answers);
        assert!(answers[1].err().starts_with("error: cannot get sealed secret service: Unauthorized."), "{}", answers[1].err());
        assert!(!answers[1].err().contains("nobodys"));

        let ours = |words: &[&str]| {
            let output = place.both(&config, words, "")[1].err().to_owned();
            assert!(output.starts_with("error: "), "{output}");
            output
        };
        let mut other = place.cluster.kubeconfig_value(&place.user, None);
        let authority = std::fs::read(support::key("test-only-2048.crt.pem")).unwrap();
        other["clusters"][0]["cluster"]["certificate-authority-data"] = data_encoding::BASE64.encode(&authority).into();
        let path = place.cluster.write_kubeconfig(&other);
        let [theirs, untrusted] = place.both(&path, &["--fetch-cert"], "");
        assert_eq!((theirs.code, untrusted.code), (Some(1), Some(1)));
        assert!(
            untrusted.err().contains("the certificate of the API server https://10.99.0.1:6443 is not trusted"),
            "{}",
            untrusted.err()
        );
        assert!(untrusted.err().contains("hint: the kubeconfig's certificate-authority-data"), "{}", untrusted.err());
        let text = ours(&["--fetch-cert", "--tls-server-name", "other.example"]);
        assert!(text.contains("it is for another name"), "{text}");
        // Both work again with the flags that put it right.
        let ca = place.cluster.ca_file();
        for words in [
            vec!["--fetch-cert", "--certificate-authority", ca.to_str().unwrap()],
            vec!["--fetch-cert", "--insecure-skip-tls-verify"],
        ] {
            let answers = place.both(&path, &words, "");
            assert_alike(&answers);
            assert_eq!(answers[1].code, Some(0), "{words:?}");
        }
    }
}

#[test]
fn connection_flags_say_where_and_who() {
    for place in places() {
        let token = &place.user.token;
        let user = &place.user.name;
        let mut config = place.cluster.kubeconfig_value(&place.user, Some(WORK));
        config["current-context"] = "wrong".into();
        config["contexts"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "name": "wrong", "context": { "cluster": "wrong", "user": "wrong" } }));
        config["clusters"]
            .as_array_mut()
            .unwrap()
            .push(json!({ "name": "wrong", "cluster": { "server": "https://10.99.0.1:1" } }));
        config["users"].as_array_mut().unwrap().push(json!({ "name": "wrong", "user": { "token": "no" } }));
        let path = place.cluster.write_kubeconfig(&config);
        let ca = place.cluster.ca_file();
        let ca = ca.to_str().unwrap();
        let admin = place.cluster.admin();
        for words in [
            vec!["--context", "test"],
            vec!["--cluster", "test", "--user", user],
            vec!["--cluster", "test", "--token", token],
            vec!["--server", "https://10.99.0.1:6443", "--certificate-authority", ca, "--token", token],
            vec!["--context", "test", "--token", &admin.token, "--as", user],
            vec!["--context", "test", "--token", &admin.token, "--as", "somebody", "--as-group", "system:masters"],
            vec!["--context", "test", "--request-timeout", "20s", "--disable-compression"],
        ] {
            let answers = place.both(&path, &[&words[..], &["--fetch-cert"]].concat(), "");
            assert_alike(&answers);
            assert_eq!(answers[1].code, Some(0), "{words:?} {}", answers[1].err());
        }
        for words in [vec!["--context", "none"], vec!["--context", "test", "--as", "nobody-at-all"]] {
            let answers = place.both(&path, &[&words[..], &["--fetch-cert"]].concat(), "");
            assert_alike(&answers);
            assert_eq!(answers[1].code, Some(1), "{words:?}");
        }
    }
}

#[test]
fn several_kubeconfig_files_are_one() {
    for place in places() {
        let whole = place.cluster.kubeconfig_value(&place.user, Some(WORK));
        let part = |names: &[&str]| {
            let mut value = json!({ "apiVersion": "v1", "kind": "Config" });
            for name in names {
                value[name] = whole[name].clone();
            }
            place.cluster.write_kubeconfig(&value)
        };
        let files = [part(&["clusters"]), PathBuf::from("/none/such"), part(&["contexts", "current-context"]), part(&["users"])];
        let list = std::env::join_paths(&files).unwrap();
        let answers = [place.kubeseal.clone(), support::kubeseal_link()].map(|program| {
            let run = place.cluster.run(program).env("KUBECONFIG", &list).args(["--controller-namespace", KEYS]);
            run.stdin(secret("app", None)).output()
        });
        assert_alike(&answers);
        assert_eq!(answers[1].code, Some(0), "{}", answers[1].err());
        let object: serde_json::Value = serde_json::from_str(answers[1].out()).unwrap();
        assert_eq!(object["metadata"]["namespace"], WORK);
    }
}

#[test]
fn without_any_configuration_both_say_so() {
    for place in places() {
        let answers = [place.kubeseal.clone(), support::kubeseal_link()]
            .map(|program| place.cluster.run(program).args(["--fetch-cert"]).output());
        assert_eq!(answers[1].code, Some(1));
        assert!(answers[1].err().contains("no configuration has been provided"), "{}\n{}", answers[0].err(), answers[1].err());
        assert_alike(&answers);
    }
}

#[test]
fn a_service_of_another_name_is_found_by_its_labels() {
    for place in places() {
        let cluster = place.cluster;
        for name in ["online-chart", "online-empty"] {
            cluster.namespace(name);
        }
        let labels = json!({ "app.kubernetes.io/name": "sealed-secrets" });
        cluster.service_with(&crate::harness::service::Service {
            namespace: "online-chart",
            name: "release-sealed-secrets",
            port: place.controller.port,
            port_name: Some("http"),
            labels,
        });
        let config = cluster.kubeconfig(&cluster.admin(), None);
        let run = |namespace: &str, words: &[&str]| {
            let run = cluster.run(support::kubeseal_link()).arg("--kubeconfig").arg(&config);
            run.args(["--fetch-cert", "--controller-namespace", namespace]).args(words).output()
        };
        // Both reach it by its name, whose port has a name here.
        let named = ["--fetch-cert", "--controller-namespace", "online-chart", "--controller-name", "release-sealed-secrets"];
        let answers = place.both(&config, &named, "");
        assert_alike(&answers);
        // In the same namespace it is taken, and said.
        let found = run("online-chart", &[]).code(0);
        assert_eq!(found.out(), answers[0].out());
        assert!(found.err().contains("note: the controller's service is named release-sealed-secrets"), "{}", found.err());
        // A name that was given is meant.
        let given = run("online-chart", &["--controller-name", "other"]).code(1);
        assert!(given.err().contains("use --controller-name release-sealed-secrets"), "{}", given.err());
        // Elsewhere it is only named: who may make a Service somewhere must not choose whose key is sealed for.
        let elsewhere = run("online-empty", &[]).code(1);
        assert!(
            elsewhere.err().contains("--controller-name release-sealed-secrets --controller-namespace online-chart"),
            "{}",
            elsewhere.err()
        );
        // A Service without anything behind it.
        cluster.created(
            &core("online-empty", "services"),
            &json!({ "metadata": { "name": CONTROLLER }, "spec": { "ports": [{ "port": 1 }] } }),
        );
        cluster.created(&core("online-empty", "endpoints"), &json!({ "metadata": { "name": CONTROLLER } }));
        let ask = || place.both(&config, &["--fetch-cert", "--controller-namespace", "online-empty"], "");
        // The proxy comes to know a new Service a moment later than the API.
        cluster.wait("the proxy", || ask()[0].err().contains("no endpoints available"));
        let answers = ask();
        assert_alike(&answers);
        assert!(answers[1].err().contains("no endpoints available"), "{}", answers[1].err());
    }
}

#[test]
fn an_api_server_that_does_not_answer_is_given_up() {
    let Some(cluster) = Cluster::own() else { return };
    let config = cluster.kubeconfig(&cluster.admin(), None);
    cluster.pause();
    let run = |words: &[&str]| {
        cluster.run(support::kubeseal_link()).arg("--kubeconfig").arg(&config).args(["--fetch-cert"]).args(words).output()
    };
    let output = run(&["--request-timeout", "500ms"]).code(1);
    assert!(output.err().contains("the API server https://10.99.0.1:6443 did not answer in time"), "{}", output.err());
    assert!(output.err().contains("hint: is the cluster up"), "{}", output.err());
    cluster.resume();
    let config = cluster.kubeconfig(&cluster.admin(), None);
    cluster.stop_api_server();
    let run = cluster.run(support::kubeseal_link()).arg("--kubeconfig").arg(&config).args(["--fetch-cert"]);
    let output = run.output().code(1);
    assert!(output.err().contains("cannot reach the API server https://10.99.0.1:6443"), "{}", output.err());
}

//! The chart, the kustomize tree and the plain manifests: all say the same, and the API server takes all of it. A release of the
//! reference's chart becomes ours by `helm upgrade` and goes back by `helm rollback`, and no Secret notices.
//!
//! `HECATE_UPDATE=1 cargo test --test cluster deploy` writes the committed manifests anew from the chart.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::harness::existing::Place;
use crate::harness::{Cluster, go_module_folder};
use crate::support::{self, Run, peers};

const KUSTOMIZE: &str = "deploy/kustomize";

fn chart() -> PathBuf {
    support::root().join("deploy/helm")
}

/// `helm template` as the plain manifests are made: kubeseal's default Service name and namespace.
fn template(helm: &Path, args: &[&str]) -> String {
    let fixed = ["--namespace", "kube-system", "--set", "fullnameOverride=sealed-secrets-controller"];
    let run = Run::new(helm).args(["template", "sealed-secrets-controller"]).arg(chart()).args(fixed).args(args);
    run.ok().out().to_owned()
}

/// The documents of a rendering, without helm's own labels and comments: (kind, text).
fn plain(rendered: &str) -> Vec<(String, String)> {
    let kept = |line: &&str| {
        !line.starts_with("# Source:") && !line.contains("helm.sh/chart:") && !line.contains("app.kubernetes.io/managed-by:")
    };
    let document = |text: &str| text.lines().filter(kept).map(|line| line.to_owned() + "\n").collect::<String>();
    let kind = |text: &str| text.lines().find_map(|line| line.strip_prefix("kind: ")).map(str::to_owned);
    rendered.split("---\n").map(document).filter_map(|text| Some((kind(&text)?, text))).collect()
}

fn joined<'a>(documents: impl Iterator<Item = &'a (String, String)>) -> String {
    let header = "# Made from deploy/helm; tests/cluster/deploy.rs keeps it so.\n";
    documents.fold(header.to_owned(), |text, (_, document)| text + "---\n" + document)
}

/// Compares a committed file, or writes it.
fn committed(path: &str, expected: &str) {
    let file = support::root().join(path);
    if std::env::var_os("HECATE_UPDATE").is_some() {
        fs::write(&file, expected).unwrap();
    }
    let text = fs::read_to_string(&file).unwrap_or_default();
    support::assert_same(&text, expected, &format!("{path} (HECATE_UPDATE=1 writes it anew)"));
}

fn parse(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    documents.into_iter().filter(|document| !document.is_null()).collect()
}

/// Objects by kind, namespace and name; arguments of containers sorted, helm's labels gone.
fn by_name(text: &str) -> BTreeMap<String, Value> {
    let named = |mut object: Value| {
        if let Some(labels) = object.pointer_mut("/metadata/labels").and_then(Value::as_object_mut) {
            labels.remove("helm.sh/chart");
            labels.remove("app.kubernetes.io/managed-by");
        }
        if let Some(args) = object.pointer_mut("/spec/template/spec/containers/0/args").and_then(Value::as_array_mut) {
            args.sort_by_key(ToString::to_string);
        }
        let part = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        (format!("{} {}/{}", part("/kind"), part("/metadata/namespace"), part("/metadata/name")), object)
    };
    parse(text).into_iter().map(named).collect()
}

#[test]
fn the_committed_manifests_are_what_the_chart_renders() {
    let Some(helm) = peers::get(&peers::HELM) else { return };
    let crd = fs::read_to_string(support::root().join("deploy/crd/sealedsecrets.bitnami.com.yaml")).unwrap();
    committed("deploy/helm/crds/sealedsecrets.bitnami.com.yaml", &crd);
    committed("deploy/kustomize/base/sealedsecrets.bitnami.com.yaml", &crd);
    let whole = plain(&template(&helm, &[]));
    let is_cluster_wide = |(kind, _): &&(String, String)| kind.starts_with("ClusterRole");
    committed("deploy/kustomize/base/controller.yaml", &joined(whole.iter().filter(|document| !is_cluster_wide(document))));
    committed("deploy/kustomize/overlays/cluster-wide/rbac.yaml", &joined(whole.iter().filter(is_cluster_wide)));
    let namespaced = plain(&template(&helm, &["--set", "rbac.clusterRole=false,rbac.namespacedRoles=true"]));
    let unsealer = |(kind, text): &&(String, String)| kind.starts_with("Role") && text.contains("\n  name: secrets-unsealer\n");
    committed("deploy/kustomize/overlays/namespaced/rbac.yaml", &joined(namespaced.iter().filter(unsealer)));
    committed("deploy/controller.yaml", &format!("{crd}{}", joined(whole.iter())));
}

#[test]
fn chart_and_kustomize_say_the_same() {
    let (Some(helm), Some(kubectl)) = (peers::get(&peers::HELM), peers::go_program("kubectl")) else { return };
    let namespaced = ["--set", "rbac.clusterRole=false,rbac.namespacedRoles=true"];
    for (overlay, values) in [("cluster-wide", &[][..]), ("namespaced", &namespaced[..])] {
        let path = support::root().join(KUSTOMIZE).join("overlays").join(overlay);
        let built = Run::new(&kubectl).arg("kustomize").arg(path).ok().out().to_owned();
        let rendered = template(&helm, &[values, &["--include-crds"]].concat());
        let (built, rendered) = (by_name(&built), by_name(&rendered));
        assert_eq!(built.keys().collect::<Vec<_>>(), rendered.keys().collect::<Vec<_>>(), "{overlay}");
        for (name, object) in &built {
            assert_eq!(object, &rendered[name], "{overlay}: {name}");
        }
    }
}

/// Values that change which objects there are, or their shape.
const VALUES: &[(&str, &str)] = &[
    ("defaults", ""),
    ("everything-on", "ingress: {enabled: true, tls: true, ingressClassName: nginx, extraHosts: [{name: b.local}]}
networkPolicy: {enabled: true, egress: {enabled: true}, ingress: {from: [{podSelector: {}}]}}
pdb: {create: true}
metrics: {serviceMonitor: {enabled: true, interval: 30s, relabelings: [{action: drop}]}, prometheusRule: {enabled: true}, dashboards: {create: true}}
startupProbe: {enabled: true}
hostUsers: false
privateKeyLabels: {a: b}
privateKeyAnnotations: {c: d e}
commonLabels: {team: '{{ .Release.Name }}'}
commonAnnotations: {note: x}
podLabels: {p: q}
podAnnotations: {r: s}
resources: {limits: {cpu: 150m, memory: 64Mi}}
extraEnv: [{name: A, value: b}]
extraArgs: [--v=1]
extraDeploy: [{apiVersion: v1, kind: ConfigMap, metadata: {name: '{{ .Release.Name }}-extra'}}]
"),
    ("an-old-values-file", "image: {registry: docker.io, repository: bitnami/sealed-secrets-controller, tag: 0.27.0, pullSecrets: [pull]}
keyrenewperiod: '0'
rateLimit: 5
rateLimitBurst: '10'
updateStatus: false
logInfoStdout: false
logLevel: DEBUG
logFormat: json
rbac: {pspEnabled: false, serviceProxier: {bind: false}}
additionalNamespaces: [one, two]
"),
    ("namespaced", "rbac: {clusterRole: false, namespacedRoles: true, restarts: false}\nallNamespaces: false\nadditionalNamespaces: [deploy-values]\n"),
    ("without-rbac-and-account", "rbac: {create: false}\nserviceAccount: {create: false, name: mine}\n"),
    ("without-controller", "createController: false\n"),
    ("node-port", "service: {type: NodePort, nodePort: 30080}\nmetrics: {service: {type: LoadBalancer}}\nhostNetwork: true\nhostPorts: {http: 8080}\n"),
    ("own-command", "command: [hecate-seal-controller, --v=1]\nargs: ['--key-prefix={{ .Values.secretName }}']\npodSecurityContext: {enabled: false}\ncontainerSecurityContext: {enabled: false}\n"),
    ("custom-probes", "customLivenessProbe: {exec: {command: ['true']}}\ncustomReadinessProbe: {exec: {command: ['true']}}\ncustomStartupProbe: {exec: {command: ['true']}}\npdb: {create: true, maxUnavailable: 0}\nnetworkPolicy: {enabled: true, egress: {enabled: true, kubeapiCidr: 10.0.0.0/8, kubeapiPort: 6443}}\n"),
];

/// The kinds that the Prometheus operator brings, in its own words.
const PROMETHEUS_OPERATOR: &str = "0.85.0";

fn prometheus_kinds(cluster: &Cluster) {
    let module = go_module_folder("github.com/prometheus-operator/prometheus-operator", PROMETHEUS_OPERATOR);
    for kind in ["servicemonitors", "prometheusrules"] {
        let file = module.join(format!("example/prometheus-operator-crd/monitoring.coreos.com_{kind}.yaml"));
        cluster.kubectl(["apply", "-f"]).arg(file).ok();
    }
    cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]).ok();
}

#[test]
fn the_api_server_takes_every_rendering() {
    let (Some(helm), Some(cluster)) = (peers::get(&peers::HELM), Cluster::shared()) else { return };
    prometheus_kinds(cluster);
    cluster.namespace("deploy-values");
    let folder = support::temp_dir();
    for (name, values) in VALUES {
        let file = folder.path().join(format!("{name}.yaml"));
        fs::write(&file, values).unwrap();
        let rendered =
            Run::new(&helm).args(["template", "values", "--namespace", "deploy-values", "--values"]).arg(&file).arg(chart()).ok();
        let output = cluster
            .kubectl(["apply", "--dry-run=server", "--validate=strict", "-n", "deploy-values", "-f", "-"])
            .stdin(rendered.out().replace("namespace: one", "namespace: deploy-values"))
            .output();
        assert_eq!(output.code, Some(0), "{name}: {}\n{}", output.err(), rendered.out());
    }
    let overlays = support::root().join(KUSTOMIZE).join("overlays");
    for overlay in ["cluster-wide", "namespaced"] {
        cluster.kubectl(["apply", "--dry-run=server", "--validate=strict", "-k"]).arg(overlays.join(overlay)).ok();
    }
}

/// Prometheus reads every expression of the alerts and of the dashboard, and the controller has every metric in them.
#[test]
fn alerts_and_dashboard_ask_for_what_the_controller_measures() {
    let (Some(helm), Some(promql)) = (peers::get(&peers::HELM), peers::go_program("promql")) else { return };
    let rendered = template(&helm, &["--set", "metrics.prometheusRule.enabled=true,metrics.dashboards.create=true"]);
    let objects = parse(&rendered);
    let of = |kind: &str| objects.iter().find(|o| o["kind"] == kind && o["metadata"]["name"].as_str().is_some()).unwrap();
    let rules = of("PrometheusRule")["spec"]["groups"][0]["rules"].as_array().unwrap();
    let dashboard: Value = serde_json::from_str(of("ConfigMap")["data"]["hecate-seal.json"].as_str().unwrap()).unwrap();
    let targets = dashboard["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let expressions: Vec<&str> = rules.iter().chain(targets).map(|rule| rule["expr"].as_str().unwrap()).collect();
    assert!(rules.len() >= 3 && expressions.len() >= 9, "{expressions:?}");

    let answers = Run::new(&promql).stdin(serde_json::to_string(&expressions).unwrap()).ok();
    let answers: Vec<Option<String>> = serde_json::from_str(answers.out()).unwrap();
    assert_eq!(answers, vec![None; expressions.len()], "{expressions:?}");
    let wrong = Run::new(&promql).stdin("[\"rate(x[5m]\"]").ok();
    assert!(wrong.out().contains("parse error"), "{}", wrong.out());

    let reference = fs::read_to_string(support::root().join("docs/reference.md")).unwrap();
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
    for expression in expressions {
        let metric = expression.split(word).find(|word| word.starts_with("sealed_secrets_controller_")).unwrap();
        assert!(reference.contains(&format!("| `{metric}` |")), "{metric}");
    }
}

#[test]
fn numbers_of_a_values_file_reach_the_controller_as_numbers() {
    let Some(helm) = peers::get(&peers::HELM) else { return };
    let folder = support::temp_dir();
    let file = folder.path().join("values.yaml");
    let values = "rateLimit: 1000000\nrateLimitBurst: 12345678\nkubeClientBurst: 10000000\nkubeClientQPS: 2.5\nkeySize: '4096'\n\
                  podSecurityContext: {enabled: true, fsGroup: 1000650000}\n";
    fs::write(&file, values).unwrap();
    let rendered = template(&helm, &["--values", file.to_str().unwrap(), "--set", "maxRetries=1000000"]);
    let object = parse(&rendered).into_iter().find(|object| object["kind"] == "Deployment").unwrap();
    let args = object.pointer("/spec/template/spec/containers/0/args").unwrap().as_array().unwrap().clone();
    for expected in [
        "--rate-limit=1000000",
        "--rate-limit-burst=12345678",
        "--kubeclient-burst=10000000",
        "--kubeclient-qps=2.5",
        "--key-size=4096",
        "--max-unseal-retries=1000000",
    ] {
        assert!(args.iter().any(|arg| arg == expected), "{expected}: {args:?}");
    }
    assert_eq!(object.pointer("/spec/template/spec/securityContext/fsGroup").unwrap(), 1_000_650_000, "{rendered}");
}

#[test]
fn no_manifest_names_an_image_that_others_could_publish() {
    for file in ["deploy/controller.yaml", "deploy/kustomize/base/controller.yaml"] {
        let objects = parse(&fs::read_to_string(support::root().join(file)).unwrap());
        let image = objects.iter().find_map(|object| object.pointer("/spec/template/spec/containers/0/image")).unwrap();
        // Without a registry and a user it is a name of Docker's own library, which nobody can register.
        assert_eq!(image, &format!("hecate-seal-controller:{}", env!("CARGO_PKG_VERSION")), "{file}");
    }
    let containerfile = fs::read_to_string(support::root().join("deploy/Containerfile")).unwrap();
    assert!(
        containerfile.contains(concat!("-t hecate-seal-controller:", env!("CARGO_PKG_VERSION"))),
        "what it builds is what they name"
    );
}

#[test]
fn a_wrong_value_is_refused_with_its_name() {
    let Some(helm) = peers::get(&peers::HELM) else { return };
    for (wrong, says) in [
        ("nonsense=1", "nonsense"),
        ("keyrenewperiod=soon", "keyrenewperiod"),
        ("logFormat=xml", "logFormat"),
        ("secretName=With Capitals", "secretName"),
        ("rbac.namespacedRoles=true", "clusterRole or namespacedRoles"),
        ("privateKeyLabels.a=b\\,c", "privateKeyLabels.a"),
    ] {
        let output = Run::new(&helm).args(["template", "x", "--set", wrong]).arg(chart()).output();
        assert_eq!(output.code, Some(1), "{wrong}");
        assert!(output.err().contains(says), "{wrong}: {}", output.err());
    }
}

#[test]
fn a_release_of_the_reference_chart_becomes_ours_and_goes_back() {
    let (Some(helm), Some(_), Some(cluster)) = (peers::get(&peers::HELM), peers::get(&peers::CONTROLLER), Cluster::shared())
    else {
        return;
    };
    let folder = support::temp_dir();
    let namespace = "deploy-upgrade";
    cluster.namespace(namespace);
    let kubeconfig = cluster.kubeconfig(&cluster.admin(), Some(namespace));
    let helm = |args: &[&str], chart: &[&Path]| {
        let run = cluster.run(&helm).args(args).args(chart).args(["--namespace", namespace, "--kubeconfig"]).arg(&kubeconfig);
        run.env("HELM_CACHE_HOME", folder.path()).env("HELM_CONFIG_HOME", folder.path()).env("HELM_DATA_HOME", folder.path()).ok()
    };
    let names = "rbac.clusterRoleName=deploy-upgrade";
    helm(
        &["install", "sealed-secrets", "--skip-crds", "--set", names],
        &[&crate::harness::reference_module().join("helm/sealed-secrets")],
    );
    // What the release has made in the cluster's life: a key, an opened Secret.
    let key = support::hecate().args(["keys", "generate", "--secret", "--bits", "2048", "-o", "-"]).ok();
    cluster.kubectl(["create", "-n", namespace, "-f", "-"]).stdin(key.out().replace("kube-system", namespace)).ok();
    cluster.kubectl(["create", "secret", "generic", "opened", "-n", namespace, "--from-literal=key=value"]).ok();
    let versions = || {
        let secrets = cluster.kubectl(["get", "secrets", "-n", namespace, "--field-selector=type!=helm.sh/release.v1"]);
        secrets.args(["-o", "jsonpath={range .items[*]}{.metadata.name}={.metadata.resourceVersion} {end}"]).ok().out().to_owned()
    };
    let before = versions();
    assert_eq!(before.split_whitespace().count(), 2, "{before}");
    let image = || {
        let path = "jsonpath={.spec.template.spec.containers[0].image}";
        cluster.kubectl(["get", "deployment", "sealed-secrets", "-n", namespace, "-o", path]).ok().out().to_owned()
    };

    helm(&["upgrade", "sealed-secrets", "--set", names], &[&chart()]);
    assert!(image().contains("hecate-seal-controller"), "{}", image());
    assert_eq!(versions(), before);
    helm(&["rollback", "sealed-secrets", "1"], &[]);
    assert!(image().contains("bitnami/sealed-secrets-controller"), "{}", image());
    assert_eq!(versions(), before);
    helm(&["upgrade", "sealed-secrets", "--set", names], &[&chart()]);
    helm(&["uninstall", "sealed-secrets"], &[]);
    assert_eq!(versions(), before, "uninstalling leaves keys and Secrets");
    cluster.kubectl(["get", "crd", "sealedsecrets.bitnami.com"]).ok();
}

#[test]
fn install_applies_once_and_then_finds_nothing_to_do() {
    // It changes the CRD: no other test may look on.
    let Some(cluster) = Cluster::own() else { return };
    let namespace = "deploy-install";
    cluster.namespace(namespace);
    let kubeconfig = cluster.kubeconfig(&cluster.admin(), None);
    let install = |kubeconfig: &Path, more: &[&str]| {
        let run =
            cluster.run(env!("CARGO_BIN_EXE_hecate-seal")).args(["install", "--namespaced", "-n", namespace, "--kubeconfig"]);
        run.arg(kubeconfig).args(more).output()
    };
    // The CRD is there, applied by kubectl in its own name.
    let refused = install(&kubeconfig, &[]).code(1);
    assert!(refused.err().contains("customresourcedefinition/sealedsecrets.bitnami.com"), "{}", refused.err());
    assert!(refused.err().contains("--force-conflicts"), "{}", refused.err());
    install(&kubeconfig, &["--force-conflicts", "--dry-run"]).code(0);
    assert_eq!(cluster.kubectl(["get", "deployments", "-n", namespace, "-o", "name"]).ok().out(), "");

    let first = install(&kubeconfig, &["--force-conflicts"]).code(0);
    assert!(first.out().contains("deployment/sealed-secrets-controller created"), "{}", first.out());
    let second = install(&kubeconfig, &[]).code(0);
    assert!(second.out().lines().all(|line| line.ends_with(" unchanged")), "{}", second.out());

    // Someone without rights learns which one is missing; a namespace that is not there is named.
    let user = cluster.user();
    let forbidden = install(&cluster.kubeconfig(&user, None), &[]).code(1);
    assert!(forbidden.err().contains("customresourcedefinitions"), "{}", forbidden.err());
    let nowhere = cluster.run(env!("CARGO_BIN_EXE_hecate-seal")).args(["install", "-n", "nowhere", "--kubeconfig"]);
    let nowhere = nowhere.arg(&kubeconfig).output().code(1);
    assert!(nowhere.err().contains("kubectl create namespace nowhere"), "{}", nowhere.err());
}

#[test]
fn install_takes_nothing_from_a_controller_that_is_there() {
    let Some(cluster) = Cluster::own() else { return };
    ["deploy-first", "deploy-second"].iter().for_each(|namespace| cluster.namespace(namespace));
    let kubeconfig = cluster.kubeconfig(&cluster.admin(), None);
    let install = |namespace: &str, more: &[&str]| {
        let run = cluster.run(env!("CARGO_BIN_EXE_hecate-seal")).args([
            "install",
            "--force-conflicts",
            "-n",
            namespace,
            "--kubeconfig",
        ]);
        run.arg(&kubeconfig).args(more).output()
    };
    install("deploy-first", &[]).code(0);
    let subject = || {
        let path = "jsonpath={.subjects[*].namespace}";
        cluster.kubectl(["get", "clusterrolebinding", "sealed-secrets-controller", "-o", path]).ok().out().to_owned()
    };
    let in_second =
        || cluster.kubectl(["get", "deployments,services", "-n", "deploy-second", "-o", "name"]).ok().out().to_owned();
    for more in [&[][..], &["--dry-run"]] {
        let refused = install("deploy-second", more).code(1);
        assert!(refused.err().contains("the controller in the namespace deploy-first"), "{}", refused.err());
        assert!(refused.err().contains("--namespaced"), "{}", refused.err());
        assert_eq!((subject(), in_second()), ("deploy-first".to_owned(), String::new()));
    }
    install("deploy-second", &["--namespaced"]).code(0);
    assert_eq!(subject(), "deploy-first");
    install("deploy-first", &[]).code(0);
}

#[test]
fn install_applies_nothing_when_one_object_would_be_refused() {
    let Some(cluster) = Cluster::own() else { return };
    let namespace = "deploy-over";
    cluster.namespace(namespace);
    let kubeconfig = cluster.kubeconfig(&cluster.admin(), None);
    // As the reference's plain manifest: another selector, which no API server lets anybody change.
    let old = "apiVersion: v1\nkind: Service\nmetadata: {name: sealed-secrets-controller}\nspec: {ports: [{port: 8080}], selector: {name: sealed-secrets-controller}}\n---\n\
               apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: sealed-secrets-controller}\nspec: {selector: {matchLabels: {name: sealed-secrets-controller}}, \
               template: {metadata: {labels: {name: sealed-secrets-controller}}, spec: {containers: [{name: c, image: old}]}}}\n";
    cluster.kubectl(["apply", "-n", namespace, "-f", "-"]).stdin(old).ok();
    let state = || {
        let kinds = "serviceaccounts,services,deployments,roles,rolebindings";
        let path = "jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.generation} {.spec.selector} {end}";
        cluster.kubectl(["get", kinds, "-n", namespace, "-o", path]).ok().out().to_owned()
    };
    let before = state();
    let install = |more: &[&str]| {
        let run = cluster.run(env!("CARGO_BIN_EXE_hecate-seal")).args(["install", "-n", namespace, "--kubeconfig"]);
        run.arg(&kubeconfig).args(more).output()
    };
    for more in [&[][..], &["--force-conflicts"]] {
        let refused = install(more).code(1);
        assert!(refused.err().contains("nothing was applied"), "{}", refused.err());
        assert_eq!(state(), before);
    }
    let advice = "kubectl delete deployment/sealed-secrets-controller -n deploy-over";
    let refused = install(&["--force-conflicts"]).code(1);
    assert!(refused.err().contains(advice), "{}", refused.err());
    cluster.kubectl(["delete", "deployment/sealed-secrets-controller", "-n", namespace]).ok();
    let taken = install(&["--force-conflicts"]).code(0);
    let last = taken.out().lines().last().unwrap_or_default();
    assert!(last.starts_with("service/"), "{}", taken.out());
}

#[test]
fn the_plain_manifests_fit_our_cluster_and_the_one_of_the_environment() {
    let (Some(kubectl), Some(cluster)) = (peers::go_program("kubectl"), Cluster::shared()) else { return };
    for place in [Some(Place::ours(cluster)), Place::existing()].into_iter().flatten() {
        let manifests = support::root().join("deploy/controller.yaml");
        let run = place.run(&kubectl).args([
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "--validate=strict",
            "-f",
        ]);
        let taken = run.arg(manifests).ok();
        assert!(taken.out().contains("deployment.apps/sealed-secrets-controller"), "{}", taken.out());
    }
}

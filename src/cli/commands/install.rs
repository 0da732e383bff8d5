//! `hecate-seal install`: the controller's manifests, printed or applied.
//!
//! They are those of `deploy/`, as a release ships them, with another namespace or image where one is named. Applying is
//! server-side apply under the field manager `hecate-seal`: a second run changes nothing, and fields that someone else manages (Helm, Flux)
//! are not taken away without `--force-conflicts`. The API server is first asked about every object without writing: when it would
//! refuse one, nothing is applied. Nor is anything when the rights in all namespaces are another controller's, who would lose
//! them. The CRD goes first, the Service last. Nothing is ever deleted.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use serde_json::Value;

use crate::cli::report::{Context, Exit, Failure, Outcome};
use crate::cli::{Io, online};
use crate::cluster::{Cluster, Connection, Trouble, bounded};

/// The CustomResourceDefinition.
const CRD: &str = include_str!("../../../deploy/crd/sealedsecrets.bitnami.com.yaml");
/// Everything but the rights to other namespaces.
const BASE: &str = include_str!("../../../deploy/kustomize/base/controller.yaml");
/// Rights in every namespace.
const CLUSTER_WIDE: &str = include_str!("../../../deploy/kustomize/overlays/cluster-wide/rbac.yaml");
/// Rights in its own namespace.
const NAMESPACED: &str = include_str!("../../../deploy/kustomize/overlays/namespaced/rbac.yaml");
/// The namespace in these manifests.
const NAMESPACE: &str = "namespace: kube-system";
/// A line of them after which another argument of the controller can stand.
const LAST_ARGUMENT: &str = "            - --update-status=true\n";
/// Who manages the fields that we set.
const MANAGER: &str = "hecate-seal";

/// Kinds in the manifests: group, version, plural, namespaced.
const KINDS: &[(&str, &str, &str, &str, bool)] = &[
    ("CustomResourceDefinition", "apiextensions.k8s.io", "v1", "customresourcedefinitions", false),
    ("ServiceAccount", "", "v1", "serviceaccounts", true),
    ("ClusterRole", "rbac.authorization.k8s.io", "v1", "clusterroles", false),
    ("ClusterRoleBinding", "rbac.authorization.k8s.io", "v1", "clusterrolebindings", false),
    ("Role", "rbac.authorization.k8s.io", "v1", "roles", true),
    ("RoleBinding", "rbac.authorization.k8s.io", "v1", "rolebindings", true),
    ("Service", "", "v1", "services", true),
    ("Deployment", "apps", "v1", "deployments", true),
];

/// Arguments of `install`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  hecate-seal install --print >controller.yaml     for git, Flux or Argo CD
  hecate-seal install                              into the cluster of the current context
  hecate-seal install --crd-only                   only the CustomResourceDefinition, as before `helm upgrade`")]
pub struct InstallArgs {
    /// Print the manifests instead of applying them
    #[arg(long)]
    pub print: bool,
    /// Namespace of the controller; it must be there
    #[arg(short, long, value_name = "NAMESPACE", default_value = "kube-system", value_parser = namespace)]
    pub namespace: String,
    /// Image of the controller, built from deploy/Containerfile and pushed to your registry; without it, the image of that name on
    /// the nodes
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    pub image: Option<String>,
    /// Open SealedSecrets in the controller's own namespace only, with rights there only
    #[arg(long)]
    pub namespaced: bool,
    /// Only the CustomResourceDefinition
    #[arg(long)]
    pub crd_only: bool,
    /// Ask the API server whether it would take them; change nothing
    #[arg(long, conflicts_with = "print")]
    pub dry_run: bool,
    /// Take over fields that another program manages
    #[arg(long, conflicts_with = "print")]
    pub force_conflicts: bool,
    /// The cluster's kubeconfig [env: KUBECONFIG]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "print")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig
    #[arg(long, value_name = "NAME", conflicts_with = "print")]
    pub context: Option<String>,
}

/// A namespace's name: a DNS label (RFC 1123).
fn namespace(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_label = (1..=63).contains(&text.len()) && text.chars().all(good) && !text.starts_with('-') && !text.ends_with('-');
    if is_label { Ok(text.to_owned()) } else { Err("not a namespace: lower case letters, digits and `-`".to_owned()) }
}

/// An image reference: what can stand in double quotes as it is.
fn image(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "._-/:@".contains(c);
    if !text.is_empty() && text.chars().all(good) { Ok(text.to_owned()) } else { Err("not an image reference".to_owned()) }
}

/// Runs the command.
///
/// # Errors
/// No connection; the API server would refuse an object, or another controller would lose its rights: nothing is applied.
pub fn run(args: &InstallArgs, io: &mut Io) -> Outcome {
    let manifests = manifests(args);
    if args.print {
        io.stdout.put(manifests)?;
        return Ok(Exit::DONE);
    }
    let objects: Vec<Value> = serde_saphyr::from_multiple(&manifests).context(|| "the manifests of this program are damaged")?;
    let kubeconfig = args.kubeconfig.as_ref().map(|path| io.path(path));
    let connection = Connection { kubeconfig, context: args.context.clone(), ..Connection::default() };
    let (cluster, runtime) = online::cluster(&connection)?;
    let mut objects: Vec<Value> = objects.into_iter().filter(|object| !object.is_null()).collect();
    // Requests go to the new Pods only once there is a Deployment that makes them.
    objects.sort_by_key(|object| object["kind"] == "Service");
    let mut failures = Vec::new();
    for object in &objects {
        match runtime.block_on(ask(&cluster, object, args)) {
            Ok((what, done)) if args.dry_run => io.stdout.put(format!("{what} {done} (dry run)\n"))?,
            Ok(_) => {}
            // The others would fail in the same way.
            Err(Refusal::Connection(failure)) => return Err(failure),
            Err(Refusal::Object(failure)) => failures.push(failure),
        }
    }
    let mut failures = failures.into_iter();
    if let Some(first) = failures.next() {
        io.note("nothing was applied");
        return Err(failures.fold(first, Failure::and));
    }
    if !args.dry_run {
        for object in &objects {
            let (what, done) = runtime.block_on(apply(&cluster, object, args, false)).map_err(Refusal::into_failure)?;
            io.stdout.put(format!("{what} {done}\n"))?;
        }
    }
    Ok(Exit::DONE)
}

/// Why an object is not applied.
enum Refusal {
    /// Nobody answers, or nobody lets us in.
    Connection(Failure),
    Object(Failure),
}

impl Refusal {
    fn into_failure(self) -> Failure {
        let (Self::Connection(failure) | Self::Object(failure)) = self;
        failure
    }
}

/// Whether the API server would take the object, and nobody would lose something by it.
async fn ask(cluster: &Cluster, object: &Value, args: &InstallArgs) -> Result<(String, &'static str), Refusal> {
    let place = Place::of(cluster, object, args).map_err(Refusal::Object)?;
    if object["kind"] == "ClusterRoleBinding"
        && let Some(found) =
            bounded(place.api.get_opt(&place.name)).await.map_err(|error| place.refused(cluster, &error, args))?
        && let Some(namespace) = other_namespace(&found.data, &args.namespace)
    {
        let message =
            format!("{} gives its rights to the controller in the namespace {namespace}, which would lose them", place.what);
        return Err(Refusal::Object(
            Failure::new(message)
                .with_hint(format_args!(
                    "to update that controller: --namespace {namespace}; for a second one, of its own namespace: --namespaced"
                ))
                .with_hint(format_args!(
                    "to move it here: kubectl delete deployment/sealed-secrets-controller -n {namespace} && kubectl delete {}; \
                     its keys stay there, see docs/key-management.md",
                    place.what
                )),
        ));
    }
    apply(cluster, object, args, true).await
}

/// The namespace of a ServiceAccount among the subjects of a binding that is not in `ours`.
fn other_namespace(binding: &Value, ours: &str) -> Option<String> {
    let subjects = binding["subjects"].as_array()?.iter().filter(|subject| subject["kind"] == "ServiceAccount");
    subjects.filter_map(|subject| subject["namespace"].as_str()).find(|namespace| *namespace != ours).map(str::to_owned)
}

/// The manifests as YAML, the CRD first.
fn manifests(args: &InstallArgs) -> String {
    let mut text = CRD.to_owned();
    if !args.crd_only {
        text.push_str(BASE);
        text.push_str(if args.namespaced { NAMESPACED } else { CLUSTER_WIDE });
    }
    if args.namespaced {
        text = text.replace(LAST_ARGUMENT, &format!("{LAST_ARGUMENT}            - --all-namespaces=false\n"));
    }
    if let Some(image) = &args.image {
        let replaced = |line: &str| match line.split_once("image: \"") {
            Some((indent, _)) => format!("{indent}image: \"{image}\"\n"),
            None => line.to_owned(),
        };
        text = text.split_inclusive('\n').map(replaced).collect();
    }
    text.replace(NAMESPACE, &format!("namespace: {}", args.namespace))
}

/// Where an object belongs.
struct Place {
    /// `kind/name`, as kubectl says it.
    what: String,
    name: String,
    api: Api<DynamicObject>,
}

impl Place {
    fn of(cluster: &Cluster, object: &Value, args: &InstallArgs) -> Result<Self, Failure> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (kind, name) = (text("/kind"), text("/metadata/name"));
        let known = KINDS.iter().find(|known| known.0 == kind);
        let (_, group, version, plural, namespaced) =
            known.ok_or_else(|| Failure::new(format_args!("the manifests of this program are damaged: kind {kind:?}")))?;
        let what = format!("{}/{name}", kind.to_lowercase());
        let resource = ApiResource {
            group: (*group).to_owned(),
            version: (*version).to_owned(),
            api_version: text("/apiVersion"),
            kind,
            plural: (*plural).to_owned(),
        };
        let client = cluster.client.clone();
        let api = match namespaced {
            true => Api::namespaced_with(client, &args.namespace, &resource),
            false => Api::all_with(client, &resource),
        };
        Ok(Self { what, name, api })
    }

    fn refused(&self, cluster: &Cluster, error: &kube::Error, args: &InstallArgs) -> Refusal {
        let trouble = Trouble::of(error, &cluster.server);
        let failure = online::failure(&format!("cannot apply {}", self.what), &trouble);
        let Trouble::Refused { code, message } = &trouble else { return Refusal::Connection(failure) };
        Refusal::Object(match code {
            401 => return Refusal::Connection(failure),
            409 if message.contains("conflict with \"helm\"") => failure.with_hint(
                "it belongs to a Helm release, which `helm upgrade RELEASE deploy/helm` makes one of this controller; \
                 --force-conflicts takes the fields over",
            ),
            409 => failure.with_hint("--force-conflicts takes these fields over from the program that manages them"),
            404 => failure.with_hint(format_args!("is the namespace there? kubectl create namespace {}", args.namespace)),
            422 if message.contains("field is immutable") => failure.with_hint(format_args!(
                "it is of another installation; keys and Secrets stay when it goes: kubectl delete {} -n {}, \
                 then this command again. A Helm release: `helm upgrade RELEASE deploy/helm` instead",
                self.what, args.namespace
            )),
            _ => failure,
        })
    }
}

/// Applies one object, or asks what would become of it; tells its name and the answer.
async fn apply(cluster: &Cluster, object: &Value, args: &InstallArgs, dry_run: bool) -> Result<(String, &'static str), Refusal> {
    let place = Place::of(cluster, object, args).map_err(Refusal::Object)?;
    let version = |object: &DynamicObject| object.metadata.resource_version.clone();
    let before = bounded(place.api.get_opt(&place.name)).await.map_err(|error| place.refused(cluster, &error, args))?;
    let params =
        PatchParams { field_manager: Some(MANAGER.to_owned()), force: args.force_conflicts, dry_run, ..PatchParams::default() };
    let after = match bounded(place.api.patch(&place.name, &params, &Patch::Apply(object))).await {
        Ok(after) => Some(after),
        Err(error) if dry_run && is_no_answer(object, &error) => None,
        Err(error) => return Err(place.refused(cluster, &error, args)),
    };
    let done = match (before, after) {
        (None, _) => "created",
        (Some(before), Some(after)) if version(&before) == version(&after) => "unchanged",
        (Some(_), _) => "configured",
    };
    Ok((place.what, done))
}

/// Whether a dry run failed only because it is one: a webhook that takes none, or the role of a binding that is not there yet.
fn is_no_answer(object: &Value, error: &kube::Error) -> bool {
    let kube::Error::Api(status) = error else { return false };
    let is_binding = object["kind"].as_str().is_some_and(|kind| kind.ends_with("RoleBinding"));
    status.message.contains("does not support dry run")
        || is_binding && status.code == 404 && status.message.contains("roles.rbac.authorization.k8s.io")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: InstallArgs,
    }

    fn printed(words: &[&str]) -> Vec<Value> {
        let line = Line::try_parse_from([&["install"], words].concat()).unwrap();
        let objects: Vec<Value> = serde_saphyr::from_multiple(&manifests(&line.args)).unwrap();
        objects.into_iter().filter(|object| !object.is_null()).collect()
    }

    #[test]
    fn every_kind_of_the_manifests_is_known_and_lies_in_the_namespace() {
        for words in [&["-n", "seals"][..], &["-n", "seals", "--namespaced"]] {
            let objects = printed(words);
            assert!(objects.len() > 8);
            for object in objects {
                let known = KINDS.iter().find(|known| object["kind"] == known.0).unwrap();
                assert_eq!(object["metadata"]["namespace"].as_str(), known.4.then_some("seals"), "{object}");
                assert_eq!(object["apiVersion"], format!("{}/{}", known.1, known.2).trim_start_matches('/'));
            }
        }
    }

    #[test]
    fn rights_of_a_controller_in_another_namespace_are_seen() {
        let of = |subjects: Value| other_namespace(&serde_json::json!({ "subjects": subjects }), "ours");
        let account = |namespace: &str| serde_json::json!({ "kind": "ServiceAccount", "name": "x", "namespace": namespace });
        assert_eq!(of(serde_json::json!([account("ours")])), None);
        assert_eq!(of(serde_json::json!([account("ours"), account("kube-system")])).as_deref(), Some("kube-system"));
        assert_eq!(of(serde_json::json!([{ "kind": "User", "name": "x" }])), None);
        assert_eq!(of(Value::Null), None);
    }

    #[test]
    fn image_and_namespaced_change_the_deployment_only() {
        let deployment = |words: &[&str]| printed(words).into_iter().find(|object| object["kind"] == "Deployment").unwrap();
        let container = "/spec/template/spec/containers/0";
        let object = deployment(&["--image", "registry:5000/a/b@sha256:00"]);
        assert_eq!(object.pointer(&format!("{container}/image")).unwrap(), "registry:5000/a/b@sha256:00");
        let args = deployment(&["--namespaced"]).pointer(&format!("{container}/args")).unwrap().clone();
        assert!(args.as_array().unwrap().iter().any(|arg| arg == "--all-namespaces=false"));
        assert_eq!(printed(&["--crd-only"]).len(), 1);
        assert!(Line::try_parse_from(["install", "-n", "a\nb"]).is_err());
        assert!(Line::try_parse_from(["install", "--image", "a\"b"]).is_err());
    }
}

//! `hecate-seal install`: the controller's manifests, printed or applied.
//!
//! They are those of `deploy/`, as a release ships them, with another namespace or image where one is named. Applying is
//! server-side apply under the field manager `hecate-seal`: a second run changes nothing, and fields that someone else manages (Helm, Flux)
//! are not taken away without `--force-conflicts`. The CRD goes first. Nothing is ever deleted.

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
    /// Image of the controller
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
/// No connection; the API server refuses an object: those before it are applied, and running it again goes on.
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
    for object in objects.into_iter().filter(|object| !object.is_null()) {
        let (what, done) = runtime.block_on(apply(&cluster, object, args))?;
        io.stdout.line(format!("{what} {done}{}", if args.dry_run { " (dry run)" } else { "" }))?;
    }
    Ok(Exit::DONE)
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

/// Applies one object; tells its name and what became of it.
async fn apply(cluster: &Cluster, object: Value, args: &InstallArgs) -> Result<(String, &'static str), Failure> {
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
        kind: kind.clone(),
        plural: (*plural).to_owned(),
    };
    let client = cluster.client.clone();
    let api: Api<DynamicObject> = match namespaced {
        true => Api::namespaced_with(client, &args.namespace, &resource),
        false => Api::all_with(client, &resource),
    };
    let failed = |error: &kube::Error| {
        let trouble = Trouble::of(error, &cluster.server);
        let failure = online::failure(&format!("cannot apply {what}"), &trouble);
        match trouble.code() {
            Some(409) => failure.with_hint("--force-conflicts takes these fields over from the program that manages them"),
            Some(404) => failure.with_hint(format_args!("is the namespace there? kubectl create namespace {}", args.namespace)),
            _ => failure,
        }
    };
    let version = |object: &DynamicObject| object.metadata.resource_version.clone();
    let before = bounded(api.get_opt(&name)).await.map_err(|error| failed(&error))?.map(|object| version(&object));
    let params = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        force: args.force_conflicts,
        dry_run: args.dry_run,
        ..PatchParams::default()
    };
    let after = bounded(api.patch(&name, &params, &Patch::Apply(&object))).await.map_err(|error| failed(&error))?;
    let done = match before {
        None => "created",
        Some(before) if before == version(&after) => "unchanged",
        Some(_) => "configured",
    };
    Ok((what, done))
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

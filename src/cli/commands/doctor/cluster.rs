//! What became of the SealedSecrets in the cluster: their condition, their Secrets, and how they differ from the tree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::{ApiResource, GroupVersionKind};
use serde_json::Value;

use super::{Configured, DoctorArgs, Finding, InTree, Level, controller, name_of};
use crate::cli::{Io, env, online};
use crate::cluster::{Cluster, Connection, Trouble, bounded};
use crate::seal::SKIP_OWNER_ANNOTATION;

/// Objects in one answer of the API server.
const PAGE: u32 = 500;
/// Most objects that are looked at.
const MAX_OBJECTS: usize = 20_000;

/// Asks the cluster, if one is configured.
pub(super) fn look(args: &DoctorArgs, certificates: &[Configured], tree: &[InTree], findings: &mut Vec<Finding>, io: &mut Io) {
    if args.offline {
        return;
    }
    let named = args.kubeconfig.is_some() || args.context.is_some();
    if !named && !kubeconfigs(io).iter().any(|path| path.is_file()) {
        findings.push(Finding::new(Level::Skipped, "cluster", "kubeconfig", "there is none, so only files were looked at"));
        return;
    }
    let connection = Connection {
        kubeconfig: args.kubeconfig.as_ref().map(|path| io.path(path)),
        files: Some(kubeconfigs(io)),
        context: args.context.clone(),
        timeout: Some(online::DEFAULT_TIMEOUT),
        ..Connection::default()
    };
    // Without a word about a cluster this machine's kubeconfig may have nothing to do with the tree.
    let level = if named { Level::Error } else { Level::Warning };
    let next = "`kubectl get sealedsecrets -A` must work for you; --offline leaves the cluster out";
    let (cluster, runtime) = match online::cluster(&connection) {
        Ok(connected) => connected,
        Err(failure) => return findings.push(Finding::of_failure(level, "cluster", "API server", &failure)),
    };
    runtime.block_on(async {
        let objects = match objects(&cluster, tree).await {
            Ok(objects) => objects,
            Err(reason) => return findings.push(Finding::new(level, "cluster", "API server", reason).next(next)),
        };
        let Some(objects) = objects else {
            let finding = Finding::new(Level::Error, "cluster", "API server", "it does not know SealedSecrets");
            return findings.push(finding.next("install the controller and its CustomResourceDefinition"));
        };
        let service = controller::look(args, &cluster, certificates, findings).await;
        for object in &objects {
            findings.extend(of_object(object, &cluster).await);
        }
        let mut unanswered = Vec::new();
        for found in tree {
            let difference = compared(found, &objects);
            if difference.is_some() {
                unanswered.push(found);
            }
            findings.extend(difference);
        }
        if let Some(service) = service {
            controller::verify(&service, &unanswered, findings).await;
        }
    });
}

/// Where kubectl looks for kubeconfigs.
fn kubeconfigs(io: &Io) -> Vec<PathBuf> {
    match (io.env.raw(env::KUBECONFIG).filter(|list| !list.is_empty()), io.env.raw(env::HOME)) {
        (Some(list), _) => std::env::split_paths(&list).map(|path| io.path(path)).collect(),
        (None, Some(home)) => vec![Path::new(&home).join(".kube/config")],
        (None, None) => Vec::new(),
    }
}

fn code(error: &kube::Error) -> Option<u16> {
    match error {
        kube::Error::Api(status) => Some(status.code),
        _ => None,
    }
}

/// Every SealedSecret that may be seen; `None` where there is no such kind.
async fn objects(cluster: &Cluster, tree: &[InTree]) -> Result<Option<Vec<DynamicObject>>, String> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk("bitnami.com", "v1alpha1", "SealedSecret"));
    let words = |error: kube::Error| Trouble::of(&error, &cluster.server).to_string();
    let mut objects = Vec::new();
    match list(&Api::all_with(cluster.client.clone(), &kind), &mut objects).await {
        Ok(()) => Ok(Some(objects)),
        Err(error) if code(&error) == Some(404) => Ok(None),
        // Somebody who may only see some namespaces.
        Err(error) if code(&error) == Some(403) => {
            let namespaces: BTreeSet<&str> = tree
                .iter()
                .map(|found| found.sealed.object.metadata.namespace.as_str())
                .map(|namespace| if namespace.is_empty() { cluster.namespace.as_str() } else { namespace })
                .collect();
            for namespace in namespaces {
                let api = Api::namespaced_with(cluster.client.clone(), namespace, &kind);
                list(&api, &mut objects).await.map_err(words)?;
            }
            Ok(Some(objects))
        }
        Err(error) => Err(words(error)),
    }
}

async fn list(api: &Api<DynamicObject>, into: &mut Vec<DynamicObject>) -> kube::Result<()> {
    let mut params = ListParams::default().limit(PAGE);
    loop {
        let page = bounded(api.list(&params)).await?;
        into.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) if into.len() < MAX_OBJECTS => params = ListParams::default().limit(PAGE).continue_token(&token),
            _ => return Ok(()),
        }
    }
}

fn full_name(object: &DynamicObject) -> String {
    let (namespace, name) = names(object);
    format!("{namespace}/{name}")
}

fn names(object: &DynamicObject) -> (&str, &str) {
    let metadata = &object.metadata;
    (metadata.namespace.as_deref().unwrap_or_default(), metadata.name.as_deref().unwrap_or_default())
}

/// The condition of an object and the state of its Secret.
async fn of_object(object: &DynamicObject, cluster: &Cluster) -> Vec<Finding> {
    let name = full_name(object);
    let finding =
        |level, message: String| Finding::new(level, "cluster", "SealedSecret", message).object(Some(name.clone()), None);
    let mut findings = vec![condition(object, &finding)];
    findings.extend(secret(object, cluster, &finding).await);
    findings
}

fn condition(object: &DynamicObject, finding: &dyn Fn(Level, String) -> Finding) -> Finding {
    let status = object.data.get("status").unwrap_or(&Value::Null);
    let conditions = status.get("conditions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let synced = conditions.iter().find(|condition| condition.get("type").and_then(Value::as_str) == Some("Synced"));
    let Some(synced) = synced else {
        return finding(Level::Error, "no controller has looked at it".to_owned()).next(
            "is a controller running that watches this namespace? kubectl get pods -A -l app.kubernetes.io/name=sealed-secrets",
        );
    };
    let message = synced.get("message").and_then(Value::as_str).unwrap_or_default();
    match synced.get("status").and_then(Value::as_str) {
        Some("True") => {}
        _ => {
            let next = if message.contains("no key could decrypt secret") {
                "it was sealed for another cluster, name or namespace: seal its values again with this cluster's certificate"
            } else {
                "the controller's log and the object's events say more: kubectl describe sealedsecret"
            };
            return finding(Level::Error, format!("the controller cannot make its Secret: {message}")).next(next);
        }
    }
    let observed = status.get("observedGeneration").and_then(Value::as_i64);
    if observed.is_some() && observed != object.metadata.generation {
        return finding(Level::Warning, "the controller has not looked at its newest version yet".to_owned())
            .next("wait a moment; if it stays so, is the controller running?");
    }
    let keys: Vec<&str> = status
        .pointer("/opened/keys")
        .and_then(Value::as_array)
        .map(|keys| keys.iter().filter_map(|key| key.get("fingerprint")?.as_str()).collect())
        .unwrap_or_default();
    let opened = if keys.is_empty() { String::new() } else { format!(", opened with the key {}", keys.join(", ")) };
    finding(Level::Ok, format!("synced{opened}"))
}

/// What is wrong with the Secret that it should have made.
async fn secret(object: &DynamicObject, cluster: &Cluster, finding: &dyn Fn(Level, String) -> Finding) -> Option<Finding> {
    let (namespace, name) = names(object);
    let api: Api<Secret> = Api::namespaced(cluster.client.clone(), namespace);
    let metadata = match bounded(api.get_metadata_opt(name)).await {
        Ok(Some(found)) => found.metadata,
        Ok(None) => {
            return Some(finding(Level::Error, "its Secret is not there".to_owned()).next(
                "if its condition is fine, someone deleted the Secret; restart the controller, or change the SealedSecret",
            ));
        }
        Err(error) => {
            return Some(finding(
                Level::Skipped,
                format!("its Secret cannot be looked at: {}", Trouble::of(&error, &cluster.server)),
            ));
        }
    };
    let own = object.metadata.uid.as_deref().unwrap_or_default();
    let owners = metadata.owner_references.unwrap_or_default();
    if owners.iter().any(|owner| owner.kind == "SealedSecret" && owner.uid == own) {
        return None;
    }
    let annotations = object.data.pointer("/spec/template/metadata/annotations");
    let skips = annotations.and_then(|all| all.get(SKIP_OWNER_ANNOTATION)).and_then(Value::as_str) == Some("true");
    let patched = metadata.annotations.unwrap_or_default().contains_key("sealedsecrets.bitnami.com/patch");
    (!skips && !patched).then(|| {
        finding(Level::Warning, "its Secret is not owned by it: something else made it".to_owned())
            .next("to hand it over: kubectl annotate secret … sealedsecrets.bitnami.com/managed=true")
    })
}

/// How an object of the tree differs from the cluster's.
fn compared(found: &InTree, objects: &[DynamicObject]) -> Option<Finding> {
    let sealed = &found.sealed.object;
    let namespace = Some(sealed.metadata.namespace.as_str()).filter(|namespace| !namespace.is_empty());
    let same = |object: &&DynamicObject| {
        let (its_namespace, its_name) = names(object);
        // kustomize and Flux often add the namespace.
        its_name == sealed.metadata.name && namespace.is_none_or(|namespace| namespace == its_namespace)
    };
    let subject = format!("{}:{}", found.file, found.sealed.at.line);
    let finding = |message: &str| {
        let finding = Finding::new(Level::Warning, "cluster", subject.clone(), message);
        finding.object(Some(name_of(sealed)), None)
    };
    let Some(object) = objects.iter().find(same) else {
        let finding = finding("it is not in the cluster");
        return Some(finding.next("has it been pushed and applied? flux reconcile, or kubectl apply"));
    };
    let items = object.data.pointer("/spec/encryptedData").and_then(Value::as_object);
    let same_items = items.map_or(0, serde_json::Map::len) == sealed.spec.encrypted_data.len()
        && sealed
            .spec
            .encrypted_data
            .iter()
            .all(|(key, value)| items.and_then(|items| items.get(key)).and_then(Value::as_str) == Some(value.as_str()));
    (!same_items).then(|| {
        finding("the cluster has another version of it").next("has it been pushed and applied? flux reconcile, or kubectl apply")
    })
}

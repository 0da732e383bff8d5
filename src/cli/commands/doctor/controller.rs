//! The controller behind its Service: whether it answers, whether the certificate in git is its newest, and what of the tree it
//! can open.
//!
//! Its verification is asked only about objects whose state in the cluster does not answer the question, and about few of them:
//! controllers limit how often they may be asked.

use std::collections::BTreeMap;

use super::{Configured, DoctorArgs, Finding, InTree, Level, name_of};
use crate::cluster::Cluster;
use crate::cluster::controller_service::{ControllerService, ServiceError};
use crate::crypto::x509::Certificate;
use crate::manifest::{self, SealedSecret, sealed_secret_to_value};
use crate::seal::Scope;

/// Most questions to the controller.
const MAX_QUESTIONS: usize = 20;

/// Finds the controller and compares certificates. `None` when it cannot be asked.
pub(super) async fn look(
    args: &DoctorArgs,
    cluster: &Cluster,
    certificates: &[Configured],
    findings: &mut Vec<Finding>,
) -> Option<ControllerService> {
    const CHECK: &str = "controller";
    let (namespace, name) = (&args.controller_namespace, &args.controller_name);
    let subject = format!("Service {namespace}/{name}");
    let service = match ControllerService::find(cluster, namespace, name).await {
        Ok(service) => service,
        Err(error) => {
            findings.push(no_service(&error, subject));
            return None;
        }
    };
    if service.instead_of.is_some() {
        let message = format!("there is none of that name; `{}` is the controller's", service.name());
        let next = format!("--controller-name {}, also for kubeseal", service.name());
        findings.push(Finding::new(Level::Warning, CHECK, subject.clone(), message).next(next));
    }
    let newest = match service.certificate().await {
        Ok(bytes) => Certificate::parse_pem_first(&bytes),
        Err(trouble) => {
            let finding = Finding::new(Level::Error, CHECK, subject, format!("it does not give its certificate: {trouble}"));
            let next =
                trouble.hint().unwrap_or("is its Pod running? kubectl get pods -A -l app.kubernetes.io/name=sealed-secrets");
            findings.push(finding.next(next));
            return None;
        }
    };
    let newest = match newest {
        Ok(newest) => newest,
        Err(error) => {
            findings.push(Finding::new(Level::Error, CHECK, subject, format!("what it gives is no certificate: {error}")));
            return Some(service);
        }
    };
    let key = newest.public_key().fingerprint();
    findings.push(Finding::new(Level::Ok, CHECK, subject, format!("answers; its newest key is {key}")));
    for Configured { source, certificate } in certificates {
        let own = certificate.public_key().fingerprint();
        findings.push(if own == key {
            Finding::new(Level::Ok, "certificate", source.clone(), "is the controller's newest")
        } else {
            let message = format!(
                "is not the controller's newest: the controller seals with {key}, the file with {own}; what is sealed with it opens \
                 only if the controller still has that key"
            );
            let next = format!("kubeseal --fetch-cert > {source}, if this directory is for this cluster");
            Finding::new(Level::Warning, "certificate", source.clone(), message).next(next)
        });
    }
    Some(service)
}

fn no_service(error: &ServiceError, subject: String) -> Finding {
    let (message, next) = match error {
        ServiceError::Get { trouble, candidates } => {
            let next = match candidates.first() {
                Some((namespace, name)) => {
                    format!("one that looks like it: --controller-namespace {namespace} --controller-name {name}")
                }
                None => trouble
                    .hint()
                    .unwrap_or("is the controller installed? name it with --controller-namespace and --controller-name")
                    .to_owned(),
            };
            (trouble.to_string(), next)
        }
        other => (other.to_string(), "name the controller's Service with --controller-name".to_owned()),
    };
    Finding::new(Level::Error, "controller", subject, message).next(next)
}

/// Asks whether the controller can open these objects; of those that it cannot, which items.
pub(super) async fn verify(service: &ControllerService, tree: &[&InTree], findings: &mut Vec<Finding>) {
    let mut questions = 0;
    for found in tree {
        let sealed = &found.sealed.object;
        let subject = format!("{}:{}", found.file, found.sealed.at.line);
        let finding = |level, message: &str, key: Option<&str>| {
            Finding::new(level, "opens", subject.clone(), message).object(Some(name_of(sealed)), key.map(str::to_owned))
        };
        if sealed.metadata.namespace.is_empty() && Scope::from_annotations(&sealed.metadata.annotations) != Scope::ClusterWide {
            findings.push(finding(
                Level::Skipped,
                "the file does not say its namespace, so the controller cannot be asked",
                None,
            ));
            continue;
        }
        if questions >= MAX_QUESTIONS {
            findings.push(finding(Level::Skipped, "not asked: the controller was asked often enough", None));
            continue;
        }
        questions += 1;
        match service.verify(json(sealed)).await {
            Ok(true) => findings.push(finding(Level::Ok, "the controller can open it", None)),
            Ok(false) => {
                for (key, value) in &sealed.spec.encrypted_data {
                    questions += 1;
                    let mut one = sealed.clone();
                    one.spec.encrypted_data = BTreeMap::from([(key.clone(), value.clone())]);
                    one.spec.template.data = None;
                    let opens = questions <= MAX_QUESTIONS && service.verify(json(&one)).await.unwrap_or(false);
                    if !opens {
                        let next =
                            format!("seal it again with this cluster's certificate: hecate-seal {key} --file {}", found.file);
                        findings.push(finding(Level::Error, "the controller has no key that opens it", Some(key)).next(next));
                    }
                }
            }
            Err(trouble) => {
                findings.push(finding(Level::Skipped, &format!("the controller could not be asked: {trouble}"), None))
            }
        }
    }
}

fn json(sealed: &SealedSecret) -> Vec<u8> {
    sealed_secret_to_value(sealed, manifest::Style::Current).to_string().into_bytes()
}

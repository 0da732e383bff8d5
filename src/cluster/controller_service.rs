//! A controller's HTTP server behind the API server's service proxy: its certificate, verification, re-encryption.
//!
//! As kubeseal asks for them (`sealed-secrets.md` §2.3, §2.9): the Service gives the name of the port, requests that are refused with
//! `Retry-After` are repeated. Errors have client-go's texts. A Service of another name is looked for by the labels that the reference's
//! manifest and chart give it: in the same namespace it is used, elsewhere only named, since whoever may create a Service somewhere must not
//! choose whose key is sealed for.

use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::api::{GetParams, ListParams};
use kube::client::Body;

use super::{Cluster, Trouble};

/// How often a request is repeated that the server asks to repeat, as client-go.
const RETRIES: u32 = 10;
/// Longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// Largest answer that is taken.
const MAX_ANSWER: usize = 16 << 20;
/// Labels of the controller's Service: the chart's, and the manifest's.
const LABELS: [&str; 2] = ["app.kubernetes.io/name=sealed-secrets", "name=sealed-secrets-controller"];

/// The Service of a controller.
#[derive(Clone, Debug)]
pub struct ControllerService {
    cluster: Cluster,
    namespace: String,
    name: String,
    port_name: String,
    /// The name that was asked for, when this is another one.
    pub instead_of: Option<String>,
}

/// Why there is no Service to ask.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// It cannot be read: it is not there, or not for this user. The words are kubeseal's.
    #[error(
        "cannot get sealed secret service: {trouble}.\nPlease, use the flag --controller-name and --controller-namespace to set up the \
         name and namespace of the sealed secrets controller"
    )]
    Get {
        /// Why.
        trouble: Trouble,
        /// Services that look like a controller's, as namespace and name.
        candidates: Vec<(String, String)>,
    },
    /// A Service without ports leads nowhere.
    #[error("cannot use the sealed secret service {namespace}/{name}: it has no ports")]
    NoPorts {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// An answer that came through the proxy.
struct Answer {
    code: u16,
    body: Vec<u8>,
    /// Whether its content type says text.
    is_text: bool,
    retry_after: Option<Duration>,
}

impl ControllerService {
    /// Looks for the Service.
    ///
    /// # Errors
    /// See [`ServiceError`].
    pub async fn find(cluster: &Cluster, namespace: &str, name: &str) -> Result<Self, ServiceError> {
        let services: Api<Service> = Api::namespaced(cluster.client.clone(), namespace);
        let of = |service: &Service, instead_of| Self::of(cluster, namespace, service, instead_of);
        let trouble = match services.get(name).await {
            Ok(service) => return of(&service, None),
            Err(error) => Trouble::of(&error, &cluster.server),
        };
        if trouble.code() != Some(404) {
            return Err(ServiceError::Get { trouble, candidates: Vec::new() });
        }
        let here = candidates(&services).await;
        if let [only] = here.as_slice() {
            return of(only, Some(name.to_owned()));
        }
        let found = if here.is_empty() { candidates(&Api::all(cluster.client.clone())).await } else { here };
        let named = found.into_iter().filter_map(|service| Some((service.metadata.namespace?, service.metadata.name?)));
        Err(ServiceError::Get { trouble, candidates: named.collect() })
    }

    fn of(cluster: &Cluster, namespace: &str, service: &Service, instead_of: Option<String>) -> Result<Self, ServiceError> {
        let name = service.metadata.name.clone().unwrap_or_default();
        let ports = service.spec.iter().filter_map(|spec| spec.ports.as_ref()).flatten();
        let Some(port) = ports.into_iter().next() else {
            return Err(ServiceError::NoPorts { namespace: namespace.to_owned(), name });
        };
        let port_name = port.name.clone().unwrap_or_default();
        Ok(Self { cluster: cluster.clone(), namespace: namespace.to_owned(), name, port_name, instead_of })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The bytes of `/v1/cert.pem`, unparsed.
    ///
    /// # Errors
    /// When there is no answer, or another one than 200.
    pub async fn certificate(&self) -> Result<Vec<u8>, Trouble> {
        let answer = self.ask("GET", "/v1/cert.pem", Vec::new()).await?;
        self.success(answer, "get")
    }

    /// Asks `/v1/verify` whether the controller can open a SealedSecret, given as JSON: whether it can.
    ///
    /// # Errors
    /// When there is no answer, or one that is neither yes nor no.
    pub async fn verify(&self, object: Vec<u8>) -> Result<bool, Trouble> {
        let answer = self.ask("POST", "/v1/verify", object).await?;
        if answer.code == 409 {
            return Ok(false);
        }
        self.success(answer, "post").map(|_| true)
    }

    /// Has `/v1/rotate` seal a SealedSecret again, given as JSON, with the newest key; the JSON that came.
    ///
    /// # Errors
    /// When there is no answer, or another one than 200: also when it does not open.
    pub async fn rotate(&self, object: Vec<u8>) -> Result<Vec<u8>, Trouble> {
        let answer = self.ask("POST", "/v1/rotate", object).await?;
        self.success(answer, "post")
    }

    fn success(&self, answer: Answer, verb: &str) -> Result<Vec<u8>, Trouble> {
        if (200..300).contains(&answer.code) {
            return Ok(answer.body);
        }
        let status: Option<serde_json::Value> = serde_json::from_slice(&answer.body).ok();
        let said =
            status.filter(|status| status["kind"] == "Status").and_then(|status| Some(status["message"].as_str()?.to_owned()));
        let message = said.unwrap_or_else(|| {
            let text =
                if answer.is_text { String::from_utf8_lossy(&answer.body).trim().to_owned() } else { "unknown".to_owned() };
            format!("{} ({verb} services http:{}:{})", generic(answer.code, &text), self.name, self.port_name)
        });
        Err(Trouble::Refused { code: answer.code, message })
    }

    /// Sends a request, again as often as the server asks for it.
    async fn ask(&self, method: &str, path: &str, body: Vec<u8>) -> Result<Answer, Trouble> {
        let mut tries = 0;
        loop {
            let answer = self.once(method, path, body.clone()).await?;
            let wanted = answer.code == 429 || answer.code >= 500;
            match answer.retry_after.filter(|_| wanted && tries < RETRIES) {
                Some(pause) => tokio::time::sleep(pause.min(MAX_PAUSE)).await,
                None => return Ok(answer),
            }
            tries += 1;
        }
    }

    async fn once(&self, method: &str, path: &str, body: Vec<u8>) -> Result<Answer, Trouble> {
        let trouble = |error: &kube::Error| Trouble::of(error, &self.cluster.server);
        let url = format!("/api/v1/namespaces/{}/services/http:{}:{}/proxy{path}", self.namespace, self.name, self.port_name);
        let invalid = |_| Trouble::Other(format!("{url} is no address"));
        let mut request =
            kube::core::Request::new("/").get("v1", &GetParams::default()).map_err(|error| Trouble::Other(error.to_string()))?;
        *request.uri_mut() = url.parse().map_err(invalid)?;
        if let Ok(method) = method.parse() {
            *request.method_mut() = method;
        }
        if method == "GET"
            && let Ok(kinds) = "application/x-pem-file, */*".parse()
        {
            request.headers_mut().insert("accept", kinds);
        }
        let request = request.map(|_| Body::from(body));
        let response = self.cluster.client.send(request).await.map_err(|error| trouble(&error))?;
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let code = response.status().as_u16();
        let is_text = header("content-type").is_none_or(|kind| kind.starts_with("text/"));
        let retry_after = header("retry-after").and_then(|text| text.parse().ok()).map(Duration::from_secs);
        let length = header("content-length").and_then(|text| text.parse::<usize>().ok());
        if length.is_some_and(|length| length > MAX_ANSWER) {
            return Err(Trouble::Other(format!("the answer of the service {} is larger than {MAX_ANSWER} bytes", self.name)));
        }
        let body = response.into_body().collect_bytes().await.map_err(|error| trouble(&error))?;
        Ok(Answer { code, body: body.to_vec(), is_text, retry_after })
    }
}

/// Services that look like a controller's and are not those of its metrics.
async fn candidates(services: &Api<Service>) -> Vec<Service> {
    let mut found: Vec<Service> = Vec::new();
    for label in LABELS {
        // Without the right to list there is nothing to propose.
        let Ok(list) = services.list(&ListParams::default().labels(label)).await else { continue };
        for service in list.items {
            let is_metrics = service.metadata.name.as_deref().is_some_and(|name| name.ends_with("-metrics"));
            let known = found.iter().any(|other| other.metadata.uid == service.metadata.uid);
            if !is_metrics && !known {
                found.push(service);
            }
        }
    }
    found
}

/// client-go's text for a status that came without one.
fn generic(code: u16, text: &str) -> String {
    match code {
        400 => "the server rejected our request for an unknown reason".to_owned(),
        401 => "the server has asked for the client to provide credentials".to_owned(),
        403 | 406 | 415 => text.to_owned(),
        404 => "the server could not find the requested resource".to_owned(),
        405 => "the server does not allow this method on the requested resource".to_owned(),
        409 => "the server reported a conflict".to_owned(),
        422 => "the server rejected our request due to an error in our request".to_owned(),
        429 => "the server has received too many requests and has asked us to try again later".to_owned(),
        503 => "the server is currently unable to handle the request".to_owned(),
        504 => {
            "the server was unable to return a response in the time allotted, but may still be processing the request".to_owned()
        }
        500.. => format!("an error on the server ({text:?}) has prevented the request from succeeding"),
        _ => format!("the server responded with the status code {code} but did not return more details"),
    }
}

//! A Service that leads to a program listening on 10.99.0.1.

use serde_json::{Value, json};

use super::{ADDRESS, Cluster, api};

/// A Service to be made.
#[derive(Clone, Debug)]
pub(crate) struct Service<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// Port of the Service and of the program, which are one here.
    pub(crate) port: u16,
    /// Name of the port: none in the reference's manifest, `http` in its chart.
    pub(crate) port_name: Option<&'a str>,
    /// Labels as JSON object.
    pub(crate) labels: Value,
}

impl Cluster {
    /// A Service as the reference's manifest makes it, its port without a name, that leads to 10.99.0.1:PORT.
    pub(crate) fn service(&self, namespace: &str, name: &str, port: u16) {
        self.service_with(&Service { namespace, name, port, port_name: None, labels: json!({ "name": name }) });
    }

    /// A Service, its Endpoints, and the Pod that they must name.
    pub(crate) fn service_with(&self, service: &Service) {
        let Service { namespace, name, port, .. } = *service;
        let mut ports = json!([{ "port": port }]);
        if let Some(port_name) = service.port_name {
            ports[0]["name"] = port_name.into();
        }
        let meta = json!({ "name": name, "labels": service.labels });
        self.created(&api::core(namespace, "services"), &json!({ "metadata": meta, "spec": { "ports": ports } }));
        self.endpoints(service);
    }

    /// The Endpoints of a Service that is there, made or changed, and the Pod that they must name: the service proxy refuses every other
    /// address.
    pub(crate) fn endpoints(&self, service: &Service) {
        let Service { namespace, name, port, .. } = *service;
        let pod = format!("{name}-0");
        let pods = api::core(namespace, "pods");
        if self.get(&format!("{pods}/{pod}")).0 == 404 {
            let container = json!({ "name": "controller", "image": "none" });
            self.created(&pods, &json!({ "metadata": { "name": pod }, "spec": { "containers": [container] } }));
            let status = json!({ "status": { "phase": "Running", "podIP": ADDRESS, "podIPs": [{ "ip": ADDRESS }] } });
            self.patched(&format!("{pods}/{pod}/status"), &status);
        }
        let mut ports = json!([{ "port": port }]);
        if let Some(port_name) = service.port_name {
            ports[0]["name"] = port_name.into();
        }
        let target = json!({ "kind": "Pod", "namespace": namespace, "name": pod });
        let subsets = json!([{ "addresses": [{ "ip": ADDRESS, "targetRef": target }], "ports": ports }]);
        let object = json!({ "metadata": { "name": name, "labels": service.labels }, "subsets": subsets });
        let all = api::core(namespace, "endpoints");
        let path = format!("{all}/{name}");
        if self.get(&path).0 == 404 {
            self.created(&all, &object);
        } else {
            self.patched(&path, &object);
        }
    }
}

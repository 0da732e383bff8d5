//! Users whose rights a test chooses, and kubeconfig files for them.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{Cluster, SERVER};

/// How many users there are besides the administrator. The API server reads them once, at its start.
const USERS: usize = 512;

/// Group of all users but the administrator: the audit log has their reads too.
pub(super) const GROUP: &str = "test-users";

/// A user: without rights, except the administrator, who may do everything.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) name: String,
    pub(crate) token: String,
}

/// The file of `--token-auth-file`.
pub(super) fn tokens() -> String {
    let admin = admin();
    (0..USERS).map(numbered).fold(format!("{},{},admin,system:masters\n", admin.token, admin.name), |text, user| {
        text + &format!("{},{1},{1},{GROUP}\n", user.token, user.name)
    })
}

fn numbered(number: usize) -> User {
    User { name: format!("user-{number}"), token: format!("token-of-user-{number}") }
}

pub(super) fn admin() -> User {
    User { name: "admin".to_owned(), token: "test-admin".to_owned() }
}

impl Cluster {
    /// A user whom no other test has, without any rights.
    pub(crate) fn user(&self) -> User {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        assert!(number < USERS, "more users are asked for than there are: raise USERS");
        numbered(number)
    }

    /// The administrator.
    pub(crate) fn admin(&self) -> User {
        admin()
    }

    /// Gives a user rights in a namespace: `rules` is the list of a Role, such as
    /// `json!([{"apiGroups": [""], "resources": ["services"], "verbs": ["get"]}])`. May be called several times.
    pub(crate) fn role(&self, user: &User, namespace: &str, rules: &Value) {
        self.grant(user, &format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/roles"), "Role", rules);
    }

    /// Gives a user rights in the whole cluster.
    pub(crate) fn cluster_role(&self, user: &User, rules: &Value) {
        self.grant(user, "/apis/rbac.authorization.k8s.io/v1/clusterroles", "ClusterRole", rules);
    }

    fn grant(&self, user: &User, roles: &str, kind: &str, rules: &Value) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("{}-{}", user.name, NEXT.fetch_add(1, Ordering::Relaxed));
        self.created(roles, &json!({ "metadata": { "name": name }, "rules": rules }));
        let bindings = roles.replace("roles", "rolebindings");
        let binding = json!({
            "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name },
            "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user.name }],
        });
        self.created(&bindings, &binding);
    }

    /// The kubeconfig of a user as JSON (which is YAML), for a test to change. Its names: cluster `test`, context `test`.
    pub(crate) fn kubeconfig_value(&self, user: &User, namespace: Option<&str>) -> Value {
        let mut context = json!({ "cluster": "test", "user": user.name });
        if let Some(namespace) = namespace {
            context["namespace"] = namespace.into();
        }
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{ "name": "test", "cluster": { "server": SERVER, "certificate-authority-data": self.ca_base64() } }],
            "users": [{ "name": user.name, "user": { "token": user.token } }],
            "contexts": [{ "name": "test", "context": context }],
        })
    }

    /// Writes a kubeconfig for a user; its context names the namespace, or none.
    pub(crate) fn kubeconfig(&self, user: &User, namespace: Option<&str>) -> PathBuf {
        self.write_kubeconfig(&self.kubeconfig_value(user, namespace))
    }

    /// Writes a kubeconfig into the cluster's folder.
    pub(crate) fn write_kubeconfig(&self, value: &Value) -> PathBuf {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let path = self.folder.join(format!("kubeconfig-{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&path, serde_json::to_string_pretty(value).unwrap()).unwrap();
        path
    }

    /// Certificates that the API server's own can be checked with, PEM.
    pub(crate) fn ca_file(&self) -> PathBuf {
        self.folder.join("apiserver-certs/apiserver.crt")
    }

    fn ca_base64(&self) -> String {
        data_encoding::BASE64.encode(&std::fs::read(self.ca_file()).unwrap())
    }
}

//! What a NATS server's authentication is to be, as a declarative file says it.
//!
//! ```yaml
//! timeout: 5s
//! users:
//!   - { user: default, hash: NATS_DEFAULT_PASSWORD_HASH }
//!   - user: dynamo
//!     hash: NATS_DYNAMO_PASSWORD_HASH
//!     permissions:
//!       publish: { allow: ["dyn.>", "$JS.API.>"] }
//!       subscribe: ["dyn.>", "_INBOX.>"]
//!       allowResponses: true
//! accounts:
//!   APP: { users: [{ nkey: APP_NKEY }], jetstream: true }
//! ```
//!
//! `R` is what stands for a secret: a reference of the caller's (the key of a Secret, a file, a variable) as long as the model
//! comes from a file, and a [`SecretString`] once [`Auth::resolve`] has filled the values in. Only that form can be written.
//! The fields are those of nats-server 2.15.2 in camel case (`bootstrap-nats.md` §2.3).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use super::duration::Span;
#[cfg(feature = "cli")]
use super::duration::SpanSchema;
pub use super::permissions::{AllowResponses, Permissions, ResponseLimits, Subjects};
use crate::secret::SecretString;

/// The authentication of a server: `authorization`, `accounts`, and the blocks in which other servers log in.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound(deserialize = "R: Deserialize<'de>"))]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Auth<R> {
    /// Time that a client has to log in; the server's default is 2 s
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", schemars(with = "Option<SpanSchema>"))]
    pub timeout: Option<Span>,
    /// One token for everybody, instead of users
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<R>,
    /// Users; those without an account are in the global one
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User<R>>,
    /// What users may do that have no permissions of their own
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_permissions: Option<Permissions>,
    /// The user that clients without credentials become
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_auth_user: Option<String>,
    /// Accounts: users of one do not see the subjects of another
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub accounts: BTreeMap<String, Account<R>>,
    /// The account of the server's own events; `$SYS` by default
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_account: Option<String>,
    /// How servers of one cluster log in to each other
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster<R>>,
    /// How clusters log in to each other
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<Gateway<R>>,
    /// How leaf nodes log in
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leafnodes: Option<Leafnodes<R>>,
    /// Decentralised authentication: no users here, JWTs instead
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operator: Option<Operator>,
}

impl<R> Default for Auth<R> {
    fn default() -> Self {
        Self {
            timeout: None,
            token: None,
            users: Vec::new(),
            default_permissions: None,
            no_auth_user: None,
            accounts: BTreeMap::new(),
            system_account: None,
            cluster: None,
            gateway: None,
            leafnodes: None,
            operator: None,
        }
    }
}

/// A user: a name with a password or its hash, or an nkey.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound(deserialize = "R: Deserialize<'de>"))]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct User<R> {
    /// Name
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The password itself
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<R>,
    /// The password's bcrypt hash
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<R>,
    /// A public user nkey (U…), or the seed that it follows from: the server gets the public key only
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nkey: Option<R>,
    /// What the user may do; without it everything, or the default permissions
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Permissions>,
    /// How the user may connect; without it in every way
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connection_types: Vec<ConnectionType>,
    /// The account; one of `accounts`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Whether the user must come through a trusted proxy
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub proxy_required: bool,
}

impl<R> Default for User<R> {
    fn default() -> Self {
        Self {
            user: None,
            password: None,
            hash: None,
            nkey: None,
            permissions: None,
            connection_types: Vec::new(),
            account: None,
            proxy_required: false,
        }
    }
}

/// A way to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum ConnectionType {
    /// The NATS protocol.
    Standard,
    /// The NATS protocol over WebSocket.
    Websocket,
    /// A leaf node.
    Leafnode,
    /// A leaf node over WebSocket.
    LeafnodeWs,
    /// MQTT.
    Mqtt,
    /// MQTT over WebSocket.
    MqttWs,
    /// Within the server's own process.
    InProcess,
}

impl ConnectionType {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Standard, Self::Websocket, Self::Leafnode, Self::LeafnodeWs, Self::Mqtt, Self::MqttWs, Self::InProcess];

    /// As the configuration has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Websocket => "WEBSOCKET",
            Self::Leafnode => "LEAFNODE",
            Self::LeafnodeWs => "LEAFNODE_WS",
            Self::Mqtt => "MQTT",
            Self::MqttWs => "MQTT_WS",
            Self::InProcess => "IN_PROCESS",
        }
    }
}

/// An account.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound(deserialize = "R: Deserialize<'de>"))]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Account<R> {
    /// Its users
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User<R>>,
    /// What its users may do that have no permissions of their own
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_permissions: Option<Permissions>,
    /// What other accounts may import
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exports: Vec<Export>,
    /// What is imported from other accounts
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub imports: Vec<Import>,
    /// Whether it has JetStream
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jetstream: Option<JetStream>,
    /// Limits
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
}

impl<R> Default for Account<R> {
    fn default() -> Self {
        Self {
            users: Vec::new(),
            default_permissions: None,
            exports: Vec::new(),
            imports: Vec::new(),
            jetstream: None,
            limits: None,
        }
    }
}

/// A subject that other accounts may import: exactly one of `stream` and `service`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Export {
    /// Messages that importers get
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Requests that importers may send
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The accounts that may; without it all
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
}

/// A subject of another account: exactly one of `stream` and `service`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Import {
    /// Messages to get
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Source>,
    /// Requests to send
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Source>,
    /// What a stream's subjects get in front here
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// The subject here
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A subject of an account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Source {
    /// The account that exports it
    pub account: String,
    /// The subject there
    pub subject: String,
}

/// JetStream of an account.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(untagged, expecting = "expected true, false, or a mapping of limits")]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum JetStream {
    /// Without limits of its own, or none at all.
    Switch(bool),
    /// With limits.
    Limits(JetStreamLimits),
}

/// Limits of an account's JetStream.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct JetStreamLimits {
    /// Bytes in memory
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_memory: Option<i64>,
    /// Bytes in files
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_file: Option<i64>,
    /// Streams
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_streams: Option<i64>,
    /// Consumers
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_consumers: Option<i64>,
}

/// Limits of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Limits {
    /// Connections at a time
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_connections: Option<i64>,
    /// Subscriptions of one connection
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_subscriptions: Option<i64>,
    /// Bytes of a message
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_payload: Option<i64>,
    /// Leaf nodes at a time
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_leafnodes: Option<i64>,
}

/// Servers of one cluster. They log in to each other with one name and password; a route's URL needs the password itself.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound(deserialize = "R: Deserialize<'de>"))]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Cluster<R> {
    /// Name of the cluster
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address for other servers, `0.0.0.0:6222`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Name that other servers log in with
    pub user: String,
    /// The password itself: needed where there are routes
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<R>,
    /// The password's bcrypt hash, for those that log in here
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<R>,
    /// Time that a server has to log in
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", schemars(with = "Option<SpanSchema>"))]
    pub timeout: Option<Span>,
    /// Other servers, `host:port`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
}

/// Other clusters. They log in with one name and password.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound(deserialize = "R: Deserialize<'de>"))]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Gateway<R> {
    /// Name of this cluster among the others; that of `cluster`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Address for other clusters, `0.0.0.0:7222`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Name that other clusters log in with
    pub user: String,
    /// The password itself: needed where other clusters are named
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<R>,
    /// The password's bcrypt hash, for those that log in here
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<R>,
    /// Time that a server has to log in
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", schemars(with = "Option<SpanSchema>"))]
    pub timeout: Option<Span>,
    /// Other clusters: name, and `host:port` of some of their servers
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub gateways: BTreeMap<String, Vec<String>>,
}

/// Leaf nodes that connect here, and servers that this one connects to as a leaf node.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound(deserialize = "R: Deserialize<'de>"))]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Leafnodes<R> {
    /// Address for leaf nodes, `0.0.0.0:7422`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Time that a leaf node has to log in
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "cli", schemars(with = "Option<SpanSchema>"))]
    pub timeout: Option<Span>,
    /// Who may connect as a leaf node: names with passwords and accounts, no permissions; or one nkey
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<User<R>>,
    /// Servers to connect to
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remotes: Vec<Remote<R>>,
}

/// A server that this one connects to as a leaf node.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, bound(deserialize = "R: Deserialize<'de>"))]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Remote<R> {
    /// `host:port`, or a URL without credentials
    pub url: String,
    /// Name to log in with
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The password itself
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<R>,
    /// Path of a credentials file, as the server sees it
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// The account here that is connected
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
}

/// Decentralised authentication: whom the server trusts, and the accounts it knows from the start. All of it is public.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub struct Operator {
    /// The operator's JWT
    pub jwt: String,
    /// Public key of the system account (A…)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system_account: Option<String>,
    /// JWTs of accounts
    pub accounts: Vec<String>,
}

/// What a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A password itself.
    Password,
    /// A bcrypt hash.
    Hash,
    /// A public nkey or a seed.
    Nkey,
    /// The token.
    Token,
}

/// Which value of a model is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// `users`, `accounts.APP.users`, `cluster` …
    pub block: &'a str,
    /// The user's name, or where there is none its place in the list.
    pub user: &'a str,
    /// What the value is for.
    pub kind: Kind,
}

impl<R> Auth<R> {
    /// Fills the values in. `value` is asked once for each, in the order of the file, and its first error ends it.
    ///
    /// # Errors
    /// Whatever `value` gives.
    pub fn resolve<E>(self, mut value: impl FnMut(Place<'_>, R) -> Result<SecretString, E>) -> Result<Auth<SecretString>, E> {
        let value = &mut value;
        let token = self.token.map(|token| value(Place { block: "token", user: "", kind: Kind::Token }, token)).transpose()?;
        let users = resolve_users("users", self.users, value)?;
        let mut accounts = BTreeMap::new();
        for (name, account) in self.accounts {
            let users = resolve_users(&format!("accounts.{name}.users"), account.users, value)?;
            let Account { default_permissions, exports, imports, jetstream, limits, .. } = account;
            accounts.insert(name, Account { users, default_permissions, exports, imports, jetstream, limits });
        }
        let mut pair = |block: &str, user: &str, password: Option<R>, hash: Option<R>| {
            let password = password.map(|r| value(Place { block, user, kind: Kind::Password }, r)).transpose()?;
            let hash = hash.map(|r| value(Place { block, user, kind: Kind::Hash }, r)).transpose()?;
            Ok::<_, E>((password, hash))
        };
        let cluster = match self.cluster {
            Some(Cluster { name, listen, user, password, hash, timeout, routes }) => {
                let (password, hash) = pair("cluster", &user, password, hash)?;
                Some(Cluster { name, listen, user, password, hash, timeout, routes })
            }
            None => None,
        };
        let gateway = match self.gateway {
            Some(Gateway { name, listen, user, password, hash, timeout, gateways }) => {
                let (password, hash) = pair("gateway", &user, password, hash)?;
                Some(Gateway { name, listen, user, password, hash, timeout, gateways })
            }
            None => None,
        };
        let leafnodes = match self.leafnodes {
            Some(Leafnodes { listen, timeout, users, remotes }) => {
                let users = resolve_users("leafnodes.users", users, value)?;
                let mut resolved = Vec::new();
                for Remote { url, user, password, credentials, account } in remotes {
                    let place = Place { block: "leafnodes.remotes", user: user.as_deref().unwrap_or(""), kind: Kind::Password };
                    let password = password.map(|r| value(place, r)).transpose()?;
                    resolved.push(Remote { url, user, password, credentials, account });
                }
                Some(Leafnodes { listen, timeout, users, remotes: resolved })
            }
            None => None,
        };
        let Self { timeout, default_permissions, no_auth_user, system_account, operator, .. } = self;
        Ok(Auth {
            timeout,
            token,
            users,
            default_permissions,
            no_auth_user,
            accounts,
            system_account,
            cluster,
            gateway,
            leafnodes,
            operator,
        })
    }
}

fn resolve_users<R, E>(
    block: &str,
    users: Vec<User<R>>,
    value: &mut impl FnMut(Place<'_>, R) -> Result<SecretString, E>,
) -> Result<Vec<User<SecretString>>, E> {
    let mut resolved = Vec::with_capacity(users.len());
    for (index, user) in users.into_iter().enumerate() {
        let User { user, password, hash, nkey, permissions, connection_types, account, proxy_required } = user;
        let name = user.clone().unwrap_or_else(|| format!("number {}", index + 1));
        let mut get = |kind, r: Option<R>| r.map(|r| value(Place { block, user: &name, kind }, r)).transpose();
        let password = get(Kind::Password, password)?;
        let hash = get(Kind::Hash, hash)?;
        let nkey = get(Kind::Nkey, nkey)?;
        resolved.push(User { user, password, hash, nkey, permissions, connection_types, account, proxy_required });
    }
    Ok(resolved)
}

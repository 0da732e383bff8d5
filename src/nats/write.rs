//! The model as configuration: native or JSON, one file or the inside of one block.
//!
//! Every value stands between double quotes (a hash that begins with `$2b$`, a subject that begins with `$` and a user named
//! `yes` would mean something else without them), durations too. Escapes are those that the server's lexer knows: `\\ \" \t \n
//! \r \xHH`. The inside of a block is for `cluster { include cluster.conf }`, where the rest of the block is somebody else's:
//! of two blocks of one name the server takes the last and drops the other without a word.

use std::fmt::Write as _;

use super::duration;
use super::model::{
    Account, AllowResponses, Auth, Cluster, Export, Gateway, Import, JetStream, Leafnodes, Permissions, Source, Span, Subjects,
    User,
};
use super::rules::{self, GLOBAL_ACCOUNT, Problem, SYSTEM_ACCOUNT, Severity};
use crate::secret::SecretString;

/// Which part of the model is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// All of it, for the top of a configuration.
    #[default]
    All,
    /// Clients only: `authorization`, `accounts`, and what belongs to them.
    Clients,
    /// The inside of `cluster { … }`.
    Cluster,
    /// The inside of `gateway { … }`.
    Gateway,
    /// The inside of `leafnodes { … }`.
    Leafnodes,
}

/// How it is written. The server reads both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Syntax {
    /// NATS's own.
    #[default]
    Native,
    /// JSON.
    Json,
}

/// A value of the configuration.
enum Out {
    Map(Vec<(String, Out)>),
    List(Vec<Out>),
    Text(String),
    Secret(SecretString),
    Number(i64),
    Switch(bool),
}

impl Out {
    fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// A map under construction.
#[derive(Default)]
struct Map(Vec<(String, Out)>);

impl Map {
    fn put(&mut self, key: &str, value: impl Into<Option<Out>>) {
        if let Some(value) = value.into() {
            self.0.push((key.to_owned(), value));
        }
    }

    fn span(&mut self, key: &str, span: Option<Span>) {
        self.put(key, span.map(|span| Out::Text(duration::text(span.0))));
    }

    fn some(self) -> Option<Out> {
        (!self.0.is_empty()).then_some(Out::Map(self.0))
    }
}

/// Writes a part of the model.
///
/// # Errors
/// Everything that is wrong with it, warnings too, when one of the problems is an error: then nothing is written.
pub fn render(auth: &Auth<SecretString>, part: Part, syntax: Syntax) -> Result<SecretString, Vec<Problem>> {
    let problems = rules::problems(auth, part);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    let mut map = Map::default();
    let clients = |map: &mut Map| {
        if let Some(operator) = &auth.operator {
            let (jwt, system, accounts) = super::operator::preload(operator);
            map.put("operator", Out::text(jwt));
            map.put("system_account", system.map(Out::Text));
            map.put("resolver", Out::text("MEMORY"));
            map.put("resolver_preload", Out::Map(accounts.into_iter().map(|(key, token)| (key, Out::Text(token))).collect()));
            let timeout = auth.timeout.map(|span| Out::Text(duration::text(span.0)));
            map.put("authorization", timeout.map(|timeout| Out::Map(vec![("timeout".into(), timeout)])));
            return;
        }
        map.put("authorization", authorization(auth));
        map.put("accounts", accounts(auth));
        map.put("system_account", auth.system_account.as_deref().map(Out::text));
        map.put("no_auth_user", auth.no_auth_user.as_deref().map(Out::text));
    };
    let cluster = auth.cluster.as_ref().map(inside_cluster);
    let gateway = auth.gateway.as_ref().map(inside_gateway);
    let leafnodes = auth.leafnodes.as_ref().map(inside_leafnodes);
    match part {
        Part::All => {
            clients(&mut map);
            map.put("cluster", cluster.and_then(Map::some));
            map.put("gateway", gateway.and_then(Map::some));
            map.put("leafnodes", leafnodes.and_then(Map::some));
        }
        Part::Clients => clients(&mut map),
        Part::Cluster => map = cluster.unwrap_or_default(),
        Part::Gateway => map = gateway.unwrap_or_default(),
        Part::Leafnodes => map = leafnodes.unwrap_or_default(),
    }
    let Some(Out::Map(entries)) = map.some() else {
        let (place, what, fix) = ("file".to_owned(), "there is nothing to write".to_owned(), "add users".to_owned());
        return Err(vec![Problem { severity: Severity::Error, place, what, fix }]);
    };
    Ok(match syntax {
        Syntax::Native => native(&entries),
        Syntax::Json => json(&Out::Map(entries)),
    })
}

fn authorization(auth: &Auth<SecretString>) -> Option<Out> {
    let mut map = Map::default();
    map.span("timeout", auth.timeout);
    map.put("token", auth.token.clone().map(Out::Secret));
    map.put("default_permissions", auth.default_permissions.as_ref().and_then(permissions));
    let own: Vec<Out> = auth.users.iter().filter(|user| is_global(user)).map(user_entry).collect();
    map.put("users", (!own.is_empty()).then_some(Out::List(own)));
    map.some()
}

fn is_global(user: &User<SecretString>) -> bool {
    user.account.as_deref().is_none_or(|account| account == GLOBAL_ACCOUNT)
}

fn accounts(auth: &Auth<SecretString>) -> Option<Out> {
    let mut map = Map::default();
    let of = |name: &str| -> Vec<Out> {
        auth.users.iter().filter(|user| user.account.as_deref() == Some(name)).map(user_entry).collect()
    };
    for (name, account) in &auth.accounts {
        map.put(name, account_entry(account, of(name)));
    }
    if !auth.accounts.contains_key(SYSTEM_ACCOUNT) {
        let users = of(SYSTEM_ACCOUNT);
        map.put(SYSTEM_ACCOUNT, (!users.is_empty()).then(|| Out::Map(vec![("users".to_owned(), Out::List(users))])));
    }
    map.some()
}

fn account_entry(account: &Account<SecretString>, more: Vec<Out>) -> Out {
    let mut map = Map::default();
    map.put("default_permissions", account.default_permissions.as_ref().and_then(permissions));
    let users: Vec<Out> = account.users.iter().map(user_entry).chain(more).collect();
    map.put("users", (!users.is_empty()).then_some(Out::List(users)));
    map.put("jetstream", account.jetstream.as_ref().map(jetstream));
    let list = |entries: Vec<Out>| (!entries.is_empty()).then_some(Out::List(entries));
    map.put("exports", list(account.exports.iter().map(export_entry).collect()));
    map.put("imports", list(account.imports.iter().map(import_entry).collect()));
    if let Some(limits) = &account.limits {
        let mut inner = Map::default();
        inner.put("max_connections", limits.max_connections.map(Out::Number));
        inner.put("max_subscriptions", limits.max_subscriptions.map(Out::Number));
        inner.put("max_payload", limits.max_payload.map(Out::Number));
        inner.put("max_leafnodes", limits.max_leafnodes.map(Out::Number));
        map.put("limits", inner.some());
    }
    Out::Map(map.0)
}

fn jetstream(jetstream: &JetStream) -> Out {
    match jetstream {
        JetStream::Switch(on) => Out::Switch(*on),
        JetStream::Limits(limits) => {
            let mut map = Map::default();
            map.put("max_memory", limits.max_memory.map(Out::Number));
            map.put("max_file", limits.max_file.map(Out::Number));
            map.put("max_streams", limits.max_streams.map(Out::Number));
            map.put("max_consumers", limits.max_consumers.map(Out::Number));
            map.some().unwrap_or(Out::Switch(true))
        }
    }
}

fn export_entry(export: &Export) -> Out {
    let mut map = Map::default();
    map.put("stream", export.stream.as_deref().map(Out::text));
    map.put("service", export.service.as_deref().map(Out::text));
    let accounts: Vec<Out> = export.accounts.iter().map(Out::text).collect();
    map.put("accounts", (!accounts.is_empty()).then_some(Out::List(accounts)));
    Out::Map(map.0)
}

fn import_entry(import: &Import) -> Out {
    let source = |source: &Source| {
        Out::Map(vec![("account".into(), Out::text(&source.account)), ("subject".into(), Out::text(&source.subject))])
    };
    let mut map = Map::default();
    map.put("stream", import.stream.as_ref().map(source));
    map.put("service", import.service.as_ref().map(source));
    map.put("prefix", import.prefix.as_deref().map(Out::text));
    map.put("to", import.to.as_deref().map(Out::text));
    Out::Map(map.0)
}

fn user_entry(user: &User<SecretString>) -> Out {
    let mut map = credentials(user);
    map.put("permissions", user.permissions.as_ref().and_then(permissions));
    let types: Vec<Out> = user.connection_types.iter().map(|kind| Out::text(kind.name())).collect();
    map.put("allowed_connection_types", (!types.is_empty()).then_some(Out::List(types)));
    map.put("proxy_required", user.proxy_required.then_some(Out::Switch(true)));
    Out::Map(map.0)
}

fn credentials(user: &User<SecretString>) -> Map {
    let mut map = Map::default();
    // Only the public key goes to the server, also where the seed was given.
    let nkey = user.nkey.as_ref().and_then(|nkey| rules::read_nkey(nkey).ok());
    map.put("nkey", nkey.map(|key| Out::Text(key.to_string())));
    map.put("user", user.user.as_deref().map(Out::text));
    map.put("password", user.hash.clone().or_else(|| user.password.clone()).map(Out::Secret));
    map
}

fn permissions(permissions: &Permissions) -> Option<Out> {
    let mut map = Map::default();
    map.put("publish", permissions.publish.as_ref().map(subjects));
    map.put("subscribe", permissions.subscribe.as_ref().map(subjects));
    map.put(
        "allow_responses",
        permissions.allow_responses.as_ref().map(|allowed| match allowed {
            AllowResponses::Switch(on) => Out::Switch(*on),
            AllowResponses::Limits(limits) => {
                let mut inner = Map::default();
                inner.put("max", limits.max.map(Out::Number));
                inner.span("expires", limits.expires);
                inner.some().unwrap_or(Out::Switch(true))
            }
        }),
    );
    map.some()
}

fn subjects(subjects: &Subjects) -> Out {
    let list = |texts: &[String]| Out::List(texts.iter().map(Out::text).collect());
    let mut map = Map::default();
    // An empty list of what is allowed would allow everything: the server reads `allow: []` as absent. So what the file says
    // with an empty list, nothing, is said as a denial.
    if subjects.allow.is_empty() && subjects.deny.is_empty() {
        map.put("deny", Out::List(vec![Out::text(">")]));
    }
    map.put("allow", (!subjects.allow.is_empty()).then(|| list(&subjects.allow)));
    map.put("deny", (!subjects.deny.is_empty()).then(|| list(&subjects.deny)));
    Out::Map(map.0)
}

/// Name and credential of servers that log in here: the hash where there is one.
fn login(user: &str, password: &Option<SecretString>, hash: &Option<SecretString>, timeout: Option<Span>) -> Out {
    let mut map = Map::default();
    map.put("user", Out::text(user));
    map.put("password", hash.clone().or_else(|| password.clone()).map(Out::Secret));
    map.span("timeout", timeout);
    Out::Map(map.0)
}

fn inside_cluster(cluster: &Cluster<SecretString>) -> Map {
    let mut map = Map::default();
    map.put("name", cluster.name.as_deref().map(Out::text));
    map.put("listen", cluster.listen.as_deref().map(Out::text));
    map.put("authorization", login(&cluster.user, &cluster.password, &cluster.hash, cluster.timeout));
    let url = |address: &String| url("nats-route", address, Some(&cluster.user), cluster.password.as_ref());
    let routes: Vec<Out> = cluster.routes.iter().map(url).collect();
    map.put("routes", (!routes.is_empty()).then_some(Out::List(routes)));
    map
}

fn inside_gateway(gateway: &Gateway<SecretString>) -> Map {
    let mut map = Map::default();
    map.put("name", gateway.name.as_deref().map(Out::text));
    map.put("listen", gateway.listen.as_deref().map(Out::text));
    map.put("authorization", login(&gateway.user, &gateway.password, &gateway.hash, gateway.timeout));
    let others = gateway.gateways.iter().map(|(name, addresses)| {
        let urls = addresses.iter().map(|address| url("nats", address, Some(&gateway.user), gateway.password.as_ref()));
        Out::Map(vec![("name".into(), Out::text(name)), ("urls".into(), Out::List(urls.collect()))])
    });
    let others: Vec<Out> = others.collect();
    map.put("gateways", (!others.is_empty()).then_some(Out::List(others)));
    map
}

fn inside_leafnodes(leafnodes: &Leafnodes<SecretString>) -> Map {
    let mut map = Map::default();
    map.put("listen", leafnodes.listen.as_deref().map(Out::text));
    let mut authorization = Map::default();
    authorization.span("timeout", leafnodes.timeout);
    let with_account = |user: &User<SecretString>| {
        let mut map = credentials(user);
        map.put("account", user.account.as_deref().map(Out::text));
        map
    };
    match leafnodes.users.as_slice() {
        [] => {}
        [only] if only.nkey.is_some() => authorization.0.extend(with_account(only).0),
        users => authorization.put("users", Out::List(users.iter().map(|user| Out::Map(with_account(user).0)).collect())),
    }
    map.put("authorization", authorization.some());
    let remotes = leafnodes.remotes.iter().map(|remote| {
        let mut map = Map::default();
        map.put("url", url("nats-leaf", &remote.url, remote.user.as_ref(), remote.password.as_ref()));
        map.put("credentials", remote.credentials.as_deref().map(Out::text));
        map.put("account", remote.account.as_deref().map(Out::text));
        Out::Map(map.0)
    });
    let remotes: Vec<Out> = remotes.collect();
    map.put("remotes", (!remotes.is_empty()).then_some(Out::List(remotes)));
    map
}

/// `scheme://user:password@host:port`; name and password percent-encoded, which the server undoes.
fn url(scheme: &str, address: &str, user: Option<&String>, password: Option<&SecretString>) -> Out {
    let (scheme, host) = address.split_once("://").unwrap_or((scheme, address));
    let Some((user, password)) = user.zip(password) else { return Out::Text(format!("{scheme}://{host}")) };
    let mut text = String::with_capacity(scheme.len() + host.len() + 3 * (user.len() + password.len()) + 8);
    _ = write!(text, "{scheme}://");
    percent_encode(user, &mut text);
    text.push(':');
    percent_encode(password.expose(), &mut text);
    _ = write!(text, "@{host}");
    Out::Secret(SecretString::new(text))
}

/// Everything but RFC 3986's unreserved characters as `%HH`.
pub fn percent_encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            _ = write!(into, "%{byte:02X}");
        }
    }
}

/// Bytes that the text will have at most, so that it is never copied while it grows: copies would not be wiped.
fn size(value: &Out, depth: usize) -> usize {
    let own = 2 * depth + 8;
    own + match value {
        Out::Map(entries) => entries.iter().map(|(key, value)| 6 * key.len() + 8 + size(value, depth + 1)).sum(),
        Out::List(items) => items.iter().map(|item| size(item, depth + 1)).sum(),
        Out::Text(text) => 6 * text.len(),
        Out::Secret(text) => 6 * text.len(),
        Out::Number(_) => 20,
        Out::Switch(_) => 5,
    }
}

fn native(entries: &[(String, Out)]) -> SecretString {
    let capacity = entries.iter().map(|(key, value)| 6 * key.len() + 8 + size(value, 1)).sum();
    let mut text = String::with_capacity(capacity);
    for (key, value) in entries {
        native_entry(key, value, 0, &mut text);
        text.push('\n');
    }
    SecretString::new(text)
}

fn indent(depth: usize, into: &mut String) {
    (0..depth).for_each(|_| into.push_str("  "));
}

/// A key as it is where it is one of the server's own words, else between quotes: account names, public keys.
fn native_key(key: &str, into: &mut String) {
    let plain = key.starts_with(|c: char| c.is_ascii_lowercase()) && key.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    if plain && key != "include" {
        into.push_str(key);
    } else {
        _ = write!(into, "\"{key}\"");
    }
}

fn native_entry(key: &str, value: &Out, depth: usize, into: &mut String) {
    indent(depth, into);
    native_key(key, into);
    match value {
        Out::Map(entries) if depth > 0 || !entries.is_empty() => {
            into.push_str(" {\n");
            for (key, value) in entries {
                native_entry(key, value, depth + 1, into);
                into.push('\n');
            }
            indent(depth, into);
            into.push('}');
        }
        Out::List(items) if items.iter().any(|item| matches!(item, Out::Map(_))) => {
            into.push_str(": [\n");
            for item in items {
                indent(depth + 1, into);
                inline(item, into);
                into.push('\n');
            }
            indent(depth, into);
            into.push(']');
        }
        other => {
            into.push_str(": ");
            inline(other, into);
        }
    }
}

/// A value on one line.
fn inline(value: &Out, into: &mut String) {
    match value {
        Out::Map(entries) => {
            into.push_str("{ ");
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    into.push_str(", ");
                }
                native_key(key, into);
                into.push_str(": ");
                inline(value, into);
            }
            into.push_str(" }");
        }
        Out::List(items) => {
            into.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    into.push_str(", ");
                }
                inline(item, into);
            }
            into.push(']');
        }
        Out::Text(text) => quote(text, into),
        Out::Secret(text) => quote(text.expose(), into),
        Out::Number(number) => _ = write!(into, "{number}"),
        Out::Switch(on) => _ = write!(into, "{on}"),
    }
}

/// A text between double quotes, as the server's lexer undoes it.
pub fn quote(text: &str, into: &mut String) {
    into.push('"');
    for c in text.chars() {
        match c {
            '"' => into.push_str("\\\""),
            '\\' => into.push_str("\\\\"),
            '\n' => into.push_str("\\n"),
            '\r' => into.push_str("\\r"),
            '\t' => into.push_str("\\t"),
            '\0'..='\x1f' | '\x7f' => _ = write!(into, "\\x{:02x}", u32::from(c)),
            _ => into.push(c),
        }
    }
    into.push('"');
}

/// JSON, as far as the server's lexer reads it: it does not know `\u`, so control characters are `\x`, which JSON has not; no
/// value that passes the rules holds one.
fn json(value: &Out) -> SecretString {
    fn write(value: &Out, depth: usize, into: &mut String) {
        match value {
            Out::Map(entries) => {
                into.push_str("{\n");
                for (index, (key, value)) in entries.iter().enumerate() {
                    indent(depth + 1, into);
                    quote(key, into);
                    into.push_str(": ");
                    write(value, depth + 1, into);
                    into.push_str(if index + 1 < entries.len() { ",\n" } else { "\n" });
                }
                indent(depth, into);
                into.push('}');
            }
            Out::List(items) => {
                into.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        into.push_str(", ");
                    }
                    write(item, depth + 1, into);
                }
                into.push(']');
            }
            other => inline(other, into),
        }
    }
    let mut text = String::with_capacity(2 * size(value, 1) + 64);
    write(value, 0, &mut text);
    text.push('\n');
    SecretString::new(text)
}

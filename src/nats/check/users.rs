//! `authorization`, users, permissions and accounts.

use super::super::conf::{Entry, Form, Node, Value, find};
use super::super::nkey::{NkeyError, PublicKey, Role};
use super::super::rules::{GLOBAL_ACCOUNT, LONGEST_TIMEOUT};
use super::super::{duration, model, subject};
use super::Checker;

const AUTHORIZATION: &[&str] = &[
    "user",
    "username",
    "pass",
    "password",
    "token",
    "timeout",
    "users",
    "default_permission",
    "default_permissions",
    "permissions",
    "auth_callout",
    "auth_hook",
    "proxy_required",
];
const USER: &[&str] = &[
    "nkey",
    "user",
    "username",
    "pass",
    "password",
    "permission",
    "permissions",
    "authorization",
    "allowed_connection_types",
    "connection_types",
    "clients",
    "proxy_required",
];
const ACCOUNT: &[&str] = &[
    "nkey",
    "imports",
    "exports",
    "jetstream",
    "users",
    "default_permissions",
    "mappings",
    "maps",
    "limits",
    "msg_trace",
    "trace_dest",
];
const DEFAULTS: &[&str] = &["default_permission", "default_permissions", "permissions"];

/// What `authorization` has instead of users.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Single {
    User,
    Token,
}

impl Checker<'_> {
    /// The block at the top. What stands in it instead of users.
    pub(super) fn authorization(&mut self, entry: &Entry, certificates: bool) -> Option<Single> {
        let Some(entries) = entry.node.map() else {
            self.error(entry.place, "`authorization` is no map: the server does not start", "write `authorization { … }`");
            return None;
        };
        self.fields(entries, "`authorization`", &|name| AUTHORIZATION.contains(&name));
        self.repeated(entries, false);
        if let Some(timeout) = find(entries, &["timeout"]) {
            self.timeout(timeout);
        }
        if let Some(defaults) = find(entries, DEFAULTS) {
            self.permissions(&defaults.node);
        }
        let (user, password) = (find(entries, &["user", "username"]), find(entries, &["pass", "password"]));
        let (token, users) = (find(entries, &["token"]), find(entries, &["users"]));
        if find(entries, &["auth_callout", "auth_hook"]).is_some() {
            self.logins += 1;
        }
        if let Some(user) = user {
            let name = self.text(&user.node, "the user's name");
            self.logins += usize::from(name.is_some_and(|name| !name.is_empty()));
            match password {
                Some(password) => _ = self.credential(&password.node, "password"),
                None if certificates => {}
                None => self.error(user.place, "the user has no password: an empty one logs in", "add `password`"),
            }
        } else if let Some(password) = password {
            self.error(
                password.place,
                "a password without a user: the server asks nobody for it",
                "add `user`, or call it `token`",
            );
        }
        if let Some(token) = token {
            self.logins += 1;
            self.credential(&token.node, "token");
        }
        let what = "the server does not start";
        match (user.or(password), token, users) {
            (Some(_), Some(token), _) => self.error(token.place, format!("a token and a user: {what}"), "keep one of them"),
            (Some(user), _, Some(_)) => {
                self.error(user.place, format!("a single user and `users`: {what}"), "put it into `users`")
            }
            (_, Some(token), Some(_)) => self.error(token.place, format!("a token and `users`: {what}"), "keep one of them"),
            _ => {}
        }
        if let Some(users) = users {
            self.users(users, certificates);
        }
        user.map(|_| Single::User).or(token.map(|_| Single::Token))
    }

    /// `timeout`: seconds, or a duration between quotes.
    pub(super) fn timeout(&mut self, entry: &Entry) {
        let seconds = match &entry.node.value {
            #[allow(clippy::cast_precision_loss, reason = "compared with 60")]
            Value::Integer(seconds) => Some(*seconds as f64),
            Value::Float(seconds) => Some(*seconds),
            Value::Text(text) => duration::parse(text.expose()).map(|span| span.as_secs_f64()),
            _ => None,
        };
        match seconds {
            None => self.error(
                entry.place,
                "the timeout is no duration: the server does not start",
                "write seconds, or a duration between double quotes: \"5s\"",
            ),
            Some(seconds) if seconds > LONGEST_TIMEOUT.as_secs_f64() => self.error(
                entry.place,
                format!("the timeout is {seconds} seconds, and more than 60 is a mistake: without quotes, `2m` is two million"),
                "put the duration between double quotes: \"2s\"",
            ),
            Some(_) => {}
        }
    }

    /// A list of users.
    pub(super) fn users(&mut self, entry: &Entry, certificates: bool) {
        let Some(users) = entry.node.list() else {
            return self.error(entry.place, "`users` is no list: the server does not start", "write `users: [ { … } ]`");
        };
        if users.is_empty() {
            self.error(entry.place, "`users` is empty", "add users, or remove the key");
        }
        for user in users {
            match user.map() {
                Some(fields) => self.user(user, fields, certificates),
                None => self.error(user.place, "a user is a map: the server does not start", "write `{ user: …, password: … }`"),
            }
        }
    }

    fn user(&mut self, node: &Node, fields: &[Entry], certificates: bool) {
        self.fields(fields, "a user", &|name| USER.contains(&name));
        self.repeated(fields, false);
        let (name, password) = (find(fields, &["user", "username"]), find(fields, &["pass", "password"]));
        let nkey = find(fields, &["nkey"]);
        if let Some(permissions) = find(fields, &["permission", "permissions", "authorization"]) {
            self.permissions(&permissions.node);
        }
        if let Some(types) = find(fields, &["allowed_connection_types", "connection_types", "clients"]) {
            let listed: Vec<&Node> = types.node.list().map_or_else(|| vec![&types.node], |items| items.iter().collect());
            for item in listed {
                let known = |text: &str| model::ConnectionType::ALL.iter().any(|kind| kind.name().eq_ignore_ascii_case(text));
                if self.text(item, "a connection type").is_some_and(|text| !known(text)) {
                    let all = model::ConnectionType::ALL.map(model::ConnectionType::name).join(", ");
                    self.error(item.place, "an unknown connection type: the server does not start", format!("one of {all}"));
                }
            }
        }
        if let Some(nkey) = nkey {
            if name.is_some() || password.is_some() {
                self.error(
                    nkey.place,
                    "a user with an nkey and a name or password: the server does not start",
                    "keep one of them",
                );
            }
            let Some(text) = self.text(&nkey.node, "an nkey") else { return };
            match PublicKey::parse_as(text, Role::User) {
                Ok(_) => self.login(nkey, text, false),
                Err(NkeyError::IsSeed) => self.error(
                    nkey.place,
                    "the seed of an nkey: it is secret, and the server does not start with it",
                    "put the public key there: hecate-seal nats nkey public",
                ),
                Err(why) => {
                    self.error(nkey.place, format!("the nkey is not good: {why}"), "a public user key has 56 characters: U…")
                }
            }
            return;
        }
        let hashed = match password {
            Some(password) => self.credential(&password.node, "password"),
            None => {
                if name.is_some() && !certificates {
                    self.error(node.place, "a user without a password: an empty one logs in", "add `password`");
                }
                None
            }
        };
        match name.map(|name| (name, self.text(&name.node, "the user's name"))) {
            None => self.error(node.place, "a user without a name and without an nkey: the server does not start", "add `user`"),
            Some((entry, Some(""))) => {
                self.error(entry.place, "an empty user name: the server does not start", "give it a value")
            }
            Some((entry, Some(text))) => self.login(entry, text, hashed == Some(true)),
            Some((_, None)) => {}
        }
    }

    fn login(&mut self, entry: &Entry, name: &str, hashed: bool) {
        self.logins += 1;
        if self.seen.insert(name.to_owned(), hashed).is_some() {
            self.error(
                entry.place,
                "this user is there twice: the server does not start",
                "names and nkeys are unique across all accounts",
            );
        }
        if matches!(entry.node.form, Form::Quoted) && name.starts_with('$') {
            self.warning(
                entry.place,
                "a variable between quotes is no variable: this is the user's name",
                "take the quotes away",
            );
        }
    }

    /// `permissions { … }`.
    fn permissions(&mut self, node: &Node) {
        let Some(entries) = node.map() else {
            return self.error(
                node.place,
                "permissions are no map: the server does not start",
                "write `permissions { publish: …, subscribe: … }`",
            );
        };
        self.repeated(entries, false);
        for entry in entries {
            match entry.key.to_lowercase().as_str() {
                "pub" | "publish" | "import" => self.subjects(&entry.node, false),
                "sub" | "subscribe" | "export" => self.subjects(&entry.node, true),
                "publish_allow_responses" | "allow_responses" => match &entry.node.value {
                    Value::Switch(_) => {}
                    Value::Map(limits) => self.response_limits(limits),
                    _ => self.error(entry.place, "`allow_responses` is true, false or a map", "write `allow_responses: true`"),
                },
                _ => self.fields(std::slice::from_ref(entry), "permissions", &|_| false),
            }
        }
    }

    fn response_limits(&mut self, limits: &[Entry]) {
        for entry in limits {
            match entry.key.to_lowercase().as_str() {
                "max" | "max_msgs" | "max_messages" | "max_responses" => {
                    if !matches!(entry.node.value, Value::Integer(_)) {
                        self.error(entry.place, "`max` is no number: the server does not start", "write a number");
                    }
                }
                "expires" | "expiration" | "ttl" => {
                    let text = entry.node.text().map(|text| text.strip_prefix('-').unwrap_or(text));
                    if text.and_then(duration::parse).is_none() {
                        self.error(
                            entry.place,
                            "`expires` is no duration: the server does not start",
                            "put it between double quotes: \"1m\"",
                        );
                    }
                }
                _ => self.fields(std::slice::from_ref(entry), "`allow_responses`", &|_| false),
            }
        }
    }

    /// A subject, a list of them, or `{ allow, deny }`.
    fn subjects(&mut self, node: &Node, queues: bool) {
        match &node.value {
            Value::Map(entries) => {
                for entry in entries {
                    match entry.key.to_lowercase().as_str() {
                        "allow" | "deny" => self.subject_list(&entry.node, queues),
                        _ => self.fields(std::slice::from_ref(entry), "a permission", &|_| false),
                    }
                }
                let empty = |names| find(entries, names).and_then(|entry| entry.node.list()).is_some_and(<[_]>::is_empty);
                if empty(&["allow"]) {
                    self.warning(node.place, "`allow: []` allows everything", "write `deny: \">\"` to allow nothing");
                }
            }
            Value::List(items) if items.is_empty() => {
                self.warning(node.place, "an empty list allows everything", "write `{ deny: \">\" }` to allow nothing");
            }
            _ => self.subject_list(node, queues),
        }
    }

    fn subject_list(&mut self, node: &Node, queues: bool) {
        let items: Vec<&Node> = node.list().map_or_else(|| vec![node], |items| items.iter().collect());
        for item in items {
            let Some(text) = self.text(item, "a subject") else { continue };
            let valid = if queues { subject::is_valid_with_queue(text) } else { subject::is_valid(text) };
            if !valid {
                let fix = "words with `.` between them; `*` for one word, `>` at the end for the rest";
                self.error(item.place, format!("`{text}` is no subject: the server does not start"), fix);
            }
        }
    }

    /// `accounts { … }`. `single`: what `authorization` has instead of users.
    pub(super) fn accounts_block(&mut self, entry: &Entry, single: Option<Single>, certificates: bool) {
        let entries = match &entry.node.value {
            Value::Map(entries) => entries,
            Value::List(_) => return,
            _ => {
                return self.error(
                    entry.place,
                    "`accounts` is no map: the server does not start",
                    "write `accounts { NAME { … } }`",
                );
            }
        };
        self.repeated(entries, true);
        for account in entries.iter().filter(|account| !account.is_variable) {
            let name = &account.key;
            if name == GLOBAL_ACCOUNT {
                self.error(
                    account.place,
                    format!("`{name}` is the server's own account: the server does not start"),
                    "put its users into `authorization`",
                );
            }
            let Some(fields) = account.node.map() else {
                self.error(
                    account.place,
                    format!("the account `{name}` is no map: the server does not start"),
                    "write `{ users: […] }`",
                );
                continue;
            };
            self.fields(fields, "an account", &|field| ACCOUNT.contains(&field));
            self.repeated(fields, false);
            if let Some(defaults) = find(fields, &["default_permissions"]) {
                self.permissions(&defaults.node);
            }
            for (list, kind) in [("imports", "import"), ("exports", "export")] {
                if let Some(entries) = find(fields, &[list]).and_then(|entry| entry.node.list()) {
                    entries.iter().for_each(|item| self.shared(item, kind));
                }
            }
            let Some(users) = find(fields, &["users"]) else { continue };
            if let Some(single) = single
                && users.node.list().is_some_and(|users| !users.is_empty())
            {
                let what = if single == Single::User { "a single user" } else { "a token" };
                self.error(
                    users.place,
                    format!("users of an account beside {what} in `authorization`: the server does not start"),
                    "put it into `users`",
                );
            }
            self.users(users, certificates);
        }
    }

    /// An import or export: the accounts that it names exist.
    fn shared(&mut self, item: &Node, kind: &str) {
        let Some(fields) = item.map() else {
            return self.error(
                item.place,
                format!("an {kind} is a map: the server does not start"),
                "write `{ stream: … }` or `{ service: … }`",
            );
        };
        let kinds = ["stream", "service"].iter().filter(|name| find(fields, &[name]).is_some()).count();
        if kinds != 1 {
            self.error(item.place, format!("an {kind} is a stream or a service"), "give exactly one of them");
        }
        let mut named: Vec<&Node> = Vec::new();
        if kind == "import" {
            let sources = ["stream", "service"].iter().filter_map(|name| find(fields, &[name])?.node.map());
            named.extend(sources.filter_map(|source| find(source, &["account"])).map(|entry| &entry.node));
        } else if let Some(accounts) = find(fields, &["accounts"]) {
            named.extend(accounts.node.list().map_or_else(|| vec![&accounts.node], |items| items.iter().collect()));
        }
        for node in named {
            if let Some(name) = self.text(node, "an account's name")
                && !self.accounts.contains(name)
            {
                self.error(
                    node.place,
                    format!("there is no account `{name}`: the server does not start"),
                    "add it to `accounts`",
                );
            }
        }
    }
}

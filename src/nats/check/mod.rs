//! What is wrong with the authentication of a configuration that was read: what the server refuses when it starts, and what it
//! accepts to leave itself open, or to turn everybody away.
//!
//! `nats-server -t` looks at syntax only (`bootstrap-nats.md` §0.5): a hash cut short, an empty password, a user of
//! `no_auth_user` that does not exist, users beside an operator pass it. Looked at here are `authorization`, `accounts`,
//! `cluster`, `gateway`, `leafnodes`, operators, and the names of all top-level blocks; what stands in other blocks (`tls`,
//! `jetstream` …) is the server's own check's to judge. No finding holds a password, a hash or a token.

mod peers;
mod users;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::conf::{At, Config, Entry, Form, Node, Value, find};
use super::rules::{SYSTEM_ACCOUNT, Severity};
use super::{hash, jwt, nkey};

/// Something wrong at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u32,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

/// Keys of the top that the server knows (nats-server 2.15.2, `opts.go`).
const TOP: &str = "listen client_advertise port server_name host net debug trace trace_verbose trace_headers logtime logtime_utc \
mappings maps disable_sublist_cache no_sublist_cache accounts default_sentinel authorization http https http_port monitor_port \
https_port http_base_path cluster gateway leaf leafnodes store_dir storedir jetstream logfile log_file logfile_size_limit \
log_size_limit logfile_max_num log_max_num syslog remote_syslog pidfile pid_file ports_file_dir prof_port prof_block_rate \
max_control_line max_payload max_pending proxy_protocol max_connections max_conn max_traced_msg_len max_subscriptions max_subs \
max_sub_tokens max_subscription_tokens ping_interval ping_max tls ocsp allow_non_tls write_deadline write_timeout \
lame_duck_duration lame_duck_grace_period operator operators roots root root_operators root_operator resolver account_resolver \
accounts_resolver resolver_tls resolver_preload resolver_pinned_accounts no_auth_user system_account system no_system_account \
no_system no_sys_acc no_header_support trusted trusted_keys connect_error_reports reconnect_error_reports websocket ws mqtt \
server_tags server_metadata feature_flags default_js_domain ocsp_cache no_fast_producer_stall max_closed_clients proxies";

const OPERATOR: &[&str] = &["operator", "operators", "roots", "root", "root_operators", "root_operator"];

/// Everything that is wrong, in the order of the files' lines.
#[must_use]
pub fn check(config: &Config) -> Vec<Finding> {
    let mut checker = Checker { config, found: Vec::new(), seen: BTreeMap::new(), accounts: BTreeSet::new(), logins: 0 };
    checker.top();
    let mut found = checker.found;
    found.sort_by(|a, b| (&a.file, a.line).cmp(&(&b.file, b.line)));
    found.dedup();
    found
}

struct Checker<'c> {
    config: &'c Config,
    found: Vec<Finding>,
    /// Users and nkeys by name, and whether each has a bcrypt hash.
    seen: BTreeMap<String, bool>,
    accounts: BTreeSet<String>,
    /// Ways to log in that were found.
    logins: usize,
}

impl<'c> Checker<'c> {
    fn add(&mut self, severity: Severity, at: At, what: impl Into<String>, fix: impl Into<String>) {
        let file = self.config.files.get(at.file).cloned().unwrap_or_default();
        self.found.push(Finding { severity, file, line: at.line, what: what.into(), fix: fix.into() });
    }

    fn error(&mut self, at: At, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Error, at, what, fix);
    }

    fn warning(&mut self, at: At, what: impl Into<String>, fix: impl Into<String>) {
        self.add(Severity::Warning, at, what, fix);
    }

    fn top(&mut self) {
        let root = &self.config.root;
        let known: BTreeSet<&str> = TOP.split_whitespace().collect();
        self.fields(root, "the configuration", &|name| known.contains(name));
        self.repeated(root, true);
        self.includes();
        if let Some(entry) = find(root, &["accounts"]) {
            match &entry.node.value {
                Value::Map(entries) => self.accounts.extend(entries.iter().map(|entry| entry.key.clone())),
                Value::List(items) => self.accounts.extend(items.iter().filter_map(|item| item.text().map(str::to_owned))),
                _ => {}
            }
        }
        // A user without a password is no mistake where certificates say who somebody is.
        let certificates = find(root, &["tls"]).and_then(|tls| find(tls.node.map()?, &["verify_and_map"])).is_some();
        let single = find(root, &["authorization"]).and_then(|entry| self.authorization(entry, certificates));
        if let Some(entry) = find(root, &["accounts"]) {
            self.accounts_block(entry, single, certificates);
        }
        let operator = find(root, OPERATOR);
        if let Some(entry) = operator {
            self.operator(entry);
        }
        self.no_auth_user(operator.is_some());
        if let Some(entry) = find(root, &["system_account", "system"])
            && let Some(name) = self.text(&entry.node, "the system account")
            && operator.is_none()
            && name != SYSTEM_ACCOUNT
            && !self.accounts.contains(name)
        {
            self.error(entry.place, format!("there is no account `{name}`: the server does not start"), "add it to `accounts`");
        }
        let trusted = find(root, &["trusted", "trusted_keys"]).is_some();
        if self.logins == 0 && operator.is_none() && !trusted {
            let place = find(root, &["authorization"]).or(find(root, &["accounts"])).map_or(At { file: 0, line: 1 }, |e| e.place);
            self.error(place, "nobody needs to log in: this server lets everybody in", "add users, a token or an operator");
        }
        for (names, kind) in [
            (&["cluster"][..], peers::Kind::Cluster),
            (&["gateway"], peers::Kind::Gateway),
            (&["leaf", "leafnodes"], peers::Kind::Leafnodes),
        ] {
            if let Some(entry) = find(root, names) {
                self.peers(entry, kind, operator.is_some());
            }
        }
        self.system_account_alone(operator.is_some());
        // Passwords of these blocks are passwords of clients.
        for names in [&["websocket", "ws"][..], &["mqtt"]] {
            if let Some(block) = find(root, names).and_then(|entry| entry.node.map())
                && let Some(inner) = find(block, &["authorization"]).and_then(|entry| entry.node.map())
            {
                for entry in inner.iter().filter(|e| ["pass", "password", "token"].contains(&e.key.to_lowercase().as_str())) {
                    self.credential(&entry.node, "password");
                }
            }
        }
    }

    /// With the system account as the only one and no `authorization`, the server makes a user of its own for everybody else
    /// (nats-server 2.15.2, `server.go`, `configureAccounts`).
    fn system_account_alone(&mut self, has_operator: bool) {
        let root = &self.config.root;
        let system = find(root, &["system_account", "system"]).and_then(|entry| entry.node.text()).unwrap_or(SYSTEM_ACCOUNT);
        let alone = self.accounts.len() == 1 && self.accounts.contains(system);
        let decided = ["authorization", "no_auth_user"].iter().any(|name| find(root, &[name]).is_some());
        if let Some(entry) = find(root, &["accounts"]).filter(|_| alone && !decided && !has_operator) {
            self.error(
                entry.place,
                "the system account is the only one: the server lets everybody else into the global account, without a password",
                "add the users of clients, in `authorization` or in an account of their own",
            );
        }
    }

    /// Entries that the server does not know: it does not start.
    fn fields(&mut self, entries: &[Entry], block: &str, known: &dyn Fn(&str) -> bool) {
        for entry in entries.iter().filter(|entry| !entry.is_variable && !known(entry.key.to_lowercase().as_str())) {
            let key: String = entry.key.chars().take(40).collect();
            if key.contains('{') {
                self.error(entry.place, format!("`{key}` is taken for a key, brace and all"), "put a blank before `{`");
            } else if block.starts_with("a user") && key.eq_ignore_ascii_case("token") {
                self.error(
                    entry.place,
                    "a user has no `token`: the server does not start",
                    "a token stands in `authorization`, and without users",
                );
            } else {
                self.error(
                    entry.place,
                    format!("{block} knows no `{key}`: the server does not start"),
                    "correct the name or remove it",
                );
            }
        }
    }

    /// Two entries of one name, of which the server drops one without a word.
    fn repeated(&mut self, entries: &[Entry], is_top: bool) {
        let mut last: BTreeMap<String, &Entry> = BTreeMap::new();
        for entry in entries {
            let Some(before) = last.insert(entry.key.to_lowercase(), entry) else { continue };
            let first = self.config.files.get(before.place.file).map(|file| file.display().to_string()).unwrap_or_default();
            let key = &entry.key;
            let what = format!("a second `{key}`: the server drops the first one ({first}:{}) without a word", before.place.line);
            if is_top && matches!(entry.node.value, Value::Map(_) | Value::List(_)) {
                self.error(entry.place, what, "keep one block, or put what belongs to it into its inside");
            } else {
                self.warning(entry.place, what, "remove one of them");
            }
        }
    }

    fn includes(&mut self) {
        for include in &self.config.includes {
            let at = At { file: include.file, line: include.line };
            let target = self.config.files.get(include.target).map(|path| path.display().to_string()).unwrap_or_default();
            if include.entries == 0 {
                self.error(
                    at,
                    format!("{target} says nothing: what should protect the server is missing"),
                    "render it again: hecate-seal nats auth",
                );
            }
            if include.written.starts_with('/') {
                self.warning(
                    at,
                    format!("an absolute include path is joined to this file's folder all the same: the server opens {target}"),
                    "write the path from this file's folder",
                );
            }
        }
    }

    /// The text of a value; anything else makes the server stop.
    fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        let text = node.text();
        if text.is_none() {
            let kind = node.kind();
            self.error(
                node.place,
                format!("{what} is {kind} and not text: the server does not start"),
                "put it between double quotes",
            );
        }
        text
    }

    /// A password, hash or token.
    fn credential(&mut self, node: &Node, what: &str) -> Option<bool> {
        let text = self.text(node, &format!("the {what}"))?;
        let at = node.place;
        let again = "hash the password again: hecate-seal nats hash";
        match hash::look(text) {
            hash::Look::Empty => {
                let from = match &node.form {
                    Form::Environment(name) => format!(" (${name} is empty)"),
                    _ => String::new(),
                };
                self.error(at, format!("the {what} is empty{from}: anybody is let in"), "give it a value");
            }
            hash::Look::Hash { ident, cost } => {
                if ident == 'x' {
                    self.warning(at, "$2x$ marks hashes of a broken version of bcrypt", again);
                }
                if cost > hash::HIGHEST_COST {
                    self.error(at, format!("the hash has cost {cost}: a login takes longer than the server waits"), again);
                } else if cost > hash::HIGH_COST {
                    let what = format!("the hash has cost {cost}: when many clients reconnect at once, logins time out");
                    self.warning(at, what, "use a cost of 4 to 11 for generated passwords");
                }
            }
            hash::Look::Broken(why) => {
                self.error(at, format!("{why}: the server takes the {what} for a hash, and nothing matches it"), again);
            }
            hash::Look::PlainHash(why) => {
                self.error(at, format!("{why}: the server takes the hash for the {what} itself"), again);
            }
            hash::Look::Plain => {
                let name = text.strip_prefix('$').unwrap_or_default();
                let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
                if node.form == Form::Quoted && is_name {
                    self.error(
                        at,
                        format!("a variable between quotes is no variable: its name is the {what}"),
                        "take the quotes away, or render the value into the file",
                    );
                }
                let fix = "give its hash: hecate-seal nats hash";
                self.warning(at, format!("the {what} stands there as it is, and the server warns about that"), fix);
            }
        }
        if let Form::Environment(name) = &node.form {
            self.warning(
                at,
                format!("the {what} comes from ${name}: the server parses its value as configuration, and a reload never sees a change"),
                "render it into an included file: hecate-seal nats init",
            );
        }
        Some(matches!(hash::look(text), hash::Look::Hash { .. }))
    }

    fn no_auth_user(&mut self, has_operator: bool) {
        let Some(entry) = find(&self.config.root, &["no_auth_user"]) else { return };
        let Some(name) = self.text(&entry.node, "`no_auth_user`") else { return };
        if has_operator {
            self.error(entry.place, "`no_auth_user` beside an operator: the server does not start", "remove it");
        } else {
            match self.seen.get(name) {
                None => self.error(entry.place, "`no_auth_user` names nobody: the server does not start", "name one of the users"),
                Some(true) => self.error(
                    entry.place,
                    "the user of `no_auth_user` has a bcrypt hash: the server cannot log in with a hash, and turns away whom it should let in",
                    "give that user a plain password or an nkey",
                ),
                Some(false) => self.warning(
                    entry.place,
                    "clients without credentials are let in as this user",
                    "see that its permissions are few",
                ),
            }
        }
    }

    fn operator(&mut self, entry: &Entry) {
        let root = &self.config.root;
        let node = &entry.node;
        let items: Vec<&Node> = node.list().map_or_else(|| vec![node], |items| items.iter().collect());
        for item in items {
            // It may be the name of a file that holds it; that file is the server's to read.
            if let Some(text) = self.text(item, "an operator")
                && text.starts_with("eyJ")
                && let Err(why) = jwt::read_as(text, nkey::Role::Operator)
            {
                self.error(
                    item.place,
                    format!("the operator's JWT is not good: {why}"),
                    "make one: hecate-seal nats jwt operator",
                );
            }
        }
        if !self.seen.is_empty() {
            self.error(
                entry.place,
                "users beside an operator: the server does not start",
                "make them JWTs, or remove the operator",
            );
        }
        if find(root, &["accounts"]).is_some() {
            self.error(entry.place, "`accounts` beside an operator: the server does not start", "make them JWTs");
        }
        if find(root, &["resolver", "account_resolver", "accounts_resolver"]).is_none() {
            self.warning(
                entry.place,
                "no `resolver`: only one that the operator's JWT names would do",
                "add `resolver: MEMORY` and `resolver_preload`",
            );
        }
        let Some(preload) = find(root, &["resolver_preload"]) else { return };
        let Some(accounts) = preload.node.map() else {
            return self.error(preload.place, "`resolver_preload` is no map", "give key by key the account's JWT");
        };
        for account in accounts {
            match account.node.text().map(|token| jwt::read_as(token, nkey::Role::Account)) {
                Some(Ok(claims)) if claims.subject.to_string() == account.key => {}
                Some(Ok(_)) => self.error(account.place, "this JWT is of another account", "the key is the JWT's subject"),
                Some(Err(why)) => self.error(
                    account.place,
                    format!("the account's JWT is not good: {why}"),
                    "make one: hecate-seal nats jwt account",
                ),
                None => self.error(account.place, "an account's JWT is text", "put it between double quotes"),
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! `cluster`, `gateway` and `leafnodes`: how servers log in to each other.

use super::super::conf::{Entry, Node, find};
use super::super::nkey::{PublicKey, Role};
use super::super::rules::{GLOBAL_ACCOUNT, SYSTEM_ACCOUNT};
use super::Checker;

/// Which block.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Cluster,
    Gateway,
    Leafnodes,
}

const SERVER: &[&str] = &[
    "user",
    "username",
    "pass",
    "password",
    "timeout",
    "token",
    "users",
    "permissions",
    "default_permissions",
    "default_permission",
    "proxy_required",
    "auth_callout",
    "auth_hook",
];
const LEAF: &[&str] = &["user", "username", "pass", "password", "nkey", "timeout", "users", "account", "proxy_required"];
const LEAF_USER: &[&str] = &["user", "username", "pass", "password", "account", "proxy_required"];

impl Checker<'_> {
    pub(super) fn peers(&mut self, entry: &Entry, kind: Kind, has_operator: bool) {
        let Some(block) = entry.node.map() else {
            return self.error(
                entry.place,
                format!("`{}` is no map: the server does not start", entry.key),
                "write `{ … }` behind it",
            );
        };
        self.repeated(block, true);
        let listens = find(block, &["port", "listen"]).is_some();
        let authorization = find(block, &["authorization"]);
        match authorization {
            Some(authorization) if kind == Kind::Leafnodes => self.leaf_authorization(authorization, has_operator),
            Some(authorization) => self.server_authorization(authorization, &entry.key),
            None if listens && kind != Kind::Leafnodes => {
                let tls = find(block, &["tls"]).and_then(|tls| find(tls.node.map()?, &["verify"])).is_some();
                if !tls {
                    let what = format!("`{}` has no authorization: any server that reaches this port joins in", entry.key);
                    self.warning(entry.place, what, "add `authorization { user, password }`");
                }
            }
            None => {}
        }
        let urls = match kind {
            Kind::Cluster => find(block, &["routes"]).map(|routes| nodes(&routes.node)).unwrap_or_default(),
            Kind::Gateway => self.remote_urls(block, "gateways"),
            Kind::Leafnodes => self.remote_urls(block, "remotes"),
        };
        for url in urls {
            self.url(url);
        }
        if kind == Kind::Leafnodes
            && !has_operator
            && let Some(remotes) = find(block, &["remotes"]).and_then(|remotes| remotes.node.list())
        {
            let locals = remotes.iter().filter_map(|remote| find(remote.map()?, &["account", "local"]));
            for local in locals {
                self.local_account(&local.node);
            }
        }
    }

    fn remote_urls<'n>(&mut self, block: &'n [Entry], name: &str) -> Vec<&'n Node> {
        let remotes = find(block, &[name]).and_then(|remotes| remotes.node.list()).unwrap_or_default();
        remotes.iter().filter_map(|remote| find(remote.map()?, &["url", "urls"])).flat_map(|entry| nodes(&entry.node)).collect()
    }

    /// One user with one password, for servers of a cluster and for gateways.
    fn server_authorization(&mut self, entry: &Entry, block: &str) {
        let Some(fields) = entry.node.map() else {
            return self.error(
                entry.place,
                "`authorization` is no map: the server does not start",
                "write `authorization { … }`",
            );
        };
        self.fields(fields, &format!("`authorization` of `{block}`"), &|name| SERVER.contains(&name));
        self.repeated(fields, false);
        for (name, fix) in [("users", "give one `user` and `password`"), ("token", "give `user` and `password`")] {
            if let Some(field) = find(fields, &[name]) {
                self.error(field.place, format!("`{block}` takes no `{name}`: the server does not start"), fix);
            }
        }
        if let Some(timeout) = find(fields, &["timeout"]) {
            self.timeout(timeout);
        }
        match (find(fields, &["user", "username"]), find(fields, &["pass", "password"])) {
            (Some(user), Some(password)) => {
                if self.text(&user.node, "the name").is_some_and(str::is_empty) {
                    self.error(user.place, "the name is empty: any server is let in", "give it a value");
                }
                self.credential(&password.node, "password");
            }
            (Some(user), None) => self.error(user.place, "there is no password: an empty one logs in", "add `password`"),
            (None, Some(password)) => {
                self.error(password.place, "a password without a name: nobody is asked for it", "add `user`")
            }
            (None, None) => {}
        }
    }

    fn leaf_authorization(&mut self, entry: &Entry, has_operator: bool) {
        let Some(fields) = entry.node.map() else {
            return self.error(
                entry.place,
                "`authorization` is no map: the server does not start",
                "write `authorization { … }`",
            );
        };
        self.fields(fields, "`authorization` of leaf nodes", &|name| LEAF.contains(&name));
        self.repeated(fields, false);
        if let Some(timeout) = find(fields, &["timeout"]) {
            self.timeout(timeout);
        }
        let (user, password) = (find(fields, &["user", "username"]), find(fields, &["pass", "password"]));
        let users = find(fields, &["users"]);
        if let Some(password) = password {
            self.credential(&password.node, "password");
        } else if let Some(user) = user {
            self.error(user.place, "there is no password: an empty one logs in", "add `password`");
        }
        if let Some(user) = user
            && users.is_some()
        {
            self.error(user.place, "a single user and `users`: the server does not start", "put it into `users`");
        }
        if let Some(nkey) = find(fields, &["nkey"]) {
            if user.is_some() || users.is_some() {
                self.error(nkey.place, "an nkey beside users: the server does not start", "keep one of them");
            }
            if let Some(text) = self.text(&nkey.node, "an nkey")
                && let Err(why) = PublicKey::parse_as(text, Role::User)
            {
                self.error(nkey.place, format!("the nkey is not good: {why}"), "a public user key has 56 characters: U…");
            }
        }
        if let Some(account) = find(fields, &["account"])
            && !has_operator
        {
            self.local_account(&account.node);
        }
        let Some(users) = users else { return };
        if has_operator {
            self.error(users.place, "users of leaf nodes beside an operator: the server does not start", "make them JWTs");
        }
        for user in users.node.list().unwrap_or_default() {
            let Some(fields) = user.map() else {
                self.error(user.place, "a user is a map: the server does not start", "write `{ user: …, password: … }`");
                continue;
            };
            self.fields(fields, "a user of leaf nodes", &|name| LEAF_USER.contains(&name));
            match find(fields, &["pass", "password"]) {
                Some(password) => _ = self.credential(&password.node, "password"),
                None => self.error(user.place, "a user without a password: an empty one logs in", "add `password`"),
            }
            if let Some(account) = find(fields, &["account"])
                && !has_operator
            {
                self.local_account(&account.node);
            }
        }
    }

    fn local_account(&mut self, node: &Node) {
        if let Some(name) = self.text(node, "an account's name")
            && ![GLOBAL_ACCOUNT, SYSTEM_ACCOUNT, ""].contains(&name)
            && !self.accounts.contains(name)
        {
            self.error(node.place, format!("there is no account `{name}`: the server does not start"), "add it to `accounts`");
        }
    }

    /// A URL with name and password in it. Nothing of it is shown.
    fn url(&mut self, node: &Node) {
        let Some(text) = self.text(node, "a URL") else { return };
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        // Go looks for the end of the host first, and for `@` in what is in front of it.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.len() < rest.len() && rest.contains('@') && !authority.contains('@') {
            let fix = "percent-encode it (`/` is %2F), or use letters and digits only";
            return self.error(node.place, "the password in a URL holds `/`, `?` or `#`: the server does not start", fix);
        }
        let Some((credentials, _)) = authority.rsplit_once('@') else { return };
        let password = credentials.split_once(':').map_or("", |(_, password)| password);
        let bad_escape = password.match_indices('%').any(|(at, _)| {
            !password.get(at + 1..at + 3).is_some_and(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
        });
        if bad_escape {
            self.error(node.place, "a `%` in the password of a URL: the server does not start", "write it as %25");
        }
        if ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| password.replace("%24", "$").starts_with(prefix)) {
            self.error(
                node.place,
                "a hash in a URL: the other server would compare it as the password",
                "put the password itself there",
            );
        }
        if password.is_empty() {
            self.warning(node.place, "a URL with a name and no password", "add the password");
        }
    }
}

fn nodes(node: &Node) -> Vec<&Node> {
    node.list().map_or_else(|| vec![node], |items| items.iter().collect())
}

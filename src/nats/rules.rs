//! What is wrong with a model, before anything is written: what the server would refuse, and what it would let through to
//! leave itself open or to lock everybody out.
//!
//! No text here holds a password, a hash or a seed. Rules from `bootstrap-nats.md` §2 and §6.5 (cases 16 to 19).

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use super::hash::{self, Look};
use super::model::{Account, Auth, Export, Import, Permissions, Source, Subjects, User};
use super::nkey::{KeyPair, NkeyError, PublicKey, Role};
use super::subject;
use super::write::Part;
use crate::crypto::password::{BCRYPT_MOST, verify_bcrypt};
use crate::secret::SecretString;

/// The account of users that name none.
pub const GLOBAL_ACCOUNT: &str = "$G";
/// The account of the server's own events, unless another is named.
pub const SYSTEM_ACCOUNT: &str = "$SYS";
/// The server calls anything longer a mistake: `2m` without quotes is two million.
pub const LONGEST_TIMEOUT: Duration = Duration::from_secs(60);

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It works, and someone should know.
    Warning,
    /// Nothing is written.
    Error,
}

/// Something wrong with a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// Where: `users: default`, `accounts.APP.exports: number 2`.
    pub place: String,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// Everything that is wrong with the part of the model that is to be written.
#[must_use]
pub fn problems(auth: &Auth<SecretString>, part: Part) -> Vec<Problem> {
    let mut found = Found::default();
    match part {
        Part::All => {
            found.clients(auth);
            found.peers(auth);
        }
        Part::Clients => found.clients(auth),
        Part::Cluster if auth.cluster.is_none() => found.absent("cluster"),
        Part::Gateway if auth.gateway.is_none() => found.absent("gateway"),
        Part::Leafnodes if auth.leafnodes.is_none() => found.absent("leafnodes"),
        Part::Cluster | Part::Gateway | Part::Leafnodes => found.peers(auth),
    }
    found.problems
}

#[derive(Default)]
struct Found {
    problems: Vec<Problem>,
}

/// The user as messages name it.
fn named(block: &str, index: usize, user: &User<SecretString>) -> String {
    match user.user.as_deref() {
        Some(name) if !name.is_empty() => format!("{block}: {name}"),
        _ => format!("{block}: number {}", index + 1),
    }
}

impl Found {
    fn error(&mut self, place: &str, what: impl fmt::Display, fix: impl fmt::Display) {
        self.add(Severity::Error, place, what, fix);
    }

    fn warning(&mut self, place: &str, what: impl fmt::Display, fix: impl fmt::Display) {
        self.add(Severity::Warning, place, what, fix);
    }

    fn add(&mut self, severity: Severity, place: &str, what: impl fmt::Display, fix: impl fmt::Display) {
        let (place, what, fix) = (place.to_owned(), what.to_string(), fix.to_string());
        self.problems.push(Problem { severity, place, what, fix });
    }

    fn absent(&mut self, block: &str) {
        self.error(block, "the file says nothing about it", "add the block, or write another part");
    }

    fn clients(&mut self, auth: &Auth<SecretString>) {
        let in_accounts: usize = auth.accounts.values().map(|account| account.users.len()).sum();
        let users = auth.users.len() + in_accounts;
        if let Some(operator) = &auth.operator {
            if users > 0 || auth.token.is_some() || !auth.accounts.is_empty() || auth.no_auth_user.is_some() {
                self.error(
                    "operator",
                    "with an operator the server takes no users, tokens and accounts from its configuration",
                    "remove them: accounts and users are JWTs then",
                );
            }
            super::operator::check(operator, &mut |place, what, fix| self.error(place, what, fix));
        } else if users == 0 && auth.token.is_none() {
            self.error("users", "there is nobody who could log in, and such a server lets everybody in", "add users or a token");
        }
        let system = auth.system_account.as_deref().unwrap_or(SYSTEM_ACCOUNT);
        if auth.operator.is_none()
            && users > 0
            && auth.accounts.keys().all(|name| name == system)
            && auth.users.iter().all(|user| user.account.as_deref() == Some(system))
            && auth.no_auth_user.is_none()
        {
            self.error(
                "users",
                "only the system account has users: the server would let everybody else in, without a password",
                "add the users of clients",
            );
        }
        if let Some(token) = &auth.token {
            if users > 0 {
                self.error("token", "a server has a token or users, not both", "remove one of them");
            }
            self.plain("token", token, "token");
        }
        if let Some(timeout) = auth.timeout {
            self.timeout("timeout", timeout.0);
        }
        if let Some(permissions) = &auth.default_permissions {
            self.permissions("defaultPermissions", permissions);
        }
        let mut seen = BTreeSet::new();
        self.users("users", &auth.users, auth, &mut seen);
        for (name, account) in &auth.accounts {
            self.account(name, account, auth, &mut seen);
        }
        if let Some(system) = &auth.system_account
            && auth.operator.is_none()
            && system != SYSTEM_ACCOUNT
            && !auth.accounts.contains_key(system)
        {
            self.error("systemAccount", format_args!("there is no account `{system}`"), "add it to `accounts`");
        }
        self.no_auth_user(auth);
    }

    fn no_auth_user(&mut self, auth: &Auth<SecretString>) {
        let Some(name) = &auth.no_auth_user else { return };
        let mut all = auth.users.iter().chain(auth.accounts.values().flat_map(|account| &account.users));
        let is = |user: &&User<SecretString>| {
            user.user.as_ref() == Some(name) || public_nkey(user).is_some_and(|key| key.to_string() == *name)
        };
        match all.find(is) {
            None => self.error("noAuthUser", format_args!("there is no user `{name}`"), "name one of the users"),
            Some(user) if user.hash.is_some() => self.error(
                "noAuthUser",
                format_args!("`{name}` has a bcrypt hash, and the server cannot log in with a hash: clients without credentials would be turned away"),
                "give that user `password`, or an nkey",
            ),
            Some(user) if user.permissions.is_none() && auth.default_permissions.is_none() => self.warning(
                "noAuthUser",
                format_args!("clients without credentials may do everything, as `{name}` has no permissions"),
                "give that user permissions",
            ),
            Some(_) => {}
        }
    }

    fn users(&mut self, block: &str, users: &[User<SecretString>], auth: &Auth<SecretString>, seen: &mut BTreeSet<String>) {
        for (index, user) in users.iter().enumerate() {
            let place = named(block, index, user);
            self.credentials(&place, user);
            if let Some(permissions) = &user.permissions {
                self.permissions(&place, permissions);
            }
            let id = user.user.clone().or_else(|| public_nkey(user).map(|key| key.to_string()));
            if let Some(id) = id
                && !id.is_empty()
                && !seen.insert(id.clone())
            {
                self.error(&place, format_args!("`{id}` is there twice"), "names and nkeys are unique across all accounts");
            }
            match &user.account {
                Some(account) if block != "users" => {
                    self.error(&place, format_args!("`account: {account}` within an account"), "remove `account` there");
                }
                Some(account)
                    if account != GLOBAL_ACCOUNT && account != SYSTEM_ACCOUNT && !auth.accounts.contains_key(account) =>
                {
                    self.error(&place, format_args!("there is no account `{account}`"), "add it to `accounts`");
                }
                _ => {}
            }
        }
    }

    /// A name with one of password and hash, or an nkey.
    fn credentials(&mut self, place: &str, user: &User<SecretString>) {
        if let Some(nkey) = &user.nkey {
            if user.user.is_some() || user.password.is_some() || user.hash.is_some() {
                self.error(place, "an nkey user has no name and no password", "remove `user`, `password` and `hash`, or `nkey`");
            }
            if let Err(error) = read_nkey(nkey) {
                self.error(place, error, "an nkey user has a public key U…, or a seed SU… that it follows from");
            }
            return;
        }
        match user.user.as_deref() {
            None => self.error(place, "a user without a name and without an nkey", "add `user` or `nkey`"),
            Some("") => self.error(place, "the name is empty", "give the user a name"),
            Some(name) if name.chars().any(char::is_control) => {
                self.error(place, "the name holds a line break or another control character", "take it out");
            }
            Some(_) => {}
        }
        match (&user.password, &user.hash) {
            (None, None) => self.error(
                place,
                "the user has no credential, and an empty password would log in",
                "add `hash`, `password` or `nkey`",
            ),
            (Some(_), Some(_)) => self.error(place, "the user has a password and a hash", "keep `hash`"),
            (Some(password), None) => self.password(place, password),
            (None, Some(hash)) => self.hash(place, hash),
        }
    }

    fn hash(&mut self, place: &str, hash: &SecretString) {
        let again = "hash the password again: hecate-seal nats hash";
        match hash::look(hash.expose()) {
            Look::Hash { .. } if hash.len() != hash::LENGTH => {
                self.error(place, "something follows the hash: a line break, or text that does not belong there", again);
            }
            Look::Hash { ident, cost } => {
                if ident == 'x' {
                    self.warning(place, "$2x$ marks hashes of a broken version of bcrypt", again);
                }
                if cost > hash::HIGHEST_COST {
                    let what = format!("the hash has cost {cost}: a login takes longer than the server waits");
                    self.error(place, what, again);
                } else if cost > hash::HIGH_COST {
                    let what = format!("the hash has cost {cost}: with many clients that reconnect at once, logins time out");
                    self.warning(place, what, "use a cost of 4 to 11 for generated passwords");
                }
            }
            Look::Empty => self.error(place, "the hash is empty, and an empty password would log in", again),
            Look::Broken(why) => self.error(place, format_args!("{why}, so that no password matches it"), again),
            Look::PlainHash(why) => {
                self.error(place, format_args!("{why}, so that the server would take the hash for the password itself"), again);
            }
            Look::Plain => self.error(
                place,
                "this is no bcrypt hash, and the server would take it for the password itself",
                "put a password under `password`, or hash it: hecate-seal nats hash",
            ),
        }
    }

    fn password(&mut self, place: &str, password: &SecretString) {
        self.plain(place, password, "password");
    }

    /// A password or token that stands in the file as it is.
    fn plain(&mut self, place: &str, text: &SecretString, what: &str) {
        match hash::look(text.expose()) {
            Look::Empty => {
                self.error(
                    place,
                    format_args!("the {what} is empty, and anybody would be let in"),
                    "give a value that is not empty",
                );
            }
            Look::Hash { .. } if what == "password" => {
                self.error(place, "the password is a bcrypt hash", "put it under `hash`");
            }
            Look::Hash { cost, .. } if cost > hash::HIGHEST_COST => {
                self.error(
                    place,
                    format_args!("the hash has cost {cost}: a login takes longer than the server waits"),
                    "use 4 to 12",
                );
            }
            Look::Hash { .. } => {}
            Look::Broken(why) => self.error(
                place,
                format_args!("the server would take the {what} for a hash, and {why}: it could never log in"),
                "choose another, or hash it: hecate-seal nats hash",
            ),
            Look::PlainHash(why) => self.error(place, why, "hash the password again: hecate-seal nats hash"),
            Look::Plain => {
                if text.expose().starts_with('$') && text.expose().len() > 1 && is_name(text.expose().get(1..).unwrap_or("")) {
                    let what =
                        format!("the {what} looks like a variable that was not filled in, and would be the {what} as it is");
                    self.error(place, what, "give the value itself");
                }
                if text.len() > BCRYPT_MOST && what == "password" {
                    self.warning(place, format_args!("only the first {BCRYPT_MOST} bytes would count in a hash"), "shorten it");
                }
                self.warning(
                    place,
                    format_args!("the {what} stands in the configuration as it is, and the server warns about that"),
                    "give its hash instead: hecate-seal nats hash",
                );
            }
        }
    }

    fn timeout(&mut self, place: &str, timeout: Duration) {
        if timeout > LONGEST_TIMEOUT {
            self.error(place, "the server takes at most 60 s", "shorten it");
        }
    }

    fn permissions(&mut self, place: &str, permissions: &Permissions) {
        let mut check = |what: &str, subjects: &Option<Subjects>, queues: bool| {
            let Some(subjects) = subjects else { return };
            let valid = |text: &String| if queues { subject::is_valid_with_queue(text) } else { subject::is_valid(text) };
            for bad in subjects.allow.iter().chain(&subjects.deny).filter(|text| !valid(text)) {
                self.error(
                    place,
                    format_args!("`{bad}` is no subject to {what}"),
                    "words with `.` between them; `*` for one word, `>` at the end for the rest",
                );
            }
            for both in subjects.allow.iter().filter(|text| subjects.deny.contains(text)) {
                self.warning(place, format_args!("`{both}` is allowed and denied: it is denied"), "remove one of them");
            }
        };
        check("publish to", &permissions.publish, false);
        check("subscribe to", &permissions.subscribe, true);
    }

    fn account(&mut self, name: &str, account: &Account<SecretString>, auth: &Auth<SecretString>, seen: &mut BTreeSet<String>) {
        let place = format!("accounts.{name}");
        if name == GLOBAL_ACCOUNT {
            self.error(&place, "this name is the server's own", "put its users under `users`");
        }
        if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace() || c == '"') {
            self.error(&place, "an account's name is one word without quotes", "choose another name");
        }
        if let Some(permissions) = &account.default_permissions {
            self.permissions(&place, permissions);
        }
        self.users(&format!("{place}.users"), &account.users, auth, seen);
        for (index, export) in account.exports.iter().enumerate() {
            let place = format!("{place}.exports: number {}", index + 1);
            let Export { stream, service, accounts } = export;
            match (stream, service) {
                (Some(subject), None) | (None, Some(subject)) => self.subject(&place, subject),
                _ => self.error(&place, "an export is a stream or a service", "give exactly one of them"),
            }
            for other in accounts.iter().filter(|other| !auth.accounts.contains_key(*other)) {
                self.error(&place, format_args!("there is no account `{other}`"), "add it to `accounts`");
            }
        }
        for (index, import) in account.imports.iter().enumerate() {
            self.import(&format!("{place}.imports: number {}", index + 1), name, import, auth);
        }
    }

    fn import(&mut self, place: &str, importer: &str, import: &Import, auth: &Auth<SecretString>) {
        let (source, is_stream) = match (&import.stream, &import.service) {
            (Some(source), None) => (source, true),
            (None, Some(source)) => (source, false),
            _ => return self.error(place, "an import is a stream or a service", "give exactly one of them"),
        };
        let Source { account, subject } = source;
        self.subject(place, subject);
        if import.prefix.is_some() && (!is_stream || import.to.is_some()) {
            self.error(place, "`prefix` belongs to a stream, and without `to`", "give one of them");
        }
        for text in import.prefix.iter().chain(&import.to) {
            self.subject(place, text);
        }
        let Some(exporter) = auth.accounts.get(account) else {
            return self.error(place, format_args!("there is no account `{account}`"), "add it to `accounts`");
        };
        let exported = exporter.exports.iter().any(|export| {
            let theirs = if is_stream { &export.stream } else { &export.service };
            theirs.as_ref().is_some_and(|theirs| subject::covers(theirs, subject))
                && (export.accounts.is_empty() || export.accounts.iter().any(|to| to == importer))
        });
        if !exported {
            let kind = if is_stream { "stream" } else { "service" };
            self.error(place, format_args!("`{account}` exports no {kind} `{subject}` to `{importer}`"), "add the export there");
        }
    }

    fn subject(&mut self, place: &str, text: &str) {
        if !subject::is_valid(text) {
            self.error(place, format_args!("`{text}` is no subject"), "words with `.` between them; `>` only at the end");
        }
    }

    /// Servers that log in: routes, gateways, leaf nodes.
    fn peers(&mut self, auth: &Auth<SecretString>) {
        if let Some(cluster) = &auth.cluster {
            let pair = (&cluster.password, &cluster.hash);
            self.pair("cluster", &cluster.user, pair, !cluster.routes.is_empty());
            cluster.timeout.iter().for_each(|timeout| self.timeout("cluster", timeout.0));
            self.addresses("cluster.routes", cluster.routes.iter());
            if cluster.name.as_ref().is_some_and(|name| name.contains(' ') || name.is_empty()) {
                self.error("cluster", "the name of a cluster has no blanks", "choose another name");
            }
        }
        if let Some(gateway) = &auth.gateway {
            let pair = (&gateway.password, &gateway.hash);
            self.pair("gateway", &gateway.user, pair, !gateway.gateways.is_empty());
            gateway.timeout.iter().for_each(|timeout| self.timeout("gateway", timeout.0));
            self.addresses("gateway.gateways", gateway.gateways.values().flatten());
            if gateway.name.as_ref().is_none_or(|name| name.contains(' ') || name.is_empty()) {
                self.error("gateway", "a gateway has a name without blanks", "add `name`");
            }
        }
        let Some(leafnodes) = &auth.leafnodes else { return };
        leafnodes.timeout.iter().for_each(|timeout| self.timeout("leafnodes", timeout.0));
        let mut seen = BTreeSet::new();
        let nkeys = leafnodes.users.iter().filter(|user| user.nkey.is_some()).count();
        if nkeys > 0 && leafnodes.users.len() > 1 {
            self.error("leafnodes.users", "leaf nodes have one nkey, or users with passwords", "keep one kind");
        }
        if leafnodes.users.is_empty() && leafnodes.listen.is_some() {
            self.warning("leafnodes", "leaf nodes log in as the clients do", "add `users` to keep them apart");
        }
        for (index, user) in leafnodes.users.iter().enumerate() {
            let place = named("leafnodes.users", index, user);
            self.credentials(&place, user);
            if user.permissions.is_some() || !user.connection_types.is_empty() {
                self.error(
                    &place,
                    "users of leaf nodes have no permissions here",
                    "give them to the account that it connects to",
                );
            }
            if let Some(name) = &user.user
                && !seen.insert(name)
            {
                self.error(&place, format_args!("`{name}` is there twice"), "names are unique");
            }
            self.known_account(&place, user.account.as_ref(), auth);
        }
        for (index, remote) in leafnodes.remotes.iter().enumerate() {
            let place = format!("leafnodes.remotes: number {}", index + 1);
            self.addresses(&place, std::iter::once(&remote.url));
            self.known_account(&place, remote.account.as_ref(), auth);
            if remote.user.is_some() != remote.password.is_some() {
                self.error(&place, "a name goes with a password", "give both, or `credentials`");
            }
            if remote.password.as_ref().is_some_and(SecretString::is_empty) {
                self.error(&place, "the password is empty", "give a value that is not empty");
            }
        }
    }

    fn known_account(&mut self, place: &str, account: Option<&String>, auth: &Auth<SecretString>) {
        if let Some(account) = account
            && auth.operator.is_none()
            && ![GLOBAL_ACCOUNT, SYSTEM_ACCOUNT].contains(&account.as_str())
            && !auth.accounts.contains_key(account)
        {
            self.error(place, format_args!("there is no account `{account}`"), "add it to `accounts`");
        }
    }

    /// Name and password of servers: the hash is for those that log in here, the password for the URLs of others.
    fn pair(&mut self, place: &str, user: &str, pair: (&Option<SecretString>, &Option<SecretString>), calls_others: bool) {
        if user.is_empty() {
            self.error(place, "the name is empty", "give `user` a value");
        }
        if calls_others && pair.0.is_none() {
            self.error(place, "the URLs of other servers need the password itself, not its hash", "add `password`");
        }
        match pair {
            (None, None) => self.error(place, "there is no password, and an empty one would log in", "add `hash` or `password`"),
            (Some(password), None) => self.password(place, password),
            (password, Some(hash)) => {
                self.hash(place, hash);
                if let Some(password) = password {
                    let affordable = matches!(hash::look(hash.expose()), Look::Hash { cost, .. } if cost <= hash::HIGHEST_COST);
                    if password.is_empty() {
                        self.error(place, "the password is empty", "give a value that is not empty");
                    } else if affordable && verify_bcrypt(password.expose().as_bytes(), hash.expose()) == Some(false) {
                        self.error(
                            place,
                            "the hash is not that of the password",
                            "hash the password again: hecate-seal nats hash",
                        );
                    }
                }
            }
        }
    }

    fn addresses<'a>(&mut self, place: &str, addresses: impl Iterator<Item = &'a String>) {
        for address in addresses {
            // Not shown: it may hold a password.
            if address.contains('@') {
                self.error(place, "an address holds credentials (`@`)", "give host:port; name and password are put in");
            } else if address.is_empty() || address.chars().any(|c| c.is_whitespace() || c.is_control() || c == '"') {
                self.error(place, "an address is empty or holds blanks", "give host:port");
            }
        }
    }
}

fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && text.chars().any(|c| c.is_ascii_uppercase())
}

/// The public key of a public key or seed.
///
/// # Errors
/// [`NkeyError`].
pub fn read_nkey(text: &SecretString) -> Result<PublicKey, NkeyError> {
    match PublicKey::parse_as(text.expose().trim(), Role::User) {
        Err(NkeyError::IsSeed) => KeyPair::from_seed_as(text.expose(), Role::User).map(|pair| pair.public()),
        other => other,
    }
}

fn public_nkey(user: &User<SecretString>) -> Option<PublicKey> {
    user.nkey.as_ref().and_then(|nkey| read_nkey(nkey).ok())
}

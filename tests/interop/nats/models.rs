//! Every kind of model, rendered and started: right password in, wrong one and the hash out, permissions enforced, reloads.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::client::Login;
use super::commands::{hash, nats, render};
use super::server::{self, start};
use crate::support::temp_dir;

#[test]
fn users_and_permissions_are_enforced_as_the_model_says() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let root = folder.path();
    let (a, b) = (hash(root, "password-of-a"), hash(root, "password \"of\" \\b\n"));
    let model = "timeout: 5s
users:
  - { user: default, hash: A_HASH }
  - user: yes
    hash: B_HASH
    permissions:
      publish: { allow: [\"dyn.>\", \"$JS.API.>\"], deny: dyn.secret }
      subscribe: [\"dyn.>\", \"_INBOX.>\"]
      allowResponses: true
  - { user: quiet, password: { env: QUIET }, permissions: { publish: [], subscribe: a } }
  - { user: leaf, hash: A_HASH, connectionTypes: [LEAFNODE] }
";
    render(root, model, &[("A_HASH", &a), ("B_HASH", &b), ("QUIET", "quiet/+ ümlaut")]).code(0);
    fs::write(root.join("n.conf"), "include auth.conf\n").unwrap();
    let server = start(&program, &root.join("n.conf"), &[]).unwrap();
    assert!(server.lets_in("default", "password-of-a") && server.lets_in("yes", "password \"of\" \\b"));
    assert!(server.lets_in("quiet", "quiet/+ ümlaut"));
    for (user, wrong) in [
        ("default", "password-of-b"),
        ("default", ""),
        ("default", &a),
        ("yes", "password-of-a"),
        ("nobody", "x"),
        ("leaf", "password-of-a"),
    ] {
        assert!(!server.lets_in(user, wrong), "{user}");
    }
    assert!(!server.is_open());

    let login = Login::password("yes", "password \"of\" \\b");
    let mut client = server.connect(&login).unwrap();
    assert_eq!(client.publish("dyn.x", "1"), [""; 0]);
    assert!(client.publish("secret.x", "1")[0].contains("Permissions Violation for Publish to \"secret.x\""));
    assert!(client.publish("dyn.secret", "1")[0].contains("Permissions Violation"));
    assert_eq!(client.publish("$JS.API.INFO", "1"), [""; 0]);
    assert_eq!(client.subscribe("dyn.>"), [""; 0]);
    assert!(client.subscribe("other")[0].contains("Permissions Violation for Subscription"));
    let mut quiet = server.connect(&Login::password("quiet", "quiet/+ ümlaut")).unwrap();
    assert!(quiet.publish("a", "x")[0].contains("Permissions Violation"), "an empty list allows nothing");
    assert_eq!(quiet.subscribe("a"), [""; 0]);

    let text = fs::read_to_string(root.join("auth.conf")).unwrap();
    assert!(!text.contains("quiet/+"), "the password is hashed");
    assert_eq!(fs::metadata(root.join("auth.conf")).unwrap().permissions().mode() & 0o777, 0o600);
    // Rendered again, nothing changes: the hash of the same password is kept.
    let again = render(root, model, &[("A_HASH", &a), ("B_HASH", &b), ("QUIET", "quiet/+ ümlaut")]).code(0);
    assert!(again.err().contains("as it should be"), "{}", again.err());
    assert_eq!(fs::read_to_string(root.join("auth.conf")).unwrap(), text);
}

#[test]
fn accounts_keep_their_subjects_apart_but_for_exports() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let root = folder.path();
    let key = nats(root, &["nkey", "generate", "-o", "app.nk"]).ok();
    let public = key.out().trim();
    let seed = fs::read_to_string(root.join("app.nk")).unwrap();
    let model = format!(
        "users: [{{ user: ops, password: {{ env: P }}, account: $SYS }}]
accounts:
  APP:
    users: [{{ nkey: {public} }}, {{ user: one, password: {{ env: P }} }}]
    exports: [{{ stream: \"news.>\" }}, {{ service: help }}]
    defaultPermissions: {{ publish: {{ deny: \"news.secret\" }} }}
  OTHER:
    users: [{{ user: two, password: {{ env: P }} }}]
    imports: [{{ stream: {{ account: APP, subject: \"news.>\" }}, prefix: app }}, {{ service: {{ account: APP, subject: help }} }}]
    limits: {{ maxConnections: 5 }}
"
    );
    render(root, &model, &[("P", "pw")]).code(0);
    fs::write(root.join("n.conf"), "include auth.conf\n").unwrap();
    for format in ["conf", "json"] {
        nats(root, &["auth", "model.yaml", "-o", "auth.conf", "--cost", "4", "--format", format]).env("P", "pw").ok();
        let server = start(&program, &root.join("n.conf"), &[]).unwrap();
        let mut app = server.connect(&Login::Key(seed.trim().to_owned(), None)).unwrap();
        let mut other = server.connect(&Login::password("two", "pw")).unwrap();
        assert!(server.lets_in("one", "pw") && server.lets_in("ops", "pw") && !server.lets_in("one", "wrong"));
        assert_eq!(other.subscribe("app.news.>"), [""; 0]);
        assert_eq!(other.subscribe("plain"), [""; 0]);
        assert_eq!(app.publish("plain", "hidden"), [""; 0]);
        assert_eq!(app.publish("news.a", "seen"), [""; 0]);
        assert!(app.publish("news.secret", "x")[0].contains("Permissions Violation"));
        other.flush().unwrap();
        assert_eq!(other.messages, ["app.news.a seen"], "{format}");
    }
}

#[test]
fn a_token_and_a_plain_password_and_an_open_user_do_what_the_model_says() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let root = folder.path();
    fs::write(root.join("n.conf"), "include auth.conf\n").unwrap();
    render(root, "token: TOKEN\n", &[("TOKEN", "t/o k")]).code(0);
    let server = start(&program, &root.join("n.conf"), &[]).unwrap();
    assert!(server.connect(&Login::Token("t/o k".into())).is_ok() && server.connect(&Login::Token("no".into())).is_err());
    drop(server);

    let model = "users: [{ user: a, password: P }, { user: guest, password: G, permissions: { publish: [], subscribe: \"public.>\" } }]\nnoAuthUser: guest\n";
    render(root, model, &[("P", "pw"), ("G", "guest")]).code(0);
    let server = start(&program, &root.join("n.conf"), &[]).unwrap();
    let mut guest = server.connect(&Login::Nobody).unwrap();
    assert_eq!(guest.subscribe("public.x"), [""; 0]);
    assert!(guest.publish("public.x", "1")[0].contains("Permissions Violation"));
    assert!(server.lets_in("a", "pw") && !server.lets_in("a", "no"));
}

#[test]
fn a_cluster_forms_with_the_hash_on_one_side_and_the_password_on_the_other() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let root = folder.path();
    let free = || std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (one, two, leaf) = (free(), free(), free());
    let route_hash = hash(root, "route/p@ss word");
    let model = |listen: u16, route: u16| {
        format!(
            "users: [{{ user: a, password: P }}]
cluster: {{ name: c, listen: \"127.0.0.1:{listen}\", user: route, password: ROUTE, hash: ROUTE_HASH, routes: [\"127.0.0.1:{route}\"] }}
leafnodes: {{ listen: \"127.0.0.1:{}\", users: [{{ user: leaf, password: LEAF }}] }}
",
            if listen == one { leaf } else { free() }
        )
    };
    let env = [("P", "pw"), ("ROUTE", "route/p@ss word"), ("ROUTE_HASH", route_hash.as_str()), ("LEAF", "leaf pw")];
    let mut servers = Vec::new();
    for (name, listen, route) in [("one", one, two), ("two", two, one)] {
        let sub = root.join(name);
        fs::create_dir(&sub).unwrap();
        render(&sub, &model(listen, route), &env).code(0);
        fs::write(sub.join("n.conf"), format!("server_name: {name}\ninclude auth.conf\n")).unwrap();
        servers.push(start(&program, &sub.join("n.conf"), &[]).unwrap());
    }
    // A leaf node, which logs in to the first with its own name.
    let sub = root.join("leaf");
    fs::create_dir(&sub).unwrap();
    let remote = format!(
        "users: [{{ user: a, password: P }}]\nleafnodes: {{ remotes: [{{ url: \"127.0.0.1:{leaf}\", user: leaf, password: LEAF }}] }}\n"
    );
    render(&sub, &remote, &env).code(0);
    fs::write(sub.join("n.conf"), "include auth.conf\n").unwrap();
    servers.push(start(&program, &sub.join("n.conf"), &[]).unwrap());
    let login = Login::password("a", "pw");
    let mut receivers: Vec<_> = servers[1..].iter().map(|server| server.connect(&login).unwrap()).collect();
    let mut sender = servers[0].connect(&login).unwrap();
    receivers.iter_mut().for_each(|receiver| assert_eq!(receiver.subscribe("x"), [""; 0]));
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while receivers.iter().any(|receiver| receiver.messages.is_empty()) {
        assert!(std::time::Instant::now() < end, "no message arrives: {}", fs::read_to_string(&servers[0].log).unwrap());
        sender.publish("x", "1");
        std::thread::sleep(std::time::Duration::from_millis(20));
        receivers.iter_mut().for_each(|receiver| _ = receiver.flush().unwrap());
    }
}

#[test]
fn a_reload_takes_a_rotation_and_refuses_what_would_open_the_server() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let root = folder.path();
    let model = "users: [{ user: a, hash: A }, { user: b, hash: B }]\n";
    let (old, kept, new) = (hash(root, "old"), hash(root, "kept"), hash(root, "new"));
    render(root, model, &[("A", &old), ("B", &kept)]).code(0);
    let conf = root.join("n.conf");
    fs::write(&conf, format!("pid_file: \"{}\"\ninclude auth.conf\n", root.join("pid").display())).unwrap();
    let server = start(&program, &conf, &[]).unwrap();
    let reload = || nats(root, &["reload", "-c", "n.conf", "--pid-file", "pid", "--monitor", &server.monitor_url()]);
    let (mut a, mut b) =
        (server.connect(&Login::password("a", "old")).unwrap(), server.connect(&Login::password("b", "kept")).unwrap());

    render(root, model, &[("A", &new), ("B", &hash(root, "kept"))]).code(0);
    let said = reload().ok();
    assert!(said.err().contains("the server runs sha256:"), "{}", said.err());
    assert!(server.lets_in("a", "new") && !server.lets_in("a", "old") && server.lets_in("b", "kept"));
    assert!(!a.is_connected(), "the client of the changed password is dropped");
    assert!(b.is_connected(), "the other stays");

    // Nothing is sent for files that would open the server or turn it deaf.
    for (text, part) in
        [("", "says nothing"), ("authorization { users: [] }\n", "lets everybody in"), ("authorization {\n", "does not end")]
    {
        fs::write(root.join("auth.conf"), text).unwrap();
        let refused = reload().output().code(1);
        assert!(refused.err().contains(part) && refused.err().contains("nothing was sent"), "{}", refused.err());
    }
    assert!(server.lets_in("a", "new") && !server.is_open());

    // A change that the server refuses at a reload is told, not taken for done.
    render(root, model, &[("A", &new), ("B", &kept)]).code(0);
    fs::write(&conf, format!("pid_file: \"{}\"\nport: 4333\ncluster {{ name: \"c\", port: -1, authorization {{ user: r, password: \"{kept}\" }} }}\ninclude auth.conf\n", root.join("pid").display())).unwrap();
    let late =
        nats(root, &["reload", "-c", "n.conf", "--pid-file", "pid", "--timeout", "500ms", "--monitor", &server.monitor_url()]);
    let late = late.output().code(1);
    assert!(late.err().contains("another configuration") || late.err().contains("did not load"), "{}", late.err());
    let nobody = nats(root, &["reload", "-c", "n.conf", "--pid", "1", "--monitor", "http://127.0.0.1:1"]).output().code(1);
    assert!(nobody.err().contains("cannot ask the server"), "{}", nobody.err());
    _ = server.pid();
}

#[test]
fn empty_or_damaged_input_never_becomes_a_configuration() {
    let folder = temp_dir();
    let root = folder.path();
    let good = hash(root, "x");
    fs::create_dir(root.join("keys")).unwrap();
    let init = |users: &[&str]| {
        let mut args = vec!["init", "--keys", "keys", "-o", "auth.conf"];
        users.iter().for_each(|user| args.extend(["--user", user]));
        nats(root, &args)
    };
    fs::write(root.join("keys/GOOD"), &good).unwrap();
    init(&["default=GOOD"]).ok();
    let mode = |name: &str| fs::metadata(root.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("auth.conf"), 0o400);
    let written = fs::read_to_string(root.join("auth.conf")).unwrap();
    assert!(written.contains(&good));
    // A second start of the Pod: the read-only file is replaced.
    init(&["default=GOOD"]).ok();
    for damage in [
        "",
        "\n",
        "hunter2",
        &good[..59],
        &good[1..],
        &format!(":{good}"),
        &format!("{good}\n{good}"),
        &format!("{good}\0"),
        &good.replace("$04$", "$03$"),
        &good.replace("$04$", "$32$"),
        &format!("\"{good}\""),
        &good.replace("$2b$", "$2z$"),
        "\u{feff}",
        &format!("{good} "),
    ] {
        fs::write(root.join("keys/BAD"), damage).unwrap();
        let failed = init(&["default=GOOD", "dynamo=BAD"]).output().code(1);
        assert!(failed.err().contains("dynamo"), "{damage:?}: {}", failed.err());
        assert!(!failed.err().contains("hunter2") && !failed.err().contains(&good[10..]), "{}", failed.err());
        assert_eq!(fs::read_to_string(root.join("auth.conf")).unwrap(), written, "the old file stays");
    }
    for users in
        [&["default=MISSING"][..], &["default"], &["default="], &["=GOOD"], &["default=../keys/GOOD"], &["a=GOOD", "a=GOOD"]]
    {
        let failed = init(users).output();
        assert!(matches!(failed.code, Some(1 | 2)), "{users:?}: {}", failed.err());
    }
    let names: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing temporary is left: {names:?}");
}

#[test]
fn the_charts_form_of_the_include_keeps_the_hash_quoted() {
    let Some(program) = server::program() else { return };
    let folder = temp_dir();
    let root = folder.path();
    fs::create_dir(root.join("auth")).unwrap();
    let values = nats(root, &["helm-values", "--secret", "nats-auth"]).ok();
    assert!(values.out().contains("00$include: auth/auth.conf") && values.out().contains("mountPath: /etc/nats-config/auth"));
    let hash = hash(root, "pw");
    // As `nats.formatConfig` of the chart 2.14.2 writes `config.merge`: JSON, its include key turned into an include line,
    // `<< … >>` without quotes.
    fs::write(root.join("nats.conf"), "{\n  include auth/auth.conf;\n  \"lame_duck_duration\": \"30s\",\n  \"lame_duck_grace_period\": \"10s\",\n  \"server_name\": $SERVER_NAME\n}\n").unwrap();
    fs::write(root.join("model.yaml"), format!("users: [{{ user: u, hash: \"{hash}\" }}]\n")).unwrap();
    nats(root, &["auth", "model.yaml", "-o", "auth/auth.conf"]).ok();
    let server = start(&program, &root.join("nats.conf"), &[("SERVER_NAME", "nats-0")]).unwrap();
    assert!(server.lets_in("u", "pw") && !server.lets_in("u", &hash) && !server.is_open());
    nats(root, &["check", "nats.conf"]).env("SERVER_NAME", "nats-0").ok();
    drop(server);
    // The hash in `config.merge` itself is quoted by the chart; between `<< >>` it is not, and the server does not start.
    let merged = |written: &str| format!("{{\n  \"authorization\": {{\"user\": \"u\", \"password\": {written}}}\n}}\n");
    fs::write(root.join("nats.conf"), merged(&format!("\"{hash}\""))).unwrap();
    assert!(start(&program, &root.join("nats.conf"), &[]).unwrap().lets_in("u", "pw"));
    fs::write(root.join("nats.conf"), merged(&hash)).unwrap();
    assert!(start(&program, &root.join("nats.conf"), &[]).is_err());
}

//! `nats hash` and `nats check` without a server: streams, exit codes, and what they never say. `tests/interop/nats` has the server.

use super::Session;

/// Case 20 of the bootstrap's cases: what an operator's own configuration gets wrong, with line and fix.
#[test]
fn case_20_faults_of_a_configuration_have_their_line_and_fix() {
    let hash = format!("$2y$11${}", "a".repeat(53));
    for (text, line, error, fix) in [
        (
            "port: 4222\ninclude /etc/nats-auth/auth.conf\n".to_owned(),
            2,
            "joins every include path",
            "include ../nats-auth/auth.conf",
        ),
        (
            "authorization { user: a, password: one }\nauthorization { user: b, password: two }\n".to_owned(),
            2,
            "a second `authorization`",
            "keep one block",
        ),
        (
            "authorization {\n  users: [\n    {user: a, password: \"$HASH\"} ] }\n".to_owned(),
            3,
            "a variable between quotes is no variable",
            "render the value",
        ),
        (format!("authorization {{\n  user: b\n  password: {hash}\n}}\n"), 3, "without quotes", "double quotes"),
        ("authorization { users: [ {user: b, password: \"\"} ] }\n".to_owned(), 1, "the password is empty", "give it a value"),
        ("authorization { users: [] }\n".to_owned(), 1, "", ""),
    ] {
        let session = Session::new();
        session.write("nats.conf", &text);
        let ran = session.run(&["nats", "check", "--no-server", "nats.conf"]).code(1);
        let said = format!("{}{}", ran.out, ran.err);
        assert!(said.contains(&format!("nats.conf:{line}: ")) && said.contains(error) && said.contains(fix), "{text}\n{said}");
        assert!(!said.contains("aaaaaaaa"), "{said}");
        let json: serde_json::Value =
            serde_json::from_str(&session.run(&["nats", "check", "--no-server", "--format", "json", "nats.conf"]).code(1).out)
                .unwrap();
        assert!(json.to_string().contains("nats.conf"), "{json}");
    }
    let session = Session::new();
    session.write("nats.conf", format!("authorization {{ user: a, password: \"{}\" }}\n", hash.replace("$2y", "$2a")));
    session.run(&["nats", "check", "--no-server", "nats.conf"]).ok();
}

#[test]
fn hashes_come_from_pipe_prompt_and_variable_and_verify() {
    let password = "canary-0123456789abcdef0123456789";
    let piped = Session::new().stdin(password);
    let typed = Session::new().typing(password);
    let variable = Session::new().env("PASSWORD", password);
    for (session, more) in [(&piped, &[][..]), (&typed, &[]), (&variable, &["--from-env", "PASSWORD"])] {
        let ran = session.run(&[&["nats", "hash", "--cost", "4", "--ident", "2a"], more].concat()).ok();
        assert!(ran.out.starts_with("$2a$04$") && ran.out.trim_end().len() == 60, "{}", ran.out);
        assert!(!format!("{}{}", ran.out, ran.err).contains("canary"));
        session.write("hash", &ran.out);
        session.run(&[&["nats", "hash", "--verify", "hash"], more].concat()).ok();
    }
    let other = Session::new().stdin("canary-another-0123456789");
    other.write("hash", piped.read("hash"));
    let ran = other.run(&["nats", "hash", "--verify", "hash"]).code(1);
    assert!(!format!("{}{}", ran.out, ran.err).contains("canary"), "{}", ran.err);
    for wrong in ["", &"x".repeat(73)] {
        let ran = Session::new().stdin(wrong).run(&["nats", "hash", "--cost", "4"]).code(1);
        assert_eq!(ran.out, "");
    }
}

#[test]
fn identities_are_made_whole_or_not_at_all() {
    let session = Session::new();
    for users in [["A-b/c", "A/b-c"], ["operator/x", "A/x"]] {
        let args = ["nats", "jwt", "init", "--operator", "o", "--user", users[0], "--user", users[1], "-o", "id"];
        let ran = session.run(&args).code(2);
        assert!(ran.err.contains("would both be in the file"), "{}", ran.err);
        assert!(session.names().is_empty());
    }
    let args = ["nats", "jwt", "init", "--operator", "o", "--user", "A/x", "-o", "id"];
    session.run(&args).ok();
    assert_eq!(session.names(), ["id"]);
    let before = session.read("id/operator.nk");
    assert!(session.run(&args).code(1).err.contains("exists already"));
    assert_eq!(session.read("id/operator.nk"), before);
    assert!(
        session.run(&["nats", "jwt", "init", "--operator", "o", "--user", "A/x", "-o", "no/id"]).code(1).err.contains("no/id")
    );
}

//! `cert show|check`, `keys generate`, and every certificate that cannot be sealed with.

use super::{Session, key_path};

/// `hecate-seal KEY` with this certificate and nothing else wrong.
fn sealing_with(session: &Session, cert: &str) -> super::Ran {
    session.run(&["K", "v", "--cert", cert, "--name", "app", "--namespace", "web"])
}

#[test]
fn a_certificate_that_cannot_be_sealed_with_is_refused_with_the_reason() {
    let session = Session::new();
    let file = |name: &str| key_path(name);
    let expired = file("test-only-expired.crt.pem");
    sealing_with(&session, &expired).fails(
        1,
        &format!(
            "error: the certificate {expired} expired on 2024-01-01\nhint: the controller makes a new key every 30 days: fetch its current certificate with `kubeseal --fetch-cert`\n"
        ),
    );
    let early = file("test-only-not-yet-valid.crt.pem");
    sealing_with(&session, &early).fails(
        1,
        &format!(
            "error: the certificate {early} is not valid before 2114-01-01\nhint: check the clock of this machine, and of the one that made the certificate\n"
        ),
    );
    let ec = file("test-only-ec.crt.pem");
    sealing_with(&session, &ec)
        .fails(1, &format!("error: cannot use the certificate {ec}\n  cause: not an RSA key: this is an elliptic-curve key\n"));
    let small = file("test-only-1024.crt.pem");
    sealing_with(&session, &small).fails(
        1,
        &format!(
            "error: cannot use the certificate {small}\n  cause: an RSA key of 1024 bits is not supported: it must have 2048 to 8192 bits (shorter ones are too weak to keep a secret)\n"
        ),
    );
    let key = file("test-only-2048.key.pem");
    sealing_with(&session, &key).fails(
        1,
        &format!("error: cannot use the certificate {key}\n  cause: no certificate found: the input holds RSA PRIVATE KEY\n"),
    );
    session.write("garbage.pem", "not a certificate\n");
    sealing_with(&session, "garbage.pem").fails(
        1,
        "error: cannot use the certificate garbage.pem\n  cause: no certificate found: there is no PEM block (-----BEGIN …-----) in the input\n",
    );
    session.write("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let ran = sealing_with(&session, "broken.pem").code(1);
    assert!(
        ran.err.starts_with("error: cannot use the certificate broken.pem\n  cause: certificate 1 is malformed: "),
        "{}",
        ran.err
    );
    sealing_with(&session, "none.pem")
        .fails(1, "error: cannot read the certificate none.pem\n  cause: No such file or directory (os error 2)\n");
    sealing_with(&session, ".").fails(1, "error: cannot read the certificate .\n  cause: it is a directory, not a file\n");
    session.run(&["K", "v", "--name", "app", "--namespace", "web"]).fails(
        2,
        "error: no certificate to seal with\nhint: give one with --cert FILE or HECATE_SEAL_CERT, or name it in .hecate-seal.yaml (`hecate-seal init` writes a first one)\nhint: `kubeseal --fetch-cert > pub.pem` gets it from a cluster\n",
    );
}

#[test]
fn of_a_bundle_the_first_is_used_and_the_warning_says_which() {
    let bundle = key_path("test-only-bundle.crt.pem");
    let ran = sealing_with(&Session::new(), &bundle).ok();
    assert!(
        ran.err.starts_with(&format!(
            "warning: {bundle} holds 2 certificates: the first one is used, SHA256:z9zidIkihDbCcbdDUoZQl24D+ionTq5aVVsOzLijHNY\n"
        )),
        "{}",
        ran.err
    );
    // 4096 bits: the first one's size.
    assert!(ran.out.starts_with("K: Ag"), "{}", ran.out);
}

#[test]
fn show_tells_a_certificate_in_text_and_json() {
    let session = Session::new();
    let path = key_path("test-only-2048-other.crt.pem");
    let ran = session.run(&["cert", "show", &path]).ok();
    let fingerprint = "SHA256:gmtGehleAfgqqLb585+Fsujy+VXtLQOqH/rSySYhy5Y";
    let sha256 = "3ef12a1a25fd040c8944a1e6d06f8a514c7a0a1bb5cb55097186089d31298213";
    assert_eq!(
        ran.out,
        format!(
            "certificate  {path}\nsubject      CN=sealed-secrets\nserial       631498450da92c40cbae4a24d789d63d\n\
             valid        2024-01-01 to 2064-01-01 (13554 days left)\nkey          RSA, 2048 bits\n\
             fingerprint  {fingerprint} (of the key, as the controller logs it)\nsha256       {sha256} (of the certificate)\n"
        )
    );
    let ran = session.run(&["cert", "show", "--format", "json", &path]).ok();
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json[0]["keyFingerprint"], fingerprint);
    assert_eq!(json[0]["sha256"], sha256);
    assert_eq!(json[0]["notAfter"], "2064-01-01T00:00:00Z");
    assert_eq!((json[0]["daysLeft"].as_i64(), json[0]["keyBits"].as_i64()), (Some(13554), Some(2048)));
    assert_eq!(json[0]["validity"], "valid");
}

#[test]
fn check_fails_for_expired_and_soon_expiring_and_early_certificates() {
    let mut session = Session::new();
    let (good, expired, early) =
        (key_path("test-only-4096.crt.pem"), key_path("test-only-expired.crt.pem"), key_path("test-only-not-yet-valid.crt.pem"));
    assert_eq!(session.run(&["cert", "check", &good]).ok().out, format!("{good}: is valid until 2064-01-01, 13554 days left\n"));
    let ran = session.run(&["cert", "check", &good, &expired, &early]).code(1);
    assert_eq!(
        ran.out,
        format!(
            "{good}: is valid until 2064-01-01, 13554 days left\n{expired}: expired on 2024-01-01\n{early}: is not valid before 2114-01-01\n"
        )
    );
    session.now = time::macros::datetime!(2063-12-10 0:00 UTC);
    assert_eq!(session.run(&["cert", "check", &good]).code(1).out, format!("{good}: expires on 2064-01-01, in 22 days\n"));
    session.run(&["cert", "check", "--within", "3w", &good]).ok();
    let json = session.run(&["cert", "check", "--format", "json", &good]).code(1).out;
    assert!(json.contains("\"problem\": \"expires on 2064-01-01, in 22 days\""), "{json}");
    session
        .run(&["cert", "check", "--within", "soon", &good])
        .fails(2, "error: `soon` is no duration\nhint: write 30d, 4w or 12h\n");
}

#[test]
fn generated_keys_are_a_private_file_and_a_certificate_and_open_what_is_sealed() {
    use std::os::unix::fs::PermissionsExt;
    let session = Session::new();
    session.run(&["keys", "generate", "--bits", "2048", "-o", "c"]).ok();
    assert_eq!(session.names(), ["c.crt", "c.key"]);
    assert_eq!(std::fs::metadata(session.path("c.key")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(session.read("c.key").starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
    let show = session.run(&["cert", "show", "c.crt"]).ok().out;
    assert!(show.contains("subject      (empty)\n") && show.contains("2026-11-21 to 2036-11-18 (3650 days left)"), "{show}");
    session.write("s.yaml", super::SECRET);
    session.run(&["seal", "--cert", "c.crt", "s.yaml", "-o", "sealed.yaml"]).ok();
    assert_eq!(session.run(&["unseal", "-p", "c.key", "sealed.yaml", "--key", "PASSWORD"]).ok().out, "hunter2");

    let before = session.read("c.key");
    session.run(&["keys", "generate", "--bits", "2048", "-o", "c"]).fails(
        1,
        "error: cannot write c.key\n  cause: the file exists already\nhint: nothing was written; move the old file away or choose another name\n",
    );
    assert_eq!(session.read("c.key"), before);
    std::fs::remove_file(session.path("c.key")).unwrap();
    session.run(&["keys", "generate", "--bits", "2048", "-o", "c"]).code(1);
    assert_eq!(session.names(), ["c.crt", "s.yaml", "sealed.yaml"]);
}

#[test]
fn a_generated_key_secret_is_the_controllers() {
    let session = Session::new();
    let ran = session.run(&["keys", "generate", "--secret", "--bits", "2048"]).ok();
    let head = "---\napiVersion: v1\ndata:\n  tls.crt: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t";
    assert!(ran.out.starts_with(head), "{}", ran.out.get(..200).unwrap_or_default());
    assert!(
        ran.out.ends_with(
            "\nkind: Secret\nmetadata:\n  generateName: sealed-secrets-key\n  labels:\n    sealedsecrets.bitnami.com/sealed-secrets-key: active\n  namespace: kube-system\ntype: kubernetes.io/tls\n"
        ),
        "{}",
        ran.out
    );
    session.run(&["keys", "generate", "--secret", "--bits", "2048", "--name", "Bad"]).code(2);
    session
        .run(&["keys", "generate", "--bits", "1024"])
        .fails(1, "error: cannot generate an RSA key of 1024 bits: use 2048, 3072, 4096 or 8192\n");
    Session::new().terminals("1").run(&["keys", "generate", "--secret", "--bits", "2048"]).fails(
        2,
        "error: this would print a private key on the terminal\nhint: write it to a file with -o FILE, or send it on: hecate-seal keys generate --secret | kubectl create -f -\n",
    );
}

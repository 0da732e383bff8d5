//! Templates against what Go's text/template with sprig made of them (`vectors/template-cases.json`), and hostile ones.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hecate_seal::secret::SecretBytes;
use hecate_seal::template::{Limits, render};

use crate::support::templates::{difference, frozen, now, one, values};

#[test]
fn every_case_of_the_table_comes_out_as_go_made_it() {
    let table = frozen();
    assert!(table.cases.len() >= 400, "{}", table.cases.len());
    let common = values(&table.values);
    let wrong: Vec<String> = table.cases.iter().filter_map(|case| difference(case, &common)).collect();
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), table.cases.len(), wrong.join("\n"));
}

/// A template that must end in an error, quickly, with the limit that ends it.
fn ends(text: &str, expected: &str) {
    let started = Instant::now();
    let error = one(text, &BTreeMap::from([("user".to_owned(), SecretBytes::copy_of(b"admin"))])).unwrap_err().to_string();
    let took = started.elapsed();
    let shown: String = text.chars().take(80).collect();
    assert!(error.contains(expected), "{shown}: {error}");
    // Unoptimised and among other tests; an optimised program takes a tenth.
    assert!(took < Duration::from_secs(20), "{shown} took {took:?}");
}

#[test]
fn a_hostile_template_ends_in_an_error() {
    for (text, expected) in [
        (format!("{{{{ {}1{} }}}}", "(".repeat(20_000), ")".repeat(20_000)), "nested more than"),
        ("{{ if true }}".repeat(20_000), "nested more than"),
        ("{{ if true }}x{{ else }}".repeat(20_000), "nested more than"),
        (format!("{{{{ if 0 }}}}{}{{{{ end }}}}", "{{ else if 0 }}".repeat(20_000)), "nested more than"),
        (r#"{{ define "f" }}{{ template "f" . }}{{ end }}{{ template "f" . }}"#.to_owned(), "nested too deep"),
        (r#"{{ define "f" }}{{ template "f" . }}{{ template "f" . }}{{ end }}{{ template "f" . }}"#.to_owned(), "nested too deep"),
        ("{{ template \"key\" . }}".to_owned(), "nested too deep"),
        ("{{ range 9223372036854775807 }}{{ end }}".to_owned(), "limit: too many steps"),
        ("{{ range until 1000000000 }}{{ end }}".to_owned(), "limit: too much memory"),
        ("{{ range until 100000 }}{{ range until 100000 }}x{{ end }}{{ end }}".to_owned(), "limit:"),
        ("{{ range 100000000 }}0123456789012345678901234567890123456789{{ end }}".to_owned(), "limit: too much output"),
        ("{{ repeat 1000000000 \"x\" }}".to_owned(), "limit: too much memory"),
        ("{{ repeat 2000000 \"x\" }}".to_owned(), "limit: too much output"),
        ("{{ repeat 9223372036854775807 \"xx\" }}".to_owned(), "limit: too much memory"),
        ("{{ untilStep 0 9223372036854775807 1 | len }}".to_owned(), "limit: too much memory"),
        ("{{ seq 1 9223372036854775807 | len }}".to_owned(), "limit: too much memory"),
        ("{{ indent 1000000000 \"x\" | len }}".to_owned(), "limit: too much memory"),
        ("{{ nindent 100000 (repeat 100000 \"\\n\") | len }}".to_owned(), "limit: too much memory"),
        ("{{ randAlphaNum 1000000000 | len }}".to_owned(), "limit: too much memory"),
        ("{{ randBytes 1000000000 | len }}".to_owned(), "limit: too much memory"),
        ("{{ wrapWith 1 (repeat 10000 \"x\") (repeat 100000 \"y\") | len }}".to_owned(), "limit: too much memory"),
        ("{{ replace \"\" (repeat 100000 \"x\") (repeat 100000 \"y\") | len }}".to_owned(), "limit: too much memory"),
        ("{{ join (repeat 100000 \"x\") (until 100000) | len }}".to_owned(), "limit: too much memory"),
        ("{{ range until 100000 }}{{ printf \"%1000000d\" 1 | len }}{{ end }}".to_owned(), "limit: too much memory"),
        ("{{ range until 100000 }}{{ printf \"%.1000000f\" 1.0 | len }}{{ end }}".to_owned(), "limit: too much memory"),
        ("{{ range until 100000 }}{{ printf \"%.1000000e%.1000000g%.1000000U%.1000000d\" 1.0 1.0 1 1 | len }}{{ end }}".to_owned(), "limit: too much memory"),
        ("{{ $s := \"xxxxxxxx\" }}{{ range 100 }}{{ $s = print $s $s }}{{ end }}".to_owned(), "limit: too much memory"),
        ("{{ $l := list 1 }}{{ range 100 }}{{ $l = list $l $l }}{{ end }}{{ $l | toJson | len }}".to_owned(), "limit:"),
        ("{{ $l := list 1 }}{{ range 100 }}{{ $l = list $l $l }}{{ end }}{{ print $l | len }}".to_owned(), "limit:"),
        ("{{ $l := list 1 }}{{ range 100 }}{{ $l = list $l $l }}{{ end }}{{ deepEqual $l (deepCopy $l) }}".to_owned(), "limit:"),
        ("{{ $l := list 1 }}{{ range 30000 }}{{ $l = list $l }}{{ end }}{{ $l | toJson }}".to_owned(), "limit: nested too deep"),
        ("{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ $d }}".to_owned(), "limit: nested too deep"),
        ("{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ deepCopy $d }}".to_owned(), "limit: nested too deep"),
        ("{{ $d := dict }}{{ $_ := set $d \"d\" $d }}{{ $e := dict \"d\" (dict) }}{{ merge $e $d }}".to_owned(), "limit: nested too deep"),
        (format!("{{{{ fromJson `{}` }}}}", "[".repeat(100_000)), "limit: JSON nested too deep"),
        ("{{ regexMatch \"(a{1000}){1000}\" \"a\" }}".to_owned(), "limit: the regular expression is too large"),
        ("{{ regexMatch \"(\\\\pL{1000}){10}\" \"a\" }}".to_owned(), "limit: the regular expression is too large"),
        ("{{ regexMatch (repeat 100000 \"(\") \"a\" }}".to_owned(), "limit: the regular expression is nested too deep"),
        ("{{ regexMatch \"(x+x+)+y\" (repeat 1000000 \"x\") }}{{ range 100000 }}{{ regexMatch \"(.*)(.*)(.*)(.*)(.*)[^z]{500}q\" (repeat 1000 \"x\") }}{{ end }}".to_owned(), "limit:"),
        ("{{ range $i, $_ := until 100000 }}{{ regexMatch (print \"[a-z]+\" $i) \"x\" }}{{ end }}".to_owned(), "limit: too many steps"),
        ("{{ regexReplaceAll \"\" (repeat 100000 \"x\") (repeat 100000 \"y\") | len }}".to_owned(), "limit:"),
        ("{{ $n := 1e300 }}{{ range 1000000 }}{{ $n = mulf $n $n $n $n $n $n $n $n $n $n $n $n $n $n $n $n }}{{ end }}".to_owned(), "executing"),
        ("{{ range 10000000 }}{{ range $ }}{{ end }}{{ end }}".to_owned(), "limit: too many steps"),
        ("{{ range 1000000 }}{{ sortAlpha (until 10000) | len }}{{ end }}".to_owned(), "limit:"),
        ("{{ uniq (until 100000) | len }}".to_owned(), "limit: too many steps"),
        ("{{ range 1000000 }}{{ semverCompare (repeat 10000 \">1 \") \"1\" }}{{ end }}".to_owned(), "limit"),
        ("{{ range 100000 }}{{ snakecase (repeat 10000 \"aBé\") | len }}{{ end }}".to_owned(), "limit"),
        ("{{ trimAll (repeat 100000 \"ab\") (repeat 100000 \"ba\") | len }}".to_owned(), "limit"),
    ] {
        ends(&text, expected);
    }
}

#[test]
fn costly_cryptography_is_counted_before_it_is_done() {
    let mut limits = Limits::default();
    limits.crypto_millis = 300;
    for text in [
        r#"{{ genPrivateKey "rsa" }}"#,
        r#"{{ range 1000 }}{{ bcrypt "x" | len }}{{ end }}"#,
        r#"{{ range 1000 }}{{ derivePassword 1 "long" "p" "u" "s" | len }}{{ end }}"#,
        r#"{{ range 1000 }}{{ htpasswd "u" "p" | len }}{{ end }}"#,
    ] {
        let templates = BTreeMap::from([("key".to_owned(), text.to_owned())]);
        let errors = render(&templates, &BTreeMap::new(), &limits, now()).unwrap_err();
        assert!(errors[0].1.to_string().contains("limit: too much costly cryptography"), "{text}: {}", errors[0].1);
    }
}

#[test]
fn limits_are_for_all_templates_of_a_secret_together() {
    let templates: BTreeMap<String, String> = (0..4).map(|n| (format!("k{n}"), "{{ repeat 300000 \"x\" }}".to_owned())).collect();
    let errors = render(&templates, &BTreeMap::new(), &Limits::default(), now()).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].1.to_string().ends_with("limit: too much output"), "{}", errors[0].1);
}

#[test]
fn the_limits_hold_on_a_thread_with_a_small_stack() {
    let run = || {
        ends(
            r#"{{ define "f" }}{{ if true }}{{ with . }}{{ template "f" (print (print .)) }}{{ end }}{{ end }}{{ end }}{{ template "f" . }}"#,
            "nested too deep",
        );
        let deep = format!("{{{{ {}1{} }}}}", "(print ".repeat(99), ")".repeat(99));
        assert_eq!(one(&deep, &BTreeMap::new()).unwrap(), b"1");
        let mut deep = "{{ if true }}".repeat(99);
        deep.push('x');
        deep.push_str(&"{{ end }}".repeat(99));
        assert_eq!(one(&deep, &BTreeMap::new()).unwrap(), b"x");
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn keys_certificates_and_hashes_made_by_templates_are_usable() {
    let none = BTreeMap::new();
    let text = |template: &str| String::from_utf8(one(template, &none).unwrap()).unwrap();
    let hash = text(r#"{{ htpasswd "bob" "hunter2" }}"#);
    let (user, hash) = hash.split_once(':').unwrap();
    assert_eq!(user, "bob");
    assert!(hash.starts_with("$2a$10$") && hash.len() == 60, "{hash}");
    let key = text(r#"{{ (genCA "root" 1).Key }}"#);
    let key = hecate_seal::crypto::rsa::PrivateKey::from_pem(key.as_bytes()).unwrap();
    assert_eq!(key.public_key().bits(), 2048);
    let chain = text(
        r#"{{ $ca := genCA "root" 365 }}{{ $c := genSignedCert "leaf" (list "10.1.2.3") (list "a.example") 30 $ca }}{{ $c.Cert }}{{ $ca.Cert }}"#,
    );
    let chain = hecate_seal::crypto::x509::Certificate::parse_pem_all(chain.as_bytes()).unwrap();
    assert_eq!(chain[0].subject(), "CN=leaf");
    assert_eq!(chain[1].subject(), "CN=root");
    assert_eq!(chain[0].not_before(), now());
    assert_eq!((chain[0].not_after() - chain[0].not_before()).whole_days(), 30);
    assert_ne!(text("{{ randAlphaNum 24 }}"), text("{{ randAlphaNum 24 }}"));
}

#[test]
fn functions_that_cannot_be_had_fail_by_name() {
    let none = BTreeMap::new();
    let error = one(r#"{{ genPrivateKey "dsa" }}"#, &none).unwrap_err().to_string();
    assert_eq!(
        error,
        "template: key:1:3: executing: error calling genPrivateKey: DSA keys are not supported: use rsa, ecdsa or ed25519"
    );
    for name in ["env", "expandenv", "getHostByName"] {
        let error = one(&format!("{{{{ {name} \"x\" }}}}"), &none).unwrap_err().to_string();
        assert!(error.ends_with(&format!("function \"{name}\" not defined")), "{error}");
    }
}

#[test]
fn no_error_of_any_function_holds_a_value() {
    let canary = "canary-7f3a";
    let values = BTreeMap::from([("v".to_owned(), SecretBytes::copy_of(canary.as_bytes()))]);
    for name in hecate_seal::template::function_names() {
        for operands in [
            "",
            ".v",
            ".v .v",
            ".v .v .v",
            "1 .v",
            ".v 1",
            "1 1 .v",
            ".v .v .v .v",
            "(dict .v .v)",
            "(list .v)",
            "(list .v) .v",
            "(dict .v .v) .v",
        ] {
            let text = format!("{{{{ {name} {operands} }}}}");
            if let Err(error) = one(&text, &values) {
                assert!(!error.to_string().contains(canary), "{text}: {error}");
                assert!(!format!("{error:?}").contains(canary), "{text}: {error:?}");
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_text_makes_it_panic(pieces in proptest::collection::vec(piece(), 0..12)) {
        let values = BTreeMap::from([("user".to_owned(), SecretBytes::new(vec![b'a', 0xff, b'\n']))]);
        let _ = one(&pieces.concat(), &values);
    }
}

/// Bits of templates, right and wrong, and any characters.
fn piece() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    let names = hecate_seal::template::function_names();
    prop_oneof![
        3 => proptest::sample::select(vec![
            "{{ ", " }}", "{{- ", " -}}", "{{", "}}", "if ", "else ", "end", "range ", "with ", "define \"x\"", "template \"x\" ", ".user ",
            "$x ", "$x := ", "$ ", ". ", "| ", "( ", ") ", "nil ", "true ", "1 ", "-1 ", "1.5 ", "9223372036854775807 ", "'a' ", "\"%v %5.3d %[2]q\" ",
            "\"a,b\" ", "`x` ", "(list 1 \"a\") ", "(dict \"a\" 1) ", "{{ end }}", "{{ else }}", "/*", "*/", "{{/* c */}}", "break", "continue", "{{ .user | ",
        ]).prop_map(str::to_owned),
        3 => proptest::sample::select(names).prop_filter("costly", |name| !name.starts_with("gen") && *name != "derivePassword" && *name != "bcrypt" && *name != "htpasswd").prop_map(|name| format!("{name} ")),
        1 => any::<String>(),
        1 => "[ -~]{0,6}",
    ]
}

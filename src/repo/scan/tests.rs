use std::path::Path;

use super::*;

/// `line kind key` of each finding.
fn found_in(name: &str, text: &str) -> Vec<String> {
    let report = scan(Path::new("/r").join(name).as_path(), text.as_bytes(), None);
    let shown = |finding: &Finding| {
        let names: Vec<&str> = finding.object.iter().chain(&finding.key).map(String::as_str).collect();
        format!("{} {} {}", finding.line, finding.kind.word(), names.join(" ")).trim_end().to_owned()
    };
    report.findings.iter().map(shown).collect()
}

const SECRET: &str =
    "apiVersion: v1\nkind: Secret\nmetadata: {name: app, namespace: web}\nstringData:\n  A: hunter2\n  B: ${B}\n";

#[test]
fn secrets_are_found_wherever_they_stand() {
    assert_eq!(found_in("a.yaml", SECRET), ["5 plaintext-secret web/app A"]);
    let data = SECRET.replace("stringData", "data").replace("hunter2", "aHVudGVyMg==");
    assert_eq!(found_in("a.yml", &format!("kind: Namespace\n---\n{data}")), ["7 plaintext-secret web/app A"]);
    let indented = SECRET.replace('\n', "\n  ");
    let list = format!("kind: List\napiVersion: v1\nitems:\n- {}", indented.trim_end());
    assert_eq!(found_in("a.yaml", &list), ["8 plaintext-secret web/app A"]);
    let inside = format!("kind: Template\nobjects:\n- {}", indented.trim_end());
    assert_eq!(found_in("a.yaml", &inside), ["7 plaintext-secret web/app A"]);
    assert_eq!(
        found_in("a.yaml", "kind: SecretList\nitems:\n- metadata: {name: x}\n  data: {K: QUJD}\n"),
        ["4 plaintext-secret x K"]
    );
    let merged = "x: &x {K: v}\nobject:\n  kind: Secret\n  stringData:\n    <<: *x\n";
    assert_eq!(found_in("a.yaml", merged), ["1 plaintext-secret K"]);
    assert_eq!(
        found_in("a.yaml", "kind: Secret\ndata: &d {K: v}\n---\nkind: SecretStore\ndata: {K: v}\n"),
        ["2 plaintext-secret K"]
    );
    let sops = "kind: SopsSecret\nspec:\n  secretTemplates:\n  - name: t\n    stringData: {K: v}\n";
    assert_eq!(found_in("a.yaml", sops), ["5 plaintext-secret K"]);
}

#[test]
fn a_secret_is_one_whatever_the_name_of_its_file() {
    let broken = format!("{SECRET}  C: [\n");
    for name in ["secret", "s.txt", "s.tpl", "secret.yaml.bak", "secret.yaml~", "secret.yaml.j2", "s.YAML.orig", ".yaml", "x.in"]
    {
        assert_eq!(found_in(name, SECRET), ["5 plaintext-secret web/app A"], "{name}");
        let is_manifest = name.to_lowercase().contains("yaml");
        let found = if is_manifest { "7 unreadable" } else { "5 plaintext-literal A" };
        assert_eq!(found_in(name, &broken), [found], "{name}");
        assert_eq!(found_in(name, &format!("{SECRET}{{{{ end }}}}\n")), ["5 plaintext-literal A"], "{name}");
    }
    for name in ["README.md", "lib.rs", "x.yaml.md"] {
        assert_eq!(found_in(name, SECRET), [""; 0], "{name} speaks about Secrets");
    }
    assert_eq!(found_in("log.txt", &SECRET.replace("kind: Secret", "type: Secret")), [""; 0]);
    let quoted = "{\"kind\" : \"Secret\",\n\"stringData\": {\"A\": \"b\"}}";
    assert_eq!(found_in("s", quoted), ["2 plaintext-secret A"]);
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(SECRET.bytes().flat_map(|byte| [byte, 0])).collect();
    assert_eq!(scan(Path::new("/r/secret"), &wide, None).findings[0].kind, Kind::Unreadable);
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain("some text".bytes().flat_map(|byte| [byte, 0])).collect();
    assert_eq!(scan(Path::new("/r/notes.txt"), &wide, None).findings, []);
}

#[test]
fn a_merge_can_make_a_secret() {
    let text = "x: &s {kind: Secret, apiVersion: v1}\n<<: *s\nmetadata: {name: a}\nstringData: {p: hunter2hunter2}\n";
    assert_eq!(found_in("m.yaml", text), ["4 plaintext-secret a p"]);
    assert_eq!(found_in("m", text), ["4 plaintext-secret a p"]);
    let chained = "a: &a {kind: Secret}\nb: &b {<<: *a}\nc: &c {metadata: {name: n}}\nd:\n  <<: [*c, *b]\n  data: {p: QUJD}\n";
    assert_eq!(found_in("m.yaml", chained), ["6 plaintext-secret n p"]);
    let own = "x: &s {kind: Secret}\n<<: *s\nkind: ConfigMap\ndata: {p: v}\n";
    assert_eq!(found_in("m.yaml", own), [""; 0], "its own key counts more");
    let group = "x: &s {kind: Secret, apiVersion: x.io/v1}\n<<: *s\ndata: {p: v}\n";
    assert_eq!(found_in("m.yaml", group), [""; 0]);
}

#[test]
fn merges_that_stand_for_an_endless_file_end_as_a_finding() {
    let many: String = (0..2_000).map(|key| format!("k{key}: v, ")).collect();
    let bomb = format!("kind: Secret\nx: &x {{{many}}}\nlist:\n{}", "- {<<: [*x, *x, *x]}\n".repeat(20_000));
    assert_eq!(found_in("m.yaml", &bomb).iter().filter(|found| found.ends_with("unreadable")).count(), 1);
}

#[test]
fn json_counts_too_one_object_after_the_other() {
    let one = "{\n\t\"kind\": \"Secret\",\n\t\"metadata\": {\"name\": \"a\"},\n\t\"data\": {\n\t\t\"K\": \"QUJD\"\n\t}\n}\n";
    assert_eq!(found_in("a.json", one), ["5 plaintext-secret a K"]);
    assert_eq!(found_in("a.json", &format!("{one}{one}")), ["5 plaintext-secret a K", "12 plaintext-secret a K"]);
    assert_eq!(found_in("a.json", &one.replace("QUJD", "")), [""; 0]);
}

#[test]
fn what_is_not_plain_is_no_finding() {
    for text in [
        "kind: Secret\nmetadata: {name: a}\n",
        "kind: Secret\ndata:\n",
        "kind: Secret\nstringData: {A: '', B: ~, C: CHANGEME}\n",
        "kind: SealedSecret\nspec: {encryptedData: {K: AgBy}}\n",
        "kind: Deployment\nspec: {envFrom: [{secretRef: {kind: Secret, name: x}}]}\n",
        "apiVersion: other.io/v1\nkind: Secret\ndata: {K: v}\n",
        "kind: ConfigMap\ndata: {Secret: text}\n",
    ] {
        assert_eq!(found_in("a.yaml", text), [""; 0], "{text}");
    }
}

#[test]
fn templates_are_passed_over_and_what_is_broken_is_not() {
    let template = "kind: Secret\nmetadata:\n  name: {{ .Values.name }}\n{{- if .x }}\ndata:\n  K: {{ .x }}\n{{- end }}\n";
    let report = scan(Path::new("/r/a.yaml"), template.as_bytes(), None);
    assert_eq!((report.findings.len(), report.template), (0, 1));
    let literal = found_in("a.yaml", &template.replace("{{ .x }}", "{{ \"hunter2\" | b64enc }}"));
    assert_eq!(literal, ["6 plaintext-literal K"]);
    // A document beside it is looked at all the same.
    let report = scan(Path::new("/r/a.yaml"), format!("{template}---\n{SECRET}").as_bytes(), None);
    assert_eq!((report.findings[0].line, report.template), (8 + 5, 1));
    assert_eq!(found_in("a.yaml", "kind: Secret\ndata: [\n"), ["2 unreadable"]);
    assert_eq!(found_in("a.yaml", "kind: Other\ndata: [\n"), [""; 0], "no Secret, no business of ours");
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(SECRET.bytes().flat_map(|byte| [byte, 0])).collect();
    assert_eq!(scan(Path::new("/r/a.yaml"), &utf16, None).findings[0].kind, Kind::Unreadable);
}

#[test]
fn copies_and_generators_are_found() {
    let copy = "kind: SealedSecret\nmetadata:\n  name: s\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n      {\"kind\":\"Secret\",\"stringData\":{\"K\":\"v\"}}\n";
    assert_eq!(found_in("a.yaml", copy), ["5 plaintext-copy s kubectl.kubernetes.io/last-applied-configuration"]);
    let generator = "secretGenerator:\n- name: g\n  literals:\n  - A=hunter2\n  - B=${B}\n  - loose\n";
    assert_eq!(found_in("kustomization.yaml", generator), ["4 generator-literal g A", "6 generator-literal g"]);
}

#[test]
fn a_comment_allows_a_key_or_an_object() {
    let allowed = |text: &str| found_in("a.yaml", text).is_empty();
    assert!(allowed(&SECRET.replace("hunter2", "hunter2 # hecate-seal: allow (a test)")));
    assert!(allowed(&SECRET.replace("  A:", "  # hecate-seal: allow\n  # because\n  A:")));
    assert!(allowed(&format!("# hecate-seal: allow\n{SECRET}")));
    assert!(allowed(&format!("# hecate-seal: allow\n---\n\n{SECRET}")));
    assert!(allowed(&SECRET.replace("kind: Secret", "kind: Secret # hecate-seal: allow")));
    assert!(allowed(&SECRET.replace("stringData:", "stringData: # hecate-seal: allow")));
    let second = format!("# hecate-seal: allow\n{SECRET}---\n{SECRET}");
    assert_eq!(found_in("a.yaml", &second), ["13 plaintext-secret web/app A"], "the first document only");
    assert!(!allowed(&SECRET.replace("A: hunter2", "Z: ${Z} # hecate-seal: allow\n  A: hunter2")), "another key's");
    assert!(!allowed(&SECRET.replace("hunter2", "'hecate-seal: allow'")), "no comment");
}

const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";

#[test]
fn private_keys_are_found_in_any_text_and_talk_about_them_is_not() {
    let pem = format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", "MIIB".repeat(16));
    assert_eq!(found_in("id.pem", &pem), ["1 private-key"]);
    assert_eq!(found_in("a.json", &format!("{{\n\"k\": \"{}\"}}", pem.replace('\n', "\\n"))), ["2 private-key"]);
    let encrypted = pem.replacen("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1);
    assert_eq!(found_in("id.pem", &encrypted), ["1 private-key"]);
    let armored = pem.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK").replacen("-----\n", "-----\nVersion: x\n\n", 1);
    assert_eq!(found_in("a.asc", &armored), ["1 private-key"]);
    let age = format!("# created\nAGE-SECRET-KEY-1{}\n", "Q".repeat(58));
    assert_eq!(found_in("keys.txt", &age), ["2 private-key"]);
    assert_eq!(found_in("user.creds", &format!("x\n{SEED}\n")), ["2 private-key"]);
    let in_secret = format!("kind: Secret\nstringData:\n  tls.key: |\n    {}", pem.replace('\n', "\n    "));
    assert_eq!(found_in("a.yaml", &in_secret), ["3 plaintext-secret tls.key"], "one finding for one thing");
    let talk = "Files with -----BEGIN RSA PRIVATE KEY----- and AGE-SECRET-KEY-1… never go here. SUACSSL3\n";
    assert_eq!(found_in("a.md", talk), [""; 0]);
    assert_eq!(found_in("a.txt", &SEED.replace("VY", "VZ")), [""; 0], "the checksum is wrong");
    assert_eq!(found_in("a.rs", &format!("// hecate-seal: allow\nconst SEED: &str = \"{SEED}\";")), [""; 0]);
}

#[test]
fn the_controllers_key_is_told_apart() {
    let text =
        "kind: Secret\nmetadata:\n  labels: {sealedsecrets.bitnami.com/sealed-secrets-key: active}\ndata: {tls.key: QUJD}\n";
    assert_eq!(found_in("a.yaml", text), ["4 sealing-key tls.key"]);
}

const RULES: &str = "\
creation_rules:
  - path_regex: secrets/.*\\.yaml$
    encrypted_regex: ^pass
    age: age1x
  - path_regex: \\.env$
    age: age1x
  - age: age1x
";

#[test]
fn files_that_a_rule_names_must_be_encrypted() {
    let rules = SopsRules::parse(Path::new("/r"), RULES.as_bytes()).unwrap();
    let found = |name: &str, text: &str| {
        let report = scan(Path::new("/r").join(name).as_path(), text.as_bytes(), Some(&rules));
        report.findings.iter().map(|f| (f.line, f.kind.clone(), f.key.clone().unwrap_or_default())).collect::<Vec<_>>()
    };
    let covered = "a:\n  - x: 1\n    password: hunter2\n";
    assert_eq!(found("secrets/a.yaml", covered), [(3, Kind::NotEncrypted(0), "a[0].password".to_owned())]);
    assert_eq!(found("secrets/b.yaml", "a: 1\n"), [], "the rule encrypts nothing of it");
    assert_eq!(found("secrets/c.yaml", "kind: X\napiVersion: v1\npassword: x\n"), [], "a manifest");
    assert_eq!(found("other/a.yaml", covered), [], "the rule takes every file, and means none");
    assert_eq!(found(".env", "# c\nA=${A}\nB=x\n"), [(3, Kind::NotEncrypted(1), "B".to_owned())]);
    assert_eq!(found("deep/prod.env", ""), []);
    assert!(rules.has_rule_for(Path::new("/r/other/a.yaml")));
    assert!(SopsRules::parse(Path::new("/r"), b"creation_rules: [{path_regex: '('}]").is_err());
}

#[test]
fn a_plain_value_in_a_sops_file_is_found() {
    let enc = "ENC[AES256_GCM,data:AAAA,iv:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,tag:AAAAAAAAAAAAAAAAAAAAAA==,type:str]";
    let file = format!(
        "a: {enc}\nb:\n  - c: hunter2\nn: null\nd_unencrypted: x\nsops:\n  age:\n    - recipient: age1x\n      enc: x\n  lastmodified: '2026-01-01T00:00:00Z'\n  mac: {enc}\n  unencrypted_suffix: _unencrypted\n  version: 3.13.3\n"
    );
    assert_eq!(found_in("a.yaml", &file), ["3 partly-encrypted b[0].c"]);
    assert_eq!(found_in("a.yaml", &file.replace("hunter2", enc)), [""; 0]);
}

use super::*;
use crate::sops::store::json;

fn read(block: &str) -> Result<Metadata, Error> {
    let mut documents = vec![json::load(format!(r#"{{"a":"x","sops":{block}}}"#).as_bytes()).unwrap()];
    let metadata = Metadata::extract(&mut documents, Layout::Nested)?;
    assert_eq!(documents, [Map::from_iter([("a", Node::text("x"))])], "only the document itself is left");
    Ok(metadata)
}

fn written(metadata: &Metadata) -> String {
    String::from_utf8(json::emit(&metadata.to_map(), Some(0)).unwrap()).unwrap().replace('\n', "")
}

const AGE: &str = r#""age":[{"recipient":"age1x","enc":"E"}]"#;
const REST: &str = r#""lastmodified":"2026-01-02T03:04:05Z","mac":"M","version":"3.9.4""#;

#[test]
fn a_block_is_written_sorted_as_in_sops_3_13() {
    let metadata = read(&format!(
        r#"{{"version":"3.12.0","unencrypted_suffix":"_u","mac":"M","lastmodified":"2026-01-02T03:04:05Z","shamir_threshold":1,
            "mac_only_encrypted":true,"pgp":[{{"fp":"F","enc":"P","created_at":"2026-01-01T00:00:00Z"}}],{AGE}}}"#
    ))
    .unwrap();
    assert_eq!(
        written(&metadata),
        r#"{"age": [{"enc": "E","recipient": "age1x"}],"lastmodified": "2026-01-02T03:04:05Z","mac": "M","mac_only_encrypted": true,"pgp": [{"created_at": "2026-01-01T00:00:00Z","enc": "P","fp": "F"}],"shamir_threshold": 1,"unencrypted_suffix": "_u","version": "3.12.0"}"#
    );
}

#[test]
fn blocks_of_old_versions_are_read() {
    // Up to 3.9 every kind of key was written, empty ones as null or []; JSON numbers were floats; INI and dotenv have only text.
    let metadata = read(&format!(
        r#"{{"kms":null,"gcp_kms":[],"azure_kv":{{}},"hc_vault":"","shamir_threshold":2.0,"mac_only_encrypted":"false",
            "unknown":{{"a":1}},{AGE},{REST}}}"#
    ))
    .unwrap();
    assert_eq!(metadata.groups, [vec![MasterKey::age("age1x", "E")]]);
    assert_eq!((metadata.shamir_threshold, metadata.mac_scope), (2, Scope::All));
    assert_eq!(metadata.selector, Some(Selector::default()), "no rule means the default suffix");
    assert_eq!(read(&format!(r#"{{"shamir_threshold":"3",{AGE},{REST}}}"#)).unwrap().shamir_threshold, 3);
    // Unquoted in YAML, the time is a time.
    let mut documents = [Map::from_iter([("sops", Node::Map(read(&format!("{{{AGE},{REST}}}")).unwrap().to_map()))])];
    if let Some(Entry::Pair(_, Node::Map(block))) = documents[0].0.first_mut() {
        block.0.retain(|entry| !matches!(entry, Entry::Pair(key, _) if key == "lastmodified"));
        block.push("lastmodified", Node::Leaf(Scalar::Time(go::parse_time("2020-01-01T00:00:00+00:00").unwrap())));
    }
    let metadata = Metadata::extract(&mut documents, Layout::Nested).unwrap();
    assert_eq!(go::time_seconds(metadata.last_modified), "2020-01-01T00:00:00Z");
}

#[test]
fn key_groups_keep_the_empty_lists_that_sops_writes() {
    let block = format!(
        r#"{{"key_groups":[{{{AGE}}},{{"age":null,"hc_vault":[{{"vault_address":"https://v","engine_path":"e","key_name":"k","created_at":"","enc":"V"}}]}}],"shamir_threshold":2,{REST}}}"#
    );
    let metadata = read(&block).unwrap();
    assert_eq!(metadata.groups[1][0].name(), "https://v/v1/e/keys/k");
    assert!(written(&metadata).starts_with(
        r#"{"key_groups": [{"age": [{"enc": "E","recipient": "age1x"}],"hc_vault": []},{"age": [],"hc_vault": [{"created_at": "","enc": "V","engine_path": "e","key_name": "k","vault_address": "https://v"}]}],"lastmodified""#
    ));
    // Keys outside of groups win, as in sops.
    assert_eq!(read(&format!(r#"{{"key_groups":[{{{AGE}}},{{{AGE}}}],{AGE},{REST}}}"#)).unwrap().groups.len(), 1);
}

#[test]
fn keys_that_are_not_age_survive_with_their_fields() {
    let kms = r#""kms":[{"arn":"arn:aws:kms:a","context":{"b":null,"a":"1"},"created_at":"2026-01-01T00:00:00Z","enc":"K","aws_profile":"","role":""}]"#;
    let metadata = read(&format!("{{{kms},{AGE},{REST}}}")).unwrap();
    assert_eq!(metadata.groups[0].iter().map(MasterKey::name).collect::<Vec<_>>(), ["arn:aws:kms:a", "age1x"]);
    assert!(written(&metadata).contains(
        r#""kms": [{"arn": "arn:aws:kms:a","aws_profile": "","context": {"a": "1","b": null},"created_at": "2026-01-01T00:00:00Z","enc": "K"}]"#
    ));
}

#[test]
fn broken_blocks_are_errors_that_name_the_field() {
    let error = |block: String| read(&block).unwrap_err().to_string();
    assert_eq!(error("[]".into()), "the `sops` key is not a map");
    assert_eq!(error(format!("{{{REST}}}")), "no keys found in the sops metadata");
    assert_eq!(error(format!(r#"{{{AGE},"mac":"M"}}"#)), "`sops.lastmodified` is not a time in RFC 3339");
    assert_eq!(error(format!(r#"{{"age":[1],{REST}}}"#)), "`sops.age` is not a list of maps");
    assert_eq!(error(format!(r#"{{"age":[{{"enc":[1]}}],{REST}}}"#)), "`sops.age[0].enc` is not text");
    assert_eq!(error(format!(r#"{{"shamir_threshold":-1,{AGE},{REST}}}"#)), "`sops.shamir_threshold` is not a number");
    assert!(error(format!(r#"{{"encrypted_regex":"a","encrypted_suffix":"b",{AGE},{REST}}}"#)).starts_with("only one of"));
    let two = json::load(format!(r#"{{"sops":{{{AGE},{REST}}},"sops":{{}}}}"#).as_bytes()).unwrap();
    assert_eq!(Metadata::extract(&mut [two], Layout::Nested), Err(Error::Duplicate));
    for layout in [Layout::Nested, Layout::Section, Layout::Flat] {
        assert_eq!(Metadata::extract(&mut [Map::default()], layout), Err(Error::NotFound));
    }
}

#[test]
fn every_layout_reads_back_what_it_wrote() {
    let block = format!(
        r#"{{"age":[{{"recipient":"r","enc":"line\nline\n"}},{{"recipient":"s","enc":"E"}}],"encrypted_regex":"^a",{REST}}}"#
    );
    let metadata = read(&block).unwrap();
    let document = Map::from_iter([("a", Node::Map(Map::from_iter([("k", Node::text("v"))])))]);
    for layout in [Layout::Nested, Layout::Section, Layout::Flat] {
        let mut written = vec![document.clone()];
        let added = metadata.embed(&mut written, layout).unwrap();
        assert_eq!(written[0].0.len(), document.0.len() + added);
        assert!(reserved_key(&written[0], layout).is_some());
        if layout == Layout::Section {
            let Some(Node::Map(section)) = written[0].get("sops") else { panic!("a section") };
            assert_eq!(section.get("age__list_0__map_enc").and_then(Node::as_str), Some("line\\nline\\n"));
        }
        assert_eq!(
            metadata.embed(&mut written, layout).unwrap_err().to_string().split('`').nth(1).map(|key| &key[..4]),
            Some("sops")
        );
        assert_eq!(Metadata::extract(&mut written, layout).unwrap(), metadata);
        assert_eq!(written, std::slice::from_ref(&document));
    }
}

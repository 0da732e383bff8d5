//! `rotate`, `updatekeys` and `groups`: who can open a file.

use super::{IDENTITY, RECIPIENT, case, check, peer, plain_world, start, there};
use crate::support::{as_sops, temp_dir};

const FOR_R: &str = "creation_rules:\n  - age: @R\n";
const FOR_BOTH: &str = "creation_rules:\n  - age: '@R,@O'\n";
const TWO_GROUPS: &str = "creation_rules:\n  - key_groups:\n      - age: [@R]\n      - age: [@O]\n";

#[test]
fn data_keys_are_rotated_and_recipients_come_and_go() {
    check(vec![
        case("rotate enc.yaml"),
        case("rotate -i enc.json"),
        case("-r -i enc.env"),
        case("-r enc.ini"),
        case("rotate enc.bin"),
        case("rotate --output out.yaml enc.yaml"),
        case("rotate --output-type json enc.yaml"),
        case("rotate --add-age @O enc.yaml"),
        case("-r -i --add-age @O enc.yaml"),
        case("rotate --rm-age @O both.yaml"),
        case("rotate --rm-age @R --add-age @O enc.yaml"),
        case("rotate --rm-age @O enc.yaml")
            .says("is not among its keys")
            .warns("sops says nothing when there was nothing to remove"),
        case("-r groups.yaml").env("SOPS_AGE_KEY_FILE", "both.txt"),
        case("rotate --add-age @R groups.yaml").env("SOPS_AGE_KEY_FILE", "both.txt"),
        case("rotate --rm-age @R enc.yaml").says("Could not generate data key: [empty key group provided]"),
        case("rotate --add-age nobody enc.yaml").says("malformed recipient"),
        case("rotate plain.yaml").says("no sops metadata found"),
        case("rotate other.yaml").says("Failed to get the data key"),
        case("rotate --add-pgp 0000000000000000000000000000000000000000 enc.yaml").says("only age recipients are supported"),
        case("-r enc.yaml").rules("creation_rules:\n  - path_regex: other\n    age: @R\n").says("no matching creation rules"),
        case("rotate enc.yaml").rules("creation_rules:\n  - path_regex: other\n    age: @R\n"),
    ]);
}

#[test]
fn files_follow_the_rules() {
    check(vec![
        case("updatekeys -y enc.yaml").rules(FOR_R).says("already up to date"),
        case("updatekeys -y enc.yaml").rules(FOR_BOTH).says("synced with new keys"),
        case("updatekeys --yes both.yaml").rules(FOR_R).says("synced with new keys"),
        case("updatekeys -y enc.json").rules(FOR_BOTH).says("synced with new keys"),
        case("updatekeys -y enc.env").rules(FOR_BOTH).says("synced with new keys"),
        case("updatekeys -y enc.ini").rules(FOR_BOTH).says("synced with new keys"),
        case("updatekeys -y enc.bin").rules(FOR_BOTH).says("synced with new keys"),
        case("updatekeys -y enc.yaml").rules(TWO_GROUPS).says("synced with new keys"),
        case("updatekeys -y groups.yaml").rules(FOR_R).env("SOPS_AGE_KEY_FILE", "both.txt").says("synced with new keys"),
        case("updatekeys -y groups.yaml")
            .rules("creation_rules:\n  - key_groups:\n      - age: [@R]\n      - age: [@O]\n      - age: [@R]\n")
            .env("SOPS_AGE_KEY_FILE", "both.txt")
            .says("synced with new keys"),
        case("updatekeys -y --input-type json enc.json").rules(FOR_BOTH).says("synced with new keys"),
        case("updatekeys enc.yaml").rules(FOR_BOTH).stdin("y\n").says("synced with new keys"),
        case("updatekeys enc.yaml").rules(FOR_BOTH).stdin("n\n").says("left unchanged"),
        case("updatekeys enc.yaml").rules(FOR_BOTH).stdin("maybe\ny\n").says("synced with new keys"),
        case("updatekeys enc.yaml").rules(FOR_BOTH).says("there was no answer"),
        case("updatekeys -y enc.yaml enc.json").rules(FOR_BOTH).says("synced with new keys"),
        case("updatekeys -y enc.yaml nope.yaml enc.json").rules(FOR_BOTH).says("failed updating 1 key(s)"),
        case("updatekeys -y nope.yaml").rules(FOR_BOTH).says("no such file or directory"),
        case("updatekeys -y folder").rules(FOR_BOTH).says("can't operate on a directory"),
        case("updatekeys -y plain.yaml").rules(FOR_BOTH).says("no sops metadata found"),
        case("updatekeys -y enc.yaml")
            .rules("creation_rules:\n  - path_regex: x\n    age: @R\n")
            .says("no matching creation rules"),
        case("updatekeys -y enc.yaml").rules("stores: {}\n").says("does not contain any creation rule"),
        case("updatekeys -y other.yaml").rules(FOR_R).says("Failed to get the data key").help(),
        case("--config rules updatekeys -y enc.yaml").file("rules", FOR_BOTH).says("synced with new keys"),
    ]);
}

#[test]
fn groups_are_added_and_deleted() {
    check(vec![
        case("groups add -f enc.yaml --age @O"),
        case("groups add -f enc.yaml --age @O -i"),
        case("groups add --file enc.json --age @O --age @R --in-place"),
        case("groups add -f groups.yaml --age @R").env("SOPS_AGE_KEY_FILE", "both.txt"),
        case("groups add -f groups.yaml --age @R --shamir-secret-sharing-threshold 2").env("SOPS_AGE_KEY_FILE", "both.txt"),
        case("groups delete -f groups.yaml 0 --shamir-secret-sharing-threshold 1").env("SOPS_AGE_KEY_FILE", "both.txt"),
        case("groups delete -f groups.yaml -i --shamir-secret-sharing-threshold 1 1").env("SOPS_AGE_KEY_FILE", "both.txt"),
        case("groups delete -f groups.yaml 0")
            .env("SOPS_AGE_KEY_FILE", "both.txt")
            .says("Shamir threshold is 2, but we only have 1 key groups"),
        case("groups delete -f groups.yaml 9")
            .env("SOPS_AGE_KEY_FILE", "both.txt")
            .differs("sops panics", 1)
            .says("there is no key group 9"),
        case("groups add -f enc.yaml")
            .differs("sops writes a group that nobody is in, and shares that do not fit", 1)
            .says("empty key group provided"),
        case("groups add -f enc.yaml --age nobody")
            .differs("sops leaves the recipient out and goes on", 1)
            .says("malformed recipient"),
        case("groups delete -f enc.yaml 0").differs("sops writes a file that nobody can open", 1).says("no key groups provided"),
        case("groups add -f other.yaml --age @R").says("Failed to get the data key"),
        case("groups add -f plain.yaml --age @R").says("no sops metadata found"),
        case("groups add -f nope.yaml --age @R").says("no such file or directory"),
    ]);
}

/// `enc.yaml` as if it were also for keys of other services, whose copies of the data key nobody here can make.
fn mixed() -> String {
    let others = concat!(
        "    gcp_kms:\n        - created_at: \"2026-01-01T00:00:00Z\"\n          enc: CiQA\n          resource_id: projects/p/locations/global/keyRings/r/cryptoKeys/k\n",
        "    kms:\n        - arn: arn:aws:kms:eu-west-1:1:key/x\n          aws_profile: \"\"\n          context:\n            app: web\n          created_at: \"2026-01-01T00:00:00Z\"\n          enc: AQIC\n",
    );
    let pgp = "    pgp:\n        - created_at: \"2026-01-01T00:00:00Z\"\n          enc: |-\n            -----BEGIN PGP MESSAGE-----\n\n            hF4D\n            -----END PGP MESSAGE-----\n          fp: 85D77543B3D624B63CEA9E6DBC17301B491B3F21\n";
    there("enc.yaml").replacen("    lastmodified", &format!("{others}    lastmodified"), 1).replacen(
        "    unencrypted_suffix",
        &format!("{pgp}    unencrypted_suffix"),
        1,
    )
}

#[test]
fn keys_of_other_services_are_kept_and_age_opens_the_file() {
    let mixed = mixed();
    check(vec![
        case("decrypt mixed.yaml").file("mixed.yaml", &mixed),
        case("set mixed.yaml '[\"a\"]' true").file("mixed.yaml", &mixed),
        case("unset mixed.yaml '[\"a\"]'").file("mixed.yaml", &mixed),
        case("set --output-type json mixed.yaml '[\"a\"]' true").file("mixed.yaml", &mixed),
        case("filestatus mixed.yaml").file("mixed.yaml", &mixed),
        case("rotate -i mixed.yaml").file("mixed.yaml", &mixed).alone(1).says("cannot encrypt for the kms key"),
        case("groups add -i -f mixed.yaml --age @O")
            .file("mixed.yaml", &mixed)
            .alone(1)
            .says("only age recipients are supported"),
        case("decrypt mixed.yaml")
            .file("mixed.yaml", &mixed)
            .without_key()
            .alone(128)
            .says("keys of pgp are not supported and were not tried"),
    ]);
}

/// Rules that name keys of other services beside age: those that the file has already keep their copies.
#[test]
fn updating_recipients_keeps_what_cannot_be_made_anew() {
    if start().is_none() {
        return;
    }
    let folder = temp_dir();
    let other = &start().unwrap().other;
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let rules = |more: &str| {
        format!(
            "creation_rules:\n  - key_groups:\n      - age: [{RECIPIENT}, {}]\n        kms: [{{arn: 'arn:aws:kms:eu-west-1:1:key/x'}}]\n        pgp: [\"{more}\"]\n",
            other.1
        )
    };
    put("mixed.yaml", &mixed());
    let run = |args: &[&str]| plain_world(as_sops()).args(args).env("SOPS_AGE_KEY", IDENTITY).cwd(folder.path()).output();
    put(".sops.yaml", &rules("85D77543B3D624B63CEA9E6DBC17301B491B3F21"));
    let updated = run(&["updatekeys", "-y", "mixed.yaml"]).code(0);
    assert!(updated.out().contains(&format!("+++ {}\n--- projects/p/", other.1)), "{}", updated.out());
    let text = std::fs::read_to_string(folder.path().join("mixed.yaml")).unwrap();
    assert!(text.contains("enc: AQIC\n") && text.contains("hF4D\n") && !text.contains("gcp_kms"), "{text}");
    for identity in [IDENTITY, other.0.as_str()] {
        let run = plain_world(peer().unwrap()).args(["decrypt", "mixed.yaml"]).env("SOPS_AGE_KEY", identity);
        assert!(run.cwd(folder.path()).ok().out().starts_with("# note\na: 1\n"));
    }
    // A key that the file does not have cannot be made up.
    put(".sops.yaml", &rules("0000000000000000000000000000000000000000"));
    let refused = run(&["updatekeys", "-y", "mixed.yaml"]).code(1);
    assert!(
        refused.err().contains("cannot encrypt for the pgp key `0000000000000000000000000000000000000000`"),
        "{}",
        refused.err()
    );
    assert!(std::fs::read_to_string(folder.path().join("mixed.yaml")).unwrap() == text);
}

/// A fingerprint of digits alone is a number in YAML. Where sops has a field of text it takes it as it is written.
#[test]
fn numbers_where_text_is_meant_are_read_as_by_sops() {
    const DIGITS: &str = "1234567890123456789012345678901234567890";
    let grouped = |keys: &str| format!("creation_rules:\n  - key_groups:\n      - age: [@R]\n        pgp: [{keys}]\n");
    let flat = |keys: &str| format!("creation_rules:\n  - age: @R\n    pgp: {keys}\n");
    let with_fingerprint = |fingerprint: &str| {
        let entry = "pgp:\n        - created_at: \"2024-01-01T00:00:00Z\"\n          enc: AAAA\n          fp:";
        there("enc.yaml").replace("    version:", &format!("    {entry} {fingerprint}\n    version:"))
    };
    let mut cases = vec![
        // The keys that it wants are shown as it understood them.
        case("updatekeys enc.yaml").stdin("n\n").rules(&grouped(DIGITS)).says("left unchanged"),
        case("updatekeys enc.yaml")
            .stdin("n\n")
            .rules(&grouped("0123, 0x1f, 1_000, 1e3, 1.50, true, 2020-01-01"))
            .says("left unchanged"),
        case("updatekeys -y enc.yaml").rules(&grouped("null")).says("already up to date"),
        case("encrypt plain.yaml").rules(&grouped(DIGITS)).says(DIGITS),
        case("encrypt plain.yaml").rules(&flat(DIGITS)).says("`creation_rules[0].pgp` is not text or a list of texts"),
        case("encrypt plain.yaml").rules(&flat(&format!("[{DIGITS}]"))).says("`creation_rules[0].pgp` is not text"),
        case("encrypt plain.yaml").rules(&flat("0123")).says("`creation_rules[0].pgp` is not text"),
        case("encrypt a0123.yaml").file("a0123.yaml", "a: 1\n").rules("creation_rules:\n  - path_regex: 0123\n    age: @R\n"),
        case("encrypt a83.yaml")
            .file("a83.yaml", "a: 1\n")
            .rules("creation_rules:\n  - path_regex: 0123\n    age: @R\n")
            .says("no matching creation rules"),
        case("encrypt plain.yaml")
            .rules("creation_rules:\n  - age: @R\n    encrypted_regex: 1.50\n")
            .says("selects nothing")
            .differs("a rule that selects nothing", 23),
        case("encrypt plain.yaml").rules("base: &base\n  age: @R\n  encrypted_regex: m\ncreation_rules:\n  - <<: *base\n"),
        case("encrypt plain.yaml")
            .rules("a: &a {age: @R}\nb: &b {age: @O, encrypted_suffix: m}\ncreation_rules:\n  - <<: [*a, *b]\n"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - <<: 1\n    age: @R\n").says("is not a map or a list of maps"),
        case("encrypt --explain plain.yaml").help().says("flag provided but not defined: -explain"),
        case("encrypt --age @R plain.yaml --explain").says("looks like a flag"),
    ];
    // In a file's metadata sops decodes weakly: numbers become text by way of their value.
    for fingerprint in [DIGITS, "0123", "1234567", "1.50", "true", "'0123'"] {
        cases.push(case("decrypt pgp.yaml").file("pgp.yaml", &with_fingerprint(fingerprint)));
        cases.push(case("set pgp.yaml '[\"a\"]' '\"x\"'").file("pgp.yaml", &with_fingerprint(fingerprint)));
    }
    check(cases);
}

//! `rotate`, `updatekeys` and `groups`: who can open a file.

use super::{case, check};

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

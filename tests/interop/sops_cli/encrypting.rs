//! `encrypt` and `-e`: recipients, rules, selectors, where the result goes.

use super::{case, check};

#[test]
fn every_format_is_encrypted_in_the_shape_of_the_peer() {
    check(vec![
        case("encrypt --age @R plain.yaml"),
        case("-e --age @R plain.json"),
        case("encrypt -a @R plain.env"),
        case("encrypt --age @R plain.ini"),
        case("-e -a @R plain.bin"),
        case("encrypt --age @R --output-type json plain.yaml"),
        case("encrypt --age @R --output-type yaml plain.json"),
        case("encrypt --age @R --input-type binary plain.yaml"),
        case("encrypt --age @R --input-type json --output-type yaml plain.json"),
        case("encrypt --age @R --output-type yaml plain.env"),
        case("encrypt --age @R --output-type ini plain.yaml").says("Could not marshal tree"),
        case("encrypt --age @R,@O plain.yaml"),
        case("encrypt --age '@R , @O' plain.yaml"),
        case("encrypt --age @R,@R plain.yaml"),
        case("encrypt --age @O --age @R plain.yaml"),
        case("encrypt plain.yaml").env("SOPS_AGE_RECIPIENTS", "@R"),
        case("encrypt --age @R plain.yaml").env("SOPS_AGE_RECIPIENTS", "@O"),
        case("encrypt --age @R").stdin("a: 1\n").says("must specify --filename-override"),
        case("encrypt --age @R --filename-override x.yaml").stdin("a: 1\n---\nb: 2\n"),
        case("encrypt --age @R --filename-override x").stdin("any"),
        case("encrypt --age @R --filename-override x --input-type dotenv --output-type dotenv").stdin("A=b\n"),
        case("encrypt --age @R --filename-override x.json plain.bin").says("the top level of a JSON file must be a map"),
        case("--indent 2 encrypt --age @R plain.yaml"),
        case("--indent 1 -e --age @R plain.json"),
        case("-e --age @R plain.yaml").rules("creation_rules:\nstores:\n  yaml:\n    indent: 3\n"),
    ]);
}

#[test]
fn results_go_where_they_are_asked_to() {
    check(vec![
        case("encrypt -i --age @R plain.yaml"),
        case("-e -i --age @R plain.json"),
        case("encrypt --in-place --age @R plain.bin"),
        case("encrypt --output out.yaml --age @R plain.yaml"),
        case("-e --output folder/out --age @R plain.env"),
        case("encrypt --output nope/out --age @R plain.yaml").says("there is no directory"),
        case("encrypt --output folder --age @R plain.yaml").says("it is a directory"),
        case("encrypt --age @R folder").says("it is a directory"),
        case("encrypt -i --age @R folder").says("it is a directory"),
    ]);
}

#[test]
fn selectors_choose_the_same_values() {
    check(vec![
        case("encrypt --age @R --encrypted-regex '^m$' plain.yaml"),
        case("encrypt --age @R --unencrypted-regex '^m$' plain.yaml"),
        case("encrypt --age @R --encrypted-suffix ext plain.yaml"),
        case("encrypt --age @R --unencrypted-suffix a plain.yaml"),
        case("--encrypted-comment-regex note -e --age @R plain.yaml"),
        case("-e --unencrypted-comment-regex note --age @R plain.yaml"),
        case("--mac-only-encrypted encrypt --age @R --encrypted-regex '^m$' plain.yaml"),
        case("-e --mac-only-encrypted --age @R --encrypted-regex '^m$' plain.json"),
        case("encrypt --age @R --encrypted-regex '^m$' --encrypted-suffix x plain.yaml").says("only one of"),
        case("encrypt --encrypted-suffix x plain.yaml")
            .rules("creation_rules:\n  - age: @R\n    encrypted_regex: ^m$\n")
            .says("only one of"),
        case("encrypt --encrypted-regex '^b$' plain.yaml").rules("creation_rules:\n  - age: @R\n    encrypted_regex: ^m$\n"),
        case("encrypt --age @R --encrypted-regex a plain.bin").says("encrypted_regex is ignored"),
        case("encrypt --age @R --encrypted-regex '(' plain.yaml")
            .differs("sops writes every value in plaintext", 8)
            .says("invalid regular expression"),
        case("encrypt --age @R --encrypted-regex '^(?!a)' plain.yaml")
            .differs("sops writes every value in plaintext", 8)
            .says("without look-around"),
        case("encrypt --age @R --encrypted-regex '^nothing$' plain.yaml")
            .differs("sops writes every value in plaintext", 23)
            .says("selects nothing"),
        case("encrypt --encrypted-comment-regex note --age @R plain.yaml")
            .better("the flag is global only in sops 3.13.3 and belongs to the command in later versions"),
    ]);
}

#[test]
fn rules_decide_for_whom() {
    let two = "creation_rules:\n  - path_regex: \\.json$\n    age: @O\n  - path_regex: plain\n    age: @R\n";
    check(vec![
        case("encrypt plain.yaml").rules(two),
        case("encrypt plain.json").rules("creation_rules:\n  - path_regex: \\.json$\n    age: [\"@O\", \"@R\"]\n"),
        case("-e plain.yaml").rules(two),
        case("encrypt folder/a.yaml").file("folder/a.yaml", "a: 1\n").rules("creation_rules:\n  - path_regex: ^folder/\n    age: @R\n"),
        case("encrypt --filename-override plain.x plain.yaml").rules(two),
        case("encrypt --age @R plain.yaml").rules("creation_rules:\n  - path_regex: plain\n    age: @O\n    encrypted_regex: ^m$\n"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - age: @R\n    mac_only_encrypted: true\n    encrypted_regex: ^m$\n"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - age: @R\n    unencrypted_suffix: _plain\n    shamir_threshold: 1\n"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - key_groups:\n      - age: [@R]\n      - age: [@O]\n"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - shamir_threshold: 2\n    key_groups:\n      - age: [@R]\n      - age: [@O]\n      - age: [@R, @O]\n"),
        case("encrypt --shamir-secret-sharing-threshold 2 plain.yaml").rules("creation_rules:\n  - key_groups:\n      - age: [@R]\n      - age: [@O]\n      - age: [@R]\n"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - key_groups:\n      - merge:\n          - age: [@R]\n        age: [@O]\n"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - path_regex: other\n    age: @R\n").says("no matching creation rules found"),
        case("encrypt --age @R plain.yaml").rules("creation_rules:\n  - path_regex: other\n    age: @R\n").says("no matching creation rules found"),
        case("encrypt --age @R plain.yaml").rules("creation_rules: []\n").says("no matching creation rules found"),
        case("encrypt --age @R plain.yaml").rules(""),
        case("encrypt --age @R plain.yaml").rules("stores: {}\n"),
        case("encrypt plain.yaml").rules("stores: {}\n").says("no keys provided"),
        case("encrypt plain.yaml").says("no keys provided"),
        case("-e plain.yaml").says("no keys provided"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - encrypted_regex: x\n").says("Could not generate data key: [empty key group provided]"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - key_groups:\n      - age: []\n").says("empty key group provided"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - path_regex: (\n    age: @R\n").says("path_regex"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - age: nobody\n").says("malformed recipient"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - age: @R\n    encrypted_regex: a\n    encrypted_suffix: b\n").says("only one of"),
        case("encrypt plain.yaml").rules("creation_rules: {\n").says("error loading config"),
        case("decrypt enc.yaml").rules("creation_rules: {\n").says("error loading config"),
        case("--config nope encrypt plain.yaml").says("could not read config file"),
        case("--config nope decrypt enc.yaml").says("could not read config file"),
        case("--config folder encrypt plain.yaml").says("could not read config file"),
        case("encrypt --age @R plain.yaml").file(".sops.yml", "creation_rules:\n  - age: @O\n").says("must be called .sops.yaml"),
        case("encrypt plain.yaml").rules("creation_rules:\n  - age: @R\n").file(".sops.yml", "x").says(""),
        case("encrypt plain.yaml").rules("creation_rules:\n  - key_groups:\n      - age: [@R]\n      - age: [@O]\n    shamir_threshold: 3\n").says("threshold"),
        case("encrypt --age nobody plain.yaml").says("malformed recipient"),
        case("encrypt --age age1nobody plain.yaml").says("malformed recipient"),
        case("encrypt --age @R --pgp 0000000000000000000000000000000000000000 plain.yaml").says("only age recipients are supported"),
    ]);
}

#[test]
fn files_that_cannot_be_encrypted_stay() {
    check(vec![
        case("encrypt --age @R enc.yaml").says("it is encrypted already"),
        case("encrypt -i --age @R enc.json").says("it is encrypted already"),
        case("-e -i --age @R enc.env").says("it is encrypted already"),
        case("encrypt --age @R enc.ini").says("it is encrypted already"),
        case("encrypt --age @R a.yaml").file("a.yaml", "").says("there must be at least one document"),
        case("encrypt --age @R a.yaml").file("a.yaml", "- a\n").says("must be a map"),
        case("encrypt --age @R a.yaml").file("a.yaml", "just text\n").says("must be a map"),
        case("encrypt --age @R a.yaml").file("a.yaml", "a: [\n").says("Error unmarshalling file"),
        case("encrypt --age @R a.yaml").file("a.yaml", "a: 1\na: 2\n").says("Error unmarshalling file"),
        case("encrypt --age @R a.json").file("a.json", "{\"a\": 1").says("not valid JSON"),
        case("encrypt --age @R a.json").file("a.json", "[1]").says("must be a map"),
        case("encrypt --age @R a.env").file("a.env", "no equals sign\n").says("not valid"),
        case("encrypt --age @R a.ini").file("a.ini", "[unclosed\n").says("not valid"),
        case("encrypt --age @R a.yaml")
            .file("a.yaml", "1: x\n")
            .says("Error unmarshalling file")
            .differs("sops says so later, with 23", 2),
        case("encrypt --age @R a.json").file("a.json", "{}"),
        case("encrypt --age @R a.yaml").file("a.yaml", "{}\n"),
        case("encrypt --age @R a").file("a", ""),
        case("encrypt --age @R a.env").file("a.env", ""),
    ]);
}

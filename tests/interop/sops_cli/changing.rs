//! `set`, `--set` and `unset`: values put and removed in place.

use super::{case, check};

#[test]
fn values_are_set_in_every_format() {
    check(vec![
        case("set enc.yaml '[\"m\"][\"k\"]' '\"new\"'"),
        case("set enc.yaml '[\"added\"]' '\"new\"'"),
        case("set enc.yaml '[\"m\"][\"x\"][\"y\"]' '\"deep\"'"),
        case("set enc.yaml '[\"b\"][0]' '\"new\"'"),
        case("set enc.yaml '[\"b\"][9]' '\"appended\"'"),
        case("set enc.yaml '[\"l\"][0]' '\"a new list\"'"),
        case("set enc.yaml '[\"l\"][0][\"k\"]' '\"a map in a list\"'"),
        case("set enc.yaml '[\"a\"][\"k\"]' '\"in place of a number\"'"),
        case("set enc.yaml '[\"m\"]' '{\"n\": 1, \"list\": [true, null, 1.5, \"x\"]}'"),
        case("set enc.yaml '[\"a\"]' 'true'"),
        case("set enc.yaml '[\"a\"]' 'null'"),
        case("set enc.yaml '[\"a\"]' '1.5'"),
        case("set enc.yaml '[\"text\"]' '\"line\\nline\\n\"'"),
        case("set enc.yaml '[\"shown_unencrypted\"]' '\"still plain\"'"),
        case("set enc.json '[\"m\"][\"k\"]' '\"new\"'"),
        case("set enc.env '[\"A\"]' '\"new\"'"),
        case("set enc.env '[\"N\"]' '\"new\"'"),
        case("set enc.ini '[\"one\"][\"bb\"]' '\"new\"'"),
        case("set enc.bin '[\"data\"]' '\"new\"'"),
        case("set --value-stdin enc.yaml '[\"a\"]'").stdin("\"from stdin\"\n"),
        case("set --value-file enc.yaml '[\"a\"]' value").file("value", "{\"k\": \"from a file\"}"),
        case("set --output-type json enc.yaml '[\"a\"]' '\"x\"'"),
        case("set groups.yaml '[\"a\"]' '\"x\"'").env("SOPS_AGE_KEY_FILE", "both.txt"),
        case("set --ignore-mac enc.yaml '[\"a\"]' '\"x\"'"),
        case("--set '[\"m\"][\"k\"] \"new\"' enc.yaml"),
        case("--set '[\"m\"] {\"k\": \"new\"}' enc.json"),
        case("set enc.yaml '[\"a\"]' 2").better("sops makes a float of every whole number"),
        case("set enc.yaml '[\"a\"]' '[1, 2]'").better("sops refuses a list"),
        case("set enc.yaml '[\"a\"]' '\"y\"' --idempotent"),
        case("set --idempotent enc.yaml '[\"m\"][\"k\"]' '\"v\"'"),
        case("set --idempotent enc.yaml '[\"m\"][\"t\"]' true"),
        case("set --idempotent enc.yaml '[\"b\"]' '{\"x\": 1}'"),
    ]);
}

#[test]
fn values_are_removed_in_every_format() {
    check(vec![
        case("unset enc.yaml '[\"m\"][\"k\"]'"),
        case("unset enc.yaml '[\"m\"]'"),
        case("unset enc.yaml '[\"b\"][0]'"),
        case("unset enc.yaml '[\"m\"][\"deep\"][0][\"z\"]'"),
        case("unset enc.json '[\"m\"]'"),
        case("unset enc.env '[\"A\"]'"),
        case("unset enc.ini '[\"one\"][\"a\"]'"),
        case("unset --idempotent enc.yaml '[\"nope\"]'"),
        case("unset --idempotent enc.yaml '[\"b\"][9]'"),
        case("unset --idempotent enc.yaml '[\"b\"][1]'"),
        case("unset enc.yaml '[\"nope\"]'").says("component [\"nope\"] not found"),
        case("unset enc.yaml '[\"b\"][9]'").says("component [9] is out of bounds"),
        case("unset enc.yaml '[\"a\"][\"x\"]'").says("is a key, but there is no map"),
        case("unset enc.yaml 'a'").says("Invalid unset index format"),
        case("unset enc.yaml '[\"b\"][\"x\"]'").differs("sops panics", 1).says("is a key, but there is no map"),
        case("unset enc.yaml ''").differs("sops panics", 1).says("the path is empty"),
    ]);
}

#[test]
fn what_cannot_be_set_leaves_the_file() {
    check(vec![
        case("set enc.yaml '[\"a\"]' '{'").says("is not valid JSON"),
        case("set enc.yaml '[\"a\"]' 'text'").says("is not valid JSON"),
        case("set enc.yaml '[\"a\"]' '1 2'").says("is not valid JSON"),
        case("set enc.yaml 'a' 1").says("Invalid set index format"),
        case("set enc.yaml '[a]' 1").says("Invalid set index format"),
        case("set nope.yaml '[\"a\"]' 1").says("no such file or directory"),
        case("set plain.yaml '[\"a\"]' 1").says("no sops metadata found"),
        case("set enc.yaml '[\"sops\"]' 1").says("it is encrypted already"),
        case("set --value-file enc.yaml '[\"a\"]' nope").says("cannot read the value from FOLDER/nope"),
        case("set enc.env '[\"A\"]' '{\"b\": 1}'").says("Could not marshal tree"),
        case("set other.yaml '[\"a\"]' 1").says("Failed to get the data key"),
        case("--set '[\"a\"]1' enc.yaml").says("Invalid --set format"),
        case("--set '[\"a\"] x' enc.yaml").says("is not valid JSON"),
        case("set enc.yaml '[\"b\"][\"x\"]' 1").differs("sops panics", 1).says("is a key, but there is no map"),
        case("set enc.yaml '' 1").differs("sops panics", 1).says("the path is empty"),
        case("set enc.yaml '[\"m\"][0]' 1")
            .differs("sops changes nothing and rewrites the file", 1)
            .says("is an index, but there is no list"),
    ]);
}

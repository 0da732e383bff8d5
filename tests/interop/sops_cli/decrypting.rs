//! `decrypt` and `-d`: every format, conversions, parts of documents, where the result goes.

use super::{case, check, there};

#[test]
fn every_format_comes_out_as_it_does_with_the_peer() {
    check(vec![
        case("decrypt enc.yaml"),
        case("-d enc.json"),
        case("decrypt enc.env"),
        case("decrypt enc.ini"),
        case("-d enc.bin"),
        case("decrypt enc.yml").says("cannot operate on non-existent file"),
        case("decrypt --output-type json enc.yaml"),
        case("decrypt --output-type yaml enc.json"),
        case("decrypt --output-type dotenv enc.yaml").says("Error dumping file"),
        case("decrypt --output-type ini enc.yaml").says("Error dumping file"),
        case("decrypt --output-type binary enc.yaml").says("Error dumping file"),
        case("decrypt --output-type yaml enc.env"),
        case("decrypt --output-type json enc.ini"),
        case("decrypt --output-type ini enc.env").says("Error dumping file"),
        case("-d --output-type nonsense enc.json"),
        case("-d --input-type nonsense enc.json"),
        case("decrypt --input-type yaml --output-type yaml enc.json"),
        case("decrypt --input-type json enc.yaml").says("the top level of a JSON file must be a map"),
        case("decrypt both.yaml"),
        case("decrypt both.yaml").without_key().env("SOPS_AGE_KEY_FILE", "both.txt"),
        case("decrypt groups.yaml").env("SOPS_AGE_KEY_FILE", "both.txt"),
        case("decrypt groups.yaml").says("1 of 2 key groups opened and 2 are needed"),
        case("--config rules.yaml decrypt enc.yaml").file("rules.yaml", "stores:\n  yaml:\n    indent: 2\n"),
        case("decrypt enc.json").rules("stores:\n  json:\n    indent: 3\n"),
        case("decrypt enc.yaml").env("SOPS_CONFIG", "rules.yaml").file("rules.yaml", "stores:\n  yaml:\n    indent: 6\n"),
        case("--indent 3 -d enc.json"),
        case("--indent 0 -d enc.json"),
        case("--indent -1 -d enc.json"),
        case("--indent -2 -d enc.json").says("indent"),
        case("--indent 1 decrypt enc.yaml"),
        case("--indent 12 decrypt enc.yaml"),
    ]);
}

#[test]
fn standard_input_is_binary_unless_told_otherwise() {
    check(vec![
        case("decrypt").stdin(there("enc.bin")),
        case("decrypt --input-type yaml --output-type json").stdin(there("enc.yaml")),
        case("decrypt --filename-override x.json").stdin(there("enc.json")),
        case("decrypt --filename-override x.env --output-type json").stdin(there("enc.env")),
        case("decrypt /dev/stdin").stdin(there("enc.bin")),
        case("decrypt").stdin(there("enc.yaml")).says("it is no encrypted binary file"),
        case("decrypt").stdin("").says("it is no encrypted binary file"),
        case("decrypt --input-type yaml").stdin(there("enc.yaml")).says("Error dumping file"),
    ]);
}

#[test]
fn parts_of_documents_are_extracted() {
    check(vec![
        case("decrypt --extract '[\"a\"]' enc.yaml"),
        case("decrypt --extract '[\"b\"]' enc.yaml"),
        case("decrypt --extract '[\"b\"][1]' enc.yaml"),
        case("decrypt --extract '[\"m\"]' enc.yaml"),
        case("decrypt --extract '[\"m\"][\"k\"]' enc.yaml"),
        case("decrypt --extract '[\"m\"][\"t\"]' enc.yaml"),
        case("decrypt --extract '[\"m\"][\"deep\"][0]' enc.yaml"),
        case("decrypt --extract '[\"m\"][\"deep\"][0][\"z\"]' enc.yaml"),
        case("decrypt --extract '[\"f\"]' enc.yaml"),
        case("decrypt --extract '[\"null\"]' enc.yaml"),
        case("decrypt --extract '[\"text\"]' enc.yaml"),
        case("decrypt --extract '[\"empty\"]' enc.yaml"),
        case("decrypt --extract '[\"shown_unencrypted\"]' enc.yaml"),
        case("-d --extract '' enc.yaml"),
        case("decrypt --extract '[\"b\"]' enc.json"),
        case("decrypt --extract '[\"m\"]' enc.json"),
        case("decrypt --extract '[\"f\"]' enc.json"),
        case("decrypt --extract '[\"none\"]' enc.json"),
        case("decrypt --extract '[\"A\"]' enc.env"),
        case("decrypt --extract '[\"one\"][\"bb\"]' enc.ini"),
        case("decrypt --extract '[\"data\"]' enc.bin"),
        case("decrypt --extract '[\"m\"]' --output-type json enc.yaml"),
        case("decrypt --extract '[\"a\"]' --output-type dotenv enc.yaml").says("a value that is no text"),
        case("decrypt --extract '[\"nope\"]' enc.yaml").says("component [\"nope\"] not found"),
        case("decrypt --extract '[\"b\"][7]' enc.yaml").says("component [7] is out of bounds"),
        case("decrypt --extract 'a' enc.yaml").says("error parsing --extract path"),
        case("decrypt --extract '[\"a' enc.yaml").says("error parsing --extract path"),
        case("decrypt --extract '[x]' enc.yaml").says("error parsing --extract path"),
        case("decrypt --extract '[\"a\"]x' enc.yaml").says("error parsing --extract path"),
        case("decrypt --extract '[\"a\"][0]' enc.yaml").says("is an index, but there is no list"),
        case("decrypt --extract '[\"m\"][0]' enc.yaml")
            .differs("sops takes a map for a list of its entries", 1)
            .says("is an index, but there is no list"),
        case("decrypt --extract '[\"a\"][\"b\"]' enc.yaml").differs("sops panics", 1).says("is a key, but there is no map"),
        case("decrypt --extract '[]' enc.yaml").differs("sops panics", 91).says("error parsing --extract path"),
        case("decrypt --extract '[\"]' enc.yaml").differs("sops panics", 91).says("error parsing --extract path"),
        case("decrypt --extract '[\"b\"][-1]' enc.yaml").differs("sops panics", 91).says("error parsing --extract path"),
    ]);
}

#[test]
fn results_go_where_they_are_asked_to() {
    check(vec![
        case("decrypt -i enc.yaml"),
        case("-d --in-place enc.json"),
        case("decrypt --in-place enc.bin"),
        case("decrypt --output out.yaml enc.yaml"),
        case("-d --output out enc.json"),
        case("-d --output folder/out enc.ini"),
        case("decrypt --output out.json --output-type json enc.yaml"),
        case("decrypt -i --output-type json enc.yaml"),
        case("decrypt --output plain.yaml enc.yaml"),
        case("decrypt --output nope/out enc.yaml").says("there is no directory"),
        case("decrypt --output folder enc.yaml").says("it is a directory"),
        case("decrypt --output out --extract '[\"m\"][\"k\"]' enc.yaml"),
    ]);
}

#[test]
fn files_that_are_not_encrypted_are_told_as_such() {
    check(vec![
        case("decrypt plain.yaml").says("no sops metadata found"),
        case("decrypt plain.json").says("no sops metadata found"),
        case("decrypt plain.env").says("no sops metadata found"),
        case("decrypt plain.ini").says("no sops metadata found"),
        case("decrypt plain.bin").says("it is no encrypted binary file"),
        case("-d -i plain.yaml").says("no sops metadata found"),
        case("decrypt folder").says("it is a directory"),
    ]);
}

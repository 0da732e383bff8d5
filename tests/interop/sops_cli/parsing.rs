//! How command lines are read: flags, values, help, versions, what is unknown, flags in place of commands.

use super::{case, check};

const COMMANDS: [&str; 13] = [
    "decrypt",
    "encrypt",
    "rotate",
    "edit",
    "set",
    "unset",
    "updatekeys",
    "filestatus",
    "publish",
    "exec-env",
    "exec-file",
    "keyservice",
    "groups add",
];

#[test]
fn help_lists_all_flags_of_the_peer() {
    let mut cases = vec![
        case("--help").help(),
        case("-h").help(),
        case("-h -d enc.yaml").help(),
        case("help").help(),
        case("h").help(),
        case("groups").help(),
        case("groups help").help(),
        case("groups --help").help(),
        case("completion").help(),
        case("help decrypt").help(),
        case("decrypt enc.yaml --help").help(),
        case("groups delete -h").help(),
    ];
    cases.extend(COMMANDS.iter().map(|command| case(&format!("{command} --help")).help()));
    cases.extend([
        case("help nope").says("No help topic for 'nope'"),
        case("groups nope").says("No help topic for 'nope'"),
        case("completion fish").says("No help topic for 'fish'"),
    ]);
    check(cases);
}

#[test]
fn command_lines_that_cannot_be_read_show_the_help_and_the_reason() {
    check(vec![
        case("--nope").help().says("flag provided but not defined: -nope"),
        case("-x enc.yaml").help().says("flag provided but not defined: -x"),
        case("---d enc.yaml").help().says("bad flag syntax: ---d"),
        case("-d --output").help().says("flag needs an argument: -output"),
        case("-d --indent x enc.yaml").help().says("invalid value \"x\" for flag -indent: parse error"),
        case("-d=maybe enc.yaml").help().says("invalid boolean value \"maybe\" for -d: parse error"),
        case("decrypt --nope enc.yaml").help().says("flag provided but not defined: -nope"),
        case("decrypt --config x enc.yaml").help().says("flag provided but not defined: -config"),
        case("decrypt --output").help().says("flag needs an argument: -output"),
        case("groups add --nope").help().says("flag provided but not defined: -nope"),
        case("set --idempotent=x enc.yaml").help().says("invalid boolean value \"x\" for -idempotent: parse error"),
        case("-di enc.yaml").help().says("flag provided but not defined: -di"),
        case("--in-place -i -d enc.yaml").help().says("Cannot use two forms of the same flag"),
    ]);
}

#[test]
fn flags_may_be_spelled_in_every_way_that_go_takes() {
    check(vec![
        case("-d enc.yaml"),
        case("--d enc.yaml"),
        case("-decrypt enc.yaml"),
        case("--decrypt=true enc.yaml"),
        case("--decrypt=T enc.yaml"),
        case("-d --extract=[\"a\"] enc.yaml"),
        case("-d --extract '[\"a\"]' enc.yaml"),
        case("-d --extract '[\"b\"]' --extract '[\"a\"]' enc.yaml"),
        case("-d -- enc.yaml"),
        case("--ignore-mac=false -d enc.yaml"),
        case("decrypt enc.yaml --extract '[\"a\"]'"),
        case("decrypt enc.yaml -extract=[\"a\"]"),
        case("decrypt -- enc.yaml"),
        case("-d --indent 2 enc.yaml"),
        case("-d --indent 0x2 enc.yaml"),
        case("--indent 8 decrypt enc.yaml"),
        case("--verbose=false decrypt enc.yaml"),
        case("-d enc.yaml plain.yaml").says("More than one positional argument provided"),
        case("-d enc.yaml --extract '[\"a\"]'").says("\\\"--extract\\\" is one of the arguments that are ignored"),
        case("decrypt enc.yaml --nope").says("\\\"--nope\\\" is one of the arguments that are ignored"),
        case("-d -e --age @R enc.yaml").says("Only the last one of them is done"),
    ]);
}

#[test]
fn what_is_missing_has_its_exit_code() {
    check(vec![
        case("").says("Error: no file specified"),
        case("-d").says("Error: no file specified"),
        case("-e --age @R").says("Error: no file specified"),
        case("rotate").says("Error: no file specified"),
        case("filestatus").says("Error: no file specified"),
        case("publish").rules("creation_rules: []\n").says("Error: no file specified"),
        case("-d nope.yaml").says("cannot operate on non-existent file \"FOLDER/nope.yaml\""),
        case("-e nope.yaml").says("cannot operate on non-existent file \"FOLDER/nope.yaml\""),
        case("-r nope.yaml").says("cannot operate on non-existent file \"FOLDER/nope.yaml\""),
        case("decrypt nope.yaml").says("cannot operate on non-existent file \"FOLDER/nope.yaml\""),
        case("encrypt nope.yaml").says("cannot operate on non-existent file \"FOLDER/nope.yaml\""),
        case("rotate nope.yaml").says("FOLDER/nope.yaml: no such file or directory"),
        case("rotate --add-age @O nope.yaml").says("cannot add or remove keys on non-existent file"),
        case("-r --rm-age @O nope.yaml").says("cannot add or remove keys on non-existent file"),
        case("-i -d --output x enc.yaml").says("cannot operate on both --output and --in-place"),
        case("decrypt -i --output x enc.yaml").says("cannot operate on both --output and --in-place"),
        case("decrypt -i").says("cannot use --in-place when reading from stdin"),
        case("encrypt -i --age @R").says("cannot use --in-place when reading from stdin"),
        case("encrypt --age @R").says("must specify --filename-override when reading from stdin"),
        case("set enc.yaml").says("no file, path or value specified"),
        case("set --value-stdin enc.yaml").says("no file or path specified"),
        case("set --value-stdin --value-file enc.yaml x").says("cannot use both --value-file and --value-stdin"),
        case("unset enc.yaml").says("no file specified, or path is missing"),
        case("groups add").says("no file specified"),
        case("groups add -f enc.yaml x").says("no positional arguments allowed"),
        case("groups delete -f groups.yaml").says("exactly one positional argument (index) required"),
        case("groups delete -f groups.yaml x").says("failed to parse [index] argument"),
        case("updatekeys enc.yaml").says("config file not found"),
        case("updatekeys").rules("creation_rules:\n  - age: @R\n").says("Error: no file specified"),
        case("-d --decryption-order age,age enc.yaml").says("Duplicate decryption key type: age"),
        case("decrypt --decryption-order pgp,age enc.yaml"),
        case("decrypt --decryption-order nobody enc.yaml"),
        case("decrypt enc.yaml").env("SOPS_DECRYPTION_ORDER", "pgp,pgp").says("Duplicate decryption key type: pgp"),
        case("decrypt enc.yaml").env("SOPS_ENABLE_LOCAL_KEYSERVICE", "maybe").help().says("could not parse maybe as bool"),
    ]);
}

#[test]
fn the_state_of_files_is_told_as_json() {
    check(vec![
        case("filestatus enc.yaml"),
        case("filestatus enc.json"),
        case("filestatus enc.env"),
        case("filestatus enc.ini"),
        case("filestatus enc.bin"),
        case("filestatus plain.yaml"),
        case("filestatus plain.json"),
        case("filestatus plain.env"),
        case("filestatus plain.ini"),
        case("filestatus plain.bin").says("cannot check file status"),
        case("filestatus nope").says("no such file or directory"),
        case("filestatus folder").says("it is a directory"),
        case("filestatus --input-type json enc.bin"),
        case("filestatus --input-type binary enc.yaml").says("cannot check file status"),
        case("filestatus a.yaml").file("a.yaml", "a: 1\nsops: 2\n").says("the `sops` key is not a map"),
        case("filestatus other.yaml").without_key(),
    ]);
}

#[test]
fn publishing_says_what_it_does_not_do() {
    check(vec![
        case("publish enc.yaml")
            .rules("destination_rules:\n  - s3_bucket: b\n    path_regex: nothing\n")
            .says("publish is not supported: this program does not write to S3"),
    ]);
}

//! The table of flags and what the parser makes of it; whole runs are tested in `tests/it/kubeseal_*.rs`.

use super::flags::{FLAGS, Kind};
use super::parse::{Parsed, Stop, parse};
use super::settings::{Format, Settings};
use crate::cli::env::Env;
use crate::seal::Scope;

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(str::to_owned).collect()
}

fn parsed(line: &str, env: &[(&str, &str)]) -> Parsed {
    let (parsed, result) = parse(&words(line), &Env::fixed(env.iter().copied()));
    assert_eq!(result, Ok(()), "{line}");
    parsed
}

fn wrong(line: &str) -> String {
    match parse(&words(line), &Env::default()).1 {
        Err(Stop::Wrong(message)) => message,
        other => format!("{other:?}"),
    }
}

#[test]
fn the_table_is_sorted_and_every_name_and_letter_is_there_once() {
    assert!(FLAGS.is_sorted_by(|one, other| one.name < other.name));
    let mut letters: Vec<u8> = FLAGS.iter().filter_map(|flag| flag.shorthand).collect();
    letters.sort_unstable();
    assert_eq!(letters, b"fnovw");
    // The parser takes what follows a letter for its value.
    assert!(FLAGS.iter().all(|flag| flag.shorthand.is_none() || flag.kind != Kind::Bool));
}

#[test]
fn every_flag_but_klogs_has_a_variable_and_the_command_line_wins() {
    for flag in FLAGS {
        let name = format!("SEALED_SECRETS_{}", flag.name.to_uppercase().replace('-', "_"));
        let (value, typed, other) = match flag.kind {
            Kind::Bool => ("true", "true", "false"),
            Kind::Scope => ("cluster-wide", "cluster-wide", "namespace-wide"),
            Kind::Level | Kind::Uint | Kind::Severity => ("1", "1", "0"),
            Kind::TraceLocation => ("a.go:1", "a.go:1", "a.go:2"),
            Kind::ModuleSpec => ("a=1", "a=1", "a=2"),
            Kind::Text | Kind::Namespace | Kind::List | Kind::Array => ("x", "x", "y"),
        };
        let is_klog =
            flag.name.contains('_') || ["v", "vmodule", "logtostderr", "alsologtostderr", "stderrthreshold"].contains(&flag.name);
        assert_eq!(flag.variable(), (!is_klog).then(|| name.clone()), "{}", flag.name);
        let target = flag.deprecated.map_or(flag.name, |(by, _)| by);
        let set = parsed("", &[(&name, value)]);
        let both = parsed(&format!("--{}={other}", flag.name), &[(&name, value)]);
        if is_klog {
            assert_eq!(set, Parsed::default(), "{}", flag.name);
        } else if matches!(flag.kind, Kind::List | Kind::Array) {
            assert_eq!(set.list(target), [typed], "{}", flag.name);
            assert_eq!(both.list(target), [typed, other], "{}: lists add up", flag.name);
        } else {
            assert_eq!(set.text(target), typed, "{}", flag.name);
            assert!(set.is_given(target));
            assert_eq!(both.text(target), other, "{}", flag.name);
            assert_eq!(parsed("", &[]).text(target), FLAGS.iter().find(|f| f.name == target).unwrap().default, "{}", flag.name);
        }
    }
}

#[test]
fn an_empty_variable_is_empty_and_one_that_does_not_fit_is_ignored() {
    assert_eq!(parsed("", &[("SEALED_SECRETS_CONTROLLER_NAME", "")]).text("controller-name"), "");
    assert_eq!(parsed("", &[("SEALED_SECRETS_RAW", "perhaps")]), Parsed::default());
    assert_eq!(parsed("", &[("SEALED_SECRETS_SCOPE", "everywhere")]), Parsed::default());
    assert_eq!(parsed("", &[("SEALED_SECRETS_SCOPE", "")]).text("scope"), "strict");
}

#[test]
fn values_are_written_in_every_way() {
    for line in
        ["-oyaml", "-o yaml", "-o=yaml", "--format yaml", "--format=yaml", "x -o yaml y", "-o json -o yaml", "-o yaml -- -o json"]
    {
        assert_eq!(parsed(line, &[]).text("format"), "yaml", "{line}");
    }
    for (line, on) in
        [("--raw", true), ("--raw=false", false), ("--raw=1", true), ("--raw --raw=F", false), ("--raw false", true)]
    {
        assert_eq!(parsed(line, &[]).is_on("raw"), on, "{line}");
    }
    assert_eq!(parsed("-n ns/a", &[]).text("namespace"), "a");
    assert_eq!(parsed("-n namespaces/a/b", &[]).text("namespace"), "a/b");
    assert_eq!(parsed("-n ns/ns/a", &[]).text("namespace"), "ns/a");
    assert_eq!(parsed("--from-file a,\"b,c\",\"d\"\"e\",", &[]).list("from-file"), ["a", "b,c", "d\"e", ""]);
    assert_eq!(parsed("--as-group a,b --as-group c", &[]).list("as-group"), ["a,b", "c"]);
    assert_eq!(parsed("--rotate", &[]).notices, ["Flag --rotate has been deprecated, please use --re-encrypt instead\n"]);
    assert!(parsed("--rotate", &[]).is_on("re-encrypt"));
}

#[test]
fn mistakes_have_pflags_words() {
    for (line, message) in [
        ("--nope", "unknown flag: --nope"),
        ("-zx", "unknown shorthand flag: 'z' in -zx"),
        ("---x", "bad flag syntax: ---x"),
        ("-o", "flag needs an argument: 'o' in -o"),
        ("--cert", "flag needs an argument: --cert"),
        ("--scope=x", "invalid argument \"x\" for \"--scope\" flag: must be one of: strict, namespace-wide, cluster-wide"),
        ("-v=x", "invalid argument \"x\" for \"-v, --v\" flag: strconv.ParseInt: parsing \"x\": invalid syntax"),
        (
            "--from-file=\"a",
            "invalid argument \"\\\"a\" for \"--from-file\" flag: parse error on line 1, column 3: extraneous or missing \" in quoted-field",
        ),
        ("-xh", "unknown shorthand flag: 'x' in -xh"),
        ("-h", "Err(Help)"),
    ] {
        assert_eq!(wrong(line), message, "{line}");
    }
}

#[test]
fn settings_have_types_and_the_output_file_decides_the_format() {
    let settings = |line: &str| Settings::new(&parsed(line, &[]));
    assert_eq!(settings("--scope cluster-wide").scope, Scope::ClusterWide);
    assert_eq!(settings("").output_format(), Ok(Format::Json));
    assert_eq!(settings("-o YaMl").output_format(), Ok(Format::Yaml));
    assert_eq!(settings("-o xml").output_format(), Err("xml"));
    assert_eq!(settings("-o xml -w a.yml").output_format(), Ok(Format::Yaml));
    assert_eq!(settings("-o yaml -w a.json").output_format(), Ok(Format::Yaml));
    assert_eq!(settings("-w a.YAML").output_format(), Ok(Format::Json));
    assert_eq!(settings("--re-encrypt -f in").output.as_deref(), Some("in"));
    assert_eq!(settings("--re-encrypt -f in -w out").output.as_deref(), Some("out"));
    assert!(settings("--controller-name x").names_cluster && !settings("-n x").names_cluster);
}

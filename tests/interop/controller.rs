//! The controller's command line and logs beside the reference's, without a cluster: flags, defaults, variables, streams, lines.

use std::collections::BTreeMap;

use crate::support::peers::{self, CONTROLLER};
use crate::support::{Run, temp_dir};

fn ours() -> Run {
    // Ports of the system's choice: the tests run side by side.
    Run::new(env!("CARGO_BIN_EXE_hecate-seal-controller"))
        .args(["--listen-addr=127.0.0.1:0", "--listen-metrics-addr=127.0.0.1:0"])
}

/// Go writes 720h as 720h0m0s.
fn duration(text: &str) -> &str {
    let text = text.strip_suffix("0s").filter(|rest| rest.ends_with('m')).unwrap_or(text);
    text.strip_suffix("0m").filter(|rest| rest.ends_with('h')).unwrap_or(text)
}

/// `--name type   words (default x)`, as pflag writes it.
fn flags_of_reference(help: &str) -> BTreeMap<String, String> {
    let flag = |line: &str| {
        let line = line.trim().strip_prefix("--")?;
        let name = line.split(' ').next()?;
        let default = line.rsplit_once("(default ").and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or("");
        Some((name.to_owned(), duration(default.trim_matches('"')).to_owned()))
    };
    help.lines().filter_map(flag).collect()
}

/// `--name <NAME>   words [default: x]`, which may go on in the next line.
fn flags_of_ours(help: &str) -> BTreeMap<String, String> {
    let mut flags = BTreeMap::new();
    let mut name = String::new();
    for line in help.lines().map(str::trim) {
        let line = line.strip_prefix("-h, ").unwrap_or(line);
        if let Some(flag) = line.strip_prefix("--") {
            name = flag.split([' ', '[']).next().unwrap().to_owned();
            flags.insert(name.clone(), String::new());
        }
        if let Some((_, rest)) = line.split_once("[default: ")
            && !name.is_empty()
        {
            flags.insert(name.clone(), rest.split(']').next().unwrap().to_owned());
        }
    }
    flags
}

#[test]
fn every_flag_of_the_reference_is_there_with_its_default() {
    let Some(controller) = peers::get(&CONTROLLER) else { return };
    let reference = flags_of_reference(Run::new(controller).arg("--help").output().err());
    let ours = flags_of_ours(ours().arg("--help").ok().out());
    assert!(reference.len() > 20, "{reference:?}");
    let bare = |text: &String| if text == "false" { String::new() } else { text.clone() };
    let differences: Vec<String> = reference
        .iter()
        .filter(|(name, default)| ours.get(*name).map(bare).as_ref() != Some(*default))
        .map(|(name, default)| format!("--{name}: {default:?} there, {:?} here", ours.get(name)))
        .collect();
    // Since 0.36.2 information goes to stdout there too.
    assert_eq!(differences, ["--log-info-stdout: \"\" there, Some(\"true\") here"]);
}

/// A log line without what differs from run to run.
fn masked(line: &str) -> String {
    let mut line = line.to_owned();
    for (begin, end) in [("time=", ' '), ("\"time\":\"", '"'), ("version=", ' '), ("\"version\":\"", '"')] {
        if let Some(at) = line.find(begin) {
            let from = at + begin.len();
            let to = line[from..].find(end).map_or(line.len(), |to| from + to);
            line.replace_range(from..to, "…");
        }
    }
    line
}

#[test]
fn log_lines_have_the_references_shapes_and_go_to_the_same_streams() {
    let Some(controller) = peers::get(&CONTROLLER) else { return };
    let first = |text: &str| masked(text.lines().next().unwrap_or_default());
    for format in ["text", "json"] {
        for stdout in ["true", "false"] {
            let flags = [format!("--log-format={format}"), format!("--log-info-stdout={stdout}")];
            let (theirs, ours) = (Run::new(&controller).args(&flags).output(), ours().args(&flags).output());
            assert_eq!(first(theirs.out()), first(ours.out()), "{flags:?}");
            assert!(ours.out().is_empty() == (stdout == "false"));
            let line = if stdout == "true" { ours.out() } else { ours.err() };
            assert!(line.contains("Starting sealed-secrets controller"), "{line}");
            if stdout == "false" {
                assert_eq!(first(theirs.err()), first(ours.err()));
            }
        }
        // The same by variables.
        let variable =
            |run: Run| run.env("SEALED_SECRETS_LOG_FORMAT", format).env("SEALED_SECRETS_LOG_INFO_STDOUT", "true").output();
        assert_eq!(first(variable(Run::new(&controller)).out()), first(variable(ours()).out()));
    }
}

#[test]
fn the_version_line_is_the_references() {
    let Some(controller) = peers::get(&CONTROLLER) else { return };
    assert_eq!(Run::new(controller).arg("--version").ok().out(), "controller version: 0.27.1\n");
    assert_eq!(ours().arg("--version").ok().out(), format!("controller version: {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn without_a_cluster_it_says_what_is_missing_and_what_to_do() {
    let output = ours().output().code(1);
    assert!(
        output.err().contains("There is no service account") && output.err().contains("--kubeconfig FILE"),
        "{}",
        output.err()
    );
    let folder = temp_dir();
    let file = folder.path().join("config");
    let with = |content: &str| {
        std::fs::write(&file, content).unwrap();
        ours().arg("--kubeconfig").arg(&file).output().code(1).err().to_owned()
    };
    for content in ["", "}{", "apiVersion: v1\nkind: Config\ncurrent-context: nowhere\n"] {
        let text = with(content);
        assert!(text.contains("Cannot use the kubeconfig") && text.contains("current context"), "{content}: {text}");
    }
    let missing = ours().arg("--kubeconfig=/nowhere/config").output().code(1);
    assert!(missing.err().contains("/nowhere/config"), "{}", missing.err());
    // A development cluster is never reached by accident.
    let output = ours().env("KUBECONFIG", &file).output().code(1);
    assert!(output.err().contains("There is no service account"), "{}", output.err());
}

#[test]
fn a_taken_port_and_wrong_words_are_told_apart_by_the_exit_code() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = ours().arg(format!("--listen-addr={address}")).output().code(1);
    assert!(output.err().contains(&address) && output.err().contains("another program"), "{}", output.err());
    assert!(ours().arg("--key-prefx=x").output().code(2).err().contains("--key-prefix"));
    assert!(
        ours().env("SEALED_SECRETS_KEY_RENEW_PERIOD", "30d").output().code(2).err().contains("SEALED_SECRETS_KEY_RENEW_PERIOD")
    );
    assert!(ours().arg("--rotate-period=1h").output().code(1).err().contains("please use key-renew-period instead"));
}

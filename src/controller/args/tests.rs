use super::*;

fn parse_with(words: &[&str], variables: &[(&str, &str)]) -> Result<Command, Wrong> {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let variable = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    parse(&words, &Surroundings { variable: &variable, account_namespace: Some("account".into()) })
}

fn config_with(words: &[&str], variables: &[(&str, &str)]) -> Config {
    match parse_with(words, variables).unwrap() {
        Command::Run(config, _) => *config,
        Command::Print(text) => panic!("printed {text}"),
    }
}

fn config(words: &[&str]) -> Config {
    config_with(words, &[])
}

fn wrong(words: &[&str]) -> String {
    parse_with(words, &[]).unwrap_err().0
}

#[test]
fn the_defaults_are_the_references() {
    let config = config(&[]);
    assert_eq!((config.keys.prefix.as_str(), config.keys.bits), ("sealed-secrets-key", 4096));
    assert_eq!((config.keys.ttl.as_secs(), config.keys.renew_period.as_secs()), (87600 * 3600, 720 * 3600));
    assert_eq!((config.keys.order, config.keys.cutoff, config.keys.watch), (KeyOrder::CertNotBefore, None, false));
    assert_eq!((config.namespaces, config.max_retries, config.rate_limit), (Namespaces::All, 5, (2, 2)));
    assert_eq!((config.accept_v1_data, config.update_status, config.skip_recreate, config.old_gc), (true, true, false, false));
    assert_eq!((config.listen.as_str(), config.listen_metrics.as_str()), (":8080", ":8081"));
    assert_eq!(config.timeouts, (Duration::from_mins(2), Duration::from_mins(2)));
    assert_eq!(config.log, LogSettings { info_to_stdout: true, level: 0, format: LogFormat::Text });
    assert_eq!((config.qps, config.burst), (None, 10));
}

/// Every flag of the reference's table and ours, with a value of its kind.
const FLAGS: &[(&str, &str)] = &[
    ("key-prefix", "k"),
    ("key-size", "2048"),
    ("key-ttl", "1h"),
    ("key-renew-period", "0"),
    ("rotate-period", "1h"),
    ("key-order-priority", "SecretCreationTimestamp"),
    ("key-cutoff-time", "Mon, 02 Jan 2006 15:04:05 -0700"),
    ("my-cn", "name"),
    ("privatekey-annotations", "a=b"),
    ("privatekey-labels", "a=b"),
    ("accept-deprecated-v1-data", "false"),
    ("all-namespaces", "false"),
    ("additional-namespaces", "a,b"),
    ("label-selector", "a=b"),
    ("rate-limit", "5"),
    ("rate-limit-burst", "0"),
    ("old-gc-behavior", "true"),
    ("update-status", "false"),
    ("skip-recreate", "true"),
    ("watch-for-secrets", "true"),
    ("log-info-stdout", "false"),
    ("log-level", "ERROR"),
    ("log-format", "json"),
    ("max-unseal-retries", "9"),
    ("kubeclient-qps", "-1"),
    ("kubeclient-burst", "20"),
    ("trusted-proxies", "10.0.0.0/8,::1"),
    ("listen-addr", "127.0.0.1:1"),
    ("listen-metrics-addr", "127.0.0.1:2"),
    ("read-timeout", "1s"),
    ("write-timeout", "1s"),
    ("metrics-omit-secret-labels", "true"),
];

#[test]
fn every_flag_is_taken_as_one_word_and_by_its_variable_with_the_same_effect() {
    let defaults = format!("{:?}", config(&[]));
    for (flag, value) in FLAGS {
        let by_flag = format!("{:?}", config(&[&format!("--{flag}={value}")]));
        let variable = format!("SEALED_SECRETS_{}", flag.to_uppercase().replace('-', "_"));
        let by_variable = format!("{:?}", config_with(&[], &[(&variable, value)]));
        assert_eq!(by_flag, by_variable, "{flag}");
        assert_eq!(by_flag == defaults, *flag == "kubeclient-qps", "{flag}={value}");
        if !matches!(*value, "true" | "false") {
            assert_eq!(format!("{:?}", config(&[&format!("--{flag}"), value])), by_flag, "{flag}");
        }
    }
}

#[test]
fn the_command_line_wins_over_variables_and_the_last_over_the_first() {
    let variables =
        [("SEALED_SECRETS_KEY_PREFIX", "by-variable"), ("SEALED_SECRETS_MY_CN", ""), ("SEALED_SECRETS_RATE_LIMIT", "")];
    assert_eq!(config_with(&[], &variables).keys.prefix, "by-variable");
    let config = config_with(&["--key-prefix=a", "--key-prefix", "b"], &variables);
    assert_eq!((config.keys.prefix.as_str(), config.keys.common_name.as_str(), config.rate_limit), ("b", "", (2, 2)));
}

#[test]
fn switches_are_those_of_go() {
    assert!(config(&["--skip-recreate"]).skip_recreate);
    assert!(!config(&["--update-status=F"]).update_status);
    assert!(wrong(&["--update-status=maybe"]).contains("'--update-status[=<UPDATE_STATUS>]': neither true nor false"));
    assert!(wrong(&["--update-status", "false"]).contains("hint: a switch takes its value after `=`"));
}

#[test]
fn the_old_name_of_the_renewal_period_works_and_says_so() {
    let Command::Run(config, notices) = parse_with(&["--rotate-period=3h"], &[]).unwrap() else { panic!() };
    assert_eq!(config.keys.renew_period, Duration::from_hours(3));
    assert_eq!(notices, ["Flag --rotate-period has been deprecated, please use key-renew-period instead"]);
    let Command::Run(_, notices) = parse_with(&[], &[("SEALED_SECRETS_ROTATE_PERIOD", "3h")]).unwrap() else { panic!() };
    assert_eq!(notices.len(), 1);
    let Command::Run(_, notices) = parse_with(&["--key-renew-period=3h"], &[]).unwrap() else { panic!() };
    assert_eq!(notices, [""; 0]);
}

#[test]
fn mistakes_name_the_flag_or_the_variable_and_suggest() {
    assert!(wrong(&["--key-prefx=a"]).contains("'--key-prefix'"));
    let text = wrong(&["--key-renew-period=30d"]);
    assert!(text.contains("--key-renew-period") && text.contains("write 720h"), "{text}");
    let text = parse_with(&[], &[("SEALED_SECRETS_KEY_TTL", "10y")]).unwrap_err().0;
    assert!(text.contains("SEALED_SECRETS_KEY_TTL is \"10y\": not a duration"), "{text}");
    assert!(wrong(&["stray"]).contains("takes no words"));
    for words in
        [["--rate-limit=0"], ["--key-size=1024"], ["--log-format=xml"], ["--listen-addr=8080"], ["--privatekey-labels=x"]]
    {
        assert!(wrong(&words).contains(words[0].split('=').next().unwrap()), "{words:?}");
    }
}

#[test]
fn flags_of_the_references_logging_are_accepted() {
    let words = "-v 4 -v=4 --v=4 --logtostderr --logtostderr=true --alsologtostderr=false --stderrthreshold=INFO --vmodule=a=1 --log_dir /x";
    config(&words.split(' ').collect::<Vec<_>>());
}

#[test]
fn namespaces_and_limits_are_settled() {
    let these = |words: &[&str]| config(words).namespaces;
    assert_eq!(these(&["--all-namespaces=false"]), Namespaces::These(vec!["account".into()]));
    assert_eq!(
        these(&["--additional-namespaces= b ,account,c"]),
        Namespaces::These(vec!["account".into(), "b".into(), "c".into()])
    );
    assert_eq!(config_with(&[], &[("POD_NAMESPACE", "pod")]).own_namespace, "pod");
    assert_eq!(config_with(&[], &[("POD_NAMESPACE", "")]).own_namespace, "account");
    assert_eq!(config(&["--kubeclient-qps", "-1"]).qps, None);
    assert_eq!(config(&["--kubeclient-qps=20", "--kubeclient-burst=0"]).qps.map(|rate| rate > 19.0), Some(true));
    let key_label = "--privatekey-labels=sealedsecrets.bitnami.com/sealed-secrets-key=off,a=b";
    assert_eq!(config(&[key_label]).keys.labels, [("a".to_owned(), "b".to_owned())]);
}

#[test]
fn help_and_version_are_printed() {
    let printed = |words: &[&str]| match parse_with(words, &[("SEALED_SECRETS_VERSION", "0.27.1")]) {
        Ok(Command::Print(text)) => text,
        other => panic!("{other:?}"),
    };
    assert_eq!(printed(&["--version"]), format!("controller version: {}\n", env!("CARGO_PKG_VERSION")));
    let help = printed(&["--help"]);
    for (flag, _) in FLAGS.iter().filter(|(flag, _)| *flag != "rotate-period") {
        assert!(help.contains(&format!("--{flag}")), "{flag} is missing in\n{help}");
    }
    assert!(!help.contains("vmodule") && help.contains("SEALED_SECRETS_"));
}

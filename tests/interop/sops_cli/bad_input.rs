//! Files that were damaged or are hostile, full disks: the peer's exit code, the file unchanged, and a text that says what is wrong.

use std::time::Duration;

use super::{IDENTITY, RECIPIENT, case, check, opened, peer, plain_world, start, there};
use crate::support::{Run, as_sops, links, temp_dir};

/// `enc.yaml` with one piece of text replaced.
fn yaml(from: &str, to: &str) -> String {
    let text = there("enc.yaml");
    assert!(start().is_none() || text.contains(from), "{from:?} is not in\n{text}");
    text.replacen(from, to, 1)
}

/// The sealed value of a key of `enc.yaml`.
fn value(key: &str) -> String {
    let text = there("enc.yaml");
    let line = text.lines().find_map(|line| line.trim_start().strip_prefix(key)?.strip_prefix(": "));
    line.unwrap_or_default().to_owned()
}

/// A value with one character of a part changed.
fn flipped(value: &str, part: &str) -> String {
    let (before, after) = value.split_once(part).unwrap_or((value, ""));
    let first = after.chars().next().unwrap_or('A');
    let other = if first == 'A' { 'B' } else { 'A' };
    format!("{before}{part}{other}{}", after.get(1..).unwrap_or_default())
}

#[test]
fn changed_values_are_never_shown() {
    let k = value("k");
    let t = value("t");
    let mut cases = Vec::new();
    for part in ["data:", "iv:", "tag:"] {
        let changed = yaml(&k, &flipped(&k, part));
        cases.push(case("decrypt bad.yaml").file("bad.yaml", &changed).says("`m.k`"));
        cases.push(case("decrypt -i --ignore-mac bad.yaml").file("bad.yaml", &changed).says("Error decrypting tree"));
        cases.push(case("set bad.yaml '[\"a\"]' true").file("bad.yaml", &changed).says("`m.k`"));
        cases.push(case("rotate -i bad.yaml").file("bad.yaml", &changed).says("`m.k`"));
    }
    for (text, says) in [
        (yaml(&k, &k.replace("type:str", "type:int")), "`m.k`"),
        (yaml(&k, &k.replace("type:str", "type:what")), "unknown type `what`"),
        (yaml(&k, &k.replace("ENC[", "ENCX[")), "`m.k`: not an encrypted value"),
        (yaml(&k, "plain"), "`m.k`: not an encrypted value"),
        (yaml(&k, "7"), "`m.k`: an encrypted value was expected, and this is a plain int"),
        (yaml(&k, &t), "`m.k`"),
        (yaml(&format!("    k: {k}"), &format!("    renamed: {k}")), "`m.renamed`"),
    ] {
        cases.push(case("decrypt -i bad.yaml").file("bad.yaml", &text).says(says));
        cases.push(case("decrypt --ignore-mac bad.yaml").file("bad.yaml", &text).says(says));
    }
    check(cases);
}

#[test]
fn changes_that_only_the_mac_sees_are_seen() {
    let text = there("enc.yaml");
    let items: Vec<&str> = text.lines().filter(|line| line.starts_with("    - ENC[")).take(2).collect();
    let swapped = match items.as_slice() {
        [first, second] => text.replacen(first, "@1", 1).replacen(second, first, 1).replacen("@1", second, 1),
        _ => String::new(),
    };
    let mac = value("mac");
    let cases = [
        (swapped, "MAC mismatch"),
        (yaml("shown_unencrypted: here", "shown_unencrypted: there"), "MAC mismatch"),
        (yaml("shown_unencrypted: here", "shown_unencrypted: here\nmore_unencrypted: x"), "MAC mismatch"),
        (yaml("empty: \"\"\n", "empty: \"\"\nmore: \"\"\n"), ""),
        (yaml(&format!("    mac: {mac}\n"), ""), "the file has no MAC"),
        (yaml(&mac, "\"\""), "the file has no MAC"),
        (yaml(&mac, "garbage"), "the MAC cannot be decrypted"),
        (yaml(&mac, &flipped(&mac, "tag:")), "the MAC cannot be decrypted"),
        (yaml("lastmodified: \"20", "lastmodified: \"19"), "the MAC cannot be decrypted"),
    ];
    let both = cases.iter().filter(|(_, says)| !says.is_empty()).flat_map(|(text, says)| {
        [
            case("decrypt -i bad.yaml").file("bad.yaml", text).says(says),
            case("decrypt --ignore-mac bad.yaml").file("bad.yaml", text),
        ]
    });
    let mut cases: Vec<_> = both.collect();
    cases.push(
        case("rotate -i bad.yaml")
            .file("bad.yaml", &yaml("shown_unencrypted: here", "shown_unencrypted: x"))
            .says("MAC mismatch"),
    );
    cases.push(case("-r --ignore-mac bad.yaml").file("bad.yaml", &yaml("shown_unencrypted: here", "shown_unencrypted: x")));
    check(cases);
}

#[test]
fn damaged_metadata_say_what_is_wrong() {
    let version = "    version: 3.13.3\n";
    let recipient = format!("          recipient: {RECIPIENT}\n");
    let block = there("enc.yaml").split_once("sops:\n").map(|(_, block)| block.to_owned()).unwrap_or_default();
    let cut = |name: &str, share: usize| {
        let text = there(name);
        text[..text.len() * share / 10].to_owned()
    };
    check(vec![
        case("decrypt bad.yaml").file("bad.yaml", &yaml("lastmodified: \"", "lastmodified: \"x")).says("`sops.lastmodified`"),
        case("decrypt bad.yaml").file("bad.yaml", &yaml(&block, "    - a\n")).says("the `sops` key is not a map"),
        case("decrypt bad.yaml").file("bad.yaml", &yaml(&block, "    version: 3.13.3\n")).says("sops"),
        case("decrypt bad.yaml").file("bad.yaml", &(there("enc.yaml") + "sops: {}\n")).says("the key is there twice"),
        case("decrypt bad.yaml").file("bad.yaml", &yaml(&recipient, "")),
        case("decrypt bad.yaml").file("bad.yaml", &yaml(&recipient, "          recipient: somebody\n")),
        case("decrypt bad.yaml").file("bad.yaml", &yaml("-----BEGIN AGE", "-----BEGIN CAGE")).says("Failed to get the data key"),
        case("decrypt bad.yaml")
            .file("bad.yaml", &yaml("unencrypted_suffix: _unencrypted", "encrypted_regex: ("))
            .says("invalid regular expression")
            .differs("sops takes it for one that never matches", 1),
        case("decrypt bad.yaml")
            .file("bad.yaml", &yaml("unencrypted_suffix: _unencrypted", "encrypted_suffix: _x"))
            .says("bad.yaml"),
        case("decrypt bad.yaml").file("bad.yaml", &yaml(version, "")).better("sops needs the version, of which nothing depends"),
        case("decrypt bad.yaml")
            .file("bad.yaml", &yaml(version, "    version: some\n"))
            .better("sops needs the version, of which nothing depends"),
        case("decrypt bad.yaml").file("bad.yaml", &yaml(version, "    version: 99.1.2\n    new_field: 1\n")),
        case("decrypt bad.yaml").file("bad.yaml", &yaml("empty: \"\"\n", "empty: \"\"\na: 1\n")).says("bad.yaml"),
        case("decrypt -i bad.yaml").file("bad.yaml", &cut("enc.yaml", 3)).says("no sops metadata found"),
        case("decrypt -i bad.yaml")
            .file("bad.yaml", &cut("enc.yaml", 9))
            .says("the MAC cannot be decrypted")
            .differs("sops looks for the version first", 51),
        case("decrypt -i bad.json").file("bad.json", &cut("enc.json", 9)).says("not valid JSON"),
        case("decrypt -i bad.env")
            .file("bad.env", &cut("enc.env", 9))
            .says("the MAC cannot be decrypted")
            .differs("sops looks for the version first", 51),
        case("decrypt -i bad.ini")
            .file("bad.ini", &cut("enc.ini", 9))
            .says("the MAC cannot be decrypted")
            .differs("sops looks for the version first", 51),
        case("decrypt -i bad.bin").file("bad.bin", &cut("enc.bin", 5)).says("it is no encrypted binary file"),
        case("decrypt bad.yaml").bytes("bad.yaml", vec![0xff, 0xfe, 0x00]).says("bad.yaml"),
        case("decrypt bad.yaml").bytes("bad.yaml", vec![b'a', b':', b' ', 0x80, b'\n']).says("bad.yaml"),
    ]);
}

#[test]
fn files_for_others_stay_closed() {
    check(vec![
        case("decrypt other.yaml").says("the identity does not open it"),
        case("decrypt -i other.yaml").says("Failed to get the data key required to decrypt other.yaml"),
        case("decrypt enc.yaml").without_key().says("there is no identity to open it with"),
        case("set other.yaml '[\"a\"]' true").says("Failed to get the data key"),
        case("unset other.yaml '[\"a\"]'").says("Failed to get the data key"),
        case("rotate -i other.yaml").says("Failed to get the data key"),
        case("-d other.yaml").env("SOPS_AGE_KEY_FILE", "both.txt"),
        case("decrypt kms.yaml").file("kms.yaml", &only_kms()).says("only age identities open files here"),
    ]);
}

/// A file whose only key is of a service that is not ours.
fn only_kms() -> String {
    let text = there("enc.yaml");
    let (before, rest) = text.split_once("    age:\n").unwrap_or_default();
    let rest = rest.split_once("    lastmodified").map_or("", |(_, rest)| rest);
    format!(
        "{before}    kms:\n        - arn: arn:aws:kms:x\n          created_at: \"2026-01-01T00:00:00Z\"\n          enc: AAAA\n          aws_profile: \"\"\n    lastmodified{rest}"
    )
}

#[test]
fn hostile_files_are_refused_in_no_time() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let json = |depth: usize| format!("{{\"a\": {}}}", nested(depth));
    let bomb = (0..12).fold("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let items = vec![format!("*a{level}"); 10].join(", ");
        text + &format!("a{}: &a{} [{items}]\n", level + 1, level + 1)
    });
    check(vec![
        case("encrypt --age @R deep.json").file("deep.json", &json(200)),
        case("encrypt --age @R deep.yaml").file("deep.yaml", &format!("a: {}\n", nested(200))),
        case("encrypt -i --age @R deep.json").file("deep.json", &json(10_000)).says("nested deeper than").alone(2),
        case("encrypt -i --age @R deep.yaml").file("deep.yaml", &format!("a: {}\n", nested(10_000))).says("deep.yaml").alone(2),
        case("encrypt -i --age @R maps.yaml")
            .file("maps.yaml", &format!("{}1{}\n", "{a: ".repeat(10_000), "}".repeat(10_000)))
            .says("maps.yaml")
            .alone(2),
        case("decrypt -i deep.json").file("deep.json", &json(10_000)).says("nested deeper than").alone(1),
        case("encrypt -i --age @R bomb.yaml").file("bomb.yaml", &bomb).says("bomb.yaml"),
        case("decrypt -i bomb.yaml").file("bomb.yaml", &bomb).says("bomb.yaml"),
        case("decrypt --extract '[\"a\"]' deep.yaml")
            .file("deep.yaml", &format!("a: {}\n", nested(10_000)))
            .says("deep.yaml")
            .alone(1),
        case("set enc.yaml '[\"a\"]' value --value-file").file("value", &nested(10_000)).says("nested deeper than").alone(7),
    ]);
}

#[test]
fn a_file_of_five_mebibytes_goes_both_ways() {
    if start().is_none() {
        return;
    }
    let folder = temp_dir();
    let value = "0123456789abcdef".repeat(160);
    let plain: String = (0..2050).map(|n| format!("key{n}: {value}{n}\n")).collect();
    assert!(plain.len() > 5 << 20);
    std::fs::write(folder.path().join("large.yaml"), &plain).unwrap();
    let run = |run: Run| plain_world(run).args(["encrypt", "--age", RECIPIENT, "large.yaml"]).cwd(folder.path());
    let ours = run(as_sops()).timeout(Duration::from_secs(120)).ok();
    assert!(opened(peer().unwrap(), "yaml", ours.out()).unwrap() == plain);
    let theirs = run(peer().unwrap()).ok();
    assert!(opened(as_sops(), "yaml", theirs.out()).unwrap() == plain);
}

/// Both in place of a file and into another one: the old content stays, and nothing is left beside it.
#[test]
fn a_full_disk_loses_nothing() {
    if start().is_none() {
        return;
    }
    let folder = temp_dir();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let large: String = (0..40).map(|n| format!("key{n}: {}\n", "x".repeat(100))).collect();
    put("plain.yaml", &large);
    put("enc.yaml", &there("enc.yaml"));
    put("out", "old\n");
    let names = || {
        let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let limited = |args: &[&str]| {
        // Files of at most one block of 512 bytes; the signal is ignored, so that writing fails.
        let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
        let run = Run::new("sh").args(["-c", script]).arg(links().join("sops")).args(args);
        plain_world(run).env("SOPS_AGE_KEY", IDENTITY).cwd(folder.path()).output()
    };
    for args in [
        &["encrypt", "-i", "--age", RECIPIENT, "plain.yaml"][..],
        &["encrypt", "--output", "out", "--age", RECIPIENT, "plain.yaml"],
        &["encrypt", "--output", "new", "--age", RECIPIENT, "plain.yaml"],
        &["set", "enc.yaml", "[\"a\"]", "true"],
        &["unset", "enc.yaml", "[\"a\"]"],
        &["rotate", "-i", "enc.yaml"],
        &["groups", "add", "-i", "-f", "enc.yaml", "--age", RECIPIENT],
    ] {
        let output = limited(args).code(3);
        assert!(output.err().contains("the new content does not fit on the disk"), "{args:?}: {}", output.err());
        assert!(output.err().contains("hint: nothing was written; make room and run the command again"), "{args:?}");
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        assert!(read("plain.yaml") == large && read("enc.yaml") == there("enc.yaml") && read("out") == "old\n", "{args:?}");
        assert_eq!(names(), before, "{args:?}");
    }
    let device = plain_world(as_sops()).args(["decrypt", "--output", "/dev/full", "enc.yaml"]).env("SOPS_AGE_KEY", IDENTITY);
    assert!(device.cwd(folder.path()).output().code(3).err().contains("does not fit on the disk"));
    let script = "exec \"$0\" decrypt enc.yaml > /dev/full";
    let stdout = Run::new("sh").args(["-c", script]).arg(links().join("sops")).env("SOPS_AGE_KEY", IDENTITY);
    assert!(plain_world(stdout).cwd(folder.path()).output().code(1).err().contains("cannot write to standard output"));
}

/// A file that is read-only, a link, a mode of its own: what editing in place makes of them.
#[test]
fn links_modes_and_protection_survive() {
    use std::os::unix::fs::PermissionsExt as _;
    if start().is_none() {
        return;
    }
    let folder = temp_dir();
    let path = |name: &str| folder.path().join(name);
    let mode = |name: &str| std::fs::metadata(path(name)).unwrap().permissions().mode() & 0o777;
    let chmod = |name: &str, mode| std::fs::set_permissions(path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    let sops = |args: &[&str]| plain_world(as_sops()).args(args).env("SOPS_AGE_KEY", IDENTITY).cwd(folder.path()).output();
    std::fs::write(path("real.yaml"), there("enc.yaml")).unwrap();
    std::os::unix::fs::symlink("real.yaml", path("link.yaml")).unwrap();
    chmod("real.yaml", 0o640);
    sops(&["set", "link.yaml", "[\"a\"]", "true"]).code(0);
    assert!(std::fs::symlink_metadata(path("link.yaml")).unwrap().is_symlink());
    assert_eq!(mode("real.yaml"), 0o640);
    // Opened in place, it is closed to others; a new output too; one that was there keeps the mode that it was given.
    sops(&["decrypt", "--output", "new.yaml", "link.yaml"]).code(0);
    assert_eq!(mode("new.yaml"), 0o600);
    std::fs::write(path("kept.yaml"), "old").unwrap();
    chmod("kept.yaml", 0o640);
    sops(&["decrypt", "--output", "kept.yaml", "link.yaml"]).code(0);
    assert_eq!(mode("kept.yaml"), 0o640);
    sops(&["decrypt", "-i", "link.yaml"]).code(0);
    assert_eq!(mode("real.yaml"), 0o600);
    sops(&["encrypt", "-i", "--age", RECIPIENT, "link.yaml"]).code(0);
    assert!(std::fs::symlink_metadata(path("link.yaml")).unwrap().is_symlink());
    chmod("real.yaml", 0o400);
    let text = std::fs::read(path("real.yaml")).unwrap();
    for args in [&["decrypt", "-i", "real.yaml"][..], &["rotate", "-i", "link.yaml"], &["set", "real.yaml", "[\"a\"]", "1"]] {
        let output = sops(args).code(3);
        assert!(output.err().contains("the file is read-only"), "{}", output.err());
        assert!(std::fs::read(path("real.yaml")).unwrap() == text);
    }
}

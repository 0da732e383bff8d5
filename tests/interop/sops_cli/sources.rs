//! Where identities come from: every source that sops has, what it makes of broken ones, and the report when none opens the file.

use std::time::{Duration, Instant};

use rustix::termios::{LocalModes, tcgetattr};

use super::{IDENTITY, RECIPIENT, case, check, peer, plain_world, start};
use crate::support::{Run, as_sops, peers, root, temp_dir};

fn frozen(name: &str) -> String {
    std::fs::read_to_string(root().join("tests/it/vectors/age/keys").join(name)).unwrap()
}

#[test]
fn identities_are_found_where_the_peer_finds_them() {
    let file = format!("{IDENTITY}\n");
    let several = format!("# c\n\n {IDENTITY}  {IDENTITY}\n");
    check(vec![
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY", IDENTITY),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY", &several),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY_FILE", "keys.txt"),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY_FILE", "k").file("k", &file.replace('\n', "\r\n")),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY_CMD", "cat keys.txt"),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY_CMD", "cat 'keys.txt' # a comment"),
        case("decrypt enc.yaml")
            .without_key()
            .env("SOPS_AGE_KEY_CMD", "sh -c 'test \"$SOPS_AGE_RECIPIENT\" = @R && cat keys.txt'"),
        case("decrypt enc.yaml").without_key().env("XDG_CONFIG_HOME", "@F/settings").file("settings/sops/age/keys.txt", &file),
        case("decrypt enc.yaml")
            .without_key()
            .env("XDG_CONFIG_HOME", "")
            .env("HOME", "@F/h")
            .file("h/.config/sops/age/keys.txt", &file),
        // A broken source does not matter when another one opens the file.
        case("decrypt enc.yaml").env("SOPS_AGE_KEY_FILE", "nope"),
        case("decrypt enc.yaml").env("SOPS_AGE_KEY_FILE", "plain.yaml"),
        case("decrypt enc.yaml").env("SOPS_AGE_KEY_CMD", "false"),
        case("decrypt enc.yaml").env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "nope"),
        case("decrypt enc.yaml").env("XDG_CONFIG_HOME", "@F/s").file("s/sops/age/keys.txt", "nonsense\n"),
    ]);
}

#[test]
fn what_does_not_open_is_told_source_by_source() {
    let comma = format!("{IDENTITY},{IDENTITY}");
    let blank = format!(" {IDENTITY}\n");
    let mut cases = vec![
        case("decrypt enc.yaml").without_key().says("not set or not there: SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY", "").says("SOPS_AGE_KEY: no identity in it"),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY", "nonsense").says("SOPS_AGE_KEY: line 1: its type is unknown"),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY", &comma).says("keys are separated by white space"),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY", RECIPIENT).says("this is a recipient, which opens nothing"),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY_FILE", "nope").says("cannot read FOLDER/nope: no such file"),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY_FILE", "folder").says("it is a directory"),
        case("decrypt enc.yaml")
            .without_key()
            .env("SOPS_AGE_KEY_FILE", "k")
            .file("k", &blank)
            .says("begins or ends with a blank"),
        case("decrypt enc.yaml")
            .without_key()
            .env("SOPS_AGE_KEY_FILE", "empty")
            .file("empty", "# nothing\n")
            .says("no identity in it"),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY_CMD", "false").says("`false` failed"),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY_CMD", "/nowhere/x").says("cannot run `/nowhere/x`"),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY_CMD", "cat '").says("a single quote is not closed"),
        case("decrypt enc.yaml").without_key().env("SOPS_AGE_KEY_CMD", "echo nonsense").says("SOPS_AGE_KEY_CMD: line 1"),
        case("decrypt enc.yaml")
            .without_key()
            .env("SOPS_AGE_KEY_CMD", "")
            .differs("sops panics", 128)
            .says("there is no command in it"),
        case("decrypt enc.yaml")
            .without_key()
            .env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "plain.yaml")
            .says("SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
        case("decrypt enc.yaml")
            .without_key()
            .env("XDG_CONFIG_HOME", "@F/s")
            .file("s/sops/age/keys.txt", "x\n")
            .says("line 1: its type"),
    ];
    let relative = case("decrypt enc.yaml").without_key().env("XDG_CONFIG_HOME", "s");
    cases.push(relative.file("s/sops/age/keys.txt", &format!("{IDENTITY}\n")).says("XDG_CONFIG_HOME is no absolute path"));
    cases.push(case("decrypt other.yaml").says("identity of age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef"));
    check(cases);
}

/// SSH keys, from each of their places, on a file for an SSH recipient that the other program encrypted.
#[test]
fn ssh_keys_open_files_of_the_other_program() {
    if start().is_none() {
        return;
    }
    let folder = temp_dir();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put("plain.yaml", "a: secret\n");
    for (key, place) in [("ssh-ed25519", "id_ed25519"), ("ssh-rsa", "id_rsa")] {
        let recipient = frozen(&format!("{key}.pub"));
        put(&format!("home/.ssh/{place}"), &frozen(key));
        put("key", &frozen(key));
        for (writer, reader) in [(true, false), (false, true), (true, true)] {
            let program = |ours: bool| plain_world(if ours { as_sops() } else { peer().unwrap() }).cwd(folder.path());
            let text = program(writer).args(["encrypt", "--age", recipient.trim(), "plain.yaml"]).ok().stdout;
            std::fs::write(folder.path().join("enc.yaml"), &text).unwrap();
            for (name, value) in [
                ("HOME", folder.path().join("home").to_str().unwrap()),
                ("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "key"),
                ("SOPS_AGE_SSH_PRIVATE_KEY_CMD", "cat key"),
            ] {
                let opened = program(reader).args(["decrypt", "enc.yaml"]).env(name, value).ok();
                assert_eq!(opened.out(), "a: secret\n", "{key} by {name}");
            }
            // The wrong command is told, the key's text never.
            let failed = program(true)
                .args(["decrypt", "enc.yaml"])
                .env("SOPS_AGE_SSH_PRIVATE_KEY_CMD", "cat plain.yaml")
                .output()
                .code(128);
            assert!(
                failed.err().contains("SOPS_AGE_SSH_PRIVATE_KEY_CMD: ") && !failed.err().contains("a: secret"),
                "{}",
                failed.err()
            );
        }
    }
}

/// Post-quantum recipients, through the command line, both ways.
#[test]
fn post_quantum_files_open_both_ways() {
    const HYBRID: &str = "AGE-SECRET-KEY-PQ-1HZLGZUPT4ETPKDEV8HSGFDCYZ4E522W0A7PU2LHT8EH9W6YLNC3SW78XKG";
    if start().is_none() {
        return;
    }
    let recipient = hecate_seal::age::Identity::parse(HYBRID, "test").unwrap().recipient().unwrap();
    let folder = temp_dir();
    std::fs::write(folder.path().join("plain.json"), "{\"a\": \"secret\"}\n").unwrap();
    for (writer, reader) in [(true, false), (false, true)] {
        let program = |ours: bool| plain_world(if ours { as_sops() } else { peer().unwrap() }).cwd(folder.path());
        let text = program(writer).args(["-e", "--age", &format!("{RECIPIENT},{recipient}"), "plain.json"]).ok().stdout;
        std::fs::write(folder.path().join("enc.json"), &text).unwrap();
        for identity in [HYBRID, IDENTITY] {
            let opened = program(reader).args(["-d", "enc.json"]).env("SOPS_AGE_KEY", identity).ok();
            assert_eq!(opened.out(), "{\n\t\"a\": \"secret\"\n}\n");
        }
    }
}

/// Identity files and SSH keys under a passphrase: asked for on the terminal, without echo; without a terminal, told.
#[test]
fn passphrases_are_asked_for_on_the_terminal() {
    use std::io::{Read as _, Write as _};
    if start().is_none() {
        return;
    }
    let folder = temp_dir();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    put("plain.yaml", "a: secret\n");
    put("locked.age", &frozen("locked.age"));
    put("locked.ssh", &frozen("ssh-ed25519-ctr"));
    for (public, variable, file) in [
        ("x25519.pub", "SOPS_AGE_KEY_FILE", "locked.age"),
        ("ssh-ed25519-ctr.pub", "SOPS_AGE_SSH_PRIVATE_KEY_FILE", "locked.ssh"),
    ] {
        let recipient = frozen(public);
        let sops = plain_world(peer().unwrap()).cwd(folder.path());
        let text = sops.args(["encrypt", "--age", recipient.trim(), "plain.yaml"]).ok().stdout;
        std::fs::write(folder.path().join("enc.yaml"), &text).unwrap();
        for (typed, code, shown) in [("correct horse", 0, "a: secret"), ("wrong donkey", 128, "the passphrase is wrong")] {
            let (mut pty, pts) = pty_process::blocking::open().unwrap();
            let mut child = pty_process::blocking::Command::new(crate::support::links().join("sops"))
                .args(["decrypt", "enc.yaml"])
                .env_clear()
                .env("HOME", "/nonexistent")
                .env(variable, file)
                .current_dir(folder.path())
                .spawn(pts)
                .unwrap();
            let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
            while !String::from_utf8_lossy(&seen).contains("Enter passphrase for ") {
                let count = pty.read(&mut buffer).unwrap();
                seen.extend_from_slice(&buffer[..count]);
            }
            let end = Instant::now() + Duration::from_secs(30);
            while tcgetattr(&pty).unwrap().local_modes.contains(LocalModes::ECHO) {
                assert!(Instant::now() < end, "the terminal still echoes");
                std::thread::sleep(Duration::from_millis(5));
            }
            writeln!(pty, "{typed}").unwrap();
            while let Ok(count @ 1..) = pty.read(&mut buffer) {
                seen.extend_from_slice(&buffer[..count]);
            }
            let seen = String::from_utf8_lossy(&seen).into_owned();
            assert_eq!(child.wait().unwrap().code(), Some(code), "{seen}");
            assert!(seen.contains(shown) && seen.contains(file), "{seen}");
            assert!(!seen.contains(typed), "the passphrase is echoed: {seen}");
        }
    }
    let nobody = plain_world(as_sops()).cwd(folder.path()).args(["decrypt", "enc.yaml"]);
    let nobody = nobody.env("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "locked.ssh").output().code(128);
    assert!(nobody.err().contains("it needs a passphrase"), "{}", nobody.err());
}

/// A plugin that speaks the protocol by age's own framework, found on the PATH.
#[test]
fn plugins_are_started_from_the_path() {
    let Some(plugin) = peers::go_program("age-plugin-peer") else { return };
    if start().is_none() {
        return;
    }
    let folder = temp_dir();
    std::os::unix::fs::symlink(&plugin, folder.path().join("age-plugin-peer")).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    std::fs::write(folder.path().join("plain.yaml"), "a: secret\n").unwrap();
    let printed = Run::new(&plugin).args(["-keys", "0"]).ok().out().to_owned();
    let (recipient, identity) = printed.trim().split_once('\n').unwrap();
    for (writer, reader) in [(true, false), (false, true)] {
        let program =
            |ours: bool| plain_world(if ours { as_sops() } else { peer().unwrap() }).cwd(folder.path()).env("PATH", &path);
        let text = program(writer).args(["encrypt", "--age", recipient, "plain.yaml"]).ok().stdout;
        std::fs::write(folder.path().join("enc.yaml"), &text).unwrap();
        let opened = program(reader).args(["decrypt", "enc.yaml"]).env("SOPS_AGE_KEY", identity).ok();
        assert_eq!(opened.out(), "a: secret\n");
    }
    let missing = plain_world(as_sops()).cwd(folder.path()).args(["decrypt", "enc.yaml"]).env("SOPS_AGE_KEY", identity);
    let missing = missing.output().code(128);
    assert!(missing.err().contains("there is no program age-plugin-peer on the PATH"), "{}", missing.err());
}

/// A passphrase that a real gpg-agent keeps opens the identity file with both programs, and nobody is asked.
#[test]
fn a_passphrase_that_gpg_agent_keeps_is_used() {
    /// Under which sops keeps the passphrase of this file, `correct horse`.
    const CACHE_ID: &str = "SopsAgeN2EMARTYUIKCGWDVQ3WSBUTBVFXZDQMFNDUXWVIX";
    const PASSPHRASE: &str = "636f727265637420686f727365";
    let is_there = |name: &str| std::env::split_paths(&std::env::var_os("PATH").unwrap()).any(|path| path.join(name).is_file());
    if start().is_none() || !["gpg-agent", "gpgconf", "gpg-connect-agent"].into_iter().all(is_there) {
        peers::say("skipped: gpg-agent is not installed, so passphrases from it were not tried against the real one");
        return;
    }
    let folder = temp_dir();
    let home = folder.path().join("gnupg");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let gpg = |program: &str, args: &[&str]| Run::new(program).arg("--homedir").arg(&home).args(args).output();
    let locked = std::fs::read(root().join("tests/it/vectors/age/keys/locked-binary.age")).unwrap();
    std::fs::write(folder.path().join("locked"), locked).unwrap();
    std::fs::write(folder.path().join("plain.yaml"), "a: secret\n").unwrap();
    // Without TERM, sops sends the agent an option that it refuses.
    let sops = |ours: bool| plain_world(if ours { as_sops() } else { peer().unwrap() }).cwd(folder.path()).env("TERM", "dumb");
    let text = sops(false).args(["encrypt", "--age", frozen("x25519.pub").trim(), "plain.yaml"]).ok().stdout;
    std::fs::write(folder.path().join("enc.yaml"), text).unwrap();
    // It goes on running, and would keep our ends of its streams open.
    let daemon = "exec gpg-agent --homedir \"$0\" --daemon --allow-preset-passphrase > /dev/null 2>&1 < /dev/null";
    Run::new("sh").args(["-c", daemon]).arg(&home).output().code(0);
    let socket = gpg("gpgconf", &["--list-dirs", "agent-socket"]).code(0).out().trim().to_owned();
    let connect = |command: &str| gpg("gpg-connect-agent", &[command, "/bye"]);
    let kept = connect(&format!("PRESET_PASSPHRASE {CACHE_ID} -1 {PASSPHRASE}"));
    let opened: Vec<_> = [true, false]
        .into_iter()
        .map(|ours| {
            sops(ours)
                .args(["decrypt", "enc.yaml"])
                .env("SOPS_AGE_KEY_FILE", "locked")
                .env("GPG_AGENT_INFO", format!("{socket}:0:1"))
                .output()
        })
        .collect();
    // A wrong one is taken out of the agent.
    connect(&format!("PRESET_PASSPHRASE {CACHE_ID} -1 78{PASSPHRASE}"));
    let wrong = sops(true)
        .args(["decrypt", "enc.yaml"])
        .env("SOPS_AGE_KEY_FILE", "locked")
        .env("GPG_AGENT_INFO", format!("{socket}:0:1"))
        .output();
    let left = connect(&format!("GET_PASSPHRASE --no-ask {CACHE_ID} X X X"));
    connect("KILLAGENT");
    assert!(kept.out().contains("OK"), "{}", kept.out());
    for output in opened {
        assert_eq!(output.code(0).out(), "a: secret\n");
    }
    assert!(wrong.code(128).err().contains("the passphrase is wrong"));
    assert!(left.out().contains("ERR"), "the agent still keeps the wrong passphrase: {}", left.out());
}

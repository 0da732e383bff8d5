//! The sops command in-process and without peers: every command once, every mistake with its exact text and exit code, and what a
//! mistake must leave alone.

use std::path::Path;

use hecate_seal::cli::env::Env;
use hecate_seal::cli::{self, Io};

use crate::support::temp_dir;

/// Identities of C2SP's vectors, and the recipients of the first one.
const IDENTITY: &str = "AGE-SECRET-KEY-1EGTZVFFV20835NWYV6270LXYVK2VKNX2MMDKWYKLMGR48UAWX40Q2P2LM0";
const RECIPIENT: &str = "age1xmwwc06ly3ee5rytxm9mflaz2u56jjj36s0mypdrwsvlul66mv4q47ryef";
/// Another recipient, whose identity nobody has here.
const OTHER: &str = "age1lhfaudwlylnxcv9t3tr2y5telgu4k5v5yhrddhr3afuaxwegyumsfu6kcn";
/// Never may this appear in what is said.
const CANARY: &str = "canary-7f3a9";

struct Seen {
    code: u8,
    stdout: String,
    stderr: String,
}

fn run_with(folder: &Path, program: &[&str], args: &[&str], stdin: &str, change: impl FnOnce(&mut Io)) -> Seen {
    let (mut io, captured) = Io::captured(stdin.as_bytes());
    io.cwd = folder.canonicalize().unwrap();
    io.env = Env::fixed([("SOPS_AGE_KEY", IDENTITY), ("HOME", "/nonexistent")]);
    change(&mut io);
    let code = cli::run(program.iter().chain(args).map(Into::into), &mut io);
    Seen { code, stdout: captured.stdout(), stderr: captured.stderr() }
}

fn run(folder: &Path, args: &[&str]) -> Seen {
    run_with(folder, &["sops"], args, "", |_| {})
}

fn ok(folder: &Path, args: &[&str]) -> String {
    let seen = run(folder, args);
    assert_eq!((seen.code, seen.stderr.as_str()), (0, ""), "{args:?}");
    seen.stdout
}

/// Plain and encrypted files of each format.
fn folder() -> tempfile::TempDir {
    let folder = temp_dir();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    put("plain.yaml", &format!("# note\na: {CANARY}\nl:\n    - one\n    - two\nm:\n    k: v\n"));
    put("plain.json", &format!("{{\n\t\"a\": \"{CANARY}\"\n}}\n"));
    put("plain.env", &format!("A={CANARY}\n"));
    put("plain.ini", &format!("[s]\na = {CANARY}\n"));
    put("plain.bin", CANARY);
    for format in ["yaml", "json", "env", "ini", "bin"] {
        ok(folder.path(), &["encrypt", "--age", RECIPIENT, "--output", &format!("enc.{format}"), &format!("plain.{format}")]);
    }
    ok(folder.path(), &["encrypt", "--age", OTHER, "--output", "other.yaml", "plain.yaml"]);
    folder
}

fn names(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap_or_default()))
        .collect();
    files.sort();
    files
}

#[test]
fn every_format_goes_there_and_back() {
    let folder = folder();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    for format in ["yaml", "json", "env", "ini", "bin"] {
        let (plain, encrypted) = (format!("plain.{format}"), format!("enc.{format}"));
        assert!(!read(&encrypted).contains(CANARY) && read(&encrypted).contains("ENC[AES256_GCM"), "{format}");
        assert_eq!(ok(folder.path(), &["decrypt", &encrypted]), read(&plain));
        assert_eq!(ok(folder.path(), &["-d", &encrypted]), read(&plain));
        ok(folder.path(), &["rotate", "-i", "--add-age", OTHER, &encrypted]);
        assert!(read(&encrypted).contains(OTHER));
        ok(folder.path(), &["decrypt", "-i", &encrypted]);
        assert_eq!(read(&encrypted), read(&plain));
        ok(folder.path(), &["-e", "-i", "-a", RECIPIENT, &encrypted]);
        assert_eq!(ok(folder.path(), &["filestatus", &encrypted]), "{\"encrypted\":true}\n");
    }
}

#[test]
fn values_groups_and_recipients_change_in_place() {
    let folder = folder();
    let path = folder.path();
    let text = || std::fs::read_to_string(path.join("enc.yaml")).unwrap();
    let sealed = |key: &str| text().lines().find(|line| line.trim_start().starts_with(key)).unwrap().to_owned();
    let a = sealed("a:");
    ok(path, &["set", "enc.yaml", "[\"m\"][\"n\"]", "7"]);
    ok(path, &["unset", "enc.yaml", "[\"l\"][0]"]);
    ok(path, &["groups", "add", "-i", "-f", "enc.yaml", "--age", RECIPIENT]);
    assert_eq!(sealed("a:"), a, "an untouched value keeps its ciphertext");
    assert_eq!(ok(path, &["decrypt", "--extract", "[\"m\"]", "enc.yaml"]), "k: v\n\"n\": 7\n");
    assert_eq!(ok(path, &["decrypt", "--extract", "[\"l\"]", "enc.yaml"]), "- two\n");
    ok(path, &["groups", "delete", "-i", "-f", "enc.yaml", "--shamir-secret-sharing-threshold", "1", "1"]);
    std::fs::write(path.join(".sops.yaml"), format!("creation_rules:\n  - age: '{RECIPIENT},{OTHER}'\n")).unwrap();
    let asked = run_with(path, &["sops"], &["updatekeys", "enc.yaml"], "what?\nn\n", |_| {});
    let changes = format!("shamir_threshold: 1\nGroup 1\n    {RECIPIENT}\n+++ {OTHER}\n");
    let questions = "Is this okay? (y/n):".repeat(2);
    assert_eq!(asked.stdout, format!("The following changes will be made to the file's groups:\n{changes}{questions}"));
    assert!(!text().contains(OTHER));
    let agreed = run_with(path, &["sops"], &["updatekeys", "enc.yaml"], "y\n", |_| {});
    assert_eq!(agreed.code, 0, "{}", agreed.stderr);
    assert!(text().contains(OTHER) && sealed("a:") == a);
}

#[test]
fn every_mistake_has_its_text_and_exit_code_and_writes_nothing() {
    let folder = folder();
    let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    put("broken.yaml", &format!("a: [{CANARY}\n"));
    put("list.json", &format!("[\"{CANARY}\"]"));
    put("rules", "creation_rules:\n  - path_regex: nothing\n    age: x\n");
    put("invalid", &format!("creation_rules:\n  - age: {RECIPIENT}\n    encrypted_regex: ^(?!x)\n"));
    put("shape", "creation_rules: 7\n");
    let encrypted = std::fs::read_to_string(folder.path().join("enc.yaml")).unwrap();
    put("swapped.yaml", &{
        let mut lines: Vec<&str> = encrypted.lines().collect();
        let at = lines.iter().position(|line| line.starts_with("    - ENC[")).unwrap();
        lines.swap(at, at + 1);
        lines.join("\n")
    });
    put("no-mac.yaml", &encrypted.lines().filter(|line| !line.starts_with("    mac:")).collect::<Vec<_>>().join("\n"));
    put("renamed.yaml", &encrypted.replacen("\na: ENC", "\nb: ENC", 1));
    put("twice.yaml", &format!("{encrypted}sops: {{}}\n"));
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    let cases: &[(&[&str], u8, &str)] = &[
        (&[], 100, "Error: no file specified"),
        (&["-d", "nope"], 100, "Error: cannot operate on non-existent file \"FOLDER/nope\""),
        (&["encrypt", "nope"], 100, "Error: cannot operate on non-existent file \"FOLDER/nope\""),
        (&["decrypt", "-i", "--output", "x", "enc.yaml"], 8, "Error: cannot operate on both --output and --in-place"),
        (&["decrypt", "--decryption-order", "age,age", "enc.yaml"], 112, "Duplicate decryption key type: age"),
        (&["decrypt", "plain.yaml"], 1, "plain.yaml: no sops metadata found: the file is not encrypted"),
        (&["decrypt", "folder"], 2, "Error reading file: FOLDER/folder: it is a directory, not a file"),
        (&["decrypt", "swapped.yaml"], 51, "swapped.yaml: MAC mismatch: the file was changed after it was encrypted"),
        (&["decrypt", "-i", "no-mac.yaml"], 51, "no-mac.yaml: the file has no MAC"),
        (
            &["decrypt", "--ignore-mac", "renamed.yaml"],
            25,
            "renamed.yaml: Error decrypting tree: `b`: authentication failed: wrong key, or the value was moved or changed",
        ),
        (&["decrypt", "twice.yaml"], 1, "twice.yaml: line 23, column 1: not valid YAML: the key is there twice"),
        (
            &["encrypt", "plain.yaml"],
            1,
            "config file not found, or has no creation rules, and no keys provided through command line options",
        ),
        (
            &["--config", "rules", "encrypt", "plain.yaml"],
            1,
            "error loading config: no matching creation rules found for `plain.yaml`",
        ),
        (
            &["--config", "shape", "decrypt", "enc.yaml"],
            1,
            "error loading config: shape: `creation_rules` is not a list of rules",
        ),
        (
            &["--config", "nope", "decrypt", "enc.yaml"],
            1,
            "could not read config file nope: No such file or directory (os error 2)",
        ),
        (
            &["--config", "invalid", "encrypt", "plain.yaml"],
            1,
            "error loading config: `creation_rules[0]`: `encrypted_regex`: invalid regular expression `^(?!x)`: invalid group flag `!`",
        ),
        (
            &["encrypt", "--age", "x", "plain.yaml"],
            1,
            "malformed recipient: its type is unknown; a recipient begins with age1 or ssh-",
        ),
        (
            &["encrypt", "--age", IDENTITY, "plain.yaml"],
            1,
            "malformed recipient: this is an identity, which is secret; a recipient begins with age1 or ssh-",
        ),
        (
            &["encrypt", "-i", "--age", RECIPIENT, "--encrypted-regex", "^none$", "plain.yaml"],
            23,
            "Error encrypting tree: `encrypted_regex: ^none$` selects nothing, so the file would stay in plaintext",
        ),
        (
            &["encrypt", "--age", RECIPIENT, "enc.yaml"],
            203,
            "the file has an entry `sops` at its top, which is where the metadata of encrypted files are: it is encrypted already",
        ),
        (
            &["encrypt", "-i", "--age", RECIPIENT, "broken.yaml"],
            2,
            "Error unmarshalling file: broken.yaml: line 1, column 4: not valid YAML: unclosed bracket '['",
        ),
        (
            &["encrypt", "--age", RECIPIENT, "list.json"],
            2,
            "Error unmarshalling file: list.json: the top level of a JSON file must be a map",
        ),
        (
            &["encrypt", "--age", RECIPIENT, "--output", "nope/x", "plain.yaml"],
            3,
            "cannot write FOLDER/nope/x: there is no directory FOLDER/nope",
        ),
        (
            &["decrypt", "--extract", "m", "enc.yaml"],
            91,
            "error parsing --extract path: `m` is not a path like [\"key\"][0]: a component begins with `[`",
        ),
        (&["decrypt", "--extract", "[\"x\"]", "enc.yaml"], 1, "error truncating tree: component [\"x\"] not found"),
        (
            &["set", "enc.yaml", "[\"a\"]", CANARY],
            7,
            "Value for --set is not valid JSON: line 1, column 1: not valid JSON: a value was expected",
        ),
        (&["set", "enc.yaml", "[\"l\"][\"k\"]", "1"], 1, "enc.yaml: component [\"k\"] is a key, but there is no map"),
        (&["unset", "enc.yaml", "[\"l\"][7]"], 1, "enc.yaml: component [7] is out of bounds"),
        (&["rotate", "--rm-age", RECIPIENT, "enc.yaml"], 1, "Could not generate data key: [empty key group provided]"),
        (
            &["rotate", "--add-pgp", "FF", "enc.yaml"],
            1,
            "Could not generate data key: [cannot encrypt for the pgp key `FF`: only age recipients are supported]",
        ),
        (&["groups", "delete", "-f", "enc.yaml", "3"], 1, "there is no key group 3: the file has 1, 0 to 0"),
        (&["updatekeys", "-y", "enc.yaml"], 1, "config file not found"),
        (
            &["filestatus", "broken.yaml"],
            1,
            "cannot check file status: broken.yaml: line 1, column 4: not valid YAML: unclosed bracket '['",
        ),
        (
            &["publish", "enc.yaml"],
            1,
            "publish is not supported: this program does not write to S3, Google Cloud Storage or Vault",
        ),
        (&["help", "me"], 3, "No help topic for 'me'"),
    ];
    let root = folder.path().canonicalize().unwrap().to_string_lossy().into_owned();
    let before = names(folder.path());
    let mut wrong = Vec::new();
    for (args, code, message) in cases {
        let seen = run(folder.path(), args);
        let first = seen.stderr.lines().next().unwrap_or_default().replace(&root, "FOLDER");
        if (seen.code, first.as_str()) != (*code, *message) {
            wrong.push(format!("{args:?}\n  expected {code}: {message}\n  found {}: {first}", seen.code));
        }
        assert!(seen.stderr.lines().skip(1).all(|line| line.starts_with("hint: ")), "{args:?}: {}", seen.stderr);
        assert_eq!(seen.stdout, "", "{args:?}");
        assert!(!seen.stderr.contains(CANARY) && !seen.stderr.contains(IDENTITY), "{args:?}: {}", seen.stderr);
        assert!(names(folder.path()) == before, "{args:?} wrote something");
        // Under our own name the same, in our own shape.
        let ours = run_with(folder.path(), &["hecate-seal", "sops"], args, "", |_| {});
        assert_eq!(ours.code, *code, "{args:?}: {}", ours.stderr);
        assert!(ours.stderr.starts_with("error: "), "{args:?}: {}", ours.stderr);
        assert!(names(folder.path()) == before, "{args:?} wrote something");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_for_others_is_told_with_everything_that_was_tried() {
    let folder = folder();
    let seen = run_with(folder.path(), &["sops"], &["decrypt", "other.yaml"], "", |io| {
        let variables = [("SOPS_AGE_KEY", IDENTITY), ("HOME", "/nonexistent"), ("SOPS_AGE_KEY_FILE", "/nowhere/keys.txt")];
        io.env = Env::fixed(variables);
    });
    assert_eq!((seen.code, seen.stdout.as_str()), (128, ""));
    assert_eq!(
        seen.stderr,
        format!(
            "Failed to get the data key required to decrypt other.yaml: no key of the file could be opened\n  \
             age `{OTHER}`: the identity does not open it: identity of {RECIPIENT} from SOPS_AGE_KEY, line 1: is not among the \
             recipients; its recipients are of type X25519\n\
             Identities were looked for in:\n  \
             SOPS_AGE_KEY: identity of {RECIPIENT}\n  \
             SOPS_AGE_KEY_FILE: cannot read /nowhere/keys.txt: no such file or directory\n  \
             not set or not there: SOPS_AGE_SSH_PRIVATE_KEY_FILE, /nonexistent/.ssh/id_ed25519, /nonexistent/.ssh/id_rsa, \
             /nonexistent/.config/sops/age/keys.txt, SOPS_AGE_SSH_PRIVATE_KEY_CMD, SOPS_AGE_KEY_CMD\n"
        )
    );
}

#[test]
fn help_version_and_completion_are_there() {
    let folder = temp_dir();
    assert_eq!(ok(folder.path(), &["--version"]), format!("sops 3.13.3 (hecate-seal {})\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(ok(folder.path(), &["help"]), ok(folder.path(), &["--help"]));
    assert_eq!(ok(folder.path(), &["help", "set"]), ok(folder.path(), &["set", "-h"]));
    assert!(ok(folder.path(), &["groups"]).contains("\n   delete  delete a key group\n"));
    assert!(ok(folder.path(), &["completion", "bash"]).contains("--generate-bash-completion"));
    assert!(ok(folder.path(), &["completion", "zsh"]).starts_with("#compdef sops\n"));
    let words = ok(folder.path(), &["--generate-bash-completion"]);
    assert!(words.lines().any(|word| word == "updatekeys"), "{words}");
    assert_eq!(ok(folder.path(), &["groups", "--generate-bash-completion"]), "add\ndelete\n");
    assert_eq!(ok(folder.path(), &["decrypt", "--ex", "--generate-bash-completion"]), "--extract\n");
}

#[test]
fn scripts_of_completion_are_valid() {
    let folder = temp_dir();
    let script = ok(folder.path(), &["completion", "bash"]);
    let checked = crate::support::Run::new("bash").args(["-n", "/dev/stdin"]).stdin(script).output();
    assert_eq!((checked.code, checked.err()), (Some(0), ""));
}

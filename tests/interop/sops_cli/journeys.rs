//! Whole journeys: a tree of Flux encrypted by a link named `sops`, values changed by one program and read by the other.

use super::{IDENTITY, RECIPIENT, opened, peer, plain_world, start};
use crate::support::{Run, as_sops, hecate, links, temp_dir};

const SECRET: &str = "apiVersion: v1\nkind: Secret\nmetadata:\n    name: registry\n    namespace: flux-system\n    labels:\n        app: web\ntype: Opaque\nstringData:\n    user: admin\n    password: 'hunter2: #1'\ndata:\n    token: aHVudGVyMg==\n";

/// `.sops.yaml` with `encrypted_regex`, `sops --encrypt --in-place` on each file, as Flux documents it.
#[test]
fn superblooms_tree_is_encrypted_as_flux_needs_it() {
    if start().is_none() {
        return;
    }
    let folder = temp_dir();
    let put = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    put(
        ".sops.yaml",
        &format!("creation_rules:\n  - path_regex: .*\\.yaml$\n    encrypted_regex: ^(data|stringData)$\n    age: {RECIPIENT}\n"),
    );
    put("clusters/prod/secret.yaml", SECRET);
    put("clusters/prod/config.env", "A=b\n");
    let run = |program: Run, args: &[&str], below: &str| {
        plain_world(program).args(args).env("SOPS_AGE_KEY", IDENTITY).cwd(folder.path().join(below)).output()
    };
    // The name that a script types, found on the PATH.
    let script = format!("PATH={}:$PATH; cd clusters/prod; sops --encrypt --in-place secret.yaml", links().display());
    let output = plain_world(Run::new("sh")).args(["-c", &script]).cwd(folder.path()).output().code(0);
    assert_eq!((output.out(), output.err()), ("", ""));
    let text = std::fs::read_to_string(folder.path().join("clusters/prod/secret.yaml")).unwrap();
    for plain in ["apiVersion: v1\n", "kind: Secret\n", "    name: registry\n", "type: Opaque\n", "        app: web\n"] {
        assert!(text.contains(plain), "{plain} is gone:\n{text}");
    }
    assert!(!text.contains("hunter2") && !text.contains("admin") && !text.contains("aHVudGVyMg"), "{text}");
    // The markers by which Flux knows an encrypted file, and what it needs to decrypt a Secret.
    assert!(text.contains("mac: ENC["), "{text}");
    assert!(text.contains("    encrypted_regex: ^(data|stringData)$\n"), "{text}");
    assert!(text.contains("    user: ENC[AES256_GCM,data:") && text.contains(",type:str]\n"), "{text}");
    assert_eq!(opened(peer().unwrap(), "yaml", &text).unwrap(), SECRET);
    assert_eq!(run(peer().unwrap(), &["-d", "secret.yaml"], "clusters/prod").code(0).out(), SECRET);
    // As JSON, which Flux finds by this spacing.
    let json =
        run(as_sops(), &["--filename-override", "x.yaml", "--output-type", "json", "-e", "../../plain.yaml"], "clusters/prod");
    assert_eq!(json.code, Some(100), "a file that is not there");
    put("plain.yaml", SECRET);
    let json = run(as_sops(), &["-e", "--output-type", "json", "plain.yaml"], "").code(0);
    assert!(json.out().contains("\n\t\t\"mac\": \"ENC["), "{}", json.out());
    // A file outside of the rules is told, not encrypted by chance.
    let outside = run(as_sops(), &["-e", "-i", "clusters/prod/config.env"], "").code(1);
    assert!(outside.err().contains("no matching creation rules found for `clusters/prod/config.env`"), "{}", outside.err());
    assert!(outside.err().contains("hint: "), "{}", outside.err());
    assert_eq!(std::fs::read_to_string(folder.path().join("clusters/prod/config.env")).unwrap(), "A=b\n");
    // A regular expression that selects nothing: sops would write every value in plaintext.
    put("none.yaml", "kind: ConfigMap\ndate: x\n");
    let none = run(as_sops(), &["-e", "-i", "none.yaml"], "").code(23);
    assert!(none.err().contains("`encrypted_regex: ^(data|stringData)$` selects nothing"), "{}", none.err());
    assert_eq!(std::fs::read_to_string(folder.path().join("none.yaml")).unwrap(), "kind: ConfigMap\ndate: x\n");
}

/// The two programs take turns on one file; what neither touched keeps its ciphertext.
#[test]
fn both_programs_change_one_file_in_turns() {
    if start().is_none() {
        return;
    }
    let folder = temp_dir();
    let path = folder.path().join("turns.yaml");
    std::fs::write(&path, "kept: stays\nlist:\n    - one\n    - one\n    - two\nnumber: 1\n").unwrap();
    let text = || std::fs::read_to_string(&path).unwrap();
    let run = |ours: bool, args: &[&str]| {
        let program = if ours { as_sops() } else { peer().unwrap() };
        plain_world(program).args(args).env("SOPS_AGE_KEY", IDENTITY).cwd(folder.path()).ok()
    };
    let line =
        |text: &str, key: &str| text.lines().find(|line| line.trim_start().starts_with(key)).unwrap_or_default().to_owned();
    run(true, &["encrypt", "-i", "--age", RECIPIENT, "turns.yaml"]);
    let kept = line(&text(), "kept");
    for turn in 0..6 {
        let before = text();
        run(turn % 2 == 0, &["set", "turns.yaml", "[\"added\"]", &format!("\"{turn}\"")]);
        assert_eq!(line(&text(), "kept"), kept, "turn {turn}");
        if turn % 2 == 0 {
            // Ours keeps equal items of a list apart, too.
            let items =
                |text: &str| text.lines().filter(|line| line.starts_with("    - ENC[")).map(str::to_owned).collect::<Vec<_>>();
            assert_eq!(items(&before), items(&text()), "turn {turn}");
        }
        let expected = format!("kept: stays\nlist:\n    - one\n    - one\n    - two\nnumber: 1\nadded: \"{turn}\"\n");
        assert_eq!(run(true, &["decrypt", "turns.yaml"]).out(), expected);
        assert_eq!(run(false, &["decrypt", "turns.yaml"]).out(), expected);
    }
    let before = text();
    run(true, &["rotate", "-i", "turns.yaml"]);
    let shared: Vec<&str> = before.lines().filter(|old| old.contains("ENC[") && text().contains(*old)).map(|_| "same").collect();
    assert!(shared.is_empty(), "rotation kept a ciphertext");
    run(false, &["unset", "turns.yaml", "[\"list\"][1]"]);
    assert_eq!(run(true, &["-d", "--extract", "[\"list\"]", "turns.yaml"]).out(), "- one\n- two\n");
}

/// `hecate-seal sops` is the same program with messages of our own.
#[test]
fn our_first_word_means_sops_too() {
    if start().is_none() {
        return;
    }
    let run =
        |args: &[&str]| plain_world(hecate()).arg("sops").args(args).env("SOPS_AGE_KEY", IDENTITY).cwd(std::env::temp_dir());
    assert_eq!(run(&["--version"]).ok().out(), format!("sops 3.13.3 (hecate-seal {})\n", env!("CARGO_PKG_VERSION")));
    let missing = run(&["-d", "/nowhere.yaml"]).output().code(100);
    assert_eq!(missing.err(), "error: Error: cannot operate on non-existent file \"/nowhere.yaml\"\n");
    let opened = run(&["decrypt", "--input-type", "yaml", "--output-type", "yaml"]).stdin(super::there("enc.yaml")).ok();
    assert!(opened.out().starts_with("# note\na: 1\n"), "{}", opened.out());
}

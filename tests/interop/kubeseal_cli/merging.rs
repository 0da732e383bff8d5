//! `--merge-into`.

use super::{Case, SECRET, check, seal, sealed};

const MORE: &str = "metadata: {name: ignored, namespace: web}\nstringData: {more: value, user: changed}\n";

fn merge(file: Vec<u8>, flags: &str, input: &str) -> Case {
    seal(&format!("--merge-into target {flags}")).file("target", file).stdin(input)
}

#[test]
fn json_files() {
    let target = || sealed("json", "strict");
    check(vec![
        merge(target(), "", MORE),
        merge(target(), "-o json", MORE),
        merge(target(), "--name unused", MORE),
        merge(target(), "-n web", MORE),
        merge(target(), "", "metadata: {name: x}\nstringData: {aaa: v}\n"),
        merge(target(), "--raw", MORE),
        merge(sealed("json", "namespace-wide"), "--scope namespace-wide", MORE),
        merge(sealed("json", "cluster-wide"), "--scope cluster-wide", MORE),
        merge(target(), "-o yaml", MORE),
        merge(sealed("yaml", "strict"), "-o json", MORE),
        seal("--merge-into nope").stdin(MORE),
        merge(target(), "", "metadata: {name: x}\n"),
        merge(target(), "-o xml", MORE),
    ]);
}

#[test]
fn yaml_files_stay_yaml() {
    check(vec![
        merge(sealed("yaml", "strict"), "-o yaml", MORE),
        merge(sealed("yaml", "cluster-wide"), "-o yaml --scope cluster-wide", MORE),
        merge(sealed("yaml", "strict"), "", MORE).differs("the file stays YAML", 0, ""),
    ]);
}

#[test]
fn what_cannot_be_merged() {
    check(vec![
        merge(SECRET.into(), "", MORE)
            .wording("ours names the file", "error: target: expected kind SealedSecret, found Secret\n"),
        merge(Vec::new(), "", MORE).differs(
            "there it panics",
            1,
            "error: target: expected one SealedSecret, found no document\n",
        ),
        merge(b"garbage: [".to_vec(), "", MORE).wording(
            "ours names the file",
            "error: target: document 1 (line 1): line 1, column 10: not valid YAML: unclosed bracket '['\n",
        ),
        merge(sealed("json", "strict"), "", &format!("{MORE}---\n{MORE}"))
            .wording("ours says why", "error: --merge-into takes one Secret, but the input holds 2\n"),
        merge([sealed("yaml", "strict"), sealed("yaml", "strict")].concat(), "-o yaml", MORE).differs(
            "there every document but the first is lost",
            1,
            "error: target: expected one SealedSecret, found 2 documents\n",
        ),
        merge(sealed("json", "strict"), "-w out", MORE).differs(
            "there an empty output file is made",
            1,
            "error: --sealed-secret-file cannot be used with --merge-into, which writes into its own file\n",
        ),
        merge(sealed("json", "strict"), "-n other", MORE).differs(
            "newer kubeseal refuses, 0.27.1 ignores the flag",
            1,
            "error: namespace mismatch: input secret is in namespace \"web\" but \"other\" was specified\n",
        ),
        // There the items get a label under which they never open; here they open (tests/it/kubeseal_merge.rs).
        merge(sealed("json", "cluster-wide"), "", MORE),
        merge(sealed("json", "strict"), "--scope namespace-wide", MORE).differs(
            "there it panics",
            1,
            "error: target: sealed with scope namespace-wide, but the file has scope strict: its items would never open there\n",
        ),
        merge(sealed("json", "strict"), "", "metadata: {name: x, labels: {a: b}}\nstringData: {k: v}\n").differs(
            "there it panics",
            0,
            "",
        ),
    ]);
}

//! Writing that keeps a file's layout: sops opens it, and opening it in place gives the old bytes back.

use hecate_seal::secret::SecretBytes;
use hecate_seal::sops::crypt::Memory;
use hecate_seal::sops::document::{Encrypted, Format, MacCheck, Plan, load_to_keep, seal};
use hecate_seal::sops::go;
use hecate_seal::sops::mac::Scope;
use hecate_seal::sops::metadata::MasterKey;
use hecate_seal::sops::rules::Layouts;
use hecate_seal::sops::select::{NAMES, Selector};
use hecate_seal::sops::store::yaml;

use super::random::{Random, Shape, Stream};
use crate::sops_library::{KEY, Library};

fn data_key() -> SecretBytes {
    (0..64).step_by(2).map(|at| u8::from_str_radix(&KEY[at..at + 2], 16).unwrap()).collect::<Vec<_>>().into()
}

/// Encrypts a text in its own layout.
fn encrypted(text: &str, rule: Option<Selector>) -> Result<Vec<u8>, yaml::Lost> {
    let now = go::parse_time("2026-01-02T03:04:05Z").unwrap();
    let groups = vec![vec![MasterKey::age("age1x", "E\n")]];
    let metadata = Plan { groups, shamir_threshold: 0, selector: rule, mac_scope: Scope::All }.metadata(Format::Yaml, now);
    let room = load_to_keep(text.as_bytes())?;
    let sealed = seal(room.documents, metadata, &data_key(), &mut Memory::default(), now, Format::Yaml.layout()).unwrap();
    sealed.file.keep(room.text.expose().as_bytes(), Some(&data_key()), &Layouts::default())
}

/// Opens a text in its own layout.
fn decrypted(text: &[u8]) -> Result<String, yaml::Lost> {
    let opened = Encrypted::load(Format::Yaml, text).unwrap().decrypt(&data_key(), MacCheck::Required).unwrap();
    yaml::keep(text, &opened.documents, 4).map(|text| String::from_utf8(text).unwrap())
}

fn rules() -> Vec<Option<Selector>> {
    let rule =
        |name: &str, text: &'static str| Selector::from_fields(NAMES.map(|other| (other == name).then_some(text))).unwrap();
    vec![None, rule("encrypted_regex", "^(data|always)"), rule("unencrypted_regex", "^k"), rule("encrypted_suffix", "s")]
}

/// A tree as the Go program shows it, without its comments: at the end of a document their level changes with the `sops` block,
/// and sops itself drops some.
fn bare(tree: &str) -> String {
    let mut out = String::new();
    let mut rest = tree;
    while let Some(at) = rest.find(['#', '~', '"']) {
        let quoted = if rest[at..].starts_with('"') { at } else { at + 1 };
        if !rest[quoted..].starts_with('"') {
            panic!("not a tree: {tree}");
        }
        let mut end = quoted + 1;
        while !rest[end..].starts_with('"') {
            end += if rest[end..].starts_with('\\') { 2 } else { rest[end..].chars().next().unwrap().len_utf8() };
        }
        out.push_str(&rest[..at]);
        if quoted == at {
            out.push_str(&rest[at..=end]);
        }
        rest = rest[end + 1..].strip_prefix(' ').unwrap_or(&rest[end + 1..]);
    }
    out + rest
}

/// Seeds, the share of files whose layout could not be kept, and those that sops does not read.
fn run(shape: impl Fn(u64) -> Shape, exact: bool, offset: u64) -> (usize, usize) {
    let Some(mut library) = Library::start() else { return (0, 0) };
    let files = std::env::var("HECATE_SOPS_KEPT").ok().and_then(|text| text.parse().ok()).unwrap_or(300);
    let (mut kept, mut lost) = (0, 0);
    let mut failed: Vec<(usize, String)> = Vec::new();
    for seed in 1..=files {
        let text = Stream::make(&mut Random::new(seed + offset), shape(seed));
        let Ok(theirs) = library.load("yaml", text.as_bytes()) else { continue };
        let rule = rules()[usize::try_from(seed % 4).unwrap()].clone();
        let mut fail = |what: &str, more: &str| failed.push((text.len(), format!("seed {seed}, {what}:\n{text}\n----\n{more}")));
        let sealed = match encrypted(&text, rule) {
            Ok(sealed) => sealed,
            Err(_) => {
                lost += 1;
                if exact {
                    fail("the layout is lost in encrypting", "");
                }
                continue;
            }
        };
        kept += 1;
        let shown = String::from_utf8_lossy(&sealed).into_owned();
        // sops opens it, MAC and all, with every comment where it was. It forgets which comments stood beside a value.
        match library.decrypt("yaml", &sealed) {
            Err(error) => fail(&format!("sops does not open it: {error}"), &shown),
            Ok(back) if back.tree.contains("ENC[") => fail("sops cannot open a comment", &shown),
            Ok(back) if bare(&back.tree) != bare(&theirs.tree) => {
                fail("sops opens it to something else", &format!("{shown}\n{}\n{}", back.tree, theirs.tree));
            }
            Ok(_) => {}
        }
        match decrypted(&sealed) {
            Err(error) => fail(&format!("opened, {error}"), &shown),
            Ok(back) if exact && back != text => fail("the old text does not come back", &format!("{shown}\n----\n{back}")),
            Ok(back) => {
                let again = library.load("yaml", back.as_bytes());
                if again.as_ref().map(|again| bare(&again.tree)) != Ok(bare(&theirs.tree)) {
                    fail("opened, sops reads something else in it", &format!("{back}\n{again:?}"));
                }
            }
        }
        // What sops made of the same text opens in its layout too.
        let by_sops = library.encrypt("yaml", text.as_bytes(), ("unencrypted_suffix", "_unencrypted"), false).unwrap();
        let opened = Encrypted::load(Format::Yaml, by_sops.as_bytes()).unwrap();
        match opened.decrypt(&data_key(), MacCheck::Required) {
            Err(error) => fail(&format!("theirs does not open: {error}"), &by_sops),
            Ok(opened) => {
                if yaml::keep(by_sops.as_bytes(), &opened.documents, 4).is_err() {
                    fail("theirs, opened, loses its layout", &by_sops);
                }
            }
        }
    }
    failed.sort();
    if let Some((_, first)) = failed.first() {
        panic!("{} problems in {kept} files; the shortest: {first}", failed.len());
    }
    (kept, lost)
}

#[test]
fn plain_layouts_come_back_byte_for_byte() {
    run(|_| Shape { odd_comments: false, references: false, exact: true }, true, 0);
}

#[test]
fn wild_layouts_open_in_sops_and_mean_the_same() {
    let (kept, lost) = run(|seed| Shape { odd_comments: seed % 2 == 0, references: seed % 3 == 0, exact: false }, false, 100_000);
    assert!(lost * 20 <= kept, "{lost} layouts lost, {kept} kept");
}

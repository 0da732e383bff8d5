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
    let mut room = load_to_keep(text.as_bytes())?;
    let documents = std::mem::take(&mut room.documents);
    let sealed = seal(documents, metadata, &data_key(), &mut Memory::default(), now, Format::Yaml.layout());
    // What cannot be encrypted at all is not written at all.
    let mut sealed = sealed.map_err(|_| yaml::Lost::Differs)?;
    sealed.file.keep(&room.source(), Some(&data_key()), &Layouts::default())
}

/// Opens a text in its own layout.
fn decrypted(text: &[u8]) -> Result<String, yaml::Lost> {
    let opened = Encrypted::load(Format::Yaml, text).unwrap().decrypt(&data_key(), MacCheck::Required).unwrap();
    yaml::keep(&yaml::Source::read(text)?, &opened.documents, 4).map(|(text, _)| String::from_utf8(text).unwrap())
}

/// Pieces that YAML 1.1 and 1.2 differ about, or may.
const ODD: [&str; 58] = [
    "\t",
    " \t",
    "\n\t\n",
    "\n  \t\n",
    "\t# c\n",
    ":",
    ": ",
    ":\t",
    ",",
    ", ",
    "?",
    "? ",
    "?\t",
    "- ",
    "-\t",
    "-",
    "#",
    " #",
    "%",
    "\n%",
    "&a.b ",
    "&x ",
    "*x",
    "*x ",
    "!t ",
    "!!str ",
    "!<x> ",
    "! ",
    "|",
    ">",
    "|1",
    "|-",
    " |2+\n",
    "\u{2028}",
    "\u{85}",
    "\\/",
    "\\u00e9",
    "\\ud83d\\ude00",
    "\"",
    "'",
    "[",
    "]",
    "{",
    "}",
    "[x:, y]",
    "{? a, b:}",
    "\n...\n",
    "\n---\n",
    "--- ",
    "\r",
    "\r\n",
    "\u{feff}",
    "\u{a0}",
    "<<: ",
    "@",
    "~",
    " ",
    "\n",
];

/// A random file with some of those in it, at random places.
fn odd_text(seed: u64) -> String {
    let mut random = Random::new(seed);
    let shape = Shape { odd_comments: seed.is_multiple_of(2), references: seed.is_multiple_of(3), exact: false };
    let mut text = Stream::make(&mut random, shape);
    for _ in 0..=random.below(3) {
        let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let at = places[random.below(places.len())];
        text.insert_str(at, random.pick(&ODD));
    }
    text
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
                if yaml::keep(&yaml::Source::read(by_sops.as_bytes()).unwrap(), &opened.documents, 4).is_err() {
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

/// Whatever the layout: what is written, sops opens, and to the same.
#[test]
fn no_layout_is_kept_that_sops_does_not_open() {
    let Some(mut library) = Library::start() else { return };
    let files = std::env::var("HECATE_SOPS_KEPT").ok().and_then(|text| text.parse().ok()).unwrap_or(1500);
    let (mut kept, mut failed) = (0, Vec::new());
    for seed in 1..=files {
        let text = odd_text(seed);
        let rule = rules()[usize::try_from(seed % 4).unwrap()].clone();
        let Ok(sealed) = encrypted(&text, rule) else { continue };
        kept += 1;
        let opened = Encrypted::load(Format::Yaml, &sealed).unwrap().decrypt(&data_key(), MacCheck::Required).unwrap();
        let ours = library.load("yaml", &yaml::emit(&opened.documents, 4)).map(|ours| bare(&ours.tree));
        let theirs = library.decrypt("yaml", &sealed).map(|theirs| bare(&theirs.tree));
        // Comments with line separators in them are a plain text that sops reads otherwise; encrypted they are not.
        let comparable = !text.contains(['\u{85}', '\u{2028}']);
        if theirs.is_err() || (comparable && ours != theirs) {
            let shown = String::from_utf8_lossy(&sealed).into_owned();
            failed.push((text.len(), format!("seed {seed}:\n{text:?}\n{shown}\nours {ours:?}\nsops {theirs:?}")));
        }
    }
    failed.sort();
    let shortest = failed.first().map_or("", |(_, text)| text);
    assert!(failed.is_empty(), "{} of {kept} kept layouts; the shortest: {shortest}", failed.len());
    assert!(kept * 4 > files, "only {kept} of {files} layouts are kept");
}

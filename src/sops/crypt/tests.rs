//! Whole documents there and back, rules, errors, and ciphertexts that are kept.

use super::*;
use crate::sops::select::NAMES;
use crate::sops::tree::{Comment, Entry, MAX_DEPTH, Node};
use crate::sops::value::tests::{VECTOR, vector_cipher};
use crate::sops::value::{Encrypted, Scalar};

fn selector(name: &str, text: &'static str) -> Selector {
    let mut fields = [None; 6];
    fields[NAMES.iter().position(|other| *other == name).unwrap()] = Some(text);
    Selector::from_fields(fields).unwrap().unwrap()
}

fn comment(text: &str) -> Node {
    Node::Comment(Comment::new(text))
}

fn is_sealed(node: &Node) -> bool {
    node.as_str().is_some_and(Encrypted::looks_like)
}

fn round_trip(document: &Map, selector: &Selector, scope: Scope) -> Map {
    let cipher = vector_cipher();
    let mut documents = vec![document.clone()];
    let sealed = encrypt(&mut documents, selector, scope, &cipher, &mut Memory::default()).unwrap();
    let written = documents[0].clone();
    let now = crate::sops::go::parse_time("2026-01-01T00:00:00Z").unwrap();
    let opened = decrypt(&mut documents, selector, scope, &cipher, &mut Memory::default()).unwrap();
    assert_eq!(&documents[0], document);
    let mac = sealed.mac.seal(&cipher, now).unwrap();
    assert_eq!(opened.mac.verify(&cipher, &mac, now), Ok(true));
    assert_eq!((opened.encrypted, opened.plain), (sealed.encrypted, sealed.plain));
    written
}

fn sample() -> Map {
    let mut inner = Map::default();
    inner.0.push(Entry::Comment(Comment::new(" inner")));
    inner.push("k", Node::Leaf(Scalar::Bool(true)));
    let mut map = Map::default();
    map.0.push(Entry::Comment(Comment::new(" top")));
    map.push("data", Node::List(vec![comment(" c"), Node::text("x"), Node::text("x"), Node::Map(inner), Node::Null]));
    map.push("n_unencrypted", Node::Leaf(Scalar::Int(7)));
    map.push("f", Node::Leaf(Scalar::Float(2.5)));
    map.push("empty", Node::text(""));
    map
}

#[test]
fn the_document_of_sops_opens_with_its_mac() {
    // §9.1: the vector's leaves at their places.
    let mut map = Map::default();
    let leaf = |at: usize| Node::text(VECTOR[at].1);
    for (at, key) in ["n", "s", "t", "b", "f"].into_iter().enumerate() {
        map.push(key, leaf(at));
    }
    map.push("l", Node::List(vec![leaf(5), leaf(6)]));
    map.push("m", Node::Map(Map::from_iter([("k", leaf(7))])));
    map.push("e", Node::text(""));
    let mut documents = [map.clone()];
    let mut memory = Memory::default();
    decrypt(&mut documents, &Selector::default(), Scope::All, &vector_cipher(), &mut memory).unwrap();
    assert_eq!(documents[0].get("l"), Some(&Node::List(vec![comment(" c"), Node::text("x")])));
    assert_eq!(documents[0].get("n"), Some(&Node::Leaf(Scalar::Int(7))));
    // Written again unchanged, every ciphertext is the same.
    encrypt(&mut documents, &Selector::default(), Scope::All, &vector_cipher(), &mut memory).unwrap();
    assert_eq!(documents[0], map);
}

#[test]
fn every_rule_reads_back_what_it_wrote() {
    for (name, text) in [
        ("unencrypted_suffix", "_unencrypted"),
        ("encrypted_suffix", "ata"),
        ("encrypted_regex", "^(data|k)$"),
        ("unencrypted_regex", "^f$"),
        ("encrypted_comment_regex", "top|c"),
        ("unencrypted_comment_regex", "inner"),
    ] {
        for scope in [Scope::All, Scope::Encrypted] {
            round_trip(&sample(), &selector(name, text), scope);
        }
    }
}

#[test]
fn only_selected_leaves_are_sealed() {
    let written = round_trip(&sample(), &selector("encrypted_regex", "^data$"), Scope::All);
    let Some(Node::List(items)) = written.get("data") else { panic!("a list") };
    assert!(items[..3].iter().all(is_sealed), "the comment too, as a text item");
    assert!(matches!(&items[3], Node::Map(map) if is_sealed(map.get("k").unwrap())));
    assert_eq!(items[4], Node::Null);
    assert_eq!(written.get("f"), Some(&Node::Leaf(Scalar::Float(2.5))));
    assert_eq!(written.0[0], Entry::Comment(Comment::new(" top")), "comments follow their map");
}

#[test]
fn swapped_list_items_open_and_only_the_mac_notices() {
    let cipher = vector_cipher();
    let mut documents = [Map::from_iter([("l", Node::List(vec![Node::text("a"), Node::text("b")]))])];
    let before = encrypt(&mut documents, &Selector::default(), Scope::All, &cipher, &mut Memory::default()).unwrap();
    if let Entry::Pair(_, Node::List(items)) = &mut documents[0].0[0] {
        items.swap(0, 1);
    }
    let now = crate::sops::go::parse_time("2026-01-01T00:00:00Z").unwrap();
    let mac = before.mac.seal(&cipher, now).unwrap();
    let after = decrypt(&mut documents, &Selector::default(), Scope::All, &cipher, &mut Memory::default()).unwrap();
    assert_eq!(after.mac.verify(&cipher, &mac, now), Ok(false));
}

#[test]
fn a_renamed_key_or_a_plain_value_does_not_open() {
    let cipher = vector_cipher();
    let open = |document: Map| {
        decrypt(&mut [document], &Selector::default(), Scope::All, &cipher, &mut Memory::default()).unwrap_err().to_string()
    };
    let list = Node::List(vec![Node::Null, Node::text(VECTOR[6].1)]);
    let moved = Map::from_iter([("m", Node::Map(Map::from_iter([("x", list)])))]);
    assert_eq!(open(moved), "`m.x[1]`: authentication failed: wrong key, or the value was moved or changed");
    let plain = Map::from_iter([("a", Node::Leaf(Scalar::Int(1)))]);
    assert_eq!(open(plain), "`a`: an encrypted value was expected, and this is a plain int");
    let text = Map::from_iter([("a", Node::text("hello"))]);
    assert!(open(text).starts_with("`a`: not an encrypted value"));
}

#[test]
fn comments_in_lists_under_a_comment_rule_can_be_read_again() {
    let list = Node::List(vec![comment(" enc"), comment(" second"), Node::text("x"), comment(" third"), Node::text("plain")]);
    let document = Map::from_iter([("l", list)]);
    let rule = selector("encrypted_comment_regex", "enc");
    let written = round_trip(&document, &rule, Scope::All);
    let Some(Node::List(items)) = written.get("l") else { panic!("a list") };
    assert!(matches!(&items[1], Node::Comment(comment) if comment.text.expose().starts_with(b"ENC[")));
    assert!(is_sealed(&items[2]) && items[3..] == [comment(" third"), Node::text("plain")]);
    // What sops makes of it: the comment as a text item.
    let Node::Comment(second) = &items[1] else { panic!("a comment") };
    let as_sops = vec![items[0].clone(), Node::text(second.text.expose()), items[2].clone()];
    let mut documents = [Map::from_iter([("l", Node::List(as_sops))])];
    decrypt(&mut documents, &rule, Scope::All, &vector_cipher(), &mut Memory::default()).unwrap();
    assert_eq!(documents[0].get("l"), Some(&Node::List(vec![comment(" enc"), comment(" second"), Node::text("x")])));
}

#[test]
fn an_empty_comment_in_a_list_does_not_become_an_item() {
    let cipher = vector_cipher();
    let mut documents = [Map::from_iter([("l", Node::List(vec![comment(""), Node::text("x")]))])];
    encrypt(&mut documents, &Selector::default(), Scope::All, &cipher, &mut Memory::default()).unwrap();
    let Some(Node::List(items)) = documents[0].get("l") else { panic!("a list") };
    assert!(items.len() == 1 && is_sealed(&items[0]));
}

#[test]
fn a_comment_that_was_never_encrypted_is_kept_and_reported() {
    let mut map = Map::default();
    map.0.push(Entry::Comment(Comment::new(" plain")));
    let mut documents = [map.clone()];
    let outcome = decrypt(&mut documents, &Selector::default(), Scope::All, &vector_cipher(), &mut Memory::default()).unwrap();
    assert_eq!((&documents[0], outcome.plain_comments.len()), (&map, 1));
}

#[test]
fn equal_items_keep_their_own_ciphertexts() {
    let cipher = vector_cipher();
    let document = Map::from_iter([("l", Node::List(vec![Node::text("x"), Node::text("x"), Node::text("y")]))]);
    let mut documents = [document];
    encrypt(&mut documents, &Selector::default(), Scope::All, &cipher, &mut Memory::default()).unwrap();
    let written = documents[0].clone();
    let mut memory = Memory::default();
    decrypt(&mut documents, &Selector::default(), Scope::All, &cipher, &mut memory).unwrap();
    if let Entry::Pair(_, Node::List(items)) = &mut documents[0].0[0] {
        items.insert(1, Node::text("new"));
    }
    encrypt(&mut documents, &Selector::default(), Scope::All, &cipher, &mut memory).unwrap();
    let (Some(Node::List(old)), Some(Node::List(new))) = (written.get("l"), documents[0].get("l")) else { panic!("lists") };
    assert_eq!((&new[0], &new[2], &new[3]), (&old[0], &old[1], &old[2]));
    assert!(is_sealed(&new[1]) && !old.contains(&new[1]));
}

#[test]
fn deep_documents_are_refused() {
    let mut node = Node::Null;
    for _ in 0..=MAX_DEPTH {
        node = Node::List(vec![node]);
    }
    let mut documents = [Map::from_iter([("a", node)])];
    let result = encrypt(&mut documents, &Selector::default(), Scope::All, &vector_cipher(), &mut Memory::default());
    assert_eq!(result.map(|_| ()), Err(Error::TooDeep));
}

//! sprig's keys and certificates: `genPrivateKey`, `genCA`, `genSelfSignedCert`, `genSignedCert`, each `…WithKey`, `buildCustomCert`.

use core::net::IpAddr;
use std::rc::Rc;

use super::encoding::base64_decode;
use super::{Args, Function, function};
use crate::crypto::issue::{self, Key, Kind, Request};
use crate::template::context::{Context, Outcome, fail};
use crate::template::value::{Str, Value};

/// What a key costs, in milliseconds; finding the primes of a large one may take several times as long.
const RSA_2048_MILLIS: u64 = 100;
const RSA_4096_MILLIS: u64 = 650;
const SMALL_MILLIS: u64 = 2;

pub(super) const TABLE: &[Function] = &[
    function("genPrivateKey", "s", |cx, args| {
        let (kind, millis) = match args.text(0) {
            b"" | b"rsa" => (Kind::Rsa(4096), RSA_4096_MILLIS),
            b"ecdsa" => (Kind::EcdsaP256, SMALL_MILLIS),
            b"ed25519" => (Kind::Ed25519, SMALL_MILLIS),
            b"dsa" => return fail("DSA keys are not supported: use rsa, ecdsa or ed25519"),
            _ => return fail("unknown type of key: use rsa, ecdsa or ed25519"),
        };
        let key = generate(cx, kind, millis)?;
        cx.string(key.pem().expose().as_bytes().to_vec())
    }),
    function("genCA", "si", |cx, args| {
        let key = new_key(cx)?;
        finish(cx, &authority(cx, args)?, &key, None)
    }),
    function("genCAWithKey", "sis", |cx, args| {
        let key = read_key(cx, args.text(2))?;
        finish(cx, &authority(cx, args)?, &key, None)
    }),
    function("genSelfSignedCert", "slli", |cx, args| {
        let request = leaf(cx, args)?;
        let key = new_key(cx)?;
        finish(cx, &request, &key, None)
    }),
    function("genSelfSignedCertWithKey", "sllis", |cx, args| {
        let request = leaf(cx, args)?;
        let key = read_key(cx, args.text(4))?;
        finish(cx, &request, &key, None)
    }),
    function("genSignedCert", "sllic", |cx, args| {
        let request = leaf(cx, args)?;
        let key = new_key(cx)?;
        finish(cx, &request, &key, Some(args.any(4)))
    }),
    function("genSignedCertWithKey", "sllics", |cx, args| {
        let request = leaf(cx, args)?;
        let key = read_key(cx, args.text(5))?;
        finish(cx, &request, &key, Some(args.any(4)))
    }),
    function("buildCustomCert", "ss", |cx, args| {
        let Some(certificate) = base64_decode(args.text(0)) else { return fail("unable to decode base64 certificate") };
        let Some(key) = base64_decode(args.text(1)) else { return fail("unable to decode base64 private key") };
        if !issue::is_certificate(&certificate) {
            return fail("unable to decode certificate");
        }
        read_key(cx, &key)?;
        pair(cx, certificate, key)
    }),
];

fn generate(cx: &mut Context, kind: Kind, millis: u64) -> Outcome<Key> {
    cx.crypto(millis)?;
    Key::generate(kind).or_else(|_| fail("the key could not be made"))
}

fn new_key(cx: &mut Context) -> Outcome<Key> {
    generate(cx, Kind::Rsa(2048), RSA_2048_MILLIS)
}

fn read_key(cx: &mut Context, text: &[u8]) -> Outcome<Key> {
    cx.crypto(SMALL_MILLIS)?;
    Key::from_pem(text).or_else(|_| fail("error parsing private key"))
}

fn pair(cx: &mut Context, certificate: Vec<u8>, key: Vec<u8>) -> Outcome {
    cx.take(certificate.len() + key.len())?;
    Ok(Value::Certificate(Rc::new((Str::new(certificate), Str::new(key)))))
}

fn finish(cx: &mut Context, request: &Request, key: &Key, issuer: Option<&Value>) -> Outcome {
    cx.crypto(SMALL_MILLIS)?;
    let made = match issuer {
        None => issue::issue(request, key, None),
        Some(Value::Certificate(authority)) => {
            let issuer_key = read_key(cx, &authority.1)?;
            issue::issue(request, key, Some((&authority.0, &issuer_key)))
        }
        Some(_) => return fail("not a certificate"),
    };
    match made {
        Ok(certificate) => pair(cx, certificate.into_bytes(), key.pem().expose().as_bytes().to_vec()),
        Err(_) => fail("error creating certificate"),
    }
}

fn request(cx: &Context, name: &[u8], days: i64) -> Outcome<Request> {
    let Ok(common_name) = String::from_utf8(name.to_vec()) else { return fail("a common name that is not UTF-8") };
    let end = days.checked_mul(86_400).map(time::Duration::seconds).and_then(|span| cx.now.checked_add(span));
    let Some(not_after) = end.filter(|end| (1950..10_000).contains(&end.year())) else {
        return fail("the end of the certificate's validity cannot be written");
    };
    Ok(Request { common_name, addresses: Vec::new(), names: Vec::new(), not_before: cx.now, not_after, authority: false })
}

fn authority(cx: &Context, args: Args) -> Outcome<Request> {
    Ok(Request { authority: true, ..request(cx, args.text(0), args.int(1))? })
}

fn leaf(cx: &mut Context, args: Args) -> Outcome<Request> {
    let mut request = request(cx, args.text(0), args.int(3))?;
    for text in texts(cx, args.any(1), "error parsing ip: not a string")? {
        match text.parse::<IpAddr>() {
            Ok(address) => request.addresses.push(address),
            Err(_) => return fail("error parsing ip"),
        }
    }
    request.names = texts(cx, args.any(2), "error processing alternate dns name: not a string")?;
    Ok(request)
}

fn texts(cx: &mut Context, value: &Value, complaint: &'static str) -> Outcome<Vec<String>> {
    let Value::List(id) = value else { return Ok(Vec::new()) };
    let items = cx.heap.items(*id);
    cx.step(items.len() * 16)?;
    let text = |item: &Value| match item {
        Value::Str(text) => String::from_utf8(text.to_vec()).or_else(|_| fail("a name that is not UTF-8")),
        _ => fail(complaint),
    };
    items.iter().map(text).collect()
}

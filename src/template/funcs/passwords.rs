//! sprig's passwords: `bcrypt`, `htpasswd`, `derivePassword`, `encryptAES`, `decryptAES`.
//!
//! Where sprig gives an error's text instead of a value, which would become a password, these fail.

use super::encoding::{base64_decode, base64_encode};
use super::{Args, Function, function};
use crate::crypto::{kdf, password};
use crate::template::context::{Context, Outcome, fail};
use crate::template::value::Value;

/// What a hash costs, in milliseconds.
const BCRYPT_MILLIS: u64 = 60;
const SCRYPT_MILLIS: u64 = 150;

pub(super) const TABLE: &[Function] = &[
    function("bcrypt", "s", |cx, args| {
        let hash = hashed(cx, args.text(0))?;
        cx.string(hash.into_bytes())
    }),
    function("htpasswd", "ss", |cx, args| {
        if args.text(0).contains(&b':') {
            return fail("invalid username: it has a colon");
        }
        let hash = hashed(cx, args.text(1))?;
        cx.string([args.text(0), b":", hash.as_bytes()].concat())
    }),
    function("derivePassword", "ussss", derive_password),
    function("encryptAES", "ss", |cx, args| {
        if args.text(1).is_empty() {
            return cx.string(Vec::new());
        }
        cx.take(args.text(1).len() + 32)?;
        match password::encrypt_cbc(args.text(0), args.text(1)) {
            Ok(sealed) => cx.string(base64_encode(&sealed)),
            Err(_) => fail("the encryption failed"),
        }
    }),
    function("decryptAES", "ss", |cx, args| {
        if args.text(1).is_empty() {
            return cx.string(Vec::new());
        }
        let Some(sealed) = base64_decode(args.text(1)) else { return fail("the text is not base64") };
        match password::decrypt_cbc(args.text(0), &sealed) {
            Ok(plain) => cx.string(plain.expose().to_vec()),
            Err(_) => fail("wrong password, or not a text that encryptAES made"),
        }
    }),
];

fn hashed(cx: &mut Context, secret: &[u8]) -> Outcome<String> {
    cx.crypto(BCRYPT_MILLIS)?;
    match password::hash_bcrypt(secret) {
        Some(hash) => Ok(hash),
        None => fail("bcrypt: the password is longer than 72 bytes"),
    }
}

const SEED: &[u8] = b"com.lyndir.masterpassword";

/// The shapes of a password of some type.
fn shapes(kind: &[u8]) -> Option<&'static [&'static [u8]]> {
    Some(match kind {
        b"maximum" => &[b"anoxxxxxxxxxxxxxxxxx", b"axxxxxxxxxxxxxxxxxno"],
        b"long" => &[
            b"CvcvnoCvcvCvcv",
            b"CvcvCvcvnoCvcv",
            b"CvcvCvcvCvcvno",
            b"CvccnoCvcvCvcv",
            b"CvccCvcvnoCvcv",
            b"CvccCvcvCvcvno",
            b"CvcvnoCvccCvcv",
            b"CvcvCvccnoCvcv",
            b"CvcvCvccCvcvno",
            b"CvcvnoCvcvCvcc",
            b"CvcvCvcvnoCvcc",
            b"CvcvCvcvCvccno",
            b"CvccnoCvccCvcv",
            b"CvccCvccnoCvcv",
            b"CvccCvccCvcvno",
            b"CvcvnoCvccCvcc",
            b"CvcvCvccnoCvcc",
            b"CvcvCvccCvccno",
            b"CvccnoCvcvCvcc",
            b"CvccCvcvnoCvcc",
            b"CvccCvcvCvccno",
        ],
        b"medium" => &[b"CvcnoCvc", b"CvcCvcno"],
        b"short" => &[b"Cvcn"],
        b"basic" => &[b"aaanaaan", b"aannaaan", b"aaannaaa"],
        b"pin" => &[b"nnnn"],
        _ => return None,
    })
}

fn characters(class: u8) -> &'static [u8] {
    match class {
        b'V' => b"AEIOU",
        b'C' => b"BCDFGHJKLMNPQRSTVWXYZ",
        b'v' => b"aeiou",
        b'c' => b"bcdfghjklmnpqrstvwxyz",
        b'A' => b"AEIOUBCDFGHJKLMNPQRSTVWXYZ",
        b'a' => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz",
        b'n' => b"0123456789",
        b'o' => b"@&%?,=[]_:-+*$#!'^~;()/.",
        _ => b"AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz0123456789!@#$%^&*()",
    }
}

fn length(text: &[u8]) -> [u8; 4] {
    u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes()
}

/// The Master Password algorithm, version 0.
fn derive_password(cx: &mut Context, args: Args) -> Outcome {
    let (kind, secret, user, site) = (args.text(1), args.text(2), args.text(3), args.text(4));
    let Some(shapes) = shapes(kind) else { return fail("cannot find password template") };
    cx.crypto(SCRYPT_MILLIS)?;
    let salt = [SEED, &length(user), user].concat();
    let Some(key) = password::scrypt(secret, &salt) else { return fail("failed to derive password") };
    let counter = u32::try_from(args.int(0)).unwrap_or(0).to_be_bytes();
    let seed = kdf::hmac_sha256(key.expose(), &[SEED, &length(site), site, &counter]);
    let mut seed = seed.iter().copied().map(usize::from);
    let shape = shapes.get(seed.next().unwrap_or(0) % shapes.len()).copied().unwrap_or(&[]);
    let out = shape.iter().zip(seed).filter_map(|(&class, byte)| {
        let characters = characters(class);
        characters.get(byte % characters.len()).copied()
    });
    let out: Vec<u8> = out.collect();
    Ok(Value::str(out))
}

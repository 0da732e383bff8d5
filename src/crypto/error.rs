//! What can go wrong with keys and certificates. No variant holds key material or plaintext.

/// An error of layer 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A key or certificate of another algorithm; the text names it, with its article.
    #[error("not an RSA key: this is {0}")]
    NotRsa(String),
    /// An RSA modulus outside of 2048 to 8192 bits.
    #[error(
        "an RSA key of {bits} bits is not supported: it must have 2048 to 8192 bits{}",
        if *.bits < 2048 { " (shorter ones are too weak to keep a secret)" } else { "" }
    )]
    KeySize {
        /// Bits of the modulus.
        bits: usize,
    },
    /// A size that key generation does not offer.
    #[error("cannot generate an RSA key of {bits} bits: use 2048, 3072, 4096 or 8192")]
    GenerateSize {
        /// Bits asked for.
        bits: usize,
    },
    /// A private key with more than two primes.
    #[error("an RSA key with more than two primes is not supported")]
    MultiPrime,
    /// A private key under a passphrase.
    #[error("the private key is encrypted with a passphrase: decrypt it first (openssl pkey -in FILE)")]
    EncryptedKey,
    /// The DER of a key does not parse or does not belong together.
    #[error("malformed RSA {0} key")]
    MalformedKey(&'static str),
    /// UTF-16 where PEM should be.
    #[error("this is UTF-16 text, as Windows PowerShell writes it: save it as UTF-8")]
    Utf16,
    /// No PEM block with a private key.
    #[error("no private key found{}", found(.0))]
    NoPrivateKey(Vec<String>),
    /// No PEM block with a certificate; the names of the blocks that were there.
    #[error("no certificate found{}", found(.0))]
    NoCertificate(Vec<String>),
    /// A certificate that does not parse; `index` counts `CERTIFICATE` blocks from 1.
    #[error("certificate {index} is malformed: {reason}")]
    MalformedCertificate {
        /// Which `CERTIFICATE` block, from 1.
        index: usize,
        /// What the parser met.
        reason: String,
    },
    /// A certificate could not be made.
    #[error("cannot make the certificate: {0}")]
    MakeCertificate(String),
    /// Encrypting under a public key failed.
    #[error("the RSA encryption failed")]
    Wrap,
    /// Decrypting failed: wrong key, wrong label or changed bytes. Deliberately one case.
    #[error("the decryption failed")]
    Decrypt,
    /// AES-GCM refused its key or its input size.
    #[error("the AES-GCM encryption failed")]
    Encrypt,
    /// A public key that would give everybody the same shared secret (a point of low order), or that is no valid key.
    #[error("no secret can be agreed on with this public key")]
    Agreement,
    /// Deriving a key from a passphrase needs more memory than there is.
    #[error("deriving the key from the passphrase needs {mebibytes} MiB of memory, which the system does not give")]
    Memory {
        /// What was asked for, in MiB.
        mebibytes: usize,
    },
    /// An Ed25519 seed of another length than 32 bytes.
    #[error("an Ed25519 seed has 32 bytes")]
    Seed,
    /// A bcrypt cost that there is none of.
    #[error("bcrypt has costs from 4 to 31, not {0}")]
    BcryptCost(u32),
    /// A password that bcrypt would cut off without a word.
    #[error("the password has {0} bytes, and bcrypt looks at the first 72 only")]
    BcryptLength(usize),
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system")]
    Random,
}

fn found(labels: &[String]) -> String {
    if labels.is_empty() {
        ": there is no PEM block (-----BEGIN …-----) in the input".to_owned()
    } else {
        format!(": the input holds {}", labels.join(", "))
    }
}

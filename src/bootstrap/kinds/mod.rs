//! How a value is made: the parameters of every kind, as they are written.
//!
//! A key has exactly one kind. The doc comments here are the descriptions of the published schema.

mod forms;

use serde::Deserialize;

use crate::nats;

/// How a value is made. Exactly one.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// A random password.
    Password(Password),
    /// Random bytes in hexadecimal.
    Hex(Random),
    /// Random bytes in base64. It may hold `/` and `+`, which break URLs.
    Base64(Random),
    /// Random bytes in the URL-safe base64.
    Base64url(Random),
    /// Random bytes as they are.
    Bytes(RawBytes),
    /// A random UUID in lower case.
    Uuid(Uuid),
    /// A key pair: PEM, or OpenSSH's own format.
    Keypair(Keypair),
    /// An age identity and its recipient.
    Age(Age),
    /// A key and its certificate.
    X509(X509),
    /// A NATS nkey: seed and public key.
    Nkey(Nkey),
    /// A creds file for a NATS user, signed by an account's nkey.
    NatsCreds(NatsCreds),
    /// The bcrypt hash of another key.
    Bcrypt(Bcrypt),
    /// The argon2id hash of another key.
    Argon2id(Argon2id),
    /// Text with `{{ KEY }}`, `{{ secret/KEY }}`, `{{ namespace/secret/KEY }}` in it, each with filters behind `|`: urlencode, b64,
    /// json, lower.
    Template(String),
    /// An auth.conf for nats-server. What stands for a secret in it is the name of a key; `password` gives the file a hash of it.
    NatsAuth(Box<nats::Auth<String>>),
    /// The first variable of the environment that is not blank.
    Env(Env),
    /// The content of a file.
    File(FileInput),
    /// Standard input.
    Stdin(Stdin),
    /// The same value as another key.
    Copy(CopyOf),
    /// Something that is no secret, such as a user name.
    Literal(Literal),
}

impl Kind {
    /// The kind's name in a bootstrap file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Password(_) => "password",
            Self::Hex(_) => "hex",
            Self::Base64(_) => "base64",
            Self::Base64url(_) => "base64url",
            Self::Bytes(_) => "bytes",
            Self::Uuid(_) => "uuid",
            Self::Keypair(_) => "keypair",
            Self::Age(_) => "age",
            Self::X509(_) => "x509",
            Self::Nkey(_) => "nkey",
            Self::NatsCreds(_) => "natsCreds",
            Self::Bcrypt(_) => "bcrypt",
            Self::Argon2id(_) => "argon2id",
            Self::Template(_) => "template",
            Self::NatsAuth(_) => "natsAuth",
            Self::Env(_) => "env",
            Self::File(_) => "file",
            Self::Stdin(_) => "stdin",
            Self::Copy(_) => "copy",
            Self::Literal(_) => "literal",
        }
    }

    /// Whether it is made from randomness and nothing else, so that a new one is another one.
    #[must_use]
    pub fn is_generated(&self) -> bool {
        matches!(
            self,
            Self::Password(_)
                | Self::Hex(_)
                | Self::Base64(_)
                | Self::Base64url(_)
                | Self::Bytes(_)
                | Self::Uuid(_)
                | Self::Keypair(_)
                | Self::Age(_)
                | Self::X509(_)
                | Self::Nkey(_)
        )
    }

    /// Whether it comes from outside.
    #[must_use]
    pub fn is_input(&self) -> bool {
        matches!(self, Self::Env(_) | Self::File(_) | Self::Stdin(_))
    }
}

/// A random password.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Password {
    /// Characters, without prefix and suffix.
    pub length: usize,
    /// `alnum` (letters and digits), `url` (also `-_.~`), `hex` (lower case), or the characters themselves.
    pub alphabet: String,
    /// How many characters of each class there must be at least.
    pub require: Require,
    /// Text before the password.
    pub prefix: String,
    /// Text behind it.
    pub suffix: String,
    /// Accept less than 64 bits of randomness.
    pub allow_weak: bool,
}

impl Default for Password {
    fn default() -> Self {
        Self {
            length: 32,
            alphabet: "alnum".to_owned(),
            require: Require::default(),
            prefix: String::new(),
            suffix: String::new(),
            allow_weak: false,
        }
    }
}

/// Least numbers of characters of each class.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Require {
    /// Upper-case letters.
    pub upper: usize,
    /// Lower-case letters.
    pub lower: usize,
    /// Digits.
    pub digit: usize,
    /// Anything else.
    pub symbol: usize,
}

/// Random bytes in an encoding.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Random {
    /// Bytes before encoding.
    pub bytes: usize,
    /// Text before the value.
    pub prefix: String,
    /// Whether base64 ends with `=` where it must; hexadecimal never does.
    pub pad: bool,
}

impl Default for Random {
    fn default() -> Self {
        Self { bytes: 32, prefix: String::new(), pad: true }
    }
}

/// Random bytes as they are.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct RawBytes {
    /// How many.
    pub bytes: usize,
}

impl Default for RawBytes {
    fn default() -> Self {
        Self { bytes: 32 }
    }
}

/// A random UUID.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Uuid {
    /// The version.
    pub version: UuidVersion,
}

/// Version of a UUID.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum UuidVersion {
    /// Random.
    #[default]
    V4,
    /// Time, then random.
    V7,
}

/// A key pair.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Keypair {
    /// What kind of keys.
    pub algorithm: KeyAlgorithm,
    /// Bits of an RSA key: 2048, 3072 or 4096.
    pub bits: Option<usize>,
    /// Comment in OpenSSH keys.
    #[serde(default)]
    pub comment: String,
    /// Keys of the Secret: `private` (the entry's own name if not said) and `public` (none if not said).
    #[serde(default)]
    pub outputs: PairOutputs,
}

/// Algorithm and format of a key pair.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum KeyAlgorithm {
    /// RSA in PEM (PKCS#1, public key as SubjectPublicKeyInfo).
    Rsa,
    /// Ed25519 in PEM (PKCS#8, public key as SubjectPublicKeyInfo).
    Ed25519,
    /// Ed25519 in OpenSSH's format.
    SshEd25519,
    /// RSA in OpenSSH's format.
    SshRsa,
}

/// Keys of the Secret that the halves of a pair go into.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct PairOutputs {
    /// The private half.
    pub private: Option<String>,
    /// The public half.
    pub public: Option<String>,
}

/// An age identity.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Age {
    /// Keys of the Secret.
    pub outputs: AgeOutputs,
}

/// Keys of the Secret that an age identity goes into.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct AgeOutputs {
    /// The identity; the entry's own name if not said. For Flux it must end in `.agekey`.
    pub identity: Option<String>,
    /// The recipient; none if not said.
    pub recipient: Option<String>,
}

/// A key and its certificate.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct X509 {
    /// The Secret with `tls.crt` and `tls.key` of the authority that signs it: `secret` or `namespace/secret`. Without it the
    /// certificate signs itself.
    pub ca: Option<String>,
    /// Common name.
    pub cn: String,
    /// DNS names and IP addresses.
    pub sans: Vec<String>,
    /// Days until it expires.
    pub days: u32,
    /// Whether it may sign others.
    #[serde(rename = "isCA")]
    pub is_ca: bool,
    /// The key.
    pub algorithm: CertificateKey,
    /// Bits of an RSA key: 2048, 3072 or 4096.
    pub bits: Option<usize>,
    /// A key of the sealed-secrets controller: RSA 4096, the certificate as the controller makes it, with the label that makes
    /// the controller use it.
    pub sealing_key: bool,
    /// Keys of the Secret.
    pub outputs: CertificateOutputs,
}

impl Default for X509 {
    fn default() -> Self {
        Self {
            ca: None,
            cn: String::new(),
            sans: Vec::new(),
            days: 3650,
            is_ca: false,
            algorithm: CertificateKey::default(),
            bits: None,
            sealing_key: false,
            outputs: CertificateOutputs::default(),
        }
    }
}

/// Algorithm of a certificate's key.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CertificateKey {
    /// ECDSA on P-256.
    #[default]
    EcdsaP256,
    /// RSA.
    Rsa,
    /// Ed25519.
    Ed25519,
}

/// Keys of the Secret that a certificate goes into.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct CertificateOutputs {
    /// The private key.
    pub key: String,
    /// The certificate.
    pub cert: String,
    /// The certificate of the authority; none if not said.
    pub ca: Option<String>,
}

impl Default for CertificateOutputs {
    fn default() -> Self {
        Self { key: "tls.key".to_owned(), cert: "tls.crt".to_owned(), ca: None }
    }
}

/// A NATS nkey.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Nkey {
    /// Whose key.
    pub role: NkeyRole,
    /// Keys of the Secret.
    #[serde(default)]
    pub outputs: NkeyOutputs,
}

/// Whose nkey.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum NkeyRole {
    /// A user's.
    User,
    /// An account's.
    Account,
    /// An operator's.
    Operator,
}

/// Keys of the Secret that an nkey goes into.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct NkeyOutputs {
    /// The seed; the entry's own name if not said.
    pub seed: Option<String>,
    /// The public key; none if not said.
    pub public: Option<String>,
}

/// A creds file for a NATS user.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NatsCreds {
    /// The key that holds the account's seed, which signs.
    pub account: String,
    /// Name of the user.
    pub user: String,
    /// The key that holds the user's seed.
    pub seed: String,
    /// What the user may do.
    #[serde(default)]
    pub permissions: Option<nats::model::Permissions>,
}

/// A bcrypt hash.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Bcrypt {
    /// The key with the password: at most 72 bytes, on one line.
    pub from: String,
    /// Work factor, 4 to 31; each step doubles the time of every login.
    #[serde(default = "eleven")]
    pub cost: u32,
    /// Prefix of the hash.
    #[serde(default)]
    pub ident: BcryptIdent,
    /// With it the value is a line `user:hash`, as in an htpasswd file.
    pub user: Option<String>,
}

fn eleven() -> u32 {
    11
}

/// Prefix of a bcrypt hash.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
pub enum BcryptIdent {
    /// `$2a$`
    #[serde(rename = "2a")]
    TwoA,
    /// `$2b$`
    #[default]
    #[serde(rename = "2b")]
    TwoB,
    /// `$2y$`
    #[serde(rename = "2y")]
    TwoY,
}

impl BcryptIdent {
    /// The two characters.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TwoA => "2a",
            Self::TwoB => "2b",
            Self::TwoY => "2y",
        }
    }
}

/// An argon2id hash.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Argon2id {
    /// The key with the password.
    pub from: String,
    /// Memory in KiB.
    #[serde(default = "argon_memory")]
    pub memory: u32,
    /// Passes.
    #[serde(default = "argon_time")]
    pub time: u32,
    /// Lanes.
    #[serde(default = "argon_lanes")]
    pub lanes: u32,
    /// With it the value is a line `user:hash`.
    pub user: Option<String>,
}

fn argon_memory() -> u32 {
    19_456
}

fn argon_time() -> u32 {
    2
}

fn argon_lanes() -> u32 {
    1
}

/// The first variable of the environment that is not blank.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Env {
    /// The variables, in order.
    pub names: Vec<String>,
    /// Whether there must be one.
    #[serde(default)]
    pub required: Required,
    /// Drop a line break at the end.
    #[serde(default = "yes")]
    pub trim: bool,
    /// A regular expression that the whole value must match.
    pub pattern: Option<String>,
}

fn yes() -> bool {
    true
}

/// When an input must be there.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Required {
    /// Never: without it the key is left out.
    Never,
    /// When the key is not there yet.
    #[default]
    WhenAbsent,
    /// Always.
    Always,
}

/// The content of a file.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FileInput {
    /// The file, from the bootstrap file's folder; any bytes.
    pub path: String,
    /// Whether it must be there.
    #[serde(default)]
    pub required: Required,
    /// Drop a line break at the end.
    #[serde(default)]
    pub trim: bool,
}

/// Standard input.
#[derive(Clone, Debug, Default, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Stdin {
    /// Drop a line break at the end.
    pub trim: bool,
}

/// The same value as another key.
#[derive(Clone, Debug, Deserialize)]
#[cfg_attr(feature = "cli", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CopyOf {
    /// The other key.
    pub from: String,
}

/// Something that is no secret: the text, or `{value, notSecret}`.
#[derive(Clone, Debug)]
pub struct Literal {
    /// The text.
    pub value: String,
    /// Said by the author of the file, where the key's name sounds like a secret.
    pub not_secret: bool,
}

//! Random values for secrets: passwords of an alphabet, identifiers, and random bytes as text.
//!
//! Every character is drawn by rejection, so that no one is likelier than another, and all randomness is that of
//! [`super::random`]. What must hold of a password (a digit, two symbols) is reached by drawing whole passwords until one
//! holds it, which leaves all that do equally likely. The default alphabet is letters and digits: such a password stands
//! unescaped in a URL, a shell and a configuration file (`bootstrap-nats.md` §0.2: base64 does not).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{Error, random};
use crate::secret::{SecretBytes, SecretString};

/// Draws before a requirement counts as too rare to meet: reached with one password in a thousand, this never happens.
const TRIES: usize = 50_000;
/// More characters than any password needs.
pub const MAX_LENGTH: usize = 4096;

/// What cannot be generated, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// Fewer than two characters: there would be nothing to choose.
    #[error("an alphabet needs at least two characters")]
    TooFew,
    /// The same character twice would be twice as likely.
    #[error("the alphabet holds `{0}` twice")]
    Twice(char),
    /// Only what every terminal, file and protocol carries unchanged.
    #[error("the alphabet holds a character that is no printable ASCII (blanks are none either)")]
    NotPrintable,
    /// No characters, or more than [`MAX_LENGTH`].
    #[error("a password has 1 to {MAX_LENGTH} characters, not {0}")]
    Length(usize),
    /// More characters are required than the password has.
    #[error("{required} characters are required of a password of {length}")]
    Required {
        /// Sum of what is required.
        required: usize,
        /// Characters of the password.
        length: usize,
    },
    /// A required kind of character that the alphabet does not have.
    #[error("the alphabet has no {0}, and one is required")]
    Lacks(&'static str),
    /// Fewer than about one password in ten thousand would do.
    #[error("what is required of the password is too rare among passwords of this length: make it longer or require less")]
    TooRare,
    /// No randomness.
    #[error(transparent)]
    Crypto(#[from] Error),
}

/// The characters of a password, each equally likely.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alphabet(Vec<u8>);

impl Alphabet {
    /// Letters and digits: `A-Z a-z 0-9`, 5.95 bits each.
    #[must_use]
    pub fn alnum() -> Self {
        Self((b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').collect())
    }

    /// What a URL carries unescaped (RFC 3986 `unreserved`): letters, digits and `-._~`, 6.04 bits each.
    #[must_use]
    pub fn url() -> Self {
        let mut alphabet = Self::alnum();
        alphabet.0.extend_from_slice(b"-._~");
        alphabet
    }

    /// `0-9a-f`, 4 bits each.
    #[must_use]
    pub fn hex() -> Self {
        Self(b"0123456789abcdef".to_vec())
    }

    /// Exactly these characters.
    ///
    /// # Errors
    /// [`GenerateError::TooFew`], [`GenerateError::Twice`], [`GenerateError::NotPrintable`].
    pub fn literal(characters: &str) -> Result<Self, GenerateError> {
        let bytes = characters.as_bytes();
        if bytes.iter().any(|byte| !byte.is_ascii_graphic()) {
            return Err(GenerateError::NotPrintable);
        }
        if bytes.len() < 2 {
            return Err(GenerateError::TooFew);
        }
        for (index, byte) in bytes.iter().enumerate() {
            if bytes.iter().take(index).any(|before| before == byte) {
                return Err(GenerateError::Twice(char::from(*byte)));
            }
        }
        Ok(Self(bytes.to_vec()))
    }

    /// The characters.
    #[must_use]
    pub fn characters(&self) -> &[u8] {
        &self.0
    }

    /// Bits of randomness in a password of this length, before anything is required of it.
    #[must_use]
    pub fn bits(&self, length: usize) -> f64 {
        #[allow(clippy::cast_precision_loss, reason = "lengths are small")]
        let (characters, length) = (self.0.len() as f64, length as f64);
        characters.log2() * length
    }

    /// Whether a URL, a shell word and a NATS configuration carry every character unescaped.
    #[must_use]
    pub fn is_url_safe(&self) -> bool {
        self.0.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte))
    }

    /// One character, drawn by rejection.
    fn draw(&self, source: &mut Source) -> Result<u8, Error> {
        let count = self.0.len();
        // The largest multiple of `count` that a byte holds: above it some characters would be likelier than others.
        let limit = 256 - 256 % count;
        loop {
            let byte = usize::from(source.byte()?);
            if byte < limit
                && let Some(character) = self.0.get(byte % count)
            {
                return Ok(*character);
            }
        }
    }
}

/// How many characters of a kind a password has at least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Require {
    /// `A-Z`.
    pub upper: usize,
    /// `a-z`.
    pub lower: usize,
    /// `0-9`.
    pub digit: usize,
    /// Everything else.
    pub symbol: usize,
}

/// What a kind is called, how many are required, and what belongs to it.
type RequiredKind = (&'static str, usize, fn(&u8) -> bool);

impl Require {
    fn kinds(&self) -> [RequiredKind; 4] {
        [
            ("upper-case letter", self.upper, u8::is_ascii_uppercase),
            ("lower-case letter", self.lower, u8::is_ascii_lowercase),
            ("digit", self.digit, u8::is_ascii_digit),
            ("symbol", self.symbol, |byte| !byte.is_ascii_alphanumeric()),
        ]
    }

    fn holds(&self, password: &[u8]) -> bool {
        self.kinds().iter().all(|(_, least, is)| password.iter().filter(|byte| is(byte)).count() >= *least)
    }
}

/// Random bytes, fetched in blocks that are wiped.
struct Source {
    block: Zeroizing<[u8; 64]>,
    used: usize,
}

impl Source {
    fn new() -> Self {
        Self { block: Zeroizing::new([0; 64]), used: 64 }
    }

    fn byte(&mut self) -> Result<u8, Error> {
        if self.used >= self.block.len() {
            random::fill(self.block.as_mut_slice())?;
            self.used = 0;
        }
        let byte = self.block.get(self.used).copied().ok_or(Error::Random)?;
        self.used += 1;
        Ok(byte)
    }
}

/// A password of `length` characters of the alphabet that has what is required; all such are equally likely.
///
/// # Errors
/// [`GenerateError`] when there is no such password, or hardly any.
pub fn password(alphabet: &Alphabet, length: usize, require: Require) -> Result<SecretString, GenerateError> {
    if length == 0 || length > MAX_LENGTH {
        return Err(GenerateError::Length(length));
    }
    let required = require.kinds().iter().map(|(_, least, _)| *least).fold(0, usize::saturating_add);
    if required > length {
        return Err(GenerateError::Required { required, length });
    }
    for (kind, least, is) in require.kinds() {
        if least > 0 && !alphabet.0.iter().any(is) {
            return Err(GenerateError::Lacks(kind));
        }
    }
    let mut source = Source::new();
    let mut drawn = Zeroizing::new(vec![0_u8; length]);
    for _ in 0..TRIES {
        for slot in drawn.iter_mut() {
            *slot = alphabet.draw(&mut source)?;
        }
        if require.holds(&drawn) {
            let text = std::str::from_utf8(&drawn).map_err(|_| GenerateError::NotPrintable)?;
            return Ok(SecretString::new(text.to_owned()));
        }
    }
    Err(GenerateError::TooRare)
}

/// How random bytes are written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Two lower-case digits a byte.
    Hex,
    /// RFC 4648 §4, with `+` and `/`: not for URLs.
    Base64 {
        /// Whether `=` fills up to a multiple of four.
        pad: bool,
    },
    /// RFC 4648 §5, with `-` and `_`.
    Base64Url {
        /// Whether `=` fills up to a multiple of four.
        pad: bool,
    },
}

/// Bytes as text.
#[must_use]
pub fn encode(bytes: &SecretBytes, encoding: Encoding) -> SecretString {
    let bytes = bytes.expose();
    SecretString::new(match encoding {
        Encoding::Hex => data_encoding::HEXLOWER.encode(bytes),
        Encoding::Base64 { pad: true } => STANDARD.encode(bytes),
        Encoding::Base64 { pad: false } => STANDARD_NO_PAD.encode(bytes),
        Encoding::Base64Url { pad: true } => URL_SAFE.encode(bytes),
        Encoding::Base64Url { pad: false } => URL_SAFE_NO_PAD.encode(bytes),
    })
}

/// A random UUID (RFC 9562, version 4), lower case.
///
/// # Errors
/// [`Error::Random`].
pub fn uuid_v4() -> Result<SecretString, Error> {
    let mut bytes = Zeroizing::new([0; 16]);
    random::fill(bytes.as_mut_slice())?;
    Ok(uuid(&bytes, 4))
}

/// A UUID that sorts by time (RFC 9562, version 7), lower case: milliseconds since 1970 in front, 74 random bits behind.
///
/// # Errors
/// [`Error::Random`].
pub fn uuid_v7(unix_millis: u64) -> Result<SecretString, Error> {
    let mut bytes = Zeroizing::new([0; 16]);
    random::fill(bytes.as_mut_slice())?;
    for (slot, byte) in bytes.iter_mut().zip(unix_millis.to_be_bytes().into_iter().skip(2)) {
        *slot = byte;
    }
    Ok(uuid(&bytes, 7))
}

fn uuid(bytes: &[u8; 16], version: u8) -> SecretString {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        let byte = match index {
            6 => byte & 0x0f | version << 4,
            8 => byte & 0x3f | 0x80,
            _ => *byte,
        };
        text.push_str(&format!("{byte:02x}"));
    }
    SecretString::new(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pearson's chi-square of the counts against equal chances.
    fn chi_square(counts: &[u64]) -> f64 {
        let total: u64 = counts.iter().sum();
        let expected = total as f64 / counts.len() as f64;
        counts.iter().map(|count| (*count as f64 - expected).powi(2) / expected).sum()
    }

    /// Twelve standard deviations above the mean of the chi-square distribution: with the 13 to 65 degrees of freedom here a
    /// fair source exceeds it less than once in 10^9 runs, and the remainder of a byte as an index exceeds it ten times over.
    fn bound(characters: usize) -> f64 {
        let freedom = (characters - 1) as f64;
        freedom + 12.0 * (2.0 * freedom).sqrt()
    }

    const DRAWN: usize = 400_000;

    #[test]
    fn every_character_is_as_likely_as_every_other_at_every_place() {
        let odd = Alphabet::literal("abcdefghijk!#%").unwrap();
        for alphabet in [Alphabet::alnum(), Alphabet::url(), Alphabet::hex(), odd] {
            let mut counts = [0_u64; 256];
            let mut first = [0_u64; 256];
            for _ in 0..DRAWN / 40 {
                let drawn = password(&alphabet, 40, Require::default()).unwrap();
                assert_eq!(drawn.len(), 40);
                drawn.expose().bytes().for_each(|byte| counts[usize::from(byte)] += 1);
                first[usize::from(drawn.expose().as_bytes()[0])] += 1;
            }
            let of = |counts: &[u64; 256]| -> Vec<u64> {
                alphabet.characters().iter().map(|byte| counts[usize::from(*byte)]).collect()
            };
            assert_eq!(of(&counts).iter().sum::<u64>(), DRAWN as u64, "a character from outside of the alphabet");
            assert!(chi_square(&of(&counts)) < bound(alphabet.characters().len()), "{:?}", of(&counts));
            assert!(chi_square(&of(&first)) < bound(alphabet.characters().len()), "{:?}", of(&first));
        }
    }

    #[test]
    fn the_measure_of_the_test_above_can_fail() {
        // What a byte modulo 62 would give: 256 = 4 * 62 + 8, so eight characters come five times in 256 instead of four.
        let biased: Vec<u64> = (0..62).map(|index| if index < 8 { 5 } else { 4 } * DRAWN as u64 / 256).collect();
        assert!(chi_square(&biased) > bound(62));
    }

    #[test]
    fn what_is_required_is_there_and_what_cannot_be_is_said() {
        let symbols = Alphabet::literal("abcdefABCDEF012345!#%").unwrap();
        let require = Require { upper: 2, lower: 2, digit: 2, symbol: 2 };
        for _ in 0..200 {
            assert!(require.holds(password(&symbols, 16, require).unwrap().expose().as_bytes()));
        }
        let digits = |digit| Require { digit, ..Require::default() };
        assert_eq!(password(&Alphabet::alnum(), 0, digits(0)).unwrap_err(), GenerateError::Length(0));
        assert_eq!(password(&Alphabet::alnum(), 4, digits(5)).unwrap_err(), GenerateError::Required { required: 5, length: 4 });
        let symbol = Require { symbol: 1, ..Require::default() };
        assert_eq!(password(&Alphabet::alnum(), 4, symbol).unwrap_err(), GenerateError::Lacks("symbol"));
        assert_eq!(password(&Alphabet::alnum(), 12, digits(12)).unwrap_err(), GenerateError::TooRare);
    }

    #[test]
    fn alphabets_are_checked() {
        assert_eq!(Alphabet::literal("a").unwrap_err(), GenerateError::TooFew);
        assert_eq!(Alphabet::literal("abca").unwrap_err(), GenerateError::Twice('a'));
        assert_eq!(Alphabet::literal("ab c").unwrap_err(), GenerateError::NotPrintable);
        assert_eq!(Alphabet::literal("abé").unwrap_err(), GenerateError::NotPrintable);
        assert!((Alphabet::alnum().bits(32) - 190.5).abs() < 0.1);
        assert!(Alphabet::url().is_url_safe() && !Alphabet::literal("ab/").unwrap().is_url_safe());
    }

    #[test]
    fn bytes_and_identifiers_have_their_forms() {
        let bytes = SecretBytes::copy_of(&[0xfb, 0xff]);
        for (encoding, text) in [
            (Encoding::Hex, "fbff"),
            (Encoding::Base64 { pad: true }, "+/8="),
            (Encoding::Base64 { pad: false }, "+/8"),
            (Encoding::Base64Url { pad: true }, "-_8="),
            (Encoding::Base64Url { pad: false }, "-_8"),
        ] {
            assert_eq!(encode(&bytes, encoding).expose(), text);
        }
        let four = uuid_v4().unwrap();
        let shape: String = four.expose().chars().map(|c| if c.is_ascii_hexdigit() { 'x' } else { c }).collect();
        assert_eq!(shape, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
        assert!(four.expose()[14..].starts_with('4') && "89ab".contains(&four.expose()[19..20]));
        assert_ne!(four, uuid_v4().unwrap());
        let seven = uuid_v7(0x017f_22e2_79b0).unwrap();
        assert!(seven.expose().starts_with("017f22e2-79b0-7"), "{}", seven.expose());
    }
}

//! bcrypt hashes as nats-server tells them from plain passwords.
//!
//! The server takes a text for a hash when it begins like one (`$2a$`, `$2b$`, `$2x$` or `$2y$`, two digits, `$`), and for the
//! password itself otherwise. So there are texts that it compares as a hash and that match nothing, and hashes that it takes
//! for a password, so that the hash logs in. [`look`] tells them apart. Source: nats-server 2.15.2, `auth.go`;
//! `bootstrap-nats.md` §2.1.

use crate::crypto::password::BCRYPT_COSTS;

/// Characters of a bcrypt hash.
pub const LENGTH: usize = 60;
/// Above this cost a login takes a quarter of a second and more, and clients that all come back at once run into their timeout.
pub const HIGH_COST: u32 = 12;
/// Above this cost a login takes many seconds, and the server gives up on the client first.
pub const HIGHEST_COST: u32 = 16;

/// What a password of the configuration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Nothing: the server lets everybody in who gives no password.
    Empty,
    /// A whole hash.
    Hash {
        /// The letter after the 2.
        ident: char,
        /// The cost.
        cost: u32,
    },
    /// The server takes it for a hash, and no password matches it.
    Broken(Broken),
    /// The server takes it for a password, though it was meant as a hash: whoever reads the file can log in with it.
    PlainHash(PlainHash),
    /// A password.
    Plain,
}

/// Why a hash matches nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Fewer than 60 characters.
    #[error("the hash has {0} characters instead of 60: it was cut short")]
    Short(usize),
    /// A cost that bcrypt does not have.
    #[error("the cost of the hash is {0}, and bcrypt has 4 to 31")]
    Cost(u32),
    /// A character that no hash has.
    #[error("the hash holds a character that bcrypt never writes")]
    Character,
}

/// What made the server take a hash for a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlainHash {
    /// `:$2y$…`, a line of htpasswd with its separator.
    #[error("a `:` stands in front of the hash, left over from a line of htpasswd")]
    Colon,
    /// `user:$2y$…`.
    #[error("it is a whole line of htpasswd, user name and all")]
    Line,
    /// A blank, a line break, a quote.
    #[error("something stands in front of the hash")]
    Leading,
    /// `$2$`, `$2z$`, `$2A$`.
    #[error("the server knows $2a$, $2b$, $2x$ and $2y$, and not this prefix")]
    Prefix,
    /// `$2b$5$…`
    #[error("the cost of the hash is not two digits")]
    CostDigits,
}

/// What the server will take this text for. Text behind the 60th character is ignored by the server, and here.
#[must_use]
pub fn look(text: &str) -> Look {
    if text.is_empty() {
        return Look::Empty;
    }
    let bytes = text.as_bytes();
    if let [b'$', b'2', ident @ (b'a' | b'b' | b'x' | b'y'), b'$', tens @ b'0'..=b'9', ones @ b'0'..=b'9', b'$', rest @ ..] =
        bytes
    {
        let cost = u32::from(tens - b'0') * 10 + u32::from(ones - b'0');
        let body = rest.get(..LENGTH - 7);
        return if !BCRYPT_COSTS.contains(&cost) {
            Look::Broken(Broken::Cost(cost))
        } else if let Some(body) = body {
            if body.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/')) {
                Look::Hash { ident: char::from(*ident), cost }
            } else {
                Look::Broken(Broken::Character)
            }
        } else {
            Look::Broken(Broken::Short(bytes.len()))
        };
    }
    plain(text)
}

/// Tells a password from a hash in the wrong dress.
fn plain(text: &str) -> Look {
    let Some(start) = text.find("$2").filter(|start| looks_like_a_body(text.get(*start..).unwrap_or_default())) else {
        return Look::Plain;
    };
    let before = text.get(..start).unwrap_or_default();
    Look::PlainHash(match before {
        "" => {
            let after = text.split('$').nth(2).unwrap_or_default();
            let known = ["$2a$", "$2b$", "$2x$", "$2y$"].iter().any(|prefix| text.starts_with(prefix));
            if known && after.len() != 2 { PlainHash::CostDigits } else { PlainHash::Prefix }
        }
        ":" => PlainHash::Colon,
        _ if before.ends_with(':') => PlainHash::Line,
        _ if before.trim_matches([' ', '\t', '\n', '\r', '"', '\'']).is_empty() => PlainHash::Leading,
        _ => return Look::Plain,
    })
}

/// `$2?$digits$` and most of a hash behind it: more than any password has by chance.
fn looks_like_a_body(text: &str) -> bool {
    let mut parts = text.split('$').skip(1);
    let (ident, cost, body) = (parts.next(), parts.next(), parts.next());
    ident.is_some_and(|ident| ident.len() <= 2)
        && cost.is_some_and(|cost| !cost.is_empty() && cost.len() <= 2 && cost.bytes().all(|byte| byte.is_ascii_digit()))
        && body.is_some_and(|body| body.len() >= 40)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = "WXJ0Qp0vQJ9pLRfBGZQ3TeuH7FQ7b1l5S8RrmS5uH0rX5pWQ0y2nK";

    #[test]
    fn hashes_passwords_and_what_lies_between_are_told_apart() {
        assert_eq!(BODY.len(), 53);
        let with = |prefix: &str| format!("{prefix}{BODY}");
        for ident in ['a', 'b', 'x', 'y'] {
            assert_eq!(look(&with(&format!("$2{ident}$11$"))), Look::Hash { ident, cost: 11 });
        }
        // The server ignores what follows the 60th character.
        assert_eq!(look(&(with("$2b$04$") + "\n")), Look::Hash { ident: 'b', cost: 4 });
        let short = with("$2b$11$");
        assert_eq!(look(&short[..59]), Look::Broken(Broken::Short(59)));
        assert_eq!(look(&with("$2b$03$")), Look::Broken(Broken::Cost(3)));
        assert_eq!(look(&with("$2b$32$")), Look::Broken(Broken::Cost(32)));
        assert_eq!(look(&with("$2b$11$").replace('X', "!")), Look::Broken(Broken::Character));
        // A password that only begins like a hash can never log in.
        assert_eq!(look("$2a$10$secret"), Look::Broken(Broken::Short(13)));
        for (text, why) in [
            (with(":$2y$11$"), PlainHash::Colon),
            (with("app:$2y$11$"), PlainHash::Line),
            (with(" $2y$11$"), PlainHash::Leading),
            (with("\"$2y$11$"), PlainHash::Leading),
            (with("$2$11$"), PlainHash::Prefix),
            (with("$2z$11$"), PlainHash::Prefix),
            (with("$2A$11$"), PlainHash::Prefix),
            (with("$2b$5$"), PlainHash::CostDigits),
        ] {
            assert_eq!(look(&text), Look::PlainHash(why), "{text}");
        }
        for password in ["hunter2", "$HASH", "$2", "a$2b", "correct horse", "$2a$", "x$2a$11$short"] {
            assert_eq!(look(password), Look::Plain, "{password}");
        }
        assert_eq!(look(""), Look::Empty);
    }
}

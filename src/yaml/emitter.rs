//! What libyaml's emitter allows for a text, which go-yaml v2 and v3 have both inherited: `yaml_emitter_analyze_scalar`, for block
//! context and lines of any length. Which of the allowed styles is taken is each writer's affair (`kubernetes`, and the store of SOPS).

/// What go-yaml does with a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tabs {
    /// v2: it needs an escape.
    Escaped,
    /// v3: it is fine in a block and nowhere else.
    InBlocks,
}

/// The styles that keep a text what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    /// Without quotes.
    pub plain: bool,
    /// Between `'`.
    pub single_quoted: bool,
    /// As a block, `|`.
    pub block: bool,
}

/// Characters that are written as they are. The others, supplementary planes and tabs included, need escapes.
#[must_use]
pub fn is_printable(c: char) -> bool {
    matches!(c, '\n' | '\x20'..='\x7e' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}')
}

/// Letters, digits and signs that mean nothing inside a word: `:` and `#` do only beside a blank, those of flow style only at the begin.
const IN_WORDS: [bool; 256] = {
    let mut table = [false; 256];
    let mut at = 0_u8;
    while at < 128 {
        table[at as usize] = at.is_ascii_alphanumeric()
            || matches!(at, b'_' | b'.' | b'/' | b'+' | b'=' | b',' | b'[' | b']' | b':' | b'-' | b'#');
        at += 1;
    }
    table
};

/// Whether a text is one long word, as ciphertexts are: every style keeps it.
fn is_word(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.last() != Some(&b':')
        && bytes.iter().all(|byte| IN_WORDS[usize::from(*byte)])
}

impl Allowed {
    const ALL: Self = Self { plain: true, single_quoted: true, block: true };
    const NONE: Self = Self { plain: false, single_quoted: false, block: false };

    /// Looks a text over.
    #[must_use]
    pub fn of(text: &str, tabs: Tabs) -> Self {
        if is_word(text) { Self::ALL } else { Self::in_full(text, tabs) }
    }

    fn in_full(text: &str, tabs: Tabs) -> Self {
        let mut allowed = Self { plain: true, single_quoted: true, block: !text.is_empty() };
        if text.starts_with("---") || text.starts_with("...") {
            allowed.plain = false;
        }
        let mut previous = None;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let blank_follows = chars.peek().is_none_or(|&next| matches!(next, ' ' | '\t'));
            let blank_before = previous.is_none_or(|c| matches!(c, ' ' | '\t' | '\r' | '\n' | '\0'));
            let indicator = match c {
                ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => previous.is_none(),
                '?' | '-' => previous.is_none() && blank_follows,
                ':' => blank_follows,
                '#' => blank_before,
                _ => false,
            };
            if indicator || c == '\n' {
                allowed.plain = false;
            }
            if c == '\t' && tabs == Tabs::InBlocks {
                (allowed.plain, allowed.single_quoted) = (false, false);
            } else if !is_printable(c) || (c == '\n' && previous == Some(' ')) {
                return Self::NONE;
            }
            if c == ' ' {
                let at_end = chars.peek().is_none();
                if previous.is_none() || at_end {
                    allowed.plain = false;
                }
                if at_end {
                    allowed.block = false;
                }
                if previous == Some('\n') {
                    (allowed.plain, allowed.single_quoted) = (false, false);
                }
            }
            previous = Some(c);
        }
        allowed
    }
}

/// `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`: numbers of base 60, which YAML 1.1 has. Never read, but quoted for
/// other readers' sake.
#[must_use]
pub fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let Some((first, rest)) = text.split_once(':') else { return false };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if !first.starts_with(|c: char| c.is_ascii_digit()) || !digits(first) {
        return false;
    }
    let rest = match rest.split_once('.') {
        Some((rest, fraction)) if digits(fraction) => rest,
        Some(_) => return false,
        None => rest,
    };
    rest.split(':').all(|group| match group.as_bytes() {
        [digit] => digit.is_ascii_digit(),
        [b'0'..=b'5', digit] => digit.is_ascii_digit(),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_judged_as_every_other_text() {
        let signs = ["a", "Z", "0", "_", ".", "/", "+", "=", ",", "[", "]", ":", "-", "#", " ", "\t", "\n", "é", "'", "\u{85}"];
        let mut words = 0;
        for first in signs {
            for second in signs {
                for third in signs {
                    for text in [first.to_owned(), [first, second].concat(), [first, second, third].concat()] {
                        words += usize::from(is_word(&text));
                        for tabs in [Tabs::Escaped, Tabs::InBlocks] {
                            assert_eq!(Allowed::of(&text, tabs), Allowed::in_full(&text, tabs), "{text:?}");
                        }
                    }
                }
            }
        }
        assert!(words > 400, "{words}");
        assert!(is_word("ENC[AES256_GCM,data:a+/=,iv:b=,tag:c==,type:str]"));
    }
}

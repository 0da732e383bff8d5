//! Which leaves of a document are encrypted.
//!
//! A file has exactly one rule of six kinds (sops-age.md §1.5). It is tested against every key on a leaf's path, so a match at
//! any level decides for all below; the two comment rules look at the comments above a leaf instead. sops takes an invalid
//! regular expression for one that never matches, and so writes every value in plaintext or reads none: here it is an error.

use super::pattern::{self, Pattern};

/// The rule of files that name none.
pub const DEFAULT_SUFFIX: &str = "_unencrypted";

/// Why a set of fields is not a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// More than one of the six is set.
    #[error("only one of {} can be used in one file or rule, but {} are set", NAMES.join(", "), .0.join(" and "))]
    Several(Vec<&'static str>),
    /// A regular expression that Go, and so every other reader of the file, would not compile.
    #[error("`{field}`: {source}")]
    Regex {
        /// Which of the fields holds it.
        field: &'static str,
        /// What is wrong.
        source: pattern::Error,
    },
}

/// The names of the six fields, in metadata and in `.sops.yaml`.
pub const NAMES: [&str; 6] = [
    "unencrypted_suffix",
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
];

/// The one rule of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Selector {
    /// All but what lies under a key with this suffix.
    UnencryptedSuffix(String),
    /// Only what lies under a key with this suffix.
    EncryptedSuffix(String),
    /// All but what lies under a matching key.
    UnencryptedRegex(Pattern),
    /// Only what lies under a matching key.
    EncryptedRegex(Pattern),
    /// All but what follows a matching comment.
    UnencryptedCommentRegex(Pattern),
    /// Only what follows a matching comment.
    EncryptedCommentRegex(Pattern),
}

impl Default for Selector {
    fn default() -> Self {
        Self::UnencryptedSuffix(DEFAULT_SUFFIX.to_owned())
    }
}

impl Selector {
    /// The rule in a set of fields, given in the order of [`NAMES`]; empty ones count as not set. `None` if there is none.
    ///
    /// # Errors
    /// [`Error::Several`] and [`Error::Regex`].
    pub fn from_fields(fields: [Option<&str>; 6]) -> Result<Option<Self>, Error> {
        let mut set =
            NAMES.into_iter().zip(fields).filter_map(|(name, value)| Some((name, value.filter(|text| !text.is_empty())?)));
        let Some((field, text)) = set.next() else { return Ok(None) };
        let others: Vec<_> = set.map(|(name, _)| name).collect();
        if !others.is_empty() {
            return Err(Error::Several(std::iter::once(field).chain(others).collect()));
        }
        let pattern = || Pattern::new(text).map_err(|source| Error::Regex { field, source });
        Ok(Some(match field {
            "unencrypted_suffix" => Self::UnencryptedSuffix(text.to_owned()),
            "encrypted_suffix" => Self::EncryptedSuffix(text.to_owned()),
            "unencrypted_regex" => Self::UnencryptedRegex(pattern()?),
            "encrypted_regex" => Self::EncryptedRegex(pattern()?),
            "unencrypted_comment_regex" => Self::UnencryptedCommentRegex(pattern()?),
            _ => Self::EncryptedCommentRegex(pattern()?),
        }))
    }

    /// The field's name and its text, as the metadata holds them.
    #[must_use]
    pub fn field(&self) -> (&'static str, &str) {
        match self {
            Self::UnencryptedSuffix(text) => ("unencrypted_suffix", text),
            Self::EncryptedSuffix(text) => ("encrypted_suffix", text),
            Self::UnencryptedRegex(pattern) => ("unencrypted_regex", pattern.as_str()),
            Self::EncryptedRegex(pattern) => ("encrypted_regex", pattern.as_str()),
            Self::UnencryptedCommentRegex(pattern) => ("unencrypted_comment_regex", pattern.as_str()),
            Self::EncryptedCommentRegex(pattern) => ("encrypted_comment_regex", pattern.as_str()),
        }
    }

    /// Whether comments must be shown to [`Walk::comment`] for this rule.
    #[must_use]
    pub fn looks_at_comments(&self) -> bool {
        matches!(self, Self::UnencryptedCommentRegex(_) | Self::EncryptedCommentRegex(_))
    }

    fn matches_key(&self, key: &str) -> bool {
        match self {
            Self::UnencryptedSuffix(suffix) | Self::EncryptedSuffix(suffix) => key.ends_with(suffix.as_str()),
            Self::UnencryptedRegex(pattern) | Self::EncryptedRegex(pattern) => pattern.is_match(key),
            Self::UnencryptedCommentRegex(_) | Self::EncryptedCommentRegex(_) => false,
        }
    }

    /// Whether the rule matches this comment's text: the text after `#`, as it stands in the file.
    #[must_use]
    pub fn matches_comment(&self, text: &[u8]) -> bool {
        match self {
            Self::UnencryptedCommentRegex(pattern) | Self::EncryptedCommentRegex(pattern) => {
                pattern.is_match(&String::from_utf8_lossy(text))
            }
            _ => false,
        }
    }
}

/// A walk through one document that knows, at each leaf, whether the rule encrypts it.
///
/// The walker says where it goes: [`Walk::enter`] a map or list, [`Walk::key`] before a key's value, [`Walk::comment`] and
/// [`Walk::item_done`] in between.
#[derive(Debug, Clone)]
pub struct Walk<'a> {
    selector: &'a Selector,
    /// For each level: whether a key on the path down to it matched.
    keys: Vec<bool>,
    /// For each level: the comments since its last item that was none, each with whether it matched.
    comments: Vec<Vec<bool>>,
}

impl<'a> Walk<'a> {
    /// At the top of a document, outside of everything.
    #[must_use]
    pub fn new(selector: &'a Selector) -> Self {
        Self { selector, keys: vec![false], comments: Vec::new() }
    }

    /// Goes into a map or list.
    pub fn enter(&mut self) {
        self.comments.push(Vec::new());
    }

    /// Comes out of a map or list.
    pub fn leave(&mut self) {
        self.comments.pop();
    }

    /// Goes below a key of the current map.
    pub fn key(&mut self, key: &str) {
        let above = self.keys.last().copied().unwrap_or_default();
        self.keys.push(above || self.selector.matches_key(key));
    }

    /// Comes back from below a key.
    pub fn key_done(&mut self) {
        self.keys.pop();
    }

    /// Takes note of a comment at the current level, as it stands in the file.
    pub fn comment(&mut self, text: &[u8]) {
        if self.selector.looks_at_comments()
            && let Some(level) = self.comments.last_mut()
        {
            level.push(self.selector.matches_comment(text));
        }
    }

    /// An item of the current level that is no comment has been dealt with: its comments no longer count.
    pub fn item_done(&mut self) {
        if let Some(level) = self.comments.last_mut() {
            level.clear();
        }
    }

    /// Whether the leaf here is encrypted; `is_comment` if it is the comment last given to [`Walk::comment`].
    #[must_use]
    pub fn encrypts(&self, is_comment: bool) -> bool {
        let key = self.keys.last().copied().unwrap_or_default();
        match self.selector {
            Selector::UnencryptedSuffix(_) | Selector::UnencryptedRegex(_) => !key,
            Selector::EncryptedSuffix(_) | Selector::EncryptedRegex(_) => key,
            Selector::UnencryptedCommentRegex(_) => !self.comments.iter().flatten().any(|matched| *matched),
            Selector::EncryptedCommentRegex(_) => {
                // The comment that switches encryption on stays readable itself.
                let itself = usize::from(is_comment);
                let count = self.comments.iter().map(Vec::len).sum::<usize>();
                self.comments.iter().flatten().take(count.saturating_sub(itself)).any(|matched| *matched)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(name: &str, text: &'static str) -> Selector {
        let at = NAMES.iter().position(|other| *other == name).unwrap();
        let mut fields = [None; 6];
        fields[at] = Some(text);
        Selector::from_fields(fields).unwrap().unwrap()
    }

    fn at_path(selector: &Selector, path: &[&str]) -> bool {
        let mut walk = Walk::new(selector);
        for key in path {
            walk.enter();
            walk.key(key);
        }
        walk.encrypts(false)
    }

    #[test]
    fn suffixes_and_regexes_count_at_every_level() {
        let selector = Selector::default();
        assert!(at_path(&selector, &["a", "b"]));
        assert!(!at_path(&selector, &["a", "b_unencrypted"]));
        assert!(!at_path(&selector, &["a_unencrypted", "b"]));
        let selector = only("encrypted_suffix", "Templates");
        assert!(at_path(&selector, &["spec", "secretTemplates", "name"]));
        assert!(!at_path(&selector, &["spec", "suspend"]));
        let selector = only("encrypted_regex", "^(data|stringData)$");
        assert!(at_path(&selector, &["data", "a"]) && !at_path(&selector, &["metadata", "a"]) && !at_path(&selector, &[]));
        let selector = only("unencrypted_regex", "^kind|Version");
        assert!(!at_path(&selector, &["apiVersion"]) && at_path(&selector, &["akind"]));
    }

    #[test]
    fn coming_back_from_a_key_forgets_it() {
        let selector = only("encrypted_regex", "^data$");
        let mut walk = Walk::new(&selector);
        walk.enter();
        walk.key("data");
        assert!(walk.encrypts(false));
        walk.key_done();
        walk.key("kind");
        assert!(!walk.encrypts(false));
    }

    #[test]
    fn a_comment_switches_encryption_on_for_what_follows_it() {
        let selector = only("encrypted_comment_regex", "sops:enc");
        let mut walk = Walk::new(&selector);
        walk.enter();
        walk.comment(b" sops:enc");
        assert!(!walk.encrypts(true), "the comment itself stays plain");
        walk.comment(b" more");
        assert!(walk.encrypts(true), "a later comment is encrypted");
        walk.key("a");
        walk.enter();
        walk.key("deep");
        assert!(walk.encrypts(false), "everything below inherits it");
        walk.key_done();
        walk.leave();
        walk.key_done();
        walk.item_done();
        walk.key("b");
        assert!(!walk.encrypts(false), "the next key does not");
    }

    #[test]
    fn a_comment_switches_encryption_off_for_what_follows_it() {
        let selector = only("unencrypted_comment_regex", "^ plain$");
        let mut walk = Walk::new(&selector);
        walk.enter();
        assert!(walk.encrypts(false));
        walk.comment(b" plain");
        assert!(!walk.encrypts(true) && !walk.encrypts(false));
        walk.comment(b" other");
        assert!(!walk.encrypts(true));
        walk.item_done();
        assert!(walk.encrypts(false));
    }

    #[test]
    fn no_rule_two_rules_and_broken_rules() {
        assert_eq!(Selector::from_fields([Some(""), None, None, None, None, None]), Ok(None));
        let error = Selector::from_fields([Some("_a"), None, None, Some("b"), None, None]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "only one of unencrypted_suffix, encrypted_suffix, unencrypted_regex, encrypted_regex, unencrypted_comment_regex, \
             encrypted_comment_regex can be used in one file or rule, but unencrypted_suffix and encrypted_regex are set"
        );
        let error = Selector::from_fields([None, None, None, Some("^(?!metadata)"), None, None]).unwrap_err();
        assert_eq!(error.to_string(), "`encrypted_regex`: invalid regular expression `^(?!metadata)`: invalid group flag `!`");
    }
}

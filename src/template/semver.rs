//! Semantic versions and the constraints on them.
//!
//! Follows Masterminds/semver 3.3.0, which is looser than semver.org: `v1`, `1.2` are versions; `^1.2`, `~1`, `1.x`, `>=1 <2 || 3`,
//! `1.2 - 1.4` are constraints.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex::Regex;

const VERSION: &str =
    r"v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";
const LOOSE: &str = r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";
const OPERATORS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
const SPACE: &str = r"[\t\n\f\r ]";

struct Patterns {
    version: Option<Regex>,
    one: Option<Regex>,
    range: Option<Regex>,
    find: Option<Regex>,
    valid: Option<Regex>,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| Patterns {
    version: Regex::new(&format!("^{VERSION}$")).ok(),
    one: Regex::new(&format!("^{SPACE}*({OPERATORS}){SPACE}*({LOOSE}){SPACE}*$")).ok(),
    range: Regex::new(&format!("{SPACE}*({LOOSE}){SPACE}+-{SPACE}+({LOOSE}){SPACE}*")).ok(),
    find: Regex::new(&format!("({OPERATORS}){SPACE}*({LOOSE})")).ok(),
    valid: Regex::new(&format!(
        "^({SPACE}*({OPERATORS}){SPACE}*({LOOSE}){SPACE}*)((?:{SPACE}+|,{SPACE}*)({OPERATORS}){SPACE}*({LOOSE}){SPACE}*)*$"
    ))
    .ok(),
});

/// A version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) major: u64,
    pub(super) minor: u64,
    pub(super) patch: u64,
    pub(super) pre: String,
    pub(super) metadata: String,
    pub(super) original: String,
}

impl Version {
    /// `semver.NewVersion`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let found = PATTERNS.version.as_ref()?.captures(text)?;
        let group = |n: usize| found.get(n).map_or("", |m| m.as_str());
        let number = |n: usize| -> Option<u64> {
            let digits = group(n).trim_start_matches('.');
            if digits.is_empty() { Some(0) } else { digits.parse().ok() }
        };
        let version = Self {
            major: number(1)?,
            minor: number(2)?,
            patch: number(3)?,
            pre: group(5).to_owned(),
            metadata: group(8).to_owned(),
            original: text.to_owned(),
        };
        valid_prerelease(&version.pre).then_some(version)
    }

    /// `Version.String`: without the `v`, all three numbers.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}.{}.{}", self.major, self.minor, self.patch);
        if !self.pre.is_empty() {
            text.push('-');
            text.push_str(&self.pre);
        }
        if !self.metadata.is_empty() {
            text.push('+');
            text.push_str(&self.metadata);
        }
        text
    }

    /// The version with other parts, and the text that belongs to it.
    pub(super) fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut next = self.clone();
        change(&mut next);
        let prefix = if self.original.starts_with('v') { "v" } else { "" };
        next.original = format!("{prefix}{}", next.text());
        next
    }

    /// By number, then prerelease; metadata does not count.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        (self.major, self.minor, self.patch)
            .cmp(&(other.major, other.minor, other.patch))
            .then_with(|| prerelease_order(&self.pre, &other.pre))
    }
}

/// No empty part, no number with a leading zero.
pub(super) fn valid_prerelease(pre: &str) -> bool {
    pre.is_empty()
        || pre.split('.').all(|part| {
            let number = part.bytes().all(|b| b.is_ascii_digit());
            let allowed = part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            allowed && !(number && part.len() > 1 && part.starts_with('0'))
        })
}

fn prerelease_order(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut left, mut right) = (a.split('.'), b.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => part_order(a.unwrap_or(""), b.unwrap_or("")),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn part_order(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    // A missing part is less than any; a number is less than a word.
    match (a.is_empty(), b.is_empty(), a.parse::<u64>(), b.parse::<u64>()) {
        (true, ..) => Ordering::Less,
        (_, true, ..) => Ordering::Greater,
        (_, _, Ok(a), Ok(b)) => a.cmp(&b),
        (_, _, Ok(_), Err(_)) => Ordering::Less,
        (_, _, Err(_), Ok(_)) => Ordering::Greater,
        _ => a.cmp(b),
    }
}

/// Any of several lists of which every part must hold.
#[derive(Debug)]
pub(super) struct Constraint(Vec<Vec<Part>>);

#[derive(Debug)]
struct Part {
    operator: String,
    version: Version,
    /// Some number is missing or a wildcard.
    dirty: bool,
    minor_dirty: bool,
    patch_dirty: bool,
}

impl Constraint {
    /// `semver.NewConstraint`.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut rewritten = text.to_owned();
        for found in PATTERNS.range.as_ref()?.captures_iter(text) {
            let group = |n: usize| found.get(n).map_or("", |m| m.as_str());
            rewritten = rewritten.replacen(group(0), &format!(">= {}, <= {} ", group(1), group(11)), 1);
        }
        let mut all = Vec::new();
        for list in rewritten.split("||") {
            if !PATTERNS.valid.as_ref()?.is_match(list) {
                return None;
            }
            let parts: Option<Vec<Part>> = PATTERNS.find.as_ref()?.find_iter(list).map(|m| Part::parse(m.as_str())).collect();
            all.push(parts?);
        }
        Some(Self(all))
    }

    /// Whether the version is allowed.
    pub(super) fn allows(&self, version: &Version) -> bool {
        self.0.iter().any(|parts| parts.iter().all(|part| part.allows(version)))
    }
}

fn is_wild(text: &str) -> bool {
    matches!(text.trim_start_matches('.'), "x" | "X" | "*" | "")
}

impl Part {
    fn parse(text: &str) -> Option<Self> {
        let found = PATTERNS.one.as_ref()?.captures(text)?;
        let group = |n: usize| found.get(n).map_or("", |m| m.as_str());
        let (mut dirty, mut minor_dirty, mut patch_dirty) = (true, false, false);
        let version = if is_wild(group(3)) {
            format!("0.0.0{}", group(6))
        } else if is_wild(group(4)) {
            minor_dirty = true;
            format!("{}.0.0{}", group(3), group(6))
        } else if is_wild(group(5)) {
            patch_dirty = true;
            format!("{}{}.0{}", group(3), group(4), group(6))
        } else {
            dirty = false;
            group(2).to_owned()
        };
        let version = Version::parse(version.as_bytes())?;
        Some(Self { operator: group(1).to_owned(), version, dirty, minor_dirty, patch_dirty })
    }

    fn allows(&self, v: &Version) -> bool {
        let c = &self.version;
        let surprising = !v.pre.is_empty() && c.pre.is_empty();
        match self.operator.as_str() {
            "!=" => self.differs(v, surprising),
            _ if surprising => false,
            "" | "=" if !self.dirty => v.compare(c) == Ordering::Equal,
            "" | "=" | "~" | "~>" => self.tilde(v),
            ">" if self.dirty => match v.major.cmp(&c.major) {
                Ordering::Greater => true,
                Ordering::Less => false,
                Ordering::Equal if self.minor_dirty => false,
                Ordering::Equal if self.patch_dirty => v.minor > c.minor,
                Ordering::Equal => v.compare(c) == Ordering::Greater,
            },
            ">" => v.compare(c) == Ordering::Greater,
            "<" => v.compare(c) == Ordering::Less,
            ">=" | "=>" => v.compare(c) != Ordering::Less,
            "<=" | "=<" if self.dirty => !(v.major > c.major || v.major == c.major && v.minor > c.minor && !self.minor_dirty),
            "<=" | "=<" => v.compare(c) != Ordering::Greater,
            "^" => self.caret(v),
            _ => false,
        }
    }

    fn differs(&self, v: &Version, surprising: bool) -> bool {
        let c = &self.version;
        if self.dirty {
            if surprising {
                return false;
            }
            if c.major != v.major || (c.minor != v.minor && !self.minor_dirty) {
                return true;
            }
            if self.minor_dirty {
                return false;
            }
            if c.patch != v.patch && !self.patch_dirty {
                return true;
            }
            if self.patch_dirty {
                return (!v.pre.is_empty() || !c.pre.is_empty()) && prerelease_order(&v.pre, &c.pre) != Ordering::Equal;
            }
        }
        v.compare(c) != Ordering::Equal
    }

    fn tilde(&self, v: &Version) -> bool {
        let c = &self.version;
        if v.compare(c) == Ordering::Less {
            return false;
        }
        if (c.major, c.minor, c.patch) == (0, 0, 0) && !self.minor_dirty && !self.patch_dirty {
            return true;
        }
        v.major == c.major && (v.minor == c.minor || self.minor_dirty)
    }

    fn caret(&self, v: &Version) -> bool {
        let c = &self.version;
        if v.compare(c) == Ordering::Less {
            return false;
        }
        if c.major > 0 || self.minor_dirty {
            return v.major == c.major;
        }
        if v.major > 0 {
            return false;
        }
        if c.minor > 0 || self.patch_dirty {
            return v.minor == c.minor;
        }
        v.minor == 0 && v.patch == c.patch
    }
}

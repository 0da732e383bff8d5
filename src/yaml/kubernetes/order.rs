//! The order of keys in written mappings: go-yaml v2's `keyList.Less`, which sorts letters after everything else and runs of
//! digits by their number (`a2` before `a10`).

use std::sync::OnceLock;

use regex::Regex;

/// The keys of a mapping in written order, each with its value.
pub(super) fn sorted(map: &serde_json::Map<String, serde_json::Value>) -> Vec<(&str, &serde_json::Value)> {
    let mut entries: Vec<(&str, &serde_json::Value)> = map.iter().map(|(key, value)| (key.as_str(), value)).collect();
    // Input of equal or nearly sorted keys is the rule, and `less` is not a total order for every input (numbers wrap
    // around), which the standard sorts may answer with a panic.
    merge_sort(&mut entries);
    entries
}

fn merge_sort<V: Copy>(entries: &mut [(&str, V)]) {
    if entries.len() < 2 {
        return;
    }
    let middle = entries.len() / 2;
    let (left, right) = entries.split_at_mut(middle);
    merge_sort(left);
    merge_sort(right);
    let (left, right) = (left.to_vec(), right.to_vec());
    let (mut left, mut right) = (left.into_iter().peekable(), right.into_iter().peekable());
    for slot in entries {
        let from_right = match (left.peek(), right.peek()) {
            (Some(a), Some(b)) => less(b.0, a.0),
            (None, _) => true,
            (_, None) => false,
        };
        if let Some(entry) = if from_right { right.next() } else { left.next() } {
            *slot = entry;
        }
    }
}

fn less(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let Some(at) = a.iter().zip(&b).position(|(a, b)| a != b) else { return a.len() < b.len() };
    let (x, y) = (a[at], b[at]);
    match (is_letter(x), is_letter(y)) {
        (true, true) => return x < y,
        (true, false) => return false,
        (false, true) => return true,
        (false, false) => {}
    }
    // A zero inside a number is not a leading zero: both numbers get a digit before it.
    let inside = (x == '0' || y == '0') && a[..at].iter().rev().take_while(|&&c| is_digit(c)).any(|&c| c != '0');
    let start = i64::from(inside);
    let (number_a, end_a) = number(&a, at, start);
    let (number_b, end_b) = number(&b, at, start);
    if number_a != number_b {
        return number_a < number_b;
    }
    if end_a != end_b {
        return end_a < end_b;
    }
    x < y
}

/// The number that the digits from `at` on append to `start`, and where they end. Wraps around as Go's does.
fn number(text: &[char], at: usize, start: i64) -> (i64, usize) {
    let digits = text[at..].iter().take_while(|&&c| is_digit(c));
    digits.fold((start, at), |(number, end), &digit| {
        let value = i64::from(u32::from(digit)) - i64::from(b'0');
        (number.wrapping_mul(10).wrapping_add(value), end + 1)
    })
}

fn is_letter(c: char) -> bool {
    static LETTER: OnceLock<Option<Regex>> = OnceLock::new();
    c.is_ascii_alphabetic() || !c.is_ascii() && matches(&LETTER, r"\A\p{L}\z", c)
}

fn is_digit(c: char) -> bool {
    static DIGIT: OnceLock<Option<Regex>> = OnceLock::new();
    c.is_ascii_digit() || !c.is_ascii() && matches(&DIGIT, r"\A\p{Nd}\z", c)
}

/// Unicode categories, of which the standard library has only unions, for the rare key that is not ASCII.
fn matches(regex: &OnceLock<Option<Regex>>, pattern: &str, c: char) -> bool {
    let regex = regex.get_or_init(|| Regex::new(pattern).ok());
    regex.as_ref().is_some_and(|regex| regex.is_match(c.encode_utf8(&mut [0; 4])))
}

#[cfg(test)]
mod tests {
    use super::merge_sort;

    #[test]
    fn keys_sort_naturally_with_letters_last() {
        let mut keys: Vec<(&str, ())> =
            ["b", "a10", "a2", "A", "a", "_x", ".", "a-b", "ab", "a01", "a1", "10", "9", "é", "a100"].map(|key| (key, ())).into();
        merge_sort(&mut keys);
        let keys: Vec<_> = keys.into_iter().map(|(key, ())| key).collect();
        assert_eq!(keys, [".", "_x", "9", "10", "A", "a", "a-b", "a1", "a01", "a2", "a10", "a100", "ab", "b", "é"]);
    }
}

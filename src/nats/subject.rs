//! Subjects as nats-server accepts them in permissions: words with `.` between them, `*` for one word, `>` for the rest.
//!
//! Source: nats-server 2.15.2, `sublist.go` (`IsValidSubject`) and `opts.go` (`checkPermSubjectArray`).

/// Whether the server takes this as a subject: no empty word, no white space, nothing behind `>`.
#[must_use]
pub fn is_valid(subject: &str) -> bool {
    let mut rest_taken = false;
    subject.split('.').all(|word| {
        let fits = !word.is_empty() && !rest_taken && !word.contains([' ', '\t', '\n', '\r', '\x0c']);
        rest_taken = word == ">";
        fits
    })
}

/// Whether it is a subject, or a subject and a queue group with blanks between: what permissions to subscribe may hold.
#[must_use]
pub fn is_valid_with_queue(subject: &str) -> bool {
    if is_valid(subject) {
        return true;
    }
    let words: Vec<&str> = subject.split_whitespace().collect();
    matches!(words.as_slice(), [subject, queue] if is_valid(subject) && is_valid(queue))
}

/// Whether it stands for more than one subject.
#[must_use]
pub fn has_wildcard(subject: &str) -> bool {
    subject.split('.').any(|word| word == "*" || word == ">")
}

/// Whether everything that `inner` stands for, `outer` stands for too.
#[must_use]
pub fn covers(outer: &str, inner: &str) -> bool {
    let (mut outer, mut inner) = (outer.split('.'), inner.split('.'));
    loop {
        match (outer.next(), inner.next()) {
            (None, None) | (Some(">"), Some(_)) => return true,
            (Some("*"), Some(word)) if word != ">" => {}
            (Some(a), Some(b)) if a == b => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_words_between_dots() {
        for good in ["a", "a.b", "*", ">", "a.*.c", "a.>", "$JS.API.>", "_INBOX.>", "ü.x", "a*", "a.b*"] {
            assert!(is_valid(good), "{good}");
        }
        for bad in ["", ".", "a.", ".a", "a..b", "a.>.b", ">.a", "a b", "a\tb", "a. ", "a.\n"] {
            assert!(!is_valid(bad), "{bad}");
        }
        assert!(is_valid_with_queue("a.> workers") && is_valid_with_queue("a  q") && is_valid_with_queue("a"));
        assert!(!is_valid_with_queue("a b c") && !is_valid_with_queue("a. q") && !is_valid_with_queue(""));
        for (outer, inner) in [(">", "a.b"), ("a.>", "a.b.c"), ("a.*", "a.b"), ("a.*", "a.*"), ("a.>", "a.*"), ("a", "a")] {
            assert!(covers(outer, inner), "{outer} {inner}");
        }
        for (outer, inner) in [("a.>", "a"), ("a.*", "a.>"), ("a.*", "a.b.c"), ("a.b", "a.*"), ("a", "b"), ("a.b", "a")] {
            assert!(!covers(outer, inner), "{outer} {inner}");
        }
        assert!(has_wildcard("a.*") && has_wildcard(">") && !has_wildcard("a.b*"));
    }
}

//! A command line in a variable, split into words without a shell (sops-age.md §4): quotes of both kinds, backslashes, comments.

/// The words of a text.
///
/// # Errors
/// What is wrong with it.
pub(super) fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '#' if word.is_none() => {
                // To the end of the line.
                _ = chars.by_ref().find(|c| *c == '\n');
            }
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("a single quote is not closed")? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("a double quote is not closed")? {
                        '"' => break,
                        '\\' => word.push(chars.next().ok_or("it ends with a backslash")?),
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next().ok_or("it ends with a backslash")?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_a_shell_would_and_nothing_is_expanded() {
        assert_eq!(split("a 'b c' \"d \\\" e\" f\\ g").unwrap(), ["a", "b c", "d \" e", "f g"]);
        assert_eq!(split("  cat\t$HOME/*.txt # not this\n'' x#y").unwrap(), ["cat", "$HOME/*.txt", "", "x#y"]);
        assert_eq!(split("").unwrap(), Vec::<String>::new());
        assert_eq!(split("'a"), Err("a single quote is not closed"));
        assert_eq!(split("\"a"), Err("a double quote is not closed"));
        assert_eq!(split("a\\"), Err("it ends with a backslash"));
    }
}

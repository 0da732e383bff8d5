//! Random YAML as people write it: comments anywhere, blank lines, quotes, blocks, flow, several documents, all indentations.

/// A small generator: the tests must be the same everywhere for a seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit
    }

    pub(super) fn pick<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// How wild a document may be.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Comments at columns that belong to no level.
    pub(super) odd_comments: bool,
    /// Anchors, aliases, tags.
    pub(super) references: bool,
    /// Only scalars that are written as they are meant, so that they come back byte for byte.
    pub(super) exact: bool,
}

/// A stream of documents under making.
pub(super) struct Stream<'r> {
    random: &'r mut Random,
    shape: Shape,
    pub(super) text: String,
    count: usize,
}

const SCALARS: [&str; 30] = [
    "x",
    "\"q: 1\"",
    "'s'",
    "1",
    "0644",
    "1e6",
    "1.50",
    "true",
    "yes",
    "~",
    "null",
    "2024-1-5",
    "\"\"",
    "''",
    "é",
    "\"\\t\"",
    "\"a\\nb\"",
    "\" lead\"",
    "12:30",
    "a b  c",
    "'#'",
    "\"- x\"",
    "-9223372036854775808",
    "{}",
    "[]",
    "[1, {z: t}]",
    "{a: 1, 'b': \"two\"}",
    "plain words",
    "'it''s'",
    "\"\\U0001F600\"",
];

const EXACT: [&str; 14] =
    ["x", "\"q: 1\"", "'s'", "1", "true", "~", "null", "\"\"", "''", "é", "'#'", "plain words", "'it''s'", "\"\\U0001F600\""];

impl<'r> Stream<'r> {
    pub(super) fn make(random: &'r mut Random, shape: Shape) -> String {
        let mut stream = Self { random, shape, text: String::new(), count: 0 };
        let documents = if stream.random.one_in(4) { 2 } else { 1 };
        for number in 0..documents {
            if number > 0 || stream.random.one_in(4) {
                stream.text.push_str("---\n");
            }
            stream.comments(0);
            stream.text.push_str(if number == 0 { "always: 1\n" } else { "again: 1\n" });
            stream.map(0, 0);
            stream.comments(0);
        }
        stream.text
    }

    fn comments(&mut self, column: usize) {
        while self.random.one_in(3) {
            if self.random.one_in(3) {
                self.text.push('\n');
            }
            let column = if self.shape.odd_comments && self.random.one_in(4) { self.random.below(9) } else { column };
            let note = self.random.pick(&["# note", "#", "#tight", "# more: words"]);
            self.text.push_str(&format!("{}{note} {}\n", " ".repeat(column), self.count).replace("# \n", "#\n"));
            self.count += 1;
            if self.random.one_in(4) {
                self.text.push('\n');
            }
        }
        if self.random.one_in(8) {
            self.text.push('\n');
        }
    }

    fn side(&mut self) {
        if self.random.one_in(6) {
            let text = format!("{}# side {}", self.random.pick(&[" ", "  "]), self.count);
            self.text.push_str(&text);
            self.count += 1;
        }
        self.text.push('\n');
    }

    fn key(&mut self) -> String {
        self.count += 1;
        let key = self.random.pick(&["k", "data", "a b", "y_unencrypted", "é"]);
        let quoted = self.random.pick(&["", "", "", "'", "\""]);
        let unencrypted = key.ends_with("_unencrypted");
        let name = if unencrypted { format!("{}{key}", self.count) } else { format!("{key}{}", self.count) };
        let quoted = if unencrypted && quoted.is_empty() { "" } else { quoted };
        format!("{quoted}{name}{quoted}")
    }

    fn map(&mut self, column: usize, depth: usize) {
        for at in 0..=self.random.below(4) {
            if at > 0 || column == 0 {
                self.comments(column);
                self.text.push_str(&" ".repeat(column));
            }
            let key = self.key();
            self.text.push_str(&format!("{key}:"));
            self.value(column, depth, false);
        }
    }

    fn value(&mut self, column: usize, depth: usize, in_list: bool) {
        let width = 1 + self.random.below(4);
        match self.random.below(if depth > 3 { 5 } else { 10 }) {
            0..=3 => {
                let scalar = if self.shape.exact { self.random.pick(&EXACT) } else { self.random.pick(&SCALARS) };
                let scalar =
                    if self.shape.references && self.random.one_in(8) { format!("!!str {scalar}") } else { scalar.to_owned() };
                let scalar = if scalar.starts_with("!!str [") || scalar.starts_with("!!str {") || scalar.ends_with('~') {
                    "z".to_owned()
                } else {
                    scalar
                };
                self.text.push_str(&format!(" {scalar}"));
                self.side();
            }
            4 => {
                let header = if self.shape.exact {
                    self.random.pick(&["|", "|-"])
                } else {
                    self.random.pick(&["|", "|-", "|+", ">", ">-"])
                };
                let width = width.max(1) + usize::from(in_list);
                self.text.push_str(&format!(" {header}"));
                self.side();
                let indent = " ".repeat(column + width);
                let lines = self.random.pick(&["two\nlines", "one", "deep\n  er\nend", "gap\n\nend"]);
                for line in lines.split('\n') {
                    self.text.push_str(&if line.is_empty() { "\n".to_owned() } else { format!("{indent}{line}\n") });
                }
                if self.random.one_in(4) {
                    self.text.push('\n');
                }
            }
            5 | 6 if !in_list => {
                self.side();
                self.comments(column + width);
                self.text.push_str(&" ".repeat(column + width));
                self.map(column + width, depth + 1);
                self.comments(column + width);
            }
            7 => self.flow(column),
            _ => {
                if in_list {
                    // A map or list behind the dash.
                    self.text.push(' ');
                    if self.random.one_in(2) {
                        self.map(column + 2, depth + 1);
                    } else {
                        self.list(column + 2, depth + 1);
                    }
                    return;
                }
                self.side();
                let width = if self.random.one_in(2) { 0 } else { width };
                self.comments(column + width);
                self.text.push_str(&" ".repeat(column + width));
                self.list(column + width, depth + 1);
                self.comments(column + width);
            }
        }
    }

    fn list(&mut self, column: usize, depth: usize) {
        for at in 0..=self.random.below(3) {
            if at > 0 {
                self.comments(column);
                self.text.push_str(&" ".repeat(column));
            }
            self.text.push('-');
            self.value(column, depth, true);
        }
    }

    fn flow(&mut self, column: usize) {
        let indent = " ".repeat(column + 2);
        let close = self.random.pick(&["", "\n"]);
        let close = if close.is_empty() { String::new() } else { format!("\n{indent}") };
        let open = self.random.one_in(2);
        self.text.push_str(if open { " [" } else { " {" });
        for at in 0..self.random.below(4) {
            if at > 0 {
                self.text.push(',');
            }
            if self.random.one_in(4) {
                self.text.push_str(&format!(" # in {}\n{indent}", self.count));
                self.count += 1;
            } else {
                let gap = self.random.pick(&["", " "]);
                self.text.push_str(gap);
            }
            let nested = if self.shape.odd_comments { &["[n, 1]", "{q: r}"][..] } else { &["x y", "true"] };
            let quoted = if self.shape.exact { "\"b c\"" } else { "'b c'" };
            let scalar = self.random.pick(&["a", quoted, "\"d\"", "7", nested[0], "true", nested[1]]);
            let name = self.count;
            self.count += 1;
            self.text.push_str(&if open { scalar.to_owned() } else { format!("f{name}: {scalar}") });
        }
        self.text.push_str(&close);
        self.text.push(if open { ']' } else { '}' });
        self.side();
    }
}

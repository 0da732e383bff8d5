//! YAML with comments, blank lines and every layout, against sops' own reader and writer.

mod comments;
mod keep;
mod random;

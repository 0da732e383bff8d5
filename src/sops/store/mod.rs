//! The file formats: text to documents and back, each as sops 3.13 reads and writes it.
//!
//! A store knows nothing of encryption: encrypted or not, a file is documents of leaves, and the `sops` block is an entry among
//! others until `sops::metadata` takes it out. Emission is byte-equal to sops' own wherever sops could read its output again.

pub mod binary;
pub mod dotenv;
pub mod ini;
pub mod json;
pub mod yaml;

use crate::secret::SecretBytes;
use crate::sops::go;
use crate::sops::value::Scalar;

/// Why a file could not be read or written in a format. Never holds values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not of the format.
    #[error("line {line}, column {column}: not valid {format}: {message}")]
    Syntax {
        /// The format's name.
        format: &'static str,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong there.
        message: &'static str,
    },
    /// The text is not YAML, or has no document.
    #[error("{0}")]
    Yaml(String),
    /// Something else than a map at the top.
    #[error("the top level of a {format} file must be a map")]
    TopLevel {
        /// The format's name.
        format: &'static str,
    },
    /// More than [`MAX_DEPTH`](crate::sops::tree::MAX_DEPTH) levels.
    #[error("nested deeper than {} levels", crate::sops::tree::MAX_DEPTH)]
    TooDeep,
    /// Text in an encoding that the format does not have.
    #[error("the file is not UTF-8 text")]
    NotUtf8,
    /// A value that the format to be written has no form for.
    #[error("`{key}`: {format} cannot hold {what}")]
    Unrepresentable {
        /// The format's name.
        format: &'static str,
        /// The key of the value, or the nearest one above it.
        key: String,
        /// What is in the way.
        what: &'static str,
    },
}

/// A leaf as text in formats without types: dotenv, INI, and the environment of `exec-env`.
#[must_use]
pub fn display(leaf: &Scalar) -> SecretBytes {
    match leaf {
        Scalar::Text(text) | Scalar::Comment(text) => text.clone(),
        Scalar::Int(value) => value.to_string().into_bytes().into(),
        Scalar::Float(value) => go::float_display(*value).into_bytes().into(),
        Scalar::Bool(value) => value.to_string().into_bytes().into(),
        Scalar::Time(value) => go::time_seconds(*value).into_bytes().into(),
    }
}

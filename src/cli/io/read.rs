//! Reading with a bound: no file, pipe or URL can fill the memory, and a folder given as a file is a clear error.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

/// Largest manifest, certificate bundle or key file that is read: 64 MiB. A whole namespace's Secrets fit many times over.
pub const MAX_DOCUMENT: u64 = 64 << 20;
/// Largest single secret value: 1 MiB, what Kubernetes allows all values of a Secret together.
pub const MAX_VALUE: u64 = 1 << 20;

/// Why something could not be read. Names no path: the caller knows it and says it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The path is a folder.
    #[error("it is a directory, not a file")]
    Directory,
    /// More bytes than the bound.
    #[error("it is larger than {}", human(*.0))]
    TooLarge(u64),
    /// The bytes are not UTF-8; the offset of the first that is not.
    #[error("it is not UTF-8 text (byte {0})")]
    NotText(usize),
    /// The system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A bound as people write it.
fn human(bytes: u64) -> String {
    if bytes >= 1 << 20 { format!("{} MiB", bytes >> 20) } else { format!("{bytes} bytes") }
}

/// Reads a stream to its end, at most `limit` bytes, into memory that wipes itself.
///
/// # Errors
/// [`ReadError::TooLarge`] beyond the limit; [`ReadError::Io`].
pub fn stream(mut from: impl Read, limit: u64) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    /// Grown by hand: a growing `Vec` would leave unwiped copies behind.
    const FIRST: usize = 16 << 10;
    let mut buffer = Zeroizing::new(vec![0_u8; FIRST]);
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            let mut larger = Zeroizing::new(vec![0_u8; buffer.len().saturating_mul(2)]);
            if let Some(start) = larger.get_mut(..filled) {
                start.copy_from_slice(&buffer);
            }
            buffer = larger;
        }
        let Some(free) = buffer.get_mut(filled..) else { break };
        match from.read(free) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => return Err(ReadError::Directory),
            Err(error) => return Err(error.into()),
        }
        if filled as u64 > limit {
            return Err(ReadError::TooLarge(limit));
        }
    }
    buffer.truncate(filled);
    Ok(buffer)
}

/// Reads a file, a device or a named pipe, at most `limit` bytes.
///
/// # Errors
/// As [`stream`], and [`ReadError::Directory`].
pub fn file(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, ReadError> {
    let file = File::open(path)?;
    if file.metadata().is_ok_and(|meta| meta.is_dir()) {
        return Err(ReadError::Directory);
    }
    stream(file, limit)
}

/// Reads a file as text, at most `limit` bytes.
///
/// # Errors
/// As [`file()`], and [`ReadError::NotText`].
pub fn text_file(path: &Path, limit: u64) -> Result<Zeroizing<String>, ReadError> {
    text(file(path, limit)?)
}

/// Bytes as text, without a copy.
///
/// # Errors
/// [`ReadError::NotText`].
pub fn text(mut bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, ReadError> {
    String::from_utf8(std::mem::take(&mut bytes)).map(Zeroizing::new).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        drop(Zeroizing::new(error.into_bytes()));
        ReadError::NotText(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_read_whole_up_to_the_limit_and_not_a_byte_more() {
        let bytes = vec![7_u8; 40_000];
        assert_eq!(*stream(&bytes[..], 40_000).unwrap(), bytes);
        assert_eq!(stream(&bytes[..], 39_999).unwrap_err().to_string(), "it is larger than 39999 bytes");
        assert_eq!(stream(io::repeat(0), MAX_VALUE).unwrap_err().to_string(), "it is larger than 1 MiB");
    }

    #[test]
    fn a_directory_is_named_as_one() {
        assert_eq!(file(&std::env::temp_dir(), 10).unwrap_err().to_string(), "it is a directory, not a file");
    }

    #[test]
    fn text_says_where_it_stops_being_text() {
        assert_eq!(text(Zeroizing::new(b"ab\xff".to_vec())).unwrap_err().to_string(), "it is not UTF-8 text (byte 2)");
    }
}

//! Results on standard output, in the forms that commands share.

use serde_json::Value;

use super::Io;
use super::report::Failure;

/// Prints a value as JSON with two spaces of indentation. Never for values that are secret.
///
/// # Errors
/// When standard output cannot be written.
pub fn json(value: &Value, io: &mut Io) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)?;
    io.stdout.put(text + "\n")
}

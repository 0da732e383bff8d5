//! One file a verb: a function from its arguments and an [`Io`](super::Io) to an exit code.

pub mod cert;
pub mod completions;
pub mod init;
pub mod keys;
pub mod seal;
pub mod unseal;
pub mod value;
pub mod verify;

//! One file a verb: a function from its arguments and an [`Io`](super::Io) to an exit code.

pub mod bootstrap;
pub mod cert;
pub mod cert_fetch;
pub mod completions;
pub mod convert;
pub mod doctor;
pub mod init;
pub mod install;
pub mod keys;
pub mod man;
pub mod nats;
pub mod reseal;
pub mod scan;
pub mod seal;
pub mod unseal;
pub mod value;
pub mod verify;

//! Layer 2: who may connect to a NATS server, and what they may do there.
//!
//! - [`model`]: users, accounts and permissions as a declarative file says them, and their values filled in
//! - [`permissions`]: the part of it that says what a user may do
//! - [`rules`]: what is wrong with such a model, found before anything is written
//! - [`mod@write`]: the model as configuration that nats-server includes
//! - [`conf`]: such configuration, and everything else that a server has in its files, read back
//! - [`mod@check`]: what is wrong with it
//! - [`hash`]: bcrypt hashes as the server recognises them
//! - [`nkey`], [`jwt`]: keys of operators, accounts and users, and what one signs for another; [`creds`]: files of both
//! - [`subject`], [`duration`]: the two small grammars of that configuration
//!
//! The server's own check (`nats-server -t`) looks at syntax only: an empty password, a hash cut short, an empty list of users
//! all pass it, and two of these let everybody in. What is here refuses them. Follows `bootstrap-nats.md` §2, and nats-server
//! 2.15.2 where that is silent. No file is opened here and no server is spoken to.

pub mod check;
pub mod conf;
pub mod creds;
pub mod duration;
pub mod hash;
pub mod jwt;
pub mod model;
pub mod nkey;
mod operator;
pub mod permissions;
pub mod rules;
pub mod subject;
pub mod write;

pub use model::Auth;
pub use rules::{Problem, Severity};

#[cfg(test)]
mod tests;

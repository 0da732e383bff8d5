//! Against nats-server 2.15.2 and NATS's own Go libraries: every form of a hash, every rendered model, reloads, JWTs, and what
//! `nats check` says beside the server.
#![allow(unreachable_pub, reason = "the test modules share it")]

mod agreement;
mod client;
mod commands;
mod forms;
mod go;
mod herd;
mod identities;
mod models;
mod passwords;
mod server;

//! Layer 3: what a repository says about its secrets, and where they are.
//!
//! - [`bootstrap_file`]: the text of bootstrap files
//! - [`settings`]: `.hecate-seal.yaml`, which names file, Secret and certificate for each directory
//! - [`kubeconfig`]: contexts and their namespaces
//! - [`walk`]: the files of a tree that may matter
//! - [`sealed_file`]: the SealedSecret in a file that one value goes into
//! - [`scan`]: plaintext that must not get into git; [`git`]: what is staged
//!
//! Nothing here talks to a person: the command line (layer 4) turns results and errors into words and exit codes.

pub mod bootstrap_file;
pub mod git;
pub mod kubeconfig;
pub mod scan;
pub mod sealed_file;
pub mod settings;
pub mod walk;

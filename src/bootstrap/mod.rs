//! A cluster's first secrets, made once: what a bootstrap file says, and what has to be done so that it is true.
//!
//! The journey of a run: the file becomes a [`spec`]; [`model`] resolves which key is made from which and puts them in order;
//! [`lint`] finds what is wrong without looking at any target; the caller reads every target and every namespace
//! ([`state::Observed`]); [`plan()`] compares and makes the missing values in memory. Only then does the caller write, and only
//! if the plan has no problem. What exists is never replaced unless it was asked for by name.
//!
//! Nothing here reads a file, a variable, a cluster or the clock. Values are [`crate::secret::SecretBytes`] from their making to
//! the writing of a target; a plan's words (`KeyPlan::how`, problems, warnings) name keys and never show one.
//!
//! Follows `reference/bootstrap-nats.md` §6; where it differs, the place says why.

pub mod derive;
pub mod generate;
pub mod id;
pub mod kinds;
pub mod lint;
pub mod model;
pub mod nats_auth;
pub mod onepassword;
pub mod pairs;
pub mod plan;
pub mod spec;
pub mod ssh;
pub mod state;
pub mod template;

pub use id::{KeyId, SecretId};
pub use model::Model;
pub use plan::{Plan, plan};
pub use spec::Bootstrap;

/// `apiVersion` of a bootstrap file.
pub const API_VERSION: &str = "hecate.social/v1alpha1";
/// `kind` of a bootstrap file.
pub const KIND: &str = "Bootstrap";
/// Label on Secrets that were made here.
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";
/// Its value, and the name under which fields are managed.
pub const MANAGER: &str = "hecate-seal";
/// Annotation with a hash of the Secret's part of the bootstrap file. Never of a value.
pub const SPEC_ANNOTATION: &str = "hecate.social/bootstrap-spec";

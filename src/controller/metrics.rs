//! Counters and gauges, by the reference's names and labels (`sealed-secrets.md` §3.7), and ours.

use super::keys::Keys;

/// Why an unsealing failed, as `unseal_errors_total` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The object could not be read.
    Fetch,
    /// The status could not be written.
    Status,
    /// The Secret belongs to someone else.
    Unmanaged,
    /// It does not open.
    Unseal,
    /// The Secret could not be written.
    Update,
}

/// Every metric. Cheap to clone; all clones are one.
#[derive(Clone, Debug, Default)]
pub struct Metrics {}

impl Metrics {
    /// `unseal_requests_total`: an object is looked at.
    pub fn unseal_request(&self) {}

    /// `unseal_errors_total`.
    pub fn unseal_error(&self, _reason: Reason, _namespace: &str) {}

    /// `condition_info`: −1, 0 or 1 for the condition `Synced`; `instance` is the label `app.kubernetes.io/instance` or empty.
    pub fn condition(&self, _namespace: &str, _name: &str, _instance: &str, _value: i64) {}

    /// The keys are others: their ages and ends, and how many key Secrets are of no use.
    pub fn keys(&self, _keys: &Keys) {}

    /// The object is gone: so is its `condition_info`.
    pub fn forget(&self, _namespace: &str, _name: &str) {}
}

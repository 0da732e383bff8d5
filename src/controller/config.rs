//! Every flag and environment variable of the controller: `sealed-secrets.md` §3.1, with its names and defaults.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use time::OffsetDateTime;

/// What decides which key is the newest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyOrder {
    /// `CertNotBefore`: the start of the certificate's validity.
    #[default]
    CertNotBefore,
    /// `SecretCreationTimestamp`: when the key Secret was made.
    SecretCreationTimestamp,
}

/// How keys are made and chosen.
#[derive(Clone, Debug)]
pub struct KeySettings {
    /// `--key-prefix`: `generateName` of key Secrets, at most 245 characters of `[a-z0-9-]`.
    pub prefix: String,
    /// `--key-size` in bits.
    pub bits: usize,
    /// `--key-ttl`: validity of the certificates.
    pub ttl: Duration,
    /// `--key-renew-period`; zero: never.
    pub renew_period: Duration,
    /// `--key-order-priority`.
    pub order: KeyOrder,
    /// `--key-cutoff-time`: a newest key from before it is renewed at start.
    pub cutoff: Option<OffsetDateTime>,
    /// `--my-cn`: common name of the certificates; may be empty.
    pub common_name: String,
    /// `--privatekey-annotations` of new key Secrets.
    pub annotations: Vec<(String, String)>,
    /// `--privatekey-labels` of new key Secrets; the key label itself cannot be changed.
    pub labels: Vec<(String, String)>,
    /// `--watch-for-secrets`.
    pub watch: bool,
}

/// Shape of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// `time=… level=… msg=… key=value`.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// `--log-info-stdout`, `--log-level`, `--log-format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// Whether what is no warning goes to stdout; else everything goes to stderr.
    pub info_to_stdout: bool,
    /// The least level that is logged, in Go's numbers: DEBUG −4, INFO 0, WARN 4, ERROR 8.
    pub level: i32,
    /// Shape of the lines.
    pub format: LogFormat,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { info_to_stdout: true, level: 0, format: LogFormat::Text }
    }
}

/// Which namespaces are looked after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespaces {
    /// `--all-namespaces`, the default.
    All,
    /// The controller's own and `--additional-namespaces`.
    These(Vec<String>),
}

/// A range of addresses: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// Whether an address lies in it. IPv4 and IPv6 are apart.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, other, width) = match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => (u32::from(own).into(), u32::from(other).into(), 32),
            (IpAddr::V6(own), IpAddr::V6(other)) => (u128::from(own), u128::from(other), 128),
            _ => return false,
        };
        // A network of no bits at all holds every address.
        (own ^ other).checked_shr(width - self.bits).unwrap_or(0) == 0
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no address and no network such as 10.0.0.0/8");
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), |bits| bits.parse::<u32>().ok().filter(|bits| *bits <= width).ok_or_else(wrong))?;
        Ok(Self { address, bits })
    }
}

/// Everything that was configured.
#[derive(Clone, Debug)]
pub struct Config {
    /// `--kubeconfig`, for development; without it the Pod's service account.
    pub kubeconfig: Option<PathBuf>,
    /// Own namespace: `POD_NAMESPACE`, else the service account's, else `default`.
    pub own_namespace: String,
    /// Keys.
    pub keys: KeySettings,
    /// Namespaces.
    pub namespaces: Namespaces,
    /// `--label-selector` of SealedSecrets; may be empty.
    pub label_selector: String,
    /// `--accept-deprecated-v1-data`.
    pub accept_v1_data: bool,
    /// `--old-gc-behavior`.
    pub old_gc: bool,
    /// `--update-status`.
    pub update_status: bool,
    /// `--skip-recreate`.
    pub skip_recreate: bool,
    /// `--max-unseal-retries`.
    pub max_retries: u32,
    /// `--kubeclient-qps`; `None`: no limit (negative, and our default).
    pub qps: Option<f32>,
    /// `--kubeclient-burst`.
    pub burst: u32,
    /// `--rate-limit` a second, and `--rate-limit-burst`, of `/v1/verify` and `/v1/rotate` by peer address.
    pub rate_limit: (u32, u32),
    /// `--trusted-proxies`: whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// `--listen-addr`.
    pub listen: String,
    /// `--listen-metrics-addr`.
    pub listen_metrics: String,
    /// `--read-timeout` and `--write-timeout`.
    pub timeouts: (Duration, Duration),
    /// `--metrics-omit-secret-labels`.
    pub omit_secret_labels: bool,
    /// Logs.
    pub log: LogSettings,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_their_addresses() {
        let holds = |network: &str, address: &str| network.parse::<Network>().unwrap().contains(address.parse().unwrap());
        assert!(holds("10.0.0.0/8", "10.255.0.1") && !holds("10.0.0.0/8", "11.0.0.1"));
        assert!(holds("10.0.0.1", "10.0.0.1") && !holds("10.0.0.1", "10.0.0.2"));
        assert!(holds("0.0.0.0/0", "9.9.9.9") && !holds("0.0.0.0/0", "::1"));
        assert!(holds("2001:db8::/32", "2001:db8:ffff::1") && holds("::/0", "ffff::"));
        for text in ["", "10.0.0.0/33", "10.0.0/8", "a", "::/129", "10.0.0.0/"] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}

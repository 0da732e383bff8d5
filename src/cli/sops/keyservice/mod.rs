//! sops' key service: wrapping and unwrapping of data keys over gRPC, without encryption or authentication of its own.
//!
//! Two methods, `/KeyService/Encrypt` and `/KeyService/Decrypt`; the messages are those of sops' `keyservice.proto`, written out in
//! [`messages`]. [`client`] asks other services, [`server`] answers. Whoever reaches a service can open what its keys open: it listens
//! on the local machine only unless told otherwise.

pub(super) mod client;
pub(super) mod messages;
pub(super) mod server;

/// The largest message: a wrapped data key has some kilobytes at most.
const MAX_MESSAGE: usize = 1 << 20;

/// A network address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Address {
    /// `tcp`: host and port.
    Tcp(String),
    /// `unix`: the path of a socket.
    Unix(std::path::PathBuf),
}

impl Address {
    /// From a network's name and an address.
    ///
    /// # Errors
    /// For a network that there is not.
    pub(super) fn new(network: &str, address: &str) -> Result<Self, String> {
        match network {
            "tcp" | "tcp4" | "tcp6" => Ok(Self::Tcp(address.to_owned())),
            "unix" => Ok(Self::Unix(address.into())),
            _ => Err(format!("there is no network {network:?} for a key service; use tcp or unix")),
        }
    }

    /// From `PROTOCOL://ADDRESS`, as in `--keyservice`.
    ///
    /// # Errors
    /// For anything else.
    pub(super) fn parse(uri: &str) -> Result<Self, String> {
        let (network, address) =
            uri.split_once("://").ok_or_else(|| format!("the key service {uri:?} is not of the form PROTOCOL://ADDRESS"))?;
        Self::new(network, address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_sops_writes_them() {
        assert_eq!(Address::parse("tcp://127.0.0.1:5000"), Ok(Address::Tcp("127.0.0.1:5000".into())));
        assert_eq!(Address::parse("unix:///run/keys.sock"), Ok(Address::Unix("/run/keys.sock".into())));
        assert!(Address::parse("127.0.0.1:5000").unwrap_err().contains("PROTOCOL://ADDRESS"));
        assert!(Address::parse("http://x").unwrap_err().contains("use tcp or unix"));
    }
}

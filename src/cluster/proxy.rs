//! The proxy that the environment names for an address, as Go's programs read it.

/// The value of `HTTPS_PROXY` or `HTTP_PROXY`, in either case, for the server's scheme, unless `NO_PROXY` names the server.
pub(super) fn of_environment(server: &str) -> Option<String> {
    let variable = |name: &str| {
        let set = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        set(name).or_else(|| set(&name.to_ascii_lowercase()))
    };
    let (scheme, rest) = server.split_once("://")?;
    let proxy = variable(if scheme.eq_ignore_ascii_case("https") { "HTTPS_PROXY" } else { "HTTP_PROXY" })?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if is_exempt(authority, &variable("NO_PROXY").unwrap_or_default()) {
        return None;
    }
    Some(if proxy.contains("://") { proxy } else { format!("http://{proxy}") })
}

/// Whether the server is reached directly: this machine always, and what the list names (`*`, names with their subdomains, addresses,
/// networks such as `10.0.0.0/8`, each with a port or without).
fn is_exempt(authority: &str, list: &str) -> bool {
    let authority = authority.rsplit('@').next().unwrap_or_default();
    let (host, port) = split(authority);
    let address: Option<std::net::IpAddr> = host.parse().ok();
    if host.eq_ignore_ascii_case("localhost") || address.is_some_and(|address| address.is_loopback()) {
        return true;
    }
    list.split(',').map(str::trim).filter(|entry| !entry.is_empty()).any(|entry| {
        if entry == "*" {
            return true;
        }
        if let (Some((network, bits)), Some(address)) = (entry.split_once('/'), address) {
            return in_network(address, network, bits).unwrap_or(false);
        }
        let (name, entry_port) = split(entry);
        if entry_port.is_some() && entry_port != port {
            return false;
        }
        let name = name.trim_start_matches('*').to_ascii_lowercase();
        let host = host.to_ascii_lowercase();
        match name.strip_prefix('.') {
            Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
            None => host == name || host.strip_suffix(&name).is_some_and(|rest| address.is_none() && rest.ends_with('.')),
        }
    })
}

fn split(authority: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':'));
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn in_network(address: std::net::IpAddr, network: &str, bits: &str) -> Option<bool> {
    use std::net::IpAddr;
    let bits: u32 = bits.parse().ok()?;
    match (address, network.parse().ok()?) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let shift = 32_u32.checked_sub(bits)?;
            let prefix = |ip: std::net::Ipv4Addr| u64::from(u32::from(ip)) >> shift;
            Some(prefix(address) == prefix(network))
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let shift = 128_u32.checked_sub(bits)?;
            let prefix = |ip: std::net::Ipv6Addr| u128::from(ip).checked_shr(shift).unwrap_or_default();
            Some(prefix(address) == prefix(network))
        }
        _ => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use super::is_exempt;

    #[test]
    fn no_proxy_names_hosts_domains_addresses_and_networks() {
        for (host, list) in [
            ("localhost:6443", ""),
            ("127.0.0.1", ""),
            ("[::1]:6443", ""),
            ("api.example.org", "*"),
            ("api.example.org", "other, example.org"),
            ("api.example.org:6443", ".example.org"),
            ("api.example.org:6443", "api.example.org:6443"),
            ("10.1.2.3:6443", "10.0.0.0/8"),
            ("[fd00::1]:6443", "fd00::/8"),
            ("10.1.2.3", "10.1.2.3"),
        ] {
            assert!(is_exempt(host, list), "{host} {list}");
        }
        for (host, list) in [
            ("api.example.org", ""),
            ("example.org", ".example.org"),
            ("badexample.org", "example.org"),
            ("api.example.org:6443", "api.example.org:443"),
            ("11.1.2.3", "10.0.0.0/8"),
            ("10.1.2.3", "2.3"),
        ] {
            assert!(!is_exempt(host, list), "{host} {list}");
        }
    }
}

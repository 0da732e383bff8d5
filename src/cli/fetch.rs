//! Fetching a certificate from a URL, bounded in size and time.
//!
//! Certificates of servers are checked against the system's trust store; `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and
//! `NO_PROXY` are honoured. Nothing secret is sent or received.

use std::time::Duration;

use zeroize::Zeroizing;

use super::io::read;
use super::report::{Context, Failure};

/// Longest time for a whole fetch. kubeseal waits for ever.
const PATIENCE: Duration = Duration::from_secs(30);

/// Gets a URL, at most `limit` bytes.
///
/// # Errors
/// When the server cannot be reached, does not answer 200, or answers too much.
pub fn get(url: &str, limit: u64) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let tls = ureq::tls::TlsConfig::builder().root_certs(ureq::tls::RootCerts::PlatformVerifier).build();
    // Makes aws-lc-rs the provider of TLS for this process: it is the only one that is compiled in.
    drop(rustls::ClientConfig::builder());
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .http_status_as_error(false)
        // Whoever asks for TLS is not sent on to a place without.
        .https_only(!is_plain_http(url))
        .tls_config(tls)
        .build();
    let mut response = ureq::Agent::from(config).get(url).call().context(|| "the request failed")?;
    if response.status() != 200 {
        return Err(Failure::new(format_args!("the server answered {}", response.status())));
    }
    read::stream(response.body_mut().as_reader(), limit).context(|| "the answer cannot be read")
}

/// Whether a URL is fetched without TLS.
#[must_use]
pub fn is_plain_http(url: &str) -> bool {
    url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"))
}

/// Whether what a URL gives may be another's on the way: no TLS, and not from this machine.
#[must_use]
pub fn is_open_to_others(url: &str) -> bool {
    is_plain_http(url) && !host(url).is_some_and(is_this_machine)
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// Where the part with user, host and port stands in a URL.
fn authority(url: &str) -> Option<std::ops::Range<usize>> {
    let start = url.find("://")? + 3;
    let len = url.get(start..)?.find(['/', '?', '#', '\\']).unwrap_or(url.len() - start);
    Some(start..start + len)
}

fn host(url: &str) -> Option<&str> {
    let authority = url.get(authority(url)?)?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.find(']') {
        Some(end) => host.get(..=end),
        None => host.split(':').next(),
    }
}

/// The URL as messages show it: `***` for its password.
#[must_use]
pub fn shown(url: &str) -> String {
    let masked = || {
        let part = authority(url)?;
        let (user, host) = url.get(part.clone())?.rsplit_once('@')?;
        let (name, _password) = user.split_once(':')?;
        Some(format!("{}{name}:***@{host}{}", url.get(..part.start)?, url.get(part.end..)?))
    };
    masked().unwrap_or_else(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    /// A server that answers one connection with these bytes; its address.
    fn server(answer: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            _ = stream.read(&mut [0; 4096]);
            _ = stream.write_all(answer);
        });
        address
    }

    fn fetched(answer: &'static [u8], limit: u64) -> Result<Vec<u8>, String> {
        let url = format!("http://{}/cert.pem", server(answer));
        get(&url, limit).map(|bytes| bytes.to_vec()).map_err(|failure| failure.one_line())
    }

    #[test]
    fn the_body_of_an_answer_comes_whole_or_not_at_all() {
        assert_eq!(fetched(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nPEM\n", 9), Ok(b"PEM\n".to_vec()));
        assert_eq!(
            fetched(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 9),
            Err("the server answered 404 Not Found".into())
        );
        assert_eq!(
            fetched(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nPEM\n", 3),
            Err("the answer cannot be read: it is larger than 3 bytes".into())
        );
        assert!(fetched(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nPEM\n", 9).is_err());
    }

    #[test]
    fn a_password_is_never_shown() {
        for (url, as_shown) in [
            ("http://user:passw0rd@host/c", "http://user:***@host/c"),
            ("https://user:p@ss@host:1/c?x=y@z", "https://user:***@host:1/c?x=y@z"),
            ("https://:p@host", "https://:***@host"),
            ("https://user@host/a:b@c", "https://user@host/a:b@c"),
            ("https://host/a:b@c", "https://host/a:b@c"),
            ("certs/a:b@c.pem", "certs/a:b@c.pem"),
        ] {
            assert_eq!(shown(url), as_shown);
        }
    }

    #[test]
    fn only_this_machine_is_trusted_without_tls() {
        for url in ["https://host/c", "http://localhost:80/c", "HTTP://u:p@127.0.0.2/c", "http://[::1]:80/c", "file:///c"] {
            assert!(!is_open_to_others(url), "{url}");
        }
        for url in
            ["http://host/c", "HTTP://host", "http://localhost@host/c", "http://localhost.evil/", "http://[::2]/", "http:c"]
        {
            assert!(is_open_to_others(url), "{url}");
        }
    }

    #[test]
    fn a_redirect_from_this_machine_is_followed_and_one_out_of_tls_is_not() {
        assert!(is_plain_http("http://x") && !is_plain_http("https://x") && !is_plain_http("hätte"));
        let target = server(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nPEM\n");
        let answer = format!("HTTP/1.1 302 Found\r\nLocation: http://{target}/c\r\nContent-Length: 0\r\n\r\n");
        let url = format!("http://{}/c", server(answer.leak().as_bytes()));
        assert_eq!(get(&url, 9).unwrap().as_slice(), b"PEM\n");
    }

    #[test]
    fn a_server_without_tls_behind_https_is_an_error() {
        let url = format!("https://{}/cert.pem", server(b"HTTP/1.1 200 OK\r\n\r\n"));
        let text = get(&url, 9).map(|_| ()).unwrap_err().one_line();
        assert!(text.starts_with("the request failed: "), "{text}");
        assert!(!text.contains("provider"), "{text}");
    }
}

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
    let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).http_status_as_error(false).tls_config(tls).build();
    let mut response = ureq::Agent::from(config).get(url).call().context(|| "the request failed")?;
    if response.status() != 200 {
        return Err(Failure::new(format_args!("the server answered {}", response.status())));
    }
    read::stream(response.body_mut().as_reader(), limit).context(|| "the answer cannot be read")
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
    fn a_server_without_tls_behind_https_is_an_error() {
        let url = format!("https://{}/cert.pem", server(b"HTTP/1.1 200 OK\r\n\r\n"));
        let text = get(&url, 9).map(|_| ()).unwrap_err().one_line();
        assert!(text.starts_with("the request failed: "), "{text}");
        assert!(!text.contains("provider"), "{text}");
    }
}

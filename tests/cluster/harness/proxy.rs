//! An HTTP proxy inside the cluster's network that knows `CONNECT` and tells for what it was asked.
//!
//! As the bridge, it is this test binary once more, started inside with only [`inside`] to run.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};

use super::net::Process;
use super::{ADDRESS, Cluster, bridge};

/// The address to listen on, for [`inside`].
const VARIABLE: &str = "HECATE_TEST_PROXY";

/// A running proxy. It ends when dropped.
pub(crate) struct Proxy {
    process: Process,
    /// `http://10.99.0.1:PORT`.
    pub(crate) url: String,
}

impl Cluster {
    /// Starts a proxy.
    pub(crate) fn proxy(&self) -> Proxy {
        static PORTS: AtomicU16 = AtomicU16::new(19000);
        let address = format!("{ADDRESS}:{}", PORTS.fetch_add(1, Ordering::Relaxed));
        let mut command = self.network.command(std::env::current_exe().unwrap());
        command.args(["--exact", "harness::proxy::inside", "--ignored", "--nocapture"]).env(VARIABLE, &address);
        let name = format!("proxy-{}", address.replace([':', '.'], "-"));
        let process = Process::start(&name, command, &self.folder.join(format!("{name}.log")));
        self.wait("the proxy", || process.log().contains("listening"));
        Proxy { process, url: format!("http://{address}") }
    }
}

impl Proxy {
    /// The addresses that it was asked for, in their order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.process.log().lines().filter_map(|line| Some(line.strip_prefix("CONNECT ")?.to_owned())).collect()
    }
}

#[test]
#[ignore = "no test: the proxy inside the cluster's network"]
fn inside() {
    run_if_asked();
}

/// Is the proxy, for as long as the process lives, if this process was started as that.
pub(crate) fn run_if_asked() {
    let Some(address) = std::env::var_os(VARIABLE) else { return };
    let listener = TcpListener::bind(address.to_str().unwrap()).unwrap();
    tell("listening");
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        std::thread::spawn(move || serve(stream));
    }
}

/// One write for a line, so that those of several connections do not mix.
fn tell(line: &str) {
    // After what libtest has left on its line.
    io::stdout().write_all(format!("\n{line}\n").as_bytes()).unwrap();
    io::stdout().flush().unwrap();
}

fn serve(client: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(client.try_clone()?);
    let mut request = String::new();
    reader.read_line(&mut request)?;
    let mut header = String::new();
    while header != "\r\n" {
        header.clear();
        reader.read_line(&mut header)?;
    }
    let address = request.strip_prefix("CONNECT ").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
    tell(&format!("CONNECT {address}"));
    let (mut to_client, server) = (client, TcpStream::connect(address)?);
    to_client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut to_server, mut from_server) = (server.try_clone()?, server);
    std::thread::spawn(move || {
        _ = bridge::copy(&mut reader, &mut to_server);
        _ = to_server.shutdown(Shutdown::Write);
    });
    _ = bridge::copy(&mut from_server, &mut to_client);
    to_client.shutdown(Shutdown::Both)
}

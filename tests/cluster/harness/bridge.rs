//! From a test, which is outside, to an address inside the cluster's network: through a socket in the file system.
//!
//! The other end is this test binary once more, started inside with only [`inside`] to run. A connection says the address in its
//! first line, such as `10.99.0.1:8080`; everything after it goes there and back.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

/// The socket's path, for [`inside`].
const VARIABLE: &str = "HECATE_TEST_BRIDGE";

/// Makes the command run [`inside`].
pub(super) fn arguments(command: &mut Command, socket: &Path) {
    command.args(["--exact", "harness::bridge::inside", "--ignored", "--nocapture"]).env(VARIABLE, socket);
}

/// Opens a connection to an address inside.
pub(super) fn connect(socket: &Path, address: &str) -> io::Result<UnixStream> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(format!("{address}\n").as_bytes())?;
    Ok(stream)
}

#[test]
#[ignore = "no test: the inner end of the bridge into the cluster's network"]
fn inside() {
    run_if_asked();
}

/// Is the inner end, for as long as the process lives, if this process was started as that. A program that is no test binary calls it
/// before anything else.
pub(crate) fn run_if_asked() {
    let Some(socket) = std::env::var_os(VARIABLE) else { return };
    let listener = UnixListener::bind(socket).unwrap();
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        std::thread::spawn(move || serve(stream));
    }
}

fn serve(outer: UnixStream) -> io::Result<()> {
    let mut reader = BufReader::new(outer.try_clone()?);
    let mut address = String::new();
    reader.read_line(&mut address)?;
    let inner = TcpStream::connect(address.trim())?;
    let (mut to_inner, mut from_inner, mut to_outer) = (inner.try_clone()?, inner, outer);
    std::thread::spawn(move || {
        _ = copy(&mut reader, &mut to_inner);
        _ = to_inner.shutdown(Shutdown::Write);
    });
    _ = copy(&mut from_inner, &mut to_outer);
    to_outer.shutdown(Shutdown::Both)
}

/// As [`io::copy`], passing on what there is at once.
pub(super) fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = [0; 16384];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        to.write_all(buffer.get(..count).unwrap_or_default())?;
        to.flush()?;
    }
}

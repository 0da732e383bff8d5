//! Connections with an end: how long a client may take to send a request or to read an answer, and how many there may be.
//!
//! As Go's server, which the reference uses: `--read-timeout` runs from the moment that a request is waited for, however slowly
//! its bytes come, and `--write-timeout` while an answer is taken. In between, while a request is worked on, neither runs. Unlike
//! there, connections are counted, altogether and of one address, so that nobody can take all of them.

use std::collections::HashMap;
use std::future::Future as _;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, Sleep, sleep};

/// Most connections, and most of one address.
const MAX_CONNECTIONS: usize = 512;
const MAX_PER_ADDRESS: usize = 128;
/// Pause when no connection can be taken, for want of file descriptors mostly.
const PAUSE: Duration = Duration::from_secs(1);

/// Who is on the other side, as far as limits go: an IPv4 address, or an IPv6 network of 64 bits, which one host can fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Party(IpAddr);

impl Party {
    pub(super) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self(address),
            IpAddr::V6(address) => match address.to_ipv4_mapped() {
                Some(mapped) => Self(IpAddr::V4(mapped)),
                None if address.is_loopback() => Self(IpAddr::V6(address)),
                None => {
                    let [a, b, c, d, ..] = address.segments();
                    Self(IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)))
                }
            },
        }
    }

    /// The address, the network's first for IPv6.
    pub(super) fn address(self) -> IpAddr {
        self.0
    }
}

/// What the connection and the handlers of its requests tell each other.
#[derive(Debug, Default)]
struct Progress {
    /// A request is worked on.
    busy: AtomicBool,
    /// Requests that are done.
    done: AtomicU64,
}

/// The client of a request.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) party: Party,
    progress: Arc<Progress>,
}

impl Peer {
    /// Stops the clock of the connection until the value is dropped.
    pub(super) fn work(&self) -> Work {
        self.progress.busy.store(true, Ordering::Release);
        Work(Arc::clone(&self.progress))
    }
}

/// A request is worked on as long as this lives.
pub(super) struct Work(Arc<Progress>);

impl Drop for Work {
    fn drop(&mut self) {
        self.0.done.fetch_add(1, Ordering::Release);
        self.0.busy.store(false, Ordering::Release);
    }
}

/// Open connections, by address.
type Count = Arc<Mutex<HashMap<Party, usize>>>;

/// A place among the connections; dropped when the connection ends.
struct Place {
    party: Party,
    count: Count,
}

impl Place {
    fn take(party: Party, count: &Count) -> Option<Self> {
        let mut open = count.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = open.values().sum();
        let own = open.get(&party).copied().unwrap_or(0);
        if all >= MAX_CONNECTIONS || own >= MAX_PER_ADDRESS {
            return None;
        }
        open.insert(party, own + 1);
        Some(Self { party, count: Arc::clone(count) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.party) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.party);
            }
        }
    }
}

/// Listens, and puts the limits on what it accepts.
pub(super) struct Door {
    listener: TcpListener,
    read: Duration,
    write: Duration,
    count: Count,
}

impl Door {
    pub(super) fn new(listener: TcpListener, (read, write): (Duration, Duration)) -> Self {
        Self { listener, read, write, count: Count::default() }
    }
}

impl Listener for Door {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    if !is_of_one_connection(&error) {
                        tracing::error!(%error, "Cannot accept connections");
                        sleep(PAUSE).await;
                    }
                    continue;
                }
            };
            // Too many: this one is closed, and whoever it was may try again.
            let Some(place) = Place::take(Party::of(address.ip()), &self.count) else { continue };
            _ = stream.set_nodelay(true);
            return (Connection::new(stream, place, self.read, self.write), address);
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset)
}

impl Connected<IncomingStream<'_, Door>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        let connection = stream.io();
        Self { party: connection.place.party, progress: Arc::clone(&connection.progress) }
    }
}

/// A connection whose reads and writes come to an end.
pub(super) struct Connection {
    stream: TcpStream,
    place: Place,
    progress: Arc<Progress>,
    read: Limit,
    write: Limit,
}

/// A time limit that begins anew with each request.
struct Limit {
    length: Duration,
    timer: Pin<Box<Sleep>>,
    /// For which request it runs, counted by those that are done.
    request: Option<u64>,
}

impl Limit {
    fn new(length: Duration) -> Self {
        Self { length, timer: Box::pin(sleep(length)), request: None }
    }

    /// Whether the time of this request is over; if not, the task is woken when it is.
    fn is_over(&mut self, request: u64, cx: &mut Context<'_>) -> bool {
        if self.request != Some(request) {
            self.request = Some(request);
            self.timer.as_mut().reset(Instant::now() + self.length);
        }
        self.timer.as_mut().poll(cx).is_ready()
    }
}

impl Connection {
    fn new(stream: TcpStream, place: Place, read: Duration, write: Duration) -> Self {
        Self { stream, place, progress: Arc::default(), read: Limit::new(read), write: Limit::new(write) }
    }

    /// The answer of the stream, or that the time for it is over.
    fn within_write<T>(&mut self, answer: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if answer.is_pending() && self.write.is_over(self.progress.done.load(Ordering::Acquire), cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        answer
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // Bytes that come in drops must not put the end off, so the clock is asked first.
        let busy = self.progress.busy.load(Ordering::Acquire);
        let request = self.progress.done.load(Ordering::Acquire);
        if !busy && self.read.is_over(request, cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within_write(answer, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.stream).poll_flush(cx);
        self.within_write(answer, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.within_write(answer, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_party_is_an_address_or_an_ipv6_network() {
        let of = |text: &str| Party::of(text.parse().unwrap());
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }

    #[test]
    fn places_are_limited_altogether_and_for_one_address_and_come_back() {
        let count = Count::default();
        let party = |n: u8| Party::of(IpAddr::from([10, 0, 0, n]));
        let mut places: Vec<Place> = Vec::new();
        while let Some(place) = Place::take(party(1), &count) {
            places.push(place);
        }
        assert_eq!(places.len(), MAX_PER_ADDRESS);
        for n in 2..=9 {
            places.extend(std::iter::from_fn(|| Place::take(party(n), &count)).take(MAX_PER_ADDRESS));
        }
        assert_eq!(places.len(), MAX_CONNECTIONS);
        places.clear();
        assert!(count.lock().unwrap().is_empty());
    }
}

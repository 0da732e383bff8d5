//! How often one client may ask: GCRA as in the reference, by path and the client's address, with its headers.
//!
//! The reference takes the client from `X-Forwarded-For`, which anybody can write. Here it is the other end of the connection;
//! only what `--trusted-proxies` names may speak for others, by the last address in that header, the one it added itself.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::connection::Party;
use crate::controller::config::Network;

/// Clients that are remembered, as many as in the reference. When there are more, those that have paid their time are forgotten.
const MAX_CLIENTS: usize = 65_536;

type Limiter = RateLimiter<Client, DashMapStateStore<Client>, DefaultClock, StateInformationMiddleware>;

/// What is counted apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Client {
    path: &'static str,
    /// `None`: one of those for whom there was no room.
    party: Option<Party>,
}

/// The limits of all clients.
pub(super) struct Limits {
    limiter: Limiter,
    rate: u32,
    limit: u32,
    trusted: Vec<Network>,
    clock: DefaultClock,
}

/// Whether a request may go on, with the headers that say so.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) allowed: bool,
    limit: u32,
    remaining: u32,
    /// Seconds until the client may do everything again.
    reset: u64,
    /// Seconds until the next request, of those that are refused.
    retry: Option<u64>,
}

impl Limits {
    /// `rate` requests a second, and `burst` more at once; zero rates count as one.
    pub(super) fn new((rate, burst): (u32, u32), trusted: Vec<Network>) -> Self {
        let limit = NonZeroU32::MIN.saturating_add(burst);
        let rate = NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN);
        let limiter = RateLimiter::dashmap(Quota::per_second(rate).allow_burst(limit)).with_middleware();
        Self { limiter, rate: rate.get(), limit: limit.get(), trusted, clock: DefaultClock::default() }
    }

    /// Counts a request.
    pub(super) fn check(&self, path: &'static str, peer: Party, headers: &HeaderMap) -> Decision {
        let party = self.client_of(peer, headers);
        if self.limiter.len() >= MAX_CLIENTS {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        let party = (self.limiter.len() < MAX_CLIENTS).then_some(party);
        match self.limiter.check_key(&Client { path, party }) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let used = f64::from(self.limit.saturating_sub(remaining));
                Decision { allowed: true, limit: self.limit, remaining, reset: whole(used / f64::from(self.rate)), retry: None }
            }
            Err(refused) => {
                let wait = refused.wait_time_from(self.clock.now());
                let reset = whole(f64::from(self.limit.saturating_sub(1)) / f64::from(self.rate) + wait.as_secs_f64());
                Decision { allowed: false, limit: self.limit, remaining: 0, reset, retry: Some(whole(wait.as_secs_f64())) }
            }
        }
    }

    fn client_of(&self, peer: Party, headers: &HeaderMap) -> Party {
        if !self.trusted.iter().any(|network| network.contains(peer.address())) {
            return peer;
        }
        let forwarded = headers.get_all("x-forwarded-for").iter().next_back().and_then(|value| value.to_str().ok());
        let last = forwarded.and_then(|value| value.rsplit(',').next()).and_then(|text| text.trim().parse::<IpAddr>().ok());
        last.map_or(peer, Party::of)
    }
}

/// Seconds, rounded up.
fn whole(seconds: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a short time, never negative")]
    let whole = Duration::try_from_secs_f64(seconds).map_or(0, |time| time.as_secs_f64().ceil() as u64);
    whole
}

impl Decision {
    /// Puts the reference's headers in.
    pub(super) fn tell(&self, headers: &mut HeaderMap) {
        let mut put =
            |name: &'static str, value: u64| _ = headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        put("x-ratelimit-limit", self.limit.into());
        put("x-ratelimit-remaining", self.remaining.into());
        put("x-ratelimit-reset", self.reset);
        if let Some(retry) = self.retry {
            put("retry-after", retry);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(text: &str) -> Party {
        Party::of(text.parse().unwrap())
    }

    fn forwarded(value: &'static str) -> HeaderMap {
        [(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn burst_and_one_more_go_through_and_the_headers_count_down() {
        let limits = Limits::new((2, 2), Vec::new());
        let ask = || limits.check("/v1/verify", party("10.0.0.1"), &HeaderMap::new());
        let decisions: Vec<Decision> = (0..4).map(|_| ask()).collect();
        let remaining: Vec<u32> = decisions.iter().map(|decision| decision.remaining).collect();
        assert_eq!(remaining, [2, 1, 0, 0]);
        assert_eq!(decisions.iter().map(|decision| decision.allowed).collect::<Vec<_>>(), [true, true, true, false]);
        assert_eq!((decisions[0].reset, decisions[0].retry), (1, None));
        assert_eq!((decisions[3].reset, decisions[3].retry), (2, Some(1)));
        let mut headers = HeaderMap::new();
        decisions[3].tell(&mut headers);
        assert_eq!((headers["x-ratelimit-limit"].as_bytes(), headers["retry-after"].as_bytes()), (&b"3"[..], &b"1"[..]));
    }

    #[test]
    fn paths_and_addresses_count_apart_and_nobody_speaks_for_others() {
        let limits = Limits::new((1, 0), vec!["10.9.0.0/16".parse().unwrap()]);
        let ask = |path, peer: &str, header| limits.check(path, party(peer), &forwarded(header)).allowed;
        assert!(ask("/v1/verify", "10.0.0.1", "1.1.1.1"));
        assert!(!ask("/v1/verify", "10.0.0.1", "2.2.2.2"), "another header is no other client");
        assert!(ask("/v1/rotate", "10.0.0.1", ""));
        assert!(ask("/v1/verify", "10.0.0.2", ""));
        // A proxy that is trusted: its last entry counts, what came before is the client's invention.
        assert!(ask("/v1/verify", "10.9.1.1", "9.9.9.9, 3.3.3.3"));
        assert!(!ask("/v1/verify", "10.9.1.2", "8.8.8.8, 3.3.3.3"));
        assert!(ask("/v1/verify", "10.9.1.2", "3.3.3.3, 4.4.4.4"));
        assert!(ask("/v1/verify", "10.9.1.2", "nonsense"));
        assert!(!ask("/v1/verify", "10.9.1.2", ""));
    }
}

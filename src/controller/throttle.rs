//! At most so many requests a second to the API server, where `--kubeclient-qps` asks for it: a token bucket as client-go's.
//!
//! Without the flag there is no limit on our side. The API server has its own (priority and fairness), and a limit of five a
//! second, the reference's default, makes four thousand objects take half an hour.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::future::BoxFuture;
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tower::{Layer, Service};

/// Puts the limit around a client. All clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Throttle(Option<Arc<DefaultDirectRateLimiter>>);

impl Throttle {
    /// `rate` requests a second on average, and `burst` at once; no limit without a rate.
    #[must_use]
    pub(super) fn new(rate: Option<f32>, burst: u32) -> Self {
        let period = rate.and_then(|rate| Duration::try_from_secs_f32(1.0 / rate).ok()).and_then(Quota::with_period);
        let burst = NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN);
        Self(period.map(|quota| Arc::new(RateLimiter::direct(quota.allow_burst(burst)))))
    }
}

impl<S> Layer<S> for Throttle {
    type Service = Throttled<S>;

    fn layer(&self, inner: S) -> Throttled<S> {
        Throttled { inner, limiter: self.0.clone(), turn: Turn::None }
    }
}

/// Whether the next request may go.
enum Turn {
    /// Nobody has asked.
    None,
    Waiting(BoxFuture<'static, ()>),
    Come,
}

/// A client that waits for its turn.
pub(super) struct Throttled<S> {
    inner: S,
    limiter: Option<Arc<DefaultDirectRateLimiter>>,
    turn: Turn,
}

impl<S: Service<R>, R> Service<R> for Throttled<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        if let Some(limiter) = &self.limiter {
            if matches!(self.turn, Turn::None) {
                let limiter = Arc::clone(limiter);
                self.turn = Turn::Waiting(Box::pin(async move { limiter.until_ready().await }));
            }
            if let Turn::Waiting(turn) = &mut self.turn {
                ready!(turn.as_mut().poll(cx));
                self.turn = Turn::Come;
            }
        }
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> S::Future {
        self.turn = Turn::None;
        self.inner.call(request)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::time::Instant;

    use tower::ServiceExt as _;

    use super::*;

    async fn take(throttle: &Throttle, requests: u32) -> Duration {
        let inner = tower::service_fn(async |n: u32| Ok::<_, Infallible>(n));
        let mut client = throttle.layer(inner);
        let start = Instant::now();
        for n in 0..requests {
            assert_eq!(client.ready().await.unwrap().call(n).await, Ok(n));
        }
        start.elapsed()
    }

    #[tokio::test]
    async fn a_rate_makes_requests_beyond_the_burst_wait() {
        assert!(Throttle::new(None, 1).0.is_none());
        // Two at once, then one every tenth of a second: at least 0.4 s for six, however slow the machine.
        let took = take(&Throttle::new(Some(10.0), 2), 6).await;
        assert!(took >= Duration::from_millis(390), "{took:?}");
    }
}

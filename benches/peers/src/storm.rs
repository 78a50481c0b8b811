//! Many callers ask an empty cache at once.

use std::{
    future::Future,
    io,
    pin::Pin,
    time::{Duration, Instant},
};

use tokio::runtime::{Builder, Runtime};

use crate::{Error, Source, fixture::choose_crypto};

/// How many callers there are.
pub const CALLERS: usize = 100;

/// So long that all callers have asked before the first answer comes.
const LATENCY: Duration = Duration::from_millis(20);

/// One caller, who waits for a token; whether there was one.
pub type Asking = Pin<Box<dyn Future<Output = bool> + Send>>;

/// A new caller each time.
pub type Ask = Box<dyn Fn() -> Asking + Send + Sync>;

/// A peer with an empty cache over this source.
pub type Storming = Pin<Box<dyn Future<Output = Result<Ask, Error>> + Send>>;

/// Callers who each do this with a handle of their own on the peer.
pub(crate) fn callers<P, F>(peer: P, ask: impl Fn(P) -> F + Send + Sync + 'static) -> Ask
where
    P: Clone + Send + Sync + 'static,
    F: Future<Output = bool> + Send + 'static,
{
    Box::new(move || Box::pin(ask(peer.clone())))
}

/// What a storm came to.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// From the first caller to the last answer.
    pub taken: Duration,
    /// How many tokens were requested.
    pub requests: usize,
}

/// Two threads, so that callers can overtake each other.
pub fn runtime() -> io::Result<Runtime> {
    choose_crypto();
    Builder::new_multi_thread().worker_threads(2).enable_all().build()
}

/// One storm over a new cache.
///
/// # Errors
///
/// What the peer says when it cannot be set up, or when a caller gets no token.
// It measures time and makes load.
#[allow(clippy::disallowed_methods)]
pub async fn once(build: fn(Source) -> Storming) -> Result<Outcome, Error> {
    let source = Source::taking(LATENCY);
    let ask = build(source.clone()).await?;
    let started = Instant::now();
    let callers: Vec<_> = (0..CALLERS).map(|_| tokio::spawn(ask())).collect();
    for caller in callers {
        if !caller.await? {
            return Err("a caller got no token".into());
        }
    }
    Ok(Outcome { taken: started.elapsed(), requests: source.requests() })
}

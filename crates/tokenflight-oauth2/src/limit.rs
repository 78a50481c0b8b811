//! A limit in time for what no session bounds: discovery, logins, revocations.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use tokenflight_core::Time;

/// How long an exchange may take unless the caller says otherwise.
pub(crate) const EXCHANGE: Duration = Duration::from_secs(30);

/// What `work` brings within `limit`; `None` when the time is over. Without a clock of the caller's
/// it is tokio's, where the caller runs on tokio; elsewhere there is no limit.
pub(crate) async fn within<T>(limit: Duration, clock: Option<&dyn Time>, work: impl Future<Output = T>) -> Option<T> {
    match clock {
        Some(time) => first(work, time.sleep(limit)).await,
        None => by_tokio(limit, work).await,
    }
}

/// The clock of an endpoint; where it has none and the caller does not run on tokio, the one that
/// was given for one call.
#[cfg(feature = "login")]
pub(crate) fn clock<'a>(own: Option<&'a dyn Time>, given: &'a dyn Time) -> Option<&'a dyn Time> {
    own.or_else(|| (!on_tokio()).then_some(given))
}

/// Waits, by the same clock as [`within`]. Without one it does not wait, and says so.
pub(crate) async fn pause(duration: Duration, clock: Option<&dyn Time>) -> bool {
    match clock {
        Some(time) => time.sleep(duration).await,
        // A limit for work that never ends is a pause.
        None => return on_tokio() && by_tokio(duration, std::future::pending::<()>()).await.is_none(),
    }
    true
}

/// `work`, unless the sleep is over before.
async fn first<T>(work: impl Future<Output = T>, sleep: impl Future<Output = ()>) -> Option<T> {
    let (mut work, mut sleep) = (pin!(work), pin!(sleep));
    poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => sleep.as_mut().poll(cx).map(|()| None),
    })
    .await
}

#[cfg(any(feature = "client", feature = "login"))]
fn on_tokio() -> bool {
    tokio::runtime::Handle::try_current().is_ok()
}

#[cfg(not(any(feature = "client", feature = "login")))]
const fn on_tokio() -> bool {
    false
}

#[cfg(any(feature = "client", feature = "login"))]
async fn by_tokio<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    if !on_tokio() {
        return Some(work.await);
    }
    // No clock was given, and a limit by tokio's is better than none.
    #[allow(clippy::disallowed_methods)]
    let sleep = tokio::time::sleep(limit);
    first(work, sleep).await
}

#[cfg(not(any(feature = "client", feature = "login")))]
async fn by_tokio<T>(_: Duration, work: impl Future<Output = T>) -> Option<T> {
    Some(work.await)
}

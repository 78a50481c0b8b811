use std::{fmt, time::Duration};

use ::hyper::rt::Timer;
use tokenflight_core::{Now, Sleep, Time};

use super::clocks::clocks;
use crate::sync::Arc;

/// [`Time`] from any [`hyper::rt::Timer`]: hyper-util's for tokio, smol-hyper's for smol, or one of
/// your own. Cloning shares the timer.
///
/// ```
/// use std::{future::Future, pin::Pin, task::{Context, Poll}, time::{Duration, Instant}};
/// use hyper::rt::{Sleep, Timer};
/// use tokenflight::{Time, time::HyperTime};
///
/// // A timer that is always done; any real one is used the same way.
/// struct Done;
/// impl Future for Done {
///     type Output = ();
///     fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
///         Poll::Ready(())
///     }
/// }
/// impl Sleep for Done {}
/// struct NoWait;
/// impl Timer for NoWait {
///     fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
///         Box::pin(Done)
///     }
///     fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
///         Box::pin(Done)
///     }
/// }
///
/// let time = HyperTime::new(NoWait);
/// # futures_util::FutureExt::now_or_never(async {
/// time.sleep(Duration::from_secs(60)).await;
/// # }).unwrap();
/// ```
pub struct HyperTime<T>(Arc<T>);

impl<T> HyperTime<T> {
    /// The adapter for a timer.
    pub fn new(timer: T) -> Self {
        Self(Arc::new(timer))
    }
}

impl<T: Timer + Send + Sync + 'static> Time for HyperTime<T> {
    fn now(&self) -> Now {
        clocks()
    }

    /// A timer of `duration`, counted from this call. One that ends beyond what the platform's
    /// clock can express never fires.
    ///
    /// # Panics
    ///
    /// When the timer's own `now` panics. The *returned future* panics when the timer does;
    /// hyper-util's does outside a tokio runtime.
    fn sleep(&self, duration: Duration) -> Sleep {
        let deadline = self.0.now().checked_add(duration);
        let timer = Arc::clone(&self.0);
        Box::pin(async move {
            // Timers look for their runtime when the sleep is made, so the first poll makes it.
            match deadline {
                Some(deadline) => timer.sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        })
    }

    fn random(&self) -> u64 {
        fastrand::u64(..)
    }
}

// Not derived: a shared timer need not be `Clone` or `Debug` itself.
impl<T> Clone for HyperTime<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for HyperTime<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTime").finish_non_exhaustive()
    }
}

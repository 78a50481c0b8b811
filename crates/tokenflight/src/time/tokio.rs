use std::time::Duration;

use ::tokio::time::{Instant, sleep_until};
use tokenflight_core::{Now, Sleep, Time};

use super::clocks::clocks;

/// [`Time`] from tokio's timer.
///
/// ```
/// use std::time::Duration;
/// use tokenflight::{Time, time::TokioTime};
///
/// // Made outside the runtime, awaited inside.
/// let sleep = TokioTime::new().sleep(Duration::from_millis(1));
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// sleep.await;
/// # let century = TokioTime::new().sleep(Duration::from_secs(100 * 365 * 24 * 3_600));
/// # assert!(futures_util::FutureExt::now_or_never(century).is_none());
/// # });
/// # Ok::<_, std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TokioTime(());

impl TokioTime {
    /// The adapter. Needs no runtime yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Time for TokioTime {
    fn now(&self) -> Now {
        clocks()
    }

    /// A timer of `duration`, counted from this call. One that ends beyond what the platform's
    /// clock can express never fires.
    ///
    /// # Panics
    ///
    /// Never. The *returned future* panics when it is polled outside a tokio runtime, or in one
    /// built without `enable_time`; it may be made anywhere.
    fn sleep(&self, duration: Duration) -> Sleep {
        let deadline = Instant::now().checked_add(duration);
        Box::pin(async move {
            // tokio looks for its runtime when the timer is made, so it is made by the first poll.
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        })
    }

    fn random(&self) -> u64 {
        fastrand::u64(..)
    }
}

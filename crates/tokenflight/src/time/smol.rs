use std::time::Duration;

use async_io::Timer;
use tokenflight_core::{Now, Sleep, Time};

use super::clocks::clocks;

/// [`Time`] from async-io's reactor, which needs no particular executor: it runs on its own thread.
///
/// ```
/// # async_io::block_on(async {
/// use std::time::Duration;
/// use tokenflight::{Time, time::SmolTime};
///
/// SmolTime::new().sleep(Duration::from_millis(1)).await;
/// # });
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct SmolTime(());

impl SmolTime {
    /// The adapter.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Time for SmolTime {
    fn now(&self) -> Now {
        clocks()
    }

    /// A timer of `duration`, counted from this call. One that ends beyond what the platform's
    /// clock can express never fires.
    ///
    /// # Panics
    ///
    /// Never.
    fn sleep(&self, duration: Duration) -> Sleep {
        let timer = Timer::after(duration);
        Box::pin(async move {
            timer.await;
        })
    }

    fn random(&self) -> u64 {
        fastrand::u64(..)
    }
}

//! One clock for all parts of an example.

use std::{fmt, time::Duration};

use tokenflight::{Now, Time, time::TokioTime};

/// Time since a start: the same in every copy.
#[derive(Clone, Copy)]
pub struct Clock {
    time: TokioTime,
    start: Now,
}

impl Clock {
    /// Starts now.
    pub fn start() -> Self {
        let time = TokioTime::new();
        Self { time, start: time.now() }
    }

    /// How long ago that was.
    pub fn now(&self) -> Duration {
        self.at(self.time.now())
    }

    /// Another reading of the same clock as time since the start.
    pub const fn at(&self, now: Now) -> Duration {
        now.boot.saturating_sub(self.start.boot)
    }

    /// Waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping it cancels the timer.
    pub async fn sleep(&self, duration: Duration) {
        self.time.sleep(duration).await;
    }

    /// Waits until this patience has run out: for ever, if there is no end to it.
    ///
    /// # Cancel safety
    ///
    /// As [`sleep`](Self::sleep).
    pub async fn run_out(self, patience: Option<Duration>) {
        match patience {
            Some(patience) => self.sleep(patience).await,
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).finish()
    }
}

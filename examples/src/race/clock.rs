use std::{fmt, time::Duration};

use tokenflight::{
    Now,
    time::{Time, TokioTime},
};

/// The time of the race: zero at its start, the same for clients, servers and the picture.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    time: TokioTime,
    start: Now,
}

impl Clock {
    /// Starts now.
    #[must_use]
    pub(crate) fn start() -> Self {
        let time = TokioTime::new();
        Self { time, start: time.now() }
    }

    /// How long the race has been going on.
    #[must_use]
    pub(crate) fn now(&self) -> Duration {
        self.at(self.time.now())
    }

    /// A reading of a server's clock as time of the race.
    #[must_use]
    pub(crate) const fn at(&self, now: Now) -> Duration {
        now.boot.saturating_sub(self.start.boot)
    }

    /// Waits.
    ///
    /// # Cancel safety
    ///
    /// Dropping it cancels the timer.
    pub(crate) async fn sleep(&self, duration: Duration) {
        self.time.sleep(duration).await;
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clock").field("now", &self.now()).finish()
    }
}

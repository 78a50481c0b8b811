//! What a worker does: think, ask, sometimes give up, and so on until the race is over.

use std::{sync::Arc, time::Duration};

use fastrand::Rng;
use http::StatusCode;

use super::{
    Clock,
    clients::Client,
    trace::{Ending, Recorder},
};

/// Between two requests of a worker. Enough for 4 × 32 workers to leave two cores some air.
const THINK: (Duration, Duration) = (Duration::from_millis(15), Duration::from_millis(55));

/// What an ordinary request takes, all in.
const ORDINARY: Duration = Duration::from_millis(6);

/// How long callers wait before they give up: memoryless, so that a moment of giving up is as
/// likely as any other, and a slow request is given up more often than a quick one. That is how
/// closed tabs, timeouts and `select!` cancel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Givings-up per second of waiting.
    rate: f64,
}

impl Patience {
    /// Patience that leads to this share of cancelled requests among ordinary ones.
    pub(crate) fn of_share(cancelled: f64) -> Self {
        Self { rate: -(1.0 - cancelled).ln() / ORDINARY.as_secs_f64() }
    }

    /// How long the next caller waits; `None`: as long as it takes.
    fn draw(self, random: &mut Rng) -> Option<Duration> {
        // Both `f64` and its complement exclude zero on one side only; this is in (0, 1].
        let seconds = -(1.0 - random.f64()).ln() / self.rate;
        Duration::try_from_secs_f64(seconds).ok().filter(|patience| *patience < Duration::from_secs(60))
    }
}

pub(crate) struct Worker {
    pub(crate) client: Arc<dyn Client>,
    /// Where it writes down what it saw.
    pub(crate) recorder: Recorder,
    /// The time of the race.
    pub(crate) clock: Clock,
    /// When the race is over.
    pub(crate) end: Duration,
    /// Its callers' patience.
    pub(crate) patience: Patience,
    /// Its chance.
    pub(crate) random: Rng,
}

impl Worker {
    /// Works until the race is over.
    ///
    /// # Cancel safety
    ///
    /// A request under way is not written down.
    pub(crate) async fn work(mut self) {
        loop {
            let (least, most) = THINK;
            let think = least + (most - least).mul_f64(self.random.f64());
            self.clock.sleep(think).await;
            if self.clock.now() >= self.end {
                return;
            }
            let ending = self.ask().await;
            self.recorder.request(ending);
        }
    }

    async fn ask(&mut self) -> Ending {
        let begin = self.clock.now();
        let patience = self.patience.draw(&mut self.random);
        let give_up = self.clock.run_out(patience);
        tokio::select! {
            result = self.client.get() => match result {
                Ok(StatusCode::UNAUTHORIZED) => Ending::Refused,
                Ok(status) if status.is_success() => Ending::Served(self.clock.now().saturating_sub(begin)),
                Ok(_) | Err(_) => Ending::Failed,
            },
            () = give_up => Ending::Cancelled,
        }
    }
}

//! What every working child does, whatever its contestant: think, get a token, call the API.

use fastrand::Rng;
use http::StatusCode;

use super::{
    contestants::{NoToken, Opened, wire},
    prelude::*,
};
use crate::race::wire::Wire;

/// Between two calls.
const THINK: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(150));

/// Before an attempt that follows a failed one.
const PAUSE: Duration = Duration::from_millis(100);

/// A working child.
pub(super) struct Agent {
    opened: Opened,
    wire: Wire,
    random: Rng,
    time: TokioTime,
}

impl Agent {
    /// Builds it.
    pub(super) fn new(spec: &Spec, opened: Opened) -> Result<Self, BoxError> {
        Ok(Self { opened, wire: wire(spec)?, random: Rng::with_seed(spec.seed), time: TokioTime::new() })
    }

    /// Works until it is told to stop, and ends what it is doing then.
    pub(super) async fn work(mut self, stop: &AtomicBool) {
        let mut timers = JoinSet::new();
        if let Some(timer) = self.opened.timer.take() {
            timers.spawn(timer);
        }
        let (least, most) = THINK;
        while !stop.load(Ordering::Relaxed) {
            let think = least + (most - least).mul_f64(self.random.f64());
            self.time.sleep(think).await;
            Message::Wants(self.now()).say();
            while !stop.load(Ordering::Relaxed) && !self.call().await {
                self.time.sleep(PAUSE).await;
            }
        }
        self.opened.program.end().await;
    }

    /// Calls the API, and again with another token if it refuses the first. Whether it was served.
    async fn call(&self) -> bool {
        let began = self.now();
        let mut refused: Option<String> = None;
        for _ in 0..2 {
            let token = match self.opened.program.token(refused.as_deref()).await {
                Ok(token) => token,
                Err(NoToken::Login) => {
                    Message::Login(began).say();
                    return false;
                }
                Err(NoToken::Failed(error)) => {
                    Message::Failed(error.to_string()).say();
                    return false;
                }
            };
            let had = self.now();
            match self.wire.get(&token).await {
                Ok(StatusCode::UNAUTHORIZED) => refused = Some(token),
                Ok(status) if status.is_success() => {
                    Message::Served(had).say();
                    return true;
                }
                Ok(status) => Message::Failed(format!("the API answered {status}")).say(),
                Err(error) => Message::Failed(error.to_string()).say(),
            }
        }
        false
    }

    fn now(&self) -> Duration {
        self.time.now().wall
    }
}

use std::{fmt, pin::pin, time::Duration};

use tokenflight_core::{GrantError, Time, grant::TokenRequest};

use super::{
    held::Held,
    settings::Settings,
    state::{Answer, BreakerState, Change, Era, State},
};
use crate::{
    sync::{Arc, Mutex, lock},
    telemetry,
    time::{Deadline, read},
    wakers::Wakers,
};

/// How long a presentation waits for its place: short against the time that it then has.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long one that got no place waits before it asks again, and up to twice as long.
const AGAIN: Duration = Duration::from_secs(5);

/// Stops the sessions of one authorization server from presenting their refresh tokens when many of
/// them end at once. Cloning shares. See the [module documentation](super).
#[derive(Clone)]
pub struct Breaker(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// There may be room.
    places: Wakers,
    time: Arc<dyn Time>,
}

impl Breaker {
    /// With the [usual settings](Settings), on the clock that the sessions have.
    #[must_use]
    pub fn new(time: impl Time) -> Self {
        Self::with(time, Settings::default())
    }

    /// With these settings. What is below its least value counts as that.
    #[must_use]
    pub fn with(time: impl Time, settings: Settings) -> Self {
        let state = Mutex::new(State::new(settings.bounded()));
        Self(Arc::new(Shared { state, places: Wakers::default(), time: Arc::new(time) }))
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        let now = self.now();
        lock(&self.0.state).phase(now)
    }

    /// Closes it and keeps it closed for this long, whatever ends; with zero it may open again.
    ///
    /// For an operator who knows that the store is right, or that the sessions have ended rightly.
    /// A session that was held back asks within about a minute: it was told to wait.
    pub fn lift(&self, length: Duration) {
        let now = self.now();
        lock(&self.0.state).lift(length, now);
        self.0.places.wake_all();
    }

    /// Has one session present alone before the others, as if it had been open.
    ///
    /// For a process that starts on a restored store: the first session that ends opens it.
    pub fn arm(&self) {
        let now = self.now();
        lock(&self.0.state).arm(now);
        self.0.places.wake_all();
    }

    /// A place for one presentation. It waits a little for one, if the next answer may make room.
    pub(super) async fn enter(&self, request: &TokenRequest) -> Result<Place, GrantError> {
        let held = match self.try_enter() {
            Ok(place) => return Ok(place),
            Err(held) => held,
        };
        if !held.may_wait() {
            return Err(self.refuse(held));
        }
        // A time limit that strikes while it waits loses nothing.
        request.mark_unsent();
        let place = pin!(async {
            loop {
                let changed = self.0.places.listen();
                match self.try_enter() {
                    Err(held) if held.may_wait() => changed.await,
                    result => return result,
                }
            }
        });
        match Deadline::after(Arc::clone(&self.0.time), PATIENCE).limit(place).await {
            Ok(Ok(place)) => {
                // The grant may send without a word: from here on the worst must be assumed again.
                request.mark_sent();
                Ok(place)
            }
            Ok(Err(held)) => Err(self.refuse(held)),
            // The wake for the room there is may have been for one that is not polled any more.
            Err(_) => self.try_enter().inspect(|_| request.mark_sent()).map_err(|held| self.refuse(held)),
        }
    }

    fn try_enter(&self) -> Result<Place, Held> {
        let now = self.now();
        let era = lock(&self.0.state).enter(now)?;
        Ok(Place { breaker: self.clone(), era: Some(era) })
    }

    /// Nothing was sent. Sessions that wait come back one after the other, and soon enough after
    /// the breaker was lifted.
    fn refuse(&self, held: Held) -> GrantError {
        let longest = lock(&self.0.state).settings().wait;
        let (wait, spread) = held.next().map_or((AGAIN, AGAIN), |next| (next.min(longest), next.min(longest) / 4));
        // 53 bits: as many as a float has.
        let share = (self.0.time.random() >> 11) as f64 / (1_u64 << 53) as f64;
        GrantError::not_sent(held).retry_after(wait.saturating_add(spread.mul_f64(share)))
    }

    fn leave(&self, era: Era, answer: Answer) {
        let (now, crowded) = (self.now(), self.0.places.is_waited_for());
        let mut state = lock(&self.0.state);
        let change = state.leave(era, answer, crowded, now);
        let (room, label) = (state.room(now), state.settings().label);
        drop(state);
        let wake = match change {
            // They are told.
            Some(Change::Opened { .. }) => usize::MAX,
            _ => usize::try_from(room).unwrap_or(usize::MAX),
        };
        self.0.places.wake(wake);
        if let Some(change) = change {
            telemetry::breaker(label, change);
        }
    }

    fn now(&self) -> Duration {
        read(&*self.0.time).boot
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker").field("state", &self.state()).finish_non_exhaustive()
    }
}

/// A presentation under way. Dropped unanswered it says nothing about its session, and makes room.
pub(super) struct Place {
    breaker: Breaker,
    era: Option<Era>,
}

impl Place {
    pub(super) fn answered(mut self, answer: Answer) {
        if let Some(era) = self.era.take() {
            self.breaker.leave(era, answer);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Without a look at the clock, which is foreign code and may panic.
        if let Some(era) = self.era.take() {
            let crowded = self.breaker.0.places.is_waited_for();
            lock(&self.breaker.0.state).give_up(era, crowded);
            self.breaker.0.places.wake_one_more();
        }
    }
}

//! What the end of a flight, a login and a logout change.

use std::time::Duration;

use super::{
    Backoff, FlightPlan, Found, Landing, Life, Login, Machine, Obtained, Phase, Publish, Unsure, Verdict,
    life::{Birth, unit},
    storm::Span,
};
use tokenflight_core::{
    Epoch, Error, ErrorKind, Event, FailureClass, Generation, Now,
    event::Source,
    grant::{Reason, ReusePolicy},
};

/// The waiting times between attempts to store something.
const SAVE_BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));

/// Bounds of a server's `Retry-After` (T-55, R-643).
const RETRY_AFTER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

impl Machine {
    /// A flight has ended. Frees the slot and says what to publish, in one step.
    ///
    /// A flight that is not the one in the slot cannot free it, and nothing of it counts.
    pub fn land(&mut self, plan: &FlightPlan, landing: &Landing, now: Now, random: u64) -> Verdict {
        if self.flight() != Some(plan.id) {
            return Verdict { publish: Publish::Stale, events: Vec::new() };
        }
        self.flight = None;
        let mut events = Vec::new();
        let publish = match landing {
            // Over stays over until somebody logs in (I-06, R-223).
            Landing::Obtained(Obtained { epoch, .. }) | Landing::Found(Found { epoch, .. })
                if self.over().is_some() && *epoch <= self.epoch =>
            {
                Publish::Keep
            }
            Landing::Obtained(obtained) => self.obtained(plan, obtained, now, random, &mut events),
            Landing::Found(found) => self.found_newer(plan, found, random, &mut events),
            Landing::Failed { class, error, rotated } => {
                self.failed(plan, *class, error, now, random);
                if let Some(generation) = rotated {
                    self.stored_as(*generation);
                    self.unsure = None;
                }
                events.push(Event::RefreshFailed { class: *class, error: error.clone() });
                Publish::Keep
            }
            Landing::Over { epoch, error } => self.ended(*epoch, error, &mut events),
            Landing::Flushed => Publish::Keep,
            Landing::NotFlushed(error) => {
                self.not_flushed(error, now, random);
                if plan.reason != Reason::Persist {
                    self.failed(plan, FailureClass::NotSent, error, now, random);
                }
                events.push(Event::Unpersisted { generation: self.generation, error: error.clone() });
                Publish::Keep
            }
        };
        Verdict { publish, events }
    }

    /// What was just adopted from `source` has the access token that was there before, as [`span`](Self::span) told then.
    ///
    /// Only an answer of the authorization server shows that a refresh brings the same token again. A store may
    /// merely have another number for what is already here, for one who has just logged in, say.
    pub fn repeated(&mut self, before: Span, source: Source) {
        self.span.since = before.since;
        if source == Source::Store {
            self.span.adopted = before.adopted;
        }
    }

    /// A new token set from a login: a new epoch. A flight in progress keeps flying, but for nobody.
    pub fn login(&mut self, login: Login, now: Now, random: u64) -> Event {
        self.begin_epoch();
        self.generation = self.generation.next();
        self.span = Span { since: self.generation, adopted: self.generation };
        let birth = Birth {
            anchor: now,
            lifetime: login.lifetime,
            refresh_in: login.refresh_in,
            has_refresh_token: login.has_refresh_token,
            latency: Duration::ZERO,
            issued: now.boot,
        };
        self.phase = Phase::Active(Life::new(&self.policy, birth, random));
        Event::LoggedIn { epoch: self.epoch, generation: self.generation }
    }

    /// A logout: a new epoch without tokens.
    pub fn logout(&mut self) -> Event {
        self.begin_epoch();
        self.phase = Phase::Over(Error::new(ErrorKind::LoggedOut));
        Event::LoggedOut { epoch: self.epoch }
    }

    /// Forgets what it knows of the store, so that the next who asks reads it again. Only lifts an end.
    pub fn reload(&mut self) {
        if matches!(self.phase, Phase::Over(_)) && self.unsaved.is_none() {
            self.phase = Phase::Unloaded;
            // Whatever number the store has is news.
            self.ahead = self.generation.get();
            self.backoff.reset();
        }
    }

    /// What waited to be stored is stored: the state of `asked`, under these numbers. `false` if it has been overtaken by
    /// a newer login or logout.
    pub fn saved(&mut self, asked: Epoch, epoch: Epoch, generation: Generation) -> Option<Event> {
        if asked != self.epoch {
            return None;
        }
        // A store that has seen another process's log-ins raises ours above them.
        self.epoch = self.epoch.max(epoch);
        self.stored_as(generation);
        self.unsaved.take().map(|_| Event::Persisted { generation: self.generation })
    }

    /// The current state has this number in the store. Ours never decreases (I-02) and may be larger.
    fn stored_as(&mut self, generation: Generation) {
        self.generation = self.generation.max(generation);
        self.ahead = self.generation.get() - generation.get();
    }

    /// Something could not be stored that no [`Landing`] speaks of: a refresh token that was rotated by an answer which
    /// could not be used otherwise.
    pub fn unsaved(&mut self, error: &Error, now: Now, random: u64) -> Event {
        self.not_flushed(error, now, random);
        Event::Unpersisted { generation: self.generation, error: error.clone() }
    }

    /// The flight that a login or logout replaced, if any, no longer has the slot.
    fn begin_epoch(&mut self) {
        self.epoch = self.epoch.next();
        self.ahead = 0;
        self.flight = None;
        self.backoff.reset();
        self.unsure = None;
        self.answered = None;
        self.forced = None;
        self.warned = false;
        self.storms.clear();
        self.unsaved = Some(Backoff::default());
    }

    fn obtained(
        &mut self,
        plan: &FlightPlan,
        obtained: &Obtained,
        now: Now,
        random: u64,
        events: &mut Vec<Event>,
    ) -> Publish {
        self.epoch = self.epoch.max(obtained.epoch);
        self.latency = now.boot.saturating_sub(obtained.anchor.boot);
        self.answered = Some(now.boot);
        let birth = Birth {
            anchor: obtained.anchor,
            lifetime: obtained.lifetime,
            refresh_in: obtained.refresh_in,
            has_refresh_token: obtained.has_refresh_token,
            latency: self.latency,
            issued: now.boot,
        };
        self.adopt(plan, obtained.generation, birth, random);
        events.push(Event::Refreshed { generation: self.generation, source: Source::Server });
        let lives = obtained.lifetime.is_some_and(|lifetime| !lifetime.is_zero());
        if lives && !self.proactive() && !self.warned {
            self.warned = true;
            events.push(Event::ProactiveOff);
        }
        if let Some(error) = &obtained.unsaved {
            self.not_flushed(error, now, random);
            events.push(Event::Unpersisted { generation: self.generation, error: error.clone() });
        }
        Publish::New
    }

    /// Whether the current token has a renewal time.
    const fn proactive(&self) -> bool {
        matches!(&self.phase, Phase::Active(life) if life.due().is_some())
    }

    fn found_newer(&mut self, plan: &FlightPlan, found: &Found, random: u64, events: &mut Vec<Event>) -> Publish {
        let foreign_login = found.epoch > self.epoch && plan.reason != Reason::Load;
        self.epoch = self.epoch.max(found.epoch);
        let birth = Birth {
            anchor: found.anchor,
            lifetime: found.lifetime,
            refresh_in: None,
            has_refresh_token: found.has_refresh_token,
            latency: self.latency,
            // Adopted now, but perhaps issued long ago: then a refusal is no surprise.
            issued: found.anchor.boot,
        };
        self.adopt(plan, found.generation, birth, random);
        events.push(if foreign_login {
            Event::LoggedIn { epoch: self.epoch, generation: self.generation }
        } else {
            Event::Refreshed { generation: self.generation, source: Source::Store }
        });
        Publish::New
    }

    fn adopt(&mut self, plan: &FlightPlan, generation: Generation, birth: Birth, random: u64) {
        // Whatever the store numbered it, a newly adopted set is a new generation here (T-34, I-02).
        self.generation = plan.generation.max(self.generation).next();
        self.stored_as(generation);
        self.span = Span { since: self.generation, adopted: self.generation };
        self.phase = Phase::Active(Life::new(&self.policy, birth, random));
        self.backoff.reset();
        self.unsure = None;
        self.resumed = None;
    }

    fn failed(&mut self, plan: &FlightPlan, class: FailureClass, error: &Error, now: Now, random: u64) {
        if class == FailureClass::Ambiguous {
            // The server's window opened when the request reached it, not when we gave up on the answer.
            let since = plan.started.boot.max(now.boot.saturating_sub(self.policy.attempt_limit()));
            match &mut self.unsure {
                Some(unsure) => unsure.replays = unsure.replays.saturating_add(1),
                none => *none = Some(Unsure { since, replays: 0 }),
            }
        }
        match (error.retry_after(), self.policy.reuse_policy) {
            // Whatever it was: the server named a time (T-55, T-57).
            (Some(after), _) => {
                let (least, most) = RETRY_AFTER;
                self.backoff.hold(now.boot.saturating_add(after.clamp(least, most)), error.clone());
            }
            // Promptly, but not everybody in the same moment.
            (None, ReusePolicy::Grace { window }) if class == FailureClass::Ambiguous && self.within_grace(now) => {
                let after = (window / 10).mul_f64(unit(random));
                self.backoff.again(now.boot.saturating_add(after), error.clone());
            }
            _ => {
                let times = (self.policy.backoff_base, self.policy.backoff_cap);
                self.backoff.fail(times, now.boot, random, error.clone());
            }
        }
    }

    fn not_flushed(&mut self, error: &Error, now: Now, random: u64) {
        self.unsaved.get_or_insert_with(Backoff::default).fail(SAVE_BACKOFF, now.boot, random, error.clone());
    }

    /// The session is over. Told once.
    fn ended(&mut self, epoch: Epoch, error: &Error, events: &mut Vec<Event>) -> Publish {
        let was_active = !matches!(self.phase, Phase::Over(_));
        self.epoch = self.epoch.max(epoch);
        self.backoff.reset();
        self.unsure = None;
        self.phase = Phase::Over(error.clone());
        match error.kind() {
            ErrorKind::Ended(reason) if was_active => events.push(Event::Ended { reason: reason.clone() }),
            ErrorKind::LoggedOut if was_active => events.push(Event::LoggedOut { epoch: self.epoch }),
            _ => {}
        }
        Publish::Gone
    }
}

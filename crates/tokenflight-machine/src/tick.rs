//! What the passing of time asks for.

use std::time::Duration;

use tokenflight_core::{Now, grant::Reason};

use super::{
    Machine, Role, Tick, Token,
    machine::{Held, Phase},
};

impl<T: Token> Machine<T> {
    /// Says what to start now and when to ask again. Harmless at any time.
    pub fn tick(&mut self, now: Now) -> Tick {
        let mut tick = Tick::default();
        if self.save_due(now) {
            tick.write = self.begin_write();
        }
        if let Some(running) = self.refresh {
            tick.overdue = now.boot >= running.deadline;
            let again = now.boot.saturating_add(Duration::from_secs(1));
            tick.next = Some(if tick.overdue { again } else { running.deadline });
        } else if self.unsaved.is_none() {
            match self.due(now) {
                Some(reason) if now.boot >= self.not_before(reason, now) => {
                    tick.refresh = Some(self.start(reason, now))
                }
                Some(reason) => tick.next = Some(self.not_before(reason, now)),
                None => tick.next = self.next_due(now),
            }
        }
        let save = self.unsaved.as_ref().filter(|_| self.write.is_none()).map(|unsaved| unsaved.not_before());
        tick.next = earlier(earlier(tick.next, save), self.next_expiry(now));
        tick
    }

    /// The machine was suspended: callers may start what they need, but for a while nothing starts
    /// by itself. A computer that wakes for moments only must not burn a rotation each time, into a
    /// network that is not there.
    pub fn resume(&mut self, now: Now) {
        self.resting = self.resting.max(now.boot.saturating_add(self.policy().resume_delay));
    }

    /// A driver begins: a program may live for moments only, and must not start a renewal ahead of
    /// need that it does not live to store.
    pub fn settle_in(&mut self, now: Now) {
        self.driven = Some(now.boot);
    }

    /// Before when a driver that has just begun renews no usable token, on the boot clock. The
    /// token must not run out meanwhile: where there is a driver, an open stream is told of the
    /// next token before its own is dead.
    fn settled(&self) -> Duration {
        let Some(began) = self.driven else { return Duration::ZERO };
        let settled = began.saturating_add(self.policy().settle_in);
        self.held().and_then(|held| held.life.last_moment()).map_or(settled, |last| settled.min(last))
    }

    /// Whether refreshes start without a caller. What several audiences have in common is refreshed
    /// for none of them.
    fn starts_by_itself(&self) -> bool {
        !self.closing && self.rules.role != Role::Common
    }

    /// Why a refresh should start by itself, if it should.
    fn due(&self, now: Now) -> Option<Reason> {
        if !self.starts_by_itself() {
            return None;
        }
        let held = match &self.phase {
            Phase::Unloaded { .. } => return Some(Reason::Load),
            Phase::Active(held) if self.renewable(held) && self.is_in_use(held, now) => held,
            Phase::Active(_) | Phase::Ended(..) | Phase::Over(_) => return None,
        };
        // A token without a renewal time is replaced only when a caller needs it: its lifetime is
        // unknown, zero, or too short to be ahead of.
        let dead =
            !held.rejected.is_empty() || (held.life.is_proactive() && held.life.expired(now)) || held.token.is_none();
        let due = match held.in_doubt {
            Some(_) if self.keeps_back(held, now) => dead,
            Some(_) => true,
            None => dead || held.life.in_lead(now),
        };
        let reason = if held.rejected.is_empty() { Reason::Due } else { Reason::Rejected };
        due.then_some(reason)
    }

    /// Over a store that other processes share, a session unused here is left to them.
    fn is_in_use(&self, held: &Held<T>, now: Now) -> bool {
        if self.rules.private_store || !self.policy().idle_gate {
            return true;
        }
        // Unused tokens that have run out are two lifetimes of idleness.
        self.used.0 || (self.used.1 && !held.life.expired(now))
    }

    /// Before when nothing starts by itself, on the boot clock.
    fn not_before(&self, reason: Reason, now: Now) -> Duration {
        let waiting = self.backoff.not_before().max(self.earliest());
        match reason {
            // Reading the store costs the authorization server nothing if what is stored is usable.
            Reason::Load => waiting,
            Reason::Due if self.has_usable(None, now) => waiting.max(self.resting).max(self.settled()),
            _ => waiting.max(self.resting),
        }
    }

    /// When a refresh may become due, on the boot clock.
    fn next_due(&self, now: Now) -> Option<Duration> {
        let Phase::Active(held) = &self.phase else { return None };
        // Held back until the access token is gone: the expiry is looked at anyway.
        let can =
            self.starts_by_itself() && self.renewable(held) && self.is_in_use(held, now) && !self.keeps_back(held, now);
        let due = held.life.due_at().filter(|_| can)?;
        Some(due.max(self.not_before(Reason::Due, now)))
    }

    /// When the current token must be withdrawn, on the boot clock.
    fn next_expiry(&self, now: Now) -> Option<Duration> {
        self.held().filter(|held| held.lives(now)).and_then(|held| held.life.expires_at())
    }
}

fn earlier(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

//! The answers to those who want a token.

use std::{cmp::Ordering, time::Duration};

use super::{Beside, Decision, FlightId, FlightPlan, Flying, Life, Machine, Phase, Refused};
use tokenflight_core::{
    Error, ErrorKind, Now,
    grant::{Reason, ReusePolicy},
};

impl Machine {
    /// Somebody wants a token that is valid now.
    ///
    /// A token within its lead is used at once, and its renewal goes on beside it.
    pub fn usable(&mut self, now: Now) -> Decision {
        match &self.phase {
            Phase::Active(life) if life.usable(now) => {
                let beside = match self.flight {
                    Some(flying) => Beside::Join(flying.id),
                    None if self.renewal_due(now) && self.may_start(now) => Beside::Start(self.start(Reason::Due, now)),
                    None => Beside::Nothing,
                };
                Decision::Use { beside }
            }
            Phase::Active(life) => {
                let reason = if life.rejected() { Reason::Rejected } else { Reason::Due };
                self.launch(reason, now)
            }
            Phase::Unloaded => self.launch(Reason::Load, now),
            Phase::Over(error) => Decision::Refuse(error.clone()),
        }
    }

    /// A server refused the token of a generation; somebody wants a newer one.
    ///
    /// Only a refusal of the *current* token is a reason to refresh: a straggler with an older one gets the current
    /// one. If a refresh has brought the same token again, another would not help this origin for a while. A refusal of another epoch's token is none of this epoch's business (C-24).
    pub fn refused(&mut self, refused: Refused, now: Now) -> Decision {
        if refused.epoch != self.epoch {
            return Decision::Refuse(Error::new(ErrorKind::SessionChanged));
        }
        let policy = &self.policy;
        let Phase::Active(life) = &mut self.phase else { return self.usable(now) };
        let current = refused.generation >= self.span.since;
        // One replay is the rule; a second only if the token of the first was dead of old age by now.
        let spent = match refused.replays.cmp(&policy.replays) {
            Ordering::Less => false,
            Ordering::Equal => policy.replays == 0 || (current && !life.expired(now)),
            Ordering::Greater => true,
        };
        // Where nothing is ever replayed, the first refusal still says that the token is dead.
        if spent && (refused.replays > 0 || !current) {
            return Decision::Refuse(Error::new(ErrorKind::StillRefused));
        }
        if !current {
            return self.usable(now);
        }
        if !life.rejected() {
            if refused.generation < self.span.adopted {
                let most = policy.storm_window;
                let least = policy.fresh_window.max(policy.backoff_base).min(most);
                self.storms.repeated(refused.origin, self.span, now.boot, (least, most));
            }
            if self.storms.repeats(refused.origin, self.span.since, now.boot) {
                return Decision::Refuse(Error::new(ErrorKind::Futile));
            }
            // A flight that only stores something brings no token.
            let renewing = self.flight.is_some_and(|flying| flying.reason != Reason::Persist);
            if !renewing && life.fresh(now, policy.fresh_window) {
                self.fresh_refused = self.fresh_refused.saturating_add(1);
                return Decision::Refuse(Error::new(ErrorKind::FreshRefused));
            }
            // The token stays good for other origins, also while a flight is in progress.
            if self.storms.futile(refused.origin, now.boot, policy.storm_window, policy.storm_limit) {
                return Decision::Refuse(Error::new(ErrorKind::Futile));
            }
            if !renewing {
                self.storms.count(refused.origin, now.boot, policy.storm_window);
            }
        }
        life.reject();
        if spent {
            return Decision::Refuse(Error::new(ErrorKind::StillRefused));
        }
        self.launch(Reason::Rejected, now)
    }

    /// The user wants a new token, whatever the current one is worth.
    ///
    /// Skips the waiting times once in ten seconds, except a time the server itself named.
    pub fn force(&mut self, now: Now) -> Decision {
        match &self.phase {
            Phase::Over(error) => Decision::Refuse(error.clone()),
            Phase::Unloaded => self.launch(Reason::Load, now),
            Phase::Active(_) => self.launch(Reason::Forced, now),
        }
    }

    /// Somebody wants what is not stored to be stored now.
    pub fn flush(&mut self, now: Now) -> Option<Decision> {
        self.unsaved.as_ref()?;
        Some(match self.flight {
            Some(flying) => join(flying, now),
            None => Decision::Start(self.start(Reason::Persist, now)),
        })
    }

    /// Joins the flight in progress or starts one, if nothing speaks against it.
    #[inline]
    pub(super) fn launch(&mut self, reason: Reason, now: Now) -> Decision {
        match self.flight {
            Some(flying) => join(flying, now),
            None => self.take_off(reason, now),
        }
    }

    /// Starts a flight, if nothing speaks against it.
    fn take_off(&mut self, reason: Reason, now: Now) -> Decision {
        if self.closing {
            return Decision::Refuse(Self::closed());
        }
        if matches!(&self.phase, Phase::Active(life) if !self.renewable(life)) {
            return Decision::Refuse(Error::new(ErrorKind::NoRefreshToken));
        }
        let skips = reason == Reason::Forced && self.may_skip(now);
        if let Some(until) = self.replays_at(now).filter(|_| !skips) {
            return Decision::Wait { until };
        }
        if let Some(error) = self.backoff.waiting(now.boot).filter(|_| !skips || self.backoff.told()) {
            return Decision::Refuse(error.clone());
        }
        if let Some(error) = self.withheld(now) {
            return Decision::Refuse(error);
        }
        let earliest = self.earliest();
        if now.boot < earliest && !skips {
            return Decision::Wait { until: earliest };
        }
        if reason == Reason::Forced {
            self.forced = Some(now.boot);
        }
        Decision::Start(self.start(reason, now))
    }

    /// When the refresh token is presented again because the server's answer was lost and its grace window allows it
    /// if there is no token to go on with until then. It is a moment: whoever waits need not hear of the failure.
    #[must_use]
    pub fn replays_at(&self, now: Now) -> Option<Duration> {
        self.backoff.prompt(now.boot).filter(|_| !self.has_usable(now))
    }

    /// Whether a forced refresh may skip the waiting times again.
    fn may_skip(&self, now: Now) -> bool {
        self.forced.is_none_or(|last| now.boot >= last.saturating_add(self.policy.force_interval))
    }

    /// When the next token request may be made after the last answer, on the boot clock.
    pub(super) fn earliest(&self) -> Duration {
        self.answered.map_or(Duration::ZERO, |last| last.saturating_add(self.policy.min_interval))
    }

    /// Why the refresh token is not presented while the access token lasts: it may be spent, and presenting it could
    /// end the session early.
    fn withheld(&self, now: Now) -> Option<Error> {
        if !self.has_usable(now) || !self.strict_about(now) {
            return None;
        }
        let last = self.backoff.last().cloned();
        Some(last.unwrap_or_else(|| Error::new(ErrorKind::Refresh(tokenflight_core::FailureClass::Ambiguous))))
    }

    /// Whether an unsure refresh token must be kept back by policy.
    pub(super) fn strict_about(&self, now: Now) -> bool {
        self.unsure.is_some_and(|_| match self.policy.reuse_policy {
            ReusePolicy::Strict => true,
            ReusePolicy::Grace { .. } => !self.within_grace(now),
            ReusePolicy::UntilUsed | ReusePolicy::NonRotating => false,
        })
    }

    /// Whether an unsure refresh token may be presented again inside the server's grace window.
    pub(super) fn within_grace(&self, now: Now) -> bool {
        /// More than two replays prove that something else is wrong.
        const MOST: u32 = 2;
        match (self.policy.reuse_policy, self.unsure) {
            (ReusePolicy::Grace { window }, Some(unsure)) => {
                unsure.replays < MOST && now.boot < unsure.since.saturating_add(window)
            }
            _ => false,
        }
    }

    /// Whether the current token should be replaced by now without anybody asking.
    ///
    /// A token without a renewal time is replaced only when somebody needs it: its lifetime is unknown, zero
    /// or too short to be ahead of.
    pub(super) fn renewal_due(&self, now: Now) -> bool {
        let Phase::Active(life) = &self.phase else { return false };
        let proactive = life.due().is_some();
        let dead = life.rejected() || (proactive && life.expired(now));
        if self.unsure.is_some() && self.policy.reuse_policy != ReusePolicy::NonRotating {
            return dead || self.within_grace(now);
        }
        dead || life.in_lead(now)
    }

    /// Whether there is anything to renew this token with.
    pub(super) fn renewable(&self, life: &Life) -> bool {
        life.has_refresh_token() || !self.policy.needs_refresh_token
    }

    /// Whether a renewal may start by itself.
    pub(super) fn may_start(&self, now: Now) -> bool {
        let Phase::Active(life) = &self.phase else { return false };
        self.flight.is_none() && !self.closing && self.renewable(life) && now.boot >= self.not_before()
    }

    /// Before when nothing starts by itself, on the boot clock.
    pub(super) fn not_before(&self) -> Duration {
        self.backoff.not_before().max(self.earliest()).max(self.resumed.unwrap_or_default())
    }

    /// Takes the slot.
    pub(super) fn start(&mut self, reason: Reason, now: Now) -> FlightPlan {
        let id = FlightId(self.flights);
        self.flights = self.flights.saturating_add(1);
        self.flight = Some(Flying { id, reason, deadline: now.boot.saturating_add(self.policy.flight_limit()) });
        FlightPlan {
            id,
            reason,
            epoch: self.epoch,
            generation: self.generation,
            started: now,
            usable: self.has_usable(now),
            ahead: self.ahead,
        }
    }
}

fn join(flying: Flying, now: Now) -> Decision {
    Decision::Join { id: flying.id, overdue: now.boot >= flying.deadline }
}

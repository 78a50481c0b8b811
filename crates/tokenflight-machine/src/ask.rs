//! The answers to callers that want a token.

use std::{cmp::Ordering, time::Duration};

use tokenflight_core::{
    Error, ErrorKind, FailureClass, Now,
    grant::{Reason, ReusePolicy},
};

use super::{
    Beside, Decision, Machine, OriginId, Refused, Start, Token, Work,
    machine::{Held, Phase, Running},
};

/// Within a grace window a refresh token is presented again so often; more would prove that
/// something else is wrong.
const MOST_AGAIN: u32 = 2;

/// A caller that has a usable token waits so long for a newer one at most.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where no token counts as fresh, what an origin refuses may be new all the same.
const YOUNG: Duration = Duration::from_secs(10);

impl<T: Token> Machine<T> {
    /// A caller wants a token that is valid now, for this origin.
    ///
    /// A token within its lead is used. One that another origin has refused is used if no newer one
    /// is to be had soon.
    pub fn usable(&mut self, origin: Option<OriginId>, now: Now) -> Decision {
        match &self.phase {
            Phase::Active(held) if held.usable(origin, now) => {
                if !held.rejected.is_empty()
                    && self.unsaved.is_none()
                    && !self.is_slow(now)
                    && let Some(decision) = self.newer_if_any(now)
                {
                    return decision;
                }
                Decision::Use { beside: self.beside(now) }
            }
            Phase::Active(held) => {
                let reason = if held.rejected.is_empty() { Reason::Due } else { Reason::Rejected };
                self.launch(reason, now)
            }
            // To be read again after an end: what lives is used meanwhile.
            Phase::Unloaded { .. } => {
                let lives = self.has_usable(origin, now);
                match self.launch(Reason::Load, now) {
                    Decision::Start(start) => Decision::Start(start),
                    _ if lives => Decision::Use { beside: self.beside(now) },
                    decision => decision,
                }
            }
            Phase::Ended(Some(held), _) if held.usable(origin, now) => Decision::Use { beside: self.beside(now) },
            Phase::Over(error) | Phase::Ended(_, error) => Decision::Refuse(error.clone()),
        }
    }

    /// A caller wants a token that stays valid for this long: what it is for cannot be sent twice.
    ///
    /// A token with more than half of its lifetime left will do: a new one would hardly last
    /// longer. So will any usable one when no newer one is to be had.
    pub fn lasting(&mut self, wanted: Duration, origin: Option<OriginId>, now: Now) -> Decision {
        if self.is_short(wanted, origin, now)
            && let Some(decision) = self.newer_if_any(now)
        {
            return decision;
        }
        self.usable(origin, now)
    }

    /// A server refused the token of a generation; a caller wants a newer one.
    ///
    /// Only a refusal of the *current* token is a reason to refresh: after a late refusal of an
    /// older one the caller gets the current one. If refreshing has not helped this origin, another
    /// refresh would not either, for a while. A refusal of another login's token is no affair of
    /// this login.
    pub fn refused(&mut self, refused: Refused, now: Now) -> Decision {
        if refused.login != self.login {
            return Decision::Refuse(Error::new(ErrorKind::SessionChanged));
        }
        let held = match &self.phase {
            Phase::Active(held) => held,
            Phase::Ended(Some(_), error) if refused.generation >= self.generation => {
                let error = error.clone();
                self.set_phase(Phase::Ended(None, error.clone()));
                return Decision::Refuse(error);
            }
            Phase::Unloaded { .. } | Phase::Ended(..) | Phase::Over(_) => {
                if let Phase::Unloaded { held, .. } = &mut self.phase
                    && refused.generation >= self.generation
                {
                    *held = None;
                }
                return self.usable(refused.origin, now);
            }
        };
        let current = refused.generation >= self.generation;
        let policy = &self.rules.policy;
        // One replay is the rule; a second only if the token of the first has run out by now.
        let spent = match refused.replays.cmp(&policy.replays) {
            Ordering::Less => false,
            Ordering::Equal => policy.replays == 0 || (current && !held.life.expired(now)),
            Ordering::Greater => true,
        };
        // Where nothing is ever replayed, the first refusal still says that the token is dead.
        if spent && (refused.replays > 0 || !current) {
            if current {
                self.did_not_help(refused, now);
            }
            return Decision::Refuse(Error::new(ErrorKind::StillRefused));
        }
        if !current {
            return self.usable(refused.origin, now);
        }
        if let Some(kind) = self.believes_not(refused, now) {
            return Decision::Refuse(Error::new(kind));
        }
        if let Some(origin) = refused.origin {
            self.did_not_help(refused, now);
            self.storms.refuses(origin, self.generation, refused.returned);
            if self.storms.rests(origin, self.generation, now.boot) {
                return Decision::Refuse(Error::new(ErrorKind::Futile));
            }
        }
        if let Phase::Active(held) = &mut self.phase {
            held.rejected.add(refused.origin);
        }
        if spent {
            return Decision::Refuse(Error::new(ErrorKind::StillRefused));
        }
        self.launch(Reason::Rejected, now)
    }

    /// Why a refusal of the current token is no reason to refresh.
    fn believes_not(&mut self, refused: Refused, now: Now) -> Option<ErrorKind> {
        let Phase::Active(held) = &self.phase else { return None };
        let policy = &self.rules.policy;
        if let Some(origin) = refused.origin
            && self.storms.rests(origin, self.generation, now.boot)
        {
            return Some(ErrorKind::Futile);
        }
        if self.refresh.is_some() || held.rejected.by(refused.origin) {
            return None;
        }
        if held.life.fresh(now, policy.fresh_window) {
            self.counts.fresh_refused = self.counts.fresh_refused.saturating_add(1);
            self.did_not_help(refused, now);
            return Some(ErrorKind::FreshRefused);
        }
        None
    }

    /// An origin refuses a token that may be new: one with which a request was sent again, or the
    /// successor of one that it had refused, which has not had the time to run out.
    fn did_not_help(&mut self, refused: Refused, now: Now) {
        let (Phase::Active(held), Some(origin)) = (&self.phase, refused.origin) else { return };
        let policy = &self.rules.policy;
        let young = held.life.younger_than(policy.fresh_window.max(YOUNG).saturating_mul(4), now);
        let early = if held.life.lifetime().is_some() { held.life.in_first_half(now) } else { young };
        let again = self.storms.refused_before(origin, self.generation) && early;
        if (young && refused.replays > 0) || again {
            self.storms.strike(origin, self.generation, now.boot, policy);
        }
    }

    /// An origin has accepted a request that it had refused: refreshing has helped.
    pub fn accepted(&mut self, origin: OriginId) {
        self.storms.accepts(origin);
    }

    /// As [`usable`](Self::usable), after the store was read if the session was over.
    pub fn load(&mut self, now: Now) -> Decision {
        if !self.is_unloaded() {
            return self.usable(None, now);
        }
        match self.launch(Reason::Load, now) {
            Decision::Refuse(_) | Decision::Wait { .. } if self.has_usable(None, now) => {
                Decision::Use { beside: self.beside(now) }
            }
            decision => decision,
        }
    }

    /// The user wants a new token, whatever the current one is worth.
    ///
    /// Skips the waiting times once in ten seconds, except a time the server itself named.
    pub fn force(&mut self, now: Now) -> Decision {
        match &self.phase {
            Phase::Over(error) | Phase::Ended(_, error) => Decision::Refuse(error.clone()),
            Phase::Unloaded { .. } => self.launch(Reason::Load, now),
            Phase::Active(_) => self.launch(Reason::Forced, now),
        }
    }

    /// An audience wants the common refresh token to be presented for it. The waiting times after
    /// failures are the audience's own; what is in doubt, or not stored yet, is common to all.
    pub fn present(&mut self, reason: Reason, now: Now) -> Decision {
        if let Some(running) = self.refresh {
            return join(running, now);
        }
        let reason = match &self.phase {
            Phase::Over(error) | Phase::Ended(_, error) => return Decision::Refuse(error.clone()),
            Phase::Unloaded { .. } => Reason::Load,
            Phase::Active(_) => reason,
        };
        if self.unsaved.is_some() {
            return self.store_first(now);
        }
        if let Some(error) = self.cannot().or_else(|| self.kept_back(now)) {
            return Decision::Refuse(error);
        }
        match self.retries_at(now) {
            Some(until) => Decision::Wait { until },
            None => Decision::Start(Start::Refresh(self.start(reason, now))),
        }
    }

    /// Why no refresh can be started at any time.
    fn cannot(&self) -> Option<Error> {
        if self.closing {
            return Some(Error::new(ErrorKind::Closed));
        }
        let bare = matches!(&self.phase, Phase::Active(held) if !self.renewable(held));
        bare.then(|| Error::new(ErrorKind::NoRefreshToken))
    }

    /// Whether the token is usable, and ends sooner than is wanted.
    fn is_short(&self, wanted: Duration, origin: Option<OriginId>, now: Now) -> bool {
        matches!(&self.phase, Phase::Active(held) if held.usable(origin, now) && held.life.ends_within(wanted, now))
    }

    /// Until when a caller that was told to wait for a refresh waits for it, on the boot clock, if
    /// it has a token that is usable and lasts for as long as it wants: the newer one spares it a
    /// refusal, and is not worth more than a moment.
    #[must_use]
    pub fn patience(&self, wanted: Duration, origin: Option<OriginId>, now: Now) -> Option<Duration> {
        let enough = self.has_usable(origin, now) && !self.is_short(wanted, origin, now);
        enough.then(|| now.boot.saturating_add(PATIENCE))
    }

    /// Whether the refresh in progress takes longer than a caller with a usable token waits.
    fn is_slow(&self, now: Now) -> bool {
        let began = |running: Running| running.deadline.saturating_sub(self.rules.refresh_limit());
        self.refresh.is_some_and(|running| now.boot >= began(running).saturating_add(PATIENCE))
    }

    /// A newer token than one that is usable, if that is on its way or can be started.
    fn newer_if_any(&mut self, now: Now) -> Option<Decision> {
        // A caller that has a token waits for no look.
        if self.is_left_alone(now) {
            return None;
        }
        let decision = self.launch(Reason::Due, now);
        matches!(decision, Decision::Join { .. } | Decision::Start(_)).then_some(decision)
    }

    /// What a caller with a usable token keeps moving.
    pub fn beside(&mut self, now: Now) -> Option<Beside> {
        if self.write.is_some() {
            return Some(Beside::Join(Work::Write));
        }
        if self.save_due(now) {
            return self.begin_write().map(Beside::Write);
        }
        self.refresh.map(|_| Beside::Join(Work::Refresh))
    }

    /// Joins the refresh in progress or starts one, if nothing speaks against it. What is not
    /// stored yet comes first.
    #[inline]
    pub(super) fn launch(&mut self, reason: Reason, now: Now) -> Decision {
        match self.refresh {
            Some(running) => join(running, now),
            None => self.start_work(reason, now),
        }
    }

    /// The caller that finds nothing in progress: store what is not stored, or begin a refresh.
    #[inline(never)]
    fn start_work(&mut self, reason: Reason, now: Now) -> Decision {
        match self.unsaved {
            Some(_) => self.store_first(now),
            None => self.begin_refresh(reason, now),
        }
    }

    /// Nothing is adopted, claimed or presented while something is not stored.
    fn store_first(&mut self, now: Now) -> Decision {
        if let Some(unsaved) = &mut self.unsaved {
            unsaved.blocks = true;
        }
        if self.write.is_some() {
            return Decision::Join { work: Work::Write, overdue: false };
        }
        match self.unsaved.as_ref().and_then(|unsaved| unsaved.waiting(now)).cloned() {
            Some(error) => Decision::Refuse(error),
            None => self.begin_write().map_or_else(
                || Decision::Refuse(Error::new(ErrorKind::Store)),
                |write| Decision::Start(Start::Write(write)),
            ),
        }
    }

    /// Starts a refresh, if nothing speaks against it.
    fn begin_refresh(&mut self, reason: Reason, now: Now) -> Decision {
        if let Some(error) = self.cannot() {
            return Decision::Refuse(error);
        }
        let told = self.backoff.is_told() && self.backoff.waiting(now.boot).is_some();
        let skips = reason == Reason::Forced && self.may_skip(now) && !told;
        let looks = self.looks_at(now).filter(|_| !skips);
        if looks.is_some_and(|at| now.boot >= at) {
            return self.look(now);
        }
        if let Some(until) = self.retries_at(now).filter(|_| !skips) {
            return Decision::Wait { until: looks.map_or(until, |looks| looks.min(until)) };
        }
        if let Some(error) = self.backoff.waiting(now.boot).filter(|_| !skips) {
            return Decision::Refuse(error.clone());
        }
        if let Some(error) = self.kept_back(now) {
            return Decision::Refuse(error);
        }
        let earliest = self.earliest();
        if now.boot < earliest && !skips {
            return Decision::Wait { until: earliest };
        }
        if reason == Reason::Forced {
            self.forced = Some(now.boot);
        }
        Decision::Start(Start::Refresh(self.start(reason, now)))
    }

    /// When the refresh token is presented again because the server's answer was lost and its grace
    /// window allows it, if there is no token to go on with until then. It is a moment: a caller
    /// that waits need not hear of the failure.
    #[must_use]
    pub fn retries_at(&self, now: Now) -> Option<Duration> {
        // What one origin has refused is of no use to its callers; the others use it all the same.
        let all = self.held().is_some_and(|held| held.lives(now) && held.rejected.is_empty());
        self.backoff.prompt(now.boot).filter(|_| !all)
    }

    /// Whether a forced refresh may skip the waiting times again.
    fn may_skip(&self, now: Now) -> bool {
        self.forced.is_none_or(|last| now.boot >= last.saturating_add(self.policy().force_interval))
    }

    /// When the next token request may be made after the last answer, on the boot clock.
    pub(super) fn earliest(&self) -> Duration {
        let least = self.policy().min_interval;
        let interval = self.held().map_or(least, |held| held.life.quarter(least));
        self.answered.map_or(Duration::ZERO, |last| last.saturating_add(interval))
    }

    /// Why the refresh token is not presented while the access token lasts: it may be spent, and
    /// presenting it could end the session early.
    fn kept_back(&self, now: Now) -> Option<Error> {
        let held = self.held()?;
        if !self.keeps_back(held, now) || !held.lives(now) || !held.rejected.is_empty() {
            return None;
        }
        let last = self.backoff.last().cloned();
        Some(last.unwrap_or_else(|| Error::new(ErrorKind::Refresh(FailureClass::Ambiguous))))
    }

    /// Whether a refresh token in doubt waits for the end of the access token.
    pub(super) fn keeps_back(&self, held: &Held<T>, now: Now) -> bool {
        held.in_doubt.is_some()
            && match self.rules.reuse {
                ReusePolicy::Strict => true,
                ReusePolicy::Grace { .. } => !self.within_grace(held, now),
                ReusePolicy::UntilUsed | ReusePolicy::NonRotating => false,
            }
    }

    /// Whether a refresh token in doubt may be presented again inside the server's grace window.
    pub(super) fn within_grace(&self, held: &Held<T>, now: Now) -> bool {
        match (self.rules.reuse, held.in_doubt) {
            (ReusePolicy::Grace { window }, Some(doubt)) => {
                doubt.again < MOST_AGAIN && now.boot < doubt.since.saturating_add(window)
            }
            _ => false,
        }
    }

    /// Whether there is anything to renew this token with.
    pub(super) fn renewable(&self, held: &Held<T>) -> bool {
        held.renewable || !self.rules.needs_refresh_token
    }
}

fn join(running: Running, now: Now) -> Decision {
    Decision::Join { work: Work::Refresh, overdue: now.boot >= running.deadline }
}

//! What the end of a refresh changes.

use std::{sync::Arc, time::Duration};

use tokenflight_core::{
    Error, ErrorKind, FailureClass, Now, Source,
    grant::ReusePolicy,
    store::{Entry, EntryState, OpId},
};

use super::{
    Finish, Machine, Outcome, Pending, Plan, Saved, Times, Token,
    life::{Life, unit},
    look::Looks,
    machine::{InDoubt, Phase},
    rejected::Rejected,
    unsaved::Unsaved,
};

/// Bounds of a server's `Retry-After`.
const RETRY_AFTER: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(3600));

impl<T: Token> Machine<T> {
    /// A refresh has finished. Frees its place and takes what it brought, in one step.
    ///
    /// A refresh that is not the one in progress cannot free its place, and nothing of it counts.
    pub fn finish(&mut self, plan: &Plan, outcome: Outcome<T>, now: Now, random: u64) -> Finish {
        if self.refresh.is_none_or(|running| running.id != plan.id) {
            outcome.errors().into_iter().for_each(|error| self.discard(error));
            return Finish::Stale { logged_out: plan.login < self.logout || self.is_logged_out() };
        }
        self.refresh = None;
        let is_news = |read: &&Arc<Entry>| self.known.as_ref().is_none_or(|known| known.op != read.op);
        if let Some(read) = plan.known.as_ref().filter(is_news) {
            self.see(Arc::clone(read));
        }
        match outcome {
            Outcome::KeptBack { error } if plan.looks => self.looked(error, false, now),
            Outcome::Failed { error, .. } if plan.looks => self.looked(error, true, now),
            Outcome::Obtained { token, times, renewable, saved } => {
                let took = now.boot.saturating_sub(times.anchor.boot);
                // Past its limit it was suspended or left alone: that says nothing of the server.
                if took <= self.rules.attempt_limit() {
                    self.latency = took;
                }
                self.answered = Some(now.boot);
                self.note_entry(saved, plan, now, random);
                let life = Life::new(&self.rules.policy, times, Some(now.boot), self.latency, random);
                let refused = self.held().map(|held| held.rejected.origins().to_vec()).unwrap_or_default();
                if life.is_too_short() {
                    self.counts.reactive = Some(self.login);
                }
                let another = self.adopt(Some(token), life, renewable, Source::Server);
                if !another {
                    for origin in refused {
                        self.storms.repeated(origin, self.generation, now.boot, &self.rules.policy);
                    }
                }
                self.unsent = None;
                Finish::Adopted
            }
            Outcome::Found { entry, token } => self.found(entry, token, now, random),
            Outcome::Ended { entry, error } => {
                self.see(entry);
                self.end(error.clone(), now);
                Finish::Failed(error)
            }
            Outcome::Over { error } => {
                match error.kind() {
                    ErrorKind::LoggedOut | ErrorKind::NotLoggedIn => {
                        let last = self.backoff.reset();
                        self.discard(last);
                        self.set_phase(Phase::Over(error.clone()));
                    }
                    _ => self.end(error.clone(), now),
                }
                Finish::Failed(error)
            }
            Outcome::KeptBack { error } => {
                if let Phase::Active(held) = &mut self.phase {
                    // Since when is not known, so no grace window is counted on.
                    held.in_doubt.get_or_insert(InDoubt { since: Duration::ZERO, again: u32::MAX });
                }
                self.fail(FailureClass::Ambiguous, &error, now, random);
                Finish::Failed(error)
            }
            Outcome::Failed { class, error, in_doubt, rotated } => {
                if let Some(since) = in_doubt {
                    self.put_in_doubt(since);
                }
                self.fail(class, &error, now, random);
                if let Some(saved) = rotated {
                    self.note_entry(saved, plan, now, random);
                    if let Phase::Active(held) = &mut self.phase {
                        (held.in_doubt, held.renewable) = (None, true);
                    }
                }
                Finish::Failed(error)
            }
        }
    }

    /// A refresh has panicked: frees its place without asking a clock, which may be what panics.
    pub fn crash(&mut self, plan: &Plan, error: &Error) {
        if self.refresh.take_if(|running| running.id == plan.id).is_some() {
            if plan.looks {
                self.looked(error.clone(), true, plan.started);
                return;
            }
            self.put_in_doubt(plan.started.boot);
            self.fail(FailureClass::Ambiguous, error, plan.started, u64::MAX);
        }
    }

    /// Another state of the store: tokens, an end, a logout, nothing.
    fn found(&mut self, entry: Option<Arc<Entry>>, token: Option<(T, Times)>, now: Now, random: u64) -> Finish {
        let Some(entry) = entry else {
            let kind = if self.known.is_some() { ErrorKind::LoggedOut } else { ErrorKind::NotLoggedIn };
            return self.gone(kind);
        };
        self.see(Arc::clone(&entry));
        match &entry.state {
            EntryState::Active(tokens) => {
                let Some((token, times)) = token else {
                    let error = Error::with_source(ErrorKind::Store, "the stored record has no access token");
                    self.fail(FailureClass::Config, &error, now, random);
                    return Finish::Failed(error);
                };
                // Adopted now, but perhaps issued long ago: then a refusal is no surprise.
                let life = Life::new(&self.rules.policy, times, times.issued(), self.latency, random);
                self.adopt(Some(token), life, tokens.refresh.is_some(), Source::Store);
                Finish::Adopted
            }
            EntryState::Ended { reason, .. } => {
                let error = Error::new(ErrorKind::Ended(reason.clone()));
                match token {
                    Some((token, times)) => {
                        let life = Life::new(&self.rules.policy, times, times.issued(), self.latency, random);
                        self.adopt(Some(token), life, false, Source::Store);
                        self.end(error, now);
                        Finish::Adopted
                    }
                    None => {
                        self.end(error.clone(), now);
                        Finish::Failed(error)
                    }
                }
            }
            EntryState::LoggedOut => self.gone(ErrorKind::LoggedOut),
            EntryState::Empty => {
                self.gone(if self.login.get() > 0 { ErrorKind::LoggedOut } else { ErrorKind::NotLoggedIn })
            }
        }
    }

    fn gone(&mut self, kind: ErrorKind) -> Finish {
        let error = Error::new(kind);
        let last = self.backoff.reset();
        self.discard(last);
        self.set_phase(Phase::Over(error.clone()));
        Finish::Failed(error)
    }

    /// The server ended the session. What lives of the access token stays, unless it was refused.
    fn end(&mut self, error: Error, now: Now) {
        let last = self.backoff.reset();
        self.discard(last);
        let held = self.held().filter(|held| held.lives(now) && held.rejected.is_empty()).cloned();
        self.set_phase(Phase::Ended(held, error));
    }

    /// What is stored by now, or waits to be.
    fn note_entry(&mut self, saved: Saved, plan: &Plan, now: Now, random: u64) {
        match saved {
            Saved::Stored(entry) => self.see(entry),
            Saved::Unsaved { op, error } => {
                let mut unsaved = Unsaved::new(Pending::tried(op, plan.known.clone()));
                let last = unsaved.fail(error, now, random);
                self.discard(last);
                self.unsaved = Some(Box::new(unsaved));
            }
            Saved::Elsewhere { login } if login != self.followed => {
                self.followed = login;
                self.login = self.login.next();
                self.storms.clear();
            }
            Saved::Elsewhere { .. } => {}
        }
    }

    /// The store's entry was seen.
    fn see(&mut self, entry: Arc<Entry>) {
        self.see_login(entry.login);
        self.known = Some(entry);
    }

    /// This login is the stored one. Another process's login is another login here, and the token
    /// of the login before is not a token of that one.
    fn see_login(&mut self, stored: OpId) {
        // If nothing was ever seen, and there was a login here, that one was never stored.
        if self.known.as_ref().map_or_else(|| self.login.get() > 0, |known| known.login != stored) {
            self.login = self.login.next();
            self.longest = None;
            self.storms.clear();
            match &mut self.phase {
                Phase::Active(held) => (held.token, held.rejected) = (None, Rejected::default()),
                Phase::Unloaded { held, .. } => *held = None,
                Phase::Ended(..) | Phase::Over(_) => {}
            }
        }
    }

    fn put_in_doubt(&mut self, since: Duration) {
        if let Phase::Active(held) = &mut self.phase {
            match &mut held.in_doubt {
                Some(doubt) => doubt.again = doubt.again.saturating_add(1),
                none => *none = Some(InDoubt { since, again: 0 }),
            }
        }
    }

    fn fail(&mut self, class: FailureClass, error: &Error, now: Now, random: u64) {
        self.count_failure(class, error);
        self.looks = Looks::after_failure(now);
        let prompt = class == FailureClass::Ambiguous
            && matches!(&self.phase, Phase::Active(held) if self.within_grace(held, now));
        let last = match (error.retry_after(), self.rules.reuse) {
            // Whatever it was: the server named a time.
            (Some(after), _) => {
                let (least, most) = RETRY_AFTER;
                self.backoff.hold(now.boot.saturating_add(after.clamp(least, most)), error.clone())
            }
            // Promptly, but not all sessions in the same moment.
            (None, ReusePolicy::Grace { window }) if prompt => {
                let after = (window / 10).min(Duration::from_secs(30)).mul_f64(unit(random));
                self.backoff.again(now.boot.saturating_add(after), error.clone())
            }
            _ => {
                let policy = &self.rules.policy;
                // Nothing but time or a person helps against these.
                let base = match class {
                    FailureClass::Terminal | FailureClass::Interaction => policy.backoff_cap,
                    _ => policy.backoff_base,
                };
                self.backoff.fail((base, policy.backoff_cap), now.boot, random, error.clone())
            }
        };
        self.discard(last);
    }
}

//! The twin: answers what the machine is asked, by looking through the history each time.

use std::time::Duration;

use tokenflight_core::{
    Epoch, ErrorKind, FailureClass, Generation, MAX_LIFETIME, Now,
    grant::{Reason, ReusePolicy},
};
use tokenflight_machine::{Landing, Login, Policy, Publish, Refused};

use super::history::{Adopted, History, How, Standing, Token, What, fraction, share};

/// An answer, with flights counted from zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Use { joined: Option<usize>, started: Option<Start> },
    Join { flight: usize, overdue: bool },
    Start(Start),
    Wait(Duration),
    Refuse(ErrorKind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) flight: usize,
    pub(crate) reason: Reason,
    pub(crate) epoch: Epoch,
    pub(crate) generation: Generation,
    pub(crate) usable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticked {
    pub(crate) start: Option<Start>,
    pub(crate) overdue: bool,
    pub(crate) next: Option<Duration>,
}

pub(crate) struct Twin {
    pub(crate) policy: Policy,
    pub(crate) history: History,
}

impl Twin {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { policy, history: History::default() }
    }

    fn holding(&self) -> Option<Token> {
        match self.history.standing() {
            Standing::Holding(token) => Some(token),
            _ => None,
        }
    }

    /// A token that no clock and no server has declared dead.
    pub(crate) fn usable_token(&self, now: Now) -> Option<Token> {
        self.holding().filter(|token| !self.history.rejected() && !token.expired(now))
    }

    pub(crate) fn ask(&mut self, now: Now) -> Answer {
        match self.history.standing() {
            Standing::Gone(kind) => Answer::Refuse(kind),
            Standing::Unknown => self.need(Reason::Load, now),
            Standing::Holding(_) if self.usable_token(now).is_some() => {
                let joined = self.history.slot().map(|(flight, ..)| flight);
                let started = (self.wants_renewal(now) && self.may_start(now)).then(|| self.start(Reason::Due, now));
                Answer::Use { joined, started }
            }
            Standing::Holding(_) if self.history.rejected() => self.need(Reason::Rejected, now),
            Standing::Holding(_) => self.need(Reason::Due, now),
        }
    }

    pub(crate) fn refused(&mut self, refused: Refused, now: Now) -> Answer {
        if refused.epoch != self.history.epoch() {
            return Answer::Refuse(ErrorKind::SessionChanged);
        }
        let Some(token) = self.holding() else { return self.ask(now) };
        let current = refused.generation >= self.history.span().0;
        let old_age = self.policy.replays > 0 && (!current || token.expired(now));
        let spent = refused.replays >= self.policy.replays + u8::from(old_age);
        // Whoever may not replay at all still says that the token is dead.
        let first = refused.replays == 0 && current;
        if spent && !first {
            return Answer::Refuse(ErrorKind::StillRefused);
        }
        if !current {
            return self.ask(now);
        }
        if let Some(kind) = self.judge_refusal(refused, token, now) {
            return Answer::Refuse(kind);
        }
        if spent { Answer::Refuse(ErrorKind::StillRefused) } else { self.need(Reason::Rejected, now) }
    }

    /// Whether a refusal of the current token counts; if not, why not.
    fn judge_refusal(&mut self, refused: Refused, token: Token, now: Now) -> Option<ErrorKind> {
        if self.history.rejected() {
            return None;
        }
        let (since, adopted) = self.history.span();
        let origin = refused.origin;
        if refused.generation < adopted && !self.history.knows_futile(origin) {
            self.history.note(now, What::Futile { origin, since, adopted });
        }
        if self.history.futile_until(origin, &self.policy).is_some_and(|until| now.boot < until) {
            return Some(ErrorKind::Futile);
        }
        let renewing = self.history.slot().is_some_and(|(_, reason, _)| reason != Reason::Persist);
        let young = now.boot < token.adopted.saturating_add(self.policy.fresh_window);
        let late = token.lifetime.is_some_and(|lifetime| token.age(now) >= lifetime / 2);
        if !renewing && young && !late && !token.in_lead(now) {
            self.history.note(now, What::Fresh);
            return Some(ErrorKind::FreshRefused);
        }
        if self.history.blames(origin, now, self.policy.storm_window) >= self.policy.storm_limit {
            return Some(ErrorKind::Futile);
        }
        self.history.note(now, What::Rejected { blamed: (!renewing).then_some(origin) });
        None
    }

    pub(crate) fn force(&mut self, now: Now) -> Answer {
        match self.history.standing() {
            Standing::Gone(kind) => Answer::Refuse(kind),
            Standing::Unknown => self.need(Reason::Load, now),
            Standing::Holding(_) => self.need(Reason::Forced, now),
        }
    }

    pub(crate) fn flush(&mut self, now: Now) -> Option<Answer> {
        self.history.unsaved()?;
        Some(match self.history.slot() {
            Some((flight, _, since)) => Answer::Join { flight, overdue: self.overdue(since, now) },
            None => Answer::Start(self.start(Reason::Persist, now)),
        })
    }

    /// What is said to one who cannot go on without a flight.
    fn need(&mut self, reason: Reason, now: Now) -> Answer {
        if let Some((flight, _, since)) = self.history.slot() {
            return Answer::Join { flight, overdue: self.overdue(since, now) };
        }
        if self.history.closing() {
            return Answer::Refuse(ErrorKind::Closed);
        }
        if self.holding().is_some_and(|token| !self.renewable(&token)) {
            return Answer::Refuse(ErrorKind::NoRefreshToken);
        }
        let rested =
            self.history.forced().is_none_or(|last| now.boot >= last.saturating_add(self.policy.force_interval));
        let skips = reason == Reason::Forced && rested;
        let hold = self.history.hold(&self.policy);
        if let Some(hold) = &hold
            && now.boot < hold.until
            && (hold.told || !skips)
        {
            if hold.prompt && self.usable_token(now).is_none() {
                return Answer::Wait(hold.until);
            }
            return Answer::Refuse(hold.kind.clone());
        }
        if self.usable_token(now).is_some() && self.kept_back(now) {
            let unknown = ErrorKind::Refresh(FailureClass::Ambiguous);
            return Answer::Refuse(hold.map_or(unknown, |hold| hold.kind));
        }
        let interval = self.after_answer();
        if now.boot < interval && !skips { Answer::Wait(interval) } else { Answer::Start(self.start(reason, now)) }
    }

    pub(crate) fn tick(&mut self, now: Now) -> Ticked {
        let mut ticked = self.tick_for_starts(now);
        let expiry = self
            .usable_token(now)
            .and_then(|token| token.lifetime.map(|lifetime| token.anchor.boot.saturating_add(lifetime)));
        ticked.next = ticked.next.into_iter().chain(expiry).min();
        ticked
    }

    fn tick_for_starts(&mut self, now: Now) -> Ticked {
        let quiet = |next| Ticked { start: None, overdue: false, next };
        let starting = |start| Ticked { start: Some(start), overdue: false, next: None };
        if let Some((_, _, since)) = self.history.slot() {
            let overdue = self.overdue(since, now);
            let deadline = since.boot.saturating_add(self.policy.flight_limit());
            let next = if overdue { now.boot.saturating_add(Duration::from_secs(1)) } else { deadline };
            return Ticked { start: None, overdue, next: Some(next) };
        }
        let unsaved = self.history.unsaved();
        if unsaved.is_some_and(|until| until <= now.boot) {
            return starting(self.start(Reason::Persist, now));
        }
        let open = !self.history.closing();
        let Some(token) = self.holding() else {
            let unknown = matches!(self.history.standing(), Standing::Unknown);
            return match (unknown && open, self.not_before()) {
                (false, _) => quiet(unsaved),
                (true, until) if until <= now.boot => starting(self.start(Reason::Load, now)),
                (true, until) => quiet(Some(until)),
            };
        };
        if self.wants_renewal(now) && self.may_start(now) {
            return starting(self.start(Reason::Due, now));
        }
        let renewal = match (open && self.renewable(&token), self.wants_renewal(now)) {
            (false, _) => None,
            (true, true) => Some(self.not_before()),
            (true, false) if self.kept_back(now) => None,
            (true, false) => token.due.map(|due| token.anchor.boot.saturating_add(due).max(self.not_before())),
        };
        quiet(unsaved.into_iter().chain(renewal).min())
    }

    fn start(&mut self, reason: Reason, now: Now) -> Start {
        let start = Start {
            flight: self.history.flights(),
            reason,
            epoch: self.history.epoch(),
            generation: self.history.generation(),
            usable: self.usable_token(now).is_some(),
        };
        self.history.note(now, What::TookOff { flight: start.flight, reason });
        start
    }

    fn overdue(&self, since: Now, now: Now) -> bool {
        now.boot >= since.boot.saturating_add(self.policy.flight_limit())
    }

    const fn renewable(&self, token: &Token) -> bool {
        token.refreshable || !self.policy.needs_refresh_token
    }

    fn after_answer(&self) -> Duration {
        self.history.answered().map_or(Duration::ZERO, |last| last.saturating_add(self.policy.min_interval))
    }

    /// Before when nothing starts by itself.
    fn not_before(&self) -> Duration {
        let hold = self.history.hold(&self.policy).map_or(Duration::ZERO, |hold| hold.until);
        hold.max(self.after_answer()).max(self.history.resumed().unwrap_or_default())
    }

    fn may_start(&self, now: Now) -> bool {
        self.history.slot().is_none()
            && !self.history.closing()
            && self.holding().is_some_and(|token| self.renewable(&token))
            && self.not_before() <= now.boot
    }

    /// Whether an unsure refresh token may be presented again at once: at most twice, inside the window.
    fn in_grace(&self, now: Now) -> bool {
        let ReusePolicy::Grace { window, .. } = self.policy.reuse_policy else { return false };
        let unsure = self.history.unsure(&self.policy);
        unsure.is_some_and(|(since, replays)| replays < 2 && now.boot < since.saturating_add(window))
    }

    /// Whether an unsure refresh token is not to be presented while the access token lasts.
    fn kept_back(&self, now: Now) -> bool {
        let lenient = self.policy.reuse_policy == ReusePolicy::NonRotating || self.in_grace(now);
        self.history.unsure(&self.policy).is_some() && !lenient
    }

    fn wants_renewal(&self, now: Now) -> bool {
        let Some(token) = self.holding() else { return false };
        let dead = self.history.rejected() || (token.due.is_some() && token.expired(now));
        let unsure = self.history.unsure(&self.policy).is_some();
        let early = match self.policy.reuse_policy {
            _ if !unsure => token.in_lead(now),
            ReusePolicy::NonRotating => token.in_lead(now),
            _ => self.in_grace(now),
        };
        dead || early
    }

    pub(crate) fn login(&mut self, login: Login, now: Now, random: u64) -> String {
        let birth = Birth { anchor: now, lifetime: login.lifetime, refresh_in: login.refresh_in, adopted: now.boot };
        let token = self.token(birth, Duration::ZERO, login.has_refresh_token, random);
        self.history.note(now, What::LoggedIn(token));
        format!("logged in {} {}", self.history.epoch(), self.history.generation())
    }

    pub(crate) fn logout(&mut self, now: Now) -> String {
        self.history.note(now, What::LoggedOut);
        format!("logged out {}", self.history.epoch())
    }

    pub(crate) fn reload(&mut self, now: Now) {
        if matches!(self.history.standing(), Standing::Gone(_)) && self.history.unsaved().is_none() {
            self.history.note(now, What::Reloaded);
        }
    }

    pub(crate) fn resume(&mut self, now: Now, random: u64) {
        let until = now.boot.saturating_add(share(Duration::from_secs(5), random));
        self.history.note(now, What::Resumed { until });
    }

    pub(crate) fn saved(&mut self, asked: Epoch, epoch: Epoch, generation: Generation, now: Now) -> Option<String> {
        if asked != self.history.epoch() {
            return None;
        }
        let waited = self.history.unsaved().is_some();
        self.history.note(now, What::Saved { epoch, generation });
        waited.then(|| format!("persisted {}", self.history.generation()))
    }

    /// What a landing publishes and tells.
    pub(crate) fn land(&mut self, flight: usize, landing: &Landing, now: Now, random: u64) -> (Publish, Vec<String>) {
        let Some((_, reason, _)) = self.history.slot().filter(|(current, ..)| *current == flight) else {
            return (Publish::Stale, Vec::new());
        };
        let gone = matches!(self.history.standing(), Standing::Gone(_));
        let epoch = self.history.epoch();
        let mut told = Vec::new();
        let (how, publish) = match landing {
            // What is over stays over, unless somebody has logged in meanwhile.
            Landing::Obtained(obtained) if gone && obtained.epoch <= epoch => (How::Void, Publish::Keep),
            Landing::Found(found) if gone && found.epoch <= epoch => (How::Void, Publish::Keep),
            Landing::Obtained(obtained) => {
                let latency = now.boot.saturating_sub(obtained.anchor.boot);
                let (anchor, lifetime, refresh_in) = (obtained.anchor, obtained.lifetime, obtained.refresh_in);
                let birth = Birth { anchor, lifetime, refresh_in, adopted: now.boot };
                let token = self.token(birth, latency, obtained.has_refresh_token, random);
                let lives = obtained.lifetime.is_some_and(|lifetime| lifetime > Duration::ZERO);
                let adopted = Adopted {
                    token,
                    epoch: obtained.epoch,
                    generation: obtained.generation,
                    latency: Some(latency),
                    unsaved: obtained.unsaved.as_ref().map(|_| random),
                    warned: lives && token.due.is_none() && !self.history.warned(),
                };
                (How::Adopted(adopted), Publish::New)
            }
            Landing::Found(found) => {
                let (anchor, lifetime) = (found.anchor, found.lifetime);
                let birth = Birth { anchor, lifetime, refresh_in: None, adopted: anchor.boot };
                let token = self.token(birth, self.history.latency(), found.has_refresh_token, random);
                let (epoch, generation) = (found.epoch, found.generation);
                let adopted = Adopted { token, epoch, generation, latency: None, unsaved: None, warned: false };
                (How::Adopted(adopted), Publish::New)
            }
            Landing::Failed { class, error, rotated } => {
                told.push(format!("refresh failed {}", class.as_str()));
                let (kind, hold) = (error.kind().clone(), error.retry_after());
                (How::Failed { class: *class, kind, hold, random, rotated: *rotated }, Publish::Keep)
            }
            Landing::Over { epoch, error } => (How::Over { epoch: *epoch, kind: error.kind().clone() }, Publish::Gone),
            Landing::Flushed => (How::Flushed, Publish::Keep),
            Landing::NotFlushed(_) => (How::NotFlushed { random, alone: reason == Reason::Persist }, Publish::Keep),
        };
        self.history.note(now, What::Landed { flight, how: how.clone() });
        self.tell(&how, gone, epoch, reason, &mut told);
        (publish, told)
    }

    fn tell(&self, how: &How, gone: bool, before: Epoch, reason: Reason, told: &mut Vec<String>) {
        let (epoch, generation) = (self.history.epoch(), self.history.generation());
        match how {
            How::Adopted(adopted) => {
                let elsewhere = adopted.latency.is_none() && epoch > before && reason != Reason::Load;
                told.push(match adopted.latency {
                    _ if elsewhere => format!("logged in {epoch} {generation}"),
                    Some(_) => format!("refreshed {generation} by the server"),
                    None => format!("refreshed {generation} by the store"),
                });
                told.extend(adopted.warned.then(|| "proactive off".to_owned()));
                told.extend(adopted.unsaved.map(|_| format!("unpersisted {generation}")));
            }
            How::Over { kind: ErrorKind::Ended(_), .. } if !gone => told.push("ended".to_owned()),
            How::Over { kind: ErrorKind::LoggedOut, .. } if !gone => told.push(format!("logged out {epoch}")),
            How::NotFlushed { .. } => told.push(format!("unpersisted {generation}")),
            _ => {}
        }
    }

    fn token(&self, birth: Birth, latency: Duration, refreshable: bool, random: u64) -> Token {
        let lifetime = birth.lifetime.or(self.policy.default_lifetime);
        let lifetime = lifetime.map(|lifetime| lifetime.min(MAX_LIFETIME).saturating_sub(self.policy.skew));
        let due =
            lifetime.filter(|lifetime| !lifetime.is_zero() && latency.saturating_mul(2) <= *lifetime).map(|lifetime| {
                let drawn = lifetime.mul_f64(0.70 + 0.15 * fraction(random));
                let lead = Duration::from_secs(30).min(lifetime / 4);
                drawn.min(lifetime - lead).min(birth.refresh_in.unwrap_or(lifetime))
            });
        Token { anchor: birth.anchor, lifetime, due, adopted: birth.adopted, refreshable }
    }
}

/// What is known of a token when it is adopted.
struct Birth {
    anchor: Now,
    lifetime: Option<Duration>,
    refresh_in: Option<Duration>,
    adopted: Duration,
}

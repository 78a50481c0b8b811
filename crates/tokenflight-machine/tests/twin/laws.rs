//! What must hold for the machine, whatever its twin says.

use std::time::Duration;

use tokenflight_core::{ErrorKind, Event, MAX_LIFETIME, Now, grant::Reason};
use tokenflight_machine::{
    Decision, FlightPlan, Landing, Login, Machine, OriginId, Policy, Publish, Refused, Tick, Verdict,
};

const SECOND: Duration = Duration::from_secs(1);

/// An outside observer: it sees what goes in and what comes out, and nothing of the inside.
pub(crate) struct Laws {
    policy: Policy,
    /// The current token, if there is one.
    token: Option<Seen>,
    /// After a logout or an end, until something lifts it.
    over: bool,
    ended: u32,
    answered: Option<Duration>,
    /// When a forced start last came before the least interval or the backoff had passed.
    skipped: Option<Duration>,
    /// The server named this time.
    told_to_wait: Option<Duration>,
    /// Reactive refreshes: who caused them, and when.
    reactive: Vec<(OriginId, Duration)>,
}

/// The current token, as an observer sees it.
struct Seen {
    anchor: Now,
    /// Before the skew is taken off.
    lifetime: Option<Duration>,
    refresh_in: Option<Duration>,
    rejected: bool,
}

impl Laws {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            token: None,
            over: false,
            ended: 0,
            answered: None,
            skipped: None,
            told_to_wait: None,
            reactive: Vec::new(),
        }
    }

    /// After every step.
    pub(crate) fn after(&self, before: &Machine, machine: &Machine, now: Now) {
        assert!(machine.epoch() >= before.epoch(), "the epoch went back (I-02)");
        assert!(machine.generation() >= before.generation(), "the generation went back (I-02)");
        assert!(!self.over || !machine.has_usable(now), "a token after the end (I-06)");
        assert!(self.ended <= 1, "an end was told more than once (R-223)");
        let Some(offer) = machine.offer(now) else { return };
        let seen = self.token.as_ref().expect("an offer without a token");
        self.assert_alive(now);
        let Some(lifetime) = self.lifetime(seen) else { return };
        let after = offer.ask_after.expect("a known lifetime has an end");
        assert!(after <= lifetime, "asked again only after the expiry");
        if after < lifetime {
            let lead = Duration::from_secs(30).min(lifetime / 4);
            let slack = Duration::from_micros(1);
            let least = lifetime.mul_f64(0.70).min(seen.refresh_in.unwrap_or(MAX_LIFETIME));
            let floor = if lifetime >= Duration::from_secs(60) { SECOND } else { Duration::ZERO };
            assert!(
                after <= lifetime.mul_f64(0.85) + slack && after <= lifetime - lead + slack,
                "late (R-320): {after:?}"
            );
            assert!(after + floor + slack >= least, "early (R-320): {after:?} of {lifetime:?}");
        }
    }

    fn lifetime(&self, seen: &Seen) -> Option<Duration> {
        let lifetime = seen.lifetime.or(self.policy.default_lifetime)?;
        Some(lifetime.min(MAX_LIFETIME).saturating_sub(self.policy.skew))
    }

    /// The boot clock alone must never show a token handed out to be dead.
    fn assert_alive(&self, now: Now) {
        let seen = self.token.as_ref().expect("a token in use that nobody adopted");
        assert!(!seen.rejected, "a rejected token in use");
        let age = now.boot.saturating_sub(seen.anchor.boot);
        assert!(self.lifetime(seen).is_none_or(|lifetime| age < lifetime), "an expired token in use: {age:?}");
        let wall = now.wall.saturating_sub(seen.anchor.wall);
        let moved = wall.abs_diff(age) > Duration::from_secs(30);
        assert!(moved || self.lifetime(seen).is_none_or(|lifetime| wall < lifetime), "expired by the wall clock");
    }

    pub(crate) fn used(&self, machine: &Machine, decision: &Decision, now: Now) {
        if matches!(decision, Decision::Use { .. }) {
            assert!(machine.has_usable(now));
            assert!(!self.over, "a token after the end (I-06)");
            self.assert_alive(now);
        }
    }

    pub(crate) fn refused(
        &mut self,
        before: &Machine,
        after: &Machine,
        refused: Refused,
        decision: &Decision,
        now: Now,
    ) {
        self.used(after, decision, now);
        let current = refused.epoch == before.epoch() && refused.generation >= before.since();
        let told = |kind: &ErrorKind| matches!(decision, Decision::Refuse(error) if error.kind() == kind);
        if !current {
            let same = format!("{:?}", before.clone().usable(now)) == format!("{decision:?}");
            let turned_down = told(&ErrorKind::StillRefused) || told(&ErrorKind::SessionChanged);
            assert!(same || turned_down, "a straggler gets what anybody gets (R-407): {decision:?}");
            return;
        }
        let untouched = told(&ErrorKind::FreshRefused) || told(&ErrorKind::Futile);
        let spent = told(&ErrorKind::StillRefused) && refused.replays > 0;
        let Some(seen) = self.token.as_mut().filter(|_| !untouched && !spent) else { return };
        let first = !std::mem::replace(&mut seen.rejected, true);
        // Whoever refuses a token first has caused its replacement; another attempt at it is what the backoff is for.
        if first && matches!(decision, Decision::Start(FlightPlan { reason: Reason::Rejected, .. })) {
            self.reactive.push((refused.origin, now.boot));
            let window = now.boot.saturating_sub(self.policy.storm_window);
            let caused = |(origin, at): &&(OriginId, Duration)| *origin == refused.origin && *at > window;
            let count = self.reactive.iter().filter(caused).count();
            assert!(count <= self.policy.storm_limit, "{count} refreshes for one origin (R-635)");
        }
    }

    pub(crate) fn accepted(&mut self, origin: OriginId) {
        self.reactive.retain(|(other, ..)| *other != origin);
    }

    pub(crate) fn started(&mut self, before: &Machine, plan: &FlightPlan, now: Now) {
        assert_eq!(before.flight(), None, "a second flight (C-55)");
        if plan.reason == Reason::Persist {
            return;
        }
        assert!(!before.is_closing(), "a flight after the close");
        assert!(!self.over, "a flight after the end (R-223)");
        assert!(self.told_to_wait.is_none_or(|until| now.boot >= until), "before the time the server named (T-55)");
        let early = self.answered.is_some_and(|last| now.boot < last.saturating_add(SECOND));
        if early {
            assert_eq!(plan.reason, Reason::Forced, "within the least interval (R-330)");
            let rested = self.skipped.is_none_or(|last| now.boot >= last.saturating_add(Duration::from_secs(10)));
            assert!(rested, "forced too often (R-330)");
            self.skipped = Some(now.boot);
        }
    }

    pub(crate) fn new_epoch(&mut self, login: Option<Login>, now: Now) {
        self.begin_anew();
        self.reactive.clear();
        self.answered = None;
        self.skipped = None;
        self.over = login.is_none();
        self.token = login.map(|login| Seen {
            anchor: now,
            lifetime: login.lifetime,
            refresh_in: login.refresh_in,
            rejected: false,
        });
    }

    /// Whatever was waited for or told is past.
    const fn begin_anew(&mut self) {
        self.told_to_wait = None;
        self.over = false;
        self.ended = 0;
    }

    pub(crate) fn landed(&mut self, before: &Machine, after: &Machine, landing: &Landing, verdict: &Verdict, now: Now) {
        if verdict.publish == Publish::Stale {
            return;
        }
        assert_eq!(after.flight(), None, "a landing frees the slot (R-404)");
        self.ended += verdict.events.iter().filter(|event| matches!(event, Event::Ended { .. })).count() as u32;
        match (verdict.publish, landing) {
            (Publish::New, Landing::Obtained(obtained)) => {
                assert!(!self.over || obtained.epoch > before.epoch(), "only another login lifts an end");
                self.begin_anew();
                self.answered = Some(now.boot);
                let (anchor, lifetime, refresh_in) = (obtained.anchor, obtained.lifetime, obtained.refresh_in);
                self.token = Some(Seen { anchor, lifetime, refresh_in, rejected: false });
            }
            (Publish::New, Landing::Found(found)) => {
                assert!(!self.over || found.epoch > before.epoch(), "only another login lifts an end");
                self.begin_anew();
                let (anchor, lifetime) = (found.anchor, found.lifetime);
                self.token = Some(Seen { anchor, lifetime, refresh_in: None, rejected: false });
            }
            (Publish::Gone, _) => (self.over, self.token) = (true, None),
            (_, Landing::Failed { error, .. }) => {
                let (least, most) = (SECOND, Duration::from_secs(3600));
                let until = |after: Duration| now.boot.saturating_add(after.clamp(least, most));
                self.told_to_wait = error.retry_after().map(until);
            }
            _ => {}
        }
        if verdict.publish == Publish::New {
            assert!(after.generation() > before.generation(), "a new token set is a new generation");
        }
    }

    /// The store is read again: what it says now counts.
    pub(crate) const fn reloaded(&mut self) {
        self.begin_anew();
    }

    pub(crate) fn ticked(&self, machine: &Machine, tick: &Tick, now: Now) {
        assert!(tick.next.is_none_or(|next| next > now.boot), "a tick that is due at once spins: {tick:?} {now:?}");
        if tick.start.is_none() && machine.flight().is_some() {
            assert!(tick.next.is_some(), "nobody looks after the flight");
        }
        let Some(seen) = self.token.as_ref().filter(|_| machine.has_usable(now)) else { return };
        if let Some(lifetime) = self.lifetime(seen) {
            let expiry = seen.anchor.boot.saturating_add(lifetime);
            assert!(tick.next.is_some_and(|next| next <= expiry), "nobody withdraws the token: {tick:?}");
        }
    }
}

//! One session, a store that other processes share, and an observer that judges every step.

use std::{sync::Arc, time::Duration};

use tokenflight_core::{
    Error, ErrorKind, Event, FailureClass, Generation, GrantError, LoginId, MAX_LIFETIME, Now,
    grant::Reason,
    store::{Entry, EntryState, Facts, Op, Seen, StoreErrorKind, apply},
};
use tokenflight_machine::{
    Beside, Decision, Finish, OriginId, Outcome, Plan, Policy, Refused, Saved, Start, Tick, Times, Work, WorkId,
};

use super::{Session, commit, committed, ended_entry, failure, machine, reset, secs, tokens, unsaved};

pub(crate) struct Laws {
    machine: Session,
    policy: Policy,
    store: Option<Entry>,
    /// The refresh in progress, and one that is not any more.
    plan: Option<Plan>,
    stale: Option<Plan>,
    /// The current token: from when its lifetime counts, and how long that is.
    life: Option<(Now, Option<Duration>)>,
    /// When the last answer came, and the waiting that the server asked for.
    answered: Option<Duration>,
    told_to_wait: Option<Duration>,
    forced: Option<Duration>,
    /// What the events have told so far.
    told_login: LoginId,
    told_ended: bool,
    unpersisted: bool,
}

type Numbers = (Duration, Option<Duration>, Option<Duration>);

impl Laws {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            machine: machine(policy.clone()),
            policy,
            store: None,
            plan: None,
            stale: None,
            life: None,
            answered: None,
            told_to_wait: None,
            forced: None,
            told_login: LoginId::default(),
            told_ended: false,
            unpersisted: false,
        }
    }

    /// Does one thing, and judges it.
    pub(crate) fn step(&mut self, what: u8, random: u64, now: Now, numbers: Numbers) {
        let before = self.machine.clone();
        let view = self.machine.view();
        let origin = (!random.is_multiple_of(12)).then(|| OriginId::new(random % 12));
        let question = what % 32 < 14;
        match what % 32 {
            0..=2 => {
                let decision = self.machine.usable(origin, now);
                self.answer(&before, origin, decision, now);
            }
            3 => {
                let decision = self.machine.lasting(numbers.1.unwrap_or(secs(600)), origin, now);
                self.answer(&before, origin, decision, now);
            }
            4..=6 => self.refuse(&before, origin, random, now),
            7 => {
                let decision = self.machine.force(now);
                self.start(&before, &decision, now);
            }
            8..=10 => self.tick(&before, now),
            11 => assert!(self.machine.flush().is_some() == before.has_unsaved()),
            12 => self.machine.note_use(),
            13 => match random % 8 {
                0 => self.machine.settle_in(now),
                1..=4 => self.machine.resume(now),
                _ => {}
            },
            14..=20 => self.finish(random, now, numbers),
            21..=24 => self.write(random, now),
            25 => self.other_process(random, now, numbers.1),
            26 => self.stale(now),
            27 => self.login(random, now, numbers),
            28 if random.is_multiple_of(3) => {
                self.machine.logout(now);
                self.anew();
            }
            29 => {
                self.machine.reload(now);
                self.told_to_wait = None;
            }
            30 if random.is_multiple_of(40) => self.machine.close(),
            _ => {}
        }
        let events = view.events(&self.machine.view());
        assert!(!question || events.is_empty(), "a question tells nothing: {events:?}");
        self.after(&before, now, matches!(what % 32, 27 | 29));
        self.hear(&before, &events);
    }

    fn anew(&mut self) {
        self.stale = self.plan.take().or_else(|| self.stale.take());
        (self.life, self.answered, self.told_to_wait, self.forced) = (None, None, None, None);
    }

    fn login(&mut self, random: u64, now: Now, (age, lifetime, wish): Numbers) {
        let times = Times::new(now.back(age), lifetime).refresh_in(wish);
        let tokens = tokens(times.anchor.wall, lifetime);
        self.anew();
        let token = (!random.is_multiple_of(8)).then_some(random as u32);
        self.life = token.map(|_| (times.anchor, lifetime));
        self.machine.login(token, times, tokens, now, random);
    }

    fn answer(&mut self, before: &Session, origin: Option<OriginId>, decision: Decision, now: Now) {
        if before.has_usable(origin, now) {
            let refused = matches!(decision, Decision::Refuse(_) | Decision::Wait { .. });
            assert!(!refused, "a usable token is not refused: {decision:?}");
        }
        self.start(before, &decision, now);
        if let Decision::Use { beside } = &decision {
            assert!(self.machine.has_usable(origin, now));
            let (anchor, lifetime) = self.life.expect("a token in use that nothing brought");
            let lifetime = lifetime.or(self.policy.default_lifetime).map(|lifetime| lifetime.min(MAX_LIFETIME));
            let age = now.boot.saturating_sub(anchor.boot);
            assert!(lifetime.is_none_or(|lifetime| age < lifetime), "an expired token in use");
            assert!(beside.is_none_or(|beside| match beside {
                Beside::Join(work) => self.machine.running(work).is_some(),
                Beside::Write(write) => self.machine.running(Work::Write) == Some(write),
            }));
        }
    }

    fn refuse(&mut self, before: &Session, origin: Option<OriginId>, random: u64, now: Now) {
        let old = random >> 8 & 3 == 0;
        let generation = if old { Generation::new(before.generation().get() / 2) } else { before.generation() };
        let refused = Refused::new(before.login_id(), generation, origin).after_replays((random >> 16 & 3) as u8 / 2);
        let decision = self.machine.refused(refused, now);
        self.start(before, &decision, now);
        let untouched = match &decision {
            Decision::Refuse(error) => matches!(error.kind(), ErrorKind::FreshRefused | ErrorKind::Futile),
            _ => generation < before.generation(),
        };
        if untouched {
            assert_eq!(before.has_usable(origin, now), self.machine.has_usable(origin, now), "{decision:?}");
        }
    }

    fn start(&mut self, before: &Session, decision: &Decision, now: Now) {
        match decision {
            Decision::Start(Start::Refresh(plan)) => self.refresh(before, plan.clone(), now),
            Decision::Start(Start::Write(write)) => self.begin_write(before, *write),
            Decision::Join { work, .. } => assert!(self.machine.running(*work).is_some(), "nothing is to be joined"),
            Decision::Wait { until } => assert!(*until > now.boot, "there is nothing to wait for"),
            Decision::Use { beside: Some(Beside::Write(write)) } => self.begin_write(before, *write),
            Decision::Use { .. } | Decision::Refuse(_) => {}
        }
    }

    fn begin_write(&self, before: &Session, write: WorkId) {
        assert!(before.has_unsaved() && before.running(Work::Write).is_none(), "a second write");
        assert!(self.machine.pending(write).is_some());
    }

    fn refresh(&mut self, before: &Session, plan: Plan, now: Now) {
        assert!(before.running(Work::Refresh).is_none(), "a second refresh");
        assert!(!before.has_unsaved(), "a refresh while something is not stored");
        assert!(!before.is_closing() && before.over().is_none(), "a refresh after the end");
        assert_eq!((plan.login, plan.generation, plan.started), (before.login_id(), before.generation(), now));
        if plan.looks {
            // It asks the authorization server for nothing, so it keeps none of its times.
            self.stale = self.plan.replace(plan).or_else(|| self.stale.take());
            return;
        }
        assert!(self.told_to_wait.take().is_none_or(|until| now.boot >= until), "before the time the server named");
        let rest = self.life.and_then(|(_, lifetime)| lifetime.or(self.policy.default_lifetime));
        let rest = rest.map(|lifetime| lifetime.min(MAX_LIFETIME).saturating_sub(self.policy.skew) / 4);
        let rest = rest.filter(|rest| !rest.is_zero()).unwrap_or(Duration::MAX).min(self.policy.min_interval);
        if self.answered.is_some_and(|last| now.boot < last.saturating_add(rest)) {
            assert_eq!(plan.reason, Reason::Forced, "within the least interval");
            let again = self.policy.force_interval;
            assert!(self.forced.is_none_or(|last| now.boot >= last.saturating_add(again)), "forced too often");
        }
        if plan.reason == Reason::Forced {
            self.forced = Some(now.boot);
        }
        self.stale = self.plan.replace(plan).or_else(|| self.stale.take());
    }

    fn tick(&mut self, before: &Session, now: Now) {
        let tick: Tick = self.machine.tick(now);
        assert!(tick.next.is_none_or(|next| next > now.boot || next == Duration::MAX), "a driver that spins: {tick:?}");
        if let Some(write) = tick.write {
            self.begin_write(before, write);
        }
        let started = tick.refresh.is_some();
        if let Some(plan) = tick.refresh.clone() {
            self.refresh(before, plan, now);
        } else if self.machine.running(Work::Refresh).is_some() || (before.has_unsaved() && tick.write.is_none()) {
            let watched = self.machine.running(Work::Write).is_some();
            assert!(watched || tick.next.is_some(), "nothing looks after what is in progress");
        }
        if self.machine.has_usable(None, now) && !started {
            let offer = self.machine.offer(true, now);
            if let Some((anchor, after)) = offer.and_then(|offer| Some((offer.anchor, offer.ask_after?))) {
                let expiry = anchor.boot.saturating_add(after);
                assert!(tick.next.is_some_and(|next| next <= expiry), "nothing withdraws the token: {tick:?}");
            }
        }
    }

    /// Another process acts on the store.
    fn other_process(&mut self, random: u64, now: Now, lifetime: Option<Duration>) {
        let known = self.store.take();
        let active = known.as_ref().is_some_and(|entry| matches!(entry.state, EntryState::Active(_)));
        self.store = Some(match random % 4 {
            0 => reset(known.as_ref(), None, now),
            1 if active => ended_entry(known.as_ref().expect("an entry"), now),
            2 if active => committed(known.as_ref(), lifetime, now),
            _ => reset(known.as_ref(), Some(tokens(now.wall, lifetime)), now),
        });
    }

    /// A write reaches the store, or not, and its answer comes back, or not.
    fn write(&mut self, random: u64, now: Now) {
        let Some(write) = self.machine.running(Work::Write) else { return };
        self.machine.settle(write, random.is_multiple_of(2).then(|| self.seen()).as_ref());
        let op = self.machine.pending(write).expect("what is in progress is to be stored").op(now);
        let (next, reply) = apply(self.store.as_ref(), &op, &Facts::in_process());
        let mut failure = unsaved([StoreErrorKind::NotDone, StoreErrorKind::Unknown][(random >> 4 & 1) as usize]);
        let fails = random >> 8 & 3;
        if fails != 1 {
            failure.tried = Some(Box::new(self.store.clone().unwrap_or_default()));
            self.store = next.or_else(|| self.store.take());
        }
        let answer = if fails == 0 || fails == 1 { Err(failure) } else { Ok(reply) };
        self.machine.written(write, answer, now, random);
    }

    fn seen(&self) -> Seen {
        Seen::new(self.store.clone(), Facts::in_process())
    }

    /// A refresh that is not the one in progress.
    fn stale(&mut self, now: Now) {
        let Some(plan) = self.stale.take() else { return };
        drop(self.machine.take_discarded());
        let before = format!("{:?}", self.machine);
        let finish = self.machine.finish(&plan, failure(GrantError::new(FailureClass::NotSent)), now, 0);
        // But for what is to be dropped elsewhere.
        drop(self.machine.take_discarded());
        assert!(matches!(finish, Finish::Stale { .. }) && before == format!("{:?}", self.machine));
    }

    fn finish(&mut self, random: u64, now: Now, (age, lifetime, other): Numbers) {
        let Some(plan) = self.plan.take() else { return };
        let times = Times::new(now.back(age), lifetime).refresh_in(other);
        let active = self.store.as_ref().is_none_or(|entry| matches!(entry.state, EntryState::Active(_)));
        let error = || Error::failed(GrantError::new(FailureClass::Ambiguous));
        let outcome = match if plan.looks { [7, 8, 9, 15][(random % 4) as usize] } else { random % 16 } {
            0..=5 if active => {
                let saved = self.rotate(random, lifetime, now);
                let token = if random >> 8 & 3 == 0 { self.machine.token().copied() } else { None };
                self.answered = Some(now.boot);
                let token = token.unwrap_or((random >> 16) as u32);
                Outcome::Obtained { token, times, renewable: random >> 9 & 3 > 0, saved }
            }
            6 if active && self.store.is_some() => {
                let entry = ended_entry(self.store.as_ref().expect("an entry"), now);
                self.store = Some(entry.clone());
                Outcome::Ended { entry: Arc::new(entry), error: Error::from(GrantError::terminal("invalid_grant")) }
            }
            7 => Outcome::KeptBack { error: error() },
            8 => return self.machine.crash(&plan, &error()),
            9 | 10 => self.found(now),
            class => {
                use FailureClass::{Ambiguous, Config, Interaction, NotSent, Terminal, Throttled};
                let class = [NotSent, Ambiguous, Throttled, Config, Interaction, Terminal][class as usize % 6];
                let error = GrantError::new(class);
                let error = other.map_or_else(|| GrantError::new(class), |after| error.retry_after(after));
                let error = Error::failed(error);
                let rotated =
                    (active && !plan.looks && random >> 8 & 7 == 0).then(|| self.rotate(random, lifetime, now));
                let in_doubt = (class == Ambiguous && !plan.looks).then_some(plan.started.boot);
                let wait = error.retry_after().map(|after| after.clamp(secs(1), secs(3600)));
                if !plan.looks {
                    self.told_to_wait = wait.map(|wait| now.boot.saturating_add(wait));
                }
                Outcome::Failed { class, error, in_doubt, rotated }
            }
        };
        match &outcome {
            Outcome::Obtained { times, .. } | Outcome::Found { token: Some((_, times)), .. } => {
                self.life = Some((times.anchor, times.lifetime));
                if matches!(outcome, Outcome::Obtained { .. }) {
                    self.told_to_wait = None;
                }
            }
            _ => {}
        }
        let (waits, fails) = (self.machine.retries_at(now), !matches!(outcome, Outcome::Found { .. }));
        let finish = self.machine.finish(&plan, outcome, now, random);
        assert!(
            !(plan.looks && fails) || self.machine.retries_at(now) == waits,
            "a look that found nothing changes nothing"
        );
        assert!(!matches!(finish, Finish::Stale { .. }));
        assert!(self.machine.running(Work::Refresh).is_none(), "a refresh that is finished frees its place");
    }

    /// The server rotates; the successor is stored, or not.
    fn rotate(&mut self, random: u64, lifetime: Option<Duration>, now: Now) -> Saved {
        let op: Op = commit(self.store.as_ref(), lifetime, now);
        let (next, _) = apply(self.store.as_ref(), &op, &Facts::in_process());
        let reaches = random >> 4 & 3;
        if reaches > 0 {
            self.store = next.or_else(|| self.store.take());
        }
        match &self.store {
            Some(entry) if reaches > 1 => Saved::Stored(Arc::new(entry.clone())),
            _ => Saved::Unsaved { op, error: Error::new(ErrorKind::Store) },
        }
    }

    fn found(&self, now: Now) -> Outcome<u32> {
        let entry = self.store.clone().map(Arc::new);
        let token = entry.as_ref().and_then(|entry| {
            let times = self.machine.rules().times(entry.tokens()?, now)?;
            Some((entry.set.get() as u32, times))
        });
        Outcome::Found { entry, token }
    }

    fn after(&self, before: &Session, now: Now, lifts: bool) {
        let machine = &self.machine;
        assert!(machine.login_id() >= before.login_id(), "the login went back");
        assert!(machine.generation() >= before.generation(), "the generation went back");
        assert!(machine.resets() >= before.resets());
        assert!(before.over().is_none() || machine.over().is_some() || lifts, "an end was lifted");
        assert!(!before.is_closing() || machine.is_closing());
        assert!(machine.running(Work::Refresh) == self.plan.as_ref().map(|plan| plan.id));
        assert!(!(machine.running(Work::Refresh).is_some() && machine.has_unsaved()), "nothing is presented meanwhile");
        for driven in [true, false] {
            let Some(offer) = machine.offer(driven, now) else { continue };
            assert!((0..12).all(|origin| machine.has_usable(Some(OriginId::new(origin)), now)));
            assert_eq!((offer.login, offer.generation), (machine.login_id(), machine.generation()));
            assert!(driven || !machine.has_unsaved() && machine.running(Work::Refresh).is_none());
        }
        assert!(machine.retries_at(now).is_none_or(|at| at > now.boot));
    }

    /// The events of one step, after all before them.
    fn hear(&mut self, before: &Session, events: &[Event]) {
        for event in events {
            match event {
                Event::Unpersisted { .. } => assert!(!std::mem::replace(&mut self.unpersisted, true), "told twice"),
                Event::Persisted { .. } | Event::Overtaken { .. } => {
                    assert!(std::mem::take(&mut self.unpersisted), "an answer without a question: {events:?}");
                }
                Event::LoggedIn { login, generation } => {
                    assert_eq!((*login, *generation), (self.machine.login_id(), self.machine.generation()));
                    (self.told_login, self.told_ended) = (*login, false);
                }
                Event::LoggedOut { login } => (self.told_login, self.told_ended) = (*login, false),
                Event::Refreshed { generation, .. } => {
                    assert_eq!(*generation, self.machine.generation());
                    self.told_ended = false;
                }
                Event::Ended { .. } => {
                    let told = std::mem::replace(&mut self.told_ended, true);
                    assert!(!told || self.machine.login_id() != before.login_id(), "an end was told twice");
                    self.told_login = self.machine.login_id();
                }
                _ => {}
            }
        }
        let machine = &self.machine;
        assert!(!self.unpersisted || machine.has_unsaved(), "a question without an answer");
        if machine.over().is_none() && machine.token().is_some() {
            assert_eq!(self.told_login, machine.login_id(), "a login that was not told");
        }
        if machine.generation() > before.generation() && machine.over().is_none() {
            let told = |event: &Event| matches!(event, Event::Refreshed { .. } | Event::LoggedIn { .. });
            assert!(events.iter().any(told), "a token set that was not told");
        }
    }
}

//! The machine and its twin, side by side: every operation goes to both, and every answer is compared.

use std::{collections::BTreeMap, time::Duration};

use tokenflight_core::{Epoch, Error, ErrorKind, Event, Generation, GrantError, Now, event::Source};
use tokenflight_machine::{
    Beside, Decision, FlightId, FlightPlan, Landing, Login, Machine, Obtained, OriginId, Policy, Publish, Refused,
};

use super::{
    history::What,
    laws::Laws,
    model::{Answer, Start, Ticked, Twin},
    ops::{Landed, Op, Step, Which},
};
use crate::support;

pub(crate) struct Pair {
    pub(crate) machine: Machine,
    pub(crate) twin: Twin,
    pub(crate) now: Now,
    plans: Vec<FlightPlan>,
    /// What the last tick asked for.
    next: Option<Duration>,
    laws: Laws,
    /// How often what was seen, so that a run can show what it has covered.
    pub(crate) seen: BTreeMap<String, u64>,
}

impl Pair {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            machine: support::machine(policy.clone()),
            laws: Laws::new(policy.clone()),
            twin: Twin::new(policy),
            // Some time after the boot, so that tokens can be older than the session.
            now: support::at(100_000),
            plans: Vec::new(),
            next: None,
            seen: BTreeMap::new(),
        }
    }

    fn saw(&mut self, what: String) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// Does one thing to both.
    ///
    /// # Panics
    ///
    /// If they disagree, or a law is broken.
    pub(crate) fn step(&mut self, (op, random): &Step) {
        let before = self.machine.clone();
        match op {
            Op::Ask => {
                let decision = self.machine.usable(self.now);
                self.laws.used(&self.machine, &decision, self.now);
                let answer = self.twin.ask(self.now);
                self.agree(&before, &decision, answer);
            }
            Op::Refuse { epochs_ago, generation, origin, replays } => {
                self.refuse(*epochs_ago, *generation, OriginId::new(*origin), *replays);
            }
            Op::Force => {
                let decision = self.machine.force(self.now);
                let answer = self.twin.force(self.now);
                self.agree(&before, &decision, answer);
            }
            Op::Flush => {
                let (decision, answer) = (self.machine.flush(self.now), self.twin.flush(self.now));
                assert_eq!(decision.is_some(), answer.is_some(), "whether there is something to store");
                if let (Some(decision), Some(answer)) = (decision, answer) {
                    self.agree(&before, &decision, answer);
                }
            }
            Op::Tick => self.tick(&before),
            Op::Advance(by) => self.move_to(self.now.boot.saturating_add(*by)),
            Op::ToNext(beyond) => {
                if let Some(next) = self.next {
                    self.move_to(next.saturating_add(*beyond));
                }
            }
            Op::StepWall { forward, by } => {
                let wall = self.now.wall;
                self.now.wall = if *forward { wall.saturating_add(*by) } else { wall.saturating_sub(*by) };
            }
            Op::Land(landed) => {
                let plan = self.plans.iter().find(|plan| Some(plan.id) == self.machine.flight()).copied();
                if let Some(plan) = plan {
                    self.land(plan, landed, *random);
                }
            }
            Op::LandOld { flights_ago, landed } => {
                let old =
                    self.plans.len().checked_sub(flights_ago + 1).and_then(|index| self.plans.get(index)).copied();
                if let Some(plan) = old {
                    self.land(plan, landed, *random);
                }
            }
            other => self.live(other, *random),
        }
        self.compare();
        self.laws.after(&before, &self.machine, self.now);
    }

    /// What the user does, and what is reported.
    fn live(&mut self, op: &Op, random: u64) {
        match op {
            Op::Login { lifetime, refresh_in, refreshable } => {
                let mut login = Login::new(*lifetime);
                (login.refresh_in, login.has_refresh_token) = (*refresh_in, *refreshable);
                let told = vec![tell(&self.machine.login(login, self.now, random))];
                assert_eq!(told, [self.twin.login(login, self.now, random)]);
                self.laws.new_epoch(Some(login), self.now);
            }
            Op::Logout => {
                assert_eq!(tell(&self.machine.logout()), self.twin.logout(self.now));
                self.laws.new_epoch(None, self.now);
            }
            Op::Accept { origin } => {
                let origin = OriginId::new(*origin);
                self.machine.accepted(origin);
                self.twin.history.note(self.now, What::Accepted(origin));
                self.laws.accepted(origin);
            }
            Op::Close => {
                self.machine.close();
                self.twin.history.note(self.now, What::Closed);
            }
            Op::Resume => {
                self.machine.resume(self.now, random);
                self.twin.resume(self.now, random);
            }
            Op::Reload => {
                let was_over = self.machine.over().is_some();
                self.machine.reload();
                self.twin.reload(self.now);
                if was_over && self.machine.over().is_none() {
                    self.laws.reloaded();
                }
            }
            Op::Save { epochs_ago, epoch_up, generation_up } => {
                let asked = Epoch::new(self.machine.epoch().get().saturating_sub(*epochs_ago));
                let epoch = Epoch::new(asked.get() + epoch_up);
                let generation = Generation::new(self.machine.generation().get() + generation_up);
                let told = self.machine.saved(asked, epoch, generation).as_ref().map(tell);
                assert_eq!(told, self.twin.saved(asked, epoch, generation, self.now));
            }
            other => panic!("{other:?} is handled elsewhere"),
        }
    }

    fn refuse(&mut self, epochs_ago: u64, generation: Which, origin: OriginId, replays: u8) {
        let before = self.machine.clone();
        let current = self.machine.generation().get();
        let generation = Generation::new(match generation {
            Which::Current => current,
            Which::Older(by) => current.saturating_sub(by),
            Which::Newer(by) => current + by,
        });
        let epoch = Epoch::new(self.machine.epoch().get().saturating_sub(epochs_ago));
        let refused = Refused::new(epoch, generation, origin).after_replays(replays);
        let decision = self.machine.refused(refused, self.now);
        self.laws.refused(&before, &self.machine, refused, &decision, self.now);
        let answer = self.twin.refused(refused, self.now);
        self.agree(&before, &decision, answer);
    }

    fn tick(&mut self, before: &Machine) {
        let tick = self.machine.tick(self.now);
        self.laws.ticked(&self.machine, &tick, self.now);
        let start = tick.start.map(|plan| self.take_off(before, plan));
        let ticked = Ticked { start, overdue: tick.overdue, next: tick.next };
        assert_eq!(ticked, self.twin.tick(self.now), "what a tick asks for");
        self.next = tick.next;
    }

    fn land(&mut self, plan: FlightPlan, landed: &Landed, random: u64) {
        let before = self.machine.clone();
        let landing = landing(&plan, landed, self.now);
        let verdict = self.machine.land(&plan, &landing, self.now, random);
        if before.flight() != Some(plan.id) {
            assert_eq!(verdict.publish, Publish::Stale, "only the flight in the slot can land (R-405)");
            assert_eq!(format!("{before:?}"), format!("{:?}", self.machine), "a stale landing changes nothing");
        }
        self.laws.landed(&before, &self.machine, &landing, &verdict, self.now);
        self.saw(format!("landing: {:?}", verdict.publish));
        let told: Vec<String> = verdict.events.iter().map(tell).collect();
        let twins = self.twin.land(self.ordinal(plan.id), &landing, self.now, random);
        assert_eq!((verdict.publish, told), twins, "what a landing publishes and tells");
        if let Landed::Obtained { fresh, .. } | Landed::Found { fresh, .. } = landed
            && fresh.repeated
            && verdict.publish == Publish::New
        {
            let found = matches!(landed, Landed::Found { .. });
            let source = if found { Source::Store } else { Source::Server };
            self.saw(format!("repeated by the {source:?}"));
            self.machine.repeated(before.span(), source);
            self.twin.history.note(self.now, What::Repeated { found });
        }
    }

    fn move_to(&mut self, boot: Duration) {
        let by = boot.saturating_sub(self.now.boot);
        self.now = Now::new(self.now.boot.saturating_add(by), self.now.wall.saturating_add(by));
    }

    fn ordinal(&self, id: FlightId) -> usize {
        self.plans.iter().position(|plan| plan.id == id).expect("a flight nobody started")
    }

    /// A new flight has the slot.
    fn take_off(&mut self, before: &Machine, plan: FlightPlan) -> Start {
        assert!(self.plans.iter().all(|other| other.id != plan.id), "a flight's name is used once");
        assert_eq!(self.machine.flight(), Some(plan.id));
        assert_eq!(plan.started, self.now);
        self.laws.started(before, &plan, self.now);
        self.saw(format!("flight: {:?}", plan.reason));
        self.plans.push(plan);
        let FlightPlan { reason, epoch, generation, usable, .. } = plan;
        Start { flight: self.plans.len() - 1, reason, epoch, generation, usable }
    }

    fn agree(&mut self, before: &Machine, decision: &Decision, twins: Answer) {
        let answer = match decision {
            Decision::Use { beside: Beside::Nothing } => Answer::Use { joined: None, started: None },
            Decision::Use { beside: Beside::Join(id) } => {
                Answer::Use { joined: Some(self.ordinal(*id)), started: None }
            }
            Decision::Use { beside: Beside::Start(plan) } => {
                Answer::Use { joined: None, started: Some(self.take_off(before, *plan)) }
            }
            Decision::Join { id, overdue } => Answer::Join { flight: self.ordinal(*id), overdue: *overdue },
            Decision::Start(plan) => Answer::Start(self.take_off(before, *plan)),
            Decision::Wait { until } => Answer::Wait(*until),
            Decision::Refuse(error) => Answer::Refuse(error.kind().clone()),
        };
        self.saw(match &answer {
            Answer::Use { .. } => "use".to_owned(),
            Answer::Join { overdue, .. } => format!("join, overdue {overdue}"),
            Answer::Start(_) => "start".to_owned(),
            Answer::Wait(_) => "wait".to_owned(),
            Answer::Refuse(ErrorKind::Ended(_)) => "refused: Ended".to_owned(),
            Answer::Refuse(kind) => format!("refused: {kind:?}"),
        });
        assert_eq!(answer, twins, "the machine's answer and its twin's");
    }

    /// What can be seen from outside is the same for both.
    fn compare(&mut self) {
        let (machine, twin, now) = (&self.machine, &self.twin, self.now);
        assert_eq!(machine.epoch(), twin.history.epoch(), "epoch");
        assert_eq!(machine.generation(), twin.history.generation(), "generation");
        assert_eq!(machine.has_unsaved(), twin.history.unsaved().is_some(), "unsaved");
        assert_eq!(machine.fresh_refused(), twin.history.fresh_refused(), "fresh refusals");
        let slot = twin.history.slot().map(|(flight, ..)| self.plans[flight].id);
        assert_eq!(machine.flight(), slot, "the flight in progress");
        let usable = twin.usable_token(now);
        assert_eq!(machine.has_usable(now), usable.is_some(), "usable");
        let Some((offer, token)) = machine.offer(now).zip(usable) else {
            assert_eq!(machine.offer(now).is_some(), usable.is_some(), "an offer");
            return;
        };
        assert_eq!(offer.anchor, token.anchor, "from when the lifetime counts");
        if twin.history.unsure(&twin.policy).is_some() {
            *self.seen.entry("usable, but unsure".to_owned()).or_default() += 1;
            assert_eq!(offer.ask_after, token.lifetime, "an unsure refresh token has no lead");
            return;
        }
        // The exact time is drawn; the twin knows it to within the rounding and takes over what it sees.
        let drawn = offer.ask_after.filter(|after| Some(*after) != token.lifetime);
        assert_eq!(drawn.is_some(), token.due.is_some(), "whether there is a renewal time: {offer:?} {token:?}");
        if let (Some(drawn), Some(expected)) = (drawn, token.due) {
            let off = drawn.abs_diff(expected);
            let whole = token.lifetime >= Some(Duration::from_secs(60)) && drawn <= expected;
            let most = if whole { Duration::from_secs(1) } else { Duration::ZERO };
            assert!(off <= most + Duration::from_micros(1), "due after {drawn:?} instead of {expected:?}");
        }
        self.twin.history.observe_due(drawn);
    }
}

fn landing(plan: &FlightPlan, landed: &Landed, now: Now) -> Landing {
    let epoch = |up: u64| Epoch::new(plan.epoch.get() + up);
    let generation = |up: u64| Generation::new(plan.generation.get() + up);
    match landed {
        Landed::Obtained { fresh, epoch_up, refresh_in, unsaved } => {
            let anchor = now.back(fresh.age);
            let stored = generation(1 + fresh.generation_up);
            let mut obtained = Obtained::new(epoch(*epoch_up), stored, anchor, fresh.lifetime);
            (obtained.refresh_in, obtained.has_refresh_token) = (*refresh_in, fresh.refreshable);
            obtained.unsaved = unsaved.then(|| Error::new(ErrorKind::Store));
            Landing::Obtained(obtained)
        }
        Landed::Found { fresh, epoch_up } => {
            let stored = generation(fresh.generation_up);
            let mut found = support::found(epoch(*epoch_up), stored, now.back(fresh.age), fresh.lifetime);
            found.has_refresh_token = fresh.refreshable;
            Landing::Found(found)
        }
        Landed::Failed { class, retry_after, rotated } => {
            let mut error = GrantError::new(*class);
            if let Some(after) = retry_after {
                error = error.retry_after(*after);
            }
            Landing::Failed { class: *class, error: Error::from(error), rotated: rotated.map(generation) }
        }
        Landed::Ended { epoch_up } => support::ended(epoch(*epoch_up)),
        Landed::LoggedOut { epoch_up } => {
            Landing::Over { epoch: epoch(*epoch_up), error: Error::new(ErrorKind::LoggedOut) }
        }
        Landed::Flushed => Landing::Flushed,
        Landed::NotFlushed => Landing::NotFlushed(Error::new(ErrorKind::Store)),
    }
}

/// An event in the twin's words.
fn tell(event: &Event) -> String {
    match event {
        Event::Refreshed { generation, source: Source::Server, .. } => format!("refreshed {generation} by the server"),
        Event::Refreshed { generation, .. } => format!("refreshed {generation} by the store"),
        Event::RefreshFailed { class, .. } => format!("refresh failed {}", class.as_str()),
        Event::Ended { .. } => "ended".to_owned(),
        Event::LoggedIn { epoch, generation, .. } => format!("logged in {epoch} {generation}"),
        Event::LoggedOut { epoch, .. } => format!("logged out {epoch}"),
        Event::Unpersisted { generation, .. } => format!("unpersisted {generation}"),
        Event::Persisted { generation, .. } => format!("persisted {generation}"),
        Event::ProactiveOff => "proactive off".to_owned(),
        other => panic!("an event the twin does not know: {other:?}"),
    }
}

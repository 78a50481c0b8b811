//! One seed: the world it makes, the course it takes, and the judgement at the end.

use std::{
    collections::HashSet,
    fmt,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use tokenflight::{GrantKey, RecordState, Session, Status};
use tokenflight_test::{
    AuthServer, Fault, ManualTime,
    auth::{Death, FamilyReport, Reuse},
};

use super::{
    executor::{Executor, Kind},
    judge::{Judge, Watched},
    people::Process,
    profile::{Driving, Profile},
    store::Weathered,
};

/// A hundred times what a seed takes: tasks that wake each other for ever are found by it.
const STEPS: u64 = 200_000;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What one seed came to, or many.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) steps: u64,
    pub(crate) submissions: u64,
    pub(crate) replays: u64,
    pub(crate) tokens: u64,
    /// Sessions that were lost because an answer was.
    pub(crate) lost: u64,
    pub(crate) print: u64,
}

impl Summary {
    pub(crate) fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.submissions += other.submissions;
        self.replays += other.replays;
        self.tokens += other.tokens;
        self.lost += other.lost;
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { steps, submissions, replays, tokens, lost, .. } = self;
        write!(
            f,
            "{steps} steps, {tokens} tokens handed out, {submissions} submissions checked, {replays} policy replays, "
        )?;
        write!(f, "{lost} families lost with a lost answer")
    }
}

pub(crate) struct World {
    pub(crate) profile: Profile,
    random: fastrand::Rng,
    time: ManualTime,
    auth: AuthServer,
    judge: Arc<Judge>,
    store: Weathered,
    people: Vec<Process>,
    grants: Vec<Arc<Mutex<Option<Session>>>>,
    drivers: Vec<Option<usize>>,
    executor: Executor,
    aloud: bool,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let profile = Profile::draw(&mut random);
        let time = ManualTime::new(random.u64(..));
        let auth = AuthServer::builder(time.shared())
            .access_lifetime(profile.lifetime)
            .latency(Duration::ZERO..=profile.latency)
            .reuse(Reuse::KillFamilyAndAccess)
            .seed(random.u64(..))
            .build();
        let judge = Arc::new(Judge::default());
        let store = Weathered::new(&time, &judge, fastrand::Rng::with_seed(random.u64(..)));
        let mut world = Self {
            profile,
            random,
            time,
            auth,
            judge,
            store,
            people: Vec::new(),
            grants: Vec::new(),
            drivers: Vec::new(),
            executor: Executor::new(),
            aloud: false,
        };
        world.found();
        world
    }

    /// Builds the sessions.
    fn found(&mut self) {
        (0..self.profile.processes).for_each(|_| self.begin_process());
    }

    fn begin_process(&mut self) {
        let number = self.grants.len();
        let (inbox, time) = (self.executor.inbox(), self.time.clone());
        let grant = Watched::new(&self.judge, &self.auth, number, inbox, time);
        let slot = Arc::clone(&grant.session);
        let builder = Session::builder(grant).store(self.store.clone()).time(self.time.clone());
        let session = builder.build().expect("the settings make sense");
        *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.clone());
        self.grants.push(slot);
        self.drivers.push(None);
        self.people.push(match self.people.first() {
            None => Process::new(number, session, &self.auth, &self.time, &self.judge, &self.profile),
            Some(first) => first.neighbour(number, session),
        });
    }

    /// The only process dies where it stands, and its successor finds what is stored.
    fn die(&mut self) {
        self.say(|_| "the process dies".to_owned());
        self.executor.drop_all();
        self.grants.iter().for_each(|slot| drop(slot.lock().unwrap_or_else(PoisonError::into_inner).take()));
        self.judge.died();
        self.drivers.fill(None);
        self.begin_process();
        self.people.remove(0);
        self.drivers.truncate(1);
        self.people_come();
    }

    /// Runs to the end; what was wrong.
    pub(crate) fn run(mut self, aloud: bool) -> Result<Summary, Vec<String>> {
        self.aloud = aloud;
        self.say(|world| format!("{:?}", world.profile));
        self.time.run(self.people[0].log_in());
        self.script();
        self.people_come();
        self.course(self.profile.horizon + secs(2 * 3_600), true);
        self.calm();
        self.farewell();
        self.judge_all()
    }

    fn say(&self, what: impl FnOnce(&Self) -> String) {
        if self.aloud {
            println!("[{:?}] {}", self.time.now().boot, what(self));
        }
    }

    /// The weather and the faults of this seed.
    fn script(&self) {
        let mut weather = self.store.weather();
        weather.failures = self.profile.store_failures;
        weather.slowness = self.profile.store_slowness;
        weather.slowest = self.profile.slowest;
        let faults = self.auth.faults();
        if self.profile.faulty {
            faults.chance(0.05, Fault::CutBefore);
            faults.chance(0.05, Fault::throttle(Some(secs(3))));
            faults.chance(0.05, Fault::respond(503, ""));
            faults.chance(0.02, Fault::HangBefore);
        }
        if self.profile.lossy {
            faults.chance(0.1, Fault::CutAfter);
            faults.chance(0.05, Fault::HangAfter);
            faults.chance(0.05, Fault::DelayAfter(secs(50)));
        }
    }

    fn people_come(&mut self) {
        if self.profile.driving != Driving::Never {
            (0..self.profile.processes).for_each(|number| self.start_driver(number));
        }
        for _ in 0..self.profile.tasks {
            let process = self.people[self.random.usize(..self.people.len())].clone();
            let after = self.profile.horizon.mul_f64(self.random.f64());
            let random = fastrand::Rng::with_seed(self.random.u64(..));
            let kind = if self.random.u8(..) < 100 { Kind::Fragile } else { Kind::Firm };
            match self.random.u8(..) {
                0..25 => drop(self.executor.spawn("a forced refresh", kind, process.force(after))),
                25..40 if self.profile.logins => drop(self.executor.spawn("a login", kind, async move {
                    process.sleep(after).await;
                    process.log_in().await;
                })),
                40..50 if self.profile.logins => drop(self.executor.spawn("a logout", kind, async move {
                    process.sleep(after).await;
                    process.log_out().await;
                })),
                _ => {
                    let rounds = self.random.usize(1..5);
                    self.executor.spawn("a requester", kind, process.request(rounds, random));
                }
            }
        }
    }

    fn start_driver(&mut self, number: usize) {
        self.say(|_| format!("driver {number} starts"));
        let driver = self.people[number].session.driver();
        self.drivers[number] = Some(self.executor.spawn("a driver", Kind::Daemon, driver));
    }

    fn stop_driver(&mut self, number: usize) {
        if let Some(driver) = self.drivers[number].take() {
            self.say(|_| format!("driver {number} is dropped"));
            self.executor.drop_task(driver);
        }
    }

    /// Lets everybody run until all have finished.
    fn course(&mut self, limit: Duration, wild: bool) {
        let end = self.time.now().boot + limit;
        loop {
            while self.executor.step(&mut self.random) {
                if self.executor.steps > STEPS {
                    return self.judge.wrong(format!("never at rest: {:?}", self.executor.unfinished()));
                }
                if wild && self.profile.driving == Driving::Fickle && self.random.u16(..) < 200 {
                    match self.drivers[0] {
                        Some(_) if self.random.bool() => self.stop_driver(0),
                        _ => self.start_driver(0),
                    }
                }
            }
            if self.executor.all_done() {
                return;
            }
            if wild && self.random.u8(..) < 8 {
                self.fate();
                // Somebody may have something to do about it at once.
                continue;
            }
            // What a suspend has added must not count against those who slept through it.
            let late = self.time.now().boot > end + secs(80 * 3_600);
            if late || !self.time.advance_to_next() {
                return self.judge.wrong(format!("never finished: {:?}", self.executor.unfinished()));
            }
        }
    }

    /// Something from outside. Nobody is ready to run.
    fn fate(&mut self) {
        let idle = self.judge.requests_under_way() == 0 && self.store.weather().under_way == 0;
        match self.random.u8(..100) {
            0..30 if self.profile.clocks => self.clocks(idle),
            30..40 if self.profile.revoking => {
                self.say(|_| "the server ends every session".to_owned());
                self.people[0].revoked.fetch_add(1, Ordering::SeqCst);
                for family in self.auth.report().families {
                    self.auth.revoke_family(&family.label);
                }
            }
            50..55 if self.profile.lossy && self.profile.processes == 1 => self.die(),
            40..50 if self.profile.store_failures > 0 => {
                let down = !self.store.weather().down;
                self.say(|_| format!("the store is {}", if down { "down" } else { "up" }));
                self.store.weather().down = down;
            }
            _ => {}
        }
    }

    /// Between processes only wall time is shared, and a request that a suspend cuts off is lost: both wait for a moment in
    /// which nothing is under way, unless losing is part of the profile.
    fn clocks(&mut self, idle: bool) {
        let alone = self.profile.processes == 1;
        let hour = 3_600;
        match self.random.u8(..6) {
            0 if alone || idle => {
                self.time.step_wall_forward(secs([10, hour, 365 * 24 * hour][self.random.usize(..3)]))
            }
            1 if alone => self.time.step_wall_back(secs([10, hour][self.random.usize(..2)])),
            2 if idle || (alone && self.profile.lossy) => {
                self.time.suspend(secs([5, 90, 8 * hour][self.random.usize(..3)]));
            }
            _ => return,
        }
        self.say(|world| format!("clocks: {:?}", world.time.now()));
    }

    /// From here on nothing goes wrong any more.
    fn calm(&mut self) {
        self.say(|_| "calm".to_owned());
        self.auth.faults().clear();
        let mut weather = self.store.weather();
        (weather.down, weather.failures, weather.slowness) = (false, 0, 0);
    }

    /// Every session must come to itself again, and to an orderly end.
    fn farewell(&mut self) {
        for process in self.people.clone() {
            self.executor.spawn("a last request", Kind::Firm, async move {
                let patience = process.time.now().boot + secs(3 * 3_600);
                loop {
                    match process.session.token().await {
                        Ok(_) => break,
                        Err(error) if error.needs_login() => {
                            let explained = process.logged_out()
                                || process.has_company() && process.profile.logins
                                || error.is_ended() && process.may_have_ended();
                            if !explained {
                                process.judge.wrong(format!("the session was lost: {error:?}"));
                            }
                            break;
                        }
                        Err(error) if process.time.now().boot > patience => {
                            process.judge.wrong(format!("the session never recovered: {error:?}"));
                            break;
                        }
                        Err(_) => process.sleep(secs(5)).await,
                    }
                }
                if let Err(error) = process.session.shutdown(secs(2 * 3_600)).await {
                    process.judge.wrong(format!("no orderly end: {error:?}"));
                }
            });
        }
        self.course(secs(12 * 3_600), false);
    }

    fn judge_all(mut self) -> Result<Summary, Vec<String>> {
        let report = self.auth.report();
        let reused = |family: &&FamilyReport| family.killed.is_some_and(|killed| killed.why == Death::Reuse);
        let lost = report.families.iter().filter(reused).count() as u64;
        if report.total.overlapping > 0 {
            self.judge.wrong("two requests with one refresh token overlapped".to_owned());
        }
        // One that nobody remembered having presented may be tried more than once, if the refusal is lost as well.
        let reuses = report.families.iter().flat_map(|family| family.reuses.iter().map(|reuse| (&family.label, reuse)));
        let known = reuses.filter(|(_, reuse)| !reuse.answer_lost).map(|(label, reuse)| (label, reuse.step));
        if known.collect::<HashSet<_>>().len() as u64 > self.judge.unstored() {
            self.judge.wrong(format!("a refresh token was submitted twice without need\n{report}"));
        }
        if lost > 0 && !self.profile.lossy {
            self.judge.wrong(format!("a family was revoked by reuse\n{report}"));
        }
        self.judge_stored();
        let (submissions, replays) = self.judge.counts();
        let tokens = self.people[0].tokens.load(Ordering::SeqCst);
        self.grants.iter().for_each(|slot| drop(slot.lock().unwrap_or_else(PoisonError::into_inner).take()));
        self.people.clear();
        let wrong = self.judge.verdict();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let steps = self.executor.steps;
        Ok(Summary { steps, submissions, replays, tokens, lost, print: self.executor.print() })
    }

    /// What is stored is what the session shows (I-04, I-06).
    fn judge_stored(&self) {
        let record = self.store.model.record(&GrantKey::new("default"));
        let [process] = self.people.as_slice() else { return };
        let state = process.session.state();
        if state.unsaved {
            self.judge.wrong("something was not stored although there was all the time for it".to_owned());
        }
        let same = match (&state.status, record.as_ref().map(|record| &record.state)) {
            (Status::Usable | Status::Stale, Some(RecordState::Active(_))) => true,
            // A tombstone that could not be set is not tried again: the next process is told the same by the server.
            (Status::Over(error), Some(RecordState::Ended { .. } | RecordState::Active(_))) => error.is_ended(),
            (Status::Over(error), Some(RecordState::LoggedOut)) => !error.is_ended(),
            _ => false,
        };
        if !same || record.as_ref().is_some_and(|record| record.epoch != state.epoch) {
            self.judge.wrong(format!("the session shows {state:?} and the store holds {record:?}"));
        }
    }
}

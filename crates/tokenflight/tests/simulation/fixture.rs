//! One seed: the fixture it makes and the course it takes.

use tokenflight_test::{
    Fault,
    auth::{Reuse, Reused},
};

use super::{
    executor::Executor,
    grant::{Actor, Home, Listening, Watched},
    profile::Driving,
    runtimes::RuntimeTime,
    store::Weathered,
};
use crate::prelude::*;

/// A hundred times what a seed takes: tasks that wake each other for ever are found by it.
const STEPS: u64 = 200_000;

pub(crate) const fn secs(seconds: u64) -> Duration {
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
    /// What callers and listeners noticed.
    pub(crate) outcome: u64,
    /// How often each knob fired.
    pub(crate) fired: Vec<u64>,
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

pub(crate) struct Fixture {
    pub(crate) profile: Profile,
    pub(crate) knobs: Arc<Knobs>,
    random: fastrand::Rng,
    time: ManualTime,
    pub(crate) auth: AuthServer,
    /// Every spent refresh token that came back.
    pub(crate) reuses: Arc<Mutex<Vec<Reused>>>,
    pub(crate) judge: Arc<Judge>,
    pub(crate) store: Weathered,
    pub(crate) people: Vec<Process>,
    pub(crate) homes: Vec<Home>,
    drivers: Vec<Option<usize>>,
    runtimes: Runtimes,
    pub(crate) executor: Executor,
    /// How long the machine has slept: it must not count against those who slept through it.
    slept: Duration,
    aloud: bool,
}

impl Fixture {
    /// The fixture of a seed, without one of its troubles.
    pub(crate) fn new(seed: u64, without: Option<Knob>) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let knobs = Knobs::without(without);
        let profile = Profile::draw(&mut random, &knobs);
        let time = ManualTime::new(random.u64(..));
        let reuses = Arc::<Mutex<Vec<Reused>>>::default();
        let told = Arc::clone(&reuses);
        let auth = AuthServer::builder(time.shared())
            .on_reuse(move |reused| told.lock().unwrap_or_else(PoisonError::into_inner).push(reused.clone()))
            .access_lifetime(profile.lifetime)
            .latency(Duration::ZERO..=profile.latency)
            .reuse(Reuse::KillFamilyAndAccess)
            .seed(random.u64(..))
            .build();
        let (judge, runtimes) = (Arc::new(Judge::default()), Runtimes::default());
        let executor = Executor::new(&knobs, &runtimes, profile.runtimes);
        let store = fastrand::Rng::with_seed(random.u64(..));
        let store = Weathered::new(&time, &judge, &knobs, executor.inbox(), store);
        store.model.set_private(profile.private);
        judge.expect_weather(profile.has_weather());
        let mut fixture = Self {
            profile,
            knobs,
            random,
            time,
            auth,
            reuses,
            judge,
            store,
            people: Vec::new(),
            homes: Vec::new(),
            drivers: Vec::new(),
            runtimes,
            executor,
            slept: Duration::ZERO,
            aloud: false,
        };
        (0..fixture.profile.processes).for_each(|_| fixture.begin_process());
        fixture
    }

    fn begin_process(&mut self) {
        let (number, home) = (self.homes.len(), Home::default());
        let (inbox, time) = (self.executor.inbox(), self.time.clone());
        let [grants, listeners] = self.profile.acting;
        let mut actor = |share| {
            let random = fastrand::Rng::with_seed(self.random.u64(..));
            Actor::new(&home, &self.knobs, share, random)
        };
        let (grant, listener) = (actor(grants), actor(listeners));
        let grant = Watched::new(&self.judge, &self.auth, number, grant, inbox.clone(), time);
        let listening = Listening { process: number, judge: Arc::clone(&self.judge), actor: listener, inbox };
        let builder = Session::builder(grant).store(self.store.clone());
        let builder = builder.time(RuntimeTime(self.time.clone(), self.runtimes.clone()));
        let builder = builder.on_event(move |event| listening.hear(event));
        let session = builder.build().expect("the settings make sense");
        let process = match self.people.first() {
            None => Process::new(number, session, &self.auth, &self.time, &self.judge, &self.profile),
            Some(first) => first.neighbour(number, session),
        };
        home.set(Some(process.clone()));
        self.homes.push(home);
        self.drivers.push(None);
        self.people.push(process);
    }

    /// The only process dies where it stands, and its successor finds what is stored.
    fn die(&mut self) {
        self.say(|_| "the process dies".to_owned());
        self.executor.drop_all();
        self.homes.iter().for_each(|home| home.set(None));
        self.judge.died();
        self.drivers.fill(None);
        self.begin_process();
        self.people.remove(0);
        self.drivers.truncate(1);
        self.people_come();
    }

    /// One runtime ends before the other. Its drivers are started again on the one that is left.
    fn end_runtime(&mut self, which: usize) {
        self.say(|_| format!("runtime {which} ends"));
        self.executor.end_runtime(which);
        for number in 0..self.drivers.len() {
            if self.drivers[number].is_some_and(|driver| !self.executor.has(driver)) {
                self.start_driver(number);
            }
        }
    }

    /// Runs to the end; what was wrong.
    pub(crate) fn run(mut self, aloud: bool) -> Result<Summary, Vec<String>> {
        self.aloud = aloud;
        if aloud {
            self.judge.speak();
        }
        self.say(|fixture| format!("{:?}", fixture.profile));
        self.time.run(self.people[0].log_in());
        self.script();
        self.people_come();
        self.course(self.profile.horizon + secs(2 * 3_600), true);
        self.calm();
        self.end_all();
        self.judge_all()
    }

    pub(crate) fn say(&self, what: impl FnOnce(&Self) -> String) {
        if self.aloud {
            println!("[{:?}] {}", self.time.now().boot, what(self));
        }
    }

    /// The weather and the faults of this seed.
    fn script(&self) {
        let mut weather = self.store.weather();
        weather.troubles = self.profile.troubles;
        weather.hangs = self.profile.hangs;
        weather.slowness = self.profile.slowness;
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

    /// Lets all run until all have finished.
    pub(crate) fn course(&mut self, limit: Duration, wild: bool) {
        let end = (self.time.now().boot + limit).saturating_sub(self.slept);
        loop {
            while self.executor.step(&mut self.random) {
                if self.executor.steps > STEPS {
                    return self.judge.wrong(format!("never at rest: {:?}", self.executor.unfinished()));
                }
                if wild {
                    self.between_steps();
                }
            }
            if self.executor.all_done() {
                return;
            }
            if wild && self.random.u8(..) < 8 {
                self.fate();
                // There may be something to do about it at once.
                continue;
            }
            let late = self.time.now().boot > end + self.slept + secs(80 * 3_600);
            if late || !self.time.advance_to_next() {
                return self.judge.wrong(format!("never finished: {:?}", self.executor.unfinished()));
            }
        }
    }

    /// Something from outside, while tasks are ready to run.
    fn between_steps(&mut self) {
        let (chance, which) = (self.random.u16(..), self.random.u8(..));
        if chance < 200 && self.profile.driving == Driving::Fickle && self.knobs.fire(Knob::DriversInTurn) {
            match self.drivers[0] {
                Some(_) if which < 128 => self.stop_driver(0),
                _ => self.start_driver(0),
            }
        }
        if (300..1100).contains(&chance) && self.profile.clocks {
            self.set_wall(which);
        }
    }

    /// Something from outside. No task is ready to run.
    fn fate(&mut self) {
        let idle = self.judge.requests_under_way() == 0 && self.store.weather().under_way == 0;
        let alone = self.profile.processes == 1;
        match self.random.u8(..100) {
            0..15 if self.profile.clocks => {
                let which = self.random.u8(..);
                self.set_wall(which);
            }
            // A request that a suspend cuts off is lost.
            15..30 if self.profile.clocks && (idle || (alone && self.profile.lossy)) => {
                let length = [5, 90, 8 * 3_600][self.random.usize(..3)];
                if self.knobs.fire(Knob::Suspend) {
                    self.time.suspend(secs(length));
                    self.slept += secs(length);
                    self.say(|fixture| format!("suspend: {:?}", fixture.time.now()));
                }
            }
            30..40 if self.profile.revoking && self.knobs.fire(Knob::ServerEnds) => {
                self.say(|_| "the server ends every session".to_owned());
                self.people[0].revoked.fetch_add(1, Ordering::SeqCst);
                let logins = self.people[0].families.load(Ordering::SeqCst);
                for login in 1..=logins {
                    self.auth.revoke_family(&format!("login-{login}"));
                }
            }
            40..50 if self.profile.outages => {
                let down = !self.store.weather().down;
                self.say(|_| format!("the store is {}", if down { "down" } else { "up" }));
                self.store.weather().down = down;
            }
            55..70 if self.profile.runtimes && self.runtimes.are_whole() && self.knobs.fire(Knob::RuntimeEnds) => {
                let which = self.random.usize(..2);
                self.end_runtime(which);
            }
            50..55 if self.profile.lossy && alone && self.homes.len() < 5 && self.knobs.fire(Knob::ProcessDies) => {
                self.die()
            }
            _ => {}
        }
    }

    /// Between processes only wall time is shared: there it stands.
    fn set_wall(&mut self, which: u8) {
        let hour = 3_600;
        let step = secs([10, hour, 365 * 24 * hour][usize::from(which) / 3 % 3]);
        if self.profile.processes > 1 {
            return;
        }
        // What is set back is seldom noticed.
        match which % 3 {
            0 if self.knobs.fire(Knob::WallForward) => self.time.step_wall_forward(step),
            1 | 2 if self.knobs.fire(Knob::WallBack) => self.time.step_wall_back(step.min(secs(hour))),
            _ => return,
        }
        self.say(|fixture| format!("the wall clock is set: {:?}", fixture.time.now()));
    }
}

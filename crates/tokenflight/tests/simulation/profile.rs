//! What a seed may meet. Everything is drawn from the seed before anything happens.

use crate::prelude::*;

/// What the driver does with its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driving {
    Always,
    Never,
    /// Dropped, started again, or replaced at random.
    Fickle,
}

/// The circumstances of one simulation.
#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// Sessions on one store, each a process of its own.
    pub(crate) processes: usize,
    pub(crate) driving: Driving,
    pub(crate) lifetime: Duration,
    pub(crate) latency: Duration,
    pub(crate) tasks: usize,
    /// Tasks are on two runtimes, and one of them may end.
    pub(crate) runtimes: bool,
    /// How long tasks go on being started.
    pub(crate) horizon: Duration,
    /// Answers of the authorization server may be lost, and requests may be cut by a suspend.
    pub(crate) lossy: bool,
    /// Requests may fail without reaching the server, or be refused unprocessed.
    pub(crate) faulty: bool,
    /// The server may end a session by itself.
    pub(crate) revoking: bool,
    /// There is a login or a logout now and then.
    pub(crate) logins: bool,
    /// Clocks are set, and the machine sleeps.
    pub(crate) clocks: bool,
    /// How often grants and listeners use their session, of 256 calls.
    pub(crate) acting: [u8; 2],
    /// Share of store operations that meet a trouble, of 256.
    pub(crate) troubles: u8,
    /// Whether such an operation may never be answered.
    pub(crate) hangs: bool,
    /// Whether the store is down for a while, now and then.
    pub(crate) outages: bool,
    /// Share of store operations that are slow, of 256.
    pub(crate) slowness: u8,
    /// What such an operation takes at most.
    pub(crate) slowest: Duration,
    /// Whether the store says that no other process reaches it.
    pub(crate) private: bool,
}

impl Profile {
    pub(crate) fn draw(random: &mut fastrand::Rng, knobs: &Knobs) -> Self {
        let seconds = [1, 5, 20, 60, 300, 3_600];
        let lifetime = Duration::from_secs(seconds[random.usize(..seconds.len())]);
        let latencies = [0, 20, 500, 3_000, 20_000];
        let (few, many) = (random.usize(1..8), random.usize(20..60));
        let mut profile = Self {
            processes: if random.u8(..) < 64 { 2 } else { 1 },
            driving: [Driving::Always, Driving::Never, Driving::Fickle][random.usize(..3)],
            lifetime,
            latency: Duration::from_millis(latencies[random.usize(..latencies.len())]),
            tasks: if random.u8(..) < 80 { few } else { many },
            horizon: lifetime.mul_f64(1.0 + 4.0 * random.f64()),
            lossy: random.u8(..) < 64,
            faulty: random.bool(),
            revoking: random.u8(..) < 64,
            logins: random.bool(),
            clocks: random.u8(..) < 110,
            acting: [0, 0].map(|_: u8| [0, 0, 0, 24][random.usize(..4)]),
            troubles: [0, 0, 10, 60][random.usize(..4)],
            hangs: random.bool(),
            outages: random.u8(..) < 64,
            slowness: [0, 0, 2, 20][random.usize(..4)],
            slowest: Duration::from_secs(30),
            private: random.bool(),
            runtimes: random.u8(..) < 64,
        };
        if profile.processes > 1 {
            // Beyond what any claim can promise: a process that stands still with a request under
            // way, or cannot store for longer than its claim what it alone knows.
            profile.driving = Driving::Always;
            profile.troubles = profile.troubles.min(10);
            profile.hangs = false;
            profile.slowest = Duration::from_secs(4);
            profile.private = false;
        }
        profile.turn(knobs, many);
        profile
    }

    /// Counts what is drawn once for all, and takes out what is left out.
    fn turn(&mut self, knobs: &Knobs, many: usize) {
        if self.driving == Driving::Never && !knobs.fire(Knob::NoDriver) {
            self.driving = Driving::Always;
        }
        if self.tasks < 8 && !knobs.fire(Knob::FewCallers) {
            self.tasks = many;
        }
        self.lossy = self.lossy && knobs.fire(Knob::AnswersLost);
        self.faulty = self.faulty && knobs.fire(Knob::ServerFaults);
        // User code that logs out is a logout like any other.
        self.logins |= self.acting != [0, 0];
    }

    /// Whether operations of the store may fail or be late.
    pub(crate) const fn has_weather(&self) -> bool {
        self.troubles > 0 || self.slowness > 0 || self.outages
    }
}

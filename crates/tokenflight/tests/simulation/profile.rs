//! What a seed may meet. Everything is drawn from the seed before anything happens.

use std::time::Duration;

/// What the driver does with its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driving {
    Always,
    Never,
    /// Dropped and started again at random.
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
    /// How long tasks go on being started.
    pub(crate) horizon: Duration,
    /// Answers of the authorization server may be lost, and requests may be cut by a suspend.
    pub(crate) lossy: bool,
    /// Requests may fail without reaching the server, or be refused unprocessed.
    pub(crate) faulty: bool,
    /// The server may end a session by itself.
    pub(crate) revoking: bool,
    /// Somebody logs in and out now and then.
    pub(crate) logins: bool,
    /// Clocks are set, and the machine sleeps.
    pub(crate) clocks: bool,
    /// Share of store operations that fail, of 256.
    pub(crate) store_failures: u8,
    /// Share of store operations that take longer than the engine waits for them, of 256.
    pub(crate) store_slowness: u8,
    /// What such an operation takes at most.
    pub(crate) slowest: Duration,
}

impl Profile {
    pub(crate) fn draw(random: &mut fastrand::Rng) -> Self {
        let seconds = [1, 5, 20, 60, 300, 3_600];
        let lifetime = Duration::from_secs(seconds[random.usize(..seconds.len())]);
        let latencies = [0, 20, 500, 3_000, 20_000];
        let mut profile = Self {
            processes: if random.u8(..) < 64 { 2 } else { 1 },
            driving: [Driving::Always, Driving::Never, Driving::Fickle][random.usize(..3)],
            lifetime,
            latency: Duration::from_millis(latencies[random.usize(..latencies.len())]),
            tasks: random.usize(20..60),
            horizon: lifetime.mul_f64(1.0 + 4.0 * random.f64()),
            lossy: random.u8(..) < 64,
            faulty: random.bool(),
            revoking: random.u8(..) < 25,
            logins: random.bool(),
            clocks: random.u8(..) < 100,
            store_failures: [0, 0, 8, 60][random.usize(..4)],
            store_slowness: [0, 0, 2, 20][random.usize(..4)],
            slowest: Duration::from_secs(30),
        };
        if profile.processes > 1 {
            // Beyond what any lock can promise: a process that stands still with a request under way, or cannot
            // store for longer than its lease what only it knows.
            profile.driving = Driving::Always;
            profile.store_failures = 0;
            profile.slowest = Duration::from_secs(4);
        }
        profile
    }
}

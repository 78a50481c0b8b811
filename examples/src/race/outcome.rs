//! How each client has fared: what its callers saw, beside what the server counted.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;
use tokenflight_test::auth::Report;

use super::{
    Clock, Options,
    clients::Kind,
    reuses::Reuses,
    trace::{Ending, Trace},
};

/// One client at the end of the race.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// Which client.
    pub(crate) kind: Kind,
    pub(crate) numbers: Numbers,
    /// When the server killed the session.
    pub(crate) died: Option<Duration>,
    /// When a spent refresh token came back.
    pub(crate) reuses: Vec<Duration>,
    /// What happened when.
    pub(crate) trace: Trace,
}

/// The numbers of one client. The last six before the latencies are the server's.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Numbers {
    /// Requests its callers made, however they ended.
    pub(crate) requests: u64,
    /// Requests that were answered with success.
    pub(crate) served: u64,
    /// 401s its callers saw.
    pub(crate) unauthorized: u64,
    /// Requests whose caller gave up.
    pub(crate) cancelled: u64,
    /// Requests that ended in an error.
    pub(crate) failed: u64,
    /// Token requests that arrived.
    pub(crate) token_requests: u64,
    /// Refresh tokens that were exchanged for new ones.
    pub(crate) rotations: u64,
    /// Refresh tokens that came back after they were spent.
    pub(crate) presented_twice: u64,
    /// Token requests that arrived while another one with the same refresh token was under way.
    pub(crate) overlapping: u64,
    /// Rotations whose answer was not received.
    pub(crate) answers_lost: u64,
    /// When the session died, in seconds from the start.
    pub(crate) died_after_s: Option<f64>,
    /// Median latency of the requests that were answered with success, in milliseconds.
    pub(crate) p50_ms: Option<f64>,
    /// The latency that one in a hundred of them exceeded, in milliseconds.
    pub(crate) p99_ms: Option<f64>,
}

impl Standing {
    /// Reads the trace and the server's books.
    pub(crate) fn new(kind: Kind, clock: Clock, trace: Trace, report: &Report, reuses: &Reuses) -> Self {
        let mut numbers = count(&trace);
        let counts = report.counts(kind.name());
        numbers.token_requests = counts.token_requests;
        numbers.rotations = counts.rotations;
        numbers.presented_twice = counts.presented_twice;
        numbers.overlapping = counts.overlapping;
        numbers.answers_lost = counts.answers_lost;
        let died = reuses.death(kind.name()).map(|at| clock.at(at));
        numbers.died_after_s = died.map(|died| millis(died) / 1_000.0);
        let reuses = reuses.of(kind.name()).iter().map(|reused| clock.at(reused.at)).collect();
        Self { kind, numbers, died, reuses, trace }
    }

    /// Whether the session lives and no refresh token was presented twice, not even at once.
    pub(crate) const fn unharmed(&self) -> bool {
        self.died.is_none() && self.numbers.presented_twice == 0 && self.numbers.overlapping == 0
    }
}

fn count(trace: &Trace) -> Numbers {
    let mut numbers = Numbers { requests: trace.requests.len() as u64, ..Numbers::default() };
    let mut latencies = Latencies::default();
    for (_, ending) in &trace.requests {
        match ending {
            Ending::Served(latency) => {
                numbers.served += 1;
                latencies.add(*latency);
            }
            Ending::Refused => numbers.unauthorized += 1,
            Ending::Cancelled => numbers.cancelled += 1,
            Ending::Failed => numbers.failed += 1,
        }
    }
    numbers.p50_ms = latencies.quantile(0.50);
    numbers.p99_ms = latencies.quantile(0.99);
    numbers
}

/// Latencies from a microsecond to a minute, to three digits.
#[derive(Default)]
struct Latencies(Option<Histogram<u64>>);

impl Latencies {
    fn add(&mut self, latency: Duration) {
        if self.0.is_none() {
            self.0 = Histogram::new_with_bounds(1, 60_000_000, 3).ok();
        }
        if let Some(histogram) = &mut self.0 {
            histogram.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
        }
    }

    fn quantile(&self, quantile: f64) -> Option<f64> {
        self.0.as_ref().map(|histogram| millis(Duration::from_micros(histogram.value_at_quantile(quantile))))
    }
}

/// Milliseconds, to the tenth of a microsecond at most: more is noise in a file.
fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e7).round() / 1e4
}

/// Everything `--json` writes.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome<'a> {
    /// Workers of each client.
    pub(crate) workers: u16,
    /// Seconds the race took.
    pub(crate) seconds: f64,
    /// Seconds an access token lived.
    pub(crate) lifetime: f64,
    /// Share of ordinary requests that were given up.
    pub(crate) cancel: f64,
    pub(crate) seed: u64,
    /// Whether tokenflight kept its session and presented no refresh token twice.
    pub(crate) tokenflight_unharmed: bool,
    pub(crate) clients: Vec<Row<'a>>,
}

/// One client in JSON.
#[derive(Debug, Serialize)]
pub(crate) struct Row<'a> {
    pub(crate) name: &'static str,
    /// Whether its session lives.
    pub(crate) alive: bool,
    #[serde(flatten)]
    pub(crate) numbers: &'a Numbers,
}

impl<'a> Outcome<'a> {
    /// Gathers it.
    pub(crate) fn new(options: &Options, standings: &'a [Standing]) -> Self {
        let line = |standing: &'a Standing| Row {
            name: standing.kind.name(),
            alive: standing.died.is_none(),
            numbers: &standing.numbers,
        };
        Self {
            workers: options.workers,
            seconds: options.seconds.get(),
            lifetime: options.lifetime.get(),
            cancel: options.cancel,
            seed: options.seed,
            tokenflight_unharmed: standings.iter().filter(|it| it.kind == Kind::Tokenflight).all(Standing::unharmed),
            clients: standings.iter().map(line).collect(),
        }
    }
}

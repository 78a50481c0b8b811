//! Ten thousand sessions that come due within one minute, renewed by one driver: its own work,
//! without network and store.
//!
//! `cargo xtask bench -- driver`. The minute passes on manual time.

// A bench that cannot go on has failed, and time is what is measured.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, missing_docs)]

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Waker},
    time::{Duration, Instant},
};

use criterion::{Criterion, SamplingMode, Throughput, criterion_group, criterion_main};
use futures_util::FutureExt;
use tokenflight::{Driver, GrantError, Session, TokenRequest, TokenSet, grant_fn};
use tokenflight_test::ManualTime;

const SESSIONS: usize = 10_000;
/// Renewal is due at 70 to 85 % of it: between second 280 and second 340.
const LIFE: Duration = Duration::from_secs(400);
/// Not due again.
const NEXT: Duration = Duration::from_secs(36_000);

struct Fleet {
    time: ManualTime,
    _sessions: Vec<Session>,
    driver: Pin<Box<Driver>>,
    renewals: Arc<AtomicUsize>,
}

impl Fleet {
    fn new() -> Self {
        let (time, renewals) = (ManualTime::new(1), Arc::new(AtomicUsize::new(0)));
        let sessions: Vec<Session> = (0..SESSIONS).map(|_| session(&time, &renewals)).collect();
        let (first, rest) = sessions.split_first().unwrap();
        let driver = rest.iter().fold(first.driver(), Driver::with);
        let mut fleet = Self { time, driver: Box::pin(driver), renewals, _sessions: sessions };
        fleet.poll();
        fleet
    }

    fn poll(&mut self) {
        assert!(self.driver.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }

    /// How long the driver works until all are renewed.
    fn pass(mut self) -> Duration {
        let started = Instant::now();
        let mut wakes = 0;
        while self.renewals.load(SeqCst) < SESSIONS {
            assert!(self.time.advance_to_next(), "nothing is due any more");
            self.poll();
            wakes += 1;
        }
        let taken = started.elapsed();
        assert!(wakes < 100, "renewals share wake-ups: {wakes}");
        taken
    }
}

fn session(time: &ManualTime, renewals: &Arc<AtomicUsize>) -> Session {
    let renewals = Arc::clone(renewals);
    let grant = grant_fn(move |_: TokenRequest| {
        renewals.fetch_add(1, SeqCst);
        std::future::ready(Ok::<_, GrantError>(set(NEXT)))
    });
    let session = Session::builder(grant).time(time.clone()).build().unwrap();
    session.login(set(LIFE)).now_or_never().unwrap().unwrap();
    session
}

fn set(lifetime: Duration) -> TokenSet {
    TokenSet::new("access").refresh_token("refresh").expires_in(lifetime)
}

fn minute(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("driver");
    group.sampling_mode(SamplingMode::Flat).sample_size(10).throughput(Throughput::Elements(SESSIONS as u64));
    group.bench_function("10,000 sessions due in one minute", |bencher| {
        bencher.iter_custom(|iterations| (0..iterations).map(|_| Fleet::new().pass()).sum());
    });
    group.finish();
}

criterion_group!(benches, minute);
criterion_main!(benches);

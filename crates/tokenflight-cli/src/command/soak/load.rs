//! The workers.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use fastrand::Rng;
use http::StatusCode;
use tokio::task::JoinSet;

use super::{
    api::{self, Api},
    interrupt::Interrupt,
};
use crate::{args::Soak, clock};

/// What the workers saw. Cloning shares.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally(Arc<Mutex<Counts>>);

/// The numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    /// Requests, however they ended.
    pub(super) requests: u64,
    /// Requests whose caller gave up.
    pub(super) cancelled: u64,
    /// 401s that reached a caller.
    pub(super) unauthorized: u64,
    /// Other failures, in words.
    pub(super) errors: BTreeMap<String, u64>,
    /// What a request takes of late: how long a caller waits that gives up.
    usual: Duration,
}

impl Counts {
    /// Requests that failed without having been given up.
    pub(super) fn failed(&self) -> u64 {
        self.unauthorized + self.errors.values().sum::<u64>()
    }
}

impl Tally {
    pub(super) fn read(&self) -> Counts {
        self.open().clone()
    }

    fn usual(&self) -> Duration {
        self.open().usual
    }

    fn served(&self, took: Duration) {
        let mut counts = self.open();
        counts.requests += 1;
        counts.usual = if counts.usual.is_zero() { took } else { (counts.usual * 7 + took) / 8 };
    }

    fn refused(&self) {
        let mut counts = self.open();
        counts.requests += 1;
        counts.unauthorized += 1;
    }

    fn cancelled(&self) {
        let mut counts = self.open();
        counts.requests += 1;
        counts.cancelled += 1;
    }

    fn failed(&self, words: String) {
        let mut counts = self.open();
        counts.requests += 1;
        *counts.errors.entry(words).or_default() += 1;
    }

    fn open(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs all workers until the time is over or the run ends early; resolves after the last request.
pub(super) async fn run(asked: &Soak, api: &Api, tally: &Tally, end: Duration, interrupt: &Interrupt) {
    let mut workers = JoinSet::new();
    for _ in 0..asked.workers {
        let (api, tally, interrupt) = (api.clone(), tally.clone(), interrupt.clone());
        let (cancel, pause) = (asked.cancel, asked.pause);
        workers.spawn(Worker { api, tally, end, cancel, pause, interrupt, random: Rng::new() }.work());
    }
    while let Some(worker) = workers.join_next().await {
        if worker.is_err() {
            tally.failed("a worker panicked".to_owned());
        }
    }
}

struct Worker {
    api: Api,
    tally: Tally,
    end: Duration,
    cancel: f64,
    pause: Duration,
    interrupt: Interrupt,
    random: Rng,
}

impl Worker {
    async fn work(mut self) {
        loop {
            // Spread out, or all workers would go on asking at the same moments.
            let pause = self.pause.mul_f64(2.0 * self.random.f64());
            let left = self.end.saturating_sub(clock::boot());
            let interrupted = self.interrupt.unless(clock::sleep(pause.min(left))).await.is_err();
            if interrupted || clock::boot() >= self.end {
                return;
            }
            self.ask().await;
        }
    }

    async fn ask(&mut self) {
        let begin = clock::boot();
        // A moment when the request is usually still under way; unknown before the first answer.
        let usual = Some(self.tally.usual()).filter(|usual| !usual.is_zero() && self.random.f64() < self.cancel);
        let patience = usual.map(|usual| usual.mul_f64(self.random.f64()));
        let give_up = async {
            match patience {
                Some(patience) => clock::sleep(patience).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            result = self.api.ask() => match result {
                Ok(StatusCode::UNAUTHORIZED) => self.tally.refused(),
                Ok(status) if status.is_success() => self.tally.served(clock::boot().saturating_sub(begin)),
                Ok(status) => self.tally.failed(format!("the resource answered {}", status.as_u16())),
                Err(error) => self.tally.failed(api::words(&error)),
            },
            () = give_up => self.tally.cancelled(),
        }
    }
}

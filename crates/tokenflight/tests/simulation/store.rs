//! A store with weather.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::FutureExt;
use tokenflight::{BoxFuture, Epoch, Generation, GrantKey, Record, Store};
use tokenflight_core::lease::{Claim, Commit, End, Lease, Owner, Reset, Settle, StoreError, Write};
use tokenflight_test::{ManualTime, ModelStore};

use super::judge::Judge;

/// What store operations meet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) down: bool,
    pub(crate) failures: u8,
    pub(crate) slowness: u8,
    /// What a slow operation takes at most.
    pub(crate) slowest: Duration,
    /// Operations between their first poll and their end.
    pub(crate) under_way: u32,
}

/// The model store, slow and unreliable. Cloning shares.
#[derive(Clone)]
pub(crate) struct Weathered {
    pub(crate) model: ModelStore,
    pub(crate) weather: Arc<Mutex<Weather>>,
    time: ManualTime,
    judge: Arc<Judge>,
    random: Arc<Mutex<fastrand::Rng>>,
}

/// What one operation meets, drawn when it begins.
struct Fate {
    before: Duration,
    after: Duration,
    fails_before: bool,
    fails_after: bool,
    /// If nobody waits for it any more it takes effect all the same.
    late: bool,
}

/// An operation under way.
struct Under<'a, T> {
    store: &'a Weathered,
    key: &'a GrantKey,
    op: Option<BoxFuture<'a, T>>,
    late: bool,
}

impl<T> Under<'_, T> {
    /// The effect; the model's operations are done by their first poll.
    fn effect(&mut self) -> Option<T> {
        let result = self.op.take()?.now_or_never();
        self.store.judge.stored(self.store.model.record(self.key));
        result
    }
}

impl<T> Drop for Under<'_, T> {
    fn drop(&mut self) {
        if self.late {
            self.effect();
        }
        self.store.weather().under_way -= 1;
    }
}

impl Weathered {
    pub(crate) fn new(time: &ManualTime, judge: &Arc<Judge>, random: fastrand::Rng) -> Self {
        Self {
            model: ModelStore::new(),
            weather: Arc::default(),
            time: time.clone(),
            judge: Arc::clone(judge),
            random: Arc::new(Mutex::new(random)),
        }
    }

    pub(crate) fn weather(&self) -> MutexGuard<'_, Weather> {
        self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) -> Fate {
        let weather = self.weather().clone();
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wait = || match random.u8(..) {
            chance if chance < weather.slowness => weather.slowest.mul_f64(random.f64()),
            chance if chance > 200 => Duration::from_millis(random.u64(1..40)),
            _ => Duration::ZERO,
        };
        let (before, after) = (wait(), wait());
        let fails = weather.down || random.u8(..) < weather.failures;
        let (late, done) = (random.bool(), random.bool() && !weather.down);
        Fate { before, after, fails_before: fails && !done, fails_after: fails && done, late }
    }

    fn run<'a, T: Send + 'a>(
        &'a self,
        key: &'a GrantKey,
        op: BoxFuture<'a, Result<T, StoreError>>,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        Box::pin(async move {
            let fate = self.draw();
            self.weather().under_way += 1;
            let mut under = Under { store: self, key, op: Some(op), late: fate.late };
            self.pause(fate.before).await;
            if fate.fails_before {
                under.op = None;
                return Err(StoreError::new("a storm"));
            }
            let result = under.effect();
            self.pause(fate.after).await;
            match result {
                Some(result) if !fate.fails_after => result,
                _ => Err(StoreError::new("a storm, too late")),
            }
        })
    }

    async fn pause(&self, duration: Duration) {
        if !duration.is_zero() {
            tokenflight::Time::sleep(&self.time, duration).await;
        }
    }
}

impl Store for Weathered {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Option<Record>, StoreError>> {
        self.run(key, self.model.load(key))
    }

    fn lease<'a>(&'a self, key: &'a GrantKey, claim: Claim) -> BoxFuture<'a, Result<Lease, StoreError>> {
        self.run(key, self.model.lease(key, claim))
    }

    fn intend<'a>(&'a self, key: &'a GrantKey, owner: Owner) -> BoxFuture<'a, Result<bool, StoreError>> {
        self.run(key, self.model.intend(key, owner))
    }

    fn commit<'a>(&'a self, key: &'a GrantKey, commit: Commit) -> BoxFuture<'a, Result<Write, StoreError>> {
        self.run(key, self.model.commit(key, commit))
    }

    fn end<'a>(&'a self, key: &'a GrantKey, end: End) -> BoxFuture<'a, Result<Write, StoreError>> {
        self.run(key, self.model.end(key, end))
    }

    fn settle<'a>(&'a self, key: &'a GrantKey, owner: Owner, outcome: Settle) -> BoxFuture<'a, Result<(), StoreError>> {
        self.run(key, self.model.settle(key, owner, outcome))
    }

    fn reset<'a>(&'a self, key: &'a GrantKey, reset: Reset) -> BoxFuture<'a, Result<(Epoch, Generation), StoreError>> {
        self.run(key, self.model.reset(key, reset))
    }
}

//! A store with weather.

use std::future::pending;

use futures_util::FutureExt;
use tokenflight::Store;
use tokenflight_core::store::{Body, Op, OpId, Reply, Seen, StoreError, apply};
use tokenflight_test::ModelStore;

use crate::prelude::*;

/// What store operations meet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Weather {
    pub(crate) down: bool,
    /// Share of the operations that meet a trouble, of 256.
    pub(crate) troubles: u8,
    /// Whether such an operation may never be answered.
    pub(crate) hangs: bool,
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
    knobs: Arc<Knobs>,
    inbox: Inbox,
    random: Arc<Mutex<fastrand::Rng>>,
}

/// What one operation meets, drawn when it begins.
struct Fate {
    before: Duration,
    after: Duration,
    trouble: Trouble,
    /// How long a write travels whose answer is lost.
    travels: Duration,
    /// If no task waits for it any more it takes effect all the same.
    goes_on: bool,
}

/// An operation under way.
struct Under<'a> {
    store: &'a Weathered,
    key: &'a GrantKey,
    op: Option<Op>,
    goes_on: bool,
}

const STORM: &str = "a storm";

impl Under<'_> {
    /// The effect; the model's operations are done by their first poll.
    fn effect(&mut self) -> Option<Result<Reply, StoreError>> {
        let result = self.store.model.apply(self.key, self.op.take()?).now_or_never();
        self.store.note(self.key);
        result
    }
}

impl Drop for Under<'_> {
    fn drop(&mut self) {
        if self.goes_on {
            self.effect();
        }
        self.store.weather().under_way -= 1;
    }
}

impl Weathered {
    pub(crate) fn new(
        time: &ManualTime,
        judge: &Arc<Judge>,
        knobs: &Arc<Knobs>,
        inbox: Inbox,
        random: fastrand::Rng,
    ) -> Self {
        Self {
            model: ModelStore::new(),
            weather: Arc::default(),
            time: time.clone(),
            judge: Arc::clone(judge),
            knobs: Arc::clone(knobs),
            inbox,
            random: Arc::new(Mutex::new(random)),
        }
    }

    pub(crate) fn weather(&self) -> MutexGuard<'_, Weather> {
        self.weather.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, key: &GrantKey) {
        self.judge.stored(self.model.entry(key));
    }

    fn draw(&self, kind: OpKind) -> Fate {
        let weather = self.weather().clone();
        let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wait = || match (random.u8(..), random.f64()) {
            (chance, share) if chance < weather.slowness && self.knobs.fire(Knob::StoreSlow) => {
                weather.slowest.mul_f64(share)
            }
            (chance, share) if chance > 200 => Duration::from_millis(40).mul_f64(share),
            _ => Duration::ZERO,
        };
        let (before, after) = (wait(), wait());
        // What is rare meets trouble more often.
        let rare = match kind {
            OpKind::End => 8,
            OpKind::Settle => 4,
            _ => 1,
        };
        let (troubled, which) = (random.u8(..) < weather.troubles.saturating_mul(rare), random.usize(..));
        let (goes_on, travels) = (random.bool(), random.f64());
        let trouble = if weather.down && self.knobs.fire(Knob::StoreDown) {
            if which % 2 == 0 { Trouble::Fail } else { Trouble::Unknown }
        } else if troubled {
            self.trouble(kind, which, weather.hangs)
        } else {
            Trouble::None
        };
        let most = if trouble == Trouble::Zombie { 100 } else { 1 };
        let travels = Duration::from_secs(most).mul_f64(travels);
        Fate { before, after, trouble, travels, goes_on }
    }

    fn trouble(&self, kind: OpKind, which: usize, hangs: bool) -> Trouble {
        use Trouble::{Fail, FailAfter, Hang, HangAfter, Late, Unknown, Zombie};
        let all = [Fail, Unknown, FailAfter, Late, Zombie, Hang, HangAfter];
        let trouble = all[which % if hangs { all.len() } else { all.len() - 2 }];
        let knobs = [Some(Knob::of_op(kind)), Knob::of_trouble(trouble)];
        let happens = knobs.iter().flatten().all(|knob| self.knobs.has(*knob));
        if happens {
            for knob in knobs.iter().flatten() {
                let _ = self.knobs.fire(*knob);
            }
        }
        if happens { trouble } else { Trouble::None }
    }

    async fn do_apply(&self, key: &GrantKey, op: Op) -> Result<Reply, StoreError> {
        let fate = self.draw(kind(&op.body));
        self.weather().under_way += 1;
        let (name, what) = (op.id.get() as u32, kind(&op.body));
        let note = |when: &str| self.judge.say(|| format!("{:?} {what:?} {name:x} {when}", self.time.now().boot));
        note(&format!("begins, {:?}", fate.trouble));
        let mut under = Under { store: self, key, op: Some(op), goes_on: fate.goes_on };
        self.pause(fate.before).await;
        let tried = self.model.entry(key);
        let lost = || StoreError::unknown(STORM).computed_on(tried.clone());
        match fate.trouble {
            Trouble::Fail | Trouble::Unknown | Trouble::Hang => under.op = None,
            Trouble::Late | Trouble::Zombie => {
                if let Some(op) = under.op.take() {
                    self.send(key, &op, tried.clone(), fate.travels);
                }
            }
            _ => {}
        }
        let result = under.effect();
        note("takes effect");
        self.pause(fate.after).await;
        note("ends");
        match (fate.trouble, result) {
            (Trouble::Fail, _) => Err(StoreError::not_done(STORM)),
            (Trouble::Hang | Trouble::HangAfter, _) => pending().await,
            (Trouble::None, Some(result)) => result,
            _ => Err(lost()),
        }
    }

    /// A write on its way, also of a process that is gone: it was computed on this entry, and lands
    /// if that is still the stored one.
    fn send(&self, key: &GrantKey, op: &Op, on: Option<Entry>, travels: Duration) {
        let (Some(next), _) = apply(on.as_ref(), op, &self.model.facts()) else { return };
        let (store, key) = (self.clone(), key.clone());
        let version = |entry: Option<&Entry>| entry.map_or(OpId::NONE, |entry| entry.op);
        let writing = async move {
            store.pause(travels).await;
            if version(store.model.entry(&key).as_ref()) == version(on.as_ref()) {
                store.model.set_entry(&key, Some(next));
                store.judge.say(|| "a write on its way lands".to_owned());
                store.note(&key);
            }
        };
        self.inbox.leave(Left { name: "a write on its way", kind: Kind::Storage, work: Box::pin(writing) });
    }

    async fn do_load(&self, key: &GrantKey) -> Result<Seen, StoreError> {
        let fate = self.draw(OpKind::Load);
        self.weather().under_way += 1;
        let _under = Under { store: self, key, op: None, goes_on: false };
        self.pause(fate.before).await;
        let seen = self.model.load(key).await;
        self.pause(fate.after).await;
        match fate.trouble {
            Trouble::None => seen,
            Trouble::Fail => Err(StoreError::not_done(STORM)),
            Trouble::Hang | Trouble::HangAfter => pending().await,
            _ => Err(StoreError::unknown(STORM)),
        }
    }

    async fn pause(&self, duration: Duration) {
        if !duration.is_zero() {
            self.time.sleep(duration).await;
        }
    }
}

const fn kind(body: &Body) -> OpKind {
    match body {
        Body::Claim { .. } => OpKind::Claim,
        Body::Commit { .. } => OpKind::Commit,
        Body::End { .. } => OpKind::End,
        Body::Settle { .. } => OpKind::Settle,
        Body::Reset { .. } => OpKind::Reset,
        Body::Again { .. } => OpKind::Again,
    }
}

impl Store for Weathered {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        Box::pin(self.do_load(key))
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        Box::pin(self.do_apply(key, op))
    }

    fn is_private(&self) -> bool {
        self.model.is_private()
    }
}

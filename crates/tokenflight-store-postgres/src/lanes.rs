//! Batches: what waits while a statement is under way goes out together as the next one.
//!
//! One backend of the server makes one commit durable at a time, so many small statements on few
//! connections wait in a line. A few lanes that each take all that waits commit as a group: the
//! busier the store, the larger the group.
//!
//! Two lanes that write are kept in [balance](Job::BALANCED). The server syncs its log for one
//! commit after the other: what a second writer sends while the first one syncs is synced after it,
//! and what comes after that waits for both. So a lane beside a busy one begins when as much waits
//! as that one has under way, or when it is [late](LATE).
//!
//! What [may wait](Job::may_wait) is gathered for a moment, so that a hundred sessions that wait
//! for other hosts ask together.
//!
//! A lane is a task that lives while there is work, so that work goes on whether its caller is
//! polled, dropped or kept. At rest there is none.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::PostgresError;

/// A lane that has taken nothing for so long may be held up, by a line that is half open or a row
/// that is locked: its neighbour takes what waits.
const LATE: Duration = Duration::from_millis(50);

/// What need not be done at once is done together, this often.
pub(crate) const GATHER: Duration = Duration::from_millis(20);

/// Work that is done in batches.
pub(crate) trait Job: Send + Sized + 'static {
    /// What all batches need.
    type Core: Send + Sync + 'static;

    /// Whether a lane beside busy ones waits until as much waits as they have under way.
    const BALANCED: bool;

    /// Whether it need not be done at once. It is done with what must be, if there is any.
    fn may_wait(&self) -> bool {
        false
    }

    /// Takes the next batch: something, unless nothing waits.
    fn take(waiting: &mut VecDeque<Self>) -> Vec<Self>;

    /// Does it, and tells its waiters.
    fn run(core: &Self::Core, batch: Vec<Self>) -> impl Future<Output = ()> + Send;
}

/// The lanes for one kind of work.
pub(crate) struct Lanes<J> {
    state: Mutex<State<J>>,
    /// Enough waits, or something that must not, or a lane has ended early.
    hurry: Notify,
    most: usize,
}

struct State<J> {
    waiting: VecDeque<J>,
    lanes: usize,
    under_way: usize,
    /// Batches so far.
    taken: u64,
    /// When a batch of what may wait was last begun.
    gathered: Option<Instant>,
    /// A lane waits to begin the next one.
    gathering: bool,
}

impl<J: Job> Lanes<J> {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        let state =
            State { waiting: VecDeque::new(), lanes: 0, under_way: 0, taken: 0, gathered: None, gathering: false };
        Arc::new(Self { state: Mutex::new(state), hurry: Notify::new(), most })
    }

    /// Has it done, by a lane that is there or by a new one.
    pub(crate) fn submit(self: &Arc<Self>, core: &Arc<J::Core>, job: J) -> Result<(), PostgresError> {
        let runtime = Handle::try_current().map_err(|_| PostgresError::NoRuntime)?;
        let mut state = self.lock();
        let (gathers, may_wait) = (state.gathering, job.may_wait());
        state.waiting.push_back(job);
        let hurries = (J::BALANCED && state.waiting.len() == state.under_way) || (gathers && !may_wait);
        let is_new = state.lanes < self.most && !(gathers && may_wait);
        state.lanes += usize::from(is_new);
        drop(state);
        if is_new {
            runtime.spawn(Lane { lanes: Some(Arc::clone(self)), under_way: 0, gathers: false }.work(Arc::clone(core)));
        } else if hurries {
            self.hurry.notify_one();
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J: Job> State<J> {
    /// Until when all that waits is gathered, if it may wait. If it is time, the next time begins.
    fn gathers(&mut self, now: Instant) -> Option<Instant> {
        if self.waiting.is_empty() || !self.waiting.iter().all(J::may_wait) {
            return None;
        }
        let until = self.gathered.map(|last| last + GATHER).filter(|until| now < *until);
        if until.is_none() {
            self.gathered = Some(now);
        }
        until
    }
}

/// One lane. It counts as one until it has ended, which its runtime may have it do at any time.
struct Lane<J: Job> {
    lanes: Option<Arc<Lanes<J>>>,
    under_way: usize,
    gathers: bool,
}

/// What a lane does next.
enum Next<J> {
    Run(Vec<J>),
    /// Another lane is busy, and so many batches were taken so far.
    Wait(u64),
    /// All that waits may wait until then.
    Gather(Instant),
    End,
}

impl<J: Job> Lane<J> {
    async fn work(mut self, core: Arc<J::Core>) {
        // The number of batches at which the busy lane is held up.
        let mut late = None;
        loop {
            match self.next(late) {
                Next::Run(batch) => J::run(&core, batch).await,
                Next::Wait(taken) => late = self.hurried(Instant::now() + LATE).await.is_none().then_some(taken),
                Next::Gather(until) => _ = self.hurried(until).await,
                Next::End => return,
            }
        }
    }

    /// The next batch, or this lane's end: in one step, or what comes between waits for nothing.
    fn next(&mut self, late: Option<u64>) -> Next<J> {
        let Some(lanes) = &self.lanes else { return Next::End };
        let mut state = lanes.lock();
        state.under_way -= std::mem::take(&mut self.under_way);
        state.gathering &= !std::mem::take(&mut self.gathers);
        let gathered = state.gathers(Instant::now());
        if let Some(until) = gathered.filter(|_| !state.gathering) {
            (state.gathering, self.gathers) = (true, true);
            return Next::Gather(until);
        }
        let waiting = state.waiting.len();
        if J::BALANCED && waiting > 0 && waiting < state.under_way && late != Some(state.taken) {
            return Next::Wait(state.taken);
        }
        // What another lane gathers is that lane's.
        let batch = if gathered.is_some() { Vec::new() } else { J::take(&mut state.waiting) };
        if batch.is_empty() {
            state.lanes -= 1;
            drop(state);
            self.lanes = None;
            return Next::End;
        }
        self.under_way = batch.len();
        state.under_way += batch.len();
        state.taken += 1;
        Next::Run(batch)
    }

    /// Waits for a hurry, until then.
    async fn hurried(&self, until: Instant) -> Option<()> {
        let lanes = self.lanes.as_ref()?;
        #[allow(clippy::disallowed_methods)] // A store has no session whose `Time` could be asked.
        timeout_at(until, lanes.hurry.notified()).await.ok()
    }
}

impl<J: Job> Drop for Lane<J> {
    fn drop(&mut self) {
        let Some(lanes) = &self.lanes else { return };
        // A panic, or a runtime that ended. What is left tells its callers by being dropped,
        // without the lock.
        let mut state = lanes.lock();
        state.lanes -= 1;
        state.under_way -= self.under_way;
        state.gathering &= !self.gathers;
        let left = if state.lanes == 0 { std::mem::take(&mut state.waiting) } else { VecDeque::new() };
        drop(state);
        drop(left);
        lanes.hurry.notify_one();
    }
}

#[cfg(test)]
mod tests;

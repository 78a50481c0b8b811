//! Batches: what waits while a statement is under way goes out together as the next one.
//!
//! One backend of the server makes one commit durable at a time, so many small statements on few connections wait in a line.
//! A few lanes that each take all that waits commit as a group: the busier the store, the larger the group.
//!
//! A lane is a task that lives while there is work, so that work goes on whether its caller is polled, dropped or kept. At
//! rest there is none.

use std::{
    collections::VecDeque,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::runtime::Handle;

use crate::PostgresError;

/// Work that is done in batches.
pub(crate) trait Job: Send + Sized + 'static {
    /// What all batches need.
    type Core: Send + Sync + 'static;

    /// Takes the next batch: something, unless nothing waits.
    fn take(waiting: &mut VecDeque<Self>) -> Vec<Self>;

    /// Does it, and tells those who wait for it.
    fn run(core: &Self::Core, batch: Vec<Self>) -> impl Future<Output = ()> + Send;
}

/// The lanes for one kind of work.
pub(crate) struct Lanes<J> {
    state: Mutex<State<J>>,
    most: usize,
}

struct State<J> {
    waiting: VecDeque<J>,
    lanes: usize,
}

impl<J: Job> Lanes<J> {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { state: Mutex::new(State { waiting: VecDeque::new(), lanes: 0 }), most })
    }

    /// Has it done, by a lane that is there or by a new one.
    pub(crate) fn submit(self: &Arc<Self>, core: &Arc<J::Core>, job: J) -> Result<(), PostgresError> {
        let runtime = Handle::try_current().map_err(|_| PostgresError::NoRuntime)?;
        let mut state = self.lock();
        state.waiting.push_back(job);
        if state.lanes < self.most {
            state.lanes += 1;
            drop(state);
            runtime.spawn(Lane { lanes: Some(Arc::clone(self)) }.work(Arc::clone(core)));
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One lane. It counts as one until it has ended, which its runtime may have it do at any time.
struct Lane<J: Job> {
    lanes: Option<Arc<Lanes<J>>>,
}

impl<J: Job> Lane<J> {
    async fn work(mut self, core: Arc<J::Core>) {
        while let Some(batch) = self.next() {
            J::run(&core, batch).await;
        }
    }

    /// The next batch, or the end of this lane: in one step, or what comes between the two waits for nothing.
    fn next(&mut self) -> Option<Vec<J>> {
        let lanes = self.lanes.as_ref()?;
        let mut state = lanes.lock();
        let batch = J::take(&mut state.waiting);
        if batch.is_empty() {
            state.lanes -= 1;
            drop(state);
            self.lanes = None;
            return None;
        }
        drop(state);
        Some(batch)
    }
}

impl<J: Job> Drop for Lane<J> {
    fn drop(&mut self) {
        let Some(lanes) = &self.lanes else { return };
        // A panic, or a runtime that ended. What is left tells its callers by being dropped, without the lock.
        let mut state = lanes.lock();
        state.lanes -= 1;
        let left = if state.lanes == 0 { std::mem::take(&mut state.waiting) } else { VecDeque::new() };
        drop(state);
        drop(left);
    }
}

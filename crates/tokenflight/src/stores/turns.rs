//! One piece of work a key at a time, which every task that waits for its turn can carry on.

use std::{collections::HashMap, future::Future};

use futures_util::future::{AbortHandle, Abortable, Aborted, FutureExt, Shared, WeakShared};
use tokenflight_core::{BoxFuture, store::GrantKey};

use crate::sync::{Arc, Mutex, lock};

/// The work under way, one piece a key.
///
/// An asynchronous lock that is held across an await belongs to a task that may stop being polled,
/// and then blocks all others. Here the work itself is shared: the tasks that wait for their turn
/// poll it, so it ends whether or not the task that began it is polled. If that task drops it, it
/// is dropped for all.
pub(super) struct Turns<T>(Arc<Mutex<Running<T>>>);

struct Running<T> {
    works: HashMap<GrantKey, (u64, WeakShared<Work<T>>)>,
    count: u64,
}

/// Its result is for the task that began it; the others only wait until it is over.
type Work<T> = Abortable<BoxFuture<'static, Outcome<T>>>;
type Outcome<T> = Arc<Mutex<Option<T>>>;

impl<T> Default for Turns<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Running { works: HashMap::new(), count: 0 })))
    }
}

impl<T: Send + 'static> Turns<T> {
    /// Does this when nothing else is done for the key.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the work, and lets the next one begin.
    pub(super) async fn take(&self, key: GrantKey, work: impl Future<Output = T> + Send + 'static) -> T {
        let (work, abort) = self.shared(key.clone(), work);
        let _abort = AbortOnDrop(abort);
        while let Some(earlier) = self.begin(&key, &work) {
            let _ = earlier.await;
        }
        let outcome = match work.1.await {
            Ok(outcome) => lock(&outcome).take(),
            Err(Aborted) => None,
        };
        outcome.expect("only this future aborts the work, and only this future takes its result")
    }

    /// Puts the work in place, or returns the one that is under way.
    fn begin(&self, key: &GrantKey, (number, work): &(u64, Shared<Work<T>>)) -> Option<Shared<Work<T>>> {
        let mut running = lock(&self.0);
        let earlier = running.works.get(key).and_then(|(_, earlier)| earlier.upgrade());
        if earlier.is_none()
            && let Some(work) = work.downgrade()
        {
            running.works.insert(key.clone(), (*number, work));
        }
        earlier
    }

    fn shared(
        &self,
        key: GrantKey,
        work: impl Future<Output = T> + Send + 'static,
    ) -> ((u64, Shared<Work<T>>), AbortHandle) {
        let number = {
            let mut running = lock(&self.0);
            running.count += 1;
            running.count
        };
        let end = EndOnDrop { turns: Self(Arc::clone(&self.0)), key, number };
        let work: BoxFuture<'static, _> = Box::pin(async move {
            let _end = end;
            Arc::new(Mutex::new(Some(work.await)))
        });
        let (handle, registration) = AbortHandle::new_pair();
        ((number, Abortable::new(work, registration).shared()), handle)
    }
}

/// The turn ends with the work: when it is done, or dropped.
struct EndOnDrop<T> {
    turns: Turns<T>,
    key: GrantKey,
    number: u64,
}

impl<T> Drop for EndOnDrop<T> {
    fn drop(&mut self) {
        let mut running = lock(&self.turns.0);
        if running.works.get(&self.key).is_some_and(|(number, _)| *number == self.number) {
            running.works.remove(&self.key);
        }
    }
}

struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

//! The list of those who wait, and the streams of events over it, under the model checker. A lost
//! wake is a deadlock.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use futures_util::StreamExt;
use shuttle::future::{JoinHandle, spawn};
use tokenflight_core::Event;

use super::Wakers;
use crate::{
    EventOrGap,
    flight::shuttle_tests::{check, done, exhaust, leave_after},
    session::{Events, Listeners},
    sync::{Arc, AtomicU64, Mutex, Ordering, lock},
};

/// So much of something, and those who wait for it.
#[derive(Default)]
struct Stock {
    count: Mutex<u64>,
    wakers: Wakers,
}

impl Stock {
    /// Takes one, as a presentation takes its place.
    async fn take(self: Arc<Self>) {
        loop {
            let listener = self.wakers.listen();
            if self.try_take() {
                return;
            }
            listener.await;
        }
    }

    fn try_take(&self) -> bool {
        let mut count = lock(&self.count);
        let some = *count > 0;
        *count -= u64::from(some);
        some
    }

    fn put(&self) -> u64 {
        let mut count = lock(&self.count);
        *count += 1;
        *count
    }

    fn takers<const N: usize>(self: &Arc<Self>) -> [JoinHandle<()>; N] {
        [(); N].map(|()| spawn(Arc::clone(self).take()))
    }

    /// A presentation that is cancelled while it waits, or makes room again.
    fn leaver(self: &Arc<Self>, give: fn(&Self)) -> JoinHandle<Option<()>> {
        let stock = Arc::clone(self);
        let take = async move {
            Arc::clone(&stock).take().await;
            give(&stock);
        };
        spawn(leave_after(1, Box::pin(take)))
    }

    fn givers<const N: usize>(self: &Arc<Self>, give: fn(&Self)) -> [JoinHandle<()>; N] {
        [(); N].map(|()| {
            let stock = Arc::clone(self);
            spawn(async move { give(&stock) })
        })
    }
}

/// One is put for each that stays, while another one comes and leaves with a wake or without.
fn as_many_as_wait(give: fn(&Stock)) {
    let stock = Arc::new(Stock::default());
    let leaver = stock.leaver(give);
    let takers = stock.takers::<2>();
    let givers = stock.givers::<2>(give);
    let _ = (givers.map(done), takers.map(done), done(leaver));
}

/// Each wake is for one.
fn one_wake_each() {
    as_many_as_wait(|stock| {
        stock.put();
        stock.wakers.wake_one_more();
    });
}

/// As many are woken as there is for them, and those who were woken before count.
fn as_many_as_there_are() {
    as_many_as_wait(|stock| {
        let count = stock.put();
        stock.wakers.wake(usize::try_from(count).unwrap());
    });
}

/// A change is seen by all who look, also by a task that changes its waker.
fn a_change_for_all() {
    let (stamp, wakers) = (Arc::new(AtomicU64::new(0)), Arc::new(Wakers::default()));
    let watch = || {
        let (stamp, wakers) = (Arc::clone(&stamp), Arc::clone(&wakers));
        Box::pin(async move {
            loop {
                let listener = wakers.listen();
                if stamp.load(Ordering::SeqCst) > 0 {
                    return;
                }
                listener.await;
            }
        })
    };
    let leaver = spawn(leave_after(1, watch()));
    // Polled once by a task that has gone, and then by another one.
    let mut moved = watch();
    let watchers = [
        spawn(watch()),
        spawn(async move {
            if leave_after(1, &mut moved).await.is_none() {
                done(spawn(moved));
            }
        }),
    ];
    let change = spawn({
        let (stamp, wakers) = (Arc::clone(&stamp), Arc::clone(&wakers));
        async move {
            stamp.store(1, Ordering::SeqCst);
            wakers.wake_all();
        }
    });
    let _ = (done(change), watchers.map(done), done(leaver));
}

const EVENTS: u64 = 3;

/// How many items there were until the stream ended.
async fn count(mut events: Events) -> u64 {
    let mut count = 0;
    while let Some(item) = events.next().await {
        assert!(matches!(item, EventOrGap::Event(Event::ProactiveOff)), "{item:?}");
        count += 1;
    }
    count
}

/// Each reader gets what is told while it listens, and then the end.
fn every_event_to_every_reader() {
    let listeners = Arc::new(Listeners::new(Vec::new()));
    let readers = [(); 2].map(|()| spawn(count(listeners.events())));
    let leaver = spawn(leave_after(1, Box::pin(count(listeners.events()))));
    let late = spawn({
        let listeners = Arc::clone(&listeners);
        async move {
            let events = listeners.events();
            drop(listeners);
            count(events).await
        }
    });
    let tells = spawn(async move { (0..EVENTS).for_each(|_| listeners.tell(&Event::ProactiveOff)) });
    done(tells);
    assert_eq!(readers.map(done), [EVENTS; 2]);
    assert!(done(late) <= EVENTS);
    let _ = done(leaver);
}

#[test]
fn a_wake_for_one_is_never_lost() {
    check("one wake each", one_wake_each);
    exhaust("one wake each", Some(2_000_000), one_wake_each);
    check("as many as there are", as_many_as_there_are);
    exhaust("as many as there are", Some(2_000_000), as_many_as_there_are);
}

#[test]
fn a_wake_for_all_is_never_lost() {
    check("a change for all", a_change_for_all);
    exhaust("a change for all", Some(2_000_000), a_change_for_all);
}

#[test]
fn every_reader_gets_every_event_and_the_end() {
    check("every event to every reader", every_event_to_every_reader);
    exhaust("every event to every reader", Some(2_000_000), every_event_to_every_reader);
}

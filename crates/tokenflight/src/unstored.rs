//! Storing a login, a logout or a rotation, with or without the session that it is of.

use std::time::Duration;

use tokenflight_core::{Error, ErrorKind, Event, Generation, store::Seen};
use tokenflight_machine::{Answered, Failure, Pending};

use crate::{
    catch::caught,
    flight::Flight,
    flights::Written,
    parts::{Applied, MOST_AGAIN, Parts, is_refused_by_ancestor, unknown},
    revoke::revoke,
    sync::{Arc, Weak},
};

/// How long to wait between two tries: at first, and at last.
const PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How often it is tried: half a minute, if the store fails at once.
const TRIES: usize = 10;

/// What was not stored when the last handle of its session went, and the generation told with it.
#[derive(Clone, Debug)]
pub(crate) struct Unstored {
    pub(crate) pending: Pending,
    pub(crate) generation: Generation,
}

impl Unstored {
    /// Tries until it is stored or has failed too often.
    pub(crate) async fn store(self, parts: Arc<Parts>) -> Written {
        let stored = caught(self.try_to_store(Arc::clone(&parts))).await;
        stored.unwrap_or_else(|panicked| {
            parts.tell(&Event::Abandoned);
            Err(Error::with_source(ErrorKind::Closed, panicked))
        })
    }

    async fn try_to_store(mut self, parts: Arc<Parts>) -> Written {
        if self.pending.is_unsettled() {
            let read = read(&parts, &self.pending).await;
            self.pending.settle(read.as_ref());
        }
        let applied = apply(&parts, &self.pending).await;
        self.store_from(parts, applied).await
    }

    /// As [`store`](Self::store), from this answer on. What was told as not stored is answered:
    /// there is no session that would.
    pub(crate) async fn store_from(mut self, parts: Arc<Parts>, applied: Applied) -> Written {
        let Self { pending, generation } = &mut self;
        let generation = *generation;
        let tell = |event, pending: &Pending| {
            if pending.is_told() {
                parts.tell(&event);
            }
        };
        let (mut pause, mut again, mut applied) = (PAUSE.0, 0, applied);
        let mut last = Error::new(ErrorKind::Closed);
        for _ in 0..TRIES {
            let Some(answer) = written_back(&parts, pending, applied, &mut again).await else {
                applied = apply(&parts, pending).await;
                continue;
            };
            match pending.answer(answer, parts.now()) {
                Answered::Stored { revoke: useless, .. } => {
                    tell(Event::Persisted { generation }, pending);
                    return Ok(revoke(&parts, &Weak::new(), useless).await);
                }
                Answered::Overtaken { revoke: useless, .. } => {
                    tell(Event::Overtaken { generation }, pending);
                    revoke(&parts, &Weak::new(), useless).await;
                    return Err(Error::new(ErrorKind::SessionChanged));
                }
                Answered::Again => {}
                Answered::Failed(error) => {
                    last = error;
                    if parts.pause(pause).await.is_err() {
                        break;
                    }
                    pause = (pause * 2).min(PAUSE.1);
                }
            }
            applied = apply(&parts, pending).await;
        }
        revoke(&parts, &Weak::new(), pending.take_useless()).await;
        parts.tell(&Event::Abandoned);
        Err(last)
    }
}

/// What is stored now, if the store can be read, and soon enough after this began. What the storage
/// has lost is written back first.
pub(crate) async fn read(parts: &Arc<Parts>, pending: &Pending) -> Option<Seen> {
    let mut seen = parts.load().await.ok()?;
    if let Some(again) = parts.again(pending.known(), &seen) {
        stay(parts.apply(again)).await.ok()?;
        seen = parts.load().await.ok()?;
    }
    pending.is_recent(parts.now(), parts.policy().store_limit).then_some(seen)
}

/// The answer, unless only a loss of the storage was in the way: what was lost is stored again by
/// now, and the write can be tried anew.
pub(crate) async fn written_back(
    parts: &Arc<Parts>,
    pending: &Pending,
    applied: Applied,
    again: &mut usize,
) -> Option<Applied> {
    if *again == MOST_AGAIN || !is_refused_by_ancestor(pending.known(), &applied) {
        return Some(applied);
    }
    *again += 1;
    let stored = match parts.lost(pending.known()).await {
        Ok(Some(op)) => stay(parts.apply(op)).await.map(drop),
        // Another process may have written it back.
        Ok(None) => Ok(()),
        Err(failure) => Err(failure),
    };
    stored.err().map(|failure| Err(Failure { tried: None, ..failure }))
}

pub(crate) async fn apply(parts: &Arc<Parts>, pending: &Pending) -> Applied {
    stay(parts.apply(pending.op(parts.now()))).await
}

pub(crate) async fn stay(flight: Flight<Applied>) -> Applied {
    match flight.stay() {
        Ok(stay) => stay.await,
        Err(_) => Err(unknown("the store waits for itself")),
    }
}

//! A store that says what it has done: claims granted, and token sets acknowledged.

use std::sync::Mutex;

use tokenflight::CellStore;
use tokenflight_core::{
    BoxFuture,
    store::{Body, Entry, Op, OpId, Reply, Seen, StoreError, StoredTokens},
};

use crate::prelude::*;

pub(crate) struct Told {
    store: CellStore<PostgresCell>,
    grant: usize,
    say: Say,
    time: TokioTime,
    /// The claim that was asked for last, and when it was for the first time: a try whose answer
    /// was lost may have made it.
    asked: Mutex<(OpId, Duration)>,
}

impl Told {
    pub(crate) fn new(cell: PostgresCell, grant: usize, say: Say) -> Self {
        Self {
            store: CellStore::new(cell),
            grant,
            say,
            time: TokioTime::new(),
            asked: Mutex::new((OpId::NONE, Duration::ZERO)),
        }
    }

    fn first_asked(&self, op: OpId) -> Duration {
        let mut asked = self.asked.lock().unwrap();
        if asked.0 != op {
            *asked = (op, self.time.now().boot);
        }
        asked.1
    }

    fn say(&self, what: What, step: Option<Step>) {
        let line = Line { what, grant: self.grant, step: step.unwrap_or_default(), at: self.time.now().boot };
        (self.say)(line);
    }
}

/// What is said of an operation that was answered.
enum About {
    Claim { asked: Duration },
    Commit(Option<Step>),
    Again(Option<Step>),
    Other,
}

pub(crate) fn step(tokens: &StoredTokens) -> Option<Step> {
    Step::of(tokens.refresh.as_ref()?.expose())
}

pub(crate) fn held(entry: &Entry) -> Option<Step> {
    entry.tokens().and_then(step)
}

impl Store for Told {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Seen, StoreError>> {
        self.store.load(key)
    }

    fn apply<'a>(&'a self, key: &'a GrantKey, op: Op) -> BoxFuture<'a, Result<Reply, StoreError>> {
        let about = match &op.body {
            Body::Claim { .. } => About::Claim { asked: self.first_asked(op.id) },
            Body::Commit { next, .. } => About::Commit(step(next)),
            Body::Again { record } => About::Again(held(record)),
            Body::End { .. } | Body::Settle { .. } | Body::Reset { .. } => About::Other,
        };
        Box::pin(async move {
            let reply = self.store.apply(key, op).await?;
            match (about, &reply) {
                (About::Claim { asked }, Reply::Granted(entry)) => self.say(What::Claimed { asked }, held(entry)),
                (About::Claim { .. }, _) => {}
                (About::Commit(step), Reply::Stored { .. }) => self.say(What::Stored, step),
                (About::Again(step), Reply::Stored { .. }) => self.say(What::WroteBack, step),
                (About::Again(_), _) => {}
                (About::Commit(_) | About::Other, _) => self.say(What::Over, None),
            }
            Ok(reply)
        })
    }
}

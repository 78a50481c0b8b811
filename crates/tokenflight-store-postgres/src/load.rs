//! Reading: all keys that are asked for at once, in one statement.

use std::{
    collections::{HashMap, VecDeque},
    sync::PoisonError,
};

use tokenflight_core::store::{Blob, Facts, GrantKey, Loaded, StoreError};
use tokio::sync::oneshot::Sender;

use crate::{PostgresError, clock, core::Core, facts::Said, lanes::Job};

/// How many keys one statement reads.
const MOST: usize = 512;

/// One key to be read.
pub(crate) struct Load {
    pub(crate) key: GrantKey,
    /// A session that waits for another host asks again.
    pub(crate) poll: bool,
    pub(crate) tell: Sender<Result<Loaded, StoreError>>,
}

impl Job for Load {
    type Core = Core;

    const BALANCED: bool = false;

    fn may_wait(&self) -> bool {
        self.poll
    }

    fn take(waiting: &mut VecDeque<Self>) -> Vec<Self> {
        let count = waiting.len().min(MOST);
        // The caller may have gone.
        let mut batch: Vec<Self> = waiting.drain(..count).filter(|load| !load.tell.is_closed()).collect();
        while batch.is_empty() {
            let Some(load) = waiting.pop_front() else { break };
            batch.extend(Some(load).filter(|load| !load.tell.is_closed()));
        }
        batch
    }

    async fn run(core: &Core, batch: Vec<Self>) {
        match read(core, &batch).await {
            Ok((facts, rows)) => {
                for load in batch {
                    // A key that was asked for twice is answered twice.
                    let bytes = rows.get(load.key.as_str()).cloned();
                    let _ = load.tell.send(Ok(Loaded::new(bytes, facts)));
                }
            }
            Err(error) => {
                for load in batch {
                    let _ = load.tell.send(Err(error.clone().into()));
                }
            }
        }
    }
}

/// What the server says of itself, and the records that there are.
async fn read(core: &Core, batch: &[Load]) -> Result<(Facts, HashMap<String, Blob>), PostgresError> {
    let keys = batch.iter().map(|load| load.key.as_str().to_owned()).collect();
    let sent = clock::boot();
    let answer = core.run(&core.table.load(keys)).await?;
    let answered = clock::boot();
    let (mut said, mut rows) = (None, HashMap::new());
    for row in answer.rows {
        match row.bytes {
            Some(record) => {
                rows.insert(row.text, record);
            }
            None => said = Said::read(&row.text),
        }
    }
    batch.iter().for_each(|load| core.polls.answered(&load.key, answered));
    let said = said.ok_or(PostgresError::Unreadable)?;
    if said.recovers {
        return Err(PostgresError::Standby);
    }
    let mut pace = core.pace.lock().unwrap_or_else(PoisonError::into_inner);
    Ok((pace.facts(&said, sent, answered), rows))
}

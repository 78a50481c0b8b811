//! Writing: swaps of different keys that come at once, in one statement.

use std::collections::{HashSet, VecDeque};

use tokenflight_core::store::{Blob, GrantKey, OpId, StoreError, Swap as Swapped, Version};
use tokio::sync::oneshot::Sender;

use crate::{PostgresError, core::Core, facts, lanes::Job, table::Change};

/// How many swaps one statement makes.
const MOST: usize = 256;

pub(crate) struct Swap {
    pub(crate) key: GrantKey,
    pub(crate) expected: Version,
    pub(crate) op: OpId,
    pub(crate) record: Blob,
    pub(crate) tell: Sender<Result<Swapped, StoreError>>,
}

impl Swap {
    /// First writes and replacements are two statements.
    fn is_first(&self) -> bool {
        self.expected.op == OpId::NONE
    }

    fn change(&self) -> Change<'_> {
        Change {
            key: &self.key,
            expected: self.expected.op,
            incarnation: facts::write(self.expected.incarnation),
            op: self.op,
            record: &self.record,
        }
    }
}

impl Job for Swap {
    type Core = Core;

    const BALANCED: bool = true;

    /// Of each key one: two in a statement would both see what was before it.
    fn take(waiting: &mut VecDeque<Self>) -> Vec<Self> {
        let Some(first) = waiting.front().map(Self::is_first) else { return Vec::new() };
        let (mut keys, mut batch, mut left) = (HashSet::new(), Vec::new(), VecDeque::new());
        while let Some(swap) = waiting.pop_front() {
            match batch.len() < MOST && swap.is_first() == first && keys.insert(swap.key.clone()) {
                true => batch.push(swap),
                false => left.push_back(swap),
            }
        }
        *waiting = left;
        batch
    }

    async fn run(core: &Core, batch: Vec<Self>) {
        let mut alone: Vec<Vec<Self>> = vec![batch];
        while let Some(batch) = alone.pop() {
            match write(core, &batch).await {
                Ok(stored) => {
                    for swap in batch {
                        let swapped = if stored.contains(swap.key.as_str()) { Swapped::Stored } else { Swapped::Lost };
                        let _ = swap.tell.send(Ok(swapped));
                    }
                }
                // One of them is not acceptable. The others are.
                Err(error) if batch.len() > 1 && is_of_one(&error) => {
                    alone.extend(batch.into_iter().map(|swap| vec![swap]))
                }
                Err(error) => {
                    for swap in batch {
                        let _ = swap.tell.send(Err(error.clone().into()));
                    }
                }
            }
        }
    }
}

/// Whether the error is about what was bound, not about the statement or the server.
fn is_of_one(error: &PostgresError) -> bool {
    matches!(error, PostgresError::Server { state, .. } if state.starts_with("22") || state.starts_with("23"))
}

/// The keys that were stored.
async fn write(core: &Core, batch: &[Swap]) -> Result<HashSet<String>, PostgresError> {
    let changes: Vec<Change<'_>> = batch.iter().map(Swap::change).collect();
    let answer = core.run(&core.table.swap(&changes)).await?;
    match answer.unreplicated {
        true => Err(PostgresError::Unreplicated),
        false => Ok(answer.rows.into_iter().map(|row| row.text).collect()),
    }
}

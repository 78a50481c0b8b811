use std::{fmt, sync::Arc};

use tokenflight_core::{
    BoxFuture,
    store::{Blob, Cell, GrantKey, Loaded, OpId, StoreError, Swap as Swapped, Version},
};
use tokio::sync::oneshot;

use crate::{
    PostgresError, clock,
    core::Core,
    durability::Durability,
    lanes::{Job, Lanes},
    load::Load,
    sql::Sql,
    swap::Swap,
    table::Table,
};

/// How many statements of a kind are under way at once. Each has a connection.
const LANES: usize = 2;

/// A [`Cell`] that is a row of a table in Postgres.
/// [`CellStore`](tokenflight_core::store::CellStore) makes a store of it. Cloning shares.
///
/// At most two statements that read and two that write are under way at once, the second that
/// writes only if as much waits as the first has, or the first takes long. What comes meanwhile
/// goes out together as the next one: sessions that wait for another host's claim all ask in one
/// statement, fifty times a second at most. A refresh reads once and writes twice, and holds no
/// row, transaction or connection while its request is on the way.
///
/// Claims are timed by the server's clock, as long as that keeps pace with this machine's boot
/// clock: a jump of more than five seconds ends the trust of this process until it starts anew, and
/// then claims are watched for their whole length. The wall clocks of clients decide nothing.
///
/// # Errors
///
/// A [`PostgresError`] is each [`StoreError`]'s source, with a table of what server errors mean.
///
/// # Panics
///
/// Never.
///
/// # Cancel safety
///
/// A write that was begun is made, whether its future is kept or not. A read is left out if its
/// future was dropped before it was sent.
#[derive(Clone)]
pub struct PostgresCell {
    core: Arc<Core>,
    loads: Arc<Lanes<Load>>,
    swaps: Arc<Lanes<Swap>>,
}

impl PostgresCell {
    /// What was found about durability.
    #[must_use]
    pub fn durability(&self) -> &Durability {
        &self.core.durability
    }

    pub(crate) fn new(sql: Box<dyn Sql>, table: Table, durability: Durability) -> Self {
        let core = Arc::new(Core::new(sql, table, durability));
        Self { core, loads: Lanes::new(LANES), swaps: Lanes::new(LANES) }
    }

    /// What its table is called.
    #[cfg(feature = "connections")]
    pub(crate) fn table(&self) -> &str {
        self.core.table.name()
    }

    /// Has a lane do it, and waits for the result. A lane that ends without one may have done it.
    async fn ask<J: Job<Core = Core>, T>(
        &self,
        lanes: &Arc<Lanes<J>>,
        key: &GrantKey,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> J,
    ) -> Result<T, StoreError> {
        if key.as_str().contains('\0') {
            return Err(PostgresError::Key.into());
        }
        let (tell, told) = oneshot::channel();
        lanes.submit(&self.core, job(tell))?;
        told.await.unwrap_or_else(|_| Err(PostgresError::lost("the tokio runtime that had the statement ended").into()))
    }
}

impl Cell for PostgresCell {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Loaded, StoreError>> {
        let poll = self.core.polls.is_poll(key, clock::boot());
        Box::pin(self.ask(&self.loads, key, move |tell| Load { key: key.clone(), poll, tell }))
    }

    fn swap<'a>(
        &'a self,
        key: &'a GrantKey,
        expected: Version,
        op: OpId,
        new: Blob,
    ) -> BoxFuture<'a, Result<Swapped, StoreError>> {
        self.core.polls.written(key);
        let job = move |tell| Swap { key: key.clone(), expected, op, record: new, tell };
        Box::pin(self.ask(&self.swaps, key, job))
    }
}

impl fmt::Debug for PostgresCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresCell").field("table", &self.core.table.name()).finish_non_exhaustive()
    }
}

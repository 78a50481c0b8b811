use std::fmt;

use tokenflight_core::{
    BoxFuture,
    store::{Blob, Cell, GrantKey, Loaded, OpId, StoreError, Swap, Version},
};

use super::{channel::Channel, heard::Name};
use crate::{Connections, PostgresCell};

/// A [`PostgresCell`] that tells the other hosts of what it wrote, and hears what they wrote.
///
/// A session that waits for another host's claim asks the database every 125 to 250 ms, all
/// sessions of a process in one statement. With notices it asks when there is something to see.
/// They are worth it where many hosts often want the same login at the same time; a refresh costs
/// the same without them.
///
/// * A notice is sent after the write and outside of it, on a connection of its own: `NOTIFY` in
///   the statement that writes has the server commit one after the other. What is written within 10
///   ms goes out in one statement.
/// * It holds hashes of keys, eight bytes each, and no key. The channel is called as the table is.
/// * One that is lost, because a connection ended, costs the rest of a pause.
/// * The connection needs a session of the server's: it must not lead through a proxy that shares
///   connections by transaction. Each cell has one, and a task of the runtime in which the cell is
///   first used drives it; it is made again when it ends, and goes when the last clone does.
///
/// ```no_run
/// use tokenflight_store_postgres::{Connections, PostgresCell};
///
/// # async fn open() -> Result<(), tokenflight_store_postgres::PostgresError> {
/// let cell = PostgresCell::open(Connections::new("postgres://app@/app?host=/run/pgbouncer")?).await?;
/// let cell = cell.notify(Connections::new("postgres://app@/app?host=/run/postgresql")?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct NotifyingCell {
    cell: PostgresCell,
    channel: Channel,
}

impl PostgresCell {
    /// The same cell, with notices over a connection of its own; see [`NotifyingCell`].
    #[must_use]
    pub fn notify(self, connections: Connections) -> NotifyingCell {
        let channel = Channel::new(self.table(), connections);
        NotifyingCell { cell: self, channel }
    }
}

impl NotifyingCell {
    /// The cell within.
    #[must_use]
    pub const fn get_ref(&self) -> &PostgresCell {
        &self.cell
    }
}

impl Cell for NotifyingCell {
    fn load<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, Result<Loaded, StoreError>> {
        self.cell.load(key)
    }

    fn swap<'a>(
        &'a self,
        key: &'a GrantKey,
        expected: Version,
        op: OpId,
        new: Blob,
    ) -> BoxFuture<'a, Result<Swap, StoreError>> {
        Box::pin(async move {
            let swapped = self.cell.swap(key, expected, op, new).await;
            // Also what may have been written.
            if !matches!(swapped, Ok(Swap::Lost)) {
                self.channel.tell(Name::of(key));
            }
            swapped
        })
    }

    fn changed<'a>(&'a self, key: &'a GrantKey) -> BoxFuture<'a, ()> {
        Box::pin(self.channel.changed(Name::of(key)))
    }
}

impl fmt::Debug for NotifyingCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifyingCell").field("cell", &self.cell).finish_non_exhaustive()
    }
}

use std::fmt;

use crate::{
    PostgresCell, PostgresError,
    check::check,
    sql::Sql,
    table::{NAME, Table},
};

/// Opens a [`PostgresCell`] with other settings than the usual ones.
///
/// ```no_run
/// use tokenflight_store_postgres::{Connections, PostgresCell};
///
/// # async fn open() -> Result<(), tokenflight_store_postgres::PostgresError> {
/// let connections = Connections::new("postgres://app@/app?host=/run/postgresql")?;
/// let cell = PostgresCell::builder(connections).table("auth.grants").require_durable().open().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until it is opened"]
pub struct Builder {
    sql: Box<dyn Sql>,
    table: String,
    durable: bool,
}

impl Builder {
    pub(crate) fn new(sql: Box<dyn Sql>) -> Self {
        Self { sql, table: NAME.to_owned(), durable: false }
    }

    /// Another table than `tokenflight_grants`, with its schema before a dot or without: lower-case letters, digits and `_`.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// Opens only if the server's disk has what the server acknowledges: `fsync` and `full_page_writes` are on, and
    /// `synchronous_commit` is not off. Without this, such settings are an event (feature `tracing`), and stand in
    /// [`PostgresCell::durability`].
    pub const fn require_durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Looks at the database, and opens.
    ///
    /// # Errors
    ///
    /// [`PostgresError`]: there is no connection, something is missing, or what is acknowledged is not durable.
    ///
    /// # Panics
    ///
    /// Never.
    ///
    /// # Cancel safety
    ///
    /// Nothing is written.
    pub async fn open(self) -> Result<PostgresCell, PostgresError> {
        let table = Table::new(&self.table)?;
        let answer = self.sql.run(&table.check()).await?;
        let found = check(&answer.rows, &table)?;
        if self.durable && !found.is_durable() {
            return Err(PostgresError::NotDurable { found });
        }
        #[cfg(feature = "tracing")]
        if !found.is_durable() {
            tracing::warn!(target: "tokenflight::store", %found, "the token store acknowledges what it may lose");
        }
        Ok(PostgresCell::new(self.sql, table, found))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("table", &self.table).field("durable", &self.durable).finish_non_exhaustive()
    }
}

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

impl PostgresCell {
    /// A cell over these connections, or over a pool, with other settings than the usual ones.
    pub fn builder(sql: impl Sql) -> Builder {
        Builder { sql: Box::new(sql), table: NAME.to_owned(), durable: false }
    }

    /// A cell over these connections, or over a pool.
    ///
    /// Looks at the table of [`SCHEMA`](crate::SCHEMA), privileges, encoding, durability.
    ///
    /// # Errors
    ///
    /// [`PostgresError`]: there is no connection, or something is missing.
    ///
    /// # Panics
    ///
    /// Never.
    ///
    /// # Cancel safety
    ///
    /// Nothing is written.
    pub async fn open(sql: impl Sql) -> Result<Self, PostgresError> {
        Self::builder(sql).open().await
    }
}

impl Builder {
    /// Another table than `tokenflight_grants`, with its schema before a dot or without: lower-case
    /// letters, digits and `_`.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// Opens only if the server's disk has what the server acknowledges: `fsync` and
    /// `full_page_writes` are on, and `synchronous_commit` is not off. Without this, such settings
    /// are an event (feature `tracing`), and stand in [`PostgresCell::durability`].
    pub const fn require_durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Looks at the database, and opens.
    ///
    /// # Errors
    ///
    /// [`PostgresError`]: there is no connection, something is missing, or what is acknowledged is
    /// not durable.
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

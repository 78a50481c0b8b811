//! A login in Postgres over a pool that the application has already.
//!
//! A pool serves as [`Sql`](tokenflight_store_postgres::Sql) when it runs one statement: unnamed,
//! by itself, within a time limit, and on a connection that is not used again if anything but an
//! answer came back.

use std::time::Duration;

mod deadpool;
mod sqlx;

pub use self::{deadpool::Deadpool, sqlx::Sqlx};

/// Less than the ten seconds that a session gives its store.
const LIMIT: Duration = Duration::from_secs(8);

//! A [store](tokenflight_core::store) in Postgres: several hosts share one login.
//!
//! [`PostgresCell`] is a row for each grant, that is read and compared-and-swapped by single
//! statements. Of all processes on all hosts one at a time presents the refresh token; what it
//! obtained is on the server's disk before it is used; and a write whose answer was lost is found
//! out, not guessed. `docs/several-hosts.md` in the repository says what is guaranteed, what a
//! failover, a pause or a crash can lose, and which test shows it.
//!
//! The table is created by its owner, with what `tokenflight postgres schema` prints ([`SCHEMA`]):
//! the store never changes it. Statements go to the primary. They need no session of the server's,
//! so a proxy such as pgbouncer may share connections by transaction.
//!
//! ```no_run
//! use tokenflight::{Session, TokenRequest, TokenSet, CellStore, GrantKey, grant_fn};
//! use tokenflight_store_postgres::{Connections, PostgresCell};
//!
//! # async fn open() -> Result<(), Box<dyn std::error::Error>> {
//! let connections = Connections::new("postgres://app:secret@db.internal/app?sslmode=require")?.native_roots()?;
//! let cell = PostgresCell::open(connections).await?;
//! // Stands for the token endpoint.
//! let grant = grant_fn(|_: TokenRequest| async { Ok(TokenSet::new("next").refresh_token("next")) });
//! let session = Session::builder(grant).key(GrantKey::new("alice")).store(CellStore::new(cell)).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! * `connections` (default): [`Connections`] of the store's own, by `tokio-postgres`.
//! * `rustls`: their encryption, and `native_roots`.
//! * `tracing`: a warning when a database is opened that acknowledges what it may lose.
//!
//! # Over a pool of the application's
//!
//! [`Sql`] is one function: run this statement. `examples/pools` in the repository implements it
//! for `sqlx` and for `deadpool-postgres`, and runs the contract over both. A pool should have four
//! connections more for each store.
//!
//! # Secrets
//!
//! Rows hold refresh tokens. The server writes what is bound to statements into its log if
//! `log_statement` or `log_min_duration_statement` has them logged: `log_parameter_max_length = 0`
//! keeps it from that.
#![forbid(unsafe_code)]

mod builder;
mod cell;
mod check;
mod clock;
#[cfg(feature = "connections")]
mod connections;
mod core;
mod durability;
mod error;
mod facts;
mod lanes;
mod load;
#[cfg(feature = "connections")]
mod notify;
mod polls;
mod sql;
mod states;
mod swap;
mod table;

pub use self::{
    builder::Builder,
    cell::PostgresCell,
    durability::Durability,
    error::PostgresError,
    sql::{Answer, Failure, Param, Row, Sql, Statement},
    table::SCHEMA,
};
#[cfg(feature = "connections")]
pub use self::{connections::Connections, notify::NotifyingCell};

//! A Postgres server for tests, on loopback, without root: found, started, stopped.
//!
//! Its programs are those of the folder that `TOKENFLIGHT_PG_BIN` names, of `PATH`, or of the
//! newest installation of Debian's. A server runs on data of its own in the temporary folder, and
//! ends with its [`Postgres`], or with the process, however that ends. Postgres refuses to run as
//! root; for root it runs in a user namespace, or as user 65534.
//!
//! ```
//! use tokenflight_test::postgres::Postgres;
//!
//! // Without an installation a line says that something was left out; where `CI` is set, that is a panic.
//! if let Some(server) = Postgres::start(&[("fsync", "off")]) {
//!     assert_eq!(server.sql("SELECT 1 + 1"), "2");
//! }
//! ```

mod find;
mod keeper;
mod server;

pub use self::server::{Postgres, Stop};

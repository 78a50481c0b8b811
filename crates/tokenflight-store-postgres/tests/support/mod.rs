//! What the tests over real servers share.
#![allow(dead_code, clippy::unwrap_used)] // Each test uses a part of it; helpers of tests are tests.

pub(crate) mod ops;
pub(crate) mod pgbouncer;
pub(crate) mod plain;
pub(crate) mod wrapped;

use std::{sync::OnceLock, time::Duration};

use tokenflight::time::TokioTime;
use tokenflight_store_postgres::{Connections, PostgresCell, SCHEMA};
use tokenflight_test::{
    contract::{Setting, WaitingClock},
    postgres::Postgres,
};

/// The application's role, which may do nothing with the table but use it.
pub(crate) const APP: &str = "app";

/// What it may do.
pub(crate) const USE: &str = "GRANT SELECT, INSERT, UPDATE ON tokenflight_grants TO app";

/// A server with the table and the application's role.
pub(crate) fn server(settings: &[(&str, &str)]) -> Option<Postgres> {
    let server = Postgres::start(settings)?;
    prepare(&server);
    Some(server)
}

/// One server for all tests of a program that leave it as it was. It does not sync its disk.
pub(crate) fn shared() -> Option<&'static Postgres> {
    static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
    SHARED.get_or_init(|| server(&[("fsync", "off")])).as_ref()
}

/// Says what a test left out. The harness captures what is printed, but not what is written.
pub(crate) fn skipped(what: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: {what}");
}

fn prepare(server: &Postgres) {
    server.sql("CREATE ROLE app LOGIN");
    server.sql(SCHEMA);
    server.sql(USE);
}

pub(crate) fn connections(server: &Postgres) -> Connections {
    Connections::new(&server.address(APP)).unwrap()
}

pub(crate) async fn cell(server: &Postgres) -> PostgresCell {
    PostgresCell::open(connections(server)).await.unwrap()
}

/// The server's clock cannot be moved: it is waited for.
pub(crate) fn setting(prefix: &str) -> Setting {
    let clock = WaitingClock(TokioTime::new());
    Setting::new().clock(clock).claim_length(Duration::from_secs(2)).prefix(prefix)
}
